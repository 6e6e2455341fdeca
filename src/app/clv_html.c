/* The page of `maxcart clv --html`: one file without scripts, plots as SVG. */
#include "app/clv_report.h"

#include "base/mem.h"
#include "base/sort.h"
#include <math.h>
#include <stdio.h>

/* ---- text ---- */

static void put_escaped(struct mc_buf *b, struct mc_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            mc_buf_printf(b, "&#%d;", c);
        else
            mc_buf_char(b, c);
    }
}

static void put_head(struct mc_buf *b, const char *file) {
    mc_buf_text(b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<title>What customers are worth</title>\n<style>\n"
                   "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
                   "color:#1b1f24;background:#fff}\n"
                   "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.2rem}\n"
                   "table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:right}\n"
                   "td:first-child,th:first-child{text-align:left}th{font-weight:600;border-bottom:1px solid #c9d1d9}\n"
                   "svg{width:100%;height:auto;max-width:46rem}p{max-width:46rem}.note{color:#57606a}\n"
                   "</style></head><body>\n<h1>What customers are worth</h1>\n<p class=\"note\">");
    put_escaped(b, mc_str_of(file));
    mc_buf_text(b, "</p>\n");
}

static void put_cell(struct mc_buf *b, double value, int decimals) {
    mc_buf_text(b, "<td>");
    mc_clv_put_number(b, value, decimals);
    mc_buf_text(b, "</td>");
}

/* ---- plots ---- */

enum { WIDTH = 720, HEIGHT = 300, LEFT = 70, RIGHT = 12, TOP = 30, BOTTOM = 40, TICKS = 4 };

static const char *const colour[] = {"#8c959f", "#0969da"};

static double y_of(double value, double top) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
}

/* The least of 1, 2, 2.5, 5 times a power of ten that is not below `value`. */
static double round_up(double value) {
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double power = pow(10, floor(log10(value)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * power >= value * (1 - 1e-9))
            return steps[i] * power;
    return value;
}

static void put_label(struct mc_buf *b, double x, double y, const char *anchor, const char *text) {
    mc_buf_printf(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text);
}

/* Opens a plot with its axis; returns the value at its top. */
static double plot_begin(struct mc_buf *b, const char *title, double greatest, const char *first, const char *second) {
    double top = greatest > 0 && isfinite(greatest) ? round_up(greatest) : 1;
    mc_buf_printf(b,
                  "<svg viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"system-ui,sans-serif\" font-size=\"12\" "
                  "fill=\"#57606a\"><title>%s</title>\n",
                  WIDTH, HEIGHT, title);
    for (int k = 0; k <= TICKS; k++) {
        double value = top * k / TICKS, y = y_of(value, top);
        struct mc_buf text = {0};
        mc_clv_put_number(&text, value, value < 10 && value != floor(value) ? 2 : 0);
        mc_buf_printf(b, "<path d=\"M%d %.1fH%d\" stroke=\"#d8dee4\"/>", LEFT, y, WIDTH - RIGHT);
        put_label(b, LEFT - 6, y + 4, "end", mc_buf_cstr(&text));
        mc_buf_free(&text);
    }
    mc_buf_printf(b, "<rect x=\"%d\" y=\"8\" width=\"12\" height=\"12\" fill=\"%s\"/>", LEFT, colour[0]);
    put_label(b, LEFT + 18, 18, "start", first);
    if (second != NULL) {
        mc_buf_printf(b, "<rect x=\"%d\" y=\"8\" width=\"12\" height=\"12\" fill=\"%s\"/>", LEFT + 160, colour[1]);
        put_label(b, LEFT + 178, 18, "start", second);
    }
    return top;
}

/* Pairs of bars; `names` below them; `second` may be NULL. */
static void plot_bars(struct mc_buf *b, const char *title, size_t count, const double *first, const double *second,
                      const char *const *names, const char *first_name, const char *second_name) {
    double greatest = 0, slot = (double)(WIDTH - LEFT - RIGHT) / (double)count,
           bar = second != NULL ? slot / 3 : slot / 2;
    for (size_t i = 0; i < count; i++)
        greatest = fmax(greatest, fmax(first[i], second != NULL ? second[i] : 0));
    double top = plot_begin(b, title, greatest, first_name, second_name);
    for (size_t i = 0; i < count; i++) {
        double x = LEFT + slot * (double)i + slot / 6;
        for (int k = 0; k < (second != NULL ? 2 : 1); k++) {
            double y = y_of(fmax(0, (k ? second : first)[i]), top);
            mc_buf_printf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x + k * bar,
                          y, bar, HEIGHT - BOTTOM - y, colour[k]);
        }
        put_label(b, x + bar * (second != NULL ? 1 : 0.5), HEIGHT - BOTTOM + 18, "middle", names[i]);
    }
    mc_buf_text(b, "</svg>\n");
}

static void put_day_label(struct mc_buf *b, double x, const char *anchor, int32_t day) {
    struct mc_buf text = {0};
    mc_clv_put_day(&text, day);
    put_label(b, x, HEIGHT - BOTTOM + 18, anchor, mc_buf_cstr(&text));
    mc_buf_free(&text);
}

static void put_curve(struct mc_buf *b, const struct mc_clv_track *track, bool predicted, double top) {
    mc_buf_printf(b, "<path fill=\"none\" stroke-width=\"2\" stroke=\"%s\" d=\"", colour[predicted]);
    for (int k = 0; k < MC_CLV_TRACK_POINTS; k++) {
        double x = LEFT + (double)(WIDTH - LEFT - RIGHT) * (k + 1) / MC_CLV_TRACK_POINTS;
        mc_buf_printf(b, "%c%.1f %.1f", k ? 'L' : 'M', x, y_of(predicted ? track[k].predicted : track[k].actual, top));
    }
    mc_buf_text(b, "\"/>\n");
}

static void put_tracking(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_track *t = r->track;
    double greatest = 0;
    if (t == NULL)
        return;
    mc_buf_text(b, "<h2>Tracking</h2>\n<p>Repeat purchases added up over time, and what the model says of the same "
                   "customers without ever being told what happened. Where the curves part, it is wrong.</p>\n");
    for (int k = 0; k < MC_CLV_TRACK_POINTS; k++)
        greatest = fmax(greatest, fmax(t[k].actual, t[k].predicted));
    double top = plot_begin(b, "Repeat purchases added up over time", greatest, "happened", "predicted");
    int32_t from = t[0].day, to = t[MC_CLV_TRACK_POINTS - 1].day;
    if (r->study->plan.end > r->study->plan.as_of && to > from) {
        double x = LEFT + (double)(WIDTH - LEFT - RIGHT) * (r->study->plan.as_of - from) / (to - from);
        mc_buf_printf(b, "<path d=\"M%.1f %dV%d\" stroke=\"#57606a\" stroke-dasharray=\"4 4\"/>", x, TOP,
                      HEIGHT - BOTTOM);
    }
    put_curve(b, t, false, top);
    put_curve(b, t, true, top);
    put_day_label(b, LEFT, "start", from);
    put_day_label(b, WIDTH - RIGHT, "end", to);
    mc_buf_text(b, "</svg>\n");
}

static void put_frequencies(struct mc_buf *b, const struct mc_clv_report *r) {
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7+"};
    double actual[MC_CLV_FREQUENCIES], predicted[MC_CLV_FREQUENCIES];
    for (int k = 0; k < MC_CLV_FREQUENCIES; k++) {
        actual[k] = r->frequency[k].actual;
        predicted[k] = r->frequency[k].predicted;
    }
    mc_buf_text(b, "<h2>Frequency</h2>\n<p>Customers by how often they bought again.</p>\n");
    plot_bars(b, "Customers by repeat purchases", MC_CLV_FREQUENCIES, actual, predicted, names, "happened", "model");
}

static const char *const tenths[] = {"best", "2", "3", "4", "5", "6", "7", "8", "9", "last"};

static void put_calibration(struct mc_buf *b, const struct mc_clv_report *r) {
    double actual[MC_CLV_DECILES], predicted[MC_CLV_DECILES];
    if (r->check == NULL)
        return;
    for (int k = 0; k < MC_CLV_DECILES; k++) {
        actual[k] = r->check->holdout.deciles[MC_CLV_DECILES - 1 - k].actual;
        predicted[k] = r->check->holdout.deciles[MC_CLV_DECILES - 1 - k].predicted;
    }
    mc_buf_text(b,
                "<h2>Calibration</h2>\n<p>Customers in tenths by forecast: purchases a customer in the time that was "
                "held back.</p>\n");
    plot_bars(b, "Purchases a customer by tenth of forecast", MC_CLV_DECILES, actual, predicted, tenths, "happened",
              "predicted");
}

static int compare_descending(const void *a, const void *b) {
    double p = *(const double *)a, q = *(const double *)b;
    return (p < q) - (p > q);
}

static void put_value(struct mc_buf *b, const struct mc_clv_report *r) {
    size_t count = r->study->count;
    double share[MC_CLV_DECILES] = {0}, total = 0, *spend = mc_malloc((count + 1) * sizeof *spend);
    if (spend == NULL) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        total += spend[i] = r->study->values[i].spend;
    mc_sort(spend, count, sizeof *spend, compare_descending);
    for (size_t i = 0; i < count && total > 0; i++)
        share[i * MC_CLV_DECILES / count] += 100 * spend[i] / total;
    mc_free(spend);
    mc_buf_text(b,
                "<h2>Where the value is</h2>\n<p>Percent of the expected spend that each tenth of the customers will "
                "bring.</p>\n");
    plot_bars(b, "Percent of expected spend by tenth of customers", MC_CLV_DECILES, share, NULL, tenths,
              "percent of expected spend", NULL);
}

/* ---- tables ---- */

static void put_words(struct mc_buf *b, const struct mc_clv_report *r) {
    struct mc_clv_by_word words[MC_CLV_WORDS];
    mc_clv_report_words(r, words);
    mc_buf_text(b, "<h2>The next ");
    mc_clv_put_number(b, r->study->plan.horizon, 0);
    mc_buf_printf(b,
                  " %ss</h2>\n<table><tr><th>state</th><th>customers</th><th>expected purchases</th>"
                  "<th>expected spend</th></tr>\n",
                  r->unit);
    for (int k = 0; k < MC_CLV_WORDS; k++) {
        mc_buf_printf(b, "<tr><td>%s</td>", mc_clv_word_name(k));
        put_cell(b, words[k].customers, 0);
        put_cell(b, words[k].transactions, 0);
        put_cell(b, words[k].spend, 2);
        mc_buf_text(b, "</tr>\n");
    }
    mc_buf_text(b, "</table>\n");
    if (r->study->corrected)
        mc_buf_printf(b, "<p class=\"note\">Corrected by %.3f, the bias that was measured in the newest stretch.</p>\n",
                      r->study->lesson.factor);
}

static void put_errors(struct mc_buf *b, const char *name, const struct mc_clv_errors *e) {
    mc_buf_printf(b, "<tr><td>%s</td>", name);
    put_cell(b, e->predicted, 1);
    put_cell(b, e->actual, 0);
    mc_buf_printf(b, "<td>%+.1f %%</td><td>%.4f</td><td>%.4f</td></tr>\n",
                  e->actual > 0 ? 100 * (e->predicted / e->actual - 1) : NAN, e->mae, e->rmse);
}

static void put_rival(struct mc_buf *b, const char *name, const struct mc_clv_ranking *r) {
    mc_buf_printf(b, "<tr><td>%s</td><td>%.4f</td><td>%.2f</td></tr>\n", name, r->gini, r->top_decile_lift);
}

static void put_rankings(struct mc_buf *b, const struct mc_clv_study *s) {
    mc_buf_text(b, "<table><tr><th>ranking by</th><th>Gini of spend</th><th>lift of the top tenth</th></tr>\n");
    for (int k = 0; k < MC_CLV_RANKINGS; k++) {
        if (k >= MC_CLV_BY_SCORE && !s->lesson.scored)
            continue;
        mc_buf_printf(b, "<tr><td>%s%s</td><td>%.4f</td><td>%.2f</td></tr>\n", mc_clv_ranked_by_text(k),
                      s->ranked_by == (enum mc_clv_ranked_by)k ? " (chosen)" : "", s->holdout.ranking[k].gini,
                      s->holdout.ranking[k].top_decile_lift);
    }
    put_rival(b, "number of purchases", &s->holdout.by_frequency);
    if (s->lesson.held)
        put_rival(b, "recency-frequency table", &s->holdout.by_table_ranking);
    mc_buf_text(b, "</table>\n");
}

static void put_check(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_study *s = r->check;
    mc_buf_text(b, "<h2>How far to trust this</h2>\n");
    if (s == NULL) {
        mc_buf_text(b, "<p>Not measured: the data is too short, or has no dates, to hold any of it back.</p>\n");
        return;
    }
    mc_buf_text(b, "<p>The same, said on ");
    mc_clv_put_day(b, s->plan.as_of);
    mc_buf_printf(
        b,
        " about the %.1f weeks after it, which the models had not seen.</p>\n"
        "<table><tr><th></th><th>predicted</th><th>happened</th><th>bias</th><th>MAE</th><th>RMSE</th></tr>\n",
        s->holdout.days / 7);
    put_errors(b, mc_clv_kind_title(s->model.kind), &s->holdout.transactions);
    if (s->lesson.held) {
        put_errors(b, "corrected by its past bias", &s->holdout.corrected);
        put_errors(b, "recency-frequency table", &s->holdout.by_table);
        put_errors(b, "one mean for all", &s->holdout.by_mean);
    }
    put_errors(b, "spend, by the model", &s->holdout.spend);
    mc_buf_text(b, "</table>\n");
    put_rankings(b, s);
}

static void put_note(struct mc_buf *b, const char *note) {
    if (note[0] != '\0')
        mc_buf_printf(b, "<p class=\"note\">Note: %s.</p>\n", note);
}

static void put_model(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_model *m = &r->study->model;
    mc_buf_printf(b, "<h2>Model</h2>\n<table><tr><th>%s</th><th>value</th><th>standard error</th></tr>\n",
                  mc_clv_kind_title(m->kind));
    for (int i = 0; i < MC_CLV_PARAMS && mc_clv_param_name(m->kind, i) != NULL; i++) {
        mc_buf_printf(b, "<tr><td>%s</td>", mc_clv_param_name(m->kind, i));
        put_cell(b, m->params[i], 4);
        put_cell(b, m->error[i], 4);
        mc_buf_text(b, "</tr>\n");
    }
    mc_buf_printf(b, "</table>\n<p class=\"note\">Log-likelihood %.3f.</p>\n<p class=\"note\">", m->log_likelihood);
    mc_clv_put_choice(b, r->study);
    mc_buf_char(b, ' ');
    mc_clv_put_correction(b, r->study);
    mc_buf_text(b, "</p>\n");
    put_note(b, mc_clv_note_text(m->note));
    put_note(b, mc_gg_note_text(r->study->spend.note));
}

void mc_clv_report_html(struct mc_buf *b, const struct mc_clv_report *r) {
    put_head(b, r->file);
    mc_buf_text(b, "<p>");
    mc_clv_put_number(b, (double)r->study->count, 0);
    mc_buf_text(b, " customers with ");
    mc_clv_put_number(b, r->study->counts.repeats, 0);
    mc_buf_text(b, " repeat purchases.</p>\n");
    put_words(b, r);
    put_check(b, r);
    put_tracking(b, r);
    put_calibration(b, r);
    put_frequencies(b, r);
    put_value(b, r);
    put_model(b, r);
    mc_buf_text(b, "</body></html>\n");
}

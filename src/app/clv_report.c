#include "app/clv_report.h"

#include "base/time.h"
#include <math.h>
#include <stdio.h>

enum { BEST_SHOWN = 10 };

/* ---- shared ---- */

void mc_clv_put_number(struct mc_buf *b, double value, int decimals) {
    char digits[400];
    if (!isfinite(value)) {
        mc_buf_text(b, "unknown");
        return;
    }
    int len = snprintf(digits, sizeof digits, "%.*f", decimals, value);
    int point = decimals > 0 ? len - decimals - 1 : len, first = digits[0] == '-';
    for (int i = 0; i < len; i++) {
        if (i > first && i < point && (point - i) % 3 == 0)
            mc_buf_char(b, ',');
        mc_buf_char(b, digits[i]);
    }
}

void mc_clv_put_day(struct mc_buf *b, int32_t day) {
    int year;
    unsigned month, date;
    mc_date_of_days(day, &year, &month, &date);
    mc_buf_printf(b, "%04d-%02u-%02u", year, month, date);
}

const char *mc_clv_ranked_by_text(enum mc_clv_ranked_by by) {
    static const char *const text[] = {
        [MC_CLV_BY_MODEL] = "the model's expected spend",
        [MC_CLV_BY_PAST] = "past spend",
        [MC_CLV_BY_SCORE] = "a score learnt from the store's own past",
        [MC_CLV_BY_BLEND] = "past spend and the learnt score together",
    };
    return text[by];
}

static void put_tried(struct mc_buf *b, const struct mc_clv_lesson *l) {
    const char *between = "";
    for (int k = 0; k < MC_CLV_KINDS; k++) {
        if (!l->tried[k])
            continue;
        mc_buf_printf(b, "%s%s %.4f (total %+.1f %%)", between, mc_clv_kind_title(k), l->errors[k].rmse,
                      l->errors[k].actual > 0 ? 100 * (l->errors[k].predicted / l->errors[k].actual - 1) : NAN);
        between = ", ";
    }
}

void mc_clv_put_choice(struct mc_buf *b, const struct mc_clv_study *s) {
    const struct mc_clv_lesson *l = &s->lesson;
    if (!s->plan.choose)
        mc_buf_printf(b, "%s was asked for", mc_clv_kind_title(s->model.asked));
    else if (!l->held)
        mc_buf_printf(b, "%s was chosen %s", mc_clv_kind_title(s->model.asked),
                      s->dated ? "unseen: the orders span too little time to try the models on"
                               : "by its likelihood: without dates there is no time to try the models on");
    else
        mc_buf_printf(b, "%s was chosen for the least error", mc_clv_kind_title(s->model.asked));
    if (l->held) {
        mc_buf_text(b, ". RMSE of purchases a customer from ");
        mc_clv_put_day(b, l->from);
        mc_buf_text(b, " to ");
        mc_clv_put_day(b, l->to);
        mc_buf_text(b, ", said before: ");
        put_tried(b, l);
    }
    mc_buf_char(b, '.');
}

void mc_clv_put_correction(struct mc_buf *b, const struct mc_clv_study *s) {
    const struct mc_clv_lesson *l = &s->lesson;
    if (!l->held)
        return;
    mc_buf_printf(b, "In that time %.3f times as much was bought as this model had said. ", l->factor);
    if (!l->factor_tested)
        mc_buf_text(b, "Whether such a factor lasts could not be tried on an earlier stretch");
    else
        mc_buf_printf(b, "The factor of the stretch before, %.3f, would%s have helped in it", l->older_factor,
                      l->factor_helps ? "" : " not");
    mc_buf_text(b, s->corrected      ? ": forecasts are multiplied by it."
                   : l->factor_helps ? ": forecasts of an unknown future would be multiplied by it."
                                     : ": forecasts are left as they are.");
}

double mc_clv_report_worth(const struct mc_clv_report *r, const struct mc_clv_value *value) {
    return value->forecast.discounted * value->mean * r->margin;
}

static enum mc_clv_word word_of(const struct mc_clv_report *r, size_t i) {
    const struct mc_clv_study *s = r->study;
    return mc_clv_word_of(s->customers[i].history, s->values[i].forecast.alive, s->gap);
}

void mc_clv_report_words(const struct mc_clv_report *r, struct mc_clv_by_word words[MC_CLV_WORDS]) {
    memset(words, 0, MC_CLV_WORDS * sizeof *words);
    for (size_t i = 0; i < r->study->count; i++) {
        struct mc_clv_by_word *w = &words[word_of(r, i)];
        w->customers++;
        w->transactions += r->study->values[i].forecast.expected;
        w->spend += r->study->values[i].spend;
    }
}

static struct mc_clv_by_word sum_of(const struct mc_clv_by_word *words) {
    struct mc_clv_by_word sum = {0};
    for (int k = 0; k < MC_CLV_WORDS; k++) {
        sum.customers += words[k].customers;
        sum.transactions += words[k].transactions;
        sum.spend += words[k].spend;
    }
    return sum;
}

/* ---- text ---- */

/* A number right in a column. */
static void put_column(struct mc_buf *b, double value, int decimals, int width) {
    struct mc_buf number = {0};
    mc_clv_put_number(&number, value, decimals);
    mc_buf_printf(b, "%*s", width, mc_buf_cstr(&number));
    mc_buf_free(&number);
}

static void put_labelled(struct mc_buf *b, const char *before, double value, int decimals, const char *after) {
    mc_buf_text(b, before);
    mc_clv_put_number(b, value, decimals);
    mc_buf_text(b, after);
}

static void text_data(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_study *s = r->study;
    mc_buf_printf(b, "What customers are worth: %s\n\n", r->file);
    put_labelled(b, "  ", (double)s->count, 0, " customers");
    put_labelled(b, ", ", s->counts.repeats, 0, " repeat purchases");
    if (r->transactions != NULL) {
        mc_buf_text(b, ", known up to ");
        mc_clv_put_day(b, s->plan.as_of);
        mc_buf_text(b, " (orders of one customer on one day are one purchase)");
    }
    mc_buf_char(b, '\n');
    if (r->transactions != NULL && r->transactions->refunds > 0) {
        put_labelled(b, "  ", (double)r->transactions->refunds, 0, " days of refunds were taken off the purchases ");
        put_labelled(b, "before them (", (double)r->transactions->unmatched, 0, " had none, and were left out)\n");
    }
    if (r->input->refused > 0)
        mc_buf_printf(b, "  %llu rows were left out; the first is row %llu: %s\n",
                      (unsigned long long)r->input->refused, (unsigned long long)r->input->first_refused,
                      r->input->reason);
}

static void text_note(struct mc_buf *b, const char *note) {
    if (note[0] != '\0')
        mc_buf_printf(b, "  Note: %s.\n", note);
}

static void text_model(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_model *m = &r->study->model;
    const struct mc_gg_model *g = &r->study->spend;
    mc_buf_printf(b, "\nModel\n  purchases  %s:", mc_clv_kind_title(m->kind));
    for (int i = 0; i < MC_CLV_PARAMS && mc_clv_param_name(m->kind, i) != NULL; i++)
        mc_buf_printf(b, " %s %.4f", mc_clv_param_name(m->kind, i), m->params[i]);
    mc_buf_printf(b, "; log-likelihood %.3f; time in %ss\n", m->log_likelihood, r->unit);
    text_note(b, mc_clv_note_text(m->note));
    mc_buf_text(b, "  ");
    mc_clv_put_choice(b, r->study);
    mc_buf_text(b, r->study->lesson.held ? "\n  " : "");
    mc_clv_put_correction(b, r->study);
    mc_buf_char(b, '\n');
    if (g->note != MC_GG_NOTE_FEW)
        mc_buf_printf(b, "  spend      Gamma-Gamma: p %.3f q %.3f gamma %.3f; log-likelihood %.3f\n", g->params[0],
                      g->params[1], g->params[2], g->log_likelihood);
    text_note(b, mc_gg_note_text(g->note));
    if (fabs(r->study->spend_correlation) > 0.3)
        mc_buf_printf(b,
                      "  Note: who buys often spends otherwise each time (correlation %.2f): the spend model takes "
                      "these to be\n  independent, so read expected spend with care.\n",
                      r->study->spend_correlation);
}

static void text_future(struct mc_buf *b, const struct mc_clv_report *r) {
    struct mc_clv_by_word words[MC_CLV_WORDS];
    mc_clv_report_words(r, words);
    struct mc_clv_by_word all = sum_of(words);
    put_labelled(b, "\nThe next ", r->study->plan.horizon, 0, " ");
    mc_buf_printf(b, "%ss\n  ", r->unit);
    put_labelled(b, "", all.transactions, 0, " purchases");
    put_labelled(b, " worth ", all.spend, 2, " are expected from these customers");
    if (r->study->corrected)
        mc_buf_printf(b, "\n  (corrected by %.3f, the bias in the newest stretch, which has helped before)",
                      r->study->lesson.factor);
    mc_buf_printf(b, ".\n\n  %-10s%12s%14s%18s\n", "", "customers", "purchases", "spend");
    for (int k = 0; k < MC_CLV_WORDS; k++) {
        mc_buf_printf(b, "  %-10s", mc_clv_word_name(k));
        put_column(b, words[k].customers, 0, 12);
        put_column(b, words[k].transactions, 0, 14);
        put_column(b, words[k].spend, 2, 18);
        mc_buf_char(b, '\n');
    }
    double fresh = mc_clv_new(&r->study->model, r->study->plan.horizon);
    put_labelled(b, "\n  A new customer buys ", fresh, 2, " times more in that time");
    put_labelled(b, ", worth ", fresh * r->study->spend.mean, 2, ".\n");
}

static void text_best(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_study *s = r->study;
    mc_buf_printf(b, "\nThe best customers, by %s\n", mc_clv_ranked_by_text(s->ranked_by));
    mc_buf_printf(b, "  %-16s%10s%12s%14s%12s%16s  %s\n", "customer", "repeats", "active", "purchases", "80 %", "spend",
                  "state");
    for (size_t k = 0; k < s->count && k < BEST_SHOWN; k++) {
        size_t i = r->best[k];
        const struct mc_clv_value *v = &s->values[i];
        struct mc_str id = r->input->ids[s->customers[i].number];
        char range[48];
        snprintf(range, sizeof range, "%.0f-%.0f", v->forecast.low, v->forecast.high);
        mc_buf_printf(b, "  %-16.*s%10.0f%10.1f %%%14.2f%12s", (int)id.len, id.data, s->customers[i].history.x,
                      100 * v->forecast.alive, v->forecast.expected, range);
        put_column(b, v->spend, 2, 16);
        mc_buf_printf(b, "  %s\n", mc_clv_word_name(word_of(r, i)));
    }
}

static void text_errors(struct mc_buf *b, const char *name, const struct mc_clv_errors *e) {
    mc_buf_printf(b, "  %-30s", name);
    put_column(b, e->predicted, 1, 14);
    mc_buf_printf(b, "%+9.1f %%%10.4f%10.4f\n", e->actual > 0 ? 100 * (e->predicted / e->actual - 1) : NAN, e->mae,
                  e->rmse);
}

static void text_ranking(struct mc_buf *b, const char *name, const struct mc_clv_ranking *r) {
    mc_buf_printf(b, "  %-42s%8.4f%12.2f\n", name, r->gini, r->top_decile_lift);
}

static void text_rankings(struct mc_buf *b, const struct mc_clv_study *s) {
    const struct mc_clv_holdout *h = &s->holdout;
    mc_buf_printf(b, "\n  %-42s%8s%12s\n", "ranking by", "Gini", "top tenth");
    for (int k = 0; k < MC_CLV_RANKINGS; k++)
        if (k < MC_CLV_BY_SCORE || s->lesson.scored)
            text_ranking(b, mc_clv_ranked_by_text(k), &h->ranking[k]);
    text_ranking(b, "number of purchases", &h->by_frequency);
    if (s->lesson.held)
        text_ranking(b, "recency-frequency table", &h->by_table_ranking);
    mc_buf_printf(b, "  Chosen, by the stretch before that day: %s.\n", mc_clv_ranked_by_text(s->ranked_by));
}

static void text_deciles(struct mc_buf *b, const struct mc_clv_holdout *h) {
    mc_buf_printf(b, "\n  %-30s%14s%14s\n", "tenth of customers by forecast", "predicted", "happened");
    for (int k = MC_CLV_DECILES; k-- > 0;)
        mc_buf_printf(b, "  %-30d%14.3f%14.3f\n", MC_CLV_DECILES - k, h->deciles[k].predicted, h->deciles[k].actual);
}

static void text_check(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_study *s = r->check;
    if (s == NULL) {
        mc_buf_text(b, "\nHow far to trust this: not measured, the data is too short to hold any of it back.\n");
        return;
    }
    const struct mc_clv_holdout *h = &s->holdout;
    mc_buf_text(b, "\nHow far to trust this: the same, said on ");
    mc_clv_put_day(b, s->plan.as_of);
    put_labelled(b, " about the ", h->days / 7, 1, " weeks after it\n  ");
    put_labelled(b, "", h->transactions.actual, 0, " purchases came, worth ");
    put_labelled(b, "", h->spend.actual, 2, "");
    put_labelled(b, "; and ", h->fresh, 0, " more from customers who were new then\n\n");
    mc_buf_printf(b, "  %-30s%14s%11s%10s%10s\n", "purchases", "predicted", "bias", "MAE", "RMSE");
    text_errors(b, mc_clv_kind_title(s->model.kind), &h->transactions);
    if (s->lesson.held) {
        text_errors(b, "  corrected by its past bias", &h->corrected);
        text_errors(b, "recency-frequency table", &h->by_table);
        text_errors(b, "one mean for all", &h->by_mean);
    }
    text_errors(b, "spend, by the model", &h->spend);
    text_rankings(b, s);
    text_deciles(b, h);
}

void mc_clv_report_text(struct mc_buf *b, const struct mc_clv_report *r) {
    text_data(b, r);
    text_future(b, r);
    text_best(b, r);
    text_check(b, r);
    text_model(b, r);
    mc_buf_text(b, "\nRecency, in files and models, is the time from a customer's first purchase to the last: large is "
                   "good.\n");
}

/* ---- JSON ---- */

static void json_number(struct mc_buf *b, const char *key, double value) {
    mc_buf_printf(b, isfinite(value) ? "\"%s\": %.10g" : "\"%s\": null", key, value);
}

/* With a comma before it. */
static void json_more(struct mc_buf *b, const char *key, double value) {
    mc_buf_text(b, ", ");
    json_number(b, key, value);
}

static void json_text(struct mc_buf *b, const char *key, const char *text) {
    mc_buf_printf(b, "\"%s\": ", key);
    mc_buf_json(b, mc_str_of(text));
}

static void json_day(struct mc_buf *b, const char *key, int32_t day) {
    mc_buf_printf(b, "\"%s\": \"", key);
    mc_clv_put_day(b, day);
    mc_buf_char(b, '"');
}

static void json_params(struct mc_buf *b, const char *key, enum mc_clv_kind kind, const double *values) {
    mc_buf_printf(b, "\"%s\": {", key);
    for (int i = 0; i < MC_CLV_PARAMS && mc_clv_param_name(kind, i) != NULL; i++) {
        mc_buf_text(b, i > 0 ? ", " : "");
        json_number(b, mc_clv_param_name(kind, i), values[i]);
    }
    mc_buf_text(b, "}");
}

static void json_spend_params(struct mc_buf *b, const char *key, const double *values) {
    mc_buf_printf(b, "\"%s\": {", key);
    json_number(b, "p", values[0]);
    json_more(b, "q", values[1]);
    json_more(b, "gamma", values[2]);
    mc_buf_text(b, "}");
}

static void json_model(struct mc_buf *b, const struct mc_clv_report *r) {
    const struct mc_clv_model *m = &r->study->model;
    const struct mc_gg_model *g = &r->study->spend;
    mc_buf_text(b, "  ");
    json_text(b, "model", mc_clv_kind_name(m->kind));
    mc_buf_text(b, ", ");
    json_text(b, "requested", r->study->plan.choose ? "auto" : mc_clv_kind_name(m->asked));
    mc_buf_text(b, ", ");
    json_text(b, "chosen", mc_clv_kind_name(m->asked)); /* `model` is a simpler one where the note says so */
    mc_buf_text(b, ", ");
    json_text(b, "note", mc_clv_note_text(m->note));
    mc_buf_text(b, ",\n  ");
    json_params(b, "parameters", m->kind, m->params);
    mc_buf_text(b, ",\n  ");
    json_params(b, "standard_errors", m->kind, m->error);
    mc_buf_text(b, ",\n  ");
    json_number(b, "log_likelihood", m->log_likelihood);
    json_more(b, "customers", (double)r->study->count);
    json_more(b, "repeat_transactions", r->study->counts.repeats);
    mc_buf_text(b, ",\n  \"gamma_gamma\": {");
    json_spend_params(b, "parameters", g->params);
    mc_buf_text(b, ", ");
    json_spend_params(b, "standard_errors", g->error);
    json_more(b, "log_likelihood", g->note == MC_GG_NOTE_FEW ? NAN : g->log_likelihood);
    json_more(b, "customers", g->customers);
    json_more(b, "mean_spend", g->mean);
    json_more(b, "correlation_with_frequency", r->study->spend_correlation);
    mc_buf_text(b, ", ");
    json_text(b, "note", mc_gg_note_text(g->note));
    mc_buf_text(b, "}");
}

static void json_future(struct mc_buf *b, const struct mc_clv_report *r) {
    struct mc_clv_by_word words[MC_CLV_WORDS];
    mc_clv_report_words(r, words);
    struct mc_clv_by_word all = sum_of(words);
    mc_buf_text(b, ",\n  \"future\": {");
    json_number(b, "horizon", r->study->plan.horizon);
    mc_buf_text(b, ", ");
    json_text(b, "unit", r->unit);
    json_more(b, "expected_transactions", all.transactions);
    json_more(b, "expected_spend", all.spend);
    json_more(b, "new_customer_transactions", mc_clv_new(&r->study->model, r->study->plan.horizon));
    mc_buf_printf(b, ", \"bias_corrected\": %s, ", r->study->corrected ? "true" : "false");
    json_text(b, "ranked_by", mc_clv_ranked_by_text(r->study->ranked_by));
    for (int k = 0; k < MC_CLV_WORDS; k++)
        json_more(b, mc_clv_word_name(k), words[k].customers);
    mc_buf_text(b, "}");
}

static void json_errors(struct mc_buf *b, const char *key, const struct mc_clv_errors *e) {
    mc_buf_printf(b, ",\n    \"%s\": {", key);
    json_number(b, "predicted_transactions", e->predicted);
    json_more(b, "mae", e->mae);
    json_more(b, "rmse", e->rmse);
    mc_buf_text(b, "}");
}

static void json_rankings(struct mc_buf *b, const struct mc_clv_study *s) {
    static const char *const names[] = {"model", "past_spend", "score", "blend"};
    const struct mc_clv_holdout *h = &s->holdout;
    mc_buf_text(b, ",\n    \"rankings\": {");
    for (int k = 0; k < MC_CLV_RANKINGS; k++) {
        bool is_there = k < MC_CLV_BY_SCORE || s->lesson.scored;
        mc_buf_printf(b, "%s\"%s\": {", k > 0 ? ", " : "", names[k]);
        json_number(b, "gini", is_there ? h->ranking[k].gini : NAN);
        json_more(b, "top_decile_lift", is_there ? h->ranking[k].top_decile_lift : NAN);
        json_more(b, "gini_before", s->lesson.held ? s->lesson.gini[k] : NAN);
        json_more(b, "gini_before_noise", s->lesson.held ? s->lesson.noise[k] : NAN);
        mc_buf_text(b, "}");
    }
    mc_buf_text(b, ", \"frequency\": {");
    json_number(b, "gini", h->by_frequency.gini);
    json_more(b, "top_decile_lift", h->by_frequency.top_decile_lift);
    mc_buf_text(b, "}, \"recency_frequency_table\": {");
    json_number(b, "gini", s->lesson.held ? h->by_table_ranking.gini : NAN);
    json_more(b, "top_decile_lift", s->lesson.held ? h->by_table_ranking.top_decile_lift : NAN);
    mc_buf_printf(b, "}, \"chosen\": \"%s\"}", names[s->ranked_by]);
}

static void json_deciles(struct mc_buf *b, const struct mc_clv_holdout *h) {
    mc_buf_text(b, ",\n    \"deciles\": [");
    for (int k = 0; k < MC_CLV_DECILES; k++) {
        mc_buf_text(b, k > 0 ? ", {" : "{");
        json_number(b, "predicted", h->deciles[k].predicted);
        json_more(b, "actual", h->deciles[k].actual);
        mc_buf_text(b, "}");
    }
    mc_buf_text(b, "]");
}

/* spend_gini and top_decile_lift are of the ranking that the stretch before chose: what --out ranks by. */
static void json_holdout(struct mc_buf *b, const struct mc_clv_study *s) {
    const struct mc_clv_holdout *h = &s->holdout;
    mc_buf_text(b, ",\n  \"holdout\": {");
    json_day(b, "calibration_end", s->plan.as_of);
    mc_buf_text(b, ", ");
    json_text(b, "model", mc_clv_kind_name(s->model.kind));
    json_more(b, "days", h->days);
    json_more(b, "actual_transactions", h->transactions.actual);
    json_more(b, "predicted_transactions", h->transactions.predicted);
    json_more(b, "mae", h->transactions.mae);
    json_more(b, "rmse", h->transactions.rmse);
    json_more(b, "actual_spend", h->spend.actual);
    json_more(b, "predicted_spend", h->spend.predicted);
    json_more(b, "spend_gini", h->ranking[s->ranked_by].gini);
    json_more(b, "spend_gini_unscaled", h->ranking[s->ranked_by].gini_raw);
    json_more(b, "top_decile_lift", h->ranking[s->ranked_by].top_decile_lift);
    json_more(b, "new_customer_transactions", h->fresh);
    json_more(b, "new_customer_spend", h->fresh_spend);
    if (s->lesson.held) {
        json_errors(b, "bias_corrected", &h->corrected);
        json_more(b, "bias_corrected_spend", h->corrected_spend.predicted);
        json_more(b, "bias_factor", s->lesson.factor);
        json_errors(b, "recency_frequency_table", &h->by_table);
        json_errors(b, "mean", &h->by_mean);
    }
    json_rankings(b, s);
    json_deciles(b, h);
    mc_buf_text(b, "}");
}

static void json_lesson(struct mc_buf *b, const struct mc_clv_lesson *l, bool corrected) {
    if (!l->held)
        return;
    mc_buf_text(b, ",\n  \"lesson\": {");
    json_day(b, "from", l->from);
    mc_buf_text(b, ", ");
    json_day(b, "to", l->to);
    json_more(b, "customers", (double)l->customers);
    json_more(b, "bias_factor", l->factor);
    mc_buf_printf(b, ", \"bias_corrected\": %s, \"bias_factor_helped\": %s", corrected ? "true" : "false",
                  !l->factor_tested ? "null"
                  : l->factor_helps ? "true"
                                    : "false");
    for (int k = 0; k < MC_CLV_KINDS; k++)
        if (l->tried[k])
            json_errors(b, mc_clv_kind_name(k), &l->errors[k]);
    mc_buf_text(b, "}");
}

void mc_clv_report_json(struct mc_buf *b, const struct mc_clv_report *r) {
    mc_buf_text(b, "{\n");
    json_model(b, r);
    json_future(b, r);
    if (r->check != NULL)
        json_holdout(b, r->check);
    json_lesson(b, &r->study->lesson, r->study->corrected);
    mc_buf_printf(b, ",\n  \"rows\": %llu, \"rows_left_out\": %llu", (unsigned long long)r->input->rows,
                  (unsigned long long)r->input->refused);
    if (r->transactions != NULL)
        mc_buf_printf(b, ", \"refund_days\": %zu, \"refund_days_unmatched\": %zu", r->transactions->refunds,
                      r->transactions->unmatched);
    mc_buf_text(b, "\n}\n");
}

/* ---- one row a customer ---- */

static void csv_number(struct mc_buf *b, double value, int decimals) {
    if (isfinite(value))
        mc_buf_printf(b, ",%.*f", decimals, value);
    else
        mc_buf_char(b, ',');
}

static void put_row(struct mc_buf *b, const struct mc_clv_report *r, size_t i, size_t rank) {
    const struct mc_clv_customer *c = &r->study->customers[i];
    const struct mc_clv_value *v = &r->study->values[i];
    const int *scores = &r->scores[3 * i];
    mc_buf_csv(b, r->input->ids[c->number]);
    mc_buf_printf(b, ",%.0f,%.6g,%.6g", c->history.x, c->history.t_x, c->history.T);
    csv_number(b, c->repeat.mean, 2);
    csv_number(b, v->forecast.alive, 6);
    csv_number(b, v->forecast.expected, 6);
    csv_number(b, v->forecast.low, 0);
    csv_number(b, v->forecast.high, 0);
    csv_number(b, v->mean, 2);
    csv_number(b, v->spend, 2);
    csv_number(b, mc_clv_report_worth(r, v), 2);
    mc_buf_printf(b, ",%s,%zu,%d,%d,%d,%s", mc_clv_word_name(word_of(r, i)), rank, scores[0], scores[1], scores[2],
                  mc_rfm_segment_name(mc_rfm_segment_of(scores[0], scores[1], scores[2])));
    if (r->study->holdout.held)
        mc_buf_printf(b, ",%.0f,%.2f", c->future_count, c->future_spend);
    mc_buf_char(b, '\n');
}

void mc_clv_report_rows(struct mc_output *out, const struct mc_clv_report *r) {
    mc_buf_printf(&out->buf,
                  "customer_id,frequency,recency,T,monetary_value,p_alive,expected_transactions,transactions_low,"
                  "transactions_high,expected_mean_spend,expected_spend,discounted_value,state,rank,rfm_recency,"
                  "rfm_frequency,rfm_monetary,rfm_segment%s\n",
                  r->study->holdout.held ? ",actual_transactions,actual_spend" : "");
    for (size_t i = 0; i < r->study->count; i++) {
        put_row(&out->buf, r, i, r->rank[i] + 1);
        mc_output_spill(out);
    }
}

#include "app/forecast_report.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHARTS_MAX = 200, /* products on the page */
    RISING_MAX = 20,
    HISTORY_SHOWN = 60, /* periods in a chart */
    CHART_WIDTH = 260,
    CHART_HEIGHT = 56,
    SUM_LEAD = 0, /* the sums of the forecast */
    SUM_HORIZON = 1,
};

/* ---- the plan
 * ---------------------------------------------------------------------------------------------------------- */

static size_t trend_window(const struct mc_plan *p) {
    return p->season > 1 && p->season <= 12 ? p->season : p->horizon < 7 ? p->horizon : 7;
}

static double sum_of(const double *y, size_t n) {
    double sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += y[t] > 0 ? y[t] : 0;
    return sum;
}

/* "views doubled in 7 days" if a leading signal moved by half or more, and is more than a few. */
static bool say_signal(const struct mc_plan *p, size_t i, const double *cells, const char *what, char *text,
                       size_t room) {
    const struct mc_forecast_item *item = &p->table->items[i];
    size_t n = p->table->series[i].n, window = trend_window(p);
    if (cells == NULL || n < 2 * window)
        return false;
    const double *y = cells + item->cell_at;
    double last = sum_of(y + n - window, window), before = sum_of(y + n - 2 * window, window);
    if (last + before < 20 || (last < 1.5 * before && last * 1.5 > before))
        return false;
    const char *verb = last >= 2 * before   ? "doubled"
                       : last > before      ? "up by half"
                       : 2 * last <= before ? "halved"
                                            : "down by a third";
    snprintf(text, room, "%s %s in %zu %s", what, verb, window, mc_forecast_unit(p->table));
    return true;
}

static void say_reason(const struct mc_plan *p, size_t i, struct mc_plan_line *line) {
    size_t room = sizeof line->reason, window = trend_window(p);
    line->reason[0] = '\0';
    if (say_signal(p, i, p->table->carts, "carts", line->reason, room) ||
        say_signal(p, i, p->table->views, "views", line->reason, room))
        return;
    if (line->trend == MC_TREND_NEW)
        snprintf(line->reason, room, "first sold in the last %zu %s", 2 * window, mc_forecast_unit(p->table));
    else if (line->trend == MC_TREND_RISING && isnan(line->ratio))
        snprintf(line->reason, room, "none in the %zu %s before", window, mc_forecast_unit(p->table));
    else if (!isnan(line->ratio) && (line->trend == MC_TREND_RISING || line->trend == MC_TREND_FALLING))
        snprintf(line->reason, room, "%+.0f %% in %zu %s", 100 * (line->ratio - 1), window, mc_forecast_unit(p->table));
}

static void make_line(const struct mc_plan *p, size_t i) {
    struct mc_plan_line *line = &p->lines[i];
    const struct mc_series *s = &p->table->series[i];
    double price = p->table->items[i].price;
    size_t lead_step = p->forecast->steps - 2 + SUM_LEAD, all_step = p->forecast->steps - 2 + SUM_HORIZON;
    const double *all = mc_forecast_quantile(p->forecast, i, all_step);
    line->total = *mc_forecast_mean(p->forecast, i, all_step);
    line->p10 = all[0], line->p50 = all[1], line->p90 = all[2];
    for (size_t k = 0, at = 0; k < p->forecast->tau_count;
         k++) /* the service level's quantile is not one of the three */
        if (k != p->service_tau || p->forecast->tau_count == 3)
            *(at == 0 ? &line->p10 : at == 1 ? &line->p50 : &line->p90) = all[k], at++;
    line->stock = p->stock != NULL ? p->stock[i] : p->table->items[i].stock;
    line->order = mc_plan_order(mc_forecast_mean(p->forecast, i, 0), p->horizon, p->season,
                                *mc_forecast_mean(p->forecast, i, lead_step),
                                mc_forecast_quantile(p->forecast, i, lead_step)[p->service_tau], line->stock);
    line->value = line->total * (p->has_price ? isnan(price) ? 0 : price : 1);
    line->trend = mc_plan_trend(s->y, s->n, trend_window(p), &line->ratio, &line->z);
    line->xyz = mc_plan_xyz(s->y, s->n, trend_window(p));
    say_reason(p, i, line);
}

static enum mc_err rank_lines(struct mc_plan *p, struct mc_error *e) {
    size_t count = p->table->count;
    double *value = mc_malloc(count * sizeof *value);
    struct mc_plan_ranked *scratch = mc_malloc(count * sizeof *scratch);
    char *classes = mc_malloc(count);
    enum mc_err err = MC_OK;
    if (value == NULL || scratch == NULL || classes == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory to rank %zu series", count);
    for (size_t i = 0; err == MC_OK && i < count; i++)
        value[i] = p->lines[i].value;
    if (err == MC_OK) {
        mc_plan_rank(value, count, scratch, p->order);
        mc_plan_abc(value, count, p->order, classes);
    }
    for (size_t k = 0; err == MC_OK && k < count; k++) {
        p->lines[p->order[k]].rank = k + 1;
        p->lines[k].abc = classes[k];
    }
    mc_free(value);
    mc_free(scratch);
    mc_free(classes);
    return err;
}

enum mc_err mc_plan_make(struct mc_plan *p, struct mc_error *e) {
    size_t count = p->table->count;
    p->lines = mc_calloc(count, sizeof *p->lines);
    p->order = mc_malloc(count * sizeof *p->order);
    if (p->lines == NULL || p->order == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a plan of %zu series", count);
    for (size_t i = 0; i < count; i++)
        p->has_price |= !isnan(p->table->items[i].price);
    for (size_t i = 0; i < count; i++) {
        make_line(p, i);
        p->has_stock |= !isnan(p->lines[i].stock);
    }
    return rank_lines(p, e);
}

void mc_plan_free(struct mc_plan *p) {
    mc_free(p->lines);
    mc_free(p->order);
    *p = (struct mc_plan){0};
}

/* ---- CSV
 * --------------------------------------------------------------------------------------------------------------- */

static void put_value(struct mc_buf *b, double value) {
    mc_buf_char(b, ',');
    if (isfinite(value))
        mc_buf_printf(b, "%.6g", value);
}

static void put_order_by(struct mc_buf *b, const struct mc_plan *p, size_t i) {
    double in = p->lines[i].order.order_in;
    if (isfinite(in) &&
        in < 1e6) /* the order must be out before the period in which stock meets the reorder point ends */
        mc_forecast_period_text(b, p->table, i, 1 + (int64_t)in);
}

void mc_plan_csv(struct mc_buf *b, const struct mc_plan *p) {
    mc_buf_text(
        b, "rank,series_id,abc,xyz,trend,reason,mean,p10,p50,p90,reorder_point,safety_stock,stock,cover,order_by\n");
    for (size_t k = 0; k < p->table->count; k++) {
        size_t i = p->order[k];
        const struct mc_plan_line *line = &p->lines[i];
        mc_buf_printf(b, "%zu,", line->rank);
        mc_buf_csv(b, mc_forecast_name(p->table, i));
        mc_buf_printf(b, ",%c,%c,%s,%s", line->abc, line->xyz, mc_plan_trend_word(line->trend), line->reason);
        put_value(b, line->total);
        put_value(b, line->p10);
        put_value(b, line->p50);
        put_value(b, line->p90);
        put_value(b, line->order.reorder_point);
        put_value(b, line->order.safety_stock);
        put_value(b, line->stock);
        put_value(b, line->order.cover);
        mc_buf_char(b, ',');
        put_order_by(b, p, i);
        mc_buf_char(b, '\n');
    }
}

/* ---- HTML
 * -------------------------------------------------------------------------------------------------------------- */

static const char style[] =
    "<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:1200px;color:#222}"
    "table{border-collapse:collapse;width:100%}th,td{padding:3px 8px;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child,.t{text-align:left}pre{background:#f5f5f5;padding:1em;overflow:auto}"
    ".now{color:#b00;font-weight:600}svg{display:block}</style>";

static void put_html(struct mc_buf *b, struct mc_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            mc_buf_printf(b, "&#%d;", c);
        else
            mc_buf_char(b, c);
    }
}

struct chart {
    const struct mc_plan *p;
    size_t i, shown; /* the last `shown` periods of history */
    double top;
};

static double chart_x(const struct chart *c, size_t t) {
    return (double)t * CHART_WIDTH / (double)(c->shown + c->p->horizon);
}

static double chart_y(const struct chart *c, double value) {
    return CHART_HEIGHT - 2 - (value > 0 ? value : 0) / c->top * (CHART_HEIGHT - 4);
}

static struct chart chart_of(const struct mc_plan *p, size_t i) {
    const struct mc_series *s = &p->table->series[i];
    struct chart c = {p, i, s->n < HISTORY_SHOWN ? s->n : HISTORY_SHOWN, 1e-9};
    for (size_t t = s->n - c.shown; t < s->n; t++)
        c.top = s->y[t] > c.top ? s->y[t] : c.top;
    for (size_t t = 0; t < p->horizon; t++)
        c.top = fmax(c.top, mc_forecast_quantile(p->forecast, i, t)[p->forecast->tau_count - 1]);
    return c;
}

static void put_band(struct mc_buf *b, const struct chart *c) {
    size_t h = c->p->horizon, last = c->p->forecast->tau_count - 1;
    mc_buf_text(b, "<polygon fill=\"#cde\" points=\"");
    for (size_t t = 0; t < h; t++)
        mc_buf_printf(b, "%.1f,%.1f ", chart_x(c, c->shown + t),
                      chart_y(c, mc_forecast_quantile(c->p->forecast, c->i, t)[0]));
    for (size_t t = h; t-- > 0;)
        mc_buf_printf(b, "%.1f,%.1f ", chart_x(c, c->shown + t),
                      chart_y(c, mc_forecast_quantile(c->p->forecast, c->i, t)[last]));
    mc_buf_text(b, "\"/>");
}

static void put_chart(struct mc_buf *b, const struct mc_plan *p, size_t i) {
    struct chart c = chart_of(p, i);
    const struct mc_series *s = &p->table->series[i];
    const char *join = "M";
    mc_buf_printf(b, "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"history and forecast\">", CHART_WIDTH,
                  CHART_HEIGHT);
    put_band(b, &c);
    mc_buf_text(b, "<path fill=\"none\" stroke=\"#555\" d=\"");
    for (size_t t = 0; t < c.shown; t++) {
        double y = s->y[s->n - c.shown + t];
        if (isfinite(y))
            mc_buf_printf(b, "%s%.1f %.1f", join, chart_x(&c, t), chart_y(&c, y));
        join = isfinite(y) ? "L" : "M";
    }
    mc_buf_text(b, "\"/><path fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\" d=\"");
    for (size_t t = 0; t < p->horizon; t++)
        mc_buf_printf(b, "%s%.1f %.1f", t > 0 ? "L" : "M", chart_x(&c, c.shown + t),
                      chart_y(&c, *mc_forecast_mean(p->forecast, i, t)));
    mc_buf_text(b, "\"/></svg>");
}

static void put_cell(struct mc_buf *b, double value) {
    mc_buf_text(b, "<td>");
    if (isfinite(value))
        mc_buf_printf(b, fabs(value) < 10 ? "%.1f" : "%.0f", value);
}

static void put_row(struct mc_buf *b, const struct mc_plan *p, size_t i) {
    const struct mc_plan_line *line = &p->lines[i];
    mc_buf_text(b, "<tr><td>");
    put_html(b, mc_forecast_name(p->table, i));
    mc_buf_printf(b, "<td class=t>%c%c<td class=t>%s<td class=t>%s<td>", line->abc, line->xyz,
                  mc_plan_trend_word(line->trend), line->reason);
    put_chart(b, p, i);
    put_cell(b, line->total);
    put_cell(b, line->p10);
    put_cell(b, line->p50);
    put_cell(b, line->p90);
    put_cell(b, line->order.reorder_point);
    put_cell(b, line->order.safety_stock);
    if (p->has_stock) {
        put_cell(b, line->stock);
        put_cell(b, line->order.cover);
        mc_buf_text(b, line->order.order_in < 1 ? "<td class=now>" : "<td>");
        put_order_by(b, p, i);
    }
    mc_buf_text(b, "</tr>\n");
}

static void put_head(struct mc_buf *b, const struct mc_plan *p) {
    mc_buf_text(b,
                "<table><tr><th>product<th class=t>class<th class=t>trend<th class=t>why<th class=t>history, forecast"
                "<th>mean<th>P10<th>P50<th>P90<th>reorder point<th>safety stock");
    if (p->has_stock)
        mc_buf_printf(b, "<th>stock<th>cover, %s<th>order by", mc_forecast_unit(p->table));
    mc_buf_text(b, "</tr>\n");
}

static int by_falling_z(const void *a, const void *b) {
    const struct mc_plan_ranked *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value ? -1 : 1) : (x->index > y->index) - (x->index < y->index);
}

/* The rising products, the surest first. */
static void put_rising(struct mc_buf *b, const struct mc_plan *p) {
    struct mc_plan_ranked *rising = mc_malloc((p->table->count + 1) * sizeof *rising);
    size_t count = 0;
    for (size_t k = 0; rising != NULL && k < p->table->count; k++)
        if (p->lines[p->order[k]].trend == MC_TREND_RISING)
            rising[count++] = (struct mc_plan_ranked){p->lines[p->order[k]].z, p->order[k]};
    if (rising != NULL)
        qsort(rising, count, sizeof *rising, by_falling_z);
    mc_buf_printf(b, "<h2>Rising: %zu products</h2>\n", count);
    put_head(b, p);
    for (size_t k = 0; k < count && k < RISING_MAX; k++)
        put_row(b, p, rising[k].index);
    mc_buf_text(b, "</table>\n");
    b->failed |= rising == NULL;
    mc_free(rising);
}

void mc_plan_html(struct mc_buf *b, const struct mc_plan *p, const struct mc_backtest *backtest) {
    size_t shown = p->table->count < CHARTS_MAX ? p->table->count : CHARTS_MAX;
    mc_buf_printf(b, "<!doctype html><html lang=en><meta charset=utf-8><title>MaxCart: what will sell</title>%s",
                  style);
    mc_buf_printf(
        b,
        "<h1>What will sell in the next %zu %s</h1>\n<p>%zu products. Reorder point: the demand over a lead time "
        "of %zu %s that is not exceeded with probability %.3g; safety stock is what it holds above the mean. "
        "P10 to P90 should hold the truth eight times of ten.</p>\n",
        p->horizon, mc_forecast_unit(p->table), p->table->count, p->lead, mc_forecast_unit(p->table), p->service);
    if (backtest != NULL) {
        struct mc_buf text = {0};
        mc_backtest_text(&text, backtest);
        mc_buf_text(b, "<h2>Whether to believe it</h2><pre>");
        put_html(b, mc_buf_view(&text));
        mc_buf_text(b, "</pre>\n");
        mc_buf_free(&text);
    }
    put_rising(b, p);
    mc_buf_printf(b, "<h2>Most future %s: the first %zu</h2>\n", p->has_price ? "revenue" : "demand", shown);
    put_head(b, p);
    for (size_t k = 0; k < shown; k++)
        put_row(b, p, p->order[k]);
    mc_buf_text(b, "</table></html>\n");
}

#include "app/forecast_backtest.h"

#include "base/mem.h"
#include "model/forecast_single.h"

#include <math.h>

enum { HISTORY_MIN = 3 };

static const enum mc_single value_rivals[] = {MC_SINGLE_NAIVE, MC_SINGLE_SEASONAL_NAIVE, MC_SINGLE_MEAN,
                                              MC_SINGLE_SES,   MC_SINGLE_THETA,          MC_SINGLE_ETS};
static const enum mc_single demand_rivals[] = {MC_SINGLE_ZERO, MC_SINGLE_NAIVE,  MC_SINGLE_SEASONAL_NAIVE,
                                               MC_SINGLE_MEAN, MC_SINGLE_WINDOW, MC_SINGLE_CROSTON,
                                               MC_SINGLE_SBA,  MC_SINGLE_TSB,    MC_SINGLE_IMAPA};

struct held { /* what is seen of the series */
    struct mc_series *series;
    size_t *index; /* in the table */
    size_t count;
};

static struct mc_accuracy_case case_of(const struct mc_forecast_table *t, const struct mc_forecast_options *o,
                                       const struct held *held, size_t k) {
    const struct mc_series *seen = &held->series[k];
    return (struct mc_accuracy_case){
        .history = seen->y,
        .n = seen->n,
        .season = o->season,
        .actual = t->series[held->index[k]].y + seen->n,
        .horizon = o->horizon,
        .tau = o->tau,
        .taus = o->tau_count,
    };
}

static enum mc_err judge_ours(const struct mc_forecast_table *t, const struct mc_forecast_options *o,
                              const struct held *held, struct mc_backtest_line *line, struct mc_error *e) {
    struct mc_forecast f;
    struct mc_accuracy accuracy = {0};
    enum mc_err err = mc_forecast_run(held->series, held->count, o, &f, e);
    for (size_t k = 0; err == MC_OK && k < held->count; k++) {
        struct mc_accuracy_case c = case_of(t, o, held, k);
        c.forecast = mc_forecast_mean(&f, k, 0);
        c.quantile = mc_forecast_quantile(&f, k, 0);
        mc_accuracy_add(&accuracy, &c);
    }
    mc_forecast_free(&f);
    *line = (struct mc_backtest_line){"maxcart", true, mc_accuracy_result(&accuracy)};
    return err;
}

static enum mc_err judge_rival(const struct mc_forecast_table *t, const struct mc_forecast_options *o,
                               const struct held *held, enum mc_single method, struct mc_backtest_line *line,
                               struct mc_error *e) {
    double forecast[MC_FORECAST_HORIZON_MAX];
    struct mc_accuracy accuracy = {0};
    enum mc_err err = MC_OK;
    for (size_t k = 0; err == MC_OK && k < held->count; k++) {
        struct mc_accuracy_case c = case_of(t, o, held, k);
        err = mc_single_forecast(method, c.history, c.n, o->season, o->horizon, forecast, e);
        c.forecast = forecast;
        mc_accuracy_add(&accuracy, &c);
    }
    *line = (struct mc_backtest_line){mc_single_name(method), false, mc_accuracy_result(&accuracy)};
    return err;
}

static enum mc_err hide(const struct mc_forecast_table *t, size_t horizon, struct held *held, struct mc_error *e) {
    held->series = mc_malloc(t->count * sizeof *held->series);
    held->index = mc_malloc(t->count * sizeof *held->index);
    if (held->series == NULL || held->index == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a backtest of %zu series", t->count);
    for (size_t i = 0; i < t->count; i++) {
        const struct mc_series *s = &t->series[i];
        if (s->n < horizon + HISTORY_MIN)
            continue;
        held->series[held->count] = (struct mc_series){s->y, s->n - horizon};
        held->index[held->count++] = i;
    }
    if (held->count == 0)
        return mc_error_set(e, MC_ERR_USAGE,
                            "no series has more than %zu periods: too little history for a backtest of %zu steps",
                            horizon + HISTORY_MIN - 1, horizon);
    return MC_OK;
}

enum mc_err mc_backtest_run(const struct mc_forecast_table *t, const struct mc_forecast_options *options,
                            struct mc_backtest *out, struct mc_error *e) {
    const enum mc_single *rivals = options->demand ? demand_rivals : value_rivals;
    size_t count = options->demand ? sizeof demand_rivals / sizeof *rivals : sizeof value_rivals / sizeof *rivals;
    struct mc_forecast_options o = *options;
    struct held held = {0};
    o.sum_count = 0;
    *out = (struct mc_backtest){.horizon = o.horizon};
    enum mc_err err = hide(t, o.horizon, &held, e);
    if (err == MC_OK)
        err = judge_ours(t, &o, &held, &out->lines[out->line_count++], e);
    for (size_t k = 0; err == MC_OK && k < count; k++)
        if (rivals[k] != MC_SINGLE_SEASONAL_NAIVE || o.season > 1)
            err = judge_rival(t, &o, &held, rivals[k], &out->lines[out->line_count++], e);
    out->series = held.count, out->left_out = t->count - held.count;
    mc_free(held.series);
    mc_free(held.index);
    return err;
}

static void put_number(struct mc_buf *b, int width, int decimals, double value, const char *unit) {
    if (isnan(value))
        mc_buf_printf(b, " %*s", width, "-");
    else
        mc_buf_printf(b, " %*.*f%s", width - (int)strlen(unit), decimals, value, unit);
}

static void put_line(struct mc_buf *b, const struct mc_backtest_line *line) {
    const struct mc_accuracy_result *r = &line->result;
    mc_buf_printf(b, "%-16s", line->method);
    put_number(b, 8, 2, r->smape, "");
    put_number(b, 8, 3, r->mase, "");
    put_number(b, 8, 3, r->rmsse, "");
    put_number(b, 8, 3, r->wape, "");
    put_number(b, 8, 1, 100 * r->bias, "%");
    put_number(b, 8, 3, line->has_quantiles ? r->pinball : NAN, "");
    put_number(b, 8, 1, line->has_quantiles ? 100 * r->cover : NAN, "%");
    mc_buf_char(b, '\n');
}

static void put_verdict(struct mc_buf *b, const struct mc_backtest *t) {
    size_t best = 0;
    for (size_t k = 1; k < t->line_count; k++)
        if (t->lines[k].result.wape < t->lines[best].result.wape)
            best = k;
    if (best == 0)
        mc_buf_printf(b,
                      "By WAPE, what an order for the whole horizon would have been wrong by, no rival is better.\n");
    else
        mc_buf_printf(b, "By WAPE, what an order for the whole horizon would have been wrong by, %s is better here.\n",
                      t->lines[best].method);
}

void mc_backtest_text(struct mc_buf *b, const struct mc_backtest *t) {
    mc_buf_printf(b, "Backtest: the last %zu periods of %zu series hidden, forecast, compared", t->horizon, t->series);
    if (t->left_out > 0)
        mc_buf_printf(b, " (%zu too short)", t->left_out);
    mc_buf_printf(b, ".\n%-16s %8s %8s %8s %8s %8s %8s %8s\n", "method", "sMAPE", "MASE", "RMSSE", "WAPE", "bias",
                  "pinball", "P10-P90");
    for (size_t k = 0; k < t->line_count; k++)
        put_line(b, &t->lines[k]);
    put_verdict(b, t);
}

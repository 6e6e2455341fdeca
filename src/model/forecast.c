#include "model/forecast.h"

#include "base/mem.h"
#include "base/sort.h"
#include "model/forecast_season.h"

#include <math.h>

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void mc_doubles_sort(double *v, size_t n) {
    mc_sort(v, n, sizeof *v, compare_doubles);
}

double mc_quantile_sorted(const double *v, size_t n, double tau) {
    if (n == 0)
        return 0;
    double at = tau * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

void mc_forecast_each(const struct mc_forecast_options *o, size_t count, void (*work)(void *, size_t), void *argument) {
    if (o->each != NULL) {
        o->each(o->each_context, count, work, argument);
        return;
    }
    for (size_t i = 0; i < count; i++)
        work(argument, i);
}

static bool taus_are_good(const struct mc_forecast_options *o) {
    if (o->tau_count < 1 || o->tau_count > MC_FORECAST_TAUS_MAX)
        return false;
    for (size_t k = 0; k < o->tau_count; k++)
        if (!(o->tau[k] > 0 && o->tau[k] < 1) || (k > 0 && o->tau[k] <= o->tau[k - 1]))
            return false;
    return true;
}

static enum mc_err check(const struct mc_forecast_options *o, struct mc_error *e) {
    if (o->horizon < 1 || o->horizon > MC_FORECAST_HORIZON_MAX)
        return mc_error_set(e, MC_ERR_USAGE, "a horizon of %zu steps: it must be 1 to %d", o->horizon,
                            MC_FORECAST_HORIZON_MAX);
    if (o->season < 1 || o->season > MC_SEASON_MAX)
        return mc_error_set(e, MC_ERR_USAGE, "a season of %zu periods: it must be 1 to %d", o->season, MC_SEASON_MAX);
    if (!taus_are_good(o))
        return mc_error_set(e, MC_ERR_USAGE, "quantiles must be 1 to %d rising numbers between 0 and 1",
                            MC_FORECAST_TAUS_MAX);
    for (size_t k = 0; k < o->sum_count; k++)
        if (o->sum_count > MC_FORECAST_SUMS_MAX || o->sum[k] < 1 || o->sum[k] > o->horizon)
            return mc_error_set(e, MC_ERR_USAGE, "a sum must be over 1 to %zu steps", o->horizon);
    return MC_OK;
}

enum mc_err mc_forecast_run(const struct mc_series *series, size_t count, const struct mc_forecast_options *o,
                            struct mc_forecast *out, struct mc_error *e) {
    enum mc_err err = check(o, e);
    *out = (struct mc_forecast){0};
    if (err != MC_OK || count == 0)
        return err;
    *out = (struct mc_forecast){.count = count, .steps = o->horizon + o->sum_count, .tau_count = o->tau_count};
    out->mean = mc_calloc(count * out->steps, sizeof *out->mean);
    out->quantile = mc_calloc(count * out->steps * o->tau_count, sizeof *out->quantile);
    out->method = mc_calloc(count, sizeof *out->method);
    if (out->mean == NULL || out->quantile == NULL || out->method == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the forecasts of %zu series", count);
    else
        err = o->demand ? mc_forecast_demand(series, o, out, e) : mc_forecast_values(series, o, out, e);
    if (err != MC_OK)
        mc_forecast_free(out);
    return err;
}

void mc_forecast_free(struct mc_forecast *f) {
    mc_free(f->mean);
    mc_free(f->quantile);
    mc_free(f->method);
    *f = (struct mc_forecast){0};
}

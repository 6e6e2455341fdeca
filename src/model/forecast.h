/* Forecasts of many series at once: they lend each other weights, widths and, for demand, their common level.
 *
 * One rule for any set, which never looks past the end of a series: the last origins of each series' own past are
 * forecast as if the rest had not been, and what came out there decides.
 * - Values of any kind: two members, the ETS family averaged by Akaike's weights and the dynamic optimised Theta model,
 *   weighted by (error at the origins, drawn to the set's mean of it)^-4. Intervals: errors at the origins, in units of
 * the series' own scale, pooled over the set (conformal).
 * - Demand (`demand`): sales counts, often zero, never negative. Level methods, weighted by quantile regression on the
 *   origins of all series; the season's profile from the whole set; the sum over the set follows the forecast of the
 * sum; each quantile by a regression of its own. docs/FORECAST.md says why, and how well.
 *
 * A missing value is NaN (an infinity counts as one). Magnitudes up to 10^15. The result depends on the set, not on the
 * order of the series (beyond rounding) nor on threads. Memory is from mc_malloc: about 16 horizon + 300 bytes a series
 * and origin beside the result; regressions are cut at 400,000 rows. Any thread; no globals.
 */
#ifndef MC_MODEL_FORECAST_H
#define MC_MODEL_FORECAST_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    MC_FORECAST_HORIZON_MAX = 400,
    MC_FORECAST_TAUS_MAX = 4,
    MC_FORECAST_SUMS_MAX = 2,
    MC_FORECAST_METHOD_BYTES = 32,
    MC_FORECAST_VALUES_MIN = 3, /* a series that is not demand with fewer numbers gets NaN and the method "none" */
};

struct mc_series {
    const double *y; /* borrowed */
    size_t n;
};

struct mc_forecast_options {
    size_t horizon; /* 1 to MC_FORECAST_HORIZON_MAX */
    size_t season;  /* periods in a cycle, 1: none; at most MC_SEASON_MAX */
    bool demand;
    double tau[MC_FORECAST_TAUS_MAX]; /* rising, within (0, 1) */
    size_t tau_count;                 /* at least 1 */
    size_t sum[MC_FORECAST_SUMS_MAX]; /* also forecast the sum over the first so many steps; at most the horizon */
    size_t sum_count;
    /* Runs work(argument, i) for i = 0 .. count-1, on any threads, and returns when all are done. NULL: here, in turn.
     */
    void (*each)(void *context, size_t count, void (*work)(void *argument, size_t i), void *argument);
    void *each_context;
};

/* Owned by the caller: mc_forecast_free. Steps beyond the horizon are the sums. */
struct mc_forecast {
    size_t count, steps, tau_count; /* steps: horizon + sum_count */
    double *mean;                   /* [series][step] */
    double *quantile;               /* [series][step][tau]: never crossing */
    char (*method)[MC_FORECAST_METHOD_BYTES];
};

/* Start from {0}. MC_ERR_USAGE: an option has no meaning; MC_ERR_NOMEM. After an error *out is empty. */
enum mc_err mc_forecast_run(const struct mc_series *series, size_t count, const struct mc_forecast_options *options,
                            struct mc_forecast *out, struct mc_error *e);
void mc_forecast_free(struct mc_forecast *f);

static inline double *mc_forecast_mean(const struct mc_forecast *f, size_t series, size_t step) {
    return &f->mean[series * f->steps + step];
}

static inline double *mc_forecast_quantile(const struct mc_forecast *f, size_t series, size_t step) {
    return &f->quantile[(series * f->steps + step) * f->tau_count];
}

/* The two halves of mc_forecast_run, which checks the options and makes the room. */
enum mc_err mc_forecast_values(const struct mc_series *series, const struct mc_forecast_options *options,
                               struct mc_forecast *out, struct mc_error *e);
enum mc_err mc_forecast_demand(const struct mc_series *series, const struct mc_forecast_options *options,
                               struct mc_forecast *out, struct mc_error *e);

/* What both use. The value at share tau of sorted v, linear between neighbours; 0 of none. */
double mc_quantile_sorted(const double *v, size_t n, double tau);
void mc_doubles_sort(double *v, size_t n);
void mc_forecast_each(const struct mc_forecast_options *options, size_t count, void (*work)(void *, size_t),
                      void *argument);

#endif

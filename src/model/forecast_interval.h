/* Intervals from what went wrong before: split conformal prediction over a set of series.
 *
 * An error at step t of series i, in units of the series' own one-step scale s, is e = s g(t) r u: g(t) how errors grow
 * with the step (the set's mean |e/s|), r how much worse than its scale says this series is (the mean of its other
 * origins, drawn to 1), u the rest, whose quantiles over all series, origins and steps are the intervals. A set with
 * fewer than MC_INTERVAL_ERRORS_MIN errors is filled up with normal ones. Memory by mc_malloc; any thread.
 */
#ifndef MC_MODEL_FORECAST_INTERVAL_H
#define MC_MODEL_FORECAST_INTERVAL_H

#include "base/err.h"
#include <stddef.h>

enum { MC_INTERVAL_ERRORS_MIN = 100 };

struct mc_interval_errors {
    const float *error; /* [series][origin][step]: actual - forecast, in units of scale; NaN: unknown */
    size_t count, origins, steps;
    const double *law; /* [step]: growth expected before any error is seen, as if of a few errors */
};

struct mc_interval {
    double *growth;   /* [step] */
    double *own;      /* [series]: r */
    double *quantile; /* [tau] of u */
    size_t steps, taus;
};

/* Start from {0}; mc_interval_free. MC_ERR_NOMEM leaves it empty. */
enum mc_err mc_interval_fit(const struct mc_interval_errors *errors, const double *tau, size_t taus,
                            struct mc_interval *out, struct mc_error *e);
void mc_interval_free(struct mc_interval *i);

/* How far quantile k of a step lies from the forecast. */
double mc_interval_offset(const struct mc_interval *i, size_t series, size_t step, double scale, size_t k);

#endif

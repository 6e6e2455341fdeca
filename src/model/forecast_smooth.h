/* Exponential smoothing with additive errors: simple (SES), Holt's trend, Gardner & McKenzie's damped trend.
 *
 *     e(t) = y(t) - l(t-1) - phi b(t-1);  l(t) = l(t-1) + phi b(t-1) + alpha e(t);  b(t) = phi b(t-1) + beta e(t)
 *
 * Fitted by least squares of the one-step errors. The errors are linear in the first level and trend, so these are
 * solved for exactly at each trial of the smoothing parameters: the search has one, two or three dimensions, not five.
 * Series are finite, without gaps, n >= 1. Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_SMOOTH_H
#define MC_MODEL_FORECAST_SMOOTH_H

#include <stddef.h>

struct mc_smoothing {
    double alpha, beta, phi;         /* beta and phi 0: simple */
    double first_level, first_trend; /* before the first value */
    double level, trend;             /* after the last */
    double sse;                      /* sum of squared one-step errors */
};

/* alpha within 0.0001 and `alpha_max`; bounds as given for the intermittent methods, else 0.0001 and 0.9999. */
void mc_ses_fit(const double *y, size_t n, double alpha_min, double alpha_max, struct mc_smoothing *s);
void mc_holt_fit(const double *y, size_t n, struct mc_smoothing *s);

/* phi within 0.8 and 0.98. */
void mc_damped_fit(const double *y, size_t n, struct mc_smoothing *s);

/* Goes through y with the parameters and first states that are in *s, and sets level, trend and sse. */
void mc_smoothing_run(const double *y, size_t n, struct mc_smoothing *s);

/* Point forecasts of steps 1 to h from the last states. */
void mc_smoothing_forecast(const struct mc_smoothing *s, size_t h, double *out);

#endif

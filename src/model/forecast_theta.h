/* The Theta method (Assimakopoulos & Nikolopoulos 2000) and the dynamic optimised Theta model (Fiorucci, Pellegrini,
 * Louzada, Petropoulos & Koehler 2016), over a series whose season has been taken out.
 *
 *     mu(t) = l(t-1) + w [ (1-a)^(t-1) A(t-1) + (1 - (1-a)^t)/a B(t-1) ],  l(t) = a y(t) + (1-a) l(t-1),  w = 1 -
 * 1/theta
 *
 * A and B: intercept and slope of the straight line through the values so far (dynamic), or through all (standard, w =
 * 1/2). mu is linear in l(0) and w, which are solved for at each trial of a: one dimension to search. Series are
 * finite, without gaps, n >= 1. Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_THETA_H
#define MC_MODEL_FORECAST_THETA_H

#include <stddef.h>

struct mc_theta {
    double alpha, w, first_level;
    double level, sse;             /* after the last value */
    double intercept, slope, mean; /* A, B and the mean after the last value */
    size_t n;
};

/* Steps 1 to h. */
void mc_theta_fit(const double *y, size_t n, struct mc_theta *f);
void mc_theta_forecast(const struct mc_theta *f, size_t h, double *out);

/* `work`: 2 n doubles. */
void mc_theta_dynamic_fit(const double *y, size_t n, double *work, struct mc_theta *f);
void mc_theta_dynamic_forecast(const struct mc_theta *f, size_t h, double *out);

#endif

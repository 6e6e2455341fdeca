/* The two members of the combination for values of any kind, forecast from one origin. Pure but for scratch memory,
 * which is the caller's; any thread. */
#ifndef MC_MODEL_FORECAST_MEMBERS_H
#define MC_MODEL_FORECAST_MEMBERS_H

#include <stddef.h>

enum { MC_MEMBER_ETS, MC_MEMBER_THETA, MC_MEMBERS };

/* Doubles of scratch for a series of n values. */
size_t mc_members_scratch(size_t n, size_t horizon);

/* y: finite, no gaps, n >= 1, of size 1. forecast[member][step]; *scale: the root mean square of the Theta model's
 * one-step errors (n - 2 of them, 3 parameters), above 0. The season is taken out for Theta if the test finds one (two
 * cycles for a period above MC_ETS_PERIOD_MAX, else three); ETS has its own, up to that period. */
void mc_members_forecast(const double *y, size_t n, size_t season, size_t horizon, double *scratch,
                         double *forecast[MC_MEMBERS], double *scale);

#endif

/* Single methods by name: the rivals that a backtest shows beside the combination, and the golden references of the
 * tests.
 *
 * Each takes a series as it comes (NaN: missing) and gives steps 1 to horizon. Methods with "deseasonalised" in what
 * they do take the season out by classical decomposition where the test of forecast_season finds one. Memory by
 * mc_malloc; any thread.
 */
#ifndef MC_MODEL_FORECAST_SINGLE_H
#define MC_MODEL_FORECAST_SINGLE_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum mc_single {
    MC_SINGLE_ZERO,
    MC_SINGLE_NAIVE,          /* the last value */
    MC_SINGLE_SEASONAL_NAIVE, /* the value one season before */
    MC_SINGLE_MEAN,
    MC_SINGLE_NAIVE2, /* deseasonalised, as in M3 and M4 */
    MC_SINGLE_SES,    /* these five deseasonalised */
    MC_SINGLE_HOLT,
    MC_SINGLE_DAMPED,
    MC_SINGLE_THETA,
    MC_SINGLE_DYNAMIC_THETA,
    MC_SINGLE_ETS, /* least AICc */
    MC_SINGLE_ETS_AVERAGE,
    MC_SINGLE_CROSTON,
    MC_SINGLE_SBA,
    MC_SINGLE_TSB,
    MC_SINGLE_ADIDA,
    MC_SINGLE_IMAPA,
    MC_SINGLE_WINDOW, /* the mean of the last 28 values */
    MC_SINGLES,
};

const char *mc_single_name(enum mc_single method);

/* A series without any number gives zeros. MC_ERR_NOMEM. */
enum mc_err mc_single_forecast(enum mc_single method, const double *y, size_t n, size_t season, size_t horizon,
                               double *out, struct mc_error *e);

#endif

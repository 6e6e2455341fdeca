/* The ETS family (Hyndman, Koehler, Ord & Snyder 2008): error, trend and season, each by letter, chosen by AICc.
 *
 *     error   A, M     additive, multiplicative (the criterion is then of relative errors)
 *     trend   N, A, D  none, additive, additive and damped
 *     season  N, A, M  none, additive, multiplicative (with M errors only: the others are unstable)
 *
 * First seasonal indices come from classical decomposition and are counted as parameters; smoothing parameters, first
 * level and first trend are fitted by maximum likelihood. Models without season and with additive errors are those of
 * forecast_smooth. Series are finite, without gaps, n >= 1; multiplicative parts are only tried when all values are
 * above zero. Values should be of size 1 (divide by their mean). Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_ETS_H
#define MC_MODEL_FORECAST_ETS_H

#include "model/forecast_season.h"

enum { MC_ETS_PERIOD_MAX = 24 }; /* longer seasons have too many indices for this family: take them out first */

struct mc_ets {
    char error, trend, season; /* letters, as above */
    double alpha, beta, gamma, phi;
    double level, trend_value;       /* after the last value */
    double index[MC_ETS_PERIOD_MAX]; /* of time t at t % period, after the last value */
    size_t period, n;
    double aicc;
};

enum { MC_ETS_MODELS_MAX = 15 };

/* Fits every model of the family that the data allow, and returns how many: at least one. `period` 1 for none (what is
 * above MC_ETS_PERIOD_MAX counts as 1). A season is tried with at least two cycles of history. `work`: n doubles. */
size_t mc_ets_fit(const double *y, size_t n, size_t period, double *work, struct mc_ets models[MC_ETS_MODELS_MAX]);

/* The one of least AICc. */
const struct mc_ets *mc_ets_choose(const struct mc_ets *models, size_t count);

/* Steps 1 to h. */
void mc_ets_forecast(const struct mc_ets *f, size_t h, double *out);

/* The models' mean by Akaike's weights exp(-AICc / 2): no single choice on a small difference. `work`: h doubles. */
void mc_ets_average(const struct mc_ets *models, size_t count, size_t h, double *work, double *out);

#endif

/* Seasonality: a test, classical decomposition, and the way back.
 *
 * Series here are finite and have no gaps (mc_series_fill). The index of time t (from 0) is index[t % period];
 * multiplicative indices have mean 1, additive ones sum to 0. Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_SEASON_H
#define MC_MODEL_FORECAST_SEASON_H

#include <stdbool.h>
#include <stddef.h>

enum { MC_SEASON_MAX = 366 };

enum mc_season_kind { MC_SEASON_NONE, MC_SEASON_ADDITIVE, MC_SEASON_MULTIPLICATIVE };

struct mc_season {
    enum mc_season_kind kind;
    size_t period; /* 1 for MC_SEASON_NONE */
    double index[MC_SEASON_MAX];
};

/* Whether |acf(period)| exceeds 1.645 sqrt((1 + 2 sum of acf(k)^2, k < period) / n): the 90 % test of the M3 and M4
 * benchmarks. False below `cycles_min` whole cycles or for a period of 1. */
bool mc_season_is_present(const double *y, size_t n, size_t period, size_t cycles_min);

/* Classical decomposition: ratio or difference to a centred moving average, averaged by season. Multiplicative falls
 * back to additive when a value is not above zero; what has less than two cycles gets MC_SEASON_NONE. `work`: n
 * doubles. */
void mc_season_fit(const double *y, size_t n, size_t period, enum mc_season_kind kind, double *work,
                   struct mc_season *season);

/* Takes the season out of y, which may be `out`; or puts it back into steps first, first + 1, ... */
void mc_season_remove(const struct mc_season *season, const double *y, size_t n, double *out);
void mc_season_restore(const struct mc_season *season, size_t first, double *y, size_t count);

/* Copies y from its first number on, gaps (NaN) filled on straight lines, the last value carried on; returns the count,
 * 0 if there is no number. Infinities are gaps too. `out`: n doubles. */
size_t mc_series_fill(const double *y, size_t n, double *out);

#endif

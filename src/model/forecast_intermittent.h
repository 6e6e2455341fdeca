/* Demand that is often zero: level methods, which give one expected demand a period for all steps.
 *
 * The definitions are those that the packages agree on: Croston (1972) smooths sizes and intervals with alpha 0.1; SBA
 * (Syntetos & Boylan 2005) = Croston x (1 - alpha/2); TSB (Teunter, Syntetos & Babai 2011) smooths probability and size
 * apart; ADIDA (Nikolopoulos et al. 2011) smooths sums over the rounded mean interval; IMAPA (Petropoulos & Kourentzes
 * 2015) averages over the levels 1 to that. Where alpha is optimised it is the one-step least squares alpha within 0.1
 * and 0.3, from the first value. Series hold finite values of at least 0 and no gaps (mc_demand_compact); an empty one,
 * or one without demand, gives 0. Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_INTERMITTENT_H
#define MC_MODEL_FORECAST_INTERMITTENT_H

#include <stddef.h>

/* Copies the values that are there; negative ones become 0. Returns the count. `out` (n doubles) may be y. */
size_t mc_demand_compact(const double *y, size_t n, double *out);

double mc_demand_ses(const double *y, size_t n);
double mc_demand_croston(const double *y, size_t n, double alpha);
double mc_demand_sba(const double *y, size_t n, double alpha);
double mc_demand_tsb(const double *y, size_t n, double alpha_size, double alpha_probability);

/* The mean of the last `window` values, or of all if there are fewer. */
double mc_demand_window(const double *y, size_t n, size_t window);

/* `work`: n doubles. */
double mc_demand_adida(const double *y, size_t n, double *work);
double mc_demand_imapa(const double *y, size_t n, double *work);

/* The mean number of periods from one demand to the next, the first counted from the start; 0 without demand. */
double mc_demand_interval(const double *y, size_t n);

#endif

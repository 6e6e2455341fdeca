/* BG/NBD and MBG/NBD: customers buy at random at their own rate until, after some purchase, they are gone.
 *
 * A customer buys as a Poisson process of rate lambda ~ Gamma(r, alpha) and leaves after a purchase with probability
 * p ~ Beta(a, b). In the BG/NBD (Fader, Hardie & Lee 2005) the first purchase is safe, so one who never came again is
 * alive for sure; in the MBG/NBD (Batislam, Denizel & Filiztekin 2007) one may leave after the first purchase too. The
 * second is the first with one more draw survived, so one code does both: `early` is true for the MBG/NBD.
 *
 * Parameters are {r, alpha, a, b}, all > 0; alpha is a time. Pure; any thread.
 */
#ifndef MC_MODEL_CLV_BGNBD_H
#define MC_MODEL_CLV_BGNBD_H

#include "model/clv_counts.h"
#include "model/clv_law.h"

/* The log-likelihood of all customers and its gradient by the four parameters. `scratch` holds 2 time_count doubles. */
double mc_clv_bgnbd_log_likelihood(const struct mc_clv_counts *c, bool early, const double *params, double *gradient,
                                   double *scratch);

/* Probability that the customer still comes, at the end of the observation. */
double mc_clv_bgnbd_alive(bool early, const double *params, struct mc_clv_history h);

/* The transactions in the time t after the observation, of one who is alive then (mc_clv_law). */
void mc_clv_bgnbd_law(bool early, const double *params, struct mc_clv_history h, double t, struct mc_clv_law *law);

/* Expected repeat transactions of a new customer in the time t since the first purchase. */
double mc_clv_bgnbd_new(bool early, const double *params, double t);

/* Expected residual transactions of one who is alive, each discounted by e^(-rate t); rate > 0. Relative error 1e-7. */
double mc_clv_bgnbd_residual(bool early, const double *params, struct mc_clv_history h, double rate);

#endif

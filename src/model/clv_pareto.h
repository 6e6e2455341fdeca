/* Pareto/NBD: customers buy at random at their own rate until, at a random time, they are gone.
 *
 * lambda ~ Gamma(r, alpha), the lifetime is exponential of rate mu ~ Gamma(s, beta) (Schmittlein, Morrison & Colombo
 * 1987; Fader & Hardie 2005, "A note on deriving the Pareto/NBD model"). Parameters are {r, alpha, s, beta}, all > 0;
 * alpha and beta are times. Pure; any thread.
 *
 * The likelihood is Gamma(r + x) / Gamma(r) alpha^r beta^s (still + left), where still = (alpha + T)^-(r + x)
 * (beta + T)^-s, and left = s / (r + s + x) A0 is usually written as a difference of two hypergeometric functions. It
 * is the integral of s (alpha + y)^-(r + x) (beta + y)^-(s + 1) over y from t_x to T, and is computed as that: positive
 * terms, no case distinction, and the gradient is the same integral with another factor.
 */
#ifndef MC_MODEL_CLV_PARETO_H
#define MC_MODEL_CLV_PARETO_H

#include "model/clv_counts.h"
#include "model/clv_law.h"

/* ln A0 of Fader & Hardie's note, (20) and (22). -infinity where t_x = T. */
double mc_clv_pareto_log_a0(const double *params, struct mc_clv_history h);

/* The log-likelihood of all customers and its gradient by the four parameters. */
double mc_clv_pareto_log_likelihood(const struct mc_clv_counts *c, const double *params, double *gradient);

/* Probability that the customer is still there, at the end of the observation. */
double mc_clv_pareto_alive(const double *params, struct mc_clv_history h);

/* The transactions in the time t after the observation, of one who is alive then. */
void mc_clv_pareto_law(const double *params, struct mc_clv_history h, double t, struct mc_clv_law *law);

/* Expected repeat transactions of a new customer in the time t since the first purchase. */
double mc_clv_pareto_new(const double *params, double t);

/* Expected residual transactions of one who is alive, each discounted by e^(-rate t); rate > 0 (Fader, Hardie & Lee
 * 2005, "RFM and CLV", DERT divided by P(alive)). */
double mc_clv_pareto_residual(const double *params, struct mc_clv_history h, double rate);

#endif

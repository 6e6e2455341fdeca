/* NBD: customers buy at random at their own rate, lambda ~ Gamma(r, alpha), and never leave (Ehrenberg 1959).
 *
 * The limit of the other three when nobody leaves, and so what is left when leaving cannot be measured. Parameters are
 * {r, alpha}. Pure; any thread.
 */
#ifndef MC_MODEL_CLV_NBD_H
#define MC_MODEL_CLV_NBD_H

#include "model/clv_counts.h"

/* In the scale of the other models' likelihoods. `scratch` holds 2 time_count doubles. */
double mc_clv_nbd_log_likelihood(const struct mc_clv_counts *c, const double *params, double *gradient,
                                 double *scratch);

#endif

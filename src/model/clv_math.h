/* Special functions and quadrature of the customer-value models, in log space where a value may leave the doubles.
 *
 * Pure, no allocation, no errno, no globals (libc's lgamma has one: signgam); any thread. Arguments outside a
 * function's domain give NaN, never a trap or a long loop.
 */
#ifndef MC_MODEL_CLV_MATH_H
#define MC_MODEL_CLV_MATH_H

#include <stddef.h>

/* ln Gamma(x), x > 0. */
double mc_log_gamma(double x);

/* d/dx ln Gamma(x), x > 0: recurrence to 8, then the asymptotic series (Abramowitz & Stegun 6.3.18); error < 1e-13. */
double mc_digamma(double x);

/* ln B(a, b), a, b > 0. */
double mc_log_beta(double a, double b);

/* ln (1 + e^x), without overflow; *slope its derivative, 1 / (1 + e^-x). */
double mc_log1p_exp(double x, double *slope);

/* ln(e^a + e^b). */
double mc_log_add(double a, double b);

/* ln 2F1(a, b; c; z) for a > 0, c > b > 0, 0 <= z < 1: Gauss's series where it needs few terms, else Euler's integral
 * (Abramowitz & Stegun 15.3.1) by a trapezoid rule around the integrand's peak. Relative error of 2F1 below 1e-9. */
double mc_log_2f1(double a, double b, double c, double z);

/* Gauss-Legendre with MC_GAUSS_NODES points on [0, 1]: exact for polynomials up to degree 2n - 1. */
enum { MC_GAUSS_NODES = 12 };
extern const double mc_gauss_node[MC_GAUSS_NODES];
extern const double mc_gauss_weight[MC_GAUSS_NODES];

/* The integral of (1 + t / scale)^-power e^(-rate t) over t > 0; scale, rate > 0, power >= 0. Relative error < 1e-9. */
double mc_discounted_power(double scale, double power, double rate);

#endif

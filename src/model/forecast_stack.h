/* Weights learnt over many series: a sum of non-negative multiples of columns that comes near the target in the sense
 * of (asymmetric) absolute error: quantile regression (Koenker & Bassett 1978) by iteratively reweighted least squares.
 *
 * Without an intercept and with weights of at least 0, rows of zeros are answered by zero, and a multiple of all
 * columns by that multiple. Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_STACK_H
#define MC_MODEL_FORECAST_STACK_H

#include <stddef.h>

enum { MC_STACK_COLUMNS_MAX = 8 };

struct mc_stack_rows {
    const double *x; /* count rows of `columns` values */
    const double *y, *weight;
    size_t count;
    int columns;
};

struct mc_stack_options {
    double tau;          /* the quantile: 0.5 is least absolute error */
    const double *prior; /* the weights that it is drawn to, as if `prior_rows` average rows had said so */
    double prior_rows;
    double floor; /* errors below floor / weight count as squares: the iteration's step */
    int rounds;
};

/* Rows of weight 0 are passed over. Without any row the answer is the prior. */
void mc_stack_fit(const struct mc_stack_rows *rows, const struct mc_stack_options *options, double *weights);

double mc_stack_apply(const double *weights, const double *x, int columns);

#endif

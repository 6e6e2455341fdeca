/* Minimising a function of a few bounded variables without derivatives: Nelder & Mead (1965), and a line search.
 *
 * Deterministic: the same function and start, the same answer. They always end: after `evaluations_max` evaluations at
 * the latest. A function value that is not a number counts as the worst. Pure; any thread.
 */
#ifndef MC_MODEL_FORECAST_MINIMISE_H
#define MC_MODEL_FORECAST_MINIMISE_H

enum { MC_MINIMISE_DIMS_MAX = 6 };

typedef double mc_objective(void *context, const double *x);

struct mc_minimise {
    mc_objective *objective;
    void *context;
    int dims;                           /* 1 to MC_MINIMISE_DIMS_MAX */
    const double *lower, *upper, *step; /* `step`: the first simplex's edges */
    double tolerance;                   /* ends when the simplex's values differ by less */
    int evaluations_max;
};

/* Starts at x, leaves the best point found there and returns its value. */
double mc_minimise_simplex(const struct mc_minimise *m, double *x);

/* The least of `points` grid points on [lower, upper], then golden sections around it down to `width`. */
double mc_minimise_line(mc_objective *objective, void *context, double lower, double upper, int points, double width,
                        double *x);

#endif

/* A minimiser for few parameters within a box, with analytic gradients: BFGS, projected on the box.
 *
 * The models give it logarithms of their parameters, so that all are of one size and positive. A parameter that runs
 * away (a limit of the model is the better one) stops at its bound, which the result says. Pure; memory on the stack;
 * any thread. It ends after at most MC_OPTIM_EVALUATIONS calls of the objective, whatever that returns: NaN or infinity
 * is a point to step back from.
 */
#ifndef MC_MODEL_CLV_OPTIM_H
#define MC_MODEL_CLV_OPTIM_H

#include <stdbool.h>
#include <stddef.h>

enum { MC_OPTIM_MAX = 8, MC_OPTIM_EVALUATIONS = 400 };

/* The value at `theta`, and its gradient there. */
typedef double mc_objective(const double *theta, double *gradient, void *context);

struct mc_optim_box {
    size_t count; /* of parameters, at most MC_OPTIM_MAX */
    double low[MC_OPTIM_MAX], high[MC_OPTIM_MAX];
};

struct mc_optimum {
    double theta[MC_OPTIM_MAX], gradient[MC_OPTIM_MAX];
    double inverse[MC_OPTIM_MAX][MC_OPTIM_MAX]; /* estimate of the inverse Hessian */
    double value;
    int evaluations;
    bool converged;              /* no free component of the gradient is above the tolerance */
    bool at_bound[MC_OPTIM_MAX]; /* within 0.05 of it */
};

/* Walks down from o->theta (moved into the box). `warm`: o->inverse holds a good first estimate; else it is started
 * afresh. `tolerance`: of the gradient, in units of the objective for one unit of log parameter. If the objective is
 * not finite at the start, o->value is infinite and nothing has converged. */
void mc_optim_minimise(mc_objective *f, void *context, const struct mc_optim_box *box, bool warm, double tolerance,
                       struct mc_optimum *o);

/* The Hessian at `theta` by central differences of the gradient, symmetrised. */
void mc_optim_hessian(mc_objective *f, void *context, const double *theta, size_t count,
                      double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX]);

/* The inverse of a symmetric positive definite matrix (Cholesky); false, and `inverse` untouched, if it is none. */
bool mc_optim_invert(size_t count, double matrix[MC_OPTIM_MAX][MC_OPTIM_MAX],
                     double inverse[MC_OPTIM_MAX][MC_OPTIM_MAX]);

#endif

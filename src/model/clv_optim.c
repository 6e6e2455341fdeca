#include "model/clv_optim.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define STEP_MAX 2.0    /* in any one log parameter: a factor of 7 */
#define SUFFICIENT 1e-4 /* Armijo's fraction of the promised descent */
#define DIFFERENCE 1e-4 /* for the Hessian, in log parameters */
#define ROUNDING 1e-12  /* of the value: changes below this say nothing; the gradient still does */
#define ROUGH 100       /* times the tolerance is good enough where rounding ends the walk */
#define NEAR_BOUND 0.05 /* log parameter: within 5 % of its bound it has run to it */
#define STALL 1e-11     /* of the value: less gained in STALL_STEPS steps is a flat ridge, walked for nothing */
enum { BACKTRACKS_MAX = 40, STALL_STEPS = 25 };

/* One walk. */
struct walk {
    mc_objective *f;
    void *context;
    const struct mc_optim_box *box;
    struct mc_optimum *o;
    bool fresh; /* the inverse is the identity so far */
};

static bool is_free(const struct walk *w, size_t i) {
    const struct mc_optimum *o = w->o;
    return !(o->theta[i] <= w->box->low[i] && o->gradient[i] > 0) &&
           !(o->theta[i] >= w->box->high[i] && o->gradient[i] < 0);
}

static void start_afresh(struct walk *w) {
    memset(w->o->inverse, 0, sizeof w->o->inverse);
    for (size_t i = 0; i < w->box->count; i++)
        w->o->inverse[i][i] = 1;
    w->fresh = true;
}

static double clamp(const struct mc_optim_box *box, size_t i, double value) {
    return fmin(fmax(value, box->low[i]), box->high[i]);
}

/* Downhill, among the free parameters only, no longer than STEP_MAX. Returns the promised change, below 0; or 0. */
static double direction(const struct walk *w, double *d) {
    size_t n = w->box->count;
    double longest = 0, slope = 0;
    for (size_t i = 0; i < n; i++) {
        d[i] = 0;
        for (size_t j = 0; j < n && is_free(w, i); j++)
            d[i] -= is_free(w, j) ? w->o->inverse[i][j] * w->o->gradient[j] : 0;
        longest = fmax(longest, fabs(d[i]));
    }
    for (size_t i = 0; i < n; i++) {
        d[i] *= longest > STEP_MAX ? STEP_MAX / longest : 1;
        slope += d[i] * w->o->gradient[i];
    }
    return slope < 0 ? slope : 0;
}

/* BFGS, in the inverse form (Nocedal & Wright, 6.17); left out where the curvature is not positive. */
static void update(struct walk *w, const double *s, const double *y) {
    size_t n = w->box->count;
    double sy = 0, yy = 0, hy[MC_OPTIM_MAX], yhy = 0;
    for (size_t i = 0; i < n; i++) {
        sy += s[i] * y[i];
        yy += y[i] * y[i];
    }
    if (!(sy > 1e-14 * yy) || !isfinite(yy))
        return;
    for (size_t i = 0; i < n && w->fresh; i++)
        w->o->inverse[i][i] = sy / yy;
    w->fresh = false;
    for (size_t i = 0; i < n; i++) {
        hy[i] = 0;
        for (size_t j = 0; j < n; j++)
            hy[i] += w->o->inverse[i][j] * y[j];
        yhy += y[i] * hy[i];
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            w->o->inverse[i][j] += (1 + yhy / sy) * s[i] * s[j] / sy - (hy[i] * s[j] + s[i] * hy[j]) / sy;
}

/* Tries shorter and shorter steps along d; takes the first that is good enough. */
static bool advance(struct walk *w, const double *d, double slope) {
    struct mc_optimum *o = w->o;
    size_t n = w->box->count;
    double length = 1;
    for (int k = 0; k < BACKTRACKS_MAX && o->evaluations < MC_OPTIM_EVALUATIONS; k++) {
        double theta[MC_OPTIM_MAX], gradient[MC_OPTIM_MAX], s[MC_OPTIM_MAX], y[MC_OPTIM_MAX], promised = 0;
        for (size_t i = 0; i < n; i++) {
            theta[i] = clamp(w->box, i, o->theta[i] + length * d[i]);
            s[i] = theta[i] - o->theta[i];
            promised += s[i] * o->gradient[i];
        }
        double value = w->f(theta, gradient, w->context);
        o->evaluations++;
        if (isfinite(value) && value <= o->value + SUFFICIENT * promised + ROUNDING * fabs(o->value)) {
            for (size_t i = 0; i < n; i++)
                y[i] = gradient[i] - o->gradient[i];
            update(w, s, y);
            memcpy(o->theta, theta, n * sizeof *theta);
            memcpy(o->gradient, gradient, n * sizeof *gradient);
            o->value = value;
            return true;
        }
        /* the minimum of the parabola through what is known, within a tenth and a half */
        double bend = isfinite(value) ? value - o->value - length * slope : INFINITY;
        double shorter = isfinite(bend) && bend > 0 ? -slope * length * length / (2 * bend) : length / 4;
        length = fmin(fmax(shorter, length / 10), length / 2);
    }
    return false;
}

static double largest_free_gradient(const struct walk *w) {
    double largest = 0;
    for (size_t i = 0; i < w->box->count; i++)
        if (is_free(w, i))
            largest = fmax(largest, fabs(w->o->gradient[i]));
    return largest;
}

void mc_optim_minimise(mc_objective *f, void *context, const struct mc_optim_box *box, bool warm, double tolerance,
                       struct mc_optimum *o) {
    struct walk w = {f, context, box, o, false};
    assert(box->count > 0 && box->count <= MC_OPTIM_MAX);
    for (size_t i = 0; i < box->count; i++)
        o->theta[i] = clamp(box, i, o->theta[i]);
    if (!warm)
        start_afresh(&w);
    o->value = f(o->theta, o->gradient, context);
    o->evaluations = 1;
    o->converged = false;
    if (!isfinite(o->value))
        o->value = INFINITY;
    double before = o->value;
    for (int steps = 1; isfinite(o->value) && o->evaluations < MC_OPTIM_EVALUATIONS; steps++) {
        double d[MC_OPTIM_MAX];
        o->converged = largest_free_gradient(&w) <= tolerance;
        if (o->converged)
            break;
        if (steps % STALL_STEPS == 0) {
            if (before - o->value <= STALL * fabs(o->value))
                break;
            before = o->value;
        }
        double slope = direction(&w, d);
        if (slope < 0 && advance(&w, d, slope))
            continue;
        if (w.fresh) { /* not even straight downhill: rounding is all there is */
            o->converged = largest_free_gradient(&w) <= ROUGH * tolerance;
            break;
        }
        start_afresh(&w);
    }
    for (size_t i = 0; i < box->count; i++)
        o->at_bound[i] = o->theta[i] <= box->low[i] + NEAR_BOUND || o->theta[i] >= box->high[i] - NEAR_BOUND;
}

void mc_optim_hessian(mc_objective *f, void *context, const double *theta, size_t count,
                      double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX]) {
    double at[MC_OPTIM_MAX], above[MC_OPTIM_MAX], below[MC_OPTIM_MAX];
    assert(count <= MC_OPTIM_MAX);
    memcpy(at, theta, count * sizeof *at);
    for (size_t i = 0; i < count; i++) {
        at[i] = theta[i] + DIFFERENCE;
        f(at, above, context);
        at[i] = theta[i] - DIFFERENCE;
        f(at, below, context);
        at[i] = theta[i];
        for (size_t j = 0; j < count; j++)
            hessian[i][j] = (above[j] - below[j]) / (2 * DIFFERENCE);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            hessian[i][j] = hessian[j][i] = (hessian[i][j] + hessian[j][i]) / 2;
}

static bool cholesky(size_t n, double m[MC_OPTIM_MAX][MC_OPTIM_MAX], double l[MC_OPTIM_MAX][MC_OPTIM_MAX]) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = m[i][j];
            for (size_t k = 0; k < j; k++)
                sum -= l[i][k] * l[j][k];
            if (i == j && !(sum > 1e-13 * fabs(m[i][i])))
                return false;
            l[i][j] = i == j ? sqrt(sum) : sum / l[j][j];
        }
    return true;
}

bool mc_optim_invert(size_t count, double matrix[MC_OPTIM_MAX][MC_OPTIM_MAX],
                     double inverse[MC_OPTIM_MAX][MC_OPTIM_MAX]) {
    double l[MC_OPTIM_MAX][MC_OPTIM_MAX] = {{0}}, column[MC_OPTIM_MAX];
    assert(count <= MC_OPTIM_MAX);
    if (!cholesky(count, matrix, l))
        return false;
    for (size_t c = 0; c < count; c++) {
        for (size_t i = 0; i < count; i++) {
            column[i] = i == c;
            for (size_t k = 0; k < i; k++)
                column[i] -= l[i][k] * column[k];
            column[i] /= l[i][i];
        }
        for (size_t i = count; i-- > 0;) {
            for (size_t k = i + 1; k < count; k++)
                column[i] -= l[k][i] * column[k];
            column[i] /= l[i][i];
        }
        for (size_t i = 0; i < count; i++)
            inverse[i][c] = column[i];
    }
    return true;
}

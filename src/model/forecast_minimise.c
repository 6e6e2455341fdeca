#include "model/forecast_minimise.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { POINTS_MAX = MC_MINIMISE_DIMS_MAX + 1 };

struct simplex {
    const struct mc_minimise *m;
    double point[POINTS_MAX][MC_MINIMISE_DIMS_MAX];
    double value[POINTS_MAX];
    double centre[MC_MINIMISE_DIMS_MAX]; /* of all points but the worst */
    int best, worst, second;             /* `second`: the worst but one */
    int left;                            /* evaluations */
};

static double clamp(double x, double lower, double upper) {
    return x < lower ? lower : x > upper ? upper : x;
}

static double evaluate(struct simplex *s, const double *x) {
    s->left--;
    double value = s->m->objective(s->m->context, x);
    return isnan(value) ? INFINITY : value;
}

static void rank(struct simplex *s) {
    s->best = s->worst = 0;
    for (int i = 1; i <= s->m->dims; i++) {
        if (s->value[i] < s->value[s->best])
            s->best = i;
        if (s->value[i] >= s->value[s->worst])
            s->worst = i;
    }
    s->second = s->best;
    for (int i = 0; i <= s->m->dims; i++)
        if (i != s->worst && s->value[i] >= s->value[s->second])
            s->second = i;
}

static void find_centre(struct simplex *s) {
    for (int d = 0; d < s->m->dims; d++) {
        double sum = 0;
        for (int i = 0; i <= s->m->dims; i++)
            sum += i == s->worst ? 0 : s->point[i][d];
        s->centre[d] = sum / s->m->dims;
    }
}

/* The point `factor` times as far from the centre as the worst, and its value. */
static double move(struct simplex *s, double factor, double *x) {
    for (int d = 0; d < s->m->dims; d++)
        x[d] = clamp(s->centre[d] + factor * (s->point[s->worst][d] - s->centre[d]), s->m->lower[d], s->m->upper[d]);
    return evaluate(s, x);
}

static void replace_worst(struct simplex *s, const double *x, double value) {
    memcpy(s->point[s->worst], x, sizeof(double) * (size_t)s->m->dims);
    s->value[s->worst] = value;
}

static void shrink(struct simplex *s) {
    for (int i = 0; i <= s->m->dims; i++) {
        if (i == s->best)
            continue;
        for (int d = 0; d < s->m->dims; d++)
            s->point[i][d] = (s->point[i][d] + s->point[s->best][d]) / 2;
        s->value[i] = evaluate(s, s->point[i]);
    }
}

static void step(struct simplex *s) {
    double x[MC_MINIMISE_DIMS_MAX], further[MC_MINIMISE_DIMS_MAX];
    find_centre(s);
    double value = move(s, -1, x);
    if (value < s->value[s->best]) {
        double more = move(s, -2, further);
        replace_worst(s, more < value ? further : x, more < value ? more : value);
    } else if (value < s->value[s->second]) {
        replace_worst(s, x, value);
    } else {
        double nearer = move(s, value < s->value[s->worst] ? -0.5 : 0.5, further);
        if (nearer < value && nearer < s->value[s->worst])
            replace_worst(s, further, nearer);
        else
            shrink(s);
    }
    rank(s);
}

static void start(struct simplex *s, const double *x) {
    for (int i = 0; i <= s->m->dims; i++) {
        for (int d = 0; d < s->m->dims; d++)
            s->point[i][d] = clamp(x[d], s->m->lower[d], s->m->upper[d]);
        if (i > 0) { /* away from a bound that is near */
            int d = i - 1;
            double at = s->point[i][d], edge = s->m->step[d];
            s->point[i][d] = clamp(at + edge <= s->m->upper[d] ? at + edge : at - edge, s->m->lower[d], s->m->upper[d]);
        }
        s->value[i] = evaluate(s, s->point[i]);
    }
    rank(s);
}

double mc_minimise_simplex(const struct mc_minimise *m, double *x) {
    assert(m->dims >= 1 && m->dims <= MC_MINIMISE_DIMS_MAX);
    struct simplex s = {.m = m, .left = m->evaluations_max};
    start(&s, x);
    while (s.left > 0 && s.value[s.worst] - s.value[s.best] > m->tolerance)
        step(&s);
    memcpy(x, s.point[s.best], sizeof(double) * (size_t)m->dims);
    return s.value[s.best];
}

static double at(mc_objective *objective, void *context, double x) {
    double value = objective(context, &x);
    return isnan(value) ? INFINITY : value;
}

double mc_minimise_line(mc_objective *objective, void *context, double lower, double upper, int points, double width,
                        double *x) {
    const double golden = 0.6180339887498949;
    double edge = (upper - lower) / (points - 1), best = INFINITY;
    *x = lower;
    for (int i = 0; i < points; i++) {
        double value = at(objective, context, lower + i * edge);
        if (value < best)
            best = value, *x = lower + i * edge;
    }
    double a = clamp(*x - edge, lower, upper), b = clamp(*x + edge, lower, upper);
    double c = b - golden * (b - a), d = a + golden * (b - a);
    double fc = at(objective, context, c), fd = at(objective, context, d);
    while (b - a > width) {
        if (fc < fd) {
            b = d, d = c, fd = fc, c = b - golden * (b - a);
            fc = at(objective, context, c);
        } else {
            a = c, c = d, fc = fd, d = a + golden * (b - a);
            fd = at(objective, context, d);
        }
    }
    if (fmin(fc, fd) < best)
        best = fmin(fc, fd), *x = fc < fd ? c : d;
    return best;
}

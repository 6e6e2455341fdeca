#include "model/forecast_smooth.h"

#include "model/forecast_minimise.h"

#include <math.h>

#define ALPHA_MIN 0.0001
#define ALPHA_MAX 0.9999
#define PHI_MIN 0.8
#define PHI_MAX 0.98

struct problem {
    const double *y;
    size_t n;
    struct mc_smoothing s; /* of the last trial */
    double alpha_min, alpha_max;
};

void mc_smoothing_run(const double *y, size_t n, struct mc_smoothing *s) {
    double l = s->first_level, b = s->first_trend, sse = 0;
    for (size_t t = 0; t < n; t++) {
        double trend = s->phi * b, error = y[t] - l - trend;
        l += trend + s->alpha * error;
        b = trend + s->beta * error;
        sse += error * error;
    }
    s->level = l, s->trend = b, s->sse = sse;
}

/* The errors are e(t) = r(t) - l0 u(t): r from a first level of y(0), u the weight of what l0 differs from it. */
static double try_simple(void *context, const double *x) {
    struct problem *p = context;
    double l = p->y[0], u = 1, rr = 0, ru = 0, uu = 0, keep = 1 - x[0];
    for (size_t t = 0; t < p->n; t++) {
        double r = p->y[t] - l;
        rr += r * r, ru += r * u, uu += u * u;
        l += x[0] * r;
        u *= keep;
    }
    double change = ru / uu;
    p->s.first_level = p->y[0] + change;
    return rr - change * ru;
}

/* The same with two unknowns: the first level and trend, by their normal equations. */
static double try_trend(struct problem *p, double alpha, double beta, double phi) {
    double l = p->y[0], b = 0, ul = 1, ub = 0, vl = 0, vb = 1;
    double rr = 0, ru = 0, rv = 0, uu = 0, uv = 0, vv = 0;
    for (size_t t = 0; t < p->n; t++) {
        double step = phi * b, ustep = phi * ub, vstep = phi * vb;
        double r = p->y[t] - l - step, u = ul + ustep, v = vl + vstep;
        rr += r * r, ru += r * u, rv += r * v, uu += u * u, uv += u * v, vv += v * v;
        l += step + alpha * r, b = step + beta * r;
        ul = u - alpha * u, ub = ustep - beta * u;
        vl = v - alpha * v, vb = vstep - beta * v;
    }
    double det = uu * vv - uv * uv;
    double dl = ru / uu, db = 0;
    if (det > 1e-10 * uu * vv)
        dl = (ru * vv - rv * uv) / det, db = (rv * uu - ru * uv) / det;
    p->s =
        (struct mc_smoothing){.alpha = alpha, .beta = beta, .phi = phi, .first_level = p->y[0] + dl, .first_trend = db};
    double sse = rr - dl * ru - db * rv;
    return sse > 0 ? sse : 0;
}

static double try_holt(void *context, const double *x) {
    return log(try_trend(context, x[0], x[0] * x[1], 1) + 1e-300);
}

static double try_damped(void *context, const double *x) {
    return log(try_trend(context, x[0], x[0] * x[1], x[2]) + 1e-300);
}

void mc_ses_fit(const double *y, size_t n, double alpha_min, double alpha_max, struct mc_smoothing *s) {
    struct problem p = {.y = y, .n = n};
    double alpha = alpha_min;
    mc_minimise_line(try_simple, &p, alpha_min, alpha_max, 8, 0.004, &alpha);
    try_simple(&p, &alpha);
    *s = (struct mc_smoothing){.alpha = alpha, .first_level = p.s.first_level};
    mc_smoothing_run(y, n, s);
}

static void fit_trend(const double *y, size_t n, mc_objective *objective, int dims, struct mc_smoothing *s) {
    static const double lower[] = {ALPHA_MIN, ALPHA_MIN, PHI_MIN}, upper[] = {ALPHA_MAX, ALPHA_MAX, PHI_MAX};
    static const double edge[] = {0.3, 0.2, -0.08};
    static const double starts[][3] = {{0.5, 0.1, 0.95}, {0.15, 0.05, 0.9}};
    struct problem p = {.y = y, .n = n};
    struct mc_minimise m = {objective, &p, dims, lower, upper, edge, 1e-4, 120};
    double best[3] = {0}, least = INFINITY;
    for (int i = 0; i < 2; i++) {
        double x[3] = {starts[i][0], starts[i][1], starts[i][2]};
        double value = mc_minimise_simplex(&m, x);
        if (i == 0 || value < least)
            least = value, best[0] = x[0], best[1] = x[1], best[2] = x[2];
    }
    objective(&p, best);
    *s = p.s;
    mc_smoothing_run(y, n, s);
}

void mc_holt_fit(const double *y, size_t n, struct mc_smoothing *s) {
    fit_trend(y, n, try_holt, 2, s);
}

void mc_damped_fit(const double *y, size_t n, struct mc_smoothing *s) {
    fit_trend(y, n, try_damped, 3, s);
}

void mc_smoothing_forecast(const struct mc_smoothing *s, size_t h, double *out) {
    double value = s->level, trend = s->trend;
    for (size_t i = 0; i < h; i++) {
        trend *= s->phi;
        value += trend;
        out[i] = value;
    }
}

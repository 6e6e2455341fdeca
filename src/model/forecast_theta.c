#include "model/forecast_theta.h"

#include "model/forecast_minimise.h"

#include <math.h>

#define ALPHA_MIN 0.1 /* the authors' bounds */
#define ALPHA_MAX 0.99
#define W_MAX 0.9999999999 /* theta up to 10^10 */

enum { FIRST = 2 }; /* the first two errors say nothing: a line through two points fits them */

struct line {
    double intercept, slope, mean;
};

struct problem {
    const double *y;
    size_t n;
    const double *intercept, *slope; /* A(t), B(t) */
    struct mc_theta f;               /* of the last trial */
};

/* The least squares line through values 1 .. t, given that through t - 1 and value t (t >= 1). */
static struct line extend(struct line line, size_t t, double y) {
    double k = (double)t;
    double slope = t < 2 ? 0 : ((k - 2) * line.slope + 6 * (y - line.mean) / k) / (k + 1);
    double mean = ((k - 1) * line.mean + y) / k;
    return (struct line){mean - slope * (k + 1) / 2, slope, mean};
}

/* With w fixed: only the first level is unknown. */
static double solve_level(double rr, double ru, double rd, double uu, double ud, double dd, double w, double *change) {
    *change = uu > 0 ? (ru - w * ud) / uu : 0;
    return rr + *change * *change * uu + w * w * dd - 2 * *change * ru - 2 * w * rd + 2 * *change * w * ud;
}

static double try_dynamic(void *context, const double *x) {
    struct problem *p = context;
    double a = x[0], keep = 1 - a, l = p->y[0], u = keep;
    double rr = 0, ru = 0, rd = 0, uu = 0, ud = 0, dd = 0;
    for (size_t t = 1; t < p->n; t++) { /* value t + 1 in the formulas' count; u is (1-a)^t */
        double d = u * p->intercept[t - 1] + (1 - u * keep) / a * p->slope[t - 1], r = p->y[t] - l;
        if (t >= FIRST)
            rr += r * r, ru += r * u, rd += r * d, uu += u * u, ud += u * d, dd += d * d;
        l += a * r;
        u *= keep;
    }
    double det = uu * dd - ud * ud, w = det > 1e-12 * uu * dd ? (rd * uu - ru * ud) / det : 0, change = 0;
    w = w < 0 ? 0 : w > W_MAX ? W_MAX : w;
    double sse = solve_level(rr, ru, rd, uu, ud, dd, w, &change);
    p->f = (struct mc_theta){.alpha = a, .w = w, .first_level = p->y[0] + change, .sse = sse > 0 ? sse : 0, .n = p->n};
    return p->f.sse;
}

static double run_level(const double *y, size_t n, double alpha, double l) {
    for (size_t t = 0; t < n; t++)
        l += alpha * (y[t] - l);
    return l;
}

void mc_theta_dynamic_fit(const double *y, size_t n, double *work, struct mc_theta *f) {
    struct line line = {0};
    struct problem p = {.y = y, .n = n, .intercept = work, .slope = work + n};
    double alpha;
    for (size_t t = 0; t < n; t++) {
        line = extend(line, t + 1, y[t]);
        work[t] = line.intercept, work[n + t] = line.slope;
    }
    mc_minimise_line(try_dynamic, &p, ALPHA_MIN, ALPHA_MAX, 12, 0.002, &alpha);
    try_dynamic(&p, &alpha);
    *f = p.f;
    f->level = run_level(y, n, f->alpha, f->first_level);
    f->intercept = line.intercept, f->slope = line.slope, f->mean = line.mean;
}

void mc_theta_dynamic_forecast(const struct mc_theta *f, size_t h, double *out) {
    double l = f->level, keep = 1 - f->alpha, u = pow(keep, (double)f->n);
    struct line line = {f->intercept, f->slope, f->mean};
    for (size_t i = 0; i < h; i++) {
        out[i] = l + f->w * (u * line.intercept + (1 - u * keep) / f->alpha * line.slope);
        line = extend(line, f->n + i + 1, out[i]);
        l += f->alpha * (out[i] - l);
        u *= keep;
    }
}

static double try_standard(void *context, const double *x) {
    struct problem *p = context;
    double a = x[0], keep = 1 - a, l = p->y[0], u = 1, rr = 0, ru = 0, uu = 0;
    for (size_t t = 0; t < p->n; t++) {
        double d = u * p->f.intercept + (1 - u * keep) / a * p->f.slope, r = p->y[t] - l - p->f.w * d;
        rr += r * r, ru += r * u, uu += u * u;
        l += a * (p->y[t] - l);
        u *= keep;
    }
    p->f.first_level = p->y[0] + ru / uu;
    return rr - ru / uu * ru;
}

void mc_theta_fit(const double *y, size_t n, struct mc_theta *f) {
    struct line line = {0};
    for (size_t t = 0; t < n; t++)
        line = extend(line, t + 1, y[t]);
    struct problem p = {.y = y, .n = n};
    p.f = (struct mc_theta){.w = 0.5, .intercept = line.intercept, .slope = line.slope, .mean = line.mean, .n = n};
    mc_minimise_line(try_standard, &p, ALPHA_MIN, ALPHA_MAX, 12, 0.002, &p.f.alpha);
    p.f.sse = try_standard(&p, &p.f.alpha);
    p.f.level = run_level(y, n, p.f.alpha, p.f.first_level);
    *f = p.f;
}

void mc_theta_forecast(const struct mc_theta *f, size_t h, double *out) {
    double keep = 1 - f->alpha, u = pow(keep, (double)f->n);
    for (size_t i = 0; i < h; i++)
        out[i] = f->level + f->w * (u * f->intercept + ((1 - u * keep) / f->alpha + (double)i) * f->slope);
}

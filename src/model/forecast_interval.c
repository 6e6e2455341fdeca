#include "model/forecast_interval.h"

#include "base/mem.h"
#include "model/forecast.h"

#include <math.h>

#define LAW_ERRORS 4.0
#define NORMAL_MEAN 0.8 /* mean |error| of a normal error of standard deviation 1 */
#define OWN_PRIOR 3.0   /* origins of mean error that a series is taken to have had */

/* The value that a standard normal variable stays below with probability p: Abramowitz & Stegun 26.2.23, to 0.00045. */
static double normal_quantile(double p) {
    double t = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
    double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    return p < 0.5 ? -z : z;
}

static const float *row_of(const struct mc_interval_errors *x, size_t series, size_t origin) {
    return x->error + (series * x->origins + origin) * x->steps;
}

/* The set's mean |error| at each step, with LAW_ERRORS errors by the law. */
static void fit_growth(const struct mc_interval_errors *x, double *growth) {
    for (size_t t = 0; t < x->steps; t++) {
        double sum = 0, n = 0;
        for (size_t i = 0; i < x->count; i++)
            for (size_t q = 0; q < x->origins; q++) {
                float error = row_of(x, i, q)[t];
                if (!isnan(error))
                    sum += fabsf(error), n++;
            }
        growth[t] = (sum + LAW_ERRORS * NORMAL_MEAN * x->law[t]) / (n + LAW_ERRORS);
    }
}

/* The mean of |error| / growth at one origin; NaN if it has none. */
static double origin_mean(const struct mc_interval_errors *x, const double *growth, size_t series, size_t origin) {
    const float *row = row_of(x, series, origin);
    double sum = 0, n = 0;
    for (size_t t = 0; t < x->steps; t++)
        if (!isnan(row[t]))
            sum += fabsf(row[t]) / growth[t], n++;
    return n > 0 ? sum / n : NAN;
}

/* r from all origins but `without`. */
static double own_factor(const struct mc_interval_errors *x, const double *growth, size_t series, size_t without) {
    double sum = OWN_PRIOR, n = OWN_PRIOR;
    for (size_t q = 0; q < x->origins; q++) {
        double mean = q == without ? NAN : origin_mean(x, growth, series, q);
        if (!isnan(mean))
            sum += fmin(mean, 10), n++; /* one broken origin is no reason for an endless interval */
    }
    return sum / n;
}

static size_t gather(const struct mc_interval_errors *x, const double *growth, double *u) {
    size_t count = 0;
    for (size_t i = 0; i < x->count; i++)
        for (size_t q = 0; q < x->origins; q++) {
            const float *row = row_of(x, i, q);
            double own = own_factor(x, growth, i, q);
            for (size_t t = 0; t < x->steps; t++)
                if (!isnan(row[t]))
                    u[count++] = row[t] / (growth[t] * own);
        }
    return count;
}

static void fit_quantiles(const double *u, size_t count, const double *tau, struct mc_interval *out) {
    double trust = fmin(1, (double)count / MC_INTERVAL_ERRORS_MIN);
    for (size_t k = 0; k < out->taus; k++) {
        double normal = normal_quantile(tau[k]) / NORMAL_MEAN;
        out->quantile[k] = trust * mc_quantile_sorted(u, count, tau[k]) + (1 - trust) * normal;
    }
}

enum mc_err mc_interval_fit(const struct mc_interval_errors *x, const double *tau, size_t taus, struct mc_interval *out,
                            struct mc_error *e) {
    double *u = mc_malloc((x->count * x->origins * x->steps + 1) * sizeof *u);
    *out = (struct mc_interval){.steps = x->steps, .taus = taus};
    out->growth = mc_malloc(x->steps * sizeof *out->growth);
    out->own = mc_malloc((x->count + 1) * sizeof *out->own);
    out->quantile = mc_malloc(taus * sizeof *out->quantile);
    if (u == NULL || out->growth == NULL || out->own == NULL || out->quantile == NULL) {
        mc_free(u);
        mc_interval_free(out);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the intervals of %zu series", x->count);
    }
    fit_growth(x, out->growth);
    size_t count = gather(x, out->growth, u);
    mc_doubles_sort(u, count);
    fit_quantiles(u, count, tau, out);
    for (size_t i = 0; i < x->count; i++)
        out->own[i] = own_factor(x, out->growth, i, x->origins);
    mc_free(u);
    return MC_OK;
}

void mc_interval_free(struct mc_interval *i) {
    mc_free(i->growth);
    mc_free(i->own);
    mc_free(i->quantile);
    *i = (struct mc_interval){0};
}

double mc_interval_offset(const struct mc_interval *i, size_t series, size_t step, double scale, size_t k) {
    return scale * i->growth[step] * i->own[series] * i->quantile[k];
}

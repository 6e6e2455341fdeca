#include "model/forecast_accuracy.h"

#include <math.h>
#include <stdbool.h>

/* Mean |y(t) - y(t - season)|, to the power of 1 or 2, of the pairs that are known. */
static double scale_of(const double *y, size_t n, size_t first, size_t season, bool squared) {
    double sum = 0, pairs = 0;
    for (size_t t = first + season; t < n; t++) {
        double change = y[t] - y[t - season];
        if (isfinite(change))
            sum += squared ? change * change : fabs(change), pairs++;
    }
    return pairs > 0 ? sum / pairs : 0;
}

static size_t first_above_zero(const double *y, size_t n) {
    size_t t = 0;
    while (t < n && !(y[t] > 0))
        t++;
    return t;
}

static double count_above_zero(const double *y, size_t n) {
    double count = 0;
    for (size_t t = 0; t < n; t++)
        count += y[t] > 0;
    return count;
}

static void add_quantiles(struct mc_accuracy *a, const struct mc_accuracy_case *c, size_t t) {
    const double *quantile = c->quantile + t * c->taus;
    double actual = c->actual[t], slack = 1e-9 * fabs(actual);
    for (size_t k = 0; k < c->taus; k++) {
        double error = actual - quantile[k];
        a->pinball += error > 0 ? c->tau[k] * error : (c->tau[k] - 1) * error;
        a->quantiles++;
    }
    a->covered += actual >= quantile[0] - slack && actual <= quantile[c->taus - 1] + slack;
    a->quantile_steps++;
}

static void add_scaled(struct mc_accuracy *a, const struct mc_accuracy_case *c, double absolute, double squared) {
    double scale = scale_of(c->history, c->n, 0, c->season, false);
    if (scale > 0)
        a->mase += absolute / scale, a->mase_series++;
    scale = scale_of(c->history, c->n, first_above_zero(c->history, c->n), 1, true);
    if (scale > 0 && count_above_zero(c->history, c->n) >= c->demands_min)
        a->rmsse += sqrt(squared / scale), a->rmsse_series++;
}

void mc_accuracy_add(struct mc_accuracy *a, const struct mc_accuracy_case *c) {
    double known = 0, smape = 0, absolute = 0, squared = 0, forecast = 0, actual = 0;
    for (size_t t = 0; t < c->horizon; t++) {
        double error = c->forecast[t] - c->actual[t], size = fabs(c->forecast[t]) + fabs(c->actual[t]);
        if (!isfinite(error))
            continue;
        known++;
        smape += size > 0 ? 200 * fabs(error) / size : 0;
        absolute += fabs(error), squared += error * error;
        forecast += c->forecast[t], actual += c->actual[t];
        if (c->quantile != NULL)
            add_quantiles(a, c, t);
    }
    if (!(known > 0))
        return;
    a->series++, a->steps += known;
    a->smape += smape / known, a->point_smape += smape;
    a->absolute += fabs(forecast - actual), a->forecast += forecast, a->actual += actual;
    add_scaled(a, c, absolute / known, squared / known);
}

static double share(double part, double of) {
    return of != 0 ? part / of : NAN;
}

struct mc_accuracy_result mc_accuracy_result(const struct mc_accuracy *a) {
    double mean_actual = share(a->actual, a->steps);
    return (struct mc_accuracy_result){
        .series = a->series,
        .smape = share(a->smape, a->series),
        .smape_points = share(a->point_smape, a->steps),
        .mase = share(a->mase, a->mase_series),
        .rmsse = share(a->rmsse, a->rmsse_series),
        .wape = share(a->absolute, fabs(a->actual)),
        .bias = share(a->forecast - a->actual, fabs(a->actual)),
        .pinball = share(share(a->pinball, a->quantiles), fabs(mean_actual)),
        .cover = share(a->covered, a->quantile_steps),
    };
}

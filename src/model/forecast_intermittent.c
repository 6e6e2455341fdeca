#include "model/forecast_intermittent.h"

#include "model/forecast_minimise.h"

#include <math.h>

struct values {
    const double *y;
    size_t n;
};

size_t mc_demand_compact(const double *y, size_t n, double *out) {
    size_t count = 0;
    for (size_t t = 0; t < n; t++)
        if (isfinite(y[t]))
            out[count++] = y[t] > 0 ? y[t] : 0;
    return count;
}

static double try_alpha(void *context, const double *alpha) {
    const struct values *v = context;
    double level = v->y[0], sse = 0;
    for (size_t t = 1; t < v->n; t++) {
        double error = v->y[t] - level;
        sse += error * error;
        level += *alpha * error;
    }
    return sse;
}

double mc_demand_ses(const double *y, size_t n) {
    if (n == 0)
        return 0;
    struct values v = {y, n};
    double alpha, level = y[0];
    mc_minimise_line(try_alpha, &v, 0.1, 0.3, 3, 0.005, &alpha);
    for (size_t t = 1; t < n; t++)
        level += alpha * (y[t] - level);
    return level;
}

double mc_demand_croston(const double *y, size_t n, double alpha) {
    double size = 0, interval = 0, since = 0;
    for (size_t t = 0; t < n; t++) {
        since++;
        if (!(y[t] > 0))
            continue;
        size = interval > 0 ? size + alpha * (y[t] - size) : y[t];
        interval = interval > 0 ? interval + alpha * (since - interval) : since;
        since = 0;
    }
    return interval > 0 ? size / interval : 0;
}

double mc_demand_sba(const double *y, size_t n, double alpha) {
    return mc_demand_croston(y, n, alpha) * (1 - alpha / 2);
}

double mc_demand_tsb(const double *y, size_t n, double alpha_size, double alpha_probability) {
    double size = 0, probability = 0;
    for (size_t t = 0; t < n; t++) {
        double is_sold = y[t] > 0;
        probability = t > 0 ? probability + alpha_probability * (is_sold - probability) : is_sold;
        if (is_sold > 0)
            size = size > 0 ? size + alpha_size * (y[t] - size) : y[t];
    }
    return size * probability;
}

double mc_demand_window(const double *y, size_t n, size_t window) {
    double sum = 0;
    size_t count = window < n ? window : n;
    for (size_t t = n - count; t < n; t++)
        sum += y[t];
    return count > 0 ? sum / (double)count : 0;
}

double mc_demand_interval(const double *y, size_t n) {
    size_t last = 0, count = 0;
    for (size_t t = 0; t < n; t++)
        if (y[t] > 0)
            last = t + 1, count++;
    return count > 0 ? (double)last / (double)count : 0;
}

/* Sums of `level` periods each, counted from the end; smoothed; for one period. */
static double aggregate(const double *y, size_t n, size_t level, double *work) {
    size_t count = n / level, first = n - count * level;
    for (size_t i = 0; i < count; i++) {
        work[i] = 0;
        for (size_t t = 0; t < level; t++)
            work[i] += y[first + i * level + t];
    }
    return mc_demand_ses(work, count) / (double)level;
}

static size_t level_of(const double *y, size_t n) {
    double interval = round(mc_demand_interval(y, n));
    return interval < 1 ? 1 : (size_t)interval;
}

double mc_demand_adida(const double *y, size_t n, double *work) {
    return n > 0 ? aggregate(y, n, level_of(y, n), work) : 0;
}

double mc_demand_imapa(const double *y, size_t n, double *work) {
    size_t levels = level_of(y, n);
    double sum = 0;
    for (size_t level = 1; level <= levels; level++)
        sum += n > 0 ? aggregate(y, n, level, work) : 0;
    return sum / (double)levels;
}

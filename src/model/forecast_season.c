#include "model/forecast_season.h"

#include <math.h>
#include <string.h>

static double mean_of(const double *y, size_t n) {
    double sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += y[t];
    return n > 0 ? sum / (double)n : 0;
}

static double covariance(const double *y, size_t n, size_t lag, double mean) {
    double sum = 0;
    for (size_t t = lag; t < n; t++)
        sum += (y[t] - mean) * (y[t - lag] - mean);
    return sum;
}

bool mc_season_is_present(const double *y, size_t n, size_t period, size_t cycles_min) {
    if (period < 2 || n < cycles_min * period)
        return false;
    double mean = mean_of(y, n), variance = covariance(y, n, 0, mean), sum = 1;
    if (!(variance > 0))
        return false;
    for (size_t lag = 1; lag < period; lag++) {
        double acf = covariance(y, n, lag, mean) / variance;
        sum += 2 * acf * acf;
    }
    return fabs(covariance(y, n, period, mean) / variance) > 1.645 * sqrt(sum / (double)n);
}

/* The centred moving average over one period, into trend[half .. n - half - 1]; returns half. */
static size_t moving_average(const double *y, size_t n, size_t period, double *trend) {
    size_t half = period / 2;
    bool even = period % 2 == 0;
    for (size_t t = half; t + half < n; t++) {
        double sum = 0;
        for (size_t k = t - half; k <= t + half; k++)
            sum += y[k];
        if (even)
            sum -= (y[t - half] + y[t + half]) / 2;
        trend[t] = sum / (double)period;
    }
    return half;
}

static void centre(struct mc_season *season) {
    double mean = mean_of(season->index, season->period);
    for (size_t s = 0; s < season->period; s++)
        season->index[s] = season->kind == MC_SEASON_ADDITIVE ? season->index[s] - mean : season->index[s] / mean;
}

static bool is_above_zero(const double *y, size_t n) {
    for (size_t t = 0; t < n; t++)
        if (!(y[t] > 0))
            return false;
    return true;
}

void mc_season_fit(const double *y, size_t n, size_t period, enum mc_season_kind kind, double *work,
                   struct mc_season *season) {
    size_t count[MC_SEASON_MAX] = {0};
    season->kind = MC_SEASON_NONE, season->period = 1;
    if (period < 2 || period > MC_SEASON_MAX || n < 2 * period || kind == MC_SEASON_NONE)
        return;
    season->period = period;
    season->kind = kind == MC_SEASON_MULTIPLICATIVE && !is_above_zero(y, n) ? MC_SEASON_ADDITIVE : kind;
    memset(season->index, 0, sizeof(double) * period);
    size_t half = moving_average(y, n, period, work);
    for (size_t t = half; t + half < n; t++) {
        season->index[t % period] += season->kind == MC_SEASON_ADDITIVE ? y[t] - work[t] : y[t] / work[t];
        count[t % period]++;
    }
    for (size_t s = 0; s < period; s++)
        season->index[s] = count[s] > 0 ? season->index[s] / (double)count[s] : season->kind != MC_SEASON_ADDITIVE;
    centre(season);
}

void mc_season_remove(const struct mc_season *season, const double *y, size_t n, double *out) {
    for (size_t t = 0; t < n; t++) {
        double index = season->index[t % season->period];
        out[t] = season->kind == MC_SEASON_NONE       ? y[t]
                 : season->kind == MC_SEASON_ADDITIVE ? y[t] - index
                                                      : y[t] / index;
    }
}

void mc_season_restore(const struct mc_season *season, size_t first, double *y, size_t count) {
    for (size_t t = 0; t < count; t++) {
        double index = season->index[(first + t) % season->period];
        if (season->kind == MC_SEASON_ADDITIVE)
            y[t] += index;
        else if (season->kind == MC_SEASON_MULTIPLICATIVE)
            y[t] *= index;
    }
}

/* Fills the gap out[from + 1 .. to - 1] between two numbers. */
static void bridge(double *out, size_t from, size_t to) {
    for (size_t t = from + 1; t < to; t++)
        out[t] = out[from] + (out[to] - out[from]) * ((double)(t - from) / (double)(to - from));
}

size_t mc_series_fill(const double *y, size_t n, double *out) {
    size_t first = 0, last = 0;
    while (first < n && !isfinite(y[first]))
        first++;
    for (size_t t = first; t < n; t++) {
        if (!isfinite(y[t]))
            continue;
        out[t - first] = y[t];
        bridge(out, last, t - first);
        last = t - first;
    }
    for (size_t t = last + 1; first + t < n; t++)
        out[t] = out[last];
    return n - first;
}

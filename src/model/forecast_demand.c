/* Demand: levels of each series, weighted over the set; the set's profile and total; quantiles
 * (forecast_demand_quantile.c).
 *
 * 1. study:   level methods at the end and at four origins in the past, sizes capped
 * 2. stack:   weights of the levels, by least absolute error over all series and origins
 * 3. profile: how phases of the season differ, if the sum over all series shows a season
 * 4. total:   all levels times one factor, so that they add up to the forecast of the sum
 * 5. quantiles, each by a regression of its own */
#include "model/forecast.h"

#include "base/mem.h"
#include "model/forecast_demand_set.h"
#include "model/forecast_intermittent.h"
#include "model/forecast_members.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CAP_OF_MEAN 4.0     /* a size is cut at so many times the mean of the others */
#define PROFILE_PRIOR 200.0 /* the set's profile counts as so many demands of the series' own */
#define TOTAL_TRUST 20.0    /* with so many series the total's factor counts half, in logarithms */
#define TOTAL_FACTOR_MAX 2.0

static const double levels_prior[MC_DEMAND_LEVELS] = {0.15, 0.2, 0.15, 0.2, 0.15, 0.15};

/* ---- 1. one series
 * ----------------------------------------------------------------------------------------------------- */

static size_t window_of(const struct mc_forecast_options *o) {
    if (o->season > 1)
        return o->season <= 8 ? 4 * o->season : (o->season + 1) / 2;
    return o->horizon < 6 ? 6 : o->horizon > 28 ? 28 : o->horizon;
}

size_t mc_demand_history(const struct mc_demand_set *d, size_t series, size_t origin) {
    size_t n = d->series[series].n, h = d->o->horizon;
    if (origin == 0)
        return n;
    size_t back = h + (origin - 1) * (h > 1 ? h / 2 : 1);
    return n > back + d->window / 2 ? n - back : 0;
}

/* CAP_OF_MEAN times the mean size without the largest; infinite below three demands. */
static double cap_of(const double *y, size_t n) {
    double largest = 0, sum = 0, times = 0;
    for (size_t t = 0; t < n; t++) {
        largest = y[t] > largest ? y[t] : largest;
        sum += y[t], times += y[t] > 0;
    }
    return times >= 3 ? CAP_OF_MEAN * (sum - largest) / (times - 1) : INFINITY;
}

static double difference_weight(const double *y, size_t n) {
    double sum = 0;
    for (size_t t = 1; t < n; t++)
        sum += (y[t] - y[t - 1]) * (y[t] - y[t - 1]);
    return sum > 0 ? sqrt((double)(n - 1) / sum) : 0;
}

static double mean_known(const double *y, size_t n) {
    double sum = 0, known = 0;
    for (size_t t = 0; t < n; t++)
        if (isfinite(y[t]))
            sum += y[t] > 0 ? y[t] : 0, known++;
    return known > 0 ? sum / known : NAN;
}

static void study_values(const struct mc_demand_set *d, struct mc_demand_state *s, double *y, size_t n, double *work) {
    double sum = 0;
    s->cap = cap_of(y, n);
    for (size_t t = 0; t < n; t++) {
        y[t] = y[t] > s->cap ? s->cap : y[t];
        sum += y[t], s->times += y[t] > 0;
    }
    s->size = s->times > 0 ? sum / s->times : 0;
    s->weight = difference_weight(y, n);
    s->level[0] = mc_demand_adida(y, n, work);
    s->level[1] = mc_demand_imapa(y, n, work);
    for (size_t k = 1; k <= 4; k++)
        s->level[1 + k] = mc_demand_window(y, n, k * d->window);
    s->known = n > 0;
}

static void study(void *argument, size_t i) {
    struct mc_demand_set *d = argument;
    const struct mc_series *series = &d->series[i];
    double *y = mc_malloc((2 * series->n + 1) * sizeof *y);
    if (y == NULL) {
        atomic_store(&d->failed, true);
        return;
    }
    for (size_t q = 0; q < MC_DEMAND_ORIGINS; q++) {
        struct mc_demand_state *s = mc_demand_state(d, i, q);
        s->n = mc_demand_history(d, i, q);
        size_t count = mc_demand_compact(series->y, s->n, y);
        study_values(d, s, y, count, y + series->n);
        s->actual = q > 0 && s->n > 0 ? mean_known(series->y + s->n, d->o->horizon) : NAN;
    }
    mc_free(y);
}

/* ---- 2. the stack
 * ------------------------------------------------------------------------------------------------------ */

/* The rows of all series and origins, or each `stride`-th. */
static size_t stack_rows(const struct mc_demand_set *d, size_t stride, double *x, double *y, double *weight) {
    size_t rows = 0;
    for (size_t i = 0; i < d->out->count; i += stride)
        for (size_t q = 1; q < MC_DEMAND_ORIGINS; q++) {
            const struct mc_demand_state *s = mc_demand_state(d, i, q);
            if (!s->known || isnan(s->actual) || !(s->weight > 0))
                continue;
            memcpy(x + rows * MC_DEMAND_LEVELS, s->level, sizeof s->level);
            y[rows] = s->actual, weight[rows++] = s->weight;
        }
    return rows;
}

static enum mc_err fit_stack(struct mc_demand_set *d, struct mc_error *e) {
    size_t past = MC_DEMAND_ORIGINS - 1, stride = 1 + d->out->count * past / MC_DEMAND_ROWS_MAX;
    size_t room = (d->out->count / stride + 1) * past;
    double *x = mc_malloc(room * (MC_DEMAND_LEVELS + 2) * sizeof *x);
    if (x == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to weigh the methods over %zu series", d->out->count);
    double *y = x + room * MC_DEMAND_LEVELS, *weight = y + room;
    size_t count = stack_rows(d, stride, x, y, weight);
    struct mc_stack_rows rows = {x, y, weight, count, MC_DEMAND_LEVELS};
    struct mc_stack_options options = {
        .tau = 0.5, .prior = levels_prior, .prior_rows = 30, .floor = 0.05, .rounds = 20};
    mc_stack_fit(&rows, &options, d->levels);
    mc_free(x);
    for (size_t i = 0; i < d->out->count * MC_DEMAND_ORIGINS; i++)
        d->states[i].mean = mc_stack_apply(d->levels, d->states[i].level, MC_DEMAND_LEVELS);
    return MC_OK;
}

/* ---- 3. and 4. the sum over the set
 * ------------------------------------------------------------------------------------ */

static size_t longest(const struct mc_demand_set *d) {
    size_t n = 0;
    for (size_t i = 0; i < d->out->count; i++)
        n = d->series[i].n > n ? d->series[i].n : n;
    return n;
}

/* The sum over all series by period; a series' missing values count as its mean. */
static void add_up(const struct mc_demand_set *d, double *sum, size_t n) {
    for (size_t i = 0; i < d->out->count; i++) {
        const struct mc_series *s = &d->series[i];
        double mean = mean_known(s->y, s->n);
        for (size_t t = 0; t < s->n && !isnan(mean); t++)
            sum[n - s->n + t] += !isfinite(s->y[t]) ? mean : s->y[t] > 0 ? s->y[t] : 0;
    }
}

/* Capped demand of the set by phase before an origin, as a profile of mean 1. */
static void fit_profile(struct mc_demand_set *d, size_t origin) {
    double sum[MC_SEASON_MAX] = {0}, count[MC_SEASON_MAX] = {0}, all = 0;
    for (size_t i = 0; i < d->out->count; i++) {
        const struct mc_demand_state *s = mc_demand_state(d, i, origin);
        const double *y = d->series[i].y;
        for (size_t t = 0; t < s->n; t++)
            if (isfinite(y[t])) {
                size_t phase = mc_demand_phase(d->period, d->series[i].n, t);
                sum[phase] += fmin(fmax(y[t], 0), s->cap), count[phase]++;
            }
    }
    for (size_t p = 0; p < d->period; p++)
        all += count[p] > 0 ? sum[p] / count[p] : 0;
    for (size_t p = 0; p < d->period; p++)
        d->profile[origin][p] = all > 0 && count[p] > 0 ? sum[p] / count[p] / all * (double)d->period : 1;
}

void mc_demand_profile(const struct mc_demand_set *d, size_t series, size_t origin, double *profile) {
    const struct mc_demand_state *s = mc_demand_state(d, series, origin);
    const double *y = d->series[series].y;
    double sum[MC_SEASON_MAX] = {0}, count[MC_SEASON_MAX] = {0}, all = 0;
    for (size_t t = 0; t < s->n && d->period > 1; t++)
        if (isfinite(y[t])) {
            size_t phase = mc_demand_phase(d->period, d->series[series].n, t);
            sum[phase] += fmin(fmax(y[t], 0), s->cap), count[phase]++;
        }
    for (size_t p = 0; p < d->period; p++)
        all += count[p] > 0 ? sum[p] / count[p] : 0;
    for (size_t p = 0; p < d->period; p++) {
        double own = all > 0 && count[p] > 0 ? sum[p] / count[p] / all * (double)d->period : d->profile[origin][p];
        profile[p] = (s->times * own + PROFILE_PRIOR * d->profile[origin][p]) / (s->times + PROFILE_PRIOR);
    }
}

/* What the sum will be over the horizon, from its first n values: the mean of the two members. */
static double forecast_total(const struct mc_demand_set *d, const double *sum, size_t n, double *scratch) {
    double values[MC_MEMBERS][MC_FORECAST_HORIZON_MAX], *to[MC_MEMBERS] = {values[0], values[1]}, scale, total = 0;
    double unit = mean_known(sum, n), *y = scratch;
    if (!(unit > 0))
        return 0;
    for (size_t t = 0; t < n; t++)
        y[t] = sum[t] / unit;
    mc_members_forecast(y, n, d->period, d->o->horizon, scratch + n, to, &scale);
    for (size_t t = 0; t < d->o->horizon; t++)
        total += (values[0][t] + values[1][t]) / 2;
    return total > 0 ? total * unit : 0;
}

/* Multiplies the means at an origin so that they add up to `total`. */
static void reconcile(struct mc_demand_set *d, size_t origin, double total) {
    double sum = 0, count = 0;
    for (size_t i = 0; i < d->out->count; i++) {
        const struct mc_demand_state *s = mc_demand_state(d, i, origin);
        sum += s->known ? s->mean * (double)d->o->horizon : 0;
        count += s->known && s->times > 0;
    }
    if (!(sum > 0) || !(total > 0))
        return;
    double factor = fmin(fmax(total / sum, 1 / TOTAL_FACTOR_MAX), TOTAL_FACTOR_MAX);
    factor = pow(factor, count / (count + TOTAL_TRUST));
    for (size_t i = 0; i < d->out->count; i++)
        mc_demand_state(d, i, origin)->mean *= factor;
}

static enum mc_err follow_total(struct mc_demand_set *d, struct mc_error *e) {
    size_t n = longest(d), h = d->o->horizon;
    double *sum = mc_calloc(6 * n + h + 1, sizeof *sum);
    if (sum == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the sum of %zu series", d->out->count);
    add_up(d, sum, n);
    d->period = mc_season_is_present(sum, n, d->o->season, 3) ? d->o->season : 1;
    for (size_t q = 0; q < MC_DEMAND_ORIGINS; q++) {
        size_t back = q > 0 ? h + (q - 1) * (h > 1 ? h / 2 : 1) : 0;
        fit_profile(d, q);
        if (n > back + d->window / 2)
            reconcile(d, q, forecast_total(d, sum, n - back, sum + n));
    }
    mc_free(sum);
    return MC_OK;
}

/* ---- 5. the answer
 * ------------------------------------------------------------------------------------------------------ */

static void answer(void *argument, size_t i) {
    struct mc_demand_set *d = argument;
    const struct mc_demand_state *s = mc_demand_state(d, i, 0);
    double profile[MC_SEASON_MAX], sum = 0;
    size_t h = d->o->horizon;
    mc_demand_profile(d, i, 0, profile);
    for (size_t t = 0, k = 0; t < h; t++) {
        *mc_forecast_mean(d->out, i, t) = s->mean * profile[t % d->period];
        sum += *mc_forecast_mean(d->out, i, t);
        for (k = 0; k < d->o->sum_count; k++)
            if (d->o->sum[k] == t + 1)
                *mc_forecast_mean(d->out, i, h + k) = sum;
    }
    bool is_empty = !s->known || !(s->times > 0);
    snprintf(d->out->method[i], MC_FORECAST_METHOD_BYTES, "%s",
             is_empty        ? "no demand"
             : d->period > 1 ? "levels x profile"
                             : "levels");
}

/* The greatest common divisor of all values, if there is one that is not far below them. */
static double quantum_of(const struct mc_series *series, size_t count) {
    double divisor = 0, largest = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t t = 0; t < series[i].n; t++) {
            double a = series[i].y[t], b = divisor;
            if (!isfinite(a) || !(a > 0))
                continue;
            largest = fmax(largest, a);
            while (b > largest * 1e-9) {
                double rest = fmod(a, b);
                rest = b - rest < largest * 1e-9 ? 0 : rest;
                a = b, b = rest;
            }
            divisor = a;
            if (divisor < largest * 1e-7)
                return 0;
        }
    return divisor;
}

enum mc_err mc_forecast_demand(const struct mc_series *series, const struct mc_forecast_options *o,
                               struct mc_forecast *out, struct mc_error *e) {
    struct mc_demand_set *d = mc_calloc(1, sizeof *d);
    enum mc_err err = MC_OK;
    if (d != NULL) {
        *d = (struct mc_demand_set){.series = series, .o = o, .out = out, .window = window_of(o), .period = 1};
        d->states = mc_calloc(out->count * MC_DEMAND_ORIGINS, sizeof *d->states);
    }
    if (d == NULL || d->states == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory to study %zu series", out->count);
    if (err == MC_OK)
        mc_forecast_each(o, out->count, study, d);
    if (err == MC_OK && atomic_load(&d->failed))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory to study a series");
    if (err == MC_OK)
        err = fit_stack(d, e);
    if (err == MC_OK)
        err = follow_total(d, e);
    if (err == MC_OK) {
        mc_forecast_each(o, out->count, answer, d);
        d->quantum = quantum_of(series, out->count);
        err = mc_demand_quantiles(d, e);
    }
    if (d != NULL)
        mc_free(d->states);
    mc_free(d);
    return err;
}

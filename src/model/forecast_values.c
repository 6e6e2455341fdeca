/* Series of any kind: two members from each origin, weights from the errors there, intervals from what remains. */
#include "model/forecast.h"

#include "base/mem.h"
#include "model/forecast_interval.h"
#include "model/forecast_members.h"
#include "model/forecast_season.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define POOL_ORIGINS 4.0 /* the set's mean counts as so many origins of the series' own */
#define WEIGHT_POWER 4.0

enum {
    ORIGINS_MAX = 8,
    ORIGINS_OF_MANY = 2, /* in a set of MANY series or more */
    MANY = 30,
    HISTORY_MIN = 8, /* values before an origin */
};

struct study {
    double unit;  /* the series is divided by it */
    double scale; /* at the end, in units */
    size_t n;     /* of the filled series; 0: refused */
    int origins;
    double loss[MC_MEMBERS]; /* mean |error| over all origins and steps, in units of scale */
    double weight[MC_MEMBERS];
    bool is_negative; /* has a value below zero */
};

struct values {
    const struct mc_series *series;
    const struct mc_forecast_options *o;
    struct mc_forecast *out;
    struct study *studies;
    size_t origins;  /* room for so many */
    float *forecast; /* [series][origin, the last is the end][member][horizon], in units; at origins: errors / scale */
    float *error;    /* [series][origin][step]: of the combination, in units of scale */
    struct mc_interval interval;
    _Atomic bool failed; /* no memory */
};

static float *forecast_at(const struct values *v, size_t i, size_t origin, int member) {
    return v->forecast + ((i * (v->origins + 1) + origin) * MC_MEMBERS + (size_t)member) * v->o->horizon;
}

/* ---- one series
 * ------------------------------------------------------------------------------------------------------ */

/* Where origin q (from 0) of a series of n values lies; 0 if there is too little before it. */
static size_t origin_of(const struct values *v, size_t n, size_t q) {
    size_t h = v->o->horizon, step = h > 1 ? h / 2 : 1, back = h + q * step;
    size_t needed = v->o->season > 1 && v->o->season <= 24 ? 2 * v->o->season + 2 : HISTORY_MIN;
    needed = needed < HISTORY_MIN ? HISTORY_MIN : needed;
    return n >= back + needed ? n - back : 0;
}

static double normalise(double *y, size_t n, bool *is_negative) {
    double sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += fabs(y[t]), *is_negative |= y[t] < 0;
    double unit = sum > 0 ? sum / (double)n : 1;
    for (size_t t = 0; t < n; t++)
        y[t] /= unit;
    return unit;
}

static void forecast_from(const struct values *v, const double *y, size_t n, size_t i, size_t origin, double *scratch,
                          double *scale) {
    double values[MC_MEMBERS][MC_FORECAST_HORIZON_MAX], *to[MC_MEMBERS];
    for (int j = 0; j < MC_MEMBERS; j++)
        to[j] = values[j];
    mc_members_forecast(y, n, v->o->season, v->o->horizon, scratch, to, scale);
    for (int j = 0; j < MC_MEMBERS; j++)
        for (size_t t = 0; t < v->o->horizon; t++)
            forecast_at(v, i, origin, j)[t] = (float)values[j][t];
}

/* Turns the forecasts at an origin into errors, NaN where the original was missing, and adds to the losses. */
static void compare(const struct values *v, size_t i, size_t origin, const double *y, const double *original,
                    double scale) {
    struct study *s = &v->studies[i];
    for (int j = 0; j < MC_MEMBERS; j++) {
        float *f = forecast_at(v, i, origin, j);
        double sum = 0, n = 0;
        for (size_t t = 0; t < v->o->horizon; t++) {
            bool known = isfinite(original[t]);
            f[t] = known ? (float)((y[t] - (double)f[t]) / scale) : NAN;
            if (known)
                sum += fabsf(f[t]), n++;
        }
        s->loss[j] += n > 0 ? sum / n : 0;
    }
    s->origins++;
}

static void study_filled(struct values *v, size_t i, double *y, size_t n, double *scratch) {
    const struct mc_series *series = &v->series[i];
    struct study *s = &v->studies[i];
    s->unit = normalise(y, n, &s->is_negative);
    s->n = n;
    for (size_t q = 0; q < v->origins; q++) {
        size_t at = origin_of(v, n, q);
        double scale;
        if (at == 0)
            break;
        forecast_from(v, y, at, i, q, scratch, &scale);
        compare(v, i, q, y + at, series->y + (series->n - n) + at, scale);
    }
    forecast_from(v, y, n, i, v->origins, scratch, &s->scale);
}

static size_t count_known(const struct mc_series *s) {
    size_t known = 0;
    for (size_t t = 0; t < s->n; t++)
        known += isfinite(s->y[t]) != 0;
    return known;
}

static void study(void *argument, size_t i) {
    struct values *v = argument;
    const struct mc_series *series = &v->series[i];
    if (count_known(series) < MC_FORECAST_VALUES_MIN)
        return;
    double *y = mc_malloc((series->n + mc_members_scratch(series->n, v->o->horizon)) * sizeof *y);
    if (y == NULL) {
        atomic_store(&v->failed, true);
        return;
    }
    study_filled(v, i, y, mc_series_fill(series->y, series->n, y), y + series->n);
    mc_free(y);
}

/* ---- the set
 * --------------------------------------------------------------------------------------------------------- */

/* A member's loss over that of all members: 1 is as good as the rest. */
static double relative_loss(const struct study *s, int member) {
    double sum = 0;
    for (int j = 0; j < MC_MEMBERS; j++)
        sum += s->loss[j];
    return s->origins > 0 && sum > 0 ? s->loss[member] * MC_MEMBERS / sum : 1;
}

static void choose_weights(struct values *v) {
    double pool[MC_MEMBERS], n = 1;
    for (int j = 0; j < MC_MEMBERS; j++)
        pool[j] = 1;
    for (size_t i = 0; i < v->out->count; i++) {
        n += v->studies[i].origins > 0;
        for (int j = 0; j < MC_MEMBERS; j++)
            pool[j] += v->studies[i].origins > 0 ? relative_loss(&v->studies[i], j) : 0;
    }
    for (size_t i = 0; i < v->out->count; i++) {
        struct study *s = &v->studies[i];
        double sum = 0, own = s->origins;
        for (int j = 0; j < MC_MEMBERS; j++) {
            double loss = (own * relative_loss(s, j) + POOL_ORIGINS * pool[j] / n) / (own + POOL_ORIGINS);
            s->weight[j] = pow(loss + 1e-9, -WEIGHT_POWER);
            sum += s->weight[j];
        }
        for (int j = 0; j < MC_MEMBERS; j++)
            s->weight[j] /= sum;
    }
}

static double combine(const struct values *v, size_t i, size_t origin, size_t t) {
    double sum = 0;
    for (int j = 0; j < MC_MEMBERS; j++)
        sum += v->studies[i].weight[j] * (double)forecast_at(v, i, origin, j)[t];
    return sum;
}

/* Sums of the steps' errors are errors of the sums; NaN is catching. */
static void gather_errors(struct values *v) {
    size_t h = v->o->horizon, steps = v->out->steps;
    for (size_t i = 0; i < v->out->count; i++)
        for (size_t q = 0; q < v->origins; q++) {
            float *row = v->error + (i * v->origins + q) * steps;
            bool known = q < (size_t)v->studies[i].origins;
            for (size_t t = 0; t < h; t++)
                row[t] = known ? (float)combine(v, i, q, t) : NAN;
            for (size_t k = 0; k < v->o->sum_count; k++) {
                row[h + k] = 0;
                for (size_t t = 0; t < v->o->sum[k]; t++)
                    row[h + k] += row[t];
            }
        }
}

/* ---- the answer
 * ------------------------------------------------------------------------------------------------------ */

static void refuse(struct values *v, size_t i) {
    for (size_t t = 0; t < v->out->steps; t++) {
        *mc_forecast_mean(v->out, i, t) = NAN;
        for (size_t k = 0; k < v->out->tau_count; k++)
            mc_forecast_quantile(v->out, i, t)[k] = NAN;
    }
    snprintf(v->out->method[i], MC_FORECAST_METHOD_BYTES, "none");
}

static double floor_at_zero(const struct study *s, double value) {
    return !s->is_negative && value < 0 ? 0 : value;
}

static void answer_step(struct values *v, size_t i, size_t t, double mean, size_t growth_step) {
    const struct study *s = &v->studies[i];
    double *quantile = mc_forecast_quantile(v->out, i, t);
    *mc_forecast_mean(v->out, i, t) = floor_at_zero(s, mean) * s->unit;
    for (size_t k = 0; k < v->out->tau_count; k++) {
        double offset = mc_interval_offset(&v->interval, i, growth_step, s->scale, k);
        quantile[k] = floor_at_zero(s, mean + offset) * s->unit;
    }
}

static void answer(void *argument, size_t i) {
    struct values *v = argument;
    const struct study *s = &v->studies[i];
    size_t h = v->o->horizon;
    if (s->n == 0) {
        refuse(v, i);
        return;
    }
    for (size_t t = 0; t < h; t++)
        answer_step(v, i, t, combine(v, i, v->origins, t), t);
    for (size_t k = 0; k < v->o->sum_count; k++) {
        double sum = 0;
        for (size_t t = 0; t < v->o->sum[k]; t++)
            sum += combine(v, i, v->origins, t);
        answer_step(v, i, h + k, sum, h + k);
    }
    snprintf(v->out->method[i], MC_FORECAST_METHOD_BYTES, "ets %.2f + theta %.2f", s->weight[MC_MEMBER_ETS],
             s->weight[MC_MEMBER_THETA]);
}

/* Errors of a random walk: the square root of the step; of their sum, as if all went one way. */
static void fill_law(const struct mc_forecast_options *o, double *law) {
    for (size_t t = 0; t < o->horizon; t++)
        law[t] = sqrt((double)(t + 1));
    for (size_t k = 0; k < o->sum_count; k++) {
        law[o->horizon + k] = 0;
        for (size_t t = 0; t < o->sum[k]; t++)
            law[o->horizon + k] += law[t];
    }
}

static enum mc_err fit_intervals(struct values *v, struct mc_error *e) {
    double law[MC_FORECAST_HORIZON_MAX + MC_FORECAST_SUMS_MAX] = {0};
    struct mc_interval_errors errors = {v->error, v->out->count, v->origins, v->out->steps, law};
    fill_law(v->o, law);
    return mc_interval_fit(&errors, v->o->tau, v->o->tau_count, &v->interval, e);
}

static enum mc_err make_room(struct values *v, struct mc_error *e) {
    size_t count = v->out->count;
    v->origins = count >= MANY ? ORIGINS_OF_MANY : ORIGINS_MAX;
    v->studies = mc_calloc(count, sizeof *v->studies);
    v->forecast = mc_calloc(count * (v->origins + 1) * MC_MEMBERS * v->o->horizon, sizeof *v->forecast);
    v->error = mc_calloc(count * v->origins * v->out->steps, sizeof *v->error);
    if (v->studies == NULL || v->forecast == NULL || v->error == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to study %zu series", count);
    return MC_OK;
}

enum mc_err mc_forecast_values(const struct mc_series *series, const struct mc_forecast_options *o,
                               struct mc_forecast *out, struct mc_error *e) {
    struct values v = {.series = series, .o = o, .out = out};
    enum mc_err err = make_room(&v, e);
    if (err == MC_OK)
        mc_forecast_each(o, out->count, study, &v);
    if (err == MC_OK && atomic_load(&v.failed))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory to study a series");
    if (err == MC_OK) {
        choose_weights(&v);
        gather_errors(&v);
        err = fit_intervals(&v, e);
    }
    if (err == MC_OK)
        mc_forecast_each(o, out->count, answer, &v);
    mc_interval_free(&v.interval);
    mc_free(v.studies);
    mc_free(v.forecast);
    mc_free(v.error);
    return err;
}

/* Quantiles of demand: for each tau a regression over all series, origins and steps, of what was sold on
 *
 *     the tau quantile of the series' same phase (or its last 24 periods, if the set has no season),
 *     that of its last two windows, and of all its past, both times the profile where that is below 1.5,
 *     the mean forecast, and the root of mean times size of a demand: the spread of a compound Poisson sum.
 *
 * The sums over several steps have regressions of their own, on the series' past sums of that length. Where all values
 * are multiples of one quantum (whole numbers), so are the quantiles. */
#include "model/forecast_demand_set.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum {
    FEATURES = 5,
    CYCLES = 16,  /* of the same phase */
    PERIODS = 24, /* without a season */
    STEPS_LISTED = MC_FORECAST_HORIZON_MAX,
};

#define PROFILE_CEILING 1.5

static const double prior[FEATURES] = {0.5, 0.1, 0.1, 0.1, 0.05};

struct rows {
    double *x, *y, *weight;
    size_t count, room;
};

/* One series at one origin, for one tau. */
struct view {
    const struct mc_demand_set *d;
    const struct mc_demand_state *s;
    size_t series, origin;
    double tau, mean;
    double profile[MC_SEASON_MAX], phase_quantile[MC_SEASON_MAX];
    double recent, all;
    double *work; /* as long as the series */
};

/* The tau quantile of y[from], y[from + stride] ... before `end`, of the numbers among them. */
static double quantile_of(const double *y, size_t from, size_t end, size_t stride, double tau, double *work) {
    size_t count = 0;
    for (size_t t = from; t < end; t += stride)
        if (isfinite(y[t]))
            work[count++] = y[t] > 0 ? y[t] : 0;
    mc_doubles_sort(work, count);
    return mc_quantile_sorted(work, count, tau);
}

static size_t back_from(size_t n, size_t periods) {
    return n > periods ? n - periods : 0;
}

static void phase_quantiles(struct view *v, const double *y) {
    size_t period = v->d->period, n = v->s->n, total = v->d->series[v->series].n;
    for (size_t k = 0; k < period; k++) {
        size_t from = back_from(n, period > 1 ? CYCLES * period : PERIODS) + k;
        if (period == 1)
            v->phase_quantile[0] = quantile_of(y, from, n, 1, v->tau, v->work);
        else
            v->phase_quantile[mc_demand_phase(period, total, from)] =
                from < n ? quantile_of(y, from, n, period, v->tau, v->work) : 0;
    }
}

static void look(struct view *v) {
    const double *y = v->d->series[v->series].y;
    mc_demand_profile(v->d, v->series, v->origin, v->profile);
    phase_quantiles(v, y);
    v->recent = quantile_of(y, back_from(v->s->n, 2 * v->d->window), v->s->n, 1, v->tau, v->work);
    v->all = quantile_of(y, 0, v->s->n, 1, v->tau, v->work);
    v->mean = v->s->mean;
}

static void step_features(const struct view *v, size_t t, double *x) {
    size_t phase = mc_demand_phase(v->d->period, v->d->series[v->series].n, v->s->n + t);
    double mean = v->mean * v->profile[phase], damp = fmin(v->profile[phase], PROFILE_CEILING);
    x[0] = v->phase_quantile[phase];
    x[1] = v->recent * damp;
    x[2] = v->all * damp;
    x[3] = mean;
    x[4] = sqrt(mean * v->s->size);
}

/* The past sums over `length` known values, and their quantile; recent: of the last four lengths. */
static void sum_features(const struct view *v, size_t length, double *x) {
    const double *y = v->d->series[v->series].y;
    size_t n = v->s->n, count = 0;
    double mean = 0;
    for (size_t t = 0; t + length <= n; t++) {
        double sum = 0;
        for (size_t k = t; k < t + length; k++)
            sum += isfinite(y[k]) ? fmax(y[k], 0) : v->mean;
        v->work[count++] = sum;
    }
    for (size_t t = 0; t < length; t++)
        mean += v->mean * v->profile[mc_demand_phase(v->d->period, v->d->series[v->series].n, n + t)];
    size_t last = count < 4 * length ? count : 4 * length;
    double *recent = v->work + count - last;
    mc_doubles_sort(recent, last);
    x[1] = mc_quantile_sorted(recent, last, v->tau);
    mc_doubles_sort(v->work, count);
    x[0] = mc_quantile_sorted(v->work, count, v->tau);
    x[2] = count > 0 ? v->work[count - 1] : 0;
    x[3] = mean;
    x[4] = sqrt(mean * v->s->size);
}

static void add_row(struct rows *r, const double *x, double y, double weight) {
    if (r->count == r->room || !isfinite(y))
        return;
    memcpy(r->x + r->count * FEATURES, x, FEATURES * sizeof *x);
    r->y[r->count] = y > 0 ? y : 0;
    r->weight[r->count++] = weight;
}

static void add_steps(struct rows *r, const struct view *v) {
    const double *future = v->d->series[v->series].y + v->s->n;
    double x[FEATURES];
    for (size_t t = 0; t < v->d->o->horizon; t++) {
        step_features(v, t, x);
        add_row(r, x, future[t], 1);
    }
}

static void add_sum(struct rows *r, const struct view *v, size_t length) {
    const double *future = v->d->series[v->series].y + v->s->n;
    double x[FEATURES], sum = 0;
    for (size_t t = 0; t < length; t++)
        sum += future[t] > 0 || isnan(future[t]) ? future[t] : 0;
    sum_features(v, length, x);
    add_row(r, x, sum, v->s->times > 0 ? 1 / (x[3] + v->s->size) : 0);
}

/* Rows for the steps (length 0) or for a sum, from each stride-th series. */
static void gather(struct mc_demand_set *d, struct view *v, double tau, size_t length, struct rows *r) {
    size_t per_series = (MC_DEMAND_ORIGINS - 1) * (length > 0 ? 1 : d->o->horizon);
    size_t stride = 1 + d->out->count * per_series / MC_DEMAND_ROWS_MAX;
    r->count = 0;
    for (size_t i = 0; i < d->out->count; i += stride)
        for (size_t q = 1; q < MC_DEMAND_ORIGINS; q++) {
            v->d = d, v->series = i, v->origin = q, v->tau = tau, v->s = mc_demand_state(d, i, q);
            if (!v->s->known)
                continue;
            look(v);
            if (length > 0)
                add_sum(r, v, length);
            else
                add_steps(r, v);
        }
}

static double snap(const struct mc_demand_set *d, double value) {
    return d->quantum > 0 ? d->quantum * floor(value / d->quantum + 0.5) : value;
}

/* Quantile k of a step or sum: never below that of a smaller tau. */
static void set_quantile(struct mc_demand_set *d, size_t i, size_t step, size_t k, double value) {
    double *quantile = mc_forecast_quantile(d->out, i, step);
    value = snap(d, value);
    quantile[k] = k > 0 && value < quantile[k - 1] ? quantile[k - 1] : value;
}

static void apply(struct mc_demand_set *d, struct view *v, size_t k, size_t sum, const double *weights) {
    double x[FEATURES];
    for (size_t i = 0; i < d->out->count; i++) {
        v->d = d, v->series = i, v->origin = 0, v->tau = d->o->tau[k], v->s = mc_demand_state(d, i, 0);
        if (!(v->s->times > 0))
            continue; /* no demand: zero, as it is */
        look(v);
        if (sum > 0) {
            sum_features(v, d->o->sum[sum - 1], x);
            set_quantile(d, i, d->o->horizon + sum - 1, k, mc_stack_apply(weights, x, FEATURES));
            continue;
        }
        for (size_t t = 0; t < d->o->horizon; t++) {
            step_features(v, t, x);
            set_quantile(d, i, t, k, mc_stack_apply(weights, x, FEATURES));
        }
    }
}

static double mean_size(const struct rows *r) {
    double sum = 0;
    for (size_t i = 0; i < r->count; i++)
        sum += r->y[i];
    return r->count > 0 ? sum / (double)r->count : 0;
}

static void fit_and_apply(struct mc_demand_set *d, struct view *v, struct rows *r, size_t k, size_t sum) {
    double weights[FEATURES];
    struct mc_stack_options options = {.tau = d->o->tau[k], .prior = prior, .prior_rows = 30, .rounds = 15};
    struct mc_stack_rows rows = {r->x, r->y, r->weight, 0, FEATURES};
    gather(d, v, d->o->tau[k], sum > 0 ? d->o->sum[sum - 1] : 0, r);
    rows.count = r->count;
    options.floor = sum > 0 ? 0.05 : 0.1 * mean_size(r) + 1e-300;
    mc_stack_fit(&rows, &options, weights);
    apply(d, v, k, sum, weights);
}

static size_t longest(const struct mc_demand_set *d) {
    size_t n = 0;
    for (size_t i = 0; i < d->out->count; i++)
        n = d->series[i].n > n ? d->series[i].n : n;
    return n;
}

enum mc_err mc_demand_quantiles(struct mc_demand_set *d, struct mc_error *e) {
    size_t most = d->out->count * (MC_DEMAND_ORIGINS - 1) * d->o->horizon;
    size_t room = (most < MC_DEMAND_ROWS_MAX ? most : MC_DEMAND_ROWS_MAX) + 1;
    struct view *v = mc_calloc(1, sizeof *v);
    struct rows r = {.x = mc_malloc(room * (FEATURES + 2) * sizeof(double)), .room = room};
    double *work = mc_malloc((longest(d) + 1) * sizeof *work);
    enum mc_err err = v != NULL && r.x != NULL && work != NULL ? MC_OK : MC_ERR_NOMEM;
    if (err != MC_OK)
        mc_error_set(e, err, "no memory for the quantiles of %zu series", d->out->count);
    for (size_t k = 0; k < d->o->tau_count && err == MC_OK; k++)
        for (size_t sum = 0; sum <= d->o->sum_count; sum++) {
            r.y = r.x + room * FEATURES, r.weight = r.y + room, v->work = work;
            fit_and_apply(d, v, &r, k, sum);
        }
    mc_free(v);
    mc_free(r.x);
    mc_free(work);
    return err;
}

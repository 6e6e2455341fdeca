#include "model/forecast_ets.h"

#include "model/forecast_minimise.h"
#include "model/forecast_smooth.h"

#include <math.h>
#include <string.h>

enum { ALPHA, LEVEL, BETA, TREND, PHI, GAMMA, PARAMETERS };

struct problem {
    const double *y;
    size_t n;
    const struct mc_season *season; /* first indices */
    struct mc_ets model;            /* letters and period; states after a trial */
    int parameter[PARAMETERS];      /* what x[i] is */
    int dims;
    double value[PARAMETERS]; /* of what is not searched */
};

/* The sum of logarithms as the logarithm of a product that is cut before it leaves the range of doubles. */
struct log_sum {
    double product, sum;
};

static inline void log_add(struct log_sum *s, double value) {
    s->product *= value;
    if (s->product > 1e100 || s->product < 1e-100)
        s->sum += log(s->product), s->product = 1;
}

static void unpack(struct problem *p, const double *x) {
    double *v = p->value;
    for (int i = 0; i < p->dims; i++)
        v[p->parameter[i]] = x[i];
    p->model.alpha = v[ALPHA];
    p->model.beta = v[ALPHA] * v[BETA]; /* beta <= alpha, gamma <= 1 - alpha: the usual region */
    p->model.gamma = (1 - v[ALPHA]) * v[GAMMA];
    p->model.phi = v[PHI];
    p->model.level = v[LEVEL];
    p->model.trend_value = v[TREND];
    memcpy(p->model.index, p->season->index, sizeof(double) * p->model.period);
}

/* One pass: minus twice the log likelihood, without constants. The letters are constants where it is called. */
static inline double pass(struct problem *p, bool relative, char season) {
    struct mc_ets *f = &p->model;
    struct log_sum logs = {1, 0};
    double alpha = f->alpha, beta = f->beta, gamma = f->gamma, phi = f->phi, l = f->level, b = f->trend_value, sse = 0;
    for (size_t t = 0, at = 0; t < p->n; t++) {
        double trend = phi * b, base = l + trend, index = season == 'N' ? 0 : f->index[at];
        double expected = season == 'M' ? base * index : base + index, error = p->y[t] - expected;
        if (relative) {
            if (!(expected > 1e-6))
                return INFINITY;
            log_add(&logs, expected);
            sse += (error / expected) * (error / expected);
        } else {
            sse += error * error;
        }
        if (season == 'M')
            error *= base / expected; /* the relative error, times the base: as level and trend take it */
        l = base + alpha * error;
        b = trend + beta * error;
        if (season == 'M')
            f->index[at] = index * (1 + gamma * error / base);
        else if (season == 'A')
            f->index[at] = index + gamma * error;
        at = at + 1 == f->period ? 0 : at + 1;
    }
    f->level = l, f->trend_value = b;
    return (double)p->n * log(sse / (double)p->n + 1e-300) + 2 * (logs.sum + log(logs.product));
}

static double try_model(void *context, const double *x) {
    struct problem *p = context;
    unpack(p, x);
    bool relative = p->model.error == 'M';
    if (p->model.season == 'M')
        return pass(p, true, 'M');
    if (p->model.season == 'A')
        return relative ? pass(p, true, 'A') : pass(p, false, 'A');
    return relative ? pass(p, true, 'N') : pass(p, false, 'N');
}

static double aicc(const struct problem *p, double likelihood) {
    bool trend = p->model.trend != 'N', damped = p->model.trend == 'D', season = p->model.season != 'N';
    double k = 3 + 2 * trend + damped + (season ? (double)p->model.period : 0), n = (double)p->n;
    return n - k - 1 > 0 ? likelihood + 2 * k + 2 * k * (k + 1) / (n - k - 1) : INFINITY;
}

static void add_parameter(struct problem *p, double *x, int parameter, double start) {
    p->parameter[p->dims] = parameter;
    x[p->dims++] = start;
}

/* Level and trend before the first value: a line through the first values, season taken out. */
static void first_states(const struct problem *p, double *level, double *trend) {
    size_t period = p->model.period, count = 2 * period > 10 ? 2 * period : 10;
    double sx = 0, sy = 0, sxx = 0, sxy = 0, k = (double)(count = count < p->n ? count : p->n);
    for (size_t t = 0; t < count; t++) {
        double x = (double)(t + 1), index = p->season->index[t % period], y = p->y[t];
        y = p->model.season == 'M' ? y / index : p->model.season == 'A' ? y - index : y;
        sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    double det = k * sxx - sx * sx;
    *trend = p->model.trend != 'N' && det > 0 ? (k * sxy - sx * sy) / det : 0;
    *level = (sy - *trend * sx) / k;
}

static void search(struct problem *p) {
    static const double lower[] = {1e-4, -1e12, 1e-4, -1e12, 0.8, 1e-4},
                        upper[] = {0.9999, 1e12, 0.9999, 1e12, 0.98, 0.9999};
    static const double edge[] = {0.2, 0.1, 0.2, 0.02, -0.05, 0.2};
    double x[PARAMETERS], low[PARAMETERS], high[PARAMETERS], step[PARAMETERS], level, trend;
    p->dims = 0;
    first_states(p, &level, &trend);
    p->value[BETA] = p->value[GAMMA] = p->value[TREND] = 0, p->value[PHI] = p->model.trend == 'N' ? 0 : 1;
    add_parameter(p, x, ALPHA, p->model.season == 'N' ? 0.4 : 0.25);
    add_parameter(p, x, LEVEL, level);
    if (p->model.trend != 'N') {
        add_parameter(p, x, BETA, 0.1);
        add_parameter(p, x, TREND, trend);
    }
    if (p->model.trend == 'D')
        add_parameter(p, x, PHI, 0.95);
    if (p->model.season != 'N')
        add_parameter(p, x, GAMMA, 0.1);
    for (int i = 0; i < p->dims; i++)
        low[i] = lower[p->parameter[i]], high[i] = upper[p->parameter[i]], step[i] = edge[p->parameter[i]];
    struct mc_minimise m = {try_model, p, p->dims, low, high, step, 0.05, 60 + 50 * p->dims};
    double likelihood = mc_minimise_simplex(&m, x);
    try_model(p, x);
    p->model.aicc = aicc(p, likelihood);
}

/* Additive errors and no season: exact least squares. */
static void search_linear(struct problem *p) {
    struct mc_smoothing s;
    if (p->model.trend == 'N')
        mc_ses_fit(p->y, p->n, 1e-4, 0.9999, &s);
    else if (p->model.trend == 'A')
        mc_holt_fit(p->y, p->n, &s);
    else
        mc_damped_fit(p->y, p->n, &s);
    p->model.alpha = s.alpha, p->model.beta = s.beta, p->model.phi = s.phi, p->model.gamma = 0;
    p->model.level = s.level, p->model.trend_value = s.trend;
    p->model.aicc = aicc(p, (double)p->n * log(s.sse / (double)p->n + 1e-300));
}

struct family {
    struct mc_ets *models;
    size_t count;
};

static void consider(const double *y, size_t n, const struct mc_season *season, const char *letters,
                     struct family *all) {
    struct problem p = {.y = y, .n = n, .season = season};
    p.model.error = letters[0], p.model.trend = letters[1], p.model.season = letters[2];
    p.model.n = n, p.model.period = p.model.season == 'N' ? 1 : season->period;
    if (aicc(&p, 0) == INFINITY)
        return;
    if (p.model.error == 'A' && p.model.season == 'N')
        search_linear(&p);
    else
        search(&p);
    if (isfinite(p.model.aicc))
        all->models[all->count++] = p.model;
}

static void consider_all(const double *y, size_t n, const struct mc_season *season, const char *const *letters,
                         bool positive, struct family *all) {
    for (; *letters != NULL; letters++)
        if (positive || (*letters)[0] == 'A')
            consider(y, n, season, *letters, all);
}

static void consider_seasonal(const double *y, size_t n, size_t period, bool positive, double *work,
                              struct family *all) {
    static const char *const additive[] = {"ANA", "AAA", "ADA", "MNA", "MAA", "MDA", NULL};
    static const char *const multiplicative[] = {"MNM", "MAM", "MDM", NULL};
    struct mc_season season;
    mc_season_fit(y, n, period, MC_SEASON_ADDITIVE, work, &season);
    if (season.kind == MC_SEASON_ADDITIVE)
        consider_all(y, n, &season, additive, positive, all);
    mc_season_fit(y, n, period, MC_SEASON_MULTIPLICATIVE, work, &season);
    if (season.kind == MC_SEASON_MULTIPLICATIVE)
        consider_all(y, n, &season, multiplicative, positive, all);
}

size_t mc_ets_fit(const double *y, size_t n, size_t period, double *work, struct mc_ets models[MC_ETS_MODELS_MAX]) {
    static const char *const plain[] = {"ANN", "AAN", "ADN", "MNN", "MAN", "MDN", NULL};
    struct mc_season none = {.period = 1};
    struct family all = {models, 0};
    bool positive = true;
    for (size_t t = 0; t < n; t++)
        positive &= y[t] > 0;
    consider_all(y, n, &none, plain, positive, &all);
    if (period > 1 && period <= MC_ETS_PERIOD_MAX)
        consider_seasonal(y, n, period, positive, work, &all);
    if (all.count == 0) /* too short for any: naive */
        models[all.count++] = (struct mc_ets){
            .error = 'A', .trend = 'N', .season = 'N', .alpha = 1, .level = y[n - 1], .period = 1, .n = n};
    return all.count;
}

const struct mc_ets *mc_ets_choose(const struct mc_ets *models, size_t count) {
    const struct mc_ets *best = models;
    for (size_t i = 1; i < count; i++)
        if (models[i].aicc < best->aicc)
            best = &models[i];
    return best;
}

void mc_ets_average(const struct mc_ets *models, size_t count, size_t h, double *work, double *out) {
    double least = mc_ets_choose(models, count)->aicc, total = 0;
    for (size_t i = 0; i < h; i++)
        out[i] = 0;
    for (size_t k = 0; k < count; k++) {
        double weight = exp((least - models[k].aicc) / 2);
        mc_ets_forecast(&models[k], h, work);
        for (size_t i = 0; i < h; i++)
            out[i] += weight * work[i];
        total += weight;
    }
    for (size_t i = 0; i < h; i++)
        out[i] /= total;
}

void mc_ets_forecast(const struct mc_ets *f, size_t h, double *out) {
    double value = f->level, trend = f->trend_value;
    for (size_t i = 0; i < h; i++) {
        trend *= f->phi;
        value += trend;
        double index = f->index[(f->n + i) % f->period];
        out[i] = f->season == 'N' ? value : f->season == 'A' ? value + index : value * index;
    }
}

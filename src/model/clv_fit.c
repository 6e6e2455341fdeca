/* Maximum likelihood for the models of clv_model.h: how it goes is told there. */
#include "model/clv_model.h"

#include "base/mem.h"
#include "model/clv_bgnbd.h"
#include "model/clv_nbd.h"
#include "model/clv_optim.h"
#include "model/clv_pareto.h"
#include <math.h>
#include <string.h>

enum {
    SAMPLE_PATTERNS = 3000, /* that starts are compared on */
    STARTS = 4,
};

#define TOLERANCE 1e-8        /* of the gradient of the mean log-likelihood, final */
#define TOLERANCE_SAMPLE 1e-4 /* where starts are compared */
#define DROPOUT_SHOWS 0.01    /* log-likelihood that leaving must explain */
#define PRIOR_SHAPE 0.5
#define PRIOR_PURCHASES 0.5
#define SHAPE_LOW 1e-4 /* customers who all differ */
#define SHAPE_HIGH 1e3 /* customers who are all alike, to 3 % */

double mc_clv_log_likelihood(enum mc_clv_kind kind, const struct mc_clv_counts *c, const double *params,
                             double *gradient, double *scratch) {
    switch (kind) {
    case MC_CLV_BGNBD:
    case MC_CLV_MBGNBD:
        return mc_clv_bgnbd_log_likelihood(c, kind == MC_CLV_MBGNBD, params, gradient, scratch);
    case MC_CLV_PARETONBD:
        return mc_clv_pareto_log_likelihood(c, params, gradient);
    default:
        return mc_clv_nbd_log_likelihood(c, params, gradient, scratch);
    }
}

struct fit {
    enum mc_clv_kind kind;
    const struct mc_clv_counts *counts;
    double *scratch;
};

static size_t param_count(enum mc_clv_kind kind) {
    return kind == MC_CLV_NBD ? 2 : 4;
}

/* Minus the mean log-likelihood, by logarithms of the parameters. */
static double objective(const double *theta, double *gradient, void *context) {
    const struct fit *f = context;
    double params[MC_CLV_PARAMS] = {0};
    for (size_t i = 0; i < param_count(f->kind); i++)
        params[i] = exp(theta[i]);
    double value = mc_clv_log_likelihood(f->kind, f->counts, params, gradient, f->scratch);
    for (size_t i = 0; i < param_count(f->kind); i++)
        gradient[i] *= -params[i] / f->counts->customers;
    return -value / f->counts->customers;
}

/* The data's own unit of time: how long a customer was seen on average. Bounds and starts are in it, so that the
 * caller's unit does not matter. */
static double own_time(const struct mc_clv_counts *c) {
    return c->exposure / c->customers;
}

static bool is_time(enum mc_clv_kind kind, size_t i) {
    return i == 1 || (i == 3 && kind == MC_CLV_PARETONBD);
}

static struct mc_optim_box box_of(enum mc_clv_kind kind, const struct mc_clv_counts *c) {
    struct mc_optim_box box = {.count = param_count(kind)};
    for (size_t i = 0; i < box.count; i++) {
        double unit = is_time(kind, i) ? own_time(c) : 1;
        box.low[i] = log(SHAPE_LOW * (is_time(kind, i) ? 1e-2 : 1) * unit);
        box.high[i] = log(SHAPE_HIGH * (is_time(kind, i) ? 1e5 : 1) * unit);
    }
    return box;
}

/* Shapes of different stores: fickle, as in the published examples, even, loyal. r, a or s, b; beta is in own time. */
static void start_of(enum mc_clv_kind kind, const struct mc_clv_counts *c, int number, double *theta) {
    static const double starts[STARTS][3] = {{0.5, 0.8, 2.5}, {1.5, 0.1, 1.5}, {0.2, 3, 8}, {5, 1, 6}};
    static const double stays[STARTS][2] = {{0.6, 0.5}, {0.3, 1.5}, {3, 2}, {1, 0.2}};
    const double *s = starts[number];
    theta[0] = log(s[0]);
    theta[1] = log(s[0] * c->exposure / c->repeats);
    theta[2] = log(kind == MC_CLV_PARETONBD ? stays[number][0] : s[1]);
    theta[3] = log(kind == MC_CLV_PARETONBD ? stays[number][1] * own_time(c) : s[2]);
}

/* The best of all starts on a sample, with its Hessian's inverse: where the full fit sets out. */
static enum mc_err best_start(struct fit *f, const struct mc_optim_box *box, struct mc_optimum *best, bool *warm,
                              struct mc_error *e) {
    struct mc_clv_counts sample = {0};
    struct fit small = *f;
    bool thin = f->counts->count > SAMPLE_PATTERNS;
    enum mc_err err = thin ? mc_clv_counts_thin(f->counts, SAMPLE_PATTERNS, &sample, e) : MC_OK;
    if (err != MC_OK)
        return err;
    small.counts = thin ? &sample : f->counts;
    best->value = INFINITY;
    for (int i = 0; i < STARTS; i++) {
        struct mc_optimum o;
        start_of(f->kind, f->counts, i, o.theta);
        mc_optim_minimise(objective, &small, box, false, TOLERANCE_SAMPLE, &o);
        if (i == 0 || o.value < best->value)
            *best = o;
    }
    double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX];
    mc_optim_hessian(objective, &small, best->theta, box->count, hessian);
    *warm = mc_optim_invert(box->count, hessian, best->inverse);
    mc_clv_counts_free(&sample);
    return MC_OK;
}

/* Standard errors by the delta method; parameters at a bound are taken as known, and have none. */
static void standard_errors(struct fit *f, const struct mc_optimum *o, struct mc_clv_model *m) {
    double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX], inverse[MC_OPTIM_MAX][MC_OPTIM_MAX];
    size_t count = param_count(f->kind);
    mc_optim_hessian(objective, f, o->theta, count, hessian);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (o->at_bound[i] || o->at_bound[j])
                hessian[i][j] = i == j;
    if (!mc_optim_invert(count, hessian, inverse))
        return;
    for (size_t i = 0; i < count; i++)
        if (!o->at_bound[i])
            m->error[i] = m->params[i] * sqrt(inverse[i][i] / f->counts->customers);
}

static enum mc_err fit_kind(struct fit *f, struct mc_clv_model *m, struct mc_error *e) {
    struct mc_optim_box box = box_of(f->kind, f->counts);
    struct mc_optimum o;
    bool warm = false;
    enum mc_err err = best_start(f, &box, &o, &warm, e);
    if (err != MC_OK)
        return err;
    mc_optim_minimise(objective, f, &box, warm, TOLERANCE, &o);
    *m = (struct mc_clv_model){.kind = f->kind, .asked = f->kind, .log_likelihood = -o.value * f->counts->customers};
    m->evaluations = o.evaluations;
    m->note = o.converged ? MC_CLV_NOTE_NONE : MC_CLV_NOTE_UNCONVERGED;
    for (size_t i = 0; i < MC_CLV_PARAMS; i++)
        m->error[i] = NAN;
    for (size_t i = 0; i < box.count; i++) {
        m->params[i] = exp(o.theta[i]);
        m->note = o.at_bound[i] ? MC_CLV_NOTE_LIMIT : m->note;
    }
    standard_errors(f, &o, m);
    return MC_OK;
}

static void prior(const struct fit *f, struct mc_clv_model *m) {
    double gradient[MC_CLV_PARAMS], exposure = f->counts->exposure > 0 ? f->counts->exposure : f->counts->customers;
    *m = (struct mc_clv_model){.kind = MC_CLV_NBD, .asked = f->kind, .note = MC_CLV_NOTE_PRIOR};
    m->params[0] = PRIOR_SHAPE;
    m->params[1] = PRIOR_SHAPE * exposure / PRIOR_PURCHASES;
    for (int i = 0; i < MC_CLV_PARAMS; i++)
        m->error[i] = NAN;
    m->log_likelihood = mc_clv_log_likelihood(MC_CLV_NBD, f->counts, m->params, gradient, f->scratch);
}

enum mc_err mc_clv_fit(enum mc_clv_kind kind, const struct mc_clv_counts *c, struct mc_clv_model *model,
                       struct mc_error *e) {
    struct fit f = {kind, c, NULL}, plain = {MC_CLV_NBD, c, NULL};
    struct mc_clv_model limit;
    if (!(c->customers > 0))
        return mc_error_set(e, MC_ERR_FORMAT, "there is no customer to fit a model to");
    f.scratch = plain.scratch = mc_malloc(2 * c->time_count * sizeof *f.scratch);
    if (f.scratch == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to fit the purchase model");
    enum mc_err err = MC_OK;
    if (!(c->repeats > 0 && c->exposure > 0)) {
        prior(&f, model);
    } else {
        err = fit_kind(&plain, &limit, e);
        if (err == MC_OK && kind != MC_CLV_NBD)
            err = fit_kind(&f, model, e);
        if (err == MC_OK && (kind == MC_CLV_NBD || !(model->log_likelihood > limit.log_likelihood + DROPOUT_SHOWS))) {
            *model = limit;
            model->asked = kind;
            model->note = kind == MC_CLV_NBD ? limit.note : MC_CLV_NOTE_NO_DROPOUT;
        }
    }
    mc_free(f.scratch);
    return err;
}

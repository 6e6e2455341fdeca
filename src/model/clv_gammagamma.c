#include "model/clv_gammagamma.h"

#include "base/mem.h"
#include "base/sort.h"
#include "model/clv_math.h"
#include "model/clv_optim.h"
#include <math.h>
#include <string.h>

enum { FEWEST = 3, SAMPLE = 3000, STARTS = 3 };

#define COUNT_MAX 1e9
#define TOLERANCE 1e-8

const char *mc_gg_note_text(enum mc_gg_note note) {
    static const char *const text[] = {
        [MC_GG_NOTE_NONE] = "",
        [MC_GG_NOTE_FEW] = ("fewer than three customers have spent on repeat transactions: everybody is taken to spend "
                            "the mean of all transactions"),
        [MC_GG_NOTE_LIMIT] =
            "a parameter of the spend model ran to its bound: there is too little variety to measure it",
        [MC_GG_NOTE_UNCONVERGED] = "the search for the spend model's parameters has not quite ended",
    };
    return text[note];
}

/* A customer's log-likelihood, x = count, z = mean:
 * ln Gamma(p x + q) - ln Gamma(p x) - ln Gamma(q) + q ln gamma + (p x - 1) ln z + p x ln x - (p x + q) ln(gamma + x z)
 */

/* One number of transactions: what depends on it alone. */
struct of_x {
    double x, value, by_p, by_q;
};

static struct of_x enter_x(const double *params, double x) {
    double p = params[0], q = params[1], both = mc_digamma(p * x + q);
    return (struct of_x){
        x, mc_log_gamma(p * x + q) - mc_log_gamma(p * x) - mc_log_gamma(q) + q * log(params[2]) + p * x * log(x),
        x * (both - mc_digamma(p * x) + log(x)), both - mc_digamma(q)};
}

static double add_customer(const struct of_x *f, const double *params, double z, double log_z, double weight,
                           double *gradient) {
    double p = params[0], q = params[1], gamma = params[2], x = f->x;
    double log_sum = log(gamma + x * z), shape = p * x + q;
    gradient[0] += weight * (f->by_p + x * (log_z - log_sum));
    gradient[1] += weight * (f->by_q + log(gamma) - log_sum);
    gradient[2] += weight * (q / gamma - shape / (gamma + x * z));
    return weight * (f->value + (p * x - 1) * log_z - shape * log_sum);
}

static bool is_known(struct mc_gg_spend s) {
    return s.count > 0 && s.mean > 0;
}

double mc_gg_log_likelihood(const struct mc_gg_spend *spend, size_t count, const double *params, double *gradient) {
    struct of_x f = {0};
    double value = 0;
    memset(gradient, 0, MC_GG_PARAMS * sizeof *gradient);
    for (size_t i = 0; i < count; i++) {
        if (!is_known(spend[i]))
            continue;
        if (spend[i].count != f.x)
            f = enter_x(params, spend[i].count);
        value += add_customer(&f, params, spend[i].mean, log(spend[i].mean), 1, gradient);
    }
    return value;
}

/* ---- fitting ---- */

/* A customer in a row sorted by (count, mean): sums come out the same in any order of the input. */
struct entry {
    double count, mean, log_mean; /* the mean in units of all customers' mean */
};

struct fit {
    struct entry *entries;
    size_t count, step; /* every step-th is looked at */
    double unit;        /* the mean of all customers' means */
};

static int compare_entries(const void *a, const void *b) {
    const struct entry *p = a, *q = b;
    int order = (p->count > q->count) - (p->count < q->count);
    return order ? order : (p->mean > q->mean) - (p->mean < q->mean);
}

static double objective(const double *theta, double *gradient, void *context) {
    const struct fit *f = context;
    double params[MC_GG_PARAMS], value = 0, seen = 0;
    struct of_x x = {0};
    for (size_t i = 0; i < MC_GG_PARAMS; i++) {
        params[i] = exp(theta[i]);
        gradient[i] = 0;
    }
    for (size_t i = f->step / 2; i < f->count; i += f->step) {
        const struct entry *entry = &f->entries[i];
        if (entry->count != x.x)
            x = enter_x(params, entry->count);
        value += add_customer(&x, params, entry->mean, entry->log_mean, 1, gradient);
        seen++;
    }
    for (size_t i = 0; i < MC_GG_PARAMS; i++)
        gradient[i] *= -params[i] / seen;
    return -value / seen;
}

static enum mc_err collect(const struct mc_gg_spend *spend, size_t count, struct fit *f, struct mc_error *e) {
    f->entries = mc_malloc((count + 1) * sizeof *f->entries);
    if (f->entries == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the spend of %zu customers", count);
    for (size_t i = 0; i < count; i++) {
        if (!(spend[i].count >= 0 && spend[i].count <= COUNT_MAX) || !(fabs(spend[i].mean) <= 1e300))
            return mc_error_set(e, MC_ERR_FORMAT, "customer %zu: the spend or its count is not a usable number", i + 1);
        if (is_known(spend[i]))
            f->entries[f->count++] = (struct entry){.count = spend[i].count, .mean = spend[i].mean};
    }
    mc_sort(f->entries, f->count, sizeof *f->entries, compare_entries);
    for (size_t i = 0; i < f->count; i++)
        f->unit += f->entries[i].mean / (double)f->count;
    for (size_t i = 0; i < f->count; i++) {
        f->entries[i].mean /= f->unit;
        f->entries[i].log_mean = log(f->entries[i].mean);
    }
    return MC_OK;
}

static void minimise(struct fit *f, struct mc_optimum *best) {
    static const double starts[STARTS][MC_GG_PARAMS] = {{6, 4, 0.5}, {1, 3, 2}, {40, 10, 0.2}};
    struct mc_optim_box box = {
        .count = MC_GG_PARAMS, .low = {log(1e-4), log(MC_GG_Q_MIN), log(1e-8)}, .high = {log(1e5), log(1e5), log(1e8)}};
    f->step = f->count > SAMPLE ? f->count / SAMPLE : 1;
    for (int i = 0; i < STARTS; i++) {
        struct mc_optimum o;
        for (size_t k = 0; k < MC_GG_PARAMS; k++)
            o.theta[k] = log(starts[i][k]);
        mc_optim_minimise(objective, f, &box, false, 1e-5, &o);
        if (i == 0 || o.value < best->value)
            *best = o;
    }
    f->step = 1;
    mc_optim_minimise(objective, f, &box, true, TOLERANCE, best);
}

static void standard_errors(struct fit *f, const struct mc_optimum *o, struct mc_gg_model *m) {
    double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX], inverse[MC_OPTIM_MAX][MC_OPTIM_MAX];
    mc_optim_hessian(objective, f, o->theta, MC_GG_PARAMS, hessian);
    for (size_t i = 0; i < MC_GG_PARAMS; i++)
        for (size_t j = 0; j < MC_GG_PARAMS; j++)
            if (o->at_bound[i] || o->at_bound[j])
                hessian[i][j] = i == j;
    if (!mc_optim_invert(MC_GG_PARAMS, hessian, inverse))
        return;
    for (size_t i = 0; i < MC_GG_PARAMS; i++)
        if (!o->at_bound[i])
            m->error[i] = m->params[i] * sqrt(inverse[i][i] / (double)f->count);
}

static void fill_model(struct fit *f, struct mc_gg_model *m) {
    struct mc_optimum o;
    minimise(f, &o);
    m->note = o.converged ? MC_GG_NOTE_NONE : MC_GG_NOTE_UNCONVERGED;
    for (size_t i = 0; i < MC_GG_PARAMS; i++) {
        m->params[i] = exp(o.theta[i]) * (i == 2 ? f->unit : 1);
        m->note = o.at_bound[i] ? MC_GG_NOTE_LIMIT : m->note;
    }
    /* a density of money: in units of the mean it is that many times as high */
    m->log_likelihood = (-o.value - log(f->unit)) * (double)f->count;
    m->mean = m->params[0] * m->params[2] / (m->params[1] - 1);
    standard_errors(f, &o, m);
}

enum mc_err mc_gg_fit(const struct mc_gg_spend *spend, size_t count, struct mc_gg_model *model, struct mc_error *e) {
    struct fit f = {.step = 1};
    *model = (struct mc_gg_model){.error = {NAN, NAN, NAN}, .note = MC_GG_NOTE_FEW};
    enum mc_err err = collect(spend, count, &f, e);
    model->customers = (double)f.count;
    model->mean = f.unit;
    if (err == MC_OK && f.count >= FEWEST)
        fill_model(&f, model);
    mc_free(f.entries);
    return err;
}

double mc_gg_expected(const struct mc_gg_model *m, struct mc_gg_spend spend) {
    double p = m->params[0], q = m->params[1], gamma = m->params[2];
    if (m->note == MC_GG_NOTE_FEW || !is_known(spend))
        return m->mean;
    return p * (gamma + spend.count * spend.mean) / (p * spend.count + q - 1);
}

double mc_gg_correlation(const struct mc_gg_spend *spend, size_t count) {
    double n = 0, x = 0, z = 0, xx = 0, zz = 0, xz = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_known(spend[i]))
            continue;
        /* Welford: no cancellation for large sums of money */
        double dx = spend[i].count - x, dz = spend[i].mean - z;
        n++;
        x += dx / n;
        z += dz / n;
        xx += dx * (spend[i].count - x);
        zz += dz * (spend[i].mean - z);
        xz += dx * (spend[i].mean - z);
    }
    return n >= FEWEST && xx > 0 && zz > 0 ? xz / sqrt(xx * zz) : NAN;
}

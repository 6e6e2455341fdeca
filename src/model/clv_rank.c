#include "model/clv_rank.h"

#include "model/clv_optim.h"
#include <math.h>
#include <string.h>

enum { CUSTOMERS_MIN = 20, STEPS_MAX = 100, HALVINGS_MAX = 30 };

#define RIDGE 10.0   /* on standardised features, against as many units of information as there are customers */
#define ETA_MAX 30.0 /* e^30 times the mean: nobody is */

_Static_assert((int)MC_CLV_RANK_WEIGHTS <= (int)MC_OPTIM_MAX, "the matrices are the optimiser's");

static void features_of(const struct mc_clv_rank *k, const struct mc_clv_rank_input *in, double *f) {
    f[0] = log(fmax(in->expected, 1e-9));
    f[1] = log(fmax(in->mean / k->money, 1e-6));
    f[2] = log1p(fmax(in->spend, 0) / k->money);
    f[3] = log1p(in->history.x);
    f[4] = (in->history.T - in->history.t_x) / k->time;
}

void mc_clv_rank_adapt(struct mc_clv_rank *rank, const struct mc_clv_rank_input *inputs, size_t count) {
    rank->money = rank->time = 0;
    for (size_t i = 0; i < count; i++) {
        rank->money += fmax(inputs[i].spend, 0) / (double)count;
        rank->time = fmax(rank->time, inputs[i].history.T);
    }
    rank->money = rank->money > 0 ? rank->money : 1;
    rank->time = rank->time > 0 ? rank->time : 1;
}

static double eta_of(const struct mc_clv_rank *k, const double *z) {
    double eta = k->weight[0];
    for (size_t i = 0; i < MC_CLV_RANK_FEATURES; i++)
        eta += k->weight[i + 1] * z[i];
    return fmin(fmax(eta, -ETA_MAX), ETA_MAX);
}

static void standardised(const struct mc_clv_rank *k, const struct mc_clv_rank_input *in, double *z) {
    features_of(k, in, z);
    for (size_t i = 0; i < MC_CLV_RANK_FEATURES; i++)
        z[i] = (z[i] - k->centre[i]) / k->scale[i];
}

double mc_clv_rank_score(const struct mc_clv_rank *rank, const struct mc_clv_rank_input *input) {
    double z[MC_CLV_RANK_FEATURES];
    standardised(rank, input, z);
    return exp(eta_of(rank, z));
}

/* ---- learning ---- */

struct lesson {
    const struct mc_clv_rank_input *inputs;
    const double *worth;
    size_t count;
    const int *part;
    int fold;
    double unit; /* mean worth */
};

static bool is_seen(const struct lesson *l, size_t i) {
    return l->part == NULL || l->part[i] != l->fold;
}

static void standardise(const struct lesson *l, struct mc_clv_rank *k) {
    double f[MC_CLV_RANK_FEATURES], n = 0, square[MC_CLV_RANK_FEATURES] = {0};
    for (size_t i = 0; i < l->count; i++) {
        if (!is_seen(l, i))
            continue;
        features_of(k, &l->inputs[i], f);
        n++;
        for (size_t j = 0; j < MC_CLV_RANK_FEATURES; j++) {
            double d = f[j] - k->centre[j];
            k->centre[j] += d / n;
            square[j] += d * (f[j] - k->centre[j]);
        }
    }
    for (size_t j = 0; j < MC_CLV_RANK_FEATURES; j++)
        k->scale[j] = square[j] > 1e-12 * n ? sqrt(square[j] / n) : 1; /* a constant feature stays 0 */
}

/* Minus the penalised log-likelihood, with gradient and Hessian by the weights. */
static double penalised(const struct lesson *l, const struct mc_clv_rank *k, double *gradient,
                        double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX]) {
    double value = 0, z[MC_CLV_RANK_WEIGHTS] = {1};
    memset(gradient, 0, MC_CLV_RANK_WEIGHTS * sizeof *gradient);
    memset(hessian, 0, MC_OPTIM_MAX * sizeof *hessian);
    for (size_t i = 0; i < l->count; i++) {
        if (!is_seen(l, i))
            continue;
        standardised(k, &l->inputs[i], z + 1);
        double eta = eta_of(k, z + 1), mu = exp(eta), y = fmax(l->worth[i], 0) / l->unit;
        value += mu - y * eta;
        for (size_t a = 0; a < MC_CLV_RANK_WEIGHTS; a++) {
            gradient[a] += (mu - y) * z[a];
            for (size_t b = 0; b <= a; b++)
                hessian[a][b] += mu * z[a] * z[b];
        }
    }
    for (size_t a = 0; a < MC_CLV_RANK_WEIGHTS; a++) {
        double ridge = a > 0 ? RIDGE : 0;
        value += ridge * k->weight[a] * k->weight[a] / 2;
        gradient[a] += ridge * k->weight[a];
        hessian[a][a] += ridge;
        for (size_t b = 0; b < a; b++)
            hessian[b][a] = hessian[a][b];
    }
    return value;
}

/* One Newton step, halved until it goes down; false when there is nothing left to gain. */
static bool improve(const struct lesson *l, struct mc_clv_rank *k, double *value, double *gradient,
                    double hessian[MC_OPTIM_MAX][MC_OPTIM_MAX]) {
    double inverse[MC_OPTIM_MAX][MC_OPTIM_MAX], step[MC_CLV_RANK_WEIGHTS] = {0}, promised = 0, length = 1;
    if (!mc_optim_invert(MC_CLV_RANK_WEIGHTS, hessian, inverse))
        return false;
    for (size_t a = 0; a < MC_CLV_RANK_WEIGHTS; a++)
        for (size_t b = 0; b < MC_CLV_RANK_WEIGHTS; b++) {
            step[a] -= inverse[a][b] * gradient[b];
            promised += gradient[a] * inverse[a][b] * gradient[b];
        }
    if (!(promised > 1e-10))
        return false;
    for (int i = 0; i < HALVINGS_MAX; i++) {
        struct mc_clv_rank next = *k;
        for (size_t a = 0; a < MC_CLV_RANK_WEIGHTS; a++)
            next.weight[a] += length * step[a];
        double there = penalised(l, &next, gradient, hessian);
        if (there <= *value - 1e-4 * length * promised) {
            *k = next;
            *value = there;
            return true;
        }
        length /= 2;
    }
    return false;
}

bool mc_clv_rank_learn(const struct mc_clv_rank_input *inputs, const double *worth, size_t count, const int *part,
                       int fold, struct mc_clv_rank *rank) {
    struct lesson l = {inputs, worth, count, part, fold, 0};
    double gradient[MC_CLV_RANK_WEIGHTS], hessian[MC_OPTIM_MAX][MC_OPTIM_MAX], seen = 0;
    memset(rank, 0, sizeof *rank);
    for (size_t i = 0; i < count; i++) {
        l.unit += is_seen(&l, i) ? fmax(worth[i], 0) : 0;
        seen += is_seen(&l, i);
    }
    if (seen < CUSTOMERS_MIN || !(l.unit > 0))
        return false;
    l.unit /= seen;
    mc_clv_rank_adapt(rank, inputs, count);
    standardise(&l, rank);
    double value = penalised(&l, rank, gradient, hessian);
    for (int i = 0; i < STEPS_MAX && improve(&l, rank, &value, gradient, hessian); i++)
        ;
    rank->weight[0] += log(l.unit);
    return true;
}

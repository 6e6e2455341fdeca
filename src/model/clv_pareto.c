#include "model/clv_pareto.h"

#include "model/clv_math.h"
#include <math.h>

#define NEGLIGIBLE 45.0   /* of the exponent: 3e-20 of the integral */
#define PANEL_EXPONENT 8. /* a panel of 12 nodes is good to 1e-13 while the exponent grows by 8, */
#define PANEL_WIDTH 2.5   /* and the variable by less than the distance of the singularities, pi */

#define LAW_PANEL_WIDTH 2.

/* The integral over y from t_x to T of (alpha + y)^-m (beta + y)^-n, m = r + x, n = s + 1, as a logarithm, and the
 * means under it that the gradient needs. */
struct left {
    double log_value;
    double mean_log_alpha, mean_log_beta;         /* of ln(alpha + y), ln(beta + y) */
    double mean_inverse_alpha, mean_inverse_beta; /* of 1 / (alpha + y), 1 / (beta + y) */
};

struct integrand {
    double m, n, alpha, beta, t_x;
    double low;                   /* the smaller of alpha and beta */
    double log_alpha0, log_beta0; /* at t_x */
};

/* Adds the panel [from, to] of u = ln((low + y) / (low + t_x)), in units of the integrand at t_x. */
static void add_panel(const struct integrand *f, double from, double to, struct left *sum) {
    double y0 = f->low + f->t_x;
    for (int i = 0; i < MC_GAUSS_NODES; i++) {
        double u = from + (to - from) * mc_gauss_node[i];
        double rise = y0 * exp(u), gap = rise - f->low; /* y */
        double at_alpha = f->alpha == f->low ? rise : f->alpha + gap;
        double at_beta = f->beta == f->low ? rise : f->beta + gap;
        double log_alpha = f->alpha == f->low ? f->log_alpha0 + u : log(at_alpha);
        double log_beta = f->beta == f->low ? f->log_beta0 + u : log(at_beta);
        double value = rise * exp(-f->m * (log_alpha - f->log_alpha0) - f->n * (log_beta - f->log_beta0));
        value *= (to - from) * mc_gauss_weight[i];
        sum->log_value += value; /* a plain sum until the end */
        sum->mean_log_alpha += value * log_alpha;
        sum->mean_log_beta += value * log_beta;
        sum->mean_inverse_alpha += value / at_alpha;
        sum->mean_inverse_beta += value / at_beta;
    }
}

/* How fast the exponent grows with u at the place u: from m + n at most to at least the smaller exponent's. */
static double growth(const struct integrand *f, double u) {
    double rise = (f->low + f->t_x) * exp(u), y = rise - f->low;
    return rise * (f->m / (f->alpha + y) + f->n / (f->beta + y));
}

static struct left integrate(const double *params, struct mc_clv_history h) {
    double alpha = params[1], beta = params[3];
    struct integrand f = {params[0] + h.x,    params[2] + 1,    alpha, beta, h.t_x, fmin(alpha, beta),
                          log(alpha + h.t_x), log(beta + h.t_x)};
    struct left sum = {0};
    double end = log1p((h.T - h.t_x) / (f.low + h.t_x)), exponent = 0;
    double from = 0;
    while (from < end && exponent < NEGLIGIBLE) {
        double speed = growth(&f, from), step = fmin(PANEL_WIDTH, PANEL_EXPONENT / speed);
        step = fmin(step, 1.5 * PANEL_EXPONENT / growth(&f, from + step)); /* it never slows down */
        double to = from + step < end - step / 4 ? from + step : end;
        add_panel(&f, from, to, &sum);
        exponent += (to - from) * speed;
        from = to;
    }
    double total = sum.log_value;
    sum.log_value = log(total) - f.m * f.log_alpha0 - f.n * f.log_beta0;
    if (!(total > 0))
        return (struct left){.log_value = -INFINITY};
    sum.mean_log_alpha /= total;
    sum.mean_log_beta /= total;
    sum.mean_inverse_alpha /= total;
    sum.mean_inverse_beta /= total;
    return sum;
}

double mc_clv_pareto_log_a0(const double *params, struct mc_clv_history h) {
    return log(params[0] + params[2] + h.x) + integrate(params, h).log_value;
}

/* ---- likelihood ---- */

struct sums {
    double value, by[4];
};

/* What depends on x alone. */
struct of_x {
    double x, value, by_r;
};

static struct of_x enter_x(const double *params, double x) {
    double r = params[0];
    return (struct of_x){x, mc_log_gamma(r + x) - mc_log_gamma(r), mc_digamma(r + x) - mc_digamma(r)};
}

static void add_pattern(struct sums *sums, const double *params, const struct of_x *f, struct mc_clv_history h,
                        double weight) {
    double r = params[0], alpha = params[1], s = params[2], beta = params[3], m = r + h.x;
    double log_alpha_T = log(alpha + h.T), log_beta_T = log(beta + h.T), gone;
    double log_still = -m * log_alpha_T - s * log_beta_T;
    struct left left = integrate(params, h);
    double still_and_left = log_still + mc_log1p_exp(log(s) + left.log_value - log_still, &gone), still = 1 - gone;
    sums->value += weight * (f->value + r * log(alpha) + s * log(beta) + still_and_left);
    sums->by[0] += weight * (f->by_r + log(alpha) - still * log_alpha_T - gone * left.mean_log_alpha);
    sums->by[1] += weight * (r / alpha - m * (still / (alpha + h.T) + gone * left.mean_inverse_alpha));
    sums->by[2] += weight * (log(beta) - still * log_beta_T + gone * (1 / s - left.mean_log_beta));
    sums->by[3] += weight * (s / beta - still * s / (beta + h.T) - gone * (s + 1) * left.mean_inverse_beta);
}

double mc_clv_pareto_log_likelihood(const struct mc_clv_counts *c, const double *params, double *gradient) {
    struct sums sums = {0};
    struct of_x f = {.x = -1};
    for (size_t i = 0; i < c->count; i++) {
        if (c->history[i].x != f.x)
            f = enter_x(params, c->history[i].x);
        add_pattern(&sums, params, &f, c->history[i], c->weight[i]);
    }
    for (int i = 0; i < 4; i++)
        gradient[i] = sums.by[i];
    return sums.value;
}

double mc_clv_pareto_alive(const double *params, struct mc_clv_history h) {
    double log_still = -(params[0] + h.x) * log(params[1] + h.T) - params[2] * log(params[3] + h.T), alive;
    mc_log1p_exp(log_still - log(params[2]) - integrate(params, h).log_value, &alive);
    return alive;
}

/* ---- the future ---- */

/* (1 - (scale / (scale + t))^(s - 1)) / (s - 1) scale: how long one who is there stays within t, on average. */
static double mean_stay(double s, double scale, double t) {
    double log_growth = log1p(t / scale), e = (s - 1) * log_growth;
    return scale * log_growth * (fabs(e) < 1e-12 ? 1 : -expm1(-e) / e);
}

/* Adds `weight` times the tail of the count in the time t to the law's. */
static void add_tail(struct mc_clv_law *law, double shape, double rate, double t, double weight) {
    struct mc_clv_nb nb;
    mc_clv_nb_start(&nb, shape, rate, t);
    for (size_t i = 0; i < law->count; i++) {
        law->tail[i] += weight * ((double)i < nb.at ? 1 : nb.tail);
        if ((double)i >= nb.at)
            mc_clv_nb_next(&nb);
    }
}

void mc_clv_pareto_law(const double *params, struct mc_clv_history h, double t, struct mc_clv_law *law) {
    double shape = params[0] + h.x, rate = params[1] + h.T, s = params[2], scale = params[3] + h.T;
    double mean = shape / rate * t, reach = mean + 12 * sqrt(mean * (1 + t / rate)) + 32;
    law->mean = t > 0 ? shape / rate * mean_stay(s, scale, t) : 0;
    law->count = 0;
    law->cut = law->capacity > 0 && reach > (double)law->capacity;
    if (law->capacity == 0 || !(t > 0) || !(mean < MC_CLV_LAW_TERMS_MAX))
        return;
    law->count = law->cut ? law->capacity : (size_t)reach;
    for (size_t i = 0; i < law->count; i++)
        law->tail[i] = 0;
    /* one who leaves within t stops then: the density of w = ln((scale + time) / scale) is s e^(-s w) */
    double stays = exp(-s * log1p(t / scale)), end = log1p(t / scale);
    int panels = 1 + (int)(end / LAW_PANEL_WIDTH);
    for (int panel = 0; panel < panels; panel++)
        for (int i = 0; i < MC_GAUSS_NODES; i++) {
            double width = end / panels, w = width * (panel + mc_gauss_node[i]);
            double weight = width * mc_gauss_weight[i] * s * exp(-s * w);
            add_tail(law, shape, rate, fmin(t, scale * expm1(w)), weight);
        }
    add_tail(law, shape, rate, t, stays);
}

double mc_clv_pareto_new(const double *params, double t) {
    return t > 0 ? params[0] / params[1] * mean_stay(params[2], params[3], t) : 0;
}

double mc_clv_pareto_residual(const double *params, struct mc_clv_history h, double rate) {
    return (params[0] + h.x) / (params[1] + h.T) * mc_discounted_power(params[3] + h.T, params[2], rate);
}

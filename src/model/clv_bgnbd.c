#include "model/clv_bgnbd.h"

#include "model/clv_math.h"
#include <math.h>

/* With k = 0 for the BG/NBD and 1 for the MBG/NBD, a customer's likelihood is (Fader, Hardie & Lee 2005, (6); Batislam
 * et al. 2007, (3))
 *
 *   Gamma(r + x) / Gamma(r)  alpha^r  (alpha + T)^-(r + x)  B(a, b + x + k) / B(a, b)  (1 + odds)
 *   odds = a / (b + x + k - 1) ((alpha + T) / (alpha + t_x))^(r + x), 0 if x + k = 0
 *
 * where `odds` are those of having left. Everything that depends on x alone is worked out once for each x. */

struct of_x {
    double x, r, alpha, a, b;
    double value, by_r, by_a, by_b; /* logarithm of the factors of x alone, and its derivatives */
    double log_odds, by_b_odds;     /* of a / (b + x + k - 1); -infinity if nobody can have left */
};

static void enter_x(struct of_x *f, bool early, const double *params, double x) {
    double r = params[0], alpha = params[1], a = params[2], b = params[3], draws = x + early;
    *f = (struct of_x){.x = x, .r = r, .alpha = alpha, .a = a, .b = b};
    f->value = mc_log_gamma(r + x) - mc_log_gamma(r) + r * log(alpha) + mc_log_beta(a, b + draws) - mc_log_beta(a, b);
    f->by_r = mc_digamma(r + x) - mc_digamma(r) + log(alpha);
    f->by_a = mc_digamma(a + b) - mc_digamma(a + b + draws);
    f->by_b = f->by_a + mc_digamma(b + draws) - mc_digamma(b);
    f->log_odds = draws > 0 ? log(a / (b + draws - 1)) : -INFINITY;
    f->by_b_odds = draws > 0 ? -1 / (b + draws - 1) : 0;
}

struct sums {
    double value, by[4];
};

static void add_pattern(struct sums *s, const struct of_x *f, double weight, double log_T, double log_t_x, double inv_T,
                        double inv_t_x) {
    double exponent = f->r + f->x, gone = 0, value = f->value - exponent * log_T;
    if (f->log_odds != -INFINITY)
        value += mc_log1p_exp(f->log_odds + exponent * (log_T - log_t_x), &gone);
    s->value += weight * value;
    s->by[0] += weight * (f->by_r - log_T + gone * (log_T - log_t_x));
    s->by[1] += weight * (f->r / f->alpha - exponent * (inv_T + gone * (inv_t_x - inv_T)));
    s->by[2] += weight * (f->by_a + gone / f->a);
    s->by[3] += weight * (f->by_b + gone * f->by_b_odds);
}

double mc_clv_bgnbd_log_likelihood(const struct mc_clv_counts *c, bool early, const double *params, double *gradient,
                                   double *scratch) {
    double *log_time = scratch, *inverse = scratch + c->time_count;
    struct sums s = {0};
    struct of_x f = {.x = -1};
    for (size_t i = 0; i < c->time_count; i++) {
        log_time[i] = log(params[1] + c->time[i]);
        inverse[i] = 1 / (params[1] + c->time[i]);
    }
    for (size_t i = 0; i < c->count; i++) {
        uint32_t T = c->T_at[i], t_x = c->t_x_at[i];
        if (c->history[i].x != f.x)
            enter_x(&f, early, params, c->history[i].x);
        add_pattern(&s, &f, c->weight[i], log_time[T], log_time[t_x], inverse[T], inverse[t_x]);
    }
    for (int i = 0; i < 4; i++)
        gradient[i] = s.by[i];
    return s.value;
}

double mc_clv_bgnbd_alive(bool early, const double *params, struct mc_clv_history h) {
    double r = params[0], alpha = params[1], a = params[2], b = params[3], draws = h.x + early, gone;
    if (draws == 0)
        return 1;
    double log_odds = log(a / (b + draws - 1)) + (r + h.x) * log((alpha + h.T) / (alpha + h.t_x));
    mc_log1p_exp(-log_odds, &gone); /* 1 - gone loses nothing this way round */
    return gone;
}

/* ---- the future ---- */

/* One who is alive after d = x + k draws has p ~ Beta(a, b + d), lambda ~ Gamma(r + x, alpha + T); with N the count of
 * the Poisson process alone, P(X > i) = E[(1 - p)^i] P(N > i): the sum over i is the mean, all terms positive. */
struct living {
    double a, b, shape, rate;
};

static struct living living_of(bool early, const double *params, struct mc_clv_history h) {
    return (struct living){params[2], params[3] + h.x + early, params[0] + h.x, params[1] + h.T};
}

/* The rate of transactions at the time u after the observation: E[lambda e^(-lambda p u)], which is the derivative of
 * the mean. By Euler's integral it is shape / rate (1 - z)^(shape + 1) 2F1(shape + 1, b; a + b; z), z = u / (rate + u).
 */
static double rate_at(const struct living *l, double u) {
    double log_f = mc_log_2f1(l->shape + 1, l->b, l->a + l->b, u / (l->rate + u));
    return l->shape / l->rate * exp(log_f - (l->shape + 1) * log1p(u / l->rate));
}

/* One panel, in ln u unless it begins at 0. */
static double integrate_panel(const struct living *l, double discount, double from, double to) {
    double sum = 0, ratio = from > 0 ? to / from : 0;
    for (int i = 0; i < MC_GAUSS_NODES; i++) {
        double u = from > 0 ? from * pow(ratio, mc_gauss_node[i]) : to * mc_gauss_node[i];
        double width = from > 0 ? u * log(ratio) : to;
        sum += mc_gauss_weight[i] * width * rate_at(l, u) * exp(-discount * u);
    }
    return sum;
}

/* The integral of the rate, discounted, from 0 to `end`: one panel where the rate hardly changes, then panels that grow
 * with u, because in ln u the integrand has no singularity nearer than pi / 2. */
static double integrate_rate(const struct living *l, double discount, double end) {
    double first = 0.5 * l->rate / (l->shape + 1);
    if (discount > 0)
        first = fmin(first, 0.5 / discount);
    double from = fmin(fmax(first, 1e-15 * end), end), sum = integrate_panel(l, discount, 0, from);
    while (from < end) {
        double to = fmin(from * 4, end);
        sum += integrate_panel(l, discount, from, to);
        from = to;
    }
    return sum;
}

void mc_clv_bgnbd_law(bool early, const double *params, struct mc_clv_history h, double t, struct mc_clv_law *law) {
    struct living l = living_of(early, params, h);
    struct mc_clv_nb nb;
    double stays = 1;
    law->mean = 0;
    law->count = 0;
    law->cut = false;
    if (!(t > 0))
        return;
    mc_clv_nb_start(&nb, l.shape, l.rate, t);
    for (size_t i = 0; i < MC_CLV_LAW_TERMS_MAX; i++) {
        double tail = stays * ((double)i < nb.at ? 1 : nb.tail);
        law->mean += tail;
        if (i < law->capacity)
            law->tail[law->count++] = tail;
        if (tail < 1e-14 * (1 - nb.odds) * law->mean || nb.tail < 1e-15)
            return;
        stays *= (l.b + (double)i) / (l.a + l.b + (double)i);
        if ((double)i >= nb.at)
            mc_clv_nb_next(&nb);
    }
    law->cut = true;
    law->mean = integrate_rate(&l, 0, t); /* too many to be summed up */
}

double mc_clv_bgnbd_new(bool early, const double *params, double t) {
    struct mc_clv_history fresh = {0, 0, 0};
    struct mc_clv_law law = {0};
    mc_clv_bgnbd_law(early, params, fresh, t, &law);
    return mc_clv_bgnbd_alive(early, params, fresh) * law.mean;
}

double mc_clv_bgnbd_residual(bool early, const double *params, struct mc_clv_history h, double rate) {
    struct living l = living_of(early, params, h);
    return integrate_rate(&l, rate, 30 / rate);
}

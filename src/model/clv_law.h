/* How many transactions a customer who is alive makes in some time: mean and distribution.
 *
 * Filled by the models (clv_bgnbd.h, clv_pareto.h). The tail's memory is the caller's. Without it (capacity 0) only the
 * mean is worked out. Pure; any thread.
 */
#ifndef MC_MODEL_CLV_LAW_H
#define MC_MODEL_CLV_LAW_H

#include <stdbool.h>
#include <stddef.h>

enum { MC_CLV_LAW_TERMS_MAX = 1 << 16 };

/* Fixed points of the interval that is shown: one customer in ten is below, one in ten above. */
#define MC_CLV_INTERVAL_LOW 0.1
#define MC_CLV_INTERVAL_HIGH 0.9

struct mc_clv_law {
    double mean;
    double *tail;    /* tail[i]: probability of more than i transactions */
    size_t capacity; /* of tail */
    size_t count;    /* valid entries; 0 and `cut` when there are too many to be worked out */
    bool cut;        /* the tail goes on behind count: quantiles that lie there are unknown */
};

/* The smallest n with P(transactions <= n) >= q, when one is alive with probability `alive`; NaN where it is cut. */
double mc_clv_law_quantile(const struct mc_clv_law *law, double alive, double q);

/* ---- for the models ---- */

/* The negative binomial count of a Gamma(shape, rate) customer in the time t, term after term. */
struct mc_clv_nb {
    double shape, odds; /* odds: t / (rate + t) */
    double pmf, tail;   /* P(N = at), P(N > at) */
    double at;
};

/* The first term worth a look: 0, or where the left tail is below 1e-30 for large counts. */
void mc_clv_nb_start(struct mc_clv_nb *nb, double shape, double rate, double t);

static inline void mc_clv_nb_next(struct mc_clv_nb *nb) {
    nb->pmf *= (nb->shape + nb->at) / (nb->at + 1) * nb->odds;
    nb->at++;
    nb->tail -= nb->pmf;
    nb->tail = nb->tail > 0 ? nb->tail : 0;
}

/* The law of the plain Gamma-Poisson customer, who never leaves. */
void mc_clv_law_nbd(double shape, double rate, double t, struct mc_clv_law *law);

#endif

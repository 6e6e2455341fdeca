/* Draws from fixed distributions, in integers only, so that a seed gives the same bytes on every machine: libm's
 * results, fused multiplications and the width of long double differ, integers do not.
 *
 * An alias table (Walker 1977, Vose 1991) draws one of n by weight with one random number and one look-up. A list of
 * spans is a distribution function by straight pieces: it serves for counts and gaps, where a published figure fixes a
 * few quantiles and the mean. Threads: an alias table is read-only once built; a generator belongs to one thread.
 */
#ifndef MC_SIM_DRAW_H
#define MC_SIM_DRAW_H

#include "base/err.h"
#include "base/rng.h"
#include <stdbool.h>

struct mc_alias_cell {
    uint32_t keep; /* of 2^32: the chance that the cell stands for itself */
    uint32_t other;
};

struct mc_alias {
    struct mc_alias_cell *cells; /* owned; NULL when empty */
    uint32_t count;
};

/* Weights below 2^40, fewer than 2^20 of them, not all zero. A weight of zero is never drawn. MC_ERR_NOMEM leaves `a`
 * empty. */
enum mc_err mc_alias_build(struct mc_alias *a, const uint64_t *weights, uint32_t count, struct mc_error *e);
void mc_alias_free(struct mc_alias *a);

static inline uint32_t mc_alias_draw(const struct mc_alias *a, struct mc_rng *rng) {
    uint64_t r = mc_rng_next(rng);
    uint32_t i = (uint32_t)(((r >> 32) * a->count) >> 32);
    return (uint32_t)r < a->cells[i].keep ? i : a->cells[i].other;
}

/* One piece: shares below `below` (of 10,000, and not below the piece before) lie evenly in low to high. */
struct mc_span {
    uint16_t below;
    uint32_t low, high;
};

enum { MC_SPAN_WHOLE = 10000 };

/* The last piece must end at MC_SPAN_WHOLE. */
static inline uint32_t mc_span_draw(const struct mc_span *spans, struct mc_rng *rng) {
    uint32_t share = (uint32_t)mc_rng_below(rng, MC_SPAN_WHOLE);
    while (share >= spans->below)
        spans++;
    return spans->low + (uint32_t)mc_rng_below(rng, spans->high - spans->low + 1);
}

/* True in `chance` of 1,000,000 cases. */
static inline bool mc_chance(struct mc_rng *rng, uint32_t chance) {
    return mc_rng_below(rng, 1000000) < chance;
}

#endif

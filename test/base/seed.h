/* Tests on random inputs: a seed for each round, printed when a check fails. MC_SEED=N in the environment runs round N
 * alone. A seed that failed becomes a test of its own. */
#ifndef MC_TEST_BASE_SEED_H
#define MC_TEST_BASE_SEED_H

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed_now;

static inline void seed_check(bool condition, const char *text, const char *file, int line) {
    if (condition)
        return;
    print_error("MC_SEED=%llu: %s\n", (unsigned long long)seed_now, text);
    _fail(file, line);
}

#define check(condition) seed_check((condition), #condition, __FILE__, __LINE__)

/* Runs `round` with the generators of seeds 1 to `rounds`. */
static inline void seed_rounds(uint64_t rounds, void (*round)(struct mc_rng *r)) {
    const char *only = getenv("MC_SEED");
    uint64_t first = only ? strtoull(only, NULL, 10) : 1;
    for (seed_now = first; seed_now <= (only ? first : rounds); seed_now++) {
        struct mc_rng r;
        mc_rng_seed(&r, seed_now);
        round(&r);
    }
}

/* True in `parts` of 100. */
static inline bool chance(struct mc_rng *r, uint64_t parts) {
    return mc_rng_below(r, 100) < parts;
}

#endif

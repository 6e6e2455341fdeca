/* Seeded pseudo-random numbers for simulation and tests: xoshiro256** seeded by splitmix64 (Blackman & Vigna, public
 * domain algorithms). Never for secrets. A generator belongs to one thread. */
#ifndef MC_BASE_RNG_H
#define MC_BASE_RNG_H

#include <stdint.h>

struct mc_rng {
    uint64_t s[4];
};

static inline void mc_rng_seed(struct mc_rng *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        r->s[i] = z ^ (z >> 31);
    }
}

static inline uint64_t mc_rng_next(struct mc_rng *r) {
    uint64_t *s = r->s, mixed = s[1] * 5;
    mixed = ((mixed << 7) | (mixed >> 57)) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return mixed;
}

/* Uniform in 0 to bound-1, bound > 0; the bias of the multiply-shift is below bound / 2^64. */
static inline uint64_t mc_rng_below(struct mc_rng *r, uint64_t bound) {
    return (uint64_t)(((unsigned __int128)mc_rng_next(r) * bound) >> 64);
}

/* Uniform in [0, 1). */
static inline double mc_rng_unit(struct mc_rng *r) {
    return (double)(mc_rng_next(r) >> 11) * 0x1p-53;
}

#endif

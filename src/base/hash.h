/* Hashes for tables and fingerprints: XXH3 with a fixed seed. Not for secrets: those use libsodium in store/ and
 * outreach/. Equal on every machine, so that flat states are byte-identical (DESIGN 7). */
#ifndef MC_BASE_HASH_H
#define MC_BASE_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/str.h"

struct mc_hash128 {
    uint64_t low, high;
};

static inline uint64_t mc_hash64(const void *data, size_t len) {
    return XXH3_64bits(data, len);
}

/* Independent of mc_hash64: the two together are 128 bits. */
static inline uint64_t mc_hash64_other(const void *data, size_t len) {
    return XXH3_64bits_withSeed(data, len, 0x9E3779B97F4A7C15u);
}

static inline struct mc_hash128 mc_hash128(const void *data, size_t len) {
    XXH128_hash_t h = XXH3_128bits(data, len);
    return (struct mc_hash128){h.low64, h.high64};
}

/* Two numbers to one: the halves of a 64 x 64 multiplication folded together. */
static inline uint64_t mc_hash_mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD1B54A32D192ED03u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif

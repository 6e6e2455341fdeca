#include "event/scan.h"

#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static struct mc_scan scan_scalar(const char *bytes, size_t len, uint32_t *positions) {
    struct mc_scan s = {0};
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        positions[s.count] = (uint32_t)i;
        s.count += c == ',' || c == '\n';
        s.has_high |= c >= 0x80;
        s.has_nul |= c == 0;
    }
    return s;
}

#if defined(__x86_64__)

/* The last, partial step reads a padded copy: spaces are not structural. */
#define SCAN_STEP 64

/* Writes eight positions at a time, more than are set: the next step overwrites what was too much. */
static inline size_t flatten(uint64_t mask, uint32_t base, uint32_t *positions, size_t count) {
    size_t end = count + (size_t)__builtin_popcountll(mask);
    while (count < end) {
        for (int i = 0; i < 8; i++) {
            positions[count + (size_t)i] = base + (uint32_t)__builtin_ctzll(mask | ((uint64_t)1 << 63));
            mask &= mask - 1;
        }
        count += 8;
    }
    return end;
}

struct masks {
    uint64_t structural, high, nul;
};

__attribute__((target("avx2"))) static inline struct masks masks_avx2(const char *p) {
    __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 32));
    __m256i comma = _mm256_set1_epi8(','), feed = _mm256_set1_epi8('\n'), zero = _mm256_setzero_si256();
    __m256i sa = _mm256_or_si256(_mm256_cmpeq_epi8(a, comma), _mm256_cmpeq_epi8(a, feed));
    __m256i sb = _mm256_or_si256(_mm256_cmpeq_epi8(b, comma), _mm256_cmpeq_epi8(b, feed));
    __m256i least = _mm256_min_epu8(a, b);
    return (struct masks){
        .structural = (uint32_t)_mm256_movemask_epi8(sa) | (uint64_t)(uint32_t)_mm256_movemask_epi8(sb) << 32,
        .high = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(a, b)),
        .nul = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(least, zero))};
}

__attribute__((target("avx512bw,avx512f"))) static inline struct masks masks_avx512(const char *p) {
    __m512i a = _mm512_loadu_si512(p);
    return (struct masks){.structural = _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8(',')) |
                                        _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('\n')),
                          .high = _mm512_movepi8_mask(a),
                          .nul = _mm512_testn_epi8_mask(a, a)};
}

/* One loop, compiled once a target: the masks' function and `flatten` are inlined into it. */
#define SCAN_LOOP(masks_of)                                                                                            \
    struct mc_scan s = {0};                                                                                            \
    uint64_t high = 0, nul = 0;                                                                                        \
    size_t i = 0;                                                                                                      \
    for (; i + SCAN_STEP <= len; i += SCAN_STEP) {                                                                     \
        struct masks m = masks_of(bytes + i);                                                                          \
        s.count = flatten(m.structural, (uint32_t)i, positions, s.count);                                              \
        high |= m.high;                                                                                                \
        nul |= m.nul;                                                                                                  \
    }                                                                                                                  \
    char last[SCAN_STEP];                                                                                              \
    memset(last, ' ', sizeof last);                                                                                    \
    if (i < len)                                                                                                       \
        memcpy(last, bytes + i, len - i);                                                                              \
    struct masks m = masks_of(last);                                                                                   \
    s.count = flatten(m.structural, (uint32_t)i, positions, s.count);                                                  \
    s.has_high = (high | m.high) != 0;                                                                                 \
    s.has_nul = (nul | m.nul) != 0;                                                                                    \
    return s;

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static struct mc_scan scan_avx2(const char *bytes, size_t len,
                                                                                uint32_t *positions) {
    SCAN_LOOP(masks_avx2)
}

__attribute__((target("avx512bw,avx512f,bmi,bmi2,popcnt"))) static struct mc_scan
scan_avx512(const char *bytes, size_t len, uint32_t *positions) {
    SCAN_LOOP(masks_avx512)
}

#endif

typedef struct mc_scan scan_function(const char *bytes, size_t len, uint32_t *positions);

static const struct variant {
    const char *name;
    scan_function *run;
} variants[] = {
#if defined(__x86_64__)
    {"avx512", scan_avx512},
    {"avx2", scan_avx2},
#endif
    {"scalar", scan_scalar},
};

static bool can_run(const struct variant *v) {
#if defined(__x86_64__)
    if (v->run == scan_avx512)
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("bmi2");
    if (v->run == scan_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    return v->run == scan_scalar;
}

static const struct variant *best(void) {
    static _Atomic(const struct variant *) chosen;
    const struct variant *v = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (v == NULL) {
        for (v = variants; !can_run(v); v++)
            ;
        atomic_store_explicit(&chosen, v, memory_order_relaxed);
    }
    return v;
}

struct mc_scan mc_scan_structurals(const char *bytes, size_t len, uint32_t *positions) {
    return best()->run(bytes, len, positions);
}

const char *mc_scan_chosen(void) {
    return best()->name;
}

bool mc_scan_variant(const char *name, const char *bytes, size_t len, uint32_t *positions, struct mc_scan *out) {
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (strcmp(variants[i].name, name) == 0 && can_run(&variants[i])) {
            *out = variants[i].run(bytes, len, positions);
            return true;
        }
    return false;
}

#include "event/scan.h"

#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static struct mc_scan scan_scalar(const char *bytes, size_t len, uint32_t *positions) {
    struct mc_scan s = {0};
    bool after_structural = true, after_white = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool structural = c == ',' || c == '\n', white = c <= ' ' && c != '\n';
        positions[s.count] = (uint32_t)i;
        s.count += structural;
        s.has_high |= c >= 0x80;
        s.has_nul |= c == 0;
        s.has_edges |= (after_structural && white) || (after_white && structural);
        after_structural = structural;
        after_white = white;
    }
    return s;
}

#if defined(__x86_64__)

/* The last, partial step reads a padded copy: the padding is neither structural nor white. */
#define SCAN_STEP 64
#define SCAN_PADDING 'x'

/* Writes six positions at a time, more than are set: the next step overwrites what was too much. An empty mask gives
 * any number. Written out, for compilers leave it a loop. */
__attribute__((target("bmi"))) static inline void flatten(uint64_t mask, uint32_t base, uint32_t *out, size_t set) {
    for (uint32_t *end = out + set; out < end; out += 6) {
        out[0] = base + (uint32_t)_tzcnt_u64(mask);
        mask = _blsr_u64(mask);
        out[1] = base + (uint32_t)_tzcnt_u64(mask);
        mask = _blsr_u64(mask);
        out[2] = base + (uint32_t)_tzcnt_u64(mask);
        mask = _blsr_u64(mask);
        out[3] = base + (uint32_t)_tzcnt_u64(mask);
        mask = _blsr_u64(mask);
        out[4] = base + (uint32_t)_tzcnt_u64(mask);
        mask = _blsr_u64(mask);
        out[5] = base + (uint32_t)_tzcnt_u64(mask);
        mask = _blsr_u64(mask);
    }
}

struct masks {
    uint64_t structural, white; /* white: up to space, LF among them */
};

/* All bytes so far: their union of bits, and the least of each lane. */
struct seen_avx2 {
    __m256i any, least;
};

__attribute__((target("avx2"))) static inline struct masks masks_avx2(const char *p, struct seen_avx2 *seen) {
    __m256i a = _mm256_loadu_si256((const __m256i *)p), b = _mm256_loadu_si256((const __m256i *)(p + 32));
    __m256i comma = _mm256_set1_epi8(','), feed = _mm256_set1_epi8('\n'), space = _mm256_set1_epi8(' ');
    __m256i sa = _mm256_or_si256(_mm256_cmpeq_epi8(a, comma), _mm256_cmpeq_epi8(a, feed));
    __m256i sb = _mm256_or_si256(_mm256_cmpeq_epi8(b, comma), _mm256_cmpeq_epi8(b, feed));
    __m256i wa = _mm256_cmpeq_epi8(_mm256_min_epu8(a, space), a), wb = _mm256_cmpeq_epi8(_mm256_min_epu8(b, space), b);
    seen->any = _mm256_or_si256(seen->any, _mm256_or_si256(a, b));
    seen->least = _mm256_min_epu8(seen->least, _mm256_min_epu8(a, b));
    return (struct masks){
        .structural = (uint32_t)_mm256_movemask_epi8(sa) | (uint64_t)(uint32_t)_mm256_movemask_epi8(sb) << 32,
        .white = (uint32_t)_mm256_movemask_epi8(wa) | (uint64_t)(uint32_t)_mm256_movemask_epi8(wb) << 32};
}

__attribute__((target("avx2"))) static inline struct seen_avx2 seen_nothing_avx2(void) {
    return (struct seen_avx2){_mm256_setzero_si256(), _mm256_set1_epi8(-1)};
}

__attribute__((target("avx2"))) static inline bool seen_high_avx2(const struct seen_avx2 *seen) {
    return _mm256_movemask_epi8(seen->any) != 0;
}

__attribute__((target("avx2"))) static inline bool seen_nul_avx2(const struct seen_avx2 *seen) {
    return _mm256_movemask_epi8(_mm256_cmpeq_epi8(seen->least, _mm256_setzero_si256())) != 0;
}

struct seen_avx512 {
    __m512i any, least;
};

__attribute__((target("avx512bw,avx512f"))) static inline struct masks masks_avx512(const char *p,
                                                                                    struct seen_avx512 *seen) {
    __m512i a = _mm512_loadu_si512(p);
    seen->any = _mm512_or_si512(seen->any, a);
    seen->least = _mm512_min_epu8(seen->least, a);
    return (struct masks){.structural = _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8(',')) |
                                        _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('\n')),
                          .white = _mm512_cmple_epu8_mask(a, _mm512_set1_epi8(' '))};
}

__attribute__((target("avx512bw,avx512f"))) static inline struct seen_avx512 seen_nothing_avx512(void) {
    return (struct seen_avx512){_mm512_setzero_si512(), _mm512_set1_epi8(-1)};
}

__attribute__((target("avx512bw,avx512f"))) static inline bool seen_high_avx512(const struct seen_avx512 *seen) {
    return _mm512_movepi8_mask(seen->any) != 0;
}

__attribute__((target("avx512bw,avx512f"))) static inline bool seen_nul_avx512(const struct seen_avx512 *seen) {
    return _mm512_testn_epi8_mask(seen->least, seen->least) != 0;
}

/* What one step leaves for the next: whether the last byte is structural (the start counts as such) or white, and where
 * the two met so far. */
struct edges {
    uint64_t structural, white, found;
};

static inline void note_edges(struct edges *e, struct masks m) {
    uint64_t white = m.white & ~m.structural;
    e->found |= (white & (m.structural << 1 | e->structural)) | (m.structural & (white << 1 | e->white));
    e->structural = m.structural >> 63;
    e->white = white >> 63;
}

/* One loop, compiled once a target: the functions of that target and `flatten` are inlined into it. */
#define SCAN_LOOP(target)                                                                                              \
    struct edges e = {.structural = 1};                                                                                \
    struct seen_##target seen = seen_nothing_##target();                                                               \
    size_t i = 0, count = 0;                                                                                           \
    for (; i + SCAN_STEP <= len; i += SCAN_STEP) {                                                                     \
        struct masks m = masks_##target(bytes + i, &seen);                                                             \
        size_t set = (size_t)__builtin_popcountll(m.structural);                                                       \
        flatten(m.structural, (uint32_t)i, positions + count, set);                                                    \
        note_edges(&e, m);                                                                                             \
        count += set;                                                                                                  \
    }                                                                                                                  \
    char last[SCAN_STEP];                                                                                              \
    memset(last, SCAN_PADDING, sizeof last);                                                                           \
    if (i < len)                                                                                                       \
        memcpy(last, bytes + i, len - i);                                                                              \
    struct masks m = masks_##target(last, &seen);                                                                      \
    size_t set = (size_t)__builtin_popcountll(m.structural);                                                           \
    flatten(m.structural, (uint32_t)i, positions + count, set);                                                        \
    note_edges(&e, m);                                                                                                 \
    return (struct mc_scan){count + set, seen_high_##target(&seen), seen_nul_##target(&seen), e.found != 0};

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static struct mc_scan scan_avx2(const char *bytes, size_t len,
                                                                                uint32_t *positions) {
    SCAN_LOOP(avx2)
}

__attribute__((target("avx512bw,avx512f,bmi,bmi2,popcnt"))) static struct mc_scan
scan_avx512(const char *bytes, size_t len, uint32_t *positions) {
    SCAN_LOOP(avx512)
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
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("bmi2");
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

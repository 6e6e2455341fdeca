/* The structural scan: every variant of this machine gives what the definition says, at every length and alignment. */
#include "../base/seed.h"
#include "event/scan.h"
#include <string.h>

enum { LEN_MAX = 300 };

static bool is_structural(char c) {
    return c == ',' || c == '\n';
}

/* White space, or another byte below it, at the first place or beside a structural byte. */
static bool is_edge(const char *bytes, size_t len, size_t i) {
    bool is_white = (unsigned char)bytes[i] <= ' ' && bytes[i] != '\n';
    return is_white && (i == 0 || is_structural(bytes[i - 1]) || (i + 1 < len && is_structural(bytes[i + 1])));
}

static struct mc_scan naive_scan(const char *bytes, size_t len, uint32_t *positions) {
    struct mc_scan s = {0};
    for (size_t i = 0; i < len; i++) {
        if (is_structural(bytes[i]))
            positions[s.count++] = (uint32_t)i;
        s.has_nul = s.has_nul || bytes[i] == 0;
        s.has_high = s.has_high || (bytes[i] & 0x80) != 0;
        s.has_edges = s.has_edges || is_edge(bytes, len, i);
    }
    return s;
}

static const char *variant;

/* The bytes stand at the end of an allocation of their own, so that reading beyond them is seen by the sanitizer. */
static void compare(const char *bytes, size_t len) {
    uint32_t expected[LEN_MAX], found[LEN_MAX + MC_SCAN_SLACK];
    char *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    struct mc_scan naive = naive_scan(bytes, len, expected), s;
    check(mc_scan_variant(variant, copy, len, found, &s));
    check(s.count == naive.count && memcmp(found, expected, s.count * sizeof *found) == 0);
    check(s.has_high == naive.has_high && s.has_nul == naive.has_nul && s.has_edges == naive.has_edges);
    free(copy);
}

static void scan_round(struct mc_rng *r) {
    char bytes[LEN_MAX];
    uint64_t structurals = mc_rng_below(r, 101), rare = mc_rng_below(r, 4), white = mc_rng_below(r, 4);
    for (size_t i = 0; i < LEN_MAX; i++)
        bytes[i] = chance(r, structurals) ? ",\n"[mc_rng_next(r) & 1]
                   : rare == 0            ? (char)mc_rng_next(r)
                   : rare == 1            ? (char)('-' + mc_rng_below(r, 80))
                   : rare == 2            ? (chance(r, white) ? " \r\t"[mc_rng_below(r, 3)] : 'x')
                                          : (char)(1 + mc_rng_below(r, 127));
    for (size_t len = 0; len <= LEN_MAX; len++)
        compare(bytes, len);
}

/* One byte of each value at each place of two steps, alone and behind a comma. */
static void one_byte_everywhere(void) {
    char bytes[130];
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof bytes; at++) {
            memset(bytes, 'x', sizeof bytes);
            bytes[at] = (char)c;
            compare(bytes, sizeof bytes);
            if (at > 0)
                bytes[at - 1] = ',';
            compare(bytes, sizeof bytes);
        }
}

static void run_variant(const char *name) {
    struct mc_scan s;
    uint32_t none[MC_SCAN_SLACK];
    if (!mc_scan_variant(name, "", 0, none, &s)) {
        print_message("this machine cannot run %s\n", name);
        skip();
    }
    variant = name;
    one_byte_everywhere();
    seed_rounds(60, scan_round);
}

static void test_scalar(void **state) {
    (void)state;
    run_variant("scalar");
}

static void test_avx2(void **state) {
    (void)state;
    run_variant("avx2");
}

static void test_avx512(void **state) {
    (void)state;
    run_variant("avx512");
}

static void test_the_chosen_one_is_a_variant(void **state) {
    (void)state;
    struct mc_scan a, b;
    uint32_t p[5 + MC_SCAN_SLACK], q[5 + MC_SCAN_SLACK];
    assert_true(mc_scan_variant(mc_scan_chosen(), "a,b\n,", 5, p, &a));
    b = mc_scan_structurals("a,b\n,", 5, q);
    assert_int_equal(a.count, 3);
    assert_int_equal(b.count, 3);
    assert_memory_equal(p, q, 3 * sizeof *p);
    assert_false(mc_scan_variant("abacus", "", 0, p, &a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar),
        cmocka_unit_test(test_avx2),
        cmocka_unit_test(test_avx512),
        cmocka_unit_test(test_the_chosen_one_is_a_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Random numbers: the same on every machine, within bounds, evenly spread. */
#include "base/rng.h"
#include "seed.h"

/* A second spelling of the two published algorithms, the state in separate variables. */
static uint64_t rotated(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

static void test_is_xoshiro(void **state) {
    (void)state;
    uint64_t x = 42, s[4];
    for (int i = 0; i < 4; i++) {
        x += 0x9E3779B97F4A7C15u;
        s[i] = x;
        s[i] = (s[i] ^ s[i] >> 30) * 0xBF58476D1CE4E5B9u;
        s[i] = (s[i] ^ s[i] >> 27) * 0x94D049BB133111EBu;
        s[i] ^= s[i] >> 31;
    }
    struct mc_rng r;
    mc_rng_seed(&r, 42);
    for (int i = 0; i < 1000; i++) {
        assert_true(mc_rng_next(&r) == rotated(s[1] * 5, 7) * 9);
        uint64_t a = s[0] ^ s[2], b = s[1] ^ s[3];
        s[2] = a ^ s[1] << 17;
        s[3] = rotated(b, 45);
        uint64_t first = s[0] ^ b, second = s[1] ^ a;
        s[0] = first;
        s[1] = second;
    }
}

/* The first output of splitmix64 for seed 0, as its authors publish it. */
static void test_published_figure(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, 0);
    assert_true(r.s[0] == 0xE220A8397B1DCDAFu);
}

static void test_bounds_and_spread(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, 7);
    unsigned count[10] = {0};
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        count[mc_rng_below(&r, 10)]++;
        double u = mc_rng_unit(&r);
        assert_true(u >= 0 && u < 1);
        sum += u;
        assert_true(mc_rng_below(&r, 1) == 0);
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(count[i], 9500, 10500); /* five standard deviations */
    assert_true(sum > 49500 && sum < 50500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_xoshiro),
        cmocka_unit_test(test_published_figure),
        cmocka_unit_test(test_bounds_and_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

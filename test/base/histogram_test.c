/* The histogram against sorted data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/rng.h"
#include "base/sort.h"

enum { VALUES = 5000 };

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Of any size: as many with 3 bits as with 60. */
static int64_t draw(struct mc_rng *r) {
    return (int64_t)(mc_rng_next(r) >> (1 + mc_rng_below(r, 63)));
}

static void percentiles_are_right_to_a_32nd(void **state) {
    (void)state;
    static const uint32_t shares[] = {0, 1, 100, 250000, 500000, 900000, 990000, 999000, 999999, 1000000, 2000000};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct mc_rng rng;
        struct mc_histogram h = {0};
        static int64_t values[VALUES];
        mc_rng_seed(&rng, seed);
        size_t count = 1 + (size_t)mc_rng_below(&rng, VALUES);
        for (size_t i = 0; i < count; i++)
            mc_histogram_add(&h, values[i] = draw(&rng));
        mc_sort(values, count, sizeof *values, by_value);
        for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
            uint64_t share = shares[i] < 1000000 ? shares[i] : 1000000;
            size_t rank = (size_t)((count * share + 999999) / 1000000);
            int64_t exact = values[rank > 0 ? rank - 1 : 0], given = mc_histogram_percentile(&h, shares[i]);
            assert_true(given >= exact && given - exact <= exact / 32);
        }
        assert_int_equal(h.count, count);
        assert_int_equal(h.max, values[count - 1]);
    }
}

static void small_values_and_ends_are_exact(void **state) {
    (void)state;
    static const int64_t values[] = {0, 1, 31, 32, 63, 64, 65, 127, 128, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct mc_histogram h = {0};
        mc_histogram_add(&h, values[i]);
        assert_int_equal(mc_histogram_percentile(&h, 500000), values[i]); /* cut at the greatest */
    }
    struct mc_histogram h = {0};
    assert_int_equal(mc_histogram_percentile(&h, 500000), 0);
    mc_histogram_add(&h, -5);
    assert_int_equal(mc_histogram_percentile(&h, 1000000), 0);
    assert_int_equal(h.count, 1);
}

static void merging_is_adding(void **state) {
    (void)state;
    struct mc_rng rng;
    struct mc_histogram parts[3] = {0}, all = {0}, merged = {0};
    mc_rng_seed(&rng, 3);
    for (int i = 0; i < VALUES; i++) {
        int64_t value = draw(&rng);
        mc_histogram_add(&parts[mc_rng_below(&rng, 3)], value);
        mc_histogram_add(&all, value);
    }
    for (int i = 2; i >= 0; i--)
        mc_histogram_merge(&merged, &parts[i]);
    assert_memory_equal(&merged, &all, sizeof all);
}

static void bytes_come_back(void **state) {
    (void)state;
    struct mc_rng rng;
    struct mc_histogram h = {0}, read;
    struct mc_buf bytes = {0};
    mc_rng_seed(&rng, 4);
    mc_histogram_encode(&bytes, &h);
    assert_true(mc_histogram_decode(&read, mc_buf_view(&bytes)) && read.count == 0);
    for (int i = 0; i < 300; i++)
        mc_histogram_add(&h, draw(&rng));
    bytes.len = 0;
    mc_histogram_encode(&bytes, &h);
    assert_true(mc_histogram_decode(&read, mc_buf_view(&bytes)));
    assert_memory_equal(&read, &h, sizeof h);
    for (size_t len = 0; len < bytes.len; len++)
        assert_false(mc_histogram_decode(&read, (struct mc_str){bytes.data, len}));
    assert_int_equal(read.count, 0);
    for (int i = 0; i < 20000; i++) { /* any bytes are read or refused, and what is read is consistent */
        size_t at = (size_t)mc_rng_below(&rng, bytes.len);
        char kept = bytes.data[at];
        bytes.data[at] = (char)mc_rng_next(&rng);
        if (mc_histogram_decode(&read, mc_buf_view(&bytes)))
            assert_int_equal(mc_histogram_percentile(&read, 1000000), read.max);
        bytes.data[at] = kept;
    }
    mc_buf_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_right_to_a_32nd),
        cmocka_unit_test(small_values_and_ends_are_exact),
        cmocka_unit_test(merging_is_adding),
        cmocka_unit_test(bytes_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

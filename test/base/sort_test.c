/* The sort against a naive one, for all small counts, many element sizes and orders that hurt. */
#include "base/sort.h"
#include "seed.h"
#include <string.h>

static size_t element_size;
static uint64_t compared;

static int by_bytes(const void *a, const void *b) {
    compared++;
    return memcmp(a, b, element_size);
}

static void naive_sort(char *base, size_t count) {
    char element[MC_SORT_BYTES_MAX];
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (memcmp(base + k * element_size, base + i * element_size, element_size) < 0) {
                memcpy(element, base + i * element_size, element_size);
                memcpy(base + i * element_size, base + k * element_size, element_size);
                memcpy(base + k * element_size, element, element_size);
            }
}

static void sort_round(struct mc_rng *r) {
    element_size = 1 + mc_rng_below(r, chance(r, 20) ? MC_SORT_BYTES_MAX : 16);
    size_t count = mc_rng_below(r, 200), len = count * element_size;
    char *a = malloc(len + 1), *b = malloc(len + 1);
    uint64_t letters = 1 + mc_rng_below(r, 256);
    for (size_t i = 0; i < len; i++)
        a[i] = (char)mc_rng_below(r, letters);
    memcpy(b, a, len);
    mc_sort(a, count, element_size, by_bytes);
    naive_sort(b, count);
    check(memcmp(a, b, len) == 0);
    free(a);
    free(b);
}

static void test_equals_a_naive_sort(void **state) {
    (void)state;
    seed_rounds(1500, sort_round);
}

static int by_number(const void *a, const void *b) {
    int x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    compared++;
    return (x > y) - (x < y);
}

/* Rising, falling, equal, organ pipe, two values: never more than 2 n log2 n + n comparisons. */
static void test_no_order_is_slow(void **state) {
    (void)state;
    enum { N = 1 << 14, LOG = 14 };
    static int numbers[N];
    for (int order = 0; order < 5; order++) {
        for (int i = 0; i < N; i++)
            numbers[i] = (int[]){i, N - i, 7, i < N / 2 ? i : N - i, i & 1}[order];
        compared = 0;
        mc_sort(numbers, N, sizeof *numbers, by_number);
        assert_true(compared <= (uint64_t)N * (2 * LOG + 1));
        for (int i = 1; i < N; i++)
            assert_true(numbers[i - 1] <= numbers[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_a_naive_sort),
        cmocka_unit_test(test_no_order_is_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

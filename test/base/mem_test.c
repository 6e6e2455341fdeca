/* The door to the heap: the n-th allocation fails, that one and no other. */
#include "base/mem.h"
#include "seed.h"

/* Takes three pieces, each by another call; the number of the one that failed, 0 for none. */
static int three_pieces(void) {
    void *a = mc_malloc(8), *b = mc_calloc(2, 8), *c = mc_realloc(NULL, 8);
    int failed = a == NULL ? 1 : b == NULL ? 2 : c == NULL ? 3 : 0;
    int count = (a == NULL) + (b == NULL) + (c == NULL);
    assert_int_equal(count, failed != 0);
    mc_free(a);
    mc_free(b);
    mc_free(c);
    return failed;
}

static void test_the_nth_fails(void **state) {
    (void)state;
    for (int n = 1; n <= 3; n++) {
        mc_mem_fail_at((uint64_t)n);
        assert_false(mc_mem_failed());
        assert_int_equal(three_pieces(), n);
        assert_true(mc_mem_failed());
        assert_int_equal(three_pieces(), 0); /* once only */
    }
    mc_mem_fail_at(4);
    assert_int_equal(three_pieces(), 0);
    assert_false(mc_mem_failed());
    mc_mem_fail_at(0);
    assert_int_equal(three_pieces(), 0);
    assert_false(mc_mem_failed());
}

static void test_a_failed_growth_keeps_the_old(void **state) {
    (void)state;
    char *old = mc_malloc(4);
    old[0] = 'x';
    mc_mem_fail_at(1);
    assert_null(mc_realloc(old, 1000));
    mc_mem_fail_at(0);
    assert_int_equal(old[0], 'x');
    mc_free(old);
    mc_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nth_fails),
        cmocka_unit_test(test_a_failed_growth_keeps_the_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

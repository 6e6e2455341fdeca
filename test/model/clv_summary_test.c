/* From orders to histories: the rules on days, refunds, cut-offs. */
#include "base/rng.h"
#include "model/clv_summary.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/clv_cdnow.h"

static void orders_of_a_day_are_one_transaction(void **state) {
    (void)state;
    struct mc_clv_order o[] = {{1, 107, 3, 0}, {0, 100, 10, 0}, {0, 114, 5, 0}, {0, 100, 2, 0}, {0, 114, -1, 0}};
    struct mc_clv_transactions t;
    struct mc_clv_customer c[2];
    mc_clv_transactions_make(o, 5, &t);
    assert_true(t.rows == 3 && t.count == 3 && t.merged == 2 && t.refunds == 0);
    assert_true(t.first_day == 100 && t.last_day == 114);
    assert_int_equal(mc_clv_summary_make(o, t.rows, 121, 121, 7, c, NULL, NULL), 2);
    assert_true(c[0].history.x == 1 && c[0].history.t_x == 2 && c[0].history.T == 3);
    assert_true(c[0].repeat.count == 1 && c[0].repeat.mean == 4 && c[0].first_amount == 12 && c[0].spend == 16);
    assert_true(c[0].all.count == 2 && c[0].all.mean == 8);
    assert_true(c[1].number == 1 && c[1].history.x == 0 && c[1].history.t_x == 0 && c[1].history.T == 2);
}

static void refunds_reduce_spend_from_their_day_on(void **state) {
    (void)state;
    struct mc_clv_order o[] = {{0, 90, -7, 0}, {0, 100, 10, 0}, {0, 107, 20, 0}, {0, 110, -6, 0}, {0, 130, -3, 0}};
    struct mc_clv_transactions t;
    struct mc_clv_customer c[1];
    double fresh, fresh_spend;
    mc_clv_transactions_make(o, 5, &t);
    assert_true(t.count == 2 && t.refunds == 3 && t.unmatched == 1 && t.unmatched_amount == -7);
    assert_int_equal(mc_clv_summary_make(o, t.rows, 108, 140, 1, c, &fresh, &fresh_spend), 1);
    assert_true(c[0].history.x == 1 && c[0].repeat.mean == 20 && c[0].spend == 30);
    assert_true(c[0].future_count == 0 && c[0].future_spend == -9 && fresh == 0 && fresh_spend == 0);
    mc_clv_summary_make(o, t.rows, 120, 120, 1, c, NULL, NULL);
    assert_true(c[0].history.x == 1 && c[0].repeat.mean == 14 && c[0].spend == 24 && c[0].last_amount == 14);
    assert_true(c[0].future_spend == 0);
}

static void a_day_of_zeros_is_a_transaction_and_a_cancelled_one_is_not(void **state) {
    (void)state;
    struct mc_clv_order o[] = {{0, 100, 10, 0}, {0, 107, 0, 0}, {0, 114, 8, 0}, {0, 114, -8, 0}};
    struct mc_clv_transactions t;
    struct mc_clv_customer c[1];
    mc_clv_transactions_make(o, 4, &t);
    mc_clv_summary_make(o, t.rows, 114, 114, 1, c, NULL, NULL);
    assert_true(t.count == 2 && t.refunds == 1 && c[0].history.x == 1 && c[0].repeat.mean == 0 && c[0].spend == 10);
}

static void the_cut_off_parts_past_and_future(void **state) {
    (void)state;
    struct mc_clv_order o[] = {{0, 100, 1, 0}, {0, 101, 2, 0}, {0, 102, 4, 0}, {0, 103, 8, 0}, {1, 102, 16, 0}};
    struct mc_clv_transactions t;
    struct mc_clv_customer c[2];
    double fresh, fresh_spend;
    mc_clv_transactions_make(o, 5, &t);
    assert_int_equal(mc_clv_summary_make(o, t.rows, 101, 102, 1, c, &fresh, &fresh_spend), 1);
    assert_true(c[0].history.x == 1 && c[0].spend == 3 && c[0].future_count == 1 && c[0].future_spend == 4);
    assert_true(fresh == 1 && fresh_spend == 16);
    assert_int_equal(mc_clv_summary_make(o, t.rows, 99, 200, 1, c, &fresh, NULL), 0);
    assert_true(fresh == 5);
}

/* Any order of the rows gives the same bytes; what is in the rows is what is in the summary. */
static void order_of_rows_does_not_matter(void **state) {
    (void)state;
    enum { ROWS = 500, CUSTOMERS = 40 };
    struct mc_rng rng;
    static struct mc_clv_order a[ROWS], b[ROWS];
    static struct mc_clv_customer ca[CUSTOMERS], cb[CUSTOMERS];
    mc_rng_seed(&rng, 41);
    memset(ca, 0, sizeof ca);
    memset(cb, 0, sizeof cb);
    for (int round = 0; round < 50; round++) {
        double sum = 0, kept = 0;
        for (size_t i = 0; i < ROWS; i++) {
            a[i] = (struct mc_clv_order){(uint32_t)mc_rng_below(&rng, CUSTOMERS), (int32_t)mc_rng_below(&rng, 300),
                                         (double)mc_rng_below(&rng, 100) - 10, false};
            sum += a[i].amount;
        }
        memcpy(b, a, sizeof b);
        for (size_t i = ROWS - 1; i > 0; i--) {
            size_t j = mc_rng_below(&rng, i + 1);
            struct mc_clv_order o = b[i];
            b[i] = b[j];
            b[j] = o;
        }
        struct mc_clv_transactions ta, tb;
        mc_clv_transactions_make(a, ROWS, &ta);
        mc_clv_transactions_make(b, ROWS, &tb);
        assert_memory_equal(&ta, &tb, sizeof ta);
        size_t n = mc_clv_summary_make(a, ta.rows, 150, 400, 7, ca, NULL, NULL);
        assert_int_equal(mc_clv_summary_make(b, tb.rows, 150, 400, 7, cb, NULL, NULL), n);
        assert_memory_equal(ca, cb, n * sizeof *ca);
        n = mc_clv_summary_make(a, ta.rows, 400, 400, 7, ca, NULL, NULL);
        for (size_t i = 0; i < n; i++)
            kept += ca[i].spend;
        expect_near(kept, sum - ta.unmatched_amount, 1e-6, "all the money");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_of_a_day_are_one_transaction),
        cmocka_unit_test(refunds_reduce_spend_from_their_day_on),
        cmocka_unit_test(a_day_of_zeros_is_a_transaction_and_a_cancelled_one_is_not),
        cmocka_unit_test(the_cut_off_parts_past_and_future),
        cmocka_unit_test(order_of_rows_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Golden forms of the figures: report.json and the text of a shop owner. */
#include "app/golden.h"
#include "app/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct mc_summary filled = {
    .rows = 2997,
    .accepted = 2851,
    .late = 12,
    .cart_full = 3,
    .rejected = {[MC_BAD_PRICE] = 46, [MC_DUPLICATE] = 100},
    .by_type = {1252, 845, 497, 257},
    .users = 432,
    .products = 1840,
    .visits = 724,
    .visits_with_cart = 157,
    .visits_with_purchase = 18,
    .partial_visits = 1,
    .abandoned_carts = 140,
    .abandoned_value = 372000,
    .abandoned_items = 607,
    .units_sold = 257,
    .revenue = 98915,
    .product_minutes = 250,
    .top_count = 2,
    .top = {{{"5810480", 7}, 2, 4508}, {{"a\"\x1B[m", 5}, 1, (__int128)INT64_MAX * 10}},
    .decisions = {[MC_PURCHASED] = 4, [MC_NO_ADDRESS] = 130, [MC_SEND] = 6},
};

static const char filled_json[] =
    "{\n \"rows\": 2997,\n \"accepted\": 2851,\n \"late\": 12,\n \"cart_full\": 3,\n"
    " \"rejected\": {\"bad_price\": 46, \"duplicate\": 100},\n"
    " \"by_type\": {\"view\": 1252, \"cart\": 845, \"remove_from_cart\": 497, \"purchase\": 257},\n"
    " \"users\": 432,\n \"products\": 1840,\n \"visits\": 724,\n \"visits_with_cart\": 157,\n"
    " \"visits_with_purchase\": 18,\n \"partial_visits\": 1,\n \"abandoned_carts\": 140,\n"
    " \"abandoned_value_minor\": 372000,\n \"abandoned_items\": 607,\n \"units_sold\": 257,\n"
    " \"revenue_minor\": 98915,\n \"product_minutes\": 250,\n"
    " \"top_products\": [[\"5810480\", 2, 4508], [\"a\\\"\\u001b[m\", 1, 92233720368547758070]],\n"
    " \"decisions\": {\"purchased\": 4, \"no_address\": 130, \"send\": 6}\n}\n";

static const char empty_json[] =
    "{\n \"rows\": 0,\n \"accepted\": 0,\n \"late\": 0,\n \"cart_full\": 0,\n \"rejected\": {},\n"
    " \"by_type\": {\"view\": 0, \"cart\": 0, \"remove_from_cart\": 0, \"purchase\": 0},\n"
    " \"users\": 0,\n \"products\": 0,\n \"visits\": 0,\n \"visits_with_cart\": 0,\n \"visits_with_purchase\": 0,\n"
    " \"partial_visits\": 0,\n \"abandoned_carts\": 0,\n \"abandoned_value_minor\": 0,\n \"abandoned_items\": 0,\n"
    " \"units_sold\": 0,\n \"revenue_minor\": 0,\n \"product_minutes\": 0,\n \"top_products\": [],\n"
    " \"decisions\": {}\n}\n";

static void test_report_json(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_summary_json(&b, &filled);
    assert_string_equal(mc_buf_cstr(&b), filled_json);
    b.len = 0;
    mc_summary_json(&b, &(struct mc_summary){0});
    assert_string_equal(mc_buf_cstr(&b), empty_json);
    mc_buf_free(&b);
}

static void test_report_json_behind_other_text(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_buf_text(&b, "x\n");
    mc_summary_json(&b, &filled);
    assert_string_equal(mc_buf_cstr(&b) + 2, filled_json);
    mc_buf_free(&b);
}

static void test_text_for_a_shop_owner(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_summary_text(&b, &filled, "EUR");
    assert_true(golden_equal("test/app/golden/report.txt", mc_buf_view(&b)));
    mc_buf_free(&b);
}

static void test_text_of_nothing_divides_by_nothing(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_summary_text(&b, &(struct mc_summary){0}, "");
    assert_null(strstr(mc_buf_cstr(&b), "nan"));
    assert_non_null(strstr(mc_buf_cstr(&b), "revenue"));
    mc_buf_free(&b);
}

static void test_messages_recovery_and_checks(void **state) {
    (void)state;
    static const struct mc_summary_outreach o = {
        .waiting = 1,
        .sent = 1000,
        .bounced = 2,
        .unknown = 3,
        .failed = 9,
        .withheld = 40,
        .withheld_no_coupon = 5,
        .without_coupon = 6,
        .coupons_free = 7,
        .coupons_taken = 8,
        .written_to = 1000,
        .in_control = 50,
        .recovered_send = 125,
        .recovered_holdout = 4,
        .recovered_send_minor = 1234567,
        .recovered_holdout_minor = 890,
        .promise = {990, 5, 3, 1, 1, 0},
    };
    static const struct mc_summary_check checks[] = {
        {"every row read is accepted or rejected", MC_CHECK_OK, "3 read = 3 accepted and rejected"},
        {"every rejected row is kept", MC_CHECK_BROKEN, "2 rejected but 1 kept"},
        {"an acknowledged event is in the log", MC_CHECK_NONE, ""},
    };
    struct mc_buf b = {0};
    mc_summary_outreach_text(&b, &o, "EUR");
    mc_summary_checks_text(&b, checks, 3);
    assert_true(golden_equal("test/app/golden/outreach.txt", mc_buf_view(&b)));
    mc_buf_free(&b);
}

static void expect_money(__int128 minor, const char *currency, const char *text) {
    struct mc_buf b = {0};
    mc_show_money(&b, minor, currency);
    assert_string_equal(mc_buf_cstr(&b), text);
    mc_buf_free(&b);
}

static void test_money(void **state) {
    (void)state;
    expect_money(0, "EUR", "0.00 EUR");
    expect_money(5, "", "0.05");
    expect_money(-123456, "USD", "-1,234.56 USD");
    expect_money(99999, "", "999.99");
    expect_money(100000, "", "1,000.00");
    expect_money((__int128)INT64_MAX * INT64_MAX, "", "850,705,917,302,346,158,473,969,077,842,325,012.49");
}

static void expect_percent(__int128 part, __int128 whole, const char *text) {
    struct mc_buf b = {0};
    mc_show_percent(&b, part, whole);
    assert_string_equal(mc_buf_cstr(&b), text);
    mc_buf_free(&b);
}

static void test_percent(void **state) {
    (void)state;
    expect_percent(0, 0, "-");
    expect_percent(0, 7, "0.0 %");
    expect_percent(7, 7, "100.0 %");
    expect_percent(1, 3, "33.3 %");
    expect_percent(2, 3, "66.7 %");
    expect_percent(1, 2000, "0.1 %");
    expect_percent(1, 2001, "0.0 %");
}

static void test_what_could_steer_a_terminal_is_shown(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_show_text(&b, MC_STR("a\tb\x7F\xC2\x9B\xC3\xA9\xE2\x80\xAEx"));
    assert_string_equal(mc_buf_cstr(&b), "a\\x09b\\x7F\\xC2\\x9B\xC3\xA9\\xE2\\x80\\xAEx");
    b.len = 0;
    mc_show_text(&b, MC_STR("ok\xFF\xC3"));
    assert_string_equal(mc_buf_cstr(&b), "ok\\xFF\\xC3");
    mc_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_json),
        cmocka_unit_test(test_report_json_behind_other_text),
        cmocka_unit_test(test_text_for_a_shop_owner),
        cmocka_unit_test(test_text_of_nothing_divides_by_nothing),
        cmocka_unit_test(test_messages_recovery_and_checks),
        cmocka_unit_test(test_money),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_what_could_steer_a_terminal_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Headers: which are understood, and the sentence that each other one gets. */
#include "../base/seed.h"
#include "base/mem.h"
#include "event/csv.h"

#define NEEDED "event_time,event_type,product_id,price,user_id,user_session"

static const struct {
    struct mc_str header;
    const char *fault;   /* part of the sentence; NULL: good */
    const char *columns; /* of a good one: a letter a field, in the order of enum mc_column from a, '-' ignored */
    const char *ignored;
} table[] = {
    {{NEEDED, sizeof NEEDED - 1}, NULL, "abcghi", ""},
    {MC_STR(" Price ,USER_ID\t,user_session,event_type,Event_Time,\"product_id\""), NULL, "ghibac", ""},
    {MC_STR(NEEDED ",brand,category_code,category_id,message_id,order_id,currency,quantity"), NULL, "abcghifedmlkj",
     ""},
    {MC_STR(NEEDED ",colour,,x y,colour"), NULL, "abcghi----", "colour, , x y, colour"},
    {MC_STR(NEEDED ",\"a \"\"b\"\", c\nd\""), NULL, "abcghi-", "a \"b\", c\nd"},
    {MC_STR(NEEDED ",event time,event_times"), NULL, "abcghi--", "event time, event_times"},
    {MC_STR("event_type,product_id,price,user_id,user_session"), "no column 'event_time'", NULL, NULL},
    {MC_STR("event_time,event_type,product_id,price,user_id"), "no column 'user_session'", NULL, NULL},
    {MC_STR(NEEDED ",PRICE"), "column 'price' twice", NULL, NULL},
    {MC_STR(NEEDED ",message_id, message_id"), "column 'message_id' twice", NULL, NULL},
    {MC_STR(""), "no column 'event_time'", NULL, NULL},
    {MC_STR(","), "no column 'event_time'", NULL, NULL},
    {MC_STR(NEEDED ",\xFF"), "not UTF-8", NULL, NULL},
    {MC_STR(NEEDED ",a\0b"), "not UTF-8", NULL, NULL},
};

static void check_good(const struct mc_layout *layout, size_t i) {
    assert_int_equal(layout->count, strlen(table[i].columns));
    for (uint32_t k = 0; k < layout->count; k++) {
        int expected = table[i].columns[k] == '-' ? MC_COLUMN_IGNORED : table[i].columns[k] - 'a';
        if (layout->column[k] != expected)
            fail_msg("header %zu, field %u", i, k);
    }
    struct mc_str ignored = mc_buf_view(&layout->ignored);
    assert_true(mc_str_equal(ignored, mc_str_of(table[i].ignored)));
}

static void test_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_layout layout;
        struct mc_error e = {0};
        enum mc_err err = mc_layout_parse(&layout, table[i].header, &e);
        if (table[i].fault == NULL && err == MC_OK)
            check_good(&layout, i);
        else if (table[i].fault == NULL || err != MC_ERR_FORMAT || strstr(e.text, table[i].fault) == NULL)
            fail_msg("header %zu: %d %s", i, (int)err, e.text);
        mc_layout_free(&layout);
    }
}

static void test_without_header(void **state) {
    (void)state;
    struct mc_layout layout;
    assert_int_equal(mc_layout_default(&layout, NULL), MC_OK);
    assert_int_equal(layout.count, 9);
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(layout.column[i], i);
    assert_int_equal(layout.column[6], MC_COLUMN_PRICE);
    mc_layout_free(&layout);
}

static void test_nth_allocation_fails(void **state) {
    (void)state;
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct mc_layout layout;
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = mc_layout_parse(&layout, MC_STR(NEEDED ",colour,shape,\"a\"\"b\""), &e);
        failed = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_true(err == (failed ? MC_ERR_NOMEM : MC_OK));
        mc_layout_free(&layout);
    }
    struct mc_layout layout;
    mc_mem_fail_at(1);
    assert_int_equal(mc_layout_default(&layout, NULL), MC_ERR_NOMEM);
    mc_mem_fail_at(0);
    mc_layout_free(&layout);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_without_header),
        cmocka_unit_test(test_nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

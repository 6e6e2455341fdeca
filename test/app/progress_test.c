#include "app/progress.h"

#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void expect(struct mc_progress_state s, const char *line) {
    struct mc_buf b = {0};
    mc_progress_line(&b, &s);
    assert_string_equal(mc_buf_cstr(&b), line);
    mc_buf_free(&b);
}

static void test_share_rate_and_time_left(void **state) {
    (void)state;
    struct mc_progress_state s = {.what = "reading a.csv",
                                  .unit = "rows",
                                  .done = 25,
                                  .total = 100,
                                  .count = 2500000,
                                  .elapsed_ns = 2000000000,
                                  .columns = 200};
    expect(s, "reading a.csv  [#####...............]  25 %  2,500,000 rows  1.25 M rows/s  6 s left");
    s.elapsed_ns = 60000000000;
    expect(s, "reading a.csv  [#####...............]  25 %  2,500,000 rows  41.7 k rows/s  3 min 00 s left");
    s.elapsed_ns = 3600000000000;
    expect(s, "reading a.csv  [#####...............]  25 %  2,500,000 rows  694 rows/s  3 h 00 min left");
}

static void test_no_rate_at_the_start_and_none_of_an_unknown_length(void **state) {
    (void)state;
    struct mc_progress_state s = {.what = "reading -", .unit = "rows", .count = 7, .elapsed_ns = 1000, .columns = 200};
    expect(s, "reading -  7 rows");
    s.elapsed_ns = 7000000000;
    expect(s, "reading -  7 rows  1 rows/s");
}

static void test_the_ends_of_the_bar(void **state) {
    (void)state;
    struct mc_progress_state s = {.what = "x", .unit = "rows", .total = 1000, .columns = 200};
    expect(s, "x  [....................]   0 %  0 rows");
    s.done = 999;
    expect(s, "x  [####################]  99 %  0 rows");
    s.done = 1000;
    expect(s, "x  [####################] 100 %  0 rows");
    s.done = 1001;
    expect(s, "x  [####################] 100 %  0 rows");
    s.done = s.total = UINT64_MAX;
    expect(s, "x  [####################] 100 %  0 rows");
}

static void test_a_line_is_never_wider_than_the_terminal(void **state) {
    (void)state;
    struct mc_progress_state s = {.what = "r\xC3\xA9sum\xC3\xA9 of rows", .unit = "rows", .total = 10, .columns = 6};
    expect(s, "r\xC3\xA9sum\xC3\xA9");
}

static void test_a_name_cannot_steer_the_terminal(void **state) {
    (void)state;
    struct mc_progress_state s = {.what = "\x1B[2Jx\n", .unit = "rows", .columns = 200};
    expect(s, "\\x1B[2Jx\\x0A  0 rows");
}

static void test_nothing_is_drawn_where_no_terminal_is(void **state) {
    (void)state;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    struct mc_progress p;
    struct mc_progress_state s = {.what = "x", .unit = "rows"};
    mc_progress_start(&p, ends[1], false);
    mc_progress_update(&p, &s);
    mc_progress_end(&p);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_rate_and_time_left),
        cmocka_unit_test(test_no_rate_at_the_start_and_none_of_an_unknown_length),
        cmocka_unit_test(test_the_ends_of_the_bar),
        cmocka_unit_test(test_a_line_is_never_wider_than_the_terminal),
        cmocka_unit_test(test_a_name_cannot_steer_the_terminal),
        cmocka_unit_test(test_nothing_is_drawn_where_no_terminal_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

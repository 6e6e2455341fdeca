/* The CSV of maxcart forecast: calendars, gaps, what is missing, and what is refused with which sentence; and the
 * command: order of rows and number of threads change nothing. */
#include "app/command.h"
#include "app/forecast_table.h"

#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mc-forecast-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static const char *write_file(const char *name, const char *text) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void read_text(struct mc_forecast_table *t, const char *text, bool demand) {
    struct mc_error e = {0};
    *t = (struct mc_forecast_table){0};
    if (mc_forecast_table_read(t, write_file("in.csv", text), demand, &e) != MC_OK)
        fail_msg("%s", e.text);
}

static void expect_refusal(const char *text, enum mc_err code, const char *part) {
    struct mc_forecast_table t = {0};
    struct mc_error e = {0};
    assert_int_equal(mc_forecast_table_read(&t, write_file("in.csv", text), false, &e), code);
    if (strstr(e.text, part) == NULL)
        fail_msg("'%s' lacks '%s'", e.text, part);
    mc_forecast_table_free(&t);
}

static void test_days(void **state) {
    (void)state;
    struct mc_forecast_table t;
    const char *text = "value,period,series_id\n3,2020-02-27,b\n4,2020-03-01,b\n1,2020-02-28,a\n,2020-02-29,a\n";
    read_text(&t, text, false);
    assert_int_equal(t.count, 2);
    assert_true(mc_str_equal(mc_forecast_name(&t, 0), MC_STR("a")));
    assert_true(t.step == MC_STEP_DAYS && t.season == 7 && strcmp(mc_forecast_unit(&t), "days") == 0);
    assert_true(t.series[0].n == 2 && t.series[0].y[0] == 1 && isnan(t.series[0].y[1]));
    assert_true(t.series[1].n == 4 && isnan(t.series[1].y[1]) && t.series[1].y[3] == 4);
    struct mc_buf b = {0};
    mc_forecast_period_text(&b, &t, 1, 1);
    assert_string_equal(mc_buf_cstr(&b), "2020-03-02");
    mc_buf_free(&b);
    mc_forecast_table_free(&t);
    read_text(&t, text, true); /* days without a row are days without a sale, up to the file's last */
    assert_true(t.series[0].n == 3 && isnan(t.series[0].y[1]) && t.series[0].y[2] == 0 && t.series[1].y[1] == 0);
    mc_forecast_table_free(&t);
}

static void test_calendars(void **state) {
    (void)state;
    static const struct {
        const char *periods[3];
        size_t n, season;
        const char *unit;
    } cases[] = {
        {{"2020-01", "2020-02", "2020-04"}, 4, 12, "months"},
        {{"2020-01-31", "2020-02-29", "2020-03-31"}, 3, 12, "months"},
        {{"2020-01-01", "2020-04-01", "2021-01-01"}, 5, 4, "quarters"},
        {{"2018-06-30", "2019-06-30", "2020-06-30"}, 3, 1, "years"},
        {{"2020-01-06", "2020-01-13", "2020-01-27"}, 4, 52, "weeks"},
        {{"7", "8", "10"}, 4, 1, "periods"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[200];
        struct mc_forecast_table t;
        snprintf(text, sizeof text, "series_id,period,value\na,%s,1\na,%s,2\na,%s,3\n", cases[k].periods[0],
                 cases[k].periods[1], cases[k].periods[2]);
        read_text(&t, text, false);
        assert_int_equal(t.series[0].n, cases[k].n);
        assert_int_equal(t.season, cases[k].season);
        assert_string_equal(mc_forecast_unit(&t), cases[k].unit);
        assert_true(t.series[0].y[t.series[0].n - 1] == 3);
        mc_forecast_table_free(&t);
    }
}

static void test_what_is_missing(void **state) {
    (void)state;
    struct mc_forecast_table t;
    read_text(&t,
              "series_id,period,value,stock,promotion,price,views\n"
              "a,1,5,10,0,2.5,7\na,2,0,0,,,8\na,3,9,4,1,3,9\na,4,-2,3,,,\na,5,NaN,3,,,\n",
              true);
    const double *y = t.series[0].y;
    assert_true(y[0] == 5 && isnan(y[1]) && isnan(y[2]) && y[3] == 0 && isnan(y[4]));
    assert_true(t.sold_out == 1 && t.promoted == 1 && t.negative == 1 && t.missing == 1);
    assert_true(t.items[0].price == 3 && t.items[0].stock == 3 && t.views[2] == 9 && t.carts == NULL);
    mc_forecast_table_free(&t);
}

static void test_refused(void **state) {
    (void)state;
    expect_refusal("series_id,period,value\na,2020-01-01,1\nb,2020-01-01,1\na,2020-01-01,2\n", MC_ERR_FORMAT,
                   "rows 1 and 3: series 'a' has the same period twice");
    expect_refusal("series_id,period,value\na,2020-02-30,1\n", MC_ERR_FORMAT, "row 1: period '2020-02-30'");
    expect_refusal("series_id,period,value\na,2020-01-01,1\na,2,1\n", MC_ERR_FORMAT, "mixed");
    expect_refusal("series_id,period,value\na,1,zwei\n", MC_ERR_FORMAT, "row 1: value 'zwei'");
    expect_refusal("series_id,period,value\na,1,1e16\n", MC_ERR_FORMAT, "no number up to 10^15");
    expect_refusal("series_id,period,value\na,1,inf\n", MC_ERR_FORMAT, "value 'inf'");
    expect_refusal("series_id,period,value\n,1,1\n", MC_ERR_FORMAT, "series_id is empty");
    expect_refusal("series_id,period,value\na,1,1\na,2\n", MC_ERR_FORMAT, "row 2");
    expect_refusal("series_id,period,value\na,0,1\na,999999999,1\n", MC_ERR_LIMIT, "series 'a' spans more than");
    expect_refusal("series_id,period,value\n", MC_ERR_FORMAT, "no rows");
    expect_refusal("series_id,value\na,1\n", MC_ERR_FORMAT, "period");
}

static void test_no_memory(void **state) {
    (void)state;
    write_file("in.csv", "series_id,period,value,views\nb,1,5,1\na,2,6,\na,1,7,2\n");
    for (uint64_t n = 1;; n++) {
        struct mc_forecast_table t = {0};
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = mc_forecast_table_read(&t, path, true, &e);
        bool met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        mc_forecast_table_free(&t);
        if (!met)
            break;
    }
}

/* ---- the command
 * ------------------------------------------------------------------------------------------------------- */

static char *text_of(const char *file) {
    char name[100], *text = calloc(1, 1 << 20);
    snprintf(name, sizeof name, "%s/%s", folder, file);
    FILE *f = fopen(name, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

/* Rows of three series over 60 days, forwards or backwards. */
static void write_rows(bool backwards) {
    char text[8000] = "series_id,period,value,stock\n";
    for (int k = 0; k < 180; k++) {
        int row = backwards ? 179 - k : k, day = row % 60;
        snprintf(text + strlen(text), sizeof text - strlen(text), "p%d,2020-%02d-%02d,%d,9\n", row / 60, 1 + day / 28,
                 1 + day % 28, (day * day + row / 60) % 7 == 0 ? day % 5 : 0);
    }
    write_file("in.csv", text);
}

static void run_forecast(const char *threads, const char *out, const char *plan) {
    char out_path[100], plan_path[100], report_path[100];
    char *environment[] = {NULL};
    snprintf(out_path, sizeof out_path, "%s/%s", folder, out);
    snprintf(plan_path, sizeof plan_path, "%s/%s", folder, plan);
    snprintf(report_path, sizeof report_path, "%s/report.html", folder);
    char *argv[] = {"maxcart",  "forecast",  "--series",    path,        "--horizon",       "14d",    "--demand",
                    "--quiet",  "--out",     out_path,      "--threads", (char *)threads,   "--plan", plan_path,
                    "--report", report_path, "--lead-time", "20d",       "--service-level", "0.5",    "--backtest"};
    assert_int_equal(mc_command_main(sizeof argv / sizeof *argv, argv, environment), 0);
}

static void test_order_and_threads(void **state) {
    (void)state;
    write_rows(false);
    run_forecast("1", "a.csv", "plan-a.csv");
    write_rows(true);
    run_forecast("3", "b.csv", "plan-b.csv");
    char *a = text_of("a.csv"), *b = text_of("b.csv"), *c = text_of("plan-a.csv"), *d = text_of("plan-b.csv");
    assert_string_equal(a, b);
    assert_string_equal(c, d);
    assert_true(strncmp(a, "series_id,step,mean,p10,p50,p90,method\np0,1,", 44) == 0);
    free(a);
    free(b);
    free(c);
    free(d);
    a = text_of("report.html");
    assert_non_null(strstr(a, "<svg"));
    assert_non_null(strstr(a, "Backtest"));
    assert_null(strstr(a, "http"));
    free(a);
}

static void test_too_little_history(void **state) {
    (void)state;
    char *environment[] = {NULL};
    write_file("in.csv", "series_id,period,value\na,1,5\nb,1,6\n");
    char *argv[] = {"maxcart", "forecast", "--series", path, "--horizon", "3", "--out", "/dev/null"};
    assert_int_equal(mc_command_main(8, argv, environment), 1);
    argv[5] = "3d"; /* whole numbers have no days */
    assert_int_equal(mc_command_main(8, argv, environment), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_calendars),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_order_and_threads),
        cmocka_unit_test(test_too_little_history),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

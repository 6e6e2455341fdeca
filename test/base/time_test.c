/* Dates against a calendar that is walked day by day, times as SEMANTICS 1 spells them, durations. */
#include "base/time.h"
#include "seed.h"
#include <stdio.h>

static unsigned naive_month_days(int year, unsigned month) {
    if (month == 2)
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void one_day(int64_t days, int year, unsigned month, unsigned day) {
    int y;
    unsigned m, d;
    assert_true(mc_date_is_valid(year, month, day));
    assert_int_equal(mc_days_of_date(year, month, day), days);
    mc_date_of_days(days, &y, &m, &d);
    assert_int_equal(y, year);
    assert_int_equal(m, month);
    assert_int_equal(d, day);
}

static void test_every_day_of_the_calendar(void **state) {
    (void)state;
    int64_t days = mc_days_of_date(1, 1, 1);
    for (int year = 1; year < 2400; year++)
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= naive_month_days(year, month); day++)
                one_day(days++, year, month, day);
            assert_false(mc_date_is_valid(year, month, naive_month_days(year, month) + 1));
            assert_false(mc_date_is_valid(year, month, 0));
        }
    assert_int_equal(mc_days_of_date(1970, 1, 1), 0);
    assert_int_equal(mc_days_of_date(2200, 1, 1) * MC_DAY_US, MC_TIME_END_US);
    assert_false(mc_date_is_valid(2020, 0, 1) || mc_date_is_valid(2020, 13, 1));
}

/* Every day that an event may have, at some second of it: text and back. */
static void test_text_and_back(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, seed_now = 1);
    char text[MC_TIME_TEXT_MAX];
    for (int64_t day = 0; day < MC_TIME_END_US / MC_DAY_US; day++) {
        int64_t us = day * MC_DAY_US + (int64_t)mc_rng_below(&r, MC_DAY_US);
        if (chance(&r, 50))
            us -= us % MC_SECOND_US;
        size_t len = mc_time_text(text, us);
        struct mc_time back = {-1};
        check(len == (us % MC_SECOND_US ? 27 : 20) && len <= sizeof text);
        check(mc_time_parse((struct mc_str){text, len}, &back) && back.us == us);
        text[10] = ' ';
        check(mc_time_parse((struct mc_str){text, len - 1}, &back) && back.us == us);
    }
}

static void test_text_at_the_edges(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } table[] = {{0, "1970-01-01T00:00:00Z"},
                 {1, "1970-01-01T00:00:00.000001Z"},
                 {-1, "1969-12-31T23:59:59.999999Z"},
                 {-MC_DAY_US, "1969-12-31T00:00:00Z"},
                 {MC_TIME_END_US - 1, "2199-12-31T23:59:59.999999Z"},
                 {MC_TIME_END_US, "2200-01-01T00:00:00Z"},
                 {951782400 * MC_SECOND_US, "2000-02-29T00:00:00Z"},
                 {253402300800 * MC_SECOND_US - 1, "9999-12-31T23:59:59.999999Z"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf b = {0};
        mc_buf_time(&b, table[i].us);
        assert_string_equal(mc_buf_cstr(&b), table[i].text);
        mc_buf_free(&b);
    }
}

#define HALF_PAST_FIVE ((int64_t)1577856600 * MC_SECOND_US) /* 2020-01-01 05:30 */

static void test_what_is_a_time(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } table[] = {{"2020-01-01 05:30:00", HALF_PAST_FIVE},
                 {"2020-01-01 05:30:00 UTC", HALF_PAST_FIVE},
                 {"2020-01-01 05:30:00Z", HALF_PAST_FIVE},
                 {"2020-01-01T05:30:00Z", HALF_PAST_FIVE},
                 {"2020-01-01T05:30:00+00:00", HALF_PAST_FIVE},
                 {"2020-01-01T05:30:00-00:00", HALF_PAST_FIVE},
                 {"2020-01-01 07:30:00+02:00", HALF_PAST_FIVE},
                 {"2019-12-31T06:31:00-22:59", HALF_PAST_FIVE},
                 {"2020-01-02T05:29:00+23:59", HALF_PAST_FIVE},
                 {"2020-01-01 05:30:00.1", HALF_PAST_FIVE + 100000},
                 {"2020-01-01 05:30:00.000001", HALF_PAST_FIVE + 1},
                 {"2020-01-01 05:30:00.0000019", HALF_PAST_FIVE + 1},
                 {"2020-01-01 05:30:00.999999999 UTC", HALF_PAST_FIVE + 999999},
                 {"2020-01-01T05:30:00.5-00:30", HALF_PAST_FIVE + 500000 + 30 * MC_MINUTE_US},
                 {"2020-02-29 00:00:00", HALF_PAST_FIVE + 58 * MC_DAY_US + 18 * MC_HOUR_US + 30 * MC_MINUTE_US},
                 {"1577856600000", HALF_PAST_FIVE},
                 {"0000000000000", 0},
                 {"0000000001000", MC_SECOND_US},
                 {"7258118399999", MC_TIME_END_US - 1000},
                 {"1970-01-01 00:00:00", 0},
                 {"1969-12-31T23:59:00-00:01", 0},
                 {"2199-12-31 23:59:59.999999", MC_TIME_END_US - 1},
                 {"2200-01-01 01:00:00+01:30", MC_TIME_END_US - 30 * MC_MINUTE_US}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_time t = {-1};
        if (!mc_time_parse(mc_str_of(table[i].text), &t) || t.us != table[i].us)
            fail_msg("%s", table[i].text);
    }
}

static void test_what_is_no_time(void **state) {
    (void)state;
    static const char *const table[] = {"",
                                        "now",
                                        "2020-01-01",
                                        "2020-01-01 05:30",
                                        "2020-01-01T05:30:00",
                                        "2020-01-01T05:30:00 UTC",
                                        "2020-01-01 05:30:00 Z",
                                        "2020-01-01 05:30:00 +02:00",
                                        "2020-01-01 05:30:00  UTC",
                                        "2020-01-01  05:30:00",
                                        "2020-01-01 05:30:00 utc",
                                        "2020-01-01t05:30:00Z",
                                        "2020-01-01T05:30:00z",
                                        "2020-01-01 05:30:00.",
                                        "2020-01-01 05:30:00.Z",
                                        "2020-01-01 05:30:00.1234567890",
                                        "2020-01-01 05:30:00,5",
                                        "2020-01-01 05:30:60",
                                        "2020-01-01 05:60:00",
                                        "2020-01-01 24:00:00",
                                        "2020-00-01 05:30:00",
                                        "2020-13-01 05:30:00",
                                        "2020-01-00 05:30:00",
                                        "2020-01-32 05:30:00",
                                        "2019-02-29 05:30:00",
                                        "2100-02-29 05:30:00",
                                        "2020-04-31 05:30:00",
                                        "2020-1-01 05:30:00",
                                        "20-01-01 05:30:00",
                                        "12020-01-01 05:30:00",
                                        "2020-01-01 5:30:00",
                                        "2020/01/01 05:30:00",
                                        "2020-01-01 05.30.00",
                                        " 2020-01-01 05:30:00",
                                        "2020-01-01 05:30:00 ",
                                        "2020-01-01T05:30:00+24:00",
                                        "2020-01-01T05:30:00+00:60",
                                        "2020-01-01T05:30:00+0200",
                                        "2020-01-01T05:30:00+2:00",
                                        "2020-01-01T05:30:00+02",
                                        "2020-01-01T05:30:00+02:0",
                                        "2020-01-01T05:30:00ZZ",
                                        "2020-01-01T05:30:00Z ",
                                        "2020-01-01T05:30:00UTC",
                                        "2020-01-01 05:30:00UTC",
                                        "157785660000",
                                        "15778566000000",
                                        "1577856600",
                                        "-157785660000",
                                        "+157785660000",
                                        "157785660000x",
                                        "7258118400000",
                                        "9999999999999",
                                        "1969-12-31 23:59:59.999999",
                                        "1970-01-01T00:00:00+00:01",
                                        "2200-01-01 00:00:00",
                                        "2199-12-31T23:59:59-00:01",
                                        "0000-01-01 00:00:00",
                                        "9999-12-31 23:59:59"};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_time t;
        if (mc_time_parse(mc_str_of(table[i]), &t))
            fail_msg("'%s' is no time", table[i]);
    }
}

/* A byte changed anywhere is refused or reads as a time that the same text spells: the fields at their places. */
static void one_byte_round(struct mc_rng *r) {
    char text[] = "2020-01-01 05:30:00 UTC";
    text[mc_rng_below(r, sizeof text - 1)] = (char)mc_rng_next(r);
    int year, month, day, hour, minute, second, used = 0;
    bool fits =
        sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d UTC%n", &year, &month, &day, &hour, &minute, &second, &used) == 6 &&
        used == sizeof text - 1 && strspn(text, "0123456789") == 4 && memcmp(text + 19, " UTC", 4) == 0;
    struct mc_time t;
    bool good = mc_time_parse((struct mc_str){text, sizeof text - 1}, &t);
    if (!good)
        return;
    check(fits && year >= 1970 && year < 2200 && month >= 1 && month <= 12 && day >= 1 && hour < 24 && minute < 60 &&
          second < 60);
    check((unsigned)day <= naive_month_days(year, (unsigned)month));
    check(t.us == (mc_days_of_date(year, (unsigned)month, (unsigned)day) * 86400 + hour * 3600 + minute * 60 + second) *
                      MC_SECOND_US);
}

static void test_one_byte_changed(void **state) {
    (void)state;
    seed_rounds(50000, one_byte_round);
}

static void test_durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {{"0", 0},
                {"0s", 0},
                {"1us", 1},
                {"250ms", 250000},
                {"90s", 90 * MC_SECOND_US},
                {"10m", 10 * MC_MINUTE_US},
                {"24h", MC_DAY_US},
                {"7d", 7 * MC_DAY_US},
                {"0007d", 7 * MC_DAY_US},
                {"9223372036854775807us", INT64_MAX}};
    static const char *const bad[] = {"",
                                      "s",
                                      "1",
                                      "10",
                                      "-1s",
                                      "+1s",
                                      "1 s",
                                      " 1s",
                                      "1s ",
                                      "1S",
                                      "1sec",
                                      "1.5h",
                                      "1w",
                                      "1h30m",
                                      "9223372036854775808us",
                                      "99999999999999999999s",
                                      "9223372036854775807ms",
                                      "106751992d"};
    int64_t us;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!mc_duration_parse(mc_str_of(good[i].text), &us) || us != good[i].us)
            fail_msg("%s", good[i].text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mc_duration_parse(mc_str_of(bad[i]), &us))
            fail_msg("'%s' is no duration", bad[i]);
}

static void duration_round(struct mc_rng *r) {
    static const int64_t unit[] = {1, 1000, MC_SECOND_US, MC_MINUTE_US, MC_HOUR_US, MC_DAY_US};
    int64_t us = (int64_t)mc_rng_below(r, 100) * unit[mc_rng_below(r, 6)], back = -1;
    struct mc_buf b = {0};
    mc_buf_duration(&b, us);
    check(mc_duration_parse(mc_buf_view(&b), &back) && back == us);
    mc_buf_free(&b);
}

static void test_durations_as_text(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } table[] = {{0, "0s"},
                 {30 * MC_MINUTE_US, "30m"},
                 {MC_DAY_US, "24h"},
                 {7 * MC_DAY_US, "7d"},
                 {90 * MC_MINUTE_US, "90m"},
                 {MC_SECOND_US / 2, "500ms"},
                 {3 * MC_DAY_US + MC_HOUR_US, "73h"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf b = {0};
        mc_buf_duration(&b, table[i].us);
        assert_string_equal(mc_buf_cstr(&b), table[i].text);
        mc_buf_free(&b);
    }
    seed_rounds(2000, duration_round);
}

static void test_clocks_of_the_machine(void **state) {
    (void)state;
    int64_t before = mc_monotonic_ns();
    assert_true(mc_wall_now().us > (int64_t)1500000000 * MC_SECOND_US);
    assert_true(mc_monotonic_ns() >= before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_of_the_calendar),
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_text_at_the_edges),
        cmocka_unit_test(test_what_is_a_time),
        cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_one_byte_changed),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_durations_as_text),
        cmocka_unit_test(test_clocks_of_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "app/options.h"
#include "app/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct arguments {
    bool flag;
    const char *text;
    int64_t number, duration, size, instant;
    int choice;
};

#define LINE(name, type, member, min, max, choices)                                                                    \
    { name, type, offsetof(struct arguments, member), "X", "help", min, max, choices }

static const struct mc_option table[] = {
    LINE("flag", MC_OPTION_FLAG, flag, 0, 0, NULL),
    LINE("text", MC_OPTION_STRING, text, 0, 0, NULL),
    LINE("number", MC_OPTION_INT, number, -5, 7, NULL),
    LINE("duration", MC_OPTION_DURATION, duration, MC_SECOND_US, MC_DAY_US, NULL),
    LINE("size", MC_OPTION_SIZE, size, 0, 0, NULL),
    LINE("since", MC_OPTION_INSTANT, instant, 0, 0, NULL),
    LINE("choice", MC_OPTION_CHOICE, choice, 0, 0, "red|green|blue"),
    {0},
};

struct result {
    struct arguments a;
    char *items[16];
    struct mc_operands operands;
    struct mc_error error;
    enum mc_err err;
};

static void parse(struct result *r, char **argv) {
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    *r = (struct result){0};
    r->operands.items = r->items;
    r->err = mc_options_parse(table, &r->a, NULL, NULL, argc, argv, &r->operands, &r->error);
}

#define PARSE(r, ...) parse(r, (char *[]){__VA_ARGS__, NULL})

static void test_every_type_is_read(void **state) {
    (void)state;
    struct result r;
    PARSE(&r, "--flag", "--text", "a b", "--number=-5", "--duration", "10m", "--size=2k", "--since", "2019-10-01",
          "--choice=blue");
    assert_int_equal(r.err, MC_OK);
    assert_true(r.a.flag);
    assert_string_equal(r.a.text, "a b");
    assert_int_equal(r.a.number, -5);
    assert_int_equal(r.a.duration, 10 * MC_MINUTE_US);
    assert_int_equal(r.a.size, 2048);
    assert_int_equal(r.a.instant, (int64_t)1569888000 * MC_SECOND_US);
    assert_int_equal(r.a.choice, 2);
}

static void test_operands_stand_anywhere(void **state) {
    (void)state;
    struct result r;
    PARSE(&r, "a", "--flag", "-", "--", "--text", "--");
    assert_int_equal(r.err, MC_OK);
    assert_int_equal(r.operands.count, 4);
    assert_string_equal(r.items[0], "a");
    assert_string_equal(r.items[1], "-");
    assert_string_equal(r.items[2], "--text");
    assert_string_equal(r.items[3], "--");
    assert_null(r.a.text);
}

static void test_the_later_one_counts(void **state) {
    (void)state;
    struct result r;
    PARSE(&r, "--number", "1", "--number", "2");
    assert_int_equal(r.a.number, 2);
}

static void test_mistakes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *argument[3], *sentence;
    } cases[] = {
        {{"--nubmer", "1"}, "there is no option --nubmer here; did you mean --number?"},
        {{"--zzz"}, "there is no option --zzz here; --help lists them"},
        {{"--number"}, "--number needs a whole number from -5 to 7"},
        {{"--number", "8"}, "--number takes a whole number from -5 to 7, not '8'"},
        {{"--number", "-6"}, "--number takes a whole number from -5 to 7, not '-6'"},
        {{"--number", ""}, "--number takes a whole number from -5 to 7, not ''"},
        {{"--number", "9223372036854775808"}, "--number takes a whole number from -5 to 7, not '9223372036854775808'"},
        {{"--duration", "10"}, "--duration takes a duration like 10m, 24h or 7d from 1s to 24h, not '10'"},
        {{"--duration=25h"}, "--duration takes a duration like 10m, 24h or 7d from 1s to 24h, not '25h'"},
        {{"--size", "2X"}, "--size takes a number of bytes like 65536, 64k or 2G, not '2X'"},
        {{"--size", "-1"}, "--size takes a number of bytes like 65536, 64k or 2G, not '-1'"},
        {{"--since", "yesterday"},
         "--since takes a date like 2019-10-01 or a time like 2019-10-01T12:00:00Z, not 'yesterday'"},
        {{"--since", "2019-02-29"},
         "--since takes a date like 2019-10-01 or a time like 2019-10-01T12:00:00Z, not '2019-02-29'"},
        {{"--choice", "gren"}, "--choice takes one of red|green|blue, not 'gren'"},
        {{"--flag=yes"}, "--flag takes no value, not 'yes'"},
        {{"--text="}, "--text takes a text that is not empty, not ''"},
        {{"--text", "--flag"}, "--text needs a text that is not empty"},
        {{"-x"}, "there is no option -x; options are written in full: --help"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result r;
        parse(&r, (char **)cases[i].argument);
        assert_int_equal(r.err, MC_ERR_USAGE);
        assert_int_equal(r.error.code, MC_ERR_USAGE);
        assert_string_equal(r.error.text, cases[i].sentence);
    }
}

static void test_a_value_with_dashes_behind_equals(void **state) {
    (void)state;
    struct result r;
    PARSE(&r, "--text=--flag");
    assert_int_equal(r.err, MC_OK);
    assert_string_equal(r.a.text, "--flag");
    assert_false(r.a.flag);
}

static void test_numbers_to_their_ends(void **state) {
    (void)state;
    int64_t v;
    assert_true(mc_int_parse(MC_STR("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(mc_int_parse(MC_STR("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_false(mc_int_parse(MC_STR("-"), &v));
    assert_false(mc_int_parse(MC_STR("+1"), &v));
    assert_false(mc_int_parse(MC_STR("1 "), &v));
    assert_true(mc_size_parse(MC_STR("8388607T"), &v));
    assert_false(mc_size_parse(MC_STR("8388608T"), &v));
    assert_false(mc_size_parse(MC_STR("k"), &v));
}

/* The choices of the query options are the names of the enums: an index is an enum's value. */
static void test_choices_are_the_enums(void **state) {
    (void)state;
    for (int i = 0; i < MC_UNDECIDED; i++)
        assert_int_equal(mc_choice_parse(MC_DECISION_CHOICES, mc_str_of(mc_decision_names[i])), i);
    for (int i = MC_MALFORMED_ROW; i < MC_REASONS; i++)
        assert_int_equal(mc_choice_parse(MC_REASON_CHOICES, mc_str_of(mc_reason_names[i])), i - MC_MALFORMED_ROW);
}

static void test_help_names_every_option(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_options_help(&b, table);
    for (const struct mc_option *o = table; o->name != NULL; o++)
        assert_non_null(strstr(mc_buf_cstr(&b), o->name));
    mc_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_read),
        cmocka_unit_test(test_operands_stand_anywhere),
        cmocka_unit_test(test_the_later_one_counts),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_a_value_with_dashes_behind_equals),
        cmocka_unit_test(test_numbers_to_their_ends),
        cmocka_unit_test(test_choices_are_the_enums),
        cmocka_unit_test(test_help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Prices against a naive model on strings of digits (naive_price.h), and the spellings that SEMANTICS 1 names. */
#include "../base/seed.h"
#include "event/price.h"
#include "naive_price.h"
#include <stdio.h>

enum { BAD = -1 };

static const struct {
    const char *text;
    int64_t minor;
} table[] = {{"0", 0},
             {"0.00", 0},
             {"-0", 0},
             {"+0", 0},
             {"1", 100},
             {"5.", 500},
             {".5", 50},
             {"+3", 300},
             {"2.62", 262},
             {"2.620000", 262},
             {"00001.10", 110},
             {"1e2", 10000},
             {"1E2", 10000},
             {"1e+2", 10000},
             {"1e-2", 1},
             {"100e-2", 100},
             {".000e5", 0},
             {"+.5e1", 500},
             {"0.005", 0},
             {"0.015", 2},
             {"0.025", 2},
             {"0.035", 4},
             {"2.675", 268},
             {"99.995", 10000},
             {"0.0050000001", 1},
             {"0.00499999", 0},
             {"0.5e-2", 0},
             {"1.5e-2", 2},
             {"5e-3", 0},
             {"15e-3", 2},
             {"0.0005e1", 0},
             {"0.00050000000000000000000001e1", 1},
             {"9.9e-3", 1},
             {"0e99999999999999999999", 0},
             {"1e-99999999999999999999", 0},
             {"0.00000000001e12", 1000},
             {"1000000000000e-2", 1000000000000},
             {"10000000000", 1000000000000},
             {"10000000000.00", 1000000000000},
             {"10000000000.005", 1000000000000},
             {"9999999999.995", 1000000000000},
             {"9999999999.99", 999999999999},
             {"100e8", 1000000000000},
             {"10000000000.0051", BAD},
             {"10000000000.01", BAD},
             {"10000000000.015", BAD},
             {"1e11", BAD},
             {"1e400", BAD},
             {"1e99999999999999999999", BAD},
             {"100000000000", BAD},
             {"99999999999999999999999", BAD},
             {"", BAD},
             {"+", BAD},
             {"-", BAD},
             {".", BAD},
             {"+.", BAD},
             {"e", BAD},
             {"e1", BAD},
             {".e1", BAD},
             {"1e", BAD},
             {"1e+", BAD},
             {"1e-", BAD},
             {"1e2.5", BAD},
             {"1.2.3", BAD},
             {"1,5", BAD},
             {"1_000", BAD},
             {"--1", BAD},
             {"+-1", BAD},
             {"1 ", BAD},
             {" 1", BAD},
             {"1 000", BAD},
             {"0x10", BAD},
             {"inf", BAD},
             {"nan", BAD},
             {"1f", BAD},
             {"$5", BAD},
             {"\xD9\xA1", BAD}};

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t minor = 7;
        bool good = mc_price_parse(mc_str_of(table[i].text), &minor);
        if (good != (table[i].minor != BAD) || (good && minor != table[i].minor))
            fail_msg("'%s' gives %s %lld", table[i].text, good ? "price" : "refusal", (long long)minor);
    }
    int64_t minor;
    assert_true(mc_price_parse(MC_STR("-0.005"), &minor) && minor == 0);
    assert_true(mc_price_parse(MC_STR("-0.0051"), &minor) && minor == -1);
    assert_true(mc_price_parse(MC_STR("-10000000000"), &minor) && minor == -MC_PRICE_MAX);
    assert_false(mc_price_parse(MC_STR("-10000000000.01"), &minor));
    assert_false(mc_price_parse((struct mc_str){NULL, 0}, &minor));
    assert_false(mc_price_parse((struct mc_str){"1\0", 2}, &minor));
}

static void agree(struct mc_str text) {
    int64_t ours = -7, naive = -7;
    bool good = mc_price_parse(text, &ours), naive_good = naive_price(text, &naive);
    if (good != naive_good || (good && ours != naive)) {
        print_error("'%.*s': %d %lld, naive %d %lld\n", (int)(text.len < 200 ? text.len : 200), text.data, good,
                    (long long)ours, naive_good, (long long)naive);
        check(false);
    }
}

/* Digits with long runs of 0, 9 and 5, which is where rounding and carries happen. */
static size_t put_digits(struct mc_rng *r, char *out, size_t most) {
    size_t len = mc_rng_below(r, most + 1);
    for (size_t i = 0; i < len;) {
        char digit = chance(r, 60) ? "0059"[mc_rng_below(r, 4)] : (char)('0' + mc_rng_below(r, 10));
        for (size_t run = 1 + mc_rng_below(r, chance(r, 20) ? most : 2); run > 0 && i < len; run--)
            out[i++] = digit;
    }
    return len;
}

static void number_round(struct mc_rng *r) {
    char text[400];
    size_t len = 0, most = chance(r, 10) ? 90 : 1 + mc_rng_below(r, 14);
    if (chance(r, 30))
        text[len++] = "+-"[mc_rng_below(r, 2)];
    len += put_digits(r, text + len, most);
    if (chance(r, 70))
        text[len++] = '.';
    len += put_digits(r, text + len, most);
    if (chance(r, 40))
        len += (size_t)sprintf(
            text + len, "%c%s%d", "eE" [mc_rng_below(r, 2)], (const char *[]) { "", "+", "-" }[mc_rng_below(r, 3)],
            (int)mc_rng_below(r, chance(r, 80) ? 20 : 2000));
    agree((struct mc_str){text, len});
    if (len > 0) { /* and with one byte spoilt */
        text[mc_rng_below(r, len)] = "0123456789.+-eE xX,"[mc_rng_below(r, 19)];
        agree((struct mc_str){text, len});
    }
}

static void test_random_numbers(void **state) {
    (void)state;
    seed_rounds(200000, number_round);
}

static void soup_round(struct mc_rng *r) {
    char text[12];
    size_t len = mc_rng_below(r, sizeof text);
    for (size_t i = 0; i < len; i++)
        text[i] = "0159.+-eE "[mc_rng_below(r, 10)];
    agree((struct mc_str){text, len});
}

static void test_random_letters(void **state) {
    (void)state;
    seed_rounds(200000, soup_round);
}

/* As long as a row may be: 60,000 digits, and an exponent that takes them back. */
static void test_long_ones(void **state) {
    (void)state;
    static char text[70000];
    for (int digit = 0; digit < 10; digit++) {
        memset(text, '0' + digit, 60000);
        for (int exponent = 59980; exponent <= 60005; exponent++) {
            int tail = sprintf(text + 60000, "e-%d", exponent);
            agree((struct mc_str){text, 60000 + (size_t)tail});
        }
        memset(text, '0', 60000);
        text[0] = '.';
        text[59999] = (char)('0' + digit);
        int tail = sprintf(text + 60000, "e%d", 59999);
        agree((struct mc_str){text, 60000 + (size_t)tail});
    }
    memset(text, '0', sizeof text);
    memcpy(text, "1e", 2);
    text[65000] = '3'; /* 1e000...0003 */
    agree((struct mc_str){text, 65001});
}

static void test_quantity(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int32_t value;
    } quantities[] = {{"1", 1},
                      {"007", 7},
                      {"1000000", 1000000},
                      {"0000000000000000000000001000000", 1000000},
                      {"0", BAD},
                      {"00", BAD},
                      {"1000001", BAD},
                      {"", BAD},
                      {"+1", BAD},
                      {"-1", BAD},
                      {"1.0", BAD},
                      {"1e2", BAD},
                      {" 1", BAD},
                      {"1 ", BAD},
                      {"x", BAD},
                      {"4294967297", BAD},
                      {"18446744073709551617", BAD},
                      {"99999999999999999999999999", BAD}};
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++) {
        int32_t value = -5;
        bool good = mc_quantity_parse(mc_str_of(quantities[i].text), &value);
        if (good != (quantities[i].value != BAD) || (good && value != quantities[i].value))
            fail_msg("'%s'", quantities[i].text);
    }
    char text[16];
    for (int32_t n = 1; n <= MC_QUANTITY_MAX; n++) {
        int32_t value;
        size_t len = (size_t)sprintf(text, "%d", n);
        assert_true(mc_quantity_parse((struct mc_str){text, len}, &value) && value == n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),     cmocka_unit_test(test_random_numbers), cmocka_unit_test(test_random_letters),
        cmocka_unit_test(test_long_ones), cmocka_unit_test(test_quantity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

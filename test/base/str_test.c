/* Strings: order, trimming, case, and UTF-8 against a second decoder that follows the definition literally. */
#include "base/str.h"
#include "seed.h"

/* ---- UTF-8: decode to a code point, encode it the only allowed way, compare ---- */

static size_t encode(uint32_t point, unsigned char out[4]) {
    if (point < 0x80)
        return out[0] = (unsigned char)point, 1;
    if (point < 0x800) {
        out[0] = (unsigned char)(0xC0 | point >> 6);
        out[1] = (unsigned char)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (unsigned char)(0xE0 | point >> 12);
        out[1] = (unsigned char)(0x80 | (point >> 6 & 63));
        out[2] = (unsigned char)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (unsigned char)(0xF0 | point >> 18);
    out[1] = (unsigned char)(0x80 | (point >> 12 & 63));
    out[2] = (unsigned char)(0x80 | (point >> 6 & 63));
    out[3] = (unsigned char)(0x80 | (point & 63));
    return 4;
}

/* Bytes of the sequence at p, 0 if there is none. */
static size_t naive_sequence(const unsigned char *p, size_t left) {
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF8 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    uint32_t point = length == 1 ? p[0] : p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
        point = point << 6 | (p[i] & 63);
    }
    unsigned char again[4];
    bool is_scalar = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    return is_scalar && encode(point, again) == length && memcmp(again, p, length) == 0 ? length : 0;
}

static bool naive_utf8(const unsigned char *p, size_t len) {
    for (size_t i = 0, length; i < len; i += length)
        if ((length = naive_sequence(p + i, len - i)) == 0)
            return false;
    return true;
}

static void agree(const unsigned char *p, size_t len) {
    if (mc_str_is_utf8((struct mc_str){(const char *)p, len}) != naive_utf8(p, len))
        fail_msg("%zu bytes from %02x %02x %02x %02x", len, p[0], p[1], p[2], p[3]);
}

static void test_all_of_one_and_two_bytes(void **state) {
    (void)state;
    unsigned char p[4] = {0};
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            p[0] = (unsigned char)a;
            p[1] = (unsigned char)b;
            agree(p, 1);
            agree(p, 2);
        }
}

/* Every first two bytes with those last ones where a rule changes. */
static void test_edges_of_three_and_four_bytes(void **state) {
    (void)state;
    static const unsigned char edge[] = {0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xF0, 0xFF};
    unsigned char p[4];
    for (unsigned a = 0xC0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (size_t c = 0; c < sizeof edge; c++)
                for (size_t d = 0; d < sizeof edge; d++) {
                    p[0] = (unsigned char)a;
                    p[1] = (unsigned char)b;
                    p[2] = edge[c];
                    p[3] = edge[d];
                    agree(p, 3);
                    agree(p, 4);
                }
}

static void test_every_code_point(void **state) {
    (void)state;
    unsigned char p[4];
    for (uint32_t point = 0; point <= 0x110FFF; point++) {
        size_t length = encode(point, p);
        bool good = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        if (mc_str_is_utf8((struct mc_str){(char *)p, length}) != good)
            fail_msg("U+%04X", point);
        if (mc_str_is_utf8((struct mc_str){(char *)p, length - 1}) != (length == 1))
            fail_msg("U+%04X without its end", point);
    }
}

static void utf8_round(struct mc_rng *r) {
    unsigned char p[64 + 4] = {0};
    size_t len = 0, wanted = mc_rng_below(r, 64);
    while (len < wanted)
        len += encode((uint32_t)mc_rng_below(r, chance(r, 50) ? 0x80 : 0x11000), p + len);
    check(mc_str_is_utf8((struct mc_str){(char *)p, len}) == naive_utf8(p, len));
    p[mc_rng_below(r, sizeof p)] = (unsigned char)mc_rng_next(r);
    check(mc_str_is_utf8((struct mc_str){(char *)p, len}) == naive_utf8(p, len));
}

static void test_random_texts(void **state) {
    (void)state;
    seed_rounds(20000, utf8_round);
    assert_true(mc_str_is_utf8((struct mc_str){NULL, 0}));
    assert_true(mc_str_is_utf8((struct mc_str){"a\0b", 3})); /* NUL is text to UTF-8; rows refuse it by themselves */
}

/* ---- the rest ---- */

static void test_order_is_of_bytes(void **state) {
    (void)state;
    static const struct mc_str rising[] = {{"", 0},    {"\0", 1}, {"A", 1}, {"a", 1},
                                           {"a\0", 2}, {"aa", 2}, {"b", 1}, {"\xC3\xA9", 2}};
    const int count = sizeof rising / sizeof *rising;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < count; k++) {
            int order = mc_str_compare(rising[i], rising[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
            assert_int_equal(mc_str_equal(rising[i], rising[k]), i == k);
        }
    assert_true(mc_str_equal((struct mc_str){NULL, 0}, MC_STR("")));
    assert_int_equal(mc_str_compare((struct mc_str){NULL, 0}, MC_STR("")), 0);
    assert_int_equal(mc_str_of(NULL).len, 0);
}

static void test_trim_takes_six_bytes(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[3] = {(char)c, 'x', (char)c};
        bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
        assert_int_equal(mc_str_trim((struct mc_str){text, 3}).len, is_space ? 1 : 3);
        assert_int_equal(mc_str_trim((struct mc_str){text, 1}).len, !is_space);
    }
    assert_true(mc_str_equal(mc_str_trim(MC_STR(" \t a b \r\n")), MC_STR("a b")));
    assert_int_equal(mc_str_trim(MC_STR(" \n ")).len, 0);
    assert_int_equal(mc_str_trim((struct mc_str){NULL, 0}).len, 0);
}

static void test_case_is_ascii_only(void **state) {
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char x = (char)a, y = (char)b;
            bool letters = ((a | 32) >= 'a' && (a | 32) <= 'z') && (a | 32) == (b | 32);
            assert_int_equal(mc_str_equal_nocase((struct mc_str){&x, 1}, (struct mc_str){&y, 1}), a == b || letters);
        }
    assert_true(mc_str_equal_nocase(MC_STR("Event_Time"), MC_STR("eVENT_tIME")));
    assert_false(mc_str_equal_nocase(MC_STR("view"), MC_STR("views")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_one_and_two_bytes), cmocka_unit_test(test_edges_of_three_and_four_bytes),
        cmocka_unit_test(test_every_code_point),         cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_order_is_of_bytes),        cmocka_unit_test(test_trim_takes_six_bytes),
        cmocka_unit_test(test_case_is_ascii_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

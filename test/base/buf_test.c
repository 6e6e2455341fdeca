/* The text builder: numbers, CSV and JSON that read back, growth, and what is left when memory ends. */
#include "base/buf.h"
#include "base/mem.h"
#include "seed.h"
#include <stdio.h>

static void test_starts_empty(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_buf_append(&b, NULL, 0);
    mc_buf_str(&b, (struct mc_str){NULL, 0});
    assert_int_equal(b.len, 0);
    assert_false(b.failed);
    assert_non_null(mc_buf_reserve(&b, 0)); /* NULL means failure, even of nothing */
    assert_string_equal(mc_buf_cstr(&b), "");
    mc_buf_free(&b);
    assert_true(b.data == NULL && b.cap == 0);
}

static void test_numbers(void **state) {
    (void)state;
    static const int64_t table[] = {0, 1, -1, 9, 10, -10, 123456789, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    char text[64];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf b = {0};
        mc_buf_int(&b, table[i]);
        mc_buf_char(&b, ' ');
        mc_buf_int128(&b, table[i]);
        snprintf(text, sizeof text, "%lld %lld", (long long)table[i], (long long)table[i]);
        assert_string_equal(mc_buf_cstr(&b), text);
        mc_buf_free(&b);
    }
    struct mc_buf b = {0};
    __int128 most = (__int128)((unsigned __int128)-1 >> 1);
    mc_buf_int128(&b, most);
    mc_buf_char(&b, ' ');
    mc_buf_int128(&b, -most - 1);
    assert_string_equal(mc_buf_cstr(&b),
                        "170141183460469231731687303715884105727 -170141183460469231731687303715884105728");
    mc_buf_free(&b);
}

static void growth_round(struct mc_rng *r) {
    struct mc_buf b = {0};
    char expected[4096];
    size_t len = 0;
    while (len < 3000) {
        size_t piece = mc_rng_below(r, 200);
        memset(expected + len, 'a' + (int)mc_rng_below(r, 26), piece);
        if (chance(r, 30)) {
            char *room = mc_buf_reserve(&b, piece + 1);
            check(room == b.data + b.len && b.cap - b.len > piece);
            memcpy(room, expected + len, piece);
            b.len += piece;
        } else if (chance(r, 50)) {
            mc_buf_printf(&b, "%.*s", (int)piece, expected + len);
        } else {
            mc_buf_append(&b, expected + len, piece);
        }
        len += piece;
    }
    check(b.len == len && memcmp(b.data, expected, len) == 0 && !b.failed);
    check(strlen(mc_buf_cstr(&b)) == len && b.len == len);
    mc_buf_free(&b);
}

static void test_growth(void **state) {
    (void)state;
    seed_rounds(300, growth_round);
}

/* ---- CSV ---- */

static void test_csv_quotes_where_needed(void **state) {
    (void)state;
    static const struct {
        struct mc_str field;
        const char *text;
    } table[] = {{{"", 0}, ""},
                 {{"plain", 5}, "plain"},
                 {{" a b ", 5}, " a b "},
                 {{"a,b", 3}, "\"a,b\""},
                 {{"\"", 1}, "\"\"\"\""},
                 {{"say \"hi\"", 8}, "\"say \"\"hi\"\"\""},
                 {{"a\nb", 3}, "\"a\nb\""},
                 {{"a\rb", 3}, "\"a\rb\""},
                 {{"\xC3\xA9", 2}, "\xC3\xA9"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf b = {0};
        mc_buf_csv(&b, table[i].field);
        assert_string_equal(mc_buf_cstr(&b), table[i].text);
        mc_buf_free(&b);
    }
}

static size_t uncsv(struct mc_str s, char *out) {
    if (s.len == 0 || s.data[0] != '"') {
        memcpy(out, s.data, s.len);
        return s.len;
    }
    size_t len = 0;
    check(s.len >= 2 && s.data[s.len - 1] == '"');
    for (size_t i = 1; i + 1 < s.len; i++) {
        out[len++] = s.data[i];
        if (s.data[i] == '"')
            check(s.data[++i] == '"' && i + 1 < s.len);
    }
    return len;
}

static size_t random_bytes(struct mc_rng *r, char *out, size_t most) {
    static const char likely[] = "\"\",,\r\n\\\x01 a\xC3\xA9\xFF";
    size_t len = mc_rng_below(r, most);
    for (size_t i = 0; i < len; i++)
        out[i] = chance(r, 70) ? likely[mc_rng_below(r, sizeof likely)] : (char)mc_rng_next(r);
    return len;
}

static void csv_round(struct mc_rng *r) {
    char field[64], back[130];
    size_t len = random_bytes(r, field, sizeof field);
    struct mc_buf b = {0};
    mc_buf_char(&b, '|');
    mc_buf_csv(&b, (struct mc_str){field, len});
    struct mc_str text = {b.data + 1, b.len - 1};
    bool special = len > 0 && (memchr(field, ',', len) || memchr(field, '"', len) || memchr(field, '\r', len) ||
                               memchr(field, '\n', len));
    check((text.len > 0 && text.data[0] == '"') == special);
    check(uncsv(text, back) == len && memcmp(back, field, len) == 0);
    mc_buf_free(&b);
}

static void test_csv_reads_back(void **state) {
    (void)state;
    seed_rounds(20000, csv_round);
}

/* ---- JSON ---- */

static void test_json(void **state) {
    (void)state;
    static const struct {
        struct mc_str text;
        const char *json;
    } table[] = {{{"", 0}, "\"\""},
                 {{"a/b", 3}, "\"a/b\""},
                 {{"\"\\", 2}, "\"\\\"\\\\\""},
                 {{"\b\t\n\f\r", 5}, "\"\\b\\t\\n\\f\\r\""},
                 {{"\0\x01\x1F\x7F", 4}, "\"\\u0000\\u0001\\u001f\x7F\""},
                 {{"\xC3\xA9\xF0\x9F\x92\xA9", 6}, "\"\xC3\xA9\xF0\x9F\x92\xA9\""},
                 {{"a\xFF\"", 3}, "\"a\xEF\xBF\xBD\\\"\""},
                 {{"\xC3", 1}, "\"\xEF\xBF\xBD\""}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf b = {0};
        mc_buf_json(&b, table[i].text);
        assert_string_equal(mc_buf_cstr(&b), table[i].json);
        mc_buf_free(&b);
    }
}

/* Reads a JSON string back; false if it is none. */
static bool unjson(struct mc_str s, char *out, size_t *len) {
    static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
    *len = 0;
    if (s.len < 2 || s.data[0] != '"' || s.data[s.len - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c < 0x20 || c == '"')
            return false;
        if (c != '\\') {
            out[(*len)++] = (char)c;
            continue;
        }
        const char *escape = memchr(from, s.data[++i], sizeof from - 1);
        unsigned value;
        if (escape != NULL)
            out[(*len)++] = to[escape - from];
        else if (s.data[i] == 'u' && i + 5 < s.len && sscanf(s.data + i + 1, "%4x", &value) == 1 && value < 0x80)
            out[(*len)++] = (char)value, i += 4;
        else
            return false;
    }
    return true;
}

static void json_round(struct mc_rng *r) {
    char text[64], back[256];
    size_t len = random_bytes(r, text, sizeof text), back_len;
    struct mc_buf b = {0};
    mc_buf_json(&b, (struct mc_str){text, len});
    check(mc_str_is_utf8(mc_buf_view(&b)));
    mc_buf_cstr(&b);
    check(unjson(mc_buf_view(&b), back, &back_len));
    if (mc_str_is_utf8((struct mc_str){text, len}))
        check(back_len == len && memcmp(back, text, len) == 0);
    mc_buf_free(&b);
}

static void test_json_reads_back(void **state) {
    (void)state;
    seed_rounds(20000, json_round);
}

/* ---- no memory ---- */

static void test_failure_is_kept(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_buf_text(&b, "kept");
    mc_mem_fail_at(1);
    for (int i = 0; i < 100; i++)
        mc_buf_text(&b, "more and more");
    assert_true(mc_mem_failed());
    mc_mem_fail_at(0);
    assert_true(b.failed);
    assert_true(b.len >= 4 && memcmp(b.data, "kept", 4) == 0);
    size_t len = b.len;
    mc_buf_char(&b, 'x');
    mc_buf_int(&b, 1);
    mc_buf_printf(&b, "%d", 1);
    assert_null(mc_buf_reserve(&b, 0));
    assert_int_equal(b.len, len);
    assert_string_equal(mc_buf_cstr(&b), "");
    mc_buf_free(&b);
    assert_false(b.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_empty),    cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_growth),          cmocka_unit_test(test_csv_quotes_where_needed),
        cmocka_unit_test(test_csv_reads_back),  cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_reads_back), cmocka_unit_test(test_failure_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Queries, forms, cookies and paths against slow, readable models, on any bytes; each input ends where its memory ends,
 * so that a sanitizer sees a byte read too far. */
#include "base/seed.h"
#include "http/fields.h"

#include <ctype.h>
#include <stdio.h>

/* ---- models ---- */

static size_t model_decode(unsigned char *out, const unsigned char *in, size_t len, bool plus) {
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (in[i] == '%' && i + 2 < len && isxdigit(in[i + 1]) && isxdigit(in[i + 2])) {
            char hex[3] = {(char)in[i + 1], (char)in[i + 2], 0};
            out[n++] = (unsigned char)strtoul(hex, NULL, 16);
            i += 2;
        } else {
            out[n++] = in[i] == '+' && plus ? ' ' : in[i];
        }
    }
    return n;
}

/* Cuts at every '&', then at the first '='. */
static bool model_form(struct mc_str form, struct mc_str name, unsigned char *value, size_t *value_len) {
    unsigned char key[512];
    for (size_t at = 0; at < form.len;) {
        size_t end = at, equals;
        while (end < form.len && form.data[end] != '&')
            end++;
        for (equals = at; equals < end && form.data[equals] != '='; equals++)
            continue;
        const unsigned char *bytes = (const unsigned char *)form.data;
        size_t key_len = model_decode(key, bytes + at, equals - at, true);
        if (end > at && key_len == name.len && (key_len == 0 || memcmp(key, name.data, key_len) == 0)) {
            size_t from = equals < end ? equals + 1 : end;
            *value_len = model_decode(value, bytes + from, end - from, true);
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* ---- inputs ---- */

/* Bytes that matter more often than others. */
static char draw_byte(struct mc_rng *r) {
    static const char likely[] = "%%%%&&==++;; /..aAbB0f2eE\"\t";
    if (chance(r, 10))
        return (char)mc_rng_below(r, 256);
    return likely[mc_rng_below(r, sizeof likely - 1)];
}

/* In memory of just its length. */
static struct mc_str draw(struct mc_rng *r, size_t most) {
    size_t len = mc_rng_below(r, most + 1);
    char *bytes = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = draw_byte(r);
    if (len == 0) { /* nothing of it may be read */
        free(bytes);
        bytes = NULL;
    }
    return (struct mc_str){bytes, len};
}

static void drop(struct mc_str s) {
    free((void *)(uintptr_t)s.data);
}

/* ---- properties ---- */

static void decode_round(struct mc_rng *r) {
    struct mc_str in = draw(r, 64);
    unsigned char expected[64];
    char *out = malloc(in.len + 1);
    bool plus = chance(r, 50);
    size_t len = mc_percent_decode(out, in, plus);
    check(len == model_decode(expected, (const unsigned char *)in.data, in.len, plus));
    check(memcmp(out, expected, len) == 0);
    check(mc_percent_equal(in, (struct mc_str){out, len}, plus));
    check(!mc_percent_equal(in, (struct mc_str){out, len + 1}, plus));
    check(len == 0 || !mc_percent_equal(in, (struct mc_str){out, len - 1}, plus));
    if (len > 0) {
        out[mc_rng_below(r, len)] ^= 1;
        check(!mc_percent_equal(in, (struct mc_str){out, len}, plus));
    }
    free(out);
    drop(in);
}

static void encode_round(struct mc_rng *r) {
    struct mc_str in = draw(r, 40);
    char text[121], out[121];
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++)
        len += (size_t)sprintf(text + len, chance(r, 50) ? "%%%02x" : "%%%02X", (unsigned char)in.data[i]);
    check(mc_percent_is_valid((struct mc_str){text, len}));
    check(mc_percent_decode(out, (struct mc_str){text, len}, true) == in.len);
    check(in.len == 0 || memcmp(out, in.data, in.len) == 0);
    drop(in);
}

static void form_round(struct mc_rng *r) {
    struct mc_str form = draw(r, 80), name = draw(r, 3), raw;
    unsigned char value[512];
    char decoded[512];
    size_t value_len = 0;
    bool expected = model_form(form, name, value, &value_len);
    check(mc_form_find(form, name, &raw) == expected);
    if (expected) {
        check(mc_percent_decode(decoded, raw, true) == value_len && memcmp(decoded, value, value_len) == 0);
        check(raw.len == 0 || (raw.data >= form.data && raw.data + raw.len <= form.data + form.len));
    }
    drop(form);
    drop(name);
}

/* What is found lies within, is trimmed and holds no ';'; a cookie put in front is found. */
static void cookie_round(struct mc_rng *r) {
    struct mc_str header = draw(r, 60), name = draw(r, 3), value;
    if (mc_cookie_find(header, name, &value)) {
        check(value.len == 0 || (value.data >= header.data && value.data + value.len <= header.data + header.len));
        check(value.len == 0 || memchr(value.data, ';', value.len) == NULL);
    }
    char text[128];
    int len = snprintf(text, sizeof text, "sid=\"v-1=\"; %.*s", (int)header.len, header.len ? header.data : "");
    check(mc_cookie_find((struct mc_str){text, (size_t)len}, MC_STR("sid"), &value));
    check(mc_str_equal(value, MC_STR("v-1=")));
    drop(header);
    drop(name);
}

/* A path that is taken begins with '/', has no NUL and no part of dots, and is what the model decodes. */
static void path_round(struct mc_rng *r) {
    struct mc_str in = draw(r, 40), path;
    if (in.len > 0 && chance(r, 90))
        ((char *)(uintptr_t)in.data)[0] = '/';
    char *out = malloc(in.len + 1);
    if (mc_path_decode(out, in, &path)) {
        unsigned char expected[64];
        size_t len = model_decode(expected, (const unsigned char *)in.data, in.len, false);
        check(path.len == len && memcmp(path.data, expected, len) == 0 && path.data[path.len] == '\0');
        check(path.data[0] == '/' && strlen(path.data) == path.len);
        char slashed[80];
        snprintf(slashed, sizeof slashed, "%s/", path.data);
        check(strstr(slashed, "/../") == NULL && strstr(slashed, "/./") == NULL);
    }
    free(out);
    drop(in);
}

static void test_decode(void **state) {
    (void)state;
    seed_rounds(20000, decode_round);
    seed_rounds(5000, encode_round);
}

static void test_form(void **state) {
    (void)state;
    seed_rounds(30000, form_round);
}

static void test_cookie(void **state) {
    (void)state;
    seed_rounds(20000, cookie_round);
}

static void test_path(void **state) {
    (void)state;
    seed_rounds(30000, path_round);
}

static void test_examples(void **state) {
    (void)state;
    struct mc_str v;
    char out[64];
    assert_true(mc_form_find(MC_STR("a=1&b=&c&a=2"), MC_STR("a"), &v) && mc_str_equal(v, MC_STR("1")));
    assert_true(mc_form_find(MC_STR("a=1&b=&c&a=2"), MC_STR("b"), &v) && v.len == 0);
    assert_true(mc_form_find(MC_STR("a=1&b=&c&a=2"), MC_STR("c"), &v) && v.len == 0);
    assert_false(mc_form_find(MC_STR("a=1&b=&c&a=2"), MC_STR(""), &v));
    assert_true(mc_form_find(MC_STR("x%5By%5D=1=2"), MC_STR("x[y]"), &v) && mc_str_equal(v, MC_STR("1=2")));
    assert_true(mc_cookie_find(MC_STR("a=1; b = 2 ;c"), MC_STR("b"), &v) && mc_str_equal(v, MC_STR("2")));
    assert_false(mc_cookie_find(MC_STR("ab=1"), MC_STR("b"), &v));
    assert_true(mc_path_decode(out, MC_STR("/a%2fb%20c"), &v) && mc_str_equal(v, MC_STR("/a/b c")));
    assert_true(mc_path_decode(out, MC_STR("http://shop.example/x"), &v) && mc_str_equal(v, MC_STR("/x")));
    assert_true(mc_path_decode(out, MC_STR("http://shop.example"), &v) && mc_str_equal(v, MC_STR("/")));
    assert_true(mc_path_decode(out, MC_STR("/a..b/...c"), &v));
    static const char *bad[] = {"",    "*",       "a",       "/%",          "/%0",  "/%zz",     "/%00",
                                "/..", "/a/../b", "/%2e%2E", "/a%2f..%2fb", "/./a", "ftp://h/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mc_path_decode(out, mc_str_of(bad[i]), &v));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples), cmocka_unit_test(test_decode), cmocka_unit_test(test_form),
        cmocka_unit_test(test_cookie),   cmocka_unit_test(test_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The collector's small parts: rates in simulated time, origins, keys in headers, a call's type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/collector.h"
#include "source/collector_key.h"
#include "source/collector_pages.h"
#include "source/cors.h"
#include "source/rate.h"
#include <sodium.h>
#include <stdio.h>
#include <zlib.h>

#define S ((int64_t)1000000000)

/* ---- rates ---- */

static struct mc_rate *open_rate(void) {
    struct mc_rate *r = NULL;
    assert_int_equal(mc_rate_open(&r, NULL), MC_OK);
    return r;
}

static void a_burst_then_the_rate(void **state) {
    (void)state;
    struct mc_rate *r = open_rate();
    uint64_t b = mc_rate_of_key(r, 7);
    int64_t now = 100 * S;
    int taken = 0;
    for (int i = 0; i < 1000; i++)
        if (mc_rate_wait_ms(r, b, 10, now) == 0)
            mc_rate_charge(r, b, 10, 1, now), taken++;
    assert_int_equal(taken, 10 * MC_RATE_BURST_S);
    assert_in_range(mc_rate_wait_ms(r, b, 10, now), 1, 101);
    for (int64_t at = now; at < now + 100 * S; at += S / 100) /* 100 s of one that always tries */
        if (mc_rate_wait_ms(r, b, 10, at) == 0)
            mc_rate_charge(r, b, 10, 1, at), taken++;
    assert_in_range(taken, 10 * MC_RATE_BURST_S + 990, 10 * MC_RATE_BURST_S + 1001);
    assert_int_equal(mc_rate_wait_ms(r, b, 0, now), 0);                     /* no limit */
    assert_int_equal(mc_rate_wait_ms(r, mc_rate_of_key(r, 8), 10, now), 0); /* another's bucket */
    mc_rate_close(&r);
}

/* A body larger than the bucket is taken, and paid for by waiting. */
static void a_large_request_is_paid_later(void **state) {
    (void)state;
    struct mc_rate *r = open_rate();
    uint64_t b = mc_rate_of_key(r, 1);
    assert_int_equal(mc_rate_wait_ms(r, b, 100, S), 0);
    mc_rate_charge(r, b, 100, 500, S);
    assert_int_equal(mc_rate_wait_ms(r, b, 100, S), 3001);
    assert_int_equal(mc_rate_wait_ms(r, b, 100, 4 * S), 1);
    assert_int_equal(mc_rate_wait_ms(r, b, 100, 4 * S + S / 1000), 0);
    mc_rate_charge(r, b, 1, UINT64_MAX, 5 * S); /* does not overflow */
    assert_true(mc_rate_wait_ms(r, b, 1, 5 * S) > 1000);
    mc_rate_close(&r);
}

static void addresses_of_one_client_share_a_bucket(void **state) {
    (void)state;
    struct mc_rate *r = open_rate();
    assert_true(mc_rate_of_address(r, "10.0.0.1") != mc_rate_of_address(r, "10.0.0.2"));
    assert_true(mc_rate_of_address(r, "10.0.0.1") == mc_rate_of_address(r, "::ffff:10.0.0.1"));
    assert_true(mc_rate_of_address(r, "2001:db8:1:2::1") == mc_rate_of_address(r, "2001:db8:1:2:ffff::9"));
    assert_true(mc_rate_of_address(r, "2001:db8:1:2::1") != mc_rate_of_address(r, "2001:db8:1:3::1"));
    assert_true(mc_rate_of_address(r, "@unix") != mc_rate_of_key(r, 1));
    mc_rate_close(&r);
}

/* Many more addresses than places: nobody who is within the rate is refused for it. */
static void a_full_table_refuses_nobody(void **state) {
    (void)state;
    struct mc_rate *r = open_rate();
    for (int64_t i = 0; i < 4 * MC_RATE_BUCKETS_MAX; i++) {
        uint64_t b = mc_rate_of_key(r, i);
        assert_int_equal(mc_rate_wait_ms(r, b, 5, S), 0);
        mc_rate_charge(r, b, 5, 1, S);
    }
    mc_rate_close(&r);
}

/* ---- origins ---- */

static void origins_are_found_as_browsers_send_them(void **state) {
    (void)state;
    struct mc_cors c;
    assert_int_equal(mc_cors_open(&c, "https://Shop.example/, http://localhost:3000,,http://[::1]:80", NULL), MC_OK);
    assert_string_equal(mc_cors_find(&c, MC_STR("https://shop.example")), "https://shop.example");
    assert_string_equal(mc_cors_find(&c, MC_STR("http://localhost:3000")), "http://localhost:3000");
    assert_non_null(mc_cors_find(&c, MC_STR("http://[::1]:80")));
    assert_null(mc_cors_find(&c, MC_STR("http://shop.example")));
    assert_null(mc_cors_find(&c, MC_STR("https://shop.example.evil")));
    assert_null(mc_cors_find(&c, MC_STR("null")));
    assert_null(mc_cors_find(&c, MC_STR("")));
    mc_cors_close(&c);
    assert_int_equal(mc_cors_open(&c, " * ", NULL), MC_OK);
    assert_string_equal(mc_cors_find(&c, MC_STR("https://anything.example")), "*");
    assert_null(mc_cors_find(&c, MC_STR("")));
    mc_cors_close(&c);
    assert_int_equal(mc_cors_open(&c, NULL, NULL), MC_OK);
    assert_null(mc_cors_find(&c, MC_STR("https://shop.example")));
    mc_cors_close(&c);
}

static void what_is_no_origin_is_a_usage_error(void **state) {
    (void)state;
    static const char *const bad[] = {"shop.example", "https://", "https://shop.example/path", "https://*.example",
                                      "https://a b",  "ftp://x",  "https://x\r\nSet-Cookie:y"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mc_cors c;
        struct mc_error e = {0};
        assert_int_equal(mc_cors_open(&c, bad[i], &e), MC_ERR_USAGE);
        assert_true(e.text[0] != '\0' && c.origins.data == NULL);
    }
}

/* ---- keys ---- */

static const char *authorized(const char *header) {
    static char key[MC_KEY_TEXT_MAX + 1];
    return mc_key_of_authorization(mc_str_of(header), key) ? key : NULL;
}

static void keys_of_an_authorization(void **state) {
    (void)state;
    char text[400], base64[400], pair[300];
    assert_string_equal(authorized("Bearer mk_s_1"), "mk_s_1");
    assert_string_equal(authorized("bearer   mk_s_1 "), "mk_s_1");
    assert_string_equal(authorized("Basic bWtfc18xOg=="), "mk_s_1"); /* "mk_s_1:" */
    assert_string_equal(authorized("Basic bWtfc18xOng="), "mk_s_1"); /* "mk_s_1:x" */
    assert_string_equal(authorized("basic bWtfc18x"), "mk_s_1");     /* "mk_s_1" */
    assert_string_equal(authorized("Basic bWtfc18xOg"), "mk_s_1");   /* without padding */
    static const char *const bad[] = {"",
                                      "Bearer",
                                      "Bearer ",
                                      "Basic",
                                      "Basic !!!",
                                      "Digest x",
                                      "Basic Og==" /* ":" */,
                                      "Basic AGE6" /* NUL a : */,
                                      "mk_s_1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(authorized(bad[i]));
    memset(pair, 'k', sizeof pair);
    for (size_t len = MC_KEY_TEXT_MAX - 1; len <= sizeof pair; len++) {
        snprintf(text, sizeof text, "Bearer %.*s", (int)len, pair);
        assert_int_equal(authorized(text) != NULL, len <= MC_KEY_TEXT_MAX);
        if (sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL) + 6 > sizeof text)
            break;
        sodium_bin2base64(base64, sizeof base64, (unsigned char *)pair, len, sodium_base64_VARIANT_ORIGINAL);
        snprintf(text, sizeof text, "Basic %.390s", base64);
        assert_int_equal(authorized(text) != NULL, len <= MC_KEY_TEXT_MAX);
    }
}

/* ---- the type of a call ---- */

static void with_type(const char *body, const char *expected) {
    struct mc_buf b = {0};
    mc_buf_text(&b, body);
    assert_true(mc_body_put_type(&b, "track"));
    assert_string_equal(mc_buf_cstr(&b), expected);
    mc_buf_free(&b);
}

static void a_type_is_put_where_there_is_none(void **state) {
    (void)state;
    with_type("{\"event\":\"x\"}", "{\"type\":\"track\",\"event\":\"x\"}");
    with_type(" \n{ }", " \n{\"type\":\"track\" }");
    with_type("\xef\xbb\xbf{\"a\":1}", "\xef\xbb\xbf{\"type\":\"track\",\"a\":1}");
    with_type("{\"properties\":{\"type\":\"shoe\"}}", "{\"type\":\"track\",\"properties\":{\"type\":\"shoe\"}}");
    with_type("{\"event\":\"type\"}", "{\"type\":\"track\",\"event\":\"type\"}");
    with_type("{\"a\":\"\\\"type\\\":\"}", "{\"type\":\"track\",\"a\":\"\\\"type\\\":\"}");
    static const char *const left[] = {
        "{\"type\":\"page\"}", "{\"a\":[{}],\"type\" : 1}", "{\"batch\":[]}", "[]", "", "nonsense", "\"type\""};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        with_type(left[i], left[i]);
    with_type("{\"a\":\"\\", "{\"type\":\"track\",\"a\":\"\\"); /* cut: the decoder will say so */
    with_type("}}}{", "}}}{");
}

/* ---- maxcart.js ---- */

static void the_script_is_small(void **state) {
    (void)state;
    struct mc_str script = mc_pages_script();
    unsigned char packed[8192];
    uLongf len = sizeof packed;
    assert_true(script.len > 1000 && memmem(script.data, script.len, "maxcart", 7) != NULL);
    assert_int_equal(compress2(packed, &len, (const Bytef *)script.data, script.len, 9), Z_OK);
    assert_in_range(len + 12, 500, 3 * 1024 - 1); /* gzip's frame is 12 bytes longer than zlib's */
}

/* ---- memory ---- */

static void no_memory_is_an_error(void **state) {
    (void)state;
    struct mc_collector_settings settings = {.cors_origins = "https://a.example, https://b.example"};
    for (uint64_t n = 1;; n++) {
        struct mc_collector *c = NULL;
        mc_mem_fail_at(n);
        enum mc_err err = mc_collector_open(&c, &settings, NULL);
        bool met = mc_mem_failed() != 0;
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        assert_int_equal(c != NULL, err == MC_OK);
        mc_collector_close(&c);
        if (!met)
            return;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_the_rate),
        cmocka_unit_test(a_large_request_is_paid_later),
        cmocka_unit_test(addresses_of_one_client_share_a_bucket),
        cmocka_unit_test(a_full_table_refuses_nobody),
        cmocka_unit_test(origins_are_found_as_browsers_send_them),
        cmocka_unit_test(what_is_no_origin_is_a_usage_error),
        cmocka_unit_test(keys_of_an_authorization),
        cmocka_unit_test(a_type_is_put_where_there_is_none),
        cmocka_unit_test(the_script_is_small),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

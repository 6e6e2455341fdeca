/* What needs no server: addresses, the signature, the settings, the JSON. */
#include "outreach/sample.h"

#include "outreach/address.h"
#include "outreach/payload.h"
#include "outreach/webhook.h"
#include <arpa/inet.h>

static bool is_public(const char *text) {
    struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = htons(443)};
    struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    if (inet_pton(AF_INET, text, &ip4.sin_addr) == 1)
        return mc_address_is_public((const struct sockaddr *)&ip4);
    assert_int_equal(inet_pton(AF_INET6, text, &ip6.sin6_addr), 1);
    return mc_address_is_public((const struct sockaddr *)&ip6);
}

/* Each range's ends, and what lies beside them. */
static void only_the_public_internet_is_public(void **state) {
    (void)state;
    static const char *const is[] = {
        "1.0.0.0",         "1.1.1.1",         "9.255.255.255",   "11.0.0.0",      "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",   "172.15.255.255", "172.32.0.0",
        "191.255.255.255", "192.0.1.0",       "192.0.3.0",       "192.88.98.255", "192.88.100.0",   "192.167.255.255",
        "192.169.0.0",     "198.17.255.255",  "198.20.0.0",      "198.51.99.255", "198.51.101.0",   "203.0.112.255",
        "203.0.114.0",     "223.255.255.255", "2606:4700::1111", "2001:200::1",   "2a00:1450::1",   "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8"};
    static const char *const is_not[] = {"0.0.0.0",
                                         "0.255.255.255",
                                         "10.0.0.0",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "169.254.0.0",
                                         "169.254.169.254",
                                         "172.16.0.0",
                                         "172.31.255.255",
                                         "192.0.0.0",
                                         "192.0.0.255",
                                         "192.0.2.0",
                                         "192.0.2.255",
                                         "192.88.99.0",
                                         "192.168.0.0",
                                         "192.168.255.255",
                                         "198.18.0.0",
                                         "198.19.255.255",
                                         "198.51.100.1",
                                         "203.0.113.255",
                                         "224.0.0.0",
                                         "239.255.255.255",
                                         "240.0.0.0",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.1.2.3",
                                         "::127.0.0.1",
                                         "64:ff9b::10.0.0.1",
                                         "64:ff9b:1::8.8.8.8",
                                         "fc00::1",
                                         "fd12:3456::1",
                                         "fe80::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "2001::1",
                                         "2001:db8::1",
                                         "2002:7f00:1::1",
                                         "2002:808:808::1",
                                         "3fff::1",
                                         "100::1"};
    for (size_t i = 0; i < sizeof is / sizeof *is; i++)
        if (!is_public(is[i]))
            fail_msg("%s is public", is[i]);
    for (size_t i = 0; i < sizeof is_not / sizeof *is_not; i++)
        if (is_public(is_not[i]))
            fail_msg("%s is not public", is_not[i]);
    struct sockaddr unix_address = {.sa_family = AF_UNIX};
    assert_false(mc_address_is_public(&unix_address));
}

/* Computed by Python's hmac: HMAC-SHA256(b"a secret of 16 bytes", b'1764000000.{"a":1}'). */
static void the_signature_is_an_hmac(void **state) {
    (void)state;
    struct mc_buf out = {0};
    mc_webhook_sign(&out, MC_STR("a secret of 16 bytes"), 1764000000, MC_STR("{\"a\":1}"));
    assert_buf(&out, "t=1764000000,v1=67832f1f2de6f5f27c76b7ef9ddb857bb45900cda85f346ffa2da60a47c825db");
    mc_buf_free(&out);
}

static enum mc_err open_with(const char *url, const char *secret, struct mc_error *e) {
    struct mc_webhook_settings settings = {.url = url, .secret = secret};
    struct mc_webhook *w;
    enum mc_err err = mc_webhook_open(&w, &settings, e);
    assert_int_equal(w != NULL, err == MC_OK);
    mc_webhook_close(&w);
    return err;
}

static void settings_are_checked(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "shop.example",
                                      "ftp://shop.example/",
                                      "file:///etc/passwd",
                                      "https://",
                                      "https://user:word@shop.example/",
                                      "https://user@shop.example/",
                                      "https://shop.example/#part",
                                      "HTTPS://shop.example/",
                                      "https://shop.example:99999/"};
    struct mc_error e = {0};
    assert_int_equal(open_with("https://shop.example/hook?a=1", "0123456789abcdef", &e), MC_OK);
    assert_int_equal(open_with("http://[2606:4700::1111]:8080/", "0123456789abcdef", &e), MC_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (open_with(bad[i], "0123456789abcdef", &e) != MC_ERR_USAGE)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(open_with("https://shop.example/", "0123456789abcde", &e), MC_ERR_USAGE);
    assert_null(strstr(e.text, "0123"));
    assert_int_equal(open_with("https://shop.example/", NULL, &e), MC_ERR_USAGE);
}

/* ---- the JSON ---- */

static struct mc_composer composer(void) {
    struct mc_composer c = {.sender = {.address = "shop@lumen.example",
                                       .postal_address = "12 Harbour Street",
                                       .public_url = "https://shop.example",
                                       .currency = "EUR"}};
    uint8_t secret[MC_LINK_SECRET_BYTES] = {5};
    mc_link_key_derive(&c.key, secret);
    return c;
}

static struct mc_message sample_message(struct mc_message_item *items, uint32_t count) {
    struct mc_message m = {.id = 7, .message_id = "00112233445566778899aabbccddeeff", .items = items};
    m.cart.user = MC_STR("u\"1");
    m.cart.session = MC_STR("s");
    m.cart.expires_at.us = 1764000000 * MC_SECOND_US;
    m.cart.value = (__int128)INT64_MAX * 4;
    m.cart.item_count = count;
    m.due_at.us = m.cart.expires_at.us + 500000;
    m.coupon_expires_at.us = MC_TIME_NONE_US;
    m.contact.subscriber.email = MC_STR("zoe@example.com");
    return m;
}

static void all_that_is_known_is_said(void **state) {
    (void)state;
    struct mc_composer c = composer();
    struct mc_message_item items[2] = {
        {.item = {.product = MC_STR("p\\1"), .quantity = 2, .price = 450}, .name = MC_STR("Soap \xE2\x82\xAC")},
        {.item = {.product = MC_STR("p2"), .quantity = 1, .price = 0}, .url = MC_STR("https://a.b/c")}};
    struct mc_message m = sample_message(items, 2);
    struct mc_buf out = {0}, restore = {0}, unsubscribe = {0}, expected = {0};
    struct mc_error e = {0};
    m.offer = (struct mc_offer){MC_OFFER_PERCENTAGE, 1000};
    m.coupon = MC_STR("SAVE-10");
    m.coupon_expires_at.us = 1765000000 * MC_SECOND_US;
    m.contact.subscriber.first_name = MC_STR("Zo\xC3\xAB");
    mc_compose_restore_url(&restore, &c, &m);
    mc_compose_unsubscribe_url(&unsubscribe, &c, &m);
    mc_buf_printf(&expected,
                  "{\"message_id\":\"00112233445566778899aabbccddeeff\",\"user_id\":\"u\\\"1\",\"user_session\":\"s\","
                  "\"due_at\":\"2025-11-24T16:00:00.500000Z\",\"expires_at\":\"2025-11-24T16:00:00Z\","
                  "\"email\":\"zoe@example.com\",\"first_name\":\"Zo\xC3\xAB\","
                  "\"cart\":{\"value_minor\":36893488147419103228,\"currency\":\"EUR\",\"items\":["
                  "{\"product_id\":\"p\\\\1\",\"quantity\":2,\"price_minor\":450,\"name\":\"Soap \xE2\x82\xAC\"},"
                  "{\"product_id\":\"p2\",\"quantity\":1,\"price_minor\":0,\"url\":\"https://a.b/c\"}]},"
                  "\"offer\":{\"kind\":\"percentage\",\"value\":1000},"
                  "\"coupon\":{\"code\":\"SAVE-10\",\"expires_at\":\"2025-12-06T05:46:40Z\"},"
                  "\"links\":{\"restore\":\"%s\",\"unsubscribe\":\"%s\"}}",
                  mc_buf_cstr(&restore), mc_buf_cstr(&unsubscribe));
    assert_int_equal(mc_payload_compose(&c, &m, &out, &e), MC_OK);
    assert_buf(&out, mc_buf_cstr(&expected));
    mc_buf_free(&out);
    mc_buf_free(&restore);
    mc_buf_free(&unsubscribe);
    mc_buf_free(&expected);
}

static void what_is_unknown_is_left_out(void **state) {
    (void)state;
    struct mc_composer c = composer();
    struct mc_message m = sample_message(NULL, 0);
    struct mc_buf out = {0};
    struct mc_error e = {0};
    c.sender.currency = NULL;
    assert_int_equal(mc_payload_compose(&c, &m, &out, &e), MC_OK);
    static const char *const unknown[] = {"first_name", "language", "currency", "coupon"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_false(buf_contains(&out, unknown[i]));
    assert_true(buf_contains(&out, "\"items\":[]},\"offer\":{\"kind\":\"none\",\"value\":0},\"links\":{\"restore\":"));
    mc_buf_free(&out);
}

static enum mc_err compose_once(void *context) {
    const struct mc_message *m = context;
    struct mc_composer c = composer();
    struct mc_buf out = {0};
    enum mc_err err = mc_payload_compose(&c, m, &out, NULL);
    mc_buf_free(&out);
    return err;
}

static void memory_may_fail(void **state) {
    (void)state;
    struct mc_message m = sample_message(NULL, 0);
    fail_each_allocation(compose_once, &m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_public_internet_is_public),
        cmocka_unit_test(the_signature_is_an_hmac),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(all_that_is_known_is_said),
        cmocka_unit_test(what_is_unknown_is_left_out),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "outreach/sample.h"

#include "outreach/link.h"

static const struct mc_wall now = {1700000000 * MC_SECOND_US};

static struct mc_link_key key_of(uint8_t seed) {
    uint8_t secret[MC_LINK_SECRET_BYTES];
    memset(secret, seed, sizeof secret);
    struct mc_link_key key;
    mc_link_key_derive(&key, secret);
    return key;
}

static struct mc_link restore_link(const char *reference) {
    return (struct mc_link){MC_LINK_RESTORE, {now.us + MC_HOUR_US}, mc_str_of(reference)};
}

static enum mc_link_verdict verify(const struct mc_link_key *key, enum mc_link_kind kind, struct mc_str token,
                                   struct mc_wall at, struct mc_buf *reference) {
    uint8_t room[MC_LINK_REFERENCE_BYTES_MAX];
    struct mc_link link;
    enum mc_link_verdict verdict = mc_link_verify(key, kind, token, at, room, &link);
    reference->len = 0;
    if (verdict != MC_LINK_FORGED)
        mc_buf_str(reference, link.reference);
    return verdict;
}

static void a_token_comes_back(void **state) {
    (void)state;
    struct mc_link_key key = key_of(1);
    struct mc_buf token = {0}, back = {0};
    char reference[MC_LINK_REFERENCE_BYTES_MAX];
    memset(reference, 'r', sizeof reference);
    for (size_t len = 0; len <= sizeof reference; len++) {
        struct mc_link link = {MC_LINK_UNSUBSCRIBE, {MC_TIME_NONE_US}, {reference, len}};
        token.len = 0;
        mc_link_token(&token, &key, &link);
        assert_true(token.len <= MC_LINK_TOKEN_CHARS_MAX);
        assert_int_equal(verify(&key, MC_LINK_UNSUBSCRIBE, mc_buf_view(&token), (struct mc_wall){INT64_MAX}, &back),
                         MC_LINK_VALID);
        assert_true(mc_str_equal(mc_buf_view(&back), link.reference));
    }
    mc_buf_free(&token);
    mc_buf_free(&back);
}

static void it_expires_at_its_instant(void **state) {
    (void)state;
    struct mc_link_key key = key_of(1);
    struct mc_buf token = {0}, back = {0};
    struct mc_link link = restore_link("cart");
    mc_link_token(&token, &key, &link);
    struct mc_str view = mc_buf_view(&token);
    assert_int_equal(verify(&key, MC_LINK_RESTORE, view, (struct mc_wall){link.expires_at.us - 1}, &back),
                     MC_LINK_VALID);
    assert_int_equal(verify(&key, MC_LINK_RESTORE, view, link.expires_at, &back), MC_LINK_EXPIRED);
    mc_buf_free(&token);
    mc_buf_free(&back);
}

/* Same link, same token; another reference, kind, expiry or store shares nothing with it that can be used. */
static void a_token_is_of_one_link(void **state) {
    (void)state;
    struct mc_link_key key = key_of(1), other = key_of(2);
    struct mc_buf a = {0}, b = {0}, back = {0};
    struct mc_link link = restore_link("user-17@example.com");
    mc_link_token(&a, &key, &link);
    mc_link_token(&b, &key, &link);
    assert_true(mc_str_equal(mc_buf_view(&a), mc_buf_view(&b)));
    assert_false(buf_contains(&a, "user"));
    b.len = 0;
    link.reference = MC_STR("user-18@example.com");
    mc_link_token(&b, &key, &link);
    assert_memory_not_equal(a.data, b.data, 16);
    assert_int_equal(verify(&other, MC_LINK_RESTORE, mc_buf_view(&a), now, &back), MC_LINK_FORGED);
    assert_int_equal(verify(&key, MC_LINK_UNSUBSCRIBE, mc_buf_view(&a), now, &back), MC_LINK_FORGED);
    assert_int_equal(verify(&key, MC_LINK_CLICK, mc_buf_view(&a), now, &back), MC_LINK_FORGED);
    mc_buf_free(&a);
    mc_buf_free(&b);
    mc_buf_free(&back);
}

/* Every other character at every place, every shorter and longer token. */
static void no_change_is_accepted(void **state) {
    (void)state;
    struct mc_link_key key = key_of(1);
    struct mc_buf token = {0}, back = {0};
    struct mc_link link = restore_link("a cart");
    mc_link_token(&token, &key, &link);
    for (size_t i = 0; i < token.len; i++) {
        char kept = token.data[i];
        for (int c = 0; c < 256; c++) {
            token.data[i] = (char)c;
            enum mc_link_verdict verdict = verify(&key, MC_LINK_RESTORE, mc_buf_view(&token), now, &back);
            if (verdict != ((char)c == kept ? MC_LINK_VALID : MC_LINK_FORGED))
                fail_msg("byte %d in place of %d at %zu of %zu: %d", c, kept, i, token.len, (int)verdict);
        }
        token.data[i] = kept;
        assert_int_equal(verify(&key, MC_LINK_RESTORE, (struct mc_str){token.data, i}, now, &back), MC_LINK_FORGED);
    }
    mc_buf_char(&token, '=');
    assert_int_equal(verify(&key, MC_LINK_RESTORE, mc_buf_view(&token), now, &back), MC_LINK_FORGED);
    while (token.len < 2 * MC_LINK_TOKEN_CHARS_MAX) {
        mc_buf_char(&token, 'A');
        assert_int_equal(verify(&key, MC_LINK_RESTORE, mc_buf_view(&token), now, &back), MC_LINK_FORGED);
    }
    mc_buf_free(&token);
    mc_buf_free(&back);
}

static void a_message_id_comes_back(void **state) {
    (void)state;
    uint8_t room[MC_LINK_MESSAGE_BYTES];
    static const int64_t ids[] = {1, 255, 256, INT64_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct mc_link link = {.kind = MC_LINK_RESTORE, .reference = mc_link_message_encode(ids[i], room)};
        assert_int_equal(mc_link_message_decode(&link), ids[i]);
    }
    struct mc_link bad = {.kind = MC_LINK_RESTORE, .reference = MC_STR("1234567")};
    assert_int_equal(mc_link_message_decode(&bad), 0);
}

static void a_url_is_built(void **state) {
    (void)state;
    struct mc_link_key key = key_of(1);
    struct mc_buf url = {0};
    struct mc_link link = restore_link("x");
    mc_link_url(&url, &key, MC_STR("https://shop.example/mc//"), &link);
    assert_memory_equal(url.data, "https://shop.example/mc/r/", 26);
    for (size_t i = 26; i < url.len; i++)
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", url.data[i]));
    mc_buf_free(&url);
}

static void public_urls(void **state) {
    (void)state;
    assert_true(mc_public_url_is_valid(MC_STR("https://shop.example")));
    assert_true(mc_public_url_is_valid(MC_STR("http://127.0.0.1:8080/mc/")));
    static const char *const bad[] = {"",
                                      "shop.example",
                                      "ftp://shop.example",
                                      "javascript:alert(1)",
                                      "https://",
                                      "https://shop.example/?a=b",
                                      "https://shop.example/#a",
                                      "https://user@shop.example",
                                      "https://shop.example/ x",
                                      "https://shop.example/\r\nX: y",
                                      "https://shop.example/\"><b>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mc_public_url_is_valid(mc_str_of(bad[i])));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back),
        cmocka_unit_test(it_expires_at_its_instant),
        cmocka_unit_test(a_token_is_of_one_link),
        cmocka_unit_test(no_change_is_accepted),
        cmocka_unit_test(a_message_id_comes_back),
        cmocka_unit_test(a_url_is_built),
        cmocka_unit_test(public_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

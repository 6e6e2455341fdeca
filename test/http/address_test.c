/* Addresses, trusted ranges, and whom X-Forwarded-For names. */
#include "base/seed.h"
#include "http/address.h"

static struct mc_ip ip_of(const char *text) {
    struct mc_ip ip;
    if (!mc_ip_parse(mc_str_of(text), &ip))
        fail_msg("\"%s\" is an address", text);
    return ip;
}

static void test_parse(void **state) {
    (void)state;
    static const char *same[][2] = {{"1.2.3.4", "1.2.3.4"},
                                    {" 1.2.3.4 ", "1.2.3.4"},
                                    {"1.2.3.4:80", "1.2.3.4"},
                                    {"::1", "::1"},
                                    {"[::1]", "::1"},
                                    {"[::1]:443", "::1"},
                                    {"::ffff:1.2.3.4", "1.2.3.4"},
                                    {"2001:DB8::0:1", "2001:db8::1"}};
    char text[MC_IP_CHARS];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct mc_ip ip = ip_of(same[i][0]);
        mc_ip_text(&ip, text);
        assert_string_equal(text, same[i][1]);
    }
    static const char *bad[] = {"",   " ",    "1.2.3",      "1.2.3.4.5", "unknown",
                                "_x", "[::1", "1.2.3.4, 5", "::1::",     "999.1.1.1"};
    struct mc_ip ip;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mc_ip_parse(mc_str_of(bad[i]), &ip));
}

static void test_set(void **state) {
    (void)state;
    struct mc_ip_set set;
    struct mc_error e;
    static const char *in[] = {"10.0.0.1", "10.255.1.1", "::1", "192.168.1.4", "172.16.0.0", "172.31.255.255"},
                      *out[] = {"11.0.0.1", "::2", "192.168.1.5", "172.32.0.0", "172.15.255.255", "::a00:1"};
    assert_int_equal(mc_ip_set_parse(&set, "10.0.0.0/8, ::1,192.168.1.4 ,172.16.0.0/12", &e), MC_OK);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        struct mc_ip yes = ip_of(in[i]), no = ip_of(out[i]);
        assert_true(mc_ip_set_has(&set, &yes));
        assert_false(mc_ip_set_has(&set, &no));
    }
    static const char *bad[] = {"x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8x", "1.2.3.4,y", "1.2.3.4/0008"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mc_ip_set_parse(&set, bad[i], &e), MC_ERR_USAGE);
        assert_int_equal(set.count, 0);
    }
    assert_int_equal(mc_ip_set_parse(&set, NULL, &e), MC_OK);
    assert_int_equal(mc_ip_set_parse(&set, " , ", &e), MC_OK);
    assert_int_equal(set.count, 0);
}

static void test_forwarded(void **state) {
    (void)state;
    static const struct {
        const char *header, *client;
    } table[] = {
        {"", "10.0.0.1"},
        {"1.2.3.4", "1.2.3.4"},
        {"6.6.6.6, 1.2.3.4", "1.2.3.4"},             /* what the client claimed is not believed */
        {"1.2.3.4, 10.0.0.2", "1.2.3.4"},            /* through two proxies */
        {"10.0.0.3, 10.0.0.2", "10.0.0.3"},          /* all trusted: the leftmost */
        {"6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"}, /* what is left of nonsense is worth nothing */
        {"nonsense", "10.0.0.1"},
        {"1.2.3.4,", "10.0.0.1"},
        {"[2001:db8::7]:99", "2001:db8::7"},
    };
    struct mc_ip_set set;
    struct mc_error e;
    char text[MC_IP_CHARS];
    assert_int_equal(mc_ip_set_parse(&set, "10.0.0.0/8", &e), MC_OK);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_ip client = mc_ip_forwarded(&set, ip_of("10.0.0.1"), mc_str_of(table[i].header));
        mc_ip_text(&client, text);
        assert_string_equal(text, table[i].client);
    }
}

/* Any bytes, in memory of just their length. */
static void any_bytes_round(struct mc_rng *r) {
    static const char likely[] = "0123456789abcdef:.,,,[] /1f";
    struct mc_ip_set set;
    struct mc_error e;
    struct mc_ip ip;
    size_t len = mc_rng_below(r, 64);
    char *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = chance(r, 5) ? (char)mc_rng_below(r, 256) : likely[mc_rng_below(r, sizeof likely - 1)];
    bytes[len] = '\0';
    mc_ip_set_parse(&set, bytes, &e);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, bytes, len);
    mc_ip_parse((struct mc_str){exact, len}, &ip);
    mc_ip_set_parse(&set, "10.0.0.0/8", &e);
    mc_ip_forwarded(&set, ip_of("10.1.1.1"), (struct mc_str){exact, len});
    free(exact);
    free(bytes);
}

static void test_any_bytes(void **state) {
    (void)state;
    seed_rounds(30000, any_bytes_round);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

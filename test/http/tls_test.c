/* TLS by the certificate of this folder (for localhost, made for this test). The client is the curl of the system,
 * where there is one. */
#include "client.h"

static const char pem[] = "test/http/localhost.pem", key[] = "test/http/localhost_key.pem";

static void tell(void *context, struct mc_http_request *r) {
    (void)context;
    struct mc_buf out = {0};
    mc_buf_printf(&out, "secure=%d body=%zu", mc_http_is_secure(r), mc_http_body(r).len);
    mc_http_answer(r, 200, "text/plain", mc_buf_view(&out));
    mc_buf_free(&out);
}

static const struct mc_http_route routes[] = {{"GET", "/", 0, false, tell, NULL},
                                              {"POST", "/", 200000, false, tell, NULL}};

static struct mc_http_settings settings_of(const char *certificate, const char *private_key) {
    return (struct mc_http_settings){.listen = "127.0.0.1:0",
                                     .tls_certificate = certificate,
                                     .tls_key = private_key,
                                     .threads = 2,
                                     .routes = routes,
                                     .route_count = 2};
}

static void expect_curl(const struct mc_http_server *server, const char *options, const char *expected) {
    char command[512], text[256] = "";
    snprintf(command, sizeof command, "curl -s --max-time 20 --cacert %s %s %s/", pem, options, mc_http_url(server));
    FILE *out = popen(command, "re");
    assert_non_null(out);
    (void)!fgets(text, sizeof text, out);
    pclose(out);
    assert_string_equal(text, expected);
}

static void test_secure(void **state) {
    (void)state;
    if (system("command -v curl >/dev/null") != 0) {
        print_message("there is no curl: TLS is not tested\n");
        skip();
    }
    struct mc_http_server *server = server_open_with(settings_of(pem, key));
    assert_memory_equal(mc_http_url(server), "https://", 8);
    expect_curl(server, "", "secure=1 body=0");
    expect_curl(server, "-d hello", "secure=1 body=5");
    expect_curl(server, "--data-binary @/proc/self/exe -o /dev/null -w '%{http_code}'", "413");
    mc_http_close(&server);
}

/* Clear text to a TLS port is no request, and no harm. */
static void test_clear_text(void **state) {
    (void)state;
    struct mc_http_server *server = server_open_with(settings_of(pem, key));
    for (int i = 0; i < 20; i++) {
        int fd = client_connect(server);
        client_text(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        client_await_end(fd);
        close(fd);
    }
    assert_int_equal(mc_http_count(server).requests, 0);
    mc_http_close(&server);
}

static void test_bad_certificates(void **state) {
    (void)state;
    static const char *const bad[][2] = {{pem, NULL},        {NULL, key}, {pem, "test/http/none.pem"},
                                         {"/dev/null", key}, {pem, pem},  {"test/http/tls_test.c", key}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mc_http_settings settings = settings_of(bad[i][0], bad[i][1]);
        struct mc_http_server *server;
        struct mc_error e = {0};
        assert_int_equal(mc_http_open(&server, &settings, &e), MC_ERR_USAGE);
        assert_null(server);
        assert_true(strlen(e.text) > 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure),
        cmocka_unit_test(test_clear_text),
        cmocka_unit_test(test_bad_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The n-th allocation fails, for n = 1, 2, 3... until a run meets none: opening a server, and a request of every kind.
 * The client of this file asks the heap for nothing. */
#include "base/mem.h"
#include "client.h"

static struct mc_http_stream *stream;
static struct mc_http_request *held;

static void answer_all(void *context, struct mc_http_request *r) {
    (void)context;
    struct mc_buf form = {0};
    mc_http_query(r, "a");
    mc_http_form(r, "f", &form);
    mc_http_put_header(r, "X-Name", "value");
    mc_http_answer_error(r, 400, "code", "message");
    mc_buf_free(&form);
}

static void answer_stream(void *context, struct mc_http_request *r) {
    (void)context;
    stream = mc_http_stream_open(r, "text/event-stream");
    if (stream != NULL)
        mc_http_stream_write(stream, MC_STR("data: x\n\n"));
    mc_http_stream_close(&stream);
}

static void answer_later(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_defer(r);
    held = r;
    mc_http_answer(held, 200, "text/plain", MC_STR("later"));
}

static const struct mc_http_route routes[] = {
    {"POST", "/all", 100000, true, answer_all, NULL},
    {"GET", "/stream", 0, false, answer_stream, NULL},
    {"GET", "/later/*", 0, false, answer_later, NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static const struct mc_http_settings settings = {.listen = "127.0.0.1:0",
                                                 .trusted_proxies = "127.0.0.1",
                                                 .threads = 1,
                                                 .connections_per_address_max = 10,
                                                 .routes = routes,
                                                 .route_count = ROUTES};

static void test_open(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct mc_http_server *server;
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = mc_http_open(&server, &settings, &e);
        bool failed = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, failed ? MC_ERR_NOMEM : MC_OK);
        assert_true((server == NULL) == failed);
        assert_true((strlen(e.text) > 0) == failed);
        mc_http_close(&server);
        if (!failed)
            return;
    }
}

/* "hello" as gzip writes it, stored. */
static const char packed[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01\x05\x00\xfa\xffhello\x86\xa6\x10\x36\x05\x00\x00";
enum { PACKED_BYTES = sizeof packed }; /* the NUL is the last byte of the length */

/* Sends a request and waits for a byte of the answer, or the end. The connection is closed by the next call, so that
 * nothing of it is left when the count begins. */
static void call(const struct mc_http_server *server, const char *head, const void *body, size_t len) {
    char bytes[4096];
    int fd = client_connect(server);
    client_text(fd, head);
    client_send(fd, body, len);
    (void)!recv(fd, bytes, sizeof bytes, 0);
    shutdown(fd, SHUT_WR);
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    close(fd);
}

static void fail_in_calls(const char *head, const void *body, size_t len, uint64_t least) {
    struct mc_error e;
    for (uint64_t n = 1;; n++) {
        struct mc_http_server *server;
        assert_int_equal(mc_http_open(&server, &settings, &e), MC_OK);
        mc_mem_fail_at(n);
        call(server, head, body, len);
        bool failed = mc_mem_failed();
        mc_mem_fail_at(0);
        call(server, head, body, len); /* whatever was refused, the next is served */
        struct mc_http_counts counts = mc_http_count(server);
        assert_true(counts.answers[2] + counts.answers[4] >= 1);
        mc_http_close(&server);
        if (failed)
            continue;
        assert_true(n > least);
        return;
    }
}

static void test_calls(void **state) {
    (void)state;
    fail_in_calls("POST /all?a=%41 HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Encoding: gzip\r\n"
                  "Content-Length: 28\r\n\r\n",
                  packed, PACKED_BYTES, 6);
    fail_in_calls("POST /all HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n3\r\nf=1\r\n0\r\n\r\n",
                  "", 0, 4);
    fail_in_calls("DELETE /all HTTP/1.1\r\nHost: h\r\n\r\n", "", 0, 3);
    fail_in_calls("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n", "", 0, 3);
    fail_in_calls("GET /later/%41 HTTP/1.1\r\nHost: h\r\n\r\n", "", 0, 2);
}

int main(void) {
    assert_int_equal(PACKED_BYTES, 28);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_calls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

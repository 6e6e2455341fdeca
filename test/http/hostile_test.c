/* Clients that mean harm, or are only slow: what they cost is bounded, and nobody else waits for them. */
#include "base/seed.h"
#include "client.h"

#include <sys/resource.h>
#include <zlib.h>

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void answer_ok(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_answer(r, 200, "text/plain", MC_STR("ok"));
}

enum { BODY_MAX = 4 << 20 };

static const struct mc_http_route routes[] = {
    {"GET", "/", 0, false, answer_ok, NULL},
    {"POST", "/", BODY_MAX, true, answer_ok, NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static struct mc_http_server *server_of(struct mc_http_settings settings) {
    settings.routes = routes;
    settings.route_count = ROUTES;
    return server_open_with(settings);
}

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

static int status_of(int fd, const char *request) {
    struct mc_buf in = {0};
    struct answer a = {0};
    client_text(fd, request);
    client_answer(fd, &in, true, &a);
    int status = a.status;
    mc_buf_free(&in);
    answer_free(&a);
    return status;
}

static int ask_status(const struct mc_http_server *server, const char *from) {
    int fd = client_connect_from(port_of(server), from), status = status_of(fd, get);
    close(fd);
    return status;
}

/* ---- bombs ---- */

/* One MiB of zeros as a gzip member. */
static void pack_zeros(struct mc_buf *out) {
    z_stream z = {0};
    size_t len = 1 << 20;
    unsigned char *zeros = calloc(1, len);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = zeros;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)mc_buf_reserve(out, 65536);
    z.avail_out = 65536;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
    free(zeros);
}

static long most_resident_kb(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
}

/* A thousand MiB in one of gzip, by eight clients at once: 413, and no more memory than their bodies' bound. */
static void test_bomb(void **state) {
    (void)state;
    enum { MEMBERS = 1000, CLIENTS = 8 };
    struct mc_http_server *server = server_of((struct mc_http_settings){0});
    struct mc_buf member = {0}, bomb = {0};
    int fds[CLIENTS];
    pack_zeros(&member);
    for (int i = 0; i < MEMBERS; i++)
        mc_buf_str(&bomb, mc_buf_view(&member));
    assert_true(bomb.len < BODY_MAX);
    long before_kb = most_resident_kb();
    for (int i = 0; i < CLIENTS; i++) {
        char head[256];
        snprintf(head, sizeof head,
                 "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", bomb.len);
        fds[i] = client_connect(server);
        client_text(fds[i], head);
        client_send(fds[i], bomb.data, bomb.len / 2);
    }
    assert_int_equal(ask_status(server, NULL), 200);
    for (int i = 0; i < CLIENTS; i++)
        client_send(fds[i], bomb.data + bomb.len / 2, bomb.len - bomb.len / 2);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(status_of(fds[i], ""), 413);
        assert_int_equal(status_of(fds[i], get), 200); /* it was read: the connection goes on */
        close(fds[i]);
    }
    long more_kb = most_resident_kb() - before_kb;
    if (SANITIZED) /* freed memory is kept to find its use */
        print_message("memory is not measured under a sanitizer: %ld KB more\n", more_kb);
    else if (more_kb > 2 * CLIENTS * (BODY_MAX / 1024) + 16384) /* a growing buffer is twice its bytes at most */
        fail_msg("%ld KB more", more_kb);
    mc_http_close(&server);
    mc_buf_free(&member);
    mc_buf_free(&bomb);
}

/* All bodies together have a bound: beyond it 503, and room again when they are answered. */
static void test_bodies_together(void **state) {
    (void)state;
    enum { CLIENTS = 10, HALF = 100000 };
    struct mc_http_server *server = server_of((struct mc_http_settings){.bodies_bytes_max = 5 * HALF});
    static char half[HALF];
    int fds[CLIENTS], busy = 0;
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(server);
        client_text(fds[i], "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
        client_send(fds[i], half, HALF);
    }
    assert_int_equal(ask_status(server, NULL), 200);
    for (int i = 0; i < CLIENTS; i++) {
        client_send(fds[i], half, HALF);
        int status = status_of(fds[i], "");
        assert_true(status == 200 || status == 503);
        busy += status == 503;
        close(fds[i]);
    }
    assert_true(busy > 0 && busy < CLIENTS);
    int fd = client_connect(server);
    client_text(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
    client_send(fd, half, HALF);
    client_send(fd, half, HALF);
    assert_int_equal(status_of(fd, ""), 200);
    close(fd);
    mc_http_close(&server);
}

/* ---- slow ones ---- */

/* A byte of a head, of a body, of a chunked body, and nothing at all. */
static const char *const slow_starts[] = {
    "", "G", "GET / HTTP/1.1\r\nHost: h\r\nX: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\na",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"};
enum { SLOW_KINDS = sizeof slow_starts / sizeof *slow_starts, SLOW = 100 };

static void slow_start(const struct mc_http_server *server, int fds[SLOW]) {
    for (int i = 0; i < SLOW; i++) {
        fds[i] = client_connect(server);
        client_text(fds[i], slow_starts[i % SLOW_KINDS]);
    }
}

/* Dribbles a byte to each now and then, so that none is idle, until no more than `most` are left; others are served all
 * the while. */
static void dribble_until(const struct mc_http_server *server, int fds[SLOW], int most) {
    for (int left = SLOW; left > most;) {
        left = 0;
        assert_int_equal(ask_status(server, NULL), 200);
        for (int i = 0; i < SLOW; i++) {
            char byte;
            if (fds[i] < 0)
                continue;
            bool gone = !client_send(fds[i], "x", 1);
            ssize_t came = recv(fds[i], &byte, 1, MSG_DONTWAIT);
            if (gone || came == 0 || (came < 0 && errno != EAGAIN)) {
                close(fds[i]);
                fds[i] = -1;
            } else {
                left++;
            }
        }
    }
    for (int i = 0; i < SLOW; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void test_slow_clients(void **state) {
    (void)state;
    struct mc_http_server *server = server_of((struct mc_http_settings){.request_timeout_s = 1, .threads = 1});
    int fds[SLOW];
    slow_start(server, fds);
    dribble_until(server, fds, 0);
    mc_http_close(&server);
}

/* With nearly all connections taken a client has a tenth of its time: some are gone before the whole is over. */
static void test_hurry(void **state) {
    (void)state;
    enum { MOST = SLOW + 10 };
    struct mc_http_server *server =
        server_of((struct mc_http_settings){.request_timeout_s = 15, .connections_max = MOST});
    int fds[SLOW];
    int64_t from_ns = mc_monotonic_ns();
    slow_start(server, fds);
    dribble_until(server, fds, MOST / 4 * 3);
    assert_true(mc_monotonic_ns() - from_ns < 15 * INT64_C(1000000000));
    mc_http_close(&server);
}

/* Clients that send and never read their answers cost a connection, and its end when the server has had enough. */
static void test_deaf_clients(void **state) {
    (void)state;
    enum { DEAF = 10 };
    struct mc_http_server *server = server_of((struct mc_http_settings){.threads = 1});
    int fds[DEAF];
    for (int i = 0; i < DEAF; i++) {
        fds[i] = client_connect(server);
        for (bool more = true; more;) { /* until nothing goes in any more */
            ssize_t sent = send(fds[i], get, sizeof get - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            more = sent == sizeof get - 1 && mc_http_count(server).requests < 2000 * (uint64_t)(i + 1);
        }
    }
    assert_int_equal(ask_status(server, NULL), 200);
    for (int i = 0; i < DEAF; i++)
        close(fds[i]);
    mc_http_close(&server);
}

/* ---- many ---- */

static void test_connections_max(void **state) {
    (void)state;
    enum { MOST = 8 };
    struct mc_http_server *server = server_of((struct mc_http_settings){.connections_max = MOST});
    int fds[MOST];
    for (int i = 0; i < MOST; i++) {
        fds[i] = client_connect(server);
        assert_int_equal(status_of(fds[i], get), 200);
    }
    int one_more = client_connect(server);
    assert_int_equal(status_of(one_more, get), 503);
    client_await_end(one_more);
    close(one_more);
    assert_int_equal(mc_http_count(server).refused, 1);
    for (int i = 0; i < MOST; i++) { /* those that were there are served */
        assert_int_equal(status_of(fds[i], get), 200);
        close(fds[i]);
    }
    while (ask_status(server, NULL) != 200) /* room again, as soon as the server has seen the ends */
        sched_yield();
    mc_http_close(&server);
}

static void fill_address(const struct mc_http_server *server, int fds[3]) {
    for (int i = 0; i < 3; i++) {
        fds[i] = client_connect_from(port_of(server), "127.0.0.2");
        assert_int_equal(status_of(fds[i], get), 200);
    }
}

static void test_connections_per_address(void **state) {
    (void)state;
    struct mc_http_settings settings = {.connections_per_address_max = 3};
    struct mc_http_server *server = server_of(settings);
    int fds[3];
    fill_address(server, fds);
    assert_int_equal(ask_status(server, "127.0.0.2"), 503);
    assert_int_equal(ask_status(server, "127.0.0.3"), 200); /* others have their own share */
    close(fds[0]);
    while (ask_status(server, "127.0.0.2") != 200)
        sched_yield();
    close(fds[1]);
    close(fds[2]);
    mc_http_close(&server);
    settings.trusted_proxies = "127.0.0.2"; /* a proxy's connections are many people's */
    server = server_of(settings);
    fill_address(server, fds);
    assert_int_equal(ask_status(server, "127.0.0.2"), 200);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    mc_http_close(&server);
}

/* Come and go as fast as it gets, in half of the cases with a reset: nothing is left behind. */
static void test_come_and_go(void **state) {
    (void)state;
    struct mc_http_server *server = server_of((struct mc_http_settings){.connections_per_address_max = 100});
    for (int i = 0; i < 2000; i++) {
        struct linger reset = {.l_onoff = i % 2};
        int fd = client_connect(server);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        client_send(fd, get, (size_t)i % sizeof get);
        close(fd);
    }
    while (mc_http_count(server).connections > 0)
        sched_yield();
    assert_int_equal(ask_status(server, NULL), 200);
    mc_http_close(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_bodies_together),
        cmocka_unit_test(test_slow_clients),
        cmocka_unit_test(test_hurry),
        cmocka_unit_test(test_deaf_clients),
        cmocka_unit_test(test_connections_max),
        cmocka_unit_test(test_connections_per_address),
        cmocka_unit_test(test_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

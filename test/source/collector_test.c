/* The collector over real sockets, its log faked (fake_intake.h).
 *
 * With --serve ORIGIN [PORT] it is a server instead, for tests with real clients: it prints its address and keys as a
 * line of JSON, then what becomes durable, a line each, and ends when its standard input does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_intake.h"
#include "source/collector.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

/* ---- the service under test ---- */

struct service {
    char folder[64], store[96];
    struct fake_intake intake;
    struct mc_access *access;
    struct mc_collector *collector;
    struct mc_http_server *server;
    int port;
    char server_key[MC_SECRET_CHARS + 1], browser_key[MC_SECRET_CHARS + 1];
};

static struct service service;

static bool open_parts(struct service *s, const struct mc_collector_settings *given, const char *listen,
                       struct mc_error *e) {
    static struct mc_http_route routes[MC_COLLECTOR_ROUTES_MAX];
    struct mc_collector_settings settings = *given;
    settings.intake = fake_open(&s->intake);
    if (mc_access_open(&s->access, s->store, e) != MC_OK ||
        mc_key_create(s->access, MC_STR("shop"), MC_KEY_SERVER, mc_wall_now(), s->server_key, e) != MC_OK ||
        mc_key_create(s->access, MC_STR("page"), MC_KEY_BROWSER, mc_wall_now(), s->browser_key, e) != MC_OK)
        return false;
    settings.access = s->access;
    if (mc_collector_open(&s->collector, &settings, e) != MC_OK)
        return false;
    struct mc_http_settings http = {.listen = listen, .threads = 2, .routes = routes};
    http.route_count = mc_collector_routes(s->collector, routes, MC_COLLECTOR_ROUTES_MAX);
    if (mc_http_open(&s->server, &http, e) != MC_OK)
        return false;
    s->port = atoi(strrchr(mc_http_url(s->server), ':') + 1);
    return true;
}

static bool service_open(struct service *s, const struct mc_collector_settings *settings, const char *listen) {
    const char *temporary = getenv("TMPDIR");
    struct mc_error e = {0};
    *s = (struct service){0};
    snprintf(s->folder, sizeof s->folder, "%.30s/mc_collector_XXXXXX", temporary ? temporary : "/tmp");
    if (mkdtemp(s->folder) == NULL)
        return false;
    snprintf(s->store, sizeof s->store, "%s/s.db", s->folder);
    if (open_parts(s, settings, listen, &e))
        return true;
    print_error("%s\n", e.text);
    return false;
}

static void service_close(struct service *s) {
    char path[400];
    fake_set(&s->intake, false, MC_OK, FAKE_SUBMISSIONS);
    mc_http_close(&s->server);
    fake_close(&s->intake);
    mc_collector_close(&s->collector);
    mc_access_close(&s->access);
    DIR *d = opendir(s->folder);
    for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%.255s", s->folder, entry->d_name);
            unlink(path);
        }
    if (d != NULL)
        closedir(d);
    rmdir(s->folder);
}

static const struct mc_collector_settings usual = {.cors_origins = "https://shop.example"};

static int open_usual(void **state) {
    (void)state;
    return service_open(&service, &usual, "127.0.0.1:0") ? 0 : -1;
}

static int open_limited(void **state) {
    (void)state;
    struct mc_collector_settings limited = {.cors_origins = "*", .per_key_per_s = 100, .per_address_per_s = 10};
    return service_open(&service, &limited, "127.0.0.1:0") ? 0 : -1;
}

static int close_service(void **state) {
    (void)state;
    service_close(&service);
    return 0;
}

/* ---- a client: one request a connection ---- */

struct answer {
    int status;
    struct mc_buf all; /* head and body */
    const char *body;
};

static int dial(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)service.port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        fail_msg("connect: %s", strerror(errno));
    return fd;
}

static void send_request(int fd, const char *method, const char *path, const char *headers, struct mc_str body) {
    struct mc_buf b = {0};
    mc_buf_printf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s", method, path, service.port,
                  headers);
    if (body.len > 0)
        mc_buf_printf(&b, "Content-Length: %zu\r\n", body.len);
    mc_buf_text(&b, "\r\n");
    mc_buf_str(&b, body);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* refused before all was read */
        at += (size_t)n;
    }
    mc_buf_free(&b);
}

static struct answer receive_answer(int fd) {
    struct answer a = {0};
    for (;;) {
        char *room = mc_buf_reserve(&a.all, 65536);
        ssize_t n = recv(fd, room, 65536, 0);
        if (n <= 0)
            break;
        a.all.len += (size_t)n;
    }
    close(fd);
    const char *text = mc_buf_cstr(&a.all);
    if (sscanf(text, "HTTP/1.1 %d", &a.status) != 1)
        a.status = 0;
    a.body = strstr(text, "\r\n\r\n");
    a.body = a.body != NULL ? a.body + 4 : "";
    return a;
}

static struct answer request(const char *method, const char *path, const char *headers, struct mc_str body) {
    int fd = dial();
    send_request(fd, method, path, headers, body);
    return receive_answer(fd);
}

/* Value of a header, or NULL. */
static const char *header(const struct answer *a, const char *name) {
    static char value[512];
    char line[100];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(a->all.data, line);
    if (at == NULL || (a->body[0] != '\0' && at > a->body))
        return NULL;
    at += strlen(line);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static const char *bearer(const char *key) {
    static char line[200];
    snprintf(line, sizeof line, "Authorization: Bearer %s\r\n", key);
    return line;
}

static void expect(struct answer a, int status, const char *body) {
    if (a.status != status || strcmp(a.body, body) != 0)
        fail_msg("expected %d %s, got\n%s", status, body, a.all.data);
    mc_buf_free(&a.all);
}

/* An error's status and code; it has words for a person too. */
static void expect_error(struct answer a, int status, const char *code) {
    char start[100];
    snprintf(start, sizeof start, "{\"error\":\"%s\",\"message\":\"", code);
    if (a.status != status || strncmp(a.body, start, strlen(start)) != 0 || strlen(a.body) < strlen(start) + 20)
        fail_msg("expected %d %s, got\n%s", status, start, a.all.data);
    mc_buf_free(&a.all);
}

static void expect_lines(const char *lines) {
    pthread_mutex_lock(&service.intake.lock);
    struct mc_buf *b = &service.intake.lines;
    if (strcmp(mc_buf_cstr(b), lines) != 0)
        fail_msg("expected\n%sgot\n%s", lines, mc_buf_cstr(b));
    b->len = 0;
    pthread_mutex_unlock(&service.intake.lock);
}

static struct answer post(const char *path, const char *key, const char *body) {
    return request("POST", path, key != NULL ? bearer(key) : "", mc_str_of(body));
}

#define AT "\"event_time\":\"2026-11-24T10:00:00Z\""
#define CART                                                                                                           \
    "{\"event_type\":\"cart\"," AT ",\"user_id\":\"u\",\"user_session\":\"s\",\"product_id\":\"p\",\"price\":1.5}"
#define KEPT_CART                                                                                                      \
    "{\"event_type\":\"cart\"," AT ",\"user_id\":\"u\",\"user_session\":\"s\",\"product_id\":\"p\","                   \
    "\"price_minor\":150,\"quantity\":1}\n"
#define BAD_CART                                                                                                       \
    "{\"event_type\":\"cart\"," AT ",\"user_id\":\"u\",\"user_session\":\"s\",\"product_id\":\"p\",\"price\":-1}"
#define NATIVE "/v1/events"

/* ---- native events ---- */

static void events_are_answered_one_by_one(void **state) {
    (void)state;
    expect(post(NATIVE, service.server_key, CART), 200, "{\"accepted\":1,\"rejected\":[]}");
    expect_lines(KEPT_CART);
    expect(post(NATIVE, service.server_key, "[" CART "," CART "]"), 200, "{\"accepted\":2,\"rejected\":[]}");
    expect_lines(KEPT_CART KEPT_CART);
    expect(post(NATIVE, service.browser_key, CART "\n" CART "\n"), 200, "{\"accepted\":2,\"rejected\":[]}");
    expect_lines(KEPT_CART KEPT_CART);

    struct answer a = post(NATIVE, service.server_key, "[" CART "," BAD_CART ",{\"type\":\"page\"}," CART "]");
    assert_int_equal(a.status, 200);
    assert_non_null(
        strstr(a.body, "{\"accepted\":2,\"rejected\":[{\"index\":1,\"reason\":\"negative_price\",\"message\":\""));
    assert_non_null(strstr(a.body, "\"}],\"ignored\":1}"));
    assert_string_equal(header(&a, "Content-Type"), "application/json");
    mc_buf_free(&a.all);
    expect_lines(KEPT_CART KEPT_CART "{\"rejected\":\"negative_price\"}\n");

    struct mc_collector_counts counts = mc_collector_count(service.collector);
    assert_int_equal(counts.requests, 4);
    assert_int_equal(counts.accepted, 7);
    assert_int_equal(counts.rejected[MC_NEGATIVE_PRICE], 1);
    assert_int_equal(counts.ignored, 1);
}

static void nothing_is_answered_before_it_is_durable(void **state) {
    (void)state;
    char byte;
    fake_set(&service.intake, true, MC_OK, FAKE_SUBMISSIONS);
    int fd = dial();
    send_request(fd, "POST", NATIVE, bearer(service.server_key), MC_STR(CART));
    fake_wait_submitted(&service.intake, 1);
    assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    assert_int_equal(mc_collector_count(service.collector).accepted, 0);
    fake_set(&service.intake, false, MC_OK, FAKE_SUBMISSIONS);
    expect(receive_answer(fd), 200, "{\"accepted\":1,\"rejected\":[]}");
}

static void what_is_only_ignored_is_not_logged(void **state) {
    (void)state;
    expect(post(NATIVE, service.server_key, "{\"type\":\"page\"}"), 200,
           "{\"accepted\":0,\"rejected\":[],\"ignored\":1}");
    expect(post(NATIVE, service.server_key, "[]"), 200, "{\"accepted\":0,\"rejected\":[]}");
    expect(post("/v1/page", service.server_key, "{\"userId\":\"u\"}"), 200, "{\"success\":true}");
    assert_int_equal(service.intake.submitted, 0);
    assert_int_equal(mc_collector_count(service.collector).ignored, 2);
}

static void persons_need_a_server_key(void **state) {
    (void)state;
    static const char body[] =
        "[{\"type\":\"identify\",\"user_id\":\"u\",\"traits\":{\"email\":\"a@example.com\","
        "\"consent\":true}},{\"type\":\"alias\",\"user_id\":\"u\",\"previous_id\":\"anon\"}," CART "]";
    struct answer a = post(NATIVE, service.browser_key, body);
    assert_int_equal(a.status, 200);
    assert_non_null(
        strstr(a.body, "{\"accepted\":1,\"rejected\":[{\"index\":0,\"reason\":\"browser_key\",\"message\":\""));
    assert_non_null(strstr(a.body, "{\"index\":1,\"reason\":\"browser_key\",\"message\":\""));
    mc_buf_free(&a.all);
    expect_lines(KEPT_CART "{\"rejected\":\"browser_key\"}\n{\"rejected\":\"browser_key\"}\n");
    assert_int_equal(mc_collector_count(service.collector).rejected[MC_COLLECTOR_BROWSER_KEY], 2);

    expect(post(NATIVE, service.server_key, body), 200, "{\"accepted\":3,\"rejected\":[]}");
    expect_lines("{\"event_type\":\"identify\",\"user_id\":\"u\",\"email\":\"a@example.com\",\"consent\":\"yes\"}\n"
                 "{\"event_type\":\"alias\",\"user_id\":\"u\",\"other_id\":\"anon\"}\n" KEPT_CART);

    /* also one that asks only for what it may not is kept in the log */
    a = post("/v1/identify", service.browser_key, "{\"userId\":\"u\",\"traits\":{\"email\":\"a@example.com\"}}");
    expect(a, 200, "{\"success\":true}");
    expect_lines("{\"rejected\":\"browser_key\"}\n");
}

/* ---- keys ---- */

static void a_key_comes_in_many_ways(void **state) {
    (void)state;
    char text[400], base64[200];
    const char *good = "{\"accepted\":1,\"rejected\":[]}";
    snprintf(text, sizeof text, "%s:", service.browser_key);
    sodium_bin2base64(base64, sizeof base64, (unsigned char *)text, strlen(text), sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, sizeof text, "Authorization: Basic %s\r\n", base64);
    expect(request("POST", NATIVE, text, MC_STR(CART)), 200, good);
    snprintf(text, sizeof text, NATIVE "?writeKey=%s", service.browser_key);
    expect(request("POST", text, "Content-Type: text/plain;charset=UTF-8\r\n", MC_STR(CART)), 200, good); /* a beacon */
    snprintf(text, sizeof text, "{\"writeKey\":\"%s\",%s", service.browser_key, &CART[1]);
    expect(request("POST", NATIVE, "Content-Type: text/plain\r\n", mc_str_of(text)), 200, good);
    snprintf(text, sizeof text, "{\"batch\":[],\"sentAt\":\"2026-11-24T10:00:00Z\",\"writeKey\":\"%s\"}",
             service.server_key);
    expect(request("POST", "/v1/batch", "Content-Type: application/json\r\n", mc_str_of(text)), 200,
           "{\"success\":true}");
    expect_lines(KEPT_CART KEPT_CART KEPT_CART);
}

static void without_a_good_key_nothing_is_taken(void **state) {
    (void)state;
    struct mc_error e;
    char unknown[MC_SECRET_CHARS + 1];
    strcpy(unknown, service.server_key);
    unknown[10] ^= 1;
    struct answer a = post(NATIVE, NULL, CART);
    assert_string_equal(header(&a, "WWW-Authenticate"), "Bearer realm=\"maxcart\"");
    expect_error(a, 401, "missing_key");
    expect_error(post(NATIVE, unknown, CART), 401, "unknown_key");
    expect_error(post(NATIVE "?writeKey=mk_b_x", NULL, CART), 401, "unknown_key");
    expect_error(post(NATIVE, NULL, "{\"writeKey\":\"mk_b_x\"}"), 401, "unknown_key");
    expect_error(post(NATIVE, NULL, "no JSON"), 401, "missing_key");
    expect_error(request("POST", NATIVE, "Authorization: Digest x\r\n", MC_STR(CART)), 401, "bad_authorization");
    assert_int_equal(mc_key_revoke(service.access, MC_STR("shop"), mc_wall_now(), &e), MC_OK);
    expect_error(post(NATIVE, service.server_key, CART), 401, "unknown_key");
    assert_int_equal(service.intake.submitted, 0);
    assert_int_equal(mc_collector_count(service.collector).refused[MC_REFUSED_KEY], 7);
}

/* ---- bodies ---- */

static void gzip_of(struct mc_str text, struct mc_buf *out) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.len};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t bound = deflateBound(&z, text.len);
    z.next_out = (Bytef *)mc_buf_reserve(out, bound);
    z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = z.total_out;
    deflateEnd(&z);
}

static void bodies_may_be_gzip(void **state) {
    (void)state;
    struct mc_buf packed = {0};
    char headers[300];
    gzip_of(MC_STR(CART), &packed);
    snprintf(headers, sizeof headers, "%sContent-Encoding: gzip\r\n", bearer(service.server_key));
    expect(request("POST", NATIVE, headers, mc_buf_view(&packed)), 200, "{\"accepted\":1,\"rejected\":[]}");
    expect_lines(KEPT_CART);
    mc_buf_free(&packed);
}

static void what_is_no_json_of_ours_is_refused(void **state) {
    (void)state;
    char headers[300];
    expect_error(post(NATIVE, service.server_key, "["), 400, "invalid_json");
    expect_error(post("/v1/batch", service.server_key, "{\"batch\":"), 400, "invalid_json");
    expect_error(post("/v1/track", service.server_key, "nonsense"), 400, "invalid_json");
    expect_error(post(NATIVE, service.server_key, ""), 400, "empty_body");
    snprintf(headers, sizeof headers, "%sContent-Type: text/csv\r\n", bearer(service.server_key));
    expect_error(request("POST", NATIVE, headers, MC_STR(CART)), 415, "unsupported_type");
    struct answer a = request("GET", NATIVE, "", MC_STR(""));
    assert_int_equal(a.status, 405);
    mc_buf_free(&a.all);
    assert_int_equal(service.intake.submitted, 0);
    struct mc_collector_counts counts = mc_collector_count(service.collector);
    assert_int_equal(counts.refused[MC_REFUSED_BODY], 4);
    assert_int_equal(counts.refused[MC_REFUSED_TYPE], 1);
}

static void bounds_of_a_body(void **state) {
    (void)state;
    struct mc_buf body = {0};
    mc_buf_char(&body, '[');
    while (body.len + 200 < MC_COLLECTOR_BODY_BYTES_MAX)
        mc_buf_text(&body, CART ",");
    mc_buf_text(&body, CART "]");
    struct answer a = request("POST", NATIVE, bearer(service.server_key), mc_buf_view(&body));
    assert_int_equal(a.status, 200); /* as large as it may be */
    assert_non_null(strstr(a.body, "\"rejected\":[]}"));
    mc_buf_free(&a.all);
    body.data[body.len - 1] = ',';
    while (body.len <= MC_COLLECTOR_BODY_BYTES_MAX)
        mc_buf_text(&body, CART ",");
    a = request("POST", NATIVE, bearer(service.server_key), mc_buf_view(&body));
    assert_int_equal(a.status, 413);
    mc_buf_free(&a.all);

    body.len = 0;
    mc_buf_char(&body, '[');
    for (int i = 0; i < MC_JSON_CALLS_MAX; i++)
        mc_buf_text(&body, "{},");
    mc_buf_text(&body, "{}]");
    expect_error(request("POST", NATIVE, bearer(service.server_key), mc_buf_view(&body)), 413, "too_many_calls");
    mc_buf_free(&body);
}

/* Whatever a body holds, its sender gets an answer, and the next one is served. */
static void hostile_bodies(void **state) {
    (void)state;
    struct mc_buf deep = {0}, many = {0}, bomb = {0}, zeros = {0};
    char headers[300];
    for (int i = 0; i < 100000; i++)
        mc_buf_char(&deep, '[');
    for (int i = 0; i < 100000; i++)
        mc_buf_text(&many, "{\"a\":");
    const struct mc_str bodies[] = {
        mc_buf_view(&deep),
        mc_buf_view(&many),
        MC_STR("\xff\xfe{}"),
        MC_STR("{\"event_type\":\"\xc3\x28\"}"),
        MC_STR("{\"price\":1e999999999,\"price\":2,\"price\":-99999999999999999999999999999999}"),
        MC_STR("{\"batch\":[[[[[{\"batch\":{}}]]]]],\"type\":{},\"writeKey\":{}}"),
        {"{\"a\":\"\0\"}\0{}", 13},
        MC_STR("\\\"{"),
    };
    static const char *const paths[] = {NATIVE, "/v1/batch", "/v1/track", "/v1/i"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t k = 0; k < 4; k++) {
            struct answer a = request("POST", paths[k], bearer(service.server_key), bodies[i]);
            if (a.status != 200 && a.status != 400)
                fail_msg("body %zu to %s: %s", i, paths[k], a.all.data);
            mc_buf_free(&a.all);
            a = request("POST", paths[k], "", bodies[i]); /* the key is looked for in it */
            assert_int_equal(a.status, 401);
            mc_buf_free(&a.all);
        }
    char *room = mc_buf_reserve(&zeros, 64 << 20);
    memset(room, ' ', 64 << 20);
    gzip_of((struct mc_str){room, 64 << 20}, &bomb);
    snprintf(headers, sizeof headers, "%sContent-Encoding: gzip\r\n", bearer(service.server_key));
    struct answer a = request("POST", NATIVE, headers, mc_buf_view(&bomb));
    assert_int_equal(a.status, 413);
    mc_buf_free(&a.all);
    service.intake.lines.len = 0;
    expect(post(NATIVE, service.server_key, CART), 200, "{\"accepted\":1,\"rejected\":[]}");
    expect_lines(KEPT_CART);
    mc_buf_free(&deep);
    mc_buf_free(&many);
    mc_buf_free(&bomb);
    mc_buf_free(&zeros);
}

/* Messages are left out behind the first so many; index and reason are there for all. */
static void the_answer_to_many_rejects_is_bounded(void **state) {
    (void)state;
    struct mc_buf body = {0};
    mc_buf_char(&body, '[');
    for (int i = 0; i < MC_COLLECTOR_MESSAGES_MAX; i++)
        mc_buf_text(&body, "{},");
    mc_buf_text(&body, "{}]");
    struct answer a = request("POST", NATIVE, bearer(service.server_key), mc_buf_view(&body));
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, ",{\"index\":999,\"reason\":\"bad_time\",\"message\":\""));
    assert_non_null(strstr(a.body, ",{\"index\":1000,\"reason\":\"bad_time\"}]}"));
    mc_buf_free(&a.all);
    mc_buf_free(&body);
}

/* ---- when it cannot be taken ---- */

static void a_full_disk_is_said_and_got_over(void **state) {
    (void)state;
    fake_set(&service.intake, false, MC_ERR_FULL, FAKE_SUBMISSIONS);
    struct answer a = post(NATIVE, service.server_key, CART);
    assert_string_equal(header(&a, "Retry-After"), "10");
    expect_error(a, 503, "disk_full");
    expect_error(post("/v1/track", service.server_key, "{\"event\":\"Order Completed\"}"), 503, "disk_full");
    fake_set(&service.intake, false, MC_ERR_IO, FAKE_SUBMISSIONS);
    expect_error(post(NATIVE, service.server_key, CART), 503, "log_failed");
    expect_lines("");
    fake_set(&service.intake, false, MC_OK, FAKE_SUBMISSIONS);
    expect(post(NATIVE, service.server_key, CART), 200, "{\"accepted\":1,\"rejected\":[]}");
    struct mc_collector_counts counts = mc_collector_count(service.collector);
    assert_int_equal(counts.accepted, 1);
    assert_int_equal(counts.refused[MC_REFUSED_STORE], 3);
}

static void a_full_queue_asks_to_wait(void **state) {
    (void)state;
    fake_set(&service.intake, true, MC_OK, 1);
    int fd = dial();
    send_request(fd, "POST", NATIVE, bearer(service.server_key), MC_STR(CART));
    fake_wait_submitted(&service.intake, 1);
    struct answer a = post(NATIVE, service.server_key, CART);
    assert_string_equal(header(&a, "Retry-After"), "1");
    assert_non_null(header(&a, "X-RateLimit-Reset"));
    expect_error(a, 429, "busy");
    fake_set(&service.intake, false, MC_OK, 1);
    expect(receive_answer(fd), 200, "{\"accepted\":1,\"rejected\":[]}");
}

/* 100 calls/s a key, 10 an address: bodies are larger than a bucket, so that the passing of time cannot refill it
 * before the next request. */
static void rates_hold_by_key_and_by_address(void **state) {
    (void)state;
    struct mc_buf body = {0};
    for (int i = 0; i < 20000; i++)
        mc_buf_text(&body, CART "\n");
    struct mc_str many = mc_buf_view(&body);
    expect(request("POST", NATIVE, bearer(service.server_key), many), 200, "{\"accepted\":20000,\"rejected\":[]}");
    struct answer a = post(NATIVE, service.server_key, CART);
    assert_in_range(atoi(header(&a, "Retry-After")), 100, 200);
    expect_error(a, 429, "key_rate");
    expect(request("POST", NATIVE, bearer(service.browser_key), many), 200, "{\"accepted\":20000,\"rejected\":[]}");
    expect_error(post(NATIVE, service.browser_key, CART), 429, "address_rate");
    expect_error(post(NATIVE, NULL, CART), 429, "address_rate");           /* who it is does not matter any more */
    expect_error(post(NATIVE, service.server_key, CART), 429, "key_rate"); /* no limit by address for it */
    assert_int_equal(mc_collector_count(service.collector).refused[MC_REFUSED_RATE], 4);
    mc_buf_free(&body);
}

/* ---- Segment ---- */

#define TRACK(event, properties)                                                                                       \
    "{\"userId\":\"u\",\"anonymousId\":\"a\",\"messageId\":\"m\",\"event\":\"" event                                   \
    "\",\"timestamp\":\"2026-11-24T10:00:00Z\",\"properties\":" properties "}"

static void segments_calls_are_taken(void **state) {
    (void)state;
    const char *good = "{\"success\":true}";
    static const char *const tracks[] = {"/v1/track", "/v1/t"};
    for (size_t i = 0; i < 2; i++) {
        expect(post(tracks[i], service.browser_key, TRACK("Product Added", "{\"product_id\":7,\"price\":19.99}")), 200,
               good);
        expect_lines("{\"event_type\":\"cart\"," AT ",\"user_id\":\"u\",\"user_session\":\"u\",\"product_id\":\"7\","
                     "\"price_minor\":1999,\"quantity\":1,\"message_id\":\"m\"}\n");
    }
    static const char *const identifies[] = {"/v1/identify", "/v1/i"};
    for (size_t i = 0; i < 2; i++) {
        expect(post(identifies[i], service.server_key, "{\"userId\":\"u\",\"traits\":{\"email\":\"a@example.com\"}}"),
               200, good);
        expect_lines("{\"event_type\":\"identify\",\"user_id\":\"u\",\"email\":\"a@example.com\"}\n");
    }
    static const char *const aliases[] = {"/v1/alias", "/v1/a"};
    for (size_t i = 0; i < 2; i++) {
        expect(post(aliases[i], service.server_key, "{\"userId\":\"u\",\"previousId\":\"a\"}"), 200, good);
        expect_lines("{\"event_type\":\"alias\",\"user_id\":\"u\",\"other_id\":\"a\"}\n");
    }
    static const char *const ignored[] = {"/v1/page", "/v1/p", "/v1/screen", "/v1/s", "/v1/group", "/v1/g"};
    for (size_t i = 0; i < 6; i++)
        expect(post(ignored[i], service.server_key, "{\"userId\":\"u\"}"), 200, good);
    static const char *const batches[] = {"/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch"};
    for (size_t i = 0; i < 4; i++) {
        struct mc_buf body = {0};
        mc_buf_printf(&body, "{\"batch\":[{\"type\":\"track\",%s,{\"type\":\"page\",\"userId\":\"u\"}]}",
                      &TRACK("Product Added", "{\"product_id\":7,\"price\":19.99}")[1]);
        expect(post(batches[i], service.server_key, body.data), 200, good);
        expect_lines("{\"event_type\":\"cart\"," AT ",\"user_id\":\"u\",\"user_session\":\"u\",\"product_id\":\"7\","
                     "\"price_minor\":1999,\"quantity\":1,\"message_id\":\"m\"}\n");
        mc_buf_free(&body);
    }
    assert_int_equal(mc_collector_count(service.collector).ignored, 10);
}

static void segments_answer_is_good_also_for_rejected_rows(void **state) {
    (void)state;
    expect(post("/v1/track", service.server_key, TRACK("Product Added", "{\"product_id\":7,\"price\":-1}")), 200,
           "{\"success\":true}");
    expect_lines("{\"rejected\":\"negative_price\"}\n");
}

/* ---- browsers ---- */

static void only_listed_pages_may_read(void **state) {
    (void)state;
    char headers[300];
    snprintf(headers, sizeof headers, "%sOrigin: https://shop.example\r\n", bearer(service.browser_key));
    struct answer a = request("POST", NATIVE, headers, MC_STR(CART));
    assert_string_equal(header(&a, "Access-Control-Allow-Origin"), "https://shop.example");
    assert_string_equal(header(&a, "Vary"), "Origin");
    expect(a, 200, "{\"accepted\":1,\"rejected\":[]}");
    a = request("POST", NATIVE, "Origin: https://shop.example\r\n", MC_STR(CART)); /* errors can be read too */
    assert_string_equal(header(&a, "Access-Control-Allow-Origin"), "https://shop.example");
    expect_error(a, 401, "missing_key");
    snprintf(headers, sizeof headers, "%sOrigin: https://evil.example\r\n", bearer(service.browser_key));
    a = request("POST", NATIVE, headers, MC_STR(CART));
    assert_null(header(&a, "Access-Control-Allow-Origin"));
    assert_string_equal(header(&a, "Vary"), "Origin");
    expect(a, 200, "{\"accepted\":1,\"rejected\":[]}");
}

static void preflights(void **state) {
    (void)state;
    static const char asks[] = "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n"
                               "Access-Control-Request-Headers: authorization,content-type\r\n";
    static const char *const paths[] = {NATIVE, "/v1/t", "/v1/batch", "/v1/projects/x/settings"};
    for (size_t i = 0; i < 4; i++) {
        struct answer a = request("OPTIONS", paths[i], asks, MC_STR(""));
        assert_int_equal(a.status, 204);
        assert_string_equal(header(&a, "Access-Control-Allow-Origin"), "https://shop.example");
        assert_string_equal(header(&a, "Access-Control-Allow-Headers"),
                            "authorization, content-type, content-encoding, x-retry-count, anonymousid");
        assert_non_null(strstr(header(&a, "Access-Control-Allow-Methods"), "POST"));
        mc_buf_free(&a.all);
    }
    struct answer a = request("OPTIONS", NATIVE, "Origin: https://evil.example\r\n", MC_STR(""));
    assert_null(header(&a, "Access-Control-Allow-Origin"));
    expect_error(a, 403, "origin_not_allowed");
}

static void settings_for_segments_browser_client(void **state) {
    (void)state;
    char path[200], expected[200];
    snprintf(path, sizeof path, "/v1/projects/%s/settings", service.browser_key);
    struct answer a = request("GET", path, "Origin: https://shop.example\r\n", MC_STR(""));
    assert_int_equal(a.status, 200);
    assert_string_equal(header(&a, "Access-Control-Allow-Origin"), "https://shop.example");
    snprintf(expected, sizeof expected,
             "\"Segment.io\":{\"apiKey\":\"%s\",\"apiHost\":\"127.0.0.1:%d/v1\",\"protocol\":\"http\",",
             service.browser_key, service.port);
    assert_non_null(strstr(a.body, expected));
    assert_non_null(strstr(a.body, "\"metrics\":{\"sampleRate\":0}"));
    mc_buf_free(&a.all);
    snprintf(path, sizeof path, "/v1/projects/%s/settings", service.server_key);
    expect_error(request("GET", path, "", MC_STR("")), 403, "server_key");
    expect_error(request("GET", "/v1/projects/mk_b_x/settings", "", MC_STR("")), 404, "unknown_key");
    expect_error(request("GET", "/v1/projects/x", "", MC_STR("")), 404, "not_found");
}

static void the_script_is_served(void **state) {
    (void)state;
    struct answer plain = request("GET", "/maxcart.js", "", MC_STR(""));
    assert_int_equal(plain.status, 200);
    assert_non_null(strstr(header(&plain, "Content-Type"), "text/javascript"));
    assert_non_null(strstr(plain.body, "maxcart.init("));
    struct answer packed = request("GET", "/maxcart.js", "Accept-Encoding: gzip, br\r\n", MC_STR(""));
    assert_string_equal(header(&packed, "Content-Encoding"), "gzip");
    size_t at = (size_t)(packed.body - packed.all.data), len = packed.all.len - at;
    assert_in_range(len, 500, 3 * 1024 - 1);
    char text[32768];
    z_stream z = {.next_in = (Bytef *)packed.all.data + at,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)text,
                  .avail_out = sizeof text};
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    assert_int_equal(z.total_out, strlen(plain.body));
    assert_memory_equal(text, plain.body, z.total_out);
    mc_buf_free(&plain.all);
    mc_buf_free(&packed.all);
}

/* ---- many at once ---- */

enum { CLIENTS = 8, ROUNDS = 40 };

static void *client(void *unused) {
    (void)unused;
    char headers[200];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", service.server_key);
    size_t bad = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct answer a = request("POST", i % 2 ? NATIVE : "/v1/track", headers,
                                  i % 2 ? MC_STR(CART) : MC_STR(TRACK("Product Viewed", "{\"product_id\":1}")));
        bad += a.status != 200;
        mc_buf_free(&a.all);
    }
    return (void *)bad;
}

static void many_clients_at_once(void **state) {
    (void)state;
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, client, NULL), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    assert_int_equal(mc_collector_count(service.collector).accepted, CLIENTS * ROUNDS);
    size_t lines = 0;
    for (size_t i = 0; i < service.intake.lines.len; i++)
        lines += service.intake.lines.data[i] == '\n';
    assert_int_equal(lines, CLIENTS * ROUNDS);
}

/* ---- a server for other tests ---- */

static void print_lines(const char *lines, size_t len) {
    fwrite(lines, 1, len, stdout);
    fflush(stdout);
}

static int serve(const char *origins, const char *port) {
    struct mc_collector_settings settings = {.cors_origins = origins};
    char listen[40], byte;
    snprintf(listen, sizeof listen, "127.0.0.1:%s", port);
    signal(SIGPIPE, SIG_IGN);
    if (!service_open(&service, &settings, listen))
        return 1;
    pthread_mutex_lock(&service.intake.lock);
    service.intake.each = print_lines;
    printf("{\"url\":\"%s\",\"server_key\":\"%s\",\"browser_key\":\"%s\"}\n", mc_http_url(service.server),
           service.server_key, service.browser_key);
    fflush(stdout);
    pthread_mutex_unlock(&service.intake.lock);
    while (read(0, &byte, 1) > 0)
        ;
    service_close(&service);
    return 0;
}

#define USUAL(test) cmocka_unit_test_setup_teardown(test, open_usual, close_service)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        USUAL(events_are_answered_one_by_one),
        USUAL(nothing_is_answered_before_it_is_durable),
        USUAL(what_is_only_ignored_is_not_logged),
        USUAL(persons_need_a_server_key),
        USUAL(a_key_comes_in_many_ways),
        USUAL(without_a_good_key_nothing_is_taken),
        USUAL(bodies_may_be_gzip),
        USUAL(what_is_no_json_of_ours_is_refused),
        USUAL(bounds_of_a_body),
        USUAL(hostile_bodies),
        USUAL(the_answer_to_many_rejects_is_bounded),
        USUAL(a_full_disk_is_said_and_got_over),
        USUAL(a_full_queue_asks_to_wait),
        cmocka_unit_test_setup_teardown(rates_hold_by_key_and_by_address, open_limited, close_service),
        USUAL(segments_calls_are_taken),
        USUAL(segments_answer_is_good_also_for_rejected_rows),
        USUAL(only_listed_pages_may_read),
        USUAL(preflights),
        USUAL(settings_for_segments_browser_client),
        USUAL(the_script_is_served),
        USUAL(many_clients_at_once),
    };
    if (argc >= 3 && strcmp(argv[1], "--serve") == 0)
        return serve(argv[2], argc > 3 ? argv[3] : "0");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Answers that come later, from other threads, in any order, while clients vanish at any moment; and the server's end
 * with such answers still open. Under ThreadSanitizer this is the test of who may touch what (http/internal.h). */
#include "base/seed.h"
#include "client.h"

/* ---- a pool of requests that others answer ---- */

enum { HELD_MAX = 4096 };

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct mc_http_request *held[HELD_MAX];
    size_t count;
    bool over;
    bool silent; /* ask nothing of a request: the server may be giving up on it */
};

static struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .some = PTHREAD_COND_INITIALIZER};

static void hold(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_defer(r); /* before anybody else can see it */
    pthread_mutex_lock(&pool.lock);
    assert_true(pool.count < HELD_MAX);
    pool.held[pool.count++] = r;
    pthread_cond_signal(&pool.some);
    pthread_mutex_unlock(&pool.lock);
}

/* A random one of those that are held; NULL when it is over and none is left. */
static struct mc_http_request *take_any(struct mc_rng *r) {
    pthread_mutex_lock(&pool.lock);
    while (pool.count == 0 && !pool.over)
        pthread_cond_wait(&pool.some, &pool.lock);
    struct mc_http_request *taken = NULL;
    if (pool.count > 0) {
        size_t i = mc_rng_below(r, pool.count);
        taken = pool.held[i];
        pool.held[i] = pool.held[--pool.count];
    }
    pthread_mutex_unlock(&pool.lock);
    return taken;
}

static void echo(struct mc_http_request *r) {
    struct mc_buf body = {0}, out = {0};
    struct mc_str id = mc_http_query(r, "id");
    mc_http_take_body(r, &body);
    mc_buf_printf(&out, "%.*s:%.*s", (int)id.len, id.data, (int)body.len, body.len ? body.data : "");
    mc_http_put_header(r, "X-Later", "yes");
    mc_http_answer(r, 200, "text/plain", mc_buf_view(&out));
    mc_buf_free(&body);
    mc_buf_free(&out);
}

static void *answer_some(void *seed) {
    struct mc_rng r;
    mc_rng_seed(&r, (uintptr_t)seed);
    for (struct mc_http_request *request; (request = take_any(&r)) != NULL;) {
        if (pool.silent)
            mc_http_answer(request, 200, "text/plain", MC_STR("done"));
        else
            echo(request);
    }
    return NULL;
}

/* Defers and answers in the same call: as good as from elsewhere. */
static void hold_not(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_defer(r);
    echo(r);
}

static const struct mc_http_route routes[] = {
    {"POST", "/later", 100000, false, hold, NULL},
    {"POST", "/now", 100000, false, hold_not, NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static void answerers_start(pthread_t threads[2]) {
    pool.over = false;
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, answer_some, (void *)(i + 1)), 0);
}

static void answerers_end(pthread_t threads[2]) {
    pthread_mutex_lock(&pool.lock);
    pool.over = true;
    pthread_cond_broadcast(&pool.some);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* ---- clients ---- */

enum { CLIENTS = 4, CALLS = 400 };

struct caller {
    const struct mc_http_server *server;
    uint64_t seed;
    int right, wrong, vanished;
};

/* Leaves: with the end of its words, with a reset, or with half a request. */
static void vanish(struct mc_rng *r, int fd, const char *request, size_t len) {
    struct linger reset = {.l_onoff = 1};
    client_send(fd, request, chance(r, 30) ? mc_rng_below(r, len) : len);
    if (chance(r, 50))
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

static void *call(void *context) {
    struct caller *c = context;
    struct mc_buf in = {0}, text = {0};
    struct answer a = {0};
    struct mc_rng r;
    char expected[64];
    mc_rng_seed(&r, c->seed);
    int fd = client_connect(c->server);
    for (int i = 0; i < CALLS; i++) {
        int len = snprintf(expected, sizeof expected, "%llu-%d:body%d", (unsigned long long)c->seed, i, i);
        const char *body = strchr(expected, ':') + 1;
        text.len = 0;
        mc_buf_printf(&text, "POST /%s?id=%.*s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
                      chance(&r, 90) ? "later" : "now", (int)(len - (int)strlen(body) - 1), expected, strlen(body),
                      body);
        if (chance(&r, 20)) {
            vanish(&r, fd, text.data, text.len);
            c->vanished++;
            fd = client_connect(c->server);
            in.len = 0;
            continue;
        }
        client_send(fd, text.data, text.len);
        client_answer(fd, &in, true, &a);
        bool same = a.status == 200 && strcmp(answer_body(&a), expected) == 0;
        same ? c->right++ : c->wrong++;
    }
    close(fd);
    mc_buf_free(&in);
    mc_buf_free(&text);
    answer_free(&a);
    return NULL;
}

static void test_random_order(void **state) {
    (void)state;
    struct mc_http_server *server = server_open(routes, ROUTES);
    pthread_t answerers[2], threads[CLIENTS];
    struct caller callers[CLIENTS];
    answerers_start(answerers);
    for (int i = 0; i < CLIENTS; i++) {
        callers[i] = (struct caller){.server = server, .seed = (uint64_t)i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].wrong, 0);
        assert_int_equal(callers[i].right + callers[i].vanished, CALLS);
        assert_true(callers[i].vanished > 0);
    }
    mc_http_close(&server); /* with requests of those that vanished still deferred */
    answerers_end(answerers);
    assert_int_equal(pool.count, 0);
}

/* Pipelined requests whose answers are made in any order come back in theirs. */
static void test_pipelined(void **state) {
    (void)state;
    enum { REQUESTS = 200 };
    struct mc_http_server *server = server_open(routes, ROUTES);
    struct mc_buf text = {0}, in = {0};
    struct answer a = {0};
    pthread_t answerers[2];
    char expected[32];
    answerers_start(answerers);
    int fd = client_connect(server);
    for (int i = 0; i < REQUESTS; i++)
        mc_buf_printf(&text, "POST /later?id=%d HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", i);
    client_send(fd, text.data, text.len);
    for (int i = 0; i < REQUESTS; i++) {
        client_answer(fd, &in, true, &a);
        snprintf(expected, sizeof expected, "%d:x", i);
        assert_string_equal(answer_body(&a), expected);
    }
    close(fd);
    mc_http_close(&server);
    answerers_end(answerers);
    mc_buf_free(&text);
    mc_buf_free(&in);
    answer_free(&a);
}

/* ---- the server's end ---- */

static void await_held(size_t count) {
    pthread_mutex_lock(&pool.lock);
    while (pool.count < count)
        pthread_cond_wait(&pool.some, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

enum { OPEN_REQUESTS = 10 };

static void send_open(const struct mc_http_server *server, int fds[OPEN_REQUESTS]) {
    for (int i = 0; i < OPEN_REQUESTS; i++) {
        fds[i] = client_connect(server);
        client_text(fds[i], "POST /later?id=7 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
    }
    await_held(OPEN_REQUESTS);
}

static void expect_all(int fds[OPEN_REQUESTS], int status) {
    for (int i = 0; i < OPEN_REQUESTS; i++) {
        struct mc_buf in = {0};
        struct answer a = {0};
        client_answer(fds[i], &in, true, &a);
        assert_int_equal(a.status, status);
        client_await_end(fds[i]);
        close(fds[i]);
        mc_buf_free(&in);
        answer_free(&a);
    }
}

static void *close_server(void *server) {
    mc_http_close(server);
    return NULL;
}

/* Closing waits for answers that are still being made. */
static void test_close_waits(void **state) {
    (void)state;
    struct mc_http_server *server = server_open(routes, ROUTES);
    int fds[OPEN_REQUESTS];
    pthread_t closer, answerers[2];
    send_open(server, fds);
    assert_int_equal(pthread_create(&closer, NULL, close_server, &server), 0);
    answerers_start(answerers);
    expect_all(fds, 200);
    pthread_join(closer, NULL);
    answerers_end(answerers);
}

/* Who answers too late finds that the server has done so, before or after the server's end. */
static void test_too_late(void **state) {
    (void)state;
    struct mc_http_server *server =
        server_open_with((struct mc_http_settings){.routes = routes, .route_count = ROUTES, .close_wait_ms = 1});
    int fds[OPEN_REQUESTS];
    send_open(server, fds);
    mc_http_close(&server);
    expect_all(fds, 503);
    for (size_t i = 0; i < pool.count; i++) {
        struct mc_http_request *r = pool.held[i];
        struct mc_buf body = {0};
        mc_http_take_body(r, &body);
        assert_int_equal(body.len, 1);
        mc_buf_free(&body);
        mc_http_put_header(r, "X-Late", "yes");
        mc_http_answer(r, 200, "text/plain", MC_STR("late"));
    }
    pool.count = 0;
}

/* The same, answered while the server gives up on them. */
static void test_at_that_moment(void **state) {
    (void)state;
    pool.silent = true;
    for (int round = 0; round < 20; round++) {
        struct mc_http_server *server =
            server_open_with((struct mc_http_settings){.routes = routes, .route_count = ROUTES, .close_wait_ms = 1});
        int fds[OPEN_REQUESTS];
        pthread_t closer, answerers[2];
        send_open(server, fds);
        assert_int_equal(pthread_create(&closer, NULL, close_server, &server), 0);
        answerers_start(answerers);
        for (int i = 0; i < OPEN_REQUESTS; i++) {
            client_await_end(fds[i]);
            close(fds[i]);
        }
        pthread_join(closer, NULL);
        answerers_end(answerers);
    }
    pool.silent = false;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_order), cmocka_unit_test(test_pipelined),      cmocka_unit_test(test_close_waits),
        cmocka_unit_test(test_too_late),     cmocka_unit_test(test_at_that_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

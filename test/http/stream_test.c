/* Streams: bytes in order, ends, readers that leave or do not read, and the server's end under them. */
#include "base/seed.h"
#include "client.h"

/* The handler hands the stream over; the test writes to it. */
struct slot {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct mc_http_stream *stream;
};

static struct slot slot = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void fill(struct mc_http_stream *s) {
    assert_non_null(s);
    pthread_mutex_lock(&slot.lock);
    assert_null(slot.stream);
    slot.stream = s;
    pthread_cond_signal(&slot.filled);
    pthread_mutex_unlock(&slot.lock);
}

static void open_stream(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_put_header(r, "Cache-Control", "no-store");
    fill(mc_http_stream_open(r, "text/event-stream"));
}

static void *open_later(void *request) {
    fill(mc_http_stream_open(request, "text/event-stream"));
    return NULL;
}

/* From another thread, after mc_http_defer. */
static void defer_stream(void *context, struct mc_http_request *r) {
    (void)context;
    pthread_t thread;
    mc_http_defer(r);
    assert_int_equal(pthread_create(&thread, NULL, open_later, r), 0);
    pthread_detach(thread);
}

static void hello(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_answer(r, 200, "text/plain", MC_STR("hello"));
}

static const struct mc_http_route routes[] = {
    {"GET", "/stream", 0, false, open_stream, NULL},
    {"GET", "/later", 0, false, defer_stream, NULL},
    {"GET", "/hello", 0, false, hello, NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static struct mc_http_stream *take_stream(void) {
    pthread_mutex_lock(&slot.lock);
    while (slot.stream == NULL)
        pthread_cond_wait(&slot.filled, &slot.lock);
    struct mc_http_stream *s = slot.stream;
    slot.stream = NULL;
    pthread_mutex_unlock(&slot.lock);
    return s;
}

static struct mc_http_stream *ask(const struct mc_http_server *server, const char *path, int *fd) {
    char text[128];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
    *fd = client_connect(server);
    client_text(*fd, text);
    return take_stream();
}

/* Takes whole chunks off `in`, their bytes to `out`; true when the last has come. */
static bool unchunk(struct mc_buf *in, struct mc_buf *out) {
    for (;;) {
        const char *line_end = in->len ? memmem(in->data, in->len, "\r\n", 2) : NULL;
        if (line_end == NULL)
            return false;
        size_t size = strtoul(in->data, NULL, 16), head = (size_t)(line_end - in->data) + 2;
        if (in->len < head + size + 2)
            return false;
        mc_buf_append(out, in->data + head, size);
        client_drop(in, head + size + 2);
        if (size == 0)
            return true;
    }
}

struct reader {
    int fd;
    struct mc_buf in, out;
    bool ended;
};

static void read_head(struct reader *reader) {
    struct answer a = {0};
    char type[256];
    client_answer(reader->fd, &reader->in, false, &a);
    assert_int_equal(a.status, 200);
    assert_true(answer_header(&a, "Content-Type", type));
    assert_string_equal(type, "text/event-stream");
    answer_free(&a);
}

/* Reads until `bytes` have come, or the end. */
static void read_until(struct reader *reader, size_t bytes) {
    reader->ended = unchunk(&reader->in, &reader->out);
    while (!reader->ended && reader->out.len < bytes && client_more(reader->fd, &reader->in))
        reader->ended = unchunk(&reader->in, &reader->out);
}

static void reader_end(struct reader *reader) {
    close(reader->fd);
    mc_buf_free(&reader->in);
    mc_buf_free(&reader->out);
}

/* Pieces of random length, some large, arrive as they were written; sometimes the reader has caught up in between. */
static void round_trip(const struct mc_http_server *server, const char *path, uint64_t seed) {
    struct reader reader = {0};
    struct mc_buf sent = {0};
    struct mc_rng r;
    mc_rng_seed(&r, seed);
    struct mc_http_stream *s = ask(server, path, &reader.fd);
    read_head(&reader);
    for (int i = 0; i < 200; i++) {
        char piece[20000];
        size_t len = mc_rng_below(&r, chance(&r, 10) ? sizeof piece : 100);
        memset(piece, 'a' + i % 26, len);
        assert_true(mc_http_stream_write(s, (struct mc_str){piece, len}));
        mc_buf_append(&sent, piece, len);
        if (chance(&r, 30))
            read_until(&reader, sent.len);
    }
    mc_http_stream_close(&s);
    assert_null(s);
    read_until(&reader, SIZE_MAX);
    assert_true(reader.ended);
    assert_true(mc_str_equal(mc_buf_view(&reader.out), mc_buf_view(&sent)));
    struct answer a = {0}; /* the connection goes on */
    client_text(reader.fd, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    client_answer(reader.fd, &reader.in, true, &a);
    assert_string_equal(answer_body(&a), "hello");
    answer_free(&a);
    reader_end(&reader);
    mc_buf_free(&sent);
}

static void test_in_order(void **state) {
    for (uint64_t seed = 1; seed <= 20; seed++)
        round_trip(*state, seed % 2 ? "/stream" : "/later", seed);
}

/* A reader that left is noticed by writing; nothing is lost but the stream. */
static void test_reader_leaves(void **state) {
    for (int i = 0; i < 50; i++) {
        int fd;
        struct mc_http_stream *s = ask(*state, i % 2 ? "/stream" : "/later", &fd);
        struct linger reset = {.l_onoff = i % 3 == 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        while (mc_http_stream_write(s, MC_STR(": heartbeat\n\n")))
            sched_yield();
        assert_false(mc_http_stream_write(s, MC_STR("more")));
        mc_http_stream_close(&s);
    }
    while (mc_http_count(*state).streams > 0)
        sched_yield();
}

/* A reader that does not read costs its bound, then its connection; others are served meanwhile. */
static void test_reader_too_slow(void **state) {
    static char piece[10000];
    int fd;
    struct mc_http_stream *s = ask(*state, "/stream", &fd);
    memset(piece, 'x', sizeof piece);
    size_t taken = 0;
    while (mc_http_stream_write(s, (struct mc_str){piece, sizeof piece}))
        taken += sizeof piece;
    assert_true(taken >= MC_HTTP_STREAM_BYTES_MAX - sizeof piece && taken < 64 * MC_HTTP_STREAM_BYTES_MAX);
    struct answer a = {0};
    client_ask(*state, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", &a);
    assert_int_equal(a.status, 200);
    assert_false(mc_http_stream_write(s, MC_STR("x"))); /* once too slow, always */
    mc_http_stream_close(&s);
    client_await_end(fd);
    close(fd);
    answer_free(&a);
}

/* HEAD has no body: its stream has no reader. */
static void test_head(void **state) {
    int fd = client_connect(*state);
    client_text(fd, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    struct mc_http_stream *s = take_stream();
    while (mc_http_stream_write(s, MC_STR("x")))
        sched_yield();
    mc_http_stream_close(&s);
    close(fd);
}

/* The server ends with streams open, written to at that moment by their owners, who close them later. */
static void *write_on(void *stream) {
    while (mc_http_stream_write(stream, MC_STR("data: x\n\n")))
        sched_yield();
    return NULL;
}

static void test_server_ends(void **state) {
    (void)state;
    enum { STREAMS = 20 };
    struct mc_http_server *server = server_open(routes, ROUTES);
    struct mc_http_stream *streams[STREAMS];
    int fds[STREAMS];
    pthread_t writer;
    for (int i = 0; i < STREAMS; i++)
        streams[i] = ask(server, "/stream", &fds[i]);
    assert_int_equal(mc_http_count(server).streams, STREAMS);
    assert_int_equal(pthread_create(&writer, NULL, write_on, streams[0]), 0);
    mc_http_close(&server);
    pthread_join(writer, NULL);
    for (int i = 0; i < STREAMS; i++) {
        assert_false(mc_http_stream_write(streams[i], MC_STR("x")));
        mc_http_stream_close(&streams[i]);
        client_await_end(fds[i]);
        close(fds[i]);
    }
}

static int setup(void **state) {
    *state = server_open(routes, ROUTES);
    return 0;
}

static int teardown(void **state) {
    mc_http_close((struct mc_http_server **)state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order), cmocka_unit_test(test_reader_leaves), cmocka_unit_test(test_reader_too_slow),
        cmocka_unit_test(test_head),     cmocka_unit_test(test_server_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

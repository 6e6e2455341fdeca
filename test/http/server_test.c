/* Requests and answers over real sockets: routes, bodies and their bounds, what a handler can ask, and that neither the
 * cutting of a request into pieces nor what stands before it on the connection changes its answer. */
#include "base/hash.h"
#include "base/seed.h"
#include "client.h"

#include <zlib.h>

/* ---- a handler that tells what it was given ---- */

static void tell_str(struct mc_buf *out, const char *name, struct mc_str value) {
    mc_buf_printf(out, "%s=[%.*s] ", name, (int)value.len, value.len ? value.data : "");
}

static void tell(void *context, struct mc_http_request *r) {
    struct mc_buf out = {0}, form = {0};
    struct mc_str body = mc_http_body(r);
    tell_str(&out, "route", mc_str_of(context));
    tell_str(&out, "method", mc_http_method(r));
    tell_str(&out, "path", mc_http_path(r));
    tell_str(&out, "tail", mc_http_tail(r));
    tell_str(&out, "a", mc_http_query(r, "a"));
    tell_str(&out, "b c", mc_http_query(r, "b c"));
    tell_str(&out, "sid", mc_http_cookie(r, "sid"));
    tell_str(&out, "x", mc_http_header(r, "x-thing"));
    mc_buf_printf(&out, "form=%d", mc_http_form(r, "f", &form));
    tell_str(&out, "", mc_buf_view(&form));
    tell_str(&out, "from", mc_str_of(mc_http_address(r)));
    mc_buf_printf(&out, "secure=%d body=%zu:%016llx", mc_http_is_secure(r), body.len,
                  (unsigned long long)mc_hash64(body.data, body.len));
    assert_true(mc_http_arrived_at(r).us > 0);
    mc_http_put_header(r, "X-Told", "yes");
    mc_http_answer(r, 200, "text/plain", mc_buf_view(&out));
    mc_buf_free(&out);
    mc_buf_free(&form);
}

static void tell_static(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_answer_static(r, 200, "text/html", MC_STR("<p>static"));
}

static void no_body(void *context, struct mc_http_request *r) {
    (void)context;
    mc_http_answer(r, 204, NULL, MC_STR("ignored"));
}

/* Takes the body, twice: the second time there is none. */
static void take(void *context, struct mc_http_request *r) {
    (void)context;
    struct mc_buf mine = {0};
    mc_buf_text(&mine, "some memory of the caller's");
    mc_http_take_body(r, &mine);
    assert_int_equal(mc_http_body(r).len, 0);
    mc_http_answer(r, 200, "text/plain", mc_buf_view(&mine));
    mc_buf_free(&mine);
}

enum { SMALL = 1000, LARGE = 4 << 20 };

static const struct mc_http_route routes[] = {
    {"GET", "/", 0, false, tell, "root"},
    {"POST", "/small", SMALL, false, tell, "small"},
    {"POST", "/gzip", SMALL, true, tell, "gzip"},
    {"POST", "/large", LARGE, true, tell, "large"},
    {"POST", "/take", LARGE, true, take, NULL},
    {"GET", "/u/*", 0, false, tell, "link"},
    {"POST", "/u/*", SMALL, false, tell, "link post"},
    {"GET", "/u/all", 0, false, tell, "exact"},
    {"GET", "/u/longer/*", 0, false, tell, "longer"},
    {"*", "/any", SMALL, false, tell, "any"},
    {"OPTIONS", "/any", 0, false, tell, "any options"},
    {"GET", "/static", 0, false, tell_static, NULL},
    {"GET", "/empty", 0, false, no_body, NULL},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static int setup(void **state) {
    *state = server_open(routes, ROUTES);
    return 0;
}

static int teardown(void **state) {
    mc_http_close((struct mc_http_server **)state);
    assert_null(*state);
    return 0;
}

static void expect_text(struct answer *a, const char *piece) {
    if (strstr(answer_body(a), piece) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", piece, answer_body(a));
}

/* ---- routes ---- */

static void test_routes(void **state) {
    static const struct {
        const char *line;
        int status;
        const char *piece; /* of the body, or of Allow with 405 */
    } table[] = {
        {"GET /", 200, "route=[root] method=[GET] path=[/] tail=[]"},
        {"GET /?a=1", 200, "a=[1]"},
        {"GET /u/", 200, "route=[link] method=[GET] path=[/u/] tail=[]"},
        {"GET /u/x%20y", 200, "route=[link] method=[GET] path=[/u/x y] tail=[x y]"},
        {"POST /u/x", 200, "route=[link post]"},
        {"GET /u/all", 200, "route=[exact]"},
        {"GET /u/allx", 200, "route=[link]"},
        {"GET /u/longer/z", 200, "route=[longer] method=[GET] path=[/u/longer/z] tail=[z]"},
        {"POST /u/all", 405, "GET, HEAD"},
        {"DELETE /u/x", 405, "GET, HEAD, POST"},
        {"GET /small", 405, "POST"},
        {"OPTIONS /any", 200, "route=[any options]"},
        {"PATCH /any", 200, "route=[any] method=[PATCH]"},
        {"GET http://shop.example/u/7?a=2", 200, "tail=[7] a=[2]"},
        {"GET /nothing", 404, "not_found"},
        {"GET /U/x", 404, "not_found"},
        {"OPTIONS *", 400, "bad_path"},
        {"GET /u/%00", 400, "bad_path"},
        {"GET /u/..%2f..%2fetc", 400, "bad_path"},
        {"GET /u/../small", 400, "bad_path"},
        {"GET /static", 200, "<p>static"},
    };
    char request[256], allow[256];
    struct answer a = {0};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: h\r\n\r\n", table[i].line);
        client_ask(*state, request, &a);
        if (a.status != table[i].status)
            fail_msg("%s: %d", table[i].line, a.status);
        if (a.status == 405) {
            assert_true(answer_header(&a, "Allow", allow));
            assert_string_equal(allow, table[i].piece);
        } else {
            expect_text(&a, table[i].piece);
        }
    }
    answer_free(&a);
}

static void test_fields(void **state) {
    struct answer a = {0};
    client_ask(*state,
               "POST /small?a=x%2By+z&b+c=%zz&a=second HTTP/1.1\r\nHost: h\r\nCookie: t=1; sid=\"s 1\"\r\n"
               "X-THING:   hello there \r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
               "Content-Length: 13\r\n\r\ng=1&f=%41+%42",
               &a);
    assert_int_equal(a.status, 200);
    expect_text(&a, "a=[x+y z] b c=[%zz] sid=[s 1] x=[hello there] form=1=[A B]");
    client_ask(*state, "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nf=1", &a);
    expect_text(&a, "a=[] b c=[] sid=[] x=[] form=0=[]"); /* of another type: no form */
    answer_free(&a);
}

static void test_head_and_no_body(void **state) {
    struct answer a = {0};
    struct mc_buf in = {0};
    char text[256];
    int fd = client_connect(*state);
    client_text(fd, "HEAD /static HTTP/1.1\r\nHost: h\r\n\r\nGET /empty HTTP/1.1\r\nHost: h\r\n\r\n"
                    "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client_answer(fd, &in, false, &a);
    assert_true(a.status == 200 && answer_header(&a, "Content-Length", text) && strcmp(text, "9") == 0);
    client_answer(fd, &in, true, &a);
    assert_true(a.status == 204 && !answer_header(&a, "Content-Type", text) && a.body.len == 0);
    client_answer(fd, &in, true, &a);
    assert_true(a.status == 200 && answer_header(&a, "x-told", text));
    close(fd);
    mc_buf_free(&in);
    answer_free(&a);
}

/* ---- bodies and their bounds ---- */

static void gzip(struct mc_buf *out, const void *data, size_t len) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t bound = deflateBound(&z, len) + 32;
    z.next_in = (unsigned char *)(uintptr_t)data;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)mc_buf_reserve(out, bound);
    z.avail_out = (unsigned)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

/* A request with a body, by length or in chunks of `chunk` bytes. */
static void build(struct mc_buf *out, const char *head, struct mc_str body, size_t chunk) {
    mc_buf_text(out, head);
    if (chunk == 0) {
        mc_buf_printf(out, "Content-Length: %zu\r\n\r\n", body.len);
        mc_buf_str(out, body);
        return;
    }
    mc_buf_text(out, "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < body.len; at += chunk) {
        size_t piece = body.len - at < chunk ? body.len - at : chunk;
        mc_buf_printf(out, "%zx\r\n", piece);
        mc_buf_append(out, body.data + at, piece);
        mc_buf_text(out, "\r\n");
    }
    mc_buf_text(out, "0\r\n\r\n");
}

/* What is sent, what comes, and whether the connection goes on behind it. */
static void body_case(struct mc_http_server *server, const char *head, struct mc_str body, size_t chunk, int status,
                      bool goes_on) {
    struct mc_buf request = {0}, in = {0};
    struct answer a = {0};
    char text[256];
    int fd = client_connect(server);
    build(&request, head, body, chunk);
    client_send(fd, request.data, request.len); /* may fail: answered and closed before all was sent */
    client_answer(fd, &in, true, &a);
    if (a.status != status)
        fail_msg("%s (%zu bytes, chunk %zu): %d %s", head, body.len, chunk, a.status, answer_body(&a));
    if (status == 200)
        expect_text(&a, "body=");
    else
        expect_text(&a, "\"message\":\"");
    bool closes = answer_header(&a, "Connection", text) && strcmp(text, "close") == 0;
    assert_int_equal(closes, !goes_on);
    if (goes_on) {
        assert_true(client_text(fd, "GET /static HTTP/1.1\r\nHost: h\r\n\r\n"));
        client_answer(fd, &in, true, &a);
        assert_int_equal(a.status, 200);
    } else {
        client_await_end(fd);
    }
    close(fd);
    mc_buf_free(&request);
    mc_buf_free(&in);
    answer_free(&a);
}

static const char *post(const char *path, const char *fields) {
    static char text[256];
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: h\r\n%s", path, fields);
    return text;
}

static void test_body_bounds(void **state) {
    static char data[LARGE + 1];
    struct mc_str fits = {data, SMALL}, over = {data, SMALL + 1}, far = {data, 300000};
    memset(data, 'x', sizeof data);
    for (size_t chunk = 0; chunk <= 1001; chunk += 7 + chunk * 10) {
        body_case(*state, post("/small", ""), fits, chunk, 200, true);
        body_case(*state, post("/small", ""), over, chunk, 413, false);
        body_case(*state, post("/small", ""), far, chunk ? 50000 : 0, 413, false);
        body_case(*state, post("/nothing", ""), over, chunk, 404, true); /* small: read and forgotten */
        body_case(*state, post("/nothing", ""), far, chunk ? 50000 : 0, 404, false);
        body_case(*state, post("/static", ""), over, chunk, 405, true);
        body_case(*state, post("/small", "Content-Encoding: gzip\r\n"), fits, chunk, 415, true);
        body_case(*state, post("/small", "Content-Encoding: identity\r\n"), fits, chunk, 200, true);
        body_case(*state, post("/gzip", "Content-Encoding: br\r\n"), fits, chunk, 415, true);
        body_case(*state, post("/gzip", "Content-Encoding: gzip\r\n"), fits, chunk, 400, true); /* none */
    }
    body_case(*state, "GET / HTTP/1.1\r\nHost: h\r\n", (struct mc_str){data, 1}, 0, 413, false);
    body_case(*state, post("/large", ""), (struct mc_str){data, LARGE}, 0, 200, true);
    body_case(*state, post("/large", ""), (struct mc_str){data, LARGE}, 100000, 200, true);
    body_case(*state, post("/large", ""), (struct mc_str){data, LARGE + 1}, 0, 413, false);
    body_case(*state, post("/large", ""), (struct mc_str){data, LARGE + 1}, 100000, 413, false);
}

static void test_gzip_bounds(void **state) {
    static char data[SMALL + 1];
    struct mc_buf fits = {0}, over = {0};
    memset(data, 'y', sizeof data);
    gzip(&fits, data, SMALL);
    gzip(&over, data, SMALL + 1);
    struct mc_str cut = {fits.data, fits.len - 3};
    for (size_t chunk = 0; chunk <= 20; chunk += 5) {
        body_case(*state, post("/gzip", "Content-Encoding: gzip\r\n"), mc_buf_view(&fits), chunk, 200, true);
        body_case(*state, post("/gzip", "Content-Encoding: x-gzip\r\n"), mc_buf_view(&fits), chunk, 200, true);
        body_case(*state, post("/gzip", "Content-Encoding: gzip\r\n"), mc_buf_view(&over), chunk, 413, true);
        body_case(*state, post("/gzip", "Content-Encoding: gzip\r\n"), cut, chunk, 400, true);
    }
    mc_buf_free(&fits);
    mc_buf_free(&over);
}

static void test_expect_continue(void **state) {
    struct mc_buf in = {0};
    struct answer a = {0};
    int fd = client_connect(*state);
    client_text(fd, "POST /small HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client_answer(fd, &in, false, &a);
    assert_int_equal(a.status, 100);
    client_text(fd, "abc");
    client_answer(fd, &in, true, &a);
    assert_int_equal(a.status, 200);
    static const struct {
        const char *path, *length;
        int status;
    } refused[] = {{"/small", "1001", 413}, {"/nothing", "10", 404}, {"/static", "10", 405}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) { /* not asked for a body that nobody wants */
        char request[256];
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %s\r\n\r\n", refused[i].path,
                 refused[i].length);
        client_ask(*state, request, &a);
        assert_int_equal(a.status, refused[i].status);
    }
    close(fd);
    mc_buf_free(&in);
    answer_free(&a);
}

static void test_take_body(void **state) {
    struct answer a = {0};
    client_ask(*state, "POST /take HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", &a);
    assert_string_equal(answer_body(&a), "hello");
    answer_free(&a);
}

/* ---- pieces ---- */

/* Sends `text` cut at random places, or at `cut` alone. */
static void send_cut(struct mc_rng *r, int fd, struct mc_str text, size_t cut) {
    for (size_t at = 0, end; at < text.len; at = end) {
        end = at < cut ? cut : at + 1 + mc_rng_below(r, text.len - at);
        end = cut > 0 && at >= cut ? text.len : end;
        if (!client_send(fd, text.data + at, end - at))
            return;
        sched_yield(); /* so that the server may see the piece alone; the answer is the same if it does not */
    }
}

/* Three requests behind each other, whose answers come in order, whatever the cuts. */
static void test_pieces(void **state) {
    struct mc_buf text = {0}, in = {0}, packed = {0};
    struct answer a = {0};
    struct mc_rng r;
    char data[300];
    mc_rng_seed(&r, 7);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)mc_rng_below(&r, 256);
    gzip(&packed, data, sizeof data);
    build(&text, post("/gzip?a=1", "Content-Encoding: gzip\r\nX-Thing: v\r\n"), mc_buf_view(&packed), 50);
    mc_buf_text(&text, "GET /u/tail HTTP/1.1\r\nHost: h\r\nCookie: sid=5\r\n\r\n");
    build(&text, post("/large", ""), (struct mc_str){data, sizeof data}, 0);
    char body[64];
    snprintf(body, sizeof body, "body=300:%016llx", (unsigned long long)mc_hash64(data, sizeof data));
    int fd = -1;
    for (size_t cut = 0; cut < text.len + 200; cut++) {
        if (fd < 0)
            fd = client_connect(*state);
        send_cut(&r, fd, mc_buf_view(&text), cut < text.len ? cut : 0);
        client_answer(fd, &in, true, &a);
        expect_text(&a, body);
        expect_text(&a, "a=[1]");
        client_answer(fd, &in, true, &a);
        expect_text(&a, "tail=[tail]");
        expect_text(&a, "sid=[5]");
        client_answer(fd, &in, true, &a);
        expect_text(&a, body);
        if (cut % 10 == 0) { /* some over a connection that has served before, some over a new one */
            close(fd);
            fd = -1;
        }
    }
    close(fd);
    mc_buf_free(&text);
    mc_buf_free(&in);
    mc_buf_free(&packed);
    answer_free(&a);
}

static void test_pipeline(void **state) {
    enum { REQUESTS = 500 };
    struct mc_buf text = {0}, in = {0};
    struct answer a = {0};
    char piece[64];
    for (int i = 0; i < REQUESTS; i++)
        mc_buf_printf(&text, "POST /small?a=%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok", i);
    int fd = client_connect(*state);
    assert_true(client_send(fd, text.data, text.len));
    for (int i = 0; i < REQUESTS; i++) {
        client_answer(fd, &in, true, &a);
        snprintf(piece, sizeof piece, "a=[%d]", i);
        expect_text(&a, piece);
    }
    close(fd);
    mc_buf_free(&text);
    mc_buf_free(&in);
    answer_free(&a);
}

/* ---- hostile heads ---- */

static void test_heads(void **state) {
    static const struct {
        const char *head;
        int status; /* 0: closed without a word */
    } table[] = {
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length : 1\r\n\r\na", 400},
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\na", 400},
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413},
        {"POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n", 413},
        {"POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        {"POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\nabc", 501},
        {"POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n", 413},
        {"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
        {"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
    };
    struct answer a = {0};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf in = {0};
        int fd = client_connect(*state);
        client_text(fd, table[i].head);
        client_answer(fd, &in, true, &a);
        if (a.status != table[i].status)
            fail_msg("%s: %d", table[i].head, a.status);
        client_await_end(fd);
        close(fd);
        mc_buf_free(&in);
    }
    answer_free(&a);
}

/* A head of `bytes`, in one header or in many small ones. */
static void long_head(struct mc_buf *out, size_t bytes, bool many) {
    mc_buf_text(out, "GET / HTTP/1.1\r\nHost: h\r\n");
    while (many && out->len + 100 < bytes)
        mc_buf_text(out, "b:1\r\n");
    mc_buf_text(out, "X-Thing: ");
    while (out->len + 4 < bytes)
        mc_buf_char(out, 'y');
    mc_buf_text(out, "\r\n\r\n");
}

static void test_long_heads(void **state) {
    static const struct {
        size_t bytes;
        bool many;
        int status;
    } table[] = {{30000, false, 200},
                 {MC_HTTP_HEAD_BYTES_MAX, false, 200},
                 {MC_HTTP_HEAD_BYTES_MAX + 1, false, 431},
                 {50000, false, 431},
                 {100000, false, 431},
                 {1000000, false, 431},
                 {100000, true, 431},
                 {1500, true, 200}};
    struct answer a = {0};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_buf text = {0}, in = {0};
        long_head(&text, table[i].bytes, table[i].many);
        int fd = client_connect(*state);
        client_send(fd, text.data, text.len);
        client_answer(fd, &in, true, &a);
        /* far beyond the bound the connection may be reset while the client still writes */
        if (a.status != table[i].status && !(a.status == 0 && table[i].bytes > 60000))
            fail_msg("head of %zu bytes: %d", table[i].bytes, a.status);
        close(fd);
        mc_buf_free(&text);
        mc_buf_free(&in);
    }
    answer_free(&a);
}

static void test_http_1_0(void **state) {
    struct mc_buf in = {0};
    struct answer a = {0};
    int fd = client_connect(*state);
    client_text(fd, "GET /static HTTP/1.0\r\n\r\n");
    client_answer(fd, &in, true, &a);
    assert_int_equal(a.status, 200);
    client_await_end(fd);
    close(fd);
    mc_buf_free(&in);
    answer_free(&a);
}

/* A good request with some bytes changed, left out or doubled, and the end of what the client has to say: whatever
 * comes, the connection ends, and the next client is served. */
static size_t mutate(struct mc_rng *r, char *text, size_t len, size_t size) {
    static const char likely[] = "\r\n :;%&=+0aF\t\0";
    for (uint64_t i = mc_rng_below(r, 6); i > 0; i--) {
        size_t at = mc_rng_below(r, len), count = 1 + mc_rng_below(r, 8);
        if (chance(r, 50)) {
            text[at] = chance(r, 70) ? likely[mc_rng_below(r, sizeof likely - 1)] : (char)mc_rng_below(r, 256);
        } else if (chance(r, 50) && at + count < len) {
            memmove(text + at, text + at + count, len - at - count);
            len -= count;
        } else if (at + count < len && len + count < size) {
            memmove(text + at + count, text + at, len - at);
            len += count;
        }
    }
    return len;
}

static struct mc_http_server *served;

static int send_mutated(struct mc_rng *r) {
    static const char good[] =
        "POST /gzip?a=%41&b+c=1 HTTP/1.1\r\nHost: h\r\nCookie: sid=1\r\nX-Thing: v\r\nExpect: \r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n";
    char text[2 * sizeof good];
    memcpy(text, good, sizeof good);
    size_t len = mutate(r, text, sizeof good - 1, sizeof text);
    int fd = client_connect(served);
    send_cut(r, fd, (struct mc_str){text, len}, 0);
    shutdown(fd, SHUT_WR);
    return fd;
}

static void mutate_round(struct mc_rng *r) {
    close(send_mutated(r));
}

static void test_mutations(void **state) {
    served = *state;
    seed_rounds(1500, mutate_round);
    enum { AT_ONCE = 200 };
    int fds[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        struct mc_rng r;
        mc_rng_seed(&r, 5000 + (uint64_t)i);
        fds[i] = send_mutated(&r);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        client_await_end(fds[i]);
        close(fds[i]);
    }
    while (mc_http_count(*state).connections > 0) /* the test's own time limit ends it if one is never let go */
        sched_yield();
    struct answer a = {0};
    client_ask(*state, "GET /static HTTP/1.1\r\nHost: h\r\n\r\n", &a);
    assert_int_equal(a.status, 200);
    answer_free(&a);
}

/* ---- settings ---- */

static void test_forwarded(void **state) {
    (void)state;
    static const char *request = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\n"
                                 "X-Forwarded-For: 1.2.3.4, 10.0.0.9\r\nX-Forwarded-Proto: https\r\n\r\n";
    struct answer a = {0};
    struct mc_http_settings settings = {.routes = routes, .route_count = ROUTES};
    struct mc_http_server *server = server_open_with(settings);
    client_ask(server, request, &a);
    expect_text(&a, "from=[127.0.0.1] secure=0"); /* nobody is trusted */
    mc_http_close(&server);
    settings.trusted_proxies = "127.0.0.1, 10.0.0.0/8";
    server = server_open_with(settings);
    client_ask(server, request, &a);
    expect_text(&a, "from=[1.2.3.4] secure=1");
    client_ask(server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", &a);
    expect_text(&a, "from=[127.0.0.1] secure=0");
    mc_http_close(&server);
    answer_free(&a);
}

static void test_listen(void **state) {
    (void)state;
    static const char *bad[] = {"",           "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",  "127.0.0.1:65536",
                                "nowhere:80", "::1:80",    "[127.0.0.1", "1.2.3.4.5:80", ":-1"};
    struct mc_http_settings settings = {.routes = routes, .route_count = ROUTES, .threads = 1};
    struct mc_http_server *server, *second;
    struct mc_error e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        settings.listen = bad[i];
        if (mc_http_open(&server, &settings, &e) != MC_ERR_USAGE || server != NULL)
            fail_msg("\"%s\" was taken", bad[i]);
    }
    settings.listen = ":0";
    server = server_open_with(settings);
    settings.listen = mc_http_url(server) + strlen("http://");
    assert_int_equal(mc_http_open(&second, &settings, &e), MC_ERR_BUSY);
    struct answer a = {0};
    client_ask(server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", &a);
    expect_text(&a, "from=[127.0.0.1]"); /* not ::ffff:127.0.0.1 */
    mc_http_close(&server);
    mc_http_close(&server); /* NULL is fine */
    settings.listen = "127.0.0.1:0";
    settings.trusted_proxies = "localhost";
    assert_int_equal(mc_http_open(&server, &settings, &e), MC_ERR_USAGE);
    answer_free(&a);
}

static void test_counts_and_quiet(void **state) {
    (void)state;
    struct mc_http_server *server = server_open(routes, ROUTES);
    struct mc_buf in = {0};
    struct answer a = {0};
    int fd = client_connect(server);
    for (int i = 0; i < 3; i++) {
        client_text(fd, i < 2 ? "GET /static HTTP/1.1\r\nHost: h\r\n\r\n" : "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
        client_answer(fd, &in, true, &a);
    }
    struct mc_http_counts counts = mc_http_count(server);
    assert_int_equal(counts.requests, 3);
    assert_int_equal(counts.answers[2], 2);
    assert_int_equal(counts.answers[4], 1);
    assert_int_equal(counts.connections, 1);
    mc_http_stop_accepting(server);
    client_text(fd, "GET /static HTTP/1.1\r\nHost: h\r\n\r\n");
    client_answer(fd, &in, true, &a);
    assert_int_equal(a.status, 200); /* those that are there go on */
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_port = htons(port_of(server)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (bool refused = false; !refused;) { /* new ones do not come in, as soon as the acceptor has heard */
        int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        refused = connect(late, (struct sockaddr *)&there, sizeof there) != 0;
        close(late);
    }
    close(fd);
    mc_http_close(&server);
    mc_buf_free(&in);
    answer_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),           cmocka_unit_test(test_fields),
        cmocka_unit_test(test_head_and_no_body), cmocka_unit_test(test_body_bounds),
        cmocka_unit_test(test_gzip_bounds),      cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_take_body),        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_pipeline),         cmocka_unit_test(test_heads),
        cmocka_unit_test(test_long_heads),       cmocka_unit_test(test_http_1_0),
        cmocka_unit_test(test_mutations),        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_listen),           cmocka_unit_test(test_counts_and_quiet),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

/* The HTTP server that collector, links and dashboard share: libmicrohttpd behind a table of routes.
 *
 * What happens to a request, in this order: the connection is counted against the limits (all, per address); head and
 * body are read, both bounded, within a time limit; the route is found (404, 405 with Allow); a body too long for it is
 * 413, before it is read where Content-Length says so; a gzip body is inflated up to the same bound; then the handler
 * runs, once, on one of the server's threads, with the whole body. It answers at once or later, from any thread.
 * A slow client costs its bounded buffers and no thread: nobody else waits for it.
 *
 * Threads: the server makes its own (libmicrohttpd's pool); handlers of different requests run at the same time, those
 * of one request never. mc_http_answer, mc_http_stream_* may be called from any thread.
 */
#ifndef MC_HTTP_SERVER_H
#define MC_HTTP_SERVER_H

#include "base/err.h"
#include "base/time.h"

enum {
    MC_HTTP_HEAD_BYTES_MAX = 32768,     /* request line and headers: more is 431 */
    MC_HTTP_STREAM_BYTES_MAX = 1 << 20, /* not yet taken by a stream's reader: more closes the stream */
    MC_HTTP_ADDRESS_CHARS = 46,         /* an IPv6 address as text */
};

struct mc_http_server;
struct mc_http_request; /* the server's; the handler's to answer, once */
struct mc_http_stream;  /* a response without an end */

typedef void mc_http_handler(void *context, struct mc_http_request *request);

struct mc_http_route {
    const char *method;    /* "GET" (answers HEAD too), "POST", ...; "*": any, OPTIONS included */
    const char *path;      /* "/v1/events"; ending in '*': all that begin so. The longest that fits wins, exact first */
    size_t body_bytes_max; /* 0: a body is 413 */
    bool inflate;          /* take Content-Encoding: gzip; else it is 415 */
    mc_http_handler *handle;
    void *context;
};

/* Borrowed for the call of open, but routes and their contexts, which must live as long as the server. */
struct mc_http_settings {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080", ":8080" (all addresses); port 0: any free one */
    const char *tls_certificate, *tls_key; /* paths of PEM files; both or neither */
    const char *trusted_proxies; /* addresses, comma between them, whose X-Forwarded-For is believed; may be empty */
    uint32_t threads;            /* at least 1 */
    uint32_t connections_max, connections_per_address_max; /* 0: 4096, no limit */
    uint32_t idle_timeout_s;    /* no byte from or to a client: 0: 30. A stream without news is not cut by it */
    uint32_t request_timeout_s; /* a head from its connection's opening, a body from its head: 0: 60 (see accept.c) */
    uint64_t bodies_bytes_max;  /* of all bodies that are received or answered now: more is 503. 0: 256 MiB */
    uint32_t close_wait_ms;     /* what mc_http_close waits for requests: 0: 5,000 */
    const struct mc_http_route *routes;
    size_t route_count;
};

/* Listens. On success *out is the caller's; on error NULL. MC_ERR_USAGE: an address or certificate that is none;
 * MC_ERR_BUSY: the address is taken; MC_ERR_IO, MC_ERR_NOMEM. */
enum mc_err mc_http_open(struct mc_http_server **out, const struct mc_http_settings *settings, struct mc_error *e);

/* "http://127.0.0.1:8080": with the port that was found. */
const char *mc_http_url(const struct mc_http_server *server);

/* No new connections; those that are there go on. */
void mc_http_stop_accepting(struct mc_http_server *server);

/* Ends streams, waits for requests that are being answered (close_wait_ms at most), closes. NULL inside is fine.
 * Deferred requests should be answered before, or while this waits; those that are not get 503 from the server, and
 * whoever has them must still answer, to free them, but may ask nothing of them any more. */
void mc_http_close(struct mc_http_server **server);

struct mc_http_counts {
    uint64_t requests, answers[6]; /* answers by hundred: [2] is 2xx */
    uint64_t connections, streams; /* open now */
    uint64_t refused;              /* connections over a limit */
};
struct mc_http_counts mc_http_count(const struct mc_http_server *server);

/* ---- the request: valid until it is answered ---- */

struct mc_str mc_http_method(const struct mc_http_request *r);
struct mc_str mc_http_path(const struct mc_http_request *r); /* percent-decoded; never holds NUL or ".." as a part */
struct mc_str mc_http_tail(const struct mc_http_request *r); /* of the path, behind the route's part before '*' */
/* Of a header (case ignored), of the query's or a cookie's field, decoded; empty if there is none. */
struct mc_str mc_http_header(const struct mc_http_request *r, const char *name);
struct mc_str mc_http_query(const struct mc_http_request *r, const char *name);
struct mc_str mc_http_cookie(const struct mc_http_request *r, const char *name);
/* Of a body of application/x-www-form-urlencoded, decoded, appended to `out`; false if it has none of that name. */
bool mc_http_form(struct mc_http_request *r, const char *name, struct mc_buf *out);
/* The client's address: the peer's, or, behind a trusted proxy, what it says. */
const char *mc_http_address(const struct mc_http_request *r);
bool mc_http_is_secure(const struct mc_http_request *r); /* by TLS here, or at the trusted proxy (X-Forwarded-Proto) */
struct mc_wall mc_http_arrived_at(const struct mc_http_request *r); /* when its last byte came */

/* The body, inflated. The caller may take it: *body is swapped with what it gives (an empty buffer, or one whose memory
 * is to be used again), so that a large body is never copied. */
struct mc_str mc_http_body(const struct mc_http_request *r);
void mc_http_take_body(struct mc_http_request *r, struct mc_buf *body);

/* ---- the answer ---- */

/* A header of the answer; before it. Copies. */
void mc_http_put_header(struct mc_http_request *r, const char *name, const char *value);

/* Ends the request; r is gone. Copies the body. `type` NULL: no body. Called within the handler or, after
 * mc_http_defer, later from any thread. */
void mc_http_answer(struct mc_http_request *r, int status, const char *type, struct mc_str body);

/* The same with a body that lives as long as the server (embedded files): no copy. */
void mc_http_answer_static(struct mc_http_request *r, int status, const char *type, struct mc_str body);

/* {"error":CODE,"message":MESSAGE}: what is wrong and what to do. */
void mc_http_answer_error(struct mc_http_request *r, int status, const char *code, const char *message);

/* The handler will return without an answer; it comes later. */
void mc_http_defer(struct mc_http_request *r);

/* ---- streams (server-sent events) ---- */

/* Ends the request with 200 and a body that goes on. The stream is the caller's until mc_http_stream_close, also if its
 * reader is gone. NULL: no memory, and the request is answered 503. */
struct mc_http_stream *mc_http_stream_open(struct mc_http_request *r, const char *type);

/* Appends for the reader; copies. False: the reader is gone or too slow (MC_HTTP_STREAM_BYTES_MAX): close it. */
bool mc_http_stream_write(struct mc_http_stream *s, struct mc_str bytes);

void mc_http_stream_close(struct mc_http_stream **s);

#endif

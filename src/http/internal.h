/* What the files of the server share. Read it from the top: a server has workers, a worker has connections, a
 * connection has one request at a time, a request may become a stream.
 *
 *     acceptor thread          worker threads (libmicrohttpd, one daemon each)        any thread
 *     accept, limits   ---->   begin -> upload... -> handler --answer----------> send
 *     sweep, linger                                     \--defer  (suspended)   answer: resume --^
 *
 * Who may touch what:
 * - a connection: its worker; the acceptor, under the server's lock, reads `stage`, and may shut its socket down
 *   while it is in the table by_fd (it leaves that before libmicrohttpd closes the socket);
 * - a request: its worker until the handler has it; then the handler, or whoever it was deferred to, until it is
 *   answered; then its worker again. Resuming hands it over (a mutex of libmicrohttpd's). The list of deferred ones is
 *   under the worker's lock;
 * - a stream: under its own lock, from its writer and its connection's worker.
 * Locks are taken in this order: server, stream; worker alone; libmicrohttpd's own last. */
#ifndef MC_HTTP_INTERNAL_H
#define MC_HTTP_INTERNAL_H

#include "http/address.h"
#include "http/inflate.h"
#include "http/server.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    /* libmicrohttpd's memory a connection: the longest head, or half of it a read of a body. It is zeroed behind each
     * request: 64 KiB cost a small request a fifth of its time. */
    MC_HTTP_POOL_BYTES = 40960,
    MC_HTTP_DISCARD_BYTES_MAX = 65536,    /* a refused request's body is read up to this to keep the connection */
    MC_HTTP_PEER_BUCKETS = 1024,          /* addresses with connections, by hash */
    MC_HTTP_SEND_LIMIT_TIMES = 10,        /* an answer may take this many times what a request may */
    MC_HTTP_HURRY_TIMES = 10,             /* under pressure a client has this part of its time */
    MC_HTTP_LINGER_MAX = 256,             /* closed connections that are read until the client has seen the answer */
    MC_HTTP_LINGER_MS = 2000,             /* ... each this long at most */
    MC_HTTP_BUFFERS_MAX = 64,             /* a worker's pool of body buffers: how many */
    MC_HTTP_BUFFERS_BYTES_MAX = 16 << 20, /* ... how large together */
    MC_HTTP_BODY_FIRST_BYTES = 32768,     /* what a Content-Length is believed before bytes came */
    MC_HTTP_REQUESTS_FREE_MAX = 256,      /* a worker's pool of requests */
    MC_HTTP_ARENA_BYTES = 1536,           /* of a request without asking the heap */
};

struct mc_http_worker;

/* How many connections an address has; an IPv6 network of 64 bits counts as one, since one host has it all. */
struct mc_http_peer {
    struct mc_ip ip;
    uint32_t count;
    struct mc_http_peer *next;
};

/* Where a connection is, for the acceptor that ends those that take too long. */
enum mc_http_stage {
    MC_STAGE_NEW,  /* no head yet */
    MC_STAGE_IDLE, /* answered; the next request's first byte is not seen before its head is whole */
    MC_STAGE_BODY,
    MC_STAGE_WORK, /* at the handler or deferred: no limit */
    MC_STAGE_SEND,
    MC_STAGE_STREAM, /* no limit but libmicrohttpd's on bytes that are not taken */
};

struct mc_http_connection {
    struct mc_http_server *server;
    struct mc_http_worker *worker;
    int fd;
    struct mc_ip ip;
    struct mc_http_peer *peer; /* NULL: not counted */
    bool trusted;              /* a proxy */
    bool started;              /* libmicrohttpd has it; under the server's lock */
    char address[MC_HTTP_ADDRESS_CHARS];
    _Atomic uint64_t stage; /* since when, monotonic ms, << 3 | enum mc_http_stage */
    bool linger;            /* worker only: answered before all was read */
};

struct mc_http_worker {
    struct mc_http_server *server;
    struct MHD_Daemon *daemon;
    struct mc_error *start_error; /* while it starts: for the reason if it does not */
    _Atomic uint32_t connections;
    _Atomic uint64_t requests, answers[6];
    _Atomic uint32_t resuming; /* answers between the list of deferred ones and the end of resuming: it wakes the daemon
                                  behind its lock, so the daemon must outlive it */

    /* this worker's thread only */
    struct mc_http_request *free_requests;
    uint32_t free_request_count;
    struct mc_buf buffers[MC_HTTP_BUFFERS_MAX];
    uint32_t buffer_count;
    size_t buffer_bytes;

    pthread_mutex_t lock; /* the list of deferred requests, their `orphan` and `returned` */
    struct mc_http_request *deferred;
};

struct mc_http_linger {
    int fd;
    int64_t until_ms;
};

struct mc_http_server {
    const struct mc_http_route *routes;
    size_t route_count;
    struct mc_ip_set trusted;
    uint32_t connections_max, connections_per_address_max;
    int64_t idle_ms, request_ms, close_wait_ms;
    uint64_t bodies_bytes_max;
    bool tls;
    char url[80];
    atomic_uint refs; /* the owner, and each orphan */

    struct mc_http_worker *workers;
    uint32_t worker_count;

    int listen_fd, wake_fd; /* the acceptor's while it runs; wake_fd: an eventfd that it polls */
    pthread_t acceptor;
    bool acceptor_runs;
    atomic_bool quiet, stopping; /* accept no more; the acceptor shall return */

    atomic_bool closing, orphaning;
    _Atomic uint64_t active;     /* requests from their handler's start to their end */
    _Atomic uint64_t body_bytes; /* of unanswered requests */
    _Atomic uint64_t refused;

    pthread_mutex_t lock; /* the rest */
    struct mc_http_connection **by_fd;
    size_t by_fd_count;
    uint32_t connections;
    struct mc_http_peer *peers[MC_HTTP_PEER_BUCKETS];
    struct mc_http_linger lingering[MC_HTTP_LINGER_MAX];
    size_t linger_count;
    struct mc_http_stream *streams;
    uint64_t stream_count;
};

/* Memory that lives as long as the request: a bump pointer. */
struct mc_http_arena {
    char *at, *end;
    void *blocks; /* linked through their first bytes */
    char room[MC_HTTP_ARENA_BYTES];
};

struct mc_http_field {
    char *name, *value;
    struct mc_http_field *next;
};

struct mc_http_request {
    struct mc_http_worker *worker;
    struct mc_http_connection *connection;
    struct MHD_Connection *mhd;
    const struct mc_http_route *route; /* NULL: refused */
    struct mc_str method, path;
    char address[MC_HTTP_ADDRESS_CHARS];
    bool secure;
    struct mc_wall arrived_at;

    struct mc_buf body;
    uint64_t wire_bytes, wire_bytes_max; /* of the body as it came; the most before it is cut */
    uint64_t counted_bytes;              /* in the server's body_bytes */
    struct mc_inflate *inflate;          /* of a gzip body */

    int refusal; /* a status: the body is read for nothing, then this is answered */
    const char *refusal_code, *refusal_message;
    const char *allow; /* of a 405 */

    bool handled;  /* the handler has been called */
    bool deferred; /* written by the handler's thread only */
    bool late;     /* deferred when it was too late: answered by the server */
    bool stream;
    bool closes; /* Connection: close */
    struct MHD_Response *response;
    int status;
    struct mc_http_field *fields; /* of the answer */

    bool orphan, returned; /* under the worker's lock: the server has answered; one of the two is done with it */
    struct mc_http_request *next, *previous;
    struct mc_http_arena *arena, arena_here; /* the pointer: reading a request may decode into its arena */
};

static inline int64_t mc_http_now_ms(void) {
    return mc_monotonic_ns() / 1000000;
}

static inline void mc_http_enter(struct mc_http_connection *c, enum mc_http_stage stage) {
    atomic_store_explicit(&c->stage, (uint64_t)mc_http_now_ms() << 3 | stage, memory_order_relaxed);
}

/* listen.c: the socket of an address; *url gets the text for people. */
enum mc_err mc_http_listen(const char *address, bool tls, int *fd, char *url, size_t url_size, struct mc_error *e);

/* accept.c: the acceptor thread, and the table of connections. */
enum mc_err mc_http_acceptor_start(struct mc_http_server *server, struct mc_error *e);
void mc_http_acceptor_wake(struct mc_http_server *server);
void mc_http_acceptor_stop(struct mc_http_server *server);
void mc_http_acceptor_free(struct mc_http_server *server); /* what is left when all threads are gone */
void mc_http_close_fd(int *fd);                            /* -1 is fine, and left behind */
void mc_http_connection_notify(void *worker, struct MHD_Connection *mhd, void **context,
                               enum MHD_ConnectionNotificationCode code);

/* serve.c: what libmicrohttpd calls. */
enum MHD_Result mc_http_serve(void *worker, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *data, size_t *len, void **context);
void mc_http_completed(void *worker, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);

/* route.c: the route of a path and method; NULL with refusal set to 404, or 405 with the methods in *allow. */
const struct mc_http_route *mc_http_route_find(const struct mc_http_server *server, struct mc_str method,
                                               struct mc_str path, int *refusal, struct mc_buf *allow);

/* request.c */
struct mc_http_request *mc_http_request_new(struct mc_http_worker *worker); /* NULL: no memory */
void mc_http_request_free(struct mc_http_request *r);                       /* in its worker's thread */
void mc_http_request_drop(struct mc_http_request *r);                       /* in any; not back to the pool */
void *mc_http_alloc(struct mc_http_arena *arena, size_t size);              /* NULL: no memory */
void mc_http_uncount_body(struct mc_http_request *r);

/* answer.c: for the server's own answers, and the rest of all. */
void mc_http_refuse(struct mc_http_request *r);
void mc_http_finish(struct mc_http_request *r, int status, const char *type, struct MHD_Response *response,
                    bool stream);
/* {"error":CODE,"message":MESSAGE} */
void mc_http_error_body(struct mc_buf *out, const char *code, const char *message);
bool mc_http_answer_orphans(struct mc_http_server *server); /* whether there were any */
void mc_http_server_unref(struct mc_http_server *server);

/* stream.c */
void mc_http_streams_end(struct mc_http_server *server);

#endif

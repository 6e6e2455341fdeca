/* One request from its head to its end, as libmicrohttpd calls us:
 *
 *     mc_http_serve, first     begin: what the head says -> a route, or a refusal; some are answered right here
 *     mc_http_serve, data      upload: the body, piece by piece, inflated, within its bounds
 *     mc_http_serve, no data   whole: the handler
 *     mc_http_serve, again     after a deferred answer: it is queued
 *     mc_http_completed        the end, however it came
 *
 * A refused request's body is read and thrown away if it is small, so that the connection can go on; else the answer
 * goes out at once and the connection is closed (the acceptor reads what still comes for a while, see accept.c, since
 * a socket closed with unread bytes is reset, and the client would never see the answer). */
#include "http/fields.h"
#include "http/internal.h"

#include <assert.h>
#include <sys/socket.h>

static void refuse_with(struct mc_http_request *r, int status, const char *code, const char *message) {
    r->refusal = status;
    r->refusal_code = code;
    r->refusal_message = message;
}

/* ---- the head ---- */

struct head {
    struct mc_str length, transfer, encoding, expect;
    unsigned lengths, transfers, encodings;
    bool odd_name; /* with a space: proxies and servers read such headers differently */
    struct mc_buf *forwarded;
    struct mc_str proto;
};

static bool is(struct mc_str name, const char *wanted) {
    return mc_str_equal_nocase(name, mc_str_of(wanted));
}

static enum MHD_Result head_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                  const char *text, size_t text_len) {
    (void)kind;
    struct head *head = context;
    struct mc_str name = {key, key_len}, value = mc_str_trim((struct mc_str){text ? text : "", text ? text_len : 0});
    head->odd_name |= memchr(key, ' ', key_len) != NULL || memchr(key, '\t', key_len) != NULL || key_len == 0;
    if (is(name, "Content-Length")) {
        head->length = value;
        head->lengths++;
    } else if (is(name, "Transfer-Encoding")) {
        head->transfer = value;
        head->transfers++;
    } else if (is(name, "Content-Encoding")) {
        head->encoding = value;
        head->encodings++;
    } else if (is(name, "Expect")) {
        head->expect = value;
    } else if (head->forwarded != NULL && is(name, "X-Forwarded-For")) {
        mc_buf_text(head->forwarded, head->forwarded->len > 0 ? "," : "");
        mc_buf_str(head->forwarded, value);
    } else if (head->forwarded != NULL && is(name, "X-Forwarded-Proto")) {
        head->proto = value;
    }
    return MHD_YES;
}

/* The last of a list: the nearest proxy's word. */
static struct mc_str last_of(struct mc_str list) {
    size_t at = list.len;
    while (at > 0 && list.data[at - 1] != ',')
        at--;
    return mc_str_trim((struct mc_str){list.data + at, list.len - at});
}

static void set_client(struct mc_http_request *r, const struct head *head) {
    struct mc_http_connection *c = r->connection;
    r->secure = c->server->tls;
    memcpy(r->address, c->address, sizeof r->address);
    if (head->forwarded == NULL)
        return;
    r->secure |= is(last_of(head->proto), "https");
    if (head->forwarded->len == 0 || head->forwarded->failed)
        return;
    struct mc_ip client = mc_ip_forwarded(&c->server->trusted, c->ip, mc_buf_view(head->forwarded));
    mc_ip_text(&client, r->address);
}

static void read_head(struct mc_http_request *r, struct head *head) {
    struct mc_buf forwarded = {0};
    *head = (struct head){.forwarded = r->connection->trusted ? &forwarded : NULL};
    MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, head_field, head);
    set_client(r, head);
    mc_buf_free(&forwarded);
}

/* What two readers of one head could understand differently is refused, and the connection with it: else somebody's
 * body becomes somebody else's request behind a proxy (RFC 9112, 11.2). Returns false if the connection must end. */
static bool check_framing(struct mc_http_request *r, const struct head *head) {
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (size != NULL && size->header_size > MC_HTTP_HEAD_BYTES_MAX)
        refuse_with(r, 431, "head_too_large", "The request's line and headers are longer than 32 KiB.");
    else if (head->odd_name)
        refuse_with(r, 400, "bad_header", "A header's name is empty or has a space in it.");
    else if (head->lengths > 1 || head->transfers > 1 || (head->lengths > 0 && head->transfers > 0))
        refuse_with(r, 400, "bad_length", "Send either one Content-Length or one Transfer-Encoding.");
    else if (head->transfers > 0 && !is(head->transfer, "chunked"))
        refuse_with(r, 501, "unknown_transfer_encoding", "The only Transfer-Encoding that is understood is chunked.");
    return r->refusal == 0;
}

static void set_route(struct mc_http_request *r, const char *url) {
    struct mc_str raw = mc_str_of(url);
    char *out = mc_http_alloc(r->arena, raw.len + 1);
    if (out == NULL) {
        refuse_with(r, 503, "no_memory", "The service is out of memory: try again later.");
        return;
    }
    if (!mc_path_decode(out, raw, &r->path)) {
        refuse_with(r, 400, "bad_path", "The path is badly encoded or has a part \"..\" or \".\".");
        return;
    }
    struct mc_buf allow = {0};
    int refusal;
    r->route = mc_http_route_find(r->worker->server, r->method, r->path, &refusal, &allow);
    if (refusal == 404)
        refuse_with(r, 404, "not_found", "There is nothing at this path.");
    if (refusal == 405)
        refuse_with(r, 405, "method_not_allowed", "This path does not take this method: see the header Allow.");
    char *copy = allow.len > 0 ? mc_http_alloc(r->arena, allow.len + 1) : NULL;
    if (copy != NULL)
        memcpy(copy, mc_buf_cstr(&allow), allow.len + 1);
    r->allow = copy;
    mc_buf_free(&allow);
}

/* True for gzip; what is neither that nor plain is refused. */
static void set_encoding(struct mc_http_request *r, const struct head *head) {
    if (r->refusal != 0 || head->encoding.len == 0 || is(head->encoding, "identity"))
        return;
    if (!r->route->inflate)
        refuse_with(r, 415, "unknown_encoding", "This path takes no Content-Encoding: send the body as it is.");
    else if (head->encodings > 1 || !(is(head->encoding, "gzip") || is(head->encoding, "x-gzip")))
        refuse_with(r, 415, "unknown_encoding", "The only Content-Encoding that is taken is gzip.");
    else if ((r->inflate = mc_inflate_open()) == NULL)
        refuse_with(r, 503, "no_memory", "The service is out of memory: try again later.");
}

/* Already checked to be digits by libmicrohttpd; saturates. */
static uint64_t length_of(struct mc_str digits) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits.data[i] - '0'), &value))
            return UINT64_MAX;
    return value;
}

static const char too_large[] = "The body is longer than this path takes: send less at a time.";

static enum MHD_Result queue(struct mc_http_request *r) {
    assert(r->status != 0); /* a handler that neither answered nor deferred */
    if (r->response == NULL)
        return MHD_NO; /* no memory for it */
    mc_http_enter(r->connection, r->stream ? MC_STAGE_STREAM : MC_STAGE_SEND);
    enum MHD_Result queued = MHD_queue_response(r->mhd, (unsigned)r->status, r->response);
    MHD_destroy_response(r->response); /* it counts its holders */
    r->response = NULL;
    return queued;
}

static enum MHD_Result refuse_now(struct mc_http_request *r, bool body_follows) {
    r->connection->linger = body_follows;
    r->closes = true;
    mc_http_refuse(r);
    return queue(r);
}

static void reserve_body(struct mc_http_request *r, uint64_t length) {
    size_t first = length < MC_HTTP_BODY_FIRST_BYTES ? (size_t)length : MC_HTTP_BODY_FIRST_BYTES;
    if (first > 0 && r->refusal == 0)
        mc_buf_reserve(&r->body, first);
}

static enum MHD_Result begin(struct mc_http_request *r, const char *url, const char *method) {
    struct head head;
    r->method = mc_str_of(method);
    r->path = (struct mc_str){"", 0};
    read_head(r, &head);
    if (!check_framing(r, &head))
        return refuse_now(r, true);
    uint64_t length = length_of(head.length);
    bool has_body = length > 0 || head.transfers > 0;
    set_route(r, url);
    set_encoding(r, &head);
    if (atomic_load(&r->worker->server->closing))
        refuse_with(r, 503, "shutting_down", "The service is being stopped: try again.");
    if (r->refusal == 0 && length > r->route->body_bytes_max) {
        refuse_with(r, 413, "too_large", too_large);
        return refuse_now(r, true);
    }
    r->wire_bytes_max = r->refusal != 0 ? MC_HTTP_DISCARD_BYTES_MAX : r->route->body_bytes_max;
    if (r->refusal != 0 && has_body && (length > MC_HTTP_DISCARD_BYTES_MAX || head.expect.len > 0))
        return refuse_now(r, true);
    reserve_body(r, length);
    return MHD_YES;
}

static enum MHD_Result begin_new(struct mc_http_worker *worker, struct MHD_Connection *mhd, const char *url,
                                 const char *method, void **context) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct mc_http_connection *c = info != NULL ? info->socket_context : NULL;
    struct mc_http_request *r = c != NULL ? mc_http_request_new(worker) : NULL;
    if (r == NULL)
        return MHD_NO;
    *context = r;
    r->mhd = mhd;
    r->connection = c;
    atomic_fetch_add_explicit(&worker->requests, 1, memory_order_relaxed);
    mc_http_enter(c, MC_STAGE_BODY);
    return begin(r, url, method);
}

/* ---- the body ---- */

/* The body goes on and on. libmicrohttpd takes no answer before its end, so it is sent past it (in the clear; within
 * TLS the connection just ends), and the connection is closed. */
static enum MHD_Result cut_off(struct mc_http_request *r) {
    if (r->refusal == 0)
        refuse_with(r, 413, "too_large", too_large);
    atomic_fetch_add_explicit(&r->worker->answers[r->refusal / 100], 1, memory_order_relaxed);
    if (r->worker->server->tls)
        return MHD_NO;
    struct mc_buf text = {0}, body = {0};
    mc_http_error_body(&body, r->refusal_code, r->refusal_message);
    mc_buf_printf(&text,
                  "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                  "Connection: close\r\n\r\n",
                  r->refusal, MHD_get_reason_phrase_for((unsigned)r->refusal), body.len);
    mc_buf_str(&text, mc_buf_view(&body));
    if (!text.failed && !body.failed)
        (void)!send(r->connection->fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    mc_buf_free(&text);
    mc_buf_free(&body);
    r->connection->linger = true;
    return MHD_NO;
}

/* From here on the body is read for nothing: its memory can go. */
static void refuse_body(struct mc_http_request *r, int status, const char *code, const char *message) {
    refuse_with(r, status, code, message);
    mc_inflate_close(&r->inflate);
    mc_buf_free(&r->body);
    mc_http_uncount_body(r);
}

static void take_gzip(struct mc_http_request *r, struct mc_str data) {
    switch (mc_inflate_push(r->inflate, data, &r->body, r->route->body_bytes_max)) {
    case MC_INFLATE_OK:
        break;
    case MC_INFLATE_BAD:
        refuse_body(r, 400, "bad_gzip", "The body is not what gzip writes, or is damaged.");
        break;
    case MC_INFLATE_TOO_LONG:
        refuse_body(r, 413, "too_large", "The body, unpacked, is longer than this path takes: send less at a time.");
        break;
    case MC_INFLATE_NOMEM:
        refuse_body(r, 503, "no_memory", "The service is out of memory: try again later.");
        break;
    }
}

/* Bodies of all clients together have a bound, too. */
static void count_body(struct mc_http_request *r) {
    uint64_t more = r->body.len - r->counted_bytes;
    r->counted_bytes += more;
    struct mc_http_server *server = r->worker->server;
    if (atomic_fetch_add(&server->body_bytes, more) + more > server->bodies_bytes_max)
        refuse_body(r, 503, "busy", "Too much is being received at once: try again later.");
}

static enum MHD_Result upload(struct mc_http_request *r, struct mc_str data) {
    r->wire_bytes += data.len;
    if (r->wire_bytes > r->wire_bytes_max)
        return cut_off(r);
    if (r->refusal != 0)
        return MHD_YES;
    if (r->inflate != NULL)
        take_gzip(r, data);
    else
        mc_buf_str(&r->body, data);
    if (r->body.failed)
        refuse_body(r, 503, "no_memory", "The service is out of memory: try again later.");
    if (r->refusal == 0)
        count_body(r);
    return MHD_YES;
}

/* ---- the handler ---- */

static enum MHD_Result whole(struct mc_http_request *r) {
    r->handled = true;
    r->arrived_at = mc_wall_now();
    atomic_fetch_add(&r->worker->server->active, 1);
    mc_http_enter(r->connection, MC_STAGE_WORK);
    if (r->refusal == 0 && r->inflate != NULL && !mc_inflate_is_whole(r->inflate))
        refuse_body(r, 400, "bad_gzip", "The body ends within its gzip.");
    mc_inflate_close(&r->inflate);
    if (r->refusal != 0)
        mc_http_refuse(r);
    else
        r->route->handle(r->route->context, r);
    return r->deferred && !r->late ? MHD_YES : queue(r);
}

enum MHD_Result mc_http_serve(void *worker, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *data, size_t *len, void **context) {
    (void)version;
    struct mc_http_request *r = *context;
    if (r == NULL)
        return begin_new(worker, mhd, url, method, context);
    if (*len > 0) {
        struct mc_str piece = {data, *len};
        *len = 0;
        return upload(r, piece);
    }
    return r->handled ? queue(r) : whole(r);
}

/* True if the one who answers late is still to come, and will free it. */
static bool leave_to_late_answer(struct mc_http_request *r) {
    pthread_mutex_lock(&r->worker->lock);
    bool leave = r->orphan && !r->returned;
    r->returned = true;
    pthread_mutex_unlock(&r->worker->lock);
    return leave;
}

void mc_http_completed(void *context_of_worker, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode code) {
    (void)context_of_worker, (void)mhd, (void)code;
    struct mc_http_request *r = *context;
    if (r == NULL)
        return;
    *context = NULL;
    struct mc_http_server *server = r->worker->server;
    mc_http_enter(r->connection, MC_STAGE_IDLE);
    if (r->handled)
        atomic_fetch_sub(&server->active, 1);
    bool orphan = r->deferred && r->orphan;
    if (orphan && leave_to_late_answer(r))
        return;
    if (!orphan) {
        mc_http_request_free(r);
        return;
    }
    mc_http_request_drop(r);
    mc_http_server_unref(server);
}

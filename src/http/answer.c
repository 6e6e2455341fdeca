/* Answers: at once, or later from any thread; and what happens to those that come too late. */
#include "http/internal.h"

#include "base/mem.h"
#include <assert.h>

/* A value is from outside more often than not (an address, a name): what would break the head is left out, by
 * libmicrohttpd, with the whole header. */
void mc_http_put_header(struct mc_http_request *r, const char *name, const char *value) {
    size_t name_bytes = strlen(name) + 1, value_bytes = strlen(value) + 1;
    struct mc_http_field *field = mc_http_alloc(r->arena, sizeof *field);
    char *text = mc_http_alloc(r->arena, name_bytes + value_bytes);
    if (field == NULL || text == NULL)
        return;
    *field = (struct mc_http_field){text, text + name_bytes, r->fields};
    memcpy(field->name, name, name_bytes);
    memcpy(field->value, value, value_bytes);
    r->fields = field;
}

static void count_answer(struct mc_http_worker *worker, int status) {
    assert(status >= 200 && status < 600);
    atomic_fetch_add_explicit(&worker->answers[status / 100], 1, memory_order_relaxed);
}

static void add_fields(struct MHD_Response *response, const char *type, const struct mc_http_field *fields) {
    if (type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (const struct mc_http_field *f = fields; f != NULL; f = f->next)
        MHD_add_response_header(response, f->name, f->value);
}

static void set_answer(struct mc_http_request *r, int status, struct MHD_Response *response) {
    if (response != NULL && (r->closes || atomic_load(&r->worker->server->closing)))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    r->response = response;
    r->status = status;
    count_answer(r->worker, status);
}

/* ---- deferred ---- */

static void deferred_push(struct mc_http_request *r) {
    r->previous = NULL;
    r->next = r->worker->deferred;
    if (r->next != NULL)
        r->next->previous = r;
    r->worker->deferred = r;
}

static void deferred_remove(struct mc_http_request *r) {
    if (r->previous != NULL)
        r->previous->next = r->next;
    else
        r->worker->deferred = r->next;
    if (r->next != NULL)
        r->next->previous = r->previous;
    r->next = r->previous = NULL;
}

static struct MHD_Response *text_response(struct mc_str body, enum MHD_ResponseMemoryMode mode) {
    return MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.data, mode);
}

/* The server answers in place of one who did not: the request has two ends from now on, the connection's and the
 * late answer's, and the second frees it. */
static void make_orphan(struct mc_http_request *r) {
    static const char late[] = "{\"error\":\"shutting_down\",\"message\":\"The service is being stopped: try again.\"}";
    struct MHD_Response *response = text_response((struct mc_str){late, sizeof late - 1}, MHD_RESPMEM_PERSISTENT);
    if (response != NULL)
        add_fields(response, "application/json", NULL);
    r->orphan = true;
    atomic_fetch_add(&r->worker->server->refs, 1);
    set_answer(r, MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

bool mc_http_answer_orphans(struct mc_http_server *server) {
    bool some = false;
    atomic_store(&server->orphaning, true);
    for (uint32_t i = 0; i < server->worker_count; i++) {
        struct mc_http_worker *worker = &server->workers[i];
        pthread_mutex_lock(&worker->lock);
        while (worker->deferred != NULL) {
            struct mc_http_request *r = worker->deferred;
            deferred_remove(r);
            make_orphan(r);
            MHD_resume_connection(r->mhd);
            some = true;
        }
        pthread_mutex_unlock(&worker->lock);
    }
    return some;
}

/* Suspended before it is in the list, so that nobody resumes it too early. */
void mc_http_defer(struct mc_http_request *r) {
    assert(r->handled && !r->deferred && r->status == 0);
    struct mc_http_worker *worker = r->worker;
    pthread_mutex_lock(&worker->lock);
    r->deferred = true;
    r->late = atomic_load(&worker->server->orphaning);
    if (r->late) {
        make_orphan(r);
    } else {
        MHD_suspend_connection(r->mhd);
        deferred_push(r);
    }
    pthread_mutex_unlock(&worker->lock);
}

/* True if the answer came too late: r is then not to be touched any more. */
static bool was_orphan(struct mc_http_request *r) {
    struct mc_http_server *server = r->worker->server;
    pthread_mutex_lock(&r->worker->lock);
    bool orphan = r->orphan, last = r->returned;
    if (orphan) {
        r->returned = true;
    } else {
        deferred_remove(r);
        atomic_fetch_add(&r->worker->resuming, 1);
    }
    pthread_mutex_unlock(&r->worker->lock);
    if (orphan && last) {
        mc_http_request_drop(r);
        mc_http_server_unref(server);
    }
    return orphan;
}

void mc_http_finish(struct mc_http_request *r, int status, const char *type, struct MHD_Response *response,
                    bool stream) {
    if (response != NULL)
        add_fields(response, type, r->fields);
    if (!r->deferred) {
        assert(r->status == 0);
        r->stream = stream;
        set_answer(r, status, response);
        return;
    }
    if (was_orphan(r)) {
        if (response != NULL)
            MHD_destroy_response(response);
        return;
    }
    assert(r->status == 0);
    struct mc_http_worker *worker = r->worker; /* r may be gone before resume returns */
    r->stream = stream;
    set_answer(r, status, response);
    MHD_resume_connection(r->mhd);
    atomic_fetch_sub(&worker->resuming, 1);
}

/* ---- the answers themselves ---- */

static void answer(struct mc_http_request *r, int status, const char *type, struct mc_str body,
                   enum MHD_ResponseMemoryMode mode) {
    struct mc_str sent = type == NULL ? (struct mc_str){"", 0} : body;
    mc_http_finish(r, status, type, text_response(sent, sent.len == 0 ? MHD_RESPMEM_PERSISTENT : mode), false);
}

void mc_http_answer(struct mc_http_request *r, int status, const char *type, struct mc_str body) {
    answer(r, status, type, body, MHD_RESPMEM_MUST_COPY);
}

void mc_http_answer_static(struct mc_http_request *r, int status, const char *type, struct mc_str body) {
    answer(r, status, type, body, MHD_RESPMEM_PERSISTENT);
}

void mc_http_error_body(struct mc_buf *out, const char *code, const char *message) {
    mc_buf_text(out, "{\"error\":");
    mc_buf_json(out, mc_str_of(code));
    mc_buf_text(out, ",\"message\":");
    mc_buf_json(out, mc_str_of(message));
    mc_buf_char(out, '}');
}

void mc_http_answer_error(struct mc_http_request *r, int status, const char *code, const char *message) {
    struct mc_buf body = {0};
    mc_http_error_body(&body, code, message);
    mc_http_answer(r, status, "application/json", body.failed ? MC_STR("{}") : mc_buf_view(&body));
    mc_buf_free(&body);
}

void mc_http_refuse(struct mc_http_request *r) {
    if (r->refusal == MHD_HTTP_METHOD_NOT_ALLOWED && r->allow != NULL)
        mc_http_put_header(r, MHD_HTTP_HEADER_ALLOW, r->allow);
    if (r->refusal == MHD_HTTP_UNSUPPORTED_MEDIA_TYPE)
        mc_http_put_header(r, MHD_HTTP_HEADER_ACCEPT_ENCODING, r->route->inflate ? "gzip" : "identity");
    if (r->refusal == MHD_HTTP_SERVICE_UNAVAILABLE)
        mc_http_put_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    mc_http_answer_error(r, r->refusal, r->refusal_code, r->refusal_message);
}

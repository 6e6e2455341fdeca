/* What a handler reads of a request; the request's memory. */
#include "http/fields.h"
#include "http/internal.h"

#include "base/mem.h"
#include <assert.h>

/* ---- memory ---- */

enum { BLOCK_BYTES = 4096, ALIGN = 16 };

void *mc_http_alloc(struct mc_http_arena *arena, size_t size) {
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if ((size_t)(arena->end - arena->at) < size) {
        size_t bytes = ALIGN + (size > BLOCK_BYTES ? size : BLOCK_BYTES);
        char *block = mc_malloc(bytes);
        if (block == NULL)
            return NULL;
        memcpy(block, &arena->blocks, sizeof arena->blocks);
        arena->blocks = block;
        arena->at = block + ALIGN;
        arena->end = block + bytes;
    }
    void *piece = arena->at;
    arena->at += size;
    return piece;
}

static void arena_reset(struct mc_http_arena *arena) {
    while (arena->blocks != NULL) {
        void *block = arena->blocks;
        memcpy(&arena->blocks, block, sizeof arena->blocks);
        mc_free(block);
    }
    size_t skip = (size_t)(-(uintptr_t)arena->room & (ALIGN - 1));
    arena->at = arena->room + skip;
    arena->end = arena->room + sizeof arena->room;
}

struct mc_http_request *mc_http_request_new(struct mc_http_worker *worker) {
    struct mc_http_request *r = worker->free_requests;
    if (r != NULL) {
        worker->free_requests = r->next;
        worker->free_request_count--;
    } else {
        r = mc_malloc(sizeof *r);
        if (r == NULL)
            return NULL;
    }
    memset(r, 0, offsetof(struct mc_http_request, arena_here));
    r->arena_here.blocks = NULL;
    r->arena = &r->arena_here;
    arena_reset(r->arena);
    r->worker = worker;
    if (worker->buffer_count > 0) {
        r->body = worker->buffers[--worker->buffer_count];
        worker->buffer_bytes -= r->body.cap;
    }
    return r;
}

/* A large body's memory is kept for the next: else each of 125 KB would be mapped, faulted in and unmapped again. */
static void give_buffer(struct mc_http_worker *worker, struct mc_buf *body) {
    body->len = 0;
    if (body->failed || body->cap == 0 || worker->buffer_count == MC_HTTP_BUFFERS_MAX ||
        worker->buffer_bytes + body->cap > MC_HTTP_BUFFERS_BYTES_MAX) {
        mc_buf_free(body);
        return;
    }
    worker->buffer_bytes += body->cap;
    worker->buffers[worker->buffer_count++] = *body;
    *body = (struct mc_buf){0};
}

void mc_http_uncount_body(struct mc_http_request *r) {
    if (r->counted_bytes > 0)
        atomic_fetch_sub(&r->worker->server->body_bytes, r->counted_bytes);
    r->counted_bytes = 0;
}

static void release_parts(struct mc_http_request *r) {
    mc_inflate_close(&r->inflate);
    mc_http_uncount_body(r);
    if (r->response != NULL)
        MHD_destroy_response(r->response);
    r->response = NULL;
    arena_reset(r->arena);
}

void mc_http_request_free(struct mc_http_request *r) {
    struct mc_http_worker *worker = r->worker;
    release_parts(r);
    give_buffer(worker, &r->body);
    if (worker->free_request_count == MC_HTTP_REQUESTS_FREE_MAX) {
        mc_free(r);
        return;
    }
    r->next = worker->free_requests;
    worker->free_requests = r;
    worker->free_request_count++;
}

void mc_http_request_drop(struct mc_http_request *r) {
    release_parts(r);
    mc_buf_free(&r->body);
    mc_free(r);
}

/* ---- what a handler asks ---- */

struct mc_str mc_http_method(const struct mc_http_request *r) {
    return r->method;
}

struct mc_str mc_http_path(const struct mc_http_request *r) {
    return r->path;
}

struct mc_str mc_http_tail(const struct mc_http_request *r) {
    struct mc_str pattern = mc_str_of(r->route->path);
    size_t before = pattern.len > 0 && pattern.data[pattern.len - 1] == '*' ? pattern.len - 1 : pattern.len;
    return (struct mc_str){r->path.data + before, r->path.len - before};
}

struct mc_str mc_http_header(const struct mc_http_request *r, const char *name) {
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(r->mhd, MHD_HEADER_KIND, name, strlen(name), &value, &len) != MHD_YES)
        return (struct mc_str){"", 0};
    return mc_str_trim((struct mc_str){value, len});
}

/* libmicrohttpd cuts the query at '&' and '=' and makes '+' a space; the rest of the decoding is left to us
 * (server.c), since a NUL would end its strings. */
struct wanted {
    struct mc_str name, value;
    bool found;
};

static enum MHD_Result query_field(void *context, enum MHD_ValueKind kind, const char *key, size_t key_len,
                                   const char *value, size_t value_len) {
    (void)kind;
    struct wanted *wanted = context;
    if (!mc_percent_equal((struct mc_str){key, key_len}, wanted->name, false))
        return MHD_YES;
    wanted->value = (struct mc_str){value ? value : "", value ? value_len : 0};
    wanted->found = true;
    return MHD_NO;
}

struct mc_str mc_http_query(const struct mc_http_request *r, const char *name) {
    struct wanted wanted = {.name = mc_str_of(name)};
    MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, query_field, &wanted);
    if (!wanted.found || memchr(wanted.value.data, '%', wanted.value.len) == NULL)
        return wanted.found ? wanted.value : (struct mc_str){"", 0};
    char *out = mc_http_alloc(r->arena, wanted.value.len);
    if (out == NULL)
        return (struct mc_str){"", 0};
    return (struct mc_str){out, mc_percent_decode(out, wanted.value, false)};
}

struct mc_str mc_http_cookie(const struct mc_http_request *r, const char *name) {
    struct mc_str value;
    if (!mc_cookie_find(mc_http_header(r, MHD_HTTP_HEADER_COOKIE), mc_str_of(name), &value))
        return (struct mc_str){"", 0};
    return value;
}

static bool is_form(struct mc_str type) {
    static const char form[] = "application/x-www-form-urlencoded";
    const char *end = memchr(type.data, ';', type.len);
    struct mc_str bare = mc_str_trim((struct mc_str){type.data, end ? (size_t)(end - type.data) : type.len});
    return mc_str_equal_nocase(bare, (struct mc_str){form, sizeof form - 1});
}

bool mc_http_form(struct mc_http_request *r, const char *name, struct mc_buf *out) {
    struct mc_str raw;
    if (!is_form(mc_http_header(r, MHD_HTTP_HEADER_CONTENT_TYPE)) ||
        !mc_form_find(mc_buf_view(&r->body), mc_str_of(name), &raw))
        return false;
    char *room = mc_buf_reserve(out, raw.len);
    if (room != NULL)
        out->len += mc_percent_decode(room, raw, true);
    return true;
}

const char *mc_http_address(const struct mc_http_request *r) {
    return r->address;
}

bool mc_http_is_secure(const struct mc_http_request *r) {
    return r->secure;
}

struct mc_wall mc_http_arrived_at(const struct mc_http_request *r) {
    return r->arrived_at;
}

struct mc_str mc_http_body(const struct mc_http_request *r) {
    return mc_buf_view(&r->body);
}

void mc_http_take_body(struct mc_http_request *r, struct mc_buf *body) {
    struct mc_buf given = *body;
    given.len = 0;
    given.failed = false;
    *body = r->body;
    r->body = given;
    mc_http_uncount_body(r);
}

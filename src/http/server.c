/* A server's beginning and end. */
#include "http/internal.h"

#include "base/mem.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

enum {
    PEM_BYTES_MAX = 1 << 20,
    CONNECTIONS_DEFAULT = 4096,
    IDLE_S = 30,
    REQUEST_S = 60,
    CLOSE_WAIT_MS = 5000,
    BODIES_BYTES = 1 << 28,
    LAST_ANSWERS_MS = 1000
};

/* ---- certificates ---- */

static enum mc_err read_pem(const char *path, struct mc_buf *out, struct mc_error *e) {
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "reading \"%s\": %s", path, strerror(errno));
    char *room = mc_buf_reserve(out, PEM_BYTES_MAX);
    if (room != NULL)
        out->len = fread(room, 1, PEM_BYTES_MAX - 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (out->failed)
        return mc_error_set(e, MC_ERR_NOMEM, "reading \"%s\": no memory", path);
    if (failed || out->len == 0)
        return mc_error_set(e, MC_ERR_USAGE, "reading \"%s\": no PEM file", path);
    mc_buf_cstr(out);
    return MC_OK;
}

/* ---- workers ---- */

/* Paths are decoded by ourselves (fields.h): libmicrohttpd's strings end at a decoded NUL. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text) {
    (void)context, (void)mhd;
    return strlen(text);
}

/* What libmicrohttpd says while it starts; what it says of its clients later goes nowhere: they could fill a disk. */
static void __attribute__((format(printf, 2, 0))) log_start(void *context, const char *format, va_list args) {
    struct mc_http_worker *worker = context;
    if (worker->start_error == NULL || worker->start_error->text[0] != '\0')
        return;
    vsnprintf(worker->start_error->text, sizeof worker->start_error->text, format, args);
    size_t len = strlen(worker->start_error->text);
    while (len > 0 && mc_is_space(worker->start_error->text[len - 1]))
        worker->start_error->text[--len] = '\0';
}

static enum mc_err worker_start(struct mc_http_worker *worker, const char *certificate, const char *key,
                                struct mc_error *e) {
    struct mc_http_server *server = worker->server;
    struct mc_error said = {0};
    worker->start_error = &said;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (server->tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                   {MHD_OPTION_END, 0, NULL}};
    worker->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, mc_http_serve, worker, MHD_OPTION_EXTERNAL_LOGGER, log_start, worker,
        MHD_OPTION_NOTIFY_COMPLETED, mc_http_completed, worker, MHD_OPTION_NOTIFY_CONNECTION, mc_http_connection_notify,
        worker, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MC_HTTP_POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(server->idle_ms / 1000), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, server->tls ? tls : tls + 2, MHD_OPTION_END);
    worker->start_error = NULL;
    if (worker->daemon != NULL)
        return MC_OK;
    enum mc_err code = server->tls ? MC_ERR_USAGE : MC_ERR_IO;
    return mc_error_set(e, code, "starting the HTTP server%s: %s", server->tls ? " with its certificate" : "",
                        said.text[0] != '\0' ? said.text : "libmicrohttpd refused");
}

static enum mc_err workers_start(struct mc_http_server *server, const struct mc_http_settings *settings,
                                 struct mc_error *e) {
    struct mc_buf certificate = {0}, key = {0};
    enum mc_err err = MC_OK;
    if (server->tls)
        err = read_pem(settings->tls_certificate, &certificate, e);
    if (server->tls && err == MC_OK)
        err = read_pem(settings->tls_key, &key, e);
    for (uint32_t i = 0; err == MC_OK && i < server->worker_count; i++)
        err = worker_start(&server->workers[i], certificate.data, key.data, e);
    if (key.data != NULL)
        explicit_bzero(key.data, key.cap);
    mc_buf_free(&certificate);
    mc_buf_free(&key);
    return err;
}

/* libmicrohttpd's threads end, and what they had in their hands with them. */
static void worker_stop(struct mc_http_worker *worker) {
    if (worker->daemon != NULL)
        MHD_stop_daemon(worker->daemon);
    worker->daemon = NULL;
    while (worker->free_requests != NULL) {
        struct mc_http_request *r = worker->free_requests;
        worker->free_requests = r->next;
        mc_free(r);
    }
    while (worker->buffer_count > 0)
        mc_buf_free(&worker->buffers[--worker->buffer_count]);
}

/* ---- the server ---- */

static struct mc_http_server *server_new(const struct mc_http_settings *settings) {
    struct mc_http_server *server = mc_calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->routes = settings->routes;
    server->route_count = settings->route_count;
    server->connections_max = settings->connections_max ? settings->connections_max : CONNECTIONS_DEFAULT;
    server->connections_per_address_max = settings->connections_per_address_max;
    server->idle_ms = 1000 * (int64_t)(settings->idle_timeout_s ? settings->idle_timeout_s : IDLE_S);
    server->request_ms = 1000 * (int64_t)(settings->request_timeout_s ? settings->request_timeout_s : REQUEST_S);
    server->close_wait_ms = settings->close_wait_ms ? settings->close_wait_ms : CLOSE_WAIT_MS;
    server->bodies_bytes_max = settings->bodies_bytes_max ? settings->bodies_bytes_max : BODIES_BYTES;
    server->tls = settings->tls_certificate != NULL;
    server->listen_fd = server->wake_fd = -1;
    atomic_init(&server->refs, 1);
    pthread_mutex_init(&server->lock, NULL);
    server->workers = mc_calloc(settings->threads, sizeof *server->workers);
    server->worker_count = server->workers != NULL ? settings->threads : 0;
    for (uint32_t i = 0; i < server->worker_count; i++) {
        server->workers[i].server = server;
        pthread_mutex_init(&server->workers[i].lock, NULL);
    }
    return server;
}

void mc_http_server_unref(struct mc_http_server *server) {
    if (atomic_fetch_sub(&server->refs, 1) > 1)
        return;
    for (uint32_t i = 0; i < server->worker_count; i++)
        pthread_mutex_destroy(&server->workers[i].lock);
    pthread_mutex_destroy(&server->lock);
    mc_free(server->workers);
    mc_free(server->by_fd);
    mc_free(server);
}

static void server_stop(struct mc_http_server *server) {
    mc_http_acceptor_stop(server);
    mc_http_close_fd(&server->listen_fd);
    for (uint32_t i = 0; i < server->worker_count; i++)
        worker_stop(&server->workers[i]);
    mc_http_acceptor_free(server);
    mc_http_close_fd(&server->wake_fd);
    mc_http_server_unref(server);
}

static enum mc_err start(struct mc_http_server *server, const struct mc_http_settings *settings, struct mc_error *e) {
    if (server->workers == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "starting the HTTP server: no memory");
    if ((settings->tls_certificate == NULL) != (settings->tls_key == NULL))
        return mc_error_set(e, MC_ERR_USAGE, "TLS needs both a certificate and its key");
    enum mc_err err = mc_ip_set_parse(&server->trusted, settings->trusted_proxies, e);
    if (err == MC_OK)
        err = mc_http_listen(settings->listen, server->tls, &server->listen_fd, server->url, sizeof server->url, e);
    if (err == MC_OK)
        err = workers_start(server, settings, e);
    if (err == MC_OK)
        err = mc_http_acceptor_start(server, e);
    return err;
}

enum mc_err mc_http_open(struct mc_http_server **out, const struct mc_http_settings *settings, struct mc_error *e) {
    assert(settings->threads > 0);
    *out = NULL;
    struct mc_http_server *server = server_new(settings);
    if (server == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "starting the HTTP server: no memory");
    enum mc_err err = start(server, settings, e);
    if (err == MC_OK)
        *out = server;
    else
        server_stop(server);
    return err;
}

const char *mc_http_url(const struct mc_http_server *server) {
    return server->url;
}

void mc_http_stop_accepting(struct mc_http_server *server) {
    atomic_store(&server->quiet, true);
    mc_http_acceptor_wake(server);
}

/* ---- the end ---- */

static bool is_busy(struct mc_http_server *server) {
    pthread_mutex_lock(&server->lock);
    bool streams = server->stream_count > 0;
    pthread_mutex_unlock(&server->lock);
    return streams || atomic_load(&server->active) > 0;
}

/* Looking every millisecond is cheaper than a condition that every request would have to signal. */
static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void wait_until_idle(struct mc_http_server *server, int64_t most_ms) {
    int64_t until_ms = mc_http_now_ms() + most_ms;
    while (is_busy(server) && mc_http_now_ms() < until_ms)
        nap();
}

/* A few instructions of other threads, however long those are not scheduled. */
static void wait_for_resumers(struct mc_http_server *server) {
    for (uint32_t i = 0; i < server->worker_count; i++)
        while (atomic_load(&server->workers[i].resuming) > 0)
            nap();
}

void mc_http_close(struct mc_http_server **out) {
    struct mc_http_server *server = *out;
    *out = NULL;
    if (server == NULL)
        return;
    mc_http_acceptor_stop(server);
    mc_http_close_fd(&server->listen_fd);
    atomic_store(&server->closing, true);
    mc_http_streams_end(server);
    wait_until_idle(server, server->close_wait_ms);
    if (mc_http_answer_orphans(server))
        wait_until_idle(server, LAST_ANSWERS_MS);
    wait_for_resumers(server);
    server_stop(server);
}

/* Counters are read one by one while the server runs: each is right by itself. */
struct mc_http_counts mc_http_count(const struct mc_http_server *constant) {
    struct mc_http_server *server = (struct mc_http_server *)(uintptr_t)constant;
    struct mc_http_counts counts = {.refused = atomic_load(&server->refused)};
    for (uint32_t i = 0; i < server->worker_count; i++) {
        struct mc_http_worker *worker = &server->workers[i];
        counts.requests += atomic_load(&worker->requests);
        counts.connections += atomic_load(&worker->connections);
        for (int j = 0; j < 6; j++)
            counts.answers[j] += atomic_load(&worker->answers[j]);
    }
    pthread_mutex_lock(&server->lock);
    counts.streams = server->stream_count;
    pthread_mutex_unlock(&server->lock);
    return counts;
}

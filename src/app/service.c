#include "app/service_parts.h"

#include "app/notify.h"
#include "app/wiring.h"
#include "base/log.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WEB_WORKERS = 2, ROUTES_MAX = MC_COLLECTOR_ROUTES_MAX + MC_WEB_ROUTES_MAX + MC_SERVICE_ROUTES };
static const int64_t FLUSH_NS = 100000000, STATUS_NS = 1000000000;
static const int64_t PROMISE_US = 3 * MC_MINUTE_US;

/* ---- the first start: a key and a password, told once ---- */

static const char key_line[] = "The browser key for the shop's pages: ";

static void say_credentials(struct mc_buf *b, const char *password, const char *key) {
    if (password != NULL)
        mc_buf_printf(b, "The page's password: %s\n", password);
    if (key != NULL)
        mc_buf_printf(b, "%s%s\n", key_line, key);
}

/* The key of an earlier start, which was killed before it made the password, is still good. */
static void keep_key(const char *path, struct mc_buf *text) {
    char line[256];
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key_line, sizeof key_line - 1) == 0)
            mc_buf_text(text, line);
    if (file != NULL)
        fclose(file);
    sodium_memzero(line, sizeof line);
}

/* Durable, and whole under its name, when it returns. */
static enum mc_err tell(const char *path, const struct mc_buf *text, struct mc_error *e) {
    struct mc_buf temporary = {0};
    mc_buf_printf(&temporary, "%s.new", path);
    const char *name = mc_buf_cstr(&temporary);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good =
        fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text->data, text->len) == (ssize_t)text->len && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(name, path) == 0;
    mc_buf_free(&temporary);
    return good ? MC_OK : mc_error_set(e, mc_err_of_errno(errno), "%s: cannot be written: %s", path, strerror(errno));
}

/* On a terminal, else in a file of mode 0600; never in a log. */
static enum mc_err tell_credentials(const char *store, const char *password, const char *key, struct mc_error *e) {
    struct mc_buf text = {0}, path = {0};
    enum mc_err err = MC_OK;
    say_credentials(&text, password, key);
    mc_buf_printf(&path, "%s-credentials", store);
    if (key == NULL)
        keep_key(mc_buf_cstr(&path), &text);
    if (text.failed || mc_buf_cstr(&path)[0] == '\0')
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory");
    else if (isatty(STDOUT_FILENO))
        err = write(STDOUT_FILENO, text.data, text.len) < 0 ? MC_ERR_IO : MC_OK;
    else if ((err = tell(path.data, &text, e)) == MC_OK)
        mc_log(MC_LOG_INFO, "credentials_written", {"file", path.data, 0});
    sodium_memzero(text.data, text.len);
    mc_buf_free(&text);
    mc_buf_free(&path);
    return err;
}

static bool count_key(void *context, const struct mc_key *key) {
    (void)key;
    ++*(int *)context;
    return true;
}

/* Told before they count: killed in between, the next start makes and tells others. */
static enum mc_err first_credentials(struct mc_service *s, struct mc_error *e) {
    char password[24] = "", key[MC_SECRET_CHARS + 1] = "";
    int keys = 0;
    bool needs_password = !mc_password_is_set(s->access);
    enum mc_err err = mc_key_each(s->access, count_key, &keys, e);
    if (err != MC_OK || (keys > 0 && !needs_password))
        return err;
    mc_key_make(MC_KEY_BROWSER, key);
    mc_password_make(password);
    err = tell_credentials(s->settings.store, needs_password ? password : NULL, keys == 0 ? key : NULL, e);
    if (err == MC_OK && keys == 0)
        err = mc_key_add(s->access, MC_STR("shop"), MC_KEY_BROWSER, key, mc_wall_now(), e);
    if (err == MC_OK && needs_password)
        err = mc_password_set(s->access, mc_str_of(password), e);
    sodium_memzero(password, sizeof password);
    sodium_memzero(key, sizeof key);
    return err;
}

/* ---- start ---- */

static enum mc_err open_store(struct mc_service *s, struct mc_error *e) {
    uint8_t secret[MC_SECRET_BYTES];
    enum mc_err err = mc_ledger_open(&s->ledger, s->settings.store, MC_LEDGER_WRITE, NULL, e);
    if (err == MC_OK)
        err = mc_access_open(&s->access, s->settings.store, e);
    if (err == MC_OK)
        err = first_credentials(s, e);
    if (err == MC_OK)
        err = mc_inbox_open(&s->inbox, s->settings.store, e);
    if (err == MC_OK)
        err = mc_log_open(&s->log, s->inbox, e);
    s->log.keep_us = s->started.inbox.keep_us;
    if (err != MC_OK)
        return err;
    mc_ledger_key(s->ledger, "links", secret);
    mc_link_key_derive(&s->link_key, secret);
    sodium_memzero(secret, sizeof secret);
    return MC_OK;
}

static enum mc_err open_collector(struct mc_service *s, struct mc_error *e) {
    const struct mc_config *c = &s->started;
    struct mc_collector_settings settings = {.intake = mc_log_intake(&s->log),
                                             .access = s->access,
                                             .currency = mc_str_of(c->store.currency),
                                             .cors_origins = c->http.cors_origins,
                                             .per_key_per_s = (uint32_t)c->http.calls_per_key,
                                             .per_address_per_s = (uint32_t)c->http.calls_per_address};
    return mc_collector_open(&s->collector, &settings, e);
}

static enum mc_err open_web(struct mc_service *s, struct mc_error *e) {
    const struct mc_config *c = &s->started;
    struct mc_web_settings settings = {.store = s->settings.store,
                                       .access = s->access,
                                       .intake = mc_log_intake(&s->log),
                                       .link_key = &s->link_key,
                                       .store_name = c->store.name,
                                       .currency = c->store.currency,
                                       .time_zone = c->store.time_zone,
                                       .cart_address = c->link.cart_url,
                                       .shop_url = c->link.shop_url,
                                       .public_url = c->mail.public_url,
                                       .spool_inbox = s->settings.inbox_folder,
                                       .promise_us = PROMISE_US};
    return mc_web_open(&s->web, &settings, e);
}

static uint32_t http_threads(const struct mc_config *c) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (c->http.threads > 0)
        return (uint32_t)c->http.threads;
    return cores < 2 ? 2 : cores > 64 ? 64 : (uint32_t)cores;
}

static const char *set_or_null(const char *text) {
    return text[0] != '\0' ? text : NULL;
}

static enum mc_err open_http(struct mc_service *s, struct mc_http_route *routes, struct mc_error *e) {
    const struct mc_config *c = &s->started;
    size_t count = mc_service_routes(s, routes);
    count += mc_collector_routes(s->collector, routes + count, MC_COLLECTOR_ROUTES_MAX);
    count += mc_web_routes(s->web, routes + count, MC_WEB_ROUTES_MAX);
    struct mc_http_settings settings = {.listen = c->http.listen,
                                        .tls_certificate = set_or_null(c->http.tls_certificate),
                                        .tls_key = set_or_null(c->http.tls_key),
                                        .trusted_proxies = c->http.trusted_proxies,
                                        .threads = http_threads(c),
                                        .connections_max = (uint32_t)c->http.connections,
                                        .connections_per_address_max = (uint32_t)c->http.connections_per_address,
                                        .routes = routes,
                                        .route_count = count};
    return mc_http_open(&s->http, &settings, e);
}

/* ---- threads ---- */

static void *run_log(void *argument) {
    mc_log_run(&((struct mc_service *)argument)->log);
    return NULL;
}

static void *run_ledger(void *argument) {
    mc_service_ledger_run(argument);
    return NULL;
}

static void *run_web(void *argument) {
    while (mc_web_work(argument))
        ;
    return NULL;
}

static struct mc_web_delay web_delay(const struct mc_histogram *h) {
    return (struct mc_web_delay){.count = h->count,
                                 .p50_us = mc_histogram_percentile(h, 500000),
                                 .p99_us = mc_histogram_percentile(h, 990000),
                                 .max_us = h->max};
}

static void set_status(struct mc_service *s) {
    struct mc_service_view v = mc_service_look(s);
    int64_t last = atomic_load(&s->log.last);
    struct mc_web_status status = {.clock = v.live.clock,
                                   .last_event_at = v.live.last_event_at,
                                   .events = v.live.counted.accepted,
                                   .rejected = mc_summary_rejected(&v.live.counted),
                                   .open_visits = (int64_t)v.live.open_visits,
                                   .open_carts = (int64_t)v.open_carts.count,
                                   .open_cart_value = v.open_carts.value,
                                   .behind = last > v.position ? (uint64_t)(last - v.position) : 0,
                                   .sale = web_delay(&v.sale_delay),
                                   .offer = web_delay(&v.offer_delay)};
    memcpy(status.messages, v.report.messages, sizeof status.messages);
    mc_web_set_status(s->web, &status, mc_wall_now());
}

/* Until a signal says that it is over. */
static void watch(struct mc_service *s, const sigset_t *signals) {
    int64_t next_status_ns = 0;
    struct timespec wait = {0, FLUSH_NS};
    for (;;) {
        int signal = sigtimedwait(signals, NULL, &wait);
        if (signal == SIGTERM || signal == SIGINT || atomic_load(&s->failed))
            return;
        if (signal == SIGHUP) {
            atomic_store(&s->reload, true);
            mc_fifo_poke(&s->log.committed);
        }
        mc_feed_flush(mc_web_feed(s->web), mc_wall_now());
        if (mc_monotonic_ns() >= next_status_ns) {
            set_status(s);
            next_status_ns = mc_monotonic_ns() + STATUS_NS;
        }
    }
}

/* What the limits amount to (DESIGN 6): the rest grows with open visits, users and products. */
static void say_memory(void) {
    mc_log(MC_LOG_INFO, "memory_limits", {"log_mib", NULL, (int64_t)(MC_INTAKE_BYTES >> 20)},
           {"http_bodies_mib", NULL, 256}, {"stream_mib", NULL, 2 * (MC_FEED_RING_BYTES >> 20)},
           {"store_cache_mib", NULL, 64}, {"bytes_a_visit", NULL, 500}, {"bytes_a_user", NULL, 48});
}

static void say_listening(const struct mc_service *s) {
    mc_log(MC_LOG_INFO, "listening", {"url", mc_http_url(s->http), 0}, {"store", s->settings.store, 0},
           {"http_threads", NULL, http_threads(&s->started)},
           {"start_ms", NULL, (mc_monotonic_ns() - s->started_ns) / 1000000});
    mc_notify("READY=1");
    if (isatty(STDOUT_FILENO))
        printf("MaxCart is at %s (Ctrl-C ends it)\n", mc_http_url(s->http));
    fflush(stdout);
}

/* All that runs beside the main thread, in the order in which it is to end. */
static enum mc_err run_threads(struct mc_service *s, struct mc_http_route *routes, const sigset_t *signals,
                               struct mc_error *e) {
    pthread_t log, ledger, workers[WEB_WORKERS];
    enum mc_err err = MC_OK;
    int started = 0;
    bool has_log = pthread_create(&log, NULL, run_log, s) == 0;
    bool has_ledger = has_log && pthread_create(&ledger, NULL, run_ledger, s) == 0;
    while (has_ledger && started < WEB_WORKERS && pthread_create(&workers[started], NULL, run_web, s->web) == 0)
        started++;
    if (started < WEB_WORKERS)
        err = mc_error_set(e, MC_ERR_NOMEM, "no threads for the service");
    if (err == MC_OK)
        err = open_http(s, routes, e);
    if (err == MC_OK) {
        atomic_store(&s->ready, true);
        say_memory();
        say_listening(s);
        watch(s, signals);
        mc_notify("STOPPING=1");
        mc_log(MC_LOG_INFO, "stopping", {"position", NULL, atomic_load(&s->log.last)});
        mc_http_stop_accepting(s->http);
    }
    mc_web_stop(s->web);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    mc_http_close(&s->http); /* answers what is under way: the log still runs */
    mc_log_stop(&s->log);
    if (has_log)
        pthread_join(log, NULL);
    if (has_ledger)
        pthread_join(ledger, NULL);
    return err;
}

static void close_all(struct mc_service *s) {
    mc_service_ledger_close(s);
    mc_web_close(&s->web);
    mc_collector_close(&s->collector);
    mc_log_close(&s->log);
    mc_inbox_close(&s->inbox);
    mc_access_close(&s->access);
    mc_ledger_close(&s->ledger);
    mc_link_key_clear(&s->link_key);
    mc_buf_free(&s->templates);
    if (s->config != &s->started)
        mc_config_close(&s->reread);
    mc_config_close(&s->started);
    pthread_mutex_destroy(&s->view_lock);
}

/* Signals are for the main thread alone: blocked before any other thread is made. */
static void block_signals(sigset_t *signals) {
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

enum mc_err mc_service_run(const struct mc_service_settings *settings, struct mc_config *config, struct mc_error *e) {
    struct mc_http_route routes[ROUTES_MAX];
    sigset_t signals;
    struct mc_service *s = mc_calloc(1, sizeof *s);
    if (s == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the service");
    s->settings = *settings;
    s->started = *config;
    s->config = &s->started;
    *config = (struct mc_config){0};
    s->started_ns = mc_monotonic_ns();
    pthread_mutex_init(&s->view_lock, NULL);
    block_signals(&signals);
    enum mc_err err = open_store(s, e);
    if (err == MC_OK)
        err = open_collector(s, e);
    if (err == MC_OK)
        err = open_web(s, e);
    if (err == MC_OK)
        err = mc_service_ledger_open(s, e);
    if (err == MC_OK)
        err = run_threads(s, routes, &signals, e);
    close_all(s);
    mc_free(s);
    return err;
}

/* What machines ask the service: is it alive, is it ready, how is it doing. */
#include "app/service_parts.h"

#include "store/access.h"
#include <stdio.h>

struct mc_service_view mc_service_look(struct mc_service *s) {
    pthread_mutex_lock(&s->view_lock);
    struct mc_service_view view = s->view;
    pthread_mutex_unlock(&s->view_lock);
    return view;
}

static void healthz(void *context, struct mc_http_request *r) {
    struct mc_service *s = context;
    bool failed = atomic_load(&s->failed);
    mc_http_answer(r, failed ? 503 : 200, "text/plain", failed ? MC_STR("failed\n") : MC_STR("ok\n"));
}

static void readyz(void *context, struct mc_http_request *r) {
    struct mc_service *s = context;
    if (atomic_load(&s->ready) && !atomic_load(&s->log.is_full))
        mc_http_answer(r, 200, "text/plain", MC_STR("ready\n"));
    else
        mc_http_answer(r, 503, "text/plain", MC_STR("not ready: the store takes nothing now, see the log\n"));
}

/* ---- /metrics: Prometheus' text format ---- */

static void metric(struct mc_buf *b, const char *name, const char *type, const char *help) {
    mc_buf_printf(b, "# HELP maxcart_%s %s\n# TYPE maxcart_%s %s\n", name, help, name, type);
}

static void value(struct mc_buf *b, const char *name, const char *label, const char *of, __int128 n) {
    mc_buf_printf(b, "maxcart_%s", name);
    if (label != NULL)
        mc_buf_printf(b, "{%s=\"%s\"}", label, of);
    mc_buf_char(b, ' ');
    mc_buf_int128(b, n);
    mc_buf_char(b, '\n');
}

static void single(struct mc_buf *b, const char *name, const char *type, const char *help, __int128 n) {
    metric(b, name, type, help);
    value(b, name, NULL, NULL, n);
}

static void seconds(struct mc_buf *b, const char *name, const char *label, const char *of, int64_t us) {
    mc_buf_printf(b, "maxcart_%s{%s=\"%s\"} %.6f\n", name, label, of, (double)us / 1e6);
}

static void delay(struct mc_buf *b, const char *name, const char *help, const struct mc_histogram *h) {
    metric(b, name, "summary", help);
    seconds(b, name, "quantile", "0.5", mc_histogram_percentile(h, 500000));
    seconds(b, name, "quantile", "0.99", mc_histogram_percentile(h, 990000));
    seconds(b, name, "quantile", "1", h->max);
    mc_buf_printf(b, "maxcart_%s_count %llu\n", name, (unsigned long long)h->count);
}

static void put_collector(struct mc_buf *b, const struct mc_service *s) {
    struct mc_collector_counts c = mc_collector_count(s->collector);
    single(b, "collector_requests_total", "counter", "requests of events", c.requests);
    single(b, "collector_accepted_total", "counter", "calls accepted; duplicates are found later", c.accepted);
    single(b, "collector_ignored_total", "counter", "calls that carry no event of ours", c.ignored);
    single(b, "collector_time_corrected_total", "counter", "events whose client's clock was wrong", c.time_corrected);
    metric(b, "collector_rejected_total", "counter", "rows refused, by reason");
    for (unsigned i = 1; i < MC_COLLECTOR_REASONS; i++)
        if (i != MC_DUPLICATE)
            value(b, "collector_rejected_total", "reason", mc_collector_reason_name(i), c.rejected[i]);
    metric(b, "collector_refused_total", "counter", "requests refused, by status");
    for (int i = 0; i < MC_REFUSALS; i++) {
        char status[8];
        snprintf(status, sizeof status, "%d", mc_collector_refusal_statuses[i]);
        value(b, "collector_refused_total", "status", status, c.refused[i]);
    }
}

static void put_log(struct mc_buf *b, struct mc_service *s, const struct mc_service_view *v) {
    int64_t last = (int64_t)atomic_load(&s->log.entries);
    single(b, "log_entries_total", "counter", "entries made durable since the start", last);
    single(b, "log_bytes_total", "counter", "bytes of their bodies", atomic_load(&s->log.bytes));
    single(b, "log_appends_total", "counter", "transactions, each with its fsync", atomic_load(&s->log.appends));
    metric(b, "log_append_seconds_total", "counter", "time in them");
    mc_buf_printf(b, "maxcart_log_append_seconds_total %.6f\n", (double)atomic_load(&s->log.append_ns) / 1e9);
    single(b, "log_in_flight_bytes", "gauge", "taken and not yet consumed", atomic_load(&s->log.bytes_in_flight));
    single(b, "log_position", "gauge", "consumed by the store", v->position);
    single(b, "store_commits_total", "counter", "transactions of the store", v->commits);
    single(b, "store_checkpoints_total", "counter", "checkpoints of the engine", v->checkpoints);
    single(b, "store_recoveries_total", "counter", "times the store failed and came back", v->recoveries);
}

static void put_shop(struct mc_buf *b, const struct mc_service_view *v) {
    const struct mc_summary *c = &v->live.counted;
    single(b, "events_accepted_total", "counter", "accepted events of the store's life", c->accepted);
    metric(b, "rows_rejected_total", "counter", "rejected rows of the store's life, by reason");
    for (int i = 1; i < MC_REASONS; i++)
        value(b, "rows_rejected_total", "reason", mc_reason_names[i], c->rejected[i]);
    single(b, "open_visits", "gauge", "visits that have not ended", v->live.open_visits);
    single(b, "engine_bytes", "gauge", "memory of the engine's hot state", v->live.held_bytes);
    single(b, "revenue_minor_total", "counter", "revenue of the store's life, minor units", v->report.revenue);
    metric(b, "decisions_total", "counter", "abandoned carts by decision");
    for (int i = 0; i < MC_UNDECIDED; i++)
        value(b, "decisions_total", "decision", mc_decision_names[i], v->report.decisions[i]);
    metric(b, "messages", "gauge", "messages by state");
    for (int i = 0; i < MC_MESSAGE_STATES; i++)
        value(b, "messages", "state", mc_message_state_names[i], v->report.messages[i]);
    single(b, "messages_clicked_total", "counter", "messages of which a link was followed", v->report.clicked);
}

static void answer_metrics(struct mc_service *s, struct mc_http_request *r) {
    struct mc_buf b = {0};
    struct mc_service_view v = mc_service_look(s);
    struct mc_http_counts http = mc_http_count(s->http);
    put_collector(&b, s);
    put_log(&b, s, &v);
    put_shop(&b, &v);
    delay(&b, "sale_delay_seconds", "from a purchase's arrival to its commit, when the stream gets it", &v.sale_delay);
    delay(&b, "offer_delay_seconds", "from expiry + delay to the mail server's acceptance", &v.offer_delay);
    single(&b, "http_connections", "gauge", "open connections", http.connections);
    single(&b, "http_streams", "gauge", "pages that are connected", http.streams);
    single(&b, "http_refused_total", "counter", "connections over a limit", http.refused);
    mc_http_answer(r, b.failed ? 503 : 200, "text/plain; version=0.0.4", mc_buf_view(&b));
    mc_buf_free(&b);
}

/* With a server key, as Prometheus sends it (authorization: credentials) . */
static void metrics(void *context, struct mc_http_request *r) {
    struct mc_service *s = context;
    struct mc_str header = mc_http_header(r, "authorization");
    struct mc_key key;
    bool bearer = header.len > 7 && memcmp(header.data, "Bearer ", 7) == 0;
    if (bearer && mc_key_check(s->access, (struct mc_str){header.data + 7, header.len - 7}, &key) &&
        key.kind == MC_KEY_SERVER) {
        answer_metrics(s, r);
        return;
    }
    mc_http_put_header(r, "WWW-Authenticate", "Bearer");
    mc_http_answer_error(r, 401, "unauthorized",
                         "send a server key as Authorization: Bearer KEY (maxcart keys create --name metrics)");
}

size_t mc_service_routes(struct mc_service *s, struct mc_http_route *routes) {
    routes[0] = (struct mc_http_route){.method = "GET", .path = "/healthz", .handle = healthz, .context = s};
    routes[1] = (struct mc_http_route){.method = "GET", .path = "/readyz", .handle = readyz, .context = s};
    routes[2] = (struct mc_http_route){.method = "GET", .path = "/metrics", .handle = metrics, .context = s};
    return MC_SERVICE_ROUTES;
}

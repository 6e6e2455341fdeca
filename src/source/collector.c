/* One request goes from receive() to finish() or to a refusal; see the steps in collector.h. */
#include "source/collector.h"

#include "base/mem.h"
#include "source/collector_answer.h"
#include "source/collector_key.h"
#include "source/collector_pages.h"
#include "source/cors.h"
#include "source/rate.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

static const struct endpoint {
    const char *path;
    enum mc_json_shape shape;
    const char *type; /* what a call is whose body does not say it; NULL: the body must */
} endpoints[] = {
    {"/v1/events", MC_JSON_NATIVE, NULL},        {"/v1/batch", MC_JSON_SEGMENT, NULL},
    {"/v1/import", MC_JSON_SEGMENT, NULL},       {"/v1/b", MC_JSON_SEGMENT, NULL},
    {"/beacon/v1/batch", MC_JSON_SEGMENT, NULL}, {"/v1/track", MC_JSON_SEGMENT, "track"},
    {"/v1/t", MC_JSON_SEGMENT, "track"},         {"/v1/identify", MC_JSON_SEGMENT, "identify"},
    {"/v1/i", MC_JSON_SEGMENT, "identify"},      {"/v1/alias", MC_JSON_SEGMENT, "alias"},
    {"/v1/a", MC_JSON_SEGMENT, "alias"},         {"/v1/page", MC_JSON_SEGMENT, "page"},
    {"/v1/p", MC_JSON_SEGMENT, "page"},          {"/v1/screen", MC_JSON_SEGMENT, "screen"},
    {"/v1/s", MC_JSON_SEGMENT, "screen"},        {"/v1/group", MC_JSON_SEGMENT, "group"},
    {"/v1/g", MC_JSON_SEGMENT, "group"},
};

enum { ENDPOINTS = sizeof endpoints / sizeof *endpoints };
_Static_assert(2 * ENDPOINTS + 4 <= MC_COLLECTOR_ROUTES_MAX, "a route for POST and one for OPTIONS, and the pages");

/* A decoder that waits for its next request. As many as were ever at work at once: the HTTP server's threads. */
struct decoder {
    struct mc_json_decoder *json;
    struct mc_buf key; /* a body's writeKey */
    struct decoder *next;
};

/* An answer that waits for the log. As many as there are submissions. */
struct waiting {
    struct mc_collector *collector;
    struct mc_http_request *request;
    struct mc_tally tally;
    struct mc_buf native; /* empty: Segment's */
    struct waiting *next;
};

struct door {
    struct mc_collector *collector;
    const struct endpoint *endpoint;
};

struct mc_collector {
    struct mc_collector_settings settings;
    struct mc_cors cors;
    struct mc_rate *rate;
    struct door doors[ENDPOINTS];
    struct mc_pages pages;

    pthread_mutex_t lock; /* of the two lists */
    struct decoder *decoders;
    struct waiting *idle;

    atomic_uint_fast64_t requests, accepted, ignored, time_corrected;
    atomic_uint_fast64_t rejected[MC_COLLECTOR_REASONS], refused[MC_REFUSALS];
};

static void count(atomic_uint_fast64_t *counter, uint64_t more) {
    if (more > 0)
        atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* ---- the two pools ---- */

static void decoder_free(struct decoder *d) {
    mc_json_decoder_close(&d->json);
    mc_buf_free(&d->key);
    mc_free(d);
}

/* The one that was used last, whose memory is warm; NULL when there is no memory for another. */
static struct decoder *decoder_take(struct mc_collector *c) {
    pthread_mutex_lock(&c->lock);
    struct decoder *d = c->decoders;
    if (d != NULL)
        c->decoders = d->next;
    pthread_mutex_unlock(&c->lock);
    if (d != NULL)
        return d;
    d = mc_calloc(1, sizeof *d);
    if (d != NULL && mc_json_decoder_open(&d->json, NULL) != MC_OK) {
        mc_free(d);
        d = NULL;
    }
    return d;
}

static void decoder_give(struct mc_collector *c, struct decoder *d) {
    d->key.len = 0;
    if (d->key.failed) {
        decoder_free(d);
        return;
    }
    pthread_mutex_lock(&c->lock);
    d->next = c->decoders;
    c->decoders = d;
    pthread_mutex_unlock(&c->lock);
}

static struct waiting *waiting_take(struct mc_collector *c) {
    pthread_mutex_lock(&c->lock);
    struct waiting *w = c->idle;
    if (w != NULL)
        c->idle = w->next;
    pthread_mutex_unlock(&c->lock);
    if (w == NULL)
        w = mc_calloc(1, sizeof *w);
    return w;
}

static void waiting_give(struct mc_collector *c, struct waiting *w) {
    if (w->native.failed)
        mc_buf_free(&w->native);
    w->native.len = 0;
    pthread_mutex_lock(&c->lock);
    w->next = c->idle;
    c->idle = w;
    pthread_mutex_unlock(&c->lock);
}

/* ---- answers ---- */

static void refuse(struct mc_collector *c, struct mc_http_request *r, enum mc_collector_refusal which, const char *code,
                   const char *message, uint64_t retry_ms) {
    count(&c->refused[which], 1);
    mc_answer_refusal(r, which, code, message, retry_ms);
}

static void refuse_store(struct mc_collector *c, struct mc_http_request *r, enum mc_err err) {
    count(&c->refused[MC_REFUSED_STORE], 1);
    mc_answer_store(r, err);
}

static void count_tally(struct mc_collector *c, const struct mc_tally *t) {
    count(&c->accepted, t->accepted);
    count(&c->ignored, t->ignored);
    count(&c->time_corrected, t->time_corrected);
    for (int i = 0; i < MC_COLLECTOR_REASONS; i++)
        count(&c->rejected[i], t->rejected[i]);
}

/* The last step: counts, answers, and lets the waiting go. Does not block. */
static void finish(struct waiting *w) {
    static const char type[] = "application/json";
    struct mc_collector *c = w->collector;
    count_tally(c, &w->tally);
    if (w->native.len > 0)
        mc_http_answer(w->request, 200, type, mc_buf_view(&w->native));
    else
        mc_http_answer_static(w->request, 200, type, MC_STR("{\"success\":true}"));
    waiting_give(c, w);
}

/* mc_submission.done */
static void durable(void *context, enum mc_err err) {
    struct waiting *w = context;
    if (err == MC_OK) {
        finish(w);
        return;
    }
    refuse_store(w->collector, w->request, err);
    waiting_give(w->collector, w);
}

/* ---- the steps before the body ---- */

/* What a request brings along from step to step. */
struct visit {
    struct mc_collector *collector;
    const struct endpoint *endpoint;
    struct mc_http_request *request;
    bool has_key;
    struct mc_key key;
    int64_t now_ns;
    uint64_t address; /* its bucket */
};

static bool type_is_taken(struct mc_str header) {
    static const char *const taken[] = {"", "application/json", "application/x-ndjson", "application/ndjson",
                                        "text/plain"};
    const char *semicolon = header.len > 0 ? memchr(header.data, ';', header.len) : NULL;
    struct mc_str type = {header.data, semicolon != NULL ? (size_t)(semicolon - header.data) : header.len};
    type = mc_str_trim(type);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (mc_str_equal_nocase(type, mc_str_of(taken[i])))
            return true;
    return false;
}

static bool limited_by_address(const struct visit *v) {
    return v->collector->settings.per_address_per_s > 0 && !(v->has_key && v->key.kind == MC_KEY_SERVER);
}

static bool refuse_rate(struct visit *v, uint64_t wait_ms, const char *code, const char *message) {
    if (wait_ms == 0)
        return true;
    refuse(v->collector, v->request, MC_REFUSED_RATE, code, message, wait_ms);
    return false;
}

/* Also what is refused for its key costs its address a token. */
static void refuse_key(struct visit *v, const char *code, const char *message) {
    mc_rate_charge(v->collector->rate, v->address, v->collector->settings.per_address_per_s, 1, v->now_ns);
    refuse(v->collector, v->request, MC_REFUSED_KEY, code, message, 0);
}

static bool check_key(struct visit *v, struct mc_str text) {
    v->has_key = mc_key_check(v->collector->settings.access, text, &v->key);
    if (!v->has_key)
        refuse_key(v, "unknown_key",
                   "This key is not known here, or was revoked. `maxcart keys list` shows those in use, `maxcart keys "
                   "create` makes one.");
    return v->has_key;
}

static bool check_address(struct visit *v) {
    const struct mc_collector *c = v->collector;
    if (!limited_by_address(v))
        return true;
    return refuse_rate(v, mc_rate_wait_ms(c->rate, v->address, c->settings.per_address_per_s, v->now_ns),
                       "address_rate",
                       "Too many events from this address. Wait as long as Retry-After says, and send them again.");
}

static bool check_head(struct visit *v) {
    char key[MC_KEY_TEXT_MAX + 1];
    if (!type_is_taken(mc_http_header(v->request, "Content-Type"))) {
        refuse(v->collector, v->request, MC_REFUSED_TYPE, "unsupported_type",
               "Send JSON as application/json, application/x-ndjson or text/plain.", 0);
        return false;
    }
    enum mc_key_place place = mc_key_of_request(v->request, key);
    if (place == MC_KEY_ODD) {
        refuse_key(
            v, "bad_authorization",
            "Give the key as \"Authorization: Bearer KEY\", as the user name of Basic with an empty password, as "
            "?writeKey=KEY, or as \"writeKey\" in the body.");
        return false;
    }
    return (place != MC_KEY_GIVEN || check_key(v, mc_str_of(key))) && check_address(v);
}

/* ---- the steps with the body ---- */

static bool check_body_key(struct visit *v, struct decoder *d, struct mc_buf *body) {
    if (v->has_key)
        return true;
    if (mc_json_write_key(d->json, body, &d->key) && d->key.len > 0)
        return check_key(v, mc_buf_view(&d->key)) && check_address(v);
    if (d->key.failed)
        refuse_store(v->collector, v->request, MC_ERR_NOMEM);
    else
        refuse_key(v, "missing_key",
                   "There is no key. Give it as \"Authorization: Bearer KEY\", as the user name of Basic, as "
                   "?writeKey=KEY, or as \"writeKey\" in the body.");
    return false;
}

static bool check_key_rate(struct visit *v) {
    const struct mc_collector *c = v->collector;
    uint32_t per_s = c->settings.per_key_per_s;
    if (per_s == 0)
        return true;
    return refuse_rate(v, mc_rate_wait_ms(c->rate, mc_rate_of_key(c->rate, v->key.id), per_s, v->now_ns), "key_rate",
                       "Too many events with this key. Wait as long as Retry-After says, and send them again.");
}

static void charge(struct visit *v, uint32_t calls) {
    const struct mc_collector *c = v->collector;
    uint64_t events = calls > 0 ? calls : 1;
    if (c->settings.per_key_per_s > 0)
        mc_rate_charge(c->rate, mc_rate_of_key(c->rate, v->key.id), c->settings.per_key_per_s, events, v->now_ns);
    if (limited_by_address(v))
        mc_rate_charge(c->rate, v->address, c->settings.per_address_per_s, events, v->now_ns);
}

/* Segment's clients never send again after a 400, but would after a 413. */
static void refuse_body(struct visit *v, enum mc_err err, const struct mc_error *e) {
    if (err == MC_ERR_NOMEM)
        refuse_store(v->collector, v->request, err);
    else if (err == MC_ERR_LIMIT)
        refuse(v->collector, v->request, v->endpoint->shape == MC_JSON_SEGMENT ? MC_REFUSED_BODY : MC_REFUSED_SIZE,
               "too_many_calls", "Too many calls in one body: send at most 100000.", 0);
    else
        refuse(v->collector, v->request, MC_REFUSED_BODY, "invalid_json",
               e->text[0] != '\0' ? e->text : "The body is no JSON.", 0);
}

static bool decode(struct visit *v, struct decoder *d, struct mc_submission *s) {
    struct mc_error e = {0};
    enum mc_err err = MC_OK;
    if (v->endpoint->type != NULL && !mc_body_put_type(&s->calls.batch.bytes, v->endpoint->type))
        err = MC_ERR_NOMEM;
    if (err == MC_OK)
        err = mc_json_decode(d->json, v->endpoint->shape, (struct mc_json_rights){s->persons},
                             v->collector->settings.currency, s->arrived_at, &s->calls, &e);
    charge(v, err == MC_OK ? s->calls.call_count : 1);
    if (err != MC_OK)
        refuse_body(v, err, &e);
    return err == MC_OK;
}

/* True when `s` holds what is to be logged or answered; else the request was refused. */
static bool fill(struct visit *v, struct mc_submission *s) {
    struct decoder *d = decoder_take(v->collector);
    if (d == NULL) {
        refuse_store(v->collector, v->request, MC_ERR_NOMEM);
        return false;
    }
    mc_http_take_body(v->request, &s->calls.batch.bytes);
    bool good = check_body_key(v, d, &s->calls.batch.bytes) && check_key_rate(v);
    if (good) {
        s->kind = v->endpoint->shape == MC_JSON_NATIVE ? MC_ENTRY_NATIVE : MC_ENTRY_SEGMENT;
        s->persons = v->key.kind == MC_KEY_SERVER;
        s->key = v->key.id;
        s->arrived_at = mc_http_arrived_at(v->request);
        good = decode(v, d, s);
    }
    decoder_give(v->collector, d);
    return good;
}

/* The answer is written before the submission, of which nothing may be touched behind it. */
static struct waiting *prepare(struct visit *v, const struct mc_submission *s) {
    struct waiting *w = waiting_take(v->collector);
    if (w == NULL)
        return NULL;
    w->collector = v->collector;
    w->request = v->request;
    mc_tally_of(&w->tally, &s->calls);
    if (v->endpoint->shape == MC_JSON_NATIVE)
        mc_answer_native(&w->native, &s->calls);
    if (!w->native.failed)
        return w;
    waiting_give(v->collector, w);
    return NULL;
}

/* Events, rejected rows, and calls about persons also when they were refused: a trace of all is kept. */
static bool is_worth_keeping(const struct mc_calls *calls) {
    return calls->batch.event_count > 0 || calls->batch.reject_count > 0 || calls->person_count > 0 ||
           calls->refusal_count > 0;
}

static void submit(struct visit *v, struct mc_submission *s) {
    const struct mc_intake *intake = &v->collector->settings.intake;
    struct waiting *w = fill(v, s) ? prepare(v, s) : NULL;
    if (w == NULL || !is_worth_keeping(&s->calls)) {
        intake->release(intake->context, s);
        if (w != NULL)
            finish(w);
        return;
    }
    s->done = durable;
    s->context = w;
    mc_http_defer(v->request);
    intake->submit(intake->context, s);
}

/* The handler of all endpoints. */
static void receive(void *context, struct mc_http_request *r) {
    const struct door *door = context;
    struct mc_collector *c = door->collector;
    struct visit v = {.collector = c, .endpoint = door->endpoint, .request = r, .now_ns = mc_monotonic_ns()};
    v.address = c->settings.per_address_per_s > 0 ? mc_rate_of_address(c->rate, mc_http_address(r)) : 0;
    count(&c->requests, 1);
    mc_cors_put(&c->cors, r);
    if (!check_head(&v))
        return;
    if (mc_http_body(r).len == 0) {
        refuse(c, r, MC_REFUSED_BODY, "empty_body", "The body is empty: send one event, an array, or one a line.", 0);
        return;
    }
    struct mc_submission *s = c->settings.intake.acquire(c->settings.intake.context);
    if (s == NULL)
        refuse(c, r, MC_REFUSED_RATE, "busy",
               "The service is behind with writing what it took already. Wait as long as Retry-After says, and send "
               "this again.",
               0);
    else
        submit(&v, s);
}

static void preflight(void *context, struct mc_http_request *r) {
    const struct door *door = context;
    mc_cors_answer(&door->collector->cors, r);
}

/* ---- opening ---- */

enum mc_err mc_collector_open(struct mc_collector **out, const struct mc_collector_settings *settings,
                              struct mc_error *e) {
    *out = NULL;
    struct mc_collector *c = mc_calloc(1, sizeof *c);
    if (c == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the collector");
    pthread_mutex_init(&c->lock, NULL);
    c->settings = *settings;
    c->settings.cors_origins = NULL;
    for (int i = 0; i < ENDPOINTS; i++)
        c->doors[i] = (struct door){c, &endpoints[i]};
    enum mc_err err = mc_cors_open(&c->cors, settings->cors_origins, e);
    if (err == MC_OK)
        err = mc_rate_open(&c->rate, e);
    if (err == MC_OK)
        err = mc_pages_open(&c->pages, &c->cors, settings->access, e);
    if (err != MC_OK)
        mc_collector_close(&c);
    *out = c;
    return err;
}

void mc_collector_close(struct mc_collector **out) {
    struct mc_collector *c = *out;
    if (c == NULL)
        return;
    for (struct decoder *d = c->decoders, *next; d != NULL; d = next) {
        next = d->next;
        decoder_free(d);
    }
    for (struct waiting *w = c->idle, *next; w != NULL; w = next) {
        next = w->next;
        mc_buf_free(&w->native);
        mc_free(w);
    }
    mc_pages_close(&c->pages);
    mc_rate_close(&c->rate);
    mc_cors_close(&c->cors);
    pthread_mutex_destroy(&c->lock);
    mc_free(c);
    *out = NULL;
}

size_t mc_collector_routes(struct mc_collector *c, struct mc_http_route *routes, size_t max) {
    size_t n = 0;
    assert(max >= MC_COLLECTOR_ROUTES_MAX);
    (void)max;
    for (int i = 0; i < ENDPOINTS; i++) {
        routes[n++] = (struct mc_http_route){.method = "POST",
                                             .path = endpoints[i].path,
                                             .body_bytes_max = MC_COLLECTOR_BODY_BYTES_MAX,
                                             .inflate = true,
                                             .handle = receive,
                                             .context = &c->doors[i]};
        routes[n++] = (struct mc_http_route){
            .method = "OPTIONS", .path = endpoints[i].path, .handle = preflight, .context = &c->doors[i]};
    }
    return n + mc_pages_routes(&c->pages, routes + n);
}

struct mc_collector_counts mc_collector_count(const struct mc_collector *c) {
    struct mc_collector_counts counts = {
        .requests = atomic_load_explicit(&c->requests, memory_order_relaxed),
        .accepted = atomic_load_explicit(&c->accepted, memory_order_relaxed),
        .ignored = atomic_load_explicit(&c->ignored, memory_order_relaxed),
        .time_corrected = atomic_load_explicit(&c->time_corrected, memory_order_relaxed),
    };
    for (int i = 0; i < MC_COLLECTOR_REASONS; i++)
        counts.rejected[i] = atomic_load_explicit(&c->rejected[i], memory_order_relaxed);
    for (int i = 0; i < MC_REFUSALS; i++)
        counts.refused[i] = atomic_load_explicit(&c->refused[i], memory_order_relaxed);
    return counts;
}

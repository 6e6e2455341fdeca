#include "web/web.h"

#include "base/mem.h"
#include "store/people.h"
#include "store/read.h"
#include "web/internal.h"
#include <assert.h>

static const char items_mark[] = "{items}", coupon_mark[] = "{coupon}";

enum { LOGIN_BODY_MAX = 4096, UNSUBSCRIBE_BODY_MAX = 1024 };

static const struct mc_web_page pages[] = {
    {"GET", "/", MC_NEED_PAGE, false, 0, mc_page_shell},
    {"GET", "/assets/*", MC_NEED_NOTHING, false, 0, mc_page_asset},
    {"GET", "/favicon.svg", MC_NEED_NOTHING, false, 0, mc_page_asset},
    {"GET", "/login", MC_NEED_NOTHING, false, 0, mc_page_login},
    {"POST", "/login", MC_NEED_NOTHING, true, LOGIN_BODY_MAX, mc_do_login},
    {"POST", "/logout", MC_NEED_READ, true, LOGIN_BODY_MAX, mc_do_logout},
    {"GET", "/share/*", MC_NEED_NOTHING, true, 0, mc_page_share},
    {"GET", "/api/stream", MC_NEED_NOTHING, false, 0, mc_api_stream}, /* looks itself: a token is as good */
    {"GET", "/api/v1/summary", MC_NEED_READ, true, 0, mc_api_summary},
    {"GET", "/api/v1/sales", MC_NEED_READ, true, 0, mc_api_sales},
    {"GET", "/api/v1/sales.csv", MC_NEED_READ, true, 0, mc_api_sales_csv},
    {"GET", "/api/v1/carts", MC_NEED_READ, true, 0, mc_api_carts},
    {"GET", "/api/v1/carts.csv", MC_NEED_READ, true, 0, mc_api_carts_csv},
    {"GET", "/api/v1/cart", MC_NEED_READ, true, 0, mc_api_cart},
    {"GET", "/api/v1/messages", MC_NEED_READ, true, 0, mc_api_messages},
    {"GET", "/api/v1/messages.csv", MC_NEED_READ, true, 0, mc_api_messages_csv},
    {"GET", "/api/v1/rejects", MC_NEED_ADMIN, true, 0, mc_api_rejects},
    {"GET", "/api/v1/rejects.csv", MC_NEED_ADMIN, true, 0, mc_api_rejects_csv},
    {"GET", "/api/v1/quality", MC_NEED_READ, true, 0, mc_api_quality},
    {"GET", "/api/v1/promise", MC_NEED_READ, true, 0, mc_api_promise},
    {"GET", "/r/*", MC_NEED_NOTHING, true, 0, mc_link_restore},
    {"GET", "/c/*", MC_NEED_NOTHING, false, 0, mc_link_click},
    {"GET", "/u/*", MC_NEED_NOTHING, false, 0, mc_link_unsubscribe_page},
    {"POST", "/u/*", MC_NEED_NOTHING, false, UNSUBSCRIBE_BODY_MAX, mc_link_unsubscribe},
    {"GET", "/inbox", MC_NEED_ADMIN, true, 0, mc_page_inbox},
    {"GET", "/inbox/mail/*", MC_NEED_ADMIN, true, 0, mc_page_mail},
    {"GET", "/inbox/body/*", MC_NEED_ADMIN, true, 0, mc_page_mail_body},
};
_Static_assert(sizeof pages / sizeof pages[0] <= MC_WEB_ROUTES_MAX, "routes");

/* A stream whose token must be looked up and turned into a session. */
static const struct mc_web_page stream_by_token = {"GET", "/api/stream",         MC_NEED_NOTHING, true,
                                                   0,     mc_api_stream_by_token};

/* ---- open, close ---- */

static bool sink_write(void *to, struct mc_str frame) {
    return mc_http_stream_write(to, frame);
}

static void sink_close(void *to) {
    struct mc_http_stream *stream = to;
    mc_http_stream_close(&stream);
}

/* The template without its placeholders must be a URL, and none may stand in what names the host. */
static bool cart_address_is_good(const char *address) {
    struct mc_buf plain = {0};
    const char *host = strstr(address, "://"), *end = host != NULL ? strpbrk(host + 3, "/?#") : NULL;
    const char *mark = strchr(address, '{');
    bool good = mark == NULL || (end != NULL && end < mark);
    for (const char *at = address; *at != '\0';) {
        if (strncmp(at, items_mark, sizeof items_mark - 1) == 0)
            at += sizeof items_mark - 1;
        else if (strncmp(at, coupon_mark, sizeof coupon_mark - 1) == 0)
            at += sizeof coupon_mark - 1;
        else {
            good = good && *at != '{' && *at != '}';
            mc_buf_char(&plain, *at++);
        }
    }
    good = good && !plain.failed && mc_url_is_valid(mc_buf_view(&plain));
    mc_buf_free(&plain);
    return good;
}

/* "https://shop.example/" of "https://shop.example/cart?items={items}". */
static void root_of(struct mc_buf *out, const char *address) {
    const char *host = strstr(address, "://");
    if (host == NULL)
        return;
    mc_buf_append(out, address, (size_t)(host - address) + 3 + strcspn(host + 3, "/?#"));
    mc_buf_char(out, '/');
}

static enum mc_err settings_take(struct mc_web *web, const struct mc_web_settings *given, struct mc_error *e) {
    struct mc_web_settings *s = &web->settings;
    *s = *given;
    const char **texts[] = {&s->store_name,   &s->currency, &s->time_zone,
                            &s->cart_address, &s->shop_url, &s->public_url};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i] == NULL)
            *texts[i] = "";
    if (s->cart_address[0] != '\0' && !cart_address_is_good(s->cart_address))
        return mc_error_set(e, MC_ERR_USAGE,
                            "the cart's address '%s' is none: a http(s) URL, with {items} and {coupon} behind its host",
                            s->cart_address);
    if (s->shop_url[0] != '\0' && !mc_url_is_valid(mc_str_of(s->shop_url)))
        return mc_error_set(e, MC_ERR_USAGE, "the shop's address '%s' is no http(s) URL", s->shop_url);
    if (s->shop_url[0] != '\0')
        mc_buf_text(&web->shop_url, s->shop_url);
    else
        root_of(&web->shop_url, s->cart_address);
    mc_buf_cstr(&web->shop_url); /* many threads read it: its NUL is put here */
    return web->shop_url.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory for the page") : MC_OK;
}

static enum mc_err feed_begin(struct mc_web *web, struct mc_error *e) {
    struct mc_feed_sink sink = {sink_write, sink_close};
    struct mc_feed_guard guard = {web->guard, mc_guard_allows};
    struct mc_rows *rows;
    int64_t position = 0;
    enum mc_err err = mc_rows_open(&rows, web->settings.store, e);
    if (err == MC_OK)
        err = mc_rows_position(rows, &position, e);
    if (err == MC_OK) {
        web->idle[0] = rows;
        err = mc_feed_open(&web->feed, position, 0, sink, guard, e);
    } else
        mc_rows_close(&rows);
    return err;
}

enum mc_err mc_web_open(struct mc_web **out, const struct mc_web_settings *settings, struct mc_error *e) {
    struct mc_web *web = *out = mc_calloc(1, sizeof *web);
    if (web == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the page");
    pthread_mutex_init(&web->lock, NULL);
    pthread_cond_init(&web->work, NULL);
    web->status.clock.us = MC_TIME_NONE_US;
    enum mc_err err = settings_take(web, settings, e);
    if (err == MC_OK)
        err = mc_guard_open(&web->guard, settings->access, web->settings.public_url, e);
    if (err == MC_OK)
        err = feed_begin(web, e);
    if (err != MC_OK)
        mc_web_close(out);
    return err;
}

void mc_web_close(struct mc_web **out) {
    struct mc_web *web = *out;
    *out = NULL;
    if (web == NULL)
        return;
    assert(web->job_count == 0);
    mc_feed_close(&web->feed);
    mc_guard_close(&web->guard);
    for (size_t i = 0; i < MC_WEB_WORKERS_MAX; i++)
        mc_rows_close(&web->idle[i]);
    mc_buf_free(&web->shop_url);
    pthread_cond_destroy(&web->work);
    pthread_mutex_destroy(&web->lock);
    mc_free(web);
}

struct mc_feed *mc_web_feed(struct mc_web *web) {
    return web->feed;
}

/* ---- requests ---- */

static void answer_busy(struct mc_http_request *http) {
    mc_http_put_header(http, "Retry-After", "1");
    mc_http_answer_error(http, 503, "busy", "Too many questions at once. Ask again in a second.");
}

static void queue_push(struct mc_web_request *r, const struct mc_web_page *page) {
    struct mc_web *web = r->web;
    struct mc_http_request *http = r->http;
    mc_http_defer(http);
    pthread_mutex_lock(&web->lock);
    bool login = page->handle == mc_do_login;
    bool room = !web->stopped && web->job_count < MC_WEB_JOBS_MAX &&
                (!login || web->logins_waiting < MC_WEB_LOGINS_WAITING_MAX);
    if (room) {
        web->jobs[(web->job_first + web->job_count++) % MC_WEB_JOBS_MAX] = (struct mc_web_job){page, *r};
        web->logins_waiting += login;
        pthread_cond_signal(&web->work);
    }
    pthread_mutex_unlock(&web->lock);
    if (!room)
        answer_busy(http);
}

/* Whether the page is for this viewer; else answers. */
static bool admitted(struct mc_web_request *r, const struct mc_web_page *page) {
    enum mc_viewer_kind kind = r->viewer.kind;
    bool post = strcmp(page->method, "POST") == 0;
    if (post && page->handle != mc_link_unsubscribe && !mc_guard_same_origin(r->web->guard, r->http)) {
        mc_http_answer_error(r->http, 403, "cross_site", "This can only be sent from the dashboard's own pages.");
        return false;
    }
    if (page->need == MC_NEED_NOTHING || page->need == MC_NEED_PAGE || kind == MC_VIEWER_ADMIN ||
        (kind == MC_VIEWER_SHARE && page->need == MC_NEED_READ))
        return true;
    if (kind == MC_VIEWER_SHARE)
        mc_http_answer_error(r->http, 403, "read_only", "A share link does not show this. Sign in to see it.");
    else
        mc_http_answer_error(r->http, 401, "signed_out", "Sign in at /login, or open a share link.");
    return false;
}

static void handle(void *context, struct mc_http_request *http) {
    const struct mc_web_entry *entry = context;
    const struct mc_web_page *page = entry->page;
    struct mc_web_request r = {.web = entry->web, .http = http};
    mc_web_put_headers(http, page->handle == mc_page_mail_body);
    bool anybody = page->need == MC_NEED_NOTHING && page->handle != mc_api_stream && page->handle != mc_page_login;
    if (!anybody)
        r.viewer = mc_guard_viewer(r.web->guard, http, mc_wall_now());
    if (!admitted(&r, page))
        return;
    if (mc_str_equal(mc_http_method(http), MC_STR("HEAD")) && page->handle != mc_page_shell &&
        page->handle != mc_page_asset) { /* does nothing: no stream, no click, no reading */
        mc_http_answer(http, 200, NULL, (struct mc_str){0});
        return;
    }
    if (page->handle == mc_api_stream && r.viewer.kind == MC_VIEWER_NOBODY && mc_http_query(http, "token").len > 0)
        page = &stream_by_token;
    if (page->queued)
        queue_push(&r, page);
    else
        page->handle(&r);
}

size_t mc_web_routes(struct mc_web *web, struct mc_http_route *routes, size_t max) {
    size_t count = sizeof pages / sizeof pages[0];
    assert(count <= max);
    for (size_t i = 0; i < count; i++) {
        web->entries[i] = (struct mc_web_entry){web, &pages[i]};
        routes[i] = (struct mc_http_route){.method = pages[i].method,
                                           .path = pages[i].path,
                                           .body_bytes_max = pages[i].body_bytes_max,
                                           .handle = handle,
                                           .context = &web->entries[i]};
    }
    return count;
}

/* ---- workers ---- */

static bool queue_pop(struct mc_web *web, struct mc_web_job *job) {
    pthread_mutex_lock(&web->lock);
    while (web->job_count == 0 && !web->stopped)
        pthread_cond_wait(&web->work, &web->lock);
    bool there = web->job_count > 0;
    if (there) {
        *job = web->jobs[web->job_first];
        web->job_first = (web->job_first + 1) % MC_WEB_JOBS_MAX;
        web->job_count--;
        web->logins_waiting -= job->page->handle == mc_do_login;
    }
    pthread_mutex_unlock(&web->lock);
    return there;
}

static struct mc_rows *idle_take(struct mc_web *web) {
    struct mc_rows *rows = NULL;
    pthread_mutex_lock(&web->lock);
    for (size_t i = 0; i < MC_WEB_WORKERS_MAX && rows == NULL; i++) {
        rows = web->idle[i];
        web->idle[i] = NULL;
    }
    pthread_mutex_unlock(&web->lock);
    return rows;
}

static void idle_give(struct mc_web *web, struct mc_rows *rows) {
    pthread_mutex_lock(&web->lock);
    for (size_t i = 0; i < MC_WEB_WORKERS_MAX && rows != NULL; i++)
        if (web->idle[i] == NULL) {
            web->idle[i] = rows;
            rows = NULL;
        }
    pthread_mutex_unlock(&web->lock);
    mc_rows_close(&rows);
}

bool mc_web_work(struct mc_web *web) {
    struct mc_web_job job;
    if (!queue_pop(web, &job))
        return false;
    pthread_mutex_lock(&web->lock);
    bool stopped = web->stopped;
    pthread_mutex_unlock(&web->lock);
    if (stopped) {
        answer_busy(job.request.http);
        return true;
    }
    struct mc_error e = {0};
    enum mc_err err = MC_OK;
    job.request.rows = idle_take(web);
    if (job.request.rows == NULL)
        err = mc_rows_open(&job.request.rows, web->settings.store, &e);
    if (err != MC_OK)
        mc_web_answer_failure(&job.request, err, &e);
    else
        job.page->handle(&job.request);
    idle_give(web, job.request.rows);
    return true;
}

void mc_web_stop(struct mc_web *web) {
    struct mc_web_job job;
    pthread_mutex_lock(&web->lock);
    web->stopped = true;
    pthread_cond_broadcast(&web->work);
    pthread_mutex_unlock(&web->lock);
    while (queue_pop(web, &job))
        answer_busy(job.request.http);
}

/* ---- status ---- */

bool mc_web_get_status(struct mc_web *web, struct mc_web_status *status, struct mc_wall *at) {
    pthread_mutex_lock(&web->lock);
    *status = web->status;
    *at = web->status_at;
    pthread_mutex_unlock(&web->lock);
    return at->us != 0;
}

struct mc_time mc_web_clock(struct mc_web_request *r) {
    struct mc_web_status status;
    struct mc_wall at;
    struct mc_report report;
    if (mc_web_get_status(r->web, &status, &at) && !mc_time_is_none(status.clock))
        return status.clock;
    if (mc_report_read(mc_rows_ledger(r->rows), &report, NULL) == MC_OK && !mc_time_is_none(report.clock))
        return report.clock;
    return (struct mc_time){mc_wall_now().us};
}

void mc_web_set_status(struct mc_web *web, const struct mc_web_status *status, struct mc_wall now) {
    struct mc_buf json = {0};
    int64_t minute = now.us / MC_MINUTE_US;
    pthread_mutex_lock(&web->lock);
    web->status = *status;
    web->status_at = now;
    web->minutes[(uint64_t)minute % MC_WEB_MINUTES] = (struct mc_web_minute){minute, *status};
    pthread_mutex_unlock(&web->lock);
    mc_status_json(&json, status, now, mc_feed_position(web->feed));
    if (!json.failed)
        mc_feed_set_status(web->feed, mc_buf_view(&json));
    mc_buf_free(&json);
}

/* What the files of web/ share; private to them. */
#ifndef MC_WEB_INTERNAL_H
#define MC_WEB_INTERNAL_H

#include "web/guard.h"
#include "web/rows.h"
#include "web/web.h"
#include <pthread.h>

enum mc_need {
    MC_NEED_NOTHING, /* anybody */
    MC_NEED_PAGE,    /* who may not is sent to the login page */
    MC_NEED_READ,    /* who may not gets 401: a share link is enough */
    MC_NEED_ADMIN,   /* 401 for nobody, 403 for a share link */
};

struct mc_web_request {
    struct mc_web *web;
    struct mc_http_request *http;
    struct mc_viewer viewer;
    struct mc_rows *rows; /* the worker's; NULL on an HTTP thread */
};

typedef void mc_web_handler(struct mc_web_request *r);

struct mc_web_page {
    const char *method, *path;
    enum mc_need need;
    bool queued; /* done by a worker */
    size_t body_bytes_max;
    mc_web_handler *handle;
};

struct mc_web_entry { /* the context of a route */
    struct mc_web *web;
    const struct mc_web_page *page;
};

struct mc_web_job {
    const struct mc_web_page *page;
    struct mc_web_request request;
};

/* One minute of the service's counts, for the page's history. */
struct mc_web_minute {
    int64_t minute; /* since 1970, of the wall */
    struct mc_web_status status;
};

enum { MC_WEB_MINUTES = 24 * 60, MC_WEB_WORKERS_MAX = 2 };

struct mc_web {
    struct mc_web_settings settings;
    struct mc_buf shop_url; /* where links lead that have nothing better; empty: none */
    struct mc_feed *feed;
    struct mc_guard *guard;
    struct mc_web_entry entries[MC_WEB_ROUTES_MAX];

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    struct mc_web_job jobs[MC_WEB_JOBS_MAX]; /* a ring */
    size_t job_first, job_count, logins_waiting;
    bool stopped;
    struct mc_rows *idle[MC_WEB_WORKERS_MAX]; /* of workers that are between two requests */
    struct mc_web_status status;
    struct mc_wall status_at;                     /* us 0: none yet */
    struct mc_web_minute minutes[MC_WEB_MINUTES]; /* by minute modulo their number */
};

/* Headers that every answer of ours has, and answers that are never kept by a cache. `mail`: the body is a mail. */
void mc_web_put_headers(struct mc_http_request *http, bool mail);
void mc_web_answer_json(struct mc_web_request *r, struct mc_buf *json);
void mc_web_answer_html(struct mc_web_request *r, int status, struct mc_buf *html);
void mc_web_redirect(struct mc_web_request *r, const char *location); /* 303 */
void mc_web_answer_failure(struct mc_web_request *r, enum mc_err err, const struct mc_error *e);

/* Appends text with & < > " ' as references. */
void mc_buf_html(struct mc_buf *b, struct mc_str text);

/* A whole page without script: title, then `body` of HTML. */
void mc_web_plain_page(struct mc_buf *out, const char *title, struct mc_str body);

/* `"at":"2026-01-01T00:00:00Z"`-like values: a time or null. */
void mc_buf_json_time(struct mc_buf *b, int64_t us, int64_t none);

/* The arguments of a request. False after it was answered with 400. */
bool mc_web_arg_time(struct mc_web_request *r, const char *name, int64_t otherwise, int64_t *us);
bool mc_web_arg_int(struct mc_web_request *r, const char *name, int64_t min, int64_t max, int64_t otherwise,
                    int64_t *value);
/* Index of the argument among `names` (of `count`, NULL ones are skipped); -1: not given. */
bool mc_web_arg_choice(struct mc_web_request *r, const char *name, const char *const *names, int count, int *value);

/* ---- what the routes do ---- */
mc_web_handler mc_page_shell, mc_page_asset, mc_page_login, mc_page_share, mc_page_inbox, mc_page_mail,
    mc_page_mail_body;
mc_web_handler mc_do_login, mc_do_logout;
mc_web_handler mc_api_stream, mc_api_stream_by_token, mc_api_summary, mc_api_sales, mc_api_sales_csv, mc_api_carts,
    mc_api_carts_csv, mc_api_cart, mc_api_messages, mc_api_messages_csv, mc_api_rejects, mc_api_rejects_csv,
    mc_api_quality, mc_api_promise;
mc_web_handler mc_link_restore, mc_link_click, mc_link_unsubscribe_page, mc_link_unsubscribe;

/* The status as it was last set; false: never yet. */
bool mc_web_get_status(struct mc_web *web, struct mc_web_status *status, struct mc_wall *at);

/* What the page calls now: the clock of the log, which live is the wall's time; the wall's while there is none. */
struct mc_time mc_web_clock(struct mc_web_request *r);

/* The status as one line of JSON. */
void mc_status_json(struct mc_buf *b, const struct mc_web_status *status, struct mc_wall at, int64_t position);

#endif

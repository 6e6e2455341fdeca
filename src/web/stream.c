/* GET /api/stream: who may, from where, and into the feed. */
#include "web/internal.h"

/* The header is what a browser sends when it comes back; the argument is where a page begins. */
static bool resume_from(struct mc_web_request *r, int64_t *after) {
    struct mc_str id = mc_http_header(r->http, "Last-Event-ID");
    *after = -1;
    if (id.len == 0)
        return mc_web_arg_int(r, "last_event_id", 0, (int64_t)999999999999999999, -1, after);
    int64_t n = 0;
    for (size_t i = 0; i < id.len && i < 18; i++) {
        if (id.data[i] < '0' || id.data[i] > '9')
            return true; /* not of ours: from now on */
        n = n * 10 + (id.data[i] - '0');
    }
    *after = n;
    return true;
}

static void open_stream(struct mc_web_request *r) {
    int64_t after;
    if (!resume_from(r, &after))
        return;
    if (mc_feed_subscribers(r->web->feed) >= MC_FEED_SUBSCRIBERS_MAX) {
        mc_http_put_header(r->http, "Retry-After", "10");
        mc_http_answer_error(r->http, 503, "busy", "Too many pages are connected. Close some, or try again later.");
        return;
    }
    mc_http_put_header(r->http, "Cache-Control", "no-store");
    mc_http_put_header(r->http, "X-Accel-Buffering", "no");
    struct mc_http_stream *stream = mc_http_stream_open(r->http, "text/event-stream");
    if (stream != NULL && !mc_feed_subscribe(r->web->feed, stream, after, mc_str_of(r->viewer.session), mc_wall_now()))
        mc_http_stream_close(&stream);
}

void mc_api_stream(struct mc_web_request *r) {
    if (r->viewer.kind == MC_VIEWER_NOBODY) {
        mc_http_put_header(r->http, "Cache-Control", "no-store");
        mc_http_answer_error(r->http, 401, "signed_out", "Sign in at /login, or open a share link.");
        return;
    }
    open_stream(r);
}

void mc_api_stream_by_token(struct mc_web_request *r) {
    struct mc_wall now = mc_wall_now();
    struct mc_share share;
    struct mc_error e = {0};
    if (!mc_share_check(r->web->settings.access, mc_http_query(r->http, "token"), now, &share)) {
        mc_http_put_header(r->http, "Cache-Control", "no-store");
        mc_http_answer_error(r->http, 401, "bad_token", "This share link is not valid, or was revoked.");
        return;
    }
    enum mc_err err = mc_guard_admit(r->web->guard, r->http, share.id, share.expires_at, now, r->viewer.session, &e);
    if (err != MC_OK)
        mc_web_answer_failure(r, err, &e);
    else
        open_stream(r);
}

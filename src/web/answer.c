/* What all answers have in common, and the arguments of requests. */
#include "web/internal.h"

#include <stdio.h>

/* No script, style, picture or frame but our own, pictures of the catalogue, and none of us inside others. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
                             "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
                             "frame-ancestors 'none'";

/* A mail's own HTML: shown in a frame of ours, with the styles that mails have in them, and nothing else. */
static const char mail_policy[] = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
                                  "img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'";

void mc_web_put_headers(struct mc_http_request *http, bool mail) {
    mc_http_put_header(http, "Content-Security-Policy", mail ? mail_policy : policy);
    mc_http_put_header(http, "X-Content-Type-Options", "nosniff");
    mc_http_put_header(http, "Referrer-Policy", "no-referrer");
    mc_http_put_header(http, "Cross-Origin-Opener-Policy", "same-origin");
}

static void answer(struct mc_web_request *r, int status, const char *type, struct mc_buf *body) {
    if (body->failed)
        mc_http_answer_error(r->http, 503, "no_memory", "The service is short of memory. Try again later.");
    else {
        mc_http_put_header(r->http, "Cache-Control", "no-store");
        mc_http_answer(r->http, status, type, mc_buf_view(body));
    }
    mc_buf_free(body);
}

void mc_web_answer_json(struct mc_web_request *r, struct mc_buf *json) {
    answer(r, 200, "application/json", json);
}

void mc_web_answer_html(struct mc_web_request *r, int status, struct mc_buf *html) {
    answer(r, status, "text/html; charset=utf-8", html);
}

void mc_web_redirect(struct mc_web_request *r, const char *location) {
    mc_http_put_header(r->http, "Cache-Control", "no-store");
    mc_http_put_header(r->http, "Location", location);
    mc_http_answer(r->http, 303, NULL, (struct mc_str){0});
}

void mc_web_answer_failure(struct mc_web_request *r, enum mc_err err, const struct mc_error *e) {
    mc_http_put_header(r->http, "Cache-Control", "no-store");
    if (err != MC_ERR_LIMIT)
        mc_http_put_header(r->http, "Retry-After", "2");
    mc_http_answer_error(r->http, 503, err == MC_ERR_LIMIT ? "too_slow" : "store", e->text);
}

/* ---- HTML ---- */

void mc_buf_html(struct mc_buf *b, struct mc_str text) {
    for (size_t i = 0; i < text.len; i++)
        switch (text.data[i]) {
        case '&':
            mc_buf_text(b, "&amp;");
            break;
        case '<':
            mc_buf_text(b, "&lt;");
            break;
        case '>':
            mc_buf_text(b, "&gt;");
            break;
        case '"':
            mc_buf_text(b, "&quot;");
            break;
        case '\'':
            mc_buf_text(b, "&#39;");
            break;
        default:
            mc_buf_char(b, text.data[i]);
        }
}

void mc_web_plain_page(struct mc_buf *out, const char *title, struct mc_str body) {
    mc_buf_text(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                     "content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">"
                     "<link rel=\"stylesheet\" href=\"/assets/plain.css\"><link rel=\"icon\" href=\"/favicon.svg\">"
                     "<title>");
    mc_buf_html(out, mc_str_of(title));
    mc_buf_text(out, "</title></head><body><main>");
    mc_buf_str(out, body);
    mc_buf_text(out, "</main></body></html>\n");
}

/* ---- values ---- */

void mc_buf_json_time(struct mc_buf *b, int64_t us, int64_t none) {
    if (us == none) {
        mc_buf_text(b, "null");
        return;
    }
    mc_buf_char(b, '"');
    mc_buf_time(b, us);
    mc_buf_char(b, '"');
}

static bool refuse(struct mc_web_request *r, const char *name, const char *what) {
    char text[160];
    snprintf(text, sizeof text, "%s must be %s.", name, what);
    mc_http_put_header(r->http, "Cache-Control", "no-store");
    mc_http_answer_error(r->http, 400, "bad_argument", text);
    return false;
}

bool mc_web_arg_time(struct mc_web_request *r, const char *name, int64_t otherwise, int64_t *us) {
    struct mc_str text = mc_http_query(r->http, name);
    struct mc_time time;
    *us = otherwise;
    if (text.len == 0)
        return true;
    if (!mc_time_parse(text, &time))
        return refuse(r, name, "a time like 2026-01-31T08:00:00Z");
    *us = time.us;
    return true;
}

bool mc_web_arg_int(struct mc_web_request *r, const char *name, int64_t min, int64_t max, int64_t otherwise,
                    int64_t *value) {
    struct mc_str text = mc_http_query(r->http, name);
    char want[64];
    *value = otherwise;
    if (text.len == 0)
        return true;
    int64_t n = 0;
    bool good = text.len <= 18;
    for (size_t i = 0; good && i < text.len; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        n = n * 10 + (text.data[i] - '0');
    }
    snprintf(want, sizeof want, "a number from %lld to %lld", (long long)min, (long long)max);
    if (!good || n < min || n > max)
        return refuse(r, name, want);
    *value = n;
    return true;
}

bool mc_web_arg_choice(struct mc_web_request *r, const char *name, const char *const *names, int count, int *value) {
    struct mc_str text = mc_http_query(r->http, name);
    *value = -1;
    if (text.len == 0)
        return true;
    for (int i = 0; i < count; i++)
        if (names[i] != NULL && mc_str_equal(text, mc_str_of(names[i]))) {
            *value = i;
            return true;
        }
    return refuse(r, name, "one of the names that docs/API.md lists");
}

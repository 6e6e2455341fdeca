#include "source/cors.h"

#include "http/server.h"

static const char ALLOW_HEADERS[] = "authorization, content-type, content-encoding, x-retry-count, anonymousid";

/* An origin as browsers spell it: lower case, no path. */
static bool is_origin(struct mc_str s) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (s.len <= len || memcmp(s.data, schemes[i], len) != 0)
            continue;
        for (size_t at = len; at < s.len; at++)
            if (strchr("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", s.data[at]) == NULL || s.data[at] == '\0')
                return false;
        return true;
    }
    return false;
}

/* As a person writes it: in any case, with a slash at its end. */
static enum mc_err add_origin(struct mc_cors *c, struct mc_str entry, struct mc_error *e) {
    size_t start = c->origins.len;
    if (entry.len == 0)
        return MC_OK;
    if (mc_str_equal(entry, MC_STR("*"))) {
        c->any = true;
        return MC_OK;
    }
    for (size_t i = 0; i < entry.len; i++) {
        char lower = entry.data[i] >= 'A' && entry.data[i] <= 'Z' ? (char)(entry.data[i] | 0x20) : entry.data[i];
        if (lower != '/' || i + 1 < entry.len)
            mc_buf_char(&c->origins, lower);
    }
    if (c->origins.failed)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the list of origins");
    if (!is_origin((struct mc_str){c->origins.data + start, c->origins.len - start}))
        return mc_error_set(e, MC_ERR_USAGE, "%.*s is no origin: write https://shop.example, or * for all pages",
                            (int)(entry.len < 200 ? entry.len : 200), entry.data);
    mc_buf_char(&c->origins, '\0');
    return MC_OK;
}

enum mc_err mc_cors_open(struct mc_cors *c, const char *list, struct mc_error *e) {
    enum mc_err err = MC_OK;
    *c = (struct mc_cors){0};
    for (const char *at = list != NULL ? list : ""; *at != '\0' && err == MC_OK;) {
        size_t len = strcspn(at, ",");
        err = add_origin(c, mc_str_trim((struct mc_str){at, len}), e);
        at += len + (at[len] == ',');
    }
    if (err == MC_OK && c->origins.failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the list of origins");
    if (err != MC_OK)
        mc_cors_close(c);
    return err;
}

void mc_cors_close(struct mc_cors *c) {
    mc_buf_free(&c->origins);
    *c = (struct mc_cors){0};
}

const char *mc_cors_find(const struct mc_cors *c, struct mc_str origin) {
    if (origin.len == 0)
        return NULL;
    if (c->any)
        return "*";
    for (size_t at = 0; at < c->origins.len; at += strlen(c->origins.data + at) + 1)
        if (mc_str_equal(mc_str_of(c->origins.data + at), origin))
            return c->origins.data + at;
    return NULL;
}

void mc_cors_put(const struct mc_cors *c, struct mc_http_request *r) {
    const char *allowed = mc_cors_find(c, mc_http_header(r, "Origin"));
    if (!c->any)
        mc_http_put_header(r, "Vary", "Origin"); /* also without one: a cache must not give this answer to a page */
    if (allowed == NULL)
        return;
    mc_http_put_header(r, "Access-Control-Allow-Origin", allowed);
    mc_http_put_header(r, "Access-Control-Expose-Headers", "Retry-After, X-RateLimit-Reset");
}

void mc_cors_answer(const struct mc_cors *c, struct mc_http_request *r) {
    mc_cors_put(c, r);
    if (mc_cors_find(c, mc_http_header(r, "Origin")) == NULL) {
        mc_http_answer_error(r, 403, "origin_not_allowed",
                             "Pages of this origin may not send from a browser. Add it to the list of allowed origins "
                             "in the service's settings.");
        return;
    }
    mc_http_put_header(r, "Access-Control-Allow-Methods", "GET, POST");
    mc_http_put_header(r, "Access-Control-Allow-Headers", ALLOW_HEADERS);
    mc_http_put_header(r, "Access-Control-Max-Age", "7200");
    mc_http_answer(r, 204, NULL, (struct mc_str){"", 0});
}

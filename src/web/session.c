/* The page's files, signing in and out, share links. */
#include "web/assets.h"
#include "web/internal.h"

/* ---- files ---- */

static void answer_asset(struct mc_web_request *r, const struct mc_asset *asset, const char *keep) {
    struct mc_str etag = asset->etag, known = mc_http_header(r->http, "If-None-Match");
    struct mc_buf text = {0};
    mc_buf_str(&text, etag);
    mc_http_put_header(r->http, "ETag", mc_buf_cstr(&text));
    mc_http_put_header(r->http, "Cache-Control", keep);
    mc_http_put_header(r->http, "Vary", "Accept-Encoding");
    mc_buf_free(&text);
    bool same = known.len >= etag.len && memmem(known.data, known.len, etag.data, etag.len) != NULL;
    struct mc_str accepted = mc_http_header(r->http, "Accept-Encoding");
    bool gzip = accepted.len > 0 && memmem(accepted.data, accepted.len, "gzip", 4) != NULL;
    if (same) {
        mc_http_answer(r->http, 304, NULL, (struct mc_str){0});
        return;
    }
    if (gzip)
        mc_http_put_header(r->http, "Content-Encoding", "gzip");
    mc_http_answer_static(r->http, 200, asset->type, gzip ? asset->gzip : asset->bytes);
}

void mc_page_asset(struct mc_web_request *r) {
    struct mc_asset asset;
    struct mc_str name = mc_http_tail(r->http);
    if (name.len == 0)
        name = MC_STR("favicon.svg");
    if (mc_asset_find(name, &asset)) /* the page names them with their hash: "app.js?v=..." */
        answer_asset(r, &asset,
                     mc_http_query(r->http, "v").len > 0 ? "public, max-age=31536000, immutable" : "no-cache");
    else
        mc_http_answer_error(r->http, 404, "not_found", "There is no such file.");
}

/* A page that leads on by itself. Where another site's link leads to us, the browser holds our cookie back
 * (SameSite=Strict), also from where we would redirect it to; from a page of ours it sends it. */
static void answer_onward(struct mc_web_request *r) {
    struct mc_buf html = {0};
    mc_buf_text(&html, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" "
                       "content=\"0;url=/\"><link rel=\"icon\" href=\"/favicon.svg\"><title>MaxCart</title><p><a "
                       "href=\"/\">To the dashboard</a></p></html>\n");
    mc_web_answer_html(r, 200, &html);
}

void mc_page_shell(struct mc_web_request *r) {
    struct mc_asset asset;
    if (r->viewer.kind == MC_VIEWER_NOBODY &&
        mc_str_equal(mc_http_header(r->http, "Sec-Fetch-Site"), MC_STR("cross-site")))
        answer_onward(r);
    else if (r->viewer.kind == MC_VIEWER_NOBODY)
        mc_web_redirect(r, "/login");
    else if (mc_asset_find(MC_STR("index.html"), &asset))
        answer_asset(r, &asset, "no-cache, private");
    else
        mc_http_answer_error(r->http, 404, "no_page",
                             "This MaxCart was built without its page. The API is at /api/v1/.");
}

/* ---- signing in ---- */

static void answer_login(struct mc_web_request *r, int status, const char *complaint) {
    struct mc_buf body = {0}, html = {0};
    mc_buf_text(&body, "<h1>");
    mc_buf_html(&body, mc_str_of(r->web->settings.store_name[0] != '\0' ? r->web->settings.store_name : "MaxCart"));
    mc_buf_text(&body, "</h1>");
    if (complaint != NULL) {
        mc_buf_text(&body, "<p role=\"alert\" class=\"complaint\">");
        mc_buf_html(&body, mc_str_of(complaint));
        mc_buf_text(&body, "</p>");
    }
    mc_buf_text(&body, "<form method=\"post\" action=\"/login\"><input name=\"username\" value=\"admin\" "
                       "autocomplete=\"username\" hidden><label for=\"password\">Password</label>"
                       "<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" "
                       "required autofocus><button type=\"submit\">Sign in</button></form>"
                       "<p class=\"hint\">It was made when the service first started. A new one: "
                       "<code>maxcart password</code></p>");
    mc_web_plain_page(&html, "Sign in - MaxCart", mc_buf_view(&body));
    html.failed = html.failed || body.failed;
    mc_buf_free(&body);
    mc_web_answer_html(r, status, &html);
}

void mc_page_login(struct mc_web_request *r) {
    if (r->viewer.kind == MC_VIEWER_ADMIN)
        mc_web_redirect(r, "/");
    else
        answer_login(r, 200, NULL);
}

void mc_do_login(struct mc_web_request *r) {
    struct mc_wall now = mc_wall_now();
    struct mc_buf password = {0};
    struct mc_error e = {0};
    char session[MC_SECRET_CHARS + 1];
    if (!mc_guard_try(r->web->guard, mc_http_address(r->http), now)) {
        mc_http_put_header(r->http, "Retry-After", "60");
        answer_login(r, 429, "Too many wrong passwords from here. Wait a minute and try again.");
        return;
    }
    bool right = mc_http_form(r->http, "password", &password) && password.len <= MC_PASSWORD_BYTES_MAX &&
                 mc_password_check(r->web->settings.access, mc_buf_view(&password));
    if (password.data != NULL)
        explicit_bzero(password.data, password.len);
    mc_buf_free(&password);
    if (!right) {
        answer_login(r, 401, "That is not the password.");
        return;
    }
    mc_guard_forgive(r->web->guard, mc_http_address(r->http));
    enum mc_err err = mc_guard_admit(r->web->guard, r->http, 0, (struct mc_wall){0}, now, session, &e);
    if (err != MC_OK)
        mc_web_answer_failure(r, err, &e);
    else
        mc_web_redirect(r, "/");
}

void mc_do_logout(struct mc_web_request *r) {
    struct mc_error e = {0};
    enum mc_err err = mc_guard_dismiss(r->web->guard, r->http, &r->viewer, &e);
    if (err != MC_OK)
        mc_web_answer_failure(r, err, &e);
    else
        mc_web_redirect(r, "/login");
}

/* ---- share links ---- */

void mc_page_share(struct mc_web_request *r) {
    struct mc_wall now = mc_wall_now();
    struct mc_share share;
    struct mc_error e = {0};
    struct mc_buf html = {0};
    char session[MC_SECRET_CHARS + 1];
    if (!mc_share_check(r->web->settings.access, mc_http_tail(r->http), now, &share)) {
        mc_web_plain_page(
            &html, "Not valid - MaxCart",
            MC_STR("<h1>This link does not work</h1><p>It may have been revoked, may have expired, or was "
                   "cut when it was copied. Ask whoever sent it for a new one.</p>"));
        mc_web_answer_html(r, 404, &html);
        return;
    }
    enum mc_err err = mc_guard_admit(r->web->guard, r->http, share.id, share.expires_at, now, session, &e);
    if (err != MC_OK)
        mc_web_answer_failure(r, err, &e);
    else
        answer_onward(r);
}

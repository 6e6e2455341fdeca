/* Who is asking: sessions in cookies, where a POST comes from, how often a password may be tried. Any thread.
 *
 * The cookie is HttpOnly, SameSite=Strict, Path=/, and behind TLS Secure under the name __Host-maxcart, which no other
 * host and no plain connection can set.
 */
#ifndef MC_WEB_GUARD_H
#define MC_WEB_GUARD_H

#include "http/server.h"
#include "store/access.h"

enum mc_viewer_kind { MC_VIEWER_NOBODY, MC_VIEWER_SHARE, MC_VIEWER_ADMIN };

struct mc_viewer {
    enum mc_viewer_kind kind;
    char session[MC_SECRET_CHARS + 1];
};

struct mc_guard;

enum {
    MC_GUARD_TRIES = 5, /* wrong passwords of an address (IPv6: of a /64) in MC_GUARD_WINDOW_S */
    MC_GUARD_WINDOW_S = 60,
    MC_GUARD_ADDRESSES_MAX = 1024, /* remembered; the oldest is forgotten */
    MC_GUARD_SESSION_DAYS = 14,
};

enum mc_err mc_guard_open(struct mc_guard **out, struct mc_access *access, const char *public_url, struct mc_error *e);
void mc_guard_close(struct mc_guard **g);

struct mc_viewer mc_guard_viewer(struct mc_guard *g, const struct mc_http_request *r, struct mc_wall now);

/* Whether a POST comes from a page of ours: by Sec-Fetch-Site, else by Origin against Host and the public URL. A client
 * that sends neither is no browser. */
bool mc_guard_same_origin(const struct mc_guard *g, const struct mc_http_request *r);

/* Whether this address may try a password now; counts the try. mc_guard_forgive: it was right. */
bool mc_guard_try(struct mc_guard *g, const char *address, struct mc_wall now);
void mc_guard_forgive(struct mc_guard *g, const char *address);

/* Makes a session (share 0: the admin) and puts its cookie into the answer. `expires_at` us 0: in
 * MC_GUARD_SESSION_DAYS. `session` gets its text. Does I/O. */
enum mc_err mc_guard_admit(struct mc_guard *g, struct mc_http_request *r, int64_t share, struct mc_wall expires_at,
                           struct mc_wall now, char session[MC_SECRET_CHARS + 1], struct mc_error *e);

/* Ends the session and takes the cookie back. Does I/O. */
enum mc_err mc_guard_dismiss(struct mc_guard *g, struct mc_http_request *r, const struct mc_viewer *viewer,
                             struct mc_error *e);

/* For the feed: whether the session still holds. */
bool mc_guard_allows(void *guard, struct mc_str session, struct mc_wall now);

#endif

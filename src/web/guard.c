#include "web/guard.h"

#include "base/hash.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <pthread.h>

static const char plain_cookie[] = "maxcart", secure_cookie[] = "__Host-maxcart";

struct tries {
    uint64_t address; /* hash; 0: free */
    int64_t since_us;
    int count;
};

struct mc_guard {
    struct mc_access *access;
    const char *public_url; /* borrowed */
    pthread_mutex_t lock;
    struct tries tries[MC_GUARD_ADDRESSES_MAX];
};

enum mc_err mc_guard_open(struct mc_guard **out, struct mc_access *access, const char *public_url, struct mc_error *e) {
    struct mc_guard *g = *out = mc_calloc(1, sizeof *g);
    if (g == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the sessions");
    g->access = access;
    g->public_url = public_url != NULL ? public_url : "";
    pthread_mutex_init(&g->lock, NULL);
    return MC_OK;
}

void mc_guard_close(struct mc_guard **g) {
    if (*g != NULL)
        pthread_mutex_destroy(&(*g)->lock);
    mc_free(*g);
    *g = NULL;
}

/* ---- sessions ---- */

static const char *cookie_name(const struct mc_http_request *r) {
    return mc_http_is_secure(r) ? secure_cookie : plain_cookie;
}

struct mc_viewer mc_guard_viewer(struct mc_guard *g, const struct mc_http_request *r, struct mc_wall now) {
    struct mc_viewer viewer = {MC_VIEWER_NOBODY, ""};
    struct mc_str secret = mc_http_cookie(r, cookie_name(r));
    struct mc_session session;
    if (secret.len == 0 || secret.len > MC_SECRET_CHARS || !mc_session_check(g->access, secret, now, &session))
        return viewer;
    memcpy(viewer.session, secret.data, secret.len);
    viewer.session[secret.len] = '\0';
    viewer.kind = session.share == 0 ? MC_VIEWER_ADMIN : MC_VIEWER_SHARE;
    return viewer;
}

bool mc_guard_allows(void *guard, struct mc_str session, struct mc_wall now) {
    struct mc_guard *g = guard;
    struct mc_session found;
    return session.len > 0 && mc_session_check(g->access, session, now, &found);
}

static void put_cookie(struct mc_http_request *r, const char *value, int64_t seconds) {
    struct mc_buf b = {0};
    mc_buf_printf(&b, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", cookie_name(r), value,
                  (long long)seconds, mc_http_is_secure(r) ? "; Secure" : "");
    mc_http_put_header(r, "Set-Cookie", mc_buf_cstr(&b));
    mc_buf_free(&b);
}

enum mc_err mc_guard_admit(struct mc_guard *g, struct mc_http_request *r, int64_t share, struct mc_wall expires_at,
                           struct mc_wall now, char session[MC_SECRET_CHARS + 1], struct mc_error *e) {
    int64_t last_us = now.us + MC_GUARD_SESSION_DAYS * MC_DAY_US;
    if (expires_at.us == 0 || expires_at.us > last_us)
        expires_at.us = last_us;
    enum mc_err err = mc_session_create(g->access, share, expires_at, session, e);
    if (err == MC_OK)
        put_cookie(r, session, (expires_at.us - now.us) / MC_SECOND_US);
    return err;
}

enum mc_err mc_guard_dismiss(struct mc_guard *g, struct mc_http_request *r, const struct mc_viewer *viewer,
                             struct mc_error *e) {
    put_cookie(r, "", 0);
    return mc_session_end(g->access, mc_str_of(viewer->session), e);
}

/* ---- where a POST comes from ---- */

/* "http://host:port" of a URL ends where its path begins. */
static struct mc_str authority_of(struct mc_str url) {
    struct mc_str s = url;
    for (size_t i = 0; i + 3 <= url.len; i++)
        if (memcmp(url.data + i, "://", 3) == 0) {
            s.data = url.data + i + 3;
            s.len = url.len - i - 3;
            break;
        }
    const char *slash = s.len > 0 ? memchr(s.data, '/', s.len) : NULL;
    return slash != NULL ? (struct mc_str){s.data, (size_t)(slash - s.data)} : s;
}

bool mc_guard_same_origin(const struct mc_guard *g, const struct mc_http_request *r) {
    struct mc_str site = mc_http_header(r, "Sec-Fetch-Site"), origin = mc_http_header(r, "Origin");
    if (site.len > 0)
        return mc_str_equal(site, MC_STR("same-origin")) || mc_str_equal(site, MC_STR("none"));
    if (origin.len == 0)
        return true;
    struct mc_str from = authority_of(origin);
    return mc_str_equal_nocase(from, mc_http_header(r, "Host")) ||
           (g->public_url[0] != '\0' && mc_str_equal_nocase(from, authority_of(mc_str_of(g->public_url))));
}

/* ---- tries ---- */

/* An IPv6 customer has a /64 of addresses; they count as one. */
static uint64_t address_hash(const char *address) {
    unsigned char bytes[16];
    uint64_t hash =
        inet_pton(AF_INET6, address, bytes) == 1 ? mc_hash64(bytes, 8) : mc_hash64(address, strlen(address));
    return hash != 0 ? hash : 1;
}

/* The entry of the address, or that which is to make room for it. */
static struct tries *tries_find(struct mc_guard *g, uint64_t address) {
    struct tries *oldest = &g->tries[0];
    for (size_t i = 0; i < MC_GUARD_ADDRESSES_MAX; i++) {
        if (g->tries[i].address == address)
            return &g->tries[i];
        if (g->tries[i].since_us < oldest->since_us)
            oldest = &g->tries[i];
    }
    return oldest;
}

bool mc_guard_try(struct mc_guard *g, const char *address, struct mc_wall now) {
    uint64_t hash = address_hash(address);
    pthread_mutex_lock(&g->lock);
    struct tries *t = tries_find(g, hash);
    bool over = now.us - t->since_us >= MC_GUARD_WINDOW_S * MC_SECOND_US || now.us < t->since_us;
    if (t->address != hash || over)
        *t = (struct tries){hash, now.us, 0};
    bool may = t->count < MC_GUARD_TRIES;
    t->count += may;
    pthread_mutex_unlock(&g->lock);
    return may;
}

void mc_guard_forgive(struct mc_guard *g, const char *address) {
    uint64_t hash = address_hash(address);
    pthread_mutex_lock(&g->lock);
    struct tries *t = tries_find(g, hash);
    if (t->address == hash)
        *t = (struct tries){0};
    pthread_mutex_unlock(&g->lock);
}

/* Who may do what over HTTP: keys of sources, the admin's password, share links, sessions.
 *
 * One small SQLite file STORE-access (mode 0600) beside the ledger, so that `maxcart keys` and `maxcart share` work
 * while the service runs: several processes may have it open. Secrets are kept hashed (keys, share tokens and session
 * ids are 32 random bytes, so BLAKE2b does; the password by argon2id), compared in constant time, and are told once,
 * when they are made. What checks need is held in memory and read again when the file has changed (looked at most once
 * a second), so a check costs no I/O. Any thread: there is a lock inside.
 */
#ifndef MC_STORE_ACCESS_H
#define MC_STORE_ACCESS_H

#include "base/err.h"
#include "base/time.h"

enum mc_key_kind {
    MC_KEY_SERVER,  /* secret: may set persons' addresses, consent, alias */
    MC_KEY_BROWSER, /* public, in the shop's pages: events only */
    MC_KEY_KINDS
};
extern const char *const mc_key_kind_names[MC_KEY_KINDS]; /* "server", "browser" */

enum {
    MC_SECRET_CHARS = 48,    /* at most: "mk_s_", "mk_b_", "ms_" (link), "mw_" (session) + 43 of base64url; no NUL */
    MC_ACCESS_NAME_MAX = 64, /* bytes of a name: a line of text (mc_text_is_line) */
    MC_PASSWORD_BYTES_MIN = 8,
    MC_PASSWORD_BYTES_MAX = 256,
    MC_SESSIONS_MAX = 1024, /* of the admin, and of each link: beyond it those that would expire first end */
};

struct mc_access;

/* Made if missing. MC_ERR_IO, MC_ERR_FORMAT, MC_ERR_VERSION, MC_ERR_NOMEM, MC_ERR_FULL. */
enum mc_err mc_access_open(struct mc_access **out, const char *store, struct mc_error *e);
void mc_access_close(struct mc_access **a);

/* How often checks look whether another process has changed the file: 1000 by default, 0 at every check. */
void mc_access_look_every(struct mc_access *a, uint32_t ms);

/* ---- keys ---- */

struct mc_key {
    int64_t id;
    enum mc_key_kind kind;
    char name[MC_ACCESS_NAME_MAX + 1];
    struct mc_wall created_at, revoked_at; /* us 0: not revoked */
};

/* A new key's text, not stored: for who must have told it before it counts. */
void mc_key_make(enum mc_key_kind kind, char secret[MC_SECRET_CHARS + 1]);
/* Stores a key that mc_key_make made. MC_ERR_USAGE as below. */
enum mc_err mc_key_add(struct mc_access *a, struct mc_str name, enum mc_key_kind kind, const char *secret,
                       struct mc_wall now, struct mc_error *e);
/* Both at once. */
/* MC_ERR_USAGE: a name that is none or is taken by a key in use. `secret` gets the key's text. */
enum mc_err mc_key_create(struct mc_access *a, struct mc_str name, enum mc_key_kind kind, struct mc_wall now,
                          char secret[MC_SECRET_CHARS + 1], struct mc_error *e);
/* By name or id. MC_ERR_USAGE: there is none in use. */
enum mc_err mc_key_revoke(struct mc_access *a, struct mc_str name, struct mc_wall now, struct mc_error *e);
/* In order of id, revoked ones too. */
enum mc_err mc_key_each(struct mc_access *a, bool (*take)(void *context, const struct mc_key *key), void *context,
                        struct mc_error *e);
/* The key in use that has this text. Looks at all, so the time tells nothing. */
bool mc_key_check(struct mc_access *a, struct mc_str secret, struct mc_key *out);

/* ---- the admin's password ---- */

bool mc_password_is_set(struct mc_access *a);
/* Ends all sessions that a password opened. MC_ERR_USAGE: too short, too long. */
enum mc_err mc_password_set(struct mc_access *a, struct mc_str password, struct mc_error *e);
/* A random one that a person can type: 4 groups of 5 letters and digits. */
void mc_password_make(char out[24]);
/* argon2id, some 0.1 s and 64 MiB: callers limit how often and how many at once. */
bool mc_password_check(struct mc_access *a, struct mc_str password);

/* ---- share links: read-only ---- */

struct mc_share {
    int64_t id;
    char name[MC_ACCESS_NAME_MAX + 1];
    struct mc_wall created_at, revoked_at, expires_at; /* us 0: not, never */
};

enum mc_err mc_share_create(struct mc_access *a, struct mc_str name, struct mc_wall expires_at, struct mc_wall now,
                            char secret[MC_SECRET_CHARS + 1], struct mc_error *e);
/* Ends its sessions too. */
enum mc_err mc_share_revoke(struct mc_access *a, struct mc_str name, struct mc_wall now, struct mc_error *e);
enum mc_err mc_share_each(struct mc_access *a, bool (*take)(void *context, const struct mc_share *share), void *context,
                          struct mc_error *e);
bool mc_share_check(struct mc_access *a, struct mc_str secret, struct mc_wall now, struct mc_share *out);

/* ---- sessions: what a cookie stands for; they outlive a restart ---- */

struct mc_session {
    int64_t share; /* 0: the admin; else read-only, by this share link */
    struct mc_wall expires_at;
};

enum mc_err mc_session_create(struct mc_access *a, int64_t share, struct mc_wall expires_at,
                              char secret[MC_SECRET_CHARS + 1], struct mc_error *e);
bool mc_session_check(struct mc_access *a, struct mc_str secret, struct mc_wall now, struct mc_session *out);
enum mc_err mc_session_end(struct mc_access *a, struct mc_str secret, struct mc_error *e);

#endif

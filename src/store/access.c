/* Two locks, taken in this order, so that a check never waits for the disk:
 *
 *   file_lock    the database handle: whoever writes or reads the file
 *   lock         `now`, the picture in memory that checks look at; held for a look or a swap
 *
 * A check that finds the last look older than a second tries to get file_lock, compares PRAGMA data_version, and reads
 * the tables into a new picture if it moved. When the file is busy the old picture serves until the next look.
 */
#include "store/access.h"

#include "base/mem.h"
#include "store/people.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t MISS_LOOK_NS = 50 * INT64_C(1000000);

enum {
    APPLICATION_ID = 0x4d436163, /* "MCac" */
    VERSION = 1,
    BUSY_MS = 5000,
    RANDOM_BYTES = 32,
    HASH_BYTES = 32,
    LOOK_MS = 1000,
};

const char *const mc_key_kind_names[MC_KEY_KINDS] = {"server", "browser"};
static const char *const key_prefixes[MC_KEY_KINDS] = {"mk_s_", "mk_b_"};
static const char SHARE_PREFIX[] = "ms_", SESSION_PREFIX[] = "mw_";

/* A name is free again when its key or link is revoked. Session ids are found by hash only, so they need no name. */
static const char SCHEMA[] =
    "CREATE TABLE key(id INTEGER PRIMARY KEY,kind INTEGER NOT NULL,name TEXT NOT NULL,hash BLOB NOT NULL UNIQUE,"
    "created_at INTEGER NOT NULL,revoked_at INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE UNIQUE INDEX key_name ON key(name) WHERE revoked_at=0;"
    "CREATE TABLE share(id INTEGER PRIMARY KEY,name TEXT NOT NULL,hash BLOB NOT NULL UNIQUE,"
    "created_at INTEGER NOT NULL,expires_at INTEGER NOT NULL,revoked_at INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE UNIQUE INDEX share_name ON share(name) WHERE revoked_at=0;"
    "CREATE TABLE password(id INTEGER PRIMARY KEY CHECK(id=1),hash TEXT NOT NULL) STRICT;"
    "CREATE TABLE session(id INTEGER PRIMARY KEY,hash BLOB NOT NULL UNIQUE,share INTEGER NOT NULL,"
    "expires_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX session_share ON session(share,expires_at);";

struct held_key {
    struct mc_key key;
    unsigned char hash[HASH_BYTES];
};

struct held_share {
    struct mc_share share;
    unsigned char hash[HASH_BYTES];
};

struct held_session {
    struct mc_session session;
    unsigned char hash[HASH_BYTES];
};

/* What is in use. Arrays of fixed records, so that a check walks them without a pointer to follow. */
struct picture {
    struct mc_buf keys, shares, sessions; /* of held_key, held_share, held_session */
    char password[crypto_pwhash_STRBYTES];
};

struct mc_access {
    char *path;
    pthread_mutex_t file_lock;
    sqlite3 *db;
    int64_t data_version;

    pthread_mutex_t lock;
    struct picture now;
    int64_t looked_ns, look_every_ns;
};

/* ---- errors ---- */

static enum mc_err fail(const struct mc_access *a, enum mc_err err, const char *why, struct mc_error *e) {
    return mc_error_set(e, err, "access file %s: %s", a->path, why);
}

static enum mc_err sql_error(const struct mc_access *a, int code, const char *doing, struct mc_error *e) {
    int base = code & 0xff;
    enum mc_err err = base == SQLITE_FULL      ? MC_ERR_FULL
                      : base == SQLITE_NOMEM   ? MC_ERR_NOMEM
                      : base == SQLITE_CORRUPT ? MC_ERR_FORMAT
                      : base == SQLITE_NOTADB  ? MC_ERR_FORMAT
                                               : MC_ERR_IO;
    if (err == MC_ERR_IO && a->db != NULL && mc_err_of_errno(sqlite3_system_errno(a->db)) == MC_ERR_FULL)
        err = MC_ERR_FULL;
    return mc_error_set(e, err, "access file %s: cannot %s: %s", a->path, doing,
                        a->db != NULL ? sqlite3_errmsg(a->db) : sqlite3_errstr(code));
}

/* ---- statements: few and rare, so each is prepared for its one use ---- */

/* `types` says what the arguments are: i int64_t, s struct mc_str as text, b 32 bytes of a hash. NULL on an error. */
static sqlite3_stmt *prepare(struct mc_access *a, int *code, const char *sql, const char *types, va_list values) {
    sqlite3_stmt *s = NULL;
    *code = sqlite3_prepare_v2(a->db, sql, -1, &s, NULL);
    for (int at = 1; *code == SQLITE_OK && types[at - 1] != '\0'; at++) {
        struct mc_str text;
        if (types[at - 1] == 'i') {
            *code = sqlite3_bind_int64(s, at, va_arg(values, int64_t));
        } else if (types[at - 1] == 's') {
            text = va_arg(values, struct mc_str);
            *code = sqlite3_bind_text(s, at, text.data, (int)text.len, SQLITE_TRANSIENT);
        } else {
            *code = sqlite3_bind_blob(s, at, va_arg(values, const unsigned char *), HASH_BYTES, SQLITE_TRANSIENT);
        }
    }
    if (*code == SQLITE_OK)
        return s;
    sqlite3_finalize(s);
    return NULL;
}

/* Runs a statement that gives no row. */
static int run(struct mc_access *a, const char *sql, const char *types, ...) {
    va_list values;
    int code;
    va_start(values, types);
    sqlite3_stmt *s = prepare(a, &code, sql, types, values);
    va_end(values);
    if (s == NULL)
        return code;
    code = sqlite3_step(s);
    sqlite3_finalize(s);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* The first value of the first row; `none` when there is no row. */
static int scalar(struct mc_access *a, int64_t *out, int64_t none, const char *sql, const char *types, ...) {
    va_list values;
    int code;
    va_start(values, types);
    sqlite3_stmt *s = prepare(a, &code, sql, types, values);
    va_end(values);
    *out = none;
    if (s == NULL)
        return code;
    code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static void column_name(sqlite3_stmt *s, int at, char name[MC_ACCESS_NAME_MAX + 1]) {
    const unsigned char *text = sqlite3_column_text(s, at);
    snprintf(name, MC_ACCESS_NAME_MAX + 1, "%s", text != NULL ? (const char *)text : "");
}

/* A hash of another length is damage: it becomes one that no secret has, but by guessing 256 bits. */
static void column_hash(sqlite3_stmt *s, int at, unsigned char hash[HASH_BYTES]) {
    const void *data = sqlite3_column_blob(s, at);
    if (data != NULL && sqlite3_column_bytes(s, at) == HASH_BYTES)
        memcpy(hash, data, HASH_BYTES);
    else
        randombytes_buf(hash, HASH_BYTES);
}

/* ---- rows ---- */

static const char KEY_ROWS[] = "SELECT id,kind,name,created_at,revoked_at,hash FROM key ORDER BY id";
static const char SHARE_ROWS[] = "SELECT id,name,created_at,revoked_at,expires_at,hash FROM share ORDER BY id";
static const char SESSION_ROWS[] = "SELECT share,expires_at,hash FROM session ORDER BY id";

static void read_key(sqlite3_stmt *s, struct held_key *k) {
    memset(k, 0, sizeof *k);
    k->key.id = sqlite3_column_int64(s, 0);
    k->key.kind = sqlite3_column_int(s, 1) == MC_KEY_SERVER ? MC_KEY_SERVER : MC_KEY_BROWSER;
    column_name(s, 2, k->key.name);
    k->key.created_at.us = sqlite3_column_int64(s, 3);
    k->key.revoked_at.us = sqlite3_column_int64(s, 4);
    column_hash(s, 5, k->hash);
}

static void read_share(sqlite3_stmt *s, struct held_share *h) {
    memset(h, 0, sizeof *h);
    h->share.id = sqlite3_column_int64(s, 0);
    column_name(s, 1, h->share.name);
    h->share.created_at.us = sqlite3_column_int64(s, 2);
    h->share.revoked_at.us = sqlite3_column_int64(s, 3);
    h->share.expires_at.us = sqlite3_column_int64(s, 4);
    column_hash(s, 5, h->hash);
}

static void read_session(sqlite3_stmt *s, struct held_session *h) {
    memset(h, 0, sizeof *h);
    h->session.share = sqlite3_column_int64(s, 0);
    h->session.expires_at.us = sqlite3_column_int64(s, 1);
    column_hash(s, 2, h->hash);
}

/* ---- the picture in memory ---- */

static void picture_free(struct picture *p) {
    mc_buf_free(&p->keys);
    mc_buf_free(&p->shares);
    mc_buf_free(&p->sessions);
    sodium_memzero(p->password, sizeof p->password);
}

static void add_key(struct picture *p, sqlite3_stmt *s) {
    struct held_key k;
    read_key(s, &k);
    if (k.key.revoked_at.us == 0)
        mc_buf_append(&p->keys, &k, sizeof k);
}

static void add_share(struct picture *p, sqlite3_stmt *s) {
    struct held_share h;
    read_share(s, &h);
    if (h.share.revoked_at.us == 0)
        mc_buf_append(&p->shares, &h, sizeof h);
}

static void add_session(struct picture *p, sqlite3_stmt *s) {
    struct held_session h;
    read_session(s, &h);
    mc_buf_append(&p->sessions, &h, sizeof h);
}

static void add_password(struct picture *p, sqlite3_stmt *s) {
    const unsigned char *text = sqlite3_column_text(s, 0);
    snprintf(p->password, sizeof p->password, "%s", text != NULL ? (const char *)text : "");
}

static int read_rows(struct mc_access *a, struct picture *p, const char *sql,
                     void (*add)(struct picture *, sqlite3_stmt *)) {
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(a->db, sql, -1, &s, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        add(p, s);
        code = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* All tables in one transaction, so that the picture is of one instant and data_version belongs to it. */
static int picture_read(struct mc_access *a, struct picture *p, int64_t *data_version) {
    int code = run(a, "BEGIN", "");
    if (code != SQLITE_OK)
        return code;
    code = read_rows(a, p, KEY_ROWS, add_key);
    if (code == SQLITE_OK)
        code = read_rows(a, p, SHARE_ROWS, add_share);
    if (code == SQLITE_OK)
        code = read_rows(a, p, SESSION_ROWS, add_session);
    if (code == SQLITE_OK)
        code = read_rows(a, p, "SELECT hash FROM password", add_password);
    if (code == SQLITE_OK)
        code = scalar(a, data_version, 0, "PRAGMA data_version", "");
    run(a, "COMMIT", "");
    if (code == SQLITE_OK && (p->keys.failed || p->shares.failed || p->sessions.failed))
        code = SQLITE_NOMEM;
    return code;
}

/* Under file_lock. On an error the old picture stays. */
static int reload(struct mc_access *a) {
    struct picture fresh = {0}, old;
    int64_t data_version = 0;
    int code = picture_read(a, &fresh, &data_version);
    if (code != SQLITE_OK) {
        picture_free(&fresh);
        return code;
    }
    a->data_version = data_version;
    pthread_mutex_lock(&a->lock);
    old = a->now;
    a->now = fresh;
    pthread_mutex_unlock(&a->lock);
    picture_free(&old);
    return SQLITE_OK;
}

/* Whether this caller is the one to look now: nobody did for so long. */
static bool claim_look(struct mc_access *a, int64_t every_ns) {
    int64_t now = mc_monotonic_ns();
    pthread_mutex_lock(&a->lock);
    bool due = now - a->looked_ns >= (every_ns < a->look_every_ns ? every_ns : a->look_every_ns);
    if (due)
        a->looked_ns = now;
    pthread_mutex_unlock(&a->lock);
    return due;
}

static void look_if_older(struct mc_access *a, int64_t every_ns) {
    if (!claim_look(a, every_ns) || pthread_mutex_trylock(&a->file_lock) != 0)
        return;
    int64_t version = a->data_version;
    sqlite3_busy_timeout(a->db, 0);
    if (scalar(a, &version, 0, "PRAGMA data_version", "") == SQLITE_OK && version != a->data_version)
        reload(a);
    sqlite3_busy_timeout(a->db, BUSY_MS);
    pthread_mutex_unlock(&a->file_lock);
}

static void look(struct mc_access *a) {
    look_if_older(a, INT64_MAX);
}

/* What is not known may have been made a moment ago: whoever has just made it should not be told no. */
static void look_again(struct mc_access *a) {
    look_if_older(a, MISS_LOOK_NS);
}

/* ---- secrets ---- */

static void secret_make(const char *prefix, char secret[MC_SECRET_CHARS + 1], unsigned char hash[HASH_BYTES]) {
    unsigned char random[RANDOM_BYTES];
    size_t at = strlen(prefix);
    assert(at + sodium_base64_ENCODED_LEN(RANDOM_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
           MC_SECRET_CHARS + 1);
    randombytes_buf(random, sizeof random);
    memcpy(secret, prefix, at);
    sodium_bin2base64(secret + at, MC_SECRET_CHARS + 1 - at, random, sizeof random,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
    crypto_generichash(hash, HASH_BYTES, (const unsigned char *)secret, strlen(secret), NULL, 0);
}

/* The hash of what somebody sent; a text that is too long is none of ours and is not worth hashing. */
static bool secret_hash(struct mc_str secret, unsigned char hash[HASH_BYTES]) {
    if (secret.len == 0 || secret.len > MC_SECRET_CHARS)
        return false;
    crypto_generichash(hash, HASH_BYTES, (const unsigned char *)secret.data, secret.len, NULL, 0);
    return true;
}

/* Index of the record whose hash at `hash_at` is this one; -1: none. Goes through all, whatever it finds. */
static ptrdiff_t find_hash(const struct mc_buf *records, size_t size, size_t hash_at, const unsigned char *hash) {
    ptrdiff_t found = -1;
    for (size_t i = 0; i < records->len / size; i++)
        if (sodium_memcmp(records->data + i * size + hash_at, hash, HASH_BYTES) == 0)
            found = (ptrdiff_t)i;
    return found;
}

/* ---- opening ---- */

/* Only when it is missing or too open: closing a descriptor of the file would drop another handle's locks. */
static enum mc_err file_prepare(struct mc_access *a, struct mc_error *e) {
    struct stat st;
    int fd = open(a->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return MC_OK;
    }
    if (errno != EEXIST || stat(a->path, &st) != 0)
        return fail(a, mc_err_of_errno(errno), strerror(errno), e);
    if (!S_ISREG(st.st_mode))
        return fail(a, MC_ERR_IO, "is not a regular file", e);
    if ((st.st_mode & 077) != 0 && chmod(a->path, 0600) != 0)
        return fail(a, mc_err_of_errno(errno), "others may read it, and its mode cannot be changed to 0600", e);
    return MC_OK;
}

static enum mc_err version_check(struct mc_access *a, bool *empty, struct mc_error *e) {
    int64_t application, version, tables;
    int code = scalar(a, &application, 0, "PRAGMA application_id", "");
    if (code == SQLITE_OK)
        code = scalar(a, &version, 0, "PRAGMA user_version", "");
    if (code == SQLITE_OK)
        code = scalar(a, &tables, 0, "SELECT count(*) FROM sqlite_schema", "");
    if (code != SQLITE_OK)
        return sql_error(a, code, "read it", e);
    *empty = application == 0 && version == 0 && tables == 0;
    if (!*empty && application != APPLICATION_ID)
        return fail(a, MC_ERR_FORMAT, "is an SQLite database, but not a file of keys", e);
    if (version > VERSION)
        return fail(a, MC_ERR_VERSION, "was made by a newer MaxCart", e);
    return MC_OK;
}

/* In a transaction, since another process may be making the tables at the same moment. */
static enum mc_err tables_make(struct mc_access *a, struct mc_error *e) {
    bool empty = false;
    int code = run(a, "BEGIN IMMEDIATE", "");
    if (code != SQLITE_OK)
        return sql_error(a, code, "begin", e);
    enum mc_err err = version_check(a, &empty, e);
    if (err == MC_OK && empty) {
        char pragmas[80];
        snprintf(pragmas, sizeof pragmas, "PRAGMA application_id=%d;PRAGMA user_version=%d", APPLICATION_ID, VERSION);
        code = sqlite3_exec(a->db, SCHEMA, NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(a->db, pragmas, NULL, NULL, NULL);
        err = code == SQLITE_OK ? MC_OK : sql_error(a, code, "make its tables", e);
    }
    if (err == MC_OK && (code = run(a, "COMMIT", "")) != SQLITE_OK)
        err = sql_error(a, code, "make its tables", e);
    if (err != MC_OK)
        run(a, "ROLLBACK", "");
    return err;
}

/* A rollback journal, not WAL: writes are rare, and one file of mode 0600 is all there is between them. */
static enum mc_err database_open(struct mc_access *a, struct mc_error *e) {
    int code =
        sqlite3_open_v2(a->path, &a->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(a->db, BUSY_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(a->db, "PRAGMA synchronous=FULL;PRAGMA trusted_schema=OFF;PRAGMA cache_size=-256", NULL,
                            NULL, NULL);
    if (code != SQLITE_OK)
        return sql_error(a, code, "open it", e);
    bool empty = false;
    enum mc_err err = version_check(a, &empty, e);
    if (err == MC_OK && empty)
        err = tables_make(a, e);
    if (err == MC_OK && (code = reload(a)) != SQLITE_OK)
        err = sql_error(a, code, "read it", e);
    return err;
}

static bool path_make(struct mc_access *a, const char *store) {
    struct mc_buf path = {0};
    mc_buf_printf(&path, "%s-access", store);
    mc_buf_char(&path, '\0');
    if (path.failed)
        mc_buf_free(&path);
    a->path = path.data;
    return a->path != NULL;
}

enum mc_err mc_access_open(struct mc_access **out, const char *store, struct mc_error *e) {
    *out = NULL;
    if (sodium_init() < 0)
        return mc_error_set(e, MC_ERR_IO, "access file %s-access: libsodium cannot start", store);
    struct mc_access *a = mc_calloc(1, sizeof *a);
    if (a == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "access file %s-access: no memory", store);
    pthread_mutex_init(&a->file_lock, NULL);
    pthread_mutex_init(&a->lock, NULL);
    a->looked_ns = mc_monotonic_ns();
    a->look_every_ns = LOOK_MS * INT64_C(1000000);
    enum mc_err err = MC_OK;
    if (!path_make(a, store))
        err = mc_error_set(e, MC_ERR_NOMEM, "access file %s-access: no memory", store);
    if (err == MC_OK)
        err = file_prepare(a, e);
    if (err == MC_OK)
        err = database_open(a, e);
    if (err != MC_OK)
        mc_access_close(&a);
    *out = a;
    return err;
}

void mc_access_close(struct mc_access **out) {
    struct mc_access *a = *out;
    if (a == NULL)
        return;
    int code = sqlite3_close(a->db);
    assert(code == SQLITE_OK);
    (void)code;
    picture_free(&a->now);
    pthread_mutex_destroy(&a->file_lock);
    pthread_mutex_destroy(&a->lock);
    mc_free(a->path);
    mc_free(a);
    *out = NULL;
}

void mc_access_look_every(struct mc_access *a, uint32_t ms) {
    pthread_mutex_lock(&a->lock);
    a->look_every_ns = (int64_t)ms * 1000000;
    pthread_mutex_unlock(&a->lock);
}

/* ---- writing ---- */

/* Takes file_lock and begins; on an error neither is held. */
static enum mc_err write_begin(struct mc_access *a, struct mc_error *e) {
    pthread_mutex_lock(&a->file_lock);
    int code = run(a, "BEGIN IMMEDIATE", "");
    if (code == SQLITE_OK)
        return MC_OK;
    enum mc_err err = sql_error(a, code, "begin to write", e);
    pthread_mutex_unlock(&a->file_lock);
    return err;
}

/* Commits when all went well, else rolls back, and lets go. What was written is in memory when this returns: a reload
 * that fails leaves the look of the next second to do it (the version kept is no longer the file's). */
static enum mc_err write_end(struct mc_access *a, enum mc_err err, int code, const char *doing, struct mc_error *e) {
    if (err == MC_OK && code == SQLITE_OK)
        code = run(a, "COMMIT", "");
    if (err == MC_OK && code != SQLITE_OK)
        err = sql_error(a, code, doing, e);
    if (err != MC_OK)
        run(a, "ROLLBACK", "");
    else if (reload(a) != SQLITE_OK)
        a->data_version = -1;
    pthread_mutex_unlock(&a->file_lock);
    return err;
}

/* A name or the decimal id of a row in use; 0: there is none. */
static int row_in_use(struct mc_access *a, const char *by_name, const char *by_id, struct mc_str name, int64_t *id) {
    int code = scalar(a, id, 0, by_name, "s", name);
    if (code != SQLITE_OK || *id != 0 || name.len == 0 || name.len > 18)
        return code;
    int64_t number = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9')
            return code;
        number = number * 10 + (name.data[i] - '0');
    }
    return scalar(a, id, 0, by_id, "i", number);
}

static enum mc_err name_check(struct mc_access *a, struct mc_str name, struct mc_error *e) {
    if (name.len == 0 || !mc_text_is_line(name, MC_ACCESS_NAME_MAX))
        return fail(a, MC_ERR_USAGE, "a name is one line of 1 to 64 bytes of UTF-8", e);
    return MC_OK;
}

/* ---- keys ---- */

static const char KEY_BY_NAME[] = "SELECT id FROM key WHERE name=?1 AND revoked_at=0";
static const char KEY_BY_ID[] = "SELECT id FROM key WHERE id=?1 AND revoked_at=0";

void mc_key_make(enum mc_key_kind kind, char secret[MC_SECRET_CHARS + 1]) {
    unsigned char hash[HASH_BYTES];
    assert((unsigned)kind < MC_KEY_KINDS);
    secret_make(key_prefixes[kind], secret, hash);
}

enum mc_err mc_key_add(struct mc_access *a, struct mc_str name, enum mc_key_kind kind, const char *secret,
                       struct mc_wall now, struct mc_error *e) {
    unsigned char hash[HASH_BYTES];
    int64_t taken;
    enum mc_err err = name_check(a, name, e);
    if (err == MC_OK)
        err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    int code = scalar(a, &taken, 0, KEY_BY_NAME, "s", name);
    if (code == SQLITE_OK && taken != 0)
        err = mc_error_set(e, MC_ERR_USAGE, "there is a key named %.*s already: revoke it first, or take another name",
                           (int)name.len, name.data);
    crypto_generichash(hash, HASH_BYTES, (const unsigned char *)secret, strlen(secret), NULL, 0);
    if (code == SQLITE_OK && err == MC_OK)
        code = run(a, "INSERT INTO key(kind,name,hash,created_at) VALUES(?1,?2,?3,?4)", "isbi", (int64_t)kind, name,
                   hash, now.us);
    return write_end(a, err, code, "write the key", e);
}

enum mc_err mc_key_create(struct mc_access *a, struct mc_str name, enum mc_key_kind kind, struct mc_wall now,
                          char secret[MC_SECRET_CHARS + 1], struct mc_error *e) {
    mc_key_make(kind, secret);
    enum mc_err err = mc_key_add(a, name, kind, secret, now, e);
    if (err != MC_OK)
        sodium_memzero(secret, MC_SECRET_CHARS + 1);
    return err;
}

enum mc_err mc_key_revoke(struct mc_access *a, struct mc_str name, struct mc_wall now, struct mc_error *e) {
    int64_t id;
    enum mc_err err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    int code = row_in_use(a, KEY_BY_NAME, KEY_BY_ID, name, &id);
    if (code == SQLITE_OK && id == 0)
        err = mc_error_set(e, MC_ERR_USAGE, "there is no key %.*s in use", (int)(name.len < 64 ? name.len : 64),
                           name.data);
    else if (code == SQLITE_OK)
        code = run(a, "UPDATE key SET revoked_at=max(?2,1) WHERE id=?1", "ii", id, now.us);
    return write_end(a, err, code, "revoke the key", e);
}

enum mc_err mc_key_each(struct mc_access *a, bool (*take)(void *context, const struct mc_key *key), void *context,
                        struct mc_error *e) {
    sqlite3_stmt *s = NULL;
    struct held_key k;
    pthread_mutex_lock(&a->file_lock);
    int code = sqlite3_prepare_v2(a->db, KEY_ROWS, -1, &s, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        read_key(s, &k);
        code = take(context, &k.key) ? SQLITE_OK : SQLITE_DONE;
    }
    sqlite3_finalize(s);
    enum mc_err err = code == SQLITE_DONE ? MC_OK : sql_error(a, code, "read the keys", e);
    pthread_mutex_unlock(&a->file_lock);
    return err;
}

static bool find_key(struct mc_access *a, const unsigned char hash[HASH_BYTES], struct mc_key *out) {
    pthread_mutex_lock(&a->lock);
    ptrdiff_t at = find_hash(&a->now.keys, sizeof(struct held_key), offsetof(struct held_key, hash), hash);
    if (at >= 0)
        *out = ((const struct held_key *)(const void *)a->now.keys.data)[at].key;
    pthread_mutex_unlock(&a->lock);
    return at >= 0;
}

bool mc_key_check(struct mc_access *a, struct mc_str secret, struct mc_key *out) {
    unsigned char hash[HASH_BYTES];
    look(a);
    if (!secret_hash(secret, hash))
        return false;
    if (find_key(a, hash, out))
        return true;
    look_again(a);
    return find_key(a, hash, out);
}

/* ---- the admin's password ---- */

static bool password_get(struct mc_access *a, char out[crypto_pwhash_STRBYTES]) {
    look(a);
    pthread_mutex_lock(&a->lock);
    memcpy(out, a->now.password, crypto_pwhash_STRBYTES);
    pthread_mutex_unlock(&a->lock);
    return out[0] != '\0';
}

bool mc_password_is_set(struct mc_access *a) {
    char hash[crypto_pwhash_STRBYTES];
    return password_get(a, hash);
}

enum mc_err mc_password_set(struct mc_access *a, struct mc_str password, struct mc_error *e) {
    char hash[crypto_pwhash_STRBYTES];
    if (password.len < MC_PASSWORD_BYTES_MIN || password.len > MC_PASSWORD_BYTES_MAX)
        return mc_error_set(e, MC_ERR_USAGE, "a password has %d to %d bytes", MC_PASSWORD_BYTES_MIN,
                            MC_PASSWORD_BYTES_MAX);
    if (crypto_pwhash_str(hash, password.data, password.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return fail(a, MC_ERR_NOMEM, "no memory to hash the password (64 MiB)", e);
    enum mc_err err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    int code = run(a, "INSERT OR REPLACE INTO password(id,hash) VALUES(1,?1)", "s", mc_str_of(hash));
    if (code == SQLITE_OK)
        code = run(a, "DELETE FROM session WHERE share=0", "");
    return write_end(a, MC_OK, code, "write the password", e);
}

/* 31 letters and digits that cannot be taken for each other: 20 of them are 99 bits. */
void mc_password_make(char out[24]) {
    static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789";
    char *at = out;
    for (int i = 0; i < 20; i++) {
        if (i > 0 && i % 5 == 0)
            *at++ = '-';
        *at++ = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    }
    *at = '\0';
    assert(at == out + 23);
}

bool mc_password_check(struct mc_access *a, struct mc_str password) {
    char hash[crypto_pwhash_STRBYTES];
    if (password.len > MC_PASSWORD_BYTES_MAX || !password_get(a, hash))
        return false;
    return crypto_pwhash_str_verify(hash, password.data != NULL ? password.data : "", password.len) == 0;
}

/* ---- share links ---- */

static const char SHARE_BY_NAME[] = "SELECT id FROM share WHERE name=?1 AND revoked_at=0";
static const char SHARE_BY_ID[] = "SELECT id FROM share WHERE id=?1 AND revoked_at=0";

enum mc_err mc_share_create(struct mc_access *a, struct mc_str name, struct mc_wall expires_at, struct mc_wall now,
                            char secret[MC_SECRET_CHARS + 1], struct mc_error *e) {
    unsigned char hash[HASH_BYTES];
    int64_t taken;
    secret[0] = '\0';
    enum mc_err err = name_check(a, name, e);
    if (err == MC_OK)
        err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    int code = scalar(a, &taken, 0, SHARE_BY_NAME, "s", name);
    if (code == SQLITE_OK && taken != 0)
        err = mc_error_set(e, MC_ERR_USAGE, "there is a link named %.*s already: revoke it first, or take another name",
                           (int)name.len, name.data);
    secret_make(SHARE_PREFIX, secret, hash);
    if (code == SQLITE_OK && err == MC_OK)
        code = run(a, "INSERT INTO share(name,hash,created_at,expires_at) VALUES(?1,?2,?3,?4)", "sbii", name, hash,
                   now.us, expires_at.us);
    err = write_end(a, err, code, "write the link", e);
    if (err != MC_OK)
        sodium_memzero(secret, MC_SECRET_CHARS + 1);
    return err;
}

enum mc_err mc_share_revoke(struct mc_access *a, struct mc_str name, struct mc_wall now, struct mc_error *e) {
    int64_t id;
    enum mc_err err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    int code = row_in_use(a, SHARE_BY_NAME, SHARE_BY_ID, name, &id);
    if (code == SQLITE_OK && id == 0)
        err = mc_error_set(e, MC_ERR_USAGE, "there is no link %.*s in use", (int)(name.len < 64 ? name.len : 64),
                           name.data);
    else if (code == SQLITE_OK)
        code = run(a, "UPDATE share SET revoked_at=max(?2,1) WHERE id=?1", "ii", id, now.us);
    if (code == SQLITE_OK && id != 0)
        code = run(a, "DELETE FROM session WHERE share=?1", "i", id);
    return write_end(a, err, code, "revoke the link", e);
}

enum mc_err mc_share_each(struct mc_access *a, bool (*take)(void *context, const struct mc_share *share), void *context,
                          struct mc_error *e) {
    sqlite3_stmt *s = NULL;
    struct held_share h;
    pthread_mutex_lock(&a->file_lock);
    int code = sqlite3_prepare_v2(a->db, SHARE_ROWS, -1, &s, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        read_share(s, &h);
        code = take(context, &h.share) ? SQLITE_OK : SQLITE_DONE;
    }
    sqlite3_finalize(s);
    enum mc_err err = code == SQLITE_DONE ? MC_OK : sql_error(a, code, "read the links", e);
    pthread_mutex_unlock(&a->file_lock);
    return err;
}

static bool share_lives(const struct mc_share *share, struct mc_wall now) {
    return share->expires_at.us == 0 || share->expires_at.us > now.us;
}

static bool find_share(struct mc_access *a, const unsigned char hash[HASH_BYTES], struct mc_wall now,
                       struct mc_share *out) {
    pthread_mutex_lock(&a->lock);
    const struct held_share *all = (const struct held_share *)(const void *)a->now.shares.data;
    ptrdiff_t at = find_hash(&a->now.shares, sizeof *all, offsetof(struct held_share, hash), hash);
    bool good = at >= 0 && share_lives(&all[at].share, now);
    if (good)
        *out = all[at].share;
    pthread_mutex_unlock(&a->lock);
    return good;
}

bool mc_share_check(struct mc_access *a, struct mc_str secret, struct mc_wall now, struct mc_share *out) {
    unsigned char hash[HASH_BYTES];
    look(a);
    if (!secret_hash(secret, hash))
        return false;
    if (find_share(a, hash, now, out))
        return true;
    look_again(a);
    return find_share(a, hash, now, out);
}

/* ---- sessions ---- */

/* Beyond the bound those of the same opener that would expire first go: a clock is not needed for it. */
enum mc_err mc_session_create(struct mc_access *a, int64_t share, struct mc_wall expires_at,
                              char secret[MC_SECRET_CHARS + 1], struct mc_error *e) {
    unsigned char hash[HASH_BYTES];
    secret[0] = '\0';
    enum mc_err err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    secret_make(SESSION_PREFIX, secret, hash);
    int code = run(a,
                   "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE share=?1"
                   " ORDER BY expires_at DESC,id DESC LIMIT -1 OFFSET ?2)",
                   "ii", share, (int64_t)MC_SESSIONS_MAX - 1);
    if (code == SQLITE_OK)
        code = run(a, "INSERT INTO session(hash,share,expires_at) VALUES(?1,?2,?3)", "bii", hash, share, expires_at.us);
    err = write_end(a, MC_OK, code, "write the session", e);
    if (err != MC_OK)
        sodium_memzero(secret, MC_SECRET_CHARS + 1);
    return err;
}

/* Under lock: the admin's session, or one of a link that is still in use. */
static bool session_lives(const struct mc_access *a, const struct mc_session *session, struct mc_wall now) {
    if (session->expires_at.us <= now.us)
        return false;
    if (session->share == 0)
        return true;
    const struct held_share *all = (const struct held_share *)(const void *)a->now.shares.data;
    for (size_t i = 0; i < a->now.shares.len / sizeof *all; i++)
        if (all[i].share.id == session->share)
            return share_lives(&all[i].share, now);
    return false;
}

bool mc_session_check(struct mc_access *a, struct mc_str secret, struct mc_wall now, struct mc_session *out) {
    unsigned char hash[HASH_BYTES];
    look(a);
    if (!secret_hash(secret, hash))
        return false;
    pthread_mutex_lock(&a->lock);
    const struct held_session *all = (const struct held_session *)(const void *)a->now.sessions.data;
    ptrdiff_t at = find_hash(&a->now.sessions, sizeof *all, offsetof(struct held_session, hash), hash);
    bool good = at >= 0 && session_lives(a, &all[at].session, now);
    if (good)
        *out = all[at].session;
    pthread_mutex_unlock(&a->lock);
    return good;
}

enum mc_err mc_session_end(struct mc_access *a, struct mc_str secret, struct mc_error *e) {
    unsigned char hash[HASH_BYTES];
    if (!secret_hash(secret, hash))
        return MC_OK;
    enum mc_err err = write_begin(a, e);
    if (err != MC_OK)
        return err;
    int code = run(a, "DELETE FROM session WHERE hash=?1", "b", hash);
    return write_end(a, MC_OK, code, "end the session", e);
}

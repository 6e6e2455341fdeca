/* Opening: the file, the lock, SQLite, the version. See ledger.h for what can go wrong. */
#include "store/internal.h"

#include "base/mem.h"
#include "store/schema.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <threads.h>
#include <unistd.h>

enum { WRITE_CACHE_KIB = 65536, READ_CACHE_KIB = 8192, BUSY_MS = 5000, AUTOCHECKPOINT_PAGES = 8192 };

/* ---- SQLite's memory goes through the one door, so that its allocations can be made to fail too ---- */

static void *sqlite_malloc(int size) {
    return mc_malloc((size_t)size);
}

static void *sqlite_realloc(void *old, int size) {
    return mc_realloc(old, (size_t)size);
}

static int sqlite_size(void *memory) {
    return memory == NULL ? 0 : (int)malloc_usable_size(memory);
}

static int sqlite_roundup(int size) {
    return (size + 7) & ~7;
}

static int sqlite_memory_init(void *unused) {
    (void)unused;
    return SQLITE_OK;
}

static void sqlite_memory_shutdown(void *unused) {
    (void)unused;
}

/* Must come before SQLite's own start; a program that started it earlier keeps its allocator, which is harmless. */
static void configure_once(void) {
    static const sqlite3_mem_methods methods = {
        sqlite_malloc,          mc_free, sqlite_realloc, sqlite_size, sqlite_roundup, sqlite_memory_init,
        sqlite_memory_shutdown, NULL};
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static once_flag configured = ONCE_FLAG_INIT;

/* ---- the file and its lock ---- */

static enum mc_err file_check(const char *path, enum mc_ledger_mode mode, bool *missing, struct mc_error *e) {
    struct stat st;
    *missing = false;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return mc_error_set(e, MC_ERR_IO, "store %s: is a directory", path);
        if (!S_ISREG(st.st_mode))
            return mc_error_set(e, MC_ERR_IO, "store %s: is not a regular file", path);
        if (access(path, mode == MC_LEDGER_WRITE ? R_OK | W_OK : R_OK) != 0)
            return mc_error_set(e, MC_ERR_IO, "store %s: cannot be opened for %s: %s", path,
                                mode == MC_LEDGER_WRITE ? "writing" : "reading", strerror(errno));
        return MC_OK;
    }
    if (errno != ENOENT)
        return mc_error_set(e, mc_err_of_errno(errno), "store %s: %s", path, strerror(errno));
    *missing = true;
    if (mode == MC_LEDGER_READ)
        return mc_error_set(e, MC_ERR_IO, "store %s: there is no such file", path);
    return MC_OK;
}

/* Only when missing: closing a descriptor would drop the locks that another handle of this process has on the file.
 * Mode 0600: it holds addresses and the secret. */
static enum mc_err file_create(const char *path, struct mc_error *e) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return mc_error_set(e, mc_err_of_errno(errno), "store %s: cannot be created: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return MC_OK;
}

/* The true path, so that two names of one file meet at one lock, and ":memory:" is a file like any other. */
static enum mc_err path_resolve(struct mc_ledger *l, const char *path, struct mc_error *e) {
    char *real = realpath(path, NULL);
    if (real == NULL)
        return mc_error_set(e, mc_err_of_errno(errno), "store %s: %s", path, strerror(errno));
    size_t size = strlen(real) + 1;
    l->path = mc_malloc(size);
    if (l->path != NULL)
        memcpy(l->path, real, size);
    free(real);
    return l->path != NULL ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "store %s: no memory", path);
}

static enum mc_err lock_take(struct mc_ledger *l, struct mc_error *e) {
    struct mc_buf name = {0};
    mc_buf_printf(&name, "%s.lock", l->path);
    if (name.failed)
        return mc_ledger_no_memory(l, e);
    int fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum mc_err err = MC_OK;
    if (fd < 0)
        err = mc_error_set(e, mc_err_of_errno(errno), "store %s: cannot open %s: %s", l->path, name.data,
                           strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        err = errno == EWOULDBLOCK
                  ? mc_error_set(e, MC_ERR_BUSY, "store %s: another process is writing it; wait for it or stop it",
                                 l->path)
                  : mc_error_set(e, mc_err_of_errno(errno), "store %s: cannot be locked: %s", l->path, strerror(errno));
    mc_buf_free(&name);
    if (err != MC_OK && fd >= 0)
        close(fd);
    l->lock_fd = err == MC_OK ? fd : -1;
    return err;
}

/* ---- SQLite ---- */

static enum mc_err execute(struct mc_ledger *l, const char *sql, const char *doing, struct mc_error *e) {
    int code = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? MC_OK : mc_sql_error(l, code, doing, e);
}

static int pragma_int(sqlite3 *db, const char *sql, int *out) {
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_ERROR : code;
}

static int database_open(struct mc_ledger *l, const struct mc_ledger_options *options, const char *name, int flags) {
    sqlite3_close(l->db);
    l->db = NULL;
    int code = sqlite3_open_v2(name, &l->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, options->vfs);
    if (code == SQLITE_OK)
        sqlite3_busy_timeout(l->db, options->busy_ms != 0 ? (int)options->busy_ms : BUSY_MS);
    return code;
}

static void uri_append(struct mc_buf *uri, const char *path) {
    for (; *path != '\0'; path++)
        if (*path == '%' || *path == '?' || *path == '#')
            mc_buf_printf(uri, "%%%02x", (unsigned)*path);
        else
            mc_buf_char(uri, *path);
}

/* A store on a read-only disk, all of it in the main file: nobody can be writing it, so it is read without the shared
 * memory that WAL needs. */
static int open_immutable(struct mc_ledger *l, const struct mc_ledger_options *options) {
    struct mc_buf name = {0};
    mc_buf_printf(&name, "%s-wal", l->path);
    struct stat st;
    bool wal = !name.failed && stat(name.data, &st) == 0 && st.st_size > 0;
    name.len = 0;
    mc_buf_text(&name, "file:");
    uri_append(&name, l->path);
    mc_buf_text(&name, "?immutable=1");
    int code =
        wal ? SQLITE_CANTOPEN : database_open(l, options, mc_buf_cstr(&name), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    mc_buf_free(&name);
    return code;
}

static enum mc_err database_start(struct mc_ledger *l, const struct mc_ledger_options *options, struct mc_error *e) {
    int unused;
    bool write = l->mode == MC_LEDGER_WRITE;
    int code = database_open(l, options, l->path, write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    if (code == SQLITE_OK)
        code = pragma_int(l->db, "PRAGMA schema_version", &unused); /* the first access to the file */
    if (!write && ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY))
        code = open_immutable(l, options);
    if ((code & 0xff) == SQLITE_NOTADB)
        return mc_ledger_fail(l, MC_ERR_FORMAT, e, "is not a MaxCart store");
    if (code == SQLITE_OK)
        code = mc_sql_functions(l->db);
    return code == SQLITE_OK ? MC_OK : mc_sql_error(l, code, "open it", e);
}

static enum mc_err version_check(struct mc_ledger *l, int *version, struct mc_error *e) {
    int application, tables;
    int code = pragma_int(l->db, "PRAGMA application_id", &application);
    if (code == SQLITE_OK)
        code = pragma_int(l->db, "PRAGMA user_version", version);
    if (code == SQLITE_OK)
        code = pragma_int(l->db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (code != SQLITE_OK)
        return (code & 0xff) == SQLITE_NOTADB ? mc_ledger_fail(l, MC_ERR_FORMAT, e, "is not a MaxCart store")
                                              : mc_sql_error(l, code, "read its version", e);
    bool empty = application == 0 && *version == 0 && tables == 0;
    if (!empty && application != MC_SCHEMA_APPLICATION_ID)
        return mc_ledger_fail(l, MC_ERR_FORMAT, e, "is an SQLite database, but not a MaxCart store");
    if (*version > MC_SCHEMA_VERSION)
        return mc_ledger_fail(l, MC_ERR_VERSION, e, "was made by a newer MaxCart (version %d, this one knows %d)",
                              *version, MC_SCHEMA_VERSION);
    if (l->mode == MC_LEDGER_READ && empty)
        return mc_ledger_fail(l, MC_ERR_FORMAT, e, "is not a MaxCart store: the file is empty");
    if (l->mode == MC_LEDGER_READ && *version < MC_SCHEMA_VERSION)
        return mc_ledger_fail(l, MC_ERR_VERSION, e, "was made by an older MaxCart; a command that writes upgrades it");
    return MC_OK;
}

static enum mc_err settings_apply(struct mc_ledger *l, const struct mc_ledger_options *options, struct mc_error *e) {
    bool write = l->mode == MC_LEDGER_WRITE;
    uint32_t cache = options->cache_kib != 0 ? options->cache_kib : write ? WRITE_CACHE_KIB : READ_CACHE_KIB;
    char sql[256];
    snprintf(sql, sizeof sql,
             "PRAGMA cache_size=-%u; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
             "PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=67108864;",
             cache, AUTOCHECKPOINT_PAGES);
    enum mc_err err = MC_OK;
    if (write)
        err = execute(l, "PRAGMA journal_mode=WAL", "switch to a write-ahead log", e);
    return err == MC_OK ? execute(l, sql, "set it up", e) : err;
}

static enum mc_err names_write(struct mc_ledger *l, const char *kind, const char *const *names, int count,
                               struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_NAME_PUT, e);
    enum mc_err err = s == NULL ? l->last_error : MC_OK;
    for (int i = 0; i < count && err == MC_OK; i++) {
        mc_bind_str(s, 1, mc_str_of(kind));
        sqlite3_bind_int(s, 2, i);
        mc_bind_str(s, 3, mc_str_of(names[i]));
        err = mc_sql_run(l, MC_SQL_NAME_PUT, e);
    }
    return err;
}

/* What a new store needs beyond its tables: the secret, and the words for its numbers. */
static enum mc_err furnish(struct mc_ledger *l, const struct mc_ledger_options *options, struct mc_error *e) {
    enum mc_err err = mc_ledger_begin(l, e);
    if (err != MC_OK)
        return err;
    if (options->secret != NULL)
        memcpy(l->secret, options->secret, sizeof l->secret);
    else
        randombytes_buf(l->secret, sizeof l->secret);
    struct mc_buf there = {0};
    err = mc_setting_get(l, "secret", &there, e);
    if (err == MC_OK && there.len == 0)
        err = mc_setting_put(l, "secret", (struct mc_str){(const char *)l->secret, sizeof l->secret}, e);
    mc_buf_free(&there);
    if (err == MC_OK)
        err = names_write(l, "decision", mc_decision_names, MC_DECISIONS, e);
    if (err == MC_OK)
        err = names_write(l, "reason", mc_reason_names, MC_REASONS, e);
    if (err == MC_OK)
        err = names_write(l, "message_state", mc_message_state_names, MC_MESSAGE_STATES, e);
    if (err == MC_OK)
        err = names_write(l, "offer_kind", mc_offer_kind_names, MC_OFFER_KINDS, e);
    return err == MC_OK ? mc_ledger_commit(l, e) : err;
}

static enum mc_err secret_read(struct mc_ledger *l, struct mc_error *e) {
    struct mc_buf secret = {0};
    enum mc_err err = mc_setting_get(l, "secret", &secret, e);
    if (err == MC_OK && secret.len != sizeof l->secret)
        err = mc_ledger_fail(l, MC_ERR_FORMAT, e, "its secret is missing: the store is damaged or half-made");
    if (err == MC_OK) {
        memcpy(l->secret, secret.data, sizeof l->secret);
        mc_ledger_key(l, "holdout", l->holdout_key);
        mc_ledger_key(l, "message", l->message_key);
    }
    if (secret.data != NULL)
        sodium_memzero(secret.data, secret.len);
    mc_buf_free(&secret);
    return err;
}

static enum mc_err database_prepare(struct mc_ledger *l, const struct mc_ledger_options *options, struct mc_error *e) {
    int version = 0;
    enum mc_err err = version_check(l, &version, e);
    if (err == MC_OK)
        err = settings_apply(l, options, e);
    if (err != MC_OK)
        return err;
    if (l->mode == MC_LEDGER_WRITE) {
        int code = mc_schema_migrate(l->db, version, MC_SCHEMA_VERSION);
        if (code != SQLITE_OK)
            return mc_sql_error(l, code, "make its tables", e);
        struct mc_buf secret = {0}; /* a store killed between its tables and its secret gets the secret now */
        err = mc_setting_get(l, "secret", &secret, e);
        bool bare = secret.len == 0;
        mc_buf_free(&secret);
        if (err == MC_OK && (bare || version < MC_SCHEMA_VERSION))
            err = furnish(l, options, e);
    }
    if (err == MC_OK)
        err = secret_read(l, e);
    return err == MC_OK ? mc_memory_load(l, e) : err;
}

static enum mc_err open_steps(struct mc_ledger *l, const char *path, const struct mc_ledger_options *options,
                              struct mc_error *e) {
    bool missing;
    enum mc_err err = file_check(path, l->mode, &missing, e);
    if (err == MC_OK && missing)
        err = file_create(path, e);
    if (err == MC_OK)
        err = path_resolve(l, path, e);
    if (err == MC_OK && l->mode == MC_LEDGER_WRITE)
        err = lock_take(l, e);
    if (err == MC_OK)
        err = database_start(l, options, e);
    return err == MC_OK ? database_prepare(l, options, e) : err;
}

enum mc_err mc_ledger_open(struct mc_ledger **out, const char *path, enum mc_ledger_mode mode,
                           const struct mc_ledger_options *options, struct mc_error *e) {
    static const struct mc_ledger_options none = {0};
    struct mc_error own;
    e = e != NULL ? e : &own;
    *out = NULL;
    call_once(&configured, configure_once);
    if (sodium_init() < 0)
        return mc_error_set(e, MC_ERR_IO, "store %s: libsodium cannot start", path);
    struct mc_ledger *l = mc_calloc(1, sizeof *l);
    if (l == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "store %s: no memory", path);
    l->mode = mode;
    l->lock_fd = -1;
    l->people = 1;
    mc_policy_defaults(&l->policy);
    enum mc_err err = open_steps(l, path, options != NULL ? options : &none, e);
    if (err != MC_OK)
        mc_ledger_close(&l);
    *out = l;
    return err;
}

void mc_ledger_close(struct mc_ledger **out) {
    struct mc_ledger *l = *out;
    if (l == NULL)
        return;
    mc_sql_close(l);
    int code = sqlite3_close(l->db); /* rolls back what is open */
    assert(code == SQLITE_OK);
    (void)code;
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    mc_memory_free(l);
    mc_buf_free(&l->scratch);
    mc_free(l->path);
    sodium_memzero(l->secret, sizeof l->secret);
    mc_free(l);
    *out = NULL;
}

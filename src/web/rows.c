#include "web/rows.h"

#include "base/mem.h"

enum { PROGRESS_OPS = 2000, CACHE_KIB = 4096, BUSY_MS = 500 };

static const char *const texts[MC_ROWS_COUNT] = {
#define X(name, text) [MC_ROWS_##name] = text,
    MC_ROWS_STATEMENTS(X)
#undef X
};

struct mc_rows {
    sqlite3 *db;
    sqlite3_stmt *statements[MC_ROWS_COUNT];
    struct mc_ledger *ledger;
    int64_t deadline_ns; /* 0: none */
    bool over;           /* it was met */
};

static enum mc_err failed(struct mc_rows *rows, int code, struct mc_error *e) {
    if (rows->over)
        return mc_error_set(e, MC_ERR_LIMIT, "reading took too long and was given up: ask for a shorter period");
    enum mc_err err = (code & 0xff) == SQLITE_NOMEM  ? MC_ERR_NOMEM
                      : (code & 0xff) == SQLITE_BUSY ? MC_ERR_BUSY
                                                     : MC_ERR_IO;
    return mc_error_set(e, err, "cannot read the store: %s", rows->db != NULL ? sqlite3_errmsg(rows->db) : "no memory");
}

static int over_time(void *context) {
    struct mc_rows *rows = context;
    rows->over = rows->deadline_ns != 0 && mc_monotonic_ns() > rows->deadline_ns;
    return rows->over;
}

enum mc_err mc_rows_open(struct mc_rows **out, const char *store, struct mc_error *e) {
    struct mc_ledger_options options = {.cache_kib = CACHE_KIB};
    struct mc_rows *rows = *out = mc_calloc(1, sizeof *rows);
    if (rows == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to read the store");
    enum mc_err err = mc_ledger_open(&rows->ledger, store, MC_LEDGER_READ, &options, e);
    if (err == MC_OK) {
        int code =
            sqlite3_open_v2(store, &rows->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(rows->db, "PRAGMA query_only=1", NULL, NULL, NULL);
        if (code != SQLITE_OK)
            err = failed(rows, code, e);
    }
    if (err != MC_OK) {
        mc_rows_close(out);
        return err;
    }
    sqlite3_busy_timeout(rows->db, BUSY_MS);
    sqlite3_progress_handler(rows->db, PROGRESS_OPS, over_time, rows);
    return MC_OK;
}

void mc_rows_close(struct mc_rows **out) {
    struct mc_rows *rows = *out;
    *out = NULL;
    if (rows == NULL)
        return;
    for (int i = 0; i < MC_ROWS_COUNT; i++)
        sqlite3_finalize(rows->statements[i]);
    sqlite3_close(rows->db);
    mc_ledger_close(&rows->ledger);
    mc_free(rows);
}

struct mc_ledger *mc_rows_ledger(struct mc_rows *rows) {
    return rows->ledger;
}

sqlite3_stmt *mc_rows_get(struct mc_rows *rows, enum mc_rows_which which, struct mc_error *e) {
    sqlite3_stmt **s = &rows->statements[which];
    if (*s == NULL) {
        int code = sqlite3_prepare_v3(rows->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL);
        if (code != SQLITE_OK) {
            failed(rows, code, e);
            return NULL;
        }
    }
    sqlite3_reset(*s);
    return *s;
}

enum mc_err mc_rows_step(struct mc_rows *rows, sqlite3_stmt *s, bool *row, struct mc_error *e) {
    int code = sqlite3_step(s);
    *row = code == SQLITE_ROW;
    if (*row)
        return MC_OK;
    enum mc_err err = code == SQLITE_DONE ? MC_OK : failed(rows, code, e);
    sqlite3_reset(s);
    return err;
}

static enum mc_err run(struct mc_rows *rows, enum mc_rows_which which, struct mc_error *e) {
    bool row;
    sqlite3_stmt *s = mc_rows_get(rows, which, e);
    return s != NULL ? mc_rows_step(rows, s, &row, e) : MC_ERR_IO;
}

enum mc_err mc_rows_begin(struct mc_rows *rows, int64_t limit_ms, struct mc_error *e) {
    rows->over = false;
    rows->deadline_ns = mc_monotonic_ns() + limit_ms * 1000000;
    return run(rows, MC_ROWS_BEGIN, e);
}

void mc_rows_end(struct mc_rows *rows) {
    rows->deadline_ns = 0;
    rows->over = false;
    for (int i = 0; i < MC_ROWS_COUNT; i++)
        if (rows->statements[i] != NULL) {
            sqlite3_reset(rows->statements[i]);
            sqlite3_clear_bindings(rows->statements[i]);
        }
    if (!sqlite3_get_autocommit(rows->db))
        (void)run(rows, MC_ROWS_END, NULL); /* only reading: nothing to lose */
}

enum mc_err mc_rows_position(struct mc_rows *rows, int64_t *position, struct mc_error *e) {
    bool row;
    *position = 0;
    sqlite3_stmt *s = mc_rows_get(rows, MC_ROWS_COUNTER, e);
    if (s == NULL)
        return MC_ERR_IO;
    mc_rows_bind(s, 1, MC_STR("log.position"));
    enum mc_err err = mc_rows_step(rows, s, &row, e);
    if (err == MC_OK && row)
        *position = mc_rows_int(s, 0, 0);
    sqlite3_reset(s);
    return err;
}

struct mc_str mc_rows_str(sqlite3_stmt *s, int at) {
    const void *data = sqlite3_column_blob(s, at);
    return (struct mc_str){data != NULL ? data : "", data != NULL ? (size_t)sqlite3_column_bytes(s, at) : 0};
}

int64_t mc_rows_int(sqlite3_stmt *s, int at, int64_t none) {
    return sqlite3_column_type(s, at) == SQLITE_NULL ? none : sqlite3_column_int64(s, at);
}

/* Sums that pass int64 are decimal text (store/schema.c). */
__int128 mc_rows_int128(sqlite3_stmt *s, int at) {
    if (sqlite3_column_type(s, at) != SQLITE_TEXT)
        return sqlite3_column_int64(s, at);
    struct mc_str text = mc_rows_str(s, at);
    bool minus = text.len > 0 && text.data[0] == '-';
    unsigned __int128 value = 0;
    for (size_t i = minus; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        value = value * 10 + (unsigned)(text.data[i] - '0');
    return minus ? -(__int128)value : (__int128)value;
}

void mc_rows_bind(sqlite3_stmt *s, int at, struct mc_str text) {
    sqlite3_bind_text(s, at, text.data != NULL ? text.data : "", (int)text.len, SQLITE_STATIC);
}

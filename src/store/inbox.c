/* Segments: `name` is the first position, so the folder's listing in order of name is the log.
 *
 *  B1  The last segment has no WAL of another process: one handle appends (the ledger's lock covers the folder).
 *  B2  A segment is opened for appending only when the one before it is whole; an empty last segment (a crash between
 *      its creation and its first entry) is taken as it is.
 *  B3  Positions have no hole: each entry's is the one before it plus one, over segments too.
 */
#include "store/inbox.h"

#include "base/buf.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    NAME_DIGITS = 16,
    APPLICATION_ID = 0x4d436c67, /* "MClg" */
    VERSION = 1,
    /* Bodies are large: fewer pages to chain, and a tick alone still writes only one. */
    PAGE_BYTES = 8192,
    /* Of the pages that a segment may have, the part that may be in its write-ahead file before it should be settled,
     * and that is settled at once when the segment is closed: a quarter, a sixty-fourth; so few are never too many. */
    SETTLE_SHIFT = 2,
    CLOSE_SHIFT = 6,
    FEW_PAGES = 64,
    BUSY_MS = 5000,
};

static const uint64_t SEGMENT_BYTES = UINT64_C(256) << 20;

struct mc_inbox {
    char *folder;
    int64_t *firsts; /* of the segments, ascending */
    size_t segment_count, segment_cap;
    int64_t last;
    uint64_t segment_bytes_max, bytes; /* bodies appended to the last segment, about */
    sqlite3 *db;                       /* the last segment, for appending; NULL: none yet */
    sqlite3_stmt *insert;
    int wal_pages, settled_pages; /* in its write-ahead file; of them, when settling was last tried and had to stop */
    bool left_behind;             /* a segment was closed that is not settled */
};

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the inbox");
}

static enum mc_err sql_error(const struct mc_inbox *b, sqlite3 *db, int code, const char *doing, struct mc_error *e) {
    enum mc_err err = (code & 0xff) == SQLITE_FULL      ? MC_ERR_FULL
                      : (code & 0xff) == SQLITE_NOMEM   ? MC_ERR_NOMEM
                      : (code & 0xff) == SQLITE_CORRUPT ? MC_ERR_FORMAT
                      : (code & 0xff) == SQLITE_NOTADB  ? MC_ERR_FORMAT
                                                        : MC_ERR_IO;
    if (err == MC_ERR_IO && db != NULL && mc_err_of_errno(sqlite3_system_errno(db)) == MC_ERR_FULL)
        err = MC_ERR_FULL;
    return mc_error_set(e, err, "inbox %s: cannot %s: %s", b->folder, doing,
                        db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

/* ---- the folder ---- */

static void segment_path(struct mc_buf *path, const struct mc_inbox *b, int64_t first) {
    path->len = 0;
    mc_buf_printf(path, "%s/%0*lld.db", b->folder, NAME_DIGITS, (long long)first);
}

static bool segment_name(const char *name, int64_t *first) {
    char *end;
    if (strlen(name) != NAME_DIGITS + 3 || strspn(name, "0123456789") != NAME_DIGITS ||
        strcmp(name + NAME_DIGITS, ".db") != 0)
        return false;
    *first = strtoll(name, &end, 10);
    return *first > 0;
}

static bool add_segment(struct mc_inbox *b, int64_t first) {
    if (b->segment_count == b->segment_cap) {
        size_t cap = b->segment_cap * 2 + 8;
        int64_t *firsts = mc_realloc(b->firsts, cap * sizeof *firsts);
        if (firsts == NULL)
            return false;
        b->firsts = firsts;
        b->segment_cap = cap;
    }
    b->firsts[b->segment_count++] = first;
    return true;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static enum mc_err list_segments(struct mc_inbox *b, struct mc_error *e) {
    DIR *dir = opendir(b->folder);
    int64_t first;
    bool good = true;
    if (dir == NULL)
        return mc_error_set(e, mc_err_of_errno(errno), "inbox %s: %s", b->folder, strerror(errno));
    b->segment_count = 0;
    for (struct dirent *entry; good && (entry = readdir(dir)) != NULL;)
        if (segment_name(entry->d_name, &first))
            good = add_segment(b, first);
    closedir(dir);
    if (good && b->segment_count > 0)
        qsort(b->firsts, b->segment_count, sizeof *b->firsts, by_value);
    return good ? MC_OK : no_memory(e);
}

static enum mc_err make_folder(struct mc_inbox *b, struct mc_error *e) {
    if (mkdir(b->folder, 0700) == 0 || errno == EEXIST)
        return MC_OK;
    return mc_error_set(e, mc_err_of_errno(errno), "inbox %s: cannot be made: %s", b->folder, strerror(errno));
}

/* ---- a segment ---- */

static int scalar(sqlite3 *db, const char *sql, int64_t *value) {
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_ERROR : code;
}

static int settings(sqlite3 *db) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
             "PRAGMA journal_size_limit=67108864;",
             PAGE_BYTES);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int create_table(sqlite3 *db) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS entry(position INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
             " persons INTEGER NOT NULL, key INTEGER NOT NULL, arrived_at INTEGER NOT NULL, body BLOB NOT NULL);"
             "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             APPLICATION_ID, VERSION);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static enum mc_err open_database(const struct mc_inbox *b, int64_t first, int flags, sqlite3 **db, struct mc_error *e) {
    struct mc_buf path = {0};
    segment_path(&path, b, first);
    if (mc_buf_cstr(&path)[0] == '\0')
        return no_memory(e);
    int code = sqlite3_open_v2(path.data, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    mc_buf_free(&path);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*db, BUSY_MS);
    enum mc_err err = code == SQLITE_OK ? MC_OK : sql_error(b, *db, code, "open a segment", e);
    if (err != MC_OK) {
        sqlite3_close(*db);
        *db = NULL;
    }
    return err;
}

static enum mc_err check_version(const struct mc_inbox *b, sqlite3 *db, struct mc_error *e) {
    int64_t version = 0;
    int code = scalar(db, "PRAGMA user_version", &version);
    if (code != SQLITE_OK)
        return sql_error(b, db, code, "read a segment", e);
    if (version > VERSION)
        return mc_error_set(e, MC_ERR_VERSION, "inbox %s was made by a newer MaxCart", b->folder);
    return MC_OK;
}

static int segment_part(const struct mc_inbox *b, int shift) {
    uint64_t pages = b->segment_bytes_max / PAGE_BYTES >> shift;
    return pages < FEW_PAGES ? FEW_PAGES : pages > INT32_MAX / 2 ? INT32_MAX / 2 : (int)pages;
}

static void close_last(struct mc_inbox *b) {
    bool leave = b->wal_pages > segment_part(b, CLOSE_SHIFT);
    if (b->db != NULL && leave)
        sqlite3_db_config(b->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    b->left_behind |= leave;
    b->wal_pages = b->settled_pages = 0;
    sqlite3_finalize(b->insert);
    sqlite3_close(b->db);
    b->insert = NULL;
    b->db = NULL;
}

/* After each commit. */
static int note_pages(void *context, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    struct mc_inbox *b = context;
    b->wal_pages = pages;
    b->settled_pages = pages < b->settled_pages ? 0 : b->settled_pages; /* it began anew */
    return SQLITE_OK;
}

/* New or not: after it the segment is ready for appending; on an error it is closed, to be opened again. */
static enum mc_err open_last(struct mc_inbox *b, int64_t first, struct mc_error *e) {
    enum mc_err err = open_database(b, first, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &b->db, e);
    if (err != MC_OK)
        return err;
    err = check_version(b, b->db, e); /* before anything is written */
    if (err != MC_OK) {
        close_last(b);
        return err;
    }
    int code = settings(b->db);
    sqlite3_wal_hook(b->db, note_pages, b); /* in place of SQLite's own, which would checkpoint */
    if (code == SQLITE_OK)
        code = create_table(b->db);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(b->db, "INSERT INTO entry VALUES(?1,?2,?3,?4,?5,?6)", -1, SQLITE_PREPARE_PERSISTENT,
                                  &b->insert, NULL);
    err = code == SQLITE_OK ? MC_OK : sql_error(b, b->db, code, "open a segment", e);
    if (err != MC_OK)
        close_last(b);
    return err;
}

static enum mc_err find_last(struct mc_inbox *b, struct mc_error *e) {
    int64_t first = b->firsts[b->segment_count - 1];
    int code = scalar(b->db, "SELECT coalesce(max(position),0) FROM entry", &b->last);
    if (code != SQLITE_OK)
        return sql_error(b, b->db, code, "read the last entry", e);
    if (b->last == 0)
        b->last = first - 1; /* B2 */
    int64_t pages = 0;
    code = scalar(b->db, "PRAGMA page_count", &pages);
    b->bytes = (uint64_t)pages * PAGE_BYTES;
    return code == SQLITE_OK ? MC_OK : sql_error(b, b->db, code, "read a segment", e);
}

enum mc_err mc_inbox_open(struct mc_inbox **out, const char *store, struct mc_error *e) {
    struct mc_buf folder = {0};
    *out = NULL;
    mc_buf_printf(&folder, "%s-inbox", store);
    struct mc_inbox *b = mc_calloc(1, sizeof *b);
    if (b == NULL || mc_buf_cstr(&folder)[0] == '\0') {
        mc_buf_free(&folder);
        mc_free(b);
        return no_memory(e);
    }
    b->folder = folder.data;
    b->segment_bytes_max = SEGMENT_BYTES;
    enum mc_err err = make_folder(b, e);
    if (err == MC_OK)
        err = list_segments(b, e);
    if (err == MC_OK && b->segment_count == 0 && !add_segment(b, 1))
        err = no_memory(e);
    if (err == MC_OK)
        err = open_last(b, b->firsts[b->segment_count - 1], e);
    if (err == MC_OK)
        err = find_last(b, e);
    if (err != MC_OK)
        mc_inbox_close(&b);
    *out = b;
    return err;
}

void mc_inbox_close(struct mc_inbox **inbox) {
    struct mc_inbox *b = *inbox;
    if (b == NULL)
        return;
    close_last(b);
    mc_free(b->firsts);
    mc_free(b->folder);
    mc_free(b);
    *inbox = NULL;
}

int64_t mc_inbox_last(const struct mc_inbox *b) {
    return b->last;
}

uint64_t mc_inbox_room(const struct mc_inbox *b) {
    struct statvfs st;
    return statvfs(b->folder, &st) == 0 ? (uint64_t)st.f_bavail * st.f_frsize : 0;
}

void mc_inbox_set_segment_bytes(struct mc_inbox *b, uint64_t bytes) {
    b->segment_bytes_max = bytes;
}

/* ---- appending ---- */

static enum mc_err start_segment(struct mc_inbox *b, struct mc_error *e) {
    int64_t first = b->last + 1;
    if (b->db != NULL && b->bytes < b->segment_bytes_max)
        return MC_OK;
    if (b->db != NULL && b->firsts[b->segment_count - 1] == first)
        return MC_OK; /* it is empty */
    close_last(b);
    if (b->segment_count == 0 || b->firsts[b->segment_count - 1] != first) {
        if (!add_segment(b, first))
            return no_memory(e);
    }
    b->bytes = 0;
    return open_last(b, first, e);
}

static int insert(struct mc_inbox *b, const struct mc_entry *entry, int64_t position) {
    sqlite3_stmt *s = b->insert;
    sqlite3_bind_int64(s, 1, position);
    sqlite3_bind_int64(s, 2, entry->kind);
    sqlite3_bind_int64(s, 3, entry->persons);
    sqlite3_bind_int64(s, 4, entry->key);
    sqlite3_bind_int64(s, 5, entry->arrived_at.us);
    sqlite3_bind_blob64(s, 6, entry->body.len > 0 ? entry->body.data : "", entry->body.len, SQLITE_STATIC);
    int code = sqlite3_step(s);
    sqlite3_reset(s);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

enum mc_err mc_inbox_append(struct mc_inbox *b, struct mc_entry *const *entries, size_t count, struct mc_error *e) {
    uint64_t bytes = 0;
    enum mc_err err = start_segment(b, e);
    if (err != MC_OK || count == 0)
        return err;
    int code = sqlite3_exec(b->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = insert(b, entries[i], b->last + 1 + (int64_t)i);
        bytes += entries[i]->body.len + 32;
    }
    if (code == SQLITE_OK)
        code = sqlite3_exec(b->db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        err = sql_error(b, b->db, code, "append", e);
        sqlite3_exec(b->db, "ROLLBACK", NULL, NULL, NULL);
        return err;
    }
    for (size_t i = 0; i < count; i++)
        entries[i]->position = ++b->last;
    b->bytes += bytes;
    return MC_OK;
}

/* ---- settling ---- */

bool mc_inbox_is_unsettled(const struct mc_inbox *b) {
    return b->wal_pages - b->settled_pages >= segment_part(b, SETTLE_SHIFT) || b->left_behind;
}

enum mc_err mc_inbox_settle(struct mc_inbox *b, struct mc_error *e) {
    b->left_behind = false;
    if (b->db == NULL || b->wal_pages == 0)
        return MC_OK;
    int all = 0, settled = -1;
    int code = sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &all, &settled);
    bool whole = code == SQLITE_OK && all == settled; /* then the next commit begins the file anew */
    b->wal_pages = whole ? 0 : b->wal_pages;
    b->settled_pages = b->wal_pages;
    return code == SQLITE_OK || code == SQLITE_BUSY ? MC_OK : sql_error(b, b->db, code, "settle a segment", e);
}

static enum mc_err settle_segment(const struct mc_inbox *b, int64_t first, struct mc_error *e) {
    sqlite3 *db = NULL;
    struct mc_buf path = {0};
    segment_path(&path, b, first);
    mc_buf_text(&path, "-wal");
    bool nothing = access(mc_buf_cstr(&path), F_OK) != 0; /* also a segment that was dropped meanwhile */
    mc_buf_free(&path);
    if (nothing)
        return MC_OK;
    enum mc_err err = open_database(b, first, SQLITE_OPEN_READWRITE, &db, e);
    int code = SQLITE_OK;
    for (int i = 0; i < 2 && err == MC_OK && code == SQLITE_OK; i++) /* again: what came meanwhile */
        code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        err = sql_error(b, db, code, "settle a segment", e);
    sqlite3_close(db);
    return err;
}

enum mc_err mc_inbox_settle_beside(const struct mc_inbox *b, struct mc_error *e) {
    struct mc_inbox beside = {.folder = b->folder};
    enum mc_err err = list_segments(&beside, e);
    for (size_t i = 0; i < beside.segment_count && err == MC_OK; i++)
        err = settle_segment(&beside, beside.firsts[i], e);
    mc_free(beside.firsts);
    return err;
}

/* ---- reading ---- */

static void read_entry(sqlite3_stmt *s, struct mc_entry *entry) {
    const void *body = sqlite3_column_blob(s, 5);
    *entry = (struct mc_entry){.position = sqlite3_column_int64(s, 0),
                               .kind = (enum mc_entry_kind)sqlite3_column_int(s, 1),
                               .persons = sqlite3_column_int(s, 2) != 0,
                               .key = sqlite3_column_int64(s, 3),
                               .arrived_at = {sqlite3_column_int64(s, 4)},
                               .body = {body != NULL ? body : "", (size_t)sqlite3_column_bytes(s, 5)}};
}

/* *after becomes the position of the last entry given. */
static enum mc_err each_of_segment(struct mc_inbox *b, sqlite3 *db, int64_t *after, bool *more,
                                   bool (*take)(void *context, const struct mc_entry *entry), void *context,
                                   struct mc_error *e) {
    sqlite3_stmt *s = NULL;
    struct mc_entry entry;
    int code = sqlite3_prepare_v2(db,
                                  "SELECT position,kind,persons,key,arrived_at,body FROM entry WHERE position>?1"
                                  " ORDER BY position",
                                  -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int64(s, 1, *after);
    while (code == SQLITE_OK && *more && (code = sqlite3_step(s)) == SQLITE_ROW) {
        code = SQLITE_OK;
        read_entry(s, &entry);
        *after = entry.position;
        *more = take(context, &entry);
    }
    enum mc_err err = code == SQLITE_OK || code == SQLITE_DONE ? MC_OK : sql_error(b, db, code, "read the log", e);
    sqlite3_finalize(s);
    return err;
}

enum mc_err mc_inbox_each(struct mc_inbox *b, int64_t after, bool (*take)(void *context, const struct mc_entry *entry),
                          void *context, struct mc_error *e) {
    bool more = true;
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < b->segment_count && more && err == MC_OK; i++) {
        bool is_last = i + 1 == b->segment_count;
        if (!is_last && b->firsts[i + 1] <= after + 1)
            continue; /* all of it is at or before `after` */
        sqlite3 *db = is_last ? b->db : NULL;
        if (!is_last)
            err = open_database(b, b->firsts[i], SQLITE_OPEN_READWRITE, &db, e);
        if (err == MC_OK && db != NULL)
            err = each_of_segment(b, db, &after, &more, take, context, e);
        if (!is_last)
            sqlite3_close(db);
    }
    return err;
}

/* ---- measuring ---- */

/* Both figures in one statement: of one instant. */
static int count_entries(sqlite3 *db, int64_t *count, int64_t *last) {
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(db, "SELECT count(*), coalesce(max(position),0) FROM entry", -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        *count = sqlite3_column_int64(s, 0);
        *last = sqlite3_column_int64(s, 1);
    }
    sqlite3_finalize(s);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

static enum mc_err measure_segment(struct mc_inbox *b, size_t segment, struct mc_inbox_extent *out,
                                   struct mc_error *e) {
    sqlite3 *db = NULL;
    int64_t count = 0, last = 0;
    enum mc_err err = open_database(b, b->firsts[segment], SQLITE_OPEN_READWRITE, &db, e);
    if (err != MC_OK)
        return err;
    int code = count_entries(db, &count, &last);
    if (code != SQLITE_OK)
        err = sql_error(b, db, code, "read a segment", e);
    sqlite3_close(db);
    out->entries += (uint64_t)count;
    if (last > out->last)
        out->last = last;
    return err;
}

enum mc_err mc_inbox_measure(const char *store, bool *there, struct mc_inbox_extent *out, struct mc_error *e) {
    struct mc_buf folder = {0};
    struct mc_inbox b = {0};
    mc_buf_printf(&folder, "%s-inbox", store);
    b.folder = (char *)mc_buf_cstr(&folder);
    *out = (struct mc_inbox_extent){0};
    *there = access(b.folder, F_OK) == 0;
    enum mc_err err = *there ? list_segments(&b, e) : MC_OK;
    if (b.segment_count > 0) {
        out->first = b.firsts[0];
        out->last = b.firsts[0] - 1;
    }
    for (size_t i = 0; i < b.segment_count && err == MC_OK; i++)
        err = measure_segment(&b, i, out, e);
    mc_free(b.firsts);
    mc_buf_free(&folder);
    return err;
}

/* ---- dropping ---- */

static enum mc_err remove_segment(const struct mc_inbox *b, int64_t first, struct mc_error *e) {
    static const char *const behind[] = {"-wal", "-shm", ""};
    struct mc_buf path = {0};
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < sizeof behind / sizeof *behind && err == MC_OK; i++) {
        segment_path(&path, b, first);
        mc_buf_text(&path, behind[i]);
        if (unlink(mc_buf_cstr(&path)) != 0 && errno != ENOENT)
            err = mc_error_set(e, mc_err_of_errno(errno), "inbox: cannot remove %s: %s", mc_buf_cstr(&path),
                               strerror(errno));
    }
    mc_buf_free(&path);
    return err;
}

/* Arrival of the first entry of a segment: all before it came earlier or at the same time. INT64_MAX: it has none. */
static enum mc_err first_arrival(struct mc_inbox *b, size_t segment, int64_t *us, struct mc_error *e) {
    sqlite3 *db = b->db;
    bool is_last = segment + 1 == b->segment_count;
    enum mc_err err = is_last ? MC_OK : open_database(b, b->firsts[segment], SQLITE_OPEN_READWRITE, &db, e);
    if (err != MC_OK || db == NULL)
        return err;
    int code = scalar(db, "SELECT coalesce((SELECT arrived_at FROM entry ORDER BY position LIMIT 1),9e18)", us);
    err = code == SQLITE_OK ? MC_OK : sql_error(b, db, code, "read a segment", e);
    if (!is_last)
        sqlite3_close(db);
    return err;
}

enum mc_err mc_inbox_drop(struct mc_inbox *b, int64_t position, struct mc_wall before, struct mc_error *e) {
    enum mc_err err = MC_OK;
    int64_t next_us = INT64_MAX;
    while (b->segment_count > 1 && b->firsts[1] <= position + 1 && err == MC_OK) {
        err = first_arrival(b, 1, &next_us, e);
        if (err != MC_OK || next_us > before.us)
            return err;
        err = remove_segment(b, b->firsts[0], e);
        if (err == MC_OK)
            memmove(b->firsts, b->firsts + 1, --b->segment_count * sizeof *b->firsts);
    }
    return err;
}

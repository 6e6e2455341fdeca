#include "store/checkpoint.h"

#include "store/internal.h"
#include <assert.h>

/* The statement of a writing function; NULL with the error set. */
static sqlite3_stmt *writing(struct mc_ledger *l, enum mc_sql which, struct mc_error *e) {
    return mc_ledger_writable(l, e) == MC_OK ? mc_sql_get(l, which, e) : NULL;
}

/* ---- sources ---- */

static void hash_prefix(struct mc_str prefix, uint8_t out[16]) {
    struct mc_hash128 hash = mc_hash128(prefix.data, prefix.len);
    for (int i = 0; i < 8; i++) { /* little-endian on every machine */
        out[i] = (uint8_t)(hash.low >> 8 * i);
        out[8 + i] = (uint8_t)(hash.high >> 8 * i);
    }
}

static bool source_matches(sqlite3_stmt *s, struct mc_str prefix) {
    struct mc_str stored = mc_column_str(s, 6);
    int64_t len = sqlite3_column_int64(s, 5);
    uint8_t hash[16];
    if (len < 0 || (uint64_t)len > prefix.len || stored.len != sizeof hash)
        return false;
    hash_prefix((struct mc_str){prefix.data, (size_t)len}, hash);
    return memcmp(hash, stored.data, sizeof hash) == 0;
}

enum mc_err mc_source_find(struct mc_ledger *l, struct mc_str prefix, int64_t file_len, bool *found,
                           struct mc_source *out, struct mc_error *e) {
    *found = false;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_SOURCE_FIND, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, file_len);
    bool row;
    enum mc_err err;
    while ((err = mc_sql_step(l, MC_SQL_SOURCE_FIND, &row, e)) == MC_OK && row) {
        if (!source_matches(s, prefix))
            continue;
        *found = true;
        *out = (struct mc_source){.id = sqlite3_column_int64(s, 0),
                                  .state = (enum mc_source_state)sqlite3_column_int(s, 1),
                                  .offset = sqlite3_column_int64(s, 2),
                                  .row = sqlite3_column_int64(s, 3),
                                  .file_len = sqlite3_column_int64(s, 4)};
        mc_sql_reset(l, MC_SQL_SOURCE_FIND);
        return MC_OK;
    }
    return err;
}

/* Hash and length of a prefix at `at` and `at` + 1; the hash must live until the statement has run. */
static void bind_prefix(sqlite3_stmt *s, int at, struct mc_str prefix, int64_t file_len, uint8_t hash[16]) {
    assert(prefix.len <= MC_SOURCE_PREFIX_MAX);
    if (file_len < 0) {
        sqlite3_bind_null(s, at);
    } else {
        hash_prefix(prefix, hash);
        sqlite3_bind_blob(s, at, hash, 16, SQLITE_STATIC);
    }
    sqlite3_bind_int64(s, at + 1, (int64_t)prefix.len);
}

enum mc_err mc_source_add(struct mc_ledger *l, struct mc_str name, struct mc_str prefix, int64_t file_len,
                          struct mc_wall now, struct mc_source *out, struct mc_error *e) {
    uint8_t hash[16];
    sqlite3_stmt *s = writing(l, MC_SQL_SOURCE_ADD, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, name);
    bind_prefix(s, 2, prefix, file_len, hash);
    sqlite3_bind_int64(s, 4, file_len);
    sqlite3_bind_int64(s, 5, now.us);
    enum mc_err err = mc_sql_run(l, MC_SQL_SOURCE_ADD, e);
    *out = (struct mc_source){.id = sqlite3_last_insert_rowid(l->db), .file_len = file_len};
    return err;
}

enum mc_err mc_source_update(struct mc_ledger *l, const struct mc_source *source, struct mc_error *e) {
    sqlite3_stmt *s = writing(l, MC_SQL_SOURCE_UPDATE, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, source->id);
    sqlite3_bind_int(s, 2, (int)source->state);
    sqlite3_bind_int64(s, 3, source->offset);
    sqlite3_bind_int64(s, 4, source->row);
    return mc_sql_run(l, MC_SQL_SOURCE_UPDATE, e);
}

enum mc_err mc_source_grow(struct mc_ledger *l, int64_t id, struct mc_str prefix, int64_t file_len,
                           struct mc_error *e) {
    uint8_t hash[16];
    sqlite3_stmt *s = writing(l, MC_SQL_SOURCE_GROW, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    bind_prefix(s, 2, prefix, file_len, hash);
    sqlite3_bind_int64(s, 4, file_len);
    return mc_sql_run(l, MC_SQL_SOURCE_GROW, e);
}

/* ---- runs ---- */

static enum mc_err run_find(struct mc_ledger *l, struct mc_str settings, struct mc_run *out, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_RUN_OPEN, e);
    if (s == NULL)
        return l->last_error;
    enum mc_err err = mc_sql_step(l, MC_SQL_RUN_OPEN, &out->resumed, e);
    if (err == MC_OK && out->resumed) {
        out->id = sqlite3_column_int64(s, 0);
        out->started_at.us = sqlite3_column_int64(s, 1);
        out->same_settings = mc_str_equal(mc_column_str(s, 2), settings);
        mc_sql_reset(l, MC_SQL_RUN_OPEN);
    }
    return err;
}

enum mc_err mc_run_start(struct mc_ledger *l, struct mc_str settings, struct mc_wall now, struct mc_run *out,
                         struct mc_error *e) {
    *out = (struct mc_run){0};
    enum mc_err err = mc_ledger_writable(l, e);
    if (err == MC_OK)
        err = run_find(l, settings, out, e);
    if (err != MC_OK || out->resumed)
        return err;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_RUN_ADD, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, now.us);
    mc_bind_str(s, 2, settings);
    err = mc_sql_run(l, MC_SQL_RUN_ADD, e);
    out->id = sqlite3_last_insert_rowid(l->db);
    out->started_at = now;
    return err;
}

enum mc_err mc_run_finish(struct mc_ledger *l, int64_t id, struct mc_wall now, struct mc_error *e) {
    sqlite3_stmt *s = writing(l, MC_SQL_RUN_FINISH, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, now.us);
    return mc_sql_run(l, MC_SQL_RUN_FINISH, e);
}

/* ---- snapshots, settings, counters, chunks ---- */

static enum mc_err named_put(struct mc_ledger *l, enum mc_sql which, const char *name, struct mc_str bytes,
                             struct mc_error *e) {
    sqlite3_stmt *s = writing(l, which, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(name));
    mc_bind_blob(s, 2, bytes);
    return mc_sql_run(l, which, e);
}

static enum mc_err named_drop(struct mc_ledger *l, enum mc_sql which, const char *name, struct mc_error *e) {
    sqlite3_stmt *s = writing(l, which, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(name));
    return mc_sql_run(l, which, e);
}

static enum mc_err named_get(struct mc_ledger *l, enum mc_sql which, const char *name, struct mc_buf *out,
                             struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, which, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(name));
    bool row;
    enum mc_err err = mc_sql_step(l, which, &row, e);
    if (err == MC_OK && row) {
        mc_buf_str(out, mc_column_str(s, 0));
        mc_sql_reset(l, which);
    }
    return err == MC_OK && out->failed ? mc_ledger_no_memory(l, e) : err;
}

enum mc_err mc_snapshot_put(struct mc_ledger *l, const char *name, struct mc_str blob, struct mc_error *e) {
    return blob.len == 0 ? named_drop(l, MC_SQL_SNAPSHOT_DROP, name, e)
                         : named_put(l, MC_SQL_SNAPSHOT_PUT, name, blob, e);
}

enum mc_err mc_snapshot_get(struct mc_ledger *l, const char *name, struct mc_buf *out, struct mc_error *e) {
    return named_get(l, MC_SQL_SNAPSHOT_GET, name, out, e);
}

enum mc_err mc_setting_put(struct mc_ledger *l, const char *name, struct mc_str value, struct mc_error *e) {
    return named_put(l, MC_SQL_SETTING_PUT, name, value, e);
}

enum mc_err mc_setting_get(struct mc_ledger *l, const char *name, struct mc_buf *out, struct mc_error *e) {
    return named_get(l, MC_SQL_SETTING_GET, name, out, e);
}

enum mc_err mc_counter_set(struct mc_ledger *l, const char *name, __int128 value, struct mc_error *e) {
    assert(strncmp(name, "store.", 6) != 0);
    sqlite3_stmt *s = writing(l, MC_SQL_COUNTER_PUT, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(name));
    mc_bind_int128(s, 2, value);
    return mc_sql_run(l, MC_SQL_COUNTER_PUT, e);
}

enum mc_err mc_counter_get(struct mc_ledger *l, const char *name, __int128 *value, struct mc_error *e) {
    *value = 0;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_COUNTER_GET, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(name));
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_COUNTER_GET, &row, e);
    if (err == MC_OK && row) {
        *value = mc_column_int128(s, 0);
        mc_sql_reset(l, MC_SQL_COUNTER_GET);
    }
    return err;
}

enum mc_err mc_chunk_append(struct mc_ledger *l, const char *name, struct mc_str blob, struct mc_error *e) {
    return named_put(l, MC_SQL_CHUNK_ADD, name, blob, e);
}

enum mc_err mc_chunk_each(struct mc_ledger *l, const char *name, bool (*take)(void *context, struct mc_str blob),
                          void *context, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CHUNK_NEXT, e);
    if (s == NULL)
        return l->last_error;
    int64_t after = 0;
    for (;;) {
        mc_bind_str(s, 1, mc_str_of(name));
        sqlite3_bind_int64(s, 2, after);
        bool row;
        enum mc_err err = mc_sql_step(l, MC_SQL_CHUNK_NEXT, &row, e);
        if (err != MC_OK || !row)
            return err;
        after = sqlite3_column_int64(s, 0);
        bool more = take(context, mc_column_str(s, 1));
        mc_sql_reset(l, MC_SQL_CHUNK_NEXT);
        if (!more)
            return MC_OK;
    }
}

/* ---- the product dimension ---- */

static void bind_dated(sqlite3_stmt *s, int at, struct mc_dated dated) {
    if (dated.value.len == 0) {
        sqlite3_bind_null(s, at);
        sqlite3_bind_null(s, at + 1);
    } else {
        mc_bind_str(s, at, dated.value);
        sqlite3_bind_int64(s, at + 1, dated.at.us);
    }
}

enum mc_err mc_product_put(struct mc_ledger *l, const struct mc_product *product, struct mc_error *e) {
    sqlite3_stmt *s = writing(l, MC_SQL_PRODUCT_PUT, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, product->product);
    bind_dated(s, 2, product->category_id);
    bind_dated(s, 4, product->category_code);
    bind_dated(s, 6, product->brand);
    return mc_sql_run(l, MC_SQL_PRODUCT_PUT, e);
}

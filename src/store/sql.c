#include "store/sql.h"

#include "store/internal.h"
#include <assert.h>

static const struct {
    const char *text, *doing;
} statements[MC_SQL_COUNT] = {
#define X(name, text, doing) {text, doing},
    MC_SQL_STATEMENTS(X)
#undef X
};

static enum mc_err err_of_code(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL:
        return MC_ERR_FULL;
    case SQLITE_NOMEM:
        return MC_ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MC_ERR_BUSY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return MC_ERR_FORMAT;
    case SQLITE_TOOBIG:
        return MC_ERR_LIMIT;
    default:
        return MC_ERR_IO;
    }
}

enum mc_err mc_sql_error(struct mc_ledger *l, int code, const char *doing, struct mc_error *e) {
    const char *why = l->db != NULL && (sqlite3_errcode(l->db) & 0xff) == (code & 0xff) ? sqlite3_errmsg(l->db)
                                                                                        : sqlite3_errstr(code);
    return mc_ledger_fail(l, err_of_code(code), e, "cannot %s: %s", doing, why);
}

sqlite3_stmt *mc_sql_get(struct mc_ledger *l, enum mc_sql which, struct mc_error *e) {
    if (l->statements[which] != NULL)
        return l->statements[which];
    int code =
        sqlite3_prepare_v3(l->db, statements[which].text, -1, SQLITE_PREPARE_PERSISTENT, &l->statements[which], NULL);
    if (code != SQLITE_OK)
        mc_sql_error(l, code, statements[which].doing, e);
    return l->statements[which];
}

enum mc_err mc_sql_step(struct mc_ledger *l, enum mc_sql which, bool *row, struct mc_error *e) {
    sqlite3_stmt *s = l->statements[which];
    int code = sqlite3_step(s);
    *row = code == SQLITE_ROW;
    if (*row)
        return MC_OK;
    enum mc_err err = code == SQLITE_DONE ? MC_OK : mc_sql_error(l, code, statements[which].doing, e);
    sqlite3_reset(s);
    return err;
}

enum mc_err mc_sql_run(struct mc_ledger *l, enum mc_sql which, struct mc_error *e) {
    bool row;
    enum mc_err err = mc_sql_step(l, which, &row, e);
    assert(err != MC_OK || !row);
    return err;
}

void mc_sql_reset(struct mc_ledger *l, enum mc_sql which) {
    if (l->statements[which] != NULL)
        sqlite3_reset(l->statements[which]);
}

void mc_sql_close(struct mc_ledger *l) {
    for (int i = 0; i < MC_SQL_COUNT; i++) {
        sqlite3_finalize(l->statements[i]);
        l->statements[i] = NULL;
    }
}

/* ---- exact sums ---- */

bool mc_int128_parse(struct mc_str text, __int128 *out) {
    bool negative = text.len > 0 && text.data[0] == '-';
    __int128 value = 0; /* built up below zero, which reaches one further */
    for (size_t at = negative; at < text.len; at++) {
        int digit = text.data[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, (__int128)10, &value) ||
            __builtin_sub_overflow(value, (__int128)digit, &value))
            return false;
    }
    if (text.len == (size_t)negative || (!negative && __builtin_sub_overflow((__int128)0, value, &value)))
        return false;
    *out = value;
    return true;
}

/* Decimal text; `digits` holds 41 bytes at least. Returns the first byte of it. */
static const char *int128_text(__int128 value, char digits[48], size_t *len) {
    size_t at = 48;
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do
        digits[--at] = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    if (value < 0)
        digits[--at] = '-';
    *len = 48 - at;
    return digits + at;
}

void mc_bind_int128(sqlite3_stmt *s, int at, __int128 value) {
    char digits[48];
    size_t len;
    if (value >= INT64_MIN && value <= INT64_MAX) {
        sqlite3_bind_int64(s, at, (int64_t)value);
    } else {
        const char *text = int128_text(value, digits, &len);
        sqlite3_bind_text(s, at, text, (int)len, SQLITE_TRANSIENT);
    }
}

__int128 mc_column_int128(sqlite3_stmt *s, int at) {
    __int128 value;
    if (sqlite3_column_type(s, at) == SQLITE_TEXT && mc_int128_parse(mc_column_str(s, at), &value))
        return value;
    return sqlite3_column_int64(s, at);
}

static bool value_int128(sqlite3_value *v, __int128 *out) {
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        *out = sqlite3_value_int64(v);
        return true;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_value_text(v);
        return text != NULL && mc_int128_parse((struct mc_str){text, (size_t)sqlite3_value_bytes(v)}, out);
    }
    default:
        return false;
    }
}

static void result_int128(sqlite3_context *context, __int128 value) {
    char digits[48];
    size_t len;
    if (value >= INT64_MIN && value <= INT64_MAX) {
        sqlite3_result_int64(context, (int64_t)value);
    } else {
        const char *text = int128_text(value, digits, &len);
        sqlite3_result_text(context, text, (int)len, SQLITE_TRANSIENT);
    }
}

static void add_function(sqlite3_context *context, int count, sqlite3_value **args) {
    (void)count; /* 2, by registration */
    __int128 a, b;
    if (!value_int128(args[0], &a) || !value_int128(args[1], &b) || __builtin_add_overflow(a, b, &a))
        sqlite3_result_error(context, "mc_add: not integers, or beyond 128 bits", -1);
    else
        result_int128(context, a);
}

struct sum {
    char total[sizeof(__int128)]; /* bytes: SQLite's memory is aligned to 8 only */
    bool bad;
};

static void sum_step(sqlite3_context *context, int count, sqlite3_value **args) {
    (void)count; /* 1, by registration */
    struct sum *sum = sqlite3_aggregate_context(context, sizeof *sum);
    __int128 value, total;
    if (sum == NULL || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    memcpy(&total, sum->total, sizeof total);
    if (!value_int128(args[0], &value) || __builtin_add_overflow(total, value, &total))
        sum->bad = true;
    memcpy(sum->total, &total, sizeof total);
}

static void sum_final(sqlite3_context *context) {
    struct sum *sum = sqlite3_aggregate_context(context, 0);
    __int128 total = 0;
    if (sum != NULL)
        memcpy(&total, sum->total, sizeof total);
    if (sum != NULL && sum->bad)
        sqlite3_result_error(context, "mc_sum: not integers, or beyond 128 bits", -1);
    else
        result_int128(context, total);
}

static int compare_values(sqlite3_value *a, sqlite3_value *b) {
    struct mc_str left = {(const char *)sqlite3_value_blob(a), (size_t)sqlite3_value_bytes(a)};
    struct mc_str right = {(const char *)sqlite3_value_blob(b), (size_t)sqlite3_value_bytes(b)};
    return mc_str_compare(left, right);
}

static void newer_function(sqlite3_context *context, int count, sqlite3_value **args) {
    (void)count; /* 4, by registration */
    bool newer = false;
    if (sqlite3_value_type(args[1]) != SQLITE_NULL) {
        int64_t at = sqlite3_value_int64(args[0]), old_at = sqlite3_value_int64(args[2]);
        newer = sqlite3_value_type(args[3]) == SQLITE_NULL || at > old_at ||
                (at == old_at && compare_values(args[1], args[3]) > 0);
    }
    sqlite3_result_int(context, newer);
}

int mc_sql_functions(sqlite3 *db) {
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int code = sqlite3_create_function(db, "mc_add", 2, flags, NULL, add_function, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function(db, "mc_sum", 1, flags, NULL, NULL, sum_step, sum_final);
    if (code == SQLITE_OK)
        code = sqlite3_create_function(db, "mc_newer", 4, flags, NULL, newer_function, NULL, NULL);
    return code;
}

#include "lake/query.h"

#include "base/mem.h"
#include "lake/duck.h"
#include "lake/live.h"
#include "lake/views.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_BYTES ((uint64_t)1 << 30)

struct mc_lake_query {
    const struct mc_duck *duck;
    struct mc_ledger *ledger;
    bool has_lake;
    duckdb_database database;
    duckdb_connection connection;
    unsigned filled; /* enum mc_live */
    char temporary[PATH_MAX];
};

/* ---- errors ---- */

/* DuckDB tells the kind of an error by its words. What is wrong with a file has the file's name in it, or words of its
 * decoders; all else that it refuses is wrong with the statement. */
static enum mc_err kind_of(const char *text) {
    static const struct {
        const char *words;
        enum mc_err kind;
    } kinds[] = {{"Out of Memory", MC_ERR_LIMIT}, {"INTERRUPT", MC_ERR_LIMIT}, {"Permission Error", MC_ERR_USAGE},
                 {".parquet", MC_ERR_FORMAT},     {"ZSTD", MC_ERR_FORMAT},     {"TProtocolException", MC_ERR_FORMAT},
                 {"IO Error", MC_ERR_FORMAT},     {"arquet", MC_ERR_FORMAT}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(text, kinds[i].words) != NULL)
            return kinds[i].kind;
    return MC_ERR_USAGE;
}

static enum mc_err fail(struct mc_error *e, const char *doing, const char *text) {
    text = text != NULL ? text : "no reason known";
    return mc_error_set(e, kind_of(text), "%s: %.420s", doing, text);
}

/* ---- open, close ---- */

static enum mc_err make_temporary(struct mc_lake_query *q, const char *where, struct mc_error *e) {
    if (where == NULL)
        where = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    snprintf(q->temporary, sizeof q->temporary, "%.*s/maxcart-sql.XXXXXX", PATH_MAX - 32, where);
    if (mkdtemp(q->temporary) != NULL)
        return MC_OK;
    q->temporary[0] = '\0';
    return mc_error_set(e, mc_err_of_errno(errno), "cannot make a folder in %s: %s", where, strerror(errno));
}

static enum mc_err open_database(struct mc_lake_query *q, struct mc_error *e) {
    char *text = NULL;
    bool good = q->duck->open_ext(NULL, &q->database, NULL, &text) == DuckDBSuccess &&
                q->duck->connect(q->database, &q->connection) == DuckDBSuccess;
    enum mc_err err = good ? MC_OK : fail(e, "DuckDB cannot be started", text);
    q->duck->free(text);
    return err;
}

static enum mc_err execute(struct mc_lake_query *q, struct mc_buf *sql, const char *doing, struct mc_error *e) {
    duckdb_result result;
    if (sql->failed)
        return mc_error_set(e, MC_ERR_NOMEM, "%s: no memory", doing);
    enum mc_err err = MC_OK;
    if (q->duck->query(q->connection, mc_buf_cstr(sql), &result) != DuckDBSuccess)
        err = fail(e, doing, q->duck->result_error(&result));
    q->duck->destroy_result(&result);
    return err;
}

static void put_set(struct mc_buf *sql, const char *name, const char *value) {
    mc_buf_printf(sql, "SET %s = ", name);
    mc_buf_sql(sql, mc_str_of(value));
    mc_buf_char(sql, ';');
}

static void put_allowed(struct mc_buf *sql, const char *name, const char *path) {
    mc_buf_printf(sql, "SET %s = [", name);
    if (path != NULL)
        mc_buf_sql(sql, mc_str_of(path));
    mc_buf_text(sql, "];");
}

/* `file`: one that may be written, for an export. What is allowed must be said before the rest is forbidden. */
static void put_settings(struct mc_buf *sql, const struct mc_lake_query *q, const struct mc_lake_query_options *o,
                         const char *lake, const char *file) {
    uint64_t memory = o->memory_bytes ? o->memory_bytes : MEMORY_BYTES;
    put_set(sql, "temp_directory", q->temporary);
    put_set(sql, "TimeZone", o->time_zone && o->time_zone[0] ? o->time_zone : "UTC");
    mc_buf_printf(sql, "SET memory_limit = '%lluB';", (unsigned long long)memory);
    mc_buf_printf(sql, "SET threads = %u;", o->threads ? o->threads : (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    mc_buf_text(sql, "SET autoload_known_extensions = false; SET autoinstall_known_extensions = false;"
                     "SET allow_community_extensions = false;");
    put_allowed(sql, "allowed_directories", lake);
    put_allowed(sql, "allowed_paths", file);
    mc_buf_text(sql, "SET enable_external_access = false;");
}

/* Settings and views; after it no setting can be changed. */
static enum mc_err prepare_session(struct mc_lake_query *q, const struct mc_lake_query_options *o,
                                   const struct mc_lake_listing *listing, const char *file, struct mc_error *e) {
    struct mc_buf sql = {0};
    put_settings(&sql, q, o, listing != NULL ? listing->root.data : NULL, file);
    if (listing != NULL)
        mc_views_of_lake(&sql, listing, o->ledger != NULL);
    mc_buf_text(&sql, "SET lock_configuration = true;");
    enum mc_err err = execute(q, &sql, "the views cannot be made", e);
    mc_buf_free(&sql);
    return err;
}

static enum mc_err open_query(struct mc_lake_query **out, const struct mc_lake_query_options *o, const char *file,
                              struct mc_error *e) {
    struct mc_lake_listing listing = {0};
    struct mc_lake_query *q = mc_calloc(1, sizeof *q);
    *out = NULL;
    if (q == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for SQL");
    q->ledger = o->ledger;
    q->has_lake = o->lake != NULL;
    enum mc_err err = MC_OK;
    if (o->lake == NULL && o->ledger == NULL)
        err = mc_error_set(e, MC_ERR_USAGE, "there is nothing to query: neither a lake nor a store was given");
    if (err == MC_OK && o->lake != NULL)
        err = mc_lake_list(&listing, o->lake, e);
    if (err == MC_OK)
        err = mc_duck_get(&q->duck, e);
    if (err == MC_OK)
        err = make_temporary(q, o->temporary, e);
    if (err == MC_OK)
        err = open_database(q, e);
    if (err == MC_OK)
        err = prepare_session(q, o, o->lake != NULL ? &listing : NULL, file, e);
    mc_lake_listing_free(&listing);
    if (err != MC_OK)
        mc_lake_query_close(&q);
    *out = q;
    return err;
}

enum mc_err mc_lake_query_open(struct mc_lake_query **out, const struct mc_lake_query_options *options,
                               struct mc_error *e) {
    return open_query(out, options, NULL, e);
}

void mc_lake_query_close(struct mc_lake_query **pointer) {
    struct mc_lake_query *q = *pointer;
    if (q == NULL)
        return;
    if (q->connection != NULL)
        q->duck->disconnect(&q->connection);
    if (q->database != NULL)
        q->duck->close(&q->database);
    if (q->temporary[0] != '\0')
        rmdir(q->temporary); /* DuckDB has removed what it put there */
    mc_free(q);
    *pointer = NULL;
}

void mc_lake_query_interrupt(struct mc_lake_query *q) {
    q->duck->interrupt(q->connection);
}

/* ---- which statement it is ---- */

/* Whether the text has the word in it, anywhere: a view that is used is named. */
static bool names(const char *sql, const char *word) {
    return strcasestr(sql, word) != NULL;
}

/* What DuckDB says of a statement that it cannot prepare; of a view that is missing for want of a store or of a lake
 * we know better. */
static enum mc_err refuse(const struct mc_lake_query *q, const char *sql, const char *text, struct mc_error *e) {
    for (size_t i = 0; text != NULL && names(text, "does not exist") && i < mc_view_count; i++)
        if (mc_view_source(&mc_views[i], q->has_lake, q->ledger != NULL) == MC_VIEW_ABSENT &&
            names(sql, mc_views[i].name))
            return mc_error_set(e, MC_ERR_USAGE, "SQL: the view %s needs %s", mc_views[i].name,
                                mc_views[i].of_store != NULL ? "a store: give --store" : "a lake: give --lake");
    return fail(e, "SQL", text);
}

/* Two things that a SELECT can reach in DuckDB and must not. enable_logging(): a file that it may not write ends the
 * whole process by an exception that nobody catches (seen with 1.4.4). query(): its text is put together while it
 * runs, so that nothing said here about the statement would hold. */
static enum mc_err check_functions(const char *sql, struct mc_error *e) {
    if (names(sql, "enable_logging"))
        return mc_error_set(e, MC_ERR_USAGE, "SQL: enable_logging() is not allowed here");
    for (const char *at = strcasestr(sql, "query"); at != NULL; at = strcasestr(at + 1, "query")) {
        const char *end = at + strcspn(at, "(/- \t\r\n,;)");
        end += strspn(end, " \t\r\n");
        if (*end == '(' || *end == '/' || *end == '-') /* or a comment in front of it */
            return mc_error_set(e, MC_ERR_USAGE, "SQL: query() is not allowed here");
    }
    return MC_OK;
}

/* Exactly one statement, and a SELECT. */
static enum mc_err check_statement(struct mc_lake_query *q, const char *sql, struct mc_error *e) {
    const struct mc_duck *d = q->duck;
    duckdb_extracted_statements statements = NULL;
    duckdb_prepared_statement prepared = NULL;
    enum mc_err err = MC_OK;
    idx_t count = d->extract_statements(q->connection, sql, &statements);
    if (count == 0 && d->extract_statements_error(statements) != NULL)
        err = fail(e, "SQL", d->extract_statements_error(statements));
    else if (count != 1)
        err =
            mc_error_set(e, MC_ERR_USAGE, "SQL: %s", count == 0 ? "there is no statement" : "one statement at a time");
    else if (d->prepare_extracted_statement(q->connection, statements, 0, &prepared) != DuckDBSuccess)
        err = refuse(q, sql, d->prepare_error(prepared), e);
    else if (d->prepared_statement_type(prepared) != DUCKDB_STATEMENT_TYPE_SELECT)
        err = mc_error_set(e, MC_ERR_USAGE, "SQL: only SELECT is allowed here");
    d->destroy_prepare(&prepared);
    d->destroy_extracted(&statements);
    return err;
}

/* Copies in what the text may need of the store and is not there yet. */
static enum mc_err fill_live(struct mc_lake_query *q, const char *sql, struct mc_error *e) {
    unsigned live = 0;
    struct mc_buf create = {0};
    for (size_t i = 0; i < mc_view_count; i++)
        if (mc_view_source(&mc_views[i], q->has_lake, q->ledger != NULL) == MC_VIEW_OF_STORE &&
            names(sql, mc_views[i].name))
            live |= mc_views[i].live & ~q->filled;
    if (live == 0)
        return MC_OK;
    mc_live_create(&create, live);
    mc_views_of_store(&create, q->has_lake, q->filled | live, q->filled);
    q->filled |= live;
    enum mc_err err = execute(q, &create, "the views of the store cannot be made", e);
    mc_buf_free(&create);
    return err == MC_OK ? mc_live_fill(q->duck, q->connection, q->ledger, live, e) : err;
}

static enum mc_err check(struct mc_lake_query *q, const char *sql, struct mc_error *e) {
    enum mc_err err = check_functions(sql, e);
    if (err == MC_OK)
        err = fill_live(q, sql, e);
    return err == MC_OK ? check_statement(q, sql, e) : err;
}

/* ---- the statement, as text ---- */

/* Behind the quoted text or the comment that begins at s[at]; at itself if none does. */
static size_t behind_quoted(struct mc_str s, size_t at) {
    char c = s.data[at], next = at + 1 < s.len ? s.data[at + 1] : '\0';
    struct mc_str end = {0};
    size_t from = at + 1;
    if (c == '\'' || c == '"') {
        end = (struct mc_str){s.data + at, 1};
    } else if (c == '-' && next == '-') {
        end = MC_STR("\n");
    } else if (c == '/' && next == '*') {
        end = MC_STR("*/");
        from++;
    } else if (c == '$' && next == '$') {
        end = MC_STR("$$");
        from++;
    } else {
        return at;
    }
    const char *found = from < s.len ? memmem(s.data + from, s.len - from, end.data, end.len) : NULL;
    return found != NULL ? (size_t)(found - s.data) + end.len : s.len;
}

/* Without the semicolon that ends it and what is behind, so that it can stand in brackets. Text in which we see the
 * end too early is refused by DuckDB: what is looked at and what is run is this. */
static struct mc_str bare(struct mc_str sql) {
    sql = mc_str_trim(sql);
    struct mc_str rest = sql;
    for (size_t at = 0, behind; at<sql.len; at = behind> at ? behind : at + 1) {
        behind = behind_quoted(sql, at);
        if (behind > at || sql.data[at] != ';')
            continue;
        rest = (struct mc_str){sql.data, at};
        struct mc_str more = mc_str_trim((struct mc_str){sql.data + at + 1, sql.len - at - 1});
        while (more.len > 0 && (more.data[0] == ';' || behind_quoted(more, 0) > 0)) {
            size_t len = more.data[0] == ';' ? 1 : behind_quoted(more, 0);
            more = mc_str_trim((struct mc_str){more.data + len, more.len - len});
        }
        return more.len == 0 ? rest : sql; /* there is another statement: let DuckDB say so */
    }
    return rest;
}

static enum mc_lake_cell cell_of(duckdb_type type) {
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return MC_LAKE_BOOL;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_DECIMAL:
        return MC_LAKE_NUMBER;
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return MC_LAKE_TIME;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_UNION:
        return MC_LAKE_JSON;
    default:
        return MC_LAKE_TEXT;
    }
}

struct result {
    struct mc_lake_query *q;
    size_t count;
    struct mc_str *names;
    enum mc_lake_cell *kinds;
    struct mc_lake_value *values;
    struct mc_buf bytes; /* of the names; then of a row's times */
    duckdb_prepared_statement prepared;
    duckdb_result rows;
    bool has_rows;
};

static void close_result(struct result *r) {
    if (r->has_rows)
        r->q->duck->destroy_result(&r->rows);
    r->q->duck->destroy_prepare(&r->prepared);
    mc_free(r->names);
    mc_free(r->kinds);
    mc_free(r->values);
    mc_buf_free(&r->bytes);
}

/* Names and kinds of the statement that is prepared. */
static bool describe(struct result *r) {
    const struct mc_duck *d = r->q->duck;
    r->count = d->prepared_statement_column_count(r->prepared);
    r->names = mc_calloc(r->count + 1, sizeof *r->names);
    r->kinds = mc_calloc(r->count + 1, sizeof *r->kinds);
    r->values = mc_calloc(r->count + 1, sizeof *r->values);
    if (r->names == NULL || r->kinds == NULL || r->values == NULL)
        return false;
    for (size_t i = 0; i < r->count; i++) {
        const char *name = d->prepared_statement_column_name(r->prepared, i);
        r->names[i].len = name ? strlen(name) : 0;
        mc_buf_text(&r->bytes, name ? name : "");
        r->kinds[i] = cell_of(d->prepared_statement_column_type(r->prepared, i));
        d->free((void *)(uintptr_t)name);
    }
    size_t at = 0;
    for (size_t i = 0; i < r->count; at += r->names[i++].len)
        r->names[i].data = r->bytes.data + at;
    return !r->bytes.failed;
}

static enum mc_err prepare(struct result *r, const char *sql, struct mc_error *e) {
    if (r->q->duck->prepare(r->q->connection, sql, &r->prepared) == DuckDBSuccess)
        return MC_OK;
    return fail(e, "SQL", r->q->duck->prepare_error(r->prepared));
}

/* The statement around the given one that makes text of all but times: so every type can be shown. */
static void put_as_text(struct mc_buf *b, const struct result *r, struct mc_str sql) {
    static const char *const forms[] = {[MC_LAKE_TEXT] = "CAST(#%zu AS VARCHAR)",
                                        [MC_LAKE_NUMBER] = "CAST(#%zu AS VARCHAR)",
                                        [MC_LAKE_BOOL] = "CAST(#%zu AS VARCHAR)",
                                        [MC_LAKE_TIME] = "#%zu",
                                        [MC_LAKE_JSON] = "CAST(to_json(#%zu) AS VARCHAR)"};
    mc_buf_text(b, "SELECT ");
    for (size_t i = 0; i < r->count; i++) {
        const char *form = forms[r->kinds[i]], *number = strstr(form, "#%zu");
        mc_buf_append(b, form, (size_t)(number - form));
        mc_buf_printf(b, "#%zu%s%s", i + 1, number + 4, i + 1 < r->count ? ", " : "");
    }
    mc_buf_text(b, " FROM (");
    mc_buf_str(b, sql);
    mc_buf_text(b, "\n)");
}

static enum mc_err prepare_as_text(struct result *r, struct mc_str sql, struct mc_error *e) {
    struct mc_buf text = {0};
    put_as_text(&text, r, sql);
    r->q->duck->destroy_prepare(&r->prepared);
    enum mc_err err = text.failed ? mc_error_set(e, MC_ERR_NOMEM, "SQL: no memory") : prepare(r, mc_buf_cstr(&text), e);
    mc_buf_free(&text);
    return err;
}

/* ---- rows ---- */

static bool is_null(const uint64_t *validity, idx_t row) {
    return validity != NULL && (validity[row / 64] >> row % 64 & 1) == 0;
}

/* The room is the caller's, MC_TIME_TEXT_MAX bytes. What is no time of ours is an infinity of DuckDB's or far away. */
static struct mc_str time_text(char *room, int64_t us) {
    const int64_t year_0 = -719528 * MC_DAY_US, year_10000 = 2932897 * MC_DAY_US;
    if (us >= year_0 && us < year_10000)
        return (struct mc_str){room, mc_time_text(room, us)};
    return us < 0 ? MC_STR("-infinity") : MC_STR("infinity");
}

static struct mc_str string_text(const duckdb_string_t *s) {
    bool inlined = s->value.inlined.length <= sizeof s->value.inlined.inlined;
    return (struct mc_str){inlined ? s->value.inlined.inlined : s->value.pointer.ptr, s->value.inlined.length};
}

struct column {
    const void *data;
    const uint64_t *validity;
};

static bool give_chunk(struct result *r, duckdb_data_chunk chunk, const struct mc_lake_sink *sink,
                       struct column *columns, char (*rooms)[MC_TIME_TEXT_MAX]) {
    idx_t rows = r->q->duck->data_chunk_get_size(chunk);
    for (size_t i = 0; i < r->count; i++) {
        duckdb_vector v = r->q->duck->data_chunk_get_vector(chunk, i);
        columns[i] = (struct column){r->q->duck->vector_get_data(v), r->q->duck->vector_get_validity(v)};
    }
    for (idx_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < r->count; i++) {
            struct mc_lake_value *value = &r->values[i];
            *value = (struct mc_lake_value){.is_null = is_null(columns[i].validity, row)};
            if (!value->is_null)
                value->text = r->kinds[i] == MC_LAKE_TIME
                                  ? time_text(rooms[i], ((const int64_t *)columns[i].data)[row])
                                  : string_text(&((const duckdb_string_t *)columns[i].data)[row]);
        }
        if (!sink->row(sink->context, r->values, r->count))
            return false;
    }
    return true;
}

static enum mc_err give_rows(struct result *r, const struct mc_lake_sink *sink, struct mc_error *e) {
    struct column *columns = mc_calloc(r->count + 1, sizeof *columns);
    char(*rooms)[MC_TIME_TEXT_MAX] = mc_calloc(r->count + 1, sizeof *rooms);
    enum mc_err err = columns && rooms ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "SQL: no memory");
    bool more = err == MC_OK;
    while (more) {
        duckdb_data_chunk chunk = r->q->duck->fetch_chunk(r->rows);
        more = chunk != NULL && give_chunk(r, chunk, sink, columns, rooms);
        if (chunk == NULL && r->q->duck->result_error(&r->rows) != NULL)
            err = fail(e, "SQL", r->q->duck->result_error(&r->rows));
        r->q->duck->destroy_data_chunk(&chunk);
    }
    mc_free(columns);
    mc_free(rooms);
    return err;
}

static enum mc_err run(struct result *r, struct mc_str sql, const struct mc_lake_sink *sink, struct mc_error *e) {
    enum mc_err err = prepare_as_text(r, sql, e);
    if (err != MC_OK)
        return err;
    r->has_rows = true;
    if (r->q->duck->execute_prepared_streaming(r->prepared, &r->rows) != DuckDBSuccess)
        return fail(e, "SQL", r->q->duck->result_error(&r->rows));
    if (!sink->columns(sink->context, r->names, r->kinds, r->count))
        return MC_OK;
    return give_rows(r, sink, e);
}

enum mc_err mc_lake_query_run(struct mc_lake_query *q, struct mc_str sql, const struct mc_lake_sink *sink,
                              struct mc_error *e) {
    struct result r = {.q = q};
    struct mc_buf text = {0};
    mc_buf_str(&text, bare(sql));
    enum mc_err err = check(q, mc_buf_cstr(&text), e);
    if (err == MC_OK)
        err = prepare(&r, mc_buf_cstr(&text), e);
    if (err == MC_OK && !describe(&r))
        err = mc_error_set(e, MC_ERR_NOMEM, "SQL: no memory");
    if (err == MC_OK)
        err = run(&r, mc_buf_view(&text), sink, e);
    close_result(&r);
    mc_buf_free(&text);
    return err;
}

/* ---- to a Parquet file ---- */

static enum mc_err make_durable(const char *from, const char *to, struct mc_error *e) {
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0 && rename(from, to) == 0;
    enum mc_err err =
        good ? MC_OK : mc_error_set(e, mc_err_of_errno(errno), "cannot put %s in place: %s", to, strerror(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

static enum mc_err export_to(struct mc_lake_query *q, struct mc_str sql, const char *file, struct mc_error *e) {
    struct mc_buf text = {0}, copy = {0};
    mc_buf_str(&text, bare(sql));
    mc_buf_text(&copy, "COPY (");
    mc_buf_str(&copy, mc_buf_view(&text));
    mc_buf_text(&copy, "\n) TO ");
    mc_buf_sql(&copy, mc_str_of(file));
    mc_buf_text(&copy, " (FORMAT parquet, COMPRESSION zstd)");
    enum mc_err err = check(q, mc_buf_cstr(&text), e);
    if (err == MC_OK)
        err = execute(q, &copy, "SQL", e);
    mc_buf_free(&text);
    mc_buf_free(&copy);
    return err;
}

enum mc_err mc_lake_query_export(const struct mc_lake_query_options *options, struct mc_str sql, const char *path,
                                 struct mc_error *e) {
    char file[PATH_MAX];
    struct mc_lake_query *q = NULL;
    if (snprintf(file, sizeof file, "%s.%ld.new", path, (long)getpid()) >= (int)sizeof file)
        return mc_error_set(e, MC_ERR_USAGE, "the name of the file is too long");
    enum mc_err err = open_query(&q, options, file, e);
    if (err == MC_OK)
        err = export_to(q, sql, file, e);
    mc_lake_query_close(&q);
    if (err == MC_OK)
        err = make_durable(file, path, e);
    if (err != MC_OK)
        unlink(file);
    return err;
}

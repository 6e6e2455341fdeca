/* SQL over a lake and a live store, by DuckDB, for reading only.
 *
 * What a query may do is decided twice: its statement must be a SELECT by DuckDB's own parser (WITH, VALUES, DESCRIBE,
 * SUMMARIZE and SHOW are), and DuckDB may touch no file but those in the lake's folder, load no extension and change no
 * setting. The views of docs/DATA.md stand ready; the live store's tables are copied in when a query names a view over
 * them, once.
 *
 * One owner thread; mc_lake_query_interrupt may be called by any other.
 */
#ifndef MC_LAKE_QUERY_H
#define MC_LAKE_QUERY_H

#include "store/ledger.h"

struct mc_lake_query;

struct mc_lake_query_options {
    const char *lake;         /* folder; NULL: none */
    struct mc_ledger *ledger; /* open for reading, borrowed; NULL: none */
    const char *time_zone;    /* in which days begin; NULL: UTC */
    uint64_t memory_bytes;    /* 0: 1 GiB. What does not fit goes to disk */
    uint32_t threads;         /* 0: as many as cores */
    const char *temporary; /* folder for that; NULL: $TMPDIR or /tmp. A folder of its own is made there and removed */
};

/* MC_ERR_USAGE: neither lake nor store. MC_ERR_IO: no libduckdb.so, or no such lake. MC_ERR_FORMAT: a damaged or
 * foreign file in the lake, named. MC_ERR_NOMEM, and as mc_lake_list. On an error *out is NULL. */
enum mc_err mc_lake_query_open(struct mc_lake_query **out, const struct mc_lake_query_options *options,
                               struct mc_error *e);
void mc_lake_query_close(struct mc_lake_query **q);

/* Makes the query that runs fail soon with MC_ERR_LIMIT. Any thread, also while none runs. */
void mc_lake_query_interrupt(struct mc_lake_query *q);

/* How a value is to be shown. */
enum mc_lake_cell { MC_LAKE_TEXT, MC_LAKE_NUMBER, MC_LAKE_BOOL, MC_LAKE_TIME, MC_LAKE_JSON };

struct mc_lake_value {
    bool is_null;
    struct mc_str text; /* UTF-8; a time as RFC 3339 with Z; a number as decimal text, "nan" and "inf" among them */
};

/* Told of a result: its columns first, then its rows. Everything is borrowed for the call; false stops, which is no
 * error. */
struct mc_lake_sink {
    void *context;
    bool (*columns)(void *context, const struct mc_str *names, const enum mc_lake_cell *kinds, size_t count);
    bool (*row)(void *context, const struct mc_lake_value *values, size_t count);
};

/* Runs one statement. MC_ERR_USAGE: it is none, more than one, no SELECT, or wrong, in DuckDB's words. MC_ERR_LIMIT: it
 * needs more memory and disk than it may use, or was interrupted. MC_ERR_FORMAT: a file of the lake cannot be read. */
enum mc_err mc_lake_query_run(struct mc_lake_query *q, struct mc_str sql, const struct mc_lake_sink *sink,
                              struct mc_error *e);

/* Writes the result of one statement as a Parquet file (zstd), which appears whole or not at all. Errors as of run, and
 * MC_ERR_IO, MC_ERR_FULL. It takes a session of its own, for its file must be allowed before a query is known. */
enum mc_err mc_lake_query_export(const struct mc_lake_query_options *options, struct mc_str sql, const char *path,
                                 struct mc_error *e);

#endif

/* Writes Parquet files: flat tables, zstd, nothing else of the format.
 *
 * Why not DuckDB's writer: it takes 1.35 us a row and core for the lake's events, sorted in memory already; this one a
 * fifth of that, for it is given what the caller knows anyway: which text is which (no hashing), which columns hold few
 * values. Every reader reads the result (test/lake/readers_test.py).
 *
 * A file is made in memory, row group by row group, column by column in the order of the schema: its size is bounded by
 * the caller's rows. The bytes depend on the rows and the version of libzstd alone. The first failure (no memory) is
 * kept: everything after it does nothing, and mc_parquet_finish tells. One owner thread.
 *
 * What is written: format version 1, data pages V1, RLE_DICTIONARY, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY,
 * PLAIN; min, max and null counts a row group; each page's zstd frame has a checksum, so damage is seen when it is
 * read.
 */
#ifndef MC_LAKE_PARQUET_H
#define MC_LAKE_PARQUET_H

#include "base/err.h"
#include "base/str.h"

enum mc_parquet_kind {
    MC_PARQUET_BOOL,
    MC_PARQUET_INT32,
    MC_PARQUET_INT64,
    MC_PARQUET_TIME, /* microseconds UTC */
    MC_PARQUET_TEXT, /* UTF-8 */
    MC_PARQUET_BYTES,
};

struct mc_parquet_column {
    const char *name;
    enum mc_parquet_kind kind;
    bool nullable;
};

struct mc_parquet;

/* `columns` must outlive it. MC_ERR_NOMEM. */
enum mc_err mc_parquet_open(struct mc_parquet **out, const struct mc_parquet_column *columns, uint32_t count,
                            struct mc_error *e);
void mc_parquet_close(struct mc_parquet **p);

/* A row group of so many rows, at least 1; then each column once, then the next group or the end. */
void mc_parquet_group(struct mc_parquet *p, uint32_t rows);

/* The next column. `present`, by row: 0 is null; NULL: there is no null. Values of null rows are not looked at. */
void mc_parquet_bools(struct mc_parquet *p, const uint8_t *values);
void mc_parquet_ints(struct mc_parquet *p, const int64_t *values, const uint8_t *present);

/* Of few texts: row i has entries[index[i]]; `entries` may have more than occur. */
void mc_parquet_texts(struct mc_parquet *p, const uint32_t *index, const uint8_t *present, const struct mc_str *entries,
                      uint32_t entry_count);

/* Of texts that rarely occur twice. */
void mc_parquet_strings(struct mc_parquet *p, const struct mc_str *values, const uint8_t *present);

/* The caller has no memory for a column: the file fails. */
void mc_parquet_fail(struct mc_parquet *p);

struct mc_parquet_pair {
    const char *key, *value;
};

/* Ends the file; *bytes is the writer's until it is closed. The pairs are kept in the file's footer. MC_ERR_NOMEM. */
enum mc_err mc_parquet_finish(struct mc_parquet *p, const struct mc_parquet_pair *pairs, size_t pair_count,
                              struct mc_str *bytes, struct mc_error *e);

#endif

/* A CSV file with a header, read row by row by the names of its columns: for the imports.
 *
 * Rows are those of SEMANTICS 1 (RFC 4180 made exact), values are trimmed, columns stand in any order and their names
 * ignore ASCII case; unknown columns are passed over. A row that is badly quoted, too long, not UTF-8, holds a NUL or
 * has the wrong number of fields is refused with its number and a reason, and the next is read. One thread.
 */
#ifndef MC_APP_TABLE_FILE_H
#define MC_APP_TABLE_FILE_H

#include "base/buf.h"
#include "base/err.h"

enum { MC_TABLE_COLUMNS_MAX = 16 };

struct mc_table_column {
    const char *name;
    bool needed;
};

struct mc_table_reader {
    const struct mc_table_column *columns;
    size_t column_count; /* at most MC_TABLE_COLUMNS_MAX */
    /* One row: values in the order of `columns`, empty where the file has no such column; borrowed for the call. An
     * error ends the reading. */
    enum mc_err (*take)(void *context, uint64_t row, const struct mc_str *values, struct mc_error *e);
    void (*refuse)(void *context, uint64_t row, const char *reason);
    void *context;
    struct mc_buf ignored; /* names of the unknown columns, ", " between them; the caller's to free */
};

/* Reads `path`, "-" for standard input. Rows are numbered from 1 after the header. MC_ERR_IO: missing, a directory, not
 * readable; MC_ERR_FORMAT: no header, a needed column is missing, a known one is there twice; MC_ERR_NOMEM; and the
 * errors of `take`. */
enum mc_err mc_table_read(struct mc_table_reader *reader, const char *path, struct mc_error *e);

#endif

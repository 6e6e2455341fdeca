/* A result of SQL as text: a sink of query.h that writes to a buffer.
 *
 * CSV, JSON and Markdown are given out as they come; a table needs the widths of its columns, which are those of its
 * first MC_PRINT_SAMPLE rows: wider values behind them push their line. One thread.
 */
#ifndef MC_LAKE_PRINT_H
#define MC_LAKE_PRINT_H

#include "lake/query.h"

enum mc_print_format { MC_PRINT_TABLE, MC_PRINT_CSV, MC_PRINT_JSON, MC_PRINT_MARKDOWN };

enum { MC_PRINT_SAMPLE = 1000 };

/* Start from {.format, .out, .spill, .context}; the rest is its own. */
struct mc_print {
    enum mc_print_format format;
    struct mc_buf *out;
    bool (*spill)(void *context); /* after each row: may empty `out`; false stops */
    void *context;

    uint64_t rows;
    size_t count;
    struct mc_buf names; /* each with a NUL behind it */
    enum mc_lake_cell *kinds;
    struct mc_buf held; /* of a table: cells of the rows that are waiting, u32 length (UINT32_MAX: null) and bytes */
    size_t *widths;     /* NULL again once they are settled and what was held is out: then `settled` */
    bool settled;
};

struct mc_lake_sink mc_print_sink(struct mc_print *p);

/* Writes what was held, and a table's last line; frees. Also after an error. */
void mc_print_end(struct mc_print *p);

#endif

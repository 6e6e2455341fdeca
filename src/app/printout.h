/* A list of rows in one of three forms: aligned text for people, CSV or JSON lines for programs.
 *
 * A table of columns says each cell's name and kind; cells are given in order, and the last of a row ends it. CSV and
 * JSON are streamed to the output; text needs the widths, so it is kept in memory until the end: lists for people have
 * a limit. One thread.
 */
#ifndef MC_APP_PRINTOUT_H
#define MC_APP_PRINTOUT_H

#include "app/output.h"

enum mc_format { MC_FORMAT_TEXT, MC_FORMAT_JSON, MC_FORMAT_CSV };

enum mc_cell {
    MC_CELL_TEXT,  /* JSON string */
    MC_CELL_COUNT, /* JSON number; "1,234" in text */
    MC_CELL_MONEY, /* minor units: JSON number; "12.34" in text */
    MC_CELL_TIME,  /* RFC 3339; MC_TIME_NONE_US is null */
    MC_CELL_JSON,  /* a JSON value as it is; not shown in text */
};

struct mc_list_column {
    const char *name;    /* in JSON and CSV, "": not there; NULL ends a table of columns */
    const char *heading; /* in text; NULL: not shown there */
    enum mc_cell kind;
};

struct mc_printout {
    const struct mc_list_column *columns;
    enum mc_format format;
    struct mc_output *out; /* borrowed */
    int column_count, at;  /* the column of the next cell */
    uint64_t count;        /* rows that are whole */
    struct mc_buf cells;   /* text: the shown cells, one behind the other */
    struct mc_buf lengths; /* text: a uint32_t of bytes for each */
};

/* Writes the CSV header. `rows` is filled; nothing can fail here that mc_output_close does not report. */
void mc_printout_begin(struct mc_printout *rows, const struct mc_list_column *columns, enum mc_format format,
                       struct mc_output *out);

void mc_printout_text(struct mc_printout *rows, struct mc_str text); /* TEXT, JSON */
void mc_printout_number(struct mc_printout *rows, __int128 value);   /* COUNT, MONEY */
void mc_printout_time(struct mc_printout *rows, int64_t us);         /* TIME */
void mc_printout_null(struct mc_printout *rows);                     /* any: JSON null, nothing in CSV, "-" in text */

/* Writes the text, if it is text, and frees. */
void mc_printout_end(struct mc_printout *rows);

#endif

/* Rows of CSV to events (SEMANTICS 1 and 2).
 *
 * Two ways through, with the same answer: bytes without any quote are scanned with wide instructions, where a row is a
 * line; bytes with quotes are read byte by byte. Pure but for the batch it fills; a decoder belongs to one thread (it
 * remembers the minute that it parsed last), a layout may be shared.
 */
#ifndef MC_EVENT_CSV_H
#define MC_EVENT_CSV_H

#include "event/batch.h"
#include "event/fields.h"

/* Longest row without its terminator; longer ones are malformed. */
enum { MC_ROW_BYTES_MAX = 65536 };

/* What a row's start tells, given all bytes up to some point. */
enum mc_row_state {
    MC_ROW_GOOD,       /* `end` is behind its terminator */
    MC_ROW_BAD,        /* bad quoting, too long or never closed: `end` is behind its first physical line */
    MC_ROW_UNFINISHED, /* more bytes are needed to tell */
};

struct mc_row_bounds {
    enum mc_row_state state;
    size_t content; /* bytes of the row without its terminator */
    size_t end;     /* bytes of the row with it */
};

/* The row that starts at bytes[0]. `last` says that the input ends with these bytes. len > 0. */
struct mc_row_bounds mc_csv_row(const char *bytes, size_t len, bool last);

/* How many of the bytes are whole rows, given that a row starts at bytes[0]; 0 when not even one is. */
size_t mc_csv_whole_rows(const char *bytes, size_t len, bool last);

/* Which column of the rows is which of ours. */
struct mc_layout {
    uint32_t count;        /* fields of a row */
    uint8_t *column;       /* count of them: enum mc_column */
    struct mc_buf header;  /* the header row's content; empty: the nine of --no-header */
    struct mc_buf ignored; /* names of unknown columns, comma-separated, for the summary */
};

/* The nine columns of --no-header. MC_ERR_NOMEM. */
enum mc_err mc_layout_default(struct mc_layout *layout, struct mc_error *e);

/* From a header row (content without terminator). MC_ERR_FORMAT with a sentence when a needed column is missing, a
 * known one is named twice, or the header is badly quoted, too long, not UTF-8 or has a NUL. */
enum mc_err mc_layout_parse(struct mc_layout *layout, struct mc_str header, struct mc_error *e);

void mc_layout_free(struct mc_layout *layout);

struct mc_csv_decoder {
    const struct mc_layout *layout;
    struct mc_checks checks;
};

void mc_csv_decoder_init(struct mc_csv_decoder *decoder, const struct mc_layout *layout, struct mc_str currency);

/* Decodes batch->bytes[0, raw_len), whole rows, into its events and rejects; sets row_count. `last` as for mc_csv_row.
 * MC_ERR_NOMEM leaves a batch that may only be reset or freed. */
enum mc_err mc_csv_decode(struct mc_csv_decoder *decoder, struct mc_batch *batch, bool last, struct mc_error *e);

#endif

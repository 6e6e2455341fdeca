/* The rejected rows that wait to become a file, all of one day of arrival (UTC), and that file. Private to lake/.
 * Rows are in the order of the log. Ownership and threads as day.h. */
#ifndef MC_LAKE_REJECTED_H
#define MC_LAKE_REJECTED_H

#include "base/time.h"
#include "event/event.h"
#include "lake/parquet.h"
#include "lake/texts.h"

struct mc_rejected_row;

struct mc_rejected {
    int64_t day; /* of arrival */
    struct mc_rejected_row *rows;
    uint32_t row_count, row_cap;
    struct mc_texts sources;
    struct mc_buf raw;
};

struct mc_rejected_event {
    struct mc_str source, raw;
    int64_t byte_offset, row; /* SEMANTICS 8 */
    uint64_t position;        /* in the log */
    enum mc_reason reason;
    struct mc_wall arrived_at;
};

extern const struct mc_parquet_column mc_rejected_columns[];
extern const uint32_t mc_rejected_column_count;

void mc_rejected_free(struct mc_rejected *r);

/* A zeroed one is empty; its first row sets the day. False: no memory. */
bool mc_rejected_add(struct mc_rejected *r, const struct mc_rejected_event *event);

uint64_t mc_rejected_bytes(const struct mc_rejected *r);
uint64_t mc_rejected_first(const struct mc_rejected *r); /* position; there is a row */
uint64_t mc_rejected_last(const struct mc_rejected *r);

/* As mc_day_encode. */
enum mc_err mc_rejected_encode(const struct mc_rejected *r, struct mc_parquet **p, struct mc_str *file,
                               struct mc_error *e);

void mc_rejected_save(const struct mc_rejected *r, struct mc_buf *out);
bool mc_rejected_load(struct mc_rejected *r, struct mc_reader *reader);

#endif

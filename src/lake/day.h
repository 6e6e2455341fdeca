/* The accepted events of one UTC day that wait to become a file, and that file. Private to lake/.
 *
 * Held compactly: each text once, 56 bytes a row and 16 a visit. Turned into Parquet, rows are in the order of visit
 * start, session, user, and within a visit in the order of the log; late events, which have no visit, come last. The
 * bytes of the file depend on the rows and their order alone. One owner at a time; encoding touches nothing else, so it
 * may be done by any thread.
 */
#ifndef MC_LAKE_DAY_H
#define MC_LAKE_DAY_H

#include "base/err.h"
#include "event/event.h"
#include "lake/parquet.h"
#include "lake/texts.h"

/* An event as the archive takes it; all of it is borrowed. */
struct mc_day_event {
    const struct mc_event *event;
    const char *bytes;          /* of its strings */
    struct mc_time visit_start; /* none: late */
    struct mc_time original;    /* the time it came with, where that was corrected; else none */
    struct mc_wall arrived_at;
    struct mc_str source;
    uint32_t clock_order; /* number among the events of the same clock */
};

struct mc_day_row;
struct mc_day_visit;
struct mc_day_shape;
struct mc_day_extra;
struct mc_day_origin;

struct mc_day_table { /* numbers + 1 by hash: open addressing, linear, at most half full */
    uint32_t *slots;
    uint32_t mask;
};

struct mc_day {
    int64_t day;                   /* since 1970-01-01 */
    int64_t due_us;                /* the clock at which the file is made */
    uint64_t first, last;          /* positions in the log of its first and last row */
    struct mc_day_row *rows;       /* in order of the log */
    struct mc_day_visit *visits;   /* in order of first row here */
    struct mc_day_shape *shapes;   /* combinations of category id, code and brand */
    struct mc_day_extra *extras;   /* what few rows have */
    struct mc_day_origin *origins; /* pairs of source and arrival; the last is that of the newest row */
    uint32_t row_count, row_cap, visit_count, visit_cap, shape_count, shape_cap, extra_count, extra_cap, origin_count,
        origin_cap;
    struct mc_day_table visit_table, shape_table;
    struct mc_texts products, users, sessions, category_ids, category_codes, brands, sources;
    struct mc_buf extra_bytes;
};

/* The columns of an event file, and how many. */
extern const struct mc_parquet_column mc_day_columns[];
extern const uint32_t mc_day_column_count;

/* Empties a zeroed struct into a day without rows. */
void mc_day_init(struct mc_day *day, int64_t number, int64_t due_us);
void mc_day_free(struct mc_day *day);

/* Adds an event of this day, at this position of the log. False: no memory; the day is then of no further use. */
bool mc_day_add(struct mc_day *day, uint64_t position, const struct mc_day_event *event);

/* Asks for the memory that adding the event will look at: in three steps, each some events after the one before. What
 * it finds is only a guess. */
enum { MC_DAY_STEPS = 3 };
void mc_day_ahead(const struct mc_day *day, int step, const struct mc_event *event, struct mc_time visit_start);

/* Memory that its rows take. A function of the rows: not of how memory was grown. */
uint64_t mc_day_bytes(const struct mc_day *day);

/* The file. The rows are put into order on the way. `*p` is made here and the caller's to close: *file is its. */
enum mc_err mc_day_encode(struct mc_day *day, struct mc_parquet **p, struct mc_str *file, struct mc_error *e);

/* All of it as bytes of our own, and back into a zeroed day. False: not what mc_day_save wrote, or no memory. */
void mc_day_save(const struct mc_day *day, struct mc_buf *out);
bool mc_day_load(struct mc_day *day, struct mc_reader *r);

#endif

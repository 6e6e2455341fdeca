/* A batch: a run of whole rows and what became of each.
 *
 *     bytes: [ raw rows ........................ | unescaped copies of fields with doubled quotes ]
 *             0                           raw_len                                       bytes.len
 *
 * A source fills the raw rows, a decoder turns them into events and rejects, the clock is stamped on the events, the
 * engine marks the duplicates. Each row is in exactly one of the two lists; both are in order of the input. Strings of
 * events are slices of `bytes`, valid until the batch is reused. One owner at a time; reuse keeps the memory, so that
 * nothing is allocated a row.
 */
#ifndef MC_EVENT_BATCH_H
#define MC_EVENT_BATCH_H

#include "base/err.h"
#include "event/event.h"

/* Where an event or reject stands in its batch. */
struct mc_row {
    uint32_t number;     /* within the batch, from 0 */
    struct mc_slice raw; /* the bytes as they came, without the terminator */
};

struct mc_batch_reject {
    struct mc_row row;
    enum mc_reason reason;
};

struct mc_batch {
    struct mc_buf bytes;
    size_t raw_len;
    uint32_t source;      /* which source, by the caller's count */
    uint64_t byte_offset; /* of the first raw byte, from the start of the source */
    uint64_t first_row;   /* number of the first row, from 1 after the header */
    uint32_t row_count;

    struct mc_event *events;
    struct mc_row *event_rows; /* as many as events */
    uint8_t *duplicate;        /* by event: set by the engine */
    struct mc_time
        *visit_start; /* by event: opening time of its visit, none if late: set by the engine, not for duplicates */
    uint32_t event_count, event_cap;

    struct mc_batch_reject *rejects;
    uint32_t reject_count, reject_cap;

    uint32_t *positions; /* the structural scan's work space, behind one place for what is before the first */
    size_t position_cap;
};

void mc_batch_free(struct mc_batch *batch);

/* Empties it, keeps the memory. */
void mc_batch_reset(struct mc_batch *batch);

/* Room for so many more; false when there is no memory. The caller fills them and adds to the count. */
bool mc_batch_reserve_events(struct mc_batch *batch, uint32_t more);

/* Room for one more, as above. */
static inline bool mc_batch_reserve_event(struct mc_batch *batch) {
    return batch->event_count < batch->event_cap || mc_batch_reserve_events(batch, 1);
}
bool mc_batch_reserve_reject(struct mc_batch *batch);

#endif

#include "event/batch.h"

#include "base/mem.h"

void mc_batch_free(struct mc_batch *batch) {
    mc_buf_free(&batch->bytes);
    mc_free(batch->events);
    mc_free(batch->event_rows);
    mc_free(batch->duplicate);
    mc_free(batch->visit_start);
    mc_free(batch->rejects);
    mc_free(batch->positions);
    *batch = (struct mc_batch){0};
}

void mc_batch_reset(struct mc_batch *batch) {
    batch->bytes.len = batch->raw_len = 0;
    batch->event_count = batch->reject_count = batch->row_count = 0;
}

/* Each array keeps what it got when a later one fails: the counts, not the capacities, say what is in use. */
static bool grow(void *array, size_t size, uint32_t cap) {
    void **at = array;
    void *bigger = mc_realloc(*at, size * cap);
    if (bigger == NULL)
        return false;
    *at = bigger;
    return true;
}

bool mc_batch_reserve_events(struct mc_batch *batch, uint32_t more) {
    uint32_t cap = batch->event_cap ? batch->event_cap : 1024;
    if (more <= batch->event_cap - batch->event_count)
        return true;
    while (cap - batch->event_count < more)
        cap *= 2;
    if (!grow(&batch->events, sizeof *batch->events, cap) ||
        !grow(&batch->event_rows, sizeof *batch->event_rows, cap) ||
        !grow(&batch->duplicate, sizeof *batch->duplicate, cap) ||
        !grow(&batch->visit_start, sizeof *batch->visit_start, cap))
        return false;
    batch->event_cap = cap;
    return true;
}

bool mc_batch_reserve_reject(struct mc_batch *batch) {
    if (batch->reject_count < batch->reject_cap)
        return true;
    uint32_t cap = batch->reject_cap ? batch->reject_cap * 2 : 256;
    if (!grow(&batch->rejects, sizeof *batch->rejects, cap))
        return false;
    batch->reject_cap = cap;
    return true;
}

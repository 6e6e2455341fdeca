#include "app/rejects.h"

/* The first duplicate at or behind this event; event_count: there is none. */
static uint32_t next_duplicate(const struct mc_batch *b, uint32_t from) {
    const uint8_t *found = from < b->event_count ? memchr(b->duplicate + from, 1, b->event_count - from) : NULL;
    return found ? (uint32_t)(found - b->duplicate) : b->event_count;
}

enum mc_err mc_rejects_each(const struct mc_batch *b,
                            enum mc_err (*take)(void *context, const struct mc_row *row, enum mc_reason reason,
                                                struct mc_error *e),
                            void *context, struct mc_error *e) {
    enum mc_err err = MC_OK;
    uint32_t next = 0;
    for (uint32_t i = next_duplicate(b, 0);; i = next_duplicate(b, i + 1)) {
        uint32_t upto = i < b->event_count ? b->event_rows[i].number : UINT32_MAX;
        for (; next < b->reject_count && b->rejects[next].row.number < upto && err == MC_OK; next++)
            err = take(context, &b->rejects[next].row, b->rejects[next].reason, e);
        if (i >= b->event_count || err != MC_OK)
            return err;
        err = take(context, &b->event_rows[i], MC_DUPLICATE, e);
    }
}

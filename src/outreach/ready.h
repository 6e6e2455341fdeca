/* Messages that wait to be handed over, in memory: newest first, and those that must wait until some instant by that.
 *
 *     put --> later, by instant --(instant has come)--> now, newest first --> pop
 *        +--------------------------------------------^
 *
 * Two heaps over entries of 32 bytes. A zeroed struct is a good empty one. Pure; one owner.
 */
#ifndef MC_OUTREACH_READY_H
#define MC_OUTREACH_READY_H

#include "base/time.h"

struct mc_ready_entry {
    int64_t id;
    int64_t due_us;
    int64_t not_before_us; /* INT64_MIN: at once */
    bool ageless;          /* mc_ready_drop_old leaves it alone */
};

struct mc_ready {
    struct mc_ready_entry *now, *later;
    size_t now_count, later_count, cap; /* cap of each: all entries fit into either */
    int64_t oldest_us;                  /* no entry that ages is due before it */
};

void mc_ready_free(struct mc_ready *r);

/* Forgets all entries, keeps the memory. */
void mc_ready_clear(struct mc_ready *r);

/* False when there is no memory: nothing has changed. */
bool mc_ready_put(struct mc_ready *r, struct mc_ready_entry entry);

/* The newest by due time, of equals that with the greatest id, of those whose instant has come; false: none. */
bool mc_ready_pop(struct mc_ready *r, struct mc_wall now, struct mc_ready_entry *out);

/* Takes out entries that were due before `us`, at most `max`, in no order; returns how many. A comparison when there is
 * none. */
size_t mc_ready_drop_old(struct mc_ready *r, int64_t us, int64_t *ids, size_t max);

static inline size_t mc_ready_count(const struct mc_ready *r) {
    return r->now_count + r->later_count;
}

#endif

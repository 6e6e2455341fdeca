/* When users wake: a calendar of buckets, each a stretch of log time, and a heap of what is due within the current one.
 *
 * An entry is filed under an instant at or before its due time. When that instant comes and the due time has grown since,
 * it is filed anew: so an event of its user costs the queue nothing. Entries beyond the calendar's horizon lie in its last
 * bucket and are looked at once a horizon. Links are in the entries: nothing is allocated. Adding is constant, taking
 * logarithmic in what shares a bucket.
 */
#ifndef MC_ENGINE_QUEUE_H
#define MC_ENGINE_QUEUE_H

#include "base/time.h"

enum { MC_QUEUE_BUCKETS = 4096 };

struct mc_queue_entry {
    struct mc_queue_entry *next, *prev, *child; /* in a bucket's list or in the heap */
    int64_t key_us;                             /* the instant it is filed under */
    int64_t due_us; /* the owner's: may grow while queued; before it shrinks the entry is removed */
    int32_t bucket; /* IN_HEAP or its bucket */
};

struct mc_queue {
    struct mc_queue_entry *bucket[MC_QUEUE_BUCKETS];
    struct mc_queue_entry *heap; /* entries of `tick` and before */
    int64_t width_us;
    int64_t tick;    /* instants are filed by us / width_us; buckets up to this one are empty */
    int64_t look_us; /* nothing is due before this instant */
};

/* A horizon of two gaps. */
void mc_queue_init(struct mc_queue *q, int64_t gap_us);

/* Files it under due_us, which the owner has set. */
void mc_queue_add(struct mc_queue *q, struct mc_queue_entry *entry);
void mc_queue_remove(struct mc_queue *q, struct mc_queue_entry *entry);

/* Takes out one entry with due_us <= clock_us, or gives NULL when there is none. The clock never moves back. */
struct mc_queue_entry *mc_queue_take(struct mc_queue *q, int64_t clock_us);

#endif

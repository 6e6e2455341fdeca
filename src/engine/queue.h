/* When users wake: a calendar of buckets, each a stretch of log time, and a heap of what is due within the current one.
 *
 * An entry is filed under an instant at or before its due time. When that instant comes and the due time has grown
 * since, it is filed anew: so an event of its user costs the queue nothing. Entries beyond the calendar's horizon lie
 * in its last bucket and are looked at once a horizon. Buckets are arrays of pointers: what is about to come up can be
 * asked for ahead of time without touching it (mc_queue_ahead). Adding is constant on average, taking logarithmic in
 * what shares a bucket.
 */
#ifndef MC_ENGINE_QUEUE_H
#define MC_ENGINE_QUEUE_H

#include "base/pool.h"
#include "base/time.h"

enum { MC_QUEUE_BUCKETS = 1024 };

struct mc_queue_entry {
    int64_t key_us;    /* the instant it is filed under */
    int64_t due_us;    /* the owner's: may grow while queued; before it shrinks the entry is removed */
    int32_t bucket;    /* where it is: a bucket or the heap */
    uint32_t position; /* and its place there */
};

struct mc_queue_list {
    struct mc_queue_entry **entries; /* from the pool */
    uint32_t count, cap;
};

struct mc_queue {
    struct mc_queue_list bucket[MC_QUEUE_BUCKETS];
    struct mc_queue_list heap; /* entries of `tick` and before, by key: a binary heap */
    struct mc_pool pool;
    int64_t width_us;
    int64_t tick;    /* instants are filed by us / width_us; buckets up to this one are empty */
    int64_t end_us;  /* of the current tick */
    int64_t look_us; /* nothing is due before this instant */
};

/* A horizon of two gaps. */
void mc_queue_init(struct mc_queue *q, int64_t gap_us);
void mc_queue_free(struct mc_queue *q);

/* Files it under due_us, which the owner has set. False: no memory, it is not queued. */
bool mc_queue_add(struct mc_queue *q, struct mc_queue_entry *entry);
void mc_queue_remove(struct mc_queue *q, struct mc_queue_entry *entry);

/* Whether mc_queue_take has nothing to give at this instant, as nearly always. */
static inline bool mc_queue_is_quiet(const struct mc_queue *q, int64_t clock_us) {
    return clock_us < q->look_us;
}

/* Takes out one entry with due_us <= clock_us, or gives NULL when there is none. The clock never moves back. *turned
 * (may be NULL) says whether the current bucket has changed. No memory while filing anew: the entry is given out though
 * it is not due, for the owner to fail on adding it. */
struct mc_queue_entry *mc_queue_take(struct mc_queue *q, int64_t clock_us, bool *turned);

/* The bucket that comes up after so many turns. */
static inline const struct mc_queue_list *mc_queue_ahead(const struct mc_queue *q, uint32_t turns) {
    return &q->bucket[(uint64_t)(q->tick + turns) % MC_QUEUE_BUCKETS];
}

/* Whether an entry of that bucket is, as it stands, due by then. */
static inline bool mc_queue_is_due_in(const struct mc_queue *q, const struct mc_queue_entry *entry, uint32_t turns) {
    return entry->due_us < q->end_us + (int64_t)turns * q->width_us;
}

#endif

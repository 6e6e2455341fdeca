/* The embedded engine over a set of users: their states unpacked in a table, a queue of the instants at which they
 * wake, and a tally of what is summed.
 *
 * One owner thread; no lock inside. Given the events of its users in the order of the log, stamped with the clock, it
 * does for each user exactly what mc_state_apply and mc_state_wake do on flat bytes (test/engine/equal_test.c). Results
 * do not depend on which partition a user is in.
 *
 * Memory: about 500 bytes an open visit, 150 a user who is only remembered (a purchase or message ids of the last 24
 * h), and the tally. Nothing is allocated an event: pieces come from pools and go back to them.
 */
#ifndef MC_ENGINE_PARTITION_H
#define MC_ENGINE_PARTITION_H

#include "engine/tally.h"
#include "event/batch.h"

struct mc_partition;

struct mc_partition_options {
    struct mc_rules rules;
    bool keep_sales;     /* in the tally: where no ledger takes them */
    bool keep_new_users; /* for mc_tally's new_users: where a ledger takes them */
    struct mc_sink sink; /* told of each visit that ends; end->log_row is set */
};

/* MC_ERR_NOMEM. */
enum mc_err mc_partition_open(struct mc_partition **out, const struct mc_partition_options *options,
                              struct mc_error *e);
void mc_partition_close(struct mc_partition **p);

/* Applies the events batch->events[index[i]], i < count, which are this partition's, in order; index NULL means all of
 * the first `count`. Marks duplicates in batch->duplicate. The batch's strings are not kept.
 * MC_ERR_NOMEM: the partition is then of no further use. */
enum mc_err mc_partition_apply(struct mc_partition *p, struct mc_batch *batch, const uint32_t *index, uint32_t count,
                               struct mc_error *e);

/* The clock has reached this instant (at the end of a batch, at a tick): ends what is due. `batch` is the one whose
 * events moved the clock, for log_row, or NULL. MC_ERR_NOMEM as above. */
enum mc_err mc_partition_advance(struct mc_partition *p, const struct mc_batch *batch, struct mc_time clock,
                                 struct mc_error *e);

/* The replay is over: ends all visits. Remembered users stay. log_row is UINT32_MAX. */
void mc_partition_finish(struct mc_partition *p, struct mc_time clock);

struct mc_tally *mc_partition_tally(struct mc_partition *p);

struct mc_partition_size {
    uint64_t users, visits; /* in the table now */
    uint64_t held_bytes;    /* pools and tables of the hot state */
};
struct mc_partition_size mc_partition_measure(const struct mc_partition *p);

/* What is in open visits' carts now: visits with at least one item and no purchase, and their value. Goes through all
 * users: some 50 ns each. */
struct mc_open_carts {
    uint64_t count;
    __int128 value;
};
struct mc_open_carts mc_partition_open_carts(const struct mc_partition *p);

/* All users as flat states, and the tally. Ordered by nothing: a checkpoint, not an output. */
void mc_partition_encode(const struct mc_partition *p, struct mc_buf *out);

/* Restores from bytes that any number of partitions wrote: `mine` says which users are this partition's, `first`
 * whether it takes the tally. Any bytes are safe. MC_ERR_FORMAT, MC_ERR_NOMEM: close it. */
enum mc_err mc_partition_decode(struct mc_partition *p, struct mc_str bytes,
                                bool (*mine)(void *context, uint64_t user_hash), void *context, bool first,
                                struct mc_error *e);

#endif

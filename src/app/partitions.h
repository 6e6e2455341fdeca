/* The engine's partitions with the clock of their log: what a checkpoint holds, and what is summed over all.
 *
 * A user belongs to the partition that mc_partitions_of says, for ever as long as the number of partitions is the same;
 * results do not depend on that number. One thread at a time may use one partition, one at a time the clock; what looks
 * at all of them needs that nobody else does.
 */
#ifndef MC_APP_PARTITIONS_H
#define MC_APP_PARTITIONS_H

#include "app/endings.h"
#include "engine/partition.h"
#include "event/clock.h"

enum { MC_PARTITIONS_MAX = 64 };

struct mc_partitions {
    struct mc_clock clock;
    uint32_t count;
    struct mc_partition *list[MC_PARTITIONS_MAX];
    struct mc_endings *endings[MC_PARTITIONS_MAX]; /* where each one's ended visits go: set before a call into it */
    bool with_ledger;                              /* sales and users go to a ledger, not to the tallies */
    struct mc_tally merged;
    bool is_merged;
};

/* `p` stays where it is until closed. MC_ERR_NOMEM: it is closed. */
enum mc_err mc_partitions_open(struct mc_partitions *p, uint32_t count, const struct mc_rules *rules, bool with_ledger,
                               struct mc_error *e);
void mc_partitions_close(struct mc_partitions *p);

static inline uint32_t mc_partitions_of(const struct mc_partitions *p, uint64_t user_hash) {
    return (uint32_t)((user_hash >> 40) % p->count); /* the tables use the low bits */
}

/* One partition's events of the batch (index as for mc_partition_apply), then all that is due at `clock`. `endings` is
 * emptied and filled, not settled. MC_ERR_NOMEM. */
enum mc_err mc_partitions_apply(struct mc_partitions *p, uint32_t partition, struct mc_batch *batch,
                                const uint32_t *index, uint32_t count, struct mc_time clock, struct mc_endings *endings,
                                struct mc_error *e);

/* The log is over: ends all visits of one partition; `endings` as above, settled. MC_ERR_NOMEM. */
enum mc_err mc_partitions_finish(struct mc_partitions *p, uint32_t partition, struct mc_endings *endings,
                                 struct mc_error *e);

/* All tallies as one, sorted: after a run. Kept here. NULL: no memory. */
const struct mc_tally *mc_partitions_tally(struct mc_partitions *p);

struct mc_counts mc_partitions_counts(const struct mc_partitions *p);
uint64_t mc_partitions_users(const struct mc_partitions *p); /* distinct ones so far, those added among them */
struct mc_partition_size mc_partitions_measure(const struct mc_partitions *p);

/* The distinct users that are new since the last call: 16 bytes each, appended. False: no memory. */
bool mc_partitions_take_new_users(struct mc_partitions *p, struct mc_buf *out);

/* Adds users of former runs, as mc_partitions_take_new_users gave them. False: no memory or a torn blob. */
bool mc_partitions_add_users(struct mc_partitions *p, struct mc_str users);

/* Clock and engine as bytes, and back. The number of partitions may have changed. */
void mc_partitions_encode(const struct mc_partitions *p, struct mc_buf *out);
enum mc_err mc_partitions_decode(struct mc_partitions *p, struct mc_str bytes, struct mc_error *e);

#endif

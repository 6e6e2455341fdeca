/* The way into the log: a pool of submissions, the queue to the log's thread, and what that thread does with it.
 *
 *     HTTP threads    acquire, fill, submit    --> [ queue ]
 *     log thread      append, fsync, done      --> [ committed ]
 *     ledger thread   takes, gives back
 *     settling        what the log thread appended, from the log's write-ahead files into their places: a thread of
 *                     mc_log_run's own, since it takes as long as the appending
 *
 * Bounds: MC_INTAKE_SUBMISSIONS at once and MC_INTAKE_BYTES in flight, from submit until the ledger's thread gave them
 * back; above either, acquire gives none, which clients see as 429. Before it comes to that the log thread slows down:
 * while MC_INTAKE_BEHIND_BYTES wait for the ledger it lets what came lie, for a second at most, so that clients that
 * wait for an answer before they send more get a later answer in place of a refusal. Ticks come from here too: four a
 * second, unless the ledger is MC_INTAKE_TICKS behind, for a tick says nothing that the next does not.
 *
 * Threads are the caller's: mc_intake_run is the log thread's loop.
 */
#ifndef MC_APP_INTAKE_H
#define MC_APP_INTAKE_H

#include "app/fifo.h"
#include "source/intake.h"
#include <stdatomic.h>

enum { MC_INTAKE_SUBMISSIONS = 8192, MC_INTAKE_TICKS = 8 };
#define MC_INTAKE_BYTES ((uint64_t)64 << 20)
#define MC_INTAKE_BEHIND_BYTES (MC_INTAKE_BYTES / 2)
#define MC_INTAKE_KEPT_BYTES MC_INTAKE_BYTES /* memory of submissions in the pool that waits for their next use */
enum { MC_INTAKE_OVERHEAD = 8192 };          /* what a submission counts for beside its body: pages of its arrays */
#define MC_TICK_US (MC_SECOND_US / 4)

/* A submission that is durable: `position` is set. */
struct mc_committed {
    struct mc_submission submission; /* first: a pointer to it is one to this */
    struct mc_entry entry;
    struct mc_committed *next; /* in the pool */
    uint64_t bytes;            /* counted as in flight */
    uint64_t kept;             /* memory it has while it is in the pool */
};

struct mc_log {
    struct mc_inbox *inbox;
    int64_t keep_us;                  /* what was consumed longer ago is removed; 0: never */
    atomic_int_fast64_t last;         /* position of the last durable entry, for other threads to look at */
    atomic_int_fast64_t checkpointed; /* position that no start needs to go behind: by the ledger's thread */
    struct mc_fifo queue, committed;  /* of struct mc_committed */
    pthread_mutex_t lock;             /* of the pool */
    pthread_cond_t eased;             /* under the same lock: the ledger has caught up */
    struct mc_committed *all, *free;
    size_t free_count;
    uint64_t kept_bytes;                                /* of the free ones */
    atomic_uint_fast64_t bytes_in_flight, bytes_behind; /* all; of the committed ones */
    pthread_cond_t settle;                              /* under the same lock */
    bool settling, is_over;                             /* the settling thread is to do it; to end */
    atomic_bool settled;                                /* it has */
    atomic_bool waits;                                  /* the log thread, for the ledger */
    atomic_uint ticks_in_flight;
    atomic_bool refusing; /* the ledger cannot follow (disk full): submissions are answered MC_ERR_FULL */
    atomic_bool is_full;  /* the last append met a full disk */
    atomic_uint_fast64_t appends, entries, bytes, refused; /* since open, for metrics */
    atomic_int_fast64_t append_ns;                         /* in all */
};

/* Borrows the inbox. MC_ERR_NOMEM. */
enum mc_err mc_log_open(struct mc_log *log, struct mc_inbox *inbox, struct mc_error *e);
void mc_log_close(struct mc_log *log);

/* The door for the HTTP side. */
struct mc_intake mc_log_intake(struct mc_log *log);

/* The log thread: until mc_log_stop, and the queue is empty; then the committed queue is closed. */
void mc_log_run(struct mc_log *log);

/* No submission is taken any more: acquire gives none. */
void mc_log_stop(struct mc_log *log);

/* Back into the pool: by the ledger's thread, when it has consumed it. */
void mc_log_give_back(struct mc_log *log, struct mc_committed *c);

#endif

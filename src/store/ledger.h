/* The embedded ledger: one SQLite file (WAL, synchronous=FULL) that holds what happened and what was decided.
 *
 * Who writes: one owner thread with one handle, everything in the order of the log, inside mc_ledger_begin and
 * mc_ledger_commit. A commit is a checkpoint: effects, the engine's snapshots and the consumed position (checkpoint.h)
 * become durable together, so a process killed at any instant goes on from the last commit and ends as if it had not
 * been killed. Results do not depend on where the commits fall.
 * Who reads: any process, any thread, each by a handle of its own opened with MC_LEDGER_READ, beside the writer. A
 * handle is used by one thread at a time.
 *
 * Invariants
 *  L1  At most one process has a store open for writing (a lock on FILE.lock, which stays behind, empty).
 *  L2  A visit has at most one row in `cart`, with exactly one decision, which never changes.
 *  L3  `outbox` has one row for each decision send and holdout, no other.
 *  L4  What the handle keeps in memory (persons waiting, due times, rows held back until the next advance,
 *      purchases and sales of this transaction) is a function of the tables and of the open transaction: rebuilt at
 *      open and after a rollback. It costs about 250 bytes and its ids for each send or holdout cart that is younger
 *      than delay + attribution window + a day, 100 bytes for each person who bought in the open transaction, 150 bytes
 *      for each product sold in it, 100 bytes for each linked id.
 *  L5  After a function failed inside a transaction, all that write return the same error until mc_ledger_rollback:
 *      nothing half-done can be committed.
 *
 * Calling a writing function outside a transaction, or on a handle for reading, is a bug and asserts.
 * Order within one row of the log: mc_ledger_end_cart for the carts that end at it, mc_ledger_advance to its clock,
 * then mc_ledger_put_sale and mc_ledger_put_purchase.
 */
#ifndef MC_STORE_LEDGER_H
#define MC_STORE_LEDGER_H

#include "base/err.h"
#include "engine/effect.h"
#include "store/policy.h"

struct mc_ledger;

enum mc_ledger_mode {
    MC_LEDGER_WRITE, /* created if missing, migrated if older */
    MC_LEDGER_READ,  /* must exist */
};

enum { MC_SECRET_BYTES = 32 };

/* All may be left zero. */
struct mc_ledger_options {
    const uint8_t *secret; /* MC_SECRET_BYTES for a store that is created now; NULL: random. For tests and copies that
                              must decide alike: the holdout is a hash keyed with it */
    const char *vfs;       /* SQLite's name of a file layer, NULL: the default. For tests */
    uint32_t cache_kib;    /* page cache; 0: 65,536 for writing, 8,192 for reading */
    uint32_t busy_ms;      /* how long to wait for a reader that recovers the file; 0: 5,000 */
};

/* Opens or creates the store at `path`; `options` may be NULL; borrows both for the call. On success *out is the
 * caller's, to be closed; else *out is NULL and nothing is held. A file that was created by a failed call may remain,
 * empty; the next call takes it as new.
 * MC_ERR_BUSY: another process writes it. MC_ERR_VERSION: made by a newer MaxCart. MC_ERR_FORMAT: no store, or
 * damaged. MC_ERR_IO: missing (reading), a directory, no permission, read-only file. MC_ERR_FULL, MC_ERR_NOMEM. */
enum mc_err mc_ledger_open(struct mc_ledger **out, const char *path, enum mc_ledger_mode mode,
                           const struct mc_ledger_options *options, struct mc_error *e);

/* Rolls back what is open, closes, sets *l to NULL. NULL inside is fine. */
void mc_ledger_close(struct mc_ledger **l);

/* The policy for what follows; copied. Call it after open, outside a transaction; mc_policy_defaults holds until then.
 * Reloads the memory of L4, as the windows may have changed. */
enum mc_err mc_ledger_set_policy(struct mc_ledger *l, const struct mc_policy *policy, struct mc_error *e);

const struct mc_policy *mc_ledger_policy(const struct mc_ledger *l);

/* The file's true path. */
const char *mc_ledger_path(const struct mc_ledger *l);

/* 32 bytes for one purpose ("links"), derived from the store's secret: for libsodium's keyed functions. The same for
 * ever for one store and purpose. */
void mc_ledger_key(const struct mc_ledger *l, const char *purpose, uint8_t key[MC_SECRET_BYTES]);

/* Starts a transaction. Asserts that none is open. */
enum mc_err mc_ledger_begin(struct mc_ledger *l, struct mc_error *e);

/* Makes all since begin durable. On an error nothing is kept, the transaction is rolled back and the memory of L4
 * reloaded; the store is as at the last commit. */
enum mc_err mc_ledger_commit(struct mc_ledger *l, struct mc_error *e);

/* Forgets all since begin; fine when none is open. An error means that the memory of L4 could not be reloaded (no
 * memory, disk gone): the handle can then only be closed. */
enum mc_err mc_ledger_rollback(struct mc_ledger *l, struct mc_error *e);

bool mc_ledger_in_transaction(const struct mc_ledger *l);

/* A row that is no event, kept verbatim. `source` is a mc_source id (checkpoint.h). Borrows. */
struct mc_reject {
    int64_t source;
    int64_t byte_offset, row; /* as SEMANTICS 8: rows from 1 after the header */
    enum mc_reason reason;
    struct mc_str raw; /* without the terminator; any bytes */
    struct mc_wall arrived_at;
};

enum mc_err mc_ledger_put_reject(struct mc_ledger *l, const struct mc_reject *reject, struct mc_error *e);

/* One abandoned cart, in the order of the visits' ends: stores it with its one decision: the engine's, or, where that
 * is MC_UNDECIDED, the first of no_address ... send that holds (SEMANTICS 4). `send` and `holdout` get a row in the
 * outbox, to be checked again by mc_ledger_advance. Borrows the cart. *decided (may be NULL) is the decision; for a
 * visit that is already there, the one it has: nothing is written then. */
enum mc_err mc_ledger_end_cart(struct mc_ledger *l, const struct mc_cart *cart, enum mc_decision *decided,
                               struct mc_error *e);

/* The second check (SEMANTICS 4) of all that is due at or before the clock, in order of due time, user, session,
 * opening time: a message is claimed, with its coupon, or withheld with its reason; a holdout cart is `control` or
 * withheld. Nothing happens without a clock. Costs a comparison when nothing is due. After the last row of a replay the
 * carts that ended with it may be due later than its clock: give the instant up to which they are to be checked. */
enum mc_err mc_ledger_advance(struct mc_ledger *l, struct mc_time clock, struct mc_error *e);

/* When mc_ledger_advance has next something to do: the least due time of what waits for its second check; none. */
struct mc_time mc_ledger_next_due(const struct mc_ledger *l);

/* Adds to the rollup of a product and a UTC minute. `minute` is any instant within it. Exact: units and revenue may
 * pass int64. */
enum mc_err mc_ledger_put_sale(struct mc_ledger *l, struct mc_str product, struct mc_time minute, int64_t units,
                               __int128 revenue, struct mc_error *e);

/* An accepted purchase, for the second check and for recovery. Borrows. */
struct mc_purchase {
    struct mc_str user, product;
    uint64_t user_hash;         /* mc_hash64 of user */
    struct mc_time time, clock; /* of the event; the clock may be none */
    int32_t quantity;
    int64_t price;
};

/* Remembers that the person bought (unless the time is more than 24 h ahead of the clock: then only that there was a
 * purchase), and marks as recovered each send or holdout cart of the person that holds the product and whose
 * expiry + delay is at most the attribution window (half open) before the purchase's time. A cart's recovered_at is the
 * least time of such purchases, its recovered revenue the exact sum of them. Counts only purchases that come after the
 * cart's end in the log. No statement is run when nobody of this person is waiting and the event is not late. */
enum mc_err mc_ledger_put_purchase(struct mc_ledger *l, const struct mc_purchase *purchase, struct mc_error *e);

#endif

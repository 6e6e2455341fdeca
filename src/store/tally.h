/* The ledger's running totals: kept in memory while a transaction is open, written to `counter` at its commit, so that
 * a report is a few reads of one commit. Private to store/. */
#ifndef MC_STORE_TALLY_H
#define MC_STORE_TALLY_H

#include "store/read.h"

enum mc_tally_name {
    MC_TALLY_CARTS,
    MC_TALLY_CART_ITEMS,
    MC_TALLY_CART_QUANTITY,
    MC_TALLY_CART_VALUE,
    MC_TALLY_UNITS,
    MC_TALLY_REVENUE,
    MC_TALLY_RETRIED,
    MC_TALLY_NO_COUPON, /* withheld for want of one */
    MC_TALLY_WITHOUT_COUPON,
    MC_TALLY_COUPONS_FREE,
    MC_TALLY_COUPONS_TAKEN,
    MC_TALLY_SUBSCRIBERS,
    MC_TALLY_SUPPRESSIONS,
    MC_TALLY_PASSED_SEND,
    MC_TALLY_PASSED_HOLDOUT,
    MC_TALLY_RECOVERED_SEND,
    MC_TALLY_RECOVERED_HOLDOUT,
    MC_TALLY_RECOVERED_SEND_MINOR,
    MC_TALLY_RECOVERED_HOLDOUT_MINOR,
    MC_TALLY_CLOCK_SET, /* 1 once there was a clock */
    MC_TALLY_CLOCK,
    MC_TALLY_SINGLES,
    /* and one for each member of an enumeration */
    MC_TALLY_DECISIONS = MC_TALLY_SINGLES,
    MC_TALLY_REJECTS = MC_TALLY_DECISIONS + MC_DECISIONS,
    MC_TALLY_MESSAGES = MC_TALLY_REJECTS + MC_REASONS,
    MC_TALLY_WITHHELD = MC_TALLY_MESSAGES + MC_MESSAGE_STATES,
    MC_TALLY_PROMISE = MC_TALLY_WITHHELD + MC_DECISIONS,
    MC_TALLY_COUNT = MC_TALLY_PROMISE + MC_PROMISE_BUCKETS
};

struct mc_tally {
    __int128 value[MC_TALLY_COUNT], stored[MC_TALLY_COUNT]; /* now; in the table */
};

/* Reads all from the table. */
enum mc_err mc_tally_load(struct mc_ledger *l, struct mc_tally *tally, struct mc_error *e);

/* Writes those that have changed, in the open transaction. */
enum mc_err mc_tally_store(struct mc_ledger *l, struct mc_error *e);

/* After the commit: what was stored is stored. */
void mc_tally_settle(struct mc_tally *tally);

#endif

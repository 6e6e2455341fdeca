/* The ledger's running totals: kept in memory while a transaction is open, written to `counter` at its commit, so that
 * a report is a few reads of one commit. Private to store/. */
#ifndef MC_STORE_TOTALS_H
#define MC_STORE_TOTALS_H

#include "store/read.h"

enum mc_total {
    MC_TOTAL_CARTS,
    MC_TOTAL_CART_ITEMS,
    MC_TOTAL_CART_QUANTITY,
    MC_TOTAL_CART_VALUE,
    MC_TOTAL_UNITS,
    MC_TOTAL_REVENUE,
    MC_TOTAL_SALE_MINUTES,
    MC_TOTAL_RETRIED,
    MC_TOTAL_NO_COUPON, /* withheld for want of one */
    MC_TOTAL_TOO_LATE,  /* withheld for that */
    MC_TOTAL_WITHOUT_COUPON,
    MC_TOTAL_COUPONS_FREE,
    MC_TOTAL_COUPONS_TAKEN,
    MC_TOTAL_SUBSCRIBERS,
    MC_TOTAL_SUPPRESSIONS,
    MC_TOTAL_CATALOGUE,
    MC_TOTAL_PASSED_SEND,
    MC_TOTAL_PASSED_HOLDOUT,
    MC_TOTAL_RECOVERED_SEND,
    MC_TOTAL_RECOVERED_HOLDOUT,
    MC_TOTAL_RECOVERED_SEND_MINOR,
    MC_TOTAL_RECOVERED_HOLDOUT_MINOR,
    MC_TOTAL_CLICKED,
    MC_TOTAL_CLOCK_SET, /* 1 once there was a clock */
    MC_TOTAL_CLOCK,
    MC_TOTAL_SINGLES,
    /* and one for each member of an enumeration */
    MC_TOTAL_DECISIONS = MC_TOTAL_SINGLES,
    MC_TOTAL_REJECTS = MC_TOTAL_DECISIONS + MC_DECISIONS,
    MC_TOTAL_MESSAGES = MC_TOTAL_REJECTS + MC_REASONS,
    MC_TOTAL_WITHHELD = MC_TOTAL_MESSAGES + MC_MESSAGE_STATES,
    MC_TOTAL_PROMISE = MC_TOTAL_WITHHELD + MC_DECISIONS,
    MC_TOTAL_COUNT = MC_TOTAL_PROMISE + MC_PROMISE_BUCKETS
};

struct mc_totals {
    __int128 value[MC_TOTAL_COUNT], stored[MC_TOTAL_COUNT]; /* now; in the table */
};

/* Reads all from the table. */
enum mc_err mc_totals_load(struct mc_ledger *l, struct mc_totals *totals, struct mc_error *e);

/* Writes those that have changed, in the open transaction. */
enum mc_err mc_totals_store(struct mc_ledger *l, struct mc_error *e);

/* After the commit: what was stored is stored. */
void mc_totals_settle(struct mc_totals *totals);

#endif

/* The figures of a store: what its runs counted, kept as named counters of the ledger, joined with what the ledger
 * itself adds up; and whether the two agree (SEMANTICS 7).
 *
 * A run that writes a store keeps one struct mc_summary over the store's whole life: mc_summary_load when it starts,
 * mc_summary_save in each transaction, so that counters and effects become durable together.
 */
#ifndef MC_APP_STORE_SUMMARY_H
#define MC_APP_STORE_SUMMARY_H

#include "app/summary.h"
#include "store/read.h"

/* In the open transaction: writes all figures but the best products, the product minutes and the decisions, which the
 * ledger knows. */
enum mc_err mc_summary_save(struct mc_ledger *l, const struct mc_summary *s, struct mc_error *e);

/* What mc_summary_save wrote last; zeros for a new store. Fills all of *s. */
enum mc_err mc_summary_load(struct mc_ledger *l, struct mc_summary *s, struct mc_error *e);

enum { MC_STORE_CHECKS_MAX = 8 };

/* Everything `maxcart report` shows. Start from {0}; mc_store_summary_free takes it back there. */
struct mc_store_summary {
    struct mc_summary figures; /* as of the ledger where it knows, else as counted; top products are in `bytes` */
    struct mc_summary counted; /* as the runs counted */
    struct mc_summary_outreach outreach;
    struct mc_summary_check checks[MC_STORE_CHECKS_MAX];
    size_t check_count;
    struct mc_time clock; /* of the store; none */
    struct mc_buf bytes;
};

/* Reads it. Unless `quick`, goes through all carts and sales, and compares their sums with the totals. A store that is
 * being written while this runs may have no one answer: those checks then say so and are not broken. */
enum mc_err mc_store_summary_read(struct mc_ledger *l, bool quick, struct mc_store_summary *s, struct mc_error *e);

void mc_store_summary_free(struct mc_store_summary *s);

#endif

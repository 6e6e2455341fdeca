/* From when a message was due to when it was handed over: one histogram for each hour of handing over, in the ledger.
 *
 * The last MC_DELAYS_HOURS are kept: hour h is the snapshot "outreach.delay.N", N = h % MC_DELAYS_HOURS, which begins
 * with h. Replayed messages do not count. One owner; reading works on any handle.
 */
#ifndef MC_OUTREACH_DELAYS_H
#define MC_OUTREACH_DELAYS_H

#include "base/histogram.h"
#include "store/ledger.h"

enum { MC_DELAYS_HOURS = 31 * 24 };

/* The hours that are being written. Start from {0}; no memory of its own. */
struct mc_delays {
    bool loaded, changed;
    int64_t hour; /* since 1970 */
    struct mc_histogram histogram;
};

/* In the open transaction: adds one delay, in microseconds, to the hour of `at`. */
enum mc_err mc_delays_add(struct mc_delays *d, struct mc_ledger *l, struct mc_wall at, int64_t delay_us,
                          struct mc_error *e);

/* In the open transaction: writes what was added since the last time. */
enum mc_err mc_delays_store(struct mc_delays *d, struct mc_ledger *l, struct mc_error *e);

/* After a rollback: what is in memory is not to be trusted. */
static inline void mc_delays_forget(struct mc_delays *d) {
    d->loaded = d->changed = false;
}

/* The delays (microseconds) of messages handed over in the hour that holds `at`; empty if there were none, or they are
 * kept no more. */
enum mc_err mc_delays_read(struct mc_ledger *l, struct mc_wall at, struct mc_histogram *out, struct mc_error *e);

#endif

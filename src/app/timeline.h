/* The ledger's share of a batch: ends of visits, second checks, purchases, and what calls said about persons, in the
 * order of the log (ledger.h says which order within one row). Replay and live service use the same.
 *
 * In the ledger's open transaction. One owner. A zeroed one with `ledger` set is ready; mc_timeline_free takes the work
 * space back.
 */
#ifndef MC_APP_TIMELINE_H
#define MC_APP_TIMELINE_H

#include "app/endings.h"
#include "event/json.h"
#include "store/ledger.h"

struct mc_timeline {
    struct mc_ledger *ledger;
    struct mc_cart_order order;
    uint64_t persons_refused; /* calls whose address or text the ledger would not take */
};

void mc_timeline_free(struct mc_timeline *t);

/* A batch that the engine has applied, with the visits that ended with it (settled; one list a partition) and the clock
 * after it. `persons`: the calls that stand between its events; may be NULL. An empty batch is a tick. The first error
 * of the ledger or of memory. */
enum mc_err mc_timeline_put(struct mc_timeline *t, const struct mc_batch *batch, struct mc_endings *endings,
                            uint32_t partitions, struct mc_time clock, const struct mc_calls *persons,
                            struct mc_error *e);

/* The log is over: the visits that were open end in order of expiry, and what they decide is due by itself. */
enum mc_err mc_timeline_end(struct mc_timeline *t, struct mc_endings *endings, uint32_t partitions, struct mc_error *e);

#endif

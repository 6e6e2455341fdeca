/* What the engine says happened: its only output besides the state.
 *
 * An effect's strings are borrowed: they are valid until the next call of the function that made it. `log_row` is the
 * number, within the batch, of the event at which the effect came about, which orders effects across partitions as
 * SEMANTICS 3 orders the ends of visits: by log_row, then expiry, user, session, opening time.
 */
#ifndef MC_ENGINE_EFFECT_H
#define MC_ENGINE_EFFECT_H

#include "event/event.h"

/* Decisions in the order of the rules (SEMANTICS 4). The engine knows those up to MC_BELOW_MINIMUM; MC_UNDECIDED is
 * what it hands to the ledger, which turns it into one of the rest. */
enum mc_decision {
    MC_PURCHASED,
    MC_STALE,
    MC_BELOW_MINIMUM,
    MC_NO_ADDRESS,
    MC_NO_CONSENT,
    MC_SUPPRESSED,
    MC_CAPPED,
    MC_HOLDOUT,
    MC_SEND,
    MC_UNDECIDED,
    MC_DECISIONS
};

/* "purchased", "stale", ... "send", "undecided". */
extern const char *const mc_decision_names[MC_DECISIONS];

struct mc_cart_item {
    struct mc_str product;
    uint64_t hash;    /* mc_hash64 of product */
    int64_t quantity; /* sum of adds less removals, at least 1 */
    int64_t price;    /* minor units, of the last add */
};

/* Of two items, for sorting: by product. */
int mc_cart_item_by_product(const void *a, const void *b);

/* An abandoned cart: a visit that ended with something in its cart and no purchase. */
struct mc_cart {
    struct mc_str user, session;
    struct mc_time opened_at;     /* opening time: with user and session it names the visit */
    struct mc_time first_at;      /* least event time of the visit */
    struct mc_time last_at;       /* greatest */
    struct mc_time expires_at;    /* last_at + gap */
    struct mc_time first_cart_at; /* least event time of its cart events */
    __int128 value;               /* minor units, exact */
    enum mc_decision decision;    /* up to MC_BELOW_MINIMUM, or MC_UNDECIDED */
    uint32_t item_count;
    const struct mc_cart_item *items; /* by product */
};

#endif

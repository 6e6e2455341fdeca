/* What the shop decided: who gets a message, when, with which offer (SEMANTICS 4). Filled by app/ from the
 * configuration, read by the ledger. The minimum value and `stale_after` of the first check are the engine's.
 */
#ifndef MC_STORE_POLICY_H
#define MC_STORE_POLICY_H

#include "base/time.h"

enum mc_offer_kind { MC_OFFER_NONE, MC_OFFER_FREE_SHIPPING, MC_OFFER_PERCENTAGE, MC_OFFER_AMOUNT, MC_OFFER_KINDS };

/* "none", "free_shipping", "percentage", "amount". */
extern const char *const mc_offer_kind_names[MC_OFFER_KINDS];

struct mc_offer {
    enum mc_offer_kind kind;
    int64_t value; /* PERCENTAGE: hundredths of a percent (1000 is 10 %); AMOUNT: minor units; else 0 */
};

/* Whom `no_consent` lets through. A subscriber's explicit "no" stops all three. */
enum mc_consent_mode {
    MC_CONSENT_GIVEN,        /* those who said yes */
    MC_CONSENT_OR_CUSTOMER,  /* customers-only mode: those who said yes, and customers who said nothing */
    MC_CONSENT_AND_CUSTOMER, /* customers who said yes */
};

enum mc_coupon_mode {
    MC_COUPON_NONE,     /* the offer needs no code */
    MC_COUPON_OPTIONAL, /* an empty pool: the message goes without a code, and is counted */
    MC_COUPON_REQUIRED, /* an empty pool: the message is withheld, reason no_coupon */
};

enum { MC_POLICY_NAME_MAX = 64 };

struct mc_policy {
    enum mc_consent_mode consent;
    int64_t cap_window_us;         /* 0: no cap */
    uint32_t holdout_ppm;          /* parts per million of the users, 0 to 1000000 */
    int64_t delay_us;              /* from expiry to the second check */
    int64_t attribution_window_us; /* from expiry + delay, half open */
    int64_t stale_after_us;        /* second check of a live service only, see stale_by_clock */
    bool stale_by_clock;           /* live: the wall is the clock, so a message that is due may have become stale while
                                      the service stood still: clock > expiry + delay + stale_after. False in a replay,
                                      whose wall does not move: the engine's first check settled it */
    bool replayed;                 /* rows of this run are marked: nothing mails them to people */
    struct mc_offer offer;
    enum mc_coupon_mode coupons;
    char campaign[MC_POLICY_NAME_MAX];   /* which coupons of the pool; "" is a campaign like any other */
    char experiment[MC_POLICY_NAME_MAX]; /* names the random split: another name, another control group */
};

/* Consent given, cap 24 h, holdout 5 %, no delay, attribution 7 days, stale after 24 h, free shipping without codes,
 * campaign "", experiment "default". */
void mc_policy_defaults(struct mc_policy *policy);

#endif

/* The figures of one run or of one store, and how they are shown: report.json for programs, a text for a shop owner.
 *
 * Pure functions from structs to a buffer: the closing summary of `replay` and `maxcart report` are these, so that they
 * cannot differ. Out of memory is the buffer's `failed`. Threads: any. The structs borrow their strings.
 *
 * A price has two decimals whatever the currency (SEMANTICS 1 reads every price in hundredths), so money is shown with
 * two decimals and the currency's code behind it.
 */
#ifndef MC_APP_SUMMARY_H
#define MC_APP_SUMMARY_H

#include "engine/effect.h"

enum { MC_SUMMARY_TOP_MAX = 5 };

struct mc_summary_product {
    struct mc_str product; /* borrowed */
    __int128 units;
    __int128 revenue; /* minor units */
};

/* The keys of report.json, in its order (SEMANTICS 8). */
struct mc_summary {
    uint64_t rows, accepted, late, cart_full;
    uint64_t rejected[MC_REASONS]; /* [MC_ACCEPTED] is not used */
    uint64_t by_type[MC_EVENT_TYPES];
    uint64_t users, products;
    uint64_t visits, visits_with_cart, visits_with_purchase, partial_visits;
    uint64_t abandoned_carts;
    __int128 abandoned_value; /* minor units */
    __int128 abandoned_items; /* sum of quantities */
    __int128 units_sold;
    __int128 revenue; /* minor units */
    uint64_t product_minutes;
    uint32_t top_count;                                /* at most MC_SUMMARY_TOP_MAX */
    struct mc_summary_product top[MC_SUMMARY_TOP_MAX]; /* by revenue, greatest first, then product */
    uint64_t decisions[MC_DECISIONS]; /* [MC_UNDECIDED] is shown only if there are any, which would be a bug */
};

enum { MC_SUMMARY_PROMISE_BUCKETS = 6 };

/* What a store knows beyond report.json. */
struct mc_summary_outreach {
    uint64_t waiting;                /* messages not handed over yet */
    uint64_t sent, bounced, unknown; /* by the mail server's answer; unknown: it was lost */
    uint64_t failed;                 /* given up after many attempts, or impossible to compose */
    uint64_t withheld;               /* something changed before they were due */
    uint64_t without_coupon;         /* went, or will go, without a code: the pool was empty */
    uint64_t withheld_no_coupon;     /* of withheld: for want of a code */
    uint64_t withheld_too_late;      /* of withheld: could not be handed over in time */
    uint64_t coupons_free, coupons_taken;
    uint64_t written_to, in_control;            /* carts that passed the second check, by decision send and holdout */
    uint64_t recovered_send, recovered_holdout; /* of those, bought within the attribution window */
    __int128 recovered_send_minor, recovered_holdout_minor;
    uint64_t day_count; /* messages handed over in the last 24 hours of the store's clock, by hours */
    int64_t day_p50_us, day_p99_us, day_max_us;   /* from due to handed over */
    uint64_t promise[MC_SUMMARY_PROMISE_BUCKETS]; /* messages of a live service by due to handed over: up to 1 s, 10 s,
                                                     1 min, 3 min, 1 h, more */
};

enum mc_check_result { MC_CHECK_OK, MC_CHECK_BROKEN, MC_CHECK_NONE /* cannot be said here: the detail says why */ };

/* One line of the invariants of SEMANTICS 7. */
struct mc_summary_check {
    const char *rule; /* what must hold, in words */
    enum mc_check_result result;
    char detail[160]; /* the figures: "2,997 = 2,851 + 146" */
};

/* The sum of all reasons. */
uint64_t mc_summary_rejected(const struct mc_summary *r);

/* report.json, exactly: one JSON object and a line feed. */
void mc_summary_json(struct mc_buf *b, const struct mc_summary *r);

/* The same as lines "figure,value" under that header, in the same order, zeros too: "decisions.send,6". */
void mc_summary_csv(struct mc_buf *b, const struct mc_summary *r);

/* For people: aligned lines under headings. `currency` is the store's code, "" for none. Control characters in product
 * ids are made visible, so that no row of a file can steer a terminal. */
void mc_summary_text(struct mc_buf *b, const struct mc_summary *r, const char *currency);

/* The headings "Messages" and "Recovered". */
void mc_summary_outreach_text(struct mc_buf *b, const struct mc_summary_outreach *o, const char *currency);

/* The heading "Checks": a line each with OK or BROKEN. */
void mc_summary_checks_text(struct mc_buf *b, const struct mc_summary_check *checks, size_t count);

/* The pieces, for other texts of the command line. */

/* "1,234,567"; "-12". */
void mc_show_count(struct mc_buf *b, __int128 value);

/* "1,234.50 EUR" of 123450 minor units; no code when `currency` is "". */
void mc_show_money(struct mc_buf *b, __int128 minor, const char *currency);

/* "21.7 %", rounded half up, of part in whole; "-" when whole is 0. */
void mc_show_percent(struct mc_buf *b, __int128 part, __int128 whole);

/* The text with control characters, bytes that are not UTF-8 and the marks that turn the direction of writing around as
 * \xNN, so that it is safe on a terminal. */
void mc_show_text(struct mc_buf *b, struct mc_str text);

/* Columns that a text takes on a terminal, counted in code points: wide and combining characters are not known here. */
size_t mc_show_width(struct mc_str text);

/* What a decision means to a shop owner: "no e-mail address is known". */
const char *mc_show_decision(enum mc_decision decision);

#endif

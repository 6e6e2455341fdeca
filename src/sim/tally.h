/* Counts over rows in the simulator's format, made from the text alone: it knows nothing of how they were made.
 *
 * Takes rows in order of time, without header, in the nine columns of the cosmetics data, unquoted. Memory grows with
 * the distinct users and sessions (about 60 bytes each at most); everything else is bounded. One owner.
 */
#ifndef MC_SIM_TALLY_H
#define MC_SIM_TALLY_H

#include "base/err.h"
#include "base/str.h"
#include "sim/calendar.h"

enum {
    MC_SIM_TALLY_TYPES = 4,
    MC_SIM_TALLY_PRICES = 33000,
    MC_SIM_TALLY_GAP_S = 1800,
    MC_SIM_TALLY_PRODUCTS = 10000000
};

struct mc_sim_tally_session {
    uint64_t key;         /* hash of user_session; 0: unused */
    uint32_t first, last; /* seconds since the start */

    uint16_t rows; /* saturates */
    bool viewed, carted, removed, bought, bought_after_cart;
};

struct mc_sim_tally_user {
    uint64_t key;              /* hash of user_id; 0: unused */
    uint32_t sessions, orders; /* orders: sessions with a purchase */
    int64_t revenue;
};

struct mc_sim_tally {
    uint64_t rows, bytes;
    uint64_t by_type[MC_SIM_TALLY_TYPES], by_month[MC_SIM_MONTHS];
    uint64_t distinct_by_type[MC_SIM_TALLY_TYPES]; /* without exact duplicates */
    uint64_t duplicates, resent;                   /* exact; else the same but for its time, one second later */
    uint64_t null_code, null_brand, null_session, zero_price, zero_purchases, negative;
    int64_t negative_sum, revenue_by_month[MC_SIM_MONTHS], price_sum[MC_SIM_TALLY_TYPES];
    int32_t price_max[MC_SIM_TALLY_TYPES];
    uint32_t first, last; /* seconds since the start */
    uint64_t out_of_order;
    uint64_t visits, open_visits, open_visits_max; /* cut at a gap of 30 minutes */

    /* Owned: */
    struct mc_sim_tally_session *sessions; /* hash table of session_slots, a power of two; so are the users */
    struct mc_sim_tally_user *users;
    uint64_t session_slots, session_count, user_slots, user_count;
    uint32_t (*prices)[MC_SIM_TALLY_PRICES]; /* per type and minor unit: rows; greater prices count as the greatest */
    uint8_t *products;                       /* per product id below 10,000,000: bit 1 << type */
    uint64_t *seen[2];                       /* row hashes of this second and of the one before */
    uint32_t seen_count[2], seen_room[2];
    uint32_t open_by_last[MC_SIM_TALLY_GAP_S]; /* open visits by second of their latest row, modulo the gap */
};

/* MC_ERR_NOMEM leaves it empty. */
enum mc_err mc_sim_tally_open(struct mc_sim_tally *t, struct mc_error *e);
void mc_sim_tally_close(struct mc_sim_tally *t);

/* Whole rows, each with its LF. MC_ERR_FORMAT names the row that is none; MC_ERR_NOMEM. The counts are then of no use.
 */
enum mc_err mc_sim_tally_add(struct mc_sim_tally *t, struct mc_str rows, struct mc_error *e);

#endif

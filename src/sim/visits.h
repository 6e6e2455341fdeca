/* The visits under way in the simulated store, and what a visit does.
 *
 * A visit arrives with a plan: how many views, carts, removals and purchases are to come. Each act takes one of them.
 * The pool is bounded; the queue (a binary heap) gives visits back by time and, within a second, in the order in which
 * they went in, so that the order of rows never depends on addresses. A user_session that pauses for hours or months
 * and then goes on is one visit here. One owner.
 */
#ifndef MC_SIM_VISITS_H
#define MC_SIM_VISITS_H

#include "sim/items.h"
#include "sim/users.h"

enum mc_sim_type { MC_SIM_VIEW, MC_SIM_CART, MC_SIM_REMOVE, MC_SIM_PURCHASE, MC_SIM_TYPES };

enum { MC_SIM_BASKET_MAX = 14, MC_SIM_TAIL_MAX = 48, MC_SIM_PAUSE_S = 1800 };

struct mc_visit {
    char tail[MC_SIM_TAIL_MAX];         /* "user_id,user_session\n": the end of each row */
    uint16_t left[MC_SIM_TYPES];        /* acts still to come */
    uint16_t basket[MC_SIM_BASKET_MAX]; /* items in the cart, as far as they are remembered */
    uint16_t item;                      /* of the latest act */
    uint8_t type;                       /* of the latest act: enum mc_sim_type */
    uint8_t tail_len;
    uint8_t in_basket;
    uint8_t bought; /* of the basket, in this order */
    bool buys;      /* takes what is bought, not what is carted */
    bool liked;     /* the item just viewed is about to be carted */
    bool paused;    /* its next act is hours or months away */
    bool repeat;    /* the latest row comes again */
};

struct mc_visits {
    struct mc_visit *pool;        /* owned */
    uint32_t *spare;              /* indexes of unused ones, a stack; owned */
    struct mc_visits_entry *heap; /* owned */
    uint32_t limit, spares, queued;
    uint64_t pushed;
};

/* MC_ERR_NOMEM leaves `visits` empty. */
enum mc_err mc_visits_open(struct mc_visits *visits, uint64_t events, struct mc_error *e);
void mc_visits_close(struct mc_visits *visits);

/* A fresh visit outside of the queue, or NULL at the limit. */
struct mc_visit *mc_visits_add(struct mc_visits *visits);
void mc_visits_remove(struct mc_visits *visits, struct mc_visit *visit);

void mc_visits_push(struct mc_visits *visits, struct mc_visit *visit, uint32_t second);
struct mc_visit *mc_visits_pop(struct mc_visits *visits); /* of a queue that is not empty */
uint32_t mc_visits_next(const struct mc_visits *visits);  /* second of the first; UINT32_MAX when empty */

void mc_visit_plan(struct mc_visit *visit, const struct mc_user *user, int month, struct mc_rng *rng);
uint32_t mc_visit_rows_left(const struct mc_visit *visit);

/* Chooses type and item of the next row. The plan must have one left. */
void mc_visit_act(struct mc_visit *visit, const struct mc_items *items, struct mc_rng *rng);

/* Seconds until the next act, UINT32_MAX if none is left. */
uint32_t mc_visit_gap(const struct mc_visit *visit, struct mc_rng *rng);

#endif

/* The abandoned carts that ended while a batch was applied: kept until the batch is emitted.
 *
 * One list a batch and partition: filled by the partition's thread as its sink, read by the emitting thread afterwards.
 * Reuse keeps the memory.
 */
#ifndef MC_APP_ENDINGS_H
#define MC_APP_ENDINGS_H

#include "engine/user.h"

struct mc_ended_cart {
    struct mc_cart cart; /* its strings and items are good after mc_endings_settle */
    uint32_t log_row;    /* effect.h */
    struct mc_str line;  /* its line of carts.jsonl, where lines are wanted */
    size_t user_at, session_at, items_at, line_at;
};

struct mc_endings {
    struct mc_ended_cart *list;
    uint32_t count, cap;
    struct mc_buf bytes;
    bool lines;  /* make the lines of carts.jsonl; an undecided cart is no_address then: there is no ledger */
    bool failed; /* no memory at some add */
};

void mc_endings_free(struct mc_endings *endings);
void mc_endings_reset(struct mc_endings *endings);

/* A sink's function: copies the cart, if the end is that of one. */
void mc_endings_add(void *context, const struct mc_visit_end *end);

/* Copies what a line of carts.jsonl is ordered by, and the line. */
void mc_endings_keep(struct mc_endings *endings, const struct mc_ended_cart *ended);

/* Makes the pointers of all carts good: after the last add. */
void mc_endings_settle(struct mc_endings *endings);

/* The carts of several lists side by side, as pointers: to be sorted. Reuse keeps the memory; a zeroed one is empty. */
struct mc_cart_order {
    struct mc_ended_cart **carts;
    size_t count, cap;
};

void mc_cart_order_free(struct mc_cart_order *order);

/* Empties it and adds the carts of `count` lists. mc_cart_order_add adds one more list. False: no memory. */
bool mc_cart_order_gather(struct mc_cart_order *order, struct mc_endings *endings, uint32_t count);
bool mc_cart_order_add(struct mc_cart_order *order, struct mc_endings *endings);

/* By one of the two orders below. */
void mc_cart_order_sort(struct mc_cart_order *order, int (*compare)(const void *a, const void *b));

/* By log row, expiry, user, session, opening time: the order of the visits' ends (SEMANTICS 3). */
int mc_ended_by_log(const void *a, const void *b);

/* By expiry, user, session, opening time: the order of carts.jsonl. Of pointers to struct mc_ended_cart, like the one
 * above. */
int mc_ended_by_expiry(const void *a, const void *b);

/* A cart's items as in carts.jsonl: [{"product_id":..,"quantity":..,"price_minor":..}...]. */
void mc_cart_items_json(struct mc_buf *b, const struct mc_cart *cart);

/* One line of carts.jsonl with its line feed (SEMANTICS 8). */
void mc_cart_json(struct mc_buf *b, const struct mc_cart *cart, enum mc_decision decision);

#endif

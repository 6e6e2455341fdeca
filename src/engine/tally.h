/* What is counted over all users: sums that do not depend on order (SEMANTICS 5, 6), the product dimension, the
 * distinct users.
 *
 * A tally belongs to one partition and one thread; two are summed by mc_tally_merge. It grows with what was ever seen,
 * which is not the hot state of the engine: about 200 bytes a product, 24 to 48 a user, 24 a purchase that has not been
 * folded (where sales are kept here at all: with a ledger they go there).
 */
#ifndef MC_ENGINE_TALLY_H
#define MC_ENGINE_TALLY_H

#include "base/err.h"
#include "base/pool.h"
#include "base/prefetch.h"
#include "base/wire.h"
#include "engine/user.h"

enum mc_dimension { MC_CATEGORY_ID, MC_CATEGORY_CODE, MC_BRAND, MC_DIMENSIONS };

enum { MC_PRODUCT_ID_ROOM = 15 };

/* Two cache lines: nearly every event finds and leaves all it needs in the first. Values and their times are asked for
 * by the functions below. */
struct mc_product_entry {
    uint64_t hash;
    uint64_t shape;          /* of the three values, as an event's; 0: unknown */
    struct mc_time shape_at; /* greatest event time that came with this shape */
    uint64_t accepted;       /* accepted events; 0: only seen on rows that were no events */
    struct mc_str id;        /* owned by the tally: stable for its life */
    uint8_t short_len;       /* of an id that fits below, else 0 */
    char short_id[MC_PRODUCT_ID_ROOM];

    const char *value[MC_DIMENSIONS];   /* owned by the tally */
    struct mc_time time[MC_DIMENSIONS]; /* greatest event time that a value came with, but for shape_at */
    uint16_t value_len[MC_DIMENSIONS];
    uint8_t shape_columns; /* those that the shape gives a value: bit 1 << column */
    uint8_t unused[9];     /* of the second line */
};
_Static_assert(sizeof(struct mc_product_entry) == 128, "two lines");

/* What the product dimension knows; len 0: null. */
static inline struct mc_str mc_product_value(const struct mc_product_entry *p, int column) {
    return (struct mc_str){p->value[column], p->value_len[column]};
}

/* The greatest event time that the value came with; MC_TIME_NONE_US: null. */
static inline struct mc_time mc_product_time(const struct mc_product_entry *p, int column) {
    bool by_shape = p->shape != 0 && (p->shape_columns >> column & 1) != 0;
    return by_shape && p->shape_at.us > p->time[column].us ? p->shape_at : p->time[column];
}

/* A purchase, or the sum of those of one product and minute. */
struct mc_sale_sum {
    uint32_t product; /* index into the tally's products */
    uint32_t minute;  /* since 1970, floor */
    int64_t units;
    __int128 revenue;
};

struct mc_counts {
    uint64_t accepted, late, duplicates, cart_full;
    uint64_t by_type[MC_EVENT_TYPES];
    uint64_t visits, visits_with_cart, visits_with_purchase, partial_visits;
    uint64_t abandoned_carts;
    __int128 abandoned_value, abandoned_items, units_sold, revenue;
    uint64_t decisions[MC_DECISIONS]; /* as the engine knows them: MC_UNDECIDED for the ledger's */
};

void mc_counts_add(struct mc_counts *into, const struct mc_counts *from);

struct mc_product_slot {
    uint32_t tag;    /* the upper half of the hash: tells nearly all others apart without a look at the product */
    uint32_t number; /* of the product, from 1; 0: empty */
};

struct mc_tally {
    struct mc_counts counts;
    bool keep_sales; /* whether sales are kept here, by product and minute */

    struct mc_pool pool; /* product ids and dimension values */
    struct mc_product_entry *products;
    uint32_t product_count, product_cap;
    struct mc_product_slot *product_slots; /* open addressing, linear, at most half full */
    uint32_t product_mask;

    struct mc_hash128 *user_slots; /* open addressing; {0, 0} empty */
    uint64_t user_mask, user_count;
    struct mc_hash128 *new_users; /* since mc_tally_take_new_users, where that is wanted */
    uint64_t new_user_count, new_user_cap;
    bool keep_new_users;

    struct mc_sale_sum *sales;
    uint64_t sale_count, sale_cap;
};

void mc_tally_init(struct mc_tally *t, bool keep_sales, bool keep_new_users);
void mc_tally_free(struct mc_tally *t);

/* Asks for the memory of a product ahead of its event: first the slot, some events later the entry. */
MC_PREFETCHES void mc_tally_prefetch_slot(const struct mc_tally *t, uint64_t product_hash) {
    if (t->product_slots != NULL)
        __builtin_prefetch(&t->product_slots[(uint32_t)product_hash & t->product_mask]);
}

MC_PREFETCHES void mc_tally_prefetch_product(const struct mc_tally *t, uint64_t product_hash) {
    if (t->product_slots == NULL)
        return;
    uint32_t at = (uint32_t)product_hash & t->product_mask, tag = (uint32_t)(product_hash >> 32);
    while (t->product_slots[at].number != 0 && t->product_slots[at].tag != tag)
        at = (at + 1) & t->product_mask;
    if (t->product_slots[at].number != 0)
        __builtin_prefetch(&t->products[t->product_slots[at].number - 1]);
}

MC_PREFETCHES void mc_tally_prefetch_user(const struct mc_tally *t, uint64_t user_hash) {
    if (t->user_slots != NULL)
        __builtin_prefetch(&t->user_slots[user_hash & t->user_mask]);
}

/* The product of this id, made if new; NULL: no memory. The pointer is good until the next call; id stays. */
struct mc_product_entry *mc_tally_product(struct mc_tally *t, uint64_t hash, struct mc_str id);

/* A product that was accepted, with its dimension: each value and the event time that it came with. False: no memory.
 */
struct mc_dimension_value {
    struct mc_str value; /* empty: null */
    struct mc_time time;
};
bool mc_tally_add_product(struct mc_tally *t, struct mc_str id, const struct mc_dimension_value column[MC_DIMENSIONS]);

/* Counts an accepted event. False: no memory; then the tally is of no further use. */
bool mc_tally_event(struct mc_tally *t, struct mc_product_entry *product, const struct mc_event *ev, const char *bytes,
                    struct mc_outcome outcome);

/* Counts a visit's end. */
void mc_tally_visit(struct mc_tally *t, const struct mc_visit_end *end);

/* Adds a user to the distinct ones. False: no memory. */
bool mc_tally_user(struct mc_tally *t, struct mc_hash128 user);

/* Adds to a product and minute, where sales are kept. False: no memory. */
bool mc_tally_sale(struct mc_tally *t, const struct mc_product_entry *product, struct mc_time time, int64_t units,
                   __int128 revenue);

/* Adds `from` to `into` and leaves it as it is. Their users are disjoint: counted, the set itself stays behind. False:
 * no memory. */
bool mc_tally_merge(struct mc_tally *into, const struct mc_tally *from);

/* Sorts the kept sales by product id, then minute, each pair once; products by id. After it product indexes are by id.
 * False: no memory. */
bool mc_tally_sort(struct mc_tally *t);

/* Bytes for a snapshot: counts and products (the distinct users and kept sales are not in it). */
void mc_tally_encode(const struct mc_tally *t, struct mc_buf *out);

/* Adds what the bytes hold. False: not whole, not well-formed, or no memory. */
bool mc_tally_decode(struct mc_tally *t, struct mc_reader *r);

#endif

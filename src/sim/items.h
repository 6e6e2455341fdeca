/* The simulated store's items: 54,571 products with category, brand and price, made from a seed.
 *
 * A product's rank fixes how often it is viewed (weight 1 / (rank + 20), Zipf's law with a flattened head); how often
 * it is carted or bought follows from that and its price, since cheap things are carted far more readily (the shares by
 * price in items.c). Price, brand and category code go by a low-discrepancy sequence over the ranks, so that every
 * weighted share comes out near its target for every seed. Read-only once open; any thread.
 */
#ifndef MC_SIM_ITEMS_H
#define MC_SIM_ITEMS_H

#include "sim/draw.h"

enum { MC_ITEM_COUNT = 54571, MC_VOUCHER_COUNT = 4, MC_ITEM_TEXT_MAX = 88 };

struct mc_item {
    int32_t price;               /* minor units; 0 and below zero occur */
    uint32_t len;                /* of text */
    char text[MC_ITEM_TEXT_MAX]; /* "product_id,category_id,category_code,brand,price,": part of a row */
};

struct mc_items {
    struct mc_item *items;   /* MC_ITEM_COUNT, owned; the last MC_VOUCHER_COUNT are vouchers with negative prices */
    struct mc_alias browsed; /* views that come to nothing */
    struct mc_alias carted;
    struct mc_alias bought;
};

/* MC_ERR_NOMEM leaves `items` empty. */
enum mc_err mc_items_open(struct mc_items *items, uint64_t seed, struct mc_error *e);
void mc_items_close(struct mc_items *items);

#endif

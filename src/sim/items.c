#include "sim/items.h"

#include "base/mem.h"
#include <string.h>

enum {
    BRANDS = 273,
    CATEGORIES = 521,
    HEAD_FLAT = 20,       /* Mandelbrot's shift: the best product has 0.6 % of the views */
    TAIL_RANK = 20000,    /* only products behind this rank are never viewed, carted or bought */
    NEVER_VIEWED = 713,   /* published: 53,854 of 54,571 products viewed, with the four vouchers */
    NEVER_CARTED = 7900,  /* 46,157 carted */
    NEVER_BOUGHT = 10000, /* 40,777 bought: some more are never drawn or have no price */
    BRANDED = 57700,      /* of 100,000 */
    CODED = 1700,
    WHOLE = 100000,
};

/* Shares of 100,000 by price: of products (which is that of all views), of views that come to nothing, of carts, of
 * purchases. Fitted offline: log-normals, tilted until the published means and quantiles hold (view 12.42, median 5.10;
 * cart 5.26, 3.16; purchase 4.94, quartiles 1.59, 3.00, 5.40; greatest price 327.78); the second column is the first
 * without the 11 % of views that lead to a cart (its ends moved
 * by hand: high prices come out too often among the most popular). */
static const struct price_class {
    int32_t low, high; /* minor units */
    uint32_t products, browsed, carted, bought;
} price_classes[] = {
    {0, 0, 1700, 2069, 500, 0},           {5, 30, 1627, 1714, 918, 1013},       {30, 60, 3621, 3591, 3865, 4102},
    {60, 95, 4786, 4565, 6573, 6787},     {95, 127, 4327, 4051, 6563, 6652},    {127, 159, 4103, 3813, 6444, 6446},
    {159, 200, 4857, 4508, 7681, 8410},   {200, 250, 5322, 4955, 8286, 8967},   {250, 300, 4722, 4426, 7118, 7622},
    {300, 316, 1397, 1317, 2051, 2337},   {316, 360, 3588, 3385, 5234, 5821},   {360, 430, 5033, 4795, 6962, 7697},
    {430, 510, 4916, 4741, 6326, 6946},   {510, 540, 1720, 1684, 2012, 2199},   {540, 700, 7715, 7643, 8297, 6792},
    {700, 900, 7132, 7204, 6548, 5454},   {900, 1200, 7468, 7695, 5631, 4780},  {1200, 1600, 6495, 6824, 3832, 3318},
    {1600, 2200, 5903, 6313, 2592, 2292}, {2200, 3200, 5209, 5660, 1560, 1414}, {3200, 4800, 3766, 4147, 689, 642},
    {4800, 7500, 2427, 2697, 242, 233},   {7500, 12000, 1284, 1435, 61, 61},    {12000, 20000, 589, 495, 12, 12},
    {20000, 32778, 293, 246, 2, 2},
};

static const int32_t voucher_prices[MC_VOUCHER_COUNT] = {-1587, -2381, -3175,
                                                         -5000}; /* mean of the published: -30.36 */

static const char *const codes[] = {
    "stationery.cartridge",
    "apparel.glove",
    "appliances.environment.vacuum",
    "appliances.personal.massager",
    "furniture.bathroom.bath",
    "appliances.hair_cutter",
    "accessories.bag",
    "accessories.cosmetic_bag",
    "furniture.cabinet",
    "furniture.chair",
    "sport.diving",
};

enum { CODES = sizeof codes / sizeof codes[0] };

/* Three coordinates of the low-discrepancy sequence of the generalised golden ratio 1.2207 (x^4 = x + 1), as fractions
 * of 2^32: 1/g, 1/g^2, 1/g^3. */
static const uint32_t steps[3] = {3518319155U, 2882110345U, 2360945575U};

/* ---- text ---- */

struct text {
    char *at;
};

static void put(struct text *t, const char *word) {
    size_t len = strlen(word);
    memcpy(t->at, word, len);
    t->at += len;
}

static void put_number(struct text *t, uint64_t value) {
    char digits[24];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (n > 0)
        *t->at++ = digits[--n];
}

/* As the store writes it: "2.62", "0.6", "3.0". */
static void put_price(struct text *t, int32_t price) {
    uint32_t minor = (uint32_t)(price < 0 ? -price : price), cents = minor % 100;
    if (price < 0)
        *t->at++ = '-';
    put_number(t, minor / 100);
    *t->at++ = '.';
    *t->at++ = (char)('0' + cents / 10);
    if (cents % 10 > 0)
        *t->at++ = (char)('0' + cents % 10);
}

/* Of 16^3 made-up words of three syllables: 2,741 is odd, so different numbers give different names. */
static void put_brand(struct text *t, uint32_t brand) {
    static const char syllables[16][4] = {"ba",  "ri", "no",  "la", "ve", "mo", "ti", "su",
                                          "kas", "de", "lin", "fa", "ro", "ni", "ga", "el"};
    uint32_t word = (brand * 2741 + 1187) & 4095;
    for (int i = 0; i < 3; i++, word >>= 4)
        put(t, syllables[word & 15]);
}

/* Four to seven digits: 2 % of the products have four, 2 % five, a few six. Each range is walked by a step that has no
 * factor in common with its length, so that no id occurs twice. */
static uint64_t product_id(uint32_t item) {
    uint32_t in_fifty = item % 50, turn = item / 50;
    if (in_fifty == 7)
        return 1000 + turn * 2741 % 8999;
    if (in_fifty == 23)
        return 10000 + turn * 7919 % 89989;
    if (in_fifty == 31 && turn % 10 == 0)
        return 100000 + (uint64_t)turn * 7919 % 899981;
    return 5500000 + (uint64_t)item * 78539 % 430007;
}

static uint64_t category_id(uint32_t category) {
    return 1487580000000000000U + 4000000000U + (uint64_t)category * 3141592653U % 9000000000U;
}

static void write_item(struct mc_item *item, uint32_t number, uint32_t category, const char *code, int brand) {
    struct text t = {item->text};
    put_number(&t, product_id(number));
    *t.at++ = ',';
    put_number(&t, category_id(category));
    *t.at++ = ',';
    put(&t, code);
    *t.at++ = ',';
    if (brand >= 0)
        put_brand(&t, (uint32_t)brand);
    *t.at++ = ',';
    put_price(&t, item->price);
    *t.at++ = ',';
    item->len = (uint32_t)(t.at - item->text);
}

/* ---- what a product is ---- */

static uint32_t place(uint32_t rank, int coordinate, uint32_t start) {
    uint32_t fraction = rank * steps[coordinate] + start;
    return (uint32_t)(((uint64_t)fraction * WHOLE) >> 32);
}

/* The class that share `at` of the products falls into, and how far into it. */
static const struct price_class *class_at(uint32_t at, uint32_t *within) {
    const struct price_class *c = price_classes;
    while (at >= c->products) {
        at -= c->products;
        c++;
    }
    *within = at;
    return c;
}

struct weights {
    uint64_t browsed[MC_ITEM_COUNT], carted[MC_ITEM_COUNT], bought[MC_ITEM_COUNT];
};

static void weigh(struct weights *w, uint32_t rank, const struct price_class *c, struct mc_rng *rng) {
    uint64_t views = ((uint64_t)1 << 32) / (rank + HEAD_FLAT);
    uint32_t shelf = (uint32_t)mc_rng_below(rng, MC_ITEM_COUNT - MC_VOUCHER_COUNT - TAIL_RANK);
    if (rank < TAIL_RANK)
        shelf = UINT32_MAX;
    w->browsed[rank] = shelf < NEVER_VIEWED ? 0 : views * c->browsed / c->products;
    w->carted[rank] = shelf < NEVER_CARTED ? 0 : views * c->carted / c->products;
    w->bought[rank] = shelf < NEVER_BOUGHT ? 0 : views * c->bought / c->products;
}

static void make_item(struct mc_items *items, struct weights *w, uint32_t rank, const uint32_t starts[3],
                      const struct mc_alias *brands, struct mc_rng *rng) {
    uint32_t within;
    const struct price_class *c = class_at(place(rank, 0, starts[0]), &within);
    items->items[rank].price = c->low + (int32_t)((int64_t)(c->high - c->low) * within / c->products);
    weigh(w, rank, c, rng);

    int brand = place(rank, 1, starts[1]) < BRANDED ? (int)mc_alias_draw(brands, rng) : -1;
    uint32_t category = (uint32_t)(mc_rng_below(rng, CATEGORIES) * mc_rng_below(rng, CATEGORIES) / CATEGORIES);
    const char *code = "";
    if (place(rank, 2, starts[2]) < CODED) {
        code = codes[category % CODES];
        category = CATEGORIES + category % CODES;
    }
    write_item(&items->items[rank], rank, category, code, brand);
}

static void make_vouchers(struct mc_items *items, struct weights *w) {
    for (uint32_t i = 0; i < MC_VOUCHER_COUNT; i++) {
        uint32_t number = MC_ITEM_COUNT - MC_VOUCHER_COUNT + i;
        w->browsed[number] = w->carted[number] = w->bought[number] = 0;
        items->items[number].price = voucher_prices[i];
        write_item(&items->items[number], number, 0, "", -1);
    }
}

static enum mc_err make_brands(struct mc_alias *brands, struct mc_error *e) {
    uint64_t weights[BRANDS];
    for (uint32_t i = 0; i < BRANDS; i++)
        weights[i] = ((uint64_t)1 << 32) / (i + 5);
    return mc_alias_build(brands, weights, BRANDS, e);
}

static enum mc_err make_all(struct mc_items *items, struct weights *w, uint64_t seed, struct mc_error *e) {
    struct mc_rng rng;
    struct mc_alias brands = {0};
    mc_rng_seed(&rng, seed ^ 0x6974656D73); /* "items": its numbers are not those of the visits */
    uint32_t starts[3];
    for (int i = 0; i < 3; i++) /* one by one: C does not order the values of a list */
        starts[i] = (uint32_t)mc_rng_next(&rng);
    enum mc_err err = make_brands(&brands, e);
    if (err == MC_OK) {
        for (uint32_t rank = 0; rank < MC_ITEM_COUNT - MC_VOUCHER_COUNT; rank++)
            make_item(items, w, rank, starts, &brands, &rng);
        make_vouchers(items, w);
        err = mc_alias_build(&items->browsed, w->browsed, MC_ITEM_COUNT, e);
    }
    if (err == MC_OK)
        err = mc_alias_build(&items->carted, w->carted, MC_ITEM_COUNT, e);
    if (err == MC_OK)
        err = mc_alias_build(&items->bought, w->bought, MC_ITEM_COUNT, e);
    mc_alias_free(&brands);
    return err;
}

enum mc_err mc_items_open(struct mc_items *items, uint64_t seed, struct mc_error *e) {
    *items = (struct mc_items){.items = mc_calloc(MC_ITEM_COUNT, sizeof *items->items)};
    struct weights *w = mc_malloc(sizeof *w);
    enum mc_err err = MC_OK;
    if (items->items == NULL || w == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for %d simulated items", MC_ITEM_COUNT);
    else
        err = make_all(items, w, seed, e);
    mc_free(w);
    if (err != MC_OK)
        mc_items_close(items);
    return err;
}

void mc_items_close(struct mc_items *items) {
    mc_free(items->items);
    mc_alias_free(&items->browsed);
    mc_alias_free(&items->carted);
    mc_alias_free(&items->bought);
    *items = (struct mc_items){0};
}

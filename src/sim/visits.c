#include "sim/visits.h"

#include "base/mem.h"
#include "sim/calendar.h"
#include <assert.h>
#include <string.h>

struct mc_visits_entry {
    uint64_t key; /* second << 40 | number of the push: unique */
    uint32_t visit;
};

/* ---- the pool and the queue ---- */

enum { LIMIT_MIN = 4096, LIMIT_FULL = 1 << 16, LIMIT_MAX = 1 << 20 };

enum mc_err mc_visits_open(struct mc_visits *visits, uint64_t events, struct mc_error *e) {
    uint64_t limit = LIMIT_MIN + events * LIMIT_FULL / MC_SIM_ROWS_FULL;
    if (limit > LIMIT_MAX)
        limit = LIMIT_MAX;
    *visits = (struct mc_visits){
        .pool = mc_malloc(limit * sizeof *visits->pool),
        .spare = mc_malloc(limit * sizeof *visits->spare),
        .heap = mc_malloc(limit * sizeof *visits->heap),
        .limit = (uint32_t)limit,
        .spares = (uint32_t)limit,
    };
    if (visits->pool == NULL || visits->spare == NULL || visits->heap == NULL) {
        mc_visits_close(visits);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for %u simulated visits", (uint32_t)limit);
    }
    for (uint32_t i = 0; i < visits->limit; i++)
        visits->spare[i] = visits->limit - 1 - i;
    return MC_OK;
}

void mc_visits_close(struct mc_visits *visits) {
    mc_free(visits->pool);
    mc_free(visits->spare);
    mc_free(visits->heap);
    *visits = (struct mc_visits){0};
}

struct mc_visit *mc_visits_add(struct mc_visits *visits) {
    return visits->spares > 0 ? &visits->pool[visits->spare[--visits->spares]] : NULL;
}

void mc_visits_remove(struct mc_visits *visits, struct mc_visit *visit) {
    assert(visits->spares < visits->limit);
    visits->spare[visits->spares++] = (uint32_t)(visit - visits->pool);
}

void mc_visits_push(struct mc_visits *visits, struct mc_visit *visit, uint32_t second) {
    struct mc_visits_entry entry = {(uint64_t)second << 40 | visits->pushed++, (uint32_t)(visit - visits->pool)};
    uint32_t i = visits->queued++;
    assert(visits->queued <= visits->limit && visits->pushed < (uint64_t)1 << 40);
    while (i > 0 && visits->heap[(i - 1) / 2].key > entry.key) {
        visits->heap[i] = visits->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    visits->heap[i] = entry;
}

struct mc_visit *mc_visits_pop(struct mc_visits *visits) {
    assert(visits->queued > 0);
    struct mc_visits_entry *heap = visits->heap, last = heap[--visits->queued];
    uint32_t first = heap[0].visit, i = 0, n = visits->queued;
    for (uint32_t child = 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && heap[child + 1].key < heap[child].key;
        if (heap[child].key >= last.key)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return &visits->pool[first];
}

uint32_t mc_visits_next(const struct mc_visits *visits) {
    return visits->queued > 0 ? (uint32_t)(visits->heap[0].key >> 40) : UINT32_MAX;
}

/* ---- the plan ---- */

enum kind { NAMELESS, DIRECT_BUYER, CART_BUYER, REMOVER, CARTER, OLD_CART, BROWSER };

/* Of 1,000,000 sessions (the rest browses). Published: 4,598 rows without a session; 3.44 % of sessions buy, 19 % of
 * them without a cart event; 985,781 sessions with a cart, 87.29 % of which do not buy, 25.5 % of those with a removal.
 */
static const uint32_t kind_ppm[BROWSER] = {
    [NAMELESS] = 1014, [DIRECT_BUYER] = 6700, [CART_BUYER] = 28450,
    [REMOVER] = 48370, [CARTER] = 141400,     [OLD_CART] = 24000,
};

/* Chance to buy, of 1,000: published conversion 3.27, 3.82, 3.40, 3.29, 3.14 % by month. */
static const uint16_t month_buys[MC_SIM_MONTHS] = {951, 1110, 988, 956, 913};

/* Published means a session: 2.13 views, 1.24 carts, 0.66 removals, 0.28 purchases. */
static const struct mc_span browser_views[] = {{7550, 1, 1}, {8700, 2, 2},  {9380, 3, 4},
                                               {9810, 5, 8}, {9960, 9, 18}, {10000, 19, 50}};
static const struct mc_span cart_views[] = {{3400, 1, 1}, {5500, 2, 2},  {7500, 3, 4},
                                            {9000, 5, 8}, {9800, 9, 18}, {10000, 19, 50}};
static const struct mc_span few_carts[] = {{4500, 1, 1}, {6300, 2, 2},  {7750, 3, 4},
                                           {9000, 5, 8}, {9770, 9, 16}, {10000, 17, 40}};
static const struct mc_span many_carts[] = {{1700, 1, 1}, {3000, 2, 2},  {4700, 3, 4},
                                            {6700, 5, 8}, {8800, 9, 17}, {10000, 18, 50}};
static const struct mc_span removals[] = {{3000, 1, 1}, {4700, 2, 2},   {6400, 3, 4},
                                          {8000, 5, 9}, {9300, 10, 20}, {10000, 21, 60}};
static const struct mc_span purchases[] = {{1300, 1, 1},   {3100, 2, 3},   {5400, 4, 6},   {7500, 7, 10},
                                           {9000, 11, 16}, {9800, 17, 30}, {10000, 31, 60}};

static enum kind draw_kind(const struct mc_user *user, int month, struct mc_rng *rng) {
    uint32_t share = (uint32_t)mc_rng_below(rng, 1000000);
    for (enum kind kind = NAMELESS; kind < BROWSER; kind++) {
        uint32_t part = kind_ppm[kind];
        if (kind == DIRECT_BUYER || kind == CART_BUYER)
            part = user->buys ? part * month_buys[month] / MC_BUYERS_MILLI : 0;
        if (share < part)
            return kind;
        share -= part;
    }
    return BROWSER;
}

static uint16_t draw(const struct mc_span *spans, struct mc_rng *rng) {
    return (uint16_t)mc_span_draw(spans, rng);
}

static void plan_cart(struct mc_visit *visit, enum kind kind, struct mc_rng *rng) {
    visit->left[MC_SIM_CART] = draw(kind == CARTER ? few_carts : many_carts, rng);
    if (!mc_chance(rng, 200000)) /* published: 20 % of cart sessions have no view */
        visit->left[MC_SIM_VIEW] = draw(cart_views, rng);
    if (kind == REMOVER || (kind == CART_BUYER && mc_chance(rng, 500000)))
        visit->left[MC_SIM_REMOVE] = draw(removals, rng);
}

static void plan_acts(struct mc_visit *visit, enum kind kind, struct mc_rng *rng) {
    visit->buys = kind == DIRECT_BUYER || kind == CART_BUYER;
    if (visit->buys)
        visit->left[MC_SIM_PURCHASE] = draw(purchases, rng);
    if (kind == CARTER || kind == REMOVER || kind == CART_BUYER)
        plan_cart(visit, kind, rng);
    else if (kind == NAMELESS)
        visit->left[MC_SIM_VIEW] = 1;
    else if (kind == BROWSER || mc_chance(rng, 700000))
        visit->left[MC_SIM_VIEW] = draw(browser_views, rng);
    if (kind == OLD_CART) /* what is removed was carted in an earlier session */
        visit->left[MC_SIM_REMOVE] = draw(removals, rng);
}

static char *put_hex(char *out, uint64_t bits, int digits) {
    static const char hex[] = "0123456789abcdef";
    for (int i = digits - 1; i >= 0; i--)
        *out++ = hex[bits >> (4 * i) & 15];
    return out;
}

/* "463240011,26dd6e6e-4dac-4778-8d2c-92e149dab885\n"; without a session "463240011,\n". */
static void set_tail(struct mc_visit *visit, uint32_t user, bool named, struct mc_rng *rng) {
    char *at = visit->tail + 9;
    for (char *digit = at; digit-- > visit->tail; user /= 10)
        *digit = (char)('0' + user % 10);
    *at++ = ',';
    if (named) {
        uint64_t high = mc_rng_next(rng), low = mc_rng_next(rng);
        at = put_hex(at, high >> 32, 8);
        *at++ = '-';
        at = put_hex(at, high >> 16, 4);
        *at++ = '-';
        at = put_hex(at, (high & 0xFFF) | 0x4000, 4);
        *at++ = '-';
        at = put_hex(at, (low >> 48 & 0x3FFF) | 0x8000, 4);
        *at++ = '-';
        at = put_hex(at, low, 12);
    }
    *at++ = '\n';
    visit->tail_len = (uint8_t)(at - visit->tail);
}

void mc_visit_plan(struct mc_visit *visit, const struct mc_user *user, int month, struct mc_rng *rng) {
    memset(visit, 0, sizeof *visit);
    enum kind kind = user->is_bot ? BROWSER : draw_kind(user, month, rng);
    plan_acts(visit, kind, rng);
    set_tail(visit, user->id, kind != NAMELESS, rng);
}

uint32_t mc_visit_rows_left(const struct mc_visit *visit) {
    return (uint32_t)visit->left[MC_SIM_VIEW] + visit->left[MC_SIM_CART] + visit->left[MC_SIM_REMOVE] +
           visit->left[MC_SIM_PURCHASE];
}

/* ---- acts ---- */

enum { LIKED_PPM = 700000, LIKED_IS_CARTED_PPM = 750000, PAYS_NOW_PPM = 500000 };

/* The order, once begun, is one block; it comes when all carting is done, before or after the last views. Removals come
 * only after something was carted, unless nothing will be. */
static enum mc_sim_type choose_type(const struct mc_visit *visit, struct mc_rng *rng) {
    const uint16_t *left = visit->left;
    bool carting = left[MC_SIM_CART] + left[MC_SIM_REMOVE] > 0;
    if (left[MC_SIM_PURCHASE] > 0 && visit->type == MC_SIM_PURCHASE)
        return MC_SIM_PURCHASE;
    if (!carting && left[MC_SIM_PURCHASE] > 0 && (left[MC_SIM_VIEW] == 0 || mc_chance(rng, PAYS_NOW_PPM)))
        return MC_SIM_PURCHASE;
    if (visit->liked && left[MC_SIM_CART] > 0 && mc_chance(rng, LIKED_IS_CARTED_PPM))
        return MC_SIM_CART;
    uint32_t removes = visit->in_basket > 0 || left[MC_SIM_CART] == 0 ? left[MC_SIM_REMOVE] : 0;
    uint32_t pick = (uint32_t)mc_rng_below(rng, (uint64_t)left[MC_SIM_VIEW] + left[MC_SIM_CART] + removes);
    if (pick < left[MC_SIM_VIEW])
        return MC_SIM_VIEW;
    return pick < left[MC_SIM_VIEW] + left[MC_SIM_CART] ? MC_SIM_CART : MC_SIM_REMOVE;
}

static uint16_t view(struct mc_visit *visit, const struct mc_items *items, struct mc_rng *rng) {
    const struct mc_alias *wanted = visit->buys ? &items->bought : &items->carted;
    visit->liked = visit->left[MC_SIM_CART] > 0 && mc_chance(rng, LIKED_PPM);
    return (uint16_t)mc_alias_draw(visit->liked ? wanted : &items->browsed, rng);
}

static uint16_t cart(struct mc_visit *visit, const struct mc_items *items, struct mc_rng *rng) {
    uint16_t item = visit->item;
    if (!visit->liked)
        item = (uint16_t)mc_alias_draw(visit->buys ? &items->bought : &items->carted, rng);
    visit->liked = false;
    if (visit->in_basket < MC_SIM_BASKET_MAX)
        visit->basket[visit->in_basket++] = item;
    else
        visit->basket[mc_rng_below(rng, MC_SIM_BASKET_MAX)] = item;
    return item;
}

/* Published: what is removed costs a little more than what is carted, and its median is higher: the
 * cheapest and the dearest get a second chance. */
static uint16_t take_out(struct mc_visit *visit, const struct mc_items *items, struct mc_rng *rng) {
    if (visit->in_basket == 0)
        return (uint16_t)mc_alias_draw(&items->carted, rng);
    uint32_t at = (uint32_t)mc_rng_below(rng, visit->in_basket);
    int32_t price = items->items[visit->basket[at]].price;
    if (price < 250 || price > 2500)
        at = (uint32_t)mc_rng_below(rng, visit->in_basket);
    uint16_t item = visit->basket[at];
    visit->basket[at] = visit->basket[--visit->in_basket];
    return item;
}

enum { VOUCHER_PPM = 98 }; /* published: 126 of 1,287,007 purchases */

static uint16_t buy(struct mc_visit *visit, const struct mc_items *items, struct mc_rng *rng) {
    if (mc_chance(rng, VOUCHER_PPM))
        return (uint16_t)(MC_ITEM_COUNT - 1 - mc_rng_below(rng, MC_VOUCHER_COUNT));
    if (visit->bought < visit->in_basket)
        return visit->basket[visit->bought++];
    return (uint16_t)mc_alias_draw(&items->bought, rng);
}

void mc_visit_act(struct mc_visit *visit, const struct mc_items *items, struct mc_rng *rng) {
    assert(mc_visit_rows_left(visit) > 0);
    enum mc_sim_type type = choose_type(visit, rng);
    assert(visit->left[type] > 0);
    visit->left[type]--;
    visit->type = (uint8_t)type;
    switch (type) {
    case MC_SIM_VIEW:
        visit->item = view(visit, items, rng);
        break;
    case MC_SIM_CART:
        visit->item = cart(visit, items, rng);
        break;
    case MC_SIM_REMOVE:
        visit->item = take_out(visit, items, rng);
        break;
    default:
        visit->item = buy(visit, items, rng);
    }
}

/* Seconds. Published: 75 % of the sessions are over within 96, the longest lasts 151 days; the short ones as in the
 * sample. */
static const struct mc_span gaps[] = {
    {600, 0, 0},    {1200, 1, 2},     {3400, 3, 9},      {6300, 10, 29},
    {8800, 30, 99}, {9600, 100, 299}, {9870, 300, 1799}, {10000, UINT32_MAX, UINT32_MAX}};
static const struct mc_span pauses[] = {
    {3500, 1800, 7200}, {7500, 7200, 86400}, {9600, 86400, 14 * 86400}, {10000, 14 * 86400, 151 * 86400}};

uint32_t mc_visit_gap(const struct mc_visit *visit, struct mc_rng *rng) {
    if (mc_visit_rows_left(visit) == 0)
        return UINT32_MAX;
    if (visit->type == MC_SIM_PURCHASE && visit->left[MC_SIM_PURCHASE] > 0)
        return 0;
    uint32_t gap = mc_span_draw(gaps, rng);
    return gap == UINT32_MAX ? mc_span_draw(pauses, rng) : gap;
}

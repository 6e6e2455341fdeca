#include "engine/tally.h"

#include "base/mem.h"
#include <assert.h>
#include <stdlib.h>

void mc_tally_init(struct mc_tally *t, bool keep_sales, bool keep_new_users) {
    *t = (struct mc_tally){.keep_sales = keep_sales, .keep_new_users = keep_new_users};
}

void mc_tally_free(struct mc_tally *t) {
    mc_pool_free(&t->pool);
    mc_free(t->products);
    mc_free(t->product_slots);
    mc_free(t->user_slots);
    mc_free(t->new_users);
    mc_free(t->sales);
    *t = (struct mc_tally){0};
}

/* ---- products ---- */

static uint32_t tag_of(uint64_t hash) {
    return (uint32_t)(hash >> 32);
}

static void fill_slots(const struct mc_tally *t, struct mc_product_slot *slots, uint32_t mask) {
    memset(slots, 0, ((size_t)mask + 1) * sizeof *slots);
    for (uint32_t i = 0; i < t->product_count; i++) {
        uint32_t at = (uint32_t)t->products[i].hash & mask;
        while (slots[at].number != 0)
            at = (at + 1) & mask;
        slots[at] = (struct mc_product_slot){tag_of(t->products[i].hash), i + 1};
    }
}

static bool grow_slots(struct mc_tally *t) {
    uint32_t size = t->product_slots ? (t->product_mask + 1) * 2 : 4096;
    struct mc_product_slot *slots = mc_malloc_table(size * sizeof *slots);
    if (slots == NULL)
        return false;
    fill_slots(t, slots, size - 1);
    mc_free(t->product_slots);
    t->product_slots = slots;
    t->product_mask = size - 1;
    return true;
}

static bool grow_products(struct mc_tally *t) {
    uint32_t cap = t->product_cap ? t->product_cap * 2 : 1024;
    struct mc_product_entry *products = mc_malloc_table(cap * sizeof *products);
    if (products == NULL)
        return false;
    if (t->product_count > 0)
        memcpy(products, t->products, t->product_count * sizeof *products);
    mc_free(t->products);
    t->products = products;
    t->product_cap = cap;
    return true;
}

static struct mc_product_entry *add_product(struct mc_tally *t, uint64_t hash, struct mc_str id) {
    if (t->product_count == t->product_cap && !grow_products(t))
        return NULL;
    char *copy = mc_pool_take(&t->pool, id.len);
    if (copy == NULL)
        return NULL;
    memcpy(copy, id.data, id.len);
    struct mc_product_entry *p = &t->products[t->product_count++];
    *p = (struct mc_product_entry){.id = {copy, id.len}, .hash = hash};
    if (id.len <= MC_PRODUCT_ID_ROOM) {
        memcpy(p->short_id, id.data, id.len);
        p->short_len = (uint8_t)id.len;
    }
    for (int i = 0; i < MC_DIMENSIONS; i++)
        p->time[i].us = MC_TIME_NONE_US;
    return p;
}

static inline bool is_product(const struct mc_product_entry *p, uint64_t hash, struct mc_str id) {
    if (p->hash != hash)
        return false;
    return p->short_len > 0 ? id.len == p->short_len && mc_bytes_equal(id.data, p->short_id, id.len)
                            : mc_str_equal(p->id, id);
}

struct mc_product_entry *mc_tally_product(struct mc_tally *t, uint64_t hash, struct mc_str id) {
    if ((t->product_slots == NULL || t->product_count > t->product_mask / 2) && !grow_slots(t))
        return NULL;
    uint32_t at = (uint32_t)hash & t->product_mask, tag = tag_of(hash);
    for (; t->product_slots[at].number != 0; at = (at + 1) & t->product_mask) {
        if (t->product_slots[at].tag != tag)
            continue;
        struct mc_product_entry *known = &t->products[t->product_slots[at].number - 1];
        if (is_product(known, hash, id))
            return known;
    }
    struct mc_product_entry *p = add_product(t, hash, id);
    if (p != NULL)
        t->product_slots[at] = (struct mc_product_slot){tag, t->product_count};
    return p;
}

static bool set_value(struct mc_tally *t, struct mc_product_entry *p, int column, struct mc_str value) {
    char *room = (char *)(uintptr_t)p->value[column];
    size_t old_len = p->value_len[column];
    if (room == NULL || mc_pool_rounded(old_len) != mc_pool_rounded(value.len)) {
        room = mc_pool_take(&t->pool, value.len);
        if (room == NULL)
            return false;
        mc_pool_give(&t->pool, (char *)(uintptr_t)p->value[column], old_len);
    }
    memcpy(room, value.data, value.len);
    p->value[column] = room;
    p->value_len[column] = (uint16_t)value.len;
    return true;
}

/* The value with the greatest event time, of equals the greatest string; null says nothing (SEMANTICS 2). *wins: the
 * column's value is this one now. */
static bool note_dimension(struct mc_tally *t, struct mc_product_entry *p, int column, struct mc_str value,
                           struct mc_time time, bool *wins) {
    if (value.len == 0)
        return true;
    struct mc_str known = mc_product_value(p, column);
    if (mc_str_equal(value, known)) {
        if (time.us > p->time[column].us)
            p->time[column] = time;
        return true;
    }
    bool is_later = time.us > p->time[column].us || (time.us == p->time[column].us && mc_str_compare(value, known) > 0);
    *wins &= is_later;
    if (!is_later)
        return true;
    p->time[column] = time;
    return set_value(t, p, column, value);
}

/* Moves what shape_at knows to the columns, and forgets the shape. */
static void forget_shape(struct mc_product_entry *p) {
    for (int c = 0; c < MC_DIMENSIONS; c++)
        p->time[c] = mc_product_time(p, c);
    p->shape = 0;
}

static bool note_values(struct mc_tally *t, struct mc_product_entry *p, const struct mc_event *ev, const char *bytes) {
    const struct mc_slice slice[MC_DIMENSIONS] = {ev->category_id, ev->category_code, ev->brand};
    bool wins = true;
    uint8_t columns = 0;
    forget_shape(p);
    for (int c = 0; c < MC_DIMENSIONS; c++) {
        columns |= (uint8_t)((slice[c].len > 0) << c);
        if (!note_dimension(t, p, c, mc_slice_str(bytes, slice[c]), ev->time, &wins))
            return false;
    }
    if (wins) {
        p->shape = ev->shape;
        p->shape_at = ev->time;
        p->shape_columns = columns;
    }
    return true;
}

/* Nearly all events of a product bring the same three values, and those are the ones it has: then only the time moves.
 * The product's shape is the event's, a hash of the three, while that is so. */
static inline bool note_dimensions(struct mc_tally *t, struct mc_product_entry *p, const struct mc_event *ev,
                                   const char *bytes) {
    if (ev->shape != p->shape || ev->shape == 0)
        return note_values(t, p, ev, bytes);
    if (ev->time.us > p->shape_at.us)
        p->shape_at = ev->time;
    return true;
}

/* ---- distinct users ---- */

static void place_user(struct mc_hash128 *slots, uint64_t mask, struct mc_hash128 user) {
    uint64_t at = user.low & mask;
    while (slots[at].low != 0 || slots[at].high != 0)
        at = (at + 1) & mask;
    slots[at] = user;
}

static bool grow_users(struct mc_tally *t) {
    uint64_t size = t->user_slots ? (t->user_mask + 1) * 2 : 1024;
    struct mc_hash128 *slots = mc_malloc_table(size * sizeof *slots);
    if (slots == NULL)
        return false;
    memset(slots, 0, size * sizeof *slots);
    for (uint64_t i = 0; t->user_slots != NULL && i <= t->user_mask; i++)
        if (t->user_slots[i].low != 0 || t->user_slots[i].high != 0)
            place_user(slots, size - 1, t->user_slots[i]);
    mc_free(t->user_slots);
    t->user_slots = slots;
    t->user_mask = size - 1;
    return true;
}

static bool note_new_user(struct mc_tally *t, struct mc_hash128 user) {
    if (!t->keep_new_users)
        return true;
    if (t->new_user_count == t->new_user_cap) {
        uint64_t cap = t->new_user_cap ? t->new_user_cap * 2 : 256;
        struct mc_hash128 *users = mc_realloc(t->new_users, cap * sizeof *users);
        if (users == NULL)
            return false;
        t->new_users = users;
        t->new_user_cap = cap;
    }
    t->new_users[t->new_user_count++] = user;
    return true;
}

bool mc_tally_user(struct mc_tally *t, struct mc_hash128 user) {
    if (user.low == 0 && user.high == 0)
        user.low = 1;
    if ((t->user_slots == NULL || t->user_count > t->user_mask / 4 * 3) && !grow_users(t))
        return false;
    uint64_t at = user.low & t->user_mask;
    for (; t->user_slots[at].low != 0 || t->user_slots[at].high != 0; at = (at + 1) & t->user_mask)
        if (t->user_slots[at].low == user.low && t->user_slots[at].high == user.high)
            return true;
    t->user_slots[at] = user;
    t->user_count++;
    return note_new_user(t, user);
}

/* ---- sales ---- */

static bool push_sale(struct mc_tally *t, struct mc_sale_sum sale) {
    if (t->sale_count == t->sale_cap) {
        uint64_t cap = t->sale_cap ? t->sale_cap * 2 : 1024;
        struct mc_sale_sum *sales = mc_realloc(t->sales, cap * sizeof *sales);
        if (sales == NULL)
            return false;
        t->sales = sales;
        t->sale_cap = cap;
    }
    t->sales[t->sale_count++] = sale;
    return true;
}

static int by_minute(const void *a, const void *b) {
    const struct mc_sale_sum *x = a, *y = b;
    return (x->minute > y->minute) - (x->minute < y->minute);
}

/* Those of one product, which the log gave nearly in order: sorts them if they are not, and sums those of a minute.
 * Returns how many are left, from the start. */
static uint64_t fold_product(struct mc_sale_sum *sales, uint64_t count) {
    uint64_t kept = 0;
    for (uint64_t i = 1; i < count; i++)
        if (sales[i].minute < sales[i - 1].minute) {
            qsort(sales, count, sizeof *sales, by_minute);
            break;
        }
    for (uint64_t i = 1; i < count; i++) {
        if (sales[kept].minute == sales[i].minute) {
            sales[kept].units += sales[i].units;
            sales[kept].revenue += sales[i].revenue;
        } else {
            sales[++kept] = sales[i];
        }
    }
    return count > 0 ? kept + 1 : 0;
}

/* The sales by product, those of one in the order they had: start[p] is where product p's begin. */
static struct mc_sale_sum *deal_sales(const struct mc_tally *t, uint64_t *start) {
    struct mc_sale_sum *dealt = mc_malloc_table((t->sale_count + 1) * sizeof *dealt);
    if (dealt == NULL)
        return NULL;
    memset(start, 0, (t->product_count + 1) * sizeof *start);
    for (uint64_t i = 0; i < t->sale_count; i++)
        start[t->sales[i].product + 1]++;
    for (uint32_t p = 0; p < t->product_count; p++)
        start[p + 1] += start[p];
    for (uint64_t i = 0; i < t->sale_count; i++)
        dealt[start[t->sales[i].product]++] = t->sales[i];
    for (uint32_t p = t->product_count; p > 0; p--)
        start[p] = start[p - 1];
    start[0] = 0;
    return dealt;
}

/* By product, then minute, each pair once. False: no memory, nothing changed. */
static bool fold_sales(struct mc_tally *t) {
    uint64_t *start = mc_malloc((t->product_count + 2) * sizeof *start);
    struct mc_sale_sum *dealt = start != NULL ? deal_sales(t, start) : NULL;
    if (dealt != NULL) {
        uint64_t kept = 0;
        for (uint32_t p = 0; p < t->product_count; p++) {
            uint64_t folded = fold_product(dealt + start[p], start[p + 1] - start[p]);
            memmove(dealt + kept, dealt + start[p], folded * sizeof *dealt);
            kept += folded;
        }
        mc_free(t->sales);
        t->sales = dealt;
        t->sale_cap = t->sale_count + 1;
        t->sale_count = kept;
    }
    mc_free(start);
    return dealt != NULL;
}

bool mc_tally_sale(struct mc_tally *t, const struct mc_product_entry *product, struct mc_time time, int64_t units,
                   __int128 revenue) {
    return push_sale(t, (struct mc_sale_sum){.product = (uint32_t)(product - t->products),
                                             .minute = (uint32_t)(time.us / MC_MINUTE_US),
                                             .units = units,
                                             .revenue = revenue});
}

static bool note_purchase(struct mc_tally *t, const struct mc_product_entry *p, const struct mc_event *ev) {
    __int128 revenue = (__int128)ev->price * ev->quantity;
    t->counts.units_sold += ev->quantity;
    t->counts.revenue += revenue;
    return !t->keep_sales || mc_tally_sale(t, p, ev->time, ev->quantity, revenue);
}

/* ---- counting ---- */

bool mc_tally_event(struct mc_tally *t, struct mc_product_entry *product, const struct mc_event *ev, const char *bytes,
                    struct mc_outcome outcome) {
    t->counts.accepted++;
    t->counts.by_type[ev->type]++;
    t->counts.late += outcome.verdict == MC_VERDICT_LATE;
    t->counts.cart_full += outcome.cart_full;
    product->accepted++;
    return note_dimensions(t, product, ev, bytes) && (ev->type != MC_PURCHASE || note_purchase(t, product, ev));
}

void mc_tally_visit(struct mc_tally *t, const struct mc_visit_end *end) {
    t->counts.visits++;
    t->counts.visits_with_cart += !mc_time_is_none(end->visit->first_cart_at);
    t->counts.visits_with_purchase += end->visit->has_purchase;
    t->counts.partial_visits += end->partial;
    if (end->cart == NULL)
        return;
    t->counts.abandoned_carts++;
    t->counts.abandoned_value += end->cart->value;
    for (uint32_t i = 0; i < end->cart->item_count; i++)
        t->counts.abandoned_items += end->cart->items[i].quantity;
    t->counts.decisions[end->cart->decision]++;
}

/* ---- two tallies, order, bytes ---- */

void mc_counts_add(struct mc_counts *into, const struct mc_counts *from) {
    into->accepted += from->accepted;
    into->late += from->late;
    into->duplicates += from->duplicates;
    into->cart_full += from->cart_full;
    for (int i = 0; i < MC_EVENT_TYPES; i++)
        into->by_type[i] += from->by_type[i];
    into->visits += from->visits;
    into->visits_with_cart += from->visits_with_cart;
    into->visits_with_purchase += from->visits_with_purchase;
    into->partial_visits += from->partial_visits;
    into->abandoned_carts += from->abandoned_carts;
    into->abandoned_value += from->abandoned_value;
    into->abandoned_items += from->abandoned_items;
    into->units_sold += from->units_sold;
    into->revenue += from->revenue;
    for (int i = 0; i < MC_DECISIONS; i++)
        into->decisions[i] += from->decisions[i];
}

static struct mc_product_entry *merge_product(struct mc_tally *into, const struct mc_product_entry *from) {
    struct mc_product_entry *p = mc_tally_product(into, from->hash, from->id);
    if (p == NULL)
        return NULL;
    p->accepted += from->accepted;
    forget_shape(p);
    bool wins = true;
    for (int c = 0; c < MC_DIMENSIONS; c++)
        if (!note_dimension(into, p, c, mc_product_value(from, c), mc_product_time(from, c), &wins))
            return NULL;
    return p;
}

bool mc_tally_add_product(struct mc_tally *t, struct mc_str id, const struct mc_dimension_value column[MC_DIMENSIONS]) {
    struct mc_product_entry *p = mc_tally_product(t, mc_hash64(id.data, id.len), id);
    if (p == NULL)
        return false;
    p->accepted++;
    forget_shape(p);
    bool wins = true;
    for (int c = 0; c < MC_DIMENSIONS; c++)
        if (!note_dimension(t, p, c, column[c].value, column[c].time, &wins))
            return false;
    return true;
}

bool mc_tally_merge(struct mc_tally *into, const struct mc_tally *from) {
    mc_counts_add(&into->counts, &from->counts);
    uint32_t *index = mc_malloc((from->product_count + 1) * sizeof *index);
    if (index == NULL)
        return false;
    bool good = true;
    for (uint32_t i = 0; i < from->product_count && good; i++) {
        struct mc_product_entry *p = merge_product(into, &from->products[i]);
        good = p != NULL;
        index[i] = good ? (uint32_t)(p - into->products) : 0;
    }
    for (uint64_t i = 0; i < from->sale_count && good; i++) {
        struct mc_sale_sum sale = from->sales[i];
        sale.product = index[sale.product];
        good = push_sale(into, sale);
    }
    mc_free(index);
    into->user_count += from->user_count;
    return good;
}

/* The first bytes of an id tell most of them apart. */
struct ranked {
    uint64_t head; /* big-endian, filled up with zeros */
    const struct mc_product_entry *product;
};

static uint64_t head_of(struct mc_str id) {
    uint64_t head = 0;
    memcpy(&head, id.data, id.len < sizeof head ? id.len : sizeof head);
    return __builtin_bswap64(head);
}

static int by_id(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return mc_str_compare(x->product->id, y->product->id);
}

/* Puts the products in order; now[i] tells where product i has gone. */
static void rank_products(struct mc_tally *t, struct ranked *ranked, struct mc_product_entry *sorted, uint32_t *now) {
    for (uint32_t i = 0; i < t->product_count; i++)
        ranked[i] = (struct ranked){head_of(t->products[i].id), &t->products[i]};
    qsort(ranked, t->product_count, sizeof *ranked, by_id);
    for (uint32_t i = 0; i < t->product_count; i++) {
        sorted[i] = *ranked[i].product;
        now[ranked[i].product - t->products] = i;
    }
    mc_free(t->products);
    t->products = sorted;
    if (t->product_slots != NULL)
        fill_slots(t, t->product_slots, t->product_mask);
    for (uint64_t i = 0; i < t->sale_count; i++)
        t->sales[i].product = now[t->sales[i].product];
}

bool mc_tally_sort(struct mc_tally *t) {
    struct ranked *ranked = mc_malloc((t->product_count + 1) * sizeof *ranked);
    uint32_t *now = mc_malloc((t->product_count + 1) * sizeof *now);
    struct mc_product_entry *sorted = mc_malloc_table((t->product_cap + 1) * sizeof *sorted);
    bool good = ranked != NULL && now != NULL && sorted != NULL;
    if (good) {
        rank_products(t, ranked, sorted, now);
        good = fold_sales(t);
    } else {
        mc_free(sorted);
    }
    mc_free(ranked);
    mc_free(now);
    return good;
}

enum { TALLY_VERSION = 1 };

void mc_tally_encode(const struct mc_tally *t, struct mc_buf *out) {
    mc_put_u8(out, TALLY_VERSION);
    mc_put_u32(out, sizeof t->counts);
    mc_buf_append(out, &t->counts, sizeof t->counts);
    mc_put_u32(out, t->product_count);
    for (uint32_t i = 0; i < t->product_count; i++) {
        const struct mc_product_entry *p = &t->products[i];
        mc_put_str(out, p->id);
        mc_put_u64(out, p->accepted);
        for (int c = 0; c < MC_DIMENSIONS; c++) {
            mc_put_i64(out, mc_product_time(p, c).us);
            mc_put_str(out, mc_product_value(p, c));
        }
    }
}

static bool decode_product(struct mc_tally *t, struct mc_reader *r) {
    struct mc_product_entry from = {.id = mc_get_str(r)};
    from.accepted = mc_get_u64(r); /* apart: initialisers have no order */
    from.hash = mc_hash64(from.id.data, from.id.len);
    for (int c = 0; c < MC_DIMENSIONS; c++) {
        from.time[c].us = mc_get_i64(r);
        struct mc_str value = mc_get_str(r);
        if (value.len > MC_TEXT_BYTES_MAX)
            return false;
        from.value[c] = value.data;
        from.value_len[c] = (uint16_t)value.len;
    }
    return !r->failed && from.id.len >= 1 && from.id.len <= MC_ID_BYTES_MAX && merge_product(t, &from) != NULL;
}

bool mc_tally_decode(struct mc_tally *t, struct mc_reader *r) {
    if (mc_get_u8(r) != TALLY_VERSION || mc_get_u32(r) != sizeof t->counts)
        return false;
    struct mc_str bytes = mc_get_bytes(r, sizeof t->counts);
    if (r->failed)
        return false;
    struct mc_counts counts;
    memcpy(&counts, bytes.data, sizeof counts);
    mc_counts_add(&t->counts, &counts);
    uint32_t products = mc_get_u32(r);
    for (uint32_t i = 0; i < products; i++)
        if (r->failed || !decode_product(t, r))
            return false;
    return !r->failed;
}

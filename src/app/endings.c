#include "app/endings.h"

#include "base/mem.h"
#include <stdlib.h>

void mc_endings_free(struct mc_endings *endings) {
    mc_free(endings->list);
    mc_buf_free(&endings->bytes);
    *endings = (struct mc_endings){0};
}

void mc_endings_reset(struct mc_endings *endings) {
    endings->count = 0;
    endings->bytes.len = 0;
}

static inline void time_member(struct mc_buf *b, struct mc_str name, struct mc_time time, struct mc_date_text *date) {
    mc_buf_str(b, name);
    char *room = mc_buf_reserve(b, MC_TIME_TEXT_MAX);
    if (room != NULL)
        b->len += mc_time_text_near(room, time.us, date);
}

static void item_json(struct mc_buf *b, const struct mc_cart_item *item, bool first) {
    mc_buf_text(b, first ? "{\"product_id\":" : ",{\"product_id\":");
    mc_buf_json(b, item->product);
    mc_buf_text(b, ",\"quantity\":");
    mc_buf_int(b, item->quantity);
    mc_buf_text(b, ",\"price_minor\":");
    mc_buf_int(b, item->price);
    mc_buf_char(b, '}');
}

void mc_cart_items_json(struct mc_buf *b, const struct mc_cart *cart) {
    mc_buf_char(b, '[');
    for (uint32_t i = 0; i < cart->item_count; i++)
        item_json(b, &cart->items[i], i == 0);
    mc_buf_char(b, ']');
}

void mc_cart_json(struct mc_buf *b, const struct mc_cart *cart, enum mc_decision decision) {
    mc_buf_text(b, "{\"user_id\":");
    mc_buf_json(b, cart->user);
    mc_buf_text(b, ",\"user_session\":");
    mc_buf_json(b, cart->session);
    struct mc_date_text date = {0};
    time_member(b, MC_STR(",\"opened_at\":\""), cart->opened_at, &date);
    time_member(b, MC_STR("\",\"first_at\":\""), cart->first_at, &date);
    time_member(b, MC_STR("\",\"last_at\":\""), cart->last_at, &date);
    time_member(b, MC_STR("\",\"expires_at\":\""), cart->expires_at, &date);
    mc_buf_text(b, "\",\"value_minor\":");
    mc_buf_int128(b, cart->value);
    mc_buf_text(b, ",\"decision\":\"");
    mc_buf_text(b, mc_decision_names[decision]);
    mc_buf_text(b, "\",\"items\":");
    mc_cart_items_json(b, cart);
    mc_buf_text(b, "}\n");
}

static bool reserve(struct mc_endings *endings) {
    if (endings->count < endings->cap)
        return true;
    uint32_t cap = endings->cap ? endings->cap * 2 : 64;
    struct mc_ended_cart *list = mc_realloc(endings->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    endings->list = list;
    endings->cap = cap;
    return true;
}

static size_t keep(struct mc_buf *b, const void *data, size_t len) {
    static const char zeros[8];
    mc_buf_append(b, zeros, -b->len & 7); /* items are read in place */
    size_t at = b->len;
    mc_buf_append(b, data, len);
    return at;
}

void mc_endings_add(void *context, const struct mc_visit_end *end) {
    struct mc_endings *endings = context;
    if (end->cart == NULL || endings->failed)
        return;
    if (!reserve(endings)) {
        endings->failed = true;
        return;
    }
    struct mc_ended_cart *ended = &endings->list[endings->count++];
    *ended = (struct mc_ended_cart){.cart = *end->cart, .log_row = end->log_row};
    if (endings->lines && ended->cart.decision == MC_UNDECIDED)
        ended->cart.decision = MC_NO_ADDRESS;
    ended->items_at = keep(&endings->bytes, end->cart->items, end->cart->item_count * sizeof *end->cart->items);
    ended->user_at = keep(&endings->bytes, end->cart->user.data, end->cart->user.len);
    ended->session_at = keep(&endings->bytes, end->cart->session.data, end->cart->session.len);
    ended->line_at = endings->bytes.len;
    if (endings->lines)
        mc_cart_json(&endings->bytes, end->cart, ended->cart.decision);
    ended->line.len = endings->bytes.len - ended->line_at;
    endings->failed = endings->bytes.failed;
}

void mc_endings_keep(struct mc_endings *endings, const struct mc_ended_cart *ended) {
    if (endings->failed || !reserve(endings)) {
        endings->failed = true;
        return;
    }
    struct mc_ended_cart *copy = &endings->list[endings->count++];
    *copy = *ended;
    copy->cart.item_count = 0;
    copy->items_at = endings->bytes.len;
    copy->user_at = keep(&endings->bytes, ended->cart.user.data, ended->cart.user.len);
    copy->session_at = keep(&endings->bytes, ended->cart.session.data, ended->cart.session.len);
    copy->line_at = keep(&endings->bytes, ended->line.data, ended->line.len);
    endings->failed = endings->bytes.failed;
}

void mc_endings_settle(struct mc_endings *endings) {
    const char *bytes = endings->bytes.data;
    for (uint32_t i = 0; i < endings->count; i++) {
        struct mc_ended_cart *ended = &endings->list[i];
        ended->cart.user.data = bytes + ended->user_at;
        ended->cart.session.data = bytes + ended->session_at;
        ended->cart.items = (const void *)(bytes + ended->items_at);
        ended->line.data = bytes + ended->line_at;
    }
}

int mc_ended_by_expiry(const void *a, const void *b) {
    const struct mc_cart *x = &(*(struct mc_ended_cart *const *)a)->cart,
                         *y = &(*(struct mc_ended_cart *const *)b)->cart;
    if (x->expires_at.us != y->expires_at.us)
        return x->expires_at.us < y->expires_at.us ? -1 : 1;
    int order = mc_str_compare(x->user, y->user);
    if (order == 0)
        order = mc_str_compare(x->session, y->session);
    if (order != 0)
        return order;
    return (x->opened_at.us > y->opened_at.us) - (x->opened_at.us < y->opened_at.us);
}

int mc_ended_by_log(const void *a, const void *b) {
    const struct mc_ended_cart *x = *(struct mc_ended_cart *const *)a, *y = *(struct mc_ended_cart *const *)b;
    if (x->log_row != y->log_row)
        return x->log_row < y->log_row ? -1 : 1;
    return mc_ended_by_expiry(a, b);
}

/* ---- side by side ---- */

void mc_cart_order_free(struct mc_cart_order *order) {
    mc_free(order->carts);
    *order = (struct mc_cart_order){0};
}

bool mc_cart_order_add(struct mc_cart_order *order, struct mc_endings *endings) {
    size_t count = order->count + endings->count;
    if (count > order->cap) {
        struct mc_ended_cart **carts = mc_realloc(order->carts, count * 2 * sizeof(struct mc_ended_cart *));
        if (carts == NULL)
            return false;
        order->carts = carts;
        order->cap = count * 2;
    }
    for (uint32_t i = 0; i < endings->count; i++)
        order->carts[order->count++] = &endings->list[i];
    return true;
}

bool mc_cart_order_gather(struct mc_cart_order *order, struct mc_endings *endings, uint32_t count) {
    order->count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!mc_cart_order_add(order, &endings[i]))
            return false;
    return true;
}

void mc_cart_order_sort(struct mc_cart_order *order, int (*compare)(const void *a, const void *b)) {
    if (order->count > 0) /* there is no array before the first cart */
        qsort(order->carts, order->count, sizeof *order->carts, compare);
}

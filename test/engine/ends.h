/* Visits that ended, kept as text with what they are ordered by. */
#ifndef MC_TEST_ENGINE_ENDS_H
#define MC_TEST_ENGINE_ENDS_H

#include "engine/partition.h"
#include <inttypes.h>
#include <stdlib.h>

struct end_line {
    int64_t row, expires;       /* row: at which event of the log, INT64_MAX when the log was over */
    size_t user, session, text; /* in `bytes`, NUL-terminated */
    int64_t opened;
};

struct ends {
    struct end_line *list;
    size_t count, cap;
    struct mc_buf bytes;
    int64_t row; /* of the event in hand, or of the batch's first, which end->log_row counts from */
    bool rows_in_batch;
    void (*put_time)(struct mc_buf *b, int64_t us);
};

static inline void ends_free(struct ends *e) {
    free(e->list);
    mc_buf_free(&e->bytes);
    *e = (struct ends){.put_time = e->put_time};
}

static inline size_t ends_keep(struct ends *e, struct mc_str s) {
    size_t at = e->bytes.len;
    mc_buf_str(&e->bytes, s);
    mc_buf_char(&e->bytes, '\0');
    return at;
}

static inline void ends_put_cart(struct mc_buf *b, const struct mc_cart *cart) {
    mc_buf_printf(b, "cart of ");
    mc_buf_int128(b, cart->value);
    mc_buf_printf(b, " %s", mc_decision_names[cart->decision]);
    for (uint32_t i = 0; i < cart->item_count; i++)
        mc_buf_printf(b, ", %" PRId64 " %.*s at %" PRId64, cart->items[i].quantity, (int)cart->items[i].product.len,
                      cart->items[i].product.data, cart->items[i].price);
}

static inline size_t ends_put_text(struct ends *e, const struct mc_visit_end *end) {
    const struct mc_visit *v = end->visit;
    struct mc_buf *b = &e->bytes;
    size_t at = b->len;
    mc_buf_printf(b, "%s %.*s %.*s opened ",
                  end->by_own_event ? "ended by its next event:" : "ended:", (int)end->user->id.len, end->user->id.data,
                  (int)v->session.len, v->session.data);
    e->put_time(b, v->opened_at.us);
    mc_buf_text(b, " from ");
    e->put_time(b, v->first_at.us);
    mc_buf_text(b, " to ");
    e->put_time(b, v->last_at.us);
    mc_buf_text(b, ", ");
    if (end->cart != NULL)
        ends_put_cart(b, end->cart);
    else
        mc_buf_text(b, end->partial                         ? "partial"
                       : v->has_purchase                    ? "bought"
                       : !mc_time_is_none(v->first_cart_at) ? "empty cart"
                                                            : "looked");
    mc_buf_char(b, '\0');
    return at;
}

/* As a sink. */
static inline void ends_add(void *context, const struct mc_visit_end *end) {
    struct ends *e = context;
    if (e->count == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 64;
        e->list = realloc(e->list, e->cap * sizeof *e->list);
    }
    struct end_line *l = &e->list[e->count++];
    *l = (struct end_line){.row = e->row, .expires = end->expires_at.us, .opened = end->visit->opened_at.us};
    if (e->rows_in_batch)
        l->row = end->log_row == UINT32_MAX ? INT64_MAX : e->row + end->log_row;
    l->user = ends_keep(e, end->user->id);
    l->session = ends_keep(e, end->visit->session);
    l->text = ends_put_text(e, end);
}

static const struct ends *ends_sorting;

static inline int ends_in_order(const void *a, const void *b) {
    const struct end_line *x = a, *y = b;
    const char *s = ends_sorting->bytes.data;
    int order = (x->row > y->row) - (x->row < y->row);
    if (order == 0)
        order = (x->expires > y->expires) - (x->expires < y->expires);
    if (order == 0)
        order = strcmp(s + x->user, s + y->user);
    if (order == 0)
        order = strcmp(s + x->session, s + y->session);
    return order ? order : (x->opened > y->opened) - (x->opened < y->opened);
}

/* In the order of SEMANTICS 3. */
static inline void ends_sort(struct ends *e) {
    ends_sorting = e;
    if (e->count > 0)
        qsort(e->list, e->count, sizeof *e->list, ends_in_order);
}

static inline const char *ends_text(const struct ends *e, size_t i) {
    return e->bytes.data + e->list[i].text;
}

#endif

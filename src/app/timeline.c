#include "app/timeline.h"

#include "store/people.h"

void mc_timeline_free(struct mc_timeline *t) {
    mc_cart_order_free(&t->order);
}

static enum mc_err gather(struct mc_timeline *t, struct mc_endings *endings, uint32_t partitions, struct mc_error *e) {
    if (!mc_cart_order_gather(&t->order, endings, partitions))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for abandoned carts");
    mc_cart_order_sort(&t->order, mc_ended_by_log);
    return MC_OK;
}

/* The carts that ended at or before this event of the batch: first what was due before, then they, then what is due. */
static enum mc_err end_carts(struct mc_timeline *t, const struct mc_batch *b, size_t *next, uint32_t row,
                             struct mc_error *e) {
    struct mc_ended_cart **carts = t->order.carts;
    enum mc_err err = MC_OK;
    while (*next < t->order.count && carts[*next]->log_row <= row && err == MC_OK) {
        uint32_t at = carts[*next]->log_row;
        if (at > 0)
            err = mc_ledger_advance(t->ledger, b->events[at - 1].clock, e);
        for (; *next < t->order.count && carts[*next]->log_row == at && err == MC_OK; ++*next)
            err = mc_ledger_end_cart(t->ledger, &carts[*next]->cart, NULL, e);
        if (err == MC_OK && at < b->event_count)
            err = mc_ledger_advance(t->ledger, b->events[at].clock, e);
    }
    return err;
}

static enum mc_err put_purchase(struct mc_timeline *t, const struct mc_batch *b, const struct mc_event *ev,
                                struct mc_error *e) {
    struct mc_purchase purchase = {.user = mc_slice_str(b->bytes.data, ev->user),
                                   .product = mc_slice_str(b->bytes.data, ev->product),
                                   .user_hash = ev->user_hash,
                                   .time = ev->time,
                                   .clock = ev->clock,
                                   .quantity = ev->quantity,
                                   .price = ev->price};
    enum mc_err err = mc_ledger_advance(t->ledger, ev->clock, e);
    if (err == MC_OK)
        err = mc_ledger_put_sale(t->ledger, purchase.product, ev->time, ev->quantity,
                                 (__int128)ev->price * ev->quantity, e);
    return err == MC_OK ? mc_ledger_put_purchase(t->ledger, &purchase, e) : err;
}

/* ---- persons ---- */

static enum mc_err put_person(struct mc_timeline *t, const char *bytes, const struct mc_person_call *p,
                              struct mc_error *e) {
    struct mc_str user = mc_slice_str(bytes, p->user), other = mc_slice_str(bytes, p->other);
    const char *refused = NULL;
    enum mc_err err = MC_OK;
    if (!p->is_alias) {
        struct mc_subscriber given = {.user = user,
                                      .email = mc_slice_str(bytes, p->email),
                                      .first_name = mc_slice_str(bytes, p->first_name),
                                      .language = mc_slice_str(bytes, p->language),
                                      .time_zone = mc_slice_str(bytes, p->time_zone),
                                      .consent = (enum mc_consent)p->consent};
        err = mc_subscriber_update(t->ledger, &given, &refused, e);
        t->persons_refused += err == MC_OK && refused != NULL;
    }
    if (err == MC_OK && refused == NULL && other.len > 0)
        err = mc_person_link(t->ledger, user, other, e);
    return err;
}

/* Those that stand before this event of the batch, each behind what the events before it brought about. */
static enum mc_err put_persons(struct mc_timeline *t, const struct mc_calls *calls, uint32_t *next, size_t *next_cart,
                               uint32_t row, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (; calls != NULL && *next < calls->person_count && calls->persons[*next].before_event <= row && err == MC_OK;
         ++*next) {
        const struct mc_person_call *p = &calls->persons[*next];
        if (p->before_event > 0)
            err = end_carts(t, &calls->batch, next_cart, p->before_event - 1, e);
        if (err == MC_OK && p->before_event > 0)
            err = mc_ledger_advance(t->ledger, calls->batch.events[p->before_event - 1].clock, e);
        if (err == MC_OK)
            err = put_person(t, calls->batch.bytes.data, p, e);
    }
    return err;
}

enum mc_err mc_timeline_put(struct mc_timeline *t, const struct mc_batch *b, struct mc_endings *endings,
                            uint32_t partitions, struct mc_time clock, const struct mc_calls *persons,
                            struct mc_error *e) {
    size_t next_cart = 0;
    uint32_t next_person = 0;
    enum mc_err err = gather(t, endings, partitions, e);
    for (uint32_t i = 0; i < b->event_count && err == MC_OK; i++) {
        if (b->events[i].type != MC_PURCHASE || b->duplicate[i])
            continue;
        err = put_persons(t, persons, &next_person, &next_cart, i, e);
        if (err == MC_OK)
            err = end_carts(t, b, &next_cart, i, e);
        if (err == MC_OK)
            err = put_purchase(t, b, &b->events[i], e);
    }
    if (err == MC_OK)
        err = put_persons(t, persons, &next_person, &next_cart, b->event_count, e);
    if (err == MC_OK)
        err = end_carts(t, b, &next_cart, b->event_count, e);
    return err == MC_OK ? mc_ledger_advance(t->ledger, clock, e) : err;
}

enum mc_err mc_timeline_end(struct mc_timeline *t, struct mc_endings *endings, uint32_t partitions,
                            struct mc_error *e) {
    enum mc_err err = gather(t, endings, partitions, e);
    for (size_t i = 0; i < t->order.count && err == MC_OK; i++)
        err = mc_ledger_end_cart(t->ledger, &t->order.carts[i]->cart, NULL, e);
    if (err != MC_OK || t->order.count == 0)
        return err;
    int64_t last_us = t->order.carts[t->order.count - 1]->cart.expires_at.us + mc_ledger_policy(t->ledger)->delay_us;
    return mc_ledger_advance(t->ledger, (struct mc_time){last_us}, e);
}

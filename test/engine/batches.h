/* Events made by tests, put into batches as a decoder would. */
#ifndef MC_TEST_ENGINE_BATCHES_H
#define MC_TEST_ENGINE_BATCHES_H

#include "engine/user.h"
#include "event/batch.h"

struct made_event {
    struct mc_time time, clock;
    enum mc_event_type type;
    struct mc_str user, session, product, message_id, category_id, category_code, brand;
    int64_t price;
    int32_t quantity;
};

static inline struct mc_slice batch_keep(struct mc_batch *b, struct mc_str s) {
    struct mc_slice slice = {(uint32_t)b->bytes.len, (uint32_t)s.len};
    mc_buf_str(&b->bytes, s);
    return slice;
}

/* A hash of the three values with their ends, or sometimes unknown, as decoders may say. */
static inline uint64_t shape_of_made(const struct made_event *m) {
    uint64_t shape = mc_hash64(m->category_id.data, m->category_id.len);
    shape = mc_hash_mix(shape, mc_hash64(m->category_code.data, m->category_code.len));
    shape = mc_hash_mix(shape, mc_hash64(m->brand.data, m->brand.len));
    return m->time.us % 4 == 0 ? 0 : shape;
}

static inline void batch_add(struct mc_batch *b, const struct made_event *m) {
    bool room = mc_batch_reserve_event(b);
    if (!room)
        abort();
    mc_buf_reserve(&b->bytes, 1);
    b->duplicate[b->event_count] = 0;
    b->event_rows[b->event_count] = (struct mc_row){.number = b->row_count++};
    b->events[b->event_count++] = (struct mc_event){.time = m->time,
                                                    .clock = m->clock,
                                                    .price = m->price,
                                                    .user_hash = mc_hash64(m->user.data, m->user.len),
                                                    .session_hash = mc_hash64(m->session.data, m->session.len),
                                                    .product_hash = mc_hash64(m->product.data, m->product.len),
                                                    .shape = shape_of_made(m),
                                                    .quantity = m->quantity,
                                                    .type = (uint8_t)m->type,
                                                    .user = batch_keep(b, m->user),
                                                    .session = batch_keep(b, m->session),
                                                    .product = batch_keep(b, m->product),
                                                    .message_id = batch_keep(b, m->message_id),
                                                    .category_id = batch_keep(b, m->category_id),
                                                    .category_code = batch_keep(b, m->category_code),
                                                    .brand = batch_keep(b, m->brand)};
}

static inline struct mc_input input_of_made(const struct made_event *m) {
    struct mc_input in = {.time = m->time,
                          .clock = m->clock,
                          .price = m->price,
                          .quantity = m->quantity,
                          .type = m->type,
                          .session = m->session,
                          .product = m->product,
                          .session_hash = mc_hash64(m->session.data, m->session.len),
                          .product_hash = mc_hash64(m->product.data, m->product.len),
                          .has_message_id = m->message_id.len > 0};
    if (in.has_message_id)
        in.message_id = mc_hash128(m->message_id.data, m->message_id.len);
    return in;
}

#endif

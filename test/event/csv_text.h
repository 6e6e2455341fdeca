/* A decoded batch as text, a line a row in order, so that two decodings compare as strings. */
#ifndef MC_TEST_EVENT_CSV_TEXT_H
#define MC_TEST_EVENT_CSV_TEXT_H

#include "event/csv.h"

static inline void put_slice(struct mc_buf *out, const struct mc_batch *b, const char *name, struct mc_slice s) {
    if (s.len == 0)
        return;
    mc_buf_printf(out, " %s=", name);
    mc_buf_json(out, mc_slice_str(b->bytes.data, s));
}

static inline void put_event(struct mc_buf *out, const struct mc_batch *b, const struct mc_event *ev) {
    mc_buf_printf(out, " %s %lld", mc_event_type_names[ev->type], (long long)ev->time.us);
    if (ev->price != MC_PRICE_NONE)
        mc_buf_printf(out, " %dx%lld", ev->quantity, (long long)ev->price);
    put_slice(out, b, "user", ev->user);
    put_slice(out, b, "session", ev->session);
    put_slice(out, b, "product", ev->product);
    put_slice(out, b, "category_id", ev->category_id);
    put_slice(out, b, "category_code", ev->category_code);
    put_slice(out, b, "brand", ev->brand);
    put_slice(out, b, "order_id", ev->order_id);
    put_slice(out, b, "message_id", ev->message_id);
}

static inline bool hashes_fit(const struct mc_batch *b, const struct mc_event *ev) {
    const char *s = b->bytes.data;
    return ev->user_hash == mc_hash64(s + ev->user.offset, ev->user.len) &&
           ev->session_hash == mc_hash64(s + ev->session.offset, ev->session.len) &&
           ev->product_hash == mc_hash64(s + ev->product.offset, ev->product.len);
}

/* One line a row: number, offset and length in the source, then reason or event. `skip` leaves out the first rows, and
 * counts offsets from `origin`. */
static inline void put_rows(struct mc_buf *out, const struct mc_batch *b, uint32_t skip, uint64_t origin) {
    uint32_t e = 0, r = 0;
    for (uint32_t n = 0; n < b->row_count; n++) {
        bool is_event = e < b->event_count && b->event_rows[e].number == n;
        bool is_reject = r < b->reject_count && b->rejects[r].row.number == n;
        const struct mc_row *row = is_event ? &b->event_rows[e] : is_reject ? &b->rejects[r].row : NULL;
        if (n >= skip && row != NULL) {
            mc_buf_printf(out, "%llu+%u:", (unsigned long long)(b->byte_offset + row->raw.offset - origin),
                          row->raw.len);
            if (is_event != is_reject && is_event)
                put_event(out, b, &b->events[e]);
            else
                mc_buf_printf(out, " %s", is_event ? "in both lists" : mc_reason_names[b->rejects[r].reason]);
            mc_buf_text(out, is_event && !hashes_fit(b, &b->events[e]) ? " wrong hash\n" : "\n");
        } else if (n >= skip) {
            mc_buf_text(out, "in no list\n");
        }
        e += is_event;
        r += is_reject;
    }
    if (e != b->event_count || r != b->reject_count)
        mc_buf_text(out, "lists are out of order\n");
}

#endif

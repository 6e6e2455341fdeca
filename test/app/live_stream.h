/* A random log of a live shop: what a collector would have appended, entry by entry. Included by the tests of live.c.
 *
 * Few ids, so that carts, links and repetitions meet; times aimed at what may go wrong: clients with wrong clocks, a
 * machine whose clock steps, quiet nights, a machine that slept.
 */
#ifndef MC_TEST_APP_LIVE_STREAM_H
#define MC_TEST_APP_LIVE_STREAM_H

#include "../base/seed.h"
#include "app/live.h"
#include "base/buf.h"

#include <stdio.h>

#define LOG_START_US ((int64_t)1570000000 * MC_SECOND_US)

enum { LOG_USERS = 8, LOG_PRODUCTS = 5, LOG_CALLS_MAX = 5 };

struct log_stream {
    struct mc_entry *entries; /* position is set: 1, 2, 3 ... */
    size_t count, cap;
    struct mc_buf bytes;
};

static inline void stream_free(struct log_stream *s) {
    free(s->entries);
    mc_buf_free(&s->bytes);
    *s = (struct log_stream){0};
}

/* The body is copied; its pointer is good after stream_settle. */
static inline void stream_add(struct log_stream *s, struct mc_entry entry) {
    if (s->count == s->cap) {
        s->cap = s->cap * 2 + 64;
        s->entries = realloc(s->entries, s->cap * sizeof *s->entries);
    }
    size_t at = s->bytes.len;
    mc_buf_str(&s->bytes, entry.body);
    entry.body.data = NULL;
    entry.position = (int64_t)at; /* until settled */
    s->entries[s->count++] = entry;
}

static inline void stream_settle(struct log_stream *s) {
    mc_buf_reserve(&s->bytes, 1);
    for (size_t i = 0; i < s->count; i++) {
        s->entries[i].body.data = s->bytes.data + s->entries[i].position;
        s->entries[i].position = (int64_t)i + 1;
    }
}

static inline void stream_tick(struct log_stream *s, int64_t us) {
    stream_add(s, (struct mc_entry){.kind = MC_ENTRY_TICK, .arrived_at = {us}});
}

static inline void stream_body(struct log_stream *s, enum mc_entry_kind kind, bool persons, int64_t us,
                               struct mc_str body) {
    stream_add(s, (struct mc_entry){.kind = kind, .persons = persons, .key = 1, .arrived_at = {us}, .body = body});
}

static inline void stream_click(struct log_stream *s, int64_t us, int64_t message) {
    char room[8];
    for (int i = 0; i < 8; i++)
        room[i] = (char)((uint64_t)message >> 8 * i);
    stream_add(s, (struct mc_entry){.kind = MC_ENTRY_CLICK, .arrived_at = {us}, .body = {room, sizeof room}});
}

static inline void stream_unsubscribe(struct log_stream *s, int64_t us, struct mc_str address) {
    stream_add(s, (struct mc_entry){.kind = MC_ENTRY_UNSUBSCRIBE, .arrived_at = {us}, .body = address});
}

/* ---- calls ---- */

struct maker {
    struct mc_rng *r;
    struct log_stream *s;
    int64_t now_us;
    bool native_only, alone; /* alone: each call of a body is an entry of its own */
    unsigned messages;
    unsigned domain[LOG_USERS];                /* of the address that each has now */
    struct mc_buf call, native, segment, body; /* native, segment: the last call of each shape */
};

static inline unsigned any(struct maker *m, unsigned below) {
    return (unsigned)mc_rng_below(m->r, below);
}

/* When the client says that it happened. */
static inline int64_t pick_event_time(struct maker *m) {
    int64_t us = m->now_us - (int64_t)any(m, 3) * MC_SECOND_US;
    if (chance(m->r, 6))
        us -= (int64_t)mc_rng_below(m->r, 3 * MC_DAY_US);
    if (chance(m->r, 4))
        us += (int64_t)mc_rng_below(m->r, chance(m->r, 50) ? 10 * MC_MINUTE_US : 3 * MC_DAY_US);
    return us;
}

static inline void put_message_id(struct maker *m, const char *name) {
    if (chance(m->r, 60))
        mc_buf_printf(&m->call, ",\"%s\":\"m%u\"", name, chance(m->r, 90) ? m->messages++ : any(m, m->messages + 1));
}

static inline void native_event(struct maker *m) {
    static const char *const types[] = {"view", "view", "cart", "cart", "cart", "remove_from_cart", "purchase"};
    unsigned type = any(m, 7), bad = chance(m->r, 6) ? 1 + any(m, 7) : 0;
    mc_buf_printf(&m->call, "{\"event_type\":\"%s\",\"event_time\":\"", bad == 1 ? "tick" : types[type]);
    if (bad == 2)
        mc_buf_text(&m->call, "yesterday");
    else
        mc_buf_time(&m->call, pick_event_time(m));
    unsigned user = any(m, LOG_USERS);
    mc_buf_printf(&m->call, "\",\"user_id\":\"%s%u\",\"user_session\":\"s%u\"", bad == 3 ? "\",\"x\":\"" : "u", user,
                  any(m, 2));
    if (bad != 4)
        mc_buf_printf(&m->call, ",\"product_id\":\"p%u\"", any(m, LOG_PRODUCTS));
    mc_buf_printf(&m->call, ",\"price\":\"%s\",\"quantity\":%s",
                  bad == 5           ? "dear"
                  : chance(m->r, 50) ? "12.50"
                                     : "3",
                  bad == 6 ? "0" : "2");
    if (chance(m->r, 20))
        mc_buf_printf(&m->call, ",\"currency\":\"%s\"", bad == 7 ? "XXX" : "USD");
    if (chance(m->r, 30))
        mc_buf_printf(&m->call, ",\"brand\":\"b%u\"", any(m, 3));
    put_message_id(m, "message_id");
    mc_buf_char(&m->call, '}');
}

static inline void put_traits(struct maker *m, unsigned user) {
    mc_buf_text(&m->call, "\"traits\":{\"consent\":");
    mc_buf_text(&m->call, chance(m->r, 80) ? "true" : "false");
    if (chance(m->r, 80))
        mc_buf_printf(&m->call, ",\"email\":\"u%u@example%u.com\"", user, m->domain[user] = any(m, 8));
    if (chance(m->r, 10)) /* an address for the decoder, none for the ledger */
        mc_buf_text(&m->call, ",\"email\":\"a@b\"");
    if (chance(m->r, 30))
        mc_buf_printf(&m->call, ",\"first_name\":\"N%u\",\"language\":\"de\"", any(m, 9));
    mc_buf_char(&m->call, '}');
}

static inline void native_person(struct maker *m) {
    unsigned user = any(m, LOG_USERS);
    mc_buf_printf(&m->call, "{\"type\":\"%s\",\"user_id\":\"u%u\",", chance(m->r, 15) ? "alias" : "identify", user);
    if (m->call.data[9] == 'a')
        mc_buf_printf(&m->call, "\"previous_id\":\"u%u\"", any(m, LOG_USERS));
    else
        put_traits(m, user);
    mc_buf_char(&m->call, '}');
}

static inline void put_segment_product(struct maker *m) {
    mc_buf_printf(&m->call, "\"product_id\":\"p%u\",\"price\":%u.5,\"quantity\":%u", any(m, LOG_PRODUCTS), any(m, 30),
                  1 + any(m, 3));
}

static inline void segment_event(struct maker *m, int64_t skew_us) {
    static const char *const names[] = {"Product Viewed", "Product Added",   "Product Added",
                                        "Product Added",  "Product Removed", "Order Completed"};
    unsigned name = any(m, 6), products = 1 + any(m, 3);
    mc_buf_printf(&m->call, "{\"type\":\"track\",\"event\":\"%s\",\"userId\":\"u%u\",\"timestamp\":\"", names[name],
                  any(m, LOG_USERS));
    mc_buf_time(&m->call, pick_event_time(m) + skew_us);
    mc_buf_char(&m->call, '"');
    put_message_id(m, "messageId");
    mc_buf_text(&m->call, name == 5 ? ",\"properties\":{\"products\":[{" : ",\"properties\":{");
    put_segment_product(m);
    for (unsigned i = 1; i < products && name == 5; i++) {
        mc_buf_text(&m->call, "},{");
        put_segment_product(m);
    }
    mc_buf_text(&m->call, name == 5 ? "}]}}" : "}}");
}

static inline void segment_person(struct maker *m) {
    unsigned user = any(m, LOG_USERS);
    switch (any(m, 5)) {
    case 0:
        mc_buf_printf(&m->call, "{\"type\":\"alias\",\"userId\":\"u%u\",\"previousId\":\"u%u\"}", user,
                      any(m, LOG_USERS));
        break;
    case 1:
        mc_buf_text(&m->call, "{\"type\":\"page\"}");
        break;
    default:
        mc_buf_printf(&m->call, "{\"type\":\"identify\",\"userId\":\"u%u\",", user);
        if (chance(m->r, 10))
            mc_buf_printf(&m->call, "\"anonymousId\":\"u%u\",", any(m, LOG_USERS));
        put_traits(m, user);
        mc_buf_char(&m->call, '}');
    }
}

/* One call more, in m->call; now and then the last one again, word for word. */
static inline void make_call(struct maker *m, bool native, int64_t skew_us) {
    struct mc_buf *last = native ? &m->native : &m->segment;
    m->call.len = 0;
    if (last->len > 0 && chance(m->r, 8))
        mc_buf_str(&m->call, mc_buf_view(last));
    else if (native && chance(m->r, 12))
        native_person(m);
    else if (native)
        native_event(m);
    else if (chance(m->r, 12))
        segment_person(m);
    else
        segment_event(m, skew_us);
    last->len = 0;
    mc_buf_str(last, mc_buf_view(&m->call));
}

static inline void native_body(struct maker *m) {
    bool persons = chance(m->r, 75);
    m->body.len = 0;
    for (unsigned n = 1 + any(m, LOG_CALLS_MAX); n > 0; n--) {
        make_call(m, true, 0);
        mc_buf_str(&m->body, mc_buf_view(&m->call));
        mc_buf_char(&m->body, '\n');
        if (m->alone || n == 1) {
            stream_body(m->s, MC_ENTRY_NATIVE, persons, m->now_us, mc_buf_view(&m->body));
            m->body.len = 0;
        }
    }
}

/* The client's clock is off by `skew`, which the time of sending betrays. */
static inline void segment_body(struct maker *m) {
    int64_t skew_us = chance(m->r, 10) ? (int64_t)mc_rng_below(m->r, 20 * MC_DAY_US) - 10 * MC_DAY_US : 0;
    m->body.len = 0;
    mc_buf_text(&m->body, "{\"sentAt\":\"");
    mc_buf_time(&m->body, m->now_us + skew_us);
    mc_buf_text(&m->body, "\",\"batch\":[");
    for (unsigned n = 1 + any(m, LOG_CALLS_MAX); n > 0; n--) {
        make_call(m, false, skew_us);
        mc_buf_str(&m->body, mc_buf_view(&m->call));
        mc_buf_char(&m->body, n > 1 ? ',' : ']');
    }
    mc_buf_char(&m->body, '}');
    stream_body(m->s, MC_ENTRY_SEGMENT, chance(m->r, 75), m->now_us, mc_buf_view(&m->body));
}

/* ---- time ---- */

/* Goes on, with the last few ticks of the way: many, when nobody is there. */
static inline void pass_time(struct maker *m) {
    unsigned draw = any(m, 100), ticks = any(m, 4);
    int64_t step = (int64_t)mc_rng_below(m->r, 20 * MC_SECOND_US);
    if (draw >= 70)
        step = (int64_t)mc_rng_below(m->r, (draw < 88 ? 5 : 50) * MC_MINUTE_US);
    if (draw >= 95)
        step = (int64_t)mc_rng_below(m->r, 10 * MC_HOUR_US);
    if (draw == 97)
        step = -(int64_t)mc_rng_below(m->r, 2 * MC_HOUR_US); /* somebody set the machine's clock */
    if (draw >= 98)
        step = (int64_t)mc_rng_below(m->r, 3 * MC_DAY_US);
    if (draw == 96)
        ticks = 60;
    m->now_us += step;
    if (step > MC_HOUR_US && ticks == 0)
        ticks = 1; /* what a service logs first when it wakes */
    for (unsigned i = ticks; i-- > 0;)
        stream_tick(m->s, m->now_us - (int64_t)i * MC_SECOND_US / 4);
}

static inline void make_response(struct maker *m) {
    char address[48];
    if (chance(m->r, 40)) {
        stream_click(m->s, m->now_us, any(m, 12));
        return;
    }
    unsigned user = any(m, LOG_USERS);
    int len = snprintf(address, sizeof address, "u%u@example%u.com", user, m->domain[user]);
    stream_unsubscribe(m->s, m->now_us, (struct mc_str){address, (size_t)len});
}

static inline void make_entry(struct maker *m) {
    pass_time(m);
    if (!m->native_only && chance(m->r, 6))
        make_response(m);
    else if (m->native_only || chance(m->r, 60))
        native_body(m);
    else
        segment_body(m);
}

/* `steps` bodies, ticks between them, and a last tick days later, so that every visit ends. */
static inline struct log_stream stream_make(struct mc_rng *r, unsigned steps, bool native_only, bool alone) {
    struct log_stream s = {0};
    struct maker m = {.r = r, .s = &s, .now_us = LOG_START_US, .native_only = native_only, .alone = alone};
    for (unsigned i = 0; i < steps; i++)
        make_entry(&m);
    stream_tick(&s, m.now_us + 4 * MC_DAY_US);
    stream_settle(&s);
    mc_buf_free(&m.call);
    mc_buf_free(&m.native);
    mc_buf_free(&m.segment);
    mc_buf_free(&m.body);
    return s;
}

#endif

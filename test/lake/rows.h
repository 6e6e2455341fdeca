/* Random rows of a log for the lake's tests, as batches of any size, and as the text that must come back. */
#ifndef MC_TEST_LAKE_ROWS_H
#define MC_TEST_LAKE_ROWS_H

#include "base/mem.h"
#include "base/rng.h"
#include "event/clock.h"
#include "lake/archive.h"
#include "lake/files.h"
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROWS_ARRIVED ((struct mc_wall){INT64_C(1790000000123456)})

enum { ROWS_BYTES = 400 };

struct row {
    enum mc_reason reason; /* MC_ACCEPTED, MC_DUPLICATE (an event all the same), or another */
    struct mc_time time, clock, visit_start, original;
    int64_t price;
    int32_t quantity;
    int type;
    char user[16], session[40], product[16], category_id[24], category_code[40], brand[16], order[16], message[16];
};

struct rows {
    struct row *list;
    uint32_t count;
};

static inline void rows_text(char *out, size_t size, struct mc_rng *rng, const char *prefix, uint64_t kinds) {
    snprintf(out, size, "%s%llu", prefix, (unsigned long long)mc_rng_below(rng, kinds));
}

/* Time goes on by seconds, with leaps over days and rows far behind; some have microseconds. */
static inline struct rows rows_make(uint64_t seed, uint32_t count) {
    struct rows rows = {calloc(count, sizeof *rows.list), count};
    struct mc_rng rng;
    struct mc_clock clock;
    int64_t now_us = INT64_C(1569888000) * MC_SECOND_US;
    mc_rng_seed(&rng, seed);
    mc_clock_init(&clock);
    for (uint32_t i = 0; i < count; i++) {
        struct row *r = &rows.list[i];
        now_us += (int64_t)mc_rng_below(&rng, 40) * MC_SECOND_US;
        if (mc_rng_below(&rng, 60) == 0)
            now_us += (int64_t)mc_rng_below(&rng, 40) * MC_HOUR_US / 2;
        r->time.us = now_us + (mc_rng_below(&rng, 10) == 0 ? (int64_t)mc_rng_below(&rng, 1000000) : 0);
        if (mc_rng_below(&rng, 30) == 0)
            r->time.us -= (int64_t)mc_rng_below(&rng, 9) * MC_DAY_US / 2;
        rows_text(r->user, sizeof r->user, &rng, "u", 30);
        mc_clock_stamp(&clock, r->time, mc_str_of(r->user));
        r->clock = clock.now;
        r->original.us = mc_rng_below(&rng, 25) == 0 ? r->time.us + 5 : MC_TIME_NONE_US;
        bool late = !mc_time_is_none(r->clock) && r->time.us + MC_DAY_US <= r->clock.us;
        r->visit_start.us = late ? MC_TIME_NONE_US : r->time.us - r->time.us % MC_HOUR_US;
        r->type = (int)mc_rng_below(&rng, MC_EVENT_TYPES);
        r->price = mc_rng_below(&rng, 9) == 0 && r->type != MC_CART && r->type != MC_PURCHASE
                       ? MC_PRICE_NONE
                       : (int64_t)mc_rng_below(&rng, mc_rng_below(&rng, 50) == 0 ? 1000000000000 : 900);
        r->quantity = mc_rng_below(&rng, 4) == 0 ? (int32_t)mc_rng_below(&rng, 1000000) + 1 : 1;
        rows_text(r->session, sizeof r->session, &rng, "s'\"\xC3\xA9-", 20);
        rows_text(r->product, sizeof r->product, &rng, "p", 200);
        uint64_t shape = mc_rng_below(&rng, 12);
        if (shape % 3 != 0)
            snprintf(r->category_id, sizeof r->category_id, "14875800%llu", (unsigned long long)shape);
        if (shape % 4 == 0)
            snprintf(r->category_code, sizeof r->category_code, "a.b.%llu", (unsigned long long)shape);
        if (shape % 2 != 0)
            snprintf(r->brand, sizeof r->brand, "brand, \"%llu\"", (unsigned long long)shape);
        if (mc_rng_below(&rng, 5) == 0)
            rows_text(r->order, sizeof r->order, &rng, "o", 1000);
        if (mc_rng_below(&rng, 3) == 0)
            rows_text(r->message, sizeof r->message, &rng, "m", 1000000);
        uint64_t fate = mc_rng_below(&rng, 20);
        r->reason = fate == 0 ? MC_DUPLICATE : fate == 1 ? MC_BAD_TIME : fate == 2 ? MC_MALFORMED_ROW : MC_ACCEPTED;
    }
    return rows;
}

static inline void rows_free(struct rows *rows) {
    free(rows->list);
    *rows = (struct rows){0};
}

/* ---- as batches ---- */

struct feed {
    struct mc_batch batch;
    struct mc_time *visit_start, *original;
};

static inline struct mc_slice feed_text(struct mc_batch *b, const char *text) {
    struct mc_slice s = {(uint32_t)b->bytes.len, (uint32_t)strlen(text)};
    mc_buf_text(&b->bytes, text);
    return s;
}

static inline uint64_t feed_hash(const struct mc_batch *b, struct mc_slice s) {
    return mc_hash64(b->bytes.data + s.offset, s.len);
}

static inline void feed_event(struct feed *f, const struct row *r, struct mc_row place) {
    struct mc_batch *b = &f->batch;
    bool good = mc_batch_reserve_event(b);
    assert(good);
    struct mc_event *ev = &b->events[b->event_count];
    *ev = (struct mc_event){.time = r->time,
                            .clock = r->clock,
                            .price = r->price,
                            .quantity = r->quantity,
                            .type = (uint8_t)r->type,
                            .user = feed_text(b, r->user),
                            .session = feed_text(b, r->session),
                            .product = feed_text(b, r->product)};
    ev->category_id = feed_text(b, r->category_id);
    ev->category_code = feed_text(b, r->category_code);
    ev->brand = feed_text(b, r->brand);
    ev->order_id = feed_text(b, r->order);
    ev->message_id = feed_text(b, r->message);
    ev->user_hash = feed_hash(b, ev->user);
    ev->session_hash = feed_hash(b, ev->session);
    ev->product_hash = feed_hash(b, ev->product);
    ev->shape = r->quantity % 2 ? 0 : mc_hash64(r->category_id, strlen(r->category_id)); /* unknown, and colliding */
    b->event_rows[b->event_count] = place;
    b->duplicate[b->event_count] = r->reason == MC_DUPLICATE;
    f->visit_start[b->event_count] = r->visit_start;
    f->original[b->event_count++] = r->original;
}

/* Rows [from, upto) of the log as one batch, whose row numbers count from the row `origin` of it. */
static inline struct mc_archive_rows feed_fill(struct feed *f, const struct rows *rows, uint32_t from, uint32_t upto) {
    struct mc_batch *b = &f->batch;
    mc_batch_reset(b);
    f->visit_start = realloc(f->visit_start, (upto - from + 1) * sizeof *f->visit_start);
    f->original = realloc(f->original, (upto - from + 1) * sizeof *f->original);
    b->byte_offset = (uint64_t)from * ROWS_BYTES;
    b->first_row = from + 1;
    for (uint32_t i = from; i < upto; i++) {
        const struct row *r = &rows->list[i];
        char raw[64];
        while (b->bytes.len < (size_t)(i - from) * ROWS_BYTES) /* a row's offset does not depend on its batch */
            mc_buf_char(&b->bytes, ' ');
        snprintf(raw, sizeof raw, "raw %u \xFF\x01", i); /* no UTF-8 */
        struct mc_row place = {b->row_count++, feed_text(b, raw)};
        if (r->reason == MC_ACCEPTED || r->reason == MC_DUPLICATE) {
            feed_event(f, r, place);
            continue;
        }
        bool good = mc_batch_reserve_reject(b);
        assert(good);
        b->rejects[b->reject_count++] = (struct mc_batch_reject){place, r->reason};
    }
    return (struct mc_archive_rows){.batch = b,
                                    .visit_start = f->visit_start,
                                    .original = f->original,
                                    .position = from,
                                    .source = MC_STR("file one.csv"),
                                    .arrived_at = ROWS_ARRIVED};
}

static inline void feed_free(struct feed *f) {
    mc_batch_free(&f->batch);
    free(f->visit_start);
    free(f->original);
    *f = (struct feed){0};
}

/* ---- folders ---- */

static inline void folder_make(char *path, size_t size) {
    const char *where = getenv("TMPDIR");
    if (where == NULL) /* in memory, if there is such a place: thousands of files come and go */
        where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, size, "%s/maxcart-lake.XXXXXX", where);
    char *made = mkdtemp(path);
    assert(made != NULL);
    (void)made;
}

static inline void folder_remove(const char *path) {
    struct mc_error e = {0};
    if (mc_folder_remove(AT_FDCWD, path, &e) != MC_OK)
        fprintf(stderr, "%s stays: %s\n", path, e.text);
}

#endif

#include "web/feed.h"

#include "base/hash.h"
#include "base/mem.h"
#include <assert.h>
#include <pthread.h>

enum {
    FRAME_SLOTS = 8192, /* of the table that coalesces: twice the sales of a frame */
    RECORD_ALIGN = 16,
};

#define FLUSH_US ((int64_t)100000)
#define STATUS_US MC_SECOND_US
#define HEARTBEAT_US (15 * MC_SECOND_US)
#define GUARD_US (5 * MC_SECOND_US)
/* A page may be ahead for as long as it takes from the ledger's commit to mc_feed_commit. Longer: another log. */
#define AHEAD_US (3 * MC_SECOND_US)

/* A delta in the ring; its product's bytes follow, then padding. */
struct record {
    __int128 revenue;
    int64_t position, units, at_us, arrived_us;
    uint32_t product_len, size; /* of all, padded */
};

struct subscriber {
    void *to;
    int64_t after; /* has all up to here */
    int64_t since_us, guarded_us;
    bool fresh; /* got nothing yet */
    char session[MC_FEED_SESSION_CHARS + 1];
};

/* A place in the ring: which of the buffers that were ever `now`, and where in it. */
struct cursor {
    uint64_t generation;
    size_t offset;
};

/* Sums of one frame. */
struct sale {
    struct mc_str product; /* in the ring */
    int64_t minute, units, at_us, arrived_us;
    __int128 revenue;
};

struct frame {
    struct sale sales[MC_FEED_FRAME_SALES_MAX];
    uint16_t slots[FRAME_SLOTS]; /* index + 1 */
    uint32_t count;
    bool overflow;
    struct mc_buf text;
};

struct mc_feed {
    pthread_mutex_t lock;
    struct mc_feed_sink sink;
    struct mc_feed_guard guard;
    size_t ring_bytes;

    struct mc_buf old, now;
    uint64_t generation; /* of `now`; `old` is the one before */
    size_t sealed;       /* bytes of `now` that are committed */
    int64_t floor;       /* the ring has all deltas behind it */
    int64_t old_last;    /* position that dropping `old` makes the floor */
    int64_t position;

    struct cursor sent_at; /* pages that are up to date have all before it */
    int64_t sent;          /* and up to this position */

    struct subscriber *subscribers;
    size_t count;
    struct mc_buf status;
    bool status_new;
    int64_t status_us, heartbeat_us;
    struct frame *frame;
};

enum mc_err mc_feed_open(struct mc_feed **out, int64_t position, size_t ring_bytes, struct mc_feed_sink sink,
                         struct mc_feed_guard guard, struct mc_error *e) {
    struct mc_feed *feed = mc_calloc(1, sizeof *feed);
    *out = feed;
    if (feed != NULL) {
        feed->frame = mc_calloc(1, sizeof *feed->frame);
        feed->subscribers = mc_calloc(MC_FEED_SUBSCRIBERS_MAX, sizeof *feed->subscribers);
        pthread_mutex_init(&feed->lock, NULL);
    }
    if (feed == NULL || feed->frame == NULL || feed->subscribers == NULL) {
        mc_feed_close(out);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the live stream");
    }
    feed->sink = sink;
    feed->guard = guard;
    feed->ring_bytes = ring_bytes > 0 ? ring_bytes : MC_FEED_RING_BYTES;
    feed->floor = feed->old_last = feed->position = feed->sent = position;
    return MC_OK;
}

void mc_feed_close(struct mc_feed **out) {
    struct mc_feed *feed = *out;
    *out = NULL;
    if (feed == NULL)
        return;
    for (size_t i = 0; i < feed->count; i++)
        feed->sink.close(feed->subscribers[i].to);
    mc_buf_free(&feed->old);
    mc_buf_free(&feed->now);
    mc_buf_free(&feed->status);
    if (feed->frame != NULL)
        mc_buf_free(&feed->frame->text);
    mc_free(feed->frame);
    mc_free(feed->subscribers);
    pthread_mutex_destroy(&feed->lock);
    mc_free(feed);
}

/* ---- the ring ---- */

void mc_feed_add(struct mc_feed *feed, const struct mc_feed_sale *sale) {
    size_t size = (sizeof(struct record) + sale->product.len + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
    pthread_mutex_lock(&feed->lock);
    char *room = mc_buf_reserve(&feed->now, size);
    if (room != NULL) {
        struct record record = {.revenue = sale->revenue,
                                .units = sale->units,
                                .at_us = sale->at.us,
                                .arrived_us = sale->arrived_at.us,
                                .product_len = (uint32_t)sale->product.len,
                                .size = (uint32_t)size};
        memcpy(room, &record, sizeof record);
        if (sale->product.len > 0)
            memcpy(room + sizeof record, sale->product.data, sale->product.len);
        feed->now.len += size;
    }
    pthread_mutex_unlock(&feed->lock);
}

static void ring_empty(struct mc_feed *feed) {
    mc_buf_free(&feed->old);
    mc_buf_free(&feed->now);
    feed->generation += 2; /* so that no cursor points into it */
    feed->sealed = 0;
    feed->floor = feed->old_last = feed->position;
}

static void ring_turn(struct mc_feed *feed) {
    mc_buf_free(&feed->old);
    feed->old = feed->now;
    feed->now = (struct mc_buf){0};
    feed->generation++;
    feed->sealed = 0;
    feed->floor = feed->old_last;
    feed->old_last = feed->position;
}

void mc_feed_commit(struct mc_feed *feed, int64_t position) {
    pthread_mutex_lock(&feed->lock);
    assert(position >= feed->position);
    feed->position = position;
    for (size_t at = feed->sealed; at < feed->now.len && !feed->now.failed;) {
        struct record record;
        memcpy(&record, feed->now.data + at, sizeof record);
        record.position = position;
        memcpy(feed->now.data + at, &record, sizeof record);
        at += record.size;
    }
    feed->sealed = feed->now.len;
    if (feed->now.failed)
        ring_empty(feed);
    else if (feed->sealed >= feed->ring_bytes)
        ring_turn(feed);
    pthread_mutex_unlock(&feed->lock);
}

/* ---- a frame ---- */

static void frame_add(struct frame *f, const struct record *r, struct mc_str product) {
    int64_t minute = r->at_us / MC_MINUTE_US - (r->at_us % MC_MINUTE_US < 0);
    uint64_t hash = mc_hash_mix(mc_hash64(product.data, product.len), (uint64_t)minute);
    size_t slot = hash % FRAME_SLOTS;
    for (; f->slots[slot] != 0; slot = (slot + 1) % FRAME_SLOTS) {
        struct sale *s = &f->sales[f->slots[slot] - 1];
        if (s->minute != minute || !mc_str_equal(s->product, product))
            continue;
        s->units += r->units;
        s->revenue += r->revenue;
        s->at_us = r->at_us > s->at_us ? r->at_us : s->at_us;
        s->arrived_us = r->arrived_us > s->arrived_us ? r->arrived_us : s->arrived_us;
        return;
    }
    f->overflow = f->count == MC_FEED_FRAME_SALES_MAX;
    if (f->overflow)
        return;
    f->sales[f->count++] = (struct sale){product, minute, r->units, r->at_us, r->arrived_us, r->revenue};
    f->slots[slot] = (uint16_t)f->count;
}

static void frame_walk(struct frame *f, const struct mc_buf *ring, size_t from, size_t to, int64_t after) {
    for (size_t at = from; at < to && !f->overflow;) {
        struct record record;
        memcpy(&record, ring->data + at, sizeof record);
        if (record.position > after)
            frame_add(f, &record, (struct mc_str){ring->data + at + sizeof record, record.product_len});
        at += record.size;
    }
}

static void frame_reset(struct mc_feed *feed) {
    feed->frame->text.len = 0;
    mc_buf_printf(&feed->frame->text, "id: %lld\nevent: reset\ndata: {}\n\n", (long long)feed->position);
}

static void frame_text(struct mc_feed *feed) {
    struct frame *f = feed->frame;
    struct mc_buf *b = &f->text;
    if (f->count == 0)
        return;
    mc_buf_printf(b, "id: %lld\nevent: sales\ndata: [", (long long)feed->position);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct sale *s = &f->sales[i];
        mc_buf_text(b, i > 0 ? ",{\"product_id\":" : "{\"product_id\":");
        mc_buf_json(b, s->product);
        mc_buf_text(b, ",\"units\":");
        mc_buf_int(b, s->units);
        mc_buf_text(b, ",\"revenue_minor\":");
        mc_buf_int128(b, s->revenue);
        mc_buf_text(b, ",\"at\":\"");
        mc_buf_time(b, s->at_us);
        mc_buf_text(b, "\",\"arrived_at\":\"");
        mc_buf_time(b, s->arrived_us);
        mc_buf_text(b, "\"}");
    }
    mc_buf_text(b, "]\n\n");
}

/* What a page that has all up to `after` is to be told; empty: nothing. `from` is a place before the first delta behind
 * it. */
static struct mc_str frame_make(struct mc_feed *feed, struct cursor from, int64_t after) {
    struct frame *f = feed->frame;
    memset(f->slots, 0, sizeof f->slots);
    f->count = 0;
    f->overflow = false;
    f->text.len = 0;
    f->text.failed = false;
    bool covered = after >= feed->floor && from.generation + 1 >= feed->generation;
    if (covered && from.generation < feed->generation)
        frame_walk(f, &feed->old, from.offset, feed->old.len, after);
    if (covered)
        frame_walk(f, &feed->now, from.generation == feed->generation ? from.offset : 0, feed->sealed, after);
    if (!covered || f->overflow)
        frame_reset(feed);
    else
        frame_text(feed);
    return mc_buf_view(&f->text);
}

/* ---- pages ---- */

bool mc_feed_subscribe(struct mc_feed *feed, void *to, int64_t after, struct mc_str session, struct mc_wall now) {
    pthread_mutex_lock(&feed->lock);
    bool room = feed->count < MC_FEED_SUBSCRIBERS_MAX;
    if (room) {
        struct subscriber *s = &feed->subscribers[feed->count++];
        *s = (struct subscriber){.to = to,
                                 .after = after < 0 ? feed->position : after,
                                 .since_us = now.us,
                                 .guarded_us = now.us,
                                 .fresh = true};
        size_t len = session.len <= MC_FEED_SESSION_CHARS ? session.len : 0;
        if (len > 0)
            memcpy(s->session, session.data, len);
    }
    pthread_mutex_unlock(&feed->lock);
    return room;
}

static bool is_allowed(struct mc_feed *feed, struct subscriber *s, struct mc_wall now) {
    if (feed->guard.allowed == NULL || now.us - s->guarded_us < GUARD_US)
        return true;
    s->guarded_us = now.us;
    return feed->guard.allowed(feed->guard.context, mc_str_of(s->session), now);
}

/* The frame for a page that is behind the others, or was never up to date. */
static bool write_behind(struct mc_feed *feed, struct subscriber *s, struct mc_wall now) {
    struct mc_str frame = {0};
    if (s->after < feed->position)
        frame = frame_make(feed, (struct cursor){feed->generation > 0 ? feed->generation - 1 : 0, 0}, s->after);
    else if (s->after > feed->position && now.us - s->since_us > AHEAD_US) {
        frame_reset(feed);
        frame = mc_buf_view(&feed->frame->text);
    } else if (s->after > feed->position)
        return true;
    s->after = feed->position;
    return frame.len == 0 || (!feed->frame->text.failed && feed->sink.write(s->to, frame));
}

static bool write_greeting(struct mc_feed *feed, struct subscriber *s) {
    if (!s->fresh)
        return true;
    s->fresh = false;
    return feed->sink.write(s->to, MC_STR(": maxcart\nretry: 1000\n\n")) &&
           (feed->status.len == 0 || feed->sink.write(s->to, mc_buf_view(&feed->status)));
}

/* Writes what all that are up to date get, then what others need. False for those that are gone. */
static void write_sales(struct mc_feed *feed, struct mc_wall now, bool *gone) {
    struct mc_str live = {0};
    if (feed->position > feed->sent)
        live = frame_make(feed, feed->sent_at, feed->sent);
    for (size_t i = 0; i < feed->count; i++) {
        struct subscriber *s = &feed->subscribers[i];
        gone[i] = !is_allowed(feed, s, now) || !write_greeting(feed, s);
        if (gone[i] || s->after != feed->sent)
            continue;
        gone[i] = live.len > 0 && (feed->frame->text.failed || !feed->sink.write(s->to, live));
        s->after = feed->position;
    }
    for (size_t i = 0; i < feed->count; i++)
        if (!gone[i] && feed->subscribers[i].after != feed->position)
            gone[i] = !write_behind(feed, &feed->subscribers[i], now);
    feed->sent = feed->position;
    feed->sent_at = (struct cursor){feed->generation, feed->sealed};
}

static void write_all(struct mc_feed *feed, struct mc_str frame, bool *gone) {
    for (size_t i = 0; i < feed->count; i++)
        gone[i] = gone[i] || !feed->sink.write(feed->subscribers[i].to, frame);
}

static void close_gone(struct mc_feed *feed, const bool *gone) {
    size_t kept = 0;
    for (size_t i = 0; i < feed->count; i++) {
        if (gone[i])
            feed->sink.close(feed->subscribers[i].to);
        else
            feed->subscribers[kept++] = feed->subscribers[i];
    }
    feed->count = kept;
}

void mc_feed_flush(struct mc_feed *feed, struct mc_wall now) {
    bool gone[MC_FEED_SUBSCRIBERS_MAX] = {false};
    pthread_mutex_lock(&feed->lock);
    write_sales(feed, now, gone);
    if (feed->status_new && (now.us - feed->status_us >= STATUS_US || now.us < feed->status_us)) {
        feed->status_new = false;
        feed->status_us = feed->heartbeat_us = now.us;
        write_all(feed, mc_buf_view(&feed->status), gone);
    }
    if (now.us - feed->heartbeat_us >= HEARTBEAT_US || now.us < feed->heartbeat_us) {
        feed->heartbeat_us = now.us;
        write_all(feed, MC_STR(": still here\n\n"), gone);
    }
    close_gone(feed, gone);
    pthread_mutex_unlock(&feed->lock);
}

void mc_feed_set_status(struct mc_feed *feed, struct mc_str json) {
    pthread_mutex_lock(&feed->lock);
    feed->status.len = 0;
    feed->status.failed = false;
    mc_buf_text(&feed->status, "event: status\ndata: ");
    mc_buf_str(&feed->status, json);
    mc_buf_text(&feed->status, "\n\n");
    if (feed->status.failed)
        mc_buf_free(&feed->status);
    feed->status_new = feed->status.len > 0;
    pthread_mutex_unlock(&feed->lock);
}

size_t mc_feed_subscribers(struct mc_feed *feed) {
    pthread_mutex_lock(&feed->lock);
    size_t count = feed->count;
    pthread_mutex_unlock(&feed->lock);
    return count;
}

int64_t mc_feed_position(struct mc_feed *feed) {
    pthread_mutex_lock(&feed->lock);
    int64_t position = feed->position;
    pthread_mutex_unlock(&feed->lock);
    return position;
}

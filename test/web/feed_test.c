/* The stream against a naive model: whatever frames a page gets, and wherever it comes back, it has every delta once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "web/feed.h"
#include <stdio.h>
#include <stdlib.h>

enum { PRODUCTS = 7, MINUTES = 4 };

/* ---- a page that reads what is written to it ---- */

struct totals {
    int64_t units[PRODUCTS][MINUTES], revenue[PRODUCTS][MINUTES];
};

struct reader {
    struct totals sums;
    int64_t last_id;
    int sales, resets, statuses, comments;
    bool closed, broken;
    size_t repeats; /* a product and minute twice in one frame */
};

static int64_t number_after(const char *text, const char *key, const char *end) {
    const char *at = memmem(text, (size_t)(end - text), key, strlen(key));
    assert_non_null(at);
    return strtoll(at + strlen(key), NULL, 10);
}

/* {"product_id":"p3","units":1,"revenue_minor":5,"at":"1970-01-01T00:02:00Z",...} */
static void read_sale(struct reader *r, const char *at, const char *end, bool seen[PRODUCTS][MINUTES]) {
    int64_t product = number_after(at, "\"product_id\":\"p", end);
    int64_t minute = number_after(at, "\"at\":\"1970-01-01T00:0", end);
    assert_in_range(product, 0, PRODUCTS - 1);
    assert_in_range(minute, 0, MINUTES - 1);
    r->repeats += seen[product][minute];
    seen[product][minute] = true;
    r->sums.units[product][minute] += number_after(at, "\"units\":", end);
    r->sums.revenue[product][minute] += number_after(at, "\"revenue_minor\":", end);
}

static void read_frame(struct reader *r, struct mc_str f) {
    bool seen[PRODUCTS][MINUTES] = {{false}};
    const char *end = f.data + f.len;
    assert_true(f.len > 2 && memcmp(end - 2, "\n\n", 2) == 0);
    if (memmem(f.data, f.len, "event: status", 13) != NULL)
        r->statuses++;
    else if (f.data[0] == ':')
        r->comments++;
    else {
        r->last_id = number_after(f.data, "id: ", end);
        bool reset = memmem(f.data, f.len, "event: reset", 12) != NULL;
        r->resets += reset;
        r->sales += !reset;
        for (const char *at = f.data; !reset && (at = memmem(at, (size_t)(end - at), "{\"product_id\"", 13)) != NULL;) {
            const char *close = memchr(at, '}', (size_t)(end - at));
            assert_non_null(close);
            read_sale(r, at, close, seen);
            at = close;
        }
    }
}

static bool sink_write(void *to, struct mc_str frame) {
    struct reader *r = to;
    assert_false(r->closed);
    if (!r->broken)
        read_frame(r, frame);
    return !r->broken;
}

static void sink_close(void *to) {
    struct reader *r = to;
    assert_false(r->closed);
    r->closed = true;
}

static const struct mc_feed_sink sink = {sink_write, sink_close};

static struct mc_feed *feed_new(int64_t position, size_t ring, struct mc_feed_guard guard) {
    struct mc_feed *feed;
    assert_int_equal(mc_feed_open(&feed, position, ring, sink, guard, NULL), MC_OK);
    return feed;
}

static void add(struct mc_feed *feed, struct totals *t, struct mc_rng *rng) {
    char name[8];
    int p = (int)mc_rng_below(rng, PRODUCTS), m = (int)mc_rng_below(rng, MINUTES);
    int64_t units = 1 + (int64_t)mc_rng_below(rng, 3), revenue = (int64_t)mc_rng_below(rng, 1000);
    snprintf(name, sizeof name, "p%d", p);
    struct mc_feed_sale sale = {
        mc_str_of(name), units, revenue, {m * MC_MINUTE_US + (int64_t)mc_rng_below(rng, 60) * MC_SECOND_US}, {5}};
    t->units[p][m] += units;
    t->revenue[p][m] += revenue;
    mc_feed_add(feed, &sale);
}

static struct mc_wall at_ms(int64_t ms) {
    return (struct mc_wall){1000 * ms};
}

static void subscribe(struct mc_feed *feed, struct reader *r, int64_t after, int64_t ms) {
    assert_true(mc_feed_subscribe(feed, r, after, MC_STR(""), at_ms(ms)));
}

static void assert_totals(const struct totals *a, const struct totals *b) {
    assert_memory_equal(a, b, sizeof *a);
}

/* ---- tests ---- */

/* Every page begins with the snapshot of some position, reads a while, is cut off, comes back with the last id it saw,
 * or takes a new snapshot where it is told to: in the end its sums are the model's. */
static void run_model(uint64_t seed) {
    enum { PAGES = 4, STEPS = 400 };
    struct mc_rng rng;
    mc_rng_seed(&rng, seed);
    static struct totals at[STEPS * 3 + 2]; /* after each position */
    memset(at, 0, sizeof at);
    static struct reader links[PAGES * STEPS]; /* one a connection */
    memset(links, 0, sizeof links);
    struct reader *page[PAGES] = {NULL};
    size_t used = 0;
    int64_t position = 0;
    size_t ring = mc_rng_below(&rng, 2) != 0 ? 2000 : 0;
    struct mc_feed *feed = feed_new(0, ring, (struct mc_feed_guard){0});
    for (int step = 0; step < STEPS; step++) {
        uint64_t commits = mc_rng_below(&rng, 3);
        for (uint64_t c = 0; c < commits; c++) {
            int64_t next = position + 1 + (int64_t)mc_rng_below(&rng, 2);
            for (int64_t p = position + 1; p <= next; p++)
                at[p] = at[position];
            for (uint64_t k = mc_rng_below(&rng, 6); k > 0; k--)
                add(feed, &at[next], &rng);
            if (mc_rng_below(&rng, 4) == 0) /* a flush between the adds of a commit shows none of them */
                mc_feed_flush(feed, at_ms(step * 100));
            mc_feed_commit(feed, next);
            position = next;
        }
        for (int i = 0; i < PAGES; i++) {
            struct reader *old = page[i];
            if (old != NULL && (old->resets > 0 || mc_rng_below(&rng, 10) == 0) && !old->broken) {
                old->broken = true; /* closed by the next flush */
                struct reader *now = page[i] = &links[used++];
                if (old->resets > 0) { /* the snapshot of now */
                    now->last_id = position;
                    now->sums = at[position];
                } else {
                    now->last_id = old->last_id;
                    now->sums = old->sums;
                }
                subscribe(feed, now, now->last_id, step * 100);
            } else if (old == NULL && mc_rng_below(&rng, 8) == 0) {
                struct reader *now = page[i] = &links[used++];
                int64_t from = position - (int64_t)mc_rng_below(&rng, 3);
                now->last_id = from < 0 ? 0 : from;
                now->sums = at[now->last_id];
                subscribe(feed, now, now->last_id, step * 100);
            }
        }
        mc_feed_flush(feed, at_ms(step * 100 + 50));
        for (int i = 0; i < PAGES; i++) {
            if (page[i] == NULL || page[i]->resets > 0)
                continue;
            assert_totals(&page[i]->sums, &at[position]);
            assert_int_equal(page[i]->repeats, 0);
        }
    }
    mc_feed_close(&feed);
    for (size_t i = 0; i < used; i++)
        assert_true(links[i].closed);
}

static uint64_t failing; /* the seed under way: printed when a test ends the process */

static int say_seed(void **state) {
    (void)state;
    if (failing != 0)
        print_error("seed %llu\n", (unsigned long long)failing);
    return 0;
}

static void every_delta_once(void **state) {
    (void)state;
    for (failing = 1; failing <= 200; failing++)
        run_model(failing);
    failing = 0;
}

static void ring_overflow_is_a_reset(void **state) {
    (void)state;
    struct mc_rng rng;
    struct totals t = {{{0}}, {{0}}};
    struct reader old = {.last_id = 0}, near = {.last_id = 0};
    mc_rng_seed(&rng, 3);
    struct mc_feed *feed = feed_new(0, 1000, (struct mc_feed_guard){0});
    for (int64_t p = 1; p <= 200; p++) {
        add(feed, &t, &rng);
        mc_feed_commit(feed, p);
    }
    subscribe(feed, &old, 10, 0);
    subscribe(feed, &near, 199, 0);
    mc_feed_flush(feed, at_ms(0));
    assert_int_equal(old.resets, 1);
    assert_int_equal(old.last_id, 200);
    assert_int_equal(near.resets, 0);
    assert_int_equal(near.sales, 1);
    add(feed, &t, &rng); /* after a reset the page is like any other */
    mc_feed_commit(feed, 201);
    mc_feed_flush(feed, at_ms(100));
    assert_int_equal(old.resets, 1);
    assert_int_equal(old.sales, 1);
    mc_feed_close(&feed);
}

static void a_page_of_before_the_start_is_reset(void **state) {
    (void)state;
    struct reader before = {0}, at = {0}, now = {0};
    struct mc_feed *feed = feed_new(500, 0, (struct mc_feed_guard){0});
    subscribe(feed, &before, 499, 0);
    subscribe(feed, &at, 500, 0);
    subscribe(feed, &now, -1, 0);
    mc_feed_flush(feed, at_ms(0));
    assert_int_equal(before.resets, 1);
    assert_int_equal(at.resets + now.resets, 0);
    mc_feed_close(&feed);
}

/* The snapshot may be of a commit that the feed is told of a moment later; a page of another log never gets there. */
static void a_page_ahead_waits_then_is_reset(void **state) {
    (void)state;
    struct mc_rng rng;
    struct totals t = {{{0}}, {{0}}}, none = {{{0}}, {{0}}};
    struct reader ahead = {0}, foreign = {0};
    mc_rng_seed(&rng, 5);
    struct mc_feed *feed = feed_new(10, 0, (struct mc_feed_guard){0});
    subscribe(feed, &ahead, 11, 0);
    subscribe(feed, &foreign, 900, 0);
    mc_feed_flush(feed, at_ms(0));
    add(feed, &t, &rng); /* in the snapshot already */
    mc_feed_commit(feed, 11);
    mc_feed_flush(feed, at_ms(100));
    assert_totals(&ahead.sums, &none);
    mc_feed_flush(feed, at_ms(4000));
    assert_int_equal(ahead.resets, 0);
    assert_int_equal(foreign.resets, 1);
    mc_feed_close(&feed);
}

static void too_many_products_are_a_reset(void **state) {
    (void)state;
    struct reader r = {0};
    struct mc_feed *feed = feed_new(0, 0, (struct mc_feed_guard){0});
    subscribe(feed, &r, 0, 0);
    for (int i = 0; i <= MC_FEED_FRAME_SALES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "q%d", i);
        mc_feed_add(feed, &(struct mc_feed_sale){mc_str_of(name), 1, 1, {0}, {0}});
    }
    mc_feed_commit(feed, 1);
    mc_feed_flush(feed, at_ms(0));
    assert_int_equal(r.resets, 1);
    mc_feed_close(&feed);
}

static void status_at_most_once_a_second(void **state) {
    (void)state;
    struct reader r = {0};
    struct mc_feed *feed = feed_new(0, 0, (struct mc_feed_guard){0});
    subscribe(feed, &r, 0, 0);
    for (int ms = 0; ms < 10000; ms += 100) {
        if (ms < 5000)
            mc_feed_set_status(feed, MC_STR("{}"));
        mc_feed_flush(feed, at_ms(100000 + ms));
    }
    assert_in_range(r.statuses, 5, 7); /* one greets */
    int comments = r.comments;
    for (int ms = 0; ms <= 60000; ms += 100)
        mc_feed_flush(feed, at_ms(110000 + ms));
    assert_in_range(r.comments - comments, 3, 5); /* each 15 s */
    mc_feed_close(&feed);
}

static bool allowed(void *context, struct mc_str session, struct mc_wall now) {
    (void)now;
    return !mc_str_equal(session, *(struct mc_str *)context);
}

static void a_revoked_session_is_closed(void **state) {
    (void)state;
    struct mc_str revoked = {NULL, 0};
    struct reader a = {0}, b = {0};
    struct mc_feed *feed = feed_new(0, 0, (struct mc_feed_guard){&revoked, allowed});
    assert_true(mc_feed_subscribe(feed, &a, 0, MC_STR("one"), at_ms(0)));
    assert_true(mc_feed_subscribe(feed, &b, 0, MC_STR("two"), at_ms(0)));
    mc_feed_flush(feed, at_ms(6000));
    assert_int_equal(mc_feed_subscribers(feed), 2);
    revoked = MC_STR("one");
    mc_feed_flush(feed, at_ms(12000));
    assert_true(a.closed);
    assert_false(b.closed);
    mc_feed_close(&feed);
}

static void more_than_the_limit_is_refused(void **state) {
    (void)state;
    static struct reader r[MC_FEED_SUBSCRIBERS_MAX + 1];
    struct mc_feed *feed = feed_new(0, 0, (struct mc_feed_guard){0});
    for (int i = 0; i < MC_FEED_SUBSCRIBERS_MAX; i++)
        subscribe(feed, &r[i], 0, 0);
    assert_false(mc_feed_subscribe(feed, &r[MC_FEED_SUBSCRIBERS_MAX], 0, MC_STR(""), at_ms(0)));
    r[3].broken = true;
    mc_feed_flush(feed, at_ms(0));
    assert_true(r[3].closed);
    subscribe(feed, &r[MC_FEED_SUBSCRIBERS_MAX], 0, 0);
    mc_feed_close(&feed);
}

/* No memory for a delta: pages are sent to the snapshot, nothing is lost silently. */
static void no_memory_is_a_reset(void **state) {
    (void)state;
    struct mc_rng rng;
    struct totals t = {{{0}}, {{0}}};
    struct reader r = {0};
    mc_rng_seed(&rng, 9);
    struct mc_feed *feed = feed_new(0, 0, (struct mc_feed_guard){0});
    subscribe(feed, &r, 0, 0);
    mc_mem_fail_at(1);
    add(feed, &t, &rng);
    assert_true(mc_mem_failed());
    mc_mem_fail_at(0);
    mc_feed_commit(feed, 1);
    mc_feed_flush(feed, at_ms(0));
    assert_int_equal(r.resets, 1);
    add(feed, &t, &rng);
    mc_feed_commit(feed, 2);
    mc_feed_flush(feed, at_ms(100));
    assert_int_equal(r.sales, 1);
    mc_feed_close(&feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_delta_once, say_seed),
        cmocka_unit_test(ring_overflow_is_a_reset),
        cmocka_unit_test(a_page_of_before_the_start_is_reset),
        cmocka_unit_test(a_page_ahead_waits_then_is_reset),
        cmocka_unit_test(too_many_products_are_a_reset),
        cmocka_unit_test(status_at_most_once_a_second),
        cmocka_unit_test(a_revoked_session_is_closed),
        cmocka_unit_test(more_than_the_limit_is_refused),
        cmocka_unit_test(no_memory_is_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

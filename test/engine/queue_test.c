/* The calendar of due times against a naive list: random adds, removals, growth of due times, and jumps of the clock.
 */
#include "../base/seed.h"
#include "base/mem.h"
#include "engine/queue.h"

enum { ENTRIES = 400 };

struct owner {
    struct mc_queue_entry entry; /* first: an entry is its owner */
    bool queued;
};

/* The clock stands at a time: all that is due comes out, each once, and nothing else. */
static void take_all(struct mc_queue *q, struct owner *owners, int64_t clock_us) {
    struct mc_queue_entry *e;
    bool turned;
    while ((e = mc_queue_take(q, clock_us, &turned)) != NULL) {
        struct owner *o = (struct owner *)e;
        check(o >= owners && o < owners + ENTRIES && o->queued && e->due_us <= clock_us);
        o->queued = false;
    }
    for (int i = 0; i < ENTRIES; i++)
        check(!owners[i].queued || owners[i].entry.due_us > clock_us);
    check(mc_queue_take(q, clock_us, NULL) == NULL);
}

/* How far ahead things are due, and how far the clock moves: from less than a bucket to several horizons. */
static int64_t stretch(struct mc_rng *r, int64_t gap_us) {
    int64_t width = gap_us / (MC_QUEUE_BUCKETS / 2) + 1;
    const int64_t of[] = {2, width, 10 * width, gap_us + 1, 2 * gap_us + 1, 2 * gap_us + width, 20 * gap_us + 1};
    int64_t most = of[mc_rng_below(r, sizeof of / sizeof *of)];
    return chance(r, 20) ? most : (int64_t)mc_rng_below(r, (uint64_t)most);
}

static void queue_round(struct mc_rng *r) {
    static const int64_t gaps[] = {1, 1000, MC_SECOND_US, 30 * MC_MINUTE_US, 36 * MC_HOUR_US, 3650 * MC_DAY_US};
    static struct owner owners[ENTRIES];
    static struct mc_queue q;
    int64_t gap_us = gaps[mc_rng_below(r, 6)],
            clock_us = chance(r, 20) ? 0 : (int64_t)mc_rng_below(r, MC_TIME_END_US / 2);
    memset(owners, 0, sizeof owners);
    mc_queue_init(&q, gap_us);
    for (int step = 0; step < 2000; step++) {
        struct owner *o = &owners[mc_rng_below(r, ENTRIES)];
        uint64_t what = mc_rng_below(r, 100);
        if (what < 50 && !o->queued) {
            o->entry.due_us = clock_us + stretch(r, gap_us) - (chance(r, 5) ? stretch(r, gap_us) : 0);
            o->queued = true;
            check(mc_queue_add(&q, &o->entry));
        } else if (what < 65 && o->queued) {
            mc_queue_remove(&q, &o->entry);
            o->queued = false;
        } else if (what < 90 && o->queued) {
            o->entry.due_us += stretch(r, gap_us); /* grown: the queue is not told */
        } else if (what >= 90) {
            clock_us += stretch(r, gap_us);
            take_all(&q, owners, clock_us);
        }
    }
    take_all(&q, owners, INT64_MAX / 2);
    mc_queue_free(&q);
}

static void test_equals_a_list(void **state) {
    (void)state;
    seed_rounds(1200, queue_round);
}

/* Before there is a clock nothing is due, and asking costs nothing. */
static void test_no_clock(void **state) {
    (void)state;
    static struct mc_queue q;
    struct mc_queue_entry e = {.due_us = 0};
    mc_queue_init(&q, 30 * MC_MINUTE_US);
    assert_null(mc_queue_take(&q, MC_TIME_NONE_US, NULL));
    assert_true(mc_queue_add(&q, &e));
    assert_null(mc_queue_take(&q, MC_TIME_NONE_US, NULL));
    assert_ptr_equal(mc_queue_take(&q, 0, NULL), &e);
    mc_queue_free(&q);
}

/* A clock that goes on a microsecond at a time meets each entry at its instant. */
static void test_each_at_its_instant(void **state) {
    (void)state;
    static struct mc_queue q;
    static struct mc_queue_entry entries[3000];
    mc_queue_init(&q, 500);
    for (int i = 0; i < 3000; i++) {
        entries[i].due_us = 1 + i * 7 % 3000;
        assert_true(mc_queue_add(&q, &entries[i]));
    }
    for (int64_t now = 0; now <= 3000; now++) {
        struct mc_queue_entry *e = mc_queue_take(&q, now, NULL);
        assert_true(now == 0 ? e == NULL : e != NULL && e->due_us == now);
        assert_null(mc_queue_take(&q, now, NULL));
    }
    mc_queue_free(&q);
}

static void test_no_memory(void **state) {
    (void)state;
    static struct mc_queue q;
    struct mc_queue_entry e = {.due_us = 5};
    mc_queue_init(&q, 500);
    mc_mem_fail_at(1);
    assert_false(mc_queue_add(&q, &e));
    mc_mem_fail_at(0);
    assert_null(mc_queue_take(&q, 100, NULL));
    assert_true(mc_queue_add(&q, &e));
    assert_ptr_equal(mc_queue_take(&q, 100, NULL), &e);
    mc_queue_free(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_a_list),
        cmocka_unit_test(test_no_clock),
        cmocka_unit_test(test_each_at_its_instant),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A queue between threads: everything that was pushed is taken, once, in each pusher's order; what is closed drains. */
#include "app/fifo.h"

#include "../base/seed.h"
#include "base/time.h"
#include <stdatomic.h>

static void test_first_in_first_out(void **state) {
    (void)state;
    struct mc_fifo f;
    struct mc_error e = {0};
    char items[5];
    void *out[8];
    assert_int_equal(mc_fifo_open(&f, 3, &e), MC_OK);
    for (int round = 0; round < 7; round++) { /* so that the ring turns */
        for (int i = 0; i < 3; i++)
            assert_true(mc_fifo_push(&f, &items[i]));
        assert_false(mc_fifo_push(&f, &items[3]));
        assert_int_equal(mc_fifo_count(&f), 3);
        assert_int_equal(mc_fifo_take(&f, out, 2, 0), 2);
        assert_true(out[0] == &items[0] && out[1] == &items[1]);
        assert_true(mc_fifo_push(&f, &items[4]));
        assert_int_equal(mc_fifo_take(&f, out, 8, INT64_MAX), 2);
        assert_true(out[0] == &items[2] && out[1] == &items[4]);
        assert_int_equal(mc_fifo_take(&f, out, 8, 0), 0);
    }
    mc_fifo_free(&f);
    mc_fifo_free(&f);
}

static void test_closed_takes_nothing_and_gives_the_rest(void **state) {
    (void)state;
    struct mc_fifo f;
    struct mc_error e = {0};
    char item;
    void *out[2];
    assert_int_equal(mc_fifo_open(&f, 3, &e), MC_OK);
    assert_true(mc_fifo_push(&f, &item));
    assert_false(mc_fifo_is_closed(&f));
    mc_fifo_close(&f);
    assert_true(mc_fifo_is_closed(&f) && !mc_fifo_is_over(&f));
    assert_false(mc_fifo_push(&f, &item));
    assert_int_equal(mc_fifo_take(&f, out, 2, INT64_MAX), 1);
    assert_true(out[0] == &item && mc_fifo_is_over(&f));
    assert_int_equal(mc_fifo_take(&f, out, 2, INT64_MAX), 0);
    mc_fifo_free(&f);
}

static void test_a_poke_ends_one_take(void **state) {
    (void)state;
    struct mc_fifo f;
    struct mc_error e = {0};
    void *out[1];
    assert_int_equal(mc_fifo_open(&f, 1, &e), MC_OK);
    mc_fifo_poke(&f);
    assert_int_equal(mc_fifo_take(&f, out, 1, INT64_MAX), 0);
    assert_int_equal(mc_fifo_take(&f, out, 1, 0), 0); /* a second one waits for its own instant */
    mc_fifo_free(&f);
}

/* ---- threads ---- */

enum { PUSHERS = 3, ITEMS = 2000, ROOM = 16, ROUNDS = 60 };

struct crowd {
    struct mc_fifo f;
    uint64_t items[PUSHERS][ITEMS];
    size_t count;         /* of each pusher */
    atomic_uint finished; /* the last pusher closes */
};

struct pusher {
    struct crowd *crowd;
    unsigned nth;
};

static void *push_all(void *argument) {
    struct pusher *p = argument;
    struct crowd *c = p->crowd;
    for (size_t i = 0; i < c->count; i++)
        while (!mc_fifo_push(&c->f, &c->items[p->nth][i]))
            sched_yield();
    if (atomic_fetch_add(&c->finished, 1) + 1 == PUSHERS)
        mc_fifo_close(&c->f);
    return NULL;
}

/* Takes until it is over: never waits long, so that an empty look, a push and the close may come in any order. */
static void take_all(struct crowd *c, size_t next[PUSHERS]) {
    void *out[ROOM];
    for (;;) {
        size_t n = mc_fifo_take(&c->f, out, 1 + c->count % ROOM, mc_monotonic_ns() + 1000);
        if (n == 0 && mc_fifo_is_over(&c->f))
            return;
        for (size_t i = 0; i < n; i++) {
            uint64_t name = *(uint64_t *)out[i], who = name / ITEMS;
            assert_int_equal(name % ITEMS, next[who]++);
        }
    }
}

static void crowd_round(size_t count) {
    static struct crowd c;
    struct mc_error e = {0};
    struct pusher pushers[PUSHERS];
    pthread_t threads[PUSHERS];
    size_t next[PUSHERS] = {0};
    assert_int_equal(mc_fifo_open(&c.f, ROOM, &e), MC_OK);
    c.count = count;
    atomic_store(&c.finished, 0);
    for (unsigned i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){&c, i};
        for (size_t k = 0; k < count; k++)
            c.items[i][k] = i * ITEMS + k;
        pthread_create(&threads[i], NULL, push_all, &pushers[i]);
    }
    take_all(&c, next);
    for (unsigned i = 0; i < PUSHERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(next[i], count);
    }
    mc_fifo_free(&c.f);
}

static void test_all_that_was_pushed_is_taken(void **state) {
    (void)state;
    crowd_round(ITEMS);
    for (int round = 0; round < ROUNDS; round++) /* short ones meet the end often */
        crowd_round(1 + (size_t)round % 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_closed_takes_nothing_and_gives_the_rest),
        cmocka_unit_test(test_a_poke_ends_one_take),
        cmocka_unit_test(test_all_that_was_pushed_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

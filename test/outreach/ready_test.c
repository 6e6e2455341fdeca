/* What waits, against a list that is searched; the rate, against a list of all that went. */
#include "outreach/sample.h"

#include "base/rng.h"
#include "outreach/rate.h"
#include "outreach/ready.h"

enum { ENTRIES_MAX = 400, ROUNDS = 20000 };

struct list {
    struct mc_ready_entry entries[ENTRIES_MAX];
    size_t count;
};

static bool is_newer(const struct mc_ready_entry *a, const struct mc_ready_entry *b) {
    return a->due_us > b->due_us || (a->due_us == b->due_us && a->id > b->id);
}

/* The place of the one to be popped; count: none. */
static size_t newest(const struct list *l, int64_t now_us) {
    size_t best = l->count;
    for (size_t i = 0; i < l->count; i++)
        if (l->entries[i].not_before_us <= now_us && (best == l->count || is_newer(&l->entries[i], &l->entries[best])))
            best = i;
    return best;
}

static void put(struct mc_ready *r, struct list *l, struct mc_rng *rng, int64_t id, int64_t now_us) {
    struct mc_ready_entry entry = {.id = id,
                                   .due_us = (int64_t)mc_rng_below(rng, 200),
                                   .not_before_us = INT64_MIN,
                                   .ageless = mc_rng_below(rng, 8) == 0};
    if (mc_rng_below(rng, 2) == 0)
        entry.not_before_us = now_us + (int64_t)mc_rng_below(rng, 50);
    assert_true(mc_ready_put(r, entry));
    l->entries[l->count++] = entry;
}

static void pop(struct mc_ready *r, struct list *l, int64_t now_us) {
    struct mc_ready_entry entry;
    size_t at = newest(l, now_us);
    assert_int_equal(mc_ready_pop(r, (struct mc_wall){now_us}, &entry), at < l->count);
    if (at == l->count)
        return;
    assert_int_equal(entry.id, l->entries[at].id);
    l->entries[at] = l->entries[--l->count];
}

static void drop(struct mc_ready *r, struct list *l, int64_t us, size_t max) {
    int64_t ids[ENTRIES_MAX];
    size_t old = 0;
    for (size_t i = 0; i < l->count; i++)
        old += !l->entries[i].ageless && l->entries[i].due_us < us;
    size_t count = mc_ready_drop_old(r, us, ids, max);
    assert_int_equal(count, old < max ? old : max);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < l->count && l->entries[at].id != ids[i])
            at++;
        assert_true(at < l->count && !l->entries[at].ageless && l->entries[at].due_us < us);
        l->entries[at] = l->entries[--l->count];
    }
}

static void newest_first_when_its_time_has_come(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct mc_rng rng;
        struct mc_ready r = {0};
        struct list l = {.count = 0};
        int64_t now_us = 0;
        mc_rng_seed(&rng, seed);
        for (int64_t i = 0; i < ROUNDS; i++) {
            now_us += (int64_t)mc_rng_below(&rng, 3);
            uint64_t what = mc_rng_below(&rng, 100);
            if (what < 50 && l.count < ENTRIES_MAX)
                put(&r, &l, &rng, i, now_us);
            else if (what < 98)
                pop(&r, &l, now_us);
            else
                drop(&r, &l, (int64_t)mc_rng_below(&rng, 60), 1 + mc_rng_below(&rng, 30));
            assert_int_equal(mc_ready_count(&r), l.count);
        }
        mc_ready_clear(&r);
        assert_int_equal(mc_ready_count(&r), 0);
        mc_ready_free(&r);
    }
}

static enum mc_err fill(void *context) {
    struct mc_ready r = {0};
    enum mc_err err = MC_OK;
    (void)context;
    for (int64_t i = 0; i < 500 && err == MC_OK; i++)
        err = mc_ready_put(&r, (struct mc_ready_entry){.id = i, .not_before_us = i}) ? MC_OK : MC_ERR_NOMEM;
    if (err == MC_OK)
        assert_int_equal(mc_ready_count(&r), 500);
    mc_ready_free(&r);
    return err;
}

static void no_memory_changes_nothing(void **state) {
    (void)state;
    fail_each_allocation(fill, NULL);
}

/* ---- the rate ---- */

enum { LIMIT = 30 };

static void no_minute_sees_more_than_the_rate(void **state) {
    (void)state;
    static int64_t went[200000];
    size_t count = 0, first = 0;
    struct mc_rng rng;
    struct mc_rate rate = {0};
    int64_t now_us = 1764000000 * MC_SECOND_US;
    mc_rng_seed(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        now_us += (int64_t)mc_rng_below(&rng, mc_rng_below(&rng, 50) == 0 ? 90000000 : 3000000);
        uint32_t left = mc_rate_left(&rate, LIMIT, (struct mc_wall){now_us}), take = (uint32_t)mc_rng_below(&rng, 5);
        take = take < left ? take : left;
        mc_rate_note(&rate, (struct mc_wall){now_us}, take);
        for (uint32_t k = 0; k < take; k++)
            went[count++] = now_us;
        while (first < count && went[first] < now_us - MC_MINUTE_US)
            first++;
        assert_true(count - first <= LIMIT);
        assert_true(left > 0 || count - first > 0); /* it does not block for nothing */
    }
    assert_true(count > 5000);
}

static void a_clock_that_steps_back_takes_the_window_along(void **state) {
    (void)state;
    struct mc_rate rate = {0};
    int64_t now_us = 1764000000 * MC_SECOND_US;
    mc_rate_note(&rate, (struct mc_wall){now_us}, LIMIT);
    assert_int_equal(mc_rate_left(&rate, LIMIT, (struct mc_wall){now_us}), 0);
    now_us -= MC_DAY_US;
    assert_int_equal(mc_rate_left(&rate, LIMIT, (struct mc_wall){now_us}), 0);
    assert_int_equal(mc_rate_left(&rate, LIMIT, (struct mc_wall){now_us + 60 * MC_SECOND_US}), 0);
    assert_int_equal(mc_rate_left(&rate, LIMIT, (struct mc_wall){now_us + 61 * MC_SECOND_US}), LIMIT);
    mc_rate_note(&rate, (struct mc_wall){now_us + 61 * MC_SECOND_US}, LIMIT - 1);
    assert_int_equal(mc_rate_left(&rate, LIMIT, (struct mc_wall){now_us + 10 * MC_DAY_US}), LIMIT);
}

static void the_window_is_written_and_read(void **state) {
    (void)state;
    struct mc_rate rate = {0}, read;
    struct mc_buf bytes = {0};
    struct mc_wall now = {1764000000 * MC_SECOND_US};
    mc_rate_note(&rate, now, 3);
    mc_rate_note(&rate, (struct mc_wall){now.us + 5 * MC_SECOND_US}, 4);
    mc_rate_encode(&bytes, &rate);
    assert_true(mc_rate_decode(&read, mc_buf_view(&bytes)));
    assert_int_equal(read.newest, rate.newest);
    assert_memory_equal(read.counts, rate.counts, sizeof rate.counts);
    assert_int_equal(mc_rate_left(&read, LIMIT, (struct mc_wall){now.us + 60 * MC_SECOND_US}), LIMIT - 7);
    assert_int_equal(mc_rate_left(&read, LIMIT, (struct mc_wall){now.us + 61 * MC_SECOND_US}), LIMIT - 4);
    assert_false(mc_rate_decode(&read, (struct mc_str){bytes.data, bytes.len - 1}));
    assert_int_equal(mc_rate_left(&read, LIMIT, now), LIMIT);
    mc_buf_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_first_when_its_time_has_come),
        cmocka_unit_test(no_memory_changes_nothing),
        cmocka_unit_test(no_minute_sees_more_than_the_rate),
        cmocka_unit_test(a_clock_that_steps_back_takes_the_window_along),
        cmocka_unit_test(the_window_is_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

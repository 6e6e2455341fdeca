/* The simulated store: its bytes depend on the settings alone, its rows are well formed and in order, and its facts are
 * near the published ones. */
#include "base/hash.h"
#include "base/mem.h"
#include "sim/facts.h"
#include "sim/simulator.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROOM = 1 << 16 };

#define PINNED 0x2A14E58E21527A5AU

static struct mc_sim *open_store(uint64_t events, uint64_t seed) {
    struct mc_sim_settings settings = {events, seed};
    struct mc_error e = {0};
    struct mc_sim *sim = NULL;
    if (mc_sim_open(&settings, &sim, &e) != MC_OK)
        fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
    return sim;
}

/* The first `rows` rows, or as many as there are, in batches of at most `room` bytes. */
static void take_rows(struct mc_buf *b, uint64_t events, uint64_t seed, uint64_t rows, size_t room) {
    struct mc_sim *sim = open_store(events, seed);
    size_t len = 1;
    while (len > 0 && mc_sim_rows(sim) < rows) {
        assert_non_null(mc_buf_reserve(b, room));
        len = mc_sim_next_batch(sim, b->data + b->len, room);
        b->len += len;
    }
    size_t surplus = mc_sim_rows(sim) > rows ? mc_sim_rows(sim) - rows : 0;
    for (size_t i = b->len; surplus > 0 && i > 1; i--) {
        surplus -= b->data[i - 2] == '\n';
        b->len = i - 1;
    }
    mc_sim_close(&sim);
    assert_null(sim);
}

static void same_seed_gives_same_bytes_in_any_batches(void **state) {
    struct mc_buf a = {0}, b = {0}, other = {0};
    (void)state;
    take_rows(&a, 5000, 42, 5000, ROOM);
    take_rows(&b, 5000, 42, 5000, MC_SIM_ROW_MAX);
    take_rows(&other, 5000, 43, 5000, ROOM);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_false(mc_str_equal(mc_buf_view(&a), mc_buf_view(&other)));
    mc_buf_free(&a);
    mc_buf_free(&b);
    mc_buf_free(&other);
}

/* Another value means that the store has changed, or that something in it depends on machine or compiler. */
static void first_rows_of_seed_1_are_pinned(void **state) {
    struct mc_buf b = {0};
    (void)state;
    take_rows(&b, MC_SIM_ROWS_FULL, 1, 10000, ROOM);
    uint64_t hash = mc_hash64(b.data, b.len);
    mc_buf_free(&b);
    if (hash != PINNED)
        fail_msg("hash of the first 10,000 rows is 0x%016llX", (unsigned long long)hash);
}

static void exactly_the_rows_asked_for_come_out(void **state) {
    static const uint64_t sizes[] = {1, 2, 7, 100, 999, 12345};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct mc_buf b = {0};
        uint64_t lines = 0;
        take_rows(&b, sizes[i], i, UINT64_MAX, ROOM);
        for (size_t at = 0; at < b.len; at++)
            lines += b.data[at] == '\n';
        assert_int_equal(lines, sizes[i]);
        mc_buf_free(&b);
    }
}

static void wrong_settings_are_usage(void **state) {
    struct mc_error e;
    struct mc_sim *sim;
    (void)state;
    assert_int_equal(mc_sim_open(&(struct mc_sim_settings){0, 1}, &sim, &e), MC_ERR_USAGE);
    assert_null(sim);
    assert_int_equal(mc_sim_open(&(struct mc_sim_settings){MC_SIM_EVENTS_MAX + 1, 1}, &sim, &e), MC_ERR_USAGE);
    assert_null(sim);
}

/* Bounded memory: whatever is needed is taken at open, whose every allocation may fail. */
static void memory_is_taken_at_open_only(void **state) {
    static char out[ROOM];
    (void)state;
    struct mc_sim *sim = open_store(20000, 5);
    mc_mem_fail_at(1);
    while (mc_sim_next_batch(sim, out, sizeof out) > 0)
        continue;
    bool allocated = mc_mem_failed();
    mc_mem_fail_at(0);
    mc_sim_close(&sim);
    assert_false(allocated);

    bool met = true;
    for (uint64_t n = 1; met; n++) {
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = mc_sim_open(&(struct mc_sim_settings){1000, 1}, &sim, &e);
        met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        assert_true((sim == NULL) == met);
        mc_sim_close(&sim);
    }
}

/* ---- calibration ---- */

static size_t facts_of(uint64_t events, uint64_t seed, struct mc_fact *facts) {
    static char out[ROOM];
    static struct mc_sim_tally tally;
    struct mc_error e = {0};
    struct mc_sim *sim = open_store(events, seed);
    assert_int_equal(mc_sim_tally_open(&tally, &e), MC_OK);
    for (size_t len; (len = mc_sim_next_batch(sim, out, sizeof out)) > 0;) {
        if (mc_sim_tally_add(&tally, (struct mc_str){out, len}, &e) != MC_OK) /* checks the form of every row */
            fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
    }
    size_t count = mc_facts_of(&tally, facts);
    mc_sim_tally_close(&tally);
    mc_sim_close(&sim);
    return count;
}

/* Percent by which a fact may be off at 300,000 rows: 66,000 sessions, 2,270 of which buy. Counts of rare things are
 * not asked for here; the whole is shown by `maxcart simulate --verify`. */
static const struct {
    const char *name;
    double percent;
} tolerances[] = {
    {"rows", 0},
    {"rows out of order", 0},
    {"rows October", 1},
    {"rows November", 1},
    {"rows December", 1},
    {"rows January", 1},
    {"rows February", 1},
    {"view rows", 5},
    {"cart rows", 5},
    {"remove_from_cart rows", 8},
    {"purchase rows", 10},
    {"exact duplicates", 8},
    {"re-sent within 1 s", 10},
    {"null category_code", 0.5},
    {"null brand", 5},
    {"null user_session", 40},
    {"price zero", 15},
    {"purchases at price zero", 0},
    {"bytes a row", 2},
    {"price of views, mean", 6},
    {"price of views, median", 6},
    {"price of carts, mean", 5},
    {"price of carts, median", 6},
    {"price of removals, mean", 8},
    {"price of removals, median", 11},
    {"price of purchases, mean", 8},
    {"price of purchases, median", 8},
    {"price of purchases, lower quartile", 8},
    {"price of purchases, upper quartile", 8},
    {"sessions", 4},
    {"views a session", 5},
    {"carts a session", 6},
    {"removals a session", 8},
    {"purchases a session", 10},
    {"sessions shorter than 1.6 minutes", 2},
    {"sessions that buy", 8},
    {"buying sessions without a cart", 12},
    {"sessions with a cart", 4},
    {"cart sessions without a view", 5},
    {"cart sessions abandoned", 1.5},
    {"abandoned with a removal", 5},
    {"users", 4},
    {"sessions a user", 3},
    {"sessions a user, median", 0},
    {"sessions of the busiest user", 25},
    {"users who buy", 10},
    {"buyers who buy again", 20},
    {"revenue a buying session", 10},
    {"revenue", 14},
};

static bool is_near(const struct mc_fact *f, double percent) {
    double off = f->measured - f->published, allowed = f->published * percent / 100;
    return off <= allowed + 1e-6 && off >= -allowed - 1e-6;
}

static void facts_are_near_the_published(void **state) {
    struct mc_fact facts[MC_FACTS_MAX];
    bool good = true;
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        size_t count = facts_of(300000, seed, facts);
        for (size_t i = 0; i < sizeof tolerances / sizeof tolerances[0]; i++) {
            const struct mc_fact *f = mc_fact_find(facts, count, tolerances[i].name);
            assert_non_null(f);
            if (!is_near(f, tolerances[i].percent)) {
                print_error("seed %llu: %s is %.4f, published %.4f\n", (unsigned long long)seed, f->name, f->measured,
                            f->published);
                good = false;
            }
        }
    }
    assert_true(good);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_same_bytes_in_any_batches),
        cmocka_unit_test(first_rows_of_seed_1_are_pinned),
        cmocka_unit_test(exactly_the_rows_asked_for_come_out),
        cmocka_unit_test(wrong_settings_are_usage),
        cmocka_unit_test(memory_is_taken_at_open_only),
        cmocka_unit_test(facts_are_near_the_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

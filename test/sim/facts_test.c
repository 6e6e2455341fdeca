/* The counting of facts, on rows small enough to count by hand. */
#include "base/mem.h"
#include "sim/draw.h"
#include "sim/facts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S1 "26dd6e6e-4dac-4778-8d2c-92e149dab885\n"
#define S2 "49e8d843-adf3-428b-a2c3-fe8bc6a307c9\n"
#define S3 "73dea1e7-664e-43f4-8b30-d32b9d5af04f\n"

static const char rows[] =
    "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011," S1
    "2019-10-01 00:00:07 UTC,cart,5773203,1487580005134238553,,runail,2.62,463240011," S1
    "2019-10-01 00:00:07 UTC,cart,5773203,1487580005134238553,,runail,2.62,463240011," S1
    "2019-10-01 00:00:08 UTC,cart,5773203,1487580005134238553,,runail,2.62,463240011," S1
    "2019-10-01 00:00:08 UTC,cart,4321,2151191071051219817,apparel.glove,,0.0,429681830," S2
    "2019-10-01 00:02:00 UTC,remove_from_cart,4321,2151191071051219817,apparel.glove,,0.0,"
    "429681830," S2 "2019-10-01 01:00:00 UTC,view,4321,2151191071051219817,apparel.glove,,0.0,"
    "463240011," S1 "2019-11-01 00:00:00 UTC,purchase,5773203,1487580005134238553,,runail,2.62,"
    "463240011," S3 "2019-11-01 00:00:00 UTC,purchase,17,1487580005134238553,,,-1.5,463240011," S3
    "2020-02-29 23:59:59 UTC,view,17,1487580005134238553,,,10.25,463240011,\n";

static double measured(const struct mc_fact *facts, size_t count, const char *name) {
    const struct mc_fact *f = mc_fact_find(facts, count, name);
    assert_non_null(f);
    return f->measured;
}

static void facts_are_counted(void **state) {
    static const struct {
        const char *name;
        double value;
    } expected[] = {
        {"rows", 10},
        {"rows October", 7},
        {"rows November", 2},
        {"rows February", 1},
        {"view rows", 30},
        {"exact duplicates", 10},
        {"re-sent within 1 s", 10},
        {"null category_code", 70},
        {"null brand", 50},
        {"null user_session", 1},
        {"price zero", 30},
        {"purchases at price zero", 0},
        {"purchases below zero", 1},
        {"sum of those", -1.5},
        {"rows out of order", 0},
        {"products", 3},
        {"products viewed", 3},
        {"products carted", 2},
        {"products purchased", 2},
        {"price of views, greatest", 10.25},
        {"price of carts, median", 2.62},
        {"sessions", 3},
        {"carts a session", 1},
        {"sessions that buy", 100.0 / 3},
        {"conversion October", 0},
        {"conversion November", 100},
        {"buying sessions without a cart", 100},
        {"sessions with a cart", 2},
        {"cart sessions without a view", 50},
        {"cart sessions abandoned", 100},
        {"abandoned with a removal", 50},
        {"visits a session (30 minute gap)", 4.0 / 3},
        {"visits open at once, most", 2},
        {"users", 2},
        {"sessions of the busiest user", 2},
        {"users who buy", 50},
        {"buyers who buy again", 0},
        {"revenue", 1.12},
    };
    static struct mc_sim_tally tally;
    struct mc_fact facts[MC_FACTS_MAX];
    struct mc_error e = {0};
    (void)state;
    assert_int_equal(mc_sim_tally_open(&tally, &e), MC_OK);
    assert_int_equal(mc_sim_tally_add(&tally, MC_STR(""), &e), MC_OK);
    assert_int_equal(mc_sim_tally_add(&tally, mc_str_of(rows), &e), MC_OK);
    size_t count = mc_facts_of(&tally, facts);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        double value = measured(facts, count, expected[i].name);
        if (value < expected[i].value - 1e-9 || value > expected[i].value + 1e-9)
            fail_msg("%s is %f, not %f", expected[i].name, value, expected[i].value);
    }
    mc_sim_tally_close(&tally);
}

static void what_is_no_row_is_named(void **state) {
    static const char *const bad[] = {
        "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011\n",
        "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011,," S1,
        "2019-10-01 00:00:61 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011," S1,
        "2020-03-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011," S1,
        "2019-10-01 00:00:00 UTC,look,5773203,1487580005134238553,,runail,2.62,463240011," S1,
        "2019-10-01 00:00:00 UTC,view,,1487580005134238553,,runail,2.62,463240011," S1,
        "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2,463240011," S1,
        "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,46324001," S1,
        "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011,26dd6e6e\n",
        "2019-10-01 00:00:00 UTC,view,5773203,1487580005134238553,,runail,2.62,463240011,",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        static struct mc_sim_tally tally;
        struct mc_error e = {0};
        assert_int_equal(mc_sim_tally_open(&tally, &e), MC_OK);
        assert_int_equal(mc_sim_tally_add(&tally, mc_str_of(bad[i]), &e), MC_ERR_FORMAT);
        assert_non_null(strstr(e.text, "row 1 "));
        mc_sim_tally_close(&tally);
    }
}

static void an_alias_table_keeps_the_weights(void **state) {
    static const uint64_t weights[] = {0, 1, 2, 4, 0, 8, 85};
    enum { COUNT = sizeof weights / sizeof weights[0], DRAWS = 1000000 };
    int drawn[COUNT] = {0};
    struct mc_alias a = {0};
    struct mc_error e;
    struct mc_rng rng;
    (void)state;
    mc_rng_seed(&rng, 7);
    assert_int_equal(mc_alias_build(&a, weights, COUNT, &e), MC_OK);
    for (int i = 0; i < DRAWS; i++)
        drawn[mc_alias_draw(&a, &rng)]++;
    mc_alias_free(&a);
    for (int i = 0; i < COUNT; i++) {
        int due = (int)weights[i] * (DRAWS / 100);
        assert_in_range(drawn[i] + 2000, due, due + 4000); /* four standard deviations at most */
    }
    assert_int_equal(drawn[0] + drawn[4], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_counted),
        cmocka_unit_test(what_is_no_row_is_named),
        cmocka_unit_test(an_alias_table_keeps_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

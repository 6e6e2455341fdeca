/* Forecasts of whole sets: properties that hold for any series, hostile ones, no memory, and random ones. */
#include "model/forecast.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 40, LENGTH = 90, HORIZON = 14 };

static double cells[COUNT][LENGTH];
static struct mc_series series[COUNT];

static struct mc_forecast_options options_of(bool demand) {
    return (struct mc_forecast_options){.horizon = HORIZON,
                                        .season = 7,
                                        .demand = demand,
                                        .tau = {0.1, 0.5, 0.9, 0.95},
                                        .tau_count = 4,
                                        .sum = {5, HORIZON},
                                        .sum_count = 2};
}

/* Trends with a week's season, or counts that are often zero. */
static void make_set(uint64_t seed, bool demand) {
    struct mc_rng rng;
    mc_rng_seed(&rng, seed);
    for (size_t i = 0; i < COUNT; i++) {
        double level = 5 + 20 * mc_rng_unit(&rng), slope = 0.2 * mc_rng_unit(&rng), rate = mc_rng_unit(&rng);
        for (size_t t = 0; t < LENGTH; t++) {
            double noise = mc_rng_unit(&rng) - 0.5, week = 1 + 0.4 * sin((double)t * 2 * M_PI / 7);
            cells[i][t] = demand ? (mc_rng_unit(&rng) < rate * week / 1.5 ? floor(1 + level * mc_rng_unit(&rng)) : 0)
                                 : (level + slope * (double)t) * week + 2 * noise;
        }
        series[i] = (struct mc_series){cells[i], LENGTH - i % 5};
    }
}

static void run(const struct mc_forecast_options *o, size_t count, struct mc_forecast *f) {
    struct mc_error e = {0};
    if (mc_forecast_run(series, count, o, f, &e) != MC_OK)
        fail_msg("%s", e.text);
}

static void check_order(const struct mc_forecast *f, bool demand) {
    for (size_t i = 0; i < f->count; i++)
        for (size_t t = 0; t < f->steps; t++) {
            const double *q = mc_forecast_quantile(f, i, t);
            assert_true(isfinite(*mc_forecast_mean(f, i, t)));
            assert_true(!demand || (*mc_forecast_mean(f, i, t) >= 0 && q[0] >= 0));
            for (size_t k = 1; k < f->tau_count; k++)
                assert_true(q[k] >= q[k - 1]);
        }
}

static void check_near(const struct mc_forecast *a, const struct mc_forecast *b, double factor, double tolerance) {
    for (size_t k = 0; k < a->count * a->steps; k++)
        assert_true(fabs(a->mean[k] * factor - b->mean[k]) <= tolerance * (fabs(b->mean[k]) + factor));
    for (size_t k = 0; k < a->count * a->steps * a->tau_count; k++)
        assert_true(fabs(a->quantile[k] * factor - b->quantile[k]) <= tolerance * (fabs(b->quantile[k]) + factor));
}

static void test_quantiles_do_not_cross(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (int demand = 0; demand < 2; demand++) {
            struct mc_forecast_options o = options_of(demand);
            struct mc_forecast f;
            make_set(seed, demand);
            run(&o, COUNT, &f);
            check_order(&f, demand);
            mc_forecast_free(&f);
        }
}

/* A power of two is exact; another factor changes roundings, and with them the searches' last digits. */
static void test_scaled_series_scaled_forecast(void **state) {
    (void)state;
    for (int demand = 0; demand < 2; demand++)
        for (int exact = 0; exact < 2; exact++) {
            double factor = exact ? 1024 : 1000;
            struct mc_forecast_options o = options_of(demand);
            struct mc_forecast a, b;
            make_set(9, demand);
            run(&o, COUNT, &a);
            for (size_t k = 0; k < COUNT * LENGTH; k++)
                (&cells[0][0])[k] *= factor;
            run(&o, COUNT, &b);
            check_near(&a, &b, factor, exact ? 1e-9 : 1e-5);
            mc_forecast_free(&a);
            mc_forecast_free(&b);
        }
}

static void test_zero_series_forecast_zero(void **state) {
    (void)state;
    for (int demand = 0; demand < 2; demand++) {
        struct mc_forecast_options o = options_of(demand);
        struct mc_forecast f;
        make_set(4, demand);
        memset(cells[3], 0, sizeof cells[3]);
        run(&o, COUNT, &f);
        for (size_t t = 0; t < f.steps; t++)
            for (size_t k = 0; k < f.tau_count; k++)
                assert_true(*mc_forecast_mean(&f, 3, t) == 0 && fabs(mc_forecast_quantile(&f, 3, t)[k]) < 1e-6);
        mc_forecast_free(&f);
    }
}

/* As threads may: last first, and in two interleaved halves. */
static void each_backwards(void *context, size_t count, void (*work)(void *, size_t), void *argument) {
    (void)context;
    for (size_t i = count; i-- > 0;)
        if (i % 2 == 0)
            work(argument, i);
    for (size_t i = count; i-- > 0;)
        if (i % 2 == 1)
            work(argument, i);
}

static void test_order_of_work_changes_nothing(void **state) {
    (void)state;
    for (int demand = 0; demand < 2; demand++) {
        struct mc_forecast_options o = options_of(demand);
        struct mc_forecast a, b;
        make_set(5, demand);
        run(&o, COUNT, &a);
        o.each = each_backwards;
        run(&o, COUNT, &b);
        assert_memory_equal(a.mean, b.mean, a.count * a.steps * sizeof *a.mean);
        assert_memory_equal(a.quantile, b.quantile, a.count * a.steps * a.tau_count * sizeof *a.quantile);
        mc_forecast_free(&a);
        mc_forecast_free(&b);
    }
}

static void test_order_of_series_changes_nothing(void **state) {
    (void)state;
    for (int demand = 0; demand < 2; demand++) {
        struct mc_forecast_options o = options_of(demand);
        struct mc_forecast a, b;
        make_set(6, demand);
        run(&o, COUNT, &a);
        for (size_t i = 0; i < COUNT / 2; i++) {
            struct mc_series swap = series[i];
            series[i] = series[COUNT - 1 - i];
            series[COUNT - 1 - i] = swap;
        }
        run(&o, COUNT, &b);
        for (size_t i = 0; i < COUNT; i++)
            for (size_t t = 0; t < a.steps; t++) {
                double x = *mc_forecast_mean(&a, i, t), y = *mc_forecast_mean(&b, COUNT - 1 - i, t);
                assert_true(fabs(x - y) <= 1e-6 * (1 + fabs(x)));
            }
        mc_forecast_free(&a);
        mc_forecast_free(&b);
    }
}

static void test_past_alone_decides(void **state) {
    (void)state;
    for (int demand = 0; demand < 2; demand++) {
        struct mc_forecast_options o = options_of(demand);
        struct mc_forecast a, b;
        make_set(8, demand);
        for (size_t i = 0; i < COUNT; i++)
            series[i].n = LENGTH - HORIZON;
        run(&o, COUNT, &a);
        for (size_t i = 0; i < COUNT; i++)
            for (size_t t = LENGTH - HORIZON; t < LENGTH; t++)
                cells[i][t] = NAN;
        run(&o, COUNT, &b);
        assert_memory_equal(a.mean, b.mean, a.count * a.steps * sizeof *a.mean);
        mc_forecast_free(&a);
        mc_forecast_free(&b);
    }
}

static void test_hostile(void **state) {
    (void)state;
    static const double one[] = {5}, constant[] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    static const double huge[] = {1e12, 1.1e12, 0.9e12, 1e12, 1.2e12, 1e12, 1.1e12, 1e12, 1e12, 9e11, 1e12, 1e12};
    static const double below[] = {-5, -4, -6, -5, -7, -3, -5, -4, -5, -6, -5, -4, -5};
    static const double gaps[] = {NAN, NAN, 1, NAN, NAN, 4, 5, NAN, 7, INFINITY, 9, 10, NAN, NAN, NAN};
    static const double mixed[] = {1e-300, 1e15, -1e15, 0, 5e-324, 1e12, 7, 1e15, 1e-9, 3, 1e15, 2};
    static const double nothing[] = {NAN, NAN, NAN};
#define SERIES_OF(y)                                                                                                   \
    { y, sizeof(y) / sizeof *(y) }
    const struct mc_series hostile[] = {SERIES_OF(one),  SERIES_OF(constant), SERIES_OF(huge),    SERIES_OF(below),
                                        SERIES_OF(gaps), SERIES_OF(mixed),    SERIES_OF(nothing), {one, 0}};
    enum { HOSTILE = sizeof hostile / sizeof *hostile };
    for (int demand = 0; demand < 2; demand++)
        for (size_t season = 1; season <= 366; season = season == 1 ? 7 : season == 7 ? 52 : season + 314) {
            struct mc_forecast_options o = options_of(demand);
            struct mc_forecast f;
            o.season = season;
            assert_int_equal(mc_forecast_run(hostile, HOSTILE, &o, &f, NULL), MC_OK);
            if (demand)
                check_order(&f, true);
            for (size_t i = 0; i < HOSTILE && !demand; i++) {
                bool refused = i == 0 || i == 6 || i == 7;
                assert_int_equal(isnan(*mc_forecast_mean(&f, i, 0)) != 0, refused);
                assert_int_equal(strcmp(f.method[i], "none") == 0, refused);
            }
            if (!demand)
                assert_true(fabs(*mc_forecast_mean(&f, 1, 3) - 3) < 1e-6);
            mc_forecast_free(&f);
        }
}

static void test_options_without_meaning(void **state) {
    (void)state;
    struct mc_forecast f;
    struct mc_forecast_options good = options_of(false), o = good;
    struct mc_error e;
    make_set(1, false);
    o.horizon = 0;
    assert_int_equal(mc_forecast_run(series, COUNT, &o, &f, &e), MC_ERR_USAGE);
    o = good, o.season = 367;
    assert_int_equal(mc_forecast_run(series, COUNT, &o, &f, &e), MC_ERR_USAGE);
    o = good, o.tau[1] = 0.1;
    assert_int_equal(mc_forecast_run(series, COUNT, &o, &f, &e), MC_ERR_USAGE);
    o = good, o.sum[0] = HORIZON + 1;
    assert_int_equal(mc_forecast_run(series, COUNT, &o, &f, &e), MC_ERR_USAGE);
    assert_int_equal(mc_forecast_run(series, 0, &good, &f, &e), MC_OK);
    assert_true(f.mean == NULL);
}

/* Every allocation fails once: an error, nothing held (ASan looks), the same answer afterwards. */
static void test_no_memory(void **state) {
    (void)state;
    for (int demand = 0; demand < 2; demand++) {
        struct mc_forecast_options o = options_of(demand);
        o.horizon = 4, o.sum_count = 1;
        o.sum[0] = 4;
        make_set(2, demand);
        for (uint64_t n = 1;; n++) {
            struct mc_forecast f;
            mc_mem_fail_at(n);
            enum mc_err err = mc_forecast_run(series, 6, &o, &f, NULL);
            bool met = mc_mem_failed();
            mc_mem_fail_at(0);
            assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
            assert_true(!met || f.mean == NULL);
            mc_forecast_free(&f);
            if (!met)
                break;
        }
    }
}

/* Values from a few spiteful kinds, lengths from none to long, any season and horizon. */
static double spiteful(struct mc_rng *rng, unsigned kind) {
    static const double odd[] = {0, -0.0, 1, -1, 1e15, -1e15, 1e-300, 0.1, 7, 1e12};
    switch (kind) {
    case 0:
        return mc_rng_below(rng, 8) == 0 ? (double)mc_rng_below(rng, 20) : 0;
    case 1:
        return odd[mc_rng_below(rng, sizeof odd / sizeof *odd)];
    case 2:
        return mc_rng_below(rng, 4) == 0 ? NAN : mc_rng_unit(rng) * 100;
    case 3:
        return pow(10, 30 * mc_rng_unit(rng) - 15);
    default:
        return mc_rng_unit(rng) - 0.5;
    }
}

static void test_fuzz(void **state) {
    (void)state;
    static const size_t seasons[] = {1, 2, 4, 7, 12, 24, 52, 90};
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct mc_rng rng;
        struct mc_forecast f;
        mc_rng_seed(&rng, seed);
        size_t count = 1 + mc_rng_below(&rng, 6);
        struct mc_forecast_options o = options_of(seed % 2);
        o.season = seasons[mc_rng_below(&rng, 8)];
        o.horizon = 1 + mc_rng_below(&rng, 30), o.sum_count = mc_rng_below(&rng, 3);
        o.sum[0] = 1 + mc_rng_below(&rng, o.horizon), o.sum[1] = o.horizon;
        for (size_t i = 0; i < count; i++) {
            unsigned kind = (unsigned)mc_rng_below(&rng, 5);
            series[i] = (struct mc_series){cells[i], mc_rng_below(&rng, LENGTH + 1)};
            for (size_t t = 0; t < LENGTH; t++)
                cells[i][t] = spiteful(&rng, kind);
        }
        run(&o, count, &f);
        for (size_t i = 0; i < count; i++)
            for (size_t t = 0; t < f.steps; t++) {
                const double *q = mc_forecast_quantile(&f, i, t);
                bool refused = strcmp(f.method[i], "none") == 0;
                for (size_t k = 0; k < f.tau_count; k++)
                    if (!(refused ? isnan(q[k]) : isfinite(q[k]) && (k == 0 || q[k] >= q[k - 1])))
                        fail_msg("seed %llu series %zu step %zu", (unsigned long long)seed, i, t);
            }
        mc_forecast_free(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_do_not_cross),
        cmocka_unit_test(test_scaled_series_scaled_forecast),
        cmocka_unit_test(test_zero_series_forecast_zero),
        cmocka_unit_test(test_order_of_work_changes_nothing),
        cmocka_unit_test(test_order_of_series_changes_nothing),
        cmocka_unit_test(test_past_alone_decides),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_options_without_meaning),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_fuzz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

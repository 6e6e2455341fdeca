/* Single methods against values worked out by hand, and against slower ways to the same answer. */
#include "model/forecast_accuracy.h"
#include "model/forecast_ets.h"
#include "model/forecast_intermittent.h"
#include "model/forecast_minimise.h"
#include "model/forecast_plan.h"
#include "model/forecast_season.h"
#include "model/forecast_single.h"
#include "model/forecast_smooth.h"
#include "model/forecast_stack.h"
#include "model/forecast_theta.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static double bowl(void *context, const double *x) {
    (*(int *)context)++;
    return (x[0] - 0.3) * (x[0] - 0.3) + 10 * (x[1] + 0.2) * (x[1] + 0.2);
}

static double nonsense(void *context, const double *x) {
    (void)x;
    (*(int *)context)++;
    return NAN;
}

static void test_minimise(void **state) {
    (void)state;
    int calls = 0;
    double lower[] = {-1, -1}, upper[] = {1, 1}, step[] = {0.5, 0.5}, x[] = {0.9, 0.9};
    struct mc_minimise m = {bowl, &calls, 2, lower, upper, step, 1e-12, 500};
    mc_minimise_simplex(&m, x);
    NEAR(x[0], 0.3, 1e-4);
    NEAR(x[1], -0.2, 1e-4);
    upper[0] = 0.1; /* the best is then on the bound */
    mc_minimise_simplex(&m, x);
    NEAR(x[0], 0.1, 1e-6);
    m.objective = nonsense, calls = 0;
    mc_minimise_simplex(&m, x);
    assert_true(calls <= 510);
}

static void test_season(void **state) {
    (void)state;
    double y[40], work[40];
    const double index[] = {0.5, 1.5, 1.2, 0.8};
    struct mc_season season;
    for (int t = 0; t < 40; t++)
        y[t] = 10 * index[t % 4];
    assert_true(mc_season_is_present(y, 40, 4, 3));
    assert_false(mc_season_is_present(y, 11, 4, 3));
    mc_season_fit(y, 40, 4, MC_SEASON_MULTIPLICATIVE, work, &season);
    for (int s = 0; s < 4; s++)
        NEAR(season.index[s], index[s], 1e-12);
    mc_season_remove(&season, y, 40, work);
    NEAR(work[7], 10, 1e-12);
    mc_season_restore(&season, 8, work + 8, 4);
    NEAR(work[9], 15, 1e-12);
    y[3] = 0;
    mc_season_fit(y, 40, 4, MC_SEASON_MULTIPLICATIVE, work, &season);
    assert_int_equal(season.kind, MC_SEASON_ADDITIVE);
}

static void test_fill(void **state) {
    (void)state;
    const double y[] = {NAN, 2, NAN, NAN, 8, INFINITY};
    double out[6];
    assert_int_equal(mc_series_fill(y, 6, out), 5);
    NEAR(out[1], 4, 1e-12);
    NEAR(out[2], 6, 1e-12);
    NEAR(out[4], 8, 1e-12);
    assert_int_equal(mc_series_fill(y, 1, out), 0);
}

/* Sum of squared errors of simple smoothing, by its definition. */
static double ses_sse(const double *y, size_t n, double alpha, double level) {
    double sse = 0;
    for (size_t t = 0; t < n; t++) {
        double error = y[t] - level;
        sse += error * error;
        level += alpha * error;
    }
    return sse;
}

static void test_ses_is_least_squares(void **state) {
    (void)state;
    struct mc_rng rng;
    double y[40];
    mc_rng_seed(&rng, 7);
    for (int round = 0; round < 20; round++) {
        double level = 5, best = INFINITY;
        for (int t = 0; t < 40; t++) {
            level += 0.5 * (mc_rng_unit(&rng) - 0.5);
            y[t] = level + mc_rng_unit(&rng);
        }
        struct mc_smoothing s;
        mc_ses_fit(y, 40, 1e-4, 0.9999, &s);
        for (double alpha = 0.01; alpha < 1; alpha += 0.01)
            for (double first = 3; first < 8; first += 0.02)
                best = fmin(best, ses_sse(y, 40, alpha, first));
        NEAR(s.sse, ses_sse(y, 40, s.alpha, s.first_level), 1e-9);
        assert_true(s.sse <= best * 1.001);
    }
}

static void test_straight_line(void **state) {
    (void)state;
    double y[30], out[5], work[60];
    struct mc_smoothing s;
    struct mc_theta theta;
    for (int t = 0; t < 30; t++)
        y[t] = 3 + 0.5 * t;
    mc_holt_fit(y, 30, &s);
    mc_smoothing_forecast(&s, 5, out);
    NEAR(out[4], 3 + 0.5 * 34, 1e-6);
    mc_damped_fit(y, 30, &s);
    mc_smoothing_forecast(&s, 5, out);
    assert_true(out[0] > y[29] && out[4] < 3 + 0.5 * 34);
    mc_theta_dynamic_fit(y, 30, work, &theta);
    mc_theta_dynamic_forecast(&theta, 5, out);
    NEAR(out[4], 3 + 0.5 * 34, 0.05);
    mc_theta_fit(y, 30, &theta); /* half the slope, by its nature */
    mc_theta_forecast(&theta, 5, out);
    NEAR(out[4] - out[3], 0.25, 1e-9);
}

static void test_ets_finds_its_model(void **state) {
    (void)state;
    struct mc_ets models[MC_ETS_MODELS_MAX];
    struct mc_rng rng;
    double y[120], work[120], out[12];
    mc_rng_seed(&rng, 3);
    for (int t = 0; t < 120; t++)
        y[t] = (1 + 0.02 * t) * (1 + 0.5 * sin(t * 2 * M_PI / 12)) * (1 + 0.02 * (mc_rng_unit(&rng) - 0.5));
    size_t count = mc_ets_fit(y, 120, 12, work, models);
    assert_int_equal(count, MC_ETS_MODELS_MAX);
    const struct mc_ets *best = mc_ets_choose(models, count);
    assert_int_equal(best->season, 'M');
    assert_int_not_equal(best->trend, 'N');
    mc_ets_average(models, count, 12, work, out);
    for (int t = 0; t < 12; t++)
        NEAR(out[t], (1 + 0.02 * (120 + t)) * (1 + 0.5 * sin((120 + t) * 2 * M_PI / 12)), 0.15);
    assert_int_equal(mc_ets_fit(y, 1, 12, work, models), 1);
    mc_ets_forecast(&models[0], 2, out);
    NEAR(out[1], y[0], 1e-12);
}

/* Worked by hand from the definitions. */
static void test_intermittent(void **state) {
    (void)state;
    const double y[] = {0, 4, 0, 0, 2, 0, 6, 0};
    double work[8], sizes = 4, interval = 2, p = 0;
    sizes += 0.1 * (2 - sizes), interval += 0.1 * (3 - interval);
    sizes += 0.1 * (6 - sizes), interval += 0.1 * (2 - interval);
    NEAR(mc_demand_croston(y, 8, 0.1), sizes / interval, 1e-12);
    NEAR(mc_demand_sba(y, 8, 0.1), 0.95 * sizes / interval, 1e-12);
    for (int t = 1; t < 8; t++)
        p += 0.1 * ((y[t] > 0) - p);
    NEAR(mc_demand_tsb(y, 8, 0.1, 0.1), sizes * p, 1e-12);
    NEAR(mc_demand_window(y, 8, 4), 2, 1e-12);
    NEAR(mc_demand_window(y, 8, 100), 1.5, 1e-12);
    NEAR(mc_demand_interval(y, 8), 7.0 / 3, 1e-12);
    const double pairs[] = {4, 0, 2, 6}; /* sums of two */
    NEAR(mc_demand_adida(y, 8, work), mc_demand_ses(pairs, 4) / 2, 1e-12);
    NEAR(mc_demand_imapa(y, 8, work), (mc_demand_ses(y, 8) + mc_demand_ses(pairs, 4) / 2) / 2, 1e-12);
    const double none[] = {0, 0, 0};
    assert_true(mc_demand_croston(none, 3, 0.1) == 0 && mc_demand_tsb(none, 3, 0.1, 0.1) == 0);
    assert_true(mc_demand_imapa(none, 3, work) == 0 && mc_demand_adida(none, 0, work) == 0);
    const double dirty[] = {NAN, 3, -2, INFINITY};
    assert_int_equal(mc_demand_compact(dirty, 4, work), 2);
    assert_true(work[0] == 3 && work[1] == 0);
}

/* The weights of a quantile regression leave the right share above. */
static void test_stack(void **state) {
    (void)state;
    enum { N = 4000 };
    static double x[N], y[N], weight[N];
    double prior = 1, w;
    struct mc_rng rng;
    mc_rng_seed(&rng, 11);
    for (int i = 0; i < N; i++)
        x[i] = 1 + mc_rng_unit(&rng), y[i] = x[i] * mc_rng_unit(&rng), weight[i] = 1;
    struct mc_stack_rows rows = {x, y, weight, N, 1};
    for (double tau = 0.1; tau < 1; tau += 0.4) {
        struct mc_stack_options o = {tau, &prior, 1, 0.001, 50};
        mc_stack_fit(&rows, &o, &w);
        NEAR(w, tau, 0.03);
    }
    rows.count = 0;
    mc_stack_fit(&rows, &(struct mc_stack_options){0.5, &prior, 1, 0.001, 50}, &w);
    assert_true(w == 1);
}

static void test_accuracy(void **state) {
    (void)state;
    const double history[] = {1, 3, 2, 4}, actual[] = {5, NAN, 10}, forecast[] = {4, 1, 12};
    const double quantile[] = {3, 4, 6, 0, 1, 2, 11, 12, 13}, tau[] = {0.1, 0.5, 0.9};
    struct mc_accuracy a = {0};
    mc_accuracy_add(&a, &(struct mc_accuracy_case){.history = history,
                                                   .n = 4,
                                                   .season = 1,
                                                   .actual = actual,
                                                   .forecast = forecast,
                                                   .horizon = 3,
                                                   .quantile = quantile,
                                                   .tau = tau,
                                                   .taus = 3});
    struct mc_accuracy_result r = mc_accuracy_result(&a);
    NEAR(r.smape, (200.0 / 9 + 400.0 / 22) / 2, 1e-12);
    NEAR(r.mase, 1.5 / (5.0 / 3), 1e-12);
    NEAR(r.rmsse, sqrt(2.5 / 3), 1e-12);
    NEAR(r.wape, 1.0 / 15, 1e-12);
    NEAR(r.bias, 1.0 / 15, 1e-12);
    NEAR(r.pinball, (0.1 * 2 + 0.5 * 1 + 0.1 * 1 + 0.9 * 1 + 0.5 * 2 + 0.1 * 3) / 6 / 7.5, 1e-12);
    NEAR(r.cover, 0.5, 1e-12);
    struct mc_accuracy none = {0};
    assert_true(isnan(mc_accuracy_result(&none).smape));
}

static void test_plan(void **state) {
    (void)state;
    const double mean[] = {2, 2, 2, 2};
    struct mc_plan_order order = mc_plan_order(mean, 4, 1, 4, 7, 10);
    NEAR(order.safety_stock, 3, 1e-12);
    NEAR(order.cover, 5, 1e-12);
    NEAR(order.order_in, 1.5, 1e-12);
    order = mc_plan_order(mean, 4, 1, 4, 7, 6);
    assert_true(order.order_in == 0);
    order = mc_plan_order(mean, 4, 1, 4, 7, NAN);
    assert_true(isnan(order.cover) && order.reorder_point == 7);
    const double nothing[] = {0, 0};
    assert_true(isinf(mc_plan_order(nothing, 2, 1, 0, 0, 5).cover));

    const double value[] = {5, 80, NAN, 15, 0};
    struct mc_plan_ranked scratch[5];
    size_t by_value[5];
    char class_of[5];
    mc_plan_rank(value, 5, scratch, by_value);
    mc_plan_abc(value, 5, by_value, class_of);
    assert_memory_equal(class_of, "CACBC", 5);
    assert_int_equal(by_value[4], 2);

    double ratio, z, y[28];
    for (int t = 0; t < 28; t++)
        y[t] = t < 21 ? 5 + t % 3 : 12 + t % 3;
    assert_int_equal(mc_plan_trend(y, 28, 7, &ratio, &z), MC_TREND_RISING);
    assert_int_equal(mc_plan_trend(y, 21, 7, &ratio, &z), MC_TREND_STEADY);
    assert_int_equal(mc_plan_trend(y, 10, 7, &ratio, &z), MC_TREND_NEW);
    assert_int_equal(mc_plan_xyz(y, 21, 7), 'X');
    assert_int_equal(mc_plan_xyz(y, 10, 7), 'Z');
}

static void test_singles_answer(void **state) {
    (void)state;
    const double y[] = {3, NAN, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8};
    double out[4];
    for (int method = 0; method < MC_SINGLES; method++) {
        assert_non_null(mc_single_name((enum mc_single)method));
        for (size_t n = 0; n <= 12; n++) {
            assert_int_equal(mc_single_forecast((enum mc_single)method, y, n, 4, 4, out, NULL), MC_OK);
            for (int t = 0; t < 4; t++)
                assert_true(isfinite(out[t]));
        }
    }
    mc_single_forecast(MC_SINGLE_SEASONAL_NAIVE, y, 12, 4, 4, out, NULL);
    assert_true(out[0] == 8 && out[3] == 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimise),       cmocka_unit_test(test_season),
        cmocka_unit_test(test_fill),           cmocka_unit_test(test_ses_is_least_squares),
        cmocka_unit_test(test_straight_line),  cmocka_unit_test(test_ets_finds_its_model),
        cmocka_unit_test(test_intermittent),   cmocka_unit_test(test_stack),
        cmocka_unit_test(test_accuracy),       cmocka_unit_test(test_plan),
        cmocka_unit_test(test_singles_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Special functions against identities and values that are known in closed form. */
#include "base/rng.h"
#include "model/clv_math.h"
#include "model/clv_optim.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/clv_cdnow.h"

#define EULER 0.57721566490153286
#define PI 3.14159265358979324

static void digamma_meets_known_values(void **state) {
    (void)state;
    expect_near(mc_digamma(1), -EULER, 1e-12, "digamma(1)");
    expect_near(mc_digamma(0.5), -EULER - 2 * log(2), 1e-12, "digamma(1/2)");
    expect_near(mc_digamma(0.25), -EULER - PI / 2 - 3 * log(2), 1e-12, "digamma(1/4)");
    assert_true(isnan(mc_digamma(0)) && isnan(mc_digamma(-1)) && isnan(mc_log_gamma(-0.5)));
}

static void digamma_is_the_slope_of_log_gamma(void **state) {
    (void)state;
    struct mc_rng rng;
    mc_rng_seed(&rng, 1);
    for (int i = 0; i < 1000; i++) {
        double x = wild(&rng, 4), d = 1e-5 * x, slope = (mc_log_gamma(x + d) - mc_log_gamma(x - d)) / (2 * d);
        expect_near(mc_digamma(x), slope, 1e-6 * (1 + fabs(slope)), "digamma");
    }
}

/* Abramowitz & Stegun 15.1: 2F1(a, b; b; z) = (1 - z)^-a stands just outside the domain; these are inside. */
static void hypergeometric_meets_closed_forms(void **state) {
    (void)state;
    static const double z[] = {0, 1e-9, 0.1, 0.5, 0.9, 0.99, 0.9999, 0.99999999};
    for (size_t i = 0; i < sizeof z / sizeof *z; i++) {
        double logarithm = z[i] > 0 ? -log1p(-z[i]) / z[i] : 1, root = sqrt(1 - z[i]);
        expect_near(mc_log_2f1(1, 1, 2, z[i]), log(logarithm), 1e-9, "2F1(1, 1; 2; z)");
        expect_near(mc_log_2f1(0.5, 1, 2, z[i]), log(2 / (1 + root)), 1e-9, "2F1(1/2, 1; 2; z)");
        expect_near(mc_log_2f1(1, 1.5, 3, z[i]), log(4 / ((1 + root) * (1 + root))), 1e-9, "2F1(1, 3/2; 3; z)");
        expect_near(mc_log_2f1(300, 1, 2, z[i]),
                    z[i] > 1e-6 ? -299 * log1p(-z[i]) + log(-expm1(299 * log1p(-z[i])) / (299 * z[i])) : 150 * z[i],
                    1e-8 * (1 + 300 * -log1p(-z[i])), "2F1(300, 1; 2; z)");
    }
}

/* (c - a) F(a - 1) + (2 a - c + (b - a) z) F + a (z - 1) F(a + 1) = 0, Abramowitz & Stegun 15.2.10. */
static void hypergeometric_meets_its_recurrence(void **state) {
    (void)state;
    struct mc_rng rng;
    mc_rng_seed(&rng, 2);
    for (int i = 0; i < 500; i++) {
        double a = 1 + wild(&rng, 2), b = wild(&rng, 2), c = b + wild(&rng, 2), z = 1 - wild(&rng, 2) / 101;
        double f = mc_log_2f1(a, b, c, z), less = exp(mc_log_2f1(a - 1, b, c, z) - f);
        double more = exp(mc_log_2f1(a + 1, b, c, z) - f);
        double sum = (c - a) * less + (2 * a - c + (b - a) * z) + a * (z - 1) * more;
        expect_near(sum, 0, 1e-7 * (a + c + b), "the recurrence of 2F1");
    }
}

static void hypergeometric_never_traps(void **state) {
    (void)state;
    struct mc_rng rng;
    mc_rng_seed(&rng, 3);
    assert_true(isnan(mc_log_2f1(1, 2, 2, 0.5)) && isnan(mc_log_2f1(1, 1, 2, 1)) && isnan(mc_log_2f1(-1, 1, 2, 0.5)));
    assert_true(isnan(mc_log_2f1(NAN, 1, 2, 0.5)) && isnan(mc_log_2f1(INFINITY, 1, 2, 0.5)));
    for (int i = 0; i < 2000; i++) {
        double b = wild(&rng, 8), f = mc_log_2f1(wild(&rng, 8), b, b + wild(&rng, 8) + 1e-3 * b, mc_rng_unit(&rng));
        assert_true(isnan(f) || f >= -1e-6);
    }
}

static void gauss_is_exact_for_polynomials(void **state) {
    (void)state;
    for (int power = 0; power < 2 * MC_GAUSS_NODES; power++) {
        double sum = 0;
        for (int i = 0; i < MC_GAUSS_NODES; i++)
            sum += mc_gauss_weight[i] * pow(mc_gauss_node[i], power);
        expect_near(sum, 1.0 / (power + 1), 1e-14, "the rule");
    }
}

/* With power 0 it is 1 / rate; with power 1, scale e^(rate scale) E1(rate scale). */
static void discounted_power_meets_closed_forms(void **state) {
    (void)state;
    expect_near(mc_discounted_power(3, 0, 0.01), 100, 1e-7, "power 0");
    expect_near(mc_discounted_power(1, 1, 1), 0.596347362323194, 1e-9, "Gompertz's constant");
    expect_near(mc_discounted_power(1e4, 2, 1e-9) / 1e4, 1, 1e-3, "the integral without discount");
    assert_true(isnan(mc_discounted_power(0, 1, 1)) && isnan(mc_discounted_power(1, 1, 0)));
}

static void log_sums_do_not_overflow(void **state) {
    (void)state;
    double slope;
    assert_true(mc_log1p_exp(800, &slope) == 800 && slope == 1);
    assert_true(mc_log1p_exp(-800, &slope) == 0 && slope == 0);
    expect_near(mc_log_add(1000, 1000), 1000 + log(2), 1e-12, "log(2 e^1000)");
    expect_near(mc_log_add(-INFINITY, 3), 3, 0, "log(0 + e^3)");
}

/* ---- the minimiser ---- */

static double rosenbrock(const double *x, double *g, void *calls) {
    double bend = x[1] - x[0] * x[0];
    ++*(int *)calls;
    g[0] = -400 * x[0] * bend - 2 * (1 - x[0]);
    g[1] = 200 * bend;
    return 100 * bend * bend + (1 - x[0]) * (1 - x[0]);
}

static void minimiser_finds_the_minimum(void **state) {
    (void)state;
    int calls = 0;
    struct mc_optim_box box = {.count = 2, .low = {-5, -5}, .high = {5, 5}};
    struct mc_optimum o = {.theta = {-1.2, 1}};
    mc_optim_minimise(rosenbrock, &calls, &box, false, 1e-8, &o);
    assert_true(o.converged && !o.at_bound[0] && !o.at_bound[1]);
    assert_int_equal(calls, o.evaluations);
    expect_near(o.theta[0], 1, 1e-6, "x");
    expect_near(o.theta[1], 1, 1e-6, "y");
}

static void minimiser_stops_at_bounds(void **state) {
    (void)state;
    int calls = 0;
    struct mc_optim_box box = {.count = 2, .low = {-5, -5}, .high = {0.5, 5}};
    struct mc_optimum o = {.theta = {9, -9}}; /* moved into the box */
    mc_optim_minimise(rosenbrock, &calls, &box, false, 1e-8, &o);
    assert_true(o.converged && o.at_bound[0] && !o.at_bound[1]);
    expect_near(o.theta[1], 0.25, 1e-6, "y at the bound of x");
}

static double hostile(const double *x, double *g, void *kind) {
    g[0] = *(int *)kind == 0 ? NAN : x[0];
    return *(int *)kind == 0 ? NAN : *(int *)kind == 1 ? -INFINITY : x[0] > 0.5 ? NAN : -x[0];
}

static void minimiser_ends_whatever_it_is_given(void **state) {
    (void)state;
    struct mc_optim_box box = {.count = 1, .low = {-5}, .high = {5}};
    for (int kind = 0; kind < 3; kind++) {
        struct mc_optimum o = {.theta = {0.1}};
        mc_optim_minimise(hostile, &kind, &box, false, 1e-8, &o);
        assert_true(o.evaluations <= MC_OPTIM_EVALUATIONS && !o.converged);
    }
}

static void inverse_times_matrix_is_one(void **state) {
    (void)state;
    double m[MC_OPTIM_MAX][MC_OPTIM_MAX] = {{4, 1, 0.5}, {1, 3, -0.2}, {0.5, -0.2, 2}};
    double inverse[MC_OPTIM_MAX][MC_OPTIM_MAX];
    assert_true(mc_optim_invert(3, m, inverse));
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            double sum = 0;
            for (size_t k = 0; k < 3; k++)
                sum += m[i][k] * inverse[k][j];
            expect_near(sum, i == j, 1e-14, "an entry");
        }
    m[2][2] = -1;
    assert_false(mc_optim_invert(3, m, inverse));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digamma_meets_known_values),          cmocka_unit_test(digamma_is_the_slope_of_log_gamma),
        cmocka_unit_test(hypergeometric_meets_closed_forms),   cmocka_unit_test(hypergeometric_meets_its_recurrence),
        cmocka_unit_test(hypergeometric_never_traps),          cmocka_unit_test(gauss_is_exact_for_polynomials),
        cmocka_unit_test(discounted_power_meets_closed_forms), cmocka_unit_test(log_sums_do_not_overflow),
        cmocka_unit_test(minimiser_finds_the_minimum),         cmocka_unit_test(minimiser_stops_at_bounds),
        cmocka_unit_test(minimiser_ends_whatever_it_is_given), cmocka_unit_test(inverse_times_matrix_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

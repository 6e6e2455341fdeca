/* Gamma-Gamma: gradient, invariances, limits, hostile input. Its published figures are in clv_golden_test.c. */
#include "base/mem.h"
#include "model/clv_gammagamma.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/clv_cdnow.h"

static struct cdnow cdnow;

static int read_data(void **state) {
    (void)state;
    return cdnow_read(&cdnow) ? 0 : -1;
}

static struct mc_gg_model fit(const struct mc_gg_spend *spend, size_t count) {
    struct mc_gg_model m;
    struct mc_error e = {0};
    if (mc_gg_fit(spend, count, &m, &e) != MC_OK)
        fail_msg("%s", e.text);
    return m;
}

static void gradient_is_the_slope(void **state) {
    (void)state;
    struct mc_rng rng;
    struct mc_gg_spend spend[20];
    mc_rng_seed(&rng, 31);
    for (int round = 0; round < 200; round++) {
        double params[3] = {wild(&rng, 1), 1 + wild(&rng, 1), wild(&rng, 2)}, gradient[3], unused[3];
        for (size_t i = 0; i < 20; i++)
            spend[i] = (struct mc_gg_spend){(double)mc_rng_below(&rng, 30), wild(&rng, 2)};
        double value = mc_gg_log_likelihood(spend, 20, params, gradient);
        for (int i = 0; i < 3; i++) {
            double kept = params[i], d = 1e-5 * kept;
            params[i] = kept + d;
            double above = mc_gg_log_likelihood(spend, 20, params, unused);
            params[i] = kept - d;
            double below = mc_gg_log_likelihood(spend, 20, params, unused);
            params[i] = kept;
            double slope = (above - below) / (2 * d);
            expect_near(gradient[i], slope, 1e-5 * (1 + fabs(slope) + fabs(value) * 1e-9 / d), "gradient");
        }
    }
}

static void fit_is_at_the_top(void **state) {
    (void)state;
    struct mc_gg_model m = fit(cdnow.spend, CDNOW_CUSTOMERS);
    double gradient[3];
    expect_near(mc_gg_log_likelihood(cdnow.spend, CDNOW_CUSTOMERS, m.params, gradient), m.log_likelihood, 1e-6,
                "log-likelihood");
    for (int i = 0; i < 3; i++) {
        expect_near(gradient[i] * m.params[i] / m.customers, 0, 1e-6, "gradient at the optimum");
        assert_true(m.error[i] > 0 && m.error[i] < m.params[i]);
    }
}

static void order_does_not_matter_and_money_scales(void **state) {
    (void)state;
    static const double factors[] = {100, 1e-6, 1e9};
    static struct mc_gg_spend other[CDNOW_CUSTOMERS];
    struct mc_gg_model a = fit(cdnow.spend, CDNOW_CUSTOMERS);
    for (size_t i = 0; i < CDNOW_CUSTOMERS; i++)
        other[i] = cdnow.spend[CDNOW_CUSTOMERS - 1 - i];
    struct mc_gg_model b = fit(other, CDNOW_CUSTOMERS);
    assert_memory_equal(a.params, b.params, sizeof a.params);
    for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) {
        for (size_t i = 0; i < CDNOW_CUSTOMERS; i++)
            other[i] = (struct mc_gg_spend){cdnow.spend[i].count, cdnow.spend[i].mean * factors[k]};
        b = fit(other, CDNOW_CUSTOMERS);
        expect_near(b.params[0], a.params[0], 1e-4 * a.params[0], "p");
        expect_near(b.params[1], a.params[1], 1e-4 * a.params[1], "q");
        expect_near(b.params[2] / factors[k], a.params[2], 1e-4 * a.params[2], "gamma");
        expect_near(mc_gg_expected(&b, other[0]) / factors[k], mc_gg_expected(&a, cdnow.spend[0]), 1e-3, "spend");
        expect_near(b.log_likelihood, a.log_likelihood - 946 * log(factors[k]), 1e-3, "log-likelihood");
    }
}

static void little_to_learn_from_is_stated(void **state) {
    (void)state;
    struct mc_gg_spend spend[100] = {{0, 0}, {2, 30}, {1, -5}, {3, 10}};
    struct mc_gg_model m = fit(spend, 4);
    assert_true(m.note == MC_GG_NOTE_FEW && m.customers == 2 && m.mean == 20);
    assert_true(mc_gg_expected(&m, spend[3]) == 20 && mc_gg_note_text(m.note)[0] != '\0');
    m = fit(spend, 0);
    assert_true(m.note == MC_GG_NOTE_FEW && m.mean == 0);
    for (size_t i = 0; i < 100; i++)
        spend[i] = (struct mc_gg_spend){3, 25}; /* everybody spends the same */
    m = fit(spend, 100);
    expect_near(mc_gg_expected(&m, spend[0]), 25, 0.1, "the one spend there is");
    expect_near(m.mean, 25, 0.5, "the mean");
}

static void heavy_tails_have_an_answer(void **state) {
    (void)state;
    struct mc_rng rng;
    static struct mc_gg_spend spend[2000];
    mc_rng_seed(&rng, 32);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 2000; i++)
            spend[i] = (struct mc_gg_spend){1 + (double)mc_rng_below(&rng, 5), exp(3 * wild(&rng, 0.5 + round / 20.0))};
        struct mc_gg_model m = fit(spend, 2000);
        assert_true(m.note != MC_GG_NOTE_UNCONVERGED && isfinite(m.log_likelihood) && m.params[1] > 1);
        for (size_t i = 0; i < 2000; i++)
            assert_true(mc_gg_expected(&m, spend[i]) > 0 && isfinite(mc_gg_expected(&m, spend[i])));
    }
}

static void bad_spend_is_named(void **state) {
    (void)state;
    static const struct mc_gg_spend bad[] = {{NAN, 1}, {-1, 1}, {1, NAN}, {1, INFINITY}, {INFINITY, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mc_gg_model m;
        struct mc_error e = {0};
        assert_int_equal(mc_gg_fit(&bad[i], 1, &m, &e), MC_ERR_FORMAT);
        assert_non_null(strstr(e.text, "customer 1"));
    }
    struct mc_gg_model m;
    struct mc_error e = {0};
    mc_mem_fail_at(1);
    assert_int_equal(mc_gg_fit(cdnow.spend, CDNOW_CUSTOMERS, &m, &e), MC_ERR_NOMEM);
    mc_mem_fail_at(0);
}

static void correlation_is_known(void **state) {
    (void)state;
    const struct mc_gg_spend line[] = {{1, 10}, {2, 20}, {3, 30}, {0, 99}};
    expect_near(mc_gg_correlation(line, 4), 1, 1e-12, "of a line");
    assert_true(isnan(mc_gg_correlation(line, 2)));
    expect_near(mc_gg_correlation(cdnow.spend, CDNOW_CUSTOMERS), 0.11, 0.01, "of the sample"); /* Fader & Hardie: .11 */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_is_the_slope),
        cmocka_unit_test(fit_is_at_the_top),
        cmocka_unit_test(order_does_not_matter_and_money_scales),
        cmocka_unit_test(little_to_learn_from_is_stated),
        cmocka_unit_test(heavy_tails_have_an_answer),
        cmocka_unit_test(bad_spend_is_named),
        cmocka_unit_test(correlation_is_known),
    };
    return cmocka_run_group_tests(tests, read_data, NULL);
}

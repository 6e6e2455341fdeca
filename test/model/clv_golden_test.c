/* Published figures of the customer-value models, each with its source and tolerance. */
#include "model/clv_bgnbd.h"
#include "model/clv_gammagamma.h"
#include "model/clv_holdout.h"
#include "model/clv_model.h"
#include "model/clv_pareto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/clv_cdnow.h"

static struct cdnow cdnow;
static struct mc_clv_counts counts;

static int read_data(void **state) {
    struct mc_error e;
    (void)state;
    if (!cdnow_read(&cdnow))
        return -1;
    return mc_clv_counts_make(cdnow.history, NULL, CDNOW_CUSTOMERS, &counts, &e);
}

static int free_data(void **state) {
    (void)state;
    mc_clv_counts_free(&counts);
    return 0;
}

static void data_is_the_published_sample(void **state) {
    (void)state;
    double repeaters = 0, spend = 0;
    for (size_t i = 0; i < CDNOW_CUSTOMERS; i++) {
        repeaters += cdnow.history[i].x > 0;
        spend += cdnow.spend[i].mean;
    }
    assert_true(counts.customers == 2357 && counts.repeats == 2457 && repeaters == 946);
    expect_near(spend / repeaters, 35.0786, 1e-3, "mean spend of repeaters");
}

/* Parameters within the published digits, log-likelihood within 0.01, holdout of 39 weeks within the published digits.
 */
static const struct {
    enum mc_clv_kind kind;
    double params[4], digits[4], log_likelihood, predicted, mae, rmse;
} fits[] = {
    /* Fader, Hardie & Lee 2005, "Counting your customers" the easy way */
    {MC_CLV_BGNBD, {.2426, 4.4136, .7929, 2.4259}, {1e-4, 1e-3, 1e-3, 1e-3}, -9582.429, 1653.4, .7855, 1.6080},
    /* Batislam, Denizel & Filiztekin 2007 */
    {MC_CLV_MBGNBD, {.5249, 6.1831, .8914, 1.6140}, {1e-4, 1e-3, 1e-3, 1e-3}, -9582.133, 1576.7, .7648, 1.6072},
    /* Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005 */
    {MC_CLV_PARETONBD, {.553, 10.578, .606, 11.669}, {1e-3, 3e-3, 1e-3, 3e-2}, -9594.976, 1665.5, .7545, 1.6028},
};

static void models_reach_their_published_optima(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof fits / sizeof *fits; k++) {
        struct mc_clv_model m;
        struct mc_error e;
        assert_int_equal(mc_clv_fit(fits[k].kind, &counts, &m, &e), MC_OK);
        assert_true(m.kind == fits[k].kind && m.note == MC_CLV_NOTE_NONE);
        for (int i = 0; i < 4; i++)
            expect_near(m.params[i], fits[k].params[i], fits[k].digits[i], mc_clv_param_name(m.kind, i));
        expect_near(m.log_likelihood, fits[k].log_likelihood, 0.01, mc_clv_kind_title(m.kind));
    }
}

static void holdout_is_as_published(void **state) {
    (void)state;
    static double predicted[CDNOW_CUSTOMERS];
    for (size_t k = 0; k < sizeof fits / sizeof *fits; k++) {
        struct mc_clv_model m;
        struct mc_error e;
        assert_int_equal(mc_clv_fit(fits[k].kind, &counts, &m, &e), MC_OK);
        for (size_t i = 0; i < CDNOW_CUSTOMERS; i++)
            predicted[i] = mc_clv_expected(&m, cdnow.history[i], 39);
        struct mc_clv_errors r = mc_clv_errors_of(predicted, cdnow.transactions, CDNOW_CUSTOMERS);
        assert_true(r.actual == 1882);
        expect_near(r.predicted, fits[k].predicted, 0.1, "predicted");
        expect_near(r.mae, fits[k].mae, 1e-4, "MAE");
        expect_near(r.rmse, fits[k].rmse, 1e-4, "RMSE");
    }
}

static void nbd_reaches_its_published_optimum(void **state) {
    (void)state;
    struct mc_clv_model m;
    struct mc_error e;
    assert_int_equal(mc_clv_fit(MC_CLV_NBD, &counts, &m, &e), MC_OK);
    expect_near(m.params[0], .3848, 1e-4, "r");
    expect_near(m.params[1], 12.072, 1e-3, "alpha");
    expect_near(m.log_likelihood, -9763.660, 0.01, "log-likelihood");
}

/* Fader & Hardie's spreadsheet notes use the parameters rounded to three digits. */
static const struct mc_clv_model bgnbd = {.kind = MC_CLV_BGNBD, .params = {.243, 4.414, .793, 2.426}};

static void bgnbd_point_values(void **state) {
    (void)state;
    static const double t[] = {.1429, 1, 3, 32, 39, 52, 78};
    static const double mean[] = {.007828, .053268, .150865, 1.045243, 1.196723, 1.446051, 1.860519};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        expect_near(mc_clv_new(&bgnbd, t[i]), mean[i], 1e-6, "E[X(t)]");
    expect_near(mc_clv_expected(&bgnbd, (struct mc_clv_history){2, 30.43, 38.86}, 39), 1.226028, 1e-6, "E[Y(39)]");
    expect_near(mc_clv_alive(&bgnbd, (struct mc_clv_history){2, 30.43, 38.86}), .726579, 1e-6, "P(alive)");
    expect_near(mc_clv_alive(&bgnbd, (struct mc_clv_history){23, 39, 39}), .968555, 1e-6, "P(alive)");
    expect_near(mc_clv_alive(&bgnbd, (struct mc_clv_history){5, 30, 39}), .705627, 1e-6, "P(alive)");
}

/* The parameters that the R package BTYD gives for this sample, whose vignette prints the values. */
static void pareto_point_values(void **state) {
    (void)state;
    const struct mc_clv_model m = {.kind = MC_CLV_PARETONBD, .params = {.5533971, 10.5801985, .6060625, 11.6562237}};
    const struct mc_clv_history busy = {26, 30.86, 31}, silent = {0, 0, 39};
    expect_near(mc_clv_alive(&m, busy), .9979, 5e-5, "P(alive)");
    expect_near(mc_clv_expected(&m, busy, 52), 25.46, 5e-3, "E[Y(52)]");
    expect_near(mc_clv_alive(&m, silent), .2942, 5e-5, "P(alive)");
    expect_near(mc_clv_new(&m, 52), 1.473, 5e-4, "E[X(52)]");
}

/* Where other packages overflow (lifetimes' tests). */
static void pareto_survives_what_overflows_elsewhere(void **state) {
    (void)state;
    const double params[] = {10.465, .00798565181, 3.0516, 2.82};
    expect_near(mc_clv_pareto_log_a0(params, (struct mc_clv_history){400, 5, 6}), -667.991281, 1e-6, "log A0");
    expect_near(mc_clv_pareto_log_a0(params, (struct mc_clv_history){500, 1, 37}), -9.476588, 1e-6, "log A0");
    expect_near(mc_clv_pareto_log_a0(params, (struct mc_clv_history){500, 4, 37}), -715.059793, 1e-6, "log A0");
    const struct mc_clv_model m = {.kind = MC_CLV_PARETONBD, .params = {.55, 10.58, .61, 11.67}};
    expect_near(mc_clv_expected(&m, (struct mc_clv_history){132, 200, 200}, 10), 6.2060517890, 1e-9, "E[Y(10)]");
    expect_near(mc_clv_expected(&m, (struct mc_clv_history){133, 200, 200}, 10), 6.2528722476, 1e-9, "E[Y(10)]");
}

/* Fader, Hardie & Lee 2005, "RFM and CLV: using iso-value curves". */
static void pareto_discounted_residual_transactions(void **state) {
    (void)state;
    static const double dert[] = {2.1992, 2.8435, 2.8671, 2.4454, 1.8405, 1.2624, .8096, .4948, .2920, .1679};
    const struct mc_clv_model m = {.kind = MC_CLV_PARETONBD, .params = {.5629966, 12.559037, .4081095, 10.5148048}};
    expect_near(mc_clv_residual(&m, (struct mc_clv_history){7, 35, 77.86}, .0027), 1.86418, 5e-6, "DERT");
    for (int x = 1; x <= 10; x++)
        expect_near(mc_clv_residual(&m, (struct mc_clv_history){x, 30, 77.86}, .0027), dert[x - 1], 5e-5, "DERT");
}

static void gamma_gamma_reaches_its_published_optimum(void **state) {
    (void)state;
    struct mc_gg_model m;
    struct mc_error e;
    assert_int_equal(mc_gg_fit(cdnow.spend, CDNOW_CUSTOMERS, &m, &e), MC_OK);
    assert_true(m.note == MC_GG_NOTE_NONE && m.customers == 946);
    expect_near(m.params[0], 6.25, 5e-3, "p");
    expect_near(m.params[1], 3.74, 5e-3, "q");
    expect_near(m.params[2], 15.44, 5e-3, "gamma");
    expect_near(m.log_likelihood, -4055.918, 0.01, "log-likelihood");
}

static void gamma_gamma_conditional_spend(void **state) {
    (void)state;
    static const double spend[] = {24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17};
    struct mc_gg_model m = {.params = {6.25, 3.74, 15.44}, .mean = 6.25 * 15.44 / 2.74};
    for (size_t i = 0; i < sizeof spend / sizeof *spend; i++) /* .05: the published ones use more digits */
        expect_near(mc_gg_expected(&m, cdnow.spend[i]), spend[i], 0.051, "expected spend");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_the_published_sample),
        cmocka_unit_test(models_reach_their_published_optima),
        cmocka_unit_test(holdout_is_as_published),
        cmocka_unit_test(nbd_reaches_its_published_optimum),
        cmocka_unit_test(bgnbd_point_values),
        cmocka_unit_test(pareto_point_values),
        cmocka_unit_test(pareto_survives_what_overflows_elsewhere),
        cmocka_unit_test(pareto_discounted_residual_transactions),
        cmocka_unit_test(gamma_gamma_reaches_its_published_optimum),
        cmocka_unit_test(gamma_gamma_conditional_spend),
    };
    return cmocka_run_group_tests(tests, read_data, free_data);
}

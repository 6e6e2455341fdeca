/* Measures of predictions, words for customers, the learnt score, and the study as a whole. */
#include "base/mem.h"
#include "model/clv_curves.h"
#include "model/clv_rank.h"
#include "model/clv_study.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/clv_cdnow.h"

/* ---- measures ---- */

static struct mc_clv_ranking rank_of(const double *score, const double *worth, size_t n) {
    struct mc_clv_ranking r;
    struct mc_error e = {0};
    assert_int_equal(mc_clv_ranking_of(score, worth, n, &r, &e), MC_OK);
    return r;
}

static void rankings_are_measured(void **state) {
    (void)state;
    enum { N = 10 };
    const double worth[N] = {5, 4, 3, 2, 1, 0, 0, 0, 0, 0}, constant[N] = {0};
    double reversed[N];
    for (size_t i = 0; i < N; i++)
        reversed[i] = -worth[i];
    struct mc_clv_ranking best = rank_of(worth, worth, N), none = rank_of(constant, worth, N);
    expect_near(best.gini, 1, 1e-12, "the perfect order");
    expect_near(best.top_decile_lift, 10 * 5 / 15.0, 1e-12, "its top tenth");
    expect_near(none.gini, 0, 1e-12, "no order");
    expect_near(none.top_decile_lift, 1, 1e-12, "its top tenth");
    assert_true(rank_of(reversed, worth, N).gini < -0.5);
    assert_true(isnan(rank_of(worth, constant, N).gini));
    assert_true(isnan(rank_of(worth, worth, 0).gini));
}

static void errors_and_deciles_are_measured(void **state) {
    (void)state;
    double predicted[25], actual[25];
    struct mc_clv_decile d[MC_CLV_DECILES];
    struct mc_error e = {0};
    double customers = 0, sum = 0;
    for (size_t i = 0; i < 25; i++) {
        predicted[i] = (double)i;
        actual[i] = (double)i + (i % 2 ? 3 : -1);
    }
    struct mc_clv_errors r = mc_clv_errors_of(predicted, actual, 25);
    expect_near(r.mae, (12 * 3 + 13) / 25.0, 1e-12, "MAE");
    expect_near(r.rmse, sqrt((12 * 9 + 13) / 25.0), 1e-12, "RMSE");
    assert_int_equal(mc_clv_deciles_of(predicted, actual, 25, d, &e), MC_OK);
    for (int i = 0; i < MC_CLV_DECILES; i++) {
        customers += d[i].customers;
        sum += d[i].customers * d[i].actual;
        assert_true(i == 0 || d[i].predicted > d[i - 1].predicted);
    }
    assert_true(customers == 25);
    expect_near(sum, r.actual, 1e-9, "the deciles' sum");
    assert_int_equal(mc_clv_deciles_of(NULL, NULL, 0, d, &e), MC_OK);
}

static void words_and_scores(void **state) {
    (void)state;
    struct mc_error e = {0};
    double value[10] = {9, 8, 7, 6, 5, 4, 3, 2, 1, NAN};
    int score[10];
    assert_int_equal(mc_rfm_scores(value, 10, score, &e), MC_OK);
    assert_true(score[0] == 5 && score[1] == 5 && score[2] == 4 && score[8] == 1 && score[9] == 1);
    for (int i = 0; i < 10; i++)
        value[i] = 4;
    assert_int_equal(mc_rfm_scores(value, 10, score, &e), MC_OK);
    assert_true(score[0] == 3 && score[9] == 3);
    assert_int_equal(mc_rfm_segment_of(5, 5, 5), MC_RFM_CHAMPION);
    assert_int_equal(mc_rfm_segment_of(1, 5, 5), MC_RFM_AT_RISK);
    assert_int_equal(mc_rfm_segment_of(1, 1, 1), MC_RFM_HIBERNATING);
    for (int r = 1; r <= 5; r++)
        for (int f = 1; f <= 5; f++)
            for (int m = 1; m <= 5; m++)
                assert_non_null(mc_rfm_segment_name(mc_rfm_segment_of(r, f, m)));
    assert_int_equal(mc_clv_word_of((struct mc_clv_history){0, 0, 3}, 1, 2), MC_CLV_NEW);
    assert_int_equal(mc_clv_word_of((struct mc_clv_history){0, 0, 30}, 1, 2), MC_CLV_LOST);
    assert_int_equal(mc_clv_word_of((struct mc_clv_history){4, 20, 30}, 0.9, 2), MC_CLV_ACTIVE);
    assert_int_equal(mc_clv_word_of((struct mc_clv_history){4, 20, 30}, 0.5, 2), MC_CLV_COOLING);
    assert_int_equal(mc_clv_word_of((struct mc_clv_history){4, 20, 30}, 0.1, 2), MC_CLV_LOST);
}

/* Worth that is proportional to one feature: the score finds it, and fits what it says in sum. */
static void the_score_learns(void **state) {
    (void)state;
    enum { N = 2000 };
    static struct mc_clv_rank_input in[N];
    static double worth[N], score[N];
    struct mc_rng rng;
    struct mc_clv_rank rank;
    double sum = 0, said = 0;
    mc_rng_seed(&rng, 51);
    for (size_t i = 0; i < N; i++) {
        double x = floor(wild(&rng, 0.7));
        in[i] = (struct mc_clv_rank_input){{x, x > 0 ? 5 : 0, 10}, wild(&rng, 0.5), wild(&rng, 0.5), wild(&rng, 1)};
        worth[i] = 100 * in[i].expected * in[i].mean * (mc_rng_below(&rng, 4) == 0 ? 4 : 0);
        sum += worth[i];
    }
    assert_true(mc_clv_rank_learn(in, worth, N, NULL, 0, &rank));
    for (size_t i = 0; i < N; i++)
        said += score[i] = mc_clv_rank_score(&rank, &in[i]);
    expect_near(said / sum, 1, 1e-3, "the total");
    assert_true(rank_of(score, worth, N).gini > 0.35);
    for (size_t i = 0; i < N; i++)
        worth[i] = 0;
    assert_false(mc_clv_rank_learn(in, worth, N, NULL, 0, &rank));
    assert_false(mc_clv_rank_learn(in, worth, 5, NULL, 0, &rank));
}

/* ---- the whole, on a made-up store of known law ---- */

enum { CUSTOMERS = 1500, ORDERS_MAX = 60000, END = 500 };

static struct mc_clv_order orders[ORDERS_MAX];

static size_t make_store(uint64_t seed) {
    struct mc_rng rng;
    size_t n = 0;
    mc_rng_seed(&rng, seed);
    for (uint32_t c = 0; c < CUSTOMERS; c++) {
        double rate = -log(1 - mc_rng_unit(&rng)) * 0.02, spend = wild(&rng, 0.7) * 30;
        double stay = 0.02 + 0.3 * mc_rng_unit(&rng), t = mc_rng_unit(&rng) * 400;
        while (t < END && n < ORDERS_MAX) {
            orders[n++] = (struct mc_clv_order){c, (int32_t)t, spend * (0.5 + mc_rng_unit(&rng)), false};
            if (mc_rng_unit(&rng) < stay)
                break;
            t += -log(1 - mc_rng_unit(&rng)) / rate;
        }
    }
    return n;
}

static struct mc_clv_plan plan_of(int32_t as_of) {
    return (struct mc_clv_plan){.unit_days = 7,
                                .horizon = 20,
                                .rate = 0.002,
                                .choose = true,
                                .as_of = as_of,
                                .end = END - 1,
                                .lesson_days = mc_clv_lesson_days(0, as_of, END - 1 - as_of)};
}

static void a_study_says_what_it_should(void **state) {
    (void)state;
    struct mc_clv_transactions t;
    struct mc_clv_study s;
    struct mc_error e = {0};
    struct mc_clv_plan plan = plan_of(360);
    mc_clv_transactions_make(orders, make_store(61), &t);
    if (mc_clv_study_orders(orders, t.rows, CUSTOMERS, &plan, &s, &e) != MC_OK)
        fail_msg("%s", e.text);
    assert_true(s.lesson.held && s.holdout.held && s.lesson.scored && !s.corrected);
    assert_true(s.lesson.to == 360 && s.lesson.from < 360 && s.lesson.tried[MC_CLV_BGNBD]);
    expect_near(s.holdout.transactions.predicted / s.holdout.transactions.actual, 1, 0.15, "the total");
    assert_true(s.holdout.ranking[s.ranked_by].gini > 0.3 && s.holdout.ranking[s.ranked_by].top_decile_lift > 2);
    assert_true(s.holdout.transactions.rmse <= s.holdout.by_mean.rmse);
    for (size_t i = 0; i < s.count; i++) {
        const struct mc_clv_value *v = &s.values[i];
        assert_true(v->forecast.alive >= 0 && v->forecast.alive <= 1 && v->spend >= 0 && isfinite(v->score));
        assert_true(v->forecast.discounted >= 0 && v->forecast.low <= v->forecast.high);
    }
    struct mc_clv_track track[20];
    struct mc_clv_frequency f[MC_CLV_FREQUENCIES];
    assert_int_equal(mc_clv_tracking(&s.model, orders, t.rows, s.customers, s.count, 360, 7, track, 20, &e), MC_OK);
    assert_true(track[19].day == 360 && track[19].actual == s.counts.repeats);
    expect_near(track[19].predicted / track[19].actual, 1, 0.1, "tracking");
    assert_int_equal(mc_clv_frequencies(&s.model, &s.counts, f, &e), MC_OK);
    double actual = 0, predicted = 0;
    for (int i = 0; i < MC_CLV_FREQUENCIES; i++) {
        actual += f[i].actual;
        predicted += f[i].predicted;
    }
    expect_near(actual, (double)s.count, 0, "customers");
    expect_near(predicted, (double)s.count, 1e-6, "customers of the model");
    mc_clv_study_close(&s);
}

/* What comes after the day of the study changes nothing that is said on it. */
static void the_future_is_not_looked_at(void **state) {
    (void)state;
    struct mc_clv_transactions t;
    struct mc_clv_study a, b;
    struct mc_error e = {0};
    struct mc_clv_plan plan = plan_of(360);
    mc_clv_transactions_make(orders, make_store(62), &t);
    assert_int_equal(mc_clv_study_orders(orders, t.rows, CUSTOMERS, &plan, &a, &e), MC_OK);
    for (size_t i = 0; i < t.rows; i++)
        if (orders[i].day > 360)
            orders[i].amount *= 100 + (double)(i % 7);
    assert_int_equal(mc_clv_study_orders(orders, t.rows, CUSTOMERS, &plan, &b, &e), MC_OK);
    assert_int_equal(a.count, b.count);
    assert_true(a.ranked_by == b.ranked_by && a.model.kind == b.model.kind);
    for (size_t i = 0; i < a.count; i++)
        assert_memory_equal(&a.values[i], &b.values[i], sizeof a.values[i]);
    mc_clv_study_close(&a);
    mc_clv_study_close(&b);
}

static void studies_of_nothing_much(void **state) {
    (void)state;
    struct mc_clv_order one[] = {{0, 100, 5, false}, {1, 100, 0, false}, {2, 130, 7, false}};
    struct mc_clv_plan plan = plan_of(120);
    struct mc_clv_study s;
    struct mc_error e = {0};
    plan.end = 130;
    plan.lesson_days = 10;
    assert_int_equal(mc_clv_study_orders(one, 3, 3, &plan, &s, &e), MC_OK);
    assert_true(s.count == 2 && s.model.note == MC_CLV_NOTE_PRIOR && s.spend.note == MC_GG_NOTE_FEW);
    mc_clv_study_close(&s);
    plan.as_of = 99;
    assert_int_equal(mc_clv_study_orders(one, 3, 3, &plan, &s, &e), MC_ERR_FORMAT);
    assert_non_null(strstr(e.text, "no customer"));
}

static void every_lack_of_memory_is_an_error(void **state) {
    (void)state;
    struct mc_clv_transactions t;
    struct mc_clv_plan plan = plan_of(360);
    bool met = true;
    plan.choose = false;
    plan.kind = MC_CLV_BGNBD;
    make_store(63);
    mc_clv_transactions_make(orders, 600, &t);
    for (uint64_t n = 1; met; n++) {
        struct mc_clv_study s;
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = mc_clv_study_orders(orders, t.rows, CUSTOMERS, &plan, &s, &e);
        met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        mc_clv_study_close(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rankings_are_measured),
        cmocka_unit_test(errors_and_deciles_are_measured),
        cmocka_unit_test(words_and_scores),
        cmocka_unit_test(the_score_learns),
        cmocka_unit_test(a_study_says_what_it_should),
        cmocka_unit_test(the_future_is_not_looked_at),
        cmocka_unit_test(studies_of_nothing_much),
        cmocka_unit_test(every_lack_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Properties of the purchase models: gradients, laws, invariances, limits, hostile input. */
#include "base/mem.h"
#include "model/clv_bgnbd.h"
#include "model/clv_model.h"
#include "model/clv_pareto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/clv_cdnow.h"

enum { SOME = 400 };

static struct cdnow cdnow;

static int read_data(void **state) {
    (void)state;
    return cdnow_read(&cdnow) ? 0 : -1;
}

static struct mc_clv_counts count_up(const struct mc_clv_history *h, const double *weight, size_t n) {
    struct mc_clv_counts c;
    struct mc_error e = {0};
    if (mc_clv_counts_make(h, weight, n, &c, &e) != MC_OK)
        fail_msg("%s", e.text);
    return c;
}

static struct mc_clv_model fit(enum mc_clv_kind kind, const struct mc_clv_history *h, size_t n) {
    struct mc_clv_counts c = count_up(h, NULL, n);
    struct mc_clv_model m;
    struct mc_error e = {0};
    if (mc_clv_fit(kind, &c, &m, &e) != MC_OK)
        fail_msg("%s", e.text);
    mc_clv_counts_free(&c);
    return m;
}

static struct mc_clv_history any_history(struct mc_rng *rng, double x_max) {
    double T = mc_rng_below(rng, 10) == 0 ? 0 : wild(rng, 3), x = T > 0 ? floor(wild(rng, 1) * x_max / 10) : 0;
    double t_x = x > 0 ? T * (mc_rng_below(rng, 5) == 0 ? 1 : mc_rng_unit(rng)) : 0;
    return (struct mc_clv_history){x, t_x, T};
}

static struct mc_clv_model any_model(struct mc_rng *rng, enum mc_clv_kind kind, double size) {
    struct mc_clv_model m = {.kind = kind};
    for (int i = 0; i < 4; i++)
        m.params[i] = wild(rng, size);
    return m;
}

/* ---- likelihood ---- */

static void gradients_are_the_slopes(void **state) {
    (void)state;
    struct mc_rng rng;
    struct mc_clv_history h[30];
    double scratch[4 * 30], gradient[4], unused[4];
    mc_rng_seed(&rng, 11);
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < 30; i++)
            h[i] = any_history(&rng, 20);
        struct mc_clv_counts c = count_up(h, NULL, 30);
        for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
            struct mc_clv_model m = any_model(&rng, kind, 1.5);
            double value = mc_clv_log_likelihood(kind, &c, m.params, gradient, scratch);
            for (int i = 0; mc_clv_param_name(kind, i) != NULL && i < 4; i++) {
                double kept = m.params[i], d = 1e-5 * kept;
                m.params[i] = kept + d;
                double above = mc_clv_log_likelihood(kind, &c, m.params, unused, scratch);
                m.params[i] = kept - d;
                double below = mc_clv_log_likelihood(kind, &c, m.params, unused, scratch);
                m.params[i] = kept;
                double slope = (above - below) / (2 * d), scale = fabs(value) * 1e-9 / d + fabs(slope);
                expect_near(gradient[i], slope, 1e-5 * (1 + scale), mc_clv_param_name(kind, i));
            }
        }
        mc_clv_counts_free(&c);
    }
}

/* Fader, Hardie & Lee 2005, (6), and Batislam et al. 2007, (3), straight from the papers. */
static double bgnbd_by_the_book(bool early, const double *p, struct mc_clv_history h) {
    double r = p[0], alpha = p[1], a = p[2], b = p[3], x = h.x;
    double stay = exp(lgamma(a + b) - lgamma(b) + lgamma(b + x + early) - lgamma(a + b + x + early));
    double leave =
        exp(lgamma(a + b) - lgamma(a) - lgamma(b) + lgamma(a + 1) + lgamma(b + x - !early) - lgamma(a + b + x + early));
    double common = exp(lgamma(r + x) - lgamma(r) + r * log(alpha)), there = pow(alpha + h.T, -(r + x));
    return log(common * (stay * there + (x > 0 || early ? leave * pow(alpha + h.t_x, -(r + x)) : 0)));
}

static void likelihood_is_the_books(void **state) {
    (void)state;
    struct mc_rng rng;
    mc_rng_seed(&rng, 12);
    for (int i = 0; i < 2000; i++) {
        struct mc_clv_history h = any_history(&rng, 5);
        struct mc_clv_counts c = count_up(&h, NULL, 1);
        struct mc_clv_model m = any_model(&rng, MC_CLV_BGNBD, 0.7);
        double gradient[4], scratch[4];
        for (int early = 0; early < 2; early++)
            expect_near(mc_clv_bgnbd_log_likelihood(&c, early, m.params, gradient, scratch),
                        bgnbd_by_the_book(early, m.params, h), 1e-8 * (1 + h.x * 10), "log-likelihood");
        mc_clv_counts_free(&c);
    }
}

/* The same integral by a crude rule of a hundred thousand points. */
static void pareto_integral_is_right(void **state) {
    (void)state;
    struct mc_rng rng;
    enum { POINTS = 100000 };
    mc_rng_seed(&rng, 13);
    for (int i = 0; i < 40; i++) {
        struct mc_clv_history h = any_history(&rng, 30);
        struct mc_clv_model m = any_model(&rng, MC_CLV_PARETONBD, 1.5);
        double r = m.params[0], alpha = m.params[1], s = m.params[2], beta = m.params[3], sum = 0;
        double low = fmin(alpha, beta), end = log((low + h.T) / (low + h.t_x));
        if (h.t_x == h.T)
            continue;
        for (int k = 0; k < POINTS; k++) { /* the midpoint rule, in ln(low + y) */
            double y = (low + h.t_x) * exp(end * (k + 0.5) / POINTS) - low;
            sum += (low + y) *
                   exp(-(r + h.x) * log((alpha + y) / (alpha + h.t_x)) - (s + 1) * log((beta + y) / (beta + h.t_x)));
        }
        double log_a0 =
            log(sum * end / POINTS * (r + s + h.x)) - (r + h.x) * log(alpha + h.t_x) - (s + 1) * log(beta + h.t_x);
        expect_near(mc_clv_pareto_log_a0(m.params, h), log_a0, 1e-6 + 1e-9 * fabs(log_a0), "ln A0");
    }
}

/* ---- the future ---- */

/* The mean, in closed form: Fader, Hardie & Lee 2005, (10), with the sum of the hypergeometric series in the open. */
static void bgnbd_mean_is_the_books(void **state) {
    (void)state;
    struct mc_rng rng;
    mc_rng_seed(&rng, 14);
    for (int i = 0; i < 500; i++) {
        struct mc_clv_model m = any_model(&rng, MC_CLV_BGNBD, 0.7);
        struct mc_clv_history h = any_history(&rng, 5);
        double r = m.params[0], alpha = m.params[1], a = m.params[2], b = m.params[3], x = h.x, t = wild(&rng, 1.5);
        double z = t / (alpha + h.T + t), sum = 1, term = 1;
        for (int k = 0; k < 200000 && term > 1e-17 * sum; k++)
            sum += term *= (r + x + k) * (b + x + k) / ((a + b + x - 1 + k) * (k + 1)) * z;
        if (fabs(a - 1) < 0.02 || a + b + x - 1 < 0.02)
            continue; /* where the formula loses its digits, and ours does not */
        double mean = (a + b + x - 1) / (a - 1) * (1 - pow((alpha + h.T) / (alpha + h.T + t), r + x) * sum);
        expect_near(mc_clv_expected(&m, h, t), mean * mc_clv_alive(&m, h), 1e-8 * (1 + mean), "E[Y(t)]");
    }
}

/* Sums of tails are means, tails fall, and a longer time has more. */
static void laws_are_laws(void **state) {
    (void)state;
    struct mc_rng rng;
    static double tail[1 << 14];
    mc_rng_seed(&rng, 15);
    for (int i = 0; i < 400; i++)
        for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
            struct mc_clv_model m = any_model(&rng, kind, 1);
            struct mc_clv_history h = any_history(&rng, 10);
            struct mc_clv_law law = {.tail = tail, .capacity = 1 << 14};
            double t = wild(&rng, 1), sum = 0, above = 1;
            mc_clv_law_of(&m, h, t, &law);
            for (size_t n = 0; n < law.count; n++) {
                assert_true(tail[n] >= 0 && tail[n] <= above * (1 + 1e-9));
                sum += above = tail[n];
            }
            if (!law.cut)
                expect_near(sum, law.mean, 2e-3 * law.mean, mc_clv_kind_name(kind));
            assert_true(mc_clv_expected(&m, h, 2 * t) >= mc_clv_expected(&m, h, t));
            double low = mc_clv_law_quantile(&law, 0.9, 0.1), high = mc_clv_law_quantile(&law, 0.9, 0.9);
            assert_true(isnan(low) || isnan(high) || low <= high);
        }
}

/* Discounting hardly at all, for a time after which little comes; and against a sum over small steps. */
static void residuals_are_discounted_sums(void **state) {
    (void)state;
    struct mc_rng rng;
    mc_rng_seed(&rng, 16);
    for (int i = 0; i < 12; i++)
        for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
            struct mc_clv_model m = any_model(&rng, kind, 0.5);
            struct mc_clv_history h = any_history(&rng, 10);
            double rate = 0.02, sum = 0, before = 0, step = 0.5;
            for (int k = 1; k < 25 / rate / step; k++) {
                double t = k * step, now = mc_clv_expected(&m, h, t);
                sum += (now - before) * exp(-rate * (t - step / 2));
                before = now;
            }
            expect_near(mc_clv_residual(&m, h, rate), sum, 1e-3 * sum + 1e-9, mc_clv_kind_name(kind));
        }
}

static void prediction_of_all_is_that_of_each(void **state) {
    (void)state;
    struct mc_error e;
    static struct mc_clv_forecast f[CDNOW_CUSTOMERS];
    struct mc_clv_counts c = count_up(cdnow.history, NULL, CDNOW_CUSTOMERS);
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        struct mc_clv_model m = fit(kind, cdnow.history, CDNOW_CUSTOMERS);
        assert_int_equal(mc_clv_predict(&m, &c, &(struct mc_clv_question){39, 0.0027, true}, f, &e), MC_OK);
        for (size_t i = 0; i < CDNOW_CUSTOMERS; i += 13) {
            const struct mc_clv_forecast *of = &f[c.pattern_of[i]];
            expect_near(of->alive, mc_clv_alive(&m, cdnow.history[i]), 1e-15, "P(alive)");
            expect_near(of->expected, mc_clv_expected(&m, cdnow.history[i], 39), 1e-12, "E[Y(39)]");
            expect_near(of->discounted, mc_clv_residual(&m, cdnow.history[i], 0.0027), 1e-9, "residual");
            assert_true(of->low <= of->expected + 1 && of->high >= floor(of->expected) - 1 && of->low <= of->high);
        }
    }
    mc_clv_counts_free(&c);
}

/* The interval holds what came for at least about as many as it says. */
static void intervals_hold_what_came(void **state) {
    (void)state;
    struct mc_error e;
    static struct mc_clv_forecast f[CDNOW_CUSTOMERS];
    struct mc_clv_counts c = count_up(cdnow.history, NULL, CDNOW_CUSTOMERS);
    struct mc_clv_model m = fit(MC_CLV_PARETONBD, cdnow.history, CDNOW_CUSTOMERS);
    assert_int_equal(mc_clv_predict(&m, &c, &(struct mc_clv_question){39, 0, true}, f, &e), MC_OK);
    double within = 0;
    for (size_t i = 0; i < CDNOW_CUSTOMERS; i++) {
        const struct mc_clv_forecast *of = &f[c.pattern_of[i]];
        within += cdnow.transactions[i] >= of->low && cdnow.transactions[i] <= of->high;
    }
    assert_true(within / CDNOW_CUSTOMERS > 0.8);
    mc_clv_counts_free(&c);
}

/* ---- invariances ---- */

static void order_of_customers_changes_no_bit(void **state) {
    (void)state;
    struct mc_rng rng;
    static struct mc_clv_history shuffled[CDNOW_CUSTOMERS];
    mc_rng_seed(&rng, 17);
    memcpy(shuffled, cdnow.history, sizeof shuffled);
    for (size_t i = CDNOW_CUSTOMERS - 1; i > 0; i--) {
        size_t j = mc_rng_below(&rng, i + 1);
        struct mc_clv_history kept = shuffled[i];
        shuffled[i] = shuffled[j];
        shuffled[j] = kept;
    }
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        struct mc_clv_model a = fit(kind, cdnow.history, CDNOW_CUSTOMERS), b = fit(kind, shuffled, CDNOW_CUSTOMERS);
        assert_memory_equal(a.params, b.params, sizeof a.params);
        assert_memory_equal(&a.log_likelihood, &b.log_likelihood, sizeof a.log_likelihood);
        assert_memory_equal(a.error, b.error, sizeof a.error);
    }
}

static void weights_stand_for_customers(void **state) {
    (void)state;
    struct mc_clv_counts once = count_up(cdnow.history, NULL, CDNOW_CUSTOMERS);
    struct mc_clv_counts again = count_up(once.history, once.weight, once.count);
    assert_int_equal(again.count, once.count);
    assert_true(again.customers == once.customers && again.repeats == once.repeats);
    assert_memory_equal(again.weight, once.weight, once.count * sizeof *once.weight);
    mc_clv_counts_free(&once);
    mc_clv_counts_free(&again);
}

/* Days instead of weeks, and a unit of a thousandth: times scale, everything else stays. */
static void unit_of_time_does_not_matter(void **state) {
    (void)state;
    static const double factors[] = {7, 1e-3};
    static struct mc_clv_history scaled[CDNOW_CUSTOMERS];
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        struct mc_clv_model a = fit(kind, cdnow.history, CDNOW_CUSTOMERS);
        for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) {
            double f = factors[k];
            for (size_t i = 0; i < CDNOW_CUSTOMERS; i++)
                scaled[i] =
                    (struct mc_clv_history){cdnow.history[i].x, f * cdnow.history[i].t_x, f * cdnow.history[i].T};
            struct mc_clv_model b = fit(kind, scaled, CDNOW_CUSTOMERS);
            for (int i = 0; i < 4; i++) {
                double time = i == 1 || (i == 3 && kind == MC_CLV_PARETONBD) ? f : 1;
                expect_near(b.params[i], time * a.params[i], 1e-4 * time * a.params[i], mc_clv_param_name(kind, i));
            }
            expect_near(mc_clv_expected(&b, scaled[0], 39 * f), mc_clv_expected(&a, cdnow.history[0], 39), 1e-4,
                        "E[Y(39)]");
        }
    }
}

/* ---- where there is little to learn ---- */

static void no_repeat_purchase_is_a_stated_prior(void **state) {
    (void)state;
    struct mc_clv_history once[50];
    for (size_t i = 0; i < 50; i++)
        once[i] = (struct mc_clv_history){0, 0, (double)i};
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        struct mc_clv_model m = fit(kind, once, 50);
        assert_true(m.note == MC_CLV_NOTE_PRIOR && m.kind == MC_CLV_NBD && m.asked == kind && isnan(m.error[0]));
        assert_true(strlen(mc_clv_note_text(m.note)) > 0);
        /* half a purchase over 1,225 units of time */
        expect_near(m.params[0] / m.params[1], 0.5 / 1225, 1e-12, "the prior rate");
        double next = mc_clv_expected(&m, once[10], 10);
        assert_true(next > 0 && next < 0.1);
    }
    once[0] = (struct mc_clv_history){0, 0, 0}; /* everybody came today */
    assert_true(fit(MC_CLV_BGNBD, once, 1).note == MC_CLV_NOTE_PRIOR);
}

static void one_customer_is_enough(void **state) {
    (void)state;
    const struct mc_clv_history one = {3, 20, 30};
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        struct mc_clv_model m = fit(kind, &one, 1);
        double next = mc_clv_expected(&m, one, 30);
        assert_true(m.note != MC_CLV_NOTE_NONE && next >= 0 && next < 30);
        assert_true(isfinite(m.log_likelihood));
    }
}

/* Customers who never leave: the limit without leaving, by name. */
static void shops_without_dropout_fall_back(void **state) {
    (void)state;
    struct mc_rng rng;
    struct mc_clv_history h[200];
    int fallen = 0;
    mc_rng_seed(&rng, 18);
    for (int shop = 0; shop < 30; shop++) {
        for (size_t i = 0; i < 200; i++) {
            double T = 20 + 30 * mc_rng_unit(&rng), rate = 0.3 * -log(1 - mc_rng_unit(&rng)), t = 0, last = 0, x = 0;
            while ((t += -log(1 - mc_rng_unit(&rng)) / rate) < T) {
                last = t;
                x++;
            }
            h[i] = (struct mc_clv_history){x, last, T};
        }
        for (enum mc_clv_kind kind = MC_CLV_BGNBD; kind < MC_CLV_KINDS; kind++) {
            struct mc_clv_model m = fit(kind, h, 200), limit = fit(MC_CLV_NBD, h, 200);
            assert_true(m.log_likelihood >= limit.log_likelihood - 1e-6);
            assert_true(m.note != MC_CLV_NOTE_UNCONVERGED);
            fallen += m.note == MC_CLV_NOTE_NO_DROPOUT && m.kind == MC_CLV_NBD;
            double total = 0, past = 0;
            for (size_t i = 0; i < 200; i++) {
                total += mc_clv_expected(&m, h[i], h[i].T);
                past += h[i].x;
            }
            expect_near(total / past, 1, 0.25, "the next time as long");
        }
    }
    assert_true(fallen > 22); /* thirty shops and three models: where chance looks like leaving, that is fitted */
}

/* Draws from Gamma(shape, 1) by Marsaglia & Tsang's method. */
static double gamma_draw(struct mc_rng *rng, double shape) {
    if (shape < 1)
        return gamma_draw(rng, shape + 1) * pow(mc_rng_unit(rng), 1 / shape);
    for (double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);;) {
        double normal = sqrt(-2 * log(1 - mc_rng_unit(rng))) * cos(6.283185307179586 * mc_rng_unit(rng));
        double v = pow(fmax(0, 1 + c * normal), 3);
        if (v > 0 && log(1 - mc_rng_unit(rng)) < normal * normal / 2 + d - d * v + d * log(v))
            return d * v;
    }
}

static struct mc_clv_history bgnbd_draw(struct mc_rng *rng, double T) {
    double rate = gamma_draw(rng, .2426) / 4.4136, a = gamma_draw(rng, .7929), p = a / (a + gamma_draw(rng, 2.4259));
    double t = 0, last = 0, x = 0;
    while ((t += -log(1 - mc_rng_unit(rng)) / rate) < T) {
        last = t;
        x++;
        if (mc_rng_unit(rng) < p)
            break;
    }
    return (struct mc_clv_history){x, last, T};
}

/* 100 customers each, where a fifth of the fits of other packages fail. */
static void small_shops_always_have_an_answer(void **state) {
    (void)state;
    struct mc_rng rng;
    struct mc_clv_history h[100];
    mc_rng_seed(&rng, 19);
    for (int shop = 0; shop < 40; shop++) {
        for (size_t i = 0; i < 100; i++)
            h[i] = bgnbd_draw(&rng, 27 + 12 * mc_rng_unit(&rng));
        for (enum mc_clv_kind kind = MC_CLV_BGNBD; kind < MC_CLV_KINDS; kind++) {
            struct mc_clv_model m = fit(kind, h, 100);
            assert_true(m.note != MC_CLV_NOTE_UNCONVERGED);
            for (size_t i = 0; i < 100; i++) {
                double next = mc_clv_expected(&m, h[i], 39), alive = mc_clv_alive(&m, h[i]);
                assert_true(next >= 0 && next < 39 * (h[i].x + 5) && alive >= 0 && alive <= 1);
            }
        }
    }
}

/* The truth is found again, within three standard errors, from 30,000 customers. */
static void parameters_are_found_again(void **state) {
    (void)state;
    enum { MANY = 30000 };
    static struct mc_clv_history h[MANY];
    static const double truth[] = {.2426, 4.4136, .7929, 2.4259};
    struct mc_rng rng;
    mc_rng_seed(&rng, 20);
    for (size_t i = 0; i < MANY; i++)
        h[i] = bgnbd_draw(&rng, 27 + 12 * mc_rng_unit(&rng));
    struct mc_clv_model m = fit(MC_CLV_BGNBD, h, MANY);
    assert_true(m.note == MC_CLV_NOTE_NONE);
    for (int i = 0; i < 4; i++)
        expect_near(m.params[i], truth[i], 3 * m.error[i], mc_clv_param_name(MC_CLV_BGNBD, i));
}

static void extremes_have_answers(void **state) {
    (void)state;
    struct mc_clv_history h[SOME];
    struct mc_rng rng;
    mc_rng_seed(&rng, 21);
    for (size_t i = 0; i < SOME; i++) { /* x of 10,000, decades, equal times */
        double T = i % 3 == 0 ? 3000 : wild(&rng, 3), x = i % 5 == 0 ? 10000 : i % 7 == 0 ? 400 : i % 2;
        h[i] = (struct mc_clv_history){x, x > 0 ? T * (i % 2 ? 1 : mc_rng_unit(&rng)) : 0, T};
    }
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        struct mc_clv_model m = fit(kind, h, SOME);
        assert_true(isfinite(m.log_likelihood));
        for (size_t i = 0; i < SOME; i++) {
            double alive = mc_clv_alive(&m, h[i]), next = mc_clv_expected(&m, h[i], 100);
            assert_true(alive >= 0 && alive <= 1 && next >= 0 && isfinite(next));
        }
    }
}

/* ---- hostile ---- */

static void bad_histories_are_named(void **state) {
    (void)state;
    static const struct mc_clv_history bad[] = {
        {-1, 0, 5}, {1.5, 1, 5}, {NAN, 1, 5}, {1, 6, 5},        {1, -1, 5},       {1, NAN, 5}, {0, 2, 5},
        {1, 1, -5}, {1, 1, NAN}, {1e9, 1, 5}, {1, 1, INFINITY}, {INFINITY, 1, 5}, {1, 1, 1e12}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mc_clv_history two[] = {{1, 1, 5}, bad[i]};
        struct mc_clv_counts c;
        struct mc_error e = {0};
        assert_int_equal(mc_clv_counts_make(two, NULL, 2, &c, &e), MC_ERR_FORMAT);
        assert_non_null(strstr(e.text, "customer 2"));
        assert_null(c.memory);
    }
    struct mc_clv_counts none = count_up(NULL, NULL, 0);
    struct mc_clv_model m;
    struct mc_error e = {0};
    assert_int_equal(mc_clv_fit(MC_CLV_BGNBD, &none, &m, &e), MC_ERR_FORMAT);
    mc_clv_counts_free(&none);
}

static void any_parameters_end_in_time(void **state) {
    (void)state;
    struct mc_rng rng;
    static double tail[MC_CLV_LAW_TERMS_MAX];
    mc_rng_seed(&rng, 22);
    for (int i = 0; i < 3000; i++) {
        enum mc_clv_kind kind = (enum mc_clv_kind)mc_rng_below(&rng, MC_CLV_KINDS);
        struct mc_clv_model m = any_model(&rng, kind, i % 2 ? 3 : 9);
        struct mc_clv_history h = any_history(&rng, i % 3 ? 10 : 10000);
        struct mc_clv_law law = {.tail = tail, .capacity = i % 4 ? 64 : MC_CLV_LAW_TERMS_MAX};
        double t = wild(&rng, 4), alive = mc_clv_alive(&m, h), gradient[4], scratch[4];
        assert_true(isnan(alive) || (alive >= 0 && alive <= 1));
        mc_clv_law_of(&m, h, t, &law);
        assert_true(law.count <= law.capacity && !(law.mean < 0));
        mc_clv_residual(&m, h, wild(&rng, 3));
        struct mc_clv_counts c = count_up(&h, NULL, 1);
        mc_clv_log_likelihood(kind, &c, m.params, gradient, scratch);
        mc_clv_counts_free(&c);
    }
}

static void every_lack_of_memory_is_an_error(void **state) {
    (void)state;
    bool met = true;
    for (uint64_t n = 1; met; n++) {
        struct mc_clv_counts c = {0};
        struct mc_clv_model m;
        struct mc_error e = {0};
        struct mc_clv_forecast f[CDNOW_CUSTOMERS];
        mc_mem_fail_at(n);
        enum mc_err err = mc_clv_counts_make(cdnow.history, NULL, CDNOW_CUSTOMERS, &c, &e);
        if (err == MC_OK)
            err = mc_clv_fit(MC_CLV_BGNBD, &c, &m, &e);
        if (err == MC_OK)
            err = mc_clv_predict(&m, &c, &(struct mc_clv_question){39, 0, true}, f, &e);
        met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        mc_clv_counts_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_the_slopes),
        cmocka_unit_test(likelihood_is_the_books),
        cmocka_unit_test(pareto_integral_is_right),
        cmocka_unit_test(bgnbd_mean_is_the_books),
        cmocka_unit_test(laws_are_laws),
        cmocka_unit_test(residuals_are_discounted_sums),
        cmocka_unit_test(prediction_of_all_is_that_of_each),
        cmocka_unit_test(intervals_hold_what_came),
        cmocka_unit_test(order_of_customers_changes_no_bit),
        cmocka_unit_test(weights_stand_for_customers),
        cmocka_unit_test(unit_of_time_does_not_matter),
        cmocka_unit_test(no_repeat_purchase_is_a_stated_prior),
        cmocka_unit_test(one_customer_is_enough),
        cmocka_unit_test(shops_without_dropout_fall_back),
        cmocka_unit_test(small_shops_always_have_an_answer),
        cmocka_unit_test(parameters_are_found_again),
        cmocka_unit_test(extremes_have_answers),
        cmocka_unit_test(bad_histories_are_named),
        cmocka_unit_test(any_parameters_end_in_time),
        cmocka_unit_test(every_lack_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, read_data, NULL);
}

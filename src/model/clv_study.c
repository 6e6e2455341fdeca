#include "model/clv_study.h"

#include "base/hash.h"
#include "base/mem.h"
#include "model/clv_rank.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { FOLDS = 5, GROUPS = 10 };

#define FACTOR_PRIOR 10 /* transactions as predicted, that the factor is drawn to 1 by */

static enum mc_err no_memory(size_t count, struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the values of %zu customers", count);
}

/* ---- a view: what is known on one day, and what came after ---- */

struct view {
    struct mc_clv_customer *customers;
    size_t count;
    struct mc_clv_counts counts;
    struct mc_gg_model spend;
    double units; /* of time to its end */
    double fresh, fresh_spend;
};

static void view_close(struct view *v) {
    mc_clv_counts_free(&v->counts);
    mc_free(v->customers);
    memset(v, 0, sizeof *v);
}

/* Counts and the spend model, from customers that are there. */
static enum mc_err view_learn(struct view *v, struct mc_error *e) {
    struct mc_clv_history *histories = mc_malloc((v->count + 1) * sizeof *histories);
    struct mc_gg_spend *spend = mc_malloc((v->count + 1) * sizeof *spend);
    enum mc_err err = histories != NULL && spend != NULL ? MC_OK : no_memory(v->count, e);
    assert(err != MC_OK || (histories != NULL && spend != NULL));
    for (size_t i = 0; i < v->count && err == MC_OK; i++) {
        histories[i] = v->customers[i].history;
        spend[i] = v->customers[i].repeat;
    }
    if (err == MC_OK)
        err = mc_clv_counts_make(histories, NULL, v->count, &v->counts, e);
    if (err == MC_OK)
        err = mc_gg_fit(spend, v->count, &v->spend, e);
    mc_free(histories);
    mc_free(spend);
    return err;
}

/* Too few repeat transactions for the spend model: the mean of all transactions, the first ones too. */
static void mean_of_all(struct view *v) {
    double sum = 0, n = 0;
    if (v->spend.note != MC_GG_NOTE_FEW)
        return;
    for (size_t i = 0; i < v->count; i++) {
        sum += v->customers[i].all.count * v->customers[i].all.mean;
        n += v->customers[i].all.count;
    }
    v->spend.mean = n > 0 ? fmax(sum / n, 0) : 0;
}

static enum mc_err view_open(const struct mc_clv_order *merged, size_t rows, size_t numbers, int32_t cutoff,
                             int32_t end, double unit_days, struct view *v, struct mc_error *e) {
    memset(v, 0, sizeof *v);
    v->units = (end - cutoff) / unit_days;
    v->customers = mc_malloc((numbers + 1) * sizeof *v->customers);
    if (v->customers == NULL)
        return no_memory(numbers, e);
    v->count = mc_clv_summary_make(merged, rows, cutoff, end, unit_days, v->customers, &v->fresh, &v->fresh_spend);
    enum mc_err err = view_learn(v, e);
    if (err == MC_OK)
        mean_of_all(v);
    return err;
}

/* ---- predictions in arrays by customer ---- */

static enum mc_err value_all(const struct view *v, const struct mc_clv_model *m, const struct mc_clv_question *question,
                             struct mc_clv_value *values, struct mc_error *e) {
    struct mc_clv_forecast *by_pattern = mc_malloc((v->counts.count + 1) * sizeof *by_pattern);
    if (by_pattern == NULL)
        return no_memory(v->count, e);
    enum mc_err err = mc_clv_predict(m, &v->counts, question, by_pattern, e);
    for (size_t i = 0; i < v->count && err == MC_OK; i++) {
        struct mc_clv_value *value = &values[i];
        value->forecast = by_pattern[v->counts.pattern_of[i]];
        value->mean = mc_gg_expected(&v->spend, v->customers[i].all);
        value->score = value->spend = value->forecast.expected * value->mean;
    }
    mc_free(by_pattern);
    return err;
}

/* Columns of a comparison, in one block. */
struct columns {
    double *expected, *spend, *count, *worth, *past, *score, *blend;
};

static bool columns_open(struct columns *c, size_t count) {
    double *block = mc_malloc((7 * count + 1) * sizeof *block);
    *c = (struct columns){block,
                          block + count,
                          block + 2 * count,
                          block + 3 * count,
                          block + 4 * count,
                          block + 5 * count,
                          block + 6 * count};
    return block != NULL;
}

static void columns_fill(struct columns *c, const struct view *v, const struct mc_clv_value *values) {
    for (size_t i = 0; i < v->count; i++) {
        c->expected[i] = values[i].forecast.expected;
        c->spend[i] = values[i].spend;
        c->count[i] = v->customers[i].future_count;
        c->worth[i] = v->customers[i].future_spend;
        c->past[i] = v->customers[i].spend;
        c->score[i] = values[i].score;
    }
}

static double blended(double score, double past) {
    return sqrt(fmax(score, 0) * fmax(past, 0));
}

/* How each of the four ways ranks what the customers then spent. */
static enum mc_err rank_all(struct columns *c, size_t count, struct mc_clv_ranking ranking[MC_CLV_RANKINGS],
                            struct mc_error *e) {
    const double *score[MC_CLV_RANKINGS] = {c->spend, c->past, c->score, c->blend};
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < count; i++)
        c->blend[i] = blended(c->score[i], c->past[i]);
    for (int k = 0; k < MC_CLV_RANKINGS && err == MC_OK; k++)
        err = mc_clv_ranking_of(score[k], c->worth, count, &ranking[k], e);
    return err;
}

/* ---- the lesson ---- */

/* One earlier stretch, worked through with one kind of model. */
struct rehearsal {
    struct view view;
    struct mc_clv_model model;
    struct mc_clv_value *values;
    struct columns columns;
};

static void rehearsal_close(struct rehearsal *r) {
    view_close(&r->view);
    mc_free(r->values);
    mc_free(r->columns.expected);
    memset(r, 0, sizeof *r);
}

static enum mc_err rehearse(struct rehearsal *r, enum mc_clv_kind kind, struct mc_error *e) {
    struct mc_clv_question question = {.horizon = r->view.units};
    enum mc_err err = mc_clv_fit(kind, &r->view.counts, &r->model, e);
    if (err == MC_OK)
        err = value_all(&r->view, &r->model, &question, r->values, e);
    if (err == MC_OK)
        columns_fill(&r->columns, &r->view, r->values);
    return err;
}

static enum mc_err rehearsal_open(const struct mc_clv_order *merged, size_t rows, size_t numbers, int32_t from,
                                  int32_t to, double unit_days, struct rehearsal *r, struct mc_error *e) {
    memset(r, 0, sizeof *r);
    enum mc_err err = view_open(merged, rows, numbers, from, to, unit_days, &r->view, e);
    if (err != MC_OK)
        return err;
    r->values = mc_calloc(r->view.count + 1, sizeof *r->values);
    if (r->values == NULL || !columns_open(&r->columns, r->view.count))
        return no_memory(r->view.count, e);
    return MC_OK;
}

static double factor_of(struct mc_clv_errors errors) {
    return (errors.actual + FACTOR_PRIOR) / (errors.predicted + FACTOR_PRIOR);
}

/* Tries the kinds; the rehearsal holds the last one tried. */
static enum mc_err try_kinds(struct rehearsal *r, const struct mc_clv_plan *plan, struct mc_clv_lesson *lesson,
                             enum mc_clv_kind *best, struct mc_error *e) {
    bool first = true;
    for (enum mc_clv_kind kind = 0; kind < MC_CLV_KINDS; kind++) {
        bool wanted = plan->choose ? kind != MC_CLV_NBD : kind == plan->kind;
        if (!wanted)
            continue;
        enum mc_err err = rehearse(r, kind, e);
        if (err != MC_OK)
            return err;
        lesson->tried[kind] = true;
        lesson->errors[kind] = mc_clv_errors_of(r->columns.expected, r->columns.count, r->view.count);
        lesson->log_likelihood[kind] = r->model.log_likelihood;
        if (first || lesson->errors[kind].rmse < lesson->errors[*best].rmse)
            *best = kind;
        first = false;
    }
    return MC_OK;
}

static struct mc_clv_rank_input *rank_inputs(const struct view *v, const struct mc_clv_value *values) {
    struct mc_clv_rank_input *inputs = mc_malloc((v->count + 1) * sizeof *inputs);
    for (size_t i = 0; i < v->count && inputs != NULL; i++)
        inputs[i] = (struct mc_clv_rank_input){v->customers[i].history, values[i].forecast.expected, values[i].mean,
                                               v->customers[i].spend};
    return inputs;
}

/* Scores each customer by what was learnt from the others: customers are parted by a hash of their number. */
static bool score_unseen(const struct rehearsal *r, const struct mc_clv_rank_input *inputs, int *part) {
    struct mc_clv_rank rank;
    for (size_t i = 0; i < r->view.count; i++)
        part[i] = (int)(mc_hash_mix(r->view.customers[i].number, 7) % FOLDS);
    for (int fold = 0; fold < FOLDS; fold++) {
        if (!mc_clv_rank_learn(inputs, r->columns.worth, r->view.count, part, fold, &rank))
            return false;
        for (size_t i = 0; i < r->view.count; i++)
            if (part[i] == fold)
                r->columns.score[i] = mc_clv_rank_score(&rank, &inputs[i]);
    }
    return true;
}

static enum mc_clv_ranked_by favourite(const struct mc_clv_lesson *lesson) {
    return lesson->scored ? MC_CLV_BY_BLEND : MC_CLV_BY_MODEL;
}

/* Moves the customers of one group to the front of the columns' copy; returns how many. */
static size_t pick_group(const struct rehearsal *r, int group, struct columns *picked) {
    const struct columns *c = &r->columns;
    size_t n = 0;
    for (size_t i = 0; i < r->view.count; i++) {
        if ((int)(mc_hash_mix(r->view.customers[i].number, 11) % GROUPS) != group)
            continue;
        picked->spend[n] = c->spend[i];
        picked->past[n] = c->past[i];
        picked->score[n] = c->score[i];
        picked->worth[n++] = c->worth[i];
    }
    return n;
}

/* The standard errors of the lesson's comparison, from how much it differs between groups of customers. */
static enum mc_err measure_noise(const struct rehearsal *r, struct mc_clv_lesson *lesson, struct mc_error *e) {
    double mean[MC_CLV_RANKINGS] = {0}, square[MC_CLV_RANKINGS] = {0};
    struct columns picked;
    enum mc_err err = columns_open(&picked, r->view.count) ? MC_OK : no_memory(r->view.count, e);
    for (int group = 0; group < GROUPS && err == MC_OK; group++) {
        struct mc_clv_ranking ranking[MC_CLV_RANKINGS];
        err = rank_all(&picked, pick_group(r, group, &picked), ranking, e);
        for (int k = 0; k < MC_CLV_RANKINGS && err == MC_OK; k++) {
            double d = ranking[k].gini - ranking[favourite(lesson)].gini;
            mean[k] += d / GROUPS;
            square[k] += d * d / GROUPS;
        }
    }
    for (int k = 0; k < MC_CLV_RANKINGS; k++)
        lesson->noise[k] = sqrt(fmax(0, square[k] - mean[k] * mean[k]) / (GROUPS - 1));
    mc_free(picked.expected);
    return err;
}

/* Learns the score, and compares it with past spend and the model on customers it has not seen. */
static enum mc_err learn_score(struct rehearsal *r, struct mc_clv_lesson *lesson, struct mc_clv_rank *rank,
                               struct mc_error *e) {
    struct mc_clv_rank_input *inputs = rank_inputs(&r->view, r->values);
    int *part = mc_malloc((r->view.count + 1) * sizeof *part);
    struct mc_clv_ranking ranking[MC_CLV_RANKINGS] = {{0}};
    enum mc_err err = inputs != NULL && part != NULL ? MC_OK : no_memory(r->view.count, e);
    assert(err != MC_OK || (inputs != NULL && part != NULL));
    if (err == MC_OK)
        lesson->scored =
            score_unseen(r, inputs, part) && mc_clv_rank_learn(inputs, r->columns.worth, r->view.count, NULL, 0, rank);
    if (err == MC_OK)
        err = rank_all(&r->columns, r->view.count, ranking, e);
    for (int k = 0; k < MC_CLV_RANKINGS && err == MC_OK; k++)
        lesson->gini[k] = k >= MC_CLV_BY_SCORE && !lesson->scored ? NAN : ranking[k].gini;
    if (err == MC_OK)
        err = measure_noise(r, lesson, e);
    mc_free(inputs);
    mc_free(part);
    return err;
}

/* Whether the factor of the stretch before the lesson would have helped in the lesson. */
static enum mc_err test_factor(const struct mc_clv_order *merged, size_t rows, size_t numbers,
                               const struct mc_clv_plan *plan, enum mc_clv_kind kind, struct mc_clv_lesson *lesson,
                               struct mc_error *e) {
    struct rehearsal r;
    struct mc_clv_errors in_lesson = lesson->errors[kind];
    int32_t days = lesson->to - lesson->from;
    enum mc_err err = rehearsal_open(merged, rows, numbers, lesson->from - days, lesson->from, plan->unit_days, &r, e);
    if (err == MC_OK && r.view.count > 0 && r.view.counts.repeats > 0)
        err = rehearse(&r, kind, e);
    if (err == MC_OK && r.view.count > 0 && r.view.counts.repeats > 0) {
        lesson->older_factor = factor_of(mc_clv_errors_of(r.columns.expected, r.columns.count, r.view.count));
        lesson->factor_tested = true;
        lesson->factor_helps = fabs(lesson->older_factor * in_lesson.predicted - in_lesson.actual) <
                               fabs(in_lesson.predicted - in_lesson.actual);
    }
    rehearsal_close(&r);
    return err;
}

static enum mc_err hold_lesson(const struct mc_clv_order *merged, size_t rows, size_t numbers, struct mc_clv_study *s,
                               enum mc_clv_kind *best, struct mc_clv_rank *rank, struct mc_error *e) {
    struct rehearsal r;
    struct mc_clv_lesson *lesson = &s->lesson;
    struct mc_clv_history *histories = NULL;
    lesson->to = s->plan.as_of;
    lesson->from = lesson->to - s->plan.lesson_days;
    enum mc_err err = rehearsal_open(merged, rows, numbers, lesson->from, lesson->to, s->plan.unit_days, &r, e);
    lesson->customers = r.view.count;
    if (err != MC_OK || r.view.count == 0)
        goto out;
    err = try_kinds(&r, &s->plan, lesson, best, e);
    if (err == MC_OK)
        err = rehearse(&r, *best, e);
    if (err == MC_OK)
        err = learn_score(&r, lesson, rank, e);
    if (err == MC_OK && (histories = mc_malloc(r.view.count * sizeof *histories)) == NULL)
        err = no_memory(r.view.count, e);
    if (err != MC_OK)
        goto out;
    assert(histories != NULL);
    for (size_t i = 0; i < r.view.count; i++)
        histories[i] = r.view.customers[i].history;
    mc_clv_rf_table_make(histories, r.columns.count, r.view.count, &lesson->table);
    lesson->factor = factor_of(lesson->errors[*best]);
    lesson->held = true;
    err = test_factor(merged, rows, numbers, &s->plan, *best, lesson, e);
out:
    mc_free(histories);
    rehearsal_close(&r);
    return err;
}

/* ---- the day of the study ---- */

/* NaN, of a group or lesson without spend, is never better. */
static enum mc_clv_ranked_by choose_ranking(const struct mc_clv_lesson *l) {
    enum mc_clv_ranked_by standard = l->held ? favourite(l) : MC_CLV_BY_MODEL, best = standard;
    for (int k = 0; k < MC_CLV_RANKINGS && l->held; k++)
        if (l->gini[k] > l->gini[standard] + l->noise[k] && l->gini[k] > l->gini[best])
            best = k;
    return best;
}

/* Scores by past spend, by what the lesson taught, or by both; the model's expected spend is there already. */
static enum mc_err score_all(const struct view *v, const struct mc_clv_model *m, enum mc_clv_ranked_by by,
                             double lesson_units, struct mc_clv_rank *rank, struct mc_clv_value *values,
                             struct mc_error *e) {
    for (size_t i = 0; i < v->count && by == MC_CLV_BY_PAST; i++)
        values[i].score = v->customers[i].spend;
    if (by < MC_CLV_BY_SCORE)
        return MC_OK;
    struct mc_clv_value *as_then = mc_calloc(v->count + 1, sizeof *as_then);
    enum mc_err err = as_then != NULL ? MC_OK : no_memory(v->count, e);
    /* the window is as long as the lesson's, for that is what the weights are for */
    if (err == MC_OK)
        err = value_all(v, m, &(struct mc_clv_question){.horizon = lesson_units}, as_then, e);
    struct mc_clv_rank_input *inputs = err == MC_OK ? rank_inputs(v, as_then) : NULL;
    if (err == MC_OK && inputs == NULL)
        err = no_memory(v->count, e);
    if (err == MC_OK)
        mc_clv_rank_adapt(rank, inputs, v->count);
    for (size_t i = 0; i < v->count && err == MC_OK; i++)
        values[i].score = mc_clv_rank_score(rank, &inputs[i]);
    for (size_t i = 0; i < v->count && err == MC_OK && by == MC_CLV_BY_BLEND; i++)
        values[i].score = blended(values[i].score, v->customers[i].spend);
    mc_free(as_then);
    mc_free(inputs);
    return err;
}

static void multiply(double *numbers, size_t count, double factor) {
    for (size_t i = 0; i < count; i++)
        numbers[i] *= factor;
}

/* Transactions by the two rivals that know the lesson, scaled to the holdout's length. */
static void measure_rivals(const struct view *v, const struct mc_clv_lesson *lesson, double scale, struct columns *c,
                           struct mc_clv_holdout *h) {
    for (size_t i = 0; i < v->count; i++) {
        c->expected[i] = scale * mc_clv_rf_table_predict(&lesson->table, v->customers[i].history);
        c->spend[i] = scale * lesson->table.mean;
    }
    h->by_table = mc_clv_errors_of(c->expected, c->count, v->count);
    h->by_mean = mc_clv_errors_of(c->spend, c->count, v->count);
}

static enum mc_err rank_rivals(const struct view *v, struct columns *c, bool lesson, struct mc_clv_holdout *h,
                               struct mc_error *e) {
    enum mc_err err = MC_OK;
    if (lesson) /* `expected` is the table's by now */
        err = mc_clv_ranking_of(c->expected, c->worth, v->count, &h->by_table_ranking, e);
    for (size_t i = 0; i < v->count; i++)
        c->score[i] = v->customers[i].history.x;
    return err == MC_OK ? mc_clv_ranking_of(c->score, c->worth, v->count, &h->by_frequency, e) : err;
}

/* `values` are forecasts for the holdout's length, not corrected. */
static enum mc_err measure(const struct view *v, const struct mc_clv_value *values, struct mc_clv_study *s,
                           struct mc_error *e) {
    struct mc_clv_holdout *h = &s->holdout;
    struct columns c = {0};
    if (!columns_open(&c, v->count))
        return no_memory(v->count, e);
    columns_fill(&c, v, values);
    h->held = true;
    h->days = v->units * s->plan.unit_days;
    h->fresh = v->fresh;
    h->fresh_spend = v->fresh_spend;
    h->transactions = mc_clv_errors_of(c.expected, c.count, v->count);
    h->spend = mc_clv_errors_of(c.spend, c.worth, v->count);
    enum mc_err err = mc_clv_deciles_of(c.expected, c.count, v->count, h->deciles, e);
    if (err == MC_OK)
        err = rank_all(&c, v->count, h->ranking, e);
    if (s->lesson.held) {
        multiply(c.expected, v->count, s->lesson.factor);
        multiply(c.spend, v->count, s->lesson.factor);
        h->corrected = mc_clv_errors_of(c.expected, c.count, v->count);
        h->corrected_spend = mc_clv_errors_of(c.spend, c.worth, v->count);
        measure_rivals(v, &s->lesson, h->days / (s->lesson.to - s->lesson.from), &c, h);
    }
    if (err == MC_OK)
        err = rank_rivals(v, &c, s->lesson.held, h, e);
    mc_free(c.expected);
    return err;
}

/* The holdout with forecasts of its own length, which need not be the plan's horizon. */
static enum mc_err hold_out(const struct view *v, struct mc_clv_study *s, struct mc_clv_rank *rank,
                            struct mc_error *e) {
    struct mc_clv_value *values = mc_calloc(v->count + 1, sizeof *values);
    double lesson_units = s->plan.lesson_days / s->plan.unit_days;
    enum mc_err err = values != NULL ? MC_OK : no_memory(v->count, e);
    if (err == MC_OK)
        err = value_all(v, &s->model, &(struct mc_clv_question){.horizon = v->units}, values, e);
    if (err == MC_OK)
        err = score_all(v, &s->model, s->lesson.scored ? MC_CLV_BY_SCORE : MC_CLV_BY_MODEL, lesson_units, rank, values,
                        e);
    if (err == MC_OK)
        err = measure(v, values, s, e);
    mc_free(values);
    return err;
}

/* A measured bias is corrected in forecasts of a future that nobody knows yet, where that has helped before. */
static void correct(struct mc_clv_study *s) {
    s->corrected = s->lesson.held && s->lesson.factor_helps && !s->holdout.held;
    for (size_t i = 0; i < s->count && s->corrected; i++) {
        struct mc_clv_value *v = &s->values[i];
        v->forecast.expected *= s->lesson.factor;
        v->forecast.discounted *= s->lesson.factor;
        v->spend *= s->lesson.factor;
    }
}

static enum mc_err correlate(const struct view *v, double *correlation, struct mc_error *e) {
    struct mc_gg_spend *spend = mc_malloc((v->count + 1) * sizeof *spend);
    if (spend == NULL)
        return no_memory(v->count, e);
    for (size_t i = 0; i < v->count; i++)
        spend[i] = v->customers[i].repeat;
    *correlation = mc_gg_correlation(spend, v->count);
    mc_free(spend);
    return MC_OK;
}

/* Fits and predicts on the day of the study; the view's customers and counts are the study's from then on. */
static enum mc_err conclude(struct view *v, enum mc_clv_kind kind, struct mc_clv_rank *rank, struct mc_clv_study *s,
                            struct mc_error *e) {
    const struct mc_clv_question question = {s->plan.horizon, s->plan.rate, true};
    double lesson_units = s->plan.lesson_days / s->plan.unit_days;
    s->ranked_by = choose_ranking(&s->lesson);
    s->spend = v->spend;
    s->values = mc_calloc(v->count + 1, sizeof *s->values);
    enum mc_err err = s->values != NULL ? MC_OK : no_memory(v->count, e);
    if (err == MC_OK)
        err = correlate(v, &s->spend_correlation, e);
    if (err == MC_OK)
        err = mc_clv_fit(kind, &v->counts, &s->model, e);
    if (err == MC_OK)
        err = value_all(v, &s->model, &question, s->values, e);
    if (err == MC_OK)
        err = score_all(v, &s->model, s->ranked_by, lesson_units, rank, s->values, e);
    if (err == MC_OK && v->units > 0)
        err = hold_out(v, s, rank, e);
    if (err != MC_OK)
        return err;
    s->gap = mc_clv_typical_gap(&v->counts);
    s->customers = v->customers;
    s->count = v->count;
    s->counts = v->counts;
    memset(v, 0, sizeof *v);
    correct(s);
    return MC_OK;
}

int32_t mc_clv_lesson_days(int32_t first_day, int32_t as_of, int32_t days) {
    double history = as_of - first_day, ahead = days;
    return history > 0 && ahead > 0 ? (int32_t)(history * ahead / (history + ahead)) : 0;
}

enum mc_err mc_clv_study_orders(const struct mc_clv_order *merged, size_t rows, size_t numbers,
                                const struct mc_clv_plan *plan, struct mc_clv_study *study, struct mc_error *e) {
    struct view v = {0};
    struct mc_clv_rank rank = {0};
    enum mc_clv_kind kind = plan->choose ? MC_CLV_BGNBD : plan->kind;
    memset(study, 0, sizeof *study);
    study->plan = *plan;
    study->dated = true;
    enum mc_err err = plan->lesson_days > 0 ? hold_lesson(merged, rows, numbers, study, &kind, &rank, e) : MC_OK;
    if (err == MC_OK)
        err = view_open(merged, rows, numbers, plan->as_of, plan->end, plan->unit_days, &v, e);
    if (err == MC_OK && v.count == 0)
        err = mc_error_set(e, MC_ERR_FORMAT, "no customer has bought anything by the day of the study");
    if (err == MC_OK)
        err = conclude(&v, kind, &rank, study, e);
    view_close(&v);
    if (err != MC_OK)
        mc_clv_study_close(study);
    return err;
}

/* Without dates there is no window to choose by: the greatest likelihood. */
static enum mc_err likeliest(const struct mc_clv_counts *c, enum mc_clv_kind *kind, struct mc_error *e) {
    double best = -INFINITY;
    for (enum mc_clv_kind k = MC_CLV_BGNBD; k < MC_CLV_KINDS; k++) {
        struct mc_clv_model m;
        enum mc_err err = mc_clv_fit(k, c, &m, e);
        if (err != MC_OK)
            return err;
        if (m.log_likelihood > best) {
            best = m.log_likelihood;
            *kind = k;
        }
    }
    return MC_OK;
}

enum mc_err mc_clv_study_summary(struct mc_clv_customer *customers, size_t count, const struct mc_clv_plan *plan,
                                 struct mc_clv_study *study, struct mc_error *e) {
    struct view v = {.customers = customers, .count = count};
    struct mc_clv_rank rank = {0};
    enum mc_clv_kind kind = plan->kind;
    memset(study, 0, sizeof *study);
    study->plan = *plan;
    enum mc_err err = view_learn(&v, e);
    if (err == MC_OK && count == 0)
        err = mc_error_set(e, MC_ERR_FORMAT, "there is no customer");
    if (err == MC_OK) {
        mean_of_all(&v);
        err = plan->choose ? likeliest(&v.counts, &kind, e) : MC_OK;
    }
    if (err == MC_OK)
        err = conclude(&v, kind, &rank, study, e);
    view_close(&v);
    if (err != MC_OK)
        mc_clv_study_close(study);
    return err;
}

void mc_clv_study_close(struct mc_clv_study *study) {
    mc_clv_counts_free(&study->counts);
    mc_free(study->customers);
    mc_free(study->values);
    memset(study, 0, sizeof *study);
}

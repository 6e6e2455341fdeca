/* maxcart clv: what customers are worth, from their orders.
 *
 * With --calibration-end everything is as it would have been said on that day, and what came after is held against it.
 * Without, two studies are made: one of the day a quarter before the end, which the newest quarter judges, and one of
 * the last day, whose predictions are given out. */
#include "app/commands.h"

#include "app/clv_report.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/time.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>

enum { QUARTER_DAYS = 91, SHORTEST_DAYS = 28, YEAR_DAYS = 365 };

/* As --model spells them, in its order. */
enum model_choice { CHOICE_AUTO, CHOICE_BGNBD, CHOICE_MBGNBD, CHOICE_PARETONBD };

struct arguments {
    const char *orders, *out, *html;
    int64_t calibration_end_us, horizon, discount, margin;
    int model, unit;
    bool json, summary;
};

static const struct {
    const char *name;
    double days;
} units[] = {{"week", 7}, {"day", 1}, {"month", 365.25 / 12}};

/* Everything a run holds. */
struct run {
    const struct arguments *a;
    struct mc_clv_input input;
    struct mc_clv_transactions transactions;
    struct mc_clv_study study, check;
    bool checked; /* check is there */
    struct mc_clv_track track[MC_CLV_TRACK_POINTS];
    struct mc_clv_frequency frequency[MC_CLV_FREQUENCIES];
    size_t *best, *rank;
    int *scores;
};

static enum mc_clv_kind kind_of(int choice) {
    static const enum mc_clv_kind kinds[] = {
        [CHOICE_AUTO] = MC_CLV_BGNBD,
        [CHOICE_BGNBD] = MC_CLV_BGNBD,
        [CHOICE_MBGNBD] = MC_CLV_MBGNBD,
        [CHOICE_PARETONBD] = MC_CLV_PARETONBD,
    };
    return kinds[choice];
}

static struct mc_clv_plan plan_of(const struct arguments *a, int32_t as_of, int32_t end) {
    double unit_days = units[a->unit].days;
    double default_horizon = end > as_of ? (end - as_of) / unit_days : YEAR_DAYS / unit_days;
    return (struct mc_clv_plan){
        .unit_days = unit_days,
        .horizon = a->horizon > 0 ? (double)a->horizon : round(default_horizon * 1e6) / 1e6,
        .rate = log1p((double)a->discount / 100) / 365.25 * unit_days,
        .kind = kind_of(a->model),
        .choose = a->model == CHOICE_AUTO,
        .as_of = as_of,
        .end = end,
    };
}

/* ---- orders ---- */

static enum mc_err study(struct run *r, const struct mc_clv_plan *plan, struct mc_clv_study *s, struct mc_error *e) {
    return mc_clv_study_orders(r->input.orders, r->transactions.rows, r->input.count, plan, s, e);
}

/* --calibration-end: one study, judged by what came after. */
static enum mc_err look_back(struct run *r, struct mc_error *e) {
    int64_t day = r->a->calibration_end_us / MC_DAY_US;
    if (day < r->transactions.first_day || day >= r->transactions.last_day) {
        struct mc_buf span = {0};
        mc_clv_put_day(&span, r->transactions.first_day);
        mc_buf_text(&span, " to ");
        mc_clv_put_day(&span, r->transactions.last_day);
        mc_error_set(e, MC_ERR_USAGE, "--calibration-end must lie within the orders' days, which go from %s",
                     mc_buf_cstr(&span));
        mc_buf_free(&span);
        return MC_ERR_USAGE;
    }
    struct mc_clv_plan plan = plan_of(r->a, (int32_t)day, r->transactions.last_day);
    double horizon_days = plan.horizon * plan.unit_days;
    if (plan.as_of + horizon_days < plan.end) /* judged by no more than was asked for */
        plan.end = plan.as_of + (int32_t)round(horizon_days);
    plan.lesson_days = mc_clv_lesson_days(r->transactions.first_day, plan.as_of, plan.end - plan.as_of);
    return study(r, &plan, &r->study, e);
}

static enum mc_err look_ahead(struct run *r, struct mc_error *e) {
    int32_t last = r->transactions.last_day, span = last - r->transactions.first_day;
    int32_t lesson = span < SHORTEST_DAYS ? 0 : span / 2 < QUARTER_DAYS ? span / 2 : QUARTER_DAYS;
    struct mc_clv_plan plan = plan_of(r->a, last, last);
    plan.lesson_days = lesson;
    if (lesson > 0) {
        struct mc_clv_plan earlier = plan;
        earlier.as_of = last - lesson;
        earlier.lesson_days = mc_clv_lesson_days(r->transactions.first_day, earlier.as_of, lesson);
        enum mc_err err = study(r, &earlier, &r->check, e);
        if (err != MC_OK)
            return err;
        r->checked = true;
    }
    return study(r, &plan, &r->study, e);
}

static enum mc_err study_orders(struct run *r, struct mc_error *e) {
    int32_t today = (int32_t)(mc_wall_now().us / MC_DAY_US);
    enum mc_err err = mc_clv_input_orders(r->a->orders, today, &r->input, e);
    if (err != MC_OK)
        return err;
    mc_clv_transactions_make(r->input.orders, r->input.order_count, &r->transactions);
    if (r->transactions.count == 0)
        return mc_error_set(e, MC_ERR_FORMAT, "%s holds refunds only: there is no purchase in it", r->a->orders);
    err = r->a->calibration_end_us != MC_TIME_NONE_US ? look_back(r, e) : look_ahead(r, e);
    if (err != MC_OK)
        return err;
    return mc_clv_tracking(&r->study.model, r->input.orders, r->transactions.rows, r->study.customers, r->study.count,
                           r->study.plan.end, r->study.plan.unit_days, r->track, MC_CLV_TRACK_POINTS, e);
}

static enum mc_err study_summary(struct run *r, struct mc_error *e) {
    if (r->a->calibration_end_us != MC_TIME_NONE_US)
        return mc_error_set(e, MC_ERR_USAGE, "--summary has no dates, so there is no --calibration-end");
    enum mc_err err = mc_clv_input_summary(r->a->orders, &r->input, e);
    if (err != MC_OK)
        return err;
    struct mc_clv_plan plan = plan_of(r->a, 0, 0);
    struct mc_clv_customer *customers = r->input.customers;
    r->input.customers = NULL; /* the study's from here on */
    return mc_clv_study_summary(customers, r->input.count, &plan, &r->study, e);
}

/* ---- ranks and scores ---- */

struct ranked {
    double score, expected;
    size_t at;
};

static int compare_ranked(const void *a, const void *b) {
    const struct ranked *p = a, *q = b;
    int order = (p->score < q->score) - (p->score > q->score);
    order = order ? order : (p->expected < q->expected) - (p->expected > q->expected);
    return order ? order : (p->at > q->at) - (p->at < q->at);
}

static enum mc_err rank(struct run *r, struct mc_error *e) {
    size_t count = r->study.count;
    struct ranked *ranked = mc_malloc((count + 1) * sizeof *ranked);
    r->best = mc_malloc((count + 1) * sizeof *r->best);
    r->rank = mc_malloc((count + 1) * sizeof *r->rank);
    enum mc_err err = ranked != NULL && r->best != NULL && r->rank != NULL
                          ? MC_OK
                          : mc_error_set(e, MC_ERR_NOMEM, "no memory to rank the customers");
    assert(err != MC_OK || (ranked != NULL && r->best != NULL && r->rank != NULL));
    for (size_t i = 0; i < count && err == MC_OK; i++)
        ranked[i] = (struct ranked){r->study.values[i].score, r->study.values[i].spend, i};
    if (err == MC_OK)
        mc_sort(ranked, count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < count && err == MC_OK; i++) {
        r->best[i] = ranked[i].at;
        r->rank[ranked[i].at] = i;
    }
    mc_free(ranked);
    return err;
}

static double rfm_value(const struct mc_clv_customer *c, int which) {
    return which == 0 ? c->history.t_x - c->history.T : which == 1 ? c->history.x : c->spend;
}

static enum mc_err score_rfm(struct run *r, struct mc_error *e) {
    size_t count = r->study.count;
    double *value = mc_malloc((count + 1) * sizeof *value);
    int *score = mc_malloc((count + 1) * sizeof *score);
    r->scores = mc_malloc((3 * count + 1) * sizeof *r->scores);
    enum mc_err err = value != NULL && score != NULL && r->scores != NULL
                          ? MC_OK
                          : mc_error_set(e, MC_ERR_NOMEM, "no memory to score the customers");
    assert(err != MC_OK || (value != NULL && score != NULL && r->scores != NULL));
    for (int which = 0; which < 3 && err == MC_OK; which++) {
        for (size_t i = 0; i < count; i++)
            value[i] = rfm_value(&r->study.customers[i], which);
        err = mc_rfm_scores(value, count, score, e);
        for (size_t i = 0; i < count && err == MC_OK; i++)
            r->scores[3 * i + (size_t)which] = score[i];
    }
    mc_free(value);
    mc_free(score);
    return err;
}

/* ---- telling ---- */

typedef void writer(struct mc_output *out, const struct mc_clv_report *report);

static void write_page(struct mc_output *out, const struct mc_clv_report *report) {
    mc_clv_report_html(&out->buf, report);
}

static enum mc_err write_file(const char *path, writer *write, const struct mc_clv_report *report, struct mc_error *e) {
    struct mc_output out = {.fd = -1};
    enum mc_err err = mc_output_open(&out, strcmp(path, "-") == 0 ? NULL : path, e);
    if (err != MC_OK)
        return err;
    write(&out, report);
    err = mc_output_close(&out, e);
    mc_output_drop(&out);
    return err;
}

static enum mc_err tell(struct mc_invocation *run, const struct run *r, struct mc_error *e) {
    const struct mc_clv_report report = {
        .file = r->a->orders,
        .unit = units[r->a->unit].name,
        .input = &r->input,
        .transactions = r->a->summary ? NULL : &r->transactions,
        .study = &r->study,
        .check = r->checked              ? &r->check
                 : r->study.holdout.held ? &r->study
                                         : NULL,
        .margin = (double)r->a->margin / 100,
        .discount_percent = r->a->discount,
        .track = r->a->summary ? NULL : r->track,
        .frequency = r->frequency,
        .best = r->best,
        .rank = r->rank,
        .scores = r->scores,
    };
    enum mc_err err = MC_OK;
    if (r->a->out != NULL)
        err = write_file(r->a->out, mc_clv_report_rows, &report, e);
    if (err == MC_OK && r->a->html != NULL)
        err = write_file(r->a->html, write_page, &report, e);
    if (err != MC_OK)
        return err;
    if (r->a->json)
        mc_clv_report_json(&run->out.buf, &report);
    else
        mc_clv_report_text(&run->out.buf, &report);
    return run->out.buf.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory for the report") : MC_OK;
}

static enum mc_err work(struct mc_invocation *run, struct run *r, struct mc_error *e) {
    enum mc_err err = r->a->summary ? study_summary(r, e) : study_orders(r, e);
    if (err == MC_OK)
        err = mc_clv_frequencies(&r->study.model, &r->study.counts, r->frequency, e);
    if (err == MC_OK)
        err = rank(r, e);
    if (err == MC_OK)
        err = score_rfm(r, e);
    return err == MC_OK ? tell(run, r, e) : err;
}

static enum mc_err run_clv(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    struct run r = {.a = arguments};
    if (r.a->orders == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "clv needs --orders FILE; see maxcart clv --help");
    if (r.a->out != NULL && r.a->html != NULL && strcmp(r.a->out, r.a->html) == 0)
        return mc_error_set(e, MC_ERR_USAGE, "--out and --html cannot be the same file");
    enum mc_err err = work(run, &r, e);
    mc_clv_study_close(&r.study);
    mc_clv_study_close(&r.check);
    mc_clv_input_close(&r.input);
    mc_free(r.best);
    mc_free(r.rank);
    mc_free(r.scores);
    return err;
}

static const struct mc_option clv_options[] = {
    {"orders", MC_OPTION_STRING, offsetof(struct arguments, orders), "FILE",
     "CSV customer_id,date,amount; - is standard input", 0, 0, NULL},
    {"summary", MC_OPTION_FLAG, offsetof(struct arguments, summary), NULL,
     "the file is customer_id,frequency,recency,T,monetary_value instead", 0, 0, NULL},
    {"model", MC_OPTION_CHOICE, offsetof(struct arguments, model), "NAME",
     "auto (default), bg-nbd, mbg-nbd or pareto-nbd", 0, 0, "auto|bg-nbd|mbg-nbd|pareto-nbd"},
    {"unit", MC_OPTION_CHOICE, offsetof(struct arguments, unit), "UNIT", "of time: week (default), day or month", 0, 0,
     "week|day|month"},
    {"calibration-end", MC_OPTION_INSTANT, offsetof(struct arguments, calibration_end_us), "DATE",
     "say everything as of this day, and compare it with what came after", 0, 0, NULL},
    {"horizon", MC_OPTION_INT, offsetof(struct arguments, horizon), "N",
     "units to predict (default: a year, or what came after --calibration-end)", 1, 100000, NULL},
    {"discount", MC_OPTION_INT, offsetof(struct arguments, discount), "PERCENT",
     "a year, for discounted_value (default 10)", 1, 1000, NULL},
    {"margin", MC_OPTION_INT, offsetof(struct arguments, margin), "PERCENT",
     "of the price that is left, for discounted_value (default 100)", 1, 100, NULL},
    {"json", MC_OPTION_FLAG, offsetof(struct arguments, json), NULL, "one JSON object", 0, 0, NULL},
    {"out", MC_OPTION_STRING, offsetof(struct arguments, out), "FILE", "CSV, one row a customer", 0, 0, NULL},
    {"html", MC_OPTION_STRING, offsetof(struct arguments, html), "FILE", "a page with plots, in one file", 0, 0, NULL},
    {0},
};

static const struct arguments clv_defaults = {.calibration_end_us = MC_TIME_NONE_US, .discount = 10, .margin = 100};

const struct mc_command mc_command_clv = {
    .name = "clv",
    .purpose = "Predicts what each customer is still worth, and checks itself",
    .operands = "",
    .about = "Fits the standard purchase models (BG/NBD, MBG/NBD, Pareto/NBD) and the\n"
             "Gamma-Gamma spend model to orders. It first predicts the newest quarter from\n"
             "what was known before, compares, and chooses the model by that.\n"
             "Orders of a customer on one day are one purchase; negative amounts are refunds\n"
             "and reduce spend; the first purchase is not counted in frequency; recency is\n"
             "the time from the first purchase to the last, not the time since.\n",
    .options = clv_options,
    .defaults = &clv_defaults,
    .arguments_size = sizeof(struct arguments),
    .without_config = true,
    .run = run_clv,
};

/* What customers are worth, honestly: fit on the past, predict what came after, measure, then predict the future.
 *
 * Two stretches of time matter. The *lesson* is the newest stretch before the day of the study (`as_of`): models are
 * fitted to what was known at its beginning, and what they say of it is compared with what happened. From the lesson
 * come the choice of the model (least RMSE of transactions), the correction of its bias (actual over predicted, drawn
 * slightly to 1), a score to rank customers by (clv_rank.h), and the choice of what they are ranked by: the geometric
 * mean of score and past spend (two forecasts are seldom wrong together), unless something else ranked the lesson's
 * spend better by more than a standard error, the score being tried on customers that it did not learn from. The
 * *holdout* is what came after `as_of`, if `end` is later: nothing in it is ever learnt from, so its figures are those
 * that would have been met.
 *
 * The order of customers does not matter if their numbers do not depend on it. Pure; one block of memory a study, freed
 * by mc_clv_study_close; any thread.
 */
#ifndef MC_MODEL_CLV_STUDY_H
#define MC_MODEL_CLV_STUDY_H

#include "model/clv_gammagamma.h"
#include "model/clv_holdout.h"
#include "model/clv_model.h"
#include "model/clv_rfm.h"
#include "model/clv_summary.h"

struct mc_clv_plan {
    double unit_days;      /* > 0 */
    double horizon;        /* units to predict after as_of, > 0 */
    double rate;           /* of discount, a unit of time; 0: no discounted value */
    enum mc_clv_kind kind; /* what to fit, if it is not to be chosen */
    bool choose;           /* among BG/NBD, MBG/NBD and Pareto/NBD */
    int32_t as_of, end;    /* days; end >= as_of; equal: no holdout */
    int32_t lesson_days;   /* 0: no lesson; mc_clv_lesson_days has a good length */
};

/* What is said of one customer. */
struct mc_clv_value {
    struct mc_clv_forecast forecast; /* within the plan's horizon */
    double mean;                     /* expected spend of a transaction */
    double spend;                    /* expected within the horizon */
    double score;                    /* to rank by, greatest first */
};

/* By what customers are ranked. */
enum mc_clv_ranked_by {
    MC_CLV_BY_MODEL, /* expected spend */
    MC_CLV_BY_PAST,  /* past spend */
    MC_CLV_BY_SCORE, /* the learnt score */
    MC_CLV_BY_BLEND, /* the geometric mean of the learnt score and past spend */
    MC_CLV_RANKINGS
};

struct mc_clv_lesson {
    bool held;        /* there was one */
    int32_t from, to; /* days: (from, to] */
    size_t customers;
    bool tried[MC_CLV_KINDS];
    struct mc_clv_errors errors[MC_CLV_KINDS]; /* of transactions */
    double log_likelihood[MC_CLV_KINDS];
    double factor;      /* actual over predicted transactions of the chosen model */
    bool factor_tested; /* there was a stretch before the lesson, whose factor could be tried on the lesson: */
    bool factor_helps;  /* it came nearer to the actual total than no correction */
    double older_factor;
    bool scored;                   /* a score could be learnt */
    double gini[MC_CLV_RANKINGS];  /* of spend in the lesson; with the score, on customers it did not learn from */
    double noise[MC_CLV_RANKINGS]; /* standard error of its difference to the blend's (to the model's without score) */
    struct mc_clv_rf_table table;  /* of transactions, a rival */
};

struct mc_clv_holdout {
    bool held;
    double days;
    struct mc_clv_errors transactions, spend; /* as the model says */
    struct mc_clv_errors corrected;           /* transactions times the lesson's factor */
    struct mc_clv_errors corrected_spend;
    struct mc_clv_errors by_table, by_mean;         /* rivals: recency-frequency table, one mean for all */
    struct mc_clv_ranking ranking[MC_CLV_RANKINGS]; /* of spend */
    struct mc_clv_ranking by_frequency, by_table_ranking;
    struct mc_clv_decile deciles[MC_CLV_DECILES]; /* of transactions */
    double fresh, fresh_spend; /* transactions and spend of customers who came after as_of: nobody predicted them */
};

struct mc_clv_study {
    struct mc_clv_plan plan;
    bool dated;                /* made from orders */
    struct mc_clv_model model; /* at as_of */
    struct mc_gg_model spend;  /* of repeat transactions, at as_of */
    double spend_correlation;  /* of their number and mean value */
    struct mc_clv_customer *customers;
    struct mc_clv_value *values; /* by customer */
    size_t count;
    struct mc_clv_counts counts;
    double gap;     /* mc_clv_typical_gap */
    bool corrected; /* values were multiplied by lesson.factor: only where the lesson says that it helps */
    enum mc_clv_ranked_by ranked_by;
    struct mc_clv_lesson lesson;
    struct mc_clv_holdout holdout;
};

/* A lesson that stands to the history before it as `days` ahead stand to the whole history: errors of a forecast grow
 * with that ratio. */
int32_t mc_clv_lesson_days(int32_t first_day, int32_t as_of, int32_t days);

/* Studies merged orders (clv_summary.h) of customers 0 to numbers - 1. A model's failure is none (clv_model.h).
 * MC_ERR_FORMAT: no customer before as_of; MC_ERR_NOMEM. The study is then closed. */
enum mc_err mc_clv_study_orders(const struct mc_clv_order *merged, size_t rows, size_t numbers,
                                const struct mc_clv_plan *plan, struct mc_clv_study *study, struct mc_error *e);

/* The same without dates: no lesson, no holdout. Takes `customers` (mc_malloc): the study frees them. */
enum mc_err mc_clv_study_summary(struct mc_clv_customer *customers, size_t count, const struct mc_clv_plan *plan,
                                 struct mc_clv_study *study, struct mc_error *e);

void mc_clv_study_close(struct mc_clv_study *study);

#endif

/* What `maxcart clv` says: text for the owner of a shop, JSON for programs, a row for each customer, a page with plots.
 *
 * All functions append to a buffer, whose `failed` says if memory ran out. One thread.
 */
#ifndef MC_APP_CLV_REPORT_H
#define MC_APP_CLV_REPORT_H

#include "app/clv_input.h"
#include "app/output.h"
#include "model/clv_curves.h"
#include "model/clv_study.h"

enum { MC_CLV_TRACK_POINTS = 60 };

/* Everything that is told. Borrowed. */
struct mc_clv_report {
    const char *file, *unit; /* "week" */
    const struct mc_clv_input *input;
    const struct mc_clv_transactions *transactions; /* NULL: the customers came summed up */
    const struct mc_clv_study *study;               /* of the day that the predictions start at */
    const struct mc_clv_study *check;               /* whose holdout is shown; NULL: there is none */
    double margin;                                  /* 0 to 1 */
    int64_t discount_percent;
    const struct mc_clv_track *track; /* MC_CLV_TRACK_POINTS of them; NULL: none */
    const struct mc_clv_frequency *frequency;
    const size_t *best; /* customers' places in the study, the first in rank first */
    const size_t *rank; /* the inverse of best: from 0 */
    const int *scores;  /* three a customer: recency, frequency, money */
};

void mc_clv_report_text(struct mc_buf *b, const struct mc_clv_report *r);
void mc_clv_report_json(struct mc_buf *b, const struct mc_clv_report *r);
void mc_clv_report_html(struct mc_buf *b, const struct mc_clv_report *r);

/* CSV, one row a customer, in the order of ids. */
void mc_clv_report_rows(struct mc_output *out, const struct mc_clv_report *r);

/* ---- shared by the parts ---- */

/* 12,345 or, with decimals, 12,345.67. "unknown" for what is not finite. */
void mc_clv_put_number(struct mc_buf *b, double value, int decimals);

/* 2019-10-01 */
void mc_clv_put_day(struct mc_buf *b, int32_t day);

const char *mc_clv_ranked_by_text(enum mc_clv_ranked_by by);

/* Sentences: how the model was chosen, and whether its past bias is corrected in the forecasts of the future, and why.
 */
void mc_clv_put_choice(struct mc_buf *b, const struct mc_clv_study *s);
void mc_clv_put_correction(struct mc_buf *b, const struct mc_clv_study *s);

/* Money that a customer is worth: discounted residual transactions at the expected spend, times the margin. */
double mc_clv_report_worth(const struct mc_clv_report *r, const struct mc_clv_value *value);

/* Customers and their expected spend by word. */
struct mc_clv_by_word {
    double customers, transactions, spend;
};
void mc_clv_report_words(const struct mc_clv_report *r, struct mc_clv_by_word words[MC_CLV_WORDS]);

#endif

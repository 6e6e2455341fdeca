/* A score for ranking customers by future spend, learnt from an earlier stretch of the store's own past.
 *
 * The purchase models rank by what they were made for, transactions to come; past spend alone often ranks future spend
 * better, because large and frequent buyers stay so in ways that the models' independence assumptions leave out. The
 * score is a Poisson regression (logarithmic link, fitted by Newton's method with a small ridge, so that it has one
 * optimum and always finds it) of spend in a window that followed an earlier cut-off, on what was known at that
 * cut-off: logs of the model's transactions, of the expected spend a transaction, of past spend, of x, and the share of
 * time since the last transaction. Nothing after the day for which it then scores is ever seen.
 *
 * Pure; any thread.
 */
#ifndef MC_MODEL_CLV_RANK_H
#define MC_MODEL_CLV_RANK_H

#include "base/err.h"
#include "model/clv_counts.h"
#include <stdbool.h>
#include <stddef.h>

enum { MC_CLV_RANK_FEATURES = 5, MC_CLV_RANK_WEIGHTS = MC_CLV_RANK_FEATURES + 1 };

/* What is known of a customer at a cut-off. */
struct mc_clv_rank_input {
    struct mc_clv_history history;
    double expected; /* transactions within the horizon, by the model */
    double mean;     /* expected spend of one */
    double spend;    /* so far */
};

struct mc_clv_rank {
    double weight[MC_CLV_RANK_WEIGHTS]; /* constant first; of standardised features */
    double centre[MC_CLV_RANK_FEATURES], scale[MC_CLV_RANK_FEATURES];
    double money; /* the mean spend so far, the unit of the feature; taken anew where it is applied */
    double time;  /* the longest T, likewise */
};

/* Learns from customers and what they then spent; those with part[i] == fold are left out if `part` is not NULL. False,
 * and nothing to be used, if nobody spent anything or there are fewer than 20 customers. */
bool mc_clv_rank_learn(const struct mc_clv_rank_input *inputs, const double *worth, size_t count, const int *part,
                       int fold, struct mc_clv_rank *rank);

/* The units of the features, from the customers that are to be scored. */
void mc_clv_rank_adapt(struct mc_clv_rank *rank, const struct mc_clv_rank_input *inputs, size_t count);

/* Expected spend in a window as long as the one that was learnt from. */
double mc_clv_rank_score(const struct mc_clv_rank *rank, const struct mc_clv_rank_input *input);

#endif

/* Customers' histories, those that are equal counted once with a weight: what all purchase models are fitted to.
 *
 * A history is (x, t_x, T): x repeat transactions, the last of them t_x after the first purchase, seen for T after the
 * first purchase. So t_x is an age at the last purchase ("recency" in the field's papers), not the time since it. All
 * times are in one unit of the caller's. The first purchase is not counted in x.
 *
 * Patterns are sorted by (x, T, t_x): sums over them come out the same to the last bit, whatever the order of the
 * customers. Also known are the distinct values among all T and t_x, because their logarithms are half of the work of a
 * likelihood. Memory is one block behind `memory`. Threads: any may read.
 */
#ifndef MC_MODEL_CLV_COUNTS_H
#define MC_MODEL_CLV_COUNTS_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct mc_clv_history {
    double x;   /* whole, 0 to MC_CLV_X_MAX */
    double t_x; /* 0 to T; 0 if x is 0 */
    double T;   /* not negative */
};

#define MC_CLV_X_MAX 1e7
#define MC_CLV_TIME_MAX 1e9 /* of T, in the caller's unit */

struct mc_clv_counts {
    size_t count;                         /* of patterns */
    const struct mc_clv_history *history; /* by pattern */
    const double *weight;                 /* by pattern: how many customers it stands for */
    const uint32_t *T_at, *t_x_at;        /* by pattern: where its times stand in `time` */
    size_t time_count;                    /* of distinct times */
    const double *time;                   /* in no order */
    const uint32_t *pattern_of;           /* by customer, as they were given; NULL for a thinned one */
    double customers, repeats, exposure;  /* sums of weight, weight x, weight T */
    void *memory;
};

/* Groups `count` customers; `weight` by customer, at least 0 and finite, or NULL for 1 each. MC_ERR_FORMAT: a history
 * or weight that is none of the above, named by its place (from 1); MC_ERR_LIMIT: more than 2^31 customers;
 * MC_ERR_NOMEM. `c` is then empty. O(count) and a sort of the patterns. */
enum mc_err mc_clv_counts_make(const struct mc_clv_history *history, const double *weight, size_t count,
                               struct mc_clv_counts *c, struct mc_error *e);

/* A systematic sample of at most `most` patterns, spread evenly over the customers in the patterns' order: good enough
 * to compare starts on. The sum of the weights is kept. MC_ERR_NOMEM. */
enum mc_err mc_clv_counts_thin(const struct mc_clv_counts *c, size_t most, struct mc_clv_counts *thin,
                               struct mc_error *e);

void mc_clv_counts_free(struct mc_clv_counts *c);

#endif

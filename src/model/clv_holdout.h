/* What predictions were worth, once the time they spoke of has passed; and the simple rivals they must beat.
 *
 * All functions are pure, over the caller's arrays, one entry a customer; any thread.
 */
#ifndef MC_MODEL_CLV_HOLDOUT_H
#define MC_MODEL_CLV_HOLDOUT_H

#include "base/err.h"
#include "model/clv_counts.h"
#include <stddef.h>

struct mc_clv_errors {
    double actual, predicted; /* sums */
    double mae, rmse;         /* per customer */
};

/* 0 customers: all zeros. */
struct mc_clv_errors mc_clv_errors_of(const double *predicted, const double *actual, size_t count);

/* How well a score ranks customers by what they were worth. */
struct mc_clv_ranking {
    double gini;            /* of the concentration curve over that of the perfect order: 1 perfect, 0 chance */
    double gini_raw;        /* twice the area between the concentration curve and the diagonal */
    double top_decile_lift; /* share of the worth with the top tenth by score, over one tenth */
};

/* Customers with equal scores share what they were worth, so that a constant score has Gini 0. NaN if the worth is not
 * above 0 in sum. Negative worth (refunds) counts as it is. MC_ERR_NOMEM. */
enum mc_err mc_clv_ranking_of(const double *score, const double *worth, size_t count, struct mc_clv_ranking *ranking,
                              struct mc_error *e);

enum { MC_CLV_DECILES = 10 };

/* Customers by predicted value, in tenths from the lowest; means per customer. */
struct mc_clv_decile {
    double customers, predicted, actual;
};

enum mc_err mc_clv_deciles_of(const double *predicted, const double *actual, size_t count,
                              struct mc_clv_decile deciles[MC_CLV_DECILES], struct mc_error *e);

/* ---- a rival: the recency-frequency table ---- */

enum { MC_CLV_RF_FREQUENCIES = 6, MC_CLV_RF_RECENCIES = 4 };

/* Mean transactions of customers by x (0, 1, 2, 3-4, 5-9, 10 and more) and the share of their time since the last
 * transaction (quarters). A cell with fewer than five customers takes the mean of its x, or of all. */
struct mc_clv_rf_table {
    double cell[MC_CLV_RF_FREQUENCIES][MC_CLV_RF_RECENCIES];
    double mean; /* of all customers: the other rival */
};

void mc_clv_rf_table_make(const struct mc_clv_history *histories, const double *actual, size_t count,
                          struct mc_clv_rf_table *table);
double mc_clv_rf_table_predict(const struct mc_clv_rf_table *table, struct mc_clv_history h);

#endif

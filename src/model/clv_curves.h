/* Curves for people to judge a fitted model by: tracking, and frequencies. Pure; the caller's arrays; any thread. */
#ifndef MC_MODEL_CLV_CURVES_H
#define MC_MODEL_CLV_CURVES_H

#include "model/clv_model.h"
#include "model/clv_summary.h"

/* Repeat transactions of the customers known at the cut-off, up to and with a day. */
struct mc_clv_track {
    int32_t day;
    double actual, predicted;
};

/* Tracking: `points` days evenly over (first day, end_day]. Predicted is the sum over customers of the expected number
 * since their own first day, by the model alone, never told what happened. `merged` as in clv_summary.h. MC_ERR_NOMEM.
 */
enum mc_err mc_clv_tracking(const struct mc_clv_model *m, const struct mc_clv_order *merged, size_t rows,
                            const struct mc_clv_customer *customers, size_t count, int32_t end_day, double unit_days,
                            struct mc_clv_track *track, size_t points, struct mc_error *e);

enum { MC_CLV_FREQUENCIES = 8 }; /* 0 to 6 repeat transactions, 7 and more */

struct mc_clv_frequency {
    double actual, predicted; /* customers with so many repeat transactions by the cut-off */
};

enum mc_err mc_clv_frequencies(const struct mc_clv_model *m, const struct mc_clv_counts *c,
                               struct mc_clv_frequency frequency[MC_CLV_FREQUENCIES], struct mc_error *e);

#endif

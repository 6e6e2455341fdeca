/* What a planner does with a forecast: when to order, how much to keep, which products matter and which are on the
 * move. Pure; any thread. Periods are those of the series; NaN stands for "not known" everywhere.
 */
#ifndef MC_MODEL_FORECAST_PLAN_H
#define MC_MODEL_FORECAST_PLAN_H

#include <stdbool.h>
#include <stddef.h>

struct mc_plan_order {
    double
        reorder_point;   /* the quantile of demand over the lead time at the service level: order when stock is at it */
    double safety_stock; /* reorder point less the mean demand over the lead time, at least 0 */
    double cover;        /* periods that the stock lasts at the mean forecast; INFINITY: nothing is forecast */
    double order_in;     /* periods until the stock is at the reorder point; 0: order now */
};

/* `mean`: the forecast of steps 1 to horizon; beyond it the mean of the last cycle or of all goes on. `stock` may be
 * NaN: cover and order_in are then NaN. */
struct mc_plan_order mc_plan_order(const double *mean, size_t horizon, size_t season, double lead_mean,
                                   double lead_quantile, double stock);

enum mc_plan_trend { MC_TREND_NONE, MC_TREND_NEW, MC_TREND_RISING, MC_TREND_STEADY, MC_TREND_FALLING };

const char *mc_plan_trend_word(enum mc_plan_trend trend); /* "no demand", "new", "rising", "steady", "falling" */

/* The last `window` values against the `window` before. Rising or falling: by a fifth at least and by more than chance
 * would (1.645 standard errors of the two means). New: fewer than 2 windows of history. *ratio: last / before, NaN if
 * there is nothing before; *z: the difference in standard errors. */
enum mc_plan_trend mc_plan_trend(const double *y, size_t n, size_t window, double *ratio, double *z);

struct mc_plan_ranked { /* scratch of mc_plan_rank */
    double value;
    size_t index;
};

/* Indices by falling value into `order`; equal values in the order of the array, NaN last. `scratch`: count elements.
 */
void mc_plan_rank(const double *value, size_t count, struct mc_plan_ranked *scratch, size_t *order);

/* 'A': the products that make the first 80 % of the value, 'B': the next 15 %, 'C': the rest. `order` as ranked. */
void mc_plan_abc(const double *value, size_t count, const size_t *order, char *class_of);

/* By the coefficient of variation of sums over `bucket` periods: 'X' below 0.5, 'Y' below 1, 'Z' else or with under
 * three buckets. */
char mc_plan_xyz(const double *y, size_t n, size_t bucket);

#endif

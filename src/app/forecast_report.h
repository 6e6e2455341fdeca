/* What a planner reads: the plan as CSV, and one self-contained HTML page with a small chart a product. */
#ifndef MC_APP_FORECAST_REPORT_H
#define MC_APP_FORECAST_REPORT_H

#include "app/forecast_backtest.h"
#include "model/forecast_plan.h"

struct mc_plan_line { /* of one series */
    struct mc_plan_order order;
    enum mc_plan_trend trend;
    double ratio, z;             /* of the trend */
    double total, p10, p50, p90; /* over the horizon */
    double value;                /* total x price, or total: what it is ranked by */
    double stock;                /* NaN: unknown */
    size_t rank;                 /* from 1, by value */
    char abc, xyz;
    char reason[64];
};

struct mc_plan {
    const struct mc_forecast_table *table;
    const struct mc_forecast *forecast; /* its sums: the lead time, the horizon */
    struct mc_plan_line *lines;         /* [series] */
    size_t *order;                      /* series by rank */
    size_t horizon, lead, season;
    double service;
    size_t service_tau; /* the index of its quantile */
    bool has_stock, has_price;
    const double *stock; /* [series], from --stock; NULL: the table's own */
};

/* Fills lines and order from the other members; mc_plan_free. MC_ERR_NOMEM. */
enum mc_err mc_plan_make(struct mc_plan *plan, struct mc_error *e);
void mc_plan_free(struct mc_plan *plan);

/* rank,series_id,abc,xyz,trend,reason,mean,p10,p50,p90,reorder_point,safety_stock,stock,cover,order_by */
void mc_plan_csv(struct mc_buf *b, const struct mc_plan *plan);

/* `backtest` may be NULL. */
void mc_plan_html(struct mc_buf *b, const struct mc_plan *plan, const struct mc_backtest *backtest);

#endif

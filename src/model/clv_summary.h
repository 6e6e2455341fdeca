/* From orders to what the models know of a customer on a given day.
 *
 * Rules. Orders of one customer on one day are one transaction; its value is their sum. A day is a *refund* if one of
 * its amounts is negative and their sum is not above 0: it is no transaction, and from that day on its sum is taken off
 * the value of the customer's latest transaction before it; if there is none, it is left out and counted. A day whose
 * amounts are all 0 is a transaction of value 0. The first transaction begins the observation; later ones are "repeat"
 * transactions. T runs to the cut-off day, t_x to the last transaction up to it, both from the first, in days divided
 * by `unit_days`.
 *
 * Pure; the caller's arrays; any thread.
 */
#ifndef MC_MODEL_CLV_SUMMARY_H
#define MC_MODEL_CLV_SUMMARY_H

#include "model/clv_counts.h"
#include "model/clv_gammagamma.h"

struct mc_clv_order {
    uint32_t customer; /* 0 to customers - 1 */
    int32_t day;       /* since 1970-01-01 */
    double amount;
    bool refund; /* of a merged day */
};

/* What merging found. */
struct mc_clv_transactions {
    size_t rows;                 /* of the merged array: transactions, and refunds that belong to one */
    size_t count;                /* transactions */
    size_t merged;               /* orders that were merged into others of their day */
    size_t refunds;              /* days that are refunds */
    size_t unmatched;            /* of these, those without a transaction before them, left out; */
    double unmatched_amount;     /* their sum */
    int32_t first_day, last_day; /* of all rows */
};

/* Sorts `orders` by customer and day and merges them in place: the first t->rows are what is left. Amounts must be
 * finite. */
void mc_clv_transactions_make(struct mc_clv_order *orders, size_t count, struct mc_clv_transactions *t);

/* One customer on the cut-off day. */
struct mc_clv_customer {
    struct mc_clv_history history;
    struct mc_gg_spend repeat; /* of the repeat transactions: what the Gamma-Gamma model is fitted to */
    struct mc_gg_spend all;    /* with the first one, where it is known: what the model is then asked with */
    double first_amount;       /* of the first transaction */
    double last_amount;        /* of the latest */
    double spend;              /* of all up to the cut-off */
    int32_t first_day, last_day;
    uint32_t number; /* as in mc_clv_order */
    /* what came in the time after the cut-off, up to and with its end */
    double future_count, future_spend;
};

/* Customers with a transaction up to `cutoff_day`, by number, from merged rows; `customers` has room for each number
 * that occurs. Rows in (cutoff_day, end_day] are their future: a refund in that time takes nothing off the past.
 * Returns how many customers. `fresh`, `fresh_spend` (may be NULL): transactions and spend in that time of customers
 * who came first after the cut-off. */
size_t mc_clv_summary_make(const struct mc_clv_order *merged, size_t rows, int32_t cutoff_day, int32_t end_day,
                           double unit_days, struct mc_clv_customer *customers, double *fresh, double *fresh_spend);

#endif

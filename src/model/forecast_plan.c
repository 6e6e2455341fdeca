#include "model/forecast_plan.h"

#include "base/sort.h"

#include <math.h>

#define TREND_SHARE 1.2
#define TREND_ERRORS 1.645
#define A_SHARE 0.8
#define B_SHARE 0.95

/* Periods until the cumulated forecast takes `stock` away. */
static double periods_until(const double *mean, size_t horizon, size_t season, double stock) {
    double sum = 0, tail = 0;
    size_t cycle = season < horizon ? season : horizon;
    if (!(stock > 0))
        return 0;
    for (size_t t = 0; t < horizon; t++) {
        if (sum + mean[t] >= stock)
            return (double)t + (stock - sum) / mean[t];
        sum += mean[t];
        tail += t + cycle >= horizon ? mean[t] / (double)cycle : 0;
    }
    return tail > 0 ? (double)horizon + (stock - sum) / tail : INFINITY;
}

struct mc_plan_order mc_plan_order(const double *mean, size_t horizon, size_t season, double lead_mean,
                                   double lead_quantile, double stock) {
    struct mc_plan_order plan = {.reorder_point = lead_quantile, .cover = NAN, .order_in = NAN};
    plan.safety_stock = lead_quantile > lead_mean ? lead_quantile - lead_mean : 0;
    if (!isnan(stock)) {
        plan.cover = periods_until(mean, horizon, season, stock);
        plan.order_in = stock > lead_quantile ? periods_until(mean, horizon, season, stock - lead_quantile) : 0;
    }
    return plan;
}

const char *mc_plan_trend_word(enum mc_plan_trend trend) {
    static const char *const words[] = {"no demand", "new", "rising", "steady", "falling"};
    return words[trend];
}

struct moments {
    double mean, error; /* of the mean, squared */
};

static struct moments moments_of(const double *y, size_t n) {
    double sum = 0, squares = 0, known = 0;
    for (size_t t = 0; t < n; t++)
        if (isfinite(y[t]))
            sum += y[t], squares += y[t] * y[t], known++;
    if (!(known > 0))
        return (struct moments){NAN, NAN};
    double mean = sum / known, variance = squares / known - mean * mean;
    return (struct moments){mean, variance > 0 ? variance / known : 0};
}

enum mc_plan_trend mc_plan_trend(const double *y, size_t n, size_t window, double *ratio, double *z) {
    *ratio = *z = NAN;
    struct moments all = moments_of(y, n);
    if (!(all.mean > 0))
        return MC_TREND_NONE;
    if (n < 2 * window)
        return MC_TREND_NEW;
    struct moments last = moments_of(y + n - window, window), before = moments_of(y + n - 2 * window, window);
    double error = sqrt(last.error + before.error), change = last.mean - before.mean;
    if (isnan(change))
        return MC_TREND_STEADY;
    *ratio = before.mean > 0 ? last.mean / before.mean : NAN;
    *z = error > 0 ? change / error : change > 0 ? INFINITY : change < 0 ? -INFINITY : 0;
    if (last.mean > TREND_SHARE * before.mean && *z > TREND_ERRORS)
        return MC_TREND_RISING;
    if (last.mean * TREND_SHARE < before.mean && *z < -TREND_ERRORS)
        return MC_TREND_FALLING;
    return MC_TREND_STEADY;
}

static int by_falling_value(const void *a, const void *b) {
    const struct mc_plan_ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void mc_plan_rank(const double *value, size_t count, struct mc_plan_ranked *ranked, size_t *order) {
    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct mc_plan_ranked){isnan(value[i]) ? -INFINITY : value[i], i};
    mc_sort(ranked, count, sizeof *ranked, by_falling_value);
    for (size_t i = 0; i < count; i++)
        order[i] = ranked[i].index;
}

void mc_plan_abc(const double *value, size_t count, const size_t *order, char *class_of) {
    double total = 0, before = 0;
    for (size_t i = 0; i < count; i++)
        total += value[i] > 0 ? value[i] : 0;
    for (size_t i = 0; i < count; i++) {
        double v = value[order[i]] > 0 ? value[order[i]] : 0;
        class_of[order[i]] = !(v > 0) ? 'C' : before < A_SHARE * total ? 'A' : before < B_SHARE * total ? 'B' : 'C';
        before += v;
    }
}

char mc_plan_xyz(const double *y, size_t n, size_t bucket) {
    double sum = 0, squares = 0, count = (double)(n / bucket);
    for (size_t t = n % bucket; t < n; t += bucket) {
        double total = 0;
        for (size_t k = t; k < t + bucket; k++)
            total += isfinite(y[k]) ? y[k] : 0;
        sum += total, squares += total * total;
    }
    if (count < 3 || !(sum > 0))
        return 'Z';
    double mean = sum / count, variance = squares / count - mean * mean;
    double variation = sqrt(variance > 0 ? variance : 0) / mean;
    return variation < 0.5 ? 'X' : variation < 1 ? 'Y' : 'Z';
}

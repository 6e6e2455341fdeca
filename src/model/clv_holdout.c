#include "model/clv_holdout.h"

#include "base/mem.h"
#include "base/sort.h"
#include <math.h>
#include <string.h>

struct mc_clv_errors mc_clv_errors_of(const double *predicted, const double *actual, size_t count) {
    struct mc_clv_errors r = {0};
    for (size_t i = 0; i < count; i++) {
        double miss = predicted[i] - actual[i];
        r.actual += actual[i];
        r.predicted += predicted[i];
        r.mae += fabs(miss) / (double)count;
        r.rmse += miss * miss / (double)count;
    }
    r.rmse = sqrt(r.rmse);
    return r;
}

/* ---- ranking ---- */

struct ranked {
    double score, worth;
};

static int by_score(const void *a, const void *b) {
    const struct ranked *p = a, *q = b;
    int order = (p->score < q->score) - (p->score > q->score);
    return order ? order : (p->worth < q->worth) - (p->worth > q->worth);
}

static struct ranked *rank(const double *score, const double *worth, size_t count, struct mc_error *e) {
    struct ranked *r = mc_malloc((count + 1) * sizeof *r);
    if (r == NULL) {
        mc_error_set(e, MC_ERR_NOMEM, "no memory to rank %zu customers", count);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        r[i] = (struct ranked){score[i], worth[i]};
    mc_sort(r, count, sizeof *r, by_score);
    return r;
}

static size_t ties_end(const struct ranked *r, size_t from, size_t count) {
    size_t to = from + 1;
    while (to < count && r[to].score == r[from].score)
        to++;
    return to;
}

/* The concentration curve over runs of equal scores: its area, and its height at a tenth of the customers. */
static void curve(const struct ranked *r, size_t count, double total, double *gini, double *top) {
    double height = 0, area = 0, tenth = (double)count / 10;
    *top = 0;
    for (size_t from = 0, to; from < count; from = to) {
        double rise = 0, width;
        to = ties_end(r, from, count);
        width = (double)(to - from);
        for (size_t i = from; i < to; i++)
            rise += r[i].worth;
        area += width * (height + rise / 2);
        if ((double)from < tenth)
            *top = height + rise * fmin(1, (tenth - (double)from) / width);
        height += rise;
    }
    *gini = 2 * area / ((double)count * total) - 1;
    *top /= total;
}

enum mc_err mc_clv_ranking_of(const double *score, const double *worth, size_t count, struct mc_clv_ranking *ranking,
                              struct mc_error *e) {
    double total = 0, perfect, top;
    *ranking = (struct mc_clv_ranking){NAN, NAN, NAN};
    struct ranked *by = rank(score, worth, count, e), *best = by != NULL ? rank(worth, worth, count, e) : NULL;
    if (best == NULL) {
        mc_free(by);
        return MC_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        total += worth[i];
    if (total > 0) {
        curve(by, count, total, &ranking->gini_raw, &top);
        ranking->top_decile_lift = top * 10;
        curve(best, count, total, &perfect, &top);
        ranking->gini = perfect > 0 ? ranking->gini_raw / perfect : NAN;
    }
    mc_free(by);
    mc_free(best);
    return MC_OK;
}

enum mc_err mc_clv_deciles_of(const double *predicted, const double *actual, size_t count,
                              struct mc_clv_decile deciles[MC_CLV_DECILES], struct mc_error *e) {
    struct ranked *r = rank(predicted, actual, count, e);
    memset(deciles, 0, MC_CLV_DECILES * sizeof *deciles);
    if (r == NULL)
        return MC_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct mc_clv_decile *d = &deciles[(count - 1 - i) * MC_CLV_DECILES / count];
        d->customers++;
        d->predicted += r[i].score;
        d->actual += r[i].worth;
    }
    for (size_t i = 0; i < MC_CLV_DECILES; i++) {
        deciles[i].predicted /= fmax(deciles[i].customers, 1);
        deciles[i].actual /= fmax(deciles[i].customers, 1);
    }
    mc_free(r);
    return MC_OK;
}

/* ---- recency-frequency table ---- */

enum { CELL_CUSTOMERS_MIN = 5 };

static size_t frequency_class(double x) {
    static const double from[MC_CLV_RF_FREQUENCIES] = {0, 1, 2, 3, 5, 10};
    size_t class = 0;
    while (class + 1 < MC_CLV_RF_FREQUENCIES && x >= from[class + 1])
        class ++;
    return class;
}

static size_t recency_class(struct mc_clv_history h) {
    double share = h.T > 0 ? (h.T - h.t_x) / h.T : 0;
    size_t class = (size_t)(share * MC_CLV_RF_RECENCIES);
    return class < MC_CLV_RF_RECENCIES ? class : MC_CLV_RF_RECENCIES - 1;
}

void mc_clv_rf_table_make(const struct mc_clv_history *histories, const double *actual, size_t count,
                          struct mc_clv_rf_table *table) {
    double customers[MC_CLV_RF_FREQUENCIES][MC_CLV_RF_RECENCIES] = {{0}};
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < count; i++) {
        size_t f = frequency_class(histories[i].x), r = recency_class(histories[i]);
        customers[f][r]++;
        table->cell[f][r] += actual[i];
        table->mean += actual[i] / (double)count;
    }
    for (size_t f = 0; f < MC_CLV_RF_FREQUENCIES; f++) {
        double sum = 0, n = 0;
        for (size_t r = 0; r < MC_CLV_RF_RECENCIES; r++) {
            sum += table->cell[f][r];
            n += customers[f][r];
        }
        double row = n >= CELL_CUSTOMERS_MIN ? sum / n : table->mean;
        for (size_t r = 0; r < MC_CLV_RF_RECENCIES; r++)
            table->cell[f][r] = customers[f][r] >= CELL_CUSTOMERS_MIN ? table->cell[f][r] / customers[f][r] : row;
    }
}

double mc_clv_rf_table_predict(const struct mc_clv_rf_table *table, struct mc_clv_history h) {
    return table->cell[frequency_class(h.x)][recency_class(h)];
}

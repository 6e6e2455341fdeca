#include "model/clv_rfm.h"

#include "base/mem.h"
#include "base/sort.h"
#include <math.h>

struct place {
    double value;
    size_t customer;
};

static int compare_places(const void *a, const void *b) {
    const struct place *p = a, *q = b;
    int order = (p->value > q->value) - (p->value < q->value);
    return order ? order : (p->customer > q->customer) - (p->customer < q->customer);
}

enum mc_err mc_rfm_scores(const double *value, size_t count, int *score, struct mc_error *e) {
    struct place *places = mc_malloc((count + 1) * sizeof *places);
    if (places == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to score %zu customers", count);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){isnan(value[i]) ? -INFINITY : value[i], i};
    mc_sort(places, count, sizeof *places, compare_places);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && places[to].value == places[from].value;)
            to++;
        int of_run = 1 + (int)((double)(from + to) / 2 / (double)count * MC_RFM_SCORES);
        for (size_t i = from; i < to; i++)
            score[places[i].customer] = of_run < MC_RFM_SCORES ? of_run : MC_RFM_SCORES;
    }
    mc_free(places);
    return MC_OK;
}

enum mc_rfm_segment mc_rfm_segment_of(int recency, int frequency, int money) {
    double worth = (frequency + money) / 2.0;
    if (recency >= 4)
        return worth >= 4 ? MC_RFM_CHAMPION : worth >= 3 ? MC_RFM_LOYAL : MC_RFM_PROMISING;
    if (recency == 3)
        return worth >= 4 ? MC_RFM_LOYAL : MC_RFM_ATTENTION;
    return worth >= 3.5 ? MC_RFM_AT_RISK : MC_RFM_HIBERNATING;
}

const char *mc_rfm_segment_name(enum mc_rfm_segment segment) {
    static const char *const names[] = {"champion", "loyal", "promising", "attention", "at_risk", "hibernating"};
    return names[segment];
}

enum mc_clv_word mc_clv_word_of(struct mc_clv_history h, double alive, double gap) {
    if (h.x == 0)
        return h.T <= 2 * gap ? MC_CLV_NEW : h.T <= 4 * gap ? MC_CLV_COOLING : MC_CLV_LOST;
    return alive >= 0.7 ? MC_CLV_ACTIVE : alive >= 0.3 ? MC_CLV_COOLING : MC_CLV_LOST;
}

const char *mc_clv_word_name(enum mc_clv_word word) {
    static const char *const names[] = {"new", "active", "cooling", "lost"};
    return names[word];
}

double mc_clv_typical_gap(const struct mc_clv_counts *c) {
    double time = 0;
    for (size_t i = 0; i < c->count; i++)
        time += c->weight[i] * c->history[i].t_x;
    return c->repeats > 0 ? time / c->repeats : c->exposure / fmax(c->customers, 1);
}

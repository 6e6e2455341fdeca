#include "model/clv_curves.h"

#include "base/mem.h"
#include <math.h>
#include <string.h>

enum { AGES_MAX = 20000 }; /* days: 54 years; older ones are taken for that old */

static size_t age_of(int32_t day, int32_t first) {
    int64_t age = (int64_t)day - first;
    return age < 0 ? 0 : age < AGES_MAX ? (size_t)age : AGES_MAX;
}

static int32_t first_of_all(const struct mc_clv_customer *customers, size_t count) {
    int32_t first = customers[0].first_day;
    for (size_t i = 1; i < count; i++)
        first = customers[i].first_day < first ? customers[i].first_day : first;
    return first;
}

/* Histograms by age of the store in days: customers who came, repeat transactions of these. */
static void count_days(const struct mc_clv_order *merged, size_t rows, const struct mc_clv_customer *customers,
                       size_t count, int32_t first, int32_t end, double *came, double *repeats) {
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        came[age_of(customers[i].first_day, first)]++;
    for (size_t i = 0; i < rows; i++) {
        while (at < count && customers[at].number < merged[i].customer)
            at++;
        bool known = at < count && customers[at].number == merged[i].customer;
        if (known && !merged[i].refund && merged[i].day > customers[at].first_day && merged[i].day <= end)
            repeats[age_of(merged[i].day, first)]++;
    }
}

enum mc_err mc_clv_tracking(const struct mc_clv_model *m, const struct mc_clv_order *merged, size_t rows,
                            const struct mc_clv_customer *customers, size_t count, int32_t end_day, double unit_days,
                            struct mc_clv_track *track, size_t points, struct mc_error *e) {
    if (count == 0 || points == 0)
        return MC_OK;
    int32_t first = first_of_all(customers, count);
    size_t ages = age_of(end_day, first) + 1;
    double *block = mc_calloc(3 * ages, sizeof *block), *came = block, *repeats = block + ages;
    if (block == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the tracking curve");
    double *expected = block + 2 * ages, actual = 0;
    count_days(merged, rows, customers, count, first, end_day, came, repeats);
    for (size_t age = 1; age < ages; age++)
        expected[age] = mc_clv_new(m, (double)age / unit_days);
    for (size_t k = 0, age = 0; k < points; k++) {
        size_t to = (ages - 1) * (k + 1) / points;
        for (; age <= to; age++)
            actual += repeats[age];
        track[k] = (struct mc_clv_track){first + (int32_t)to, actual, 0};
        for (size_t day = 0; day <= to; day++)
            track[k].predicted += came[day] * expected[to - day];
    }
    mc_free(block);
    return MC_OK;
}

/* Customers by the length of their observation alone. */
enum mc_err mc_clv_frequencies(const struct mc_clv_model *m, const struct mc_clv_counts *c,
                               struct mc_clv_frequency frequency[MC_CLV_FREQUENCIES], struct mc_error *e) {
    double tail[MC_CLV_FREQUENCIES], *weight = mc_calloc(c->time_count + 1, sizeof *weight);
    struct mc_clv_history fresh = {0, 0, 0};
    memset(frequency, 0, MC_CLV_FREQUENCIES * sizeof *frequency);
    if (weight == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the frequencies");
    for (size_t i = 0; i < c->count; i++) {
        size_t x = c->history[i].x < MC_CLV_FREQUENCIES ? (size_t)c->history[i].x : MC_CLV_FREQUENCIES - 1;
        frequency[x].actual += c->weight[i];
        weight[c->T_at[i]] += c->weight[i];
    }
    for (size_t t = 0; t < c->time_count; t++) {
        struct mc_clv_law law = {.tail = tail, .capacity = MC_CLV_FREQUENCIES};
        if (weight[t] == 0)
            continue;
        mc_clv_law_of(m, fresh, c->time[t], &law);
        double alive = mc_clv_alive(m, fresh), above = 1; /* P(more than n - 1) */
        for (size_t n = 0; n < MC_CLV_FREQUENCIES; n++) {
            double more = n + 1 < MC_CLV_FREQUENCIES && n < law.count ? alive * tail[n] : 0;
            frequency[n].predicted += weight[t] * (above - more);
            above = more;
        }
    }
    mc_free(weight);
    return MC_OK;
}

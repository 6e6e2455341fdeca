#include "model/clv_nbd.h"

#include "model/clv_math.h"
#include <math.h>

double mc_clv_nbd_log_likelihood(const struct mc_clv_counts *c, const double *params, double *gradient,
                                 double *scratch) {
    double r = params[0], alpha = params[1], value = 0, by_r = 0, by_alpha = 0, last_x = -1, of_x = 0, of_x_by_r = 0;
    for (size_t i = 0; i < c->time_count; i++) {
        scratch[2 * i] = log((alpha + c->time[i]) / alpha);
        scratch[2 * i + 1] = 1 / (alpha + c->time[i]);
    }
    for (size_t i = 0; i < c->count; i++) {
        const double *time = &scratch[2 * (size_t)c->T_at[i]], x = c->history[i].x;
        if (x != last_x) {
            last_x = x;
            of_x = mc_log_gamma(r + x) - mc_log_gamma(r) - x * log(alpha);
            of_x_by_r = mc_digamma(r + x) - mc_digamma(r);
        }
        value += c->weight[i] * (of_x - (r + x) * time[0]);
        by_r += c->weight[i] * (of_x_by_r - time[0]);
        by_alpha += c->weight[i] * (r / alpha - (r + x) * time[1]);
    }
    gradient[0] = by_r;
    gradient[1] = by_alpha;
    return value;
}

#include "model/clv_law.h"

#include "model/clv_math.h"
#include <math.h>

double mc_clv_law_quantile(const struct mc_clv_law *law, double alive, double q) {
    double above = 1 - q; /* P(> n) must not be more */
    for (size_t i = 0; i < law->count; i++)
        if (alive * law->tail[i] <= above * (1 + 1e-12))
            return (double)i;
    return law->cut ? NAN : (double)law->count;
}

void mc_clv_nb_start(struct mc_clv_nb *nb, double shape, double rate, double t) {
    double mean = shape * t / rate, deviation = sqrt(mean * (1 + t / rate));
    double log_none = -shape * log1p(t / rate);
    *nb = (struct mc_clv_nb){.shape = shape, .odds = t / (rate + t), .pmf = exp(log_none), .tail = -expm1(log_none)};
    if (log_none > -600)
        return;
    nb->at = fmax(0, floor(mean - 13 * deviation));
    nb->pmf = exp(mc_log_gamma(shape + nb->at) - mc_log_gamma(shape) - mc_log_gamma(nb->at + 1) + log_none -
                  nb->at * log1p(rate / t));
    nb->tail = 1 - nb->pmf;
}

void mc_clv_law_nbd(double shape, double rate, double t, struct mc_clv_law *law) {
    struct mc_clv_nb nb;
    law->mean = shape * t / rate;
    law->count = 0;
    law->cut = law->capacity > 0;
    if (law->capacity == 0 || !(law->mean < MC_CLV_LAW_TERMS_MAX))
        return;
    mc_clv_nb_start(&nb, shape, rate, t);
    while (law->count < law->capacity) {
        law->tail[law->count] = (double)law->count < nb.at ? 1 : nb.tail;
        if ((double)law->count++ < nb.at)
            continue;
        if (nb.tail < 1e-6) {
            law->cut = false;
            return;
        }
        mc_clv_nb_next(&nb);
    }
}

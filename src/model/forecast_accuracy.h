/* How good a forecast was, over a set of series. Add series by series, then read the result. Pure; any thread.
 *
 * sMAPE   mean over series of each series' mean of 200 |f - a| / (|f| + |a|), 0 where both are 0 (Makridakis 1993; M4).
 *         The other definition in use, over all points at once, is smape_points
 * MASE    mean over series of mean |f - a| / mean |y(t) - y(t - season)| of the history (Hyndman & Koehler 2006)
 * RMSSE   mean over series of root of mean (f - a)^2 / mean (y(t) - y(t-1))^2 from the first value that is not 0 (M5)
 * WAPE    sum over series of |sum f - sum a| / sum of all a: of the horizon's sum, as an order is placed for it
 * bias    (sum of all f - sum of all a) / sum of all a
 * pinball mean quantile loss over quantiles and steps / mean a
 * cover   share of steps within the first and last quantile
 * Missing actual values are passed over; a series whose scale is 0 has no MASE or RMSSE.
 */
#ifndef MC_MODEL_FORECAST_ACCURACY_H
#define MC_MODEL_FORECAST_ACCURACY_H

#include <stddef.h>

struct mc_accuracy {
    double smape, mase, rmsse, absolute, forecast, actual, pinball, covered, point_smape; /* sums */
    double series, mase_series, rmsse_series, steps, quantiles, quantile_steps;           /* counts */
};

struct mc_accuracy_case {
    const double *history;
    size_t n, season;
    const double *actual, *forecast;
    size_t horizon;
    const double *quantile; /* [step][tau], or NULL */
    const double *tau;
    size_t taus;
    double demands_min; /* RMSSE only for a history with so many values above 0 */
};

struct mc_accuracy_result {
    double series, smape, smape_points, mase, rmsse, wape, bias, pinball, cover; /* NaN: undefined */
};

void mc_accuracy_add(struct mc_accuracy *a, const struct mc_accuracy_case *c);
struct mc_accuracy_result mc_accuracy_result(const struct mc_accuracy *a);

#endif

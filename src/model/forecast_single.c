#include "model/forecast_single.h"

#include "base/mem.h"
#include "model/forecast_ets.h"
#include "model/forecast_intermittent.h"
#include "model/forecast_smooth.h"
#include "model/forecast_theta.h"

#include <math.h>
#include <string.h>

enum { WINDOW = 28, SCRATCH = 4 };

static const char *const names[MC_SINGLES] = {
    "zero",          "naive", "seasonal naive", "mean",    "naive2", "SES", "Holt",  "damped trend", "Theta",
    "dynamic Theta", "ETS",   "ETS average",    "Croston", "SBA",    "TSB", "ADIDA", "IMAPA",        "window 28",
};

const char *mc_single_name(enum mc_single method) {
    return names[method];
}

static void fill_flat(double *out, size_t horizon, double value) {
    for (size_t t = 0; t < horizon; t++)
        out[t] = value;
}

static void smooth(enum mc_single method, const double *y, size_t n, size_t horizon, double *out) {
    struct mc_smoothing s;
    if (method == MC_SINGLE_SES)
        mc_ses_fit(y, n, 1e-4, 0.9999, &s);
    else if (method == MC_SINGLE_HOLT)
        mc_holt_fit(y, n, &s);
    else
        mc_damped_fit(y, n, &s);
    mc_smoothing_forecast(&s, horizon, out);
}

static void theta(enum mc_single method, const double *y, size_t n, size_t horizon, double *work, double *out) {
    struct mc_theta f;
    if (method == MC_SINGLE_THETA) {
        mc_theta_fit(y, n, &f);
        mc_theta_forecast(&f, horizon, out);
    } else {
        mc_theta_dynamic_fit(y, n, work, &f);
        mc_theta_dynamic_forecast(&f, horizon, out);
    }
}

static void deseasonalised(enum mc_single method, double *y, size_t n, size_t period, size_t horizon, double *work,
                           double *out) {
    struct mc_season season;
    bool present = mc_season_is_present(y, n, period, period > MC_ETS_PERIOD_MAX ? 2 : 3);
    mc_season_fit(y, n, period, present ? MC_SEASON_MULTIPLICATIVE : MC_SEASON_NONE, work, &season);
    mc_season_remove(&season, y, n, y);
    if (method == MC_SINGLE_NAIVE2)
        fill_flat(out, horizon, y[n - 1]);
    else if (method == MC_SINGLE_THETA || method == MC_SINGLE_DYNAMIC_THETA)
        theta(method, y, n, horizon, work, out);
    else
        smooth(method, y, n, horizon, out);
    mc_season_restore(&season, n, out, horizon);
}

static void ets(enum mc_single method, const double *y, size_t n, size_t season, size_t horizon, double *work,
                double *out) {
    struct mc_ets models[MC_ETS_MODELS_MAX];
    size_t count = mc_ets_fit(y, n, season, work, models);
    if (method == MC_SINGLE_ETS)
        mc_ets_forecast(mc_ets_choose(models, count), horizon, out);
    else
        mc_ets_average(models, count, horizon, work, out);
}

static double unit_of(const double *y, size_t n) {
    double sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += fabs(y[t]);
    return sum > 0 ? sum / (double)n : 1;
}

/* Of a filled series, divided by its mean size for the searches. */
static void continuous(enum mc_single method, double *y, size_t n, size_t season, size_t horizon, double *work,
                       double *out) {
    double unit = unit_of(y, n);
    for (size_t t = 0; t < n; t++)
        y[t] /= unit;
    if (method == MC_SINGLE_NAIVE)
        fill_flat(out, horizon, y[n - 1]);
    else if (method == MC_SINGLE_MEAN)
        fill_flat(out, horizon, mc_demand_window(y, n, n));
    else if (method == MC_SINGLE_SEASONAL_NAIVE)
        for (size_t t = 0; t < horizon; t++)
            out[t] = n >= season ? y[n - season + t % season] : y[n - 1];
    else if (method == MC_SINGLE_ETS || method == MC_SINGLE_ETS_AVERAGE)
        ets(method, y, n, season, horizon, work, out);
    else
        deseasonalised(method, y, n, season, horizon, work, out);
    for (size_t t = 0; t < horizon; t++)
        out[t] *= unit;
}

static double demand_level(enum mc_single method, const double *y, size_t n, double *work) {
    switch (method) {
    case MC_SINGLE_CROSTON:
        return mc_demand_croston(y, n, 0.1);
    case MC_SINGLE_SBA:
        return mc_demand_sba(y, n, 0.1);
    case MC_SINGLE_TSB:
        return mc_demand_tsb(y, n, 0.1, 0.1);
    case MC_SINGLE_ADIDA:
        return mc_demand_adida(y, n, work);
    case MC_SINGLE_IMAPA:
        return mc_demand_imapa(y, n, work);
    case MC_SINGLE_WINDOW:
        return mc_demand_window(y, n, WINDOW);
    default:
        return 0;
    }
}

enum mc_err mc_single_forecast(enum mc_single method, const double *y, size_t n, size_t season, size_t horizon,
                               double *out, struct mc_error *e) {
    double *copy = mc_malloc((SCRATCH * n + horizon + 1) * sizeof *copy);
    if (copy == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a forecast by %s", names[method]);
    bool is_level = method == MC_SINGLE_ZERO || method >= MC_SINGLE_CROSTON;
    size_t count = is_level ? mc_demand_compact(y, n, copy) : mc_series_fill(y, n, copy);
    if (is_level)
        fill_flat(out, horizon, demand_level(method, copy, count, copy + n));
    else if (count > 0)
        continuous(method, copy, count, season, horizon, copy + n, out);
    else
        fill_flat(out, horizon, 0);
    mc_free(copy);
    return MC_OK;
}

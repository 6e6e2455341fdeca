#include "model/forecast_members.h"

#include "model/forecast_ets.h"
#include "model/forecast_theta.h"

#include <math.h>

size_t mc_members_scratch(size_t n, size_t horizon) {
    return 3 * n + horizon;
}

static void find_season(const double *y, size_t n, size_t period, double *work, struct mc_season *season) {
    size_t cycles = period > MC_ETS_PERIOD_MAX ? 2 : 3;
    bool present = mc_season_is_present(y, n, period, cycles);
    mc_season_fit(y, n, period, present ? MC_SEASON_MULTIPLICATIVE : MC_SEASON_NONE, work, season);
}

void mc_members_forecast(const double *y, size_t n, size_t period, size_t horizon, double *scratch,
                         double *forecast[MC_MEMBERS], double *scale) {
    struct mc_ets models[MC_ETS_MODELS_MAX];
    struct mc_season season;
    struct mc_theta theta;
    double *plain = scratch, *work = scratch + n;
    find_season(y, n, period, work, &season);
    mc_season_remove(&season, y, n, plain);
    mc_theta_dynamic_fit(plain, n, work, &theta);
    mc_theta_dynamic_forecast(&theta, horizon, forecast[MC_MEMBER_THETA]);
    mc_season_restore(&season, n, forecast[MC_MEMBER_THETA], horizon);
    size_t count = mc_ets_fit(y, n, period, work, models);
    mc_ets_average(models, count, horizon, work, forecast[MC_MEMBER_ETS]);
    *scale = sqrt(theta.sse / (n > 6 ? (double)(n - 5) : 1)) + 1e-9;
}

/* Inside of mc_forecast_demand: what its steps (levels, profile, total, quantiles) share. Not for others.
 *
 * Origin 0 is the end of a series, origin q lies horizon + (q-1) horizon/2 before it. All series are taken to end at
 * the same period: phases are counted back from there. */
#ifndef MC_MODEL_FORECAST_DEMAND_SET_H
#define MC_MODEL_FORECAST_DEMAND_SET_H

#include "model/forecast.h"
#include "model/forecast_season.h"
#include "model/forecast_stack.h"
#include <stdatomic.h>

enum {
    MC_DEMAND_ORIGINS = 5, /* the end, and four in the past */
    MC_DEMAND_LEVELS = 6,  /* ADIDA, IMAPA, means of 1 to 4 windows */
    MC_DEMAND_ROWS_MAX = 400000,
};

struct mc_demand_state { /* of one series at one origin */
    bool known;          /* enough history */
    size_t n;            /* values before the origin */
    double cap;          /* sizes above it count as it: one bulk order is no level */
    double size;         /* mean size of a demand, capped */
    double times;        /* how often there was demand */
    double weight;       /* 1 / root mean square of the differences; 0: constant */
    double level[MC_DEMAND_LEVELS];
    double actual; /* mean over the steps that follow; NaN: unknown */
    double mean;   /* the forecast, a period, before the profile */
};

struct mc_demand_set {
    const struct mc_series *series;
    const struct mc_forecast_options *o;
    struct mc_forecast *out;
    struct mc_demand_state *states;                   /* [series][origin] */
    size_t window;                                    /* periods */
    size_t period;                                    /* of the profile: the season, or 1 if the set shows none */
    double profile[MC_DEMAND_ORIGINS][MC_SEASON_MAX]; /* by phase counted from the end of the series; mean 1 */
    double levels[MC_DEMAND_LEVELS];                  /* the stack's weights */
    double quantum;                                   /* all values are multiples of it; 0: none */
    _Atomic bool failed;                              /* no memory */
};

static inline struct mc_demand_state *mc_demand_state(const struct mc_demand_set *d, size_t series, size_t origin) {
    return &d->states[series * MC_DEMAND_ORIGINS + origin];
}

/* The phase of time t of a series of n values. */
static inline size_t mc_demand_phase(size_t period, size_t n, size_t t) {
    return (t + period * (n / period + 1) - n) % period;
}

/* The values of origin 0 or later ones that are known at `origin`; its length, 0 for none. */
size_t mc_demand_history(const struct mc_demand_set *d, size_t series, size_t origin);

/* The profile of a series at an origin, [period]: its own share of each phase, drawn to the set's. */
void mc_demand_profile(const struct mc_demand_set *d, size_t series, size_t origin, double *profile);

/* Fills the quantiles of all series, sums included, from states and means. */
enum mc_err mc_demand_quantiles(struct mc_demand_set *d, struct mc_error *e);

#endif

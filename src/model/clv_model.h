/* One purchase model, whichever: fitted to counted histories, and asked about the future.
 *
 * All four are fitted by maximum likelihood on logarithms of their parameters within wide bounds, with analytic
 * gradients, from several starts that are compared on a sample of the patterns. Where the data cannot tell what the
 * asked model wants to know, the answer is a simpler model and a note, never a failure:
 *   - nobody bought again: a prior rate of half a purchase over all the observed time, shape 1/2 (MC_CLV_NOTE_PRIOR);
 *   - leaving does not show (the model is not 0.01 better in log-likelihood than its limit without leaving): NBD;
 *   - a parameter ran to its bound, where the model is one of its limits: kept, and noted (MC_CLV_NOTE_LIMIT).
 * The same numbers, whatever the order of customers. Pure; any thread.
 */
#ifndef MC_MODEL_CLV_MODEL_H
#define MC_MODEL_CLV_MODEL_H

#include "model/clv_counts.h"
#include "model/clv_law.h"

enum mc_clv_kind { MC_CLV_NBD, MC_CLV_BGNBD, MC_CLV_MBGNBD, MC_CLV_PARETONBD, MC_CLV_KINDS };

enum mc_clv_note {
    MC_CLV_NOTE_NONE,
    MC_CLV_NOTE_PRIOR,       /* no repeat transaction at all */
    MC_CLV_NOTE_NO_DROPOUT,  /* fell back to the NBD */
    MC_CLV_NOTE_LIMIT,       /* a parameter is at its bound */
    MC_CLV_NOTE_UNCONVERGED, /* the best point that was found */
};

enum { MC_CLV_PARAMS = 4 };

struct mc_clv_model {
    enum mc_clv_kind kind, asked;
    enum mc_clv_note note;
    double params[MC_CLV_PARAMS]; /* r, alpha; then a, b or s, beta; 0 where the kind has fewer */
    double error[MC_CLV_PARAMS];  /* standard errors from the Hessian; NaN where there is none (bound, prior) */
    double log_likelihood;
    int evaluations; /* of the likelihood, on all patterns */
};

/* "bg-nbd", ... and "BG/NBD", ...; the names of the parameters, NULL beyond the last; a sentence for a note, "" for
 * none. */
const char *mc_clv_kind_name(enum mc_clv_kind kind);
const char *mc_clv_kind_title(enum mc_clv_kind kind);
const char *mc_clv_param_name(enum mc_clv_kind kind, int i);
const char *mc_clv_note_text(enum mc_clv_note note);

/* The log-likelihood and its gradient by the kind's parameters. `scratch` holds 2 time_count doubles. */
double mc_clv_log_likelihood(enum mc_clv_kind kind, const struct mc_clv_counts *c, const double *params,
                             double *gradient, double *scratch);

/* Fits. MC_ERR_FORMAT: no customers; MC_ERR_NOMEM. */
enum mc_err mc_clv_fit(enum mc_clv_kind kind, const struct mc_clv_counts *c, struct mc_clv_model *model,
                       struct mc_error *e);

/* ---- one customer: no allocation, about a microsecond ---- */

double mc_clv_alive(const struct mc_clv_model *m, struct mc_clv_history h);

/* Expected transactions in the time t after the observation. */
double mc_clv_expected(const struct mc_clv_model *m, struct mc_clv_history h, double t);

/* Expected repeat transactions of a new customer in the time t since the first purchase. */
double mc_clv_new(const struct mc_clv_model *m, double t);

/* Expected transactions after the observation, for ever, each discounted by e^(-rate t); rate > 0. */
double mc_clv_residual(const struct mc_clv_model *m, struct mc_clv_history h, double rate);

/* The law of the transactions in the time t after the observation, of one who is alive then. */
void mc_clv_law_of(const struct mc_clv_model *m, struct mc_clv_history h, double t, struct mc_clv_law *law);

/* ---- all customers ---- */

struct mc_clv_forecast {
    double alive;
    double expected;   /* transactions within the horizon */
    double low, high;  /* they are within these with at least 80 %; NaN above MC_CLV_LAW_TERMS_MAX */
    double discounted; /* residual transactions; 0 if no rate was given */
};

struct mc_clv_question {
    double horizon; /* 0 or more */
    double rate;    /* of discount, in the unit of time; 0: not asked for */
    bool interval;  /* low and high are wanted */
};

/* One forecast for each pattern of `c` (pattern_of leads customers to them). What follows x and T alone is worked out
 * once for all patterns that share them. MC_ERR_NOMEM. */
enum mc_err mc_clv_predict(const struct mc_clv_model *m, const struct mc_clv_counts *c,
                           const struct mc_clv_question *question, struct mc_clv_forecast *forecasts,
                           struct mc_error *e);

#endif

/* Gamma-Gamma: what a customer spends in a transaction (Fader & Hardie 2013, "The Gamma-Gamma model of monetary
 * value").
 *
 * A transaction's value is Gamma(p, nu), nu ~ Gamma(q, gamma), independent of how often the customer buys. Fitted to
 * the customers with at least one counted transaction and a mean value above 0. Parameters are {p, q, gamma}; gamma is
 * money. q stays above 1 (MC_GG_Q_MIN), or the mean spend would be infinite. Pure; any thread.
 */
#ifndef MC_MODEL_CLV_GAMMAGAMMA_H
#define MC_MODEL_CLV_GAMMAGAMMA_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define MC_GG_Q_MIN 1.02

/* A customer's transactions whose values are known, and the mean of these. */
struct mc_gg_spend {
    double count; /* whole; customers with 0 are passed over */
    double mean;  /* customers with 0 or less are passed over */
};

enum mc_gg_note {
    MC_GG_NOTE_NONE,
    MC_GG_NOTE_FEW,   /* fewer than 3 customers to learn from: everybody's mean is the mean */
    MC_GG_NOTE_LIMIT, /* a parameter is at its bound */
    MC_GG_NOTE_UNCONVERGED,
};

enum { MC_GG_PARAMS = 3 };

struct mc_gg_model {
    double params[MC_GG_PARAMS]; /* p, q, gamma; 0 with MC_GG_NOTE_FEW */
    double error[MC_GG_PARAMS];  /* standard errors; NaN where there is none */
    double log_likelihood;
    double customers; /* that were learnt from */
    double mean;      /* expected spend of a transaction of a customer about whom nothing is known */
    enum mc_gg_note note;
};

const char *mc_gg_note_text(enum mc_gg_note note);

/* The log-likelihood and its gradient by p, q, gamma; straight from the formula, customer by customer. */
double mc_gg_log_likelihood(const struct mc_gg_spend *spend, size_t count, const double *params, double *gradient);

/* Fits. Equal spends in any order and money in any unit lead to the same parameters, gamma in that unit (to rounding).
 * MC_ERR_FORMAT: a count or mean that is not finite, or a count that is negative; MC_ERR_NOMEM. */
enum mc_err mc_gg_fit(const struct mc_gg_spend *spend, size_t count, struct mc_gg_model *model, struct mc_error *e);

/* Expected spend of a future transaction: p (gamma + x z) / (p x + q - 1). */
double mc_gg_expected(const struct mc_gg_model *model, struct mc_gg_spend spend);

/* Correlation of count and mean over the customers with both: the model takes it to be near 0. NaN if there are fewer
 * than three. */
double mc_gg_correlation(const struct mc_gg_spend *spend, size_t count);

#endif

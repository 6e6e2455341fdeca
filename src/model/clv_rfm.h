/* Words for customers: RFM scores and segments, and what the purchase model says of them.
 *
 * Scores are 1 (lowest fifth) to 5: by how recent the last purchase is, how many purchases, how much money. Customers
 * with equal values get equal scores, by the middle of their ranks. Pure; any thread.
 */
#ifndef MC_MODEL_CLV_RFM_H
#define MC_MODEL_CLV_RFM_H

#include "base/err.h"
#include "model/clv_counts.h"
#include <stddef.h>

enum { MC_RFM_SCORES = 5 };

/* 1 to 5 by the rank of value[i] among all, greatest last. NaN counts as lowest. MC_ERR_NOMEM. */
enum mc_err mc_rfm_scores(const double *value, size_t count, int *score, struct mc_error *e);

enum mc_rfm_segment {
    MC_RFM_CHAMPION,    /* recent, often, and much: 4 or 5 in recency, and in the mean of the other two */
    MC_RFM_LOYAL,       /* often and not long ago */
    MC_RFM_PROMISING,   /* recent, few purchases */
    MC_RFM_ATTENTION,   /* middling in all */
    MC_RFM_AT_RISK,     /* were good customers, long ago */
    MC_RFM_HIBERNATING, /* long ago, little */
    MC_RFM_SEGMENTS
};

enum mc_rfm_segment mc_rfm_segment_of(int recency, int frequency, int money);
const char *mc_rfm_segment_name(enum mc_rfm_segment segment);

/* What a shop owner asks first. */
enum mc_clv_word { MC_CLV_NEW, MC_CLV_ACTIVE, MC_CLV_COOLING, MC_CLV_LOST, MC_CLV_WORDS };

/* Who bought once: `new` within two typical gaps between purchases, `cooling` within four, then `lost` (the BG/NBD
 * takes them all for alive, so its probability says nothing there). Who came again: `active` from P(alive) 0.7, `lost`
 * below 0.3, else `cooling`. `gap`: mc_clv_typical_gap. */
enum mc_clv_word mc_clv_word_of(struct mc_clv_history h, double alive, double gap);
const char *mc_clv_word_name(enum mc_clv_word word);

/* The mean time between purchases of those who came again; without them the mean time of observation. */
double mc_clv_typical_gap(const struct mc_clv_counts *c);

#endif

#include "engine/effect.h"

const char *const mc_decision_names[MC_DECISIONS] = {"purchased",  "stale",      "below_minimum", "no_address",
                                                     "no_consent", "suppressed", "capped",        "holdout",
                                                     "send",       "undecided"};

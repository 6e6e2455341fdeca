#include "engine/effect.h"

const char *const mc_decision_names[MC_DECISIONS] = {"purchased",  "stale",      "below_minimum", "no_address",
                                                     "no_consent", "suppressed", "capped",        "holdout",
                                                     "send",       "undecided"};

int mc_cart_item_by_product(const void *a, const void *b) {
    const struct mc_cart_item *x = a, *y = b;
    return mc_str_compare(x->product, y->product);
}

/* Units and revenue by product, exact: what a transaction sold, what a listing adds up. Private to store/. */
#ifndef MC_STORE_SUMS_H
#define MC_STORE_SUMS_H

#include "store/strmap.h"

struct mc_sum {
    __int128 units, revenue;
};

struct mc_sums {
    struct mc_strmap products; /* value: index into list */
    struct mc_sum *list;       /* in order of first addition, as the entries of `products` */
    size_t cap;
};

/* False when there is no memory: nothing has changed. */
bool mc_sums_add(struct mc_sums *sums, struct mc_str product, __int128 units, __int128 revenue);

void mc_sums_clear(struct mc_sums *sums); /* keeps the memory */
void mc_sums_free(struct mc_sums *sums);

#endif

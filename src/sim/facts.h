/* The published facts of the cosmetics data beside those of counted rows: what `maxcart simulate --verify` shows.
 *
 * Source of the published column: REES46, "eCommerce Events History in Cosmetics Shop", the whole five months. Counts
 * are scaled to the number of rows at hand. Threads: any.
 */
#ifndef MC_SIM_FACTS_H
#define MC_SIM_FACTS_H

#include "base/buf.h"
#include "sim/tally.h"

enum mc_fact_unit { MC_FACT_COUNT, MC_FACT_SHARE, MC_FACT_MEAN, MC_FACT_MONEY };

struct mc_fact {
    const char *name; /* static */
    enum mc_fact_unit unit;
    double published; /* counts and sums of money as scaled; a share in percent */
    double measured;
};

enum { MC_FACTS_MAX = 80 };

/* Fills `facts`, room for MC_FACTS_MAX; returns how many. The tally must hold at least one row. */
size_t mc_facts_of(const struct mc_sim_tally *t, struct mc_fact *facts);

/* NULL if there is none of that name. */
const struct mc_fact *mc_fact_find(const struct mc_fact *facts, size_t count, const char *name);

/* A table for people: name, published, measured, difference in percent. */
void mc_facts_text(struct mc_buf *b, const struct mc_fact *facts, size_t count);

#endif

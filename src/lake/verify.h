/* Whether a lake is whole, and whether the live totals are those of the lake (SEMANTICS 7). */
#ifndef MC_LAKE_VERIFY_H
#define MC_LAKE_VERIFY_H

#include "lake/query.h"

/* What the lake's record says, what its files hold, and what the store says. */
struct mc_lake_verdict {
    uint64_t position;                  /* rows of the log in front of it are in the lake */
    uint64_t events, late, rejects;     /* by the record */
    uint64_t open_events, open_rejects; /* of them in no file yet */
    uint64_t file_events, file_late, file_rejects;
    uint64_t pairs, different; /* pairs of product and UTC day with a sale; those that differ */
    struct mc_buf lake_units, lake_revenue, store_units, store_revenue; /* decimal, minor units; sums of all */
};

/* A pair of product and day where store and lake differ; texts are "" where there is nothing. False stops. */
struct mc_lake_difference {
    struct mc_str day, product, store_units, lake_units, store_revenue, lake_revenue; /* minor units */
};

/* Reads all of it. Start from {0}; free it also after an error. `difference` may be NULL. Errors as of mc_lake_query;
 * MC_ERR_FORMAT: no archive was ever committed there. The ledger may be NULL: then the lake alone is looked at. */
enum mc_err mc_lake_verify(const struct mc_lake_query_options *options, struct mc_lake_verdict *v,
                           bool (*difference)(void *context, const struct mc_lake_difference *d), void *context,
                           struct mc_error *e);
void mc_lake_verdict_free(struct mc_lake_verdict *v);

/* Whether the files hold what the record says. */
bool mc_lake_verdict_is_whole(const struct mc_lake_verdict *v);

#endif

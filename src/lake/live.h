/* Copies tables of the live store into DuckDB. Private to lake/.
 *
 * By the store's own listings, which read in short pages: the store is never held for longer than some milliseconds, at
 * the price that a store which is being written is not seen at one instant (store/read.h). */
#ifndef MC_LAKE_LIVE_H
#define MC_LAKE_LIVE_H

#include "lake/duck.h"
#include "store/ledger.h"

/* Fills the tables of this set (enum mc_live of views.h), which are there and empty. Errors of the ledger;
 * MC_ERR_LIMIT: more than the memory and disk that DuckDB may use. */
enum mc_err mc_live_fill(const struct mc_duck *duck, duckdb_connection connection, struct mc_ledger *ledger,
                         unsigned live, struct mc_error *e);

#endif

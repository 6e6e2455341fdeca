/* Which files a lake consists of. Threads: any; beside the process that archives. */
#ifndef MC_LAKE_LISTING_H
#define MC_LAKE_LISTING_H

#include "lake/state.h"

/* One instant's files: those in place, and those of the last commit that are not there yet. */
struct mc_lake_listing {
    struct mc_buf root;            /* absolute path of the lake, without a slash at its end */
    struct mc_buf events, rejects; /* absolute paths, a NUL behind each, sorted */
    struct mc_lake_state state;    /* of the last commit; commit 0: there was none */
};

/* Start from {0}. MC_ERR_IO: no such folder, or it cannot be read. MC_ERR_FORMAT, MC_ERR_VERSION: its record.
 * MC_ERR_NOMEM. What was filled is to be freed also after an error. */
enum mc_err mc_lake_list(struct mc_lake_listing *listing, const char *path, struct mc_error *e);
void mc_lake_listing_free(struct mc_lake_listing *listing);

/* The next path of a list; NULL behind the last. *at starts at 0. */
const char *mc_lake_listing_next(const struct mc_buf *list, size_t *at);

#endif

/* The rows of a batch that are no events: those that the decoder refused and the duplicates that the engine found, in
 * order of the rows. Pure. */
#ifndef MC_APP_REJECTS_H
#define MC_APP_REJECTS_H

#include "event/batch.h"

/* Calls `take` for each; its first error ends it and is returned. */
enum mc_err mc_rejects_each(const struct mc_batch *batch,
                            enum mc_err (*take)(void *context, const struct mc_row *row, enum mc_reason reason,
                                                struct mc_error *e),
                            void *context, struct mc_error *e);

#endif

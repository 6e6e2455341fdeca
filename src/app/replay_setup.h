/* What `replay` and `rejects retry` have in common: options from the settings, and a store opened for a replay. */
#ifndef MC_APP_REPLAY_SETUP_H
#define MC_APP_REPLAY_SETUP_H

#include "app/command.h"
#include "app/query.h"
#include "app/replay.h"

/* Rules, threads and partitions of the settings; as many threads as cores where they say nothing. */
struct mc_replay_options mc_replay_setup(const struct mc_config *c);

/* Opens the store that the invocation names for writing, with the policy of the settings marked as a replay's, and sets
 * it in the options with the store's currency. *l is the caller's to close, also after an error. */
enum mc_err mc_replay_open_store(struct mc_ledger **l, const struct mc_invocation *run, struct mc_replay_options *o,
                                 struct mc_error *e);

/* `maxcart rejects retry [FILE]` (retry.c): feeds rejects back as a new source. The first operand is the verb. */
enum mc_err mc_rejects_retry(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e);

#endif

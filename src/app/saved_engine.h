/* The engine's share of a checkpoint: partitions, clock and distinct users in the ledger, and the product dimension for
 * those who read it there. In the ledger's open transaction. */
#ifndef MC_APP_SAVED_ENGINE_H
#define MC_APP_SAVED_ENGINE_H

#include "app/partitions.h"
#include "store/ledger.h"

/* A checkpoint in the making: what the engine was at one instant, written piece by piece over as many transactions as
 * one likes, so that none is long. Until the last piece is written and committed the checkpoint before it is the good
 * one. Zeroed is closed. */
struct mc_engine_writing {
    struct mc_buf bytes;
    size_t written;
    uint64_t set, piece; /* of the two places for a checkpoint, the one that is not in use; the next piece */
    uint32_t products;   /* of the tally that were written */
    bool is_open;
};

/* Keeps a copy of the engine's bytes, and writes the distinct users that are new: they may be there before the
 * checkpoint is, since the log behind the older one brings them again. MC_ERR_NOMEM or the ledger's: closed. */
enum mc_err mc_engine_writing_open(struct mc_engine_writing *w, struct mc_ledger *l, struct mc_partitions *engine,
                                   struct mc_error *e);
void mc_engine_writing_close(struct mc_engine_writing *w);

/* Writes about so many bytes more, and then the dimension of the tally's products (whatever came later may be among
 * it: it is merged). *done: it is whole, with this transaction, and closed. */
enum mc_err mc_engine_writing_step(struct mc_engine_writing *w, struct mc_ledger *l, const struct mc_tally *tally,
                                   size_t bytes, bool *done, struct mc_error *e);

/* All at once, without products. MC_ERR_NOMEM or the ledger's. */
enum mc_err mc_engine_save(struct mc_ledger *l, struct mc_partitions *engine, struct mc_error *e);

/* Into partitions that were just opened; a ledger without a checkpoint leaves them empty. */
enum mc_err mc_engine_restore(struct mc_ledger *l, struct mc_partitions *engine, struct mc_error *e);

/* Writes the dimension of all accepted products of a tally. */
enum mc_err mc_products_save(struct mc_ledger *l, const struct mc_tally *tally, struct mc_error *e);

#endif

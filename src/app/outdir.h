/* The files of SEMANTICS 8, written to a folder: rejects.csv, carts.jsonl, sales.csv, products.csv, report.json.
 *
 * Each appears whole or not at all (output.h), when mc_outdir_finish succeeds. Rows are given in the order of the log;
 * carts are held back until nothing can end before them. One thread at a time.
 */
#ifndef MC_APP_OUTDIR_H
#define MC_APP_OUTDIR_H

#include "app/endings.h"
#include "app/output.h"
#include "app/summary.h"
#include "engine/tally.h"
#include "event/batch.h"

struct mc_outdir {
    const char *path; /* the caller's */
    struct mc_output rejects, carts;
    struct mc_endings held, spare; /* carts whose expiry the clock has not reached */
    struct mc_cart_order order;    /* work space */
};

/* Makes the folder if it is missing and opens the files. Start from {0}. MC_ERR_IO, MC_ERR_FULL, MC_ERR_NOMEM. */
enum mc_err mc_outdir_open(struct mc_outdir *o, const char *path, struct mc_error *e);

/* Leaves the folder's files as they were before, unless finished. Accepts an empty one. */
void mc_outdir_close(struct mc_outdir *o);

void mc_outdir_reject(struct mc_outdir *o, struct mc_str source, uint64_t byte_offset, uint64_t row,
                      enum mc_reason reason, struct mc_str raw);

/* The carts that ended with a batch; `clock` after it. `all`: the log is over, hold nothing back. False: no memory. */
bool mc_outdir_carts(struct mc_outdir *o, struct mc_endings *endings, uint32_t partitions, struct mc_time clock,
                     bool all);

/* A cart that comes in order already. */
void mc_outdir_cart(struct mc_outdir *o, const struct mc_cart *cart);

/* Writes the rest from a sorted tally (its products that were accepted, its sales), and puts all in place. */
enum mc_err mc_outdir_finish(struct mc_outdir *o, const struct mc_tally *tally, const struct mc_summary *summary,
                             struct mc_error *e);

/* From a sorted tally: products, sold units and revenue of the best, product and minute pairs. */
void mc_summary_from_tally(struct mc_summary *s, const struct mc_tally *tally);

/* From counts: all that they hold, decisions but MC_UNDECIDED among them. */
void mc_summary_from_counts(struct mc_summary *s, const struct mc_counts *counts);

#endif

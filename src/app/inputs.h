/* The files of one replay, in the order given: what each is known by, where it goes on, which rows are its own.
 *
 * A source is known by its first bytes and its length, whatever its name: a file that was consumed before, in this run
 * or (with a ledger) in another, is skipped, and one that has grown since goes on from where it was. Standard input and
 * pipes have no identity. Used by one thread at a time; the ledger's owner is the same thread.
 */
#ifndef MC_APP_INPUTS_H
#define MC_APP_INPUTS_H

#include "source/file.h"
#include "store/checkpoint.h"

struct mc_input_file {
    const char *path; /* the caller's */
    struct mc_file *file;
    struct mc_layout layout;
    bool skipped;                    /* all of it was consumed before */
    bool started;                    /* its first batch was read */
    bool consumed;                   /* its first batch came out: `source` tells how far */
    int64_t resume_offset;           /* 0: from its first row */
    int64_t rows;                    /* numbered so far: the next batch's first row is rows + 1 */
    struct mc_input_file *continues; /* it begins with this file of the same run, which has grown into it */
    struct mc_source source;         /* with a ledger: its row there */
    struct mc_time begins_at;        /* time of its first good event; none if it was not found at its start */
};

struct mc_inputs {
    struct mc_input_file *files;
    uint32_t count;
    uint32_t current;            /* the one that is being read */
    uint64_t bytes_total;        /* on disk, of what is to be read; 0: unknown */
    uint64_t bytes_before;       /* of it, in files that were read to their end */
    _Atomic uint64_t bytes_read; /* of it; for a progress bar, from any thread */
};

/* Opens all files, reads their headers, and finds out what is to be read of each. With a ledger (in its open
 * transaction) new sources are added to it. Start from {0}; the paths must outlive it. Notes for a person are appended
 * to `notes`, a line each. Errors as of mc_file_open, mc_file_layout and the ledger. */
enum mc_err mc_inputs_open(struct mc_inputs *in, char *const *paths, uint32_t count, bool no_header,
                           struct mc_ledger *l, struct mc_wall now, struct mc_time clock, struct mc_buf *notes,
                           struct mc_error *e);
void mc_inputs_close(struct mc_inputs *in);

/* The header row of a source of the store, appended to `out`: what its rejected rows are to be read by. Nothing: it had
 * none, the nine columns. */
enum mc_err mc_source_header(struct mc_ledger *l, int64_t source, struct mc_buf *out, struct mc_error *e);

/* As mc_pipeline_options.read. batch->source is the index of the file. */
enum mc_err mc_inputs_read(struct mc_inputs *in, struct mc_batch *batch, const struct mc_layout **layout, bool *last,
                           bool *more, struct mc_error *e);

/* As mc_pipeline_options.number. */
void mc_inputs_number(struct mc_inputs *in, struct mc_batch *batch);

#endif

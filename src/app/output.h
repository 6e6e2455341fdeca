/* Where a command writes its result: standard output, or a file that appears whole or not at all.
 *
 * Append to `buf` and call mc_output_spill now and then; mc_output_close writes the rest and, for a file, makes it
 * durable and renames it into place. The first failure is kept, and everything after it does nothing, so that callers
 * check once, at the close. A reader who went away (EPIPE) is a failure without words: mc_output_is_gone.
 * Start from {0}. One thread.
 */
#ifndef MC_APP_OUTPUT_H
#define MC_APP_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

struct mc_output {
    struct mc_buf buf;
    int fd;
    char *path;      /* NULL: standard output */
    char *temporary; /* name of the file beside it; "": it has none (yet, or any more); NULL: written in place */
    bool open, gone;
    struct mc_error error; /* code MC_OK until the first failure */
};

/* `path` NULL is standard output. MC_ERR_IO, MC_ERR_FULL: the file beside `path` could not be made. */
enum mc_err mc_output_open(struct mc_output *o, const char *path, struct mc_error *e);

/* Writes what is in the buffer if it is much, and empties it. */
void mc_output_spill(struct mc_output *o);

/* Writes everything and makes a file's content durable, without putting it in place: for several files that are to
 * appear together, settle each, then close each. MC_ERR_FULL and others as mc_output_close, which is still to be
 * called. */
enum mc_err mc_output_settle(struct mc_output *o, struct mc_error *e);

/* Writes everything, closes, renames. The first error of all, MC_ERR_NOMEM if an append failed; a file at `path` is
 * then as it was before. Accepts an output that is not open. */
enum mc_err mc_output_close(struct mc_output *o, struct mc_error *e);

/* Closes and forgets, leaving a file at `path` as it was before. Accepts an output that is not open. */
void mc_output_drop(struct mc_output *o);

/* Whether the reader of standard output has gone: no message is owed then. */
bool mc_output_is_gone(const struct mc_output *o);

#endif

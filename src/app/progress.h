/* A line on a terminal that says how far a long run is: share, amount, rate, time left.
 *
 * The line is made by a pure function of amounts and time; mc_progress decides when to draw it, at most ten times a
 * second, and draws nothing unless its stream is a terminal. One thread.
 */
#ifndef MC_APP_PROGRESS_H
#define MC_APP_PROGRESS_H

#include "base/buf.h"

struct mc_progress_state {
    const char *what;     /* "reading 2019-Oct.csv" */
    const char *unit;     /* what `count` counts: "rows" */
    uint64_t done, total; /* bytes; total 0: unknown (standard input) */
    uint64_t count;
    int64_t elapsed_ns;
    int columns; /* of the terminal; the line is never wider */
};

/* "reading a.csv  [#####.....]  48 %  1,234,567 rows  2.1 M rows/s  12 s left". No control characters, no line feed. */
void mc_progress_line(struct mc_buf *b, const struct mc_progress_state *s);

struct mc_progress {
    int fd; /* -1: draw nothing */
    int64_t start_ns, drawn_ns;
};

/* Draws on `fd` (standard error) if it is a terminal and `quiet` is false. */
void mc_progress_start(struct mc_progress *p, int fd, bool quiet);

/* Draws if a tenth of a second has passed since it last did; fills in elapsed and columns itself. */
void mc_progress_update(struct mc_progress *p, const struct mc_progress_state *state);

/* Wipes the line, so that what follows begins at the left edge. */
void mc_progress_end(struct mc_progress *p);

#endif

/* The archive's commit record, LAKE/_maxcart/state: docs/FORMATS.md, "The lake". Private to lake/. Pure. */
#ifndef MC_LAKE_STATE_H
#define MC_LAKE_STATE_H

#include "base/buf.h"
#include "base/err.h"

enum { MC_LAKE_VERSION = 1, MC_LAKE_LOG_MAX = 64 };

#define MC_LAKE_OWN "_maxcart"             /* what no other program needs to look at */
#define MC_LAKE_NEW "_maxcart/new/"        /* files that are not in place yet, by their names in the lake */
#define MC_LAKE_STATE "_maxcart/state"     /* this record */
#define MC_LAKE_LOCK "_maxcart/lock"       /* held by the one who archives */
#define MC_LAKE_PUBLISH "_maxcart/publish" /* held while files are put in place, and shared while they are listed */

struct mc_lake_state {
    char log[MC_LAKE_LOG_MAX + 1];      /* which log is archived; "": a replay without a store */
    uint64_t commit;                    /* number of this commit, from 1; 0: there was none */
    uint64_t begin, next;               /* positions: rows begin ... next - 1 of the log are in the lake */
    uint64_t events, late, rejects;     /* in the lake: in files, and in the open one */
    int64_t clock_us;                   /* of the newest event */
    uint32_t clock_order;               /* and its number among those of that clock */
    uint64_t open_len, open_hash;       /* of _maxcart/open-COMMIT: rows that are in no file yet; 0: none */
    uint64_t open_events, open_rejects; /* how many rows it has */
    struct mc_buf files;                /* made by this commit: names in the lake, a line feed behind each */
};

void mc_lake_state_free(struct mc_lake_state *state);

void mc_lake_state_encode(const struct mc_lake_state *state, struct mc_buf *out);

/* Into a zeroed state. MC_ERR_FORMAT: not whole or not well-formed. MC_ERR_VERSION, MC_ERR_NOMEM. */
enum mc_err mc_lake_state_decode(struct mc_lake_state *state, struct mc_str text, struct mc_error *e);

/* The next name of a list of lines; false behind the last. *at starts at 0. */
bool mc_lake_state_file(struct mc_str files, size_t *at, struct mc_str *name);

/* Whether it is a name that the archive gives: "events/date=2019-10-01/....parquet", "rejects/...". */
bool mc_lake_name_is_good(struct mc_str name);

#endif

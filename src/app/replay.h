/* One replay: files through the pipeline into a folder, a store, or both (SEMANTICS 8, DESIGN 2.3).
 *
 * Without a store everything is kept in memory and written to the folder. With one, effects and the consumed position
 * commit together at checkpoints, so that a replay that was killed at any instant and is run again ends as if it had
 * not been; the folder's files are then read out of the store at the end.
 */
#ifndef MC_APP_REPLAY_H
#define MC_APP_REPLAY_H

#include "app/inputs.h"
#include "app/outdir.h"
#include "app/pipeline.h"
#include "app/progress.h"
#include "lake/archive.h"
#include "store/ledger.h"

/* The setting of a store that says whether its last replay was --as-live: rejects that come back are decided alike. */
#define MC_REPLAY_AS_LIVE "replay.as_live"

struct mc_replay_options {
    char *const *paths;
    uint32_t path_count;
    const char *out;          /* folder; NULL: none */
    const char *archive;      /* the lake; NULL: none */
    struct mc_ledger *ledger; /* open for writing, policy set; NULL: none */
    bool no_header, as_live, quiet;
    struct mc_rules rules; /* wall and wall_mode are set here */
    struct mc_str currency;
    uint32_t threads, partitions;
    int64_t checkpoint_bytes; /* of input between two commits; 0: the default */
};

struct mc_replay_result {
    struct mc_summary
        summary; /* of this run, or of the store's whole life; the best products' names live in `pipeline` */
    int64_t stage_ns[MC_STAGES];
    int64_t first_source;         /* with a ledger: the id of the first file's source */
    struct mc_pipeline *pipeline; /* owns what the summary borrows */
};

/* Notes for a person go to standard error, unless quiet. On an error the store is as at its last checkpoint and the
 * folder as before. */
enum mc_err mc_replay_run(const struct mc_replay_options *options, struct mc_replay_result *result, struct mc_error *e);
void mc_replay_result_free(struct mc_replay_result *result);

/* Writes the folder's files from a store. */
enum mc_err mc_export(struct mc_ledger *l, const char *out, struct mc_error *e);

#endif

/* From files to effects, on any number of threads: the replay's engine room.
 *
 *     READ ---> DECODE ---> STAMP ---> APPLY (each partition) ---> EMIT
 *     serial    any order   serial     in order a partition        serial, in order
 *
 * A batch is a slot of a ring and goes through these steps; a thread takes the latest step that is ready, runs it
 * without a lock, and looks again. With one thread it is a loop. What comes out does not depend on the number of
 * threads or of partitions, for each serial step sees the batches in the order of the log, and a partition its events
 * too.
 *
 * This is one of the places where threads are made. Callbacks run on any of the threads, never two of the same kind at
 * once.
 */
#ifndef MC_APP_PIPELINE_H
#define MC_APP_PIPELINE_H

#include "app/partitions.h"
#include "event/csv.h"

enum { MC_PIPELINE_THREADS_MAX = 64 };

enum mc_stage { MC_STAGE_READ, MC_STAGE_DECODE, MC_STAGE_STAMP, MC_STAGE_APPLY, MC_STAGE_EMIT, MC_STAGES };
extern const char *const mc_stage_names[MC_STAGES];

/* A batch of 64 KiB and its events, rows, positions and endings. */
#define MC_PIPELINE_SLOT_BYTES ((uint64_t)2 << 20)

struct mc_pipeline;

/* A batch whose rows have all been decided. Borrowed for the call. */
struct mc_emission {
    struct mc_batch *batch;     /* NULL: the log is over, these are the visits that were still open */
    bool ends_source;           /* the batch is the last of its source */
    struct mc_endings *endings; /* one a partition, settled */
    uint32_t partitions;
    struct mc_time clock; /* after the batch */
    bool checkpoint;      /* the engine may be encoded: nothing behind the batch has been stamped */
};

struct mc_pipeline_options {
    uint32_t threads, partitions; /* at least 1 */
    struct mc_rules rules;
    struct mc_str currency;    /* as for mc_csv_decoder_init */
    bool with_ledger;          /* sales and users go to a ledger, not to the tallies; no lines of carts.jsonl */
    uint32_t checkpoint_every; /* batches; 0: never */

    void *context;
    /* Fills the batch (source, byte_offset, bytes) and says which layout it has and whether it ends its source;
     * raw_len 0 with *more false: there is nothing more. An empty batch with *more true is fine. */
    enum mc_err (*read)(void *context, struct mc_batch *batch, const struct mc_layout **layout, bool *last, bool *more,
                        struct mc_error *e);
    /* Called in order, before the clock is stamped: sets batch->first_row. */
    void (*number)(void *context, struct mc_batch *batch);
    enum mc_err (*emit)(void *context, const struct mc_emission *emission, struct mc_error *e);
};

/* MC_ERR_NOMEM. Copies the options. */
enum mc_err mc_pipeline_open(struct mc_pipeline **out, const struct mc_pipeline_options *options, struct mc_error *e);
void mc_pipeline_close(struct mc_pipeline **pipeline);

/* Reads until there is no more, then ends all visits and emits them. The first error of all stops every thread. */
enum mc_err mc_pipeline_run(struct mc_pipeline *pipeline, struct mc_error *e);

/* Its clock and partitions: before a run, while emitting a checkpoint, after a run. */
struct mc_partitions *mc_pipeline_engine(struct mc_pipeline *pipeline);

/* CPU nanoseconds that each stage took, over all threads; and what the limits amount to in memory at start. */
void mc_pipeline_stage_ns(const struct mc_pipeline *pipeline, int64_t ns[MC_STAGES]);
uint64_t mc_pipeline_memory(const struct mc_pipeline *pipeline);

#endif

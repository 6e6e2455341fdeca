/* What lets a run be killed and go on: sources and how far they were read, the run and its start, the engine's
 * snapshots, counters, append-only chunks. All of it is written in the ledger's open transaction (ledger.h) and becomes
 * durable with its effects. Getters work on both kinds of handle, inside or outside a transaction.
 */
#ifndef MC_STORE_CHECKPOINT_H
#define MC_STORE_CHECKPOINT_H

#include "store/ledger.h"

/* ---- sources ---- */

enum mc_source_state { MC_SOURCE_OPEN, MC_SOURCE_DONE };

enum { MC_SOURCE_PREFIX_MAX = 65536 };

struct mc_source {
    int64_t id; /* 1, 2, 3... in the order they were first met */
    enum mc_source_state state;
    int64_t offset, row; /* consumed: bytes (as the caller counts them), rows after the header */
    int64_t file_len;    /* as last seen; -1 for a stream */
};

/* Finds the source whose content this is: stored prefix (at most MC_SOURCE_PREFIX_MAX bytes) equal to the first bytes
 * of `prefix`, and no longer than the file is now. `prefix` is the first min(file_len, MC_SOURCE_PREFIX_MAX) bytes of
 * the file. Of several the longest stored length wins, then the newest. *found says whether there is one. A file that
 * has grown is out->file_len < file_len: go on at out->offset. */
enum mc_err mc_source_find(struct mc_ledger *l, struct mc_str prefix, int64_t file_len, bool *found,
                           struct mc_source *out, struct mc_error *e);

/* Adds a source, open, at offset 0. file_len -1 and an empty prefix: a stream, which mc_source_find never finds. `name`
 * is the path as given. */
enum mc_err mc_source_add(struct mc_ledger *l, struct mc_str name, struct mc_str prefix, int64_t file_len,
                          struct mc_wall now, struct mc_source *out, struct mc_error *e);

/* Writes state, offset, row. */
enum mc_err mc_source_update(struct mc_ledger *l, const struct mc_source *source, struct mc_error *e);

/* The file has grown, or is given again by another name: new length and prefix; the name stays that of the first time.
 */
enum mc_err mc_source_grow(struct mc_ledger *l, int64_t id, struct mc_str prefix, int64_t file_len, struct mc_error *e);

/* ---- runs ---- */

struct mc_run {
    int64_t id;
    struct mc_wall started_at; /* the wall of `stale` in a replay: a resumed run keeps its first start */
    bool resumed;              /* it was there, unfinished */
    bool same_settings;        /* of a resumed run: its settings are the ones given now */
};

/* The unfinished run if there is one, else a new one that starts now. `settings`: any text that must not change when a
 * run goes on (gap, policy...). */
enum mc_err mc_run_start(struct mc_ledger *l, struct mc_str settings, struct mc_wall now, struct mc_run *out,
                         struct mc_error *e);
enum mc_err mc_run_finish(struct mc_ledger *l, int64_t id, struct mc_wall now, struct mc_error *e);

/* ---- snapshots, counters, chunks, settings ---- */

/* A named blob, replaced. An empty blob removes it. */
enum mc_err mc_snapshot_put(struct mc_ledger *l, const char *name, struct mc_str blob, struct mc_error *e);
/* Appends it to `out`; nothing if there is none. MC_ERR_NOMEM if the buffer failed. */
enum mc_err mc_snapshot_get(struct mc_ledger *l, const char *name, struct mc_buf *out, struct mc_error *e);

/* A named exact number. Names of the ledger's own begin with "store." and are only to be read (read.h). */
enum mc_err mc_counter_set(struct mc_ledger *l, const char *name, __int128 value, struct mc_error *e);
/* 0 if there is none. Names that begin with "store.": as of the last commit. */
enum mc_err mc_counter_get(struct mc_ledger *l, const char *name, __int128 *value, struct mc_error *e);

/* Appends a blob to the list `name`; mc_chunk_each gives them back in that order. */
enum mc_err mc_chunk_append(struct mc_ledger *l, const char *name, struct mc_str blob, struct mc_error *e);
/* Calls `take` for each; the blob is borrowed for the call. `take` returns false to stop. Not to be called while
 * appending from within `take`. */
enum mc_err mc_chunk_each(struct mc_ledger *l, const char *name, bool (*take)(void *context, struct mc_str blob),
                          void *context, struct mc_error *e);
/* A named text for anything else that must outlive a process; get appends to `out`, nothing if there is none. */
enum mc_err mc_setting_put(struct mc_ledger *l, const char *name, struct mc_str value, struct mc_error *e);
enum mc_err mc_setting_get(struct mc_ledger *l, const char *name, struct mc_buf *out, struct mc_error *e);

/* ---- the product dimension (SEMANTICS 2) ---- */

/* A value and the event time it came with; an empty value is none. */
struct mc_dated {
    struct mc_str value;
    struct mc_time at;
};

struct mc_product {
    struct mc_str product;
    struct mc_dated category_id, category_code, brand;
};

/* Merges: for each column by itself the value of the greatest time stays (of equals, the greatest string), so writing
 * twice or in any order is harmless. */
enum mc_err mc_product_put(struct mc_ledger *l, const struct mc_product *product, struct mc_error *e);
/* In order of product. Strings are borrowed for the call; `take` returns false to stop. */
enum mc_err mc_product_each(struct mc_ledger *l, bool (*take)(void *context, const struct mc_product *product),
                            void *context, struct mc_error *e);

#endif

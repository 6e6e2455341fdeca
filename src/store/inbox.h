/* The log of a live service: what came in, in order, durable before it is acknowledged.
 *
 *     STORE-inbox/0000000000000001.db    entries 1 ... n
 *     STORE-inbox/0000000000000n+1.db    the next segment, named by its first position
 *
 * Each segment is a SQLite file (WAL, synchronous=FULL) with one table of entries; only the last is written. The ledger
 * holds how far the log was consumed; position and the effects' keys suffice for recovery, so no transaction spans
 * both. An entry is the body of a request as it came, or a tick, an unsubscribe, a click. Positions are 1, 2, 3 ...
 * without a hole. One owner thread a handle.
 */
#ifndef MC_STORE_INBOX_H
#define MC_STORE_INBOX_H

#include "base/err.h"
#include "base/time.h"

enum mc_entry_kind {
    MC_ENTRY_TICK,        /* no body; arrived_at is its time */
    MC_ENTRY_NATIVE,      /* a body of MC_JSON_NATIVE */
    MC_ENTRY_SEGMENT,     /* a body of MC_JSON_SEGMENT */
    MC_ENTRY_UNSUBSCRIBE, /* body: the address that wants no more mail */
    MC_ENTRY_CLICK,       /* a link of a message was followed; body: its id, 8 bytes, little-endian */
    MC_ENTRY_KINDS
};

struct mc_entry {
    int64_t position; /* set by append */
    enum mc_entry_kind kind;
    bool persons; /* came with a server key: may set addresses, consent, alias */
    int64_t key;  /* id of the key it came with, 0: none */
    struct mc_wall arrived_at;
    struct mc_str body;
};

struct mc_inbox;

/* `store` is the ledger's path; the folder is made if missing. MC_ERR_IO, MC_ERR_FULL, MC_ERR_FORMAT, MC_ERR_NOMEM. */
enum mc_err mc_inbox_open(struct mc_inbox **out, const char *store, struct mc_error *e);
void mc_inbox_close(struct mc_inbox **inbox);

/* Position of the last durable entry; 0: the log is empty. */
int64_t mc_inbox_last(const struct mc_inbox *inbox);

/* Appends all, in order, as one transaction, and sets their positions: durable when it returns MC_OK. On an error
 * (MC_ERR_FULL, MC_ERR_IO) nothing was appended and the next call may succeed. Starts a new segment when the last one
 * is larger than `segment_bytes` (mc_inbox_set_segment_bytes; 256 MiB). */
enum mc_err mc_inbox_append(struct mc_inbox *inbox, struct mc_entry *const *entries, size_t count, struct mc_error *e);
void mc_inbox_set_segment_bytes(struct mc_inbox *inbox, uint64_t bytes);

/* The entries behind `after`, in order. The entry is borrowed for the call; `take` returns false to stop. Also on a
 * handle of its own beside the writer's. */
enum mc_err mc_inbox_each(struct mc_inbox *inbox, int64_t after,
                          bool (*take)(void *context, const struct mc_entry *entry), void *context, struct mc_error *e);

/* Removes the segments whose entries are all at or before `position` and arrived before `before`; never the last. */
enum mc_err mc_inbox_drop(struct mc_inbox *inbox, int64_t position, struct mc_wall before, struct mc_error *e);

/* What a store's log holds, for a report: *there false if the store has none. Positions first to last; `entries` is
 * less than last - first + 1 if some are missing. Beside a service that runs; reads all keys. */
struct mc_inbox_extent {
    int64_t first, last;
    uint64_t entries;
};
enum mc_err mc_inbox_measure(const char *store, bool *there, struct mc_inbox_extent *out, struct mc_error *e);

/* Bytes that are free where the log is, for those who may write there; 0 if nobody can say. */
uint64_t mc_inbox_room(const struct mc_inbox *inbox);

/* ---- settling: what was appended goes from the write-ahead files into the segments ----
 *
 * It takes as long as the appending did, so appending does not do it: when mc_inbox_is_unsettled, another thread calls
 * mc_inbox_settle_beside, which works on handles of its own, and then the owner mc_inbox_settle, which finds little
 * left and may begin the write-ahead file anew. Nothing is lost or slower to find if that is late; the file grows. */
bool mc_inbox_is_unsettled(const struct mc_inbox *inbox);
enum mc_err mc_inbox_settle_beside(const struct mc_inbox *inbox, struct mc_error *e); /* any thread, until close */
enum mc_err mc_inbox_settle(struct mc_inbox *inbox, struct mc_error *e);

#endif

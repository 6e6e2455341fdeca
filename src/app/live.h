/* The live service's one line of thought: entries of the log in, effects into the ledger. No thread, no clock of its
 * own: time is what the entries carry, so a test drives it in simulated time.
 *
 * The ledger holds how far the log was consumed ("log.position") in the transaction that holds the effects, and now and
 * then the engine's checkpoint with its own position ("log.checkpoint"). Opening restores the checkpoint, and applies
 * the log behind it again: up to "log.position" to the engine alone, for the ledger has those effects; from there on to
 * both. So a process killed at any instant goes on as if it had not been.
 *
 * Live, the smaller of an event's time and its arrival stands for its time at the clock (SEMANTICS 3).
 */
#ifndef MC_APP_LIVE_H
#define MC_APP_LIVE_H

#include "app/summary.h"
#include "app/timeline.h"
#include "engine/partition.h"
#include "store/inbox.h"

/* An entry that is durable in the log, decoded. */
struct mc_logged {
    int64_t position;
    enum mc_entry_kind kind;
    int64_t key;
    struct mc_wall arrived_at;
    struct mc_calls *calls; /* NATIVE, SEGMENT; the engine marks duplicates in it */
    struct mc_str body;     /* of the others */
};

/* What a purchase changed, for those who watch. Borrowed until the next mc_live_forget_sales. */
struct mc_live_sale {
    int64_t position;
    struct mc_str product; /* good after mc_live_sales */
    size_t product_at;
    int64_t units;
    __int128 revenue;
    struct mc_time at;
    struct mc_wall arrived_at;
};

struct mc_live_settings {
    struct mc_rules rules; /* wall_mode is set here */
    struct mc_str currency;
};

/* Rejects of a live store are filed under sources of this name and the key's id. */
#define MC_LIVE_SOURCE_PREFIX "http key "

struct mc_live;

/* Restores, and consumes what the log holds, by the rules that it was consumed by before; other rules hold from there
 * on. Leaves no transaction open. Borrows ledger (for writing, its policy set) and inbox. *recovered: entries that were
 * applied again. Errors of both; MC_ERR_FORMAT: the checkpoint is damaged, or the log lacks something that was not
 * consumed. */
enum mc_err mc_live_open(struct mc_live **out, struct mc_ledger *ledger, struct mc_inbox *inbox,
                         const struct mc_live_settings *settings, uint64_t *recovered, struct mc_error *e);
void mc_live_close(struct mc_live **live);

/* Applies the next entry: begins the ledger's transaction if there is something to write and none is open. An entry at
 * or before mc_live_position changes nothing. After an error the ledger must be rolled back and `live` closed. */
enum mc_err mc_live_take(struct mc_live *live, const struct mc_logged *entry, struct mc_error *e);

/* Commits what is open, with the position and the counts. Nothing if none is open. */
enum mc_err mc_live_commit(struct mc_live *live, struct mc_error *e);

/* Commits with the engine's checkpoint, all in one; one in the making is dropped. */
enum mc_err mc_live_checkpoint(struct mc_live *live, struct mc_error *e);

/* The same in steps, each a commit with about so many bytes of the checkpoint that was the engine's state at the first
 * step; entries may be taken between them. *done: the log behind that first step is what the next opening reads. */
enum mc_err mc_live_checkpoint_step(struct mc_live *live, size_t bytes, bool *done, struct mc_error *e);
bool mc_live_checkpoint_is_under_way(const struct mc_live *live);

int64_t mc_live_position(const struct mc_live *live);
int64_t mc_live_checkpointed(const struct mc_live *live); /* no start needs an entry at or before it */
uint64_t mc_live_events_since_checkpoint(const struct mc_live *live);

/* The sales since mc_live_forget_sales, in order of the log. */
const struct mc_live_sale *mc_live_sales(struct mc_live *live, size_t *count);
void mc_live_forget_sales(struct mc_live *live);

struct mc_live_status {
    struct mc_summary counted; /* over the store's life, as far as it is counted outside of the ledger */
    struct mc_time clock;
    uint64_t open_visits, users, held_bytes;
    uint64_t ignored, time_corrected, persons_refused; /* since the process began */
    struct mc_wall last_event_at;                      /* arrival of the newest event; us 0: none since the start */
};
struct mc_live_status mc_live_look(const struct mc_live *live);

/* Goes through all users: not for each round. */
struct mc_open_carts mc_live_open_carts(const struct mc_live *live);

#endif

/* One user's state and the rules that change it: the core of the engine (SEMANTICS 2 `duplicate`, 3, 4).
 *
 * Pure: no clock, thread, I/O or randomness inside; memory only from the pool that the caller gives. Both faces of the
 * engine use these functions: the embedded partition keeps users unpacked in tables, the flat state of a cluster
 * (state.h) unpacks, applies and packs.
 *
 * Invariants
 *  U1  A user has at most one open visit of a session, and at most MC_VISITS_MAX in all.
 *  U2  When there is a clock, every open visit has last + gap > clock after any call.
 *  U3  A visit holds at most MC_CART_PRODUCTS_MAX items, each with quantity >= 1, and the fingerprints of at most
 *      MC_REMEMBERED events; a user the ids of at most MC_REMEMBERED messages.
 *  U4  A user with no visit, whose purchases and message ids are all more than a day behind the clock, has no influence
 *      on anything that may still come, and is forgotten: a visit takes no event 24 h behind the clock, so no cart
 * event can be older than such a purchase.
 */
#ifndef MC_ENGINE_USER_H
#define MC_ENGINE_USER_H

#include "base/pool.h"
#include "engine/effect.h"

enum { MC_VISITS_MAX = 1024, MC_CART_PRODUCTS_MAX = 1000, MC_REMEMBERED = 4096 };

#define MC_LATE_US MC_DAY_US           /* how far behind the clock an event may join a visit */
#define MC_MESSAGE_MEMORY_US MC_DAY_US /* how long a message id makes a duplicate */

enum mc_wall_mode {
    MC_WALL_FIXED,  /* a replay: the time it first started */
    MC_WALL_EXPIRY, /* as live: the expiry instant itself, so nothing is stale */
    MC_WALL_CLOCK,  /* live: the clock */
};

/* What the rules need to know besides the log. The same for all users. */
struct mc_rules {
    int64_t gap_us;
    int64_t stale_after_us;
    int64_t minimum; /* minor units: a cart worth less is below_minimum */
    enum mc_wall_mode wall_mode;
    struct mc_wall wall; /* for MC_WALL_FIXED */
};

/* Gap 30 minutes, stale after 24 hours, minimum 0, as live. */
struct mc_rules mc_rules_default(void);

/* The last `count` of at most MC_REMEMBERED 128-bit fingerprints, oldest at `head`. The sieve has a bit set for each
 * that was ever added: most searches for what is not there end at it, without a look at the fingerprints. */
struct mc_memory {
    uint64_t sieve;
    struct mc_hash128 *ids; /* cap of them: a piece of the pool, or their owner's own room */
    uint16_t count, cap, head;
    bool in_room;
};

enum {
    MC_VISIT_SESSION_ROOM = 40,
    MC_VISIT_MARKS_ROOM = 4,
    MC_VISIT_ITEMS_ROOM = 1,
    MC_USER_ID_ROOM = 15,
    MC_USER_VISITS_ROOM = 1
};

/* Four cache lines, in the order in which an event needs them: what is looked at, the name, the fingerprints, the cart.
 * Most visits are short and put nothing in a cart; what outgrows a room moves to the pool. Never copied: it points into
 * itself. */
struct mc_visit {
    uint64_t session_hash;
    struct mc_time first_at, last_at;
    struct mc_time first_cart_at; /* MC_TIME_NONE_US: no cart event */
    struct mc_memory seen;        /* of events without a message id */
    uint16_t item_count, item_cap;
    bool has_purchase;

    struct mc_str session; /* owned */
    char session_room[MC_VISIT_SESSION_ROOM];
    struct mc_time opened_at;

    struct mc_hash128 marks_room[MC_VISIT_MARKS_ROOM];

    struct mc_cart_item *items; /* in no order; products borrowed, see mc_user_apply */
    struct mc_cart_item items_room[MC_VISIT_ITEMS_ROOM];
};
_Static_assert(offsetof(struct mc_visit, session) == 64 && sizeof(struct mc_visit) <= 256, "lines of a visit");

/* Message ids: fingerprints in step with the stamps they were accepted at. */
struct mc_messages {
    struct mc_memory ids;
    int64_t *stamps; /* by the ids' places; microseconds; ids.cap of them */
};

/* Never copied, like a visit. What nearly every event looks at comes first: it shares a line with a partition's own. */
struct mc_user {
    struct mc_visit **visits;
    struct mc_visit *visits_room[MC_USER_VISITS_ROOM];
    uint16_t visit_count, visit_cap;
    uint8_t short_len; /* of an id that fits the room, else 0 */
    char id_room[MC_USER_ID_ROOM];

    struct mc_time last_purchase; /* MC_TIME_NONE_US: none to remember */
    struct mc_str id;             /* owned */
    uint64_t hash;
    struct mc_messages *messages; /* from the pool; NULL: no event had a message id */
};

/* A visit that ended. Borrowed for the call. */
struct mc_visit_end {
    const struct mc_user *user;
    const struct mc_visit *visit;
    struct mc_time expires_at;
    bool by_own_event;          /* ended by the next event of its key, ahead of the clock */
    bool partial;               /* bought something and left something else */
    uint32_t log_row;           /* set by a partition: at which event of the batch (effect.h) */
    const struct mc_cart *cart; /* NULL unless it is an abandoned cart */
};

/* Told of each visit that ends, in the order of SEMANTICS 3 within the user. It must not fail: what it cannot keep it
 * notes for later. */
struct mc_sink {
    void *context;
    void (*visit_ended)(void *context, const struct mc_visit_end *end);
};

/* What became of an event. */
enum mc_verdict { MC_VERDICT_JOINED, MC_VERDICT_OPENED, MC_VERDICT_LATE, MC_VERDICT_DUPLICATE, MC_VERDICT_NO_MEMORY };

struct mc_outcome {
    enum mc_verdict verdict;
    bool cart_full;             /* an add that a full cart left out */
    struct mc_time visit_start; /* opening time of the visit that it joined or opened; none if late or a duplicate */
};

/* What user.c reads of an event, with its strings resolved. */
struct mc_input {
    struct mc_time time, clock; /* clock MC_TIME_NONE_US: none */
    int64_t price;
    int32_t quantity;
    enum mc_event_type type;
    struct mc_str session, product;
    uint64_t session_hash, product_hash;
    struct mc_hash128 message_id; /* used when has_message_id */
    bool has_message_id;
};

/* Empties a zeroed struct into a user without state; copies the id. False: no memory. */
bool mc_user_init(struct mc_user *user, struct mc_pool *pool, struct mc_str id, uint64_t hash);

/* Whether it is the user of this id, given that the hashes are equal. */
static inline bool mc_user_is(const struct mc_user *user, struct mc_str id) {
    return user->short_len > 0 ? user->short_len == id.len && mc_bytes_equal(user->id_room, id.data, id.len)
                               : mc_str_equal(user->id, id);
}

/* Gives all its memory back to the pool. */
void mc_user_release(struct mc_user *user, struct mc_pool *pool);

/* A visit without events, in its rooms; NULL: no memory. Unpacking uses it. */
struct mc_visit *mc_visit_new(struct mc_pool *pool, struct mc_str session, uint64_t session_hash);

/* One event of this user. input->product must stay valid for as long as the user: the cart refers to it.
 * MC_VERDICT_NO_MEMORY: visits that the clock ended have ended, else nothing has changed; the event may be given again.
 */
struct mc_outcome mc_user_apply(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules,
                                const struct mc_input *input, const struct mc_sink *sink);

/* The clock has reached this instant: ends what is due. */
void mc_user_wake(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules, struct mc_time clock,
                  const struct mc_sink *sink);

/* The replay is over: ends all visits, due or not. `clock` as it stands (for `stale`). */
void mc_user_finish(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules, struct mc_time clock,
                    const struct mc_sink *sink);

/* The next instant at which waking does something: the least expiry, or, without visits, when the user can be
 * forgotten. A user with nothing to remember is due at once: MC_TIME_NONE_US. */
struct mc_time mc_user_due(const struct mc_user *user, const struct mc_rules *rules);

/* The same for a user with one visit, as nearly all have, without a call. */
static inline struct mc_time mc_user_next_due(const struct mc_user *user, const struct mc_rules *rules) {
    return user->visit_count == 1 ? (struct mc_time){user->visits[0]->last_at.us + rules->gap_us}
                                  : mc_user_due(user, rules);
}

/* Whether nothing is left that can matter (U4). Never without a clock, unless there is no state at all. */
bool mc_user_is_forgotten(const struct mc_user *user, struct mc_time clock);

#endif

/* One user's state as flat bytes, and the engine's rules on it: what a cluster keeps per key (DESIGN 7).
 *
 * The bytes are little-endian, version first, without pointers or padding, byte-identical for the same inputs on any
 * machine; layout in docs/FORMATS.md. Empty bytes are the state of a user who was never seen. The caller owns all
 * memory: state in, state and effects out, and a workspace. Nothing is allocated; no global, clock, thread or errno;
 * re-entrant. Any bytes are safe: what is no state is answered, never followed.
 */
#ifndef MC_ENGINE_STATE_H
#define MC_ENGINE_STATE_H

#include "base/wire.h"
#include "engine/user.h"

enum mc_state_result {
    MC_STATE_OK,
    MC_STATE_MALFORMED,       /* the state is no state of this or an older version */
    MC_STATE_NEEDS_OUTPUT,    /* out_cap is too small: *out_len says how many bytes the new state needs */
    MC_STATE_NEEDS_WORKSPACE, /* give a larger one: twice it, until it is enough */
};

/* A workspace of this many bytes per byte of state, and so many more, is always enough for one event. */
enum { MC_STATE_WORKSPACE_FACTOR = 24, MC_STATE_WORKSPACE_LEAST = 16384 };

struct mc_state_io {
    struct mc_str state; /* borrowed */
    void *out;           /* the new state; must not overlap the old */
    size_t out_cap;
    size_t out_len;     /* set: bytes of the new state; 0: forget this user */
    struct mc_time due; /* set: the next instant to wake, one timer a user; MC_TIME_NONE_US: none */
    void *workspace;
    size_t workspace_len;
};

/* One event of the user. Ended visits go to the sink while it runs. On any result but MC_STATE_OK the old state stays
 * valid, nothing was decided, and what the sink was told must be thrown away. */
enum mc_state_result mc_state_apply(struct mc_state_io *io, const struct mc_rules *rules, struct mc_str user,
                                    const struct mc_input *input, const struct mc_sink *sink,
                                    struct mc_outcome *outcome);

/* The clock has reached this instant. */
enum mc_state_result mc_state_wake(struct mc_state_io *io, const struct mc_rules *rules, struct mc_time clock,
                                   const struct mc_sink *sink);

/* The log is over: ends all visits. */
enum mc_state_result mc_state_finish(struct mc_state_io *io, const struct mc_rules *rules, struct mc_time clock,
                                     const struct mc_sink *sink);

/* The next instant to wake of a state that was kept without it. */
enum mc_state_result mc_state_due(struct mc_state_io *io, const struct mc_rules *rules);

/* The pieces that a snapshot uses too. Encoding sorts visits by session and items by product. */
size_t mc_user_encode(struct mc_user *user, void *out, size_t cap); /* returns the bytes needed; writes if they fit */

/* `intern` gives the string that the cart may keep for a product, len 0: no memory. NULL: the bytes themselves stay. */
typedef struct mc_str mc_intern(void *context, uint64_t hash, struct mc_str product);

/* Any result but MC_STATE_OK leaves a user that is to be released. */
enum mc_state_result mc_user_decode(struct mc_user *user, struct mc_pool *pool, struct mc_str bytes, mc_intern *intern,
                                    void *context);

#endif

/* The door to the log as those see it who bring something in over HTTP: the collector and the links.
 *
 *     acquire -> fill (kind, key, body, calls) -> submit -> ... durable ... -> done
 *
 * A submission is the intake's, from a bounded pool: acquire gives NULL when none is free or the service falls behind
 * (429 with Retry-After). After submit it belongs to the log: nothing in it may be touched. `done` is called once, when
 * the entry is durable (MC_OK), on the log's thread, or was refused (MC_ERR_FULL, MC_ERR_IO, MC_ERR_BUSY: 503), on that
 * or within submit; it must not block.
 * Implemented by app/; the functions may be called from any thread.
 */
#ifndef MC_SOURCE_INTAKE_H
#define MC_SOURCE_INTAKE_H

#include "event/json.h"
#include "store/inbox.h"

enum { MC_SUBMISSION_ROOM = 256 }; /* an address fits */

struct mc_submission {
    enum mc_entry_kind kind;
    bool persons;
    int64_t key;
    struct mc_wall arrived_at;
    struct mc_calls calls; /* NATIVE, SEGMENT: decoded, its batch.bytes begin with the body (raw_len bytes) */
    struct mc_str body;    /* of the other kinds: in `room` */
    char room[MC_SUBMISSION_ROOM];
    void (*done)(void *context, enum mc_err err);
    void *context;
};

struct mc_intake {
    void *context;
    struct mc_submission *(*acquire)(void *context);
    void (*submit)(void *context, struct mc_submission *s);
    void (*release)(void *context, struct mc_submission *s); /* acquired but not submitted */
};

#endif

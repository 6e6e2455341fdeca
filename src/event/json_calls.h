/* What the two shapes of JSON share: the decoder's state, and adding rows, refusals and calls about persons. */
#ifndef MC_EVENT_JSON_CALLS_H
#define MC_EVENT_JSON_CALLS_H

#include "event/json.h"
#include "event/json_scan.h"
#include "event/json_walk.h"

struct mc_json_decoder {
    struct mc_json_scanner *scanner;
    struct mc_json_text text;

    /* of the body that is being decoded */
    struct mc_checks checks;
    struct mc_json_rights rights;
    struct mc_time arrived_at; /* the arrival, as a time of the log */
    struct mc_calls *calls;
    const char *const *messages; /* by enum mc_reason: what to do */
    enum mc_err err;             /* the first error of the world; then the body is given up */
};

/* More than 5 minutes ahead of its arrival, an event gets the arrival as its time (SEMANTICS 2, wrong clocks). */
#define MC_JSON_AHEAD_MAX_US (5 * MC_MINUTE_US)

/* The next call's index; false: one too many, or an earlier error. */
bool mc_json_begin_call(struct mc_json_decoder *d);

/* The call that was begun last is a row that is refused for `reason`. `message` NULL: that of the reason. */
void mc_json_add_reject(struct mc_json_decoder *d, struct mc_slice raw, enum mc_reason reason, const char *message);

/* Room for an event, to be filled and then added or left; NULL: no memory. */
struct mc_event *mc_json_new_event(struct mc_json_decoder *d);

/* The new event has passed the checks: its time is corrected, its shape set. */
void mc_json_add_event(struct mc_json_decoder *d, struct mc_slice raw, struct mc_event *ev);

/* A call about a person is refused: no row, only an answer. */
void mc_json_refuse_person(struct mc_json_decoder *d, const char *reason, const char *message);

/* Checks the rights, ids and texts of a call whose slices are trimmed, and adds or refuses it. */
void mc_json_add_person(struct mc_json_decoder *d, struct mc_person_call *person);

/* Traits of a person, as values; what is absent is of kind MC_JSON_ABSENT. */
struct mc_json_traits {
    struct mc_json_value email, first_name, language, time_zone, consent;
};

/* The traits as trimmed texts. False: one has a wrong type, or is no text. */
bool mc_json_take_traits(struct mc_json_text *text, const struct mc_json_traits *traits, struct mc_person_call *person);

/* The value as trimmed text. False as mc_json_value_text. */
bool mc_json_trimmed_text(struct mc_json_text *text, const struct mc_json_value *v, struct mc_slice *out);

/* A quantity that is a JSON number: an integral one becomes its digits, any other is left as it is. */
void mc_json_quantity(struct mc_json_text *text, struct mc_slice *quantity);

/* The shapes. The scan went well, the walk stands at the first token of a call. False: it is no object, or broken, or
 * `alone` and something stands behind it; nothing was added. True with d->err set: the body is given up. */
bool mc_json_native_call(struct mc_json_decoder *d, struct mc_json_walk *w, bool alone);

/* The whole body of Segment's API. False: broken, or of another shape. */
bool mc_json_segment_body(struct mc_json_decoder *d, struct mc_json_walk *w);

extern const char *const mc_json_native_messages[MC_REASONS];
extern const char *const mc_json_segment_messages[MC_REASONS];

#endif

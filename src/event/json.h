/* A body of JSON calls, as the collector takes it and the log keeps it, into events, rejects and calls about persons.
 *
 * Deterministic: the same body, shape, rights, currency and arrival give the same calls, on any machine, so the log
 * keeps the body as it came and recovery decodes it again. simdjson finds the tokens, behind one C++ file (json_scan.h
 * says why no more of it is used); the whole grammar of RFC 8259 is checked, also of what is not used.
 *
 * A row is one event that a call asks for: a native event, a Segment track that maps to ours, each product of an Order
 * Completed. Rows are numbered from 0 in the order of the body; `raw` of a row is the text of its call (of an order,
 * the first rejected row has the call's text, further ones their product's, so that what is kept stays as long as what
 * came). Checks and reasons as SEMANTICS 2, first that fails; duplicates are not looked for here.
 * Bounds: at most MC_JSON_DEPTH_MAX brackets within each other and MC_JSON_PRODUCTS_MAX products in a call, else the
 * call is one row, a reject malformed_row; at most MC_JSON_CALLS_MAX calls and about as many rows in a body, else
 * MC_ERR_LIMIT. Time is linear in the body. Memory: the batch's arrays, the body twice, in the parser 4 bytes a token
 * and 1 a bracket, and 262 bytes for the message id of each row of an order.
 *
 *
 * What a body may be, native (MC_JSON_NATIVE)
 * -------------------------------------------
 * One JSON object, an array of objects, or an object a line (NDJSON; blank lines are skipped; CR before LF is white
 * space). Each object is a call; its index is its place, from 0. A line or array element that is no object is one
 * rejected row, malformed_row. An array that is broken anywhere is refused as a whole, and so is a body of which no
 * line is an object. An object may stand over several lines if it is alone. A byte order mark at the start is skipped.
 *
 * An event: {"event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id",
 * "user_session", "quantity", "currency", "order_id", "message_id"}, as in SEMANTICS 1. Each is a string, or a number
 * that stands for its text as it is written (so 12.345 is exact, and 1e3 as an id is the id "1e3"), or null or absent,
 * which is the empty string. A quantity may be any number that is integral: 2, 2.0, 20e-1. true, false, an object or an
 * array in a field, a string with \u0000 or with half a surrogate pair: malformed_row. An absent event_time is
 * bad_time: the client knows when it happened, and a queue on its side would make the arrival a lie. Of a name that
 * comes twice, the last counts. Other names are ignored, whatever is in them. Names are compared with their escapes
 * resolved, in exact case.
 *
 * An identify: {"type":"identify", "user_id", "traits":{"email", "first_name", "consent", "language", "time_zone"}},
 * each trait optional; consent is true, false, or one of the strings yes, no, true, false; other traits are ignored.
 * An alias: {"type":"alias", "user_id", "previous_id"}: the two are one person. For both, "event_type" may stand for
 * "type"; a call with both goes by "event_type". "type" page, screen or group without an event_type is ignored; any
 * other "type" too has no meaning, and the call is an event. Names of types are compared without case.
 *
 *
 * What a body may be, Segment (MC_JSON_SEGMENT)
 * ---------------------------------------------
 * One call, or {"batch":[calls], "sentAt", "context", "writeKey"}; of the batch's context, locale and timezone are used
 * where the call's own has none, and its sentAt likewise. The body must be good JSON as a whole. A call has "type"; one
 * without, but with "event", is a track. A call with neither, or an element that is no object, is a rejected row.
 *
 * track: the e-commerce spec, version 2 and the names of version 1, without case:
 *     Product Viewed,  Viewed Product     view
 *     Product Added,   Added Product      cart
 *     Product Removed, Removed Product    remove_from_cart
 *     Order Completed, Completed Order    purchase, a row for each of properties.products
 * Any other event is ignored, as are page, screen, group and other types. A product is in properties (of an order, in
 * an element of products): product_id, else sku, else id; category is category_code; brand; price; quantity; currency,
 * of an order's product else the order's; order_id is properties.order_id. An order without products is one row,
 * missing_product. user_id and user_session are both userId, else anonymousId. message_id is messageId; of the i-th
 * product of an order, from 0, messageId/i. Fields follow the rules of the native ones.
 *
 * identify: user is userId, else anonymousId; with both, the two are also linked. traits: email; first_name or
 * firstName; language, else context.locale; time_zone or timezone, else context.timezone; consent or
 * marketing_consent. alias: userId and previousId.
 *
 *
 * When
 * ----
 * Native: event_time. Segment: timestamp, else originalTimestamp; moved by arrival minus sentAt, if that is a time (out
 * of 1970 to 2199 then: bad_time); with neither, the arrival. In both, an event that is then more than 5 minutes ahead
 * of its arrival gets the arrival, and is counted as time_corrected.
 *
 *
 * Persons
 * -------
 * identify and alias are no rows. One that is not taken is in `refusals` alone: "browser_key" when the key must not set
 * persons, whatever is in the call; "missing_user"; "too_long" (an id of more than 128 bytes); "bad_person" for all
 * else. What is taken has an email with one @ and no spaces, and texts of at most 256 bytes without control characters;
 * the ledger's own rules for an address are stricter.
 */
#ifndef MC_EVENT_JSON_H
#define MC_EVENT_JSON_H

#include "event/batch.h"

enum {
    MC_JSON_DEPTH_MAX = 32,
    MC_JSON_CALLS_MAX = 100000,
    MC_JSON_PRODUCTS_MAX = 1000,
};

enum mc_json_shape {
    MC_JSON_NATIVE,  /* one object, an array of them, or NDJSON: events of SEMANTICS 1; identify, alias */
    MC_JSON_SEGMENT, /* Segment's HTTP API: one call with "type", or {"batch":[...]} */
};

/* What a call about a person gives. A slice of len 0 was not given. */
struct mc_person_call {
    uint32_t before_event;       /* it stands before batch.events[this], or behind the last */
    uint32_t call;               /* its index in the body */
    bool is_alias;               /* user and other are one person; else an identify of user */
    struct mc_slice user, other; /* other: of an alias, the previous id; of an identify with both ids, anonymousId */
    struct mc_slice email, first_name, language, time_zone;
    int8_t consent; /* enum mc_consent of store/people.h: 1 yes, 2 no, 0 not given */
};

/* Why a call was not accepted, for the answer: in order of index. */
struct mc_call_refusal {
    uint32_t call;
    const char *reason;  /* a mc_reason_names, or "browser_key" (identify or alias with a public key), "bad_person" */
    const char *message; /* static: what to do */
};

struct mc_calls {
    struct mc_batch batch; /* bytes: the body first; rows as above; source, byte_offset, first_row are the caller's */
    struct mc_person_call *persons;
    uint32_t person_count, person_cap;
    struct mc_call_refusal *refusals;
    uint32_t refusal_count, refusal_cap;
    uint32_t call_count;       /* calls in the body */
    uint32_t ignored;          /* calls that carry no event of ours */
    uint32_t time_corrected;   /* events that got their arrival as time */
    struct mc_slice write_key; /* "writeKey" of the body's first object, as mc_json_write_key; len 0: none */
};

void mc_calls_free(struct mc_calls *calls);

struct mc_json_decoder; /* the parser's memory: one a thread */
enum mc_err mc_json_decoder_open(struct mc_json_decoder **out, struct mc_error *e);
void mc_json_decoder_close(struct mc_json_decoder **d);

struct mc_json_rights {
    bool persons; /* a server key: identify, alias and addresses are taken */
};

/* Decodes calls->batch.bytes (raw_len set to its len; nothing need be readable behind it). Reuses all arrays; strings
 * with escapes are appended to batch.bytes, which may move. `currency` empty: any; borrowed for the call.
 * MC_ERR_FORMAT: the body as a whole is no JSON of this shape, with a sentence; nothing of it counts then.
 * MC_ERR_LIMIT: too many calls or bytes (64 MiB). MC_ERR_NOMEM: the calls may only be freed. On all errors the counts
 * are 0.
 */
enum mc_err mc_json_decode(struct mc_json_decoder *d, enum mc_json_shape shape, struct mc_json_rights rights,
                           struct mc_str currency, struct mc_wall arrived_at, struct mc_calls *calls,
                           struct mc_error *e);

/* Finds "writeKey" without decoding the rest, for a request whose key is in its body: at the top level of the body's
 * first object (of an array or lines, the first). False: none, or the object is broken. The body's bytes may move, its
 * content stays. */
bool mc_json_write_key(struct mc_json_decoder *d, struct mc_buf *body, struct mc_buf *key);

#endif

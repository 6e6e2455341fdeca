/* The HTTP collector: requests become submissions to the log, durable before they are answered.
 *
 *     POST /v1/events      SEMANTICS 1 as JSON: one object, an array, or NDJSON       answered per event
 *     POST /v1/batch ...   Segment's HTTP API, of servers and of browsers             {"success":true}
 *     GET  /v1/projects/KEY/settings    what Segment's browser client asks for first
 *     GET  /maxcart.js     our own browser script
 *
 * Steps of a request, in this order; each may end it: content type (415); key of Authorization or ?writeKey= (401);
 * rate of the address (429); a place in the log's queue (429); key of the body's writeKey (400, 401); rate of the key
 * (429); decoding (400, 413); submission; the answer when the log says that it is durable, or could not be (503).
 * Every answer is JSON that says what to do. A request of which nothing is to be kept (calls that are ignored) is
 * answered at once.
 *
 * A rate counts calls. A server key is limited by key only: a shop's servers share few addresses.
 *
 * Threads: the handlers run on any of the HTTP server's threads at the same time. What they share is behind locks that
 * are held for a few instructions: a pool of decoders, one of answers that wait, the buckets, the keys. Nothing is
 * allocated an event; a body is swapped into the submission, never copied.
 */
#ifndef MC_SOURCE_COLLECTOR_H
#define MC_SOURCE_COLLECTOR_H

#include "http/server.h"
#include "source/intake.h"
#include "store/access.h"

enum {
    MC_COLLECTOR_BODY_BYTES_MAX = 4 << 20, /* also when inflated */
    MC_COLLECTOR_ROUTES_MAX = 48,
    MC_COLLECTOR_MESSAGES_MAX = 1000, /* refusals with their message in one answer; more have index and reason only */
};

/* All is borrowed and must live as long as the collector, but cors_origins. */
struct mc_collector_settings {
    struct mc_intake intake;
    struct mc_access *access;
    struct mc_str currency;                    /* the store's: "EUR"; empty: any */
    const char *cors_origins;                  /* mc_cors_open */
    uint32_t per_key_per_s, per_address_per_s; /* calls; 0: no limit */
};

struct mc_collector;

/* MC_ERR_USAGE: cors_origins; MC_ERR_NOMEM. */
enum mc_err mc_collector_open(struct mc_collector **out, const struct mc_collector_settings *settings,
                              struct mc_error *e);

/* After the server that has its routes was closed and all submissions are done. NULL inside is fine. */
void mc_collector_close(struct mc_collector **c);

/* Fills `routes`, which has room for MC_COLLECTOR_ROUTES_MAX, and returns how many. */
size_t mc_collector_routes(struct mc_collector *c, struct mc_http_route *routes, size_t max);

/* Why a call was not accepted: enum mc_reason, and two more. */
enum { MC_COLLECTOR_BROWSER_KEY = MC_REASONS, MC_COLLECTOR_BAD_PERSON, MC_COLLECTOR_REASONS };
const char *mc_collector_reason_name(unsigned reason);

/* Answers other than 200: their status codes are in mc_collector_refusal_statuses. */
enum mc_collector_refusal {
    MC_REFUSED_BODY,  /* 400: no JSON, empty */
    MC_REFUSED_KEY,   /* 401: none, unknown, revoked */
    MC_REFUSED_SIZE,  /* 413: too many calls (a body too long is refused by the server, and counted there) */
    MC_REFUSED_TYPE,  /* 415: a content type that is none of ours */
    MC_REFUSED_RATE,  /* 429: over a rate, or the log falls behind */
    MC_REFUSED_STORE, /* 503: disk full or failing, no memory */
    MC_REFUSALS
};
extern const int mc_collector_refusal_statuses[MC_REFUSALS];

/* Since open. What a 503 refused is not counted as accepted or rejected: it comes again. */
struct mc_collector_counts {
    uint64_t requests;
    uint64_t accepted; /* events and calls about persons */
    uint64_t rejected[MC_COLLECTOR_REASONS];
    uint64_t ignored, time_corrected;
    uint64_t refused[MC_REFUSALS]; /* requests */
};
struct mc_collector_counts mc_collector_count(const struct mc_collector *c);

#endif

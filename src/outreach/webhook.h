/* Delivery to a service of the shop: one signed POST of JSON a message (payload.h), one connection kept and reused.
 *
 *     POST <url>
 *     Content-Type: application/json
 *     Idempotency-Key: <message_id>
 *     X-MaxCart-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256(secret, t "." body)>
 *
 *     answer                                                       outcome
 *     2xx                                                          ACCEPTED
 *     408, 409, 421, 425, 429, 5xx (Retry-After is kept to)        RETRY
 *     400, 404, 410, 413, 422                                      BOUNCED    this message, for ever; it says nothing
 *                                                                             about the person's address
 *     any other 3xx and 4xx (redirects are not followed)           REFUSED    our settings or our secret
 *     every address that the host resolves to is private           REFUSED
 *     no connection, TLS fails, lost before all was sent           DOWN
 *     all was sent, then no answer                                 UNKNOWN
 *
 * The address is looked at when the connection is made, so that a name which resolves to something else the second time
 * (DNS rebinding) gains nothing. libcurl's own second try on a kept connection that died is off: it could hand a
 * message over twice. A kept connection that was idle for MC_WEBHOOK_IDLE_S is not used again.
 *
 * One owner; blocks up to the timeouts.
 */
#ifndef MC_OUTREACH_WEBHOOK_H
#define MC_OUTREACH_WEBHOOK_H

#include "base/err.h"
#include "base/time.h"
#include "outreach/answer.h"
#include <stdatomic.h>

enum { MC_WEBHOOK_IDLE_S = 2, MC_WEBHOOK_SECRET_BYTES_MIN = 16 };
#define MC_WEBHOOK_RETRY_AFTER_MAX_US (1 * MC_HOUR_US)

/* Borrowed during open only, but for `stop`. */
struct mc_webhook_settings {
    const char *url;            /* http:// or https://, without user and fragment; empty: none */
    const char *secret;         /* needed: at least MC_WEBHOOK_SECRET_BYTES_MIN bytes */
    const char *ca_file;        /* PEM of the authority; NULL or empty: the system's */
    bool allow_private;         /* private, loopback and link-local addresses too; default false */
    uint32_t connect_timeout_s; /* 0: 10 */
    uint32_t answer_timeout_s;  /* of the whole request; 0: 30 */
    const atomic_bool *stop;    /* NULL: none. Once true, a delivery that blocks ends within about a second */
};

struct mc_webhook;

/* Checks the settings and makes a handle; connects at the first delivery. On success *out is the caller's, to be
 * closed; on error NULL. MC_ERR_USAGE: a setting has no meaning; MC_ERR_NOMEM. */
enum mc_err mc_webhook_open(struct mc_webhook **out, const struct mc_webhook_settings *settings, struct mc_error *e);

/* Posts one message. `now` goes into the signature. Never fails otherwise than by an outcome. */
struct mc_answer mc_webhook_deliver(struct mc_webhook *w, const char *message_id, struct mc_str body,
                                    struct mc_wall now);

/* Appends the value of X-MaxCart-Signature. Pure. */
void mc_webhook_sign(struct mc_buf *out, struct mc_str secret, int64_t unix_seconds, struct mc_str body);

void mc_webhook_close(struct mc_webhook **w);

#endif

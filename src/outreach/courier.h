/* The sender's side of delivery: takes outgoing messages, hands each over by its channel, and writes down what came of
 * it. One a thread: it keeps a connection of its own to the mail server or the webhook, and blocks while they answer.
 * It knows no ledger; many may work beside each other.
 *
 *     mailer (ledger's thread)  --- struct mc_outgoing --->  courier (its own thread)  --->  SMTP | HTTP | folder
 *                              <--- the same, answered ---
 */
#ifndef MC_OUTREACH_COURIER_H
#define MC_OUTREACH_COURIER_H

#include "outreach/outgoing.h"
#include "outreach/settings.h"

struct mc_courier;

/* Opens what the settings name: checks them, makes the spool's folder; connects at the first delivery. Borrows the
 * settings. Any thread; used by one thread at a time. On success *out is the caller's, to be closed; on error NULL:
 * MC_ERR_USAGE (a setting), MC_ERR_IO (the spool's folder), MC_ERR_NOMEM. */
enum mc_err mc_courier_open(struct mc_courier **out, const struct mc_mailer_settings *settings, struct mc_error *e);

/* Hands over `count` messages, one after the other, and fills in `answer` and `answered_at` of each. Never fails
 * otherwise than by an outcome. What comes behind one that was DOWN or REFUSED is left NOT_TRIED, as is what comes
 * after smtp.stop or webhook.stop became true. Messages for the spool are on the disk, all of a call with one flush,
 * before they are called ACCEPTED; DOWN: the folder could not be written (`code` is the enum mc_err). */
void mc_courier_deliver(struct mc_courier *c, struct mc_outgoing *const *list, size_t count);

/* Connections to the mail server made so far. */
uint64_t mc_courier_connections(const struct mc_courier *c);

void mc_courier_close(struct mc_courier **c);

#endif

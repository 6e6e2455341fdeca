/* The ledger's side of delivery: which messages go now, and what became of them. It talks to no server: couriers do
 * (courier.h), in threads of their own or, in a replay, in this one (mc_mailer_run).
 *
 *     begin                                                  begin
 *       mc_mailer_take: re-check, compose, `sending`  ...      mc_mailer_settle: the result
 *     commit                                                 commit        (either may share a transaction with others)
 *       |                                                      ^
 *       +--> struct mc_outgoing, the caller's --> courier -----+
 *
 * So a killed process leaves in `sending` only what was taken and not settled, at most in_flight_max messages, and of
 * those nobody can know: they become `unknown` (or are sent again, if the setting says so) when a mailer is opened
 * next. Those of the spool are simply written again: it takes the same message twice without harm.
 *
 * Newest first: of all that may go now, by due time, then id. What is younger is worth more, and after an outage the
 * old would delay all that is new. What was not handed over within too_late_after of its due time is withheld.
 *
 * Retries: RETRY and REFUSED wait MC_RETRY_FIRST_US, doubled each time up to MC_RETRY_LONGEST_US (longer, up to that,
 * if the server asked), and end after MC_ATTEMPTS_MAX: then the message is `failed`, with the server's last words, as
 * is one that cannot be composed and one that a webhook will never take (nothing is held against an address then; a
 * mail server's bounce suppresses it). DOWN and NOT_TRIED are no attempts.
 *
 * Pauses: DOWN and REFUSED also pause their channel, MC_PAUSE_FIRST_US, doubled each time up to MC_PAUSE_LONGEST_US.
 * After a pause one message goes, as a probe; when something is ACCEPTED, all go again. Of many messages that were on
 * their way when the server went down only the first makes a pause; one that is accepted later than that lifts it (a
 * server that takes only so many connections is not down).
 *
 * In memory: 64 bytes for each message that waits to be handed over, rebuilt from the ledger when needed.
 *
 * One owner: the thread that owns the ledger's handle.
 */
#ifndef MC_OUTREACH_MAILER_H
#define MC_OUTREACH_MAILER_H

#include "outreach/outgoing.h"
#include "outreach/settings.h"

#define MC_RETRY_FIRST_US (1 * MC_MINUTE_US)
#define MC_RETRY_LONGEST_US (1 * MC_HOUR_US)
#define MC_PAUSE_FIRST_US (15 * MC_SECOND_US)
#define MC_PAUSE_LONGEST_US (10 * MC_MINUTE_US)
enum { MC_ATTEMPTS_MAX = 10 };

/* Since the mailer was opened. What happened in a transaction that was rolled back is in here too; the exact figures
 * are the ledger's (read.h). mc_mailer_run's are exact. */
struct mc_mailer_counts {
    uint64_t spooled;
    uint64_t outcomes[MC_OUTCOMES];  /* of all that was handed to a server or webhook, and of a spool that failed */
    uint64_t withheld;               /* at the last check before sending */
    uint64_t too_late;               /* withheld for that */
    uint64_t given_up, not_composed; /* failed; not_composed are among those given up */
};

struct mc_mailer;

/* Checks the settings (those of a courier too; the spool's folder is made), reads the templates, and settles what a
 * killed process left in `sending`. Borrows the ledger (opened for writing, no transaction open). On success *out is
 * the caller's, to be closed before the ledger; on error it is NULL. MC_ERR_USAGE: one sentence that names the settings
 * that are missing or wrong; a template's MC_ERR_FORMAT; MC_ERR_IO: the spool; errors of the ledger. */
enum mc_err mc_mailer_open(struct mc_mailer **out, struct mc_ledger *ledger, const struct mc_mailer_settings *settings,
                           struct mc_error *e);

/* In the open transaction: what is too late is withheld, and at most `max` messages, newest first, as many as the rate,
 * the number in flight and the pauses allow, go through the last check and are composed. list[0..*count) are then the
 * caller's: to be given to couriers after the commit, and settled whatever becomes of them, or, when the commit fails,
 * freed. Costs a few comparisons when nothing is due. On an error *count is 0 and the transaction must be rolled back:
 * the ledger's error, MC_ERR_NOMEM. */
enum mc_err mc_mailer_take(struct mc_mailer *m, struct mc_wall now, struct mc_outgoing **list, size_t max,
                           size_t *count, struct mc_error *e);

/* In the open transaction: writes what became of each, once: settling again is harmless. Borrows; the caller frees them
 * after the commit, or, after a rollback, settles them again. Those that no courier got to (NOT_TRIED, as a
 * new one says: the service stops) go back. Errors are the ledger's or of memory: roll back. */
enum mc_err mc_mailer_settle(struct mc_mailer *m, struct mc_outgoing *const *list, size_t count, struct mc_error *e);

/* The transaction in which take or settle was called was rolled back: what the mailer remembered of it is forgotten.
 * Must be called before the next take or settle. */
void mc_mailer_abandoned(struct mc_mailer *m);

/* Hands over all that is due now, with a courier of its own; adds to *counts. Outside of a transaction, blocks. Returns
 * at once while it pauses. An error is the ledger's, the spool's, of memory or of the settings of a server: what was
 * done before it is settled if it can be, and the next run goes on where this one was. */
enum mc_err mc_mailer_run(struct mc_mailer *m, struct mc_mailer_counts *counts, struct mc_error *e);

/* Until when live messages pause because the server is down; us 0: they do not. */
struct mc_wall mc_mailer_paused_until(const struct mc_mailer *m);

const struct mc_mailer_counts *mc_mailer_counts(const struct mc_mailer *m);

/* Links and pictures left out so far because they were no http(s) URL. */
uint64_t mc_mailer_urls_left_out(const struct mc_mailer *m);

void mc_mailer_close(struct mc_mailer **m);

#endif

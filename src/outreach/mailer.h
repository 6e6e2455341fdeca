/* Delivery of the ledger's claimed messages, each once, by the spool or by a mail server.
 *
 *     due -> compose -> [begin_sending, commit] -> hand over -> [result, with the next begin_sending: commit]
 *
 * So a process killed at any instant leaves at most one message in `sending`, and that is exactly what nobody can know:
 * it becomes `unknown` (or is sent again, if the setting says so) when a mailer is opened next. The spool, which may be
 * written twice, does a page of messages in one transaction.
 *
 * A replayed message goes into the spool or nowhere: never to a mail server.
 *
 * Retries: RETRY and REFUSED wait MC_RETRY_FIRST_US, doubled each time up to MC_RETRY_LONGEST_US, and end after
 * MC_ATTEMPTS_MAX (about four hours): then the message is `failed`, with the server's last words, as is one that cannot
 * be composed. DOWN and REFUSED also end the run and pause the mailer (MC_PAUSE_FIRST_US, doubled up to
 * MC_PAUSE_LONGEST_US, forgotten at the next accepted message); a message is never given up because the server was
 * down.
 *
 * One owner: the thread that owns the ledger's handle, outside of a transaction. Blocks while a server answers.
 */
#ifndef MC_OUTREACH_MAILER_H
#define MC_OUTREACH_MAILER_H

#include "outreach/compose.h"
#include "outreach/smtp.h"

#define MC_RETRY_FIRST_US (1 * MC_MINUTE_US)
#define MC_RETRY_LONGEST_US (1 * MC_HOUR_US)
#define MC_PAUSE_FIRST_US (15 * MC_SECOND_US)
#define MC_PAUSE_LONGEST_US (10 * MC_MINUTE_US)
enum { MC_ATTEMPTS_MAX = 10 };

/* Borrowed as long as the mailer lives. */
struct mc_mailer_settings {
    struct mc_sender sender;
    const char *templates; /* folder */
    const char *spool;     /* folder; empty: none */
    struct mc_smtp_settings
        smtp;            /* url empty: none. With both, replayed messages go to the spool, others to the server */
    bool resend_unknown; /* a lost answer is tried again, at the risk of a second mail; default false */
    struct mc_wall (*clock)(void); /* NULL: mc_wall_now */
};

/* Of one run. */
struct mc_mailer_counts {
    uint64_t spooled;
    uint64_t outcomes[MC_SMTP_OUTCOMES]; /* handed to the server */
    uint64_t withheld;                   /* at the last check before sending */
    uint64_t given_up, not_composed;     /* failed; not_composed are among those given up */
};

struct mc_mailer;

/* Checks the settings, reads the templates, and settles what a killed process left in `sending`. Borrows the ledger
 * (opened for writing, no transaction open). On success *out is the caller's, to be closed before the ledger; on error
 * it is NULL. MC_ERR_USAGE: one sentence that names the settings that are missing or wrong; a template's MC_ERR_FORMAT;
 * errors of the ledger and the spool. */
enum mc_err mc_mailer_open(struct mc_mailer **out, struct mc_ledger *ledger, const struct mc_mailer_settings *settings,
                           struct mc_error *e);

/* Hands over all that is due now; adds to *counts. Returns at once while it pauses. An error is the ledger's, the
 * spool's or of memory: the transaction is rolled back, and the next run goes on where this one was. */
enum mc_err mc_mailer_run(struct mc_mailer *m, struct mc_mailer_counts *counts, struct mc_error *e);

/* Until when it pauses because the server is down; us 0: it does not. */
struct mc_wall mc_mailer_paused_until(const struct mc_mailer *m);

/* Links and pictures left out so far because they were no http(s) URL. */
uint64_t mc_mailer_urls_left_out(const struct mc_mailer *m);

void mc_mailer_close(struct mc_mailer **m);

#endif

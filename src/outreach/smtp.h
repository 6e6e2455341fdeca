/* Delivery to a mail server: SMTP by libcurl, one connection kept and reused.
 *
 *     answer                                                       outcome
 *     250 after the message                                        ACCEPTED
 *     4xx to MAIL, RCPT, DATA or the message                       RETRY
 *     5xx to RCPT; 5xx to DATA or the message, but x.7.x           BOUNCED    the recipient, or this mail, for ever
 *     5xx to MAIL; 5xx x.7.x anywhere (policy, reputation)         REFUSED    our sender: not the recipient's fault
 *     no connection, 4xx/5xx greeting, TLS or AUTH fails,          DOWN       no message can go now
 *       connection lost before the message was all sent
 *     the message was all sent, then no answer                     UNKNOWN
 *
 * A reused connection that turns out closed, or answers 421 or 452 before the message (a server's limit of messages a
 * connection), is made anew once within the same delivery: that is no failure.
 *
 * One owner, any thread; blocks up to the timeouts. Asserts on what its caller must have checked: addresses by
 * mc_email_is_valid.
 */
#ifndef MC_OUTREACH_SMTP_H
#define MC_OUTREACH_SMTP_H

#include "base/err.h"
#include "base/str.h"
#include "outreach/answer.h"
#include <stdatomic.h>

enum mc_smtp_tls {
    MC_TLS_REQUIRED, /* smtps://, or STARTTLS must succeed; the certificate is checked */
    MC_TLS_NONE,     /* no encryption: only without a password, or to a server on this machine */
};

/* Borrowed during open only, but for `stop`. */
struct mc_smtp_settings {
    const char *url;      /* smtp://host:port or smtps://host:port; a path is the name said in EHLO */
    const char *user;     /* NULL or empty: no AUTH */
    const char *password; /* with user */
    enum mc_smtp_tls tls;
    const char *ca_file;        /* PEM of the authority; NULL or empty: the system's */
    uint32_t connect_timeout_s; /* 0: 30 */
    uint32_t answer_timeout_s;  /* for each answer of the server; 0: 300 (RFC 5321 4.5.3.2 asks 5 to 10 minutes) */
    const atomic_bool *stop;    /* NULL: none. Once true, a delivery that blocks ends within about a second: DOWN, or
                                   UNKNOWN if the message was all sent */
};

struct mc_smtp;

/* Checks the settings and makes a handle; connects at the first delivery. On success *out is the caller's, to be
 * closed; on error NULL. MC_ERR_USAGE: a setting has no meaning, or a password would go unencrypted over a network. */
enum mc_err mc_smtp_open(struct mc_smtp **out, const struct mc_smtp_settings *settings, struct mc_error *e);

/* Hands over one mail (CRLF lines, outreach/mime.h). Never fails otherwise than by an outcome. */
struct mc_answer mc_smtp_deliver(struct mc_smtp *s, struct mc_str from, struct mc_str to, struct mc_str mail);

/* Connections made so far. */
uint64_t mc_smtp_connections(const struct mc_smtp *s);

/* Says QUIT if connected. */
void mc_smtp_close(struct mc_smtp **s);

#endif

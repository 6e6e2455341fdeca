/* From a message of the ledger to what is sent: letter, view, templates, links, mail.
 *
 * Deterministic: the same message, settings and key give the same bytes (its Date is when it was due). One owner: the
 * templates of a composer are used by one thread at a time.
 */
#ifndef MC_OUTREACH_COMPOSE_H
#define MC_OUTREACH_COMPOSE_H

#include "outreach/link.h"
#include "outreach/mime.h"
#include "outreach/templates.h"
#include "store/outbox.h"

/* Borrowed as long as the composer lives. NULL and "" are the same. */
struct mc_sender {
    const char *name;           /* of the From header; empty: store_name */
    const char *address;        /* needed */
    const char *reply_to;       /* may be empty */
    const char *store_name;     /* empty: the domain of address */
    const char *postal_address; /* needed: on one line; the law asks for it in marketing mail */
    const char *public_url;     /* needed: where links point, http(s) */
    const char *currency;       /* ISO 4217 code; empty: amounts without a sign */
    int64_t restore_valid_us;   /* from when a message is due; 0: 14 days */
};

struct mc_composer {
    struct mc_sender sender;
    const struct mc_templates *templates; /* borrowed */
    struct mc_link_key key;
    uint64_t urls_left_out; /* links and pictures that were no http(s) URL, so far */
};

/* What is missing or wrong in the settings, as one sentence that names them all: MC_ERR_USAGE. Nothing may be sent
 * then; a preview may be shown. */
enum mc_err mc_sender_check(const struct mc_sender *sender, struct mc_error *e);

/* The three parts of a letter as they were rendered. */
struct mc_rendered {
    struct mc_buf subject, text, html;
};

void mc_rendered_free(struct mc_rendered *r);

/* Renders a message (also one of mc_message_preview). `r` starts as {0} or used; the caller frees it, also after an
 * error. Works without the needed settings: what is missing is left out. MC_ERR_NOMEM, MC_ERR_LIMIT. */
enum mc_err mc_compose_parts(struct mc_composer *c, const struct mc_message *message, struct mc_rendered *r,
                             struct mc_error *e);

/* Appends the whole mail. Needs good settings (mc_sender_check). MC_ERR_FORMAT: the message has no usable address;
 * MC_ERR_NOMEM, MC_ERR_LIMIT. */
enum mc_err mc_compose_mail(struct mc_composer *c, const struct mc_message *message, struct mc_buf *out,
                            struct mc_error *e);

/* Appends the two links that a message holds. */
void mc_compose_restore_url(struct mc_buf *out, const struct mc_composer *c, const struct mc_message *message);
void mc_compose_unsubscribe_url(struct mc_buf *out, const struct mc_composer *c, const struct mc_message *message);

#endif

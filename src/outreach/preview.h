/* One message of a stored cart as it would look, for `maxcart preview`: nothing is written, and sent only as a test.
 * Any thread, with a ledger handle of its own (reading will do).
 */
#ifndef MC_OUTREACH_PREVIEW_H
#define MC_OUTREACH_PREVIEW_H

#include "outreach/compose.h"

/* Which cart. session empty and opened_at none: the user's newest. */
struct mc_preview_cart {
    struct mc_str user, session;
    struct mc_time opened_at;
    struct mc_str language; /* empty: the subscriber's */
};

/* Renders into `r` (starts as {0} or used, the caller's to free). *found false: there is no such cart, and `r` is as it
 * was. Missing settings are no error: a preview is shown before they are made. Errors of the ledger, of `templates`
 * (the folder: MC_ERR_FORMAT with file, line, column), MC_ERR_NOMEM. */
enum mc_err mc_preview_render(struct mc_ledger *ledger, const struct mc_sender *sender, const char *templates,
                              const struct mc_preview_cart *cart, bool *found, struct mc_rendered *r,
                              struct mc_error *e);

/* The same cart's message as a whole mail to `to`, for a test: appended to `mail`. Its Message-ID is a new one each
 * time, so that no mail client takes the real message for a copy of the test. Needs good settings: MC_ERR_USAGE names
 * what is missing (mc_sender_check) or that `to` is no address. */
enum mc_err mc_preview_mail(struct mc_ledger *ledger, const struct mc_sender *sender, const char *templates,
                            const struct mc_preview_cart *cart, struct mc_str to, bool *found, struct mc_buf *mail,
                            struct mc_error *e);

#endif

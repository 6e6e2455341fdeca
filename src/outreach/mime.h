/* A whole mail as bytes: RFC 5322 header, multipart/alternative of a text and an HTML part (RFC 2045, 2046), one-click
 * unsubscribe (RFC 8058). Lines end in CRLF, all is ASCII of at most 998 characters a line.
 *
 * The same mail is the same bytes: nothing is read but the arguments, and the boundary is made of the message id.
 * Pure; any thread.
 */
#ifndef MC_OUTREACH_MIME_H
#define MC_OUTREACH_MIME_H

#include "base/err.h"
#include "base/time.h"

/* Everything is borrowed. */
struct mc_mime {
    struct mc_str from_name, from_address;
    struct mc_str reply_to;            /* empty: none */
    struct mc_str to_name, to_address; /* the name may be empty */
    struct mc_str subject;
    struct mc_str message_id; /* its left side: 1 to 64 of letters, digits, dot, hyphen, underscore */
    struct mc_time date;
    struct mc_str unsubscribe_url;
    struct mc_str text, html;
};

/* Appends the mail. MC_ERR_FORMAT, and nothing appended, if an address, the message id or the unsubscribe URL is none
 * (names, subject and bodies may be anything); MC_ERR_NOMEM. The Message-ID's right side is the domain of
 * from_address. */
enum mc_err mc_mime_compose(struct mc_buf *out, const struct mc_mime *mail, struct mc_error *e);

/* Whether the text may be the left side of a Message-ID, and so a file name. */
bool mc_message_id_is_valid(struct mc_str id);

#endif

/* Reads back a mail of the spool: what the demo's inbox shows. Takes any bytes; what it does not understand it leaves
 * as it is. Pure; any thread. */
#ifndef MC_WEB_MAIL_H
#define MC_WEB_MAIL_H

#include "base/buf.h"

/* Appends a header's text, unfolded, with its encoded words (RFC 2047, UTF-8) decoded; nothing if there is none. */
void mc_mail_header(struct mc_buf *out, struct mc_str mail, const char *name);

/* Appends the first part of that type ("text/html") of a multipart mail, or the body of a mail of that type, decoded.
 * False: there is none. */
bool mc_mail_part(struct mc_buf *out, struct mc_str mail, const char *type);

#endif

/* Content transfer encodings (RFC 2045): any text as lines of at most 76 ASCII characters that no mail server changes.
 * Pure; any thread.
 */
#ifndef MC_OUTREACH_TRANSFER_H
#define MC_OUTREACH_TRANSFER_H

#include "base/buf.h"

/* Base64 on one line. */
void mc_transfer_base64(struct mc_buf *out, struct mc_str bytes);

/* Appends a text as the body of a part, its Content-Transfer-Encoding line and the empty line before it included:
 * quoted-printable, or base64 where that is shorter (scripts other than Latin). Every line break of the text (LF, CR,
 * CRLF) becomes CRLF; NUL bytes go. Ends in CRLF. */
void mc_transfer_text(struct mc_buf *out, struct mc_str text);

#endif

/* Header fields of a mail (RFC 5322, 2047): folded, ASCII, and closed to injection: whatever text comes in, one field
 * goes out, because every text first becomes one line (outreach/text.h) and then plain atoms, a quoted string, or
 * base64 in encoded words. Lines end in CRLF and keep to 78 characters where there is a place to fold.
 *
 * Pure; any thread. Texts are cut at MC_HEADER_TEXT_BYTES_MAX.
 */
#ifndef MC_OUTREACH_HEADER_H
#define MC_OUTREACH_HEADER_H

#include "base/time.h"

enum { MC_HEADER_TEXT_BYTES_MAX = 600 };

/* "Name: text". `name` is ours, a literal. */
void mc_header_text(struct mc_buf *out, const char *name, struct mc_str text);

/* "Name: display <address>", without display if it is empty. The address must be mc_email_is_valid (asserted). */
void mc_header_mailbox(struct mc_buf *out, const char *name, struct mc_str display, struct mc_str address);

/* "Date: Tue, 24 Nov 2026 15:20:11 +0000". */
void mc_header_date(struct mc_buf *out, struct mc_time date);

#endif

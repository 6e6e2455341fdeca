/* Text from outside (names, product names) made safe to stand on one line of a mail: in a header, in a paragraph.
 *
 * Pure; any thread.
 */
#ifndef MC_OUTREACH_TEXT_H
#define MC_OUTREACH_TEXT_H

#include "base/buf.h"

/* Bytes of the character at the start of `s`: 1 to 4 for well-formed UTF-8, 0 if there is none (also for an empty s).
 */
size_t mc_text_char(struct mc_str s);

/* Appends `text` as one line. Runs of white space, line breaks (CR, LF, NEL, U+2028, U+2029) and control characters
 * become one space, at both ends none; characters that turn the direction of writing (U+202A to 202E, 2066 to 2069) go,
 * because they can make a line read as another; a byte that is not UTF-8 becomes U+FFFD. If the result would be longer
 * than bytes_max it is cut between characters and ends in U+2026 (bytes_max at least 4). */
void mc_text_line(struct mc_buf *out, struct mc_str text, size_t bytes_max);

/* Appends `text` for HTML: & < > " ' as references. Safe in text and in quoted attributes. */
void mc_text_html(struct mc_buf *out, struct mc_str text);

#endif

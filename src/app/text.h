/* Small helpers for help texts and manual pages. Pure; any thread. */
#ifndef MC_APP_TEXT_H
#define MC_APP_TEXT_H

#include "base/buf.h"

/* Text for roff: backslashes and hyphens escaped, a line that would begin with a dot or an apostrophe guarded. */
void mc_roff_text(struct mc_buf *b, const char *text);

#endif

/* How many messages may still go in the minute that ends now: a sliding window of counts by second.
 *
 * In no 60 seconds do more than `per_minute` go: the 61 seconds that can overlap such a window are added up. When the
 * clock steps back the window moves back with it, so it neither forgets nor blocks for longer than a minute. A zeroed
 * struct is a good empty one. Pure; one owner.
 */
#ifndef MC_OUTREACH_RATE_H
#define MC_OUTREACH_RATE_H

#include "base/time.h"
#include "base/wire.h"

enum { MC_RATE_SECONDS = 61 };

struct mc_rate {
    int64_t newest; /* second, since 1970, of the last count; it stands at newest % MC_RATE_SECONDS */
    uint32_t counts[MC_RATE_SECONDS];
};

uint32_t mc_rate_left(struct mc_rate *r, uint32_t per_minute, struct mc_wall now);
void mc_rate_note(struct mc_rate *r, struct mc_wall now, uint32_t count);

/* Appends it as bytes; reads them back, false and *r empty for anything else. */
void mc_rate_encode(struct mc_buf *out, const struct mc_rate *r);
bool mc_rate_decode(struct mc_rate *r, struct mc_str bytes);

#endif

/* The story of one abandoned cart, line by line, as `maxcart why` tells it. Pure; any thread. */
#ifndef MC_APP_STORY_H
#define MC_APP_STORY_H

#include "store/read.h"

/* `message` is the cart's row of the outbox, or NULL when it has none. */
void mc_story_text(struct mc_buf *b, const struct mc_stored_cart *cart, const struct mc_message *message,
                   const char *currency);

#endif

/* What comes back from the person a message went to: a link that was followed. (An unsubscribe names its address:
 * mc_suppression_put.) In the ledger's open transaction; doing it twice is harmless. An id that no message has changes
 * nothing: *found is false.
 */
#ifndef MC_STORE_RESPONSE_H
#define MC_STORE_RESPONSE_H

#include "store/outbox.h"

/* Notes the time of the first click, and counts the message once as clicked. */
enum mc_err mc_response_click(struct mc_ledger *l, int64_t message, struct mc_wall at, bool *found, struct mc_error *e);

#endif

/* A message as JSON, for a service of the shop that writes to its customers itself (webhook.h).
 * Deterministic: the same message, settings and key give the same bytes.
 */
#ifndef MC_OUTREACH_PAYLOAD_H
#define MC_OUTREACH_PAYLOAD_H

#include "outreach/compose.h"

/* Appends one object, in one line:
 *
 *     {"message_id","user_id","user_session","due_at","expires_at","email","first_name","language",
 *      "cart":{"value_minor","currency","items":[{"product_id","quantity","price_minor","name","url","image_url"}...]},
 *      "offer":{"kind","value"},"coupon":{"code","expires_at"},"links":{"restore","unsubscribe"}}
 *
 * Unknown texts (email, first_name, language, currency, name, url, image_url, coupon and its expires_at) are left out.
 * Needs good settings (mc_sender_check). MC_ERR_NOMEM. */
enum mc_err mc_payload_compose(const struct mc_composer *c, const struct mc_message *message, struct mc_buf *out,
                               struct mc_error *e);

#endif

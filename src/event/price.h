/* Numbers as rows spell them (SEMANTICS 1): price and quantity. Exact, no floating point. Pure; any thread. */
#ifndef MC_EVENT_PRICE_H
#define MC_EVENT_PRICE_H

#include "event/event.h"

/* `[+-]digits[.digits][e[+-]digits]`, also `.5` and `5.`, already trimmed, to minor units (hundredths), rounded half to
 * even. False when it is no such number or its magnitude after rounding is above MC_PRICE_MAX. Linear in the length,
 * whatever the exponent. */
bool mc_price_parse(struct mc_str text, int64_t *minor);

/* ASCII digits for 1 to MC_QUANTITY_MAX, leading zeros allowed, already trimmed. */
bool mc_quantity_parse(struct mc_str text, int32_t *quantity);

#endif

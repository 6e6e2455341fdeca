/* How a language writes money and dates, and says an offer. Not the C library's locale, which is global state and not
 * installed everywhere: one table, in which a translator adds a row. Pure; any thread.
 */
#ifndef MC_OUTREACH_LOCALE_H
#define MC_OUTREACH_LOCALE_H

#include "store/policy.h"

struct mc_locale;

/* By the first part of a language tag ("de" for "de-AT", "DE_ch"); English for what the table does not have. */
const struct mc_locale *mc_locale_find(struct mc_str language);

/* "€1,234.50", "1.234,50 €", "CHF 12.50": an amount in hundredths with the sign of a known currency, else its code.
 * Currencies without a minor unit in daily use (JPY, KRW, HUF...) show the fraction only if there is one. Spaces are
 * U+00A0, so that no line breaks inside an amount. */
void mc_locale_money(struct mc_buf *out, const struct mc_locale *locale, __int128 minor, struct mc_str currency);

/* "24 November 2026, 14:05 UTC": the zone is named, because the reader's is not known here. */
void mc_locale_time(struct mc_buf *out, const struct mc_locale *locale, struct mc_time time);

/* "Free shipping on your order", "10% off your order", "€5.00 off your order"; nothing for MC_OFFER_NONE or a value
 * that offers nothing. */
void mc_locale_offer(struct mc_buf *out, const struct mc_locale *locale, const struct mc_offer *offer,
                     struct mc_str currency);

#endif

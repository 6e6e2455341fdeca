/* Who may be written to, and what with: subscribers, links between ids, suppressions, the catalogue, the coupon pool.
 *
 * Parsing files is the callers' (app/); here is one row at a time, inside the ledger's open transaction. A row that is
 * not acceptable is data, not an error: the function returns MC_OK and sets *refused to a static text that says why,
 * NULL if it was taken.
 */
#ifndef MC_STORE_PEOPLE_H
#define MC_STORE_PEOPLE_H

#include "store/arena.h"
#include "store/ledger.h"

enum { MC_EMAIL_BYTES_MAX = 254, MC_NAME_BYTES_MAX = 256, MC_URL_BYTES_MAX = 2048, MC_COUPON_BYTES_MAX = 64 };

/* One address that may stand in a mail header and an SMTP command: one @ with 1 to 64 bytes before and 1 to 253 after
 * it, in all at most MC_EMAIL_BYTES_MAX; before it RFC 5322's dot-atom (no quotes, no comments), after it host labels
 * of letters, digits, hyphens with at least one dot; ASCII only, so no CR, LF, NUL, space, comma or angle bracket. */
bool mc_email_is_valid(struct mc_str email);

/* Valid UTF-8 without control characters (C0, DEL, C1, U+2028, U+2029), at most `bytes_max` bytes: fit for a header
 * or a line. */
bool mc_text_is_line(struct mc_str text, size_t bytes_max);

/* "http://" or "https://", a host, printable ASCII without space, quotes, angle brackets or backslash. */
bool mc_url_is_valid(struct mc_str url);

enum mc_consent { MC_CONSENT_UNKNOWN, MC_CONSENT_YES, MC_CONSENT_NO };

struct mc_subscriber {
    struct mc_str user;
    struct mc_str email;      /* empty: none */
    struct mc_str first_name; /* these may be empty */
    struct mc_str language;   /* "de", "pt-BR" */
    struct mc_str time_zone;  /* "Europe/Berlin" */
    enum mc_consent consent;
};

/* Adds or replaces the row of the user id. */
enum mc_err mc_subscriber_put(struct mc_ledger *l, const struct mc_subscriber *subscriber, const char **refused,
                              struct mc_error *e);

/* The same for what one call knows: an empty text and MC_CONSENT_UNKNOWN leave what is there. A row is made if there is
 * none. */
enum mc_err mc_subscriber_update(struct mc_ledger *l, const struct mc_subscriber *given, const char **refused,
                                 struct mc_error *e);

/* How the person behind a user id can be reached, by the rule of the decisions: the row of the id itself if it has an
 * address, else that of the least linked id that has one. Strings are in
 * the arena. Start from {0}; a used one is cleared first; mc_contact_free takes it back to {0}. */
struct mc_contact {
    bool known; /* there is an address */
    bool suppressed;
    enum mc_consent consent;         /* NO if any linked id said no, else YES if any said yes */
    bool customer;                   /* some id of the person bought */
    struct mc_subscriber subscriber; /* whose address it is */
    struct mc_arena arena;
};

void mc_contact_free(struct mc_contact *contact);

enum mc_err mc_contact_find(struct mc_ledger *l, struct mc_str user, struct mc_contact *out, struct mc_error *e);

/* From now on the two ids are one person (and all that were linked with either). Linking twice is harmless. */
enum mc_err mc_person_link(struct mc_ledger *l, struct mc_str user, struct mc_str other, struct mc_error *e);

enum mc_suppression_reason { MC_UNSUBSCRIBED, MC_BOUNCED, MC_COMPLAINED, MC_SUPPRESSION_REASONS };
extern const char *const mc_suppression_reason_names[MC_SUPPRESSION_REASONS];

/* Never write to this address again. The first reason and time stay, but unsubscribed and complained replace bounced.
 * ASCII case of the address is ignored. A person is suppressed if the address to be used is, or any address of the
 * person unsubscribed or complained. */
enum mc_err mc_suppression_put(struct mc_ledger *l, struct mc_str email, enum mc_suppression_reason reason,
                               struct mc_wall at, const char **refused, struct mc_error *e);

struct mc_catalogue_entry {
    struct mc_str product, name, image_url, url; /* all but product may be empty */
};

enum mc_err mc_catalogue_put(struct mc_ledger *l, const struct mc_catalogue_entry *entry, const char **refused,
                             struct mc_error *e);

/* A code of the shop: 1 to MC_COUPON_BYTES_MAX printable ASCII bytes without space. `expires_at` may be none. A code
 * that is already there, taken or not, is refused ("already in the pool"): a code goes out at most once, ever. Coupons
 * that expire first are taken first, then in order of import; one that has expired by the clock is never taken. */
enum mc_err mc_coupon_put(struct mc_ledger *l, struct mc_str code, struct mc_str campaign, struct mc_time expires_at,
                          const char **refused, struct mc_error *e);

#endif

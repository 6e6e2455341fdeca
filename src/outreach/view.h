/* From what a letter is about to the variables that a template may use (templates/README.md lists them for a
 * marketer). Pure; any thread.
 */
#ifndef MC_OUTREACH_VIEW_H
#define MC_OUTREACH_VIEW_H

#include "outreach/variables.h"
#include "store/policy.h"

enum {
    MC_LETTER_LINES_SHOWN = 12, /* the lines of most value; the rest is `more_count` */
    MC_LETTER_FIRST_NAME_BYTES_MAX = 100,
    MC_LETTER_NAME_BYTES_MAX = 160, /* product name as shown */
    MC_LETTER_COUPON_BYTES_MAX = 64,
};

struct mc_letter_line {
    struct mc_str product_id;
    struct mc_str name, url, image_url; /* empty: the catalogue has none */
    int64_t quantity, price_minor;      /* of one */
};

/* Everything is borrowed. Texts may hold anything; the view makes them safe or leaves them out. */
struct mc_letter {
    struct mc_str store_name, postal_address, currency;
    struct mc_str language; /* that of the templates, so that amounts and texts agree */
    struct mc_str first_name;
    const struct mc_letter_line *lines;
    size_t line_count;
    struct mc_offer offer;
    struct mc_str coupon;             /* empty: none */
    struct mc_time coupon_expires_at; /* none: does not expire */
    struct mc_str restore_url, unsubscribe_url;
};

/* The names of all variables, ended by NULL: mc_template_check's `known`. */
extern const char *const mc_view_names[];

/* Fills `out` (empty on entry; check out->failed). Returns how many links and pictures were left out because they are
 * no http(s) URL. A first name that holds a web address counts as none: it is no name, and mail clients would make it a
 * link in the shop's mail. */
size_t mc_view_make(struct mc_variables *out, const struct mc_letter *letter);

#endif

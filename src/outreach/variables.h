/* What a template may show: named texts, and rows of named texts (the section `items`).
 *
 *     first_name=Ana  total=EUR 12.50 | name=Soap quantity=2 | name=Comb quantity=1
 *     the letter's own fields           row 1                  row 2
 *
 * Fields are appended in that order; a row is opened by mc_variables_row and lasts until the next. Values are data:
 * they are kept as one line (outreach/text.h) and are never read as a template. An empty value counts as absent. Start
 * from {0}; the first failed allocation sets `failed`, later appends do nothing. One owner.
 */
#ifndef MC_OUTREACH_VARIABLES_H
#define MC_OUTREACH_VARIABLES_H

#include "base/buf.h"

enum { MC_FIELD_BYTES_MAX = 4096 }; /* a longer value is cut */

struct mc_variable {
    const char *name; /* borrowed, static; NULL: a row starts here */
    size_t at, len;   /* in text */
};

struct mc_variables {
    struct mc_buf text;
    struct mc_variable *list;
    size_t count, cap;
    bool failed; /* out of memory: must not be used */
};

void mc_variables_free(struct mc_variables *f);

/* Appends to the row that is open, or to the letter's own fields. `name` must outlive f. */
void mc_variables_put(struct mc_variables *f, const char *name, struct mc_str value);
void mc_variables_row(struct mc_variables *f);

static inline struct mc_str mc_variable_value(const struct mc_variables *f, const struct mc_variable *field) {
    return (struct mc_str){field->len > 0 ? f->text.data + field->at : "", field->len};
}

#endif

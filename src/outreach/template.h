/* A parsed Mustache template, and its rendering over fields.
 *
 * Values are escaped for the kind of part before the template meets them, so that {{x}}, {{{x}}} and {{&x}} are all
 * equally safe: no value can bring in markup, a header or template syntax. Behind this header stands kainjow's C++
 * library; its exceptions do not leave template.cpp. A template belongs to one thread at a time (rendering uses its
 * parse tree).
 */
#ifndef MC_OUTREACH_TEMPLATE_H
#define MC_OUTREACH_TEMPLATE_H

#include "base/err.h"
#include "outreach/variables.h"

enum mc_template_kind {
    MC_TEMPLATE_SUBJECT, /* the result is one line, at most MC_SUBJECT_BYTES_MAX */
    MC_TEMPLATE_TEXT,    /* values as they are */
    MC_TEMPLATE_HTML,    /* values escaped */
};

enum {
    MC_SUBJECT_BYTES_MAX = 250,
    MC_RENDERED_BYTES_MAX = 1024 * 1024,
};

struct mc_template;

/* Parses `source` (not kept). `file` names it in errors; `known` as in mc_template_check. On success *out is the
 * caller's, to be closed; on error it is NULL. MC_ERR_FORMAT with file, line and column; MC_ERR_NOMEM. */
enum mc_err mc_template_parse(struct mc_template **out, enum mc_template_kind kind, struct mc_str source,
                              const char *file, const char *const *known, struct mc_error *e);

/* Appends the template filled with `fields`. MC_ERR_LIMIT: longer than MC_RENDERED_BYTES_MAX; MC_ERR_NOMEM. After an
 * error `out` may have grown by a part of the result. */
enum mc_err mc_template_render(struct mc_template *t, const struct mc_variables *fields, struct mc_buf *out,
                               struct mc_error *e);

void mc_template_close(struct mc_template **t);

#endif

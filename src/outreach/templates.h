/* The folder of templates: one folder a language, three files in each.
 *
 *     templates/en/cart.subject.mustache   cart.txt.mustache   cart.html.mustache
 *     templates/de/...
 *
 * English must be there; it serves every language that has no folder. All are read and checked when the set is opened,
 * so that a mistake shows before anything is sent. One owner.
 */
#ifndef MC_OUTREACH_TEMPLATES_H
#define MC_OUTREACH_TEMPLATES_H

#include "outreach/template.h"

enum { MC_LANGUAGES_MAX = 64, MC_LANGUAGE_BYTES_MAX = 15 };

struct mc_wording {
    char language[MC_LANGUAGE_BYTES_MAX + 1]; /* the folder's name: "en", "pt-BR" */
    struct mc_template *subject, *text, *html;
};

struct mc_templates {
    struct mc_wording list[MC_LANGUAGES_MAX]; /* by language */
    size_t count;
};

/* Reads all languages of `folder`. A folder that is no language tag (letters, digits, hyphen) is passed over. On
 * success *out is the caller's, to be closed; on error it is NULL. MC_ERR_FORMAT: a template is wrong (file, line,
 * column); MC_ERR_IO: the folder, English, or one of the three files is missing; MC_ERR_LIMIT: more than
 * MC_LANGUAGES_MAX. */
enum mc_err mc_templates_open(struct mc_templates **out, const char *folder, struct mc_error *e);

void mc_templates_close(struct mc_templates **t);

/* The wording of the language, of its first part ("pt" for "pt-BR"), or English. ASCII case is ignored. */
const struct mc_wording *mc_templates_find(const struct mc_templates *t, struct mc_str language);

#endif

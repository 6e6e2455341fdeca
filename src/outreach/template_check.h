/* The rules that a template must keep, checked before the library reads it, so that every mistake has a line and a
 * column, and no template can make rendering run away.
 *
 * Mustache (mustache(5)) without lambdas, partials and changed delimiters; at most MC_TEMPLATE_BYTES_MAX bytes of
 * UTF-8; sections nest at most MC_TEMPLATE_DEPTH_MAX deep and never in one of the same name (there is one list, so the
 * work is bounded by template x rows). Pure; any thread.
 */
#ifndef MC_OUTREACH_TEMPLATE_CHECK_H
#define MC_OUTREACH_TEMPLATE_CHECK_H

#include "base/err.h"
#include "base/str.h"

enum { MC_TEMPLATE_BYTES_MAX = 256 * 1024, MC_TEMPLATE_DEPTH_MAX = 8 };

/* `known`: the names that a tag may use, ended by NULL, so that a misspelt one is an error and not an empty place; NULL
 * allows every name. MC_ERR_FORMAT: "FILE:LINE:COLUMN: what is wrong". */
enum mc_err mc_template_check(struct mc_str source, const char *file, const char *const *known, struct mc_error *e);

#endif

/* Names and values as they stand in a query, a form and a cookie; percent-encoding. Pure: any bytes may come in, no
 * byte beyond them is read. */
#ifndef MC_HTTP_FIELDS_H
#define MC_HTTP_FIELDS_H

#include "base/buf.h"

/* Decodes %XX into `out`, which has room for in.len bytes; '+' becomes a space if `plus`. A '%' without two hexadecimal
 * digits stands for itself. Returns the length. `out` may be in.data. */
size_t mc_percent_decode(char *out, struct mc_str in, bool plus);

/* Whether every '%' is followed by two hexadecimal digits. */
bool mc_percent_is_valid(struct mc_str in);

/* Whether `raw`, decoded, is `name`. */
bool mc_percent_equal(struct mc_str raw, struct mc_str name, bool plus);

/* The first field `name` of "a=1&b=2"; its value is still encoded. A field without '=' has an empty value. */
bool mc_form_find(struct mc_str form, struct mc_str name, struct mc_str *raw_value);

/* The first cookie `name` of "a=1; b=2", without the quotes around a quoted value; nothing is encoded in it. */
bool mc_cookie_find(struct mc_str header, struct mc_str name, struct mc_str *value);

/* Decodes the path of a request line (a path, or http://host/path) into `out`, which has room for in.len + 1 bytes.
 * False: it does not begin with '/', has a bad %XX, a NUL, or a part "." or ".." (also encoded). */
bool mc_path_decode(char *out, struct mc_str in, struct mc_str *path);

#endif

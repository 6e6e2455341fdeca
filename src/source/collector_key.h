/* Where a request's key stands, and a body's own "type". Private to the collector. Pure. */
#ifndef MC_SOURCE_COLLECTOR_KEY_H
#define MC_SOURCE_COLLECTOR_KEY_H

#include "base/buf.h"
#include "store/access.h"

struct mc_http_request;

enum { MC_KEY_TEXT_MAX = 128 }; /* longer is no key of ours */

enum mc_key_place {
    MC_KEY_NOWHERE, /* neither header nor query: the body may have it */
    MC_KEY_GIVEN,
    MC_KEY_ODD, /* an Authorization that is no Bearer or Basic with a key */
};

/* Authorization: Bearer KEY, or Basic of "KEY:" (a password is ignored); else ?writeKey=KEY. `key` gets its text. */
enum mc_key_place mc_key_of_request(const struct mc_http_request *r, char key[MC_KEY_TEXT_MAX + 1]);

/* The text behind the scheme of an Authorization header; false if it is no key. */
bool mc_key_of_authorization(struct mc_str header, char key[MC_KEY_TEXT_MAX + 1]);

/* Segment's /v1/track and its like say the call's type by their path, and the log keeps only the body: puts
 * "type":TYPE first into an object that has neither "type" nor "batch" at its top level. False: no memory. */
bool mc_body_put_type(struct mc_buf *body, const char *type);

/* Whether the object in `body` has a member of this name at its top level. Bytes that are no JSON give any answer. */
bool mc_body_has_member(struct mc_str body, const char *name);

#endif

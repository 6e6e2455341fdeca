/* Which web pages may read our answers: an allow-list of origins (the CORS protocol of the Fetch standard).
 *
 * It protects visitors of other pages, not us: who has a key may send, from wherever. Read-only after open: any thread.
 */
#ifndef MC_SOURCE_CORS_H
#define MC_SOURCE_CORS_H

#include "base/buf.h"
#include "base/err.h"

struct mc_http_request;

struct mc_cors {
    struct mc_buf origins; /* each with its NUL */
    bool any;
};

/* "https://shop.example, http://localhost:3000" or "*"; NULL and empty: none. MC_ERR_USAGE: an entry that is no origin
 * (scheme://host[:port], nothing behind); MC_ERR_NOMEM. On an error it is empty. */
enum mc_err mc_cors_open(struct mc_cors *c, const char *list, struct mc_error *e);
void mc_cors_close(struct mc_cors *c);

/* What goes into Access-Control-Allow-Origin for a page of this origin; NULL: it may not read. */
const char *mc_cors_find(const struct mc_cors *c, struct mc_str origin);

/* Puts the headers for the request's origin, if it has one. Before any answer. */
void mc_cors_put(const struct mc_cors *c, struct mc_http_request *r);

/* Answers an OPTIONS request: 204, or 403 for an origin that is not on the list. */
void mc_cors_answer(const struct mc_cors *c, struct mc_http_request *r);

#endif

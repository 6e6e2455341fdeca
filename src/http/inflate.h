/* gzip, piece by piece, up to a bound: a body is never larger in memory than it may be, whatever it claims to unpack
 * to. Members that follow each other are one body (RFC 1952, 2.2). One owner; about 40 KB each while open. */
#ifndef MC_HTTP_INFLATE_H
#define MC_HTTP_INFLATE_H

#include "base/buf.h"

enum mc_inflate_result {
    MC_INFLATE_OK,       /* all that came was taken */
    MC_INFLATE_BAD,      /* no gzip, damaged, or with something behind it */
    MC_INFLATE_TOO_LONG, /* beyond the bound */
    MC_INFLATE_NOMEM,
};

struct mc_inflate;

/* NULL: no memory. */
struct mc_inflate *mc_inflate_open(void);
void mc_inflate_close(struct mc_inflate **it);

/* Appends what `in` unpacks to, if out->len stays within bytes_max. After anything but OK it is over. */
enum mc_inflate_result mc_inflate_push(struct mc_inflate *it, struct mc_str in, struct mc_buf *out, size_t bytes_max);

/* Whether what came ends where a member ends. */
bool mc_inflate_is_whole(const struct mc_inflate *it);

#endif

/* What browsers get from the collector: the settings of Segment's client, and maxcart.js. Private to the collector. */
#ifndef MC_SOURCE_COLLECTOR_PAGES_H
#define MC_SOURCE_COLLECTOR_PAGES_H

#include "base/buf.h"
#include "http/server.h"
#include "store/access.h"

struct mc_cors;

struct mc_pages {
    const struct mc_cors *cors;
    struct mc_access *access;
    struct mc_buf packed; /* maxcart.js, gzip */
};

/* Borrows both. MC_ERR_NOMEM. */
enum mc_err mc_pages_open(struct mc_pages *p, const struct mc_cors *cors, struct mc_access *access, struct mc_error *e);
void mc_pages_close(struct mc_pages *p);

size_t mc_pages_routes(struct mc_pages *p, struct mc_http_route *routes);

/* The script as it is served, and the size of its gzip. */
struct mc_str mc_pages_script(void);

#endif

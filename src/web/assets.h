/* The dashboard's files, built from dashboard/ and embedded in the binary. Static; any thread. */
#ifndef MC_WEB_ASSETS_H
#define MC_WEB_ASSETS_H

#include "base/str.h"

struct mc_asset {
    const char *name, *type; /* "app.js", "text/javascript" */
    struct mc_str bytes, gzip;
    struct mc_str etag; /* with its quotes: a hash of the bytes, made by the build */
};

/* False: there is none of that name, or the binary was built without the dashboard. */
bool mc_asset_find(struct mc_str name, struct mc_asset *out);

#endif

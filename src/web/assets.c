/* MC_DASHBOARD_DIST is the folder that dashboard/build.mjs wrote (cmake/dashboard.cmake): each file, the same by gzip
 * (NAME.gz), and its hash (NAME.etag). Without it there is no page, only the API. */
#include "web/assets.h"

#ifdef MC_DASHBOARD_DIST

#define EMBED(symbol, file)                                                                                            \
    __asm__(".section .rodata\n"                                                                                       \
            ".global mc_asset_" #symbol "\n.global mc_asset_" #symbol "_end\n"                                         \
            ".balign 16\nmc_asset_" #symbol ":\n.incbin \"" MC_DASHBOARD_DIST "/" file "\"\n"                          \
            "mc_asset_" #symbol "_end:\n.byte 0\n.previous\n");                                                        \
    extern const char mc_asset_##symbol[], mc_asset_##symbol##_end[];

#define EMBED_THREE(symbol, file)                                                                                      \
    EMBED(symbol, file)                                                                                                \
    EMBED(symbol##_gzip, file ".gz")                                                                                   \
    EMBED(symbol##_etag, file ".etag")

#define ASSETS(X)                                                                                                      \
    X(index, "index.html", "text/html; charset=utf-8")                                                                 \
    X(app, "app.js", "text/javascript; charset=utf-8")                                                                 \
    X(chart, "chart.js", "text/javascript; charset=utf-8")                                                             \
    X(style, "app.css", "text/css; charset=utf-8")                                                                     \
    X(plain, "plain.css", "text/css; charset=utf-8")                                                                   \
    X(icon, "favicon.svg", "image/svg+xml")

#define X(symbol, file, type) EMBED_THREE(symbol, file)
ASSETS(X)
#undef X

static struct mc_str between(const char *from, const char *to) {
    return (struct mc_str){from, (size_t)(to - from)};
}

bool mc_asset_find(struct mc_str name, struct mc_asset *out) {
#define X(symbol, file, kind)                                                                                          \
    if (mc_str_equal(name, MC_STR(file))) {                                                                            \
        *out = (struct mc_asset){file, kind, between(mc_asset_##symbol, mc_asset_##symbol##_end),                      \
                                 between(mc_asset_##symbol##_gzip, mc_asset_##symbol##_gzip_end),                      \
                                 between(mc_asset_##symbol##_etag, mc_asset_##symbol##_etag_end)};                     \
        return true;                                                                                                   \
    }
    ASSETS(X)
#undef X
    return false;
}

#else

bool mc_asset_find(struct mc_str name, struct mc_asset *out) {
    (void)name, (void)out;
    return false;
}

#endif

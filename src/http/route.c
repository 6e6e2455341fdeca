/* Which route a request belongs to. */
#include "http/internal.h"

/* How well a pattern fits a path: 0 not at all, else the longer the better, exact before any that ends in '*'. */
static size_t fit(struct mc_str pattern, struct mc_str path) {
    bool open = pattern.len > 0 && pattern.data[pattern.len - 1] == '*';
    if (!open)
        return mc_str_equal(pattern, path) ? SIZE_MAX : 0;
    size_t fixed = pattern.len - 1;
    return path.len >= fixed && mc_bytes_equal(path.data, pattern.data, fixed) ? pattern.len : 0;
}

/* 2: the very method; 1: it stands in for it; 0: not. */
static int method_fit(const char *wanted, struct mc_str method) {
    if (mc_str_equal(mc_str_of(wanted), method))
        return 2;
    if (strcmp(wanted, "*") == 0 || (strcmp(wanted, "GET") == 0 && mc_str_equal(method, MC_STR("HEAD"))))
        return 1;
    return 0;
}

static void allow_add(struct mc_buf *allow, const char *method) {
    mc_buf_text(allow, allow->len > 0 ? ", " : "");
    mc_buf_text(allow, method);
    if (strcmp(method, "GET") == 0)
        mc_buf_text(allow, ", HEAD");
}

const struct mc_http_route *mc_http_route_find(const struct mc_http_server *server, struct mc_str method,
                                               struct mc_str path, int *refusal, struct mc_buf *allow) {
    size_t best = 0;
    for (size_t i = 0; i < server->route_count; i++) {
        size_t fits = fit(mc_str_of(server->routes[i].path), path);
        best = fits > best ? fits : best;
    }
    const struct mc_http_route *found = NULL;
    int found_fit = 0;
    for (size_t i = 0; best > 0 && i < server->route_count; i++) {
        const struct mc_http_route *route = &server->routes[i];
        int fits = fit(mc_str_of(route->path), path) == best ? method_fit(route->method, method) : 0;
        if (fits > found_fit) {
            found = route;
            found_fit = fits;
        }
    }
    *refusal = found != NULL ? 0 : best == 0 ? 404 : 405;
    for (size_t i = 0; *refusal == 405 && i < server->route_count; i++)
        if (fit(mc_str_of(server->routes[i].path), path) == best)
            allow_add(allow, server->routes[i].method);
    return found;
}

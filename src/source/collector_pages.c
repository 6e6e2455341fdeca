#include "source/collector_pages.h"

#include "base/mem.h"
#include "source/cors.h"
#include <zlib.h>

/* The file itself, found on the include path: what is served is what is in the repository. */
__asm__(".section .rodata\n"
        ".global mc_script_begin\n.global mc_script_end\n"
        "mc_script_begin:\n"
        ".incbin \"source/browser/maxcart.js\"\n"
        "mc_script_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char mc_script_begin[], mc_script_end[];

struct mc_str mc_pages_script(void) {
    return (struct mc_str){mc_script_begin, (size_t)(mc_script_end - mc_script_begin)};
}

/* ---- maxcart.js ---- */

static enum mc_err pack(struct mc_buf *out, struct mc_error *e) {
    struct mc_str script = mc_pages_script();
    z_stream z = {.next_in = (Bytef *)(uintptr_t)script.data, .avail_in = (uInt)script.len};
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to pack maxcart.js");
    size_t bound = deflateBound(&z, (uLong)script.len);
    z.next_out = (Bytef *)mc_buf_reserve(out, bound);
    z.avail_out = (uInt)bound;
    int code = z.next_out != NULL ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    out->len = code == Z_STREAM_END ? z.total_out : 0;
    deflateEnd(&z);
    return code == Z_STREAM_END ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "no memory to pack maxcart.js");
}

/* Whether a coding is named; one that is refused by ";q=0" is a curiosity that gets it plain by sending nothing. */
static bool takes_gzip(const struct mc_http_request *r) {
    struct mc_str codings = mc_http_header(r, "Accept-Encoding");
    return codings.len > 0 && memmem(codings.data, codings.len, "gzip", 4) != NULL;
}

static void serve_script(void *context, struct mc_http_request *r) {
    static const char type[] = "text/javascript; charset=utf-8";
    struct mc_pages *p = context;
    mc_http_put_header(r, "Cache-Control", "public, max-age=3600");
    mc_http_put_header(r, "Vary", "Accept-Encoding");
    mc_http_put_header(r, "Access-Control-Allow-Origin", "*"); /* for <script crossorigin integrity=...> */
    mc_http_put_header(r, "Cross-Origin-Resource-Policy", "cross-origin");
    if (!takes_gzip(r)) {
        mc_http_answer_static(r, 200, type, mc_pages_script());
        return;
    }
    mc_http_put_header(r, "Content-Encoding", "gzip");
    mc_http_answer_static(r, 200, type, mc_buf_view(&p->packed));
}

/* ---- settings of Segment's browser client ---- */

/* A Host header that may stand in an address. */
static bool is_host(struct mc_str host) {
    if (host.len == 0 || host.len > 255)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i], lower = (char)(c | 0x20);
        if (!(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z') && strchr(".-:[]_", c) == NULL)
            return false;
    }
    return true;
}

/* Where to send to; and that its own measurements go nowhere: by default they go to the makers of the client. */
static void put_settings(struct mc_buf *out, struct mc_str key, struct mc_str host, bool secure) {
    mc_buf_text(out, "{\"integrations\":{\"Segment.io\":{\"apiKey\":");
    mc_buf_json(out, key);
    mc_buf_text(out, ",\"apiHost\":\"");
    mc_buf_str(out, host);
    mc_buf_text(out, "/v1\",\"protocol\":");
    mc_buf_text(out, secure ? "\"https\"" : "\"http\"");
    mc_buf_text(out, ",\"retryQueue\":true,\"addBundledMetadata\":false}},\"plan\":{\"track\":{},\"identify\":{},"
                     "\"group\":{}},\"metrics\":{\"sampleRate\":0},\"edgeFunction\":{},\"middlewareSettings\":{},"
                     "\"enabledMiddleware\":{},\"remotePlugins\":[],\"legacyVideoPluginsEnabled\":false,"
                     "\"analyticsNextEnabled\":true}");
}

static void serve_settings(void *context, struct mc_http_request *r) {
    static const struct mc_str suffix = {"/settings", 9};
    struct mc_pages *p = context;
    struct mc_str tail = mc_http_tail(r), host = mc_http_header(r, "Host");
    struct mc_key key;
    struct mc_buf out = {0};
    mc_cors_put(p->cors, r);
    if (tail.len < suffix.len || memcmp(tail.data + tail.len - suffix.len, suffix.data, suffix.len) != 0) {
        mc_http_answer_error(r, 404, "not_found", "Ask for /v1/projects/KEY/settings.");
        return;
    }
    struct mc_str text = {tail.data, tail.len - suffix.len};
    if (!mc_key_check(p->access, text, &key)) {
        mc_http_answer_error(r, 404, "unknown_key", "This key is not known here, or was revoked.");
    } else if (key.kind != MC_KEY_BROWSER) {
        mc_http_answer_error(r, 403, "server_key",
                             "This is a server's key, which must stay secret: revoke it, and make one for the page by "
                             "`maxcart keys create --kind browser`.");
    } else if (!is_host(host)) {
        mc_http_answer_error(r, 400, "bad_host", "The request has no Host header that could stand in an address.");
    } else {
        put_settings(&out, text, host, mc_http_is_secure(r));
        mc_http_put_header(r, "Cache-Control", "private, max-age=300");
        if (out.failed)
            mc_http_answer_error(r, 503, "no_memory", "The service is out of memory. Ask again later.");
        else
            mc_http_answer(r, 200, "application/json", mc_buf_view(&out));
    }
    mc_buf_free(&out);
}

static void preflight(void *context, struct mc_http_request *r) {
    struct mc_pages *p = context;
    mc_cors_answer(p->cors, r);
}

/* ---- opening ---- */

enum mc_err mc_pages_open(struct mc_pages *p, const struct mc_cors *cors, struct mc_access *access,
                          struct mc_error *e) {
    *p = (struct mc_pages){.cors = cors, .access = access};
    enum mc_err err = pack(&p->packed, e);
    if (err != MC_OK)
        mc_pages_close(p);
    return err;
}

void mc_pages_close(struct mc_pages *p) {
    mc_buf_free(&p->packed);
}

size_t mc_pages_routes(struct mc_pages *p, struct mc_http_route *routes) {
    routes[0] = (struct mc_http_route){.method = "GET", .path = "/maxcart.js", .handle = serve_script, .context = p};
    routes[1] =
        (struct mc_http_route){.method = "GET", .path = "/v1/projects/*", .handle = serve_settings, .context = p};
    routes[2] =
        (struct mc_http_route){.method = "OPTIONS", .path = "/v1/projects/*", .handle = preflight, .context = p};
    return 3;
}

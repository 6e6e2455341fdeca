#include "source/collector_key.h"

#include "http/server.h"
#include <sodium.h>
#include <stdio.h>

/* ---- the key ---- */

static bool key_take(struct mc_str text, char key[MC_KEY_TEXT_MAX + 1]) {
    if (text.len == 0 || text.len > MC_KEY_TEXT_MAX || memchr(text.data, '\0', text.len) != NULL)
        return false;
    memcpy(key, text.data, text.len);
    key[text.len] = '\0';
    return true;
}

/* What is before the first colon of the decoded pair is the user name. */
static bool key_of_basic(struct mc_str text, char key[MC_KEY_TEXT_MAX + 1]) {
    char pair[2 * MC_KEY_TEXT_MAX];
    size_t len;
    if (sodium_base642bin((unsigned char *)pair, sizeof pair, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 &&
        sodium_base642bin((unsigned char *)pair, sizeof pair, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return false;
    const char *colon = memchr(pair, ':', len);
    return key_take((struct mc_str){pair, colon != NULL ? (size_t)(colon - pair) : len}, key);
}

bool mc_key_of_authorization(struct mc_str header, char key[MC_KEY_TEXT_MAX + 1]) {
    struct mc_str text = mc_str_trim(header);
    const char *space = memchr(text.data, ' ', text.len);
    if (space == NULL)
        return false;
    struct mc_str scheme = {text.data, (size_t)(space - text.data)};
    struct mc_str value = mc_str_trim((struct mc_str){space, text.len - scheme.len});
    if (mc_str_equal_nocase(scheme, MC_STR("Bearer")))
        return key_take(value, key);
    return mc_str_equal_nocase(scheme, MC_STR("Basic")) && key_of_basic(value, key);
}

enum mc_key_place mc_key_of_request(const struct mc_http_request *r, char key[MC_KEY_TEXT_MAX + 1]) {
    struct mc_str header = mc_http_header(r, "Authorization");
    if (header.len > 0)
        return mc_key_of_authorization(header, key) ? MC_KEY_GIVEN : MC_KEY_ODD;
    struct mc_str query = mc_http_query(r, "writeKey");
    if (query.len > 0)
        return key_take(query, key) ? MC_KEY_GIVEN : MC_KEY_ODD;
    return MC_KEY_NOWHERE;
}

/* ---- the type ---- */

/* The byte behind the string that begins at `at`, or the end. */
static size_t string_end(struct mc_str body, size_t at) {
    for (at++; at < body.len && body.data[at] != '"'; at++)
        if (body.data[at] == '\\')
            at++;
    return at < body.len ? at + 1 : body.len;
}

static size_t space_end(struct mc_str body, size_t at) {
    while (at < body.len && mc_is_space(body.data[at]))
        at++;
    return at;
}

bool mc_body_has_member(struct mc_str body, const char *name) {
    size_t depth = 0, len = strlen(name);
    for (size_t at = 0; at < body.len;) {
        char c = body.data[at];
        if (c != '"') {
            depth += c == '{' || c == '[';
            depth -= (c == '}' || c == ']') && depth > 0;
            at++;
            continue;
        }
        size_t end = string_end(body, at), next = space_end(body, end);
        if (depth == 1 && next < body.len && body.data[next] == ':' && end - at == len + 2 &&
            memcmp(body.data + at + 1, name, len) == 0)
            return true;
        at = end;
    }
    return false;
}

bool mc_body_put_type(struct mc_buf *body, const char *type) {
    char member[32];
    struct mc_str view = mc_buf_view(body);
    size_t open = space_end(view, view.len >= 3 && memcmp(view.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    if (open == view.len || view.data[open] != '{' || mc_body_has_member(view, "type") ||
        mc_body_has_member(view, "batch"))
        return true; /* the decoder will say what is wrong with it, if anything */
    size_t next = space_end(view, open + 1);
    bool empty = next < view.len && view.data[next] == '}';
    int len = snprintf(member, sizeof member, "\"type\":\"%s\"%s", type, empty ? "" : ",");
    if (mc_buf_reserve(body, (size_t)len) == NULL)
        return false;
    memmove(body->data + open + 1 + len, body->data + open + 1, body->len - open - 1);
    memcpy(body->data + open + 1, member, (size_t)len);
    body->len += (size_t)len;
    return true;
}

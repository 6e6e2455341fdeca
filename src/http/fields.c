#include "http/fields.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at *at, decoded; moves *at behind it. */
static char decode_one(struct mc_str in, size_t *at, bool plus) {
    char c = in.data[(*at)++];
    if (c == '+' && plus)
        return ' ';
    if (c != '%' || in.len - *at < 2)
        return c;
    int high = hex_value(in.data[*at]), low = hex_value(in.data[*at + 1]);
    if (high < 0 || low < 0)
        return c;
    *at += 2;
    return (char)(high << 4 | low);
}

size_t mc_percent_decode(char *out, struct mc_str in, bool plus) {
    size_t len = 0;
    for (size_t at = 0; at < in.len;)
        out[len++] = decode_one(in, &at, plus);
    return len;
}

bool mc_percent_is_valid(struct mc_str in) {
    for (size_t i = 0; i < in.len; i++)
        if (in.data[i] == '%' && (in.len - i < 3 || hex_value(in.data[i + 1]) < 0 || hex_value(in.data[i + 2]) < 0))
            return false;
    return true;
}

bool mc_percent_equal(struct mc_str raw, struct mc_str name, bool plus) {
    size_t len = 0;
    for (size_t at = 0; at < raw.len; len++)
        if (decode_one(raw, &at, plus) != (len < name.len ? name.data[len] : '\0') || len >= name.len)
            return false;
    return len == name.len;
}

/* Cuts what stands before the next `separator` off the front of `rest`. */
static struct mc_str next_field(struct mc_str *rest, char separator) {
    const char *end = memchr(rest->data, separator, rest->len);
    struct mc_str field = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
    size_t used = field.len + (end != NULL);
    *rest = (struct mc_str){rest->data + used, rest->len - used};
    return field;
}

/* Cuts a field at its first '='. */
static struct mc_str split_name(struct mc_str field, struct mc_str *value) {
    struct mc_str name = next_field(&field, '=');
    *value = field;
    return name;
}

bool mc_form_find(struct mc_str form, struct mc_str name, struct mc_str *raw_value) {
    while (form.len > 0) {
        struct mc_str field = next_field(&form, '&');
        if (field.len > 0 && mc_percent_equal(split_name(field, raw_value), name, true))
            return true;
    }
    return false;
}

bool mc_cookie_find(struct mc_str header, struct mc_str name, struct mc_str *value) {
    while (header.len > 0) {
        struct mc_str field = mc_str_trim(next_field(&header, ';'));
        if (field.len == 0 || !mc_str_equal(mc_str_trim(split_name(field, value)), name))
            continue;
        *value = mc_str_trim(*value);
        if (value->len >= 2 && value->data[0] == '"' && value->data[value->len - 1] == '"')
            *value = (struct mc_str){value->data + 1, value->len - 2};
        return true;
    }
    return false;
}

static bool begins(struct mc_str text, struct mc_str start) {
    return text.len >= start.len && mc_bytes_equal(text.data, start.data, start.len);
}

/* "http://host/path" to "/path": clients of a proxy ask so, and a server must understand it (RFC 9112, 3.2.2). */
static struct mc_str without_origin(struct mc_str target) {
    size_t scheme = begins(target, MC_STR("http://")) ? 7 : begins(target, MC_STR("https://")) ? 8 : 0;
    if (scheme == 0)
        return target;
    const char *slash = memchr(target.data + scheme, '/', target.len - scheme);
    if (slash == NULL)
        return MC_STR("/");
    return (struct mc_str){slash, target.len - (size_t)(slash - target.data)};
}

static bool has_dot_part(struct mc_str path) {
    while (path.len > 0) {
        struct mc_str part = next_field(&path, '/');
        if (mc_str_equal(part, MC_STR(".")) || mc_str_equal(part, MC_STR("..")))
            return true;
    }
    return false;
}

bool mc_path_decode(char *out, struct mc_str in, struct mc_str *path) {
    struct mc_str raw = without_origin(in);
    if (!begins(raw, MC_STR("/")) || !mc_percent_is_valid(raw))
        return false;
    size_t len = mc_percent_decode(out, raw, false);
    out[len] = '\0';
    *path = (struct mc_str){out, len};
    return memchr(out, '\0', len) == NULL && !has_dot_part(*path);
}

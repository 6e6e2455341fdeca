#include "web/mail.h"

#include <ctype.h>

enum { BOUNDARY_MAX = 70 };

/* ---- lines and headers ---- */

/* The next line without its end; moves on. */
static bool next_line(struct mc_str *rest, struct mc_str *line) {
    if (rest->len == 0)
        return false;
    const char *end = memchr(rest->data, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len, taken = end != NULL ? len + 1 : len;
    *line = (struct mc_str){rest->data, len};
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    rest->data += taken;
    rest->len -= taken;
    return true;
}

/* The header's value, line by line as it is folded, appended; spaces of folds become one. */
static void raw_header(struct mc_buf *out, struct mc_str head, const char *name) {
    struct mc_str line;
    size_t len = strlen(name);
    bool inside = false, found = false;
    while (next_line(&head, &line) && line.len > 0) {
        bool folded = line.data[0] == ' ' || line.data[0] == '\t';
        if (!folded) {
            inside = !found && line.len > len && line.data[len] == ':' &&
                     mc_str_equal_nocase((struct mc_str){line.data, len}, mc_str_of(name));
            found = found || inside;
        }
        if (!inside)
            continue;
        struct mc_str value = folded ? line : (struct mc_str){line.data + len + 1, line.len - len - 1};
        if (folded)
            mc_buf_char(out, ' ');
        mc_buf_str(out, mc_str_trim(value));
    }
}

/* ---- encodings ---- */

static int hex_of(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void put_quoted(struct mc_buf *out, struct mc_str text, bool header) {
    for (size_t i = 0; i < text.len; i++) {
        bool pair =
            text.data[i] == '=' && i + 2 < text.len && hex_of(text.data[i + 1]) >= 0 && hex_of(text.data[i + 2]) >= 0;
        if (pair) {
            mc_buf_char(out, (char)(hex_of(text.data[i + 1]) * 16 + hex_of(text.data[i + 2])));
            i += 2;
        } else
            mc_buf_char(out, header && text.data[i] == '_' ? ' ' : text.data[i]);
    }
}

static int base64_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void put_base64(struct mc_buf *out, struct mc_str text) {
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
        int value = base64_of(text.data[i]);
        if (value < 0)
            continue;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            mc_buf_char(out, (char)(bits >> have & 255));
        }
    }
}

/* "=?UTF-8?B?...?=" at the start of `text`; *used bytes of it. */
static bool put_encoded_word(struct mc_buf *out, struct mc_str text, size_t *used) {
    static const struct mc_str start = {"=?utf-8?", 8};
    if (text.len < 12 || !mc_str_equal_nocase((struct mc_str){text.data, 8}, start) || text.data[9] != '?')
        return false;
    const char *end = memmem(text.data + 10, text.len - 10, "?=", 2);
    if (end == NULL)
        return false;
    struct mc_str word = {text.data + 10, (size_t)(end - text.data) - 10};
    if (toupper((unsigned char)text.data[8]) == 'B')
        put_base64(out, word);
    else
        put_quoted(out, word, true);
    *used = (size_t)(end - text.data) + 2;
    return true;
}

void mc_mail_header(struct mc_buf *out, struct mc_str mail, const char *name) {
    struct mc_buf raw = {0};
    bool after_word = false;
    raw_header(&raw, mail, name);
    struct mc_str text = mc_buf_view(&raw);
    for (size_t at = 0; at < text.len;) {
        struct mc_str rest = {text.data + at, text.len - at};
        size_t used = 1, skip = 0;
        while (after_word && skip < rest.len && rest.data[skip] == ' ')
            skip++; /* between two encoded words spaces do not count */
        if (put_encoded_word(out, (struct mc_str){rest.data + skip, rest.len - skip}, &used)) {
            at += skip + used;
            after_word = true;
            continue;
        }
        after_word = false;
        mc_buf_char(out, text.data[at++]);
    }
    out->failed = out->failed || raw.failed;
    mc_buf_free(&raw);
}

/* ---- parts ---- */

static struct mc_str body_of(struct mc_str mail) {
    struct mc_str line;
    while (next_line(&mail, &line) && line.len > 0) {
    }
    return mail;
}

static bool begins_nocase(struct mc_str text, const char *with) {
    size_t len = strlen(with);
    return text.len >= len && mc_str_equal_nocase((struct mc_str){text.data, len}, mc_str_of(with));
}

/* Quoted-printable line by line: a "=" at the end of a line goes on. */
static void put_body(struct mc_buf *out, struct mc_str part) {
    struct mc_buf encoding = {0};
    struct mc_str body = body_of(part), line;
    raw_header(&encoding, part, "Content-Transfer-Encoding");
    struct mc_str how = mc_buf_view(&encoding);
    if (begins_nocase(how, "base64"))
        put_base64(out, body);
    else if (!begins_nocase(how, "quoted-printable"))
        mc_buf_str(out, body);
    else
        while (next_line(&body, &line)) {
            bool goes_on = line.len > 0 && line.data[line.len - 1] == '=';
            put_quoted(out, (struct mc_str){line.data, line.len - goes_on}, false);
            if (!goes_on)
                mc_buf_char(out, '\n');
        }
    mc_buf_free(&encoding);
}

static bool is_type(struct mc_str part, const char *type) {
    struct mc_buf value = {0};
    raw_header(&value, part, "Content-Type");
    bool is = begins_nocase(mc_buf_view(&value), type);
    mc_buf_free(&value);
    return is;
}

/* "--" and the boundary of a multipart mail; empty: it is none. */
static size_t boundary_of(struct mc_str mail, char mark[BOUNDARY_MAX + 3]) {
    struct mc_buf type = {0};
    size_t len = 0;
    raw_header(&type, mail, "Content-Type");
    static const char key[] = "boundary=";
    const char *at = type.len > 0 ? memmem(type.data, type.len, key, sizeof key - 1) : NULL;
    if (at != NULL) {
        struct mc_str value = {at + sizeof key - 1, type.len - (size_t)(at - type.data) - (sizeof key - 1)};
        bool quoted = value.len > 0 && value.data[0] == '"';
        value.data += quoted;
        value.len -= quoted;
        mark[0] = mark[1] = '-';
        while (len < value.len && len < BOUNDARY_MAX && value.data[len] != (quoted ? '"' : ';')) {
            mark[2 + len] = value.data[len];
            len++;
        }
    }
    mc_buf_free(&type);
    return len > 0 ? len + 2 : 0;
}

bool mc_mail_part(struct mc_buf *out, struct mc_str mail, const char *type) {
    char mark[BOUNDARY_MAX + 3];
    size_t mark_len = boundary_of(mail, mark);
    if (mark_len == 0) {
        bool is = is_type(mail, type);
        if (is)
            put_body(out, mail);
        return is;
    }
    struct mc_str rest = body_of(mail), line, part = {0};
    while (next_line(&rest, &line)) {
        bool border = line.len >= mark_len && memcmp(line.data, mark, mark_len) == 0;
        if (border && part.data != NULL) {
            part.len = (size_t)(line.data - part.data);
            if (is_type(part, type)) {
                put_body(out, part);
                return true;
            }
        }
        if (border)
            part.data = rest.data;
    }
    return false;
}

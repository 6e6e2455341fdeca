#include "outreach/transfer.h"

enum { LINE_CHARS = 76 };

void mc_transfer_base64(struct mc_buf *out, struct mc_str bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *)bytes.data;
    for (size_t left = bytes.len; left > 0;) {
        size_t take = left < 3 ? left : 3;
        uint32_t group = (uint32_t)at[0] << 16 | (take > 1 ? (uint32_t)at[1] << 8 : 0) | (take > 2 ? at[2] : 0);
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], take > 1 ? digits[group >> 6 & 63] : '=',
                        take > 2 ? digits[group & 63] : '='};
        mc_buf_append(out, four, 4);
        at += take;
        left -= take;
    }
}

static void put_base64_lines(struct mc_buf *out, struct mc_str bytes) {
    const size_t line_bytes = LINE_CHARS / 4 * 3;
    for (size_t at = 0; at < bytes.len; at += line_bytes) {
        size_t left = bytes.len - at;
        mc_transfer_base64(out, (struct mc_str){bytes.data + at, left < line_bytes ? left : line_bytes});
        mc_buf_text(out, "\r\n");
    }
}

/* A dot or "From " at the start of a line is encoded too: some relays change them. */
static bool is_plain(const char *line, size_t at, size_t len) {
    unsigned char c = (unsigned char)line[at];
    if (at == 0 && (c == '.' || c == 'F'))
        return false;
    if (c == ' ')
        return at + 1 < len;
    return c > ' ' && c < 0x7F && c != '=';
}

static void put_encoded(struct mc_buf *out, char c) {
    static const char digits[] = "0123456789ABCDEF";
    const char three[3] = {'=', digits[(unsigned char)c >> 4], digits[c & 15]};
    mc_buf_append(out, three, sizeof three);
}

/* How many plain characters from `at` on fit into the line of the output. */
static size_t plain_run(const char *line, size_t at, size_t len, size_t column) {
    size_t run = 0;
    while (at + run < len && column + run < LINE_CHARS - 1 && is_plain(line, at + run, len))
        run++;
    return run;
}

/* One line without its end. A soft break leaves room for its "=". */
static void put_quoted_line(struct mc_buf *out, const char *line, size_t len) {
    size_t column = 0;
    for (size_t at = 0; at < len;) {
        size_t width = is_plain(line, at, len) ? 1 : 3;
        if (column + width > LINE_CHARS - 1) {
            mc_buf_text(out, "=\r\n");
            column = 0;
        }
        /* a soft break may have brought a dot to the start of a line */
        size_t run = column == 0 && line[at] == '.' ? 0 : plain_run(line, at, len, column);
        mc_buf_append(out, line + at, run);
        if (run == 0)
            put_encoded(out, line[at]);
        column += run > 0 ? run : 3;
        at += run > 0 ? run : 1;
    }
}

static void put_quoted(struct mc_buf *out, struct mc_str text) {
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        put_quoted_line(out, text.data, end != NULL && len > 0 && text.data[len - 1] == '\r' ? len - 1 : len);
        mc_buf_text(out, "\r\n");
        size_t step = end != NULL ? len + 1 : len;
        text.data += step;
        text.len -= step;
    }
}

/* CRLF everywhere, also at the end; no NUL. */
static void normalise(struct mc_buf *out, struct mc_str text) {
    for (size_t i = 0, run; i < text.len; i += run + 1) {
        for (run = 0; i + run < text.len; run++) {
            char c = text.data[i + run];
            if (c == '\n' || c == '\r' || c == '\0')
                break;
        }
        mc_buf_append(out, text.data + i, run);
        if (i + run < text.len && text.data[i + run] != '\0') {
            mc_buf_text(out, "\r\n");
            run += text.data[i + run] == '\r' && i + run + 1 < text.len && text.data[i + run + 1] == '\n';
        }
    }
    if (!out->failed && (out->len == 0 || out->data[out->len - 1] != '\n'))
        mc_buf_text(out, "\r\n");
}

static bool base64_is_shorter(struct mc_str text) {
    size_t encoded = 0;
    for (size_t i = 0; i < text.len; i++)
        encoded += (unsigned char)text.data[i] >= 0x80 || text.data[i] == '=';
    return encoded * 6 > text.len; /* 3 for 1 in quoted-printable, 4 for 3 in base64 */
}

void mc_transfer_text(struct mc_buf *out, struct mc_str text) {
    struct mc_buf whole = {0};
    normalise(&whole, text);
    out->failed |= whole.failed;
    struct mc_str clean = mc_buf_view(&whole);
    if (base64_is_shorter(clean)) {
        mc_buf_text(out, "Content-Transfer-Encoding: base64\r\n\r\n");
        put_base64_lines(out, clean);
    } else {
        mc_buf_text(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        put_quoted(out, clean);
    }
    mc_buf_free(&whole);
}

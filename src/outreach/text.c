#include "outreach/text.h"

#include <assert.h>

size_t mc_text_char(struct mc_str s) {
    if (s.len == 0)
        return 0;
    unsigned char first = (unsigned char)s.data[0];
    size_t len = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    return len <= s.len && mc_str_is_utf8((struct mc_str){s.data, len}) ? len : 0;
}

static uint32_t code_point(const char *at, size_t len) {
    static const unsigned char first_mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (unsigned char)at[0] & first_mask[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    return code;
}

static bool is_blank(uint32_t code) {
    return code <= 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029;
}

static bool turns_direction(uint32_t code) {
    return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

/* Cuts what was appended since `start` to at most bytes_max, the ellipsis included. */
static void cut(struct mc_buf *out, size_t start, size_t bytes_max) {
    if (out->failed || out->len - start <= bytes_max)
        return;
    size_t end = start + bytes_max - 3;
    while (end > start && ((unsigned char)out->data[end] & 0xC0) == 0x80)
        end--;
    out->len = end;
    mc_buf_text(out, "\u2026");
}

void mc_text_line(struct mc_buf *out, struct mc_str text, size_t bytes_max) {
    assert(bytes_max >= 4);
    size_t start = out->len;
    bool gap = false;
    while (text.len > 0 && out->len - start <= bytes_max && !out->failed) {
        size_t len = mc_text_char(text);
        uint32_t code = len > 0 ? code_point(text.data, len) : 0xFFFD;
        if (is_blank(code)) {
            gap = true;
        } else if (!turns_direction(code)) {
            if (gap && out->len > start)
                mc_buf_char(out, ' ');
            gap = false;
            if (len > 0)
                mc_buf_append(out, text.data, len);
            else
                mc_buf_text(out, "\uFFFD");
        }
        size_t step = len > 0 ? len : 1;
        text.data += step;
        text.len -= step;
    }
    cut(out, start, bytes_max);
}

static const char *reference(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;"; /* HTML 4 has no &apos;, and some mail clients are that old */
    default:
        return NULL;
    }
}

void mc_text_html(struct mc_buf *out, struct mc_str text) {
    for (size_t i = 0; i < text.len; i++) {
        const char *ref = reference(text.data[i]);
        if (ref != NULL)
            mc_buf_text(out, ref);
        else
            mc_buf_char(out, text.data[i]);
    }
}

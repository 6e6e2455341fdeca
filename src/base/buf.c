#include "base/buf.h"

#include "base/mem.h"
#include <stdio.h>

void mc_buf_free(struct mc_buf *b) {
    mc_free(b->data);
    *b = (struct mc_buf){0};
}

char *mc_buf_reserve(struct mc_buf *b, size_t more) {
    if (b->failed)
        return NULL;
    if (b->data != NULL && b->cap - b->len >= more)
        return b->data + b->len;
    size_t cap = b->cap * 2 > b->len + more ? b->cap * 2 : b->len + more;
    if (cap < 64)
        cap = 64;
    char *data = mc_realloc(b->data, cap);
    if (data == NULL) {
        b->failed = true;
        return NULL;
    }
    b->data = data;
    b->cap = cap;
    return data + b->len;
}

void mc_buf_append(struct mc_buf *b, const void *data, size_t len) {
    char *room = len > 0 ? mc_buf_reserve(b, len) : NULL;
    if (room == NULL)
        return;
    memcpy(room, data, len);
    b->len += len;
}

void mc_buf_printf(struct mc_buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    char *room = need < 0 ? NULL : mc_buf_reserve(b, (size_t)need + 1);
    if (room != NULL) {
        vsnprintf(room, (size_t)need + 1, format, again);
        b->len += (size_t)need;
    }
    va_end(again);
    va_end(args);
}

void mc_buf_int128(struct mc_buf *b, __int128 value) {
    char digits[48];
    size_t at = sizeof digits;
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    do
        digits[--at] = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    if (value < 0)
        digits[--at] = '-';
    mc_buf_append(b, digits + at, sizeof digits - at);
}

void mc_buf_int(struct mc_buf *b, int64_t value) {
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    if (value < 0)
        digits[--at] = '-';
    mc_buf_append(b, digits + at, sizeof digits - at);
}

const char *mc_buf_cstr(struct mc_buf *b) {
    char *room = mc_buf_reserve(b, 1);
    if (room == NULL)
        return "";
    *room = '\0';
    return b->data;
}

static bool csv_needs_quotes(struct mc_str field) {
    for (size_t i = 0; i < field.len; i++) {
        char c = field.data[i];
        if (c == ',' || c == '"' || c == '\r' || c == '\n')
            return true;
    }
    return false;
}

void mc_buf_csv(struct mc_buf *b, struct mc_str field) {
    if (!csv_needs_quotes(field)) {
        mc_buf_str(b, field);
        return;
    }
    mc_buf_char(b, '"');
    const char *quote;
    while (field.len > 0 && (quote = memchr(field.data, '"', field.len)) != NULL) {
        size_t upto = (size_t)(quote - field.data) + 1;
        mc_buf_append(b, field.data, upto);
        mc_buf_char(b, '"');
        field.data += upto;
        field.len -= upto;
    }
    mc_buf_str(b, field);
    mc_buf_char(b, '"');
}

static size_t json_plain_prefix(struct mc_str s) {
    size_t i = 0;
    while (i < s.len && (unsigned char)s.data[i] >= 0x20 && s.data[i] != '"' && s.data[i] != '\\')
        i++;
    return i;
}

static void json_escape(struct mc_buf *b, unsigned char c) {
    static const char short_form[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c >= 0x20 || short_form[c] != 0) {
        char two[2] = {'\\', c >= 0x20 ? (char)c : short_form[c]};
        mc_buf_append(b, two, 2);
    } else {
        mc_buf_printf(b, "\\u%04x", c);
    }
}

static void json_body(struct mc_buf *b, struct mc_str s) {
    while (s.len > 0) {
        size_t plain = json_plain_prefix(s);
        mc_buf_append(b, s.data, plain);
        if (plain == s.len)
            return;
        json_escape(b, (unsigned char)s.data[plain]);
        s.data += plain + 1;
        s.len -= plain + 1;
    }
}

void mc_buf_json(struct mc_buf *b, struct mc_str text) {
    mc_buf_char(b, '"');
    if (mc_str_is_utf8(text)) {
        json_body(b, text);
    } else {
        for (size_t i = 0; i < text.len; i++)
            if ((unsigned char)text.data[i] < 0x80)
                json_body(b, (struct mc_str){text.data + i, 1});
            else
                mc_buf_text(b, "\xEF\xBF\xBD");
    }
    mc_buf_char(b, '"');
}

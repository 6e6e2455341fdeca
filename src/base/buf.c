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
    if (value == (int64_t)value) { /* nearly always; division of the wide type is dear */
        mc_buf_int(b, (int64_t)value);
        return;
    }
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
    for (; rest >= 100; rest /= 100) {
        at -= 2;
        mc_put_two_digits(digits + at, (unsigned)(rest % 100));
    }
    if (rest >= 10) {
        at -= 2;
        mc_put_two_digits(digits + at, (unsigned)rest);
    } else {
        digits[--at] = (char)('0' + (int)rest);
    }
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

/* ---- eight bytes at a time ---- */

#define EACH_BYTE(c) ((uint64_t)0x0101010101010101u * (unsigned char)(c))

/* Not zero if some byte of the word is c. */
static inline uint64_t any_is(uint64_t word, char c) {
    uint64_t zero = word ^ EACH_BYTE(c);
    return (zero - EACH_BYTE(1)) & ~zero & EACH_BYTE(0x80);
}

static inline uint64_t needs_quotes(uint64_t word) {
    return any_is(word, ',') | any_is(word, '"') | any_is(word, '\r') | any_is(word, '\n');
}

/* Not zero if some byte is not ASCII, below the space, a quote or a backslash. */
static inline uint64_t needs_escape(uint64_t word) {
    uint64_t high = word & EACH_BYTE(0x80), below_space = (word - EACH_BYTE(' ')) & ~word & EACH_BYTE(0x80);
    return high | below_space | any_is(word, '"') | any_is(word, '\\');
}

/* Whether `test` finds nothing in any word of the text; the last word is filled up with 'x'. */
static inline bool none_in(struct mc_str s, uint64_t (*test)(uint64_t word)) {
    uint64_t word;
    size_t i = 0;
    for (; s.len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, s.data + i, sizeof word);
        if (test(word))
            return false;
    }
    word = EACH_BYTE('x');
    if (i < s.len)
        memcpy(&word, s.data + i, s.len - i);
    return test(word) == 0;
}

void mc_buf_csv(struct mc_buf *b, struct mc_str field) {
    if (none_in(field, needs_quotes)) {
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
    if (none_in(text, needs_escape)) {
        mc_buf_str(b, text);
    } else if (mc_str_is_utf8(text)) {
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

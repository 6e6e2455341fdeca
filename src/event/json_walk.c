#include "event/json_walk.h"

/* ---- skipping ---- */

static void push(struct mc_json_walk *w, char bracket) {
    struct mc_json_text *t = w->text;
    mc_buf_char(&t->nest, bracket);
    t->deep |= t->nest.len > t->depth_max;
    t->no_memory |= t->nest.failed;
    w->at++;
}

static bool skip_key(struct mc_json_walk *w) {
    struct mc_slice raw;
    bool escaped;
    if (mc_json_peek(w) != '"' || !mc_json_take_string(w, &raw, &escaped) || mc_json_peek(w) != ':')
        return false;
    w->at++;
    return true;
}

static bool skip_scalar(struct mc_json_walk *w, char first) {
    struct mc_json_value v;
    bool escaped;
    return first == '"' ? mc_json_take_string(w, &v.raw, &escaped) : first != '\0' && mc_json_take_word(w, &v);
}

/* Linear, without recursion: the open brackets are kept in a buffer, which at most has as many bytes as the text. */
bool mc_json_skip(struct mc_json_walk *w) {
    enum { OPENED, BEHIND_COMMA, BEHIND_VALUE } state = OPENED;
    struct mc_buf *nest = &w->text->nest;
    nest->len = 0;
    push(w, mc_json_peek(w));
    while (!nest->failed) {
        bool in_object = nest->data[nest->len - 1] == '{';
        char c = mc_json_peek(w);
        if (state != BEHIND_COMMA && c == (in_object ? '}' : ']')) {
            w->at++;
            nest->len--;
            state = BEHIND_VALUE;
            if (nest->len == 0)
                return true;
            continue;
        }
        if (state == BEHIND_VALUE) {
            if (c != ',')
                return false;
            w->at++;
            state = BEHIND_COMMA;
            continue;
        }
        if (in_object && !skip_key(w))
            return false;
        c = mc_json_peek(w);
        if (c == '{' || c == '[')
            push(w, c), state = OPENED;
        else if (skip_scalar(w, c))
            state = BEHIND_VALUE;
        else
            return false;
    }
    return false;
}

bool mc_json_skip_unchecked(struct mc_json_walk *w) {
    const char *bytes = mc_json_bytes(w);
    const uint32_t *at = w->at;
    uint32_t open = 0;
    for (; *at < w->end; at++) {
        unsigned char c =
            (unsigned char)bytes[*at] | 0x20; /* a bracket and its brace, '[' '{' and ']' '}', differ in this bit */
        open += c == '{';
        open -= c == '}';
        if (open == 0) {
            w->at = at + 1;
            return true;
        }
    }
    return false;
}

/* ---- numbers ---- */

static size_t digits_from(struct mc_str s, size_t i) {
    while (i < s.len && mc_check_digit(s.data[i]) <= 9)
        i++;
    return i;
}

/* [-] 0 or digits without leading zero, [. digits], [e [+-] digits]. */
bool mc_json_is_number(struct mc_str s) {
    size_t start = s.len > 0 && s.data[0] == '-', i = digits_from(s, start);
    if (i == start || (s.data[start] == '0' && i > start + 1))
        return false;
    if (i < s.len && s.data[i] == '.') {
        start = i + 1;
        i = digits_from(s, start);
        if (i == start)
            return false;
    }
    if (i < s.len && (s.data[i] == 'e' || s.data[i] == 'E')) {
        start = i + 1;
        start += start < s.len && (s.data[start] == '+' || s.data[start] == '-');
        i = digits_from(s, start);
        if (i == start)
            return false;
    }
    return i == s.len;
}

/* ---- strings ---- */

static unsigned hex_digit(char c) {
    unsigned letter = (unsigned char)(c | 32);
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : 16;
}

/* The four hex digits at s[i]; above 0xFFFF if they are none. */
static uint32_t code_unit(struct mc_str s, size_t i) {
    uint32_t unit = 0;
    if (s.len - i < 4)
        return UINT32_MAX;
    for (size_t k = i; k < i + 4; k++) {
        unsigned digit = hex_digit(s.data[k]);
        if (digit > 15)
            return UINT32_MAX;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* What the letter behind a backslash stands for; NUL for u and for what stands for nothing. */
static char plain_escape(char letter) {
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return '\0';
    }
}

bool mc_json_escapes_are_good(struct mc_str s) {
    const char *slash;
    while (s.len > 0 && (slash = memchr(s.data, '\\', s.len)) != NULL) {
        size_t i = (size_t)(slash - s.data) + 1;
        if (i == s.len)
            return false;
        bool is_unit = s.data[i] == 'u';
        if (is_unit ? code_unit(s, i + 1) > 0xFFFF : plain_escape(s.data[i]) == '\0')
            return false;
        i += is_unit ? 5 : 1;
        s.data += i;
        s.len -= i;
    }
    return true;
}

static char *put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* The character whose `u` stands at s[*i]; moves *i behind it. 0: none that may stand in a text. */
static uint32_t take_code_point(struct mc_str s, size_t *i) {
    uint32_t high = code_unit(s, *i + 1);
    *i += 5;
    if (high < 0xD800 || high > 0xDFFF)
        return high;
    if (high > 0xDBFF || s.len - *i < 6 || s.data[*i] != '\\' || s.data[*i + 1] != 'u')
        return 0;
    uint32_t low = code_unit(s, *i + 2);
    *i += 6;
    return low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00) : 0;
}

static bool unescape(struct mc_str s, char **out) {
    for (size_t i = 0; i < s.len;) {
        if (s.data[i] != '\\') {
            *(*out)++ = s.data[i++];
            continue;
        }
        i++;
        uint32_t c;
        if (s.data[i] == 'u')
            c = take_code_point(s, &i);
        else
            c = (unsigned char)plain_escape(s.data[i++]);
        if (c == 0)
            return false;
        *out = put_utf8(*out, c);
    }
    return true;
}

bool mc_json_unescape(struct mc_json_text *text, struct mc_slice raw, struct mc_slice *out) {
    char *room = mc_buf_reserve(text->bytes, raw.len); /* no escape is shorter than what it stands for */
    if (room == NULL) {
        text->no_memory = true;
        return false;
    }
    char *end = room;
    bool good = unescape(mc_slice_str(text->bytes->data, raw), &end);
    *out = (struct mc_slice){(uint32_t)text->bytes->len, (uint32_t)(end - room)};
    return good;
}

bool mc_json_value_text(struct mc_json_text *text, const struct mc_json_value *v, struct mc_slice *out) {
    *out = (struct mc_slice){0};
    if (v->kind != MC_JSON_STRING && v->kind != MC_JSON_NUMBER)
        return v->kind == MC_JSON_ABSENT;
    if (!v->escaped) {
        *out = v->raw;
        return true;
    }
    struct mc_slice copy;
    if (!mc_json_unescape(text, v->raw, &copy))
        return false;
    text->bytes->len += copy.len;
    *out = copy;
    return true;
}

/* Reading JSON over the tokens of a scan (json_scan.h): the whole grammar of RFC 8259, checked; nothing copied but what
 * has escapes, nothing converted: a number is its text.
 *
 *     {"price" : 12.50 , "brand":"a\u0062"}        tokens: { " : 1 , " : " }
 *     ^ ^      ^ ^     ^ ^      ^^           ^
 *
 * A token is known by its first byte; its last byte is the last one before the next token that is no white space. So a
 * string's closing quote is found without looking at the string.
 *
 * A walk is a cursor that is copied freely. False from a function: the text is no JSON; the cursor stands anywhere.
 */
#ifndef MC_EVENT_JSON_WALK_H
#define MC_EVENT_JSON_WALK_H

#include "base/buf.h"
#include "event/checks.h"

/* What was scanned, shared by all walks over it. */
struct mc_json_text {
    struct mc_buf *bytes; /* of the batch: the body, and behind it the strings that had escapes */
    bool escapes;         /* there is a backslash somewhere */
    bool deep;            /* set when a value was met that is nested deeper than depth_max below the walk */
    bool no_memory;       /* set when there was none: the walk that failed by it says nothing about the text */
    uint32_t depth_max;
    struct mc_buf nest; /* work space: the open brackets of a value that is skipped */
};

struct mc_json_walk {
    struct mc_json_text *text;
    const uint32_t *at; /* the next token */
    uint32_t end;       /* offset where the walk's text ends: tokens from there on are not of it */
};

enum mc_json_kind {
    MC_JSON_ABSENT, /* null too */
    MC_JSON_STRING,
    MC_JSON_NUMBER,
    MC_JSON_TRUE,
    MC_JSON_FALSE,
    MC_JSON_OBJECT,
    MC_JSON_ARRAY,
};

struct mc_json_value {
    uint8_t kind;         /* enum mc_json_kind */
    bool escaped;         /* a string with a backslash */
    struct mc_slice raw;  /* of the text: of a string what is between its quotes, else all of it */
    const uint32_t *from; /* its first token */
};

enum mc_json_step { MC_JSON_MEMBER, MC_JSON_END, MC_JSON_BROKEN };

/* ---- the parts that few texts need ---- */

/* Behind the object or array that the cursor stands at. */
bool mc_json_skip(struct mc_json_walk *w);

/* The same by its brackets alone, for what will be read again: nothing else is checked. */
bool mc_json_skip_unchecked(struct mc_json_walk *w);

/* Whether each backslash of a string begins an escape. */
bool mc_json_escapes_are_good(struct mc_str raw);

bool mc_json_is_number(struct mc_str text);

/* The string behind the batch's bytes, escapes resolved; bytes->len is not moved: the caller adds out->len to keep it.
 * False: it holds a NUL or half a surrogate pair, or there was no memory. */
bool mc_json_unescape(struct mc_json_text *text, struct mc_slice raw, struct mc_slice *out);

/* The value as text: a string, or a number's text, untrimmed; empty for an absent one. False: another type, or a string
 * that is no text (as above). */
bool mc_json_value_text(struct mc_json_text *text, const struct mc_json_value *v, struct mc_slice *out);

/* ---- tokens ---- */

static inline const char *mc_json_bytes(const struct mc_json_walk *w) {
    return w->text->bytes->data;
}

/* The first byte of the next token; NUL at the end (a NUL in the text is an error wherever it stands). */
MC_INLINED char mc_json_peek(const struct mc_json_walk *w) {
    return *w->at < w->end ? mc_json_bytes(w)[*w->at] : '\0';
}

MC_INLINED bool mc_json_at_end(const struct mc_json_walk *w) {
    return *w->at >= w->end;
}

static inline bool mc_json_is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next token's bytes. There is one. */
MC_INLINED struct mc_slice mc_json_token(const struct mc_json_walk *w) {
    const char *bytes = mc_json_bytes(w);
    uint32_t from = w->at[0], upto = w->at[1];
    if ((unsigned char)bytes[upto - 1] <= ' ')
        while (mc_json_is_space(bytes[upto - 1]))
            upto--;
    return (struct mc_slice){from, upto - from};
}

/* The bytes from a token to the last one that was read. */
static inline struct mc_slice mc_json_since(const struct mc_json_walk *w, const uint32_t *from) {
    struct mc_json_walk last = {w->text, w->at - 1, w->end};
    struct mc_slice token = mc_json_token(&last);
    return (struct mc_slice){*from, token.offset + token.len - *from};
}

/* A string, the cursor at its quote. */
MC_INLINED bool mc_json_take_string(struct mc_json_walk *w, struct mc_slice *raw, bool *escaped) {
    struct mc_slice token = mc_json_token(w);
    const char *bytes = mc_json_bytes(w);
    *raw = (struct mc_slice){token.offset + 1, token.len - 2};
    if (token.len < 2 || bytes[token.offset + token.len - 1] != '"')
        return false;
    w->at++;
    *escaped = w->text->escapes && raw->len > 0 && memchr(bytes + raw->offset, '\\', raw->len) != NULL;
    return !*escaped || mc_json_escapes_are_good(mc_slice_str(bytes, *raw));
}

static inline bool mc_json_is_word(const char *bytes, struct mc_slice token, const char *word, uint32_t len) {
    return token.len == len && memcmp(bytes + token.offset, word, len) == 0;
}

/* Digits, then perhaps a point and digits, as nearly always: any other number is looked at again. */
MC_INLINED bool mc_json_is_plain_number(const char *s, uint32_t len) {
    uint32_t i = 0;
    while (i < len && mc_check_digit(s[i]) <= 9)
        i++;
    if (i == 0 || (s[0] == '0' && i > 1))
        return false;
    if (i == len)
        return true;
    uint32_t point = i;
    if (s[i++] != '.')
        return false;
    while (i < len && mc_check_digit(s[i]) <= 9)
        i++;
    return i == len && i > point + 1;
}

/* A number, true, false or null. */
MC_INLINED bool mc_json_take_word(struct mc_json_walk *w, struct mc_json_value *v) {
    const char *bytes = mc_json_bytes(w);
    v->raw = mc_json_token(w);
    const char *s = bytes + v->raw.offset;
    w->at++;
    if (mc_json_is_plain_number(s, v->raw.len) || mc_json_is_number(mc_slice_str(bytes, v->raw)))
        v->kind = MC_JSON_NUMBER;
    else if (mc_json_is_word(bytes, v->raw, "null", 4))
        v->kind = MC_JSON_ABSENT;
    else if (mc_json_is_word(bytes, v->raw, "true", 4))
        v->kind = MC_JSON_TRUE;
    else if (mc_json_is_word(bytes, v->raw, "false", 5))
        v->kind = MC_JSON_FALSE;
    else
        return false;
    return true;
}

/* Any value; objects and arrays are checked and passed over: mc_json_enter goes back into them. */
MC_INLINED bool mc_json_take(struct mc_json_walk *w, struct mc_json_value *v) {
    char c = mc_json_peek(w);
    v->from = w->at;
    v->escaped = false;
    if (c == '"') {
        v->kind = MC_JSON_STRING;
        return mc_json_take_string(w, &v->raw, &v->escaped);
    }
    if (c == '{' || c == '[') {
        v->kind = c == '{' ? MC_JSON_OBJECT : MC_JSON_ARRAY;
        if (!mc_json_skip(w))
            return false;
        v->raw = mc_json_since(w, v->from);
        return true;
    }
    return c != '\0' && mc_json_take_word(w, v);
}

/* A walk behind the opening bracket of a value that was taken. */
static inline struct mc_json_walk mc_json_enter(const struct mc_json_walk *w, const struct mc_json_value *v) {
    return (struct mc_json_walk){w->text, v->from + 1, w->end};
}

/* The key of an object's next member, the cursor behind its `{` (first) or the value before; then it is at the value.
 * The key is borrowed until a text is resolved; one that is no text (a NUL in it) is empty. */
MC_INLINED enum mc_json_step mc_json_next_key(struct mc_json_walk *w, bool first, struct mc_str *key) {
    char c = mc_json_peek(w);
    struct mc_slice raw;
    bool escaped;
    if (c == '}') {
        w->at++;
        return MC_JSON_END;
    }
    if (!first) {
        if (c != ',')
            return MC_JSON_BROKEN;
        w->at++;
        c = mc_json_peek(w);
    }
    if (c != '"' || !mc_json_take_string(w, &raw, &escaped) || mc_json_peek(w) != ':')
        return MC_JSON_BROKEN;
    w->at++;
    if (escaped && !mc_json_unescape(w->text, raw, &raw))
        raw.len = 0;
    *key = mc_slice_str(mc_json_bytes(w), raw);
    return MC_JSON_MEMBER;
}

/* The next member: its key, likewise, and its value. */
MC_INLINED enum mc_json_step mc_json_next_member(struct mc_json_walk *w, bool first, struct mc_str *key,
                                                 struct mc_json_value *v) {
    enum mc_json_step step = mc_json_next_key(w, first, key);
    return step != MC_JSON_MEMBER || mc_json_take(w, v) ? step : MC_JSON_BROKEN;
}

/* The next element of an array, likewise. */
MC_INLINED enum mc_json_step mc_json_next_element(struct mc_json_walk *w, bool first, struct mc_json_value *v) {
    char c = mc_json_peek(w);
    if (c == ']') {
        w->at++;
        return MC_JSON_END;
    }
    if (!first) {
        if (c != ',')
            return MC_JSON_BROKEN;
        w->at++;
    }
    return mc_json_take(w, v) ? MC_JSON_MEMBER : MC_JSON_BROKEN;
}

#endif

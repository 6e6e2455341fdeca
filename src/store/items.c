/* A cart's lines as JSON, [["product",quantity,price],...]: SQL can read it (json_each), and so can we. The decoder
 * takes what the encoder writes and nothing else; it is exact about every byte, since a file may be damaged. */
#include "store/internal.h"

void mc_items_encode(struct mc_buf *out, const struct mc_cart_item *items, uint32_t count) {
    mc_buf_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        mc_buf_text(out, i == 0 ? "[" : ",[");
        mc_buf_json(out, items[i].product);
        mc_buf_char(out, ',');
        mc_buf_int(out, items[i].quantity);
        mc_buf_char(out, ',');
        mc_buf_int(out, items[i].price);
        mc_buf_char(out, ']');
    }
    mc_buf_char(out, ']');
}

struct cursor {
    const char *at, *end;
};

static bool eat(struct cursor *c, char expected) {
    if (c->at == c->end || *c->at != expected)
        return false;
    c->at++;
    return true;
}

static int hex_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After the backslash; the encoder escapes control characters only, so a \u is one byte. */
static bool unescape(struct cursor *c, char *out) {
    static const char from[] = "\"\\bfnrt", to[] = "\"\\\b\f\n\r\t";
    if (c->at == c->end)
        return false;
    const char *found = *c->at != '\0' ? strchr(from, *c->at) : NULL;
    if (found != NULL) {
        *out = to[found - from];
        c->at++;
        return true;
    }
    if (c->end - c->at < 5 || memcmp(c->at, "u00", 3) != 0)
        return false;
    int high = hex_of(c->at[3]), low = hex_of(c->at[4]);
    *out = (char)(high * 16 + low);
    c->at += 5;
    return high >= 0 && low >= 0;
}

static bool decode_string(struct cursor *c, struct mc_arena *arena, struct mc_str *out) {
    if (!eat(c, '"'))
        return false;
    const char *close = c->at;
    while (close < c->end && *close != '"')
        close += *close == '\\' && c->end - close > 1 ? 2 : 1;
    if (close >= c->end)
        return false;
    char *text = mc_arena_alloc(arena, (size_t)(close - c->at) + 1);
    size_t len = 0;
    while (text != NULL && c->at < close) {
        char byte = *c->at++;
        if (byte == '\\' && !unescape(c, &byte))
            return false;
        text[len++] = byte;
    }
    *out = (struct mc_str){text, len};
    return text != NULL && c->at == close && eat(c, '"');
}

static bool decode_int(struct cursor *c, int64_t *out) {
    bool negative = eat(c, '-');
    const char *start = c->at;
    int64_t value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, (int64_t)(*c->at - '0'), &value))
            return false;
    if (c->at == start || (!negative && __builtin_sub_overflow((int64_t)0, value, &value)))
        return false;
    *out = value;
    return true;
}

static bool decode_item(struct cursor *c, struct mc_arena *arena, struct mc_cart_item *item) {
    if (!eat(c, '[') || !decode_string(c, arena, &item->product) || !eat(c, ',') || !decode_int(c, &item->quantity) ||
        !eat(c, ',') || !decode_int(c, &item->price) || !eat(c, ']'))
        return false;
    item->hash = mc_hash64(item->product.data, item->product.len);
    return true;
}

/* Each item has one '[', and a product may have more: an upper bound. */
static size_t count_at_most(struct mc_str text) {
    size_t count = 0;
    for (size_t i = 1; i < text.len; i++)
        count += text.data[i] == '[';
    return count;
}

bool mc_items_decode(struct mc_arena *arena, struct mc_str text, struct mc_cart_item **items, uint32_t *count) {
    struct cursor c = {text.data, text.data + text.len};
    size_t most = count_at_most(text);
    *count = 0;
    *items = mc_arena_alloc(arena, (most + 1) * sizeof **items);
    if (*items == NULL || !eat(&c, '['))
        return false;
    while (c.at < c.end && *c.at != ']') {
        if ((*count > 0 && !eat(&c, ',')) || *count == most || !decode_item(&c, arena, &(*items)[*count]))
            return false;
        ++*count;
    }
    return eat(&c, ']') && c.at == c.end;
}

/* A growable run of bytes that is appended to freely and checked once.
 *
 *     data: [ bytes ........ | free ........ ]
 *            0             len              cap
 *
 * The first failed growth sets `failed`; later appends do nothing. Start from {0}; mc_buf_free takes it back to {0}.
 */
#ifndef MC_BASE_BUF_H
#define MC_BASE_BUF_H

#include "base/str.h"
#include <stdarg.h>

struct mc_buf {
    char *data;
    size_t len, cap;
    bool failed; /* out of memory at some append: the content is cut and must not be used */
};

void mc_buf_free(struct mc_buf *b);

/* Room for `more` bytes after len; NULL and failed when there is none. The caller writes there and adds to len. */
char *mc_buf_reserve(struct mc_buf *b, size_t more);

/* Inline: for a short piece of known length it is a few moves. */
static inline void mc_buf_append(struct mc_buf *b, const void *data, size_t len) {
    if (len == 0)
        return;
    char *room = b->cap - b->len >= len && !b->failed ? b->data + b->len : mc_buf_reserve(b, len);
    if (room == NULL)
        return;
    memcpy(room, data, len);
    b->len += len;
}

void mc_buf_printf(struct mc_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void mc_buf_int(struct mc_buf *b, int64_t value);
void mc_buf_int128(struct mc_buf *b, __int128 value);

static inline void mc_buf_str(struct mc_buf *b, struct mc_str s) {
    mc_buf_append(b, s.data, s.len);
}

static inline void mc_buf_text(struct mc_buf *b, const char *text) {
    mc_buf_append(b, text, strlen(text));
}

static inline void mc_buf_char(struct mc_buf *b, char c) {
    mc_buf_append(b, &c, 1);
}

static inline struct mc_str mc_buf_view(const struct mc_buf *b) {
    return (struct mc_str){b->data, b->len};
}

/* Adds a terminating NUL that len does not count, and returns the text; "" when empty or failed. */
const char *mc_buf_cstr(struct mc_buf *b);

/* One CSV field, quoted only where RFC 4180 needs it: comma, quote, CR, LF. */
void mc_buf_csv(struct mc_buf *b, struct mc_str field);

/* One JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void mc_buf_json(struct mc_buf *b, struct mc_str text);

#endif

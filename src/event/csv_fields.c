#include "event/csv_fields.h"

/* Appends the inside of a quoted field with each doubled quote made one. */
static struct mc_slice unescape(struct mc_buf *bytes, size_t start, size_t end) {
    struct mc_slice copy = {(uint32_t)bytes->len, 0};
    for (size_t i = start; i < end; i++) {
        bytes->data[bytes->len++] = bytes->data[i];
        i += bytes->data[i] == '"';
    }
    copy.len = (uint32_t)bytes->len - copy.offset;
    return copy;
}

static struct mc_slice quoted_field(struct mc_buf *bytes, struct mc_field_cursor *cursor) {
    size_t start = cursor->at + 1, i = start;
    bool doubled = false;
    while (bytes->data[i] != '"' || (i + 1 < cursor->end && bytes->data[i + 1] == '"')) {
        doubled |= bytes->data[i] == '"';
        i += 1 + (bytes->data[i] == '"');
    }
    cursor->at = i + 1;
    return doubled ? unescape(bytes, start, i) : (struct mc_slice){(uint32_t)start, (uint32_t)(i - start)};
}

static struct mc_slice plain_field(const struct mc_buf *bytes, struct mc_field_cursor *cursor) {
    size_t start = cursor->at;
    const char *comma = memchr(bytes->data + start, ',', cursor->end - start);
    cursor->at = comma ? (size_t)(comma - bytes->data) : cursor->end;
    return (struct mc_slice){(uint32_t)start, (uint32_t)(cursor->at - start)};
}

bool mc_csv_next_field(struct mc_buf *bytes, struct mc_field_cursor *cursor, struct mc_slice *field) {
    if (cursor->done)
        return false;
    bool quoted = cursor->at < cursor->end && bytes->data[cursor->at] == '"';
    *field = quoted ? quoted_field(bytes, cursor) : plain_field(bytes, cursor);
    cursor->done = cursor->at == cursor->end;
    cursor->at++;
    return true;
}

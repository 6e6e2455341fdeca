/* Little-endian bytes of fixed width, written to a buffer and read back with bounds checked once.
 *
 * A reader that met the end of its bytes sets `failed` and gives zeros from then on; callers check it after the fields
 * that belong together. Strings are a u32 length and the bytes, borrowed from the reader's input.
 */
#ifndef MC_BASE_WIRE_H
#define MC_BASE_WIRE_H

#include "base/buf.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "flat bytes are copied as they are");

static inline void mc_put_u8(struct mc_buf *b, uint8_t v) {
    mc_buf_append(b, &v, sizeof v);
}

static inline void mc_put_u32(struct mc_buf *b, uint32_t v) {
    mc_buf_append(b, &v, sizeof v);
}

static inline void mc_put_u64(struct mc_buf *b, uint64_t v) {
    mc_buf_append(b, &v, sizeof v);
}

static inline void mc_put_i64(struct mc_buf *b, int64_t v) {
    mc_buf_append(b, &v, sizeof v);
}

static inline void mc_put_i128(struct mc_buf *b, __int128 v) {
    mc_buf_append(b, &v, sizeof v);
}

static inline void mc_put_str(struct mc_buf *b, struct mc_str s) {
    mc_put_u32(b, (uint32_t)s.len);
    mc_buf_str(b, s);
}

struct mc_reader {
    struct mc_str rest;
    bool failed;
};

static inline struct mc_str mc_get_bytes(struct mc_reader *r, size_t len) {
    if (r->failed || r->rest.len < len) {
        r->failed = true;
        return (struct mc_str){"", 0};
    }
    struct mc_str s = {r->rest.data, len};
    r->rest.data += len;
    r->rest.len -= len;
    return s;
}

#define MC_GET(name, type)                                                                                             \
    static inline type mc_get_##name(struct mc_reader *r) {                                                            \
        type v = 0;                                                                                                    \
        struct mc_str s = mc_get_bytes(r, sizeof v);                                                                   \
        memcpy(&v, s.data, s.len);                                                                                     \
        return v;                                                                                                      \
    }

MC_GET(u8, uint8_t)
MC_GET(u32, uint32_t)
MC_GET(u64, uint64_t)
MC_GET(i64, int64_t)
MC_GET(i128, __int128)

static inline struct mc_str mc_get_str(struct mc_reader *r) {
    return mc_get_bytes(r, mc_get_u32(r));
}

#endif

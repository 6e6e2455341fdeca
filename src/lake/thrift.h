/* Thrift's compact protocol, as far as the headers of a Parquet file need it. Private to lake/parquet.c.
 *
 * Fields must be written in rising order of their ids within a struct; ids differ by at most 15.
 */
#ifndef MC_LAKE_THRIFT_H
#define MC_LAKE_THRIFT_H

#include "lake/encode.h"

enum { MC_THRIFT_DEPTH_MAX = 8 };

enum mc_thrift_type {
    MC_THRIFT_TRUE = 1,
    MC_THRIFT_FALSE = 2,
    MC_THRIFT_I32 = 5,
    MC_THRIFT_I64 = 6,
    MC_THRIFT_BINARY = 8,
    MC_THRIFT_LIST = 9,
    MC_THRIFT_STRUCT = 12
};

struct mc_thrift {
    struct mc_buf *out;
    int depth;
    int last[MC_THRIFT_DEPTH_MAX]; /* field id written last, of each open struct */
};

static inline void mc_thrift_field(struct mc_thrift *t, int id, enum mc_thrift_type type) {
    mc_buf_char(t->out, (char)((id - t->last[t->depth]) << 4 | (int)type));
    t->last[t->depth] = id;
}

/* A struct that is a list's element, or the outermost one; its end. */
static inline void mc_thrift_open(struct mc_thrift *t) {
    t->last[++t->depth] = 0;
}

static inline void mc_thrift_close(struct mc_thrift *t) {
    mc_buf_char(t->out, 0);
    t->depth--;
}

static inline void mc_thrift_struct(struct mc_thrift *t, int id) {
    mc_thrift_field(t, id, MC_THRIFT_STRUCT);
    mc_thrift_open(t);
}

static inline void mc_thrift_int(struct mc_thrift *t, int id, enum mc_thrift_type type, int64_t value) {
    mc_thrift_field(t, id, type);
    mc_put_varint(t->out, mc_zigzag(value));
}

static inline void mc_thrift_bool(struct mc_thrift *t, int id, bool value) {
    mc_thrift_field(t, id, value ? MC_THRIFT_TRUE : MC_THRIFT_FALSE);
}

static inline void mc_thrift_bytes(struct mc_thrift *t, struct mc_str bytes) {
    mc_put_varint(t->out, bytes.len);
    mc_buf_str(t->out, bytes);
}

static inline void mc_thrift_binary(struct mc_thrift *t, int id, struct mc_str bytes) {
    mc_thrift_field(t, id, MC_THRIFT_BINARY);
    mc_thrift_bytes(t, bytes);
}

static inline void mc_thrift_list(struct mc_thrift *t, int id, enum mc_thrift_type of, size_t count) {
    mc_thrift_field(t, id, MC_THRIFT_LIST);
    mc_buf_char(t->out, (char)((count < 15 ? (int)count : 15) << 4 | (int)of));
    if (count >= 15)
        mc_put_varint(t->out, count);
}

#endif

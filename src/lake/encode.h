/* Encodings of the Parquet format, appended to a buffer: varints, the RLE/bit-packing hybrid, DELTA_BINARY_PACKED.
 * Source: "Encodings.md" of the Apache Parquet format, version 2.
 *
 * Pure. A failed buffer stays failed; nothing else can go wrong.
 */
#ifndef MC_LAKE_ENCODE_H
#define MC_LAKE_ENCODE_H

#include "base/buf.h"

void mc_put_varint(struct mc_buf *b, uint64_t value);

/* Small numbers of either sign stay small: 0, -1, 1, -2 ... are 0, 1, 2, 3 ... */
static inline uint64_t mc_zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

/* Bits that the numbers 0 ... most need; 0 for most = 0. */
static inline unsigned mc_bits_for(uint64_t most) {
    return most == 0 ? 0 : 64 - (unsigned)__builtin_clzll(most);
}

/* The hybrid, of values below 1 << bits (bits <= 32). Runs alone where that is shorter (sorted columns: each run costs
 * a byte and the value's bytes, and zstd sees whole bytes), else runs of 8 and more between packed groups. */
void mc_put_hybrid(struct mc_buf *b, const uint32_t *values, size_t count, unsigned bits);

/* The same for one bit a value, given as bytes 0 or 1: definition levels. */
void mc_put_hybrid_bits(struct mc_buf *b, const uint8_t *values, size_t count);

/* Blocks of 128 deltas in four miniblocks. */
void mc_put_deltas(struct mc_buf *b, const int64_t *values, size_t count);

#endif

#include "lake/encode.h"

#include "base/wire.h"

enum { VARINT_MAX = 10, GROUP = 8, RUN_LEAST = 8, MINIBLOCK = 32, MINIBLOCKS = 4, BLOCK = MINIBLOCK * MINIBLOCKS };

void mc_put_varint(struct mc_buf *b, uint64_t value) {
    uint8_t bytes[VARINT_MAX];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (uint8_t)(value | 0x80);
    bytes[len++] = (uint8_t)value;
    mc_buf_append(b, bytes, len);
}

/* ---- packing: the lowest bits first ---- */

struct packer {
    char *out;
    unsigned __int128 pending;
    unsigned bits;
};

static inline void pack(struct packer *p, uint64_t value, unsigned bits) {
    p->pending |= (unsigned __int128)value << p->bits;
    p->bits += bits;
    if (p->bits >= 64) {
        uint64_t word = (uint64_t)p->pending;
        memcpy(p->out, &word, sizeof word);
        p->out += sizeof word;
        p->pending >>= 64;
        p->bits -= 64;
    }
}

/* The caller's room has 8 bytes to spare. */
static inline char *pack_end(struct packer *p) {
    uint64_t word = (uint64_t)p->pending;
    memcpy(p->out, &word, sizeof word);
    return p->out + (p->bits + 7) / 8;
}

/* ---- the hybrid ---- */

static void put_run(struct mc_buf *b, uint32_t value, size_t count, unsigned bits) {
    mc_put_varint(b, (uint64_t)count << 1);
    mc_buf_append(b, &value, (bits + 7) / 8);
}

/* Whole groups; the last one of all is filled up with zeros. */
static void put_packed(struct mc_buf *b, const uint32_t *values, size_t count, unsigned bits) {
    if (count == 0)
        return;
    size_t groups = (count + GROUP - 1) / GROUP;
    mc_put_varint(b, groups << 1 | 1);
    char *room = mc_buf_reserve(b, groups * bits + sizeof(uint64_t));
    if (room == NULL)
        return;
    struct packer p = {.out = room};
    for (size_t i = 0; i < groups * GROUP; i++)
        pack(&p, i < count ? values[i] : 0, bits);
    b->len += (size_t)(pack_end(&p) - room);
}

static size_t run_at(const uint32_t *values, size_t from, size_t count) {
    size_t end = from + 1;
    while (end < count && values[end] == values[from])
        end++;
    return end - from;
}

static size_t count_runs(const uint32_t *values, size_t count) {
    size_t runs = count > 0;
    for (size_t i = 1; i < count; i++)
        runs += values[i] != values[i - 1];
    return runs;
}

static void put_runs(struct mc_buf *b, const uint32_t *values, size_t count, unsigned bits) {
    for (size_t i = 0, run; i < count; i += run) {
        run = run_at(values, i, count);
        put_run(b, values[i], run, bits);
    }
}

/* A run may begin only where the packed groups before it are whole. */
static void put_mixed(struct mc_buf *b, const uint32_t *values, size_t count, unsigned bits) {
    size_t packed = 0;
    for (size_t i = 0, run; i < count; i += run) {
        run = run_at(values, i, count);
        size_t missing = (GROUP - (i - packed) % GROUP) % GROUP;
        if (run < RUN_LEAST + missing)
            continue;
        put_packed(b, values + packed, i + missing - packed, bits);
        put_run(b, values[i], run - missing, bits);
        packed = i + run;
    }
    put_packed(b, values + packed, count - packed, bits);
}

void mc_put_hybrid(struct mc_buf *b, const uint32_t *values, size_t count, unsigned bits) {
    size_t of_runs = count_runs(values, count) * (1 + (bits + 7) / 8);
    if (of_runs < count * bits / 8)
        put_runs(b, values, count, bits);
    else
        put_mixed(b, values, count, bits);
}

void mc_put_hybrid_bits(struct mc_buf *b, const uint8_t *values, size_t count) {
    size_t packed = 0;
    for (size_t i = 0, run; i <= count; i += run) {
        const uint8_t *other = i < count ? memchr(values + i, !values[i], count - i) : NULL;
        run = i == count ? 1 : other ? (size_t)(other - values) - i : count - i;
        size_t missing = (GROUP - (i - packed) % GROUP) % GROUP;
        if (i < count && run < RUN_LEAST + missing)
            continue;
        size_t upto = i == count ? count : i + missing;
        for (size_t from = packed, part; from < upto; from += part) { /* some groups at a time */
            uint32_t few[64 * GROUP];
            part = upto - from < 64 * GROUP ? upto - from : 64 * GROUP;
            for (size_t k = 0; k < part; k++)
                few[k] = values[from + k];
            put_packed(b, few, part, 1);
        }
        if (i < count)
            put_run(b, values[i], run - missing, 1);
        packed = i + run;
    }
}

/* ---- deltas ---- */

static void put_block(struct mc_buf *b, const uint64_t *deltas, size_t count) {
    int64_t least = (int64_t)deltas[0];
    uint8_t widths[MINIBLOCKS] = {0};
    for (size_t i = 1; i < count; i++)
        least = (int64_t)deltas[i] < least ? (int64_t)deltas[i] : least;
    for (size_t m = 0; m * MINIBLOCK < count; m++) {
        uint64_t all = 0;
        for (size_t i = m * MINIBLOCK; i < (m + 1) * MINIBLOCK && i < count; i++)
            all |= deltas[i] - (uint64_t)least;
        widths[m] = (uint8_t)mc_bits_for(all);
    }
    mc_put_varint(b, mc_zigzag(least));
    mc_buf_append(b, widths, sizeof widths);
    char *room = mc_buf_reserve(b, BLOCK * sizeof(uint64_t) + sizeof(uint64_t));
    if (room == NULL)
        return;
    char *at = room;
    for (size_t m = 0; m * MINIBLOCK < count; m++) {
        struct packer p = {.out = at};
        for (size_t i = m * MINIBLOCK; i < (m + 1) * MINIBLOCK; i++)
            pack(&p, i < count ? deltas[i] - (uint64_t)least : 0, widths[m]);
        at = pack_end(&p);
    }
    b->len += (size_t)(at - room);
}

void mc_put_deltas(struct mc_buf *b, const int64_t *values, size_t count) {
    uint64_t deltas[BLOCK];
    mc_put_varint(b, BLOCK);
    mc_put_varint(b, MINIBLOCKS);
    mc_put_varint(b, count);
    mc_put_varint(b, mc_zigzag(count > 0 ? values[0] : 0));
    for (size_t from = 1, part; from < count; from += part) {
        part = count - from < BLOCK ? count - from : BLOCK;
        for (size_t i = 0; i < part; i++) /* wraps around, as the format wants it */
            deltas[i] = (uint64_t)values[from + i] - (uint64_t)values[from + i - 1];
        put_block(b, deltas, part);
    }
}

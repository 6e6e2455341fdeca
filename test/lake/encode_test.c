/* The encodings of Parquet against a slow reader of the format's text. */
#include "base/rng.h"
#include "lake/encode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COUNT_MAX = 3000 };

static uint64_t get_varint(struct mc_str *s) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(s->len > 0);
        uint8_t byte = (uint8_t)*s->data++;
        s->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

static uint64_t get_bits(const char *bytes, size_t from, unsigned bits) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bits; i++)
        value |= (uint64_t)((uint8_t)bytes[(from + i) / 8] >> (from + i) % 8 & 1) << i;
    return value;
}

static size_t read_hybrid(struct mc_str s, unsigned bits, uint32_t *out, size_t count) {
    size_t n = 0;
    while (n < count) {
        uint64_t head = get_varint(&s);
        size_t values = head & 1 ? (head >> 1) * 8 : head >> 1, bytes = head & 1 ? (head >> 1) * bits : (bits + 7) / 8;
        assert_true(values > 0 && s.len >= bytes);
        for (size_t i = 0; i < values && n < count; i++)
            out[n++] = (uint32_t)get_bits(s.data, head & 1 ? i * bits : 0, bits);
        s.data += bytes;
        s.len -= bytes;
    }
    return s.len;
}

static void read_deltas(struct mc_str s, int64_t *out, size_t count) {
    size_t block = get_varint(&s), minis = get_varint(&s);
    assert_int_equal(get_varint(&s), count);
    uint64_t first = get_varint(&s), value = first >> 1 ^ -(first & 1);
    size_t n = 0;
    if (count > 0)
        out[n++] = (int64_t)value;
    while (n < count) {
        uint64_t z = get_varint(&s), least = z >> 1 ^ -(z & 1);
        const char *widths = s.data;
        s.data += minis;
        for (size_t m = 0; m < minis && n < count; m++) {
            for (size_t i = 0; i < block / minis; i++) {
                uint64_t delta = least + get_bits(s.data, i * (uint8_t)widths[m], (uint8_t)widths[m]);
                if (n < count)
                    out[n++] = (int64_t)(value += delta);
            }
            s.data += block / minis * (uint8_t)widths[m] / 8;
        }
    }
    assert_true(s.data - (s.data - s.len) >= 0);
}

static void hybrid_comes_back(void **state) {
    static uint32_t values[COUNT_MAX], back[COUNT_MAX];
    struct mc_rng rng;
    (void)state;
    mc_rng_seed(&rng, 11);
    for (int round = 0; round < 400; round++) {
        unsigned bits = (unsigned)mc_rng_below(&rng, 33);
        size_t count = 1 + mc_rng_below(&rng, COUNT_MAX), run = 1 + mc_rng_below(&rng, 30);
        uint64_t most = bits == 0 ? 1 : UINT64_C(1) << bits;
        for (size_t i = 0; i < count; i++)
            values[i] = i > 0 && mc_rng_below(&rng, run) != 0 ? values[i - 1] : (uint32_t)mc_rng_below(&rng, most);
        struct mc_buf b = {0};
        mc_put_hybrid(&b, values, count, bits);
        assert_false(b.failed);
        assert_int_equal(read_hybrid(mc_buf_view(&b), bits, back, count), 0);
        assert_memory_equal(values, back, count * sizeof *values);
        mc_buf_free(&b);
    }
}

static void levels_come_back(void **state) {
    static uint8_t values[COUNT_MAX];
    static uint32_t back[COUNT_MAX];
    struct mc_rng rng;
    (void)state;
    mc_rng_seed(&rng, 12);
    for (int round = 0; round < 400; round++) {
        size_t count = 1 + mc_rng_below(&rng, COUNT_MAX), run = 1 + mc_rng_below(&rng, 60);
        for (size_t i = 0; i < count; i++)
            values[i] = i > 0 && mc_rng_below(&rng, run) != 0 ? values[i - 1] : (uint8_t)mc_rng_below(&rng, 2);
        struct mc_buf b = {0};
        mc_put_hybrid_bits(&b, values, count);
        assert_int_equal(read_hybrid(mc_buf_view(&b), 1, back, count), 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(back[i], values[i]);
        mc_buf_free(&b);
    }
}

static void deltas_come_back(void **state) {
    static int64_t values[COUNT_MAX], back[COUNT_MAX];
    struct mc_rng rng;
    (void)state;
    mc_rng_seed(&rng, 13);
    for (int round = 0; round < 400; round++) {
        size_t count = mc_rng_below(&rng, 600);
        int kind = (int)mc_rng_below(&rng, 4);
        int64_t at = 0;
        for (size_t i = 0; i < count; i++) {
            at = kind == 0   ? (int64_t)mc_rng_next(&rng) /* wraps around */
                 : kind == 1 ? at + (int64_t)mc_rng_below(&rng, 1000) * 1000000
                 : kind == 2 ? (mc_rng_below(&rng, 2) ? INT64_MIN : INT64_MAX)
                             : 7;
            values[i] = at;
        }
        struct mc_buf b = {0};
        mc_put_deltas(&b, values, count);
        read_deltas(mc_buf_view(&b), back, count);
        assert_memory_equal(values, back, count * sizeof *values);
        mc_buf_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hybrid_comes_back),
        cmocka_unit_test(levels_come_back),
        cmocka_unit_test(deltas_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

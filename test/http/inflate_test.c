/* gzip in pieces: the same result however it is cut; bombs, damage and missing memory end it within its bound. */
#include "base/mem.h"
#include "base/seed.h"
#include "http/inflate.h"

#include <zlib.h>

static struct mc_buf gzip(const void *data, size_t len) {
    struct mc_buf out = {0};
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t bound = deflateBound(&z, len) + 32;
    z.next_in = (unsigned char *)(uintptr_t)data;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)mc_buf_reserve(&out, bound);
    z.avail_out = (unsigned)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    return out;
}

/* Pushes in pieces of 1 to `most` bytes; stops at the first that is not OK. */
static enum mc_inflate_result push_all(struct mc_rng *r, struct mc_str in, size_t most, struct mc_buf *out, size_t max,
                                       bool *whole) {
    struct mc_inflate *it = mc_inflate_open();
    enum mc_inflate_result result = MC_INFLATE_OK;
    while (in.len > 0 && result == MC_INFLATE_OK) {
        size_t piece = 1 + mc_rng_below(r, most);
        piece = piece < in.len ? piece : in.len;
        char *exact = malloc(piece);
        memcpy(exact, in.data, piece);
        result = mc_inflate_push(it, (struct mc_str){exact, piece}, out, max);
        free(exact);
        in = (struct mc_str){in.data + piece, in.len - piece};
    }
    *whole = mc_inflate_is_whole(it);
    mc_inflate_close(&it);
    assert_null(it);
    return result;
}

static void fill(struct mc_rng *r, char *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        data[i] = (char)('a' + mc_rng_below(r, chance(r, 2) ? 26 : 2));
}

static void split_round(struct mc_rng *r) {
    static char data[200000];
    size_t len = mc_rng_below(r, chance(r, 20) ? sizeof data : 2000);
    fill(r, data, len);
    size_t cut = mc_rng_below(r, len + 1);
    struct mc_buf packed = gzip(data, cut), second = gzip(data + cut, len - cut), out = {0};
    bool whole;
    mc_buf_str(&packed, mc_buf_view(&second)); /* two members are one body */
    enum mc_inflate_result result = push_all(r, mc_buf_view(&packed), 1 + mc_rng_below(r, 5000), &out, len, &whole);
    check(result == MC_INFLATE_OK && whole && out.len == len && memcmp(out.data, data, len) == 0);
    out.len = 0;
    if (len > 0) { /* one byte less is too little */
        check(push_all(r, mc_buf_view(&packed), 5000, &out, len - 1, &whole) == MC_INFLATE_TOO_LONG);
        check(out.len <= len);
    }
    out.len = 0;
    size_t part = 1 + mc_rng_below(r, packed.len - 1);
    result = push_all(r, (struct mc_str){packed.data, part}, 5000, &out, len, &whole);
    check(result == MC_INFLATE_OK && (!whole || part == packed.len - second.len));
    mc_buf_char(&packed, 'x');
    out.len = 0;
    result = push_all(r, mc_buf_view(&packed), 5000, &out, len, &whole);
    check(result == MC_INFLATE_BAD || !whole); /* something behind it */
    mc_buf_free(&packed);
    mc_buf_free(&second);
    mc_buf_free(&out);
}

static void test_splits(void **state) {
    (void)state;
    seed_rounds(60, split_round);
}

/* Damaged anywhere: it may be noticed late, or be harmless, but it never passes its bound. */
static void damage_round(struct mc_rng *r) {
    char data[3000];
    fill(r, data, sizeof data);
    struct mc_buf packed = gzip(data, sizeof data), out = {0};
    bool whole;
    for (int i = 0; i < 3; i++)
        packed.data[mc_rng_below(r, packed.len)] = (char)mc_rng_below(r, 256);
    if (push_all(r, mc_buf_view(&packed), 500, &out, sizeof data, &whole) == MC_INFLATE_OK && whole)
        check(out.len == sizeof data && memcmp(out.data, data, sizeof data) == 0);
    check(out.len <= sizeof data + 1);
    mc_buf_free(&packed);
    mc_buf_free(&out);
}

static void test_damage(void **state) {
    (void)state;
    seed_rounds(700, damage_round);
}

static void test_bomb(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, 1);
    size_t len = 64 << 20, max = 100000;
    char *zeros = calloc(1, len);
    struct mc_buf packed = gzip(zeros, len), out = {0};
    bool whole;
    free(zeros);
    assert_int_equal(push_all(&r, mc_buf_view(&packed), 65536, &out, max, &whole), MC_INFLATE_TOO_LONG);
    assert_true(out.len == max + 1 && out.cap <= 4 * max);
    mc_buf_free(&packed);
    mc_buf_free(&out);
}

/* The n-th allocation fails, for n = 1, 2, 3... until a run meets none. */
static void test_no_memory(void **state) {
    (void)state;
    struct mc_buf packed = gzip("hello hello hello hello", 23);
    for (uint64_t n = 1;; n++) {
        struct mc_buf out = {0};
        mc_mem_fail_at(n);
        struct mc_inflate *it = mc_inflate_open();
        enum mc_inflate_result result = MC_INFLATE_NOMEM;
        if (it != NULL)
            result = mc_inflate_push(it, mc_buf_view(&packed), &out, 1000);
        bool failed = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(result, failed ? MC_INFLATE_NOMEM : MC_INFLATE_OK);
        mc_inflate_close(&it);
        mc_buf_free(&out);
        if (!failed)
            break;
    }
    mc_buf_free(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

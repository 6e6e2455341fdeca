/* Flat bytes: what was put is what is got, the bytes are little-endian, and a cut anywhere is noticed. */
#include "base/wire.h"
#include "seed.h"

static void put_all(struct mc_buf *b) {
    mc_put_u8(b, 0xAB);
    mc_put_u32(b, 0x01020304);
    mc_put_u64(b, 0x0102030405060708u);
    mc_put_i64(b, INT64_MIN);
    mc_put_i128(b, -5);
    mc_put_str(b, MC_STR("word"));
    mc_put_str(b, (struct mc_str){NULL, 0});
}

static bool get_all(struct mc_reader *r) {
    bool same = mc_get_u8(r) == 0xAB;
    same &= mc_get_u32(r) == 0x01020304;
    same &= mc_get_u64(r) == 0x0102030405060708u;
    same &= mc_get_i64(r) == INT64_MIN;
    same &= mc_get_i128(r) == -5;
    same &= mc_str_equal(mc_get_str(r), MC_STR("word"));
    same &= mc_get_str(r).len == 0;
    return same && !r->failed;
}

static void test_round_trip(void **state) {
    (void)state;
    struct mc_buf b = {0};
    put_all(&b);
    assert_int_equal(b.len, 1 + 4 + 8 + 8 + 16 + 8 + 4);
    assert_memory_equal(b.data, "\xAB\x04\x03\x02\x01\x08\x07\x06", 8);
    struct mc_reader r = {mc_buf_view(&b), false};
    assert_true(get_all(&r));
    assert_int_equal(r.rest.len, 0);
    mc_buf_free(&b);
}

static void test_every_cut_is_noticed(void **state) {
    (void)state;
    struct mc_buf b = {0};
    put_all(&b);
    for (size_t len = 0; len < b.len; len++) {
        struct mc_reader r = {{b.data, len}, false};
        assert_false(get_all(&r));
        assert_true(r.failed);
        assert_int_equal(mc_get_u64(&r), 0);
        assert_int_equal(mc_get_bytes(&r, 1).len, 0);
    }
    struct mc_reader nothing = {{NULL, 0}, false};
    assert_false(get_all(&nothing));
    mc_buf_free(&b);
}

static void test_a_length_beyond_the_end(void **state) {
    (void)state;
    struct mc_reader r = {{"\xFF\xFF\xFF\xFF"
                           "abc",
                           7},
                          false};
    assert_int_equal(mc_get_str(&r).len, 0);
    assert_true(r.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_a_length_beyond_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

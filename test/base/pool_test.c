/* The pool: pieces never overlap, are aligned, come back, and a fixed pool keeps to its bytes. */
#include "base/mem.h"
#include "base/pool.h"
#include "seed.h"
#include <string.h>

enum { PIECES = 300 };

struct piece {
    unsigned char *at;
    size_t size;
    unsigned char mark;
};

static bool is_intact(const struct piece *p) {
    for (size_t i = 0; i < p->size; i++)
        if (p->at[i] != p->mark)
            return false;
    return true;
}

static size_t random_size(struct mc_rng *r) {
    return mc_rng_below(r, (uint64_t)1 << (1 + mc_rng_below(r, 15)));
}

/* Each piece is filled with its own mark: two that overlap would spoil one another. */
static void exercise(struct mc_rng *r, struct mc_pool *pool, int steps, size_t *refused) {
    struct piece pieces[PIECES] = {{0}};
    for (int step = 0; step < steps; step++) {
        struct piece *p = &pieces[mc_rng_below(r, PIECES)];
        if (p->at != NULL) {
            check(is_intact(p));
            mc_pool_give(pool, p->at, p->size);
            p->at = NULL;
            continue;
        }
        *p = (struct piece){.size = random_size(r), .mark = (unsigned char)mc_rng_next(r)};
        p->at = mc_pool_take(pool, p->size);
        if (p->at == NULL) {
            ++*refused;
            continue;
        }
        check((uintptr_t)p->at % (p->size >= 64 ? 64 : 32) == 0 && mc_pool_rounded(p->size) >= p->size);
        memset(p->at, p->mark, p->size);
    }
    for (int i = 0; i < PIECES; i++)
        check(pieces[i].at == NULL || is_intact(&pieces[i]));
}

static void pool_round(struct mc_rng *r) {
    struct mc_pool pool = {0};
    size_t refused = 0;
    exercise(r, &pool, 4000, &refused);
    check(refused == 0 && pool.held_bytes > 0);
    mc_pool_free(&pool);
    check(pool.held_bytes == 0);
}

static void test_pieces_never_overlap(void **state) {
    (void)state;
    seed_rounds(50, pool_round);
}

/* From bytes at any address, between guards. */
static void fixed_round(struct mc_rng *r) {
    size_t len = mc_rng_below(r, 1 << 18), shift = mc_rng_below(r, 64);
    unsigned char *bytes = malloc(len + shift + 32);
    memset(bytes, 0xA5, len + shift + 32);
    struct mc_pool pool;
    mc_pool_init_fixed(&pool, bytes + shift, len);
    size_t refused = 0;
    mc_mem_fail_at(1);
    exercise(r, &pool, 2000, &refused);
    check(!mc_mem_failed()); /* it never asked */
    mc_mem_fail_at(0);
    for (size_t i = 0; i < 32; i++)
        check(bytes[len + shift + i] == 0xA5);
    for (size_t i = 0; i < shift; i++)
        check(bytes[i] == 0xA5);
    mc_pool_free(&pool);
    free(bytes);
}

static void test_a_fixed_pool_keeps_to_its_bytes(void **state) {
    (void)state;
    seed_rounds(100, fixed_round);
    struct mc_pool pool;
    mc_pool_init_fixed(&pool, NULL, 0);
    assert_null(mc_pool_take(&pool, 1));
}

static void test_a_fixed_pool_gives_all_it_has(void **state) {
    (void)state;
    _Alignas(64) char bytes[1024];
    struct mc_pool pool;
    mc_pool_init_fixed(&pool, bytes, sizeof bytes);
    for (int i = 0; i < 32; i++)
        assert_non_null(mc_pool_take(&pool, 32));
    assert_null(mc_pool_take(&pool, 1));
    mc_pool_give(&pool, bytes, 20);
    assert_ptr_equal(mc_pool_take(&pool, 0), bytes);
    assert_null(mc_pool_take(&pool, 0));
}

static void test_sizes(void **state) {
    (void)state;
    for (size_t size = 0; size < 70000; size++) {
        size_t rounded = mc_pool_rounded(size);
        assert_true(rounded >= size && rounded >= 32 && (rounded & (rounded - 1)) == 0 &&
                    (rounded == 32 || rounded / 2 < size));
    }
}

static void test_large_pieces_and_reuse(void **state) {
    (void)state;
    struct mc_pool pool = {0};
    void *big = mc_pool_take(&pool, 3 << 20);
    memset(big, 1, 3 << 20);
    size_t held = pool.held_bytes;
    mc_pool_give(&pool, big, 3 << 20);
    assert_ptr_equal(mc_pool_take(&pool, 4 << 20), big); /* the same class */
    assert_int_equal(pool.held_bytes, held);
    mc_pool_give(&pool, NULL, 5);
    mc_pool_free(&pool);
}

static void test_no_memory(void **state) {
    (void)state;
    struct mc_pool pool = {0};
    mc_mem_fail_at(1);
    assert_null(mc_pool_take(&pool, 100));
    assert_non_null(mc_pool_take(&pool, 100));
    mc_mem_fail_at(0);
    mc_pool_free(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_never_overlap),          cmocka_unit_test(test_a_fixed_pool_keeps_to_its_bytes),
        cmocka_unit_test(test_a_fixed_pool_gives_all_it_has), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_large_pieces_and_reuse),        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

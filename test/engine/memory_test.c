/* The ring of fingerprints against a plain list from which the oldest is taken. */
#include "../base/seed.h"
#include "engine/memory.h"

static struct mc_hash128 mark(uint64_t n) {
    return (struct mc_hash128){n % 100, n * 7}; /* lows that repeat: both halves count */
}

static void check_all(const struct mc_memory *m, const uint64_t *list, uint32_t count) {
    check(m->count == count && m->count <= m->cap);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = mc_memory_place(m, i);
        check(mc_memory_find(m, mark(list[i])) == (int32_t)place);
    }
}

/* Distinct marks: `total` of them, checked on the way. */
static void ring_round(struct mc_rng *r) {
    const uint32_t totals[] = {
        3, (uint32_t)mc_rng_below(r, 200), MC_REMEMBERED, MC_REMEMBERED + 1, 2 * MC_REMEMBERED + 1, 10000};
    static uint64_t list[MC_REMEMBERED];
    struct mc_pool pool = {0};
    struct mc_memory m = {0};
    struct mc_hash128 room[MC_VISIT_MARKS_ROOM];
    uint32_t count = 0, total = totals[mc_rng_below(r, 6)];
    if (chance(r, 50))
        mc_memory_use_room(&m, room, MC_VISIT_MARKS_ROOM);
    for (uint64_t n = 0; n < total; n++) {
        check(mc_memory_find(&m, mark(n)) == MC_MEMORY_ABSENT);
        check(mc_memory_reserve(&m, &pool, count < MC_REMEMBERED ? count + 1 : MC_REMEMBERED));
        uint32_t place = mc_memory_add(&m, mark(n));
        check(mc_memory_find(&m, mark(n)) == (int32_t)place);
        if (count == MC_REMEMBERED)
            memmove(list, list + 1, (MC_REMEMBERED - 1) * sizeof *list);
        else
            count++;
        list[count - 1] = n;
        if (mc_rng_below(r, 500) == 0 || n < 40)
            check_all(&m, list, count);
    }
    check_all(&m, list, count);
    if (total > count)
        check(mc_memory_find(&m, mark(total - count - 1)) == MC_MEMORY_ABSENT);
    mc_memory_release(&m, &pool);
    mc_pool_free(&pool);
}

static void test_equals_a_list(void **state) {
    (void)state;
    seed_rounds(40, ring_round);
}

/* Room for many at once is the room that one after the other gets; what finds no room changes nothing. */
static void test_room(void **state) {
    (void)state;
    for (uint32_t count = 0; count <= MC_REMEMBERED; count += count < 600 ? 1 : 97) {
        struct mc_pool pool = {0};
        struct mc_memory at_once = {0}, stepwise = {0};
        assert_true(mc_memory_reserve(&at_once, &pool, count));
        for (uint32_t i = 1; i <= count; i++) {
            assert_true(mc_memory_reserve(&stepwise, &pool, i));
            mc_memory_add(&stepwise, mark(i));
        }
        assert_int_equal(at_once.cap, stepwise.cap);
        assert_true(at_once.cap >= count && at_once.cap <= MC_REMEMBERED);
        mc_pool_free(&pool);
    }
    char bytes[300];
    struct mc_pool small;
    struct mc_memory m = {0};
    mc_pool_init_fixed(&small, bytes, sizeof bytes);
    assert_true(mc_memory_reserve(&m, &small, 1));
    uint32_t cap = m.cap;
    for (uint64_t n = 0; n < cap; n++)
        mc_memory_add(&m, mark(n));
    assert_false(mc_memory_reserve(&m, &small, 40));
    assert_int_equal(m.cap, cap);
    for (uint64_t n = 0; n < cap; n++)
        assert_int_equal(mc_memory_find(&m, mark(n)), n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_a_list),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The embedded partition: it forgets whom it need not remember, grows, and survives the failure of any allocation. What
 * it computes is the matter of equal_test.c and transcript_test.c. */
#include "../base/seed.h"
#include "base/mem.h"
#include "batches.h"
#include "engine/partition.h"
#include <stdio.h>

#define NOON ((int64_t)20000 * MC_DAY_US)

static void count_end(void *context, const struct mc_visit_end *end) {
    (void)end;
    ++*(uint64_t *)context;
}

static struct mc_partition *open_one(uint64_t *ends) {
    struct mc_partition *p;
    struct mc_partition_options options = {.rules = mc_rules_default(), .keep_sales = true, .sink = {ends, count_end}};
    assert_int_equal(mc_partition_open(&p, &options, NULL), MC_OK);
    return p;
}

/* `count` users, each with a visit of some events, from NOON on. */
static void fill(struct mc_batch *batch, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        char user[16], product[32];
        snprintf(user, sizeof user, "user%u", i);
        snprintf(product, sizeof product, i % 2 ? "p%u" : "a-rather-long-product-%u", i % 50);
        struct made_event m = {.time = {NOON + i},
                               .clock = {NOON + i},
                               .type = i % 3 ? MC_CART : MC_PURCHASE,
                               .user = mc_str_of(user),
                               .session = MC_STR("s"),
                               .product = mc_str_of(product),
                               .brand = MC_STR("b"),
                               .price = 100,
                               .quantity = 1};
        if (i % 5 == 0)
            m.message_id = mc_str_of(user);
        for (int k = 0; k < 12; k++) {
            m.time.us++;
            batch_add(batch, &m);
        }
    }
}

static void test_forgets(void **state) {
    (void)state;
    enum { USERS = 20000 };
    uint64_t ends = 0;
    struct mc_batch batch = {0};
    struct mc_partition *p = open_one(&ends);
    fill(&batch, USERS);
    assert_int_equal(mc_partition_apply(p, &batch, NULL, batch.event_count, NULL), MC_OK);
    assert_int_equal(mc_partition_measure(p).users, USERS);
    assert_int_equal(mc_partition_measure(p).visits, USERS);
    struct mc_open_carts carts = mc_partition_open_carts(p), want = {0};
    for (int i = 0; i < USERS; i++)
        if (i % 3 != 0) { /* of those with a message id only the first add counts */
            want.count++;
            want.value += i % 5 == 0 ? 100 : 1200;
        }
    assert_int_equal(carts.count, want.count);
    assert_true(carts.value == want.value);
    assert_int_equal(mc_partition_advance(p, NULL, (struct mc_time){NOON + MC_HOUR_US}, NULL), MC_OK);
    assert_int_equal(mc_partition_open_carts(p).count, 0);
    assert_int_equal(ends, USERS);
    assert_int_equal(mc_partition_measure(p).visits, 0);
    uint64_t remembered = 0; /* a purchase, or a message id that was no duplicate */
    for (int i = 0; i < USERS; i++)
        remembered += i % 3 == 0 || i % 5 == 0;
    assert_int_equal(mc_partition_measure(p).users, remembered);
    assert_int_equal(mc_partition_advance(p, NULL, (struct mc_time){NOON + 2 * MC_DAY_US}, NULL), MC_OK);
    assert_int_equal(mc_partition_measure(p).users, 0);
    uint64_t held = mc_partition_measure(p).held_bytes;
    for (uint32_t i = 0; i < batch.event_count; i++) { /* the same again, later: pieces are reused */
        batch.events[i].time.us += 3 * MC_DAY_US;
        batch.events[i].clock.us += 3 * MC_DAY_US;
    }
    assert_int_equal(mc_partition_apply(p, &batch, NULL, batch.event_count, NULL), MC_OK);
    mc_partition_finish(p, (struct mc_time){NOON + 3 * MC_DAY_US});
    assert_int_equal(ends, 2 * USERS);
    assert_true(mc_partition_measure(p).held_bytes <= held + held / 8);
    mc_partition_close(&p);
    assert_null(p);
    mc_partition_close(&p);
    mc_batch_free(&batch);
}

static bool everyone(void *context, uint64_t user_hash) {
    (void)context;
    (void)user_hash;
    return true;
}

static enum mc_err restore(struct mc_str bytes, const struct mc_partition_options *options, struct mc_error *e) {
    struct mc_partition *p;
    enum mc_err err = mc_partition_open(&p, options, e);
    if (err == MC_OK)
        err = mc_partition_decode(p, bytes, everyone, NULL, true, e);
    mc_partition_close(&p);
    return err;
}

/* Opens, applies, encodes, restores; MC_OK or MC_ERR_NOMEM. */
static enum mc_err whole_life(struct mc_batch *batch, struct mc_error *e) {
    uint64_t ends = 0;
    struct mc_partition *p;
    struct mc_buf bytes = {0};
    struct mc_partition_options options = {
        .rules = mc_rules_default(), .keep_sales = true, .keep_new_users = true, .sink = {&ends, count_end}};
    enum mc_err err = mc_partition_open(&p, &options, e);
    if (err == MC_OK)
        err = mc_partition_apply(p, batch, NULL, batch->event_count, e);
    if (err == MC_OK)
        mc_partition_encode(p, &bytes);
    if (err == MC_OK && bytes.failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory to encode");
    if (err == MC_OK)
        err = restore(mc_buf_view(&bytes), &options, e);
    if (err == MC_OK)
        err = mc_partition_advance(p, NULL, (struct mc_time){NOON + MC_HOUR_US}, e);
    if (err == MC_OK)
        mc_partition_finish(p, (struct mc_time){NOON + MC_HOUR_US});
    mc_buf_free(&bytes);
    mc_partition_close(&p);
    return err;
}

static void test_nth_allocation_fails(void **state) {
    (void)state;
    struct mc_batch batch = {0};
    fill(&batch, 3000);
    bool failed = true;
    uint64_t n = 1;
    for (; failed; n++) {
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = whole_life(&batch, &e);
        failed = mc_mem_failed();
        mc_mem_fail_at(0);
        if (err != (failed ? MC_ERR_NOMEM : MC_OK) || e.code != err)
            fail_msg("allocation %llu: %d %s", (unsigned long long)n, (int)err, e.text);
    }
    assert_true(n > 10);
    mc_batch_free(&batch);
}

/* Two users whose hashes are the same are two users. */
static void test_equal_hashes(void **state) {
    (void)state;
    uint64_t ends = 0;
    struct mc_batch batch = {0};
    struct mc_partition *p = open_one(&ends);
    fill(&batch, 300);
    for (uint32_t i = 0; i < batch.event_count; i++)
        batch.events[i].user_hash = 7 + i / 12 % 3;
    assert_int_equal(mc_partition_apply(p, &batch, NULL, batch.event_count, NULL), MC_OK);
    assert_int_equal(mc_partition_measure(p).users, 300);
    mc_partition_finish(p, (struct mc_time){NOON});
    assert_int_equal(ends, 300);
    mc_partition_close(&p);
    mc_batch_free(&batch);
}

static void test_spoilt_snapshots_are_refused(void **state) {
    (void)state;
    uint64_t ends = 0;
    struct mc_batch batch = {0};
    struct mc_buf bytes = {0};
    struct mc_partition *p = open_one(&ends);
    struct mc_partition_options options = {.rules = mc_rules_default(), .sink = {&ends, count_end}};
    fill(&batch, 5);
    assert_int_equal(mc_partition_apply(p, &batch, NULL, batch.event_count, NULL), MC_OK);
    mc_partition_encode(p, &bytes);
    assert_int_equal(restore(mc_buf_view(&bytes), &options, NULL), MC_OK);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(restore((struct mc_str){bytes.data, len}, &options, NULL), MC_ERR_FORMAT);
    mc_buf_char(&bytes, 0);
    assert_int_equal(restore(mc_buf_view(&bytes), &options, NULL), MC_ERR_FORMAT);
    mc_buf_free(&bytes);
    mc_partition_close(&p);
    mc_batch_free(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forgets),
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_spoilt_snapshots_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

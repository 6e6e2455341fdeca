/* Sums, distinct users, sales and the product dimension: against plain lists, merged in any order. */
#include "base/mem.h"
#include "batches.h"
#include "engine/tally.h"
#include "flat.h"
#include <stdio.h>

enum { TALLIES = 4, EVENTS = 250, PRODUCTS = 30, USERS = 20 };

static char products[PRODUCTS][40], users[USERS][16];
static const char *const values[] = {"",
                                     "",
                                     "a",
                                     "b",
                                     "aa",
                                     "\xC3\xA9",
                                     "z",
                                     "a value of more than thirty-two bytes",
                                     "a value of more than thirty-three bytes"};

static void make_names(void) {
    for (int i = 0; i < PRODUCTS; i++)
        snprintf(products[i], sizeof products[i], i % 4 == 1 ? "a-product-with-a-long-name-%d" : "p%d", i);
    for (int i = 0; i < USERS; i++)
        snprintf(users[i], sizeof users[i], "u%d", i);
}

static struct mc_str value(struct mc_rng *r) {
    return mc_str_of(values[mc_rng_below(r, sizeof values / sizeof *values)]);
}

static void make_events(struct mc_rng *r, struct mc_batch *batch) {
    for (int i = 0; i < EVENTS; i++) {
        struct made_event m = {.time = {(int64_t)mc_rng_below(r, chance(r, 50) ? 5 : 10 * MC_MINUTE_US)},
                               .type = (enum mc_event_type)mc_rng_below(r, MC_EVENT_TYPES),
                               .user = mc_str_of(users[mc_rng_below(r, USERS)]),
                               .session = MC_STR("s"),
                               .product = mc_str_of(products[mc_rng_below(r, chance(r, 50) ? 2 : PRODUCTS)]),
                               .category_id = value(r),
                               .category_code = value(r),
                               .brand = value(r),
                               .price = (int64_t)mc_rng_below(r, 1000),
                               .quantity = 1 + (int32_t)mc_rng_below(r, 5)};
        if (i > 0 && chance(r, 60)) { /* the same three values again, at another time */
            const struct mc_event *before = &batch->events[mc_rng_below(r, (uint64_t)i)];
            const char *s = batch->bytes.data;
            m.category_id = mc_slice_str(s, before->category_id);
            m.category_code = mc_slice_str(s, before->category_code);
            m.brand = mc_slice_str(s, before->brand);
            mc_buf_reserve(&batch->bytes, 1000); /* batch_add copies from the same bytes */
            s = batch->bytes.data;
            m.category_id = mc_slice_str(s, before->category_id);
            m.category_code = mc_slice_str(s, before->category_code);
            m.brand = mc_slice_str(s, before->brand);
        }
        batch_add(batch, &m);
    }
}

static bool count_event(struct mc_tally *t, const struct mc_batch *batch, uint32_t i) {
    const struct mc_event *ev = &batch->events[i];
    struct mc_product_entry *p = mc_tally_product(t, ev->product_hash, mc_slice_str(batch->bytes.data, ev->product));
    struct mc_hash128 user = {ev->user_hash, ~ev->user_hash};
    return p != NULL && mc_tally_user(t, user) &&
           mc_tally_event(t, p, ev, batch->bytes.data, (struct mc_outcome){.verdict = MC_VERDICT_JOINED});
}

/* ---- the rule of the dimension, by a look at all events ---- */

static struct mc_str naive_value(const struct mc_batch *b, struct mc_str product, int column) {
    struct mc_str best = {0};
    int64_t at = -1;
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct mc_event *ev = &b->events[i];
        struct mc_str v = mc_slice_str(
            b->bytes.data, (const struct mc_slice[]){ev->category_id, ev->category_code, ev->brand}[column]);
        if (v.len == 0 || !mc_str_equal(mc_slice_str(b->bytes.data, ev->product), product))
            continue;
        if (ev->time.us > at || (ev->time.us == at && mc_str_compare(v, best) > 0)) {
            at = ev->time.us;
            best = v;
        }
    }
    return best;
}

static void naive_sale(const struct mc_batch *b, struct mc_str product, int64_t minute, int64_t *units,
                       int64_t *revenue) {
    *units = *revenue = 0;
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct mc_event *ev = &b->events[i];
        if (ev->type == MC_PURCHASE && ev->time.us / MC_MINUTE_US == minute &&
            mc_str_equal(mc_slice_str(b->bytes.data, ev->product), product)) {
            *units += ev->quantity;
            *revenue += ev->quantity * ev->price;
        }
    }
}

static void check_against_events(const struct mc_tally *t, const struct mc_batch *b) {
    uint64_t accepted = 0;
    int64_t units_sum = 0;
    for (uint32_t i = 0; i < t->product_count; i++) {
        check(i == 0 || mc_str_compare(t->products[i - 1].id, t->products[i].id) < 0);
        accepted += t->products[i].accepted;
        for (int c = 0; c < MC_DIMENSIONS; c++)
            check(mc_str_equal(mc_product_value(&t->products[i], c), naive_value(b, t->products[i].id, c)));
    }
    for (uint64_t i = 0; i < t->sale_count; i++) {
        const struct mc_sale_sum *s = &t->sales[i];
        int64_t units, revenue;
        naive_sale(b, t->products[s->product].id, s->minute, &units, &revenue);
        check(s->units == units && s->revenue == revenue && units > 0);
        check(i == 0 || s[-1].product < s->product || (s[-1].product == s->product && s[-1].minute < s->minute));
        units_sum += units;
    }
    check(accepted == b->event_count && t->counts.accepted == b->event_count && t->counts.units_sold == units_sum);
}

static void merge_round(struct mc_rng *r) {
    struct mc_batch batch = {0};
    struct mc_tally parts[TALLIES], sum;
    uint32_t order[TALLIES] = {0, 1, 2, 3};
    make_events(r, &batch);
    for (int i = 0; i < TALLIES; i++)
        mc_tally_init(&parts[i], true, false);
    for (uint32_t i = 0; i < batch.event_count; i++)
        check(count_event(&parts[batch.events[i].user_hash % TALLIES], &batch, i));
    for (uint32_t i = TALLIES - 1; i > 0; i--) {
        uint32_t k = (uint32_t)mc_rng_below(r, i + 1), swap = order[i];
        order[i] = order[k];
        order[k] = swap;
    }
    mc_tally_init(&sum, true, false);
    for (int i = 0; i < TALLIES; i++)
        check(mc_tally_merge(&sum, &parts[order[i]]));
    check(mc_tally_sort(&sum));
    check_against_events(&sum, &batch);
    uint64_t seen = 0;
    for (int u = 0; u < USERS; u++) {
        bool found = false;
        for (uint32_t i = 0; i < batch.event_count && !found; i++)
            found = mc_str_equal(mc_slice_str(batch.bytes.data, batch.events[i].user), mc_str_of(users[u]));
        seen += found;
    }
    check(sum.user_count == seen);
    check(mc_tally_sort(&sum)); /* again: nothing moves */
    check_against_events(&sum, &batch);
    for (int i = 0; i < TALLIES; i++)
        mc_tally_free(&parts[i]);
    mc_tally_free(&sum);
    mc_batch_free(&batch);
}

static void test_any_order_gives_the_sums(void **state) {
    (void)state;
    seed_rounds(400, merge_round);
}

/* ---- bytes ---- */

static void bytes_round(struct mc_rng *r) {
    struct mc_batch batch = {0};
    struct mc_tally t, back;
    struct mc_buf bytes = {0}, again = {0};
    make_events(r, &batch);
    mc_tally_init(&t, false, false);
    mc_tally_init(&back, false, false);
    for (uint32_t i = 0; i < batch.event_count; i++)
        check(count_event(&t, &batch, i));
    mc_tally_encode(&t, &bytes);
    struct mc_reader reader = {mc_buf_view(&bytes), false};
    check(mc_tally_decode(&back, &reader) && reader.rest.len == 0);
    mc_tally_encode(&back, &again);
    check(mc_str_equal(mc_buf_view(&bytes), mc_buf_view(&again)));
    for (uint32_t i = 0; i < batch.event_count; i++) { /* and it goes on the same */
        check(count_event(&t, &batch, i) && count_event(&back, &batch, i));
    }
    bytes.len = again.len = 0;
    mc_tally_encode(&t, &bytes);
    mc_tally_encode(&back, &again);
    check(mc_str_equal(mc_buf_view(&bytes), mc_buf_view(&again)));
    struct mc_tally cut;
    struct mc_reader torn = {{bytes.data, mc_rng_below(r, bytes.len)}, false};
    mc_tally_init(&cut, false, false);
    check(!mc_tally_decode(&cut, &torn));
    mc_tally_free(&cut);
    mc_tally_free(&t);
    mc_tally_free(&back);
    mc_buf_free(&bytes);
    mc_buf_free(&again);
    mc_batch_free(&batch);
}

static void test_bytes_and_back(void **state) {
    (void)state;
    seed_rounds(200, bytes_round);
}

/* ---- many of each: tables grow ---- */

static void test_many(void **state) {
    (void)state;
    enum { MANY = 30000 };
    struct mc_tally t;
    mc_tally_init(&t, false, true);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < MANY; i++) {
            char id[32];
            size_t len = (size_t)snprintf(id, sizeof id, i % 3 ? "%u" : "product number %u", i);
            struct mc_product_entry *p = mc_tally_product(&t, mc_hash64(id, len), (struct mc_str){id, len});
            assert_true(p != NULL && mc_str_equal(p->id, (struct mc_str){id, len}) && p == &t.products[i]);
            assert_true(mc_tally_user(&t, (struct mc_hash128){mc_hash64(id, len), i}));
        }
    assert_int_equal(t.product_count, MANY);
    assert_int_equal(t.user_count, MANY);
    assert_int_equal(t.new_user_count, MANY);
    assert_true(mc_tally_user(&t, (struct mc_hash128){0, 0}) && mc_tally_user(&t, (struct mc_hash128){0, 0}));
    assert_int_equal(t.user_count, MANY + 1);
    mc_tally_free(&t);
}

/* Two ids with one hash are two products. */
static void test_equal_hashes(void **state) {
    (void)state;
    struct mc_tally t;
    mc_tally_init(&t, false, false);
    struct mc_product_entry *a = mc_tally_product(&t, 5, MC_STR("a"));
    a->accepted = 1;
    assert_int_equal(mc_tally_product(&t, 5, MC_STR("b"))->accepted, 0);
    assert_int_equal(mc_tally_product(&t, 5, MC_STR("a long name, beyond what fits in place"))->accepted, 0);
    assert_int_equal(mc_tally_product(&t, 5, MC_STR("a"))->accepted, 1);
    assert_int_equal(t.product_count, 3);
    mc_tally_free(&t);
}

static void test_nth_allocation_fails(void **state) {
    (void)state;
    struct mc_batch batch = {0};
    struct mc_rng r;
    mc_rng_seed(&r, seed_now = 1);
    make_events(&r, &batch);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct mc_tally t, sum;
        mc_tally_init(&t, true, true);
        mc_tally_init(&sum, true, true);
        mc_mem_fail_at(n);
        bool good = true;
        for (uint32_t i = 0; i < batch.event_count && good; i++)
            good = count_event(&t, &batch, i);
        good = good && mc_tally_merge(&sum, &t) && mc_tally_sort(&sum);
        failed = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(good, !failed);
        mc_tally_free(&t);
        mc_tally_free(&sum);
    }
    mc_batch_free(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_gives_the_sums),
        cmocka_unit_test(test_bytes_and_back),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_equal_hashes),
        cmocka_unit_test(test_nth_allocation_fails),
    };
    make_names();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A user's flat state: its bytes, its limits, and what is answered to bytes that are none. */
#include "batches.h"
#include "engine/state.h"
#include "flat.h"
#include <stdio.h>

#define NOON ((int64_t)20000 * MC_DAY_US)

static struct mc_rules rules;

static struct mc_input event(enum mc_event_type type, const char *session, const char *product, int64_t us) {
    struct made_event m = {.time = {us},
                           .clock = {NOON},
                           .type = type,
                           .session = mc_str_of(session),
                           .product = mc_str_of(product),
                           .price = 250,
                           .quantity = 2};
    return input_of_made(&m);
}

static void apply(struct flat *f, struct mc_input in) {
    flat_apply(f, MC_STR("user"), &in);
}

static struct flat new_flat(void) {
    rules = mc_rules_default();
    return (struct flat){.rules = &rules, .ended = flat_ignore};
}

/* ---- the layout, spelled out ---- */

static void put_id(struct mc_buf *b, const char *id) {
    mc_put_u8(b, (uint8_t)strlen(id));
    mc_buf_text(b, id);
}

/* A change here is a change of the format: a new version, and an upgrade of the old. */
static void put_mark(struct mc_buf *b, int64_t time, int64_t price, const char *product, int32_t quantity,
                     int32_t type) {
    uint64_t t = (uint64_t)time, p = (uint64_t)price, id = mc_hash64(product, strlen(product)),
             rest = (uint64_t)quantity << 8 | (uint64_t)type;
    mc_put_u64(b, mc_hash_mix(mc_hash_mix(t, p), mc_hash_mix(id, rest)));
    mc_put_u64(b, mc_hash_mix(mc_hash_mix(id, t), mc_hash_mix(rest, p)));
}

static void put_state(struct mc_buf *b) {
    mc_put_u8(b, 1);
    put_id(b, "user");
    mc_put_i64(b, NOON - 5);
    struct mc_hash128 id = mc_hash128("m1", 2);
    mc_put_u32(b, 1);
    mc_put_u64(b, id.low);
    mc_put_u64(b, id.high);
    mc_put_i64(b, NOON);
    mc_put_u32(b, 2);
    put_id(b, "a"); /* visits by session */
    mc_put_i64(b, NOON);
    mc_put_i64(b, NOON - 1);
    mc_put_i64(b, NOON + 3);
    mc_put_i64(b, NOON - 1);
    mc_put_u8(b, 0);
    mc_put_u32(b, 2);
    put_mark(b, NOON - 1, 250, "q", 2, MC_CART);
    put_mark(b, NOON + 3, 250, "p", 2, MC_CART);
    mc_put_u32(b, 2);
    put_id(b, "p"); /* items by product */
    mc_put_i64(b, 2);
    mc_put_i64(b, 250);
    put_id(b, "q");
    mc_put_i64(b, 2);
    mc_put_i64(b, 250);
    put_id(b, "b");
    mc_put_i64(b, NOON - 5);
    mc_put_i64(b, NOON - 5);
    mc_put_i64(b, NOON - 5);
    mc_put_i64(b, MC_TIME_NONE_US);
    mc_put_u8(b, 1);
    mc_put_u32(b, 1);
    put_mark(b, NOON - 5, 250, "q", 2, MC_PURCHASE);
    mc_put_u32(b, 0);
}

static void test_bytes_of_a_state(void **state) {
    (void)state;
    struct mc_buf expected = {0};
    struct flat f = new_flat();
    struct mc_input with_id = event(MC_VIEW, "a", "p", NOON);
    with_id.has_message_id = true;
    with_id.message_id = mc_hash128("m1", 2);
    f.thorough = true;
    apply(&f, event(MC_PURCHASE, "b", "q", NOON - 5));
    apply(&f, with_id);
    apply(&f, event(MC_CART, "a", "q", NOON - 1));
    apply(&f, event(MC_CART, "a", "p", NOON + 3));
    put_state(&expected);
    assert_int_equal(f.users[0].state.len, expected.len);
    assert_memory_equal(f.users[0].state.data, expected.data, expected.len);
    assert_int_equal(f.users[0].due.us, NOON - 5 + rules.gap_us);
    mc_buf_free(&expected);
    flat_free(&f);
}

/* ---- when to wake, when to forget ---- */

static void test_due(void **state) {
    (void)state;
    struct flat f = new_flat();
    f.thorough = true;
    apply(&f, event(MC_VIEW, "a", "p", NOON));
    apply(&f, event(MC_PURCHASE, "b", "p", NOON + 7));
    assert_int_equal(f.users[0].due.us, NOON + rules.gap_us);
    flat_timers(&f, (struct mc_time){NOON + rules.gap_us});
    assert_int_equal(f.users[0].due.us, NOON + 7 + rules.gap_us);
    flat_timers(&f, (struct mc_time){NOON + 7 + rules.gap_us});
    assert_int_equal(f.users[0].due.us, NOON + 7 + MC_DAY_US); /* the purchase is remembered for a day */
    flat_timers(&f, (struct mc_time){NOON + 6 + MC_DAY_US});
    assert_true(f.users[0].state.len > 0);
    flat_timers(&f, (struct mc_time){NOON + 7 + MC_DAY_US});
    assert_int_equal(f.users[0].state.len, 0);
    assert_true(mc_time_is_none(f.users[0].due));
    flat_free(&f);
}

static void test_nothing_is_kept_of_a_late_view(void **state) {
    (void)state;
    struct flat f = new_flat();
    f.thorough = true;
    apply(&f, event(MC_VIEW, "a", "p", NOON - rules.gap_us));
    assert_int_equal(f.users[0].state.len, 0);
    flat_finish(&f, (struct mc_time){NOON});
    assert_int_equal(f.users[0].state.len, 0);
    flat_free(&f);
}

/* ---- the workspace ---- */

/* The least workspace with which these events can be applied to this state. */
static size_t least_workspace(struct mc_str state, const struct mc_input *in) {
    size_t low = 0, high = state.len * MC_STATE_WORKSPACE_FACTOR + MC_STATE_WORKSPACE_LEAST;
    char *out = malloc(state.len + FLAT_GROWTH_MAX), *workspace = malloc(high);
    struct mc_sink sink = {NULL, flat_ignore};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct mc_outcome outcome;
        struct mc_state_io io = {.state = state,
                                 .out = out,
                                 .out_cap = state.len + FLAT_GROWTH_MAX,
                                 .workspace = workspace,
                                 .workspace_len = middle};
        enum mc_state_result result = mc_state_apply(&io, &rules, MC_STR("user"), in, &sink, &outcome);
        assert_true(result == MC_STATE_OK || result == MC_STATE_NEEDS_WORKSPACE);
        if (result == MC_STATE_OK)
            high = middle;
        else
            low = middle + 1;
    }
    free(out);
    free(workspace);
    return low;
}

static double most_per_byte;

static void measure(const struct flat *f) {
    struct mc_str state = mc_buf_view(&f->users[0].state);
    struct mc_input next[] = {event(MC_CART, "0", "new", NOON), event(MC_CART, "new", "new", NOON),
                              event(MC_VIEW, "0", "q", NOON + 9)};
    size_t stated = state.len * MC_STATE_WORKSPACE_FACTOR + MC_STATE_WORKSPACE_LEAST;
    for (int i = 0; i < 6; i++) {
        struct mc_input in = next[i % 3];
        in.has_message_id = i >= 3;
        in.message_id = (struct mc_hash128){77, 77};
        size_t least = least_workspace(state, &in);
        if (least >= stated)
            fail_msg("a state of %zu bytes needs %zu of workspace, and %zu are stated", state.len, least, stated);
        if ((double)least / (double)state.len > most_per_byte && least > MC_STATE_WORKSPACE_LEAST)
            most_per_byte = (double)least / (double)state.len;
    }
}

/* Grows one part of a state, and measures where pieces double. */
static void grow(enum mc_event_type type, bool with_ids, bool many_sessions, bool many_products, int most) {
    struct flat f = new_flat();
    for (int i = 0; i < most; i++) {
        char session[16], product[16];
        snprintf(session, sizeof session, "%x", many_sessions ? (unsigned)i : 0);
        snprintf(product, sizeof product, "%x", many_products ? (unsigned)i : 0);
        struct mc_input in = event(type, session, product, NOON + (many_sessions ? 0 : i));
        in.has_message_id = with_ids;
        in.message_id = (struct mc_hash128){(uint64_t)i, 1};
        apply(&f, in);
        if ((i & (i + 1)) == 0 || (i & (i - 1)) == 0 || i % 400 == 0 || i + 1 == most)
            measure(&f);
    }
    flat_free(&f);
}

static void test_the_stated_workspace_is_enough(void **state) {
    (void)state;
    rules = mc_rules_default();
    grow(MC_VIEW, false, false, false, 4200);
    grow(MC_VIEW, true, false, false, 4200);
    grow(MC_CART, true, false, true, 1010);
    grow(MC_CART, false, false, true, 1010);
    grow(MC_VIEW, true, true, false, MC_VISITS_MAX + 2);
    grow(MC_CART, false, true, true, MC_VISITS_MAX + 2);
    print_message("at most %.1f bytes of workspace a byte of state; stated: %d, and %d more\n", most_per_byte,
                  MC_STATE_WORKSPACE_FACTOR, MC_STATE_WORKSPACE_LEAST);
}

static void test_any_smaller_workspace_is_answered(void **state) {
    (void)state;
    struct mc_buf bytes = {0};
    rules = mc_rules_default();
    put_state(&bytes);
    struct mc_input in = event(MC_CART, "new", "new", NOON);
    size_t least = least_workspace(mc_buf_view(&bytes), &in);
    for (size_t len = 0; len < least; len += 1 + len / 50) {
        char *workspace = malloc(len + 1), out[4096];
        struct mc_outcome outcome;
        struct mc_sink sink = {NULL, flat_ignore};
        struct mc_state_io io = {.state = mc_buf_view(&bytes),
                                 .out = out,
                                 .out_cap = sizeof out,
                                 .workspace = len ? workspace : NULL,
                                 .workspace_len = len};
        assert_int_equal(mc_state_apply(&io, &rules, MC_STR("user"), &in, &sink, &outcome), MC_STATE_NEEDS_WORKSPACE);
        free(workspace);
    }
    mc_buf_free(&bytes);
}

/* ---- bytes that are no state ---- */

static char out_bytes[1 << 16], workspace_bytes[1 << 18];

static enum mc_state_result wake(struct mc_str state, int64_t clock_us, size_t *out_len) {
    struct mc_sink sink = {NULL, flat_ignore};
    struct mc_state_io io = {.state = state,
                             .out = out_bytes,
                             .out_cap = sizeof out_bytes,
                             .workspace = workspace_bytes,
                             .workspace_len = sizeof workspace_bytes};
    enum mc_state_result result = mc_state_wake(&io, &rules, (struct mc_time){clock_us}, &sink);
    *out_len = io.out_len;
    return result;
}

static void test_cut_or_longer(void **state) {
    (void)state;
    struct mc_buf b = {0};
    size_t out_len;
    rules = mc_rules_default();
    put_state(&b);
    assert_int_equal(wake(mc_buf_view(&b), MC_TIME_NONE_US, &out_len), MC_STATE_OK);
    for (size_t len = 1; len < b.len; len++) {
        char *cut = malloc(len);
        memcpy(cut, b.data, len);
        assert_int_equal(wake((struct mc_str){cut, len}, NOON, &out_len), MC_STATE_MALFORMED);
        free(cut);
    }
    mc_buf_char(&b, 0);
    assert_int_equal(wake(mc_buf_view(&b), NOON, &out_len), MC_STATE_MALFORMED);
    b.len--;
    b.data[0] = 2; /* a newer version */
    assert_int_equal(wake(mc_buf_view(&b), NOON, &out_len), MC_STATE_MALFORMED);
    mc_buf_free(&b);
}

static void test_nobody(void **state) {
    (void)state;
    size_t out_len = 9;
    assert_int_equal(wake((struct mc_str){NULL, 0}, NOON, &out_len), MC_STATE_OK);
    assert_int_equal(out_len, 0);
    struct mc_state_io io = {.state = {NULL, 0}};
    assert_int_equal(mc_state_due(&io, &rules), MC_STATE_OK);
    assert_true(mc_time_is_none(io.due));
}

static void test_the_state_of_another(void **state) {
    (void)state;
    struct mc_buf b = {0};
    struct mc_outcome outcome;
    struct mc_sink sink = {NULL, flat_ignore};
    struct mc_input in = event(MC_VIEW, "a", "p", NOON);
    put_state(&b);
    struct mc_state_io io = {.state = mc_buf_view(&b),
                             .out = out_bytes,
                             .out_cap = sizeof out_bytes,
                             .workspace = workspace_bytes,
                             .workspace_len = sizeof workspace_bytes};
    assert_int_equal(mc_state_apply(&io, &rules, MC_STR("uses"), &in, &sink, &outcome), MC_STATE_MALFORMED);
    assert_int_equal(mc_state_apply(&io, &rules, MC_STR("user"), &in, &sink, &outcome), MC_STATE_OK);
    mc_buf_free(&b);
}

/* A state of one user whose fields are given. */
struct fields {
    int64_t last_purchase, stamp, opened, first, last, first_cart, quantity, price;
    uint8_t has_purchase;
    const char *id, *session[2], *product[2];
};

static const struct fields good_fields = {NOON, NOON, NOON, NOON, NOON, NOON, 1, 5, 0, "user", {"a", "b"}, {"p", "q"}};

static void put_fields(struct mc_buf *b, const struct fields *f) {
    mc_put_u8(b, 1);
    put_id(b, f->id);
    mc_put_i64(b, f->last_purchase);
    mc_put_u32(b, 1);
    mc_put_u64(b, 7);
    mc_put_u64(b, 7);
    mc_put_i64(b, f->stamp);
    mc_put_u32(b, 2);
    for (int v = 0; v < 2; v++) {
        put_id(b, f->session[v]);
        mc_put_i64(b, f->opened);
        mc_put_i64(b, f->first);
        mc_put_i64(b, f->last);
        mc_put_i64(b, f->first_cart);
        mc_put_u8(b, f->has_purchase);
        mc_put_u32(b, 0);
        mc_put_u32(b, 2);
        for (int i = 0; i < 2; i++) {
            put_id(b, f->product[i]);
            mc_put_i64(b, f->quantity);
            mc_put_i64(b, f->price);
        }
    }
}

static enum mc_state_result result_of(struct fields f) {
    struct mc_buf b = {0};
    size_t out_len;
    put_fields(&b, &f);
    enum mc_state_result result = wake(mc_buf_view(&b), MC_TIME_NONE_US, &out_len);
    mc_buf_free(&b);
    return result;
}

#define WITH(member, value) ((result_of((f = good_fields, f.member = (value), f))))

/* Each field is checked by itself: one that no engine would have written is refused. */
static void test_fields_out_of_range(void **state) {
    (void)state;
    struct fields f;
    char too_long[MC_ID_BYTES_MAX + 2];
    memset(too_long, 'u', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(result_of(good_fields), MC_STATE_OK);
    assert_int_equal(WITH(last_purchase, MC_TIME_NONE_US), MC_STATE_OK);
    assert_int_equal(WITH(price, MC_PRICE_MAX), MC_STATE_OK);
    assert_int_equal(WITH(last_purchase, -1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(last_purchase, MC_TIME_END_US), MC_STATE_MALFORMED);
    assert_int_equal(WITH(stamp, MC_TIME_NONE_US), MC_STATE_MALFORMED);
    assert_int_equal(WITH(stamp, INT64_MAX), MC_STATE_MALFORMED);
    assert_int_equal(WITH(opened, NOON - 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(opened, NOON + 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(first, NOON + 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(first, -1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(last, NOON - 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(last, MC_TIME_END_US), MC_STATE_MALFORMED);
    assert_int_equal(WITH(first_cart, NOON - 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(first_cart, NOON + 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(first_cart, MC_TIME_NONE_US), MC_STATE_MALFORMED); /* with items */
    assert_int_equal(WITH(has_purchase, 2), MC_STATE_MALFORMED);
    assert_int_equal(WITH(quantity, 0), MC_STATE_MALFORMED);
    assert_int_equal(WITH(quantity, INT64_MAX), MC_STATE_MALFORMED);
    assert_int_equal(WITH(price, -1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(price, MC_PRICE_MAX + 1), MC_STATE_MALFORMED);
    assert_int_equal(WITH(id, ""), MC_STATE_MALFORMED);
    assert_int_equal(WITH(id, too_long), MC_STATE_MALFORMED);
    assert_int_equal(WITH(session[0], "b"), MC_STATE_MALFORMED); /* twice */
    assert_int_equal(WITH(session[0], "c"), MC_STATE_MALFORMED); /* not in order */
    assert_int_equal(WITH(session[0], ""), MC_STATE_MALFORMED);
    assert_int_equal(WITH(product[0], "q"), MC_STATE_MALFORMED);
    assert_int_equal(WITH(product[0], "r"), MC_STATE_MALFORMED);
    assert_int_equal(WITH(product[1], too_long), MC_STATE_MALFORMED);
}

/* Spoilt bytes are refused, or are a state that encodes to themselves and goes on. */
static void spoilt_round(struct mc_rng *r) {
    struct mc_buf b = {0};
    size_t out_len;
    put_state(&b);
    for (uint64_t n = 1 + mc_rng_below(r, 3); n > 0; n--) {
        char *at = &b.data[mc_rng_below(r, b.len)];
        *at = chance(r, 30) ? (char)mc_rng_next(r) : (char)(chance(r, 50) ? *at + 1 : *at ^ (1 << mc_rng_below(r, 8)));
    }
    enum mc_state_result result = wake(mc_buf_view(&b), MC_TIME_NONE_US, &out_len);
    check(result == MC_STATE_OK || result == MC_STATE_MALFORMED);
    if (result == MC_STATE_OK) {
        check(out_len == b.len && memcmp(out_bytes, b.data, b.len) == 0);
        check(wake(mc_buf_view(&b), NOON + 3 * MC_DAY_US, &out_len) == MC_STATE_OK);
        check(wake(mc_buf_view(&b), MC_TIME_END_US - 1, &out_len) == MC_STATE_OK);
    }
    mc_buf_free(&b);
}

static void test_spoilt_bytes(void **state) {
    (void)state;
    rules = mc_rules_default();
    seed_rounds(60000, spoilt_round);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_a_state),
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_nothing_is_kept_of_a_late_view),
        cmocka_unit_test(test_the_stated_workspace_is_enough),
        cmocka_unit_test(test_any_smaller_workspace_is_answered),
        cmocka_unit_test(test_cut_or_longer),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_the_state_of_another),
        cmocka_unit_test(test_fields_out_of_range),
        cmocka_unit_test(test_spoilt_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

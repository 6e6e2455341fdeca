/* The clock of the log: transcripts, a naive second one, and bytes that are kept. */
#include "../base/seed.h"
#include "event/clock.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- transcripts: "tick SECONDS" or "USER SECONDS" -> clock and witnesses afterwards ---- */

struct line {
    const char *input, *expected;
};

static void show(const struct mc_clock *c, char *out) {
    out += mc_time_is_none(c->now) ? sprintf(out, "none") : sprintf(out, "%g", (double)c->now.us / 1e6);
    for (uint32_t i = 0; i < c->witness_count; i++)
        out += sprintf(out, " %.*s:%g", (int)c->witnesses[i].len, c->witnesses[i].user,
                       (double)c->witnesses[i].time.us / 1e6);
}

static void run(const struct line *lines) {
    struct mc_clock clock;
    mc_clock_init(&clock);
    for (; lines->input != NULL; lines++) {
        char user[16], shown[256];
        double seconds;
        assert_int_equal(sscanf(lines->input, "%15s %lf", user, &seconds), 2);
        struct mc_time time = {(int64_t)(seconds * 1e6 + 0.5)};
        if (strcmp(user, "tick") == 0)
            mc_clock_tick(&clock, time);
        else
            mc_clock_event(&clock, time, mc_str_of(user));
        show(&clock, shown);
        if (strcmp(shown, lines->expected) != 0)
            fail_msg("after '%s': %s, not %s", lines->input, shown, lines->expected);
    }
}

static void test_five_users_start_it(void **state) {
    (void)state;
    run((struct line[]){{"a 100", "none a:100"},
                        {"b 50", "none a:100 b:50"},
                        {"a 90", "none a:90 b:50"}, /* the smallest of its times */
                        {"a 300", "none a:90 b:50"},
                        {"c 5000", "none a:90 b:50 c:5000"},
                        {"d 110", "none a:90 b:50 c:5000 d:110"},
                        {"b 60", "none a:90 b:50 c:5000 d:110"},
                        {"e 110.000001", "50 c:5000 e:110"}, /* exactly 60 s ahead is forgotten, more is kept */
                        {0}});
}

static void test_near_events_move_it(void **state) {
    (void)state;
    run((struct line[]){{"tick 100", "100"},
                        {"a 160", "160"},              /* exactly a minute ahead is near */
                        {"a 220.000001", "160 a:220"}, /* a microsecond more is not */
                        {"b 150", "160"},              /* near: forgets witnesses, and does not move back */
                        {"b 161", "161"},
                        {0}});
}

static void test_a_wrong_clock_moves_nothing(void **state) {
    (void)state;
    run((struct line[]){{"tick 1000", "1000"},
                        {"w 9e8", "1000 w:9e+08"},
                        {"w 9e8", "1000 w:9e+08"},
                        {"a 1001", "1001"},
                        {"w 9e8", "1001 w:9e+08"},
                        {"b 5", "1001"}, /* late ones are near, too */
                        {0}});
}

static void test_a_quiet_night_ends(void **state) {
    (void)state;
    run((struct line[]){{"tick 1000", "1000"},
                        {"w 9e8", "1000 w:9e+08"},
                        {"a 30000", "1000 w:9e+08 a:30000"},
                        {"b 30010", "1000 w:9e+08 a:30000 b:30010"},
                        {"c 30100", "1000 w:9e+08 a:30000 b:30010 c:30100"},
                        {"d 30005", "30000 w:9e+08 c:30100"},
                        {"e 30050", "30050"},
                        {0}});
}

static void test_ticks(void **state) {
    (void)state;
    run((struct line[]){{"a 100", "none a:100"},
                        {"tick 10", "10"},
                        {"a 100", "10 a:100"},
                        {"tick 5", "10"}, /* never back, but witnesses are forgotten */
                        {"tick 1e9", "1e+09"},
                        {0}});
}

/* ---- a second clock: a list of pairs ---- */

struct naive {
    bool has_clock;
    int64_t now;
    int users[16];
    int64_t times[16];
    int count;
};

static bool naive_is_far(const struct naive *n, int64_t t) {
    return !n->has_clock || t - n->now > 60000000;
}

static void naive_event(struct naive *n, int user, int64_t t) {
    if (!naive_is_far(n, t)) {
        n->now = t > n->now ? t : n->now;
        n->count = 0;
        return;
    }
    int at = 0;
    while (at < n->count && n->users[at] != user)
        at++;
    if (at == n->count) {
        n->users[n->count] = user;
        n->times[n->count++] = t;
    } else if (t < n->times[at]) {
        n->times[at] = t;
    }
    if (n->count < 5)
        return;
    int64_t least = INT64_MAX;
    for (int i = 0; i < n->count; i++)
        least = n->times[i] < least ? n->times[i] : least;
    n->has_clock = true;
    n->now = least;
    int kept = 0;
    for (int i = 0; i < n->count; i++)
        if (naive_is_far(n, n->times[i])) {
            n->users[kept] = n->users[i];
            n->times[kept++] = n->times[i];
        }
    n->count = kept;
}

static void compare(const struct mc_clock *c, const struct naive *n) {
    check(n->has_clock ? c->now.us == n->now : mc_time_is_none(c->now));
    check(c->witness_count == (uint32_t)n->count);
    for (int i = 0; i < n->count; i++)
        check(c->witnesses[i].time.us == n->times[i] && c->witnesses[i].user[0] == 'a' + n->users[i]);
}

static void recode(struct mc_clock *clock) {
    struct mc_buf b = {0}, again = {0};
    struct mc_clock copy;
    mc_clock_encode(clock, &b);
    check(mc_clock_decode(&copy, mc_buf_view(&b)));
    mc_clock_encode(&copy, &again);
    check(mc_str_equal(mc_buf_view(&b), mc_buf_view(&again)));
    *clock = copy;
    mc_buf_free(&b);
    mc_buf_free(&again);
}

static void clock_round(struct mc_rng *r) {
    static const int64_t edges[] = {0, 1, 59999999, 60000000, 60000001, 120000000, 120000001, 3600000000};
    struct mc_clock clock;
    struct naive naive = {0};
    mc_clock_init(&clock);
    int64_t base = 1000 * MC_DAY_US;
    for (int i = 0; i < 300; i++) {
        int64_t from = chance(r, 80) && naive.has_clock ? naive.now : base;
        int64_t t = from + (chance(r, 15) ? -1 : 1) * edges[mc_rng_below(r, 8)] * (int64_t)(1 + mc_rng_below(r, 2));
        if (chance(r, 3)) {
            mc_clock_tick(&clock, (struct mc_time){t});
            naive.now = !naive.has_clock || t > naive.now ? t : naive.now;
            naive.has_clock = true;
            naive.count = 0;
        } else {
            char user = (char)('a' + mc_rng_below(r, 8));
            mc_clock_event(&clock, (struct mc_time){t}, (struct mc_str){&user, 1});
            naive_event(&naive, user - 'a', t);
        }
        compare(&clock, &naive);
        if (chance(r, 10))
            recode(&clock);
    }
}

static void test_equals_a_naive_clock(void **state) {
    (void)state;
    seed_rounds(3000, clock_round);
}

/* ---- bytes ---- */

static void make(struct mc_clock *clock, struct mc_buf *b) {
    char longest[MC_ID_BYTES_MAX];
    memset(longest, 'u', sizeof longest);
    mc_clock_init(clock);
    mc_clock_tick(clock, (struct mc_time){5 * MC_DAY_US});
    mc_clock_event(clock, (struct mc_time){6 * MC_DAY_US}, MC_STR("a"));
    mc_clock_event(clock, (struct mc_time){7 * MC_DAY_US}, (struct mc_str){longest, sizeof longest});
    mc_clock_encode(clock, b);
}

static void test_bytes_must_be_whole(void **state) {
    (void)state;
    struct mc_clock clock, other;
    struct mc_buf b = {0};
    make(&clock, &b);
    assert_true(mc_clock_decode(&other, mc_buf_view(&b)));
    for (size_t len = 0; len < b.len; len++)
        assert_false(mc_clock_decode(&other, (struct mc_str){b.data, len}));
    mc_buf_char(&b, 0);
    assert_false(mc_clock_decode(&other, mc_buf_view(&b)));
    b.len--;
    b.data[0]++;
    assert_false(mc_clock_decode(&other, mc_buf_view(&b)));
    mc_buf_free(&b);
}

/* Spoilt bytes are refused, or are a clock that goes on and encodes to themselves. */
static void spoilt_round(struct mc_rng *r) {
    struct mc_clock clock;
    struct mc_buf b = {0}, again = {0};
    make(&clock, &b);
    for (uint64_t i = 0; i <= mc_rng_below(r, 3); i++)
        b.data[mc_rng_below(r, chance(r, 70) ? 40 : b.len)] =
            (char)(chance(r, 50) ? mc_rng_next(r) : 0xFF * mc_rng_below(r, 2));
    if (mc_clock_decode(&clock, mc_buf_view(&b))) {
        mc_clock_encode(&clock, &again);
        check(mc_str_equal(mc_buf_view(&b), mc_buf_view(&again)));
        for (const char *user = "abcdefg"; *user != '\0'; user++)
            mc_clock_event(&clock, (struct mc_time){MC_TIME_END_US - 1}, (struct mc_str){user, 1});
        check(clock.witness_count < MC_CLOCK_WITNESSES && clock.now.us < MC_TIME_END_US);
    }
    mc_buf_free(&b);
    mc_buf_free(&again);
}

static void test_spoilt_bytes(void **state) {
    (void)state;
    seed_rounds(50000, spoilt_round);
}

static void test_fresh_clock_is_kept(void **state) {
    (void)state;
    struct mc_clock clock;
    mc_clock_init(&clock);
    recode(&clock);
    assert_true(mc_time_is_none(clock.now) && clock.witness_count == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_users_start_it),
        cmocka_unit_test(test_near_events_move_it),
        cmocka_unit_test(test_a_wrong_clock_moves_nothing),
        cmocka_unit_test(test_a_quiet_night_ends),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_equals_a_naive_clock),
        cmocka_unit_test(test_bytes_must_be_whole),
        cmocka_unit_test(test_spoilt_bytes),
        cmocka_unit_test(test_fresh_clock_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The mailer against a slow model, in simulated time: servers that answer anything, customers who buy or unsubscribe,
 * transactions that are rolled back, processes that are killed, all at random from a seed. After each commit the ledger
 * must say what the model says; the messages taken must be the model's, in its order. And whatever the model says: no
 * message is handed over twice but for counted unknowns, none is lost, no minute sees more than the rate. */
#include "outreach/sample.h"

#include "outreach/delays.h"
#include "outreach/shop.h"
#include "store/fault_vfs.h"

enum { MESSAGES = 70, STEPS = 220, LIST_MAX = 16 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS = 6 };
#else
enum { SEEDS = 24 };
#endif
static const int64_t start_us = 1764000000 * MC_SECOND_US;

enum state { NOT_YET, WAITING, READY, RETRY, SENDING, SENT, BOUNCED, UNKNOWN, FAILED, WITHHELD, TOO_LATE, STATES };

struct letter {
    enum state state;
    int64_t due_us, next_us;
    uint32_t attempts;
    bool gone; /* bought or unsubscribed */
};

/* What a transaction changes. */
struct books {
    struct letter letters[MESSAGES]; /* letter i is user i and outbox row i + 1 */
    size_t ended;
    int64_t takes_us[64 * MESSAGES];
    size_t takes;
    uint64_t sent;
};

struct world {
    struct mc_rng rng;
    char path[96];
    struct mc_mailer_settings settings;
    struct mc_ledger *ledger;
    struct mc_mailer *mailer;
    int64_t now_us, delay_us;
    struct books books, kept;
    /* the pause, which no transaction takes back */
    int64_t pause_us, paused_until_us, down_at_us, probe;
    uint32_t round;
    /* on their way */
    struct mc_outgoing *flying[LIST_MAX * 4];
    size_t flying_count;
    /* what servers saw */
    int accepted[MESSAGES], lost[MESSAGES]; /* lost: handed over, or not, and nobody will know */
    bool kind;                              /* from now on every server accepts */
};

static bool chance(struct world *w, unsigned percent) {
    return mc_rng_below(&w->rng, 100) < percent;
}

static int64_t below(struct world *w, int64_t bound) {
    return (int64_t)mc_rng_below(&w->rng, (uint64_t)bound);
}

/* ---- the model ---- */

static size_t count_in(const struct books *b, enum state state) {
    size_t count = 0;
    for (size_t i = 0; i < MESSAGES; i++)
        count += b->letters[i].state == state;
    return count;
}

static void model_claim(struct world *w) {
    for (size_t i = 0; i < w->books.ended; i++) {
        struct letter *l = &w->books.letters[i];
        if (l->state == WAITING && l->due_us <= w->now_us)
            l->state = l->gone ? WITHHELD : READY;
    }
}

static size_t model_room(const struct world *w, size_t max) {
    const struct books *b = &w->books;
    size_t room = max, flying = count_in(b, SENDING), in_flight = w->settings.in_flight_max;
    room = flying >= in_flight ? 0 : in_flight - flying < room ? in_flight - flying : room;
    if (w->settings.rate_per_minute > 0) {
        size_t recent = 0, rate = w->settings.rate_per_minute;
        for (size_t i = 0; i < b->takes; i++)
            recent += b->takes_us[i] / MC_SECOND_US >= w->now_us / MC_SECOND_US - 60;
        room = recent >= rate ? 0 : rate - recent < room ? rate - recent : room;
    }
    if (w->pause_us > 0)
        room = w->now_us < w->paused_until_us || w->probe != 0 ? 0 : room > 0;
    return room;
}

static struct letter *model_newest(struct world *w) {
    struct letter *newest = NULL;
    for (size_t i = 0; i < w->books.ended; i++) {
        struct letter *l = &w->books.letters[i];
        bool can = l->state == READY || (l->state == RETRY && l->next_us <= w->now_us);
        if (can && (newest == NULL || l->due_us >= newest->due_us))
            newest = l;
    }
    return newest;
}

/* The ids that a take must give. */
static size_t model_take(struct world *w, size_t max, int64_t ids[LIST_MAX]) {
    struct letter *l;
    size_t taken = 0;
    for (size_t i = 0; i < w->books.ended; i++) {
        l = &w->books.letters[i];
        if ((l->state == READY || l->state == RETRY) && w->settings.too_late_after_us > 0 &&
            w->now_us > l->due_us + w->settings.too_late_after_us)
            l->state = TOO_LATE;
    }
    size_t room = model_room(w, max);
    while (taken < room && (l = model_newest(w)) != NULL) {
        l->state = l->gone ? WITHHELD : SENDING;
        if (l->gone)
            continue;
        l->attempts++;
        ids[taken++] = l - w->books.letters + 1;
        w->books.takes_us[w->books.takes++] = w->now_us;
    }
    if (taken > 0 && w->pause_us > 0)
        w->probe = ids[taken - 1];
    return taken;
}

static void model_retry(struct letter *l, const struct mc_answer *a, int64_t at_us) {
    int64_t wait_us = MC_MINUTE_US;
    for (uint32_t i = 1; i < l->attempts && wait_us < MC_HOUR_US; i++)
        wait_us *= 2;
    if (a->retry_after_us > wait_us)
        wait_us = a->retry_after_us;
    l->next_us = at_us + (wait_us < MC_HOUR_US ? wait_us : MC_HOUR_US);
    l->state = l->attempts >= MC_ATTEMPTS_MAX ? FAILED : RETRY;
}

static void model_postpone(struct letter *l, int64_t next_us) {
    l->state = RETRY;
    l->attempts--;
    l->next_us = next_us;
}

static void model_pause(struct world *w, const struct mc_outgoing *o) {
    bool newest = o->round == w->round;
    if (w->probe == o->id)
        w->probe = 0;
    if ((o->answer.outcome == MC_OUTCOME_DOWN || o->answer.outcome == MC_OUTCOME_REFUSED) && newest) {
        w->pause_us = w->pause_us == 0                        ? MC_PAUSE_FIRST_US
                      : 2 * w->pause_us < MC_PAUSE_LONGEST_US ? 2 * w->pause_us
                                                              : MC_PAUSE_LONGEST_US;
        w->down_at_us = o->answered_at.us;
        w->paused_until_us = w->down_at_us + w->pause_us;
        w->round++;
    } else if (o->answer.outcome == MC_OUTCOME_ACCEPTED && (newest || o->answered_at.us > w->down_at_us)) {
        w->pause_us = w->paused_until_us = w->probe = 0;
    }
}

static void model_settle(struct world *w, const struct mc_outgoing *o) {
    struct letter *l = &w->books.letters[o->id - 1];
    int64_t at_us = o->answered_at.us;
    if (l->state != SENDING)
        return;
    switch (o->answer.outcome) {
    case MC_OUTCOME_ACCEPTED:
        l->state = SENT;
        w->books.sent++;
        break;
    case MC_OUTCOME_BOUNCED:
        l->state = o->channel == MC_CHANNEL_WEBHOOK ? FAILED : BOUNCED;
        break;
    case MC_OUTCOME_UNKNOWN:
        l->state = UNKNOWN;
        if (w->settings.resend_unknown)
            model_retry(l, &o->answer, at_us);
        break;
    case MC_OUTCOME_DOWN:
        model_postpone(l, at_us + MC_PAUSE_FIRST_US);
        break;
    case MC_OUTCOME_NOT_TRIED:
        model_postpone(l, at_us);
        break;
    default:
        model_retry(l, &o->answer, at_us);
    }
    model_pause(w, o);
}

/* ---- what is checked whatever the model says ---- */

static void check_takes(const struct world *w, struct mc_outgoing *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct letter *l = &w->books.letters[list[i]->id - 1];
        assert_false(l->gone);
        assert_int_equal(list[i]->due_at.us, l->due_us);
        assert_int_equal(list[i]->attempts, l->attempts);
        assert_true(w->settings.too_late_after_us == 0 || w->now_us <= l->due_us + w->settings.too_late_after_us);
        assert_true(i == 0 || list[i - 1]->due_at.us > list[i]->due_at.us ||
                    (list[i - 1]->due_at.us == list[i]->due_at.us && list[i - 1]->id > list[i]->id));
    }
}

static void check_rate(const struct world *w) {
    const struct books *b = &w->books;
    for (size_t i = 0; i < b->takes && w->settings.rate_per_minute > 0; i++) {
        size_t in_minute = 0;
        for (size_t k = i; k < b->takes && b->takes_us[k] <= b->takes_us[i] + MC_MINUTE_US; k++)
            in_minute++;
        assert_true(in_minute <= w->settings.rate_per_minute);
    }
}

static void check_ledger(struct world *w) {
    struct mc_report r;
    struct mc_error e = {0};
    const struct books *b = &w->books;
    must(mc_report_read(w->ledger, &r, &e), &e);
    assert_int_equal(r.messages[MC_MESSAGE_WAITING], count_in(b, WAITING));
    assert_int_equal(r.messages[MC_MESSAGE_CLAIMED], count_in(b, READY));
    assert_int_equal(r.messages[MC_MESSAGE_RETRY], count_in(b, RETRY));
    assert_int_equal(r.messages[MC_MESSAGE_SENDING], count_in(b, SENDING));
    assert_int_equal(r.messages[MC_MESSAGE_SENT], count_in(b, SENT));
    assert_int_equal(r.messages[MC_MESSAGE_BOUNCED], count_in(b, BOUNCED));
    assert_int_equal(r.messages[MC_MESSAGE_UNKNOWN], count_in(b, UNKNOWN));
    assert_int_equal(r.messages[MC_MESSAGE_FAILED], count_in(b, FAILED));
    assert_int_equal(r.messages[MC_MESSAGE_WITHHELD], count_in(b, WITHHELD) + count_in(b, TOO_LATE));
    assert_int_equal(r.withheld_too_late, count_in(b, TOO_LATE));
}

/* ---- the world ---- */

static void open_all(struct world *w) {
    struct mc_error e = {0};
    struct mc_policy policy;
    w->ledger = shop_open(w->path, false, "fault");
    policy = *mc_ledger_policy(w->ledger);
    policy.delay_us = w->delay_us;
    must(mc_ledger_set_policy(w->ledger, &policy, &e), &e);
    must(mc_mailer_open(&w->mailer, w->ledger, &w->settings, &e), &e);
}

static struct mc_wall simulated = {0};

static struct mc_wall simulated_clock(void) {
    return simulated;
}

/* A killed process: what was on its way is gone, and whether a server has it nobody will know. */
static void kill_and_reopen(struct world *w) {
    mc_mailer_close(&w->mailer);
    mc_ledger_close(&w->ledger);
    w->books = w->kept;
    for (size_t i = 0; i < w->flying_count; i++)
        mc_outgoing_free(&w->flying[i]);
    w->flying_count = 0;
    w->pause_us = w->paused_until_us = w->down_at_us = w->probe = 0;
    w->round = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        struct letter *l = &w->books.letters[i];
        if (l->state != SENDING)
            continue;
        w->lost[i]++;
        l->state = w->settings.resend_unknown ? RETRY : UNKNOWN;
        l->next_us = w->now_us;
    }
    w->kept = w->books;
    open_all(w);
}

static void answer(struct world *w, struct mc_outgoing *o) {
    enum mc_delivery_outcome any = (enum mc_delivery_outcome)below(w, MC_OUTCOMES);
    bool well = w->kind || chance(w, 40);
    o->answer = (struct mc_answer){.outcome = well ? MC_OUTCOME_ACCEPTED : any, .text = "words"};
    if (o->answer.outcome == MC_OUTCOME_RETRY && chance(w, 30))
        o->answer.retry_after_us = below(w, MC_HOUR_US + 1);
    o->answered_at.us = w->now_us;
    w->accepted[o->id - 1] += o->answer.outcome == MC_OUTCOME_ACCEPTED;
    w->lost[o->id - 1] += o->answer.outcome == MC_OUTCOME_UNKNOWN;
}

/* Some of what is on its way is answered: those move to the front; returns how many. */
static size_t servers_answer(struct world *w) {
    size_t answered = 0;
    for (size_t i = 0; i < w->flying_count; i++) {
        struct mc_outgoing *o = w->flying[i];
        if (o->answered_at.us == 0 && !w->kind && chance(w, 40))
            continue;
        if (o->answered_at.us == 0)
            answer(w, o);
        w->flying[i] = w->flying[answered];
        w->flying[answered++] = o;
    }
    return answered;
}

static void carts_end(struct world *w, int64_t since_us) {
    struct mc_error e = {0};
    for (int64_t more = w->kind ? 0 : below(w, 4); more > 0 && w->books.ended < MESSAGES; more--) {
        size_t i = w->books.ended++;
        int64_t last_us = i > 0 ? w->books.letters[i - 1].due_us - w->delay_us : 0;
        int64_t expires_us = since_us + 1 + below(w, w->now_us - since_us);
        expires_us = expires_us > last_us ? expires_us : last_us; /* carts end in order; some at the same instant */
        w->books.letters[i] = (struct letter){.state = WAITING, .due_us = expires_us + w->delay_us};
        shop_abandon(w->ledger, (int)i, expires_us);
    }
    must(mc_ledger_advance(w->ledger, (struct mc_time){w->now_us}, &e), &e);
}

static void customers_leave(struct world *w) {
    struct mc_error e = {0};
    const char *refused;
    char user[16], email[32];
    for (size_t i = 0; i < w->books.ended; i++) {
        struct letter *l = &w->books.letters[i];
        if (l->gone || l->state == NOT_YET || l->state >= SENT || w->kind || !chance(w, 2))
            continue;
        l->gone = true;
        shop_user(user, (int)i);
        snprintf(email, sizeof email, "%s@example.com", user);
        struct mc_purchase bought = {.user = mc_str_of(user),
                                     .product = MC_STR("other"),
                                     .user_hash = mc_hash64(user, strlen(user)),
                                     .time = {w->now_us},
                                     .clock = {w->now_us},
                                     .quantity = 1,
                                     .price = 1};
        if (chance(w, 50))
            must(mc_ledger_put_purchase(w->ledger, &bought, &e), &e);
        else
            must(mc_suppression_put(w->ledger, mc_str_of(email), MC_UNSUBSCRIBED, simulated, &refused, &e), &e);
    }
}

static void settle(struct world *w, size_t answered) {
    struct mc_error e = {0};
    must(mc_mailer_settle(w->mailer, w->flying, answered, &e), &e);
    for (size_t i = 0; i < answered; i++)
        model_settle(w, w->flying[i]);
    if (chance(w, 10)) /* again: nothing happens */
        must(mc_mailer_settle(w->mailer, w->flying, answered, &e), &e);
}

static size_t take(struct world *w, struct mc_outgoing *list[LIST_MAX]) {
    struct mc_error e = {0};
    int64_t expected[LIST_MAX];
    size_t max = 1 + (size_t)below(w, LIST_MAX), count;
    must(mc_mailer_take(w->mailer, (struct mc_wall){w->now_us}, list, max, &count, &e), &e);
    assert_int_equal(count, model_take(w, max, expected));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(list[i]->id, expected[i]);
    check_takes(w, list, count);
    return count;
}

static void commit(struct world *w, size_t answered, struct mc_outgoing *const *list, size_t count) {
    struct mc_error e = {0};
    must(mc_ledger_commit(w->ledger, &e), &e);
    for (size_t i = 0; i < answered; i++)
        mc_outgoing_free(&w->flying[i]);
    w->flying_count -= answered;
    memmove(w->flying, w->flying + answered, w->flying_count * sizeof *w->flying);
    for (size_t i = 0; i < count; i++)
        w->flying[w->flying_count++] = list[i];
    w->kept = w->books;
    check_rate(w);
    check_ledger(w);
}

static void roll_back(struct world *w, struct mc_outgoing **list, size_t count) {
    struct mc_error e = {0};
    must(mc_ledger_rollback(w->ledger, &e), &e);
    mc_mailer_abandoned(w->mailer);
    w->probe = 0;
    for (size_t i = 0; i < count; i++)
        mc_outgoing_free(&list[i]);
    w->books = w->kept;
}

static void step(struct world *w) {
    struct mc_error e = {0};
    struct mc_outgoing *list[LIST_MAX];
    int64_t since_us = w->now_us;
    w->now_us += 1 + below(w, chance(w, 3) ? MC_HOUR_US : chance(w, 50) ? MC_SECOND_US : MC_MINUTE_US);
    simulated.us = w->now_us;
    size_t answered = servers_answer(w);
    must(mc_ledger_begin(w->ledger, &e), &e);
    settle(w, answered);
    model_claim(w); /* those of before, with what was known then */
    carts_end(w, since_us);
    model_claim(w);
    customers_leave(w);
    size_t count = take(w, list);
    if (chance(w, 12))
        roll_back(w, list, count);
    else
        commit(w, answered, list, count);
    if (!w->kind && chance(w, 4))
        kill_and_reopen(w);
}

/* ---- the end ---- */

static bool all_done(const struct world *w) {
    const struct books *b = &w->books;
    return count_in(b, WAITING) + count_in(b, READY) + count_in(b, RETRY) + count_in(b, SENDING) == 0;
}

static void check_once(const struct world *w) {
    for (size_t i = 0; i < w->books.ended; i++) {
        const struct letter *l = &w->books.letters[i];
        int again = w->settings.resend_unknown ? w->lost[i] : 0;
        assert_true(w->accepted[i] <= 1 + again);
        assert_true(l->state != SENT || w->accepted[i] >= 1);
        assert_true(l->state != UNKNOWN || w->lost[i] >= 1);
        assert_true(l->state != WITHHELD || l->gone);
    }
}

static void check_delays(struct world *w) {
    struct mc_error e = {0};
    struct mc_histogram hour, all = {0};
    for (int64_t at_us = start_us; at_us < w->now_us + MC_HOUR_US; at_us += MC_HOUR_US) {
        must(mc_delays_read(w->ledger, (struct mc_wall){at_us}, &hour, &e), &e);
        mc_histogram_merge(&all, &hour);
    }
    assert_int_equal(all.count, w->books.sent);
}

static void set_up_world(struct world *w, uint64_t seed) {
    mc_rng_seed(&w->rng, seed);
    w->now_us = start_us;
    simulated.us = start_us;
    w->delay_us = chance(w, 50) ? 0 : 10 * MC_MINUTE_US;
    w->settings = shop_settings();
    w->settings.clock = simulated_clock;
    w->settings.smtp.url = seed % 3 != 0 ? "smtp://127.0.0.1:1" : "";
    w->settings.webhook.url = seed % 3 == 0 ? "https://shop.example/hook" : "";
    w->settings.webhook.secret = "a secret of 16 bytes";
    w->settings.resend_unknown = chance(w, 30);
    w->settings.too_late_after_us = chance(w, 60) ? MC_HOUR_US : 0;
    w->settings.rate_per_minute = chance(w, 50) ? 1 + (uint32_t)below(w, 6) : 0;
    w->settings.in_flight_max = 1 + (uint32_t)below(w, 12);
    open_all(w);
    struct mc_error e = {0};
    must(mc_ledger_begin(w->ledger, &e), &e);
    for (int i = 0; i < MESSAGES; i++)
        shop_subscribe(w->ledger, i);
    must(mc_ledger_commit(w->ledger, &e), &e);
    w->kept = w->books;
}

static void as_the_model_says(void **state) {
    (void)state;
    const char *dir = temp_dir();
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = calloc(1, sizeof *w);
        assert_non_null(w);
        snprintf(w->path, sizeof w->path, "%s/%u", dir, (unsigned)seed);
        print_message("seed %u\n", (unsigned)seed);
        set_up_world(w, seed);
        for (int i = 0; i < STEPS; i++)
            step(w);
        w->kind = true;
        for (int i = 0; !all_done(w); i++) {
            assert_true(i < 2000);
            step(w);
        }
        check_once(w);
        check_delays(w);
        mc_mailer_close(&w->mailer);
        mc_ledger_close(&w->ledger);
        temp_remove(w->path);
        free(w);
    }
    rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_model_says)};
    return cmocka_run_group_tests(tests, fault_prepare, NULL);
}

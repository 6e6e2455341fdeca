/* The live service's line of thought in simulated time: whatever is killed, wherever it commits, however the clocks go,
 * the log gives one ledger, and it is the one of the slow rules. */
#include "live_shop.h"

#include "../store/fault_vfs.h"
#include "app/store_summary.h"
#include "live_model.h"

enum { STEPS = 90 };

static int make_folder(void **state) {
    const char *temporary = getenv("TMPDIR");
    int failed = fault_prepare(state);
    sqlite3_vfs_register(&fault_layer, 1); /* for all: no waiting for the disk, and faults in the log too */
    snprintf(shop_folder, sizeof shop_folder, "%.40s/mc_live_XXXXXX", temporary ? temporary : "/tmp");
    return failed || mkdtemp(shop_folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    empty_folder(shop_folder);
    return rmdir(shop_folder);
}

/* ---- runs ---- */

/* What may happen after an entry, in percent. */
struct plan {
    uint64_t seed;
    unsigned commit, checkpoint, kill, again;
};

/* What those who watch were told. */
struct told {
    int64_t units;
    __int128 revenue;
};

static void tell(struct live_shop *s, struct told *told) {
    size_t count;
    const struct mc_live_sale *sales = mc_live_sales(s->live, &count);
    for (size_t i = 0; i < count; i++) {
        check(sales[i].product.len == 2 && sales[i].product.data[0] == 'p');
        check(i == 0 || sales[i].position >= sales[i - 1].position);
        told->units += sales[i].units;
        told->revenue += sales[i].revenue;
    }
    mc_live_forget_sales(s->live);
}

static void between(struct live_shop *s, const struct log_stream *log, int64_t position, const struct plan *p,
                    struct mc_rng *r, struct told *told) {
    struct mc_error e = {0};
    if (chance(r, p->commit)) {
        must(mc_live_commit(s->live, &e), &e);
        tell(s, told);
    }
    if (chance(r, p->checkpoint)) {
        must(mc_live_checkpoint(s->live, &e), &e);
        check(mc_live_events_since_checkpoint(s->live) == 0);
        tell(s, told);
    }
    if (chance(r, p->kill)) {
        shop_kill(s);
        check(mc_live_position(s->live) == mc_inbox_last(s->inbox) && !mc_ledger_in_transaction(s->ledger));
        tell(s, told); /* open leaves all that it recovered committed */
    }
    if (chance(r, p->again) && position > 0) { /* an old entry changes nothing */
        int64_t last = mc_live_position(s->live);
        bool writing = mc_ledger_in_transaction(s->ledger);
        must(shop_take(s, &log->entries[mc_rng_below(r, (uint64_t)position)], &e), &e);
        check(mc_live_position(s->live) == last && mc_ledger_in_transaction(s->ledger) == writing);
    }
}

/* The whole log, appended a few entries at a time and taken one by one; closed with a checkpoint. */
static void run_log(struct live_shop *s, const struct log_stream *log, const struct plan *p) {
    struct mc_error e = {0};
    struct mc_rng r;
    struct told told = {0};
    mc_rng_seed(&r, p->seed);
    shop_start(s, shop_path());
    for (size_t from = 0, next; from < log->count; from = next) {
        next = from + 1 + mc_rng_below(&r, 5);
        next = next < log->count ? next : log->count;
        must(shop_append(s, log->entries + from, next - from, &e), &e);
        between(s, log, (int64_t)from, p, &r, &told);
        for (size_t i = from; i < next; i++) {
            must(shop_take(s, &log->entries[i], &e), &e);
            check(mc_live_position(s->live) >= log->entries[i].position);
            between(s, log, (int64_t)i + 1, p, &r, &told);
        }
    }
    must(mc_live_checkpoint(s->live, &e), &e);
    tell(s, &told);
    check(told.units == shop_number(s->path, "SELECT coalesce(sum(units),0) FROM sale"));
    check(told.revenue == shop_number(s->path, "SELECT coalesce(sum(revenue_minor),0) FROM sale"));
}

static struct shop_digest digest_of_run(const struct log_stream *log, uint64_t seed, struct plan p) {
    struct live_shop s;
    shop_init(&s, seed);
    run_log(&s, log, &p);
    shop_close(&s);
    struct shop_digest d = shop_look(s.path);
    shop_remove(s.path);
    return d;
}

static const struct plan straight = {.seed = 1};

/* ---- killed, committed, told twice ---- */

static void kills_round(struct mc_rng *r) {
    struct log_stream log = stream_make(r, STEPS, false, false);
    struct shop_digest want = digest_of_run(&log, seed_now, straight);
    struct plan p = {.seed = mc_rng_next(r), .commit = 20, .checkpoint = 4, .kill = 12, .again = 10};
    struct shop_digest got = digest_of_run(&log, seed_now, p);
    same_store(&want, &got, "killed at random");
    stream_free(&log);
}

static void test_kills_do_not_matter(void **state) {
    (void)state;
    seed_rounds(4, kills_round);
}

/* At every entry, with what the last checkpoint left behind it. */
static void test_killed_at_every_entry(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, seed_now = 77);
    struct log_stream log = stream_make(&r, STEPS / 3, false, false);
    struct shop_digest want = digest_of_run(&log, 77, straight);
    for (unsigned checkpoint = 0; checkpoint <= 10; checkpoint += 10) {
        struct plan p = {.seed = 3, .commit = 30, .checkpoint = checkpoint, .kill = 100};
        struct shop_digest got = digest_of_run(&log, 77, p);
        same_store(&want, &got, "killed at every entry");
    }
    stream_free(&log);
}

static void commits_round(struct mc_rng *r) {
    static const struct plan plans[] = {
        {.seed = 1, .commit = 100}, {.seed = 2, .checkpoint = 100}, {.seed = 3, .commit = 15, .checkpoint = 5}};
    struct log_stream log = stream_make(r, STEPS, false, false);
    struct shop_digest want = digest_of_run(&log, seed_now, straight);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct shop_digest got = digest_of_run(&log, seed_now, plans[i]);
        same_store(&want, &got, "commits elsewhere");
    }
    stream_free(&log);
}

static void test_commits_do_not_matter(void **state) {
    (void)state;
    seed_rounds(3, commits_round);
}

/* The whole log again, and the whole log at one open. */
static void test_old_entries_change_nothing(void **state) {
    (void)state;
    struct mc_rng r;
    struct mc_error e = {0};
    struct live_shop s;
    mc_rng_seed(&r, seed_now = 5);
    struct log_stream log = stream_make(&r, STEPS, false, false);
    shop_init(&s, 5);
    run_log(&s, &log, &straight);
    struct shop_digest want = shop_look(s.path);
    for (size_t i = 0; i < log.count; i++)
        must(shop_take(&s, &log.entries[i], &e), &e);
    check(!mc_ledger_in_transaction(s.ledger));
    must(mc_live_commit(s.live, &e), &e);
    struct shop_digest again = shop_look(s.path);
    same_store(&want, &again, "taken twice");
    shop_close(&s);

    for (const char *const *tail = (const char *const[]){"", "-wal", "-shm", NULL}; *tail != NULL; tail++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", s.path, *tail);
        unlink(name);
    }
    must(shop_open(&s, &e), &e); /* the log alone is left */
    check(s.recovered == log.count && mc_live_position(s.live) == (int64_t)log.count);
    must(mc_live_checkpoint(s.live, &e), &e);
    shop_close(&s);
    struct shop_digest from_log = shop_look(s.path);
    same_store(&want, &from_log, "from the log alone");
    shop_remove(s.path);
    stream_free(&log);
}

/* ---- where a body ends ---- */

static struct shop_digest digest_of_seed(uint64_t seed, bool alone) {
    struct mc_rng r;
    mc_rng_seed(&r, seed);
    struct log_stream log = stream_make(&r, STEPS, true, alone);
    struct shop_digest d = digest_of_run(&log, seed, straight);
    stream_free(&log);
    return d;
}

/* Calls in one body are the calls one by one: for all but the places of rejects and the position. */
static void bodies_round(struct mc_rng *r) {
    (void)r;
    struct shop_digest together = digest_of_seed(seed_now, false), alone = digest_of_seed(seed_now, true);
    for (int i = 0; i < SHOP_TABLES; i++)
        if (strstr(shop_tables[i], "counter") == NULL && strstr(shop_tables[i], "reject") == NULL) {
            if (together.of[i] != alone.of[i])
                print_error("differs: %s\n", shop_tables[i]);
            check(together.of[i] == alone.of[i]);
        }
}

static void test_where_a_body_ends_does_not_matter(void **state) {
    (void)state;
    seed_rounds(6, bodies_round);
}

/* ---- the rules ---- */

static void model_round(struct mc_rng *r) {
    struct mc_error e = {0};
    struct log_stream log = stream_make(r, 2 * STEPS, false, false);
    struct live_shop s;
    struct model *m = model_open(&s);
    struct mc_store_summary summary = {0};
    shop_init(&s, seed_now);
    s.policy.holdout_ppm = 0;
    run_log(&s, &log, &(struct plan){.seed = seed_now, .commit = 20, .checkpoint = 2});
    for (size_t i = 0; i < log.count; i++) {
        if (has_calls(&log.entries[i]))
            shop_decode(&s, &log.entries[i]);
        model_take(m, &log.entries[i], &s.calls);
    }
    must(mc_store_summary_read(s.ledger, false, &summary, &e), &e);
    model_compare(m, s.ledger, &summary.figures);
    for (size_t i = 0; i < summary.check_count; i++)
        check(summary.checks[i].result != MC_CHECK_BROKEN);
    check(summary.figures.rows == summary.figures.accepted + mc_summary_rejected(&summary.figures));
    mc_store_summary_free(&summary);
    model_close(m);
    shop_close(&s);
    shop_remove(s.path);
    stream_free(&log);
}

static void test_the_ledger_is_that_of_the_slow_rules(void **state) {
    (void)state;
    seed_rounds(8, model_round);
    if (getenv("MC_SEED") != NULL)
        return;
    for (int i = MC_PURCHASED; i <= MC_SEND; i++) /* all came up */
        check(i == MC_HOLDOUT || model_met[i] > 0);
    check(model_met_withheld[MC_PURCHASED] > 0 && model_met_withheld[MC_CAPPED] > 0);
    check(model_met_withheld[MC_STALE] > 0);
}

/* ---- persons, from their place in the log ---- */

/* A log of literal entries, at seconds behind the start. */
static void say(struct log_stream *log, int64_t second, const char *body) {
    stream_body(log, MC_ENTRY_NATIVE, true, LOG_START_US + second * MC_SECOND_US, mc_str_of(body));
}

static void cart_of(struct log_stream *log, const char *user, int64_t second) {
    struct mc_buf b = {0};
    mc_buf_printf(&b,
                  "{\"event_type\":\"cart\",\"user_id\":\"%s\",\"user_session\":\"s\",\"product_id\":\"p1\","
                  "\"price\":\"9\",\"event_time\":\"",
                  user);
    mc_buf_time(&b, LOG_START_US + second * MC_SECOND_US);
    mc_buf_text(&b, "\"}");
    say(log, second, mc_buf_cstr(&b));
    mc_buf_free(&b);
}

static void tick_at(struct log_stream *log, int64_t second) {
    stream_tick(log, LOG_START_US + second * MC_SECOND_US);
}

static void run_literal_delayed(struct live_shop *s, struct log_stream *log, int64_t delay_us) {
    stream_settle(log);
    shop_init(s, 0);
    s->policy.delay_us = delay_us;
    s->policy.cap_window_us = MC_DAY_US;
    s->settings.rules.minimum = 0;
    run_log(s, log, &straight);
    stream_free(log);
}

static void run_literal(struct live_shop *s, struct log_stream *log) {
    run_literal_delayed(s, log, 0);
}

static int64_t decision_of_user(const struct live_shop *s, const char *user) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT coalesce(max(decision),-1) FROM cart WHERE user_id='%s'", user);
    return shop_number(s->path, sql);
}

static int64_t withheld_of_user(const struct live_shop *s, const char *user) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT coalesce(max(withheld),-1) FROM outbox WHERE user_id='%s'", user);
    return shop_number(s->path, sql);
}

static void end_shop(struct live_shop *s) {
    shop_close(s);
    shop_remove(s->path);
}

static const char identify_u1[] = "{\"type\":\"identify\",\"user_id\":\"u1\",\"traits\":{\"email\":\"u1@example.com\","
                                  "\"consent\":true}}";

enum { GAP_S = 1800 };

/* The cart ends at the tick: an address that comes with the entry behind it is too late, one before it is not. */
static void test_identify_counts_from_its_place(void **state) {
    (void)state;
    for (int late = 0; late <= 1; late++) {
        struct log_stream log = {0};
        struct live_shop s;
        cart_of(&log, "u1", 0);
        if (!late)
            say(&log, GAP_S, identify_u1);
        tick_at(&log, GAP_S);
        if (late)
            say(&log, GAP_S, identify_u1);
        run_literal(&s, &log);
        check(decision_of_user(&s, "u1") == (late ? MC_NO_ADDRESS : MC_SEND));
        end_shop(&s);
    }
}

/* A body of two calls: a view by u2 that moves the clock to the second, and one about a person. */
static void say_with_view(struct log_stream *log, int64_t second, bool view_first, const char *person) {
    struct mc_buf view = {0}, body = {0};
    mc_buf_text(&view, "{\"event_type\":\"view\",\"user_id\":\"u2\",\"user_session\":\"s\",\"product_id\":\"p1\","
                       "\"event_time\":\"");
    mc_buf_time(&view, LOG_START_US + second * MC_SECOND_US);
    mc_buf_text(&view, "\"}");
    const char *event = mc_buf_cstr(&view);
    mc_buf_printf(&body, "%s\n%s\n", view_first ? event : person, view_first ? person : event);
    say(log, second, mc_buf_cstr(&body));
    mc_buf_free(&view);
    mc_buf_free(&body);
}

/* The same within one body, whose event ends the cart. */
static void test_identify_counts_within_a_body(void **state) {
    (void)state;
    for (int late = 0; late <= 1; late++) {
        struct log_stream log = {0};
        struct live_shop s;
        cart_of(&log, "u1", 0);
        tick_at(&log, GAP_S - 1);
        say_with_view(&log, GAP_S, late, identify_u1);
        run_literal(&s, &log);
        check(decision_of_user(&s, "u1") == (late ? MC_NO_ADDRESS : MC_SEND));
        end_shop(&s);
    }
}

/* And for the second check: the event makes the message due, the call takes consent back. */
static void test_consent_counts_up_to_the_second_check(void **state) {
    (void)state;
    static const char no[] = "{\"type\":\"identify\",\"user_id\":\"u1\",\"traits\":{\"consent\":false}}";
    for (int late = 0; late <= 1; late++) {
        struct log_stream log = {0};
        struct live_shop s;
        say(&log, 0, identify_u1);
        cart_of(&log, "u1", 0);
        tick_at(&log, GAP_S + 9);
        say_with_view(&log, GAP_S + 10, late, no);
        run_literal_delayed(&s, &log, 10 * MC_SECOND_US);
        check(decision_of_user(&s, "u1") == MC_SEND);
        check(withheld_of_user(&s, "u1") == (late ? -1 : MC_NO_CONSENT));
        end_shop(&s);
    }
}

/* An unsubscription before the second check withholds the message; whoever has another address is written to. */
static void test_an_unsubscription_withholds_what_waits(void **state) {
    (void)state;
    static const struct mc_str addresses[] = {MC_STR("u1@example.com"), MC_STR("U1@EXAMPLE.COM"),
                                              MC_STR("u9@example.com")};
    for (int i = 0; i < 3; i++) {
        struct log_stream log = {0};
        struct live_shop s;
        say(&log, 0, identify_u1);
        cart_of(&log, "u1", 0);
        tick_at(&log, GAP_S + 1);
        stream_unsubscribe(&log, LOG_START_US + (GAP_S + 2) * MC_SECOND_US, addresses[i]);
        tick_at(&log, GAP_S + 20);
        run_literal_delayed(&s, &log, 10 * MC_SECOND_US);
        check(decision_of_user(&s, "u1") == MC_SEND);
        check(withheld_of_user(&s, "u1") == (i < 2 ? MC_SUPPRESSED : -1));
        end_shop(&s);
    }
}

/* Appends, takes and commits them behind what is there; no checkpoint. */
static void take_more(struct live_shop *s, struct log_stream *log) {
    struct mc_error e = {0};
    int64_t last = mc_inbox_last(s->inbox);
    stream_settle(log);
    for (size_t i = 0; i < log->count; i++) {
        log->entries[i].position = ++last;
        must(shop_append(s, &log->entries[i], 1, &e), &e);
        must(shop_take(s, &log->entries[i], &e), &e);
    }
    must(mc_live_commit(s->live, &e), &e);
    stream_free(log);
}

/* Killed, and started with another gap: what was taken by the old rules ends by them, once. */
static void test_new_rules_hold_from_the_kill_on(void **state) {
    (void)state;
    for (int64_t gap_s = GAP_S / 2; gap_s <= 2 * GAP_S; gap_s += GAP_S / 2) {
        struct log_stream log = {0}, more = {0};
        struct live_shop s;
        shop_init(&s, 0);
        shop_start(&s, shop_path());
        say(&log, 0, identify_u1);
        cart_of(&log, "u1", 0);
        tick_at(&log, GAP_S + 1);
        take_more(&s, &log);
        s.settings.rules.gap_us = gap_s * MC_SECOND_US;
        shop_kill(&s);
        check(s.recovered == 3);
        cart_of(&more, "u2", GAP_S + 10);
        tick_at(&more, GAP_S + 10 + gap_s);
        take_more(&s, &more);
        check(shop_number(s.path, "SELECT count(*) FROM cart") == 2);
        check(shop_number(s.path, "SELECT expires_at-last_at FROM cart WHERE user_id='u1'") == GAP_S * MC_SECOND_US);
        check(shop_number(s.path, "SELECT expires_at-last_at FROM cart WHERE user_id='u2'") == gap_s * MC_SECOND_US);
        end_shop(&s);
    }
}

/* Two ids with an address each, linked or not: the second cart is capped at the second check, and a purchase of the
 * one withholds the other's message. */
static void test_alias_makes_one_person(void **state) {
    (void)state;
    static const char identify_u2[] = "{\"type\":\"identify\",\"user_id\":\"u2\",\"traits\":{\"email\":"
                                      "\"u2@example.com\",\"consent\":true}}";
    static const char alias[] = "{\"type\":\"alias\",\"user_id\":\"u1\",\"previous_id\":\"u2\"}";
    for (int linked = 0; linked <= 1; linked++) {
        struct log_stream log = {0};
        struct live_shop s;
        say(&log, 0, identify_u1);
        say(&log, 0, identify_u2);
        cart_of(&log, "u1", 0);
        cart_of(&log, "u2", 60);
        if (linked)
            say(&log, 100, alias);
        tick_at(&log, GAP_S);
        tick_at(&log, GAP_S + 60);
        run_literal(&s, &log);
        check(decision_of_user(&s, "u1") == MC_SEND && withheld_of_user(&s, "u1") == -1);
        check(decision_of_user(&s, "u2") == MC_SEND && withheld_of_user(&s, "u2") == (linked ? MC_CAPPED : -1));
        end_shop(&s);
    }
}

static void test_a_linked_id_that_bought_withholds(void **state) {
    (void)state;
    static const char alias[] = "{\"type\":\"alias\",\"user_id\":\"u1\",\"previous_id\":\"u2\"}";
    for (int linked = 0; linked <= 1; linked++) {
        struct log_stream log = {0};
        struct live_shop s;
        struct mc_buf b = {0};
        say(&log, 0, identify_u1);
        cart_of(&log, "u1", 0);
        mc_buf_text(&b, "{\"event_type\":\"purchase\",\"user_id\":\"u2\",\"user_session\":\"s\",\"product_id\":\"p3\","
                        "\"price\":\"9\",\"event_time\":\"");
        mc_buf_time(&b, LOG_START_US + 60 * MC_SECOND_US);
        mc_buf_text(&b, "\"}");
        say(&log, 60, mc_buf_cstr(&b));
        if (linked)
            say(&log, 100, alias);
        tick_at(&log, GAP_S);
        run_literal(&s, &log);
        check(decision_of_user(&s, "u1") == MC_SEND && withheld_of_user(&s, "u1") == (linked ? MC_PURCHASED : -1));
        end_shop(&s);
        mc_buf_free(&b);
    }
}

/* ---- a quiet night, four ticks a second ---- */

static void test_ticks_alone_end_visits_and_write_little(void **state) {
    (void)state;
    struct mc_error e = {0};
    struct live_shop s;
    struct log_stream log = {0};
    say(&log, 0, identify_u1);
    cart_of(&log, "u1", 0);
    stream_settle(&log);
    shop_init(&s, 0);
    shop_start(&s, shop_path());
    for (size_t i = 0; i < log.count; i++) {
        must(shop_append(&s, &log.entries[i], 1, &e), &e);
        must(shop_take(&s, &log.entries[i], &e), &e);
    }
    must(mc_live_commit(s.live, &e), &e);
    int written = 0, ended_at = 0;
    for (int tick = 1; tick <= 2 * GAP_S * 4; tick++) {
        struct mc_logged logged = {.position = (int64_t)log.count + tick,
                                   .kind = MC_ENTRY_TICK,
                                   .arrived_at = {LOG_START_US + tick * MC_SECOND_US / 4}};
        must(mc_live_take(s.live, &logged, &e), &e);
        if (mc_ledger_in_transaction(s.ledger))
            written++, ended_at = tick;
        must(mc_live_commit(s.live, &e), &e);
    }
    check(written == 1 && ended_at == GAP_S * 4);
    check(mc_live_look(s.live).open_visits == 0);
    end_shop(&s);
    stream_free(&log);
}

/* ---- a disk that fails ---- */

/* What the service does after an error: back to the last commit, and again from the log. */
static void again_until_it_works(struct live_shop *s, enum mc_err err) {
    struct mc_error e = {0};
    for (int tries = 0; err != MC_OK; tries++) {
        check(tries < 5);
        mc_ledger_rollback(s->ledger, NULL);
        mc_live_close(&s->live);
        err = shop_live_open(s, &e);
    }
}

static void open_until_it_works(struct live_shop *s) {
    struct mc_error e = {0};
    for (int tries = 0; shop_open(s, &e) != MC_OK; tries++)
        check(tries < 5);
}

static void run_through_faults(struct live_shop *s, const struct log_stream *log) {
    struct mc_error e = {0};
    open_until_it_works(s);
    for (size_t i = 0; i < log->count; i++) {
        for (int tries = 0; shop_append(s, &log->entries[i], 1, &e) != MC_OK; tries++)
            check(tries < 5 && e.text[0] != '\0');
        enum mc_err err = shop_take(s, &log->entries[i], &e);
        if (err == MC_OK && i % 7 == 3)
            err = i % 21 == 3 ? mc_live_checkpoint(s->live, &e) : mc_live_commit(s->live, &e);
        again_until_it_works(s, err);
    }
    again_until_it_works(s, mc_live_checkpoint(s->live, &e));
    must(mc_live_checkpoint(s->live, &e), &e);
}

static void fail_nth(enum fault_kind kind, const struct log_stream *log, const struct shop_digest *want) {
    int struck = 1;
    for (long n = 1; struck; n += n < 30 ? 2 : 23) {
        struct live_shop s;
        seed_now = (uint64_t)n;
        shop_init(&s, 2);
        snprintf(s.path, sizeof s.path, "%s", shop_path());
        fault_set(kind, n);
        run_through_faults(&s, log);
        struck = fault.struck;
        fault_set(FAULT_NONE, 0);
        shop_close(&s);
        struct shop_digest got = shop_look(s.path);
        same_store(want, &got, kind == FAULT_FULL ? "disk full once" : "write error once");
        shop_remove(s.path);
    }
}

static void test_nth_write_fails(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, seed_now = 11);
    struct log_stream log = stream_make(&r, 20, false, false);
    struct shop_digest want = digest_of_run(&log, 2, straight);
    fail_nth(FAULT_FULL, &log, &want);
    fail_nth(FAULT_IOERR, &log, &want);
    stream_free(&log);
}

/* ---- a store and a log that are not of one store ---- */

static void test_a_shorter_log_is_refused(void **state) {
    (void)state;
    struct log_stream log = {0};
    struct live_shop s;
    struct mc_error e = {0};
    char folder[160];
    cart_of(&log, "u1", 0);
    tick_at(&log, GAP_S);
    run_literal(&s, &log);
    shop_close(&s);
    snprintf(folder, sizeof folder, "%s-inbox", s.path);
    empty_folder(folder);
    check(shop_open(&s, &e) == MC_ERR_FORMAT && s.live == NULL && strstr(e.text, "inbox") != NULL);
    shop_remove(s.path);
}

/* A segment that no checkpoint stands for is gone. */
static void test_a_hole_in_the_log_is_refused(void **state) {
    (void)state;
    struct mc_rng r;
    struct live_shop s;
    struct mc_error e = {0};
    char first[160];
    mc_rng_seed(&r, seed_now = 4);
    struct log_stream log = stream_make(&r, STEPS, false, false);
    shop_init(&s, 0);
    s.segment_bytes = 4096;
    shop_start(&s, shop_path());
    for (size_t i = 0; i < log.count; i++)
        must(shop_append(&s, &log.entries[i], 1, &e), &e);
    shop_close(&s);
    snprintf(first, sizeof first, "%s-inbox/0000000000000001.db", s.path);
    check(unlink(first) == 0);
    check(shop_open(&s, &e) == MC_ERR_FORMAT && strstr(e.text, "lacks its entries 1 to ") != NULL);
    shop_remove(s.path);
    stream_free(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identify_counts_from_its_place),
        cmocka_unit_test(test_identify_counts_within_a_body),
        cmocka_unit_test(test_consent_counts_up_to_the_second_check),
        cmocka_unit_test(test_an_unsubscription_withholds_what_waits),
        cmocka_unit_test(test_new_rules_hold_from_the_kill_on),
        cmocka_unit_test(test_alias_makes_one_person),
        cmocka_unit_test(test_a_linked_id_that_bought_withholds),
        cmocka_unit_test(test_ticks_alone_end_visits_and_write_little),
        cmocka_unit_test(test_old_entries_change_nothing),
        cmocka_unit_test(test_kills_do_not_matter),
        cmocka_unit_test(test_killed_at_every_entry),
        cmocka_unit_test(test_commits_do_not_matter),
        cmocka_unit_test(test_where_a_body_ends_does_not_matter),
        cmocka_unit_test(test_the_ledger_is_that_of_the_slow_rules),
        cmocka_unit_test(test_nth_write_fails),
        cmocka_unit_test(test_a_shorter_log_is_refused),
        cmocka_unit_test(test_a_hole_in_the_log_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

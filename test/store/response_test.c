/* What comes back from the person a message went to, and what a call says about a person: done twice it is done once,
 * and what it does not speak of stays. */
#include "store/response.h"

#include "base/mem.h"
#include "fault_vfs.h"

static char dir[64];
static struct mc_error e;

static int make_dir(void **state) {
    int failed = fault_prepare(state);
    snprintf(dir, sizeof dir, "%s", temp_dir());
    return failed;
}

static int remove_dir(void **state) {
    (void)state;
    return rmdir(dir);
}

/* ---- a shop: u1 and u2 have addresses, each abandoned a cart: messages 1 and 2 ---- */

#define NOON ((int64_t)1570017600 * MC_SECOND_US)

static struct mc_ledger *open_shop(const char *path) {
    struct mc_policy policy;
    struct mc_ledger *l = open_test(path, 0, "fault");
    mc_policy_defaults(&policy);
    policy.holdout_ppm = 0;
    policy.cap_window_us = 0;
    assert_ok(&e, mc_ledger_set_policy(l, &policy, &e));
    return l;
}

static void subscribe(struct mc_ledger *l, const char *user, const char *email) {
    const char *refused;
    struct mc_subscriber s = {.user = mc_str_of(user), .email = mc_str_of(email), .consent = MC_CONSENT_YES};
    assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
    assert_null(refused);
}

static enum mc_decision abandon(struct mc_ledger *l, const char *user, const char *session, int minute) {
    struct mc_cart_item item = {.product = MC_STR("p1"), .quantity = 1, .price = 500};
    struct mc_time at = {NOON + minute * MC_MINUTE_US};
    struct mc_cart cart = {.user = mc_str_of(user),
                           .session = mc_str_of(session),
                           .opened_at = at,
                           .first_at = at,
                           .last_at = at,
                           .expires_at = {at.us + 30 * MC_MINUTE_US},
                           .first_cart_at = at,
                           .value = 500,
                           .decision = MC_UNDECIDED,
                           .item_count = 1,
                           .items = &item};
    enum mc_decision decision;
    assert_ok(&e, mc_ledger_end_cart(l, &cart, &decision, &e));
    assert_ok(&e, mc_ledger_advance(l, cart.expires_at, &e));
    return decision;
}

static struct mc_ledger *make_shop(const char *path) {
    struct mc_ledger *l = open_shop(path);
    assert_ok(&e, mc_ledger_begin(l, &e));
    subscribe(l, "u1", "one@example.com");
    subscribe(l, "u2", "two@example.com");
    assert_int_equal(abandon(l, "u1", "s", 0), MC_SEND);
    assert_int_equal(abandon(l, "u2", "s", 1), MC_SEND);
    return l;
}

static void close_shop(struct mc_ledger **l, const char *path) {
    mc_ledger_close(l);
    temp_remove(path);
}

static void click(struct mc_ledger *l, int64_t message, int64_t us, bool want) {
    bool found = !want;
    assert_ok(&e, mc_response_click(l, message, (struct mc_wall){us}, &found, &e));
    assert_int_equal(found, want);
}

static uint64_t clicked(struct mc_ledger *l) {
    struct mc_report report;
    assert_ok(&e, mc_report_read(l, &report, &e));
    return report.clicked;
}

/* One number of a store that may be open. */
static int64_t number_of(const char *path, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}

/* ---- clicks ---- */

static void a_click_counts_once(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = make_shop(path);
    click(l, 1, 100, true); /* in the transaction that made the message */
    click(l, 1, 200, true);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_int_equal(clicked(l), 1);
    mc_ledger_close(&l);
    l = open_shop(path);
    assert_ok(&e, mc_ledger_begin(l, &e));
    click(l, 1, 50, true);
    click(l, 2, 300, true);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_int_equal(clicked(l), 2);
    assert_int_equal(number_of(path, "SELECT clicked_at FROM outbox WHERE id=1"), 100);
    assert_int_equal(number_of(path, "SELECT clicked_at FROM outbox WHERE id=2"), 300);
    close_shop(&l, path);
}

static void a_click_that_is_rolled_back_did_not_happen(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = make_shop(path);
    assert_ok(&e, mc_ledger_commit(l, &e));
    uint64_t before = store_digest(path);
    assert_ok(&e, mc_ledger_begin(l, &e));
    click(l, 1, 100, true);
    assert_ok(&e, mc_ledger_rollback(l, &e));
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_int_equal(clicked(l), 0);
    assert_true(store_digest(path) == before);
    close_shop(&l, path);
}

/* ---- unsubscribing ---- */

/* A complaint says more than an unsubscription, a bounce less. */
static void an_unsubscription_stands_above_a_bounce(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *refused;
    struct mc_ledger *l = make_shop(path);
    assert_ok(&e, mc_suppression_put(l, MC_STR("one@example.com"), MC_BOUNCED, (struct mc_wall){1}, &refused, &e));
    assert_ok(&e, mc_suppression_put(l, MC_STR("two@example.com"), MC_COMPLAINED, (struct mc_wall){2}, &refused, &e));
    assert_ok(&e,
              mc_suppression_put(l, MC_STR("ONE@example.com"), MC_UNSUBSCRIBED, (struct mc_wall){700}, &refused, &e));
    assert_ok(&e,
              mc_suppression_put(l, MC_STR("two@example.com"), MC_UNSUBSCRIBED, (struct mc_wall){800}, &refused, &e));
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_int_equal(number_of(path, "SELECT at FROM suppression WHERE email='one@example.com' AND reason=0"), 700);
    assert_int_equal(number_of(path, "SELECT at FROM suppression WHERE email='two@example.com' AND reason=2"), 2);
    close_shop(&l, path);
}

static void unknown_messages_change_nothing(void **state) {
    (void)state;
    static const int64_t ids[] = {0, 3, -1, 1000, INT64_MAX, INT64_MIN};
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = make_shop(path);
    assert_ok(&e, mc_ledger_commit(l, &e));
    uint64_t before = store_digest(path);
    assert_ok(&e, mc_ledger_begin(l, &e));
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        click(l, ids[i], 100, false);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_true(store_digest(path) == before);
    close_shop(&l, path);
}

/* ---- what a call says of a person ---- */

static const char *update(struct mc_ledger *l, struct mc_subscriber s) {
    const char *refused = "not looked at";
    s.user = MC_STR("u5");
    assert_ok(&e, mc_subscriber_update(l, &s, &refused, &e));
    return refused;
}

static bool same_subscriber(void *context, const struct mc_subscriber *got) {
    const struct mc_subscriber *want = context;
    assert_true(mc_str_equal(got->email, want->email) && mc_str_equal(got->first_name, want->first_name));
    assert_true(mc_str_equal(got->language, want->language) && mc_str_equal(got->time_zone, want->time_zone));
    assert_int_equal(got->consent, want->consent);
    return true;
}

static void is_subscriber(struct mc_ledger *l, struct mc_subscriber want) {
    struct mc_filter filter = mc_filter_all();
    filter.user = MC_STR("u5");
    assert_ok(&e, mc_read_subscribers(l, &filter, same_subscriber, &want, &e));
}

/* Random updates; what a row holds is, field by field, what was given last. */
static void an_update_keeps_what_was_not_given(void **state) {
    (void)state;
    static const struct mc_str emails[] = {{"", 0}, {"a@example.com", 13}, {"b@example.com", 13}},
                               texts[] = {{"", 0}, {"x", 1}, {"longer than that", 16}};
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = open_shop(path);
    struct mc_subscriber want = {0};
    struct mc_report report;
    struct mc_rng r;
    mc_rng_seed(&r, 1);
    for (int i = 0; i < 300; i++) {
        struct mc_subscriber given = {.email = emails[mc_rng_below(&r, 3)],
                                      .first_name = texts[mc_rng_below(&r, 3)],
                                      .language = texts[mc_rng_below(&r, 3)],
                                      .time_zone = texts[mc_rng_below(&r, 3)],
                                      .consent = (enum mc_consent)mc_rng_below(&r, 3)};
        assert_ok(&e, mc_ledger_begin(l, &e));
        assert_null(update(l, given));
        assert_ok(&e, mc_ledger_commit(l, &e));
        want.email = given.email.len > 0 ? given.email : want.email;
        want.first_name = given.first_name.len > 0 ? given.first_name : want.first_name;
        want.language = given.language.len > 0 ? given.language : want.language;
        want.time_zone = given.time_zone.len > 0 ? given.time_zone : want.time_zone;
        want.consent = given.consent != MC_CONSENT_UNKNOWN ? given.consent : want.consent;
        is_subscriber(l, want);
    }
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_int_equal(report.subscribers, 1);
    close_shop(&l, path);
}

/* One field that is not acceptable refuses all of the call. */
static void a_refused_update_changes_nothing(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = open_shop(path);
    struct mc_subscriber first = {.email = MC_STR("a@example.com"), .consent = MC_CONSENT_YES};
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_null(update(l, first));
    assert_non_null(update(l, (struct mc_subscriber){.email = MC_STR("a@b"), .consent = MC_CONSENT_NO}));
    assert_non_null(update(l, (struct mc_subscriber){.first_name = MC_STR("A\nB"), .consent = MC_CONSENT_NO}));
    assert_ok(&e, mc_ledger_commit(l, &e));
    is_subscriber(l, first);
    close_shop(&l, path);
}

/* ---- no memory ---- */

static enum mc_err respond(struct mc_ledger *l) {
    bool found;
    const char *refused;
    struct mc_subscriber s = {.user = MC_STR("u2"), .first_name = MC_STR("Two")};
    enum mc_err err = mc_response_click(l, 1, (struct mc_wall){100}, &found, &e);
    return err == MC_OK ? mc_subscriber_update(l, &s, &refused, &e) : err;
}

static void nth_allocation_fails(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = make_shop(path);
    assert_ok(&e, mc_ledger_commit(l, &e));
    uint64_t before = store_digest(path);
    int failures = 0;
    mc_ledger_close(&l);
    for (uint64_t n = 1, met = 1; met; n++) {
        l = open_shop(path);
        assert_ok(&e, mc_ledger_begin(l, &e));
        mc_mem_fail_at(n);
        enum mc_err err = respond(l);
        met = mc_mem_failed();
        mc_mem_fail_at(0);
        failures += err != MC_OK;
        if (err != MC_OK) {
            assert_true(met && err == MC_ERR_NOMEM && e.text[0] != '\0');
            assert_int_equal(mc_ledger_commit(l, &e), MC_ERR_NOMEM);
        } else {
            assert_ok(&e, mc_ledger_rollback(l, &e));
        }
        mc_ledger_close(&l);
        assert_true(store_digest(path) == before);
    }
    assert_true(failures > 5);
    temp_remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_click_counts_once),
        cmocka_unit_test(a_click_that_is_rolled_back_did_not_happen),
        cmocka_unit_test(an_unsubscription_stands_above_a_bounce),
        cmocka_unit_test(unknown_messages_change_nothing),
        cmocka_unit_test(an_update_keeps_what_was_not_given),
        cmocka_unit_test(a_refused_update_changes_nothing),
        cmocka_unit_test(nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

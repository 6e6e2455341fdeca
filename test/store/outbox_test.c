/* Messages from claim to answer, the readers, and what may come in from people's files. */
#include "fault_vfs.h"

static char dir[64];

static int make_dir(void **state) {
    int failed = fault_prepare(state);
    snprintf(dir, sizeof dir, "%s", temp_dir());
    return failed;
}

static int remove_dir(void **state) {
    (void)state;
    return rmdir(dir);
}

/* ---- what comes in ---- */

static void addresses_are_checked(void **state) {
    (void)state;
    static const char *const good[] = {"a@b.co", "first.last+tag@shop.example.com", "x_y-z@1.2.example",
                                       "o'brien@ex.ie"};
    static const char *const bad[] = {"",
                                      "@",
                                      "a@",
                                      "@b.co",
                                      "a@b",
                                      "a b@c.de",
                                      "a@b@c.de",
                                      "a..b@c.de",
                                      ".a@c.de",
                                      "a.@c.de",
                                      "a@-c.de",
                                      "a@c-.de",
                                      "a@c..de",
                                      "a@c.de.",
                                      "a@c.de\r\nBcc: x@y.zz",
                                      "a\n@c.de",
                                      "a@c.de\n",
                                      "<a@c.de>",
                                      "a,b@c.de",
                                      "\"a\"@c.de",
                                      "\xc3\xa4@c.de",
                                      "a@[1.2.3.4]",
                                      "a@c.de;",
                                      "a:@c.de",
                                      "a(b)@c.de",
                                      "a\\@c.de"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(mc_email_is_valid(mc_str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mc_email_is_valid(mc_str_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
    assert_false(mc_email_is_valid((struct mc_str){"a\0b@c.de", 8}));
    for (int c = 0; c <= ' '; c++)
        assert_false(mc_email_is_valid((struct mc_str){(char[]){'a', (char)c, '@', 'c', '.', 'd', 'e'}, 7}));
    char longest[80];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 64, "@b.co", 5);
    assert_true(mc_email_is_valid((struct mc_str){longest, 69}));
    memcpy(longest + 65, "@b.co", 5);
    longest[64] = 'a';
    assert_false(mc_email_is_valid((struct mc_str){longest, 70}));
}

static void lines_and_links_are_checked(void **state) {
    (void)state;
    assert_true(mc_text_is_line(MC_STR("Zo\xc3\xab \xe2\x9c\x93"), 20));
    assert_false(mc_text_is_line(MC_STR("a\nb"), 20));
    assert_false(mc_text_is_line(MC_STR("a\xc2\x85"), 20));
    assert_false(mc_text_is_line(MC_STR("a\xe2\x80\xa8"), 20));
    assert_false(mc_text_is_line(MC_STR("\xff"), 20));
    assert_false(mc_text_is_line(MC_STR("abc"), 2));
    assert_true(mc_url_is_valid(MC_STR("https://shop.example/p/1?a=b&c=d#e")));
    static const char *const bad[] = {"",           "https://",       "javascript:alert(1)", "ftp://a",
                                      "https:// a", "https://a\"b",   "https://a b",         "https://a<b",
                                      "//a",        "https://a\r\nb", "HTTPS://a",           "https:///a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mc_url_is_valid(mc_str_of(bad[i])));
}

static void bad_rows_are_refused_with_a_reason(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *refused;
    struct mc_error e = {0};
    struct mc_report report;
    struct mc_ledger *l = open_test(path, 1, "fault");
    struct mc_subscriber s = {.user = MC_STR("u"), .email = MC_STR("a@b.de\nBcc: c@d.ef")};
    struct mc_catalogue_entry c = {.product = MC_STR("p"), .name = MC_STR("n"), .url = MC_STR("javascript:x")};
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
    assert_non_null(refused);
    s.email = MC_STR("a@b.de");
    s.first_name = MC_STR("A\r\nX: y");
    assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
    assert_non_null(refused);
    assert_ok(&e, mc_catalogue_put(l, &c, &refused, &e));
    assert_non_null(refused);
    assert_ok(&e, mc_suppression_put(l, MC_STR("nobody"), MC_BOUNCED, (struct mc_wall){1}, &refused, &e));
    assert_non_null(refused);
    assert_ok(&e, mc_coupon_put(l, MC_STR("A B"), MC_STR(""), (struct mc_time){MC_TIME_NONE_US}, &refused, &e));
    assert_non_null(refused);
    assert_ok(&e, mc_coupon_put(l, MC_STR("AB"), MC_STR(""), (struct mc_time){MC_TIME_NONE_US}, &refused, &e));
    assert_null(refused);
    assert_ok(&e, mc_coupon_put(l, MC_STR("AB"), MC_STR("x"), (struct mc_time){5}, &refused, &e));
    assert_string_equal(refused, "already in the pool");
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.subscribers == 0 && report.coupons_free == 1);
    mc_ledger_close(&l);
    temp_remove(path);
}

/* ---- messages ---- */

static struct mc_time start_of(int user) {
    return (struct mc_time){STREAM_START_US + user * MC_SECOND_US};
}

/* A store with `users` subscribers and one claimed message for each, ids 1, 2, ... */
static struct mc_ledger *with_messages(const char *path, int users, bool replayed) {
    struct mc_error e = {0};
    const char *refused;
    struct mc_ledger_options options = {.secret = test_secret, .vfs = "fault"};
    struct mc_policy policy;
    struct mc_ledger *l;
    mc_policy_defaults(&policy);
    policy.holdout_ppm = 0;
    policy.replayed = replayed;
    policy.coupons = MC_COUPON_OPTIONAL;
    assert_ok(&e, mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, &e));
    assert_ok(&e, mc_ledger_set_policy(l, &policy, &e));
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_coupon_put(l, MC_STR("ONLY"), MC_STR(""), (struct mc_time){MC_TIME_NONE_US}, &refused, &e));
    struct mc_catalogue_entry entry = {MC_STR("[\"p\",1]"), MC_STR("A \"thing\""), MC_STR(""), MC_STR("https://a.b/c")};
    assert_ok(&e, mc_catalogue_put(l, &entry, &refused, &e));
    for (int i = 1; i <= users; i++) {
        char user[16], email[32];
        snprintf(user, sizeof user, "u%d", i);
        snprintf(email, sizeof email, "u%d@example.com", i);
        struct mc_subscriber s = {
            .user = mc_str_of(user), .email = mc_str_of(email), .first_name = MC_STR("Ada"), .consent = MC_CONSENT_YES};
        struct mc_cart_item items[] = {{.product = MC_STR("[\"p\",1]"), .quantity = 2, .price = 150},
                                       {.product = MC_STR("q\\\x01\t\xc3\xa4"), .quantity = 1, .price = 1}};
        struct mc_cart cart = {.user = s.user,
                               .session = MC_STR("s"),
                               .opened_at = start_of(0),
                               .first_at = start_of(0),
                               .last_at = start_of(0),
                               .expires_at = start_of(i),
                               .first_cart_at = start_of(0),
                               .value = 301,
                               .decision = MC_UNDECIDED,
                               .item_count = 2,
                               .items = items};
        enum mc_decision decision;
        assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
        assert_null(refused);
        assert_ok(&e, mc_ledger_end_cart(l, &cart, &decision, &e));
        assert_int_equal(decision, MC_SEND);
    }
    assert_ok(&e, mc_ledger_advance(l, start_of(users), &e));
    assert_ok(&e, mc_ledger_commit(l, &e));
    return l;
}

static struct mc_wall wall(int user, int64_t after_s) {
    return (struct mc_wall){start_of(user).us + after_s * MC_SECOND_US};
}

static void every_answer_has_its_state(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *refused;
    struct mc_error e = {0};
    struct mc_report report;
    int64_t ids[16];
    size_t count;
    bool go;
    struct mc_ledger *l = with_messages(path, 9, false);
    assert_ok(&e, mc_outbox_due(l, false, wall(8, 0), 0, ids, 16, &count, &e));
    assert_int_equal(count, 9);
    assert_ok(&e, mc_outbox_due(l, false, wall(8, 0), 3, ids, 2, &count, &e));
    assert_true(count == 2 && ids[0] == 4 && ids[1] == 5);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_suppression_put(l, MC_STR("U6@EXAMPLE.com"), MC_UNSUBSCRIBED, wall(6, 0), &refused, &e));
    for (int id = 1; id <= 6; id++) {
        assert_ok(&e, mc_outbox_begin_sending(l, id, false, &go, &e));
        assert_int_equal(go, id != 6); /* unsubscribed meanwhile */
        assert_ok(&e, mc_outbox_begin_sending(l, id, false, &go, &e));
        assert_false(go); /* not twice */
    }
    assert_ok(&e, mc_outbox_sent(l, 1, wall(1, 5), MC_STR("250 ok\r\nX: y"), &e));
    assert_ok(&e, mc_outbox_sent(l, 1, wall(1, 500), MC_STR("again"), &e));
    assert_ok(&e, mc_outbox_bounced(l, 2, wall(2, 5), MC_STR("550"), &e));
    assert_ok(&e, mc_outbox_unknown(l, 3, wall(3, 5), MC_STR(""), &e));
    assert_ok(&e, mc_outbox_retry(l, 4, wall(4, 600), MC_STR("451"), &e));
    assert_ok(&e, mc_outbox_begin_sending(l, 9, false, &go, &e));
    assert_ok(&e, mc_outbox_failed(l, 9, MC_STR("451 for the tenth time"), &e));
    assert_ok(&e, mc_outbox_begin_sending(l, 9, false, &go, &e));
    assert_false(go); /* never again */
    assert_ok(&e, mc_ledger_commit(l, &e));
    mc_ledger_close(&l); /* 5 is left in `sending`, as by a kill */
    struct mc_ledger_options options = {.secret = test_secret, .vfs = "fault"};
    assert_ok(&e, mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, &e));
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_outbox_recover(l, false, wall(5, 9), &count, &e));
    assert_int_equal(count, 1);
    assert_ok(&e, mc_outbox_recover(l, false, wall(5, 9), &count, &e));
    assert_int_equal(count, 0);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_outbox_due(l, false, wall(4, 599), 0, ids, 16, &count, &e));
    assert_true(count == 2 && ids[0] == 7);
    assert_ok(&e, mc_outbox_due(l, false, wall(4, 600), 0, ids, 16, &count, &e));
    assert_true(count == 3 && ids[0] == 4);
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_int_equal(report.messages[MC_MESSAGE_SENT], 1);
    assert_int_equal(report.messages[MC_MESSAGE_BOUNCED], 1);
    assert_int_equal(report.messages[MC_MESSAGE_UNKNOWN], 2);
    assert_int_equal(report.messages[MC_MESSAGE_RETRY], 1);
    assert_int_equal(report.messages[MC_MESSAGE_FAILED], 1);
    struct mc_message failed = {0};
    assert_ok(&e, mc_message_load(l, 9, &go, &failed, &e));
    assert_true(failed.handed_at.us == 0 && mc_str_equal(failed.note, MC_STR("451 for the tenth time")));
    mc_message_free(&failed);
    assert_int_equal(report.messages[MC_MESSAGE_WITHHELD], 1);
    assert_int_equal(report.messages[MC_MESSAGE_CLAIMED], 2);
    assert_int_equal(report.withheld[MC_SUPPRESSED], 1);
    assert_int_equal(report.suppressions, 2);
    assert_int_equal(report.promise[1], 1); /* 5 s: in the bucket up to 10 */
    assert_true(report.coupons_taken == 1 && report.without_coupon == 8);
    mc_ledger_close(&l);
    temp_remove(path);
}

/* Between the end of a cart and its check its row is held back; whoever looks for it finds it all the same. */
static bool take_state(void *context, const struct mc_stored_cart *cart) {
    *(enum mc_message_state *)context = cart->has_message ? cart->state : MC_MESSAGE_STATES;
    return true;
}

static bool take_recovered(void *context, const struct mc_stored_cart *cart) {
    *(int64_t *)context = cart->recovered_at.us;
    return true;
}

static enum mc_message_state state_of(struct mc_ledger *l, const char *user, int way) {
    enum mc_message_state state = MC_MESSAGE_STATES;
    struct mc_filter filter = mc_filter_all();
    struct mc_message m = {0};
    struct mc_error e;
    int64_t id;
    size_t count;
    bool found;
    filter.user = mc_str_of(user);
    switch (way) {
    case 0:
        assert_ok(&e, mc_read_carts(l, &filter, take_state, &state, &e));
        break;
    case 1:
        assert_ok(&e, mc_message_load(l, 1, &found, &m, &e));
        state = found ? m.state : MC_MESSAGE_STATES;
        mc_message_free(&m);
        break;
    default:
        assert_ok(&e, mc_outbox_list(l, MC_MESSAGE_WAITING, 0, &id, 1, &count, &e));
        state = count == 1 && id == 1 ? MC_MESSAGE_WAITING : MC_MESSAGE_STATES;
    }
    return state;
}

static void a_row_held_back_is_found(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        const char *path = temp_path(dir, "s"), *refused;
        struct mc_error e = {0};
        struct mc_ledger *l = with_messages(path, 0, true);
        struct mc_subscriber s = {.user = MC_STR("u1"), .email = MC_STR("a@b.de"), .consent = MC_CONSENT_YES};
        struct mc_cart_item item = {.product = MC_STR("p"), .quantity = 1, .price = 1};
        struct mc_cart cart = {.user = s.user,
                               .session = MC_STR("s"),
                               .expires_at = start_of(1),
                               .decision = MC_UNDECIDED,
                               .item_count = 1,
                               .items = &item};
        enum mc_decision decision;
        assert_ok(&e, mc_ledger_begin(l, &e));
        assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
        assert_ok(&e, mc_ledger_end_cart(l, &cart, &decision, &e));
        assert_int_equal(decision, MC_SEND);
        if (way == 3) { /* across a commit and another handle */
            assert_ok(&e, mc_ledger_commit(l, &e));
            assert_ok(&e, mc_ledger_begin(l, &e));
        }
        assert_int_equal(state_of(l, "u1", way % 3), MC_MESSAGE_WAITING);
        cart.session = MC_STR("s2");
        assert_ok(&e, mc_ledger_end_cart(l, &cart, &decision, &e));
        assert_int_equal(decision, MC_CAPPED);
        assert_ok(&e, mc_ledger_advance(l, start_of(1), &e));
        assert_int_equal(state_of(l, "u1", 1), MC_MESSAGE_CLAIMED);
        assert_ok(&e, mc_ledger_commit(l, &e));
        mc_ledger_close(&l);
        temp_remove(path);
    }
}

/* Carts that end together, of one user, before any advance: the cap sees those whose rows are held back. */
static void the_cap_sees_rows_held_back(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *refused;
    struct mc_error e = {0};
    struct mc_report report;
    struct mc_ledger *l = with_messages(path, 0, true);
    static const int hours[] = {0, 23, 24, 30, 49};
    static const enum mc_decision decisions[] = {MC_SEND, MC_CAPPED, MC_SEND, MC_CAPPED, MC_SEND};
    struct mc_subscriber s = {.user = MC_STR("u1"), .email = MC_STR("a@b.de"), .consent = MC_CONSENT_YES};
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
        struct mc_cart_item item = {.product = MC_STR("p"), .quantity = 1, .price = 1};
        struct mc_cart cart = {.user = s.user,
                               .session = MC_STR("s"),
                               .opened_at = start_of((int)i),
                               .expires_at = {start_of(0).us + hours[i] * MC_HOUR_US},
                               .decision = MC_UNDECIDED,
                               .item_count = 1,
                               .items = &item};
        enum mc_decision decision;
        assert_ok(&e, mc_ledger_end_cart(l, &cart, &decision, &e));
        assert_int_equal(decision, decisions[i]);
    }
    assert_ok(&e,
              mc_ledger_advance(l, (struct mc_time){start_of(0).us + 30 * MC_HOUR_US}, &e)); /* the last is not due */
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.messages[MC_MESSAGE_CLAIMED] == 2 && report.messages[MC_MESSAGE_WAITING] == 1);
    assert_int_equal(state_of(l, "u1", 1), MC_MESSAGE_CLAIMED);
    assert_ok(&e, mc_ledger_commit(l, &e));
    mc_ledger_close(&l);
    assert_ok(&e, mc_ledger_open(&l, path, MC_LEDGER_WRITE, NULL, &e));
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_ledger_advance(l, (struct mc_time){start_of(0).us + 49 * MC_HOUR_US}, &e));
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.messages[MC_MESSAGE_CLAIMED] == 3 && report.messages[MC_MESSAGE_WAITING] == 0);
    mc_ledger_close(&l);
    temp_remove(path);
}

/* A purchase between the end of a cart and its check, too far ahead of the clock to say "purchased": the cart is sent
 * and recovered. */
static void a_purchase_meets_a_row_held_back(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *refused;
    struct mc_error e = {0};
    struct mc_report report;
    struct mc_ledger *l = with_messages(path, 0, true);
    struct mc_subscriber s = {.user = MC_STR("u1"), .email = MC_STR("a@b.de"), .consent = MC_CONSENT_YES};
    struct mc_cart_item item = {.product = MC_STR("p"), .quantity = 1, .price = 1};
    struct mc_cart cart = {.user = s.user,
                           .session = MC_STR("s"),
                           .expires_at = start_of(1),
                           .decision = MC_UNDECIDED,
                           .item_count = 1,
                           .items = &item};
    struct mc_purchase p = {.user = s.user,
                            .product = item.product,
                            .user_hash = mc_hash64("u1", 2),
                            .time = {start_of(1).us + 2 * MC_DAY_US},
                            .clock = start_of(1),
                            .quantity = 3,
                            .price = 5};
    struct mc_filter all = mc_filter_all();
    int64_t recovered_at = 0;
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
    assert_ok(&e, mc_ledger_end_cart(l, &cart, NULL, &e));
    assert_ok(&e, mc_ledger_put_purchase(l, &p, &e));
    assert_ok(&e, mc_ledger_advance(l, start_of(1), &e));
    assert_ok(&e, mc_read_carts(l, &all, take_recovered, &recovered_at, &e));
    assert_int_equal(recovered_at, p.time.us);
    assert_int_equal(state_of(l, "u1", 1), MC_MESSAGE_CLAIMED);
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.recovered_send == 1 && report.recovered_send_minor == 15);
    mc_ledger_close(&l);
    temp_remove(path);
}

/* What a person's file says between decision and check counts at the check, with a delay or without. */
static void the_second_check_sees_changes(void **state) {
    (void)state;
    static const int expected[] = {MC_WITHHELD_NONE, MC_NO_CONSENT, MC_SUPPRESSED, MC_CAPPED, MC_PURCHASED};
    for (int change = 0; change < 5; change++) {
        const char *path = temp_path(dir, "s"), *refused;
        struct mc_error e = {0};
        struct mc_message m = {0};
        bool found;
        struct mc_ledger *l = with_messages(path, 2, true);
        struct mc_subscriber s = {.user = MC_STR("u3"), .email = MC_STR("c@b.de"), .consent = MC_CONSENT_YES};
        struct mc_cart_item item = {.product = MC_STR("p"), .quantity = 1, .price = 1};
        struct mc_cart cart = {.user = s.user,
                               .session = MC_STR("s"),
                               .first_cart_at = start_of(3),
                               .expires_at = start_of(3),
                               .decision = MC_UNDECIDED,
                               .item_count = 1,
                               .items = &item};
        struct mc_purchase p = {.user = s.user,
                                .product = MC_STR("q"),
                                .user_hash = mc_hash64("u3", 2),
                                .time = start_of(3),
                                .clock = start_of(3),
                                .quantity = 1,
                                .price = 1};
        assert_ok(&e, mc_ledger_begin(l, &e));
        assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
        assert_ok(&e, mc_ledger_end_cart(l, &cart, NULL, &e));
        s.consent = MC_CONSENT_NO;
        if (change == 1)
            assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
        else if (change == 2)
            assert_ok(&e, mc_suppression_put(l, s.email, MC_COMPLAINED, wall(3, 0), &refused, &e));
        else if (change == 3)
            assert_ok(&e, mc_person_link(l, s.user, MC_STR("u2"), &e));
        else if (change == 4)
            assert_ok(&e, mc_ledger_put_purchase(l, &p, &e));
        assert_ok(&e, mc_ledger_advance(l, start_of(3), &e));
        assert_ok(&e, mc_message_load(l, 3, &found, &m, &e));
        assert_true(found && m.withheld == expected[change]);
        mc_message_free(&m);
        mc_ledger_close(&l);
        temp_remove(path);
    }
}

static void a_replayed_message_is_never_mailed(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    int64_t ids[4];
    size_t count;
    bool go;
    struct mc_ledger *l = with_messages(path, 2, true);
    assert_ok(&e, mc_outbox_due(l, false, wall(2, 0), 0, ids, 4, &count, &e));
    assert_int_equal(count, 0);
    assert_ok(&e, mc_outbox_due(l, true, wall(2, 0), 0, ids, 4, &count, &e));
    assert_int_equal(count, 2);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_int_equal(mc_outbox_begin_sending(l, 1, false, &go, &e), MC_ERR_USAGE);
    assert_false(go);
    mc_ledger_rollback(l, NULL);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_outbox_begin_sending(l, 1, true, &go, &e));
    assert_true(go);
    mc_ledger_close(&l);
    temp_remove(path);
}

static void a_message_has_all_it_needs(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_message m = {0}, preview = {0};
    bool found;
    struct mc_ledger *l = with_messages(path, 2, true), *reader;
    assert_ok(&e, mc_ledger_open(&reader, path, MC_LEDGER_READ, NULL, &e));
    assert_ok(&e, mc_message_load(reader, 99, &found, &m, &e));
    assert_false(found);
    assert_ok(&e, mc_message_load(reader, 1, &found, &m, &e));
    assert_true(found && m.contact.known && m.replayed && m.state == MC_MESSAGE_CLAIMED);
    assert_int_equal(strlen(m.message_id), MC_MESSAGE_ID_CHARS);
    assert_true(mc_str_equal(m.contact.subscriber.email, MC_STR("u1@example.com")));
    assert_true(mc_str_equal(m.contact.subscriber.first_name, MC_STR("Ada")));
    assert_true(mc_str_equal(m.coupon, MC_STR("ONLY")) && mc_time_is_none(m.coupon_expires_at));
    assert_true(m.cart.value == 301 && m.cart.item_count == 2 && m.offer.kind == MC_OFFER_FREE_SHIPPING);
    assert_true(mc_str_equal(m.items[0].item.product, MC_STR("[\"p\",1]")));
    assert_true(mc_str_equal(m.items[0].name, MC_STR("A \"thing\"")));
    assert_true(mc_str_equal(m.cart.items[1].product, MC_STR("q\\\x01\t\xc3\xa4")) && m.items[1].name.len == 0);
    assert_ok(&e, mc_message_preview(reader, MC_STR("u1"), MC_STR(""), (struct mc_time){MC_TIME_NONE_US}, &found,
                                     &preview, &e));
    assert_true(found && strcmp(preview.message_id, m.message_id) == 0);
    assert_ok(&e, mc_message_preview(reader, MC_STR("nobody"), MC_STR(""), (struct mc_time){MC_TIME_NONE_US}, &found,
                                     &preview, &e));
    assert_false(found);
    mc_message_free(&m);
    mc_message_free(&preview);
    mc_ledger_close(&reader);
    mc_ledger_close(&l);
    temp_remove(path);
}

/* ---- reading ---- */

struct seen {
    struct mc_ledger *l;
    uint64_t rows;
    int64_t last, sum;
    bool ordered;
};

static bool see_reject(void *context, const struct mc_stored_reject *reject) {
    struct seen *seen = context;
    struct mc_error e;
    seen->ordered &= reject->id > seen->last;
    seen->last = reject->id;
    seen->rows++;
    seen->sum += (int64_t)reject->reject.raw.len;
    if (seen->l != NULL && reject->id % 2 == 0)
        assert_ok(&e, mc_reject_set_retried(seen->l, reject->id, 7, &e));
    return true;
}

static void rejects_come_back_verbatim_and_once(void **state) {
    (void)state;
    enum { REJECTS = 1500 };
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_report report;
    struct mc_filter filter = mc_filter_all();
    struct mc_ledger *l = open_test(path, 1, "fault");
    char *big = calloc(1, 65536);
    assert_ok(&e, mc_ledger_begin(l, &e));
    for (int i = 0; i < REJECTS; i++) {
        struct mc_reject reject = {1, i, i, i % 3 ? MC_DUPLICATE : MC_MALFORMED_ROW, {big, i % 500 ? 3 : 65536}, {i}};
        assert_ok(&e, mc_ledger_put_reject(l, &reject, &e));
    }
    struct seen all = {.l = l, .ordered = true};
    assert_ok(&e, mc_read_rejects(l, &filter, see_reject, &all, &e));
    assert_true(all.rows == REJECTS && all.ordered && all.sum == 3 * 65536 + (REJECTS - 3) * 3);
    struct seen left = {.ordered = true};
    filter.not_retried = true;
    assert_ok(&e, mc_read_rejects(l, &filter, see_reject, &left, &e));
    assert_int_equal(left.rows, REJECTS / 2);
    filter = mc_filter_all();
    filter.reason = MC_MALFORMED_ROW;
    filter.arrived_since.us = 300;
    filter.limit = 10;
    struct seen some = {.ordered = true};
    assert_ok(&e, mc_read_rejects(l, &filter, see_reject, &some, &e));
    assert_true(some.rows == 10 && some.last == 300 + 1 + 27);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.rejects[MC_MALFORMED_ROW] == REJECTS / 3 && report.rejects_retried == REJECTS / 2);
    free(big);
    mc_ledger_close(&l);
    temp_remove(path);
}

static bool see_sale(void *context, const struct mc_sale *sale) {
    struct seen *seen = context;
    seen->ordered &= sale->minute.us >= seen->last;
    seen->last = sale->minute.us;
    seen->rows++;
    seen->sum += (int64_t)sale->revenue;
    return true;
}

static bool see_top(void *context, const struct mc_sale *sale) {
    struct seen *seen = context;
    seen->ordered &= (int64_t)sale->revenue <= seen->last;
    seen->last = (int64_t)sale->revenue;
    seen->rows++;
    seen->sum += (int64_t)sale->revenue;
    return true;
}

static void sales_add_up(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_rng r;
    struct mc_filter filter = mc_filter_all();
    struct mc_report report;
    int64_t total = 0, of_p3 = 0, first_hour = 0;
    struct mc_ledger *l = open_test(path, 1, "fault");
    mc_rng_seed(&r, 4);
    assert_ok(&e, mc_ledger_begin(l, &e));
    for (int i = 0; i < 3000; i++) {
        char product[8];
        unsigned p = (unsigned)mc_rng_below(&r, 9);
        int64_t at = (int64_t)mc_rng_below(&r, 7200), revenue = (int64_t)mc_rng_below(&r, 1000);
        snprintf(product, sizeof product, "p%u", p);
        assert_ok(&e, mc_ledger_put_sale(l, mc_str_of(product), (struct mc_time){at * MC_SECOND_US}, 1, revenue, &e));
        total += revenue;
        of_p3 += p == 3 ? revenue : 0;
        first_hour += at < 3600 ? revenue : 0;
    }
    struct seen all = {.ordered = true}, p3 = {.ordered = true}, hour = {.ordered = true};
    struct seen top = {.ordered = true, .last = INT64_MAX};
    assert_ok(&e, mc_read_sales(l, &filter, see_sale, &all, &e));
    assert_true(all.ordered && all.sum == total && all.rows > 512);
    assert_ok(&e, mc_read_sales_by_product(l, &filter, true, see_top, &top, &e));
    assert_true(top.ordered && top.rows == 9 && top.sum == total);
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.sale_minutes == all.rows && report.revenue == total);
    assert_ok(&e, mc_ledger_commit(l, &e)); /* now the table of products has the answer */
    top = (struct seen){.ordered = true, .last = INT64_MAX};
    assert_ok(&e, mc_read_sales_by_product(l, &filter, true, see_top, &top, &e));
    assert_true(top.ordered && top.rows == 9 && top.sum == total);
    filter.product = MC_STR("p3");
    top = (struct seen){.ordered = true, .last = INT64_MAX};
    assert_ok(&e, mc_read_sales_by_product(l, &filter, true, see_top, &top, &e));
    assert_true(top.rows == 1 && top.sum == of_p3);
    filter.product = MC_STR("p3");
    assert_ok(&e, mc_read_sales(l, &filter, see_sale, &p3, &e));
    assert_true(p3.sum == of_p3);
    filter = mc_filter_all();
    filter.until.us = MC_HOUR_US;
    assert_ok(&e, mc_read_sales(l, &filter, see_sale, &hour, &e));
    assert_true(hour.sum == first_hour);
    filter.since.us = MC_HOUR_US;
    filter.until.us = MC_TIME_NONE_US;
    hour.last = 0;
    assert_ok(&e, mc_read_sales(l, &filter, see_sale, &hour, &e));
    assert_true(hour.sum == total && hour.rows == all.rows);
    mc_ledger_close(&l);
    temp_remove(path);
}

struct names {
    struct mc_buf text;
    uint64_t rows;
};

static bool name_subscriber(void *context, const struct mc_subscriber *s) {
    struct names *n = context;
    n->rows++;
    n->text.len = 0;
    mc_buf_printf(&n->text, "%.*s %.*s %.*s %.*s %.*s %d", (int)s->user.len, s->user.data, (int)s->email.len,
                  s->email.data, (int)s->first_name.len, s->first_name.data, (int)s->language.len, s->language.data,
                  (int)s->time_zone.len, s->time_zone.data, (int)s->consent);
    return n->rows < 700;
}

static bool name_entry(void *context, const struct mc_catalogue_entry *c) {
    struct names *n = context;
    n->rows++;
    n->text.len = 0;
    mc_buf_printf(&n->text, "%.*s %.*s %.*s %.*s", (int)c->product.len, c->product.data, (int)c->name.len, c->name.data,
                  (int)c->image_url.len, c->image_url.data, (int)c->url.len, c->url.data);
    return true;
}

static bool name_coupon(void *context, const struct mc_stored_coupon *c) {
    struct names *n = context;
    n->rows++;
    mc_buf_printf(&n->text, "%.*s %.*s %lld %d %lld %.*s;", (int)c->code.len, c->code.data, (int)c->campaign.len,
                  c->campaign.data, (long long)(mc_time_is_none(c->expires_at) ? -1 : c->expires_at.us), c->taken,
                  (long long)c->message, (int)c->user.len, c->user.data);
    return true;
}

static void what_people_imported_comes_back(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *refused;
    struct mc_error e = {0};
    struct mc_report report;
    struct names n = {{0}, 0};
    struct mc_filter filter = mc_filter_all();
    struct mc_ledger *l = with_messages(path, 1, true);
    assert_ok(&e, mc_ledger_begin(l, &e));
    for (int i = 1000; i < 2000; i++) {
        char id[16], email[32];
        snprintf(id, sizeof id, "v%d", i);
        snprintf(email, sizeof email, "%s@b.de", id);
        struct mc_subscriber s = {mc_str_of(id), mc_str_of(email), MC_STR("N"),
                                  MC_STR("de"),  MC_STR("UTC"),    MC_CONSENT_NO};
        struct mc_catalogue_entry c = {mc_str_of(id), MC_STR("N"), MC_STR("http://a.b/i"), MC_STR("http://a.b/p")};
        assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
        assert_ok(&e, mc_catalogue_put(l, &c, &refused, &e));
        assert_ok(&e, mc_catalogue_put(l, &c, &refused, &e));
    }
    assert_ok(&e, mc_coupon_put(l, MC_STR("A"), MC_STR("x"), (struct mc_time){9}, &refused, &e));
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.catalogue == 1001 && report.subscribers == 1001);
    assert_ok(&e, mc_read_subscribers(l, &filter, name_subscriber, &n, &e));
    assert_true(n.rows == 700 && strcmp(mc_buf_cstr(&n.text), "v1698 v1698@b.de N de UTC 2") == 0);
    filter.user = MC_STR("v1003");
    n.rows = 0;
    assert_ok(&e, mc_read_subscribers(l, &filter, name_subscriber, &n, &e));
    assert_true(n.rows == 1 && strncmp(mc_buf_cstr(&n.text), "v1003 ", 6) == 0);
    filter.product = MC_STR("v1004");
    n.rows = 0;
    assert_ok(&e, mc_read_catalogue(l, &filter, name_entry, &n, &e));
    assert_true(n.rows == 1 && strcmp(mc_buf_cstr(&n.text), "v1004 N http://a.b/i http://a.b/p") == 0);
    filter = mc_filter_all();
    filter.limit = 600;
    n.rows = 0;
    assert_ok(&e, mc_read_catalogue(l, &filter, name_entry, &n, &e));
    assert_true(n.rows == 600 && strncmp(mc_buf_cstr(&n.text), "v1598 ", 6) == 0);
    n.text.len = 0;
    assert_ok(&e, mc_read_coupons(l, &filter, name_coupon, &n, &e));
    assert_string_equal(mc_buf_cstr(&n.text), "ONLY  -1 1 1 u1;A x 9 0 0 ;");
    mc_buf_free(&n.text);
    mc_ledger_close(&l);
    temp_remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(lines_and_links_are_checked),
        cmocka_unit_test(bad_rows_are_refused_with_a_reason),
        cmocka_unit_test(every_answer_has_its_state),
        cmocka_unit_test(a_row_held_back_is_found),
        cmocka_unit_test(the_cap_sees_rows_held_back),
        cmocka_unit_test(a_purchase_meets_a_row_held_back),
        cmocka_unit_test(the_second_check_sees_changes),
        cmocka_unit_test(a_replayed_message_is_never_mailed),
        cmocka_unit_test(a_message_has_all_it_needs),
        cmocka_unit_test(rejects_come_back_verbatim_and_once),
        cmocka_unit_test(sales_add_up),
        cmocka_unit_test(what_people_imported_comes_back),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

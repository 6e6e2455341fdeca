/* The mailer over a real ledger and spool, with each allocation failing in turn: whatever fails, the next run goes on,
 * and at the end every message is there once. And what the model (mailer_model_test.c) leaves out. Servers are the
 * subject of mailer_check.py and courier_check.py. */
#include "outreach/courier.h"
#include "outreach/sample.h"

#include "outreach/shop.h"
#include <dirent.h>
#include <unistd.h>

enum { CARTS = 2 };
static const int64_t start_us = 1764000000 * MC_SECOND_US;

struct place {
    char folder[64], store[96], spool[96];
    struct mc_ledger *ledger;
};

static struct mc_wall test_clock(void) {
    return (struct mc_wall){start_us + MC_HOUR_US};
}

static void put_cart(struct mc_ledger *l, int i) {
    char user[16], email[32];
    const char *refused;
    snprintf(user, sizeof user, "u%d", i);
    snprintf(email, sizeof email, "u%d@example.com", i);
    struct mc_subscriber person = {.user = mc_str_of(user), .email = mc_str_of(email), .consent = MC_CONSENT_YES};
    struct mc_cart_item item = {.product = MC_STR("p"), .quantity = 1, .price = 100};
    struct mc_cart cart = {.user = person.user,
                           .session = MC_STR("s"),
                           .opened_at = {start_us - MC_HOUR_US},
                           .first_at = {start_us - MC_HOUR_US},
                           .last_at = {start_us - MC_HOUR_US},
                           .expires_at = {start_us},
                           .first_cart_at = {start_us - MC_HOUR_US},
                           .value = 100,
                           .decision = MC_UNDECIDED,
                           .item_count = 1,
                           .items = &item};
    assert_int_equal(mc_subscriber_put(l, &person, &refused, NULL), MC_OK);
    assert_int_equal(mc_ledger_end_cart(l, &cart, NULL, NULL), MC_OK);
}

static int set_up(void **state) {
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/maxcart-mailer-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->store, sizeof p->store, "%s/store.db", p->folder);
    snprintf(p->spool, sizeof p->spool, "%s/out", p->folder);
    struct mc_policy policy;
    mc_policy_defaults(&policy);
    policy.holdout_ppm = 0;
    policy.replayed = true;
    assert_int_equal(mc_ledger_open(&p->ledger, p->store, MC_LEDGER_WRITE, NULL, NULL), MC_OK);
    assert_int_equal(mc_ledger_set_policy(p->ledger, &policy, NULL), MC_OK);
    assert_int_equal(mc_ledger_begin(p->ledger, NULL), MC_OK);
    for (int i = 0; i < CARTS; i++)
        put_cart(p->ledger, i);
    assert_int_equal(mc_ledger_advance(p->ledger, (struct mc_time){start_us + MC_HOUR_US}, NULL), MC_OK);
    assert_int_equal(mc_ledger_commit(p->ledger, NULL), MC_OK);
    *state = p;
    return 0;
}

/* Removes the files of a folder, then the folder; returns how many .eml there were. */
static size_t remove_folder(const char *path) {
    size_t mails = 0;
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        mails += strstr(entry->d_name, ".eml") != NULL && entry->d_name[0] != '.';
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
    return mails;
}

static int tear_down(void **state) {
    struct place *p = *state;
    mc_ledger_close(&p->ledger);
    remove_folder(p->spool);
    remove_folder(p->folder);
    free(p);
    return 0;
}

static struct mc_mailer_settings settings_of(const struct place *p) {
    return (struct mc_mailer_settings){.sender = {.address = "shop@lumen.example",
                                                  .postal_address = "12 Harbour Street",
                                                  .public_url = "https://shop.example"},
                                       .templates = "templates",
                                       .spool = p->spool,
                                       .clock = test_clock};
}

struct attempt {
    const struct place *place;
    struct mc_mailer_counts counts;
};

static enum mc_err try_once(void *context) {
    struct attempt *a = context;
    struct mc_mailer_settings settings = settings_of(a->place);
    struct mc_mailer *m;
    enum mc_err err = mc_mailer_open(&m, a->place->ledger, &settings, NULL);
    if (err == MC_OK)
        err = mc_mailer_run(m, &a->counts, NULL);
    mc_mailer_close(&m);
    assert_false(mc_ledger_in_transaction(a->place->ledger));
    return err;
}

static void each_message_once_whatever_fails(void **state) {
    struct place *p = *state;
    struct attempt a = {.place = p};
    fail_each_allocation(try_once, &a);
    assert_int_equal(a.counts.spooled, CARTS);
    assert_int_equal(a.counts.given_up, 0);
    assert_int_equal(remove_folder(p->spool), CARTS);
}

static void nothing_is_sent_without_settings(void **state) {
    struct place *p = *state;
    struct mc_mailer_settings settings = settings_of(p);
    struct mc_mailer *m;
    struct mc_error e = {0};
    settings.sender.postal_address = "";
    assert_int_equal(mc_mailer_open(&m, p->ledger, &settings, &e), MC_ERR_USAGE);
    assert_null(m);
    assert_non_null(strstr(e.text, "postal_address"));
    settings = settings_of(p);
    settings.spool = "";
    assert_int_equal(mc_mailer_open(&m, p->ledger, &settings, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "spool folder or a mail server"));
    assert_int_equal(remove_folder(p->spool), 0);
}

/* ---- take and settle by hand ---- */

struct hands {
    char folder[64], store[96], spool[96];
    struct mc_ledger *ledger;
    struct mc_mailer *mailer;
    struct mc_mailer_settings settings;
    struct mc_outgoing *list[64];
    size_t count;
};

/* Messages 0, 1, ... were due one second after the other, the last at start_us. */
static void hands_open(struct hands *h, int messages, bool replayed, bool with_server, bool with_spool) {
    *h = (struct hands){.settings = shop_settings()};
    struct mc_error e = {0};
    snprintf(h->folder, sizeof h->folder, "/tmp/maxcart-mailer-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->store, sizeof h->store, "%s/store.db", h->folder);
    snprintf(h->spool, sizeof h->spool, "%s/out", h->folder);
    h->settings.smtp.url = with_server ? "smtp://127.0.0.1:1" : "";
    h->settings.spool = with_spool ? h->spool : "";
    h->settings.clock = test_clock;
    h->settings.too_late_after_us = MC_HOUR_US;
    h->ledger = shop_open(h->store, replayed, NULL);
    must(mc_ledger_begin(h->ledger, &e), &e);
    for (int i = 0; i < messages; i++) {
        shop_subscribe(h->ledger, i);
        shop_abandon(h->ledger, i, start_us - (messages - 1 - i) * MC_SECOND_US);
    }
    must(mc_ledger_advance(h->ledger, (struct mc_time){start_us}, &e), &e);
    must(mc_ledger_commit(h->ledger, &e), &e);
    must(mc_mailer_open(&h->mailer, h->ledger, &h->settings, &e), &e);
}

static void hands_close(struct hands *h) {
    for (size_t i = 0; i < h->count; i++)
        mc_outgoing_free(&h->list[i]);
    mc_mailer_close(&h->mailer);
    mc_ledger_close(&h->ledger);
    remove_folder(h->spool);
    remove_folder(h->folder);
}

/* Settles what was taken before, all with one outcome, and takes at most `max`. */
static size_t turn(struct hands *h, enum mc_delivery_outcome outcome, int64_t at_us, size_t max) {
    struct mc_error e = {0};
    size_t before = h->count;
    for (size_t i = 0; i < before; i++) {
        h->list[i]->answer.outcome = outcome;
        h->list[i]->answered_at.us = outcome == MC_OUTCOME_NOT_TRIED ? 0 : at_us;
    }
    must(mc_ledger_begin(h->ledger, &e), &e);
    must(mc_mailer_settle(h->mailer, h->list, before, &e), &e);
    must(mc_mailer_take(h->mailer, (struct mc_wall){at_us}, h->list + before, max, &h->count, &e), &e);
    must(mc_ledger_commit(h->ledger, &e), &e);
    for (size_t i = 0; i < before; i++)
        mc_outgoing_free(&h->list[i]);
    memmove(h->list, h->list + before, h->count * sizeof *h->list);
    return h->count;
}

static void a_clock_that_steps_back_delays_nothing(void **state) {
    (void)state;
    struct hands h;
    hands_open(&h, 2, false, true, false);
    int64_t at_us = start_us + MC_MINUTE_US;
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, at_us, 1), 1);
    assert_int_equal(turn(&h, MC_OUTCOME_DOWN, at_us, 1), 0); /* pauses for 15 s, by the clock that is wrong */
    at_us -= MC_DAY_US;
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, at_us, 2), 0);
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, at_us + MC_PAUSE_FIRST_US, 2), 1);
    assert_int_equal(h.list[0]->id, 1); /* the other waits for its retry: not a day, but no longer than a retry can */
    at_us += MC_PAUSE_FIRST_US;
    assert_int_equal(turn(&h, MC_OUTCOME_ACCEPTED, at_us + MC_MINUTE_US, 2), 0);
    assert_int_equal(turn(&h, MC_OUTCOME_ACCEPTED, at_us + MC_RETRY_LONGEST_US, 2), 1);
    assert_int_equal(h.list[0]->id, 2);
    hands_close(&h);
}

/* A cart a minute, a look every 15 s. For an hour the server is down: a few probes find out. Then one is accepted, and
 * all that is younger than an hour goes, the newest first; the rest is withheld. */
static void after_an_hours_outage_the_newest_go_first(void **state) {
    (void)state;
    enum { CARTS_ENDED = 120, OUTAGE_MIN = 60 };
    struct hands h;
    struct mc_error e = {0};
    size_t probes = 0, sent = 0;
    int64_t back_at_us = 0;
    hands_open(&h, CARTS_ENDED, false, true, false); /* due in the two minutes before: to be sent, or too late */
    for (int64_t at_us = start_us; at_us < start_us + 2 * MC_HOUR_US; at_us += MC_PAUSE_FIRST_US) {
        bool down = at_us < start_us + OUTAGE_MIN * MC_MINUTE_US;
        size_t tried = h.count;
        if (at_us % MC_MINUTE_US == start_us % MC_MINUTE_US) {
            int i = (int)((at_us - start_us) / MC_MINUTE_US);
            must(mc_ledger_begin(h.ledger, &e), &e);
            shop_subscribe(h.ledger, CARTS_ENDED + i);
            shop_abandon(h.ledger, CARTS_ENDED + i, at_us);
            must(mc_ledger_advance(h.ledger, (struct mc_time){at_us}, &e), &e);
            must(mc_ledger_commit(h.ledger, &e), &e);
        }
        probes += down ? tried : 0;
        sent += down ? 0 : tried;
        turn(&h, down ? MC_OUTCOME_DOWN : MC_OUTCOME_ACCEPTED, at_us, 16);
        if (sent == 0)
            continue;
        back_at_us = back_at_us == 0 ? at_us : back_at_us;
        for (size_t k = 0; k < h.count; k++) {
            assert_true(h.list[k]->due_at.us >= at_us - MC_HOUR_US);
            assert_true(k == 0 || h.list[k]->id < h.list[k - 1]->id);
        }
    }
    turn(&h, MC_OUTCOME_ACCEPTED, start_us + 2 * MC_HOUR_US, 16);
    uint64_t all = mc_outbox_count(h.ledger, MC_MESSAGE_SENT) + mc_outbox_count(h.ledger, MC_MESSAGE_WITHHELD);
    assert_true(probes <= 16 + 12 && back_at_us < start_us + 71 * MC_MINUTE_US);
    assert_int_equal(all, 2 * CARTS_ENDED);
    assert_true(mc_mailer_counts(h.mailer)->too_late >= CARTS_ENDED);
    assert_true(mc_outbox_count(h.ledger, MC_MESSAGE_SENT) >= CARTS_ENDED - 12);
    hands_close(&h);
}

static void what_nobody_tried_goes_back_at_once(void **state) {
    (void)state;
    struct hands h;
    hands_open(&h, 3, false, true, false);
    for (int i = 0; i < 3 * MC_ATTEMPTS_MAX; i++) {
        assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, start_us + i, 16), 3);
        for (size_t k = 0; k < 3; k++)
            assert_true(h.list[k]->id == 3 - (int64_t)k && h.list[k]->attempts == 1);
    }
    assert_int_equal(mc_mailer_paused_until(h.mailer).us, 0);
    assert_int_equal(turn(&h, MC_OUTCOME_ACCEPTED, start_us + MC_SECOND_US, 16), 0);
    assert_int_equal(mc_outbox_count(h.ledger, MC_MESSAGE_SENT), 3);
    hands_close(&h);
}

static void replayed_messages_have_the_spool_or_wait(void **state) {
    (void)state;
    struct hands h;
    hands_open(&h, 2, true, true, false);
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, start_us, 16), 0);
    assert_int_equal(mc_outbox_count(h.ledger, MC_MESSAGE_CLAIMED), 2);
    hands_close(&h);
    hands_open(&h, 2, true, true, true);
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, start_us + MC_DAY_US, 16), 2); /* never too late */
    assert_true(h.list[0]->channel == MC_CHANNEL_SPOOL && h.list[0]->replayed);
    hands_close(&h);
}

/* Killed between the file and its result: the message was handed over, whatever its person has done since. The one
 * whose file was not written yet goes through the last check again. */
static void what_lies_in_the_spool_was_sent(void **state) {
    (void)state;
    struct hands h;
    struct mc_error e = {0};
    struct mc_courier *courier;
    const char *refused;
    hands_open(&h, 2, false, false, true);
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, start_us, 16), 2);
    int64_t spooled = h.list[0]->id;
    must(mc_courier_open(&courier, &h.settings, &e), &e);
    mc_courier_deliver(courier, h.list, 1);
    mc_courier_close(&courier);
    must(mc_ledger_begin(h.ledger, &e), &e);
    for (size_t i = 0; i < h.count; i++)
        must(mc_suppression_put(h.ledger, h.list[i]->to, MC_UNSUBSCRIBED, (struct mc_wall){start_us}, &refused, &e),
             &e);
    must(mc_ledger_commit(h.ledger, &e), &e);
    mc_mailer_close(&h.mailer);
    must(mc_mailer_open(&h.mailer, h.ledger, &h.settings, &e), &e);
    for (size_t i = 0; i < h.count; i++)
        mc_outgoing_free(&h.list[i]);
    h.count = 0;
    struct mc_message message = {0};
    bool found;
    for (int64_t id = 1; id <= 2; id++) {
        must(mc_message_load(h.ledger, id, &found, &message, &e), &e);
        assert_int_equal(message.state, id == spooled ? MC_MESSAGE_SENT : MC_MESSAGE_RETRY);
        mc_message_free(&message);
    }
    hands_close(&h);
}

/* A server that takes only some connections answers DOWN on one and ACCEPTED on another. */
static void one_that_is_accepted_lifts_the_pause(void **state) {
    (void)state;
    struct hands h;
    hands_open(&h, 4, false, true, false);
    struct mc_error e = {0};
    assert_int_equal(turn(&h, MC_OUTCOME_NOT_TRIED, start_us, 2), 2);
    for (size_t i = 0; i < 2; i++) {
        h.list[i]->answer.outcome = i == 0 ? MC_OUTCOME_DOWN : MC_OUTCOME_ACCEPTED;
        h.list[i]->answered_at.us = start_us + (int64_t)i;
    }
    must(mc_ledger_begin(h.ledger, &e), &e);
    must(mc_mailer_settle(h.mailer, h.list, 1, &e), &e);
    assert_int_equal(mc_mailer_paused_until(h.mailer).us, start_us + MC_PAUSE_FIRST_US);
    must(mc_mailer_settle(h.mailer, h.list + 1, 1, &e), &e);
    assert_int_equal(mc_mailer_paused_until(h.mailer).us, 0);
    must(mc_ledger_commit(h.ledger, &e), &e);
    assert_int_equal(turn(&h, MC_OUTCOME_ACCEPTED, start_us + 2, 16), 2);
    hands_close(&h);
}

static void two_channels_are_a_mistake(void **state) {
    (void)state;
    struct hands h;
    hands_open(&h, 0, false, true, false);
    struct mc_mailer *m;
    struct mc_error e = {0};
    h.settings.webhook = (struct mc_webhook_settings){.url = "https://shop.example/", .secret = "0123456789abcdef"};
    assert_int_equal(mc_mailer_open(&m, h.ledger, &h.settings, &e), MC_ERR_USAGE);
    assert_null(m);
    h.settings.smtp.url = "";
    h.settings.webhook.secret = "short";
    assert_int_equal(mc_mailer_open(&m, h.ledger, &h.settings, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "secret"));
    hands_close(&h);
}

static enum mc_err take_once(void *context) {
    struct hands *h = context;
    enum mc_err err = mc_ledger_begin(h->ledger, NULL);
    if (err != MC_OK)
        return err;
    err = mc_mailer_take(h->mailer, (struct mc_wall){start_us}, h->list, 16, &h->count, NULL);
    if (err == MC_OK)
        err = mc_ledger_commit(h->ledger, NULL);
    if (err == MC_OK)
        return err;
    assert_true(!mc_ledger_in_transaction(h->ledger) || h->count == 0);
    mc_ledger_rollback(h->ledger, NULL);
    mc_mailer_abandoned(h->mailer);
    while (h->count > 0)
        mc_outgoing_free(&h->list[--h->count]);
    return err;
}

static enum mc_err settle_once(void *context) {
    struct hands *h = context;
    enum mc_err err = mc_ledger_begin(h->ledger, NULL);
    if (err != MC_OK)
        return err;
    err = mc_mailer_settle(h->mailer, h->list, h->count, NULL);
    if (err == MC_OK)
        err = mc_ledger_commit(h->ledger, NULL);
    if (err != MC_OK) {
        mc_ledger_rollback(h->ledger, NULL);
        mc_mailer_abandoned(h->mailer);
    }
    return err;
}

static void memory_may_fail_anywhere(void **state) {
    (void)state;
    struct hands h;
    hands_open(&h, 4, false, true, false);
    fail_each_allocation(take_once, &h);
    assert_int_equal(h.count, 4);
    for (size_t i = 0; i < 4; i++) {
        h.list[i]->answer.outcome = i % 2 == 0 ? MC_OUTCOME_ACCEPTED : MC_OUTCOME_UNKNOWN;
        h.list[i]->answered_at.us = start_us;
    }
    fail_each_allocation(settle_once, &h);
    assert_int_equal(mc_outbox_count(h.ledger, MC_MESSAGE_SENT), 2);
    assert_int_equal(mc_outbox_count(h.ledger, MC_MESSAGE_UNKNOWN), 2);
    hands_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_message_once_whatever_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_sent_without_settings, set_up, tear_down),
        cmocka_unit_test(a_clock_that_steps_back_delays_nothing),
        cmocka_unit_test(after_an_hours_outage_the_newest_go_first),
        cmocka_unit_test(what_nobody_tried_goes_back_at_once),
        cmocka_unit_test(replayed_messages_have_the_spool_or_wait),
        cmocka_unit_test(what_lies_in_the_spool_was_sent),
        cmocka_unit_test(one_that_is_accepted_lifts_the_pause),
        cmocka_unit_test(two_channels_are_a_mistake),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

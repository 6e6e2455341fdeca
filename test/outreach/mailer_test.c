/* The mailer over a real ledger and spool, with each allocation failing in turn: whatever fails, the next run goes on,
 * and at the end every message is there once. Servers are the subject of mailer_check.py. */
#include "outreach/sample.h"

#include "outreach/mailer.h"
#include <dirent.h>
#include <stdlib.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_message_once_whatever_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_sent_without_settings, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

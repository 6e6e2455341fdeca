/* The settings: the table's edges, what each mistake is told, who stands above whom, the manual page. */
#include "app/config_keys.h"
#include "app/golden.h"
#include "app/wiring.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mc-config-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/x.conf", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_file(struct mc_str text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

static enum mc_err open_text(struct mc_config *c, const char *text, char **environment, struct mc_error *e) {
    write_file(mc_str_of(text));
    return mc_config_open(c, path, environment, e);
}

/* ---- what is read ---- */

static void test_a_file_is_read(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_error e = {0};
    assert_int_equal(open_text(&c,
                               "\xEF\xBB\xBF# a comment\r\n"
                               "  ; another\n"
                               "[store]\r\n"
                               "name =  Soap # & Co = fine  \r\n"
                               "currency=EUR\n"
                               "\n"
                               " [ visit ]\n"
                               "gap = 10m\n"
                               "[policy]\n"
                               "minimum = 12.5\n"
                               "holdout = 2.25 %\n"
                               "consent = customers_only\n"
                               "[engine]\n"
                               "threads = 3",
                               NULL, &e),
                     MC_OK);
    assert_string_equal(c.store.name, "Soap # & Co = fine");
    assert_string_equal(c.store.currency, "EUR");
    assert_int_equal(c.visit.gap_us, 10 * MC_MINUTE_US);
    assert_int_equal(c.policy.minimum, 1250);
    assert_int_equal(c.policy.holdout_bp, 225);
    assert_int_equal(c.policy.consent, MC_CONSENT_OR_CUSTOMER);
    assert_int_equal(c.engine.threads, 3);
    assert_string_equal(c.store.time_zone, "UTC");
    mc_config_close(&c);
}

static void test_defaults_are_those_of_the_ledger(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_policy mine, theirs;
    assert_int_equal(open_text(&c, "", NULL, NULL), MC_OK);
    mc_config_policy(&c, &mine);
    mc_policy_defaults(&theirs);
    assert_int_equal(mine.consent, theirs.consent);
    assert_int_equal(mine.cap_window_us, theirs.cap_window_us);
    assert_int_equal(mine.holdout_ppm, theirs.holdout_ppm);
    assert_int_equal(mine.delay_us, theirs.delay_us);
    assert_int_equal(mine.attribution_window_us, theirs.attribution_window_us);
    assert_int_equal(mine.stale_after_us, theirs.stale_after_us);
    assert_int_equal(mine.offer.kind, theirs.offer.kind);
    assert_int_equal(mine.offer.value, theirs.offer.value);
    assert_int_equal(mine.coupons, theirs.coupons);
    assert_string_equal(mine.campaign, theirs.campaign);
    assert_string_equal(mine.experiment, theirs.experiment);
    mc_config_close(&c);
}

static void test_an_offer_and_its_coupons(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_policy p;
    assert_int_equal(open_text(&c,
                               "[policy]\noffer = percentage\noffer_value = 7.5\ncoupons = pool\n"
                               "coupon_when_empty = do_not_send\ncampaign = autumn\n",
                               NULL, NULL),
                     MC_OK);
    mc_config_policy(&c, &p);
    assert_int_equal(p.offer.kind, MC_OFFER_PERCENTAGE);
    assert_int_equal(p.offer.value, 750);
    assert_int_equal(p.coupons, MC_COUPON_REQUIRED);
    assert_string_equal(p.campaign, "autumn");
    mc_config_close(&c);
}

/* ---- the table ---- */

static void setting(struct mc_buf *b, const struct mc_config_key *k, int64_t number) {
    b->len = 0;
    mc_buf_printf(b, "[%s]\n%s = ", k->section, k->key);
    mc_config_value_text(b, k, number);
}

static void test_every_range_ends_where_it_says(void **state) {
    (void)state;
    struct mc_buf b = {0};
    for (size_t i = 0; i < mc_config_key_count; i++) {
        const struct mc_config_key *k = &mc_config_keys[i];
        struct mc_config c;
        char where[100];
        if (mc_config_type_is_text(k->type) || k->type == MC_TYPE_CHOICE)
            continue;
        snprintf(where, sizeof where, "%s:2: %s takes ", path, k->key);
        for (int side = 0; side < 2; side++) {
            struct mc_error e = {0};
            setting(&b, k, side == 0 ? k->min : k->max);
            assert_int_equal(open_text(&c, mc_buf_cstr(&b), NULL, &e), MC_OK);
            assert_true(*(int64_t *)((char *)&c + k->offset) == (side == 0 ? k->min : k->max));
            mc_config_close(&c);
            setting(&b, k, side == 0 ? k->min - 1 : k->max + 1);
            assert_int_equal(open_text(&c, mc_buf_cstr(&b), NULL, &e), MC_ERR_USAGE);
            assert_memory_equal(e.text, where, strlen(where));
        }
    }
    mc_buf_free(&b);
}

static void test_every_default_is_a_value(void **state) {
    (void)state;
    for (size_t i = 0; i < mc_config_key_count; i++) {
        const struct mc_config_key *k = &mc_config_keys[i];
        int64_t number;
        assert_true(mc_config_value_parse(k, mc_str_of(k->initial), &number));
        assert_true(strlen(k->section) + strlen(k->key) < 50);
        assert_non_null(k->meaning);
    }
}

static void test_every_choice_is_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < mc_config_key_count; i++) {
        const struct mc_config_key *k = &mc_config_keys[i];
        for (int64_t n = 0, known; k->type == MC_TYPE_CHOICE && n < 3; n++) {
            struct mc_buf b = {0};
            if (n == 2 && strchr(strchr(k->choices, '|') + 1, '|') == NULL)
                break;
            mc_config_value_text(&b, k, n);
            assert_true(mc_config_value_parse(k, mc_buf_view(&b), &known));
            assert_int_equal(known, n);
            mc_buf_free(&b);
        }
    }
}

/* ---- mistakes ---- */

static void expect_mistake(const char *text, const char *sentence) {
    struct mc_config c;
    struct mc_error e = {0};
    char whole[600];
    snprintf(whole, sizeof whole, "%s%s", path, sentence);
    assert_int_equal(open_text(&c, text, NULL, &e), MC_ERR_USAGE);
    assert_string_equal(e.text, whole);
}

static void test_mistakes_name_file_and_line(void **state) {
    (void)state;
    expect_mistake("[visit]\n\ngpa = 30m\n", ":3: there is no key gpa in [visit]; did you mean gap?");
    expect_mistake("[visit]\nzzzzzz = 30m\n", ":2: there is no key zzzzzz in [visit]");
    expect_mistake("[vist]\n", ":1: there is no section [vist]; did you mean visit?");
    expect_mistake("[visit\n", ":1: a section is written [name], not '[visit'");
    expect_mistake("gap = 30m\n", ":1: gap stands before the first [section]");
    expect_mistake("[visit]\ngap 30m\n", ":2: a setting is written key = value, not 'gap 30m'");
    expect_mistake("[visit]\ngap = 30m\n[visit]\ngap = 10m\n", ":4: gap was given before, in line 2");
    expect_mistake("[visit]\ngap = 366d\n", ":2: gap takes a duration from 1s to 365d, not '366d'");
    expect_mistake("[visit]\ngap =\n", ":2: gap takes a duration from 1s to 365d, not ''");
    expect_mistake("[policy]\nholdout = 101%\n", ":2: holdout takes a percentage from 0% to 100%, not '101%'");
    expect_mistake("[policy]\nminimum = 1.234\n",
                   ":2: minimum takes a number with at most two decimals from 0 to 10000000000, not '1.234'");
    expect_mistake("[mail]\ntransport = pigeon\n", ":2: transport takes spool, smtp or webhook, not 'pigeon'");
    expect_mistake("[mail]\nsender = a b@c\n", ":2: sender takes an e-mail address, not 'a b@c'");
    expect_mistake("[mail]\npublic_url = javascript:x\n",
                   ":2: public_url takes an http:// or https:// address, not 'javascript:x'");
    expect_mistake("[store]\ncurrency = euro\n",
                   ":2: currency takes a currency code of three capital letters, not 'euro'");
    expect_mistake("[store]\ntime_zone = ../../etc/passwd\n",
                   ":2: time_zone takes a time zone like Europe/Berlin, not '../../etc/passwd'");
    expect_mistake("[store]\nname = \xFF\n", ":2: this line is not a text in UTF-8");
}

static void test_a_secret_is_in_no_message(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_error e = {0};
    assert_int_equal(open_text(&c, "[mail]\nsmtp_password = hun\x01ter2\n", NULL, &e), MC_ERR_USAGE);
    assert_null(strstr(e.text, "ter2"));
}

static void test_a_nul_byte_is_named(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_error e = {0};
    write_file(MC_STR("[store]\nname = a\0b\n"));
    assert_int_equal(mc_config_open(&c, path, NULL, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "x.conf:2: this line is not a text"));
}

static void test_rules_between_keys(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_error e = {0};
    assert_int_equal(open_text(&c, "[policy]\noffer = percentage\noffer_value = 100.01\n", NULL, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "offer_value must be above 0, up to 100"));
    assert_int_equal(open_text(&c, "[policy]\noffer = amount\n", NULL, &e), MC_ERR_USAGE);
    assert_int_equal(open_text(&c, "[mail]\ntransport = smtp\n", NULL, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "mail.smtp_url"));
}

static void test_files_that_are_none(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_error e = {0};
    assert_int_equal(mc_config_open(&c, "/no/such.conf", NULL, &e), MC_ERR_IO);
    assert_string_equal(e.text, "cannot read the settings in /no/such.conf: No such file or directory");
    assert_int_equal(mc_config_open(&c, folder, NULL, &e), MC_ERR_IO);
    assert_non_null(strstr(e.text, "Is a directory"));
    assert_int_equal(mc_config_open(&c, "/dev/zero", NULL, &e), MC_ERR_LIMIT);
}

/* ---- the environment ---- */

static void describe(const struct mc_config *c, const char *key, const char *value, const char *from) {
    struct mc_buf cells[3] = {{0}, {0}, {0}};
    bool seen = false;
    for (size_t i = 0; mc_config_describe(c, i, &cells[0], &cells[1], &cells[2]); i++) {
        if (strcmp(mc_buf_cstr(&cells[0]), key) == 0) {
            seen = true;
            assert_string_equal(mc_buf_cstr(&cells[1]), value);
            assert_string_equal(mc_buf_cstr(&cells[2]), from);
        }
        for (int k = 0; k < 3; k++)
            cells[k].len = 0;
    }
    for (int k = 0; k < 3; k++)
        mc_buf_free(&cells[k]);
    assert_true(seen);
}

static void test_the_environment_stands_above_the_file(void **state) {
    (void)state;
    struct mc_config c;
    char *environment[] = {"HOME=/x", "MAXCART_VISIT_GAP=5m", "MAXCART_MAIL_SMTP_PASSWORD=hunter2",
                           "MAXCART_STORE_PATH=/s.db", NULL};
    char line[100];
    assert_int_equal(open_text(&c, "[visit]\ngap = 10m\n[policy]\ndelay = 30m\n", environment, NULL), MC_OK);
    assert_int_equal(c.visit.gap_us, 5 * MC_MINUTE_US);
    assert_string_equal(c.store.path, "/s.db");
    describe(&c, "visit.gap", "5m", "MAXCART_VISIT_GAP");
    snprintf(line, sizeof line, "%s:4", path);
    describe(&c, "policy.delay", "30m", line);
    describe(&c, "policy.holdout", "5%", "default");
    describe(&c, "policy.consent", "required", "default");
    describe(&c, "mail.smtp_password", "********", "MAXCART_MAIL_SMTP_PASSWORD");
    assert_string_equal(c.mail.smtp_password, "hunter2");
    mc_config_close(&c);
}

static void test_mistakes_in_the_environment_are_named(void **state) {
    (void)state;
    struct mc_config c;
    struct mc_error e = {0};
    char *unknown[] = {"MAXCART_VISIT_GPA=5m", NULL}, *bad[] = {"MAXCART_VISIT_GAP=5", NULL},
         *far[] = {"MAXCART_QQQQQQQQQQQQQQQQQQQQQQQQQQQQQ=5", NULL};
    assert_int_equal(open_text(&c, "", unknown, &e), MC_ERR_USAGE);
    assert_string_equal(e.text, "the environment has MAXCART_VISIT_GPA, which is no setting; did you mean "
                                "MAXCART_VISIT_GAP?");
    assert_int_equal(open_text(&c, "", bad, &e), MC_ERR_USAGE);
    assert_string_equal(e.text, "the environment: MAXCART_VISIT_GAP takes a duration from 1s to 365d, not '5'");
    assert_int_equal(open_text(&c, "", far, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "maxcart config --help lists them"));
}

/* ---- memory, help, manual ---- */

static void test_no_memory_at_any_allocation(void **state) {
    (void)state;
    static char *environment[] = {"MAXCART_MAIL_SENDER=a@example.com", NULL};
    write_file(MC_STR("[store]\nname = Soap\npath = /x\n[visit]\ngap = 1h\n"));
    for (uint64_t n = 1;; n++) {
        struct mc_config c;
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = mc_config_open(&c, path, environment, &e);
        bool met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, met ? MC_ERR_NOMEM : MC_OK);
        mc_config_close(&c);
        if (!met) {
            assert_true(n > 10);
            break;
        }
    }
}

static void test_help_names_every_key(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_config_help(&b);
    for (size_t i = 0; i < mc_config_key_count; i++)
        assert_non_null(strstr(mc_buf_cstr(&b), mc_config_keys[i].meaning));
    mc_buf_free(&b);
}

static void test_the_manual_page_is_the_table(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_config_man(&b);
    assert_true(golden_equal("docs/maxcart.conf.5", mc_buf_view(&b)));
    mc_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_is_read),
        cmocka_unit_test(test_defaults_are_those_of_the_ledger),
        cmocka_unit_test(test_an_offer_and_its_coupons),
        cmocka_unit_test(test_every_range_ends_where_it_says),
        cmocka_unit_test(test_every_default_is_a_value),
        cmocka_unit_test(test_every_choice_is_taken),
        cmocka_unit_test(test_mistakes_name_file_and_line),
        cmocka_unit_test(test_a_secret_is_in_no_message),
        cmocka_unit_test(test_a_nul_byte_is_named),
        cmocka_unit_test(test_rules_between_keys),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_the_environment_stands_above_the_file),
        cmocka_unit_test(test_mistakes_in_the_environment_are_named),
        cmocka_unit_test(test_no_memory_at_any_allocation),
        cmocka_unit_test(test_help_names_every_key),
        cmocka_unit_test(test_the_manual_page_is_the_table),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

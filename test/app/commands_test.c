/* Every command that reads, run in this process over a small store, compared with golden files; and the manual page. */
#include "app/command.h"
#include "app/golden.h"
#include "app/shop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mc-commands-XXXXXX";
static char store[64], output[64];

static int make_shop(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(store, sizeof store, "%s/shop.db", folder);
    snprintf(output, sizeof output, "%s/output", folder);
    return shop_make(store) ? 0 : -1;
}

static int remove_shop(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* Runs `maxcart WORDS... --store SHOP` with standard output in a file, whose text it gives back; the caller frees. */
static int run(const char *const *words, char **environment, struct mc_buf *text) {
    char *argv[24] = {"maxcart"};
    int argc = 1;
    for (; *words != NULL; words++)
        argv[argc++] = (char *)*words;
    argv[argc++] = "--store";
    argv[argc++] = store;
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), file = open(output, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0);
    dup2(file, STDOUT_FILENO);
    int code = mc_command_main(argc, argv, environment);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    off_t len = lseek(file, 0, SEEK_END);
    char *room = mc_buf_reserve(text, (size_t)len + 1);
    assert_int_equal(pread(file, room, (size_t)len, 0), len);
    text->len = (size_t)len;
    close(file);
    return code;
}

static void expect(const char *golden, const char *const *words) {
    char *environment[] = {"MAXCART_STORE_CURRENCY=EUR", "MAXCART_STORE_TIME_ZONE=UTC", NULL};
    char path[100];
    struct mc_buf text = {0};
    snprintf(path, sizeof path, "test/app/golden/%s", golden);
    assert_int_equal(run(words, environment, &text), 0);
    assert_true(golden_equal(path, mc_buf_view(&text)));
    mc_buf_free(&text);
}

#define EXPECT(golden, ...) expect(golden, (const char *const[]){__VA_ARGS__, NULL})

static void test_report(void **state) {
    (void)state;
    EXPECT("shop-report.txt", "report");
    EXPECT("shop-report.json", "report", "--json");
    EXPECT("shop-report.csv", "report", "--csv");
}

static void test_carts(void **state) {
    (void)state;
    EXPECT("shop-carts.txt", "carts");
    EXPECT("shop-carts.jsonl", "carts", "--json");
    EXPECT("shop-carts.csv", "carts", "--csv");
}

static void test_decisions(void **state) {
    (void)state;
    EXPECT("shop-decisions.txt", "decisions");
    EXPECT("shop-decisions.jsonl", "decisions", "--json");
}

static void test_sales(void **state) {
    (void)state;
    EXPECT("shop-sales.txt", "sales");
    EXPECT("shop-sales-minute.csv", "sales", "--by", "minute", "--csv");
    EXPECT("shop-sales-day.txt", "sales", "--by", "day");
}

static void test_rejects(void **state) {
    (void)state;
    EXPECT("shop-rejects.txt", "rejects");
    EXPECT("shop-rejects.csv", "rejects", "list", "--csv");
    EXPECT("shop-rejects.jsonl", "rejects", "--json", "--reason", "bad_price");
}

static void test_why(void **state) {
    (void)state;
    for (int n = 1; n <= 8; n++) {
        char golden[40], user[16];
        snprintf(golden, sizeof golden, "shop-why-u%d.txt", n);
        snprintf(user, sizeof user, "u%d", n);
        EXPECT(golden, "why", user);
    }
}

static void test_people(void **state) {
    (void)state;
    EXPECT("shop-subscribers.txt", "subscribers", "count");
    EXPECT("shop-subscribers-list.txt", "subscribers", "list");
    EXPECT("shop-subscribers-list.csv", "subscribers", "list", "--csv");
    EXPECT("shop-subscribers-list.jsonl", "subscribers", "list", "--json");
    EXPECT("shop-catalogue.txt", "catalogue", "count");
    EXPECT("shop-catalogue-list.txt", "catalogue", "list");
    EXPECT("shop-catalogue-list.jsonl", "catalogue", "list", "--json");
    EXPECT("shop-coupons.txt", "coupons", "count");
    EXPECT("shop-coupons-list.txt", "coupons", "list");
    EXPECT("shop-coupons-list.csv", "coupons", "list", "--csv");
    EXPECT("shop-coupons-list.jsonl", "coupons", "list", "--json");
}

static size_t lines_of(const char *const *words) {
    struct mc_buf text = {0};
    size_t lines = 0;
    assert_int_equal(run(words, NULL, &text), 0);
    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    mc_buf_free(&text);
    return lines;
}

#define LINES(...) lines_of((const char *const[]){__VA_ARGS__, NULL})

static void test_filters(void **state) {
    (void)state;
    assert_int_equal(LINES("carts", "--json"), 7);
    assert_int_equal(LINES("carts", "--json", "--user", "u3"), 1);
    assert_int_equal(LINES("carts", "--json", "--user", "u"), 0);
    assert_int_equal(LINES("carts", "--json", "--product", "comb"), 7);
    assert_int_equal(LINES("carts", "--json", "--product", "none"), 0);
    assert_int_equal(LINES("carts", "--json", "--decision", "no_address"), 1);
    assert_int_equal(LINES("carts", "--json", "--since", "2019-10-01T01:02:00Z"), 5);
    assert_int_equal(LINES("carts", "--json", "--until", "2019-10-01T01:02:00Z"), 2);
    assert_int_equal(LINES("carts", "--json", "--since", "2019-10-02"), 0);
    assert_int_equal(LINES("carts", "--json", "--limit", "3"), 3);
    assert_int_equal(LINES("carts", "--limit", "3"), 5);   /* a heading and a word that there are more */
    assert_int_equal(LINES("carts", "--limit", "7"), 8);   /* there are no more */
    assert_int_equal(LINES("carts", "--user", "none"), 2); /* a heading and "(none)" */
    assert_int_equal(LINES("subscribers", "list", "--json", "--user", "u3"), 1);
    assert_int_equal(LINES("subscribers", "list", "--json", "--user", "u"), 0);
    assert_int_equal(LINES("subscribers", "list", "--json", "--limit", "2"), 2);
    assert_int_equal(LINES("subscribers", "list", "--limit", "2"), 4);
    assert_int_equal(LINES("catalogue", "list", "--json", "--product", "comb"), 1);
    assert_int_equal(LINES("catalogue", "list", "--json", "--product", "com"), 0);
    assert_int_equal(LINES("coupons", "list", "--json", "--user", "u1"), 1);
    assert_int_equal(LINES("coupons", "list", "--json", "--user", "u2"), 0);
    assert_int_equal(LINES("sales", "--json", "--product", "comb"), 1);
    assert_int_equal(LINES("sales", "--json", "--by", "minute", "--since", "2019-10-01T02:00:00Z"), 1);
    assert_int_equal(LINES("sales", "--json", "--by", "day", "--limit", "1"), 1);
    assert_int_equal(LINES("rejects", "--json", "--since", "2019-10-03"), 1);
    assert_int_equal(LINES("rejects", "--json", "--reason", "too_long"), 0);
}

/* Days begin at midnight of the shop: of Tonga, 13 hours ahead, the first purchase falls on the same day, one of 12:00
 * UTC on the next. */
static void test_days_are_the_shops(void **state) {
    (void)state;
    char *environment[] = {"MAXCART_STORE_TIME_ZONE=Pacific/Midway", NULL};
    struct mc_buf text = {0};
    if (access("/usr/share/zoneinfo/Pacific/Midway", R_OK) != 0)
        skip();
    assert_int_equal(run((const char *const[]){"sales", "--by", "day", "--csv", NULL}, environment, &text), 0);
    assert_string_equal(mc_buf_cstr(&text), "day,units,revenue_minor\n2019-09-30,4,3600\n");
    mc_buf_free(&text);
}

/* The message itself is outreach's, tested there; here: the right cart, the form asked for, the file that --out names.
 */
static void test_preview(void **state) {
    (void)state;
    char *environment[] = {"MAXCART_MAIL_TEMPLATES=templates", NULL};
    char file[80];
    struct mc_buf text = {0};
    assert_int_equal(run((const char *const[]){"preview", "--user", "u1", "--text", NULL}, environment, &text), 0);
    assert_memory_equal(mc_buf_cstr(&text), "Subject: ", 9);
    assert_non_null(strstr(mc_buf_cstr(&text), "A fine comb"));
    assert_null(strchr(mc_buf_cstr(&text), '\x1B'));
    text.len = 0;
    assert_int_equal(run((const char *const[]){"preview", "--cart", "s2", NULL}, environment, &text), 0);
    assert_non_null(strstr(mc_buf_cstr(&text), "<html"));
    snprintf(file, sizeof file, "%s/preview.html", folder);
    struct mc_buf none = {0};
    assert_int_equal(run((const char *const[]){"preview", "--cart", "s2", "--out", file, NULL}, environment, &none), 0);
    assert_int_equal(none.len, 0);
    assert_true(golden_equal(file, mc_buf_view(&text)));
    assert_int_equal(run((const char *const[]){"preview", "--user", "u8", NULL}, environment, &none), 1);
    mc_buf_free(&none);
    mc_buf_free(&text);
}

static void test_a_broken_rule_is_shown_and_fails(void **state) {
    (void)state;
    struct mc_ledger *l = NULL;
    struct mc_summary s;
    struct mc_buf text = {0};
    assert_int_equal(mc_ledger_open(&l, store, MC_LEDGER_WRITE, NULL, NULL), MC_OK);
    assert_int_equal(mc_summary_load(l, &s, NULL), MC_OK);
    s.rows++;
    assert_int_equal(mc_ledger_begin(l, NULL), MC_OK);
    assert_int_equal(mc_summary_save(l, &s, NULL), MC_OK);
    assert_int_equal(mc_ledger_commit(l, NULL), MC_OK);
    assert_int_equal(run((const char *const[]){"report", NULL}, NULL, &text), 1);
    assert_non_null(strstr(mc_buf_cstr(&text),
                           "BROKEN  every row read is accepted or rejected: 33 read but 32 accepted and rejected\n"));
    s.rows--;
    assert_int_equal(mc_ledger_begin(l, NULL), MC_OK);
    assert_int_equal(mc_summary_save(l, &s, NULL), MC_OK);
    assert_int_equal(mc_ledger_commit(l, NULL), MC_OK);
    mc_ledger_close(&l);
    mc_buf_free(&text);
}

static void test_every_command_has_help(void **state) {
    (void)state;
    for (size_t i = 0; mc_commands[i] != NULL; i++) {
        struct mc_buf text = {0};
        assert_int_equal(run((const char *const[]){mc_commands[i]->name, "--help", NULL}, NULL, &text), 0);
        assert_non_null(strstr(mc_buf_cstr(&text), mc_commands[i]->purpose));
        assert_non_null(strstr(mc_buf_cstr(&text), "--store FILE"));
        mc_buf_free(&text);
    }
}

static void test_lines_of_help_fit_a_terminal(void **state) {
    (void)state;
    for (size_t i = 0; mc_commands[i] != NULL; i++) {
        const char *line = mc_commands[i]->about;
        for (size_t len; *line != '\0'; line += len + (line[len] == '\n')) {
            len = strcspn(line, "\n");
            if (len > 79)
                fail_msg("%s: %.*s", mc_commands[i]->name, (int)len, line);
        }
    }
}

static void test_the_manual_page_is_the_table(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_commands_man(&b);
    assert_true(golden_equal("docs/maxcart.1", mc_buf_view(&b)));
    mc_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_carts),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_sales),
        cmocka_unit_test(test_rejects),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_days_are_the_shops),
        cmocka_unit_test(test_preview),
        cmocka_unit_test(test_a_broken_rule_is_shown_and_fails),
        cmocka_unit_test(test_every_command_has_help),
        cmocka_unit_test(test_lines_of_help_fit_a_terminal),
        cmocka_unit_test(test_the_manual_page_is_the_table),
    };
    return cmocka_run_group_tests(tests, make_shop, remove_shop);
}

/* Keys, password, share links, sessions: what is good, until when, and that another handle sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/access.h"

#include "base/mem.h"
#include <dirent.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], store[96], file[128];

static int make_folder(void **state) {
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.30s/mc_access_XXXXXX", temporary ? temporary : "/tmp");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(store, sizeof store, "%s/s.db", folder);
    snprintf(file, sizeof file, "%s-access", store);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static const struct mc_wall noon = {INT64_C(1700000000) * 1000000};

static struct mc_wall after(int64_t seconds) {
    return (struct mc_wall){noon.us + seconds * MC_SECOND_US};
}

static struct mc_access *open_access(void) {
    struct mc_access *a = NULL;
    struct mc_error e = {0};
    if (mc_access_open(&a, store, &e) != MC_OK)
        fail_msg("%s", e.text);
    return a;
}

static void create_key(struct mc_access *a, const char *name, enum mc_key_kind kind, char *secret) {
    struct mc_error e = {0};
    if (mc_key_create(a, mc_str_of(name), kind, noon, secret, &e) != MC_OK)
        fail_msg("%s", e.text);
}

static bool key_is(struct mc_access *a, const char *secret, const char *name, enum mc_key_kind kind) {
    struct mc_key key = {0};
    return mc_key_check(a, mc_str_of(secret), &key) && strcmp(key.name, name) == 0 && key.kind == kind;
}

static void a_key_works_until_it_is_revoked(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    struct mc_error e = {0};
    struct mc_key key;
    char shop[MC_SECRET_CHARS + 1], page[MC_SECRET_CHARS + 1], again[MC_SECRET_CHARS + 1];
    create_key(a, "shop", MC_KEY_SERVER, shop);
    create_key(a, "page", MC_KEY_BROWSER, page);
    assert_memory_equal(shop, "mk_s_", 5);
    assert_memory_equal(page, "mk_b_", 5);
    assert_int_equal(strlen(shop), MC_SECRET_CHARS);
    assert_true(key_is(a, shop, "shop", MC_KEY_SERVER));
    assert_true(key_is(a, page, "page", MC_KEY_BROWSER));
    assert_false(mc_key_check(a, MC_STR("mk_s_"), &key));
    assert_false(mc_key_check(a, MC_STR(""), &key));
    assert_false(mc_key_check(a, (struct mc_str){shop, MC_SECRET_CHARS - 1}, &key));
    shop[20] ^= 1;
    assert_false(mc_key_check(a, mc_str_of(shop), &key));
    shop[20] ^= 1;

    assert_int_equal(mc_key_create(a, MC_STR("shop"), MC_KEY_SERVER, noon, again, &e), MC_ERR_USAGE);
    assert_string_equal(again, "");
    assert_int_equal(mc_key_revoke(a, MC_STR("shop"), after(5), &e), MC_OK);
    assert_false(mc_key_check(a, mc_str_of(shop), &key));
    assert_int_equal(mc_key_revoke(a, MC_STR("shop"), after(5), &e), MC_ERR_USAGE);
    create_key(a, "shop", MC_KEY_SERVER, again);
    assert_true(key_is(a, again, "shop", MC_KEY_SERVER));
    assert_int_equal(mc_key_revoke(a, MC_STR("2"), after(6), &e), MC_OK); /* by id */
    assert_false(mc_key_check(a, mc_str_of(page), &key));
    mc_access_close(&a);
    assert_null(a);
}

struct listing {
    struct mc_key keys[8];
    int count, stop_after;
};

static bool list(void *context, const struct mc_key *key) {
    struct listing *l = context;
    l->keys[l->count++] = *key;
    return l->count != l->stop_after;
}

static void keys_are_listed_with_the_revoked_ones(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    struct listing all = {.stop_after = -1}, one = {.stop_after = 1};
    char secret[MC_SECRET_CHARS + 1];
    struct mc_error e = {0};
    create_key(a, "one", MC_KEY_BROWSER, secret);
    create_key(a, "two", MC_KEY_SERVER, secret);
    assert_int_equal(mc_key_revoke(a, MC_STR("one"), after(9), &e), MC_OK);
    assert_int_equal(mc_key_each(a, list, &all, &e), MC_OK);
    assert_int_equal(all.count, 2);
    assert_string_equal(all.keys[0].name, "one");
    assert_int_equal(all.keys[0].kind, MC_KEY_BROWSER);
    assert_int_equal(all.keys[0].created_at.us, noon.us);
    assert_int_equal(all.keys[0].revoked_at.us, after(9).us);
    assert_int_equal(all.keys[1].revoked_at.us, 0);
    assert_int_equal(mc_key_each(a, list, &one, &e), MC_OK);
    assert_int_equal(one.count, 1);
    mc_access_close(&a);
}

static void names_are_lines_of_text(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char secret[MC_SECRET_CHARS + 1], longest[MC_ACCESS_NAME_MAX + 2];
    struct mc_error e;
    static const char *const bad[] = {"", "two\nlines", "\xff", "tab\there"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(mc_key_create(a, mc_str_of(bad[i]), MC_KEY_SERVER, noon, secret, &e), MC_ERR_USAGE);
        assert_int_equal(mc_share_create(a, mc_str_of(bad[i]), noon, noon, secret, &e), MC_ERR_USAGE);
    }
    memset(longest, 'n', sizeof longest);
    longest[MC_ACCESS_NAME_MAX + 1] = '\0';
    assert_int_equal(mc_key_create(a, mc_str_of(longest), MC_KEY_SERVER, noon, secret, &e), MC_ERR_USAGE);
    longest[MC_ACCESS_NAME_MAX] = '\0';
    create_key(a, longest, MC_KEY_SERVER, secret);
    assert_true(key_is(a, secret, longest, MC_KEY_SERVER));
    mc_access_close(&a);
}

static void no_secret_is_in_the_file_and_only_the_owner_reads_it(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char key[MC_SECRET_CHARS + 1], share[MC_SECRET_CHARS + 1], session[MC_SECRET_CHARS + 1];
    static char bytes[1 << 20];
    struct mc_error e;
    struct stat st;
    create_key(a, "shop", MC_KEY_SERVER, key);
    assert_int_equal(mc_share_create(a, MC_STR("board"), (struct mc_wall){0}, noon, share, &e), MC_OK);
    assert_int_equal(mc_session_create(a, 0, after(60), session, &e), MC_OK);
    assert_int_equal(mc_password_set(a, MC_STR("correct horse"), &e), MC_OK);
    mc_access_close(&a);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(file, "r");
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(len > 4096);
    assert_null(memmem(bytes, len, key + 5, 20));
    assert_null(memmem(bytes, len, share + 3, 20));
    assert_null(memmem(bytes, len, session + 3, 20));
    assert_null(memmem(bytes, len, "correct horse", 13));

    assert_int_equal(chmod(file, 0644), 0); /* copied by hand with a lax umask */
    a = open_access();
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    mc_access_close(&a);
}

static void the_password_is_set_checked_and_changed(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char made[24], other[24], admin[MC_SECRET_CHARS + 1], shared[MC_SECRET_CHARS + 1], link[MC_SECRET_CHARS + 1];
    struct mc_share share;
    struct mc_session session;
    struct mc_error e;
    assert_false(mc_password_is_set(a));
    assert_false(mc_password_check(a, MC_STR("")));
    assert_int_equal(mc_password_set(a, MC_STR("seven 7"), &e), MC_ERR_USAGE);
    mc_password_make(made);
    mc_password_make(other);
    assert_string_not_equal(made, other);
    assert_int_equal(strlen(made), 23);
    assert_int_equal(mc_password_set(a, mc_str_of(made), &e), MC_OK);
    assert_true(mc_password_is_set(a));
    assert_true(mc_password_check(a, mc_str_of(made)));
    assert_false(mc_password_check(a, mc_str_of(other)));

    assert_int_equal(mc_session_create(a, 0, after(60), admin, &e), MC_OK);
    assert_int_equal(mc_share_create(a, MC_STR("board"), (struct mc_wall){0}, noon, link, &e), MC_OK);
    assert_true(mc_share_check(a, mc_str_of(link), noon, &share));
    assert_int_equal(mc_session_create(a, share.id, after(60), shared, &e), MC_OK);
    assert_int_equal(mc_password_set(a, mc_str_of(other), &e), MC_OK);
    assert_true(mc_password_check(a, mc_str_of(other)));
    assert_false(mc_session_check(a, mc_str_of(admin), noon, &session)); /* a new password ends the admin's sessions */
    assert_true(mc_session_check(a, mc_str_of(shared), noon, &session));
    mc_access_close(&a);
}

static void a_share_link_ends_by_time_or_by_revocation(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char day[MC_SECRET_CHARS + 1], ever[MC_SECRET_CHARS + 1], cookie[MC_SECRET_CHARS + 1];
    struct mc_share share;
    struct mc_session session;
    struct mc_error e;
    assert_int_equal(mc_share_create(a, MC_STR("day"), after(86400), noon, day, &e), MC_OK);
    assert_int_equal(mc_share_create(a, MC_STR("ever"), (struct mc_wall){0}, noon, ever, &e), MC_OK);
    assert_true(mc_share_check(a, mc_str_of(day), after(86399), &share));
    assert_int_equal(mc_session_create(a, share.id, after(10 * 86400), cookie, &e), MC_OK);
    assert_true(mc_session_check(a, mc_str_of(cookie), after(86399), &session));
    assert_int_equal(session.share, share.id);
    assert_false(mc_share_check(a, mc_str_of(day), after(86400), &share));
    assert_false(mc_session_check(a, mc_str_of(cookie), after(86400), &session)); /* with its link */

    assert_true(mc_share_check(a, mc_str_of(ever), after(1000000000), &share));
    assert_string_equal(share.name, "ever");
    assert_int_equal(mc_session_create(a, share.id, after(60), cookie, &e), MC_OK);
    assert_int_equal(mc_share_revoke(a, MC_STR("ever"), noon, &e), MC_OK);
    assert_false(mc_share_check(a, mc_str_of(ever), noon, &share));
    assert_false(mc_session_check(a, mc_str_of(cookie), noon, &session));
    assert_int_equal(mc_share_revoke(a, MC_STR("ever"), noon, &e), MC_ERR_USAGE);
    mc_access_close(&a);
}

static void a_session_outlives_a_restart_and_ends(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char cookie[MC_SECRET_CHARS + 1];
    struct mc_session session;
    struct mc_error e;
    assert_int_equal(mc_session_create(a, 0, after(60), cookie, &e), MC_OK);
    mc_access_close(&a);
    a = open_access();
    assert_true(mc_session_check(a, mc_str_of(cookie), after(59), &session));
    assert_int_equal(session.share, 0);
    assert_int_equal(session.expires_at.us, after(60).us);
    assert_false(mc_session_check(a, mc_str_of(cookie), after(60), &session));
    assert_int_equal(mc_session_end(a, mc_str_of(cookie), &e), MC_OK);
    assert_false(mc_session_check(a, mc_str_of(cookie), noon, &session));
    mc_access_close(&a);
}

/* The file is filled past its bound by hand: a thousand creations are a thousand transactions. */
static void sessions_are_bounded_and_the_oldest_go(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char first[MC_SECRET_CHARS + 1], last[MC_SECRET_CHARS + 1], link[MC_SECRET_CHARS + 1], text[400];
    struct mc_session session;
    struct mc_error e;
    sqlite3 *db;
    assert_int_equal(mc_share_create(a, MC_STR("board"), (struct mc_wall){0}, noon, link, &e), MC_OK);
    assert_int_equal(mc_session_create(a, 1, after(1), link, &e), MC_OK);
    assert_int_equal(mc_session_create(a, 0, after(1), first, &e), MC_OK);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    snprintf(text, sizeof text,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d)"
             "INSERT INTO session(hash,share,expires_at) SELECT randomblob(32),0,%lld+i FROM n",
             MC_SESSIONS_MAX - 1, (long long)after(2).us);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_true(mc_session_check(a, mc_str_of(first), noon, &session));
    assert_int_equal(mc_session_create(a, 0, after(3), last, &e), MC_OK);
    assert_false(mc_session_check(a, mc_str_of(first), noon, &session));
    assert_true(mc_session_check(a, mc_str_of(last), noon, &session));
    assert_true(mc_session_check(a, mc_str_of(link), noon, &session)); /* a link's are counted by themselves */
    mc_access_close(&a);
}

static void another_process_is_seen(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char secret[MC_SECRET_CHARS + 1] = "", mine[MC_SECRET_CHARS + 1];
    struct mc_key key;
    struct mc_error e;
    int channel[2], status;
    mc_access_look_every(a, 0);
    create_key(a, "mine", MC_KEY_SERVER, mine);
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) { /* its own handle: the parent's is not its to use */
        struct mc_access *b = NULL;
        bool good = mc_access_open(&b, store, NULL) == MC_OK &&
                    mc_key_create(b, MC_STR("theirs"), MC_KEY_BROWSER, noon, secret, NULL) == MC_OK &&
                    mc_key_revoke(b, MC_STR("mine"), noon, NULL) == MC_OK &&
                    write(channel[1], secret, sizeof secret) == (ssize_t)sizeof secret;
        mc_access_close(&b);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(channel[0], secret, sizeof secret), sizeof secret);
    close(channel[0]);
    close(channel[1]);
    assert_true(key_is(a, secret, "theirs", MC_KEY_BROWSER));
    assert_false(mc_key_check(a, mc_str_of(mine), &key));
    assert_int_equal(mc_key_revoke(a, MC_STR("theirs"), noon, &e), MC_OK);
    assert_false(mc_key_check(a, mc_str_of(secret), &key));
    mc_access_close(&a);
}

static void a_busy_file_does_not_stop_checks(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char secret[MC_SECRET_CHARS + 1];
    sqlite3 *db;
    mc_access_look_every(a, 0);
    create_key(a, "shop", MC_KEY_SERVER, secret);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE;DELETE FROM key", NULL, NULL, NULL), SQLITE_OK);
    assert_true(key_is(a, secret, "shop", MC_KEY_SERVER));
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_false(key_is(a, secret, "shop", MC_KEY_SERVER));
    sqlite3_close(db);
    mc_access_close(&a);
}

enum { THREADS = 4, ROUNDS = 200 };

struct worker {
    struct mc_access *access;
    const char *secret;
    bool good;
};

static void *check_often(void *context) {
    struct worker *w = context;
    w->good = true;
    for (int i = 0; i < ROUNDS; i++)
        w->good = w->good && key_is(w->access, w->secret, "shop", MC_KEY_SERVER);
    return NULL;
}

static void threads_check_while_keys_come_and_go(void **state) {
    (void)state;
    struct mc_access *a = open_access();
    char secret[MC_SECRET_CHARS + 1], other[MC_SECRET_CHARS + 1];
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    struct mc_error e;
    mc_access_look_every(a, 0);
    create_key(a, "shop", MC_KEY_SERVER, secret);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.access = a, .secret = secret};
        assert_int_equal(pthread_create(&threads[i], NULL, check_often, &workers[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        create_key(a, "other", MC_KEY_BROWSER, other);
        assert_int_equal(mc_key_revoke(a, MC_STR("other"), noon, &e), MC_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].good);
    }
    mc_access_close(&a);
}

static enum mc_err open_error(void) {
    struct mc_access *a = (struct mc_access *)1;
    struct mc_error e = {0};
    enum mc_err err = mc_access_open(&a, store, &e);
    assert_null(a);
    assert_non_null(strstr(e.text, file));
    return err;
}

static void what_is_no_access_file_is_a_clear_error(void **state) {
    (void)state;
    sqlite3 *db;
    FILE *f = fopen(file, "w");
    fputs("event_time,event_type,product_id\n2019-10-01 00:00:00 UTC,cart,5773203\n2019-10-01 00:00:03 UTC,\n", f);
    fclose(f);
    assert_int_equal(open_error(), MC_ERR_FORMAT);
    unlink(file);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(open_error(), MC_ERR_FORMAT);
    assert_int_equal(sqlite3_exec(db, "PRAGMA application_id=1296261475;PRAGMA user_version=99", NULL, NULL, NULL), 0);
    assert_int_equal(open_error(), MC_ERR_VERSION);
    sqlite3_close(db);
    unlink(file);
    mkdir(file, 0700);
    assert_int_equal(open_error(), MC_ERR_IO);
    rmdir(file);
}

/* Every allocation of a run fails once: an error each time, never a crash or a half-made key. */
static void no_memory_is_an_error(void **state) {
    (void)state;
    char secret[MC_SECRET_CHARS + 1];
    for (uint64_t n = 1;; n++) {
        struct mc_access *a = NULL;
        mc_mem_fail_at(n);
        enum mc_err err = mc_access_open(&a, store, NULL);
        if (err == MC_OK)
            err = mc_key_create(a, MC_STR("shop"), MC_KEY_SERVER, noon, secret, NULL);
        bool met = mc_mem_failed() != 0;
        mc_mem_fail_at(0);
        assert_true(err == MC_OK || err == MC_ERR_NOMEM);
        if (err == MC_OK)
            assert_true(key_is(a, secret, "shop", MC_KEY_SERVER) || met);
        mc_access_close(&a);
        unlink(file);
        if (!met)
            return;
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_key_works_until_it_is_revoked),
        IN_FOLDER(keys_are_listed_with_the_revoked_ones),
        IN_FOLDER(names_are_lines_of_text),
        IN_FOLDER(no_secret_is_in_the_file_and_only_the_owner_reads_it),
        IN_FOLDER(the_password_is_set_checked_and_changed),
        IN_FOLDER(a_share_link_ends_by_time_or_by_revocation),
        IN_FOLDER(a_session_outlives_a_restart_and_ends),
        IN_FOLDER(sessions_are_bounded_and_the_oldest_go),
        IN_FOLDER(another_process_is_seen),
        IN_FOLDER(a_busy_file_does_not_stop_checks),
        IN_FOLDER(threads_check_while_keys_come_and_go),
        IN_FOLDER(what_is_no_access_file_is_a_clear_error),
        IN_FOLDER(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

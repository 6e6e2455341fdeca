/* Whatever fails or dies, at whatever write or allocation: the store opens again, is whole, goes on, and ends as if
 * nothing had happened. */
#include "stream.h"

#include "base/mem.h"
#include "fault_vfs.h"
#include <sys/wait.h>

enum { ROWS = 150, SEED = 8, EVERY = 30 };

static uint64_t clean_digest(const char *dir, uint64_t rows) {
    struct mc_error e = {0};
    const char *path = temp_path(dir, "clean");
    struct mc_ledger *l = open_test(path, SEED, "fault");
    assert_ok(&e, stream_run(l, SEED, rows, EVERY, &e));
    mc_ledger_close(&l);
    uint64_t digest = store_digest(path);
    temp_remove(path);
    return digest;
}

/* Opens, runs, closes; the error of whichever failed. */
static enum mc_err run_all(const char *path, uint64_t rows, const char *vfs, struct mc_error *e) {
    struct mc_ledger_options options = {.secret = test_secret, .vfs = vfs, .cache_kib = 64};
    struct mc_policy policy = stream_policy(SEED);
    struct mc_ledger *l;
    enum mc_err err = mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, e);
    if (err == MC_OK)
        err = mc_ledger_set_policy(l, &policy, e);
    if (err == MC_OK)
        err = stream_run(l, SEED, rows, EVERY, e);
    mc_ledger_close(&l);
    return err;
}

static void must_be(const char *path, uint64_t digest, const char *what, unsigned long n) {
    if (store_digest(path) != digest)
        fail_msg("%s at %lu: the store differs", what, n);
}

/* ---- failures ---- */

static void nth_write_fails(enum fault_kind kind, const char *what) {
    const char *dir = temp_dir();
    uint64_t digest = clean_digest(dir, ROWS);
    struct mc_error e;
    unsigned long failures = 0;
    for (long n = 1;; n += n < 40 ? 1 : 7) {
        const char *path = temp_path(dir, "s");
        e = (struct mc_error){0};
        fault_set(kind, n);
        enum mc_err err = run_all(path, ROWS, "fault", &e);
        int struck = fault.struck;
        fault_set(FAULT_NONE, 0);
        if (err != MC_OK) { /* a failure at a checkpoint of the log is not one of ours: it is made up for later */
            assert_true(struck);
            assert_true(e.text[0] != '\0' && err == e.code);
            failures++;
            assert_ok(&e, run_all(path, ROWS, "fault", &e));
        }
        must_be(path, digest, what, (unsigned long)n);
        temp_remove(path);
        if (!struck)
            break;
    }
    assert_true(failures > 20);
    rmdir(dir);
}

static void nth_write_finds_the_disk_full(void **state) {
    (void)state;
    nth_write_fails(FAULT_FULL, "disk full");
}

static void nth_write_is_an_error(void **state) {
    (void)state;
    nth_write_fails(FAULT_IOERR, "write error");
}

static void disk_stays_full(void **state) {
    (void)state;
    nth_write_fails(FAULT_FULL_FOR_EVER, "disk stays full");
}

static void nth_allocation_fails(void **state) {
    (void)state;
    const char *dir = temp_dir();
    const uint64_t rows = 40;
    uint64_t digest = clean_digest(dir, rows);
    unsigned long failures = 0, step = 1;
    for (uint64_t n = 1;; n += step) {
        struct mc_error e = {0};
        const char *path = temp_path(dir, "s");
        mc_mem_fail_at(n);
        enum mc_err err = run_all(path, rows, "fault", &e);
        int met = mc_mem_failed();
        mc_mem_fail_at(0);
        if (err != MC_OK) {
            assert_true(met && e.text[0] != '\0');
            failures++;
            assert_ok(&e, run_all(path, rows, "fault", &e));
        }
        must_be(path, digest, "no memory", (unsigned long)n);
        temp_remove(path);
        if (!met)
            break;
        step = n < 400 ? 3 : n < 3000 ? 17 : 301;
    }
    assert_true(failures > 20);
    rmdir(dir);
}

/* After a failure nothing can be committed, and the same handle goes on after a rollback. */
static void failed_transaction_cannot_commit(void **state) {
    (void)state;
    const char *dir = temp_dir(), *path = temp_path(dir, "s");
    uint64_t digest = clean_digest(dir, ROWS);
    struct mc_error e = {0};
    struct mc_ledger *l = open_test(path, SEED, NULL);
    struct op ops[STREAM_OPS_MAX];
    assert_ok(&e, stream_run(l, SEED, ROWS / 2, EVERY, &e));
    assert_ok(&e, mc_ledger_begin(l, &e));
    enum mc_err err = MC_OK;
    for (uint64_t row = ROWS / 2; err == MC_OK && row < ROWS; row++) {
        if (row == ROWS / 2 + 5)
            mc_mem_fail_at(1);
        size_t n = stream_row(SEED, row, ops);
        for (size_t i = 0; i < n && err == MC_OK; i++)
            err = op_apply(l, &ops[i], &e);
    }
    mc_mem_fail_at(0);
    assert_int_equal(err, MC_ERR_NOMEM);
    ops[0].kind = OP_ADVANCE;
    assert_int_equal(op_apply(l, &ops[0], &e), MC_ERR_NOMEM);
    assert_int_equal(mc_ledger_commit(l, &e), MC_ERR_NOMEM);
    assert_false(mc_ledger_in_transaction(l));
    assert_ok(&e, stream_run(l, SEED, ROWS, EVERY, &e));
    mc_ledger_close(&l);
    must_be(path, digest, "after a rollback", 0);
    temp_remove(path);
    rmdir(dir);
}

/* ---- kills ---- */

/* Runs in a child that is killed at the n-th write; whether it ended by itself. */
static bool run_killed(const char *path, long n) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct mc_error e;
        fault_set(FAULT_KILL, n);
        _exit(run_all(path, ROWS, "fault", &e) == MC_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    return !WIFSIGNALED(status);
}

/* Killed again and again, each time a random number of writes later, until it ends. */
static void killed_runs_end_alike(void **state) {
    (void)state;
    const char *dir = temp_dir();
    uint64_t digest = clean_digest(dir, ROWS), kills = 0;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        const char *path = temp_path(dir, "s");
        struct mc_rng r;
        mc_rng_seed(&r, seed);
        for (uint64_t most = 10; !run_killed(path, (long)mc_rng_below(&r, most) + 1); most += 10)
            kills++;
        must_be(path, digest, "killed, seed", (unsigned long)seed);
        temp_remove(path);
    }
    assert_true(kills > 50);
    rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nth_write_finds_the_disk_full),
        cmocka_unit_test(nth_write_is_an_error),
        cmocka_unit_test(disk_stays_full),
        cmocka_unit_test(nth_allocation_fails),
        cmocka_unit_test(failed_transaction_cannot_commit),
        cmocka_unit_test(killed_runs_end_alike),
    };
    return cmocka_run_group_tests(tests, fault_prepare, NULL);
}

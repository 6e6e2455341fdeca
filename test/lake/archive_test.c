/* The archive: what is put comes back; the same log gives the same bytes; a process killed at any call of the system
 * neither loses nor doubles a row; no memory, a full disk, foreign and damaged lakes. */
#include "rows.h"

#include "lake/listing.h"
#include "lake/query.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- calls of the system, counted; the n-th kills the process or fails. Nothing waits for the disk here. ---- */

static struct { uint64_t calls, kill_at, fail_at; } calls;

static bool call_fails(void) {
    if (++calls.calls == calls.kill_at)
        raise(SIGKILL);
    if (calls.calls != calls.fail_at)
        return false;
    errno = ENOSPC;
    return true;
}

int fsync(int fd) {
    (void)fd;
    return call_fails() ? -1 : 0;
}

int fdatasync(int fd) {
    (void)fd;
    return call_fails() ? -1 : 0;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return call_fails() ? -1 : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int unlinkat(int folder, const char *path, int flags) {
    return call_fails() ? -1 : (int)syscall(SYS_unlinkat, folder, path, flags);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    return call_fails() ? -1 : (int)syscall(SYS_mkdirat, folder, path, mode);
}

/* Some of it is written before the process is killed. */
ssize_t write(int fd, const void *bytes, size_t len) {
    if (fd <= STDERR_FILENO)
        return syscall(SYS_write, fd, bytes, len);
    if (calls.calls + 1 == calls.kill_at || calls.calls + 1 == calls.fail_at)
        syscall(SYS_write, fd, bytes, len / 2);
    return call_fails() ? -1 : syscall(SYS_write, fd, bytes, len);
}

/* ---- one run of an archive over a log ---- */

struct run {
    const char *lake, *log;
    uint32_t batch;        /* rows of one */
    uint32_t commit_every; /* batches; 0: at the end only */
    uint32_t from;         /* the caller's own position */
    uint64_t bytes_max;
    bool hand_out;
    uint64_t memory_fails_at; /* from the first put on; 0: never */
};

/* Files are made last first, as threads might. */
static enum mc_err do_work(struct mc_archive *a, struct mc_error *e) {
    struct mc_archive_work *all[64];
    size_t count = 0;
    enum mc_err err = MC_OK;
    while (count < 64 && (all[count] = mc_archive_take(a)) != NULL)
        count++;
    for (size_t i = count; i > 0; i--)
        mc_archive_make(all[i - 1]);
    for (size_t i = count; i > 0; i--) {
        enum mc_err one = mc_archive_give_back(a, all[i - 1], e);
        err = err == MC_OK ? one : err;
    }
    return err;
}

static enum mc_err put_all(struct mc_archive *a, const struct run *run, const struct rows *rows, struct mc_error *e) {
    struct feed feed = {0};
    uint32_t batches = 0;
    enum mc_err err = MC_OK;
    for (uint32_t at = run->from; at < rows->count && err == MC_OK; at += run->batch) {
        uint32_t upto = at + run->batch < rows->count ? at + run->batch : rows->count;
        struct mc_archive_rows in = feed_fill(&feed, rows, at, upto);
        mc_mem_fail_at(run->memory_fails_at);
        err = mc_archive_put(a, &in, e);
        if (err == MC_OK)
            err = do_work(a, e);
        if (err == MC_OK && run->commit_every > 0 && ++batches % run->commit_every == 0)
            err = mc_archive_commit(a, e);
    }
    feed_free(&feed);
    return err;
}

static enum mc_err run_archive(const struct run *run, const struct rows *rows, struct mc_error *e) {
    struct mc_archive *a = NULL;
    struct mc_archive_options o = {
        .path = run->lake, .log = mc_str_of(run->log), .bytes_max = run->bytes_max, .hand_out_work = run->hand_out};
    enum mc_err err = mc_archive_open(&a, &o, e);
    if (err == MC_OK)
        err = put_all(a, run, rows, e);
    if (err == MC_OK)
        err = mc_archive_flush(a, e);
    if (err == MC_OK)
        err = do_work(a, e);
    if (err == MC_OK)
        err = mc_archive_commit(a, e);
    mc_archive_close(&a);
    return err;
}

static void archive(const struct run *run, const struct rows *rows) {
    struct mc_error e = {0};
    if (run_archive(run, rows, &e) != MC_OK)
        fail_msg("%s", e.text);
}

/* ---- a lake as one number: the names and bytes of all its files but its own ---- */

static void add_hash(uint64_t *hash, const void *bytes, size_t len) {
    *hash = mc_hash_mix(*hash, mc_hash64(bytes, len));
}

static void hash_list(uint64_t *hash, size_t *count, const struct mc_lake_listing *l, const struct mc_buf *list) {
    const char *path;
    for (size_t at = 0; (path = mc_lake_listing_next(list, &at)) != NULL; ++*count) {
        struct mc_buf bytes = {0};
        bool found;
        assert_int_equal(mc_file_get(AT_FDCWD, path, &bytes, &found, NULL), MC_OK);
        assert_null(strstr(path, "_maxcart")); /* all are in place */
        add_hash(hash, path + l->root.len, strlen(path + l->root.len));
        add_hash(hash, bytes.data, bytes.len);
        mc_buf_free(&bytes);
    }
}

static uint64_t lake_hash(const char *lake, size_t *files) {
    struct mc_lake_listing l = {0};
    uint64_t hash = 1;
    *files = 0;
    assert_int_equal(mc_lake_list(&l, lake, NULL), MC_OK);
    hash_list(&hash, files, &l, &l.events);
    hash_list(&hash, files, &l, &l.rejects);
    mc_lake_listing_free(&l);
    return hash;
}

static uint64_t hash_of_run(struct run run, const struct rows *rows, size_t *files) {
    char lake[256];
    folder_make(lake, sizeof lake);
    run.lake = lake;
    archive(&run, rows);
    uint64_t hash = lake_hash(lake, files);
    folder_remove(lake);
    return hash;
}

/* ---- what is put comes back ---- */

struct lines {
    char **list;
    size_t count, cap;
};

static void lines_add(struct lines *l, struct mc_str s) {
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 1024;
        l->list = realloc(l->list, l->cap * sizeof *l->list);
    }
    l->list[l->count++] = strndup(s.data, s.len);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_free(struct lines *l) {
    for (size_t i = 0; i < l->count; i++)
        free(l->list[i]);
    free(l->list);
    *l = (struct lines){0};
}

static bool take_columns(void *context, const struct mc_str *names, const enum mc_lake_cell *kinds, size_t count) {
    (void)context, (void)names, (void)kinds, (void)count;
    return true;
}

static bool take_line(void *context, const struct mc_lake_value *values, size_t count) {
    (void)count;
    lines_add(context, values[0].text);
    return true;
}

static void ask(const char *lake, const char *sql, struct lines *out) {
    struct mc_lake_query *q = NULL;
    struct mc_error e = {0};
    struct mc_lake_sink sink = {out, take_columns, take_line};
    if (mc_lake_query_open(&q, &(struct mc_lake_query_options){.lake = lake, .threads = 1}, &e) != MC_OK ||
        mc_lake_query_run(q, mc_str_of(sql), &sink, &e) != MC_OK)
        fail_msg("%s", e.text);
    mc_lake_query_close(&q);
}

static void put_number(struct mc_buf *b, int64_t value) {
    if (value == INT64_MIN)
        mc_buf_text(b, "none|");
    else
        mc_buf_printf(b, "%lld|", (long long)value);
}

static void expect_event(struct lines *l, const struct row *r, uint32_t clock_order) {
    struct mc_buf b = {0};
    const char *texts[] = {mc_event_type_names[r->type],
                           r->product,
                           r->category_id,
                           r->category_code,
                           r->brand,
                           r->user,
                           r->session,
                           r->order,
                           r->message};
    put_number(&b, r->time.us);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mc_buf_printf(&b, "%s|", texts[i][0] ? texts[i] : "none");
    put_number(&b, r->price);
    put_number(&b, r->quantity);
    put_number(&b, r->visit_start.us);
    put_number(&b, r->original.us);
    put_number(&b, r->clock.us);
    put_number(&b, clock_order);
    put_number(&b, ROWS_ARRIVED.us);
    mc_buf_printf(&b, "%s|file one.csv", mc_time_is_none(r->visit_start) ? "true" : "false");
    lines_add(l, mc_buf_view(&b));
    mc_buf_free(&b);
}

static void check_equal(struct lines *want, struct lines *got) {
    qsort(want->list, want->count, sizeof *want->list, by_text);
    qsort(got->list, got->count, sizeof *got->list, by_text);
    for (size_t i = 0; i < want->count && i < got->count; i++)
        if (strcmp(want->list[i], got->list[i]) != 0)
            fail_msg("put  %s\ngot  %s", want->list[i], got->list[i]);
    assert_int_equal(want->count, got->count);
    lines_free(want);
    lines_free(got);
}

#define NONE(text) "coalesce(CAST(" text " AS VARCHAR), 'none')"
#define EPOCH(time) NONE("epoch_us(" time ")")

static void events_come_back(void **state) {
    struct lines want = {0}, got = {0};
    char lake[256];
    (void)state;
    folder_make(lake, sizeof lake);
    struct rows rows = rows_make(1, 20000);
    archive(&(struct run){.lake = lake, .log = "", .batch = 333}, &rows);
    int64_t clock_us = INT64_MAX;
    uint32_t order = 0;
    for (uint32_t i = 0; i < rows.count; i++) {
        if (rows.list[i].reason != MC_ACCEPTED)
            continue;
        order = rows.list[i].clock.us == clock_us ? order + 1 : 0;
        clock_us = rows.list[i].clock.us;
        expect_event(&want, &rows.list[i], order);
    }
    ask(lake,
        "SELECT concat_ws('|', " EPOCH("event_time") ", event_type, product_id, " NONE("category_id") ", " NONE(
            "catego"
            "ry_"
            "code") ", " NONE("brand") ", user_id, user_session, " NONE("order_id") ", " NONE("message_id") ", " NONE("price_minor") ", quantity, " EPOCH("visit_start") ", " EPOCH("original_time") ", " EPOCH("clock") ", clock_order, " EPOCH("arrived_at") ", late, source) FROM events",
        &got);
    check_equal(&want, &got);
    rows_free(&rows);
    folder_remove(lake);
}

static void rejects_come_back(void **state) {
    struct lines want = {0}, got = {0};
    char lake[256];
    (void)state;
    folder_make(lake, sizeof lake);
    struct rows rows = rows_make(2, 3000);
    archive(&(struct run){.lake = lake, .log = "", .batch = 100}, &rows);
    for (uint32_t i = 0; i < rows.count; i++) {
        char raw[64], hex[160] = "";
        snprintf(raw, sizeof raw, "raw %u \xFF\x01", i);
        for (size_t k = 0; raw[k] != '\0'; k++)
            snprintf(hex + 2 * k, 3, "%02X", (uint8_t)raw[k]);
        struct mc_buf b = {0};
        mc_buf_printf(&b, "file one.csv|%u|%s|%s|%lld", i + 1, mc_reason_names[rows.list[i].reason], hex,
                      (long long)ROWS_ARRIVED.us);
        if (rows.list[i].reason != MC_ACCEPTED)
            lines_add(&want, mc_buf_view(&b));
        mc_buf_free(&b);
    }
    ask(lake, "SELECT concat_ws('|', source, row, reason, hex(raw), epoch_us(arrived_at)) FROM rejects", &got);
    check_equal(&want, &got);
    rows_free(&rows);
    folder_remove(lake);
}

/* In each file by visit start, session and user; within a visit in the order of the log; late ones last. */
static void files_are_sorted(void **state) {
    struct lines got = {0};
    char lake[256];
    (void)state;
    folder_make(lake, sizeof lake);
    struct rows rows = rows_make(3, 20000);
    archive(&(struct run){.lake = lake, .log = "", .batch = 500}, &rows);
    char sql[2048];
    snprintf(sql, sizeof sql,
             "WITH e AS (SELECT *, filename AS f, file_row_number AS n, event_time + to_microseconds(clock_ahead_us) AS"
             " clock FROM read_parquet('%s/events/*/*.parquet', filename = true, file_row_number = true)),"
             " p AS (SELECT *, lead(visit_start) OVER w AS v2, lead(user_session) OVER w AS s2, lead(user_id) OVER w"
             " AS u2, lead(clock) OVER w AS c2, lead(clock_order) OVER w AS o2, lead(n) OVER w AS n2"
             " FROM e WINDOW w AS (PARTITION BY f ORDER BY n))"
             " SELECT CAST(count(*) AS VARCHAR) FROM p WHERE n2 IS NOT NULL AND NOT ((coalesce(visit_start,"
             " 'infinity'), encode(user_session), encode(user_id), coalesce(clock, '-infinity'), clock_order) <"
             " (coalesce(v2, 'infinity'), encode(s2), encode(u2), coalesce(c2, '-infinity'), o2))",
             lake);
    ask(lake, sql, &got);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.list[0], "0");
    lines_free(&got);
    rows_free(&rows);
    folder_remove(lake);
}

/* ---- the same log, the same bytes ---- */

static void batches_do_not_matter(void **state) {
    size_t files, others;
    (void)state;
    struct rows rows = rows_make(4, 6000);
    uint64_t one = hash_of_run((struct run){.log = "", .batch = 6000}, &rows, &files);
    assert_true(files > 20);
    for (uint32_t batch = 1; batch < 6000; batch = batch * 7 + 1) {
        struct run run = {.log = "a", .batch = batch, .commit_every = batch < 50 ? 200 : 3, .hand_out = batch % 2};
        assert_true(hash_of_run(run, &rows, &others) == one);
        assert_int_equal(files, others);
    }
    rows_free(&rows);
}

static void a_small_memory_makes_more_files(void **state) {
    size_t files, others;
    (void)state;
    struct rows rows = rows_make(5, 20000);
    hash_of_run((struct run){.log = "", .batch = 1000}, &rows, &files);
    uint64_t one = hash_of_run((struct run){.log = "", .batch = 1000, .bytes_max = 20000}, &rows, &others);
    assert_true(others > files);
    assert_true(hash_of_run((struct run){.log = "b", .batch = 17, .bytes_max = 20000, .commit_every = 90}, &rows,
                            &others) == one);
    rows_free(&rows);
}

/* ---- killed ---- */

/* Runs the archive in a process of its own, to be killed at that call; whether it was. */
static bool killed(struct run run, const struct rows *rows, uint64_t at) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        calls.calls = 0;
        calls.kill_at = at;
        _exit(run_archive(&run, rows, NULL) == MC_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static uint64_t position_of(const char *lake, const char *log) {
    struct mc_archive *a = NULL;
    assert_int_equal(mc_archive_open(&a, &(struct mc_archive_options){.path = lake, .log = mc_str_of(log)}, NULL),
                     MC_OK);
    uint64_t position = mc_archive_position(a);
    mc_archive_close(&a);
    return position;
}

/* A caller whose own commit comes after the archive's goes on from a position at or before the archive's; here also a
 * second run is killed, at another call. */
static void kills_lose_and_double_nothing(void **state) {
    struct mc_rng rng;
    size_t files;
    char lake[256];
    (void)state;
    mc_rng_seed(&rng, 77);
    struct rows rows = rows_make(6, 300);
    struct run run = {.log = "store", .batch = 30, .commit_every = 3};
    uint64_t whole = hash_of_run(run, &rows, &files);
    bool more = true;
    for (uint64_t at = 1; more; at += 1 + mc_rng_below(&rng, 3)) {
        folder_make(lake, sizeof lake);
        run.lake = lake;
        run.from = 0;
        more = killed(run, &rows, at);
        uint64_t position = position_of(lake, run.log);
        run.from = (uint32_t)mc_rng_below(&rng, position + 1);
        killed(run, &rows, 1 + mc_rng_below(&rng, 60));
        position = position_of(lake, run.log);
        assert_true(more || position == rows.count);
        run.from = (uint32_t)(position - mc_rng_below(&rng, position + 1));
        run.batch = 1 + (uint32_t)mc_rng_below(&rng, 90);
        archive(&run, &rows);
        run.batch = 30;
        if (lake_hash(lake, &files) != whole)
            fail_msg("killed at call %llu: the lake is another one", (unsigned long long)at);
        folder_remove(lake);
    }
    rows_free(&rows);
}

/* A reader beside a killed writer sees what was committed, no more and no less. */
static void readers_see_what_is_committed(void **state) {
    char lake[256];
    (void)state;
    struct rows rows = rows_make(7, 120);
    bool more = true;
    for (uint64_t at = 1; more; at++) {
        folder_make(lake, sizeof lake);
        more = killed((struct run){.lake = lake, .log = "", .batch = 100}, &rows, at);
        struct mc_lake_listing l = {0};
        size_t place = 0, seen = 0;
        assert_int_equal(mc_lake_list(&l, lake, NULL), MC_OK);
        while (mc_lake_listing_next(&l.events, &place) != NULL)
            seen++;
        size_t expected = 0;
        struct mc_str name;
        for (place = 0; mc_lake_state_file(mc_buf_view(&l.state.files), &place, &name);)
            expected += name.data[0] == 'e';
        assert_int_equal(seen, expected);
        mc_lake_listing_free(&l);
        folder_remove(lake);
    }
    rows_free(&rows);
}

/* ---- faults ---- */

/* The n-th call of the system fails as on a full disk: an error that says so, and the next run makes it good. */
static void a_full_disk_is_survived(void **state) {
    size_t files;
    char lake[256];
    (void)state;
    struct rows rows = rows_make(8, 150);
    struct run run = {.log = "store", .batch = 20, .commit_every = 3};
    uint64_t whole = hash_of_run(run, &rows, &files);
    for (uint64_t at = 1;; at += 1 + at % 2) {
        struct mc_error e = {0};
        folder_make(lake, sizeof lake);
        run.lake = lake;
        calls.calls = 0;
        calls.fail_at = at;
        enum mc_err err = run_archive(&run, &rows, &e);
        bool met = calls.calls >= at;
        calls.fail_at = 0;
        assert_true(err == MC_OK || err == MC_ERR_FULL);
        assert_true(err == MC_OK || strstr(e.text, "lake") != NULL);
        archive(&run, &rows);
        assert_true(lake_hash(lake, &files) == whole);
        folder_remove(lake);
        if (!met)
            break;
    }
    rows_free(&rows);
}

static void no_memory_is_survived(void **state) {
    size_t files;
    char lake[256];
    (void)state;
    struct rows rows = rows_make(9, 300);
    struct run run = {.log = "store", .batch = 300, .commit_every = 1};
    uint64_t whole = hash_of_run(run, &rows, &files);
    bool met = true;
    for (uint64_t at = 1; met; at += 1 + at / 40) {
        folder_make(lake, sizeof lake);
        run.lake = lake;
        run.memory_fails_at = at;
        enum mc_err err = run_archive(&run, &rows, NULL);
        met = mc_mem_failed();
        mc_mem_fail_at(0);
        run.memory_fails_at = 0;
        assert_true(err == (met ? MC_ERR_NOMEM : MC_OK) || err == MC_OK);
        archive(&run, &rows);
        assert_true(lake_hash(lake, &files) == whole);
        folder_remove(lake);
    }
    rows_free(&rows);
}

/* ---- what is refused ---- */

static enum mc_err open_error(const char *lake, const char *log, const char *says) {
    struct mc_archive *a = NULL;
    struct mc_error e = {0};
    enum mc_err err = mc_archive_open(&a, &(struct mc_archive_options){.path = lake, .log = mc_str_of(log)}, &e);
    assert_null(a);
    if (strstr(e.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e.text, says);
    return err;
}

static void lakes_of_others_are_refused(void **state) {
    char lake[256], path[512];
    struct mc_error e = {0};
    (void)state;
    folder_make(lake, sizeof lake);
    struct rows rows = rows_make(10, 50);
    archive(&(struct run){.lake = lake, .log = "one", .batch = 10}, &rows);
    assert_int_equal(open_error(lake, "two", "another store"), MC_ERR_USAGE);
    assert_int_equal(open_error(lake, "", "another store"), MC_ERR_USAGE);
    struct mc_archive *a = NULL;
    assert_int_equal(mc_archive_open(&a, &(struct mc_archive_options){.path = lake, .log = MC_STR("one")}, &e), MC_OK);
    assert_int_equal(open_error(lake, "one", "another process"), MC_ERR_BUSY);
    struct feed feed = {0};
    struct mc_archive_rows in = feed_fill(&feed, &rows, 40, 50);
    in.position = 60; /* a hole */
    assert_int_equal(mc_archive_put(a, &in, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "50 to 59"));
    mc_archive_close(&a);
    feed_free(&feed);
    snprintf(path, sizeof path, "%s/_maxcart/state", lake);
    FILE *f = fopen(path, "r+");
    fputs("maxcart lake 9", f);
    fclose(f);
    assert_int_equal(open_error(lake, "one", "damaged"), MC_ERR_FORMAT);
    rows_free(&rows);
    folder_remove(lake);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back),
        cmocka_unit_test(rejects_come_back),
        cmocka_unit_test(files_are_sorted),
        cmocka_unit_test(batches_do_not_matter),
        cmocka_unit_test(a_small_memory_makes_more_files),
        cmocka_unit_test(kills_lose_and_double_nothing),
        cmocka_unit_test(readers_see_what_is_committed),
        cmocka_unit_test(a_full_disk_is_survived),
        cmocka_unit_test(no_memory_is_survived),
        cmocka_unit_test(lakes_of_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Opening and its errors, versions and migrations, checkpoints, exact sums. */
#include "stream.h"

#include "store/schema.h"
#include "store/sql.h"
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64];

static int make_dir(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "%s", temp_dir());
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    temp_remove(temp_path(dir, "s"));
    return rmdir(dir);
}

static enum mc_err open_error(const char *path, enum mc_ledger_mode mode, const char *says) {
    struct mc_error e = {0};
    struct mc_ledger *l = (struct mc_ledger *)1;
    enum mc_err err = mc_ledger_open(&l, path, mode, NULL, &e);
    assert_null(l);
    assert_int_equal(err, e.code);
    if (strstr(e.text, says) == NULL || strstr(e.text, path) == NULL)
        fail_msg("\"%s\" does not say \"%s\" and name the file", e.text, says);
    return err;
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void sql(const char *path, const char *text) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void what_is_no_store_is_one_clear_error(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    assert_int_equal(open_error(path, MC_LEDGER_READ, "no such file"), MC_ERR_IO);
    assert_int_equal(open_error(dir, MC_LEDGER_WRITE, "is a directory"), MC_ERR_IO);
    assert_int_equal(open_error("/nonexistent/s", MC_LEDGER_WRITE, "cannot be created"), MC_ERR_IO);
    write_file(path, "");
    assert_int_equal(open_error(path, MC_LEDGER_READ, "empty"), MC_ERR_FORMAT);
    write_file(path,
               "event_time,event_type,product_id\n2019-10-01 00:00:00 UTC,cart,5773203\n2019-10-01 00:00:03 UTC\n");
    assert_int_equal(open_error(path, MC_LEDGER_WRITE, "not a MaxCart store"), MC_ERR_FORMAT);
    assert_int_equal(open_error(path, MC_LEDGER_READ, "not a MaxCart store"), MC_ERR_FORMAT);
    temp_remove(path);
    sql(path, "CREATE TABLE theirs(x)");
    assert_int_equal(open_error(path, MC_LEDGER_WRITE, "not a MaxCart store"), MC_ERR_FORMAT);
    temp_remove(path);
}

static void an_empty_file_becomes_a_store(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    write_file(path, "");
    struct mc_ledger *l = open_test(path, 1, NULL);
    mc_ledger_close(&l);
    assert_null(l);
    mc_ledger_close(&l);
    temp_remove(path);
}

static void a_newer_version_is_refused(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_ledger *l = open_test(path, 1, NULL);
    mc_ledger_close(&l);
    sql(path, "PRAGMA user_version=1000");
    assert_int_equal(open_error(path, MC_LEDGER_WRITE, "newer MaxCart"), MC_ERR_VERSION);
    assert_int_equal(open_error(path, MC_LEDGER_READ, "newer MaxCart"), MC_ERR_VERSION);
    temp_remove(path);
}

/* From every older version: what was in it stays, and it ends as a new store does. */
static void older_versions_are_migrated(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    for (int version = 1; version < MC_SCHEMA_VERSION; version++) {
        sqlite3 *db;
        struct mc_error e = {0};
        struct mc_buf value = {0};
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(mc_sql_functions(db), SQLITE_OK);
        assert_int_equal(mc_schema_migrate(db, 0, version), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "INSERT INTO setting VALUES('kept','yes')", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        assert_int_equal(open_error(path, MC_LEDGER_READ, "older MaxCart"), MC_ERR_VERSION);
        struct mc_ledger *l = open_test(path, 1, NULL);
        assert_ok(&e, mc_setting_get(l, "kept", &value, &e));
        assert_true(mc_str_equal(mc_buf_view(&value), MC_STR("yes")));
        mc_buf_free(&value);
        assert_ok(&e, stream_run(l, 1, 30, 10, &e));
        mc_ledger_close(&l);
        temp_remove(path);
    }
}

/* A full store as version 3 had it, brought to the newest, is what that would have made; its messages that were given
 * up, a retry in the year 2200, are `failed`. */
static void version_3_becomes_the_newest(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_report report;
    bool go;
    struct mc_ledger *l = open_test(path, 4, NULL);
    assert_ok(&e, stream_run(l, 4, 300, 10, &e));
    const char *refused;
    struct mc_catalogue_entry entry = {MC_STR("p1"), MC_STR("n"), MC_STR(""), MC_STR("")};
    int64_t id;
    size_t count;
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_catalogue_put(l, &entry, &refused, &e));
    for (int64_t after = 0; mc_outbox_due(l, true, (struct mc_wall){0}, after, &id, 1, &count, &e) == MC_OK && count;
         after = id) {
        assert_ok(&e, mc_outbox_begin_sending(l, id, true, &go, &e));
        assert_ok(&e, mc_outbox_failed(l, id, MC_STR("no"), &e));
    }
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_true(report.messages[MC_MESSAGE_FAILED] > 0 && report.sale_minutes > 0 && report.carts > 100);
    mc_ledger_close(&l);
    sql(path, "INSERT OR IGNORE INTO counter VALUES('store.message.retry',0)");
    uint64_t digest = store_digest(path);
    sql(path,
        "UPDATE counter SET value=value+(SELECT count(*) FROM outbox WHERE state=9) WHERE name='store.message.retry';"
        "UPDATE outbox SET state=6,next_at=7258118400000000 WHERE state=9;"
        "DELETE FROM counter WHERE name IN('store.message.failed','store.sale_minutes','store.catalogue');"
        "DELETE FROM name WHERE kind='message_state' AND id=9;"
        "DROP TABLE product_sale; ALTER TABLE cart DROP COLUMN message;"
        "ALTER TABLE outbox DROP COLUMN clicked_at; PRAGMA user_version=3");
    assert_int_equal(open_error(path, MC_LEDGER_READ, "older MaxCart"), MC_ERR_VERSION);
    l = open_test(path, 4, NULL);
    mc_ledger_close(&l);
    assert_true(store_digest(path) == digest);
    temp_remove(path);
}

static void a_second_writer_is_told_so(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s"), *alias = temp_path(dir, "alias");
    struct mc_ledger *l = open_test(path, 1, NULL);
    assert_int_equal(open_error(path, MC_LEDGER_WRITE, "another process"), MC_ERR_BUSY);
    assert_int_equal(symlink(path, alias), 0);
    struct mc_ledger *second;
    struct mc_error e;
    assert_int_equal(mc_ledger_open(&second, alias, MC_LEDGER_WRITE, NULL, &e), MC_ERR_BUSY);
    unlink(alias);
    pid_t child = fork();
    if (child == 0)
        _exit(mc_ledger_open(&second, path, MC_LEDGER_WRITE, NULL, &e) == MC_ERR_BUSY ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    mc_ledger_close(&l);
    l = open_test(path, 1, NULL);
    mc_ledger_close(&l);
    temp_remove(path);
}

/* A reader works beside an open transaction and sees the last commit; the writer never waits for it. */
static void a_reader_works_beside_the_writer(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_report before, during, after;
    struct mc_ledger *l = open_test(path, 1, NULL), *reader;
    assert_ok(&e, stream_run(l, 1, 60, 10, &e));
    assert_ok(&e, mc_ledger_open(&reader, path, MC_LEDGER_READ, NULL, &e));
    assert_ok(&e, mc_report_read(reader, &before, &e));
    assert_true(before.carts > 0);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_ledger_put_sale(l, MC_STR("p"), (struct mc_time){1}, 5, 50, &e));
    assert_ok(&e, mc_report_read(reader, &during, &e));
    assert_true(during.units == before.units);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_report_read(reader, &after, &e));
    assert_true(after.units == before.units + 5 && after.revenue == before.revenue + 50);
    mc_ledger_close(&reader);
    mc_ledger_close(&l);
    assert_ok(&e, mc_ledger_open(&reader, path, MC_LEDGER_READ, NULL, &e));
    mc_ledger_close(&reader);
    temp_remove(path);
}

/* In a child that is not root, in a directory where nothing can be made. */
static int read_only_child(const char *path) {
    struct mc_error e = {0};
    struct mc_ledger *l;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 2;
    if (mc_ledger_open(&l, path, MC_LEDGER_WRITE, NULL, &e) != MC_ERR_IO ||
        strstr(e.text, "cannot be opened for writing") == NULL)
        return 3;
    if (mc_ledger_open(&l, path, MC_LEDGER_READ, NULL, &e) != MC_OK) {
        fprintf(stderr, "%s\n", e.text);
        return 4;
    }
    struct mc_report report;
    bool read = mc_report_read(l, &report, &e) == MC_OK && report.carts > 0;
    mc_ledger_close(&l);
    return read ? 0 : 5;
}

static void a_read_only_file_can_be_read(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_ledger *l = open_test(path, 1, NULL);
    assert_ok(&e, stream_run(l, 1, 30, 10, &e));
    mc_ledger_close(&l);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(read_only_child(path));
    int status;
    waitpid(child, &status, 0);
    chmod(dir, 0700);
    assert_int_equal(status, 0);
    temp_remove(path);
}

static void the_secret_is_random_and_stays(void **state) {
    (void)state;
    uint8_t key[3][MC_SECRET_BYTES], other[MC_SECRET_BYTES];
    for (int i = 0; i < 3; i++) {
        const char *path = temp_path(dir, "s");
        struct mc_ledger *l;
        struct mc_error e = {0};
        if (i == 2)
            temp_remove(path);
        assert_ok(&e, mc_ledger_open(&l, path, MC_LEDGER_WRITE, NULL, &e));
        mc_ledger_key(l, "links", key[i]);
        mc_ledger_key(l, "other", other);
        assert_memory_not_equal(key[i], other, sizeof other);
        mc_ledger_close(&l);
    }
    assert_memory_equal(key[0], key[1], sizeof key[0]);
    assert_memory_not_equal(key[0], key[2], sizeof key[0]);
    temp_remove(temp_path(dir, "s"));
}

static void a_source_is_known_by_its_content(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_source source, out;
    struct mc_wall now = {9};
    bool found;
    struct mc_ledger *l = open_test(path, 1, NULL);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_source_add(l, MC_STR("a.csv"), MC_STR("hello"), 5, now, &source, &e));
    source.offset = 4;
    source.row = 2;
    source.state = MC_SOURCE_DONE;
    assert_ok(&e, mc_source_update(l, &source, &e));
    assert_ok(&e, mc_source_add(l, MC_STR("-"), MC_STR(""), -1, now, &out, &e));
    assert_int_equal(out.id, 2);
    assert_ok(&e, mc_source_find(l, MC_STR("hello"), 5, &found, &out, &e));
    assert_true(found && out.id == 1 && out.offset == 4 && out.row == 2 && out.state == MC_SOURCE_DONE);
    assert_ok(&e, mc_source_find(l, MC_STR("hello world"), 11, &found, &out, &e));
    assert_true(found && out.file_len == 5);
    assert_ok(&e, mc_source_grow(l, 1, MC_STR("hello world"), 11, &e));
    assert_ok(&e, mc_source_find(l, MC_STR("hello"), 5, &found, &out, &e));
    assert_false(found); /* shorter than what was read */
    assert_ok(&e, mc_source_find(l, MC_STR("help, no world"), 14, &found, &out, &e));
    assert_false(found);
    assert_ok(&e, mc_source_find(l, MC_STR(""), 0, &found, &out, &e));
    assert_false(found);
    assert_ok(&e, mc_ledger_commit(l, &e));
    mc_ledger_close(&l);
    temp_remove(path);
}

static bool join(void *context, struct mc_str blob) {
    mc_buf_str(context, blob);
    return true;
}

static void runs_snapshots_and_chunks_come_back(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_run run;
    struct mc_buf text = {0};
    __int128 value, large = ((__int128)1 << 100) + 7;
    struct mc_ledger *l = open_test(path, 1, NULL);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_run_start(l, MC_STR("gap=30m"), (struct mc_wall){100}, &run, &e));
    assert_false(run.resumed);
    assert_ok(&e, mc_snapshot_put(l, "engine", MC_STR("old"), &e));
    assert_ok(&e, mc_snapshot_put(l, "engine", (struct mc_str){"n\0w", 3}, &e));
    assert_ok(&e, mc_snapshot_put(l, "gone", MC_STR("x"), &e));
    assert_ok(&e, mc_snapshot_put(l, "gone", MC_STR(""), &e));
    for (int i = 0; i < 3; i++) {
        assert_ok(&e, mc_chunk_append(l, "users", (struct mc_str){&"abc"[i], 1}, &e));
        assert_ok(&e, mc_chunk_append(l, "products", MC_STR("-"), &e));
    }
    assert_ok(&e, mc_counter_set(l, "rows", -large, &e));
    assert_ok(&e, mc_ledger_commit(l, &e));
    mc_ledger_close(&l);
    l = open_test(path, 1, NULL);
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_run_start(l, MC_STR("gap=10m"), (struct mc_wall){200}, &run, &e));
    assert_true(run.resumed && !run.same_settings && run.started_at.us == 100);
    assert_ok(&e, mc_run_finish(l, run.id, (struct mc_wall){300}, &e));
    assert_ok(&e, mc_run_start(l, MC_STR("gap=10m"), (struct mc_wall){400}, &run, &e));
    assert_true(!run.resumed && run.started_at.us == 400);
    mc_ledger_rollback(l, NULL);
    assert_ok(&e, mc_snapshot_get(l, "engine", &text, &e));
    assert_true(mc_str_equal(mc_buf_view(&text), (struct mc_str){"n\0w", 3}));
    assert_ok(&e, mc_snapshot_get(l, "gone", &text, &e));
    text.len = 0;
    assert_ok(&e, mc_chunk_each(l, "users", join, &text, &e));
    assert_true(mc_str_equal(mc_buf_view(&text), MC_STR("abc")));
    assert_ok(&e, mc_counter_get(l, "rows", &value, &e));
    assert_true(value == -large);
    mc_buf_free(&text);
    mc_ledger_close(&l);
    temp_remove(path);
}

static bool last_product(void *context, const struct mc_product *product) {
    struct mc_buf *out = context;
    mc_buf_str(out, product->category_id.value);
    mc_buf_char(out, '/');
    mc_buf_str(out, product->brand.value);
    return true;
}

static void the_dimension_merges_in_any_order(void **state) {
    (void)state;
    struct mc_dated values[] = {{MC_STR("a"), {5}}, {MC_STR("b"), {5}}, {MC_STR("z"), {4}}, {MC_STR(""), {9}}};
    for (int first = 0; first < 4; first++) {
        const char *path = temp_path(dir, "s");
        struct mc_error e = {0};
        struct mc_buf text = {0};
        struct mc_ledger *l = open_test(path, 1, NULL);
        assert_ok(&e, mc_ledger_begin(l, &e));
        for (int i = 0; i < 8; i++) {
            struct mc_product p = {.product = MC_STR("p"),
                                   .category_id = values[(first + i * (first % 2 ? 1 : 3)) % 4]};
            assert_ok(&e, mc_product_put(l, &p, &e));
        }
        assert_ok(&e, mc_product_each(l, last_product, &text, &e));
        assert_true(mc_str_equal(mc_buf_view(&text), MC_STR("b/")));
        mc_buf_free(&text);
        mc_ledger_close(&l);
        temp_remove(path);
    }
}

/* ---- exact sums ---- */

static bool take_sale(void *context, const struct mc_sale *sale) {
    *(struct mc_sale *)context = *sale;
    return true;
}

static void sums_pass_int64(void **state) {
    (void)state;
    const char *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_sale sale = {0};
    struct mc_filter all = mc_filter_all();
    struct mc_ledger *l = open_test(path, 1, NULL);
    assert_ok(&e, mc_ledger_begin(l, &e));
    for (int i = 0; i < 3; i++)
        assert_ok(
            &e, mc_ledger_put_sale(l, MC_STR("p"), (struct mc_time){61 * MC_SECOND_US + i}, INT64_MAX, INT64_MAX, &e));
    assert_ok(&e, mc_ledger_put_sale(l, MC_STR("p"), (struct mc_time){60 * MC_SECOND_US}, 1, -((__int128)1 << 90), &e));
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_read_sales(l, &all, take_sale, &sale, &e));
    assert_true(sale.minute.us == MC_MINUTE_US && sale.units == (__int128)3 * INT64_MAX + 1);
    assert_true(sale.revenue == (__int128)3 * INT64_MAX - ((__int128)1 << 90));
    mc_ledger_close(&l);
    temp_remove(path);
}

static void int128_text_round_trips(void **state) {
    (void)state;
    const __int128 max = (__int128)(((unsigned __int128)1 << 127) - 1);
    const __int128 values[] = {0,   -1,      INT64_MAX, INT64_MIN, (__int128)INT64_MAX + 1, (__int128)INT64_MIN - 1,
                               max, -max - 1};
    sqlite3 *db;
    sqlite3_stmt *s;
    __int128 out;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(mc_sql_functions(db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT mc_add(?1, 0), (SELECT mc_sum(x) FROM (SELECT ?1 AS x UNION ALL SELECT NULL))",
                           -1, &s, NULL),
        SQLITE_OK);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        mc_bind_int128(s, 1, values[i]);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        assert_true(mc_column_int128(s, 0) == values[i] && mc_column_int128(s, 1) == values[i]);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    assert_int_equal(sqlite3_exec(db, "SELECT mc_add('170141183460469231731687303715884105727', 1)", NULL, NULL, NULL),
                     SQLITE_ERROR);
    assert_int_equal(sqlite3_exec(db, "SELECT mc_add(1.5, 1)", NULL, NULL, NULL), SQLITE_ERROR);
    sqlite3_close(db);
    static const char *const bad[] = {"", "-", "1x", " 1", "170141183460469231731687303715884105728", "--1", "+1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mc_int128_parse(mc_str_of(bad[i]), &out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_store_is_one_clear_error),
        cmocka_unit_test(an_empty_file_becomes_a_store),
        cmocka_unit_test(a_newer_version_is_refused),
        cmocka_unit_test(older_versions_are_migrated),
        cmocka_unit_test(version_3_becomes_the_newest),
        cmocka_unit_test(a_second_writer_is_told_so),
        cmocka_unit_test(a_reader_works_beside_the_writer),
        cmocka_unit_test(a_read_only_file_can_be_read),
        cmocka_unit_test(the_secret_is_random_and_stays),
        cmocka_unit_test(a_source_is_known_by_its_content),
        cmocka_unit_test(runs_snapshots_and_chunks_come_back),
        cmocka_unit_test(the_dimension_merges_in_any_order),
        cmocka_unit_test(sums_pass_int64),
        cmocka_unit_test(int128_text_round_trips),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

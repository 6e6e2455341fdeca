/* SQL over the lake and the store: only reading, the views as docs/DATA.md tells of them, every form of output, limits,
 * damaged files; and verify. */
#include "rows.h"

#include "lake/listing.h"
#include "lake/print.h"
#include "lake/verify.h"
#include "store/checkpoint.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { ROWS = 3000 };

static char dir[256], lake[300], store[300];
static struct rows rows;

/* ---- a lake and a store of the same log ---- */

static void make_lake(void) {
    struct mc_archive *a = NULL;
    struct feed feed = {0};
    struct mc_error e = {0};
    bool good = mc_archive_open(&a, &(struct mc_archive_options){.path = lake, .log = MC_STR("one")}, &e) == MC_OK;
    struct mc_archive_rows in = feed_fill(&feed, &rows, 0, rows.count);
    good = good && mc_archive_put(a, &in, &e) == MC_OK && mc_archive_flush(a, &e) == MC_OK &&
           mc_archive_commit(a, &e) == MC_OK;
    if (!good)
        fail_msg("%s", e.text);
    mc_archive_close(&a);
    feed_free(&feed);
}

static void check(enum mc_err err, const struct mc_error *e) {
    if (err != MC_OK)
        fail_msg("%s", e->text);
}

static void put_cart(struct mc_ledger *l, int64_t at_us) {
    struct mc_error e = {0};
    struct mc_cart_item item = {MC_STR("p1"), mc_hash64("p1", 2), 2, 350};
    struct mc_cart cart = {.user = MC_STR("u1"),
                           .session = MC_STR("s1"),
                           .opened_at = {at_us},
                           .first_at = {at_us},
                           .last_at = {at_us},
                           .expires_at = {at_us + 30 * MC_MINUTE_US},
                           .first_cart_at = {at_us},
                           .value = 700,
                           .decision = MC_UNDECIDED,
                           .item_count = 1,
                           .items = &item};
    check(mc_ledger_end_cart(l, &cart, NULL, &e), &e);
}

/* The same purchases as in the lake, and more of one if that is wanted. */
static void make_store(const char *path, int64_t extra_minor) {
    struct mc_ledger *l = NULL;
    struct mc_error e = {0};
    check(mc_ledger_open(&l, path, MC_LEDGER_WRITE, NULL, &e), &e);
    check(mc_ledger_begin(l, &e), &e);
    put_cart(l, INT64_C(1569888000) * MC_SECOND_US);
    for (uint32_t i = 0; i < rows.count; i++) {
        const struct row *r = &rows.list[i];
        if (r->reason != MC_ACCEPTED || r->type != MC_PURCHASE)
            continue;
        check(mc_ledger_put_sale(l, mc_str_of(r->product), r->time, r->quantity,
                                 (__int128)r->price * r->quantity + extra_minor, &e),
              &e);
        extra_minor = 0;
    }
    check(mc_product_put(l, &(struct mc_product){.product = MC_STR("p1"), .brand = {MC_STR("b"), {5}}}, &e), &e);
    check(mc_ledger_commit(l, &e), &e);
    mc_ledger_close(&l);
}

static int set_up(void **state) {
    (void)state;
    folder_make(dir, sizeof dir);
    snprintf(lake, sizeof lake, "%s/lake's", dir); /* a quote in the path */
    snprintf(store, sizeof store, "%s/store", dir);
    rows = rows_make(42, ROWS);
    make_lake();
    make_store(store, 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rows_free(&rows);
    folder_remove(dir);
    return 0;
}

/* ---- asking ---- */

static enum mc_err ask_in(struct mc_lake_query *q, enum mc_print_format format, const char *sql, struct mc_buf *out,
                          struct mc_error *e) {
    struct mc_print p = {.format = format, .out = out};
    struct mc_lake_sink sink = mc_print_sink(&p);
    enum mc_err err = mc_lake_query_run(q, mc_str_of(sql), &sink, e);
    mc_print_end(&p);
    return err;
}

static struct mc_ledger *open_store(void) {
    struct mc_ledger *l = NULL;
    struct mc_error e = {0};
    check(mc_ledger_open(&l, store, MC_LEDGER_READ, NULL, &e), &e);
    return l;
}

static enum mc_err ask_with(const struct mc_lake_query_options *o, enum mc_print_format format, const char *sql,
                            struct mc_buf *out, struct mc_error *e) {
    struct mc_lake_query *q = NULL;
    enum mc_err err = mc_lake_query_open(&q, o, e);
    if (err == MC_OK)
        err = ask_in(q, format, sql, out, e);
    mc_lake_query_close(&q);
    return err;
}

static void expect(enum mc_print_format format, const char *sql, const char *wanted) {
    struct mc_ledger *l = open_store();
    struct mc_buf out = {0};
    struct mc_error e = {0};
    check(ask_with(&(struct mc_lake_query_options){.lake = lake, .ledger = l}, format, sql, &out, &e), &e);
    assert_string_equal(mc_buf_cstr(&out), wanted);
    mc_buf_free(&out);
    mc_ledger_close(&l);
}

/* ---- forms ---- */

static void results_have_every_form(void **state) {
    const char *sql =
        "SELECT 1 AS n, 'a,\"b|' AS t, NULL AS z, TIMESTAMPTZ '2019-10-01 00:00:00.5+00' AS at, [1, 2] AS "
        "l, true AS b, 0.50 AS d UNION ALL SELECT -20, chr(233) || chr(10), 'x', NULL, NULL, false, 12.00; -- end";
    (void)state;
    expect(MC_PRINT_CSV, sql,
           "n,t,z,at,l,b,d\n1,\"a,\"\"b|\",,2019-10-01T00:00:00.500000Z,\"[1,2]\",true,0.50\n"
           "-20,\"\xC3\xA9\n\",x,,,false,12.00\n");
    expect(MC_PRINT_JSON, sql,
           "{\"n\":1,\"t\":\"a,\\\"b|\",\"z\":null,\"at\":\"2019-10-01T00:00:00.500000Z\",\"l\":[1,2],\"b\":true,\"d\":"
           "0.50}\n{\"n\":-20,\"t\":\"\xC3\xA9\\n\",\"z\":\"x\",\"at\":null,\"l\":null,\"b\":false,\"d\":12.00}\n");
    expect(MC_PRINT_MARKDOWN, sql,
           "| n | t | z | at | l | b | d |\n|---:|---|---|---|---|---|---:|\n"
           "| 1 | a,\"b\\| |  | 2019-10-01T00:00:00.500000Z | [1,2] | true | 0.50 |\n"
           "| -20 | \xC3\xA9  | x |  |  | false | 12.00 |\n");
    expect(MC_PRINT_TABLE, sql,
           "  n  t      z  at                           l      b          d\n"
           "---  -----  -  ---------------------------  -----  -----  -----\n"
           "  1  a,\"b|  -  2019-10-01T00:00:00.500000Z  [1,2]  true    0.50\n"
           "-20  \xC3\xA9      x  -                            -      false  12.00\n"
           "(2 rows)\n");
    expect(MC_PRINT_CSV, "SELECT event_type FROM events WHERE false", "event_type\n");
    expect(MC_PRINT_JSON, "SELECT 'nan'::DOUBLE AS a, timestamptz 'infinity' AS b",
           "{\"a\":null,\"b\":\"infinity\"}\n");
}

static void a_result_becomes_parquet(void **state) {
    char path[600], sql[800];
    struct mc_error e = {0};
    struct mc_buf out = {0};
    struct mc_lake_query_options o = {.lake = lake};
    struct stat st;
    (void)state;
    snprintf(path, sizeof path, "%s/visits.parquet", lake);
    check(mc_lake_query_export(&o, MC_STR("SELECT count(*) AS n FROM visits -- all"), path, &e), &e);
    snprintf(sql, sizeof sql, "SELECT n = (SELECT count(*) FROM visits) AS same FROM read_parquet('%s/lake''s/%s')",
             dir, "visits.parquet");
    check(ask_with(&o, MC_PRINT_CSV, sql, &out, &e), &e);
    assert_string_equal(mc_buf_cstr(&out), "same\ntrue\n");
    unlink(path);
    assert_int_equal(mc_lake_query_export(&o, MC_STR("SELECT error('no')"), path, &e), MC_ERR_USAGE);
    assert_int_not_equal(stat(path, &st), 0);
    snprintf(path, sizeof path, "%s/none/visits.parquet", dir);
    assert_int_not_equal(mc_lake_query_export(&o, MC_STR("SELECT 1 AS n"), path, &e), MC_OK);
    mc_buf_free(&out);
}

/* ---- views ---- */

static void the_store_is_seen(void **state) {
    (void)state;
    expect(MC_PRINT_CSV, "SELECT user_id, decision, value, items, quantity FROM carts",
           "user_id,decision,value,items,quantity\nu1,no_address,7.00,1,2\n");
    expect(MC_PRINT_CSV, "SELECT product_id, quantity, price FROM cart_items",
           "product_id,quantity,price\np1,2,3.50\n");
    expect(MC_PRINT_CSV, "SELECT * FROM products", "product_id,category_id,category_code,brand\np1,,,b\n");
    expect(MC_PRINT_CSV,
           "WITH c AS (SELECT * FROM main.\"CARTS\") SELECT count(*) AS n FROM c WHERE EXISTS (FROM decisions)",
           "n\n1\n");
    expect(MC_PRINT_CSV, "SELECT count(*) AS n FROM messages", "n\n0\n");
}

static void a_view_without_its_source_is_told(void **state) {
    struct mc_error e = {0};
    struct mc_buf out = {0};
    struct mc_ledger *l = open_store();
    (void)state;
    struct mc_lake_query_options of_lake = {.lake = lake}, of_store = {.ledger = l};
    assert_int_equal(ask_with(&of_lake, MC_PRINT_CSV, "SELECT * FROM carts", &out, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "the view carts needs a store"));
    assert_int_equal(ask_with(&of_store, MC_PRINT_CSV, "SELECT * FROM events", &out, &e), MC_ERR_USAGE);
    assert_non_null(strstr(e.text, "the view events needs a lake"));
    assert_int_equal(ask_with(&(struct mc_lake_query_options){0}, MC_PRINT_CSV, "SELECT 1", &out, &e), MC_ERR_USAGE);
    check(ask_with(&of_lake, MC_PRINT_CSV, "SELECT count(*) > 0 AS some FROM sales_daily", &out, &e), &e);
    check(ask_with(&of_store, MC_PRINT_CSV, "SELECT count(*) > 0 AS some FROM sales_daily", &out, &e), &e);
    assert_string_equal(mc_buf_cstr(&out), "some\ntrue\nsome\ntrue\n");
    mc_buf_free(&out);
    mc_ledger_close(&l);
}

static void days_are_the_shops(void **state) {
    struct mc_error e = {0};
    struct mc_buf out = {0};
    (void)state;
    struct mc_lake_query_options o = {.lake = lake, .time_zone = "Pacific/Auckland"};
    check(ask_with(&o, MC_PRINT_CSV,
                   "SELECT count(DISTINCT day) > 1 AS days, (SELECT min(CAST(minute AT TIME ZONE 'Pacific/Auckland' AS "
                   "DATE)) FROM sales) = min(day) AS same, sum(revenue_minor) = (SELECT sum(quantity * price_minor)"
                   " FROM events WHERE event_type = 'purchase') AS sum FROM sales_daily",
                   &out, &e),
          &e);
    assert_string_equal(mc_buf_cstr(&out), "days,same,sum\ntrue,true,true\n");
    mc_buf_free(&out);
}

/* docs/DATA.md as "view.column type" lines, the way DESCRIBE is made into them below. */
static void read_page(struct mc_buf *out) {
    FILE *f = fopen("docs/DATA.md", "r");
    char line[512], view[64] = "", column[64], type[64];
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "## %63s", view) == 1)
            continue;
        if (view[0] != '\0' && sscanf(line, "| `%63[^`]` | %63[^|]|", column, type) == 2) {
            size_t len = strlen(type);
            mc_buf_printf(out, "%s.%s %.*s\n", view, column, (int)(len - 1), type); /* a space before the bar */
        }
    }
    fclose(f);
}

static void the_page_tells_of_every_column(void **state) {
    static const char *const views[] = {"events",    "late",     "visits", "carts",       "cart_items",
                                        "decisions", "messages", "sales",  "sales_daily", "products",
                                        "customers", "funnel",   "rejects"};
    struct mc_buf page = {0}, found = {0};
    (void)state;
    read_page(&page);
    for (int with_store = 1; with_store >= 0; with_store--) { /* views of either source have the same columns */
        struct mc_ledger *l = with_store ? open_store() : NULL;
        for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
            struct mc_buf out = {0};
            struct mc_error e = {0};
            char sql[256];
            snprintf(sql, sizeof sql, "SELECT '%s.' || column_name || ' ' || column_type FROM (DESCRIBE %s)", views[i],
                     views[i]);
            enum mc_err err =
                ask_with(&(struct mc_lake_query_options){.lake = lake, .ledger = l}, MC_PRINT_CSV, sql, &out, &e);
            const char *lines = strchr(mc_buf_cstr(&out), '\n');
            if (with_store)
                check(err, &e);
            for (const char *c = lines; c != NULL && err == MC_OK && with_store && *c != '\0'; c++)
                if (c > lines && *c != '"')
                    mc_buf_char(&found, *c);
            for (char *c = out.data, *line = NULL; c != NULL && err == MC_OK && !with_store && *c != '\0'; c++) {
                if (*c != '\n')
                    continue;
                *c = '\0';
                if (line != NULL && strchr(line, '"') == NULL && strstr(found.data, line) == NULL)
                    fail_msg("without a store there is another column: %s", line);
                line = c + 1;
            }
            mc_buf_free(&out);
        }
        mc_ledger_close(&l);
        mc_buf_cstr(&found);
    }
    assert_string_equal(mc_buf_cstr(&page), mc_buf_cstr(&found));
    mc_buf_free(&page);
    mc_buf_free(&found);
}

/* ---- only reading ---- */

static bool folder_has(const char *name) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void nothing_can_be_written(void **state) {
    static const char *const refused[] = {
        "COPY (SELECT 1) TO '%s/x'",
        "COPY (SELECT 1) TO '%s/lake''s/x'",
        "ATTACH '%s/x'",
        "ATTACH '%s/lake''s/x'",
        "CREATE TABLE t(i INTEGER)",
        "CREATE VIEW v AS SELECT 1",
        "INSERT INTO lake_events FROM lake_events",
        "DELETE FROM live_carts",
        "UPDATE live_carts SET user_id = ''",
        "DROP VIEW events",
        "EXPORT DATABASE '%s/x'",
        "SET threads = 1",
        "SET lock_configuration = false",
        "RESET enable_external_access",
        "PRAGMA threads = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CALL pragma_version()",
        "BEGIN",
        "VACUUM",
        "CHECKPOINT",
        "USE memory",
        "EXPLAIN ANALYZE SELECT 1",
        "PREPARE p AS SELECT 1",
        "SELECT 1; SELECT 2",
        "",
        "; ;",
        "SELECT 1)",
        "SELEC",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_blob('%s/store')",
        "FROM read_parquet('%s/lake''s/../store')",
        "SELECT * FROM sqlite_scan('%s/store', 'cart')",
        "SELECT * FROM read_csv('https://example.com/a.csv')",
        "SELECT getenv('HOME')",
        "WITH d AS (DELETE FROM live_carts RETURNING *) SELECT * FROM d",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM \"query\" ('SELECT 1')",
        "SELECT * FROM query/* */('SELECT 1')",
        "SELECT * FROM query_table(['events'])",
        "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '%s/x')",
        "FROM system.main.\"Enable_Logging\"()"};
    struct mc_ledger *l = open_store();
    struct mc_lake_query *q = NULL;
    struct mc_error e = {0};
    struct mc_buf out = {0};
    (void)state;
    check(mc_lake_query_open(&q, &(struct mc_lake_query_options){.lake = lake, .ledger = l}, &e), &e);
    check(ask_in(q, MC_PRINT_CSV, "SELECT count(*) FROM carts", &out, &e), &e);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct mc_buf sql = {0};
        for (const char *c = refused[i]; *c != '\0'; c++)
            if (c[0] == '%' && c[1] == 's') {
                mc_buf_text(&sql, dir);
                c++;
            } else {
                mc_buf_char(&sql, *c);
            }
        if (ask_in(q, MC_PRINT_CSV, mc_buf_cstr(&sql), &out, &e) == MC_OK)
            fail_msg("was not refused: %s", mc_buf_cstr(&sql));
        mc_buf_free(&sql);
    }
    assert_false(folder_has("x"));
    assert_false(folder_has("lake's/x"));
    out.len = 0;
    check(ask_in(q, MC_PRINT_CSV, "SELECT user_id FROM carts", &out, &e), &e); /* and the session lives on */
    assert_string_equal(mc_buf_cstr(&out), "user_id\nu1\n");
    mc_lake_query_close(&q);
    mc_ledger_close(&l);
    mc_buf_free(&out);
}

/* ---- limits and damage ---- */

static void memory_is_limited(void **state) {
    struct mc_error e = {0};
    struct mc_buf out = {0};
    (void)state;
    struct mc_lake_query_options o = {.lake = lake, .memory_bytes = 32 << 20, .threads = 1};
    check(
        ask_with(
            &o, MC_PRINT_CSV, /* sorts 40 MB within 32 */
            "SELECT count(*) AS n FROM (SELECT hash(i) AS h, repeat('x', 20) AS t FROM range(1000000) r(i) ORDER BY h "
            "LIMIT 900000)",
            &out, &e),
        &e);
    assert_string_equal(mc_buf_cstr(&out), "n\n900000\n");
    enum mc_err err = ask_with(&o, MC_PRINT_CSV, "SELECT list(i) AS n FROM range(20000000) r(i)", &out, &e);
    assert_int_equal(err, MC_ERR_LIMIT);
    mc_buf_free(&out);
}

static void a_foreign_file_is_named(void **state) {
    char path[700];
    struct mc_error e = {0};
    struct mc_buf out = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/events/date=2030-01-01", lake);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/events/date=2030-01-01/x.parquet", lake);
    FILE *f = fopen(path, "w");
    fputs("this is no Parquet file", f);
    fclose(f);
    enum mc_err err =
        ask_with(&(struct mc_lake_query_options){.lake = lake}, MC_PRINT_CSV, "SELECT count(*) FROM events", &out, &e);
    assert_int_equal(err, MC_ERR_FORMAT);
    assert_non_null(strstr(e.text, "x.parquet"));
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    mc_buf_free(&out);
}

/* A byte in the middle of a file is another one: reading it is an error, not a wrong answer. */
static void a_damaged_file_is_seen(void **state) {
    struct mc_lake_listing l = {0};
    struct mc_error e = {0};
    struct mc_buf bytes = {0}, out = {0};
    size_t at = 0;
    bool found;
    (void)state;
    check(mc_lake_list(&l, lake, &e), &e);
    const char *path = mc_lake_listing_next(&l.events, &at);
    check(mc_file_get(AT_FDCWD, path, &bytes, &found, &e), &e);
    for (size_t i = 40; i < 400; i += 120) {
        bytes.data[i] ^= 0x10;
        check(mc_file_put(AT_FDCWD, path, mc_buf_view(&bytes), &e), &e);
        out.len = 0;
        enum mc_err err = ask_with(&(struct mc_lake_query_options){.lake = lake, .threads = 1}, MC_PRINT_CSV,
                                   "SELECT sum(hash(COLUMNS(*))) FROM events", &out, &e);
        if (err == MC_OK)
            fail_msg("a damaged byte %zu was not seen", i);
        bytes.data[i] ^= 0x10;
    }
    check(mc_file_put(AT_FDCWD, path, mc_buf_view(&bytes), &e), &e);
    mc_buf_free(&bytes);
    mc_buf_free(&out);
    mc_lake_listing_free(&l);
}

static void an_empty_lake_has_no_rows(void **state) {
    char path[600];
    struct mc_error e = {0};
    struct mc_buf out = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/empty", dir);
    mkdir(path, 0777);
    check(ask_with(&(struct mc_lake_query_options){.lake = path}, MC_PRINT_CSV,
                   "SELECT (SELECT count(*) FROM funnel) + (SELECT count(*) FROM rejects) AS n", &out, &e),
          &e);
    assert_string_equal(mc_buf_cstr(&out), "n\n0\n");
    mc_buf_free(&out);
    snprintf(path, sizeof path, "%s/none", dir);
    assert_int_equal(ask_with(&(struct mc_lake_query_options){.lake = path}, MC_PRINT_CSV, "SELECT 1", &out, &e),
                     MC_ERR_IO);
    assert_non_null(strstr(e.text, path));
}

/* ---- verify ---- */

static bool take_difference(void *context, const struct mc_lake_difference *d) {
    uint64_t *count = context;
    assert_true(d->store_revenue.len > 0 && d->lake_revenue.len > 0 &&
                !mc_str_equal(d->store_revenue, d->lake_revenue));
    assert_true(mc_str_equal(d->store_units, d->lake_units));
    ++*count;
    return true;
}

static void verify_sees_one_cent(void **state) {
    char other[600];
    struct mc_error e = {0};
    uint64_t seen = 0;
    (void)state;
    for (int cents = 0; cents < 2; cents++) {
        struct mc_lake_verdict v = {0};
        struct mc_ledger *l = NULL;
        snprintf(other, sizeof other, "%s/store-%d", dir, cents);
        make_store(other, cents);
        check(mc_ledger_open(&l, other, MC_LEDGER_READ, NULL, &e), &e);
        check(
            mc_lake_verify(&(struct mc_lake_query_options){.lake = lake, .ledger = l}, &v, take_difference, &seen, &e),
            &e);
        assert_true(mc_lake_verdict_is_whole(&v));
        assert_int_equal(v.position, ROWS);
        assert_int_equal(v.events + v.rejects, ROWS);
        assert_true(v.pairs > 100 && v.late > 0);
        assert_int_equal(v.different, cents);
        assert_int_equal(seen, cents);
        mc_lake_verdict_free(&v);
        mc_ledger_close(&l);
    }
}

static void verify_misses_a_file(void **state) {
    char aside[700];
    struct mc_lake_listing l = {0};
    struct mc_lake_verdict v = {0};
    struct mc_error e = {0};
    size_t at = 0;
    (void)state;
    check(mc_lake_list(&l, lake, &e), &e);
    const char *path = mc_lake_listing_next(&l.events, &at);
    snprintf(aside, sizeof aside, "%s/aside", dir);
    assert_int_equal(rename(path, aside), 0);
    check(mc_lake_verify(&(struct mc_lake_query_options){.lake = lake}, &v, NULL, NULL, &e), &e);
    assert_false(mc_lake_verdict_is_whole(&v));
    assert_int_equal(rename(aside, path), 0);
    mc_lake_verdict_free(&v);
    mc_lake_listing_free(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_have_every_form),   cmocka_unit_test(a_result_becomes_parquet),
        cmocka_unit_test(the_store_is_seen),         cmocka_unit_test(a_view_without_its_source_is_told),
        cmocka_unit_test(days_are_the_shops),        cmocka_unit_test(the_page_tells_of_every_column),
        cmocka_unit_test(nothing_can_be_written),    cmocka_unit_test(memory_is_limited),
        cmocka_unit_test(a_foreign_file_is_named),   cmocka_unit_test(a_damaged_file_is_seen),
        cmocka_unit_test(an_empty_lake_has_no_rows), cmocka_unit_test(verify_sees_one_cent),
        cmocka_unit_test(verify_misses_a_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

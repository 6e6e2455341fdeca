/* Output whole or not at all, and the three forms of rows. */
#include "app/output.h"
#include "app/printout.h"
#include "base/time.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mc-output-XXXXXX";
static char path[64];

static int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails if a temporary file was left behind */
}

static void expect_file(const char *content) {
    char read_back[128] = {0};
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(read_back, 1, sizeof read_back - 1, f);
    fclose(f);
    assert_int_equal(len, strlen(content));
    assert_string_equal(read_back, content);
}

static void test_a_file_appears_whole(void **state) {
    (void)state;
    struct mc_output o;
    struct mc_error e = {0};
    assert_int_equal(mc_output_open(&o, path, &e), MC_OK);
    mc_buf_text(&o.buf, "one\n");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(mc_output_close(&o, &e), MC_OK);
    expect_file("one\n");
}

static void test_a_dropped_file_leaves_the_old_one(void **state) {
    (void)state;
    struct mc_output o;
    struct mc_error e = {0};
    assert_int_equal(mc_output_open(&o, path, &e), MC_OK);
    mc_buf_text(&o.buf, "two\n");
    mc_output_drop(&o);
    expect_file("one\n");
    mc_output_drop(&o);
}

static void test_a_link_is_followed_and_the_mode_kept(void **state) {
    (void)state;
    char link[80];
    struct mc_output o;
    struct stat there;
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(mc_output_open(&o, link, NULL), MC_OK);
    mc_buf_text(&o.buf, "three\n");
    assert_int_equal(mc_output_close(&o, NULL), MC_OK);
    expect_file("three\n");
    assert_int_equal(lstat(path, &there), 0);
    assert_int_equal(there.st_mode & 07777, 0640);
    assert_int_equal(lstat(link, &there), 0);
    assert_true(S_ISLNK(there.st_mode));
    unlink(link);
}

static void test_a_device_is_written_into_not_replaced(void **state) {
    (void)state;
    struct mc_output o;
    struct stat there;
    struct mc_error e = {0};
    assert_int_equal(mc_output_open(&o, "/dev/full", &e), MC_OK);
    mc_buf_text(&o.buf, "x");
    assert_int_equal(mc_output_close(&o, &e), MC_ERR_FULL);
    assert_string_equal(e.text, "cannot write /dev/full: No space left on device");
    assert_int_equal(stat("/dev/full", &there), 0);
    assert_true(S_ISCHR(there.st_mode));
}

static void test_places_that_cannot_be_written(void **state) {
    (void)state;
    struct mc_output o;
    struct mc_error e = {0};
    assert_int_equal(mc_output_open(&o, folder, &e), MC_ERR_IO);
    assert_non_null(strstr(e.text, "Is a directory"));
    assert_int_equal(mc_output_open(&o, "/no/such/folder/x", &e), MC_ERR_IO);
    assert_string_equal(e.text, "cannot write /no/such/folder/x: No such file or directory");
}

static void test_a_reader_that_went_away(void **state) {
    (void)state;
    int ends[2];
    struct mc_output o;
    struct mc_error e = {0};
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(mc_output_open(&o, NULL, &e), MC_OK);
    o.fd = ends[1];
    mc_buf_text(&o.buf, "x");
    assert_int_equal(mc_output_close(&o, &e), MC_ERR_IO);
    assert_true(mc_output_is_gone(&o));
    close(ends[1]);
}

static void test_a_failed_append_is_an_error_at_the_close(void **state) {
    (void)state;
    struct mc_output o;
    struct mc_error e = {0};
    assert_int_equal(mc_output_open(&o, path, &e), MC_OK);
    mc_buf_text(&o.buf, "lost");
    o.buf.failed = true;
    assert_int_equal(mc_output_close(&o, &e), MC_ERR_NOMEM);
    expect_file("three\n");
}

/* ---- rows ---- */

static const struct mc_list_column columns[] = {
    {"id", "ID", MC_CELL_TEXT},      {"n", "COUNT", MC_CELL_COUNT},
    {"hidden", NULL, MC_CELL_COUNT}, {"money", "MONEY", MC_CELL_MONEY},
    {"raw", NULL, MC_CELL_JSON},     {"", "ONLY TEXT", MC_CELL_TEXT},
    {"at", "AT", MC_CELL_TIME},      {0},
};

static void expect_rows(enum mc_format format, const char *expected) {
    struct mc_output o;
    struct mc_printout rows;
    assert_int_equal(mc_output_open(&o, NULL, NULL), MC_OK);
    mc_printout_begin(&rows, columns, format, &o);
    for (int i = 0; i < 2; i++) {
        mc_printout_text(&rows, i == 0 ? MC_STR("a\x1B,\"b\"") : MC_STR("\xC3\xA9"));
        mc_printout_number(&rows, 1234 * (i + 1));
        mc_printout_number(&rows, 7);
        mc_printout_number(&rows, i == 0 ? 5 : (__int128)INT64_MAX * 100);
        mc_printout_text(&rows, MC_STR("[1,2]"));
        mc_printout_text(&rows, MC_STR("t"));
        mc_printout_time(&rows, i == 0 ? 0 : MC_TIME_NONE_US);
    }
    assert_int_equal(rows.count, 2);
    mc_printout_end(&rows);
    assert_string_equal(mc_buf_cstr(&o.buf), expected);
    mc_output_drop(&o);
}

static void test_rows_as_text(void **state) {
    (void)state;
    expect_rows(MC_FORMAT_TEXT, "ID         COUNT                         MONEY  ONLY TEXT  AT\n"
                                "a\\x1B,\"b\"  1,234                          0.05  t          1970-01-01T00:00:00Z\n"
                                "\xC3\xA9          2,468  9,223,372,036,854,775,807.00  t          -\n");
}

static void test_rows_as_json(void **state) {
    (void)state;
    expect_rows(MC_FORMAT_JSON,
                "{\"id\":\"a\\u001b,\\\"b\\\"\",\"n\":1234,\"hidden\":7,\"money\":5,\"raw\":[1,2],"
                "\"at\":\"1970-01-01T00:00:00Z\"}\n"
                "{\"id\":\"\xC3\xA9\",\"n\":2468,\"hidden\":7,\"money\":922337203685477580700,\"raw\":[1,2],"
                "\"at\":null}\n");
}

static void test_rows_as_csv(void **state) {
    (void)state;
    expect_rows(MC_FORMAT_CSV, "id,n,hidden,money,raw,at\n"
                               "\"a\x1B,\"\"b\"\"\",1234,7,5,\"[1,2]\",1970-01-01T00:00:00Z\n"
                               "\xC3\xA9,2468,7,922337203685477580700,\"[1,2]\",\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_appears_whole),
        cmocka_unit_test(test_a_dropped_file_leaves_the_old_one),
        cmocka_unit_test(test_a_link_is_followed_and_the_mode_kept),
        cmocka_unit_test(test_a_device_is_written_into_not_replaced),
        cmocka_unit_test(test_places_that_cannot_be_written),
        cmocka_unit_test(test_a_reader_that_went_away),
        cmocka_unit_test(test_a_failed_append_is_an_error_at_the_close),
        cmocka_unit_test(test_rows_as_text),
        cmocka_unit_test(test_rows_as_json),
        cmocka_unit_test(test_rows_as_csv),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* CSV by column names: good rows are given, bad ones refused with number and reason, and memory may fail anywhere. */
#include "app/table_file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/mc-table-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static const struct mc_table_column columns[] = {{"id", true}, {"name", false}, {"url", false}};

/* What came of the rows: "1:id|name|url" or "2!reason", a line each. */
struct story {
    struct mc_buf text;
    uint64_t fail_at; /* the row at which take fails */
};

static enum mc_err take(void *context, uint64_t row, const struct mc_str *v, struct mc_error *e) {
    struct story *s = context;
    if (row == s->fail_at)
        return mc_error_set(e, MC_ERR_FULL, "full");
    mc_buf_printf(&s->text, "%d:", (int)row);
    for (int i = 0; i < 3; i++) {
        mc_buf_str(&s->text, v[i]);
        mc_buf_char(&s->text, i < 2 ? '|' : '\n');
    }
    return MC_OK;
}

static void refuse(void *context, uint64_t row, const char *reason) {
    struct story *s = context;
    mc_buf_printf(&s->text, "%d!%s\n", (int)row, reason);
}

static enum mc_err read_bytes(struct mc_str bytes, struct story *story, struct mc_buf *ignored, struct mc_error *e) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
    struct mc_table_reader r = {
        .columns = columns, .column_count = 3, .take = take, .refuse = refuse, .context = story};
    enum mc_err err = mc_table_read(&r, path, e);
    *ignored = r.ignored;
    return err;
}

static void expect(struct mc_str bytes, const char *text, const char *names) {
    struct story story = {{0}, 0};
    struct mc_buf ignored;
    struct mc_error e = {0};
    assert_int_equal(read_bytes(bytes, &story, &ignored, &e), MC_OK);
    assert_string_equal(mc_buf_cstr(&story.text), text);
    assert_string_equal(mc_buf_cstr(&ignored), names);
    mc_buf_free(&story.text);
    mc_buf_free(&ignored);
}

static void test_columns_in_any_order(void **state) {
    (void)state;
    expect(MC_STR("url,ID,size\nu1, a ,9\nu2,b,8"), "1:a||u1\n2:b||u2\n", "size");
    expect(MC_STR("\xEF\xBB\xBF\"id\",name\r\n1,x\r\n\r\n2,y\r\n"), "1:1|x|\n3:2|y|\n", "");
}

static void test_quoting(void **state) {
    (void)state;
    expect(MC_STR("id,name\n1,\"a, \"\"b\"\"\nc\"\n\"2\",\"\"\n"), "1:1|a, \"b\"\nc|\n2:2||\n", "");
}

static void test_bad_rows_do_not_swallow_good_ones(void **state) {
    (void)state;
    expect(MC_STR("id,name\n1,\"open\n2,b\n3\n4,a\"b\n5,\xFF\n6,a\0b\n7,g,h\n8,i\n"),
           "1!it is badly quoted or too long\n2:2|b|\n3!it has another number of fields than the header\n"
           "4!it is badly quoted or too long\n5!it is not UTF-8\n6!it holds a NUL byte\n"
           "7!it has another number of fields than the header\n8:8|i|\n",
           "");
}

static void test_a_very_long_row_is_refused(void **state) {
    (void)state;
    struct mc_buf b = {0};
    mc_buf_text(&b, "id,name\n1,");
    for (int i = 0; i < 700000; i++)
        mc_buf_char(&b, 'x');
    mc_buf_text(&b, "\n2,b\n");
    expect(mc_buf_view(&b), "1!it is badly quoted or too long\n2:2|b|\n", "");
    mc_buf_free(&b);
}

static void test_many_rows_over_the_edges_of_what_is_read_at_once(void **state) {
    (void)state;
    struct mc_buf b = {0}, expected = {0};
    mc_buf_text(&b, "id,name,url\n");
    for (int i = 1; i <= 50000; i++) {
        mc_buf_printf(&b, "%d,\"n%d\",u\n", i, i);
        mc_buf_printf(&expected, "%d:%d|n%d|u\n", i, i, i);
    }
    expect(mc_buf_view(&b), mc_buf_cstr(&expected), "");
    mc_buf_free(&b);
    mc_buf_free(&expected);
}

static void test_an_error_of_take_ends_the_reading(void **state) {
    (void)state;
    struct story story = {{0}, 2};
    struct mc_buf ignored;
    struct mc_error e = {0};
    assert_int_equal(read_bytes(MC_STR("id\n1\n2\n3\n"), &story, &ignored, &e), MC_ERR_FULL);
    assert_string_equal(mc_buf_cstr(&story.text), "1:1||\n");
    mc_buf_free(&story.text);
    mc_buf_free(&ignored);
}

static void test_no_memory_at_any_allocation(void **state) {
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct story story = {{0}, 0};
        struct mc_buf ignored;
        struct mc_error e = {0};
        mc_mem_fail_at(n);
        enum mc_err err = read_bytes(MC_STR("id,other,name\n1,2,3\n"), &story, &ignored, &e);
        bool met = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_true(err == MC_ERR_NOMEM || story.text.failed || ignored.failed || !met);
        assert_int_equal(err == MC_ERR_NOMEM, e.code == MC_ERR_NOMEM);
        mc_buf_free(&story.text);
        mc_buf_free(&ignored);
        if (!met) {
            assert_true(n > 3);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_in_any_order),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_bad_rows_do_not_swallow_good_ones),
        cmocka_unit_test(test_a_very_long_row_is_refused),
        cmocka_unit_test(test_many_rows_over_the_edges_of_what_is_read_at_once),
        cmocka_unit_test(test_an_error_of_take_ends_the_reading),
        cmocka_unit_test(test_no_memory_at_any_allocation),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}

/* Errors: sentences that are cut, wrapped and optional; the codes of errno. */
#include "base/err.h"
#include "seed.h"
#include <errno.h>
#include <string.h>

static void test_set_and_wrap(void **state) {
    (void)state;
    struct mc_error e = {0};
    assert_int_equal(mc_error_set(&e, MC_ERR_FORMAT, "row %d is bad", 7), MC_ERR_FORMAT);
    assert_int_equal(mc_error_wrap(&e, "file %s", "a.csv"), MC_ERR_FORMAT);
    assert_int_equal(e.code, MC_ERR_FORMAT);
    assert_string_equal(e.text, "file a.csv: row 7 is bad");
    assert_int_equal(mc_error_set(&e, MC_ERR_FULL, "another"), MC_ERR_FULL);
    assert_string_equal(e.text, "another");
}

static void test_without_a_place_for_words(void **state) {
    (void)state;
    assert_int_equal(mc_error_set(NULL, MC_ERR_NOMEM, "%d", 1), MC_ERR_NOMEM);
    assert_int_not_equal(mc_error_wrap(NULL, "x"), MC_OK);
}

/* Whatever the lengths: NUL-terminated, and the front words stay. */
static void test_long_words_are_cut(void **state) {
    (void)state;
    char words[700];
    for (size_t front = 0; front < 600; front += 7)
        for (size_t back = 0; back < 600; back += 13) {
            struct mc_error e;
            memset(&e, 'Z', sizeof e);
            memset(words, 'b', sizeof words);
            mc_error_set(&e, MC_ERR_IO, "%.*s", (int)back, words);
            assert_int_equal(strlen(e.text), back < sizeof e.text ? back : sizeof e.text - 1);
            memset(words, 'f', sizeof words);
            assert_int_equal(mc_error_wrap(&e, "%.*s", (int)front, words), MC_ERR_IO);
            assert_true(memchr(e.text, '\0', sizeof e.text) != NULL);
            assert_int_equal(strspn(e.text, "f"), front < sizeof e.text ? front : sizeof e.text - 1);
        }
}

static void test_errno(void **state) {
    (void)state;
    assert_int_equal(mc_err_of_errno(ENOSPC), MC_ERR_FULL);
    assert_int_equal(mc_err_of_errno(EDQUOT), MC_ERR_FULL);
    assert_int_equal(mc_err_of_errno(ENOMEM), MC_ERR_NOMEM);
    assert_int_equal(mc_err_of_errno(EIO), MC_ERR_IO);
    assert_int_equal(mc_err_of_errno(ENOENT), MC_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_without_a_place_for_words),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

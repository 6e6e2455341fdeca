#include "outreach/sample.h"

#include "outreach/text.h"

static void expect_line(struct mc_str in, size_t bytes_max, const char *expected) {
    struct mc_buf out = {0};
    mc_text_line(&out, in, bytes_max);
    assert_buf(&out, expected);
    mc_buf_free(&out);
}

static void line_is_one_line(void **state) {
    (void)state;
    expect_line(MC_STR("Ana"), 100, "Ana");
    expect_line(MC_STR("  a\r\n\tb \x01 c  "), 100, "a b c");
    expect_line(MC_STR("a\0b"), 100, "a b");
    expect_line(MC_STR("a\u2028b\u2029c\xC2\x85"
                       "d"),
                100, "a b c d");
    expect_line(MC_STR("a\u202Eb\u2066c"), 100, "abc");
    expect_line(MC_STR("a\xFF"
                       "b"),
                100, "a\uFFFDb");
    expect_line(MC_STR("\xE2\x82"), 100, "\uFFFD\uFFFD");
    expect_line(MC_STR(""), 100, "");
}

static void line_is_cut_between_characters(void **state) {
    (void)state;
    expect_line(MC_STR("abcdef"), 6, "abcdef");
    expect_line(MC_STR("abcdefg"), 6, "abc\u2026");
    expect_line(MC_STR("\u00E4\u00E4\u00E4\u00E4"), 8, "\u00E4\u00E4\u00E4\u00E4");
    expect_line(MC_STR("\u00E4\u00E4\u00E4\u00E4"), 7, "\u00E4\u00E4\u2026");
    expect_line(MC_STR("\u00E4\u00E4\u00E4\u00E4"), 6, "\u00E4\u2026");
    expect_line(MC_STR("\U0001F6D2\U0001F6D2"), 7, "\U0001F6D2\u2026");
}

static void hostile_texts_have_no_control_characters(void **state) {
    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++)
        for (size_t bytes_max = 4; bytes_max < 40; bytes_max++) {
            struct mc_buf out = {0};
            mc_text_line(&out, hostile[i], bytes_max);
            assert_true(out.len <= bytes_max);
            assert_true(mc_str_is_utf8(mc_buf_view(&out)));
            for (size_t at = 0; at < out.len; at++)
                assert_true((unsigned char)out.data[at] >= ' ' && out.data[at] != 0x7F);
            mc_buf_free(&out);
        }
}

static void html_has_no_markup(void **state) {
    (void)state;
    struct mc_buf out = {0};
    mc_text_html(&out, MC_STR("<a href=\"x\">'&amp;"));
    assert_buf(&out, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;");
    mc_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_one_line),
        cmocka_unit_test(line_is_cut_between_characters),
        cmocka_unit_test(hostile_texts_have_no_control_characters),
        cmocka_unit_test(html_has_no_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

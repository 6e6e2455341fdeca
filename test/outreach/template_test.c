#include "outreach/sample.h"

#include "outreach/template.h"
#include "outreach/template_check.h"
#include "outreach/view.h"

static enum mc_err render(enum mc_template_kind kind, const char *source, const struct mc_variables *fields,
                          struct mc_buf *out, struct mc_error *e) {
    struct mc_template *t;
    enum mc_err err = mc_template_parse(&t, kind, mc_str_of(source), "t.mustache", NULL, e);
    if (err == MC_OK)
        err = mc_template_render(t, fields, out, e);
    mc_template_close(&t);
    return err;
}

static void expect(enum mc_template_kind kind, const char *source, const char *expected) {
    struct mc_variables fields = {0};
    mc_variables_put(&fields, "name", MC_STR("A<b>&'\""));
    mc_variables_put(&fields, "empty", MC_STR(""));
    mc_variables_row(&fields);
    mc_variables_put(&fields, "x", MC_STR("1"));
    mc_variables_row(&fields);
    mc_variables_put(&fields, "x", MC_STR("2"));
    struct mc_buf out = {0};
    struct mc_error e = {0};
    assert_int_equal(render(kind, source, &fields, &out, &e), MC_OK);
    assert_buf(&out, expected);
    mc_buf_free(&out);
    mc_variables_free(&fields);
}

static void values_are_escaped_for_their_part(void **state) {
    (void)state;
    expect(MC_TEMPLATE_HTML, "{{name}}", "A&lt;b&gt;&amp;&#39;&quot;");
    expect(MC_TEMPLATE_HTML, "{{{name}}}", "A&lt;b&gt;&amp;&#39;&quot;");
    expect(MC_TEMPLATE_HTML, "{{&name}}", "A&lt;b&gt;&amp;&#39;&quot;");
    expect(MC_TEMPLATE_TEXT, "{{name}} {{{name}}}", "A<b>&'\" A<b>&'\"");
}

static void sections_and_rows(void **state) {
    (void)state;
    expect(MC_TEMPLATE_TEXT, "{{#items}}\n- {{x}} {{name}}\n{{/items}}\nend", "- 1 A<b>&'\"\n- 2 A<b>&'\"\nend");
    expect(MC_TEMPLATE_TEXT, "{{#empty}}a{{/empty}}{{^empty}}b{{/empty}}{{empty}}", "b");
    expect(MC_TEMPLATE_TEXT, "{{#name}}a{{/name}}{{^name}}b{{/name}}", "a");
    expect(MC_TEMPLATE_TEXT, "{{! a comment }}x", "x");
    expect(MC_TEMPLATE_TEXT, "", "");
}

static void no_rows_is_an_absent_list(void **state) {
    (void)state;
    struct mc_variables fields = {0};
    struct mc_buf out = {0};
    struct mc_error e = {0};
    assert_int_equal(render(MC_TEMPLATE_TEXT, "{{#items}}a{{/items}}{{^items}}none{{/items}}", &fields, &out, &e),
                     MC_OK);
    assert_buf(&out, "none");
    mc_buf_free(&out);
}

static void a_subject_is_one_line(void **state) {
    (void)state;
    expect(MC_TEMPLATE_SUBJECT, "  a\n{{name}}\r\nb\n", "a A<b>&'\" b");
}

static void errors_name_file_and_position(void **state) {
    (void)state;
    static const struct {
        const char *source, *text;
    } cases[] = {
        {"a\n b {{#x}} c", "t.mustache:2:4: a section is opened and not closed: 'x'"},
        {"{{#x}}{{/y}}", "t.mustache:1:1: a section is not closed before the one around it: 'x'"},
        {"{{/y}}", "t.mustache:1:1: a section is closed that was not opened: 'y'"},
        {"a {{x", "t.mustache:1:3: a tag is opened by {{ and not closed"},
        {"a {{{x}}", "t.mustache:1:3: a tag is opened by {{ and not closed"},
        {"{{>x}}", "t.mustache:1:1: partials are not supported: 'x'"},
        {"{{=<% %>=}}", "t.mustache:1:1: the delimiters cannot be changed"},
        {"{{{=<% %>=}}}", "t.mustache:1:1: the delimiters cannot be changed"},
        {"{{ }}", "t.mustache:1:1: a tag without a name"},
        {"{{#x}}{{#x}}{{/x}}{{/x}}", "t.mustache:1:7: a section inside one of the same name: 'x'"},
        {"{{#a}}{{#b}}{{#c}}{{#d}}{{#e}}{{#f}}{{#g}}{{#h}}{{#i}}",
         "t.mustache:1:49: sections are nested too deep: 'i'"},
        {"\xFF", "t.mustache: a template is UTF-8 text, this is not"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mc_template *t;
        struct mc_error e = {0};
        assert_int_equal(mc_template_parse(&t, MC_TEMPLATE_TEXT, mc_str_of(cases[i].source), "t.mustache", NULL, &e),
                         MC_ERR_FORMAT);
        assert_null(t);
        assert_string_equal(e.text, cases[i].text);
    }
}

static void a_misspelt_variable_is_an_error(void **state) {
    (void)state;
    struct mc_error e = {0};
    assert_int_equal(mc_template_check(MC_STR("{{first_name}} {{#items}}{{.}}{{/items}}"), "t", mc_view_names, &e),
                     MC_OK);
    assert_int_equal(mc_template_check(MC_STR("\n{{frist_name}}"), "t", mc_view_names, &e), MC_ERR_FORMAT);
    assert_string_equal(e.text, "t:2:1: there is no variable of the name 'frist_name'");
}

static void sizes_are_limited(void **state) {
    (void)state;
    struct mc_buf source = {0}, out = {0};
    struct mc_error e = {0};
    struct mc_template *t;
    while (source.len <= MC_TEMPLATE_BYTES_MAX)
        mc_buf_text(&source, "0123456789");
    assert_int_equal(mc_template_parse(&t, MC_TEMPLATE_TEXT, mc_buf_view(&source), "t", NULL, &e), MC_ERR_FORMAT);

    source.len = 0;
    mc_buf_text(&source, "{{#items}}");
    while (source.len < 10000)
        mc_buf_text(&source, "0123456789");
    mc_buf_text(&source, "{{/items}}");
    struct mc_variables fields = {0};
    for (int i = 0; i < 200; i++)
        mc_variables_row(&fields);
    assert_int_equal(mc_template_parse(&t, MC_TEMPLATE_TEXT, mc_buf_view(&source), "t", NULL, &e), MC_OK);
    assert_int_equal(mc_template_render(t, &fields, &out, &e), MC_ERR_LIMIT);
    mc_template_close(&t);
    mc_variables_free(&fields);
    mc_buf_free(&source);
    mc_buf_free(&out);
}

/* A value that holds tags comes out as it is: values are not parsed. */
static void values_are_never_templates(void **state) {
    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct mc_variables fields = {0};
        struct mc_buf out = {0}, plain = {0};
        struct mc_error e = {0};
        mc_variables_put(&fields, "coupon", MC_STR("SECRET"));
        mc_variables_put(&fields, "name", hostile[i]);
        assert_int_equal(render(MC_TEMPLATE_HTML, "[{{name}}|{{{name}}}]", &fields, &out, &e), MC_OK);
        assert_false(buf_contains(&out, "SECRET"));
        assert_false(buf_contains(&out, "<"));
        assert_false(buf_contains(&out, "\""));
        assert_false(buf_contains(&out, "'"));
        assert_false(buf_contains(&out, "\n"));
        assert_int_equal(render(MC_TEMPLATE_TEXT, "{{name}}", &fields, &plain, &e), MC_OK);
        assert_int_equal(plain.len, fields.list[1].len);
        mc_buf_free(&out);
        mc_buf_free(&plain);
        mc_variables_free(&fields);
    }
}

static enum mc_err try_once(void *context) {
    (void)context;
    struct mc_variables fields = {0};
    struct mc_buf out = {0};
    for (int i = 0; i < 40; i++) {
        mc_variables_row(&fields);
        mc_variables_put(&fields, "x", MC_STR("<a long enough value to make the buffers grow>"));
    }
    enum mc_err err = render(MC_TEMPLATE_HTML, "{{#items}}{{x}}{{/items}}", &fields, &out, NULL);
    mc_buf_free(&out);
    mc_variables_free(&fields);
    return err;
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    fail_each_allocation(try_once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped_for_their_part),
        cmocka_unit_test(sections_and_rows),
        cmocka_unit_test(no_rows_is_an_absent_list),
        cmocka_unit_test(a_subject_is_one_line),
        cmocka_unit_test(errors_name_file_and_position),
        cmocka_unit_test(a_misspelt_variable_is_an_error),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(values_are_never_templates),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "outreach/sample.h"

#include "outreach/templates.h"
#include "outreach/view.h"

static struct mc_letter sample(const struct mc_letter_line *lines, size_t count) {
    return (struct mc_letter){
        .store_name = MC_STR("Lumen"),
        .postal_address = MC_STR("1 Street, Town"),
        .currency = MC_STR("EUR"),
        .language = MC_STR("en"),
        .first_name = MC_STR("Ana"),
        .lines = lines,
        .line_count = count,
        .offer = {MC_OFFER_PERCENTAGE, 1000},
        .coupon = MC_STR("CODE-1"),
        .coupon_expires_at = {0},
        .restore_url = MC_STR("https://shop.example/r/abc"),
        .unsubscribe_url = MC_STR("https://shop.example/u/abc"),
    };
}

/* The value of a name in row `row` (0: the letter's own). */
static struct mc_str value(const struct mc_variables *f, size_t row, const char *name) {
    size_t at = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->list[i].name == NULL)
            at++;
        else if (at == row && strcmp(f->list[i].name, name) == 0)
            return mc_variable_value(f, &f->list[i]);
    }
    fail_msg("no %s in row %zu", name, row);
    return (struct mc_str){0};
}

static void expect(const struct mc_variables *f, size_t row, const char *name, const char *expected) {
    struct mc_str got = value(f, row, name);
    if (!mc_str_equal(got, mc_str_of(expected)))
        fail_msg("%s in row %zu is '%.*s', not '%s'", name, row, (int)got.len, got.data, expected);
}

static void a_letter_becomes_fields(void **state) {
    (void)state;
    struct mc_letter_line lines[] = {
        {MC_STR("7"), MC_STR("soap"), MC_STR("https://shop.example/7"), MC_STR("ftp://shop.example/7.png"), 2, 450},
        {MC_STR("8"), MC_STR(""), MC_STR("javascript:alert(1)"), MC_STR(""), 1, 123456},
    };
    struct mc_letter letter = sample(lines, 2);
    struct mc_variables f = {0};
    assert_int_equal(mc_view_make(&f, &letter), 2);
    expect(&f, 0, "first_name", "Ana");
    expect(&f, 0, "item_count", "3");
    expect(&f, 0, "total", "€1,243.56");
    expect(&f, 0, "more_count", "");
    expect(&f, 0, "offer", "10% off your order");
    expect(&f, 0, "coupon", "CODE-1");
    expect(&f, 0, "coupon_expires", "1 January 1970, 00:00 UTC");
    expect(&f, 1, "product_id", "8");
    expect(&f, 1, "name", "");
    expect(&f, 1, "initial", "8");
    expect(&f, 1, "url", "");
    expect(&f, 2, "name", "soap");
    expect(&f, 2, "initial", "S");
    expect(&f, 2, "url", "https://shop.example/7");
    expect(&f, 2, "image_url", "");
    expect(&f, 2, "quantity", "2");
    expect(&f, 2, "price", "€4.50");
    expect(&f, 2, "line_total", "€9.00");
    mc_variables_free(&f);
}

static void every_name_is_known(void **state) {
    (void)state;
    struct mc_letter_line line = {MC_STR("7"), MC_STR("n"), MC_STR(""), MC_STR(""), 1, 1};
    struct mc_letter letter = sample(&line, 1);
    struct mc_variables f = {0};
    mc_view_make(&f, &letter);
    size_t named = 0, known = 0;
    while (mc_view_names[known] != NULL)
        known++;
    for (size_t i = 0; i < f.count; i++)
        for (size_t k = 0; f.list[i].name != NULL && k < known; k++)
            named += strcmp(f.list[i].name, mc_view_names[k]) == 0;
    assert_int_equal(named, known - 1); /* `items` is the rows */
    assert_int_equal(f.count, known);   /* and the row's mark */
    mc_variables_free(&f);
}

static void a_large_cart_shows_its_dearest_lines(void **state) {
    (void)state;
    struct mc_letter_line lines[50];
    char ids[50][16];
    for (int i = 0; i < 50; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        lines[i] = (struct mc_letter_line){.product_id = mc_str_of(ids[i]), .quantity = 1, .price_minor = i * 7 % 50};
    }
    struct mc_letter letter = sample(lines, 50);
    struct mc_variables f = {0};
    mc_view_make(&f, &letter);
    expect(&f, 0, "more_count", "38");
    expect(&f, 0, "total", "€12.25");
    expect(&f, 1, "price", "€0.49");
    expect(&f, MC_LETTER_LINES_SHOWN, "price", "€0.38");
    mc_variables_free(&f);
}

static void a_web_address_is_no_name(void **state) {
    (void)state;
    static const char *const names[] = {"http://evil.example", "Hi WWW.evil.example"};
    for (size_t i = 0; i < 2; i++) {
        struct mc_letter letter = sample(NULL, 0);
        struct mc_variables f = {0};
        letter.first_name = mc_str_of(names[i]);
        mc_view_make(&f, &letter);
        expect(&f, 0, "first_name", "");
        mc_variables_free(&f);
    }
}

/* The templates that are delivered, filled with hostile texts: nothing of them becomes markup. */
static void delivered_templates_hold(void **state) {
    (void)state;
    struct mc_templates *t;
    struct mc_error e = {0};
    if (mc_templates_open(&t, "templates", &e) != MC_OK)
        fail_msg("%s", e.text);
    assert_true(t->count >= 2);
    assert_string_equal(mc_templates_find(t, MC_STR("de-AT"))->language, "de");
    assert_string_equal(mc_templates_find(t, MC_STR("DE"))->language, "de");
    assert_string_equal(mc_templates_find(t, MC_STR("xx"))->language, "en");
    assert_string_equal(mc_templates_find(t, MC_STR(""))->language, "en");
    for (size_t w = 0; w < t->count; w++)
        for (size_t i = 0; i < HOSTILE_COUNT; i++) {
            struct mc_letter_line line = {hostile[i], hostile[i], hostile[i], hostile[i], 1, 100};
            struct mc_letter letter = sample(&line, 1);
            struct mc_variables f = {0};
            struct mc_buf html = {0}, subject = {0};
            letter.first_name = letter.store_name = letter.postal_address = letter.coupon = hostile[i];
            letter.language = mc_str_of(t->list[w].language);
            mc_view_make(&f, &letter);
            assert_int_equal(mc_template_render(t->list[w].html, &f, &html, &e), MC_OK);
            assert_false(buf_contains(&html, "<script"));
            assert_false(buf_contains(&html, "<img src=x"));
            assert_false(buf_contains(&html, "<h1"));
            assert_false(buf_contains(&html, "' onmouseover"));
            assert_int_equal(mc_template_render(t->list[w].subject, &f, &subject, &e), MC_OK);
            assert_false(buf_contains(&subject, "\n"));
            assert_true(subject.len <= MC_SUBJECT_BYTES_MAX);
            mc_buf_free(&html);
            mc_buf_free(&subject);
            mc_variables_free(&f);
        }
    mc_templates_close(&t);
}

static enum mc_err open_templates(void *context) {
    (void)context;
    struct mc_templates *t;
    enum mc_err err = mc_templates_open(&t, "templates", NULL);
    mc_templates_close(&t);
    return err;
}

static enum mc_err make_view(void *context) {
    struct mc_variables f = {0};
    mc_view_make(&f, context);
    enum mc_err err = f.failed ? MC_ERR_NOMEM : MC_OK;
    mc_variables_free(&f);
    return err;
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    struct mc_letter_line line = {MC_STR("7"), MC_STR("n"), MC_STR("https://a.example/"), MC_STR(""), 1, 1};
    struct mc_letter letter = sample(&line, 1);
    fail_each_allocation(make_view, &letter);
    fail_each_allocation(open_templates, NULL);
}

static void a_missing_folder_is_named(void **state) {
    (void)state;
    struct mc_templates *t;
    struct mc_error e = {0};
    assert_int_equal(mc_templates_open(&t, "/no/such/folder", &e), MC_ERR_IO);
    assert_null(t);
    assert_non_null(strstr(e.text, "/no/such/folder"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_becomes_fields),
        cmocka_unit_test(every_name_is_known),
        cmocka_unit_test(a_large_cart_shows_its_dearest_lines),
        cmocka_unit_test(a_web_address_is_no_name),
        cmocka_unit_test(delivered_templates_hold),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(a_missing_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "outreach/sample.h"

#include "outreach/compose.h"

static const struct mc_sender good = {.address = "shop@lumen.example",
                                      .postal_address = "12 Harbour Street, Dublin",
                                      .public_url = "https://shop.example",
                                      .currency = "EUR"};

static void expect_refused(const struct mc_sender *sender, const char *words) {
    struct mc_error e = {0};
    assert_int_equal(mc_sender_check(sender, &e), MC_ERR_USAGE);
    if (strstr(e.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static void missing_settings_are_named(void **state) {
    (void)state;
    assert_int_equal(mc_sender_check(&good, NULL), MC_OK);
    struct mc_sender s = {0};
    expect_refused(&s, "needed: mail.sender, mail.postal_address, mail.public_url");
    s = good;
    s.postal_address = "  ";
    expect_refused(&s, "needed: mail.postal_address");
    s = good;
    s.public_url = NULL;
    expect_refused(&s, "needed: mail.public_url");
    s = good;
    s.address = "shop@lumen.example\r\nBcc: x@y.example";
    expect_refused(&s, "mail.sender is no e-mail address");
    s = good;
    s.reply_to = "nobody";
    expect_refused(&s, "reply_to is no e-mail address");
    s = good;
    s.public_url = "ftp://shop.example";
    expect_refused(&s, "mail.public_url must be");
}

struct fixture {
    struct mc_templates *templates;
    struct mc_composer composer;
    struct mc_message_item item;
    struct mc_message message;
};

static int set_up(void **state) {
    static struct fixture f;
    struct mc_error e = {0};
    static const uint8_t secret[MC_LINK_SECRET_BYTES] = {7};
    f = (struct fixture){0};
    if (mc_templates_open(&f.templates, "templates", &e) != MC_OK)
        return -1;
    f.composer = (struct mc_composer){.sender = good, .templates = f.templates};
    mc_link_key_derive(&f.composer.key, secret);
    f.item = (struct mc_message_item){.item = {.product = MC_STR("p1"), .quantity = 2, .price = 450}};
    f.message = (struct mc_message){.id = 42, .due_at = {1764000000 * MC_SECOND_US}, .items = &f.item};
    f.message.cart.item_count = 1;
    f.message.contact.subscriber.email = MC_STR("zoe@customer.example");
    snprintf(f.message.message_id, sizeof f.message.message_id, "0123456789abcdef0123456789abcdef");
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    mc_templates_close(&f->templates);
    return 0;
}

/* The token that stands after `path` in a rendered text. */
static struct mc_str token_after(const struct mc_buf *text, const char *path) {
    const char *at = memmem(text->data, text->len, path, strlen(path));
    assert_non_null(at);
    at += strlen(path);
    size_t len = 0;
    while (at + len < text->data + text->len && at[len] != '\n')
        len++;
    return (struct mc_str){at, len};
}

static void links_lead_back(void **state) {
    struct fixture *f = *state;
    struct mc_rendered r = {0};
    uint8_t room[MC_LINK_REFERENCE_BYTES_MAX];
    struct mc_link link;
    struct mc_wall due = {f->message.due_at.us};
    assert_int_equal(mc_compose_parts(&f->composer, &f->message, &r, NULL), MC_OK);
    struct mc_str restore = token_after(&r.text, "https://shop.example/r/");
    assert_int_equal(mc_link_verify(&f->composer.key, MC_LINK_RESTORE, restore, due, room, &link), MC_LINK_VALID);
    assert_int_equal(mc_link_message_decode(&link), 42);
    assert_int_equal(link.expires_at.us, due.us + 14 * MC_DAY_US);
    struct mc_str unsubscribe = token_after(&r.text, "https://shop.example/u/");
    due.us += 10000 * MC_DAY_US;
    assert_int_equal(mc_link_verify(&f->composer.key, MC_LINK_UNSUBSCRIBE, unsubscribe, due, room, &link),
                     MC_LINK_VALID);
    assert_true(mc_str_equal(link.reference, MC_STR("zoe@customer.example")));
    mc_rendered_free(&r);
}

static void a_hostile_person_changes_nothing(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct mc_buf out = {0};
        f->message.contact.subscriber.first_name = hostile[i];
        f->item.name = f->item.url = f->item.image_url = f->item.item.product = hostile[i];
        f->message.coupon = hostile[i];
        assert_int_equal(mc_compose_mail(&f->composer, &f->message, &out, NULL), MC_OK);
        out.len = (size_t)((char *)memmem(out.data, out.len, "\r\n\r\n", 4) - out.data);
        assert_false(buf_contains(&out, "\nBcc"));
        assert_false(buf_contains(&out, "\nX:"));
        mc_buf_free(&out);
        f->message.contact.subscriber.email = hostile[i];
        assert_int_equal(mc_compose_mail(&f->composer, &f->message, &out, NULL), MC_ERR_FORMAT);
        assert_int_equal(out.len, 0);
        f->message.contact.subscriber.email = MC_STR("zoe@customer.example");
        mc_buf_free(&out);
    }
    assert_true(f->composer.urls_left_out > 0);
}

static void without_settings_parts_still_render(void **state) {
    struct fixture *f = *state;
    struct mc_rendered r = {0};
    f->composer.sender = (struct mc_sender){0};
    assert_int_equal(mc_compose_parts(&f->composer, &f->message, &r, NULL), MC_OK);
    assert_false(buf_contains(&r.html, "/r/"));
    assert_false(buf_contains(&r.html, "href"));
    mc_rendered_free(&r);
}

static enum mc_err try_once(void *context) {
    struct fixture *f = context;
    struct mc_buf out = {0};
    enum mc_err err = mc_compose_mail(&f->composer, &f->message, &out, NULL);
    mc_buf_free(&out);
    return err;
}

static void no_memory_is_an_error(void **state) {
    fail_each_allocation(try_once, *state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_settings_are_named),
        cmocka_unit_test_setup_teardown(links_lead_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hostile_person_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_settings_parts_still_render, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The bytes' own rules; that other programs read them as meant is checked by mime_check.py. */
#include "outreach/sample.h"

#include "outreach/header.h"
#include "outreach/mime.h"
#include "outreach/transfer.h"

static struct mc_mime sample(void) {
    struct mc_time date;
    assert_true(mc_time_parse(MC_STR("2026-11-24 15:20:11 UTC"), &date));
    return (struct mc_mime){
        .from_name = MC_STR("Lumen Cosmetics"),
        .from_address = MC_STR("shop@lumen.example"),
        .to_name = MC_STR("Zo\u00EB"),
        .to_address = MC_STR("zoe@example.com"),
        .subject = MC_STR("Your cart"),
        .message_id = MC_STR("0123456789abcdef0123456789abcdef"),
        .date = date,
        .unsubscribe_url = MC_STR("https://shop.example/u/abc"),
        .text = MC_STR("Hello\n"),
        .html = MC_STR("<p>Hello</p>\n"),
    };
}

/* Lines end in CRLF and only so, are ASCII without control characters, and not too long. Returns the number of header
 * fields. */
static size_t check_lines(const struct mc_buf *mail) {
    size_t column = 0, fields = 0;
    bool header = true;
    for (size_t i = 0; i < mail->len; i++) {
        unsigned char c = (unsigned char)mail->data[i];
        if (c == '\r') {
            assert_true(i + 1 < mail->len && mail->data[i + 1] == '\n');
            header = header && column > 0;
            column = 0;
            i++;
            continue;
        }
        assert_true(c >= ' ' && c < 0x7F);
        fields += header && column == 0 && c != ' ';
        column++;
        assert_true(column <= 998);
    }
    assert_int_equal(column, 0);
    return fields;
}

static void same_mail_same_bytes(void **state) {
    (void)state;
    struct mc_mime mail = sample();
    struct mc_buf a = {0}, b = {0};
    assert_int_equal(mc_mime_compose(&a, &mail, NULL), MC_OK);
    assert_int_equal(mc_mime_compose(&b, &mail, NULL), MC_OK);
    assert_true(mc_str_equal(mc_buf_view(&a), mc_buf_view(&b)));
    assert_int_equal(check_lines(&a), 10);
    assert_true(buf_contains(&a, "From: Lumen Cosmetics\r\n <shop@lumen.example>\r\n"));
    assert_true(buf_contains(&a, "Date: Tue, 24 Nov 2026 15:20:11 +0000\r\n"));
    assert_true(buf_contains(&a, "Message-ID: <0123456789abcdef0123456789abcdef@lumen.example>\r\n"));
    assert_true(buf_contains(&a, "List-Unsubscribe: <https://shop.example/u/abc>\r\n"));
    assert_true(buf_contains(&a, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    mc_buf_free(&a);
    mc_buf_free(&b);
}

/* Whatever names, subject and bodies are, the mail has the same header fields. */
static void nothing_is_injected(void **state) {
    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct mc_mime mail = sample();
        struct mc_buf out = {0};
        mail.to_name = mail.from_name = mail.subject = mail.text = mail.html = hostile[i];
        assert_int_equal(mc_mime_compose(&out, &mail, NULL), MC_OK);
        assert_int_equal(check_lines(&out), 10);
        out.len = (size_t)((char *)memmem(out.data, out.len, "\r\n\r\n", 4) - out.data); /* the bodies may say it */
        assert_false(buf_contains(&out, "\nBcc"));
        assert_false(buf_contains(&out, "\nX:"));
        mc_buf_free(&out);
    }
}

static void long_texts_are_folded(void **state) {
    (void)state;
    static const char *const pieces[] = {"a", "word ", "\u00E4", "\U0001F6D2", "\"", "=?", "\u674E\u96F7 "};
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        struct mc_buf name = {0}, out = {0};
        for (int i = 0; i < 700; i++) {
            mc_buf_text(&name, pieces[p]);
            out.len = 0;
            mc_header_text(&out, "Subject", mc_buf_view(&name));
            mc_header_mailbox(&out, "From", mc_buf_view(&name), MC_STR("a@b.example"));
            size_t column = 0;
            for (size_t at = 0; at < out.len; at++) {
                column = out.data[at] == '\n' ? 0 : column + 1;
                if (column > 79) /* 78 and the CR */
                    fail_msg("%zu columns: %.*s", column, (int)out.len, out.data);
            }
            assert_int_equal(check_lines(&out), 2);
        }
        mc_buf_free(&name);
        mc_buf_free(&out);
    }
}

static void bad_parts_are_refused(void **state) {
    (void)state;
    static const char *const addresses[] = {"",
                                            "x",
                                            "@",
                                            "a@",
                                            "@b.example",
                                            "a@b@c.example",
                                            "a b@c.example",
                                            "a@c.example\r\nBcc: d@c.example",
                                            "a@c.example,d@c.example",
                                            "<a@c.example>",
                                            "\"a\"@c.example",
                                            "a@[127.0.0.1]",
                                            "a@-c.example",
                                            "a@c..example",
                                            "\u00E4@c.example"};
    struct mc_buf out = {0};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct mc_mime mail = sample();
        struct mc_error e = {0};
        mail.to_address = mc_str_of(addresses[i]);
        assert_int_equal(mc_mime_compose(&out, &mail, &e), MC_ERR_FORMAT);
        mail = sample();
        mail.from_address = mc_str_of(addresses[i]);
        assert_int_equal(mc_mime_compose(&out, &mail, &e), MC_ERR_FORMAT);
        mail = sample();
        mail.reply_to = mc_str_of(addresses[i]);
        assert_int_equal(mc_mime_compose(&out, &mail, &e), addresses[i][0] == '\0' ? MC_OK : MC_ERR_FORMAT);
        out.len = 0;
    }
    struct mc_mime mail = sample();
    mail.message_id = MC_STR("a>\r\nX: y");
    assert_int_equal(mc_mime_compose(&out, &mail, NULL), MC_ERR_FORMAT);
    mail = sample();
    mail.unsubscribe_url = MC_STR("javascript:alert(1)");
    assert_int_equal(mc_mime_compose(&out, &mail, NULL), MC_ERR_FORMAT);
    assert_int_equal(out.len, 0);
    mc_buf_free(&out);
}

static void expect_transfer(const char *text, const char *expected) {
    struct mc_buf out = {0};
    mc_transfer_text(&out, mc_str_of(text));
    assert_buf(&out, expected);
    mc_buf_free(&out);
}

#define QP "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n\r\n"

static void transfer_encodings(void **state) {
    (void)state;
    expect_transfer("", QP "\r\n");
    expect_transfer("plain text that is long", QP "plain text that is long\r\n");
    expect_transfer("a line\r\nand one\nand one\rend", QP "a line\r\nand one\r\nand one\r\nend\r\n");
    expect_transfer("space at the end \n", QP "space at the end=20\r\n");
    expect_transfer("1 = 1, caf\u00E9, some more text here, enough of it\n",
                    QP "1 =3D 1, caf=C3=A9, some more text here, enough of it\r\n");
    expect_transfer("and a line\n.\nFrom me to you\n", QP "and a line\r\n=2E\r\n=46rom me to you\r\n");
    expect_transfer("\u674E\u96F7", B64 "5p2O6Zu3DQo=\r\n");
}

static void dates(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"1970-01-01 00:00:00 UTC", "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
                                           {"2000-02-29 23:59:59 UTC", "Date: Tue, 29 Feb 2000 23:59:59 +0000\r\n"},
                                           {"2199-12-31 12:00:00 UTC", "Date: Tue, 31 Dec 2199 12:00:00 +0000\r\n"}};
    for (size_t i = 0; i < 3; i++) {
        struct mc_time date;
        struct mc_buf out = {0};
        assert_true(mc_time_parse(mc_str_of(cases[i][0]), &date));
        mc_header_date(&out, date);
        assert_buf(&out, cases[i][1]);
        mc_buf_free(&out);
    }
}

static enum mc_err try_once(void *context) {
    (void)context;
    struct mc_mime mail = sample();
    struct mc_buf out = {0};
    enum mc_err err = mc_mime_compose(&out, &mail, NULL);
    mc_buf_free(&out);
    return err;
}

static void no_memory_is_an_error(void **state) {
    (void)state;
    fail_each_allocation(try_once, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_mail_same_bytes),  cmocka_unit_test(nothing_is_injected),
        cmocka_unit_test(long_texts_are_folded), cmocka_unit_test(bad_parts_are_refused),
        cmocka_unit_test(transfer_encodings),    cmocka_unit_test(dates),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

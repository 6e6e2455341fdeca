/* Reading a mail back: what our own composer writes, and any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "outreach/mime.h"
#include "web/mail.h"
#include <stdio.h>

static void assert_text(struct mc_buf *b, const char *text) {
    assert_false(b->failed);
    assert_string_equal(mc_buf_cstr(b), text);
    b->len = 0;
}

/* The composer and the reader are two pieces of code for the same standard. */
static void what_is_composed_is_read(void **state) {
    (void)state;
    struct mc_buf mail = {0}, out = {0};
    struct mc_error e = {0};
    struct mc_mime m = {
        .from_name = MC_STR("Über Läden & Söhne"),
        .from_address = MC_STR("shop@example.com"),
        .to_address = MC_STR("anna@example.com"),
        .subject =
            MC_STR("Dein Warenkorb wartet, ganz lange und geduldig, bis Du wiederkommst: 10 % für Dich 🛒🛒🛒"),
        .message_id = MC_STR("79050741d348eb25"),
        .unsubscribe_url = MC_STR("https://shop.example/u/abc"),
        .text = MC_STR("Hallo =\n. Punkt\n"),
        .html = MC_STR("<p title=\"a=b\">Grüße, eine sehr lange Zeile, die umbrochen werden muss, weil sie länger ist "
                       "als 76 Zeichen</p>\n")};
    assert_int_equal(mc_mime_compose(&mail, &m, &e), MC_OK);
    mc_mail_header(&out, mc_buf_view(&mail), "subject");
    assert_int_equal(out.len, m.subject.len);
    assert_memory_equal(out.data, m.subject.data, out.len);
    out.len = 0;
    mc_mail_header(&out, mc_buf_view(&mail), "List-Unsubscribe");
    assert_text(&out, "<https://shop.example/u/abc>");
    mc_mail_header(&out, mc_buf_view(&mail), "X-None");
    assert_text(&out, "");
    assert_true(mc_mail_part(&out, mc_buf_view(&mail), "text/html"));
    assert_true(out.len >= m.html.len);
    assert_memory_equal(out.data, m.html.data, m.html.len - 1);
    out.len = 0;
    assert_true(mc_mail_part(&out, mc_buf_view(&mail), "text/plain"));
    assert_memory_equal(out.data, "Hallo =\n. Punkt", 15);
    assert_false(mc_mail_part(&out, mc_buf_view(&mail), "image/png"));
    mc_buf_free(&mail);
    mc_buf_free(&out);
}

static void encodings(void **state) {
    (void)state;
    struct mc_buf out = {0};
    mc_mail_header(&out, MC_STR("A: x\r\nSubject: =?utf-8?Q?a_b=3D?=\r\n  =?UTF-8?B?YyBk?= e\r\n\r\nSubject: no"),
                   "Subject");
    assert_text(&out, "a b=c d e");
    assert_true(mc_mail_part(
        &out, MC_STR("Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+\naGk8L2I+\n"), "text/html"));
    assert_text(&out, "<b>hi</b>");
    assert_true(mc_mail_part(&out, MC_STR("Content-Type: text/html\n\n<i>"), "text/html"));
    assert_text(&out, "<i>");
    mc_buf_free(&out);
}

static void any_bytes_do_no_harm(void **state) {
    (void)state;
    static const char *const pieces[] = {"Content-Type: ",
                                         "multipart/mixed; boundary=",
                                         "\"x\"",
                                         "--x",
                                         "--",
                                         "\r\n",
                                         "\n",
                                         "=?utf-8?B?",
                                         "?=",
                                         "=?utf-8?Q?=",
                                         "=",
                                         "=4",
                                         "text/html",
                                         "base64",
                                         "quoted-printable",
                                         "\0",
                                         "Subject:",
                                         " ",
                                         "\xff",
                                         "Content-Transfer-Encoding: "};
    struct mc_rng rng;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct mc_buf mail = {0}, out = {0};
        mc_rng_seed(&rng, seed);
        for (uint64_t n = mc_rng_below(&rng, 40); n > 0; n--) {
            const char *piece = pieces[mc_rng_below(&rng, sizeof pieces / sizeof pieces[0])];
            mc_buf_append(&mail, piece, piece[0] == '\0' ? 1 : strlen(piece));
        }
        mc_mail_header(&out, mc_buf_view(&mail), "Subject");
        mc_mail_part(&out, mc_buf_view(&mail), "text/html");
        assert_true(out.len <= mail.len + 64);
        mc_buf_free(&mail);
        mc_buf_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_composed_is_read),
        cmocka_unit_test(encodings),
        cmocka_unit_test(any_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a customer follows from a mail: restore the cart, a click, unsubscribe.
 *
 * A GET never unsubscribes (mail programs and their scanners follow all links), a HEAD does nothing. Whatever is wrong
 * with a token, the answer tells nothing about others: forged is 404, expired leads to the shop.
 */
#include "base/mem.h"
#include "store/outbox.h"
#include "web/internal.h"

struct token {
    uint8_t room[MC_LINK_REFERENCE_BYTES_MAX];
    struct mc_link link;
    enum mc_link_verdict verdict;
};

static void verify(struct mc_web_request *r, enum mc_link_kind kind, struct token *t) {
    t->verdict =
        mc_link_verify(r->web->settings.link_key, kind, mc_http_tail(r->http), mc_wall_now(), t->room, &t->link);
}

static void put_shop_link(struct mc_buf *b, const struct mc_web *web) {
    if (web->shop_url.len == 0)
        return;
    mc_buf_text(b, "<p><a class=\"button\" href=\"");
    mc_buf_html(b, mc_buf_view(&web->shop_url));
    mc_buf_text(b, "\">To the shop</a></p>");
}

/* A page of a few words; the shop's address behind them. */
static void answer_words(struct mc_web_request *r, int status, const char *title, struct mc_str words) {
    struct mc_buf body = {0}, html = {0};
    mc_buf_text(&body, "<h1>");
    mc_buf_html(&body, mc_str_of(title));
    mc_buf_text(&body, "</h1><p>");
    mc_buf_html(&body, words);
    mc_buf_text(&body, "</p>");
    put_shop_link(&body, r->web);
    mc_web_plain_page(&html, title, mc_buf_view(&body));
    html.failed = html.failed || body.failed;
    mc_buf_free(&body);
    mc_web_answer_html(r, status, &html);
}

static void answer_forged(struct mc_web_request *r) {
    answer_words(r, 404, "This link does not work",
                 MC_STR("It was cut when it was copied, or it never was one of ours."));
}

static void answer_expired(struct mc_web_request *r) {
    answer_words(r, 410, "This link has expired", MC_STR("The shop is still there, and so is what you looked at."));
}

/* ---- into the log ---- */

static void nobody_waits(void *context, enum mc_err err) {
    (void)context, (void)err;
}

/* A browser that fetches ahead of its user is no click. When the log is full of work, a click is not worth waiting for:
 * what is lost is one of a count. */
static void note_click(struct mc_web_request *r, int64_t message) {
    struct mc_intake *intake = &r->web->settings.intake;
    struct mc_str purpose = mc_http_header(r->http, "Sec-Purpose");
    struct mc_submission *s = purpose.len == 0 ? intake->acquire(intake->context) : NULL;
    if (s == NULL)
        return;
    s->kind = MC_ENTRY_CLICK;
    s->persons = false;
    s->key = 0;
    s->arrived_at = mc_http_arrived_at(r->http);
    s->body = mc_link_message_encode(message, (uint8_t *)s->room);
    s->done = nobody_waits;
    s->context = NULL;
    intake->submit(intake->context, s);
}

/* ---- restore, click ---- */

static void put_percent(struct mc_buf *b, struct mc_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            mc_buf_char(b, (char)c);
        else
            mc_buf_printf(b, "%%%02X", c);
    }
}

static void put_items(struct mc_buf *b, const struct mc_cart *cart) {
    for (uint32_t i = 0; i < cart->item_count; i++) {
        if (i > 0)
            mc_buf_char(b, ',');
        put_percent(b, cart->items[i].product);
        mc_buf_printf(b, ":%lld", (long long)cart->items[i].quantity);
    }
}

static void cart_address(struct mc_buf *b, const char *template, const struct mc_message *m) {
    static const char items[] = "{items}", coupon[] = "{coupon}";
    for (const char *at = template; *at != '\0';) {
        if (strncmp(at, items, sizeof items - 1) == 0) {
            put_items(b, &m->cart);
            at += sizeof items - 1;
        } else if (strncmp(at, coupon, sizeof coupon - 1) == 0) {
            put_percent(b, m->coupon);
            at += sizeof coupon - 1;
        } else
            mc_buf_char(b, *at++);
    }
}

/* Where no shop is known that could restore it: the cart itself. */
static void answer_cart(struct mc_web_request *r, const struct mc_message *m) {
    struct mc_buf body = {0}, html = {0};
    mc_buf_text(&body, "<h1>Your cart</h1><ul class=\"lines\">");
    for (uint32_t i = 0; i < m->cart.item_count; i++) {
        struct mc_str name = m->items[i].name.len > 0 ? m->items[i].name : m->cart.items[i].product;
        mc_buf_printf(&body, "<li><span>%lld × ", (long long)m->cart.items[i].quantity);
        mc_buf_html(&body, name);
        mc_buf_text(&body, "</span> <b>");
        mc_buf_printf(&body, "%lld.%02lld ", (long long)(m->cart.items[i].price / 100),
                      (long long)(m->cart.items[i].price % 100));
        mc_buf_html(&body, mc_str_of(r->web->settings.currency));
        mc_buf_text(&body, "</b></li>");
    }
    mc_buf_text(&body, "</ul>");
    if (m->coupon.len > 0) {
        mc_buf_text(&body, "<p>Your code: <code>");
        mc_buf_html(&body, m->coupon);
        mc_buf_text(&body, "</code></p>");
    }
    put_shop_link(&body, r->web);
    mc_web_plain_page(&html, "Your cart", mc_buf_view(&body));
    html.failed = html.failed || body.failed;
    mc_buf_free(&body);
    mc_web_answer_html(r, 200, &html);
}

static void answer_restored(struct mc_web_request *r, const struct mc_message *m) {
    struct mc_buf address = {0};
    if (r->web->settings.cart_address[0] == '\0') {
        answer_cart(r, m);
        return;
    }
    cart_address(&address, r->web->settings.cart_address, m);
    if (address.failed)
        answer_words(r, 503, "Not just now", MC_STR("Please try again in a minute."));
    else {
        mc_http_put_header(r->http, "Cache-Control", "no-store");
        mc_http_put_header(r->http, "Location", mc_buf_cstr(&address));
        mc_http_answer(r->http, 302, NULL, (struct mc_str){0});
    }
    mc_buf_free(&address);
}

void mc_link_restore(struct mc_web_request *r) {
    struct token t;
    struct mc_message message = {0};
    struct mc_error e;
    bool found = false;
    verify(r, MC_LINK_RESTORE, &t);
    int64_t id = t.verdict == MC_LINK_FORGED ? 0 : mc_link_message_decode(&t.link);
    if (t.verdict == MC_LINK_FORGED || id <= 0) {
        answer_forged(r);
        return;
    }
    if (t.verdict == MC_LINK_EXPIRED) {
        answer_expired(r);
        return;
    }
    enum mc_err err = mc_message_load(mc_rows_ledger(r->rows), id, &found, &message, &e);
    if (err != MC_OK)
        answer_words(r, 503, "Not just now", MC_STR("Please try again in a minute."));
    else if (!found)
        answer_expired(r); /* the token is ours, the store has forgotten the message */
    else {
        note_click(r, id);
        answer_restored(r, &message);
    }
    mc_message_free(&message);
}

void mc_link_click(struct mc_web_request *r) {
    struct token t;
    verify(r, MC_LINK_CLICK, &t);
    int64_t id = t.verdict == MC_LINK_FORGED ? 0 : mc_link_message_decode(&t.link);
    if (id <= 0) {
        answer_forged(r);
        return;
    }
    if (t.verdict == MC_LINK_VALID)
        note_click(r, id);
    if (r->web->shop_url.len == 0) {
        answer_words(r, 200, "Thank you", MC_STR("Please go on in the shop."));
        return;
    }
    mc_http_put_header(r->http, "Cache-Control", "no-store");
    mc_http_put_header(r->http, "Location", r->web->shop_url.data);
    mc_http_answer(r->http, 302, NULL, (struct mc_str){0});
}

/* ---- unsubscribe ---- */

void mc_link_unsubscribe_page(struct mc_web_request *r) {
    struct token t;
    struct mc_buf html = {0};
    verify(r, MC_LINK_UNSUBSCRIBE, &t);
    if (t.verdict == MC_LINK_FORGED) {
        answer_forged(r);
        return;
    }
    mc_web_plain_page(&html, "Unsubscribe",
                      MC_STR("<h1>No more of these mails?</h1><p>You will get no further mail about carts from this "
                             "shop. Mail about your orders goes on.</p><form method=\"post\"><button type=\"submit\" "
                             "name=\"List-Unsubscribe\" value=\"One-Click\">Unsubscribe</button></form>"));
    mc_web_answer_html(r, 200, &html);
}

/* A request that waits for its entry to be durable. */
struct unsubscribe {
    struct mc_web_request r;
};

_Static_assert((int)MC_LINK_REFERENCE_BYTES_MAX <= (int)MC_SUBMISSION_ROOM, "a reference fits a submission");

static void answer_busy(struct mc_web_request *r) {
    mc_http_put_header(r->http, "Retry-After", "5");
    answer_words(r, 503, "Not just now", MC_STR("You are not unsubscribed yet. Please try again in a minute."));
}

static void unsubscribed(void *context, enum mc_err err) {
    struct unsubscribe *u = context;
    if (err != MC_OK)
        answer_busy(&u->r);
    else
        answer_words(&u->r, 200, "You are unsubscribed",
                     MC_STR("It holds from now on. A mail that was on its way already may still arrive."));
    mc_free(u);
}

/* RFC 8058: the mail provider posts List-Unsubscribe=One-Click; so does our button. Nothing else is asked. */
void mc_link_unsubscribe(struct mc_web_request *r) {
    struct mc_intake *intake = &r->web->settings.intake;
    struct token t;
    verify(r, MC_LINK_UNSUBSCRIBE, &t);
    if (t.verdict == MC_LINK_FORGED || t.link.reference.len == 0) {
        answer_forged(r);
        return;
    }
    struct unsubscribe *u = mc_malloc(sizeof *u);
    struct mc_submission *s = u != NULL ? intake->acquire(intake->context) : NULL;
    if (s == NULL) {
        mc_free(u);
        answer_busy(r);
        return;
    }
    u->r = *r;
    memcpy(s->room, t.link.reference.data, t.link.reference.len);
    s->kind = MC_ENTRY_UNSUBSCRIBE;
    s->persons = false;
    s->key = 0;
    s->arrived_at = mc_http_arrived_at(r->http);
    s->body = (struct mc_str){s->room, t.link.reference.len};
    s->done = unsubscribed;
    s->context = u;
    mc_http_defer(r->http);
    intake->submit(intake->context, s);
}

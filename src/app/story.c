#include "app/story.h"

#include "app/summary.h"
#include <stdio.h>

enum { TIME_WIDTH = 29 };

/* "  2019-10-01T00:00:00Z         ": a line begins with when. */
static void at_time(struct mc_buf *b, int64_t us) {
    char text[MC_TIME_TEXT_MAX];
    size_t len = mc_time_text(text, us);
    mc_buf_printf(b, "  %-*.*s", TIME_WIDTH, (int)len, text);
}

static void no_time(struct mc_buf *b) {
    mc_buf_printf(b, "  %-*s", TIME_WIDTH, "");
}

static void put_items(struct mc_buf *b, const struct mc_cart *cart, const struct mc_message *message,
                      const char *currency) {
    for (uint32_t i = 0; i < cart->item_count; i++) {
        no_time(b);
        mc_buf_text(b, "  ");
        mc_show_count(b, cart->items[i].quantity);
        mc_buf_text(b, " x ");
        mc_show_text(b, cart->items[i].product);
        if (message != NULL && i < message->cart.item_count && message->items[i].name.len > 0) {
            mc_buf_text(b, " (");
            mc_show_text(b, message->items[i].name);
            mc_buf_char(b, ')');
        }
        mc_buf_text(b, " at ");
        mc_show_money(b, cart->items[i].price, currency);
        mc_buf_char(b, '\n');
    }
}

static void visit_lines(struct mc_buf *b, const struct mc_cart *cart) {
    at_time(b, cart->first_at.us);
    mc_buf_text(b, "the visit's earliest event\n");
    if (cart->opened_at.us != cart->first_at.us) {
        at_time(b, cart->opened_at.us);
        mc_buf_text(b, "the event that opened the visit: earlier ones came in behind it\n");
    }
    at_time(b, cart->first_cart_at.us);
    mc_buf_text(b, "first put something in the cart\n");
    at_time(b, cart->last_at.us);
    mc_buf_text(b, "the visit's latest event\n");
    at_time(b, cart->expires_at.us);
    mc_buf_text(b, "the visit ended: ");
    mc_buf_duration(b, cart->expires_at.us - cart->last_at.us);
    mc_buf_text(b, " without an event (visit.gap), by the clock of the log;\n");
    no_time(b);
    mc_buf_text(b, "the cart was not empty and nothing had been bought in the visit, so it was abandoned\n");
}

/* The rules in the order in which they were asked: the first that holds decides (SEMANTICS 4). */
static const char *const rules[MC_DECISIONS] = {
    [MC_PURCHASED] =
        "the customer's latest purchase, in any visit, is not earlier than the first thing put in this cart",
    [MC_STALE] = "it expired more than policy.stale_after before the run: history, not a customer waiting",
    [MC_BELOW_MINIMUM] = "its value is less than policy.minimum",
    [MC_NO_ADDRESS] = "no e-mail address was known for the customer",
    [MC_NO_CONSENT] = "the customer had not agreed to mail, as policy.consent asks",
    [MC_SUPPRESSED] = "the address unsubscribed, bounced or complained",
    [MC_CAPPED] = "the last cart decided as send or holdout was less than policy.cap_window before",
    [MC_HOLDOUT] = "no earlier rule held, and the draw of policy.experiment put the customer in the control group",
    [MC_SEND] = "no rule against it held",
    [MC_UNDECIDED] = "no rule was asked yet",
};

static void decision_lines(struct mc_buf *b, const struct mc_cart *cart) {
    no_time(b);
    mc_buf_printf(b, "decision: %s (rule %d of %d)\n", mc_decision_names[cart->decision], (int)cart->decision + 1,
                  (int)MC_UNDECIDED);
    no_time(b);
    mc_buf_printf(b, "because %s\n", rules[cart->decision]);
}

static void withheld_line(struct mc_buf *b, const struct mc_stored_cart *s) {
    const char *why = s->withheld == MC_WITHHELD_NO_COUPON             ? "no coupon code was left"
                      : s->withheld == MC_WITHHELD_TOO_LATE            ? "mail.too_late_after had passed"
                      : s->withheld >= 0 && s->withheld < MC_DECISIONS ? mc_show_decision((enum mc_decision)s->withheld)
                                                                       : "";
    mc_buf_printf(b, "withheld: %s (%s)\n", mc_withheld_name(s->withheld), why);
}

static void check_lines(struct mc_buf *b, const struct mc_stored_cart *s) {
    at_time(b, s->due_at.us);
    mc_buf_text(b, "second check");
    if (s->due_at.us != s->cart.expires_at.us) {
        mc_buf_text(b, ", ");
        mc_buf_duration(b, s->due_at.us - s->cart.expires_at.us);
        mc_buf_text(b, " after the end (policy.delay)");
    }
    mc_buf_text(b, ": ");
    if (s->state == MC_MESSAGE_WAITING)
        mc_buf_text(b, "still to come\n");
    else if (s->state == MC_MESSAGE_WITHHELD)
        withheld_line(b, s);
    else
        mc_buf_text(b, "nothing had changed\n");
}

static void offer_text(struct mc_buf *b, const struct mc_offer *offer, const char *currency) {
    mc_buf_text(b, mc_offer_kind_names[offer->kind]);
    if (offer->kind == MC_OFFER_PERCENTAGE)
        mc_buf_printf(b, " %lld.%02lld %%", (long long)(offer->value / 100), (long long)(offer->value % 100));
    if (offer->kind == MC_OFFER_AMOUNT) {
        mc_buf_char(b, ' ');
        mc_show_money(b, offer->value, currency);
    }
}

static void message_lines(struct mc_buf *b, const struct mc_stored_cart *s, const struct mc_message *m,
                          const char *currency) {
    if (m != NULL && m->handed_at.us != 0)
        at_time(b, m->handed_at.us);
    else
        no_time(b);
    mc_buf_printf(b, "message: %s%s", mc_message_state_names[s->state],
                  s->replayed ? ", from a replay: for the spool only" : "");
    if (m != NULL && m->attempts > 1)
        mc_buf_printf(b, ", after %u attempts", m->attempts);
    if (m != NULL && m->note.len > 0) {
        bool spooled = mc_str_equal(m->note, MC_STR("spool"));
        mc_buf_text(b, s->state == MC_MESSAGE_FAILED ? ", given up: "
                       : spooled                     ? ", written to the "
                                                     : ", the server said: ");
        mc_show_text(b, m->note);
    }
    mc_buf_char(b, '\n');
    no_time(b);
    mc_buf_text(b, "offer: ");
    offer_text(b, &s->offer, currency);
    if (s->coupon.len > 0) {
        mc_buf_text(b, ", coupon ");
        mc_show_text(b, s->coupon);
    }
    mc_buf_char(b, '\n');
}

static void recovery_line(struct mc_buf *b, const struct mc_stored_cart *s, const char *currency) {
    if (mc_time_is_none(s->recovered_at)) {
        no_time(b);
        mc_buf_text(b, "not recovered\n");
        return;
    }
    at_time(b, s->recovered_at.us);
    mc_buf_text(b, "recovered: bought something of this cart, in all for ");
    mc_show_money(b, s->recovered_minor, currency);
    mc_buf_char(b, '\n');
}

void mc_story_text(struct mc_buf *b, const struct mc_stored_cart *s, const struct mc_message *m, const char *currency) {
    mc_buf_text(b, "Cart of session ");
    mc_show_text(b, s->cart.session);
    mc_buf_text(b, ", worth ");
    mc_show_money(b, s->cart.value, currency);
    mc_buf_char(b, '\n');
    visit_lines(b, &s->cart);
    put_items(b, &s->cart, m, currency);
    decision_lines(b, &s->cart);
    if (!s->has_message)
        return;
    check_lines(b, s);
    if (s->state != MC_MESSAGE_WITHHELD && s->state != MC_MESSAGE_CONTROL)
        message_lines(b, s, m, currency);
    recovery_line(b, s, currency);
}

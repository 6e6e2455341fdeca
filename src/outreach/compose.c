#include "outreach/compose.h"

#include "base/mem.h"
#include "outreach/view.h"
#include <stdio.h>

enum { RESTORE_VALID_DAYS = 14 };

static bool is_blank(const char *text) {
    return mc_str_trim(mc_str_of(text)).len == 0;
}

enum mc_err mc_sender_check(const struct mc_sender *sender, struct mc_error *e) {
    char missing[128]; /* by the names of the settings (app/config_keys.c) */
    snprintf(missing, sizeof missing, "%s%s%s", is_blank(sender->address) ? ", mail.sender" : "",
             is_blank(sender->postal_address) ? ", mail.postal_address" : "",
             is_blank(sender->public_url) ? ", mail.public_url" : "");
    if (missing[0] != '\0')
        return mc_error_set(e, MC_ERR_USAGE, "before a message can be sent, these settings are needed: %s",
                            missing + 2);
    if (!mc_email_is_valid(mc_str_of(sender->address)))
        return mc_error_set(e, MC_ERR_USAGE, "the setting mail.sender is no e-mail address: %s", sender->address);
    if (!is_blank(sender->reply_to) && !mc_email_is_valid(mc_str_of(sender->reply_to)))
        return mc_error_set(e, MC_ERR_USAGE, "the setting mail.reply_to is no e-mail address: %s", sender->reply_to);
    if (!mc_public_url_is_valid(mc_str_of(sender->public_url)))
        return mc_error_set(e, MC_ERR_USAGE,
                            "the setting mail.public_url must be http://HOST or https://HOST, without ? # @: %s",
                            sender->public_url);
    return MC_OK;
}

void mc_rendered_free(struct mc_rendered *r) {
    mc_buf_free(&r->subject);
    mc_buf_free(&r->text);
    mc_buf_free(&r->html);
}

static struct mc_str store_name(const struct mc_sender *sender) {
    if (!is_blank(sender->store_name))
        return mc_str_of(sender->store_name);
    const char *at = sender->address != NULL ? strchr(sender->address, '@') : NULL;
    return at != NULL ? mc_str_of(at + 1) : MC_STR("");
}

/* ---- links ---- */

/* A cart is restored for as long as the setting says, from when the message was due: log time, which live is the wall's
 * time, becomes a wall instant here. */
void mc_compose_restore_url(struct mc_buf *out, const struct mc_composer *c, const struct mc_message *message) {
    uint8_t room[MC_LINK_MESSAGE_BYTES];
    int64_t valid_us = c->sender.restore_valid_us > 0 ? c->sender.restore_valid_us : RESTORE_VALID_DAYS * MC_DAY_US;
    int64_t expires_us = message->due_at.us + valid_us;
    struct mc_link link = {.kind = MC_LINK_RESTORE,
                           .expires_at = {expires_us > 0 ? expires_us : 0},
                           .reference = mc_link_message_encode(message->id, room)};
    mc_link_url(out, &c->key, mc_str_of(c->sender.public_url), &link);
}

/* Holds the address itself, sealed: it works for ever, whatever becomes of the message and the subscriber's row. */
void mc_compose_unsubscribe_url(struct mc_buf *out, const struct mc_composer *c, const struct mc_message *message) {
    struct mc_str email = message->contact.subscriber.email;
    if (email.len > MC_LINK_REFERENCE_BYTES_MAX)
        email.len = 0;
    struct mc_link link = {.kind = MC_LINK_UNSUBSCRIBE, .expires_at = {MC_TIME_NONE_US}, .reference = email};
    mc_link_url(out, &c->key, mc_str_of(c->sender.public_url), &link);
}

/* ---- rendering ---- */

static struct mc_letter_line *make_lines(const struct mc_message *message) {
    size_t count = message->cart.item_count;
    struct mc_letter_line *lines = mc_calloc(count > 0 ? count : 1, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < count; i++) {
        const struct mc_message_item *item = &message->items[i];
        lines[i] = (struct mc_letter_line){item->item.product, item->name,          item->url,
                                           item->image_url,    item->item.quantity, item->item.price};
    }
    return lines;
}

static enum mc_err render(const struct mc_wording *wording, const struct mc_variables *fields, struct mc_rendered *r,
                          struct mc_error *e) {
    r->subject.len = r->text.len = r->html.len = 0;
    enum mc_err err = mc_template_render(wording->subject, fields, &r->subject, e);
    if (err == MC_OK)
        err = mc_template_render(wording->text, fields, &r->text, e);
    if (err == MC_OK)
        err = mc_template_render(wording->html, fields, &r->html, e);
    return err;
}

/* What one rendering builds and throws away. */
struct work {
    struct mc_buf restore_url, unsubscribe_url;
    struct mc_letter_line *lines;
    struct mc_variables fields;
};

static void work_free(struct work *w) {
    mc_buf_free(&w->restore_url);
    mc_buf_free(&w->unsubscribe_url);
    mc_free(w->lines);
    mc_variables_free(&w->fields);
}

static bool work_make(struct work *w, struct mc_composer *c, const struct mc_message *message) {
    mc_compose_restore_url(&w->restore_url, c, message);
    mc_compose_unsubscribe_url(&w->unsubscribe_url, c, message);
    w->lines = make_lines(message);
    return w->lines != NULL && !w->restore_url.failed && !w->unsubscribe_url.failed;
}

static struct mc_letter letter_of(const struct work *w, const struct mc_composer *c, const struct mc_message *message,
                                  const struct mc_wording *wording) {
    return (struct mc_letter){
        .store_name = store_name(&c->sender),
        .postal_address = mc_str_of(c->sender.postal_address),
        .currency = mc_str_of(c->sender.currency),
        .language = mc_str_of(wording->language),
        .first_name = message->contact.subscriber.first_name,
        .lines = w->lines,
        .line_count = message->cart.item_count,
        .offer = message->offer,
        .coupon = message->coupon,
        .coupon_expires_at = message->coupon_expires_at,
        .restore_url = mc_buf_view(&w->restore_url),
        .unsubscribe_url = mc_buf_view(&w->unsubscribe_url),
    };
}

static enum mc_err compose(struct mc_composer *c, const struct mc_message *message, struct work *w,
                           struct mc_rendered *r, struct mc_error *e) {
    if (!work_make(w, c, message))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to compose a message");
    const struct mc_wording *wording = mc_templates_find(c->templates, message->contact.subscriber.language);
    struct mc_letter letter = letter_of(w, c, message, wording);
    c->urls_left_out += mc_view_make(&w->fields, &letter);
    return render(wording, &w->fields, r, e);
}

enum mc_err mc_compose_parts(struct mc_composer *c, const struct mc_message *message, struct mc_rendered *r,
                             struct mc_error *e) {
    struct work w = {0};
    enum mc_err err = compose(c, message, &w, r, e);
    work_free(&w);
    return err;
}

enum mc_err mc_compose_mail(struct mc_composer *c, const struct mc_message *message, struct mc_buf *out,
                            struct mc_error *e) {
    struct work w = {0};
    struct mc_rendered r = {0};
    enum mc_err err = compose(c, message, &w, &r, e);
    struct mc_mime mail = {
        .from_name = is_blank(c->sender.name) ? store_name(&c->sender) : mc_str_of(c->sender.name),
        .from_address = mc_str_of(c->sender.address),
        .reply_to = is_blank(c->sender.reply_to) ? MC_STR("") : mc_str_of(c->sender.reply_to),
        .to_name = message->contact.subscriber.first_name,
        .to_address = message->contact.subscriber.email,
        .subject = mc_buf_view(&r.subject),
        .message_id = mc_str_of(message->message_id),
        .date = message->due_at,
        .unsubscribe_url = mc_buf_view(&w.unsubscribe_url),
        .text = mc_buf_view(&r.text),
        .html = mc_buf_view(&r.html),
    };
    if (err == MC_OK)
        err = mc_mime_compose(out, &mail, e);
    mc_rendered_free(&r);
    work_free(&w);
    return err;
}

#include "outreach/preview.h"

#include <sodium.h>

/* What is to be made of the message: parts, or a whole mail. One of the two is NULL. */
struct wanted {
    struct mc_rendered *parts;
    struct mc_buf *mail;
    struct mc_str to;
};

static void new_message_id(struct mc_message *message) {
    uint8_t random[MC_MESSAGE_ID_CHARS / 2];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(message->message_id, sizeof message->message_id, random, sizeof random);
}

static enum mc_err make(struct mc_ledger *ledger, const struct mc_sender *sender, struct mc_templates *templates,
                        struct mc_message *message, const struct wanted *wanted, struct mc_error *e) {
    struct mc_composer composer = {.sender = *sender, .templates = templates};
    uint8_t secret[MC_SECRET_BYTES];
    enum mc_err err;
    mc_ledger_key(ledger, "links", secret);
    mc_link_key_derive(&composer.key, secret);
    sodium_memzero(secret, sizeof secret);
    if (wanted->parts != NULL) {
        err = mc_compose_parts(&composer, message, wanted->parts, e);
    } else {
        message->contact.subscriber.email = wanted->to;
        new_message_id(message);
        err = mc_compose_mail(&composer, message, wanted->mail, e);
    }
    mc_link_key_clear(&composer.key);
    return err;
}

static enum mc_err preview(struct mc_ledger *ledger, const struct mc_sender *sender, const char *templates,
                           const struct mc_preview_cart *cart, bool *found, const struct wanted *wanted,
                           struct mc_error *e) {
    struct mc_templates *set = NULL;
    struct mc_message message = {0};
    *found = false;
    enum mc_err err = mc_templates_open(&set, templates, e);
    if (err == MC_OK)
        err = mc_message_preview(ledger, cart->user, cart->session, cart->opened_at, found, &message, e);
    if (err == MC_OK && *found) {
        if (cart->language.len > 0)
            message.contact.subscriber.language = cart->language;
        err = make(ledger, sender, set, &message, wanted, e);
    }
    mc_message_free(&message);
    mc_templates_close(&set);
    return err;
}

enum mc_err mc_preview_render(struct mc_ledger *ledger, const struct mc_sender *sender, const char *templates,
                              const struct mc_preview_cart *cart, bool *found, struct mc_rendered *r,
                              struct mc_error *e) {
    return preview(ledger, sender, templates, cart, found, &(struct wanted){.parts = r}, e);
}

enum mc_err mc_preview_mail(struct mc_ledger *ledger, const struct mc_sender *sender, const char *templates,
                            const struct mc_preview_cart *cart, struct mc_str to, bool *found, struct mc_buf *mail,
                            struct mc_error *e) {
    *found = false;
    if (!mc_email_is_valid(to))
        return mc_error_set(e, MC_ERR_USAGE, "this is no e-mail address: %.*s", (int)to.len, to.data);
    enum mc_err err = mc_sender_check(sender, e);
    return err == MC_OK ? preview(ledger, sender, templates, cart, found, &(struct wanted){.mail = mail, .to = to}, e)
                        : err;
}

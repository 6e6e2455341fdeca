#include "outreach/preview.h"

#include <sodium.h>

static enum mc_err render(struct mc_ledger *ledger, const struct mc_sender *sender, struct mc_templates *templates,
                          const struct mc_message *message, struct mc_rendered *r, struct mc_error *e) {
    struct mc_composer composer = {.sender = *sender, .templates = templates};
    uint8_t secret[MC_SECRET_BYTES];
    mc_ledger_key(ledger, "links", secret);
    mc_link_key_derive(&composer.key, secret);
    sodium_memzero(secret, sizeof secret);
    enum mc_err err = mc_compose_parts(&composer, message, r, e);
    mc_link_key_clear(&composer.key);
    return err;
}

enum mc_err mc_preview_render(struct mc_ledger *ledger, const struct mc_sender *sender, const char *templates,
                              const struct mc_preview_cart *cart, bool *found, struct mc_rendered *r,
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
        err = render(ledger, sender, set, &message, r, e);
    }
    mc_message_free(&message);
    mc_templates_close(&set);
    return err;
}

/* maxcart why USER: the story of a customer's carts. */
#include "app/commands.h"

#include "app/query.h"
#include "app/story.h"
#include "app/summary.h"

struct why {
    struct mc_ledger *ledger;
    struct mc_output *out;
    const char *currency;
    uint64_t carts;
    struct mc_message message;
    enum mc_err err;
    struct mc_error *error;
};

static bool take_cart(void *context, const struct mc_stored_cart *cart) {
    struct why *w = context;
    bool found = false;
    if (cart->has_message)
        w->err = mc_message_load(w->ledger, cart->message, &found, &w->message, w->error);
    if (w->err != MC_OK)
        return false;
    w->carts++;
    mc_buf_char(&w->out->buf, '\n');
    mc_story_text(&w->out->buf, cart, found ? &w->message : NULL, w->currency);
    mc_output_spill(w->out);
    return w->out->error.code == MC_OK;
}

static void put_contact(struct mc_buf *b, struct mc_str user, const struct mc_contact *c) {
    static const char *const consent[] = {[MC_CONSENT_UNKNOWN] = "consent unknown",
                                          [MC_CONSENT_YES] = "agreed to mail",
                                          [MC_CONSENT_NO] = "refused mail"};
    mc_buf_text(b, "Customer ");
    mc_show_text(b, user);
    mc_buf_text(b, ": ");
    if (c->known)
        mc_show_text(b, c->subscriber.email);
    else
        mc_buf_text(b, "no e-mail address");
    mc_buf_printf(b, ", %s, %s%s (as of now)\n", consent[c->consent], c->customer ? "has bought" : "has not bought",
                  c->suppressed ? ", never written to: unsubscribed, bounced or complained" : "");
}

static enum mc_err tell(struct why *w, struct mc_str user, struct mc_error *e) {
    struct mc_contact contact = {0};
    struct mc_filter filter = mc_filter_all();
    filter.user = user;
    enum mc_err err = mc_contact_find(w->ledger, user, &contact, e);
    if (err == MC_OK)
        put_contact(&w->out->buf, user, &contact);
    if (err == MC_OK)
        err = mc_read_carts(w->ledger, &filter, take_cart, w, e);
    if (err == MC_OK && w->err == MC_OK && w->carts == 0)
        mc_buf_text(&w->out->buf, "\nNo abandoned cart of this customer is in the store.\n");
    mc_contact_free(&contact);
    return err != MC_OK ? err : w->err;
}

static enum mc_err run_why(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    (void)arguments;
    struct why w = {.out = &run->out, .currency = run->config.store.currency, .error = e};
    const char *path;
    enum mc_err err = mc_invocation_store(run, &path, e);
    if (err == MC_OK)
        err = mc_ledger_open(&w.ledger, path, MC_LEDGER_READ, NULL, e);
    if (err == MC_OK)
        err = tell(&w, mc_str_of(run->operands.items[0]), e);
    mc_message_free(&w.message);
    mc_ledger_close(&w.ledger);
    return err;
}

const struct mc_command mc_command_why = {
    .name = "why",
    .purpose = "Tells the story of a customer's carts: which event, clock, rule, decision",
    .operands = "USER",
    .about = "",
    .operands_min = 1,
    .operands_max = 1,
    .run = run_why,
};

/* maxcart preview: one message as the customer would see it. */
#include "app/commands.h"

#include "app/query.h"
#include "app/wiring.h"
#include "outreach/preview.h"

struct preview_arguments {
    const char *user, *cart, *language, *out, *send_to;
    bool text;
};

/* The newest cart of a session, found by going through the carts. */
struct search {
    struct mc_str session;
    bool found;
    struct mc_time opened_at;
    struct mc_buf user;
};

static bool take_cart(void *context, const struct mc_stored_cart *stored) {
    struct search *s = context;
    if (!mc_str_equal(stored->cart.session, s->session))
        return true;
    s->found = true;
    s->opened_at = stored->cart.opened_at;
    s->user.len = 0;
    mc_buf_str(&s->user, stored->cart.user);
    return true;
}

static enum mc_err find_cart(struct mc_ledger *l, const struct preview_arguments *a, struct search *s,
                             struct mc_preview_cart *cart, struct mc_error *e) {
    struct mc_filter filter = mc_filter_all();
    filter.user = mc_str_of(a->user);
    *cart = (struct mc_preview_cart){
        .user = filter.user, .opened_at = {MC_TIME_NONE_US}, .language = mc_str_of(a->language)};
    if (a->cart == NULL)
        return MC_OK;
    s->session = mc_str_of(a->cart);
    enum mc_err err = mc_read_carts(l, &filter, take_cart, s, e);
    if (err == MC_OK && s->user.failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "out of memory");
    if (err == MC_OK && !s->found)
        err = mc_error_set(e, MC_ERR_IO, "the store has no abandoned cart of session %.200s", a->cart);
    cart->user = mc_buf_view(&s->user);
    cart->session = s->session;
    cart->opened_at = s->opened_at;
    return err;
}

/* The mail for --send-to, else the parts. */
static enum mc_err render(struct mc_invocation *run, struct mc_ledger *l, const struct preview_arguments *a,
                          struct mc_rendered *r, struct mc_buf *mail, struct mc_error *e) {
    struct search search = {0};
    struct mc_preview_cart cart;
    struct mc_sender sender;
    struct mc_buf templates = {0};
    bool found = false;
    mc_config_sender(&run->config, &sender);
    if (a->send_to == NULL && (sender.store_name == NULL || sender.store_name[0] == '\0'))
        sender.store_name = "store.name"; /* a preview says which setting the gap is */
    mc_config_templates(&run->config, &templates);
    enum mc_err err = find_cart(l, a, &search, &cart, e);
    if (err == MC_OK && a->send_to == NULL)
        err = mc_preview_render(l, &sender, mc_buf_cstr(&templates), &cart, &found, r, e);
    else if (err == MC_OK)
        err = mc_preview_mail(l, &sender, mc_buf_cstr(&templates), &cart, mc_str_of(a->send_to), &found, mail, e);
    if (err == MC_OK && !found)
        err = mc_error_set(e, MC_ERR_IO, "the store has no abandoned cart of customer %.200s", a->user);
    mc_buf_free(&templates);
    mc_buf_free(&search.user);
    return err;
}

/* To standard output, or to the file that --out names. */
static enum mc_err deliver(struct mc_invocation *run, const struct preview_arguments *a, const struct mc_rendered *r,
                           struct mc_error *e) {
    struct mc_buf *b = &run->out.buf;
    if (a->out != NULL) {
        mc_output_drop(&run->out);
        enum mc_err err = mc_output_open(&run->out, a->out, e);
        if (err != MC_OK)
            return err;
    }
    if (a->text) {
        mc_buf_text(b, "Subject: ");
        mc_buf_str(b, mc_buf_view(&r->subject));
        mc_buf_text(b, "\n\n");
    }
    mc_buf_str(b, mc_buf_view(a->text ? &r->text : &r->html));
    if (b->len > 0 && b->data[b->len - 1] != '\n')
        mc_buf_char(b, '\n');
    return MC_OK;
}

/* A test goes by the mail server of the settings, whatever the transport: the spool needs no test. */
static enum mc_err send_test(struct mc_invocation *run, const char *to, const struct mc_buf *mail, struct mc_error *e) {
    struct mc_smtp *smtp = NULL;
    struct mc_smtp_settings settings;
    mc_config_smtp(&run->config, &settings);
    if (settings.url == NULL || settings.url[0] == '\0')
        return mc_error_set(e, MC_ERR_USAGE, "a test is sent by a mail server: set mail.smtp_url");
    enum mc_err err = mc_smtp_open(&smtp, &settings, e);
    if (err != MC_OK)
        return err;
    struct mc_answer answer =
        mc_smtp_deliver(smtp, mc_str_of(run->config.mail.sender), mc_str_of(to), mc_buf_view(mail));
    mc_smtp_close(&smtp);
    if (answer.outcome != MC_OUTCOME_ACCEPTED)
        return mc_error_set(e, MC_ERR_IO, "the test to %.200s was not accepted (%s): %s", to,
                            mc_delivery_outcome_names[answer.outcome], answer.text);
    mc_buf_printf(&run->out.buf, "a test was accepted for %s: %d %s\n", to, answer.code, answer.text);
    return MC_OK;
}

static enum mc_err run_preview(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct preview_arguments *a = arguments;
    struct mc_rendered rendered = {0};
    struct mc_buf mail = {0};
    struct mc_ledger *ledger = NULL;
    struct mc_policy policy;
    const char *path;
    if (a->user == NULL && a->cart == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "preview needs --user ID or --cart SESSION");
    enum mc_err err = mc_invocation_store(run, &path, e);
    if (err == MC_OK)
        err = mc_ledger_open(&ledger, path, MC_LEDGER_READ, NULL, e);
    mc_config_policy(&run->config, &policy);
    if (err == MC_OK)
        err = mc_ledger_set_policy(ledger, &policy, e);
    if (err == MC_OK)
        err = render(run, ledger, a, &rendered, &mail, e);
    if (err == MC_OK)
        err = a->send_to != NULL ? send_test(run, a->send_to, &mail, e) : deliver(run, a, &rendered, e);
    mc_rendered_free(&rendered);
    mc_buf_free(&mail);
    mc_ledger_close(&ledger);
    return err;
}

/* clang-format off */
static const struct mc_option preview_options[] = {
    {"user", MC_OPTION_STRING, offsetof(struct preview_arguments, user), "ID", "the newest abandoned cart of this customer", 0, 0, NULL},
    {"cart", MC_OPTION_STRING, offsetof(struct preview_arguments, cart), "SESSION", "the newest abandoned cart of this session (user_session)", 0, 0, NULL},
    {"language", MC_OPTION_STRING, offsetof(struct preview_arguments, language), "TAG", "in this language, like de; else the customer's", 0, 0, NULL},
    {"text", MC_OPTION_FLAG, offsetof(struct preview_arguments, text), NULL, "subject and text part in place of the HTML part", 0, 0, NULL},
    {"out", MC_OPTION_STRING, offsetof(struct preview_arguments, out), "FILE", "into this file, which appears whole or not at all", 0, 0, NULL},
    {"send-to", MC_OPTION_STRING, offsetof(struct preview_arguments, send_to), "ADDRESS", "send it there as a test, by the mail server of the settings", 0, 0, NULL},
    {0},
};
/* clang-format on */

const struct mc_command mc_command_preview = {
    .name = "preview",
    .purpose = "Shows the message of an abandoned cart as HTML or text, or sends it to you",
    .operands = "",
    .about = "Any stored cart can be shown, whatever was decided on it. Settings that are\n"
             "still missing leave a gap; they are asked for when something is to be sent.\n",
    .options = preview_options,
    .arguments_size = sizeof(struct preview_arguments),
    .run = run_preview,
};

/* What the end-to-end tests drive: smtp.h, mime.h and mailer.h from the command line. Each prints one JSON object a
 * line. Not a part of the product.
 *
 *     outreach_deliver mime FILE             composes hostile mails into FILE-0.eml, FILE-1.eml...
 *     outreach_deliver smtp URL COUNT [ca=FILE] [tls=none] [user=U] [password=P]
 *     outreach_deliver webhook URL COUNT [public-only] [ca=FILE] [secret=S] [impatient]
 *     outreach_deliver mailer STORE [url=URL] [webhook=URL] [spool=FOLDER] [live] [tls=none] [resend] [carts=N]
 *                                   [at=SECONDS] [too_late=SECONDS] [rate=N]
 *     outreach_deliver mailer-killed STORE   leaves one message in `sending`, as a killed process does
 *     outreach_deliver preview STORE USER
 */
#include "outreach/sample.h"

#include "outreach/preview.h"
#include "outreach/shop.h"

static const char *option(int argc, char **argv, const char *name) {
    size_t len = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    return NULL;
}

static bool has(int argc, char **argv, const char *word) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

static struct mc_mime sample_mail(struct mc_str name) {
    static const char body[] =
        "A line\n.\n..\nFrom here\n\nand a long one: "
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "\nna\u00EFve \u674E\u96F7\n";
    return (struct mc_mime){
        .from_name = name,
        .from_address = MC_STR("shop@lumen.example"),
        .to_name = name,
        .to_address = MC_STR("zoe@example.com"),
        .subject = name,
        .message_id = MC_STR("0123456789abcdef"),
        .date = {1764000000 * MC_SECOND_US},
        .unsubscribe_url = MC_STR("https://shop.example/u/abc"),
        .text = mc_str_of(body),
        .html = mc_str_of(body),
    };
}

static void write_mail(const char *stem, size_t number, struct mc_str name) {
    char path[4096];
    struct mc_buf out = {0};
    struct mc_error e = {0};
    struct mc_mime mail = sample_mail(name);
    must(mc_mime_compose(&out, &mail, &e), &e);
    snprintf(path, sizeof path, "%s-%zu.eml", stem, number);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(out.data, 1, out.len, file) != out.len || fclose(file) != 0)
        exit(1);
    mc_buf_free(&out);
}

static void run_mime(const char *stem) {
    for (size_t i = 0; i < HOSTILE_COUNT; i++)
        write_mail(stem, i, hostile[i]);
    struct mc_buf name = {0};
    for (int i = 0; i < 60; i++)
        mc_buf_text(&name, "\u00C4rger \U0001F6D2");
    write_mail(stem, HOSTILE_COUNT, mc_buf_view(&name));
    mc_buf_free(&name);
}

static struct mc_smtp_settings smtp_settings(int argc, char **argv, const char *url) {
    const char *tls = option(argc, argv, "tls");
    return (struct mc_smtp_settings){.url = url,
                                     .user = option(argc, argv, "user"),
                                     .password = option(argc, argv, "password"),
                                     .ca_file = option(argc, argv, "ca"),
                                     .tls = tls != NULL && strcmp(tls, "none") == 0 ? MC_TLS_NONE : MC_TLS_REQUIRED,
                                     .connect_timeout_s = 10,
                                     .answer_timeout_s = 10};
}

static void run_smtp(int argc, char **argv) {
    struct mc_smtp_settings settings = smtp_settings(argc, argv, argv[2]);
    struct mc_smtp *smtp;
    struct mc_error e = {0};
    struct mc_buf mail = {0};
    struct mc_mime parts = sample_mail(MC_STR("Zo\u00EB"));
    must(mc_smtp_open(&smtp, &settings, &e), &e);
    must(mc_mime_compose(&mail, &parts, &e), &e);
    for (int i = 0; i < atoi(argv[3]); i++) {
        struct mc_answer a = mc_smtp_deliver(smtp, parts.from_address, parts.to_address, mc_buf_view(&mail));
        printf("{\"outcome\":\"%s\",\"code\":%d,\"text\":\"%s\",\"connections\":%d}\n",
               mc_delivery_outcome_names[a.outcome], a.code, a.text, (int)mc_smtp_connections(smtp));
    }
    mc_buf_free(&mail);
    mc_smtp_close(&smtp);
}

/* ---- the webhook ---- */

static struct mc_webhook_settings webhook_settings(int argc, char **argv, const char *url) {
    const char *secret = option(argc, argv, "secret");
    return (struct mc_webhook_settings){.url = url,
                                        .secret = secret != NULL ? secret : "a secret of 16 bytes",
                                        .ca_file = option(argc, argv, "ca"),
                                        .allow_private = !has(argc, argv, "public-only"),
                                        .connect_timeout_s = has(argc, argv, "impatient") ? 1 : 10,
                                        .answer_timeout_s = has(argc, argv, "impatient") ? 1 : 10};
}

static void run_webhook(int argc, char **argv) {
    struct mc_webhook_settings settings = webhook_settings(argc, argv, argv[2]);
    struct mc_webhook *webhook;
    struct mc_error e = {0};
    must(mc_webhook_open(&webhook, &settings, &e), &e);
    for (int i = 0; i < atoi(argv[3]); i++) {
        char id[33];
        snprintf(id, sizeof id, "%032d", i);
        struct mc_answer a =
            mc_webhook_deliver(webhook, id, MC_STR("{\"a\":1}"), (struct mc_wall){1764000000 * MC_SECOND_US});
        printf("{\"outcome\":\"%s\",\"code\":%d,\"retry_after\":%d,\"text\":", mc_delivery_outcome_names[a.outcome],
               a.code, (int)(a.retry_after_us / MC_SECOND_US));
        struct mc_buf text = {0};
        mc_buf_json(&text, mc_str_of(a.text));
        printf("%s}\n", mc_buf_cstr(&text));
        mc_buf_free(&text);
    }
    mc_webhook_close(&webhook);
}

/* ---- the mailer over a ledger ---- */

static const int64_t day_us = 1763942400 * MC_SECOND_US; /* 2025-11-24 */
static int64_t clock_us;

static struct mc_wall test_clock(void) {
    return (struct mc_wall){clock_us};
}

static struct mc_ledger *make_store(const char *path, bool live, int carts) {
    struct mc_error e = {0};
    struct mc_ledger *l = shop_open(path, !live, NULL);
    must(mc_ledger_begin(l, &e), &e);
    for (int i = 0; i < carts; i++) {
        shop_subscribe(l, i);
        shop_abandon(l, i, day_us + i * MC_SECOND_US);
    }
    must(mc_ledger_advance(l, (struct mc_time){day_us + MC_HOUR_US}, &e), &e);
    must(mc_ledger_commit(l, &e), &e);
    return l;
}

static void print_states(struct mc_ledger *l) {
    struct mc_error e = {0};
    struct mc_report r;
    must(mc_report_read(l, &r, &e), &e);
    printf("\"suppressions\":%d,\"states\":{", (int)r.suppressions);
    for (int state = 0, shown = 0; state < MC_MESSAGE_STATES; state++)
        if (r.messages[state] > 0)
            printf("%s\"%s\":%d", shown++ > 0 ? "," : "", mc_message_state_names[state], (int)r.messages[state]);
    printf("}}\n");
}

static uint32_t number(int argc, char **argv, const char *name) {
    const char *text = option(argc, argv, name);
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static struct mc_mailer_settings mailer_settings(int argc, char **argv) {
    struct mc_mailer_settings settings = shop_settings();
    settings.spool = option(argc, argv, "spool");
    settings.smtp = smtp_settings(argc, argv, option(argc, argv, "url"));
    settings.webhook = webhook_settings(argc, argv, option(argc, argv, "webhook"));
    settings.resend_unknown = has(argc, argv, "resend");
    settings.too_late_after_us = number(argc, argv, "too_late") * MC_SECOND_US;
    settings.rate_per_minute = number(argc, argv, "rate");
    settings.clock = test_clock;
    return settings;
}

static void run_mailer(int argc, char **argv) {
    const char *carts = option(argc, argv, "carts"), *at = option(argc, argv, "at");
    struct mc_ledger *l = make_store(argv[2], has(argc, argv, "live"), carts != NULL ? atoi(carts) : 3);
    struct mc_mailer_settings settings = mailer_settings(argc, argv);
    struct mc_mailer_counts counts = {0};
    struct mc_mailer *m;
    struct mc_error e = {0};
    clock_us = day_us + MC_HOUR_US + (at != NULL ? atoll(at) : 0) * MC_SECOND_US;
    must(mc_mailer_open(&m, l, &settings, &e), &e);
    must(mc_mailer_run(m, &counts, &e), &e);
    printf("{\"spooled\":%d,\"withheld\":%d,\"too_late\":%d,\"given_up\":%d,\"paused\":%s,", (int)counts.spooled,
           (int)counts.withheld, (int)counts.too_late, (int)counts.given_up,
           mc_mailer_paused_until(m).us > clock_us ? "true" : "false");
    for (int i = 0; i < MC_OUTCOMES; i++)
        printf("\"%s\":%d,", mc_delivery_outcome_names[i], (int)counts.outcomes[i]);
    print_states(l);
    mc_mailer_close(&m);
    mc_ledger_close(&l);
}

static void run_mailer_killed(const char *store) {
    struct mc_ledger *l = make_store(store, true, 3);
    struct mc_error e = {0};
    int64_t id = 0;
    size_t count = 0;
    bool go = false;
    must(mc_outbox_due(l, false, (struct mc_wall){day_us + MC_HOUR_US}, 0, &id, 1, &count, &e), &e);
    must(mc_ledger_begin(l, &e), &e);
    must(mc_outbox_begin_sending(l, id, false, &go, &e), &e);
    must(mc_ledger_commit(l, &e), &e);
    exit(go ? 0 : 1); /* without closing anything */
}

static void run_preview(const char *store, const char *user) {
    struct mc_ledger *l;
    struct mc_error e = {0};
    struct mc_rendered r = {0};
    struct mc_sender sender = {.store_name = "Lumen", .currency = "EUR"};
    struct mc_preview_cart cart = {.user = mc_str_of(user), .opened_at = {MC_TIME_NONE_US}};
    bool found = false;
    must(mc_ledger_open(&l, store, MC_LEDGER_READ, NULL, &e), &e);
    must(mc_preview_render(l, &sender, "templates", &cart, &found, &r, &e), &e);
    printf("%s", found ? mc_buf_cstr(&r.html) : "none");
    mc_rendered_free(&r);
    mc_ledger_close(&l);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "mime") == 0)
        run_mime(argv[2]);
    else if (argc >= 4 && strcmp(argv[1], "smtp") == 0)
        run_smtp(argc, argv);
    else if (argc >= 4 && strcmp(argv[1], "webhook") == 0)
        run_webhook(argc, argv);
    else if (argc >= 3 && strcmp(argv[1], "mailer") == 0)
        run_mailer(argc, argv);
    else if (argc == 3 && strcmp(argv[1], "mailer-killed") == 0)
        run_mailer_killed(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "preview") == 0)
        run_preview(argv[2], argv[3]);
    else
        return 2;
    return 0;
}

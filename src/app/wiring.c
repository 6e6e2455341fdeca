#include "app/wiring.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

void mc_config_policy(const struct mc_config *c, struct mc_policy *policy) {
    bool has_value = c->policy.offer == MC_OFFER_PERCENTAGE || c->policy.offer == MC_OFFER_AMOUNT;
    *policy = (struct mc_policy){
        .consent = (enum mc_consent_mode)c->policy.consent,
        .cap_window_us = c->policy.cap_window_us,
        .holdout_ppm = (uint32_t)(c->policy.holdout_bp * 100),
        .delay_us = c->policy.delay_us,
        .attribution_window_us = c->policy.attribution_window_us,
        .stale_after_us = c->policy.stale_after_us,
        .offer = {(enum mc_offer_kind)c->policy.offer, has_value ? c->policy.offer_value : 0},
    };
    if (c->policy.coupons == MC_COUPONS_POOL && c->policy.offer != MC_OFFER_NONE)
        policy->coupons = c->policy.coupon_when_empty == MC_COUPON_EMPTY_KEEP ? MC_COUPON_REQUIRED : MC_COUPON_OPTIONAL;
    snprintf(policy->campaign, sizeof policy->campaign, "%s", c->policy.campaign);
    snprintf(policy->experiment, sizeof policy->experiment, "%s", c->policy.experiment);
}

struct mc_rules mc_config_rules(const struct mc_config *c) {
    struct mc_rules rules = mc_rules_default();
    rules.gap_us = c->visit.gap_us;
    rules.stale_after_us = c->policy.stale_after_us;
    rules.minimum = c->policy.minimum;
    return rules;
}

void mc_config_sender(const struct mc_config *c, struct mc_sender *sender) {
    *sender = (struct mc_sender){
        .name = c->mail.sender_name,
        .address = c->mail.sender,
        .reply_to = c->mail.reply_to,
        .store_name = c->store.name,
        .postal_address = c->mail.postal_address,
        .public_url = c->mail.public_url,
        .currency = c->store.currency,
        .restore_valid_us = c->link.restore_expires_us,
    };
}

void mc_config_smtp(const struct mc_config *c, struct mc_smtp_settings *smtp) {
    *smtp = (struct mc_smtp_settings){
        .url = c->mail.smtp_url,
        .user = c->mail.smtp_user,
        .password = c->mail.smtp_password,
        .tls = (enum mc_smtp_tls)c->mail.smtp_tls,
        .ca_file = c->mail.smtp_ca,
    };
}

void mc_config_mailer(const struct mc_config *c, const char *templates, struct mc_mailer_settings *settings) {
    *settings = (struct mc_mailer_settings){
        .templates = templates,
        .spool = c->mail.spool,
        .resend_unknown = c->mail.unknown == MC_UNKNOWN_RESEND,
        .too_late_after_us = c->mail.too_late_after_us,
        .rate_per_minute = (uint32_t)c->mail.per_minute,
        .in_flight_max = (uint32_t)(8 * c->mail.connections),
    };
    mc_config_sender(c, &settings->sender);
    if (c->mail.transport == MC_TRANSPORT_SMTP)
        mc_config_smtp(c, &settings->smtp);
    if (c->mail.transport == MC_TRANSPORT_WEBHOOK)
        settings->webhook = (struct mc_webhook_settings){.url = c->webhook.url,
                                                         .secret = c->webhook.secret,
                                                         .ca_file = c->webhook.ca,
                                                         .allow_private = c->webhook.allow_private != 0};
}

/* Where a build and an installation have them, as seen from the folder of the program. */
static const char *const template_places[] = {"../share/maxcart/templates", "../../templates", "templates"};

void mc_config_templates(const struct mc_config *c, struct mc_buf *path) {
    char program[PATH_MAX];
    path->len = 0;
    if (c->mail.templates[0] != '\0') {
        mc_buf_text(path, c->mail.templates);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL)
        *slash = '\0';
    for (size_t i = 0; i < sizeof template_places / sizeof *template_places; i++) {
        path->len = 0;
        mc_buf_printf(path, "%s/%s", program, template_places[i]);
        if (access(mc_buf_cstr(path), R_OK) == 0)
            return;
    }
    path->len = 0;
    mc_buf_text(path, "templates");
}

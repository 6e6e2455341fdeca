#include "outreach/courier.h"

#include "base/mem.h"
#include "outreach/spool.h"
#include <stdio.h>

struct mc_courier {
    const struct mc_mailer_settings *settings;
    struct mc_smtp *smtp;       /* NULL: none */
    struct mc_webhook *webhook; /* NULL: none */
    struct mc_spool *spool;     /* NULL: none */
};

static struct mc_wall now(const struct mc_courier *c) {
    return c->settings->clock != NULL ? c->settings->clock() : mc_wall_now();
}

static bool is_set(const char *text) {
    return text != NULL && text[0] != '\0';
}

enum mc_err mc_courier_open(struct mc_courier **out, const struct mc_mailer_settings *settings, struct mc_error *e) {
    enum mc_err err = MC_OK;
    *out = NULL;
    struct mc_courier *c = mc_calloc(1, sizeof *c);
    if (c == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a courier");
    c->settings = settings;
    if (is_set(settings->smtp.url))
        err = mc_smtp_open(&c->smtp, &settings->smtp, e);
    if (err == MC_OK && is_set(settings->webhook.url))
        err = mc_webhook_open(&c->webhook, &settings->webhook, e);
    if (err == MC_OK && is_set(settings->spool))
        err = mc_spool_open(&c->spool, settings->spool, e);
    if (err != MC_OK)
        mc_courier_close(&c);
    *out = c;
    return err;
}

void mc_courier_close(struct mc_courier **c) {
    if (*c == NULL)
        return;
    mc_smtp_close(&(*c)->smtp);
    mc_webhook_close(&(*c)->webhook);
    mc_spool_close(&(*c)->spool);
    mc_free(*c);
    *c = NULL;
}

uint64_t mc_courier_connections(const struct mc_courier *c) {
    return c->smtp != NULL ? mc_smtp_connections(c->smtp) : 0;
}

/* ---- the spool: accepted only once it is on the disk ---- */

static struct mc_answer answer_of_spool(enum mc_err err, const struct mc_error *e) {
    struct mc_answer answer = {.outcome = MC_OUTCOME_ACCEPTED, .code = (int)err, .text = "spool"};
    if (err == MC_OK)
        return answer;
    answer.outcome = MC_OUTCOME_DOWN;
    snprintf(answer.text, sizeof answer.text, "%.200s", e->text);
    return answer;
}

static void put_into_spool(struct mc_courier *c, struct mc_outgoing *o) {
    struct mc_error e = {0};
    o->answer = answer_of_spool(mc_spool_put(c->spool, mc_str_of(o->message_id), o->body, &e), &e);
}

static void flush_spool(struct mc_courier *c, struct mc_outgoing *const *list, size_t count) {
    struct mc_error e = {0};
    if (c->spool == NULL)
        return;
    enum mc_err err = mc_spool_flush(c->spool, &e);
    for (size_t i = 0; i < count; i++) {
        if (list[i]->channel != MC_CHANNEL_SPOOL || list[i]->answer.outcome != MC_OUTCOME_ACCEPTED)
            continue;
        list[i]->answer = answer_of_spool(err, &e);
        list[i]->answered_at = now(c);
    }
}

/* ---- all channels ---- */

static bool is_told_to_stop(const struct mc_courier *c) {
    const atomic_bool *mail = c->settings->smtp.stop, *webhook = c->settings->webhook.stop;
    return (mail != NULL && atomic_load(mail)) || (webhook != NULL && atomic_load(webhook));
}

static void deliver(struct mc_courier *c, struct mc_outgoing *o) {
    o->answer = (struct mc_answer){.outcome = MC_OUTCOME_NOT_TRIED, .text = "not tried"};
    if (o->channel == MC_CHANNEL_MAIL && c->smtp != NULL)
        o->answer = mc_smtp_deliver(c->smtp, o->from, o->to, o->body);
    else if (o->channel == MC_CHANNEL_WEBHOOK && c->webhook != NULL)
        o->answer = mc_webhook_deliver(c->webhook, o->message_id, o->body, now(c));
    else if (o->channel == MC_CHANNEL_SPOOL && c->spool != NULL)
        put_into_spool(c, o);
    o->answered_at = now(c);
}

void mc_courier_deliver(struct mc_courier *c, struct mc_outgoing *const *list, size_t count) {
    bool go_on = true;
    for (size_t i = 0; i < count; i++) {
        go_on = go_on && !is_told_to_stop(c);
        if (go_on) {
            deliver(c, list[i]);
        } else {
            list[i]->answer = (struct mc_answer){.outcome = MC_OUTCOME_NOT_TRIED, .text = "not tried"};
            list[i]->answered_at = now(c);
        }
        enum mc_delivery_outcome outcome = list[i]->answer.outcome;
        go_on = go_on && outcome != MC_OUTCOME_DOWN && outcome != MC_OUTCOME_REFUSED;
    }
    flush_spool(c, list, count);
}

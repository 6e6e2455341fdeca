#include "outreach/mailer.h"

#include "base/mem.h"
#include "outreach/spool.h"
#include <assert.h>
#include <sodium.h>

enum { PAGE = 64 };

/* A message that was handed to the server and whose result is not yet written. */
struct pending {
    bool any;
    int64_t id;
    uint32_t attempts;
    struct mc_smtp_answer answer;
    struct mc_wall answered_at;
};

struct mc_mailer {
    struct mc_ledger *ledger;
    struct mc_mailer_settings settings;
    struct mc_templates *templates;
    struct mc_composer composer;
    struct mc_spool *spool; /* NULL: none */
    struct mc_smtp *smtp;   /* NULL: none */
    struct mc_wall paused_until;
    int64_t pause_us; /* the last one; 0: not paused */
    struct pending pending;
    struct mc_mailer_counts *counts; /* of the run */
};

static struct mc_wall now(const struct mc_mailer *m) {
    return m->settings.clock != NULL ? m->settings.clock() : mc_wall_now();
}

static bool is_set(const char *text) {
    return text != NULL && text[0] != '\0';
}

/* ---- open, close ---- */

static enum mc_err recover(struct mc_mailer *m, struct mc_error *e) {
    size_t count = 0;
    struct mc_error ignored;
    enum mc_err err = mc_ledger_begin(m->ledger, e);
    if (err != MC_OK)
        return err;
    err = mc_outbox_recover(m->ledger, m->settings.resend_unknown, now(m), &count, e);
    if (err == MC_OK)
        return mc_ledger_commit(m->ledger, e);
    mc_ledger_rollback(m->ledger, &ignored);
    return err;
}

static enum mc_err open_parts(struct mc_mailer *m, struct mc_error *e) {
    const struct mc_mailer_settings *settings = &m->settings;
    enum mc_err err = mc_sender_check(&settings->sender, e);
    if (err == MC_OK && !is_set(settings->spool) && !is_set(settings->smtp.url))
        err =
            mc_error_set(e, MC_ERR_USAGE, "before a message can be sent, a spool folder or a mail server must be set");
    if (err == MC_OK)
        err = mc_templates_open(&m->templates, settings->templates, e);
    if (err == MC_OK && is_set(settings->smtp.url))
        err = mc_smtp_open(&m->smtp, &settings->smtp, e);
    if (err == MC_OK && is_set(settings->spool))
        err = mc_spool_open(&m->spool, settings->spool, e);
    return err == MC_OK ? recover(m, e) : err;
}

static void make_composer(struct mc_mailer *m) {
    uint8_t secret[MC_SECRET_BYTES];
    mc_ledger_key(m->ledger, "links", secret);
    m->composer = (struct mc_composer){.sender = m->settings.sender, .templates = m->templates};
    mc_link_key_derive(&m->composer.key, secret);
    sodium_memzero(secret, sizeof secret);
}

enum mc_err mc_mailer_open(struct mc_mailer **out, struct mc_ledger *ledger, const struct mc_mailer_settings *settings,
                           struct mc_error *e) {
    *out = NULL;
    assert(!mc_ledger_in_transaction(ledger));
    struct mc_mailer *m = mc_calloc(1, sizeof *m);
    if (m == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the mailer");
    m->ledger = ledger;
    m->settings = *settings;
    enum mc_err err = open_parts(m, e);
    if (err == MC_OK)
        make_composer(m);
    else
        mc_mailer_close(&m);
    *out = m;
    return err;
}

void mc_mailer_close(struct mc_mailer **m) {
    if (*m == NULL)
        return;
    mc_link_key_clear(&(*m)->composer.key);
    mc_templates_close(&(*m)->templates);
    mc_spool_close(&(*m)->spool);
    mc_smtp_close(&(*m)->smtp);
    mc_free(*m);
    *m = NULL;
}

struct mc_wall mc_mailer_paused_until(const struct mc_mailer *m) {
    return m->paused_until;
}

uint64_t mc_mailer_urls_left_out(const struct mc_mailer *m) {
    return m->composer.urls_left_out;
}

/* ---- results ---- */

static int64_t backoff_us(int64_t first_us, int64_t longest_us, uint32_t step) {
    int64_t wait_us = first_us;
    for (uint32_t i = 1; i < step && wait_us < longest_us; i++)
        wait_us *= 2;
    return wait_us < longest_us ? wait_us : longest_us;
}

static enum mc_err give_up(struct mc_mailer *m, int64_t id, const char *why, struct mc_error *e) {
    m->counts->given_up++;
    return mc_outbox_failed(m->ledger, id, mc_str_of(why), e);
}

static enum mc_err settle_later(struct mc_mailer *m, const struct pending *p, struct mc_error *e) {
    bool counts_as_attempt = p->answer.outcome != MC_SMTP_DOWN;
    if (counts_as_attempt && p->attempts >= MC_ATTEMPTS_MAX)
        return give_up(m, p->id, p->answer.text, e);
    int64_t wait_us = backoff_us(MC_RETRY_FIRST_US, MC_RETRY_LONGEST_US, p->attempts);
    struct mc_wall next = {p->answered_at.us + wait_us};
    return mc_outbox_retry(m->ledger, p->id, next, mc_str_of(p->answer.text), e);
}

/* Writes the result of the message last handed over, in the open transaction. */
static enum mc_err settle(struct mc_mailer *m, struct mc_error *e) {
    const struct pending *p = &m->pending;
    struct mc_str note = mc_str_of(p->answer.text);
    if (!p->any)
        return MC_OK;
    switch (p->answer.outcome) {
    case MC_SMTP_ACCEPTED:
        return mc_outbox_sent(m->ledger, p->id, p->answered_at, note, e);
    case MC_SMTP_BOUNCED:
        return mc_outbox_bounced(m->ledger, p->id, p->answered_at, note, e);
    case MC_SMTP_UNKNOWN:
        if (!m->settings.resend_unknown)
            return mc_outbox_unknown(m->ledger, p->id, p->answered_at, note, e);
        return settle_later(m, p, e);
    default:
        return settle_later(m, p, e);
    }
}

/* ---- SMTP ---- */

static void pause_or_go_on(struct mc_mailer *m) {
    enum mc_smtp_outcome outcome = m->pending.answer.outcome;
    if (outcome == MC_SMTP_DOWN || outcome == MC_SMTP_REFUSED) {
        m->pause_us = m->pause_us > 0 ? backoff_us(m->pause_us * 2, MC_PAUSE_LONGEST_US, 1) : MC_PAUSE_FIRST_US;
        m->paused_until.us = m->pending.answered_at.us + m->pause_us;
    } else if (outcome == MC_SMTP_ACCEPTED) {
        m->pause_us = 0;
    }
}

/* One transaction: the result of the message before, and this one's `sending`. `id` 0: only the result. */
static enum mc_err settle_and_begin(struct mc_mailer *m, int64_t id, bool *go, struct mc_error *e) {
    struct mc_error ignored;
    *go = false;
    if (id == 0 && !m->pending.any)
        return MC_OK;
    enum mc_err err = mc_ledger_begin(m->ledger, e);
    if (err != MC_OK)
        return err;
    err = settle(m, e);
    if (err == MC_OK && id != 0)
        err = mc_outbox_begin_sending(m->ledger, id, false, go, e);
    if (err == MC_OK)
        err = mc_ledger_commit(m->ledger, e);
    else
        mc_ledger_rollback(m->ledger, &ignored);
    if (err == MC_OK)
        m->pending.any = false;
    return err;
}

static void hand_over(struct mc_mailer *m, const struct mc_message *message, struct mc_str mail) {
    m->pending = (struct pending){.any = true, .id = message->id, .attempts = message->attempts + 1};
    m->pending.answer =
        mc_smtp_deliver(m->smtp, mc_str_of(m->settings.sender.address), message->contact.subscriber.email, mail);
    m->pending.answered_at = now(m);
    m->counts->outcomes[m->pending.answer.outcome]++;
    pause_or_go_on(m);
}

/* A message that cannot be composed is given up, with the reason as its note; it must not stop the others. */
static enum mc_err send_composed(struct mc_mailer *m, const struct mc_message *message, struct mc_str mail,
                                 const struct mc_error *composed, struct mc_error *e) {
    bool go;
    enum mc_err err = settle_and_begin(m, message->id, &go, e);
    if (err != MC_OK)
        return err;
    if (!go) {
        m->counts->withheld++;
        return MC_OK;
    }
    if (composed->code == MC_OK) {
        hand_over(m, message, mail);
        return MC_OK;
    }
    m->counts->not_composed++;
    m->pending = (struct pending){.any = true, .id = message->id, .attempts = MC_ATTEMPTS_MAX, .answered_at = now(m)};
    m->pending.answer.outcome = MC_SMTP_RETRY;
    memcpy(m->pending.answer.text, composed->text, sizeof m->pending.answer.text - 1);
    return MC_OK;
}

static enum mc_err send_one(struct mc_mailer *m, int64_t id, struct mc_error *e) {
    struct mc_message message = {0};
    struct mc_buf mail = {0};
    struct mc_error composed = {0};
    bool found = false;
    enum mc_err err = mc_message_load(m->ledger, id, &found, &message, e);
    if (err == MC_OK && found && !message.replayed) {
        composed.code = mc_compose_mail(&m->composer, &message, &mail, &composed);
        err = composed.code == MC_ERR_NOMEM ? mc_error_set(e, MC_ERR_NOMEM, "%s", composed.text)
                                            : send_composed(m, &message, mc_buf_view(&mail), &composed, e);
    }
    mc_buf_free(&mail);
    mc_message_free(&message);
    return err;
}

static bool is_paused(const struct mc_mailer *m) {
    return now(m).us < m->paused_until.us;
}

static enum mc_err run_smtp(struct mc_mailer *m, struct mc_error *e) {
    int64_t ids[PAGE], after = 0;
    size_t count = PAGE;
    enum mc_err err = MC_OK;
    while (err == MC_OK && count == PAGE && !is_paused(m)) {
        err = mc_outbox_due(m->ledger, false, now(m), after, ids, PAGE, &count, e);
        for (size_t i = 0; err == MC_OK && i < count && !is_paused(m); i++)
            err = send_one(m, after = ids[i], e);
    }
    /* Also after an error: what the server took must be written down if it can be. */
    bool go;
    struct mc_error last;
    enum mc_err settled = settle_and_begin(m, 0, &go, err == MC_OK ? e : &last);
    return err != MC_OK ? err : settled;
}

/* ---- spool ---- */

/* In the open transaction. With a mail server, only replayed messages are the spool's. */
static enum mc_err spool_loaded(struct mc_mailer *m, const struct mc_message *message, struct mc_error *e) {
    bool go = false;
    enum mc_err err = mc_outbox_begin_sending(m->ledger, message->id, true, &go, e);
    if (err != MC_OK || !go) {
        m->counts->withheld += err == MC_OK;
        return err;
    }
    struct mc_buf mail = {0};
    err = mc_compose_mail(&m->composer, message, &mail, e);
    if (err == MC_ERR_FORMAT || err == MC_ERR_LIMIT) {
        m->counts->not_composed++;
        err = give_up(m, message->id, e->text, e);
    } else if (err == MC_OK) {
        err = mc_spool_put(m->spool, mc_str_of(message->message_id), mc_buf_view(&mail), e);
        if (err == MC_OK)
            err = mc_outbox_sent(m->ledger, message->id, now(m), MC_STR("spool"), e);
        m->counts->spooled += err == MC_OK;
    }
    mc_buf_free(&mail);
    return err;
}

static enum mc_err spool_one(struct mc_mailer *m, int64_t id, struct mc_error *e) {
    struct mc_message message = {0};
    bool found = false;
    enum mc_err err = mc_message_load(m->ledger, id, &found, &message, e);
    if (err == MC_OK && found && (m->smtp == NULL || message.replayed))
        err = spool_loaded(m, &message, e);
    mc_message_free(&message);
    return err;
}

/* One page in one transaction. The counts go back with it. */
static enum mc_err spool_page(struct mc_mailer *m, const int64_t *ids, size_t count, struct mc_error *e) {
    struct mc_mailer_counts before = *m->counts;
    struct mc_error ignored;
    enum mc_err err = mc_ledger_begin(m->ledger, e);
    if (err != MC_OK)
        return err;
    for (size_t i = 0; err == MC_OK && i < count; i++)
        err = spool_one(m, ids[i], e);
    if (err == MC_OK)
        err = mc_spool_flush(m->spool, e);
    if (err == MC_OK)
        err = mc_ledger_commit(m->ledger, e);
    else
        mc_ledger_rollback(m->ledger, &ignored);
    if (err != MC_OK)
        *m->counts = before;
    return err;
}

static enum mc_err run_spool(struct mc_mailer *m, struct mc_error *e) {
    int64_t ids[PAGE], after = 0;
    size_t count = PAGE;
    enum mc_err err = MC_OK;
    while (err == MC_OK && count == PAGE) {
        err = mc_outbox_due(m->ledger, true, now(m), after, ids, PAGE, &count, e);
        if (err == MC_OK && count > 0) {
            err = spool_page(m, ids, count, e);
            after = ids[count - 1];
        }
    }
    return err;
}

enum mc_err mc_mailer_run(struct mc_mailer *m, struct mc_mailer_counts *counts, struct mc_error *e) {
    assert(!mc_ledger_in_transaction(m->ledger));
    m->counts = counts;
    enum mc_err err = MC_OK;
    if (m->spool != NULL)
        err = run_spool(m, e);
    if (err == MC_OK && m->smtp != NULL && !is_paused(m))
        err = run_smtp(m, e);
    m->counts = NULL;
    return err;
}

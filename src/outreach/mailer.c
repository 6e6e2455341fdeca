#include "outreach/mailer.h"

#include "base/mem.h"
#include "outreach/courier.h"
#include "outreach/delays.h"
#include "outreach/payload.h"
#include "outreach/rate.h"
#include "outreach/ready.h"
#include "outreach/spool.h"
#include "store/checkpoint.h"
#include <assert.h>
#include <sodium.h>

enum { TOO_LATE_BATCH = 256, RUN_BATCH = 64 };

/* A wall clock that stepped back by more than this makes retries and pauses be looked at anew. */
#define STEP_BACK_US (1 * MC_MINUTE_US)

#define RATE_SNAPSHOT "outreach.rate"

/* A channel's state. */
struct line {
    bool open; /* the settings name it */
    struct mc_ready ready;
    int64_t pause_us; /* the last one; 0: all is well */
    struct mc_wall paused_until, down_at;
    uint32_t round; /* pauses so far */
    int64_t probe;  /* the message that finds out whether a pause was enough; 0: none is on its way */
};

struct mc_mailer {
    struct mc_ledger *ledger;
    struct mc_mailer_settings settings;
    struct mc_templates *templates;
    struct mc_composer composer;
    struct line lines[MC_CHANNELS];
    enum mc_channel live; /* where live messages go */
    size_t unservable;    /* ready in the ledger, but replayed with no spool to go to */
    struct mc_time seen;  /* up to which clock the claimed messages were read; none: all are to be read anew */
    bool no_memory;       /* at the last reading */
    struct mc_wall last_take;
    struct mc_rate rate;
    bool rate_loaded;
    struct mc_delays delays;
    struct mc_mailer_counts counts;
    /* mc_mailer_run's */
    struct mc_courier *courier; /* NULL: not yet */
    struct mc_outgoing *batch[RUN_BATCH];
    size_t batch_count; /* handed over, not settled */
};

static bool is_set(const char *text) {
    return text != NULL && text[0] != '\0';
}

static struct mc_wall clock_of(const struct mc_mailer *m) {
    return m->settings.clock != NULL ? m->settings.clock() : mc_wall_now();
}

/* ---- open, close ---- */

static enum mc_err check_channels(const struct mc_mailer_settings *s, struct mc_error *e) {
    if (is_set(s->smtp.url) && is_set(s->webhook.url))
        return mc_error_set(e, MC_ERR_USAGE, "messages go to a mail server or to a webhook: one of them must be set");
    if (!is_set(s->spool) && !is_set(s->smtp.url) && !is_set(s->webhook.url))
        return mc_error_set(e, MC_ERR_USAGE,
                            "before a message can be sent, a spool folder or a mail server must be set");
    return MC_OK;
}

static void open_lines(struct mc_mailer *m) {
    const struct mc_mailer_settings *s = &m->settings;
    m->lines[MC_CHANNEL_MAIL].open = is_set(s->smtp.url);
    m->lines[MC_CHANNEL_WEBHOOK].open = is_set(s->webhook.url);
    m->lines[MC_CHANNEL_SPOOL].open = is_set(s->spool);
    m->live = is_set(s->smtp.url) ? MC_CHANNEL_MAIL : is_set(s->webhook.url) ? MC_CHANNEL_WEBHOOK : MC_CHANNEL_SPOOL;
    m->seen.us = MC_TIME_NONE_US;
}

/* As each courier will: now is when somebody reads what is wrong. */
static enum mc_err check_courier(const struct mc_mailer *m, struct mc_error *e) {
    struct mc_courier *courier;
    enum mc_err err = mc_courier_open(&courier, &m->settings, e);
    mc_courier_close(&courier);
    return err;
}

/* What was on its way into the spool is put there again: the same file, the same bytes. */
/* A message that a killed process left `sending`, and whose file is in the spool, is with whoever reads the folder. */
static enum mc_err find_spooled(struct mc_mailer *m, int64_t id, struct mc_error *e) {
    struct mc_message message = {0};
    bool found = false;
    enum mc_err err = mc_message_load(m->ledger, id, &found, &message, e);
    bool ours = found && (message.replayed || m->live == MC_CHANNEL_SPOOL);
    if (err == MC_OK && ours && mc_spool_has(m->settings.spool, mc_str_of(message.message_id)))
        err = mc_outbox_sent(m->ledger, id, clock_of(m), MC_STR("found in the spool"), e);
    mc_message_free(&message);
    return err;
}

static enum mc_err find_all_spooled(struct mc_mailer *m, struct mc_error *e) {
    int64_t ids[64];
    size_t count = 1;
    enum mc_err err = MC_OK;
    for (int64_t after = 0; err == MC_OK && count > 0; after = count > 0 ? ids[count - 1] : after) {
        err = mc_outbox_list(m->ledger, MC_MESSAGE_SENDING, after, ids, sizeof ids / sizeof *ids, &count, e);
        for (size_t i = 0; i < count && err == MC_OK; i++)
            err = find_spooled(m, ids[i], e);
    }
    return err;
}

static enum mc_err recover(struct mc_mailer *m, struct mc_error *e) {
    size_t count = 0;
    bool resend = m->settings.resend_unknown || m->live == MC_CHANNEL_SPOOL;
    enum mc_err err = mc_ledger_begin(m->ledger, e);
    if (err != MC_OK)
        return err;
    if (m->settings.spool != NULL && m->settings.spool[0] != '\0')
        err = find_all_spooled(m, e);
    if (err == MC_OK)
        err = mc_outbox_recover(m->ledger, resend, clock_of(m), &count, e);
    if (err == MC_OK)
        return mc_ledger_commit(m->ledger, e);
    mc_ledger_rollback(m->ledger, NULL);
    return err;
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
    open_lines(m);
    enum mc_err err = mc_sender_check(&settings->sender, e);
    if (err == MC_OK)
        err = check_channels(settings, e);
    if (err == MC_OK)
        err = mc_templates_open(&m->templates, settings->templates, e);
    if (err == MC_OK)
        err = check_courier(m, e);
    if (err == MC_OK)
        err = recover(m, e);
    if (err == MC_OK)
        make_composer(m);
    else
        mc_mailer_close(&m);
    *out = m;
    return err;
}

static void free_batch(struct mc_mailer *m) {
    for (size_t i = 0; i < m->batch_count; i++)
        mc_outgoing_free(&m->batch[i]);
    m->batch_count = 0;
}

void mc_mailer_close(struct mc_mailer **m) {
    if (*m == NULL)
        return;
    free_batch(*m);
    for (int i = 0; i < MC_CHANNELS; i++)
        mc_ready_free(&(*m)->lines[i].ready);
    mc_courier_close(&(*m)->courier);
    mc_link_key_clear(&(*m)->composer.key);
    mc_templates_close(&(*m)->templates);
    mc_free(*m);
    *m = NULL;
}

struct mc_wall mc_mailer_paused_until(const struct mc_mailer *m) {
    return m->lines[m->live].paused_until;
}

const struct mc_mailer_counts *mc_mailer_counts(const struct mc_mailer *m) {
    return &m->counts;
}

uint64_t mc_mailer_urls_left_out(const struct mc_mailer *m) {
    return m->composer.urls_left_out;
}

/* ---- what is ready, in memory ---- */

static struct line *line_of(struct mc_mailer *m, bool replayed) {
    struct line *line = &m->lines[replayed ? MC_CHANNEL_SPOOL : m->live];
    return line->open ? line : NULL;
}

/* A retry waits at most as long as the longest: else a clock that stepped back would hold it for as long as that. */
static bool remember(void *context, const struct mc_outbox_ready *row) {
    struct mc_mailer *m = context;
    struct line *line = line_of(m, row->replayed);
    int64_t latest_us = m->last_take.us + MC_RETRY_LONGEST_US;
    int64_t next_us = row->next_at.us < latest_us ? row->next_at.us : latest_us;
    struct mc_ready_entry entry = {.id = row->id,
                                   .due_us = row->due_at.us,
                                   .not_before_us = row->next_at.us == 0 ? INT64_MIN : next_us,
                                   .ageless = row->replayed};
    m->unservable += line == NULL;
    m->no_memory = line != NULL && !mc_ready_put(&line->ready, entry);
    return !m->no_memory;
}

static bool is_complete(const struct mc_mailer *m) {
    size_t known = m->unservable;
    for (int i = 0; i < MC_CHANNELS; i++)
        known += mc_ready_count(&m->lines[i].ready);
    return known == mc_outbox_count(m->ledger, MC_MESSAGE_CLAIMED) + mc_outbox_count(m->ledger, MC_MESSAGE_RETRY);
}

static void forget_ready(struct mc_mailer *m) {
    for (int i = 0; i < MC_CHANNELS; i++)
        mc_ready_clear(&m->lines[i].ready);
    m->unservable = 0;
    m->seen.us = MC_TIME_NONE_US;
}

/* Brings the memory up to what the ledger's counts say: by what was claimed since, and, should the counts still differ
 * (something was erased), by reading all anew. */
static enum mc_err refresh(struct mc_mailer *m, struct mc_error *e) {
    enum mc_err err = MC_OK;
    m->no_memory = false;
    for (int i = 0; i < 2 && err == MC_OK && !m->no_memory && !is_complete(m); i++) {
        if (i > 0)
            forget_ready(m);
        err = mc_outbox_ready_each(m->ledger, &m->seen, remember, m, e);
    }
    if (err == MC_OK && m->no_memory) {
        forget_ready(m);
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the messages that wait");
    }
    return err;
}

static enum mc_err withhold_old(struct mc_mailer *m, struct line *line, struct mc_wall now, struct mc_error *e) {
    int64_t ids[TOO_LATE_BATCH];
    enum mc_err err = MC_OK;
    if (m->settings.too_late_after_us <= 0)
        return MC_OK;
    size_t count = mc_ready_drop_old(&line->ready, now.us - m->settings.too_late_after_us, ids, TOO_LATE_BATCH);
    for (size_t i = 0; i < count && err == MC_OK; i++) {
        bool held;
        err = mc_outbox_too_late(m->ledger, ids[i], &held, e);
        m->counts.too_late += held;
        m->counts.withheld += held;
    }
    return err;
}

/* ---- how many may go ---- */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static enum mc_err load_rate(struct mc_mailer *m, struct mc_error *e) {
    struct mc_buf bytes = {0};
    enum mc_err err = mc_snapshot_get(m->ledger, RATE_SNAPSHOT, &bytes, e);
    if (err == MC_OK) {
        mc_rate_decode(&m->rate, mc_buf_view(&bytes));
        m->rate_loaded = true;
    }
    mc_buf_free(&bytes);
    return err;
}

static enum mc_err store_rate(struct mc_mailer *m, struct mc_error *e) {
    struct mc_buf bytes = {0};
    mc_rate_encode(&bytes, &m->rate);
    enum mc_err err = bytes.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory to note the rate of messages")
                                   : mc_snapshot_put(m->ledger, RATE_SNAPSHOT, mc_buf_view(&bytes), e);
    mc_buf_free(&bytes);
    return err;
}

/* A folder has no rate. */
static bool is_rated(const struct mc_mailer *m, enum mc_channel channel) {
    return m->settings.rate_per_minute > 0 && channel != MC_CHANNEL_SPOOL;
}

static size_t in_flight_left(const struct mc_mailer *m) {
    uint64_t max = m->settings.in_flight_max > 0 ? m->settings.in_flight_max : MC_IN_FLIGHT_DEFAULT;
    uint64_t flying = mc_outbox_count(m->ledger, MC_MESSAGE_SENDING);
    return flying < max ? (size_t)(max - flying) : 0;
}

/* After a pause one message goes; when it has been answered, the next, until one is accepted. */
static size_t pause_left(struct line *line, struct mc_wall now) {
    if (line->paused_until.us > now.us + line->pause_us)
        line->paused_until.us = now.us + line->pause_us; /* the clock stepped back */
    if (line->pause_us == 0)
        return SIZE_MAX;
    return now.us < line->paused_until.us || line->probe != 0 ? 0 : 1;
}

static enum mc_err room_of(struct mc_mailer *m, enum mc_channel channel, struct mc_wall now, size_t max, size_t *room,
                           struct mc_error *e) {
    enum mc_err err = MC_OK;
    *room = least(least(max, in_flight_left(m)), pause_left(&m->lines[channel], now));
    if (*room == 0 || !is_rated(m, channel))
        return MC_OK;
    if (!m->rate_loaded)
        err = load_rate(m, e);
    if (err == MC_OK)
        *room = least(*room, mc_rate_left(&m->rate, m->settings.rate_per_minute, now));
    return err;
}

/* ---- taking ---- */

static enum mc_err compose(struct mc_mailer *m, const struct mc_message *message, enum mc_channel channel,
                           struct mc_outgoing **out, struct mc_error *e) {
    struct mc_buf body = {0};
    enum mc_err err = channel == MC_CHANNEL_WEBHOOK ? mc_payload_compose(&m->composer, message, &body, e)
                                                    : mc_compose_mail(&m->composer, message, &body, e);
    if (err == MC_OK) {
        *out = mc_outgoing_new(mc_str_of(m->settings.sender.address), message->contact.subscriber.email,
                               mc_buf_view(&body));
        err = *out != NULL ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "no memory for a message");
    }
    mc_buf_free(&body);
    if (err != MC_OK)
        return err;
    (*out)->id = message->id;
    (*out)->channel = channel;
    memcpy((*out)->message_id, message->message_id, sizeof(*out)->message_id);
    (*out)->due_at = message->due_at;
    (*out)->attempts = message->attempts;
    (*out)->round = m->lines[channel].round;
    (*out)->replayed = message->replayed;
    return MC_OK;
}

static enum mc_err give_up(struct mc_mailer *m, int64_t id, const char *why, struct mc_error *e) {
    m->counts.given_up++;
    return mc_outbox_failed(m->ledger, id, mc_str_of(why), e);
}

/* A message that cannot be composed is given up, with the reason as its note; it must not stop the others. */
static enum mc_err load_and_compose(struct mc_mailer *m, int64_t id, enum mc_channel channel, struct mc_outgoing **out,
                                    struct mc_error *e) {
    struct mc_message message = {0};
    struct mc_error why = {0};
    bool found;
    enum mc_err err = mc_message_load(m->ledger, id, &found, &message, e);
    if (err == MC_OK && found) {
        err = compose(m, &message, channel, out, &why);
        if (err == MC_ERR_FORMAT || err == MC_ERR_LIMIT) {
            m->counts.not_composed++;
            err = give_up(m, id, why.text, e);
        } else if (err != MC_OK && e != NULL) {
            *e = why;
        }
    }
    mc_message_free(&message);
    return err;
}

/* *out stays NULL if the message is not to go after all. */
static enum mc_err take_one(struct mc_mailer *m, int64_t id, enum mc_channel channel, struct mc_outgoing **out,
                            struct mc_error *e) {
    bool go = false;
    *out = NULL;
    enum mc_err err = mc_outbox_begin_sending(m->ledger, id, channel == MC_CHANNEL_SPOOL, &go, e);
    if (err == MC_OK && go)
        return load_and_compose(m, id, channel, out, e);
    m->counts.withheld += err == MC_OK;
    return err;
}

static enum mc_err take_of_line(struct mc_mailer *m, enum mc_channel channel, struct mc_wall now,
                                struct mc_outgoing **list, size_t max, size_t *count, struct mc_error *e) {
    struct line *line = &m->lines[channel];
    struct mc_ready_entry entry;
    size_t room = 0, taken = 0;
    enum mc_err err = withhold_old(m, line, now, e);
    if (err == MC_OK && mc_ready_count(&line->ready) > 0)
        err = room_of(m, channel, now, max - *count, &room, e);
    while (err == MC_OK && taken < room && mc_ready_pop(&line->ready, now, &entry)) {
        err = take_one(m, entry.id, channel, &list[*count + taken], e);
        taken += err == MC_OK && list[*count + taken] != NULL;
    }
    *count += taken;
    if (taken > 0 && line->pause_us > 0)
        line->probe = list[*count - 1]->id;
    if (err == MC_OK && taken > 0 && is_rated(m, channel)) {
        mc_rate_note(&m->rate, now, (uint32_t)taken);
        err = store_rate(m, e);
    }
    return err;
}

enum mc_err mc_mailer_take(struct mc_mailer *m, struct mc_wall now, struct mc_outgoing **list, size_t max,
                           size_t *count, struct mc_error *e) {
    assert(mc_ledger_in_transaction(m->ledger));
    *count = 0;
    if (now.us < m->last_take.us - STEP_BACK_US)
        forget_ready(m);
    m->last_take = now;
    enum mc_err err = refresh(m, e);
    for (int i = 0; i < MC_CHANNELS && err == MC_OK; i++)
        if (m->lines[i].open)
            err = take_of_line(m, (enum mc_channel)i, now, list, max, count, e);
    if (err != MC_OK)
        while (*count > 0)
            mc_outgoing_free(&list[--*count]);
    return err;
}

void mc_mailer_abandoned(struct mc_mailer *m) {
    forget_ready(m);
    for (int i = 0; i < MC_CHANNELS; i++)
        m->lines[i].probe = 0;
    m->rate_loaded = false;
    mc_delays_forget(&m->delays);
}

/* ---- results ---- */

static int64_t backoff_us(int64_t first_us, int64_t longest_us, uint32_t step) {
    int64_t wait_us = first_us;
    for (uint32_t i = 1; i < step && wait_us < longest_us; i++)
        wait_us *= 2;
    return wait_us < longest_us ? wait_us : longest_us;
}

/* The message is ready again at `next`; without memory for that all is read anew. */
static void remember_again(struct mc_mailer *m, const struct mc_outgoing *o, struct mc_wall next) {
    struct mc_ready_entry entry = {
        .id = o->id, .due_us = o->due_at.us, .not_before_us = next.us, .ageless = o->replayed};
    if (!mc_ready_put(&m->lines[o->channel].ready, entry))
        forget_ready(m);
}

static enum mc_err settle_later(struct mc_mailer *m, const struct mc_outgoing *o, struct mc_wall *next,
                                struct mc_error *e) {
    int64_t wait_us = backoff_us(MC_RETRY_FIRST_US, MC_RETRY_LONGEST_US, o->attempts);
    if (o->answer.retry_after_us > wait_us)
        wait_us = backoff_us(o->answer.retry_after_us, MC_RETRY_LONGEST_US, 1);
    if (o->attempts >= MC_ATTEMPTS_MAX)
        return give_up(m, o->id, o->answer.text, e);
    next->us = o->answered_at.us + wait_us;
    return mc_outbox_retry(m->ledger, o->id, *next, mc_str_of(o->answer.text), e);
}

/* No attempt. DOWN waits for the shortest pause, NOT_TRIED, which nobody need have answered, not at all. */
static enum mc_err postpone(struct mc_mailer *m, const struct mc_outgoing *o, int64_t wait_us, struct mc_wall *next,
                            struct mc_error *e) {
    next->us = o->answered_at.us > 0 ? o->answered_at.us + wait_us : 1;
    return mc_outbox_postpone(m->ledger, o->id, *next, mc_str_of(o->answer.text), e);
}

/* *next stays 0 if the message is done with. */
static enum mc_err write_result(struct mc_mailer *m, const struct mc_outgoing *o, struct mc_wall *next,
                                struct mc_error *e) {
    struct mc_str note = mc_str_of(o->answer.text);
    switch (o->answer.outcome) {
    case MC_OUTCOME_ACCEPTED:
        return mc_outbox_sent(m->ledger, o->id, o->answered_at, note, e);
    case MC_OUTCOME_BOUNCED:
        return o->channel == MC_CHANNEL_WEBHOOK ? give_up(m, o->id, o->answer.text, e)
                                                : mc_outbox_bounced(m->ledger, o->id, o->answered_at, note, e);
    case MC_OUTCOME_UNKNOWN:
        return m->settings.resend_unknown ? settle_later(m, o, next, e)
                                          : mc_outbox_unknown(m->ledger, o->id, o->answered_at, note, e);
    case MC_OUTCOME_DOWN:
        return postpone(m, o, MC_PAUSE_FIRST_US, next, e);
    case MC_OUTCOME_NOT_TRIED:
        return postpone(m, o, 0, next, e);
    default:
        return settle_later(m, o, next, e);
    }
}

static void pause_or_go_on(struct line *line, const struct mc_outgoing *o) {
    enum mc_delivery_outcome outcome = o->answer.outcome;
    bool newest = o->round == line->round; /* taken since the last pause, if there was one */
    if (o->id == line->probe)
        line->probe = 0;
    if ((outcome == MC_OUTCOME_DOWN || outcome == MC_OUTCOME_REFUSED) && newest) {
        line->pause_us =
            line->pause_us > 0 ? backoff_us(line->pause_us * 2, MC_PAUSE_LONGEST_US, 1) : MC_PAUSE_FIRST_US;
        line->paused_until.us = o->answered_at.us + line->pause_us;
        line->down_at = o->answered_at;
        line->round++;
    } else if (outcome == MC_OUTCOME_ACCEPTED && (newest || o->answered_at.us > line->down_at.us)) {
        line->pause_us = 0;
        line->paused_until.us = 0;
        line->probe = 0;
    }
}

static void count_outcome(struct mc_mailer *m, const struct mc_outgoing *o) {
    if (o->channel == MC_CHANNEL_SPOOL && o->answer.outcome == MC_OUTCOME_ACCEPTED)
        m->counts.spooled++;
    else
        m->counts.outcomes[o->answer.outcome]++;
}

static enum mc_err settle_one(struct mc_mailer *m, const struct mc_outgoing *o, struct mc_error *e) {
    struct mc_wall next = {0};
    uint64_t before = mc_outbox_count(m->ledger, MC_MESSAGE_SENDING), given_up = m->counts.given_up;
    enum mc_err err = write_result(m, o, &next, e);
    if (err != MC_OK || mc_outbox_count(m->ledger, MC_MESSAGE_SENDING) == before) { /* it was settled already */
        m->counts.given_up = given_up;
        return err;
    }
    count_outcome(m, o);
    if (next.us != 0)
        remember_again(m, o, next);
    pause_or_go_on(&m->lines[o->channel], o);
    if (o->answer.outcome == MC_OUTCOME_ACCEPTED && !o->replayed)
        err = mc_delays_add(&m->delays, m->ledger, o->answered_at, o->answered_at.us - o->due_at.us, e);
    return err;
}

enum mc_err mc_mailer_settle(struct mc_mailer *m, struct mc_outgoing *const *list, size_t count, struct mc_error *e) {
    assert(mc_ledger_in_transaction(m->ledger));
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < count && err == MC_OK; i++)
        err = settle_one(m, list[i], e);
    return err == MC_OK ? mc_delays_store(&m->delays, m->ledger, e) : err;
}

/* ---- a run: take, hand over, settle, in one thread ---- */

/* Of what a server gets, one at a time: a killed process leaves one unknown. */
static size_t batch_max(const struct mc_mailer *m) {
    return m->live == MC_CHANNEL_SPOOL ? RUN_BATCH : 1;
}

/* One transaction: the results of the batch before, and the next batch. On an error nothing has happened, and the batch
 * before is still to be settled. */
static enum mc_err settle_and_take(struct mc_mailer *m, bool take, struct mc_outgoing **next, size_t *count,
                                   struct mc_error *e) {
    const struct mc_mailer_counts before = m->counts;
    *count = 0;
    enum mc_err err = mc_ledger_begin(m->ledger, e);
    if (err != MC_OK)
        return err;
    err = mc_mailer_settle(m, m->batch, m->batch_count, e);
    if (err == MC_OK && take)
        err = mc_mailer_take(m, clock_of(m), next, batch_max(m), count, e);
    if (err != MC_OK)
        mc_ledger_rollback(m->ledger, NULL);
    else
        err = mc_ledger_commit(m->ledger, e);
    if (err == MC_OK) {
        free_batch(m);
        return MC_OK;
    }
    mc_mailer_abandoned(m);
    m->counts = before;
    while (*count > 0)
        mc_outgoing_free(&next[--*count]);
    return err;
}

/* A folder that cannot be written is this machine's error, not a server that is down. */
static enum mc_err spool_error(const struct mc_mailer *m, struct mc_error *e) {
    for (size_t i = 0; i < m->batch_count; i++)
        if (m->batch[i]->channel == MC_CHANNEL_SPOOL && m->batch[i]->answer.outcome == MC_OUTCOME_DOWN)
            return mc_error_set(e, (enum mc_err)m->batch[i]->answer.code, "%s", m->batch[i]->answer.text);
    return MC_OK;
}

static enum mc_err run(struct mc_mailer *m, struct mc_error *e) {
    struct mc_outgoing *next[RUN_BATCH];
    enum mc_err err = MC_OK;
    size_t count;
    do {
        err = settle_and_take(m, true, next, &count, e);
        if (err != MC_OK || count == 0)
            return err;
        mc_courier_deliver(m->courier, next, count);
        memcpy(m->batch, next, count * sizeof *next);
        m->batch_count = count;
        err = spool_error(m, e);
    } while (err == MC_OK);
    return err;
}

static void add_counts(struct mc_mailer_counts *to, const struct mc_mailer_counts *before,
                       const struct mc_mailer_counts *after) {
    to->spooled += after->spooled - before->spooled;
    for (int i = 0; i < MC_OUTCOMES; i++)
        to->outcomes[i] += after->outcomes[i] - before->outcomes[i];
    to->withheld += after->withheld - before->withheld;
    to->too_late += after->too_late - before->too_late;
    to->given_up += after->given_up - before->given_up;
    to->not_composed += after->not_composed - before->not_composed;
}

enum mc_err mc_mailer_run(struct mc_mailer *m, struct mc_mailer_counts *counts, struct mc_error *e) {
    assert(!mc_ledger_in_transaction(m->ledger));
    const struct mc_mailer_counts before = m->counts;
    enum mc_err err = m->courier != NULL ? MC_OK : mc_courier_open(&m->courier, &m->settings, e);
    if (err == MC_OK)
        err = run(m, e);
    if (err != MC_OK && m->batch_count > 0) { /* what they took must be written down if it can be */
        size_t none;
        settle_and_take(m, false, NULL, &none, NULL);
    }
    add_counts(counts, &before, &m->counts);
    return err;
}

/* The ledger thread: rounds of "take what is durable, apply, settle, claim, commit", each one transaction. */
#include "app/service_parts.h"

#include "app/wiring.h"
#include "base/log.h"

enum { ROUND_EVENTS = 131072, POLL_MS = 250, VIEW_MS = 200, MAIL_LOOK_MS = 500 };

/* A checkpoint: after so many events, or so long after the first event behind the last one; and never so often that it
 * takes more than a tenth of the time. */
static const uint64_t CHECKPOINT_EVENTS = 1000000;
static const int64_t CHECKPOINT_NS = INT64_C(60) * 1000000000;
enum { STEP_BYTES = 4 << 20 }; /* of it in one transaction, so that nobody waits for the disk for long */
static const int64_t MS = 1000000;

/* From a commit to the next round: each costs an fsync, and the log's own fsyncs come first. */
static const int64_t REST_NS = 10000000;

static void pause_ms(int64_t ms) {
    struct timespec wait = {ms / 1000, ms % 1000 * MS};
    nanosleep(&wait, NULL);
}

/* ---- couriers ---- */

enum { SPOOLED_AT_ONCE = 64 }; /* with one flush */

static void *run_courier(void *argument) {
    struct mc_service *s = argument;
    struct mc_courier *courier = NULL;
    struct mc_error error = {0};
    struct mc_outgoing *list[SPOOLED_AT_ONCE];
    size_t count, max = s->config->mail.transport == MC_TRANSPORT_SPOOL ? SPOOLED_AT_ONCE : 1;
    if (mc_courier_open(&courier, &s->mailer_settings, &error) != MC_OK)
        mc_log(MC_LOG_ERROR, "courier_cannot_start", {"why", error.text, 0});
    while ((count = mc_fifo_take(&s->outgoing, (void **)list, max, INT64_MAX)) > 0) {
        if (courier != NULL)
            mc_courier_deliver(courier, list, count);
        else
            pause_ms(1000); /* they go back as not tried */
        for (size_t i = 0; i < count; i++)
            mc_fifo_push(&s->answered, list[i]);
        mc_fifo_poke(&s->log.committed);
    }
    mc_courier_close(&courier);
    return NULL;
}

static enum mc_err start_couriers(struct mc_service *s, struct mc_error *e) {
    enum mc_err err = mc_fifo_open(&s->outgoing, MC_TAKE_MAX * 4, e);
    if (err == MC_OK)
        err = mc_fifo_open(&s->answered, MC_TAKE_MAX * 4, e);
    atomic_store(&s->courier_stop, false);
    for (int64_t i = 0; i < s->config->mail.connections && err == MC_OK; i++)
        if (pthread_create(&s->couriers[s->courier_count], NULL, run_courier, s) == 0)
            s->courier_count++;
        else
            err = mc_error_set(e, MC_ERR_NOMEM, "no thread for the mail server");
    return err;
}

static void stop_couriers(struct mc_service *s) {
    atomic_store(&s->courier_stop, true);
    if (s->outgoing.items != NULL)
        mc_fifo_close(&s->outgoing);
    for (uint32_t i = 0; i < s->courier_count; i++)
        pthread_join(s->couriers[i], NULL);
    s->courier_count = 0;
}

/* Without the settings that a message needs the service runs all the same: messages wait, and it says why. */
static enum mc_err open_mailer(struct mc_service *s, struct mc_error *e) {
    struct mc_error why = {0};
    mc_config_templates(s->config, &s->templates);
    mc_config_mailer(s->config, mc_buf_cstr(&s->templates), &s->mailer_settings);
    s->mailer_settings.smtp.stop = &s->courier_stop;
    s->mailer_settings.webhook.stop = &s->courier_stop;
    enum mc_err err = mc_mailer_open(&s->mailer, s->ledger, &s->mailer_settings, &why);
    if (err == MC_OK)
        return start_couriers(s, e);
    if (err == MC_ERR_NOMEM || err == MC_ERR_FULL)
        return mc_error_set(e, err, "%s", why.text);
    mc_log(MC_LOG_WARNING, "messages_are_kept", {"why", why.text, 0});
    return MC_OK;
}

/* What was taken but not settled stays `sending`, for the next mailer to find. */
static void close_mailer(struct mc_service *s) {
    struct mc_outgoing *o;
    stop_couriers(s);
    for (size_t i = 0; i < s->unsettled_count; i++)
        mc_outgoing_free(&s->unsettled[i]);
    s->unsettled_count = 0;
    while (s->answered.items != NULL && mc_fifo_take(&s->answered, (void **)&o, 1, 0) == 1)
        mc_outgoing_free(&o);
    mc_fifo_free(&s->outgoing);
    mc_fifo_free(&s->answered);
    mc_mailer_close(&s->mailer);
}

/* ---- open, close ---- */

static enum mc_err set_policy(struct mc_service *s, struct mc_error *e) {
    struct mc_policy policy;
    mc_config_policy(s->config, &policy);
    policy.stale_by_clock = true;
    return mc_ledger_set_policy(s->ledger, &policy, e);
}

/* By a handle of its own: the log thread has the other. */
static enum mc_err open_live(struct mc_service *s, struct mc_error *e) {
    struct mc_inbox *inbox = NULL;
    uint64_t recovered = 0;
    int64_t from_ns = mc_monotonic_ns();
    struct mc_live_settings settings = {.rules = mc_config_rules(s->config),
                                        .currency = mc_str_of(s->started.store.currency)};
    enum mc_err err = set_policy(s, e);
    if (err == MC_OK)
        err = mc_inbox_open(&inbox, s->settings.store, e);
    if (err == MC_OK)
        err = mc_live_open(&s->live, s->ledger, inbox, &settings, &recovered, e);
    mc_inbox_close(&inbox);
    if (err == MC_OK && recovered > 0)
        mc_log(MC_LOG_INFO, "recovered", {"entries", NULL, (int64_t)recovered},
               {"position", NULL, mc_live_position(s->live)}, {"ms", NULL, (mc_monotonic_ns() - from_ns) / MS});
    return err;
}

enum mc_err mc_service_ledger_open(struct mc_service *s, struct mc_error *e) {
    enum mc_err err = open_live(s, e);
    if (err == MC_OK)
        err = open_mailer(s, e);
    s->checkpoint_at_ns = mc_monotonic_ns() + CHECKPOINT_NS;
    return err;
}

void mc_service_ledger_close(struct mc_service *s) {
    close_mailer(s);
    mc_live_close(&s->live);
}

/* ---- a round ---- */

static enum mc_err take_entry(struct mc_service *s, struct mc_committed *c, struct mc_error *e) {
    struct mc_logged logged = {.position = c->entry.position,
                               .kind = c->entry.kind,
                               .key = c->entry.key,
                               .arrived_at = c->entry.arrived_at,
                               .calls = &c->submission.calls,
                               .body = c->entry.body};
    return mc_live_take(s->live, &logged, e);
}

static enum mc_err ensure_begun(struct mc_service *s, struct mc_error *e) {
    return mc_ledger_in_transaction(s->ledger) ? MC_OK : mc_ledger_begin(s->ledger, e);
}

/* Answers that came; with those that a rollback left. */
static void gather_answers(struct mc_service *s) {
    s->unsettled_count +=
        mc_fifo_take(&s->answered, (void **)(s->unsettled + s->unsettled_count), MC_TAKE_MAX - s->unsettled_count, 0);
}

static enum mc_err do_mail(struct mc_service *s, struct mc_outgoing **taken, size_t *taken_count, struct mc_error *e) {
    int64_t now_ns = mc_monotonic_ns();
    *taken_count = 0;
    if (s->mailer == NULL)
        return MC_OK;
    gather_answers(s);
    if (s->unsettled_count == 0 && !mc_ledger_in_transaction(s->ledger) && now_ns < s->next_mail_ns)
        return MC_OK;
    s->next_mail_ns = now_ns + MAIL_LOOK_MS * MS;
    enum mc_err err = ensure_begun(s, e);
    if (err == MC_OK)
        err = mc_mailer_settle(s->mailer, s->unsettled, s->unsettled_count, e);
    if (err == MC_OK)
        err = mc_mailer_take(s->mailer, mc_wall_now(), taken, MC_TAKE_MAX, taken_count, e);
    return err;
}

static enum mc_err commit(struct mc_service *s, bool changed, struct mc_error *e) {
    if (!mc_ledger_in_transaction(s->ledger))
        return MC_OK;
    int64_t from_ns = mc_monotonic_ns();
    enum mc_err err = changed ? mc_live_commit(s->live, e) : mc_ledger_commit(s->ledger, e);
    s->mine.commits++;
    s->mine.commit_ns += mc_monotonic_ns() - from_ns;
    return err;
}

static void publish(struct mc_service *s) {
    size_t count;
    const struct mc_live_sale *sales = mc_live_sales(s->live, &count);
    int64_t now_us = mc_wall_now().us;
    for (size_t i = 0; i < count; i++) {
        mc_feed_add(mc_web_feed(s->web), &(struct mc_feed_sale){.product = sales[i].product,
                                                                .units = sales[i].units,
                                                                .revenue = sales[i].revenue,
                                                                .at = sales[i].at,
                                                                .arrived_at = sales[i].arrived_at});
        mc_histogram_add(&s->mine.sale_delay, now_us - sales[i].arrived_at.us);
    }
    mc_live_forget_sales(s->live);
    mc_feed_commit(mc_web_feed(s->web), mc_live_position(s->live));
}

/* The messages that were settled, after the commit. */
static void forget_answers(struct mc_service *s) {
    for (size_t i = 0; i < s->unsettled_count; i++) {
        const struct mc_outgoing *o = s->unsettled[i];
        if (o->answer.outcome == MC_OUTCOME_ACCEPTED && !o->replayed)
            mc_histogram_add(&s->mine.offer_delay, o->answered_at.us - o->due_at.us);
        mc_outgoing_free(&s->unsettled[i]);
    }
    s->unsettled_count = 0;
}

/* Gives all of the list back. */
static enum mc_err do_round(struct mc_service *s, struct mc_committed *const *list, size_t count, struct mc_error *e) {
    struct mc_outgoing *taken[MC_TAKE_MAX];
    size_t taken_count = 0;
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < count; i++) {
        if (err == MC_OK)
            err = take_entry(s, list[i], e);
        mc_log_give_back(&s->log, list[i]); /* if there is no commit, the log has it */
    }
    bool entries_wrote = mc_ledger_in_transaction(s->ledger);
    if (err == MC_OK)
        err = do_mail(s, taken, &taken_count, e);
    if (err == MC_OK)
        err = commit(s, entries_wrote || taken_count > 0 || s->unsettled_count > 0, e);
    if (err != MC_OK) {
        for (size_t i = 0; i < taken_count; i++)
            mc_outgoing_free(&taken[i]);
        return err;
    }
    forget_answers(s);
    for (size_t i = 0; i < taken_count; i++)
        if (!mc_fifo_push(&s->outgoing, taken[i]))
            mc_fifo_push(&s->answered, taken[i]); /* not tried: goes back */
    publish(s);
    return MC_OK;
}

/* ---- when the store fails: what is durable in the log is applied again when there is room ---- */

/* With the mailer and couriers, if a reload was what failed. */
static enum mc_err open_again(struct mc_service *s, struct mc_error *e) {
    if (s->courier_count > 0)
        return open_live(s, e);
    close_mailer(s);
    return mc_service_ledger_open(s, e);
}

static void recover(struct mc_service *s, const struct mc_error *error) {
    struct mc_error last = *error;
    atomic_store(&s->log.refusing, true);
    atomic_store(&s->ready, false);
    mc_log(MC_LOG_ERROR, "store_refuses", {"why", error->text, 0});
    for (enum mc_err err = error->code; err != MC_OK;) {
        mc_ledger_rollback(s->ledger, NULL);
        if (s->mailer != NULL)
            mc_mailer_abandoned(s->mailer);
        mc_live_close(&s->live);
        if (mc_fifo_is_closed(&s->log.committed)) {
            atomic_store(&s->failed, true);
            return; /* the service ends; the log has it all */
        }
        pause_ms(1000);
        err = open_again(s, &last);
    }
    s->mine.recoveries++;
    atomic_store(&s->log.refusing, false);
    atomic_store(&s->ready, true);
    mc_log(MC_LOG_INFO, "store_accepts_again", {"position", NULL, mc_live_position(s->live)});
}

/* ---- now and then ---- */

static bool is_checkpoint_due(const struct mc_service *s, int64_t now_ns) {
    uint64_t events = mc_live_events_since_checkpoint(s->live);
    bool due = events >= CHECKPOINT_EVENTS || (events > 0 && now_ns >= s->checkpoint_at_ns);
    return due && now_ns >= s->checkpoint_at_ns - CHECKPOINT_NS + 10 * s->mine.checkpoint_ns;
}

/* A step of it; `now`: all of it. */
static enum mc_err maybe_checkpoint(struct mc_service *s, bool now, struct mc_error *e) {
    int64_t from_ns = mc_monotonic_ns();
    bool done = now;
    if (!now && !mc_live_checkpoint_is_under_way(s->live) && !is_checkpoint_due(s, from_ns))
        return MC_OK;
    enum mc_err err = now ? mc_live_checkpoint(s->live, e) : mc_live_checkpoint_step(s->live, STEP_BYTES, &done, e);
    int64_t to_ns = mc_monotonic_ns();
    s->checkpoint_spent_ns += to_ns - from_ns;
    s->mine.commits++;
    if (err != MC_OK || !done)
        return err;
    s->mine.checkpoint_ns = s->checkpoint_spent_ns;
    s->checkpoint_spent_ns = 0;
    s->checkpoint_at_ns = to_ns + CHECKPOINT_NS;
    s->mine.checkpoints++;
    return MC_OK;
}

/* Once a second, and never more than a hundredth of the time. */
static void refresh_open_carts(struct mc_service *s, int64_t now_ns) {
    if (now_ns < s->next_carts_ns)
        return;
    s->mine.open_carts = mc_live_open_carts(s->live);
    int64_t took_ns = mc_monotonic_ns() - now_ns;
    s->next_carts_ns = now_ns + (100 * took_ns > 1000 * MS ? 100 * took_ns : 1000 * MS);
}

static void refresh_view(struct mc_service *s) {
    int64_t now_ns = mc_monotonic_ns();
    struct mc_error ignored;
    if (now_ns < s->next_view_ns || s->live == NULL)
        return;
    s->next_view_ns = now_ns + VIEW_MS * MS;
    s->mine.live = mc_live_look(s->live);
    s->mine.position = mc_live_position(s->live);
    atomic_store(&s->log.checkpointed, mc_live_checkpointed(s->live));
    refresh_open_carts(s, now_ns);
    mc_report_read(s->ledger, &s->mine.report, &ignored);
    pthread_mutex_lock(&s->view_lock);
    s->view = s->mine;
    pthread_mutex_unlock(&s->view_lock);
}

/* ---- the loop ---- */

/* How many of the entries one round takes. */
static size_t portion(struct mc_committed *const *list, size_t count) {
    uint64_t events = 0;
    size_t n = 0;
    while (n < count && events < ROUND_EVENTS)
        events += list[n]->entry.kind == MC_ENTRY_TICK ? 0 : list[n]->submission.calls.batch.event_count, n++;
    return n;
}

static void give_back(struct mc_service *s, struct mc_committed *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        mc_log_give_back(&s->log, list[i]);
}

static void work_off(struct mc_service *s, struct mc_committed *const *list, size_t count) {
    struct mc_error error = {0};
    size_t done = 0;
    do {
        size_t n = portion(list + done, count - done);
        if (s->live == NULL)
            give_back(s, list + done, n);
        else if (do_round(s, list + done, n, &error) != MC_OK)
            recover(s, &error);
        done += n;
    } while (done < count);
}

/* No courier is at work any more; all that they know and all that the engine knows is in the store. */
static enum mc_err write_down(struct mc_service *s, struct mc_error *e) {
    enum mc_err err = MC_OK;
    stop_couriers(s);
    if (s->mailer != NULL)
        gather_answers(s);
    while (s->unsettled_count > 0 && err == MC_OK) {
        err = ensure_begun(s, e);
        if (err == MC_OK)
            err = mc_mailer_settle(s->mailer, s->unsettled, s->unsettled_count, e);
        if (err == MC_OK)
            err = mc_live_commit(s->live, e);
        if (err == MC_OK) {
            forget_answers(s);
            gather_answers(s);
        }
    }
    return err == MC_OK ? maybe_checkpoint(s, true, e) : err;
}

static void end(struct mc_service *s) {
    struct mc_error error = {0};
    if (s->live == NULL || write_down(s, &error) == MC_OK)
        return;
    mc_log(MC_LOG_ERROR, "not_written_at_the_end", {"why", error.text, 0});
    mc_ledger_rollback(s->ledger, NULL);
}

/* New settings: everything is written down, closed and opened again by them. */
static enum mc_err reload(struct mc_service *s, struct mc_error *e) {
    struct mc_config config;
    struct mc_error why = {0};
    if (mc_config_open(&config, s->settings.config_path, s->settings.environment, &why) != MC_OK) {
        mc_log(MC_LOG_ERROR, "settings_not_read", {"why", why.text, 0});
        return MC_OK;
    }
    enum mc_err err = write_down(s, e);
    if (err != MC_OK) {
        mc_config_close(&config);
        return err;
    }
    mc_service_ledger_close(s);
    if (s->config != &s->started)
        mc_config_close(&s->reread);
    s->reread = config;
    s->config = &s->reread;
    err = mc_service_ledger_open(s, e);
    if (err == MC_OK)
        mc_log(MC_LOG_INFO, "settings_read", {"sections", "visit policy mail webhook", 0});
    return err;
}

static void rest_until(int64_t until_ns) {
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

void mc_service_ledger_run(struct mc_service *s) {
    struct mc_committed *list[MC_ROUND_ENTRIES];
    struct mc_error error = {0};
    for (;;) {
        int64_t begun_ns = mc_monotonic_ns();
        uint64_t commits = s->mine.commits;
        bool hurries = s->live != NULL && mc_live_checkpoint_is_under_way(s->live);
        size_t count = mc_fifo_take(&s->log.committed, (void **)list, MC_ROUND_ENTRIES,
                                    begun_ns + (hurries ? REST_NS : POLL_MS * MS));
        if (count == 0 && mc_fifo_is_over(&s->log.committed))
            break;
        work_off(s, list, count);
        enum mc_err err = s->live != NULL ? maybe_checkpoint(s, false, &error) : MC_OK;
        if (err == MC_OK && s->live != NULL && atomic_exchange(&s->reload, false))
            err = reload(s, &error);
        if (err != MC_OK)
            recover(s, &error);
        refresh_view(s);
        if (s->mine.commits > commits)
            rest_until(begun_ns + REST_NS);
    }
    end(s);
}

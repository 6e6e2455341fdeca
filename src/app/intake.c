#include "app/intake.h"

#include "base/log.h"
#include "base/mem.h"

enum {
    BATCH = 512,          /* entries of one append */
    KEPT_BYTES = 1 << 19, /* a submission's memory beyond this is not kept for the next */
    KEPT_EVENTS = 4096,
};

/* What the log thread waits for a ledger that is behind, before it goes on all the same. */
static const int64_t BEHIND_WAIT_NS = INT64_C(1000000000);

/* Free on the disk, before a tick alone may say that bodies fit again. */
static const uint64_t ROOM_BYTES = UINT64_C(64) << 20;
static const int64_t DROP_EVERY_NS = INT64_C(3600) * 1000000000;

/* Of one append: more waits for the next, so that nobody waits long for its fsync. */
static const uint64_t APPEND_BYTES = UINT64_C(8) << 20;

/* ---- the pool ---- */

/* What it has ever used of its arrays since they were made: what lies behind is no memory yet. */
static uint64_t memory_of(const struct mc_committed *c) {
    const struct mc_batch *b = &c->submission.calls.batch;
    uint64_t used = b->bytes.len + b->event_count * (sizeof *b->events + sizeof *b->event_rows);
    return used > c->kept ? used : c->kept;
}

/* The last one in is the first one out: few are ever large. */
static void put_free(struct mc_log *log, struct mc_committed *c) {
    c->kept = memory_of(c);
    pthread_mutex_lock(&log->lock);
    if (log->kept_bytes + c->kept > MC_INTAKE_KEPT_BYTES) {
        mc_calls_free(&c->submission.calls);
        c->kept = 0;
    }
    log->kept_bytes += c->kept;
    c->next = log->free;
    log->free = c;
    log->free_count++;
    pthread_mutex_unlock(&log->lock);
}

static struct mc_committed *get_free(struct mc_log *log) {
    pthread_mutex_lock(&log->lock);
    struct mc_committed *c = log->free;
    if (c != NULL) {
        log->free = c->next;
        log->free_count--;
        log->kept_bytes -= c->kept;
    }
    pthread_mutex_unlock(&log->lock);
    return c;
}

static struct mc_submission *acquire(void *context) {
    struct mc_log *log = context;
    if (atomic_load_explicit(&log->bytes_in_flight, memory_order_relaxed) >= MC_INTAKE_BYTES ||
        mc_fifo_is_closed(&log->queue))
        return NULL;
    struct mc_committed *c = get_free(log);
    return c != NULL ? &c->submission : NULL;
}

static void slim(struct mc_committed *c) {
    struct mc_batch *b = &c->submission.calls.batch;
    if (b->bytes.cap <= KEPT_BYTES && b->event_cap <= KEPT_EVENTS)
        return;
    mc_calls_free(&c->submission.calls);
    c->kept = 0;
}

static void release(void *context, struct mc_submission *s) {
    struct mc_committed *c = (struct mc_committed *)s;
    slim(c);
    put_free(context, c);
}

void mc_log_give_back(struct mc_log *log, struct mc_committed *c) {
    uint64_t left = atomic_fetch_sub(&log->bytes_behind, c->bytes) - c->bytes;
    atomic_fetch_sub(&log->bytes_in_flight, c->bytes);
    if (c->entry.kind == MC_ENTRY_TICK)
        atomic_fetch_sub(&log->ticks_in_flight, 1);
    release(log, &c->submission);
    if (left >= MC_INTAKE_BEHIND_BYTES || !atomic_load(&log->waits))
        return;
    pthread_mutex_lock(&log->lock);
    pthread_cond_signal(&log->eased);
    pthread_mutex_unlock(&log->lock);
}

static struct mc_str body_of(const struct mc_submission *s) {
    bool decoded = s->kind == MC_ENTRY_NATIVE || s->kind == MC_ENTRY_SEGMENT;
    return decoded ? (struct mc_str){s->calls.batch.bytes.data, s->calls.batch.raw_len} : s->body;
}

static void fill_entry(struct mc_committed *c) {
    const struct mc_submission *s = &c->submission;
    c->entry = (struct mc_entry){
        .kind = s->kind, .persons = s->persons, .key = s->key, .arrived_at = s->arrived_at, .body = body_of(s)};
    c->bytes = c->entry.body.len + MC_INTAKE_OVERHEAD;
}

static void submit(void *context, struct mc_submission *s) {
    struct mc_log *log = context;
    struct mc_committed *c = (struct mc_committed *)s;
    void (*done)(void *, enum mc_err) = s->done;
    void *done_context = s->context;
    fill_entry(c);
    if (atomic_load(&log->refusing)) {
        atomic_fetch_add(&log->refused, 1);
        release(log, s);
        done(done_context, MC_ERR_FULL);
        return;
    }
    atomic_fetch_add(&log->bytes_in_flight, c->bytes);
    if (mc_fifo_push(&log->queue, c))
        return;
    atomic_fetch_sub(&log->bytes_in_flight, c->bytes); /* closed: the service ends */
    release(log, s);
    done(done_context, MC_ERR_BUSY);
}

struct mc_intake mc_log_intake(struct mc_log *log) {
    return (struct mc_intake){.context = log, .acquire = acquire, .submit = submit, .release = release};
}

enum mc_err mc_log_open(struct mc_log *log, struct mc_inbox *inbox, struct mc_error *e) {
    *log = (struct mc_log){.inbox = inbox};
    atomic_init(&log->last, mc_inbox_last(inbox));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->eased, &attributes);
    pthread_cond_init(&log->settle, NULL);
    pthread_condattr_destroy(&attributes);
    enum mc_err err = mc_fifo_open(&log->queue, MC_INTAKE_SUBMISSIONS, e);
    if (err == MC_OK)
        err = mc_fifo_open(&log->committed, MC_INTAKE_SUBMISSIONS, e);
    log->all = err == MC_OK ? mc_calloc(MC_INTAKE_SUBMISSIONS, sizeof *log->all) : NULL;
    if (err == MC_OK && log->all == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the intake");
    for (size_t i = 0; err == MC_OK && i < MC_INTAKE_SUBMISSIONS; i++)
        put_free(log, &log->all[i]);
    if (err != MC_OK)
        mc_log_close(log);
    return err;
}

void mc_log_close(struct mc_log *log) {
    for (size_t i = 0; log->all != NULL && i < MC_INTAKE_SUBMISSIONS; i++)
        mc_calls_free(&log->all[i].submission.calls);
    mc_free(log->all);
    mc_fifo_free(&log->queue);
    mc_fifo_free(&log->committed);
    pthread_cond_destroy(&log->settle);
    pthread_cond_destroy(&log->eased);
    pthread_mutex_destroy(&log->lock);
    log->all = NULL;
}

void mc_log_stop(struct mc_log *log) {
    mc_fifo_close(&log->queue);
}

/* ---- the log thread ---- */

/* NULL: none is due, or the ledger is behind. */
static struct mc_committed *make_tick(struct mc_log *log, struct mc_wall now, struct mc_wall *next) {
    if (now.us < next->us && now.us >= next->us - MC_TICK_US) /* further behind: the machine's clock was set back */
        return NULL;
    next->us = now.us - now.us % MC_TICK_US + MC_TICK_US;
    if (atomic_load(&log->refusing) || atomic_load(&log->ticks_in_flight) >= MC_INTAKE_TICKS)
        return NULL;
    struct mc_committed *c = get_free(log);
    if (c == NULL)
        return NULL;
    c->submission.kind = MC_ENTRY_TICK;
    c->submission.persons = false;
    c->submission.key = 0;
    c->submission.arrived_at = now;
    c->submission.body = (struct mc_str){"", 0};
    c->submission.done = NULL;
    fill_entry(c);
    atomic_fetch_add(&log->bytes_in_flight, c->bytes);
    atomic_fetch_add(&log->ticks_in_flight, 1);
    return c;
}

/* A tick may fit where no body does: it does not say that there is room again. */
static void note(struct mc_log *log, enum mc_err err, uint64_t bytes, const struct mc_error *error) {
    bool was_full = atomic_load(&log->is_full);
    bool is_full = err != MC_OK || (was_full && bytes == 0 && mc_inbox_room(log->inbox) < ROOM_BYTES);
    atomic_store(&log->is_full, is_full);
    if (is_full && !was_full)
        mc_log(MC_LOG_ERROR, "log_refuses", {"why", error->text, 0});
    else if (!is_full && was_full)
        mc_log(MC_LOG_INFO, "log_accepts_again", {"position", NULL, mc_inbox_last(log->inbox)});
}

static void append(struct mc_log *log, struct mc_committed *const *list, size_t count) {
    struct mc_entry *entries[BATCH + 1];
    struct mc_error error = {0};
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        entries[i] = &list[i]->entry;
        bytes += list[i]->entry.body.len;
    }
    int64_t from_ns = mc_monotonic_ns();
    enum mc_err err = mc_inbox_append(log->inbox, entries, count, &error);
    atomic_fetch_add(&log->append_ns, mc_monotonic_ns() - from_ns);
    note(log, err, bytes, &error);
    if (err == MC_OK) {
        atomic_store(&log->last, mc_inbox_last(log->inbox));
        atomic_fetch_add(&log->appends, 1);
        atomic_fetch_add(&log->entries, count);
        atomic_fetch_add(&log->bytes, bytes);
    } else {
        atomic_fetch_add(&log->refused, count);
    }
    for (size_t i = 0; i < count; i++) {
        struct mc_submission *s = &list[i]->submission;
        if (s->done != NULL)
            s->done(s->context, err);
        atomic_fetch_add(&log->bytes_behind, list[i]->bytes);
        if (err != MC_OK || !mc_fifo_push(&log->committed, list[i]))
            mc_log_give_back(log, list[i]);
    }
}

/* Not when the store refuses: then the ledger does nothing for long, and those who wait are to be told. */
static bool ledger_is_behind(const struct mc_log *log) {
    return atomic_load(&log->bytes_behind) >= MC_INTAKE_BEHIND_BYTES && !atomic_load(&log->refusing);
}

static void wait_for_ledger(struct mc_log *log) {
    int64_t until_ns = mc_monotonic_ns() + BEHIND_WAIT_NS;
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    if (!ledger_is_behind(log))
        return;
    pthread_mutex_lock(&log->lock);
    atomic_store(&log->waits, true);
    while (ledger_is_behind(log) && pthread_cond_timedwait(&log->eased, &log->lock, &until) == 0)
        ;
    atomic_store(&log->waits, false);
    pthread_mutex_unlock(&log->lock);
}

/* How many of the list fit one append. */
static size_t portion(struct mc_committed *const *list, size_t count) {
    uint64_t bytes = 0;
    size_t n = 0;
    while (n < count && (n == 0 || bytes + list[n]->bytes <= APPEND_BYTES))
        bytes += list[n++]->bytes;
    return n;
}

/* What inbox.keep says: hourly. */
static void drop_old(struct mc_log *log, int64_t *next_ns) {
    struct mc_error error = {0};
    int64_t now_ns = mc_monotonic_ns();
    if (log->keep_us == 0 || now_ns < *next_ns)
        return;
    *next_ns = now_ns + DROP_EVERY_NS;
    struct mc_wall before = {mc_wall_now().us - log->keep_us};
    if (mc_inbox_drop(log->inbox, atomic_load(&log->checkpointed), before, &error) != MC_OK)
        mc_log(MC_LOG_WARNING, "log_not_dropped", {"why", error.text, 0});
}

/* ---- settling ---- */

static void say_unsettled(enum mc_err err, const struct mc_error *error) {
    if (err != MC_OK)
        mc_log(MC_LOG_ERROR, "log_not_settled", {"why", error->text, 0});
}

static void *run_settling(void *argument) {
    struct mc_log *log = argument;
    struct mc_error error = {0};
    pthread_mutex_lock(&log->lock);
    while (!log->is_over) {
        if (!log->settling || atomic_load(&log->settled)) {
            pthread_cond_wait(&log->settle, &log->lock);
            continue;
        }
        pthread_mutex_unlock(&log->lock);
        say_unsettled(mc_inbox_settle_beside(log->inbox, &error), &error);
        atomic_store(&log->settled, true);
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

/* Asks for settling when it is time, and when it was done does the rest of it, which is short. */
static void keep_settled(struct mc_log *log, bool has_thread) {
    struct mc_error error = {0};
    if (log->settling && !atomic_load(&log->settled) && has_thread)
        return;
    if (log->settling)
        say_unsettled(mc_inbox_settle(log->inbox, &error), &error);
    pthread_mutex_lock(&log->lock);
    log->settling = mc_inbox_is_unsettled(log->inbox);
    atomic_store(&log->settled, false);
    if (log->settling)
        pthread_cond_signal(&log->settle);
    pthread_mutex_unlock(&log->lock);
}

static void end_settling(struct mc_log *log, pthread_t thread) {
    pthread_mutex_lock(&log->lock);
    log->is_over = true;
    pthread_cond_signal(&log->settle);
    pthread_mutex_unlock(&log->lock);
    pthread_join(thread, NULL);
}

/* ---- the loop ---- */

void mc_log_run(struct mc_log *log) {
    struct mc_committed *list[BATCH + 1];
    struct mc_wall next_tick = {0};
    int64_t next_drop_ns = 0;
    pthread_t settling;
    bool has_thread = pthread_create(&settling, NULL, run_settling, log) == 0;
    for (;;) {
        drop_old(log, &next_drop_ns);
        struct mc_wall now = mc_wall_now();
        int64_t wait_ns = (next_tick.us > now.us ? next_tick.us - now.us : 0) * 1000;
        size_t count = mc_fifo_take(&log->queue, (void **)list, BATCH,
                                    mc_monotonic_ns() + (wait_ns < 250000000 ? wait_ns : 250000000));
        if (count == 0 && mc_fifo_is_over(&log->queue))
            break;
        struct mc_committed *tick = make_tick(log, mc_wall_now(), &next_tick); /* behind what arrived before it */
        if (tick != NULL)
            list[count++] = tick;
        for (size_t done = 0; done < count;) {
            size_t n = portion(list + done, count - done);
            wait_for_ledger(log);
            append(log, list + done, n);
            done += n;
        }
        if (log->settling || mc_inbox_is_unsettled(log->inbox))
            keep_settled(log, has_thread);
    }
    if (has_thread)
        end_settling(log, settling);
    mc_fifo_close(&log->committed);
}

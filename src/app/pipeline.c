#include "app/pipeline.h"

#include "base/mem.h"
#include <assert.h>
#include <pthread.h>
#include <time.h>

const char *const mc_stage_names[MC_STAGES] = {"read", "decode", "stamp", "apply", "emit"};

/* A batch and what belongs to it on its way. Which steps it has done is told by the pipeline's counters. */
struct slot {
    struct mc_batch batch;
    const struct mc_layout *layout;
    bool last, checkpoint;
    bool decoded;               /* decoding ends in any order */
    uint32_t applied;           /* partitions that are done with it */
    struct mc_time clock;       /* after its events */
    struct mc_endings *endings; /* one a partition */
    uint32_t **index;           /* one a partition: its events; NULL with a single partition */
    uint32_t *index_count;
    uint32_t index_cap;
};

/* Batches are numbered in the order of the log; each counter is the next number that its step will take. */
struct mc_pipeline {
    struct mc_pipeline_options options;
    struct slot *slots;
    uint32_t slot_count;
    struct mc_partitions engine;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    uint32_t threads_begun;   /* numbers them */
    uint32_t idle;            /* threads that wait for `changed` */
    uint64_t next[MC_STAGES]; /* of APPLY: not used */
    uint64_t next_apply[MC_PARTITIONS_MAX];
    bool busy[MC_STAGES]; /* serial steps */
    bool busy_apply[MC_PARTITIONS_MAX];
    bool ended; /* nothing more is to be read */
    bool failed;
    struct mc_error error;
    int64_t stage_ns[MC_STAGES];
};

/* What a thread was given to do. */
struct task {
    enum mc_stage stage;
    uint64_t number;
    uint32_t partition; /* of APPLY */
};

/* What is read ahead while a thread that others wait for has lost its core: some milliseconds' worth. Undisturbed, the
 * latest step goes first and only a few slots are in use. */
enum { SPARE_SLOTS = 16 };

/* ---- open, close ---- */

static bool open_slot(struct slot *s, const struct mc_pipeline_options *o) {
    s->endings = mc_calloc(o->partitions, sizeof *s->endings);
    s->index = mc_calloc(o->partitions, sizeof *s->index);
    s->index_count = mc_calloc(o->partitions, sizeof *s->index_count);
    for (uint32_t i = 0; s->endings != NULL && i < o->partitions; i++)
        s->endings[i].lines = !o->with_ledger;
    return s->endings != NULL && s->index != NULL && s->index_count != NULL;
}

static void close_slot(struct slot *s, uint32_t partitions) {
    for (uint32_t i = 0; i < partitions; i++) {
        if (s->endings != NULL)
            mc_endings_free(&s->endings[i]);
        if (s->index != NULL)
            mc_free(s->index[i]);
    }
    mc_free(s->endings);
    mc_free(s->index);
    mc_free(s->index_count);
    mc_batch_free(&s->batch);
}

static enum mc_err open_slots(struct mc_pipeline *p, struct mc_error *e) {
    p->slot_count = p->options.threads == 1 ? 1 : 2 * p->options.threads + SPARE_SLOTS;
    p->slots = mc_calloc(p->slot_count, sizeof *p->slots);
    for (uint32_t i = 0; i < p->slot_count; i++)
        if (p->slots == NULL || !open_slot(&p->slots[i], &p->options))
            return mc_error_set(e, MC_ERR_NOMEM, "no memory for batches");
    return MC_OK;
}

enum mc_err mc_pipeline_open(struct mc_pipeline **out, const struct mc_pipeline_options *options, struct mc_error *e) {
    assert(options->threads >= 1 && options->threads <= MC_PIPELINE_THREADS_MAX);
    assert(options->partitions >= 1 && options->partitions <= MC_PARTITIONS_MAX);
    struct mc_pipeline *p = mc_calloc(1, sizeof *p);
    *out = NULL;
    if (p == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the engine");
    p->options = *options;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    enum mc_err err = mc_partitions_open(&p->engine, options->partitions, &options->rules, options->with_ledger, e);
    if (err == MC_OK)
        err = open_slots(p, e);
    if (err != MC_OK)
        mc_pipeline_close(&p);
    *out = p;
    return err;
}

void mc_pipeline_close(struct mc_pipeline **pipeline) {
    struct mc_pipeline *p = *pipeline;
    if (p == NULL)
        return;
    mc_partitions_close(&p->engine);
    for (uint32_t i = 0; p->slots != NULL && i < p->slot_count; i++)
        close_slot(&p->slots[i], p->options.partitions);
    mc_free(p->slots);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    mc_free(p);
    *pipeline = NULL;
}

/* ---- the steps ---- */

static struct slot *slot_of(struct mc_pipeline *p, uint64_t number) {
    return &p->slots[number % p->slot_count];
}

/* `more` false: the batch is empty and there will be no other. */
static enum mc_err do_read(struct mc_pipeline *p, uint64_t number, bool *more, struct mc_error *e) {
    struct slot *s = slot_of(p, number);
    s->decoded = false;
    s->applied = 0;
    s->checkpoint = p->options.checkpoint_every > 0 && (number + 1) % p->options.checkpoint_every == 0;
    mc_batch_reset(&s->batch);
    return p->options.read(p->options.context, &s->batch, &s->layout, &s->last, more, e);
}

static enum mc_err do_decode(struct mc_pipeline *p, struct slot *s, struct mc_error *e) {
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, s->layout, p->options.currency);
    return mc_csv_decode(&decoder, &s->batch, s->last, e);
}

static bool reserve_index(struct slot *s, uint32_t partitions) {
    if (partitions == 1 || s->index_cap >= s->batch.event_count)
        return true;
    for (uint32_t i = 0; i < partitions; i++) {
        mc_free(s->index[i]);
        s->index[i] = mc_malloc(s->batch.event_cap * sizeof(uint32_t));
        if (s->index[i] == NULL)
            return false;
    }
    s->index_cap = s->batch.event_cap;
    return true;
}

/* Stamps the clock, and lists each partition's events. */
static enum mc_err do_stamp(struct mc_pipeline *p, struct slot *s, struct mc_error *e) {
    uint32_t partitions = p->options.partitions;
    if (!reserve_index(s, partitions))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for batches");
    memset(s->index_count, 0, partitions * sizeof *s->index_count);
    p->options.number(p->options.context, &s->batch);
    for (uint32_t i = 0; i < s->batch.event_count; i++) {
        struct mc_event *ev = &s->batch.events[i];
        mc_clock_stamp(&p->engine.clock, ev->time, mc_slice_str(s->batch.bytes.data, ev->user));
        ev->clock = p->engine.clock.now;
        if (partitions > 1) {
            uint32_t at = mc_partitions_of(&p->engine, ev->user_hash);
            s->index[at][s->index_count[at]++] = i;
        }
    }
    s->clock = p->engine.clock.now;
    return MC_OK;
}

static enum mc_err do_apply(struct mc_pipeline *p, struct slot *s, uint32_t partition, struct mc_error *e) {
    bool single = p->options.partitions == 1;
    return mc_partitions_apply(&p->engine, partition, &s->batch, single ? NULL : s->index[partition],
                               single ? s->batch.event_count : s->index_count[partition], s->clock,
                               &s->endings[partition], e);
}

static enum mc_err do_emit(struct mc_pipeline *p, struct slot *s, struct mc_error *e) {
    for (uint32_t i = 0; i < p->options.partitions; i++)
        mc_endings_settle(&s->endings[i]);
    struct mc_emission emission = {.batch = &s->batch,
                                   .ends_source = s->last,
                                   .endings = s->endings,
                                   .partitions = p->options.partitions,
                                   .clock = s->clock,
                                   .checkpoint = s->checkpoint};
    return p->options.emit(p->options.context, &emission, e);
}

/* ---- who does what: all under the lock ---- */

/* Batches behind a checkpoint wait for it before they touch clock and partitions. */
static bool is_held(const struct mc_pipeline *p, uint64_t number) {
    uint32_t every = p->options.checkpoint_every;
    return every > 0 && p->next[MC_STAGE_EMIT] < number / every * every;
}

/* Each thread begins its search elsewhere, so that a partition tends to stay with a core and its caches. */
static bool ready_apply(const struct mc_pipeline *p, uint32_t thread, struct task *t) {
    for (uint32_t n = 0; n < p->options.partitions; n++) {
        uint32_t i = (thread + n) % p->options.partitions;
        if (p->busy_apply[i] || p->next_apply[i] >= p->next[MC_STAGE_STAMP])
            continue;
        *t = (struct task){MC_STAGE_APPLY, p->next_apply[i], i};
        return true;
    }
    return false;
}

static bool ready(struct mc_pipeline *p, enum mc_stage stage) {
    uint64_t number = p->next[stage];
    switch (stage) {
    case MC_STAGE_EMIT:
        return !p->busy[stage] && number < p->next[MC_STAGE_STAMP] &&
               slot_of(p, number)->applied == p->options.partitions;
    case MC_STAGE_STAMP:
        return !p->busy[stage] && number < p->next[MC_STAGE_DECODE] && slot_of(p, number)->decoded &&
               !is_held(p, number);
    case MC_STAGE_DECODE:
        return number < p->next[MC_STAGE_READ];
    default:
        return !p->busy[stage] && !p->ended && number < p->next[MC_STAGE_EMIT] + p->slot_count;
    }
}

/* The latest step first: batches leave soon, and while they are in the cache. */
static bool pick(struct mc_pipeline *p, uint32_t thread, struct task *t) {
    static const enum mc_stage order[] = {MC_STAGE_EMIT, MC_STAGE_APPLY, MC_STAGE_STAMP, MC_STAGE_DECODE,
                                          MC_STAGE_READ};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (order[i] == MC_STAGE_APPLY) {
            if (ready_apply(p, thread, t))
                return true;
        } else if (ready(p, order[i])) {
            *t = (struct task){order[i], p->next[order[i]], 0};
            return true;
        }
    }
    return false;
}

static void begin(struct mc_pipeline *p, const struct task *t) {
    if (t->stage == MC_STAGE_APPLY)
        p->busy_apply[t->partition] = true;
    else if (t->stage == MC_STAGE_DECODE)
        p->next[MC_STAGE_DECODE]++; /* others may decode the next ones meanwhile */
    else
        p->busy[t->stage] = true;
}

static void finish(struct mc_pipeline *p, const struct task *t, bool more) {
    struct slot *s = slot_of(p, t->number);
    switch (t->stage) {
    case MC_STAGE_APPLY:
        p->busy_apply[t->partition] = false;
        p->next_apply[t->partition]++;
        s->applied++;
        break;
    case MC_STAGE_DECODE:
        s->decoded = true;
        break;
    case MC_STAGE_READ:
        p->ended |= !more;
        p->next[t->stage] += more;
        p->busy[t->stage] = false;
        break;
    default:
        p->next[t->stage]++;
        p->busy[t->stage] = false;
    }
}

static bool is_over(const struct mc_pipeline *p) {
    return p->failed || (p->ended && !p->busy[MC_STAGE_READ] && p->next[MC_STAGE_EMIT] == p->next[MC_STAGE_READ]);
}

static int64_t thread_cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum mc_err perform(struct mc_pipeline *p, const struct task *t, bool *more, struct mc_error *e) {
    struct slot *s = slot_of(p, t->number);
    switch (t->stage) {
    case MC_STAGE_READ:
        return do_read(p, t->number, more, e);
    case MC_STAGE_DECODE:
        return do_decode(p, s, e);
    case MC_STAGE_STAMP:
        return do_stamp(p, s, e);
    case MC_STAGE_APPLY:
        return do_apply(p, s, t->partition, e);
    default:
        return do_emit(p, s, e);
    }
}

/* Waking costs more than a short step: one thread is woken, and only when there is something for it. It will see in
 * turn whether there is more. */
static void wake_for_rest(struct mc_pipeline *p, uint32_t thread) {
    struct task rest;
    if (p->idle > 0 && pick(p, thread, &rest))
        pthread_cond_signal(&p->changed);
}

static void wait_for_change(struct mc_pipeline *p) {
    p->idle++;
    pthread_cond_wait(&p->changed, &p->lock);
    p->idle--;
}

static void note_failure(struct mc_pipeline *p, const struct mc_error *error) {
    if (p->failed)
        return;
    p->failed = true;
    p->error = *error;
}

static void *work(void *argument) {
    struct mc_pipeline *p = argument;
    struct task t;
    int64_t since_ns = thread_cpu_ns(); /* reading it is a system call: once a step */
    pthread_mutex_lock(&p->lock);
    uint32_t thread = p->threads_begun++;
    while (!is_over(p)) {
        if (!pick(p, thread, &t)) {
            wait_for_change(p);
            continue;
        }
        begin(p, &t);
        wake_for_rest(p, thread);
        pthread_mutex_unlock(&p->lock);
        bool more = false;
        struct mc_error error = {0};
        enum mc_err err = perform(p, &t, &more, &error);
        int64_t now_ns = thread_cpu_ns();
        pthread_mutex_lock(&p->lock);
        p->stage_ns[t.stage] += now_ns - since_ns;
        since_ns = now_ns;
        if (err != MC_OK)
            note_failure(p, &error);
        finish(p, &t, more);
    }
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- run ---- */

static enum mc_err end_log(struct mc_pipeline *p, struct mc_error *e) {
    struct mc_emission emission = {.endings = p->slots[0].endings,
                                   .partitions = p->options.partitions,
                                   .clock = p->engine.clock.now,
                                   .checkpoint = true};
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i < p->options.partitions && err == MC_OK; i++)
        err = mc_partitions_finish(&p->engine, i, &emission.endings[i], e);
    return err == MC_OK ? p->options.emit(p->options.context, &emission, e) : err;
}

enum mc_err mc_pipeline_run(struct mc_pipeline *p, struct mc_error *e) {
    pthread_t threads[MC_PIPELINE_THREADS_MAX];
    uint32_t started = 0;
    while (started + 1 < p->options.threads && pthread_create(&threads[started], NULL, work, p) == 0)
        started++; /* fewer threads than wanted do the same work */
    work(p);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (!p->failed)
        return end_log(p, e);
    if (e != NULL)
        *e = p->error;
    return p->error.code;
}

/* ---- what is left of it ---- */

struct mc_partitions *mc_pipeline_engine(struct mc_pipeline *p) {
    return &p->engine;
}

void mc_pipeline_stage_ns(const struct mc_pipeline *p, int64_t ns[MC_STAGES]) {
    memcpy(ns, p->stage_ns, sizeof p->stage_ns);
}

uint64_t mc_pipeline_memory(const struct mc_pipeline *p) {
    return (uint64_t)p->slot_count * MC_PIPELINE_SLOT_BYTES + mc_partitions_measure(&p->engine).held_bytes;
}

/* An intake that keeps in memory what is submitted, as lines of JSON, and says `done` from a thread of its own.
 *
 * A test may hold it (nothing is done until it is let go) and choose the error that `done` gives. Included by tests of
 * the collector. */
#ifndef MC_TEST_SOURCE_FAKE_INTAKE_H
#define MC_TEST_SOURCE_FAKE_INTAKE_H

#include "base/mem.h"
#include "source/intake.h"
#include <assert.h>
#include <pthread.h>

enum { FAKE_SUBMISSIONS = 32 };

struct fake_intake {
    struct mc_submission all[FAKE_SUBMISSIONS];
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct mc_submission *idle[FAKE_SUBMISSIONS], *queue[FAKE_SUBMISSIONS];
    size_t idle_count, queued, allowed; /* allowed: of the pool, for acquire */
    bool held, ending;
    enum mc_err result;
    size_t submitted;    /* since open */
    struct mc_buf lines; /* of what is durable */
    void (*each)(const char *lines, size_t len);
    pthread_t thread;
};

static inline void fake_put(struct mc_buf *out, const char *name, struct mc_str value) {
    if (value.len == 0)
        return;
    mc_buf_printf(out, ",\"%s\":", name);
    mc_buf_json(out, value);
}

static inline void fake_put_event(struct mc_buf *out, const char *bytes, const struct mc_event *ev) {
    mc_buf_printf(out, "{\"event_type\":\"%s\",\"event_time\":\"", mc_event_type_names[ev->type]);
    mc_buf_time(out, ev->time.us);
    mc_buf_char(out, '"');
    fake_put(out, "user_id", mc_slice_str(bytes, ev->user));
    fake_put(out, "user_session", mc_slice_str(bytes, ev->session));
    fake_put(out, "product_id", mc_slice_str(bytes, ev->product));
    if (ev->price != MC_PRICE_NONE)
        mc_buf_printf(out, ",\"price_minor\":%lld", (long long)ev->price);
    mc_buf_printf(out, ",\"quantity\":%d", (int)ev->quantity);
    fake_put(out, "category_code", mc_slice_str(bytes, ev->category_code));
    fake_put(out, "brand", mc_slice_str(bytes, ev->brand));
    fake_put(out, "order_id", mc_slice_str(bytes, ev->order_id));
    fake_put(out, "message_id", mc_slice_str(bytes, ev->message_id));
    mc_buf_text(out, "}\n");
}

static inline void fake_put_person(struct mc_buf *out, const char *bytes, const struct mc_person_call *p) {
    mc_buf_printf(out, "{\"event_type\":\"%s\"", p->is_alias ? "alias" : "identify");
    fake_put(out, "user_id", mc_slice_str(bytes, p->user));
    fake_put(out, "other_id", mc_slice_str(bytes, p->other));
    fake_put(out, "email", mc_slice_str(bytes, p->email));
    fake_put(out, "first_name", mc_slice_str(bytes, p->first_name));
    if (p->consent != 0)
        mc_buf_printf(out, ",\"consent\":\"%s\"", p->consent == 1 ? "yes" : "no");
    mc_buf_text(out, "}\n");
}

static inline void fake_put_calls(struct mc_buf *out, const struct mc_calls *c) {
    uint32_t person = 0;
    for (uint32_t i = 0; i <= c->batch.event_count; i++) {
        for (; person < c->person_count && c->persons[person].before_event <= i; person++)
            fake_put_person(out, c->batch.bytes.data, &c->persons[person]);
        if (i < c->batch.event_count)
            fake_put_event(out, c->batch.bytes.data, &c->batch.events[i]);
    }
    for (uint32_t i = 0; i < c->refusal_count; i++)
        mc_buf_printf(out, "{\"rejected\":\"%s\"}\n", c->refusals[i].reason);
}

/* Keeps it, says done, and only then lets others have the submission: as the contract of intake.h allows. */
static inline void fake_done(struct fake_intake *f, struct mc_submission *s, enum mc_err result) {
    size_t before = f->lines.len;
    if (result == MC_OK)
        fake_put_calls(&f->lines, &s->calls);
    if (f->each != NULL)
        f->each(f->lines.data + before, f->lines.len - before);
    pthread_mutex_unlock(&f->lock);
    s->done(s->context, result);
    pthread_mutex_lock(&f->lock);
    f->idle[f->idle_count++] = s;
    pthread_cond_broadcast(&f->changed);
}

static inline void *fake_run(void *context) {
    struct fake_intake *f = context;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        while ((f->queued == 0 || f->held) && !f->ending)
            pthread_cond_wait(&f->changed, &f->lock);
        if (f->queued == 0)
            break;
        struct mc_submission *s = f->queue[0];
        memmove(f->queue, f->queue + 1, --f->queued * sizeof *f->queue);
        fake_done(f, s, f->result);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static inline struct mc_submission *fake_acquire(void *context) {
    struct fake_intake *f = context;
    pthread_mutex_lock(&f->lock);
    bool free = f->idle_count > FAKE_SUBMISSIONS - f->allowed;
    struct mc_submission *s = free ? f->idle[--f->idle_count] : NULL;
    pthread_mutex_unlock(&f->lock);
    return s;
}

static inline void fake_submit(void *context, struct mc_submission *s) {
    struct fake_intake *f = context;
    pthread_mutex_lock(&f->lock);
    f->queue[f->queued++] = s;
    f->submitted++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static inline void fake_release(void *context, struct mc_submission *s) {
    struct fake_intake *f = context;
    pthread_mutex_lock(&f->lock);
    f->idle[f->idle_count++] = s;
    pthread_mutex_unlock(&f->lock);
}

static inline struct mc_intake fake_open(struct fake_intake *f) {
    *f = (struct fake_intake){.allowed = FAKE_SUBMISSIONS};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    for (size_t i = 0; i < FAKE_SUBMISSIONS; i++)
        f->idle[f->idle_count++] = &f->all[i];
    int code = pthread_create(&f->thread, NULL, fake_run, f);
    assert(code == 0);
    (void)code;
    return (struct mc_intake){f, fake_acquire, fake_submit, fake_release};
}

/* Does what is queued, then ends. */
static inline void fake_close(struct fake_intake *f) {
    pthread_mutex_lock(&f->lock);
    f->ending = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    for (size_t i = 0; i < FAKE_SUBMISSIONS; i++)
        mc_calls_free(&f->all[i].calls);
    mc_buf_free(&f->lines);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
}

static inline void fake_set(struct fake_intake *f, bool held, enum mc_err result, size_t allowed) {
    pthread_mutex_lock(&f->lock);
    f->held = held;
    f->result = result;
    f->allowed = allowed;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* Until so many were submitted since open. */
static inline void fake_wait_submitted(struct fake_intake *f, size_t count) {
    pthread_mutex_lock(&f->lock);
    while (f->submitted < count)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

#endif

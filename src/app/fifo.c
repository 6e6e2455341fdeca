#include "app/fifo.h"

#include "base/mem.h"
#include <time.h>

enum mc_err mc_fifo_open(struct mc_fifo *c, size_t cap, struct mc_error *e) {
    pthread_condattr_t attributes;
    *c = (struct mc_fifo){.cap = cap};
    c->items = mc_malloc(cap * sizeof *c->items);
    if (c->items == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a queue");
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    return MC_OK;
}

void mc_fifo_free(struct mc_fifo *c) {
    if (c->items == NULL)
        return;
    pthread_cond_destroy(&c->filled);
    pthread_mutex_destroy(&c->lock);
    mc_free(c->items);
    *c = (struct mc_fifo){0};
}

bool mc_fifo_push(struct mc_fifo *c, void *item) {
    pthread_mutex_lock(&c->lock);
    bool taken = !c->closed && c->count < c->cap;
    if (taken) {
        c->items[(c->head + c->count++) % c->cap] = item;
        pthread_cond_signal(&c->filled);
    }
    pthread_mutex_unlock(&c->lock);
    return taken;
}

size_t mc_fifo_take(struct mc_fifo *c, void **items, size_t max, int64_t until_ns) {
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    size_t taken = 0;
    pthread_mutex_lock(&c->lock);
    while (c->count == 0 && !c->closed && !c->poked)
        if (until_ns == INT64_MAX)
            pthread_cond_wait(&c->filled, &c->lock);
        else if (pthread_cond_timedwait(&c->filled, &c->lock, &until) != 0)
            break;
    c->poked = false;
    for (; taken < max && c->count > 0; c->count--) {
        items[taken++] = c->items[c->head];
        c->head = (c->head + 1) % c->cap;
    }
    pthread_mutex_unlock(&c->lock);
    return taken;
}

void mc_fifo_poke(struct mc_fifo *c) {
    pthread_mutex_lock(&c->lock);
    c->poked = true;
    pthread_cond_signal(&c->filled);
    pthread_mutex_unlock(&c->lock);
}

void mc_fifo_close(struct mc_fifo *c) {
    pthread_mutex_lock(&c->lock);
    c->closed = true;
    pthread_cond_broadcast(&c->filled);
    pthread_mutex_unlock(&c->lock);
}

bool mc_fifo_is_closed(struct mc_fifo *c) {
    pthread_mutex_lock(&c->lock);
    bool closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    return closed;
}

bool mc_fifo_is_over(struct mc_fifo *c) {
    pthread_mutex_lock(&c->lock);
    bool over = c->closed && c->count == 0;
    pthread_mutex_unlock(&c->lock);
    return over;
}

size_t mc_fifo_count(struct mc_fifo *c) {
    pthread_mutex_lock(&c->lock);
    size_t count = c->count;
    pthread_mutex_unlock(&c->lock);
    return count;
}

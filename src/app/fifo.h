/* A bounded queue of pointers between threads: the only way in which the service's threads meet. Any thread.
 */
#ifndef MC_APP_FIFO_H
#define MC_APP_FIFO_H

#include "base/err.h"
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct mc_fifo {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void **items; /* ring */
    size_t cap, head, count;
    bool closed, poked;
};

/* MC_ERR_NOMEM. */
enum mc_err mc_fifo_open(struct mc_fifo *c, size_t cap, struct mc_error *e);
void mc_fifo_free(struct mc_fifo *c);

/* False: it is full or closed; the item stays the caller's. */
bool mc_fifo_push(struct mc_fifo *c, void *item);

/* Takes up to `max`, the oldest first; waits until there is one, the instant (mc_monotonic_ns) has come, or the queue
 * is closed. 0: none came. INT64_MAX waits for ever. */
size_t mc_fifo_take(struct mc_fifo *c, void **items, size_t max, int64_t until_ns);

/* The next take, or the one that waits, ends though nothing came: something else has to be looked at. */
void mc_fifo_poke(struct mc_fifo *c);

/* Wakes all who wait; nothing can be pushed from now on, what is there can still be taken. */
void mc_fifo_close(struct mc_fifo *c);
bool mc_fifo_is_closed(struct mc_fifo *c);

/* It is closed, and all has been taken: what a taker ends by. That a take gave none and that it is closed do not say
 * so, for something may have been pushed in between. */
bool mc_fifo_is_over(struct mc_fifo *c);
size_t mc_fifo_count(struct mc_fifo *c);

#endif

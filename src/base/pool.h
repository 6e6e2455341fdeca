/* Memory in size classes, for many small things that come and go: allocation and release are a few instructions.
 *
 * Classes are powers of two from 32 bytes. Memory comes in slabs from mc_malloc, or from one run of bytes that the
 * caller gives (a fixed pool, which never calls malloc); it goes back only when the pool is freed. Released pieces are
 * reused within their class. One owner thread.
 */
#ifndef MC_BASE_POOL_H
#define MC_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MC_POOL_CLASSES = 28 }; /* 32 bytes to 4 GiB */

struct mc_pool {
    void *free[MC_POOL_CLASSES]; /* lists of released pieces, linked through their first bytes */
    char *at, *end;              /* what is left of the current slab */
    void *slabs;                 /* linked through their first bytes */
    size_t held_bytes;           /* of all slabs: what the pool costs */
    bool fixed;                  /* the caller's bytes: no slab is ever asked for */
};

/* A zeroed pool is a good empty one. */
void mc_pool_init_fixed(struct mc_pool *pool, void *memory, size_t len);
void mc_pool_free(struct mc_pool *pool);

/* At least `size` bytes, aligned to 32, from 64 bytes on to a cache line; NULL when there is no memory. */
void *mc_pool_take(struct mc_pool *pool, size_t size);

/* `size` is what was asked for. NULL is fine. */
void mc_pool_give(struct mc_pool *pool, void *piece, size_t size);

/* What mc_pool_take(size) really hands out. */
size_t mc_pool_rounded(size_t size);

#endif

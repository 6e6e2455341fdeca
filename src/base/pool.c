#include "base/pool.h"

#include "base/mem.h"
#include <assert.h>
#include <string.h>

/* Slabs begin cache lines, and so does every piece of a line or more. A pool that has grown takes slabs of a huge page:
 * its pieces are met at random, where each small page would cost a walk of the page table. */
enum { LEAST_SHIFT = 5, FIRST_SLAB_BYTES = 1 << 17, SLAB_BYTES = 2 << 20, LINE_BYTES = 64 };

static unsigned class_of(size_t size) {
    if (size <= 1u << LEAST_SHIFT)
        return 0;
    return 64 - (unsigned)__builtin_clzll(size - 1) - LEAST_SHIFT;
}

size_t mc_pool_rounded(size_t size) {
    return (size_t)1 << (class_of(size) + LEAST_SHIFT);
}

void mc_pool_init_fixed(struct mc_pool *pool, void *memory, size_t len) {
    size_t pad = -(uintptr_t)memory & (LINE_BYTES - 1);
    *pool = (struct mc_pool){.fixed = true};
    if (memory != NULL && len > pad) {
        pool->at = (char *)memory + pad;
        pool->end = (char *)memory + len;
    }
}

void mc_pool_free(struct mc_pool *pool) {
    for (void *slab = pool->slabs, *next; slab != NULL; slab = next) {
        memcpy(&next, slab, sizeof next);
        mc_free(slab);
    }
    *pool = (struct mc_pool){0};
}

/* Fresh bytes for one piece. What a slab has left when a bigger piece comes is lost until the pool is freed: at most
 * one piece's size a slab. */
static void *carve(struct mc_pool *pool, size_t size) {
    size_t pad = size >= LINE_BYTES ? -(uintptr_t)pool->at & (LINE_BYTES - 1) : 0;
    if (pool->at == NULL || (size_t)(pool->end - pool->at) < size + pad) {
        size_t slab_bytes = pool->held_bytes < 2 * FIRST_SLAB_BYTES ? FIRST_SLAB_BYTES : SLAB_BYTES;
        if (slab_bytes < size + LINE_BYTES)
            slab_bytes = size + LINE_BYTES;
        char *slab = pool->fixed ? NULL : mc_malloc_table(slab_bytes);
        if (slab == NULL)
            return NULL;
        pad = 0;
        memcpy(slab, &pool->slabs, sizeof pool->slabs);
        pool->slabs = slab;
        pool->held_bytes += slab_bytes;
        pool->at = slab + LINE_BYTES;
        pool->end = slab + slab_bytes;
    }
    void *piece = pool->at + pad;
    pool->at += size + pad;
    return piece;
}

void *mc_pool_take(struct mc_pool *pool, size_t size) {
    unsigned class = class_of(size);
    assert(class < MC_POOL_CLASSES);
    void *piece = pool->free[class];
    if (piece == NULL)
        return carve(pool, (size_t)1 << (class + LEAST_SHIFT));
    memcpy(&pool->free[class], piece, sizeof(void *));
    return piece;
}

void mc_pool_give(struct mc_pool *pool, void *piece, size_t size) {
    if (piece == NULL)
        return;
    unsigned class = class_of(size);
    memcpy(piece, &pool->free[class], sizeof(void *));
    pool->free[class] = piece;
}

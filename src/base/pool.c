#include "base/pool.h"

#include "base/mem.h"
#include <assert.h>
#include <string.h>

enum { LEAST_SHIFT = 5, SLAB_BYTES = 1 << 18, SLAB_HEAD = 16 };

static unsigned class_of(size_t size) {
    if (size <= 1u << LEAST_SHIFT)
        return 0;
    return 64 - (unsigned)__builtin_clzll(size - 1) - LEAST_SHIFT;
}

size_t mc_pool_rounded(size_t size) {
    return (size_t)1 << (class_of(size) + LEAST_SHIFT);
}

void mc_pool_init_fixed(struct mc_pool *pool, void *memory, size_t len) {
    size_t pad = -(uintptr_t)memory & 15;
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

/* Fresh bytes for one piece. What a slab has left when a bigger piece comes is lost until the pool is freed: at most one
 * piece's size a slab. */
static void *carve(struct mc_pool *pool, size_t size) {
    if ((size_t)(pool->end - pool->at) < size) {
        size_t slab_bytes = size + SLAB_HEAD > SLAB_BYTES ? size + SLAB_HEAD : SLAB_BYTES;
        char *slab = pool->fixed ? NULL : mc_malloc(slab_bytes);
        if (slab == NULL)
            return NULL;
        memcpy(slab, &pool->slabs, sizeof pool->slabs);
        pool->slabs = slab;
        pool->held_bytes += slab_bytes;
        pool->at = slab + SLAB_HEAD;
        pool->end = slab + slab_bytes;
    }
    void *piece = pool->at;
    pool->at += size;
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

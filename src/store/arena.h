/* Memory of one call or one page: pieces that stay where they are until all are freed together. One thread. */
#ifndef MC_STORE_ARENA_H
#define MC_STORE_ARENA_H

#include "base/str.h"

struct mc_arena {
    struct mc_arena_block *blocks; /* {0} is an empty arena */
};

/* 16-byte aligned, not cleared; NULL when there is no memory. */
void *mc_arena_alloc(struct mc_arena *arena, size_t bytes);

/* A copy of `text`; false when there is no memory. An empty text needs none. */
bool mc_arena_copy(struct mc_arena *arena, struct mc_str text, struct mc_str *out);

/* Frees all; the arena can be used again. */
void mc_arena_free(struct mc_arena *arena);

#endif

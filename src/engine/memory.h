/* The ring of fingerprints of user.h: the last MC_REMEMBERED that were added. */
#ifndef MC_ENGINE_MEMORY_H
#define MC_ENGINE_MEMORY_H

#include "engine/user.h"

enum { MC_MEMORY_ABSENT = -1 };

/* Its place, or MC_MEMORY_ABSENT. Places are stable until the next add, forget or reserve. */
int32_t mc_memory_find(const struct mc_memory *m, struct mc_hash128 id);

/* Room for `count` in all, at most MC_REMEMBERED. False: no memory, nothing changed. */
bool mc_memory_reserve(struct mc_memory *m, struct mc_pool *pool, uint32_t count);

/* The same for ids and the stamps in step with them. */
bool mc_messages_reserve(struct mc_messages *m, struct mc_pool *pool, uint32_t count);

/* Adds as the newest, in the place of the oldest when full; returns the place. Reserve first. */
uint32_t mc_memory_add(struct mc_memory *m, struct mc_hash128 id);

/* The place of the i-th oldest. */
static inline uint32_t mc_memory_place(const struct mc_memory *m, uint32_t i) {
    uint32_t place = m->head + i;
    return place >= m->cap ? place - m->cap : place;
}

/* Gives it its owner's room for `cap` fingerprints: 2 * cap numbers. For an empty one. */
static inline void mc_memory_use_room(struct mc_memory *m, uint64_t *room, uint32_t cap) {
    *m = (struct mc_memory){.low = room, .high = room + cap, .cap = cap, .in_room = true};
}

void mc_memory_release(struct mc_memory *m, struct mc_pool *pool);

#endif

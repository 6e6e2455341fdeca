/* The ring of fingerprints of user.h: the last MC_REMEMBERED that were added. */
#ifndef MC_ENGINE_MEMORY_H
#define MC_ENGINE_MEMORY_H

#include "engine/user.h"

enum { MC_MEMORY_ABSENT = -1 };

/* The sieve's bit of a fingerprint. */
static inline uint64_t mc_memory_bit(struct mc_hash128 id) {
    return (uint64_t)1 << (id.low >> 58);
}

/* Its place, or MC_MEMORY_ABSENT. Places are stable until the next add or reserve. */
int32_t mc_memory_search(const struct mc_memory *m, struct mc_hash128 id);

static inline int32_t mc_memory_find(const struct mc_memory *m, struct mc_hash128 id) {
    return m->sieve & mc_memory_bit(id) ? mc_memory_search(m, id) : MC_MEMORY_ABSENT;
}

/* Room for `count` in all, at most MC_REMEMBERED. False: no memory, nothing changed. */
bool mc_memory_grow(struct mc_memory *m, struct mc_pool *pool, uint32_t count);

static inline bool mc_memory_reserve(struct mc_memory *m, struct mc_pool *pool, uint32_t count) {
    return count <= m->cap || mc_memory_grow(m, pool, count);
}

/* The same for ids and the stamps in step with them. */
bool mc_messages_reserve(struct mc_messages *m, struct mc_pool *pool, uint32_t count);

/* Adds as the newest, in the place of the oldest when full; returns the place. Reserve first. */
static inline uint32_t mc_memory_add(struct mc_memory *m, struct mc_hash128 id) {
    uint32_t place = m->head;
    if (m->count < m->cap)
        place = m->count++;
    else
        m->head = (uint16_t)(m->head + 1 == m->cap ? 0 : m->head + 1);
    m->ids[place] = id;
    m->sieve |= mc_memory_bit(id);
    return place;
}

/* The place of the i-th oldest. */
static inline uint32_t mc_memory_place(const struct mc_memory *m, uint32_t i) {
    uint32_t place = m->head + i;
    return place >= m->cap ? place - m->cap : place;
}

/* Gives it its owner's room for `cap` fingerprints. For an empty one. */
static inline void mc_memory_use_room(struct mc_memory *m, struct mc_hash128 *room, uint16_t cap) {
    *m = (struct mc_memory){.ids = room, .cap = cap, .in_room = true};
}

void mc_memory_release(struct mc_memory *m, struct mc_pool *pool);

#endif

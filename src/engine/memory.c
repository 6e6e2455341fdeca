#include "engine/memory.h"

#include <assert.h>
#include <string.h>

/* Most visits are short: 8 fingerprints fill a piece of 128 bytes. */
uint32_t mc_memory_next_cap(const struct mc_memory *m) {
    if (m->count < m->cap || m->cap == MC_REMEMBERED)
        return m->cap;
    uint32_t bigger = m->cap == 0 ? 8 : m->cap * 4;
    return bigger < MC_REMEMBERED ? bigger : MC_REMEMBERED;
}

static size_t bytes_of(uint32_t cap) {
    return (size_t)cap * 2 * sizeof(uint64_t);
}

int32_t mc_memory_find(const struct mc_memory *m, struct mc_hash128 id) {
    for (uint32_t i = 0; i < m->count; i++)
        if (m->low[i] == id.low && m->high[i] == id.high)
            return (int32_t)i;
    return MC_MEMORY_ABSENT;
}

static bool set_cap(struct mc_memory *m, struct mc_pool *pool, uint32_t cap) {
    uint64_t *low = mc_pool_take(pool, bytes_of(cap));
    if (low == NULL)
        return false;
    if (m->count > 0) {
        memcpy(low, m->low, m->count * sizeof *low);
        memcpy(low + cap, m->high, m->count * sizeof *low);
    }
    mc_memory_release(m, pool);
    m->low = low;
    m->high = low + cap;
    m->cap = cap;
    return true;
}

bool mc_memory_reserve(struct mc_memory *m, struct mc_pool *pool) {
    uint32_t cap = mc_memory_next_cap(m);
    if (cap == m->cap)
        return true;
    assert(m->head == 0); /* it is below its final size, so nothing was ever pushed out */
    return set_cap(m, pool, cap);
}

bool mc_memory_reserve_all(struct mc_memory *m, struct mc_pool *pool, uint32_t count) {
    assert(m->cap == 0 && count <= MC_REMEMBERED);
    struct mc_memory grown = {0};
    while (grown.cap < count)
        grown.count = grown.cap = mc_memory_next_cap(&grown);
    return grown.cap == 0 || set_cap(m, pool, grown.cap);
}

uint32_t mc_memory_add(struct mc_memory *m, struct mc_hash128 id) {
    uint32_t place = m->head;
    if (m->count < m->cap)
        place = m->count++;
    else
        m->head = m->head + 1 == m->cap ? 0 : m->head + 1;
    m->low[place] = id.low;
    m->high[place] = id.high;
    return place;
}

/* Leaves count and head, which a growth keeps. */
void mc_memory_release(struct mc_memory *m, struct mc_pool *pool) {
    if (m->cap > 0)
        mc_pool_give(pool, m->low, bytes_of(m->cap));
    m->low = m->high = NULL;
    m->cap = 0;
}

#include "engine/memory.h"

#include <assert.h>
#include <string.h>

static size_t bytes_of(uint32_t cap) {
    return (size_t)cap * sizeof(struct mc_hash128);
}

int32_t mc_memory_search(const struct mc_memory *m, struct mc_hash128 id) {
    for (uint32_t i = 0; i < m->count; i++)
        if (m->ids[i].low == id.low && m->ids[i].high == id.high)
            return (int32_t)i;
    return MC_MEMORY_ABSENT;
}

static bool set_cap(struct mc_memory *m, struct mc_pool *pool, uint32_t cap) {
    struct mc_hash128 *ids = mc_pool_take(pool, bytes_of(cap));
    if (ids == NULL)
        return false;
    if (m->count > 0)
        memcpy(ids, m->ids, m->count * sizeof *ids);
    mc_memory_release(m, pool);
    m->ids = ids;
    m->cap = (uint16_t)cap;
    return true;
}

/* The capacity that holds `count`: a cache line at first, then four times as many each time. */
static uint32_t cap_for(uint32_t cap, uint32_t count) {
    while (cap < count && cap < MC_REMEMBERED)
        cap = cap == 0 ? 4 : cap * 4;
    return cap < MC_REMEMBERED ? cap : MC_REMEMBERED;
}

bool mc_memory_grow(struct mc_memory *m, struct mc_pool *pool, uint32_t count) {
    uint32_t cap = cap_for(m->cap, count);
    if (cap == m->cap)
        return true;
    assert(m->head == 0); /* it is below its final size, so nothing was ever pushed out */
    return set_cap(m, pool, cap);
}

bool mc_messages_reserve(struct mc_messages *m, struct mc_pool *pool, uint32_t count) {
    uint32_t old_cap = m->ids.cap, cap = cap_for(old_cap, count);
    if (cap == old_cap)
        return true;
    int64_t *stamps = mc_pool_take(pool, cap * sizeof *stamps);
    if (stamps == NULL || !mc_memory_reserve(&m->ids, pool, count)) {
        mc_pool_give(pool, stamps, cap * sizeof *stamps);
        return false;
    }
    if (old_cap > 0) {
        memcpy(stamps, m->stamps, m->ids.count * sizeof *stamps);
        mc_pool_give(pool, m->stamps, old_cap * sizeof *stamps);
    }
    m->stamps = stamps;
    return true;
}

/* Leaves count, head and sieve, which a growth keeps. */
void mc_memory_release(struct mc_memory *m, struct mc_pool *pool) {
    if (m->cap > 0 && !m->in_room)
        mc_pool_give(pool, m->ids, bytes_of(m->cap));
    m->ids = NULL;
    m->cap = 0;
    m->in_room = false;
}

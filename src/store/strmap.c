#include "store/strmap.h"

#include "base/mem.h"
#include <assert.h>

static uint32_t *slot_of(const struct mc_strmap *map, uint64_t hash, struct mc_str key) {
    size_t mask = map->slot_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &map->slots[at];
        if (*slot == 0)
            return slot;
        const struct mc_strmap_entry *entry = &map->entries[*slot - 1];
        if (entry->hash == hash && mc_str_equal(mc_strmap_key(map, entry), key))
            return slot;
    }
}

struct mc_strmap_entry *mc_strmap_find(const struct mc_strmap *map, uint64_t hash, struct mc_str key) {
    if (map->count == 0)
        return NULL;
    uint32_t slot = *slot_of(map, hash, key);
    return slot == 0 ? NULL : &map->entries[slot - 1];
}

static bool slots_grow(struct mc_strmap *map) {
    size_t count = map->slot_count == 0 ? 64 : map->slot_count * 2;
    uint32_t *slots = mc_calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        size_t at = map->entries[i].hash & (count - 1);
        while (slots[at] != 0)
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    mc_free(map->slots);
    map->slots = slots;
    map->slot_count = count;
    return true;
}

static bool entries_grow(struct mc_strmap *map) {
    size_t cap = map->cap == 0 ? 32 : map->cap * 2;
    struct mc_strmap_entry *entries = mc_realloc(map->entries, cap * sizeof *entries);
    if (entries == NULL)
        return false;
    map->entries = entries;
    map->cap = cap;
    return true;
}

static bool make_room(struct mc_strmap *map, size_t key_len) {
    if (map->count * 3 >= map->slot_count * 2 && !slots_grow(map))
        return false;
    if (map->count == map->cap && !entries_grow(map))
        return false;
    if (mc_buf_reserve(&map->keys, key_len) != NULL)
        return true;
    map->keys.failed = false; /* its content is whole: only the growth failed */
    return false;
}

struct mc_strmap_entry *mc_strmap_add(struct mc_strmap *map, uint64_t hash, struct mc_str key, int64_t initial) {
    struct mc_strmap_entry *there = mc_strmap_find(map, hash, key);
    if (there != NULL)
        return there;
    if (map->count == UINT32_MAX - 1 || !make_room(map, key.len))
        return NULL;
    struct mc_strmap_entry *entry = &map->entries[map->count];
    *entry = (struct mc_strmap_entry){.hash = hash, .key_at = map->keys.len, .key_len = key.len, .value = initial};
    mc_buf_str(&map->keys, key);
    assert(!map->keys.failed);
    *slot_of(map, hash, key) = (uint32_t)++map->count;
    return entry;
}

void mc_strmap_clear(struct mc_strmap *map) {
    map->count = 0;
    map->keys.len = 0;
    if (map->slot_count > 0)
        memset(map->slots, 0, map->slot_count * sizeof *map->slots);
}

void mc_strmap_free(struct mc_strmap *map) {
    mc_free(map->entries);
    mc_free(map->slots);
    mc_buf_free(&map->keys);
    *map = (struct mc_strmap){0};
}

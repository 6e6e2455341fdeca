/* A hash table from strings to int64, open addressing; keys are copied; nothing is removed but all at once.
 *
 *     slots: [ . | 2 | . | 0 | 1 | . ]   index + 1 into entries, 0 is free; a power of two, at most 2/3 full
 *     entries: in order of insertion, so a walk is deterministic
 */
#ifndef MC_STORE_STRMAP_H
#define MC_STORE_STRMAP_H

#include "base/buf.h"
#include "base/hash.h"

struct mc_strmap_entry {
    uint64_t hash; /* mc_hash64 of the key */
    size_t key_at; /* in keys */
    size_t key_len;
    int64_t value;
};

struct mc_strmap {
    struct mc_strmap_entry *entries;
    size_t count, cap;
    uint32_t *slots;
    size_t slot_count;
    struct mc_buf keys;
};

static inline struct mc_str mc_strmap_key(const struct mc_strmap *map, const struct mc_strmap_entry *entry) {
    return (struct mc_str){map->keys.data + entry->key_at, entry->key_len};
}

/* NULL if it is not there. Entries move when one is added. */
struct mc_strmap_entry *mc_strmap_find(const struct mc_strmap *map, uint64_t hash, struct mc_str key);

/* The entry of the key, added with `initial` if it was not there; NULL when there is no memory (nothing has changed).
 */
struct mc_strmap_entry *mc_strmap_add(struct mc_strmap *map, uint64_t hash, struct mc_str key, int64_t initial);

void mc_strmap_clear(struct mc_strmap *map); /* keeps the memory */
void mc_strmap_free(struct mc_strmap *map);

#endif

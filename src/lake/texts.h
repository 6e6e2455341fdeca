/* Distinct texts, numbered in order of their first occurrence: the dictionary of a column. Private to lake/.
 *
 * One owner thread. A zeroed one is a good empty one. Texts are kept one behind the other, so that all of it is three
 * arrays that can be written to disk as they are.
 */
#ifndef MC_LAKE_TEXTS_H
#define MC_LAKE_TEXTS_H

#include "base/hash.h"
#include "base/wire.h"

enum { MC_TEXT_ABSENT = UINT32_MAX };

struct mc_text {
    uint64_t hash; /* mc_hash64 of its bytes */
    uint32_t offset, len;
};

struct mc_texts {
    struct mc_buf bytes;
    struct mc_text *list;
    uint32_t count, cap;
    uint32_t *slots; /* number + 1, open addressing, linear, at most half full; 0: empty */
    uint32_t mask;
};

void mc_texts_free(struct mc_texts *texts);

static inline struct mc_str mc_texts_get(const struct mc_texts *texts, uint32_t number) {
    const struct mc_text *t = &texts->list[number];
    return (struct mc_str){texts->bytes.data + t->offset, t->len};
}

/* Adds it; its number, or MC_TEXT_ABSENT: no memory (or more than 4 GB of texts). */
uint32_t mc_texts_add(struct mc_texts *texts, uint64_t hash, struct mc_str text);

/* The number of the text, added if new; MC_TEXT_ABSENT: no memory. */
static inline uint32_t mc_texts_number(struct mc_texts *texts, uint64_t hash, struct mc_str text) {
    if (texts->slots != NULL)
        for (uint32_t at = (uint32_t)hash & texts->mask; texts->slots[at] != 0; at = (at + 1) & texts->mask)
            if (texts->list[texts->slots[at] - 1].hash == hash &&
                mc_str_equal(mc_texts_get(texts, texts->slots[at] - 1), text))
                return texts->slots[at] - 1;
    return mc_texts_add(texts, hash, text);
}

/* All texts as strings, `count` of them, borrowed; NULL: no memory. Freed by mc_free. */
struct mc_str *mc_texts_list(const struct mc_texts *texts);

/* Bytes for a file of our own, and back into an empty one. False: not what mc_texts_save wrote, or no memory. */
void mc_texts_save(const struct mc_texts *texts, struct mc_buf *out);
bool mc_texts_load(struct mc_texts *texts, struct mc_reader *r);

#endif

#include "lake/texts.h"

#include "base/mem.h"

enum { SLOTS_LEAST = 256 };

void mc_texts_free(struct mc_texts *texts) {
    mc_buf_free(&texts->bytes);
    mc_free(texts->list);
    mc_free(texts->slots);
    *texts = (struct mc_texts){0};
}

static void place(struct mc_texts *texts, uint32_t number) {
    uint32_t at = (uint32_t)texts->list[number].hash & texts->mask;
    while (texts->slots[at] != 0)
        at = (at + 1) & texts->mask;
    texts->slots[at] = number + 1;
}

static bool reserve_slots(struct mc_texts *texts, uint32_t count) {
    uint32_t size = texts->slots ? texts->mask + 1 : 0, wanted = size ? size : SLOTS_LEAST;
    while (wanted / 2 < count)
        wanted *= 2;
    if (wanted == size)
        return true;
    uint32_t *slots = mc_calloc(wanted, sizeof *slots);
    if (slots == NULL)
        return false;
    mc_free(texts->slots);
    texts->slots = slots;
    texts->mask = wanted - 1;
    for (uint32_t i = 0; i < texts->count; i++)
        place(texts, i);
    return true;
}

static bool reserve_list(struct mc_texts *texts, uint32_t count) {
    if (count <= texts->cap)
        return true;
    uint32_t cap = texts->cap ? texts->cap : SLOTS_LEAST / 2;
    while (cap < count)
        cap *= 2;
    struct mc_text *list = mc_realloc(texts->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    texts->list = list;
    texts->cap = cap;
    return true;
}

uint32_t mc_texts_add(struct mc_texts *texts, uint64_t hash, struct mc_str text) {
    uint32_t number = texts->count;
    if (texts->bytes.len + text.len > UINT32_MAX || number >= UINT32_MAX / 4 || !reserve_list(texts, number + 1) ||
        !reserve_slots(texts, number + 1))
        return MC_TEXT_ABSENT;
    texts->list[number] = (struct mc_text){hash, (uint32_t)texts->bytes.len, (uint32_t)text.len};
    mc_buf_str(&texts->bytes, text);
    if (texts->bytes.failed)
        return MC_TEXT_ABSENT;
    texts->count++;
    place(texts, number);
    return number;
}

struct mc_str *mc_texts_list(const struct mc_texts *texts) {
    struct mc_str *list = mc_malloc((texts->count + 1) * sizeof *list);
    for (uint32_t i = 0; list != NULL && i < texts->count; i++)
        list[i] = mc_texts_get(texts, i);
    return list;
}

void mc_texts_save(const struct mc_texts *texts, struct mc_buf *out) {
    mc_put_u32(out, texts->count);
    mc_buf_append(out, texts->list, texts->count * sizeof *texts->list);
    mc_put_u64(out, texts->bytes.len);
    mc_buf_str(out, mc_buf_view(&texts->bytes));
}

bool mc_texts_load(struct mc_texts *texts, struct mc_reader *r) {
    uint32_t count = mc_get_u32(r);
    struct mc_str list = mc_get_bytes(r, count * sizeof *texts->list);
    struct mc_str bytes = mc_get_bytes(r, mc_get_u64(r));
    if (r->failed || count >= UINT32_MAX / 4 || !reserve_list(texts, count))
        return false;
    if (count > 0)
        memcpy(texts->list, list.data, list.len);
    for (uint32_t i = 0; i < count; i++)
        if ((uint64_t)texts->list[i].offset + texts->list[i].len > bytes.len)
            return false;
    mc_buf_str(&texts->bytes, bytes);
    texts->count = count; /* before the slots: they are filled with all */
    return !texts->bytes.failed && (count == 0 || reserve_slots(texts, count));
}

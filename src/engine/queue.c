#include "engine/queue.h"

enum { IN_HEAP = -1 };

void mc_queue_init(struct mc_queue *q, int64_t gap_us) {
    *q = (struct mc_queue){.width_us = gap_us / (MC_QUEUE_BUCKETS / 2) + 1};
    q->end_us = q->width_us;
}

void mc_queue_free(struct mc_queue *q) {
    mc_pool_free(&q->pool);
    *q = (struct mc_queue){0};
}

static bool append(struct mc_queue *q, struct mc_queue_list *list, struct mc_queue_entry *entry) {
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        struct mc_queue_entry **entries = mc_pool_take(&q->pool, cap * sizeof(struct mc_queue_entry *));
        if (entries == NULL)
            return false;
        if (list->cap > 0) {
            memcpy(entries, list->entries, list->count * sizeof(struct mc_queue_entry *));
            mc_pool_give(&q->pool, list->entries, list->cap * sizeof(struct mc_queue_entry *));
        }
        list->entries = entries;
        list->cap = cap;
    }
    entry->position = list->count;
    list->entries[list->count++] = entry;
    return true;
}

static void place(struct mc_queue_list *list, uint32_t position, struct mc_queue_entry *entry) {
    list->entries[position] = entry;
    entry->position = position;
}

/* ---- the heap ---- */

static void sift_up(struct mc_queue_list *heap, uint32_t at, struct mc_queue_entry *entry) {
    while (at > 0 && heap->entries[(at - 1) / 2]->key_us > entry->key_us) {
        place(heap, at, heap->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(heap, at, entry);
}

static void sift_down(struct mc_queue_list *heap, uint32_t at, struct mc_queue_entry *entry) {
    for (uint32_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->entries[child + 1]->key_us < heap->entries[child]->key_us)
            child++;
        if (heap->entries[child]->key_us >= entry->key_us)
            break;
        place(heap, at, heap->entries[child]);
    }
    place(heap, at, entry);
}

static void remove_from_heap(struct mc_queue_list *heap, uint32_t at) {
    struct mc_queue_entry *last = heap->entries[--heap->count];
    if (at == heap->count)
        return;
    if (at > 0 && heap->entries[(at - 1) / 2]->key_us > last->key_us)
        sift_up(heap, at, last);
    else
        sift_down(heap, at, last);
}

/* ---- the buckets ---- */

bool mc_queue_add(struct mc_queue *q, struct mc_queue_entry *entry) {
    entry->key_us = entry->due_us;
    if (entry->due_us < q->end_us) {
        entry->bucket = IN_HEAP;
        if (!append(q, &q->heap, entry))
            return false;
        sift_up(&q->heap, entry->position, entry);
    } else {
        int64_t tick = entry->due_us / q->width_us, horizon = q->tick + MC_QUEUE_BUCKETS - 1;
        entry->bucket = (int32_t)((tick < horizon ? tick : horizon) % MC_QUEUE_BUCKETS);
        if (!append(q, &q->bucket[entry->bucket], entry))
            return false;
    }
    if (entry->key_us < q->look_us)
        q->look_us = entry->key_us;
    return true;
}

void mc_queue_remove(struct mc_queue *q, struct mc_queue_entry *entry) {
    if (entry->bucket == IN_HEAP) {
        remove_from_heap(&q->heap, entry->position);
        return;
    }
    struct mc_queue_list *list = &q->bucket[entry->bucket];
    place(list, entry->position, list->entries[--list->count]);
}

static void set_tick(struct mc_queue *q, int64_t tick) {
    q->tick = tick;
    q->end_us = (tick + 1) * q->width_us;
}

/* Moves to the next bucket, whose entries are filed by what they are due now. One that finds no memory is given out:
 * its owner fails, and with it the queue's. */
static struct mc_queue_entry *turn(struct mc_queue *q) {
    set_tick(q, q->tick + 1);
    struct mc_queue_list *bucket = &q->bucket[q->tick % MC_QUEUE_BUCKETS], all = *bucket;
    struct mc_queue_entry *stuck = NULL;
    *bucket = (struct mc_queue_list){0};
    for (uint32_t i = 0; i < all.count; i++)
        if (!mc_queue_add(q, all.entries[i]))
            stuck = all.entries[i];
    if (all.cap > 0)
        mc_pool_give(&q->pool, all.entries, all.cap * sizeof(struct mc_queue_entry *));
    return stuck;
}

static struct mc_queue_entry *take_from_heap(struct mc_queue *q, int64_t clock_us) {
    while (q->heap.count > 0 && q->heap.entries[0]->key_us <= clock_us) {
        struct mc_queue_entry *entry = q->heap.entries[0];
        remove_from_heap(&q->heap, 0);
        if (entry->due_us <= clock_us || !mc_queue_add(q, entry))
            return entry;
    }
    return NULL;
}

struct mc_queue_entry *mc_queue_take(struct mc_queue *q, int64_t clock_us, bool *turned) {
    if (clock_us < q->look_us)
        return NULL;
    int64_t last = clock_us / q->width_us;
    if (q->tick < last - MC_QUEUE_BUCKETS) /* a long jump: one round over the buckets meets every entry */
        set_tick(q, last - MC_QUEUE_BUCKETS);
    struct mc_queue_entry *entry;
    while ((entry = take_from_heap(q, clock_us)) == NULL && q->tick < last) {
        if (turned != NULL)
            *turned = true;
        entry = turn(q);
        if (entry != NULL)
            return entry;
    }
    if (entry == NULL)
        q->look_us =
            q->heap.count > 0 && q->heap.entries[0]->key_us < q->end_us ? q->heap.entries[0]->key_us : q->end_us;
    return entry;
}

#include "engine/queue.h"

enum { IN_HEAP = -1 };

void mc_queue_init(struct mc_queue *q, int64_t gap_us) {
    *q = (struct mc_queue){.width_us = gap_us / (MC_QUEUE_BUCKETS / 2) + 1};
}

/* ---- the heap: a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986); prev of a first child is its parent ---- */

static struct mc_queue_entry *meld(struct mc_queue_entry *a, struct mc_queue_entry *b) {
    if (a == NULL || b == NULL)
        return a ? a : b;
    if (b->key_us < a->key_us) {
        struct mc_queue_entry *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next != NULL)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* Makes one heap of a list of siblings: pairs from the left, then all from the right. */
static struct mc_queue_entry *meld_all(struct mc_queue_entry *first) {
    struct mc_queue_entry *pairs = NULL, *heap = NULL;
    while (first != NULL) {
        struct mc_queue_entry *a = first, *b = a->next, *rest = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
        first = rest;
    }
    while (pairs != NULL) {
        struct mc_queue_entry *rest = pairs->next;
        pairs->next = NULL;
        heap = meld(heap, pairs);
        pairs = rest;
    }
    if (heap != NULL)
        heap->next = heap->prev = NULL;
    return heap;
}

static void push(struct mc_queue *q, struct mc_queue_entry *entry) {
    entry->next = entry->prev = entry->child = NULL;
    entry->bucket = IN_HEAP;
    q->heap = meld(q->heap, entry);
}

static void unlink_from_heap(struct mc_queue *q, struct mc_queue_entry *entry) {
    if (entry == q->heap) {
        q->heap = meld_all(entry->child);
        return;
    }
    if (entry->prev->child == entry)
        entry->prev->child = entry->next;
    else
        entry->prev->next = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
    q->heap = meld(q->heap, meld_all(entry->child));
}

/* ---- the buckets ---- */

static void list(struct mc_queue *q, struct mc_queue_entry *entry, int64_t tick) {
    entry->bucket = (int32_t)(tick % MC_QUEUE_BUCKETS);
    struct mc_queue_entry **head = &q->bucket[entry->bucket];
    entry->prev = entry->child = NULL;
    entry->next = *head;
    if (entry->next != NULL)
        entry->next->prev = entry;
    *head = entry;
}

void mc_queue_add(struct mc_queue *q, struct mc_queue_entry *entry) {
    int64_t tick = entry->due_us > 0 ? entry->due_us / q->width_us : 0;
    int64_t horizon = q->tick + MC_QUEUE_BUCKETS - 1;
    entry->key_us = entry->due_us;
    if (tick <= q->tick)
        push(q, entry);
    else
        list(q, entry, tick < horizon ? tick : horizon);
    if (entry->key_us < q->look_us)
        q->look_us = entry->key_us;
}

void mc_queue_remove(struct mc_queue *q, struct mc_queue_entry *entry) {
    if (entry->bucket == IN_HEAP) {
        unlink_from_heap(q, entry);
        return;
    }
    if (entry->prev != NULL)
        entry->prev->next = entry->next;
    else
        q->bucket[entry->bucket] = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
}

/* Moves to the next bucket: its entries are filed by what they are due now. */
static void turn(struct mc_queue *q) {
    q->tick++;
    struct mc_queue_entry **head = &q->bucket[q->tick % MC_QUEUE_BUCKETS], *entry = *head;
    *head = NULL;
    while (entry != NULL) {
        struct mc_queue_entry *next = entry->next;
        if (next != NULL)
            __builtin_prefetch(next);
        mc_queue_add(q, entry);
        entry = next;
    }
}

static struct mc_queue_entry *take_from_heap(struct mc_queue *q, int64_t clock_us) {
    while (q->heap != NULL && q->heap->key_us <= clock_us) {
        struct mc_queue_entry *entry = q->heap;
        unlink_from_heap(q, entry);
        if (entry->due_us <= clock_us)
            return entry;
        mc_queue_add(q, entry);
    }
    return NULL;
}

struct mc_queue_entry *mc_queue_take(struct mc_queue *q, int64_t clock_us) {
    if (clock_us < q->look_us)
        return NULL;
    int64_t last = clock_us / q->width_us;
    if (q->tick < last - MC_QUEUE_BUCKETS) /* a long jump: one round over the buckets meets every entry */
        q->tick = last - MC_QUEUE_BUCKETS;
    struct mc_queue_entry *entry;
    while ((entry = take_from_heap(q, clock_us)) == NULL && q->tick < last)
        turn(q);
    if (entry == NULL) {
        int64_t next_bucket = (q->tick + 1) * q->width_us;
        q->look_us = q->heap != NULL && q->heap->key_us < next_bucket ? q->heap->key_us : next_bucket;
    }
    return entry;
}

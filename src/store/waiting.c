#include "store/waiting.h"

#include "base/mem.h"
#include <assert.h>

static char *put(char *at, struct mc_str text, struct mc_str *out) {
    if (text.len > 0)
        memcpy(at, text.data, text.len);
    *out = (struct mc_str){at, text.len};
    return at + text.len;
}

struct mc_waiter *mc_waiter_new(struct mc_str user, struct mc_str session, const struct mc_cart_item *items,
                                uint32_t item_count) {
    size_t bytes = user.len + session.len;
    for (uint32_t i = 0; i < item_count; i++)
        bytes += items[i].product.len;
    size_t list = item_count * sizeof(struct mc_str);
    struct mc_waiter *waiter = mc_malloc(sizeof *waiter + list + bytes);
    if (waiter == NULL)
        return NULL;
    *waiter = (struct mc_waiter){.recovered_at = {MC_TIME_NONE_US}, .product_count = item_count};
    waiter->products = (struct mc_str *)(waiter + 1);
    char *at = (char *)waiter->products + list;
    at = put(at, user, &waiter->user);
    at = put(at, session, &waiter->session);
    for (uint32_t i = 0; i < item_count; i++)
        at = put(at, items[i].product, &waiter->products[i]);
    return waiter;
}

void mc_waiter_free(struct mc_waiter *waiter) {
    mc_free(waiter);
}

bool mc_waiter_has(const struct mc_waiter *waiter, struct mc_str product) {
    for (uint32_t i = 0; i < waiter->product_count; i++)
        if (mc_str_equal(waiter->products[i], product))
            return true;
    return false;
}

/* ---- the heap ---- */

static bool sooner(const struct mc_waiter *a, const struct mc_waiter *b) {
    if (a->due.us != b->due.us)
        return a->due.us < b->due.us;
    int order = mc_str_compare(a->user, b->user);
    if (order == 0)
        order = mc_str_compare(a->session, b->session);
    return order != 0 ? order < 0 : a->opened.us < b->opened.us;
}

static bool heap_room(struct mc_waiting *w) {
    if (w->heap_count < w->heap_cap)
        return true;
    size_t cap = w->heap_cap == 0 ? 64 : w->heap_cap * 2;
    struct mc_waiter **heap = mc_realloc(w->heap, cap * sizeof *heap);
    if (heap == NULL)
        return false;
    w->heap = heap;
    w->heap_cap = cap;
    return true;
}

static void heap_push(struct mc_waiting *w, struct mc_waiter *waiter) {
    size_t at = w->heap_count++;
    for (; at > 0 && sooner(waiter, w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = waiter;
}

struct mc_waiter *mc_waiting_pop_due(struct mc_waiting *w, struct mc_time clock) {
    if (w->heap_count == 0 || w->heap[0]->due.us > clock.us)
        return NULL;
    struct mc_waiter *first = w->heap[0], *moved = w->heap[--w->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < w->heap_count; at = child) {
        if (child + 1 < w->heap_count && sooner(w->heap[child + 1], w->heap[child]))
            child++;
        if (!sooner(w->heap[child], moved))
            break;
        w->heap[at] = w->heap[child];
    }
    w->heap[at] = moved;
    return first;
}

/* ---- lists of persons ---- */

static struct mc_waiter **list_of(const struct mc_waiting *w, uint64_t hash, struct mc_str person) {
    const struct mc_strmap_entry *entry = mc_strmap_find(&w->persons, hash, person);
    return entry == NULL ? NULL : &w->lists[entry->value];
}

static struct mc_waiter **list_make(struct mc_waiting *w, uint64_t hash, struct mc_str person) {
    struct mc_waiter **list = list_of(w, hash, person);
    if (list != NULL)
        return list;
    if (w->persons.count == w->list_cap) {
        size_t cap = w->list_cap == 0 ? 64 : w->list_cap * 2;
        struct mc_waiter **lists = mc_realloc(w->lists, cap * sizeof(struct mc_waiter *));
        if (lists == NULL)
            return NULL;
        w->lists = lists;
        w->list_cap = cap;
    }
    size_t at = w->persons.count;
    if (mc_strmap_add(&w->persons, hash, person, (int64_t)at) == NULL)
        return NULL;
    w->lists[at] = NULL;
    w->empty_lists++;
    return &w->lists[at];
}

/* Forgets persons with nothing to wait for, when they are most of the table. Without memory it stays as it is. */
static void lists_compact(struct mc_waiting *w) {
    if (w->empty_lists < 1024 || w->empty_lists * 2 < w->persons.count)
        return;
    struct mc_strmap kept = {0};
    for (size_t i = 0; i < w->persons.count; i++) {
        const struct mc_strmap_entry *old = &w->persons.entries[i];
        if (w->lists[old->value] != NULL &&
            mc_strmap_add(&kept, old->hash, mc_strmap_key(&w->persons, old), old->value) == NULL) {
            mc_strmap_free(&kept);
            return;
        }
    }
    for (size_t i = 0; i < kept.count; i++) { /* values ascend, so a list only moves to the front */
        w->lists[i] = w->lists[kept.entries[i].value];
        kept.entries[i].value = (int64_t)i;
    }
    mc_strmap_free(&w->persons);
    w->persons = kept;
    w->empty_lists = 0;
}

bool mc_waiting_add(struct mc_waiting *w, uint64_t person_hash, struct mc_str person, struct mc_waiter *waiter) {
    lists_compact(w);
    struct mc_waiter **list = list_make(w, person_hash, person);
    if (list == NULL || !heap_room(w))
        return false;
    w->empty_lists -= *list == NULL;
    waiter->next_of_person = *list;
    *list = waiter;
    waiter->next_in_queue = NULL;
    if (w->back != NULL)
        w->back->next_in_queue = waiter;
    else
        w->front = waiter;
    w->back = waiter;
    w->count++;
    if (!waiter->checked)
        heap_push(w, waiter);
    return true;
}

struct mc_waiter *mc_waiting_of(const struct mc_waiting *w, uint64_t person_hash, struct mc_str person) {
    struct mc_waiter **list = list_of(w, person_hash, person);
    return list == NULL ? NULL : *list;
}

void mc_waiting_drop(struct mc_waiting *w, uint64_t person_hash, struct mc_str person, struct mc_waiter *waiter) {
    struct mc_waiter **link = list_of(w, person_hash, person);
    assert(link != NULL && !waiter->gone);
    bool only = *link == waiter && waiter->next_of_person == NULL;
    while (*link != waiter)
        link = &(*link)->next_of_person;
    *link = waiter->next_of_person;
    w->empty_lists += only;
    waiter->gone = true;
}

bool mc_waiting_move(struct mc_waiting *w, uint64_t from_hash, struct mc_str from, uint64_t to_hash, struct mc_str to) {
    if (mc_waiting_of(w, from_hash, from) == NULL)
        return true;
    struct mc_waiter **target = list_make(w, to_hash, to);
    if (target == NULL)
        return false;
    struct mc_waiter **source = list_of(w, from_hash, from);
    w->empty_lists += (*target != NULL); /* source empties; target may have been empty */
    struct mc_waiter **tail = target;
    while (*tail != NULL)
        tail = &(*tail)->next_of_person;
    *tail = *source;
    *source = NULL;
    return true;
}

void mc_waiting_pop_front(struct mc_waiting *w, uint64_t person_hash, struct mc_str person) {
    struct mc_waiter *front = w->front;
    if (!front->gone)
        mc_waiting_drop(w, person_hash, person, front);
    w->front = front->next_in_queue;
    if (w->front == NULL)
        w->back = NULL;
    w->count--;
    mc_waiter_free(front);
}

void mc_waiting_free(struct mc_waiting *w) {
    while (w->front != NULL) {
        struct mc_waiter *next = w->front->next_in_queue;
        mc_waiter_free(w->front);
        w->front = next;
    }
    mc_free(w->heap);
    mc_free(w->lists);
    mc_strmap_free(&w->persons);
    *w = (struct mc_waiting){0};
}

#include "outreach/ready.h"

#include "base/mem.h"

enum { CAP_FIRST = 64 };

typedef bool comes_before(const struct mc_ready_entry *a, const struct mc_ready_entry *b);

static bool is_newer(const struct mc_ready_entry *a, const struct mc_ready_entry *b) {
    return a->due_us != b->due_us ? a->due_us > b->due_us : a->id > b->id;
}

static bool is_earlier(const struct mc_ready_entry *a, const struct mc_ready_entry *b) {
    return a->not_before_us < b->not_before_us;
}

/* ---- a heap ---- */

static void sift_up(struct mc_ready_entry *heap, size_t at, comes_before *before) {
    struct mc_ready_entry entry = heap[at];
    while (at > 0 && before(&entry, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

static void sift_down(struct mc_ready_entry *heap, size_t count, size_t at, comes_before *before) {
    struct mc_ready_entry entry = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &entry))
            break;
        heap[at] = heap[child];
    }
    heap[at] = entry;
}

static void push(struct mc_ready_entry *heap, size_t *count, struct mc_ready_entry entry, comes_before *before) {
    heap[(*count)++] = entry;
    sift_up(heap, *count - 1, before);
}

static struct mc_ready_entry pop(struct mc_ready_entry *heap, size_t *count, comes_before *before) {
    struct mc_ready_entry first = heap[0];
    heap[0] = heap[--*count];
    if (*count > 0)
        sift_down(heap, *count, 0, before);
    return first;
}

/* ---- both ---- */

void mc_ready_free(struct mc_ready *r) {
    mc_free(r->now);
    mc_free(r->later);
    *r = (struct mc_ready){0};
}

void mc_ready_clear(struct mc_ready *r) {
    r->now_count = r->later_count = 0;
}

static bool grow_one(struct mc_ready_entry **heap, size_t cap) {
    struct mc_ready_entry *more = mc_realloc(*heap, cap * sizeof *more);
    if (more != NULL)
        *heap = more;
    return more != NULL;
}

bool mc_ready_put(struct mc_ready *r, struct mc_ready_entry entry) {
    if (mc_ready_count(r) == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : CAP_FIRST;
        if (!grow_one(&r->now, cap) || !grow_one(&r->later, cap))
            return false;
        r->cap = cap;
    }
    bool first = mc_ready_count(r) == 0;
    if (entry.not_before_us == INT64_MIN)
        push(r->now, &r->now_count, entry, is_newer);
    else
        push(r->later, &r->later_count, entry, is_earlier);
    if (first)
        r->oldest_us = INT64_MAX;
    if (!entry.ageless && entry.due_us < r->oldest_us)
        r->oldest_us = entry.due_us;
    return true;
}

bool mc_ready_pop(struct mc_ready *r, struct mc_wall now, struct mc_ready_entry *out) {
    while (r->later_count > 0 && r->later[0].not_before_us <= now.us)
        push(r->now, &r->now_count, pop(r->later, &r->later_count, is_earlier), is_newer);
    if (r->now_count == 0)
        return false;
    *out = pop(r->now, &r->now_count, is_newer);
    return true;
}

/* What one pass over both heaps takes out, and the oldest that it leaves. */
struct sweep {
    int64_t before_us, oldest_us;
    int64_t *ids;
    size_t max, count;
};

static void sweep_heap(struct sweep *s, struct mc_ready_entry *heap, size_t *count, comes_before *before) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (!heap[i].ageless && heap[i].due_us < s->before_us && s->count < s->max) {
            s->ids[s->count++] = heap[i].id;
            continue;
        }
        if (!heap[i].ageless && heap[i].due_us < s->oldest_us)
            s->oldest_us = heap[i].due_us;
        heap[kept++] = heap[i];
    }
    bool changed = kept < *count;
    *count = kept;
    for (size_t i = kept / 2; changed && i-- > 0;)
        sift_down(heap, kept, i, before);
}

size_t mc_ready_drop_old(struct mc_ready *r, int64_t us, int64_t *ids, size_t max) {
    if (mc_ready_count(r) == 0 || r->oldest_us >= us)
        return 0;
    struct sweep s = {.before_us = us, .oldest_us = INT64_MAX, .ids = ids, .max = max};
    sweep_heap(&s, r->now, &r->now_count, is_newer);
    sweep_heap(&s, r->later, &r->later_count, is_earlier);
    r->oldest_us = s.oldest_us;
    return s.count;
}

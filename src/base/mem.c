#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

static atomic_uint_fast64_t left_before_failure;
static atomic_bool armed, failed;

static int must_fail(void) {
    if (!atomic_load_explicit(&armed, memory_order_relaxed))
        return 0;
    if (atomic_fetch_sub(&left_before_failure, 1) != 1)
        return 0;
    atomic_store(&failed, true);
    atomic_store(&armed, false);
    return 1;
}

void *mc_malloc(size_t size) {
    return must_fail() ? NULL : malloc(size);
}

enum { LINE_BYTES = 64, HUGE_PAGE_BYTES = 2 << 20, HUGE_FROM_BYTES = HUGE_PAGE_BYTES / 4 };

void *mc_malloc_table(size_t size) {
    size_t align = size >= HUGE_FROM_BYTES ? HUGE_PAGE_BYTES : LINE_BYTES;
    size_t rounded = (size + align - 1) / align * align;
    void *piece = must_fail() || rounded < size ? NULL : aligned_alloc(align, rounded);
    if (piece != NULL && align == HUGE_PAGE_BYTES)
        madvise(piece, rounded, MADV_HUGEPAGE);
    return piece;
}

void *mc_calloc(size_t count, size_t size) {
    return must_fail() ? NULL : calloc(count, size);
}

void *mc_realloc(void *old, size_t size) {
    return must_fail() ? NULL : realloc(old, size);
}

void mc_free(void *memory) {
    free(memory);
}

void mc_mem_fail_at(uint64_t n) {
    atomic_store(&left_before_failure, n);
    atomic_store(&failed, false);
    atomic_store(&armed, n > 0);
}

int mc_mem_failed(void) {
    return atomic_load(&failed);
}

#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

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

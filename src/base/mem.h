/* The one door to the heap, so that tests can make the n-th allocation fail.
 *
 * Same contracts as malloc, calloc, realloc and free. Threads: any; the fault counter is for single-threaded tests.
 */
#ifndef MC_BASE_MEM_H
#define MC_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mc_malloc(size_t size) __attribute__((malloc, warn_unused_result));
void *mc_calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
void *mc_realloc(void *old, size_t size) __attribute__((warn_unused_result));
void mc_free(void *memory);

/* A large piece that begins a cache line, on huge pages where it is big enough for them and the system has any: for
 * tables that are read at random. Not cleared. Freed by mc_free. */
void *mc_malloc_table(size_t size) __attribute__((malloc, warn_unused_result));

/* Test hook: the n-th allocation from now (1 is the next) and none other returns NULL; 0 switches it off. */
void mc_mem_fail_at(uint64_t n);

/* Test hook: whether the allocation asked for by mc_mem_fail_at was met. */
int mc_mem_failed(void);

#endif

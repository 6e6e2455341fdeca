/* Asking for memory ahead of its use. */
#ifndef MC_BASE_PREFETCH_H
#define MC_BASE_PREFETCH_H

/* For functions that only prefetch: a compiler that does not inline them at once takes them for pure, and drops the
 * calls (seen with GCC 12). */
#define MC_PREFETCHES static inline __attribute__((always_inline))

#endif

/* Sorting in place without allocation (libc's qsort may allocate). Not stable: give a total order. Pure. */
#ifndef MC_BASE_SORT_H
#define MC_BASE_SORT_H

#include <stddef.h>

enum { MC_SORT_BYTES_MAX = 256 }; /* largest element */

typedef int mc_compare(const void *a, const void *b);

/* O(n log n) in the worst case: heapsort, and insertion for few elements. */
void mc_sort(void *base, size_t count, size_t size, mc_compare *compare);

#endif

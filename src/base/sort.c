#include "base/sort.h"

#include <assert.h>
#include <string.h>

enum { FEW = 16 };

static void insertion(char *base, size_t count, size_t size, mc_compare *compare) {
    char element[MC_SORT_BYTES_MAX];
    for (size_t i = 1; i < count; i++) {
        size_t at = i;
        while (at > 0 && compare(base + (at - 1) * size, base + i * size) > 0)
            at--;
        if (at == i)
            continue;
        memcpy(element, base + i * size, size);
        memmove(base + (at + 1) * size, base + at * size, (i - at) * size);
        memcpy(base + at * size, element, size);
    }
}

static void swap(char *a, char *b, size_t size) {
    char element[MC_SORT_BYTES_MAX];
    memcpy(element, a, size);
    memcpy(a, b, size);
    memcpy(b, element, size);
}

static void sift(char *base, size_t root, size_t count, size_t size, mc_compare *compare) {
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0)
            child++;
        if (compare(base + root * size, base + child * size) >= 0)
            return;
        swap(base + root * size, base + child * size, size);
    }
}

void mc_sort(void *base, size_t count, size_t size, mc_compare *compare) {
    assert(size <= MC_SORT_BYTES_MAX);
    if (count <= FEW) {
        insertion(base, count, size, compare);
        return;
    }
    for (size_t root = count / 2; root-- > 0;)
        sift(base, root, count, size, compare);
    for (size_t left = count; left-- > 1;) {
        swap(base, (char *)base + left * size, size);
        sift(base, 0, left, size, compare);
    }
}

/* How long things took: a histogram of integers whose buckets grow with the value, so that percentiles of anything from
 * a microsecond to centuries are right to 1/32.
 *
 *     value    0 1 2 ... 63 | 64-65 66-67 ... 126-127 | 128-131 ... | ...
 *     bucket   0 1 2 ... 63 |  64    65         95    |   96    ... | ...      32 to each power of two
 *
 * Values below 64 are exact. A zeroed struct is a good empty one. Merging is a sum: the same whatever the order. Pure,
 * no allocation; one owner.
 */
#ifndef MC_BASE_HISTOGRAM_H
#define MC_BASE_HISTOGRAM_H

#include "base/wire.h"

enum { MC_HISTOGRAM_SUBBUCKETS = 32, MC_HISTOGRAM_BUCKETS = 59 * MC_HISTOGRAM_SUBBUCKETS };

struct mc_histogram {
    uint64_t count; /* values added */
    int64_t max;    /* exact; 0 when empty */
    uint64_t buckets[MC_HISTOGRAM_BUCKETS];
};

/* A value below 0 (a clock stepped back) counts as 0. */
void mc_histogram_add(struct mc_histogram *h, int64_t value);

void mc_histogram_merge(struct mc_histogram *into, const struct mc_histogram *from);

/* The least value that at least `per_million` millionths of all are at or below (nearest rank; 0 gives the least, 1e6
 * the greatest): the true one v is given as v <= result <= v + v/32. 0 when empty. */
int64_t mc_histogram_percentile(const struct mc_histogram *h, uint32_t per_million);

/* Appends it as bytes: 13, and 12 for each bucket in use. The same histogram is the same bytes. */
void mc_histogram_encode(struct mc_buf *out, const struct mc_histogram *h);

/* Reads what encode wrote; false, and *h empty, for anything else. */
bool mc_histogram_decode(struct mc_histogram *h, struct mc_str bytes);

#endif

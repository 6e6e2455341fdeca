#include "base/histogram.h"

enum { SUB_BITS = 5, VERSION = 1, MILLION = 1000000 };
_Static_assert(1 << SUB_BITS == MC_HISTOGRAM_SUBBUCKETS, "a power of two");

static uint32_t bucket_of(int64_t value) {
    uint64_t v = (uint64_t)value;
    if (v < 2 * MC_HISTOGRAM_SUBBUCKETS)
        return (uint32_t)v;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(v) - SUB_BITS;
    return shift * MC_HISTOGRAM_SUBBUCKETS + (uint32_t)(v >> shift);
}

/* The greatest value of a bucket. */
static int64_t top_of(uint32_t bucket) {
    if (bucket < 2 * MC_HISTOGRAM_SUBBUCKETS)
        return bucket;
    uint32_t shift = bucket / MC_HISTOGRAM_SUBBUCKETS - 1;
    uint64_t above = (uint64_t)(bucket % MC_HISTOGRAM_SUBBUCKETS + MC_HISTOGRAM_SUBBUCKETS + 1) << shift;
    return (int64_t)(above - 1);
}

void mc_histogram_add(struct mc_histogram *h, int64_t value) {
    if (value < 0)
        value = 0;
    h->buckets[bucket_of(value)]++;
    h->count++;
    h->max = value > h->max ? value : h->max;
}

void mc_histogram_merge(struct mc_histogram *into, const struct mc_histogram *from) {
    for (uint32_t i = 0; i < MC_HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    into->max = from->max > into->max ? from->max : into->max;
}

int64_t mc_histogram_percentile(const struct mc_histogram *h, uint32_t per_million) {
    unsigned __int128 share = (unsigned __int128)h->count * (per_million < MILLION ? per_million : MILLION);
    uint64_t rank = (uint64_t)((share + MILLION - 1) / MILLION), seen = 0;
    rank = rank > 0 ? rank : 1;
    for (uint32_t i = 0; i < MC_HISTOGRAM_BUCKETS; i++)
        if ((seen += h->buckets[i]) >= rank)
            return top_of(i) < h->max ? top_of(i) : h->max;
    return h->max;
}

void mc_histogram_encode(struct mc_buf *out, const struct mc_histogram *h) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < MC_HISTOGRAM_BUCKETS; i++)
        used += h->buckets[i] > 0;
    mc_put_u8(out, VERSION);
    mc_put_i64(out, h->max);
    mc_put_u32(out, used);
    for (uint32_t i = 0; i < MC_HISTOGRAM_BUCKETS; i++)
        if (h->buckets[i] > 0) {
            mc_put_u32(out, i);
            mc_put_u64(out, h->buckets[i]);
        }
}

/* Bucket numbers ascend, and the greatest value lies in the last. */
static bool decode(struct mc_histogram *h, struct mc_reader *r) {
    uint8_t version = mc_get_u8(r);
    h->max = mc_get_i64(r);
    uint32_t used = mc_get_u32(r), last = 0;
    if (version != VERSION || used > MC_HISTOGRAM_BUCKETS || h->max < 0)
        return false;
    for (uint32_t i = 0; i < used; i++) {
        uint32_t at = mc_get_u32(r);
        uint64_t count = mc_get_u64(r);
        if (r->failed || at >= MC_HISTOGRAM_BUCKETS || (i > 0 && at <= last) || count == 0 ||
            count > UINT64_MAX - h->count)
            return false;
        h->buckets[at] = count;
        h->count += count;
        last = at;
    }
    return !r->failed && r->rest.len == 0 && (used > 0 ? bucket_of(h->max) == last : h->max == 0);
}

bool mc_histogram_decode(struct mc_histogram *h, struct mc_str bytes) {
    struct mc_reader r = {.rest = bytes};
    *h = (struct mc_histogram){0};
    bool good = decode(h, &r);
    if (!good)
        *h = (struct mc_histogram){0};
    return good;
}

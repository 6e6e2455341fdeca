#include "source/rate.h"

#include "base/hash.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>

enum {
    WAYS = 8, /* places where a bucket may be: a cache line pair */
    SETS = MC_RATE_BUCKETS_MAX / WAYS,
};

static const int64_t NS_PER_S = 1000000000, NS_PER_MS = 1000000;
static const uint64_t EVENTS_MAX = 100000000; /* of one charge, so that no product overflows */

struct bucket {
    uint64_t id;
    int64_t full_at_ns; /* what it owes is the time until then; 0 and an id of 0: a place never used */
};

struct mc_rate {
    pthread_mutex_t lock;
    uint64_t seed;
    struct bucket *buckets; /* SETS x WAYS */
};

enum mc_err mc_rate_open(struct mc_rate **out, struct mc_error *e) {
    *out = NULL;
    if (sodium_init() < 0)
        return mc_error_set(e, MC_ERR_IO, "libsodium cannot start");
    struct mc_rate *r = mc_calloc(1, sizeof *r);
    struct bucket *buckets = mc_calloc(MC_RATE_BUCKETS_MAX, sizeof *buckets);
    if (r == NULL || buckets == NULL) {
        mc_free(r);
        mc_free(buckets);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the rate limits");
    }
    r->buckets = buckets;
    pthread_mutex_init(&r->lock, NULL);
    randombytes_buf(&r->seed, sizeof r->seed);
    *out = r;
    return MC_OK;
}

void mc_rate_close(struct mc_rate **out) {
    struct mc_rate *r = *out;
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->lock);
    mc_free(r->buckets);
    mc_free(r);
    *out = NULL;
}

static uint64_t hashed(const struct mc_rate *r, char kind, const void *data, size_t len) {
    return XXH3_64bits_withSeed(data, len, r->seed + (unsigned char)kind);
}

uint64_t mc_rate_of_key(const struct mc_rate *r, int64_t key) {
    return hashed(r, 'k', &key, sizeof key);
}

uint64_t mc_rate_of_address(const struct mc_rate *r, const char *address) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:1.2.3.4 */
    unsigned char bytes[16];
    if (inet_pton(AF_INET, address, bytes) == 1)
        return hashed(r, '4', bytes, 4);
    if (inet_pton(AF_INET6, address, bytes) != 1)
        return hashed(r, '?', address, strlen(address));
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        return hashed(r, '4', bytes + 12, 4);
    return hashed(r, '6', bytes, 8);
}

/* The bucket's place; with `make`, one is found for it. NULL: it is not there, so it is full. */
static struct bucket *place(struct mc_rate *r, uint64_t id, bool make) {
    struct bucket *set = r->buckets + (id % SETS) * WAYS, *least = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].id == id)
            return &set[i];
        if (set[i].full_at_ns < least->full_at_ns)
            least = &set[i];
    }
    if (!make)
        return NULL;
    *least = (struct bucket){.id = id};
    return least;
}

uint64_t mc_rate_wait_ms(struct mc_rate *r, uint64_t bucket, uint32_t per_s, int64_t now_ns) {
    if (per_s == 0)
        return 0;
    pthread_mutex_lock(&r->lock);
    struct bucket *b = place(r, bucket, false);
    int64_t full_at_ns = b != NULL ? b->full_at_ns : now_ns;
    pthread_mutex_unlock(&r->lock);
    int64_t wait_ns = full_at_ns - now_ns - MC_RATE_BURST_S * NS_PER_S;
    return wait_ns < 0 ? 0 : (uint64_t)(wait_ns / NS_PER_MS) + 1;
}

void mc_rate_charge(struct mc_rate *r, uint64_t bucket, uint32_t per_s, uint64_t events, int64_t now_ns) {
    if (per_s == 0 || events == 0)
        return;
    int64_t cost_ns = (int64_t)((events < EVENTS_MAX ? events : EVENTS_MAX) * (uint64_t)NS_PER_S / per_s);
    pthread_mutex_lock(&r->lock);
    struct bucket *b = place(r, bucket, true);
    b->full_at_ns = (b->full_at_ns > now_ns ? b->full_at_ns : now_ns) + cost_ns;
    pthread_mutex_unlock(&r->lock);
}

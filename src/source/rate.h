/* Token buckets in a table of fixed size: how many events a key or an address may send.
 *
 * A bucket holds MC_RATE_BURST_S seconds of its rate. Who has any token may come, whatever it brings, and is charged
 * for it afterwards: the size of a body is known only when it was read. So a bucket may be overdrawn by one request,
 * and then waits until it is in credit; over time the rate holds. A bucket is one number, the instant when it will be
 * full: what is full needs no memory. When the table is full the bucket that is full soonest is forgotten, which
 * forgives its owner at most what it owes; it never refuses somebody who is within the rate.
 *
 * Any thread: there is a lock inside. Time is the caller's (mc_monotonic_ns).
 */
#ifndef MC_SOURCE_RATE_H
#define MC_SOURCE_RATE_H

#include "base/err.h"
#include "base/str.h"

enum {
    MC_RATE_BURST_S = 2,
    MC_RATE_BUCKETS_MAX = 1 << 16, /* 1 MiB */
};

struct mc_rate;

/* MC_ERR_NOMEM; MC_ERR_IO: no random numbers. */
enum mc_err mc_rate_open(struct mc_rate **out, struct mc_error *e);
void mc_rate_close(struct mc_rate **r);

/* The bucket of a key, by its id, or of an address as text: IPv6 counts by its first 64 bits, since one client has
 * all of them. Hashed with a seed of this process, so that nobody can aim at another's place in the table. */
uint64_t mc_rate_of_key(const struct mc_rate *r, int64_t key);
uint64_t mc_rate_of_address(const struct mc_rate *r, const char *address);

/* Milliseconds until the bucket is in credit; 0: now. per_s 0: no limit. */
uint64_t mc_rate_wait_ms(struct mc_rate *r, uint64_t bucket, uint32_t per_s, int64_t now_ns);

void mc_rate_charge(struct mc_rate *r, uint64_t bucket, uint32_t per_s, uint64_t events, int64_t now_ns);

#endif

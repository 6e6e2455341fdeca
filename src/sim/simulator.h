/* A simulated cosmetics store: the same stream of events for the same seed, as CSV in the format of the real data.
 *
 * It stands for the published five months (2019-10-01 to 2020-02-29 UTC; 20,692,840 rows, 1.6 million users), or the
 * same five months of a proportionally smaller or greater store. Calibrated to the published facts (sim/facts.h
 * measures them): types, visits, carts, order of steps, popularity, prices, duplicates, nulls, daily cycle, Black
 * Friday.
 *
 * A pure generator: no clock, file, thread or floating point; the bytes depend on the settings alone, not on the
 * machine or the sizes of the batches. Rows are in order of time, to the second; visits are interleaved as in a real
 * store. Memory is bounded by the visits under way and the users seen of late: 7 MB, and 13 MB per 20 million events
 * asked for at most. One owner at a time.
 */
#ifndef MC_SIM_SIMULATOR_H
#define MC_SIM_SIMULATOR_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum { MC_SIM_ROW_MAX = 256 }; /* bytes: no row is longer */

#define MC_SIM_EVENTS_MAX ((uint64_t)2000000000) /* beyond it, user ids would not have nine digits */

extern const char mc_sim_header[]; /* the nine columns' names and LF: what a file begins with */

struct mc_sim_settings {
    uint64_t events; /* rows without the header, 1 to MC_SIM_EVENTS_MAX: exactly so many come out */
    uint64_t seed;
};

struct mc_sim;

/* MC_ERR_USAGE when `events` is out of range, MC_ERR_NOMEM; *sim is then NULL. */
enum mc_err mc_sim_open(const struct mc_sim_settings *settings, struct mc_sim **sim, struct mc_error *e);

/* Writes as many whole rows as fit into `out` (room for at least MC_SIM_ROW_MAX bytes) and are left; returns the bytes
 * written, 0 when all rows have come out. Allocates nothing. */
size_t mc_sim_next_batch(struct mc_sim *sim, char *out, size_t room);

/* Rows that came out so far. */
uint64_t mc_sim_rows(const struct mc_sim *sim);

void mc_sim_close(struct mc_sim **sim);

#endif

/* Who comes to the simulated store: new users, and users who come back.
 *
 * Simon's model (1955): an arrival is a new user with a fixed chance, else the user of an earlier arrival drawn evenly;
 * that gives the published median of one session, mean of 2.76 and a power-law tail. Only the arrivals of about the
 * last month are remembered, and the latest are drawn more often, so people come back within days, and memory is
 * bounded. One user is a bot that comes all the time (published: 14,241 sessions). One owner.
 */
#ifndef MC_SIM_USERS_H
#define MC_SIM_USERS_H

#include "base/err.h"
#include "base/rng.h"
#include <stdbool.h>

/* Of 1,000 users, how many ever buy: the smaller, the more often those few do. */
enum { MC_BUYERS_MILLI = 290 };

struct mc_user {
    uint32_t id; /* nine digits */
    bool is_bot;
    bool buys; /* belongs to the part of the users who buy at all */
};

struct mc_users {
    uint32_t *recent; /* user numbers of the latest arrivals, a ring; owned */
    uint32_t size, filled, at;
    uint32_t known; /* users so far, the bot not counted */
    uint32_t start; /* moves the ids by the seed */
};

enum mc_err mc_users_open(struct mc_users *users, uint64_t seed, uint64_t events, struct mc_error *e);
struct mc_user mc_users_arrive(struct mc_users *users, struct mc_rng *rng);
void mc_users_close(struct mc_users *users);

#endif

#include "sim/users.h"

#include "base/hash.h"
#include "base/mem.h"
#include "sim/calendar.h"
#include "sim/draw.h"
#include <assert.h>

enum {
    NEW_PPM = 322000,          /* with those seen for the first time: 1,639,358 users of 4,535,941 sessions */
    BOT_PPM = 3140,            /* 14,241 sessions */
    REMEMBERED_FULL = 1 << 20, /* arrivals, of the full-size store: 35 days */
    REMEMBERED_MIN = 64,
    LATE_PPM = 500000, /* so many of those who come back were among the latest sixteenth */
};

static const uint32_t ids_first = 100000000, ids_count = 899999963; /* a prime, so any step walks all of them */

enum mc_err mc_users_open(struct mc_users *users, uint64_t seed, uint64_t events, struct mc_error *e) {
    uint64_t size = events * REMEMBERED_FULL / MC_SIM_ROWS_FULL + REMEMBERED_MIN;
    if (size > 16 * REMEMBERED_FULL)
        size = 16 * REMEMBERED_FULL;
    *users = (struct mc_users){.recent = mc_malloc(size * sizeof *users->recent), .size = (uint32_t)size};
    users->start = (uint32_t)(mc_hash_mix(seed, 1) % ids_count);
    return users->recent ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "no memory for the simulated users");
}

void mc_users_close(struct mc_users *users) {
    mc_free(users->recent);
    *users = (struct mc_users){0};
}

/* The user of an earlier arrival; 0 if that was before the simulation began, so someone not seen so far. */
static uint32_t come_back(const struct mc_users *users, struct mc_rng *rng) {
    uint32_t reach = mc_chance(rng, LATE_PPM) ? users->size / 16 : users->size;
    uint32_t age = 1 + (uint32_t)mc_rng_below(rng, reach);
    if (age > users->filled)
        return 0;
    return users->recent[age <= users->at ? users->at - age : users->at + users->size - age];
}

static void remember(struct mc_users *users, uint32_t number) {
    users->recent[users->at] = number;
    users->at = users->at + 1 == users->size ? 0 : users->at + 1;
    if (users->filled < users->size)
        users->filled++;
}

/* Number 0 is the bot. A step that is coprime to the range gives every number an id of its own. */
static uint32_t id_of(const struct mc_users *users, uint32_t number) {
    return ids_first + (uint32_t)(((uint64_t)number * 387420489 + users->start) % ids_count);
}

struct mc_user mc_users_arrive(struct mc_users *users, struct mc_rng *rng) {
    struct mc_user user = {.is_bot = mc_chance(rng, BOT_PPM)};
    if (user.is_bot) {
        user.id = id_of(users, 0);
        return user;
    }
    uint32_t number = mc_chance(rng, NEW_PPM) ? 0 : come_back(users, rng);
    if (number == 0)
        number = ++users->known;
    remember(users, number);
    user.id = id_of(users, number);
    user.buys = mc_hash_mix(user.id, 2) % 1000 < MC_BUYERS_MILLI;
    return user;
}

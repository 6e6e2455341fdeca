#include "outreach/rate.h"

/* Slots by age: 0 is `newest`. */
static uint32_t *slot(struct mc_rate *r, int64_t second) {
    return &r->counts[(second % MC_RATE_SECONDS + MC_RATE_SECONDS) % MC_RATE_SECONDS];
}

/* Turns the window to the second of `now`: seconds that passed are empty; a clock that stepped back takes it along. */
static void turn(struct mc_rate *r, struct mc_wall now) {
    int64_t second = now.us / MC_SECOND_US;
    if (second < r->newest) {
        struct mc_rate moved = {.newest = second};
        for (int64_t age = 0; age < MC_RATE_SECONDS; age++)
            *slot(&moved, second - age) = *slot(r, r->newest - age);
        *r = moved;
    }
    int64_t passed = second - r->newest;
    for (int64_t i = 1; i <= passed && i <= MC_RATE_SECONDS; i++)
        *slot(r, r->newest + i) = 0;
    r->newest = second;
}

uint32_t mc_rate_left(struct mc_rate *r, uint32_t per_minute, struct mc_wall now) {
    uint64_t gone = 0;
    turn(r, now);
    for (int i = 0; i < MC_RATE_SECONDS; i++)
        gone += r->counts[i];
    return gone < per_minute ? per_minute - (uint32_t)gone : 0;
}

void mc_rate_note(struct mc_rate *r, struct mc_wall now, uint32_t count) {
    turn(r, now);
    *slot(r, r->newest) += count;
}

void mc_rate_encode(struct mc_buf *out, const struct mc_rate *r) {
    mc_put_i64(out, r->newest);
    for (int i = 0; i < MC_RATE_SECONDS; i++)
        mc_put_u32(out, r->counts[i]);
}

bool mc_rate_decode(struct mc_rate *r, struct mc_str bytes) {
    struct mc_reader reader = {.rest = bytes};
    r->newest = mc_get_i64(&reader);
    for (int i = 0; i < MC_RATE_SECONDS; i++)
        r->counts[i] = mc_get_u32(&reader);
    bool good = !reader.failed && reader.rest.len == 0;
    if (!good)
        *r = (struct mc_rate){0};
    return good;
}

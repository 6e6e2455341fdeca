#include "event/clock.h"

#include "base/wire.h"

enum { CLOCK_VERSION = 1 };

void mc_clock_init(struct mc_clock *clock) {
    *clock = (struct mc_clock){.now = {MC_TIME_NONE_US}};
}

static bool is_ahead(const struct mc_clock *clock, struct mc_time time) {
    return mc_time_is_none(clock->now) || time.us > clock->now.us + MC_CLOCK_STEP_US;
}

static struct mc_witness *witness_of(struct mc_clock *clock, struct mc_str user) {
    for (uint32_t i = 0; i < clock->witness_count; i++) {
        struct mc_witness *w = &clock->witnesses[i];
        if (mc_str_equal(user, (struct mc_str){w->user, w->len}))
            return w;
    }
    return NULL;
}

static void move_to_least_witness(struct mc_clock *clock) {
    struct mc_time least = clock->witnesses[0].time;
    for (uint32_t i = 1; i < clock->witness_count; i++)
        if (clock->witnesses[i].time.us < least.us)
            least = clock->witnesses[i].time;
    clock->now = least;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < clock->witness_count; i++)
        if (is_ahead(clock, clock->witnesses[i].time))
            clock->witnesses[kept++] = clock->witnesses[i];
    clock->witness_count = kept;
}

static void add_witness(struct mc_clock *clock, struct mc_time time, struct mc_str user) {
    struct mc_witness *w = witness_of(clock, user);
    if (w != NULL) {
        if (time.us < w->time.us)
            w->time = time;
        return;
    }
    w = &clock->witnesses[clock->witness_count++];
    *w = (struct mc_witness){.time = time, .len = (uint8_t)user.len};
    memcpy(w->user, user.data, user.len);
    if (clock->witness_count == MC_CLOCK_WITNESSES)
        move_to_least_witness(clock);
}

void mc_clock_event(struct mc_clock *clock, struct mc_time time, struct mc_str user) {
    if (is_ahead(clock, time)) {
        add_witness(clock, time, user);
        return;
    }
    clock->witness_count = 0;
    if (time.us > clock->now.us)
        clock->now = time;
}

void mc_clock_tick(struct mc_clock *clock, struct mc_time time) {
    clock->witness_count = 0;
    if (time.us > clock->now.us)
        clock->now = time;
}

void mc_clock_encode(const struct mc_clock *clock, struct mc_buf *out) {
    mc_put_u8(out, CLOCK_VERSION);
    mc_put_i64(out, clock->now.us);
    mc_put_u8(out, (uint8_t)clock->witness_count);
    for (uint32_t i = 0; i < clock->witness_count; i++) {
        mc_put_i64(out, clock->witnesses[i].time.us);
        mc_put_str(out, (struct mc_str){clock->witnesses[i].user, clock->witnesses[i].len});
    }
}

bool mc_clock_decode(struct mc_clock *clock, struct mc_str bytes) {
    struct mc_reader r = {bytes, false};
    bool good = mc_get_u8(&r) == CLOCK_VERSION;
    mc_clock_init(clock);
    clock->now.us = mc_get_i64(&r);
    uint32_t count = mc_get_u8(&r);
    bool in_range = mc_time_is_none(clock->now) || (clock->now.us >= MC_TIME_MIN_US && clock->now.us < MC_TIME_END_US);
    if (!good || r.failed || !in_range || count >= MC_CLOCK_WITNESSES)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct mc_time time = {mc_get_i64(&r)};
        struct mc_str user = mc_get_str(&r);
        if (r.failed || user.len == 0 || user.len > MC_ID_BYTES_MAX || time.us < MC_TIME_MIN_US ||
            time.us >= MC_TIME_END_US || !is_ahead(clock, time) || witness_of(clock, user))
            return false;
        add_witness(clock, time, user);
    }
    return r.rest.len == 0;
}

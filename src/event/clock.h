/* The clock of a log: stamps each event as it enters (SEMANTICS 3).
 *
 * Single owner; events are given in the order of the log. Pure state, no allocation: copy it to keep it, encode it for
 * a checkpoint.
 *
 * Invariants: 1. it never moves back. 2. Every witness' time is more than MC_CLOCK_STEP_US ahead of it. 3. At most four
 * witnesses are kept: the fifth moves the clock.
 */
#ifndef MC_EVENT_CLOCK_H
#define MC_EVENT_CLOCK_H

#include "event/event.h"

#define MC_CLOCK_STEP_US (60 * MC_SECOND_US)
enum { MC_CLOCK_WITNESSES = 5 };

struct mc_witness {
    struct mc_time time;
    uint8_t len;
    char user[MC_ID_BYTES_MAX];
};

struct mc_clock {
    struct mc_time now; /* MC_TIME_NONE_US: no clock yet */
    uint32_t witness_count;
    struct mc_witness witnesses[MC_CLOCK_WITNESSES];
};

void mc_clock_init(struct mc_clock *clock);

/* An event of `user` with this time (live: the smaller of its time and its arrival) enters the log. The stamp is
 * clock->now afterwards. */
void mc_clock_event(struct mc_clock *clock, struct mc_time time, struct mc_str user);

/* The same, without a call for an event that is not ahead, as nearly all are. */
static inline void mc_clock_stamp(struct mc_clock *clock, struct mc_time time, struct mc_str user) {
    if (mc_time_is_none(clock->now) || time.us > clock->now.us || clock->witness_count > 0)
        mc_clock_event(clock, time, user);
}

/* A tick of a live source. */
void mc_clock_tick(struct mc_clock *clock, struct mc_time time);

/* Checkpoint bytes, little-endian, version first. Decoding refuses what is not whole and well-formed. */
void mc_clock_encode(const struct mc_clock *clock, struct mc_buf *out);
bool mc_clock_decode(struct mc_clock *clock, struct mc_str bytes);

#endif

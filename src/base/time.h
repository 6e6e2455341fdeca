/* Time: int64 microseconds since 1970-01-01 UTC, in two types that do not mix.
 *
 * `struct mc_time` is time in the log: event times, the clock, expiry instants. `struct mc_wall` is this machine's
 * time. Only app/ turns one into the other, where SEMANTICS says so (the wall of `stale`, arrival).
 */
#ifndef MC_BASE_TIME_H
#define MC_BASE_TIME_H

#include "base/buf.h"

#define MC_SECOND_US ((int64_t)1000000)
#define MC_MINUTE_US (60 * MC_SECOND_US)
#define MC_HOUR_US (60 * MC_MINUTE_US)
#define MC_DAY_US (24 * MC_HOUR_US)

/* 1970-01-01 and 2200-01-01: an event time t has MC_TIME_MIN_US <= t < MC_TIME_END_US (SEMANTICS 1). */
#define MC_TIME_MIN_US ((int64_t)0)
#define MC_TIME_END_US ((int64_t)7258118400 * MC_SECOND_US)

/* Before every time: "there is none". */
#define MC_TIME_NONE_US INT64_MIN

struct mc_time {
    int64_t us;
};

struct mc_wall {
    int64_t us;
};

static inline bool mc_time_is_none(struct mc_time t) {
    return t.us == MC_TIME_NONE_US;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar; month 1 to 12. */
int64_t mc_days_of_date(int year, unsigned month, unsigned day);
void mc_date_of_days(int64_t days, int *year, unsigned *month, unsigned *day);
bool mc_date_is_valid(int year, unsigned month, unsigned day);

enum { MC_TIME_TEXT_MAX = 28 };

/* RFC 3339 with Z, six fraction digits if not a whole second. Writes at most MC_TIME_TEXT_MAX bytes, no NUL; returns
 * the count. Years 0 to 9999. */
size_t mc_time_text(char *out, int64_t us);
void mc_buf_time(struct mc_buf *b, int64_t us);

/* The same for many times that are near each other: the date that was written last is kept. Start from {0}. */
struct mc_date_text {
    bool known;
    int64_t days;  /* from 1970-01-01 */
    char text[11]; /* "YYYY-MM-DDT" */
};
size_t mc_time_text_near(char *out, int64_t us, struct mc_date_text *date);

/* An event time as SEMANTICS 1 spells it, already trimmed. False if it is none. */
bool mc_time_parse(struct mc_str text, struct mc_time *out);

/* A duration as settings spell it: digits and one of us, ms, s, m, h, d ("90s", "10m", "24h", "7d"); "0" needs no
 * unit. False if it is none or does not fit. */
bool mc_duration_parse(struct mc_str text, int64_t *us);

/* The shortest such spelling: "30m", "24h", "7d" for whole days beyond two. */
void mc_buf_duration(struct mc_buf *b, int64_t us);

/* This machine's clock. */
struct mc_wall mc_wall_now(void);

/* A clock that never steps back, for measuring. Nanoseconds from some start. */
int64_t mc_monotonic_ns(void);

#endif

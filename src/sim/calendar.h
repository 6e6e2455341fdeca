/* When the simulated store is busy: the five months 2019-10-01 to 2020-02-29, minute by minute, in UTC.
 *
 * A minute's weight is the product of hour of day, weekday and special days (Black Friday, New Year), in whole numbers.
 * The rows of a month are the published ones, scaled. Pure functions; any thread.
 */
#ifndef MC_SIM_CALENDAR_H
#define MC_SIM_CALENDAR_H

#include <stdint.h>

enum {
    MC_SIM_DAYS = 152,
    MC_SIM_MONTHS = 5,
    MC_SIM_MINUTES = MC_SIM_DAYS * 1440,
    MC_SIM_SECONDS = MC_SIM_DAYS * 86400,
};

#define MC_SIM_START_S ((int64_t)1569888000) /* 2019-10-01 00:00:00 UTC, seconds since 1970 */
#define MC_SIM_ROWS_FULL ((uint64_t)20692840)

/* 0 (October) to 4 (February); `minute` counts from the start and is below MC_SIM_MINUTES. */
int mc_calendar_month(uint32_t minute);

/* How busy the minute is, at most 2^20. */
uint32_t mc_calendar_weight(uint32_t minute);

/* Rows from the start to the end of the month, when the whole has `rows`. The last month gives `rows` exactly. */
uint64_t mc_calendar_rows_until(int month, uint64_t rows);

#endif

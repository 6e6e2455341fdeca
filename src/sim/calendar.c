#include "sim/calendar.h"

#include <assert.h>

static const uint16_t month_end_days[MC_SIM_MONTHS] = {31, 61, 92, 123, 152};
static const uint32_t month_rows[MC_SIM_MONTHS] = {4102283, 4635837, 3533286, 4264752, 4156682};

/* At the full hour, UTC; between them straight lines. The store's customers live three hours further east. */
static const uint8_t hours[25] = {14, 12, 16, 24, 34, 44, 52, 57, 60, 62, 62, 61, 60,
                                  58, 58, 60, 64, 70, 74, 74, 62, 42, 26, 18, 14};
static const uint8_t weekdays[7] = {106, 105, 103, 97, 90, 95, 104}; /* 2019-10-01 was a Tuesday */

enum { BLACK_FRIDAY = 59 }; /* 2019-11-29: days since the start */

static const struct {
    uint8_t from, to; /* days since the start, both included */
    uint16_t percent;
} special_days[] = {
    {BLACK_FRIDAY - 8, BLACK_FRIDAY - 2, 115},
    {BLACK_FRIDAY - 1, BLACK_FRIDAY - 1, 140},
    {BLACK_FRIDAY, BLACK_FRIDAY, 230},
    {BLACK_FRIDAY + 1, BLACK_FRIDAY + 1, 150},
    {BLACK_FRIDAY + 2, BLACK_FRIDAY + 3, 120},
    {84, 90, 80}, /* Christmas week */
    {91, 92, 45}, /* New Year's Eve and Day */
    {93, 97, 80},
    {115, 117, 125}, /* a January sale */
};

/* The evening hour in which the Black Friday offers were announced: about 9,000 visits are open at its end. */
enum { RUSH_FROM = BLACK_FRIDAY * 1440 + 17 * 60, RUSH_MINUTES = 60, RUSH_PERCENT = 420 };

int mc_calendar_month(uint32_t minute) {
    int month = 0;
    assert(minute < MC_SIM_MINUTES);
    while (minute / 1440 >= month_end_days[month])
        month++;
    return month;
}

static uint32_t special_percent(uint32_t minute) {
    uint32_t day = minute / 1440, percent = 100;
    for (unsigned i = 0; i < sizeof special_days / sizeof special_days[0]; i++) {
        if (day >= special_days[i].from && day <= special_days[i].to)
            percent = special_days[i].percent;
    }
    if (minute >= RUSH_FROM && minute < RUSH_FROM + RUSH_MINUTES)
        percent = percent * RUSH_PERCENT / 100;
    return percent;
}

uint32_t mc_calendar_weight(uint32_t minute) {
    uint32_t hour = minute / 60 % 24, past = minute % 60;
    uint32_t of_day = hours[hour] * (60 - past) + hours[hour + 1] * past; /* at most 74 x 60 */
    uint32_t of_week = weekdays[minute / 1440 % 7];
    assert(minute < MC_SIM_MINUTES);
    return of_day * of_week * special_percent(minute) / 10000;
}

uint64_t mc_calendar_rows_until(int month, uint64_t rows) {
    uint64_t until = 0;
    assert(month >= 0 && month < MC_SIM_MONTHS);
    for (int i = 0; i <= month; i++)
        until += month_rows[i];
    return (uint64_t)((unsigned __int128)rows * until / MC_SIM_ROWS_FULL);
}

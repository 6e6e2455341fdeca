/* The series of a CSV file for maxcart forecast: read, ordered, put on a regular calendar.
 *
 * Rows `series_id,period,value` and optionally price, views, carts, promotion, stock, in any order. A period is a date
 * (YYYY-MM-DD or YYYY-MM) or a whole number, the same kind in the whole file. The step is found in the file: months if
 * all dates have the same day of the month, or are all month ends; else the greatest number of days that fits; whole
 * numbers step by one. A value that is blank, NaN, NA or null, one at a stock of zero, and one on promotion are
 * missing. Periods without a row within a series are missing too; with `demand` they are zero, and series with dates go
 * on with zeros to the last date of the file: a table of sales has no rows for days without. Negative values are zero
 * with `demand`. Series are in the order of their names' bytes. One thread.
 */
#ifndef MC_APP_FORECAST_TABLE_H
#define MC_APP_FORECAST_TABLE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/forecast.h"

enum {
    MC_FORECAST_PERIODS_MAX = 1000000,  /* of one series */
    MC_FORECAST_CELLS_MAX = 1000000000, /* of all: 8 GB */
};

enum mc_forecast_step { MC_STEP_NUMBER, MC_STEP_DAYS, MC_STEP_MONTHS };

struct mc_forecast_item {
    size_t name_at, name_len; /* in names */
    size_t cell_at;           /* of its first period in the arrays */
    int64_t first, last;      /* periods: whole number, days since 1970, months since year 0 */
    double price;             /* the last one known, NaN */
    double stock;             /* the last one known, NaN */
};

struct mc_forecast_table {
    struct mc_buf names;
    struct mc_forecast_item *items;
    struct mc_series *series; /* point into values */
    size_t count, cells;
    double *values, *views, *carts; /* [cell]; views and carts NULL if the file has none */
    enum mc_forecast_step step;
    int64_t step_size; /* days or months */
    size_t season;     /* 7 for days, 52 for weeks, 12 for months, 4 for quarters, else 1 */
    size_t rows, missing, promoted, sold_out, negative; /* counts of values; the last: negative ones made zero */
};

/* Reads `path`, "-" for standard input, into *t, which starts from {0}. Errors of mc_table_read; MC_ERR_FORMAT with the
 * row's number: a value that is no number or beyond 10^15, a period that is none or of another kind, the same period
 * twice in a series; MC_ERR_LIMIT; MC_ERR_NOMEM. Free it in any case. */
enum mc_err mc_forecast_table_read(struct mc_forecast_table *t, const char *path, bool demand, struct mc_error *e);
void mc_forecast_table_free(struct mc_forecast_table *t);

struct mc_str mc_forecast_name(const struct mc_forecast_table *t, size_t i);

/* "days", "weeks", "months", "quarters", "years", "periods". */
const char *mc_forecast_unit(const struct mc_forecast_table *t);

/* The period `steps` after the last of a series, as text: a date, a month (YYYY-MM) or a number. */
void mc_forecast_period_text(struct mc_buf *b, const struct mc_forecast_table *t, size_t i, int64_t steps);

#endif

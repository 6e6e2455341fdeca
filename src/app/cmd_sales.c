/* maxcart sales: what was sold, by product, by product and minute, or by day. */
#include "app/commands.h"

#include "app/query.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum sales_by { BY_PRODUCT, BY_MINUTE, BY_DAY };

static const struct mc_list_column product_columns[] = {
    {"product_id", "PRODUCT", MC_CELL_TEXT},
    {"units", "UNITS", MC_CELL_COUNT},
    {"revenue_minor", "REVENUE", MC_CELL_MONEY},
    {0},
};

/* As sales.csv (SEMANTICS 8), but in order of minute. */
static const struct mc_list_column minute_columns[] = {
    {"product_id", "PRODUCT", MC_CELL_TEXT},
    {"minute", "MINUTE", MC_CELL_TIME},
    {"units", "UNITS", MC_CELL_COUNT},
    {"revenue_minor", "REVENUE", MC_CELL_MONEY},
    {0},
};

static const struct mc_list_column day_columns[] = {
    {"day", "DAY", MC_CELL_TEXT},
    {"units", "UNITS", MC_CELL_COUNT},
    {"revenue_minor", "REVENUE", MC_CELL_MONEY},
    {0},
};

static bool take_product(void *context, const struct mc_sale *sale) {
    struct mc_listing *l = context;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_text(&l->rows, sale->product);
    mc_printout_number(&l->rows, sale->units);
    mc_printout_number(&l->rows, sale->revenue);
    return true;
}

static bool take_minute(void *context, const struct mc_sale *sale) {
    struct mc_listing *l = context;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_text(&l->rows, sale->product);
    mc_printout_time(&l->rows, sale->minute.us);
    mc_printout_number(&l->rows, sale->units);
    mc_printout_number(&l->rows, sale->revenue);
    return true;
}

/* Sums of one day of the shop's zone. Minutes come in order, and so do days. */
struct days {
    struct mc_listing list;
    char day[16]; /* "": none yet */
    __int128 units, revenue;
};

static void day_of(struct mc_time minute, char day[16]) {
    time_t seconds = (time_t)(minute.us / MC_SECOND_US);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(day, 16, "%Y-%m-%d", &local);
}

/* Gives out the day that is complete; false when there is no room. */
static bool end_day(struct days *d) {
    if (d->day[0] == '\0')
        return true;
    if (!mc_listing_has_room(&d->list))
        return false;
    mc_printout_text(&d->list.rows, mc_str_of(d->day));
    mc_printout_number(&d->list.rows, d->units);
    mc_printout_number(&d->list.rows, d->revenue);
    return true;
}

static bool take_day(void *context, const struct mc_sale *sale) {
    struct days *d = context;
    char day[16];
    day_of(sale->minute, day);
    if (strcmp(day, d->day) != 0) {
        if (!end_day(d)) {
            d->day[0] = '\0';
            return false;
        }
        snprintf(d->day, sizeof d->day, "%s", day);
        d->units = d->revenue = 0;
    }
    d->units += sale->units;
    d->revenue += sale->revenue;
    return true;
}

static enum mc_err by_day(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e) {
    struct days d = {0};
    enum mc_err err = mc_listing_open(&d.list, run, query, day_columns, e);
    setenv("TZ", run->config.store.time_zone, 1);
    tzset();
    d.list.filter.limit = 0; /* it would count minutes */
    if (err == MC_OK)
        err = mc_read_sales(d.list.ledger, &d.list.filter, take_day, &d, e);
    if (err == MC_OK)
        end_day(&d);
    return mc_listing_close(&d.list, err);
}

static enum mc_err run_sales(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct mc_query *query = arguments;
    struct mc_listing l = {0};
    if (query->by == BY_DAY)
        return by_day(run, query, e);
    enum mc_err err = mc_listing_open(&l, run, query, query->by == BY_MINUTE ? minute_columns : product_columns, e);
    if (err == MC_OK && query->by == BY_MINUTE)
        err = mc_read_sales(l.ledger, &l.filter, take_minute, &l, e);
    else if (err == MC_OK)
        err = mc_read_sales_by_product(l.ledger, &l.filter, true, take_product, &l, e);
    return mc_listing_close(&l, err);
}

/* clang-format off */
static const struct mc_option sales_options[] = {
    {"by", MC_OPTION_CHOICE, offsetof(struct mc_query, by), "WHAT", "product (by revenue), minute (and product) or day", 0, 0, "product|minute|day"},
    MC_QUERY_SINCE("sold"), MC_QUERY_UNTIL("sold"), MC_QUERY_PRODUCT("only of this product"),
    MC_QUERY_LIMIT, MC_QUERY_JSON, MC_QUERY_CSV, {0},
};
/* clang-format on */

const struct mc_command mc_command_sales = {
    .name = "sales",
    .purpose = "Shows what was sold: by product, by minute or by day",
    .operands = "",
    .about = "Minutes are UTC; days begin at midnight of store.time_zone. Revenue is in the\n"
             "shop's currency; in --json and --csv in hundredths of it.\n",
    .options = sales_options,
    .defaults = &mc_query_defaults,
    .arguments_size = sizeof(struct mc_query),
    .run = run_sales,
};

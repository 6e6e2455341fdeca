#include "lake/views.h"

/* Minor units as a number of the currency's unit, exact. */
#define MONEY(minor) "CAST(" minor " AS DECIMAL(19, 0)) * 0.01"
#define MONEY_SUM(minor) "CAST(" minor " AS DECIMAL(35, 0)) * 0.01"

/* Of an event: at most 10^6 x 10^12, which an int64 holds. Sums are 128 bits wide. */
#define AMOUNT "CAST(quantity AS BIGINT) * price_minor"

/* The day of an instant, in the zone of the session: the shop's. */
#define DAY(instant) "CAST(" instant " AS DATE)"

#define EVENTS                                                                                                         \
    "SELECT event_time, event_type, product_id, category_id, category_code, brand, " MONEY(                            \
        "price_minor") " AS price,"                                                                                    \
                       " price_minor, quantity, user_id, user_session, order_id, message_id, visit_start, late, "      \
                       "source, arrived_at,"                                                                           \
                       " original_time, event_time + to_microseconds(clock_ahead_us) AS clock, clock_order, date "     \
                       "FROM lake_events"

#define VISITS                                                                                                         \
    "SELECT user_id, user_session, visit_start, min(event_time) AS first_at, max(event_time) AS last_at,"              \
    " count(*) AS events, count(*) FILTER (event_type = 'view') AS views,"                                             \
    " count(*) FILTER (event_type = 'cart') AS carts,"                                                                 \
    " count(*) FILTER (event_type = 'remove_from_cart') AS removals,"                                                  \
    " count(*) FILTER (event_type = 'purchase') AS purchases, count(DISTINCT product_id) AS products,"                 \
    " coalesce(sum(quantity) FILTER (event_type = 'purchase'), 0) AS units,"                                           \
    " coalesce(sum(" AMOUNT ") FILTER (event_type = 'purchase'), 0) AS revenue_minor"                                  \
    " FROM lake_events WHERE visit_start IS NOT NULL GROUP BY user_id, user_session, visit_start"

#define CUSTOMERS                                                                                                      \
    "SELECT user_id, min(event_time) AS first_at, max(event_time) AS last_at,"                                         \
    " count(DISTINCT (user_session, visit_start)) FILTER (visit_start IS NOT NULL) AS visits, count(*) AS events,"     \
    " count(*) FILTER (event_type = 'purchase') AS purchases,"                                                         \
    " count(DISTINCT " DAY("event_time") ") FILTER (event_type = 'purchase') AS purchase_days,"                        \
                                         " min(event_time) FILTER (event_type = 'purchase') AS first_purchase_at,"     \
                                         " max(event_time) FILTER (event_type = 'purchase') AS last_purchase_at,"      \
                                         " coalesce(sum(quantity) FILTER (event_type = 'purchase'), 0) AS units,"      \
                                         " coalesce(sum(" AMOUNT ") FILTER (event_type "                               \
                                         "= 'purchase'), 0) AS revenue_minor"                                          \
                                         " FROM lake_events GROUP BY user_id"

#define FUNNEL                                                                                                         \
    "SELECT " DAY("visit_start") " AS day, count(*) AS visits, count(*) FILTER (views > 0) AS visits_with_view,"       \
                                 " count(*) FILTER (carts > 0) AS visits_with_cart, count(*) FILTER (purchases > 0) "  \
                                 "AS visits_with_purchase,"                                                            \
                                 " count(*) FILTER (carts > 0 AND purchases > 0) AS visits_with_both,"                 \
                                 " sum(revenue_minor) AS revenue_minor FROM visits GROUP BY ALL"

#define SALES_OF_LAKE                                                                                                  \
    "SELECT product_id, date_trunc('minute', CAST(event_time AS TIMESTAMPTZ)) AS minute, sum(quantity) AS units,"      \
    " sum(" AMOUNT ") AS revenue_minor"                                                                                \
    " FROM lake_events WHERE event_type = 'purchase' GROUP BY ALL"

/* A minute lies within one day, so this is the same as by way of `sales`, and half the work. */
#define SALES_DAILY_OF_LAKE                                                                                            \
    "SELECT " DAY("event_time") " AS day, product_id, CAST(sum(quantity) AS HUGEINT) AS units,"                        \
                                " sum(" AMOUNT                                                                         \
                                ") AS revenue_minor FROM lake_events WHERE event_type = 'purchase' GROUP BY ALL"

#define SALES_DAILY                                                                                                    \
    "SELECT " DAY("minute") " AS day, product_id, CAST(sum(units) AS HUGEINT) AS units,"                               \
                            " CAST(sum(revenue_minor) AS HUGEINT) AS revenue_minor FROM sales GROUP BY ALL"

/* The value of the greatest event time, of equals the greatest text (SEMANTICS 2). */
#define NEWEST(column)                                                                                                 \
    "arg_max(" column ", {'at': event_time, 'value': " column "}) FILTER (" column " IS NOT NULL) AS " column

#define PRODUCTS_OF_LAKE                                                                                               \
    "SELECT product_id, " NEWEST("category_id") ", " NEWEST("category_code") ", " NEWEST(                              \
        "brand") " FROM lake_events GROUP BY product_id"

#define CARTS                                                                                                          \
    "SELECT user_id, user_session, opened_at, first_at, last_at, first_cart_at, expires_at, items, quantity,"          \
    " value_minor, decision FROM live_carts"

#define DECISIONS                                                                                                      \
    "SELECT expires_at, user_id, user_session, opened_at, value_minor, decision, replayed, offer, offer_value,"        \
    " recovered_at, recovered_minor FROM live_carts"

#define MESSAGES                                                                                                       \
    "SELECT message, user_id, user_session, opened_at, expires_at, due_at, decision, state, withheld, offer,"          \
    " offer_value, coupon, replayed, recovered_at, recovered_minor FROM live_carts WHERE message IS NOT NULL"

const struct mc_view mc_views[] = {
    {"events", 0, NULL, EVENTS, true},
    {"late", 0, NULL, "SELECT * FROM events WHERE late", true},
    {"visits", 0, NULL, "SELECT *, " MONEY_SUM("revenue_minor") " AS revenue FROM (" VISITS ")", true},
    {"carts", MC_LIVE_CARTS, "SELECT *, " MONEY_SUM("value_minor") " AS value FROM (" CARTS ")", NULL, false},
    {"cart_items", MC_LIVE_CARTS,
     "SELECT user_id, user_session, opened_at, expires_at, product_id, quantity, price_minor, " MONEY(
         "price_minor") " AS price FROM live_items",
     NULL, false},
    {"decisions", MC_LIVE_CARTS, DECISIONS, NULL, false},
    {"messages", MC_LIVE_CARTS, MESSAGES, NULL, false},
    {"sales", MC_LIVE_SALES,
     "SELECT product_id, minute, units, revenue_minor, " MONEY_SUM("revenue_minor") " AS revenue FROM live_sales",
     "SELECT *, " MONEY_SUM("revenue_minor") " AS revenue FROM (" SALES_OF_LAKE ")", false},
    {"sales_daily", MC_LIVE_SALES, "SELECT *, " MONEY_SUM("revenue_minor") " AS revenue FROM (" SALES_DAILY ")",
     "SELECT *, " MONEY_SUM("revenue_minor") " AS revenue FROM (" SALES_DAILY_OF_LAKE ")", false},
    {"products", MC_LIVE_PRODUCTS, "SELECT product_id, category_id, category_code, brand FROM live_products",
     PRODUCTS_OF_LAKE, false},
    {"customers", 0, NULL, "SELECT *, " MONEY_SUM("revenue_minor") " AS revenue FROM (" CUSTOMERS ")", true},
    {"funnel", 0, NULL, "SELECT *, " MONEY_SUM("revenue_minor") " AS revenue FROM (" FUNNEL ")", true},
    {"rejects", MC_LIVE_REJECTS, "SELECT source, byte_offset, row, reason, raw, arrived_at FROM live_rejects",
     "SELECT source, byte_offset, row, reason, raw, arrived_at FROM lake_rejects", true},
};
const size_t mc_view_count = sizeof mc_views / sizeof *mc_views;

enum mc_view_source mc_view_source(const struct mc_view *v, bool has_lake, bool has_store) {
    bool lake = has_lake && v->of_lake != NULL, store = has_store && v->of_store != NULL;
    if (lake && (!store || v->lake_first))
        return MC_VIEW_OF_LAKE;
    return store ? MC_VIEW_OF_STORE : MC_VIEW_ABSENT;
}

void mc_buf_sql(struct mc_buf *sql, struct mc_str text) {
    mc_buf_char(sql, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\'')
            mc_buf_char(sql, '\'');
        mc_buf_char(sql, text.data[i]);
    }
    mc_buf_char(sql, '\'');
}

/* ---- the lake's files ---- */

static const char events_columns[] =
    "event_time TIMESTAMPTZ, event_type VARCHAR, product_id VARCHAR, category_id VARCHAR, category_code VARCHAR,"
    " brand VARCHAR, price_minor BIGINT, quantity INTEGER, user_id VARCHAR, user_session VARCHAR, order_id VARCHAR,"
    " message_id VARCHAR, visit_start TIMESTAMPTZ, late BOOLEAN, source VARCHAR, arrived_at TIMESTAMPTZ,"
    " original_time TIMESTAMPTZ, clock_ahead_us BIGINT, clock_order INTEGER, date DATE";

static const char rejects_columns[] =
    "source VARCHAR, byte_offset BIGINT, row BIGINT, reason VARCHAR, raw BLOB, arrived_at TIMESTAMPTZ,"
    " position BIGINT, date DATE";

/* A lake without files has tables without rows. */
static void put_files(struct mc_buf *sql, const char *name, const struct mc_buf *files, const char *columns) {
    size_t at = 0;
    const char *path = mc_lake_listing_next(files, &at);
    if (path == NULL) {
        mc_buf_printf(sql, "CREATE TABLE %s(%s);", name, columns);
        return;
    }
    mc_buf_printf(sql, "CREATE VIEW %s AS SELECT * FROM read_parquet([", name);
    for (; path != NULL; path = mc_lake_listing_next(files, &at)) {
        mc_buf_sql(sql, mc_str_of(path));
        mc_buf_char(sql, ',');
    }
    mc_buf_text(sql, "], hive_partitioning = true, hive_types = {'date': DATE});");
}

void mc_views_of_lake(struct mc_buf *sql, const struct mc_lake_listing *listing, bool has_store) {
    put_files(sql, "lake_events", &listing->events, events_columns);
    put_files(sql, "lake_rejects", &listing->rejects, rejects_columns);
    for (size_t i = 0; i < mc_view_count; i++)
        if (mc_view_source(&mc_views[i], true, has_store) == MC_VIEW_OF_LAKE)
            mc_buf_printf(sql, "CREATE VIEW %s AS %s;", mc_views[i].name, mc_views[i].of_lake);
}

void mc_views_of_store(struct mc_buf *sql, bool has_lake, unsigned filled, unsigned before) {
    for (size_t i = 0; i < mc_view_count; i++) {
        const struct mc_view *v = &mc_views[i];
        if (mc_view_source(v, has_lake, true) == MC_VIEW_OF_STORE && (v->live & filled) == v->live &&
            (v->live & before) != v->live)
            mc_buf_printf(sql, "CREATE VIEW %s AS %s;", v->name, v->of_store);
    }
}

/* ---- the store's tables ---- */

void mc_live_create(struct mc_buf *sql, unsigned live) {
    if (live & MC_LIVE_CARTS)
        mc_buf_text(sql, "CREATE TABLE live_carts(user_id VARCHAR, user_session VARCHAR, opened_at TIMESTAMPTZ,"
                         " first_at TIMESTAMPTZ, last_at TIMESTAMPTZ, first_cart_at TIMESTAMPTZ,"
                         " expires_at TIMESTAMPTZ, items BIGINT, quantity HUGEINT, value_minor HUGEINT,"
                         " decision VARCHAR, message BIGINT, state VARCHAR, withheld VARCHAR, replayed BOOLEAN,"
                         " due_at TIMESTAMPTZ, offer VARCHAR, offer_value BIGINT, coupon VARCHAR,"
                         " recovered_at TIMESTAMPTZ, recovered_minor HUGEINT);"
                         "CREATE TABLE live_items(user_id VARCHAR, user_session VARCHAR, opened_at TIMESTAMPTZ,"
                         " expires_at TIMESTAMPTZ, product_id VARCHAR, quantity BIGINT, price_minor BIGINT);");
    if (live & MC_LIVE_SALES)
        mc_buf_text(sql, "CREATE TABLE live_sales(product_id VARCHAR, minute TIMESTAMPTZ, units HUGEINT,"
                         " revenue_minor HUGEINT);");
    if (live & MC_LIVE_PRODUCTS)
        mc_buf_text(sql, "CREATE TABLE live_products(product_id VARCHAR, category_id VARCHAR, category_code VARCHAR,"
                         " brand VARCHAR);");
    if (live & MC_LIVE_REJECTS)
        mc_buf_text(sql, "CREATE TABLE live_rejects(source VARCHAR, byte_offset BIGINT, row BIGINT, reason VARCHAR,"
                         " raw BLOB, arrived_at TIMESTAMPTZ);");
}

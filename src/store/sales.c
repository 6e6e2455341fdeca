/* Sales: by product and minute, written as they come; by product, added up in memory and written at the commit. */
#include "store/internal.h"

static int64_t minute_of(struct mc_time t) {
    int64_t into = t.us % MC_MINUTE_US;
    return t.us - (into < 0 ? into + MC_MINUTE_US : into);
}

static void bind_sum(sqlite3_stmt *s, int at, __int128 units, __int128 revenue) {
    mc_bind_int128(s, at, units);
    mc_bind_int128(s, at + 1, revenue);
}

/* Most products are bought once a minute: the row is inserted, and only if it is there already, added to. */
static enum mc_err sale_write(struct mc_ledger *l, enum mc_sql which, struct mc_str product, struct mc_time minute,
                              int64_t units, __int128 revenue, bool *written, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, which, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, minute_of(minute));
    mc_bind_str(s, 2, product);
    bind_sum(s, 3, units, revenue);
    enum mc_err err = mc_sql_run(l, which, e);
    *written = err == MC_OK && sqlite3_changes(l->db) > 0;
    return err;
}

enum mc_err mc_ledger_put_sale(struct mc_ledger *l, struct mc_str product, struct mc_time minute, int64_t units,
                               __int128 revenue, struct mc_error *e) {
    bool added = false, changed;
    enum mc_err err = mc_ledger_writable(l, e);
    if (err == MC_OK)
        err = sale_write(l, MC_SQL_SALE_PUT, product, minute, units, revenue, &added, e);
    if (err == MC_OK && !added)
        err = sale_write(l, MC_SQL_SALE_ADD, product, minute, units, revenue, &changed, e);
    if (err == MC_OK && !mc_sums_add(&l->sold, product, units, revenue))
        err = mc_ledger_no_memory(l, e);
    if (err != MC_OK)
        return err;
    mc_totals_add(l, MC_TOTAL_SALE_MINUTES, added);
    mc_totals_add(l, MC_TOTAL_UNITS, units);
    mc_totals_add(l, MC_TOTAL_REVENUE, revenue);
    return MC_OK;
}

enum mc_err mc_sold_flush(struct mc_ledger *l, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PRODUCT_SALE_PUT, e);
    if (s == NULL)
        return l->last_error;
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < l->sold.products.count && err == MC_OK; i++) {
        mc_bind_str(s, 1, mc_strmap_key(&l->sold.products, &l->sold.products.entries[i]));
        bind_sum(s, 2, l->sold.list[i].units, l->sold.list[i].revenue);
        err = mc_sql_run(l, MC_SQL_PRODUCT_SALE_PUT, e);
    }
    return err;
}

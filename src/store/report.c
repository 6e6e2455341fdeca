#include "store/internal.h"
#include "store/page.h"

static void report_fill(const struct mc_tally *t, struct mc_report *out) {
    const __int128 *v = t->value;
    *out = (struct mc_report){
        .carts = (uint64_t)v[MC_TALLY_CARTS],
        .items_rows = (uint64_t)v[MC_TALLY_CART_ITEMS],
        .cart_value = v[MC_TALLY_CART_VALUE],
        .cart_quantity = v[MC_TALLY_CART_QUANTITY],
        .rejects_retried = (uint64_t)v[MC_TALLY_RETRIED],
        .units = v[MC_TALLY_UNITS],
        .revenue = v[MC_TALLY_REVENUE],
        .withheld_no_coupon = (uint64_t)v[MC_TALLY_NO_COUPON],
        .without_coupon = (uint64_t)v[MC_TALLY_WITHOUT_COUPON],
        .coupons_free = (uint64_t)v[MC_TALLY_COUPONS_FREE],
        .coupons_taken = (uint64_t)v[MC_TALLY_COUPONS_TAKEN],
        .subscribers = (uint64_t)v[MC_TALLY_SUBSCRIBERS],
        .suppressions = (uint64_t)v[MC_TALLY_SUPPRESSIONS],
        .passed_send = (uint64_t)v[MC_TALLY_PASSED_SEND],
        .passed_holdout = (uint64_t)v[MC_TALLY_PASSED_HOLDOUT],
        .recovered_send = (uint64_t)v[MC_TALLY_RECOVERED_SEND],
        .recovered_holdout = (uint64_t)v[MC_TALLY_RECOVERED_HOLDOUT],
        .recovered_send_minor = v[MC_TALLY_RECOVERED_SEND_MINOR],
        .recovered_holdout_minor = v[MC_TALLY_RECOVERED_HOLDOUT_MINOR],
        .clock = {v[MC_TALLY_CLOCK_SET] ? (int64_t)v[MC_TALLY_CLOCK] : MC_TIME_NONE_US},
    };
    for (int i = 0; i < MC_DECISIONS; i++) {
        out->decisions[i] = (uint64_t)v[MC_TALLY_DECISIONS + i];
        out->withheld[i] = (uint64_t)v[MC_TALLY_WITHHELD + i];
    }
    for (int i = 0; i < MC_REASONS; i++)
        out->rejects[i] = (uint64_t)v[MC_TALLY_REJECTS + i];
    for (int i = 0; i < MC_MESSAGE_STATES; i++)
        out->messages[i] = (uint64_t)v[MC_TALLY_MESSAGES + i];
    for (int i = 0; i < MC_PROMISE_BUCKETS; i++)
        out->promise[i] = (uint64_t)v[MC_TALLY_PROMISE + i];
}

enum mc_err mc_report_read(struct mc_ledger *l, struct mc_report *out, struct mc_error *e) {
    if (l->mode == MC_LEDGER_WRITE) { /* its memory is at least as new as the table */
        report_fill(&l->tally, out);
        return MC_OK;
    }
    struct mc_tally tally;
    if (mc_sql_get(l, MC_SQL_BEGIN_READ, e) == NULL || mc_sql_get(l, MC_SQL_COMMIT, e) == NULL)
        return l->last_error;
    enum mc_err err = mc_sql_run(l, MC_SQL_BEGIN_READ, e);
    if (err != MC_OK)
        return err;
    err = mc_tally_load(l, &tally, e);
    enum mc_err end = mc_sql_run(l, MC_SQL_COMMIT, err == MC_OK ? e : NULL);
    if (err == MC_OK && end == MC_OK)
        report_fill(&tally, out);
    return err != MC_OK ? err : end;
}

enum mc_err mc_read_counters(struct mc_ledger *l, bool (*take)(void *context, const char *name, __int128 value),
                             void *context, struct mc_error *e) {
    struct mc_page page = {0}, previous = {0};
    bool more = true;
    enum mc_err err = MC_OK;
    while (err == MC_OK && more) {
        sqlite3_stmt *s = mc_sql_get(l, MC_SQL_COUNTER_NEXT, e);
        if (s == NULL)
            return l->last_error;
        mc_bind_str(s, 1, previous.last[0].text);
        err = mc_page_fill(l, MC_SQL_COUNTER_NEXT, 1, NULL, NULL, &page, e);
        more = err == MC_OK && !page.end;
        for (size_t i = 0; err == MC_OK && i < page.count; i++) {
            char name[256];
            struct mc_str text = page.rows[i][0].text;
            size_t len = text.len < sizeof name - 1 ? text.len : sizeof name - 1;
            memcpy(name, text.data, len);
            name[len] = '\0';
            if (!take(context, name, page.rows[i][1].exact)) {
                more = false;
                break;
            }
        }
        mc_page_free(&previous);
        previous = page;
        page = (struct mc_page){0};
    }
    mc_page_free(&previous);
    mc_page_free(&page);
    return err;
}

/* ---- the product dimension: checkpoint.h ---- */

static struct mc_product product_of_row(const struct mc_cell *c) {
    return (struct mc_product){.product = c[0].text,
                               .category_id = {c[1].text, {c[2].number}},
                               .category_code = {c[3].text, {c[4].number}},
                               .brand = {c[5].text, {c[6].number}}};
}

enum mc_err mc_product_each(struct mc_ledger *l, bool (*take)(void *context, const struct mc_product *product),
                            void *context, struct mc_error *e) {
    struct mc_page page = {0}, previous = {0};
    bool more = true;
    enum mc_err err = MC_OK;
    while (err == MC_OK && more) {
        sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PRODUCT_NEXT, e);
        if (s == NULL)
            return l->last_error;
        mc_bind_str(s, 1, previous.last[0].text);
        err = mc_page_fill(l, MC_SQL_PRODUCT_NEXT, 1, NULL, NULL, &page, e);
        more = err == MC_OK && !page.end;
        for (size_t i = 0; err == MC_OK && i < page.count; i++) {
            struct mc_product product = product_of_row(page.rows[i]);
            if (!take(context, &product)) {
                more = false;
                break;
            }
        }
        mc_page_free(&previous);
        previous = page;
        page = (struct mc_page){0};
    }
    mc_page_free(&previous);
    mc_page_free(&page);
    return err;
}

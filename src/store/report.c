#include "store/internal.h"
#include "store/page.h"

static void report_fill(const struct mc_totals *t, struct mc_report *out) {
    const __int128 *v = t->value;
    *out = (struct mc_report){
        .carts = (uint64_t)v[MC_TOTAL_CARTS],
        .items_rows = (uint64_t)v[MC_TOTAL_CART_ITEMS],
        .cart_value = v[MC_TOTAL_CART_VALUE],
        .cart_quantity = v[MC_TOTAL_CART_QUANTITY],
        .rejects_retried = (uint64_t)v[MC_TOTAL_RETRIED],
        .units = v[MC_TOTAL_UNITS],
        .revenue = v[MC_TOTAL_REVENUE],
        .sale_minutes = (uint64_t)v[MC_TOTAL_SALE_MINUTES],
        .withheld_no_coupon = (uint64_t)v[MC_TOTAL_NO_COUPON],
        .withheld_too_late = (uint64_t)v[MC_TOTAL_TOO_LATE],
        .without_coupon = (uint64_t)v[MC_TOTAL_WITHOUT_COUPON],
        .coupons_free = (uint64_t)v[MC_TOTAL_COUPONS_FREE],
        .coupons_taken = (uint64_t)v[MC_TOTAL_COUPONS_TAKEN],
        .subscribers = (uint64_t)v[MC_TOTAL_SUBSCRIBERS],
        .suppressions = (uint64_t)v[MC_TOTAL_SUPPRESSIONS],
        .catalogue = (uint64_t)v[MC_TOTAL_CATALOGUE],
        .passed_send = (uint64_t)v[MC_TOTAL_PASSED_SEND],
        .passed_holdout = (uint64_t)v[MC_TOTAL_PASSED_HOLDOUT],
        .recovered_send = (uint64_t)v[MC_TOTAL_RECOVERED_SEND],
        .recovered_holdout = (uint64_t)v[MC_TOTAL_RECOVERED_HOLDOUT],
        .recovered_send_minor = v[MC_TOTAL_RECOVERED_SEND_MINOR],
        .recovered_holdout_minor = v[MC_TOTAL_RECOVERED_HOLDOUT_MINOR],
        .clicked = (uint64_t)v[MC_TOTAL_CLICKED],
        .clock = {v[MC_TOTAL_CLOCK_SET] ? (int64_t)v[MC_TOTAL_CLOCK] : MC_TIME_NONE_US},
    };
    for (int i = 0; i < MC_DECISIONS; i++) {
        out->decisions[i] = (uint64_t)v[MC_TOTAL_DECISIONS + i];
        out->withheld[i] = (uint64_t)v[MC_TOTAL_WITHHELD + i];
    }
    for (int i = 0; i < MC_REASONS; i++)
        out->rejects[i] = (uint64_t)v[MC_TOTAL_REJECTS + i];
    for (int i = 0; i < MC_MESSAGE_STATES; i++)
        out->messages[i] = (uint64_t)v[MC_TOTAL_MESSAGES + i];
    for (int i = 0; i < MC_PROMISE_BUCKETS; i++)
        out->promise[i] = (uint64_t)v[MC_TOTAL_PROMISE + i];
}

enum mc_err mc_report_read(struct mc_ledger *l, struct mc_report *out, struct mc_error *e) {
    if (l->mode == MC_LEDGER_WRITE) { /* its memory is at least as new as the table */
        report_fill(&l->totals, out);
        return MC_OK;
    }
    struct mc_totals totals;
    if (mc_sql_get(l, MC_SQL_BEGIN_READ, e) == NULL || mc_sql_get(l, MC_SQL_COMMIT, e) == NULL)
        return l->last_error;
    enum mc_err err = mc_sql_run(l, MC_SQL_BEGIN_READ, e);
    if (err != MC_OK)
        return err;
    err = mc_totals_load(l, &totals, e);
    enum mc_err end = mc_sql_run(l, MC_SQL_COMMIT, err == MC_OK ? e : NULL);
    if (err == MC_OK && end == MC_OK)
        report_fill(&totals, out);
    return err != MC_OK ? err : end;
}

static void text_key_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    (void)filter;
    mc_bind_str(s, 1, after[0].text);
}

static const struct mc_cell from_the_first[MC_PAGE_COLUMNS_MAX] = {{0}};

/* ---- the product dimension: checkpoint.h ---- */

struct products {
    bool (*take)(void *context, const struct mc_product *product);
    void *context;
};

static bool give_product(void *context, struct mc_page *page, const struct mc_cell *c) {
    struct products *p = context;
    struct mc_product product = {.product = c[0].text,
                                 .category_id = {c[1].text, {c[2].number}},
                                 .category_code = {c[3].text, {c[4].number}},
                                 .brand = {c[5].text, {c[6].number}}};
    (void)page;
    return p->take(p->context, &product);
}

enum mc_err mc_product_each(struct mc_ledger *l, bool (*take)(void *context, const struct mc_product *product),
                            void *context, struct mc_error *e) {
    static const struct mc_paged listing = {MC_SQL_PRODUCT_NEXT, 1, text_key_bind, NULL, NULL};
    struct products p = {take, context};
    return mc_page_each(l, &listing, from_the_first, give_product, &p, e);
}

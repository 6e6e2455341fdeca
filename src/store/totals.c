#include "store/totals.h"

#include "store/internal.h"
#include <stdio.h>

static const char *const single_names[MC_TOTAL_SINGLES] = {
    [MC_TOTAL_CARTS] = "carts",
    [MC_TOTAL_CART_ITEMS] = "cart_items",
    [MC_TOTAL_CART_QUANTITY] = "cart_quantity",
    [MC_TOTAL_CART_VALUE] = "cart_value_minor",
    [MC_TOTAL_UNITS] = "units",
    [MC_TOTAL_REVENUE] = "revenue_minor",
    [MC_TOTAL_SALE_MINUTES] = "sale_minutes",
    [MC_TOTAL_RETRIED] = "rejects_retried",
    [MC_TOTAL_NO_COUPON] = "withheld.no_coupon",
    [MC_TOTAL_TOO_LATE] = "withheld.too_late",
    [MC_TOTAL_WITHOUT_COUPON] = "without_coupon",
    [MC_TOTAL_COUPONS_FREE] = "coupons_free",
    [MC_TOTAL_COUPONS_TAKEN] = "coupons_taken",
    [MC_TOTAL_SUBSCRIBERS] = "subscribers",
    [MC_TOTAL_SUPPRESSIONS] = "suppressions",
    [MC_TOTAL_CATALOGUE] = "catalogue",
    [MC_TOTAL_PASSED_SEND] = "passed.send",
    [MC_TOTAL_PASSED_HOLDOUT] = "passed.holdout",
    [MC_TOTAL_RECOVERED_SEND] = "recovered.send",
    [MC_TOTAL_RECOVERED_HOLDOUT] = "recovered.holdout",
    [MC_TOTAL_RECOVERED_SEND_MINOR] = "recovered_minor.send",
    [MC_TOTAL_RECOVERED_HOLDOUT_MINOR] = "recovered_minor.holdout",
    [MC_TOTAL_CLICKED] = "clicked",
    [MC_TOTAL_CLOCK_SET] = "clock_set",
    [MC_TOTAL_CLOCK] = "clock",
};

enum { NAME_MAX_BYTES = 64 };

static void name_of(int which, char name[NAME_MAX_BYTES]) {
    if (which >= MC_TOTAL_PROMISE)
        snprintf(name, NAME_MAX_BYTES, "store.promise.%d", which - MC_TOTAL_PROMISE);
    else if (which >= MC_TOTAL_WITHHELD)
        snprintf(name, NAME_MAX_BYTES, "store.withheld.%s", mc_decision_names[which - MC_TOTAL_WITHHELD]);
    else if (which >= MC_TOTAL_MESSAGES)
        snprintf(name, NAME_MAX_BYTES, "store.message.%s", mc_message_state_names[which - MC_TOTAL_MESSAGES]);
    else if (which >= MC_TOTAL_REJECTS)
        snprintf(name, NAME_MAX_BYTES, "store.reject.%s", mc_reason_names[which - MC_TOTAL_REJECTS]);
    else if (which >= MC_TOTAL_DECISIONS)
        snprintf(name, NAME_MAX_BYTES, "store.decision.%s", mc_decision_names[which - MC_TOTAL_DECISIONS]);
    else
        snprintf(name, NAME_MAX_BYTES, "store.%s", single_names[which]);
}

enum mc_err mc_totals_load(struct mc_ledger *l, struct mc_totals *totals, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (int i = 0; i < MC_TOTAL_COUNT && err == MC_OK; i++) {
        char name[NAME_MAX_BYTES];
        name_of(i, name);
        err = mc_counter_get(l, name, &totals->value[i], e);
        totals->stored[i] = totals->value[i];
    }
    return err;
}

static enum mc_err counter_write(struct mc_ledger *l, const char *name, __int128 value, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_COUNTER_PUT, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(name));
    mc_bind_int128(s, 2, value);
    return mc_sql_run(l, MC_SQL_COUNTER_PUT, e);
}

enum mc_err mc_totals_store(struct mc_ledger *l, struct mc_error *e) {
    struct mc_totals *totals = &l->totals;
    enum mc_err err = MC_OK;
    for (int i = 0; i < MC_TOTAL_COUNT && err == MC_OK; i++) {
        if (totals->value[i] == totals->stored[i])
            continue;
        char name[NAME_MAX_BYTES];
        name_of(i, name);
        err = counter_write(l, name, totals->value[i], e);
    }
    return err;
}

void mc_totals_settle(struct mc_totals *totals) {
    memcpy(totals->stored, totals->value, sizeof totals->stored);
}

#include "store/tally.h"

#include "store/internal.h"
#include <stdio.h>

static const char *const single_names[MC_TALLY_SINGLES] = {
    [MC_TALLY_CARTS] = "carts",
    [MC_TALLY_CART_ITEMS] = "cart_items",
    [MC_TALLY_CART_QUANTITY] = "cart_quantity",
    [MC_TALLY_CART_VALUE] = "cart_value_minor",
    [MC_TALLY_UNITS] = "units",
    [MC_TALLY_REVENUE] = "revenue_minor",
    [MC_TALLY_RETRIED] = "rejects_retried",
    [MC_TALLY_NO_COUPON] = "withheld.no_coupon",
    [MC_TALLY_WITHOUT_COUPON] = "without_coupon",
    [MC_TALLY_COUPONS_FREE] = "coupons_free",
    [MC_TALLY_COUPONS_TAKEN] = "coupons_taken",
    [MC_TALLY_SUBSCRIBERS] = "subscribers",
    [MC_TALLY_SUPPRESSIONS] = "suppressions",
    [MC_TALLY_PASSED_SEND] = "passed.send",
    [MC_TALLY_PASSED_HOLDOUT] = "passed.holdout",
    [MC_TALLY_RECOVERED_SEND] = "recovered.send",
    [MC_TALLY_RECOVERED_HOLDOUT] = "recovered.holdout",
    [MC_TALLY_RECOVERED_SEND_MINOR] = "recovered_minor.send",
    [MC_TALLY_RECOVERED_HOLDOUT_MINOR] = "recovered_minor.holdout",
    [MC_TALLY_CLOCK_SET] = "clock_set",
    [MC_TALLY_CLOCK] = "clock",
};

enum { NAME_MAX_BYTES = 64 };

static void name_of(int which, char name[NAME_MAX_BYTES]) {
    if (which >= MC_TALLY_PROMISE)
        snprintf(name, NAME_MAX_BYTES, "store.promise.%d", which - MC_TALLY_PROMISE);
    else if (which >= MC_TALLY_WITHHELD)
        snprintf(name, NAME_MAX_BYTES, "store.withheld.%s", mc_decision_names[which - MC_TALLY_WITHHELD]);
    else if (which >= MC_TALLY_MESSAGES)
        snprintf(name, NAME_MAX_BYTES, "store.message.%s", mc_message_state_names[which - MC_TALLY_MESSAGES]);
    else if (which >= MC_TALLY_REJECTS)
        snprintf(name, NAME_MAX_BYTES, "store.reject.%s", mc_reason_names[which - MC_TALLY_REJECTS]);
    else if (which >= MC_TALLY_DECISIONS)
        snprintf(name, NAME_MAX_BYTES, "store.decision.%s", mc_decision_names[which - MC_TALLY_DECISIONS]);
    else
        snprintf(name, NAME_MAX_BYTES, "store.%s", single_names[which]);
}

enum mc_err mc_tally_load(struct mc_ledger *l, struct mc_tally *tally, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (int i = 0; i < MC_TALLY_COUNT && err == MC_OK; i++) {
        char name[NAME_MAX_BYTES];
        name_of(i, name);
        err = mc_counter_get(l, name, &tally->value[i], e);
        tally->stored[i] = tally->value[i];
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

enum mc_err mc_tally_store(struct mc_ledger *l, struct mc_error *e) {
    struct mc_tally *tally = &l->tally;
    enum mc_err err = MC_OK;
    for (int i = 0; i < MC_TALLY_COUNT && err == MC_OK; i++) {
        if (tally->value[i] == tally->stored[i])
            continue;
        char name[NAME_MAX_BYTES];
        name_of(i, name);
        err = counter_write(l, name, tally->value[i], e);
    }
    return err;
}

void mc_tally_settle(struct mc_tally *tally) {
    memcpy(tally->stored, tally->value, sizeof tally->stored);
}

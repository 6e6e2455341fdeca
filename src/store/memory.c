/* What the handle keeps beside the tables (L4): loaded at open, reloaded after a rollback, flushed before a commit. */
#include "store/internal.h"

#include "base/mem.h"

void mc_memory_free(struct mc_ledger *l) {
    l->unwritten = NULL;
    mc_waiting_free(&l->waiting);
    mc_strmap_free(&l->bought);
    mc_sums_free(&l->sold);
    mc_strmap_free(&l->linked);
    mc_strmap_free(&l->persons);
}

static enum mc_err linked_load(struct mc_ledger *l, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PERSON_ALL, e);
    if (s == NULL)
        return l->last_error;
    bool row;
    enum mc_err err;
    while ((err = mc_sql_step(l, MC_SQL_PERSON_ALL, &row, e)) == MC_OK && row) {
        struct mc_str user = mc_column_str(s, 0), person = mc_column_str(s, 1);
        struct mc_strmap_entry *name =
            mc_strmap_add(&l->persons, mc_hash64(person.data, person.len), person, (int64_t)l->persons.count);
        if (name == NULL || mc_strmap_add(&l->linked, mc_hash64(user.data, user.len), user, name->value) == NULL) {
            mc_sql_reset(l, MC_SQL_PERSON_ALL);
            return mc_ledger_no_memory(l, e);
        }
    }
    return err;
}

struct mc_waiter *mc_waiter_read(struct mc_ledger *l, sqlite3_stmt *s, struct mc_error *e) {
    struct mc_arena arena = {0};
    struct mc_cart_item *items;
    uint32_t count;
    struct mc_waiter *waiter = NULL;
    if (!mc_items_decode(&arena, mc_column_str(s, 11), &items, &count))
        mc_ledger_fail(l, MC_ERR_FORMAT, e, "the lines of message %lld cannot be read",
                       (long long)sqlite3_column_int64(s, 0));
    else if ((waiter = mc_waiter_new(mc_column_str(s, 1), mc_column_str(s, 2), items, count)) == NULL)
        mc_ledger_no_memory(l, e);
    mc_arena_free(&arena);
    if (waiter == NULL)
        return NULL;
    waiter->id = sqlite3_column_int64(s, 0);
    waiter->opened.us = sqlite3_column_int64(s, 3);
    waiter->expires.us = sqlite3_column_int64(s, 4);
    waiter->due.us = sqlite3_column_int64(s, 5);
    waiter->first_cart.us = sqlite3_column_int64(s, 6);
    waiter->holdout = sqlite3_column_int(s, 7) == MC_HOLDOUT;
    waiter->checked = sqlite3_column_int(s, 8) != 0;
    waiter->recovered_at.us = mc_column_int(s, 9, MC_TIME_NONE_US);
    waiter->recovered_minor = mc_column_int128(s, 10);
    return waiter;
}

/* The least due time that is still of interest; see waiting.h. */
static int64_t recent_after(const struct mc_ledger *l) {
    struct mc_time clock = mc_ledger_clock(l);
    return mc_time_is_none(clock) ? MC_TIME_NONE_US : clock.us - l->policy.attribution_window_us - MC_DAY_US;
}

static enum mc_err waiting_load(struct mc_ledger *l, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_RECENT, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, recent_after(l));
    bool row;
    enum mc_err err;
    while ((err = mc_sql_step(l, MC_SQL_OUTBOX_RECENT, &row, e)) == MC_OK && row) {
        struct mc_waiter *waiter = mc_waiter_read(l, s, e);
        if (waiter == NULL) {
            mc_sql_reset(l, MC_SQL_OUTBOX_RECENT);
            return l->last_error;
        }
        uint64_t hash = mc_hash64(waiter->user.data, waiter->user.len);
        struct mc_str person = mc_person_of(l, hash, waiter->user, &hash);
        if (!mc_waiting_add(&l->waiting, hash, person, waiter)) {
            mc_waiter_free(waiter);
            mc_sql_reset(l, MC_SQL_OUTBOX_RECENT);
            return mc_ledger_no_memory(l, e);
        }
    }
    return err;
}

static enum mc_err last_message_load(struct mc_ledger *l, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_MAX, e);
    if (s == NULL)
        return l->last_error;
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_OUTBOX_MAX, &row, e);
    l->last_message = row ? mc_column_int(s, 0, 0) : 0;
    mc_sql_reset(l, MC_SQL_OUTBOX_MAX);
    return err;
}

enum mc_err mc_memory_load(struct mc_ledger *l, struct mc_error *e) {
    mc_memory_free(l);
    enum mc_err err = mc_totals_load(l, &l->totals, e);
    if (err == MC_OK)
        err = linked_load(l, e);
    if (err == MC_OK && l->mode == MC_LEDGER_WRITE)
        err = waiting_load(l, e);
    if (err == MC_OK)
        err = last_message_load(l, e);
    return err;
}

static enum mc_err bought_flush(struct mc_ledger *l, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CUSTOMER_PUT, e);
    if (s == NULL)
        return l->last_error;
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < l->bought.count && err == MC_OK; i++) {
        mc_bind_str(s, 1, mc_strmap_key(&l->bought, &l->bought.entries[i]));
        sqlite3_bind_int64(s, 2, l->bought.entries[i].value);
        err = mc_sql_run(l, MC_SQL_CUSTOMER_PUT, e);
    }
    return err;
}

enum mc_err mc_memory_flush(struct mc_ledger *l, struct mc_error *e) {
    enum mc_err err = mc_outbox_flush(l, e);
    if (err == MC_OK && l->bought.count > 0)
        err = bought_flush(l, e);
    if (err == MC_OK && l->sold.products.count > 0)
        err = mc_sold_flush(l, e);
    return err == MC_OK ? mc_totals_store(l, e) : err;
}

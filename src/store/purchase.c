/* A purchase meets the carts that wait for its person (SEMANTICS 4: recovered). */
#include "store/internal.h"

static enum mc_err recover(struct mc_ledger *l, struct mc_waiter *w, const struct mc_purchase *p, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_RECOVER, e);
    if (s == NULL)
        return l->last_error;
    bool first = mc_time_is_none(w->recovered_at);
    __int128 revenue = (__int128)p->quantity * p->price;
    if (first || p->time.us < w->recovered_at.us)
        w->recovered_at = p->time;
    w->recovered_minor += revenue;
    if (w->checked) {
        mc_totals_add(l, w->holdout ? MC_TOTAL_RECOVERED_HOLDOUT : MC_TOTAL_RECOVERED_SEND, first);
        mc_totals_add(l, w->holdout ? MC_TOTAL_RECOVERED_HOLDOUT_MINOR : MC_TOTAL_RECOVERED_SEND_MINOR, revenue);
    }
    sqlite3_bind_int64(s, 1, w->id);
    sqlite3_bind_int64(s, 2, w->recovered_at.us);
    mc_bind_int128(s, 3, w->recovered_minor);
    return mc_sql_run(l, MC_SQL_OUTBOX_RECOVER, e);
}

static bool counts_for(const struct mc_ledger *l, const struct mc_waiter *w, const struct mc_purchase *p) {
    return p->time.us >= w->due.us && p->time.us < w->due.us + l->policy.attribution_window_us &&
           mc_waiter_has(w, p->product);
}

static bool in_memory(const struct mc_waiter *list, int64_t id) {
    while (list != NULL && list->id != id)
        list = list->next_of_person;
    return list != NULL;
}

/* The carts of one id in the table that are not in memory, one at a time: the statement is not open while a row is
 * changed. */
static enum mc_err recover_stored(struct mc_ledger *l, struct mc_str user, const struct mc_purchase *p,
                                  struct mc_error *e) {
    uint64_t hash;
    struct mc_str person = mc_person_of(l, p->user_hash, p->user, &hash);
    const struct mc_waiter *list = mc_waiting_of(&l->waiting, hash, person);
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_OF_USER, e);
    if (s == NULL)
        return l->last_error;
    for (int64_t after = 0;;) {
        mc_bind_str(s, 1, user);
        sqlite3_bind_int64(s, 2, p->time.us);
        sqlite3_bind_int64(s, 3, p->time.us - l->policy.attribution_window_us);
        sqlite3_bind_int64(s, 4, after);
        bool row;
        enum mc_err err = mc_sql_step(l, MC_SQL_OUTBOX_OF_USER, &row, e);
        if (err != MC_OK || !row)
            return err;
        struct mc_waiter *w = mc_waiter_read(l, s, e);
        mc_sql_reset(l, MC_SQL_OUTBOX_OF_USER);
        if (w == NULL)
            return l->last_error;
        after = w->id;
        err = counts_for(l, w, p) && !in_memory(list, w->id) ? recover(l, w, p, e) : MC_OK;
        mc_waiter_free(w);
        if (err != MC_OK)
            return err;
    }
}

static enum mc_err recover_late(struct mc_ledger *l, const struct mc_purchase *p, struct mc_error *e) {
    struct mc_arena arena = {0};
    struct mc_str own, *ids;
    size_t count;
    enum mc_err err = mc_person_members(l, p->user, &own, &arena, &ids, &count, e);
    for (size_t i = 0; err == MC_OK && i < count; i++)
        err = recover_stored(l, ids[i], p, e);
    mc_arena_free(&arena);
    return err;
}

static enum mc_err recover_waiting(struct mc_ledger *l, const struct mc_purchase *p, struct mc_error *e) {
    uint64_t hash;
    struct mc_str person = mc_person_of(l, p->user_hash, p->user, &hash);
    enum mc_err err = MC_OK;
    for (struct mc_waiter *w = mc_waiting_of(&l->waiting, hash, person); w != NULL && err == MC_OK;
         w = w->next_of_person)
        if (counts_for(l, w, p))
            err = recover(l, w, p, e);
    return err;
}

static enum mc_err note(struct mc_ledger *l, const struct mc_purchase *p, struct mc_error *e) {
    bool ahead = !mc_time_is_none(p->clock) && p->time.us > p->clock.us + MC_DAY_US;
    struct mc_strmap_entry *bought = mc_strmap_add(&l->bought, p->user_hash, p->user, MC_TIME_NONE_US);
    if (bought == NULL)
        return mc_ledger_no_memory(l, e);
    if (!ahead && p->time.us > bought->value)
        bought->value = p->time.us;
    return MC_OK;
}

/* Whether carts that this purchase may count for have left the memory; see waiting.h. */
static bool is_late(const struct mc_ledger *l, const struct mc_purchase *p) {
    struct mc_time clock = mc_ledger_clock(l);
    return !mc_time_is_none(clock) && p->time.us + MC_DAY_US <= clock.us;
}

enum mc_err mc_ledger_put_purchase(struct mc_ledger *l, const struct mc_purchase *purchase, struct mc_error *e) {
    enum mc_err err = mc_ledger_writable(l, e);
    if (err == MC_OK)
        err = note(l, purchase, e);
    if (err != MC_OK || l->last_message == 0)
        return err;
    err = mc_outbox_flush(l, e);
    if (err == MC_OK)
        err = recover_waiting(l, purchase, e);
    return err == MC_OK && is_late(l, purchase) ? recover_late(l, purchase, e) : err;
}

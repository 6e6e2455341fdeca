/* The second check, at expiry + delay: a message is claimed with its coupon or withheld, a holdout cart is `control` or
 * withheld; both groups lose the same customers (SEMANTICS 4). */
#include "store/internal.h"

static struct mc_str person_of_waiter(const struct mc_ledger *l, const struct mc_waiter *w, uint64_t *hash) {
    return mc_person_of(l, mc_hash64(w->user.data, w->user.len), w->user, hash);
}

static enum mc_err has_bought(struct mc_ledger *l, const struct mc_str *ids, size_t count, struct mc_time since,
                              bool *bought, struct mc_error *e) {
    struct mc_time last;
    bool customer;
    enum mc_err err = mc_customer_last(l, ids, count, &last, &customer, e);
    *bought = err == MC_OK && !mc_time_is_none(last) && last.us >= since.us;
    return err;
}

/* The person's last send or holdout cart before this one, by order of the decisions. */
static enum mc_err was_capped(struct mc_ledger *l, const struct mc_str *ids, size_t count, const struct mc_waiter *w,
                              bool *capped, struct mc_error *e) {
    int64_t last_id = 0, id;
    struct mc_time last = {0}, expires;
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < count && err == MC_OK && l->policy.cap_window_us > 0; i++) {
        err = mc_outbox_last(l, ids[i], w->id, &id, &expires, e);
        if (err == MC_OK && id > last_id) {
            last_id = id;
            last = expires;
        }
    }
    *capped = last_id > 0 && w->expires.us - last.us < l->policy.cap_window_us;
    return err;
}

enum mc_err mc_check_person(struct mc_ledger *l, struct mc_str user, struct mc_time first_cart,
                            struct mc_contact *contact, enum mc_decision *verdict, struct mc_error *e) {
    struct mc_arena arena = {0};
    struct mc_str own, *ids;
    size_t count;
    bool bought = false;
    *verdict = MC_PURCHASED;
    enum mc_err err = mc_person_members(l, user, &own, &arena, &ids, &count, e);
    if (err == MC_OK)
        err = has_bought(l, ids, count, first_cart, &bought, e);
    if (err == MC_OK && !bought)
        err = mc_contact_decide(l, user, contact, verdict, e);
    mc_arena_free(&arena);
    return err;
}

static bool is_stale(const struct mc_ledger *l, const struct mc_waiter *w, struct mc_time clock) {
    return l->policy.stale_by_clock && clock.us > w->due.us + l->policy.stale_after_us;
}

static enum mc_err check_all(struct mc_ledger *l, const struct mc_waiter *w, struct mc_time clock,
                             enum mc_decision *verdict, struct mc_error *e) {
    struct mc_contact contact = {0};
    struct mc_arena arena = {0};
    struct mc_str own, *ids;
    size_t count;
    bool capped = false;
    enum mc_err err = mc_outbox_flush(l, e);
    if (err == MC_OK)
        err = mc_check_person(l, w->user, w->first_cart, &contact, verdict, e);
    mc_contact_free(&contact);
    if (err == MC_OK && *verdict != MC_PURCHASED && is_stale(l, w, clock))
        *verdict = MC_STALE;
    if (err != MC_OK || *verdict != MC_SEND)
        return err;
    err = mc_person_members(l, w->user, &own, &arena, &ids, &count, e);
    if (err == MC_OK)
        err = was_capped(l, ids, count, w, &capped, e);
    mc_arena_free(&arena);
    if (capped)
        *verdict = MC_CAPPED;
    return err;
}

/* Nobody was subscribed, suppressed or linked since the decision, and the person is one id: what it found of address,
 * consent, suppression and cap holds still (a purchase can only add to consent), so what is left is the purchase. */
static enum mc_err check_purchase(struct mc_ledger *l, const struct mc_waiter *w, struct mc_time clock,
                                  enum mc_decision *verdict, struct mc_error *e) {
    bool bought;
    enum mc_err err = has_bought(l, &w->user, 1, w->first_cart, &bought, e);
    *verdict = bought ? MC_PURCHASED : is_stale(l, w, clock) ? MC_STALE : MC_SEND;
    return err;
}

static enum mc_err check(struct mc_ledger *l, const struct mc_waiter *w, struct mc_time clock,
                         enum mc_decision *verdict, struct mc_error *e) {
    bool alone = mc_strmap_find(&l->linked, mc_hash64(w->user.data, w->user.len), w->user) == NULL;
    return w->people == l->people && alone ? check_purchase(l, w, clock, verdict, e)
                                           : check_all(l, w, clock, verdict, e);
}

/* ---- coupons ---- */

/* 0: the pool is empty. */
static enum mc_err coupon_find(struct mc_ledger *l, struct mc_time clock, int64_t *coupon, struct mc_error *e) {
    *coupon = 0;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_COUPON_NEXT, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, mc_str_of(l->policy.campaign));
    sqlite3_bind_int64(s, 2, clock.us);
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_COUPON_NEXT, &row, e);
    if (err == MC_OK && row) {
        *coupon = sqlite3_column_int64(s, 0);
        mc_sql_reset(l, MC_SQL_COUPON_NEXT);
    }
    return err;
}

static enum mc_err coupon_take(struct mc_ledger *l, int64_t coupon, int64_t message, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_COUPON_TAKE, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, coupon);
    sqlite3_bind_int64(s, 2, message);
    mc_totals_add(l, MC_TOTAL_COUPONS_FREE, -1);
    mc_totals_add(l, MC_TOTAL_COUPONS_TAKEN, 1);
    return mc_sql_run(l, MC_SQL_COUPON_TAKE, e);
}

/* ---- what becomes of it ---- */

static enum mc_err checked_write(struct mc_ledger *l, struct mc_waiter *w, enum mc_message_state state, int withheld,
                                 int64_t coupon, struct mc_error *e) {
    const struct mc_checked checked = {state, withheld, coupon};
    mc_totals_add(l, MC_TOTAL_MESSAGES + MC_MESSAGE_WAITING, -1);
    mc_totals_add(l, MC_TOTAL_MESSAGES + (int)state, 1);
    return mc_outbox_write(l, w, &checked, e);
}

static enum mc_err withhold(struct mc_ledger *l, struct mc_waiter *w, int reason, struct mc_error *e) {
    uint64_t hash;
    struct mc_str person = person_of_waiter(l, w, &hash);
    mc_totals_add(l, reason == MC_WITHHELD_NO_COUPON ? MC_TOTAL_NO_COUPON : MC_TOTAL_WITHHELD + reason, 1);
    mc_waiting_drop(&l->waiting, hash, person, w);
    return checked_write(l, w, MC_MESSAGE_WITHHELD, reason, 0, e);
}

static void count_passed(struct mc_ledger *l, const struct mc_waiter *w) {
    mc_totals_add(l, w->holdout ? MC_TOTAL_PASSED_HOLDOUT : MC_TOTAL_PASSED_SEND, 1);
    if (!mc_time_is_none(w->recovered_at)) { /* bought between expiry and check, too far ahead to count as purchased */
        mc_totals_add(l, w->holdout ? MC_TOTAL_RECOVERED_HOLDOUT : MC_TOTAL_RECOVERED_SEND, 1);
        mc_totals_add(l, w->holdout ? MC_TOTAL_RECOVERED_HOLDOUT_MINOR : MC_TOTAL_RECOVERED_SEND_MINOR,
                      w->recovered_minor);
    }
}

/* A holdout cart needs a coupon to be there, but takes none. */
static enum mc_err pass(struct mc_ledger *l, struct mc_waiter *w, struct mc_time clock, struct mc_error *e) {
    int64_t coupon = 0;
    enum mc_coupon_mode mode = l->policy.coupons;
    enum mc_err err = mode == MC_COUPON_NONE ? MC_OK : coupon_find(l, clock, &coupon, e);
    if (err != MC_OK)
        return err;
    if (mode == MC_COUPON_REQUIRED && coupon == 0)
        return withhold(l, w, MC_WITHHELD_NO_COUPON, e);
    w->checked = true;
    count_passed(l, w);
    if (w->holdout)
        return checked_write(l, w, MC_MESSAGE_CONTROL, MC_WITHHELD_NONE, 0, e);
    if (coupon != 0)
        err = coupon_take(l, coupon, w->id, e);
    else if (mode == MC_COUPON_OPTIONAL)
        mc_totals_add(l, MC_TOTAL_WITHOUT_COUPON, 1);
    return err == MC_OK ? checked_write(l, w, MC_MESSAGE_CLAIMED, MC_WITHHELD_NONE, coupon, e) : err;
}

static void forget_old(struct mc_ledger *l) {
    int64_t clock = (int64_t)l->totals.value[MC_TOTAL_CLOCK];
    int64_t before = clock - l->policy.attribution_window_us - MC_DAY_US;
    for (struct mc_waiter *w; (w = l->waiting.front) != NULL && w->due.us <= before && (w->checked || w->gone);) {
        uint64_t hash;
        struct mc_str person = person_of_waiter(l, w, &hash);
        mc_waiting_pop_front(&l->waiting, hash, person);
    }
}

static void clock_move(struct mc_ledger *l, struct mc_time clock) {
    if (l->totals.value[MC_TOTAL_CLOCK_SET] && l->totals.value[MC_TOTAL_CLOCK] >= clock.us)
        return;
    l->totals.value[MC_TOTAL_CLOCK_SET] = 1;
    l->totals.value[MC_TOTAL_CLOCK] = clock.us;
    forget_old(l);
}

struct mc_time mc_ledger_next_due(const struct mc_ledger *l) {
    return l->waiting.heap_count > 0 ? l->waiting.heap[0]->due : (struct mc_time){MC_TIME_NONE_US};
}

enum mc_err mc_ledger_advance(struct mc_ledger *l, struct mc_time clock, struct mc_error *e) {
    enum mc_err err = mc_ledger_writable(l, e);
    if (err != MC_OK || mc_time_is_none(clock))
        return err;
    struct mc_waiter *w;
    while (err == MC_OK && (w = mc_waiting_pop_due(&l->waiting, clock)) != NULL) {
        enum mc_decision verdict;
        err = check(l, w, clock, &verdict, e);
        if (err == MC_OK)
            err = verdict == MC_SEND ? pass(l, w, clock, e) : withhold(l, w, (int)verdict, e);
    }
    if (err == MC_OK)
        err = mc_outbox_flush(l, e);
    if (err == MC_OK)
        clock_move(l, clock);
    return err;
}

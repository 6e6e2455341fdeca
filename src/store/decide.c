/* One abandoned cart becomes one decision (SEMANTICS 4), and, for send and holdout, a row in the outbox. */
#include "store/internal.h"

#include <assert.h>
#include <sodium.h>

/* Uniform in 0 to 999,999 for an experiment and user, unpredictable without the store's secret. */
static uint32_t draw(const struct mc_ledger *l, struct mc_str user) {
    const char *experiment = l->policy.experiment;
    unsigned char hash[8];
    crypto_generichash_state state;
    crypto_generichash_init(&state, l->holdout_key, sizeof l->holdout_key, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)experiment, strlen(experiment) + 1);
    crypto_generichash_update(&state, (const unsigned char *)user.data, user.len);
    crypto_generichash_final(&state, hash, sizeof hash);
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | hash[i];
    return (uint32_t)(((unsigned __int128)value * 1000000) >> 64);
}

static void put_int64(unsigned char bytes[8], int64_t value) {
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> 8 * i);
}

void mc_message_name(const struct mc_ledger *l, struct mc_str user, struct mc_str session, struct mc_time opened_at,
                     uint8_t id[16]) {
    unsigned char numbers[24];
    put_int64(numbers, (int64_t)user.len);
    put_int64(numbers + 8, (int64_t)session.len);
    put_int64(numbers + 16, opened_at.us);
    crypto_generichash_state state;
    crypto_generichash_init(&state, l->message_key, sizeof l->message_key, 16);
    crypto_generichash_update(&state, numbers, sizeof numbers);
    crypto_generichash_update(&state, (const unsigned char *)user.data, user.len);
    crypto_generichash_update(&state, (const unsigned char *)session.data, session.len);
    crypto_generichash_final(&state, id, 16);
}

enum mc_err mc_outbox_last(struct mc_ledger *l, struct mc_str user, int64_t before, int64_t *id,
                           struct mc_time *expires_at, struct mc_error *e) {
    *id = 0;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_LAST, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, user);
    sqlite3_bind_int64(s, 2, before);
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_OUTBOX_LAST, &row, e);
    if (err == MC_OK && row) {
        *id = sqlite3_column_int64(s, 0);
        expires_at->us = sqlite3_column_int64(s, 1);
        mc_sql_reset(l, MC_SQL_OUTBOX_LAST);
    }
    return err;
}

/* The user's newest cart whose row is held back: newer than all in the table. */
static const struct mc_waiter *last_unwritten(const struct mc_ledger *l, struct mc_str user) {
    if (l->unwritten == NULL)
        return NULL;
    uint64_t hash;
    struct mc_str person = mc_person_of(l, mc_hash64(user.data, user.len), user, &hash);
    const struct mc_waiter *w = mc_waiting_of(&l->waiting, hash, person); /* newest first, but for links */
    const struct mc_waiter *last = NULL;
    for (; w != NULL; w = w->next_of_person)
        if (w->unwritten && (last == NULL || w->id > last->id) && mc_str_equal(w->user, user))
            last = w;
    return last;
}

static enum mc_err is_capped(struct mc_ledger *l, const struct mc_cart *cart, bool *capped, struct mc_error *e) {
    *capped = false;
    if (l->policy.cap_window_us == 0)
        return MC_OK;
    const struct mc_waiter *unwritten = last_unwritten(l, cart->user);
    if (unwritten != NULL) {
        *capped = cart->expires_at.us - unwritten->expires.us < l->policy.cap_window_us;
        return MC_OK;
    }
    int64_t id;
    struct mc_time last;
    enum mc_err err = mc_outbox_last(l, cart->user, INT64_MAX, &id, &last, e);
    *capped = err == MC_OK && id != 0 && cart->expires_at.us - last.us < l->policy.cap_window_us;
    return err;
}

static enum mc_err decide(struct mc_ledger *l, const struct mc_cart *cart, enum mc_decision *decision,
                          struct mc_error *e) {
    struct mc_contact contact = {0};
    bool capped = false;
    enum mc_err err = mc_contact_decide(l, cart->user, &contact, decision, e);
    mc_contact_free(&contact);
    if (err != MC_OK || *decision != MC_SEND)
        return err;
    err = is_capped(l, cart, &capped, e);
    if (capped)
        *decision = MC_CAPPED;
    else if (draw(l, cart->user) < l->policy.holdout_ppm)
        *decision = MC_HOLDOUT;
    return err;
}

static void bind_visit(sqlite3_stmt *s, const struct mc_cart *cart) {
    sqlite3_bind_int64(s, 1, cart->expires_at.us);
    mc_bind_str(s, 2, cart->user);
    mc_bind_str(s, 3, cart->session);
    sqlite3_bind_int64(s, 4, cart->opened_at.us);
}

static enum mc_err decision_of(struct mc_ledger *l, const struct mc_cart *cart, enum mc_decision *decision,
                               struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CART_DECISION, e);
    if (s == NULL)
        return l->last_error;
    bind_visit(s, cart);
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_CART_DECISION, &row, e);
    if (err != MC_OK)
        return err;
    assert(row);
    *decision = (enum mc_decision)sqlite3_column_int(s, 0);
    mc_sql_reset(l, MC_SQL_CART_DECISION);
    return MC_OK;
}

static enum mc_err cart_write(struct mc_ledger *l, const struct mc_cart *cart, enum mc_decision decision, bool *added,
                              struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CART_PUT, e);
    if (s == NULL)
        return l->last_error;
    l->scratch.len = 0;
    mc_items_encode(&l->scratch, cart->items, cart->item_count);
    if (l->scratch.failed) {
        mc_buf_free(&l->scratch);
        return mc_ledger_no_memory(l, e);
    }
    bind_visit(s, cart);
    sqlite3_bind_int64(s, 5, cart->first_at.us);
    sqlite3_bind_int64(s, 6, cart->last_at.us);
    sqlite3_bind_int64(s, 7, cart->first_cart_at.us);
    sqlite3_bind_int(s, 8, (int)decision);
    mc_bind_int128(s, 9, cart->value);
    mc_bind_str(s, 10, mc_buf_view(&l->scratch));
    if (decision == MC_SEND || decision == MC_HOLDOUT)
        sqlite3_bind_int64(s, 11, l->last_message + 1); /* outbox_add gives it this id, if the cart is new */
    else
        sqlite3_bind_null(s, 11);
    enum mc_err err = mc_sql_run(l, MC_SQL_CART_PUT, e);
    *added = err == MC_OK && sqlite3_changes(l->db) > 0;
    return err;
}

static void bind_checked(sqlite3_stmt *s, int at, const struct mc_checked *checked) {
    sqlite3_bind_int(s, at, (int)checked->state);
    if (checked->withheld == MC_WITHHELD_NONE)
        sqlite3_bind_null(s, at + 1);
    else
        sqlite3_bind_int(s, at + 1, checked->withheld);
    if (checked->coupon == 0)
        sqlite3_bind_null(s, at + 2);
    else
        sqlite3_bind_int64(s, at + 2, checked->coupon);
    sqlite3_bind_int(s, at + 3, checked->state != MC_MESSAGE_WAITING && checked->state != MC_MESSAGE_WITHHELD);
}

static enum mc_err outbox_insert(struct mc_ledger *l, const struct mc_waiter *w, const struct mc_checked *checked,
                                 struct mc_error *e) {
    uint8_t name[16];
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_PUT, e);
    if (s == NULL)
        return l->last_error;
    mc_message_name(l, w->user, w->session, w->opened, name);
    sqlite3_bind_int64(s, 1, w->id);
    sqlite3_bind_blob(s, 2, name, sizeof name, SQLITE_STATIC);
    mc_bind_str(s, 3, w->user);
    mc_bind_str(s, 4, w->session);
    sqlite3_bind_int64(s, 5, w->opened.us);
    sqlite3_bind_int64(s, 6, w->expires.us);
    sqlite3_bind_int64(s, 7, w->due.us);
    sqlite3_bind_int64(s, 8, w->first_cart.us);
    sqlite3_bind_int(s, 9, w->holdout ? MC_HOLDOUT : MC_SEND);
    sqlite3_bind_int(s, 10, l->policy.replayed);
    sqlite3_bind_int(s, 11, (int)l->policy.offer.kind);
    sqlite3_bind_int64(s, 12, l->policy.offer.value);
    bind_checked(s, 13, checked);
    return mc_sql_run(l, MC_SQL_OUTBOX_PUT, e);
}

enum mc_err mc_outbox_write(struct mc_ledger *l, struct mc_waiter *w, const struct mc_checked *checked,
                            struct mc_error *e) {
    if (w->unwritten) {
        w->unwritten = false;
        return outbox_insert(l, w, checked, e);
    }
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_CHECKED, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, w->id);
    bind_checked(s, 2, checked);
    return mc_sql_run(l, MC_SQL_OUTBOX_CHECKED, e);
}

enum mc_err mc_outbox_flush(struct mc_ledger *l, struct mc_error *e) {
    static const struct mc_checked waits = {.state = MC_MESSAGE_WAITING, .withheld = MC_WITHHELD_NONE};
    enum mc_err err = MC_OK;
    for (struct mc_waiter *w = l->unwritten; w != NULL && err == MC_OK; w = w->next_in_queue)
        if (w->unwritten)
            err = mc_outbox_write(l, w, &waits, e);
    l->unwritten = NULL;
    return err;
}

static enum mc_err outbox_add(struct mc_ledger *l, const struct mc_cart *cart, bool holdout, struct mc_error *e) {
    struct mc_waiter *w = mc_waiter_new(cart->user, cart->session, cart->items, cart->item_count);
    if (w == NULL)
        return mc_ledger_no_memory(l, e);
    w->id = ++l->last_message;
    w->due.us = cart->expires_at.us + l->policy.delay_us;
    w->expires = cart->expires_at;
    w->opened = cart->opened_at;
    w->first_cart = cart->first_cart_at;
    w->holdout = holdout;
    w->people = l->people;
    w->unwritten = true;
    uint64_t hash = mc_hash64(w->user.data, w->user.len);
    struct mc_str person = mc_person_of(l, hash, w->user, &hash);
    if (!mc_waiting_add(&l->waiting, hash, person, w)) {
        mc_waiter_free(w);
        return mc_ledger_no_memory(l, e);
    }
    if (l->unwritten == NULL)
        l->unwritten = w;
    mc_totals_add(l, MC_TOTAL_MESSAGES + MC_MESSAGE_WAITING, 1);
    return MC_OK;
}

static void count_cart(struct mc_ledger *l, const struct mc_cart *cart, enum mc_decision decision) {
    mc_totals_add(l, MC_TOTAL_CARTS, 1);
    mc_totals_add(l, MC_TOTAL_DECISIONS + (int)decision, 1);
    mc_totals_add(l, MC_TOTAL_CART_ITEMS, cart->item_count);
    mc_totals_add(l, MC_TOTAL_CART_VALUE, cart->value);
    for (uint32_t i = 0; i < cart->item_count; i++)
        mc_totals_add(l, MC_TOTAL_CART_QUANTITY, cart->items[i].quantity);
}

enum mc_err mc_ledger_end_cart(struct mc_ledger *l, const struct mc_cart *cart, enum mc_decision *decided,
                               struct mc_error *e) {
    assert(cart->decision <= MC_BELOW_MINIMUM || cart->decision == MC_UNDECIDED);
    enum mc_decision decision = cart->decision;
    bool added = false;
    enum mc_err err = mc_ledger_writable(l, e);
    if (err == MC_OK && decision == MC_UNDECIDED)
        err = decide(l, cart, &decision, e);
    if (err == MC_OK)
        err = cart_write(l, cart, decision, &added, e);
    if (err == MC_OK && !added)
        err = decision_of(l, cart, &decision, e);
    if (err == MC_OK && added)
        count_cart(l, cart, decision);
    if (err == MC_OK && added && (decision == MC_SEND || decision == MC_HOLDOUT))
        err = outbox_add(l, cart, decision == MC_HOLDOUT, e);
    if (err == MC_OK && decided != NULL)
        *decided = decision;
    return err;
}

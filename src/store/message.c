/* All that is needed to render one message, in one struct. */
#include "store/internal.h"

#include "base/mem.h"

void mc_message_free(struct mc_message *message) {
    mc_contact_free(&message->contact);
    mc_arena_free(&message->arena);
    *message = (struct mc_message){0};
}

static void hex(const uint8_t id[16], char out[MC_MESSAGE_ID_CHARS + 1]) {
    for (int i = 0; i < 16; i++) {
        out[2 * i] = "0123456789abcdef"[id[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
    out[MC_MESSAGE_ID_CHARS] = '\0';
}

static enum mc_err catalogue_read(struct mc_ledger *l, struct mc_arena *arena, struct mc_message_item *item,
                                  struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CATALOGUE_GET, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, item->item.product);
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_CATALOGUE_GET, &row, e);
    if (err != MC_OK || !row)
        return err;
    bool fits = mc_arena_copy(arena, mc_column_str(s, 0), &item->name) &&
                mc_arena_copy(arena, mc_column_str(s, 1), &item->image_url) &&
                mc_arena_copy(arena, mc_column_str(s, 2), &item->url);
    mc_sql_reset(l, MC_SQL_CATALOGUE_GET);
    return fits ? MC_OK : mc_ledger_no_memory(l, e);
}

static enum mc_err items_fill(struct mc_ledger *l, struct mc_message *m, struct mc_error *e) {
    m->items = mc_arena_alloc(&m->arena, (m->cart.item_count + 1) * sizeof *m->items);
    if (m->items == NULL)
        return mc_ledger_no_memory(l, e);
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i < m->cart.item_count && err == MC_OK; i++) {
        m->items[i] = (struct mc_message_item){.item = m->cart.items[i]};
        err = catalogue_read(l, &m->arena, &m->items[i], e);
    }
    return err;
}

/* The cart whose name (expiry, user, session, opening time) is set. */
static enum mc_err cart_fill(struct mc_ledger *l, struct mc_message *m, struct mc_error *e) {
    struct mc_cart_item *items;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CART_GET, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, m->cart.expires_at.us);
    mc_bind_str(s, 2, m->cart.user);
    mc_bind_str(s, 3, m->cart.session);
    sqlite3_bind_int64(s, 4, m->cart.opened_at.us);
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_CART_GET, &row, e);
    if (err != MC_OK || !row)
        return err == MC_OK ? mc_ledger_fail(l, MC_ERR_FORMAT, e, "a message's cart is missing") : err;
    m->cart.first_at.us = sqlite3_column_int64(s, 0);
    m->cart.last_at.us = sqlite3_column_int64(s, 1);
    m->cart.first_cart_at.us = sqlite3_column_int64(s, 2);
    m->cart.decision = (enum mc_decision)sqlite3_column_int(s, 3);
    m->cart.value = mc_column_int128(s, 4);
    bool read = mc_items_decode(&m->arena, mc_column_str(s, 5), &items, &m->cart.item_count);
    m->cart.items = items;
    mc_sql_reset(l, MC_SQL_CART_GET);
    return read ? items_fill(l, m, e) : mc_ledger_fail(l, MC_ERR_FORMAT, e, "a cart's lines cannot be read");
}

static bool row_fill(struct mc_message *m, sqlite3_stmt *s) {
    struct mc_str id = mc_column_str(s, 0);
    if (id.len == 16)
        hex((const uint8_t *)id.data, m->message_id);
    m->cart.opened_at.us = sqlite3_column_int64(s, 3);
    m->cart.expires_at.us = sqlite3_column_int64(s, 4);
    m->due_at.us = sqlite3_column_int64(s, 5);
    m->state = (enum mc_message_state)sqlite3_column_int(s, 6);
    m->withheld = (int)mc_column_int(s, 7, MC_WITHHELD_NONE);
    m->replayed = sqlite3_column_int(s, 8) != 0;
    m->offer.kind = (enum mc_offer_kind)sqlite3_column_int(s, 9);
    m->offer.value = sqlite3_column_int64(s, 10);
    m->coupon_expires_at.us = mc_column_int(s, 12, MC_TIME_NONE_US);
    if (m->coupon_expires_at.us == INT64_MAX)
        m->coupon_expires_at.us = MC_TIME_NONE_US;
    m->attempts = (uint32_t)sqlite3_column_int(s, 13);
    m->next_at.us = mc_column_int(s, 14, 0);
    m->handed_at.us = mc_column_int(s, 15, 0);
    return mc_arena_copy(&m->arena, mc_column_str(s, 1), &m->cart.user) &&
           mc_arena_copy(&m->arena, mc_column_str(s, 2), &m->cart.session) &&
           mc_arena_copy(&m->arena, mc_column_str(s, 11), &m->coupon) &&
           mc_arena_copy(&m->arena, mc_column_str(s, 16), &m->note);
}

static enum mc_err load(struct mc_ledger *l, int64_t id, bool *found, struct mc_message *m, struct mc_error *e) {
    if (mc_outbox_flush(l, e) != MC_OK)
        return l->last_error;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_GET, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    enum mc_err err = mc_sql_step(l, MC_SQL_OUTBOX_GET, found, e);
    if (err != MC_OK || !*found)
        return err;
    m->id = id;
    bool fits = row_fill(m, s);
    mc_sql_reset(l, MC_SQL_OUTBOX_GET);
    err = fits ? cart_fill(l, m, e) : mc_ledger_no_memory(l, e);
    return err == MC_OK ? mc_contact_find(l, m->cart.user, &m->contact, e) : err;
}

enum mc_err mc_message_load(struct mc_ledger *l, int64_t id, bool *found, struct mc_message *out, struct mc_error *e) {
    *found = false;
    mc_message_free(out);
    enum mc_err err = load(l, id, found, out, e);
    if (err != MC_OK || !*found) {
        *found = false;
        mc_message_free(out);
    }
    return err;
}

/* ---- preview ---- */

struct search {
    struct mc_str session;
    struct mc_time opened_at;
    bool found, failed;
    int64_t message;
    struct mc_time expires_at, opened;
    struct mc_arena arena;
    struct mc_str found_session;
};

static bool consider(void *context, const struct mc_stored_cart *cart) {
    struct search *search = context;
    if (search->session.len > 0 && !mc_str_equal(search->session, cart->cart.session))
        return true;
    if (!mc_time_is_none(search->opened_at) && search->opened_at.us != cart->cart.opened_at.us)
        return true;
    mc_arena_free(&search->arena);
    search->found = true;
    search->message = cart->has_message ? cart->message : 0;
    search->expires_at = cart->cart.expires_at;
    search->opened = cart->cart.opened_at;
    search->failed = !mc_arena_copy(&search->arena, cart->cart.session, &search->found_session);
    return !search->failed;
}

static enum mc_err preview(struct mc_ledger *l, struct mc_str user, const struct search *search, struct mc_message *m,
                           struct mc_error *e) {
    uint8_t id[16];
    m->cart.expires_at = search->expires_at;
    m->cart.opened_at = search->opened;
    m->withheld = MC_WITHHELD_NONE;
    m->due_at.us = search->expires_at.us + l->policy.delay_us;
    m->offer = l->policy.offer;
    m->coupon_expires_at.us = MC_TIME_NONE_US;
    if (!mc_arena_copy(&m->arena, user, &m->cart.user) ||
        !mc_arena_copy(&m->arena, search->found_session, &m->cart.session))
        return mc_ledger_no_memory(l, e);
    mc_message_name(l, user, m->cart.session, search->opened, id);
    hex(id, m->message_id);
    enum mc_err err = cart_fill(l, m, e);
    return err == MC_OK ? mc_contact_find(l, user, &m->contact, e) : err;
}

enum mc_err mc_message_preview(struct mc_ledger *l, struct mc_str user, struct mc_str session, struct mc_time opened_at,
                               bool *found, struct mc_message *out, struct mc_error *e) {
    struct search search = {.session = session, .opened_at = opened_at};
    struct mc_filter filter = mc_filter_all();
    filter.user = user;
    *found = false;
    mc_message_free(out);
    enum mc_err err = mc_read_carts(l, &filter, consider, &search, e);
    if (err == MC_OK && search.failed)
        err = mc_ledger_no_memory(l, e);
    if (err == MC_OK && search.found && search.message != 0)
        err = load(l, search.message, found, out, e);
    else if (err == MC_OK && search.found)
        err = preview(l, user, &search, out, e);
    *found = err == MC_OK && search.found;
    mc_arena_free(&search.arena);
    if (!*found)
        mc_message_free(out);
    return err;
}

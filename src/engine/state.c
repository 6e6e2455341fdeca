/* Flat bytes of one user, and the rules on them: unpack, apply, pack.
 *
 *     u8  version 1
 *     u8  length, user id
 *     i64 last purchase, microseconds; the least int64: none
 *     u32 message ids, oldest first: u64 low, u64 high, i64 stamp
 *     u32 visits, by session:
 *         u8 length, session; i64 opening, first, last, first cart event (the least int64: none); u8 has a purchase
 *         u32 fingerprints, oldest first: u64 low, u64 high
 *         u32 items, by product: u8 length, product; i64 quantity; i64 price
 */
#include "engine/state.h"

#include "base/sort.h"
#include "engine/memory.h"

enum { STATE_VERSION = 1 };

/* More would not be reached by adding up quantities in the lifetime of a store. */
#define QUANTITY_SUM_MAX ((int64_t)1 << 60)

/* ---- packing ---- */

/* Counts all bytes, writes those that fit. */
struct writer {
    char *out;
    size_t cap, len;
};

static void put(struct writer *w, const void *data, size_t len) {
    if (w->len + len <= w->cap)
        memcpy(w->out + w->len, data, len);
    w->len += len;
}

static void put_u8(struct writer *w, uint8_t v) {
    put(w, &v, sizeof v);
}

static void put_u32(struct writer *w, uint32_t v) {
    put(w, &v, sizeof v);
}

static void put_i64(struct writer *w, int64_t v) {
    put(w, &v, sizeof v);
}

static void put_id(struct writer *w, struct mc_str id) {
    put_u8(w, (uint8_t)id.len);
    put(w, id.data, id.len);
}

static void put_mark(struct writer *w, const struct mc_memory *m, uint32_t place) {
    put(w, &m->ids[place].low, sizeof(uint64_t));
    put(w, &m->ids[place].high, sizeof(uint64_t));
}

static int by_session(const void *a, const void *b) {
    struct mc_visit *const *x = a, *const *y = b;
    return mc_str_compare((*x)->session, (*y)->session);
}

static void put_visit(struct writer *w, struct mc_visit *v) {
    put_id(w, v->session);
    put_i64(w, v->opened_at.us);
    put_i64(w, v->first_at.us);
    put_i64(w, v->last_at.us);
    put_i64(w, v->first_cart_at.us);
    put_u8(w, v->has_purchase);
    put_u32(w, v->seen.count);
    for (uint32_t i = 0; i < v->seen.count; i++)
        put_mark(w, &v->seen, mc_memory_place(&v->seen, i));
    mc_sort(v->items, v->item_count, sizeof *v->items, mc_cart_item_by_product);
    put_u32(w, v->item_count);
    for (uint32_t i = 0; i < v->item_count; i++) {
        put_id(w, v->items[i].product);
        put_i64(w, v->items[i].quantity);
        put_i64(w, v->items[i].price);
    }
}

size_t mc_user_encode(struct mc_user *user, void *out, size_t cap) {
    struct writer w = {out, cap, 0};
    static const struct mc_messages none;
    const struct mc_messages *m = user->messages ? user->messages : &none;
    put_u8(&w, STATE_VERSION);
    put_id(&w, user->id);
    put_i64(&w, user->last_purchase.us);
    put_u32(&w, m->ids.count);
    for (uint32_t i = 0; i < m->ids.count; i++) {
        uint32_t place = mc_memory_place(&m->ids, i);
        put_mark(&w, &m->ids, place);
        put_i64(&w, m->stamps[place]);
    }
    mc_sort(user->visits, user->visit_count, sizeof *user->visits, by_session);
    put_u32(&w, user->visit_count);
    for (uint32_t i = 0; i < user->visit_count; i++)
        put_visit(&w, user->visits[i]);
    return w.len;
}

/* ---- unpacking: every field is checked before it is believed ---- */

struct unpacking {
    struct mc_reader r;
    struct mc_pool *pool;
    mc_intern *intern;
    void *context;
};

static struct mc_str get_id(struct mc_reader *r) {
    struct mc_str id = mc_get_bytes(r, mc_get_u8(r));
    if (id.len == 0 || id.len > MC_ID_BYTES_MAX)
        r->failed = true;
    return id;
}

static struct mc_time get_time(struct mc_reader *r, bool may_be_none) {
    struct mc_time t = {mc_get_i64(r)};
    if (!(may_be_none && mc_time_is_none(t)) && (t.us < MC_TIME_MIN_US || t.us >= MC_TIME_END_US))
        r->failed = true;
    return t;
}

/* A count of things that take `least` bytes each: more cannot be there. */
static uint32_t get_count(struct mc_reader *r, uint32_t most, size_t least) {
    uint32_t count = mc_get_u32(r);
    if (count > most || count > r->rest.len / least)
        r->failed = true;
    return r->failed ? 0 : count;
}

static void get_marks(struct mc_reader *r, struct mc_memory *m, uint32_t count, int64_t *stamps) {
    for (uint32_t i = 0; i < count; i++) {
        struct mc_hash128 mark; /* read one by one: initialisers have no order */
        mark.low = mc_get_u64(r);
        mark.high = mc_get_u64(r);
        uint32_t place = mc_memory_add(m, mark);
        if (stamps != NULL)
            stamps[place] = get_time(r, false).us;
    }
}

static bool get_messages(struct unpacking *u, struct mc_user *user) {
    uint32_t count = get_count(&u->r, MC_REMEMBERED, 24);
    if (count == 0)
        return true;
    user->messages = mc_pool_take(u->pool, sizeof *user->messages);
    if (user->messages == NULL)
        return false;
    *user->messages = (struct mc_messages){0};
    if (!mc_messages_reserve(user->messages, u->pool, count))
        return false;
    get_marks(&u->r, &user->messages->ids, count, user->messages->stamps);
    return true;
}

static bool get_items(struct unpacking *u, struct mc_visit *v) {
    uint32_t count = get_count(&u->r, MC_CART_PRODUCTS_MAX, 18);
    if (count == 0)
        return true;
    if (count > v->item_cap) {
        struct mc_cart_item *items = mc_pool_take(u->pool, count * sizeof *items);
        if (items == NULL)
            return false;
        v->items = items;
        v->item_cap = (uint16_t)count;
    }
    for (uint32_t i = 0; i < count && !u->r.failed; i++) {
        struct mc_cart_item *item = &v->items[i];
        struct mc_str product = get_id(&u->r);
        *item = (struct mc_cart_item){.product = product, .hash = mc_hash64(product.data, product.len)};
        item->quantity = mc_get_i64(&u->r);
        item->price = mc_get_i64(&u->r);
        if (item->quantity < 1 || item->quantity > QUANTITY_SUM_MAX || item->price < 0 || item->price > MC_PRICE_MAX ||
            (i > 0 && mc_str_compare(v->items[i - 1].product, product) >= 0))
            u->r.failed = true;
        if (!u->r.failed && u->intern != NULL)
            item->product = u->intern(u->context, item->hash, product);
        if (item->product.len == 0)
            return u->r.failed;
        v->item_count++;
    }
    return true;
}

static bool get_visit(struct unpacking *u, struct mc_user *user) {
    struct mc_str session = get_id(&u->r);
    struct mc_visit *v = mc_visit_new(u->pool, session, mc_hash64(session.data, session.len));
    if (v == NULL)
        return false;
    user->visits[user->visit_count++] = v;
    v->opened_at = get_time(&u->r, false);
    v->first_at = get_time(&u->r, false);
    v->last_at = get_time(&u->r, false);
    v->first_cart_at = get_time(&u->r, true);
    uint8_t has_purchase = mc_get_u8(&u->r);
    v->has_purchase = has_purchase;
    bool cart_in_visit = mc_time_is_none(v->first_cart_at) ||
                         (v->first_cart_at.us >= v->first_at.us && v->first_cart_at.us <= v->last_at.us);
    if (has_purchase > 1 || v->first_at.us > v->opened_at.us || v->opened_at.us > v->last_at.us || !cart_in_visit)
        u->r.failed = true;
    uint32_t seen = get_count(&u->r, MC_REMEMBERED, 16);
    if (!mc_memory_reserve(&v->seen, u->pool, seen))
        return false;
    get_marks(&u->r, &v->seen, seen, NULL);
    if (!get_items(u, v))
        return false;
    if (v->item_count > 0 && mc_time_is_none(v->first_cart_at))
        u->r.failed = true;
    return true;
}

static bool get_visits(struct unpacking *u, struct mc_user *user) {
    uint32_t count = get_count(&u->r, MC_VISITS_MAX, 43);
    if (count == 0)
        return true;
    if (count > user->visit_cap) {
        struct mc_visit **visits = mc_pool_take(u->pool, count * sizeof *visits);
        if (visits == NULL)
            return false;
        user->visits = visits;
        user->visit_cap = (uint16_t)count;
    }
    for (uint32_t i = 0; i < count && !u->r.failed; i++) {
        if (!get_visit(u, user))
            return false;
        if (i > 0 && mc_str_compare(user->visits[i - 1]->session, user->visits[i]->session) >= 0)
            u->r.failed = true;
    }
    return true;
}

enum mc_state_result mc_user_decode(struct mc_user *user, struct mc_pool *pool, struct mc_str bytes, mc_intern *intern,
                                    void *context) {
    struct unpacking u = {.r = {bytes, false}, .pool = pool, .intern = intern, .context = context};
    *user = (struct mc_user){0};
    uint8_t version = mc_get_u8(&u.r);
    struct mc_str id = get_id(&u.r);
    struct mc_time last_purchase = get_time(&u.r, true);
    if (version != STATE_VERSION || u.r.failed)
        return MC_STATE_MALFORMED;
    if (!mc_user_init(user, pool, id, mc_hash64(id.data, id.len)))
        return MC_STATE_NEEDS_WORKSPACE;
    user->last_purchase = last_purchase;
    if (!get_messages(&u, user) || !get_visits(&u, user))
        return MC_STATE_NEEDS_WORKSPACE;
    return u.r.failed || u.r.rest.len != 0 ? MC_STATE_MALFORMED : MC_STATE_OK;
}

/* ---- the rules on bytes ---- */

/* The state of io unpacked in its workspace; `user` names a user who has none. */
static enum mc_state_result unpack(const struct mc_state_io *io, struct mc_str user_id, struct mc_user *user,
                                   struct mc_pool *pool) {
    mc_pool_init_fixed(pool, io->workspace, io->workspace_len);
    if (io->state.len > 0)
        return mc_user_decode(user, pool, io->state, NULL, NULL);
    bool good = mc_user_init(user, pool, user_id, mc_hash64(user_id.data, user_id.len));
    return good ? MC_STATE_OK : MC_STATE_NEEDS_WORKSPACE;
}

static enum mc_state_result pack(struct mc_state_io *io, struct mc_user *user, const struct mc_rules *rules,
                                 struct mc_time clock) {
    io->out_len = 0;
    io->due.us = MC_TIME_NONE_US;
    if (mc_user_is_forgotten(user, clock))
        return MC_STATE_OK;
    io->due = mc_user_due(user, rules);
    io->out_len = mc_user_encode(user, io->out, io->out_cap);
    return io->out_len <= io->out_cap ? MC_STATE_OK : MC_STATE_NEEDS_OUTPUT;
}

enum mc_state_result mc_state_apply(struct mc_state_io *io, const struct mc_rules *rules, struct mc_str user_id,
                                    const struct mc_input *input, const struct mc_sink *sink,
                                    struct mc_outcome *outcome) {
    struct mc_user user;
    struct mc_pool pool;
    enum mc_state_result result = unpack(io, user_id, &user, &pool);
    if (result != MC_STATE_OK)
        return result;
    if (!mc_str_equal(user.id, user_id))
        return MC_STATE_MALFORMED;
    *outcome = mc_user_apply(&user, &pool, rules, input, sink);
    if (outcome->verdict == MC_VERDICT_NO_MEMORY)
        return MC_STATE_NEEDS_WORKSPACE;
    return pack(io, &user, rules, input->clock);
}

typedef void wake_function(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules,
                           struct mc_time clock, const struct mc_sink *sink);

static enum mc_state_result wake_by(wake_function *wake, struct mc_state_io *io, const struct mc_rules *rules,
                                    struct mc_time clock, const struct mc_sink *sink) {
    struct mc_user user;
    struct mc_pool pool;
    io->out_len = 0;
    io->due.us = MC_TIME_NONE_US;
    if (io->state.len == 0)
        return MC_STATE_OK;
    enum mc_state_result result = unpack(io, (struct mc_str){0}, &user, &pool);
    if (result != MC_STATE_OK)
        return result;
    wake(&user, &pool, rules, clock, sink);
    return pack(io, &user, rules, clock);
}

enum mc_state_result mc_state_wake(struct mc_state_io *io, const struct mc_rules *rules, struct mc_time clock,
                                   const struct mc_sink *sink) {
    return wake_by(mc_user_wake, io, rules, clock, sink);
}

enum mc_state_result mc_state_finish(struct mc_state_io *io, const struct mc_rules *rules, struct mc_time clock,
                                     const struct mc_sink *sink) {
    return wake_by(mc_user_finish, io, rules, clock, sink);
}

enum mc_state_result mc_state_due(struct mc_state_io *io, const struct mc_rules *rules) {
    struct mc_user user;
    struct mc_pool pool;
    io->due.us = MC_TIME_NONE_US;
    if (io->state.len == 0)
        return MC_STATE_OK;
    enum mc_state_result result = unpack(io, (struct mc_str){0}, &user, &pool);
    if (result == MC_STATE_OK)
        io->due = mc_user_due(&user, rules);
    return result;
}

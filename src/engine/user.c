#include "engine/user.h"

#include "base/sort.h"
#include "engine/memory.h"
#include <assert.h>

struct mc_rules mc_rules_default(void) {
    return (struct mc_rules){
        .gap_us = 30 * MC_MINUTE_US, .stale_after_us = 24 * MC_HOUR_US, .minimum = 0, .wall_mode = MC_WALL_EXPIRY};
}

/* A copy in the owner's room if it fits there, else in the pool; data NULL: no memory. */
static struct mc_str keep_str(struct mc_pool *pool, char *room, size_t room_len, struct mc_str s) {
    char *copy = s.len <= room_len ? room : mc_pool_take(pool, s.len);
    if (copy == NULL)
        return (struct mc_str){0};
    memcpy(copy, s.data, s.len);
    return (struct mc_str){copy, s.len};
}

static void drop_str(struct mc_pool *pool, const char *room, struct mc_str s) {
    if (s.data != room)
        mc_pool_give(pool, (char *)(uintptr_t)s.data, s.len);
}

bool mc_user_init(struct mc_user *user, struct mc_pool *pool, struct mc_str id, uint64_t hash) {
    *user = (struct mc_user){.hash = hash, .last_purchase = {MC_TIME_NONE_US}, .visit_cap = MC_USER_VISITS_ROOM};
    user->visits = user->visits_room;
    user->id = keep_str(pool, user->id_room, sizeof user->id_room, id);
    user->short_len = user->id.data == user->id_room ? (uint8_t)id.len : 0;
    return user->id.data != NULL;
}

/* ---- arrays that begin in a room and grow in the pool ---- */

static void drop_array(struct mc_pool *pool, const void *room, void *array, uint32_t cap, size_t size) {
    if (array != room)
        mc_pool_give(pool, array, cap * size);
}

enum { FIRST_PIECE = 4 };

/* A larger array with the same content; NULL: no memory, nothing changed. */
static void *grown(struct mc_pool *pool, const void *room, void *array, uint16_t *cap, size_t size) {
    uint16_t more = (uint16_t)(*cap < FIRST_PIECE ? FIRST_PIECE : *cap * 2);
    void *piece = mc_pool_take(pool, more * size);
    if (piece == NULL)
        return NULL;
    memcpy(piece, array, *cap * size);
    drop_array(pool, room, array, *cap, size);
    *cap = more;
    return piece;
}

static bool reserve_item(struct mc_visit *v, struct mc_pool *pool) {
    if (v->item_count < v->item_cap)
        return true;
    struct mc_cart_item *items = grown(pool, v->items_room, v->items, &v->item_cap, sizeof *items);
    if (items != NULL)
        v->items = items;
    return items != NULL;
}

static bool reserve_visit(struct mc_user *u, struct mc_pool *pool) {
    if (u->visit_count < u->visit_cap)
        return true;
    struct mc_visit **visits = grown(pool, u->visits_room, u->visits, &u->visit_cap, sizeof(struct mc_visit *));
    if (visits != NULL)
        u->visits = visits;
    return visits != NULL;
}

static bool reserve_messages(struct mc_user *u, struct mc_pool *pool) {
    if (u->messages == NULL) {
        u->messages = mc_pool_take(pool, sizeof *u->messages);
        if (u->messages == NULL)
            return false;
        *u->messages = (struct mc_messages){0};
    }
    return mc_messages_reserve(u->messages, pool, u->messages->ids.count + 1);
}

/* ---- the end of visits ---- */

static void release_visit(struct mc_visit *v, struct mc_pool *pool) {
    drop_str(pool, v->session_room, v->session);
    mc_memory_release(&v->seen, pool);
    drop_array(pool, v->items_room, v->items, v->item_cap, sizeof *v->items);
    mc_pool_give(pool, v, sizeof *v);
}

static void release_messages(struct mc_messages *m, struct mc_pool *pool) {
    if (m->ids.cap > 0)
        mc_pool_give(pool, m->stamps, m->ids.cap * sizeof *m->stamps);
    mc_memory_release(&m->ids, pool);
    mc_pool_give(pool, m, sizeof *m);
}

void mc_user_release(struct mc_user *user, struct mc_pool *pool) {
    if (user->id.data == NULL)
        return;
    for (uint32_t i = 0; i < user->visit_count; i++)
        release_visit(user->visits[i], pool);
    drop_array(pool, user->visits_room, user->visits, user->visit_cap, sizeof(struct mc_visit *));
    if (user->messages != NULL)
        release_messages(user->messages, pool);
    drop_str(pool, user->id_room, user->id);
    *user = (struct mc_user){0};
}

static enum mc_decision decide(const struct mc_user *u, const struct mc_rules *rules, const struct mc_cart *cart,
                               struct mc_time clock) {
    if (!mc_time_is_none(u->last_purchase) && u->last_purchase.us >= cart->first_cart_at.us)
        return MC_PURCHASED;
    int64_t wall_us = rules->wall_mode == MC_WALL_FIXED ? rules->wall.us : clock.us;
    bool has_wall = rules->wall_mode == MC_WALL_FIXED || (rules->wall_mode == MC_WALL_CLOCK && !mc_time_is_none(clock));
    if (has_wall && wall_us - cart->expires_at.us > rules->stale_after_us)
        return MC_STALE;
    return cart->value < rules->minimum ? MC_BELOW_MINIMUM : MC_UNDECIDED;
}

static struct mc_cart cart_of(const struct mc_user *u, struct mc_visit *v, const struct mc_rules *rules,
                              struct mc_time clock) {
    mc_sort(v->items, v->item_count, sizeof *v->items, mc_cart_item_by_product);
    struct mc_cart cart = {.user = u->id,
                           .session = v->session,
                           .opened_at = v->opened_at,
                           .first_at = v->first_at,
                           .last_at = v->last_at,
                           .expires_at = {v->last_at.us + rules->gap_us},
                           .first_cart_at = v->first_cart_at,
                           .item_count = v->item_count,
                           .items = v->items};
    for (uint32_t i = 0; i < v->item_count; i++)
        cart.value += (__int128)v->items[i].quantity * v->items[i].price;
    cart.decision = decide(u, rules, &cart, clock);
    return cart;
}

static void end_visit(struct mc_user *u, uint32_t at, struct mc_pool *pool, const struct mc_rules *rules,
                      struct mc_time clock, bool by_own_event, const struct mc_sink *sink) {
    struct mc_visit *v = u->visits[at];
    u->visits[at] = u->visits[--u->visit_count];
    struct mc_visit_end end = {.user = u,
                               .visit = v,
                               .expires_at = {v->last_at.us + rules->gap_us},
                               .by_own_event = by_own_event,
                               .partial = v->has_purchase && v->item_count > 0};
    struct mc_cart cart;
    if (!v->has_purchase && v->item_count > 0) {
        cart = cart_of(u, v, rules, clock);
        end.cart = &cart;
    }
    sink->visit_ended(sink->context, &end);
    release_visit(v, pool);
}

/* Expiry, then session, then opening time: with one gap, the order of last_at is that of expiry. */
static bool ends_before(const struct mc_visit *a, const struct mc_visit *b) {
    if (a->last_at.us != b->last_at.us)
        return a->last_at.us < b->last_at.us;
    int order = mc_str_compare(a->session, b->session);
    return order ? order < 0 : a->opened_at.us < b->opened_at.us;
}

/* Ends the visits whose latest event is at or before `last`, in order. */
static void end_upto(struct mc_user *u, struct mc_pool *pool, const struct mc_rules *rules, struct mc_time last,
                     struct mc_time clock, const struct mc_sink *sink) {
    while (u->visit_count > 0) {
        uint32_t first = u->visit_count;
        for (uint32_t i = 0; i < u->visit_count; i++)
            if (u->visits[i]->last_at.us <= last.us &&
                (first == u->visit_count || ends_before(u->visits[i], u->visits[first])))
                first = i;
        if (first == u->visit_count)
            return;
        end_visit(u, first, pool, rules, clock, false, sink);
    }
}

void mc_user_wake(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules, struct mc_time clock,
                  const struct mc_sink *sink) {
    if (!mc_time_is_none(clock))
        end_upto(user, pool, rules, (struct mc_time){clock.us - rules->gap_us}, clock, sink);
}

void mc_user_finish(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules, struct mc_time clock,
                    const struct mc_sink *sink) {
    end_upto(user, pool, rules, (struct mc_time){INT64_MAX}, clock, sink);
}

/* ---- one event ---- */

static uint32_t find_visit(const struct mc_user *u, const struct mc_input *in) {
    for (uint32_t i = 0; i < u->visit_count; i++)
        if (u->visits[i]->session_hash == in->session_hash && mc_str_equal(u->visits[i]->session, in->session))
            return i;
    return u->visit_count;
}

static struct mc_cart_item *find_item(const struct mc_visit *v, const struct mc_input *in) {
    for (uint32_t i = 0; i < v->item_count; i++)
        if (v->items[i].hash == in->product_hash && mc_str_equal(v->items[i].product, in->product))
            return &v->items[i];
    return NULL;
}

/* What makes two events without message id the same (SEMANTICS 2), the visit apart: each half mixes all of it, paired
 * in its own way. */
static struct mc_hash128 fingerprint(const struct mc_input *in) {
    uint64_t time = (uint64_t)in->time.us, price = (uint64_t)in->price, product = in->product_hash;
    uint64_t rest = (uint64_t)in->quantity << 8 | (uint64_t)in->type;
    return (struct mc_hash128){mc_hash_mix(mc_hash_mix(time, price), mc_hash_mix(product, rest)),
                               mc_hash_mix(mc_hash_mix(product, time), mc_hash_mix(rest, price))};
}

static bool is_late_by_clock(const struct mc_input *in) {
    return !mc_time_is_none(in->clock) && in->time.us + MC_LATE_US <= in->clock.us;
}

/* What is known about an event before anything changes. */
struct plan {
    enum mc_verdict verdict;
    uint32_t visit;  /* the open visit of its key, or visit_count */
    bool ends_visit; /* that visit ends first */
    struct mc_hash128 mark;
    int32_t message; /* the place of its message id, or MC_MEMORY_ABSENT */
};

static bool message_is_recent(const struct mc_user *u, const struct mc_input *in, int32_t place) {
    return mc_time_is_none(in->clock) || u->messages->stamps[place] + MC_MESSAGE_MEMORY_US > in->clock.us;
}

static bool is_duplicate(const struct mc_user *u, const struct mc_input *in, struct plan *p, bool joins) {
    if (in->has_message_id) {
        p->message = u->messages ? mc_memory_find(&u->messages->ids, in->message_id) : MC_MEMORY_ABSENT;
        return p->message != MC_MEMORY_ABSENT && message_is_recent(u, in, p->message);
    }
    p->mark = fingerprint(in);
    return joins && mc_memory_find(&u->visits[p->visit]->seen, p->mark) != MC_MEMORY_ABSENT;
}

static struct plan plan_event(const struct mc_user *u, const struct mc_rules *rules, const struct mc_input *in) {
    struct plan p = {.visit = find_visit(u, in), .message = MC_MEMORY_ABSENT};
    const struct mc_visit *v = p.visit < u->visit_count ? u->visits[p.visit] : NULL;
    bool late = is_late_by_clock(in);
    p.ends_visit = v != NULL && v->last_at.us + rules->gap_us <= in->time.us;
    bool joins = v != NULL && !p.ends_visit && !late && in->time.us + rules->gap_us > v->first_at.us;
    bool may_open = !late && (v == NULL || p.ends_visit) &&
                    (mc_time_is_none(in->clock) || in->time.us + rules->gap_us > in->clock.us) &&
                    u->visit_count - p.ends_visit < MC_VISITS_MAX;
    if (is_duplicate(u, in, &p, joins))
        p.verdict = MC_VERDICT_DUPLICATE;
    else
        p.verdict = joins ? MC_VERDICT_JOINED : may_open ? MC_VERDICT_OPENED : MC_VERDICT_LATE;
    return p;
}

static bool reserve_in_visit(struct mc_visit *v, struct mc_pool *pool, const struct mc_input *in) {
    return (in->has_message_id || mc_memory_reserve(&v->seen, pool, v->seen.count + 1)) &&
           (in->type != MC_CART || reserve_item(v, pool));
}

struct mc_visit *mc_visit_new(struct mc_pool *pool, struct mc_str session, uint64_t session_hash) {
    struct mc_visit *v = mc_pool_take(pool, sizeof *v);
    if (v == NULL)
        return NULL;
    v->session_hash = session_hash; /* the rooms are written before they are read */
    v->first_at = v->last_at = v->opened_at = (struct mc_time){0};
    v->first_cart_at.us = MC_TIME_NONE_US;
    v->items = v->items_room;
    v->item_count = 0;
    v->item_cap = MC_VISIT_ITEMS_ROOM;
    v->has_purchase = false;
    mc_memory_use_room(&v->seen, v->marks_room, MC_VISIT_MARKS_ROOM);
    v->session = keep_str(pool, v->session_room, sizeof v->session_room, session);
    if (v->session.data != NULL)
        return v;
    mc_pool_give(pool, v, sizeof *v);
    return NULL;
}

static struct mc_visit *open_visit(struct mc_pool *pool, const struct mc_input *in) {
    struct mc_visit *v = mc_visit_new(pool, in->session, in->session_hash);
    if (v == NULL)
        return NULL;
    v->opened_at = v->first_at = v->last_at = in->time;
    return v;
}

static void add_to_cart(struct mc_visit *v, const struct mc_input *in, bool *cart_full) {
    if (mc_time_is_none(v->first_cart_at) || in->time.us < v->first_cart_at.us)
        v->first_cart_at = in->time;
    struct mc_cart_item *item = find_item(v, in);
    if (item == NULL && v->item_count == MC_CART_PRODUCTS_MAX) {
        *cart_full = true;
        return;
    }
    if (item == NULL) {
        item = &v->items[v->item_count++];
        *item = (struct mc_cart_item){.product = in->product, .hash = in->product_hash};
    }
    item->quantity += in->quantity;
    item->price = in->price;
}

static void take_from_cart(struct mc_visit *v, const struct mc_input *in) {
    struct mc_cart_item *item = find_item(v, in);
    if (item == NULL)
        return;
    item->quantity -= in->type == MC_PURCHASE ? item->quantity : in->quantity;
    if (item->quantity <= 0)
        *item = v->items[--v->item_count];
}

static void apply_to_visit(struct mc_visit *v, const struct mc_input *in, struct mc_hash128 mark, bool *cart_full) {
    if (in->time.us < v->first_at.us)
        v->first_at = in->time;
    if (in->time.us > v->last_at.us)
        v->last_at = in->time;
    if (!in->has_message_id)
        mc_memory_add(&v->seen, mark);
    v->has_purchase |= in->type == MC_PURCHASE;
    if (in->type == MC_CART)
        add_to_cart(v, in, cart_full);
    else if (in->type != MC_VIEW)
        take_from_cart(v, in);
}

/* Makes the id the newest, at its stamp. */
static void remember_message(struct mc_messages *m, const struct mc_input *in, int32_t known) {
    uint32_t place;
    if (known == MC_MEMORY_ABSENT) {
        place = mc_memory_add(&m->ids, in->message_id);
    } else {
        place = (uint32_t)known;
        for (uint32_t newest = mc_memory_place(&m->ids, m->ids.count - 1); place != newest;) {
            uint32_t next = place + 1 == m->ids.cap ? 0 : place + 1;
            m->ids.ids[place] = m->ids.ids[next];
            m->stamps[place] = m->stamps[next];
            place = next;
        }
        m->ids.ids[place] = in->message_id;
    }
    m->stamps[place] = mc_time_is_none(in->clock) ? in->time.us : in->clock.us;
}

static void remember_purchase(struct mc_user *u, const struct mc_input *in) {
    bool too_far_ahead = !mc_time_is_none(in->clock) && in->time.us > in->clock.us + MC_LATE_US;
    if (!too_far_ahead && in->time.us > u->last_purchase.us)
        u->last_purchase = in->time;
}

/* All the memory that the plan will need, so that nothing fails half-way. */
static bool reserve_for(struct mc_user *u, struct mc_pool *pool, const struct mc_input *in, const struct plan *p,
                        struct mc_visit **v) {
    if (in->has_message_id && !reserve_messages(u, pool))
        return false;
    if (p->verdict == MC_VERDICT_JOINED) {
        *v = u->visits[p->visit];
        return reserve_in_visit(*v, pool, in);
    }
    if (p->verdict != MC_VERDICT_OPENED)
        return true;
    return reserve_visit(u, pool) && (*v = open_visit(pool, in)) != NULL;
}

/* Whether waking would end a visit: a partition has seen to it before, flat states have not. */
static inline bool has_due(const struct mc_user *u, const struct mc_rules *rules, struct mc_time clock) {
    for (uint32_t i = 0; i < u->visit_count; i++)
        if (u->visits[i]->last_at.us + rules->gap_us <= clock.us)
            return true;
    return false;
}

struct mc_outcome mc_user_apply(struct mc_user *user, struct mc_pool *pool, const struct mc_rules *rules,
                                const struct mc_input *input, const struct mc_sink *sink) {
    if (has_due(user, rules, input->clock))
        mc_user_wake(user, pool, rules, input->clock, sink);
    struct plan p = plan_event(user, rules, input);
    struct mc_outcome out = {.verdict = p.verdict, .visit_start = {MC_TIME_NONE_US}};
    if (p.verdict == MC_VERDICT_DUPLICATE)
        return out;
    struct mc_visit *v = NULL;
    if (!reserve_for(user, pool, input, &p, &v))
        return (struct mc_outcome){.verdict = MC_VERDICT_NO_MEMORY};
    if (p.ends_visit)
        end_visit(user, p.visit, pool, rules, input->clock, true, sink);
    if (p.verdict == MC_VERDICT_OPENED)
        user->visits[user->visit_count++] = v;
    if (v != NULL) {
        apply_to_visit(v, input, p.mark, &out.cart_full);
        out.visit_start = v->opened_at;
    }
    if (input->has_message_id)
        remember_message(user->messages, input, p.message);
    if (input->type == MC_PURCHASE)
        remember_purchase(user, input);
    return out;
}

/* ---- when to wake ---- */

static struct mc_time later(struct mc_time a, int64_t us) {
    return a.us >= us ? a : (struct mc_time){us};
}

struct mc_time mc_user_due(const struct mc_user *user, const struct mc_rules *rules) {
    struct mc_time due = {MC_TIME_NONE_US};
    if (user->visit_count > 0) {
        due = user->visits[0]->last_at;
        for (uint32_t i = 1; i < user->visit_count; i++)
            if (user->visits[i]->last_at.us < due.us)
                due = user->visits[i]->last_at;
        return (struct mc_time){due.us + rules->gap_us};
    }
    if (!mc_time_is_none(user->last_purchase))
        due = later(due, user->last_purchase.us + MC_LATE_US);
    for (uint32_t i = 0; user->messages != NULL && i < user->messages->ids.count; i++)
        due = later(due, user->messages->stamps[i] + MC_MESSAGE_MEMORY_US);
    return due;
}

bool mc_user_is_forgotten(const struct mc_user *user, struct mc_time clock) {
    if (user->visit_count > 0)
        return false;
    struct mc_time due = mc_user_due(user, NULL);
    return mc_time_is_none(due) || (!mc_time_is_none(clock) && due.us <= clock.us);
}

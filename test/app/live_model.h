/* The slow rules of a live shop: one event at a time, flat states with a timer a user (test/engine/flat.h), lists that
 * are searched from end to end. Persons, first and second check, sales as SEMANTICS 4 and 5 say. What mc_live makes of
 * a log is compared with it. No holdout, consent must be given, no coupons. */
#ifndef MC_TEST_APP_LIVE_MODEL_H
#define MC_TEST_APP_LIVE_MODEL_H

#include "../engine/flat.h"
#include "event/clock.h"
#include "live_shop.h"

enum { MODEL_CARTS = 4000, MODEL_SALES = 4000, MODEL_SUPPRESSED = 64 };

struct model_user {
    char id[8], email[48];
    int person; /* users of one person have one number */
    enum mc_consent consent;
    int64_t bought_us; /* the greatest time that counts; INT64_MIN: none */
};

struct model_cart {
    char user[8], session[8];
    int64_t expires_us, opened_us, first_cart_us, value;
    enum mc_decision decision;
    int state, withheld; /* of its message */
    int64_t message;     /* 0: none */
};

struct model_sale {
    char product[8];
    int64_t minute_us, units, revenue;
};

struct model {
    const struct live_shop *shop;
    struct mc_clock clock;
    struct mc_rules rules;
    struct flat flat;
    struct model_user users[LOG_USERS];
    struct model_cart carts[MODEL_CARTS];
    size_t cart_count, decided; /* from `decided` on: ended at this row, not ordered yet */
    int64_t last_message;
    char suppressed[MODEL_SUPPRESSED][48];
    size_t suppressed_count;
    struct model_sale sales[MODEL_SALES];
    size_t sale_count;
    uint64_t rows, rejected[MC_REASONS], late;
};

/* What came up in all comparisons: a test that meets one kind of cart proves little. */
static uint64_t model_met[MC_DECISIONS], model_met_withheld[MC_DECISIONS];

static inline void model_note(const struct model *m) {
    for (size_t i = 0; i < m->cart_count; i++) {
        model_met[m->carts[i].decision]++;
        if (m->carts[i].withheld != MC_WITHHELD_NONE)
            model_met_withheld[m->carts[i].withheld]++;
    }
}

static inline struct model_user *model_user(struct model *m, struct mc_str id) {
    check(id.len == 2 && id.data[0] == 'u' && id.data[1] < '0' + LOG_USERS);
    return &m->users[id.data[1] - '0'];
}

static inline void model_ended(void *context, const struct mc_visit_end *end) {
    struct model *m = context;
    const struct mc_cart *c = end->cart;
    if (c == NULL)
        return;
    check(m->cart_count < MODEL_CARTS);
    struct model_cart *mine = &m->carts[m->cart_count++];
    *mine = (struct model_cart){.expires_us = c->expires_at.us,
                                .opened_us = c->opened_at.us,
                                .first_cart_us = c->first_cart_at.us,
                                .value = (int64_t)c->value,
                                .decision = c->decision,
                                .state = -1,
                                .withheld = MC_WITHHELD_NONE};
    snprintf(mine->user, sizeof mine->user, "%.*s", (int)c->user.len, c->user.data);
    snprintf(mine->session, sizeof mine->session, "%.*s", (int)c->session.len, c->session.data);
}

/* The rules are set by model_take: the shop's settings are not final yet. */
static inline struct model *model_open(const struct live_shop *shop) {
    struct model *m = calloc(1, sizeof *m);
    m->shop = shop;
    mc_clock_init(&m->clock);
    m->flat.context = m;
    m->flat.ended = model_ended;
    for (int i = 0; i < LOG_USERS; i++) {
        m->users[i] = (struct model_user){.person = i, .bought_us = INT64_MIN};
        snprintf(m->users[i].id, sizeof m->users[i].id, "u%u", (unsigned)i % LOG_USERS);
    }
    return m;
}

static inline void model_close(struct model *m) {
    flat_free(&m->flat);
    free(m);
}

/* ---- persons ---- */

static inline bool is_suppressed(const struct model *m, const char *email) {
    for (size_t i = 0; i < m->suppressed_count; i++)
        if (strcmp(m->suppressed[i], email) == 0)
            return true;
    return false;
}

/* The address to be used; NULL: none. */
static inline const char *address_of(const struct model *m, const struct model_user *u) {
    if (u->email[0] != '\0')
        return u->email;
    for (int i = 0; i < LOG_USERS; i++)
        if (m->users[i].person == u->person && m->users[i].email[0] != '\0')
            return m->users[i].email;
    return NULL;
}

static inline enum mc_decision may_write(const struct model *m, const struct model_user *u) {
    bool yes = false, no = false, suppressed = false;
    for (int i = 0; i < LOG_USERS; i++) {
        const struct model_user *other = &m->users[i];
        if (other->person != u->person)
            continue;
        yes |= other->consent == MC_CONSENT_YES;
        no |= other->consent == MC_CONSENT_NO;
        suppressed |= other->email[0] != '\0' && is_suppressed(m, other->email);
    }
    if (address_of(m, u) == NULL)
        return MC_NO_ADDRESS;
    return !yes || no ? MC_NO_CONSENT : suppressed ? MC_SUPPRESSED : MC_SEND;
}

/* Less than the window behind the last message before `before` of this user, or of any of the person. */
static inline bool model_capped(struct model *m, const struct model_user *u, bool by_person, int64_t before,
                                int64_t expires_us) {
    int64_t last = 0, last_us = 0;
    for (size_t i = 0; i < m->cart_count; i++) {
        const struct model_cart *c = &m->carts[i];
        const struct model_user *other = model_user(m, mc_str_of(c->user));
        bool mine = by_person ? other->person == u->person : other == u;
        if (mine && c->message > last && c->message < before) {
            last = c->message;
            last_us = c->expires_us;
        }
    }
    return last > 0 && expires_us - last_us < m->shop->policy.cap_window_us;
}

static inline void copy_text(char *to, size_t size, const char *bytes, struct mc_slice s) {
    if (s.len > 0)
        snprintf(to, size, "%.*s", (int)s.len, bytes + s.offset);
}

static inline void model_person(struct model *m, const char *bytes, const struct mc_person_call *p) {
    struct model_user *u = model_user(m, mc_slice_str(bytes, p->user));
    if (!p->is_alias && p->email.len > 0 && !mc_email_is_valid(mc_slice_str(bytes, p->email)))
        return; /* refused as a whole */
    if (!p->is_alias) {
        copy_text(u->email, sizeof u->email, bytes, p->email);
        u->consent = p->consent != MC_CONSENT_UNKNOWN ? (enum mc_consent)p->consent : u->consent;
    }
    if (p->other.len == 0)
        return;
    int from = model_user(m, mc_slice_str(bytes, p->other))->person;
    for (int i = 0; i < LOG_USERS; i++)
        if (m->users[i].person == from)
            m->users[i].person = u->person;
}

static inline void model_unsubscribe(struct model *m, struct mc_str address) {
    char email[48];
    copy_text(email, sizeof email, address.data, (struct mc_slice){0, (uint32_t)address.len});
    if (is_suppressed(m, email))
        return;
    check(m->suppressed_count < MODEL_SUPPRESSED);
    snprintf(m->suppressed[m->suppressed_count++], 48, "%s", email);
}

/* ---- checks ---- */

static inline void first_check(struct model *m, struct model_cart *c) {
    struct model_user *u = model_user(m, mc_str_of(c->user));
    if (c->decision == MC_UNDECIDED)
        c->decision = may_write(m, u);
    if (c->decision == MC_SEND && model_capped(m, u, false, INT64_MAX, c->expires_us))
        c->decision = MC_CAPPED;
    if (c->decision != MC_SEND)
        return;
    c->message = ++m->last_message;
    c->state = MC_MESSAGE_WAITING;
}

static inline void second_check(struct model *m, struct model_cart *c) {
    struct model_user *u = model_user(m, mc_str_of(c->user));
    const struct mc_policy *p = &m->shop->policy;
    enum mc_decision verdict = may_write(m, u);
    if (m->clock.now.us > c->expires_us + p->delay_us + p->stale_after_us)
        verdict = MC_STALE;
    for (int i = 0; i < LOG_USERS; i++)
        if (m->users[i].person == u->person && m->users[i].bought_us >= c->first_cart_us)
            verdict = MC_PURCHASED;
    if (verdict == MC_SEND && model_capped(m, u, true, c->message, c->expires_us))
        verdict = MC_CAPPED;
    c->state = verdict == MC_SEND ? MC_MESSAGE_CLAIMED : MC_MESSAGE_WITHHELD;
    c->withheld = verdict == MC_SEND ? MC_WITHHELD_NONE : (int)verdict;
}

static inline int in_order_of_end(const void *a, const void *b) {
    const struct model_cart *x = a, *y = b;
    int order = (x->expires_us > y->expires_us) - (x->expires_us < y->expires_us);
    order = order ? order : strcmp(x->user, y->user);
    order = order ? order : strcmp(x->session, y->session);
    return order ? order : (x->opened_us > y->opened_us) - (x->opened_us < y->opened_us);
}

/* What is due at the clock, in order. */
static inline void model_advance(struct model *m) {
    for (;;) {
        struct model_cart *next = NULL;
        for (size_t i = 0; i < m->cart_count; i++) {
            struct model_cart *c = &m->carts[i];
            bool due = c->state == MC_MESSAGE_WAITING && !mc_time_is_none(m->clock.now) &&
                       c->expires_us + m->shop->policy.delay_us <= m->clock.now.us;
            if (due && (next == NULL || in_order_of_end(c, next) < 0))
                next = c;
        }
        if (next == NULL)
            return;
        second_check(m, next);
    }
}

/* The carts that ended at this row, then what is due by its clock. */
static inline void model_settle(struct model *m) {
    qsort(m->carts + m->decided, m->cart_count - m->decided, sizeof *m->carts, in_order_of_end);
    for (; m->decided < m->cart_count; m->decided++)
        first_check(m, &m->carts[m->decided]);
    model_advance(m);
}

/* ---- events ---- */

static inline void model_sell(struct model *m, struct mc_str product, const struct mc_event *ev) {
    int64_t minute = ev->time.us - ev->time.us % MC_MINUTE_US;
    struct model_sale *s = m->sales;
    while (s < m->sales + m->sale_count && (s->minute_us != minute || !mc_str_equal(product, mc_str_of(s->product))))
        s++;
    if (s == m->sales + m->sale_count) {
        check(m->sale_count < MODEL_SALES);
        *s = (struct model_sale){.minute_us = minute};
        snprintf(s->product, sizeof s->product, "%.*s", (int)product.len, product.data);
        m->sale_count++;
    }
    s->units += ev->quantity;
    s->revenue += ev->price * ev->quantity;
}

static inline struct mc_input input_of_event(const struct mc_event *ev, const char *bytes, struct mc_time clock) {
    struct mc_str id = mc_slice_str(bytes, ev->message_id);
    struct mc_input in = {.time = ev->time,
                          .clock = clock,
                          .price = ev->price,
                          .quantity = ev->quantity,
                          .type = (enum mc_event_type)ev->type,
                          .session = mc_slice_str(bytes, ev->session),
                          .product = mc_slice_str(bytes, ev->product),
                          .session_hash = ev->session_hash,
                          .product_hash = ev->product_hash,
                          .has_message_id = id.len > 0};
    if (in.has_message_id)
        in.message_id = mc_hash128(id.data, id.len);
    return in;
}

static inline void model_event(struct model *m, const struct mc_event *ev, const char *bytes, int64_t arrived_us) {
    struct model_user *u = model_user(m, mc_slice_str(bytes, ev->user));
    struct mc_time at = {ev->time.us < arrived_us ? ev->time.us : arrived_us};
    mc_clock_event(&m->clock, at, mc_str_of(u->id));
    struct mc_input in = input_of_event(ev, bytes, m->clock.now);
    flat_timers(&m->flat, m->clock.now);
    struct mc_outcome o = flat_apply(&m->flat, mc_str_of(u->id), &in);
    model_settle(m);
    m->late += o.verdict == MC_VERDICT_LATE;
    m->rejected[MC_DUPLICATE] += o.verdict == MC_VERDICT_DUPLICATE;
    if (ev->type != MC_PURCHASE || o.verdict == MC_VERDICT_DUPLICATE)
        return;
    model_sell(m, in.product, ev);
    bool counts = mc_time_is_none(m->clock.now) || ev->time.us <= m->clock.now.us + MC_DAY_US;
    if (counts && ev->time.us > u->bought_us)
        u->bought_us = ev->time.us;
}

static inline void model_calls(struct model *m, const struct mc_calls *calls, int64_t arrived_us) {
    const struct mc_batch *b = &calls->batch;
    uint32_t person = 0;
    for (uint32_t i = 0; i <= b->event_count; i++) {
        for (; person < calls->person_count && calls->persons[person].before_event == i; person++)
            model_person(m, b->bytes.data, &calls->persons[person]);
        if (i < b->event_count)
            model_event(m, &b->events[i], b->bytes.data, arrived_us);
    }
    check(person == calls->person_count);
    m->rows += b->row_count;
    for (uint32_t i = 0; i < b->reject_count; i++)
        m->rejected[b->rejects[i].reason]++;
}

static inline void model_take(struct model *m, const struct mc_entry *entry, const struct mc_calls *calls) {
    m->rules = m->shop->settings.rules;
    m->rules.wall_mode = MC_WALL_CLOCK;
    m->flat.rules = &m->rules;
    if (entry->kind == MC_ENTRY_TICK) {
        mc_clock_tick(&m->clock, (struct mc_time){entry->arrived_at.us});
        flat_timers(&m->flat, m->clock.now);
        model_settle(m);
    } else if (has_calls(entry)) {
        model_calls(m, calls, entry->arrived_at.us);
    } else if (entry->kind == MC_ENTRY_UNSUBSCRIBE) {
        model_unsubscribe(m, entry->body);
    }
}

/* ---- compared with a ledger ---- */

struct comparing {
    struct model *m;
    size_t next;
};

static inline bool same_cart(void *context, const struct mc_stored_cart *stored) {
    struct comparing *c = context;
    check(c->next < c->m->cart_count);
    const struct model_cart *want = &c->m->carts[c->next++];
    const struct mc_cart *got = &stored->cart;
    check(got->expires_at.us == want->expires_us && got->opened_at.us == want->opened_us);
    check(mc_str_equal(got->user, mc_str_of(want->user)) && mc_str_equal(got->session, mc_str_of(want->session)));
    if (got->decision != want->decision || (stored->has_message && (int)stored->state != want->state))
        print_error("cart of %s at %lld: %s, not %s; message %d, not %d\n", want->user, (long long)want->expires_us,
                    mc_decision_names[got->decision], mc_decision_names[want->decision],
                    stored->has_message ? (int)stored->state : -1, want->state);
    check(got->value == want->value && got->decision == want->decision);
    check(stored->has_message == (want->message > 0));
    if (stored->has_message)
        check(stored->message == want->message && (int)stored->state == want->state &&
              stored->withheld == want->withheld);
    return true;
}

static inline bool same_sale(void *context, const struct mc_sale *got) {
    struct comparing *c = context;
    size_t i = 0;
    while (i < c->m->sale_count && (c->m->sales[i].minute_us != got->minute.us ||
                                    !mc_str_equal(got->product, mc_str_of(c->m->sales[i].product))))
        i++;
    check(i < c->m->sale_count);
    check(got->units == c->m->sales[i].units && got->revenue == c->m->sales[i].revenue);
    c->next++;
    return true;
}

static inline void model_compare(struct model *m, struct mc_ledger *l, const struct mc_summary *figures) {
    struct mc_error e = {0};
    struct mc_filter all = mc_filter_all();
    struct comparing carts = {m, 0}, sales = {m, 0};
    qsort(m->carts, m->cart_count, sizeof *m->carts, in_order_of_end);
    must(mc_read_carts(l, &all, same_cart, &carts, &e), &e);
    must(mc_read_sales(l, &all, same_sale, &sales, &e), &e);
    check(carts.next == m->cart_count && sales.next == m->sale_count);
    check(figures->rows == m->rows && figures->late == m->late && figures->abandoned_carts == m->cart_count);
    check(memcmp(figures->rejected, m->rejected, sizeof m->rejected) == 0);
    model_note(m);
}

#endif

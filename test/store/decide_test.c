/* Decisions, second checks and recovery against a naive model of SEMANTICS 4, over random streams with any commits. */
#include "fault_vfs.h"

#include <sodium.h>

enum { ROWS = 400, CARTS_MAX = 2 * ROWS, PURCHASES_MAX = ROWS };

struct model_cart {
    struct op op;
    enum mc_decision decision;
    enum mc_message_state state;
    int withheld;
    bool has_message;
    int64_t due;
    char coupon[64];
    int64_t recovered_at;
    __int128 recovered;
};

struct model {
    struct mc_policy policy;
    uint8_t holdout_key[MC_SECRET_BYTES];
    struct model_cart carts[CARTS_MAX];
    size_t cart_count;
    struct op purchases[PURCHASES_MAX];
    size_t purchase_count;
    struct {
        bool there;
        char email[64];
        enum mc_consent consent;
    } subscribers[STREAM_USERS];
    int group[STREAM_USERS];
    struct {
        char email[64];
        enum mc_suppression_reason reason;
    } suppressed[ROWS];
    size_t suppressed_count;
    struct {
        char code[64];
        int64_t expires;
        bool taken;
    } coupons[ROWS];
    size_t coupon_count;
};

static int user_of(const char *name) {
    return atoi(name + 1);
}

static int suppression_of(const struct model *m, const char *email) {
    int reason = -1;
    for (size_t i = 0; i < m->suppressed_count; i++)
        if (strcmp(m->suppressed[i].email, email) == 0 && (reason < 0 || reason == MC_BOUNCED))
            reason = (int)m->suppressed[i].reason;
    return reason;
}

static bool bought_since(const struct model *m, int user, int64_t since, bool *customer) {
    bool bought = false;
    *customer = false;
    for (size_t i = 0; i < m->purchase_count; i++) {
        const struct mc_purchase *p = &m->purchases[i].purchase;
        if (m->group[user_of(m->purchases[i].user)] != m->group[user])
            continue;
        *customer = true;
        bought |= p->time.us >= since && p->time.us <= p->clock.us + MC_DAY_US;
    }
    return bought;
}

static enum mc_decision reach(const struct model *m, int user) {
    int address = -1;
    bool customer, yes = false, no = false, stop = false;
    bought_since(m, user, 0, &customer);
    for (int i = -1; i < STREAM_USERS; i++) { /* the own id first, then the others in order */
        int id = i < 0 ? user : i;
        if (m->group[id] != m->group[user] || !m->subscribers[id].there || (i >= 0 && id == user))
            continue;
        yes |= m->subscribers[id].consent == MC_CONSENT_YES;
        no |= m->subscribers[id].consent == MC_CONSENT_NO;
        if (m->subscribers[id].email[0] == '\0')
            continue;
        int reason = suppression_of(m, m->subscribers[id].email);
        stop |= address < 0 ? reason >= 0 : reason == MC_UNSUBSCRIBED || reason == MC_COMPLAINED;
        if (address < 0)
            address = id;
    }
    if (address < 0)
        return MC_NO_ADDRESS;
    bool may = m->policy.consent == MC_CONSENT_OR_CUSTOMER    ? yes || customer
               : m->policy.consent == MC_CONSENT_AND_CUSTOMER ? yes && customer
                                                              : yes;
    if (no || !may)
        return MC_NO_CONSENT;
    return stop ? MC_SUPPRESSED : MC_SEND;
}

/* The last send or holdout cart before the one at `before`: of the user, or of the person. */
static bool capped(const struct model *m, size_t before, int user, bool person, int64_t expires) {
    for (size_t i = before; i-- > 0;) {
        int other = user_of(m->carts[i].op.user);
        if (m->carts[i].has_message && (person ? m->group[other] == m->group[user] : other == user))
            return expires - m->carts[i].op.cart.expires_at.us < m->policy.cap_window_us;
    }
    return false;
}

static bool in_holdout(const struct model *m, const char *user) {
    unsigned char text[128], hash[8];
    size_t len = strlen(m->policy.experiment) + 1;
    memcpy(text, m->policy.experiment, len);
    memcpy(text + len, user, strlen(user));
    crypto_generichash(hash, 8, text, len + strlen(user), m->holdout_key, MC_SECRET_BYTES);
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | hash[i];
    return (uint64_t)(((unsigned __int128)value * 1000000) >> 64) < m->policy.holdout_ppm;
}

static void model_cart(struct model *m, const struct op *op) {
    struct model_cart *c = &m->carts[m->cart_count];
    *c = (struct model_cart){.op = *op, .decision = op->cart.decision, .withheld = -1, .recovered_at = INT64_MIN};
    int user = user_of(op->user);
    if (c->decision == MC_UNDECIDED)
        c->decision = reach(m, user);
    if (c->decision == MC_SEND && capped(m, m->cart_count, user, false, op->cart.expires_at.us))
        c->decision = MC_CAPPED;
    if (c->decision == MC_SEND && in_holdout(m, op->user))
        c->decision = MC_HOLDOUT;
    c->has_message = c->decision == MC_SEND || c->decision == MC_HOLDOUT;
    c->due = op->cart.expires_at.us + m->policy.delay_us;
    m->cart_count++;
}

static int coupon_for(struct model *m, int64_t clock) {
    int best = -1;
    for (size_t i = 0; i < m->coupon_count; i++)
        if (!m->coupons[i].taken && m->coupons[i].expires > clock &&
            (best < 0 || m->coupons[i].expires < m->coupons[best].expires))
            best = (int)i;
    return best;
}

static void model_check(struct model *m, size_t at, int64_t clock) {
    struct model_cart *c = &m->carts[at];
    int user = user_of(c->op.user);
    bool customer;
    int verdict = reach(m, user);
    if (bought_since(m, user, c->op.cart.first_cart_at.us, &customer))
        verdict = MC_PURCHASED;
    else if (m->policy.stale_by_clock && clock > c->due + m->policy.stale_after_us)
        verdict = MC_STALE;
    else if (verdict == MC_SEND && capped(m, at, user, true, c->op.cart.expires_at.us))
        verdict = MC_CAPPED;
    int coupon = m->policy.coupons == MC_COUPON_NONE ? -1 : coupon_for(m, clock);
    if (verdict == MC_SEND && m->policy.coupons == MC_COUPON_REQUIRED && coupon < 0)
        verdict = MC_WITHHELD_NO_COUPON;
    if (verdict != MC_SEND) {
        c->state = MC_MESSAGE_WITHHELD;
        c->withheld = verdict;
        return;
    }
    c->state = c->decision == MC_HOLDOUT ? MC_MESSAGE_CONTROL : MC_MESSAGE_CLAIMED;
    if (coupon >= 0 && c->decision == MC_SEND) {
        m->coupons[coupon].taken = true;
        memcpy(c->coupon, m->coupons[coupon].code, sizeof c->coupon);
    }
}

static bool sooner(const struct model_cart *a, const struct model_cart *b) {
    int order = strcmp(a->op.user, b->op.user);
    if (order == 0)
        order = strcmp(a->op.session, b->op.session);
    return a->due != b->due ? a->due < b->due : order < 0;
}

static void model_advance(struct model *m, int64_t clock) {
    for (;;) {
        struct model_cart *first = NULL;
        for (size_t i = 0; i < m->cart_count; i++) {
            struct model_cart *c = &m->carts[i];
            if (c->has_message && c->state == MC_MESSAGE_WAITING && c->due <= clock && (!first || sooner(c, first)))
                first = c;
        }
        if (first == NULL)
            return;
        model_check(m, (size_t)(first - m->carts), clock);
    }
}

static void model_purchase(struct model *m, const struct op *op) {
    const struct mc_purchase *p = &op->purchase;
    m->purchases[m->purchase_count++] = *op;
    for (size_t i = 0; i < m->cart_count; i++) {
        struct model_cart *c = &m->carts[i];
        bool holds = false;
        for (uint32_t k = 0; k < c->op.cart.item_count; k++)
            holds |= strcmp(c->op.products[k], op->product) == 0;
        if (!c->has_message || !holds || c->state == MC_MESSAGE_WITHHELD ||
            m->group[user_of(c->op.user)] != m->group[user_of(op->user)] || p->time.us < c->due ||
            p->time.us >= c->due + m->policy.attribution_window_us)
            continue;
        if (c->recovered_at == INT64_MIN || p->time.us < c->recovered_at)
            c->recovered_at = p->time.us;
        c->recovered += (__int128)p->quantity * p->price;
    }
}

static void model_op(struct model *m, const struct op *op) {
    int user = op->user[0] != '\0' ? user_of(op->user) : 0;
    switch (op->kind) {
    case OP_CART:
        model_cart(m, op);
        break;
    case OP_ADVANCE:
        model_advance(m, op->at.us);
        break;
    case OP_PURCHASE:
        model_purchase(m, op);
        break;
    case OP_SUBSCRIBER:
        m->subscribers[user].there = true;
        m->subscribers[user].consent = op->consent;
        memcpy(m->subscribers[user].email, op->text, sizeof op->text);
        break;
    case OP_SUPPRESS:
        memcpy(m->suppressed[m->suppressed_count].email, op->text, sizeof op->text);
        m->suppressed[m->suppressed_count++].reason = op->reason;
        break;
    case OP_LINK: {
        int from = m->group[user], to = m->group[user_of(op->session)];
        for (int i = 0; i < STREAM_USERS; i++)
            if (m->group[i] == from)
                m->group[i] = to;
        break;
    }
    case OP_COUPON:
        memcpy(m->coupons[m->coupon_count].code, op->text, sizeof op->text);
        m->coupons[m->coupon_count++].expires = op->at.us;
        break;
    default:
        break;
    }
}

struct compare {
    struct model *m;
    uint64_t seed;
    size_t seen, with_decision[MC_DECISIONS];
    size_t withheld[MC_WITHHELD_NO_COUPON + 1], recovered, coupons;
};

static struct model_cart *model_find(struct model *m, const struct mc_cart *cart) {
    for (size_t i = 0; i < m->cart_count; i++)
        if (mc_str_equal(cart->session, mc_str_of(m->carts[i].op.session)))
            return &m->carts[i];
    return NULL;
}

static bool compare_cart(void *context, const struct mc_stored_cart *cart) {
    struct compare *cmp = context;
    struct model_cart *c = model_find(cmp->m, &cart->cart);
    assert_non_null(c);
    if (cart->cart.decision != c->decision || cart->has_message != c->has_message)
        fail_msg("seed %lu, session %s: decision %s, model %s", (unsigned long)cmp->seed, c->op.session,
                 mc_decision_names[cart->cart.decision], mc_decision_names[c->decision]);
    assert_true(cart->cart.value == c->op.cart.value);
    assert_int_equal(cart->cart.item_count, c->op.cart.item_count);
    cmp->seen++;
    cmp->with_decision[c->decision]++;
    if (!c->has_message)
        return true;
    bool cleared = c->state == MC_MESSAGE_WITHHELD;
    if (cart->state != c->state || cart->withheld != c->withheld)
        fail_msg("seed %lu, session %s: %s %s, model %s %s", (unsigned long)cmp->seed, c->op.session,
                 mc_message_state_names[cart->state], mc_withheld_name(cart->withheld),
                 mc_message_state_names[c->state], mc_withheld_name(c->withheld));
    assert_true(mc_str_equal(cart->coupon, mc_str_of(c->coupon)));
    if (cleared && !mc_time_is_none(cart->recovered_at))
        fail_msg("seed %lu, session %s: withheld and recovered", (unsigned long)cmp->seed, c->op.session);
    if (!cleared && (cart->recovered_at.us != c->recovered_at || cart->recovered_minor != c->recovered))
        fail_msg("seed %lu, session %s: recovered differs", (unsigned long)cmp->seed, c->op.session);
    if (c->withheld >= 0)
        cmp->withheld[c->withheld]++;
    cmp->recovered += c->state != MC_MESSAGE_WAITING && !cleared && c->recovered_at != INT64_MIN;
    cmp->coupons += c->coupon[0] != '\0';
    return true;
}

static void compare_report(struct mc_ledger *l, const struct compare *cmp) {
    struct mc_error e;
    struct mc_report report;
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_int_equal(report.carts, cmp->seen);
    uint64_t decided = 0;
    for (int i = 0; i < MC_DECISIONS; i++) {
        assert_int_equal(report.decisions[i], cmp->with_decision[i]);
        assert_int_equal(report.withheld[i], cmp->withheld[i]);
        decided += report.decisions[i];
    }
    assert_int_equal(decided, report.carts);
    assert_int_equal(report.withheld_no_coupon, cmp->withheld[MC_WITHHELD_NO_COUPON]);
    assert_int_equal(report.recovered_send + report.recovered_holdout, cmp->recovered);
    assert_int_equal(report.coupons_taken, cmp->coupons);
    assert_int_equal(report.passed_send, report.messages[MC_MESSAGE_CLAIMED]);
    assert_int_equal(report.passed_holdout, report.messages[MC_MESSAGE_CONTROL]);
}

static void decisions_equal_the_model(void **state) {
    (void)state;
    const char *dir = temp_dir();
    struct model *m = malloc(sizeof *m);
    struct compare total = {0};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct mc_error e = {0};
        const char *path = temp_path(dir, "s");
        struct mc_ledger *l = open_test(path, seed, "fault");
        memset(m, 0, sizeof *m);
        m->policy = stream_policy(seed);
        mc_ledger_key(l, "holdout", m->holdout_key);
        for (int i = 0; i < STREAM_USERS; i++)
            m->group[i] = i;
        for (uint64_t row = 0; row < ROWS; row++) {
            struct op ops[STREAM_OPS_MAX];
            size_t n = stream_row(seed, row, ops);
            for (size_t i = 0; i < n; i++)
                model_op(m, &ops[i]);
        }
        /* half of the runs are closed and opened on the way: the memory is rebuilt from the tables */
        if (seed % 2 == 0) {
            assert_ok(&e, stream_run(l, seed, ROWS / 2, 50, &e));
            mc_ledger_close(&l);
            l = open_test(path, seed, "fault");
        }
        assert_ok(&e, stream_run(l, seed, ROWS, 1 + seed * 7 % 90, &e));
        struct compare cmp = {.m = m, .seed = seed};
        struct mc_filter all = mc_filter_all();
        assert_ok(&e, mc_read_carts(l, &all, compare_cart, &cmp, &e));
        assert_int_equal(cmp.seen, m->cart_count);
        compare_report(l, &cmp);
        for (int i = 0; i < MC_DECISIONS; i++)
            total.with_decision[i] += cmp.with_decision[i];
        for (int i = 0; i <= MC_WITHHELD_NO_COUPON; i++)
            total.withheld[i] += cmp.withheld[i];
        total.recovered += cmp.recovered;
        mc_ledger_close(&l);
        temp_remove(path);
    }
    free(m);
    rmdir(dir);
    /* the streams meet every rule */
    for (int i = 0; i < MC_UNDECIDED; i++)
        assert_true(total.with_decision[i] > 0);
    assert_true(total.withheld[MC_PURCHASED] && total.withheld[MC_STALE] && total.withheld[MC_NO_CONSENT] &&
                total.withheld[MC_SUPPRESSED] && total.withheld[MC_CAPPED] && total.withheld[MC_WITHHELD_NO_COUPON]);
    assert_true(total.recovered > 20);
}

/* However the commits fall, and however often the store is opened: the same bytes in every table. */
static void commits_leave_no_trace(void **state) {
    (void)state;
    const char *dir = temp_dir();
    struct mc_error e = {0};
    uint64_t first = 0;
    for (uint64_t every = 1; every <= 200; every = every * 3 + 1) {
        const char *path = temp_path(dir, "s");
        for (uint64_t part = 1; part <= every % 4 + 1; part++) {
            struct mc_ledger *l = open_test(path, 7, "fault");
            assert_ok(&e, stream_run(l, 7, ROWS * part / (every % 4 + 1), every, &e));
            mc_ledger_close(&l);
        }
        uint64_t digest = store_digest(path);
        first = first == 0 ? digest : first;
        assert_true(digest == first);
        temp_remove(path);
    }
    rmdir(dir);
}

/* The same visit given twice: one row, the first decision. */
static void one_decision_a_visit(void **state) {
    (void)state;
    const char *dir = temp_dir(), *path = temp_path(dir, "s");
    struct mc_error e = {0};
    struct mc_ledger *l = open_test(path, 1, NULL);
    struct mc_subscriber s = {.user = MC_STR("u1"), .email = MC_STR("u1@example.com"), .consent = MC_CONSENT_YES};
    struct mc_rng r;
    struct op op = {0};
    const char *refused;
    enum mc_decision first, second;
    struct mc_report report;
    mc_rng_seed(&r, 1);
    op_cart(&op, &r, STREAM_START_US, 1, 0);
    op.cart.user = MC_STR("u1");
    op.cart.decision = MC_UNDECIDED;
    assert_ok(&e, mc_ledger_begin(l, &e));
    assert_ok(&e, mc_ledger_end_cart(l, &op.cart, &first, &e));
    assert_int_equal(first, MC_NO_ADDRESS);
    assert_ok(&e, mc_subscriber_put(l, &s, &refused, &e));
    assert_ok(&e, mc_ledger_end_cart(l, &op.cart, &second, &e));
    assert_int_equal(second, MC_NO_ADDRESS);
    assert_ok(&e, mc_ledger_commit(l, &e));
    assert_ok(&e, mc_report_read(l, &report, &e));
    assert_int_equal(report.carts, 1);
    mc_ledger_close(&l);
    temp_remove(path);
    rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_equal_the_model),
        cmocka_unit_test(commits_leave_no_trace),
        cmocka_unit_test(one_decision_a_visit),
    };
    return cmocka_run_group_tests(tests, fault_prepare, NULL);
}

#include "app/store_summary.h"

#include "outreach/delays.h"
#include "store/checkpoint.h"
#include "store/inbox.h"
#include <assert.h>
#include <stdio.h>

/* ---- counters ---- */

static const struct {
    const char *name;
    size_t offset;
    bool wide; /* __int128, else uint64_t */
} counters[] = {
    {"run.rows", offsetof(struct mc_summary, rows), false},
    {"run.accepted", offsetof(struct mc_summary, accepted), false},
    {"run.late", offsetof(struct mc_summary, late), false},
    {"run.cart_full", offsetof(struct mc_summary, cart_full), false},
    {"run.users", offsetof(struct mc_summary, users), false},
    {"run.products", offsetof(struct mc_summary, products), false},
    {"run.visits", offsetof(struct mc_summary, visits), false},
    {"run.visits_with_cart", offsetof(struct mc_summary, visits_with_cart), false},
    {"run.visits_with_purchase", offsetof(struct mc_summary, visits_with_purchase), false},
    {"run.partial_visits", offsetof(struct mc_summary, partial_visits), false},
    {"run.abandoned_carts", offsetof(struct mc_summary, abandoned_carts), false},
    {"run.abandoned_value", offsetof(struct mc_summary, abandoned_value), true},
    {"run.abandoned_items", offsetof(struct mc_summary, abandoned_items), true},
    {"run.units_sold", offsetof(struct mc_summary, units_sold), true},
    {"run.revenue", offsetof(struct mc_summary, revenue), true},
};

enum { COUNTERS = sizeof counters / sizeof *counters, COUNTER_NAME_MAX = 64 };

/* The i-th figure of *s behind those of the table: rejects by reason, then events by type. NULL behind the last. */
static uint64_t *listed_counter(struct mc_summary *s, int i, char name[COUNTER_NAME_MAX]) {
    if (i < MC_REASONS) {
        snprintf(name, COUNTER_NAME_MAX, "run.rejected.%s", mc_reason_names[i]);
        return &s->rejected[i];
    }
    i -= MC_REASONS;
    if (i >= MC_EVENT_TYPES)
        return NULL;
    snprintf(name, COUNTER_NAME_MAX, "run.by_type.%s", mc_event_type_names[i]);
    return &s->by_type[i];
}

static __int128 counter_value(const struct mc_summary *s, int i) {
    const char *at = (const char *)s + counters[i].offset;
    return counters[i].wide ? *(const __int128 *)at : (__int128)*(const uint64_t *)at;
}

enum mc_err mc_summary_save(struct mc_ledger *l, const struct mc_summary *s, struct mc_error *e) {
    struct mc_summary copy = *s;
    char name[COUNTER_NAME_MAX];
    enum mc_err err = MC_OK;
    for (int i = 0; i < COUNTERS && err == MC_OK; i++)
        err = mc_counter_set(l, counters[i].name, counter_value(s, i), e);
    uint64_t *value;
    for (int i = 0; err == MC_OK && (value = listed_counter(&copy, i, name)) != NULL; i++)
        err = mc_counter_set(l, name, *value, e);
    return err;
}

enum mc_err mc_summary_load(struct mc_ledger *l, struct mc_summary *s, struct mc_error *e) {
    char name[COUNTER_NAME_MAX];
    enum mc_err err = MC_OK;
    __int128 value = 0;
    *s = (struct mc_summary){0};
    for (int i = 0; i < COUNTERS && err == MC_OK; i++) {
        char *at = (char *)s + counters[i].offset;
        err = mc_counter_get(l, counters[i].name, &value, e);
        if (counters[i].wide)
            *(__int128 *)at = value;
        else
            *(uint64_t *)at = (uint64_t)value;
    }
    uint64_t *figure;
    for (int i = 0; err == MC_OK && (figure = listed_counter(s, i, name)) != NULL; i++) {
        err = mc_counter_get(l, name, &value, e);
        *figure = (uint64_t)value;
    }
    return err;
}

/* ---- the ledger's side ---- */

struct top {
    struct mc_summary *figures;
    struct mc_buf *bytes;
    size_t at[MC_SUMMARY_TOP_MAX];
};

static bool take_top(void *context, const struct mc_sale *sale) {
    struct top *t = context;
    struct mc_summary_product *p = &t->figures->top[t->figures->top_count];
    t->at[t->figures->top_count++] = t->bytes->len;
    *p = (struct mc_summary_product){{NULL, sale->product.len}, sale->units, sale->revenue};
    mc_buf_str(t->bytes, sale->product);
    return t->figures->top_count < MC_SUMMARY_TOP_MAX;
}

static enum mc_err read_top(struct mc_ledger *l, struct mc_store_summary *s, struct mc_error *e) {
    struct top t = {.figures = &s->figures, .bytes = &s->bytes};
    struct mc_filter filter = mc_filter_all();
    filter.limit = MC_SUMMARY_TOP_MAX;
    enum mc_err err = mc_read_sales_by_product(l, &filter, true, take_top, &t, e);
    if (err == MC_OK && s->bytes.failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "out of memory");
    for (uint32_t i = 0; err == MC_OK && i < s->figures.top_count; i++)
        s->figures.top[i].product.data = s->bytes.data + t.at[i];
    return err;
}

static void fill_figures(struct mc_store_summary *s, const struct mc_report *totals) {
    s->figures = s->counted;
    s->figures.abandoned_carts = totals->carts;
    s->figures.abandoned_value = totals->cart_value;
    s->figures.abandoned_items = totals->cart_quantity;
    s->figures.units_sold = totals->units;
    s->figures.revenue = totals->revenue;
    s->figures.product_minutes = totals->sale_minutes;
    memcpy(s->figures.decisions, totals->decisions, sizeof s->figures.decisions);
    s->clock = totals->clock;
}

static void fill_outreach(struct mc_summary_outreach *o, const struct mc_report *t) {
    const uint64_t *m = t->messages;
    *o = (struct mc_summary_outreach){
        .waiting = m[MC_MESSAGE_WAITING] + m[MC_MESSAGE_CLAIMED] + m[MC_MESSAGE_SENDING] + m[MC_MESSAGE_RETRY],
        .sent = m[MC_MESSAGE_SENT],
        .bounced = m[MC_MESSAGE_BOUNCED],
        .unknown = m[MC_MESSAGE_UNKNOWN],
        .failed = m[MC_MESSAGE_FAILED],
        .withheld = m[MC_MESSAGE_WITHHELD],
        .without_coupon = t->without_coupon,
        .withheld_no_coupon = t->withheld_no_coupon,
        .withheld_too_late = t->withheld_too_late,
        .coupons_free = t->coupons_free,
        .coupons_taken = t->coupons_taken,
        .written_to = t->passed_send,
        .in_control = t->passed_holdout,
        .recovered_send = t->recovered_send,
        .recovered_holdout = t->recovered_holdout,
        .recovered_send_minor = t->recovered_send_minor,
        .recovered_holdout_minor = t->recovered_holdout_minor,
    };
    _Static_assert((int)MC_SUMMARY_PROMISE_BUCKETS == (int)MC_PROMISE_BUCKETS, "the same buckets");
    memcpy(o->promise, t->promise, sizeof o->promise);
}

/* ---- checks ---- */

struct recount {
    uint64_t carts, minutes;
    __int128 cart_value, units, revenue;
    __int128 product_units, product_revenue; /* by the rows of products */
};

static bool take_cart(void *context, const struct mc_stored_cart *cart) {
    struct recount *r = context;
    r->carts++;
    r->cart_value += cart->cart.value;
    return true;
}

static bool take_sale(void *context, const struct mc_sale *sale) {
    struct recount *r = context;
    r->minutes++;
    r->units += sale->units;
    r->revenue += sale->revenue;
    return true;
}

static bool take_product(void *context, const struct mc_sale *sale) {
    struct recount *r = context;
    r->product_units += sale->units;
    r->product_revenue += sale->revenue;
    return true;
}

/* A check whose detail is "what a = b", or what differs. */
static void add_check(struct mc_store_summary *s, const char *rule, bool holds, struct mc_buf *detail) {
    assert(s->check_count < MC_STORE_CHECKS_MAX);
    struct mc_summary_check *c = &s->checks[s->check_count++];
    *c = (struct mc_summary_check){.rule = rule, .result = holds ? MC_CHECK_OK : MC_CHECK_BROKEN};
    snprintf(c->detail, sizeof c->detail, "%s", mc_buf_cstr(detail));
    s->bytes.failed |= detail->failed;
    mc_buf_free(detail);
}

static void put_pair(struct mc_buf *b, const char *left, __int128 a, const char *right, __int128 z) {
    if (b->len > 0)
        mc_buf_text(b, "; ");
    mc_show_count(b, a);
    mc_buf_printf(b, " %s%s", left, a == z ? " = " : " but ");
    mc_show_count(b, z);
    mc_buf_printf(b, " %s", right);
}

static uint64_t sum_of(const uint64_t *counts, int first, int end) {
    uint64_t sum = 0;
    for (int i = first; i < end; i++)
        sum += counts[i];
    return sum;
}

static void check_rows(struct mc_store_summary *s, const struct mc_report *t) {
    const struct mc_summary *c = &s->counted;
    struct mc_buf detail = {0};
    put_pair(&detail, "read", c->rows, "accepted and rejected", (__int128)c->accepted + mc_summary_rejected(c));
    add_check(s, "every row read is accepted or rejected", c->rows == c->accepted + mc_summary_rejected(c), &detail);
    put_pair(&detail, "rejected", mc_summary_rejected(c), "kept", sum_of(t->rejects, MC_ACCEPTED + 1, MC_REASONS));
    bool kept = true;
    for (int i = MC_ACCEPTED + 1; i < MC_REASONS; i++)
        kept &= c->rejected[i] == t->rejects[i];
    add_check(s, "every rejected row is kept, with its reason", kept, &detail);
}

static void check_decisions(struct mc_store_summary *s, const struct mc_report *t) {
    uint64_t decided = sum_of(t->decisions, 0, MC_UNDECIDED), messages = sum_of(t->messages, 0, MC_MESSAGE_STATES);
    uint64_t owed = t->decisions[MC_SEND] + t->decisions[MC_HOLDOUT];
    struct mc_buf detail = {0};
    put_pair(&detail, "abandoned", s->counted.abandoned_carts, "stored", t->carts);
    put_pair(&detail, "stored", t->carts, "decided", decided);
    add_check(s, "every abandoned cart has exactly one decision",
              s->counted.abandoned_carts == t->carts && t->carts == decided && t->decisions[MC_UNDECIDED] == 0,
              &detail);
    put_pair(&detail, "decisions send and holdout", owed, "outbox rows", messages);
    mc_buf_text(&detail, "; ");
    mc_show_count(&detail, t->messages[MC_MESSAGE_UNKNOWN]);
    mc_buf_text(&detail, " answers lost");
    add_check(s, "a decision has at most one message", owed == messages, &detail);
}

static void check_sales(struct mc_store_summary *s, const struct mc_report *t) {
    struct mc_buf detail = {0};
    put_pair(&detail, "units bought", s->counted.units_sold, "units in sales", t->units);
    put_pair(&detail, "hundredths paid", s->counted.revenue, "in sales", t->revenue);
    add_check(s, "sales are the sums of the purchases",
              s->counted.units_sold == t->units && s->counted.revenue == t->revenue, &detail);
}

static void check_recount(struct mc_store_summary *s, const struct mc_report *t, const struct recount *r) {
    struct mc_buf detail = {0};
    put_pair(&detail, "carts", t->carts, "counted again", r->carts);
    put_pair(&detail, "units", t->units, "added again", r->units);
    put_pair(&detail, "product minutes", t->sale_minutes, "counted again", r->minutes);
    bool carts = t->carts == r->carts && t->cart_value == r->cart_value;
    bool sales = t->units == r->units && t->revenue == r->revenue && t->sale_minutes == r->minutes;
    bool products = t->units == r->product_units && t->revenue == r->product_revenue;
    add_check(s, "totals are what their rows add up to", carts && sales && products, &detail);
}

static void add_unsaid(struct mc_store_summary *s, const char *rule, const char *why) {
    struct mc_buf detail = {0};
    mc_buf_text(&detail, why);
    add_check(s, rule, true, &detail);
    s->checks[s->check_count - 1].result = MC_CHECK_NONE;
}

/* ---- the promise, hour by hour ---- */

static enum mc_err read_day(struct mc_ledger *l, struct mc_time clock, struct mc_summary_outreach *o,
                            struct mc_error *e) {
    struct mc_histogram hour, day = {0};
    enum mc_err err = MC_OK;
    for (int i = 0; i < 24 && err == MC_OK && !mc_time_is_none(clock); i++) {
        err = mc_delays_read(l, (struct mc_wall){clock.us - i * MC_HOUR_US}, &hour, e);
        mc_histogram_merge(&day, &hour);
    }
    o->day_count = day.count;
    o->day_p50_us = mc_histogram_percentile(&day, 500000);
    o->day_p99_us = mc_histogram_percentile(&day, 990000);
    o->day_max_us = day.max;
    return err;
}

/* ---- all of it ---- */

static bool is_same(const struct mc_report *a, const struct mc_report *b) {
    return a->carts == b->carts && a->units == b->units && a->sale_minutes == b->sale_minutes &&
           a->clock.us == b->clock.us && memcmp(a->rejects, b->rejects, sizeof a->rejects) == 0 &&
           memcmp(a->messages, b->messages, sizeof a->messages) == 0;
}

static enum mc_err recount(struct mc_ledger *l, struct recount *r, struct mc_error *e) {
    struct mc_filter all = mc_filter_all();
    *r = (struct recount){0};
    enum mc_err err = mc_read_carts(l, &all, take_cart, r, e);
    if (err == MC_OK)
        err = mc_read_sales(l, &all, take_sale, r, e);
    return err == MC_OK ? mc_read_sales_by_product(l, &all, false, take_product, r, e) : err;
}

static void add_checks(struct mc_store_summary *s, const struct mc_report *before, const struct mc_report *after,
                       const struct recount *again) {
    static const char changing[] = "the store is being written at this moment";
    bool still = is_same(before, after);
    if (still) {
        check_rows(s, before);
        check_decisions(s, before);
        check_sales(s, before);
    } else {
        add_unsaid(s, "rows, decisions, messages and sales agree", changing);
    }
    if (still && again != NULL)
        check_recount(s, before, again);
    else
        add_unsaid(s, "totals are what their rows add up to", still ? "not added up again, as --quick says" : changing);
}

/* A live store: its log has no hole and reaches as far as the store has consumed it. */
static enum mc_err check_log(struct mc_ledger *l, struct mc_store_summary *s, bool quick, struct mc_error *e) {
    static const char rule[] = "an acknowledged event is in the log or in the archive";
    struct mc_inbox_extent log;
    __int128 consumed = 0;
    bool there = false;
    enum mc_err err = mc_counter_get(l, "log.position", &consumed, e);
    if (err == MC_OK && !quick)
        err = mc_inbox_measure(mc_ledger_path(l), &there, &log, e);
    if (err != MC_OK)
        return err;
    if (quick || !there) {
        add_unsaid(s, rule,
                   quick ? "the log was not counted, as --quick says"
                         : "a replay acknowledges nothing: its log is its files");
        return MC_OK;
    }
    struct mc_buf figures = {0};
    uint64_t want = (uint64_t)(log.last - log.first + 1);
    put_pair(&figures, "positions", want, "entries", log.entries);
    mc_buf_text(&figures, "; consumed up to ");
    mc_show_count(&figures, consumed);
    add_check(s, rule, log.entries == want && log.last >= consumed, &figures);
    return MC_OK;
}

enum mc_err mc_store_summary_read(struct mc_ledger *l, bool quick, struct mc_store_summary *s, struct mc_error *e) {
    struct mc_report before, after;
    struct recount again;
    enum mc_err err = mc_report_read(l, &before, e);
    if (err == MC_OK)
        err = mc_summary_load(l, &s->counted, e);
    if (err == MC_OK) {
        fill_figures(s, &before);
        fill_outreach(&s->outreach, &before);
        err = read_day(l, s->clock, &s->outreach, e);
    }
    if (err == MC_OK) {
        err = read_top(l, s, e);
    }
    if (err == MC_OK && !quick)
        err = recount(l, &again, e);
    if (err == MC_OK)
        err = mc_report_read(l, &after, e);
    if (err != MC_OK)
        return err;
    add_checks(s, &before, &after, quick ? NULL : &again);
    err = check_log(l, s, quick, e);
    if (err != MC_OK)
        return err;
    return s->bytes.failed ? mc_error_set(e, MC_ERR_NOMEM, "out of memory") : MC_OK;
}

void mc_store_summary_free(struct mc_store_summary *s) {
    mc_buf_free(&s->bytes);
    *s = (struct mc_store_summary){0};
}

#include "store/read.h"

#include "base/mem.h"
#include "store/internal.h"
#include "store/page.h"
#include <stdlib.h>

struct mc_filter mc_filter_all(void) {
    return (struct mc_filter){.since = {MC_TIME_NONE_US},
                              .until = {MC_TIME_NONE_US},
                              .arrived_since = {INT64_MIN},
                              .arrived_until = {INT64_MIN},
                              .decision = -1,
                              .reason = -1};
}

static int64_t until_us(const struct mc_filter *f) {
    return mc_time_is_none(f->until) ? INT64_MAX : f->until.us;
}

/* Counts a row given; false when the limit is reached by it. */
static bool under_limit(const struct mc_filter *f, uint64_t *given) {
    return ++*given != f->limit;
}

/* ---- carts ---- */

static bool cart_accepted(const void *context, sqlite3_stmt *s) {
    const struct mc_filter *f = context;
    return (f->user.len == 0 || mc_str_equal(f->user, mc_column_str(s, 1))) &&
           (f->decision < 0 || f->decision == sqlite3_column_int(s, 7));
}

static bool cart_holds(const struct mc_stored_cart *cart, struct mc_str product) {
    for (uint32_t i = 0; i < cart->cart.item_count; i++)
        if (mc_str_equal(cart->cart.items[i].product, product))
            return true;
    return product.len == 0;
}

static bool cart_of_row(struct mc_arena *arena, const struct mc_cell *c, struct mc_stored_cart *out) {
    struct mc_cart_item *items;
    *out = (struct mc_stored_cart){.withheld = MC_WITHHELD_NONE, .recovered_at = {MC_TIME_NONE_US}};
    out->cart = (struct mc_cart){.expires_at = {c[0].number},
                                 .user = c[1].text,
                                 .session = c[2].text,
                                 .opened_at = {c[3].number},
                                 .first_at = {c[4].number},
                                 .last_at = {c[5].number},
                                 .first_cart_at = {c[6].number},
                                 .decision = (enum mc_decision)c[7].number,
                                 .value = c[8].exact};
    if (!mc_items_decode(arena, c[9].text, &items, &out->cart.item_count))
        return false;
    out->cart.items = items;
    out->has_message = !c[10].null;
    if (!out->has_message)
        return true;
    out->message = c[10].number;
    out->state = (enum mc_message_state)c[11].number;
    out->withheld = c[12].null ? MC_WITHHELD_NONE : (int)c[12].number;
    out->replayed = c[13].number != 0;
    out->due_at.us = c[14].number;
    out->offer = (struct mc_offer){(enum mc_offer_kind)c[15].number, c[16].number};
    out->coupon = c[17].text;
    if (!c[18].null)
        out->recovered_at.us = c[18].number;
    out->recovered_minor = c[19].exact;
    return true;
}

static void carts_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    sqlite3_bind_int64(s, 1, after[0].number);
    mc_bind_str(s, 2, after[1].text);
    mc_bind_str(s, 3, after[2].text);
    sqlite3_bind_int64(s, 4, after[3].number);
    sqlite3_bind_int64(s, 5, until_us(filter));
}

struct carts {
    struct mc_ledger *l;
    const struct mc_filter *filter;
    bool (*take)(void *context, const struct mc_stored_cart *cart);
    void *context;
    uint64_t given;
    enum mc_err err;
    struct mc_error *e;
};

static bool give_cart(void *context, struct mc_page *page, const struct mc_cell *row) {
    struct carts *c = context;
    struct mc_stored_cart cart;
    if (!cart_of_row(&page->arena, row, &cart)) {
        c->err = mc_ledger_fail(c->l, MC_ERR_FORMAT, c->e, "a cart's lines cannot be read");
        return false;
    }
    return !cart_holds(&cart, c->filter->product) || (c->take(c->context, &cart) && under_limit(c->filter, &c->given));
}

/* A cart that was found by its user: only now with its message. */
static bool give_found(void *context, struct mc_page *keys, const struct mc_cell *key) {
    struct carts *c = context;
    struct mc_page page = {0};
    (void)keys;
    sqlite3_stmt *s = mc_sql_get(c->l, MC_SQL_CART_ONE, c->e);
    if (s == NULL) {
        c->err = c->l->last_error;
        return false;
    }
    sqlite3_bind_int64(s, 1, key[0].number);
    mc_bind_str(s, 2, key[1].text);
    mc_bind_str(s, 3, key[2].text);
    sqlite3_bind_int64(s, 4, key[3].number);
    c->err = mc_page_fill(c->l, MC_SQL_CART_ONE, 4, NULL, NULL, &page, c->e);
    bool more = c->err == MC_OK && (page.count == 0 || give_cart(c, &page, page.rows[0]));
    mc_page_free(&page);
    return more;
}

enum mc_err mc_read_carts(struct mc_ledger *l, const struct mc_filter *filter,
                          bool (*take)(void *context, const struct mc_stored_cart *cart), void *context,
                          struct mc_error *e) {
    bool of_user = filter->user.len > 0;
    struct mc_paged listing = {of_user ? MC_SQL_CART_KEYS : MC_SQL_CART_NEXT, 4, carts_bind, cart_accepted, filter};
    struct carts c = {.l = l, .filter = filter, .take = take, .context = context, .e = e};
    struct mc_cell start[MC_PAGE_COLUMNS_MAX] = {{.number = filter->since.us}}; /* an empty user: before all of then */
    start[3].number = INT64_MIN;
    enum mc_err err = mc_outbox_flush(l, e);
    if (err == MC_OK)
        err = mc_page_each(l, &listing, start, of_user ? give_found : give_cart, &c, e);
    return err == MC_OK ? c.err : err;
}

/* ---- sales ---- */

static bool sale_accepted(const void *context, sqlite3_stmt *s) {
    const struct mc_filter *f = context;
    return f->product.len == 0 || mc_str_equal(f->product, mc_column_str(s, 1));
}

static void sales_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    sqlite3_bind_int64(s, 1, after[0].number);
    mc_bind_str(s, 2, after[1].text);
    sqlite3_bind_int64(s, 3, until_us(filter));
}

struct sales {
    const struct mc_filter *filter;
    bool (*take)(void *context, const struct mc_sale *sale);
    void *context;
    uint64_t given;
};

static bool give_sale(void *context, struct mc_page *page, const struct mc_cell *c) {
    struct sales *s = context;
    struct mc_sale sale = {c[1].text, {c[0].number}, c[2].exact, c[3].exact};
    (void)page;
    return s->take(s->context, &sale) && under_limit(s->filter, &s->given);
}

enum mc_err mc_read_sales(struct mc_ledger *l, const struct mc_filter *filter,
                          bool (*take)(void *context, const struct mc_sale *sale), void *context, struct mc_error *e) {
    struct mc_paged listing = {MC_SQL_SALE_NEXT, 2, sales_bind, sale_accepted, filter};
    struct mc_cell start[MC_PAGE_COLUMNS_MAX] = {{.number = filter->since.us}};
    struct sales s = {filter, take, context, 0};
    return mc_page_each(l, &listing, start, give_sale, &s, e);
}

/* ---- sales by product ---- */

struct adding {
    struct mc_sums sums;
    bool no_memory;
};

static bool add_sale(void *context, const struct mc_sale *sale) {
    struct adding *a = context;
    a->no_memory = !mc_sums_add(&a->sums, sale->product, sale->units, sale->revenue);
    return !a->no_memory;
}

static void product_sales_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    (void)filter;
    mc_bind_str(s, 1, after[0].text);
}

static bool product_sale_accepted(const void *context, sqlite3_stmt *s) {
    const struct mc_filter *f = context;
    return f->product.len == 0 || mc_str_equal(f->product, mc_column_str(s, 0));
}

static bool give_product_sale(void *context, struct mc_page *page, const struct mc_cell *c) {
    struct mc_sale sale = {c[0].text, {MC_TIME_NONE_US}, c[1].exact, c[2].exact};
    (void)page;
    return add_sale(context, &sale);
}

/* Without bounds of time the table of products has the answer, unless this transaction has not added to it yet. */
static enum mc_err add_up(struct mc_ledger *l, const struct mc_filter *filter, struct adding *a, struct mc_error *e) {
    static const struct mc_cell start[MC_PAGE_COLUMNS_MAX] = {{0}};
    struct mc_filter all = *filter;
    all.limit = 0;
    bool whole = mc_time_is_none(filter->since) && mc_time_is_none(filter->until) && l->sold.products.count == 0;
    struct mc_paged listing = {MC_SQL_PRODUCT_SALE_NEXT, 1, product_sales_bind, product_sale_accepted, filter};
    enum mc_err err =
        whole ? mc_page_each(l, &listing, start, give_product_sale, a, e) : mc_read_sales(l, &all, add_sale, a, e);
    return err == MC_OK && a->no_memory ? mc_ledger_no_memory(l, e) : err;
}

static int by_product(const void *a, const void *b) {
    const struct mc_sale *left = a, *right = b;
    return mc_str_compare(left->product, right->product);
}

static int by_revenue_down(const void *a, const void *b) {
    const struct mc_sale *left = a, *right = b;
    if (left->revenue != right->revenue)
        return left->revenue > right->revenue ? -1 : 1;
    return by_product(a, b);
}

static struct mc_sale *sales_of_sums(const struct mc_sums *sums) {
    size_t count = sums->products.count;
    struct mc_sale *sales = mc_malloc((count + 1) * sizeof *sales);
    for (size_t i = 0; sales != NULL && i < count; i++)
        sales[i] = (struct mc_sale){mc_strmap_key(&sums->products, &sums->products.entries[i]),
                                    {MC_TIME_NONE_US},
                                    sums->list[i].units,
                                    sums->list[i].revenue};
    return sales;
}

enum mc_err mc_read_sales_by_product(struct mc_ledger *l, const struct mc_filter *filter, bool by_revenue,
                                     bool (*take)(void *context, const struct mc_sale *sale), void *context,
                                     struct mc_error *e) {
    struct adding adding = {0};
    struct mc_sale *sales = NULL;
    enum mc_err err = add_up(l, filter, &adding, e);
    if (err == MC_OK && (sales = sales_of_sums(&adding.sums)) == NULL)
        err = mc_ledger_no_memory(l, e);
    size_t count = err == MC_OK ? adding.sums.products.count : 0;
    if (count > 0)
        qsort(sales, count, sizeof *sales, by_revenue ? by_revenue_down : by_product);
    uint64_t given = 0;
    for (size_t i = 0; i < count; i++)
        if (!take(context, &sales[i]) || !under_limit(filter, &given))
            break;
    mc_sums_free(&adding.sums);
    mc_free(sales);
    return err;
}

/* ---- rejects ---- */

static bool reject_accepted(const void *context, sqlite3_stmt *s) {
    const struct mc_filter *f = context;
    int64_t arrived = sqlite3_column_int64(s, 5);
    return (f->reason < 0 || f->reason == sqlite3_column_int(s, 4)) &&
           (f->source == 0 || f->source == sqlite3_column_int64(s, 1)) &&
           (!f->not_retried || sqlite3_column_type(s, 6) == SQLITE_NULL) && arrived >= f->arrived_since.us &&
           (f->arrived_until.us == INT64_MIN || arrived < f->arrived_until.us);
}

static void rejects_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    (void)filter;
    sqlite3_bind_int64(s, 1, after[0].number);
}

static struct mc_stored_reject reject_of_row(const struct mc_cell *c) {
    return (struct mc_stored_reject){.id = c[0].number,
                                     .reject = {.source = c[1].number,
                                                .byte_offset = c[2].number,
                                                .row = c[3].number,
                                                .reason = (enum mc_reason)c[4].number,
                                                .arrived_at = {c[5].number},
                                                .raw = c[7].text},
                                     .retried_by = c[6].null ? 0 : c[6].number,
                                     .source_name = c[8].text};
}

struct rejects {
    const struct mc_filter *filter;
    bool (*take)(void *context, const struct mc_stored_reject *reject);
    void *context;
    uint64_t given;
};

static bool give_reject(void *context, struct mc_page *page, const struct mc_cell *row) {
    struct rejects *r = context;
    struct mc_stored_reject reject = reject_of_row(row);
    (void)page;
    return r->take(r->context, &reject) && under_limit(r->filter, &r->given);
}

enum mc_err mc_read_rejects(struct mc_ledger *l, const struct mc_filter *filter,
                            bool (*take)(void *context, const struct mc_stored_reject *reject), void *context,
                            struct mc_error *e) {
    static const struct mc_cell start[MC_PAGE_COLUMNS_MAX] = {{0}};
    struct mc_paged listing = {MC_SQL_REJECT_NEXT, 1, rejects_bind, reject_accepted, filter};
    struct rejects r = {filter, take, context, 0};
    return mc_page_each(l, &listing, start, give_reject, &r, e);
}

enum mc_err mc_reject_set_retried(struct mc_ledger *l, int64_t id, int64_t source, struct mc_error *e) {
    sqlite3_stmt *s = mc_ledger_writable(l, e) == MC_OK ? mc_sql_get(l, MC_SQL_REJECT_RETRIED, e) : NULL;
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, source);
    enum mc_err err = mc_sql_run(l, MC_SQL_REJECT_RETRIED, e);
    if (err == MC_OK)
        mc_totals_add(l, MC_TOTAL_RETRIED, sqlite3_changes(l->db));
    return err;
}

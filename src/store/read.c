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

static enum mc_err carts_page(struct mc_ledger *l, const struct mc_filter *f, const struct mc_cell *after,
                              struct mc_page *page, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CART_NEXT, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, after[0].number);
    mc_bind_str(s, 2, after[1].text);
    mc_bind_str(s, 3, after[2].text);
    sqlite3_bind_int64(s, 4, after[3].number);
    sqlite3_bind_int64(s, 5, until_us(f));
    return mc_page_fill(l, MC_SQL_CART_NEXT, 4, cart_accepted, f, page, e);
}

enum mc_err mc_read_carts(struct mc_ledger *l, const struct mc_filter *filter,
                          bool (*take)(void *context, const struct mc_stored_cart *cart), void *context,
                          struct mc_error *e) {
    struct mc_page page = {0}, previous = {0};
    previous.last[0].number = filter->since.us; /* with an empty user: before every cart of that instant */
    previous.last[3].number = INT64_MIN;
    uint64_t given = 0;
    bool more = true;
    enum mc_err err = MC_OK;
    while (err == MC_OK && more) {
        err = carts_page(l, filter, previous.last, &page, e);
        more = err == MC_OK && !page.end;
        bool wanted = true;
        for (size_t i = 0; err == MC_OK && wanted && i < page.count; i++) {
            struct mc_stored_cart cart;
            if (!cart_of_row(&page.arena, page.rows[i], &cart))
                err = mc_ledger_fail(l, MC_ERR_FORMAT, e, "a cart's lines cannot be read");
            else if (cart_holds(&cart, filter->product))
                wanted = take(context, &cart) && under_limit(filter, &given);
        }
        more = more && wanted;
        mc_page_free(&previous);
        previous = page;
        page = (struct mc_page){0};
    }
    mc_page_free(&previous);
    mc_page_free(&page);
    return err;
}

/* ---- sales ---- */

static bool sale_accepted(const void *context, sqlite3_stmt *s) {
    const struct mc_filter *f = context;
    return f->product.len == 0 || mc_str_equal(f->product, mc_column_str(s, 1));
}

static enum mc_err sales_page(struct mc_ledger *l, const struct mc_filter *f, const struct mc_cell *after,
                              struct mc_page *page, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_SALE_NEXT, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, after[0].number);
    mc_bind_str(s, 2, after[1].text);
    sqlite3_bind_int64(s, 3, until_us(f));
    return mc_page_fill(l, MC_SQL_SALE_NEXT, 2, sale_accepted, f, page, e);
}

enum mc_err mc_read_sales(struct mc_ledger *l, const struct mc_filter *filter,
                          bool (*take)(void *context, const struct mc_sale *sale), void *context, struct mc_error *e) {
    struct mc_page page = {0}, previous = {0};
    previous.last[0].number = filter->since.us;
    uint64_t given = 0;
    bool more = true;
    enum mc_err err = MC_OK;
    while (err == MC_OK && more) {
        err = sales_page(l, filter, previous.last, &page, e);
        more = err == MC_OK && !page.end;
        for (size_t i = 0; err == MC_OK && i < page.count; i++) {
            const struct mc_cell *c = page.rows[i];
            struct mc_sale sale = {c[1].text, {c[0].number}, c[2].exact, c[3].exact};
            if (!take(context, &sale) || !under_limit(filter, &given)) {
                more = false;
                break;
            }
        }
        mc_page_free(&previous);
        previous = page;
        page = (struct mc_page){0};
    }
    mc_page_free(&previous);
    mc_page_free(&page);
    return err;
}

struct sums {
    struct mc_strmap products; /* value: index into sales */
    struct mc_sale *sales;
    size_t cap;
    bool no_memory;
};

static bool sums_room(struct sums *sums) {
    if (sums->products.count < sums->cap)
        return true;
    size_t cap = sums->cap == 0 ? 256 : sums->cap * 2;
    struct mc_sale *sales = mc_realloc(sums->sales, cap * sizeof *sales);
    if (sales == NULL)
        return false;
    sums->sales = sales;
    sums->cap = cap;
    return true;
}

static bool sums_take(void *context, const struct mc_sale *sale) {
    struct sums *sums = context;
    size_t before = sums->products.count;
    struct mc_strmap_entry *entry = NULL;
    if (sums_room(sums))
        entry = mc_strmap_add(&sums->products, mc_hash64(sale->product.data, sale->product.len), sale->product,
                              (int64_t)before);
    sums->no_memory = entry == NULL;
    if (entry == NULL)
        return false;
    struct mc_sale *sum = &sums->sales[entry->value];
    if (sums->products.count > before)
        *sum = (struct mc_sale){.minute = {MC_TIME_NONE_US}};
    sum->units += sale->units;
    sum->revenue += sale->revenue;
    return true;
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

enum mc_err mc_read_sales_by_product(struct mc_ledger *l, const struct mc_filter *filter, bool by_revenue,
                                     bool (*take)(void *context, const struct mc_sale *sale), void *context,
                                     struct mc_error *e) {
    struct sums sums = {0};
    struct mc_filter all = *filter;
    all.limit = 0;
    enum mc_err err = mc_read_sales(l, &all, sums_take, &sums, e);
    if (err == MC_OK && sums.no_memory)
        err = mc_ledger_no_memory(l, e);
    size_t count = err == MC_OK ? sums.products.count : 0;
    for (size_t i = 0; i < count; i++) /* only now: keys move while they are added */
        sums.sales[i].product = mc_strmap_key(&sums.products, &sums.products.entries[i]);
    if (count > 0)
        qsort(sums.sales, count, sizeof *sums.sales, by_revenue ? by_revenue_down : by_product);
    uint64_t given = 0;
    for (size_t i = 0; i < count; i++)
        if (!take(context, &sums.sales[i]) || !under_limit(filter, &given))
            break;
    mc_strmap_free(&sums.products);
    mc_free(sums.sales);
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

static enum mc_err rejects_page(struct mc_ledger *l, const struct mc_filter *f, int64_t after, struct mc_page *page,
                                struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_REJECT_NEXT, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, after);
    return mc_page_fill(l, MC_SQL_REJECT_NEXT, 1, reject_accepted, f, page, e);
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

enum mc_err mc_read_rejects(struct mc_ledger *l, const struct mc_filter *filter,
                            bool (*take)(void *context, const struct mc_stored_reject *reject), void *context,
                            struct mc_error *e) {
    int64_t after = 0;
    uint64_t given = 0;
    bool more = true;
    enum mc_err err = MC_OK;
    while (err == MC_OK && more) {
        struct mc_page page = {0};
        err = rejects_page(l, filter, after, &page, e);
        more = err == MC_OK && !page.end;
        after = page.last[0].number;
        for (size_t i = 0; err == MC_OK && i < page.count; i++) {
            struct mc_stored_reject reject = reject_of_row(page.rows[i]);
            if (!take(context, &reject) || !under_limit(filter, &given)) {
                more = false;
                break;
            }
        }
        mc_page_free(&page);
    }
    return err;
}

enum mc_err mc_reject_set_retried(struct mc_ledger *l, int64_t id, int64_t source, struct mc_error *e) {
    sqlite3_stmt *s = mc_ledger_writable(l, e) == MC_OK ? mc_sql_get(l, MC_SQL_REJECT_RETRIED, e) : NULL;
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, source);
    enum mc_err err = mc_sql_run(l, MC_SQL_REJECT_RETRIED, e);
    if (err == MC_OK)
        mc_tally_add(l, MC_TALLY_RETRIED, sqlite3_changes(l->db));
    return err;
}

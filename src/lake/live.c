#include "lake/live.h"

#include "lake/views.h"
#include "store/checkpoint.h"
#include "store/read.h"

/* The appender keeps its first error; a row is given up with it. */
struct filler {
    const struct mc_duck *duck;
    duckdb_appender one, items; /* items: of carts */
    bool failed;
};

static void put_text(struct filler *f, duckdb_appender to, struct mc_str s) {
    f->failed |= f->duck->append_varchar_length(to, s.len > 0 ? s.data : "", s.len) != DuckDBSuccess;
}

static void put_null(struct filler *f, duckdb_appender to) {
    f->failed |= f->duck->append_null(to) != DuckDBSuccess;
}

static void put_text_or_null(struct filler *f, duckdb_appender to, struct mc_str s) {
    if (s.len > 0)
        put_text(f, to, s);
    else
        put_null(f, to);
}

static void put_name(struct filler *f, duckdb_appender to, const char *name) {
    if (name != NULL)
        put_text(f, to, mc_str_of(name));
    else
        put_null(f, to);
}

static void put_time(struct filler *f, duckdb_appender to, struct mc_time t) {
    if (mc_time_is_none(t))
        put_null(f, to);
    else
        f->failed |= f->duck->append_timestamp(to, (duckdb_timestamp){t.us}) != DuckDBSuccess;
}

static void put_int(struct filler *f, duckdb_appender to, int64_t value) {
    f->failed |= f->duck->append_int64(to, value) != DuckDBSuccess;
}

static void put_int128(struct filler *f, duckdb_appender to, __int128 value) {
    duckdb_hugeint huge = {.lower = (uint64_t)value, .upper = (int64_t)(value >> 64)};
    f->failed |= f->duck->append_hugeint(to, huge) != DuckDBSuccess;
}

static bool end_row(struct filler *f, duckdb_appender to) {
    f->failed |= !f->failed && f->duck->appender_end_row(to) != DuckDBSuccess;
    return !f->failed;
}

/* ---- rows ---- */

static __int128 put_items(struct filler *f, const struct mc_cart *cart) {
    __int128 quantity = 0;
    for (uint32_t i = 0; i < cart->item_count; i++) {
        put_text(f, f->items, cart->user);
        put_text(f, f->items, cart->session);
        put_time(f, f->items, cart->opened_at);
        put_time(f, f->items, cart->expires_at);
        put_text(f, f->items, cart->items[i].product);
        put_int(f, f->items, cart->items[i].quantity);
        put_int(f, f->items, cart->items[i].price);
        end_row(f, f->items);
        quantity += cart->items[i].quantity;
    }
    return quantity;
}

static void put_message(struct filler *f, const struct mc_stored_cart *c) {
    put_int(f, f->one, c->message);
    put_name(f, f->one, mc_message_state_names[c->state]);
    put_name(f, f->one, c->withheld == MC_WITHHELD_NONE ? NULL : mc_withheld_name(c->withheld));
    f->failed |= f->duck->append_bool(f->one, c->replayed) != DuckDBSuccess;
    put_time(f, f->one, c->due_at);
    put_name(f, f->one, mc_offer_kind_names[c->offer.kind]);
    put_int(f, f->one, c->offer.value);
    put_text_or_null(f, f->one, c->coupon);
    put_time(f, f->one, c->recovered_at);
    if (mc_time_is_none(c->recovered_at))
        put_null(f, f->one);
    else
        put_int128(f, f->one, c->recovered_minor);
}

enum { MESSAGE_COLUMNS = 10 };

static bool take_cart(void *context, const struct mc_stored_cart *c) {
    struct filler *f = context;
    put_text(f, f->one, c->cart.user);
    put_text(f, f->one, c->cart.session);
    put_time(f, f->one, c->cart.opened_at);
    put_time(f, f->one, c->cart.first_at);
    put_time(f, f->one, c->cart.last_at);
    put_time(f, f->one, c->cart.first_cart_at);
    put_time(f, f->one, c->cart.expires_at);
    put_int(f, f->one, c->cart.item_count);
    put_int128(f, f->one, put_items(f, &c->cart));
    put_int128(f, f->one, c->cart.value);
    put_name(f, f->one, mc_decision_names[c->cart.decision]);
    if (c->has_message)
        put_message(f, c);
    for (int i = 0; !c->has_message && i < MESSAGE_COLUMNS; i++)
        put_null(f, f->one);
    return end_row(f, f->one);
}

static bool take_sale(void *context, const struct mc_sale *sale) {
    struct filler *f = context;
    put_text(f, f->one, sale->product);
    put_time(f, f->one, sale->minute);
    put_int128(f, f->one, sale->units);
    put_int128(f, f->one, sale->revenue);
    return end_row(f, f->one);
}

static bool take_product(void *context, const struct mc_product *product) {
    struct filler *f = context;
    put_text(f, f->one, product->product);
    put_text_or_null(f, f->one, product->category_id.value);
    put_text_or_null(f, f->one, product->category_code.value);
    put_text_or_null(f, f->one, product->brand.value);
    return end_row(f, f->one);
}

static bool take_reject(void *context, const struct mc_stored_reject *r) {
    struct filler *f = context;
    put_text(f, f->one, r->source_name);
    put_int(f, f->one, r->reject.byte_offset);
    put_int(f, f->one, r->reject.row);
    put_name(f, f->one, mc_reason_names[r->reject.reason]);
    f->failed |= f->duck->append_blob(f->one, r->reject.raw.data, r->reject.raw.len) != DuckDBSuccess;
    put_time(f, f->one, (struct mc_time){r->reject.arrived_at.us}); /* machine time, as the column says */
    return end_row(f, f->one);
}

/* ---- tables ---- */

static enum mc_err open_appender(struct filler *f, duckdb_connection connection, const char *table, duckdb_appender *a,
                                 struct mc_error *e) {
    if (f->duck->appender_create(connection, NULL, table, a) == DuckDBSuccess)
        return MC_OK;
    return mc_error_set(e, MC_ERR_IO, "cannot fill the table %s", table);
}

/* Writes what the appender holds back, and closes it. */
static enum mc_err close_appender(struct filler *f, duckdb_appender *a, enum mc_err err, struct mc_error *e) {
    if (*a == NULL)
        return err;
    const char *text = f->failed ? f->duck->appender_error(*a) : NULL;
    if (err == MC_OK && f->failed)
        err = mc_error_set(e, MC_ERR_LIMIT, "the live store does not fit in: %.300s", text ? text : "no reason known");
    if (f->duck->appender_destroy(a) != DuckDBSuccess && err == MC_OK)
        err = mc_error_set(e, MC_ERR_LIMIT, "the live store does not fit in the memory that SQL may use");
    return err;
}

static enum mc_err fill(struct filler *f, struct mc_ledger *l, enum mc_live which, struct mc_error *e) {
    struct mc_filter all = mc_filter_all();
    switch (which) {
    case MC_LIVE_CARTS:
        return mc_read_carts(l, &all, take_cart, f, e);
    case MC_LIVE_SALES:
        return mc_read_sales(l, &all, take_sale, f, e);
    case MC_LIVE_PRODUCTS:
        return mc_product_each(l, take_product, f, e);
    default:
        return mc_read_rejects(l, &all, take_reject, f, e);
    }
}

static enum mc_err fill_table(const struct mc_duck *duck, duckdb_connection connection, struct mc_ledger *l,
                              enum mc_live which, const char *table, struct mc_error *e) {
    struct filler f = {.duck = duck};
    enum mc_err err = open_appender(&f, connection, table, &f.one, e);
    if (err == MC_OK && which == MC_LIVE_CARTS)
        err = open_appender(&f, connection, "live_items", &f.items, e);
    if (err == MC_OK)
        err = fill(&f, l, which, e);
    err = close_appender(&f, &f.items, err, e);
    return close_appender(&f, &f.one, err, e);
}

enum mc_err mc_live_fill(const struct mc_duck *duck, duckdb_connection connection, struct mc_ledger *l, unsigned live,
                         struct mc_error *e) {
    static const struct {
        enum mc_live which;
        const char *table;
    } tables[] = {{MC_LIVE_CARTS, "live_carts"},
                  {MC_LIVE_SALES, "live_sales"},
                  {MC_LIVE_PRODUCTS, "live_products"},
                  {MC_LIVE_REJECTS, "live_rejects"}};
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && err == MC_OK; i++)
        if (live & tables[i].which)
            err = fill_table(duck, connection, l, tables[i].which, tables[i].table, e);
    return err;
}

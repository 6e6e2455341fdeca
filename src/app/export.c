/* The files of SEMANTICS 8 read out of a store. */
#include "app/replay.h"
#include "app/store_summary.h"
#include "store/read.h"

struct export {
    struct mc_outdir out;
    struct mc_tally tally;
    bool failed;
};

static bool take_reject(void *context, const struct mc_stored_reject *r) {
    struct export *x = context;
    mc_outdir_reject(&x->out, r->source_name, (uint64_t)r->reject.byte_offset, (uint64_t)r->reject.row,
                     r->reject.reason, r->reject.raw);
    return true;
}

static bool take_cart(void *context, const struct mc_stored_cart *cart) {
    struct export *x = context;
    mc_outdir_cart(&x->out, &cart->cart);
    return true;
}

static bool take_sale(void *context, const struct mc_sale *sale) {
    struct export *x = context;
    struct mc_product_entry *p =
        mc_tally_product(&x->tally, mc_hash64(sale->product.data, sale->product.len), sale->product);
    x->failed |= p == NULL || !mc_tally_sale(&x->tally, p, sale->minute, (int64_t)sale->units, sale->revenue);
    return !x->failed;
}

static bool take_product(void *context, const struct mc_product *product) {
    struct export *x = context;
    const struct mc_dimension_value column[MC_DIMENSIONS] = {
        [MC_CATEGORY_ID] = {product->category_id.value, product->category_id.at},
        [MC_CATEGORY_CODE] = {product->category_code.value, product->category_code.at},
        [MC_BRAND] = {product->brand.value, product->brand.at}};
    x->failed |= !mc_tally_add_product(&x->tally, product->product, column);
    return !x->failed;
}

static enum mc_err collect(struct export *x, struct mc_ledger *l, struct mc_error *e) {
    struct mc_filter all = mc_filter_all();
    enum mc_err err = mc_read_rejects(l, &all, take_reject, x, e);
    if (err == MC_OK)
        err = mc_read_carts(l, &all, take_cart, x, e);
    if (err == MC_OK)
        err = mc_read_sales(l, &all, take_sale, x, e);
    if (err == MC_OK)
        err = mc_product_each(l, take_product, x, e);
    if (err == MC_OK && (x->failed || !mc_tally_sort(&x->tally)))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the sales and products");
    return err;
}

enum mc_err mc_export(struct mc_ledger *l, const char *out, struct mc_error *e) {
    struct export x = {0};
    struct mc_store_summary summary = {0};
    mc_tally_init(&x.tally, true, false);
    enum mc_err err = mc_outdir_open(&x.out, out, e);
    if (err == MC_OK)
        err = collect(&x, l, e);
    if (err == MC_OK)
        err = mc_store_summary_read(l, true, &summary, e);
    if (err == MC_OK)
        err = mc_outdir_finish(&x.out, &x.tally, &summary.figures, e);
    mc_store_summary_free(&summary);
    mc_outdir_close(&x.out);
    mc_tally_free(&x.tally);
    return err;
}

#include "app/outdir.h"

#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_BYTES_MAX = 4096 };

static enum mc_err open_file(struct mc_output *out, const char *dir, const char *name, struct mc_error *e) {
    char path[PATH_BYTES_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return mc_error_set(e, MC_ERR_IO, "the path of the folder %s is too long", dir);
    return mc_output_open(out, path, e);
}

enum mc_err mc_outdir_open(struct mc_outdir *o, const char *path, struct mc_error *e) {
    *o = (struct mc_outdir){.path = path};
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return mc_error_set(e, mc_err_of_errno(errno), "cannot make the folder %s: %s", path, strerror(errno));
    enum mc_err err = open_file(&o->rejects, path, "rejects.csv", e);
    if (err == MC_OK)
        err = open_file(&o->carts, path, "carts.jsonl", e);
    if (err != MC_OK)
        mc_outdir_close(o);
    else
        mc_buf_text(&o->rejects.buf, "source,byte_offset,row,reason,raw\n");
    return err;
}

void mc_outdir_close(struct mc_outdir *o) {
    mc_output_drop(&o->rejects);
    mc_output_drop(&o->carts);
    mc_endings_free(&o->held);
    mc_endings_free(&o->spare);
    mc_cart_order_free(&o->order);
    *o = (struct mc_outdir){0};
}

void mc_outdir_reject(struct mc_outdir *o, struct mc_str source, uint64_t byte_offset, uint64_t row,
                      enum mc_reason reason, struct mc_str raw) {
    struct mc_buf *b = &o->rejects.buf;
    mc_buf_csv(b, source);
    mc_buf_char(b, ',');
    mc_buf_int(b, (int64_t)byte_offset);
    mc_buf_char(b, ',');
    mc_buf_int(b, (int64_t)row);
    mc_buf_char(b, ',');
    mc_buf_text(b, mc_reason_names[reason]);
    mc_buf_char(b, ',');
    mc_buf_csv(b, raw);
    mc_buf_char(b, '\n');
    mc_output_spill(&o->rejects);
}

/* ---- carts in order of expiry ---- */

/* Every visit that is still open, or will be opened, expires after the clock: what expires up to it is final. */
bool mc_outdir_carts(struct mc_outdir *o, struct mc_endings *endings, uint32_t partitions, struct mc_time clock,
                     bool all) {
    if (!mc_cart_order_gather(&o->order, endings, partitions) || !mc_cart_order_add(&o->order, &o->held))
        return false;
    mc_cart_order_sort(&o->order, mc_ended_by_expiry);
    mc_endings_reset(&o->spare);
    for (size_t i = 0; i < o->order.count; i++) {
        const struct mc_ended_cart *ended = o->order.carts[i];
        if (all || ended->cart.expires_at.us <= clock.us)
            mc_buf_str(&o->carts.buf, ended->line);
        else
            mc_endings_keep(&o->spare, ended);
    }
    struct mc_endings held = o->spare;
    o->spare = o->held;
    o->held = held;
    mc_endings_settle(&o->held);
    mc_output_spill(&o->carts);
    return !o->held.failed;
}

void mc_outdir_cart(struct mc_outdir *o, const struct mc_cart *cart) {
    mc_cart_json(&o->carts.buf, cart, cart->decision);
    mc_output_spill(&o->carts);
}

/* ---- what stands at the end ---- */

static void put_sales(struct mc_output *out, const struct mc_tally *tally) {
    mc_buf_text(&out->buf, "product_id,minute,units,revenue_minor\n");
    struct mc_date_text date = {0};
    for (uint64_t i = 0; i < tally->sale_count; i++) {
        const struct mc_sale_sum *sale = &tally->sales[i];
        mc_buf_csv(&out->buf, tally->products[sale->product].id);
        mc_buf_char(&out->buf, ',');
        char *room = mc_buf_reserve(&out->buf, MC_TIME_TEXT_MAX);
        if (room != NULL)
            out->buf.len += mc_time_text_near(room, sale->minute * MC_MINUTE_US, &date);
        mc_buf_char(&out->buf, ',');
        mc_buf_int(&out->buf, sale->units);
        mc_buf_char(&out->buf, ',');
        mc_buf_int128(&out->buf, sale->revenue);
        mc_buf_char(&out->buf, '\n');
        mc_output_spill(out);
    }
}

static void put_products(struct mc_output *out, const struct mc_tally *tally) {
    mc_buf_text(&out->buf, "product_id,category_id,category_code,brand\n");
    for (uint32_t i = 0; i < tally->product_count; i++) {
        const struct mc_product_entry *p = &tally->products[i];
        if (p->accepted == 0)
            continue;
        mc_buf_csv(&out->buf, p->id);
        for (int c = 0; c < MC_DIMENSIONS; c++) {
            mc_buf_char(&out->buf, ',');
            mc_buf_csv(&out->buf, mc_product_value(p, c));
        }
        mc_buf_char(&out->buf, '\n');
        mc_output_spill(out);
    }
}

/* All files are written and durable before the first takes its place. */
enum mc_err mc_outdir_finish(struct mc_outdir *o, const struct mc_tally *tally, const struct mc_summary *summary,
                             struct mc_error *e) {
    struct mc_output sales = {0}, products = {0}, report = {0};
    struct mc_output *const all[] = {&o->rejects, &o->carts, &sales, &products, &report};
    enum { FILES = sizeof all / sizeof *all };
    enum mc_err err = open_file(&sales, o->path, "sales.csv", e);
    if (err == MC_OK)
        err = open_file(&products, o->path, "products.csv", e);
    if (err == MC_OK)
        err = open_file(&report, o->path, "report.json", e);
    if (err == MC_OK) {
        put_sales(&sales, tally);
        put_products(&products, tally);
        mc_summary_json(&report.buf, summary);
    }
    for (int i = 0; i < FILES && err == MC_OK; i++)
        err = mc_output_settle(all[i], e);
    for (int i = 0; i < FILES && err == MC_OK; i++)
        err = mc_output_close(all[i], e);
    for (int i = 0; i < FILES; i++)
        mc_output_drop(all[i]);
    return err;
}

/* ---- figures ---- */

static bool ranks_before(const struct mc_summary_product *a, const struct mc_summary_product *b) {
    if (a->revenue != b->revenue)
        return a->revenue > b->revenue;
    return mc_str_compare(a->product, b->product) < 0;
}

static void offer_top(struct mc_summary *s, struct mc_summary_product candidate) {
    uint32_t at = s->top_count;
    while (at > 0 && ranks_before(&candidate, &s->top[at - 1]))
        at--;
    if (at == MC_SUMMARY_TOP_MAX)
        return;
    if (s->top_count < MC_SUMMARY_TOP_MAX)
        s->top_count++;
    for (uint32_t i = s->top_count - 1; i > at; i--)
        s->top[i] = s->top[i - 1];
    s->top[at] = candidate;
}

void mc_summary_from_tally(struct mc_summary *s, const struct mc_tally *tally) {
    s->products = s->top_count = 0;
    for (uint32_t i = 0; i < tally->product_count; i++)
        s->products += tally->products[i].accepted > 0;
    s->product_minutes = tally->sale_count;
    for (uint64_t i = 0; i < tally->sale_count;) {
        uint32_t product = tally->sales[i].product;
        struct mc_summary_product sum = {.product = tally->products[product].id};
        for (; i < tally->sale_count && tally->sales[i].product == product; i++) {
            sum.units += tally->sales[i].units;
            sum.revenue += tally->sales[i].revenue;
        }
        offer_top(s, sum);
    }
}

void mc_summary_from_counts(struct mc_summary *s, const struct mc_counts *c) {
    s->accepted = c->accepted;
    s->late = c->late;
    s->cart_full = c->cart_full;
    for (int i = 0; i < MC_EVENT_TYPES; i++)
        s->by_type[i] = c->by_type[i];
    s->visits = c->visits;
    s->visits_with_cart = c->visits_with_cart;
    s->visits_with_purchase = c->visits_with_purchase;
    s->partial_visits = c->partial_visits;
    s->abandoned_carts = c->abandoned_carts;
    s->abandoned_value = c->abandoned_value;
    s->abandoned_items = c->abandoned_items;
    s->units_sold = c->units_sold;
    s->revenue = c->revenue;
    for (int i = 0; i < MC_UNDECIDED; i++)
        s->decisions[i] = c->decisions[i];
}

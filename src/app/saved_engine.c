#include "app/saved_engine.h"

#include "store/checkpoint.h"
#include <stdio.h>

enum { PIECE_BYTES = 1 << 20, NAME_CHARS = 64, PRODUCT_BYTES = 1024 /* what writing a product is worth */ };

/* The snapshot "engine.set": which of the two sets of pieces is the checkpoint, 1 or 2, and how many each has. Before
 * there were pieces the checkpoint was one, "engine". */
struct directory {
    uint64_t set, pieces[2];
};

static enum mc_err directory_get(struct mc_ledger *l, struct directory *d, struct mc_error *e) {
    struct mc_buf bytes = {0};
    *d = (struct directory){0};
    enum mc_err err = mc_snapshot_get(l, "engine.set", &bytes, e);
    struct mc_reader r = {mc_buf_view(&bytes), false};
    if (err == MC_OK && bytes.len > 0) {
        d->set = mc_get_u64(&r);
        d->pieces[0] = mc_get_u64(&r);
        d->pieces[1] = mc_get_u64(&r);
    }
    if (err == MC_OK && (r.failed || d->set > 2))
        err = mc_error_set(e, MC_ERR_FORMAT, "the checkpoint of the engine is damaged");
    mc_buf_free(&bytes);
    return err;
}

static enum mc_err directory_put(struct mc_ledger *l, const struct directory *d, struct mc_error *e) {
    struct mc_buf bytes = {0};
    mc_put_u64(&bytes, d->set);
    mc_put_u64(&bytes, d->pieces[0]);
    mc_put_u64(&bytes, d->pieces[1]);
    enum mc_err err = bytes.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory for a checkpoint")
                                   : mc_snapshot_put(l, "engine.set", mc_buf_view(&bytes), e);
    mc_buf_free(&bytes);
    return err;
}

static const char *piece_name(char name[NAME_CHARS], uint64_t set, uint64_t piece) {
    snprintf(name, NAME_CHARS, "engine.%u.%u", (unsigned)set, (unsigned)piece);
    return name;
}

/* ---- writing ---- */

static enum mc_err put_new_users(struct mc_ledger *l, struct mc_partitions *engine, struct mc_error *e) {
    struct mc_buf users = {0};
    enum mc_err err = MC_OK;
    if (!mc_partitions_take_new_users(engine, &users))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for a checkpoint");
    else if (users.len > 0)
        err = mc_chunk_append(l, "users", mc_buf_view(&users), e);
    mc_buf_free(&users);
    return err;
}

enum mc_err mc_engine_writing_open(struct mc_engine_writing *w, struct mc_ledger *l, struct mc_partitions *engine,
                                   struct mc_error *e) {
    struct directory d;
    *w = (struct mc_engine_writing){.is_open = true};
    enum mc_err err = directory_get(l, &d, e);
    if (err == MC_OK)
        err = put_new_users(l, engine, e);
    w->set = d.set == 1 ? 2 : 1;
    if (err == MC_OK) {
        mc_partitions_encode(engine, &w->bytes);
        err = w->bytes.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory for a checkpoint") : MC_OK;
    }
    if (err != MC_OK)
        mc_engine_writing_close(w);
    return err;
}

void mc_engine_writing_close(struct mc_engine_writing *w) {
    mc_buf_free(&w->bytes);
    *w = (struct mc_engine_writing){0};
}

static enum mc_err put_pieces(struct mc_engine_writing *w, struct mc_ledger *l, size_t *budget, struct mc_error *e) {
    char name[NAME_CHARS];
    enum mc_err err = MC_OK;
    while (w->written<w->bytes.len && * budget> 0 && err == MC_OK) {
        size_t rest = w->bytes.len - w->written, most = *budget < PIECE_BYTES ? *budget : PIECE_BYTES;
        size_t len = rest < most ? rest : most;
        err = mc_snapshot_put(l, piece_name(name, w->set, w->piece++), (struct mc_str){w->bytes.data + w->written, len},
                              e);
        w->written += len;
        *budget -= len;
    }
    return err;
}

static enum mc_err put_product(struct mc_ledger *l, const struct mc_product_entry *p, struct mc_error *e) {
    struct mc_product product = {
        .product = p->id,
        .category_id = {mc_product_value(p, MC_CATEGORY_ID), mc_product_time(p, MC_CATEGORY_ID)},
        .category_code = {mc_product_value(p, MC_CATEGORY_CODE), mc_product_time(p, MC_CATEGORY_CODE)},
        .brand = {mc_product_value(p, MC_BRAND), mc_product_time(p, MC_BRAND)}};
    return p->accepted > 0 ? mc_product_put(l, &product, e) : MC_OK;
}

static enum mc_err put_products(struct mc_engine_writing *w, struct mc_ledger *l, const struct mc_tally *tally,
                                size_t *budget, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (; w->products<tally->product_count && * budget> 0 && err == MC_OK; w->products++) {
        err = put_product(l, &tally->products[w->products], e);
        *budget -= *budget < PRODUCT_BYTES ? *budget : PRODUCT_BYTES;
    }
    return err;
}

/* This set is the checkpoint from now on; what an older one had beyond it goes. */
static enum mc_err turn_to(struct mc_ledger *l, uint64_t set, uint64_t pieces, struct mc_error *e) {
    char name[NAME_CHARS];
    struct directory d;
    enum mc_err err = directory_get(l, &d, e);
    for (uint64_t i = pieces; i < d.pieces[set - 1] && err == MC_OK; i++)
        err = mc_snapshot_put(l, piece_name(name, set, i), (struct mc_str){0}, e);
    d.set = set;
    d.pieces[set - 1] = pieces;
    if (err == MC_OK)
        err = directory_put(l, &d, e);
    return err == MC_OK ? mc_snapshot_put(l, "engine", (struct mc_str){0}, e) : err;
}

enum mc_err mc_engine_writing_step(struct mc_engine_writing *w, struct mc_ledger *l, const struct mc_tally *tally,
                                   size_t bytes, bool *done, struct mc_error *e) {
    *done = false;
    enum mc_err err = put_pieces(w, l, &bytes, e);
    if (err == MC_OK && tally != NULL)
        err = put_products(w, l, tally, &bytes, e);
    if (err != MC_OK || w->written < w->bytes.len || (tally != NULL && w->products < tally->product_count))
        return err;
    err = turn_to(l, w->set, w->piece, e);
    *done = err == MC_OK;
    mc_engine_writing_close(w);
    return err;
}

enum mc_err mc_engine_save(struct mc_ledger *l, struct mc_partitions *engine, struct mc_error *e) {
    struct mc_engine_writing w;
    bool done;
    enum mc_err err = mc_engine_writing_open(&w, l, engine, e);
    if (err == MC_OK)
        err = mc_engine_writing_step(&w, l, NULL, SIZE_MAX, &done, e);
    mc_engine_writing_close(&w);
    return err;
}

enum mc_err mc_products_save(struct mc_ledger *l, const struct mc_tally *tally, struct mc_error *e) {
    struct mc_engine_writing w = {0};
    size_t all = SIZE_MAX;
    return put_products(&w, l, tally, &all, e);
}

/* ---- reading ---- */

static bool add_users(void *context, struct mc_str users) {
    return mc_partitions_add_users(context, users);
}

static enum mc_err get_pieces(struct mc_ledger *l, const struct directory *d, struct mc_buf *bytes,
                              struct mc_error *e) {
    char name[NAME_CHARS];
    enum mc_err err = MC_OK;
    for (uint64_t i = 0; i < d->pieces[d->set - 1] && err == MC_OK; i++)
        err = mc_snapshot_get(l, piece_name(name, d->set, i), bytes, e);
    return err;
}

enum mc_err mc_engine_restore(struct mc_ledger *l, struct mc_partitions *engine, struct mc_error *e) {
    struct mc_buf bytes = {0};
    struct directory d;
    enum mc_err err = directory_get(l, &d, e);
    if (err == MC_OK)
        err = d.set == 0 ? mc_snapshot_get(l, "engine", &bytes, e) : get_pieces(l, &d, &bytes, e);
    if (err == MC_OK && bytes.len > 0)
        err = mc_partitions_decode(engine, mc_buf_view(&bytes), e);
    mc_buf_free(&bytes);
    return err == MC_OK ? mc_chunk_each(l, "users", add_users, engine, e) : err;
}

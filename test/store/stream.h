/* A random stream of what a log does to a ledger: row i is a function of (seed, i) alone, so that a run can stop and go
 * on anywhere. Included by the tests of store/. */
#ifndef MC_TEST_STORE_STREAM_H
#define MC_TEST_STORE_STREAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "store/checkpoint.h"
#include "store/read.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum op_kind { OP_CART, OP_ADVANCE, OP_PURCHASE, OP_SALE, OP_REJECT, OP_SUBSCRIBER, OP_SUPPRESS, OP_LINK, OP_COUPON };

enum { STREAM_USERS = 10, STREAM_PRODUCTS = 6, STREAM_OPS_MAX = 16, STREAM_ITEMS_MAX = 3 };

static const uint8_t test_secret[MC_SECRET_BYTES] = {7, 1, 2, 3};

struct op {
    enum op_kind kind;
    char user[16], session[16], product[16], text[64];
    char products[STREAM_ITEMS_MAX][16];
    struct mc_cart_item items[STREAM_ITEMS_MAX];
    struct mc_cart cart;
    struct mc_purchase purchase;
    struct mc_time at;
    struct mc_reject reject;
    enum mc_consent consent;
    enum mc_suppression_reason reason;
};

#define STREAM_START_US ((int64_t)1570000000 * MC_SECOND_US)

static inline void op_user(struct op *op, struct mc_rng *r) {
    snprintf(op->user, sizeof op->user, "u%u", (unsigned)mc_rng_below(r, STREAM_USERS));
}

static inline void op_cart(struct op *op, struct mc_rng *r, int64_t clock, uint64_t row, unsigned nth) {
    op->kind = OP_CART;
    op_user(op, r);
    snprintf(op->session, sizeof op->session, "s%u-%u", (unsigned)row, nth);
    uint32_t count = 0;
    for (unsigned p = 0; p < STREAM_PRODUCTS && count < STREAM_ITEMS_MAX; p++) {
        if (mc_rng_below(r, 3) != 0 && !(p + 1 == STREAM_PRODUCTS && count == 0))
            continue;
        snprintf(op->products[count], sizeof op->products[count], "p%u", p);
        op->items[count].product = mc_str_of(op->products[count]);
        op->items[count].quantity = (int64_t)mc_rng_below(r, 5) + 1;
        op->items[count].price = (int64_t)mc_rng_below(r, 10000);
        count++;
    }
    struct mc_cart *c = &op->cart;
    c->user = mc_str_of(op->user);
    c->session = mc_str_of(op->session);
    c->expires_at.us = clock - (int64_t)mc_rng_below(r, 20) * MC_MINUTE_US + nth;
    if (mc_rng_below(r, 10) == 0) /* a key's own visit ends ahead of the clock */
        c->expires_at.us += (int64_t)mc_rng_below(r, 3000) * MC_MINUTE_US;
    c->last_at.us = c->expires_at.us - 30 * MC_MINUTE_US;
    c->first_at.us = c->last_at.us - (int64_t)mc_rng_below(r, 90) * MC_MINUTE_US;
    c->first_cart_at.us = c->first_at.us + (c->last_at.us - c->first_at.us) / 2;
    c->opened_at = c->first_at;
    for (uint32_t i = 0; i < count; i++)
        c->value += (__int128)op->items[i].quantity * op->items[i].price;
    static const enum mc_decision engine[] = {MC_PURCHASED, MC_STALE, MC_BELOW_MINIMUM};
    uint64_t draw = mc_rng_below(r, 12);
    c->decision = draw < 3 ? engine[draw] : MC_UNDECIDED;
    c->item_count = count;
    c->items = op->items;
}

static inline void op_purchase(struct op *op, struct mc_rng *r, int64_t clock) {
    op->kind = OP_PURCHASE;
    op_user(op, r);
    snprintf(op->product, sizeof op->product, "p%u", (unsigned)mc_rng_below(r, STREAM_PRODUCTS));
    struct mc_purchase *p = &op->purchase;
    p->user = mc_str_of(op->user);
    p->user_hash = mc_hash64(op->user, strlen(op->user));
    p->product = mc_str_of(op->product);
    p->clock.us = clock;
    p->time.us = clock;
    uint64_t how = mc_rng_below(r, 10);
    if (how == 0) /* late, perhaps by weeks */
        p->time.us -= (int64_t)mc_rng_below(r, 30 * 24) * MC_HOUR_US;
    if (how == 1) /* a wrong clock */
        p->time.us += (int64_t)mc_rng_below(r, 5 * 24) * MC_HOUR_US;
    p->quantity = (int32_t)mc_rng_below(r, 4) + 1;
    p->price = (int64_t)mc_rng_below(r, 100000);
}

static inline void op_people(struct op *op, struct mc_rng *r, uint64_t row) {
    op_user(op, r);
    snprintf(op->text, sizeof op->text, "%s@example%u.com", op->user, (unsigned)mc_rng_below(r, 2));
    switch (mc_rng_below(r, 6)) {
    case 0:
        op->kind = OP_SUPPRESS;
        op->reason = (enum mc_suppression_reason)mc_rng_below(r, 3);
        break;
    case 1:
        op->kind = mc_rng_below(r, 4) == 0 ? OP_LINK : OP_COUPON;
        snprintf(op->session, sizeof op->session, "u%u", (unsigned)mc_rng_below(r, STREAM_USERS));
        if (op->kind == OP_COUPON)
            snprintf(op->text, sizeof op->text, "CODE%u", (unsigned)row);
        op->at.us = STREAM_START_US + (int64_t)mc_rng_below(r, 60) * MC_DAY_US;
        break;
    default:
        op->kind = OP_SUBSCRIBER;
        op->consent = mc_rng_below(r, 5) == 0 ? (enum mc_consent)mc_rng_below(r, 3) : MC_CONSENT_YES;
        if (mc_rng_below(r, 8) == 0)
            op->text[0] = '\0';
    }
}

/* Fills ops, returns how many. */
static inline size_t stream_row(uint64_t seed, uint64_t row, struct op ops[STREAM_OPS_MAX]) {
    struct mc_rng r;
    mc_rng_seed(&r, mc_hash_mix(seed, row + 1));
    memset(ops, 0, STREAM_OPS_MAX * sizeof *ops);
    int64_t clock = STREAM_START_US + (int64_t)row * 40 * MC_MINUTE_US + (int64_t)mc_rng_below(&r, 40) * MC_MINUTE_US;
    size_t n = 0;
    if (row % 3 == 0 || row < 30)
        op_people(&ops[n++], &r, row);
    for (unsigned i = 0, carts = (unsigned)mc_rng_below(&r, 3); i < carts; i++)
        op_cart(&ops[n++], &r, clock, row, i);
    ops[n].kind = OP_ADVANCE;
    ops[n++].at.us = clock;
    if (mc_rng_below(&r, 3) == 0) {
        op_purchase(&ops[n++], &r, clock);
        ops[n] = ops[n - 1];
        ops[n].purchase.product = mc_str_of(ops[n].product);
        ops[n++].kind = OP_SALE;
    }
    if (mc_rng_below(&r, 5) == 0) {
        snprintf(ops[n].text, sizeof ops[n].text, "bad,row,%u\"\x01", (unsigned)row);
        ops[n].reject = (struct mc_reject){1, (int64_t)row * 100, (int64_t)row + 1, MC_BAD_TIME, {0}, {(int64_t)row}};
        ops[n++].kind = OP_REJECT;
    }
    for (size_t i = 0; i < n; i++) { /* the strings stand in the final array */
        ops[i].cart.user = ops[i].purchase.user = mc_str_of(ops[i].user);
        ops[i].cart.session = mc_str_of(ops[i].session);
        ops[i].purchase.product = mc_str_of(ops[i].product);
        ops[i].reject.raw = mc_str_of(ops[i].text);
    }
    return n;
}

static inline enum mc_err op_apply(struct mc_ledger *l, const struct op *op, struct mc_error *e) {
    const char *refused;
    switch (op->kind) {
    case OP_CART:
        return mc_ledger_end_cart(l, &op->cart, NULL, e);
    case OP_ADVANCE:
        return mc_ledger_advance(l, op->at, e);
    case OP_PURCHASE:
        return mc_ledger_put_purchase(l, &op->purchase, e);
    case OP_SALE:
        return mc_ledger_put_sale(l, op->purchase.product, op->purchase.time, op->purchase.quantity,
                                  (__int128)op->purchase.quantity * op->purchase.price, e);
    case OP_REJECT:
        return mc_ledger_put_reject(l, &op->reject, e);
    case OP_SUBSCRIBER: {
        struct mc_subscriber s = {.user = mc_str_of(op->user), .email = mc_str_of(op->text), .consent = op->consent};
        return mc_subscriber_put(l, &s, &refused, e);
    }
    case OP_SUPPRESS:
        return mc_suppression_put(l, mc_str_of(op->text), op->reason, (struct mc_wall){1}, &refused, e);
    case OP_LINK:
        return mc_person_link(l, mc_str_of(op->user), mc_str_of(op->session), e);
    case OP_COUPON:
        return mc_coupon_put(l, mc_str_of(op->text), MC_STR("spring"), op->at, &refused, e);
    }
    return MC_OK;
}

static inline struct mc_policy stream_policy(uint64_t seed) {
    struct mc_policy policy;
    mc_policy_defaults(&policy);
    policy.consent = (enum mc_consent_mode)(seed % 3);
    policy.coupons = (enum mc_coupon_mode)(seed / 3 % 3);
    policy.delay_us = (int64_t)(seed % 4) * 7 * MC_HOUR_US;
    policy.holdout_ppm = 300000;
    policy.replayed = true;
    policy.stale_by_clock = seed % 5 == 0;
    policy.stale_after_us = 30 * MC_MINUTE_US;
    snprintf(policy.campaign, sizeof policy.campaign, "spring");
    return policy;
}

/* From the consumed position to `rows`, a commit after `every` rows on average. Stops at the first error, rolled back.
 */
static inline enum mc_err stream_run(struct mc_ledger *l, uint64_t seed, uint64_t rows, uint64_t every,
                                     struct mc_error *e) {
    struct op ops[STREAM_OPS_MAX];
    struct mc_source source;
    struct mc_rng r;
    struct mc_str prefix = MC_STR("stream");
    bool found;
    mc_rng_seed(&r, every);
    enum mc_err err = mc_source_find(l, prefix, 6, &found, &source, e);
    if (err == MC_OK)
        err = mc_ledger_begin(l, e);
    if (err == MC_OK && !found)
        err = mc_source_add(l, MC_STR("stream.csv"), prefix, 6, (struct mc_wall){5}, &source, e);
    while (err == MC_OK && (uint64_t)source.row < rows) {
        size_t n = stream_row(seed, (uint64_t)source.row, ops);
        for (size_t i = 0; i < n && err == MC_OK; i++)
            err = op_apply(l, &ops[i], e);
        source.row++;
        if (err == MC_OK && mc_rng_below(&r, every) == 0 && (err = mc_source_update(l, &source, e)) == MC_OK) {
            err = mc_ledger_commit(l, e);
            if (err == MC_OK)
                err = mc_ledger_begin(l, e);
        }
    }
    if (err == MC_OK && (err = mc_source_update(l, &source, e)) == MC_OK)
        err = mc_ledger_commit(l, e);
    if (err != MC_OK)
        mc_ledger_rollback(l, NULL);
    return err;
}

/* ---- files ---- */

static inline char *temp_dir(void) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/mc_store_XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline const char *temp_path(const char *dir, const char *name) {
    static char path[4][256];
    static int turn;
    char *out = path[turn++ % 4];
    snprintf(out, 256, "%s/%s", dir, name);
    return out;
}

static inline void temp_remove(const char *path) {
    static const char *const tails[] = {"", "-wal", "-shm", ".lock", "-journal"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
}

#define assert_ok(e, call)                                                                                             \
    do {                                                                                                               \
        if ((call) != MC_OK)                                                                                           \
            fail_msg("%s: %s", #call, (e)->text);                                                                      \
    } while (0)

static inline struct mc_ledger *open_test(const char *path, uint64_t seed, const char *vfs) {
    struct mc_error e = {0};
    struct mc_ledger *l;
    struct mc_ledger_options options = {.secret = test_secret, .vfs = vfs};
    struct mc_policy policy = stream_policy(seed);
    assert_ok(&e, mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, &e));
    assert_ok(&e, mc_ledger_set_policy(l, &policy, &e));
    return l;
}

/* A hash of every value of every table, and SQLite's own check of the file. */
static inline uint64_t store_digest(const char *path) {
    static const char *const tables[] = {"setting",     "name",      "source",   "run",         "snapshot",
                                         "counter",     "chunk",     "reject",   "sale",        "product",
                                         "cart",        "outbox",    "customer", "subscriber",  "person",
                                         "suppression", "catalogue", "coupon",   "product_sale"};
    sqlite3 *db;
    sqlite3_stmt *s;
    uint64_t digest = 0;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
    sqlite3_finalize(s);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT * FROM %s", tables[t]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
            for (int i = 0; i < sqlite3_column_count(s); i++) {
                int type = sqlite3_column_type(s, i);
                const void *bytes = sqlite3_column_blob(s, i);
                digest = mc_hash_mix(digest, (uint64_t)type + 16 * t);
                digest = mc_hash_mix(digest, bytes ? mc_hash64(bytes, (size_t)sqlite3_column_bytes(s, i)) : 0);
            }
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
    return digest;
}

#endif

#include "store/ledger.h"

#include "store/internal.h"
#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- errors ---- */

enum mc_err mc_ledger_fail(struct mc_ledger *l, enum mc_err code, struct mc_error *e, const char *format, ...) {
    struct mc_error said;
    char text[sizeof said.text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    mc_error_set(&said, code, "store %s: %.400s", l->path, text);
    l->last_error = code;
    if (l->in_transaction && l->failure.code == MC_OK)
        l->failure = said;
    if (e != NULL)
        *e = said;
    return code;
}

enum mc_err mc_ledger_no_memory(struct mc_ledger *l, struct mc_error *e) {
    return mc_ledger_fail(l, MC_ERR_NOMEM, e, "no memory");
}

enum mc_err mc_ledger_writable(struct mc_ledger *l, struct mc_error *e) {
    assert(l->mode == MC_LEDGER_WRITE && l->in_transaction);
    if (l->failure.code != MC_OK && e != NULL)
        *e = l->failure;
    if (l->failure.code != MC_OK)
        l->last_error = l->failure.code;
    return l->failure.code;
}

/* ---- policy and keys ---- */

const char *const mc_offer_kind_names[MC_OFFER_KINDS] = {"none", "free_shipping", "percentage", "amount"};

void mc_policy_defaults(struct mc_policy *policy) {
    *policy = (struct mc_policy){
        .consent = MC_CONSENT_GIVEN,
        .cap_window_us = MC_DAY_US,
        .holdout_ppm = 50000,
        .attribution_window_us = 7 * MC_DAY_US,
        .stale_after_us = MC_DAY_US,
        .offer = {.kind = MC_OFFER_FREE_SHIPPING},
        .coupons = MC_COUPON_NONE,
        .experiment = "default",
    };
}

enum mc_err mc_ledger_set_policy(struct mc_ledger *l, const struct mc_policy *policy, struct mc_error *e) {
    assert(!l->in_transaction && policy->holdout_ppm <= 1000000);
    assert(policy->delay_us >= 0 && policy->attribution_window_us >= 0 && policy->cap_window_us >= 0);
    l->policy = *policy;
    return mc_memory_load(l, e);
}

const struct mc_policy *mc_ledger_policy(const struct mc_ledger *l) {
    return &l->policy;
}

const char *mc_ledger_path(const struct mc_ledger *l) {
    return l->path;
}

void mc_ledger_key(const struct mc_ledger *l, const char *purpose, uint8_t key[MC_SECRET_BYTES]) {
    crypto_generichash(key, MC_SECRET_BYTES, (const unsigned char *)purpose, strlen(purpose), l->secret,
                       sizeof l->secret);
}

/* ---- transactions ---- */

bool mc_ledger_in_transaction(const struct mc_ledger *l) {
    return l->in_transaction;
}

enum mc_err mc_ledger_begin(struct mc_ledger *l, struct mc_error *e) {
    assert(l->mode == MC_LEDGER_WRITE && !l->in_transaction);
    struct mc_error own;
    e = e != NULL ? e : &own;
    if (l->failure.code != MC_OK) { /* a rollback that could not reload */
        *e = l->failure;
        return l->failure.code;
    }
    if (mc_sql_get(l, MC_SQL_BEGIN_WRITE, e) == NULL)
        return l->last_error;
    enum mc_err err = mc_sql_run(l, MC_SQL_BEGIN_WRITE, e);
    l->in_transaction = err == MC_OK;
    return err;
}

static enum mc_err commit_steps(struct mc_ledger *l, struct mc_error *e) {
    enum mc_err err = mc_ledger_writable(l, e);
    if (err == MC_OK)
        err = mc_memory_flush(l, e);
    if (err == MC_OK && mc_sql_get(l, MC_SQL_COMMIT, e) == NULL)
        err = l->last_error;
    return err == MC_OK ? mc_sql_run(l, MC_SQL_COMMIT, e) : err;
}

enum mc_err mc_ledger_commit(struct mc_ledger *l, struct mc_error *e) {
    struct mc_error own;
    e = e != NULL ? e : &own;
    enum mc_err err = commit_steps(l, e);
    if (err != MC_OK) {
        mc_ledger_rollback(l, NULL);
        return err;
    }
    mc_totals_settle(&l->totals);
    mc_strmap_clear(&l->bought);
    mc_sums_clear(&l->sold);
    l->in_transaction = false;
    return MC_OK;
}

enum mc_err mc_ledger_rollback(struct mc_ledger *l, struct mc_error *e) {
    struct mc_error own;
    e = e != NULL ? e : &own;
    if (!l->in_transaction)
        return MC_OK;
    for (int i = 0; i < MC_SQL_COUNT; i++)
        mc_sql_reset(l, i);
    if (!sqlite3_get_autocommit(l->db)) /* after some errors SQLite has rolled back by itself */
        sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
    l->in_transaction = false;
    l->failure = (struct mc_error){0};
    enum mc_err err =
        sqlite3_get_autocommit(l->db) ? mc_memory_load(l, e) : mc_ledger_fail(l, MC_ERR_IO, e, "cannot roll back");
    if (err != MC_OK)
        l->failure = *e;
    return err;
}

/* ---- rows that are no events ---- */

enum mc_err mc_ledger_put_reject(struct mc_ledger *l, const struct mc_reject *reject, struct mc_error *e) {
    assert(reject->reason > MC_ACCEPTED && reject->reason < MC_REASONS);
    enum mc_err err = mc_ledger_writable(l, e);
    sqlite3_stmt *s = err == MC_OK ? mc_sql_get(l, MC_SQL_REJECT_PUT, e) : NULL;
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, reject->source);
    sqlite3_bind_int64(s, 2, reject->byte_offset);
    sqlite3_bind_int64(s, 3, reject->row);
    sqlite3_bind_int(s, 4, (int)reject->reason);
    sqlite3_bind_int64(s, 5, reject->arrived_at.us);
    mc_bind_blob(s, 6, reject->raw);
    err = mc_sql_run(l, MC_SQL_REJECT_PUT, e);
    if (err == MC_OK)
        mc_totals_add(l, MC_TOTAL_REJECTS + (int)reject->reason, 1);
    return err;
}

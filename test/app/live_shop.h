/* A live service without its threads: a store, its log, and mc_live between them, opened, killed and compared. */
#ifndef MC_TEST_APP_LIVE_SHOP_H
#define MC_TEST_APP_LIVE_SHOP_H

#include "live_stream.h"
#include "store/checkpoint.h"
#include "store/people.h"
#include "store/read.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

static char shop_folder[64];

/* A new name each time; two are alive at once at most. */
static inline const char *shop_path(void) {
    static char paths[4][96];
    static unsigned turn;
    char *path = paths[turn % 4];
    snprintf(path, sizeof paths[0], "%s/%u", shop_folder, turn++);
    return path;
}

static inline void empty_folder(const char *folder) {
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        unlinkat(dirfd(dir), entry->d_name, 0); /* not the folders . and .. */
    if (dir != NULL)
        closedir(dir);
}

/* The store and its log. */
static inline void shop_remove(const char *path) {
    static const char *const tails[] = {"", "-wal", "-shm", ".lock"};
    char name[160];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
    snprintf(name, sizeof name, "%s-inbox", path);
    empty_folder(name);
    rmdir(name);
}

/* ---- the service ---- */

struct live_shop {
    char path[96];
    struct mc_policy policy;
    struct mc_live_settings settings;
    struct mc_ledger *ledger;
    struct mc_inbox *inbox; /* the log thread's */
    struct mc_live *live;
    struct mc_json_decoder *decoder;
    struct mc_calls calls;
    uint64_t segment_bytes; /* 0: the default */
    uint64_t recovered;     /* entries that were applied again at the last open */
};

/* As a seed says: delays, windows, minimum. */
static inline void shop_init(struct live_shop *s, uint64_t seed) {
    *s = (struct live_shop){.settings = {.rules = mc_rules_default(), .currency = MC_STR("USD")}};
    mc_policy_defaults(&s->policy);
    s->policy.stale_by_clock = true;
    s->policy.delay_us = (int64_t)(seed % 3) * 40 * MC_MINUTE_US;
    s->policy.cap_window_us = seed % 2 == 0 ? 2 * MC_HOUR_US : MC_DAY_US;
    s->policy.holdout_ppm = seed % 4 == 0 ? 0 : 300000;
    s->settings.rules.minimum = seed % 5 == 0 ? 1000 : 0;
    s->segment_bytes = seed % 2 == 0 ? 16384 : 0;
}

/* With the ledger open: what service_ledger.c does at the start and after an error. */
static inline enum mc_err shop_live_open(struct live_shop *s, struct mc_error *e) {
    struct mc_inbox *reader = NULL;
    enum mc_err err = mc_ledger_set_policy(s->ledger, &s->policy, e);
    if (err == MC_OK)
        err = mc_inbox_open(&reader, s->path, e);
    if (err == MC_OK)
        err = mc_live_open(&s->live, s->ledger, reader, &s->settings, &s->recovered, e);
    mc_inbox_close(&reader);
    return err;
}

static inline void shop_close(struct live_shop *s) {
    mc_live_close(&s->live);
    mc_ledger_close(&s->ledger);
    mc_inbox_close(&s->inbox);
    mc_json_decoder_close(&s->decoder);
    mc_calls_free(&s->calls);
}

static const uint8_t shop_secret[MC_SECRET_BYTES] = {4, 8, 15, 16, 23, 42};

/* On an error all that was opened is closed. */
static inline enum mc_err shop_open(struct live_shop *s, struct mc_error *e) {
    struct mc_ledger_options options = {.secret = shop_secret, .cache_kib = 512};
    enum mc_err err = mc_ledger_open(&s->ledger, s->path, MC_LEDGER_WRITE, &options, e);
    if (err == MC_OK)
        err = mc_inbox_open(&s->inbox, s->path, e);
    if (err == MC_OK)
        err = mc_json_decoder_open(&s->decoder, e);
    if (err == MC_OK)
        err = shop_live_open(s, e);
    if (err != MC_OK)
        shop_close(s);
    else if (s->segment_bytes != 0)
        mc_inbox_set_segment_bytes(s->inbox, s->segment_bytes);
    return err;
}

static inline void must(enum mc_err err, const struct mc_error *e) {
    if (err != MC_OK)
        print_error("%s\n", e->text);
    check(err == MC_OK);
}

static inline void shop_start(struct live_shop *s, const char *path) {
    struct mc_error e = {0};
    snprintf(s->path, sizeof s->path, "%s", path);
    must(shop_open(s, &e), &e);
}

/* Nothing is committed: what is left is what a killed process leaves. */
static inline void shop_kill(struct live_shop *s) {
    struct mc_error e = {0};
    shop_close(s);
    must(shop_open(s, &e), &e);
}

static inline enum mc_err shop_append(struct live_shop *s, const struct mc_entry *entries, size_t count,
                                      struct mc_error *e) {
    struct mc_entry copies[16], *list[16];
    check(count <= 16);
    for (size_t i = 0; i < count; i++) {
        copies[i] = entries[i];
        list[i] = &copies[i];
    }
    enum mc_err err = mc_inbox_append(s->inbox, list, count, e);
    for (size_t i = 0; i < count && err == MC_OK; i++)
        check(copies[i].position == entries[i].position);
    return err;
}

/* As the collector does. */
static inline void shop_decode(struct live_shop *s, const struct mc_entry *entry) {
    struct mc_error e = {0};
    struct mc_batch *b = &s->calls.batch;
    mc_batch_reset(b);
    mc_buf_str(&b->bytes, entry->body);
    must(mc_json_decode(s->decoder, entry->kind == MC_ENTRY_NATIVE ? MC_JSON_NATIVE : MC_JSON_SEGMENT,
                        (struct mc_json_rights){entry->persons}, s->settings.currency, entry->arrived_at, &s->calls,
                        &e),
         &e);
}

static inline bool has_calls(const struct mc_entry *entry) {
    return entry->kind == MC_ENTRY_NATIVE || entry->kind == MC_ENTRY_SEGMENT;
}

static inline enum mc_err shop_take(struct live_shop *s, const struct mc_entry *entry, struct mc_error *e) {
    struct mc_logged logged = {.position = entry->position,
                               .kind = entry->kind,
                               .key = entry->key,
                               .arrived_at = entry->arrived_at,
                               .calls = &s->calls,
                               .body = entry->body};
    if (has_calls(entry))
        shop_decode(s, entry);
    return mc_live_take(s->live, &logged, e);
}

/* ---- what a store holds ---- */

static inline sqlite3_stmt *query(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (code != SQLITE_OK)
        print_error("%s: %s\n", sql, sqlite3_errmsg(db));
    check(code == SQLITE_OK);
    return s;
}

static inline uint64_t digest_rows(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s = query(db, sql);
    uint64_t digest = 0;
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const void *bytes = sqlite3_column_blob(s, i);
            digest = mc_hash_mix(digest, (uint64_t)sqlite3_column_type(s, i));
            digest = mc_hash_mix(digest, bytes ? mc_hash64(bytes, (size_t)sqlite3_column_bytes(s, i)) : 7);
        }
    check(code == SQLITE_DONE);
    sqlite3_finalize(s);
    return digest;
}

/* Every table but those of the checkpoint: the engine's bytes have no order of their own, and a checkpoint adds the
 * users since the last one. Whether they say the same shows in what the log behind them brings about. */
static const char *const shop_tables[] = {
    "SELECT * FROM setting",
    "SELECT * FROM name",
    "SELECT * FROM source",
    "SELECT * FROM run",
    "SELECT name, value FROM counter WHERE value<>0", /* a row that went back to nothing is one that was not */
    "SELECT * FROM reject",
    "SELECT * FROM sale",
    "SELECT * FROM product",
    "SELECT * FROM cart",
    "SELECT * FROM outbox",
    "SELECT * FROM customer",
    "SELECT * FROM subscriber",
    "SELECT * FROM person ORDER BY user_id",
    "SELECT * FROM suppression",
    "SELECT * FROM catalogue",
    "SELECT * FROM coupon",
    "SELECT * FROM product_sale",
};
enum { SHOP_TABLES = sizeof shop_tables / sizeof *shop_tables };

struct shop_digest {
    uint64_t of[SHOP_TABLES];
    uint64_t users; /* bytes in the checkpoints: 16 a user */
};

static inline struct shop_digest shop_look(const char *path) {
    struct shop_digest d;
    sqlite3 *db;
    check(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    for (int i = 0; i < SHOP_TABLES; i++)
        d.of[i] = digest_rows(db, shop_tables[i]);
    d.users = digest_rows(db, "SELECT sum(length(bytes)) FROM chunk WHERE name='users'");
    sqlite3_stmt *s = query(db, "PRAGMA integrity_check");
    check(sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return d;
}

static inline void same_store(const struct shop_digest *a, const struct shop_digest *b, const char *what) {
    for (int i = 0; i < SHOP_TABLES; i++)
        if (a->of[i] != b->of[i])
            print_error("%s: differs: %s\n", what, shop_tables[i]);
    check(memcmp(a, b, sizeof *a) == 0);
}

/* One number of a store that is closed or open. */
static inline int64_t shop_number(const char *path, const char *sql) {
    sqlite3 *db;
    check(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    sqlite3_stmt *s = query(db, sql);
    check(sqlite3_step(s) == SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}

#endif

/* Times are microseconds since 1970 UTC. Money and sums are integers, or decimal text where they pass int64 (columns
 * without a type keep what they are given). Enumerations are integers, spelled out in the table `name`.
 *
 * The big tables (reject, cart, sale) have keys that grow with the log, so that rows are appended and a commit writes
 * few pages; they have no second index: `why` and filters by user scan. outbox has two small ones: by user for the cap,
 * by due time for the memory that is rebuilt at open.
 */
#include "store/schema.h"

#include <stdio.h>

static const char *const migrations[MC_SCHEMA_VERSION] = {
    /* 1: the log's side: where we are, what was refused, what was sold */
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE name(kind TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY(kind, id)) WITHOUT "
    "ROWID;"
    "CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL, prefix_hash BLOB, prefix_len INTEGER NOT NULL,"
    " file_len INTEGER NOT NULL, state INTEGER NOT NULL, byte_offset INTEGER NOT NULL, row INTEGER NOT NULL,"
    " first_met_at INTEGER NOT NULL);"
    "CREATE TABLE run(id INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, finished_at INTEGER, settings TEXT NOT "
    "NULL);"
    "CREATE TABLE snapshot(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL);"
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE chunk(id INTEGER PRIMARY KEY, name TEXT NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX chunk_name ON chunk(name);"
    "CREATE TABLE reject(id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, byte_offset INTEGER NOT NULL,"
    " row INTEGER NOT NULL, reason INTEGER NOT NULL, arrived_at INTEGER NOT NULL, retried_by INTEGER, raw BLOB NOT "
    "NULL);"
    "CREATE TABLE sale(minute INTEGER NOT NULL, product_id TEXT NOT NULL, units NOT NULL, revenue_minor NOT NULL,"
    " PRIMARY KEY(minute, product_id)) WITHOUT ROWID;"
    "CREATE TABLE product(product_id TEXT PRIMARY KEY, category_id TEXT, category_id_at INTEGER, category_code TEXT,"
    " category_code_at INTEGER, brand TEXT, brand_at INTEGER) WITHOUT ROWID;",

    /* 2: carts, decisions, messages */
    "CREATE TABLE cart(expires_at INTEGER NOT NULL, user_id TEXT NOT NULL, user_session TEXT NOT NULL,"
    " opened_at INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, first_cart_at INTEGER NOT NULL,"
    " decision INTEGER NOT NULL, value_minor NOT NULL, items TEXT NOT NULL,"
    " PRIMARY KEY(expires_at, user_id, user_session, opened_at)) WITHOUT ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY, message_id BLOB NOT NULL, user_id TEXT NOT NULL,"
    " user_session TEXT NOT NULL, opened_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, due_at INTEGER NOT NULL,"
    " first_cart_at INTEGER NOT NULL, decision INTEGER NOT NULL, state INTEGER NOT NULL, withheld INTEGER,"
    " passed INTEGER NOT NULL DEFAULT 0,"
    " replayed INTEGER NOT NULL, offer_kind INTEGER NOT NULL, offer_value INTEGER NOT NULL, coupon_id INTEGER,"
    " recovered_at INTEGER, recovered_minor, attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER, handed_at INTEGER,"
    " sent_to TEXT, note TEXT);"
    "CREATE INDEX outbox_user ON outbox(user_id);"
    "CREATE INDEX outbox_due ON outbox(due_at);"
    "CREATE INDEX outbox_ready ON outbox(id) WHERE state IN (1, 2, 6);"
    "CREATE TABLE customer(user_id TEXT PRIMARY KEY, last_purchase_at INTEGER NOT NULL) WITHOUT ROWID;",

    /* 3: people, catalogue, coupons */
    "CREATE TABLE subscriber(user_id TEXT PRIMARY KEY, email TEXT NOT NULL, first_name TEXT NOT NULL,"
    " consent INTEGER NOT NULL, language TEXT NOT NULL, time_zone TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE person(user_id TEXT PRIMARY KEY, person_id TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX person_members ON person(person_id);"
    "CREATE TABLE suppression(email TEXT PRIMARY KEY COLLATE NOCASE, reason INTEGER NOT NULL, at INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE catalogue(product_id TEXT PRIMARY KEY, name TEXT NOT NULL, image_url TEXT NOT NULL, url TEXT NOT "
    "NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE coupon(id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, campaign TEXT NOT NULL,"
    " expires_at INTEGER NOT NULL, taken_by INTEGER);"
    "CREATE INDEX coupon_free ON coupon(campaign, expires_at, id) WHERE taken_by IS NULL;",

    /* 4: a cart names its message (listings join in order of id), sales by product, totals of rows, and `failed`, which
       was a retry in the year 2200 */
    "ALTER TABLE cart ADD COLUMN message INTEGER;"
    "UPDATE cart SET message=(SELECT id FROM outbox o WHERE o.user_id=cart.user_id AND"
    " o.user_session=cart.user_session AND o.opened_at=cart.opened_at) WHERE decision IN (7, 8);"
    "CREATE TABLE product_sale(product_id TEXT PRIMARY KEY, units NOT NULL, revenue_minor NOT NULL) WITHOUT ROWID;"
    "INSERT INTO product_sale SELECT product_id, mc_sum(units), mc_sum(revenue_minor) FROM sale GROUP BY product_id;"
    "INSERT INTO counter SELECT 'store.sale_minutes', n FROM (SELECT count(*) AS n FROM sale) WHERE n>0;"
    "INSERT INTO counter SELECT 'store.catalogue', n FROM (SELECT count(*) AS n FROM catalogue) WHERE n>0;"
    "INSERT INTO counter SELECT 'store.message.failed', n FROM"
    " (SELECT count(*) AS n FROM outbox WHERE state=6 AND next_at>=7258118400000000) WHERE n>0;"
    "UPDATE counter SET value=value-(SELECT count(*) FROM outbox WHERE state=6 AND next_at>=7258118400000000)"
    " WHERE name='store.message.retry';"
    "UPDATE outbox SET state=9, next_at=NULL WHERE state=6 AND next_at>=7258118400000000;"
    "INSERT OR REPLACE INTO name VALUES('message_state', 9, 'failed');",

    /* 5: clicks */
    "ALTER TABLE outbox ADD COLUMN clicked_at INTEGER;",
};

static int step(sqlite3 *db, int version) {
    char mark[128];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d;", MC_SCHEMA_APPLICATION_ID,
             version);
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, migrations[version - 1], NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, mark, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

int mc_schema_migrate(sqlite3 *db, int from, int to) {
    int code = SQLITE_OK;
    for (int version = from + 1; version <= to && code == SQLITE_OK; version++)
        code = step(db, version);
    return code;
}

/* Every statement of the ledger, by name, prepared when first used and kept; binding and reading values; SQLite's codes
 * as our errors. Private to store/.
 *
 * The third column completes the sentence "store PATH: cannot ...". */
#ifndef MC_STORE_SQL_H
#define MC_STORE_SQL_H

#include "base/err.h"
#include "base/str.h"
#include <sqlite3.h>

struct mc_ledger;

#define MC_SQL_STATEMENTS(X)                                                                                           \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE", "begin a transaction")                                                           \
    X(BEGIN_READ, "BEGIN", "begin to read")                                                                            \
    X(COMMIT, "COMMIT", "commit")                                                                                      \
    X(SETTING_GET, "SELECT value FROM setting WHERE name=?1", "read a setting")                                        \
    X(SETTING_PUT, "INSERT OR REPLACE INTO setting(name,value) VALUES(?1,?2)", "write a setting")                      \
    X(NAME_PUT, "INSERT OR REPLACE INTO name(kind,id,name) VALUES(?1,?2,?3)", "write a name")                          \
    X(COUNTER_GET, "SELECT value FROM counter WHERE name=?1", "read a counter")                                        \
    X(COUNTER_PUT, "INSERT OR REPLACE INTO counter(name,value) VALUES(?1,?2)", "write a counter")                      \
    X(SOURCE_FIND,                                                                                                     \
      "SELECT id,state,byte_offset,row,file_len,prefix_len,prefix_hash FROM source WHERE prefix_hash IS NOT NULL"      \
      " AND file_len<=?1 ORDER BY file_len DESC,id DESC",                                                              \
      "look for the source")                                                                                           \
    X(SOURCE_ADD,                                                                                                      \
      "INSERT INTO source(name,prefix_hash,prefix_len,file_len,state,byte_offset,row,first_met_at)"                    \
      " VALUES(?1,?2,?3,?4,0,0,0,?5)",                                                                                 \
      "add a source")                                                                                                  \
    X(SOURCE_UPDATE, "UPDATE source SET state=?2,byte_offset=?3,row=?4 WHERE id=?1", "note the position in a source")  \
    X(SOURCE_GROW, "UPDATE source SET prefix_hash=?2,prefix_len=?3,file_len=?4 WHERE id=?1", "note a source's length") \
    X(RUN_OPEN, "SELECT id,started_at,settings FROM run WHERE finished_at IS NULL ORDER BY id LIMIT 1",                \
      "read the run")                                                                                                  \
    X(RUN_ADD, "INSERT INTO run(started_at,settings) VALUES(?1,?2)", "start a run")                                    \
    X(RUN_FINISH, "UPDATE run SET finished_at=?2 WHERE id=?1", "finish the run")                                       \
    X(SNAPSHOT_PUT,                                                                                                    \
      "INSERT INTO snapshot(name,bytes) VALUES(?1,?2) ON CONFLICT(name) DO UPDATE SET bytes=excluded.bytes",           \
      "write a snapshot")                                                                                              \
    X(SNAPSHOT_DROP, "DELETE FROM snapshot WHERE name=?1", "drop a snapshot")                                          \
    X(SNAPSHOT_GET, "SELECT bytes FROM snapshot WHERE name=?1", "read a snapshot")                                     \
    X(CHUNK_ADD, "INSERT INTO chunk(name,bytes) VALUES(?1,?2)", "append a chunk")                                      \
    X(CHUNK_NEXT, "SELECT id,bytes FROM chunk WHERE name=?1 AND id>?2 ORDER BY id LIMIT 1", "read a chunk")            \
    X(PRODUCT_PUT,                                                                                                     \
      "INSERT INTO product VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(product_id) DO UPDATE SET"                         \
      " category_id=iif(mc_newer(?3,?2,category_id_at,category_id),?2,category_id),"                                   \
      " category_id_at=iif(mc_newer(?3,?2,category_id_at,category_id),?3,category_id_at),"                             \
      " category_code=iif(mc_newer(?5,?4,category_code_at,category_code),?4,category_code),"                           \
      " category_code_at=iif(mc_newer(?5,?4,category_code_at,category_code),?5,category_code_at),"                     \
      " brand=iif(mc_newer(?7,?6,brand_at,brand),?6,brand),"                                                           \
      " brand_at=iif(mc_newer(?7,?6,brand_at,brand),?7,brand_at)",                                                     \
      "write a product")                                                                                               \
    X(PRODUCT_NEXT, "SELECT * FROM product WHERE product_id>?1 ORDER BY product_id", "read the products")              \
    X(REJECT_PUT, "INSERT INTO reject(source_id,byte_offset,row,reason,arrived_at,raw) VALUES(?1,?2,?3,?4,?5,?6)",     \
      "keep a rejected row")                                                                                           \
    X(REJECT_NEXT,                                                                                                     \
      "SELECT r.id,r.source_id,r.byte_offset,r.row,r.reason,r.arrived_at,r.retried_by,r.raw,s.name FROM reject r"      \
      " LEFT JOIN source s ON s.id=r.source_id WHERE r.id>?1 ORDER BY r.id",                                           \
      "read the rejected rows")                                                                                        \
    X(REJECT_RETRIED, "UPDATE reject SET retried_by=?2 WHERE id=?1 AND retried_by IS NULL", "mark a rejected row")     \
    X(SALE_PUT, "INSERT INTO sale VALUES(?1,?2,?3,?4) ON CONFLICT(minute,product_id) DO NOTHING", "add a sale")        \
    X(SALE_ADD,                                                                                                        \
      "UPDATE sale SET units=mc_add(units,?3),revenue_minor=mc_add(revenue_minor,?4) WHERE minute=?1 AND "             \
      "product_id=?2",                                                                                                 \
      "add a sale")                                                                                                    \
    X(PRODUCT_SALE_PUT,                                                                                                \
      "INSERT INTO product_sale VALUES(?1,?2,?3) ON CONFLICT(product_id) DO UPDATE SET"                                \
      " units=mc_add(units,excluded.units),revenue_minor=mc_add(revenue_minor,excluded.revenue_minor)",                \
      "add up a product's sales")                                                                                      \
    X(PRODUCT_SALE_NEXT,                                                                                               \
      "SELECT product_id,units,revenue_minor FROM product_sale WHERE product_id>?1 ORDER BY product_id",               \
      "read the sales")                                                                                                \
    X(SALE_NEXT,                                                                                                       \
      "SELECT minute,product_id,units,revenue_minor FROM sale WHERE (minute,product_id)>(?1,?2) AND minute<?3"         \
      " ORDER BY minute,product_id",                                                                                   \
      "read the sales")                                                                                                \
    X(CART_PUT,                                                                                                        \
      "INSERT INTO cart VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"                                                    \
      " ON CONFLICT(expires_at,user_id,user_session,opened_at) DO NOTHING",                                            \
      "write a cart")                                                                                                  \
    X(CART_DECISION,                                                                                                   \
      "SELECT decision FROM cart WHERE expires_at=?1 AND user_id=?2 AND user_session=?3 AND opened_at=?4",             \
      "read a cart")                                                                                                   \
    X(CART_GET,                                                                                                        \
      "SELECT first_at,last_at,first_cart_at,decision,value_minor,items FROM cart WHERE expires_at=?1 AND user_id=?2"  \
      " AND user_session=?3 AND opened_at=?4",                                                                         \
      "read a cart")                                                                                                   \
    X(CART_NEXT,                                                                                                       \
      "SELECT c.expires_at,c.user_id,c.user_session,c.opened_at,c.first_at,c.last_at,c.first_cart_at,c.decision,"      \
      "c.value_minor,c.items,o.id,o.state,o.withheld,o.replayed,o.due_at,o.offer_kind,o.offer_value,p.code,"           \
      "o.recovered_at,o.recovered_minor FROM cart c LEFT JOIN outbox o ON o.id=c.message"                              \
      " LEFT JOIN coupon p ON p.id=o.coupon_id"                                                                        \
      " WHERE (c.expires_at,c.user_id,c.user_session,c.opened_at)>(?1,?2,?3,?4) AND c.expires_at<?5"                   \
      " ORDER BY c.expires_at,c.user_id,c.user_session,c.opened_at",                                                   \
      "read the carts")                                                                                                \
    X(CART_ONE,                                                                                                        \
      "SELECT c.expires_at,c.user_id,c.user_session,c.opened_at,c.first_at,c.last_at,c.first_cart_at,c.decision,"      \
      "c.value_minor,c.items,o.id,o.state,o.withheld,o.replayed,o.due_at,o.offer_kind,o.offer_value,p.code,"           \
      "o.recovered_at,o.recovered_minor FROM cart c LEFT JOIN outbox o ON o.id=c.message"                              \
      " LEFT JOIN coupon p ON p.id=o.coupon_id"                                                                        \
      " WHERE c.expires_at=?1 AND c.user_id=?2 AND c.user_session=?3 AND c.opened_at=?4",                              \
      "read a cart")                                                                                                   \
    X(CART_KEYS,                                                                                                       \
      "SELECT expires_at,user_id,user_session,opened_at,NULL,NULL,NULL,decision FROM cart"                             \
      " WHERE (expires_at,user_id,user_session,opened_at)>(?1,?2,?3,?4) AND expires_at<?5"                             \
      " ORDER BY expires_at,user_id,user_session,opened_at",                                                           \
      "look for the carts")                                                                                            \
    X(OUTBOX_PUT,                                                                                                      \
      "INSERT INTO outbox(id,message_id,user_id,user_session,opened_at,expires_at,due_at,first_cart_at,decision,"      \
      "replayed,offer_kind,offer_value,state,withheld,coupon_id,passed)"                                               \
      " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)",                                               \
      "write a message")                                                                                               \
    X(OUTBOX_LAST, "SELECT id,expires_at FROM outbox WHERE user_id=?1 AND id<?2 ORDER BY id DESC LIMIT 1",             \
      "read the last message")                                                                                         \
    X(OUTBOX_MAX, "SELECT max(id) FROM outbox", "read the last message")                                               \
    X(OUTBOX_CHECKED,                                                                                                  \
      "UPDATE outbox SET state=?2,withheld=?3,coupon_id=?4,passed=?5,recovered_at=iif(?5,recovered_at,NULL),"          \
      "recovered_minor=iif(?5,recovered_minor,NULL) WHERE id=?1",                                                      \
      "write a check")                                                                                                 \
    X(OUTBOX_RECOVER, "UPDATE outbox SET recovered_at=?2,recovered_minor=?3 WHERE id=?1", "mark a recovered cart")     \
    X(OUTBOX_RECENT,                                                                                                   \
      "SELECT o.id,o.user_id,o.user_session,o.opened_at,o.expires_at,o.due_at,o.first_cart_at,o.decision,o.passed,"    \
      "o.recovered_at,o.recovered_minor,c.items FROM outbox o JOIN cart c ON c.expires_at=o.expires_at"                \
      " AND c.user_id=o.user_id AND c.user_session=o.user_session AND c.opened_at=o.opened_at"                         \
      " WHERE o.due_at>?1 AND (o.state=0 OR o.passed) ORDER BY o.due_at,o.id",                                         \
      "read the waiting carts")                                                                                        \
    X(OUTBOX_OF_USER,                                                                                                  \
      "SELECT o.id,o.user_id,o.user_session,o.opened_at,o.expires_at,o.due_at,o.first_cart_at,o.decision,o.passed,"    \
      "o.recovered_at,o.recovered_minor,c.items FROM outbox o JOIN cart c ON c.expires_at=o.expires_at"                \
      " AND c.user_id=o.user_id AND c.user_session=o.user_session AND c.opened_at=o.opened_at"                         \
      " WHERE o.user_id=?1 AND o.due_at<=?2 AND o.due_at>?3 AND (o.state=0 OR o.passed) AND o.id>?4 ORDER BY o.id "    \
      "LIMIT 1",                                                                                                       \
      "read a person's carts")                                                                                         \
    X(OUTBOX_DUE,                                                                                                      \
      "SELECT id FROM outbox INDEXED BY outbox_ready WHERE state IN (1,2,6) AND state<>2 AND id>?1 AND (?2 OR NOT "    \
      "replayed)"                                                                                                      \
      " AND (state=1 OR next_at<=?3) ORDER BY id LIMIT ?4",                                                            \
      "list the messages")                                                                                             \
    X(OUTBOX_READY,                                                                                                    \
      "SELECT id,due_at,next_at,replayed FROM outbox INDEXED BY outbox_ready WHERE state IN (1,2,6) AND state<>2",     \
      "list the messages")                                                                                             \
    X(OUTBOX_CLAIMED,                                                                                                  \
      "SELECT id,due_at,next_at,replayed FROM outbox INDEXED BY outbox_due WHERE due_at>?1 AND due_at<=?2 AND "        \
      "state=1",                                                                                                       \
      "list the messages")                                                                                             \
    X(OUTBOX_IN_STATE, "SELECT id FROM outbox WHERE state=?1 AND id>?2 ORDER BY id LIMIT ?3", "list the messages")     \
    X(OUTBOX_SENDING, "SELECT id FROM outbox INDEXED BY outbox_ready WHERE state IN (1,2,6) AND state=2 ORDER BY id",  \
      "list the messages")                                                                                             \
    X(OUTBOX_STATE, "SELECT state,replayed,due_at,user_id,first_cart_at,coupon_id,sent_to FROM outbox WHERE id=?1",    \
      "read a message")                                                                                                \
    X(OUTBOX_BEGIN, "UPDATE outbox SET state=2,attempts=attempts+1,sent_to=?2 WHERE id=?1", "begin to send a message") \
    X(OUTBOX_RESULT,                                                                                                   \
      "UPDATE outbox SET state=?2,next_at=?3,handed_at=coalesce(?4,handed_at),note=coalesce(?5,note),"                 \
      "attempts=attempts-?6 WHERE id=?1",                                                                              \
      "write a message's result")                                                                                      \
    X(OUTBOX_HOLD, "UPDATE outbox SET state=7,withheld=?2 WHERE id=?1", "withhold a message")                          \
    X(OUTBOX_GET,                                                                                                      \
      "SELECT o.message_id,o.user_id,o.user_session,o.opened_at,o.expires_at,o.due_at,o.state,o.withheld,o.replayed,"  \
      "o.offer_kind,o.offer_value,p.code,p.expires_at,o.attempts,o.next_at,o.handed_at,o.note FROM outbox o"           \
      " LEFT JOIN coupon p ON p.id=o.coupon_id WHERE o.id=?1",                                                         \
      "read a message")                                                                                                \
    X(RESPONSE_OF, "SELECT clicked_at FROM outbox WHERE id=?1", "read a message")                                      \
    X(RESPONSE_CLICK, "UPDATE outbox SET clicked_at=?2 WHERE id=?1", "note a click")                                   \
    X(CUSTOMER_PUT,                                                                                                    \
      "INSERT INTO customer VALUES(?1,?2) ON CONFLICT(user_id) DO UPDATE SET"                                          \
      " last_purchase_at=max(last_purchase_at,excluded.last_purchase_at)",                                             \
      "note a purchase")                                                                                               \
    X(CUSTOMER_GET, "SELECT last_purchase_at FROM customer WHERE user_id=?1", "read a customer")                       \
    X(SUBSCRIBER_PUT, "INSERT OR REPLACE INTO subscriber VALUES(?1,?2,?3,?4,?5,?6)", "write a subscriber")             \
    X(SUBSCRIBER_GET, "SELECT email,first_name,consent,language,time_zone FROM subscriber WHERE user_id=?1",           \
      "read a subscriber")                                                                                             \
    X(PERSON_ALL, "SELECT user_id,person_id FROM person", "read the linked ids")                                       \
    X(PERSON_MEMBERS, "SELECT user_id FROM person WHERE person_id=?1 ORDER BY user_id", "read the linked ids")         \
    X(PERSON_MERGE, "UPDATE person SET person_id=?2 WHERE person_id=?1", "link two ids")                               \
    X(PERSON_PUT, "INSERT OR REPLACE INTO person VALUES(?1,?2)", "link two ids")                                       \
    X(SUPPRESSION_GET, "SELECT reason FROM suppression WHERE email=?1", "read a suppression")                          \
    X(SUPPRESSION_PUT, "INSERT OR REPLACE INTO suppression VALUES(?1,?2,?3)", "write a suppression")                   \
    X(CATALOGUE_GET, "SELECT name,image_url,url FROM catalogue WHERE product_id=?1", "read the catalogue")             \
    X(CATALOGUE_PUT, "INSERT OR REPLACE INTO catalogue VALUES(?1,?2,?3,?4)", "write the catalogue")                    \
    X(SUBSCRIBER_NEXT,                                                                                                 \
      "SELECT user_id,email,first_name,consent,language,time_zone FROM subscriber"                                     \
      " WHERE user_id>=?1 AND user_id<=?2 AND (user_id>?1 OR ?3) ORDER BY user_id",                                    \
      "read the subscribers")                                                                                          \
    X(CATALOGUE_NEXT,                                                                                                  \
      "SELECT product_id,name,image_url,url FROM catalogue"                                                            \
      " WHERE product_id>=?1 AND product_id<=?2 AND (product_id>?1 OR ?3) ORDER BY product_id",                        \
      "read the catalogue")                                                                                            \
    X(COUPON_AFTER,                                                                                                    \
      "SELECT p.id,p.code,p.campaign,p.expires_at,p.taken_by,o.user_id FROM coupon p LEFT JOIN outbox o ON "           \
      "o.id=p.taken_by WHERE p.id>?1 ORDER BY p.id",                                                                   \
      "read the coupons")                                                                                              \
    X(COUPON_PUT, "INSERT INTO coupon(code,campaign,expires_at) VALUES(?1,?2,?3) ON CONFLICT(code) DO NOTHING",        \
      "add a coupon")                                                                                                  \
    X(COUPON_NEXT,                                                                                                     \
      "SELECT id FROM coupon WHERE campaign=?1 AND taken_by IS NULL AND expires_at>?2 ORDER BY expires_at,id LIMIT 1", \
      "take a coupon")                                                                                                 \
    X(COUPON_TAKE, "UPDATE coupon SET taken_by=?2 WHERE id=?1", "take a coupon")

enum mc_sql {
#define X(name, text, doing) MC_SQL_##name,
    MC_SQL_STATEMENTS(X)
#undef X
        MC_SQL_COUNT
};

/* The statement, ready to bind, all parameters NULL or as bound before: callers bind every one. NULL on an error. */
sqlite3_stmt *mc_sql_get(struct mc_ledger *l, enum mc_sql which, struct mc_error *e);

/* Runs a statement that gives no row, and resets it. */
enum mc_err mc_sql_run(struct mc_ledger *l, enum mc_sql which, struct mc_error *e);

/* Steps to the next row; *row is false at the end. Resets at the end and on an error; a caller that stops before the
 * end calls mc_sql_reset. */
enum mc_err mc_sql_step(struct mc_ledger *l, enum mc_sql which, bool *row, struct mc_error *e);
void mc_sql_reset(struct mc_ledger *l, enum mc_sql which);

/* An error from SQLite's code, "store PATH: cannot DOING: why". Inside a transaction it marks the ledger failed (L5).
 */
enum mc_err mc_sql_error(struct mc_ledger *l, int code, const char *doing, struct mc_error *e);

void mc_sql_close(struct mc_ledger *l);

/* mc_add(a,b) and the aggregate mc_sum(x): exact over integers and decimal text, 128 bits; an overflow or another type
 * is an error. mc_newer(at, value, old_at, old_value): the rule of the product dimension. */
int mc_sql_functions(sqlite3 *db);

/* Borrowed until the statement is run: SQLITE_STATIC. */
static inline void mc_bind_str(sqlite3_stmt *s, int at, struct mc_str text) {
    sqlite3_bind_text(s, at, text.data != NULL ? text.data : "", (int)text.len, SQLITE_STATIC);
}

static inline void mc_bind_blob(sqlite3_stmt *s, int at, struct mc_str bytes) {
    sqlite3_bind_blob64(s, at, bytes.len > 0 ? bytes.data : "", bytes.len, SQLITE_STATIC);
}

static inline struct mc_str mc_column_str(sqlite3_stmt *s, int at) {
    const void *data = sqlite3_column_blob(s, at);
    return (struct mc_str){data != NULL ? data : "", data != NULL ? (size_t)sqlite3_column_bytes(s, at) : 0};
}

/* NULL columns give `none`. */
static inline int64_t mc_column_int(sqlite3_stmt *s, int at, int64_t none) {
    return sqlite3_column_type(s, at) == SQLITE_NULL ? none : sqlite3_column_int64(s, at);
}

/* As an integer where it fits, else as decimal text. */
void mc_bind_int128(sqlite3_stmt *s, int at, __int128 value);
__int128 mc_column_int128(sqlite3_stmt *s, int at);

/* Decimal text of an __int128; false if it is none. */
bool mc_int128_parse(struct mc_str text, __int128 *out);

#endif

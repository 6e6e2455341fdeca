/* Reading the ledger for the page: what store/read.h has no answer to. One instant's picture of several queries, newest
 * rows first, a limit of time. The only file of web/ that knows tables; it could as well be one of store/.
 *
 * A handle is used by one thread at a time. Between mc_rows_begin and mc_rows_end all that is read is of one commit;
 * when the limit is over, the step under way and all later ones fail with MC_ERR_LIMIT.
 */
#ifndef MC_WEB_ROWS_H
#define MC_WEB_ROWS_H

#include "store/ledger.h"
#include <sqlite3.h>

struct mc_rows;

#define MC_ROWS_STATEMENTS(X)                                                                                          \
    X(BEGIN, "BEGIN")                                                                                                  \
    X(END, "COMMIT")                                                                                                   \
    X(COUNTER, "SELECT value FROM counter WHERE name=?1")                                                              \
    X(SALES, "SELECT minute,product_id,units,revenue_minor FROM sale WHERE minute>=?1 AND minute<?2")                  \
    X(PRODUCT, "SELECT p.brand,p.category_code,c.name,c.image_url FROM (SELECT ?1 AS id) i"                            \
               " LEFT JOIN product p ON p.product_id=i.id LEFT JOIN catalogue c ON c.product_id=i.id")                 \
    X(CARTS, "SELECT c.expires_at,c.user_id,c.user_session,c.opened_at,c.decision,c.value_minor,c.items,o.id,o.state," \
             "o.withheld,o.due_at,o.handed_at,o.recovered_at,o.recovered_minor,o.clicked_at,o.replayed FROM cart c"    \
             " LEFT JOIN outbox o ON o.id=c.message"                                                                   \
             " WHERE (c.expires_at,c.user_id,c.user_session,c.opened_at)<(?1,?2,?3,?4) AND c.expires_at>=?5"           \
             " AND (?6<0 OR c.decision=?6) AND (?7='' OR instr(lower(c.user_id),?7) OR instr(lower(c.items),?7))"      \
             " ORDER BY c.expires_at DESC,c.user_id DESC,c.user_session DESC,c.opened_at DESC LIMIT ?8")               \
    X(CART, "SELECT c.expires_at,c.user_id,c.user_session,c.opened_at,c.decision,c.value_minor,c.items,o.id,o.state,"  \
            "o.withheld,o.due_at,o.handed_at,o.recovered_at,o.recovered_minor,o.clicked_at,o.replayed,c.first_at,"     \
            "c.last_at,c.first_cart_at,o.offer_kind,o.offer_value,p.code,o.attempts,o.next_at,o.note,o.message_id"     \
            " FROM cart c LEFT JOIN outbox o ON o.id=c.message LEFT JOIN coupon p ON p.id=o.coupon_id"                 \
            " WHERE c.expires_at=?1 AND c.user_id=?2 AND c.user_session=?3 AND c.opened_at=?4")                        \
    X(DECISIONS, "SELECT decision,count(*) FROM cart WHERE expires_at>=?1 AND expires_at<?2 GROUP BY decision")        \
    X(RECOVERY, "SELECT (due_at-?1)/?3,decision,state,withheld,passed,recovered_at IS NOT NULL,clicked_at IS NOT NULL" \
                ",count(*) FROM outbox WHERE due_at>=?1 AND due_at<?2 GROUP BY 1,2,3,4,5,6,7")                         \
    X(RECOVERED, "SELECT decision,recovered_minor FROM outbox WHERE due_at>=?1 AND due_at<?2"                          \
                 " AND recovered_at IS NOT NULL AND passed")                                                           \
    X(DELAYS, "SELECT handed_at-due_at FROM outbox WHERE due_at>=?1 AND due_at<?2 AND handed_at IS NOT NULL"           \
              " AND NOT replayed AND state IN (3,4,5)")                                                                \
    X(MESSAGES, "SELECT o.id,o.user_id,o.user_session,o.opened_at,o.expires_at,o.due_at,o.decision,o.state,"           \
                "o.withheld,o.offer_kind,o.offer_value,o.attempts,o.next_at,o.handed_at,o.note,o.recovered_at,"        \
                "o.recovered_minor,o.clicked_at,o.replayed,c.value_minor FROM outbox o LEFT JOIN cart c"               \
                " ON c.expires_at=o.expires_at AND c.user_id=o.user_id AND c.user_session=o.user_session"              \
                " AND c.opened_at=o.opened_at WHERE o.id<?1 AND (?2<0 OR o.state=?2)"                                  \
                " AND (?3='' OR instr(lower(o.user_id),?3)) ORDER BY o.id DESC LIMIT ?4")                              \
    X(REJECTS, "SELECT r.id,s.name,r.byte_offset,r.row,r.reason,r.arrived_at,r.retried_by,r.raw FROM reject r"         \
               " LEFT JOIN source s ON s.id=r.source_id WHERE r.id<?1 AND (?2<0 OR r.reason=?2)"                       \
               " AND (?3='' OR instr(lower(CAST(r.raw AS TEXT)),?3)) ORDER BY r.id DESC LIMIT ?4")                     \
    X(REJECT_KEYS, "SELECT r.arrived_at,r.reason,r.source_id FROM reject r ORDER BY r.id DESC")                        \
    X(SOURCE, "SELECT name FROM source WHERE id=?1")

enum mc_rows_which {
#define X(name, text) MC_ROWS_##name,
    MC_ROWS_STATEMENTS(X)
#undef X
        MC_ROWS_COUNT
};

enum mc_err mc_rows_open(struct mc_rows **out, const char *store, struct mc_error *e);
void mc_rows_close(struct mc_rows **rows);

/* The store open for reading, for what store/ has functions for: outside of begin and end, of a commit of its own. */
struct mc_ledger *mc_rows_ledger(struct mc_rows *rows);

enum mc_err mc_rows_begin(struct mc_rows *rows, int64_t limit_ms, struct mc_error *e);
void mc_rows_end(struct mc_rows *rows);

/* The statement, reset, to be bound: every parameter. NULL with the error set. */
sqlite3_stmt *mc_rows_get(struct mc_rows *rows, enum mc_rows_which which, struct mc_error *e);

/* The next row of a statement; *row false at its end or after an error, when it is reset as well. */
enum mc_err mc_rows_step(struct mc_rows *rows, sqlite3_stmt *s, bool *row, struct mc_error *e);

/* The log position of this picture: the ledger's counter "log.position". */
enum mc_err mc_rows_position(struct mc_rows *rows, int64_t *position, struct mc_error *e);

/* ---- values; borrowed until the next step ---- */
struct mc_str mc_rows_str(sqlite3_stmt *s, int at);
int64_t mc_rows_int(sqlite3_stmt *s, int at, int64_t none);
__int128 mc_rows_int128(sqlite3_stmt *s, int at);
void mc_rows_bind(sqlite3_stmt *s, int at, struct mc_str text); /* borrowed until it is run */

#endif

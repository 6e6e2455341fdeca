/* The handle's inside, shared by the files of store/ only. */
#ifndef MC_STORE_INTERNAL_H
#define MC_STORE_INTERNAL_H

#include "store/checkpoint.h"
#include "store/outbox.h"
#include "store/sql.h"
#include "store/sums.h"
#include "store/totals.h"
#include "store/waiting.h"

struct mc_ledger {
    sqlite3 *db;
    sqlite3_stmt *statements[MC_SQL_COUNT];
    char *path;
    int lock_fd; /* holds L1; -1 for reading */
    enum mc_ledger_mode mode;
    bool in_transaction;
    struct mc_error failure; /* code is not MC_OK: L5 */
    enum mc_err last_error;  /* of the last call that failed */
    uint8_t secret[MC_SECRET_BYTES], holdout_key[MC_SECRET_BYTES], message_key[MC_SECRET_BYTES];
    struct mc_policy policy;

    /* L4: a function of the tables and of the open transaction */
    struct mc_totals totals;
    struct mc_waiting waiting;
    struct mc_strmap bought;     /* user -> greatest purchase time of this transaction */
    struct mc_sums sold;         /* of this transaction, by product */
    struct mc_strmap linked;     /* user -> index of its person in `persons` */
    struct mc_strmap persons;    /* the ids that name linked persons */
    int64_t last_message;        /* greatest id in the outbox */
    struct mc_waiter *unwritten; /* the first whose row is held back; those behind it in the queue may be, too */
    uint64_t people; /* changes of subscribers, links, suppressions, policy since this handle was opened, from 1 */

    struct mc_buf scratch;
};

/* "store PATH: ..."; inside a transaction also L5. Returns the code. */
enum mc_err mc_ledger_fail(struct mc_ledger *l, enum mc_err code, struct mc_error *e, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum mc_err mc_ledger_no_memory(struct mc_ledger *l, struct mc_error *e);

/* At the head of each function that writes: asserts the transaction, gives back the failure of L5. */
enum mc_err mc_ledger_writable(struct mc_ledger *l, struct mc_error *e);

/* Rebuilds L4; frees it. memory.c */
enum mc_err mc_memory_load(struct mc_ledger *l, struct mc_error *e);
void mc_memory_free(struct mc_ledger *l);

/* Writes what L4 holds back for the commit: messages, customers, sales by product, totals. */
enum mc_err mc_memory_flush(struct mc_ledger *l, struct mc_error *e);

/* The sales of this transaction by product, into the table. sales.c */
enum mc_err mc_sold_flush(struct mc_ledger *l, struct mc_error *e);

static inline void mc_totals_add(struct mc_ledger *l, int which, __int128 more) {
    l->totals.value[which] += more;
}

static inline struct mc_time mc_ledger_clock(const struct mc_ledger *l) {
    return (struct mc_time){l->totals.value[MC_TOTAL_CLOCK_SET] ? (int64_t)l->totals.value[MC_TOTAL_CLOCK]
                                                                : MC_TIME_NONE_US};
}

/* ---- persons: person.c ---- */

/* The id that names the person of a user: the user's own if it was never linked. */
struct mc_str mc_person_of(const struct mc_ledger *l, uint64_t user_hash, struct mc_str user, uint64_t *person_hash);

/* All ids of the person of `user`, the user's own first, the others in order. *ids is in the arena, or `own`. */
enum mc_err mc_person_members(struct mc_ledger *l, struct mc_str user, struct mc_str *own, struct mc_arena *arena,
                              struct mc_str **ids, size_t *count, struct mc_error *e);

/* The greatest time of a purchase of any of the ids; none if there is none, or only such as do not count. */
enum mc_err mc_customer_last(struct mc_ledger *l, const struct mc_str *ids, size_t count, struct mc_time *last,
                             bool *customer, struct mc_error *e);

/* Whether the person may be written to: MC_NO_ADDRESS, MC_NO_CONSENT, MC_SUPPRESSED or MC_SEND; fills the contact. */
enum mc_decision mc_contact_verdict(const struct mc_ledger *l, const struct mc_contact *contact);

/* mc_contact_find and the verdict, without what the verdict does not need. */
enum mc_err mc_contact_decide(struct mc_ledger *l, struct mc_str user, struct mc_contact *out,
                              enum mc_decision *verdict, struct mc_error *e);

/* ---- the second check: check.c ---- */

/* The first of `purchased`, `no_address`, `no_consent`, `suppressed` that holds now, else MC_SEND; the contact is
 * filled, but for MC_PURCHASED. Own arenas. */
enum mc_err mc_check_person(struct mc_ledger *l, struct mc_str user, struct mc_time first_cart,
                            struct mc_contact *contact, enum mc_decision *verdict, struct mc_error *e);

/* The last outbox row of a user with an id below `before`; *id 0 if there is none. */
enum mc_err mc_outbox_last(struct mc_ledger *l, struct mc_str user, int64_t before, int64_t *id,
                           struct mc_time *expires_at, struct mc_error *e);

/* What becomes of a waiter at its second check. */
struct mc_checked {
    enum mc_message_state state;
    int withheld;   /* or MC_WITHHELD_NONE */
    int64_t coupon; /* 0: none */
};

/* Writes the outbox row of a waiter: all of it if it was held back, else what the check found. decide.c */
enum mc_err mc_outbox_write(struct mc_ledger *l, struct mc_waiter *w, const struct mc_checked *checked,
                            struct mc_error *e);

/* A cart with delay 0 is checked in the row of the log in which it ended: its outbox row is held back by end_cart and
 * written once, with the outcome, by advance. This writes what is held back, and stands at the head of everything else
 * that looks at the table. No cost when there is none. decide.c */
enum mc_err mc_outbox_flush(struct mc_ledger *l, struct mc_error *e);

/* Reads a row of OUTBOX_RECENT or OUTBOX_OF_USER into a new waiter; NULL with the error set. */
struct mc_waiter *mc_waiter_read(struct mc_ledger *l, sqlite3_stmt *row, struct mc_error *e);

/* ---- items as JSON: items.c ---- */

/* [["product",quantity,price],...] */
void mc_items_encode(struct mc_buf *out, const struct mc_cart_item *items, uint32_t count);
/* False if it is not what mc_items_encode writes, or there is no memory. */
bool mc_items_decode(struct mc_arena *arena, struct mc_str text, struct mc_cart_item **items, uint32_t *count);

/* The message id of a visit: keyed, stable. */
void mc_message_name(const struct mc_ledger *l, struct mc_str user, struct mc_str session, struct mc_time opened_at,
                     uint8_t id[16]);

#endif

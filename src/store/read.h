/* Reading the ledger: for the commands report, carts, decisions, sales, rejects, why.
 *
 * Rows come by callback, in a stated order. They are read in pages of at most 512 rows, each in a short read
 * transaction of its own, and copied before the callback sees them: a slow reader never holds the store (no read takes
 * more than some milliseconds of it). So a long listing of a store that is being written is not one instant's picture;
 * rows that were there at its begin are complete. mc_report_read's numbers are of one commit. What a callback is given
 * is borrowed for the call; it returns false to stop (which is no error).
 */
#ifndef MC_STORE_READ_H
#define MC_STORE_READ_H

#include "store/outbox.h"

/* Start from mc_filter_all(). */
struct mc_filter {
    struct mc_time since,
        until; /* half open [since, until), none: no bound. Carts: expiry; sales: minute; rejects: not used */
    struct mc_wall arrived_since, arrived_until; /* rejects: arrival, us INT64_MIN: no bound */
    struct mc_str user, product;                 /* empty: any. Carts: product is in it */
    int decision;                                /* enum mc_decision, -1: any */
    int reason;                                  /* enum mc_reason, -1: any */
    int64_t source;                              /* id, 0: any */
    bool not_retried;                            /* rejects that were not fed back yet */
    uint64_t limit;                              /* rows given; 0: all */
};

struct mc_filter mc_filter_all(void);

/* A cart and what became of it. */
struct mc_stored_cart {
    struct mc_cart cart; /* decision is final */
    bool has_message;    /* decision is send or holdout; the rest is empty otherwise */
    int64_t message;     /* its id */
    enum mc_message_state state;
    int withheld; /* as in struct mc_message */
    bool replayed;
    struct mc_time due_at;
    struct mc_offer offer;
    struct mc_str coupon;
    struct mc_time recovered_at; /* none: not recovered */
    __int128 recovered_minor;    /* revenue of the purchases that count for it */
};

/* In order of expiry, user, session, opening time. */
enum mc_err mc_read_carts(struct mc_ledger *l, const struct mc_filter *filter,
                          bool (*take)(void *context, const struct mc_stored_cart *cart), void *context,
                          struct mc_error *e);

struct mc_sale {
    struct mc_str product;
    struct mc_time minute; /* none in mc_read_sales_by_product */
    __int128 units, revenue;
};

/* In order of minute, product. */
enum mc_err mc_read_sales(struct mc_ledger *l, const struct mc_filter *filter,
                          bool (*take)(void *context, const struct mc_sale *sale), void *context, struct mc_error *e);

/* Sums over the filter's minutes. Order: product, or, if `by_revenue`, revenue descending, then product. Needs about
 * 100 bytes and its id for each product. Without bounds of time it reads a row a product, else every sale of that time.
 */
enum mc_err mc_read_sales_by_product(struct mc_ledger *l, const struct mc_filter *filter, bool by_revenue,
                                     bool (*take)(void *context, const struct mc_sale *sale), void *context,
                                     struct mc_error *e);

struct mc_stored_reject {
    int64_t id;
    struct mc_reject reject;
    struct mc_str source_name;
    int64_t retried_by; /* source id, 0: not fed back */
};

/* In the order they came. The callback may call mc_reject_set_retried. */
enum mc_err mc_read_rejects(struct mc_ledger *l, const struct mc_filter *filter,
                            bool (*take)(void *context, const struct mc_stored_reject *reject), void *context,
                            struct mc_error *e);

/* In a transaction: this reject was fed back as part of that source. */
enum mc_err mc_reject_set_retried(struct mc_ledger *l, int64_t id, int64_t source, struct mc_error *e);

/* ---- what people imported (people.h) ---- */

/* In order of user; of the filter: user, limit. */
enum mc_err mc_read_subscribers(struct mc_ledger *l, const struct mc_filter *filter,
                                bool (*take)(void *context, const struct mc_subscriber *subscriber), void *context,
                                struct mc_error *e);

/* In order of product; of the filter: product, limit. */
enum mc_err mc_read_catalogue(struct mc_ledger *l, const struct mc_filter *filter,
                              bool (*take)(void *context, const struct mc_catalogue_entry *entry), void *context,
                              struct mc_error *e);

struct mc_stored_coupon {
    struct mc_str code, campaign;
    struct mc_time expires_at; /* none: does not expire */
    bool taken;
    int64_t message;    /* that has it, 0: none */
    struct mc_str user; /* whom it went to; empty: nobody */
};

/* In order of import; of the filter: user, limit. */
enum mc_err mc_read_coupons(struct mc_ledger *l, const struct mc_filter *filter,
                            bool (*take)(void *context, const struct mc_stored_coupon *coupon), void *context,
                            struct mc_error *e);

/* ---- totals ---- */

enum { MC_PROMISE_BUCKETS = 6 };
/* Upper ends, seconds: 1, 10, 60, 180, 3600, and none. */
extern const int64_t mc_promise_bucket_s[MC_PROMISE_BUCKETS];

/* Totals, kept by the writer in the transactions that change them; all of one commit. */
struct mc_report {
    uint64_t carts, items_rows;         /* abandoned carts; lines in them */
    __int128 cart_value, cart_quantity; /* abandoned_value_minor, abandoned_items */
    uint64_t decisions[MC_DECISIONS];
    uint64_t rejects[MC_REASONS]; /* stored, by reason */
    uint64_t rejects_retried;
    __int128 units, revenue;              /* sales */
    uint64_t sale_minutes;                /* rows of the rollup: pairs of product and minute */
    uint64_t messages[MC_MESSAGE_STATES]; /* outbox rows by state */
    uint64_t withheld[MC_DECISIONS];      /* by reason */
    uint64_t withheld_no_coupon;
    uint64_t withheld_too_late;
    uint64_t without_coupon;                       /* messages claimed while the pool was empty */
    uint64_t coupons_free, coupons_taken;          /* free includes expired ones */
    uint64_t subscribers, suppressions, catalogue; /* rows */
    uint64_t passed_send, passed_holdout;          /* passed the second check: the two groups to compare */
    uint64_t recovered_send, recovered_holdout;    /* of those */
    __int128 recovered_send_minor, recovered_holdout_minor;
    uint64_t promise[MC_PROMISE_BUCKETS]; /* messages of live runs by handed_at - due_at */
    uint64_t clicked;                     /* messages of which a link was followed */
    struct mc_time clock;                 /* greatest given to advance; none */
};

enum mc_err mc_report_read(struct mc_ledger *l, struct mc_report *out, struct mc_error *e);

#endif

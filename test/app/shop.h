/* A small store made through the ledger alone: customers u1 to u7, one abandoned cart each, every way that it can end.
 */
#ifndef MC_TEST_APP_SHOP_H
#define MC_TEST_APP_SHOP_H

#include "app/store_summary.h"
#include "store/checkpoint.h"
#include "store/ledger.h"
#include "store/people.h"

#define SHOP_DAY ((int64_t)1569888000 * MC_SECOND_US) /* 2019-10-01 */

static inline struct mc_time shop_minute(int minute) {
    return (struct mc_time){SHOP_DAY + minute * MC_MINUTE_US};
}

/* The cart of user u<n>: visit from minute 10 n, last event two minutes later, two products. */
static inline void shop_cart(struct mc_cart *cart, struct mc_cart_item items[2], char user[16], char session[16], int n,
                             enum mc_decision decision) {
    snprintf(user, 16, "u%d", n);
    snprintf(session, 16, "s%d", n);
    items[0] = (struct mc_cart_item){.product = MC_STR("comb"), .quantity = 1, .price = 250};
    items[1] = (struct mc_cart_item){.product = MC_STR("soap\x1B"), .quantity = n, .price = 1000};
    for (int i = 0; i < 2; i++)
        items[i].hash = mc_hash64(items[i].product.data, items[i].product.len);
    *cart = (struct mc_cart){.user = mc_str_of(user),
                             .session = mc_str_of(session),
                             .opened_at = shop_minute(10 * n),
                             .first_at = shop_minute(10 * n - (n == 1)),
                             .last_at = shop_minute(10 * n + 2),
                             .expires_at = shop_minute(10 * n + 32),
                             .first_cart_at = shop_minute(10 * n + 1),
                             .value = 250 + 1000 * n,
                             .decision = decision,
                             .item_count = 2,
                             .items = items};
}

#define SHOP_TRY(call)                                                                                                 \
    if ((call) != MC_OK)                                                                                               \
    return false

static inline bool shop_people(struct mc_ledger *l, struct mc_error *e) {
    static const struct mc_subscriber people[] = {
        {MC_STR("u1"), MC_STR("ana@example.com"), MC_STR("Ana"), MC_STR("en"), MC_STR("UTC"), MC_CONSENT_YES},
        {MC_STR("u3"), MC_STR("cy@example.com"), MC_STR(""), MC_STR(""), MC_STR(""), MC_CONSENT_NO},
        {MC_STR("u5"), MC_STR("eve@example.com"), MC_STR("Eve"), MC_STR("de"), MC_STR(""), MC_CONSENT_YES},
        {MC_STR("u6"), MC_STR("fay@example.com"), MC_STR("Fay"), MC_STR(""), MC_STR(""), MC_CONSENT_YES},
        {MC_STR("u7"), MC_STR("gus@example.com"), MC_STR("Gus"), MC_STR(""), MC_STR(""), MC_CONSENT_YES},
    };
    static const struct mc_catalogue_entry comb = {MC_STR("comb"), MC_STR("A fine comb"), MC_STR(""),
                                                   MC_STR("https://shop.example/comb")};
    const char *refused = NULL;
    for (size_t i = 0; i < sizeof people / sizeof *people; i++) {
        SHOP_TRY(mc_subscriber_put(l, &people[i], &refused, e));
        if (refused != NULL)
            return false;
    }
    SHOP_TRY(mc_catalogue_put(l, &comb, &refused, e));
    SHOP_TRY(mc_coupon_put(l, MC_STR("CODE-1"), MC_STR(""), (struct mc_time){MC_TIME_NONE_US}, &refused, e));
    SHOP_TRY(
        mc_suppression_put(l, MC_STR("gus@example.com"), MC_UNSUBSCRIBED, (struct mc_wall){SHOP_DAY}, &refused, e));
    return refused == NULL;
}

static inline bool shop_purchase(struct mc_ledger *l, const char *user, const char *product, int minute,
                                 struct mc_error *e) {
    struct mc_purchase p = {.user = mc_str_of(user),
                            .product = mc_str_of(product),
                            .user_hash = mc_hash64(user, strlen(user)),
                            .time = shop_minute(minute),
                            .clock = shop_minute(minute),
                            .quantity = 2,
                            .price = 900};
    SHOP_TRY(mc_ledger_put_sale(l, p.product, p.time, 2, 1800, e));
    return mc_ledger_put_purchase(l, &p, e) == MC_OK;
}

static inline bool shop_events(struct mc_ledger *l, struct mc_error *e) {
    static const enum mc_decision first[] = {MC_UNDECIDED, MC_UNDECIDED, MC_UNDECIDED, MC_PURCHASED,
                                             MC_UNDECIDED, MC_UNDECIDED, MC_UNDECIDED};
    for (int n = 1; n <= 7; n++) {
        struct mc_cart cart;
        struct mc_cart_item items[2];
        char user[16], session[16];
        shop_cart(&cart, items, user, session, n, first[n - 1]);
        SHOP_TRY(mc_ledger_end_cart(l, &cart, NULL, e));
    }
    if (!shop_purchase(l, "u6", "other", 110, e)) /* between the end of u6's visit and its second check */
        return false;
    SHOP_TRY(mc_ledger_advance(l, shop_minute(200), e));
    return shop_purchase(l, "u1", "comb", 300, e);
}

static inline bool shop_rows(struct mc_ledger *l, struct mc_error *e) {
    struct mc_source source;
    SHOP_TRY(mc_source_add(l, MC_STR("day.csv"), MC_STR("x"), 1, (struct mc_wall){SHOP_DAY}, &source, e));
    struct mc_reject rejects[] = {
        {source.id, 100, 3, MC_BAD_PRICE, MC_STR("2019-10-01,cart,\"x\",\xFF"), {SHOP_DAY + MC_DAY_US}},
        {source.id, 130, 4, MC_DUPLICATE, MC_STR("again"), {SHOP_DAY + 2 * MC_DAY_US}},
    };
    SHOP_TRY(mc_ledger_put_reject(l, &rejects[0], e));
    SHOP_TRY(mc_ledger_put_reject(l, &rejects[1], e));
    struct mc_summary s = {.rows = 32,
                           .accepted = 30,
                           .rejected = {[MC_BAD_PRICE] = 1, [MC_DUPLICATE] = 1},
                           .by_type = {10, 16, 2, 2},
                           .users = 7,
                           .products = 3,
                           .visits = 9,
                           .visits_with_cart = 8,
                           .visits_with_purchase = 2,
                           .abandoned_carts = 7,
                           .abandoned_value = 29750,
                           .abandoned_items = 35,
                           .units_sold = 4,
                           .revenue = 3600,
                           .product_minutes = 2};
    return mc_summary_save(l, &s, e) == MC_OK;
}

/* Makes the store at `path`. The delay is 30 minutes, so that the second check is apart from the first. */
static inline bool shop_make(const char *path) {
    static const uint8_t secret[MC_SECRET_BYTES] = {1};
    struct mc_ledger_options options = {.secret = secret};
    struct mc_ledger *l = NULL;
    struct mc_policy policy;
    struct mc_error e = {0};
    mc_policy_defaults(&policy);
    policy.delay_us = 30 * MC_MINUTE_US;
    policy.holdout_ppm = 0;
    policy.coupons = MC_COUPON_OPTIONAL;
    policy.replayed = true;
    bool good = mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, &e) == MC_OK &&
                mc_ledger_set_policy(l, &policy, &e) == MC_OK && mc_ledger_begin(l, &e) == MC_OK &&
                shop_people(l, &e) && shop_events(l, &e) && shop_rows(l, &e) && mc_ledger_commit(l, &e) == MC_OK;
    if (!good)
        fprintf(stderr, "the small store could not be made: %s\n", e.text);
    mc_ledger_close(&l);
    return good;
}

#endif

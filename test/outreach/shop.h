/* A small shop for the tests of delivery: a ledger with subscribers and abandoned carts, one message each. Include
 * behind sample.h. */
#ifndef MC_TEST_OUTREACH_SHOP_H
#define MC_TEST_OUTREACH_SHOP_H

#include "outreach/mailer.h"
#include "store/read.h"
#include <stdlib.h>

__attribute__((unused)) static const uint8_t shop_secret[MC_SECRET_BYTES] = {1, 2, 3};

static inline void must(enum mc_err err, const struct mc_error *e) {
    if (err == MC_OK)
        return;
    fprintf(stderr, "%s\n", e->text);
    exit(1);
}

static inline void shop_user(char name[16], int i) {
    snprintf(name, 16, "u%03d", i);
}

static inline void shop_subscribe(struct mc_ledger *l, int i) {
    char user[16], email[32];
    const char *refused = NULL;
    struct mc_error e = {0};
    shop_user(user, i);
    snprintf(email, sizeof email, "%s@example.com", user);
    struct mc_subscriber person = {.user = mc_str_of(user),
                                   .email = mc_str_of(email),
                                   .first_name = MC_STR("Zo\u00EB <b>"),
                                   .language = i % 2 == 0 ? MC_STR("en") : MC_STR("de-AT"),
                                   .consent = MC_CONSENT_YES};
    must(mc_subscriber_put(l, &person, &refused, &e), &e);
    if (refused != NULL)
        fprintf(stderr, "%s\n", refused), exit(1);
}

/* User i leaves a cart that expires then. */
static inline void shop_abandon(struct mc_ledger *l, int i, int64_t expires_us) {
    char user[16];
    struct mc_error e = {0};
    shop_user(user, i);
    struct mc_cart_item items[2] = {{.product = MC_STR("p1"), .quantity = 2, .price = 450},
                                    {.product = MC_STR("p2"), .quantity = 1, .price = 1999}};
    struct mc_cart cart = {.user = mc_str_of(user),
                           .session = MC_STR("s"),
                           .opened_at = {expires_us - MC_HOUR_US},
                           .first_at = {expires_us - MC_HOUR_US},
                           .last_at = {expires_us - MC_HOUR_US / 2},
                           .expires_at = {expires_us},
                           .first_cart_at = {expires_us - MC_HOUR_US},
                           .value = 2899,
                           .decision = MC_UNDECIDED,
                           .item_count = 2,
                           .items = items};
    must(mc_ledger_end_cart(l, &cart, NULL, &e), &e);
}

/* Opens the store at `path`: no holdout, no cap, a catalogue of one product. */
static inline struct mc_ledger *shop_open(const char *path, bool replayed, const char *vfs) {
    struct mc_ledger *l;
    struct mc_error e = {0};
    struct mc_policy policy;
    struct mc_ledger_options options = {.secret = shop_secret, .vfs = vfs, .cache_kib = 1024};
    struct mc_catalogue_entry entry = {MC_STR("p1"), MC_STR("Soap & <Water>"), MC_STR("https://shop.example/p1.png"),
                                       MC_STR("https://shop.example/p1?a=1&b=2")};
    const char *refused = NULL;
    mc_policy_defaults(&policy);
    policy.holdout_ppm = 0;
    policy.cap_window_us = 0;
    policy.replayed = replayed;
    must(mc_ledger_open(&l, path, MC_LEDGER_WRITE, &options, &e), &e);
    must(mc_ledger_set_policy(l, &policy, &e), &e);
    must(mc_ledger_begin(l, &e), &e);
    must(mc_catalogue_put(l, &entry, &refused, &e), &e);
    must(mc_ledger_commit(l, &e), &e);
    return l;
}

/* Settings without a channel. */
static inline struct mc_mailer_settings shop_settings(void) {
    return (struct mc_mailer_settings){.sender = {.address = "shop@lumen.example",
                                                  .store_name = "Lumen",
                                                  .postal_address = "12 Harbour Street, Dublin",
                                                  .public_url = "https://shop.example/mc",
                                                  .currency = "EUR"},
                                       .templates = "templates"};
}

#endif

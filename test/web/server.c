/* The page on a made-up store: what page_check.mjs and a person with a browser drive. The web module is the real one;
 * the app behind it is not: a few lines that fill a ledger with two days of a small shop, and take orders from stdin:
 *
 *     sale PRODUCT UNITS REVENUE_MINOR    a purchase: ledger, commit, feed
 *     name PRODUCT NAME...                a row of the catalogue
 *     live RATE                           so many random sales a second from now on, 0: none
 *     share NAME / revoke NAME            prints the link's token; revokes it
 *     status VISITS CARTS VALUE_MINOR
 *     many COUNT                          sales of so many products, in one commit
 *     quiet                               no status from now on (a service that hangs)
 *     quit
 *
 * Prints "url URL", "password PASSWORD", "ready"; then "ok" for each order. usage: web_server FOLDER [empty] [PORT]
 */
#include "base/rng.h"
#include "store/access.h"
#include "store/checkpoint.h"
#include "store/people.h"
#include "store/read.h"
#include "web/web.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PRODUCTS = 60, HOURS = 50, SALES_PER_HOUR = 45, CARTS = 160, REJECTS = 140 };

struct service {
    struct mc_ledger *ledger;
    struct mc_access *access;
    struct mc_web *web;
    struct mc_http_server *http;
    struct mc_rng rng;
    __int128 position;
    struct mc_web_status status;
    bool quiet;
    double live;
    int64_t live_at_us;
};

static void check(enum mc_err err, const struct mc_error *e) {
    if (err == MC_OK)
        return;
    fprintf(stderr, "web_server: %s\n", e->text);
    exit(1);
}

/* ---- a made-up shop ---- */

static const char *const kinds[] = {"Lamp",     "Kettle",  "Chair", "Scarf", "Mug",
                                    "Notebook", "Blanket", "Clock", "Vase",  "Basket"};
static const char *const makes[] = {"Oak", "Linen", "Copper", "Stone", "Wool", "Glass"};
static const char *const brands[] = {"Nordlys", "Casa Verde", "Hoshi", "Atelier 9"};
static const char *const categories[] = {"home.light",  "kitchen.kettle", "home.furniture", "apparel.scarf",
                                         "kitchen.mug", "office.paper",   "home.textile",   "home.clock",
                                         "home.decor",  "home.storage"};

static void product_id(char out[16], int i) {
    snprintf(out, 16, "P-%04d", 1000 + i * 7);
}

static int64_t price_of(int i) {
    return 490 + (i * 3767) % 12000;
}

static void put_products(struct service *s, struct mc_error *e) {
    for (int i = 0; i < PRODUCTS; i++) {
        char id[16], name[96];
        const char *refused;
        product_id(id, i);
        snprintf(name, sizeof name, "%s %s", makes[i / 10], kinds[i % 10]);
        struct mc_time at = {MC_DAY_US};
        struct mc_product product = {.product = mc_str_of(id),
                                     .category_code = {mc_str_of(categories[i % 10]), at},
                                     .brand = {mc_str_of(brands[i % 4]), at}};
        struct mc_catalogue_entry entry = {.product = mc_str_of(id), .name = mc_str_of(name)};
        check(mc_product_put(s->ledger, &product, e), e);
        check(mc_catalogue_put(s->ledger, &entry, &refused, e), e);
    }
}

/* More is sold by day; the first products most. */
static void put_history(struct service *s, int64_t now_us, struct mc_error *e) {
    for (int hour = HOURS; hour > 0; hour--) {
        int64_t from = now_us - hour * MC_HOUR_US;
        int64_t of_day = from / MC_HOUR_US % 24;
        int count = of_day < 6   ? SALES_PER_HOUR / 8
                    : of_day < 9 ? SALES_PER_HOUR / 2
                                 : SALES_PER_HOUR + (int)(of_day % 7) * 4;
        for (int i = 0; i < count; i++) {
            char id[16];
            int p = (int)(mc_rng_below(&s->rng, PRODUCTS) * mc_rng_below(&s->rng, PRODUCTS) / PRODUCTS);
            int64_t units = 1 + (int64_t)mc_rng_below(&s->rng, 2),
                    at = from + (int64_t)mc_rng_below(&s->rng, (uint64_t)MC_HOUR_US);
            product_id(id, p);
            check(mc_ledger_put_sale(s->ledger, mc_str_of(id), (struct mc_time){at < now_us ? at : now_us}, units,
                                     units * price_of(p), e),
                  e);
        }
    }
}

static void put_cart(struct service *s, int i, int64_t now_us, struct mc_error *e) {
    static const enum mc_decision engine[] = {MC_PURCHASED, MC_STALE, MC_BELOW_MINIMUM};
    char user[24], session[24], ids[3][16];
    struct mc_cart_item items[3] = {{{0}, 0, 0, 0}};
    int64_t expires = now_us - (CARTS - i) * 9 * MC_MINUTE_US;
    uint32_t count = 1 + (uint32_t)mc_rng_below(&s->rng, 3);
    struct mc_cart cart = {.expires_at = {expires},
                           .last_at = {expires - 30 * MC_MINUTE_US},
                           .first_at = {expires - 48 * MC_MINUTE_US},
                           .opened_at = {expires - 48 * MC_MINUTE_US},
                           .first_cart_at = {expires - 40 * MC_MINUTE_US},
                           .decision = MC_UNDECIDED,
                           .item_count = count,
                           .items = items};
    snprintf(user, sizeof user, "customer-%d", i);
    snprintf(session, sizeof session, "visit-%d", i);
    cart.user = mc_str_of(user);
    cart.session = mc_str_of(session);
    for (uint32_t k = 0; k < count; k++) {
        int p = (int)((uint32_t)i % 10 + k * 11);
        product_id(ids[k], p);
        items[k] = (struct mc_cart_item){mc_str_of(ids[k]), 0, 1 + (int64_t)k, price_of(p)};
        cart.value += (__int128)items[k].quantity * items[k].price;
    }
    if (mc_rng_below(&s->rng, 6) == 0)
        cart.decision = engine[mc_rng_below(&s->rng, 3)];
    check(mc_ledger_end_cart(s->ledger, &cart, NULL, e), e);
}

static void put_subscribers(struct service *s, struct mc_error *e) {
    for (int i = 0; i < CARTS; i++) {
        char user[24], email[48];
        const char *refused;
        snprintf(user, sizeof user, "customer-%d", i);
        snprintf(email, sizeof email, "customer-%d@example.com", i);
        struct mc_subscriber subscriber = {.user = mc_str_of(user),
                                           .email = mc_str_of(i % 5 == 0 ? "" : email),
                                           .consent = i % 7 == 0 ? MC_CONSENT_UNKNOWN : MC_CONSENT_YES};
        check(mc_subscriber_put(s->ledger, &subscriber, &refused, e), e);
    }
}

static void send_messages(struct service *s, struct mc_error *e) {
    int64_t ids[CARTS];
    size_t count;
    check(mc_outbox_due(s->ledger, false, (struct mc_wall){INT64_MAX}, 0, ids, CARTS, &count, e), e);
    for (size_t i = 0; i < count; i++) {
        bool go, found;
        struct mc_message message = {0};
        check(mc_message_load(s->ledger, ids[i], &found, &message, e), e);
        int64_t late_us = (int64_t)mc_rng_below(&s->rng, 400000) + (i % 37 == 0 ? 2 * MC_SECOND_US : 0);
        check(mc_outbox_begin_sending(s->ledger, ids[i], false, &go, e), e);
        if (go && i % 29 == 28)
            check(mc_outbox_bounced(s->ledger, ids[i], (struct mc_wall){message.due_at.us + late_us},
                                    MC_STR("550 no such user"), e),
                  e);
        else if (go)
            check(mc_outbox_sent(s->ledger, ids[i], (struct mc_wall){message.due_at.us + late_us}, MC_STR("250 ok"), e),
                  e);
        mc_message_free(&message);
    }
}

static void put_carts(struct service *s, int64_t now_us, struct mc_error *e) {
    put_subscribers(s, e);
    for (int i = 0; i < CARTS; i++) {
        put_cart(s, i, now_us, e);
        check(mc_ledger_advance(s->ledger, (struct mc_time){now_us - (CARTS - i) * 9 * MC_MINUTE_US}, e), e);
    }
    send_messages(s, e);
    for (int i = 0; i < CARTS; i += 6) { /* some come back */
        char user[24], id[16];
        snprintf(user, sizeof user, "customer-%d", i);
        product_id(id, i % 10);
        int64_t at = now_us - (CARTS - i) * 9 * MC_MINUTE_US + 40 * MC_MINUTE_US;
        struct mc_purchase p = {.user = mc_str_of(user),
                                .product = mc_str_of(id),
                                .user_hash = mc_hash64(user, strlen(user)),
                                .time = {at},
                                .clock = {at},
                                .quantity = 1,
                                .price = price_of(i % 10)};
        check(mc_ledger_put_purchase(s->ledger, &p, e), e);
    }
}

static void put_rejects(struct service *s, int64_t now_us, struct mc_error *e) {
    static const enum mc_reason reasons[] = {MC_NEGATIVE_PRICE, MC_NEGATIVE_PRICE, MC_NEGATIVE_PRICE, MC_BAD_TIME,
                                             MC_MISSING_USER,   MC_MALFORMED_ROW,  MC_DUPLICATE,      MC_UNKNOWN_TYPE};
    struct mc_source shop, feed;
    check(mc_source_add(s->ledger, MC_STR("browser: shop page"), MC_STR(""), -1, (struct mc_wall){now_us}, &shop, e),
          e);
    check(mc_source_add(s->ledger, MC_STR("server: till 4"), MC_STR(""), -1, (struct mc_wall){now_us}, &feed, e), e);
    for (int i = 0; i < REJECTS; i++) {
        char raw[200];
        enum mc_reason reason = reasons[mc_rng_below(&s->rng, sizeof reasons / sizeof reasons[0])];
        snprintf(raw, sizeof raw,
                 "{\"event_type\":\"cart\",\"product_id\":\"P-%d\",\"price\":\"-%d.99\",\"user_id\":\"u%d\",\"note\":"
                 "\"<script>alert(1)</script>\"}",
                 1000 + i, i, i);
        struct mc_reject reject = {.source = i % 3 == 0 ? feed.id : shop.id,
                                   .byte_offset = i * 200,
                                   .row = i,
                                   .reason = reason,
                                   .raw = mc_str_of(raw),
                                   .arrived_at = {now_us - (REJECTS - i) * 40 * MC_SECOND_US}};
        check(mc_ledger_put_reject(s->ledger, &reject, e), e);
    }
}

static void commit(struct service *s, struct mc_error *e) {
    s->position++;
    check(mc_counter_set(s->ledger, "log.position", s->position, e), e);
    check(mc_ledger_commit(s->ledger, e), e);
    if (s->web != NULL)
        mc_feed_commit(mc_web_feed(s->web), (int64_t)s->position);
}

static void fill(struct service *s, struct mc_error *e) {
    int64_t now_us = mc_wall_now().us;
    check(mc_ledger_begin(s->ledger, e), e);
    put_products(s, e);
    put_history(s, now_us, e);
    put_carts(s, now_us, e);
    put_rejects(s, now_us, e);
    check(mc_ledger_advance(s->ledger, (struct mc_time){now_us}, e), e);
    commit(s, e);
}

/* ---- live ---- */

static void sell(struct service *s, const char *product, int64_t units, int64_t revenue) {
    struct mc_wall now = mc_wall_now();
    struct mc_feed_sale sale = {mc_str_of(product), units, revenue, {now.us}, now};
    struct mc_error e;
    check(mc_ledger_begin(s->ledger, &e), &e);
    check(mc_ledger_put_sale(s->ledger, sale.product, sale.at, units, revenue, &e), &e);
    mc_feed_add(mc_web_feed(s->web), &sale);
    commit(s, &e);
    s->status.events++;
    s->status.last_event_at = now;
    s->status.sale.count++;
}

static void sell_many(struct service *s, int count) {
    struct mc_wall now = mc_wall_now();
    struct mc_error e;
    check(mc_ledger_begin(s->ledger, &e), &e);
    for (int i = 0; i < count; i++) {
        char id[24];
        snprintf(id, sizeof id, "bulk-%05d", i);
        struct mc_feed_sale sale = {mc_str_of(id), 1, 100 + i, {now.us}, now};
        check(mc_ledger_put_sale(s->ledger, sale.product, sale.at, 1, 100 + i, &e), &e);
        mc_feed_add(mc_web_feed(s->web), &sale);
    }
    commit(s, &e);
    s->status.events += (uint64_t)count;
    s->status.last_event_at = now;
}

static void sell_some(struct service *s, int64_t now_us) {
    for (; s->live > 0 && s->live_at_us <= now_us; s->live_at_us += (int64_t)(1e6 / s->live)) {
        char id[16];
        int p = (int)(mc_rng_below(&s->rng, PRODUCTS) * mc_rng_below(&s->rng, PRODUCTS) / PRODUCTS);
        product_id(id, p);
        sell(s, id, 1, price_of(p));
    }
}

static void report_status(struct service *s, struct mc_wall now) {
    struct mc_report report;
    struct mc_error e;
    static int64_t last_us;
    if (s->quiet || now.us - last_us < MC_SECOND_US)
        return;
    last_us = now.us;
    check(mc_report_read(s->ledger, &report, &e), &e);
    s->status.clock = (struct mc_time){now.us};
    for (int i = 0; i < MC_MESSAGE_STATES; i++)
        s->status.messages[i] = report.messages[i];
    s->status.rejected = 0;
    for (int i = 1; i < MC_REASONS; i++)
        s->status.rejected += report.rejects[i];
    mc_web_set_status(s->web, &s->status, now);
}

static void order_share(struct service *s, char *name, bool revoke) {
    char secret[MC_SECRET_CHARS + 1] = "";
    struct mc_error e;
    enum mc_err err = revoke
                          ? mc_share_revoke(s->access, mc_str_of(name), mc_wall_now(), &e)
                          : mc_share_create(s->access, mc_str_of(name), (struct mc_wall){0}, mc_wall_now(), secret, &e);
    check(err, &e);
    printf("ok %s\n", secret);
}

static bool obey(struct service *s, char *line) {
    char text[300];
    long long a, b, c;
    struct mc_error e;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "sale %255s %lld %lld", text, &a, &b) == 3)
        sell(s, text, a, b);
    else if (strncmp(line, "name ", 5) == 0) {
        char *id = strtok(line + 5, " "), *name = strtok(NULL, "");
        const char *refused;
        struct mc_catalogue_entry entry = {.product = mc_str_of(id), .name = mc_str_of(name)};
        check(mc_ledger_begin(s->ledger, &e), &e);
        check(mc_catalogue_put(s->ledger, &entry, &refused, &e), &e);
        commit(s, &e);
    } else if (sscanf(line, "live %lld", &a) == 1) {
        s->live = (double)a;
        s->live_at_us = mc_wall_now().us;
    } else if (strncmp(line, "share ", 6) == 0) {
        order_share(s, line + 6, false);
        return true;
    } else if (strncmp(line, "revoke ", 7) == 0) {
        order_share(s, line + 7, true);
        return true;
    } else if (sscanf(line, "status %lld %lld %lld", &a, &b, &c) == 3) {
        s->status.open_visits = a;
        s->status.open_carts = b;
        s->status.open_cart_value = c;
    } else if (sscanf(line, "many %lld", &a) == 1)
        sell_many(s, (int)a);
    else if (strcmp(line, "quiet") == 0)
        s->quiet = true;
    else if (strcmp(line, "quit") == 0)
        return false;
    puts("ok");
    return true;
}

static void *worker(void *web) {
    while (mc_web_work(web)) {
    }
    return NULL;
}

/* ---- an intake that writes down what it gets ---- */

static struct mc_submission *acquire(void *context) {
    (void)context;
    return calloc(1, sizeof(struct mc_submission));
}

static void submit(void *context, struct mc_submission *submission) {
    (void)context;
    printf("entry %d ", (int)submission->kind);
    if (memchr(submission->body.data, '@', submission->body.len) != NULL)
        printf("%.*s\n", (int)submission->body.len, submission->body.data);
    else
        printf("%d\n", submission->body.data[0]);
    submission->done(submission->context, MC_OK);
    free(submission);
}

static void release(void *context, struct mc_submission *submission) {
    (void)context;
    free(submission);
}

static void print_links(struct service *s, const struct mc_link_key *key) {
    struct mc_buf b = {0};
    uint8_t room[MC_LINK_MESSAGE_BYTES];
    int64_t now = mc_wall_now().us;
    struct mc_link links[] = {
        {MC_LINK_RESTORE, {now + MC_DAY_US}, mc_link_message_encode(1, room)},
        {MC_LINK_CLICK, {now + MC_DAY_US}, mc_link_message_encode(1, room)},
        {MC_LINK_UNSUBSCRIBE, {MC_TIME_NONE_US}, MC_STR("customer-1@example.com")},
        {MC_LINK_RESTORE, {now - MC_DAY_US}, mc_link_message_encode(1, room)},
    };
    static const char *const names[] = {"restore", "click", "unsubscribe", "expired"};
    for (size_t i = 0; i < 4; i++) {
        b.len = 0;
        mc_link_url(&b, key, mc_str_of(mc_http_url(s->http)), &links[i]);
        printf("link %s %s\n", names[i], mc_buf_cstr(&b));
    }
    mc_buf_free(&b);
}

int main(int argc, char **argv) {
    static struct service s = {.status.clock = {MC_TIME_NONE_US}};
    static char store[512], spool[512], listen_on[64];
    static struct mc_link_key key;
    struct mc_http_route routes[MC_WEB_ROUTES_MAX];
    struct mc_error e = {0};
    pthread_t workers[2];
    uint8_t secret[MC_SECRET_BYTES];
    bool empty = argc > 2 && strcmp(argv[2], "empty") == 0;
    const char *port = argc > 2 + empty ? argv[2 + empty] : "0";
    if (argc < 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* so that poll knows of every line */
    signal(SIGPIPE, SIG_IGN);
    snprintf(store, sizeof store, "%s/store.db", argv[1]);
    snprintf(spool, sizeof spool, "%s/spool", argv[1]);
    snprintf(listen_on, sizeof listen_on, "127.0.0.1:%s", port);
    mc_rng_seed(&s.rng, 7);
    struct mc_policy policy;
    mc_policy_defaults(&policy);
    policy.holdout_ppm = 100000;
    check(mc_ledger_open(&s.ledger, store, MC_LEDGER_WRITE, NULL, &e), &e);
    check(mc_ledger_set_policy(s.ledger, &policy, &e), &e);
    check(mc_access_open(&s.access, store, &e), &e);
    if (!mc_password_is_set(s.access)) /* setting it ends all sessions */
        check(mc_password_set(s.access, MC_STR("open-sesame-1"), &e), &e);
    check(mc_counter_get(s.ledger, "log.position", &s.position, &e), &e);
    if (!empty && s.position == 0)
        fill(&s, &e);
    mc_ledger_key(s.ledger, "links", secret);
    mc_link_key_derive(&key, secret);
    struct mc_web_settings settings = {.store = store,
                                       .access = s.access,
                                       .intake = {NULL, acquire, submit, release},
                                       .link_key = &key,
                                       .store_name = "Harbour & Pine",
                                       .currency = "EUR",
                                       .time_zone = "Europe/Berlin",
                                       .cart_address = "https://shop.example/cart?items={items}&coupon={coupon}",
                                       .spool_inbox = spool,
                                       .promise_us = 180 * MC_SECOND_US};
    check(mc_web_open(&s.web, &settings, &e), &e);
    struct mc_http_settings http = {.listen = listen_on,
                                    .threads = 2,
                                    .routes = routes,
                                    .route_count = mc_web_routes(s.web, routes, MC_WEB_ROUTES_MAX)};
    check(mc_http_open(&s.http, &http, &e), &e);
    for (int i = 0; i < 2; i++)
        pthread_create(&workers[i], NULL, worker, s.web);
    s.status.open_visits = empty ? 0 : 214;
    s.status.open_carts = empty ? 0 : 61;
    s.status.open_cart_value = empty ? 0 : 512345;
    s.status.events = empty ? 0 : 20412;
    s.status.last_event_at.us = empty ? 0 : mc_wall_now().us;
    s.status.sale = (struct mc_web_delay){empty ? 0 : 2400, 61000, 122000, 310000};
    s.status.offer = (struct mc_web_delay){empty ? 0 : 96, 210000, 480000, 2300000};
    printf("url %s\npassword open-sesame-1\n", mc_http_url(s.http));
    print_links(&s, &key);
    puts("ready");
    for (bool running = true; running;) {
        struct pollfd in = {.fd = 0, .events = POLLIN};
        char line[512];
        poll(&in, 1, 50);
        if ((in.revents & (POLLIN | POLLHUP)) != 0)
            running = fgets(line, sizeof line, stdin) != NULL && obey(&s, line);
        struct mc_wall now = mc_wall_now();
        sell_some(&s, now.us);
        report_status(&s, now);
        mc_feed_flush(mc_web_feed(s.web), now);
    }
    mc_http_stop_accepting(s.http);
    mc_web_stop(s.web);
    for (int i = 0; i < 2; i++)
        pthread_join(workers[i], NULL);
    mc_http_close(&s.http);
    mc_web_close(&s.web);
    mc_access_close(&s.access);
    mc_ledger_close(&s.ledger);
    return 0;
}

/* Listings of what people imported: subscribers, catalogue, coupons. */
#include "store/internal.h"
#include "store/page.h"

/* One id, or all: then the upper bound is a blob, which SQLite sorts behind every text. The first page includes its
 * lower bound, the others begin behind it. */
static void range_bind(sqlite3_stmt *s, const struct mc_cell *after, struct mc_str only) {
    mc_bind_str(s, 1, after[0].text);
    if (only.len > 0)
        mc_bind_str(s, 2, only);
    else
        sqlite3_bind_zeroblob(s, 2, 0);
    sqlite3_bind_int(s, 3, after[0].null);
}

/* `null` marks that nothing was read yet. */
#define FROM(only)                                                                                                     \
    {                                                                                                                  \
        { .null = true, .text = (only) }                                                                               \
    }

static bool under_limit(const struct mc_filter *f, uint64_t *given) {
    return ++*given != f->limit;
}

/* ---- subscribers ---- */

static void subscribers_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    range_bind(s, after, ((const struct mc_filter *)filter)->user);
}

struct subscribers {
    const struct mc_filter *filter;
    bool (*take)(void *context, const struct mc_subscriber *subscriber);
    void *context;
    uint64_t given;
};

static bool give_subscriber(void *context, struct mc_page *page, const struct mc_cell *c) {
    struct subscribers *s = context;
    struct mc_subscriber subscriber = {.user = c[0].text,
                                       .email = c[1].text,
                                       .first_name = c[2].text,
                                       .consent = (enum mc_consent)c[3].number,
                                       .language = c[4].text,
                                       .time_zone = c[5].text};
    (void)page;
    return s->take(s->context, &subscriber) && under_limit(s->filter, &s->given);
}

enum mc_err mc_read_subscribers(struct mc_ledger *l, const struct mc_filter *filter,
                                bool (*take)(void *context, const struct mc_subscriber *subscriber), void *context,
                                struct mc_error *e) {
    struct mc_paged listing = {MC_SQL_SUBSCRIBER_NEXT, 1, subscribers_bind, NULL, filter};
    struct mc_cell start[MC_PAGE_COLUMNS_MAX] = FROM(filter->user);
    struct subscribers s = {filter, take, context, 0};
    return mc_page_each(l, &listing, start, give_subscriber, &s, e);
}

/* ---- catalogue ---- */

static void catalogue_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    range_bind(s, after, ((const struct mc_filter *)filter)->product);
}

struct catalogue {
    const struct mc_filter *filter;
    bool (*take)(void *context, const struct mc_catalogue_entry *entry);
    void *context;
    uint64_t given;
};

static bool give_entry(void *context, struct mc_page *page, const struct mc_cell *c) {
    struct catalogue *s = context;
    struct mc_catalogue_entry entry = {c[0].text, c[1].text, c[2].text, c[3].text};
    (void)page;
    return s->take(s->context, &entry) && under_limit(s->filter, &s->given);
}

enum mc_err mc_read_catalogue(struct mc_ledger *l, const struct mc_filter *filter,
                              bool (*take)(void *context, const struct mc_catalogue_entry *entry), void *context,
                              struct mc_error *e) {
    struct mc_paged listing = {MC_SQL_CATALOGUE_NEXT, 1, catalogue_bind, NULL, filter};
    struct mc_cell start[MC_PAGE_COLUMNS_MAX] = FROM(filter->product);
    struct catalogue c = {filter, take, context, 0};
    return mc_page_each(l, &listing, start, give_entry, &c, e);
}

/* ---- coupons ---- */

static void coupons_bind(sqlite3_stmt *s, const struct mc_cell *after, const void *filter) {
    (void)filter;
    sqlite3_bind_int64(s, 1, after[0].number);
}

struct coupons {
    const struct mc_filter *filter;
    bool (*take)(void *context, const struct mc_stored_coupon *coupon);
    void *context;
    uint64_t given;
};

static bool give_coupon(void *context, struct mc_page *page, const struct mc_cell *c) {
    struct coupons *s = context;
    struct mc_stored_coupon coupon = {.code = c[1].text,
                                      .campaign = c[2].text,
                                      .expires_at = {c[3].number == INT64_MAX ? MC_TIME_NONE_US : c[3].number},
                                      .taken = !c[4].null,
                                      .message = c[4].number,
                                      .user = c[5].text};
    (void)page;
    if (s->filter->user.len > 0 && !mc_str_equal(s->filter->user, coupon.user))
        return true;
    return s->take(s->context, &coupon) && under_limit(s->filter, &s->given);
}

enum mc_err mc_read_coupons(struct mc_ledger *l, const struct mc_filter *filter,
                            bool (*take)(void *context, const struct mc_stored_coupon *coupon), void *context,
                            struct mc_error *e) {
    static const struct mc_cell start[MC_PAGE_COLUMNS_MAX] = {{0}};
    struct mc_paged listing = {MC_SQL_COUPON_AFTER, 1, coupons_bind, NULL, filter};
    struct coupons c = {filter, take, context, 0};
    return mc_page_each(l, &listing, start, give_coupon, &c, e);
}

#include "app/people_lists.h"

#include "store/people.h"

static void text_or_null(struct mc_printout *rows, struct mc_str text) {
    if (text.len > 0)
        mc_printout_text(rows, text);
    else
        mc_printout_null(rows);
}

/* ---- subscribers ---- */

static const struct mc_list_column subscriber_columns[] = {
    {"user_id", "CUSTOMER", MC_CELL_TEXT},
    {"email", "E-MAIL", MC_CELL_TEXT},
    {"first_name", "NAME", MC_CELL_TEXT},
    {"consent", "CONSENT", MC_CELL_TEXT},
    {"language", "LANGUAGE", MC_CELL_TEXT},
    {"time_zone", "TIME ZONE", MC_CELL_TEXT},
    {0},
};

/* As the import reads them: --csv of this list can be imported again. */
static struct mc_str consent_word(enum mc_consent consent) {
    return consent == MC_CONSENT_YES ? MC_STR("yes") : consent == MC_CONSENT_NO ? MC_STR("no") : MC_STR("unknown");
}

static bool take_subscriber(void *context, const struct mc_subscriber *s) {
    struct mc_listing *l = context;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_text(&l->rows, s->user);
    text_or_null(&l->rows, s->email);
    text_or_null(&l->rows, s->first_name);
    mc_printout_text(&l->rows, consent_word(s->consent));
    text_or_null(&l->rows, s->language);
    text_or_null(&l->rows, s->time_zone);
    return true;
}

enum mc_err mc_list_subscribers(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e) {
    struct mc_listing l = {0};
    enum mc_err err = mc_listing_open(&l, run, query, subscriber_columns, e);
    if (err == MC_OK)
        err = mc_read_subscribers(l.ledger, &l.filter, take_subscriber, &l, e);
    return mc_listing_close(&l, err);
}

/* ---- catalogue ---- */

static const struct mc_list_column catalogue_columns[] = {
    {"product_id", "PRODUCT", MC_CELL_TEXT},
    {"name", "NAME", MC_CELL_TEXT},
    {"image_url", NULL, MC_CELL_TEXT},
    {"url", "PAGE", MC_CELL_TEXT},
    {0},
};

static bool take_entry(void *context, const struct mc_catalogue_entry *entry) {
    struct mc_listing *l = context;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_text(&l->rows, entry->product);
    text_or_null(&l->rows, entry->name);
    text_or_null(&l->rows, entry->image_url);
    text_or_null(&l->rows, entry->url);
    return true;
}

enum mc_err mc_list_catalogue(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e) {
    struct mc_listing l = {0};
    enum mc_err err = mc_listing_open(&l, run, query, catalogue_columns, e);
    if (err == MC_OK)
        err = mc_read_catalogue(l.ledger, &l.filter, take_entry, &l, e);
    return mc_listing_close(&l, err);
}

/* ---- coupons ---- */

static const struct mc_list_column coupon_columns[] = {
    {"code", "CODE", MC_CELL_TEXT}, {"expires_at", "EXPIRES", MC_CELL_TIME}, {"campaign", "CAMPAIGN", MC_CELL_TEXT},
    {"given", NULL, MC_CELL_JSON},  {"user_id", "GIVEN TO", MC_CELL_TEXT},   {0},
};

static bool take_coupon(void *context, const struct mc_stored_coupon *c) {
    struct mc_listing *l = context;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_text(&l->rows, c->code);
    mc_printout_time(&l->rows, c->expires_at.us);
    text_or_null(&l->rows, c->campaign);
    mc_printout_text(&l->rows, c->taken ? MC_STR("true") : MC_STR("false"));
    text_or_null(&l->rows, c->user);
    return true;
}

enum mc_err mc_list_coupons(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e) {
    struct mc_listing l = {0};
    enum mc_err err = mc_listing_open(&l, run, query, coupon_columns, e);
    if (err == MC_OK)
        err = mc_read_coupons(l.ledger, &l.filter, take_coupon, &l, e);
    return mc_listing_close(&l, err);
}

/* Abandoned carts, newest first, and one cart's story. */
#include "store/outbox.h"
#include "web/put.h"

enum { ROWS_SHOWN = 100, ROWS_MAX = 1000, CSV_ROWS_MAX = 50000 };

/* Columns of CARTS and CART. */
enum {
    C_EXPIRES,
    C_USER,
    C_SESSION,
    C_OPENED,
    C_DECISION,
    C_VALUE,
    C_ITEMS,
    C_MESSAGE,
    C_STATE,
    C_WITHHELD,
    C_DUE,
    C_HANDED,
    C_RECOVERED_AT,
    C_RECOVERED,
    C_CLICKED,
    C_REPLAYED,
    C_FIRST,
    C_LAST,
    C_FIRST_CART,
    C_OFFER_KIND,
    C_OFFER_VALUE,
    C_COUPON,
    C_ATTEMPTS,
    C_NEXT,
    C_NOTE,
    C_MESSAGE_ID
};

/* ---- the place in a listing: "EXPIRES.OPENED.LENGTH.USERSESSION" ---- */

struct place {
    int64_t expires_us, opened_us;
    struct mc_str user, session;
};

static void put_place(struct mc_buf *b, sqlite3_stmt *s) {
    struct mc_buf text = {0};
    struct mc_str user = mc_rows_str(s, C_USER);
    mc_buf_printf(&text, "%lld.%lld.%zu.", (long long)mc_rows_int(s, C_EXPIRES, 0),
                  (long long)mc_rows_int(s, C_OPENED, 0), user.len);
    mc_buf_str(&text, user);
    mc_buf_str(&text, mc_rows_str(s, C_SESSION));
    mc_buf_json(b, mc_buf_view(&text));
    b->failed = b->failed || text.failed;
    mc_buf_free(&text);
}

static bool take_number(struct mc_str *text, int64_t *out) {
    size_t i = 0;
    *out = 0;
    for (; i < text->len && i < 18 && text->data[i] >= '0' && text->data[i] <= '9'; i++)
        *out = *out * 10 + (text->data[i] - '0');
    bool good = i > 0 && i < text->len && text->data[i] == '.';
    text->data += good ? i + 1 : 0;
    text->len -= good ? i + 1 : 0;
    return good;
}

static bool place_of(struct mc_str text, struct place *out) {
    int64_t len;
    if (!take_number(&text, &out->expires_us) || !take_number(&text, &out->opened_us) || !take_number(&text, &len) ||
        (size_t)len > text.len)
        return false;
    out->user = (struct mc_str){text.data, (size_t)len};
    out->session = (struct mc_str){text.data + len, text.len - (size_t)len};
    return true;
}

/* ---- the list of carts ---- */

struct listing {
    struct place before;
    int64_t since_us, limit;
    int decision, state;
    char q[MC_WEB_SEARCH_MAX + 1]; /* lower case */
};

static bool listing_arguments(struct mc_web_request *r, struct listing *l, int64_t rows, int64_t rows_max) {
    *l = (struct listing){.before = {INT64_MAX, 0, {0}, {0}}, .limit = rows};
    struct mc_str before = mc_http_query(r->http, "before");
    if (!mc_web_arg_time(r, "since", INT64_MIN, &l->since_us) ||
        !mc_web_arg_int(r, "limit", 1, rows_max, rows, &l->limit) ||
        !mc_web_arg_choice(r, "decision", mc_decision_names, MC_UNDECIDED, &l->decision) ||
        !mc_web_arg_choice(r, "state", mc_message_state_names, MC_MESSAGE_STATES, &l->state) ||
        !mc_web_arg_search(r, l->q))
        return false;
    if (before.len > 0 && !place_of(before, &l->before)) {
        mc_http_answer_error(r->http, 400, "bad_argument", "before must be the next of an earlier answer.");
        return false;
    }
    return true;
}

static sqlite3_stmt *carts_begin(struct mc_web_request *r, const struct listing *l, struct mc_error *e) {
    if (mc_rows_begin(r->rows, MC_WEB_READ_MS, e) != MC_OK)
        return NULL;
    sqlite3_stmt *s = mc_rows_get(r->rows, MC_ROWS_CARTS, e);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, l->before.expires_us);
    mc_rows_bind(s, 2, l->before.user);
    mc_rows_bind(s, 3, l->before.session);
    sqlite3_bind_int64(s, 4, l->before.opened_us);
    sqlite3_bind_int64(s, 5, l->since_us);
    sqlite3_bind_int(s, 6, l->decision);
    mc_rows_bind(s, 7, mc_str_of(l->q));
    sqlite3_bind_int64(s, 8, l->limit);
    return s;
}

static void put_cart(struct mc_buf *b, sqlite3_stmt *s) {
    mc_buf_text(b, "{\"user_id\":");
    mc_buf_json(b, mc_rows_str(s, C_USER));
    mc_put_text(b, "user_session", mc_rows_str(s, C_SESSION));
    mc_put_time(b, "opened_at", s, C_OPENED);
    mc_put_time(b, "expires_at", s, C_EXPIRES);
    mc_put_exact(b, "value_minor", mc_rows_int128(s, C_VALUE));
    mc_buf_printf(b, ",\"decision\":\"%s\"",
                  mc_name_of(mc_decision_names, MC_DECISIONS, mc_rows_int(s, C_DECISION, -1)));
    mc_buf_text(b, ",\"items\":"); /* [["product",quantity,price_minor],...] as stored */
    mc_buf_str(b, mc_rows_str(s, C_ITEMS));
    if (sqlite3_column_type(s, C_MESSAGE) != SQLITE_NULL) {
        mc_buf_printf(b, ",\"message\":%lld,\"state\":\"%s\",\"withheld\":\"%s\",\"replayed\":%s",
                      (long long)mc_rows_int(s, C_MESSAGE, 0),
                      mc_name_of(mc_message_state_names, MC_MESSAGE_STATES, mc_rows_int(s, C_STATE, -1)),
                      mc_withheld_of(s, C_WITHHELD), mc_rows_int(s, C_REPLAYED, 0) != 0 ? "true" : "false");
        mc_put_time(b, "due_at", s, C_DUE);
        mc_put_time(b, "handed_at", s, C_HANDED);
        mc_put_time(b, "clicked_at", s, C_CLICKED);
        mc_put_time(b, "recovered_at", s, C_RECOVERED_AT);
        mc_put_exact(b, "recovered_minor", mc_rows_int128(s, C_RECOVERED));
    }
}

void mc_api_carts(struct mc_web_request *r) {
    struct listing l;
    struct mc_error e = {0};
    struct mc_buf json = {0}, next = {0};
    if (!listing_arguments(r, &l, ROWS_SHOWN, ROWS_MAX))
        return;
    sqlite3_stmt *s = carts_begin(r, &l, &e);
    enum mc_err err = s != NULL ? MC_OK : e.code;
    bool row = true;
    int64_t count = 0;
    mc_buf_text(&json, "{\"carts\":[");
    while (err == MC_OK && (err = mc_rows_step(r->rows, s, &row, &e)) == MC_OK && row) {
        mc_buf_text(&json, count++ > 0 ? ",\n" : "");
        put_cart(&json, s);
        mc_buf_char(&json, '}');
        next.len = 0;
        if (count == l.limit)
            put_place(&next, s);
    }
    mc_rows_end(r->rows);
    mc_buf_text(&json, "],\"next\":");
    if (next.len > 0)
        mc_buf_str(&json, mc_buf_view(&next));
    else
        mc_buf_text(&json, "null");
    mc_buf_text(&json, "}\n");
    if (err == MC_OK)
        mc_web_answer_json(r, &json);
    else
        mc_web_answer_failure(r, err, &e);
    mc_buf_free(&json);
    mc_buf_free(&next);
}

static void put_cart_row(struct mc_buf *b, sqlite3_stmt *s) {
    mc_csv_time(b, s, C_EXPIRES);
    mc_csv_cell(b, mc_rows_str(s, C_USER));
    mc_buf_char(b, ',');
    mc_csv_cell(b, mc_rows_str(s, C_SESSION));
    mc_buf_char(b, ',');
    mc_csv_money(b, mc_rows_int128(s, C_VALUE));
    mc_buf_printf(b, ",%s,", mc_name_of(mc_decision_names, MC_DECISIONS, mc_rows_int(s, C_DECISION, -1)));
    mc_buf_printf(b, "%s,%s,", mc_name_of(mc_message_state_names, MC_MESSAGE_STATES, mc_rows_int(s, C_STATE, -1)),
                  mc_withheld_of(s, C_WITHHELD));
    mc_csv_time(b, s, C_HANDED);
    mc_csv_time(b, s, C_CLICKED);
    mc_csv_time(b, s, C_RECOVERED_AT);
    if (sqlite3_column_type(s, C_RECOVERED) != SQLITE_NULL)
        mc_csv_money(b, mc_rows_int128(s, C_RECOVERED));
    mc_buf_text(b, "\r\n");
}

void mc_api_carts_csv(struct mc_web_request *r) {
    struct listing l;
    struct mc_error e = {0};
    struct mc_buf csv = {0};
    if (!listing_arguments(r, &l, CSV_ROWS_MAX, CSV_ROWS_MAX))
        return;
    sqlite3_stmt *s = carts_begin(r, &l, &e);
    enum mc_err err = s != NULL ? MC_OK : e.code;
    bool row = true;
    mc_buf_text(&csv, "expired_utc,user_id,user_session,value,decision,message,withheld,handed_over_utc,clicked_utc,"
                      "recovered_utc,recovered\r\n");
    while (err == MC_OK && (err = mc_rows_step(r->rows, s, &row, &e)) == MC_OK && row)
        put_cart_row(&csv, s);
    mc_rows_end(r->rows);
    mc_csv_answer(r, "carts.csv", &csv, err, &e);
}

/* ---- one cart's story ---- */

static void put_names(struct mc_buf *b, const struct mc_message *m) {
    mc_buf_text(b, ",\"names\":{");
    for (uint32_t i = 0; i < m->cart.item_count; i++) {
        mc_buf_text(b, i > 0 ? "," : "");
        mc_buf_json(b, m->cart.items[i].product);
        mc_buf_char(b, ':');
        mc_buf_json(b, m->items[i].name);
    }
    mc_buf_char(b, '}');
}

static void put_story(struct mc_buf *b, sqlite3_stmt *s, bool all) {
    put_cart(b, s);
    mc_put_time(b, "first_at", s, C_FIRST);
    mc_put_time(b, "last_at", s, C_LAST);
    mc_put_time(b, "first_cart_at", s, C_FIRST_CART);
    if (sqlite3_column_type(s, C_MESSAGE) == SQLITE_NULL)
        return;
    mc_buf_printf(b, ",\"offer\":\"%s\",\"offer_value\":%lld,\"attempts\":%lld",
                  mc_name_of(mc_offer_kind_names, MC_OFFER_KINDS, mc_rows_int(s, C_OFFER_KIND, -1)),
                  (long long)mc_rows_int(s, C_OFFER_VALUE, 0), (long long)mc_rows_int(s, C_ATTEMPTS, 0));
    mc_put_time(b, "next_at", s, C_NEXT);
    if (!all)
        return;
    mc_put_text(b, "coupon", mc_rows_str(s, C_COUPON));
    mc_put_text(b, "note", mc_rows_str(s, C_NOTE));
    struct mc_str id = mc_rows_str(s, C_MESSAGE_ID);
    mc_buf_text(b, ",\"message_id\":\"");
    for (size_t i = 0; i < id.len; i++)
        mc_buf_printf(b, "%02x", (unsigned)(unsigned char)id.data[i]);
    mc_buf_char(b, '"');
}

static enum mc_err story_read(struct mc_web_request *r, const struct place *place, struct mc_buf *json, bool *found,
                              struct mc_error *e) {
    enum mc_err err = mc_rows_begin(r->rows, MC_WEB_READ_MS, e);
    sqlite3_stmt *s = err == MC_OK ? mc_rows_get(r->rows, MC_ROWS_CART, e) : NULL;
    *found = false;
    if (s == NULL)
        return err != MC_OK ? err : MC_ERR_IO;
    sqlite3_bind_int64(s, 1, place->expires_us);
    mc_rows_bind(s, 2, place->user);
    mc_rows_bind(s, 3, place->session);
    sqlite3_bind_int64(s, 4, place->opened_us);
    err = mc_rows_step(r->rows, s, found, e);
    if (err == MC_OK && *found)
        put_story(json, s, r->viewer.kind == MC_VIEWER_ADMIN);
    return err;
}

void mc_api_cart(struct mc_web_request *r) {
    struct place place = {.user = mc_http_query(r->http, "user_id"), .session = mc_http_query(r->http, "user_session")};
    struct mc_error e = {0};
    struct mc_buf json = {0};
    struct mc_message message = {0};
    bool found = false, known = false;
    if (!mc_web_arg_time(r, "expires_at", 0, &place.expires_us) ||
        !mc_web_arg_time(r, "opened_at", 0, &place.opened_us))
        return;
    enum mc_err err = story_read(r, &place, &json, &found, &e);
    mc_rows_end(r->rows);
    if (err == MC_OK && found)
        err = mc_message_preview(mc_rows_ledger(r->rows), place.user, place.session, (struct mc_time){place.opened_us},
                                 &known, &message, &e);
    if (err == MC_OK && known)
        put_names(&json, &message);
    mc_buf_text(&json, "}\n");
    if (err != MC_OK)
        mc_web_answer_failure(r, err, &e);
    else if (!found)
        mc_http_answer_error(r->http, 404, "not_found", "There is no such cart.");
    else
        mc_web_answer_json(r, &json);
    mc_message_free(&message);
    mc_buf_free(&json);
}

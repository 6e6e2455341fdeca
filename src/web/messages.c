/* Messages of the outbox, newest first. */
#include "store/outbox.h"
#include "web/put.h"

enum { ROWS_SHOWN = 100, ROWS_MAX = 1000, CSV_ROWS_MAX = 50000 };

struct listing {
    int64_t limit;
    int state;
    char q[MC_WEB_SEARCH_MAX + 1]; /* lower case */
};

/* Columns of MESSAGES. */
enum {
    M_ID,
    M_USER,
    M_SESSION,
    M_OPENED,
    M_EXPIRES,
    M_DUE,
    M_DECISION,
    M_STATE,
    M_WITHHELD,
    M_OFFER_KIND,
    M_OFFER_VALUE,
    M_ATTEMPTS,
    M_NEXT,
    M_HANDED,
    M_NOTE,
    M_RECOVERED_AT,
    M_RECOVERED,
    M_CLICKED,
    M_REPLAYED,
    M_VALUE
};

static void put_message(struct mc_buf *b, sqlite3_stmt *s, bool all) {
    mc_buf_printf(b, "{\"id\":%lld,\"decision\":\"%s\",\"state\":\"%s\",\"withheld\":\"%s\",\"replayed\":%s",
                  (long long)mc_rows_int(s, M_ID, 0),
                  mc_name_of(mc_decision_names, MC_DECISIONS, mc_rows_int(s, M_DECISION, -1)),
                  mc_name_of(mc_message_state_names, MC_MESSAGE_STATES, mc_rows_int(s, M_STATE, -1)),
                  mc_withheld_of(s, M_WITHHELD), mc_rows_int(s, M_REPLAYED, 0) != 0 ? "true" : "false");
    mc_put_text(b, "user_id", mc_rows_str(s, M_USER));
    mc_put_text(b, "user_session", mc_rows_str(s, M_SESSION));
    mc_put_time(b, "opened_at", s, M_OPENED);
    mc_put_time(b, "expires_at", s, M_EXPIRES);
    mc_put_time(b, "due_at", s, M_DUE);
    mc_put_time(b, "handed_at", s, M_HANDED);
    mc_put_time(b, "clicked_at", s, M_CLICKED);
    mc_put_time(b, "recovered_at", s, M_RECOVERED_AT);
    mc_put_exact(b, "recovered_minor", mc_rows_int128(s, M_RECOVERED));
    mc_put_exact(b, "value_minor", mc_rows_int128(s, M_VALUE));
    mc_buf_printf(b, ",\"offer\":\"%s\",\"offer_value\":%lld,\"attempts\":%lld",
                  mc_name_of(mc_offer_kind_names, MC_OFFER_KINDS, mc_rows_int(s, M_OFFER_KIND, -1)),
                  (long long)mc_rows_int(s, M_OFFER_VALUE, 0), (long long)mc_rows_int(s, M_ATTEMPTS, 0));
    if (all)
        mc_put_text(b, "note", mc_rows_str(s, M_NOTE));
    mc_buf_char(b, '}');
}

static sqlite3_stmt *messages_begin(struct mc_web_request *r, const struct listing *l, int64_t before,
                                    struct mc_error *e) {
    if (mc_rows_begin(r->rows, MC_WEB_READ_MS, e) != MC_OK)
        return NULL;
    sqlite3_stmt *s = mc_rows_get(r->rows, MC_ROWS_MESSAGES, e);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, before);
    sqlite3_bind_int(s, 2, l->state);
    mc_rows_bind(s, 3, mc_str_of(l->q));
    sqlite3_bind_int64(s, 4, l->limit);
    return s;
}

static bool message_arguments(struct mc_web_request *r, struct listing *l, int64_t rows, int64_t rows_max,
                              int64_t *before) {
    *l = (struct listing){.limit = rows};
    return mc_web_arg_int(r, "before", 1, INT64_MAX, INT64_MAX, before) &&
           mc_web_arg_int(r, "limit", 1, rows_max, rows, &l->limit) &&
           mc_web_arg_choice(r, "state", mc_message_state_names, MC_MESSAGE_STATES, &l->state) &&
           mc_web_arg_search(r, l->q);
}

void mc_api_messages(struct mc_web_request *r) {
    struct listing l;
    struct mc_error e = {0};
    struct mc_buf json = {0};
    int64_t before, count = 0, last = 0;
    if (!message_arguments(r, &l, ROWS_SHOWN, ROWS_MAX, &before))
        return;
    sqlite3_stmt *s = messages_begin(r, &l, before, &e);
    enum mc_err err = s != NULL ? MC_OK : e.code;
    bool row = true;
    mc_buf_text(&json, "{\"messages\":[");
    while (err == MC_OK && (err = mc_rows_step(r->rows, s, &row, &e)) == MC_OK && row) {
        mc_buf_text(&json, count++ > 0 ? ",\n" : "");
        put_message(&json, s, r->viewer.kind == MC_VIEWER_ADMIN);
        last = mc_rows_int(s, M_ID, 0);
    }
    mc_rows_end(r->rows);
    if (count == l.limit)
        mc_buf_printf(&json, "],\"next\":%lld}\n", (long long)last);
    else
        mc_buf_text(&json, "],\"next\":null}\n");
    if (err == MC_OK)
        mc_web_answer_json(r, &json);
    else
        mc_web_answer_failure(r, err, &e);
    mc_buf_free(&json);
}

static void put_message_row(struct mc_buf *b, sqlite3_stmt *s) {
    mc_buf_printf(b, "%lld,", (long long)mc_rows_int(s, M_ID, 0));
    mc_csv_cell(b, mc_rows_str(s, M_USER));
    mc_buf_printf(b, ",%s,%s,%s,", mc_name_of(mc_decision_names, MC_DECISIONS, mc_rows_int(s, M_DECISION, -1)),
                  mc_name_of(mc_message_state_names, MC_MESSAGE_STATES, mc_rows_int(s, M_STATE, -1)),
                  mc_withheld_of(s, M_WITHHELD));
    mc_csv_time(b, s, M_DUE);
    mc_csv_time(b, s, M_HANDED);
    mc_csv_time(b, s, M_CLICKED);
    mc_csv_time(b, s, M_RECOVERED_AT);
    mc_csv_money(b, mc_rows_int128(s, M_VALUE));
    mc_buf_text(b, "\r\n");
}

void mc_api_messages_csv(struct mc_web_request *r) {
    struct listing l;
    struct mc_error e = {0};
    struct mc_buf csv = {0};
    int64_t before;
    if (!message_arguments(r, &l, CSV_ROWS_MAX, CSV_ROWS_MAX, &before))
        return;
    sqlite3_stmt *s = messages_begin(r, &l, before, &e);
    enum mc_err err = s != NULL ? MC_OK : e.code;
    bool row = true;
    mc_buf_text(&csv, "message,user_id,decision,state,withheld,due_utc,handed_over_utc,clicked_utc,recovered_utc,"
                      "cart_value\r\n");
    while (err == MC_OK && (err = mc_rows_step(r->rows, s, &row, &e)) == MC_OK && row)
        put_message_row(&csv, s);
    mc_rows_end(r->rows);
    mc_csv_answer(r, "messages.csv", &csv, err, &e);
}

#include "web/put.h"

#include "store/outbox.h"

void mc_put_time(struct mc_buf *b, const char *name, sqlite3_stmt *s, int at) {
    mc_buf_printf(b, ",\"%s\":", name);
    mc_buf_json_time(b, mc_rows_int(s, at, INT64_MIN), INT64_MIN);
}

void mc_put_text(struct mc_buf *b, const char *name, struct mc_str text) {
    mc_buf_printf(b, ",\"%s\":", name);
    mc_buf_json(b, text);
}

void mc_put_exact(struct mc_buf *b, const char *name, __int128 value) {
    mc_buf_printf(b, ",\"%s\":", name);
    mc_buf_int128(b, value);
}

/* Names of enumerations as the store has them; what a damaged row holds is "". */
const char *mc_name_of(const char *const *names, int count, int64_t value) {
    return value >= 0 && value < count ? names[value] : "";
}

const char *mc_withheld_of(sqlite3_stmt *s, int at) {
    int64_t withheld = mc_rows_int(s, at, MC_WITHHELD_NONE);
    bool known = withheld == MC_WITHHELD_NO_COUPON || (withheld >= 0 && withheld < MC_DECISIONS);
    return known ? mc_withheld_name((int)withheld) : "";
}

bool mc_web_arg_search(struct mc_web_request *r, char q[MC_WEB_SEARCH_MAX + 1]) {
    struct mc_str text = mc_http_query(r->http, "q");
    if (text.len > MC_WEB_SEARCH_MAX) {
        mc_http_answer_error(r->http, 400, "bad_argument", "q is too long: at most 128 bytes.");
        return false;
    }
    for (size_t i = 0; i < text.len; i++)
        q[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (char)(text.data[i] + 32) : text.data[i];
    q[text.len] = '\0';
    return true;
}

void mc_csv_time(struct mc_buf *b, sqlite3_stmt *s, int at) {
    if (sqlite3_column_type(s, at) != SQLITE_NULL)
        mc_buf_time(b, mc_rows_int(s, at, 0));
    mc_buf_char(b, ',');
}

void mc_put_counts(struct mc_buf *b, const char *name, const uint64_t *counts, const char *const *names, int count) {
    mc_buf_printf(b, ",\"%s\":{", name);
    for (int i = 0; i < count; i++)
        mc_buf_printf(b, "%s\"%s\":%llu", i > 0 ? "," : "", names[i], (unsigned long long)counts[i]);
    mc_buf_char(b, '}');
}

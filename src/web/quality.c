/* Is the data sound: rows accepted and refused over time, by reason and source; the refused rows themselves. */
#include "web/put.h"

enum { ROWS_SHOWN = 100, ROWS_MAX = 1000, CSV_ROWS_MAX = 50000, SOURCES_MAX = 16, RAW_SHOWN_MAX = 2000 };

struct source {
    int64_t id;
    uint64_t count;
};

struct quality {
    struct mc_web_request *r;
    int64_t since_us, step_us;
    size_t step_count;
    uint64_t rejected[MC_WEB_STEPS_MAX], reasons[MC_REASONS];
    struct source sources[SOURCES_MAX]; /* the rest is in `others` */
    size_t source_count;
    uint64_t others, total;
};

static void add_source(struct quality *q, int64_t id) {
    for (size_t i = 0; i < q->source_count; i++)
        if (q->sources[i].id == id) {
            q->sources[i].count++;
            return;
        }
    if (q->source_count < SOURCES_MAX)
        q->sources[q->source_count++] = (struct source){id, 1};
    else
        q->others++;
}

/* From the newest back to `since`: rows are kept in the order they arrived. */
static enum mc_err read_rejects(struct quality *q, struct mc_error *e) {
    bool row = true;
    sqlite3_stmt *s = mc_rows_get(q->r->rows, MC_ROWS_REJECT_KEYS, e);
    enum mc_err err = s != NULL ? MC_OK : MC_ERR_IO;
    while (err == MC_OK && (err = mc_rows_step(q->r->rows, s, &row, e)) == MC_OK && row) {
        int64_t at = mc_rows_int(s, 0, 0), reason = mc_rows_int(s, 1, -1);
        if (at < q->since_us)
            break;
        size_t step = (size_t)((at - q->since_us) / q->step_us);
        if (step < q->step_count)
            q->rejected[step]++;
        if (reason >= 0 && reason < MC_REASONS)
            q->reasons[reason]++;
        add_source(q, mc_rows_int(s, 2, 0));
        q->total++;
    }
    return err;
}

/* What was accepted in each step, by the minutes that this process has seen: the difference of its counts. */
static void put_accepted(struct mc_buf *b, const struct quality *q, uint64_t *accepted_in_all) {
    struct mc_web *web = q->r->web;
    uint64_t accepted[MC_WEB_STEPS_MAX] = {0};
    *accepted_in_all = 0;
    pthread_mutex_lock(&web->lock);
    int64_t last = web->status_at.us / MC_MINUTE_US;
    const struct mc_web_minute *before = NULL;
    for (int64_t minute = last - MC_WEB_MINUTES + 1; minute <= last; minute++) {
        const struct mc_web_minute *m = &web->minutes[(uint64_t)minute % MC_WEB_MINUTES];
        if (m->minute != minute)
            continue;
        int64_t at = minute * MC_MINUTE_US - q->since_us;
        size_t step = at >= 0 ? (size_t)(at / q->step_us) : q->step_count;
        if (before != NULL && step < q->step_count && m->status.events >= before->status.events) {
            accepted[step] += m->status.events - before->status.events;
            *accepted_in_all += m->status.events - before->status.events;
        }
        before = m;
    }
    pthread_mutex_unlock(&web->lock);
    for (size_t i = 0; i < q->step_count; i++)
        mc_buf_printf(b, "%s%llu", i > 0 ? "," : "", (unsigned long long)accepted[i]);
}

static enum mc_err put_sources(struct mc_buf *b, struct quality *q, struct mc_error *e) {
    enum mc_err err = MC_OK;
    mc_buf_text(b, ",\"sources\":[");
    for (size_t i = 0; i < q->source_count && err == MC_OK; i++) {
        bool row;
        sqlite3_stmt *s = mc_rows_get(q->r->rows, MC_ROWS_SOURCE, e);
        if (s == NULL)
            return MC_ERR_IO;
        sqlite3_bind_int64(s, 1, q->sources[i].id);
        err = mc_rows_step(q->r->rows, s, &row, e);
        mc_buf_text(b, i > 0 ? ",{\"source\":" : "{\"source\":");
        mc_buf_json(b, err == MC_OK && row ? mc_rows_str(s, 0) : MC_STR(""));
        mc_buf_printf(b, ",\"rejected\":%llu}", (unsigned long long)q->sources[i].count);
    }
    mc_buf_printf(b, "],\"other_sources\":%llu", (unsigned long long)q->others);
    return err;
}

static enum mc_err put_quality(struct mc_buf *b, struct quality *q, struct mc_error *e) {
    uint64_t accepted;
    mc_buf_text(b, "{\"since\":");
    mc_buf_json_time(b, q->since_us, INT64_MIN);
    mc_buf_printf(b, ",\"step\":%lld,\"series\":{\"accepted\":[", (long long)(q->step_us / MC_SECOND_US));
    put_accepted(b, q, &accepted);
    mc_buf_text(b, "],\"rejected\":[");
    for (size_t i = 0; i < q->step_count; i++)
        mc_buf_printf(b, "%s%llu", i > 0 ? "," : "", (unsigned long long)q->rejected[i]);
    mc_buf_printf(b, "]},\"accepted\":%llu,\"rejected\":%llu,\"reasons\":{", (unsigned long long)accepted,
                  (unsigned long long)q->total);
    for (int i = MC_ACCEPTED + 1; i < MC_REASONS; i++)
        mc_buf_printf(b, "%s\"%s\":%llu", i > 1 ? "," : "", mc_reason_names[i], (unsigned long long)q->reasons[i]);
    mc_buf_char(b, '}');
    enum mc_err err = put_sources(b, q, e);
    mc_buf_text(b, "}\n");
    return err;
}

void mc_api_quality(struct mc_web_request *r) {
    static const int64_t default_s = 3600;
    struct quality q = {.r = r};
    struct mc_error e = {0};
    struct mc_buf json = {0};
    int64_t step_s, now = mc_wall_now().us;
    if (!mc_web_arg_time(r, "since", now - default_s * MC_SECOND_US, &q.since_us) ||
        !mc_web_arg_int(r, "step", 60, 31 * 86400, 60, &step_s))
        return;
    q.step_us = step_s * MC_SECOND_US;
    int64_t steps = now > q.since_us ? (now - q.since_us) / q.step_us + 1 : 1;
    if (steps > MC_WEB_STEPS_MAX) {
        mc_http_answer_error(r->http, 400, "bad_argument", "step is too small for this period: at most 2000 steps.");
        return;
    }
    q.step_count = (size_t)steps;
    enum mc_err err = mc_rows_begin(r->rows, MC_WEB_READ_MS, &e);
    if (err == MC_OK)
        err = read_rejects(&q, &e);
    if (err == MC_OK)
        err = put_quality(&json, &q, &e);
    mc_rows_end(r->rows);
    if (err == MC_OK)
        mc_web_answer_json(r, &json);
    else
        mc_web_answer_failure(r, err, &e);
    mc_buf_free(&json);
}

/* ---- the rows ---- */

/* Columns of REJECTS. */
enum { R_ID, R_SOURCE, R_OFFSET, R_ROW, R_REASON, R_ARRIVED, R_RETRIED, R_RAW };

struct listing {
    int64_t before, limit;
    int reason;
    char q[MC_WEB_SEARCH_MAX + 1];
};

static bool listing_arguments(struct mc_web_request *r, struct listing *l, int64_t rows, int64_t rows_max) {
    *l = (struct listing){.limit = rows};
    return mc_web_arg_int(r, "before", 1, INT64_MAX, INT64_MAX, &l->before) &&
           mc_web_arg_int(r, "limit", 1, rows_max, rows, &l->limit) &&
           mc_web_arg_choice(r, "reason", mc_reason_names, MC_REASONS, &l->reason) && mc_web_arg_search(r, l->q);
}

static sqlite3_stmt *rejects_begin(struct mc_web_request *r, const struct listing *l, struct mc_error *e) {
    if (mc_rows_begin(r->rows, MC_WEB_READ_MS, e) != MC_OK)
        return NULL;
    sqlite3_stmt *s = mc_rows_get(r->rows, MC_ROWS_REJECTS, e);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, l->before);
    sqlite3_bind_int(s, 2, l->reason);
    mc_rows_bind(s, 3, mc_str_of(l->q));
    sqlite3_bind_int64(s, 4, l->limit);
    return s;
}

static const char *reason_of(sqlite3_stmt *s) {
    int64_t reason = mc_rows_int(s, R_REASON, 0);
    return reason > 0 && reason < MC_REASONS ? mc_reason_names[reason] : "";
}

static void put_reject(struct mc_buf *b, sqlite3_stmt *s) {
    struct mc_str raw = mc_rows_str(s, R_RAW);
    bool cut = raw.len > RAW_SHOWN_MAX;
    if (cut)
        raw.len = RAW_SHOWN_MAX;
    mc_buf_printf(b, "{\"id\":%lld,\"source\":", (long long)mc_rows_int(s, R_ID, 0));
    mc_buf_json(b, mc_rows_str(s, R_SOURCE));
    mc_buf_printf(b, ",\"byte_offset\":%lld,\"row\":%lld,\"reason\":\"%s\",\"arrived_at\":",
                  (long long)mc_rows_int(s, R_OFFSET, 0), (long long)mc_rows_int(s, R_ROW, 0), reason_of(s));
    mc_buf_json_time(b, mc_rows_int(s, R_ARRIVED, INT64_MIN), INT64_MIN);
    mc_buf_printf(b, ",\"retried\":%s,\"cut\":%s,\"raw\":",
                  sqlite3_column_type(s, R_RETRIED) != SQLITE_NULL ? "true" : "false", cut ? "true" : "false");
    mc_buf_json(b, raw);
    mc_buf_char(b, '}');
}

void mc_api_rejects(struct mc_web_request *r) {
    struct listing l;
    struct mc_error e = {0};
    struct mc_buf json = {0};
    int64_t count = 0, last = 0;
    if (!listing_arguments(r, &l, ROWS_SHOWN, ROWS_MAX))
        return;
    sqlite3_stmt *s = rejects_begin(r, &l, &e);
    enum mc_err err = s != NULL ? MC_OK : e.code;
    bool row = true;
    mc_buf_text(&json, "{\"rejects\":[");
    while (err == MC_OK && (err = mc_rows_step(r->rows, s, &row, &e)) == MC_OK && row) {
        mc_buf_text(&json, count++ > 0 ? ",\n" : "");
        put_reject(&json, s);
        last = mc_rows_int(s, R_ID, 0);
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

void mc_api_rejects_csv(struct mc_web_request *r) {
    struct listing l;
    struct mc_error e = {0};
    struct mc_buf csv = {0};
    if (!listing_arguments(r, &l, CSV_ROWS_MAX, CSV_ROWS_MAX))
        return;
    sqlite3_stmt *s = rejects_begin(r, &l, &e);
    enum mc_err err = s != NULL ? MC_OK : e.code;
    bool row = true;
    mc_buf_text(&csv, "id,source,byte_offset,row,reason,arrived_utc,raw\r\n");
    while (err == MC_OK && (err = mc_rows_step(r->rows, s, &row, &e)) == MC_OK && row) {
        mc_buf_printf(&csv, "%lld,", (long long)mc_rows_int(s, R_ID, 0));
        mc_csv_cell(&csv, mc_rows_str(s, R_SOURCE));
        mc_buf_printf(&csv, ",%lld,%lld,%s,", (long long)mc_rows_int(s, R_OFFSET, 0),
                      (long long)mc_rows_int(s, R_ROW, 0), reason_of(s));
        mc_buf_time(&csv, mc_rows_int(s, R_ARRIVED, 0));
        mc_buf_char(&csv, ',');
        mc_csv_cell(&csv, mc_rows_str(s, R_RAW));
        mc_buf_text(&csv, "\r\n");
    }
    mc_rows_end(r->rows);
    mc_csv_answer(r, "rejects.csv", &csv, err, &e);
}

/* Recovery over a period: decisions, messages, the two groups, and how the promise was kept. */
#include "base/mem.h"
#include "store/outbox.h"
#include "web/put.h"
#include <stdlib.h>

struct step {
    uint64_t sent, recovered;
};

struct promise {
    struct mc_web_request *r;
    int64_t since_us, until_us, step_us;
    size_t step_count;
    struct step *steps;
    uint64_t decisions[MC_DECISIONS], states[MC_MESSAGE_STATES], withheld[MC_DECISIONS], no_coupon, clicked;
    uint64_t passed[2], recovered[2]; /* send, holdout */
    __int128 recovered_minor[2];
    int64_t *delays;
    size_t delay_count, delay_cap;
};

/* Upper ends of the histogram, in milliseconds; then all that is later. */
static const int64_t bucket_ms[] = {100, 300, 1000, 3000, 10000, 30000, 60000, 180000, 600000, 3600000};
enum { BUCKETS = sizeof bucket_ms / sizeof bucket_ms[0] };

static bool promise_arguments(struct promise *p) {
    int64_t clock = mc_web_clock(p->r).us, step_s;
    if (!mc_web_arg_time(p->r, "since", clock - MC_DAY_US, &p->since_us) ||
        !mc_web_arg_time(p->r, "until", clock + MC_MINUTE_US, &p->until_us) ||
        !mc_web_arg_int(p->r, "step", 60, 31 * 86400, 3600, &step_s))
        return false;
    p->step_us = step_s * MC_SECOND_US;
    int64_t steps = p->until_us > p->since_us ? (p->until_us - p->since_us - 1) / p->step_us + 1 : 1;
    if (steps > MC_WEB_STEPS_MAX) {
        mc_http_answer_error(p->r->http, 400, "bad_argument", "step is too small for this period: at most 2000 steps.");
        return false;
    }
    p->step_count = (size_t)steps;
    return true;
}

static sqlite3_stmt *over_period(struct promise *p, enum mc_rows_which which, struct mc_error *e) {
    sqlite3_stmt *s = mc_rows_get(p->r->rows, which, e);
    if (s != NULL) {
        sqlite3_bind_int64(s, 1, p->since_us);
        sqlite3_bind_int64(s, 2, p->until_us);
    }
    return s;
}

static enum mc_err read_decisions(struct promise *p, struct mc_error *e) {
    bool row;
    sqlite3_stmt *s = over_period(p, MC_ROWS_DECISIONS, e);
    enum mc_err err = s != NULL ? MC_OK : MC_ERR_IO;
    while (err == MC_OK && (err = mc_rows_step(p->r->rows, s, &row, e)) == MC_OK && row) {
        int64_t decision = mc_rows_int(s, 0, -1);
        if (decision >= 0 && decision < MC_DECISIONS)
            p->decisions[decision] = (uint64_t)mc_rows_int(s, 1, 0);
    }
    return err;
}

/* One group of messages that have become the same. */
static void add_group(struct promise *p, sqlite3_stmt *s) {
    int64_t at = mc_rows_int(s, 0, 0), decision = mc_rows_int(s, 1, -1), state = mc_rows_int(s, 2, -1);
    int64_t withheld = mc_rows_int(s, 3, MC_WITHHELD_NONE);
    bool passed = mc_rows_int(s, 4, 0) != 0, recovered = mc_rows_int(s, 5, 0) != 0, clicked = mc_rows_int(s, 6, 0) != 0;
    uint64_t count = (uint64_t)mc_rows_int(s, 7, 0);
    int group = decision == MC_HOLDOUT;
    if (state >= 0 && state < MC_MESSAGE_STATES)
        p->states[state] += count;
    if (withheld >= 0 && withheld < MC_DECISIONS)
        p->withheld[withheld] += count;
    p->no_coupon += withheld == MC_WITHHELD_NO_COUPON ? count : 0;
    p->clicked += clicked ? count : 0;
    p->passed[group] += passed ? count : 0;
    p->recovered[group] += passed && recovered ? count : 0;
    if (at < 0 || (size_t)at >= p->step_count || group != 0 || !passed)
        return;
    p->steps[at].sent += count;
    p->steps[at].recovered += recovered ? count : 0;
}

static enum mc_err read_messages(struct promise *p, struct mc_error *e) {
    bool row;
    sqlite3_stmt *s = over_period(p, MC_ROWS_RECOVERY, e);
    enum mc_err err = s != NULL ? MC_OK : MC_ERR_IO;
    if (s != NULL)
        sqlite3_bind_int64(s, 3, p->step_us);
    while (err == MC_OK && (err = mc_rows_step(p->r->rows, s, &row, e)) == MC_OK && row)
        add_group(p, s);
    s = err == MC_OK ? over_period(p, MC_ROWS_RECOVERED, e) : NULL;
    err = err == MC_OK && s == NULL ? MC_ERR_IO : err;
    while (err == MC_OK && (err = mc_rows_step(p->r->rows, s, &row, e)) == MC_OK && row)
        p->recovered_minor[mc_rows_int(s, 0, 0) == MC_HOLDOUT] += mc_rows_int128(s, 1);
    return err;
}

static enum mc_err read_delays(struct promise *p, struct mc_error *e) {
    bool row;
    sqlite3_stmt *s = over_period(p, MC_ROWS_DELAYS, e);
    enum mc_err err = s != NULL ? MC_OK : MC_ERR_IO;
    while (err == MC_OK && (err = mc_rows_step(p->r->rows, s, &row, e)) == MC_OK && row) {
        if (p->delay_count == p->delay_cap) {
            size_t cap = p->delay_cap > 0 ? p->delay_cap * 2 : 1024;
            int64_t *more = mc_realloc(p->delays, cap * sizeof *more);
            if (more == NULL)
                return mc_error_set(e, MC_ERR_NOMEM, "no memory for the delays");
            p->delays = more;
            p->delay_cap = cap;
        }
        int64_t delay = mc_rows_int(s, 0, 0);
        p->delays[p->delay_count++] = delay > 0 ? delay : 0;
    }
    return err;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The least delay that `percent` of them do not pass. */
static int64_t quantile(const struct promise *p, size_t percent) {
    return p->delay_count > 0 ? p->delays[(p->delay_count * percent + 99) / 100 - 1] : 0;
}

static void put_delays(struct mc_buf *b, struct promise *p) {
    int64_t promise_us = p->r->web->settings.promise_us;
    size_t at = 0, kept = 0;
    if (p->delay_count > 0)
        qsort(p->delays, p->delay_count, sizeof *p->delays, by_number);
    while (kept < p->delay_count && p->delays[kept] <= promise_us)
        kept++;
    mc_buf_printf(
        b,
        "\"promise_us\":%lld,\"handed_over\":%zu,\"kept\":%zu,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld,"
        "\"histogram\":[",
        (long long)promise_us, p->delay_count, kept, (long long)quantile(p, 50), (long long)quantile(p, 99),
        (long long)(p->delay_count > 0 ? p->delays[p->delay_count - 1] : 0));
    for (size_t i = 0; i <= BUCKETS; i++) {
        size_t from = at;
        while (at < p->delay_count && (i == BUCKETS || p->delays[at] <= bucket_ms[i] * 1000))
            at++;
        mc_buf_text(b, i > 0 ? "," : "");
        if (i < BUCKETS)
            mc_buf_printf(b, "{\"up_to_ms\":%lld,\"count\":%zu}", (long long)bucket_ms[i], at - from);
        else
            mc_buf_printf(b, "{\"up_to_ms\":null,\"count\":%zu}", at - from);
    }
    mc_buf_char(b, ']');
}

static void put_group(struct mc_buf *b, const char *name, const struct promise *p, int group) {
    mc_buf_printf(b, ",\"%s\":{\"carts\":%llu,\"recovered\":%llu", name, (unsigned long long)p->passed[group],
                  (unsigned long long)p->recovered[group]);
    mc_put_exact(b, "recovered_minor", p->recovered_minor[group]);
    mc_buf_char(b, '}');
}

static void put_steps(struct mc_buf *b, const struct promise *p) {
    mc_buf_printf(b, ",\"step\":%lld,\"series\":{\"sent\":[", (long long)(p->step_us / MC_SECOND_US));
    for (size_t i = 0; i < p->step_count; i++)
        mc_buf_printf(b, "%s%llu", i > 0 ? "," : "", (unsigned long long)p->steps[i].sent);
    mc_buf_text(b, "],\"recovered\":[");
    for (size_t i = 0; i < p->step_count; i++)
        mc_buf_printf(b, "%s%llu", i > 0 ? "," : "", (unsigned long long)p->steps[i].recovered);
    mc_buf_text(b, "]}");
}

static void put_promise(struct mc_buf *b, struct promise *p) {
    mc_buf_text(b, "{\"since\":");
    mc_buf_json_time(b, p->since_us, INT64_MIN);
    mc_buf_text(b, ",\"until\":");
    mc_buf_json_time(b, p->until_us, INT64_MIN);
    mc_buf_text(b, ",\"clock\":");
    mc_buf_json_time(b, mc_web_clock(p->r).us, INT64_MIN);
    mc_buf_text(b, ",\"offers\":{");
    put_delays(b, p);
    mc_buf_char(b, '}');
    mc_put_counts(b, "decisions", p->decisions, mc_decision_names, MC_UNDECIDED);
    mc_put_counts(b, "messages", p->states, mc_message_state_names, MC_MESSAGE_STATES);
    mc_put_counts(b, "withheld", p->withheld, mc_decision_names, MC_UNDECIDED);
    mc_buf_printf(b, ",\"withheld_no_coupon\":%llu,\"clicked\":%llu", (unsigned long long)p->no_coupon,
                  (unsigned long long)p->clicked);
    put_group(b, "sent", p, 0);
    put_group(b, "holdout", p, 1);
    put_steps(b, p);
    mc_buf_text(b, "}\n");
}

void mc_api_promise(struct mc_web_request *r) {
    struct promise p = {.r = r};
    struct mc_error e = {0};
    struct mc_buf json = {0};
    if (!promise_arguments(&p))
        return;
    p.steps = mc_calloc(p.step_count, sizeof *p.steps);
    enum mc_err err = p.steps != NULL ? mc_rows_begin(r->rows, MC_WEB_READ_MS, &e)
                                      : mc_error_set(&e, MC_ERR_NOMEM, "no memory for the period");
    if (err == MC_OK)
        err = read_decisions(&p, &e);
    if (err == MC_OK)
        err = read_messages(&p, &e);
    if (err == MC_OK)
        err = read_delays(&p, &e);
    mc_rows_end(r->rows);
    if (err == MC_OK) {
        put_promise(&json, &p);
        mc_web_answer_json(r, &json);
    } else
        mc_web_answer_failure(r, err, &e);
    mc_buf_free(&json);
    mc_free(p.steps);
    mc_free(p.delays);
}

/* maxcart send FILE...: events of CSV files to a running service, as they are or as if they happened now. */
#include "app/commands.h"

#include "app/table_file.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH_ROWS = 500, TRIES = 60 };
static const int64_t FLUSH_US = 100000; /* with --speed: what is due within it goes together */

struct arguments {
    const char *to, *key;
    int64_t speed, skip_idle_us;
    bool quiet;
};

static const struct mc_option options[] = {
    {"to", MC_OPTION_STRING, offsetof(struct arguments, to), "URL", "the service, as http://127.0.0.1:8080", 0, 0,
     NULL},
    {"key", MC_OPTION_STRING, offsetof(struct arguments, key), "KEY",
     "a key of the service (else MAXCART_KEY of the environment)", 0, 0, NULL},
    {"speed", MC_OPTION_INT, offsetof(struct arguments, speed), "N",
     "events happen now, N times as fast as they did; without it they keep their times", 1, 1000000, NULL},
    {"skip-idle", MC_OPTION_DURATION, offsetof(struct arguments, skip_idle_us), "TIME",
     "with --speed: longer stretches without any event are cut to this", MC_SECOND_US, 365 * MC_DAY_US, NULL},
    {"quiet", MC_OPTION_FLAG, offsetof(struct arguments, quiet), NULL, "no summary", 0, 0, NULL},
    {0}};

static const struct mc_table_column columns[] = {
    {"event_time", true}, {"event_type", true}, {"product_id", true},  {"category_id", false}, {"category_code", false},
    {"brand", false},     {"price", true},      {"user_id", true},     {"user_session", true}, {"quantity", false},
    {"currency", false},  {"order_id", false},  {"message_id", false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct sender {
    const struct arguments *arguments;
    CURL *curl;
    struct curl_slist *headers;
    struct mc_buf body, answer, url;
    uint32_t rows;                         /* in the body */
    int64_t first_due_us;                  /* of the body */
    int64_t started_us, last_us, moved_us; /* --speed: the wall at the first event; the last event's own time, and on
                                              the shortened line from the first */
    bool has_first;
    uint64_t sent, accepted, rejected, unreadable;
};

/* ---- posting ---- */

static size_t keep_answer(char *data, size_t size, size_t count, void *context) {
    mc_buf_append(context, data, size * count);
    return size * count;
}

/* The number behind "accepted": in an answer; and how many "index" it has. */
static void count_answer(struct sender *s) {
    const char *text = mc_buf_cstr(&s->answer), *at = strstr(text, "\"accepted\":");
    if (at != NULL)
        s->accepted += strtoull(at + 11, NULL, 10);
    for (at = text; (at = strstr(at, "\"index\":")) != NULL; at++)
        s->rejected++;
}

static void pause_us(int64_t us) {
    struct timespec wait = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&wait, NULL);
}

/* One try; *again: the service asks to wait, or is not there. */
static enum mc_err try_post(struct sender *s, bool *again, struct mc_error *e) {
    long status = 0;
    s->answer.len = 0;
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, s->body.data);
    curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.len);
    CURLcode code = curl_easy_perform(s->curl);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    *again = code == CURLE_COULDNT_CONNECT || status == 429 || status == 503;
    if (code == CURLE_OK && status == 200) {
        count_answer(s);
        return MC_OK;
    }
    if (code != CURLE_OK)
        return mc_error_set(e, MC_ERR_IO, "%s: %s", mc_buf_cstr(&s->url), curl_easy_strerror(code));
    return mc_error_set(e, MC_ERR_IO, "%s answered %ld: %.300s", mc_buf_cstr(&s->url), status, mc_buf_cstr(&s->answer));
}

static enum mc_err post(struct sender *s, struct mc_error *e) {
    bool again = true;
    enum mc_err err = MC_OK;
    if (s->rows == 0)
        return MC_OK;
    if (s->body.failed)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for events");
    for (int i = 0; i < TRIES; i++) {
        err = try_post(s, &again, e);
        if (err == MC_OK || !again)
            break;
        pause_us(MC_SECOND_US);
    }
    s->sent += s->rows;
    s->rows = 0;
    s->body.len = 0;
    return err;
}

/* ---- rows ---- */

/* When the event happens, --speed times as fast from the start on. */
static int64_t due_of(struct sender *s, struct mc_time time) {
    const struct arguments *a = s->arguments;
    if (!s->has_first) {
        s->has_first = true;
        s->started_us = mc_wall_now().us;
        s->last_us = time.us;
    }
    int64_t step_us = time.us > s->last_us ? time.us - s->last_us : 0;
    if (a->skip_idle_us > 0 && step_us > a->skip_idle_us)
        step_us = a->skip_idle_us;
    s->moved_us += step_us;
    if (time.us > s->last_us)
        s->last_us = time.us;
    return s->started_us + s->moved_us / a->speed;
}

static void put_row(struct sender *s, const struct mc_str *values, int64_t time_us) {
    struct mc_buf *b = &s->body;
    const char *comma = "{";
    for (int i = 0; i < COLUMNS; i++) {
        if (values[i].len == 0 && i != 0)
            continue;
        mc_buf_printf(b, "%s\"%s\":", comma, columns[i].name);
        comma = ",";
        if (i == 0 && time_us != MC_TIME_NONE_US) {
            mc_buf_char(b, '"');
            mc_buf_time(b, time_us);
            mc_buf_char(b, '"');
        } else {
            mc_buf_json(b, values[i]);
        }
    }
    mc_buf_text(b, "}\n");
    s->rows++;
}

static enum mc_err take(void *context, uint64_t row, const struct mc_str *values, struct mc_error *e) {
    struct sender *s = context;
    struct mc_time time;
    int64_t due_us = MC_TIME_NONE_US;
    enum mc_err err = MC_OK;
    (void)row;
    if (s->arguments->speed > 0 && mc_time_parse(values[0], &time))
        due_us = due_of(s, time);
    if (s->rows >= BATCH_ROWS || (s->rows > 0 && due_us > s->first_due_us + FLUSH_US))
        err = post(s, e);
    int64_t wait_us = due_us != MC_TIME_NONE_US ? due_us - mc_wall_now().us : 0;
    if (err == MC_OK && wait_us > 0 && s->rows == 0)
        pause_us(wait_us);
    if (s->rows == 0)
        s->first_due_us = due_us;
    put_row(s, values, due_us);
    return err;
}

/* A row that is no row of CSV cannot be a call. */
static void refuse(void *context, uint64_t row, const char *reason) {
    struct sender *s = context;
    (void)row;
    (void)reason;
    s->unreadable++;
}

/* ---- the command ---- */

static enum mc_err open_sender(struct sender *s, const struct arguments *a, struct mc_error *e) {
    struct mc_buf authorization = {0};
    const char *key = a->key != NULL ? a->key : getenv("MAXCART_KEY");
    s->arguments = a;
    if (a->to == NULL || key == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "say where to and with which key: --to URL --key KEY");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    s->curl = curl_easy_init();
    mc_buf_printf(&authorization, "Authorization: Bearer %s", key);
    s->headers = curl_slist_append(s->headers, mc_buf_cstr(&authorization));
    s->headers = curl_slist_append(s->headers, "Content-Type: application/x-ndjson");
    mc_buf_printf(&s->url, "%.*s/v1/events", (int)strcspn(a->to, "\r\n"), a->to);
    mc_buf_free(&authorization);
    if (s->curl == NULL || s->headers == NULL || s->url.failed)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to send");
    curl_easy_setopt(s->curl, CURLOPT_URL, mc_buf_cstr(&s->url));
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &s->answer);
    curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
    return MC_OK;
}

static void close_sender(struct sender *s) {
    curl_easy_cleanup(s->curl);
    curl_slist_free_all(s->headers);
    mc_buf_free(&s->body);
    mc_buf_free(&s->answer);
    mc_buf_free(&s->url);
}

static enum mc_err run_send(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct sender s = {0};
    struct mc_table_reader reader = {
        .columns = columns, .column_count = COLUMNS, .take = take, .refuse = refuse, .context = &s};
    enum mc_err err = open_sender(&s, a, e);
    for (int i = 0; i < run->operands.count && err == MC_OK; i++)
        err = mc_table_read(&reader, run->operands.items[i], e);
    if (err == MC_OK)
        err = post(&s, e);
    if (err == MC_OK && !a->quiet)
        mc_buf_printf(&run->out.buf, "%llu rows sent: %llu accepted, %llu rejected; %llu were no rows\n",
                      (unsigned long long)s.sent, (unsigned long long)s.accepted, (unsigned long long)s.rejected,
                      (unsigned long long)s.unreadable);
    mc_buf_free(&reader.ignored);
    close_sender(&s);
    return err;
}

const struct mc_command mc_command_send = {
    .name = "send",
    .purpose = "Sends the events of CSV files to a running service over HTTP",
    .operands = "FILE...",
    .about = "Each row goes as it is, for the service to judge; its answers are added up. A\n"
             "service that is busy, or not there yet, is tried for a minute. With --speed the\n"
             "events happen now: a shop's day in minutes.\n",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .operands_min = 1,
    .operands_max = -1,
    .without_config = true,
    .run = run_send,
};

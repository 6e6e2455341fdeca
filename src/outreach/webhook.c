#include "outreach/webhook.h"

#include "base/mem.h"
#include "outreach/address.h"
#include <assert.h>
#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>

enum { CONNECT_TIMEOUT_S = 10, ANSWER_TIMEOUT_S = 30, HEADER_BYTES_MAX = 512, SAID_BYTES_MAX = 160 };
enum { BODY_BYTES_MAX = 65536 }; /* of the answer: more is not waited for */

struct mc_webhook {
    CURL *curl;
    const atomic_bool *stop;
    bool allow_private;
    /* of the delivery that runs */
    struct mc_str left;  /* of the body */
    bool begun;          /* the body is asked for: there is a connection */
    bool blocked;        /* an address was private */
    size_t answer_bytes; /* of its body */
    char said[SAID_BYTES_MAX + 1];
    size_t secret_len;
    char secret[];
};

/* ---- what libcurl calls ---- */

static size_t give_body(char *room, size_t size, size_t count, void *context) {
    struct mc_webhook *w = context;
    size_t take = size * count < w->left.len ? size * count : w->left.len;
    w->begun = true;
    if (take > 0)
        memcpy(room, w->left.data, take);
    w->left.data += take;
    w->left.len -= take;
    return take;
}

/* Keeps the beginning for the note; a body without end is cut, and is an answer all the same. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct mc_webhook *w = context;
    size_t len = size * count;
    for (size_t i = 0; i < len && w->answer_bytes + i < SAID_BYTES_MAX; i++) {
        w->said[w->answer_bytes + i] = bytes[i] >= ' ' && bytes[i] < 0x7F ? bytes[i] : ' ';
        w->said[w->answer_bytes + i + 1] = '\0';
    }
    w->answer_bytes += len;
    return w->answer_bytes > BODY_BYTES_MAX ? 0 : len;
}

static int look_up(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct mc_webhook *w = context;
    (void)a, (void)b, (void)c, (void)d;
    return w->stop != NULL && atomic_load(w->stop);
}

/* The address as it was resolved for this connection. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to) {
    struct mc_webhook *w = context;
    (void)purpose;
    if (!w->allow_private && !mc_address_is_public(&to->addr)) {
        w->blocked = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ---- settings ---- */

static bool is_set(const char *text) {
    return text != NULL && text[0] != '\0';
}

/* http or https with a host, no user or fragment in it. */
static bool url_is_good(const char *url) {
    char *part = NULL;
    CURLU *parts = curl_url();
    bool good = parts != NULL && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0) &&
                curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_USER, &part, 0) == CURLUE_NO_USER &&
                curl_url_get(parts, CURLUPART_PASSWORD, &part, 0) == CURLUE_NO_PASSWORD &&
                curl_url_get(parts, CURLUPART_FRAGMENT, &part, 0) == CURLUE_NO_FRAGMENT;
    curl_free(part);
    curl_url_cleanup(parts);
    return good;
}

static enum mc_err check(const struct mc_webhook_settings *settings, struct mc_error *e) {
    if (!is_set(settings->url) || !url_is_good(settings->url))
        return mc_error_set(e, MC_ERR_USAGE,
                            "the webhook is given as https://HOST/PATH (or http://), without user and fragment");
    if (!is_set(settings->secret) || strlen(settings->secret) < MC_WEBHOOK_SECRET_BYTES_MIN)
        return mc_error_set(e, MC_ERR_USAGE, "the webhook's secret, which signs each request, needs at least %d bytes",
                            MC_WEBHOOK_SECRET_BYTES_MIN);
    return MC_OK;
}

#define SET(option, value) (good = good && curl_easy_setopt(w->curl, option, value) == CURLE_OK)

/* There is no SEEKFUNCTION, on purpose: libcurl cannot send a body twice. */
static bool set_up(struct mc_webhook *w, const struct mc_webhook_settings *settings) {
    bool good = true;
    long connect_s = settings->connect_timeout_s > 0 ? settings->connect_timeout_s : CONNECT_TIMEOUT_S;
    long answer_s = settings->answer_timeout_s > 0 ? settings->answer_timeout_s : ANSWER_TIMEOUT_S;
    SET(CURLOPT_URL, settings->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROXY, ""); /* not by what the environment happens to hold */
    SET(CURLOPT_NOSIGNAL, 1L);
    if (is_set(settings->ca_file))
        SET(CURLOPT_CAINFO, settings->ca_file);
    SET(CURLOPT_CONNECTTIMEOUT, connect_s);
    SET(CURLOPT_TIMEOUT, connect_s + answer_s);
    SET(CURLOPT_MAXAGE_CONN, (long)MC_WEBHOOK_IDLE_S);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_USERAGENT, "MaxCart/" MC_VERSION);
    SET(CURLOPT_READFUNCTION, give_body);
    SET(CURLOPT_READDATA, w);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, w);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, w);
    SET(CURLOPT_XFERINFOFUNCTION, look_up);
    SET(CURLOPT_XFERINFODATA, w);
    SET(CURLOPT_NOPROGRESS, 0L);
    return good;
}

static struct mc_webhook *make(const struct mc_webhook_settings *settings) {
    size_t len = strlen(settings->secret);
    struct mc_webhook *w = mc_calloc(1, sizeof *w + len);
    if (w == NULL)
        return NULL;
    w->stop = settings->stop;
    w->allow_private = settings->allow_private;
    w->secret_len = len;
    memcpy(w->secret, settings->secret, len);
    w->curl = curl_easy_init();
    return w;
}

static void unmake(struct mc_webhook *w) {
    if (w == NULL)
        return;
    curl_easy_cleanup(w->curl);
    sodium_memzero(w->secret, w->secret_len);
    mc_free(w);
}

enum mc_err mc_webhook_open(struct mc_webhook **out, const struct mc_webhook_settings *settings, struct mc_error *e) {
    *out = NULL;
    enum mc_err err = check(settings, e);
    if (err != MC_OK)
        return err;
    if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* both count their callers */
        return mc_error_set(e, MC_ERR_NOMEM, "libcurl cannot start");
    struct mc_webhook *w = make(settings);
    bool complete = w != NULL && w->curl != NULL;
    if (complete && set_up(w, settings)) {
        *out = w;
        return MC_OK;
    }
    unmake(w);
    curl_global_cleanup();
    return complete ? mc_error_set(e, MC_ERR_USAGE, "this libcurl cannot call a webhook as set")
                    : mc_error_set(e, MC_ERR_NOMEM, "no memory for the webhook");
}

void mc_webhook_close(struct mc_webhook **w) {
    if (*w == NULL)
        return;
    unmake(*w);
    curl_global_cleanup();
    *w = NULL;
}

/* ---- one delivery ---- */

void mc_webhook_sign(struct mc_buf *out, struct mc_str secret, int64_t unix_seconds, struct mc_str body) {
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof mac + 1], time[24];
    int len = snprintf(time, sizeof time, "%lld.", (long long)unix_seconds);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.data, secret.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)time, (unsigned long long)len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.data, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
    mc_buf_printf(out, "t=%lld,v1=%s", (long long)unix_seconds, hex);
}

static enum mc_delivery_outcome outcome_of_status(long status) {
    switch (status) {
    case 408:
    case 409: /* another request with this Idempotency-Key is being worked on */
    case 421:
    case 425:
    case 429:
        return MC_OUTCOME_RETRY;
    case 400:
    case 404:
    case 410:
    case 413:
    case 422:
        return MC_OUTCOME_BOUNCED;
    default:
        return status >= 500 ? MC_OUTCOME_RETRY : status < 300 ? MC_OUTCOME_ACCEPTED : MC_OUTCOME_REFUSED;
    }
}

static int64_t retry_after_us(CURL *curl) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    bool longest = seconds > MC_WEBHOOK_RETRY_AFTER_MAX_US / MC_SECOND_US;
    return seconds <= 0 ? 0 : longest ? MC_WEBHOOK_RETRY_AFTER_MAX_US : seconds * MC_SECOND_US;
}

static struct mc_answer answer_of(const struct mc_webhook *w, CURLcode result) {
    struct mc_answer answer = {0};
    long status = 0;
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
        answer.outcome = outcome_of_status(status);
        answer.code = (int)status;
        snprintf(answer.text, sizeof answer.text, "HTTP %ld%s%s", status, w->said[0] != '\0' ? " " : "", w->said);
        if (answer.outcome == MC_OUTCOME_RETRY)
            answer.retry_after_us = retry_after_us(w->curl);
        return answer;
    }
    bool all_sent = w->begun && w->left.len == 0;
    answer.outcome = all_sent ? MC_OUTCOME_UNKNOWN : w->blocked && !w->begun ? MC_OUTCOME_REFUSED : MC_OUTCOME_DOWN;
    snprintf(answer.text, sizeof answer.text, "%s",
             answer.outcome == MC_OUTCOME_REFUSED ? "the webhook's host has a private address, which is not allowed"
                                                  : curl_easy_strerror(result));
    return answer;
}

static bool append(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

static struct curl_slist *headers_of(const struct mc_webhook *w, const char *message_id, struct mc_str body,
                                     struct mc_wall now) {
    char line[HEADER_BYTES_MAX];
    struct mc_buf signature = {0};
    struct curl_slist *list = NULL;
    mc_webhook_sign(&signature, (struct mc_str){w->secret, w->secret_len}, now.us / MC_SECOND_US, body);
    bool good = append(&list, "Content-Type: application/json") && append(&list, "Accept:") && append(&list, "Expect:");
    snprintf(line, sizeof line, "Idempotency-Key: %s", message_id);
    good = good && append(&list, line);
    snprintf(line, sizeof line, "X-MaxCart-Signature: %s", mc_buf_cstr(&signature));
    good = good && !signature.failed && append(&list, line);
    mc_buf_free(&signature);
    if (good)
        return list;
    curl_slist_free_all(list);
    return NULL;
}

struct mc_answer mc_webhook_deliver(struct mc_webhook *w, const char *message_id, struct mc_str body,
                                    struct mc_wall now) {
    struct mc_answer answer = {.outcome = MC_OUTCOME_NOT_TRIED, .text = "no memory to deliver"};
    struct curl_slist *headers = headers_of(w, message_id, body, now);
    bool good = headers != NULL && body.len > 0;
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    w->left = body;
    w->begun = w->blocked = false;
    w->answer_bytes = 0;
    w->said[0] = '\0';
    if (good)
        answer = answer_of(w, curl_easy_perform(w->curl));
    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return answer;
}

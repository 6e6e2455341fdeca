#include "outreach/smtp.h"

#include "base/mem.h"
#include "store/people.h"
#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>

enum { CONNECT_TIMEOUT_S = 30, ANSWER_TIMEOUT_S = 300 };

/* How far a delivery came, by the last command that went out. */
enum stage { CONNECTING, MAIL, RCPT, DATA, BODY, ALL_SENT };

struct mc_smtp {
    CURL *curl;
    const atomic_bool *stop;
    uint64_t connections;
    /* of the delivery that runs */
    enum stage stage;
    bool quitting; /* libcurl says QUIT after a refusal: the answer to that is not about the mail */
    int code;      /* of the last answer to the commands since `stage` */
    char line[256];
    struct mc_str left; /* of the mail */
};

/* ---- what libcurl calls ---- */

static size_t give_mail(char *room, size_t size, size_t count, void *context) {
    struct mc_smtp *s = context;
    size_t take = size * count < s->left.len ? size * count : s->left.len;
    s->stage = BODY;
    if (take > 0)
        memcpy(room, s->left.data, take);
    s->left.data += take;
    s->left.len -= take;
    /* Once libcurl has the last byte, the end mark may have gone out too: from here on a lost answer is unknown. */
    if (s->left.len == 0)
        s->stage = ALL_SENT;
    return take;
}

static void keep_line(struct mc_smtp *s, const char *line, size_t len) {
    size_t kept = 0;
    for (size_t i = 0; i < len && kept + 1 < sizeof s->line; i++)
        if (line[i] != '\r' && line[i] != '\n')
            s->line[kept++] = line[i] >= ' ' && line[i] < 0x7F ? line[i] : '?';
    s->line[kept] = '\0';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t take_answer(char *line, size_t size, size_t count, void *context) {
    struct mc_smtp *s = context;
    size_t len = size * count;
    if (!s->quitting && len >= 3 && is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2])) {
        s->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        keep_line(s, line, len);
    }
    return len;
}

/* Only the verbs of the commands are looked at: AUTH's secrets pass here too. */
static int watch(CURL *curl, curl_infotype type, char *bytes, size_t len, void *context) {
    struct mc_smtp *s = context;
    (void)curl;
    if (type != CURLINFO_HEADER_OUT || len < 4)
        return 0;
    enum stage before = s->stage;
    if (memcmp(bytes, "MAIL", 4) == 0)
        s->stage = MAIL;
    else if (memcmp(bytes, "RCPT", 4) == 0)
        s->stage = RCPT;
    else if (memcmp(bytes, "DATA", 4) == 0)
        s->stage = DATA;
    else if (memcmp(bytes, "QUIT", 4) == 0)
        s->quitting = true;
    if (s->stage != before) {
        s->code = 0;
        s->line[0] = '\0';
    }
    return 0;
}

/* Called about once a second while nothing moves; not 0 ends the transfer. */
static int look_up(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    const struct mc_smtp *s = context;
    (void)a, (void)b, (void)c, (void)d;
    return s->stop != NULL && atomic_load(s->stop);
}

/* ---- settings ---- */

static bool is_set(const char *text) {
    return text != NULL && text[0] != '\0';
}

static bool is_loopback(const char *url) {
    bool loopback = false;
    char *host = NULL;
    CURLU *parts = curl_url();
    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        loopback = strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
    curl_free(host);
    curl_url_cleanup(parts);
    return loopback;
}

/* smtp or smtps with a host, no user or query in it. */
static bool url_is_good(const char *url) {
    char *user = NULL, *query = NULL;
    CURLU *parts = curl_url();
    bool good = parts != NULL && (strncmp(url, "smtp://", 7) == 0 || strncmp(url, "smtps://", 8) == 0) &&
                curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK;
    good = good && curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
           curl_url_get(parts, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY;
    curl_free(user);
    curl_free(query);
    curl_url_cleanup(parts);
    return good;
}

static enum mc_err check(const struct mc_smtp_settings *settings, struct mc_error *e) {
    if (!is_set(settings->url) || !url_is_good(settings->url))
        return mc_error_set(e, MC_ERR_USAGE,
                            "the mail server is given as smtp://HOST:PORT or smtps://HOST:PORT, user "
                            "and password by their own settings");
    if (is_set(settings->user) && settings->tls == MC_TLS_NONE && strncmp(settings->url, "smtps:", 6) != 0 &&
        !is_loopback(settings->url))
        return mc_error_set(e, MC_ERR_USAGE, "a password does not go to a mail server unencrypted: require TLS");
    return MC_OK;
}

#define SET(option, value) (good = good && curl_easy_setopt(s->curl, option, value) == CURLE_OK)

static bool set_up(struct mc_smtp *s, const struct mc_smtp_settings *settings) {
    bool good = true;
    long connect_s = settings->connect_timeout_s > 0 ? settings->connect_timeout_s : CONNECT_TIMEOUT_S;
    long answer_s = settings->answer_timeout_s > 0 ? settings->answer_timeout_s : ANSWER_TIMEOUT_S;
    SET(CURLOPT_URL, settings->url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, ""); /* not by what the environment happens to hold */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_USE_SSL, (long)(settings->tls == MC_TLS_REQUIRED ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (is_set(settings->ca_file))
        SET(CURLOPT_CAINFO, settings->ca_file);
    if (is_set(settings->user)) {
        SET(CURLOPT_USERNAME, settings->user);
        SET(CURLOPT_PASSWORD, settings->password != NULL ? settings->password : "");
    }
    SET(CURLOPT_CONNECTTIMEOUT, connect_s);
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, answer_s);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L); /* a server that stops reading within the message */
    SET(CURLOPT_LOW_SPEED_TIME, answer_s);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, give_mail);
    SET(CURLOPT_READDATA, s);
    SET(CURLOPT_HEADERFUNCTION, take_answer);
    SET(CURLOPT_HEADERDATA, s);
    SET(CURLOPT_DEBUGFUNCTION, watch);
    SET(CURLOPT_DEBUGDATA, s);
    SET(CURLOPT_VERBOSE, 1L); /* else DEBUGFUNCTION is not called */
    SET(CURLOPT_XFERINFOFUNCTION, look_up);
    SET(CURLOPT_XFERINFODATA, s);
    SET(CURLOPT_NOPROGRESS, 0L);
    return good;
}

enum mc_err mc_smtp_open(struct mc_smtp **out, const struct mc_smtp_settings *settings, struct mc_error *e) {
    *out = NULL;
    enum mc_err err = check(settings, e);
    if (err != MC_OK)
        return err;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counts its callers */
        return mc_error_set(e, MC_ERR_NOMEM, "libcurl cannot start");
    struct mc_smtp *s = mc_calloc(1, sizeof *s);
    if (s == NULL || (s->curl = curl_easy_init()) == NULL || !set_up(s, settings)) {
        bool unsupported = s != NULL && s->curl != NULL;
        if (unsupported)
            curl_easy_cleanup(s->curl);
        mc_free(s);
        curl_global_cleanup();
        return unsupported ? mc_error_set(e, MC_ERR_USAGE, "this libcurl cannot deliver mail as set")
                           : mc_error_set(e, MC_ERR_NOMEM, "no memory for the mail client");
    }
    s->stop = settings->stop;
    *out = s;
    return MC_OK;
}

void mc_smtp_close(struct mc_smtp **s) {
    if (*s == NULL)
        return;
    curl_easy_cleanup((*s)->curl);
    curl_global_cleanup();
    mc_free(*s);
    *s = NULL;
}

uint64_t mc_smtp_connections(const struct mc_smtp *s) {
    return s->connections;
}

/* ---- one delivery ---- */

/* RFC 3463: the subject digit of "550 5.7.1 words" is 7: policy, security, reputation. */
static bool says_policy(const struct mc_smtp *s) {
    const char *status = s->line[0] != '\0' && s->line[3] != '\0' ? s->line + 4 : "";
    return status[0] == '5' && strncmp(status + 1, ".7.", 3) == 0;
}

static enum mc_delivery_outcome outcome_of(const struct mc_smtp *s, CURLcode result) {
    if (result == CURLE_OK)
        return MC_OUTCOME_ACCEPTED;
    if (s->stage == CONNECTING || (s->stage < ALL_SENT && (s->code < 400 || s->code == 421)))
        return MC_OUTCOME_DOWN;
    if (s->code >= 400 && s->code < 500)
        return MC_OUTCOME_RETRY;
    if (s->code >= 500 && s->code < 600)
        return s->stage == MAIL || says_policy(s) ? MC_OUTCOME_REFUSED : MC_OUTCOME_BOUNCED;
    return MC_OUTCOME_UNKNOWN;
}

static struct curl_slist *recipient(struct mc_str to) {
    char address[MC_EMAIL_BYTES_MAX + 3];
    snprintf(address, sizeof address, "<%.*s>", (int)to.len, to.data);
    return curl_slist_append(NULL, address);
}

static CURLcode attempt(struct mc_smtp *s, struct mc_str mail, bool fresh) {
    s->stage = CONNECTING;
    s->quitting = false;
    s->code = 0;
    s->line[0] = '\0';
    s->left = mail;
    curl_easy_setopt(s->curl, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    CURLcode result = curl_easy_perform(s->curl);
    long made = 0;
    curl_easy_getinfo(s->curl, CURLINFO_NUM_CONNECTS, &made);
    s->connections += (uint64_t)made;
    return result;
}

/* A kept connection that the server closed, or on which it has had enough messages. */
static bool connection_was_spent(const struct mc_smtp *s, CURLcode result, uint64_t connections_before) {
    bool reused = s->connections == connections_before;
    bool nothing_given = s->stage < BODY;
    return result != CURLE_OK && reused && nothing_given && (s->code < 400 || s->code == 421 || s->code == 452);
}

static struct mc_answer answer_of(const struct mc_smtp *s, CURLcode result) {
    struct mc_answer answer = {.outcome = outcome_of(s, result), .code = s->code};
    bool servers_words = s->line[0] != '\0' && (result == CURLE_OK || s->code >= 400);
    snprintf(answer.text, sizeof answer.text, "%s", servers_words ? s->line : curl_easy_strerror(result));
    return answer;
}

struct mc_answer mc_smtp_deliver(struct mc_smtp *s, struct mc_str from, struct mc_str to, struct mc_str mail) {
    assert(mc_email_is_valid(from) && mc_email_is_valid(to));
    char sender[MC_EMAIL_BYTES_MAX + 3];
    snprintf(sender, sizeof sender, "<%.*s>", (int)from.len, from.data);
    struct curl_slist *recipients = recipient(to);
    bool good = recipients != NULL;
    SET(CURLOPT_MAIL_FROM, sender);
    SET(CURLOPT_MAIL_RCPT, recipients);
    SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail.len);
    struct mc_answer answer = {.outcome = MC_OUTCOME_RETRY, .text = "no memory to deliver"};
    if (good) {
        uint64_t before = s->connections;
        CURLcode result = attempt(s, mail, false);
        if (connection_was_spent(s, result, before))
            result = attempt(s, mail, true);
        answer = answer_of(s, result);
    }
    curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(recipients);
    return answer;
}

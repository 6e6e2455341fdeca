/* The load generator of bench/serve: a store's events over kept-alive HTTP connections, one thread, epoll.
 *
 *     load post URL KEY [--connections N] [--batch N] [--seconds S] [--rate EVENTS/S] [--users N] [--events N]
 *                       [--carts] [--first-user N] [--seed N]
 *     load sale URL KEY COOKIE [--count N] [--every MS]
 *
 * post: each connection sends the next request when the last was answered (closed loop), or at its share of --rate.
 * Bodies are made once; before each sending only what must differ is written over: time, user, session, message id. So
 * a 250-byte event costs the generator some 30 ns and one send. The mix of types is the real cosmetics store's (46.7 %
 * view, 27.9 % cart, 19.2 % remove_from_cart, 6.2 % purchase), users are drawn evenly from --users, each with one
 * session, products (54,571) with a skew. --carts: each event is a cart of the next user, beginning with --first-user.
 * A 429 is sent again after what Retry-After says, and counted. Ends after --seconds, or when --events are sent.
 *
 * sale: a purchase of a product of its own every so often, and how long it takes until it comes over /api/stream.
 *
 * One line of "name value" pairs on standard output.
 */
#include "base/histogram.h"
#include "base/rng.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BODIES = 8,
    EVENT_BYTES = 512,
    HEAD_BYTES = 512,
    ANSWER_BYTES = 16384,
    CONNECTIONS_MAX = 1024,
    PRODUCTS = 54571
};
enum { TIME_CHARS = 27, USER_CHARS = 10, ID_CHARS = 16, SECONDS_MAX = 3600 };
static const int64_t NS = 1000000000, FROM_MS = 1000000;

static struct options {
    const char *key, *cookie;
    struct sockaddr_in address;
    uint32_t connections, batch, seconds, users, first_user, count, every_ms;
    uint64_t rate, events, seed;
    bool carts;
} options = {.connections = 16,
             .batch = 500,
             .seconds = 10,
             .users = 1000000,
             .events = UINT64_MAX,
             .count = 100,
             .every_ms = 100,
             .seed = 1};

/* Where in a body an event's changing parts are. */
struct places {
    uint32_t time, user, session, message;
};

struct body {
    char *text; /* head, then events */
    size_t len;
    struct places *at;
};

struct connection {
    int fd;
    struct body bodies[BODIES];
    uint32_t next_body;
    const struct body *sending; /* NULL: waits for its time */
    size_t sent;
    bool again; /* the last answer was 429 */
    int64_t sent_ns, start_ns;
    char answer[ANSWER_BYTES];
    size_t answer_len;
};

static struct load {
    int epoll;
    struct connection list[CONNECTIONS_MAX];
    uint32_t waiting; /* connections with nothing under way */
    struct mc_rng rng;
    uint64_t sent_events, user;
    uint64_t requests, accepted, rejected, busy, failed;
    struct mc_histogram latency; /* microseconds */
    uint64_t by_second[SECONDS_MAX + 1];
    int64_t begin_ns, end_ns;
} load;

static void stop(const char *why) {
    fprintf(stderr, "load: %s: %s\n", why, strerror(errno));
    exit(1);
}

/* ---- bodies ---- */

static const char *type_of(struct mc_rng *r) {
    uint64_t n = mc_rng_below(r, 1000);
    if (options.carts)
        return "cart";
    return n < 467 ? "view" : n < 746 ? "cart" : n < 938 ? "remove_from_cart" : "purchase";
}

/* The product of two even draws: a tenth of the products get a third of the events. */
static unsigned product_of(struct mc_rng *r) {
    return (unsigned)(mc_rng_below(r, PRODUCTS) * mc_rng_below(r, PRODUCTS) / PRODUCTS);
}

static size_t put_event(char *out, struct mc_rng *r, struct places *at, uint32_t offset) {
    static const char *const brands[] = {"runail", "grattol", "irisk", "masura", "bpw.style"};
    char brand[40] = "";
    if (mc_rng_below(r, 1000) >= 423)
        snprintf(brand, sizeof brand, ",\"brand\":\"%s\"", brands[mc_rng_below(r, 5)]);
    size_t n = 0;
    n += (size_t)sprintf(out + n, "{\"event_time\":\"");
    at->time = offset + (uint32_t)n;
    n += (size_t)sprintf(
        out + n, "%0*d\",\"event_type\":\"%s\",\"product_id\":\"%u\",\"price\":%u.%02u%s,\"user_id\":\"", TIME_CHARS, 0,
        type_of(r), 5800000 + product_of(r), (unsigned)mc_rng_below(r, 20), 1 + (unsigned)mc_rng_below(r, 99), brand);
    at->user = offset + (uint32_t)n;
    n += (size_t)sprintf(out + n, "%0*d\",\"user_session\":\"26dd6e6e-4dac-4778-", USER_CHARS, 0);
    at->session = offset + (uint32_t)n;
    n += (size_t)sprintf(out + n, "%0*d\",\"message_id\":\"26dd6e6e-8d2c-", ID_CHARS, 0);
    at->message = offset + (uint32_t)n;
    return n + (size_t)sprintf(out + n, "%0*d\"}\n", ID_CHARS, 0);
}

static void make_body(struct body *b, struct mc_rng *r) {
    char *events = malloc((size_t)options.batch * EVENT_BYTES), head[HEAD_BYTES];
    size_t len = 0;
    b->at = calloc(options.batch, sizeof *b->at);
    if (events == NULL || b->at == NULL)
        stop("memory");
    for (uint32_t i = 0; i < options.batch; i++)
        len += put_event(events + len, r, &b->at[i], (uint32_t)len);
    int head_len = snprintf(head, sizeof head,
                            "POST /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                            "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
                            options.key, len);
    b->len = (size_t)head_len + len;
    b->text = malloc(b->len);
    if (b->text == NULL)
        stop("memory");
    memcpy(b->text, head, (size_t)head_len);
    memcpy(b->text + head_len, events, len);
    for (uint32_t i = 0; i < options.batch; i++)
        b->at[i] = (struct places){b->at[i].time + (uint32_t)head_len, b->at[i].user + (uint32_t)head_len,
                                   b->at[i].session + (uint32_t)head_len, b->at[i].message + (uint32_t)head_len};
    free(events);
}

static void put_digits(char *out, uint64_t n, int count) {
    static const char pairs[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243"
        "4445464748495051525354555657585960616263646566676869707172737475767778798081828384858687"
        "888990919293949596979899";
    for (int i = count - 2; i >= 0; i -= 2, n /= 100)
        memcpy(out + i, pairs + 2 * (n % 100), 2);
}

/* Ids look random, as UUIDs do: they pack badly. */
static uint64_t mixed(uint64_t n) {
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;
    return n ^ n >> 31;
}

static void put_hex(char out[ID_CHARS], uint64_t n) {
    static char pairs[256][2];
    if (pairs[0][0] == '\0')
        for (int i = 0; i < 256; i++) {
            pairs[i][0] = "0123456789abcdef"[i >> 4];
            pairs[i][1] = "0123456789abcdef"[i & 15];
        }
    for (int i = 0; i < 8; i++, n >>= 8)
        memcpy(out + 2 * i, pairs[n & 255], 2);
}

/* Now, the next users, new message ids. */
static void renew(struct body *b) {
    char text[64];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &tm);
    uint64_t us = (uint64_t)now.tv_nsec / 1000;
    for (uint32_t i = 0; i < options.batch; i++) {
        const struct places *at = &b->at[i];
        uint64_t n = load.user++, user = options.carts ? n : mc_rng_below(&load.rng, options.users);
        memcpy(b->text + at->time, text, 20);
        put_digits(b->text + at->time + 20, (us + i) % 1000000, 6);
        b->text[at->time + 26] = 'Z';
        put_digits(b->text + at->user, user, USER_CHARS);
        put_hex(b->text + at->session, mixed(user));
        put_hex(b->text + at->message, mixed(n + options.seed * 1000000000000));
    }
}

/* ---- connections ---- */

static int dial(void) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&options.address, sizeof options.address) != 0)
        stop("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void watch(struct connection *c, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(load.epoll, how, c->fd, &event) != 0)
        stop("epoll");
}

static void send_more(struct connection *c) {
    ssize_t n = send(c->fd, c->sending->text + c->sent, c->sending->len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        stop("send");
    c->sent += n > 0 ? (size_t)n : 0;
    watch(c, c->sent < c->sending->len ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static bool is_over(int64_t now_ns) {
    return now_ns >= load.end_ns || load.sent_events >= options.events;
}

static void start_request(struct connection *c, int64_t now_ns) {
    c->sending = &c->bodies[c->next_body++ % BODIES];
    c->sent = 0;
    load.waiting--;
    load.sent_events += options.batch;
    renew(&c->bodies[(c->next_body - 1) % BODIES]);
    c->sent_ns = now_ns;
    send_more(c);
}

/* ---- answers ---- */

static long header_number(const char *head, const char *name) {
    const char *at = strcasestr(head, name);
    return at != NULL ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void count_answer(struct connection *c, int status, const char *body, int64_t now_ns) {
    const char *accepted = strstr(body, "\"accepted\":");
    uint64_t n = status == 200 && accepted != NULL ? strtoull(accepted + 11, NULL, 10) : 0;
    int64_t second = (now_ns - load.begin_ns) / NS;
    load.requests++;
    load.busy += status == 429;
    if (status != 200 && status != 429 && load.failed++ == 0)
        fprintf(stderr, "load: the first that failed: %d %s\n", status, body);
    load.accepted += n;
    load.rejected += status == 200 ? options.batch - n : 0;
    load.by_second[second < SECONDS_MAX ? second : SECONDS_MAX] += n;
    mc_histogram_add(&load.latency, (now_ns - c->sent_ns) / 1000);
}

/* An interval's share of the rate; after a 429 what the server asked for. */
static void plan_next(struct connection *c, long retry_s, int64_t now_ns) {
    if (retry_s > 0)
        c->start_ns = now_ns + retry_s * NS;
    else if (options.rate > 0)
        c->start_ns += (int64_t)((uint64_t)NS * options.batch * options.connections / options.rate);
    else
        c->start_ns = now_ns;
    c->sending = NULL;
    c->answer_len = 0;
    load.waiting++;
}

/* Whole answers only: they are small. */
static void receive(struct connection *c) {
    ssize_t n = recv(c->fd, c->answer + c->answer_len, ANSWER_BYTES - 1 - c->answer_len, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        stop("the server closed a connection");
        return;
    }
    c->answer_len += n > 0 ? (size_t)n : 0;
    c->answer[c->answer_len] = '\0';
    char *end = strstr(c->answer, "\r\n\r\n");
    long length = end != NULL ? header_number(c->answer, "\r\nContent-Length:") : -1;
    if (length < 0 || c->answer_len < (size_t)(end + 4 - c->answer) + (size_t)length)
        return;
    int64_t now_ns = mc_monotonic_ns();
    int status = atoi(c->answer + 9);
    count_answer(c, status, end + 4, now_ns);
    plan_next(c, status == 429 ? header_number(c->answer, "\r\nRetry-After:") : 0, now_ns);
}

/* ---- the loop ---- */

static void open_connections(void) {
    load.epoll = epoll_create1(0);
    struct mc_rng rng;
    mc_rng_seed(&rng, options.seed);
    mc_rng_seed(&load.rng, options.seed + 1000);
    load.user = options.first_user;
    for (uint32_t i = 0; i < options.connections; i++) {
        struct connection *c = &load.list[i];
        for (int k = 0; k < BODIES; k++)
            make_body(&c->bodies[k], &rng);
        c->fd = dial();
        watch(c, EPOLLIN, EPOLL_CTL_ADD);
    }
    load.waiting = options.connections;
    load.begin_ns = mc_monotonic_ns();
    load.end_ns = load.begin_ns + options.seconds * NS;
    for (uint32_t i = 0; i < options.connections; i++)
        load.list[i].start_ns =
            load.begin_ns + (options.rate > 0 ? (int64_t)((uint64_t)NS * options.batch * i / options.rate) : 0);
}

/* Starts what is due; returns milliseconds until the next that will be. */
static int start_due(void) {
    int64_t now_ns = mc_monotonic_ns(), next_ns = INT64_MAX;
    for (uint32_t i = 0; load.waiting > 0 && i < options.connections; i++) {
        struct connection *c = &load.list[i];
        if (c->sending != NULL || is_over(now_ns))
            continue;
        if (c->start_ns <= now_ns)
            start_request(c, now_ns);
        else if (c->start_ns < next_ns)
            next_ns = c->start_ns;
    }
    if (next_ns == INT64_MAX)
        return 100;
    int64_t wait_ms = (next_ns - now_ns + FROM_MS - 1) / FROM_MS;
    return wait_ms > 100 ? 100 : (int)wait_ms;
}

static void run(void) {
    struct epoll_event events[256];
    for (;;) {
        int wait_ms = start_due();
        if (load.waiting == options.connections && is_over(mc_monotonic_ns()))
            return;
        int n = epoll_wait(load.epoll, events, 256, wait_ms);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->sending != NULL && c->sent < c->sending->len && (events[i].events & EPOLLOUT) != 0)
                send_more(c);
            if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
                receive(c);
        }
    }
}

/* Of the whole seconds but the first. */
static uint64_t slowest_second(double seconds) {
    uint64_t slowest = UINT64_MAX;
    for (int i = 1; i + 1 < (int)seconds && i < SECONDS_MAX; i++)
        slowest = load.by_second[i] < slowest ? load.by_second[i] : slowest;
    return slowest == UINT64_MAX ? 0 : slowest;
}

static void say(void) {
    double seconds = (double)(mc_monotonic_ns() - load.begin_ns) / 1e9;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 + (double)usage.ru_stime.tv_sec +
                 (double)usage.ru_stime.tv_usec / 1e6;
    printf("seconds %.3f requests %llu accepted %llu rejected %llu busy %llu failed %llu events_per_s %.0f "
           "requests_per_s %.0f slowest_second %llu p50_us %lld p99_us %lld max_us %lld cpu_s %.2f body_bytes %zu\n",
           seconds, (unsigned long long)load.requests, (unsigned long long)load.accepted,
           (unsigned long long)load.rejected, (unsigned long long)load.busy, (unsigned long long)load.failed,
           (double)load.accepted / seconds, (double)load.requests / seconds,
           (unsigned long long)slowest_second(seconds), (long long)mc_histogram_percentile(&load.latency, 500000),
           (long long)mc_histogram_percentile(&load.latency, 990000), (long long)load.latency.max, cpu,
           load.list[0].bodies[0].len);
}

/* ---- sale ---- */

static struct watcher {
    int stream, post;
    char text[1 << 20];
    size_t len;
    int64_t posted_ns[100000];
    uint32_t posted, seen;
} watcher;

static void send_all(int fd, const char *text, size_t len) {
    for (ssize_t n; len > 0; text += n, len -= (size_t)n)
        if ((n = send(fd, text, len, MSG_NOSIGNAL)) <= 0)
            stop("send");
}

static void open_stream(void) {
    char text[1024];
    watcher.stream = dial();
    watcher.post = dial();
    int len =
        snprintf(text, sizeof text, "GET /api/stream HTTP/1.1\r\nHost: bench\r\nCookie: %s\r\n\r\n", options.cookie);
    send_all(watcher.stream, text, (size_t)len);
    ssize_t n = recv(watcher.stream, watcher.text, 1024, 0);
    if (n < 12 || memcmp(watcher.text + 9, "200", 3) != 0) {
        fprintf(stderr, "load: the stream answers %.*s\n", n < 12 ? 0 : 12, watcher.text);
        exit(1);
    }
}

static void post_sale(uint32_t n) {
    char body[512], text[1024], time_text[64];
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    int len = snprintf(body, sizeof body,
                       "{\"event_time\":\"%s\",\"event_type\":\"purchase\",\"product_id\":\"sale-%06u\",\"price\":1.00,"
                       "\"user_id\":\"buyer-%u\",\"user_session\":\"s-%u\"}",
                       time_text, n, n, n);
    int all = snprintf(text, sizeof text,
                       "POST /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"
                       "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                       options.key, len, body);
    watcher.posted_ns[n] = mc_monotonic_ns();
    send_all(watcher.post, text, (size_t)all);
}

/* Looks for products of ours in what came; keeps the end, where one may be cut. */
static void read_stream(void) {
    ssize_t n = recv(watcher.stream, watcher.text + watcher.len, sizeof watcher.text - watcher.len - 1, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        stop("the stream ended");
    watcher.len += n > 0 ? (size_t)n : 0;
    watcher.text[watcher.len] = '\0';
    int64_t now_ns = mc_monotonic_ns();
    const char *at = watcher.text, *found;
    while ((found = strstr(at, "\"sale-")) != NULL && strlen(found) >= 13) {
        uint32_t which = (uint32_t)strtoul(found + 6, NULL, 10);
        at = found + 6;
        if (which >= watcher.posted || watcher.posted_ns[which] == 0)
            continue;
        mc_histogram_add(&load.latency, (now_ns - watcher.posted_ns[which]) / 1000);
        watcher.posted_ns[which] = 0;
        watcher.seen++;
    }
    size_t keep = watcher.len < 16 ? watcher.len : 16;
    memmove(watcher.text, watcher.text + watcher.len - keep, keep);
    watcher.len = keep;
}

static void read_answers(void) {
    char text[4096];
    ssize_t n = recv(watcher.post, text, sizeof text - 1, MSG_DONTWAIT);
    if (n == 0)
        stop("the server closed a connection");
    text[n > 0 ? n : 0] = '\0';
    load.busy += strstr(text, " 429 ") != NULL;
}

static void run_sales(void) {
    struct pollfd polls[2] = {{.fd = watcher.stream, .events = POLLIN}, {.fd = watcher.post, .events = POLLIN}};
    int64_t next_ns = mc_monotonic_ns(),
            end_ns = next_ns + (int64_t)options.count * options.every_ms * FROM_MS + 5 * NS;
    for (int64_t now_ns = next_ns; watcher.seen < options.count && now_ns < end_ns; now_ns = mc_monotonic_ns()) {
        if (watcher.posted < options.count && now_ns >= next_ns) {
            post_sale(watcher.posted++);
            next_ns += options.every_ms * FROM_MS;
        }
        int64_t wait_ms = watcher.posted < options.count ? (next_ns - now_ns) / FROM_MS + 1 : 100;
        poll(polls, 2, wait_ms < 0 ? 0 : (int)wait_ms);
        if (polls[0].revents != 0)
            read_stream();
        if (polls[1].revents != 0)
            read_answers();
    }
    printf("posted %u seen %u busy %llu p50_us %lld p99_us %lld max_us %lld\n", watcher.posted, watcher.seen,
           (unsigned long long)load.busy, (long long)mc_histogram_percentile(&load.latency, 500000),
           (long long)mc_histogram_percentile(&load.latency, 990000), (long long)load.latency.max);
}

/* ---- the command line ---- */

static void read_url(const char *url) {
    char host[64];
    unsigned port;
    if (sscanf(url, "http://%63[0-9.]:%u", host, &port) != 2) {
        fprintf(stderr, "load: '%s' is no http://ADDRESS:PORT\n", url);
        exit(2);
    }
    options.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &options.address.sin_addr);
}

static bool read_option(const char *name, const char *value) {
    const struct {
        const char *name;
        uint32_t *small;
        uint64_t *large;
    } known[] = {{"--connections", &options.connections, NULL}, {"--batch", &options.batch, NULL},
                 {"--seconds", &options.seconds, NULL},         {"--users", &options.users, NULL},
                 {"--first-user", &options.first_user, NULL},   {"--count", &options.count, NULL},
                 {"--every", &options.every_ms, NULL},          {"--rate", NULL, &options.rate},
                 {"--events", NULL, &options.events},           {"--seed", NULL, &options.seed}};
    for (size_t i = 0; value != NULL && i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) {
            uint64_t number = strtoull(value, NULL, 10);
            if (known[i].small != NULL)
                *known[i].small = (uint32_t)number;
            else
                *known[i].large = number;
            return true;
        }
    return false;
}

static int usage(void) {
    fputs("usage: load post URL KEY [OPTION N]... [--carts], load sale URL KEY COOKIE [OPTION N]...: see its source\n",
          stderr);
    return 2;
}

int main(int argc, char **argv) {
    bool sale = argc > 1 && strcmp(argv[1], "sale") == 0;
    int at = sale ? 5 : 4;
    if (argc < at || (!sale && strcmp(argv[1], "post") != 0))
        return usage();
    read_url(argv[2]);
    options.key = argv[3];
    options.cookie = sale ? argv[4] : NULL;
    for (; at < argc; at++) {
        if (strcmp(argv[at], "--carts") == 0)
            options.carts = true;
        else if (read_option(argv[at], at + 1 < argc ? argv[at + 1] : NULL))
            at++;
        else
            return usage();
    }
    if (options.connections == 0 || options.connections > CONNECTIONS_MAX || options.batch == 0 ||
        options.count > 100000)
        return usage();
    if (sale) {
        open_stream();
        run_sales();
        return watcher.seen == watcher.posted ? 0 : 1;
    }
    open_connections();
    run();
    say();
    return load.failed == 0 ? 0 : 1;
}

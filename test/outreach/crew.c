/* One thread that owns the ledger and several couriers, as in the live service: delivers the messages of a store that
 * it makes, and prints what came of it as one JSON object. Not a part of the product.
 *
 *     outreach_crew STORE COURIERS MESSAGES [url=URL] [webhook=URL] [spool=FOLDER] [in_flight=N] [batch=N] [rate=N]
 *                                           [too_late=SECONDS] [stop_after=N]
 *
 * stop_after: after so many accepted messages the couriers are told to stop, as at the end of a service; what they did
 * not get to goes back.
 */
#include "outreach/sample.h"

#include "outreach/courier.h"
#include "outreach/delays.h"
#include "outreach/shop.h"
#include <pthread.h>

enum { COURIERS_MAX = 64, BATCH_MAX = 64 };

/* What the threads share, under the lock. A queue is a list by `next`, last in first out: who comes first does not
 * matter for what is tested here. */
struct crew {
    struct mc_mailer_settings settings;
    pthread_mutex_t lock;
    pthread_cond_t work, answer;
    struct mc_outgoing *to_deliver, *answered;
    size_t batch;
    bool ended;
    atomic_bool stop;
    uint64_t connections;
};

static struct mc_outgoing *pop(struct mc_outgoing **queue) {
    struct mc_outgoing *o = *queue;
    if (o != NULL)
        *queue = o->next;
    return o;
}

static void push(struct mc_outgoing **queue, struct mc_outgoing *o) {
    o->next = *queue;
    *queue = o;
}

/* ---- a courier's thread ---- */

static size_t wait_for_work(struct crew *crew, struct mc_outgoing *list[BATCH_MAX]) {
    size_t count = 0;
    pthread_mutex_lock(&crew->lock);
    while (crew->to_deliver == NULL && !crew->ended)
        pthread_cond_wait(&crew->work, &crew->lock);
    while (count < crew->batch && crew->to_deliver != NULL)
        list[count++] = pop(&crew->to_deliver);
    pthread_mutex_unlock(&crew->lock);
    return count;
}

static void give_back(struct crew *crew, struct mc_outgoing *const *list, size_t count) {
    pthread_mutex_lock(&crew->lock);
    for (size_t i = 0; i < count; i++)
        push(&crew->answered, list[i]);
    pthread_cond_signal(&crew->answer);
    pthread_mutex_unlock(&crew->lock);
}

static void *work(void *context) {
    struct crew *crew = context;
    struct mc_courier *courier;
    struct mc_error e = {0};
    struct mc_outgoing *list[BATCH_MAX];
    size_t count;
    must(mc_courier_open(&courier, &crew->settings, &e), &e);
    while ((count = wait_for_work(crew, list)) > 0) {
        mc_courier_deliver(courier, list, count);
        give_back(crew, list, count);
    }
    pthread_mutex_lock(&crew->lock);
    crew->connections += mc_courier_connections(courier);
    pthread_mutex_unlock(&crew->lock);
    mc_courier_close(&courier);
    return NULL;
}

/* ---- the ledger's thread ---- */

struct books {
    struct mc_ledger *ledger;
    struct mc_mailer *mailer;
    size_t in_flight, commits;
    int64_t ledger_ns; /* spent in take and settle */
    uint64_t stop_after;
};

static size_t collect(struct crew *crew, bool wait, struct mc_outgoing *list[], size_t max) {
    size_t count = 0;
    pthread_mutex_lock(&crew->lock);
    while (wait && crew->answered == NULL)
        pthread_cond_wait(&crew->answer, &crew->lock);
    while (count < max && crew->answered != NULL)
        list[count++] = pop(&crew->answered);
    pthread_mutex_unlock(&crew->lock);
    return count;
}

static void hand_out(struct crew *crew, struct mc_outgoing *const *list, size_t count) {
    pthread_mutex_lock(&crew->lock);
    for (size_t i = 0; i < count; i++)
        push(&crew->to_deliver, list[i]);
    pthread_cond_broadcast(&crew->work);
    pthread_mutex_unlock(&crew->lock);
}

/* One transaction. False: nothing is on its way, and nothing was to be taken. */
static bool turn(struct crew *crew, struct books *b) {
    struct mc_outgoing *answered[256], *taken[256];
    struct mc_error e = {0};
    bool stopped = atomic_load(&crew->stop);
    size_t settled = collect(crew, b->in_flight > 0, answered, 256), count = 0;
    must(mc_ledger_begin(b->ledger, &e), &e);
    int64_t start = mc_monotonic_ns();
    must(mc_mailer_settle(b->mailer, answered, settled, &e), &e);
    if (!stopped)
        must(mc_mailer_take(b->mailer, mc_wall_now(), taken, 256, &count, &e), &e);
    b->ledger_ns += mc_monotonic_ns() - start;
    must(mc_ledger_commit(b->ledger, &e), &e);
    b->commits++;
    for (size_t i = 0; i < settled; i++)
        mc_outgoing_free(&answered[i]);
    hand_out(crew, taken, count);
    b->in_flight += count;
    b->in_flight -= settled;
    const uint64_t *outcomes = mc_mailer_counts(b->mailer)->outcomes;
    if (b->stop_after > 0 && outcomes[MC_OUTCOME_ACCEPTED] >= b->stop_after)
        atomic_store(&crew->stop, true);
    return b->in_flight > 0;
}

static void print(const struct crew *crew, const struct books *b, double seconds) {
    struct mc_histogram delays;
    struct mc_error e = {0};
    struct mc_report report;
    const struct mc_mailer_counts *counts = mc_mailer_counts(b->mailer);
    must(mc_delays_read(b->ledger, mc_wall_now(), &delays, &e), &e);
    must(mc_report_read(b->ledger, &report, &e), &e);
    printf("{\"seconds\":%.3f,\"commits\":%zu,\"ledger_seconds\":%.3f,\"connections\":%d,\"spooled\":%d,\"delays\":%d,"
           "\"delay_p99_s\":%.3f,\"outcomes\":{",
           seconds, b->commits, (double)b->ledger_ns / 1e9, (int)crew->connections, (int)counts->spooled,
           (int)delays.count, (double)mc_histogram_percentile(&delays, 990000) / 1e6);
    for (int i = 0; i < MC_OUTCOMES; i++)
        printf("%s\"%s\":%d", i > 0 ? "," : "", mc_delivery_outcome_names[i], (int)counts->outcomes[i]);
    printf("},\"states\":{");
    for (int i = 0, shown = 0; i < MC_MESSAGE_STATES; i++)
        if (report.messages[i] > 0)
            printf("%s\"%s\":%d", shown++ > 0 ? "," : "", mc_message_state_names[i], (int)report.messages[i]);
    printf("}}\n");
}

static const char *option(int argc, char **argv, const char *name) {
    size_t len = strlen(name);
    for (int i = 4; i < argc; i++)
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    return NULL;
}

static uint32_t number(int argc, char **argv, const char *name) {
    const char *text = option(argc, argv, name);
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void set_up(struct crew *crew, int argc, char **argv) {
    struct mc_mailer_settings *s = &crew->settings;
    *s = shop_settings();
    s->spool = option(argc, argv, "spool");
    s->smtp = (struct mc_smtp_settings){
        .url = option(argc, argv, "url"), .tls = MC_TLS_NONE, .answer_timeout_s = 30, .stop = &crew->stop};
    s->webhook = (struct mc_webhook_settings){.url = option(argc, argv, "webhook"),
                                              .secret = "a secret of 16 bytes",
                                              .allow_private = true,
                                              .stop = &crew->stop};
    s->in_flight_max = number(argc, argv, "in_flight");
    s->rate_per_minute = number(argc, argv, "rate");
    s->too_late_after_us = number(argc, argv, "too_late") * MC_SECOND_US;
    crew->batch = number(argc, argv, "batch");
    crew->batch = crew->batch == 0 ? 1 : crew->batch > BATCH_MAX ? BATCH_MAX : crew->batch;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->work, NULL);
    pthread_cond_init(&crew->answer, NULL);
}

static struct mc_ledger *fill(const char *path, int messages) {
    struct mc_error e = {0};
    struct mc_ledger *l = shop_open(path, false, NULL);
    int64_t now_us = mc_wall_now().us;
    must(mc_ledger_begin(l, &e), &e);
    for (int i = 0; i < messages; i++) {
        shop_subscribe(l, i);
        shop_abandon(l, i, now_us - messages + i);
    }
    must(mc_ledger_advance(l, (struct mc_time){now_us}, &e), &e);
    must(mc_ledger_commit(l, &e), &e);
    return l;
}

int main(int argc, char **argv) {
    static struct crew crew;
    pthread_t threads[COURIERS_MAX];
    struct mc_error e = {0};
    if (argc < 4 || atoi(argv[2]) < 1 || atoi(argv[2]) > COURIERS_MAX)
        return 2;
    set_up(&crew, argc, argv);
    struct books b = {.ledger = fill(argv[1], atoi(argv[3])), .stop_after = number(argc, argv, "stop_after")};
    must(mc_mailer_open(&b.mailer, b.ledger, &crew.settings, &e), &e);
    for (int i = 0; i < atoi(argv[2]); i++)
        if (pthread_create(&threads[i], NULL, work, &crew) != 0)
            return 1;
    int64_t start = mc_monotonic_ns();
    while (turn(&crew, &b))
        ;
    double seconds = (double)(mc_monotonic_ns() - start) / 1e9;
    pthread_mutex_lock(&crew.lock);
    crew.ended = true;
    pthread_cond_broadcast(&crew.work);
    pthread_mutex_unlock(&crew.lock);
    for (int i = 0; i < atoi(argv[2]); i++)
        pthread_join(threads[i], NULL);
    print(&crew, &b, seconds);
    mc_mailer_close(&b.mailer);
    mc_ledger_close(&b.ledger);
    return 0;
}

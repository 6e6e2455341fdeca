/* The way into the log with threads on both sides: each submission is answered once, what was answered well is in the
 * log once, and comes out behind it in order; the bounds hold; a full disk is answered, and passes. */
#include "app/intake.h"

#include "../base/seed.h"
#include "../store/fault_vfs.h"
#include "base/mem.h"
#include <sched.h>

static char folder[64];

static int make_folder(void **state) {
    const char *temporary = getenv("TMPDIR");
    int failed = fault_prepare(state);
    sqlite3_vfs_register(&fault_layer, 1);
    snprintf(folder, sizeof folder, "%.40s/mc_intake_XXXXXX", temporary ? temporary : "/tmp");
    return failed || mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

/* ---- a log with its thread, and the ledger's thread behind it ---- */

enum { REFUSED = MC_INTAKE_SUBMISSIONS + 200, RECORDS_MAX = REFUSED + 4096 };

/* What became of one submission. */
struct record {
    atomic_int answers, err;
    struct bench *bench;
    int in_log, taken; /* looked at by one thread at a time */
};

struct bench {
    struct mc_log log;
    struct mc_inbox *inbox;
    struct mc_intake door;
    struct record records[RECORDS_MAX];
    pthread_t log_thread, taker;
    int64_t taken_position; /* the taker's */
    size_t ticks;
    int failures; /* the log thread's: answered with an error */
    int lift_at;  /* the failure at which the disk has room again; 0: never */
};

static struct bench bench;

static void start(void) {
    struct mc_error e = {0};
    char store[96];
    memset(&bench, 0, sizeof bench);
    snprintf(store, sizeof store, "%s/s", folder);
    check(mc_inbox_open(&bench.inbox, store, &e) == MC_OK);
    check(mc_log_open(&bench.log, bench.inbox, &e) == MC_OK);
    bench.door = mc_log_intake(&bench.log);
    for (size_t i = 0; i < RECORDS_MAX; i++)
        bench.records[i].bench = &bench;
}

static void *run_log(void *log) {
    mc_log_run(log);
    return NULL;
}

/* The number in the body of a record's entry; ticks have none. */
static struct record *record_of(struct mc_str body) {
    char text[16] = "";
    check(body.len >= 8);
    memcpy(text, body.data, 8);
    size_t number = strtoul(text, NULL, 10);
    check(number < RECORDS_MAX);
    return &bench.records[number];
}

static void *take_committed(void *unused) {
    void *list[64];
    size_t n;
    (void)unused;
    while ((n = mc_fifo_take(&bench.log.committed, list, 64, INT64_MAX)) > 0)
        for (size_t i = 0; i < n; i++) {
            struct mc_committed *c = list[i];
            check(c->entry.position == ++bench.taken_position); /* without a hole */
            if (c->entry.kind == MC_ENTRY_TICK)
                bench.ticks++;
            else
                record_of(c->entry.body)->taken++;
            mc_log_give_back(&bench.log, c);
        }
    return NULL;
}

static void start_threads(void) {
    check(pthread_create(&bench.log_thread, NULL, run_log, &bench.log) == 0);
    check(pthread_create(&bench.taker, NULL, take_committed, NULL) == 0);
}

static void stop_threads(void) {
    mc_log_stop(&bench.log);
    pthread_join(bench.log_thread, NULL);
    pthread_join(bench.taker, NULL);
}

static bool see_entry(void *context, const struct mc_entry *entry) {
    size_t *seen = context;
    check(entry->position == (int64_t)++ * seen);
    if (entry->kind != MC_ENTRY_TICK)
        record_of(entry->body)->in_log++;
    return true;
}

static void remove_store(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s/s-inbox'", folder);
    check(system(command) == 0);
}

/* Everything is where it must be, nothing is in flight, the pool is whole. Closes. */
static void finish(size_t records) {
    struct mc_error e = {0};
    size_t seen = 0;
    check(mc_inbox_each(bench.inbox, 0, see_entry, &seen, &e) == MC_OK);
    check((int64_t)seen == mc_inbox_last(bench.inbox) && (int64_t)seen == bench.taken_position);
    for (size_t i = 0; i < records; i++) {
        const struct record *r = &bench.records[i];
        check(atomic_load(&r->answers) == 1);
        check(r->in_log == (atomic_load(&r->err) == MC_OK) && r->taken == r->in_log);
    }
    check(bench.log.free_count == MC_INTAKE_SUBMISSIONS);
    check(atomic_load(&bench.log.bytes_in_flight) == 0 && atomic_load(&bench.log.bytes_behind) == 0);
    check(atomic_load(&bench.log.ticks_in_flight) == 0);
    mc_log_close(&bench.log);
    mc_inbox_close(&bench.inbox);
    remove_store();
}

/* ---- submitting ---- */

/* On the log's thread, but for what is refused at the door. */
static void done(void *context, enum mc_err err) {
    struct record *r = context;
    if (err != MC_OK && r->bench->lift_at > 0 && ++r->bench->failures == r->bench->lift_at)
        fault_set(FAULT_NONE, 0);
    atomic_store(&r->err, (int)err);
    atomic_fetch_add(&r->answers, 1);
}

/* False: the door gives none. Every third is no body but eight bytes, like a click. */
static bool submit_number(size_t number, size_t padding) {
    struct mc_submission *s = bench.door.acquire(bench.door.context);
    if (s == NULL)
        return false;
    s->kind = number % 3 == 0 ? MC_ENTRY_CLICK : MC_ENTRY_NATIVE;
    s->key = 5;
    s->persons = number % 2 == 0;
    s->arrived_at = mc_wall_now();
    s->done = done;
    s->context = &bench.records[number];
    if (s->kind == MC_ENTRY_CLICK) {
        snprintf(s->room, sizeof s->room, "%08zu", number);
        s->body = (struct mc_str){s->room, 8};
    } else {
        struct mc_batch *b = &s->calls.batch;
        mc_batch_reset(b);
        mc_buf_printf(&b->bytes, "%08zu", number);
        memset(mc_buf_reserve(&b->bytes, padding + 1), 'x', padding);
        b->bytes.len += padding;
        b->raw_len = b->bytes.len;
        mc_buf_text(&b->bytes, "what a decoder adds behind the body");
    }
    bench.door.submit(bench.door.context, s);
    return true;
}

struct submitter {
    size_t from, count;
    pthread_t thread;
};

static void *submit_all(void *argument) {
    struct submitter *s = argument;
    for (size_t i = 0; i < s->count; i++)
        while (!submit_number(s->from + i, i % 7 * 100))
            sched_yield();
    return NULL;
}

static void submit_by_threads(size_t threads, size_t each) {
    struct submitter list[8];
    for (size_t i = 0; i < threads; i++) {
        list[i] = (struct submitter){.from = i * each, .count = each};
        check(pthread_create(&list[i].thread, NULL, submit_all, &list[i]) == 0);
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(list[i].thread, NULL);
}

static void test_each_is_answered_once_and_logged_once(void **state) {
    (void)state;
    start();
    start_threads();
    submit_by_threads(4, 1000);
    stop_threads();
    check(bench.taken_position == 4000 + (int64_t)bench.ticks);
    check(atomic_load(&bench.log.entries) == (uint64_t)bench.taken_position && atomic_load(&bench.log.refused) == 0);
    finish(4000);
}

static void test_time_passes_when_nothing_comes(void **state) {
    (void)state;
    start();
    start_threads();
    while (atomic_load(&bench.log.entries) == 0)
        sched_yield();
    stop_threads();
    check(bench.ticks > 0);
    finish(0);
}

/* Many short lives: the end comes while submissions are on their way. All is answered; what was logged is taken. */
static void test_stop_drains(void **state) {
    (void)state;
    for (int round = 0; round < 30; round++) {
        start();
        start_threads();
        struct submitter s = {.from = 0, .count = 20};
        check(pthread_create(&s.thread, NULL, submit_all, &s) == 0);
        pthread_join(s.thread, NULL);
        stop_threads();
        finish(20);
    }
}

/* Before its thread has looked at any; and nothing comes in behind the end. */
static void test_what_waits_when_it_stops_is_logged(void **state) {
    (void)state;
    start();
    for (size_t i = 0; i < 700; i++) /* more than one append */
        check(submit_number(i, 0));
    struct mc_submission *late = bench.door.acquire(bench.door.context);
    check(late != NULL);
    mc_log_stop(&bench.log);
    check(bench.door.acquire(bench.door.context) == NULL);
    late->kind = MC_ENTRY_CLICK;
    late->body = MC_STR("00000700");
    late->done = done;
    late->context = &bench.records[700];
    bench.door.submit(bench.door.context, late);
    check(atomic_load(&bench.records[700].err) == MC_ERR_BUSY);
    mc_log_run(&bench.log);
    check(mc_fifo_is_closed(&bench.log.committed));
    take_committed(NULL);
    finish(701);
}

/* ---- bounds ---- */

static void test_the_pool_is_bounded(void **state) {
    (void)state;
    static struct mc_submission *all[MC_INTAKE_SUBMISSIONS];
    start();
    for (size_t i = 0; i < MC_INTAKE_SUBMISSIONS; i++)
        check((all[i] = bench.door.acquire(bench.door.context)) != NULL);
    check(bench.door.acquire(bench.door.context) == NULL);
    bench.door.release(bench.door.context, all[0]);
    check((all[0] = bench.door.acquire(bench.door.context)) != NULL);
    for (size_t i = 0; i < MC_INTAKE_SUBMISSIONS; i++)
        bench.door.release(bench.door.context, all[i]);
    finish(0);
}

/* Bytes count from submit until they were consumed; large memory does not stay in the pool. */
static void test_bytes_in_flight_are_bounded(void **state) {
    (void)state;
    const size_t large = 4 << 20;
    static struct mc_submission *all[MC_INTAKE_SUBMISSIONS];
    size_t count = 0, kept = 0;
    start();
    while (submit_number(count, count % 3 == 0 ? 0 : large))
        check(++count < 100);
    uint64_t in_flight = atomic_load(&bench.log.bytes_in_flight);
    check(in_flight >= MC_INTAKE_BYTES && in_flight < MC_INTAKE_BYTES + large + MC_INTAKE_OVERHEAD + 1024);
    start_threads();
    while (!submit_number(count, 0))
        sched_yield();
    stop_threads();
    bench.log.queue.closed = false; /* no thread is there: look into the pool */
    for (size_t i = 0; i < MC_INTAKE_SUBMISSIONS; i++) {
        check((all[i] = bench.door.acquire(bench.door.context)) != NULL);
        kept += all[i]->calls.batch.bytes.cap;
    }
    for (size_t i = 0; i < MC_INTAKE_SUBMISSIONS; i++)
        bench.door.release(bench.door.context, all[i]);
    check(kept < 1 << 20);
    finish(count + 1);
}

/* ---- refusals ---- */

static void test_what_is_refused_is_full(void **state) {
    (void)state;
    start();
    atomic_store(&bench.log.refusing, true);
    for (size_t i = 0; i < REFUSED; i++) {
        check(submit_number(i, 0));
        check(atomic_load(&bench.records[i].err) == MC_ERR_FULL);
    }
    check(atomic_load(&bench.log.refused) == REFUSED);
    atomic_store(&bench.log.refusing, false);
    start_threads();
    for (size_t i = 0; i < 100; i++)
        check(submit_number(REFUSED + i, 0));
    stop_threads();
    finish(REFUSED + 100);
}

/* From the n-th write on there is no room, until so many were refused; segments are short, so that some n meets a new
 * one. */
static void test_a_full_disk_is_answered_and_passes(void **state) {
    (void)state;
    size_t full = 0;
    for (long n = 1; n <= 60; n += n < 20 ? 1 : 8) {
        size_t count = 0, good = 0;
        start();
        mc_inbox_set_segment_bytes(bench.inbox, 16384);
        bench.lift_at = 3;
        fault_set(FAULT_FULL_FOR_EVER, n);
        start_threads();
        for (; good < 40 && count < 400; count++) { /* one at a time: each an append of its own */
            while (!submit_number(count, 1000))
                sched_yield();
            while (atomic_load(&bench.records[count].answers) == 0)
                sched_yield();
            int err = atomic_load(&bench.records[count].err);
            check(err == MC_OK || err == MC_ERR_FULL || err == MC_ERR_IO); /* IO: it was at a sync */
            full += err == MC_ERR_FULL;
            good += err == MC_OK;
        }
        stop_threads();
        fault_set(FAULT_NONE, 0);
        check(good == 40 && count == 40 + (size_t)bench.failures && !atomic_load(&bench.log.is_full));
        finish(count);
    }
    check(full > 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pool_is_bounded),
        cmocka_unit_test(test_what_waits_when_it_stops_is_logged),
        cmocka_unit_test(test_each_is_answered_once_and_logged_once),
        cmocka_unit_test(test_time_passes_when_nothing_comes),
        cmocka_unit_test(test_stop_drains),
        cmocka_unit_test(test_bytes_in_flight_are_bounded),
        cmocka_unit_test(test_what_is_refused_is_full),
        cmocka_unit_test(test_a_full_disk_is_answered_and_passes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

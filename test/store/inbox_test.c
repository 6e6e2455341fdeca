/* The log: order, positions without a hole over segments, what a killed process leaves. */
#include "store/inbox.h"

#include "fault_vfs.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char store[160];

static int make_store(void **state) {
    int failed = fault_prepare(state);
    snprintf(store, sizeof store, "%s/s", temp_dir());
    return failed;
}

static int remove_store(void **state) {
    (void)state;
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s-inbox' && rmdir \"$(dirname '%s')\"", store, store);
    return system(command);
}

static struct mc_inbox *open_inbox(void) {
    struct mc_inbox *b = NULL;
    struct mc_error e = {0};
    if (mc_inbox_open(&b, store, &e) != MC_OK)
        fail_msg("%s", e.text);
    return b;
}

/* Entry n of the test: kind, arrival and body follow from n. */
static struct mc_entry entry_of(int64_t n, char room[64]) {
    int len = snprintf(room, 64, "body %lld", (long long)(n * 7919));
    return (struct mc_entry){.kind = (enum mc_entry_kind)(n % MC_ENTRY_KINDS),
                             .persons = n % 3 == 0,
                             .key = n % 5,
                             .arrived_at = {n * 1000},
                             .body = {room, n % 4 == 0 ? 0 : (size_t)len}};
}

static enum mc_err append(struct mc_inbox *b, int count, struct mc_error *e) {
    char rooms[32][64];
    struct mc_entry entries[32], *list[32];
    for (int i = 0; i < count; i++) {
        entries[i] = entry_of(mc_inbox_last(b) + 1 + i, rooms[i]);
        list[i] = &entries[i];
    }
    return mc_inbox_append(b, list, (size_t)count, e);
}

struct seen {
    int64_t next, stop_at;
};

static bool check_entry(void *context, const struct mc_entry *entry) {
    struct seen *seen = context;
    char room[64];
    struct mc_entry want = entry_of(seen->next, room);
    assert_int_equal(entry->position, seen->next);
    assert_int_equal(entry->kind, want.kind);
    assert_int_equal(entry->persons, want.persons);
    assert_int_equal(entry->key, want.key);
    assert_int_equal(entry->arrived_at.us, want.arrived_at.us);
    assert_true(mc_str_equal(entry->body, want.body));
    seen->next++;
    return seen->next != seen->stop_at;
}

static void check_from(struct mc_inbox *b, int64_t after) {
    struct seen seen = {after + 1, 0};
    struct mc_error e = {0};
    assert_int_equal(mc_inbox_each(b, after, check_entry, &seen, &e), MC_OK);
    assert_int_equal(seen.next, mc_inbox_last(b) + 1);
}

static void entries_come_back_in_order(void **state) {
    (void)state;
    struct mc_error e = {0};
    struct mc_inbox *b = open_inbox();
    assert_int_equal(mc_inbox_last(b), 0);
    for (int round = 0; round < 30; round++) {
        mc_inbox_set_segment_bytes(b, 200); /* a segment each few appends */
        assert_int_equal(append(b, 1 + round % 7, &e), MC_OK);
        if (round % 5 == 4) {
            int64_t last = mc_inbox_last(b);
            mc_inbox_close(&b);
            b = open_inbox();
            assert_int_equal(mc_inbox_last(b), last);
        }
    }
    for (int64_t after = 0; after <= mc_inbox_last(b); after += 3)
        check_from(b, after);
    struct mc_inbox_extent extent;
    bool there = false;
    assert_int_equal(mc_inbox_measure(store, &there, &extent, &e), MC_OK);
    assert_true(there && extent.first == 1 && extent.last == mc_inbox_last(b));
    assert_int_equal(extent.entries, mc_inbox_last(b));
    struct seen seen = {5, 9};
    assert_int_equal(mc_inbox_each(b, 4, check_entry, &seen, &e), MC_OK);
    assert_int_equal(seen.next, 9);
    mc_inbox_close(&b);
}

/* What is dropped is whole segments at or before the position; all behind it stays. */
static void old_segments_are_dropped(void **state) {
    (void)state;
    struct mc_error e = {0};
    struct mc_inbox *b = open_inbox();
    int64_t last = mc_inbox_last(b);
    for (int64_t upto = 0; upto <= last; upto += 10) {
        assert_int_equal(mc_inbox_drop(b, upto, (struct mc_wall){INT64_MAX}, &e), MC_OK);
        check_from(b, upto);
    }
    mc_inbox_close(&b);
    b = open_inbox();
    assert_int_equal(mc_inbox_last(b), last);
    mc_inbox_set_segment_bytes(b, 1);
    assert_int_equal(append(b, 3, &e), MC_OK);
    assert_int_equal(append(b, 3, &e), MC_OK); /* entry n arrived at n ms: too young to go before last + 4 */
    assert_int_equal(mc_inbox_drop(b, last + 6, (struct mc_wall){(last + 3) * 1000}, &e), MC_OK);
    check_from(b, last);
    assert_int_equal(mc_inbox_drop(b, last + 6, (struct mc_wall){(last + 4) * 1000}, &e), MC_OK);
    struct seen seen = {last + 4, 0};
    assert_int_equal(mc_inbox_each(b, last, check_entry, &seen, &e), MC_OK);
    assert_int_equal(append(b, 3, &e), MC_OK);
    check_from(b, last + 3);
    mc_inbox_close(&b);
}

/* A child appends and tells each position after it is durable, until it is killed: all that it told is there. */
static void a_killed_writer_loses_nothing_that_it_acknowledged(void **state) {
    (void)state;
    for (int round = 0; round < 5; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            struct mc_error e = {0};
            struct mc_inbox *b = NULL;
            if (mc_inbox_open(&b, store, &e) != MC_OK)
                _exit(1);
            for (;;) {
                mc_inbox_set_segment_bytes(b, 4096);
                int64_t last = 0;
                if (append(b, 5, &e) != MC_OK || ((last = mc_inbox_last(b)), write(ends[1], &last, sizeof last) < 0))
                    _exit(1);
            }
        }
        int64_t told = 0;
        for (int i = 0; i < 20 + 13 * round; i++)
            assert_int_equal(read(ends[0], &told, sizeof told), sizeof told);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ends[0]);
        close(ends[1]);
        struct mc_inbox *b = open_inbox();
        assert_true(mc_inbox_last(b) >= told);
        check_from(b, told - 20);
        mc_inbox_close(&b);
    }
}

static void an_error_names_the_folder(void **state) {
    (void)state;
    struct mc_inbox *b;
    struct mc_error e = {0};
    assert_int_equal(mc_inbox_open(&b, "/proc/none/s", &e), MC_ERR_IO);
    assert_null(b);
    assert_non_null(strstr(e.text, "/proc/none/s-inbox"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_in_order),
        cmocka_unit_test(old_segments_are_dropped),
        cmocka_unit_test(a_killed_writer_loses_nothing_that_it_acknowledged),
        cmocka_unit_test(an_error_names_the_folder),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}

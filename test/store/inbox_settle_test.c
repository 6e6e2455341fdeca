/* Settling beside the writer: nothing is lost, write-ahead files do not grow for ever, closed segments get rid of them.
 */
#include "store/inbox.h"

#include "fault_vfs.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum { BODY_BYTES = 6000, SEGMENT_BYTES = 8 << 20, ENTRIES = 6000 };

static char store[160];

static int make_store(void **state) {
    int failed = fault_prepare(state);
    sqlite3_vfs_register(&fault_layer, 1); /* for all: no waiting for the disk */
    snprintf(store, sizeof store, "%s/s", temp_dir());
    return failed;
}

static int remove_store(void **state) {
    (void)state;
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s-inbox' && rmdir \"$(dirname '%s')\"", store, store);
    return system(command);
}

static void remove_log(void) {
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s-inbox'", store);
    assert_int_equal(system(command), 0);
}

static struct mc_inbox *open_inbox(void) {
    struct mc_inbox *b = NULL;
    struct mc_error e = {0};
    if (mc_inbox_open(&b, store, &e) != MC_OK)
        fail_msg("%s", e.text);
    mc_inbox_set_segment_bytes(b, SEGMENT_BYTES);
    return b;
}

/* Bytes that follow from the position and do not pack. */
static void fill(char body[BODY_BYTES], int64_t position) {
    uint64_t n = (uint64_t)position * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < BODY_BYTES; i += sizeof n) {
        n ^= n << 13, n ^= n >> 7, n ^= n << 17;
        memcpy(body + i, &n, sizeof n);
    }
}

static void append(struct mc_inbox *b) {
    char body[BODY_BYTES];
    struct mc_error e = {0};
    fill(body, mc_inbox_last(b) + 1);
    struct mc_entry entry = {.kind = MC_ENTRY_NATIVE, .body = {body, BODY_BYTES}}, *list[] = {&entry};
    if (mc_inbox_append(b, list, 1, &e) != MC_OK)
        fail_msg("%s", e.text);
}

static bool check_entry(void *context, const struct mc_entry *entry) {
    char body[BODY_BYTES];
    int64_t *last = context;
    assert_int_equal(entry->position, ++*last);
    fill(body, *last);
    return entry->body.len == BODY_BYTES && memcmp(entry->body.data, body, BODY_BYTES) == 0;
}

static void check_all(struct mc_inbox *b, int64_t count) {
    int64_t last = 0;
    struct mc_error e = {0};
    assert_int_equal(mc_inbox_each(b, 0, check_entry, &last, &e), MC_OK);
    assert_int_equal(last, count);
}

/* Bytes of the write-ahead files, and how many there are. */
static size_t wal_bytes(size_t *count) {
    char folder[200], path[512];
    size_t bytes = 0;
    struct stat info;
    snprintf(folder, sizeof folder, "%s-inbox", store);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    *count = 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
        if (strstr(d->d_name, "-wal") == NULL || stat(path, &info) != 0)
            continue;
        bytes += (size_t)info.st_size;
        ++*count;
    }
    closedir(dir);
    return bytes;
}

static void settle(struct mc_inbox *b) {
    struct mc_error e = {0};
    assert_int_equal(mc_inbox_settle_beside(b, &e), MC_OK);
    assert_int_equal(mc_inbox_settle(b, &e), MC_OK);
}

static void test_files_stay_small(void **state) {
    (void)state;
    struct mc_inbox *b = open_inbox();
    size_t count, times = 0;
    for (int i = 0; i < ENTRIES; i++) {
        append(b);
        if (!mc_inbox_is_unsettled(b))
            continue;
        settle(b);
        times++;
        assert_false(mc_inbox_is_unsettled(b));
        assert_true(wal_bytes(&count) <= SEGMENT_BYTES);
        assert_int_equal(count, 1); /* the last segment's */
    }
    assert_true(times > 4);
    check_all(b, ENTRIES);
    mc_inbox_close(&b);
    b = open_inbox();
    check_all(b, ENTRIES);
    mc_inbox_close(&b);
    remove_log();
}

/* What is left behind when nobody settles is found, and settled later. */
static void test_it_may_be_late(void **state) {
    (void)state;
    struct mc_inbox *b = open_inbox();
    size_t count;
    for (int i = 0; i < ENTRIES; i++)
        append(b);
    assert_true(mc_inbox_is_unsettled(b));
    wal_bytes(&count);
    assert_true(count > 1);
    check_all(b, ENTRIES);
    settle(b);
    wal_bytes(&count);
    assert_int_equal(count, 1);
    check_all(b, ENTRIES);
    mc_inbox_close(&b);
    remove_log();
}

struct beside {
    const struct mc_inbox *inbox;
    atomic_bool over;
    size_t times;
    enum mc_err err;
};

static void *settle_for_ever(void *argument) {
    struct beside *beside = argument;
    while (!atomic_load(&beside->over) && beside->err == MC_OK) {
        beside->err = mc_inbox_settle_beside(beside->inbox, NULL);
        beside->times++;
    }
    return NULL;
}

static void test_at_the_same_time(void **state) {
    (void)state;
    struct mc_inbox *b = open_inbox();
    struct mc_error e = {0};
    struct beside beside = {.inbox = b};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, settle_for_ever, &beside), 0);
    for (int i = 0; i < ENTRIES; i++) {
        append(b);
        if (mc_inbox_is_unsettled(b))
            assert_int_equal(mc_inbox_settle(b, &e), MC_OK);
    }
    atomic_store(&beside.over, true);
    pthread_join(thread, NULL);
    assert_int_equal(beside.err, MC_OK);
    assert_true(beside.times > 0);
    check_all(b, ENTRIES);
    mc_inbox_close(&b);
    remove_log();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_stay_small),
        cmocka_unit_test(test_it_may_be_late),
        cmocka_unit_test(test_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}

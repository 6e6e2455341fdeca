/* Threads and partitions cannot be seen in what a replay writes; an error in the middle stops them all and leaves
 * nothing. */
#include "../base/seed.h"
#include "app/replay.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { FILES = 3, THREADS_MOST = 4, PARTITIONS_MOST = 5 };

static char folder[64], paths[FILES][96], out[96];

static int make_folder(void **state) {
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/mc_pipeline_XXXXXX", temporary ? temporary : "/tmp");
    if (mkdtemp(folder) == NULL)
        return 1;
    for (int i = 0; i < FILES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%d.csv", folder, i);
    snprintf(out, sizeof out, "%s/out", folder);
    return 0;
}

static const char *const names[] = {"report.json", "carts.jsonl", "sales.csv", "products.csv", "rejects.csv"};
enum { NAMES = sizeof names / sizeof *names };

static int remove_folder(void **state) {
    (void)state;
    char path[160];
    for (int i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "%s/%s", out, names[i]);
        unlink(path);
    }
    for (int i = 0; i < FILES; i++)
        unlink(paths[i]);
    rmdir(out);
    return rmdir(folder);
}

/* ---- a stream of events in files ---- */

/* Rows of a busy shop, some of them bad, some in a far future, some quoted over lines; time goes on from file to file.
 */
static void put_row(struct mc_rng *r, struct mc_buf *b, int64_t *now_us) {
    static const char *const types[] = {"view", "view", "cart", "cart", "remove_from_cart", "purchase"};
    *now_us += (int64_t)mc_rng_below(r, chance(r, 1) ? MC_HOUR_US : MC_SECOND_US);
    int64_t us =
        *now_us - (chance(r, 10) ? (int64_t)mc_rng_below(r, 2 * MC_HOUR_US) : 0) + (chance(r, 1) ? 400 * MC_DAY_US : 0);
    unsigned user = (unsigned)mc_rng_below(r, 400), product = (unsigned)mc_rng_below(r, 300);
    mc_buf_time(b, us);
    mc_buf_printf(b, ",%s,p%u,c%u,%s,%s,%u.%02u,u%u,s%u,%s%u\n", chance(r, 98) ? types[mc_rng_below(r, 6)] : "tick",
                  product, product % 7, chance(r, 50) ? "code" : "", chance(r, 95) ? "brand" : "\"a, \"\"b\"\"\nc\"",
                  (unsigned)mc_rng_below(r, 90), (unsigned)mc_rng_below(r, 100), user,
                  user * 10 + (unsigned)mc_rng_below(r, 2), chance(r, 80) ? "m" : "",
                  (unsigned)mc_rng_below(r, 100000));
}

static void write_files(struct mc_rng *r, size_t bytes) {
    int64_t now_us = 18000 * MC_DAY_US;
    for (int i = 0; i < FILES; i++) {
        struct mc_buf b = {0};
        mc_buf_text(
            &b,
            "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session,message_id\n");
        while (b.len < bytes)
            put_row(r, &b, &now_us);
        gzFile gz = gzopen(paths[i], i == 1 ? "wb1" : "wbT"); /* the second is packed, the others are plain */
        check(gz != NULL && gzwrite(gz, b.data, (unsigned)b.len) == (int)b.len && gzclose(gz) == Z_OK);
        mc_buf_free(&b);
    }
}

/* ---- runs ---- */

static enum mc_err replay(uint32_t threads, uint32_t partitions, struct mc_error *e) {
    char *list[FILES] = {paths[0], paths[1], paths[2]};
    struct mc_replay_options options = {.paths = list,
                                        .path_count = FILES,
                                        .out = out,
                                        .as_live = true,
                                        .quiet = true,
                                        .rules = mc_rules_default(),
                                        .threads = threads,
                                        .partitions = partitions};
    struct mc_replay_result result;
    enum mc_err err = mc_replay_run(&options, &result, e);
    mc_replay_result_free(&result);
    return err;
}

static void read_folder(struct mc_buf *b) {
    char path[160];
    b->len = 0;
    for (int i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "%s/%s", out, names[i]);
        FILE *f = fopen(path, "rb");
        mc_buf_printf(b, "== %s%s\n", names[i], f == NULL ? " is missing" : "");
        for (size_t n = 1; f != NULL && n > 0; b->len += n)
            n = fread(mc_buf_reserve(b, 65536), 1, 65536, f);
        if (f != NULL)
            fclose(f);
    }
}

static void differ_round(struct mc_rng *r) {
    struct mc_buf first = {0}, other = {0};
    struct mc_error e = {0};
    write_files(r, chance(r, 50) ? 300000 : 20000);
    check(replay(1, 1, &e) == MC_OK);
    read_folder(&first);
    check(first.len > 10000 && memmem(first.data, first.len, "is missing", 10) == NULL);
    for (uint32_t threads = 1; threads <= THREADS_MOST; threads++) {
        uint32_t partitions = 1 + (uint32_t)mc_rng_below(r, PARTITIONS_MOST);
        check(replay(threads, partitions, &e) == MC_OK);
        read_folder(&other);
        if (!mc_str_equal(mc_buf_view(&first), mc_buf_view(&other)))
            print_error("%u threads, %u partitions\n", threads, partitions);
        check(mc_str_equal(mc_buf_view(&first), mc_buf_view(&other)));
    }
    mc_buf_free(&first);
    mc_buf_free(&other);
}

static void test_threads_and_partitions_do_not_matter(void **state) {
    (void)state;
    seed_rounds(2, differ_round);
}

/* The packed file is cut: whatever the others are doing, the run fails with its name, and the folder stays as it was.
 */
static void cut_round(struct mc_rng *r) {
    struct mc_buf before = {0}, after = {0};
    struct mc_error e = {0};
    struct stat st;
    write_files(r, 200000);
    check(replay(2, 2, &e) == MC_OK);
    read_folder(&before);
    check(stat(paths[1], &st) == 0);
    check(truncate(paths[1], st.st_size - 1 - (off_t)mc_rng_below(r, (uint64_t)st.st_size / 2)) == 0);
    for (uint32_t threads = 1; threads <= THREADS_MOST; threads++) {
        check(replay(threads, 1 + (uint32_t)mc_rng_below(r, PARTITIONS_MOST), &e) == MC_ERR_FORMAT);
        check(strstr(e.text, paths[1]) != NULL && strstr(e.text, "truncated") != NULL);
        read_folder(&after);
        check(mc_str_equal(mc_buf_view(&before), mc_buf_view(&after)));
    }
    mc_buf_free(&before);
    mc_buf_free(&after);
}

static void test_an_error_stops_all(void **state) {
    (void)state;
    seed_rounds(2, cut_round);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_partitions_do_not_matter),
        cmocka_unit_test(test_an_error_stops_all),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

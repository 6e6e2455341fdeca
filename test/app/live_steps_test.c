/* A checkpoint that is written in steps, with entries, commits and kills between them, is as good as one written at
 * once: at any instant the store holds a whole one. */
#include "live_shop.h"

#include "../store/fault_vfs.h"

enum { STEPS = 250 };

/* What the next opening must apply again: the log behind the first step of the last checkpoint that was finished. */
struct writing {
    int64_t began_at, good_at;
    size_t finished, killed_under_way;
};

static void step(struct live_shop *s, struct mc_rng *r, struct writing *w) {
    struct mc_error e = {0};
    bool done;
    if (!mc_live_checkpoint_is_under_way(s->live))
        w->began_at = mc_live_position(s->live);
    must(mc_live_checkpoint_step(s->live, 1 + mc_rng_below(r, 3000), &done, &e), &e);
    check(done != mc_live_checkpoint_is_under_way(s->live) && !mc_ledger_in_transaction(s->ledger));
    if (done) {
        w->good_at = w->began_at;
        w->finished++;
    }
}

static void kill_here(struct live_shop *s, struct writing *w) {
    w->killed_under_way += mc_live_checkpoint_is_under_way(s->live);
    shop_kill(s);
    check(!mc_live_checkpoint_is_under_way(s->live));
    check((int64_t)s->recovered == mc_inbox_last(s->inbox) - w->good_at);
}

static void run_in_steps(struct live_shop *s, const struct log_stream *log, struct mc_rng *r, struct writing *w) {
    struct mc_error e = {0};
    shop_start(s, shop_path());
    for (size_t i = 0; i < log->count; i++) {
        must(shop_append(s, &log->entries[i], 1, &e), &e);
        must(shop_take(s, &log->entries[i], &e), &e);
        if (mc_rng_below(r, 100) < 10)
            must(mc_live_commit(s->live, &e), &e);
        if (mc_rng_below(r, 100) < 60)
            step(s, r, w);
        if (mc_rng_below(r, 100) < 3)
            kill_here(s, w);
    }
    must(mc_live_checkpoint(s->live, &e), &e); /* drops one that is under way */
    w->good_at = mc_live_position(s->live);
    kill_here(s, w);
}

static void steps_round(struct mc_rng *r, struct writing *w) {
    struct mc_error e = {0};
    struct live_shop straight, stepped;
    struct log_stream log = stream_make(r, STEPS, false, false);
    shop_init(&straight, seed_now);
    shop_start(&straight, shop_path());
    for (size_t i = 0; i < log.count; i++) {
        must(shop_append(&straight, &log.entries[i], 1, &e), &e);
        must(shop_take(&straight, &log.entries[i], &e), &e);
    }
    must(mc_live_checkpoint(straight.live, &e), &e);
    shop_close(&straight);
    shop_init(&stepped, seed_now);
    run_in_steps(&stepped, &log, r, w);
    shop_close(&stepped);
    struct shop_digest want = shop_look(straight.path), got = shop_look(stepped.path);
    same_store(&want, &got, "in steps");
    shop_remove(straight.path);
    shop_remove(stepped.path);
    stream_free(&log);
}

static size_t finished, killed_under_way;

static void one_round(struct mc_rng *r) {
    struct writing w = {0};
    steps_round(r, &w);
    finished += w.finished;
    killed_under_way += w.killed_under_way;
}

static void test_steps_are_as_good_as_one(void **state) {
    (void)state;
    seed_rounds(6, one_round);
    check(getenv("MC_SEED") != NULL || (finished > 10 && killed_under_way > 10));
}

static int make_folder(void **state) {
    const char *temporary = getenv("TMPDIR");
    int failed = fault_prepare(state);
    sqlite3_vfs_register(&fault_layer, 1); /* for all: no waiting for the disk */
    snprintf(shop_folder, sizeof shop_folder, "%.40s/mc_steps_XXXXXX", temporary ? temporary : "/tmp");
    return failed || mkdtemp(shop_folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    empty_folder(shop_folder);
    return rmdir(shop_folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps_are_as_good_as_one)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

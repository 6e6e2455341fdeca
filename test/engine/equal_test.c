/* One log, three engines: a partition, several partitions, and flat states with a timer a user. All visits that end,
 * all verdicts, all counts and all states are the same, wherever batches, snapshots and timers fall.
 *
 * The log is random over few ids, its times aimed at the edges of the rules. What the rules themselves should give is
 * told by the transcripts and by test/model.
 */
#include "batches.h"
#include "ends.h"
#include "event/clock.h"
#include "flat.h"

enum { PARTITIONS_MAX = 5, EVENTS_MAX = 6000, NAMES = 40 };

/* ---- a random log ---- */

struct log {
    struct made_event *events;
    uint32_t count;
    struct mc_rules rules;
    uint32_t users, sessions, products, messages; /* how many different ones */
    int message_share;                            /* of events with an id, of 100 */
    int64_t step_us;
};

static char names[4][NAMES][MC_ID_BYTES_MAX + 1];

/* Some are as long as an id may be. */
static void make_names(void) {
    for (int kind = 0; kind < 4; kind++)
        for (int i = 0; i < NAMES; i++) {
            char *name = names[kind][i];
            int len = i % 7 == 3 ? MC_ID_BYTES_MAX : i % 5 == 2 ? 33 : 2;
            memset(name, 'x', (size_t)len);
            name[len] = '\0';
            name[0] = "uspm"[kind];
            name[len - 1] = (char)('A' + i);
        }
}

static struct mc_str pick(struct mc_rng *r, int kind, uint32_t of) {
    return mc_str_of(names[kind][mc_rng_below(r, of)]);
}

static int64_t pick_time(struct mc_rng *r, const struct log *log, const struct mc_clock *clock, int64_t base) {
    const int64_t gap = log->rules.gap_us, day = MC_DAY_US;
    const int64_t edges[] = {0,   0,    log->step_us, -log->step_us, gap, -gap, gap / 2, -gap / 2, 60 * MC_SECOND_US,
                             day, -day, day - gap,    gap - day};
    int64_t from = mc_time_is_none(clock->now) || chance(r, 5) ? base : clock->now.us;
    if (log->count > 0 && chance(r, 40))
        from = log->events[log->count - 1 - mc_rng_below(r, log->count < 20 ? log->count : 20)].time.us;
    int64_t near = chance(r, 70) ? (int64_t)mc_rng_below(r, (uint64_t)log->step_us + 1) : 0;
    int64_t t = from + near + (chance(r, 60) ? 0 : edges[mc_rng_below(r, sizeof edges / sizeof *edges)]) +
                (int64_t)mc_rng_below(r, 3) - 1;
    if (chance(r, 1))
        t += (int64_t)mc_rng_below(r, 3) * 365 * day;
    return t < 0 ? 0 : t >= MC_TIME_END_US ? MC_TIME_END_US - 1 : t;
}

static void add_event(struct mc_rng *r, struct log *log, struct mc_clock *clock, int64_t base) {
    static const enum mc_event_type types[] = {MC_VIEW, MC_CART, MC_CART, MC_CART, MC_REMOVE_FROM_CART, MC_PURCHASE};
    static const struct mc_str dimension[] = {
        {"", 0}, {"a", 1}, {"a", 1}, {"b", 1}, {"a long enough value to need room of its own", 43}};
    struct made_event *m = &log->events[log->count];
    if (log->count > 0 && chance(r, 15)) {
        *m = log->events[log->count - 1 - mc_rng_below(r, log->count < 10 ? log->count : 10)];
    } else {
        *m = (struct made_event){.time = {pick_time(r, log, clock, base)},
                                 .type = types[mc_rng_below(r, 6)],
                                 .user = pick(r, 0, log->users),
                                 .session = pick(r, 1, log->sessions),
                                 .product = pick(r, 2, log->products),
                                 .category_id = dimension[mc_rng_below(r, 5)],
                                 .category_code = dimension[mc_rng_below(r, 5)],
                                 .brand = dimension[mc_rng_below(r, 5)],
                                 .price = (int64_t)mc_rng_below(r, 3) * 250,
                                 .quantity = 1 + (int32_t)mc_rng_below(r, 3)};
        if (chance(r, (uint64_t)log->message_share))
            m->message_id = pick(r, 3, log->messages);
        if (m->type != MC_CART && m->type != MC_PURCHASE && chance(r, 50))
            m->price = MC_PRICE_NONE;
    }
    mc_clock_event(clock, m->time, m->user);
    m->clock = clock->now;
    log->count++;
}

static struct log make_log(struct mc_rng *r) {
    static const int64_t gaps[] = {30 * MC_MINUTE_US, 30 * MC_MINUTE_US, MC_SECOND_US,
                                   59 * MC_MINUTE_US, 36 * MC_HOUR_US,   1};
    static const int64_t steps[] = {MC_SECOND_US, 20 * MC_SECOND_US, 5 * MC_MINUTE_US, MC_HOUR_US};
    struct log log = {.events = malloc(EVENTS_MAX * sizeof *log.events), .rules = mc_rules_default()};
    log.rules.gap_us = gaps[mc_rng_below(r, 6)];
    log.rules.minimum = chance(r, 50) ? 0 : 500;
    log.rules.wall_mode = (enum mc_wall_mode)mc_rng_below(r, 3);
    log.rules.wall.us = 20001 * MC_DAY_US;
    log.step_us = steps[mc_rng_below(r, 4)];
    log.users = 1 + (uint32_t)mc_rng_below(r, chance(r, 50) ? 6 : NAMES);
    log.sessions = 1 + (uint32_t)mc_rng_below(r, chance(r, 70) ? 3 : NAMES);
    log.products = 1 + (uint32_t)mc_rng_below(r, chance(r, 70) ? 4 : NAMES);
    log.messages = 1 + (uint32_t)mc_rng_below(r, NAMES);
    log.message_share = chance(r, 30) ? 0 : (int)mc_rng_below(r, 101);
    struct mc_clock clock;
    mc_clock_init(&clock);
    int64_t base = 20000 * MC_DAY_US + (int64_t)mc_rng_below(r, MC_DAY_US);
    if (chance(r, 70))
        mc_clock_tick(&clock, (struct mc_time){base});
    for (uint64_t n = mc_rng_below(r, chance(r, 90) ? 400 : EVENTS_MAX); n > 0; n--)
        add_event(r, &log, &clock, base);
    return log;
}

/* ---- partitions ---- */

struct engine {
    struct mc_partition *partitions[PARTITIONS_MAX];
    uint32_t count;
    struct ends ends;
    struct mc_counts carried; /* of partitions that were closed for others */
    uint8_t *duplicate;
};

static bool is_mine(void *context, uint64_t user_hash) {
    const uint32_t *which = context; /* partition, of how many */
    return user_hash % which[1] == which[0];
}

static void open_partitions(struct engine *en, const struct mc_rules *rules, uint32_t count) {
    struct mc_partition_options options = {.rules = *rules, .keep_sales = true, .sink = {&en->ends, ends_add}};
    en->count = count;
    for (uint32_t i = 0; i < count; i++)
        check(mc_partition_open(&en->partitions[i], &options, NULL) == MC_OK);
}

static void close_partitions(struct engine *en) {
    for (uint32_t i = 0; i < en->count; i++)
        mc_partition_close(&en->partitions[i]);
}

/* All partitions as bytes, into another number of them. */
static void restore_elsewhere(struct mc_rng *r, struct engine *en, const struct mc_rules *rules) {
    struct mc_buf bytes[PARTITIONS_MAX] = {{0}};
    uint32_t old = en->count;
    for (uint32_t i = 0; i < old; i++)
        mc_partition_encode(en->partitions[i], &bytes[i]);
    close_partitions(en);
    open_partitions(en, rules, 1 + (uint32_t)mc_rng_below(r, PARTITIONS_MAX));
    for (uint32_t k = 0; k < old; k++)
        for (uint32_t i = 0; i < en->count; i++) {
            uint32_t which[2] = {i, en->count};
            check(mc_partition_decode(en->partitions[i], mc_buf_view(&bytes[k]), is_mine, which, i == 0, NULL) ==
                  MC_OK);
        }
    for (uint32_t k = 0; k < old; k++)
        mc_buf_free(&bytes[k]);
}

static void apply_batch(struct engine *en, struct mc_batch *batch) {
    uint32_t *index = malloc((batch->event_count + 1) * sizeof *index);
    for (uint32_t p = 0; p < en->count; p++) {
        uint32_t which[2] = {p, en->count}, count = 0;
        for (uint32_t i = 0; i < batch->event_count; i++)
            if (is_mine(which, batch->events[i].user_hash))
                index[count++] = i;
        bool all = en->count == 1;
        check(mc_partition_apply(en->partitions[p], batch, all ? NULL : index, all ? batch->event_count : count,
                                 NULL) == MC_OK);
        check(mc_partition_advance(en->partitions[p], batch, batch->events[batch->event_count - 1].clock, NULL) ==
              MC_OK);
    }
    free(index);
}

typedef void between(void *context, struct engine *en, uint32_t done);

static void run_partitions(struct mc_rng *r, const struct log *log, struct engine *en, between *look, void *context) {
    struct mc_batch batch = {0};
    en->ends.rows_in_batch = true;
    en->duplicate = calloc(log->count + 1, 1);
    for (uint32_t done = 0; done < log->count;) {
        uint32_t size = 1 + (uint32_t)mc_rng_below(r, chance(r, 50) ? 5 : 500);
        mc_batch_reset(&batch);
        en->ends.row = done;
        for (uint32_t i = done; i < log->count && i < done + size; i++)
            batch_add(&batch, &log->events[i]);
        apply_batch(en, &batch);
        memcpy(en->duplicate + done, batch.duplicate, batch.event_count);
        done += batch.event_count;
        look(context, en, done);
    }
    for (uint32_t i = 0; i < en->count; i++)
        mc_partition_finish(en->partitions[i],
                            log->count ? log->events[log->count - 1].clock : (struct mc_time){MC_TIME_NONE_US});
    ends_sort(&en->ends);
    mc_batch_free(&batch);
}

static void free_engine(struct engine *en) {
    close_partitions(en);
    ends_free(&en->ends);
    free(en->duplicate);
}

/* ---- comparisons ---- */

static void same_ends(const struct ends *a, const struct ends *b, bool with_rows) {
    check(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(ends_text(a, i), ends_text(b, i)) != 0)
            print_error("%s\n%s\n", ends_text(a, i), ends_text(b, i));
        check(strcmp(ends_text(a, i), ends_text(b, i)) == 0);
        check(!with_rows || a->list[i].row == b->list[i].row);
    }
}

static void put_tally(struct engine *en, struct mc_buf *out) {
    struct mc_tally sum;
    mc_tally_init(&sum, true, false);
    for (uint32_t i = 0; i < en->count; i++)
        check(mc_tally_merge(&sum, mc_partition_tally(en->partitions[i])));
    check(mc_tally_sort(&sum));
    struct mc_buf encoded = {0};
    mc_tally_encode(&sum, &encoded);
    mc_buf_str(out, mc_buf_view(&encoded));
    for (uint64_t i = 0; i < sum.sale_count; i++)
        mc_buf_printf(out, "%u %u %lld %lld\n", sum.sales[i].product, sum.sales[i].minute,
                      (long long)sum.sales[i].units, (long long)sum.sales[i].revenue);
    mc_buf_free(&encoded);
    mc_tally_free(&sum);
}

static void same_tallies(struct engine *a, struct engine *b) {
    struct mc_buf x = {0}, y = {0};
    put_tally(a, &x);
    put_tally(b, &y);
    check(mc_str_equal(mc_buf_view(&x), mc_buf_view(&y)));
    mc_buf_free(&x);
    mc_buf_free(&y);
}

/* ---- one partition against flat states with exact timers: rows, states and verdicts too ---- */

struct flat_run {
    const struct log *log;
    struct flat flat;
    struct ends ends;
    uint32_t done;
    uint8_t *duplicate;
    struct mc_counts counts;
};

static void flat_step(struct flat_run *f, uint32_t i) {
    const struct made_event *m = &f->log->events[i];
    struct mc_input input = input_of_made(m);
    f->ends.row = i;
    flat_timers(&f->flat, m->clock);
    struct mc_outcome o = flat_apply(&f->flat, m->user, &input);
    f->duplicate[i] = o.verdict == MC_VERDICT_DUPLICATE;
    f->counts.late += o.verdict == MC_VERDICT_LATE;
    f->counts.cart_full += o.cart_full;
}

/* The flat states of all users, as a snapshot holds them: those that are there. */
static void same_states(struct flat_run *f, struct engine *en) {
    struct mc_buf bytes = {0};
    uint64_t found = 0, expected = 0;
    for (uint32_t p = 0; p < en->count; p++) {
        bytes.len = 0;
        mc_partition_encode(en->partitions[p], &bytes);
        struct mc_reader reader = {mc_buf_view(&bytes), false};
        for (uint64_t n = mc_get_u64(&reader); n > 0; n--, found++) {
            struct mc_str state = mc_get_str(&reader);
            struct mc_str id = {state.data + 2, (unsigned char)state.data[1]};
            check(!reader.failed && mc_str_equal(state, mc_buf_view(&flat_user_of(&f->flat, id)->state)));
        }
    }
    for (uint32_t i = 0; i < f->flat.count; i++)
        expected += f->flat.users[i].state.len > 0;
    check(found == expected);
    mc_buf_free(&bytes);
}

static void flat_follows(void *context, struct engine *en, uint32_t done) {
    struct flat_run *f = context;
    while (f->done < done)
        flat_step(f, f->done++);
    same_states(f, en);
}

static void start_flat(struct flat_run *f, const struct log *log) {
    *f = (struct flat_run){.log = log, .ends = {.put_time = mc_buf_int}, .duplicate = calloc(log->count + 1, 1)};
    f->flat =
        (struct flat){.rules = &log->rules, .context = &f->ends, .ended = ends_add, .thorough = seed_now % 3 == 0};
}

static void finish_flat(struct flat_run *f) {
    f->ends.row = INT64_MAX;
    flat_finish(&f->flat, f->log->count ? f->log->events[f->log->count - 1].clock : (struct mc_time){MC_TIME_NONE_US});
    ends_sort(&f->ends);
}

static void free_flat(struct flat_run *f) {
    flat_free(&f->flat);
    ends_free(&f->ends);
    free(f->duplicate);
}

/* How many users had an event that was accepted. */
static uint64_t count_users(const struct log *log, const uint8_t *duplicate) {
    bool seen[NAMES] = {false};
    uint64_t users = 0;
    for (uint32_t i = 0; i < log->count; i++)
        for (int k = 0; k < NAMES && !duplicate[i]; k++)
            if (log->events[i].user.data == names[0][k] && !seen[k]) {
                seen[k] = true;
                users++;
            }
    return users;
}

static void flat_round(struct mc_rng *r) {
    struct log log = make_log(r);
    struct engine en = {.ends = {.put_time = mc_buf_int}};
    struct flat_run f;
    start_flat(&f, &log);
    open_partitions(&en, &log.rules, 1 + (uint32_t)mc_rng_below(r, PARTITIONS_MAX));
    run_partitions(r, &log, &en, flat_follows, &f);
    finish_flat(&f);
    same_ends(&en.ends, &f.ends, true);
    check(memcmp(en.duplicate, f.duplicate, log.count) == 0);
    struct mc_counts sum = {0};
    uint64_t users = 0;
    for (uint32_t i = 0; i < en.count; i++) {
        mc_counts_add(&sum, &mc_partition_tally(en.partitions[i])->counts);
        users += mc_partition_tally(en.partitions[i])->user_count;
    }
    check(users == count_users(&log, f.duplicate));
    check(sum.late == f.counts.late && sum.cart_full == f.counts.cart_full && sum.visits == f.ends.count);
    free_flat(&f);
    free_engine(&en);
    free(log.events);
}

static void test_partition_is_many_flat_states(void **state) {
    (void)state;
    seed_rounds(250, flat_round);
}

/* ---- any number of partitions, any batches, snapshots anywhere ---- */

struct shaken {
    struct mc_rng *r;
    const struct mc_rules *rules;
};

static void leave_alone(void *context, struct engine *en, uint32_t done) {
    (void)context;
    (void)en;
    (void)done;
}

static void shake(void *context, struct engine *en, uint32_t done) {
    struct shaken *s = context;
    (void)done;
    if (chance(s->r, 20))
        restore_elsewhere(s->r, en, s->rules);
}

static void partitions_round(struct mc_rng *r) {
    struct log log = make_log(r);
    struct engine one = {.ends = {.put_time = mc_buf_int}}, some = {.ends = {.put_time = mc_buf_int}};
    open_partitions(&one, &log.rules, 1);
    open_partitions(&some, &log.rules, 2 + (uint32_t)mc_rng_below(r, PARTITIONS_MAX - 1));
    run_partitions(r, &log, &one, leave_alone, NULL);
    run_partitions(r, &log, &some, leave_alone, NULL);
    same_ends(&one.ends, &some.ends, true);
    check(memcmp(one.duplicate, some.duplicate, log.count) == 0);
    same_tallies(&one, &some);
    free_engine(&one);
    free_engine(&some);
    free(log.events);
}

static void test_partitions_do_not_matter(void **state) {
    (void)state;
    seed_rounds(400, partitions_round);
}

static void snapshot_round(struct mc_rng *r) {
    struct log log = make_log(r);
    struct engine one = {.ends = {.put_time = mc_buf_int}}, moved = {.ends = {.put_time = mc_buf_int}};
    struct shaken shaken = {r, &log.rules};
    open_partitions(&one, &log.rules, 1);
    open_partitions(&moved, &log.rules, 1 + (uint32_t)mc_rng_below(r, PARTITIONS_MAX));
    run_partitions(r, &log, &one, leave_alone, NULL);
    run_partitions(r, &log, &moved, shake, &shaken);
    same_ends(&one.ends, &moved.ends, true);
    check(memcmp(one.duplicate, moved.duplicate, log.count) == 0);
    struct mc_counts a = mc_partition_tally(one.partitions[0])->counts, b = {0};
    for (uint32_t i = 0; i < moved.count; i++)
        mc_counts_add(&b, &mc_partition_tally(moved.partitions[i])->counts);
    check(a.accepted == b.accepted && a.duplicates == b.duplicates && a.late == b.late && a.visits == b.visits &&
          a.revenue == b.revenue && a.abandoned_value == b.abandoned_value && a.abandoned_carts == b.abandoned_carts);
    free_engine(&one);
    free_engine(&moved);
    free(log.events);
}

static void test_snapshots_do_not_matter(void **state) {
    (void)state;
    seed_rounds(300, snapshot_round);
}

/* ---- timers that fire late, early, or twice ---- */

/* Waking at any instant that the clock has reached, or not waking until the next event, ends the same visits. */
static void timers_round(struct mc_rng *r) {
    struct log log = make_log(r);
    struct flat_run exact, loose;
    log.rules.wall_mode = MC_WALL_EXPIRY; /* `stale` by the clock goes by when it is asked */
    start_flat(&exact, &log);
    start_flat(&loose, &log);
    for (uint32_t i = 0; i < log.count; i++) {
        flat_step(&exact, i);
        const struct made_event *m = &log.events[i];
        struct mc_input input = input_of_made(m);
        for (uint32_t k = 0; k < loose.flat.count; k++)
            if (chance(r, 20) && i > 0)
                flat_do(&loose.flat, &loose.flat.users[k],
                        &(struct flat_call){.step = FLAT_WAKE, .clock = log.events[i - 1].clock});
        loose.duplicate[i] = flat_apply(&loose.flat, m->user, &input).verdict == MC_VERDICT_DUPLICATE;
    }
    finish_flat(&exact);
    finish_flat(&loose);
    for (size_t i = 0; i < exact.ends.count; i++)
        exact.ends.list[i].row = 0;
    for (size_t i = 0; i < loose.ends.count; i++)
        loose.ends.list[i].row = 0;
    ends_sort(&exact.ends);
    ends_sort(&loose.ends);
    same_ends(&exact.ends, &loose.ends, false);
    check(memcmp(exact.duplicate, loose.duplicate, log.count) == 0);
    free_flat(&exact);
    free_flat(&loose);
    free(log.events);
}

static void test_timers_do_not_matter(void **state) {
    (void)state;
    seed_rounds(150, timers_round);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_is_many_flat_states),
        cmocka_unit_test(test_partitions_do_not_matter),
        cmocka_unit_test(test_snapshots_do_not_matter),
        cmocka_unit_test(test_timers_do_not_matter),
    };
    make_names();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

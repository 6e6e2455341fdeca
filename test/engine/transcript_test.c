/* The engine by transcript: test/engine/transcripts/NN-name.txt, from basic to complex, each rule of SEMANTICS 3 and 4.
 *
 *     # a remark
 *     set gap 30m                        before the first event; also stale, minimum (minor units), wall (live, clock,
 * or a time) 12:00:00 u s cart p 2x5.00 id=m    an event: time, user, session, type, product, quantity x price or -,
 * message id 3/12:00:00 ...                     day 3; days count from 1, which is 2020-01-01; other times in full tick
 * 12:00:00                      a live source's tick finish                             the log is over 1000 times
 * 12:00:00 u s cart p#    a thousand events; # is 1, 2, 3... joined                           what came of the line
 * above: two spaces in front, "x3" behind: three times
 *
 * Each is run by flat states and by a partition, which must agree with the file. With GOLDEN_WRITE=1 in the environment
 * the files are written anew, to be read by a person.
 */
#include "batches.h"
#include "ends.h"
#include "event/clock.h"
#include "event/price.h"
#include "flat.h"
#include <dirent.h>
#include <stdio.h>

#define FOLDER "test/engine/transcripts"
enum { LINE_MAX_BYTES = 1024, NAMES = 32 };

static int64_t day_one_us(void) {
    return mc_days_of_date(2020, 1, 1) * MC_DAY_US;
}

static void put_time(struct mc_buf *b, int64_t us) {
    char text[MC_TIME_TEXT_MAX];
    int64_t day = us >= day_one_us() ? (us - day_one_us()) / MC_DAY_US + 1 : 0;
    size_t len = mc_time_text(text, us);
    if (day < 1 || day > 99) {
        mc_buf_append(b, text, len);
        return;
    }
    if (day > 1)
        mc_buf_printf(b, "%d/", (int)day);
    mc_buf_append(b, text + 11, len - 12);
}

static struct mc_time read_time(const char *text) {
    struct mc_time t;
    int day = 1;
    char full[64];
    if (strchr(text, '-') != NULL) {
        if (!mc_time_parse(mc_str_of(text), &t))
            fail_msg("'%s' is no time", text);
        return t;
    }
    const char *slash = strchr(text, '/');
    if (slash != NULL)
        day = atoi(text), text = slash + 1;
    snprintf(full, sizeof full, "2020-01-01 %.20s", text);
    if (!mc_time_parse(mc_str_of(full), &t))
        fail_msg("'%s' is no time", text);
    t.us += (day - 1) * MC_DAY_US;
    return t;
}

/* ---- an engine behind a transcript ---- */

struct run {
    struct mc_rules rules;
    struct mc_clock clock;
    struct ends ends;
    struct mc_buf effects;          /* of the line in hand: a line each */
    struct mc_partition *partition; /* NULL: flat states */
    struct flat flat;
    struct mc_batch batch;
    struct mc_buf names[NAMES]; /* of users: what the flat states keep */
    bool started;
};

static void start(struct run *r, bool by_partition) {
    r->started = true;
    r->ends.put_time = put_time;
    r->flat = (struct flat){.rules = &r->rules, .context = &r->ends, .ended = ends_add};
    struct mc_partition_options options = {.rules = r->rules, .keep_sales = true, .sink = {&r->ends, ends_add}};
    if (by_partition)
        assert_int_equal(mc_partition_open(&r->partition, &options, NULL), MC_OK);
}

static void stop(struct run *r) {
    mc_partition_close(&r->partition);
    flat_free(&r->flat);
    mc_batch_free(&r->batch);
    mc_buf_free(&r->effects);
    ends_free(&r->ends);
    for (int i = 0; i < NAMES; i++)
        mc_buf_free(&r->names[i]);
}

/* Adds an effect; repeats are counted. */
static void put_effect(struct run *r, const char *text) {
    mc_buf_printf(&r->effects, "  %s\n", text);
}

static void put_ends(struct run *r) {
    ends_sort(&r->ends);
    for (size_t i = 0; i < r->ends.count; i++)
        put_effect(r, ends_text(&r->ends, i));
    r->ends.count = r->ends.bytes.len = 0;
}

static void wake(struct run *r) {
    if (r->partition != NULL)
        assert_int_equal(mc_partition_advance(r->partition, NULL, r->clock.now, NULL), MC_OK);
    else
        flat_timers(&r->flat, r->clock.now);
}

/* A user's name that lives as long as the run. */
static struct mc_str name_of(struct run *r, struct mc_str user) {
    for (int i = 0; i < NAMES; i++) {
        if (r->names[i].len == 0)
            mc_buf_str(&r->names[i], user);
        if (mc_str_equal(mc_buf_view(&r->names[i]), user))
            return mc_buf_view(&r->names[i]);
    }
    fail_msg("too many users");
    return user;
}

static struct mc_outcome apply_in_partition(struct run *r, const struct made_event *m) {
    mc_batch_reset(&r->batch);
    batch_add(&r->batch, m);
    uint64_t full = mc_partition_tally(r->partition)->counts.cart_full,
             late = mc_partition_tally(r->partition)->counts.late,
             visits = mc_partition_measure(r->partition).visits + mc_partition_tally(r->partition)->counts.visits;
    assert_int_equal(mc_partition_apply(r->partition, &r->batch, NULL, 1, NULL), MC_OK);
    const struct mc_counts *now = &mc_partition_tally(r->partition)->counts;
    bool opened = mc_partition_measure(r->partition).visits + now->visits > visits;
    return (struct mc_outcome){.verdict = r->batch.duplicate[0] ? MC_VERDICT_DUPLICATE
                                          : now->late > late    ? MC_VERDICT_LATE
                                          : opened              ? MC_VERDICT_OPENED
                                                                : MC_VERDICT_JOINED,
                               .cart_full = now->cart_full > full};
}

static void apply(struct run *r, struct made_event *m) {
    static const char *const verdicts[] = {"joined", "opened", "late", "duplicate"};
    mc_clock_event(&r->clock, m->time, m->user);
    m->clock = r->clock.now;
    wake(r);
    struct mc_input input = input_of_made(m);
    struct mc_outcome o = r->partition ? apply_in_partition(r, m) : flat_apply(&r->flat, name_of(r, m->user), &input);
    put_ends(r);
    put_effect(r, verdicts[o.verdict]);
    if (o.cart_full)
        put_effect(r, "cart is full");
}

/* ---- lines ---- */

static void read_amount(struct made_event *m, const char *text) {
    char *times;
    m->quantity = 1;
    m->price = MC_PRICE_NONE;
    if (strcmp(text, "-") == 0)
        return;
    m->quantity = (int32_t)strtol(text, &times, 10);
    if (*times != 'x' || !mc_price_parse(mc_str_of(times + 1), &m->price))
        fail_msg("'%s' is no quantity x price", text);
}

static enum mc_event_type read_type(const char *text) {
    for (int i = 0; i < MC_EVENT_TYPES; i++)
        if (strcmp(text, mc_event_type_names[i]) == 0)
            return (enum mc_event_type)i;
    fail_msg("'%s' is no type of event", text);
    return MC_VIEW;
}

/* A word with each # replaced by the number of the repetition. */
static void numbered(char *out, size_t cap, const char *word, long number) {
    struct mc_buf b = {0};
    for (; *word != '\0'; word++)
        if (*word == '#')
            mc_buf_int(&b, number);
        else
            mc_buf_char(&b, *word);
    snprintf(out, cap, "%s", mc_buf_cstr(&b));
    mc_buf_free(&b);
}

static void do_event(struct run *r, const char *line, long number) {
    char word[7][160] = {"", "", "", "", "", "-", ""}, filled[7][200];
    int words = sscanf(line, "%159s %159s %159s %159s %159s %159s %159s", word[0], word[1], word[2], word[3], word[4],
                       word[5], word[6]);
    if (words < 5)
        fail_msg("'%s' is no event", line);
    for (int i = 0; i < 7; i++)
        numbered(filled[i], sizeof filled[i], word[i], number);
    struct made_event m = {.time = read_time(filled[0]),
                           .type = read_type(filled[3]),
                           .user = mc_str_of(filled[1]),
                           .session = mc_str_of(filled[2]),
                           .product = mc_str_of(filled[4])};
    read_amount(&m, filled[5]);
    if (strncmp(filled[6], "id=", 3) == 0)
        m.message_id = mc_str_of(filled[6] + 3);
    if (m.price == MC_PRICE_NONE && (m.type == MC_CART || m.type == MC_PURCHASE))
        fail_msg("'%s' needs a price", line);
    apply(r, &m);
}

static void do_setting(struct run *r, const char *line) {
    char name[32], value[64];
    assert_int_equal(sscanf(line, "set %31s %63s", name, value), 2);
    assert_false(r->started);
    if (strcmp(name, "gap") == 0)
        assert_true(mc_duration_parse(mc_str_of(value), &r->rules.gap_us));
    else if (strcmp(name, "stale") == 0)
        assert_true(mc_duration_parse(mc_str_of(value), &r->rules.stale_after_us));
    else if (strcmp(name, "minimum") == 0)
        r->rules.minimum = atoll(value);
    else if (strcmp(name, "wall") != 0)
        fail_msg("'%s' is no setting", name);
    else if (strcmp(value, "clock") == 0)
        r->rules.wall_mode = MC_WALL_CLOCK;
    else
        r->rules.wall_mode = MC_WALL_FIXED, r->rules.wall.us = read_time(value).us;
}

static void do_finish(struct run *r) {
    if (r->partition != NULL)
        mc_partition_finish(r->partition, r->clock.now);
    else
        flat_finish(&r->flat, r->clock.now);
    put_ends(r);
}

static void do_line(struct run *r, const char *line, bool by_partition) {
    long times = 1;
    int used = 0;
    if (strncmp(line, "set ", 4) == 0) {
        do_setting(r, line);
        return;
    }
    if (!r->started)
        start(r, by_partition);
    if (strcmp(line, "finish") == 0) {
        do_finish(r);
    } else if (strncmp(line, "tick ", 5) == 0) {
        mc_clock_tick(&r->clock, read_time(line + 5));
        wake(r);
        put_ends(r);
    } else {
        if (sscanf(line, "%ld times %n", &times, &used) != 1 || used == 0)
            times = 1, used = 0;
        r->flat.thorough = times == 1;
        for (long i = 1; i <= times; i++)
            do_event(r, line + used, i);
    }
}

/* ---- files ---- */

/* Copies effect lines, equal neighbours as one with their number. */
static void put_counted(struct mc_buf *out, struct mc_str lines) {
    while (lines.len > 0) {
        size_t len = (size_t)((const char *)memchr(lines.data, '\n', lines.len) - lines.data) + 1, count = 0;
        struct mc_str first = {lines.data, len};
        while (lines.len >= len && memcmp(lines.data, first.data, len) == 0) {
            lines.data += len;
            lines.len -= len;
            count++;
        }
        mc_buf_append(out, first.data, len - 1);
        if (count > 1)
            mc_buf_printf(out, " x%zu", count);
        mc_buf_char(out, '\n');
    }
}

/* The transcript with the effects that this engine gives. */
static void replay(struct mc_str text, bool by_partition, struct mc_buf *out) {
    struct run r = {.rules = mc_rules_default()};
    char line[LINE_MAX_BYTES];
    mc_clock_init(&r.clock);
    for (size_t at = 0; at < text.len;) {
        const char *feed = memchr(text.data + at, '\n', text.len - at);
        size_t len = feed ? (size_t)(feed - text.data) - at : text.len - at;
        assert_true(len < sizeof line);
        memcpy(line, text.data + at, len);
        line[len] = '\0';
        at += len + 1;
        if (line[0] == ' ')
            continue;
        mc_buf_printf(out, "%s\n", line);
        r.effects.len = 0;
        if (line[0] != '\0' && line[0] != '#')
            do_line(&r, line, by_partition);
        put_counted(out, mc_buf_view(&r.effects));
    }
    stop(&r);
}

static void read_file(const char *path, struct mc_buf *out) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("cannot open %s: run from the project's root", path);
    for (size_t n = 1; n > 0; out->len += n)
        n = fread(mc_buf_reserve(out, 4096), 1, 4096, f);
    fclose(f);
}

static void show_difference(const char *path, const char *who, struct mc_str file, struct mc_str run) {
    size_t at = 0, line = 1, begin = 0;
    for (; at < file.len && at < run.len && file.data[at] == run.data[at]; at++)
        if (file.data[at] == '\n')
            line++, begin = at + 1;
    print_error("%s:%zu: the file says\n%.*s\n%s says\n%.*s\n", path, line, (int)strcspn(file.data + begin, "\n"),
                file.data + begin, who, (int)strcspn(run.data + begin, "\n"), run.data + begin);
}

static int run_file(const char *path) {
    struct mc_buf text = {0}, by_flat = {0}, by_partition = {0};
    read_file(path, &text);
    mc_buf_cstr(&text);
    replay(mc_buf_view(&text), false, &by_flat);
    replay(mc_buf_view(&text), true, &by_partition);
    mc_buf_cstr(&by_flat);
    mc_buf_cstr(&by_partition);
    bool flat_agrees = mc_str_equal(mc_buf_view(&text), mc_buf_view(&by_flat));
    bool partition_agrees = mc_str_equal(mc_buf_view(&text), mc_buf_view(&by_partition));
    if (getenv("GOLDEN_WRITE") != NULL && !flat_agrees &&
        mc_str_equal(mc_buf_view(&by_flat), mc_buf_view(&by_partition))) {
        FILE *f = fopen(path, "wb");
        fwrite(by_flat.data, 1, by_flat.len, f);
        fclose(f);
        print_message("%s is written anew\n", path);
    } else if (!flat_agrees) {
        show_difference(path, "a flat state", mc_buf_view(&text), mc_buf_view(&by_flat));
    }
    if (!partition_agrees)
        show_difference(path, "a partition", mc_buf_view(&text), mc_buf_view(&by_partition));
    mc_buf_free(&text);
    mc_buf_free(&by_flat);
    mc_buf_free(&by_partition);
    return !flat_agrees || !partition_agrees;
}

static int is_transcript(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static void test_transcripts(void **state) {
    (void)state;
    struct dirent **entries;
    int count = scandir(FOLDER, &entries, is_transcript, alphasort), failures = 0;
    if (count <= 0)
        fail_msg("no transcripts in " FOLDER ": run from the project's root");
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, FOLDER "/%s", entries[i]->d_name);
        failures += run_file(path);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transcripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

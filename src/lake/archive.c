#include "lake/archive.h"

#include "base/mem.h"
#include "lake/day.h"
#include "lake/files.h"
#include "lake/rejected.h"
#include "lake/state.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* How often the bytes of open days are added up, in events: told by their number in the log, not by batches. */
enum { MEASURE_EVERY = 1024, NAME_MAX_LEN = 128, STEP_EVENTS = 8 };

/* A file that is to be made. */
struct mc_archive_work {
    struct mc_archive_work *next;
    int folder;
    bool is_day;
    struct mc_day day;
    struct mc_rejected rejected;
    char name[NAME_MAX_LEN]; /* in the lake */
    struct mc_error error;
};

struct mc_archive {
    struct mc_archive_options options;
    int folder, lock;
    struct mc_lake_state state; /* as of the last commit, but for what has been put since */
    uint64_t committed;         /* position */
    bool is_new, failed;
    struct mc_day *days[MC_ARCHIVE_DAYS_MAX];
    uint32_t day_count;
    struct mc_day *newest; /* that of the last event: most are of the same */
    int64_t next_due_us;   /* the least of the days' */
    struct mc_rejected rejected;
    struct mc_archive_work *waiting, **waiting_end;
    uint32_t outstanding; /* handed out */
};

/* ---- open, close ---- */

static enum mc_err no_memory(struct mc_archive *a, struct mc_error *e) {
    a->failed = true;
    return mc_error_set(e, MC_ERR_NOMEM, "lake %s: no memory", a->options.path);
}

static enum mc_err take_lock(struct mc_archive *a, struct mc_error *e) {
    enum mc_err err = mc_folder_make(a->folder, MC_LAKE_NEW, e);
    if (err != MC_OK)
        return err;
    a->lock = openat(a->folder, MC_LAKE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (a->lock < 0)
        return mc_error_set(e, mc_err_of_errno(errno), "lake %s: cannot open its lock: %s", a->options.path,
                            strerror(errno));
    if (flock(a->lock, LOCK_EX | LOCK_NB) != 0)
        return mc_error_set(e, MC_ERR_BUSY, "lake %s: another process archives into it", a->options.path);
    return MC_OK;
}

static void add_day(struct mc_archive *a, struct mc_day *day) {
    a->days[a->day_count++] = day;
    if (day->due_us < a->next_due_us)
        a->next_due_us = day->due_us;
}

static enum mc_err load_days(struct mc_archive *a, struct mc_reader *r, struct mc_error *e) {
    uint32_t count = mc_get_u32(r);
    bool good = count <= MC_ARCHIVE_DAYS_MAX;
    for (uint32_t i = 0; i < count && good; i++) {
        struct mc_day *day = mc_calloc(1, sizeof *day);
        if (day == NULL)
            return no_memory(a, e);
        good = mc_day_load(day, r);
        add_day(a, day);
    }
    good = good && mc_rejected_load(&a->rejected, r) && !r->failed && r->rest.len == 0;
    return good ? MC_OK : mc_error_set(e, MC_ERR_FORMAT, "lake %s: its open rows cannot be read", a->options.path);
}

static void open_name(char name[NAME_MAX_LEN], uint64_t commit) {
    snprintf(name, NAME_MAX_LEN, MC_LAKE_OWN "/open-%" PRIu64, commit);
}

static enum mc_err load_open(struct mc_archive *a, struct mc_error *e) {
    struct mc_buf bytes = {0};
    char name[NAME_MAX_LEN];
    bool found;
    if (a->state.commit > 0) { /* which a killed process may have left */
        open_name(name, a->state.commit - 1);
        unlinkat(a->folder, name, 0);
    }
    if (a->state.open_len == 0)
        return MC_OK;
    open_name(name, a->state.commit);
    enum mc_err err = mc_file_get(a->folder, name, &bytes, &found, e);
    if (err == MC_OK &&
        (!found || bytes.len != a->state.open_len || mc_hash64(bytes.data, bytes.len) != a->state.open_hash))
        err = mc_error_set(e, MC_ERR_FORMAT, "lake %s: %s is missing or damaged", a->options.path, name);
    if (err == MC_OK)
        err = load_days(a, &(struct mc_reader){mc_buf_view(&bytes), false}, e);
    mc_buf_free(&bytes);
    return err;
}

/* Whoever lists files sees those of a commit together. */
static enum mc_err lock_publishing(struct mc_archive *a, int *fd, struct mc_error *e) {
    *fd = openat(a->folder, MC_LAKE_PUBLISH, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0 || flock(*fd, LOCK_EX) != 0)
        return mc_error_set(e, mc_err_of_errno(errno), "lake %s: cannot lock it: %s", a->options.path, strerror(errno));
    return MC_OK;
}

static enum mc_err publish_one(struct mc_archive *a, struct mc_str name, struct mc_error *e) {
    char from[2 * NAME_MAX_LEN], to[NAME_MAX_LEN];
    snprintf(to, sizeof to, "%.*s", (int)name.len, name.data);
    snprintf(from, sizeof from, MC_LAKE_NEW "%s", to);
    enum mc_err err = mc_folder_make(a->folder, to, e);
    if (err == MC_OK && renameat(a->folder, from, a->folder, to) != 0 && errno != ENOENT)
        err = mc_error_set(e, mc_err_of_errno(errno), "lake %s: cannot put %s in place: %s", a->options.path, to,
                           strerror(errno));
    if (err == MC_OK && faccessat(a->folder, to, F_OK, 0) != 0) /* it was there, then, from an earlier attempt */
        err = mc_error_set(e, MC_ERR_FORMAT, "lake %s: %s, which was archived, is gone", a->options.path, to);
    return err;
}

/* Makes the names of the commit's files durable, where they stand behind `prefix`: their folders, and those above. */
static enum mc_err sync_files(struct mc_archive *a, const char *prefix, struct mc_error *e) {
    static const char *const tables[] = {"events", "rejects"};
    char path[2 * NAME_MAX_LEN], last[2 * NAME_MAX_LEN] = "";
    struct mc_str name;
    bool has[2] = {false};
    enum mc_err err = MC_OK;
    for (size_t at = 0; err == MC_OK && mc_lake_state_file(mc_buf_view(&a->state.files), &at, &name);) {
        const char *slash = memrchr(name.data, '/', name.len);
        snprintf(path, sizeof path, "%s%.*s", prefix, (int)(slash - name.data), name.data);
        has[name.data[0] == 'r'] = true;
        if (strcmp(path, last) != 0)
            err = mc_folder_sync(a->folder, path, e);
        memcpy(last, path, sizeof last);
    }
    for (int i = 0; i < 2 && err == MC_OK; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, tables[i]);
        err = has[i] ? mc_folder_sync(a->folder, path, e) : MC_OK;
    }
    if (err == MC_OK && prefix[0] != '\0' && (has[0] || has[1]))
        err = mc_folder_sync(a->folder, prefix, e);
    if (err == MC_OK)
        err = mc_folder_sync(a->folder, MC_LAKE_OWN, e);
    return err == MC_OK ? mc_folder_sync(a->folder, ".", e) : err;
}

/* Puts the files of the last commit into their places. Done twice it is harmless. */
static enum mc_err publish(struct mc_archive *a, struct mc_error *e) {
    struct mc_str files = mc_buf_view(&a->state.files), name;
    size_t at = 0;
    int fd = -1;
    enum mc_err err = files.len > 0 ? lock_publishing(a, &fd, e) : MC_OK;
    while (err == MC_OK && mc_lake_state_file(files, &at, &name))
        err = publish_one(a, name, e);
    if (fd >= 0)
        close(fd);
    return err == MC_OK ? sync_files(a, "", e) : err;
}

static enum mc_err check_log(struct mc_archive *a, struct mc_error *e) {
    char log[MC_LAKE_LOG_MAX + 1];
    snprintf(log, sizeof log, "%.*s", (int)a->options.log.len, a->options.log.data ? a->options.log.data : "");
    if (!a->is_new && strcmp(log, a->state.log) != 0)
        return mc_error_set(e, MC_ERR_USAGE, "lake %s: it holds the log of another store: give it a folder of its own",
                            a->options.path);
    if (!a->is_new && log[0] == '\0')
        return mc_error_set(
            e, MC_ERR_USAGE,
            "lake %s: it holds events already; without a store nobody knows which: give an empty folder",
            a->options.path);
    memcpy(a->state.log, log, sizeof log);
    return MC_OK;
}

static enum mc_err load(struct mc_archive *a, struct mc_error *e) {
    struct mc_buf text = {0};
    bool found;
    enum mc_err err = mc_file_get(a->folder, MC_LAKE_STATE, &text, &found, e);
    a->is_new = !found;
    a->state.clock_us = INT64_MAX; /* as no event has it */
    if (err == MC_OK && found)
        err = mc_lake_state_decode(&a->state, mc_buf_view(&text), e);
    mc_buf_free(&text);
    if (err == MC_OK)
        err = check_log(a, e);
    if (err == MC_OK)
        err = publish(a, e);
    if (err == MC_OK)
        err = mc_folder_remove(a->folder, MC_LAKE_OWN "/new", e);
    if (err == MC_OK)
        err = load_open(a, e);
    a->state.files.len = 0;
    a->committed = a->state.next;
    return err;
}

static bool log_is_good(struct mc_str log) {
    for (size_t i = 0; i < log.len; i++)
        if (!(log.data[i] >= '0' && log.data[i] <= '9') && !((log.data[i] | 32) >= 'a' && (log.data[i] | 32) <= 'z') &&
            log.data[i] != '-')
            return false;
    return log.len <= MC_LAKE_LOG_MAX;
}

enum mc_err mc_archive_open(struct mc_archive **out, const struct mc_archive_options *options, struct mc_error *e) {
    assert(log_is_good(options->log));
    struct mc_archive *a = mc_calloc(1, sizeof *a);
    *out = NULL;
    if (a == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "lake %s: no memory", options->path);
    a->options = *options;
    if (a->options.bytes_max == 0)
        a->options.bytes_max = MC_ARCHIVE_BYTES_MAX;
    a->folder = a->lock = -1;
    a->next_due_us = INT64_MAX;
    a->waiting_end = &a->waiting;
    enum mc_err err = mc_folder_open(options->path, &a->folder, e);
    if (err == MC_OK)
        err = take_lock(a, e);
    if (err == MC_OK)
        err = load(a, e);
    if (err != MC_OK)
        mc_archive_close(&a);
    *out = a;
    return err;
}

static void free_work(struct mc_archive_work *w) {
    mc_day_free(&w->day);
    mc_rejected_free(&w->rejected);
    mc_free(w);
}

void mc_archive_close(struct mc_archive **pointer) {
    struct mc_archive *a = *pointer;
    if (a == NULL)
        return;
    assert(a->outstanding == 0);
    for (uint32_t i = 0; i < a->day_count; i++) {
        mc_day_free(a->days[i]);
        mc_free(a->days[i]);
    }
    for (struct mc_archive_work *w = a->waiting, *next; w != NULL; w = next) {
        next = w->next;
        free_work(w);
    }
    mc_rejected_free(&a->rejected);
    mc_lake_state_free(&a->state);
    if (a->lock >= 0)
        close(a->lock);
    if (a->folder >= 0)
        close(a->folder);
    mc_free(a);
    *pointer = NULL;
}

uint64_t mc_archive_position(const struct mc_archive *a) {
    return a->committed;
}

bool mc_archive_is_new(const struct mc_archive *a) {
    return a->is_new;
}

/* ---- files ---- */

static void name_file(char name[NAME_MAX_LEN], const char *table, int64_t day, uint64_t first, uint64_t last) {
    int year;
    unsigned month, day_of_month;
    mc_date_of_days(day, &year, &month, &day_of_month);
    snprintf(name, NAME_MAX_LEN, "%s/date=%04d-%02u-%02u/%016" PRIu64 "-%016" PRIu64 ".parquet", table, year, month,
             day_of_month, first, last);
}

void mc_archive_make(struct mc_archive_work *w) {
    struct mc_parquet *p = NULL;
    struct mc_str file;
    char path[2 * NAME_MAX_LEN];
    snprintf(path, sizeof path, MC_LAKE_NEW "%s", w->name);
    enum mc_err err = w->is_day ? mc_day_encode(&w->day, &p, &file, &w->error)
                                : mc_rejected_encode(&w->rejected, &p, &file, &w->error);
    if (err == MC_OK)
        mc_file_put(w->folder, path, file, &w->error);
    mc_parquet_close(&p);
}

struct mc_archive_work *mc_archive_take(struct mc_archive *a) {
    struct mc_archive_work *w = a->waiting;
    if (w == NULL)
        return NULL;
    a->waiting = w->next;
    if (a->waiting == NULL)
        a->waiting_end = &a->waiting;
    a->outstanding++;
    return w;
}

enum mc_err mc_archive_give_back(struct mc_archive *a, struct mc_archive_work *w, struct mc_error *e) {
    enum mc_err err = w->error.code;
    a->outstanding--;
    if (err == MC_OK) {
        mc_buf_printf(&a->state.files, "%s\n", w->name);
    } else {
        a->failed = true;
        if (e != NULL)
            *e = w->error;
    }
    free_work(w);
    return err;
}

static enum mc_err work_inline(struct mc_archive *a, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (struct mc_archive_work *w; err == MC_OK && (w = mc_archive_take(a)) != NULL;) {
        mc_archive_make(w);
        err = mc_archive_give_back(a, w, e);
    }
    return err;
}

static enum mc_err add_work(struct mc_archive *a, struct mc_archive_work *w, struct mc_error *e) {
    w->folder = a->folder;
    *a->waiting_end = w;
    a->waiting_end = &w->next;
    return a->options.hand_out_work ? MC_OK : work_inline(a, e);
}

/* The day leaves the open ones and becomes a file. */
static enum mc_err write_day(struct mc_archive *a, uint32_t at, struct mc_error *e) {
    struct mc_archive_work *w = mc_calloc(1, sizeof *w);
    struct mc_day *day = a->days[at];
    if (w == NULL)
        return no_memory(a, e);
    a->days[at] = a->days[--a->day_count];
    a->newest = NULL;
    a->next_due_us = INT64_MAX;
    for (uint32_t i = 0; i < a->day_count; i++)
        if (a->days[i]->due_us < a->next_due_us)
            a->next_due_us = a->days[i]->due_us;
    w->is_day = true;
    w->day = *day;
    mc_free(day);
    name_file(w->name, "events", w->day.day, w->day.first, w->day.last);
    return add_work(a, w, e);
}

static enum mc_err write_rejects(struct mc_archive *a, struct mc_error *e) {
    struct mc_archive_work *w = a->rejected.row_count > 0 ? mc_calloc(1, sizeof *w) : NULL;
    if (w == NULL)
        return a->rejected.row_count > 0 ? no_memory(a, e) : MC_OK;
    w->rejected = a->rejected;
    a->rejected = (struct mc_rejected){0};
    name_file(w->name, "rejects", w->rejected.day, mc_rejected_first(&w->rejected), mc_rejected_last(&w->rejected));
    return add_work(a, w, e);
}

/* Of the open days the one that is due first, of equals the earlier. */
static uint32_t first_due(const struct mc_archive *a) {
    uint32_t first = 0;
    for (uint32_t i = 1; i < a->day_count; i++)
        if (a->days[i]->due_us < a->days[first]->due_us ||
            (a->days[i]->due_us == a->days[first]->due_us && a->days[i]->day < a->days[first]->day))
            first = i;
    return first;
}

static enum mc_err write_due(struct mc_archive *a, int64_t clock_us, struct mc_error *e) {
    enum mc_err err = MC_OK;
    while (err == MC_OK && a->next_due_us <= clock_us)
        err = write_day(a, first_due(a), e);
    return err;
}

static enum mc_err write_largest(struct mc_archive *a, struct mc_error *e) {
    uint64_t all = 0, most = 0;
    uint32_t largest = 0;
    for (uint32_t i = 0; i < a->day_count; i++) {
        uint64_t bytes = mc_day_bytes(a->days[i]);
        all += bytes;
        if (bytes > most || (bytes == most && a->days[i]->day < a->days[largest]->day)) {
            most = bytes;
            largest = i;
        }
    }
    return all > a->options.bytes_max ? write_day(a, largest, e) : MC_OK;
}

/* ---- rows ---- */

static int64_t floor_day(int64_t us) {
    return us / MC_DAY_US - (us % MC_DAY_US < 0);
}

/* A day that is long over when its first event comes is kept open for a day of the clock, for what else may come. */
static enum mc_err open_day(struct mc_archive *a, int64_t number, struct mc_time clock, struct mc_error *e) {
    int64_t due_us = (number + 2) * MC_DAY_US;
    enum mc_err err = MC_OK;
    if (!mc_time_is_none(clock) && clock.us + MC_DAY_US > due_us)
        due_us = clock.us + MC_DAY_US;
    if (a->day_count == MC_ARCHIVE_DAYS_MAX)
        err = write_day(a, first_due(a), e);
    struct mc_day *day = err == MC_OK ? mc_calloc(1, sizeof *day) : NULL;
    if (day == NULL)
        return err == MC_OK ? no_memory(a, e) : err;
    mc_day_init(day, number, due_us);
    add_day(a, day);
    a->newest = day;
    return MC_OK;
}

static enum mc_err find_day(struct mc_archive *a, const struct mc_event *ev, struct mc_error *e) {
    int64_t number = floor_day(ev->time.us);
    if (a->newest != NULL && a->newest->day == number)
        return MC_OK;
    for (uint32_t i = 0; i < a->day_count; i++) {
        a->newest = a->days[i];
        if (a->newest->day == number)
            return MC_OK;
    }
    return open_day(a, number, ev->clock, e);
}

static void stamp_order(struct mc_archive *a, struct mc_time clock) {
    a->state.clock_order = clock.us == a->state.clock_us ? a->state.clock_order + 1 : 0;
    a->state.clock_us = clock.us;
}

static enum mc_err put_event(struct mc_archive *a, const struct mc_archive_rows *in, uint32_t at, struct mc_error *e) {
    const struct mc_event *ev = &in->batch->events[at];
    enum mc_err err = MC_OK;
    if (!mc_time_is_none(ev->clock) && ev->clock.us >= a->next_due_us)
        err = write_due(a, ev->clock.us, e);
    if (err == MC_OK && a->state.events % MEASURE_EVERY == 0)
        err = write_largest(a, e);
    if (err == MC_OK)
        err = find_day(a, ev, e);
    if (err != MC_OK)
        return err;
    stamp_order(a, ev->clock);
    struct mc_day_event row = {.event = ev,
                               .bytes = in->batch->bytes.data,
                               .visit_start = in->visit_start[at],
                               .original = in->original ? in->original[at] : (struct mc_time){MC_TIME_NONE_US},
                               .arrived_at = in->arrived_at,
                               .source = in->source,
                               .clock_order = a->state.clock_order};
    if (!mc_day_add(a->newest, in->position + in->batch->event_rows[at].number, &row))
        return no_memory(a, e);
    a->state.events++;
    a->state.late += mc_time_is_none(row.visit_start);
    return MC_OK;
}

static enum mc_err put_reject(struct mc_archive *a, const struct mc_archive_rows *in, const struct mc_row *row,
                              enum mc_reason reason, struct mc_error *e) {
    enum mc_err err = MC_OK;
    struct mc_rejected_event ev = {.source = in->source,
                                   .raw = mc_slice_str(in->batch->bytes.data, row->raw),
                                   .byte_offset = (int64_t)(in->batch->byte_offset + row->raw.offset),
                                   .row = (int64_t)(in->batch->first_row + row->number),
                                   .position = in->position + row->number,
                                   .reason = reason,
                                   .arrived_at = in->arrived_at};
    if (a->rejected.row_count > 0 &&
        (a->rejected.day != floor_day(in->arrived_at.us) || mc_rejected_bytes(&a->rejected) > MC_ARCHIVE_REJECTS_MAX))
        err = write_rejects(a, e);
    if (err == MC_OK && !mc_rejected_add(&a->rejected, &ev))
        err = no_memory(a, e);
    a->state.rejects++;
    return err;
}

/* The rows of a batch mostly belong to the day of the row before. */
static void look_ahead(const struct mc_archive *a, const struct mc_archive_rows *in, uint32_t at) {
    for (int step = 0; a->newest != NULL && step < MC_DAY_STEPS; step++) {
        uint32_t ahead = at + (uint32_t)(MC_DAY_STEPS - step) * STEP_EVENTS;
        if (ahead < in->batch->event_count)
            mc_day_ahead(a->newest, step, &in->batch->events[ahead], in->visit_start[ahead]);
    }
}

/* Events, duplicates and rejects in the order of their rows, from the first that the lake does not have. */
static enum mc_err put_rows(struct mc_archive *a, const struct mc_archive_rows *in, struct mc_error *e) {
    const struct mc_batch *b = in->batch;
    uint64_t known = a->state.next > in->position ? a->state.next - in->position : 0;
    uint32_t reject = 0;
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i <= b->event_count && err == MC_OK; i++) {
        uint64_t upto = i < b->event_count ? b->event_rows[i].number : UINT64_MAX;
        for (; reject < b->reject_count && b->rejects[reject].row.number < upto && err == MC_OK; reject++)
            if (b->rejects[reject].row.number >= known)
                err = put_reject(a, in, &b->rejects[reject].row, b->rejects[reject].reason, e);
        if (i == b->event_count || err != MC_OK || upto < known)
            continue;
        look_ahead(a, in, i);
        err = b->duplicate[i] ? put_reject(a, in, &b->event_rows[i], MC_DUPLICATE, e) : put_event(a, in, i, e);
    }
    return err;
}

enum mc_err mc_archive_put(struct mc_archive *a, const struct mc_archive_rows *in, struct mc_error *e) {
    assert(!a->failed);
    uint64_t end = in->position + in->batch->row_count;
    if (a->is_new && a->state.events == 0 && a->state.rejects == 0 && a->state.next == 0)
        a->state.begin = a->state.next = in->position;
    if (in->position > a->state.next)
        return mc_error_set(e, MC_ERR_USAGE,
                            "lake %s: rows %" PRIu64 " to %" PRIu64
                            " of the log are missing: they were read without --archive",
                            a->options.path, a->state.next, in->position - 1);
    enum mc_err err = put_rows(a, in, e);
    a->failed |= err != MC_OK;
    if (err == MC_OK && end > a->state.next)
        a->state.next = end;
    return err;
}

enum mc_err mc_archive_flush(struct mc_archive *a, struct mc_error *e) {
    assert(!a->failed);
    enum mc_err err = MC_OK;
    while (err == MC_OK && a->day_count > 0)
        err = write_day(a, first_due(a), e);
    if (err == MC_OK)
        err = write_rejects(a, e);
    a->failed |= err != MC_OK;
    return err;
}

/* ---- the commit ---- */

/* What is open, as bytes; nothing if nothing is. Days in their order, so that the same rows are the same bytes. */
static void save_open(struct mc_archive *a, struct mc_buf *out) {
    if (a->day_count == 0 && a->rejected.row_count == 0)
        return;
    mc_put_u32(out, a->day_count);
    for (int64_t after = INT64_MIN, next; after < INT64_MAX; after = next) {
        next = INT64_MAX;
        for (uint32_t i = 0; i < a->day_count; i++)
            if (a->days[i]->day > after && a->days[i]->day < next)
                next = a->days[i]->day;
        for (uint32_t i = 0; i < a->day_count; i++)
            if (a->days[i]->day == next)
                mc_day_save(a->days[i], out);
    }
    mc_rejected_save(&a->rejected, out);
}

static enum mc_err put_open(struct mc_archive *a, struct mc_error *e) {
    struct mc_buf bytes = {0};
    char name[NAME_MAX_LEN];
    enum mc_err err = MC_OK;
    save_open(a, &bytes);
    if (bytes.failed)
        err = no_memory(a, e);
    a->state.open_len = bytes.len;
    a->state.open_rejects = a->rejected.row_count;
    a->state.open_events = 0;
    for (uint32_t i = 0; i < a->day_count; i++)
        a->state.open_events += a->days[i]->row_count;
    a->state.open_hash = bytes.len > 0 ? mc_hash64(bytes.data, bytes.len) : 0;
    open_name(name, a->state.commit);
    if (err == MC_OK && bytes.len > 0)
        err = mc_file_put(a->folder, name, mc_buf_view(&bytes), e);
    mc_buf_free(&bytes);
    return err;
}

static enum mc_err replace_state(struct mc_archive *a, struct mc_error *e) {
    struct mc_buf text = {0};
    mc_lake_state_encode(&a->state, &text);
    enum mc_err err = text.failed || a->state.files.failed
                          ? no_memory(a, e)
                          : mc_file_replace(a->folder, MC_LAKE_STATE, mc_buf_view(&text), e);
    mc_buf_free(&text);
    return err;
}

enum mc_err mc_archive_commit(struct mc_archive *a, struct mc_error *e) {
    assert(!a->failed && a->waiting == NULL && a->outstanding == 0);
    char old[NAME_MAX_LEN];
    open_name(old, a->state.commit);
    a->state.commit++;
    enum mc_err err = put_open(a, e);
    if (err == MC_OK)
        err = sync_files(a, MC_LAKE_NEW, e);
    if (err == MC_OK)
        err = replace_state(a, e); /* here it happens */
    if (err == MC_OK)
        err = publish(a, e);
    a->failed |= err != MC_OK;
    if (err != MC_OK)
        return err;
    unlinkat(a->folder, old, 0); /* if it stays, it is in nobody's way */
    a->committed = a->state.next;
    a->is_new = false;
    a->state.files.len = 0;
    return MC_OK;
}

/* maxcart rejects retry [FILE]: rejected rows come in again, as a new source.
 *
 * Without a file they come as they were kept: after a change of settings or of the program. With one they come as the
 * file has them, which is the CSV of `maxcart rejects --csv` after somebody has mended its column `raw`; rows that are
 * as they were stay rejected. Each is read by the header of the file that it came from, so rows of one header are
 * written to one file beside the store (STORE.retry-N.csv, kept: it is the source), which is replayed into it and then
 * marked. A process killed on the way makes the same file again, whose content the store knows by then: nothing is
 * counted twice.
 */
#include "app/live.h"
#include "app/replay_setup.h"
#include "app/table_file.h"
#include "base/mem.h"
#include <stdio.h>

struct retried {
    int64_t id, source;
    size_t raw_at, raw_len; /* in struct retry's bytes */
    uint32_t group;
};

struct group {
    struct mc_buf header; /* empty: the nine columns */
    char *path;
    int64_t source; /* of the store, after its replay */
    uint64_t rows;
};

struct retry {
    struct mc_ledger *ledger;
    struct mc_invocation *run;
    struct retried *rows;
    size_t count, cap;
    struct mc_buf bytes;
    struct group *groups;
    uint32_t group_count;
    bool failed;      /* no memory */
    uint64_t unknown; /* rows of the file whose id is no reject that waits */
    uint64_t calls;   /* rejects that came over HTTP: JSON, which only its sender can send again */
};

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the rejected rows");
}

/* ---- which rows ---- */

static bool take_reject(void *context, const struct mc_stored_reject *r) {
    struct retry *t = context;
    struct mc_str http = MC_STR(MC_LIVE_SOURCE_PREFIX);
    if (r->source_name.len >= http.len && memcmp(r->source_name.data, http.data, http.len) == 0) {
        t->calls++;
        return true;
    }
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct retried *rows = mc_realloc(t->rows, cap * sizeof *rows);
        t->failed |= rows == NULL;
        if (rows == NULL)
            return false;
        t->rows = rows;
        t->cap = cap;
    }
    t->rows[t->count++] = (struct retried){r->id, r->reject.source, t->bytes.len, r->reject.raw.len, 0};
    mc_buf_str(&t->bytes, r->reject.raw);
    return true;
}

/* Duplicates are no mistake that a fix could mend: they are retried only if asked for by name. */
static bool take_but_duplicates(void *context, const struct mc_stored_reject *r) {
    return r->reject.reason == MC_DUPLICATE || take_reject(context, r);
}

static enum mc_err collect(struct retry *t, const struct mc_query *query, bool all_reasons, struct mc_error *e) {
    struct mc_filter filter = mc_filter_all();
    filter.not_retried = true;
    filter.arrived_since.us = query->since_us;
    filter.arrived_until.us = query->until_us;
    filter.limit = query->limit > 0 ? (uint64_t)query->limit : 0;
    if (query->reason >= 0)
        filter.reason = query->reason + MC_MALFORMED_ROW;
    bool by_name = query->reason >= 0 || all_reasons;
    enum mc_err err = mc_read_rejects(t->ledger, &filter, by_name ? take_reject : take_but_duplicates, t, e);
    return err == MC_OK && (t->failed || t->bytes.failed) ? no_memory(e) : err;
}

/* Rejects are read in order of id. */
static struct retried *find_row(struct retry *t, int64_t id) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->count && t->rows[low].id == id ? &t->rows[low] : NULL;
}

static enum mc_err take_mended(void *context, uint64_t number, const struct mc_str *values, struct mc_error *e) {
    (void)number;
    struct retry *t = context;
    int64_t id;
    struct retried *row = mc_int_parse(values[0], &id) ? find_row(t, id) : NULL;
    t->unknown += row == NULL;
    if (row == NULL)
        return MC_OK;
    struct mc_str raw = {t->bytes.data + row->raw_at, row->raw_len};
    if (mc_str_equal(values[1], mc_str_trim(raw)))
        return MC_OK;
    row->raw_at = t->bytes.len;
    row->raw_len = values[1].len;
    row->group = 1; /* was mended */
    mc_buf_str(&t->bytes, values[1]);
    return t->bytes.failed ? no_memory(e) : MC_OK;
}

static void refuse_mended(void *context, uint64_t number, const char *reason) {
    (void)context;
    fprintf(stderr, "row %llu of the file is left out: %s\n", (unsigned long long)number, reason);
}

static enum mc_err read_mended(struct retry *t, const char *path, struct mc_error *e) {
    static const struct mc_table_column columns[] = {{"id", true}, {"raw", true}};
    struct mc_table_reader reader = {
        .columns = columns, .column_count = 2, .take = take_mended, .refuse = refuse_mended, .context = t};
    enum mc_err err = mc_table_read(&reader, path, e);
    mc_buf_free(&reader.ignored);
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].group == 1)
            t->rows[kept++] = t->rows[i];
    t->count = kept;
    return err;
}

/* ---- one file for each header ---- */

static enum mc_err group_of(struct retry *t, int64_t source, uint32_t *group, struct mc_error *e) {
    struct mc_buf header = {0};
    enum mc_err err = mc_source_header(t->ledger, source, &header, e);
    for (*group = 0; err == MC_OK && *group < t->group_count; ++*group)
        if (mc_str_equal(mc_buf_view(&header), mc_buf_view(&t->groups[*group].header))) {
            mc_buf_free(&header);
            return MC_OK;
        }
    struct group *groups = err == MC_OK ? mc_realloc(t->groups, (t->group_count + 1) * sizeof *groups) : NULL;
    if (groups == NULL) {
        mc_buf_free(&header);
        return err == MC_OK ? no_memory(e) : err;
    }
    t->groups = groups;
    t->groups[t->group_count++] = (struct group){.header = header};
    return MC_OK;
}

static enum mc_err group_rows(struct retry *t, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < t->count && err == MC_OK; i++) {
        bool same = i > 0 && t->rows[i].source == t->rows[i - 1].source;
        if (same)
            t->rows[i].group = t->rows[i - 1].group;
        else
            err = group_of(t, t->rows[i].source, &t->rows[i].group, e);
        if (err == MC_OK)
            t->groups[t->rows[i].group].rows++;
    }
    return err;
}

static enum mc_err write_group(struct retry *t, uint32_t group, struct mc_error *e) {
    struct group *g = &t->groups[group];
    struct mc_buf path = {0};
    struct mc_output out = {0};
    /* named by its first reject, so that a second run names it alike */
    size_t first = 0;
    while (t->rows[first].group != group)
        first++;
    mc_buf_printf(&path, "%s.retry-%lld.csv", t->run->store, (long long)t->rows[first].id);
    g->path = path.failed ? NULL : (char *)(uintptr_t)mc_buf_cstr(&path);
    enum mc_err err = g->path != NULL ? mc_output_open(&out, g->path, e) : no_memory(e);
    if (err != MC_OK)
        return err;
    if (g->header.len > 0) {
        mc_buf_str(&out.buf, mc_buf_view(&g->header));
        mc_buf_char(&out.buf, '\n');
    }
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i].group != group)
            continue;
        mc_buf_append(&out.buf, t->bytes.data + t->rows[i].raw_at, t->rows[i].raw_len);
        mc_buf_char(&out.buf, '\n');
        mc_output_spill(&out);
    }
    return mc_output_close(&out, e);
}

static enum mc_err replay_group(struct group *g, struct mc_replay_options *o, struct mc_error *e) {
    struct mc_replay_result result = {0};
    o->paths = &g->path;
    o->path_count = 1;
    o->no_header = g->header.len == 0;
    o->quiet = true;
    enum mc_err err = mc_replay_run(o, &result, e);
    g->source = result.first_source;
    mc_replay_result_free(&result);
    return err;
}

static enum mc_err mark_rows(struct retry *t, struct mc_error *e) {
    enum mc_err err = mc_ledger_begin(t->ledger, e);
    for (size_t i = 0; i < t->count && err == MC_OK; i++)
        err = mc_reject_set_retried(t->ledger, t->rows[i].id, t->groups[t->rows[i].group].source, e);
    if (err == MC_OK)
        return mc_ledger_commit(t->ledger, e);
    if (mc_ledger_in_transaction(t->ledger))
        mc_ledger_rollback(t->ledger, NULL);
    return err;
}

static enum mc_err replay_groups(struct retry *t, struct mc_replay_options *o, struct mc_error *e) {
    enum mc_err err = group_rows(t, e);
    for (uint32_t g = 0; g < t->group_count && err == MC_OK; g++)
        err = write_group(t, g, e);
    for (uint32_t g = 0; g < t->group_count && err == MC_OK; g++)
        err = replay_group(&t->groups[g], o, e);
    return err == MC_OK ? mark_rows(t, e) : err;
}

/* ---- the command ---- */

static enum mc_err say_result(struct retry *t, const struct mc_report *before, struct mc_error *e) {
    struct mc_report after;
    enum mc_err err = mc_report_read(t->ledger, &after, e);
    if (err != MC_OK)
        return err;
    uint64_t again = 0;
    for (int i = 0; i < MC_REASONS; i++)
        again += after.rejects[i] - before->rejects[i];
    struct mc_buf *b = &t->run->out.buf;
    mc_buf_printf(b, "%zu rejected rows came in again: %llu accepted, %llu rejected again\n", t->count,
                  (unsigned long long)(t->count - again), (unsigned long long)again);
    if (t->calls > 0)
        mc_buf_printf(b,
                      "%llu came over HTTP and stay: mend them where they come from, and send them again (maxcart "
                      "rejects --json shows them)\n",
                      (unsigned long long)t->calls);
    if (t->unknown > 0)
        mc_buf_printf(b, "%llu rows of the file are no rejects that wait\n", (unsigned long long)t->unknown);
    return MC_OK;
}

static void retry_free(struct retry *t) {
    for (uint32_t g = 0; g < t->group_count; g++) {
        mc_buf_free(&t->groups[g].header);
        mc_free(t->groups[g].path);
    }
    mc_free(t->groups);
    mc_free(t->rows);
    mc_buf_free(&t->bytes);
    mc_ledger_close(&t->ledger);
}

enum mc_err mc_rejects_retry(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e) {
    struct retry t = {.run = run};
    struct mc_report before;
    struct mc_replay_options o = mc_replay_setup(&run->config);
    const char *mended = run->operands.count > 1 ? run->operands.items[1] : NULL; /* behind the verb */
    if (run->operands.count > 2)
        return mc_error_set(e, MC_ERR_USAGE, "rejects retry takes one file");
    struct mc_buf as_live = {0};
    enum mc_err err = mc_replay_open_store(&t.ledger, run, &o, e);
    if (err == MC_OK)
        err = mc_setting_get(t.ledger, MC_REPLAY_AS_LIVE, &as_live, e);
    o.as_live = mc_str_equal(mc_buf_view(&as_live), MC_STR("yes"));
    mc_buf_free(&as_live);
    if (err == MC_OK)
        err = mc_report_read(t.ledger, &before, e);
    if (err == MC_OK)
        err = collect(&t, query, mended != NULL, e);
    if (err == MC_OK && mended != NULL)
        err = read_mended(&t, mended, e);
    if (err == MC_OK && t.count > 0)
        err = replay_groups(&t, &o, e);
    if (err == MC_OK)
        err = say_result(&t, &before, e);
    retry_free(&t);
    return err;
}

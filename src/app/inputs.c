#include "app/inputs.h"

#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>

/* A file that begins so far before the clock was given in the wrong place. */
#define MISPLACED_US MC_DAY_US

/* Reads the first rows a second time, to know when a file begins. */
static void find_begin(struct mc_input_file *f) {
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    struct mc_str rows = mc_file_peek(f->file);
    f->begins_at.us = MC_TIME_NONE_US;
    mc_buf_str(&batch.bytes, rows);
    batch.raw_len = batch.bytes.failed ? 0 : mc_csv_whole_rows(rows.data, rows.len, false);
    mc_csv_decoder_init(&decoder, &f->layout, (struct mc_str){0});
    if (mc_csv_decode(&decoder, &batch, false, NULL) == MC_OK && batch.event_count > 0)
        f->begins_at = batch.events[0].time;
    mc_batch_free(&batch);
}

/* Whether `longer` begins with all that identifies `shorter`. */
static bool begins_with(const struct mc_file *longer, const struct mc_file *shorter) {
    struct mc_str a = mc_file_head(longer), b = mc_file_head(shorter);
    return mc_file_len(shorter) > 0 && mc_file_len(longer) >= mc_file_len(shorter) && a.len >= b.len &&
           memcmp(a.data, b.data, b.len) == 0;
}

/* ---- what was consumed before ---- */

static void note(struct mc_buf *notes, const char *path, const char *words) {
    mc_buf_printf(notes, "%s %s\n", path, words);
}

/* The longest file before it in this run that it begins with. */
static struct mc_input_file *ancestor(struct mc_inputs *in, struct mc_input_file *f) {
    struct mc_input_file *found = NULL;
    for (struct mc_input_file *g = in->files; g < f; g++)
        if (!g->skipped && begins_with(f->file, g->file) &&
            (found == NULL || mc_file_len(g->file) >= mc_file_len(found->file)))
            found = g;
    return found;
}

static void place_in_run(struct mc_inputs *in, struct mc_input_file *f, struct mc_buf *notes) {
    struct mc_input_file *before = ancestor(in, f);
    if (before == NULL)
        return;
    f->source = before->source;
    if (mc_file_len(f->file) == mc_file_len(before->file)) {
        f->skipped = true;
        mc_buf_printf(notes, "%s is the same file as %s: it is read once\n", f->path, before->path);
        return;
    }
    f->continues = before;
    mc_buf_printf(notes, "%s begins with all of %s: it goes on behind that\n", f->path, before->path);
}

enum { HEADER_NAME_MAX = 40 };

static const char *header_name(char out[HEADER_NAME_MAX], int64_t source) {
    snprintf(out, HEADER_NAME_MAX, "source.%lld.header", (long long)source);
    return out;
}

enum mc_err mc_source_header(struct mc_ledger *l, int64_t source, struct mc_buf *out, struct mc_error *e) {
    char name[HEADER_NAME_MAX];
    return mc_setting_get(l, header_name(name, source), out, e);
}

static enum mc_err add_to_store(struct mc_input_file *f, struct mc_ledger *l, struct mc_wall now, struct mc_error *e) {
    char name[HEADER_NAME_MAX];
    int64_t len = mc_file_len(f->file);
    struct mc_str head = len < 0 ? (struct mc_str){0} : mc_file_head(f->file);
    enum mc_err err = mc_source_add(l, mc_str_of(f->path), head, len, now, &f->source, e);
    if (err != MC_OK || f->layout.header.len == 0)
        return err;
    return mc_setting_put(l, header_name(name, f->source.id), mc_buf_view(&f->layout.header), e);
}

static enum mc_err place_in_store(struct mc_input_file *f, struct mc_ledger *l, struct mc_wall now,
                                  struct mc_buf *notes, struct mc_error *e) {
    struct mc_str head = mc_file_head(f->file);
    int64_t len = mc_file_len(f->file);
    bool found = false;
    enum mc_err err = len > 0 ? mc_source_find(l, head, len, &found, &f->source, e) : MC_OK;
    if (err != MC_OK || !found)
        return err != MC_OK ? err : add_to_store(f, l, now, e);
    f->resume_offset = f->source.offset;
    f->rows = f->source.row;
    f->skipped = f->source.state == MC_SOURCE_DONE && f->source.file_len == len;
    if (f->skipped)
        note(notes, f->path, "is in the store already: nothing of it is read again");
    else if (f->source.file_len < len && f->resume_offset > 0)
        note(notes, f->path, "has grown since it was read: it goes on from there");
    else if (f->resume_offset > 0)
        note(notes, f->path, "was not read to its end: it goes on from there");
    return f->source.file_len < len ? mc_source_grow(l, f->source.id, head, len, e) : MC_OK;
}

static enum mc_err resume(struct mc_input_file *f, uint64_t offset, struct mc_buf *notes, struct mc_error *e) {
    bool torn_row;
    enum mc_err err = mc_file_resume(f->file, offset, &torn_row, e);
    if (err == MC_OK && torn_row)
        note(notes, f->path, "ended within a row when it was read: what has come of that row since is rejected");
    return err;
}

static enum mc_err place(struct mc_inputs *in, struct mc_input_file *f, struct mc_ledger *l, struct mc_wall now,
                         struct mc_buf *notes, struct mc_error *e) {
    if (mc_file_len(f->file) < 0)
        note(notes, f->path, "has no identity: giving it again would count it again");
    else
        place_in_run(in, f, notes);
    bool is_new = !f->skipped && f->continues == NULL;
    enum mc_err err = l != NULL && is_new ? place_in_store(f, l, now, notes, e) : MC_OK;
    if (err == MC_OK && !f->skipped && f->resume_offset > 0)
        err = resume(f, (uint64_t)f->resume_offset, notes, e);
    return err;
}

/* ---- open, close ---- */

static enum mc_err open_one(struct mc_inputs *in, struct mc_input_file *f, bool no_header, struct mc_ledger *l,
                            struct mc_wall now, struct mc_buf *notes, struct mc_error *e) {
    enum mc_err err = mc_file_open(&f->file, f->path, e);
    if (err == MC_OK)
        err = mc_file_layout(f->file, no_header, &f->layout, e);
    if (err != MC_OK)
        return err;
    if (f->layout.ignored.len > 0)
        mc_buf_printf(notes, "%s has columns that are not used: %s\n", f->path, mc_buf_cstr(&f->layout.ignored));
    find_begin(f);
    return place(in, f, l, now, notes, e);
}

static int by_begin(const void *a, const void *b) {
    const struct mc_input_file *x = *(struct mc_input_file *const *)a, *y = *(struct mc_input_file *const *)b;
    if (x->begins_at.us != y->begins_at.us)
        return x->begins_at.us < y->begins_at.us ? -1 : 1;
    return x < y ? -1 : 1;
}

/* Names the order by time when the order given would make much of a file late. */
static void advise_order(struct mc_inputs *in, struct mc_time clock, struct mc_buf *notes) {
    struct mc_time latest = clock;
    const struct mc_input_file *misplaced = NULL;
    for (uint32_t i = 0; i < in->count && misplaced == NULL; i++) {
        const struct mc_input_file *f = &in->files[i];
        if (f->skipped || mc_time_is_none(f->begins_at) || f->resume_offset > 0 || f->continues != NULL)
            continue;
        if (!mc_time_is_none(latest) && f->begins_at.us + MISPLACED_US < latest.us)
            misplaced = f;
        else if (f->begins_at.us > latest.us)
            latest = f->begins_at;
    }
    struct mc_input_file **order = misplaced ? mc_malloc(in->count * sizeof *order) : NULL;
    if (order == NULL)
        return;
    for (uint32_t i = 0; i < in->count; i++)
        order[i] = &in->files[i];
    qsort(order, in->count, sizeof *order, by_begin);
    mc_buf_printf(notes, "warning: %s begins ", misplaced->path);
    mc_buf_time(notes, misplaced->begins_at.us);
    mc_buf_text(notes, ", long before ");
    mc_buf_time(notes, latest.us);
    mc_buf_text(notes, " which comes before it: its events will be late and belong to no visit");
    bool in_run = in->count > 1 && (mc_time_is_none(clock) || order[0]->begins_at.us + MISPLACED_US >= clock.us);
    mc_buf_text(notes, in_run ? "; better give the files in this order:" : "; the store has seen later events already");
    for (uint32_t i = 0; in_run && i < in->count; i++)
        mc_buf_printf(notes, " %s", order[i]->path);
    mc_buf_char(notes, '\n');
    mc_free(order);
}

enum mc_err mc_inputs_open(struct mc_inputs *in, char *const *paths, uint32_t count, bool no_header,
                           struct mc_ledger *l, struct mc_wall now, struct mc_time clock, struct mc_buf *notes,
                           struct mc_error *e) {
    *in = (struct mc_inputs){.files = mc_calloc(count, sizeof *in->files)};
    if (in->files == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for %u files", count);
    bool known = true;
    for (uint32_t i = 0; i < count; i++) {
        struct mc_input_file *f = &in->files[in->count++];
        f->path = paths[i];
        enum mc_err err = open_one(in, f, no_header, l, now, notes, e);
        if (err != MC_OK) {
            mc_inputs_close(in);
            return err;
        }
        known &= mc_file_len(f->file) >= 0;
        in->bytes_total += f->skipped || !known ? 0 : (uint64_t)mc_file_len(f->file);
    }
    if (!known)
        in->bytes_total = 0;
    advise_order(in, clock, notes);
    return MC_OK;
}

void mc_inputs_close(struct mc_inputs *in) {
    for (uint32_t i = 0; i < in->count; i++) {
        mc_file_close(&in->files[i].file);
        mc_layout_free(&in->files[i].layout);
    }
    mc_free(in->files);
    *in = (struct mc_inputs){0};
}

/* ---- reading ---- */

/* A file that continues another of this run goes on where that one ended: by now it was read to its end. */
static enum mc_err start_reading(struct mc_input_file *f, struct mc_error *e) {
    if (f->started)
        return MC_OK;
    f->started = true;
    struct mc_buf notes = {0};
    enum mc_err err = f->continues ? resume(f, mc_file_offset(f->continues->file), &notes, e) : MC_OK;
    mc_buf_free(&notes);
    return err;
}

enum mc_err mc_inputs_read(struct mc_inputs *in, struct mc_batch *batch, const struct mc_layout **layout, bool *last,
                           bool *more, struct mc_error *e) {
    while (in->current < in->count && in->files[in->current].skipped)
        in->current++;
    *more = in->current < in->count;
    *last = false;
    if (!*more)
        return MC_OK;
    struct mc_input_file *f = &in->files[in->current];
    enum mc_err err = start_reading(f, e);
    if (err == MC_OK)
        err = mc_file_fill(f->file, batch, last, e);
    batch->source = in->current;
    *layout = &f->layout;
    *last |= batch->raw_len == 0;
    in->bytes_read = in->bytes_before + mc_file_progress(f->file);
    if (*last) {
        in->bytes_before += mc_file_len(f->file) > 0 ? (uint64_t)mc_file_len(f->file) : 0;
        in->current++;
    }
    return err;
}

void mc_inputs_number(struct mc_inputs *in, struct mc_batch *batch) {
    struct mc_input_file *f = &in->files[batch->source];
    if (f->continues != NULL) {
        f->rows = f->continues->rows;
        f->continues = NULL;
    }
    batch->first_row = (uint64_t)f->rows + 1;
    f->rows += batch->row_count;
}

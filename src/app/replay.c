#include "app/replay.h"

#include "app/rejects.h"
#include "app/saved_engine.h"
#include "app/store_summary.h"
#include "app/timeline.h"
#include "base/mem.h"
#include "store/inbox.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* About a million rows, a second or two. */
enum { CHECKPOINT_BYTES = 128 << 20 };

struct replay {
    const struct mc_replay_options *options;
    struct mc_ledger *ledger;
    struct mc_inputs inputs;
    struct mc_outdir outdir;
    struct mc_archive *archive;
    struct mc_pipeline *pipeline;
    struct mc_progress progress;
    struct mc_run run;           /* with a ledger */
    struct mc_wall arrived_at;   /* of all rows: when the run first started */
    struct mc_summary summary;   /* rows and rejects so far; the rest is taken from the pipeline */
    struct mc_timeline timeline; /* with a ledger */
    bool is_over;
};

static enum mc_err read_batch(void *context, struct mc_batch *batch, const struct mc_layout **layout, bool *last,
                              bool *more, struct mc_error *e) {
    struct replay *r = context;
    return mc_inputs_read(&r->inputs, batch, layout, last, more, e);
}

static void number_batch(void *context, struct mc_batch *batch) {
    struct replay *r = context;
    mc_inputs_number(&r->inputs, batch);
}

/* ---- rejects ---- */

struct rejecting {
    struct replay *replay;
    const struct mc_batch *batch;
};

static enum mc_err put_reject(void *context, const struct mc_row *row, enum mc_reason reason, struct mc_error *e) {
    const struct rejecting *rejecting = context;
    struct replay *r = rejecting->replay;
    const struct mc_batch *b = rejecting->batch;
    const struct mc_input_file *file = &r->inputs.files[b->source];
    uint64_t offset = b->byte_offset + row->raw.offset, number = b->first_row + row->number;
    struct mc_str raw = mc_slice_str(b->bytes.data, row->raw);
    r->summary.rejected[reason]++;
    if (r->ledger == NULL) {
        if (r->options->out != NULL)
            mc_outdir_reject(&r->outdir, mc_str_of(file->path), offset, number, reason, raw);
        return MC_OK;
    }
    struct mc_reject reject = {.source = file->source.id,
                               .byte_offset = (int64_t)offset,
                               .row = (int64_t)number,
                               .reason = reason,
                               .raw = raw,
                               .arrived_at = r->arrived_at};
    return mc_ledger_put_reject(r->ledger, &reject, e);
}

static enum mc_err put_rejects(struct replay *r, const struct mc_batch *b, struct mc_error *e) {
    return mc_rejects_each(b, put_reject, &(struct rejecting){r, b}, e);
}

/* ---- checkpoints ---- */

static enum mc_err save_sources(struct replay *r, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i < r->inputs.count && err == MC_OK; i++)
        if (r->inputs.files[i].consumed)
            err = mc_source_update(r->ledger, &r->inputs.files[i].source, e);
    return err;
}

static void refresh_summary(struct replay *r) {
    struct mc_counts counts = mc_partitions_counts(mc_pipeline_engine(r->pipeline));
    mc_summary_from_counts(&r->summary, &counts);
    r->summary.users = mc_partitions_users(mc_pipeline_engine(r->pipeline));
}

static enum mc_err finish_ledger(struct replay *r, struct mc_error *e) {
    const struct mc_tally *tally = mc_partitions_tally(mc_pipeline_engine(r->pipeline));
    if (tally == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the products");
    struct mc_summary of_tally = {0};
    mc_summary_from_tally(&of_tally, tally);
    r->summary.products = of_tally.products;
    enum mc_err err = mc_products_save(r->ledger, tally, e);
    return err == MC_OK ? mc_run_finish(r->ledger, r->run.id, mc_wall_now(), e) : err;
}

static enum mc_err checkpoint(struct replay *r, struct mc_error *e) {
    refresh_summary(r);
    enum mc_err err = mc_engine_save(r->ledger, mc_pipeline_engine(r->pipeline), e);
    if (err == MC_OK)
        err = save_sources(r, e);
    if (err == MC_OK && r->is_over)
        err = finish_ledger(r, e);
    if (err == MC_OK)
        err = mc_summary_save(r->ledger, &r->summary, e);
    return err == MC_OK ? mc_ledger_commit(r->ledger, e) : err;
}

/* ---- the lake ---- */

static enum mc_err put_archive(struct replay *r, const struct mc_batch *b, struct mc_error *e) {
    struct mc_archive_rows rows = {.batch = b,
                                   .visit_start = b->visit_start,
                                   .position = r->summary.rows,
                                   .source = mc_str_of(r->inputs.files[b->source].path),
                                   .arrived_at = r->arrived_at};
    return r->archive != NULL ? mc_archive_put(r->archive, &rows, e) : MC_OK;
}

/* ---- a batch comes out ---- */

static void consume(struct replay *r, const struct mc_emission *em) {
    struct mc_input_file *f = &r->inputs.files[em->batch->source];
    f->consumed = true;
    f->source.offset = (int64_t)(em->batch->byte_offset + em->batch->raw_len);
    f->source.row = (int64_t)(em->batch->first_row + em->batch->row_count) - 1;
    f->source.state = em->ends_source ? MC_SOURCE_DONE : MC_SOURCE_OPEN;
    r->summary.rows += em->batch->row_count;
}

static void show_progress(struct replay *r, const struct mc_emission *em) {
    mc_progress_update(&r->progress, &(struct mc_progress_state){.what = r->inputs.files[em->batch->source].path,
                                                                 .unit = "rows",
                                                                 .done = r->inputs.bytes_read,
                                                                 .total = r->inputs.bytes_total,
                                                                 .count = r->summary.rows});
}

static enum mc_err emit_to_ledger(struct replay *r, const struct mc_emission *em, struct mc_error *e) {
    enum mc_err err = mc_ledger_in_transaction(r->ledger) ? MC_OK : mc_ledger_begin(r->ledger, e);
    r->is_over = em->batch == NULL;
    if (err == MC_OK && !r->is_over)
        err = put_rejects(r, em->batch, e);
    if (err == MC_OK)
        err = r->is_over ? mc_timeline_end(&r->timeline, em->endings, em->partitions, e)
                         : mc_timeline_put(&r->timeline, em->batch, em->endings, em->partitions, em->clock, NULL, e);
    return err == MC_OK && em->checkpoint ? checkpoint(r, e) : err;
}

static enum mc_err emit_to_folder(struct replay *r, const struct mc_emission *em, struct mc_error *e) {
    enum mc_err err = em->batch != NULL ? put_rejects(r, em->batch, e) : MC_OK;
    if (err == MC_OK && r->options->out != NULL &&
        !mc_outdir_carts(&r->outdir, em->endings, em->partitions, em->clock, em->batch == NULL))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for abandoned carts");
    return err;
}

static enum mc_err emit(void *context, const struct mc_emission *em, struct mc_error *e) {
    struct replay *r = context;
    enum mc_err err = MC_OK;
    if (em->batch != NULL) {
        err = put_archive(r, em->batch, e);
        consume(r, em);
        show_progress(r, em);
    } else if (r->archive != NULL) {
        err = mc_archive_flush(r->archive, e);
    }
    if (err == MC_OK && r->archive != NULL && (r->ledger != NULL ? em->checkpoint : em->batch == NULL))
        err = mc_archive_commit(r->archive, e);
    if (err != MC_OK)
        return err;
    return r->ledger != NULL ? emit_to_ledger(r, em, e) : emit_to_folder(r, em, e);
}

/* ---- start ---- */

static enum mc_err restore(struct replay *r, struct mc_error *e) {
    enum mc_err err = mc_engine_restore(r->ledger, mc_pipeline_engine(r->pipeline), e);
    return err == MC_OK ? mc_summary_load(r->ledger, &r->summary, e) : err;
}

/* What must not change when a run goes on: rules and policy. */
static void settings_text(struct mc_buf *b, const struct mc_replay_options *o) {
    mc_buf_text(b, "gap=");
    mc_buf_duration(b, o->rules.gap_us);
    mc_buf_printf(b, " as_live=%d stale_after=", o->as_live);
    mc_buf_duration(b, o->rules.stale_after_us);
    mc_buf_printf(b, " minimum=%lld", (long long)o->rules.minimum);
    const struct mc_policy *p = mc_ledger_policy(o->ledger);
    mc_buf_printf(b, " consent=%d holdout_ppm=%u offer=%d:%lld coupons=%d campaign=%s experiment=%s", (int)p->consent,
                  p->holdout_ppm, (int)p->offer.kind, (long long)p->offer.value, (int)p->coupons, p->campaign,
                  p->experiment);
    mc_buf_text(b, " cap_window=");
    mc_buf_duration(b, p->cap_window_us);
    mc_buf_text(b, " delay=");
    mc_buf_duration(b, p->delay_us);
    mc_buf_text(b, " attribution_window=");
    mc_buf_duration(b, p->attribution_window_us);
}

/* What a killed service took and did not consume comes before anything that is read now. */
static enum mc_err check_log_consumed(struct replay *r, struct mc_error *e) {
    struct mc_inbox_extent log;
    __int128 checkpoint = 0;
    bool there = false;
    enum mc_err err = mc_counter_get(r->ledger, "log.checkpoint", &checkpoint, e);
    if (err == MC_OK)
        err = mc_inbox_measure(mc_ledger_path(r->ledger), &there, &log, e);
    if (err == MC_OK && there && log.last > checkpoint)
        err = mc_error_set(e, MC_ERR_USAGE,
                           "the store's service was killed, and its log holds what the store has not consumed: start "
                           "maxcart serve once, and end it");
    return err;
}

static enum mc_err start_run(struct replay *r, struct mc_error *e) {
    struct mc_buf settings = {0};
    settings_text(&settings, r->options);
    enum mc_err err = check_log_consumed(r, e);
    if (err == MC_OK)
        err = mc_run_start(r->ledger, mc_buf_view(&settings), mc_wall_now(), &r->run, e);
    if (err == MC_OK && r->run.resumed && !r->run.same_settings)
        err = mc_error_set(e, MC_ERR_USAGE,
                           "the store has a replay that was not finished and had other settings than these (%s): "
                           "finish it with its own first",
                           mc_buf_cstr(&settings));
    if (err == MC_OK)
        err = mc_setting_put(r->ledger, MC_REPLAY_AS_LIVE, r->options->as_live ? MC_STR("yes") : MC_STR("no"), e);
    mc_buf_free(&settings);
    r->arrived_at = r->run.started_at;
    return err;
}

static uint32_t checkpoint_batches(int64_t bytes) {
    int64_t batches = (bytes != 0 ? bytes : CHECKPOINT_BYTES) / MC_BATCH_BYTES;
    return batches < 1 ? 1 : batches > UINT32_MAX ? UINT32_MAX : (uint32_t)batches;
}

static enum mc_err open_pipeline(struct replay *r, struct mc_error *e) {
    const struct mc_replay_options *o = r->options;
    struct mc_pipeline_options p = {.threads = o->threads,
                                    .partitions = o->partitions,
                                    .rules = o->rules,
                                    .currency = o->currency,
                                    .with_ledger = r->ledger != NULL,
                                    .context = r,
                                    .read = read_batch,
                                    .number = number_batch,
                                    .emit = emit};
    if (r->ledger != NULL)
        p.checkpoint_every = checkpoint_batches(o->checkpoint_bytes);
    p.rules.wall_mode = o->as_live ? MC_WALL_EXPIRY : MC_WALL_FIXED;
    p.rules.wall = r->arrived_at;
    return mc_pipeline_open(&r->pipeline, &p, e);
}

static void say(const struct replay *r, struct mc_buf *notes) {
    for (size_t done = 0; !r->options->quiet && !notes->failed && done < notes->len;) {
        ssize_t n = write(STDERR_FILENO, notes->data + done, notes->len - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    notes->len = 0;
}

static void say_memory(const struct replay *r, struct mc_buf *notes) {
    uint64_t mib = (mc_pipeline_memory(r->pipeline) >> 20) + 1;
    mc_buf_printf(notes,
                  "%u threads, %u partitions: %llu MiB for batches and tables at start, then about 0.5 KB an open "
                  "visit, 0.2 KB a product, 48 bytes a user%s\n",
                  r->options->threads, r->options->partitions, (unsigned long long)mib,
                  r->ledger ? "" : ", 32 bytes a purchase");
}

/* A lake is a store's: its log is named by a key of the store's secret. */
static enum mc_err open_archive(struct replay *r, struct mc_error *e) {
    uint8_t key[MC_SECRET_BYTES];
    char log[33] = "";
    if (r->ledger != NULL) {
        mc_ledger_key(r->ledger, "lake", key);
        for (int i = 0; i < 16; i++)
            snprintf(log + 2 * i, 3, "%02x", key[i]);
    }
    struct mc_archive_options o = {.path = r->options->archive, .log = mc_str_of(log)};
    return mc_archive_open(&r->archive, &o, e);
}

static enum mc_err start(struct replay *r, struct mc_error *e) {
    const struct mc_replay_options *o = r->options;
    struct mc_buf notes = {0};
    r->arrived_at = mc_wall_now();
    enum mc_err err = r->ledger != NULL ? mc_ledger_begin(r->ledger, e) : MC_OK;
    if (err == MC_OK && r->ledger != NULL)
        err = start_run(r, e);
    if (err == MC_OK)
        err = open_pipeline(r, e);
    if (err == MC_OK && o->archive != NULL)
        err = open_archive(r, e);
    if (err == MC_OK && r->ledger != NULL)
        err = restore(r, e);
    if (err == MC_OK)
        err = mc_inputs_open(&r->inputs, o->paths, o->path_count, o->no_header, r->ledger, r->arrived_at,
                             mc_pipeline_engine(r->pipeline)->clock.now, &notes, e);
    if (err == MC_OK && r->ledger != NULL)
        err = mc_ledger_commit(r->ledger, e);
    if (err == MC_OK && r->ledger == NULL && o->out != NULL)
        err = mc_outdir_open(&r->outdir, o->out, e);
    if (err == MC_OK)
        say_memory(r, &notes);
    say(r, &notes);
    mc_buf_free(&notes);
    return err;
}

/* ---- end ---- */

static enum mc_err finish_folder(struct replay *r, struct mc_error *e) {
    const struct mc_tally *tally = mc_partitions_tally(mc_pipeline_engine(r->pipeline));
    if (tally == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the sales");
    refresh_summary(r);
    mc_summary_from_tally(&r->summary, tally);
    r->summary.decisions[MC_NO_ADDRESS] = mc_partitions_counts(mc_pipeline_engine(r->pipeline)).decisions[MC_UNDECIDED];
    return r->options->out != NULL ? mc_outdir_finish(&r->outdir, tally, &r->summary, e) : MC_OK;
}

static enum mc_err finish(struct replay *r, struct mc_replay_result *result, struct mc_error *e) {
    enum mc_err err = MC_OK;
    if (r->ledger == NULL)
        err = finish_folder(r, e);
    else if (r->options->out != NULL)
        err = mc_export(r->ledger, r->options->out, e);
    result->summary = r->summary;
    result->first_source = r->inputs.files[0].source.id;
    result->pipeline = r->pipeline;
    r->pipeline = NULL;
    mc_pipeline_stage_ns(result->pipeline, result->stage_ns);
    return err;
}

enum mc_err mc_replay_run(const struct mc_replay_options *options, struct mc_replay_result *result,
                          struct mc_error *e) {
    struct replay r = {.options = options, .ledger = options->ledger, .timeline = {.ledger = options->ledger}};
    *result = (struct mc_replay_result){0};
    enum mc_err err = start(&r, e);
    if (err == MC_OK) {
        mc_progress_start(&r.progress, STDERR_FILENO, options->quiet);
        err = mc_pipeline_run(r.pipeline, e);
        mc_progress_end(&r.progress);
    }
    if (err == MC_OK)
        err = finish(&r, result, e);
    if (err != MC_OK && r.ledger != NULL && mc_ledger_in_transaction(r.ledger))
        mc_ledger_rollback(r.ledger, NULL);
    mc_archive_close(&r.archive);
    mc_outdir_close(&r.outdir);
    mc_inputs_close(&r.inputs);
    mc_pipeline_close(&r.pipeline);
    mc_timeline_free(&r.timeline);
    return err;
}

void mc_replay_result_free(struct mc_replay_result *result) {
    mc_pipeline_close(&result->pipeline);
}

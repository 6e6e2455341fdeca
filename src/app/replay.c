#include "app/replay.h"

#include "app/store_summary.h"
#include "base/mem.h"
#include <stdlib.h>
#include <unistd.h>

/* About a million rows, a second or two. */
enum { CHECKPOINT_BYTES = 128 << 20 };

struct replay {
    const struct mc_replay_options *options;
    struct mc_ledger *ledger;
    struct mc_inputs inputs;
    struct mc_outdir outdir;
    struct mc_pipeline *pipeline;
    struct mc_progress progress;
    struct mc_run run;          /* with a ledger */
    struct mc_wall arrived_at;  /* of all rows: when the run first started */
    struct mc_summary summary;  /* rows and rejects so far; the rest is taken from the pipeline */
    struct mc_cart_order order; /* work space */
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

/* ---- rejects: those of the decoder and the duplicates of the engine, in order of the rows ---- */

static enum mc_err put_reject(struct replay *r, const struct mc_batch *b, const struct mc_row *row,
                              enum mc_reason reason, struct mc_error *e) {
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

/* The first duplicate at or behind this event; event_count: there is none. */
static uint32_t next_duplicate(const struct mc_batch *b, uint32_t from) {
    const uint8_t *found = from < b->event_count ? memchr(b->duplicate + from, 1, b->event_count - from) : NULL;
    return found ? (uint32_t)(found - b->duplicate) : b->event_count;
}

static enum mc_err put_rejects(struct replay *r, const struct mc_batch *b, struct mc_error *e) {
    enum mc_err err = MC_OK;
    uint32_t next = 0;
    for (uint32_t i = next_duplicate(b, 0);; i = next_duplicate(b, i + 1)) {
        uint32_t upto = i < b->event_count ? b->event_rows[i].number : UINT32_MAX;
        for (; next < b->reject_count && b->rejects[next].row.number < upto && err == MC_OK; next++)
            err = put_reject(r, b, &b->rejects[next].row, b->rejects[next].reason, e);
        if (i >= b->event_count || err != MC_OK)
            return err;
        err = put_reject(r, b, &b->event_rows[i], MC_DUPLICATE, e);
    }
}

/* ---- the ledger's share: ends of visits, second checks and purchases, in the order of the log ---- */

static enum mc_err gather(struct replay *r, const struct mc_emission *em, struct mc_error *e) {
    if (!mc_cart_order_gather(&r->order, em->endings, em->partitions))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for abandoned carts");
    mc_cart_order_sort(&r->order, mc_ended_by_log);
    return MC_OK;
}

/* The carts that ended at or before this event of the batch: first what was due before, then they, then what is due. */
static enum mc_err end_carts(struct replay *r, const struct mc_batch *b, size_t *next, uint32_t row,
                             struct mc_error *e) {
    struct mc_ended_cart **carts = r->order.carts;
    enum mc_err err = MC_OK;
    while (*next < r->order.count && carts[*next]->log_row <= row && err == MC_OK) {
        uint32_t at = carts[*next]->log_row;
        if (at > 0)
            err = mc_ledger_advance(r->ledger, b->events[at - 1].clock, e);
        for (; *next < r->order.count && carts[*next]->log_row == at && err == MC_OK; ++*next)
            err = mc_ledger_end_cart(r->ledger, &carts[*next]->cart, NULL, e);
        if (err == MC_OK && at < b->event_count)
            err = mc_ledger_advance(r->ledger, b->events[at].clock, e);
    }
    return err;
}

static enum mc_err put_purchase(struct replay *r, const struct mc_batch *b, const struct mc_event *ev,
                                struct mc_error *e) {
    struct mc_purchase purchase = {.user = mc_slice_str(b->bytes.data, ev->user),
                                   .product = mc_slice_str(b->bytes.data, ev->product),
                                   .user_hash = ev->user_hash,
                                   .time = ev->time,
                                   .clock = ev->clock,
                                   .quantity = ev->quantity,
                                   .price = ev->price};
    enum mc_err err = mc_ledger_advance(r->ledger, ev->clock, e);
    if (err == MC_OK)
        err = mc_ledger_put_sale(r->ledger, purchase.product, ev->time, ev->quantity,
                                 (__int128)ev->price * ev->quantity, e);
    return err == MC_OK ? mc_ledger_put_purchase(r->ledger, &purchase, e) : err;
}

static enum mc_err put_timeline(struct replay *r, const struct mc_emission *em, struct mc_error *e) {
    const struct mc_batch *b = em->batch;
    size_t next = 0;
    enum mc_err err = gather(r, em, e);
    for (uint32_t i = 0; i < b->event_count && err == MC_OK; i++) {
        if (b->events[i].type != MC_PURCHASE || b->duplicate[i])
            continue;
        err = end_carts(r, b, &next, i, e);
        if (err == MC_OK)
            err = put_purchase(r, b, &b->events[i], e);
    }
    if (err == MC_OK)
        err = end_carts(r, b, &next, b->event_count, e);
    return err == MC_OK ? mc_ledger_advance(r->ledger, em->clock, e) : err;
}

/* The log is over: the visits that were open end in order of expiry, and what they decide is due by itself. */
static enum mc_err put_last_carts(struct replay *r, const struct mc_emission *em, struct mc_error *e) {
    enum mc_err err = gather(r, em, e);
    for (size_t i = 0; i < r->order.count && err == MC_OK; i++)
        err = mc_ledger_end_cart(r->ledger, &r->order.carts[i]->cart, NULL, e);
    if (err != MC_OK || r->order.count == 0)
        return err;
    int64_t last_us = r->order.carts[r->order.count - 1]->cart.expires_at.us + mc_ledger_policy(r->ledger)->delay_us;
    return mc_ledger_advance(r->ledger, (struct mc_time){last_us}, e);
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
    struct mc_counts counts = mc_pipeline_counts(r->pipeline);
    mc_summary_from_counts(&r->summary, &counts);
    r->summary.users = mc_pipeline_users(r->pipeline);
}

static enum mc_err save_engine(struct replay *r, struct mc_error *e) {
    struct mc_buf bytes = {0}, users = {0};
    enum mc_err err = MC_OK;
    mc_pipeline_encode(r->pipeline, &bytes);
    if (!mc_pipeline_take_new_users(r->pipeline, &users) || bytes.failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for a checkpoint");
    if (err == MC_OK)
        err = mc_snapshot_put(r->ledger, "engine", mc_buf_view(&bytes), e);
    if (err == MC_OK && users.len > 0)
        err = mc_chunk_append(r->ledger, "users", mc_buf_view(&users), e);
    mc_buf_free(&bytes);
    mc_buf_free(&users);
    return err;
}

static enum mc_err put_products(struct replay *r, const struct mc_tally *tally, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i < tally->product_count && err == MC_OK; i++) {
        const struct mc_product_entry *p = &tally->products[i];
        struct mc_product product = {
            .product = p->id,
            .category_id = {mc_product_value(p, MC_CATEGORY_ID), mc_product_time(p, MC_CATEGORY_ID)},
            .category_code = {mc_product_value(p, MC_CATEGORY_CODE), mc_product_time(p, MC_CATEGORY_CODE)},
            .brand = {mc_product_value(p, MC_BRAND), mc_product_time(p, MC_BRAND)}};
        if (p->accepted > 0)
            err = mc_product_put(r->ledger, &product, e);
    }
    return err;
}

static enum mc_err finish_ledger(struct replay *r, struct mc_error *e) {
    const struct mc_tally *tally = mc_pipeline_tally(r->pipeline);
    if (tally == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the products");
    struct mc_summary of_tally = {0};
    mc_summary_from_tally(&of_tally, tally);
    r->summary.products = of_tally.products;
    enum mc_err err = put_products(r, tally, e);
    return err == MC_OK ? mc_run_finish(r->ledger, r->run.id, mc_wall_now(), e) : err;
}

static enum mc_err checkpoint(struct replay *r, struct mc_error *e) {
    refresh_summary(r);
    enum mc_err err = save_engine(r, e);
    if (err == MC_OK)
        err = save_sources(r, e);
    if (err == MC_OK && r->is_over)
        err = finish_ledger(r, e);
    if (err == MC_OK)
        err = mc_summary_save(r->ledger, &r->summary, e);
    return err == MC_OK ? mc_ledger_commit(r->ledger, e) : err;
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
        err = r->is_over ? put_last_carts(r, em, e) : put_timeline(r, em, e);
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
    if (em->batch != NULL) {
        consume(r, em);
        show_progress(r, em);
    }
    return r->ledger != NULL ? emit_to_ledger(r, em, e) : emit_to_folder(r, em, e);
}

/* ---- start ---- */

static bool add_users(void *context, struct mc_str users) {
    return mc_pipeline_add_users(context, users);
}

static enum mc_err restore(struct replay *r, struct mc_error *e) {
    struct mc_buf bytes = {0};
    enum mc_err err = mc_snapshot_get(r->ledger, "engine", &bytes, e);
    if (err == MC_OK && bytes.len > 0)
        err = mc_pipeline_decode(r->pipeline, mc_buf_view(&bytes), e);
    mc_buf_free(&bytes);
    if (err == MC_OK)
        err = mc_chunk_each(r->ledger, "users", add_users, r->pipeline, e);
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

static enum mc_err start_run(struct replay *r, struct mc_error *e) {
    struct mc_buf settings = {0};
    settings_text(&settings, r->options);
    enum mc_err err = mc_run_start(r->ledger, mc_buf_view(&settings), mc_wall_now(), &r->run, e);
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

static enum mc_err start(struct replay *r, struct mc_error *e) {
    const struct mc_replay_options *o = r->options;
    struct mc_buf notes = {0};
    r->arrived_at = mc_wall_now();
    enum mc_err err = r->ledger != NULL ? mc_ledger_begin(r->ledger, e) : MC_OK;
    if (err == MC_OK && r->ledger != NULL)
        err = start_run(r, e);
    if (err == MC_OK)
        err = open_pipeline(r, e);
    if (err == MC_OK && r->ledger != NULL)
        err = restore(r, e);
    if (err == MC_OK)
        err = mc_inputs_open(&r->inputs, o->paths, o->path_count, o->no_header, r->ledger, r->arrived_at,
                             mc_pipeline_clock(r->pipeline), &notes, e);
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
    const struct mc_tally *tally = mc_pipeline_tally(r->pipeline);
    if (tally == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the sales");
    refresh_summary(r);
    mc_summary_from_tally(&r->summary, tally);
    r->summary.decisions[MC_NO_ADDRESS] = mc_pipeline_counts(r->pipeline).decisions[MC_UNDECIDED];
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
    struct replay r = {.options = options, .ledger = options->ledger};
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
    mc_outdir_close(&r.outdir);
    mc_inputs_close(&r.inputs);
    mc_pipeline_close(&r.pipeline);
    mc_cart_order_free(&r.order);
    return err;
}

void mc_replay_result_free(struct mc_replay_result *result) {
    mc_pipeline_close(&result->pipeline);
}

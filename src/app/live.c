#include "app/live.h"

#include "app/outdir.h"
#include "app/rejects.h"
#include "app/saved_engine.h"
#include "app/store_summary.h"
#include "base/mem.h"
#include "outreach/link.h"
#include "store/checkpoint.h"
#include "store/response.h"
#include <stdio.h>

#define POSITION "log.position"
#define CHECKPOINT "log.checkpoint"

/* Where rejects of a key are filed in the ledger. */
struct key_source {
    int64_t key, source;
};
enum { KEY_SOURCES_MAX = 64 }; /* remembered; others are looked up each time */

struct mc_live {
    struct mc_ledger *ledger;
    struct mc_live_settings settings;
    struct mc_partitions engine;
    struct mc_endings endings;
    struct mc_timeline timeline;
    struct mc_summary summary;
    struct mc_batch none; /* the batch of a tick */
    int64_t position;     /* consumed by the engine */
    int64_t checkpointed; /* of the checkpoint that is in the ledger */
    int64_t in_ledger;    /* consumed by the ledger: effects at or before it are there */
    uint64_t events_since_checkpoint;
    struct mc_engine_writing writing; /* the next checkpoint, and what log and count were at its first step */
    int64_t writing_position;
    uint64_t writing_events;
    uint64_t ignored, time_corrected;
    struct mc_wall last_event_at;

    struct key_source key_sources[KEY_SOURCES_MAX];
    size_t key_source_count;

    struct mc_live_sale *sales;
    size_t sale_count, sale_cap;
    struct mc_buf sale_bytes;

    /* Recovery */
    struct mc_json_decoder *decoder;
    struct mc_calls calls;
    struct mc_error error;
    enum mc_err err;
    uint64_t recovered;
};

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the engine");
}

static enum mc_err begin(struct mc_live *live, struct mc_error *e) {
    return mc_ledger_in_transaction(live->ledger) ? MC_OK : mc_ledger_begin(live->ledger, e);
}

/* ---- rejects ---- */

static enum mc_err find_source(struct mc_live *live, int64_t key, struct mc_wall now, int64_t *source,
                               struct mc_error *e) {
    char name[64], counter[64];
    __int128 id = 0;
    snprintf(counter, sizeof counter, "live.source.%lld", (long long)key);
    snprintf(name, sizeof name, MC_LIVE_SOURCE_PREFIX "%lld", (long long)key);
    enum mc_err err = mc_counter_get(live->ledger, counter, &id, e);
    if (err == MC_OK && id == 0) {
        struct mc_source added;
        err = mc_source_add(live->ledger, mc_str_of(name), MC_STR(""), -1, now, &added, e);
        if (err == MC_OK)
            err = mc_counter_set(live->ledger, counter, id = added.id, e);
    }
    *source = (int64_t)id;
    return err;
}

static enum mc_err source_of(struct mc_live *live, int64_t key, struct mc_wall now, int64_t *source,
                             struct mc_error *e) {
    for (size_t i = 0; i < live->key_source_count; i++)
        if (live->key_sources[i].key == key) {
            *source = live->key_sources[i].source;
            return MC_OK;
        }
    enum mc_err err = find_source(live, key, now, source, e);
    if (err == MC_OK && live->key_source_count < KEY_SOURCES_MAX)
        live->key_sources[live->key_source_count++] = (struct key_source){key, *source};
    return err;
}

struct rejecting {
    struct mc_live *live;
    const struct mc_logged *entry;
};

static enum mc_err put_reject(void *context, const struct mc_row *row, enum mc_reason reason, struct mc_error *e) {
    const struct rejecting *r = context;
    struct mc_live *live = r->live;
    struct mc_reject reject = {.byte_offset = r->entry->position,
                               .row = (int64_t)row->number + 1,
                               .reason = reason,
                               .raw = mc_slice_str(r->entry->calls->batch.bytes.data, row->raw),
                               .arrived_at = r->entry->arrived_at};
    live->summary.rejected[reason]++;
    enum mc_err err = source_of(live, r->entry->key, r->entry->arrived_at, &reject.source, e);
    return err == MC_OK ? mc_ledger_put_reject(live->ledger, &reject, e) : err;
}

/* ---- sales for those who watch ---- */

static bool add_sale(struct mc_live *live, const struct mc_logged *entry, const struct mc_event *ev) {
    struct mc_str product = mc_slice_str(entry->calls->batch.bytes.data, ev->product);
    if (live->sale_count == live->sale_cap) {
        size_t cap = live->sale_cap * 2 + 64;
        struct mc_live_sale *sales = mc_realloc(live->sales, cap * sizeof *sales);
        if (sales == NULL)
            return false;
        live->sales = sales;
        live->sale_cap = cap;
    }
    live->sales[live->sale_count++] = (struct mc_live_sale){.position = entry->position,
                                                            .product = {NULL, product.len},
                                                            .product_at = live->sale_bytes.len,
                                                            .units = ev->quantity,
                                                            .revenue = (__int128)ev->price * ev->quantity,
                                                            .at = ev->time,
                                                            .arrived_at = entry->arrived_at};
    mc_buf_str(&live->sale_bytes, product);
    return !live->sale_bytes.failed;
}

static bool add_sales(struct mc_live *live, const struct mc_logged *entry) {
    const struct mc_batch *b = &entry->calls->batch;
    bool good = true;
    for (uint32_t i = 0; i < b->event_count && good; i++)
        if (b->events[i].type == MC_PURCHASE && !b->duplicate[i])
            good = add_sale(live, entry, &b->events[i]);
    return good;
}

const struct mc_live_sale *mc_live_sales(struct mc_live *live, size_t *count) {
    for (size_t i = 0; i < live->sale_count; i++)
        live->sales[i].product.data = live->sale_bytes.data + live->sales[i].product_at;
    *count = live->sale_count;
    return live->sales;
}

void mc_live_forget_sales(struct mc_live *live) {
    live->sale_count = 0;
    live->sale_bytes.len = 0;
}

/* ---- an entry ---- */

static void stamp(struct mc_live *live, struct mc_batch *b, struct mc_wall arrived_at) {
    struct mc_clock *clock = &live->engine.clock;
    for (uint32_t i = 0; i < b->event_count; i++) {
        struct mc_event *ev = &b->events[i];
        struct mc_time time = {ev->time.us < arrived_at.us ? ev->time.us : arrived_at.us};
        mc_clock_stamp(clock, time, mc_slice_str(b->bytes.data, ev->user));
        ev->clock = clock->now;
    }
}

static enum mc_err run_engine(struct mc_live *live, struct mc_batch *b, struct mc_error *e) {
    enum mc_err err =
        mc_partitions_apply(&live->engine, 0, b, NULL, b->event_count, live->engine.clock.now, &live->endings, e);
    mc_endings_settle(&live->endings);
    return err;
}

static bool ledger_has_due(const struct mc_live *live) {
    struct mc_time due = mc_ledger_next_due(live->ledger), now = live->engine.clock.now;
    return !mc_time_is_none(due) && !mc_time_is_none(now) && due.us <= now.us;
}

static enum mc_err put_timeline(struct mc_live *live, const struct mc_batch *b, const struct mc_calls *calls,
                                struct mc_error *e) {
    return mc_timeline_put(&live->timeline, b, &live->endings, 1, live->engine.clock.now, calls, e);
}

static enum mc_err take_tick(struct mc_live *live, const struct mc_logged *entry, struct mc_error *e) {
    mc_clock_tick(&live->engine.clock, (struct mc_time){entry->arrived_at.us});
    enum mc_err err = run_engine(live, &live->none, e);
    if (err != MC_OK || entry->position <= live->in_ledger || (live->endings.count == 0 && !ledger_has_due(live)))
        return err;
    err = begin(live, e);
    return err == MC_OK ? put_timeline(live, &live->none, NULL, e) : err;
}

static enum mc_err take_calls(struct mc_live *live, const struct mc_logged *entry, struct mc_error *e) {
    struct mc_calls *calls = entry->calls;
    struct mc_batch *b = &calls->batch;
    stamp(live, b, entry->arrived_at);
    enum mc_err err = run_engine(live, b, e);
    live->events_since_checkpoint += b->event_count;
    if (err != MC_OK || entry->position <= live->in_ledger)
        return err;
    if (!add_sales(live, entry)) /* what the ledger has, those who watch have seen */
        return no_memory(e);
    live->summary.rows += b->row_count;
    live->ignored += calls->ignored;
    live->time_corrected += calls->time_corrected;
    if (b->event_count > 0)
        live->last_event_at = entry->arrived_at;
    err = begin(live, e);
    if (err == MC_OK)
        err = mc_rejects_each(b, put_reject, &(struct rejecting){live, entry}, e);
    return err == MC_OK ? put_timeline(live, b, calls, e) : err;
}

static enum mc_err take_response(struct mc_live *live, const struct mc_logged *entry, struct mc_error *e) {
    struct mc_link link = {.reference = entry->body};
    const char *refused;
    bool found;
    if (entry->position <= live->in_ledger)
        return MC_OK;
    enum mc_err err = begin(live, e);
    if (err != MC_OK)
        return err;
    if (entry->kind == MC_ENTRY_CLICK)
        return mc_response_click(live->ledger, mc_link_message_decode(&link), entry->arrived_at, &found, e);
    return mc_suppression_put(live->ledger, entry->body, MC_UNSUBSCRIBED, entry->arrived_at, &refused, e);
}

enum mc_err mc_live_take(struct mc_live *live, const struct mc_logged *entry, struct mc_error *e) {
    enum mc_err err = MC_OK;
    if (entry->position <= live->position)
        return MC_OK;
    switch (entry->kind) {
    case MC_ENTRY_TICK:
        err = take_tick(live, entry, e);
        break;
    case MC_ENTRY_NATIVE:
    case MC_ENTRY_SEGMENT:
        err = take_calls(live, entry, e);
        break;
    default:
        err = take_response(live, entry, e);
    }
    live->position = entry->position;
    return err;
}

/* ---- commits ---- */

static void refresh_summary(struct mc_live *live) {
    struct mc_counts counts = mc_partitions_counts(&live->engine);
    mc_summary_from_counts(&live->summary, &counts);
    live->summary.users = mc_partitions_users(&live->engine);
}

static enum mc_err save_position(struct mc_live *live, struct mc_error *e) {
    refresh_summary(live);
    enum mc_err err = mc_counter_set(live->ledger, POSITION, live->position, e);
    return err == MC_OK ? mc_summary_save(live->ledger, &live->summary, e) : err;
}

enum mc_err mc_live_commit(struct mc_live *live, struct mc_error *e) {
    if (!mc_ledger_in_transaction(live->ledger))
        return MC_OK;
    enum mc_err err = save_position(live, e);
    if (err == MC_OK)
        err = mc_ledger_commit(live->ledger, e);
    if (err == MC_OK)
        live->in_ledger = live->position;
    return err;
}

/* All is in the transaction that the last step's commit closes. */
static enum mc_err end_checkpoint(struct mc_live *live, struct mc_error *e) {
    struct mc_summary of_tally = {0};
    mc_summary_from_tally(&of_tally, mc_partition_tally(live->engine.list[0]));
    live->summary.products = of_tally.products;
    return mc_counter_set(live->ledger, CHECKPOINT, live->writing_position, e);
}

static enum mc_err begin_checkpoint(struct mc_live *live, struct mc_error *e) {
    if (live->writing.is_open)
        return MC_OK;
    live->writing_position = live->position;
    live->writing_events = live->events_since_checkpoint;
    return mc_engine_writing_open(&live->writing, live->ledger, &live->engine, e);
}

enum mc_err mc_live_checkpoint_step(struct mc_live *live, size_t bytes, bool *done, struct mc_error *e) {
    *done = false;
    enum mc_err err = begin(live, e);
    if (err == MC_OK)
        err = begin_checkpoint(live, e);
    if (err == MC_OK)
        err = mc_engine_writing_step(&live->writing, live->ledger, mc_partition_tally(live->engine.list[0]), bytes,
                                     done, e);
    if (err == MC_OK && *done)
        err = end_checkpoint(live, e);
    if (err == MC_OK)
        err = mc_live_commit(live, e);
    if (err == MC_OK && *done) {
        live->events_since_checkpoint -= live->writing_events;
        live->checkpointed = live->writing_position;
    }
    return err;
}

bool mc_live_checkpoint_is_under_way(const struct mc_live *live) {
    return live->writing.is_open;
}

enum mc_err mc_live_checkpoint(struct mc_live *live, struct mc_error *e) {
    bool done;
    mc_engine_writing_close(&live->writing);
    return mc_live_checkpoint_step(live, SIZE_MAX, &done, e);
}

/* ---- open: the checkpoint, then the log behind it ---- */

static enum mc_err decode(struct mc_live *live, const struct mc_entry *entry, struct mc_error *e) {
    struct mc_batch *b = &live->calls.batch;
    enum mc_json_shape shape = entry->kind == MC_ENTRY_NATIVE ? MC_JSON_NATIVE : MC_JSON_SEGMENT;
    mc_batch_reset(b);
    mc_buf_str(&b->bytes, entry->body);
    if (b->bytes.failed)
        return no_memory(e);
    enum mc_err err = mc_json_decode(live->decoder, shape, (struct mc_json_rights){entry->persons},
                                     live->settings.currency, entry->arrived_at, &live->calls, e);
    return err == MC_OK ? MC_OK : mc_error_wrap(e, "entry %lld of the log", (long long)entry->position);
}

static enum mc_err take_again(struct mc_live *live, const struct mc_entry *entry, struct mc_error *e) {
    if (entry->position != live->position + 1)
        return mc_error_set(e, MC_ERR_FORMAT, "the log lacks its entries %lld to %lld", (long long)live->position + 1,
                            (long long)entry->position - 1);
    struct mc_logged logged = {.position = entry->position,
                               .kind = entry->kind,
                               .key = entry->key,
                               .arrived_at = entry->arrived_at,
                               .body = entry->body};
    enum mc_err err = MC_OK;
    if (entry->kind == MC_ENTRY_NATIVE || entry->kind == MC_ENTRY_SEGMENT) {
        err = decode(live, entry, e);
        logged.calls = &live->calls;
    }
    return err == MC_OK ? mc_live_take(live, &logged, e) : err;
}

/* A commit each so many entries bounds the transaction. */
enum { RECOVERY_ENTRIES = 4096 };

static bool take_entry(void *context, const struct mc_entry *entry) {
    struct mc_live *live = context;
    live->err = take_again(live, entry, &live->error);
    if (live->err == MC_OK && ++live->recovered % RECOVERY_ENTRIES == 0)
        live->err = mc_live_commit(live, &live->error);
    return live->err == MC_OK;
}

static enum mc_err read_positions(struct mc_live *live, struct mc_error *e) {
    __int128 checkpoint = 0, position = 0;
    enum mc_err err = mc_counter_get(live->ledger, CHECKPOINT, &checkpoint, e);
    if (err == MC_OK)
        err = mc_counter_get(live->ledger, POSITION, &position, e);
    live->position = live->checkpointed = (int64_t)checkpoint;
    live->in_ledger = (int64_t)position;
    return err;
}

static enum mc_err recover(struct mc_live *live, struct mc_inbox *inbox, struct mc_error *e) {
    enum mc_err err = read_positions(live, e);
    if (err == MC_OK && live->in_ledger > mc_inbox_last(inbox))
        err = mc_error_set(e, MC_ERR_FORMAT,
                           "the store has consumed %lld entries, its inbox has only %lld: they are not of one store",
                           (long long)live->in_ledger, (long long)mc_inbox_last(inbox));
    if (err == MC_OK)
        err = mc_engine_restore(live->ledger, &live->engine, e);
    if (err == MC_OK)
        err = mc_summary_load(live->ledger, &live->summary, e);
    if (err == MC_OK)
        err = mc_json_decoder_open(&live->decoder, e);
    if (err == MC_OK)
        err = mc_inbox_each(inbox, live->position, take_entry, live, e);
    if (err == MC_OK && live->err != MC_OK) {
        if (e != NULL)
            *e = live->error;
        err = live->err;
    }
    return err == MC_OK ? mc_live_commit(live, e) : err;
}

static enum mc_err open_by(struct mc_live **out, struct mc_ledger *ledger, struct mc_inbox *inbox,
                           const struct mc_live_settings *settings, uint64_t *recovered, struct mc_error *e) {
    struct mc_live *live = mc_calloc(1, sizeof *live);
    *out = NULL;
    if (live == NULL)
        return no_memory(e);
    live->ledger = ledger;
    live->timeline.ledger = ledger;
    live->settings = *settings;
    live->settings.rules.wall_mode = MC_WALL_CLOCK;
    enum mc_err err = mc_partitions_open(&live->engine, 1, &live->settings.rules, true, e);
    if (err == MC_OK)
        err = recover(live, inbox, e);
    *recovered = live->recovered;
    if (err != MC_OK) {
        mc_ledger_rollback(ledger, NULL);
        mc_live_close(&live);
    }
    *out = live;
    return err;
}

/* ---- the rules that the log was applied by: what a killed process left is applied again by the same ---- */

#define RULES "live.rules"

static void put_rules(struct mc_buf *b, const struct mc_live_settings *s) {
    mc_put_i64(b, s->rules.gap_us);
    mc_put_i64(b, s->rules.stale_after_us);
    mc_put_i64(b, s->rules.minimum);
    mc_put_str(b, s->currency);
}

/* `bytes` lives as long as what is read. False: none were kept. */
static bool get_rules(struct mc_str bytes, struct mc_live_settings *s) {
    struct mc_reader r = {bytes, false};
    s->rules.gap_us = mc_get_i64(&r);
    s->rules.stale_after_us = mc_get_i64(&r);
    s->rules.minimum = mc_get_i64(&r);
    s->currency = mc_get_str(&r);
    return !r.failed && r.rest.len == 0;
}

/* By the rules that were, up to a checkpoint behind which nothing is left. */
static enum mc_err finish_by(struct mc_ledger *ledger, struct mc_inbox *inbox, const struct mc_live_settings *settings,
                             uint64_t *recovered, struct mc_error *e) {
    struct mc_live *live = NULL;
    enum mc_err err = open_by(&live, ledger, inbox, settings, recovered, e);
    if (err == MC_OK)
        err = mc_live_checkpoint(live, e);
    if (err != MC_OK)
        mc_ledger_rollback(ledger, NULL);
    mc_live_close(&live);
    return err;
}

static enum mc_err keep_rules(struct mc_ledger *ledger, struct mc_str rules, struct mc_error *e) {
    enum mc_err err = mc_ledger_begin(ledger, e);
    if (err == MC_OK)
        err = mc_setting_put(ledger, RULES, rules, e);
    if (err == MC_OK)
        return mc_ledger_commit(ledger, e);
    mc_ledger_rollback(ledger, NULL);
    return err;
}

enum mc_err mc_live_open(struct mc_live **out, struct mc_ledger *ledger, struct mc_inbox *inbox,
                         const struct mc_live_settings *settings, uint64_t *recovered, struct mc_error *e) {
    struct mc_buf before = {0}, now = {0};
    struct mc_live_settings old = *settings;
    uint64_t by_old = 0;
    *out = NULL;
    put_rules(&now, settings);
    enum mc_err err = now.failed ? no_memory(e) : mc_setting_get(ledger, RULES, &before, e);
    bool same = mc_str_equal(mc_buf_view(&before), mc_buf_view(&now));
    if (err == MC_OK && !same && get_rules(mc_buf_view(&before), &old))
        err = finish_by(ledger, inbox, &old, &by_old, e);
    if (err == MC_OK && !same)
        err = keep_rules(ledger, mc_buf_view(&now), e);
    if (err == MC_OK)
        err = open_by(out, ledger, inbox, settings, recovered, e);
    *recovered += by_old;
    mc_buf_free(&before);
    mc_buf_free(&now);
    return err;
}

void mc_live_close(struct mc_live **out) {
    struct mc_live *live = *out;
    if (live == NULL)
        return;
    mc_engine_writing_close(&live->writing);
    mc_partitions_close(&live->engine);
    mc_endings_free(&live->endings);
    mc_timeline_free(&live->timeline);
    mc_json_decoder_close(&live->decoder);
    mc_calls_free(&live->calls);
    mc_batch_free(&live->none);
    mc_free(live->sales);
    mc_buf_free(&live->sale_bytes);
    mc_free(live);
    *out = NULL;
}

/* ---- looking ---- */

int64_t mc_live_position(const struct mc_live *live) {
    return live->position;
}

int64_t mc_live_checkpointed(const struct mc_live *live) {
    return live->checkpointed;
}

uint64_t mc_live_events_since_checkpoint(const struct mc_live *live) {
    return live->events_since_checkpoint;
}

struct mc_live_status mc_live_look(const struct mc_live *live) {
    struct mc_partition_size size = mc_partitions_measure(&live->engine);
    return (struct mc_live_status){.counted = live->summary,
                                   .clock = live->engine.clock.now,
                                   .open_visits = size.visits,
                                   .users = size.users,
                                   .held_bytes = size.held_bytes,
                                   .ignored = live->ignored,
                                   .time_corrected = live->time_corrected,
                                   .persons_refused = live->timeline.persons_refused,
                                   .last_event_at = live->last_event_at};
}

struct mc_open_carts mc_live_open_carts(const struct mc_live *live) {
    return mc_partition_open_carts(live->engine.list[0]);
}

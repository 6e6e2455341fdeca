#include "engine/partition.h"

#include "base/mem.h"
#include "engine/queue.h"
#include "engine/state.h"
#include <assert.h>

/* Events are applied in runs of so many, and their memory is asked for in three steps, a run ahead of one another: what
 * is on its way and in hand must fit the first cache. */
enum { RUN_EVENTS = 16, RUNS_AHEAD = 3 };

enum { ENTRY_LINES = 2, VISIT_LINES = 4, VIEW_LINES = 3, FEW_ITEMS = 8 };

enum { SLOTS_LEAST = 4096 };

/* A user in the table: two cache lines for nearly all, of which an event that joins a visit needs the first. */
struct entry {
    struct mc_queue_entry queue;
    struct mc_user user;
};
_Static_assert(offsetof(struct entry, user.last_purchase) == 64 && sizeof(struct entry) <= 128, "lines of an entry");

static struct entry *entry_of(struct mc_queue_entry *queue) {
    return (struct entry *)(void *)queue; /* its first member */
}

struct slot {
    uint64_t hash;
    struct entry *entry; /* NULL: empty */
};

struct mc_partition {
    struct mc_rules rules;
    struct mc_sink sink, shim; /* shim: ours, which counts and adds log_row */
    struct mc_pool pool;
    struct slot *slots; /* open addressing, linear, at most half full */
    uint64_t mask, user_count, visit_count;
    struct mc_queue queue;
    struct mc_tally tally;
    const struct mc_batch *batch; /* whose events are being applied */
    uint32_t row;                 /* and which of them */
    uint32_t settled_row;         /* what the clock of the rows before it ends has ended */
};

/* ---- open, close ---- */

/* The first event of the batch whose clock has reached this instant: that of the row in hand has, those of the settled
 * rows have not. With one partition there is no row between them. */
static uint32_t row_of_instant(const struct mc_partition *p, int64_t us) {
    const struct mc_batch *batch = p->batch;
    uint32_t low = p->settled_row, high = p->row;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (batch->events[middle].clock.us >= us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void visit_ended(void *context, const struct mc_visit_end *given) {
    struct mc_partition *p = context;
    struct mc_visit_end end = *given;
    if (p->batch == NULL)
        end.log_row = UINT32_MAX;
    else
        end.log_row = end.by_own_event ? p->row : row_of_instant(p, end.expires_at.us);
    p->visit_count--;
    mc_tally_visit(&p->tally, &end);
    p->sink.visit_ended(p->sink.context, &end);
}

enum mc_err mc_partition_open(struct mc_partition **out, const struct mc_partition_options *options,
                              struct mc_error *e) {
    struct mc_partition *p = mc_calloc(1, sizeof *p);
    struct slot *slots = p ? mc_calloc(SLOTS_LEAST, sizeof *slots) : NULL;
    *out = NULL;
    if (slots == NULL) {
        mc_free(p);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a partition of the engine");
    }
    p->rules = options->rules;
    p->sink = options->sink;
    p->shim = (struct mc_sink){p, visit_ended};
    p->slots = slots;
    p->mask = SLOTS_LEAST - 1;
    mc_queue_init(&p->queue, options->rules.gap_us);
    mc_tally_init(&p->tally, options->keep_sales, options->keep_new_users);
    *out = p;
    return MC_OK;
}

void mc_partition_close(struct mc_partition **p) {
    if (*p == NULL)
        return;
    mc_tally_free(&(*p)->tally);
    mc_queue_free(&(*p)->queue);
    mc_pool_free(&(*p)->pool);
    mc_free((*p)->slots);
    mc_free(*p);
    *p = NULL;
}

struct mc_tally *mc_partition_tally(struct mc_partition *p) {
    return &p->tally;
}

struct mc_partition_size mc_partition_measure(const struct mc_partition *p) {
    return (struct mc_partition_size){.users = p->user_count,
                                      .visits = p->visit_count,
                                      .held_bytes = sizeof *p + p->pool.held_bytes + (p->mask + 1) * sizeof *p->slots};
}

/* ---- the table of users ---- */

static bool grow_slots(struct mc_partition *p) {
    uint64_t mask = p->mask * 2 + 1;
    struct slot *slots = mc_malloc_table((mask + 1) * sizeof *slots);
    if (slots == NULL)
        return false;
    memset(slots, 0, (mask + 1) * sizeof *slots);
    for (uint64_t i = 0; i <= p->mask; i++) {
        if (p->slots[i].entry == NULL)
            continue;
        uint64_t at = p->slots[i].hash & mask;
        while (slots[at].entry != NULL)
            at = (at + 1) & mask;
        slots[at] = p->slots[i];
    }
    mc_free(p->slots);
    p->slots = slots;
    p->mask = mask;
    return true;
}

static uint64_t find_slot(const struct mc_partition *p, uint64_t hash, struct mc_str id) {
    uint64_t at = hash & p->mask;
    for (; p->slots[at].entry != NULL; at = (at + 1) & p->mask)
        if (p->slots[at].hash == hash && mc_user_is(&p->slots[at].entry->user, id))
            break;
    return at;
}

static struct entry *add_user(struct mc_partition *p, uint64_t hash, struct mc_str id) {
    if (p->user_count > p->mask / 2 && !grow_slots(p))
        return NULL;
    struct entry *entry = mc_pool_take(&p->pool, sizeof *entry);
    if (entry == NULL)
        return NULL;
    if (!mc_user_init(&entry->user, &p->pool, id, hash)) {
        mc_pool_give(&p->pool, entry, sizeof *entry);
        return NULL;
    }
    entry->queue.due_us = MC_TIME_NONE_US; /* not queued */
    p->slots[find_slot(p, hash, id)] = (struct slot){hash, entry};
    p->user_count++;
    return entry;
}

/* Takes the entry out and closes the gap, so that every chain stays whole. */
static void remove_user(struct mc_partition *p, struct entry *entry) {
    uint64_t hole = entry->user.hash & p->mask;
    while (p->slots[hole].entry != entry)
        hole = (hole + 1) & p->mask;
    for (uint64_t at = (hole + 1) & p->mask; p->slots[at].entry != NULL; at = (at + 1) & p->mask) {
        uint64_t home = p->slots[at].hash & p->mask;
        if (((at - home) & p->mask) < ((at - hole) & p->mask))
            continue;
        p->slots[hole] = p->slots[at];
        hole = at;
    }
    p->slots[hole] = (struct slot){0};
    p->user_count--;
    mc_user_release(&entry->user, &p->pool);
    mc_pool_give(&p->pool, entry, sizeof *entry);
}

/* Files the entry by what it is due now, or forgets it. False: no memory. */
static bool settle(struct mc_partition *p, struct entry *entry, bool queued, struct mc_time clock) {
    int64_t due_us = mc_user_next_due(&entry->user, &p->rules).us;
    if (queued && due_us < entry->queue.due_us) { /* among them those that are due at once: MC_TIME_NONE_US */
        mc_queue_remove(&p->queue, &entry->queue);
        queued = false;
    }
    entry->queue.due_us = due_us;
    if (queued)
        return true;
    if (!mc_user_is_forgotten(&entry->user, clock))
        return mc_queue_add(&p->queue, &entry->queue);
    remove_user(p, entry);
    return true;
}

/* What will wake soon is asked for in three steps, like the memory of events: the entry, then its visit and slot, then
 * the names of what is in the cart. */
enum { AHEAD_ENTRY = 3, AHEAD_VISIT = 2, AHEAD_ITEMS = 1 };

MC_PREFETCHES void prefetch_lines(const void *memory, int lines) {
    for (int i = 0; i < lines; i++)
        __builtin_prefetch((const char *)memory + 64 * i);
}

MC_PREFETCHES void prefetch_waking(const struct mc_partition *p) {
    const struct mc_queue_list *list = mc_queue_ahead(&p->queue, AHEAD_ENTRY);
    for (uint32_t i = 0; i < list->count; i++)
        prefetch_lines(entry_of(list->entries[i]), ENTRY_LINES);
    list = mc_queue_ahead(&p->queue, AHEAD_VISIT);
    for (uint32_t i = 0; i < list->count; i++) {
        if (!mc_queue_is_due_in(&p->queue, list->entries[i], AHEAD_VISIT))
            continue; /* it will only be filed anew, as most are */
        const struct mc_user *user = &entry_of(list->entries[i])->user;
        __builtin_prefetch(&p->slots[user->hash & p->mask]);
        if (user->visit_count > 0)
            prefetch_lines(user->visits[0], VISIT_LINES);
    }
    list = mc_queue_ahead(&p->queue, AHEAD_ITEMS);
    for (uint32_t i = 0; i < list->count; i++) {
        if (!mc_queue_is_due_in(&p->queue, list->entries[i], AHEAD_ITEMS))
            continue;
        const struct mc_user *user = &entry_of(list->entries[i])->user;
        const struct mc_visit *v = user->visit_count > 0 ? user->visits[0] : NULL;
        for (uint32_t k = 0; v != NULL && k < v->item_count && k < FEW_ITEMS; k++)
            __builtin_prefetch(v->items[k].product.data);
    }
}

/* False: no memory. */
static bool wake_due(struct mc_partition *p, struct mc_time clock) {
    struct mc_queue_entry *due;
    bool turned = false;
    while ((due = mc_queue_take(&p->queue, clock.us, &turned)) != NULL) {
        struct entry *entry = entry_of(due);
        mc_user_wake(&entry->user, &p->pool, &p->rules, clock, &p->shim);
        if (!settle(p, entry, false, clock))
            return false;
    }
    if (turned)
        prefetch_waking(p);
    return true;
}

/* ---- events ---- */

static struct mc_input input_of(const struct mc_event *ev, const char *bytes, struct mc_str product) {
    struct mc_input in = {.time = ev->time,
                          .clock = ev->clock,
                          .price = ev->price,
                          .quantity = ev->quantity,
                          .type = (enum mc_event_type)ev->type,
                          .session = mc_slice_str(bytes, ev->session),
                          .product = product,
                          .session_hash = ev->session_hash,
                          .product_hash = ev->product_hash,
                          .has_message_id = ev->message_id.len > 0};
    if (in.has_message_id)
        in.message_id = mc_hash128(bytes + ev->message_id.offset, ev->message_id.len);
    return in;
}

/* False: no memory. */
static bool count_event(struct mc_partition *p, struct mc_product_entry *product, const struct mc_event *ev,
                        const char *bytes, struct mc_outcome outcome, bool is_new) {
    p->visit_count += outcome.verdict == MC_VERDICT_OPENED;
    if (is_new) { /* who is in the table has been counted */
        struct mc_hash128 user = {ev->user_hash, mc_hash64_other(bytes + ev->user.offset, ev->user.len)};
        if (!mc_tally_user(&p->tally, user))
            return false;
    }
    return mc_tally_event(&p->tally, product, ev, bytes, outcome);
}

static bool apply_event(struct mc_partition *p, struct mc_batch *batch, uint32_t row) {
    const struct mc_event *ev = &batch->events[row];
    const char *bytes = batch->bytes.data;
    struct mc_str id = mc_slice_str(bytes, ev->user);
    struct mc_product_entry *product = mc_tally_product(&p->tally, ev->product_hash, mc_slice_str(bytes, ev->product));
    struct entry *entry = p->slots[find_slot(p, ev->user_hash, id)].entry;
    bool is_new = entry == NULL;
    if (is_new)
        entry = add_user(p, ev->user_hash, id);
    if (product == NULL || entry == NULL)
        return false;
    struct mc_input in = input_of(ev, bytes, product->id);
    struct mc_outcome outcome = mc_user_apply(&entry->user, &p->pool, &p->rules, &in, &p->shim);
    if (!settle(p, entry, !is_new, ev->clock) || outcome.verdict == MC_VERDICT_NO_MEMORY)
        return false;
    batch->duplicate[row] = outcome.verdict == MC_VERDICT_DUPLICATE;
    batch->visit_start[row] = outcome.visit_start;
    if (outcome.verdict != MC_VERDICT_DUPLICATE)
        return count_event(p, product, ev, bytes, outcome, is_new);
    p->tally.counts.duplicates++;
    return true;
}

/* ---- memory asked for ahead: tight loops over the events of a run, each of which reads what the one before has
 * brought. What they find is only a guess, for what is applied in between may move things. ---- */

struct run {
    uint32_t from, upto;
};

/* The run that a step works on which comes `behind` turns after the first step. */
static inline struct run run_of(uint32_t turn, uint32_t behind, uint32_t count) {
    uint64_t from = turn < behind ? 0 : (uint64_t)(turn - behind) * RUN_EVENTS,
             upto = turn < behind ? 0 : from + RUN_EVENTS;
    return (struct run){from < count ? (uint32_t)from : count, upto < count ? (uint32_t)upto : count};
}

static inline const struct mc_event *event_at(const struct mc_batch *batch, const uint32_t *index, uint32_t i) {
    return &batch->events[index ? index[i] : i];
}

/* The user's entry, as far as the slots tell: without a look at the entry itself. */
static inline struct entry *guess_entry(const struct mc_partition *p, uint64_t hash) {
    uint64_t at = hash & p->mask;
    while (p->slots[at].entry != NULL && p->slots[at].hash != hash)
        at = (at + 1) & p->mask;
    return p->slots[at].entry;
}

MC_PREFETCHES void ask_for_slots(const struct mc_partition *p, const struct mc_batch *batch, const uint32_t *index,
                                 struct run run) {
    for (uint32_t i = run.from; i < run.upto; i++) {
        const struct mc_event *ev = event_at(batch, index, i);
        __builtin_prefetch(&p->slots[ev->user_hash & p->mask]);
        mc_tally_prefetch_slot(&p->tally, ev->product_hash);
    }
}

MC_PREFETCHES void ask_for_entries(const struct mc_partition *p, const struct mc_batch *batch, const uint32_t *index,
                                   struct run run) {
    for (uint32_t i = run.from; i < run.upto; i++) {
        const struct mc_event *ev = event_at(batch, index, i);
        const struct entry *entry = guess_entry(p, ev->user_hash);
        mc_tally_prefetch_product(&p->tally, ev->product_hash);
        if (entry != NULL)
            __builtin_prefetch(entry);
        else
            mc_tally_prefetch_user(&p->tally, ev->user_hash);
    }
}

MC_PREFETCHES void ask_for_visits(const struct mc_partition *p, const struct mc_batch *batch, const uint32_t *index,
                                  struct run run) {
    for (uint32_t i = run.from; i < run.upto; i++) {
        const struct mc_event *ev = event_at(batch, index, i);
        const struct entry *entry = guess_entry(p, ev->user_hash);
        __builtin_prefetch(batch->bytes.data + ev->product.offset);
        __builtin_prefetch(batch->bytes.data + ev->session.offset);
        if (entry != NULL && entry->user.visit_count > 0)
            prefetch_lines(entry->user.visits[0], ev->type == MC_VIEW ? VIEW_LINES : VISIT_LINES);
    }
}

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the state of users and products");
}

static bool apply_row(struct mc_partition *p, struct mc_batch *batch, uint32_t row) {
    struct mc_time clock = batch->events[row].clock;
    p->row = row;
    if (!mc_queue_is_quiet(&p->queue, clock.us) && !wake_due(p, clock))
        return false;
    p->settled_row = row + 1;
    return apply_event(p, batch, row);
}

enum mc_err mc_partition_apply(struct mc_partition *p, struct mc_batch *batch, const uint32_t *index, uint32_t count,
                               struct mc_error *e) {
    p->batch = batch;
    p->settled_row = 0;
    bool good = true;
    for (uint32_t turn = 0; good && turn * RUN_EVENTS < count + RUNS_AHEAD * RUN_EVENTS; turn++) {
        ask_for_slots(p, batch, index, run_of(turn, 0, count));
        ask_for_entries(p, batch, index, run_of(turn, 1, count));
        ask_for_visits(p, batch, index, run_of(turn, 2, count));
        struct run run = run_of(turn, RUNS_AHEAD, count);
        for (uint32_t i = run.from; i < run.upto && good; i++)
            good = apply_row(p, batch, index ? index[i] : i);
    }
    p->batch = NULL;
    return good ? MC_OK : no_memory(e);
}

enum mc_err mc_partition_advance(struct mc_partition *p, const struct mc_batch *batch, struct mc_time clock,
                                 struct mc_error *e) {
    p->batch = batch;
    p->row = batch ? batch->event_count : 0;
    bool good = wake_due(p, clock);
    p->settled_row = 0;
    p->batch = NULL;
    return good ? MC_OK : no_memory(e);
}

/* First all end, then those who need not be remembered leave: a closed gap in the table may show a user twice, which is
 * harmless. */
void mc_partition_finish(struct mc_partition *p, struct mc_time clock) {
    for (uint64_t i = 0; i <= p->mask; i++)
        if (p->slots[i].entry != NULL)
            mc_user_finish(&p->slots[i].entry->user, &p->pool, &p->rules, clock, &p->shim);
    for (uint64_t i = 0; i <= p->mask;) {
        struct entry *entry = p->slots[i].entry;
        if (entry != NULL && mc_user_is_forgotten(&entry->user, clock)) {
            mc_queue_remove(&p->queue, &entry->queue);
            remove_user(p, entry);
        } else {
            i++; /* due later than it is filed for, if it stays: it will be filed anew */
        }
    }
}

/* ---- looking ---- */

static void add_open_carts(const struct mc_user *user, struct mc_open_carts *sum) {
    for (uint16_t i = 0; i < user->visit_count; i++) {
        const struct mc_visit *visit = user->visits[i];
        if (visit->item_count == 0 || visit->has_purchase)
            continue;
        sum->count++;
        for (uint16_t k = 0; k < visit->item_count; k++)
            sum->value += (__int128)visit->items[k].quantity * visit->items[k].price;
    }
}

struct mc_open_carts mc_partition_open_carts(const struct mc_partition *p) {
    struct mc_open_carts sum = {0};
    for (uint64_t i = 0; i <= p->mask; i++)
        if (p->slots[i].entry != NULL)
            add_open_carts(&p->slots[i].entry->user, &sum);
    return sum;
}

/* ---- snapshot ---- */

void mc_partition_encode(const struct mc_partition *p, struct mc_buf *out) {
    mc_put_u64(out, p->user_count);
    for (uint64_t i = 0; i <= p->mask; i++) {
        struct entry *entry = p->slots[i].entry;
        if (entry == NULL)
            continue;
        size_t need = mc_user_encode(&entry->user, NULL, 0);
        mc_put_u32(out, (uint32_t)need);
        char *room = mc_buf_reserve(out, need);
        if (room != NULL)
            out->len += mc_user_encode(&entry->user, room, need);
    }
    mc_tally_encode(&p->tally, out);
}

static struct mc_str intern(void *context, uint64_t hash, struct mc_str product) {
    struct mc_product_entry *p = mc_tally_product(context, hash, product);
    return p ? p->id : (struct mc_str){0};
}

static enum mc_state_result restore_user(struct mc_partition *p, struct mc_str bytes, uint64_t hash, struct mc_str id) {
    if (p->slots[find_slot(p, hash, id)].entry != NULL)
        return MC_STATE_MALFORMED;
    struct entry *entry = add_user(p, hash, id);
    if (entry == NULL)
        return MC_STATE_NEEDS_WORKSPACE;
    mc_user_release(&entry->user, &p->pool);
    enum mc_state_result result = mc_user_decode(&entry->user, &p->pool, bytes, intern, &p->tally);
    if (result != MC_STATE_OK) /* its fields are not to be believed: the partition is of no use but to be closed */
        return result;
    p->visit_count += entry->user.visit_count;
    entry->queue.due_us = mc_user_due(&entry->user, &p->rules).us;
    return mc_queue_add(&p->queue, &entry->queue) ? MC_STATE_OK : MC_STATE_NEEDS_WORKSPACE;
}

/* The id is read ahead of the rest, to see whose user it is: version, length, id (state.c). */
static bool peek_id(struct mc_str bytes, struct mc_str *id) {
    struct mc_reader r = {bytes, false};
    mc_get_u8(&r);
    *id = mc_get_bytes(&r, mc_get_u8(&r));
    return !r.failed && id->len > 0;
}

enum mc_err mc_partition_decode(struct mc_partition *p, struct mc_str bytes,
                                bool (*mine)(void *context, uint64_t user_hash), void *context, bool first,
                                struct mc_error *e) {
    struct mc_reader r = {bytes, false};
    enum mc_state_result result = MC_STATE_OK;
    for (uint64_t users = mc_get_u64(&r); users > 0 && result == MC_STATE_OK; users--) {
        struct mc_str state = mc_get_str(&r), id;
        if (r.failed || !peek_id(state, &id))
            return mc_error_set(e, MC_ERR_FORMAT, "the snapshot of users is damaged");
        uint64_t hash = mc_hash64(id.data, id.len);
        if (mine(context, hash))
            result = restore_user(p, state, hash, id);
    }
    if (result == MC_STATE_NEEDS_WORKSPACE)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to restore the state of users");
    if (result == MC_STATE_MALFORMED || (first && (!mc_tally_decode(&p->tally, &r) || r.rest.len != 0)))
        return mc_error_set(e, MC_ERR_FORMAT, "the snapshot of users is damaged");
    return MC_OK;
}

#include "app/partitions.h"

#include <assert.h>

/* A partition's sink: to the list that is its own now. */
static void route(void *context, const struct mc_visit_end *end) {
    struct mc_endings **endings = context;
    mc_endings_add(*endings, end);
}

enum mc_err mc_partitions_open(struct mc_partitions *p, uint32_t count, const struct mc_rules *rules, bool with_ledger,
                               struct mc_error *e) {
    assert(count >= 1 && count <= MC_PARTITIONS_MAX);
    *p = (struct mc_partitions){.count = count, .with_ledger = with_ledger};
    mc_clock_init(&p->clock);
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i < count && err == MC_OK; i++) {
        struct mc_partition_options options = {.rules = *rules,
                                               .keep_sales = !with_ledger,
                                               .keep_new_users = with_ledger,
                                               .sink = {&p->endings[i], route}};
        err = mc_partition_open(&p->list[i], &options, e);
    }
    if (err != MC_OK)
        mc_partitions_close(p);
    return err;
}

void mc_partitions_close(struct mc_partitions *p) {
    for (uint32_t i = 0; i < p->count; i++)
        mc_partition_close(&p->list[i]);
    mc_tally_free(&p->merged);
    *p = (struct mc_partitions){0};
}

static enum mc_err check_endings(const struct mc_endings *endings, struct mc_error *e) {
    return endings->failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory for abandoned carts") : MC_OK;
}

enum mc_err mc_partitions_apply(struct mc_partitions *p, uint32_t partition, struct mc_batch *batch,
                                const uint32_t *index, uint32_t count, struct mc_time clock, struct mc_endings *endings,
                                struct mc_error *e) {
    mc_endings_reset(endings);
    p->endings[partition] = endings;
    enum mc_err err = mc_partition_apply(p->list[partition], batch, index, count, e);
    if (err == MC_OK)
        err = mc_partition_advance(p->list[partition], batch, clock, e);
    return err == MC_OK ? check_endings(endings, e) : err;
}

enum mc_err mc_partitions_finish(struct mc_partitions *p, uint32_t partition, struct mc_endings *endings,
                                 struct mc_error *e) {
    mc_endings_reset(endings);
    p->endings[partition] = endings;
    mc_partition_finish(p->list[partition], p->clock.now);
    enum mc_err err = check_endings(endings, e);
    if (err == MC_OK)
        mc_endings_settle(endings);
    return err;
}

/* ---- sums ---- */

const struct mc_tally *mc_partitions_tally(struct mc_partitions *p) {
    if (p->count == 1)
        return mc_tally_sort(mc_partition_tally(p->list[0])) ? mc_partition_tally(p->list[0]) : NULL;
    if (p->is_merged)
        return &p->merged;
    mc_tally_init(&p->merged, !p->with_ledger, false);
    for (uint32_t i = 0; i < p->count; i++)
        if (!mc_tally_merge(&p->merged, mc_partition_tally(p->list[i])))
            return NULL;
    p->is_merged = mc_tally_sort(&p->merged);
    return p->is_merged ? &p->merged : NULL;
}

struct mc_counts mc_partitions_counts(const struct mc_partitions *p) {
    struct mc_counts sum = {0};
    for (uint32_t i = 0; i < p->count; i++)
        mc_counts_add(&sum, &mc_partition_tally(p->list[i])->counts);
    return sum;
}

uint64_t mc_partitions_users(const struct mc_partitions *p) {
    uint64_t users = 0;
    for (uint32_t i = 0; i < p->count; i++)
        users += mc_partition_tally(p->list[i])->user_count;
    return users;
}

struct mc_partition_size mc_partitions_measure(const struct mc_partitions *p) {
    struct mc_partition_size sum = {0};
    for (uint32_t i = 0; i < p->count; i++) {
        struct mc_partition_size size = mc_partition_measure(p->list[i]);
        sum.users += size.users;
        sum.visits += size.visits;
        sum.held_bytes += size.held_bytes;
    }
    return sum;
}

/* ---- distinct users ---- */

bool mc_partitions_take_new_users(struct mc_partitions *p, struct mc_buf *out) {
    for (uint32_t i = 0; i < p->count; i++) {
        struct mc_tally *t = mc_partition_tally(p->list[i]);
        mc_buf_append(out, t->new_users, t->new_user_count * sizeof *t->new_users);
        t->new_user_count = 0;
    }
    return !out->failed;
}

bool mc_partitions_add_users(struct mc_partitions *p, struct mc_str users) {
    struct mc_hash128 user;
    bool good = users.len % sizeof user == 0;
    for (size_t at = 0; at < users.len && good; at += sizeof user) {
        memcpy(&user, users.data + at, sizeof user);
        struct mc_tally *t = mc_partition_tally(p->list[mc_partitions_of(p, user.low)]);
        good = mc_tally_user(t, user);
        t->new_user_count = 0;
    }
    return good;
}

/* ---- bytes ---- */

void mc_partitions_encode(const struct mc_partitions *p, struct mc_buf *out) {
    struct mc_buf clock = {0};
    mc_clock_encode(&p->clock, &clock);
    mc_put_str(out, mc_buf_view(&clock));
    out->failed |= clock.failed;
    mc_buf_free(&clock);
    mc_put_u32(out, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
        size_t at = out->len;
        mc_put_u64(out, 0);
        mc_partition_encode(p->list[i], out);
        uint64_t len = out->len - at - sizeof len;
        if (!out->failed)
            memcpy(out->data + at, &len, sizeof len);
    }
}

struct owner {
    const struct mc_partitions *partitions;
    uint32_t partition;
};

static bool is_mine(void *context, uint64_t user_hash) {
    const struct owner *o = context;
    return mc_partitions_of(o->partitions, user_hash) == o->partition;
}

static enum mc_err decode_users(struct mc_partitions *p, struct mc_str bytes, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (uint32_t i = 0; i < p->count && err == MC_OK; i++)
        err = mc_partition_decode(p->list[i], bytes, is_mine, &(struct owner){p, i}, i == 0, e);
    return err;
}

enum mc_err mc_partitions_decode(struct mc_partitions *p, struct mc_str bytes, struct mc_error *e) {
    struct mc_reader r = {bytes, false};
    enum mc_err err = MC_OK;
    bool good = mc_clock_decode(&p->clock, mc_get_str(&r));
    for (uint32_t i = mc_get_u32(&r); i > 0 && good && err == MC_OK; i--) {
        struct mc_str users = mc_get_bytes(&r, mc_get_u64(&r));
        good = !r.failed;
        err = good ? decode_users(p, users, e) : MC_OK;
    }
    if (err == MC_OK && (!good || r.failed || r.rest.len != 0))
        return mc_error_set(e, MC_ERR_FORMAT, "the checkpoint of the engine is damaged");
    return err;
}

#include "store/outbox.h"

#include "store/internal.h"
#include <assert.h>

const char *const mc_message_state_names[MC_MESSAGE_STATES] = {"waiting", "claimed", "sending",  "sent",    "bounced",
                                                               "unknown", "retry",   "withheld", "control", "failed"};

const int64_t mc_promise_bucket_s[MC_PROMISE_BUCKETS] = {1, 10, 60, 180, 3600, INT64_MAX};

enum { NOTE_BYTES_MAX = 512 };

const char *mc_withheld_name(int withheld) {
    if (withheld == MC_WITHHELD_NO_COUPON)
        return "no_coupon";
    if (withheld == MC_WITHHELD_TOO_LATE)
        return "too_late";
    return withheld >= 0 && withheld < MC_DECISIONS ? mc_decision_names[withheld] : "";
}

/* ---- lists ---- */

static enum mc_err ids_read(struct mc_ledger *l, enum mc_sql which, int64_t *ids, size_t max, size_t *count,
                            struct mc_error *e) {
    bool row;
    enum mc_err err = mc_outbox_flush(l, e);
    *count = 0;
    while (err == MC_OK && *count < max && (err = mc_sql_step(l, which, &row, e)) == MC_OK && row)
        ids[(*count)++] = sqlite3_column_int64(l->statements[which], 0);
    mc_sql_reset(l, which);
    return err;
}

enum mc_err mc_outbox_due(struct mc_ledger *l, bool with_replayed, struct mc_wall now, int64_t after, int64_t *ids,
                          size_t max, size_t *count, struct mc_error *e) {
    *count = 0;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_DUE, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, after);
    sqlite3_bind_int(s, 2, with_replayed);
    sqlite3_bind_int64(s, 3, now.us);
    sqlite3_bind_int64(s, 4, (int64_t)max);
    return ids_read(l, MC_SQL_OUTBOX_DUE, ids, max, count, e);
}

uint64_t mc_outbox_count(const struct mc_ledger *l, enum mc_message_state state) {
    assert(l->mode == MC_LEDGER_WRITE);
    return (uint64_t)l->totals.value[MC_TOTAL_MESSAGES + (int)state];
}

enum mc_err mc_outbox_ready_each(struct mc_ledger *l, struct mc_time *seen,
                                 bool (*take)(void *context, const struct mc_outbox_ready *ready), void *context,
                                 struct mc_error *e) {
    bool all = mc_time_is_none(*seen), row = true, go_on = true;
    enum mc_sql which = all ? MC_SQL_OUTBOX_READY : MC_SQL_OUTBOX_CLAIMED;
    if (mc_outbox_flush(l, e) != MC_OK)
        return l->last_error;
    sqlite3_stmt *s = mc_sql_get(l, which, e);
    if (s == NULL)
        return l->last_error;
    if (!all) {
        sqlite3_bind_int64(s, 1, seen->us);
        sqlite3_bind_int64(s, 2, mc_ledger_clock(l).us);
    }
    enum mc_err err = MC_OK;
    while (go_on && (err = mc_sql_step(l, which, &row, e)) == MC_OK && row) {
        struct mc_outbox_ready ready = {.id = sqlite3_column_int64(s, 0),
                                        .due_at = {sqlite3_column_int64(s, 1)},
                                        .next_at = {mc_column_int(s, 2, 0)},
                                        .replayed = sqlite3_column_int(s, 3) != 0};
        go_on = take(context, &ready);
    }
    mc_sql_reset(l, which);
    if (err == MC_OK && go_on)
        *seen = mc_ledger_clock(l);
    return err;
}

enum mc_err mc_outbox_list(struct mc_ledger *l, enum mc_message_state state, int64_t after, int64_t *ids, size_t max,
                           size_t *count, struct mc_error *e) {
    *count = 0;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_IN_STATE, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int(s, 1, (int)state);
    sqlite3_bind_int64(s, 2, after);
    sqlite3_bind_int64(s, 3, (int64_t)max);
    return ids_read(l, MC_SQL_OUTBOX_IN_STATE, ids, max, count, e);
}

/* ---- moves ---- */

struct row {
    bool found, replayed;
    enum mc_message_state state;
    struct mc_time due_at, first_cart;
    struct mc_str user, sent_to; /* in the arena */
    struct mc_arena arena;
};

static enum mc_err row_read(struct mc_ledger *l, int64_t id, struct row *out, struct mc_error *e) {
    *out = (struct row){0};
    bool ready = mc_ledger_writable(l, e) == MC_OK && mc_outbox_flush(l, e) == MC_OK;
    sqlite3_stmt *s = ready ? mc_sql_get(l, MC_SQL_OUTBOX_STATE, e) : NULL;
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    enum mc_err err = mc_sql_step(l, MC_SQL_OUTBOX_STATE, &out->found, e);
    if (err != MC_OK || !out->found)
        return err;
    out->state = (enum mc_message_state)sqlite3_column_int(s, 0);
    out->replayed = sqlite3_column_int(s, 1) != 0;
    out->due_at.us = sqlite3_column_int64(s, 2);
    out->first_cart.us = sqlite3_column_int64(s, 4);
    bool fits = mc_arena_copy(&out->arena, mc_column_str(s, 3), &out->user) &&
                mc_arena_copy(&out->arena, mc_column_str(s, 6), &out->sent_to);
    mc_sql_reset(l, MC_SQL_OUTBOX_STATE);
    return fits ? MC_OK : mc_ledger_no_memory(l, e);
}

static void count_move(struct mc_ledger *l, enum mc_message_state from, enum mc_message_state to) {
    mc_totals_add(l, MC_TOTAL_MESSAGES + (int)from, -1);
    mc_totals_add(l, MC_TOTAL_MESSAGES + (int)to, 1);
}

/* `reason` is a decision or MC_WITHHELD_TOO_LATE. */
static enum mc_err hold(struct mc_ledger *l, int64_t id, enum mc_message_state from, int reason, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_HOLD, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int(s, 2, reason);
    count_move(l, from, MC_MESSAGE_WITHHELD);
    mc_totals_add(l, reason == MC_WITHHELD_TOO_LATE ? MC_TOTAL_TOO_LATE : MC_TOTAL_WITHHELD + reason, 1);
    return mc_sql_run(l, MC_SQL_OUTBOX_HOLD, e);
}

static enum mc_err start(struct mc_ledger *l, int64_t id, enum mc_message_state from, struct mc_str to,
                         struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_BEGIN, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    mc_bind_str(s, 2, to);
    count_move(l, from, MC_MESSAGE_SENDING);
    return mc_sql_run(l, MC_SQL_OUTBOX_BEGIN, e);
}

static bool is_ready(const struct row *row) {
    return row->found && (row->state == MC_MESSAGE_CLAIMED || row->state == MC_MESSAGE_RETRY);
}

enum mc_err mc_outbox_too_late(struct mc_ledger *l, int64_t id, bool *held, struct mc_error *e) {
    struct row row;
    enum mc_err err = row_read(l, id, &row, e);
    *held = err == MC_OK && is_ready(&row);
    if (*held)
        err = hold(l, id, row.state, MC_WITHHELD_TOO_LATE, e);
    mc_arena_free(&row.arena);
    return err;
}

enum mc_err mc_outbox_begin_sending(struct mc_ledger *l, int64_t id, bool to_spool, bool *go, struct mc_error *e) {
    struct row row;
    struct mc_contact contact = {0};
    enum mc_decision verdict = MC_SEND;
    *go = false;
    enum mc_err err = row_read(l, id, &row, e);
    bool ready = err == MC_OK && is_ready(&row);
    if (ready && row.replayed && !to_spool)
        err = mc_ledger_fail(l, MC_ERR_USAGE, e, "message %lld is of a replay: it is never mailed", (long long)id);
    else if (ready && row.replayed) /* what the log holds behind its claim came after it would have gone */
        err = mc_contact_decide(l, row.user, &contact, &verdict, e);
    else if (ready)
        err = mc_check_person(l, row.user, row.first_cart, &contact, &verdict, e);
    if (ready && err == MC_OK) {
        *go = verdict == MC_SEND;
        err = *go ? start(l, id, row.state, contact.subscriber.email, e) : hold(l, id, row.state, (int)verdict, e);
    }
    mc_contact_free(&contact);
    mc_arena_free(&row.arena);
    return err;
}

/* One line, valid UTF-8: what a server said is not to be trusted. */
static size_t clean_note(char out[NOTE_BYTES_MAX], struct mc_str note) {
    size_t len = 0;
    for (; len < note.len && len < NOTE_BYTES_MAX; len++)
        out[len] = note.data[len] >= ' ' && note.data[len] <= '~' ? note.data[len] : '?';
    return len;
}

static void count_promise(struct mc_ledger *l, const struct row *row, struct mc_wall handed_at) {
    int bucket = 0;
    while (bucket < MC_PROMISE_BUCKETS - 1 &&
           handed_at.us - row->due_at.us > mc_promise_bucket_s[bucket] * MC_SECOND_US)
        bucket++;
    if (!row->replayed)
        mc_totals_add(l, MC_TOTAL_PROMISE + bucket, 1);
}

/* What becomes of a message in `sending`. */
struct result {
    enum mc_message_state state;
    struct mc_wall next_at, handed_at; /* us 0: none */
    bool no_attempt;                   /* the one that was begun does not count */
};

static enum mc_err result_write(struct mc_ledger *l, int64_t id, const struct result *r, struct mc_str note,
                                struct mc_error *e) {
    char text[NOTE_BYTES_MAX];
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_OUTBOX_RESULT, e);
    if (s == NULL)
        return l->last_error;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int(s, 2, (int)r->state);
    sqlite3_bind_null(s, 3);
    sqlite3_bind_null(s, 4);
    if (r->next_at.us != 0)
        sqlite3_bind_int64(s, 3, r->next_at.us);
    if (r->handed_at.us != 0)
        sqlite3_bind_int64(s, 4, r->handed_at.us);
    sqlite3_bind_int(s, 6, r->no_attempt);
    mc_bind_str(s, 5, (struct mc_str){text, clean_note(text, note)});
    count_move(l, MC_MESSAGE_SENDING, r->state);
    return mc_sql_run(l, MC_SQL_OUTBOX_RESULT, e);
}

static enum mc_err settle(struct mc_ledger *l, int64_t id, const struct result *r, struct mc_str note,
                          struct mc_error *e) {
    struct row row;
    const char *refused;
    enum mc_err err = row_read(l, id, &row, e);
    if (err == MC_OK && row.found && row.state == MC_MESSAGE_SENDING) {
        err = result_write(l, id, r, note, e);
        if (err == MC_OK && r->state == MC_MESSAGE_SENT)
            count_promise(l, &row, r->handed_at);
        if (err == MC_OK && r->state == MC_MESSAGE_BOUNCED)
            err = mc_suppression_put(l, row.sent_to, MC_BOUNCED, r->handed_at, &refused, e);
    }
    mc_arena_free(&row.arena);
    return err;
}

enum mc_err mc_outbox_sent(struct mc_ledger *l, int64_t id, struct mc_wall handed_at, struct mc_str note,
                           struct mc_error *e) {
    return settle(l, id, &(struct result){.state = MC_MESSAGE_SENT, .handed_at = handed_at}, note, e);
}

enum mc_err mc_outbox_bounced(struct mc_ledger *l, int64_t id, struct mc_wall at, struct mc_str note,
                              struct mc_error *e) {
    return settle(l, id, &(struct result){.state = MC_MESSAGE_BOUNCED, .handed_at = at}, note, e);
}

enum mc_err mc_outbox_unknown(struct mc_ledger *l, int64_t id, struct mc_wall at, struct mc_str note,
                              struct mc_error *e) {
    return settle(l, id, &(struct result){.state = MC_MESSAGE_UNKNOWN, .handed_at = at}, note, e);
}

enum mc_err mc_outbox_retry(struct mc_ledger *l, int64_t id, struct mc_wall next_at, struct mc_str note,
                            struct mc_error *e) {
    return settle(l, id, &(struct result){.state = MC_MESSAGE_RETRY, .next_at = next_at}, note, e);
}

enum mc_err mc_outbox_postpone(struct mc_ledger *l, int64_t id, struct mc_wall next_at, struct mc_str note,
                               struct mc_error *e) {
    struct result postponed = {.state = MC_MESSAGE_RETRY, .next_at = next_at, .no_attempt = true};
    return settle(l, id, &postponed, note, e);
}

enum mc_err mc_outbox_failed(struct mc_ledger *l, int64_t id, struct mc_str note, struct mc_error *e) {
    return settle(l, id, &(struct result){.state = MC_MESSAGE_FAILED}, note, e);
}

static enum mc_err recover_one(struct mc_ledger *l, int64_t id, bool resend, struct mc_wall now, struct mc_error *e) {
    struct mc_str note = MC_STR("the process ended before the answer was known");
    struct row row;
    enum mc_err err = row_read(l, id, &row, e);
    if (err == MC_OK)
        err = resend || row.replayed ? mc_outbox_retry(l, id, now, note, e) : mc_outbox_unknown(l, id, now, note, e);
    mc_arena_free(&row.arena);
    return err;
}

enum mc_err mc_outbox_recover(struct mc_ledger *l, bool resend, struct mc_wall now, size_t *count, struct mc_error *e) {
    enum { BATCH = 64 };
    int64_t ids[BATCH];
    size_t batch = BATCH;
    enum mc_err err = mc_ledger_writable(l, e);
    *count = 0;
    while (err == MC_OK && batch == BATCH) {
        if (mc_sql_get(l, MC_SQL_OUTBOX_SENDING, e) == NULL)
            return l->last_error;
        err = ids_read(l, MC_SQL_OUTBOX_SENDING, ids, BATCH, &batch, e);
        for (size_t i = 0; i < batch && err == MC_OK; i++)
            err = recover_one(l, ids[i], resend, now, e);
        *count += batch;
    }
    return err;
}

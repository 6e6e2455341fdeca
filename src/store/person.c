/* Persons: ids that are one, what is known of them, whether they may be written to (SEMANTICS 4). */
#include "store/internal.h"

#include <assert.h>

struct mc_str mc_person_of(const struct mc_ledger *l, uint64_t user_hash, struct mc_str user, uint64_t *person_hash) {
    const struct mc_strmap_entry *entry = mc_strmap_find(&l->linked, user_hash, user);
    *person_hash = user_hash;
    if (entry == NULL)
        return user;
    const struct mc_strmap_entry *person = &l->persons.entries[entry->value];
    *person_hash = person->hash;
    return mc_strmap_key(&l->persons, person);
}

static bool is_linked(const struct mc_ledger *l, struct mc_str user) {
    return l->linked.count > 0 && mc_strmap_find(&l->linked, mc_hash64(user.data, user.len), user) != NULL;
}

enum { MEMBERS_STEP = 8 };

static bool member_add(struct mc_arena *arena, struct mc_str **ids, size_t *count, struct mc_str id) {
    if (*count % MEMBERS_STEP == 0) { /* copied to a larger piece; the arena keeps the old one, lists are short */
        struct mc_str *more = mc_arena_alloc(arena, (*count * 2 + MEMBERS_STEP) * sizeof **ids);
        if (more == NULL)
            return false;
        memcpy(more, *ids, *count * sizeof **ids);
        *ids = more;
    }
    return mc_arena_copy(arena, id, &(*ids)[(*count)++]);
}

enum mc_err mc_person_members(struct mc_ledger *l, struct mc_str user, struct mc_str *own, struct mc_arena *arena,
                              struct mc_str **ids, size_t *count, struct mc_error *e) {
    *own = user;
    *ids = own;
    *count = 1;
    if (!is_linked(l, user))
        return MC_OK;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PERSON_MEMBERS, e);
    if (s == NULL)
        return l->last_error;
    *count = 0;
    bool fits = member_add(arena, ids, count, user), row;
    uint64_t hash;
    mc_bind_str(s, 1, mc_person_of(l, mc_hash64(user.data, user.len), user, &hash));
    enum mc_err err;
    while ((err = mc_sql_step(l, MC_SQL_PERSON_MEMBERS, &row, e)) == MC_OK && row && fits)
        if (!mc_str_equal(mc_column_str(s, 0), user))
            fits = member_add(arena, ids, count, mc_column_str(s, 0));
    mc_sql_reset(l, MC_SQL_PERSON_MEMBERS);
    return fits ? err : mc_ledger_no_memory(l, e);
}

/* ---- what a person bought ---- */

static enum mc_err stored_purchase(struct mc_ledger *l, struct mc_str user, bool *found, int64_t *at,
                                   struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_CUSTOMER_GET, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, user);
    enum mc_err err = mc_sql_step(l, MC_SQL_CUSTOMER_GET, found, e);
    if (err == MC_OK && *found) {
        *at = sqlite3_column_int64(s, 0);
        mc_sql_reset(l, MC_SQL_CUSTOMER_GET);
    }
    return err;
}

enum mc_err mc_customer_last(struct mc_ledger *l, const struct mc_str *ids, size_t count, struct mc_time *last,
                             bool *customer, struct mc_error *e) {
    last->us = MC_TIME_NONE_US;
    *customer = false;
    for (size_t i = 0; i < count; i++) {
        bool found;
        int64_t at = MC_TIME_NONE_US;
        enum mc_err err = stored_purchase(l, ids[i], &found, &at, e);
        if (err != MC_OK)
            return err;
        const struct mc_strmap_entry *now = mc_strmap_find(&l->bought, mc_hash64(ids[i].data, ids[i].len), ids[i]);
        *customer |= found || now != NULL;
        if (now != NULL && now->value > at)
            at = now->value;
        if (at > last->us)
            last->us = at;
    }
    return MC_OK;
}

/* ---- contacts ---- */

void mc_contact_free(struct mc_contact *contact) {
    mc_arena_free(&contact->arena);
    *contact = (struct mc_contact){0};
}

static enum mc_err subscriber_read(struct mc_ledger *l, struct mc_str user, struct mc_arena *arena, bool *found,
                                   struct mc_subscriber *out, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_SUBSCRIBER_GET, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, user);
    enum mc_err err = mc_sql_step(l, MC_SQL_SUBSCRIBER_GET, found, e);
    if (err != MC_OK || !*found)
        return err;
    bool fits = mc_arena_copy(arena, user, &out->user) && mc_arena_copy(arena, mc_column_str(s, 0), &out->email) &&
                mc_arena_copy(arena, mc_column_str(s, 1), &out->first_name) &&
                mc_arena_copy(arena, mc_column_str(s, 3), &out->language) &&
                mc_arena_copy(arena, mc_column_str(s, 4), &out->time_zone);
    out->consent = (enum mc_consent)sqlite3_column_int(s, 2);
    mc_sql_reset(l, MC_SQL_SUBSCRIBER_GET);
    return fits ? MC_OK : mc_ledger_no_memory(l, e);
}

/* -1: not suppressed. */
static enum mc_err suppression_read(struct mc_ledger *l, struct mc_str email, int *reason, struct mc_error *e) {
    *reason = -1;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_SUPPRESSION_GET, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, email);
    bool row;
    enum mc_err err = mc_sql_step(l, MC_SQL_SUPPRESSION_GET, &row, e);
    if (err == MC_OK && row) {
        *reason = sqlite3_column_int(s, 0);
        mc_sql_reset(l, MC_SQL_SUPPRESSION_GET);
    }
    return err;
}

static enum mc_err contact_add(struct mc_ledger *l, struct mc_str id, struct mc_contact *out, struct mc_error *e) {
    struct mc_subscriber subscriber = {0};
    bool found;
    int reason = -1;
    enum mc_err err = subscriber_read(l, id, &out->arena, &found, &subscriber, e);
    if (err != MC_OK || !found)
        return err;
    if (subscriber.consent == MC_CONSENT_NO || out->consent == MC_CONSENT_UNKNOWN)
        out->consent = subscriber.consent;
    if (subscriber.email.len == 0)
        return MC_OK;
    bool first = !out->known;
    if (first) {
        out->known = true;
        out->subscriber = subscriber;
    }
    if (l->mode == MC_LEDGER_READ || l->totals.value[MC_TOTAL_SUPPRESSIONS] > 0)
        err = suppression_read(l, subscriber.email, &reason, e);
    /* a bounce says that this address is dead; a complaint or an unsubscription is the person's own word */
    out->suppressed |= first ? reason >= 0 : reason == MC_UNSUBSCRIBED || reason == MC_COMPLAINED;
    return err;
}

static bool anybody_known(const struct mc_ledger *l) {
    return l->mode == MC_LEDGER_READ || l->totals.value[MC_TOTAL_SUBSCRIBERS] > 0;
}

static enum mc_err contact_read(struct mc_ledger *l, struct mc_str user, bool with_customer, struct mc_contact *out,
                                struct mc_error *e) {
    struct mc_arena arena = {0};
    struct mc_str own, *ids;
    size_t count;
    enum mc_err err = mc_person_members(l, user, &own, &arena, &ids, &count, e);
    for (size_t i = 0; err == MC_OK && i < count && anybody_known(l); i++)
        err = contact_add(l, ids[i], out, e);
    struct mc_time last;
    if (err == MC_OK && with_customer)
        err = mc_customer_last(l, ids, count, &last, &out->customer, e);
    mc_arena_free(&arena);
    return err;
}

enum mc_err mc_contact_find(struct mc_ledger *l, struct mc_str user, struct mc_contact *out, struct mc_error *e) {
    mc_contact_free(out);
    return contact_read(l, user, true, out, e);
}

enum mc_err mc_contact_decide(struct mc_ledger *l, struct mc_str user, struct mc_contact *out,
                              enum mc_decision *verdict, struct mc_error *e) {
    mc_contact_free(out);
    enum mc_err err = contact_read(l, user, l->policy.consent != MC_CONSENT_GIVEN && anybody_known(l), out, e);
    *verdict = err == MC_OK ? mc_contact_verdict(l, out) : MC_NO_ADDRESS;
    return err;
}

static bool may_be_written_to(enum mc_consent_mode mode, enum mc_consent consent, bool customer) {
    switch (mode) {
    case MC_CONSENT_OR_CUSTOMER:
        return consent == MC_CONSENT_YES || (consent == MC_CONSENT_UNKNOWN && customer);
    case MC_CONSENT_AND_CUSTOMER:
        return consent == MC_CONSENT_YES && customer;
    default:
        return consent == MC_CONSENT_YES;
    }
}

enum mc_decision mc_contact_verdict(const struct mc_ledger *l, const struct mc_contact *contact) {
    if (!contact->known)
        return MC_NO_ADDRESS;
    if (!may_be_written_to(l->policy.consent, contact->consent, contact->customer))
        return MC_NO_CONSENT;
    return contact->suppressed ? MC_SUPPRESSED : MC_SEND;
}

#include "store/people.h"

#include "store/internal.h"

const char *const mc_suppression_reason_names[MC_SUPPRESSION_REASONS] = {"unsubscribed", "bounced", "complained"};

static sqlite3_stmt *writing(struct mc_ledger *l, enum mc_sql which, struct mc_error *e) {
    return mc_ledger_writable(l, e) == MC_OK ? mc_sql_get(l, which, e) : NULL;
}

static bool is_id(struct mc_str id) {
    return id.len > 0 && id.len <= MC_ID_BYTES_MAX && mc_str_is_utf8(id) && memchr(id.data, '\0', id.len) == NULL;
}

/* ---- subscribers ---- */

static const char *subscriber_fault(const struct mc_subscriber *s) {
    if (!is_id(s->user))
        return "no user_id, or not one of 1 to 128 bytes of UTF-8";
    if (s->email.len > 0 && !mc_email_is_valid(s->email))
        return "not a valid e-mail address";
    if (!mc_text_is_line(s->first_name, MC_NAME_BYTES_MAX))
        return "first_name has control characters, is not UTF-8 or is too long";
    if (!mc_text_is_line(s->language, 35))
        return "language is not a short text";
    if (!mc_text_is_line(s->time_zone, 64))
        return "time_zone is not a short text";
    return NULL;
}

static enum mc_err exists(struct mc_ledger *l, enum mc_sql which, struct mc_str key, bool *there, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, which, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, key);
    enum mc_err err = mc_sql_step(l, which, there, e);
    mc_sql_reset(l, which);
    return err;
}

enum mc_err mc_subscriber_put(struct mc_ledger *l, const struct mc_subscriber *subscriber, const char **refused,
                              struct mc_error *e) {
    bool there = false;
    sqlite3_stmt *s = writing(l, MC_SQL_SUBSCRIBER_PUT, e);
    if (s == NULL)
        return l->last_error;
    *refused = subscriber_fault(subscriber);
    if (*refused != NULL)
        return MC_OK;
    enum mc_err err = exists(l, MC_SQL_SUBSCRIBER_GET, subscriber->user, &there, e);
    if (err != MC_OK)
        return err;
    mc_bind_str(s, 1, subscriber->user);
    mc_bind_str(s, 2, subscriber->email);
    mc_bind_str(s, 3, subscriber->first_name);
    sqlite3_bind_int(s, 4, (int)subscriber->consent);
    mc_bind_str(s, 5, subscriber->language);
    mc_bind_str(s, 6, subscriber->time_zone);
    mc_totals_add(l, MC_TOTAL_SUBSCRIBERS, !there);
    l->people++;
    return mc_sql_run(l, MC_SQL_SUBSCRIBER_PUT, e);
}

/* What the call does not give comes from the row that is there. *old holds its bytes. */
static enum mc_err complete(struct mc_ledger *l, struct mc_subscriber *s, struct mc_arena *old, struct mc_error *e) {
    struct mc_str *texts[] = {&s->email, &s->first_name, NULL, &s->language, &s->time_zone};
    sqlite3_stmt *q = mc_sql_get(l, MC_SQL_SUBSCRIBER_GET, e);
    bool there = false, fits = true;
    if (q == NULL)
        return l->last_error;
    mc_bind_str(q, 1, s->user);
    enum mc_err err = mc_sql_step(l, MC_SQL_SUBSCRIBER_GET, &there, e);
    if (err != MC_OK || !there)
        return err;
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        if (texts[i] != NULL && texts[i]->len == 0)
            fits = fits && mc_arena_copy(old, mc_column_str(q, i), texts[i]);
    if (s->consent == MC_CONSENT_UNKNOWN)
        s->consent = (enum mc_consent)sqlite3_column_int(q, 2);
    mc_sql_reset(l, MC_SQL_SUBSCRIBER_GET);
    return fits ? MC_OK : mc_ledger_no_memory(l, e);
}

enum mc_err mc_subscriber_update(struct mc_ledger *l, const struct mc_subscriber *given, const char **refused,
                                 struct mc_error *e) {
    struct mc_subscriber s = *given;
    struct mc_arena old = {0};
    enum mc_err err = mc_ledger_writable(l, e);
    *refused = subscriber_fault(given);
    if (err == MC_OK && *refused == NULL)
        err = complete(l, &s, &old, e);
    if (err == MC_OK && *refused == NULL)
        err = mc_subscriber_put(l, &s, refused, e);
    mc_arena_free(&old);
    return err;
}

/* ---- links ---- */

static enum mc_err person_put(struct mc_ledger *l, struct mc_str user, struct mc_str person, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PERSON_PUT, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, user);
    mc_bind_str(s, 2, person);
    return mc_sql_run(l, MC_SQL_PERSON_PUT, e);
}

static enum mc_err person_merge(struct mc_ledger *l, struct mc_str from, struct mc_str to, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PERSON_MERGE, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, from);
    mc_bind_str(s, 2, to);
    return mc_sql_run(l, MC_SQL_PERSON_MERGE, e);
}

/* The memory of links, after the table: every member of `person` now points to it. */
static enum mc_err links_note(struct mc_ledger *l, struct mc_str person, struct mc_error *e) {
    struct mc_strmap_entry *name =
        mc_strmap_add(&l->persons, mc_hash64(person.data, person.len), person, (int64_t)l->persons.count);
    if (name == NULL)
        return mc_ledger_no_memory(l, e);
    int64_t index = name->value;
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_PERSON_MEMBERS, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, person);
    bool row;
    enum mc_err err;
    while ((err = mc_sql_step(l, MC_SQL_PERSON_MEMBERS, &row, e)) == MC_OK && row) {
        struct mc_str id = mc_column_str(s, 0);
        struct mc_strmap_entry *entry = mc_strmap_add(&l->linked, mc_hash64(id.data, id.len), id, index);
        if (entry == NULL) {
            mc_sql_reset(l, MC_SQL_PERSON_MEMBERS);
            return mc_ledger_no_memory(l, e);
        }
        entry->value = index;
    }
    return err;
}

static enum mc_err link_persons(struct mc_ledger *l, struct mc_str user, struct mc_str other, struct mc_str from,
                                struct mc_str to, struct mc_error *e) {
    enum mc_err err = person_merge(l, from, to, e);
    if (err == MC_OK)
        err = person_put(l, user, to, e);
    if (err == MC_OK)
        err = person_put(l, other, to, e);
    if (err == MC_OK)
        err = links_note(l, to, e);
    if (err == MC_OK &&
        !mc_waiting_move(&l->waiting, mc_hash64(from.data, from.len), from, mc_hash64(to.data, to.len), to))
        err = mc_ledger_no_memory(l, e);
    return err;
}

enum mc_err mc_person_link(struct mc_ledger *l, struct mc_str user, struct mc_str other, struct mc_error *e) {
    enum mc_err err = mc_ledger_writable(l, e);
    if (err != MC_OK || !is_id(user) || !is_id(other))
        return err;
    uint64_t hash;
    struct mc_str a = mc_person_of(l, mc_hash64(user.data, user.len), user, &hash);
    struct mc_str b = mc_person_of(l, mc_hash64(other.data, other.len), other, &hash);
    int order = mc_str_compare(a, b);
    if (order == 0)
        return MC_OK;
    l->people++;
    struct mc_arena arena = {0};
    struct mc_str from, to; /* copies: names move when the table of persons grows */
    if (mc_arena_copy(&arena, order < 0 ? b : a, &from) && mc_arena_copy(&arena, order < 0 ? a : b, &to))
        err = link_persons(l, user, other, from, to, e);
    else
        err = mc_ledger_no_memory(l, e);
    mc_arena_free(&arena);
    return err;
}

/* ---- suppressions ---- */

/* Whether there is one that says as much. */
static enum mc_err suppressed_already(struct mc_ledger *l, struct mc_str email, enum mc_suppression_reason reason,
                                      bool *there, bool *enough, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, MC_SQL_SUPPRESSION_GET, e);
    if (s == NULL)
        return l->last_error;
    mc_bind_str(s, 1, email);
    enum mc_err err = mc_sql_step(l, MC_SQL_SUPPRESSION_GET, there, e);
    *enough = err == MC_OK && *there && (sqlite3_column_int(s, 0) != MC_BOUNCED || reason == MC_BOUNCED);
    mc_sql_reset(l, MC_SQL_SUPPRESSION_GET);
    return err;
}

enum mc_err mc_suppression_put(struct mc_ledger *l, struct mc_str email, enum mc_suppression_reason reason,
                               struct mc_wall at, const char **refused, struct mc_error *e) {
    bool there = false, enough = false;
    sqlite3_stmt *s = writing(l, MC_SQL_SUPPRESSION_PUT, e);
    if (s == NULL)
        return l->last_error;
    *refused = mc_email_is_valid(email) ? NULL : "not a valid e-mail address";
    if (*refused != NULL)
        return MC_OK;
    enum mc_err err = suppressed_already(l, email, reason, &there, &enough, e);
    if (err != MC_OK || enough)
        return err;
    mc_bind_str(s, 1, email);
    sqlite3_bind_int(s, 2, (int)reason);
    sqlite3_bind_int64(s, 3, at.us);
    mc_totals_add(l, MC_TOTAL_SUPPRESSIONS, !there);
    l->people++;
    return mc_sql_run(l, MC_SQL_SUPPRESSION_PUT, e);
}

/* ---- catalogue, coupons ---- */

static const char *catalogue_fault(const struct mc_catalogue_entry *c) {
    if (!is_id(c->product))
        return "no product_id, or not one of 1 to 128 bytes of UTF-8";
    if (!mc_text_is_line(c->name, MC_NAME_BYTES_MAX))
        return "name has control characters, is not UTF-8 or is too long";
    if (c->image_url.len > 0 && !mc_url_is_valid(c->image_url))
        return "image_url is not an http or https link";
    if (c->url.len > 0 && !mc_url_is_valid(c->url))
        return "url is not an http or https link";
    return NULL;
}

enum mc_err mc_catalogue_put(struct mc_ledger *l, const struct mc_catalogue_entry *entry, const char **refused,
                             struct mc_error *e) {
    bool there = false;
    sqlite3_stmt *s = writing(l, MC_SQL_CATALOGUE_PUT, e);
    if (s == NULL)
        return l->last_error;
    *refused = catalogue_fault(entry);
    if (*refused != NULL)
        return MC_OK;
    enum mc_err err = exists(l, MC_SQL_CATALOGUE_GET, entry->product, &there, e);
    if (err != MC_OK)
        return err;
    mc_bind_str(s, 1, entry->product);
    mc_bind_str(s, 2, entry->name);
    mc_bind_str(s, 3, entry->image_url);
    mc_bind_str(s, 4, entry->url);
    mc_totals_add(l, MC_TOTAL_CATALOGUE, !there);
    return mc_sql_run(l, MC_SQL_CATALOGUE_PUT, e);
}

static const char *coupon_fault(struct mc_str code, struct mc_str campaign) {
    if (code.len == 0 || code.len > MC_COUPON_BYTES_MAX)
        return "no code, or longer than 64 bytes";
    for (size_t i = 0; i < code.len; i++)
        if (code.data[i] <= ' ' || code.data[i] > '~')
            return "the code is not printable ASCII without spaces";
    return mc_text_is_line(campaign, MC_POLICY_NAME_MAX - 1) ? NULL : "the campaign is not a short text";
}

enum mc_err mc_coupon_put(struct mc_ledger *l, struct mc_str code, struct mc_str campaign, struct mc_time expires_at,
                          const char **refused, struct mc_error *e) {
    sqlite3_stmt *s = writing(l, MC_SQL_COUPON_PUT, e);
    if (s == NULL)
        return l->last_error;
    *refused = coupon_fault(code, campaign);
    if (*refused != NULL)
        return MC_OK;
    mc_bind_str(s, 1, code);
    mc_bind_str(s, 2, campaign);
    sqlite3_bind_int64(s, 3, mc_time_is_none(expires_at) ? INT64_MAX : expires_at.us);
    enum mc_err err = mc_sql_run(l, MC_SQL_COUPON_PUT, e);
    if (err == MC_OK && sqlite3_changes(l->db) == 0)
        *refused = "already in the pool";
    else if (err == MC_OK)
        mc_totals_add(l, MC_TOTAL_COUPONS_FREE, 1);
    return err;
}

/* MaxCart's own shape: one object of named fields an event (SEMANTICS 1), identify, alias. */
#include "event/json_calls.h"

const char *const mc_json_native_messages[MC_REASONS] = {
    [MC_MALFORMED_ROW] = "send a JSON object whose fields are strings or numbers, UTF-8, without NUL",
    [MC_BAD_TIME] = "event_time must be UTC like 2026-11-24T15:20:11Z, or epoch milliseconds of 13 digits",
    [MC_UNKNOWN_TYPE] = "event_type must be view, cart, remove_from_cart or purchase",
    [MC_MISSING_PRODUCT] = "product_id is missing",
    [MC_MISSING_USER] = "user_id is missing",
    [MC_MISSING_SESSION] = "user_session is missing: an id that stays the same for one visit",
    [MC_TOO_LONG] = "product_id, user_id and user_session have at most 128 bytes, other texts 256",
    [MC_BAD_PRICE] = "price must be a number such as 12.50, at most 10000000000",
    [MC_MISSING_PRICE] = "a cart or purchase event needs its price",
    [MC_NEGATIVE_PRICE] = "price must not be below zero",
    [MC_BAD_QUANTITY] = "quantity must be a whole number from 1 to 1000000",
    [MC_BAD_CURRENCY] = "currency must be the store's: convert the price, or leave currency out",
};

static const char too_deep[] = "the object is nested too deeply: at most 32 brackets within each other";

/* Names beside those of the columns. */
enum { EXTRA_TYPE, EXTRA_TRAITS, EXTRA_PREVIOUS_ID, EXTRA_WRITE_KEY, EXTRAS };
enum { KEY_EXTRA = MC_COLUMNS, KEY_UNKNOWN = KEY_EXTRA + EXTRAS };

/* An object's fields as they come: the last of a name counts. One bit a column. */
struct native {
    struct mc_fields fields;
    uint32_t wrong;   /* of a type that is no text */
    uint32_t escaped; /* with escapes that are to be resolved */
    uint32_t numbers;
    bool edges; /* some text begins or ends with white space, or another byte below it */
    bool has_extras;
    struct mc_json_value extra[EXTRAS];
};

/* The key of known length is this name, of 4 to 16 bytes: two words that overlap. */
MC_INLINED bool is(const char *key, const char *name, size_t len) {
    uint64_t a, b, c, d;
    uint32_t e, f, g, h;
    if (len < sizeof a) {
        memcpy(&e, key, sizeof e);
        memcpy(&f, name, sizeof f);
        memcpy(&g, key + len - sizeof g, sizeof g);
        memcpy(&h, name + len - sizeof h, sizeof h);
        return ((e ^ f) | (g ^ h)) == 0;
    }
    memcpy(&a, key, sizeof a);
    memcpy(&b, name, sizeof b);
    memcpy(&c, key + len - sizeof c, sizeof c);
    memcpy(&d, name + len - sizeof d, sizeof d);
    return ((a ^ b) | (c ^ d)) == 0;
}

/* By length first: then a comparison of known size or two tell. */
static inline unsigned key_of(struct mc_str key) {
    const char *k = key.data;
    switch (key.len) {
    case 4:
        return is(k, "type", 4) ? KEY_EXTRA + EXTRA_TYPE : KEY_UNKNOWN;
    case 5:
        return is(k, "price", 5) ? MC_COLUMN_PRICE : is(k, "brand", 5) ? MC_COLUMN_BRAND : KEY_UNKNOWN;
    case 6:
        return is(k, "traits", 6) ? KEY_EXTRA + EXTRA_TRAITS : KEY_UNKNOWN;
    case 7:
        return is(k, "user_id", 7) ? MC_COLUMN_USER_ID : KEY_UNKNOWN;
    case 8:
        return is(k, "quantity", 8)   ? MC_COLUMN_QUANTITY
               : is(k, "currency", 8) ? MC_COLUMN_CURRENCY
               : is(k, "order_id", 8) ? MC_COLUMN_ORDER_ID
               : is(k, "writeKey", 8) ? KEY_EXTRA + EXTRA_WRITE_KEY
                                      : KEY_UNKNOWN;
    case 10:
        return is(k, "event_time", 10)   ? MC_COLUMN_EVENT_TIME
               : is(k, "event_type", 10) ? MC_COLUMN_EVENT_TYPE
               : is(k, "product_id", 10) ? MC_COLUMN_PRODUCT_ID
               : is(k, "message_id", 10) ? MC_COLUMN_MESSAGE_ID
                                         : KEY_UNKNOWN;
    case 11:
        return is(k, "category_id", 11)   ? MC_COLUMN_CATEGORY_ID
               : is(k, "previous_id", 11) ? KEY_EXTRA + EXTRA_PREVIOUS_ID
                                          : KEY_UNKNOWN;
    case 12:
        return is(k, "user_session", 12) ? MC_COLUMN_USER_SESSION : KEY_UNKNOWN;
    case 13:
        return is(k, "category_code", 13) ? MC_COLUMN_CATEGORY_CODE : KEY_UNKNOWN;
    default:
        return KEY_UNKNOWN;
    }
}

static void set_odd_column(struct native *n, unsigned column, const struct mc_json_value *v) {
    uint32_t bit = 1U << column;
    bool is_text = v->kind == MC_JSON_NUMBER || v->kind == MC_JSON_STRING;
    n->fields.of[column] = is_text ? v->raw : (struct mc_slice){0};
    n->wrong = (n->wrong & ~bit) | (is_text || v->kind == MC_JSON_ABSENT ? 0 : bit);
    n->escaped = (n->escaped & ~bit) | (v->escaped ? bit : 0);
    n->numbers = (n->numbers & ~bit) | (v->kind == MC_JSON_NUMBER ? bit : 0);
}

/* A string without escapes or a number, the first of its name, as nearly always; all else is odd. */
MC_INLINED void set_column(struct native *n, unsigned column, const struct mc_json_value *v, const char *bytes) {
    bool is_string = v->kind == MC_JSON_STRING, is_odd = (n->wrong | n->escaped | n->numbers) >> column & 1;
    if ((!is_string && v->kind != MC_JSON_NUMBER) || v->escaped || is_odd) {
        set_odd_column(n, column, v);
        n->edges = true;
        return;
    }
    n->fields.of[column] = v->raw;
    if (is_string) /* of an empty one these are its quotes */
        n->edges |=
            (unsigned char)bytes[v->raw.offset] <= ' ' || (unsigned char)bytes[v->raw.offset + v->raw.len - 1] <= ' ';
    else
        n->numbers |= 1U << column;
}

static bool take_object(struct mc_json_walk *w, struct native *n) {
    struct mc_str key;
    struct mc_json_value v;
    enum mc_json_step step;
    w->at++;
    for (bool first = true; (step = mc_json_next_member(w, first, &key, &v)) == MC_JSON_MEMBER; first = false) {
        unsigned k = key_of(key);
        if (k < MC_COLUMNS) {
            set_column(n, k, &v, mc_json_bytes(w));
        } else if (k < KEY_UNKNOWN) {
            n->extra[k - KEY_EXTRA] = v;
            n->has_extras = true;
        }
    }
    return step == MC_JSON_END;
}

/* Escapes resolved; what is no text then is of a wrong type. */
static void resolve(struct mc_json_text *text, struct native *n) {
    for (unsigned c = 0; c < MC_COLUMNS; c++)
        if (n->escaped >> c & 1) {
            struct mc_json_value v = {.kind = MC_JSON_STRING, .escaped = true, .raw = n->fields.of[c]};
            n->wrong |= mc_json_value_text(text, &v, &n->fields.of[c]) ? 0 : 1U << c;
        }
    n->escaped = 0;
}

/* A column as a value again, for what goes by values. */
static struct mc_json_value column_value(const struct native *n, enum mc_column column) {
    uint32_t bit = 1U << column;
    bool is_absent = n->fields.of[column].len == 0;
    enum mc_json_kind kind = n->wrong & bit ? MC_JSON_ARRAY : is_absent ? MC_JSON_ABSENT : MC_JSON_STRING;
    return (struct mc_json_value){.kind = (uint8_t)kind, .raw = n->fields.of[column]};
}

/* ---- persons ---- */

static bool is_name(struct mc_json_text *text, struct mc_slice s, struct mc_str name) {
    return mc_str_equal_nocase(mc_slice_str(text->bytes->data, mc_slice_trim(text->bytes->data, s)), name);
}

static bool find_traits(struct mc_json_walk *w, const struct mc_json_value *object, struct mc_json_traits *t) {
    if (object->kind == MC_JSON_ABSENT)
        return true;
    if (object->kind != MC_JSON_OBJECT)
        return false;
    struct mc_json_walk in = mc_json_enter(w, object);
    struct mc_str key;
    struct mc_json_value v;
    for (bool first = true; mc_json_next_member(&in, first, &key, &v) == MC_JSON_MEMBER; first = false) {
        struct mc_json_value *place = mc_str_equal(key, MC_STR("email"))        ? &t->email
                                      : mc_str_equal(key, MC_STR("first_name")) ? &t->first_name
                                      : mc_str_equal(key, MC_STR("language"))   ? &t->language
                                      : mc_str_equal(key, MC_STR("time_zone"))  ? &t->time_zone
                                      : mc_str_equal(key, MC_STR("consent"))    ? &t->consent
                                                                                : NULL;
        if (place != NULL)
            *place = v;
    }
    return true;
}

static void add_person(struct mc_json_decoder *d, struct mc_json_walk *w, const struct native *n, bool is_alias) {
    struct mc_person_call p = {.is_alias = is_alias};
    struct mc_json_traits traits = {0};
    struct mc_json_value user = column_value(n, MC_COLUMN_USER_ID);
    bool good = mc_json_trimmed_text(&d->text, &user, &p.user);
    if (is_alias)
        good = good && mc_json_trimmed_text(&d->text, &n->extra[EXTRA_PREVIOUS_ID], &p.other);
    else
        good = good && find_traits(w, &n->extra[EXTRA_TRAITS], &traits) && mc_json_take_traits(&d->text, &traits, &p);
    if (!d->rights.persons || (good && !d->text.deep))
        mc_json_add_person(d, &p);
    else
        mc_json_refuse_person(d, "bad_person",
                              "user_id and previous_id are strings or numbers, traits an object of strings, consent "
                              "true, false, yes or no");
}

enum role { AN_EVENT, AN_IDENTIFY, AN_ALIAS, NOT_OURS };

/* What kind of call "type" names; an event where it names none of ours. */
static enum role role_of_type(struct mc_json_text *text, const struct mc_json_value *type) {
    struct mc_slice s;
    if (!mc_json_value_text(text, type, &s))
        return AN_EVENT;
    return is_name(text, s, MC_STR("identify")) ? AN_IDENTIFY
           : is_name(text, s, MC_STR("alias"))  ? AN_ALIAS
           : is_name(text, s, MC_STR("page")) || is_name(text, s, MC_STR("screen")) || is_name(text, s, MC_STR("group"))
               ? NOT_OURS
               : AN_EVENT;
}

static enum role role_of(struct mc_json_decoder *d, const struct native *n) {
    struct mc_slice type = n->fields.of[MC_COLUMN_EVENT_TYPE];
    if (n->wrong >> MC_COLUMN_EVENT_TYPE & 1)
        return AN_EVENT;
    if (type.len == 0)
        return n->has_extras ? role_of_type(&d->text, &n->extra[EXTRA_TYPE]) : AN_EVENT;
    char first = (char)(d->text.bytes->data[type.offset] | 0x20);
    if (!n->edges && first != 'i' && first != 'a')
        return AN_EVENT;
    return is_name(&d->text, type, MC_STR("identify")) ? AN_IDENTIFY
           : is_name(&d->text, type, MC_STR("alias"))  ? AN_ALIAS
                                                       : AN_EVENT;
}

/* ---- events ---- */

static void add_row(struct mc_json_decoder *d, struct native *n, struct mc_slice raw) {
    struct mc_event *ev = mc_json_new_event(d);
    if (ev == NULL)
        return;
    if (n->wrong != 0 || d->text.deep) {
        mc_json_add_reject(d, raw, MC_MALFORMED_ROW, d->text.deep ? too_deep : NULL);
        return;
    }
    if (n->numbers >> MC_COLUMN_QUANTITY & 1)
        mc_json_quantity(&d->text, &n->fields.of[MC_COLUMN_QUANTITY]);
    const char *bytes = d->text.bytes->data;
    mc_fields_trim(bytes, &n->fields, n->edges);
    enum mc_reason reason = mc_fields_check(&d->checks, bytes, &n->fields, ev);
    if (reason == MC_ACCEPTED)
        mc_json_add_event(d, raw, ev);
    else
        mc_json_add_reject(d, raw, reason, NULL);
}

static void note_write_key(struct mc_json_decoder *d, const struct native *n) {
    if (d->calls->call_count == 1)
        (void)mc_json_trimmed_text(&d->text, &n->extra[EXTRA_WRITE_KEY], &d->calls->write_key);
}

bool mc_json_native_call(struct mc_json_decoder *d, struct mc_json_walk *w, bool alone) {
    struct native n;
    const uint32_t *from = w->at;
    if (mc_json_peek(w) != '{')
        return false;
    memset(&n, 0, sizeof n);
    d->text.deep = false;
    if (!take_object(w, &n) || (alone && !mc_json_at_end(w)))
        return false;
    if (!mc_json_begin_call(d))
        return true;
    if (n.escaped != 0)
        resolve(&d->text, &n);
    if (n.has_extras)
        note_write_key(d, &n);
    enum role role = role_of(d, &n);
    if (role == AN_EVENT)
        add_row(d, &n, mc_json_since(w, from));
    else if (role == NOT_OURS)
        d->calls->ignored++;
    else
        add_person(d, w, &n, role == AN_ALIAS);
    return true;
}

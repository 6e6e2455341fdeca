/* Segment's HTTP API: the calls of a store's Segment clients, and which of them are events of ours. */
#include "event/json_calls.h"

const char *const mc_json_segment_messages[MC_REASONS] = {
    [MC_MALFORMED_ROW] =
        "the call must be an object with \"type\"; ids and names are strings or numbers, properties an "
        "object, UTF-8, without NUL",
    [MC_BAD_TIME] = "timestamp must be UTC like 2026-11-24T15:20:11.000Z",
    [MC_UNKNOWN_TYPE] = "a track call needs its \"event\"",
    [MC_MISSING_PRODUCT] = "properties need product_id, or sku, or id",
    [MC_MISSING_USER] = "userId and anonymousId are missing: one is needed",
    [MC_MISSING_SESSION] = "userId and anonymousId are missing: one is needed",
    [MC_TOO_LONG] = "product_id, userId and anonymousId have at most 128 bytes, other texts 256",
    [MC_BAD_PRICE] = "price must be a number such as 12.50, at most 10000000000",
    [MC_MISSING_PRICE] = "Product Added and each product of Order Completed need a price",
    [MC_NEGATIVE_PRICE] = "price must not be below zero",
    [MC_BAD_QUANTITY] = "quantity must be a whole number from 1 to 1000000",
    [MC_BAD_CURRENCY] = "currency must be the store's: convert the price, or leave currency out",
};

/* ---- an object's members by name ---- */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define NAME(literal)                                                                                                  \
    { literal, sizeof literal - 1 }

enum { NONE = 255 };

/* The names that are looked for in one kind of object; a value stands where its name does. */
struct names {
    const struct mc_str *of;
    unsigned count;
    unsigned unchecked; /* an array of this name is passed over by its brackets: it is read later, all of it */
};

static inline unsigned find_name(const struct names *names, struct mc_str key) {
    for (unsigned i = 0; i < names->count; i++)
        if (mc_str_equal(key, names->of[i]))
            return i;
    return NONE;
}

/* The last member of each name; what is not there stays as it is. False: broken. */
static bool find_members(struct mc_json_walk *w, const struct names *names, struct mc_json_value *values) {
    struct mc_str key;
    struct mc_json_value v;
    enum mc_json_step step;
    for (bool first = true; (step = mc_json_next_key(w, first, &key)) == MC_JSON_MEMBER; first = false) {
        unsigned i = find_name(names, key);
        bool is_unchecked = i == names->unchecked && i != NONE;
        if (is_unchecked && values[i].kind != MC_JSON_ABSENT)
            return false; /* twice: the first would never be read */
        if (is_unchecked && mc_json_peek(w) == '[') {
            v = (struct mc_json_value){.kind = MC_JSON_ARRAY, .from = w->at};
            if (!mc_json_skip_unchecked(w))
                return false;
        } else if (!mc_json_take(w, &v)) {
            return false;
        }
        if (i != NONE)
            values[i] = v;
    }
    return step == MC_JSON_END;
}

/* The same of a member that was read before; nothing when it is absent, false when it is no object. */
static bool find_within(const struct mc_json_walk *w, const struct mc_json_value *object, const struct names *names,
                        struct mc_json_value *values) {
    if (object->kind == MC_JSON_ABSENT)
        return true;
    struct mc_json_walk in = mc_json_enter(w, object);
    return object->kind == MC_JSON_OBJECT && find_members(&in, names, values);
}

enum call_value {
    TYPE,
    EVENT,
    USER_ID,
    ANONYMOUS_ID,
    PREVIOUS_ID,
    MESSAGE_ID,
    TIMESTAMP,
    ORIGINAL_TIMESTAMP,
    SENT_AT,
    PROPERTIES,
    TRAITS,
    CONTEXT,
    BATCH, /* this and the next of a body only */
    WRITE_KEY,
    CALL_VALUES
};

static const struct mc_str call_names[CALL_VALUES] = {
    NAME("type"),       NAME("event"),      NAME("userId"),    NAME("anonymousId"),
    NAME("previousId"), NAME("messageId"),  NAME("timestamp"), NAME("originalTimestamp"),
    NAME("sentAt"),     NAME("properties"), NAME("traits"),    NAME("context"),
    NAME("batch"),      NAME("writeKey")};
static const struct names names_of_body = {call_names, CALL_VALUES, BATCH}, names_of_call = {call_names, BATCH, NONE};

struct call {
    struct mc_slice raw;
    struct mc_json_value of[CALL_VALUES];
};

static struct mc_str str_of(const struct mc_json_decoder *d, struct mc_slice s) {
    return mc_slice_str(d->text.bytes->data, s);
}

/* The first of two texts that is not empty. False: that one is no text. */
static bool first_text(struct mc_json_decoder *d, const struct mc_json_value *a, const struct mc_json_value *b,
                       struct mc_slice *out) {
    return mc_json_trimmed_text(&d->text, a, out) && (out->len > 0 || mc_json_trimmed_text(&d->text, b, out));
}

/* A value that many calls share is resolved once: what it costs must not be multiplied. */
static void settle(struct mc_json_decoder *d, struct mc_json_value *v) {
    if (!v->escaped)
        return;
    struct mc_slice text;
    bool good = mc_json_value_text(&d->text, v, &text);
    v->raw = text;
    v->kind = good ? MC_JSON_STRING : MC_JSON_ARRAY;
    v->escaped = false;
}

/* ---- when ---- */

/* The event's time by our clock: a client whose clock is wrong is wrong by as much when it sends. */
static enum mc_reason find_time(struct mc_json_decoder *d, const struct call *c, struct mc_time *out) {
    struct mc_slice text, sent_text;
    struct mc_time sent;
    *out = d->arrived_at;
    if (!first_text(d, &c->of[TIMESTAMP], &c->of[ORIGINAL_TIMESTAMP], &text))
        return MC_MALFORMED_ROW;
    if (text.len == 0)
        return MC_ACCEPTED;
    if (!mc_check_time(&d->checks, str_of(d, text), out))
        return MC_BAD_TIME;
    if (mc_json_trimmed_text(&d->text, &c->of[SENT_AT], &sent_text) && mc_time_parse(str_of(d, sent_text), &sent))
        out->us += d->arrived_at.us - sent.us;
    return out->us >= MC_TIME_MIN_US && out->us < MC_TIME_END_US ? MC_ACCEPTED : MC_BAD_TIME;
}

/* ---- track ---- */

/* Of the e-commerce spec, version 2 and, below, 1. */
static const struct {
    struct mc_str name;
    uint8_t type;
} event_names[] = {{{"Product Viewed", 14}, MC_VIEW},
                   {{"Product Added", 13}, MC_CART},
                   {{"Product Removed", 15}, MC_REMOVE_FROM_CART},
                   {{"Order Completed", 15}, MC_PURCHASE},
                   {{"Viewed Product", 14}, MC_VIEW},
                   {{"Added Product", 13}, MC_CART},
                   {{"Removed Product", 15}, MC_REMOVE_FROM_CART},
                   {{"Completed Order", 15}, MC_PURCHASE}};

static bool is_ours(struct mc_str name, uint8_t *type) {
    for (size_t i = 0; i < COUNT_OF(event_names); i++)
        if (mc_str_equal_nocase(name, event_names[i].name)) {
            *type = event_names[i].type;
            return true;
        }
    return false;
}

/* What the rows of one call share. */
struct track {
    const struct call *call;
    struct mc_event event; /* time and type */
    struct mc_slice user, message_id, order_id, currency;
    enum mc_reason time_fault; /* MC_ACCEPTED: none */
    bool was_rejected;         /* a row of it: later ones are kept by their product's text alone */
};

enum product_value {
    PRODUCT_ID,
    SKU,
    ID,
    CATEGORY,
    BRAND,
    PRICE,
    QUANTITY,
    CURRENCY,
    ORDER_ID, /* this and the next of an order's properties only */
    PRODUCTS,
    PRODUCT_VALUES
};

static const struct mc_str product_names[PRODUCT_VALUES] = {
    NAME("product_id"), NAME("sku"),      NAME("id"),       NAME("category"), NAME("brand"),
    NAME("price"),      NAME("quantity"), NAME("currency"), NAME("order_id"), NAME("products")};
static const struct names names_of_product = {product_names, PRODUCT_VALUES, NONE};

struct product {
    struct mc_json_value of[PRODUCT_VALUES];
};

static bool find_product(const struct mc_json_walk *w, const struct mc_json_value *object, struct product *p) {
    return find_within(w, object, &names_of_product, p->of);
}

static void reject(struct mc_json_decoder *d, struct track *t, struct mc_slice raw, enum mc_reason reason,
                   const char *message) {
    mc_json_add_reject(d, t->was_rejected ? raw : t->call->raw, reason, message);
    t->was_rejected = true;
}

static bool take_product(struct mc_json_decoder *d, const struct track *t, const struct product *p,
                         struct mc_fields *f) {
    struct mc_slice *of = f->of, *id = &of[MC_COLUMN_PRODUCT_ID];
    *f = (struct mc_fields){0};
    of[MC_COLUMN_USER_ID] = of[MC_COLUMN_USER_SESSION] = t->user;
    of[MC_COLUMN_ORDER_ID] = t->order_id;
    of[MC_COLUMN_MESSAGE_ID] = t->message_id;
    of[MC_COLUMN_CURRENCY] = t->currency;
    if (!first_text(d, &p->of[PRODUCT_ID], &p->of[SKU], id) ||
        (id->len == 0 && !mc_json_trimmed_text(&d->text, &p->of[ID], id)) ||
        !mc_json_trimmed_text(&d->text, &p->of[CATEGORY], &of[MC_COLUMN_CATEGORY_CODE]) ||
        !mc_json_trimmed_text(&d->text, &p->of[BRAND], &of[MC_COLUMN_BRAND]) ||
        !mc_json_trimmed_text(&d->text, &p->of[PRICE], &of[MC_COLUMN_PRICE]) ||
        !mc_json_trimmed_text(&d->text, &p->of[QUANTITY], &of[MC_COLUMN_QUANTITY]))
        return false;
    if (p->of[CURRENCY].kind != MC_JSON_ABSENT &&
        !mc_json_trimmed_text(&d->text, &p->of[CURRENCY], &of[MC_COLUMN_CURRENCY]))
        return false;
    if (p->of[QUANTITY].kind == MC_JSON_NUMBER)
        mc_json_quantity(&d->text, &of[MC_COLUMN_QUANTITY]);
    return true;
}

/* "messageId/row": each row of a call is its own. One that is too long already is left, to be refused. */
static struct mc_slice row_message_id(struct mc_json_text *text, struct mc_slice id, int64_t row) {
    struct mc_buf *b = text->bytes;
    if (id.len == 0 || id.len > MC_TEXT_BYTES_MAX)
        return id;
    struct mc_slice out = {(uint32_t)b->len, 0};
    if (mc_buf_reserve(b, id.len + 24) == NULL) {
        text->no_memory = true;
        return out;
    }
    mc_buf_append(b, b->data + id.offset, id.len);
    mc_buf_char(b, '/');
    mc_buf_int(b, row);
    out.len = (uint32_t)b->len - out.offset;
    return out;
}

/* One product, one row. `row` of an order tells its message id from those of the others; -1: the only one. */
static void add_row(struct mc_json_decoder *d, struct track *t, const struct product *p, struct mc_slice raw,
                    int64_t row) {
    struct mc_fields f;
    struct mc_event *ev = mc_json_new_event(d);
    if (ev == NULL)
        return;
    if (!take_product(d, t, p, &f)) {
        reject(d, t, raw, MC_MALFORMED_ROW, NULL);
        return;
    }
    if (row >= 0)
        f.of[MC_COLUMN_MESSAGE_ID] = row_message_id(&d->text, t->message_id, row);
    ev->time = t->event.time;
    ev->type = t->event.type;
    enum mc_reason reason =
        t->time_fault ? t->time_fault : mc_fields_check_values(&d->checks, d->text.bytes->data, &f, ev);
    if (reason == MC_ACCEPTED)
        mc_json_add_event(d, t->call->raw, ev);
    else
        reject(d, t, raw, reason, NULL);
}

static const char too_many_products[] = "an order has at most 1000 products: send several calls";
static const char too_deep[] = "the call is nested too deeply: at most 32 brackets within each other";

/* Whether an array has more than MC_JSON_PRODUCTS_MAX elements; one is at least "1,". */
static bool is_too_many(const struct mc_json_walk *w, const struct mc_json_value *array) {
    struct mc_json_walk in = mc_json_enter(w, array);
    struct mc_json_value v;
    uint32_t count = 0;
    if (array->raw.len <= 2 * MC_JSON_PRODUCTS_MAX)
        return false;
    while (count <= MC_JSON_PRODUCTS_MAX && mc_json_next_element(&in, count == 0, &v) == MC_JSON_MEMBER)
        count++;
    return count > MC_JSON_PRODUCTS_MAX;
}

static void add_order(struct mc_json_decoder *d, const struct mc_json_walk *w, struct track *t,
                      const struct mc_json_value *products) {
    bool is_array = products->kind == MC_JSON_ARRAY;
    if (is_array ? is_too_many(w, products) : products->kind != MC_JSON_ABSENT) {
        reject(d, t, t->call->raw, MC_MALFORMED_ROW, is_array ? too_many_products : "products must be an array");
        return;
    }
    struct mc_json_walk in = is_array ? mc_json_enter(w, products) : *w;
    struct mc_json_value v;
    int64_t row = 0;
    while (is_array && d->err == MC_OK && mc_json_next_element(&in, row == 0, &v) == MC_JSON_MEMBER) {
        struct product p = {0};
        if (find_product(w, &v, &p) && v.kind == MC_JSON_OBJECT)
            add_row(d, t, &p, v.raw, row);
        else
            reject(d, t, v.raw, MC_MALFORMED_ROW, "each of products must be an object");
        row++;
    }
    if (row == 0)
        reject(d, t, t->call->raw, t->time_fault ? t->time_fault : MC_MISSING_PRODUCT,
               t->time_fault ? NULL : "Order Completed needs its products: an array of objects");
}

/* The ids and properties that all rows share. False: of a wrong type. */
static bool take_shared(struct mc_json_decoder *d, const struct mc_json_walk *w, struct track *t, struct product *p) {
    const struct call *c = t->call;
    t->time_fault = find_time(d, c, &t->event.time);
    return t->time_fault != MC_MALFORMED_ROW && first_text(d, &c->of[USER_ID], &c->of[ANONYMOUS_ID], &t->user) &&
           mc_json_trimmed_text(&d->text, &c->of[MESSAGE_ID], &t->message_id) &&
           find_product(w, &c->of[PROPERTIES], p) && mc_json_trimmed_text(&d->text, &p->of[ORDER_ID], &t->order_id) &&
           mc_json_trimmed_text(&d->text, &p->of[CURRENCY], &t->currency);
}

static void decode_track(struct mc_json_decoder *d, const struct mc_json_walk *w, const struct call *c) {
    struct track t = {.call = c};
    struct product p = {0};
    struct mc_slice name;
    bool is_text = mc_json_trimmed_text(&d->text, &c->of[EVENT], &name);
    if (is_text && name.len > 0 && !is_ours(str_of(d, name), &t.event.type))
        d->calls->ignored++;
    else if (!is_text || d->text.deep || !take_shared(d, w, &t, &p))
        reject(d, &t, c->raw, MC_MALFORMED_ROW, d->text.deep ? too_deep : NULL);
    else if (name.len == 0)
        reject(d, &t, c->raw, t.time_fault ? t.time_fault : MC_UNKNOWN_TYPE, NULL);
    else if (t.event.type == MC_PURCHASE)
        add_order(d, w, &t, &p.of[PRODUCTS]);
    else
        add_row(d, &t, &p, c->raw, -1);
}

/* ---- persons ---- */

enum place_value { LOCALE, TIMEZONE, PLACE_VALUES };

static const struct mc_str place_names[PLACE_VALUES] = {NAME("locale"), NAME("timezone")};
static const struct names names_of_place = {place_names, PLACE_VALUES, NONE};

/* What a context tells of a person. */
struct place {
    struct mc_json_value of[PLACE_VALUES];
};

enum trait_value {
    EMAIL,
    FIRST_NAME,
    FIRST_NAME_2,
    LANGUAGE,
    TIME_ZONE,
    TIME_ZONE_2,
    CONSENT,
    CONSENT_2,
    TRAIT_VALUES
};

static const struct mc_str trait_names[TRAIT_VALUES] = {NAME("email"),    NAME("first_name"),       NAME("firstName"),
                                                        NAME("language"), NAME("time_zone"),        NAME("timezone"),
                                                        NAME("consent"),  NAME("marketing_consent")};
static const struct names names_of_traits = {trait_names, TRAIT_VALUES, NONE};

static void default_to(struct mc_json_value *v, const struct mc_json_value *other) {
    if (v->kind == MC_JSON_ABSENT)
        *v = *other;
}

/* Traits by our names and by those that clients use; what they do not say, the context of the call or body says. */
static bool take_traits(struct mc_json_decoder *d, const struct mc_json_walk *w, const struct call *c,
                        const struct place *shared, struct mc_person_call *person) {
    struct mc_json_value v[TRAIT_VALUES] = {{0}};
    struct place own = {0};
    if (!find_within(w, &c->of[TRAITS], &names_of_traits, v) ||
        !find_within(w, &c->of[CONTEXT], &names_of_place, own.of))
        return false;
    default_to(&own.of[LOCALE], &shared->of[LOCALE]);
    default_to(&own.of[TIMEZONE], &shared->of[TIMEZONE]);
    default_to(&v[FIRST_NAME], &v[FIRST_NAME_2]);
    default_to(&v[LANGUAGE], &own.of[LOCALE]);
    default_to(&v[TIME_ZONE], &v[TIME_ZONE_2]);
    default_to(&v[TIME_ZONE], &own.of[TIMEZONE]);
    default_to(&v[CONSENT], &v[CONSENT_2]);
    const struct mc_json_traits t = {v[EMAIL], v[FIRST_NAME], v[LANGUAGE], v[TIME_ZONE], v[CONSENT]};
    return mc_json_take_traits(&d->text, &t, person);
}

/* Of an identify the user may go by the anonymous id alone; with both ids the two are linked. */
static bool take_person(struct mc_json_decoder *d, const struct mc_json_walk *w, const struct call *c,
                        const struct place *shared, struct mc_person_call *p) {
    const struct mc_json_value *other = p->is_alias ? &c->of[PREVIOUS_ID] : &c->of[ANONYMOUS_ID];
    if (!mc_json_trimmed_text(&d->text, &c->of[USER_ID], &p->user) ||
        !mc_json_trimmed_text(&d->text, other, &p->other) || (!p->is_alias && !take_traits(d, w, c, shared, p)))
        return false;
    if (!p->is_alias && (p->user.len == 0 || mc_str_equal(str_of(d, p->user), str_of(d, p->other)))) {
        p->user = p->other;
        p->other.len = 0;
    }
    return true;
}

static void decode_person(struct mc_json_decoder *d, const struct mc_json_walk *w, const struct call *c,
                          const struct place *shared, bool is_alias) {
    struct mc_person_call p = {.is_alias = is_alias};
    if (!d->rights.persons || (!d->text.deep && take_person(d, w, c, shared, &p)))
        mc_json_add_person(d, &p);
    else
        mc_json_refuse_person(
            d, "bad_person", "ids are strings or numbers, traits an object of strings, consent true, false, yes or no");
}

/* ---- calls ---- */

static void decode_call(struct mc_json_decoder *d, const struct mc_json_walk *w, const struct call *c,
                        const struct place *shared) {
    struct track none = {.call = c};
    struct mc_slice text;
    bool is_text = mc_json_trimmed_text(&d->text, &c->of[TYPE], &text);
    struct mc_str type = str_of(d, text);
    if (!is_text || (type.len == 0 && c->of[EVENT].kind == MC_JSON_ABSENT))
        reject(d, &none, c->raw, MC_MALFORMED_ROW, NULL);
    else if (type.len == 0 || mc_str_equal_nocase(type, MC_STR("track")))
        decode_track(d, w, c);
    else if (mc_str_equal_nocase(type, MC_STR("identify")))
        decode_person(d, w, c, shared, false);
    else if (mc_str_equal_nocase(type, MC_STR("alias")))
        decode_person(d, w, c, shared, true);
    else
        d->calls->ignored++;
}

/* An element of a batch, the walk at its first token. False: broken. */
static bool decode_element(struct mc_json_decoder *d, struct mc_json_walk *w, const struct call *body,
                           const struct place *shared) {
    struct call c = {0};
    struct mc_json_value v;
    const uint32_t *from = w->at;
    bool is_object = mc_json_peek(w) == '{';
    d->text.deep = false;
    w->at += is_object;
    if (is_object ? !find_members(w, &names_of_call, c.of) : !mc_json_take(w, &v))
        return false;
    c.raw = mc_json_since(w, from);
    if (!mc_json_begin_call(d))
        return true;
    default_to(&c.of[SENT_AT], &body->of[SENT_AT]);
    if (is_object)
        decode_call(d, w, &c, shared);
    else
        mc_json_add_reject(d, c.raw, MC_MALFORMED_ROW, NULL);
    return true;
}

static bool decode_batch(struct mc_json_decoder *d, const struct mc_json_walk *w, const struct call *body,
                         const struct place *shared) {
    struct mc_json_walk in = mc_json_enter(w, &body->of[BATCH]);
    for (bool first = true; mc_json_peek(&in) != ']'; first = false) {
        if (!first && mc_json_peek(&in) != ',')
            return false;
        in.at += !first;
        if (!decode_element(d, &in, body, shared))
            return false;
        if (d->err != MC_OK)
            return true;
    }
    return true;
}

bool mc_json_segment_body(struct mc_json_decoder *d, struct mc_json_walk *w) {
    struct call body = {0};
    struct place shared = {0};
    const uint32_t *from = w->at;
    if (mc_json_peek(w) != '{')
        return false;
    w->at++;
    d->text.deep = false;
    if (!find_members(w, &names_of_body, body.of) || !mc_json_at_end(w))
        return false;
    body.raw = mc_json_since(w, from);
    (void)mc_json_trimmed_text(&d->text, &body.of[WRITE_KEY], &d->calls->write_key);
    if (body.of[BATCH].kind == MC_JSON_ABSENT) {
        if (mc_json_begin_call(d))
            decode_call(d, w, &body, &shared);
        return true;
    }
    if (body.of[BATCH].kind != MC_JSON_ARRAY)
        return false;
    (void)find_within(w, &body.of[CONTEXT], &names_of_place, shared.of);
    settle(d, &body.of[SENT_AT]);
    settle(d, &shared.of[LOCALE]);
    settle(d, &shared.of[TIMEZONE]);
    return decode_batch(d, w, &body, &shared);
}

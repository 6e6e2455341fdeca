#include "event/json_calls.h"

#include "base/mem.h"

void mc_calls_free(struct mc_calls *calls) {
    mc_batch_free(&calls->batch);
    mc_free(calls->persons);
    mc_free(calls->refusals);
    *calls = (struct mc_calls){0};
}

/* ---- arrays ---- */

static void no_memory(struct mc_json_decoder *d) {
    d->err = MC_ERR_NOMEM;
}

/* Room for one more of `size` bytes; the array stays as it was when there is none. */
static bool reserve_one(struct mc_json_decoder *d, void *array, uint32_t count, uint32_t *cap, size_t size) {
    void **at = array;
    if (count < *cap)
        return true;
    uint32_t bigger_cap = *cap ? *cap * 2 : 16;
    void *bigger = mc_realloc(*at, bigger_cap * size);
    if (bigger == NULL) {
        no_memory(d);
        return false;
    }
    *at = bigger;
    *cap = bigger_cap;
    return true;
}

static void refuse(struct mc_json_decoder *d, const char *reason, const char *message) {
    struct mc_calls *c = d->calls;
    if (reserve_one(d, &c->refusals, c->refusal_count, &c->refusal_cap, sizeof *c->refusals))
        c->refusals[c->refusal_count++] = (struct mc_call_refusal){c->call_count - 1, reason, message};
}

bool mc_json_begin_call(struct mc_json_decoder *d) {
    if (d->err == MC_OK && (d->calls->call_count == MC_JSON_CALLS_MAX || d->calls->batch.row_count > MC_JSON_CALLS_MAX))
        d->err = MC_ERR_LIMIT;
    if (d->err != MC_OK)
        return false;
    d->calls->call_count++;
    return true;
}

/* ---- rows ---- */

void mc_json_add_reject(struct mc_json_decoder *d, struct mc_slice raw, enum mc_reason reason, const char *message) {
    struct mc_batch *b = &d->calls->batch;
    if (!mc_batch_reserve_reject(b)) {
        no_memory(d);
        return;
    }
    b->rejects[b->reject_count++] = (struct mc_batch_reject){{b->row_count++, raw}, reason};
    refuse(d, mc_reason_names[reason], message ? message : d->messages[reason]);
}

struct mc_event *mc_json_new_event(struct mc_json_decoder *d) {
    struct mc_batch *b = &d->calls->batch;
    if (!mc_batch_reserve_event(b)) {
        no_memory(d);
        return NULL;
    }
    return &b->events[b->event_count];
}

static uint64_t shape_of(const struct mc_event *ev, const char *bytes) {
    uint64_t shape = mc_hash_mix(mc_hash64(bytes + ev->category_id.offset, ev->category_id.len),
                                 mc_hash64(bytes + ev->category_code.offset, ev->category_code.len));
    return mc_hash_mix(shape, mc_hash64(bytes + ev->brand.offset, ev->brand.len));
}

void mc_json_add_event(struct mc_json_decoder *d, struct mc_slice raw, struct mc_event *ev) {
    struct mc_batch *b = &d->calls->batch;
    if (ev->time.us > d->arrived_at.us + MC_JSON_AHEAD_MAX_US) {
        ev->time = d->arrived_at;
        d->calls->time_corrected++;
    }
    ev->clock.us = MC_TIME_NONE_US;
    ev->shape = shape_of(ev, b->bytes.data);
    b->event_rows[b->event_count] = (struct mc_row){b->row_count++, raw};
    b->duplicate[b->event_count++] = 0;
}

/* ---- values ---- */

bool mc_json_trimmed_text(struct mc_json_text *text, const struct mc_json_value *v, struct mc_slice *out) {
    if (!mc_json_value_text(text, v, out))
        return false;
    *out = mc_slice_trim(text->bytes->data, *out);
    return true;
}

enum { QUANTITY_DIGITS_MAX = 7 };

/* The exponent behind a JSON number's mantissa; as many as a body has bytes are enough. */
static int64_t exponent_at(struct mc_str s, size_t i) {
    int64_t exponent = 0;
    bool negative = i + 1 < s.len && s.data[i + 1] == '-';
    for (; i < s.len; i++)
        if (mc_check_digit(s.data[i]) <= 9 && exponent < (int64_t)1 << 32)
            exponent = exponent * 10 + (s.data[i] - '0');
    return negative ? -exponent : exponent;
}

/* The value of a JSON number that is an integer of at most QUANTITY_DIGITS_MAX digits, above 0; else 0. Zeros at the
 * end of the digits go into the scale, so that 2.0, 20e-1 and 2 are one. */
static int64_t integral(struct mc_str s) {
    int64_t value = 0, digits = 0, zeros = 0, fraction = 0;
    size_t i = 0;
    bool point = false;
    for (; i < s.len && (s.data[i] == '.' || mc_check_digit(s.data[i]) <= 9); i++) {
        bool is_point = s.data[i] == '.';
        point |= is_point;
        fraction += point && !is_point;
        if (s.data[i] == '0' && digits > 0)
            zeros++;
        if (is_point || s.data[i] == '0')
            continue;
        digits += zeros + 1;
        if (digits > QUANTITY_DIGITS_MAX)
            return 0;
        for (; zeros > 0; zeros--)
            value *= 10;
        value = value * 10 + (s.data[i] - '0');
    }
    int64_t scale = exponent_at(s, i) - fraction + zeros;
    if (scale < 0 || digits + scale > QUANTITY_DIGITS_MAX)
        return 0;
    for (; scale > 0; scale--)
        value *= 10;
    return value;
}

void mc_json_quantity(struct mc_json_text *text, struct mc_slice *quantity) {
    struct mc_str s = mc_slice_str(text->bytes->data, *quantity);
    size_t i = 0;
    while (i < s.len && mc_check_digit(s.data[i]) <= 9)
        i++;
    int64_t value = i < s.len ? integral(s) : 0;
    if (value == 0)
        return;
    quantity->offset = (uint32_t)text->bytes->len;
    mc_buf_int(text->bytes, value);
    text->no_memory |= text->bytes->failed;
    quantity->len = (uint32_t)text->bytes->len - quantity->offset;
}

/* ---- persons ---- */

void mc_json_refuse_person(struct mc_json_decoder *d, const char *reason, const char *message) {
    refuse(d, reason, message);
}

static bool is_line(struct mc_str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7F)
            return false;
    return s.len <= MC_TEXT_BYTES_MAX;
}

/* Something, one @, something, without spaces: the ledger's own rule is stricter. */
static bool looks_like_email(struct mc_str s) {
    const char *at = s.len ? memchr(s.data, '@', s.len) : NULL;
    return at != NULL && at > s.data && at + 1 < s.data + s.len && memchr(s.data, ' ', s.len) == NULL &&
           memrchr(s.data, '@', s.len) == at && is_line(s);
}

/* What is wrong with it, as reason and message; NULL: nothing. */
static const char *fault_of(const struct mc_json_decoder *d, const struct mc_person_call *p, const char **message) {
    const char *bytes = d->text.bytes->data;
    if (!d->rights.persons) {
        *message = "a browser key must not set addresses, consent or aliases: send this call from your server, with a "
                   "server key";
        return "browser_key";
    }
    if (p->user.len == 0) {
        *message = "say whom this is about: a user id";
        return mc_reason_names[MC_MISSING_USER];
    }
    if (p->user.len > MC_ID_BYTES_MAX || p->other.len > MC_ID_BYTES_MAX) {
        *message = "a user id has at most 128 bytes";
        return mc_reason_names[MC_TOO_LONG];
    }
    if (p->is_alias && p->other.len == 0) {
        *message = "an alias needs the user's previous id too";
        return "bad_person";
    }
    if (p->email.len > 0 && !looks_like_email(mc_slice_str(bytes, p->email))) {
        *message = "email must be one address, as name@example.com";
        return "bad_person";
    }
    *message = "first_name, language and time_zone have at most 256 bytes and no control characters";
    bool good = is_line(mc_slice_str(bytes, p->first_name)) && is_line(mc_slice_str(bytes, p->language)) &&
                is_line(mc_slice_str(bytes, p->time_zone));
    return good ? NULL : "bad_person";
}

void mc_json_add_person(struct mc_json_decoder *d, struct mc_person_call *person) {
    struct mc_calls *c = d->calls;
    const char *message, *reason = fault_of(d, person, &message);
    if (reason != NULL) {
        refuse(d, reason, message);
        return;
    }
    person->before_event = c->batch.event_count;
    person->call = c->call_count - 1;
    if (reserve_one(d, &c->persons, c->person_count, &c->person_cap, sizeof *c->persons))
        c->persons[c->person_count++] = *person;
}

/* true, false, or a word for them in any case; anything else is no consent. */
static bool take_consent(struct mc_json_text *text, const struct mc_json_value *v, int8_t *consent) {
    enum { GIVEN = 1, REFUSED = 2 };
    struct mc_slice slice;
    if (v->kind == MC_JSON_TRUE || v->kind == MC_JSON_FALSE) {
        *consent = v->kind == MC_JSON_TRUE ? GIVEN : REFUSED;
        return true;
    }
    if (!mc_json_trimmed_text(text, v, &slice))
        return false;
    struct mc_str word = mc_slice_str(text->bytes->data, slice);
    if (mc_str_equal_nocase(word, MC_STR("yes")) || mc_str_equal_nocase(word, MC_STR("true")))
        *consent = GIVEN;
    else if (mc_str_equal_nocase(word, MC_STR("no")) || mc_str_equal_nocase(word, MC_STR("false")))
        *consent = REFUSED;
    return word.len == 0 || *consent != 0;
}

bool mc_json_take_traits(struct mc_json_text *text, const struct mc_json_traits *t, struct mc_person_call *person) {
    return mc_json_trimmed_text(text, &t->email, &person->email) &&
           mc_json_trimmed_text(text, &t->first_name, &person->first_name) &&
           mc_json_trimmed_text(text, &t->language, &person->language) &&
           mc_json_trimmed_text(text, &t->time_zone, &person->time_zone) &&
           take_consent(text, &t->consent, &person->consent);
}

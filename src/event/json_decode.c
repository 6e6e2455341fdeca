/* Bodies as a whole: one object, an array, a line each; Segment's; and the errors that concern all of it. */
#include "base/mem.h"
#include "event/json_calls.h"

enum { BODY_BYTES_MAX = 64 << 20 }; /* offsets are 32 bits wide, copies included */

enum mc_err mc_json_decoder_open(struct mc_json_decoder **out, struct mc_error *e) {
    struct mc_json_decoder *d = mc_calloc(1, sizeof *d);
    *out = d;
    if (d != NULL)
        d->scanner = mc_json_scanner_open();
    if (d != NULL && d->scanner != NULL)
        return MC_OK;
    mc_json_decoder_close(out);
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for a JSON decoder");
}

void mc_json_decoder_close(struct mc_json_decoder **d) {
    if (*d == NULL)
        return;
    mc_json_scanner_close((*d)->scanner);
    mc_buf_free(&(*d)->text.nest);
    mc_free(*d);
    *d = NULL;
}

static bool scan(struct mc_json_decoder *d, size_t from, size_t end, struct mc_json_walk *w) {
    *w = (struct mc_json_walk){.text = &d->text, .end = (uint32_t)end};
    enum mc_err err = mc_json_scan(d->scanner, d->text.bytes->data, from, end, &w->at);
    if (err == MC_ERR_NOMEM)
        d->err = err;
    return err == MC_OK;
}

/* ---- a line each ---- */

static size_t skip_space(const char *bytes, size_t from, size_t end) {
    while (from < end && mc_json_is_space(bytes[from]))
        from++;
    return from;
}

static size_t line_end(const char *bytes, size_t from, size_t end) {
    const char *feed = memchr(bytes + from, '\n', end - from);
    return feed ? (size_t)(feed - bytes) : end;
}

static void reject_line(struct mc_json_decoder *d, size_t from, size_t end) {
    const char *bytes = d->text.bytes->data;
    while (end > from && mc_json_is_space(bytes[end - 1]))
        end--;
    if (mc_json_begin_call(d))
        mc_json_add_reject(d, (struct mc_slice){(uint32_t)from, (uint32_t)(end - from)}, MC_MALFORMED_ROW,
                           "this line is no JSON object");
}

static bool is_one_object(struct mc_json_walk w) {
    return mc_json_peek(&w) == '{' && mc_json_skip(&w) && mc_json_at_end(&w);
}

/* A scan that went well: no string goes over a line feed, so each line has the tokens that it would have alone. False:
 * no line is an object. */
static bool decode_scanned_lines(struct mc_json_decoder *d, struct mc_json_walk w) {
    bool any = false;
    while (d->err == MC_OK && !mc_json_at_end(&w)) {
        size_t from = *w.at, end = line_end(d->text.bytes->data, from, w.end);
        struct mc_json_walk line = {w.text, w.at, (uint32_t)end};
        if (mc_json_native_call(d, &line, true)) {
            w.at = line.at;
            any = true;
            continue;
        }
        if (d->calls->call_count == 0 && is_one_object(w)) /* over several lines */
            return mc_json_native_call(d, &w, true);
        reject_line(d, from, end);
        while (*w.at < end)
            w.at++;
    }
    return any;
}

/* When the scan failed somewhere: each line alone, which finds the bad ones. */
static bool decode_lines(struct mc_json_decoder *d, size_t from) {
    size_t len = d->calls->batch.raw_len;
    bool any = false;
    while (d->err == MC_OK && (from = skip_space(d->text.bytes->data, from, len)) < len) {
        size_t end = line_end(d->text.bytes->data, from, len);
        struct mc_json_walk line;
        if (scan(d, from, end, &line) && mc_json_native_call(d, &line, true))
            any = true;
        else if (d->err == MC_OK)
            reject_line(d, from, end);
        from = end;
    }
    return any;
}

/* ---- an array ---- */

static bool decode_array(struct mc_json_decoder *d, struct mc_json_walk w) {
    struct mc_json_value v;
    w.at++;
    for (bool first = true; d->err == MC_OK && mc_json_peek(&w) != ']'; first = false) {
        if (!first && mc_json_peek(&w) != ',')
            return false;
        w.at += !first;
        if (mc_json_peek(&w) == '{') {
            if (!mc_json_native_call(d, &w, false))
                return false;
        } else {
            if (!mc_json_take(&w, &v))
                return false;
            if (mc_json_begin_call(d))
                mc_json_add_reject(d, mc_json_since(&w, v.from), MC_MALFORMED_ROW, "this element is no JSON object");
        }
    }
    w.at++;
    return d->err != MC_OK || mc_json_at_end(&w);
}

/* ---- the body ---- */

static bool decode_native(struct mc_json_decoder *d, size_t from) {
    struct mc_json_walk w;
    size_t len = d->calls->batch.raw_len;
    bool is_array = skip_space(d->text.bytes->data, from, len) < len &&
                    d->text.bytes->data[skip_space(d->text.bytes->data, from, len)] == '[';
    if (!scan(d, from, len, &w))
        return d->err != MC_OK || (!is_array && decode_lines(d, from));
    return is_array ? decode_array(d, w) : decode_scanned_lines(d, w);
}

static bool decode_segment(struct mc_json_decoder *d, size_t from) {
    struct mc_json_walk w;
    if (!scan(d, from, d->calls->batch.raw_len, &w))
        return false;
    return mc_json_segment_body(d, &w);
}

static void reset(struct mc_calls *c) {
    c->batch.raw_len = c->batch.bytes.len;
    c->batch.event_count = c->batch.reject_count = c->batch.row_count = 0;
    c->person_count = c->refusal_count = c->call_count = c->ignored = c->time_corrected = 0;
    c->write_key = (struct mc_slice){0};
}

static void set_text(struct mc_json_decoder *d, struct mc_buf *bytes) {
    if (d->text.nest.failed)
        mc_buf_free(&d->text.nest);
    d->text.bytes = bytes;
    d->text.escapes = bytes->len > 0 && memchr(bytes->data, '\\', bytes->len) != NULL;
    d->text.no_memory = false;
    d->text.depth_max = MC_JSON_DEPTH_MAX - 1; /* below the call's own bracket */
    d->err = MC_OK;
}

static size_t behind_byte_order_mark(const struct mc_buf *b) {
    return b->len >= 3 && memcmp(b->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

static enum mc_err failed(struct mc_calls *c, enum mc_err err, enum mc_json_shape shape, struct mc_error *e) {
    bool is_empty = c->batch.raw_len == 0;
    c->batch.bytes.len = c->batch.raw_len; /* without the copies of what went well before */
    reset(c);
    if (err == MC_ERR_NOMEM)
        return mc_error_set(e, err, "no memory for the calls of a body");
    if (err == MC_ERR_LIMIT)
        return mc_error_set(e, err, "the body has more than %d calls or rows: send several", MC_JSON_CALLS_MAX);
    if (is_empty)
        return mc_error_set(e, MC_ERR_FORMAT, "the body is empty");
    return mc_error_set(e, MC_ERR_FORMAT,
                        shape == MC_JSON_SEGMENT
                            ? "the body is no JSON object with \"type\" or an array \"batch\""
                            : "the body is neither a JSON object, nor an array of objects, nor an object a line");
}

enum mc_err mc_json_decode(struct mc_json_decoder *d, enum mc_json_shape shape, struct mc_json_rights rights,
                           struct mc_str currency, struct mc_wall arrived_at, struct mc_calls *calls,
                           struct mc_error *e) {
    struct mc_buf *bytes = &calls->batch.bytes;
    reset(calls);
    if (bytes->len > BODY_BYTES_MAX)
        return mc_error_set(e, MC_ERR_LIMIT, "the body has more than %d bytes", BODY_BYTES_MAX);
    set_text(d, bytes);
    d->checks = mc_checks_of(currency);
    d->rights = rights;
    d->arrived_at.us = arrived_at.us;
    d->calls = calls;
    d->messages = shape == MC_JSON_NATIVE ? mc_json_native_messages : mc_json_segment_messages;
    /* room for all copies at once: they are never longer than the body */
    if (bytes->len > 0 && mc_buf_reserve(bytes, d->text.escapes ? bytes->len : 0) == NULL)
        return failed(calls, MC_ERR_NOMEM, shape, e);
    size_t from = behind_byte_order_mark(bytes);
    bool good = shape == MC_JSON_NATIVE ? decode_native(d, from) : decode_segment(d, from);
    if (d->text.no_memory)
        d->err = MC_ERR_NOMEM;
    if (d->err == MC_OK && !good)
        d->err = MC_ERR_FORMAT;
    return d->err == MC_OK ? MC_OK : failed(calls, d->err, shape, e);
}

/* ---- the key in a body ---- */

/* The walk over the first object of a body: of its array, of its lines, or the only one. */
static bool find_first_object(struct mc_json_decoder *d, struct mc_json_walk *w) {
    struct mc_buf *bytes = d->text.bytes;
    size_t from = behind_byte_order_mark(bytes);
    if (!scan(d, from, bytes->len, w)) {
        from = skip_space(bytes->data, from, bytes->len);
        if (d->err != MC_OK || !scan(d, from, line_end(bytes->data, from, bytes->len), w))
            return false;
    }
    w->at += mc_json_peek(w) == '[';
    bool is_object = mc_json_peek(w) == '{';
    w->at += is_object;
    return is_object;
}

bool mc_json_write_key(struct mc_json_decoder *d, struct mc_buf *body, struct mc_buf *key) {
    struct mc_json_walk w;
    struct mc_json_value v, found = {0};
    struct mc_str name;
    enum mc_json_step step;
    struct mc_slice text = {0};
    size_t len = body->len;
    key->len = 0;
    set_text(d, body);
    if (len == 0 || len > BODY_BYTES_MAX || !find_first_object(d, &w))
        return false;
    for (bool first = true; (step = mc_json_next_member(&w, first, &name, &v)) == MC_JSON_MEMBER; first = false)
        if (mc_str_equal(name, MC_STR("writeKey")))
            found = v;
    if (step == MC_JSON_END && mc_json_trimmed_text(&d->text, &found, &text))
        mc_buf_str(key, mc_slice_str(body->data, text));
    body->len = len;
    return key->len > 0 && !key->failed;
}

/* Any bytes as a body of JSON; the first byte says which shape and rights.
 *
 * Counts add up and everything lies within the body; every variant of the scanner, and a decoder that was used before,
 * gives the same; the key that is looked for alone is the one that decoding finds; an array of what is one object is
 * that object. */
#include "../test/event/json_text.h"
#include "event/json_scan.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mc_wall arrival = {1577836800 * MC_SECOND_US};
static struct mc_json_decoder *decoders[4];

static void open_decoders(void) {
    static const char *const names[4] = {"haswell", "fallback", "westmere", "icelake"};
    for (int i = 0; i < 4; i++)
        if (mc_json_scan_choose(names[i]) && mc_json_decoder_open(&decoders[i], NULL) != MC_OK)
            abort();
}

static enum mc_err decode(struct mc_json_decoder *d, enum mc_json_shape shape, bool persons, struct mc_str body,
                          struct mc_calls *c, struct mc_buf *text) {
    struct mc_error e = {0};
    mc_buf_str(&c->batch.bytes, body);
    enum mc_err err = mc_json_decode(d, shape, (struct mc_json_rights){persons}, MC_STR("USD"), arrival, c, &e);
    assert(err == MC_OK || ((err == MC_ERR_FORMAT || err == MC_ERR_LIMIT) && e.text[0] != '\0'));
    assert(err == MC_OK || c->call_count + c->batch.row_count + c->refusal_count + c->person_count == 0);
    assert(mc_str_equal((struct mc_str){c->batch.bytes.data, c->batch.raw_len}, body));
    put_calls(text, c);
    return err;
}

static void check_slice(const struct mc_batch *b, struct mc_slice s, size_t bytes_max) {
    assert(s.len <= bytes_max && (s.len == 0 || s.offset + (size_t)s.len <= b->bytes.len));
    assert(mc_str_is_utf8(mc_slice_str(b->bytes.data, s)));
    assert(s.len == 0 || memchr(b->bytes.data + s.offset, 0, s.len) == NULL);
}

static void check_calls(enum mc_json_shape shape, bool persons, const struct mc_calls *c) {
    const struct mc_batch *b = &c->batch;
    uint32_t others = c->person_count + c->refusal_count - b->reject_count + c->ignored;
    assert(b->row_count == b->event_count + b->reject_count && c->refusal_count >= b->reject_count);
    assert(c->call_count <= b->row_count + others);
    assert(shape == MC_JSON_SEGMENT || c->call_count == b->row_count + others);
    assert(persons || c->person_count == 0);
    for (uint32_t i = 0; i < c->refusal_count; i++)
        assert(c->refusals[i].call < c->call_count && c->refusals[i].message != NULL);
    for (uint32_t i = 0; i < b->reject_count; i++)
        assert(b->rejects[i].row.raw.len > 0 && b->rejects[i].row.raw.offset + b->rejects[i].row.raw.len <= b->raw_len);
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct mc_event *ev = &b->events[i];
        check_slice(b, ev->user, MC_ID_BYTES_MAX);
        check_slice(b, ev->session, MC_ID_BYTES_MAX);
        check_slice(b, ev->product, MC_ID_BYTES_MAX);
        check_slice(b, ev->category_code, MC_TEXT_BYTES_MAX);
        check_slice(b, ev->brand, MC_TEXT_BYTES_MAX);
        check_slice(b, ev->message_id, MC_TEXT_BYTES_MAX);
        assert(ev->user.len > 0 && ev->session.len > 0 && ev->product.len > 0 && hashes_fit(b, ev));
        assert(ev->time.us <= arrival.us + 5 * MC_MINUTE_US && ev->time.us >= MC_TIME_MIN_US);
        assert(ev->quantity >= 1 && ev->quantity <= MC_QUANTITY_MAX);
    }
    for (uint32_t i = 0; i < c->person_count; i++) {
        check_slice(b, c->persons[i].user, MC_ID_BYTES_MAX);
        check_slice(b, c->persons[i].other, MC_ID_BYTES_MAX);
        check_slice(b, c->persons[i].email, MC_TEXT_BYTES_MAX);
        check_slice(b, c->persons[i].first_name, MC_TEXT_BYTES_MAX);
    }
}

static void check_write_key(struct mc_json_decoder *d, struct mc_str body, const struct mc_calls *c) {
    struct mc_buf copy = {0}, key = {0};
    mc_buf_str(&copy, body);
    bool found = mc_json_write_key(d, &copy, &key);
    assert(mc_str_equal(mc_buf_view(&copy), body));
    if (c->call_count > 0 && c->batch.reject_count == 0)
        assert(found == (c->write_key.len > 0) &&
               (!found || mc_str_equal(mc_buf_view(&key), mc_slice_str(c->batch.bytes.data, c->write_key))));
    mc_buf_free(&copy);
    mc_buf_free(&key);
}

static void check_array(struct mc_json_decoder *d, bool persons, struct mc_str body, const struct mc_buf *expected) {
    struct mc_buf array = {0}, text = {0};
    struct mc_calls c = {0};
    bool has_mark = body.len >= 3 && memcmp(body.data, "\xEF\xBB\xBF", 3) == 0;
    mc_buf_char(&array, '[');
    mc_buf_append(&array, body.data + (has_mark ? 3 : 0), body.len - (has_mark ? 3 : 0));
    mc_buf_char(&array, ']');
    assert(decode(d, MC_JSON_NATIVE, persons, mc_buf_view(&array), &c, &text) == MC_OK);
    assert(mc_str_equal(mc_buf_view(&text), mc_buf_view(expected)));
    mc_calls_free(&c);
    mc_buf_free(&array);
    mc_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_calls first = {0};
    struct mc_buf expected = {0};
    if (size < 2)
        return 0;
    if (decoders[1] == NULL)
        open_decoders();
    struct mc_json_decoder *d = decoders[1];
    enum mc_json_shape shape = data[0] & 1 ? MC_JSON_SEGMENT : MC_JSON_NATIVE;
    bool persons = (data[0] & 2) == 0;
    struct mc_str body = {(const char *)data + 1, size - 1};
    enum mc_err err = decode(d, shape, persons, body, &first, &expected);
    check_calls(shape, persons, &first);
    check_write_key(d, body, &first);
    const char *start = body.data;
    while (start < body.data + body.len && (mc_is_space(*start) || (*start & 0x80) != 0))
        start++;
    if (err == MC_OK && shape == MC_JSON_NATIVE && first.call_count == 1 && *start == '{')
        check_array(d, persons, body, &expected);
    for (int i = 0; i < 4; i++) {
        struct mc_calls again = {0};
        struct mc_buf text = {0};
        if (decoders[i] != NULL) {
            assert(decode(decoders[i], shape, persons, body, &again, &text) == err);
            assert(mc_str_equal(mc_buf_view(&text), mc_buf_view(&expected)));
        }
        mc_calls_free(&again);
        mc_buf_free(&text);
    }
    mc_calls_free(&first);
    mc_buf_free(&expected);
    return 0;
}

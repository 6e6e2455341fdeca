/* Decoding one body, for the tests of JSON: a decoder and its calls, made once a test program. */
#ifndef MC_TEST_EVENT_JSON_BODY_H
#define MC_TEST_EVENT_JSON_BODY_H

#include "../base/seed.h"
#include "base/mem.h"
#include "json_text.h"

static const struct mc_wall late = {MC_TIME_END_US - 1};           /* no event is ahead of it */
static const struct mc_wall arrival = {1577836800 * MC_SECOND_US}; /* 2020-01-01 00:00:00 */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static struct mc_json_decoder *decoder;
static struct mc_calls calls;

static inline int open_decoder(void **state) {
    (void)state;
    return mc_json_decoder_open(&decoder, NULL) != MC_OK;
}

static inline int close_decoder(void **state) {
    (void)state;
    mc_json_decoder_close(&decoder);
    mc_calls_free(&calls);
    return 0;
}

static inline void load(struct mc_str body) {
    mc_buf_free(&calls.batch.bytes); /* exactly as long as the body: what reads beyond it is seen by the sanitizer */
    calls.batch.bytes.data = mc_malloc(body.len + (body.len == 0));
    memcpy(calls.batch.bytes.data, body.len ? body.data : "", body.len);
    calls.batch.bytes.len = calls.batch.bytes.cap = body.len;
}

static inline enum mc_err decode_at(enum mc_json_shape shape, struct mc_str body, bool persons, struct mc_wall at,
                                    struct mc_buf *out) {
    struct mc_error e = {0};
    load(body);
    enum mc_err err = mc_json_decode(decoder, shape, (struct mc_json_rights){persons}, MC_STR("USD"), at, &calls, &e);
    if (err != MC_OK && (e.text[0] == '\0' || calls.call_count + calls.batch.row_count + calls.refusal_count > 0))
        fail_msg("an error that counts something or says nothing");
    if (err != MC_OK && (calls.batch.bytes.len != body.len || calls.batch.raw_len != body.len))
        fail_msg("an error that leaves more than the body");
    if (err == MC_OK)
        put_calls(out, &calls);
    return err;
}

#define X129                                                                                                           \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxxx"

/* Parts of Segment's calls. */
#define AT "\"timestamp\":\"2020-01-01T00:00:00.000Z\""
#define WHO "\"userId\":\"u\",\"messageId\":\"m\"," AT
#define VIEW "\"type\":\"track\",\"event\":\"Product Viewed\",\"userId\":\"u\",\"properties\":{\"id\":\"p\"}"

#endif

/* What decoding costs: NDJSON of events of about 250 bytes, as the collector takes them, through mc_json_decode with
 * all checks and hashes. Prints machine, command, best and median nanoseconds an event, and a checksum of the events
 * that depends only on the seed. Not linked with the rest:
 *
 *     cc -O2 -D_GNU_SOURCE -Isrc -o decode_json bench/decode_json.c LIBRARIES -lsimdjson -lxxhash -lstdc++
 *
 *     decode_json [EVENTS_A_BODY [BODIES [native|array|escaped|segment|order [VARIANT]]]]
 *
 * LIBRARIES: the build folder's libmc_event.a and libmc_base.a.
 */
#include "base/rng.h"
#include "event/json.h"
#include "event/json_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { PASSES = 9 };

static void put_event(struct mc_buf *b, struct mc_rng *r, uint64_t n, bool escaped) {
    static const char *const types[] = {"view", "view", "cart", "purchase", "remove_from_cart"};
    static const char *const brands[] = {"runail", "grattol", "irisk", "masura", "bpw.style"};
    unsigned second = (unsigned)(n / 50 % 60), minute = (unsigned)(n / 3000 % 60);
    mc_buf_printf(b,
                  "{\"event_time\":\"2026-11-24T15:%02u:%02u.%03uZ\",\"event_type\":\"%s\",\"product_id\":\"58%05u\","
                  "\"category_id\":\"1487580005092295511\",\"brand\":\"%s%s\",\"price\":%u.%02u,\"user_id\":\"%u\","
                  "\"user_session\":\"26dd6e6e-4dac-4778-8d2c-%012" PRIx64 "\",\"message_id\":\"%016" PRIx64 "\"}",
                  minute, second, (unsigned)(n % 50 * 20), types[mc_rng_below(r, 5)], (unsigned)mc_rng_below(r, 50000),
                  brands[mc_rng_below(r, 5)], escaped ? "\\u00e9" : "", (unsigned)mc_rng_below(r, 100),
                  (unsigned)mc_rng_below(r, 100), 500000000 + (unsigned)mc_rng_below(r, 1000000), mc_rng_next(r) >> 16,
                  mc_rng_next(r));
}

static void put_track(struct mc_buf *b, struct mc_rng *r, uint64_t n, bool order) {
    mc_buf_printf(b,
                  "{\"userId\":\"%u\",\"anonymousId\":\"0c2b5b4e-7f4b-4d3e-9f0a-%012" PRIx64
                  "\",\"timestamp\":\"2026-11-24T15:%02u:%02u.%03uZ\",\"type\":\"track\",\"event\":\"%s\",",
                  500000000 + (unsigned)mc_rng_below(r, 1000000), mc_rng_next(r) >> 16, (unsigned)(n / 3000 % 60),
                  (unsigned)(n / 50 % 60), (unsigned)(n % 50 * 20), order ? "Order Completed" : "Product Added");
    mc_buf_text(b,
                order ? "\"properties\":{\"order_id\":\"o1\",\"currency\":\"USD\",\"products\":[" : "\"properties\":");
    for (int i = 0; i < (order ? 3 : 1); i++)
        mc_buf_printf(b,
                      "%s{\"product_id\":\"58%05u\",\"sku\":\"G-32\",\"category\":\"Games\",\"name\":\"Monopoly\","
                      "\"brand\":\"Hasbro\",\"price\":18.99,\"quantity\":%d}",
                      i ? "," : "", (unsigned)mc_rng_below(r, 50000), 1 + i);
    mc_buf_text(b, order ? "]}," : ",");
    mc_buf_printf(b,
                  "\"integrations\":{},\"messageId\":\"node-next-%016" PRIx64
                  "\",\"context\":{\"library\":{\"name\":\"@segment/analytics-node\",\"version\":\"2.2.1\"}},"
                  "\"_metadata\":{\"nodeVersion\":\"18.20.4\",\"jsRuntime\":\"node\"}}",
                  mc_rng_next(r));
}

static uint64_t make_body(struct mc_buf *b, const char *form, uint64_t events, uint64_t first, struct mc_rng *r) {
    bool segment = !strcmp(form, "segment") || !strcmp(form, "order"), array = !strcmp(form, "array");
    size_t start = b->len;
    mc_buf_text(b, segment ? "{\"batch\":[" : array ? "[" : "");
    for (uint64_t i = 0; i < events; i++) {
        if (i > 0)
            mc_buf_char(b, segment || array ? ',' : '\n');
        if (segment)
            put_track(b, r, first + i, !strcmp(form, "order"));
        else
            put_event(b, r, first + i, !strcmp(form, "escaped"));
    }
    mc_buf_text(b, segment ? "],\"sentAt\":\"2026-11-24T16:00:00.000Z\",\"writeKey\":\"k\"}" : array ? "]" : "");
    return b->len - start;
}

static uint64_t sum_events(const struct mc_batch *b) {
    uint64_t sum = b->reject_count;
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct mc_event *ev = &b->events[i];
        sum = mc_hash_mix(sum + ev->user_hash, ev->session_hash + ev->product_hash);
        sum = mc_hash_mix(sum + (uint64_t)ev->time.us, (uint64_t)ev->price + ev->type + ev->brand.len);
    }
    return sum;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    uint64_t per_body = argc > 1 ? strtoull(argv[1], NULL, 10) : 500,
             bodies = argc > 2 ? strtoull(argv[2], NULL, 10) : 400;
    const char *form = argc > 3 ? argv[3] : "native";
    if (argc > 4 && !mc_json_scan_choose(argv[4])) {
        fprintf(stderr, "decode_json: this machine has no %s\n", argv[4]);
        return 2;
    }
    struct mc_rng r;
    struct mc_buf all = {0};
    size_t *lens = calloc(bodies, sizeof *lens);
    mc_rng_seed(&r, 1);
    for (uint64_t i = 0; i < bodies; i++)
        lens[i] = make_body(&all, form, per_body, i * per_body, &r);

    struct mc_json_decoder *d;
    struct mc_calls calls = {0};
    struct mc_error e = {0};
    bool segment = !strcmp(form, "segment") || !strcmp(form, "order");
    struct mc_wall arrival = {1795536000 * MC_SECOND_US};
    double ns[PASSES];
    uint64_t sum = 0, rows = 0;
    if (mc_json_decoder_open(&d, &e) != MC_OK)
        return 1;
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t took = 0;
        size_t at = 0;
        sum = rows = 0;
        for (uint64_t i = 0; i < bodies; at += lens[i++]) {
            calls.batch.bytes.len = 0;
            mc_buf_append(&calls.batch.bytes, all.data + at, lens[i]);
            int64_t start = mc_monotonic_ns();
            if (mc_json_decode(d, segment ? MC_JSON_SEGMENT : MC_JSON_NATIVE, (struct mc_json_rights){true},
                               MC_STR("USD"), arrival, &calls, &e) != MC_OK) {
                fprintf(stderr, "decode_json: %s\n", e.text);
                return 1;
            }
            took += mc_monotonic_ns() - start;
            rows += calls.batch.row_count;
            sum += sum_events(&calls.batch);
        }
        ns[pass] = (double)took / (double)rows;
    }
    qsort(ns, PASSES, sizeof *ns, by_value);
    struct utsname machine;
    uname(&machine);
    printf("decode_json %" PRIu64 " %" PRIu64 " %s on %s %s, simdjson %s\n", per_body, bodies, form, machine.sysname,
           machine.machine, mc_json_scan_chosen());
    printf("rows %" PRIu64 ", %.0f bytes each: best %.1f ns, median %.1f ns a row, checksum %016" PRIx64 "\n", rows,
           (double)all.len / (double)rows, ns[0], ns[PASSES / 2], sum);
    mc_calls_free(&calls);
    mc_json_decoder_close(&d);
    mc_buf_free(&all);
    free(lens);
    return 0;
}

/* JSON at random: an event in any spelling is its CSV row; lines and elements are what they are alone; of any bytes
 * every variant of the scanner says the same, and the counts add up. */
#include "event/checks.h"
#include "event/csv.h"
#include "event/json_scan.h"
#include "json_body.h"

#include <stdio.h>

/* ---- any spelling of an event is its CSV row ---- */

#define ANY(r, ...)                                                                                                    \
    any_of(r, (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

static const char *any_of(struct mc_rng *r, const char *const *texts, size_t count) {
    return texts[mc_rng_below(r, count)];
}

static const char *random_text(struct mc_rng *r, int column) {
    bool odd = chance(r, 6);
    switch (column) {
    case MC_COLUMN_EVENT_TIME:
        return odd ? ANY(r, "", "never", "2020-01-01 00:00:60", "157783680012", "2020-01-01T00:00:00")
                   : ANY(r, "2020-01-01 00:00:00 UTC", "2020-01-01T00:00:01.123Z", "1577836800123",
                         "2020-01-01T00:01:00.5+01:00", "2020-01-01T00:00:59.999Z", "2020-01-01T00:00:59.99xZ");
    case MC_COLUMN_EVENT_TYPE:
        return odd ? ANY(r, "", "tick", "views")
                   : ANY(r, "view", "cart", "remove_from_cart", "removeFromCart", "PURCHASE");
    case MC_COLUMN_PRICE:
        return odd ? ANY(r, "", "x", "-1.00", "1e99", "0x1")
                   : ANY(r, "5.00", "0", "12.345", ".5", "1e3", "1E-2", "12345.67", "1.00000000000000000005", "-0",
                         "5.");
    case MC_COLUMN_QUANTITY:
        return odd ? ANY(r, "0", "1.5", "-1", "1000001", "2.0") : ANY(r, "", "", "2", "1000000", "007");
    case MC_COLUMN_CURRENCY:
        return odd ? ANY(r, "EUR", "usd") : ANY(r, "", "", "USD", " USD\t");
    case MC_COLUMN_PRODUCT_ID:
    case MC_COLUMN_USER_ID:
    case MC_COLUMN_USER_SESSION:
        return odd ? ANY(r, "", " ", X129, "a\nb", "\"")
                   : ANY(r, "p1", "12345", "-1.5e3", "\xC3\xA9\xF0\x9F\x98\x80", "a,b", " x ");
    default:
        return odd ? ANY(r, X129 X129, "\t", "\x01", "\x7F", "\\")
                   : ANY(r, "", "c1", "14875800050922955110", "a \"b\", c", "\xE2\x82\xAC", "/");
    }
}

static void put_space(struct mc_rng *r, struct mc_buf *b, bool lines) {
    while (chance(r, 15))
        mc_buf_text(b, lines ? ANY(r, " ", "\t", "\r", "\n") : ANY(r, " ", "\t", "\r"));
}

static void put_unit(struct mc_rng *r, struct mc_buf *b, uint32_t unit) {
    mc_buf_printf(b, chance(r, 50) ? "\\u%04x" : "\\u%04X", unit);
}

/* The bytes of one character at s; its code point in *c. */
static size_t code_point(const char *s, uint32_t *c) {
    unsigned char first = (unsigned char)s[0];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    *c = len == 1 ? first : first & (0x7F >> len);
    for (size_t i = 1; i < len; i++)
        *c = *c << 6 | ((unsigned char)s[i] & 0x3F);
    return len;
}

static void put_string(struct mc_rng *r, struct mc_buf *b, const char *s) {
    uint64_t escapes = chance(r, 70) ? 0 : 30;
    mc_buf_char(b, '"');
    for (size_t len; *s != '\0'; s += len) {
        static const char plain[] = "\"\\/\b\f\n\r\t", letters[] = "\"\\/bfnrt";
        uint32_t c;
        len = code_point(s, &c);
        const char *found = c < 0x80 ? strchr(plain, (int)c) : NULL;
        bool must = c < 0x20 || c == '"' || c == '\\';
        if (found != NULL && (must || chance(r, escapes)) && chance(r, 60)) {
            mc_buf_char(b, '\\');
            mc_buf_char(b, letters[found - plain]);
        } else if (must || chance(r, escapes)) {
            if (c >= 0x10000)
                put_unit(r, b, 0xD800 + ((c - 0x10000) >> 10));
            put_unit(r, b, c >= 0x10000 ? 0xDC00 + ((c - 0x10000) & 0x3FF) : c);
        } else {
            mc_buf_append(b, s, len);
        }
    }
    mc_buf_char(b, '"');
}

static bool is_json_number(const char *s) {
    struct mc_buf body = {0}, out = {0};
    mc_buf_printf(&body, "[%s]", s);
    bool is = (*s == '-' || (*s >= '0' && *s <= '9')) && strpbrk(s, " ,") == NULL &&
              decode_at(MC_JSON_NATIVE, mc_buf_view(&body), true, late, &out) == MC_OK;
    mc_buf_free(&body);
    mc_buf_free(&out);
    return is;
}

static void put_noise(struct mc_rng *r, struct mc_buf *b) {
    put_string(r, b, ANY(r, "x", "Brand", "price ", "\xE2\x82\xAC", "", "user", "event_times"));
    mc_buf_char(b, ':');
    mc_buf_text(b,
                ANY(r, "1", "null", "{\"price\":1}", "[{},[\"]}\"]]", "\"\\u0000\"", "-1.5E+7", "\"{\\\"\"", "true"));
}

/* A member of the column, as its text or by a spelling of the same; absent now and then if empty. */
static void put_member(struct mc_rng *r, struct mc_buf *b, int column, const char *text, bool lines, bool *any) {
    bool is_number = strspn(text, "0123456789") == strlen(text) || column != MC_COLUMN_QUANTITY;
    if (*text == '\0' && chance(r, 40))
        return;
    if (*any)
        mc_buf_char(b, ',');
    *any = true;
    put_space(r, b, lines);
    if (chance(r, 10)) {
        put_noise(r, b);
        mc_buf_char(b, ',');
    }
    if (chance(r, 3)) { /* overruled by the one that follows */
        put_string(r, b, mc_column_names[column]);
        mc_buf_text(b, ANY(r, ":[],", ":\"other\",", ":null,", ":\"\\ud800\","));
    }
    put_string(r, b, mc_column_names[column]);
    put_space(r, b, lines);
    mc_buf_char(b, ':');
    put_space(r, b, lines);
    if (*text == '\0' && chance(r, 50))
        mc_buf_text(b, "null");
    else if (is_number && is_json_number(text) && chance(r, 60))
        mc_buf_text(b, text);
    else
        put_string(r, b, text);
    put_space(r, b, lines);
}

static void put_object(struct mc_rng *r, struct mc_buf *b, const char *const *texts, bool lines) {
    int order[MC_COLUMNS];
    bool any = false;
    for (int i = 0; i < MC_COLUMNS; i++)
        order[i] = i;
    for (int i = MC_COLUMNS - 1; i > 0 && chance(r, 98); i--) {
        uint64_t j = mc_rng_below(r, (uint64_t)i + 1);
        int other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
    mc_buf_char(b, '{');
    put_space(r, b, lines);
    for (int i = 0; i < MC_COLUMNS; i++)
        put_member(r, b, order[i], texts[order[i]], lines, &any);
    mc_buf_char(b, '}');
}

static struct mc_layout layout;

static void decode_csv(const char *const *texts, struct mc_buf *out) {
    struct mc_csv_decoder csv;
    struct mc_calls row = {0};
    for (int i = 0; i < MC_COLUMNS; i++) {
        if (i > 0)
            mc_buf_char(&row.batch.bytes, ',');
        mc_buf_csv(&row.batch.bytes, mc_str_of(texts[i]));
    }
    mc_buf_char(&row.batch.bytes, '\n');
    row.batch.raw_len = row.batch.bytes.len;
    mc_csv_decoder_init(&csv, &layout, MC_STR("USD"));
    check(mc_csv_decode(&csv, &row.batch, true, NULL) == MC_OK);
    put_calls(out, &row);
    mc_calls_free(&row);
}

static void spelling_round(struct mc_rng *r) {
    const char *texts[MC_COLUMNS];
    struct mc_buf body = {0}, from_csv = {0}, from_json = {0};
    for (int i = 0; i < MC_COLUMNS; i++)
        texts[i] = random_text(r, i);
    decode_csv(texts, &from_csv);
    put_space(r, &body, true);
    put_object(r, &body, texts, true);
    put_space(r, &body, true);
    check(decode_at(MC_JSON_NATIVE, mc_buf_view(&body), true, late, &from_json) == MC_OK);
    check(calls.call_count == 1 && calls.batch.row_count == 1);
    while (calls.refusal_count > 0) { /* CSV has no lines of them */
        from_json.len = (size_t)((char *)memchr(from_json.data, '\n', from_json.len) + 1 - from_json.data);
        calls.refusal_count--;
    }
    if (!mc_str_equal(mc_buf_view(&from_csv), mc_buf_view(&from_json)))
        print_error("%s\n%s\n%s\n", mc_buf_cstr(&body), mc_buf_cstr(&from_csv), mc_buf_cstr(&from_json));
    check(mc_str_equal(mc_buf_view(&from_csv), mc_buf_view(&from_json)));
    mc_buf_free(&body);
    mc_buf_free(&from_csv);
    mc_buf_free(&from_json);
}

static void test_any_spelling_is_the_row(void **state) {
    (void)state;
    struct mc_buf header = {0};
    for (int i = 0; i < MC_COLUMNS; i++)
        mc_buf_printf(&header, "%s%s", i ? "," : "", mc_column_names[i]);
    assert_int_equal(mc_layout_parse(&layout, mc_buf_view(&header), NULL), MC_OK);
    seed_rounds(20000, spelling_round);
    mc_layout_free(&layout);
    mc_buf_free(&header);
}

/* ---- a line or an element is what it is alone ---- */

static void put_call(struct mc_rng *r, struct mc_buf *b) {
    const char *texts[MC_COLUMNS];
    for (int i = 0; i < MC_COLUMNS; i++)
        texts[i] = random_text(r, i);
    if (chance(r, 10))
        mc_buf_text(b, ANY(r, "{\"type\":\"identify\",\"user_id\":1}",
                           "{\"type\":\"alias\",\"user_id\":1,\"previous_id\":2}", "{\"type\":\"page\"}",
                           "{\"type\":\"identify\"}", "{}"));
    else
        put_object(r, b, texts, false);
}

static void mutate(struct mc_rng *r, struct mc_buf *b, size_t from) {
    static const char bytes[] = "{}[]\":,\\ \n\r0e.-tu\x01\x80\xFF";
    for (uint64_t n = 1 + mc_rng_below(r, 3); n > 0 && b->len > from; n--) {
        size_t at = from + mc_rng_below(r, b->len - from);
        if (chance(r, 20))
            b->len = at;
        else if (chance(r, 70))
            b->data[at] = bytes[mc_rng_below(r, sizeof bytes)];
        else
            b->data[at] = (char)mc_rng_next(r);
    }
}

static void alone_round(struct mc_rng *r) {
    struct mc_buf body = {0}, whole = {0}, alone = {0}, refusals = {0};
    uint32_t n = 1 + (uint32_t)mc_rng_below(r, 6), index = 0, ignored = 0, objects = 0;
    size_t ends[8] = {0};
    for (uint32_t i = 0; i < n; i++) {
        size_t from = body.len;
        put_call(r, &body);
        if (chance(r, 30))
            mutate(r, &body, from);
        for (size_t k = from; k < body.len; k++)
            if (body.data[k] == '\n')
                body.data[k] = ' ';
        ends[i + 1] = body.len + 1;
        mc_buf_char(&body, '\n');
    }
    for (uint32_t i = 0; i < n; i++) {
        struct mc_str line = {body.data + ends[i], ends[i + 1] - ends[i] - 1};
        size_t skipped = 0;
        while (skipped < line.len && strchr(" \t\r", line.data[skipped]) && line.data[skipped] != '\0')
            skipped++;
        bool is_blank = skipped == line.len, is_array = !is_blank && line.data[skipped] == '[';
        enum mc_err err = is_array || is_blank ? MC_ERR_FORMAT : decode_at(MC_JSON_NATIVE, line, true, late, &alone);
        if (is_blank)
            continue;
        if (is_array && index == 0)
            goto out; /* the body is an array then */
        if (err == MC_OK) {
            objects++;
            alone.len -= calls.ignored > 0 ? strlen("ignored 1, corrected 0\n") : 0;
            for (uint32_t k = calls.refusal_count; k > 0; k--) { /* from the rows to their own place */
                alone.len -= strlen(calls.refusals[0].reason) + 3;
                mc_buf_printf(&refusals, "%u %s\n", index, calls.refusals[0].reason);
            }
            ignored += calls.ignored;
        } else {
            mc_buf_text(&alone, " malformed_row\n");
            mc_buf_printf(&refusals, "%u malformed_row\n", index);
        }
        index++;
    }
    mc_buf_str(&alone, mc_buf_view(&refusals));
    if (ignored > 0)
        mc_buf_printf(&alone, "ignored %u, corrected 0\n", ignored);
    enum mc_err err = decode_at(MC_JSON_NATIVE, mc_buf_view(&body), true, late, &whole);
    check(err == (objects > 0 ? MC_OK : MC_ERR_FORMAT));
    /* persons stand before an event, not before a reject: sorted by the lists, the order of the lines may differ */
    if (objects > 0 && calls.person_count == 0) {
        if (!mc_str_equal(mc_buf_view(&whole), mc_buf_view(&alone)))
            print_error("%s\nwhole:\n%s\nalone:\n%s\n", mc_buf_cstr(&body), mc_buf_cstr(&whole), mc_buf_cstr(&alone));
        check(mc_str_equal(mc_buf_view(&whole), mc_buf_view(&alone)));
    }
out:
    mc_buf_free(&body);
    mc_buf_free(&whole);
    mc_buf_free(&alone);
    mc_buf_free(&refusals);
}

static void test_lines_are_what_they_are_alone(void **state) {
    (void)state;
    seed_rounds(6000, alone_round);
}

/* The calls of an array are those of the same objects in lines. */
static void array_round(struct mc_rng *r) {
    struct mc_buf lines = {0}, array = {0}, a = {0}, b = {0};
    mc_buf_char(&array, '[');
    for (uint64_t i = 0, n = 1 + mc_rng_below(r, 5); i < n; i++) {
        size_t from = lines.len;
        put_call(r, &lines);
        mc_buf_text(&array, i ? "," : "");
        mc_buf_append(&array, lines.data + from, lines.len - from);
        mc_buf_char(&lines, '\n');
    }
    mc_buf_char(&array, ']');
    check(decode_at(MC_JSON_NATIVE, mc_buf_view(&lines), true, late, &a) == MC_OK);
    check(decode_at(MC_JSON_NATIVE, mc_buf_view(&array), true, late, &b) == MC_OK);
    check(mc_str_equal(mc_buf_view(&a), mc_buf_view(&b)));
    mc_buf_free(&lines);
    mc_buf_free(&array);
    mc_buf_free(&a);
    mc_buf_free(&b);
}

static void test_an_array_is_its_lines(void **state) {
    (void)state;
    seed_rounds(2000, array_round);
}

/* ---- any bytes: counts add up, and every variant of the scanner says the same ---- */

static void put_segment_body(struct mc_rng *r, struct mc_buf *b) {
    bool batch = chance(r, 70);
    mc_buf_text(b, batch ? "{\"batch\":[" : "");
    for (uint64_t i = 0, n = batch ? mc_rng_below(r, 4) : 1; i < n; i++) {
        mc_buf_text(b, i ? "," : "");
        mc_buf_text(b, ANY(r,
                           "{\"type\":\"track\",\"event\":\"Order Completed\"," WHO
                           ",\"properties\":{\"order_id\":\"\\u00e9\","
                           "\"products\":[{\"sku\":\"p\",\"price\":1},{\"id\":2},3]}}",
                           "{" VIEW ",\"sentAt\":\"2020-01-01T00:00:00Z\"," AT "}",
                           "{\"type\":\"identify\",\"userId\":1,\"anonymousId\":2,\"traits\":{\"email\":\"a@b.c\"}}",
                           "{\"type\":\"page\",\"x\":[[[]],{\"\\\\\":\"\\\"\"}]}"));
    }
    mc_buf_text(b, batch ? "],\"sentAt\":\"2020-01-01T00:00:00Z\",\"context\":{\"locale\":\"de\"}}" : "");
}

static void check_counts(enum mc_json_shape shape) {
    uint32_t person_refusals = calls.refusal_count - calls.batch.reject_count;
    uint32_t others = calls.person_count + person_refusals + calls.ignored;
    check(calls.batch.row_count == calls.batch.event_count + calls.batch.reject_count);
    check(shape == MC_JSON_SEGMENT || calls.call_count == calls.batch.row_count + others);
    check(calls.call_count <= calls.batch.row_count + others);
    for (uint32_t i = 0; i < calls.refusal_count; i++)
        check(calls.refusals[i].call < calls.call_count && calls.refusals[i].message != NULL &&
              (i == 0 || calls.refusals[i - 1].call <= calls.refusals[i].call));
    for (uint32_t i = 0; i < calls.batch.reject_count; i++) {
        struct mc_slice raw = calls.batch.rejects[i].row.raw;
        check(raw.len > 0 && raw.offset + raw.len <= calls.batch.raw_len);
    }
}

static struct mc_json_decoder *variants[4];
static const char *const variant_names[4] = {"fallback", "westmere", "haswell", "icelake"};

static void any_bytes_round(struct mc_rng *r) {
    struct mc_buf body = {0}, first = {0};
    enum mc_json_shape shape = chance(r, 50) ? MC_JSON_NATIVE : MC_JSON_SEGMENT;
    bool is_array = shape == MC_JSON_NATIVE && chance(r, 30);
    mc_buf_text(&body, is_array ? "[" : "");
    for (uint64_t i = 0, n = 1 + mc_rng_below(r, 4); shape == MC_JSON_NATIVE && i < n; i++) {
        mc_buf_text(&body, i == 0 ? "" : is_array ? "," : "\n");
        put_call(r, &body);
    }
    if (shape == MC_JSON_SEGMENT)
        put_segment_body(r, &body);
    mc_buf_text(&body, is_array ? "]" : "");
    if (chance(r, 85))
        mutate(r, &body, 0);
    enum mc_err err = decode_at(shape, mc_buf_view(&body), true, arrival, &first);
    check(err == MC_OK || err == MC_ERR_FORMAT);
    if (err == MC_OK)
        check_counts(shape);
    struct mc_json_decoder *own = decoder;
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        struct mc_buf other = {0};
        decoder = variants[i];
        if (decoder != NULL) {
            check(decode_at(shape, mc_buf_view(&body), true, arrival, &other) == err);
            check(mc_str_equal(mc_buf_view(&first), mc_buf_view(&other)));
        }
        mc_buf_free(&other);
    }
    decoder = own;
    mc_buf_free(&body);
    mc_buf_free(&first);
}

static void test_any_bytes(void **state) {
    (void)state;
    char chosen[16];
    snprintf(chosen, sizeof chosen, "%s", mc_json_scan_chosen());
    for (size_t i = 0; i < COUNT_OF(variants); i++)
        if (mc_json_scan_choose(variant_names[i]))
            assert_int_equal(mc_json_decoder_open(&variants[i], NULL), MC_OK);
    assert_true(mc_json_scan_choose(chosen));
    assert_false(mc_json_scan_choose("none"));
    seed_rounds(15000, any_bytes_round);
    for (size_t i = 0; i < COUNT_OF(variants); i++)
        mc_json_decoder_close(&variants[i]);
}

/* ---- values are what their parsers say, however quickly they were read ---- */

static void time_round(struct mc_rng *r) {
    struct mc_checks checks = mc_checks_of(MC_STR(""));
    for (int i = 0; i < 20; i++) {
        struct mc_buf text = {0};
        struct mc_time quick = {0}, slow = {0};
        mc_buf_printf(&text, "2020-01-01%c00:0%d:%d%d", " T"[chance(r, 50)], (int)mc_rng_below(r, 2),
                      (int)mc_rng_below(r, 8), (int)mc_rng_below(r, 10));
        mc_buf_text(&text, ANY(r, "", ".123Z", ".000Z", ".12xZ", ".1234Z", "Z", ".123", ".123+01:00", ":123Z", ".12Z"));
        bool good = mc_time_parse(mc_buf_view(&text), &slow);
        check(mc_check_time(&checks, mc_buf_view(&text), &quick) == good && (!good || quick.us == slow.us));
        mc_buf_free(&text);
    }
}

static void test_quick_times(void **state) {
    (void)state;
    seed_rounds(2000, time_round);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_spelling_is_the_row),
                                       cmocka_unit_test(test_lines_are_what_they_are_alone),
                                       cmocka_unit_test(test_an_array_is_its_lines), cmocka_unit_test(test_any_bytes),
                                       cmocka_unit_test(test_quick_times)};
    return cmocka_run_group_tests(tests, open_decoder, close_decoder);
}

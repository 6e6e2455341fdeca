/* Rows of CSV: the fast way, the bytewise way, a naive splitter and any cut of the bytes give the same. */
#include "../base/seed.h"
#include "base/mem.h"
#include "csv_text.h"
#include "event/csv.h"
#include "event/price.h"
#include "naive_rows.h"

#define HEADER                                                                                                         \
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session,quantity,message_id"

static struct mc_layout layout;

static int open_layout(void **state) {
    (void)state;
    return mc_layout_parse(&layout, MC_STR(HEADER), NULL) != MC_OK;
}

static int close_layout(void **state) {
    (void)state;
    mc_layout_free(&layout);
    return 0;
}

/* ---- bytes that are mostly rows ---- */

static void put_piece(struct mc_rng *r, struct mc_buf *b) {
    static const struct mc_str pieces[] = {{"\n", 1},
                                           {"\n", 1},
                                           {"\r\n", 2},
                                           {"\r", 1},
                                           {",", 1},
                                           {",", 1},
                                           {",,,", 3},
                                           {"\"", 1},
                                           {"\"\"", 2},
                                           {"\"a\"", 3},
                                           {"\"x,y\"", 5},
                                           {"\"1\n2\"", 5},
                                           {"\"a\"\"b\"", 6},
                                           {" ", 1},
                                           {"a", 1},
                                           {"\0", 1},
                                           {"\xFF", 1},
                                           {"\xC3\xA9", 2},
                                           {"\xED\xA0\x80", 3},
                                           {"2020-01-01 00:00:00 UTC", 23},
                                           {"view", 4},
                                           {"CART", 4},
                                           {"5.00", 4},
                                           {"\xEF\xBB\xBF", 3}};
    mc_buf_str(b, pieces[mc_rng_below(r, sizeof pieces / sizeof *pieces)]);
}

static void put_field(struct mc_rng *r, struct mc_buf *b, struct mc_str text) {
    bool spaces = chance(r, 5), quotes = chance(r, 10);
    if (quotes)
        mc_buf_char(b, '"');
    if (spaces)
        mc_buf_text(b, " \t");
    mc_buf_str(b, text);
    if (spaces)
        mc_buf_char(b, ' ');
    if (quotes)
        mc_buf_char(b, '"');
}

#define ANY(r, ...)                                                                                                    \
    any_of(r, (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

static struct mc_str any_of(struct mc_rng *r, const char *const *texts, size_t count) {
    return mc_str_of(texts[mc_rng_below(r, count)]);
}

static void put_good_row(struct mc_rng *r, struct mc_buf *b) {
    put_field(r, b,
              ANY(r, "2020-01-01 00:00:00 UTC", "2020-01-01 00:00:01 UTC", "2020-01-01 00:01:59.5",
                  "2020-01-01T00:01:00Z", "2020-01-01 00:01:60", "2020-01-01 00:01:00+00:30", "1577836800123",
                  "never"));
    mc_buf_char(b, ',');
    put_field(r, b, ANY(r, "view", "cart", "remove_from_cart", "removeFromCart", "PURCHASE", "tick", ""));
    for (int i = 0; i < 4; i++) {
        mc_buf_char(b, ',');
        put_field(r, b, ANY(r, "p1", "p2", "1", "\xC3\xA9", "", "p1"));
    }
    mc_buf_char(b, ',');
    put_field(r, b, ANY(r, "5.00", "0", "", "12345.67", "123456.78", "1234567.89", ".5", "1e3", "-1.00", "x", "1.005"));
    mc_buf_char(b, ',');
    put_field(r, b, ANY(r, "u1", "u2", "u1", ""));
    mc_buf_char(b, ',');
    put_field(r, b, ANY(r, "s1", "s2", "s1", ""));
    mc_buf_char(b, ',');
    put_field(r, b, ANY(r, "", "2", "0", "1000000", "1.5"));
    mc_buf_char(b, ',');
    put_field(r, b, ANY(r, "", "m1", "m2"));
    mc_buf_text(b, chance(r, 20) ? "\r\n" : "\n");
}

/* About as long as a row may be, with what matters at its end. */
static void put_long_row(struct mc_rng *r, struct mc_buf *b) {
    bool quoted = chance(r, 50);
    size_t fill = (size_t)NAIVE_ROW_BYTES_MAX - 6 + mc_rng_below(r, 12);
    if (quoted)
        mc_buf_char(b, '"');
    char *room = mc_buf_reserve(b, fill);
    memset(room, 'x', fill);
    if (chance(r, 30))
        room[mc_rng_below(r, fill)] = '\n';
    b->len += fill;
    if (quoted && chance(r, 80))
        mc_buf_char(b, '"');
    mc_buf_str(b, ANY(r, "\n", "\r\n", "\r", ",\n", "", "\"\n"));
}

static void put_bytes(struct mc_rng *r, struct mc_buf *b) {
    uint64_t rows = mc_rng_below(r, 40), mess = chance(r, 50) ? 0 : mc_rng_below(r, 100);
    bool quotes = chance(r, 70), longs = chance(r, 4);
    for (uint64_t i = 0; i < rows; i++) {
        if (chance(r, mess))
            put_piece(r, b);
        else if (longs && chance(r, 10))
            put_long_row(r, b);
        else
            put_good_row(r, b);
    }
    if (chance(r, 30) && b->len > 0)
        b->len--; /* no line feed at the end */
    for (size_t i = 0; !quotes && i < b->len; i++)
        if (b->data[i] == '"')
            b->data[i] = 'q';
    mc_buf_reserve(b, 1);
}

/* ---- ways to decode the same bytes ---- */

static void load(struct mc_batch *batch, const char *bytes, size_t len) {
    mc_batch_reset(batch);
    mc_buf_append(&batch->bytes, bytes, len);
    batch->raw_len = len;
}

static void decode_whole(struct mc_str bytes, struct mc_buf *out) {
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    load(&batch, bytes.data, bytes.len);
    check(mc_csv_decode(&decoder, &batch, true, NULL) == MC_OK);
    put_rows(out, &batch, 0, 0);
    mc_batch_free(&batch);
}

/* A row with a quote in front sends all rows the bytewise way. */
static void decode_bytewise(struct mc_str bytes, struct mc_buf *out) {
    static const char front[] = "\"x\"\n";
    struct mc_buf both = {0};
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    mc_buf_text(&both, front);
    mc_buf_str(&both, bytes);
    load(&batch, both.data, both.len);
    check(mc_csv_decode(&decoder, &batch, true, NULL) == MC_OK);
    check(batch.row_count > 0 && batch.reject_count > 0 && batch.rejects[0].row.number == 0);
    put_rows(out, &batch, 1, sizeof front - 1);
    mc_buf_free(&both);
    mc_batch_free(&batch);
}

/* As a source does it: some bytes more, the whole rows of them, the rest carried over. */
static void decode_in_pieces(struct mc_rng *r, struct mc_str bytes, struct mc_buf *out) {
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    uint64_t most = 1 + mc_rng_below(r, chance(r, 50) ? 40 : 100000);
    size_t from = 0, upto = 0;
    while (from < bytes.len) {
        size_t more = 1 + mc_rng_below(r, most);
        upto = upto + more < bytes.len ? upto + more : bytes.len;
        bool last = upto == bytes.len && chance(r, 70);
        size_t whole = mc_csv_whole_rows(bytes.data + from, upto - from, last);
        check(whole <= upto - from && (!last || whole == upto - from));
        if (!last && upto == bytes.len && whole == 0)
            whole = mc_csv_whole_rows(bytes.data + from, upto - from, last = true);
        load(&batch, bytes.data + from, whole);
        batch.byte_offset = from;
        check(mc_csv_decode(&decoder, &batch, last, NULL) == MC_OK);
        put_rows(out, &batch, 0, 0);
        from += whole;
    }
    mc_batch_free(&batch);
}

/* The naive splitter's rows with the decoder's verdicts: same rows, same `malformed_row`. */
static void compare_with_naive(struct mc_str bytes) {
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    struct naive_row row = {0};
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    load(&batch, bytes.data, bytes.len);
    check(mc_csv_decode(&decoder, &batch, true, NULL) == MC_OK);
    uint32_t n = 0, e = 0, j = 0;
    for (size_t at = 0; at < bytes.len; at = row.end, n++) {
        naive_row_read(bytes.data, bytes.len, at, &row);
        struct mc_str raw = {bytes.data + at, row.content};
        bool good = row.quoted_well && row.fields == layout.count && memchr(raw.data, 0, raw.len) == NULL &&
                    mc_str_is_utf8(raw);
        bool is_event = e < batch.event_count && batch.event_rows[e].number == n;
        check(is_event || (j < batch.reject_count && batch.rejects[j].row.number == n));
        const struct mc_row *found = is_event ? &batch.event_rows[e] : &batch.rejects[j].row;
        check(found->raw.offset == at && found->raw.len == row.content);
        check(good == (is_event || batch.rejects[j].reason != MC_MALFORMED_ROW));
        if (is_event) {
            const struct mc_event *ev = &batch.events[e];
            check(mc_str_equal(mc_slice_str(batch.bytes.data, ev->product), mc_str_trim(naive_field(&row, 2))));
            check(mc_str_equal(mc_slice_str(batch.bytes.data, ev->brand), mc_str_trim(naive_field(&row, 5))));
            check(mc_str_equal(mc_slice_str(batch.bytes.data, ev->user), mc_str_trim(naive_field(&row, 7))));
            check(mc_str_equal(mc_slice_str(batch.bytes.data, ev->message_id), mc_str_trim(naive_field(&row, 10))));
        }
        e += is_event;
        j += !is_event;
    }
    check(n == batch.row_count && e == batch.event_count && j == batch.reject_count);
    naive_row_free(&row);
    mc_batch_free(&batch);
}

static void ways_round(struct mc_rng *r) {
    struct mc_buf bytes = {0}, whole = {0}, bytewise = {0}, pieces = {0};
    put_bytes(r, &bytes);
    decode_whole(mc_buf_view(&bytes), &whole);
    decode_bytewise(mc_buf_view(&bytes), &bytewise);
    decode_in_pieces(r, mc_buf_view(&bytes), &pieces);
    if (!mc_str_equal(mc_buf_view(&whole), mc_buf_view(&bytewise)))
        print_error("whole:\n%s\nbytewise:\n%s\n", mc_buf_cstr(&whole), mc_buf_cstr(&bytewise));
    check(mc_str_equal(mc_buf_view(&whole), mc_buf_view(&bytewise)));
    check(mc_str_equal(mc_buf_view(&whole), mc_buf_view(&pieces)));
    compare_with_naive(mc_buf_view(&bytes));
    mc_buf_free(&bytes);
    mc_buf_free(&whole);
    mc_buf_free(&bytewise);
    mc_buf_free(&pieces);
}

static void test_all_ways_are_one(void **state) {
    (void)state;
    seed_rounds(6000, ways_round);
}

/* ---- a row's bounds, one by one ---- */

static void test_bounds(void **state) {
    (void)state;
    static const struct {
        struct mc_str bytes;
        bool last;
        struct mc_row_bounds row;
    } table[] = {{{"a,b\n", 4}, false, {MC_ROW_GOOD, 3, 4}},
                 {{"a,b\r\n", 5}, false, {MC_ROW_GOOD, 3, 5}},
                 {{"a\rb\r\r\n", 6}, false, {MC_ROW_GOOD, 4, 6}}, /* one CR belongs to the terminator */
                 {{"\n", 1}, false, {MC_ROW_GOOD, 0, 1}},
                 {{"\r\n", 2}, false, {MC_ROW_GOOD, 0, 2}},
                 {{"a,b", 3}, false, {MC_ROW_UNFINISHED, 0, 0}},
                 {{"a,b", 3}, true, {MC_ROW_GOOD, 3, 3}},
                 {{"a,b\r", 4}, true, {MC_ROW_GOOD, 4, 4}}, /* a CR at the end of the input is data */
                 {{"a,", 2}, true, {MC_ROW_GOOD, 2, 2}},
                 {{"\"a\nb\"\n", 6}, false, {MC_ROW_GOOD, 5, 6}},
                 {{"\"a\"\r\n", 5}, false, {MC_ROW_GOOD, 3, 5}},
                 {{"\"a\"\r", 4}, false, {MC_ROW_UNFINISHED, 0, 0}},
                 {{"\"a\"\r", 4}, true, {MC_ROW_BAD, 4, 4}},
                 {{"\"a\"\r\r\n", 6}, true, {MC_ROW_BAD, 4, 6}},
                 {{"\"a\"\r,b\n", 7}, true, {MC_ROW_BAD, 6, 7}},
                 {{"\"a\"\r\"b\"\n", 8}, true, {MC_ROW_BAD, 7, 8}},
                 {{"\"a\"", 3}, false, {MC_ROW_UNFINISHED, 0, 0}},
                 {{"\"a\"", 3}, true, {MC_ROW_GOOD, 3, 3}},
                 {{"\"\"\"\"\n", 5}, false, {MC_ROW_GOOD, 4, 5}},
                 {{"\"a\"b\nc\n", 7}, false, {MC_ROW_BAD, 4, 5}},
                 {{"\"a\"b", 4}, false, {MC_ROW_UNFINISHED, 0, 0}},
                 {{"a\"b\r\nc", 6}, false, {MC_ROW_BAD, 3, 5}},
                 {{" \"a\"\n", 5}, false, {MC_ROW_BAD, 4, 5}},
                 {{"\"a\nb\n", 5}, false, {MC_ROW_UNFINISHED, 0, 0}},
                 {{"\"a\nb\n", 5}, true, {MC_ROW_BAD, 2, 3}},
                 {{"\"", 1}, true, {MC_ROW_BAD, 1, 1}}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mc_row_bounds row = mc_csv_row(table[i].bytes.data, table[i].bytes.len, table[i].last);
        if (row.state != table[i].row.state || row.content != table[i].row.content || row.end != table[i].row.end)
            fail_msg("line %zu: state %d, %zu bytes, %zu with the end", i, (int)row.state, row.content, row.end);
    }
}

/* Around the longest row, by the naive splitter: plain, quoted, quoted over lines, with each terminator. */
static void test_the_longest_row(void **state) {
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r\r\n", "", "\r", ",\n", "\"\n"};
    struct naive_row naive = {0};
    for (size_t len = MC_ROW_BYTES_MAX - 3; len <= MC_ROW_BYTES_MAX + 3; len++)
        for (int form = 0; form < 3; form++)
            for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
                struct mc_buf b = {0};
                memset(mc_buf_reserve(&b, len), 'x', len);
                b.len = len;
                if (form > 0)
                    b.data[0] = b.data[len - 1] = '"';
                if (form > 1)
                    b.data[9] = '\n';
                mc_buf_text(&b, ends[e]);
                struct mc_row_bounds row = mc_csv_row(b.data, b.len, true);
                naive_row_read(b.data, b.len, 0, &naive);
                if ((row.state == MC_ROW_GOOD) != naive.quoted_well || row.content != naive.content ||
                    row.end != naive.end)
                    fail_msg("%zu bytes, form %d, end %zu: %zu, naive %zu", len, form, e, row.content, naive.content);
                mc_buf_free(&b);
            }
    naive_row_free(&naive);
    static char open_quote[MC_ROW_BYTES_MAX + 2]; /* an open quote is not waited for beyond the longest row */
    memset(open_quote, '\n', sizeof open_quote);
    open_quote[0] = '"';
    assert_int_equal(mc_csv_row(open_quote, sizeof open_quote - 1, false).state, MC_ROW_UNFINISHED);
    assert_int_equal(mc_csv_row(open_quote, sizeof open_quote, false).state, MC_ROW_BAD);
}

/* More bytes never change what was said of a row, and all bytes at once say the same as some. */
static void bounds_round(struct mc_rng *r) {
    struct mc_buf b = {0};
    put_bytes(r, &b);
    for (size_t len = 1; len < b.len && len < 400; len++) {
        struct mc_row_bounds some = mc_csv_row(b.data, len, false), all = mc_csv_row(b.data, b.len, true);
        if (some.state != MC_ROW_UNFINISHED)
            check(some.state == all.state && some.content == all.content && some.end == all.end);
    }
    mc_buf_free(&b);
}

static void test_more_bytes_change_nothing(void **state) {
    (void)state;
    seed_rounds(500, bounds_round);
}

/* ---- the checks in their order ---- */

static enum mc_reason reason_of(const char *row, struct mc_str currency, struct mc_event *ev) {
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    struct mc_layout full;
    assert_int_equal(mc_layout_parse(&full,
                                     MC_STR("event_time,event_type,product_id,category_id,price,user_id,user_session,"
                                            "quantity,currency,order_id,message_id"),
                                     NULL),
                     MC_OK);
    mc_csv_decoder_init(&decoder, &full, currency);
    load(&batch, row, strlen(row));
    assert_int_equal(mc_csv_decode(&decoder, &batch, true, NULL), MC_OK);
    assert_int_equal(batch.row_count, 1);
    enum mc_reason reason = batch.reject_count ? batch.rejects[0].reason : MC_ACCEPTED;
    if (reason == MC_ACCEPTED)
        *ev = batch.events[0];
    mc_batch_free(&batch);
    mc_layout_free(&full);
    return reason;
}

#define X129                                                                                                           \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxxx"

/* Each row has the faults of all that stand behind it: the first check that fails names the reason. */
static void test_the_first_check_names_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *row;
        enum mc_reason reason;
    } table[] = {{"x,x,,,x,,,x,EUR,,,", MC_MALFORMED_ROW},
                 {"x,x,,,x,,,x,EUR,,", MC_BAD_TIME},
                 {"2020-01-01 00:00:00,x,,,x,,,x,EUR,,", MC_UNKNOWN_TYPE},
                 {"2020-01-01 00:00:00,tick,,,x,,,x,EUR,,", MC_UNKNOWN_TYPE},
                 {"2020-01-01 00:00:00,cart, ,,x,,,x,EUR,,", MC_MISSING_PRODUCT},
                 {"2020-01-01 00:00:00,cart," X129 ",,x,\t,,x,EUR,,", MC_MISSING_USER},
                 {"2020-01-01 00:00:00,cart," X129 ",,x,u,,x,EUR,,", MC_MISSING_SESSION},
                 {"2020-01-01 00:00:00,cart," X129 ",,x,u,s,x,EUR,,", MC_TOO_LONG},
                 {"2020-01-01 00:00:00,cart,p," X129 X129 ",x,u,s,x,EUR,,", MC_TOO_LONG},
                 {"2020-01-01 00:00:00,cart,p,,x,u,s,x,EUR," X129 X129 ",", MC_TOO_LONG},
                 {"2020-01-01 00:00:00,cart,p,,x,u,s,x,EUR,," X129 X129, MC_TOO_LONG},
                 {"2020-01-01 00:00:00,cart,p,,x,u,s,x,EUR,,", MC_BAD_PRICE},
                 {"2020-01-01 00:00:00,view,p,,-10000000000.01,u,s,x,EUR,,", MC_BAD_PRICE},
                 {"2020-01-01 00:00:00,cart,p,, ,u,s,x,EUR,,", MC_MISSING_PRICE},
                 {"2020-01-01 00:00:00,purchase,p,,,u,s,x,EUR,,", MC_MISSING_PRICE},
                 {"2020-01-01 00:00:00,view,p,,-0.01,u,s,x,EUR,,", MC_NEGATIVE_PRICE},
                 {"2020-01-01 00:00:00,view,p,,,u,s,x,EUR,,", MC_BAD_QUANTITY},
                 {"2020-01-01 00:00:00,view,p,,,u,s,1,EUR,,", MC_BAD_CURRENCY},
                 {"2020-01-01 00:00:00,view,p,,,u,s,1,usd,,", MC_BAD_CURRENCY},
                 {"2020-01-01 00:00:00,view,p,,,u,s,1, USD ,,", MC_ACCEPTED},
                 {"2020-01-01 00:00:00,remove_from_cart,p,,,u,s,,,,", MC_ACCEPTED}};
    struct mc_event ev;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        enum mc_reason reason = reason_of(table[i].row, MC_STR("USD"), &ev);
        if (reason != table[i].reason)
            fail_msg("%s: %s, not %s", table[i].row, mc_reason_names[reason], mc_reason_names[table[i].reason]);
    }
    assert_int_equal(reason_of("2020-01-01 00:00:00,view,p,,,u,s,1,EUR,,", (struct mc_str){0}, &ev), MC_ACCEPTED);
}

static void test_values_of_an_event(void **state) {
    (void)state;
    struct mc_event ev = {0};
    assert_int_equal(reason_of(" 2020-01-01 00:00:00.25Z , RemoveFromCart ,p,,-0.004,u,s,,,,", MC_STR("USD"), &ev),
                     MC_ACCEPTED);
    assert_int_equal(ev.time.us, (int64_t)1577836800 * MC_SECOND_US + 250000);
    assert_int_equal(ev.type, MC_REMOVE_FROM_CART);
    assert_int_equal(ev.price, 0);
    assert_int_equal(ev.quantity, 1);
    assert_int_equal(reason_of("2020-01-01 00:00:00,view,p,c,,u,s,0012,,o,m", MC_STR("USD"), &ev), MC_ACCEPTED);
    assert_true(ev.price == MC_PRICE_NONE && ev.quantity == 12 && ev.message_id.len == 1 && ev.order_id.len == 1);
    assert_int_equal(ev.brand.len, 0);
}

/* ---- values are what their parsers say, however quickly they were read ---- */

static void put_time_text(struct mc_rng *r, struct mc_buf *b) {
    mc_buf_printf(b, "2020-01-01%c0%d:0%d:%d%d", " T"[chance(r, 20)], (int)mc_rng_below(r, 2), (int)mc_rng_below(r, 2),
                  (int)mc_rng_below(r, 8), (int)mc_rng_below(r, 10));
    mc_buf_str(b, ANY(r, "", "", " UTC", " UTC", "Z", ".5", ".5Z", "+01:00", " utc", "x"));
}

static void put_price_text(struct mc_rng *r, struct mc_buf *b) {
    for (int part = 0; part < 2; part++) {
        for (uint64_t n = mc_rng_below(r, part ? 4 : 10); n > 0; n--)
            mc_buf_char(b, chance(r, 97) ? (char)('0' + mc_rng_below(r, 10)) : "eE+-x:/"[mc_rng_below(r, 7)]);
        if (part == 0 && chance(r, 80))
            mc_buf_char(b, '.');
    }
}

static void values_round(struct mc_rng *r) {
    enum { ROWS = 40 };
    struct mc_buf bytes = {0}, times[ROWS] = {{0}}, prices[ROWS] = {{0}};
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    for (int i = 0; i < ROWS; i++) {
        put_time_text(r, &times[i]);
        put_price_text(r, &prices[i]);
        mc_buf_printf(&bytes, "%s,view,p,,,,%s,u,s,,\n", mc_buf_cstr(&times[i]), mc_buf_cstr(&prices[i]));
    }
    load(&batch, bytes.data, bytes.len);
    check(mc_csv_decode(&decoder, &batch, true, NULL) == MC_OK && batch.row_count == ROWS);
    for (uint32_t i = 0, e = 0; i < ROWS; i++) {
        struct mc_time time;
        int64_t price = MC_PRICE_NONE;
        bool good = mc_time_parse(mc_buf_view(&times[i]), &time) &&
                    (prices[i].len == 0 || (mc_price_parse(mc_buf_view(&prices[i]), &price) && price >= 0));
        bool is_event = e < batch.event_count && batch.event_rows[e].number == i;
        check(is_event == good);
        check(!is_event || (batch.events[e].time.us == time.us && batch.events[e].price == price));
        e += is_event;
        mc_buf_free(&times[i]);
        mc_buf_free(&prices[i]);
    }
    mc_buf_free(&bytes);
    mc_batch_free(&batch);
}

static void test_values_are_what_their_parsers_say(void **state) {
    (void)state;
    seed_rounds(5000, values_round);
}

/* ---- the shape: equal ones mean equal values of the dimension ---- */

static bool same_slice(const struct mc_batch *b, struct mc_slice x, struct mc_slice y) {
    return mc_str_equal(mc_slice_str(b->bytes.data, x), mc_slice_str(b->bytes.data, y));
}

static void check_shapes(const struct mc_batch *b) {
    for (uint32_t i = 0; i < b->event_count; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct mc_event *x = &b->events[i], *y = &b->events[k];
            check(x->shape == 0 || x->shape != y->shape ||
                  (same_slice(b, x->category_id, y->category_id) && same_slice(b, x->category_code, y->category_code) &&
                   same_slice(b, x->brand, y->brand)));
        }
}

static void put_value(struct mc_rng *r, struct mc_buf *b) {
    bool quoted = chance(r, 40);
    mc_buf_text(b, quoted ? "\"" : "");
    for (uint64_t n = mc_rng_below(r, 5); n > 0; n--)
        mc_buf_text(b, quoted ? (const char *[]){"a", " ", ",", "\"\"", " "}[mc_rng_below(r, 5)]
                              : (const char *[]){"a", " "}[mc_rng_below(r, 2)]);
    mc_buf_text(b, quoted ? "\"" : "");
}

static void shape_round(struct mc_rng *r) {
    struct mc_buf bytes = {0};
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    for (int i = 0; i < 60; i++) {
        mc_buf_text(&bytes, "2020-01-01 00:00:00,view,p,");
        for (int k = 0; k < 3; k++) {
            put_value(r, &bytes);
            mc_buf_char(&bytes, ',');
        }
        mc_buf_text(&bytes, ",u,s,,\n");
    }
    load(&batch, bytes.data, bytes.len);
    check(mc_csv_decode(&decoder, &batch, true, NULL) == MC_OK && batch.event_count == 60);
    check_shapes(&batch);
    mc_buf_free(&bytes);
    mc_batch_free(&batch);
}

static void test_shape_is_of_the_three_values(void **state) {
    (void)state;
    struct mc_batch batch = {0};
    struct mc_csv_decoder decoder;
    static const char rows[] = "2020-01-01 00:00:00,view,p,\"a\"\" b\"\" \",\"c\"\" \",\"d\"\"\",,u,s,,\n"
                               "2020-01-01 00:00:00,view,p,\"a\"\" \",\"b\"\" c\"\" \",\"d\"\"\",,u,s,,\n";
    mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
    load(&batch, rows, sizeof rows - 1);
    assert_int_equal(mc_csv_decode(&decoder, &batch, true, NULL), MC_OK);
    assert_int_equal(batch.event_count, 2);
    check_shapes(&batch);
    mc_batch_free(&batch);
    seed_rounds(500, shape_round);
}

/* ---- no memory ---- */

static void test_nth_allocation_fails(void **state) {
    (void)state;
    struct mc_rng r;
    mc_rng_seed(&r, seed_now = 3);
    struct mc_buf bytes = {0};
    for (int i = 0; i < 1500; i++)
        put_good_row(&r, &bytes);
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        struct mc_batch batch = {0};
        struct mc_csv_decoder decoder;
        struct mc_error e = {0};
        mc_csv_decoder_init(&decoder, &layout, (struct mc_str){0});
        load(&batch, bytes.data, bytes.len);
        mc_mem_fail_at(n);
        enum mc_err err = mc_csv_decode(&decoder, &batch, true, &e);
        failed = mc_mem_failed();
        mc_mem_fail_at(0);
        assert_int_equal(err, failed ? MC_ERR_NOMEM : MC_OK);
        assert_int_equal(e.code, err);
        mc_batch_reset(&batch);
        mc_batch_free(&batch);
    }
    mc_buf_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_the_longest_row),
        cmocka_unit_test(test_more_bytes_change_nothing),
        cmocka_unit_test(test_all_ways_are_one),
        cmocka_unit_test(test_the_first_check_names_the_reason),
        cmocka_unit_test(test_values_of_an_event),
        cmocka_unit_test(test_values_are_what_their_parsers_say),
        cmocka_unit_test(test_shape_is_of_the_three_values),
        cmocka_unit_test(test_nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, open_layout, close_layout);
}

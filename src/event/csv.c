/* Rows to events: splitting into fields by the two ways, then the checks of SEMANTICS 2 in their order. */
#include "event/csv.h"

#include "base/mem.h"
#include "event/csv_fields.h"
#include "event/price.h"
#include "event/scan.h"

/* Inlined into loops that know some of its arguments: what they know then costs nothing. */
#define INLINED static inline __attribute__((always_inline))

/* Fields by column; absent columns stay empty, ignored ones share the last place. */
struct fields {
    struct mc_slice of[MC_COLUMNS + 1];
};

void mc_csv_decoder_init(struct mc_csv_decoder *decoder, const struct mc_layout *layout, struct mc_str currency) {
    *decoder = (struct mc_csv_decoder){.layout = layout, .currency = currency, .minute_us = MC_TIME_NONE_US};
}

static inline struct mc_slice trimmed(const char *bytes, struct mc_slice s) {
    /* Bytes above the space are the rule: one look at both ends settles most fields. */
    if (s.len == 0 || ((unsigned char)bytes[s.offset] > ' ' && (unsigned char)bytes[s.offset + s.len - 1] > ' '))
        return s;
    struct mc_str t = mc_str_trim(mc_slice_str(bytes, s));
    return (struct mc_slice){t.len ? (uint32_t)(t.data - bytes) : s.offset, (uint32_t)t.len};
}

static bool same_minute(const struct mc_csv_decoder *d, const char *text) {
    return memcmp(text, d->minute_text, sizeof d->minute_text) == 0;
}

/* What may stand behind the seconds for the instant to be UTC, by the byte between date and time. */
static inline bool is_utc_rest(const char *text, size_t len) {
    bool is_z = len == 20 && text[19] == 'Z';
    return text[10] == 'T' ? is_z : len == 19 || is_z || (len == 23 && memcmp(text + 19, " UTC", 4) == 0);
}

/* Rows come nearly sorted: most share the minute of the row before, and only the seconds are read. */
static inline bool parse_time(struct mc_csv_decoder *d, struct mc_str text, struct mc_time *out) {
    if (text.len >= 19 && d->minute_us != MC_TIME_NONE_US && same_minute(d, text.data) && text.data[16] == ':') {
        unsigned tens = (unsigned)(unsigned char)text.data[17] - '0',
                 ones = (unsigned)(unsigned char)text.data[18] - '0';
        if (tens <= 5 && ones <= 9 && is_utc_rest(text.data, text.len)) {
            out->us = d->minute_us + (int64_t)(tens * 10 + ones) * MC_SECOND_US;
            return true;
        }
    }
    if (!mc_time_parse(text, out))
        return false;
    if (text.len >= 19 && is_utc_rest(text.data, text.len)) {
        memcpy(d->minute_text, text.data, sizeof d->minute_text);
        d->minute_us = out->us - out->us % MC_MINUTE_US;
    }
    return true;
}

static const struct {
    struct mc_str name;
    uint8_t type;
} type_names[] = {{{"view", 4}, MC_VIEW},
                  {{"cart", 4}, MC_CART},
                  {{"remove_from_cart", 16}, MC_REMOVE_FROM_CART},
                  {{"purchase", 8}, MC_PURCHASE},
                  {{"removefromcart", 14}, MC_REMOVE_FROM_CART}};

static bool parse_any_type(struct mc_str text, uint8_t *type) {
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (mc_str_equal_nocase(text, type_names[i].name)) {
            *type = type_names[i].type;
            return true;
        }
    return false;
}

/* Lower case, as nearly always, is told by length and a comparison of fixed size. */
static inline bool parse_type(struct mc_str text, uint8_t *type) {
    if (text.len == 4 && memcmp(text.data, "view", 4) == 0)
        *type = MC_VIEW;
    else if (text.len == 4 && memcmp(text.data, "cart", 4) == 0)
        *type = MC_CART;
    else if (text.len == 16 && memcmp(text.data, "remove_from_cart", 16) == 0)
        *type = MC_REMOVE_FROM_CART;
    else if (text.len == 8 && memcmp(text.data, "purchase", 8) == 0)
        *type = MC_PURCHASE;
    else
        return parse_any_type(text, type);
    return true;
}

static inline unsigned digit_of(char c) {
    return (unsigned)(unsigned char)c - '0';
}

/* The form of nearly every price: up to seven digits, then nothing or a point and one or two digits. */
static inline bool usual_price(struct mc_str text, int64_t *price) {
    size_t i = 0;
    int64_t value = 0;
    for (unsigned digit; i < text.len && i < 7 && (digit = digit_of(text.data[i])) <= 9; i++)
        value = value * 10 + digit;
    size_t rest = text.len - i;
    if (i == 0 || rest == 1 || rest > 3 || (rest > 1 && text.data[i] != '.'))
        return false;
    unsigned tenths = rest > 1 ? digit_of(text.data[i + 1]) : 0, hundredths = rest > 2 ? digit_of(text.data[i + 2]) : 0;
    *price = value * 100 + tenths * 10 + hundredths;
    return tenths <= 9 && hundredths <= 9;
}

static inline bool price_or_none(struct mc_str text, int64_t *price) {
    if (usual_price(text, price))
        return true;
    *price = MC_PRICE_NONE;
    return text.len == 0 || mc_price_parse(text, price);
}

/* The first of missing_product to too_long that holds: one look tells of nearly every row that none does. */
static enum mc_reason check_lengths_one_by_one(const struct mc_event *ev) {
    if (ev->product.len == 0)
        return MC_MISSING_PRODUCT;
    if (ev->user.len == 0)
        return MC_MISSING_USER;
    if (ev->session.len == 0)
        return MC_MISSING_SESSION;
    bool too_long = ev->product.len > MC_ID_BYTES_MAX || ev->user.len > MC_ID_BYTES_MAX ||
                    ev->session.len > MC_ID_BYTES_MAX || ev->category_id.len > MC_TEXT_BYTES_MAX ||
                    ev->category_code.len > MC_TEXT_BYTES_MAX || ev->brand.len > MC_TEXT_BYTES_MAX ||
                    ev->order_id.len > MC_TEXT_BYTES_MAX || ev->message_id.len > MC_TEXT_BYTES_MAX;
    return too_long ? MC_TOO_LONG : MC_ACCEPTED;
}

static inline enum mc_reason check_lengths(const struct mc_event *ev) {
    uint32_t ids = (ev->product.len - 1) | (ev->user.len - 1) | (ev->session.len - 1);
    uint32_t texts =
        ev->category_id.len | ev->category_code.len | ev->brand.len | ev->order_id.len | ev->message_id.len;
    return ids < MC_ID_BYTES_MAX && texts < MC_TEXT_BYTES_MAX ? MC_ACCEPTED : check_lengths_one_by_one(ev);
}

static enum mc_reason check_price(const struct mc_event *ev) {
    if (ev->price == MC_PRICE_NONE)
        return ev->type == MC_CART || ev->type == MC_PURCHASE ? MC_MISSING_PRICE : MC_ACCEPTED;
    return ev->price < 0 ? MC_NEGATIVE_PRICE : MC_ACCEPTED;
}

/* All fields trimmed: `edges` false says that none needs it. */
INLINED void trim_fields(const char *bytes, struct fields *f, bool edges) {
    for (int c = 0; edges && c < MC_COLUMNS; c++)
        f->of[c] = trimmed(bytes, f->of[c]);
}

INLINED void set_strings(struct mc_event *ev, const struct fields *f) {
    ev->product = f->of[MC_COLUMN_PRODUCT_ID];
    ev->user = f->of[MC_COLUMN_USER_ID];
    ev->session = f->of[MC_COLUMN_USER_SESSION];
    ev->category_id = f->of[MC_COLUMN_CATEGORY_ID];
    ev->category_code = f->of[MC_COLUMN_CATEGORY_CODE];
    ev->brand = f->of[MC_COLUMN_BRAND];
    ev->order_id = f->of[MC_COLUMN_ORDER_ID];
    ev->message_id = f->of[MC_COLUMN_MESSAGE_ID];
}

/* In the usual order of columns the three stand side by side, and one hash of the bytes between their ends, commas
 * among them, tells all; otherwise it stays unknown. (Unescaped copies can stand side by side without a comma between.)
 */
static inline uint64_t shape_of(const struct mc_event *ev, const char *bytes) {
    uint32_t start = ev->category_id.offset, len = ev->brand.offset + ev->brand.len - start;
    bool side_by_side = ev->category_code.offset == start + ev->category_id.len + 1 &&
                        ev->brand.offset == ev->category_code.offset + ev->category_code.len + 1 &&
                        bytes[ev->category_code.offset - 1] == ',' && bytes[ev->brand.offset - 1] == ',';
    return side_by_side ? mc_hash64(bytes + start, len) : 0;
}

INLINED void set_hashes(struct mc_event *ev, const char *bytes) {
    ev->product_hash = mc_hash64(bytes + ev->product.offset, ev->product.len);
    ev->user_hash = mc_hash64(bytes + ev->user.offset, ev->user.len);
    ev->session_hash = mc_hash64(bytes + ev->session.offset, ev->session.len);
    ev->shape = shape_of(ev, bytes);
}

INLINED struct mc_str text_of(const char *bytes, const struct fields *f, enum mc_column column) {
    return mc_slice_str(bytes, f->of[column]);
}

/* The checks of SEMANTICS 2 in their order, from bad_time to bad_currency, of trimmed fields; fills the event on the
 * way. */
INLINED enum mc_reason to_event(struct mc_csv_decoder *d, const char *bytes, const struct fields *f,
                                struct mc_event *ev) {
    if (!parse_time(d, text_of(bytes, f, MC_COLUMN_EVENT_TIME), &ev->time))
        return MC_BAD_TIME;
    if (!parse_type(text_of(bytes, f, MC_COLUMN_EVENT_TYPE), &ev->type))
        return MC_UNKNOWN_TYPE;
    set_strings(ev, f);
    enum mc_reason reason = check_lengths(ev);
    if (reason != MC_ACCEPTED)
        return reason;
    if (!price_or_none(text_of(bytes, f, MC_COLUMN_PRICE), &ev->price))
        return MC_BAD_PRICE;
    reason = check_price(ev);
    if (reason != MC_ACCEPTED)
        return reason;
    struct mc_str quantity = text_of(bytes, f, MC_COLUMN_QUANTITY), currency = text_of(bytes, f, MC_COLUMN_CURRENCY);
    ev->quantity = 1;
    if (quantity.len > 0 && !mc_quantity_parse(quantity, &ev->quantity))
        return MC_BAD_QUANTITY;
    if (currency.len > 0 && d->currency.len > 0 && !mc_str_equal(currency, d->currency))
        return MC_BAD_CURRENCY;
    set_hashes(ev, bytes);
    return MC_ACCEPTED;
}

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the rows of a batch");
}

static enum mc_err add_reject(struct mc_batch *b, struct mc_slice raw, enum mc_reason reason, struct mc_error *e) {
    if (!mc_batch_reserve_reject(b))
        return no_memory(e);
    b->rejects[b->reject_count++] = (struct mc_batch_reject){{b->row_count++, raw}, reason};
    return MC_OK;
}

/* There is room for an event. */
INLINED enum mc_err add_row(struct mc_csv_decoder *d, struct mc_batch *b, const struct fields *f, struct mc_slice raw,
                            struct mc_error *e) {
    enum mc_reason reason = to_event(d, b->bytes.data, f, &b->events[b->event_count]);
    if (reason != MC_ACCEPTED)
        return add_reject(b, raw, reason, e);
    b->event_rows[b->event_count] = (struct mc_row){b->row_count++, raw};
    b->duplicate[b->event_count++] = 0;
    return MC_OK;
}

static bool is_text(const char *bytes, struct mc_slice raw) {
    struct mc_str s = mc_slice_str(bytes, raw);
    return memchr(s.data, 0, s.len) == NULL && mc_str_is_utf8(s);
}

/* ---- byte by byte ---- */

/* One well-quoted row. False in *fits when it has the wrong number of fields. */
static void split(const struct mc_layout *layout, struct mc_batch *b, struct mc_slice raw, struct fields *f,
                  bool *fits) {
    struct mc_field_cursor cursor = {.at = raw.offset, .end = raw.offset + raw.len};
    struct mc_slice field;
    uint32_t count = 0;
    while (mc_csv_next_field(&b->bytes, &cursor, &field)) {
        if (count < layout->count)
            f->of[layout->column[count]] = field;
        count++;
    }
    *fits = count == layout->count;
}

static enum mc_err decode_row(struct mc_csv_decoder *d, struct mc_batch *b, size_t at, bool last, struct fields *f,
                              size_t *end, struct mc_error *e) {
    struct mc_row_bounds row = mc_csv_row(b->bytes.data + at, b->raw_len - at, last);
    if (row.state == MC_ROW_UNFINISHED) /* the caller gave whole rows: only the last may lack its end */
        row = mc_csv_row(b->bytes.data + at, b->raw_len - at, true);
    *end = at + row.end;
    struct mc_slice raw = {(uint32_t)at, (uint32_t)row.content};
    bool fits = row.state == MC_ROW_GOOD && is_text(b->bytes.data, raw);
    if (fits)
        split(d->layout, b, raw, f, &fits);
    if (!fits)
        return add_reject(b, raw, MC_MALFORMED_ROW, e);
    if (!mc_batch_reserve_event(b))
        return no_memory(e);
    trim_fields(b->bytes.data, f, true);
    return add_row(d, b, f, raw, e);
}

static enum mc_err decode_bytewise(struct mc_csv_decoder *d, struct mc_batch *b, size_t at, bool last,
                                   struct mc_error *e) {
    struct fields f = {0};
    if (mc_buf_reserve(&b->bytes, b->raw_len) == NULL) /* unescaped copies are never longer than the rows */
        return no_memory(e);
    enum mc_err err = MC_OK;
    while (at < b->raw_len && err == MC_OK)
        err = decode_row(d, b, at, last, &f, &at, e);
    return err;
}

/* ---- by positions of commas and line feeds ---- */

/* Where the columns stand in a row: the field of each, or ABSENT. */
enum { ABSENT = 255 };

struct places {
    uint32_t of[MC_COLUMNS];
};

static const struct places usual_places = {{0, 1, 2, 3, 4, 5, 6, 7, 8, ABSENT, ABSENT, ABSENT, ABSENT}};
enum { USUAL_FIELDS = 9 };

/* False when a column stands too far to the right. */
static bool find_places(const struct mc_layout *layout, struct places *places) {
    for (int c = 0; c < MC_COLUMNS; c++)
        places->of[c] = ABSENT;
    for (uint32_t i = 0; i < layout->count; i++)
        if (layout->column[i] != MC_COLUMN_IGNORED) {
            if (i >= ABSENT)
                return false;
            places->of[layout->column[i]] = i;
        }
    return true;
}

static bool is_usual(const struct places *places, uint32_t fields) {
    return fields == USUAL_FIELDS && memcmp(places, &usual_places, sizeof *places) == 0;
}

static bool reserve_positions(struct mc_batch *b) {
    /* As many positions as bytes in the worst case; the untouched part of a large block costs no memory. */
    size_t cap = 1 + b->raw_len + MC_SCAN_SLACK;
    if (b->position_cap >= cap)
        return true;
    mc_free(b->positions);
    b->positions = mc_malloc(cap * sizeof *b->positions);
    b->position_cap = b->positions ? cap : 0;
    return b->positions != NULL;
}

/* The field between two structural bytes: `at` are those of a row, at[-1] is the line feed before it. */
INLINED struct mc_slice field_at(const uint32_t *at, uint32_t place) {
    if (place == ABSENT)
        return (struct mc_slice){0};
    uint32_t start = at[(int64_t)place - 1] + 1;
    return (struct mc_slice){start, at[place] - start};
}

INLINED struct fields take_fields(const uint32_t *at, const struct places *p) {
    struct fields f;
    f.of[MC_COLUMN_EVENT_TIME] = field_at(at, p->of[MC_COLUMN_EVENT_TIME]);
    f.of[MC_COLUMN_EVENT_TYPE] = field_at(at, p->of[MC_COLUMN_EVENT_TYPE]);
    f.of[MC_COLUMN_PRODUCT_ID] = field_at(at, p->of[MC_COLUMN_PRODUCT_ID]);
    f.of[MC_COLUMN_CATEGORY_ID] = field_at(at, p->of[MC_COLUMN_CATEGORY_ID]);
    f.of[MC_COLUMN_CATEGORY_CODE] = field_at(at, p->of[MC_COLUMN_CATEGORY_CODE]);
    f.of[MC_COLUMN_BRAND] = field_at(at, p->of[MC_COLUMN_BRAND]);
    f.of[MC_COLUMN_PRICE] = field_at(at, p->of[MC_COLUMN_PRICE]);
    f.of[MC_COLUMN_USER_ID] = field_at(at, p->of[MC_COLUMN_USER_ID]);
    f.of[MC_COLUMN_USER_SESSION] = field_at(at, p->of[MC_COLUMN_USER_SESSION]);
    f.of[MC_COLUMN_QUANTITY] = field_at(at, p->of[MC_COLUMN_QUANTITY]);
    f.of[MC_COLUMN_CURRENCY] = field_at(at, p->of[MC_COLUMN_CURRENCY]);
    f.of[MC_COLUMN_ORDER_ID] = field_at(at, p->of[MC_COLUMN_ORDER_ID]);
    f.of[MC_COLUMN_MESSAGE_ID] = field_at(at, p->of[MC_COLUMN_MESSAGE_ID]);
    return f;
}

/* Whether the next structural bytes are those of one row of so many fields. */
INLINED bool is_whole_row(const char *bytes, const uint32_t *at, uint32_t fields, size_t left) {
    if (left < fields)
        return false;
    unsigned differs = (unsigned char)bytes[at[fields - 1]] ^ (unsigned)'\n';
#pragma GCC unroll 8
    for (uint32_t i = 0; i < fields - 1; i++)
        differs |= (unsigned char)bytes[at[i]] ^ (unsigned)',';
    return differs == 0;
}

static size_t upto_feed(const char *bytes, const uint32_t *at) {
    size_t count = 1;
    while (bytes[at[count - 1]] != '\n')
        count++;
    return count;
}

/* The rows of one scan: compiled once for the usual columns without white space around the fields, once for all else.
 */
INLINED enum mc_err decode_rows(struct mc_csv_decoder *d, struct mc_batch *b, const struct mc_scan *scan,
                                const struct places *places, uint32_t fields, bool edges, struct mc_error *e) {
    const char *bytes = b->bytes.data;
    const uint32_t *at = b->positions + 1, *end = at + scan->count;
    bool is_suspect = scan->has_high || scan->has_nul;
    while (at < end) {
        bool fits = is_whole_row(bytes, at, fields, (size_t)(end - at));
        size_t structurals = fits ? fields : upto_feed(bytes, at);
        struct mc_slice raw = field_at(at, 0);
        raw.len = at[structurals - 1] - raw.offset;
        raw.len -= edges && raw.len > 0 && bytes[raw.offset + raw.len - 1] == '\r';
        fits = fits && raw.len <= MC_ROW_BYTES_MAX && !(is_suspect && !is_text(bytes, raw));
        enum mc_err err;
        if (fits) {
            struct fields f = take_fields(at, places);
            trim_fields(bytes, &f, edges); /* which cuts the CR too */
            err = add_row(d, b, &f, raw, e);
        } else {
            err = add_reject(b, raw, MC_MALFORMED_ROW, e);
        }
        if (err != MC_OK)
            return err;
        at += structurals;
    }
    return MC_OK;
}

static enum mc_err decode_usual_rows(struct mc_csv_decoder *d, struct mc_batch *b, const struct mc_scan *scan,
                                     struct mc_error *e) {
    return decode_rows(d, b, scan, &usual_places, USUAL_FIELDS, false, e);
}

static enum mc_err decode_any_rows(struct mc_csv_decoder *d, struct mc_batch *b, const struct mc_scan *scan,
                                   const struct places *places, struct mc_error *e) {
    return decode_rows(d, b, scan, places, d->layout->count, true, e);
}

static enum mc_err decode_lines(struct mc_csv_decoder *d, struct mc_batch *b, const struct places *places, bool last,
                                struct mc_error *e) {
    const char *feed = memrchr(b->bytes.data, '\n', b->raw_len);
    size_t lines_len = feed ? (size_t)(feed - b->bytes.data) + 1 : 0;
    b->positions[0] = UINT32_MAX; /* the line feed before the first row */
    struct mc_scan scan = mc_scan_structurals(b->bytes.data, lines_len, b->positions + 1);
    if (!mc_batch_reserve_events(b, (uint32_t)(scan.count / d->layout->count) + 1))
        return no_memory(e);
    bool usual = !scan.has_edges && is_usual(places, d->layout->count);
    enum mc_err err = usual ? decode_usual_rows(d, b, &scan, e) : decode_any_rows(d, b, &scan, places, e);
    return err == MC_OK && lines_len < b->raw_len ? decode_bytewise(d, b, lines_len, last, e) : err;
}

enum mc_err mc_csv_decode(struct mc_csv_decoder *decoder, struct mc_batch *batch, bool last, struct mc_error *e) {
    struct places places;
    batch->event_count = batch->reject_count = batch->row_count = 0;
    if (batch->raw_len == 0)
        return MC_OK;
    if (memchr(batch->bytes.data, '"', batch->raw_len) != NULL || !find_places(decoder->layout, &places))
        return decode_bytewise(decoder, batch, 0, last, e);
    return reserve_positions(batch) ? decode_lines(decoder, batch, &places, last, e) : no_memory(e);
}

/* Rows to events: splitting into fields by the two ways, then the checks of SEMANTICS 2 in their order. */
#include "event/csv.h"

#include "base/mem.h"
#include "event/csv_fields.h"
#include "event/price.h"
#include "event/scan.h"

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
        unsigned tens = (unsigned)(unsigned char)text.data[17] - '0', ones = (unsigned)(unsigned char)text.data[18] - '0';
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

static inline bool price_or_none(struct mc_str text, int64_t *price) {
    /* The form of nearly every row: up to six digits, a point, one or two digits. */
    size_t i = 0;
    int64_t whole = 0;
    for (; i < text.len && i < 6 && (unsigned char)(text.data[i] - '0') <= 9; i++)
        whole = whole * 10 + (text.data[i] - '0');
    if (i > 0 && text.len - i == 3 && text.data[i] == '.' && (unsigned char)(text.data[i + 1] - '0') <= 9 &&
        (unsigned char)(text.data[i + 2] - '0') <= 9) {
        *price = whole * 100 + (text.data[i + 1] - '0') * 10 + (text.data[i + 2] - '0');
        return true;
    }
    *price = MC_PRICE_NONE;
    return text.len == 0 || mc_price_parse(text, price);
}

static bool any_too_long(const struct mc_event *ev) {
    return ev->product.len > MC_ID_BYTES_MAX || ev->user.len > MC_ID_BYTES_MAX || ev->session.len > MC_ID_BYTES_MAX ||
           ev->category_id.len > MC_TEXT_BYTES_MAX || ev->category_code.len > MC_TEXT_BYTES_MAX ||
           ev->brand.len > MC_TEXT_BYTES_MAX || ev->order_id.len > MC_TEXT_BYTES_MAX ||
           ev->message_id.len > MC_TEXT_BYTES_MAX;
}

static enum mc_reason check_price(const struct mc_event *ev) {
    if (ev->price == MC_PRICE_NONE)
        return ev->type == MC_CART || ev->type == MC_PURCHASE ? MC_MISSING_PRICE : MC_ACCEPTED;
    return ev->price < 0 ? MC_NEGATIVE_PRICE : MC_ACCEPTED;
}

static void set_strings(struct mc_event *ev, const char *bytes, const struct fields *f) {
    ev->product = trimmed(bytes, f->of[MC_COLUMN_PRODUCT_ID]);
    ev->user = trimmed(bytes, f->of[MC_COLUMN_USER_ID]);
    ev->session = trimmed(bytes, f->of[MC_COLUMN_USER_SESSION]);
    ev->category_id = trimmed(bytes, f->of[MC_COLUMN_CATEGORY_ID]);
    ev->category_code = trimmed(bytes, f->of[MC_COLUMN_CATEGORY_CODE]);
    ev->brand = trimmed(bytes, f->of[MC_COLUMN_BRAND]);
    ev->order_id = trimmed(bytes, f->of[MC_COLUMN_ORDER_ID]);
    ev->message_id = trimmed(bytes, f->of[MC_COLUMN_MESSAGE_ID]);
}

/* In the usual order of columns the three stand side by side, and one hash of the bytes between their ends, commas among
 * them, tells all; otherwise it stays unknown. */
static inline uint64_t shape_of(const struct mc_event *ev, const char *bytes) {
    uint32_t start = ev->category_id.offset, len = ev->brand.offset + ev->brand.len - start;
    bool side_by_side = ev->category_code.offset == start + ev->category_id.len + 1 &&
                        ev->brand.offset == ev->category_code.offset + ev->category_code.len + 1;
    return side_by_side ? mc_hash64(bytes + start, len) : 0;
}

static void set_hashes(struct mc_event *ev, const char *bytes) {
    ev->product_hash = mc_hash64(bytes + ev->product.offset, ev->product.len);
    ev->user_hash = mc_hash64(bytes + ev->user.offset, ev->user.len);
    ev->session_hash = mc_hash64(bytes + ev->session.offset, ev->session.len);
    ev->shape = shape_of(ev, bytes);
}

/* The checks of SEMANTICS 2 in their order, from bad_time to bad_currency; fills the event on the way. */
static enum mc_reason to_event(struct mc_csv_decoder *d, const char *bytes, const struct fields *f, struct mc_event *ev) {
    struct mc_str column[MC_COLUMNS];
    static const uint8_t parsed[] = {MC_COLUMN_EVENT_TIME, MC_COLUMN_EVENT_TYPE, MC_COLUMN_PRICE, MC_COLUMN_QUANTITY,
                                     MC_COLUMN_CURRENCY};
    for (size_t i = 0; i < sizeof parsed; i++)
        column[parsed[i]] = mc_slice_str(bytes, trimmed(bytes, f->of[parsed[i]]));
    if (!parse_time(d, column[MC_COLUMN_EVENT_TIME], &ev->time))
        return MC_BAD_TIME;
    if (!parse_type(column[MC_COLUMN_EVENT_TYPE], &ev->type))
        return MC_UNKNOWN_TYPE;
    set_strings(ev, bytes, f);
    if (ev->product.len == 0)
        return MC_MISSING_PRODUCT;
    if (ev->user.len == 0)
        return MC_MISSING_USER;
    if (ev->session.len == 0)
        return MC_MISSING_SESSION;
    if (any_too_long(ev))
        return MC_TOO_LONG;
    if (!price_or_none(column[MC_COLUMN_PRICE], &ev->price))
        return MC_BAD_PRICE;
    enum mc_reason reason = check_price(ev);
    if (reason != MC_ACCEPTED)
        return reason;
    ev->quantity = 1;
    if (column[MC_COLUMN_QUANTITY].len > 0 && !mc_quantity_parse(column[MC_COLUMN_QUANTITY], &ev->quantity))
        return MC_BAD_QUANTITY;
    if (column[MC_COLUMN_CURRENCY].len > 0 && d->currency.len > 0 && !mc_str_equal(column[MC_COLUMN_CURRENCY], d->currency))
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

static inline enum mc_err add_row(struct mc_csv_decoder *d, struct mc_batch *b, const struct fields *f, struct mc_slice raw,
                                  struct mc_error *e) {
    if (!mc_batch_reserve_event(b))
        return no_memory(e);
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
static void split(const struct mc_layout *layout, struct mc_batch *b, struct mc_slice raw, struct fields *f, bool *fits) {
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
    return fits ? add_row(d, b, f, raw, e) : add_reject(b, raw, MC_MALFORMED_ROW, e);
}

static enum mc_err decode_bytewise(struct mc_csv_decoder *d, struct mc_batch *b, size_t at, bool last, struct mc_error *e) {
    struct fields f = {0};
    if (mc_buf_reserve(&b->bytes, b->raw_len) == NULL) /* unescaped copies are never longer than the rows */
        return no_memory(e);
    enum mc_err err = MC_OK;
    while (at < b->raw_len && err == MC_OK)
        err = decode_row(d, b, at, last, &f, &at, e);
    return err;
}

/* ---- by positions of commas and line feeds ---- */

static bool reserve_positions(struct mc_batch *b) {
    /* As many positions as bytes in the worst case; the untouched part of a large block costs no memory. */
    size_t cap = b->raw_len + MC_SCAN_SLACK;
    if (b->position_cap >= cap)
        return true;
    mc_free(b->positions);
    b->positions = mc_malloc(cap * sizeof *b->positions);
    b->position_cap = b->positions ? cap : 0;
    return b->positions != NULL;
}

/* One row whose first structural byte is positions[k]. Returns how many of them belong to it. */
struct line {
    uint32_t structurals; /* its commas and its line feed */
    bool fits;            /* the wanted number of fields */
    struct mc_slice raw;
};

static inline struct line split_line(const struct mc_layout *layout, const char *bytes, uint32_t start,
                                     const uint32_t *positions, struct fields *f) {
    uint32_t i = 0, field_start = start;
    while (bytes[positions[i]] == ',') {
        if (i < layout->count)
            f->of[layout->column[i]] = (struct mc_slice){field_start, positions[i] - field_start};
        field_start = positions[i++] + 1;
    }
    uint32_t end = positions[i];
    end -= end > start && bytes[end - 1] == '\r';
    if (i < layout->count)
        f->of[layout->column[i]] = (struct mc_slice){field_start, end > field_start ? end - field_start : 0};
    return (struct line){i + 1, i + 1 == layout->count, {start, end - start}};
}

static enum mc_err decode_lines(struct mc_csv_decoder *d, struct mc_batch *b, bool last, struct mc_error *e) {
    const char *feed = b->raw_len ? memrchr(b->bytes.data, '\n', b->raw_len) : NULL;
    size_t lines_len = feed ? (size_t)(feed - b->bytes.data) + 1 : 0;
    struct mc_scan scan = mc_scan_structurals(b->bytes.data, lines_len, b->positions);
    bool is_suspect = scan.has_high || scan.has_nul;
    struct fields f = {0};
    uint32_t start = 0;
    for (size_t k = 0; k < scan.count;) {
        struct line line = split_line(d->layout, b->bytes.data, start, b->positions + k, &f);
        k += line.structurals;
        start = b->positions[k - 1] + 1;
        bool fits = line.fits && line.raw.len <= MC_ROW_BYTES_MAX && !(is_suspect && !is_text(b->bytes.data, line.raw));
        enum mc_err err = fits ? add_row(d, b, &f, line.raw, e) : add_reject(b, line.raw, MC_MALFORMED_ROW, e);
        if (err != MC_OK)
            return err;
    }
    return lines_len < b->raw_len ? decode_bytewise(d, b, lines_len, last, e) : MC_OK;
}

enum mc_err mc_csv_decode(struct mc_csv_decoder *decoder, struct mc_batch *batch, bool last, struct mc_error *e) {
    batch->event_count = batch->reject_count = batch->row_count = 0;
    if (batch->raw_len == 0)
        return MC_OK;
    if (memchr(batch->bytes.data, '"', batch->raw_len) != NULL)
        return decode_bytewise(decoder, batch, 0, last, e);
    return reserve_positions(batch) ? decode_lines(decoder, batch, last, e) : no_memory(e);
}

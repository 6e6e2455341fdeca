/* Rows to events: splitting into fields by the two ways, then the checks of SEMANTICS 2 in their order. */
#include "event/csv.h"

#include "base/mem.h"
#include "event/checks.h"
#include "event/csv_fields.h"
#include "event/scan.h"

void mc_csv_decoder_init(struct mc_csv_decoder *decoder, const struct mc_layout *layout, struct mc_str currency) {
    *decoder = (struct mc_csv_decoder){.layout = layout, .checks = mc_checks_of(currency)};
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
MC_INLINED enum mc_err add_row(struct mc_csv_decoder *d, struct mc_batch *b, const struct mc_fields *f,
                               struct mc_slice raw, struct mc_error *e) {
    struct mc_event *ev = &b->events[b->event_count];
    enum mc_reason reason = mc_fields_check(&d->checks, b->bytes.data, f, ev);
    if (reason != MC_ACCEPTED)
        return add_reject(b, raw, reason, e);
    ev->shape = shape_of(ev, b->bytes.data);
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
static void split(const struct mc_layout *layout, struct mc_batch *b, struct mc_slice raw, struct mc_fields *f,
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

static enum mc_err decode_row(struct mc_csv_decoder *d, struct mc_batch *b, size_t at, bool last, struct mc_fields *f,
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
    mc_fields_trim(b->bytes.data, f, true);
    return add_row(d, b, f, raw, e);
}

static enum mc_err decode_bytewise(struct mc_csv_decoder *d, struct mc_batch *b, size_t at, bool last,
                                   struct mc_error *e) {
    struct mc_fields f = {0};
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
MC_INLINED struct mc_slice field_at(const uint32_t *at, uint32_t place) {
    if (place == ABSENT)
        return (struct mc_slice){0};
    uint32_t start = at[(int64_t)place - 1] + 1;
    return (struct mc_slice){start, at[place] - start};
}

MC_INLINED struct mc_fields take_fields(const uint32_t *at, const struct places *p) {
    struct mc_fields f;
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
MC_INLINED bool is_whole_row(const char *bytes, const uint32_t *at, uint32_t fields, size_t left) {
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
MC_INLINED enum mc_err decode_rows(struct mc_csv_decoder *d, struct mc_batch *b, const struct mc_scan *scan,
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
            struct mc_fields f = take_fields(at, places);
            mc_fields_trim(bytes, &f, edges); /* which cuts the CR too */
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

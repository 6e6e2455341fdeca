/* Any bytes as a CSV file: a header if the first row is one, else rows of the default columns.
 *
 * Every byte belongs to exactly one row or terminator; the rows are those of the naive splitter; the bytewise way and
 * any cut into batches give what the fast way gives. */
#include "../test/event/csv_text.h"
#include "../test/event/naive_rows.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(struct mc_batch *batch, struct mc_str bytes) {
    mc_batch_reset(batch);
    mc_buf_str(&batch->bytes, bytes);
    batch->raw_len = bytes.len;
}

static void decode(const struct mc_layout *layout, struct mc_batch *batch, struct mc_str bytes, bool last) {
    struct mc_csv_decoder decoder;
    mc_csv_decoder_init(&decoder, layout, MC_STR("USD"));
    load(batch, bytes);
    assert(mc_csv_decode(&decoder, batch, last, NULL) == MC_OK);
}

static void each_byte_has_a_place(const struct mc_layout *layout, const struct mc_batch *b) {
    struct naive_row naive = {0};
    uint32_t e = 0, r = 0;
    size_t at = 0;
    for (uint32_t n = 0; n < b->row_count; n++) {
        bool is_event = e < b->event_count && b->event_rows[e].number == n;
        const struct mc_row *row = is_event ? &b->event_rows[e++] : &b->rejects[r++].row;
        assert(row->number == n && row->raw.offset == at);
        naive_row_read(b->bytes.data, b->raw_len, at, &naive);
        assert(row->raw.len == naive.content);
        struct mc_str raw = mc_slice_str(b->bytes.data, row->raw);
        bool good = naive.quoted_well && naive.fields == layout->count && memchr(raw.data, 0, raw.len) == NULL &&
                    mc_str_is_utf8(raw);
        assert(good == (is_event || b->rejects[r - 1].reason != MC_MALFORMED_ROW));
        struct mc_str terminator = {raw.data + raw.len, naive.end - at - naive.content};
        assert(mc_str_equal(terminator, MC_STR("\n")) || mc_str_equal(terminator, MC_STR("\r\n")) ||
               (terminator.len == 0 && naive.end == b->raw_len));
        at = naive.end;
    }
    assert(at == b->raw_len && e == b->event_count && r == b->reject_count);
    naive_row_free(&naive);
}

static void bytewise(const struct mc_layout *layout, struct mc_str rows, const struct mc_buf *expected) {
    struct mc_buf both = {0}, text = {0};
    struct mc_batch batch = {0};
    mc_buf_text(&both, "\"\"\n");
    mc_buf_str(&both, rows);
    decode(layout, &batch, mc_buf_view(&both), true);
    put_rows(&text, &batch, 1, 3);
    assert(mc_str_equal(mc_buf_view(&text), mc_buf_view(expected)));
    mc_buf_free(&both);
    mc_buf_free(&text);
    mc_batch_free(&batch);
}

/* As a source gives them out that reads `step` bytes at a time. */
static void in_pieces(const struct mc_layout *layout, struct mc_str rows, size_t step, const struct mc_buf *expected) {
    struct mc_buf text = {0};
    struct mc_batch batch = {0};
    for (size_t from = 0, upto = 0; from < rows.len;) {
        upto = upto + step < rows.len ? upto + step : rows.len;
        bool last = upto == rows.len;
        size_t whole = mc_csv_whole_rows(rows.data + from, upto - from, last);
        decode(layout, &batch, (struct mc_str){rows.data + from, whole}, last);
        batch.byte_offset = from;
        put_rows(&text, &batch, 0, 0);
        from += whole;
    }
    assert(mc_str_equal(mc_buf_view(&text), mc_buf_view(expected)));
    mc_buf_free(&text);
    mc_batch_free(&batch);
}

static void check_rows(const struct mc_layout *layout, struct mc_str rows) {
    struct mc_batch batch = {0};
    struct mc_buf text = {0};
    decode(layout, &batch, rows, true);
    put_rows(&text, &batch, 0, 0);
    assert(text.len == 0 || memmem(text.data, text.len, "wrong hash\n", 11) == NULL);
    each_byte_has_a_place(layout, &batch);
    bytewise(layout, rows, &text);
    if (rows.len > 0)
        in_pieces(layout, rows, 1 + (unsigned char)rows.data[rows.len / 2] % 64, &text);
    mc_buf_free(&text);
    mc_batch_free(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_str bytes = {(const char *)data, size};
    struct mc_layout layout;
    struct mc_error e = {0};
    if (size == 0)
        return 0;
    struct mc_row_bounds header = mc_csv_row(bytes.data, bytes.len, true);
    assert(header.end > 0 && header.end <= size && header.content <= header.end);
    enum mc_err err =
        mc_layout_parse(&layout, (struct mc_str){bytes.data, header.state == MC_ROW_GOOD ? header.content : 0}, &e);
    if (err == MC_OK)
        bytes = (struct mc_str){bytes.data + header.end, bytes.len - header.end};
    assert(err == MC_OK || (err == MC_ERR_FORMAT && e.text[0] != '\0'));
    if (err != MC_OK)
        assert(mc_layout_default(&layout, NULL) == MC_OK);
    check_rows(&layout, bytes);
    mc_layout_free(&layout);
    return 0;
}

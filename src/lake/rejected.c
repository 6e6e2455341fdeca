#include "lake/rejected.h"

#include "base/mem.h"

enum { ROOM_LEAST = 64 };

struct mc_rejected_row {
    uint64_t position;
    int64_t byte_offset, row, arrived_us;
    uint64_t raw_at;
    uint32_t raw_len, source;
    uint32_t reason, unused;
};

const struct mc_parquet_column mc_rejected_columns[] = {
    {"source", MC_PARQUET_TEXT, false},    {"byte_offset", MC_PARQUET_INT64, false},
    {"row", MC_PARQUET_INT64, false},      {"reason", MC_PARQUET_TEXT, false},
    {"raw", MC_PARQUET_BYTES, false},      {"arrived_at", MC_PARQUET_TIME, false},
    {"position", MC_PARQUET_INT64, false},
};
const uint32_t mc_rejected_column_count = sizeof mc_rejected_columns / sizeof *mc_rejected_columns;

void mc_rejected_free(struct mc_rejected *r) {
    mc_free(r->rows);
    mc_texts_free(&r->sources);
    mc_buf_free(&r->raw);
    *r = (struct mc_rejected){0};
}

static bool reserve(struct mc_rejected *r, uint32_t count) {
    if (count <= r->row_cap)
        return true;
    uint32_t cap = r->row_cap ? r->row_cap : ROOM_LEAST;
    while (cap < count)
        cap *= 2;
    struct mc_rejected_row *rows = mc_realloc(r->rows, cap * sizeof *rows);
    if (rows == NULL)
        return false;
    r->rows = rows;
    r->row_cap = cap;
    return true;
}

bool mc_rejected_add(struct mc_rejected *r, const struct mc_rejected_event *ev) {
    uint32_t source = mc_texts_number(&r->sources, mc_hash64(ev->source.data, ev->source.len), ev->source);
    if (source == MC_TEXT_ABSENT || !reserve(r, r->row_count + 1))
        return false;
    if (r->row_count == 0)
        r->day = ev->arrived_at.us / MC_DAY_US - (ev->arrived_at.us % MC_DAY_US < 0);
    r->rows[r->row_count++] = (struct mc_rejected_row){.position = ev->position,
                                                       .byte_offset = ev->byte_offset,
                                                       .row = ev->row,
                                                       .arrived_us = ev->arrived_at.us,
                                                       .raw_at = r->raw.len,
                                                       .raw_len = (uint32_t)ev->raw.len,
                                                       .source = source,
                                                       .reason = (uint32_t)ev->reason};
    mc_buf_str(&r->raw, ev->raw);
    return !r->raw.failed;
}

uint64_t mc_rejected_bytes(const struct mc_rejected *r) {
    return r->row_count * sizeof *r->rows + r->raw.len + r->sources.bytes.len;
}

uint64_t mc_rejected_first(const struct mc_rejected *r) {
    return r->rows[0].position;
}

uint64_t mc_rejected_last(const struct mc_rejected *r) {
    return r->rows[r->row_count - 1].position;
}

/* ---- the file ---- */

struct work {
    int64_t *ints;
    uint32_t *indexes;
    struct mc_str *strings;
};

static void put_ints(const struct mc_rejected *r, struct mc_parquet *p, struct work *w, size_t offset) {
    for (uint32_t i = 0; i < r->row_count; i++)
        memcpy(&w->ints[i], (const char *)&r->rows[i] + offset, sizeof *w->ints);
    mc_parquet_ints(p, w->ints, NULL);
}

static void put_sources(const struct mc_rejected *r, struct mc_parquet *p, struct work *w) {
    struct mc_str *list = mc_texts_list(&r->sources);
    for (uint32_t i = 0; i < r->row_count; i++)
        w->indexes[i] = r->rows[i].source;
    if (list != NULL)
        mc_parquet_texts(p, w->indexes, NULL, list, r->sources.count);
    else
        mc_parquet_fail(p);
    mc_free(list);
}

static void put_reasons(const struct mc_rejected *r, struct mc_parquet *p, struct work *w) {
    struct mc_str names[MC_REASONS];
    for (int i = 0; i < MC_REASONS; i++)
        names[i] = mc_str_of(mc_reason_names[i]);
    for (uint32_t i = 0; i < r->row_count; i++)
        w->indexes[i] = r->rows[i].reason;
    mc_parquet_texts(p, w->indexes, NULL, names, MC_REASONS);
}

static void put_raw(const struct mc_rejected *r, struct mc_parquet *p, struct work *w) {
    for (uint32_t i = 0; i < r->row_count; i++)
        w->strings[i] = (struct mc_str){r->raw.data + r->rows[i].raw_at, r->rows[i].raw_len};
    mc_parquet_strings(p, w->strings, NULL);
}

static void put_columns(const struct mc_rejected *r, struct mc_parquet *p, struct work *w) {
    mc_parquet_group(p, r->row_count);
    put_sources(r, p, w);
    put_ints(r, p, w, offsetof(struct mc_rejected_row, byte_offset));
    put_ints(r, p, w, offsetof(struct mc_rejected_row, row));
    put_reasons(r, p, w);
    put_raw(r, p, w);
    put_ints(r, p, w, offsetof(struct mc_rejected_row, arrived_us));
    put_ints(r, p, w, offsetof(struct mc_rejected_row, position));
}

enum mc_err mc_rejected_encode(const struct mc_rejected *r, struct mc_parquet **p, struct mc_str *file,
                               struct mc_error *e) {
    static const struct mc_parquet_pair pairs[] = {{"maxcart.table", "rejects"}, {"maxcart.version", "1"}};
    struct work w = {mc_malloc(r->row_count * sizeof *w.ints), mc_malloc(r->row_count * sizeof *w.indexes),
                     mc_malloc(r->row_count * sizeof *w.strings)};
    enum mc_err err = mc_parquet_open(p, mc_rejected_columns, mc_rejected_column_count, e);
    if (err == MC_OK && (w.ints == NULL || w.indexes == NULL || w.strings == NULL))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for a file of rejected rows");
    if (err == MC_OK)
        put_columns(r, *p, &w);
    mc_free(w.ints);
    mc_free(w.indexes);
    mc_free(w.strings);
    return err == MC_OK ? mc_parquet_finish(*p, pairs, sizeof pairs / sizeof *pairs, file, e) : err;
}

/* ---- to disk and back ---- */

void mc_rejected_save(const struct mc_rejected *r, struct mc_buf *out) {
    mc_put_i64(out, r->day);
    mc_texts_save(&r->sources, out);
    mc_put_u64(out, r->raw.len);
    mc_buf_str(out, mc_buf_view(&r->raw));
    mc_put_u32(out, r->row_count);
    mc_buf_append(out, r->rows, r->row_count * sizeof *r->rows);
}

bool mc_rejected_load(struct mc_rejected *r, struct mc_reader *reader) {
    r->day = mc_get_i64(reader);
    if (!mc_texts_load(&r->sources, reader))
        return false;
    mc_buf_str(&r->raw, mc_get_bytes(reader, mc_get_u64(reader)));
    uint32_t count = mc_get_u32(reader);
    struct mc_str rows = mc_get_bytes(reader, count * sizeof *r->rows);
    if (reader->failed || r->raw.failed || !reserve(r, count))
        return false;
    if (count > 0)
        memcpy(r->rows, rows.data, rows.len);
    r->row_count = count;
    for (uint32_t i = 0; i < count; i++)
        if (r->rows[i].source >= r->sources.count || r->rows[i].reason >= MC_REASONS ||
            r->rows[i].raw_at > r->raw.len || r->rows[i].raw_len > r->raw.len - r->rows[i].raw_at)
            return false;
    return true;
}

#include "lake/parquet.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/wire.h"
#include "lake/thrift.h"
#include <assert.h>
#include <zstd.h>

/* Numbers and names as of parquet.thrift, Apache Parquet format 2. */
enum physical { PHYSICAL_BOOLEAN = 0, PHYSICAL_INT32 = 1, PHYSICAL_INT64 = 2, PHYSICAL_BYTE_ARRAY = 6 };
enum encoding {
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
    ENCODING_RLE_DICTIONARY = 8
};
enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2, CODEC_ZSTD = 6, CONVERTED_UTF8 = 0, CONVERTED_TIMESTAMP_MICROS = 10 };
enum { LOGICAL_STRING = 1, LOGICAL_TIMESTAMP = 8, UNIT_MICROS = 2, REQUIRED = 0, OPTIONAL = 1 };

/* Level 3 saves 1.4 % of the size on the events of a shop. */
enum { ZSTD_LEVEL = 1, PAGE_ROWS = 1 << 17, INT_DICTIONARY_MAX = 1 << 14 };

/* One column of one row group. */
struct chunk {
    enum encoding encoding;
    int64_t begin, data_begin; /* in the file */
    int64_t raw_bytes, bytes;
    uint64_t nulls;
    bool dictionary, has_range;
    int64_t least, greatest;
};

struct group {
    uint32_t rows;
    struct chunk *chunks;
};

/* The distinct integers of a column: open addressing, linear. */
struct int_dictionary {
    int64_t *values;
    uint32_t *slots; /* index + 1; 0: empty */
    uint32_t count, mask;
};

struct mc_parquet {
    const struct mc_parquet_column *columns;
    uint32_t column_count, column; /* the next one */
    struct mc_buf file, raw;
    struct group *groups;
    uint32_t group_count, group_cap;
    ZSTD_CCtx *zstd;
    bool failed;

    uint32_t room; /* rows that the work space is for */
    uint32_t *indexes;
    int64_t *ints;
    struct mc_str *strings;
    uint32_t *renumbered; /* by entry of the caller: its place in the group's dictionary + 1 */
    uint32_t renumbered_cap;
    struct int_dictionary dictionary;
};

/* ---- open, close ---- */

enum mc_err mc_parquet_open(struct mc_parquet **out, const struct mc_parquet_column *columns, uint32_t count,
                            struct mc_error *e) {
    struct mc_parquet *p = mc_calloc(1, sizeof *p);
    *out = p;
    if (p == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a Parquet file");
    p->columns = columns;
    p->column_count = p->column = count;
    p->zstd = ZSTD_createCCtx();
    p->dictionary.mask = 2 * INT_DICTIONARY_MAX - 1;
    p->dictionary.values = mc_malloc(INT_DICTIONARY_MAX * sizeof *p->dictionary.values);
    p->dictionary.slots = mc_malloc(2 * INT_DICTIONARY_MAX * sizeof *p->dictionary.slots);
    if (p->zstd == NULL || p->dictionary.values == NULL || p->dictionary.slots == NULL) {
        mc_parquet_close(out);
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a Parquet file");
    }
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
    mc_buf_text(&p->file, "PAR1");
    return MC_OK;
}

void mc_parquet_close(struct mc_parquet **pointer) {
    struct mc_parquet *p = *pointer;
    if (p == NULL)
        return;
    for (uint32_t i = 0; i < p->group_count; i++)
        mc_free(p->groups[i].chunks);
    mc_free(p->groups);
    mc_buf_free(&p->file);
    mc_buf_free(&p->raw);
    ZSTD_freeCCtx(p->zstd);
    mc_free(p->indexes);
    mc_free(p->ints);
    mc_free(p->strings);
    mc_free(p->renumbered);
    mc_free(p->dictionary.values);
    mc_free(p->dictionary.slots);
    mc_free(p);
    *pointer = NULL;
}

static bool reserve_rows(struct mc_parquet *p, uint32_t rows) {
    if (rows <= p->room)
        return true;
    mc_free(p->indexes);
    mc_free(p->ints);
    mc_free(p->strings);
    p->indexes = mc_malloc(rows * sizeof *p->indexes);
    p->ints = mc_malloc(rows * sizeof *p->ints);
    p->strings = mc_malloc(rows * sizeof *p->strings);
    bool good = p->indexes != NULL && p->ints != NULL && p->strings != NULL;
    p->room = good ? rows : 0;
    return good;
}

static bool reserve_group(struct mc_parquet *p) {
    if (p->group_count < p->group_cap)
        return true;
    uint32_t cap = p->group_cap ? p->group_cap * 2 : 8;
    struct group *bigger = mc_realloc(p->groups, cap * sizeof *bigger);
    if (bigger == NULL)
        return false;
    p->groups = bigger;
    p->group_cap = cap;
    return true;
}

void mc_parquet_group(struct mc_parquet *p, uint32_t rows) {
    assert(rows > 0);
    assert(p->failed || p->column == p->column_count);
    struct chunk *chunks = NULL;
    if (!p->failed && reserve_rows(p, rows) && reserve_group(p))
        chunks = mc_calloc(p->column_count, sizeof *chunks);
    p->failed |= chunks == NULL;
    if (p->failed)
        return;
    p->groups[p->group_count++] = (struct group){rows, chunks};
    p->column = 0;
}

/* ---- pages ---- */

static struct group *current(struct mc_parquet *p) {
    return &p->groups[p->group_count - 1];
}

static void put_data_header(struct mc_thrift *t, uint32_t rows, enum encoding encoding) {
    mc_thrift_struct(t, 5);
    mc_thrift_int(t, 1, MC_THRIFT_I32, rows);
    mc_thrift_int(t, 2, MC_THRIFT_I32, encoding);
    mc_thrift_int(t, 3, MC_THRIFT_I32, ENCODING_RLE);
    mc_thrift_int(t, 4, MC_THRIFT_I32, ENCODING_RLE);
    mc_thrift_close(t);
}

static void put_dictionary_header(struct mc_thrift *t, uint32_t values) {
    mc_thrift_struct(t, 7);
    mc_thrift_int(t, 1, MC_THRIFT_I32, values);
    mc_thrift_int(t, 2, MC_THRIFT_I32, ENCODING_PLAIN);
    mc_thrift_close(t);
}

/* The compressed bytes go behind a header whose length depends on theirs: it is made first in its longest form's room,
 * then the bytes are moved. */
enum { HEADER_ROOM = 64 };

/* Compresses p->raw into the file, as a page of so many values. */
static void put_page(struct mc_parquet *p, struct chunk *c, int type, uint32_t values) {
    size_t bound = ZSTD_compressBound(p->raw.len);
    char *room = p->raw.failed ? NULL : mc_buf_reserve(&p->file, HEADER_ROOM + bound);
    size_t len = room ? ZSTD_compress2(p->zstd, room + HEADER_ROOM, bound, p->raw.data, p->raw.len) : 0;
    if (room == NULL || ZSTD_isError(len)) {
        p->failed = true;
        return;
    }
    struct mc_buf header = {.data = (char[HEADER_ROOM]){0}, .cap = HEADER_ROOM};
    struct mc_thrift t = {.out = &header};
    mc_thrift_open(&t);
    mc_thrift_int(&t, 1, MC_THRIFT_I32, type);
    mc_thrift_int(&t, 2, MC_THRIFT_I32, (int64_t)p->raw.len);
    mc_thrift_int(&t, 3, MC_THRIFT_I32, (int64_t)len);
    if (type == PAGE_DATA)
        put_data_header(&t, values, c->encoding);
    else
        put_dictionary_header(&t, values);
    mc_thrift_close(&t);
    assert(header.len < HEADER_ROOM);
    memcpy(room, header.data, header.len);
    memmove(room + header.len, room + HEADER_ROOM, len);
    p->file.len += header.len + len;
    c->bytes += (int64_t)(header.len + len);
    c->raw_bytes += (int64_t)(header.len + p->raw.len);
    p->raw.len = 0;
}

static struct chunk *begin_column(struct mc_parquet *p, enum encoding encoding, bool dictionary) {
    struct chunk *c = &current(p)->chunks[p->column];
    *c = (struct chunk){.encoding = encoding, .begin = (int64_t)p->file.len, .dictionary = dictionary};
    c->data_begin = c->begin;
    return c;
}

/* Whether rows from `from` have levels before their values; puts them. Returns how many of the rows have a value. */
static uint32_t put_levels(struct mc_parquet *p, struct chunk *c, const uint8_t *present, uint32_t from,
                           uint32_t rows) {
    uint32_t values = rows;
    if (!p->columns[p->column].nullable)
        return rows;
    size_t at = p->raw.len;
    mc_put_u32(&p->raw, 0);
    if (present == NULL) {
        mc_put_varint(&p->raw, (uint64_t)rows << 1);
        mc_buf_char(&p->raw, 1);
    } else {
        values = 0;
        for (uint32_t i = 0; i < rows; i++)
            values += present[from + i];
        mc_put_hybrid_bits(&p->raw, present + from, rows);
    }
    uint32_t len = (uint32_t)(p->raw.len - at - sizeof len);
    if (!p->raw.failed)
        memcpy(p->raw.data + at, &len, sizeof len);
    c->nulls += rows - values;
    return values;
}

/* The values of a page, after its levels; `from` counts values, not rows. */
typedef void put_values(struct mc_parquet *p, const void *context, uint32_t from, uint32_t count);

static void put_pages(struct mc_parquet *p, struct chunk *c, const uint8_t *present, put_values *put,
                      const void *context) {
    uint32_t all = current(p)->rows, value = 0;
    c->data_begin = (int64_t)p->file.len;
    for (uint32_t row = 0, rows; row < all && !p->failed; row += rows) {
        rows = all - row < PAGE_ROWS ? all - row : PAGE_ROWS;
        uint32_t values = put_levels(p, c, present, row, rows);
        put(p, context, value, values);
        value += values;
        put_page(p, c, PAGE_DATA, rows);
    }
    p->column++;
}

/* ---- booleans ---- */

static void put_bits(struct mc_parquet *p, const void *context, uint32_t from, uint32_t count) {
    const uint8_t *values = context;
    char *room = mc_buf_reserve(&p->raw, (count + 7) / 8);
    if (room == NULL)
        return;
    memset(room, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++)
        room[i / 8] = (char)(room[i / 8] | (values[from + i] != 0) << i % 8);
    p->raw.len += (count + 7) / 8;
}

void mc_parquet_bools(struct mc_parquet *p, const uint8_t *values) {
    if (p->failed)
        return;
    assert(p->columns[p->column].kind == MC_PARQUET_BOOL && !p->columns[p->column].nullable);
    put_pages(p, begin_column(p, ENCODING_PLAIN, false), NULL, put_bits, values);
}

/* ---- integers and times ---- */

/* Moves those that are not null to the front of the work space; returns their number. */
static uint32_t gather_ints(struct mc_parquet *p, const int64_t *values, const uint8_t *present) {
    uint32_t rows = current(p)->rows, count = 0;
    if (present == NULL) {
        memcpy(p->ints, values, rows * sizeof *values);
        return rows;
    }
    for (uint32_t i = 0; i < rows; i++) {
        p->ints[count] = values[i];
        count += present[i] != 0;
    }
    return count;
}

/* Numbers the values in order of their first occurrence. False: there are too many for a dictionary to be worth it. */
static bool number_ints(struct mc_parquet *p, uint32_t count) {
    struct int_dictionary *d = &p->dictionary;
    uint32_t most = count / 4 < INT_DICTIONARY_MAX ? count / 4 : INT_DICTIONARY_MAX, last = 0;
    memset(d->slots, 0, (d->mask + 1) * sizeof *d->slots);
    d->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (d->count > 0 && p->ints[i] == d->values[last]) {
            p->indexes[i] = last;
            continue;
        }
        uint32_t at = (uint32_t)mc_hash_mix((uint64_t)p->ints[i], 0) & d->mask;
        while (d->slots[at] != 0 && d->values[d->slots[at] - 1] != p->ints[i])
            at = (at + 1) & d->mask;
        if (d->slots[at] == 0) {
            if (d->count > 1 && d->count >= most) /* one value is one run, however few rows */
                return false;
            d->values[d->count++] = p->ints[i];
            d->slots[at] = d->count;
        }
        p->indexes[i] = last = d->slots[at] - 1;
    }
    return true;
}

static void put_plain_int(struct mc_buf *b, enum mc_parquet_kind kind, int64_t value) {
    mc_buf_append(b, &value, kind == MC_PARQUET_INT32 ? sizeof(int32_t) : sizeof(int64_t));
}

static void put_indexes(struct mc_parquet *p, const void *context, uint32_t from, uint32_t count) {
    unsigned bits = mc_bits_for(*(const uint32_t *)context - 1);
    mc_put_u8(&p->raw, (uint8_t)bits);
    mc_put_hybrid(&p->raw, p->indexes + from, count, bits);
}

static void put_int_deltas(struct mc_parquet *p, const void *context, uint32_t from, uint32_t count) {
    (void)context;
    mc_put_deltas(&p->raw, p->ints + from, count);
}

static void note_range(struct chunk *c, const int64_t *values, uint32_t count) {
    c->has_range = count > 0;
    c->least = c->greatest = count > 0 ? values[0] : 0;
    for (uint32_t i = 1; i < count; i++) {
        c->least = values[i] < c->least ? values[i] : c->least;
        c->greatest = values[i] > c->greatest ? values[i] : c->greatest;
    }
}

void mc_parquet_ints(struct mc_parquet *p, const int64_t *values, const uint8_t *present) {
    if (p->failed)
        return;
    enum mc_parquet_kind kind = p->columns[p->column].kind;
    assert(kind == MC_PARQUET_INT32 || kind == MC_PARQUET_INT64 || kind == MC_PARQUET_TIME);
    assert(present == NULL || p->columns[p->column].nullable);
    uint32_t count = gather_ints(p, values, present);
    bool few = count > 0 && number_ints(p, count);
    struct chunk *c = begin_column(p, few ? ENCODING_RLE_DICTIONARY : ENCODING_DELTA_BINARY_PACKED, few);
    note_range(c, p->ints, count);
    if (few) {
        for (uint32_t i = 0; i < p->dictionary.count; i++)
            put_plain_int(&p->raw, kind, p->dictionary.values[i]);
        put_page(p, c, PAGE_DICTIONARY, p->dictionary.count);
    }
    put_pages(p, c, present, few ? put_indexes : put_int_deltas, &p->dictionary.count);
}

/* ---- texts ---- */

static bool reserve_renumbered(struct mc_parquet *p, uint32_t count) {
    if (count > p->renumbered_cap) {
        mc_free(p->renumbered);
        p->renumbered = mc_malloc(count * sizeof *p->renumbered);
        p->renumbered_cap = p->renumbered ? count : 0;
    }
    if (p->renumbered != NULL)
        memset(p->renumbered, 0, count * sizeof *p->renumbered);
    return p->renumbered != NULL || count == 0;
}

void mc_parquet_texts(struct mc_parquet *p, const uint32_t *index, const uint8_t *present, const struct mc_str *entries,
                      uint32_t entry_count) {
    uint32_t used = 0, count = 0;
    p->failed |= !p->failed && !reserve_renumbered(p, entry_count);
    if (p->failed)
        return;
    assert(p->columns[p->column].kind == MC_PARQUET_TEXT);
    struct chunk *c = begin_column(p, ENCODING_RLE_DICTIONARY, true);
    for (uint32_t i = 0; i < current(p)->rows; i++) {
        if (present != NULL && present[i] == 0)
            continue;
        uint32_t *number = &p->renumbered[index[i]];
        if (*number == 0) {
            mc_put_str(&p->raw, entries[index[i]]); /* PLAIN: u32 length, bytes */
            *number = ++used;
        }
        p->indexes[count++] = *number - 1;
    }
    if (used == 0)
        used = 1, mc_put_u32(&p->raw, 0); /* an empty dictionary is a trap for readers */
    put_page(p, c, PAGE_DICTIONARY, used);
    put_pages(p, c, present, put_indexes, &used);
}

static void put_strings(struct mc_parquet *p, const void *context, uint32_t from, uint32_t count) {
    (void)context;
    for (uint32_t i = 0; i < count; i++)
        p->ints[i] = (int64_t)p->strings[from + i].len;
    mc_put_deltas(&p->raw, p->ints, count);
    for (uint32_t i = 0; i < count; i++)
        mc_buf_str(&p->raw, p->strings[from + i]);
}

void mc_parquet_strings(struct mc_parquet *p, const struct mc_str *values, const uint8_t *present) {
    if (p->failed)
        return;
    uint32_t count = 0;
    assert(p->columns[p->column].kind == MC_PARQUET_TEXT || p->columns[p->column].kind == MC_PARQUET_BYTES);
    for (uint32_t i = 0; i < current(p)->rows; i++)
        if (present == NULL || present[i] != 0)
            p->strings[count++] = values[i];
    put_pages(p, begin_column(p, ENCODING_DELTA_LENGTH_BYTE_ARRAY, false), present, put_strings, NULL);
}

void mc_parquet_fail(struct mc_parquet *p) {
    p->failed = true;
}

/* ---- footer ---- */

static enum physical physical_of(enum mc_parquet_kind kind) {
    static const enum physical physical[] = {
        [MC_PARQUET_BOOL] = PHYSICAL_BOOLEAN,    [MC_PARQUET_INT32] = PHYSICAL_INT32,
        [MC_PARQUET_INT64] = PHYSICAL_INT64,     [MC_PARQUET_TIME] = PHYSICAL_INT64,
        [MC_PARQUET_TEXT] = PHYSICAL_BYTE_ARRAY, [MC_PARQUET_BYTES] = PHYSICAL_BYTE_ARRAY};
    return physical[kind];
}

static void put_empty_struct(struct mc_thrift *t, int id) {
    mc_thrift_struct(t, id);
    mc_thrift_close(t);
}

/* Both forms of a type, for old and new readers. */
static void put_meaning(struct mc_thrift *t, enum mc_parquet_kind kind) {
    if (kind != MC_PARQUET_TEXT && kind != MC_PARQUET_TIME)
        return;
    mc_thrift_int(t, 6, MC_THRIFT_I32, kind == MC_PARQUET_TEXT ? CONVERTED_UTF8 : CONVERTED_TIMESTAMP_MICROS);
    mc_thrift_struct(t, 10);
    if (kind == MC_PARQUET_TEXT) {
        put_empty_struct(t, LOGICAL_STRING);
    } else {
        mc_thrift_struct(t, LOGICAL_TIMESTAMP);
        mc_thrift_bool(t, 1, true); /* an instant, not a wall clock's reading */
        mc_thrift_struct(t, 2);
        put_empty_struct(t, UNIT_MICROS);
        mc_thrift_close(t);
        mc_thrift_close(t);
    }
    mc_thrift_close(t);
}

static void put_schema(struct mc_thrift *t, const struct mc_parquet *p) {
    mc_thrift_list(t, 2, MC_THRIFT_STRUCT, p->column_count + 1);
    mc_thrift_open(t);
    mc_thrift_binary(t, 4, MC_STR("row"));
    mc_thrift_int(t, 5, MC_THRIFT_I32, p->column_count);
    mc_thrift_close(t);
    for (uint32_t i = 0; i < p->column_count; i++) {
        mc_thrift_open(t);
        mc_thrift_int(t, 1, MC_THRIFT_I32, physical_of(p->columns[i].kind));
        mc_thrift_int(t, 3, MC_THRIFT_I32, p->columns[i].nullable ? OPTIONAL : REQUIRED);
        mc_thrift_binary(t, 4, mc_str_of(p->columns[i].name));
        put_meaning(t, p->columns[i].kind);
        mc_thrift_close(t);
    }
}

static void put_statistics(struct mc_thrift *t, const struct chunk *c, enum mc_parquet_kind kind) {
    size_t width = kind == MC_PARQUET_INT32 ? sizeof(int32_t) : sizeof(int64_t);
    mc_thrift_struct(t, 12);
    mc_thrift_int(t, 3, MC_THRIFT_I64, (int64_t)c->nulls);
    if (c->has_range) {
        mc_thrift_binary(t, 5, (struct mc_str){(const char *)&c->greatest, width});
        mc_thrift_binary(t, 6, (struct mc_str){(const char *)&c->least, width});
    }
    mc_thrift_close(t);
}

static void put_chunk(struct mc_thrift *t, const struct chunk *c, const struct mc_parquet_column *column,
                      uint32_t rows) {
    mc_thrift_open(t);
    mc_thrift_int(t, 2, MC_THRIFT_I64, c->begin);
    mc_thrift_struct(t, 3);
    mc_thrift_int(t, 1, MC_THRIFT_I32, physical_of(column->kind));
    mc_thrift_list(t, 2, MC_THRIFT_I32, c->dictionary ? 3 : 2);
    mc_put_varint(t->out, mc_zigzag(c->encoding));
    mc_put_varint(t->out, mc_zigzag(ENCODING_RLE));
    if (c->dictionary)
        mc_put_varint(t->out, mc_zigzag(ENCODING_PLAIN));
    mc_thrift_list(t, 3, MC_THRIFT_BINARY, 1);
    mc_thrift_bytes(t, mc_str_of(column->name));
    mc_thrift_int(t, 4, MC_THRIFT_I32, CODEC_ZSTD);
    mc_thrift_int(t, 5, MC_THRIFT_I64, rows);
    mc_thrift_int(t, 6, MC_THRIFT_I64, c->raw_bytes);
    mc_thrift_int(t, 7, MC_THRIFT_I64, c->bytes);
    mc_thrift_int(t, 9, MC_THRIFT_I64, c->data_begin);
    if (c->dictionary)
        mc_thrift_int(t, 11, MC_THRIFT_I64, c->begin);
    put_statistics(t, c, column->kind);
    mc_thrift_close(t);
    mc_thrift_close(t);
}

static void put_group(struct mc_thrift *t, const struct mc_parquet *p, uint32_t number) {
    const struct group *g = &p->groups[number];
    int64_t raw = 0, bytes = 0;
    mc_thrift_open(t);
    mc_thrift_list(t, 1, MC_THRIFT_STRUCT, p->column_count);
    for (uint32_t i = 0; i < p->column_count; i++) {
        put_chunk(t, &g->chunks[i], &p->columns[i], g->rows);
        raw += g->chunks[i].raw_bytes;
        bytes += g->chunks[i].bytes;
    }
    mc_thrift_int(t, 2, MC_THRIFT_I64, raw);
    mc_thrift_int(t, 3, MC_THRIFT_I64, g->rows);
    mc_thrift_int(t, 5, MC_THRIFT_I64, g->chunks[0].begin);
    mc_thrift_int(t, 6, MC_THRIFT_I64, bytes);
    mc_thrift_close(t);
}

static void put_pairs(struct mc_thrift *t, const struct mc_parquet_pair *pairs, size_t count) {
    if (count == 0)
        return;
    mc_thrift_list(t, 5, MC_THRIFT_STRUCT, count);
    for (size_t i = 0; i < count; i++) {
        mc_thrift_open(t);
        mc_thrift_binary(t, 1, mc_str_of(pairs[i].key));
        mc_thrift_binary(t, 2, mc_str_of(pairs[i].value));
        mc_thrift_close(t);
    }
}

static void put_footer(struct mc_parquet *p, const struct mc_parquet_pair *pairs, size_t pair_count) {
    struct mc_thrift t = {.out = &p->file};
    int64_t rows = 0;
    for (uint32_t i = 0; i < p->group_count; i++)
        rows += p->groups[i].rows;
    mc_thrift_open(&t);
    mc_thrift_int(&t, 1, MC_THRIFT_I32, 1);
    put_schema(&t, p);
    mc_thrift_int(&t, 3, MC_THRIFT_I64, rows);
    mc_thrift_list(&t, 4, MC_THRIFT_STRUCT, p->group_count);
    for (uint32_t i = 0; i < p->group_count; i++)
        put_group(&t, p, i);
    put_pairs(&t, pairs, pair_count);
    mc_thrift_binary(&t, 6, MC_STR("maxcart"));
    mc_thrift_list(&t, 7, MC_THRIFT_STRUCT, p->column_count);
    for (uint32_t i = 0; i < p->column_count; i++) { /* min and max compare as the type does */
        mc_thrift_open(&t);
        put_empty_struct(&t, 1);
        mc_thrift_close(&t);
    }
    mc_thrift_close(&t);
}

enum mc_err mc_parquet_finish(struct mc_parquet *p, const struct mc_parquet_pair *pairs, size_t pair_count,
                              struct mc_str *bytes, struct mc_error *e) {
    assert(p->failed || p->column == p->column_count);
    size_t footer = p->file.len;
    if (!p->failed)
        put_footer(p, pairs, pair_count);
    mc_put_u32(&p->file, (uint32_t)(p->file.len - footer));
    mc_buf_text(&p->file, "PAR1");
    if (p->failed || p->file.failed || p->raw.failed)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a Parquet file");
    *bytes = mc_buf_view(&p->file);
    return MC_OK;
}

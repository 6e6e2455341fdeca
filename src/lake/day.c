#include "lake/day.h"

#include "base/mem.h"
#include "base/prefetch.h"

enum { TABLE_LEAST = 256, ROOM_LEAST = 64, GROUP_ROWS = 1 << 18, NO_EXTRA = UINT32_MAX };

struct mc_day_row {
    int64_t time_us;
    int64_t ahead_us; /* clock less time; MC_TIME_NONE_US: no clock */
    int64_t price;
    int32_t quantity;
    uint32_t clock_order;
    uint32_t visit, product, shape, origin;
    uint32_t extra; /* or NO_EXTRA */
    uint8_t type;
    uint8_t unused[3];
};
_Static_assert(sizeof(struct mc_day_row) == 56, "what is written to disk has no holes");

struct mc_day_visit {
    int64_t opened_us; /* MC_TIME_NONE_US: late events of the session */
    uint32_t user, session;
};

struct mc_day_shape {
    uint64_t hash;
    uint32_t category_id, category_code, brand; /* MC_TEXT_ABSENT: null */
    uint32_t unused;
};

struct mc_day_extra {
    int64_t original_us; /* MC_TIME_NONE_US: none */
    uint32_t order_at, order_len, message_at, message_len;
};

struct mc_day_origin {
    int64_t arrived_us;
    uint32_t source, unused;
};

const struct mc_parquet_column mc_day_columns[] = {
    {"event_time", MC_PARQUET_TIME, false},   {"event_type", MC_PARQUET_TEXT, false},
    {"product_id", MC_PARQUET_TEXT, false},   {"category_id", MC_PARQUET_TEXT, true},
    {"category_code", MC_PARQUET_TEXT, true}, {"brand", MC_PARQUET_TEXT, true},
    {"price_minor", MC_PARQUET_INT64, true},  {"quantity", MC_PARQUET_INT32, false},
    {"user_id", MC_PARQUET_TEXT, false},      {"user_session", MC_PARQUET_TEXT, false},
    {"order_id", MC_PARQUET_TEXT, true},      {"message_id", MC_PARQUET_TEXT, true},
    {"visit_start", MC_PARQUET_TIME, true},   {"late", MC_PARQUET_BOOL, false},
    {"source", MC_PARQUET_TEXT, false},       {"arrived_at", MC_PARQUET_TIME, false},
    {"original_time", MC_PARQUET_TIME, true}, {"clock_ahead_us", MC_PARQUET_INT64, true},
    {"clock_order", MC_PARQUET_INT32, false},
};
const uint32_t mc_day_column_count = sizeof mc_day_columns / sizeof *mc_day_columns;

/* ---- memory ---- */

void mc_day_init(struct mc_day *day, int64_t number, int64_t due_us) {
    *day = (struct mc_day){.day = number, .due_us = due_us};
}

void mc_day_free(struct mc_day *day) {
    mc_free(day->rows);
    mc_free(day->visits);
    mc_free(day->shapes);
    mc_free(day->extras);
    mc_free(day->origins);
    mc_free(day->visit_table.slots);
    mc_free(day->shape_table.slots);
    mc_texts_free(&day->products);
    mc_texts_free(&day->users);
    mc_texts_free(&day->sessions);
    mc_texts_free(&day->category_ids);
    mc_texts_free(&day->category_codes);
    mc_texts_free(&day->brands);
    mc_texts_free(&day->sources);
    mc_buf_free(&day->extra_bytes);
    *day = (struct mc_day){0};
}

uint64_t mc_day_bytes(const struct mc_day *day) {
    const struct mc_texts *texts[] = {&day->products,       &day->users,  &day->sessions, &day->category_ids,
                                      &day->category_codes, &day->brands, &day->sources};
    uint64_t bytes = day->row_count * sizeof *day->rows + day->visit_count * sizeof *day->visits +
                     day->shape_count * sizeof *day->shapes + day->extra_count * sizeof *day->extras +
                     day->origin_count * sizeof *day->origins + day->extra_bytes.len;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bytes += texts[i]->bytes.len + texts[i]->count * sizeof *texts[i]->list;
    return bytes;
}

/* Room for so many; `array` points to the pointer. */
static bool reserve(void *array, uint32_t *cap, uint64_t count, size_t size) {
    void **at = array;
    if (count <= *cap)
        return true;
    uint64_t wanted = *cap ? *cap : ROOM_LEAST;
    while (wanted < count)
        wanted *= 2;
    void *bigger = wanted < UINT32_MAX ? mc_realloc(*at, wanted * size) : NULL;
    if (bigger == NULL)
        return false;
    *at = bigger;
    *cap = (uint32_t)wanted;
    return true;
}

static void table_place(struct mc_day_table *t, uint64_t hash, uint32_t number) {
    uint32_t at = (uint32_t)hash & t->mask;
    while (t->slots[at] != 0)
        at = (at + 1) & t->mask;
    t->slots[at] = number + 1;
}

/* Makes room for one more than `count`; hash_of tells where each goes. */
static bool table_reserve(struct mc_day *day, struct mc_day_table *t, uint32_t count,
                          uint64_t (*hash_of)(const struct mc_day *day, uint32_t number)) {
    uint32_t size = t->slots ? t->mask + 1 : 0, wanted = size ? size : TABLE_LEAST;
    while (wanted / 2 <= count)
        wanted *= 2;
    if (wanted == size)
        return true;
    uint32_t *slots = mc_calloc(wanted, sizeof *slots);
    if (slots == NULL)
        return false;
    mc_free(t->slots);
    *t = (struct mc_day_table){slots, wanted - 1};
    for (uint32_t i = 0; i < count; i++)
        table_place(t, hash_of(day, i), i);
    return true;
}

/* ---- adding ---- */

static uint64_t visit_mix(uint64_t user_hash, uint64_t session_hash, int64_t opened_us) {
    return mc_hash_mix(mc_hash_mix(user_hash, session_hash), (uint64_t)opened_us);
}

static uint64_t visit_hash(const struct mc_day *day, uint32_t number) {
    const struct mc_day_visit *v = &day->visits[number];
    return visit_mix(day->users.list[v->user].hash, day->sessions.list[v->session].hash, v->opened_us);
}

static uint64_t shape_hash(const struct mc_day *day, uint32_t number) {
    return day->shapes[number].hash;
}

static struct mc_str text_of(const struct mc_day_event *in, struct mc_slice slice) {
    return mc_slice_str(in->bytes, slice);
}

static bool text_is(const struct mc_texts *texts, uint32_t number, uint64_t hash, struct mc_str text) {
    return texts->list[number].hash == hash && mc_str_equal(mc_texts_get(texts, number), text);
}

static uint32_t add_visit(struct mc_day *day, const struct mc_day_event *in, uint64_t hash) {
    struct mc_day_visit v = {
        .opened_us = in->visit_start.us,
        .user = mc_texts_number(&day->users, in->event->user_hash, text_of(in, in->event->user)),
        .session = mc_texts_number(&day->sessions, in->event->session_hash, text_of(in, in->event->session))};
    if (v.user == MC_TEXT_ABSENT || v.session == MC_TEXT_ABSENT ||
        !reserve(&day->visits, &day->visit_cap, (uint64_t)day->visit_count + 1, sizeof v) ||
        !table_reserve(day, &day->visit_table, day->visit_count, visit_hash))
        return MC_TEXT_ABSENT;
    day->visits[day->visit_count] = v;
    table_place(&day->visit_table, hash, day->visit_count);
    return day->visit_count++;
}

static uint32_t visit_number(struct mc_day *day, const struct mc_day_event *in) {
    const struct mc_day_table *t = &day->visit_table;
    uint64_t hash = visit_mix(in->event->user_hash, in->event->session_hash, in->visit_start.us);
    for (uint32_t at = (uint32_t)hash & t->mask; t->slots != NULL && t->slots[at] != 0; at = (at + 1) & t->mask) {
        const struct mc_day_visit *v = &day->visits[t->slots[at] - 1];
        if (v->opened_us == in->visit_start.us &&
            text_is(&day->sessions, v->session, in->event->session_hash, text_of(in, in->event->session)) &&
            text_is(&day->users, v->user, in->event->user_hash, text_of(in, in->event->user)))
            return t->slots[at] - 1;
    }
    return add_visit(day, in, hash);
}

static bool text_or_null_is(const struct mc_texts *texts, uint32_t number, struct mc_str text) {
    return number == MC_TEXT_ABSENT ? text.len == 0 : mc_str_equal(mc_texts_get(texts, number), text);
}

/* False: no memory. */
static bool optional_number(struct mc_texts *texts, struct mc_str text, uint32_t *number) {
    *number = MC_TEXT_ABSENT;
    if (text.len > 0)
        *number = mc_texts_number(texts, mc_hash64(text.data, text.len), text);
    return text.len == 0 || *number != MC_TEXT_ABSENT;
}

static uint32_t add_shape(struct mc_day *day, const struct mc_day_event *in) {
    struct mc_day_shape s = {.hash = in->event->shape};
    if (!optional_number(&day->category_ids, text_of(in, in->event->category_id), &s.category_id) ||
        !optional_number(&day->category_codes, text_of(in, in->event->category_code), &s.category_code) ||
        !optional_number(&day->brands, text_of(in, in->event->brand), &s.brand) ||
        !reserve(&day->shapes, &day->shape_cap, (uint64_t)day->shape_count + 1, sizeof s) ||
        !table_reserve(day, &day->shape_table, day->shape_count, shape_hash))
        return MC_TEXT_ABSENT;
    day->shapes[day->shape_count] = s;
    table_place(&day->shape_table, s.hash, day->shape_count);
    return day->shape_count++;
}

static uint32_t shape_number(struct mc_day *day, const struct mc_day_event *in) {
    const struct mc_day_table *t = &day->shape_table;
    for (uint32_t at = (uint32_t)in->event->shape & t->mask; t->slots != NULL && t->slots[at] != 0;
         at = (at + 1) & t->mask) {
        const struct mc_day_shape *s = &day->shapes[t->slots[at] - 1];
        if (s->hash == in->event->shape &&
            text_or_null_is(&day->category_ids, s->category_id, text_of(in, in->event->category_id)) &&
            text_or_null_is(&day->category_codes, s->category_code, text_of(in, in->event->category_code)) &&
            text_or_null_is(&day->brands, s->brand, text_of(in, in->event->brand)))
            return t->slots[at] - 1;
    }
    return add_shape(day, in);
}

static uint32_t keep_bytes(struct mc_day *day, struct mc_str s) {
    uint32_t at = (uint32_t)day->extra_bytes.len;
    mc_buf_str(&day->extra_bytes, s);
    return at;
}

/* False: no memory. */
static bool extra_number(struct mc_day *day, const struct mc_day_event *in, uint32_t *number) {
    *number = NO_EXTRA;
    if (mc_time_is_none(in->original) && in->event->order_id.len == 0 && in->event->message_id.len == 0)
        return true;
    if (day->extra_bytes.len + in->event->order_id.len + in->event->message_id.len > UINT32_MAX ||
        !reserve(&day->extras, &day->extra_cap, (uint64_t)day->extra_count + 1, sizeof *day->extras))
        return false;
    day->extras[day->extra_count] = (struct mc_day_extra){.original_us = in->original.us,
                                                          .order_at = keep_bytes(day, text_of(in, in->event->order_id)),
                                                          .order_len = (uint32_t)in->event->order_id.len,
                                                          .message_len = (uint32_t)in->event->message_id.len};
    day->extras[day->extra_count].message_at = keep_bytes(day, text_of(in, in->event->message_id));
    *number = day->extra_count++;
    return !day->extra_bytes.failed;
}

/* Rows of a batch follow one another: only the last origin is looked at. */
static uint32_t origin_number(struct mc_day *day, const struct mc_day_event *in) {
    const struct mc_day_origin *last = day->origin_count > 0 ? &day->origins[day->origin_count - 1] : NULL;
    if (last != NULL && last->arrived_us == in->arrived_at.us &&
        mc_str_equal(mc_texts_get(&day->sources, last->source), in->source))
        return day->origin_count - 1;
    uint32_t source = mc_texts_number(&day->sources, mc_hash64(in->source.data, in->source.len), in->source);
    if (source == MC_TEXT_ABSENT ||
        !reserve(&day->origins, &day->origin_cap, (uint64_t)day->origin_count + 1, sizeof *day->origins))
        return MC_TEXT_ABSENT;
    day->origins[day->origin_count] = (struct mc_day_origin){.arrived_us = in->arrived_at.us, .source = source};
    return day->origin_count++;
}

bool mc_day_add(struct mc_day *day, uint64_t position, const struct mc_day_event *in) {
    struct mc_day_row row = {
        .time_us = in->event->time.us,
        .ahead_us = mc_time_is_none(in->event->clock) ? MC_TIME_NONE_US : in->event->clock.us - in->event->time.us,
        .price = in->event->price,
        .quantity = in->event->quantity,
        .clock_order = in->clock_order,
        .visit = visit_number(day, in),
        .product = mc_texts_number(&day->products, in->event->product_hash, text_of(in, in->event->product)),
        .shape = shape_number(day, in),
        .origin = origin_number(day, in),
        .type = in->event->type};
    if (row.visit == MC_TEXT_ABSENT || row.product == MC_TEXT_ABSENT || row.shape == MC_TEXT_ABSENT ||
        row.origin == MC_TEXT_ABSENT || !extra_number(day, in, &row.extra) ||
        !reserve(&day->rows, &day->row_cap, (uint64_t)day->row_count + 1, sizeof row))
        return false;
    if (day->row_count == 0)
        day->first = position;
    day->last = position;
    day->rows[day->row_count++] = row;
    return true;
}

/* ---- memory asked for ahead ---- */

static inline const struct mc_day_visit *guess_visit(const struct mc_day *day, const struct mc_event *ev,
                                                     struct mc_time start) {
    uint32_t at = (uint32_t)visit_mix(ev->user_hash, ev->session_hash, start.us) & day->visit_table.mask;
    return day->visit_table.slots[at] != 0 ? &day->visits[day->visit_table.slots[at] - 1] : NULL;
}

static inline const struct mc_text *guess_product(const struct mc_day *day, const struct mc_event *ev) {
    uint32_t number = day->products.slots[(uint32_t)ev->product_hash & day->products.mask];
    return number != 0 ? &day->products.list[number - 1] : NULL;
}

MC_PREFETCHES void ask_for_slots(const struct mc_day *day, const struct mc_event *ev, struct mc_time start) {
    uint64_t visit = visit_mix(ev->user_hash, ev->session_hash, start.us);
    __builtin_prefetch(&day->visit_table.slots[(uint32_t)visit & day->visit_table.mask]);
    __builtin_prefetch(&day->products.slots[(uint32_t)ev->product_hash & day->products.mask]);
    __builtin_prefetch(&day->shape_table.slots[(uint32_t)ev->shape & day->shape_table.mask]);
}

MC_PREFETCHES void ask_for_entries(const struct mc_day *day, const struct mc_event *ev, struct mc_time start) {
    uint32_t shape = day->shape_table.slots[(uint32_t)ev->shape & day->shape_table.mask];
    const struct mc_day_visit *visit = guess_visit(day, ev, start);
    __builtin_prefetch(guess_product(day, ev));
    if (visit != NULL) {
        __builtin_prefetch(visit);
    } else { /* its session and user will be looked for */
        __builtin_prefetch(&day->sessions.slots[(uint32_t)ev->session_hash & day->sessions.mask]);
        __builtin_prefetch(&day->users.slots[(uint32_t)ev->user_hash & day->users.mask]);
    }
    if (shape != 0)
        __builtin_prefetch(&day->shapes[shape - 1]);
}

MC_PREFETCHES void ask_for_texts(const struct mc_day *day, const struct mc_event *ev, struct mc_time start) {
    const struct mc_day_visit *v = guess_visit(day, ev, start);
    const struct mc_text *product = guess_product(day, ev);
    if (product != NULL)
        __builtin_prefetch(day->products.bytes.data + product->offset);
    if (v == NULL)
        return;
    __builtin_prefetch(&day->sessions.list[v->session]);
    __builtin_prefetch(&day->users.list[v->user]);
}

void mc_day_ahead(const struct mc_day *day, int step, const struct mc_event *ev, struct mc_time visit_start) {
    if (day->row_count == 0) /* it has no tables yet */
        return;
    if (step == 0)
        ask_for_slots(day, ev, visit_start);
    else if (step == 1)
        ask_for_entries(day, ev, visit_start);
    else
        ask_for_texts(day, ev, visit_start);
}

/* ---- order ---- */

static bool visit_before(const struct mc_day *day, uint32_t a, uint32_t b) {
    const struct mc_day_visit *x = &day->visits[a], *y = &day->visits[b];
    if (x->opened_us != y->opened_us) /* MC_TIME_NONE_US, of late events, is the greatest as an unsigned number */
        return (uint64_t)x->opened_us < (uint64_t)y->opened_us;
    int order = mc_str_compare(mc_texts_get(&day->sessions, x->session), mc_texts_get(&day->sessions, y->session));
    if (order == 0)
        order = mc_str_compare(mc_texts_get(&day->users, x->user), mc_texts_get(&day->users, y->user));
    return order < 0;
}

static void merge(const struct mc_day *day, const uint32_t *from, uint32_t *to, uint32_t low, uint32_t middle,
                  uint32_t high) {
    uint32_t a = low, b = middle;
    if (middle == high || !visit_before(day, from[middle], from[middle - 1])) { /* as most are */
        memcpy(to + low, from + low, (high - low) * sizeof *to);
        return;
    }
    for (uint32_t i = low; i < high; i++)
        to[i] = a < middle && (b >= high || !visit_before(day, from[b], from[a])) ? from[a++] : from[b++];
}

/* The visits' numbers in order: a merge sort, for they come nearly sorted. Both arrays have room for all of them;
 * returns the one that holds the result. */
static uint32_t *sort_visits(const struct mc_day *day, uint32_t *one, uint32_t *other) {
    for (uint32_t i = 0; i < day->visit_count; i++)
        one[i] = i;
    for (uint64_t width = 1; width < day->visit_count; width *= 2) {
        for (uint64_t low = 0; low < day->visit_count; low += 2 * width) {
            uint64_t middle = low + width, high = low + 2 * width;
            middle = middle < day->visit_count ? middle : day->visit_count;
            high = high < day->visit_count ? high : day->visit_count;
            merge(day, one, other, (uint32_t)low, (uint32_t)middle, (uint32_t)high);
        }
        uint32_t *sorted = other;
        other = one;
        one = sorted;
    }
    return one;
}

/* By visit, rows of a visit as they are: a counting sort. `places` has room for the visits. */
static void order_rows(const struct mc_day *day, const uint32_t *sorted, uint32_t *places, struct mc_day_row *out) {
    uint32_t place = 0;
    memset(places, 0, day->visit_count * sizeof *places);
    for (uint32_t i = 0; i < day->row_count; i++)
        places[day->rows[i].visit]++;
    for (uint32_t i = 0; i < day->visit_count; i++) {
        uint32_t rows = places[sorted[i]];
        places[sorted[i]] = place;
        place += rows;
    }
    for (uint32_t i = 0; i < day->row_count; i++)
        out[places[day->rows[i].visit]++] = day->rows[i];
}

static bool put_in_order(struct mc_day *day) {
    uint32_t *work = mc_malloc(2 * (size_t)day->visit_count * sizeof *work);
    struct mc_day_row *rows = mc_malloc(day->row_count * sizeof *rows);
    bool good = work != NULL && rows != NULL;
    if (good) {
        uint32_t *sorted = sort_visits(day, work, work + day->visit_count);
        order_rows(day, sorted, sorted == work ? work + day->visit_count : work, rows);
        mc_free(day->rows);
        day->rows = rows;
        day->row_cap = day->row_count;
    } else {
        mc_free(rows);
    }
    mc_free(work);
    return good;
}

/* ---- columns ---- */

/* Work space of one column of a row group. */
struct columns {
    struct mc_parquet *p;
    const struct mc_day *day;
    const struct mc_day_row *rows;
    uint32_t count;
    int64_t *ints;
    uint32_t *indexes;
    uint8_t *present;
    struct mc_str *strings;
};

static void put_texts(struct columns *c, const struct mc_texts *texts, bool nullable) {
    struct mc_str *list = mc_texts_list(texts);
    if (list != NULL)
        mc_parquet_texts(c->p, c->indexes, nullable ? c->present : NULL, list, texts->count);
    else
        mc_parquet_fail(c->p);
    mc_free(list);
}

static void put_times(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++)
        c->ints[i] = c->rows[i].time_us;
    mc_parquet_ints(c->p, c->ints, NULL);
}

static void put_types(struct columns *c) {
    struct mc_str names[MC_EVENT_TYPES];
    for (int i = 0; i < MC_EVENT_TYPES; i++)
        names[i] = mc_str_of(mc_event_type_names[i]);
    for (uint32_t i = 0; i < c->count; i++)
        c->indexes[i] = c->rows[i].type;
    mc_parquet_texts(c->p, c->indexes, NULL, names, MC_EVENT_TYPES);
}

static void put_products(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++)
        c->indexes[i] = c->rows[i].product;
    put_texts(c, &c->day->products, false);
}

static void put_of_shape(struct columns *c, const struct mc_texts *texts, size_t offset) {
    for (uint32_t i = 0; i < c->count; i++) {
        memcpy(&c->indexes[i], (const char *)&c->day->shapes[c->rows[i].shape] + offset, sizeof *c->indexes);
        c->present[i] = c->indexes[i] != MC_TEXT_ABSENT;
    }
    put_texts(c, texts, true);
}

static void put_prices(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        c->ints[i] = c->rows[i].price;
        c->present[i] = c->rows[i].price != MC_PRICE_NONE;
    }
    mc_parquet_ints(c->p, c->ints, c->present);
}

static void put_quantities(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++)
        c->ints[i] = c->rows[i].quantity;
    mc_parquet_ints(c->p, c->ints, NULL);
}

static void put_users(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++)
        c->indexes[i] = c->day->visits[c->rows[i].visit].user;
    put_texts(c, &c->day->users, false);
}

static void put_sessions(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++)
        c->indexes[i] = c->day->visits[c->rows[i].visit].session;
    put_texts(c, &c->day->sessions, false);
}

static void put_extra_ids(struct columns *c, bool order) {
    for (uint32_t i = 0; i < c->count; i++) {
        const struct mc_day_extra *x = c->rows[i].extra != NO_EXTRA ? &c->day->extras[c->rows[i].extra] : NULL;
        uint32_t at = x == NULL ? 0
                      : order   ? x->order_at
                                : x->message_at,
                 len = x == NULL ? 0
                       : order   ? x->order_len
                                 : x->message_len;
        c->present[i] = len > 0;
        c->strings[i] = (struct mc_str){len > 0 ? c->day->extra_bytes.data + at : "", len};
    }
    mc_parquet_strings(c->p, c->strings, c->present);
}

static void put_visit_starts(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        c->ints[i] = c->day->visits[c->rows[i].visit].opened_us;
        c->present[i] = c->ints[i] != MC_TIME_NONE_US;
    }
    mc_parquet_ints(c->p, c->ints, c->present);
    for (uint32_t i = 0; i < c->count; i++)
        c->present[i] = !c->present[i];
    mc_parquet_bools(c->p, c->present); /* late */
}

static void put_origins(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        c->indexes[i] = c->day->origins[c->rows[i].origin].source;
        c->ints[i] = c->day->origins[c->rows[i].origin].arrived_us;
    }
    put_texts(c, &c->day->sources, false);
    mc_parquet_ints(c->p, c->ints, NULL);
}

static void put_originals(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        c->ints[i] = c->rows[i].extra != NO_EXTRA ? c->day->extras[c->rows[i].extra].original_us : MC_TIME_NONE_US;
        c->present[i] = c->ints[i] != MC_TIME_NONE_US;
    }
    mc_parquet_ints(c->p, c->ints, c->present);
}

static void put_clocks(struct columns *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        c->ints[i] = c->rows[i].ahead_us;
        c->present[i] = c->ints[i] != MC_TIME_NONE_US;
    }
    mc_parquet_ints(c->p, c->ints, c->present);
    for (uint32_t i = 0; i < c->count; i++)
        c->ints[i] = c->rows[i].clock_order;
    mc_parquet_ints(c->p, c->ints, NULL);
}

/* In the order of mc_day_columns. */
static void put_group(struct columns *c) {
    mc_parquet_group(c->p, c->count);
    put_times(c);
    put_types(c);
    put_products(c);
    put_of_shape(c, &c->day->category_ids, offsetof(struct mc_day_shape, category_id));
    put_of_shape(c, &c->day->category_codes, offsetof(struct mc_day_shape, category_code));
    put_of_shape(c, &c->day->brands, offsetof(struct mc_day_shape, brand));
    put_prices(c);
    put_quantities(c);
    put_users(c);
    put_sessions(c);
    put_extra_ids(c, true);
    put_extra_ids(c, false);
    put_visit_starts(c);
    put_origins(c);
    put_originals(c);
    put_clocks(c);
}

static bool open_columns(struct columns *c, const struct mc_day *day) {
    uint32_t room = day->row_count < GROUP_ROWS ? day->row_count : GROUP_ROWS;
    c->day = day;
    c->ints = mc_malloc(room * sizeof *c->ints);
    c->indexes = mc_malloc(room * sizeof *c->indexes);
    c->present = mc_malloc(room);
    c->strings = mc_malloc(room * sizeof *c->strings);
    return c->ints != NULL && c->indexes != NULL && c->present != NULL && c->strings != NULL;
}

static void close_columns(struct columns *c) {
    mc_free(c->ints);
    mc_free(c->indexes);
    mc_free(c->present);
    mc_free(c->strings);
}

static enum mc_err finish_file(struct mc_day *day, struct mc_parquet *p, struct mc_str *file, struct mc_error *e) {
    char first[24], last[24];
    struct mc_buf text = {.data = first, .cap = sizeof first};
    mc_buf_int(&text, (int64_t)day->first);
    mc_buf_cstr(&text);
    text = (struct mc_buf){.data = last, .cap = sizeof last};
    mc_buf_int(&text, (int64_t)day->last);
    mc_buf_cstr(&text);
    const struct mc_parquet_pair pairs[] = {
        {"maxcart.table", "events"}, {"maxcart.version", "1"}, {"maxcart.first", first}, {"maxcart.last", last}};
    return mc_parquet_finish(p, pairs, sizeof pairs / sizeof *pairs, file, e);
}

enum mc_err mc_day_encode(struct mc_day *day, struct mc_parquet **p, struct mc_str *file, struct mc_error *e) {
    struct columns c = {0};
    enum mc_err err = mc_parquet_open(p, mc_day_columns, mc_day_column_count, e);
    if (err == MC_OK && (!open_columns(&c, day) || !put_in_order(day)))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory to sort a day's events");
    c.p = *p;
    for (uint32_t row = 0; err == MC_OK && row < day->row_count; row += c.count) {
        c.rows = day->rows + row;
        c.count = day->row_count - row < GROUP_ROWS ? day->row_count - row : GROUP_ROWS;
        put_group(&c);
    }
    close_columns(&c);
    return err == MC_OK ? finish_file(day, *p, file, e) : err;
}

/* ---- to disk and back ---- */

static void save_array(struct mc_buf *out, const void *array, uint32_t count, size_t size) {
    mc_put_u32(out, count);
    mc_buf_append(out, array, count * size);
}

static bool load_array(struct mc_reader *r, void *array, uint32_t *count, uint32_t *cap, size_t size) {
    void **at = array;
    uint32_t found = mc_get_u32(r);
    struct mc_str bytes = mc_get_bytes(r, found * size);
    if (r->failed || !reserve(array, cap, found, size))
        return false;
    if (found > 0)
        memcpy(*at, bytes.data, bytes.len);
    *count = found;
    return true;
}

void mc_day_save(const struct mc_day *day, struct mc_buf *out) {
    mc_put_i64(out, day->day);
    mc_put_i64(out, day->due_us);
    mc_put_u64(out, day->first);
    mc_put_u64(out, day->last);
    mc_texts_save(&day->products, out);
    mc_texts_save(&day->users, out);
    mc_texts_save(&day->sessions, out);
    mc_texts_save(&day->category_ids, out);
    mc_texts_save(&day->category_codes, out);
    mc_texts_save(&day->brands, out);
    mc_texts_save(&day->sources, out);
    mc_put_u64(out, day->extra_bytes.len);
    mc_buf_str(out, mc_buf_view(&day->extra_bytes));
    save_array(out, day->rows, day->row_count, sizeof *day->rows);
    save_array(out, day->visits, day->visit_count, sizeof *day->visits);
    save_array(out, day->shapes, day->shape_count, sizeof *day->shapes);
    save_array(out, day->extras, day->extra_count, sizeof *day->extras);
    save_array(out, day->origins, day->origin_count, sizeof *day->origins);
}

static bool text_fits(uint32_t number, const struct mc_texts *texts) {
    return number == MC_TEXT_ABSENT || number < texts->count;
}

/* Every number of every row leads somewhere. */
static bool is_sound(const struct mc_day *day) {
    bool good = true;
    for (uint32_t i = 0; i < day->row_count; i++) {
        const struct mc_day_row *row = &day->rows[i];
        good &= row->visit < day->visit_count && row->product < day->products.count && row->shape < day->shape_count &&
                row->origin < day->origin_count && (row->extra == NO_EXTRA || row->extra < day->extra_count) &&
                row->type < MC_EVENT_TYPES;
    }
    for (uint32_t i = 0; i < day->visit_count; i++)
        good &= day->visits[i].user < day->users.count && day->visits[i].session < day->sessions.count;
    for (uint32_t i = 0; i < day->shape_count; i++)
        good &= text_fits(day->shapes[i].category_id, &day->category_ids) &&
                text_fits(day->shapes[i].category_code, &day->category_codes) &&
                text_fits(day->shapes[i].brand, &day->brands);
    for (uint32_t i = 0; i < day->extra_count; i++)
        good &= (uint64_t)day->extras[i].order_at + day->extras[i].order_len <= day->extra_bytes.len &&
                (uint64_t)day->extras[i].message_at + day->extras[i].message_len <= day->extra_bytes.len;
    for (uint32_t i = 0; i < day->origin_count; i++)
        good &= day->origins[i].source < day->sources.count;
    return good;
}

static bool load_tables(struct mc_day *day, struct mc_reader *r) {
    return load_array(r, &day->rows, &day->row_count, &day->row_cap, sizeof *day->rows) &&
           load_array(r, &day->visits, &day->visit_count, &day->visit_cap, sizeof *day->visits) &&
           load_array(r, &day->shapes, &day->shape_count, &day->shape_cap, sizeof *day->shapes) &&
           load_array(r, &day->extras, &day->extra_count, &day->extra_cap, sizeof *day->extras) &&
           load_array(r, &day->origins, &day->origin_count, &day->origin_cap, sizeof *day->origins);
}

bool mc_day_load(struct mc_day *day, struct mc_reader *r) {
    int64_t number = mc_get_i64(r), due_us = mc_get_i64(r);
    mc_day_init(day, number, due_us);
    day->first = mc_get_u64(r);
    day->last = mc_get_u64(r);
    if (!mc_texts_load(&day->products, r) || !mc_texts_load(&day->users, r) || !mc_texts_load(&day->sessions, r) ||
        !mc_texts_load(&day->category_ids, r) || !mc_texts_load(&day->category_codes, r) ||
        !mc_texts_load(&day->brands, r) || !mc_texts_load(&day->sources, r))
        return false;
    mc_buf_str(&day->extra_bytes, mc_get_bytes(r, mc_get_u64(r)));
    return !day->extra_bytes.failed && load_tables(day, r) && is_sound(day) &&
           table_reserve(day, &day->visit_table, day->visit_count, visit_hash) &&
           table_reserve(day, &day->shape_table, day->shape_count, shape_hash);
}

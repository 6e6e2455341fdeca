/* What sold: sums by product, over time, and the bars beside each product's name. */
#include "base/mem.h"
#include "store/strmap.h"
#include "web/csv.h"
#include "web/internal.h"
#include <stdlib.h>

enum { SPARK = 24, STEPS_MAX = 2000, SHOWN_MAX = 10000, SHOWN = 500 };

struct product {
    struct mc_str id; /* set when all are there */
    __int128 units, revenue;
    int64_t last_minute;
    int32_t spark[SPARK]; /* units, by SPARK equal parts of the period */
    bool hidden;          /* not what was asked for */
};

struct moment {
    __int128 units, revenue;
};

enum sort { SORT_REVENUE, SORT_UNITS, SORT_LAST, SORT_PRODUCT, SORTS };
static const char *const sort_names[SORTS] = {"revenue", "units", "last", "product"};

struct sales {
    struct mc_web_request *r;
    int64_t since_us, until_us, step_us;
    struct mc_str q, brand, category;
    struct mc_str only; /* this product */
    int sort;
    int64_t limit;
    bool filtered, bounded;

    struct mc_strmap map; /* product -> index */
    struct product *products;
    size_t cap, shown;
    struct moment *moments;
    size_t moment_count;
    struct moment total;
    int64_t position;
};

static void sales_free(struct sales *s) {
    mc_strmap_free(&s->map);
    mc_free(s->products);
    mc_free(s->moments);
}

/* ---- what was asked ---- */

static int64_t floor_minute(int64_t us) {
    return us - us % MC_MINUTE_US;
}

static bool arguments(struct sales *s) {
    struct mc_web_request *r = s->r;
    int64_t clock = mc_web_clock(r).us, step_s;
    if (!mc_web_arg_time(r, "since", floor_minute(clock - MC_DAY_US), &s->since_us) ||
        !mc_web_arg_time(r, "until", INT64_MAX, &s->until_us) ||
        !mc_web_arg_int(r, "step", 60, 31 * 86400, 3600, &step_s) ||
        !mc_web_arg_int(r, "limit", 0, SHOWN_MAX, SHOWN, &s->limit) ||
        !mc_web_arg_choice(r, "sort", sort_names, SORTS, &s->sort))
        return false;
    s->sort = s->sort < 0 ? SORT_REVENUE : s->sort;
    s->q = mc_http_query(r->http, "q");
    s->brand = mc_http_query(r->http, "brand");
    s->category = mc_http_query(r->http, "category");
    s->only = mc_http_query(r->http, "product");
    s->filtered = s->q.len + s->brand.len + s->category.len + s->only.len > 0;
    s->bounded = s->until_us != INT64_MAX;
    int64_t end = s->bounded ? s->until_us : clock;
    s->step_us = step_s * MC_SECOND_US;
    int64_t steps = end > s->since_us ? (end - s->since_us - 1) / s->step_us + 1 : 1;
    if (steps > STEPS_MAX) {
        mc_http_answer_error(r->http, 400, "bad_argument", "step is too small for this period: at most 2000 steps.");
        return false;
    }
    s->moment_count = (size_t)steps;
    return true;
}

static char low(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Whether `text` has `part` in it; ASCII case is ignored. */
static bool holds(struct mc_str text, struct mc_str part) {
    for (size_t at = 0; at + part.len <= text.len; at++) {
        size_t i = 0;
        while (i < part.len && low(text.data[at + i]) == low(part.data[i]))
            i++;
        if (i == part.len)
            return true;
    }
    return false;
}

/* Category codes are a path, "electronics.audio.headphone": a part of it from the left is a category too. */
static bool is_under(struct mc_str code, struct mc_str category) {
    return code.len >= category.len && mc_bytes_equal(code.data, category.data, category.len) &&
           (code.len == category.len || code.data[category.len] == '.');
}

struct about {
    struct mc_str brand, category, name, image_url;
};

/* What is known about the product; borrowed until the next call. */
static enum mc_err about_product(struct sales *s, struct mc_str id, struct about *out, struct mc_error *e) {
    bool row;
    sqlite3_stmt *p = mc_rows_get(s->r->rows, MC_ROWS_PRODUCT, e);
    *out = (struct about){{0}, {0}, {0}, {0}};
    if (p == NULL)
        return MC_ERR_IO;
    mc_rows_bind(p, 1, id);
    enum mc_err err = mc_rows_step(s->r->rows, p, &row, e);
    if (err == MC_OK && row)
        *out = (struct about){mc_rows_str(p, 0), mc_rows_str(p, 1), mc_rows_str(p, 2), mc_rows_str(p, 3)};
    return err;
}

static enum mc_err is_wanted(struct sales *s, struct mc_str id, bool *wanted, struct mc_error *e) {
    struct about about;
    *wanted = true;
    if (!s->filtered)
        return MC_OK;
    enum mc_err err = about_product(s, id, &about, e);
    *wanted = (s->only.len == 0 || mc_str_equal(id, s->only)) &&
              (s->q.len == 0 || holds(id, s->q) || holds(about.name, s->q) || holds(about.brand, s->q)) &&
              (s->brand.len == 0 || mc_str_equal(about.brand, s->brand)) &&
              (s->category.len == 0 || is_under(about.category, s->category));
    return err;
}

/* ---- adding up ---- */

static struct product *product_of(struct sales *s, struct mc_str id, enum mc_err *err, struct mc_error *e) {
    uint64_t hash = mc_hash64(id.data, id.len);
    struct mc_strmap_entry *entry = mc_strmap_find(&s->map, hash, id);
    if (entry != NULL)
        return &s->products[entry->value];
    if (s->map.count == s->cap) {
        size_t cap = s->cap > 0 ? s->cap * 2 : 256;
        struct product *more = mc_realloc(s->products, cap * sizeof *more);
        if (more == NULL)
            goto no_memory;
        s->products = more;
        s->cap = cap;
    }
    size_t at = s->map.count;
    if (mc_strmap_add(&s->map, hash, id, (int64_t)at) == NULL)
        goto no_memory;
    bool wanted;
    *err = is_wanted(s, id, &wanted, e);
    s->products[at] = (struct product){.hidden = !wanted};
    return &s->products[at];
no_memory:
    *err = mc_error_set(e, MC_ERR_NOMEM, "no memory to add up the sales");
    return NULL;
}

/* The open period's last bar is where the clock stands; what is later yet counts there. */
static size_t part_of(int64_t into, int64_t whole, size_t parts) {
    size_t part = whole > 0 ? (size_t)((__int128)into * (__int128)parts / whole) : 0;
    return part < parts ? part : parts - 1;
}

static void add(struct sales *s, struct product *p, sqlite3_stmt *row) {
    int64_t minute = mc_rows_int(row, 0, 0), into = minute - s->since_us;
    struct moment sum = {mc_rows_int128(row, 2), mc_rows_int128(row, 3)};
    int64_t whole = (int64_t)s->moment_count * s->step_us;
    struct moment *m = &s->moments[part_of(into, whole, s->moment_count)];
    int32_t *bar = &p->spark[part_of(into, whole, SPARK)];
    int64_t units = (int64_t)*bar + (sum.units > INT32_MAX ? INT32_MAX : (int64_t)sum.units);
    *bar = units > INT32_MAX ? INT32_MAX : (int32_t)units;
    p->units += sum.units;
    p->revenue += sum.revenue;
    p->last_minute = minute > p->last_minute ? minute : p->last_minute;
    m->units += sum.units;
    m->revenue += sum.revenue;
    s->total.units += sum.units;
    s->total.revenue += sum.revenue;
}

static enum mc_err add_all(struct sales *s, struct mc_error *e) {
    sqlite3_stmt *q = mc_rows_get(s->r->rows, MC_ROWS_SALES, e);
    enum mc_err err = q != NULL ? MC_OK : MC_ERR_IO;
    bool row = true;
    if (err == MC_OK) {
        sqlite3_bind_int64(q, 1, s->since_us);
        sqlite3_bind_int64(q, 2, s->until_us);
    }
    while (err == MC_OK && (err = mc_rows_step(s->r->rows, q, &row, e)) == MC_OK && row) {
        struct product *p = product_of(s, mc_rows_str(q, 1), &err, e);
        if (err == MC_OK && !p->hidden)
            add(s, p, q);
    }
    return err;
}

/* ---- order ---- */

static int by_id(const struct product *a, const struct product *b) {
    return mc_str_compare(a->id, b->id);
}

static int by_revenue(const void *a, const void *b) {
    const struct product *x = a, *y = b;
    return x->revenue != y->revenue ? (x->revenue > y->revenue ? -1 : 1) : by_id(x, y);
}

static int by_units(const void *a, const void *b) {
    const struct product *x = a, *y = b;
    return x->units != y->units ? (x->units > y->units ? -1 : 1) : by_revenue(a, b);
}

static int by_last(const void *a, const void *b) {
    const struct product *x = a, *y = b;
    return x->last_minute != y->last_minute ? (x->last_minute > y->last_minute ? -1 : 1) : by_revenue(a, b);
}

static int by_product(const void *a, const void *b) {
    return by_id(a, b);
}

static void order(struct sales *s) {
    static int (*const orders[SORTS])(const void *, const void *) = {by_revenue, by_units, by_last, by_product};
    for (size_t i = 0; i < s->map.count; i++) {
        s->products[i].id = mc_strmap_key(&s->map, &s->map.entries[i]);
        if (!s->products[i].hidden)
            s->products[s->shown++] = s->products[i];
    }
    if (s->shown > 0)
        qsort(s->products, s->shown, sizeof *s->products, orders[s->sort]);
}

/* Leaves the transaction open for what is known about the products; mc_rows_end is the caller's. */
static enum mc_err sales_read(struct sales *s, struct mc_error *e) {
    s->moments = mc_calloc(s->moment_count, sizeof *s->moments);
    if (s->moments == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to add up the sales");
    enum mc_err err = mc_rows_begin(s->r->rows, MC_WEB_READ_MS, e);
    if (err == MC_OK)
        err = mc_rows_position(s->r->rows, &s->position, e);
    if (err == MC_OK)
        err = add_all(s, e);
    if (err == MC_OK)
        order(s);
    return err;
}

/* ---- JSON ---- */

static void put_sums(struct mc_buf *b, __int128 units, __int128 revenue) {
    mc_buf_text(b, "\"units\":");
    mc_buf_int128(b, units);
    mc_buf_text(b, ",\"revenue_minor\":");
    mc_buf_int128(b, revenue);
}

static void put_text(struct mc_buf *b, const char *name, struct mc_str text) {
    if (text.len == 0)
        return;
    mc_buf_printf(b, ",\"%s\":", name);
    mc_buf_json(b, text);
}

static void put_product(struct mc_buf *b, const struct product *p, const struct about *about) {
    mc_buf_text(b, "{\"product_id\":");
    mc_buf_json(b, p->id);
    put_text(b, "name", about->name);
    put_text(b, "brand", about->brand);
    put_text(b, "category", about->category);
    put_text(b, "image_url", about->image_url);
    mc_buf_char(b, ',');
    put_sums(b, p->units, p->revenue);
    mc_buf_text(b, ",\"last_at\":");
    mc_buf_json_time(b, p->last_minute, -1);
    mc_buf_text(b, ",\"spark\":[");
    for (int i = 0; i < SPARK; i++) {
        if (i > 0)
            mc_buf_char(b, ',');
        mc_buf_int(b, p->spark[i]);
    }
    mc_buf_text(b, "]}");
}

static void put_series(struct mc_buf *b, const struct sales *s) {
    mc_buf_text(b, ",\"series\":{\"units\":[");
    for (size_t i = 0; i < s->moment_count; i++) {
        mc_buf_text(b, i > 0 ? "," : "");
        mc_buf_int128(b, s->moments[i].units);
    }
    mc_buf_text(b, "],\"revenue_minor\":[");
    for (size_t i = 0; i < s->moment_count; i++) {
        mc_buf_text(b, i > 0 ? "," : "");
        mc_buf_int128(b, s->moments[i].revenue);
    }
    mc_buf_text(b, "]}");
}

static void put_head(struct mc_buf *b, const struct sales *s) {
    mc_buf_printf(b, "{\"position\":%lld,\"now\":", (long long)s->position);
    mc_buf_json_time(b, mc_wall_now().us, INT64_MIN);
    mc_buf_text(b, ",\"clock\":");
    mc_buf_json_time(b, mc_web_clock(s->r).us, INT64_MIN);
    mc_buf_text(b, ",\"since\":");
    mc_buf_json_time(b, s->since_us, INT64_MIN);
    mc_buf_text(b, ",\"until\":");
    mc_buf_json_time(b, s->until_us, INT64_MAX);
    mc_buf_printf(b, ",\"step\":%lld,\"products_sold\":%zu,\"total\":{", (long long)(s->step_us / MC_SECOND_US),
                  s->shown);
    put_sums(b, s->total.units, s->total.revenue);
    mc_buf_char(b, '}');
}

static enum mc_err put_products(struct mc_buf *b, struct sales *s, struct mc_error *e) {
    enum mc_err err = MC_OK;
    for (size_t i = 0; i < s->shown && (int64_t)i < s->limit && err == MC_OK; i++) {
        struct about about;
        err = about_product(s, s->products[i].id, &about, e);
        mc_buf_text(b, i > 0 ? ",\n" : "");
        put_product(b, &s->products[i], &about);
    }
    return err;
}

void mc_api_sales(struct mc_web_request *r) {
    struct sales s = {.r = r};
    struct mc_error e = {0};
    struct mc_buf json = {0};
    if (!arguments(&s))
        return;
    enum mc_err err = sales_read(&s, &e);
    if (err == MC_OK) {
        put_head(&json, &s);
        put_series(&json, &s);
        mc_buf_text(&json, ",\"products\":[");
        err = put_products(&json, &s, &e);
        mc_buf_text(&json, "]}\n");
    }
    mc_rows_end(r->rows);
    if (err == MC_OK)
        mc_web_answer_json(r, &json);
    else
        mc_web_answer_failure(r, err, &e);
    mc_buf_free(&json);
    sales_free(&s);
}

/* ---- CSV ---- */

static void put_row(struct mc_buf *b, const struct product *p, const struct about *about) {
    struct mc_str cells[] = {p->id, about->name, about->brand, about->category};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        mc_csv_cell(b, cells[i]);
        mc_buf_char(b, ',');
    }
    mc_buf_int128(b, p->units);
    mc_buf_char(b, ',');
    mc_csv_money(b, p->revenue);
    mc_buf_char(b, ',');
    mc_buf_time(b, p->last_minute);
    mc_buf_text(b, "\r\n");
}

void mc_api_sales_csv(struct mc_web_request *r) {
    struct sales s = {.r = r};
    struct mc_error e = {0};
    struct mc_buf csv = {0};
    if (!arguments(&s))
        return;
    s.limit = mc_http_query(r->http, "limit").len > 0 ? s.limit : INT64_MAX;
    enum mc_err err = sales_read(&s, &e);
    mc_buf_text(&csv, "product_id,name,brand,category,units,revenue,last_sale_utc\r\n");
    for (size_t i = 0; i < s.shown && (int64_t)i < s.limit && err == MC_OK; i++) {
        struct about about;
        err = about_product(&s, s.products[i].id, &about, &e);
        put_row(&csv, &s.products[i], &about);
    }
    mc_rows_end(r->rows);
    mc_csv_answer(r, "sales.csv", &csv, err, &e);
    sales_free(&s);
}

#include "app/forecast_table.h"

#include "app/options.h"
#include "app/table_file.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/time.h"

#include <math.h>
#include <stdlib.h>

#define VALUE_MAX 1e15

enum { SERIES, PERIOD, VALUE, PRICE, VIEWS, CARTS, PROMOTION, STOCK, COLUMNS };

static const struct mc_table_column columns[COLUMNS] = {
    {"series_id", true}, {"period", true}, {"value", true},      {"price", false},
    {"views", false},    {"carts", false}, {"promotion", false}, {"stock", false},
};

struct row {
    size_t name_at, name_len;
    int64_t period;
    double value, price, views, carts, stock;
    uint64_t number;
    bool promoted;
};

struct reading {
    struct mc_forecast_table *t;
    struct row *rows;
    size_t count, cap;
    bool demand, has_dates, has_views, has_carts;
    struct mc_error *refused; /* the first row that was refused */
};

/* ---- rows
 * -------------------------------------------------------------------------------------------------------------- */

static bool is_blank(struct mc_str s) {
    return s.len == 0 || mc_str_equal_nocase(s, MC_STR("nan")) || mc_str_equal_nocase(s, MC_STR("na")) ||
           mc_str_equal_nocase(s, MC_STR("null"));
}

/* A plain decimal number; blank is NaN. */
static bool parse_number(struct mc_str s, double *value) {
    char text[64], *end = NULL;
    *value = NAN;
    if (is_blank(s))
        return true;
    if (s.len >= sizeof text)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((s.data[i] < '0' || s.data[i] > '9') && memchr("+-.eE", s.data[i], 5) == NULL)
            return false;
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    *value = strtod(text, &end);
    return end == text + s.len && fabs(*value) <= VALUE_MAX;
}

static bool parse_digits(struct mc_str s, int *value) {
    *value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        *value = *value * 10 + (s.data[i] - '0');
    }
    return s.len > 0;
}

static bool parse_date(struct mc_str s, int64_t *days) {
    int year, month, day = 1;
    if ((s.len != 10 && s.len != 7) || s.data[4] != '-' || (s.len == 10 && s.data[7] != '-'))
        return false;
    if (!parse_digits((struct mc_str){s.data, 4}, &year) || !parse_digits((struct mc_str){s.data + 5, 2}, &month) ||
        (s.len == 10 && !parse_digits((struct mc_str){s.data + 8, 2}, &day)))
        return false;
    if (!mc_date_is_valid(year, (unsigned)month, (unsigned)day))
        return false;
    *days = mc_days_of_date(year, (unsigned)month, (unsigned)day);
    return true;
}

static bool parse_whole(struct mc_str s, int64_t *value) {
    bool minus = s.len > 0 && s.data[0] == '-';
    struct mc_str digits = minus ? (struct mc_str){s.data + 1, s.len - 1} : s;
    int small;
    if (digits.len > 9 || !parse_digits(digits, &small))
        return false;
    *value = minus ? -small : small;
    return true;
}

static enum mc_err parse_period(struct reading *r, struct mc_str s, struct row *row, struct mc_error *e) {
    bool is_date = parse_date(s, &row->period);
    if (!is_date && !parse_whole(s, &row->period))
        return mc_error_set(e, MC_ERR_FORMAT,
                            "row %llu: period '%.*s' is neither a date (2019-10-01) nor a whole number",
                            (unsigned long long)row->number, (int)(s.len < 40 ? s.len : 40), s.data);
    if (r->count > 0 && is_date != r->has_dates)
        return mc_error_set(e, MC_ERR_FORMAT, "row %llu: dates and whole numbers are mixed in column period",
                            (unsigned long long)row->number);
    r->has_dates = is_date;
    return MC_OK;
}

static enum mc_err parse_values(const struct mc_str *v, struct row *row, struct mc_error *e) {
    double promotion, *targets[COLUMNS] = {[VALUE] = &row->value, [PRICE] = &row->price,    [VIEWS] = &row->views,
                                           [CARTS] = &row->carts, [PROMOTION] = &promotion, [STOCK] = &row->stock};
    for (int c = VALUE; c < COLUMNS; c++)
        if (!parse_number(v[c], targets[c]))
            return mc_error_set(e, MC_ERR_FORMAT, "row %llu: %s '%.*s' is no number up to 10^15",
                                (unsigned long long)row->number, columns[c].name, (int)(v[c].len < 40 ? v[c].len : 40),
                                v[c].data);
    row->promoted = promotion > 0;
    return MC_OK;
}

/* Equal names in turn share their bytes. */
static void keep_name(struct reading *r, struct mc_str name, struct row *row) {
    struct mc_buf *names = &r->t->names;
    if (r->count > 0) {
        const struct row *before = &r->rows[r->count - 1];
        if (mc_str_equal(name, (struct mc_str){names->data + before->name_at, before->name_len})) {
            row->name_at = before->name_at, row->name_len = before->name_len;
            return;
        }
    }
    row->name_at = names->len, row->name_len = name.len;
    mc_buf_str(names, name);
}

static enum mc_err grow(struct reading *r, struct mc_error *e) {
    if (r->count < r->cap && !r->t->names.failed)
        return MC_OK;
    size_t cap = r->cap > 0 ? 2 * r->cap : 4096;
    struct row *rows = r->t->names.failed ? NULL : mc_realloc(r->rows, cap * sizeof *rows);
    if (rows == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory after %zu rows", r->count);
    r->rows = rows, r->cap = cap;
    return MC_OK;
}

static enum mc_err take(void *context, uint64_t number, const struct mc_str *values, struct mc_error *e) {
    struct reading *r = context;
    struct row row = {.number = number};
    if (r->refused->code != MC_OK) {
        *e = *r->refused;
        return e->code;
    }
    if (values[SERIES].len == 0)
        return mc_error_set(e, MC_ERR_FORMAT, "row %llu: series_id is empty", (unsigned long long)number);
    enum mc_err err = grow(r, e);
    if (err == MC_OK)
        err = parse_period(r, values[PERIOD], &row, e);
    if (err == MC_OK)
        err = parse_values(values, &row, e);
    if (err != MC_OK)
        return err;
    keep_name(r, values[SERIES], &row);
    r->has_views |= !isnan(row.views), r->has_carts |= !isnan(row.carts);
    r->rows[r->count++] = row;
    return MC_OK;
}

static void refuse(void *context, uint64_t number, const char *reason) {
    struct reading *r = context;
    if (r->refused->code == MC_OK)
        mc_error_set(r->refused, MC_ERR_FORMAT, "row %llu: %s", (unsigned long long)number, reason);
}

/* ---- order
 * ------------------------------------------------------------------------------------------------------------- */

struct keyed { /* a row with its name at hand, since mc_sort has no context */
    const char *name;
    struct row row;
};

static int compare_rows(const void *a, const void *b) {
    const struct keyed *x = a, *y = b;
    int order = mc_str_compare((struct mc_str){x->name, x->row.name_len}, (struct mc_str){y->name, y->row.name_len});
    if (order != 0)
        return order;
    if (x->row.period != y->row.period)
        return x->row.period < y->row.period ? -1 : 1;
    return (x->row.number > y->row.number) - (x->row.number < y->row.number);
}

static struct keyed key_of(const struct reading *r, size_t i) {
    return (struct keyed){r->t->names.data + r->rows[i].name_at, r->rows[i]};
}

static bool is_sorted(const struct reading *r) {
    for (size_t i = 1; i < r->count; i++) {
        struct keyed a = key_of(r, i - 1), b = key_of(r, i);
        if (compare_rows(&a, &b) > 0)
            return false;
    }
    return true;
}

static enum mc_err sort_rows(struct reading *r, struct mc_error *e) {
    if (is_sorted(r))
        return MC_OK;
    struct keyed *keyed = mc_malloc(r->count * sizeof *keyed);
    if (keyed == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory to sort %zu rows", r->count);
    for (size_t i = 0; i < r->count; i++)
        keyed[i] = key_of(r, i);
    mc_sort(keyed, r->count, sizeof *keyed, compare_rows);
    for (size_t i = 0; i < r->count; i++)
        r->rows[i] = keyed[i].row;
    mc_free(keyed);
    return MC_OK;
}

static bool is_same_series(const struct reading *r, size_t i, size_t j) {
    const char *names = r->t->names.data;
    return mc_str_equal((struct mc_str){names + r->rows[i].name_at, r->rows[i].name_len},
                        (struct mc_str){names + r->rows[j].name_at, r->rows[j].name_len});
}

static enum mc_err check_twice(const struct reading *r, struct mc_error *e) {
    for (size_t i = 1; i < r->count; i++) {
        const struct row *a = &r->rows[i - 1], *b = &r->rows[i];
        if (a->period == b->period && is_same_series(r, i - 1, i))
            return mc_error_set(e, MC_ERR_FORMAT, "rows %llu and %llu: series '%.*s' has the same period twice",
                                (unsigned long long)a->number, (unsigned long long)b->number,
                                (int)(a->name_len < 60 ? a->name_len : 60), r->t->names.data + a->name_at);
    }
    return MC_OK;
}

/* ---- calendar
 * ---------------------------------------------------------------------------------------------------------- */

static int64_t divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b, b = rest;
    }
    return a < 0 ? -a : a;
}

static bool is_month_end(int64_t days) {
    int y0, y1;
    unsigned m0, m1, d;
    mc_date_of_days(days, &y0, &m0, &d);
    mc_date_of_days(days + 1, &y1, &m1, &d);
    return m0 != m1;
}

static unsigned day_of_month(int64_t days) {
    int year;
    unsigned month, day;
    mc_date_of_days(days, &year, &month, &day);
    return day;
}

static int64_t month_of(int64_t days) {
    int year;
    unsigned month, day;
    mc_date_of_days(days, &year, &month, &day);
    return (int64_t)year * 12 + month - 1;
}

static bool is_monthly(const struct reading *r) {
    bool same = true, ends = true, differ = false;
    for (size_t i = 0; i < r->count; i++) {
        same &= day_of_month(r->rows[i].period) == day_of_month(r->rows[0].period);
        ends &= is_month_end(r->rows[i].period);
        differ |= r->rows[i].period != r->rows[0].period;
    }
    return differ && (same || ends);
}

static size_t season_of(const struct mc_forecast_table *t) {
    if (t->step == MC_STEP_DAYS)
        return t->step_size == 1 ? 7 : t->step_size == 7 ? 52 : 1;
    if (t->step == MC_STEP_MONTHS)
        return t->step_size < 12 && 12 % t->step_size == 0 ? (size_t)(12 / t->step_size) : 1;
    return 1;
}

/* Turns the rows' periods into whole numbers that step by step_size. */
static void find_step(struct reading *r) {
    struct mc_forecast_table *t = r->t;
    int64_t size = 0;
    t->step = !r->has_dates ? MC_STEP_NUMBER : is_monthly(r) ? MC_STEP_MONTHS : MC_STEP_DAYS;
    for (size_t i = 0; i < r->count && t->step == MC_STEP_MONTHS; i++)
        r->rows[i].period = month_of(r->rows[i].period);
    for (size_t i = 0; i < r->count && t->step != MC_STEP_NUMBER; i++)
        size = divisor(size, r->rows[i].period - r->rows[0].period);
    t->step_size = size > 0 ? size : 1;
    t->season = season_of(t);
}

static int64_t last_of_all(const struct reading *r) {
    int64_t last = r->rows[0].period;
    for (size_t i = 1; i < r->count; i++)
        last = r->rows[i].period > last ? r->rows[i].period : last;
    return last;
}

static size_t count_series(const struct reading *r) {
    size_t count = 1;
    for (size_t i = 1; i < r->count; i++)
        count += !is_same_series(r, i - 1, i);
    return count;
}

static size_t periods_of(const struct mc_forecast_table *t, const struct mc_forecast_item *item) {
    return (size_t)((item->last - item->first) / t->step_size) + 1;
}

/* One item a series: names, first and last period, cells. */
static enum mc_err lay_out(struct reading *r, struct mc_error *e) {
    struct mc_forecast_table *t = r->t;
    bool extend = r->demand && t->step != MC_STEP_NUMBER;
    int64_t last = last_of_all(r);
    size_t cells = 0;
    for (size_t i = 0, k = 0; i < r->count; i++) {
        if (i > 0 && !is_same_series(r, i - 1, i))
            k++;
        struct mc_forecast_item *item = &t->items[k];
        if (i == 0 || !is_same_series(r, i - 1, i))
            *item =
                (struct mc_forecast_item){r->rows[i].name_at, r->rows[i].name_len, 0, r->rows[i].period, 0, NAN, NAN};
        item->last = extend ? last : r->rows[i].period;
    }
    for (size_t k = 0; k < t->count; k++) {
        struct mc_forecast_item *item = &t->items[k];
        if (item->last - item->first >= MC_FORECAST_PERIODS_MAX * t->step_size)
            return mc_error_set(e, MC_ERR_LIMIT, "series '%.*s' spans more than %d periods",
                                (int)(item->name_len < 60 ? item->name_len : 60), t->names.data + item->name_at,
                                MC_FORECAST_PERIODS_MAX);
        item->cell_at = cells;
        cells += periods_of(t, item);
    }
    t->cells = cells;
    return cells <= MC_FORECAST_CELLS_MAX
               ? MC_OK
               : mc_error_set(e, MC_ERR_LIMIT, "%zu series span %zu periods in all, more than %d: split the file",
                              t->count, cells, MC_FORECAST_CELLS_MAX);
}

static double *new_cells(size_t cells, double value) {
    double *v = mc_malloc(cells * sizeof *v);
    for (size_t i = 0; v != NULL && i < cells; i++)
        v[i] = value;
    return v;
}

static enum mc_err make_cells(struct reading *r, struct mc_error *e) {
    struct mc_forecast_table *t = r->t;
    t->values = new_cells(t->cells, r->demand ? 0 : NAN);
    t->views = r->has_views ? new_cells(t->cells, 0) : NULL;
    t->carts = r->has_carts ? new_cells(t->cells, 0) : NULL;
    t->series = mc_malloc(t->count * sizeof *t->series);
    if (t->values == NULL || t->series == NULL || (r->has_views && t->views == NULL) ||
        (r->has_carts && t->carts == NULL))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for %zu series of %zu periods in all", t->count, t->cells);
    for (size_t k = 0; k < t->count; k++)
        t->series[k] = (struct mc_series){t->values + t->items[k].cell_at, periods_of(t, &t->items[k])};
    return MC_OK;
}

static void put(struct reading *r, const struct row *row, struct mc_forecast_item *item) {
    struct mc_forecast_table *t = r->t;
    size_t cell = item->cell_at + (size_t)((row->period - item->first) / t->step_size);
    double value = row->value;
    t->missing += isnan(value);
    t->sold_out += row->stock <= 0, t->promoted += row->promoted;
    if (r->demand && value < 0)
        t->negative++, value = 0;
    t->values[cell] = row->stock <= 0 || row->promoted ? NAN : value;
    if (t->views != NULL)
        t->views[cell] = row->views;
    if (t->carts != NULL)
        t->carts[cell] = row->carts;
    item->price = isnan(row->price) ? item->price : row->price;
    item->stock = isnan(row->stock) ? item->stock : row->stock;
}

static enum mc_err build(struct reading *r, struct mc_error *e) {
    struct mc_forecast_table *t = r->t;
    find_step(r);
    enum mc_err err = check_twice(r, e); /* again: months may fall together where days did not */
    t->count = count_series(r);
    t->items = mc_calloc(t->count, sizeof *t->items);
    if (err == MC_OK && t->items == NULL)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for %zu series", t->count);
    if (err == MC_OK)
        err = lay_out(r, e);
    if (err == MC_OK)
        err = make_cells(r, e);
    for (size_t i = 0, k = 0; err == MC_OK && i < r->count; i++) {
        k += i > 0 && !is_same_series(r, i - 1, i);
        put(r, &r->rows[i], &t->items[k]);
    }
    return err;
}

enum mc_err mc_forecast_table_read(struct mc_forecast_table *t, const char *path, bool demand, struct mc_error *e) {
    struct mc_error refused = {0};
    struct reading r = {.t = t, .demand = demand, .refused = &refused};
    struct mc_table_reader reader = {
        .columns = columns, .column_count = COLUMNS, .take = take, .refuse = refuse, .context = &r};
    enum mc_err err = mc_table_read(&reader, path, e);
    if (err == MC_OK && refused.code != MC_OK)
        *e = refused, err = refused.code;
    if (err == MC_OK && r.count == 0)
        err = mc_error_set(e, MC_ERR_FORMAT, "no rows: nothing to forecast");
    if (err == MC_OK && t->names.failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the names of the series");
    if (err == MC_OK)
        err = sort_rows(&r, e);
    t->rows = r.count;
    if (err == MC_OK)
        err = check_twice(&r, e);
    if (err == MC_OK)
        err = build(&r, e);
    mc_buf_free(&reader.ignored);
    mc_free(r.rows);
    return err;
}

void mc_forecast_table_free(struct mc_forecast_table *t) {
    mc_buf_free(&t->names);
    mc_free(t->items);
    mc_free(t->series);
    mc_free(t->values);
    mc_free(t->views);
    mc_free(t->carts);
    *t = (struct mc_forecast_table){0};
}

struct mc_str mc_forecast_name(const struct mc_forecast_table *t, size_t i) {
    return (struct mc_str){t->names.data + t->items[i].name_at, t->items[i].name_len};
}

const char *mc_forecast_unit(const struct mc_forecast_table *t) {
    if (t->step == MC_STEP_DAYS)
        return t->step_size == 1 ? "days" : t->step_size == 7 ? "weeks" : "periods";
    if (t->step == MC_STEP_MONTHS)
        return t->step_size == 1 ? "months" : t->step_size == 3 ? "quarters" : t->step_size == 12 ? "years" : "periods";
    return "periods";
}

void mc_forecast_period_text(struct mc_buf *b, const struct mc_forecast_table *t, size_t i, int64_t steps) {
    int64_t at = t->items[i].last + steps * t->step_size;
    int year;
    unsigned month, day;
    if (t->step == MC_STEP_NUMBER) {
        mc_buf_int(b, at);
    } else if (t->step == MC_STEP_MONTHS) {
        mc_buf_printf(b, "%04d-%02d", (int)(at / 12), (int)(at % 12) + 1);
    } else {
        mc_date_of_days(at, &year, &month, &day);
        mc_buf_printf(b, "%04d-%02u-%02u", year, month, day);
    }
}

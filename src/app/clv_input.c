#include "app/clv_input.h"

#include "app/table_file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/time.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { EMPTY = UINT32_MAX, CUSTOMERS_FIRST = 1 << 10 };

/* ---- customers by id ---- */

struct id {
    size_t at, len; /* in the text */
    uint32_t number;
};

struct reading {
    struct mc_clv_input *in;
    struct id *ids;
    size_t id_capacity;
    uint32_t *slot; /* of a hash table of twice the capacity */
    size_t row_capacity;
    int32_t today;
};

static struct mc_str id_text(const struct reading *r, const struct id *id) {
    return (struct mc_str){r->in->text.data + id->at, id->len};
}

static uint32_t *find_slot(const struct reading *r, struct mc_str id) {
    size_t mask = 2 * r->id_capacity - 1, at = mc_hash64(id.data, id.len) & mask;
    while (r->slot[at] != EMPTY && !mc_str_equal(id_text(r, &r->ids[r->slot[at]]), id))
        at = (at + 1) & mask;
    return &r->slot[at];
}

static bool grow_ids(struct reading *r) {
    size_t capacity = r->id_capacity ? 2 * r->id_capacity : CUSTOMERS_FIRST;
    struct id *ids = mc_realloc(r->ids, capacity * sizeof *ids);
    if (ids == NULL)
        return false;
    r->ids = ids;
    uint32_t *slot = mc_malloc(2 * capacity * sizeof *slot);
    if (slot == NULL)
        return false;
    memset(slot, 0xFF, 2 * capacity * sizeof *slot);
    mc_free(r->slot);
    r->slot = slot;
    r->id_capacity = capacity;
    for (size_t i = 0; i < r->in->count; i++)
        *find_slot(r, id_text(r, &ids[i])) = (uint32_t)i;
    return true;
}

/* The number of the customer, in the order of arrival; EMPTY without memory. */
static uint32_t number_of(struct reading *r, struct mc_str id, bool *known) {
    struct mc_clv_input *in = r->in;
    if (in->count == r->id_capacity && !grow_ids(r))
        return EMPTY;
    uint32_t *slot = find_slot(r, id);
    *known = *slot != EMPTY;
    if (*known)
        return *slot;
    size_t at = in->text.len;
    mc_buf_str(&in->text, id);
    if (in->text.failed)
        return EMPTY;
    r->ids[in->count] = (struct id){at, id.len, (uint32_t)in->count};
    return *slot = (uint32_t)in->count++;
}

static void refuse(void *context, uint64_t row, const char *reason) {
    struct reading *r = context;
    if (r->in->refused++ > 0)
        return;
    r->in->first_refused = row;
    snprintf(r->in->reason, sizeof r->in->reason, "%s", reason);
}

/* ---- values ---- */

static bool parse_number(struct mc_str text, double *value) {
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (strchr("0123456789+-.eE", text.data[i]) == NULL || text.data[i] == '\0')
            return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *value = strtod(copy, &end);
    return *end == '\0' && isfinite(*value);
}

static bool parse_digits(const char *text, size_t len, int *value) {
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (text[i] - '0');
    }
    return true;
}

/* 2019-10-01, with or without a time behind it, or 20191001. */
static bool parse_day(struct mc_str text, int32_t *day) {
    int year, month, date;
    bool dashes = text.len >= 10 && text.data[4] == '-' && text.data[7] == '-';
    bool fits = dashes ? text.len == 10 || text.data[10] == 'T' || text.data[10] == ' ' : text.len == 8;
    size_t month_at = dashes ? 5 : 4, date_at = dashes ? 8 : 6;
    if (!fits || !parse_digits(text.data, 4, &year) || !parse_digits(text.data + month_at, 2, &month) ||
        !parse_digits(text.data + date_at, 2, &date))
        return false;
    if (!mc_date_is_valid(year, (unsigned)month, (unsigned)date) || year < 1970 || year > 2199)
        return false;
    *day = (int32_t)mc_days_of_date(year, (unsigned)month, (unsigned)date);
    return true;
}

static enum mc_err no_memory(struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for the customers");
}

/* Room for one row more in an array of the input. */
static bool grow_rows(struct reading *r, void **rows, size_t count, size_t size) {
    if (count < r->row_capacity)
        return true;
    size_t capacity = r->row_capacity ? 2 * r->row_capacity : CUSTOMERS_FIRST;
    void *wider = mc_realloc(*rows, capacity * size);
    if (wider == NULL)
        return false;
    *rows = wider;
    r->row_capacity = capacity;
    return true;
}

/* ---- rows ---- */

static const char *parse_order(const struct reading *r, const struct mc_str *values, struct mc_clv_order *order) {
    if (values[0].len == 0)
        return "it has no customer";
    if (!parse_day(values[1], &order->day))
        return "its date is none: write 2019-10-01";
    if (order->day > r->today + 1)
        return "its date lies in the future";
    if (!parse_number(values[2], &order->amount) || fabs(order->amount) > MC_CLV_AMOUNT_MAX)
        return "its amount is no number of at most a million millions";
    return NULL;
}

static enum mc_err take_order(void *context, uint64_t row, const struct mc_str *values, struct mc_error *e) {
    struct reading *r = context;
    struct mc_clv_order order = {0};
    bool known;
    const char *wrong = parse_order(r, values, &order);
    r->in->rows++;
    if (wrong != NULL) {
        refuse(r, row, wrong);
        return MC_OK;
    }
    order.customer = number_of(r, values[0], &known);
    if (order.customer == EMPTY || !grow_rows(r, (void **)&r->in->orders, r->in->order_count, sizeof order))
        return no_memory(e);
    r->in->orders[r->in->order_count++] = order;
    return MC_OK;
}

static const char *parse_customer(const struct mc_str *values, struct mc_clv_customer *c) {
    struct mc_clv_history *h = &c->history;
    double mean = 0;
    if (values[0].len == 0)
        return "it has no customer";
    if (!parse_number(values[1], &h->x) || !(h->x >= 0 && h->x <= MC_CLV_X_MAX) || h->x != floor(h->x))
        return "its frequency is no whole number from 0 to 10,000,000";
    if (!parse_number(values[3], &h->T) || !(h->T >= 0 && h->T <= MC_CLV_TIME_MAX))
        return "its T is no number from 0 to 10^9";
    if (!parse_number(values[2], &h->t_x) || !(h->t_x >= 0 && h->t_x <= h->T))
        return "its recency (from first to last purchase) is no number from 0 to T";
    if (h->x == 0 && h->t_x != 0)
        return "it has a recency (from first to last purchase) but no repeat purchase";
    if (values[4].len > 0 && (!parse_number(values[4], &mean) || fabs(mean) > MC_CLV_AMOUNT_MAX))
        return "its monetary_value is no number of at most a million millions";
    c->repeat = c->all = (struct mc_gg_spend){h->x, mean};
    c->spend = h->x * mean;
    return NULL;
}

static enum mc_err take_customer(void *context, uint64_t row, const struct mc_str *values, struct mc_error *e) {
    struct reading *r = context;
    struct mc_clv_customer customer = {0};
    bool known;
    size_t before = r->in->count;
    const char *wrong = parse_customer(values, &customer);
    r->in->rows++;
    if (wrong == NULL) {
        customer.number = number_of(r, values[0], &known);
        if (customer.number == EMPTY)
            return no_memory(e);
        wrong = known ? "its customer was there before" : NULL;
    }
    if (wrong != NULL) {
        refuse(r, row, wrong);
        return MC_OK;
    }
    if (!grow_rows(r, (void **)&r->in->customers, before, sizeof customer))
        return no_memory(e);
    r->in->customers[before] = customer;
    return MC_OK;
}

/* ---- numbers in the order of ids ---- */

struct sorted_id {
    struct mc_str id;
    uint32_t number;
};

static int compare_ids(const void *a, const void *b) {
    return mc_str_compare(((const struct sorted_id *)a)->id, ((const struct sorted_id *)b)->id);
}

static int compare_customers(const void *a, const void *b) {
    const struct mc_clv_customer *p = a, *q = b;
    return (p->number > q->number) - (p->number < q->number);
}

static enum mc_err renumber(struct reading *r, struct mc_error *e) {
    struct mc_clv_input *in = r->in;
    struct sorted_id *sorted = mc_malloc((in->count + 1) * sizeof *sorted);
    uint32_t *place = mc_malloc((in->count + 1) * sizeof *place);
    in->ids = mc_malloc((in->count + 1) * sizeof *in->ids);
    enum mc_err err = sorted != NULL && place != NULL && in->ids != NULL ? MC_OK : no_memory(e);
    assert(err != MC_OK || (sorted != NULL && place != NULL && in->ids != NULL));
    for (size_t i = 0; i < in->count && err == MC_OK; i++)
        sorted[i] = (struct sorted_id){id_text(r, &r->ids[i]), (uint32_t)i};
    if (err == MC_OK)
        mc_sort(sorted, in->count, sizeof *sorted, compare_ids);
    for (size_t i = 0; i < in->count && err == MC_OK; i++) {
        place[sorted[i].number] = (uint32_t)i;
        in->ids[i] = sorted[i].id;
    }
    for (size_t i = 0; i < in->order_count && err == MC_OK; i++)
        in->orders[i].customer = place[in->orders[i].customer];
    for (size_t i = 0; in->customers != NULL && i < in->count && err == MC_OK; i++)
        in->customers[i].number = place[in->customers[i].number];
    if (err == MC_OK && in->customers != NULL)
        mc_sort(in->customers, in->count, sizeof *in->customers, compare_customers);
    mc_free(sorted);
    mc_free(place);
    return err;
}

static enum mc_err read_all(struct mc_table_reader *reader, const char *path, struct reading *r, struct mc_error *e) {
    reader->context = r;
    reader->refuse = refuse;
    enum mc_err err = mc_table_read(reader, path, e);
    if (err == MC_OK && r->in->count == 0)
        err = r->in->refused == 0 ? mc_error_set(e, MC_ERR_FORMAT, "%s has no row behind its header", path)
                                  : mc_error_set(e, MC_ERR_FORMAT, "%s has no usable row: row %llu was left out, %s",
                                                 path, (unsigned long long)r->in->first_refused, r->in->reason);
    if (err == MC_OK)
        err = renumber(r, e);
    mc_buf_free(&reader->ignored);
    mc_free(r->ids);
    mc_free(r->slot);
    if (err != MC_OK)
        mc_clv_input_close(r->in);
    return err;
}

enum mc_err mc_clv_input_orders(const char *path, int32_t today, struct mc_clv_input *in, struct mc_error *e) {
    static const struct mc_table_column columns[] = {{"customer_id", true}, {"date", true}, {"amount", true}};
    struct reading r = {.in = in, .today = today};
    struct mc_table_reader reader = {.columns = columns, .column_count = 3, .take = take_order};
    *in = (struct mc_clv_input){0};
    return read_all(&reader, path, &r, e);
}

enum mc_err mc_clv_input_summary(const char *path, struct mc_clv_input *in, struct mc_error *e) {
    static const struct mc_table_column columns[] = {
        {"customer_id", true}, {"frequency", true}, {"recency", true}, {"T", true}, {"monetary_value", false}};
    struct reading r = {.in = in};
    struct mc_table_reader reader = {.columns = columns, .column_count = 5, .take = take_customer};
    *in = (struct mc_clv_input){0};
    return read_all(&reader, path, &r, e);
}

void mc_clv_input_close(struct mc_clv_input *in) {
    mc_free(in->orders);
    mc_free(in->customers);
    mc_free(in->ids);
    mc_buf_free(&in->text);
    *in = (struct mc_clv_input){0};
}

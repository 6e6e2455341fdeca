#include "model/clv_summary.h"

#include "base/sort.h"
#include <string.h>

static int compare_orders(const void *a, const void *b) {
    const struct mc_clv_order *p = a, *q = b;
    int order = (p->customer > q->customer) - (p->customer < q->customer);
    order = order ? order : (p->day > q->day) - (p->day < q->day);
    return order ? order : (p->amount > q->amount) - (p->amount < q->amount); /* sums do not depend on the order */
}

/* The end of the run of orders from `from` with the same customer and day; their sum and whether one is negative. */
static size_t day_end(const struct mc_clv_order *orders, size_t from, size_t count, double *sum, bool *negative) {
    size_t to = from;
    *sum = 0;
    *negative = false;
    for (; to < count && orders[to].customer == orders[from].customer && orders[to].day == orders[from].day; to++) {
        *sum += orders[to].amount;
        *negative |= orders[to].amount < 0;
    }
    return to;
}

static void widen(struct mc_clv_transactions *t, int32_t day) {
    t->first_day = t->rows == 0 || day < t->first_day ? day : t->first_day;
    t->last_day = t->rows == 0 || day > t->last_day ? day : t->last_day;
}

void mc_clv_transactions_make(struct mc_clv_order *orders, size_t count, struct mc_clv_transactions *t) {
    memset(t, 0, sizeof *t);
    mc_sort(orders, count, sizeof *orders, compare_orders);
    for (size_t from = 0, to; from < count; from = to) {
        double sum;
        bool negative;
        struct mc_clv_order day = orders[from];
        to = day_end(orders, from, count, &sum, &negative);
        day.amount = sum;
        day.refund = negative && sum <= 0;
        t->refunds += day.refund;
        if (day.refund && (t->rows == 0 || orders[t->rows - 1].customer != day.customer)) {
            t->unmatched++;
            t->unmatched_amount += sum;
            continue;
        }
        widen(t, day.day);
        t->merged += day.refund ? 0 : to - from - 1;
        t->count += !day.refund;
        orders[t->rows++] = day;
    }
}

static void add_past(struct mc_clv_customer *c, const struct mc_clv_order *o, double unit_days) {
    c->spend += o->amount;
    if (o->refund) {
        c->last_amount += o->amount;
        c->first_amount += c->history.x == 0 ? o->amount : 0;
        return;
    }
    c->last_day = o->day;
    c->last_amount = o->amount;
    c->history.x++;
    c->history.t_x = (o->day - c->first_day) / unit_days;
}

static struct mc_clv_customer begin(const struct mc_clv_order *o, int32_t cutoff_day, double unit_days) {
    struct mc_clv_customer c = {.first_amount = o->amount, .last_amount = o->amount, .spend = o->amount};
    c.history.T = (cutoff_day - o->day) / unit_days;
    c.first_day = c.last_day = o->day;
    c.number = o->customer;
    return c;
}

size_t mc_clv_summary_make(const struct mc_clv_order *merged, size_t rows, int32_t cutoff_day, int32_t end_day,
                           double unit_days, struct mc_clv_customer *customers, double *fresh, double *fresh_spend) {
    size_t made = 0;
    double none[2] = {0}, *others = fresh != NULL ? fresh : &none[0];
    double *others_spend = fresh_spend != NULL ? fresh_spend : &none[1];
    *others = *others_spend = 0;
    for (size_t i = 0; i < rows; i++) {
        const struct mc_clv_order *o = &merged[i];
        bool past = o->day <= cutoff_day;
        bool known = made > 0 && customers[made - 1].number == o->customer;
        struct mc_clv_customer *c = known ? &customers[made - 1] : NULL;
        if (o->day > end_day)
            continue;
        if (past && !known) {
            customers[made++] = begin(o, cutoff_day, unit_days);
        } else if (past) {
            add_past(c, o, unit_days);
        } else {
            *(known ? &c->future_count : others) += !o->refund;
            *(known ? &c->future_spend : others_spend) += o->amount;
        }
    }
    for (size_t i = 0; i < made; i++) {
        struct mc_clv_customer *c = &customers[i];
        c->repeat.count = c->history.x;
        c->repeat.mean = c->history.x > 0 ? (c->spend - c->first_amount) / c->history.x : 0;
        c->all.count = c->history.x + 1;
        c->all.mean = c->spend / c->all.count;
    }
    return made;
}

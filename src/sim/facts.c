#include "sim/facts.h"

#include <assert.h>

enum { VIEW, CART, REMOVE, PURCHASE };

struct list {
    struct mc_fact *facts;
    size_t count;
    double scale; /* rows at hand, of the published ones */
};

static void add(struct list *l, const char *name, enum mc_fact_unit unit, double published, double measured) {
    assert(l->count < MC_FACTS_MAX);
    l->facts[l->count++] = (struct mc_fact){name, unit, published, measured};
}

static void add_count(struct list *l, const char *name, double published, uint64_t measured) {
    add(l, name, MC_FACT_COUNT, published * l->scale, (double)measured);
}

static void add_share(struct list *l, const char *name, double percent, double part, double whole) {
    add(l, name, MC_FACT_SHARE, percent, whole > 0 ? 100 * part / whole : 0);
}

static void add_mean(struct list *l, const char *name, double published, double sum, double count) {
    add(l, name, MC_FACT_MEAN, published, count > 0 ? sum / count : 0);
}

/* ---- rows ---- */

static void add_rows(struct list *l, const struct mc_sim_tally *t) {
    double rows = (double)t->rows;
    add_count(l, "rows", 20692840, t->rows);
    add_count(l, "rows October", 4102283, t->by_month[0]);
    add_count(l, "rows November", 4635837, t->by_month[1]);
    add_count(l, "rows December", 3533286, t->by_month[2]);
    add_count(l, "rows January", 4264752, t->by_month[3]);
    add_count(l, "rows February", 4156682, t->by_month[4]);
    add_share(l, "view rows", 46.672, (double)t->by_type[VIEW], rows);
    add_share(l, "cart rows", 27.876, (double)t->by_type[CART], rows);
    add_share(l, "remove_from_cart rows", 19.232, (double)t->by_type[REMOVE], rows);
    add_share(l, "purchase rows", 6.220, (double)t->by_type[PURCHASE], rows);
    add_share(l, "exact duplicates", 5.360, (double)t->duplicates, rows);
    add_share(l, "re-sent within 1 s", 1.971, (double)t->resent, rows);
    add_share(l, "null category_code", 98.3, (double)t->null_code, rows);
    add_share(l, "null brand", 42.3, (double)t->null_brand, rows);
    add_count(l, "null user_session", 4598, t->null_session);
    add_share(l, "price zero", 1.0, (double)t->zero_price, rows);
    add_count(l, "purchases at price zero", 0, t->zero_purchases);
    add_count(l, "purchases below zero", 126, t->negative);
    add(l, "sum of those", MC_FACT_MONEY, -3825.42 * l->scale, (double)t->negative_sum / 100);
    add_mean(l, "bytes a row", 117, (double)t->bytes, rows);
    add(l, "rows out of order", MC_FACT_COUNT, 0, (double)t->out_of_order);
}

/* ---- products and prices ---- */

static uint64_t products_with(const struct mc_sim_tally *t, unsigned types) {
    uint64_t count = 0;
    for (size_t i = 0; i < MC_SIM_TALLY_PRODUCTS; i++)
        count += (t->products[i] & types) != 0;
    return count;
}

/* The price below which the share of the type's rows lies, in major units. */
static double price_quantile(const struct mc_sim_tally *t, int type, double share) {
    double left = share * (double)t->by_type[type];
    for (int price = 0; price < MC_SIM_TALLY_PRICES; price++) {
        left -= t->prices[type][price];
        if (left <= 0)
            return price / 100.0;
    }
    return MC_SIM_TALLY_PRICES / 100.0;
}

static void add_price(struct list *l, const struct mc_sim_tally *t, int type, const char *mean_name, double mean,
                      const char *median_name, double median) {
    add_mean(l, mean_name, mean, (double)t->price_sum[type] / 100, (double)t->by_type[type]);
    add(l, median_name, MC_FACT_MEAN, median, price_quantile(t, type, 0.5));
}

static void add_products(struct list *l, const struct mc_sim_tally *t) {
    /* How many of the products turn up depends on the number of rows, but not in proportion: not scaled. */
    add(l, "products", MC_FACT_COUNT, 54571, (double)products_with(t, 15));
    add(l, "products viewed", MC_FACT_COUNT, 53854, (double)products_with(t, 1U << VIEW));
    add(l, "products carted", MC_FACT_COUNT, 46157, (double)products_with(t, 1U << CART));
    add(l, "products purchased", MC_FACT_COUNT, 40777, (double)products_with(t, 1U << PURCHASE));
    add_price(l, t, VIEW, "price of views, mean", 12.42, "price of views, median", 5.10);
    add(l, "price of views, greatest", MC_FACT_MEAN, 327.78, t->price_max[VIEW] / 100.0);
    add_price(l, t, CART, "price of carts, mean", 5.26, "price of carts, median", 3.16);
    add_price(l, t, REMOVE, "price of removals, mean", 5.31, "price of removals, median", 3.46);
    add_price(l, t, PURCHASE, "price of purchases, mean", 4.94, "price of purchases, median", 3.00);
    add(l, "price of purchases, lower quartile", MC_FACT_MEAN, 1.59, price_quantile(t, PURCHASE, 0.25));
    add(l, "price of purchases, upper quartile", MC_FACT_MEAN, 5.40, price_quantile(t, PURCHASE, 0.75));
}

/* ---- sessions ---- */

enum { SHORT_S = 96 }; /* 1.6 minutes */

struct sessions {
    uint64_t brief, buying, direct, carting, unviewed, bought_after, left_behind, removing;
    uint64_t buying_by_month[MC_SIM_MONTHS], by_month[MC_SIM_MONTHS];
    uint32_t longest;
};

static void look_at(struct sessions *sum, const struct mc_sim_tally_session *s) {
    int month = mc_calendar_month(s->first / 60);
    uint32_t lasted = s->last - s->first;
    sum->brief += lasted < SHORT_S;
    sum->by_month[month]++;
    sum->buying_by_month[month] += s->bought;
    sum->buying += s->bought;
    sum->direct += s->bought && !s->carted;
    sum->carting += s->carted;
    sum->unviewed += s->carted && !s->viewed;
    sum->bought_after += s->bought_after_cart;
    sum->left_behind += s->carted && !s->bought_after_cart;
    sum->removing += s->carted && !s->bought_after_cart && s->removed;
    if (lasted > sum->longest)
        sum->longest = lasted;
}

static void add_conversion(struct list *l, const struct sessions *s, double sessions) {
    static const char *const names[MC_SIM_MONTHS] = {"conversion October", "conversion November", "conversion December",
                                                     "conversion January", "conversion February"};
    static const double published[MC_SIM_MONTHS] = {3.27, 3.82, 3.40, 3.29, 3.14};
    add_share(l, "sessions that buy", 3.44, (double)s->buying, sessions);
    for (int i = 0; i < MC_SIM_MONTHS; i++)
        add_share(l, names[i], published[i], (double)s->buying_by_month[i], (double)s->by_month[i]);
}

static void add_sessions(struct list *l, const struct mc_sim_tally *t) {
    struct sessions s = {0};
    double all = (double)t->session_count;
    for (uint64_t i = 0; i < t->session_slots; i++) {
        if (t->sessions[i].key != 0)
            look_at(&s, &t->sessions[i]);
    }
    add_count(l, "sessions", 4535941, t->session_count);
    add_mean(l, "views a session", 2.13, (double)t->distinct_by_type[VIEW], all);
    add_mean(l, "carts a session", 1.24, (double)t->distinct_by_type[CART], all);
    add_mean(l, "removals a session", 0.66, (double)t->distinct_by_type[REMOVE], all);
    add_mean(l, "purchases a session", 0.28, (double)t->distinct_by_type[PURCHASE], all);
    add_share(l, "sessions shorter than 1.6 minutes", 75, (double)s.brief, all);
    add(l, "longest session, days", MC_FACT_MEAN, 151, s.longest / 86400.0);
    add_conversion(l, &s, all);
    add_share(l, "buying sessions without a cart", 19, (double)s.direct, (double)s.buying);
    add_count(l, "sessions with a cart", 985781, s.carting);
    add_share(l, "cart sessions without a view", 20, (double)s.unviewed, (double)s.carting);
    add_share(l, "cart sessions abandoned", 87.29, (double)s.left_behind, (double)s.carting);
    add_share(l, "abandoned with a removal", 25.5, (double)s.removing, (double)s.left_behind);
    add_mean(l, "visits a session (30 minute gap)", 0, (double)t->visits, all);
    add(l, "visits open at once, most", MC_FACT_COUNT, 9000 * l->scale, (double)t->open_visits_max);
}

/* ---- users and money ---- */

struct users {
    uint64_t buyers, repeat, most, up_to[2]; /* users with at most 1 and 2 sessions */
    int64_t revenue, repeat_revenue;
};

static void add_users(struct list *l, const struct mc_sim_tally *t) {
    struct users u = {0};
    uint64_t orders = 0;
    for (uint64_t i = 0; i < t->user_slots; i++) {
        const struct mc_sim_tally_user *user = &t->users[i];
        if (user->key == 0)
            continue;
        u.buyers += user->orders > 0;
        u.repeat += user->orders > 1;
        u.repeat_revenue += user->orders > 1 ? user->revenue : 0;
        u.revenue += user->revenue;
        orders += user->orders;
        u.up_to[0] += user->sessions <= 1;
        u.up_to[1] += user->sessions <= 2;
        u.most = user->sessions > u.most ? user->sessions : u.most;
    }
    add_count(l, "users", 1639358, t->user_count);
    add_mean(l, "sessions a user", 2.76, (double)t->session_count, (double)t->user_count);
    add(l, "sessions a user, median", MC_FACT_MEAN, 1,
        2 * u.up_to[0] >= t->user_count   ? 1
        : 2 * u.up_to[1] >= t->user_count ? 2
                                          : 3);
    add_count(l, "sessions of the busiest user", 14241, u.most);
    add_share(l, "users who buy", 6.75, (double)u.buyers, (double)t->user_count);
    add_share(l, "buyers who buy again", 21.1, (double)u.repeat, (double)u.buyers);
    add_share(l, "their part of the revenue", 48, (double)u.repeat_revenue, (double)u.revenue);
    add_mean(l, "revenue a buying session", 40.54, (double)u.revenue / 100, (double)orders);
}

static void add_revenue(struct list *l, const struct mc_sim_tally *t) {
    static const char *const names[MC_SIM_MONTHS] = {"revenue October", "revenue November", "revenue December",
                                                     "revenue January", "revenue February"};
    static const double published[MC_SIM_MONTHS] = {1211538, 1531017, 1077625, 1321535, 1206289};
    double sum = 0;
    for (int i = 0; i < MC_SIM_MONTHS; i++)
        sum += (double)t->revenue_by_month[i] / 100;
    add(l, "revenue", MC_FACT_MONEY, 6348005 * l->scale, sum);
    for (int i = 0; i < MC_SIM_MONTHS; i++)
        add(l, names[i], MC_FACT_MONEY, published[i] * l->scale, (double)t->revenue_by_month[i] / 100);
}

size_t mc_facts_of(const struct mc_sim_tally *t, struct mc_fact *facts) {
    struct list l = {facts, 0, (double)t->rows / (double)MC_SIM_ROWS_FULL};
    assert(t->rows > 0);
    add_rows(&l, t);
    add_products(&l, t);
    add_sessions(&l, t);
    add_users(&l, t);
    add_revenue(&l, t);
    return l.count;
}

const struct mc_fact *mc_fact_find(const struct mc_fact *facts, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(facts[i].name, name) == 0)
            return &facts[i];
    }
    return NULL;
}

static void put_value(struct mc_buf *b, enum mc_fact_unit unit, double value) {
    if (unit == MC_FACT_SHARE)
        mc_buf_printf(b, "%14.2f %%", value);
    else
        mc_buf_printf(b, "%16.*f", unit == MC_FACT_COUNT ? 0 : 2, value);
}

void mc_facts_text(struct mc_buf *b, const struct mc_fact *facts, size_t count) {
    mc_buf_printf(b, "%-36s%16s%16s%12s\n", "fact", "published", "measured", "difference");
    for (size_t i = 0; i < count; i++) {
        const struct mc_fact *f = &facts[i];
        mc_buf_printf(b, "%-36s", f->name);
        if (f->published == 0 && f->unit == MC_FACT_MEAN)
            mc_buf_printf(b, "%16s", "-");
        else
            put_value(b, f->unit, f->published);
        put_value(b, f->unit, f->measured);
        if (f->published != 0)
            mc_buf_printf(b, "%+10.1f %%", 100 * (f->measured / f->published - 1));
        mc_buf_char(b, '\n');
    }
}

#include "model/clv_counts.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/sort.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { EMPTY = UINT32_MAX, TABLE_MIN = 1 << 10 };

/* ---- a set of keys of a few doubles, numbered as they come ---- */

struct set {
    uint32_t *slot; /* number of the key, or EMPTY */
    size_t mask;
    size_t count;
};

static uint64_t hash_history(const struct mc_clv_history *h) {
    uint64_t bits[3];
    memcpy(bits, h, sizeof bits);
    return mc_hash_mix(mc_hash_mix(bits[0], bits[1]), bits[2]);
}

static uint64_t hash_time(const double *t) {
    uint64_t bits;
    memcpy(&bits, t, sizeof bits);
    return mc_hash_mix(bits, 1);
}

static bool set_open(struct set *s, size_t slots) {
    *s = (struct set){.mask = slots - 1};
    s->slot = mc_malloc(slots * sizeof *s->slot);
    if (s->slot != NULL)
        memset(s->slot, 0xFF, slots * sizeof *s->slot);
    return s->slot != NULL;
}

static size_t table_size(size_t keys) {
    size_t slots = TABLE_MIN;
    while (slots < 2 * keys)
        slots *= 2;
    return slots;
}

/* ---- patterns as they are found ---- */

struct found {
    struct mc_clv_history history;
    double weight;
    uint32_t number; /* in the order of finding */
};

struct grouping {
    struct set set;
    struct found *found;
    size_t capacity;
    uint32_t *pattern_of;
};

static bool grow(struct grouping *g) {
    size_t capacity = g->capacity ? 2 * g->capacity : TABLE_MIN / 2;
    struct set wider;
    struct found *found = mc_realloc(g->found, capacity * sizeof *found);
    if (found == NULL)
        return false;
    g->found = found;
    if (!set_open(&wider, table_size(capacity)))
        return false;
    for (size_t i = 0; i < g->set.count; i++) {
        size_t at = hash_history(&found[i].history) & wider.mask;
        while (wider.slot[at] != EMPTY)
            at = (at + 1) & wider.mask;
        wider.slot[at] = (uint32_t)i;
    }
    wider.count = g->set.count;
    mc_free(g->set.slot);
    g->set = wider;
    g->capacity = capacity;
    return true;
}

static bool is_same(const struct mc_clv_history *a, const struct mc_clv_history *b) {
    return a->x == b->x && a->t_x == b->t_x && a->T == b->T;
}

/* The number of the pattern, which is there afterwards. Room for one more must be. */
static uint32_t find_or_add(struct grouping *g, const struct mc_clv_history *h) {
    size_t at = hash_history(h) & g->set.mask;
    for (; g->set.slot[at] != EMPTY; at = (at + 1) & g->set.mask)
        if (is_same(&g->found[g->set.slot[at]].history, h))
            return g->set.slot[at];
    g->set.slot[at] = (uint32_t)g->set.count;
    g->found[g->set.count] = (struct found){.history = *h, .number = (uint32_t)g->set.count};
    return (uint32_t)g->set.count++;
}

static enum mc_err check(const struct mc_clv_history *h, double weight, size_t place, struct mc_error *e) {
    const char *wrong = NULL;
    if (!(h->x >= 0 && h->x <= MC_CLV_X_MAX) || h->x != floor(h->x))
        wrong = "the number of repeat transactions must be a whole number from 0 to 10,000,000";
    else if (!(h->T >= 0 && h->T <= MC_CLV_TIME_MAX))
        wrong = "the time of observation must be 0 or more, and below 10^9 units";
    else if (!(h->t_x >= 0 && h->t_x <= h->T))
        wrong = "the time of the last transaction must be between 0 and the time of observation";
    else if (h->x == 0 && h->t_x != 0)
        wrong = "without repeat transactions the time of the last one must be 0";
    else if (!(weight >= 0 && weight <= 1e15))
        wrong = "a weight must be 0 or more, and finite";
    return wrong == NULL ? MC_OK : mc_error_set(e, MC_ERR_FORMAT, "customer %zu: %s", place, wrong);
}

static enum mc_err group(struct grouping *g, const struct mc_clv_history *history, const double *weight, size_t count,
                         struct mc_error *e) {
    for (size_t i = 0; i < count; i++) {
        double w = weight != NULL ? weight[i] : 1;
        enum mc_err err = check(&history[i], w, i + 1, e);
        if (err != MC_OK)
            return err;
        if (g->set.count == g->capacity && !grow(g))
            return mc_error_set(e, MC_ERR_NOMEM, "no memory to group %zu customers", count);
        /* + 0: minus zero and zero are one key */
        struct mc_clv_history h = {history[i].x + 0.0, history[i].t_x + 0.0, history[i].T + 0.0};
        uint32_t number = find_or_add(g, &h);
        g->found[number].weight += w;
        g->pattern_of[i] = number;
    }
    return MC_OK;
}

static int compare_numbers(double a, double b) {
    return (a > b) - (a < b);
}

static int compare_found(const void *a, const void *b) {
    const struct mc_clv_history *p = &((const struct found *)a)->history, *q = &((const struct found *)b)->history;
    int order = compare_numbers(p->x, q->x);
    order = order ? order : compare_numbers(p->T, q->T);
    return order ? order : compare_numbers(p->t_x, q->t_x);
}

/* ---- the result ---- */

static char *carve(char **at, size_t bytes) {
    char *piece = *at;
    *at += (bytes + 15) & ~(size_t)15;
    return piece;
}

/* Parts of `c` that can be written while it is made. */
struct parts {
    struct mc_clv_history *history;
    double *weight, *time;
    uint32_t *T_at, *t_x_at, *pattern_of;
};

static bool allocate(struct mc_clv_counts *c, size_t patterns, size_t customers, struct parts *p) {
    size_t bytes = patterns * (sizeof *p->history + sizeof *p->weight + 2 * sizeof *p->time + 2 * sizeof *p->T_at) +
                   customers * sizeof *p->pattern_of + 8 * 16;
    char *at = c->memory = mc_malloc(bytes);
    if (at == NULL)
        return false;
    c->history = p->history = (void *)carve(&at, patterns * sizeof *p->history);
    c->weight = p->weight = (void *)carve(&at, patterns * sizeof *p->weight);
    c->time = p->time = (void *)carve(&at, 2 * patterns * sizeof *p->time);
    c->T_at = p->T_at = (void *)carve(&at, patterns * sizeof *p->T_at);
    c->t_x_at = p->t_x_at = (void *)carve(&at, patterns * sizeof *p->t_x_at);
    p->pattern_of = (void *)carve(&at, customers * sizeof *p->pattern_of);
    c->pattern_of = customers > 0 ? p->pattern_of : NULL;
    c->count = patterns;
    return true;
}

static uint32_t time_number(struct set *s, double *time, double t) {
    size_t at = hash_time(&t) & s->mask;
    for (; s->slot[at] != EMPTY; at = (at + 1) & s->mask)
        if (time[s->slot[at]] == t)
            return s->slot[at];
    s->slot[at] = (uint32_t)s->count;
    time[s->count] = t;
    return (uint32_t)s->count++;
}

/* Sums, and the distinct times, from histories and weights. */
static bool finish(struct mc_clv_counts *c, struct parts *p) {
    struct set times;
    if (!set_open(&times, table_size(2 * c->count)))
        return false;
    for (size_t i = 0; i < c->count; i++) {
        p->T_at[i] = time_number(&times, p->time, p->history[i].T);
        p->t_x_at[i] = time_number(&times, p->time, p->history[i].t_x);
        c->customers += p->weight[i];
        c->repeats += p->weight[i] * p->history[i].x;
        c->exposure += p->weight[i] * p->history[i].T;
    }
    c->time_count = times.count;
    mc_free(times.slot);
    return true;
}

static bool settle(struct grouping *g, size_t customers, struct mc_clv_counts *c) {
    size_t patterns = g->set.count;
    struct parts p;
    mc_sort(g->found, patterns, sizeof *g->found, compare_found);
    if (!allocate(c, patterns, customers, &p))
        return false;
    assert(g->set.slot != NULL && g->pattern_of != NULL);
    for (size_t i = 0; i < patterns; i++) {
        p.history[i] = g->found[i].history;
        p.weight[i] = g->found[i].weight;
        g->set.slot[g->found[i].number] = (uint32_t)i; /* the table has served: it now holds the new places */
    }
    for (size_t i = 0; i < customers; i++)
        p.pattern_of[i] = g->set.slot[g->pattern_of[i]];
    return finish(c, &p);
}

enum mc_err mc_clv_counts_make(const struct mc_clv_history *history, const double *weight, size_t count,
                               struct mc_clv_counts *c, struct mc_error *e) {
    struct grouping g = {0};
    memset(c, 0, sizeof *c);
    if (count > INT32_MAX)
        return mc_error_set(e, MC_ERR_LIMIT, "more than 2^31 customers in one fit");
    g.pattern_of = mc_malloc((count + 1) * sizeof *g.pattern_of);
    enum mc_err err = g.pattern_of != NULL && grow(&g) ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "no memory to group");
    assert(err != MC_OK || g.pattern_of != NULL);
    if (err == MC_OK)
        err = group(&g, history, weight, count, e);
    if (err == MC_OK && !settle(&g, count, c))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for the histories of %zu customers", count);
    mc_free(g.pattern_of);
    mc_free(g.found);
    mc_free(g.set.slot);
    if (err != MC_OK)
        mc_clv_counts_free(c);
    return err;
}

enum mc_err mc_clv_counts_thin(const struct mc_clv_counts *c, size_t most, struct mc_clv_counts *thin,
                               struct mc_error *e) {
    size_t kept = 0;
    double seen = 0, step = c->customers / (double)most, taken = 0;
    struct parts p;
    memset(thin, 0, sizeof *thin);
    if (!allocate(thin, most < c->count ? most : c->count, 0, &p))
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a sample of the histories");
    for (size_t i = 0; i < c->count && kept < thin->count; i++) {
        /* the points step / 2, 3 step / 2, ... that fall within this pattern's customers */
        seen += c->weight[i];
        double points = floor(seen / step + 0.5) - taken;
        if (points <= 0)
            continue;
        p.history[kept] = c->history[i];
        p.weight[kept++] = points * step;
        taken += points;
    }
    thin->count = kept;
    if (finish(thin, &p))
        return MC_OK;
    mc_clv_counts_free(thin);
    return mc_error_set(e, MC_ERR_NOMEM, "no memory for a sample of the histories");
}

void mc_clv_counts_free(struct mc_clv_counts *c) {
    mc_free(c->memory);
    memset(c, 0, sizeof *c);
}

#include "lake/verify.h"

#include "lake/listing.h"
#include <stdlib.h>

/* Sums by product and UTC day, of the store and of the lake, side by side. */
#define COMPARED                                                                                                       \
    "WITH s AS (SELECT CAST(minute AS DATE) AS day, product_id, sum(units) AS units, sum(revenue_minor) AS revenue"    \
    " FROM sales GROUP BY ALL), l AS (SELECT CAST(event_time AS DATE) AS day, product_id, sum(quantity) AS units,"     \
    " sum(CAST(quantity AS BIGINT) * price_minor) AS revenue FROM events WHERE event_type = 'purchase' GROUP BY "      \
    "ALL),"                                                                                                            \
    " c AS (SELECT day, product_id, s.units AS su, l.units AS lu, s.revenue AS sr, l.revenue AS lr"                    \
    " FROM s FULL JOIN l USING (day, product_id)) "
#define DIFFERS "(su IS DISTINCT FROM lu OR sr IS DISTINCT FROM lr)"

/* One row of numbers, as texts. */
struct one_row {
    struct mc_buf *texts[8];
    size_t count;
    bool failed;
};

static bool take_names(void *context, const struct mc_str *names, const enum mc_lake_cell *kinds, size_t count) {
    (void)context, (void)names, (void)kinds, (void)count;
    return true;
}

static bool take_row(void *context, const struct mc_lake_value *values, size_t count) {
    struct one_row *r = context;
    for (size_t i = 0; i < count && i < r->count; i++) {
        r->texts[i]->len = 0;
        mc_buf_str(r->texts[i], values[i].is_null ? MC_STR("0") : values[i].text);
        r->failed |= r->texts[i]->failed;
    }
    return true;
}

static enum mc_err ask(struct mc_lake_query *q, struct mc_str sql, struct one_row *row, struct mc_error *e) {
    struct mc_lake_sink sink = {row, take_names, take_row};
    enum mc_err err = mc_lake_query_run(q, sql, &sink, e);
    return err == MC_OK && row->failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory to verify") : err;
}

static enum mc_err ask_number(struct mc_lake_query *q, struct mc_str sql, uint64_t *number, struct mc_error *e) {
    struct mc_buf text = {0};
    enum mc_err err = ask(q, sql, &(struct one_row){{&text}, 1, false}, e);
    *number = strtoull(mc_buf_cstr(&text), NULL, 10);
    mc_buf_free(&text);
    return err;
}

static enum mc_err count_files(struct mc_lake_query *q, struct mc_lake_verdict *v, struct mc_error *e) {
    enum mc_err err = ask_number(q, MC_STR("SELECT count(*) FROM events"), &v->file_events, e);
    if (err == MC_OK)
        err = ask_number(q, MC_STR("SELECT count(*) FROM late"), &v->file_late, e);
    return err == MC_OK ? ask_number(q, MC_STR("SELECT count(*) FROM lake_rejects"), &v->file_rejects, e) : err;
}

struct differences {
    bool (*take)(void *context, const struct mc_lake_difference *d);
    void *context;
};

static bool take_difference(void *context, const struct mc_lake_value *values, size_t count) {
    struct differences *d = context;
    struct mc_lake_difference one = {values[0].text, values[1].text, values[2].text,
                                     values[3].text, values[4].text, values[5].text};
    (void)count;
    return d->take(d->context, &one);
}

static enum mc_err compare(struct mc_lake_query *q, struct mc_lake_verdict *v, struct differences *d,
                           struct mc_error *e) {
    struct one_row sums = {{&v->store_units, &v->lake_units, &v->store_revenue, &v->lake_revenue}, 4, false};
    struct mc_lake_sink sink = {d, take_names, take_difference};
    enum mc_err err = ask(q, MC_STR(COMPARED "SELECT sum(su), sum(lu), sum(sr), sum(lr) FROM c"), &sums, e);
    if (err == MC_OK)
        err = ask_number(q, MC_STR(COMPARED "SELECT count(*) FROM c"), &v->pairs, e);
    if (err == MC_OK)
        err = ask_number(q, MC_STR(COMPARED "SELECT count(*) FROM c WHERE " DIFFERS), &v->different, e);
    if (err == MC_OK && v->different > 0 && d->take != NULL)
        err = mc_lake_query_run(
            q,
            MC_STR(COMPARED "SELECT day, product_id, su, lu, sr, lr FROM c WHERE " DIFFERS " ORDER BY day, product_id"),
            &sink, e);
    return err;
}

static enum mc_err read_record(const char *lake, struct mc_lake_verdict *v, struct mc_error *e) {
    struct mc_lake_listing listing = {0};
    enum mc_err err = mc_lake_list(&listing, lake, e);
    const struct mc_lake_state *s = &listing.state;
    if (err == MC_OK && s->commit == 0)
        err = mc_error_set(e, MC_ERR_FORMAT, "lake %s: nothing was ever archived into it", lake);
    v->position = s->next;
    v->events = s->events;
    v->late = s->late;
    v->rejects = s->rejects;
    v->open_events = s->open_events;
    v->open_rejects = s->open_rejects;
    mc_lake_listing_free(&listing);
    return err;
}

enum mc_err mc_lake_verify(const struct mc_lake_query_options *options, struct mc_lake_verdict *v,
                           bool (*difference)(void *context, const struct mc_lake_difference *d), void *context,
                           struct mc_error *e) {
    struct mc_lake_query_options o = *options;
    struct mc_lake_query *q = NULL;
    struct differences d = {difference, context};
    o.time_zone = "UTC";
    enum mc_err err = read_record(o.lake, v, e);
    if (err == MC_OK)
        err = mc_lake_query_open(&q, &o, e);
    if (err == MC_OK)
        err = count_files(q, v, e);
    if (err == MC_OK && o.ledger != NULL)
        err = compare(q, v, &d, e);
    mc_lake_query_close(&q);
    return err;
}

void mc_lake_verdict_free(struct mc_lake_verdict *v) {
    mc_buf_free(&v->lake_units);
    mc_buf_free(&v->lake_revenue);
    mc_buf_free(&v->store_units);
    mc_buf_free(&v->store_revenue);
}

bool mc_lake_verdict_is_whole(const struct mc_lake_verdict *v) {
    return v->file_events + v->open_events == v->events && v->file_rejects + v->open_rejects == v->rejects &&
           v->file_late <= v->late && v->late - v->file_late <= v->open_events;
}

#include "app/query.h"

enum { TEXT_LIMIT = 100 };

const struct mc_query mc_query_defaults = {
    .since_us = MC_TIME_NONE_US, .until_us = MC_TIME_NONE_US, .decision = -1, .reason = -1, .limit = -1};

enum mc_err mc_query_format(const struct mc_query *query, enum mc_format *format, struct mc_error *e) {
    if (query->json && query->csv)
        return mc_error_set(e, MC_ERR_USAGE, "--json and --csv exclude each other");
    *format = query->json ? MC_FORMAT_JSON : query->csv ? MC_FORMAT_CSV : MC_FORMAT_TEXT;
    return MC_OK;
}

static void fill_filter(struct mc_listing *l, const struct mc_query *q) {
    l->filter = mc_filter_all();
    l->filter.since.us = q->since_us;
    l->filter.until.us = q->until_us;
    /* rejects are asked for by arrival: of the machine's time, in which people give these too */
    l->filter.arrived_since.us = q->since_us;
    l->filter.arrived_until.us = q->until_us;
    l->filter.user = mc_str_of(q->user);
    l->filter.product = mc_str_of(q->product);
    l->filter.decision = q->decision;
    l->filter.reason = q->reason < 0 ? -1 : q->reason + MC_MALFORMED_ROW;
    l->limit = q->limit >= 0 ? (uint64_t)q->limit : l->rows.format == MC_FORMAT_TEXT ? TEXT_LIMIT : 0;
    l->filter.limit = l->limit > 0 ? l->limit + 1 : 0;
}

enum mc_err mc_listing_open(struct mc_listing *l, struct mc_invocation *run, const struct mc_query *q,
                            const struct mc_list_column *columns, struct mc_error *e) {
    const char *path;
    enum mc_format format = MC_FORMAT_TEXT;
    enum mc_err err = mc_query_format(q, &format, e);
    if (err == MC_OK)
        err = mc_invocation_store(run, &path, e);
    if (err == MC_OK)
        err = mc_ledger_open(&l->ledger, path, MC_LEDGER_READ, NULL, e);
    if (err != MC_OK)
        return err;
    mc_printout_begin(&l->rows, columns, format, &run->out);
    fill_filter(l, q);
    l->open = true;
    return MC_OK;
}

bool mc_listing_has_room(struct mc_listing *l) {
    l->more = l->limit > 0 && l->rows.count == l->limit;
    return !l->more && l->rows.out->error.code == MC_OK;
}

enum mc_err mc_listing_close(struct mc_listing *l, enum mc_err err) {
    if (!l->open)
        return err;
    struct mc_buf *b = &l->rows.out->buf;
    uint64_t count = l->rows.count;
    mc_printout_end(&l->rows);
    if (err == MC_OK && l->rows.format == MC_FORMAT_TEXT && l->more)
        mc_buf_printf(b, "(the first %llu; --limit 0 shows all)\n", (unsigned long long)count);
    if (err == MC_OK && l->rows.format == MC_FORMAT_TEXT && count == 0)
        mc_buf_text(b, "(none)\n");
    mc_ledger_close(&l->ledger);
    *l = (struct mc_listing){0};
    return err;
}

/* maxcart report: the figures of a store, and whether they agree. */
#include "app/commands.h"

#include "app/query.h"
#include "app/store_summary.h"

static void put_text(struct mc_buf *b, const struct mc_store_summary *s, const char *currency) {
    mc_summary_text(b, &s->figures, currency);
    mc_summary_outreach_text(b, &s->outreach, currency);
    mc_summary_checks_text(b, s->checks, s->check_count);
    if (mc_time_is_none(s->clock))
        return;
    mc_buf_text(b, "\nThe clock of the store stands at ");
    mc_buf_time(b, s->clock.us);
    mc_buf_text(b, ".\n");
}

static void put_report(struct mc_invocation *run, const struct mc_store_summary *s, enum mc_format format) {
    if (format == MC_FORMAT_JSON)
        mc_summary_json(&run->out.buf, &s->figures);
    else if (format == MC_FORMAT_CSV)
        mc_summary_csv(&run->out.buf, &s->figures);
    else
        put_text(&run->out.buf, s, run->config.store.currency);
}

static enum mc_err judge(const struct mc_store_summary *s, struct mc_error *e) {
    for (size_t i = 0; i < s->check_count; i++)
        if (s->checks[i].result == MC_CHECK_BROKEN)
            return mc_error_set(e, MC_ERR_FORMAT, "the store breaks a rule: %s: %s", s->checks[i].rule,
                                s->checks[i].detail);
    return MC_OK;
}

static enum mc_err run_report(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct mc_query *query = arguments;
    struct mc_store_summary s = {0};
    struct mc_ledger *ledger = NULL;
    const char *path;
    enum mc_format format;
    enum mc_err err = mc_query_format(query, &format, e);
    if (err == MC_OK)
        err = mc_invocation_store(run, &path, e);
    if (err == MC_OK)
        err = mc_ledger_open(&ledger, path, MC_LEDGER_READ, NULL, e);
    if (err == MC_OK)
        err = mc_store_summary_read(ledger, query->quick, &s, e);
    if (err == MC_OK) {
        put_report(run, &s, format);
        err = judge(&s, e);
    }
    mc_store_summary_free(&s);
    mc_ledger_close(&ledger);
    return err;
}

static const struct mc_option report_options[] = {
    {"json", MC_OPTION_FLAG, offsetof(struct mc_query, json), NULL, "one JSON object with the keys of report.json", 0,
     0, NULL},
    {"csv", MC_OPTION_FLAG, offsetof(struct mc_query, csv), NULL, "CSV: figure,value", 0, 0, NULL},
    {"quick", MC_OPTION_FLAG, offsetof(struct mc_query, quick), NULL,
     "do not go through all carts and sales again to check the totals", 0, 0, NULL},
    {0},
};

const struct mc_command mc_command_report = {
    .name = "report",
    .purpose = "Shows the figures of a store: rows, funnel, carts, decisions, sales, checks",
    .operands = "",
    .about = "The checks at its end say whether the figures agree; when one is broken the\n"
             "exit code is 1.\n",
    .options = report_options,
    .defaults = &mc_query_defaults,
    .arguments_size = sizeof(struct mc_query),
    .run = run_report,
};

/* maxcart replay FILE...: what a shop's history would have been, or catches a store up with it. */
#include "app/commands.h"
#include "app/replay_setup.h"
#include "app/store_summary.h"
#include "app/wiring.h"
#include <stdio.h>
#include <unistd.h>

struct arguments {
    const char *out, *archive;
    int64_t gap_us, threads, partitions, checkpoint_bytes;
    bool no_header, as_live, json, quiet, stages;
};

static const struct mc_option options[] = {
    {"out", MC_OPTION_STRING, offsetof(struct arguments, out), "DIR",
     "write report.json, carts.jsonl, sales.csv, products.csv, rejects.csv and messages/ there", 0, 0, NULL},
    {"archive", MC_OPTION_STRING, offsetof(struct arguments, archive), "LAKE",
     "keep accepted events and rejected rows as Parquet files in this folder", 0, 0, NULL},
    {"gap", MC_OPTION_DURATION, offsetof(struct arguments, gap_us), "TIME",
     "a visit ends after so long without an event", MC_SECOND_US, 365 * MC_DAY_US, NULL},
    {"no-header", MC_OPTION_FLAG, offsetof(struct arguments, no_header), NULL,
     "the files have no header: nine columns in the usual order", 0, 0, NULL},
    {"as-live", MC_OPTION_FLAG, offsetof(struct arguments, as_live), NULL,
     "decide as if it were live: no cart is stale; nothing is mailed all the same", 0, 0, NULL},
    {"threads", MC_OPTION_INT, offsetof(struct arguments, threads), "N", "at work (default: one a core)", 1,
     MC_PIPELINE_THREADS_MAX, NULL},
    {"partitions", MC_OPTION_INT, offsetof(struct arguments, partitions), "N",
     "sets of users that are worked on side by side", 1, MC_PARTITIONS_MAX, NULL},
    {"checkpoint", MC_OPTION_SIZE, offsetof(struct arguments, checkpoint_bytes), "SIZE",
     "with a store: commit each time so much was read (default 128M)", 1, INT64_C(1) << 40, NULL},
    {"json", MC_OPTION_FLAG, offsetof(struct arguments, json), NULL, "print report.json instead of a summary", 0, 0,
     NULL},
    {"quiet", MC_OPTION_FLAG, offsetof(struct arguments, quiet), NULL, "no notes, no progress, no summary", 0, 0, NULL},
    {"stages", MC_OPTION_FLAG, offsetof(struct arguments, stages), NULL, "say what each stage took, on standard error",
     0, 0, NULL},
    {0}};

static uint32_t cores(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > MC_PIPELINE_THREADS_MAX ? MC_PIPELINE_THREADS_MAX : (uint32_t)n;
}

struct mc_replay_options mc_replay_setup(const struct mc_config *c) {
    struct mc_replay_options o = {.rules = mc_config_rules(c),
                                  .threads = c->engine.threads ? (uint32_t)c->engine.threads : cores()};
    o.partitions = c->engine.partitions ? (uint32_t)c->engine.partitions : o.threads;
    return o;
}

enum mc_err mc_replay_open_store(struct mc_ledger **l, const struct mc_invocation *run, struct mc_replay_options *o,
                                 struct mc_error *e) {
    struct mc_policy policy;
    const char *path;
    mc_config_policy(&run->config, &policy);
    policy.replayed = true;
    enum mc_err err = mc_invocation_store(run, &path, e);
    if (err == MC_OK)
        err = mc_ledger_open(l, path, MC_LEDGER_WRITE, NULL, e);
    if (err == MC_OK)
        err = mc_ledger_set_policy(*l, &policy, e);
    o->ledger = *l;
    o->currency = mc_str_of(run->config.store.currency);
    return err;
}

static struct mc_replay_options replay_options(const struct mc_invocation *run, const struct arguments *a) {
    struct mc_replay_options o = mc_replay_setup(&run->config);
    o.paths = run->operands.items;
    o.path_count = (uint32_t)run->operands.count;
    o.out = a->out;
    o.archive = a->archive;
    o.no_header = a->no_header;
    o.as_live = a->as_live;
    o.quiet = a->quiet;
    o.checkpoint_bytes = a->checkpoint_bytes;
    if (a->gap_us != 0)
        o.rules.gap_us = a->gap_us;
    if (a->threads != 0)
        o.threads = (uint32_t)a->threads;
    if (a->threads != 0 || a->partitions != 0)
        o.partitions = a->partitions != 0 ? (uint32_t)a->partitions : o.threads;
    return o;
}

/* ---- what is shown ---- */

static void show_stages(const struct mc_replay_result *result) {
    double rows = result->summary.rows ? (double)result->summary.rows : 1;
    struct mc_buf b = {0};
    for (int i = 0; i < MC_STAGES; i++)
        mc_buf_printf(&b, "stage %s ns_per_event %.1f\n", mc_stage_names[i], (double)result->stage_ns[i] / rows);
    ssize_t ignored = write(STDERR_FILENO, mc_buf_cstr(&b), b.len);
    (void)ignored;
    mc_buf_free(&b);
}

static enum mc_err show(struct mc_invocation *run, const struct arguments *a, const struct mc_replay_result *result,
                        struct mc_ledger *l, struct mc_error *e) {
    struct mc_store_summary of_store = {0};
    enum mc_err err = l != NULL ? mc_store_summary_read(l, true, &of_store, e) : MC_OK;
    const struct mc_summary *figures = l != NULL ? &of_store.figures : &result->summary;
    if (err == MC_OK && a->json) {
        mc_summary_json(&run->out.buf, figures);
    } else if (err == MC_OK && !a->quiet) {
        mc_summary_text(&run->out.buf, figures, run->config.store.currency);
        if (l != NULL)
            mc_summary_outreach_text(&run->out.buf, &of_store.outreach, run->config.store.currency);
    }
    mc_store_summary_free(&of_store);
    if (a->stages)
        show_stages(result);
    return err;
}

/* ---- with a store ---- */

/* Renders what was claimed into the spool. Without the settings that a message needs they wait, and a note says so. */
static enum mc_err spool_messages(const struct mc_invocation *run, const struct arguments *a, struct mc_ledger *l,
                                  struct mc_error *e) {
    struct mc_report report;
    struct mc_buf templates = {0}, spool = {0};
    struct mc_mailer_settings settings;
    struct mc_mailer *mailer = NULL;
    struct mc_mailer_counts counts = {0};
    enum mc_err err = mc_report_read(l, &report, e);
    const uint64_t *m = report.messages; /* `sending`, `retry`: what a killed run began */
    if (err != MC_OK || m[MC_MESSAGE_CLAIMED] + m[MC_MESSAGE_SENDING] + m[MC_MESSAGE_RETRY] == 0)
        return err;
    mc_config_templates(&run->config, &templates);
    mc_config_mailer(&run->config, mc_buf_cstr(&templates), &settings);
    settings.smtp.url = NULL; /* a replay delivers to the spool only */
    if (a->out != NULL) {
        mc_buf_printf(&spool, "%s/messages", a->out);
        settings.spool = mc_buf_cstr(&spool);
    }
    struct mc_error why = {0};
    err = mc_mailer_open(&mailer, l, &settings, &why);
    if (err == MC_ERR_USAGE) {
        if (!a->quiet)
            fprintf(stderr, "messages are kept, not rendered: %s\n", why.text);
        err = MC_OK;
    } else if (err == MC_OK) {
        err = mc_mailer_run(mailer, &counts, e);
    } else if (e != NULL) {
        *e = why;
    }
    mc_mailer_close(&mailer);
    mc_buf_free(&templates);
    mc_buf_free(&spool);
    return err;
}

static enum mc_err replay_into_store(struct mc_invocation *run, const struct arguments *a, struct mc_replay_options *o,
                                     struct mc_error *e) {
    struct mc_ledger *l = NULL;
    struct mc_replay_result result = {0};
    enum mc_err err = mc_replay_open_store(&l, run, o, e);
    if (err == MC_OK)
        err = mc_replay_run(o, &result, e);
    if (err == MC_OK)
        err = spool_messages(run, a, l, e);
    if (err == MC_OK)
        err = show(run, a, &result, l, e);
    mc_replay_result_free(&result);
    mc_ledger_close(&l);
    return err;
}

static enum mc_err run_replay(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct mc_replay_options o = replay_options(run, a);
    if (run->store != NULL)
        return replay_into_store(run, a, &o, e);
    struct mc_replay_result result = {0};
    enum mc_err err = mc_replay_run(&o, &result, e);
    if (err == MC_OK)
        err = show(run, a, &result, NULL, e);
    mc_replay_result_free(&result);
    return err;
}

const struct mc_command mc_command_replay = {
    .name = "replay",
    .purpose = "Reads files of events: clean them, find visits, carts and sales, decide",
    .operands = "FILE...",
    .about = "Reads CSV (plain or gzip, - for standard input), several files in the order\n"
             "given, and writes what happened to a folder (--out), to a store (--store), or\n"
             "only says it. A store can be killed at any instant and the same command run\n"
             "again; a file that is in the store already changes nothing.\n",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .operands_min = 1,
    .operands_max = -1,
    .run = run_replay,
};

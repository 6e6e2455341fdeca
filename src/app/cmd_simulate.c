/* maxcart simulate: the events of a made-up store, and how near they come to the published facts. */
#include "app/commands.h"

#include "app/progress.h"
#include "base/mem.h"
#include "sim/facts.h"
#include "sim/simulator.h"
#include <string.h>
#include <unistd.h>

enum { BATCH_BYTES = 1 << 16 };

struct arguments {
    int64_t events, seed;
    const char *out; /* NULL: standard output, or nothing with --verify */
    bool verify, quiet;
};

/* Writes the rows to `out`, counts them in `tally`: either may be NULL. */
static enum mc_err pass_batch(struct mc_sim *sim, struct mc_output *out, struct mc_sim_tally *tally,
                              struct mc_buf *spare, bool *more, struct mc_error *e) {
    struct mc_buf *b = out != NULL ? &out->buf : spare;
    char *at = mc_buf_reserve(b, BATCH_BYTES);
    if (at == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for simulated rows");
    size_t len = mc_sim_next_batch(sim, at, BATCH_BYTES);
    *more = len > 0;
    enum mc_err err = tally != NULL ? mc_sim_tally_add(tally, (struct mc_str){at, len}, e) : MC_OK;
    if (out != NULL) {
        b->len += len;
        mc_output_spill(out);
        *more &= out->error.code == MC_OK; /* its close says why */
    }
    return err;
}

static enum mc_err pass_all(struct mc_sim *sim, const struct arguments *a, struct mc_output *out,
                            struct mc_sim_tally *tally, struct mc_error *e) {
    struct mc_progress progress;
    struct mc_buf spare = {0};
    enum mc_err err = MC_OK;
    mc_progress_start(&progress, STDERR_FILENO, a->quiet);
    for (bool more = true; more && err == MC_OK;) {
        err = pass_batch(sim, out, tally, &spare, &more, e);
        uint64_t rows = mc_sim_rows(sim);
        mc_progress_update(
            &progress,
            &(struct mc_progress_state){
                .what = "simulating", .unit = "rows", .done = rows, .total = (uint64_t)a->events, .count = rows});
    }
    mc_progress_end(&progress);
    mc_buf_free(&spare);
    return err;
}

static enum mc_err show_facts(struct mc_output *out, const struct mc_sim_tally *tally, struct mc_error *e) {
    struct mc_fact facts[MC_FACTS_MAX];
    size_t count = mc_facts_of(tally, facts);
    mc_facts_text(&out->buf, facts, count);
    return out->buf.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory for the facts") : MC_OK;
}

/* The rows go to `file` if it is open, else to standard output unless that is wanted for the facts. */
static enum mc_err simulate(struct mc_invocation *run, const struct arguments *a, struct mc_output *file,
                            struct mc_sim_tally *tally, struct mc_error *e) {
    struct mc_sim *sim = NULL;
    struct mc_output *out = file->open ? file : a->verify ? NULL : &run->out;
    struct mc_sim_settings settings = {(uint64_t)a->events, (uint64_t)a->seed};
    enum mc_err err = mc_sim_open(&settings, &sim, e);
    if (err == MC_OK && out != NULL)
        mc_buf_text(&out->buf, mc_sim_header);
    if (err == MC_OK)
        err = pass_all(sim, a, out, a->verify ? tally : NULL, e);
    mc_sim_close(&sim);
    return err;
}

static enum mc_err run_simulate(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct mc_output file = {.fd = -1};
    struct mc_sim_tally *tally = mc_calloc(1, sizeof *tally);
    bool to_file = a->out != NULL && strcmp(a->out, "-") != 0;
    enum mc_err err = tally != NULL ? MC_OK : mc_error_set(e, MC_ERR_NOMEM, "no memory to count the rows");
    if (err == MC_OK && a->verify && a->out != NULL && !to_file)
        err = mc_error_set(e, MC_ERR_USAGE, "--verify prints on standard output: the rows need --out FILE");
    if (err == MC_OK && a->verify)
        err = mc_sim_tally_open(tally, e);
    if (err == MC_OK && to_file)
        err = mc_output_open(&file, a->out, e);
    if (err == MC_OK)
        err = simulate(run, a, &file, tally, e);
    if (err == MC_OK)
        err = mc_output_close(&file, e);
    if (err == MC_OK && a->verify)
        err = show_facts(&run->out, tally, e);
    mc_output_drop(&file);
    if (tally != NULL)
        mc_sim_tally_close(tally);
    mc_free(tally);
    return err;
}

static const struct mc_option simulate_options[] = {
    {"events", MC_OPTION_INT, offsetof(struct arguments, events), "N",
     "rows to make (default 20692840, a real store's)", 1, MC_SIM_EVENTS_MAX, NULL},
    {"seed", MC_OPTION_INT, offsetof(struct arguments, seed), "N", "which store: the same seed, the same bytes", 0,
     INT64_MAX, NULL},
    {"out", MC_OPTION_STRING, offsetof(struct arguments, out), "FILE", "where the rows go (default -: standard output)",
     0, 0, NULL},
    {"verify", MC_OPTION_FLAG, offsetof(struct arguments, verify), NULL,
     "count the rows, and show their facts beside the published ones", 0, 0, NULL},
    {"quiet", MC_OPTION_FLAG, offsetof(struct arguments, quiet), NULL, "no progress line", 0, 0, NULL},
    {0},
};

static const struct arguments simulate_defaults = {.events = (int64_t)MC_SIM_ROWS_FULL, .seed = 1};

const struct mc_command mc_command_simulate = {
    .name = "simulate",
    .purpose = "Makes the events of a simulated store, as CSV",
    .operands = "",
    .about = "Five months of a cosmetics store, 2019-10-01 to 2020-02-29, calibrated to the\n"
             "published facts of a real one; --events scales its size, not its span. With\n"
             "--verify and without --out the rows themselves are not written. Counting needs\n"
             "about 80 bytes a session, 400 MB for the whole.\n",
    .options = simulate_options,
    .defaults = &simulate_defaults,
    .arguments_size = sizeof(struct arguments),
    .without_config = true,
    .run = run_simulate,
};

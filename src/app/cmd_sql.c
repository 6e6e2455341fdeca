/* maxcart sql STATEMENT: one question in SQL over the lake and the store. */
#include "app/commands.h"

#include "lake/print.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct arguments {
    const char *lake, *file, *out;
    int format;
    int64_t memory_bytes, threads;
};

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_PARQUET };

enum { STATEMENT_BYTES_MAX = 1 << 20 };

/* clang-format off */
static const struct mc_option options[] = {
    {"lake", MC_OPTION_STRING, offsetof(struct arguments, lake), "LAKE", "the folder that replay --archive made", 0, 0, NULL},
    {"file", MC_OPTION_STRING, offsetof(struct arguments, file), "FILE", "read the statement from a file; - is standard input", 0, 0, NULL},
    {"format", MC_OPTION_CHOICE, offsetof(struct arguments, format), "FORM", "table, csv, json (lines), markdown or parquet", 0, 0,
     "table|csv|json|markdown|parquet"},
    {"out", MC_OPTION_STRING, offsetof(struct arguments, out), "FILE", "write there instead of to standard output", 0, 0, NULL},
    {"memory", MC_OPTION_SIZE, offsetof(struct arguments, memory_bytes), "SIZE", "at most so much memory; the rest goes to disk (default 1G)", INT64_C(64) << 20,
     INT64_C(1) << 44, NULL},
    {"threads", MC_OPTION_INT, offsetof(struct arguments, threads), "N", "at work (default: one a core)", 1, 256, NULL},
    {0}};
/* clang-format on */

static enum mc_err read_statement(const char *path, struct mc_buf *sql, struct mc_error *e) {
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && sql->len <= STATEMENT_BYTES_MAX) {
        char *room = mc_buf_reserve(sql, 1 << 16);
        n = room != NULL ? read(fd, room, 1 << 16) : -1;
        sql->len += n > 0 ? (size_t)n : 0;
    }
    enum mc_err err = MC_OK;
    if (n < 0)
        err = mc_error_set(e, mc_err_of_errno(errno), "cannot read %s: %s", path, strerror(errno));
    else if (sql->len > STATEMENT_BYTES_MAX)
        err = mc_error_set(e, MC_ERR_USAGE, "%s is longer than a statement may be", path);
    if (fd >= 0 && !from_stdin)
        close(fd);
    return err;
}

static bool spill(void *context) {
    struct mc_output *out = context;
    mc_output_spill(out);
    return out->error.code == MC_OK;
}

static enum mc_err print(struct mc_invocation *run, const struct arguments *a, const struct mc_lake_query_options *o,
                         struct mc_str sql, struct mc_error *e) {
    static const enum mc_print_format formats[] = {[FORMAT_TABLE] = MC_PRINT_TABLE,
                                                   [FORMAT_CSV] = MC_PRINT_CSV,
                                                   [FORMAT_JSON] = MC_PRINT_JSON,
                                                   [FORMAT_MARKDOWN] = MC_PRINT_MARKDOWN};
    struct mc_lake_query *q = NULL;
    struct mc_print p = {.format = formats[a->format], .out = &run->out.buf, .spill = spill, .context = &run->out};
    struct mc_lake_sink sink = mc_print_sink(&p);
    enum mc_err err = mc_lake_query_open(&q, o, e);
    if (err == MC_OK && a->out != NULL) {
        mc_output_drop(&run->out);
        err = mc_output_open(&run->out, a->out, e);
    }
    if (err == MC_OK)
        err = mc_lake_query_run(q, sql, &sink, e);
    mc_print_end(&p);
    mc_lake_query_close(&q);
    if (err != MC_OK && a->out != NULL)
        mc_output_drop(&run->out); /* no file of half a result */
    return err;
}

static enum mc_err answer(struct mc_invocation *run, const struct arguments *a, struct mc_ledger *l, struct mc_str sql,
                          struct mc_error *e) {
    struct mc_lake_query_options o = {.lake = a->lake,
                                      .ledger = l,
                                      .time_zone = run->config.store.time_zone,
                                      .memory_bytes = (uint64_t)a->memory_bytes,
                                      .threads = (uint32_t)a->threads};
    if (a->format != FORMAT_PARQUET)
        return print(run, a, &o, sql, e);
    return a->out != NULL ? mc_lake_query_export(&o, sql, a->out, e)
                          : mc_error_set(e, MC_ERR_USAGE, "--format parquet needs --out FILE");
}

static enum mc_err run_sql(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct mc_ledger *l = NULL;
    struct mc_buf sql = {0};
    enum mc_err err = MC_OK;
    if ((run->operands.count == 1) == (a->file != NULL))
        err = mc_error_set(e, MC_ERR_USAGE, "give one statement, or --file");
    else if (a->file != NULL)
        err = read_statement(a->file, &sql, e);
    else
        mc_buf_text(&sql, run->operands.items[0]);
    if (err == MC_OK && run->store != NULL)
        err = mc_ledger_open(&l, run->store, MC_LEDGER_READ, NULL, e);
    if (err == MC_OK)
        err = answer(run, a, l, mc_buf_view(&sql), e);
    mc_ledger_close(&l);
    mc_buf_free(&sql);
    return err;
}

const struct mc_command mc_command_sql = {
    .name = "sql",
    .purpose = "Answers a question in SQL over the lake and the store",
    .operands = "[STATEMENT]",
    .about = "One SELECT statement (DuckDB's SQL) over the views of docs/DATA.md: events,\n"
             "late, visits, customers, funnel and rejects need --lake; carts, cart_items,\n"
             "decisions and messages need --store; sales, sales_daily and products take\n"
             "either. Days are those of store.time_zone.\n",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .operands_max = 1,
    .run = run_sql,
};

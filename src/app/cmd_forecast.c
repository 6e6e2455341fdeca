/* maxcart forecast: series of a CSV file to point forecasts, quantiles, a backtest, a plan. */
#include "app/commands.h"

#include "app/forecast_report.h"
#include "app/table_file.h"
#include "base/mem.h"
#include "model/forecast_season.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64, REFUSED_NAMED_MAX = 5 };

struct arguments {
    const char *series, *horizon, *lead_time, *service_level, *stock, *out, *plan, *report;
    int64_t season; /* 0: by the file's step */
    int64_t threads;
    bool demand, backtest, quiet;
};

struct forecasting {
    const struct arguments *a;
    struct mc_forecast_table table;
    struct mc_forecast_options options;
    struct mc_forecast forecast;
    size_t horizon, lead; /* steps; options.horizon is the longer */
    double service;
    size_t service_tau; /* its index in options.tau */
    double *stock;      /* [series], NULL without --stock */
    struct mc_backtest backtest;
};

/* ---- threads
 * ----------------------------------------------------------------------------------------------------------- */

struct crew {
    size_t count;
    atomic_size_t next;
    void (*work)(void *, size_t);
    void *argument;
};

static void *serve(void *argument) {
    struct crew *crew = argument;
    for (size_t i; (i = atomic_fetch_add(&crew->next, 1)) < crew->count;)
        crew->work(crew->argument, i);
    return NULL;
}

/* mc_forecast_options.each. A thread that cannot be made is missed by nobody: the others take its work. */
static void each_on_threads(void *context, size_t count, void (*work)(void *, size_t), void *argument) {
    const struct arguments *a = context;
    struct crew crew = {.count = count, .work = work, .argument = argument};
    pthread_t threads[THREADS_MAX];
    int made = 0;
    while (made + 1 < a->threads && pthread_create(&threads[made], NULL, serve, &crew) == 0)
        made++;
    serve(&crew);
    while (made > 0)
        pthread_join(threads[--made], NULL);
}

/* ---- arguments
 * --------------------------------------------------------------------------------------------------------- */

/* "28": steps; "28d", "4w": days and weeks, in whole steps, rounded up. */
static enum mc_err parse_span(const struct mc_forecast_table *t, const char *name, const char *text, size_t *steps,
                              struct mc_error *e) {
    size_t len = strlen(text);
    int64_t value, days = text[len - 1] == 'd' ? 1 : text[len - 1] == 'w' ? 7 : 0;
    if (!mc_int_parse((struct mc_str){text, len - (days > 0)}, &value) || value < 1 || value > 100000)
        return mc_error_set(e, MC_ERR_USAGE, "--%s '%s': a number of steps (28), or days or weeks (28d, 4w)", name,
                            text);
    if (days > 0 && t->step == MC_STEP_NUMBER)
        return mc_error_set(e, MC_ERR_USAGE, "--%s '%s': the file has whole numbers as periods, not dates: give steps",
                            name, text);
    int64_t step = t->step == MC_STEP_MONTHS ? 30 * t->step_size : t->step_size; /* days */
    *steps = (size_t)(days > 0 ? (value * days + step - 1) / step : value);
    if (*steps > MC_FORECAST_HORIZON_MAX)
        return mc_error_set(e, MC_ERR_USAGE, "--%s '%s' is %zu steps: at most %d", name, text, *steps,
                            MC_FORECAST_HORIZON_MAX);
    return MC_OK;
}

static enum mc_err parse_service(const char *text, double *service, struct mc_error *e) {
    char *end = NULL;
    *service = strtod(text, &end);
    if (*end != '\0' || !(*service >= 0.5 && *service <= 0.999))
        return mc_error_set(e, MC_ERR_USAGE, "--service-level '%s': 0.5 to 0.999", text);
    return MC_OK;
}

/* P10, P50, P90 and, for a plan, the service level at its place among them. */
static void set_taus(struct forecasting *f, bool planning) {
    static const double three[] = {0.1, 0.5, 0.9};
    struct mc_forecast_options *o = &f->options;
    for (int k = 0; k < 3; k++) {
        if (planning && f->service < three[k] && (k == 0 || f->service > three[k - 1]))
            f->service_tau = o->tau_count, o->tau[o->tau_count++] = f->service;
        if (planning && f->service == three[k])
            f->service_tau = o->tau_count;
        o->tau[o->tau_count++] = three[k];
    }
    if (planning && f->service > three[2])
        f->service_tau = o->tau_count, o->tau[o->tau_count++] = f->service;
}

static enum mc_err set_options(struct forecasting *f, struct mc_error *e) {
    const struct arguments *a = f->a;
    bool planning = a->plan != NULL || a->report != NULL;
    enum mc_err err = parse_span(&f->table, "horizon", a->horizon, &f->horizon, e);
    f->lead = (f->horizon + 1) / 2;
    if (err == MC_OK && a->lead_time != NULL)
        err = parse_span(&f->table, "lead-time", a->lead_time, &f->lead, e);
    if (err == MC_OK)
        err = parse_service(a->service_level, &f->service, e);
    if (err != MC_OK)
        return err;
    f->options = (struct mc_forecast_options){
        .horizon = planning && f->lead > f->horizon ? f->lead : f->horizon,
        .season = a->season > 0 ? (size_t)a->season : f->table.season,
        .demand = a->demand,
        .sum = {f->lead, f->horizon},
        .sum_count = planning ? 2 : 0,
        .each = each_on_threads,
        .each_context = (void *)a,
    };
    set_taus(f, planning);
    return MC_OK;
}

/* ---- --stock
 * ----------------------------------------------------------------------------------------------------------- */

static size_t find_series(const struct mc_forecast_table *t, struct mc_str name) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mc_str_compare(mc_forecast_name(t, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->count && mc_str_equal(mc_forecast_name(t, low), name) ? low : t->count;
}

static enum mc_err take_stock(void *context, uint64_t row, const struct mc_str *values, struct mc_error *e) {
    struct forecasting *f = context;
    char text[64], *end = NULL;
    size_t i = find_series(&f->table, values[0]);
    if (values[1].len == 0 || values[1].len >= sizeof text)
        return mc_error_set(e, MC_ERR_FORMAT, "row %llu: stock is no number", (unsigned long long)row);
    memcpy(text, values[1].data, values[1].len);
    text[values[1].len] = '\0';
    double stock = strtod(text, &end);
    if (*end != '\0' || !isfinite(stock))
        return mc_error_set(e, MC_ERR_FORMAT, "row %llu: stock '%s' is no number", (unsigned long long)row, text);
    if (i < f->table.count)
        f->stock[i] = stock;
    return MC_OK;
}

static void refuse_stock(void *context, uint64_t row, const char *reason) {
    (void)context;
    fprintf(stderr, "maxcart: stock file, row %llu: %s\n", (unsigned long long)row, reason);
}

static enum mc_err read_stock(struct forecasting *f, struct mc_error *e) {
    static const struct mc_table_column columns[] = {{"series_id", true}, {"stock", true}};
    struct mc_table_reader reader = {
        .columns = columns, .column_count = 2, .take = take_stock, .refuse = refuse_stock, .context = f};
    f->stock = mc_malloc(f->table.count * sizeof *f->stock);
    if (f->stock == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the stock of %zu series", f->table.count);
    for (size_t i = 0; i < f->table.count; i++)
        f->stock[i] = f->table.items[i].stock;
    enum mc_err err = mc_table_read(&reader, f->a->stock, e);
    mc_buf_free(&reader.ignored);
    return err;
}

/* ---- output
 * ------------------------------------------------------------------------------------------------------------ */

static bool is_refused(const struct forecasting *f, size_t i) {
    return isnan(*mc_forecast_mean(&f->forecast, i, 0));
}

/* The quantiles 10, 50 and 90 among those that were asked for. */
static void three_of(const struct forecasting *f, size_t i, size_t t, double three[3]) {
    const double *quantile = mc_forecast_quantile(&f->forecast, i, t);
    for (size_t k = 0, at = 0; k < f->options.tau_count; k++)
        if (f->options.tau_count == 3 || k != f->service_tau)
            three[at++] = quantile[k];
}

static void put_csv_row(struct mc_buf *b, const struct forecasting *f, size_t i, size_t t) {
    double q[3] = {0};
    three_of(f, i, t, q);
    mc_buf_csv(b, mc_forecast_name(&f->table, i));
    mc_buf_printf(b, ",%zu,%.10g,%.10g,%.10g,%.10g,%s\n", t + 1, *mc_forecast_mean(&f->forecast, i, t), q[0], q[1],
                  q[2], f->forecast.method[i]);
}

static void put_json_row(struct mc_buf *b, const struct forecasting *f, size_t i, size_t t) {
    double q[3] = {0};
    three_of(f, i, t, q);
    mc_buf_text(b, "{\"series_id\":");
    mc_buf_json(b, mc_forecast_name(&f->table, i));
    mc_buf_printf(b, ",\"step\":%zu,\"mean\":%.10g,\"p10\":%.10g,\"p50\":%.10g,\"p90\":%.10g,\"method\":\"%s\"}\n",
                  t + 1, *mc_forecast_mean(&f->forecast, i, t), q[0], q[1], q[2], f->forecast.method[i]);
}

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

static void put_forecasts(struct mc_output *out, const struct forecasting *f, bool json) {
    if (!json)
        mc_buf_text(&out->buf, "series_id,step,mean,p10,p50,p90,method\n");
    for (size_t i = 0; i < f->table.count; i++) {
        for (size_t t = 0; t < f->horizon && !is_refused(f, i); t++)
            (json ? put_json_row : put_csv_row)(&out->buf, f, i, t);
        mc_output_spill(out);
    }
}

static enum mc_err write_forecasts(struct mc_invocation *run, const struct forecasting *f, struct mc_error *e) {
    struct mc_output file = {.fd = -1};
    if (strcmp(f->a->out, "-") == 0) {
        put_forecasts(&run->out, f, false);
        return MC_OK;
    }
    enum mc_err err = mc_output_open(&file, f->a->out, e);
    if (err == MC_OK) {
        put_forecasts(&file, f, ends_with(f->a->out, ".json") || ends_with(f->a->out, ".jsonl"));
        err = mc_output_close(&file, e);
    }
    mc_output_drop(&file);
    return err;
}

static enum mc_err write_text(const char *path, const struct mc_buf *text, struct mc_error *e) {
    struct mc_output file = {.fd = -1};
    enum mc_err err = mc_output_open(&file, path, e);
    if (err == MC_OK && text->failed)
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for %s", path);
    if (err == MC_OK) {
        mc_buf_append(&file.buf, text->data, text->len);
        err = mc_output_close(&file, e);
    }
    mc_output_drop(&file);
    return err;
}

static enum mc_err write_plan(const struct forecasting *f, struct mc_error *e) {
    struct mc_plan plan = {.table = &f->table,
                           .forecast = &f->forecast,
                           .horizon = f->horizon,
                           .lead = f->lead,
                           .season = f->options.season,
                           .service = f->service,
                           .service_tau = f->service_tau,
                           .stock = f->stock};
    struct mc_buf text = {0};
    enum mc_err err = mc_plan_make(&plan, e);
    if (err == MC_OK && f->a->plan != NULL) {
        mc_plan_csv(&text, &plan);
        err = write_text(f->a->plan, &text, e);
    }
    text.len = 0;
    if (err == MC_OK && f->a->report != NULL) {
        mc_plan_html(&text, &plan, f->a->backtest ? &f->backtest : NULL);
        err = write_text(f->a->report, &text, e);
    }
    mc_buf_free(&text);
    mc_plan_free(&plan);
    return err;
}

/* What was read and what gets no forecast, for a person. */
static enum mc_err tell(const struct forecasting *f, struct mc_error *e) {
    const struct mc_forecast_table *t = &f->table;
    size_t refused = 0;
    for (size_t i = 0; i < t->count; i++)
        refused += is_refused(f, i);
    if (refused == t->count)
        return mc_error_set(e, MC_ERR_FORMAT, "too little history: none of %zu series has %d values or more", t->count,
                            MC_FORECAST_VALUES_MIN);
    if (f->a->quiet)
        return MC_OK;
    fprintf(stderr,
            "%zu series, %zu rows, season %zu; values missing %zu, sold out %zu, on promotion %zu, negative %zu\n",
            t->count, t->rows, f->options.season, t->missing, t->sold_out, t->promoted, t->negative);
    if (refused > 0)
        fprintf(stderr, "%zu series have fewer than %d values and get no forecast:", refused, MC_FORECAST_VALUES_MIN);
    for (size_t i = 0, named = 0; i < t->count && named < REFUSED_NAMED_MAX; i++)
        if (is_refused(f, i)) {
            struct mc_str name = mc_forecast_name(t, i);
            fprintf(stderr, " %.*s", (int)name.len, name.data), named++;
        }
    if (refused > 0)
        fprintf(stderr, "%s\n", refused > REFUSED_NAMED_MAX ? " ..." : "");
    return MC_OK;
}

/* ---- the run
 * ----------------------------------------------------------------------------------------------------------- */

static enum mc_err backtest(struct mc_invocation *run, struct forecasting *f, struct mc_error *e) {
    struct mc_forecast_options o = f->options;
    o.horizon = f->horizon, o.sum_count = 0, o.tau_count = 3;
    o.tau[0] = 0.1, o.tau[1] = 0.5, o.tau[2] = 0.9;
    enum mc_err err = mc_backtest_run(&f->table, &o, &f->backtest, e);
    if (err == MC_OK)
        mc_backtest_text(&run->out.buf, &f->backtest);
    return err;
}

static enum mc_err forecast(struct mc_invocation *run, struct forecasting *f, struct mc_error *e) {
    const struct arguments *a = f->a;
    enum mc_err err = mc_forecast_table_read(&f->table, a->series, a->demand, e);
    if (err == MC_OK)
        err = set_options(f, e);
    if (err == MC_OK && a->stock != NULL)
        err = read_stock(f, e);
    if (err == MC_OK && a->backtest)
        err = backtest(run, f, e);
    if (err != MC_OK || (a->out == NULL && a->plan == NULL && a->report == NULL))
        return err;
    err = mc_forecast_run(f->table.series, f->table.count, &f->options, &f->forecast, e);
    if (err == MC_OK)
        err = tell(f, e);
    if (err == MC_OK && a->out != NULL)
        err = write_forecasts(run, f, e);
    if (err == MC_OK && (a->plan != NULL || a->report != NULL))
        err = write_plan(f, e);
    return err;
}

static enum mc_err run_forecast(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct forecasting f = {.a = a};
    if (a->series == NULL || a->horizon == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "--series FILE and --horizon H are needed");
    if (a->out == NULL && a->plan == NULL && a->report == NULL && !a->backtest)
        return mc_error_set(e, MC_ERR_USAGE,
                            "nothing is asked for: --out FILE, --plan FILE, --report FILE or --backtest");
    enum mc_err err = forecast(run, &f, e);
    mc_forecast_free(&f.forecast);
    mc_forecast_table_free(&f.table);
    mc_free(f.stock);
    return err;
}

#define AT(member) offsetof(struct arguments, member)

static const struct mc_option forecast_options[] = {
    {"series", MC_OPTION_STRING, AT(series), "FILE", "CSV: series_id,period,value (-: standard input)", 0, 0, NULL},
    {"horizon", MC_OPTION_STRING, AT(horizon), "H", "steps to forecast, or days or weeks: 28, 28d, 4w", 0, 0, NULL},
    {"season", MC_OPTION_INT, AT(season), "S", "periods in a cycle (default by the dates: 7, 52, 12, 4; else 1)", 1,
     MC_SEASON_MAX, NULL},
    {"demand", MC_OPTION_FLAG, AT(demand), NULL, "the values are sales counts: often zero, never negative", 0, 0, NULL},
    {"out", MC_OPTION_STRING, AT(out), "FILE",
     "the forecasts, as CSV, or JSON lines for FILE.json (-: standard output)", 0, 0, NULL},
    {"backtest", MC_OPTION_FLAG, AT(backtest), NULL,
     "hide the last H periods, and print the errors beside naive rivals", 0, 0, NULL},
    {"lead-time", MC_OPTION_STRING, AT(lead_time), "L", "from order to delivery (default half the horizon)", 0, 0,
     NULL},
    {"service-level", MC_OPTION_STRING, AT(service_level), "P", "probability that the stock lasts the lead time (0.95)",
     0, 0, NULL},
    {"stock", MC_OPTION_STRING, AT(stock), "FILE", "CSV: series_id,stock", 0, 0, NULL},
    {"plan", MC_OPTION_STRING, AT(plan), "FILE", "what to order when, ranked, as CSV", 0, 0, NULL},
    {"report", MC_OPTION_STRING, AT(report), "FILE", "the same as one HTML page with charts", 0, 0, NULL},
    {"threads", MC_OPTION_INT, AT(threads), "N", "threads (default 1); the result is the same", 1, THREADS_MAX, NULL},
    {"quiet", MC_OPTION_FLAG, AT(quiet), NULL, "no notes on standard error", 0, 0, NULL},
    {0},
};

static const struct arguments forecast_defaults = {.threads = 1, .service_level = "0.95"};

const struct mc_command mc_command_forecast = {
    .name = "forecast",
    .purpose = "Forecasts series: what will sell, how sure that is, when to order",
    .operands = "",
    .about = "Reads series_id,period,value and, if there, price, views, carts, promotion,\n"
             "stock. Periods are dates or whole numbers. A blank value is missing, and so is\n"
             "one at a stock of zero or on promotion. Writes series_id, step, mean, p10, p50,\n"
             "p90, method. The method is weighed by the past of the series and of the set.\n",
    .options = forecast_options,
    .defaults = &forecast_defaults,
    .arguments_size = sizeof(struct arguments),
    .without_config = true,
    .run = run_forecast,
};

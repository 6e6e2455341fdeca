/* maxcart verify: whether the live totals are those of the lake, and the lake is whole. */
#include "app/commands.h"

#include "lake/verify.h"

struct arguments {
    const char *lake;
    bool json;
};

enum { DIFFERENCES_SHOWN = 20 };

/* clang-format off */
static const struct mc_option options[] = {
    {"lake", MC_OPTION_STRING, offsetof(struct arguments, lake), "LAKE", "the folder that replay --archive made", 0, 0, NULL},
    {"json", MC_OPTION_FLAG, offsetof(struct arguments, json), NULL, "one JSON object", 0, 0, NULL},
    {0}};
/* clang-format on */

struct shown {
    struct mc_buf *out;
    uint64_t count;
};

static struct mc_str or_none(struct mc_str s) {
    return s.len > 0 ? s : MC_STR("none");
}

static void put_both(struct mc_buf *b, const char *what, struct mc_str store, struct mc_str lake) {
    store = or_none(store);
    lake = or_none(lake);
    mc_buf_printf(b, "%s: store %.*s, lake %.*s", what, (int)store.len, store.data, (int)lake.len, lake.data);
}

static bool show(void *context, const struct mc_lake_difference *d) {
    struct shown *s = context;
    if (s->count++ == DIFFERENCES_SHOWN)
        return false;
    mc_buf_printf(s->out, "  %.*s ", (int)d->day.len, d->day.data);
    mc_buf_str(s->out, d->product);
    put_both(s->out, ": units", d->store_units, d->lake_units);
    put_both(s->out, "; revenue in hundredths", d->store_revenue, d->lake_revenue);
    mc_buf_char(s->out, '\n');
    return true;
}

static void put_count(struct mc_buf *b, const char *what, uint64_t record, uint64_t files, uint64_t open) {
    mc_buf_printf(b, "%s: %llu archived; %llu in files", what, (unsigned long long)record, (unsigned long long)files);
    if (open > 0)
        mc_buf_printf(b, ", %llu in none yet", (unsigned long long)open);
    mc_buf_text(b, files + open == record ? "\n" : ": NOT EQUAL\n");
}

static void put_text(struct mc_buf *b, const struct mc_lake_verdict *v, bool has_store) {
    put_count(b, "events", v->events, v->file_events, v->open_events);
    put_count(b, "rejected rows", v->rejects, v->file_rejects, v->open_rejects);
    mc_buf_printf(b, "late events: %llu\n", (unsigned long long)v->late);
    if (!has_store)
        return;
    put_both(b, "units sold", mc_buf_view(&v->store_units), mc_buf_view(&v->lake_units));
    put_both(b, "\nrevenue in hundredths", mc_buf_view(&v->store_revenue), mc_buf_view(&v->lake_revenue));
    mc_buf_printf(b, "\nproducts and days with sales: %llu, of which differ: %llu\n", (unsigned long long)v->pairs,
                  (unsigned long long)v->different);
}

static void put_json(struct mc_buf *b, const struct mc_lake_verdict *v, bool has_store) {
    mc_buf_printf(b, "{\"rows\":%llu,\"events\":%llu,\"late\":%llu,\"rejects\":%llu,\"open_events\":%llu,",
                  (unsigned long long)v->position, (unsigned long long)v->events, (unsigned long long)v->late,
                  (unsigned long long)v->rejects, (unsigned long long)v->open_events);
    mc_buf_printf(b, "\"open_rejects\":%llu,\"file_events\":%llu,\"file_rejects\":%llu,\"whole\":%s",
                  (unsigned long long)v->open_rejects, (unsigned long long)v->file_events,
                  (unsigned long long)v->file_rejects, mc_lake_verdict_is_whole(v) ? "true" : "false");
    if (has_store)
        mc_buf_printf(b,
                      ",\"store_units\":%.*s,\"lake_units\":%.*s,\"store_revenue_minor\":%.*s,"
                      "\"lake_revenue_minor\":%.*s,\"pairs\":%llu,\"different\":%llu",
                      (int)v->store_units.len, v->store_units.data, (int)v->lake_units.len, v->lake_units.data,
                      (int)v->store_revenue.len, v->store_revenue.data, (int)v->lake_revenue.len, v->lake_revenue.data,
                      (unsigned long long)v->pairs, (unsigned long long)v->different);
    mc_buf_text(b, "}\n");
}

static enum mc_err judge(const struct mc_lake_verdict *v, struct mc_error *e) {
    if (!mc_lake_verdict_is_whole(v))
        return mc_error_set(e, MC_ERR_FORMAT, "the lake is not whole: its files do not hold what was archived");
    if (v->different > 0 && v->open_events > 0)
        return mc_error_set(e, MC_ERR_FORMAT,
                            "store and lake differ, but %llu events are in no file yet: verify again when they are",
                            (unsigned long long)v->open_events);
    if (v->different > 0)
        return mc_error_set(e, MC_ERR_FORMAT, "store and lake differ");
    return MC_OK;
}

static enum mc_err run_verify(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct mc_ledger *l = NULL;
    struct mc_lake_verdict v = {0};
    struct mc_buf differences = {0};
    struct shown shown = {.out = &differences};
    if (a->lake == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "verify needs --lake");
    enum mc_err err = run->store != NULL ? mc_ledger_open(&l, run->store, MC_LEDGER_READ, NULL, e) : MC_OK;
    if (err == MC_OK)
        err = mc_lake_verify(&(struct mc_lake_query_options){.lake = a->lake, .ledger = l}, &v, show, &shown, e);
    if (err == MC_OK && a->json)
        put_json(&run->out.buf, &v, l != NULL);
    else if (err == MC_OK)
        put_text(&run->out.buf, &v, l != NULL);
    if (err == MC_OK && !a->json)
        mc_buf_str(&run->out.buf, mc_buf_view(&differences));
    if (err == MC_OK)
        err = judge(&v, e);
    mc_ledger_close(&l);
    mc_lake_verdict_free(&v);
    mc_buf_free(&differences);
    return err;
}

const struct mc_command mc_command_verify = {
    .name = "verify",
    .purpose = "Checks that the lake is whole and that the store's sales are the lake's",
    .operands = "",
    .about = "Counts the rows of all files of the lake and, with a store, adds up what was\n"
             "sold by product and day, once from the store and once from the lake. The exit\n"
             "code is 1 if anything differs.\n",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .run = run_verify,
};

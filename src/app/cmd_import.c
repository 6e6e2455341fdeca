/* maxcart subscribers, catalogue, coupons: what a shop knows beside its events, imported from CSV.
 *
 * A file is imported in one transaction: whole, but for the rows that are refused, or not at all. */
#include "app/commands.h"

#include "app/people_lists.h"
#include "app/summary.h"
#include "app/table_file.h"
#include "store/people.h"
#include "store/read.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { REFUSALS_SHOWN = 1000 };

struct import_arguments {
    struct mc_query query;
    bool dry_run;
    const char *campaign;
};

static const struct import_arguments import_defaults = {
    .query = {.since_us = MC_TIME_NONE_US, .until_us = MC_TIME_NONE_US, .decision = -1, .reason = -1, .limit = -1}};

struct import {
    struct mc_ledger *ledger;
    struct mc_output *out;
    struct mc_str campaign;
    struct mc_time coupon_expires_at; /* of codes without expires_at; none */
    uint64_t taken, refused;
};

/* What differs between the three. */
struct kind {
    const char *noun; /* "subscribers" */
    const struct mc_table_column *columns;
    size_t column_count;
    enum mc_err (*take)(void *context, uint64_t row, const struct mc_str *values, struct mc_error *e);
    enum mc_err (*list)(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e);
    enum mc_err (*count)(struct mc_ledger *l, struct mc_buf *b, struct mc_error *e);
};

static void refuse(void *context, uint64_t row, const char *reason) {
    struct import *i = context;
    if (++i->refused <= REFUSALS_SHOWN)
        mc_buf_printf(&i->out->buf, "row %llu refused: %s\n", (unsigned long long)row, reason);
    mc_output_spill(i->out);
}

/* Books the ledger's answer to one row. */
static enum mc_err booked(struct import *i, uint64_t row, enum mc_err err, const char *refused) {
    if (err == MC_OK && refused != NULL)
        refuse(i, row, refused);
    else if (err == MC_OK)
        i->taken++;
    return err;
}

/* ---- subscribers ---- */

static const struct mc_table_column subscriber_columns[] = {
    {"user_id", true},  {"email", true},     {"first_name", false},
    {"consent", false}, {"language", false}, {"time_zone", false},
};

static bool is_one_of(struct mc_str text, const char *const *words) {
    for (; *words != NULL; words++)
        if (mc_str_equal_nocase(text, mc_str_of(*words)))
            return true;
    return false;
}

static bool parse_consent(struct mc_str text, enum mc_consent *consent) {
    static const char *const yes[] = {"yes", "true", "1", "y", NULL}, *const no[] = {"no", "false", "0", "n", NULL},
                             *const unknown[] = {"", "unknown", NULL};
    *consent = is_one_of(text, yes) ? MC_CONSENT_YES : is_one_of(text, no) ? MC_CONSENT_NO : MC_CONSENT_UNKNOWN;
    return *consent != MC_CONSENT_UNKNOWN || is_one_of(text, unknown);
}

static enum mc_err take_subscriber(void *context, uint64_t row, const struct mc_str *v, struct mc_error *e) {
    struct import *i = context;
    struct mc_subscriber s = {.user = v[0], .email = v[1], .first_name = v[2], .language = v[4], .time_zone = v[5]};
    const char *refused = NULL;
    if (!parse_consent(v[3], &s.consent)) {
        refuse(i, row, "consent is none of yes, no and unknown");
        return MC_OK;
    }
    enum mc_err err = mc_subscriber_put(i->ledger, &s, &refused, e);
    return booked(i, row, err, refused);
}

static enum mc_err count_subscribers(struct mc_ledger *l, struct mc_buf *b, struct mc_error *e) {
    struct mc_report t;
    enum mc_err err = mc_report_read(l, &t, e);
    if (err != MC_OK)
        return err;
    mc_show_count(b, t.subscribers);
    mc_buf_text(b, " subscribers, ");
    mc_show_count(b, t.suppressions);
    mc_buf_text(b, " addresses that are never written to\n");
    return MC_OK;
}

/* ---- catalogue ---- */

static const struct mc_table_column catalogue_columns[] = {
    {"product_id", true}, {"name", true}, {"image_url", false}, {"url", false}};

static enum mc_err take_product(void *context, uint64_t row, const struct mc_str *v, struct mc_error *e) {
    struct import *i = context;
    struct mc_catalogue_entry entry = {.product = v[0], .name = v[1], .image_url = v[2], .url = v[3]};
    const char *refused = NULL;
    enum mc_err err = mc_catalogue_put(i->ledger, &entry, &refused, e);
    return booked(i, row, err, refused);
}

static enum mc_err count_catalogue(struct mc_ledger *l, struct mc_buf *b, struct mc_error *e) {
    struct mc_report t;
    enum mc_err err = mc_report_read(l, &t, e);
    if (err != MC_OK)
        return err;
    mc_show_count(b, t.catalogue);
    mc_buf_text(b, " products\n");
    return MC_OK;
}

/* ---- coupons ---- */

static const struct mc_table_column coupon_columns[] = {{"code", true}, {"expires_at", false}};

static enum mc_err take_coupon(void *context, uint64_t row, const struct mc_str *v, struct mc_error *e) {
    struct import *i = context;
    struct mc_time expires_at = i->coupon_expires_at;
    const char *refused = NULL;
    if (v[1].len > 0 && !mc_instant_parse(v[1], &expires_at.us)) {
        refuse(i, row, "expires_at is no date like 2026-12-31 and no time like 2026-12-31T12:00:00Z");
        return MC_OK;
    }
    enum mc_err err = mc_coupon_put(i->ledger, v[0], i->campaign, expires_at, &refused, e);
    return booked(i, row, err, refused);
}

static enum mc_err count_coupons(struct mc_ledger *l, struct mc_buf *b, struct mc_error *e) {
    struct mc_report t;
    enum mc_err err = mc_report_read(l, &t, e);
    if (err != MC_OK)
        return err;
    mc_show_count(b, t.coupons_free);
    mc_buf_text(b, " coupons left, ");
    mc_show_count(b, t.coupons_taken);
    mc_buf_text(b, " given\n");
    return MC_OK;
}

/* ---- importing ---- */

/* A store of its own for a dry run where there is none yet, so that none is left behind. */
struct scratch {
    char folder[32], path[48];
};

static enum mc_err scratch_make(struct scratch *s, struct mc_error *e) {
    snprintf(s->folder, sizeof s->folder, "/tmp/maxcart-XXXXXX");
    if (mkdtemp(s->folder) == NULL) {
        s->folder[0] = '\0';
        return mc_error_set(e, MC_ERR_IO, "cannot make a folder in /tmp for the dry run");
    }
    snprintf(s->path, sizeof s->path, "%s/store", s->folder);
    return MC_OK;
}

static void scratch_remove(struct scratch *s) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
    char path[64];
    for (size_t i = 0; s->folder[0] != '\0' && i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, "%s%s", s->path, endings[i]);
        unlink(path);
    }
    if (s->folder[0] != '\0')
        rmdir(s->folder);
}

static enum mc_err import_rows(struct import *i, const struct kind *kind, const char *file, bool dry_run,
                               struct mc_error *e) {
    struct mc_table_reader reader = {.columns = kind->columns,
                                     .column_count = kind->column_count,
                                     .take = kind->take,
                                     .refuse = refuse,
                                     .context = i};
    enum mc_err err = mc_ledger_begin(i->ledger, e);
    if (err == MC_OK)
        err = mc_table_read(&reader, file, e);
    if (err == MC_OK && !dry_run)
        err = mc_ledger_commit(i->ledger, e);
    else
        mc_ledger_rollback(i->ledger, NULL);
    if (err == MC_OK && reader.ignored.len > 0) {
        mc_buf_text(&i->out->buf, "columns not used: ");
        mc_show_text(&i->out->buf, mc_buf_view(&reader.ignored));
        mc_buf_char(&i->out->buf, '\n');
    }
    i->out->buf.failed |= reader.ignored.failed;
    mc_buf_free(&reader.ignored);
    return err;
}

static void put_result(struct import *i, const struct kind *kind, bool dry_run) {
    struct mc_buf *b = &i->out->buf;
    if (i->refused > REFUSALS_SHOWN) {
        mc_show_count(b, i->refused - REFUSALS_SHOWN);
        mc_buf_text(b, " more rows refused\n");
    }
    mc_show_count(b, i->taken);
    mc_buf_printf(b, " %s imported, ", kind->noun);
    mc_show_count(b, i->refused);
    mc_buf_printf(b, " rows refused%s\n", dry_run ? " (a dry run: nothing was changed)" : "");
}

static enum mc_err run_import(struct mc_invocation *run, const struct kind *kind, const struct import_arguments *a,
                              const char *file, struct mc_error *e) {
    struct import i = {.out = &run->out, .coupon_expires_at = {MC_TIME_NONE_US}};
    struct scratch scratch = {{0}, {0}};
    const char *path;
    i.campaign = mc_str_of(a->campaign != NULL ? a->campaign : run->config.policy.campaign);
    if (run->config.policy.coupon_valid_us > 0)
        i.coupon_expires_at.us = mc_wall_now().us + run->config.policy.coupon_valid_us;
    enum mc_err err = mc_invocation_store(run, &path, e);
    if (err == MC_OK && a->dry_run && access(path, F_OK) != 0) {
        err = scratch_make(&scratch, e);
        path = scratch.path;
    }
    if (err == MC_OK)
        err = mc_ledger_open(&i.ledger, path, MC_LEDGER_WRITE, NULL, e);
    if (err == MC_OK)
        err = import_rows(&i, kind, file, a->dry_run, e);
    if (err == MC_OK)
        put_result(&i, kind, a->dry_run);
    mc_ledger_close(&i.ledger);
    scratch_remove(&scratch);
    return err;
}

/* ---- the verbs ---- */

static enum mc_err run_count(struct mc_invocation *run, const struct kind *kind, struct mc_error *e) {
    struct mc_ledger *ledger = NULL;
    const char *path;
    enum mc_err err = mc_invocation_store(run, &path, e);
    if (err == MC_OK)
        err = mc_ledger_open(&ledger, path, MC_LEDGER_READ, NULL, e);
    if (err == MC_OK)
        err = kind->count(ledger, &run->out.buf, e);
    mc_ledger_close(&ledger);
    return err;
}

static enum mc_err run_verb(struct mc_invocation *run, const struct kind *kind, const struct import_arguments *a,
                            struct mc_error *e) {
    enum { IMPORT, LIST, COUNT };
    int verb;
    enum mc_err err = mc_verb_find("import|list|count", run->operands.items[0], &verb, e);
    if (err != MC_OK)
        return err;
    if (verb == IMPORT && run->operands.count != 2)
        return mc_error_set(e, MC_ERR_USAGE, "%s import needs one file, or - for standard input", run->command->name);
    if (verb != IMPORT && run->operands.count != 1)
        return mc_error_set(e, MC_ERR_USAGE, "'%.100s' is one word too many", run->operands.items[1]);
    if (verb == IMPORT)
        return run_import(run, kind, a, run->operands.items[1], e);
    return verb == LIST ? kind->list(run, &a->query, e) : run_count(run, kind, e);
}

static enum mc_err run_subscribers(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    static const struct kind kind = {.noun = "subscribers",
                                     .columns = subscriber_columns,
                                     .column_count = sizeof subscriber_columns / sizeof *subscriber_columns,
                                     .take = take_subscriber,
                                     .list = mc_list_subscribers,
                                     .count = count_subscribers};
    return run_verb(run, &kind, arguments, e);
}

static enum mc_err run_catalogue(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    static const struct kind kind = {.noun = "products",
                                     .columns = catalogue_columns,
                                     .column_count = sizeof catalogue_columns / sizeof *catalogue_columns,
                                     .take = take_product,
                                     .list = mc_list_catalogue,
                                     .count = count_catalogue};
    return run_verb(run, &kind, arguments, e);
}

static enum mc_err run_coupons(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    static const struct kind kind = {.noun = "coupons",
                                     .columns = coupon_columns,
                                     .column_count = sizeof coupon_columns / sizeof *coupon_columns,
                                     .take = take_coupon,
                                     .list = mc_list_coupons,
                                     .count = count_coupons};
    return run_verb(run, &kind, arguments, e);
}

/* clang-format off */
#define IMPORT_DRY_RUN {"dry-run", MC_OPTION_FLAG, offsetof(struct import_arguments, dry_run), NULL, "import: say what would happen, change nothing", 0, 0, NULL}

static const struct mc_option subscriber_options[] = {
    IMPORT_DRY_RUN, MC_QUERY_USER, MC_QUERY_LIMIT, MC_QUERY_JSON, MC_QUERY_CSV, {0},
};
static const struct mc_option catalogue_options[] = {
    IMPORT_DRY_RUN, MC_QUERY_PRODUCT("list: only this product"), MC_QUERY_LIMIT, MC_QUERY_JSON, MC_QUERY_CSV, {0},
};
static const struct mc_option coupon_options[] = {
    IMPORT_DRY_RUN,
    {"campaign", MC_OPTION_STRING, offsetof(struct import_arguments, campaign), "NAME", "import: for this campaign; else policy.campaign", 0, 0, NULL},
    MC_QUERY_USER, MC_QUERY_LIMIT, MC_QUERY_JSON, MC_QUERY_CSV, {0},
};
/* clang-format on */

#define IMPORT_ABOUT                                                                                                   \
    "FILE is CSV with a header; the columns stand in any order, - is standard input.\n"                                \
    "A row that is not good is listed with its number and the reason; the others\n"                                    \
    "are imported, in one transaction.\n\n"

const struct mc_command mc_command_subscribers = {
    .name = "subscribers",
    .purpose = "Imports, lists or counts those who may be written to",
    .operands = "import FILE | list | count",
    .about = IMPORT_ABOUT "Columns: user_id, email; first_name, consent (yes, no or empty: unknown),\n"
                          "language (de, pt-BR), time_zone (Europe/Berlin). A user_id that is there\n"
                          "already is replaced.\n",
    .options = subscriber_options,
    .defaults = &import_defaults,
    .arguments_size = sizeof(struct import_arguments),
    .operands_min = 1,
    .operands_max = 2,
    .run = run_subscribers,
};

const struct mc_command mc_command_catalogue = {
    .name = "catalogue",
    .purpose = "Imports, lists or counts the products' names, pictures and pages",
    .operands = "import FILE | list | count",
    .about = IMPORT_ABOUT "Columns: product_id, name; image_url, url (http or https). A product that is\n"
                          "there already is replaced.\n",
    .options = catalogue_options,
    .defaults = &import_defaults,
    .arguments_size = sizeof(struct import_arguments),
    .operands_min = 1,
    .operands_max = 2,
    .run = run_catalogue,
};

const struct mc_command mc_command_coupons = {
    .name = "coupons",
    .purpose = "Imports, lists or counts the shop's coupon codes",
    .operands = "import FILE | list | count",
    .about = IMPORT_ABOUT "Columns: code; expires_at (a date or time). A code goes to one customer at\n"
                          "most; one that is there already is refused.\n",
    .options = coupon_options,
    .defaults = &import_defaults,
    .arguments_size = sizeof(struct import_arguments),
    .operands_min = 1,
    .operands_max = 2,
    .run = run_coupons,
};

/* maxcart carts, decisions, rejects: the rows of a store. */
#include "app/commands.h"

#include "app/endings.h"
#include "app/query.h"
#include "app/replay_setup.h"

enum { ITEMS_SHOWN = 3, RAW_SHOWN = 100 };

/* ---- carts ---- */

/* The keys and their order are those of carts.jsonl (SEMANTICS 8). */
static const struct mc_list_column cart_columns[] = {
    {"user_id", "CUSTOMER", MC_CELL_TEXT},
    {"user_session", "SESSION", MC_CELL_TEXT},
    {"opened_at", NULL, MC_CELL_TIME},
    {"first_at", NULL, MC_CELL_TIME},
    {"last_at", NULL, MC_CELL_TIME},
    {"expires_at", "EXPIRED", MC_CELL_TIME},
    {"value_minor", "VALUE", MC_CELL_MONEY},
    {"decision", "DECISION", MC_CELL_TEXT},
    {"items", NULL, MC_CELL_JSON},
    {"", "ITEMS", MC_CELL_TEXT},
    {0},
};

struct cart_listing {
    struct mc_listing list;
    struct mc_buf items;
};

static void items_text(struct mc_buf *b, const struct mc_cart *cart) {
    for (uint32_t i = 0; i < cart->item_count && i < ITEMS_SHOWN; i++) {
        mc_buf_text(b, i > 0 ? ", " : "");
        mc_buf_int(b, cart->items[i].quantity);
        mc_buf_text(b, " x ");
        mc_buf_str(b, cart->items[i].product);
    }
    if (cart->item_count > ITEMS_SHOWN)
        mc_buf_printf(b, " and %u more", cart->item_count - ITEMS_SHOWN);
}

static void put_items(struct cart_listing *l, const struct mc_cart *cart,
                      void (*make)(struct mc_buf *, const struct mc_cart *)) {
    l->items.len = 0;
    make(&l->items, cart);
    l->list.rows.out->buf.failed |= l->items.failed;
    mc_printout_text(&l->list.rows, mc_buf_view(&l->items));
}

static bool take_cart(void *context, const struct mc_stored_cart *stored) {
    struct cart_listing *l = context;
    struct mc_printout *rows = &l->list.rows;
    const struct mc_cart *cart = &stored->cart;
    if (!mc_listing_has_room(&l->list))
        return false;
    mc_printout_text(rows, cart->user);
    mc_printout_text(rows, cart->session);
    mc_printout_time(rows, cart->opened_at.us);
    mc_printout_time(rows, cart->first_at.us);
    mc_printout_time(rows, cart->last_at.us);
    mc_printout_time(rows, cart->expires_at.us);
    mc_printout_number(rows, cart->value);
    mc_printout_text(rows, mc_str_of(mc_decision_names[cart->decision]));
    put_items(l, cart, mc_cart_items_json);
    put_items(l, cart, items_text);
    return true;
}

static enum mc_err run_carts(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    struct cart_listing l = {0};
    enum mc_err err = mc_listing_open(&l.list, run, arguments, cart_columns, e);
    if (err == MC_OK)
        err = mc_read_carts(l.list.ledger, &l.list.filter, take_cart, &l, e);
    err = mc_listing_close(&l.list, err);
    mc_buf_free(&l.items);
    return err;
}

/* clang-format off */
static const struct mc_option cart_options[] = {
    MC_QUERY_SINCE("expired"), MC_QUERY_UNTIL("expired"), MC_QUERY_USER, MC_QUERY_PRODUCT("only with this product in it"),
    MC_QUERY_DECISION, MC_QUERY_LIMIT, MC_QUERY_JSON, MC_QUERY_CSV, {0},
};
/* clang-format on */

const struct mc_command mc_command_carts = {
    .name = "carts",
    .purpose = "Lists the abandoned carts of a store, with what was in them",
    .operands = "",
    .about = "In order of the time at which they expired. A line of --json is a line of\n"
             "carts.jsonl as replay writes it. Values are in the shop's currency; in --json\n"
             "and --csv in hundredths of it.\n",
    .options = cart_options,
    .defaults = &mc_query_defaults,
    .arguments_size = sizeof(struct mc_query),
    .run = run_carts,
};

/* ---- decisions ---- */

static const struct mc_list_column decision_columns[] = {
    {"expires_at", "EXPIRED", MC_CELL_TIME},
    {"user_id", "CUSTOMER", MC_CELL_TEXT},
    {"user_session", "SESSION", MC_CELL_TEXT},
    {"opened_at", NULL, MC_CELL_TIME},
    {"value_minor", "VALUE", MC_CELL_MONEY},
    {"decision", "DECISION", MC_CELL_TEXT},
    {"due_at", NULL, MC_CELL_TIME},
    {"message", "MESSAGE", MC_CELL_TEXT},
    {"withheld", "WITHHELD AS", MC_CELL_TEXT},
    {"replayed", NULL, MC_CELL_JSON},
    {"offer", NULL, MC_CELL_TEXT},
    {"offer_value", NULL, MC_CELL_COUNT},
    {"coupon", "COUPON", MC_CELL_TEXT},
    {"recovered_at", "RECOVERED", MC_CELL_TIME},
    {"recovered_minor", "FOR", MC_CELL_MONEY},
    {0},
};

static void text_or_null(struct mc_printout *rows, struct mc_str text) {
    if (text.len > 0)
        mc_printout_text(rows, text);
    else
        mc_printout_null(rows);
}

/* The cells from due_at to coupon: what became of a decision that has a message. */
static void message_cells(struct mc_printout *rows, const struct mc_stored_cart *s) {
    mc_printout_time(rows, s->due_at.us);
    mc_printout_text(rows, mc_str_of(mc_message_state_names[s->state]));
    text_or_null(rows, mc_str_of(mc_withheld_name(s->withheld)));
    mc_printout_text(rows, s->replayed ? MC_STR("true") : MC_STR("false"));
    mc_printout_text(rows, mc_str_of(mc_offer_kind_names[s->offer.kind]));
    mc_printout_number(rows, s->offer.value);
    text_or_null(rows, s->coupon);
}

enum { MESSAGE_CELLS = 7 };

static bool take_decision(void *context, const struct mc_stored_cart *s) {
    struct mc_listing *l = context;
    struct mc_printout *rows = &l->rows;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_time(rows, s->cart.expires_at.us);
    mc_printout_text(rows, s->cart.user);
    mc_printout_text(rows, s->cart.session);
    mc_printout_time(rows, s->cart.opened_at.us);
    mc_printout_number(rows, s->cart.value);
    mc_printout_text(rows, mc_str_of(mc_decision_names[s->cart.decision]));
    if (s->has_message)
        message_cells(rows, s);
    for (int i = 0; !s->has_message && i < MESSAGE_CELLS; i++)
        mc_printout_null(rows);
    bool recovered = s->has_message && !mc_time_is_none(s->recovered_at);
    mc_printout_time(rows, recovered ? s->recovered_at.us : MC_TIME_NONE_US);
    if (recovered)
        mc_printout_number(rows, s->recovered_minor);
    else
        mc_printout_null(rows);
    return true;
}

static enum mc_err run_decisions(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    struct mc_listing l = {0};
    enum mc_err err = mc_listing_open(&l, run, arguments, decision_columns, e);
    if (err == MC_OK)
        err = mc_read_carts(l.ledger, &l.filter, take_decision, &l, e);
    return mc_listing_close(&l, err);
}

const struct mc_command mc_command_decisions = {
    .name = "decisions",
    .purpose = "Lists what was decided on each abandoned cart, and what came of it",
    .operands = "",
    .about = "In order of the time at which the carts expired. What each decision means is\n"
             "told by maxcart report, and on one customer by maxcart why.\n",
    .options = cart_options,
    .defaults = &mc_query_defaults,
    .arguments_size = sizeof(struct mc_query),
    .run = run_decisions,
};

/* ---- rejects ---- */

/* The first five are those of rejects.csv (SEMANTICS 8). */
static const struct mc_list_column reject_columns[] = {
    {"source", "SOURCE", MC_CELL_TEXT}, {"byte_offset", NULL, MC_CELL_COUNT},
    {"row", "ROW", MC_CELL_COUNT},      {"reason", "REASON", MC_CELL_TEXT},
    {"raw", NULL, MC_CELL_TEXT},        {"id", NULL, MC_CELL_COUNT},
    {"arrived_at", NULL, MC_CELL_TIME}, {"retried", NULL, MC_CELL_JSON},
    {"", "AS IT CAME", MC_CELL_TEXT},   {0},
};

static struct mc_str beginning(struct mc_str raw) {
    return raw.len <= RAW_SHOWN ? raw : (struct mc_str){raw.data, RAW_SHOWN};
}

static bool take_reject(void *context, const struct mc_stored_reject *r) {
    struct mc_listing *l = context;
    struct mc_printout *rows = &l->rows;
    if (!mc_listing_has_room(l))
        return false;
    mc_printout_text(rows, r->source_name);
    mc_printout_number(rows, r->reject.byte_offset);
    mc_printout_number(rows, r->reject.row);
    mc_printout_text(rows, mc_str_of(mc_reason_names[r->reject.reason]));
    mc_printout_text(rows, r->reject.raw);
    mc_printout_number(rows, r->id);
    mc_printout_time(rows, r->reject.arrived_at.us);
    mc_printout_text(rows, r->retried_by != 0 ? MC_STR("true") : MC_STR("false"));
    mc_printout_text(rows, beginning(r->reject.raw));
    return true;
}

static enum mc_err list_rejects(struct mc_invocation *run, const struct mc_query *query, struct mc_error *e) {
    struct mc_listing l = {0};
    enum mc_err err = mc_listing_open(&l, run, query, reject_columns, e);
    l.filter.not_retried = !query->all;
    if (err == MC_OK)
        err = mc_read_rejects(l.ledger, &l.filter, take_reject, &l, e);
    return mc_listing_close(&l, err);
}

static enum mc_err run_rejects(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    enum { LIST, RETRY };
    int verb = LIST;
    if (run->operands.count > 0 && mc_verb_find("list|retry", run->operands.items[0], &verb, e) != MC_OK)
        return MC_ERR_USAGE;
    if (verb == LIST)
        return list_rejects(run, arguments, e);
    return mc_rejects_retry(run, arguments, e);
}

/* clang-format off */
static const struct mc_option reject_options[] = {
    MC_QUERY_SINCE("arrived"), MC_QUERY_UNTIL("arrived"),
    {"reason", MC_OPTION_CHOICE, offsetof(struct mc_query, reason), "REASON", "only with this reason", 0, 0, MC_REASON_CHOICES},
    {"all", MC_OPTION_FLAG, offsetof(struct mc_query, all), NULL, "those too that were fed back by retry", 0, 0, NULL},
    MC_QUERY_LIMIT, MC_QUERY_JSON, MC_QUERY_CSV, {0},
};
/* clang-format on */

const struct mc_command mc_command_rejects = {
    .name = "rejects",
    .purpose = "Lists the rows that were no events and why, or feeds them back after a fix",
    .operands = "[list | retry [FILE]]",
    .about = "Rows are kept as they came. --csv writes their bytes as they are, --json\n"
             "replaces bytes that are not UTF-8; as text the beginning of each is shown.\n"
             "retry feeds those that were not fed back yet to the engine, as a new source;\n"
             "duplicates only if --reason names them. FILE is what --csv wrote, mended in its\n"
             "column raw: then the rows that were changed are fed back, and no others.\n",
    .options = reject_options,
    .defaults = &mc_query_defaults,
    .arguments_size = sizeof(struct mc_query),
    .operands_max = -1,
    .run = run_rejects,
};

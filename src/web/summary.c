/* The store as a whole: what it is called, what the running service says, the ledger's totals. */
#include "store/read.h"
#include "web/put.h"

static void put_delay(struct mc_buf *b, const char *name, const struct mc_web_delay *d) {
    mc_buf_printf(b, ",\"%s\":{\"count\":%llu,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld}", name,
                  (unsigned long long)d->count, (long long)d->p50_us, (long long)d->p99_us, (long long)d->max_us);
}

void mc_status_json(struct mc_buf *b, const struct mc_web_status *s, struct mc_wall at, int64_t position) {
    mc_buf_text(b, "{\"at\":");
    mc_buf_json_time(b, at.us, 0);
    mc_buf_text(b, ",\"clock\":");
    mc_buf_json_time(b, s->clock.us, MC_TIME_NONE_US);
    mc_buf_text(b, ",\"last_event_at\":");
    mc_buf_json_time(b, s->last_event_at.us, 0);
    mc_buf_printf(b,
                  ",\"position\":%lld,\"events\":%llu,\"rejected\":%llu,\"open_visits\":%lld,\"open_carts\":%lld,"
                  "\"behind\":%llu,\"open_cart_value_minor\":",
                  (long long)position, (unsigned long long)s->events, (unsigned long long)s->rejected,
                  (long long)s->open_visits, (long long)s->open_carts, (unsigned long long)s->behind);
    mc_buf_int128(b, s->open_cart_value);
    mc_put_counts(b, "messages", s->messages, mc_message_state_names, MC_MESSAGE_STATES);
    put_delay(b, "sale_delay", &s->sale);
    put_delay(b, "offer_delay", &s->offer);
    mc_buf_char(b, '}');
}

static void put_totals(struct mc_buf *b, const struct mc_report *t) {
    mc_buf_printf(b, ",\"totals\":{\"carts\":%llu", (unsigned long long)t->carts);
    mc_put_exact(b, "cart_value_minor", t->cart_value);
    mc_put_exact(b, "units", t->units);
    mc_put_exact(b, "revenue_minor", t->revenue);
    mc_put_counts(b, "decisions", t->decisions, mc_decision_names, MC_UNDECIDED);
    mc_put_counts(b, "rejects", t->rejects + 1, mc_reason_names + 1, MC_REASONS - 1);
    mc_put_counts(b, "messages", t->messages, mc_message_state_names, MC_MESSAGE_STATES);
    mc_put_counts(b, "withheld", t->withheld, mc_decision_names, MC_UNDECIDED);
    mc_put_exact(b, "withheld_no_coupon", t->withheld_no_coupon);
    mc_put_exact(b, "clicked", t->clicked);
    mc_put_exact(b, "sent_passed", t->passed_send);
    mc_put_exact(b, "holdout_passed", t->passed_holdout);
    mc_put_exact(b, "sent_recovered", t->recovered_send);
    mc_put_exact(b, "holdout_recovered", t->recovered_holdout);
    mc_put_exact(b, "sent_recovered_minor", t->recovered_send_minor);
    mc_put_exact(b, "holdout_recovered_minor", t->recovered_holdout_minor);
    mc_put_exact(b, "coupons_free", t->coupons_free);
    mc_put_exact(b, "subscribers", t->subscribers);
    mc_put_exact(b, "suppressions", t->suppressions);
    mc_buf_char(b, '}');
}

static void put_store(struct mc_buf *b, const struct mc_web *web) {
    const struct mc_web_settings *s = &web->settings;
    mc_buf_text(b, "{\"store\":{\"name\":");
    mc_buf_json(b, mc_str_of(s->store_name));
    mc_buf_text(b, ",\"currency\":");
    mc_buf_json(b, mc_str_of(s->currency));
    mc_buf_text(b, ",\"time_zone\":");
    mc_buf_json(b, mc_str_of(s->time_zone));
    mc_buf_text(b, ",\"public_url\":");
    mc_buf_json(b, mc_str_of(s->public_url));
    mc_buf_printf(b, ",\"promise_us\":%lld,\"inbox\":%s}", (long long)s->promise_us,
                  s->spool_inbox != NULL && s->spool_inbox[0] != '\0' ? "true" : "false");
}

void mc_api_summary(struct mc_web_request *r) {
    struct mc_report report;
    struct mc_error e = {0};
    struct mc_buf json = {0};
    struct mc_web_status status;
    struct mc_wall at;
    enum mc_err err = mc_report_read(mc_rows_ledger(r->rows), &report, &e);
    if (err != MC_OK) {
        mc_web_answer_failure(r, err, &e);
        return;
    }
    put_store(&json, r->web);
    mc_buf_printf(&json, ",\"version\":\"%s\",\"viewer\":\"%s\",\"now\":", MC_VERSION,
                  r->viewer.kind == MC_VIEWER_ADMIN ? "admin" : "share");
    mc_buf_json_time(&json, mc_wall_now().us, 0);
    mc_buf_text(&json, ",\"clock\":");
    mc_buf_json_time(&json, mc_web_clock(r).us, MC_TIME_NONE_US);
    mc_buf_text(&json, ",\"status\":");
    if (mc_web_get_status(r->web, &status, &at))
        mc_status_json(&json, &status, at, mc_feed_position(r->web->feed));
    else
        mc_buf_text(&json, "null");
    put_totals(&json, &report);
    mc_buf_text(&json, "}\n");
    mc_web_answer_json(r, &json);
}

#include "app/summary.h"

#include <stdio.h>

enum { LABEL_WIDTH = 32, VALUE_WIDTH = 20 };

uint64_t mc_summary_rejected(const struct mc_summary *r) {
    uint64_t sum = 0;
    for (int i = MC_ACCEPTED + 1; i < MC_REASONS; i++)
        sum += r->rejected[i];
    return sum;
}

/* ---- pieces ---- */

void mc_show_count(struct mc_buf *b, __int128 value) {
    struct mc_buf digits = {0};
    mc_buf_int128(&digits, value < 0 ? -value : value);
    if (value < 0)
        mc_buf_char(b, '-');
    for (size_t i = 0; i < digits.len; i++) {
        if (i > 0 && (digits.len - i) % 3 == 0)
            mc_buf_char(b, ',');
        mc_buf_char(b, digits.data[i]);
    }
    b->failed |= digits.failed;
    mc_buf_free(&digits);
}

void mc_show_money(struct mc_buf *b, __int128 minor, const char *currency) {
    if (minor < 0)
        mc_buf_char(b, '-');
    __int128 magnitude = minor < 0 ? -minor : minor;
    mc_show_count(b, magnitude / 100);
    mc_buf_printf(b, ".%02d", (int)(magnitude % 100));
    if (*currency != '\0')
        mc_buf_printf(b, " %s", currency);
}

void mc_show_percent(struct mc_buf *b, __int128 part, __int128 whole) {
    if (whole <= 0) {
        mc_buf_char(b, '-');
        return;
    }
    __int128 tenths = (part * 2000 + whole) / (2 * whole);
    mc_show_count(b, tenths / 10);
    mc_buf_printf(b, ".%d %%", (int)(tenths % 10));
}

/* Bytes of the code point at the start of valid UTF-8. */
static size_t code_point_len(unsigned char first) {
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Controls of C0 and C1, DEL, and U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069, U+2028, U+2029. */
static bool steers_a_terminal(const unsigned char *s, size_t len) {
    if (len == 1)
        return s[0] < 0x20 || s[0] == 0x7F;
    if (len == 2)
        return s[0] == 0xC2 && s[1] < 0xA0;
    if (len == 3 && s[0] == 0xE2 && s[1] == 0x80)
        return s[2] == 0x8E || s[2] == 0x8F || (s[2] >= 0xA8 && s[2] <= 0xAE);
    return len == 3 && s[0] == 0xE2 && s[1] == 0x81 && s[2] >= 0xA6 && s[2] <= 0xA9;
}

void mc_show_text(struct mc_buf *b, struct mc_str text) {
    bool utf8 = mc_str_is_utf8(text);
    for (size_t i = 0; i < text.len;) {
        const unsigned char *at = (const unsigned char *)text.data + i;
        size_t len = utf8 ? code_point_len(*at) : 1;
        bool shown = !steers_a_terminal(at, len) && (utf8 || *at < 0x80);
        if (shown)
            mc_buf_append(b, at, len);
        for (size_t k = 0; !shown && k < len; k++)
            mc_buf_printf(b, "\\x%02X", at[k]);
        i += len;
    }
}

size_t mc_show_width(struct mc_str text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return width;
}

const char *mc_show_decision(enum mc_decision decision) {
    static const char *const meaning[MC_DECISIONS] = {
        [MC_PURCHASED] = "the customer bought in the meantime",
        [MC_STALE] = "too old to write about",
        [MC_BELOW_MINIMUM] = "worth less than the policy's minimum",
        [MC_NO_ADDRESS] = "no e-mail address is known",
        [MC_NO_CONSENT] = "the customer has not agreed to mail",
        [MC_SUPPRESSED] = "unsubscribed, bounced or complained",
        [MC_CAPPED] = "the customer was written to a short while ago",
        [MC_HOLDOUT] = "in the control group, which gets no mail",
        [MC_SEND] = "a message with the offer",
        [MC_UNDECIDED] = "not decided yet",
    };
    return meaning[decision];
}

/* ---- report.json ---- */

static void json_key(struct mc_buf *b, const char *key) {
    mc_buf_printf(b, "%s \"%s\": ", b->len > 1 && b->data[b->len - 1] != '{' ? ",\n" : "\n", key);
}

/* The object of those counts that are not 0, or of all of them. */
static void json_counts(struct mc_buf *b, const char *key, const char *const *names, const uint64_t *counts, int first,
                        int end, bool all) {
    json_key(b, key);
    mc_buf_char(b, '{');
    for (int i = first, written = 0; i < end; i++)
        if (all || counts[i] > 0) {
            mc_buf_printf(b, "%s\"%s\": ", written++ > 0 ? ", " : "", names[i]);
            mc_buf_int128(b, counts[i]);
        }
    mc_buf_char(b, '}');
}

static void json_top(struct mc_buf *b, const struct mc_summary *r) {
    json_key(b, "top_products");
    mc_buf_char(b, '[');
    for (uint32_t i = 0; i < r->top_count; i++) {
        mc_buf_text(b, i > 0 ? ", [" : "[");
        mc_buf_json(b, r->top[i].product);
        mc_buf_text(b, ", ");
        mc_buf_int128(b, r->top[i].units);
        mc_buf_text(b, ", ");
        mc_buf_int128(b, r->top[i].revenue);
        mc_buf_char(b, ']');
    }
    mc_buf_char(b, ']');
}

/* The plain numbers, in the order of report.json; those before `users` stand before the counts by reason and type. */
static const struct figure {
    const char *key;
    size_t offset;
    bool wide; /* __int128, else uint64_t */
} figures[] = {
    {"rows", offsetof(struct mc_summary, rows), false},
    {"accepted", offsetof(struct mc_summary, accepted), false},
    {"late", offsetof(struct mc_summary, late), false},
    {"cart_full", offsetof(struct mc_summary, cart_full), false},
    {"users", offsetof(struct mc_summary, users), false},
    {"products", offsetof(struct mc_summary, products), false},
    {"visits", offsetof(struct mc_summary, visits), false},
    {"visits_with_cart", offsetof(struct mc_summary, visits_with_cart), false},
    {"visits_with_purchase", offsetof(struct mc_summary, visits_with_purchase), false},
    {"partial_visits", offsetof(struct mc_summary, partial_visits), false},
    {"abandoned_carts", offsetof(struct mc_summary, abandoned_carts), false},
    {"abandoned_value_minor", offsetof(struct mc_summary, abandoned_value), true},
    {"abandoned_items", offsetof(struct mc_summary, abandoned_items), true},
    {"units_sold", offsetof(struct mc_summary, units_sold), true},
    {"revenue_minor", offsetof(struct mc_summary, revenue), true},
    {"product_minutes", offsetof(struct mc_summary, product_minutes), false},
};

enum { FIGURES = sizeof figures / sizeof *figures, FIGURES_OF_ROWS = 4 };

static __int128 figure_value(const struct mc_summary *r, const struct figure *f) {
    const char *at = (const char *)r + f->offset;
    return f->wide ? *(const __int128 *)at : (__int128)*(const uint64_t *)at;
}

static void json_figures(struct mc_buf *b, const struct mc_summary *r, int first, int end) {
    for (int i = first; i < end; i++) {
        json_key(b, figures[i].key);
        mc_buf_int128(b, figure_value(r, &figures[i]));
    }
}

void mc_summary_json(struct mc_buf *b, const struct mc_summary *r) {
    mc_buf_char(b, '{');
    json_figures(b, r, 0, FIGURES_OF_ROWS);
    json_counts(b, "rejected", mc_reason_names, r->rejected, MC_ACCEPTED + 1, MC_REASONS, false);
    json_counts(b, "by_type", mc_event_type_names, r->by_type, 0, MC_EVENT_TYPES, true);
    json_figures(b, r, FIGURES_OF_ROWS, FIGURES);
    json_top(b, r);
    json_counts(b, "decisions", mc_decision_names, r->decisions, 0, MC_DECISIONS, false);
    mc_buf_text(b, "\n}\n");
}

/* ---- CSV ---- */

static void csv_figures(struct mc_buf *b, const struct mc_summary *r, int first, int end) {
    for (int i = first; i < end; i++) {
        mc_buf_printf(b, "%s,", figures[i].key);
        mc_buf_int128(b, figure_value(r, &figures[i]));
        mc_buf_char(b, '\n');
    }
}

static void csv_counts(struct mc_buf *b, const char *key, const char *const *names, const uint64_t *counts, int first,
                       int end) {
    for (int i = first; i < end; i++)
        mc_buf_printf(b, "%s.%s,%llu\n", key, names[i], (unsigned long long)counts[i]);
}

static void csv_top(struct mc_buf *b, const struct mc_summary *r) {
    for (uint32_t i = 0; i < r->top_count; i++) {
        mc_buf_printf(b, "top_products.%u.product_id,", i + 1);
        mc_buf_csv(b, r->top[i].product);
        mc_buf_printf(b, "\ntop_products.%u.units,", i + 1);
        mc_buf_int128(b, r->top[i].units);
        mc_buf_printf(b, "\ntop_products.%u.revenue_minor,", i + 1);
        mc_buf_int128(b, r->top[i].revenue);
        mc_buf_char(b, '\n');
    }
}

void mc_summary_csv(struct mc_buf *b, const struct mc_summary *r) {
    mc_buf_text(b, "figure,value\n");
    csv_figures(b, r, 0, FIGURES_OF_ROWS);
    csv_counts(b, "rejected", mc_reason_names, r->rejected, MC_ACCEPTED + 1, MC_REASONS);
    csv_counts(b, "by_type", mc_event_type_names, r->by_type, 0, MC_EVENT_TYPES);
    csv_figures(b, r, FIGURES_OF_ROWS, FIGURES);
    csv_top(b, r);
    csv_counts(b, "decisions", mc_decision_names, r->decisions, 0, MC_UNDECIDED);
}

/* ---- text ---- */

static void pad(struct mc_buf *b, size_t used, size_t width) {
    for (; used < width; used++)
        mc_buf_char(b, ' ');
}

/* "  label ......        value   note": value is freed and cleared here. */
static void line(struct mc_buf *b, int indent, struct mc_str label, struct mc_buf *value, const char *note) {
    size_t start = b->len;
    pad(b, 0, (size_t)indent);
    mc_show_text(b, label);
    pad(b, mc_show_width((struct mc_str){b->data + start, b->len - start}), LABEL_WIDTH);
    pad(b, mc_show_width(mc_buf_view(value)), VALUE_WIDTH);
    mc_buf_str(b, mc_buf_view(value));
    if (*note != '\0')
        mc_buf_printf(b, "  %s", note);
    mc_buf_char(b, '\n');
    b->failed |= value->failed;
    mc_buf_free(value);
}

static void count_line(struct mc_buf *b, int indent, const char *label, __int128 count, const char *note) {
    struct mc_buf value = {0};
    mc_show_count(&value, count);
    line(b, indent, mc_str_of(label), &value, note);
}

static void money_line(struct mc_buf *b, const char *label, __int128 minor, const char *currency) {
    struct mc_buf value = {0};
    mc_show_money(&value, minor, currency);
    line(b, 2, mc_str_of(label), &value, "");
}

static void share_line(struct mc_buf *b, int indent, const char *label, uint64_t part, uint64_t whole,
                       const char *of_what) {
    struct mc_buf note = {0};
    struct mc_buf share = {0};
    mc_show_percent(&share, part, whole);
    pad(&note, share.len, 7);
    mc_buf_str(&note, mc_buf_view(&share));
    mc_buf_text(&note, of_what);
    count_line(b, indent, label, part, mc_buf_cstr(&note));
    b->failed |= share.failed || note.failed;
    mc_buf_free(&share);
    mc_buf_free(&note);
}

static void rows_text(struct mc_buf *b, const struct mc_summary *r) {
    mc_buf_text(b, "Rows\n");
    count_line(b, 2, "read", r->rows, "");
    share_line(b, 2, "accepted", r->accepted, r->rows, "");
    share_line(b, 2, "rejected", mc_summary_rejected(r), r->rows, "");
    for (int i = MC_ACCEPTED + 1; i < MC_REASONS; i++)
        if (r->rejected[i] > 0)
            share_line(b, 4, mc_reason_names[i], r->rejected[i], r->rows, "");
    if (r->late > 0)
        share_line(b, 2, "late", r->late, r->accepted, " of the accepted: in sales, in no visit");
    if (r->cart_full > 0)
        count_line(b, 2, "left out of a full cart", r->cart_full, "");
}

static void events_text(struct mc_buf *b, const struct mc_summary *r) {
    static const char *const label[MC_EVENT_TYPES] = {"views", "put in a cart", "taken out of a cart", "purchases"};
    mc_buf_text(b, "\nEvents\n");
    for (int i = 0; i < MC_EVENT_TYPES; i++)
        share_line(b, 2, label[i], r->by_type[i], r->accepted, "");
    count_line(b, 2, "customers", r->users, "");
    count_line(b, 2, "products", r->products, "");
}

static void funnel_text(struct mc_buf *b, const struct mc_summary *r) {
    mc_buf_text(b, "\nFunnel\n");
    share_line(b, 2, "visits", r->visits, r->visits, "");
    share_line(b, 2, "with something put in a cart", r->visits_with_cart, r->visits, "");
    share_line(b, 2, "with a purchase", r->visits_with_purchase, r->visits, "");
    count_line(b, 2, "bought some, left some", r->partial_visits, "");
}

static void carts_text(struct mc_buf *b, const struct mc_summary *r, const char *currency) {
    mc_buf_text(b, "\nAbandoned carts\n");
    share_line(b, 2, "carts", r->abandoned_carts, r->visits_with_cart, " of the visits with a cart");
    money_line(b, "value", r->abandoned_value, currency);
    count_line(b, 2, "items left in them", r->abandoned_items, "");
    if (r->abandoned_carts > 0)
        mc_buf_text(b, "\nDecisions\n");
    for (int i = 0; i < MC_DECISIONS; i++)
        if (r->decisions[i] > 0)
            count_line(b, 2, mc_decision_names[i], r->decisions[i], mc_show_decision((enum mc_decision)i));
}

static void top_line(struct mc_buf *b, const struct mc_summary_product *p, const char *currency) {
    struct mc_buf value = {0}, note = {0};
    mc_show_money(&value, p->revenue, currency);
    mc_show_count(&note, p->units);
    mc_buf_text(&note, p->units == 1 ? " unit" : " units");
    line(b, 2, p->product, &value, mc_buf_cstr(&note));
    b->failed |= note.failed;
    mc_buf_free(&note);
}

static void sales_text(struct mc_buf *b, const struct mc_summary *r, const char *currency) {
    mc_buf_text(b, "\nSales\n");
    money_line(b, "revenue", r->revenue, currency);
    count_line(b, 2, "units", r->units_sold, "");
    if (r->top_count > 0)
        mc_buf_text(b, "\nBest products\n");
    for (uint32_t i = 0; i < r->top_count; i++)
        top_line(b, &r->top[i], currency);
}

void mc_summary_text(struct mc_buf *b, const struct mc_summary *r, const char *currency) {
    rows_text(b, r);
    events_text(b, r);
    funnel_text(b, r);
    carts_text(b, r, currency);
    sales_text(b, r, currency);
}

static void nonzero_line(struct mc_buf *b, const char *label, uint64_t count, const char *note) {
    if (count > 0)
        count_line(b, 2, label, count, note);
}

static void messages_text(struct mc_buf *b, const struct mc_summary_outreach *o) {
    mc_buf_text(b, "\nMessages\n");
    count_line(b, 2, "sent", o->sent, "");
    count_line(b, 2, "waiting", o->waiting, "");
    nonzero_line(b, "withheld", o->withheld, "something changed before they were due");
    nonzero_line(b, "  too late", o->withheld_too_late, "not handed over within mail.too_late_after");
    nonzero_line(b, "  for want of a coupon", o->withheld_no_coupon, "no code was left: maxcart coupons import");
    nonzero_line(b, "without a coupon", o->without_coupon, "no code was left: maxcart coupons import");
    nonzero_line(b, "bounced", o->bounced, "the mail server refused them for good");
    nonzero_line(b, "unknown", o->unknown, "the mail server's answer was lost");
    nonzero_line(b, "failed", o->failed, "given up: maxcart why says the reason");
    if (o->coupons_free + o->coupons_taken > 0) {
        count_line(b, 2, "coupons left", o->coupons_free, "");
        count_line(b, 2, "coupons given", o->coupons_taken, "");
    }
}

static void put_seconds(struct mc_buf *b, int64_t us) {
    mc_buf_printf(b, "%lld.%03lld s", (long long)(us / 1000000), (long long)(us % 1000000 / 1000));
}

/* "the last 24 hours: half within 0.120 s, 99 % within 0.310 s, the slowest 0.450 s" */
static void day_text(struct mc_buf *b, const struct mc_summary_outreach *o) {
    if (o->day_count == 0)
        return;
    mc_buf_text(b, "  the last 24 hours: half within ");
    put_seconds(b, o->day_p50_us);
    mc_buf_text(b, ", 99 % within ");
    put_seconds(b, o->day_p99_us);
    mc_buf_text(b, ", the slowest ");
    put_seconds(b, o->day_max_us);
    mc_buf_char(b, '\n');
}

static void promise_text(struct mc_buf *b, const uint64_t *promise) {
    static const char *const label[MC_SUMMARY_PROMISE_BUCKETS] = {"within 1 s",   "within 10 s", "within 1 min",
                                                                  "within 3 min", "within 1 h",  "later"};
    uint64_t all = 0;
    for (int i = 0; i < MC_SUMMARY_PROMISE_BUCKETS; i++)
        all += promise[i];
    if (all == 0)
        return;
    mc_buf_text(b, "\nFrom due to handed over\n");
    for (int i = 0; i < MC_SUMMARY_PROMISE_BUCKETS; i++)
        share_line(b, 2, label[i], promise[i], all, "");
}

void mc_summary_outreach_text(struct mc_buf *b, const struct mc_summary_outreach *o, const char *currency) {
    messages_text(b, o);
    promise_text(b, o->promise);
    day_text(b, o);
    if (o->written_to + o->in_control == 0)
        return;
    mc_buf_text(b, "\nRecovered\n");
    count_line(b, 2, "carts written to", o->written_to, "");
    share_line(b, 4, "recovered", o->recovered_send, o->written_to, "");
    money_line(b, "  value", o->recovered_send_minor, currency);
    count_line(b, 2, "carts in the control group", o->in_control, "");
    share_line(b, 4, "recovered", o->recovered_holdout, o->in_control, "");
    money_line(b, "  value", o->recovered_holdout_minor, currency);
}

void mc_summary_checks_text(struct mc_buf *b, const struct mc_summary_check *checks, size_t count) {
    static const char *const words[] = {[MC_CHECK_OK] = "OK", [MC_CHECK_BROKEN] = "BROKEN", [MC_CHECK_NONE] = "n/a"};
    mc_buf_text(b, "\nChecks\n");
    for (size_t i = 0; i < count; i++)
        mc_buf_printf(b, "  %-6s  %s%s%s\n", words[checks[i].result], checks[i].rule,
                      checks[i].detail[0] != '\0' ? ": " : "", checks[i].detail);
}

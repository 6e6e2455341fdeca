/* From the fields of a row to an event: the checks of SEMANTICS 2 in their order, from bad_time to bad_currency.
 *
 * Shared by the decoders and inlined into their loops: what a loop knows of its fields then costs nothing, and the
 * usual form of each value is told by a look or two. What is unusual goes to the parsers of base/time.h, price.h and
 * fields.h, whose answer the quick looks give too (test/event/csv_test.c compares them).
 */
#ifndef MC_EVENT_CHECKS_H
#define MC_EVENT_CHECKS_H

#include "event/fields.h"
#include "event/price.h"

/* Inlined into loops that know some of its arguments: what they know then costs nothing. */
#define MC_INLINED static inline __attribute__((always_inline))

static inline struct mc_slice mc_slice_trim(const char *bytes, struct mc_slice s) {
    /* Bytes above the space are the rule: one look at both ends settles most fields. */
    if (s.len == 0 || ((unsigned char)bytes[s.offset] > ' ' && (unsigned char)bytes[s.offset + s.len - 1] > ' '))
        return s;
    struct mc_str t = mc_str_trim(mc_slice_str(bytes, s));
    return (struct mc_slice){t.len ? (uint32_t)(t.data - bytes) : s.offset, (uint32_t)t.len};
}

static inline unsigned mc_check_digit(char c) {
    return (unsigned)(unsigned char)c - '0';
}

/* What may stand behind the seconds for the instant to be UTC, by the byte between date and time. */
static inline bool mc_check_is_utc_rest(const char *text, size_t len) {
    bool is_z = len == 20 && text[19] == 'Z';
    return text[10] == 'T' ? is_z : len == 19 || is_z || (len == 23 && memcmp(text + 19, " UTC", 4) == 0);
}

/* ".ddd" and Z behind the seconds, as browsers write it: above 999 if it is anything else. */
static inline unsigned mc_check_milliseconds(const char *text, size_t len) {
    if (len != 24 || text[19] != '.' || text[23] != 'Z')
        return 1000;
    unsigned a = mc_check_digit(text[20]), b = mc_check_digit(text[21]), c = mc_check_digit(text[22]);
    return a <= 9 && b <= 9 && c <= 9 ? a * 100 + b * 10 + c : 1000;
}

static inline bool mc_check_same_minute(const struct mc_checks *k, const char *text) {
    return memcmp(text, k->minute_text, sizeof k->minute_text) == 0;
}

/* Rows come nearly sorted: most share the minute of the row before, and only the seconds are read. */
static inline bool mc_check_time(struct mc_checks *k, struct mc_str text, struct mc_time *out) {
    if (text.len >= 19 && k->minute_us != MC_TIME_NONE_US && mc_check_same_minute(k, text.data) &&
        text.data[16] == ':') {
        unsigned tens = mc_check_digit(text.data[17]), ones = mc_check_digit(text.data[18]), ms;
        bool is_utc = mc_check_is_utc_rest(text.data, text.len);
        ms = is_utc ? 0 : mc_check_milliseconds(text.data, text.len);
        if (tens <= 5 && ones <= 9 && ms <= 999) {
            out->us = k->minute_us + (int64_t)(tens * 10 + ones) * MC_SECOND_US + (int64_t)ms * 1000;
            return true;
        }
    }
    if (!mc_time_parse(text, out))
        return false;
    if (text.len >= 19 &&
        (mc_check_is_utc_rest(text.data, text.len) || mc_check_milliseconds(text.data, text.len) <= 999)) {
        memcpy(k->minute_text, text.data, sizeof k->minute_text);
        k->minute_us = out->us - out->us % MC_MINUTE_US;
    }
    return true;
}

/* Lower case, as nearly always, is told by length and a comparison of fixed size. */
static inline bool mc_check_type(struct mc_str text, uint8_t *type) {
    if (text.len == 4 && memcmp(text.data, "view", 4) == 0)
        *type = MC_VIEW;
    else if (text.len == 4 && memcmp(text.data, "cart", 4) == 0)
        *type = MC_CART;
    else if (text.len == 16 && memcmp(text.data, "remove_from_cart", 16) == 0)
        *type = MC_REMOVE_FROM_CART;
    else if (text.len == 8 && memcmp(text.data, "purchase", 8) == 0)
        *type = MC_PURCHASE;
    else
        return mc_event_type_parse(text, type);
    return true;
}

/* The form of nearly every price: up to seven digits, then nothing or a point and one or two digits. */
static inline bool mc_check_usual_price(struct mc_str text, int64_t *price) {
    size_t i = 0;
    int64_t value = 0;
    for (unsigned digit; i < text.len && i < 7 && (digit = mc_check_digit(text.data[i])) <= 9; i++)
        value = value * 10 + digit;
    size_t rest = text.len - i;
    if (i == 0 || rest == 1 || rest > 3 || (rest > 1 && text.data[i] != '.'))
        return false;
    unsigned tenths = rest > 1 ? mc_check_digit(text.data[i + 1]) : 0,
             hundredths = rest > 2 ? mc_check_digit(text.data[i + 2]) : 0;
    *price = value * 100 + tenths * 10 + hundredths;
    return tenths <= 9 && hundredths <= 9;
}

static inline bool mc_check_price_or_none(struct mc_str text, int64_t *price) {
    if (mc_check_usual_price(text, price))
        return true;
    *price = MC_PRICE_NONE;
    return text.len == 0 || mc_price_parse(text, price);
}

/* One look tells of nearly every row that none is missing or too long. */
static inline enum mc_reason mc_check_lengths(const struct mc_event *ev) {
    uint32_t ids = (ev->product.len - 1) | (ev->user.len - 1) | (ev->session.len - 1);
    uint32_t texts =
        ev->category_id.len | ev->category_code.len | ev->brand.len | ev->order_id.len | ev->message_id.len;
    return ids < MC_ID_BYTES_MAX && texts < MC_TEXT_BYTES_MAX ? MC_ACCEPTED : mc_event_check_lengths(ev);
}

static inline enum mc_reason mc_check_price(const struct mc_event *ev) {
    if (ev->price == MC_PRICE_NONE)
        return ev->type == MC_CART || ev->type == MC_PURCHASE ? MC_MISSING_PRICE : MC_ACCEPTED;
    return ev->price < 0 ? MC_NEGATIVE_PRICE : MC_ACCEPTED;
}

/* All fields trimmed: `edges` false says that none needs it. */
MC_INLINED void mc_fields_trim(const char *bytes, struct mc_fields *f, bool edges) {
    for (int c = 0; edges && c < MC_COLUMNS; c++)
        f->of[c] = mc_slice_trim(bytes, f->of[c]);
}

MC_INLINED void mc_event_set_strings(struct mc_event *ev, const struct mc_fields *f) {
    ev->product = f->of[MC_COLUMN_PRODUCT_ID];
    ev->user = f->of[MC_COLUMN_USER_ID];
    ev->session = f->of[MC_COLUMN_USER_SESSION];
    ev->category_id = f->of[MC_COLUMN_CATEGORY_ID];
    ev->category_code = f->of[MC_COLUMN_CATEGORY_CODE];
    ev->brand = f->of[MC_COLUMN_BRAND];
    ev->order_id = f->of[MC_COLUMN_ORDER_ID];
    ev->message_id = f->of[MC_COLUMN_MESSAGE_ID];
}

MC_INLINED void mc_event_set_hashes(struct mc_event *ev, const char *bytes) {
    ev->product_hash = mc_hash64(bytes + ev->product.offset, ev->product.len);
    ev->user_hash = mc_hash64(bytes + ev->user.offset, ev->user.len);
    ev->session_hash = mc_hash64(bytes + ev->session.offset, ev->session.len);
}

MC_INLINED struct mc_str mc_field_text(const char *bytes, const struct mc_fields *f, enum mc_column column) {
    return mc_slice_str(bytes, f->of[column]);
}

/* The checks from missing_product on, of trimmed fields and an event whose time and type are set; fills the rest of it
 * but for its shape, which is the decoder's. */
MC_INLINED enum mc_reason mc_fields_check_values(const struct mc_checks *k, const char *bytes,
                                                 const struct mc_fields *f, struct mc_event *ev) {
    mc_event_set_strings(ev, f);
    enum mc_reason reason = mc_check_lengths(ev);
    if (reason != MC_ACCEPTED)
        return reason;
    if (!mc_check_price_or_none(mc_field_text(bytes, f, MC_COLUMN_PRICE), &ev->price))
        return MC_BAD_PRICE;
    reason = mc_check_price(ev);
    if (reason != MC_ACCEPTED)
        return reason;
    struct mc_str quantity = mc_field_text(bytes, f, MC_COLUMN_QUANTITY),
                  currency = mc_field_text(bytes, f, MC_COLUMN_CURRENCY);
    ev->quantity = 1;
    if (quantity.len > 0 && !mc_quantity_parse(quantity, &ev->quantity))
        return MC_BAD_QUANTITY;
    if (currency.len > 0 && k->currency.len > 0 && !mc_str_equal(currency, k->currency))
        return MC_BAD_CURRENCY;
    mc_event_set_hashes(ev, bytes);
    return MC_ACCEPTED;
}

/* All checks, likewise. */
MC_INLINED enum mc_reason mc_fields_check(struct mc_checks *k, const char *bytes, const struct mc_fields *f,
                                          struct mc_event *ev) {
    if (!mc_check_time(k, mc_field_text(bytes, f, MC_COLUMN_EVENT_TIME), &ev->time))
        return MC_BAD_TIME;
    if (!mc_check_type(mc_field_text(bytes, f, MC_COLUMN_EVENT_TYPE), &ev->type))
        return MC_UNKNOWN_TYPE;
    return mc_fields_check_values(k, bytes, f, ev);
}

#endif

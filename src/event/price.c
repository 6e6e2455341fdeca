#include "event/price.h"

/* MC_PRICE_MAX has 13 digits: more integer digits than that never fit. */
enum { PRICE_DIGITS_MAX = 13 };

/* Beyond it an exponent has decided the result: rows are at most 65,536 bytes, so digits cannot make up for it. */
#define EXPONENT_SATURATED ((int64_t)1 << 40)

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The digits of a mantissa, without its point: value = digits x 10^-fraction_digits. */
struct mantissa {
    const char *start; /* first byte that is a digit or the point */
    size_t len;        /* bytes, the point among them */
    int64_t fraction_digits;
};

/* The i-th digit, the point skipped. */
static int digit_at(const struct mantissa *m, size_t i) {
    size_t whole = m->len - (size_t)m->fraction_digits;
    bool has_point = whole > 0 && m->start[whole - 1] == '.';
    if (has_point)
        whole--;
    return m->start[i < whole ? i : i + (size_t)has_point] - '0';
}

static bool take_mantissa(struct mc_str *s, struct mantissa *m) {
    size_t i = 0, digits = 0;
    bool point = false;
    for (; i < s->len; i++) {
        if (is_digit(s->data[i]))
            digits++, m->fraction_digits += point;
        else if (s->data[i] == '.' && !point)
            point = true;
        else
            break;
    }
    m->start = s->data;
    m->len = i;
    s->data += i;
    s->len -= i;
    return digits > 0;
}

static bool take_exponent(struct mc_str s, int64_t *exponent) {
    *exponent = 0;
    if (s.len == 0)
        return true;
    if (s.data[0] != 'e' && s.data[0] != 'E')
        return false;
    size_t i = 1;
    bool negative = i < s.len && s.data[i] == '-';
    if (i < s.len && (s.data[i] == '-' || s.data[i] == '+'))
        i++;
    if (i == s.len)
        return false;
    for (; i < s.len; i++) {
        if (!is_digit(s.data[i]))
            return false;
        if (*exponent < EXPONENT_SATURATED)
            *exponent = *exponent * 10 + (s.data[i] - '0');
    }
    if (negative)
        *exponent = -*exponent;
    return true;
}

/* Rounds what stands behind the first `kept` digits, half to even. */
static bool rounds_up(const struct mantissa *m, size_t kept, size_t digits, bool odd) {
    if (kept >= digits)
        return false;
    int first = digit_at(m, kept);
    if (first != 5)
        return first > 5;
    for (size_t i = kept + 1; i < digits; i++)
        if (digit_at(m, i) != 0)
            return true;
    return odd;
}

/* digits x 10^scale as an integer, rounded; scale may be any size. */
static bool scaled(const struct mantissa *m, int64_t scale, int64_t *out) {
    bool has_point = memchr(m->start, '.', m->len) != NULL;
    size_t digits = m->len - has_point, lead = 0;
    while (lead < digits && digit_at(m, lead) == 0)
        lead++;
    *out = 0;
    if (lead == digits)
        return true;
    int64_t whole = (int64_t)(digits - lead) + scale; /* digits before the rounding point */
    if (whole > PRICE_DIGITS_MAX)
        return false;
    if (whole < 0)
        return true;
    size_t kept = lead + (size_t)whole;
    for (size_t i = lead; i < kept; i++)
        *out = *out * 10 + (i < digits ? digit_at(m, i) : 0);
    *out += rounds_up(m, kept, digits, *out & 1);
    return *out <= MC_PRICE_MAX;
}

bool mc_price_parse(struct mc_str text, int64_t *minor) {
    if (text.len == 0)
        return false;
    bool negative = text.data[0] == '-';
    if (negative || text.data[0] == '+')
        text.data++, text.len--;
    struct mantissa m = {0};
    int64_t exponent, magnitude;
    if (!take_mantissa(&text, &m) || !take_exponent(text, &exponent) ||
        !scaled(&m, exponent - m.fraction_digits + 2, &magnitude))
        return false;
    *minor = negative ? -magnitude : magnitude;
    return true;
}

bool mc_quantity_parse(struct mc_str text, int32_t *quantity) {
    int32_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        value = value * 10 + (text.data[i] - '0');
        if (value > MC_QUANTITY_MAX)
            return false;
    }
    *quantity = value;
    return value >= 1;
}

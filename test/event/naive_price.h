/* Prices a second time, on strings of digits: slow, and written from SEMANTICS 1 alone. For tests and fuzzing. */
#ifndef MC_TEST_EVENT_NAIVE_PRICE_H
#define MC_TEST_EVENT_NAIVE_PRICE_H

#include "base/str.h"

#include <stdlib.h>

/* `text` is [digits][.digits] from here; gives the digits, and how many of them stand before the point. */
static inline size_t naive_mantissa(struct mc_str *text, char *digits, size_t *whole) {
    size_t count = 0;
    bool point = false;
    *whole = 0;
    while (text->len > 0 && ((*text->data >= '0' && *text->data <= '9') || (*text->data == '.' && !point))) {
        if (*text->data == '.')
            point = true;
        else
            digits[count++] = *text->data, *whole += !point;
        text->data++;
        text->len--;
    }
    return count;
}

static inline bool naive_exponent(struct mc_str text, long *exponent) {
    *exponent = 0;
    if (text.len == 0)
        return true;
    bool negative = text.len > 1 && text.data[1] == '-', has_sign = text.len > 1 && (negative || text.data[1] == '+');
    if ((*text.data != 'e' && *text.data != 'E') || text.len < (size_t)2 + has_sign)
        return false;
    for (size_t i = (size_t)1 + has_sign; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (*exponent < 100000000) /* no text has as many digits */
            *exponent = *exponent * 10 + text.data[i] - '0';
    }
    *exponent = negative ? -*exponent : *exponent;
    return true;
}

/* The number 0.DIGITS x 10^point, rounded to an integer, half to even; false when it is above 10^12. The decimal
 * expansion is written out: `point` digits, filled with zeros on either side. */
static inline bool naive_round(const char *digits, size_t count, long point, int64_t *out) {
    size_t first = 0;
    while (first < count && digits[first] == '0')
        first++, point--;
    *out = 0;
    if (first == count || point < -1)
        return true;
    if (point > 15)
        return false;
    char whole[17] = "0"; /* one digit in front for a carry */
    for (long i = 0; i < point; i++)
        whole[i + 1] = first + (size_t)i < count ? digits[first + (size_t)i] : '0';
    size_t length = point > 0 ? (size_t)point + 1 : 1;
    int half = -1; /* the rest compared with a half */
    size_t rest = first + (size_t)(point > 0 ? point : 0);
    if (point >= 0 && rest < count && digits[rest] >= '5') {
        half = digits[rest] > '5';
        for (size_t i = rest + 1; i < count && half == 0; i++)
            half = digits[i] != '0';
    }
    if (half > 0 || (half == 0 && (whole[length - 1] - '0') % 2 == 1)) {
        size_t i = length - 1;
        for (; whole[i] == '9'; i--)
            whole[i] = '0';
        whole[i]++;
    }
    for (size_t i = 0; i < length; i++)
        *out = *out * 10 + (whole[i] - '0');
    return *out <= 1000000000000;
}

static inline bool naive_price(struct mc_str text, int64_t *minor) {
    bool negative = text.len > 0 && *text.data == '-';
    if (text.len > 0 && (negative || *text.data == '+'))
        text.data++, text.len--;
    char *digits = malloc(text.len + 1);
    size_t whole, count = naive_mantissa(&text, digits, &whole);
    long exponent;
    bool good =
        count > 0 && naive_exponent(text, &exponent) && naive_round(digits, count, (long)whole + exponent + 2, minor);
    free(digits);
    if (good && negative)
        *minor = -*minor;
    return good;
}

#endif

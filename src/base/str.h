/* A borrowed run of bytes: not NUL-terminated, not owned. Strings compare by their bytes (SEMANTICS, first lines). */
#ifndef MC_BASE_STR_H
#define MC_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mc_str {
    const char *data; /* may be NULL when len is 0 */
    size_t len;       /* bytes */
};

#define MC_STR(literal) ((struct mc_str){"" literal, sizeof(literal) - 1})

static inline struct mc_str mc_str_of(const char *text) {
    return (struct mc_str){text, text ? strlen(text) : 0};
}

/* Like memcmp(..) == 0 without a call: ids are short. Words of 8, the last one overlapping. */
static inline bool mc_bytes_equal(const char *a, const char *b, size_t len) {
    uint64_t x, y;
    if (len < sizeof x) {
        for (size_t i = 0; i < len; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; i < len - sizeof x; i += sizeof x) {
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        if (x != y)
            return false;
    }
    memcpy(&x, a + len - sizeof x, sizeof x);
    memcpy(&y, b + len - sizeof y, sizeof y);
    return x == y;
}

static inline bool mc_str_equal(struct mc_str a, struct mc_str b) {
    return a.len == b.len && mc_bytes_equal(a.data, b.data, a.len);
}

/* <0, 0, >0 as a sorts before, with or after b; a prefix sorts first. */
static inline int mc_str_compare(struct mc_str a, struct mc_str b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* value < 100 as two decimal digits. */
static inline void mc_put_two_digits(char *out, unsigned value) {
    static const char pairs[201] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    memcpy(out, pairs + 2 * (size_t)value, 2);
}

/* The six bytes that SEMANTICS 1 trims: space, \t, \n, \v, \f, \r. */
static inline bool mc_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline struct mc_str mc_str_trim(struct mc_str s) {
    while (s.len > 0 && mc_is_space(s.data[0]))
        s.data++, s.len--;
    while (s.len > 0 && mc_is_space(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* Equal when ASCII letters' case is ignored. */
bool mc_str_equal_nocase(struct mc_str a, struct mc_str b);

/* Strict UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */
bool mc_str_is_utf8(struct mc_str s);

#endif

#include "base/str.h"

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool mc_str_equal_nocase(struct mc_str a, struct mc_str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

/* Length of the well-formed sequence at p, 0 if there is none: table 3-7 of the Unicode standard. */
static size_t sequence_length(const unsigned char *p, size_t left) {
    unsigned char first = p[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                    : (first & 0xF0) == 0xE0         ? 3
                    : first >= 0xF0 && first <= 0xF4 ? 4
                                                     : 0;
    if (length == 0 || length > left)
        return 0;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool mc_str_is_utf8(struct mc_str s) {
    for (size_t i = 0; i < s.len;) {
        size_t length = sequence_length((const unsigned char *)s.data + i, s.len - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

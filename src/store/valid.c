/* What may stand in a header, a link, an SMTP command: checked once, when it comes in. */
#include "store/people.h"

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5322 atext. */
static bool is_atext(char c) {
    return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool dot_atom(struct mc_str s) {
    if (s.len == 0 || s.len > 64 || s.data[0] == '.' || s.data[s.len - 1] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '.' ? s.data[i + 1] == '.' : !is_atext(s.data[i]))
            return false;
    return true;
}

static bool label(struct mc_str s) {
    if (s.len == 0 || s.len > 63 || s.data[0] == '-' || s.data[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.data[i]) && s.data[i] != '-')
            return false;
    return true;
}

static bool host(struct mc_str s) {
    size_t labels = 0;
    if (s.len > 253)
        return false;
    for (;; labels++) {
        const char *dot = s.len > 0 ? memchr(s.data, '.', s.len) : NULL;
        size_t len = dot != NULL ? (size_t)(dot - s.data) : s.len;
        if (!label((struct mc_str){s.data, len}))
            return false;
        if (dot == NULL)
            return labels > 0;
        s.data += len + 1;
        s.len -= len + 1;
    }
}

bool mc_email_is_valid(struct mc_str email) {
    const char *at = email.len > 0 ? memchr(email.data, '@', email.len) : NULL;
    if (at == NULL || email.len > MC_EMAIL_BYTES_MAX)
        return false;
    size_t before = (size_t)(at - email.data);
    return dot_atom((struct mc_str){email.data, before}) && host((struct mc_str){at + 1, email.len - before - 1});
}

bool mc_text_is_line(struct mc_str text, size_t bytes_max) {
    if (text.len > bytes_max || !mc_str_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char *p = (const unsigned char *)text.data + i;
        if (p[0] < 0x20 || p[0] == 0x7F || (p[0] == 0xC2 && p[1] < 0xA0))
            return false;
        if (p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9))
            return false;
    }
    return true;
}

bool mc_url_is_valid(struct mc_str url) {
    struct mc_str http = MC_STR("http://"), https = MC_STR("https://");
    struct mc_str *scheme = url.len > https.len && memcmp(url.data, https.data, https.len) == 0 ? &https
                            : url.len > http.len && memcmp(url.data, http.data, http.len) == 0  ? &http
                                                                                                : NULL;
    if (scheme == NULL || url.len > MC_URL_BYTES_MAX || !is_alnum(url.data[scheme->len]))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.data[i] <= ' ' || url.data[i] > '~' || strchr("\"'<>\\`", url.data[i]) != NULL)
            return false;
    return true;
}

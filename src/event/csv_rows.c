/* Where rows of CSV begin and end: the exact, byte-by-byte rules of SEMANTICS 1, "Rows of CSV". */
#include "event/csv.h"

static struct mc_row_bounds unfinished(void) {
    return (struct mc_row_bounds){.state = MC_ROW_UNFINISHED};
}

/* The row is bad: it is its first physical line. */
static struct mc_row_bounds bad(const char *bytes, size_t len, bool last) {
    const char *feed = memchr(bytes, '\n', len);
    if (feed == NULL && !last)
        return unfinished();
    size_t content = feed ? (size_t)(feed - bytes) : len;
    size_t end = feed ? content + 1 : len;
    if (feed != NULL && content > 0 && bytes[content - 1] == '\r')
        content--;
    return (struct mc_row_bounds){MC_ROW_BAD, content, end};
}

/* A terminator or the end of the input stands at bytes[at]. */
static struct mc_row_bounds good(const char *bytes, size_t len, bool last, size_t at) {
    size_t end = at < len ? at + 1 : len;
    size_t content = at;
    if (at < len && at > 0 && bytes[at - 1] == '\r')
        content--;
    if (content > MC_ROW_BYTES_MAX)
        return bad(bytes, len, last);
    return (struct mc_row_bounds){MC_ROW_GOOD, content, end};
}

/* Moves *at from an opening quote to behind the quote that closes it; false when none does in these bytes. */
static bool skip_quoted(const char *bytes, size_t len, size_t *at) {
    size_t i = *at + 1;
    const char *quote;
    while (i < len && (quote = memchr(bytes + i, '"', len - i)) != NULL) {
        i = (size_t)(quote - bytes) + 1;
        if (i == len || bytes[i] != '"') {
            *at = i;
            return true;
        }
        i++;
    }
    return false;
}

/* Behind an unquoted field: at the comma, LF, stray quote, or `len`. */
static size_t skip_plain(const char *bytes, size_t len, size_t at) {
    while (at < len && bytes[at] != ',' && bytes[at] != '\n' && bytes[at] != '"')
        at++;
    return at;
}

/* Moves *at from the start of a field to the byte that ends it; false when these bytes do not tell where that is. */
static bool skip_field(const char *bytes, size_t len, bool whole, size_t *at) {
    if (*at == len || bytes[*at] != '"') {
        *at = skip_plain(bytes, len, *at);
        return *at < len || whole;
    }
    if (!skip_quoted(bytes, len, at))
        return false;
    bool carriage_return = *at < len && bytes[*at] == '\r';
    if (*at + carriage_return == len)
        return whole;
    if (carriage_return && bytes[*at + 1] == '\n')
        ++*at;
    return true;
}

struct mc_row_bounds mc_csv_row(const char *bytes, size_t len, bool last) {
    /* No good row needs more bytes than its content, a CR and an LF: what lies beyond is not looked at. */
    size_t seen = len < MC_ROW_BYTES_MAX + 2 ? len : MC_ROW_BYTES_MAX + 2;
    bool whole = last && seen == len;
    size_t at = 0;
    while (skip_field(bytes, seen, whole, &at)) {
        if (at == seen || bytes[at] == '\n')
            return good(bytes, len, last, at);
        if (bytes[at] != ',')
            return bad(bytes, len, last);
        at++;
    }
    return last || seen == MC_ROW_BYTES_MAX + 2 ? bad(bytes, len, last) : unfinished();
}

size_t mc_csv_whole_rows(const char *bytes, size_t len, bool last) {
    if (len == 0 || memchr(bytes, '"', len) == NULL) {
        const char *feed = last ? NULL : memrchr(bytes, '\n', len);
        return last ? len : feed ? (size_t)(feed - bytes) + 1 : 0;
    }
    size_t whole = 0;
    while (whole < len) {
        struct mc_row_bounds row = mc_csv_row(bytes + whole, len - whole, last);
        if (row.state == MC_ROW_UNFINISHED)
            break;
        whole += row.end;
    }
    return whole;
}

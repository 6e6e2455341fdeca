/* Rows of CSV a second time: one byte after the other, straight from SEMANTICS 1. For tests and fuzzing. */
#ifndef MC_TEST_EVENT_NAIVE_ROWS_H
#define MC_TEST_EVENT_NAIVE_ROWS_H

#include "base/buf.h"

#include <stdlib.h>

enum { NAIVE_ROW_BYTES_MAX = 65536 };

struct naive_row {
    size_t start, content, end; /* of the row in the input; content is without the terminator */
    bool quoted_well;           /* else it is a physical line, and has no fields */
    uint32_t fields;
    struct mc_buf text; /* of all fields, unescaped, one behind the other */
    size_t *field_end;  /* where each ends in it */
    size_t field_cap;
};

static inline void naive_row_free(struct naive_row *row) {
    mc_buf_free(&row->text);
    free(row->field_end);
    *row = (struct naive_row){0};
}

static inline void naive_end_field(struct naive_row *row) {
    if (row->fields == row->field_cap) {
        row->field_cap = row->field_cap ? row->field_cap * 2 : 16;
        row->field_end = realloc(row->field_end, row->field_cap * sizeof *row->field_end);
    }
    row->field_end[row->fields++] = row->text.len;
}

static inline struct mc_str naive_field(const struct naive_row *row, uint32_t i) {
    size_t from = i ? row->field_end[i - 1] : 0;
    return (struct mc_str){row->text.data + from, row->field_end[i] - from};
}

/* One quoted field from its opening quote; false when it is not closed. *at ends behind the closing quote. */
static inline bool naive_quoted(const char *s, size_t len, size_t *at, struct mc_buf *text) {
    for (++*at; *at < len; ++*at) {
        if (s[*at] == '"' && *at + 1 < len && s[*at + 1] == '"')
            ++*at;
        else if (s[*at] == '"')
            return ++*at, true;
        mc_buf_char(text, s[*at]);
    }
    return false;
}

/* The row at row->start if it is well quoted and not too long. */
static inline bool naive_whole(const char *s, size_t len, struct naive_row *row) {
    size_t i = row->start;
    for (;;) {
        bool quoted = i < len && s[i] == '"';
        if (quoted && !naive_quoted(s, len, &i, &row->text))
            return false;
        while (!quoted && i < len && s[i] != ',' && s[i] != '\n' && s[i] != '"')
            mc_buf_char(&row->text, s[i++]);
        bool crlf = quoted ? i + 1 < len && s[i] == '\r' && s[i + 1] == '\n'
                           : i < len && s[i] == '\n' && i > row->start && s[i - 1] == '\r';
        if (crlf && !quoted) {
            row->text.len -= row->text.len > (row->fields ? row->field_end[row->fields - 1] : 0);
            i--;
        }
        naive_end_field(row);
        row->content = i - row->start;
        row->end = i == len ? len : i + 1 + crlf;
        if (i == len || crlf || s[i] == '\n')
            return row->content <= NAIVE_ROW_BYTES_MAX;
        if (s[i++] != ',')
            return false;
    }
}

/* Reads the row that starts at s[start]; reuses the row's memory. */
static inline void naive_row_read(const char *s, size_t len, size_t start, struct naive_row *row) {
    row->start = start;
    row->fields = 0;
    row->text.len = 0;
    mc_buf_reserve(&row->text, 1);
    row->quoted_well = naive_whole(s, len, row);
    if (row->quoted_well)
        return;
    size_t i = start;
    while (i < len && s[i] != '\n')
        i++;
    row->end = i < len ? i + 1 : len;
    row->content = i - start - (i < len && i > start && s[i - 1] == '\r');
    row->fields = 0;
}

#endif

#include "lake/print.h"

#include "base/mem.h"
#include "base/wire.h"

enum { NULL_LEN = UINT32_MAX };

/* ---- names ---- */

static struct mc_str next_name(const struct mc_print *p, size_t *at) {
    struct mc_str name = mc_str_of(p->names.data + *at);
    *at += name.len + 1;
    return name;
}

static bool keep_columns(struct mc_print *p, const struct mc_str *names, const enum mc_lake_cell *kinds, size_t count) {
    p->count = count;
    p->kinds = mc_calloc(count + 1, sizeof *p->kinds);
    p->widths = mc_calloc(count + 1, sizeof *p->widths);
    for (size_t i = 0; i < count; i++) {
        mc_buf_str(&p->names, names[i]);
        mc_buf_char(&p->names, '\0');
    }
    if (p->kinds == NULL || p->widths == NULL || p->names.failed) {
        p->out->failed = true;
        return false;
    }
    memcpy(p->kinds, kinds, count * sizeof *kinds);
    return true;
}

/* ---- one value ---- */

/* A line of a table or of Markdown stays one line. */
static void put_flat(struct mc_buf *b, struct mc_str s, bool markdown) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (markdown && (c == '|' || c == '\\'))
            mc_buf_char(b, '\\');
        mc_buf_char(b, (unsigned char)c < ' ' || c == 0x7f ? ' ' : c);
    }
}

static bool is_json_number(struct mc_str s) {
    char last = s.len > 0 ? s.data[s.len - 1] : 'n';
    return (last >= '0' && last <= '9') || last == '.'; /* not nan, inf */
}

static void put_json(struct mc_buf *b, const struct mc_lake_value *v, enum mc_lake_cell kind) {
    if (v->is_null || (kind == MC_LAKE_NUMBER && !is_json_number(v->text)))
        mc_buf_text(b, "null");
    else if (kind == MC_LAKE_NUMBER || kind == MC_LAKE_BOOL || kind == MC_LAKE_JSON)
        mc_buf_str(b, v->text);
    else
        mc_buf_json(b, v->text);
}

/* Characters, not bytes: good for most scripts. */
static size_t width_of(struct mc_str s) {
    size_t width = 0;
    for (size_t i = 0; i < s.len; i++)
        width += (s.data[i] & 0xC0) != 0x80;
    return width;
}

static void put_padded(struct mc_buf *b, struct mc_str s, size_t width, bool right) {
    size_t pad = width > width_of(s) ? width - width_of(s) : 0;
    for (size_t i = 0; right && i < pad; i++)
        mc_buf_char(b, ' ');
    put_flat(b, s, false);
    for (size_t i = 0; !right && i < pad; i++)
        mc_buf_char(b, ' ');
}

/* ---- a table ---- */

static void put_cell(struct mc_print *p, size_t column, struct mc_str text) {
    bool right = p->kinds[column] == MC_LAKE_NUMBER;
    bool last = column + 1 == p->count;
    put_padded(p->out, text, last && !right ? 0 : p->widths[column], right);
    mc_buf_text(p->out, last ? "\n" : "  ");
}

static void put_heading(struct mc_print *p) {
    size_t at = 0;
    for (size_t i = 0; i < p->count; i++)
        put_cell(p, i, next_name(p, &at));
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->widths[i]; k++)
            mc_buf_char(p->out, '-');
        mc_buf_text(p->out, i + 1 == p->count ? "\n" : "  ");
    }
}

static void widen(struct mc_print *p, size_t column, struct mc_str text) {
    size_t width = width_of(text);
    if (width > p->widths[column])
        p->widths[column] = width;
}

/* The widths are known as well as they will be: writes the heading and what was held. */
static void settle(struct mc_print *p) {
    struct mc_reader r = {mc_buf_view(&p->held), false};
    if (p->settled || p->widths == NULL)
        return;
    p->settled = true;
    put_heading(p);
    for (size_t column = 0; r.rest.len > 0 && !r.failed; column = (column + 1) % p->count) {
        uint32_t len = mc_get_u32(&r);
        put_cell(p, column, len == NULL_LEN ? MC_STR("-") : mc_get_bytes(&r, len));
    }
    mc_buf_free(&p->held);
}

static void hold_row(struct mc_print *p, const struct mc_lake_value *values) {
    for (size_t i = 0; i < p->count; i++) {
        mc_put_u32(&p->held, values[i].is_null ? NULL_LEN : (uint32_t)values[i].text.len);
        if (!values[i].is_null)
            mc_buf_str(&p->held, values[i].text);
        widen(p, i, values[i].is_null ? MC_STR("-") : values[i].text);
    }
    p->out->failed |= p->held.failed;
}

static void put_table_row(struct mc_print *p, const struct mc_lake_value *values) {
    if (p->rows <= MC_PRINT_SAMPLE) {
        hold_row(p, values);
        return;
    }
    settle(p);
    for (size_t i = 0; i < p->count; i++)
        put_cell(p, i, values[i].is_null ? MC_STR("-") : values[i].text);
}

/* ---- the rest ---- */

static void put_csv_row(struct mc_print *p, const struct mc_lake_value *values) {
    for (size_t i = 0; i < p->count; i++) {
        if (!values[i].is_null)
            mc_buf_csv(p->out, values[i].text);
        mc_buf_char(p->out, i + 1 == p->count ? '\n' : ',');
    }
}

static void put_json_row(struct mc_print *p, const struct mc_lake_value *values) {
    size_t at = 0;
    for (size_t i = 0; i < p->count; i++) {
        mc_buf_char(p->out, i == 0 ? '{' : ',');
        mc_buf_json(p->out, next_name(p, &at));
        mc_buf_char(p->out, ':');
        put_json(p->out, &values[i], p->kinds[i]);
    }
    mc_buf_text(p->out, "}\n");
}

static void put_markdown_row(struct mc_print *p, const struct mc_lake_value *values) {
    for (size_t i = 0; i < p->count; i++) {
        mc_buf_text(p->out, "| ");
        if (!values[i].is_null)
            put_flat(p->out, values[i].text, true);
        mc_buf_text(p->out, i + 1 == p->count ? " |\n" : " ");
    }
}

static void put_head(struct mc_print *p) {
    size_t at = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct mc_str name = next_name(p, &at);
        if (p->format == MC_PRINT_CSV) {
            mc_buf_csv(p->out, name);
            mc_buf_char(p->out, i + 1 == p->count ? '\n' : ',');
        } else if (p->format == MC_PRINT_MARKDOWN) {
            mc_buf_text(p->out, "| ");
            put_flat(p->out, name, true);
            mc_buf_text(p->out, i + 1 == p->count ? " |\n" : " ");
        } else if (p->format == MC_PRINT_TABLE) {
            widen(p, i, name);
        }
    }
    for (size_t i = 0; p->format == MC_PRINT_MARKDOWN && i < p->count; i++) {
        mc_buf_text(p->out, p->kinds[i] == MC_LAKE_NUMBER ? "|---:" : "|---");
        mc_buf_text(p->out, i + 1 == p->count ? "|\n" : "");
    }
}

static bool take_columns(void *context, const struct mc_str *names, const enum mc_lake_cell *kinds, size_t count) {
    struct mc_print *p = context;
    if (!keep_columns(p, names, kinds, count))
        return false;
    put_head(p);
    return true;
}

static bool take_row(void *context, const struct mc_lake_value *values, size_t count) {
    static void (*const put[])(struct mc_print * p,
                               const struct mc_lake_value *values) = {[MC_PRINT_TABLE] = put_table_row,
                                                                      [MC_PRINT_CSV] = put_csv_row,
                                                                      [MC_PRINT_JSON] = put_json_row,
                                                                      [MC_PRINT_MARKDOWN] = put_markdown_row};
    struct mc_print *p = context;
    (void)count;
    p->rows++;
    put[p->format](p, values);
    return !p->out->failed && (p->spill == NULL || p->spill(p->context));
}

struct mc_lake_sink mc_print_sink(struct mc_print *p) {
    return (struct mc_lake_sink){p, take_columns, take_row};
}

void mc_print_end(struct mc_print *p) {
    if (p->format == MC_PRINT_TABLE && p->widths != NULL) {
        settle(p);
        mc_buf_printf(p->out, "(%llu row%s)\n", (unsigned long long)p->rows, p->rows == 1 ? "" : "s");
    }
    mc_buf_free(&p->names);
    mc_buf_free(&p->held);
    mc_free(p->kinds);
    mc_free(p->widths);
    p->kinds = NULL;
    p->widths = NULL;
}

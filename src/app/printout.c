#include "app/printout.h"

#include "app/summary.h"

void mc_printout_begin(struct mc_printout *rows, const struct mc_list_column *columns, enum mc_format format,
                       struct mc_output *out) {
    *rows = (struct mc_printout){.columns = columns, .format = format, .out = out};
    while (columns[rows->column_count].name != NULL)
        rows->column_count++;
    for (int i = 0, named = 0; format == MC_FORMAT_CSV && i < rows->column_count; i++)
        if (columns[i].name[0] != '\0')
            mc_buf_printf(&out->buf, "%s%s", named++ > 0 ? "," : "", columns[i].name);
    if (format == MC_FORMAT_CSV)
        mc_buf_char(&out->buf, '\n');
}

/* Whether the cell at hand is one of this form: shown in text, or named in the others. */
static bool is_written(const struct mc_printout *rows) {
    const struct mc_list_column *c = &rows->columns[rows->at];
    return rows->format == MC_FORMAT_TEXT ? c->heading != NULL : c->name[0] != '\0';
}

/* Before a cell: commas and keys. The first column of a table has a name. */
static void open_cell(struct mc_printout *rows) {
    struct mc_buf *b = &rows->out->buf;
    if (rows->format == MC_FORMAT_JSON)
        mc_buf_printf(b, "%s\"%s\":", rows->at > 0 ? "," : "{", rows->columns[rows->at].name);
    else if (rows->format == MC_FORMAT_CSV && rows->at > 0)
        mc_buf_char(b, ',');
}

static void close_cell(struct mc_printout *rows) {
    if (++rows->at < rows->column_count)
        return;
    rows->at = 0;
    rows->count++;
    if (rows->format != MC_FORMAT_TEXT)
        mc_buf_text(&rows->out->buf, rows->format == MC_FORMAT_JSON ? "}\n" : "\n");
    mc_output_spill(rows->out);
}

/* After a cell: text remembers how long it was. */
static void keep_cell(struct mc_printout *rows, size_t start) {
    if (rows->format != MC_FORMAT_TEXT)
        return;
    uint32_t len = (uint32_t)(rows->cells.len - start);
    mc_buf_append(&rows->lengths, &len, sizeof len);
}

static void write_text(struct mc_printout *rows, struct mc_str text) {
    struct mc_buf *b = &rows->out->buf;
    if (rows->format == MC_FORMAT_TEXT)
        mc_show_text(&rows->cells, text);
    else if (rows->format == MC_FORMAT_CSV)
        mc_buf_csv(b, text);
    else if (rows->columns[rows->at].kind == MC_CELL_JSON)
        mc_buf_str(b, text);
    else
        mc_buf_json(b, text);
}

static void write_number(struct mc_printout *rows, __int128 value) {
    if (rows->format != MC_FORMAT_TEXT)
        mc_buf_int128(&rows->out->buf, value);
    else if (rows->columns[rows->at].kind == MC_CELL_MONEY)
        mc_show_money(&rows->cells, value, "");
    else
        mc_show_count(&rows->cells, value);
}

void mc_printout_text(struct mc_printout *rows, struct mc_str text) {
    if (is_written(rows)) {
        size_t start = rows->cells.len;
        open_cell(rows);
        write_text(rows, text);
        keep_cell(rows, start);
    }
    close_cell(rows);
}

void mc_printout_number(struct mc_printout *rows, __int128 value) {
    if (is_written(rows)) {
        size_t start = rows->cells.len;
        open_cell(rows);
        write_number(rows, value);
        keep_cell(rows, start);
    }
    close_cell(rows);
}

void mc_printout_time(struct mc_printout *rows, int64_t us) {
    if (us == MC_TIME_NONE_US) {
        mc_printout_null(rows);
        return;
    }
    char text[MC_TIME_TEXT_MAX];
    mc_printout_text(rows, (struct mc_str){text, mc_time_text(text, us)});
}

void mc_printout_null(struct mc_printout *rows) {
    if (is_written(rows)) {
        size_t start = rows->cells.len;
        open_cell(rows);
        if (rows->format == MC_FORMAT_TEXT)
            mc_buf_char(&rows->cells, '-');
        else if (rows->format == MC_FORMAT_JSON)
            mc_buf_text(&rows->out->buf, "null");
        keep_cell(rows, start);
    }
    close_cell(rows);
}

/* ---- text ---- */

enum { COLUMNS_MAX = 24 };

struct layout {
    const struct mc_list_column *shown[COLUMNS_MAX];
    size_t width[COLUMNS_MAX];
    int count;
};

static uint32_t length_at(const struct mc_printout *rows, size_t cell) {
    uint32_t len;
    memcpy(&len, rows->lengths.data + cell * sizeof len, sizeof len);
    return len;
}

static void measure(const struct mc_printout *rows, struct layout *l) {
    for (int i = 0; i < rows->column_count && l->count < COLUMNS_MAX; i++)
        if (rows->columns[i].heading != NULL) {
            l->width[l->count] = mc_show_width(mc_str_of(rows->columns[i].heading));
            l->shown[l->count++] = &rows->columns[i];
        }
    size_t at = 0;
    for (size_t cell = 0; cell < rows->count * (size_t)l->count; cell++) {
        size_t len = length_at(rows, cell), width = mc_show_width((struct mc_str){rows->cells.data + at, len});
        size_t *widest = &l->width[cell % (size_t)l->count];
        *widest = width > *widest ? width : *widest;
        at += len;
    }
}

static void put_cell(struct mc_buf *b, const struct layout *l, int column, struct mc_str text) {
    bool right = l->shown[column]->kind == MC_CELL_COUNT || l->shown[column]->kind == MC_CELL_MONEY;
    bool last = column + 1 == l->count;
    int space = (int)(l->width[column] - mc_show_width(text));
    mc_buf_printf(b, "%*s", right ? space : 0, "");
    mc_buf_str(b, text);
    mc_buf_printf(b, "%*s%s", right || last ? 0 : space, "", last ? "\n" : "  ");
}

void mc_printout_end(struct mc_printout *rows) {
    struct mc_buf *b = &rows->out->buf;
    struct layout l = {.count = 0};
    b->failed |= rows->cells.failed || rows->lengths.failed;
    if (rows->format == MC_FORMAT_TEXT && !b->failed) {
        measure(rows, &l);
        for (int i = 0; i < l.count; i++)
            put_cell(b, &l, i, mc_str_of(l.shown[i]->heading));
        size_t at = 0;
        for (size_t cell = 0; cell < rows->count * (size_t)l.count; cell++) {
            size_t len = length_at(rows, cell);
            put_cell(b, &l, (int)(cell % (size_t)l.count), (struct mc_str){rows->cells.data + at, len});
            at += len;
            mc_output_spill(rows->out);
        }
    }
    mc_buf_free(&rows->cells);
    mc_buf_free(&rows->lengths);
}

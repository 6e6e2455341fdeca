/* Which column is which: the header of a CSV file (SEMANTICS 1). */
#include "base/mem.h"
#include "event/csv.h"
#include "event/csv_fields.h"

enum { DEFAULT_COLUMNS = 9 };

void mc_layout_free(struct mc_layout *layout) {
    mc_free(layout->column);
    mc_buf_free(&layout->header);
    mc_buf_free(&layout->ignored);
    *layout = (struct mc_layout){0};
}

enum mc_err mc_layout_default(struct mc_layout *layout, struct mc_error *e) {
    *layout = (struct mc_layout){.count = DEFAULT_COLUMNS, .column = mc_malloc(DEFAULT_COLUMNS)};
    if (layout->column == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for a layout of columns");
    for (uint8_t i = 0; i < DEFAULT_COLUMNS; i++)
        layout->column[i] = i;
    return MC_OK;
}

static bool is_needed(enum mc_column column) {
    return column <= MC_COLUMN_USER_SESSION && column != MC_COLUMN_CATEGORY_ID && column != MC_COLUMN_CATEGORY_CODE &&
           column != MC_COLUMN_BRAND;
}

static enum mc_column column_of(struct mc_str name) {
    for (int i = 0; i < MC_COLUMNS; i++)
        if (mc_str_equal_nocase(name, mc_str_of(mc_column_names[i])))
            return (enum mc_column)i;
    return MC_COLUMN_IGNORED;
}

static void note_ignored(struct mc_layout *layout, struct mc_str name) {
    if (layout->ignored.len > 0)
        mc_buf_text(&layout->ignored, ", ");
    mc_buf_str(&layout->ignored, name);
}

static enum mc_err check_needed(const bool *found, struct mc_error *e) {
    for (int i = 0; i < MC_COLUMNS; i++)
        if (is_needed((enum mc_column)i) && !found[i])
            return mc_error_set(e, MC_ERR_FORMAT, "the header has no column '%s'", mc_column_names[i]);
    return MC_OK;
}

static enum mc_err add_column(struct mc_layout *layout, bool *found, struct mc_str name, struct mc_error *e) {
    enum mc_column column = column_of(name);
    if (column == MC_COLUMN_IGNORED)
        note_ignored(layout, name);
    else if (found[column])
        return mc_error_set(e, MC_ERR_FORMAT, "the header names column '%s' twice", mc_column_names[column]);
    else
        found[column] = true;
    layout->column[layout->count++] = (uint8_t)column;
    return MC_OK;
}

static enum mc_err parse(struct mc_layout *layout, struct mc_buf *copy, struct mc_error *e) {
    bool found[MC_COLUMNS] = {false};
    struct mc_field_cursor cursor = {.end = copy->len};
    struct mc_slice field;
    while (mc_csv_next_field(copy, &cursor, &field)) {
        enum mc_err err = add_column(layout, found, mc_str_trim(mc_slice_str(copy->data, field)), e);
        if (err != MC_OK)
            return err;
    }
    return check_needed(found, e);
}

enum mc_err mc_layout_parse(struct mc_layout *layout, struct mc_str header, struct mc_error *e) {
    *layout = (struct mc_layout){0};
    if (memchr(header.data, 0, header.len) != NULL || !mc_str_is_utf8(header))
        return mc_error_set(e, MC_ERR_FORMAT, "the header is not UTF-8 text (is this a CSV file?)");
    struct mc_buf copy = {0};
    enum mc_err err;
    layout->column = mc_malloc(header.len + 1); /* a field has at least its comma */
    if (layout->column == NULL || mc_buf_reserve(&copy, header.len * 2) == NULL) {
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for a header of %zu bytes", header.len);
    } else {
        mc_buf_str(&copy, header);
        err = parse(layout, &copy, e);
        if (err == MC_OK && layout->ignored.failed)
            err = mc_error_set(e, MC_ERR_NOMEM, "no memory for a header of %zu bytes", header.len);
    }
    mc_buf_free(&copy);
    mc_buf_str(&layout->header, header);
    if (err == MC_OK && (layout->header.failed || layout->ignored.failed))
        err = mc_error_set(e, MC_ERR_NOMEM, "no memory for a header of %zu bytes", header.len);
    if (err != MC_OK)
        mc_layout_free(layout);
    return err;
}

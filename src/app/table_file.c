#include "app/table_file.h"

#include "event/csv.h"
#include "event/csv_fields.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, FIELDS_MAX = 256, ABSENT = -1 };

struct input {
    struct mc_table_reader *reader;
    const char *path;
    int fd;
    bool last;            /* the end was read */
    struct mc_buf window; /* bytes that were read and not used up */
    size_t used;          /* of the window */
    struct mc_buf row;    /* the content of one row, and room for its unescaped copies */
    struct mc_slice fields[FIELDS_MAX];
    size_t field_count;
    size_t header_count;                /* fields of the header */
    int field_of[MC_TABLE_COLUMNS_MAX]; /* by column: its field, or ABSENT */
    uint64_t row_number;
};

static enum mc_err no_memory(const struct input *in, struct mc_error *e) {
    return mc_error_set(e, MC_ERR_NOMEM, "out of memory while reading %s", in->path);
}

/* Reads one chunk more behind what is not used up. */
static enum mc_err fill(struct input *in, struct mc_error *e) {
    size_t left = in->window.len - in->used;
    if (in->used > 0 && left > 0)
        memmove(in->window.data, in->window.data + in->used, left);
    in->window.len = left;
    in->used = 0;
    char *room = mc_buf_reserve(&in->window, CHUNK);
    if (room == NULL)
        return no_memory(in, e);
    ssize_t n;
    while ((n = read(in->fd, room, CHUNK)) < 0 && errno == EINTR)
        ;
    if (n < 0)
        return mc_error_set(e, mc_err_of_errno(errno), "cannot read %s: %s", in->path, strerror(errno));
    in->last = n == 0;
    in->window.len += (size_t)n;
    return MC_OK;
}

/* The next row's bounds; *found false at the end. */
static enum mc_err next_row(struct input *in, struct mc_row_bounds *bounds, bool *found, struct mc_error *e) {
    for (;;) {
        size_t left = in->window.len - in->used;
        *found = left > 0;
        if (left > 0)
            *bounds = mc_csv_row(in->window.data + in->used, left, in->last);
        if (left > 0 && bounds->state != MC_ROW_UNFINISHED)
            return MC_OK;
        if (in->last)
            return MC_OK;
        enum mc_err err = fill(in, e);
        if (err != MC_OK)
            return err;
    }
}

/* Why a row is none, or NULL after its fields were found. *out_of_memory is told apart: it is no fault of the row. */
static const char *split(struct input *in, const struct mc_row_bounds *bounds, bool *out_of_memory) {
    struct mc_str content = {in->window.data + in->used, bounds->content};
    in->field_count = 0;
    if (bounds->state == MC_ROW_BAD)
        return "it is badly quoted or too long";
    if (!mc_str_is_utf8(content))
        return "it is not UTF-8";
    if (content.len > 0 && memchr(content.data, '\0', content.len) != NULL)
        return "it holds a NUL byte";
    in->row.len = 0;
    *out_of_memory = mc_buf_reserve(&in->row, 2 * content.len + 1) == NULL;
    if (*out_of_memory)
        return NULL;
    mc_buf_str(&in->row, content);
    struct mc_field_cursor cursor = {.at = 0, .end = content.len};
    struct mc_slice field;
    while (mc_csv_next_field(&in->row, &cursor, &field)) {
        if (in->field_count == FIELDS_MAX)
            return "it has more than 256 fields";
        in->fields[in->field_count++] = field;
    }
    return NULL;
}

static struct mc_str field_text(const struct input *in, size_t i) {
    return mc_str_trim(mc_slice_str(in->row.data, in->fields[i]));
}

static enum mc_err name_column(struct input *in, size_t field, struct mc_error *e) {
    struct mc_table_reader *r = in->reader;
    struct mc_str name = field_text(in, field);
    for (size_t c = 0; c < r->column_count; c++) {
        if (!mc_str_equal_nocase(name, mc_str_of(r->columns[c].name)))
            continue;
        if (in->field_of[c] != ABSENT)
            return mc_error_set(e, MC_ERR_FORMAT, "%s: the header names the column %s twice", in->path,
                                r->columns[c].name);
        in->field_of[c] = (int)field;
        return MC_OK;
    }
    mc_buf_text(&r->ignored, r->ignored.len > 0 ? ", " : "");
    mc_buf_str(&r->ignored, name);
    return MC_OK;
}

static enum mc_err name_columns(struct input *in, struct mc_error *e) {
    const struct mc_table_reader *r = in->reader;
    enum mc_err err = MC_OK;
    for (size_t c = 0; c < r->column_count; c++)
        in->field_of[c] = ABSENT;
    for (size_t i = 0; i < in->field_count && err == MC_OK; i++)
        err = name_column(in, i, e);
    for (size_t c = 0; c < r->column_count && err == MC_OK; c++)
        if (r->columns[c].needed && in->field_of[c] == ABSENT)
            err = mc_error_set(e, MC_ERR_FORMAT, "%s: the header has no column %s", in->path, r->columns[c].name);
    return err;
}

/* A byte order mark at the start is no part of the header. */
static enum mc_err skip_mark(struct input *in, struct mc_error *e) {
    enum mc_err err = MC_OK;
    while (err == MC_OK && in->window.len < 3 && !in->last)
        err = fill(in, e);
    if (err == MC_OK && in->window.len >= 3 && memcmp(in->window.data, "\xEF\xBB\xBF", 3) == 0)
        in->used = 3;
    return err;
}

static enum mc_err read_header(struct input *in, struct mc_error *e) {
    struct mc_row_bounds bounds;
    bool found = false, out_of_memory = false;
    enum mc_err err = skip_mark(in, e);
    if (err == MC_OK)
        err = next_row(in, &bounds, &found, e);
    if (err == MC_OK && !found)
        return mc_error_set(e, MC_ERR_FORMAT, "%s is empty: its first line must name the columns", in->path);
    if (err != MC_OK)
        return err;
    const char *wrong = split(in, &bounds, &out_of_memory);
    in->used += bounds.end;
    if (out_of_memory)
        return no_memory(in, e);
    if (wrong != NULL)
        return mc_error_set(e, MC_ERR_FORMAT, "%s: the header is not good: %s", in->path, wrong);
    in->header_count = in->field_count;
    return name_columns(in, e);
}

static enum mc_err give_row(struct input *in, struct mc_error *e) {
    struct mc_table_reader *r = in->reader;
    struct mc_str values[MC_TABLE_COLUMNS_MAX] = {{0}};
    if (in->field_count != in->header_count) {
        r->refuse(r->context, in->row_number, "it has another number of fields than the header");
        return MC_OK;
    }
    for (size_t c = 0; c < r->column_count; c++)
        if (in->field_of[c] != ABSENT)
            values[c] = field_text(in, (size_t)in->field_of[c]);
    return r->take(r->context, in->row_number, values, e);
}

static enum mc_err read_rows(struct input *in, struct mc_error *e) {
    struct mc_row_bounds bounds;
    bool found, out_of_memory = false;
    for (;;) {
        enum mc_err err = next_row(in, &bounds, &found, e);
        if (err != MC_OK || !found)
            return err;
        const char *wrong = split(in, &bounds, &out_of_memory);
        in->used += bounds.end;
        in->row_number++;
        if (out_of_memory)
            return no_memory(in, e);
        if (wrong != NULL)
            in->reader->refuse(in->reader->context, in->row_number, wrong);
        else if (bounds.content > 0) /* an empty line, as at the end of many files, is nothing */
            err = give_row(in, e);
        if (err != MC_OK)
            return err;
    }
}

enum mc_err mc_table_read(struct mc_table_reader *reader, const char *path, struct mc_error *e) {
    struct input in = {.reader = reader, .path = path, .fd = STDIN_FILENO};
    bool is_file = strcmp(path, "-") != 0;
    if (is_file && (in.fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return mc_error_set(e, mc_err_of_errno(errno), "cannot read %s: %s", path, strerror(errno));
    enum mc_err err = read_header(&in, e);
    if (err == MC_OK)
        err = read_rows(&in, e);
    if (is_file)
        close(in.fd);
    mc_buf_free(&in.window);
    mc_buf_free(&in.row);
    return err;
}

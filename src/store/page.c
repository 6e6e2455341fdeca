#include "store/page.h"

#include "store/internal.h"
#include <assert.h>

static bool copy_cell(struct mc_arena *arena, sqlite3_stmt *s, int at, struct mc_cell *cell) {
    *cell = (struct mc_cell){0};
    switch (sqlite3_column_type(s, at)) {
    case SQLITE_NULL:
        cell->null = true;
        return true;
    case SQLITE_INTEGER:
        cell->number = sqlite3_column_int64(s, at);
        cell->exact = cell->number;
        return true;
    default:
        if (!mc_arena_copy(arena, mc_column_str(s, at), &cell->text))
            return false;
        if (!mc_int128_parse(cell->text, &cell->exact))
            cell->exact = 0;
        return true;
    }
}

static bool copy_row(struct mc_page *page, sqlite3_stmt *s, int columns, struct mc_cell *row) {
    for (int i = 0; i < columns; i++)
        if (!copy_cell(&page->arena, s, i, &row[i]))
            return false;
    return true;
}

static size_t row_bytes(sqlite3_stmt *s, int columns) {
    size_t bytes = 0;
    for (int i = 0; i < columns; i++)
        if (sqlite3_column_type(s, i) == SQLITE_TEXT || sqlite3_column_type(s, i) == SQLITE_BLOB)
            bytes += (size_t)sqlite3_column_bytes(s, i); /* of a number it would make text */
    return bytes;
}

enum mc_err mc_page_fill(struct mc_ledger *l, enum mc_sql which, int key_columns,
                         bool (*accept)(const void *context, sqlite3_stmt *row), const void *context,
                         struct mc_page *page, struct mc_error *e) {
    sqlite3_stmt *s = l->statements[which];
    page->columns = sqlite3_column_count(s);
    assert(page->columns <= MC_PAGE_COLUMNS_MAX);
    page->rows = mc_arena_alloc(&page->arena, MC_PAGE_ROWS_MAX * sizeof *page->rows);
    bool fits = page->rows != NULL;
    size_t scanned = 0, bytes = 0;
    while (fits && page->count < MC_PAGE_ROWS_MAX && scanned < MC_PAGE_SCANNED_MAX && bytes < MC_PAGE_BYTES_MAX) {
        bool row;
        enum mc_err err = mc_sql_step(l, which, &row, e);
        page->end = !row;
        if (err != MC_OK || !row)
            return err;
        scanned++;
        bool taken = accept == NULL || accept(context, s);
        if (taken) {
            bytes += row_bytes(s, page->columns);
            fits = copy_row(page, s, page->columns, page->rows[page->count++]);
        }
        bool full = page->count == MC_PAGE_ROWS_MAX || scanned == MC_PAGE_SCANNED_MAX || bytes >= MC_PAGE_BYTES_MAX;
        if (fits && full)
            fits = copy_row(page, s, key_columns, page->last);
    }
    mc_sql_reset(l, which);
    return fits ? MC_OK : mc_ledger_no_memory(l, e);
}

void mc_page_free(struct mc_page *page) {
    mc_arena_free(&page->arena);
    *page = (struct mc_page){0};
}

static enum mc_err next_page(struct mc_ledger *l, const struct mc_paged *listing, const struct mc_cell *after,
                             struct mc_page *page, struct mc_error *e) {
    sqlite3_stmt *s = mc_sql_get(l, listing->which, e);
    if (s == NULL)
        return l->last_error;
    listing->bind(s, after, listing->filter);
    return mc_page_fill(l, listing->which, listing->key_columns, listing->accept, listing->filter, page, e);
}

enum mc_err mc_page_each(struct mc_ledger *l, const struct mc_paged *listing,
                         const struct mc_cell start[MC_PAGE_COLUMNS_MAX],
                         bool (*give)(void *context, struct mc_page *page, const struct mc_cell *row), void *context,
                         struct mc_error *e) {
    struct mc_page page = {0}, previous = {0};
    const struct mc_cell *after = start;
    bool more = true;
    enum mc_err err = MC_OK;
    while (err == MC_OK && more) {
        err = next_page(l, listing, after, &page, e);
        more = err == MC_OK && !page.end;
        bool wanted = true;
        for (size_t i = 0; err == MC_OK && wanted && i < page.count; i++)
            wanted = give(context, &page, page.rows[i]);
        more = more && wanted;
        mc_page_free(&previous);
        previous = page;
        after = previous.last;
        page = (struct mc_page){0};
    }
    mc_page_free(&previous);
    return err;
}

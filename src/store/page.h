/* Rows copied out of a statement, so that whoever looks at them holds nothing of the store. Private to store/. */
#ifndef MC_STORE_PAGE_H
#define MC_STORE_PAGE_H

#include "store/arena.h"
#include "store/sql.h"

enum { MC_PAGE_ROWS_MAX = 512, MC_PAGE_SCANNED_MAX = 16384, MC_PAGE_BYTES_MAX = 4 << 20, MC_PAGE_COLUMNS_MAX = 20 };

struct mc_cell {
    bool null;
    int64_t number;     /* of an integer */
    __int128 exact;     /* of an integer or decimal text */
    struct mc_str text; /* of text and blobs */
};

struct mc_page {
    struct mc_arena arena;
    int columns;
    size_t count; /* rows */
    struct mc_cell (*rows)[MC_PAGE_COLUMNS_MAX];
    struct mc_cell
        last[MC_PAGE_COLUMNS_MAX]; /* the last row that was looked at, its first `key_columns`: where to go on */
    bool end;                      /* there was no further row */
};

/* Steps the statement, which is bound, and copies the rows that `accept` (NULL: all) takes, until the page is full or
 * enough were looked at; resets it. The page must be free. */
enum mc_err mc_page_fill(struct mc_ledger *l, enum mc_sql which, int key_columns,
                         bool (*accept)(const void *context, sqlite3_stmt *row), const void *context,
                         struct mc_page *page, struct mc_error *e);

void mc_page_free(struct mc_page *page);

/* A listing: how its statement is bound behind the row that was looked at last, which rows are wanted. */
struct mc_paged {
    enum mc_sql which;
    int key_columns;
    void (*bind)(sqlite3_stmt *s, const struct mc_cell *after, const void *filter);
    bool (*accept)(const void *filter, sqlite3_stmt *row); /* NULL: all */
    const void *filter;
};

/* Gives the rows, page by page, to `give`, which returns false to stop. The statement is never open while it runs.
 * `start` holds the key to begin behind. */
enum mc_err mc_page_each(struct mc_ledger *l, const struct mc_paged *listing,
                         const struct mc_cell start[MC_PAGE_COLUMNS_MAX],
                         bool (*give)(void *context, struct mc_page *page, const struct mc_cell *row), void *context,
                         struct mc_error *e);

#endif

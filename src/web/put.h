/* Pieces of answers that carts, messages, rejects and totals have in common. */
#ifndef MC_WEB_PUT_H
#define MC_WEB_PUT_H

#include "web/csv.h"
#include "web/internal.h"

enum { MC_WEB_SEARCH_MAX = 128, MC_WEB_STEPS_MAX = 2000 };

/* `,"name":VALUE` of a column, a text, a number; `,"name":{"a":1,...}` of counts by their names. */
void mc_put_time(struct mc_buf *b, const char *name, sqlite3_stmt *s, int at);
void mc_put_text(struct mc_buf *b, const char *name, struct mc_str text);
void mc_put_exact(struct mc_buf *b, const char *name, __int128 value);
void mc_put_counts(struct mc_buf *b, const char *name, const uint64_t *counts, const char *const *names, int count);

/* Names of enumerations as the store has them; "" for what a damaged row holds, and for none. */
const char *mc_name_of(const char *const *names, int count, int64_t value);
const char *mc_withheld_of(sqlite3_stmt *s, int at);

/* A column's time and a comma. */
void mc_csv_time(struct mc_buf *b, sqlite3_stmt *s, int at);

/* The argument `q` in lower case (ASCII), for a search by substring. False after it was answered with 400. */
bool mc_web_arg_search(struct mc_web_request *r, char q[MC_WEB_SEARCH_MAX + 1]);

#endif

/* CSV for people and their spreadsheets: a cell that a spreadsheet would run as a formula is made text. Exports for
 * programs (maxcart export) stay verbatim. */
#ifndef MC_WEB_CSV_H
#define MC_WEB_CSV_H

#include "web/internal.h"

/* As mc_buf_csv; a cell that begins with = + - @, a tab or a line's end gets an apostrophe in front. */
void mc_csv_cell(struct mc_buf *b, struct mc_str text);

/* "12.50" of 1250 minor units. */
void mc_csv_money(struct mc_buf *b, __int128 minor);

/* Answers with the file and frees it, or with the failure. */
void mc_csv_answer(struct mc_web_request *r, const char *name, struct mc_buf *csv, enum mc_err err,
                   const struct mc_error *e);

#endif

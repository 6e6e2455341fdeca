/* The views that SQL sees, over the lake's files and the live store's tables. docs/DATA.md tells of each column; a test
 * compares. Private to lake/. */
#ifndef MC_LAKE_VIEWS_H
#define MC_LAKE_VIEWS_H

#include "lake/listing.h"

/* A table of the live store that is copied in where a query needs it (live.h). */
enum mc_live {
    MC_LIVE_CARTS = 1, /* and their items: one walk gives both */
    MC_LIVE_SALES = 2,
    MC_LIVE_PRODUCTS = 4,
    MC_LIVE_REJECTS = 8
};

/* What a view is made of: of what is there the first that can. */
struct mc_view {
    const char *name;
    unsigned live;        /* enum mc_live: what `of_store` needs */
    const char *of_store; /* over live tables; NULL: the store has nothing of it */
    const char *of_lake;  /* over lake_events, lake_rejects; NULL: the lake has nothing of it */
    bool lake_first;      /* where there are both */
};

extern const struct mc_view mc_views[];
extern const size_t mc_view_count;

/* Whether the view is there, and whether it is made of the store. */
enum mc_view_source { MC_VIEW_ABSENT, MC_VIEW_OF_LAKE, MC_VIEW_OF_STORE };
enum mc_view_source mc_view_source(const struct mc_view *view, bool has_lake, bool has_store);

/* CREATE statements, each ended by a semicolon. Of the lake: its files as lake_events and lake_rejects, and the views
 * that are made of it. Of the store: the views whose live tables are all in the set `filled`, but for those in
 * `before`. */
void mc_views_of_lake(struct mc_buf *sql, const struct mc_lake_listing *listing, bool has_store);
void mc_views_of_store(struct mc_buf *sql, bool has_lake, unsigned filled, unsigned before);

/* CREATE TABLE statements for the live tables of this set. */
void mc_live_create(struct mc_buf *sql, unsigned live);

/* A text as SQL spells it: 'it''s'. */
void mc_buf_sql(struct mc_buf *sql, struct mc_str text);

#endif

/* What the commands that list a store have in common: filters, forms of output, a limit. */
#ifndef MC_APP_QUERY_H
#define MC_APP_QUERY_H

#include "app/command.h"
#include "app/printout.h"
#include "store/read.h"

/* The arguments of such a command; each offers those options that have a meaning for it. */
struct mc_query {
    int64_t since_us, until_us; /* MC_TIME_NONE_US: no bound */
    const char *user, *product;
    int decision, reason; /* index into the choices; -1: any */
    int64_t limit;        /* -1: not given; 0: all */
    bool json, csv;
    int by;     /* of sales */
    bool quick; /* of report */
    bool all;   /* of rejects: those too that were fed back */
};

extern const struct mc_query mc_query_defaults;

/* "purchased|stale|..." and "malformed_row|...|duplicate": in the order of the enums, from MC_PURCHASED and
 * MC_MALFORMED_ROW on. */
#define MC_DECISION_CHOICES "purchased|stale|below_minimum|no_address|no_consent|suppressed|capped|holdout|send"
#define MC_REASON_CHOICES                                                                                              \
    "malformed_row|bad_time|unknown_type|missing_product|missing_user|missing_session|too_long|bad_price|"             \
    "missing_price|negative_price|bad_quantity|bad_currency|duplicate"

/* Lines of an option table. */
#define MC_QUERY_SINCE(what)                                                                                           \
    {                                                                                                                  \
        "since", MC_OPTION_INSTANT, offsetof(struct mc_query, since_us), "TIME",                                       \
            what " at or after this time or date", 0, 0, NULL                                                          \
    }
#define MC_QUERY_UNTIL(what)                                                                                           \
    {                                                                                                                  \
        "until", MC_OPTION_INSTANT, offsetof(struct mc_query, until_us), "TIME", what " before this time or date", 0,  \
            0, NULL                                                                                                    \
    }
#define MC_QUERY_USER                                                                                                  \
    { "user", MC_OPTION_STRING, offsetof(struct mc_query, user), "ID", "only of this customer", 0, 0, NULL }
#define MC_QUERY_PRODUCT(what)                                                                                         \
    { "product", MC_OPTION_STRING, offsetof(struct mc_query, product), "ID", what, 0, 0, NULL }
#define MC_QUERY_DECISION                                                                                              \
    {                                                                                                                  \
        "decision", MC_OPTION_CHOICE, offsetof(struct mc_query, decision), "KIND", "only with this decision", 0, 0,    \
            MC_DECISION_CHOICES                                                                                        \
    }
#define MC_QUERY_LIMIT                                                                                                 \
    {                                                                                                                  \
        "limit", MC_OPTION_INT, offsetof(struct mc_query, limit), "N",                                                 \
            "at most so many; 0: all (default: 100 as text, else all)", 0, 0, NULL                                     \
    }
#define MC_QUERY_JSON                                                                                                  \
    { "json", MC_OPTION_FLAG, offsetof(struct mc_query, json), NULL, "JSON lines: one object a row", 0, 0, NULL }
#define MC_QUERY_CSV                                                                                                   \
    { "csv", MC_OPTION_FLAG, offsetof(struct mc_query, csv), NULL, "CSV with a header", 0, 0, NULL }

/* One listing: a store open for reading and the rows that go out. Start from {0}; mc_listing_close takes it back. */
struct mc_listing {
    struct mc_ledger *ledger;
    struct mc_printout rows;
    struct mc_filter filter; /* as the options say; its limit is one more than what is shown, to know of more */
    uint64_t limit;          /* rows shown; 0: all */
    bool more;               /* there were more */
    bool open;
};

/* Opens the store and begins the rows. Nothing is held after an error. */
enum mc_err mc_listing_open(struct mc_listing *listing, struct mc_invocation *run, const struct mc_query *query,
                            const struct mc_list_column *columns, struct mc_error *e);

/* At the head of each `take`: false when the limit is reached. */
bool mc_listing_has_room(struct mc_listing *listing);

/* Ends the rows, and under a text says so when there are more or none. Passes `err` through; closes. */
enum mc_err mc_listing_close(struct mc_listing *listing, enum mc_err err);

/* json and csv together are MC_ERR_USAGE. */
enum mc_err mc_query_format(const struct mc_query *query, enum mc_format *format, struct mc_error *e);

#endif

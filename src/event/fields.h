/* The fields of a row by name, whatever its format: what a decoder fills before the checks (checks.h) make an event of
 * them. One set of checks for CSV and JSON.
 */
#ifndef MC_EVENT_FIELDS_H
#define MC_EVENT_FIELDS_H

#include "event/event.h"

/* The columns that we know, in the order of --no-header; the rest follows. */
enum mc_column {
    MC_COLUMN_EVENT_TIME,
    MC_COLUMN_EVENT_TYPE,
    MC_COLUMN_PRODUCT_ID,
    MC_COLUMN_CATEGORY_ID,
    MC_COLUMN_CATEGORY_CODE,
    MC_COLUMN_BRAND,
    MC_COLUMN_PRICE,
    MC_COLUMN_USER_ID,
    MC_COLUMN_USER_SESSION,
    MC_COLUMN_QUANTITY,
    MC_COLUMN_CURRENCY,
    MC_COLUMN_ORDER_ID,
    MC_COLUMN_MESSAGE_ID,
    MC_COLUMNS,
    MC_COLUMN_IGNORED = MC_COLUMNS
};

/* "event_time", "event_type", ... "message_id". */
extern const char *const mc_column_names[MC_COLUMNS];

/* Fields by column; absent columns stay empty, ignored ones share the last place. */
struct mc_fields {
    struct mc_slice of[MC_COLUMNS + 1];
};

/* What the checks of one decoder go by and remember. */
struct mc_checks {
    struct mc_str currency; /* the store's; empty: rows' currencies are not compared */
    char minute_text[16];   /* "YYYY-MM-DD HH:MM" that was parsed last */
    int64_t minute_us;      /* and its instant; MC_TIME_NONE_US: nothing remembered */
};

static inline struct mc_checks mc_checks_of(struct mc_str currency) {
    return (struct mc_checks){.currency = currency, .minute_us = MC_TIME_NONE_US};
}

/* An event type in any case, `removefromcart` among them; false: it is none. */
bool mc_event_type_parse(struct mc_str text, uint8_t *type);

/* The first of missing_product, missing_user, missing_session, too_long that holds for the strings of the event. */
enum mc_reason mc_event_check_lengths(const struct mc_event *ev);

#endif

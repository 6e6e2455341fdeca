/* One cleaned event, as decoders make it and the engine reads it (SEMANTICS 1).
 *
 * The strings are slices of the batch that the event came in: valid as long as the batch. Hashes are of the strings'
 * bytes (base/hash.h), made once by the decoder. An event passed all checks of SEMANTICS 2 before `duplicate`.
 */
#ifndef MC_EVENT_EVENT_H
#define MC_EVENT_EVENT_H

#include "base/hash.h"
#include "base/time.h"

enum mc_event_type { MC_VIEW, MC_CART, MC_REMOVE_FROM_CART, MC_PURCHASE, MC_EVENT_TYPES };

/* "view", "cart", "remove_from_cart", "purchase". */
extern const char *const mc_event_type_names[MC_EVENT_TYPES];

#define MC_PRICE_NONE INT64_MIN                   /* a null price */
#define MC_PRICE_MAX ((int64_t)1000 * 1000000000) /* magnitude, minor units: above it is bad_price */
#define MC_QUANTITY_MAX 1000000
#define MC_ID_BYTES_MAX 128   /* product_id, user_id, user_session */
#define MC_TEXT_BYTES_MAX 256 /* category_id, category_code, brand, order_id, message_id */

/* A slice of the batch's bytes: offset from the batch's start. */
struct mc_slice {
    uint32_t offset;
    uint32_t len;
};

struct mc_event {
    struct mc_time time;  /* the event's own time */
    struct mc_time clock; /* stamped when it entered the log; MC_TIME_NONE_US while there was no clock */
    int64_t price;        /* minor units, or MC_PRICE_NONE */
    uint64_t user_hash, session_hash, product_hash;
    uint64_t shape;   /* of category_id, category_code and brand together; 0: unknown */
    int32_t quantity; /* 1 to MC_QUANTITY_MAX */
    uint8_t type;     /* enum mc_event_type */
    struct mc_slice user, session, product;
    struct mc_slice category_id, category_code, brand, order_id, message_id; /* len 0: null */
};

static inline struct mc_str mc_slice_str(const char *bytes, struct mc_slice s) {
    return (struct mc_str){bytes + s.offset, s.len};
}

/* Why a row is no event, in the order of the checks (SEMANTICS 2). */
enum mc_reason {
    MC_ACCEPTED,
    MC_MALFORMED_ROW,
    MC_BAD_TIME,
    MC_UNKNOWN_TYPE,
    MC_MISSING_PRODUCT,
    MC_MISSING_USER,
    MC_MISSING_SESSION,
    MC_TOO_LONG,
    MC_BAD_PRICE,
    MC_MISSING_PRICE,
    MC_NEGATIVE_PRICE,
    MC_BAD_QUANTITY,
    MC_BAD_CURRENCY,
    MC_DUPLICATE,
    MC_REASONS
};

/* "accepted", "malformed_row", ... "duplicate". */
extern const char *const mc_reason_names[MC_REASONS];

#endif

#include "event/event.h"

const char *const mc_event_type_names[MC_EVENT_TYPES] = {"view", "cart", "remove_from_cart", "purchase"};

const char *const mc_reason_names[MC_REASONS] = {"accepted",        "malformed_row", "bad_time",        "unknown_type",
                                                 "missing_product", "missing_user",  "missing_session", "too_long",
                                                 "bad_price",       "missing_price", "negative_price",  "bad_quantity",
                                                 "bad_currency",    "duplicate"};

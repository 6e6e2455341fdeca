/* The parts of the checks that few rows need; the rest is in checks.h. */
#include "event/fields.h"

const char *const mc_column_names[MC_COLUMNS] = {
    "event_time", "event_type",   "product_id", "category_id", "category_code", "brand",     "price",
    "user_id",    "user_session", "quantity",   "currency",    "order_id",      "message_id"};

static const struct {
    struct mc_str name;
    uint8_t type;
} type_names[] = {{{"view", 4}, MC_VIEW},
                  {{"cart", 4}, MC_CART},
                  {{"remove_from_cart", 16}, MC_REMOVE_FROM_CART},
                  {{"purchase", 8}, MC_PURCHASE},
                  {{"removefromcart", 14}, MC_REMOVE_FROM_CART}};

bool mc_event_type_parse(struct mc_str text, uint8_t *type) {
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (mc_str_equal_nocase(text, type_names[i].name)) {
            *type = type_names[i].type;
            return true;
        }
    return false;
}

enum mc_reason mc_event_check_lengths(const struct mc_event *ev) {
    if (ev->product.len == 0)
        return MC_MISSING_PRODUCT;
    if (ev->user.len == 0)
        return MC_MISSING_USER;
    if (ev->session.len == 0)
        return MC_MISSING_SESSION;
    bool too_long = ev->product.len > MC_ID_BYTES_MAX || ev->user.len > MC_ID_BYTES_MAX ||
                    ev->session.len > MC_ID_BYTES_MAX || ev->category_id.len > MC_TEXT_BYTES_MAX ||
                    ev->category_code.len > MC_TEXT_BYTES_MAX || ev->brand.len > MC_TEXT_BYTES_MAX ||
                    ev->order_id.len > MC_TEXT_BYTES_MAX || ev->message_id.len > MC_TEXT_BYTES_MAX;
    return too_long ? MC_TOO_LONG : MC_ACCEPTED;
}

#include "outreach/payload.h"

/* ,"name": with the comma left out behind an opening brace. */
static void put_name(struct mc_buf *out, const char *name) {
    bool first = out->len > 0 && out->data[out->len - 1] == '{';
    mc_buf_text(out, first ? "\"" : ",\"");
    mc_buf_text(out, name);
    mc_buf_text(out, "\":");
}

static void put_text(struct mc_buf *out, const char *name, struct mc_str value) {
    put_name(out, name);
    mc_buf_json(out, value);
}

static void put_known(struct mc_buf *out, const char *name, struct mc_str value) {
    if (value.len > 0)
        put_text(out, name, value);
}

static void put_time(struct mc_buf *out, const char *name, struct mc_time time) {
    char text[MC_TIME_TEXT_MAX];
    put_text(out, name, (struct mc_str){text, mc_time_text(text, time.us)});
}

static void put_number(struct mc_buf *out, const char *name, __int128 value) {
    put_name(out, name);
    mc_buf_int128(out, value);
}

static void put_items(struct mc_buf *out, const struct mc_message *message) {
    put_name(out, "items");
    mc_buf_char(out, '[');
    for (uint32_t i = 0; i < message->cart.item_count; i++) {
        const struct mc_message_item *item = &message->items[i];
        mc_buf_text(out, i > 0 ? ",{" : "{");
        put_text(out, "product_id", item->item.product);
        put_number(out, "quantity", item->item.quantity);
        put_number(out, "price_minor", item->item.price);
        put_known(out, "name", item->name);
        put_known(out, "url", item->url);
        put_known(out, "image_url", item->image_url);
        mc_buf_char(out, '}');
    }
    mc_buf_char(out, ']');
}

static void put_offer(struct mc_buf *out, const struct mc_message *message) {
    put_name(out, "offer");
    mc_buf_char(out, '{');
    put_text(out, "kind", mc_str_of(mc_offer_kind_names[message->offer.kind]));
    put_number(out, "value", message->offer.value);
    mc_buf_char(out, '}');
    if (message->coupon.len == 0)
        return;
    put_name(out, "coupon");
    mc_buf_char(out, '{');
    put_text(out, "code", message->coupon);
    if (!mc_time_is_none(message->coupon_expires_at))
        put_time(out, "expires_at", message->coupon_expires_at);
    mc_buf_char(out, '}');
}

static void put_links(struct mc_buf *out, const struct mc_composer *c, const struct mc_message *message) {
    struct mc_buf url = {0};
    put_name(out, "links");
    mc_buf_char(out, '{');
    mc_compose_restore_url(&url, c, message);
    put_text(out, "restore", mc_buf_view(&url));
    url.len = 0;
    mc_compose_unsubscribe_url(&url, c, message);
    put_text(out, "unsubscribe", mc_buf_view(&url));
    mc_buf_char(out, '}');
    out->failed |= url.failed;
    mc_buf_free(&url);
}

enum mc_err mc_payload_compose(const struct mc_composer *c, const struct mc_message *message, struct mc_buf *out,
                               struct mc_error *e) {
    const struct mc_subscriber *person = &message->contact.subscriber;
    mc_buf_char(out, '{');
    put_text(out, "message_id", mc_str_of(message->message_id));
    put_text(out, "user_id", message->cart.user);
    put_text(out, "user_session", message->cart.session);
    put_time(out, "due_at", message->due_at);
    put_time(out, "expires_at", message->cart.expires_at);
    put_known(out, "email", person->email);
    put_known(out, "first_name", person->first_name);
    put_known(out, "language", person->language);
    put_name(out, "cart");
    mc_buf_char(out, '{');
    put_number(out, "value_minor", message->cart.value);
    put_known(out, "currency", mc_str_of(c->sender.currency));
    put_items(out, message);
    mc_buf_char(out, '}');
    put_offer(out, message);
    put_links(out, c, message);
    mc_buf_char(out, '}');
    return out->failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory to compose a message") : MC_OK;
}

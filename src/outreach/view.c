#include "outreach/view.h"

#include "outreach/locale.h"
#include "outreach/text.h"
#include "store/people.h"

const char *const mc_view_names[] = {
    /* of the letter */
    "language", "store_name", "postal_address", "first_name", "item_count", "total", "more_count", "offer", "coupon",
    "coupon_expires", "restore_url", "unsubscribe_url", "items",
    /* of one of the items */
    "name", "product_id", "initial", "url", "image_url", "quantity", "price", "line_total", NULL};

struct view {
    struct mc_variables *out;
    const struct mc_letter *letter;
    const struct mc_locale *locale;
    struct mc_buf scratch;
    size_t left_out; /* URLs that are none */
};

static void put_scratch(struct view *v, const char *name) {
    mc_variables_put(v->out, name, mc_buf_view(&v->scratch));
    if (v->scratch.failed)
        v->out->failed = true;
    v->scratch.len = 0;
}

static void put_line(struct view *v, const char *name, struct mc_str text, size_t bytes_max) {
    mc_text_line(&v->scratch, text, bytes_max);
    put_scratch(v, name);
}

static void put_money(struct view *v, const char *name, __int128 minor) {
    mc_locale_money(&v->scratch, v->locale, minor, v->letter->currency);
    put_scratch(v, name);
}

static void put_url(struct view *v, const char *name, struct mc_str url) {
    bool good = url.len > 0 && url.len <= MC_URL_BYTES_MAX && mc_url_is_valid(url);
    if (url.len > 0 && !good)
        v->left_out++;
    mc_variables_put(v->out, name, good ? url : (struct mc_str){0});
}

static void put_count(struct view *v, const char *name, int64_t count) {
    if (count > 0)
        mc_buf_int(&v->scratch, count);
    put_scratch(v, name);
}

static bool contains(struct mc_str text, struct mc_str what) {
    for (size_t i = 0; i + what.len <= text.len; i++)
        if (mc_str_equal_nocase((struct mc_str){text.data + i, what.len}, what))
            return true;
    return false;
}

static bool holds_address(struct mc_str text) {
    return contains(text, MC_STR("://")) || contains(text, MC_STR("www."));
}

/* What stands in for a missing picture. */
static void put_initial(struct view *v, const struct mc_letter_line *line) {
    struct mc_str text = mc_str_trim(line->name.len > 0 ? line->name : line->product_id);
    size_t len = mc_text_char(text);
    if (len == 1 && text.data[0] >= 'a' && text.data[0] <= 'z')
        mc_buf_char(&v->scratch, (char)(text.data[0] - 'a' + 'A'));
    else
        mc_buf_append(&v->scratch, text.data, len);
    put_scratch(v, "initial");
}

static __int128 line_total(const struct mc_letter_line *line) {
    return (__int128)line->quantity * line->price_minor;
}

static void put_item(struct view *v, const struct mc_letter_line *line) {
    mc_variables_row(v->out);
    put_line(v, "name", line->name, MC_LETTER_NAME_BYTES_MAX);
    put_line(v, "product_id", line->product_id, MC_LETTER_NAME_BYTES_MAX);
    put_initial(v, line);
    put_url(v, "url", line->url);
    put_url(v, "image_url", line->image_url);
    put_count(v, "quantity", line->quantity);
    put_money(v, "price", line->price_minor);
    put_money(v, "line_total", line_total(line));
}

/* The indices of the lines worth most, at most MC_LETTER_LINES_SHOWN, greatest first; equal ones as they came. */
static size_t choose_lines(const struct mc_letter *letter, size_t chosen[MC_LETTER_LINES_SHOWN]) {
    size_t count = 0;
    for (size_t i = 0; i < letter->line_count; i++) {
        size_t at = count;
        while (at > 0 && line_total(&letter->lines[chosen[at - 1]]) < line_total(&letter->lines[i]))
            at--;
        if (at == MC_LETTER_LINES_SHOWN)
            continue;
        if (count < MC_LETTER_LINES_SHOWN)
            count++;
        memmove(chosen + at + 1, chosen + at, (count - at - 1) * sizeof *chosen);
        chosen[at] = i;
    }
    return count;
}

static void put_sums(struct view *v, size_t shown) {
    __int128 total = 0;
    int64_t count = 0;
    for (size_t i = 0; i < v->letter->line_count; i++) {
        total += line_total(&v->letter->lines[i]);
        count += v->letter->lines[i].quantity;
    }
    put_count(v, "item_count", count);
    put_money(v, "total", total);
    put_count(v, "more_count", (int64_t)(v->letter->line_count - shown));
}

static void put_offer(struct view *v) {
    const struct mc_letter *letter = v->letter;
    mc_locale_offer(&v->scratch, v->locale, &letter->offer, letter->currency);
    put_scratch(v, "offer");
    put_line(v, "coupon", letter->coupon, MC_LETTER_COUPON_BYTES_MAX);
    if (letter->coupon.len > 0 && !mc_time_is_none(letter->coupon_expires_at))
        mc_locale_time(&v->scratch, v->locale, letter->coupon_expires_at);
    put_scratch(v, "coupon_expires");
}

size_t mc_view_make(struct mc_variables *out, const struct mc_letter *letter) {
    struct view v = {.out = out, .letter = letter, .locale = mc_locale_find(letter->language)};
    size_t chosen[MC_LETTER_LINES_SHOWN];
    size_t shown = choose_lines(letter, chosen);
    mc_variables_put(out, "language", letter->language);
    mc_variables_put(out, "store_name", letter->store_name);
    mc_variables_put(out, "postal_address", letter->postal_address);
    put_line(&v, "first_name", holds_address(letter->first_name) ? (struct mc_str){0} : letter->first_name,
             MC_LETTER_FIRST_NAME_BYTES_MAX);
    put_sums(&v, shown);
    put_offer(&v);
    put_url(&v, "restore_url", letter->restore_url);
    put_url(&v, "unsubscribe_url", letter->unsubscribe_url);
    for (size_t i = 0; i < shown; i++)
        put_item(&v, &letter->lines[chosen[i]]);
    mc_buf_free(&v.scratch);
    return v.left_out;
}

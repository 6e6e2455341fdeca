#include "sim/tally.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include <assert.h>

enum { FIELDS = 9, TABLE_MIN = 1 << 12 };
enum { TIME, TYPE, PRODUCT, CATEGORY, CODE, BRAND, PRICE, USER, SESSION };
enum { VIEW, CART, REMOVE, PURCHASE };

struct row {
    struct mc_str field[FIELDS];
    struct mc_str text;
    uint32_t second, product;
    int type;
    int32_t price; /* minor units */
};

/* ---- open, close ---- */

enum mc_err mc_sim_tally_open(struct mc_sim_tally *t, struct mc_error *e) {
    *t = (struct mc_sim_tally){.session_slots = TABLE_MIN, .user_slots = TABLE_MIN, .seen_room = {256, 256}};
    t->sessions = mc_calloc(t->session_slots, sizeof *t->sessions);
    t->users = mc_calloc(t->user_slots, sizeof *t->users);
    t->prices = mc_calloc(MC_SIM_TALLY_TYPES, sizeof *t->prices);
    t->products = mc_calloc(MC_SIM_TALLY_PRODUCTS, 1);
    t->seen[0] = mc_malloc(t->seen_room[0] * sizeof(uint64_t));
    t->seen[1] = mc_malloc(t->seen_room[1] * sizeof(uint64_t));
    if (t->sessions && t->users && t->prices && t->products && t->seen[0] && t->seen[1])
        return MC_OK;
    mc_sim_tally_close(t);
    return mc_error_set(e, MC_ERR_NOMEM, "no memory to count the rows");
}

void mc_sim_tally_close(struct mc_sim_tally *t) {
    mc_free(t->sessions);
    mc_free(t->users);
    mc_free(t->prices);
    mc_free(t->products);
    mc_free(t->seen[0]);
    mc_free(t->seen[1]);
    *t = (struct mc_sim_tally){0};
}

/* ---- one row ---- */

static bool split(struct row *row) {
    const char *at = row->text.data, *end = at + row->text.len;
    for (int i = 0; i < FIELDS; i++) {
        const char *comma = i + 1 < FIELDS ? memchr(at, ',', (size_t)(end - at)) : end;
        if (comma == NULL)
            return false;
        row->field[i] = (struct mc_str){at, (size_t)(comma - at)};
        at = comma + 1;
    }
    return memchr(row->field[SESSION].data, ',', row->field[SESSION].len) == NULL;
}

static bool digits(struct mc_str text, uint64_t below, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *value > below)
            return false;
        *value = *value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0 && *value < below;
}

/* "2.62", "0.6", "-15.87": one or two digits after the point. */
static bool parse_price(struct mc_str text, int32_t *price) {
    bool negative = text.len > 0 && text.data[0] == '-';
    uint64_t whole, part;
    if (negative)
        text.data++, text.len--;
    const char *point = text.len > 0 ? memchr(text.data, '.', text.len) : NULL;
    if (point == NULL)
        return false;
    struct mc_str after = {point + 1, (size_t)(text.data + text.len - point - 1)};
    if (!digits((struct mc_str){text.data, (size_t)(point - text.data)}, 1000000, &whole) ||
        !digits(after, 100, &part) || after.len > 2)
        return false;
    int32_t minor = (int32_t)(whole * 100 + (after.len == 1 ? part * 10 : part));
    *price = negative ? -minor : minor;
    return true;
}

static bool parse(struct row *row) {
    static const struct mc_str types[MC_SIM_TALLY_TYPES] = {
        {"view", 4}, {"cart", 4}, {"remove_from_cart", 16}, {"purchase", 8}};
    struct mc_time time;
    uint64_t product, user;
    row->type = 0;
    while (row->type < MC_SIM_TALLY_TYPES && !mc_str_equal(row->field[TYPE], types[row->type]))
        row->type++;
    if (row->type == MC_SIM_TALLY_TYPES || !mc_time_parse(row->field[TIME], &time) ||
        !digits(row->field[PRODUCT], MC_SIM_TALLY_PRODUCTS, &product) || !digits(row->field[USER], 1000000000, &user) ||
        !parse_price(row->field[PRICE], &row->price))
        return false;
    int64_t second = time.us / MC_SECOND_US - MC_SIM_START_S;
    row->second = (uint32_t)second;
    row->product = (uint32_t)product;
    size_t session = row->field[SESSION].len;
    return second >= 0 && second < MC_SIM_SECONDS && row->field[USER].len == 9 && row->field[CATEGORY].len == 19 &&
           (session == 0 || session == 36);
}

/* ---- tables ---- */

static struct mc_sim_tally_session *find_session(struct mc_sim_tally_session *table, uint64_t slots, uint64_t key) {
    uint64_t i = key & (slots - 1);
    while (table[i].key != 0 && table[i].key != key)
        i = (i + 1) & (slots - 1);
    return &table[i];
}

static bool grow_sessions(struct mc_sim_tally *t) {
    uint64_t slots = t->session_slots * 2;
    struct mc_sim_tally_session *table = mc_calloc(slots, sizeof *table);
    if (table == NULL)
        return false;
    for (uint64_t i = 0; i < t->session_slots; i++) {
        if (t->sessions[i].key != 0)
            *find_session(table, slots, t->sessions[i].key) = t->sessions[i];
    }
    mc_free(t->sessions);
    t->sessions = table;
    t->session_slots = slots;
    return true;
}

static struct mc_sim_tally_user *find_user(struct mc_sim_tally_user *table, uint64_t slots, uint64_t key) {
    uint64_t i = key & (slots - 1);
    while (table[i].key != 0 && table[i].key != key)
        i = (i + 1) & (slots - 1);
    return &table[i];
}

static bool grow_users(struct mc_sim_tally *t) {
    uint64_t slots = t->user_slots * 2;
    struct mc_sim_tally_user *table = mc_calloc(slots, sizeof *table);
    if (table == NULL)
        return false;
    for (uint64_t i = 0; i < t->user_slots; i++) {
        if (t->users[i].key != 0)
            *find_user(table, slots, t->users[i].key) = t->users[i];
    }
    mc_free(t->users);
    t->users = table;
    t->user_slots = slots;
    return true;
}

static bool make_room(struct mc_sim_tally *t) {
    return (t->session_count * 3 < t->session_slots * 2 || grow_sessions(t)) &&
           (t->user_count * 3 < t->user_slots * 2 || grow_users(t));
}

static uint64_t key_of(struct mc_str text) {
    uint64_t key = mc_hash64(text.data, text.len);
    return key ? key : 1;
}

/* ---- duplicates: only rows of the same second, or of the one before, can be ---- */

static bool remember(struct mc_sim_tally *t, int which, uint64_t hash) {
    if (t->seen_count[which] == t->seen_room[which]) {
        uint64_t *more = mc_realloc(t->seen[which], 2 * t->seen_room[which] * sizeof *more);
        if (more == NULL)
            return false;
        t->seen[which] = more;
        t->seen_room[which] *= 2;
    }
    t->seen[which][t->seen_count[which]++] = hash;
    return true;
}

static bool was_seen(const struct mc_sim_tally *t, int which, uint64_t hash) {
    for (uint32_t i = 0; i < t->seen_count[which]; i++) {
        if (t->seen[which][i] == hash)
            return true;
    }
    return false;
}

static void pass_second(struct mc_sim_tally *t, uint32_t second) {
    uint64_t *old = t->seen[1];
    uint32_t room = t->seen_room[1];
    t->seen[1] = t->seen[0];
    t->seen_room[1] = t->seen_room[0];
    t->seen_count[1] = second == t->last + 1 ? t->seen_count[0] : 0;
    t->seen[0] = old;
    t->seen_room[0] = room;
    t->seen_count[0] = 0;
}

/* Hashes everything but the time, which all rows of a list share. */
static bool count_repeats(struct mc_sim_tally *t, const struct row *row) {
    const char *from = row->field[TYPE].data;
    uint64_t hash = mc_hash64(from, (size_t)(row->text.data + row->text.len - from));
    if (was_seen(t, 0, hash)) {
        t->duplicates++;
        return true;
    }
    t->distinct_by_type[row->type]++;
    if (was_seen(t, 1, hash))
        t->resent++;
    return remember(t, 0, hash);
}

/* ---- open visits ---- */

static void expire_visits(struct mc_sim_tally *t, uint32_t from, uint32_t to) {
    uint32_t steps = to - from < MC_SIM_TALLY_GAP_S ? to - from : MC_SIM_TALLY_GAP_S;
    for (uint32_t i = 1; i <= steps; i++) {
        uint32_t *bucket = &t->open_by_last[(from + i) % MC_SIM_TALLY_GAP_S];
        t->open_visits -= *bucket;
        *bucket = 0;
    }
}

static void count_visit(struct mc_sim_tally *t, const struct mc_sim_tally_session *s, uint32_t second) {
    if (s->rows > 0 && second - s->last < MC_SIM_TALLY_GAP_S) {
        t->open_by_last[s->last % MC_SIM_TALLY_GAP_S]--;
    } else {
        t->visits++;
        t->open_visits++;
    }
    t->open_by_last[second % MC_SIM_TALLY_GAP_S]++;
    if (t->open_visits > t->open_visits_max)
        t->open_visits_max = t->open_visits;
}

/* ---- counting ---- */

static void count_session(struct mc_sim_tally *t, const struct row *row) {
    uint64_t key = key_of(row->field[SESSION]), user_key = key_of(row->field[USER]);
    struct mc_sim_tally_session *s = find_session(t->sessions, t->session_slots, key);
    struct mc_sim_tally_user *user = find_user(t->users, t->user_slots, user_key);
    if (user->key == 0)
        t->user_count++;
    user->key = user_key;
    if (s->key == 0) {
        t->session_count++;
        user->sessions++;
        s->first = row->second;
    }
    s->key = key;
    count_visit(t, s, row->second);
    s->last = row->second;
    s->rows += s->rows < UINT16_MAX;
    if (row->type == PURCHASE) {
        user->orders += !s->bought;
        user->revenue += row->price;
        s->bought_after_cart |= s->carted;
    }
    s->viewed |= row->type == VIEW;
    s->carted |= row->type == CART;
    s->bought |= row->type == PURCHASE;
    s->removed |= row->type == REMOVE;
}

static void count_price(struct mc_sim_tally *t, const struct row *row) {
    int32_t price = row->price;
    t->price_sum[row->type] += price;
    if (price > t->price_max[row->type])
        t->price_max[row->type] = price;
    t->prices[row->type][price < 0 ? 0 : price < MC_SIM_TALLY_PRICES ? price : MC_SIM_TALLY_PRICES - 1]++;
    t->zero_price += price == 0;
    t->zero_purchases += price == 0 && row->type == PURCHASE;
    if (price < 0) {
        t->negative++;
        t->negative_sum += price;
    }
}

static void count_row(struct mc_sim_tally *t, const struct row *row) {
    int month = mc_calendar_month(row->second / 60);
    t->rows++;
    t->bytes += row->text.len + 1;
    t->by_type[row->type]++;
    t->by_month[month]++;
    t->null_code += row->field[CODE].len == 0;
    t->null_brand += row->field[BRAND].len == 0;
    t->products[row->product] |= (uint8_t)(1 << row->type);
    if (row->type == PURCHASE)
        t->revenue_by_month[month] += row->price;
    count_price(t, row);
    if (row->field[SESSION].len == 0)
        t->null_session++;
    else
        count_session(t, row);
}

static bool take(struct mc_sim_tally *t, const struct row *row) {
    if (t->rows == 0)
        t->first = t->last = row->second;
    if (row->second < t->last) {
        t->out_of_order++; /* shown as such; counted as of the second reached */
        return true;
    }
    if (row->second > t->last) {
        expire_visits(t, t->last, row->second);
        pass_second(t, row->second);
    }
    t->last = row->second;
    if (!make_room(t) || !count_repeats(t, row))
        return false;
    count_row(t, row);
    return true;
}

enum mc_err mc_sim_tally_add(struct mc_sim_tally *t, struct mc_str rows, struct mc_error *e) {
    while (rows.len > 0) {
        const char *end = memchr(rows.data, '\n', rows.len);
        struct row row = {.text = {rows.data, end ? (size_t)(end - rows.data) : rows.len}};
        if (end == NULL || !split(&row) || !parse(&row))
            return mc_error_set(e, MC_ERR_FORMAT, "row %llu is not a row of the cosmetics data: %.*s",
                                (unsigned long long)t->rows + 1, (int)(row.text.len < 200 ? row.text.len : 200),
                                row.text.data);
        if (!take(t, &row))
            return mc_error_set(e, MC_ERR_NOMEM, "no memory to count row %llu", (unsigned long long)t->rows + 1);
        rows.data += row.text.len + 1;
        rows.len -= row.text.len + 1;
    }
    return MC_OK;
}

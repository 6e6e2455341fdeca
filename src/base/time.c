#include "base/time.h"

#include <time.h>

/* Both directions: the civil-from-days algorithm over 400-year eras (146,097 days), years that begin in March. */
int64_t mc_days_of_date(int year, unsigned month, unsigned day) {
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned year_of_era = (unsigned)(y - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

void mc_date_of_days(int64_t days, int *year, unsigned *month, unsigned *day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (int)(year_of_era + era * 400) + (*month <= 2);
}

bool mc_date_is_valid(int year, unsigned month, unsigned day) {
    static const unsigned char days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month] + (unsigned)(leap && month == 2);
}

static void put_date(char out[11], int64_t days) {
    int year;
    unsigned month, day;
    mc_date_of_days(days, &year, &month, &day);
    memcpy(out, "0000-00-00T", 11);
    mc_put_two_digits(out, (unsigned)year / 100);
    mc_put_two_digits(out + 2, (unsigned)year % 100);
    mc_put_two_digits(out + 5, month);
    mc_put_two_digits(out + 8, day);
}

size_t mc_time_text_near(char *out, int64_t us, struct mc_date_text *date) {
    int64_t days = us / MC_DAY_US - (us % MC_DAY_US < 0);
    int64_t in_day = us - days * MC_DAY_US;
    unsigned seconds = (unsigned)(in_day / MC_SECOND_US), fraction = (unsigned)(in_day % MC_SECOND_US);
    if (!date->known || date->days != days) {
        put_date(date->text, days);
        date->days = days;
        date->known = true;
    }
    memcpy(out, date->text, sizeof date->text);
    memcpy(out + 11, "00:00:00", 8);
    mc_put_two_digits(out + 11, seconds / 3600);
    mc_put_two_digits(out + 14, seconds / 60 % 60);
    mc_put_two_digits(out + 17, seconds % 60);
    size_t len = 19;
    if (fraction != 0) {
        out[len] = '.';
        mc_put_two_digits(out + len + 1, fraction / 10000);
        mc_put_two_digits(out + len + 3, fraction / 100 % 100);
        mc_put_two_digits(out + len + 5, fraction % 100);
        len += 7;
    }
    out[len++] = 'Z';
    return len;
}

size_t mc_time_text(char *out, int64_t us) {
    struct mc_date_text date = {0};
    return mc_time_text_near(out, us, &date);
}

void mc_buf_time(struct mc_buf *b, int64_t us) {
    char *room = mc_buf_reserve(b, MC_TIME_TEXT_MAX);
    if (room != NULL)
        b->len += mc_time_text(room, us);
}

/* A cursor over the text: each take_ function moves it, and false ends the parse. */
static bool take_digits(struct mc_str *s, int count, unsigned *value) {
    if (s->len < (size_t)count)
        return false;
    unsigned v = 0;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned)(unsigned char)s->data[i] - '0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    s->data += count;
    s->len -= (size_t)count;
    *value = v;
    return true;
}

static bool take_char(struct mc_str *s, char c) {
    if (s->len == 0 || s->data[0] != c)
        return false;
    s->data++;
    s->len--;
    return true;
}

static bool take_fraction(struct mc_str *s, unsigned *microseconds) {
    unsigned value = 0, digits = 0;
    for (unsigned digit; s->len > 0 && (digit = (unsigned)(unsigned char)s->data[0] - '0') <= 9; digits++) {
        if (digits < 6)
            value = value * 10 + digit;
        s->data++;
        s->len--;
    }
    for (unsigned i = digits; i < 6; i++)
        value *= 10;
    *microseconds = value;
    return digits >= 1 && digits <= 9;
}

static bool take_zone(struct mc_str *s, bool needed, int64_t *offset_us) {
    *offset_us = 0;
    if (s->len == 0)
        return !needed;
    if (take_char(s, 'Z'))
        return true;
    if (!needed && s->len >= 4 && memcmp(s->data, " UTC", 4) == 0) {
        s->data += 4;
        s->len -= 4;
        return true;
    }
    bool west = s->len > 0 && s->data[0] == '-';
    unsigned hours, minutes;
    if (!(take_char(s, '+') || take_char(s, '-')) || !take_digits(s, 2, &hours) || !take_char(s, ':') ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_us = (west ? -1 : 1) * (int64_t)(hours * 60 + minutes) * MC_MINUTE_US;
    return true;
}

static bool parse_epoch_milliseconds(struct mc_str s, int64_t *us) {
    int64_t value = 0;
    for (size_t i = 0; i < 13; i++) {
        unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *us = value * 1000;
    return true;
}

static bool parse_date_time(struct mc_str s, int64_t *us) {
    unsigned year, month, day, hour, minute, second, fraction = 0;
    int64_t offset_us;
    if (!take_digits(&s, 4, &year) || !take_char(&s, '-') || !take_digits(&s, 2, &month) || !take_char(&s, '-') ||
        !take_digits(&s, 2, &day))
        return false;
    bool with_t = take_char(&s, 'T');
    if ((!with_t && !take_char(&s, ' ')) || !take_digits(&s, 2, &hour) || !take_char(&s, ':') ||
        !take_digits(&s, 2, &minute) || !take_char(&s, ':') || !take_digits(&s, 2, &second))
        return false;
    if (take_char(&s, '.') && !take_fraction(&s, &fraction))
        return false;
    if (!take_zone(&s, with_t, &offset_us) || s.len != 0)
        return false;
    if (!mc_date_is_valid((int)year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t seconds = mc_days_of_date((int)year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *us = seconds * MC_SECOND_US + fraction - offset_us;
    return true;
}

bool mc_time_parse(struct mc_str text, struct mc_time *out) {
    bool good = text.len == 13 ? parse_epoch_milliseconds(text, &out->us) : parse_date_time(text, &out->us);
    return good && out->us >= MC_TIME_MIN_US && out->us < MC_TIME_END_US;
}

static const struct {
    const char *name;
    int64_t us;
} duration_units[] = {{"us", 1},           {"ms", 1000},      {"s", MC_SECOND_US},
                      {"m", MC_MINUTE_US}, {"h", MC_HOUR_US}, {"d", MC_DAY_US}};

bool mc_duration_parse(struct mc_str text, int64_t *us) {
    int64_t value = 0;
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text.data[digits] - '0', &value))
            return false;
        digits++;
    }
    struct mc_str unit = {text.data + digits, text.len - digits};
    *us = 0;
    if (digits == 0)
        return false;
    if (unit.len == 0)
        return value == 0;
    for (size_t i = 0; i < sizeof duration_units / sizeof *duration_units; i++)
        if (mc_str_equal(unit, mc_str_of(duration_units[i].name)))
            return !__builtin_mul_overflow(value, duration_units[i].us, us);
    return false;
}

void mc_buf_duration(struct mc_buf *b, int64_t us) {
    size_t i = sizeof duration_units / sizeof *duration_units - 1;
    if (us < 2 * MC_DAY_US)
        i--;
    while (i > 0 && us % duration_units[i].us != 0)
        i--;
    if (us == 0)
        i = 2;
    mc_buf_int(b, us / duration_units[i].us);
    mc_buf_text(b, duration_units[i].name);
}

struct mc_wall mc_wall_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct mc_wall){(int64_t)now.tv_sec * MC_SECOND_US + now.tv_nsec / 1000};
}

int64_t mc_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

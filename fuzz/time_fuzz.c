/* Any bytes as a time and as a duration: accepted as a template matcher and the C library's calendar accept them, and
 * what was read is written to a text that reads the same. */
#include "base/time.h"
#include <assert.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 'd' is a digit, all else itself. */
static bool fits(struct mc_str s, const char *form) {
    if (s.len != strlen(form))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (form[i] == 'd' ? s.data[i] < '0' || s.data[i] > '9' : s.data[i] != form[i])
            return false;
    return true;
}

static int number(struct mc_str s, size_t at, size_t len) {
    int value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (s.data[at + i] - '0');
    return value;
}

/* The zone behind seconds and fraction, in minutes east; false when it is none. */
static bool naive_zone(struct mc_str s, bool with_t, int *east) {
    *east = 0;
    if (s.len == 0 || mc_str_equal(s, MC_STR(" UTC")))
        return !with_t;
    if (mc_str_equal(s, MC_STR("Z")))
        return true;
    if ((!fits(s, "+dd:dd") && !fits(s, "-dd:dd")) || number(s, 1, 2) > 23 || number(s, 4, 2) > 59)
        return false;
    *east = (number(s, 1, 2) * 60 + number(s, 4, 2)) * (s.data[0] == '-' ? -1 : 1);
    return true;
}

static bool naive_calendar(struct mc_str s, int64_t *us) {
    struct mc_str front = {s.data, s.len < 19 ? s.len : 19};
    if (!fits(front, "dddd-dd-dd dd:dd:dd") && !fits(front, "dddd-dd-ddTdd:dd:dd"))
        return false;
    size_t digits = 0;
    int64_t fraction = 0;
    if (s.len > 19 && s.data[19] == '.') {
        for (; 20 + digits < s.len && s.data[20 + digits] >= '0' && s.data[20 + digits] <= '9'; digits++)
            fraction = digits < 6 ? fraction * 10 + (s.data[20 + digits] - '0') : fraction;
        if (digits < 1 || digits > 9)
            return false;
        for (size_t i = digits; i < 6; i++)
            fraction *= 10;
    }
    size_t zone_at = digits ? 20 + digits : 19;
    int east;
    if (!naive_zone((struct mc_str){s.data + zone_at, s.len - zone_at}, s.data[10] == 'T', &east))
        return false;
    struct tm tm = {.tm_year = number(s, 0, 4) - 1900,
                    .tm_mon = number(s, 5, 2) - 1,
                    .tm_mday = number(s, 8, 2),
                    .tm_hour = number(s, 11, 2),
                    .tm_min = number(s, 14, 2),
                    .tm_sec = number(s, 17, 2)};
    struct tm normal = tm;
    int64_t seconds = timegm(&normal); /* what is no date comes back as another one */
    *us = (seconds - east * 60) * MC_SECOND_US + fraction;
    return normal.tm_mon == tm.tm_mon && normal.tm_mday == tm.tm_mday && normal.tm_hour == tm.tm_hour &&
           normal.tm_min == tm.tm_min && normal.tm_sec == tm.tm_sec;
}

static bool naive_time(struct mc_str s, int64_t *us) {
    bool good = naive_calendar(s, us);
    if (!good && fits(s, "ddddddddddddd")) {
        *us = ((int64_t)number(s, 0, 6) * 10000000 + number(s, 6, 7)) * 1000;
        good = true;
    }
    return good && *us >= MC_TIME_MIN_US && *us < MC_TIME_END_US;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mc_str text = {(const char *)data, size};
    struct mc_time t, again;
    int64_t us = 0, naive_us = 0;
    bool good = mc_time_parse(text, &t);
    assert(good == naive_time(text, &naive_us));
    if (good) {
        char out[MC_TIME_TEXT_MAX];
        size_t len = mc_time_text(out, t.us);
        assert(t.us == naive_us && len <= sizeof out);
        assert(mc_time_parse((struct mc_str){out, len}, &again) && again.us == t.us);
    }
    if (mc_duration_parse(text, &us)) {
        struct mc_buf b = {0};
        int64_t back = -1;
        mc_buf_duration(&b, us);
        assert(us >= 0 && mc_duration_parse(mc_buf_view(&b), &back) && back == us);
        mc_buf_free(&b);
    }
    return 0;
}

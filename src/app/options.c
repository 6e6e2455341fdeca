#include "app/options.h"

#include <stdio.h>

enum { HELP_COLUMN = 26, WORD_MAX = 63 };

/* ---- values ---- */

bool mc_int_parse(struct mc_str text, int64_t *value) {
    bool negative = text.len > 1 && text.data[0] == '-';
    int64_t v = 0;
    if (text.len == 0)
        return false;
    for (size_t i = negative; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, text.data[i] - '0', &v))
            return false;
    }
    if (!negative && v == INT64_MIN)
        return false;
    *value = negative ? v : -v;
    return true;
}

bool mc_size_parse(struct mc_str text, int64_t *bytes) {
    static const char units[] = "kMGT";
    int64_t factor = 1;
    if (text.len > 1 && strchr(units, text.data[text.len - 1]) != NULL) {
        factor = (int64_t)1 << (10 * (strchr(units, text.data[text.len - 1]) - units + 1));
        text.len--;
    }
    return mc_int_parse(text, bytes) && *bytes >= 0 && !__builtin_mul_overflow(*bytes, factor, bytes);
}

bool mc_instant_parse(struct mc_str text, int64_t *us) {
    char whole[32];
    struct mc_time time;
    if (text.len == 10) {
        snprintf(whole, sizeof whole, "%.10sT00:00:00Z", text.data);
        text = (struct mc_str){whole, strlen(whole)};
    }
    if (text.len < 19 || !mc_time_parse(text, &time))
        return false;
    *us = time.us;
    return true;
}

int mc_choice_parse(const char *choices, struct mc_str text) {
    for (int i = 0;; i++) {
        size_t len = strcspn(choices, "|");
        if (mc_str_equal(text, (struct mc_str){choices, len}))
            return i;
        if (choices[len] == '\0')
            return -1;
        choices += len + 1;
    }
}

/* ---- did you mean ---- */

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Levenshtein's distance, one row at a time; words longer than WORD_MAX are far from everything. */
static size_t distance(const char *a, const char *b) {
    size_t row[WORD_MAX + 1], len_a = strlen(a), len_b = strlen(b);
    if (len_a > WORD_MAX || len_b > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];
            row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len_b];
}

const char *mc_nearest(const char *word, const char *(*next)(const void *list, size_t i), const void *list) {
    const char *best = NULL, *candidate;
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; (candidate = next(list, i)) != NULL; i++) {
        size_t d = distance(word, candidate);
        if (d < best_distance && d < strlen(candidate)) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

/* ---- parsing ---- */

struct tables {
    const struct mc_option *table[2];
    void *target[2];
};

static const char *next_name(const void *list, size_t i) {
    const struct tables *t = list;
    for (int k = 0; k < 2; k++)
        for (const struct mc_option *o = t->table[k]; o != NULL && o->name != NULL; o++)
            if (i-- == 0)
                return o->name;
    return NULL;
}

static const struct mc_option *find(const struct tables *t, struct mc_str name, void **target) {
    for (int k = 0; k < 2; k++)
        for (const struct mc_option *o = t->table[k]; o != NULL && o->name != NULL; o++)
            if (mc_str_equal(name, mc_str_of(o->name))) {
                *target = (char *)t->target[k] + o->offset;
                return o;
            }
    return NULL;
}

static enum mc_err unknown_option(const struct tables *t, struct mc_str name, struct mc_error *e) {
    char word[WORD_MAX + 1];
    snprintf(word, sizeof word, "%.*s", (int)name.len, name.data);
    const char *near = mc_nearest(word, next_name, t);
    if (near == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "there is no option --%s here; --help lists them", word);
    return mc_error_set(e, MC_ERR_USAGE, "there is no option --%s here; did you mean --%s?", word, near);
}

static bool in_range(const struct mc_option *o, int64_t value) {
    return o->min == 0 && o->max == 0 ? value >= 0 : value >= o->min && value <= o->max;
}

static void put_limit(struct mc_buf *b, enum mc_option_type type, int64_t value) {
    if (type == MC_OPTION_DURATION)
        mc_buf_duration(b, value);
    else
        mc_buf_int(b, value);
}

static void put_allowed(struct mc_buf *b, const struct mc_option *o) {
    static const char *const kind[] = {
        [MC_OPTION_FLAG] = "no value",
        [MC_OPTION_STRING] = "a text that is not empty",
        [MC_OPTION_INT] = "a whole number",
        [MC_OPTION_DURATION] = "a duration like 10m, 24h or 7d",
        [MC_OPTION_SIZE] = "a number of bytes like 65536, 64k or 2G",
        [MC_OPTION_INSTANT] = "a date like 2019-10-01 or a time like 2019-10-01T12:00:00Z",
        [MC_OPTION_CHOICE] = "one of ",
    };
    mc_buf_text(b, kind[o->type]);
    if (o->type == MC_OPTION_CHOICE)
        mc_buf_text(b, o->choices);
    if (o->min == 0 && o->max == 0)
        return;
    mc_buf_text(b, " from ");
    put_limit(b, o->type, o->min);
    if (o->max == INT64_MAX)
        return;
    mc_buf_text(b, " to ");
    put_limit(b, o->type, o->max);
}

static enum mc_err bad_value(const struct mc_option *o, const char *value, struct mc_error *e) {
    struct mc_buf allowed = {0};
    put_allowed(&allowed, o);
    if (value == NULL)
        mc_error_set(e, MC_ERR_USAGE, "--%s needs %s", o->name, mc_buf_cstr(&allowed));
    else
        mc_error_set(e, MC_ERR_USAGE, "--%s takes %s, not '%.60s'", o->name, mc_buf_cstr(&allowed), value);
    mc_buf_free(&allowed);
    return MC_ERR_USAGE;
}

static bool parse_number(const struct mc_option *o, struct mc_str text, int64_t *number) {
    switch (o->type) {
    case MC_OPTION_INT:
        return mc_int_parse(text, number) && in_range(o, *number);
    case MC_OPTION_DURATION:
        return mc_duration_parse(text, number) && in_range(o, *number);
    case MC_OPTION_SIZE:
        return mc_size_parse(text, number) && in_range(o, *number);
    case MC_OPTION_INSTANT:
        return mc_instant_parse(text, number);
    default:
        return false;
    }
}

static bool store_value(const struct mc_option *o, void *member, const char *value) {
    if (o->type == MC_OPTION_STRING) {
        *(const char **)member = value;
        return *value != '\0';
    }
    if (o->type == MC_OPTION_CHOICE)
        return (*(int *)member = mc_choice_parse(o->choices, mc_str_of(value))) >= 0;
    return parse_number(o, mc_str_of(value), member);
}

/* Takes the option at argv[*i] and, where it has one, its value; *i is then the last argument taken. */
static enum mc_err take_option(const struct tables *t, int argc, char **argv, int *i, struct mc_error *e) {
    const char *arg = argv[*i] + 2;
    size_t len = strcspn(arg, "=");
    void *member;
    const struct mc_option *o = find(t, (struct mc_str){arg, len}, &member);
    if (o == NULL)
        return unknown_option(t, (struct mc_str){arg, len}, e);
    if (o->type == MC_OPTION_FLAG) {
        *(bool *)member = true;
        return arg[len] == '=' ? bad_value(o, arg + len + 1, e) : MC_OK;
    }
    const char *value = arg[len] == '=' ? arg + len + 1 : NULL;
    if (value == NULL && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
        value = argv[++*i];
    return value != NULL && store_value(o, member, value) ? MC_OK : bad_value(o, value, e);
}

enum mc_err mc_options_parse(const struct mc_option *table, void *target, const struct mc_option *common,
                             void *common_target, int argc, char **argv, struct mc_operands *operands,
                             struct mc_error *e) {
    struct tables t = {{table, common}, {target, common_target}};
    bool only_operands = false;
    operands->count = 0;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (only_operands || arg[0] != '-' || arg[1] == '\0') {
            operands->items[operands->count++] = argv[i];
        } else if (strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (arg[1] != '-') {
            return mc_error_set(e, MC_ERR_USAGE, "there is no option %.20s; options are written in full: --help", arg);
        } else if (take_option(&t, argc, argv, &i, e) != MC_OK) {
            return MC_ERR_USAGE;
        }
    }
    return MC_OK;
}

/* ---- help ---- */

void mc_options_help(struct mc_buf *b, const struct mc_option *table) {
    for (const struct mc_option *o = table; o != NULL && o->name != NULL; o++) {
        size_t start = b->len;
        mc_buf_printf(b, "  --%s%s%s", o->name, o->meta != NULL ? " " : "", o->meta != NULL ? o->meta : "");
        size_t used = b->len - start;
        if (used >= HELP_COLUMN) {
            mc_buf_char(b, '\n');
            used = 0;
        }
        mc_buf_printf(b, "%*s%s\n", (int)(HELP_COLUMN - used), "", o->help);
    }
}

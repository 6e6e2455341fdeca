/* Long options from a table: one parser, and the help text, from the same lines.
 *
 * A command keeps its arguments in a struct of its own, filled with defaults; each line of its table names a member by
 * offset. `--name value`, `--name=value`, `--` (what follows are operands), flags without value; operands and options
 * in any order. A single "-" is an operand: standard input. The same option twice: the later one counts. A value that
 * begins with two dashes is only taken after "=", so that a forgotten value does not swallow the next option.
 * Values point into argv: nothing is owned. Threads: any.
 */
#ifndef MC_APP_OPTIONS_H
#define MC_APP_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

enum mc_option_type {
    MC_OPTION_FLAG,     /* bool: true when given */
    MC_OPTION_STRING,   /* const char *: not empty */
    MC_OPTION_INT,      /* int64_t: decimal digits, within min and max */
    MC_OPTION_DURATION, /* int64_t us: "10m", "24h", "7d", within min and max */
    MC_OPTION_SIZE,     /* int64_t bytes: "300M", with k, M, G or T of 1024; within min and max */
    MC_OPTION_INSTANT,  /* int64_t us: RFC 3339 ("2019-10-01T12:00:00Z") or a date, which is its first instant in UTC */
    MC_OPTION_CHOICE,   /* int: the index in `choices` */
};

struct mc_option {
    const char *name; /* without the dashes; NULL ends a table */
    enum mc_option_type type;
    size_t offset;       /* of the member in the arguments */
    const char *meta;    /* the value's name in help: "TIME"; NULL for a flag */
    const char *help;    /* one line */
    int64_t min, max;    /* both 0: anything from 0 that fits */
    const char *choices; /* "json|csv" */
};

struct mc_operands {
    char **items; /* the caller's array, at least argc long */
    int count;
};

/* Parses argv[0 .. argc-1] by both tables (`common` may be NULL) into their targets. MC_ERR_USAGE with a sentence that
 * names the option and what is allowed; the targets are then filled up to the mistake. */
enum mc_err mc_options_parse(const struct mc_option *table, void *target, const struct mc_option *common,
                             void *common_target, int argc, char **argv, struct mc_operands *operands,
                             struct mc_error *e);

/* One "  --since TIME   what it does" line an option. */
void mc_options_help(struct mc_buf *b, const struct mc_option *table);

/* The candidate that looks most like `word`, at most a third of its letters away, or NULL. `next` gives the i-th
 * candidate and NULL at the end. */
const char *mc_nearest(const char *word, const char *(*next)(const void *list, size_t i), const void *list);

/* The values as options and settings spell them; false if it is none. */
bool mc_size_parse(struct mc_str text, int64_t *bytes);
bool mc_int_parse(struct mc_str text, int64_t *value);
bool mc_instant_parse(struct mc_str text, int64_t *us);

/* The index of `text` in "a|b|c", or -1. */
int mc_choice_parse(const char *choices, struct mc_str text);

#endif

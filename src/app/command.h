/* The commands of maxcart: one table, from which running, help and the manual page come.
 *
 * What happens to `maxcart CMD ...`, in this order: the command is found; its options are parsed over its defaults;
 * --help ends here; the settings are read; the command runs and appends its result to `out`; the output is closed. An
 * error of any step is printed as "maxcart: sentence" on standard error, and is the exit code: 2 for MC_ERR_USAGE, 1
 * for the rest. A reader of standard output who went away is exit code 1 without a sentence.
 */
#ifndef MC_APP_COMMAND_H
#define MC_APP_COMMAND_H

#include "app/config.h"
#include "app/options.h"
#include "app/output.h"

/* One run of one command. Owned by mc_command_main; a command borrows it for its call. */
struct mc_invocation {
    const struct mc_command *command;
    struct mc_operands operands; /* what is no option: a verb, files */
    const char *store;           /* --store, else store.path of the settings; NULL: none was given */
    struct mc_config config;
    const char *config_path; /* --config; NULL: ./maxcart.conf if there is one */
    struct mc_output out;    /* standard output, open; a command may close it and open a file instead */
};

enum { MC_ARGUMENTS_BYTES_MAX = 256 };

struct mc_command {
    const char *name;
    const char *purpose;  /* one line, for `maxcart help` */
    const char *operands; /* "FILE...", "import FILE", "" */
    const char *about;    /* what it does, in lines of at most 78 characters; may be "" */
    const struct mc_option *options;
    const void *defaults; /* the arguments before parsing, `arguments_size` bytes; NULL: zero bytes */
    size_t arguments_size;
    int operands_min, operands_max; /* -1: any number */
    bool without_config;            /* the settings are not read: help, version */
    enum mc_err (*run)(struct mc_invocation *run, const void *arguments, struct mc_error *e);
};

/* All commands, in the order of help; NULL behind the last (commands.c). */
extern const struct mc_command *const mc_commands[];

/* Runs what argv[1...] says; the exit code of the process. `environment` like environ. */
int mc_command_main(int argc, char **argv, char **environment);

/* The store's path, or MC_ERR_USAGE with a sentence that says how to give one. */
enum mc_err mc_invocation_store(const struct mc_invocation *run, const char **path, struct mc_error *e);

/* `maxcart help`, `maxcart CMD --help`, and the manual page maxcart(1). */
void mc_commands_help(struct mc_buf *b);
void mc_command_help(struct mc_buf *b, const struct mc_command *command);
void mc_commands_man(struct mc_buf *b);

/* An operand that is a verb: the index of `word` in "import|list", else MC_ERR_USAGE that names what is there. */
enum mc_err mc_verb_find(const char *verbs, const char *word, int *index, struct mc_error *e);

/* The command called `name`, or NULL. */
const struct mc_command *mc_command_find(const char *name);

/* The i-th name, NULL behind the last: for mc_nearest. */
const char *mc_command_next(const void *unused, size_t i);

#endif

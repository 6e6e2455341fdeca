#include "app/command.h"

#include "app/text.h"
#include "base/mem.h"
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct common {
    const char *config, *store;
    bool help;
};

static const struct mc_option common_options[] = {
    {"store", MC_OPTION_STRING, offsetof(struct common, store), "FILE", "the store; else store.path of the settings", 0,
     0, NULL},
    {"config", MC_OPTION_STRING, offsetof(struct common, config), "FILE",
     "the settings; else ./maxcart.conf if there is one", 0, 0, NULL},
    {"help", MC_OPTION_FLAG, offsetof(struct common, help), NULL, "this text", 0, 0, NULL},
    {0},
};

/* ---- help ---- */

const char *mc_command_next(const void *unused, size_t i) {
    (void)unused;
    return mc_commands[i] != NULL ? mc_commands[i]->name : NULL;
}

const struct mc_command *mc_command_find(const char *name) {
    for (size_t i = 0; mc_commands[i] != NULL; i++)
        if (strcmp(mc_commands[i]->name, name) == 0)
            return mc_commands[i];
    return NULL;
}

void mc_commands_help(struct mc_buf *b) {
    mc_buf_text(b, "maxcart turns a shop's event stream into recovered carts and live sales.\n"
                   "\n"
                   "Usage: maxcart COMMAND [options]\n"
                   "\n"
                   "Commands:\n");
    for (size_t i = 0; mc_commands[i] != NULL; i++)
        mc_buf_printf(b, "  %-12s  %s\n", mc_commands[i]->name, mc_commands[i]->purpose);
    mc_buf_text(b, "\n"
                   "maxcart COMMAND --help says more on one; maxcart config --help lists the settings.\n"
                   "Exit code: 0 good, 1 failed, 2 used wrongly.\n");
}

static bool ends_with_line(const char *text) {
    size_t len = strlen(text);
    return len > 0 && text[len - 1] == '\n';
}

void mc_command_help(struct mc_buf *b, const struct mc_command *command) {
    mc_buf_printf(b, "Usage: maxcart %s%s%s [options]\n\n%s.\n", command->name, *command->operands ? " " : "",
                  command->operands, command->purpose);
    if (command->about[0] != '\0')
        mc_buf_printf(b, "\n%s%s", command->about, ends_with_line(command->about) ? "" : "\n");
    mc_buf_text(b, "\nOptions:\n");
    mc_options_help(b, command->options);
    mc_options_help(b, common_options);
}

static void man_options(struct mc_buf *b, const struct mc_option *o) {
    for (; o != NULL && o->name != NULL; o++) {
        mc_buf_text(b, ".TP\n.B \\-\\-");
        mc_roff_text(b, o->name);
        if (o->meta != NULL) {
            mc_buf_text(b, " \\fI");
            mc_roff_text(b, o->meta);
            mc_buf_text(b, "\\fR");
        }
        mc_buf_char(b, '\n');
        mc_roff_text(b, o->help);
        mc_buf_text(b, ".\n");
    }
}

static void man_command(struct mc_buf *b, const struct mc_command *c) {
    mc_buf_text(b, ".SS maxcart ");
    mc_roff_text(b, c->name);
    mc_buf_text(b, c->operands[0] != '\0' ? " " : "");
    mc_roff_text(b, c->operands);
    mc_buf_char(b, '\n');
    mc_roff_text(b, c->purpose);
    mc_buf_text(b, ".\n");
    if (c->about[0] != '\0') {
        mc_buf_text(b, ".PP\n.nf\n");
        mc_roff_text(b, c->about);
        mc_buf_text(b, ends_with_line(c->about) ? ".fi\n" : "\n.fi\n");
    }
    man_options(b, c->options);
}

void mc_commands_man(struct mc_buf *b) {
    mc_buf_text(b, ".\\\" Made by: maxcart help --man\n"
                   ".TH MAXCART 1 \"\" \"MaxCart " MC_VERSION "\"\n"
                   ".SH NAME\nmaxcart \\- recovered carts and live sales from a shop's event stream\n"
                   ".SH SYNOPSIS\n.B maxcart\n.I COMMAND\n.RI [ options ]\n"
                   ".SH COMMANDS\n");
    for (size_t i = 0; mc_commands[i] != NULL; i++)
        man_command(b, mc_commands[i]);
    mc_buf_text(b, ".SH OPTIONS OF EVERY COMMAND\n");
    man_options(b, common_options);
    mc_buf_text(b, ".SH EXIT STATUS\n0 good, 1 failed, 2 used wrongly: a command, option or setting that has no "
                   "meaning.\nA row of a file that is not good is never a failure: it is kept, counted and shown.\n"
                   ".SH SEE ALSO\n.BR maxcart.conf (5)\n");
}

/* ---- running ---- */

/* One write: lines of several processes do not mix. */
static void say(const char *text) {
    char line[sizeof((struct mc_error *)0)->text + 16];
    int len = snprintf(line, sizeof line, "maxcart: %s\n", text);
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)len);
    (void)ignored;
}

static int exit_code(enum mc_err err) {
    return err == MC_OK ? EXIT_GOOD : err == MC_ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static enum mc_err check_operands(const struct mc_invocation *run, struct mc_error *e) {
    const struct mc_command *c = run->command;
    if (run->operands.count < c->operands_min)
        return mc_error_set(e, MC_ERR_USAGE, "%s needs %s; see maxcart %s --help", c->name, c->operands, c->name);
    if (c->operands_max >= 0 && run->operands.count > c->operands_max)
        return mc_error_set(e, MC_ERR_USAGE, "%s does not take '%.100s'; see maxcart %s --help", c->name,
                            run->operands.items[c->operands_max], c->name);
    return MC_OK;
}

static enum mc_err run_with_config(struct mc_invocation *run, const struct common *common, const void *arguments,
                                   char **environment, struct mc_error *e) {
    if (!run->command->without_config) {
        run->config_path = common->config;
        enum mc_err err = mc_config_open(&run->config, common->config, environment, e);
        if (err != MC_OK)
            return err;
    }
    run->store = common->store;
    if (run->store == NULL && run->config.store.path != NULL && run->config.store.path[0] != '\0')
        run->store = run->config.store.path;
    enum mc_err err = run->command->run(run, arguments, e);
    mc_config_close(&run->config);
    return err;
}

static enum mc_err run_command(struct mc_invocation *run, int argc, char **argv, char **environment,
                               struct mc_error *e) {
    const struct mc_command *c = run->command;
    _Alignas(16) char arguments[MC_ARGUMENTS_BYTES_MAX] = {0};
    struct common common = {0};
    assert(c->arguments_size <= sizeof arguments);
    if (c->defaults != NULL)
        memcpy(arguments, c->defaults, c->arguments_size);
    enum mc_err err = mc_options_parse(c->options, arguments, common_options, &common, argc, argv, &run->operands, e);
    if (err == MC_OK && common.help) {
        /* config --help lists the settings too: it is where people look for them */
        mc_command_help(&run->out.buf, c);
        if (strcmp(c->name, "config") == 0) {
            mc_buf_char(&run->out.buf, '\n');
            mc_config_help(&run->out.buf);
        }
        return MC_OK;
    }
    if (err == MC_OK)
        err = check_operands(run, e);
    return err == MC_OK ? run_with_config(run, &common, arguments, environment, e) : err;
}

static enum mc_err unknown_command(const char *name, struct mc_error *e) {
    if (name[0] == '-')
        return mc_error_set(e, MC_ERR_USAGE, "the command comes first, then %.60s; maxcart help lists the commands",
                            name);
    const char *near = mc_nearest(name, mc_command_next, NULL);
    return mc_error_set(e, MC_ERR_USAGE, "there is no command '%.60s'; %s%s%s", name,
                        near != NULL ? "did you mean " : "maxcart help lists them", near != NULL ? near : "",
                        near != NULL ? "?" : "");
}

/* Words that people try: "-h" and "--help" are help, "--version" is version. */
static const char *command_word(const char *word) {
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    return strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 ? "version" : word;
}

static enum mc_err dispatch(struct mc_invocation *run, int argc, char **argv, char **environment, struct mc_error *e) {
    run->command = mc_command_find(command_word(argv[1]));
    if (run->command == NULL)
        return unknown_command(argv[1], e);
    run->operands.items = mc_calloc((size_t)argc, sizeof *run->operands.items);
    if (run->operands.items == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "out of memory");
    enum mc_err err = run_command(run, argc - 2, argv + 2, environment, e);
    mc_free(run->operands.items);
    return err;
}

/* A closed standard descriptor would be given to the next file that is opened, and what is said would be written into
 * it. So each is taken by /dev/null; standard output so that writing to it is still the error that it is. */
static void hold_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return; /* then nothing else can be opened either */
}

int mc_command_main(int argc, char **argv, char **environment) {
    struct mc_invocation run = {0};
    struct mc_error error = {0}, closing = {0};
    signal(SIGPIPE, SIG_IGN);
    hold_standard_descriptors();
    mc_output_open(&run.out, NULL, NULL);
    if (argc < 2) {
        mc_commands_help(&run.out.buf);
        run.out.fd = STDERR_FILENO;
        mc_output_close(&run.out, NULL);
        return EXIT_USAGE;
    }
    enum mc_err err = dispatch(&run, argc, argv, environment, &error);
    /* what a command appended before it failed is a result too: `report` shows the check that is broken */
    enum mc_err closed = mc_output_close(&run.out, &closing);
    if (err != MC_OK)
        say(error.text);
    if (closed != MC_OK && !mc_output_is_gone(&run.out))
        say(closing.text);
    return err != MC_OK ? exit_code(err) : exit_code(closed);
}

enum mc_err mc_invocation_store(const struct mc_invocation *run, const char **path, struct mc_error *e) {
    *path = run->store;
    if (run->store != NULL)
        return MC_OK;
    return mc_error_set(e, MC_ERR_USAGE,
                        "no store was given: use --store FILE, path in [store] of the settings, or "
                        "MAXCART_STORE_PATH in the environment");
}

enum mc_err mc_verb_find(const char *verbs, const char *word, int *index, struct mc_error *e) {
    *index = mc_choice_parse(verbs, mc_str_of(word));
    if (*index >= 0)
        return MC_OK;
    return mc_error_set(e, MC_ERR_USAGE, "'%.60s' is none of %s", word, verbs);
}

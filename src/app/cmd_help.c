/* maxcart help, maxcart version, maxcart config. */
#include "app/commands.h"

#include "app/printout.h"

struct help_arguments {
    bool man;
};

static const struct mc_option help_options[] = {
    {"man", MC_OPTION_FLAG, offsetof(struct help_arguments, man), NULL, "the manual page maxcart(1) in roff", 0, 0,
     NULL},
    {0},
};

static enum mc_err run_help(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct help_arguments *a = arguments;
    if (a->man) {
        mc_commands_man(&run->out.buf);
        return MC_OK;
    }
    if (run->operands.count == 0) {
        mc_commands_help(&run->out.buf);
        return MC_OK;
    }
    const struct mc_command *command = mc_command_find(run->operands.items[0]);
    if (command == NULL)
        return mc_error_set(e, MC_ERR_USAGE, "there is no command '%.60s'; maxcart help lists them",
                            run->operands.items[0]);
    mc_command_help(&run->out.buf, command);
    return MC_OK;
}

const struct mc_command mc_command_help_command = {
    .name = "help",
    .purpose = "Lists the commands, or says more on one",
    .operands = "[COMMAND]",
    .about = "",
    .options = help_options,
    .arguments_size = sizeof(struct help_arguments),
    .operands_max = 1,
    .without_config = true,
    .run = run_help,
};

static enum mc_err run_version(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    (void)arguments;
    (void)e;
    mc_buf_text(&run->out.buf, "maxcart " MC_VERSION "\n");
    return MC_OK;
}

const struct mc_command mc_command_version = {
    .name = "version",
    .purpose = "Says which version this is",
    .operands = "",
    .about = "",
    .without_config = true,
    .run = run_version,
};

struct config_arguments {
    bool print, man, json, csv;
};

static const struct mc_option config_options[] = {
    {"print", MC_OPTION_FLAG, offsetof(struct config_arguments, print), NULL,
     "the settings in force, and where each came from", 0, 0, NULL},
    {"man", MC_OPTION_FLAG, offsetof(struct config_arguments, man), NULL, "the manual page maxcart.conf(5) in roff", 0,
     0, NULL},
    {"json", MC_OPTION_FLAG, offsetof(struct config_arguments, json), NULL, "with --print: JSON lines", 0, 0, NULL},
    {"csv", MC_OPTION_FLAG, offsetof(struct config_arguments, csv), NULL, "with --print: CSV", 0, 0, NULL},
    {0},
};

static void print_config(struct mc_invocation *run, enum mc_format format) {
    static const struct mc_list_column columns[] = {
        {"key", "SETTING", MC_CELL_TEXT}, {"value", "VALUE", MC_CELL_TEXT}, {"from", "FROM", MC_CELL_TEXT}, {0}};
    struct mc_printout rows;
    struct mc_buf cell[3] = {{0}, {0}, {0}};
    mc_printout_begin(&rows, columns, format, &run->out);
    for (size_t i = 0; mc_config_describe(&run->config, i, &cell[0], &cell[1], &cell[2]); i++)
        for (int k = 0; k < 3; k++) {
            mc_printout_text(&rows, mc_buf_view(&cell[k]));
            run->out.buf.failed |= cell[k].failed;
            cell[k].len = 0;
        }
    mc_printout_end(&rows);
    for (int k = 0; k < 3; k++)
        mc_buf_free(&cell[k]);
}

static enum mc_err run_config(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct config_arguments *a = arguments;
    if (a->man)
        mc_config_man(&run->out.buf);
    else if (a->print)
        print_config(run, a->json ? MC_FORMAT_JSON : a->csv ? MC_FORMAT_CSV : MC_FORMAT_TEXT);
    else
        return mc_error_set(e, MC_ERR_USAGE, "config needs --print, --help or --man");
    return MC_OK;
}

const struct mc_command mc_command_config = {
    .name = "config",
    .purpose = "Shows the settings: what there is (--help), what is in force (--print)",
    .operands = "",
    .about = "",
    .options = config_options,
    .arguments_size = sizeof(struct config_arguments),
    .run = run_config,
};

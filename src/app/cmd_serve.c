/* maxcart serve: the live service. */
#include "app/commands.h"

#include "app/service.h"
#include <unistd.h>

struct arguments {
    const char *inbox;
};

static const struct mc_option options[] = {{"show-inbox", MC_OPTION_STRING, offsetof(struct arguments, inbox), "DIR",
                                            "for a demo: the page shows the .eml files of this folder as an inbox", 0,
                                            0, NULL},
                                           {0}};

static enum mc_err run_serve(struct mc_invocation *run, const void *arguments, struct mc_error *e) {
    const struct arguments *a = arguments;
    struct mc_service_settings settings = {
        .config_path = run->config_path, .environment = environ, .inbox_folder = a->inbox};
    enum mc_err err = mc_invocation_store(run, &settings.store, e);
    return err == MC_OK ? mc_service_run(&settings, &run->config, e) : err;
}

const struct mc_command mc_command_serve = {
    .name = "serve",
    .purpose = "Runs the live service: events in over HTTP, offers out, sales on a page",
    .operands = "",
    .about = "Listens on http.listen (127.0.0.1:8080 unless set) until SIGTERM or Ctrl-C ends\n"
             "it; SIGHUP reads the settings again. The first start makes the store, a browser\n"
             "key and the page's password, and tells them once: on the terminal, or in the\n"
             "file STORE-credentials. An event that was answered 200 is on the disk, and a\n"
             "process killed at any instant goes on where it was.\n",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .run = run_serve,
};

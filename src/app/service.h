/* The live service: one process, its threads, and the order in which they start and end.
 *
 *     HTTP threads      collector, links, pages                 --> queue of the log
 *     log thread        fsyncs what came, makes ticks           --> committed          (intake.h)
 *     ledger thread     engine and ledger, mailer's books       --> outgoing, the feed (service_ledger.c)
 *     courier threads   talk to the mail server                 --> answered
 *     web workers       the pages' questions to the store
 *     main thread       signals, the feed's flush, status
 *
 * Start: store, credentials, log, recovery, mailer, HTTP. End (SIGTERM, SIGINT): no new connection, requests under way
 * are answered, the log is drained, the ledger consumes it, couriers end, checkpoint. SIGHUP reads the settings again:
 * visit, policy, mail, webhook; those of [store], [link] and [http]
 * need a restart.
 */
#ifndef MC_APP_SERVICE_H
#define MC_APP_SERVICE_H

#include "app/config.h"

struct mc_service_settings {
    const char *store;       /* path */
    const char *config_path; /* for SIGHUP; NULL: ./maxcart.conf if there is one */
    char **environment;
    const char *inbox_folder; /* a spool that the page shows; NULL: none */
};

/* Runs until a signal ends it. Borrows the first, takes over and closes the second. The error of the start, or MC_OK
 * after a clean end. */
enum mc_err mc_service_run(const struct mc_service_settings *settings, struct mc_config *config, struct mc_error *e);

#endif

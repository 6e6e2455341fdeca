/* What the files of the service share. Private to service*.c. */
#ifndef MC_APP_SERVICE_PARTS_H
#define MC_APP_SERVICE_PARTS_H

#include "app/intake.h"
#include "app/live.h"
#include "app/service.h"
#include "base/histogram.h"
#include "outreach/courier.h"
#include "outreach/mailer.h"
#include "source/collector.h"
#include "store/read.h"
#include "web/web.h"

enum { MC_COURIERS_MAX = 64, MC_ROUND_ENTRIES = 1024, MC_TAKE_MAX = 256 };

/* What others may know of the ledger thread's state: copied under the lock, a few times a second. */
struct mc_service_view {
    struct mc_live_status live;
    struct mc_report report;
    struct mc_open_carts open_carts;
    int64_t position;
    struct mc_histogram sale_delay, offer_delay; /* microseconds */
    uint64_t checkpoints, recoveries, commits;
    int64_t checkpoint_ns, commit_ns; /* the last one; the sum of all */
};

struct mc_service {
    struct mc_service_settings settings;
    struct mc_config started, reread; /* as it was at the start: others borrow from it to the end; and by SIGHUP */
    const struct mc_config *config;   /* the one of the two that policy, rules and mail go by: the ledger thread's */
    struct mc_buf templates;

    struct mc_ledger *ledger;
    struct mc_access *access;
    struct mc_inbox *inbox;
    struct mc_log log;
    struct mc_link_key link_key;

    /* the ledger thread's */
    struct mc_live *live;
    struct mc_mailer *mailer; /* NULL: the settings do not allow to send */
    struct mc_mailer_settings mailer_settings;
    struct mc_outgoing *unsettled[MC_TAKE_MAX]; /* answered, but the transaction was rolled back */
    size_t unsettled_count;
    int64_t next_mail_ns, next_view_ns, next_carts_ns, checkpoint_at_ns;
    int64_t checkpoint_spent_ns; /* on the checkpoint that is under way */
    struct mc_service_view mine;

    pthread_mutex_t view_lock;
    struct mc_service_view view;

    struct mc_fifo outgoing, answered; /* of struct mc_outgoing */
    pthread_t couriers[MC_COURIERS_MAX];
    uint32_t courier_count;
    atomic_bool courier_stop;

    struct mc_collector *collector;
    struct mc_web *web;
    struct mc_http_server *http;
    atomic_bool ready, reload, failed;
    int64_t started_ns;
};

/* service_ledger.c: opens engine, mailer and couriers; runs until the committed queue is closed and empty; closes. */
enum mc_err mc_service_ledger_open(struct mc_service *s, struct mc_error *e);
void mc_service_ledger_run(struct mc_service *s);
void mc_service_ledger_close(struct mc_service *s);

/* service_http.c: /healthz, /readyz, /metrics. Returns how many routes it added. */
enum { MC_SERVICE_ROUTES = 3 };
size_t mc_service_routes(struct mc_service *s, struct mc_http_route *routes);

struct mc_service_view mc_service_look(struct mc_service *s);

#endif

/* What delivery is told by the configuration: shared by mailer.h and courier.h. NULL and "" are the same. */
#ifndef MC_OUTREACH_SETTINGS_H
#define MC_OUTREACH_SETTINGS_H

#include "outreach/compose.h"
#include "outreach/smtp.h"
#include "outreach/webhook.h"

#define MC_TOO_LATE_AFTER_US (1 * MC_HOUR_US) /* what the configuration should give if nobody said otherwise */
enum { MC_IN_FLIGHT_DEFAULT = 32 };

/* Where messages go: live ones to the mail server or to the webhook (one of them; both are an error), or, with neither,
 * into the spool. Replayed ones into the spool or nowhere: they stay claimed. Borrowed as long as a mailer or a courier
 * lives. */
struct mc_mailer_settings {
    struct mc_sender sender;
    const char *templates;              /* folder */
    const char *spool;                  /* folder; empty: none */
    struct mc_smtp_settings smtp;       /* url empty: none */
    struct mc_webhook_settings webhook; /* url empty: none */
    bool resend_unknown;       /* a lost answer is tried again, at the risk of a second message; default false */
    int64_t too_late_after_us; /* a live message not handed over by then, from when it was due, is withheld; 0: never */
    uint32_t rate_per_minute;  /* messages handed to server or webhook in any minute, also across restarts; 0: any */
    uint32_t in_flight_max;    /* taken and not yet settled; 0: MC_IN_FLIGHT_DEFAULT. What a killed process leaves
                                  unknown is at most this many */
    struct mc_wall (*clock)(void); /* NULL: mc_wall_now */
};

#endif

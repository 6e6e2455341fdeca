/* One message on its way: made by the mailer in the ledger's thread, handed over by a courier in another, settled by
 * the mailer again. One owner at a time; giving the pointer away gives all of it. It borrows nothing.
 */
#ifndef MC_OUTREACH_OUTGOING_H
#define MC_OUTREACH_OUTGOING_H

#include "base/err.h"
#include "base/time.h"
#include "outreach/answer.h"
#include "store/outbox.h"

enum mc_channel { MC_CHANNEL_MAIL, MC_CHANNEL_WEBHOOK, MC_CHANNEL_SPOOL, MC_CHANNELS };

/* "mail", "webhook", "spool". */
extern const char *const mc_channel_names[MC_CHANNELS];

struct mc_outgoing {
    struct mc_outgoing *next; /* for the queues of whoever owns it; NULL at first */
    int64_t id;               /* in the outbox */
    enum mc_channel channel;
    char message_id[MC_MESSAGE_ID_CHARS + 1];
    struct mc_str from, to; /* addresses, checked; behind this struct, as is the body */
    struct mc_str body;     /* the mail, or the webhook's JSON */
    struct mc_time due_at;
    uint32_t attempts; /* this one included */
    uint32_t round;    /* the mailer's: which pause it came after */
    bool replayed;
    /* filled in by the courier */
    struct mc_answer answer;
    struct mc_wall answered_at;
};

/* Copies all that is given; NULL when there is no memory. */
struct mc_outgoing *mc_outgoing_new(struct mc_str from, struct mc_str to, struct mc_str body);

/* Takes one back; *o becomes NULL. */
void mc_outgoing_free(struct mc_outgoing **o);

#endif

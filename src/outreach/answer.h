/* What came of handing a message over, whatever it was handed to: a mail server (smtp.h), a shop's own service
 * (webhook.h), a folder (spool.h). What an outcome says about the message is certain, except UNKNOWN, which says that
 * nobody can know.
 */
#ifndef MC_OUTREACH_ANSWER_H
#define MC_OUTREACH_ANSWER_H

#include <stdint.h>

enum mc_delivery_outcome {
    MC_OUTCOME_NOT_TRIED, /* nobody tried: the message goes back to where it was */
    MC_OUTCOME_ACCEPTED,  /* they have it */
    MC_OUTCOME_RETRY,     /* not now; it may be taken later */
    MC_OUTCOME_BOUNCED,   /* never: this recipient, or this message */
    MC_OUTCOME_REFUSED,   /* us, not the recipient: our sender, our password, our settings */
    MC_OUTCOME_DOWN,      /* nobody there: no message can go now */
    MC_OUTCOME_UNKNOWN,   /* all of it was sent, then no answer */
    MC_OUTCOMES
};

/* "not_tried", "accepted", ... */
extern const char *const mc_delivery_outcome_names[MC_OUTCOMES];

struct mc_answer {
    enum mc_delivery_outcome outcome;
    int code;               /* the server's last code, 0: none; of the spool, the enum mc_err */
    int64_t retry_after_us; /* of RETRY: not earlier than that, as the server asked; 0: it did not */
    char text[256];         /* its words, or ours where there are none; printable ASCII, never a secret */
};

#endif

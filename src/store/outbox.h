/* Messages: from a decision `send` to the mail server's answer.
 *
 *     end_cart           advance                 begin_sending           sent
 *        |      +--> withheld (reason)              +------+-----------> sent
 *        v      |                                   |      |  bounced -> bounced (and the address is suppressed)
 *     waiting --+--> claimed ---------------------> sending -- unknown -> unknown  (answer lost, or found `sending` at
 * start) |                                   ^      |  retry ---> retry (attempts, not before)
 *               +--> control (holdout: nothing      +------+------------+
 *                    is ever sent)                         |   failed --> failed  (given up, the note says why)
 *                                                   before: withheld, when an address was suppressed or lost meanwhile,
 *                                                           or when it was not handed over in time (too_late)
 *
 * All that writes runs in the ledger's open transaction. To hand a message to a server: begin_sending in one
 * transaction, commit, hand over, then the result in the next. The spool, whose write is idempotent by message_id, may
 * do all in one.
 */
#ifndef MC_STORE_OUTBOX_H
#define MC_STORE_OUTBOX_H

#include "store/people.h"

enum mc_message_state {
    MC_MESSAGE_WAITING,
    MC_MESSAGE_CLAIMED,
    MC_MESSAGE_SENDING,
    MC_MESSAGE_SENT,
    MC_MESSAGE_BOUNCED,
    MC_MESSAGE_UNKNOWN,
    MC_MESSAGE_RETRY,
    MC_MESSAGE_WITHHELD,
    MC_MESSAGE_CONTROL,
    MC_MESSAGE_FAILED,
    MC_MESSAGE_STATES
};
extern const char *const mc_message_state_names[MC_MESSAGE_STATES];

/* Why a message was withheld: the decision that held at the second check, or one of these. */
enum { MC_WITHHELD_NONE = -1, MC_WITHHELD_NO_COUPON = 100, MC_WITHHELD_TOO_LATE = 101 };
/* "purchased", ... "capped", "no_coupon", "too_late"; "" for MC_WITHHELD_NONE. */
const char *mc_withheld_name(int withheld);

enum { MC_MESSAGE_ID_CHARS = 32 };

struct mc_message_item {
    struct mc_cart_item item;
    struct mc_str name, image_url, url; /* of the catalogue, empty if it does not know the product */
};

/* All that is needed to render one. All of it lives in the arena. Start from {0}; mc_message_free takes it back there.
 */
struct mc_message {
    int64_t id;                               /* 0: a preview, there is no row in the outbox */
    char message_id[MC_MESSAGE_ID_CHARS + 1]; /* lower-case hex, stable for the visit and the store */
    enum mc_message_state state;
    int withheld; /* enum mc_decision or MC_WITHHELD_... */
    bool replayed;
    struct mc_cart cart;           /* its own copy */
    struct mc_message_item *items; /* cart.item_count of them, by product */
    struct mc_time due_at;         /* expiry + delay */
    struct mc_contact contact;     /* as of now */
    struct mc_offer offer;
    struct mc_str coupon;             /* empty: none */
    struct mc_time coupon_expires_at; /* none: does not expire */
    uint32_t attempts;                /* hand-overs begun, but for those that were postponed */
    struct mc_wall next_at;           /* of a retry: not before */
    struct mc_wall handed_at;         /* to the server or spool; us 0: not yet */
    struct mc_str note;               /* the server's last words */
    struct mc_arena arena;
};

void mc_message_free(struct mc_message *message);

/* Ids of messages to hand over now: claimed, or retry with next_at <= now, in order of id (that of their decisions);
 * only ids above `after` (0 to begin with). Replayed ones only if `with_replayed`: the spool may, SMTP must not. *count
 * <= max. */
enum mc_err mc_outbox_due(struct mc_ledger *l, bool with_replayed, struct mc_wall now, int64_t after, int64_t *ids,
                          size_t max, size_t *count, struct mc_error *e);

/* How many messages are in a state, with what the open transaction did. Of a handle for writing; runs no statement. */
uint64_t mc_outbox_count(const struct mc_ledger *l, enum mc_message_state state);

/* A message that is claimed, or retry: to be handed over when its instant comes. */
struct mc_outbox_ready {
    int64_t id;
    struct mc_time due_at;
    struct mc_wall next_at; /* us 0: at once */
    bool replayed;
};

/* All of them, in no order, if *seen is none; else the claimed ones that were due after it, which costs nothing for the
 * others: a message is claimed when the clock passes its due time. *seen becomes the clock, so that the next call gives
 * what was claimed since. `take` returns false to stop (*seen is then as it was); it must not change the ledger. */
enum mc_err mc_outbox_ready_each(struct mc_ledger *l, struct mc_time *seen,
                                 bool (*take)(void *context, const struct mc_outbox_ready *ready), void *context,
                                 struct mc_error *e);

/* Ids of all messages in one state, in order of id, above `after`. */
enum mc_err mc_outbox_list(struct mc_ledger *l, enum mc_message_state state, int64_t after, int64_t *ids, size_t max,
                           size_t *count, struct mc_error *e);

/* Loads one; *found false if there is no such id. Works on both kinds of handle. */
enum mc_err mc_message_load(struct mc_ledger *l, int64_t id, bool *found, struct mc_message *out, struct mc_error *e);

/* The message that any stored cart would get, whatever its decision, for preview: id 0 and the policy's offer if it has
 * no row in the outbox. The newest cart by expiry of the user if opened_at is none and session empty. */
enum mc_err mc_message_preview(struct mc_ledger *l, struct mc_str user, struct mc_str session, struct mc_time opened_at,
                               bool *found, struct mc_message *out, struct mc_error *e);

/* claimed or retry -> sending, one attempt more. Checks once more that the person has not bought since, can and may be
 * written to; if not, the message is withheld and *go is false. *go is also false if it is in another state. A replayed
 * message is MC_ERR_USAGE unless `to_spool`. */
enum mc_err mc_outbox_begin_sending(struct mc_ledger *l, int64_t id, bool to_spool, bool *go, struct mc_error *e);

/* Results; the message must be in state sending, else nothing happens (a second report is harmless). `note`: the
 * server's words, control characters are replaced, cut at 512 bytes. Bounced suppresses the address it went to. */
enum mc_err mc_outbox_sent(struct mc_ledger *l, int64_t id, struct mc_wall handed_at, struct mc_str note,
                           struct mc_error *e);
enum mc_err mc_outbox_bounced(struct mc_ledger *l, int64_t id, struct mc_wall at, struct mc_str note,
                              struct mc_error *e);
enum mc_err mc_outbox_unknown(struct mc_ledger *l, int64_t id, struct mc_wall at, struct mc_str note,
                              struct mc_error *e);
enum mc_err mc_outbox_retry(struct mc_ledger *l, int64_t id, struct mc_wall next_at, struct mc_str note,
                            struct mc_error *e);

/* Like retry, but the hand-over that was begun does not count as an attempt: nobody was there to take it. */
enum mc_err mc_outbox_postpone(struct mc_ledger *l, int64_t id, struct mc_wall next_at, struct mc_str note,
                               struct mc_error *e);

/* claimed or retry -> withheld, reason too_late; *held is false, and nothing happens, in any other state. */
enum mc_err mc_outbox_too_late(struct mc_ledger *l, int64_t id, bool *held, struct mc_error *e);

/* Given up after its attempts, or because it cannot be composed: final, and nothing is held against the address. `note`
 * says why. */
enum mc_err mc_outbox_failed(struct mc_ledger *l, int64_t id, struct mc_str note, struct mc_error *e);

/* To be called once when delivery starts: what a killed process left in `sending` becomes unknown, or, if `resend` or
 * replayed (it was for the spool, which takes it twice), retry. *count of them. */
enum mc_err mc_outbox_recover(struct mc_ledger *l, bool resend, struct mc_wall now, size_t *count, struct mc_error *e);

#endif

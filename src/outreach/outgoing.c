#include "outreach/outgoing.h"

#include "base/mem.h"

const char *const mc_channel_names[MC_CHANNELS] = {"mail", "webhook", "spool"};
const char *const mc_delivery_outcome_names[MC_OUTCOMES] = {"not_tried", "accepted", "retry",  "bounced",
                                                            "refused",   "down",     "unknown"};

static struct mc_str put(char **at, struct mc_str text) {
    struct mc_str copy = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.data, text.len);
    *at += text.len;
    return copy;
}

struct mc_outgoing *mc_outgoing_new(struct mc_str from, struct mc_str to, struct mc_str body) {
    struct mc_outgoing *o = mc_malloc(sizeof *o + from.len + to.len + body.len);
    if (o == NULL)
        return NULL;
    char *at = (char *)(o + 1);
    *o = (struct mc_outgoing){.from = put(&at, from), .to = put(&at, to), .body = put(&at, body)};
    return o;
}

void mc_outgoing_free(struct mc_outgoing **o) {
    mc_free(*o);
    *o = NULL;
}

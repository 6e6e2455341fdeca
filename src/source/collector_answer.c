#include "source/collector_answer.h"

#include <stdio.h>

enum { RETRY_RATE_MS = 1000, RETRY_STORE_MS = 10000, RETRY_MAX_S = 300 /* clients cap it there */ };

const int mc_collector_refusal_statuses[MC_REFUSALS] = {400, 401, 413, 415, 429, 503};

const char *mc_collector_reason_name(unsigned reason) {
    if (reason < MC_REASONS)
        return mc_reason_names[reason];
    return reason == MC_COLLECTOR_BROWSER_KEY ? "browser_key" : "bad_person";
}

static unsigned reason_of(const char *name) {
    unsigned reason = 0;
    while (reason < MC_COLLECTOR_REASONS - 1 && strcmp(name, mc_collector_reason_name(reason)) != 0)
        reason++;
    return reason;
}

void mc_tally_of(struct mc_tally *t, const struct mc_calls *calls) {
    *t = (struct mc_tally){.accepted = calls->batch.event_count + calls->person_count,
                           .ignored = calls->ignored,
                           .time_corrected = calls->time_corrected};
    for (uint32_t i = 0; i < calls->refusal_count; i++)
        t->rejected[reason_of(calls->refusals[i].reason)]++;
}

void mc_answer_native(struct mc_buf *out, const struct mc_calls *calls) {
    mc_buf_text(out, "{\"accepted\":");
    mc_buf_int(out, (int64_t)calls->call_count - calls->ignored - calls->refusal_count);
    mc_buf_text(out, ",\"rejected\":[");
    for (uint32_t i = 0; i < calls->refusal_count; i++) {
        const struct mc_call_refusal *refusal = &calls->refusals[i];
        mc_buf_text(out, i > 0 ? ",{\"index\":" : "{\"index\":");
        mc_buf_int(out, refusal->call);
        mc_buf_text(out, ",\"reason\":");
        mc_buf_json(out, mc_str_of(refusal->reason));
        if (i < MC_COLLECTOR_MESSAGES_MAX) {
            mc_buf_text(out, ",\"message\":");
            mc_buf_json(out, mc_str_of(refusal->message));
        }
        mc_buf_char(out, '}');
    }
    mc_buf_char(out, ']');
    if (calls->ignored > 0) {
        mc_buf_text(out, ",\"ignored\":");
        mc_buf_int(out, calls->ignored);
    }
    mc_buf_char(out, '}');
}

/* X-RateLimit-Reset is the instant in milliseconds since 1970: so Segment's Node client reads it. */
static void put_retry(struct mc_http_request *r, enum mc_collector_refusal which, uint64_t retry_ms) {
    char text[32];
    retry_ms = retry_ms > 0 ? retry_ms : which == MC_REFUSED_RATE ? RETRY_RATE_MS : RETRY_STORE_MS;
    uint64_t seconds = (retry_ms + 999) / 1000;
    seconds = seconds < RETRY_MAX_S ? seconds : RETRY_MAX_S;
    snprintf(text, sizeof text, "%u", (unsigned)seconds);
    mc_http_put_header(r, "Retry-After", text);
    if (which != MC_REFUSED_RATE)
        return;
    snprintf(text, sizeof text, "%lld", (long long)(mc_wall_now().us / 1000) + (long long)seconds * 1000);
    mc_http_put_header(r, "X-RateLimit-Reset", text);
}

void mc_answer_refusal(struct mc_http_request *r, enum mc_collector_refusal which, const char *code,
                       const char *message, uint64_t retry_ms) {
    if (which == MC_REFUSED_RATE || which == MC_REFUSED_STORE)
        put_retry(r, which, retry_ms);
    if (which == MC_REFUSED_KEY) /* not Basic: browsers would ask their user for a password */
        mc_http_put_header(r, "WWW-Authenticate", "Bearer realm=\"maxcart\"");
    mc_http_answer_error(r, mc_collector_refusal_statuses[which], code, message);
}

void mc_answer_store(struct mc_http_request *r, enum mc_err err) {
    if (err == MC_ERR_FULL)
        mc_answer_refusal(r, MC_REFUSED_STORE, "disk_full",
                          "The service's disk is full: nothing of this request was kept. Make room there; it goes on "
                          "by itself. Send the request again later.",
                          0);
    else if (err == MC_ERR_NOMEM)
        mc_answer_refusal(r, MC_REFUSED_STORE, "no_memory",
                          "The service is out of memory: nothing of this request was kept. Send it again later.", 0);
    else
        mc_answer_refusal(r, MC_REFUSED_STORE, "log_failed",
                          "The service could not write its log: nothing of this request was kept. Its own log says "
                          "why. Send the request again later.",
                          0);
}

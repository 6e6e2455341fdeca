/* What the collector says. Private to it. */
#ifndef MC_SOURCE_COLLECTOR_ANSWER_H
#define MC_SOURCE_COLLECTOR_ANSWER_H

#include "source/collector.h"

/* What became of a request's calls: counted when they are durable. */
struct mc_tally {
    uint32_t accepted, ignored, time_corrected;
    uint32_t rejected[MC_COLLECTOR_REASONS];
};

void mc_tally_of(struct mc_tally *t, const struct mc_calls *calls);

/* {"accepted":N,"rejected":[{"index":3,"reason":"negative_price","message":"..."}],"ignored":N}: a native call is one
 * row or one person, so it is accepted, rejected or ignored as a whole. Appends. */
void mc_answer_native(struct mc_buf *out, const struct mc_calls *calls);

/* Ends the request with {"error","message"}, and Retry-After where it helps. `retry_ms` 0: the usual. */
void mc_answer_refusal(struct mc_http_request *r, enum mc_collector_refusal which, const char *code,
                       const char *message, uint64_t retry_ms);

/* The 503 of a log's error. */
void mc_answer_store(struct mc_http_request *r, enum mc_err err);

#endif

/* Decoded calls as text, so that two decodings compare as strings; shared with fuzz/json_fuzz.c. */
#ifndef MC_TEST_EVENT_JSON_TEXT_H
#define MC_TEST_EVENT_JSON_TEXT_H

#include "csv_text.h"
#include "event/json.h"

static inline void put_person(struct mc_buf *out, const struct mc_batch *b, const struct mc_person_call *p) {
    mc_buf_text(out, p->is_alias ? "alias" : "identify");
    put_slice(out, b, "user", p->user);
    put_slice(out, b, "other", p->other);
    put_slice(out, b, "email", p->email);
    put_slice(out, b, "first_name", p->first_name);
    put_slice(out, b, "language", p->language);
    put_slice(out, b, "time_zone", p->time_zone);
    if (p->consent != 0)
        mc_buf_printf(out, " consent=%d", p->consent);
    mc_buf_char(out, '\n');
}

/* A line a row, person and refusal of a person, in order of the body, then what was counted. Nothing says where a row
 * stood. */
static inline void put_calls(struct mc_buf *out, const struct mc_calls *c) {
    const struct mc_batch *b = &c->batch;
    uint32_t e = 0, r = 0, p = 0;
    for (uint32_t n = 0; n <= b->row_count; n++) {
        for (; p < c->person_count && c->persons[p].before_event == e; p++)
            put_person(out, b, &c->persons[p]);
        bool is_event = e < b->event_count && b->event_rows[e].number == n;
        bool is_reject = r < b->reject_count && b->rejects[r].row.number == n;
        if (is_event)
            put_event(out, b, &b->events[e]);
        if (is_event && !hashes_fit(b, &b->events[e]))
            mc_buf_text(out, " wrong hash");
        if (is_reject)
            mc_buf_printf(out, " %s", mc_reason_names[b->rejects[r].reason]);
        if (n < b->row_count)
            mc_buf_text(out, is_event == is_reject ? " in one list it is not\n" : "\n");
        e += is_event;
        r += is_reject;
    }
    for (uint32_t i = 0; i < c->refusal_count; i++)
        mc_buf_printf(out, "%u %s\n", c->refusals[i].call, c->refusals[i].reason);
    if (e != b->event_count || r != b->reject_count || p != c->person_count)
        mc_buf_text(out, "lists are out of order\n");
    if (c->ignored + c->time_corrected > 0)
        mc_buf_printf(out, "ignored %u, corrected %u\n", c->ignored, c->time_corrected);
}

#endif

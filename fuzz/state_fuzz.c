/* Any bytes as a flat state, and an event for its user: what is no state is answered; what is one encodes to itself,
 * and the state that the event leaves is one too, in the stated workspace.
 *
 *     16 bytes of event: time, clock (minutes), gap, type, session, product, price, quantity, id
 *     the rest: the state
 */
#include "engine/state.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_BYTES = 16 };

static void count_end(void *context, const struct mc_visit_end *end) {
    assert(end->user != NULL && end->visit != NULL && end->visit->last_at.us >= end->visit->first_at.us);
    assert(end->cart == NULL || (end->cart->item_count > 0 && end->cart->items != NULL));
    ++*(unsigned *)context;
}

/* Gives the result, and the new state in *out, which the caller frees. */
struct call {
    const struct mc_rules *rules;
    struct mc_str user;
    const struct mc_input *input; /* NULL: wake */
    struct mc_time clock;
};

static enum mc_state_result do_call(const struct call *c, struct mc_str state, struct mc_buf *out,
                                    struct mc_time *due) {
    unsigned ends = 0;
    struct mc_sink sink = {&ends, count_end};
    struct mc_outcome outcome;
    struct mc_state_io io = {.state = state,
                             .workspace_len = state.len * MC_STATE_WORKSPACE_FACTOR + MC_STATE_WORKSPACE_LEAST};
    io.workspace = malloc(io.workspace_len);
    io.out_cap = state.len + 1024;
    io.out = malloc(io.out_cap);
    enum mc_state_result result = c->input ? mc_state_apply(&io, c->rules, c->user, c->input, &sink, &outcome)
                                           : mc_state_wake(&io, c->rules, c->clock, &sink);
    assert(result == MC_STATE_OK || result == MC_STATE_MALFORMED);
    if (result == MC_STATE_OK) {
        assert(io.out_len <= io.out_cap);
        mc_buf_append(out, io.out, io.out_len);
        *due = io.due;
    }
    free(io.out);
    free(io.workspace);
    return result;
}

static int64_t read_time(const uint8_t *p) {
    uint32_t minutes = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)(p[3] & 7) << 24;
    int64_t us = (int64_t)minutes * MC_MINUTE_US + (p[3] >> 3);
    return us < MC_TIME_END_US ? us : MC_TIME_END_US - 1;
}

static struct mc_input read_event(const uint8_t *p) {
    static const char names[] = "abcd";
    struct mc_input in = {.time = {read_time(p)},
                          .clock = {p[8] & 1 ? read_time(p + 4) : MC_TIME_NONE_US},
                          .type = (enum mc_event_type)(p[9] % MC_EVENT_TYPES),
                          .session = {&names[p[10] % 4], 1},
                          .product = {&names[p[11] % 4], 1},
                          .price = p[12] * (int64_t)1000,
                          .quantity = 1 + p[13],
                          .has_message_id = p[14] & 1,
                          .message_id = {p[14], p[15]}};
    in.session_hash = mc_hash64(in.session.data, 1);
    in.product_hash = mc_hash64(in.product.data, 1);
    return in;
}

/* Quantities that no shop reaches, to which the event could add beyond what a state may hold. */
static bool is_overflowing(struct mc_str state) {
    for (size_t i = 0; i + 8 <= state.len; i++) {
        int64_t v;
        memcpy(&v, state.data + i, sizeof v);
        if (v > ((int64_t)1 << 60) - 1000 && v <= (int64_t)1 << 60)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t gaps[] = {30 * MC_MINUTE_US, MC_MINUTE_US, 36 * MC_HOUR_US, 1};
    if (size < EVENT_BYTES)
        return 0;
    struct mc_rules rules = mc_rules_default();
    rules.gap_us = gaps[data[8] >> 6];
    rules.wall_mode = (enum mc_wall_mode)(data[8] >> 1 & 31) % 3;
    struct mc_str state = {(const char *)data + EVENT_BYTES, size - EVENT_BYTES};
    struct mc_input in = read_event(data);
    struct mc_buf same = {0}, after = {0}, woken = {0};
    struct mc_time due = {MC_TIME_NONE_US};
    struct mc_str user = state.len > 2 && (size_t)(unsigned char)state.data[1] + 2 <= state.len
                             ? (struct mc_str){state.data + 2, (unsigned char)state.data[1]}
                             : MC_STR("user");
    struct call look = {.rules = &rules, .clock = {MC_TIME_NONE_US}},
                apply = {.rules = &rules, .user = user, .input = &in},
                wake = {.rules = &rules, .clock = {MC_TIME_END_US - 1}};
    enum mc_state_result result = do_call(&look, state, &same, &due);
    assert(result == MC_STATE_MALFORMED || same.len == 0 || mc_str_equal(state, mc_buf_view(&same)));
    assert(do_call(&apply, state, &after, &due) == result);
    if (result == MC_STATE_OK && !is_overflowing(state)) {
        assert(mc_time_is_none(due) || mc_time_is_none(in.clock) || due.us > in.clock.us);
        same.len = 0;
        assert(do_call(&look, mc_buf_view(&after), &same, &due) == MC_STATE_OK);
        assert(mc_str_equal(mc_buf_view(&same), mc_buf_view(&after)));
        assert(do_call(&wake, mc_buf_view(&after), &woken, &due) == MC_STATE_OK);
    }
    mc_buf_free(&same);
    mc_buf_free(&after);
    mc_buf_free(&woken);
    return 0;
}

/* Flat states as a cluster keeps them: a state and one timer a user. What the tests compare a partition with.
 *
 * Each call has a workspace of exactly the stated size. A thorough one gives too little output first, and checks that
 * what was refused left nothing.
 */
#ifndef MC_TEST_ENGINE_FLAT_H
#define MC_TEST_ENGINE_FLAT_H

#include "../base/seed.h"
#include "base/mem.h"
#include "engine/state.h"

enum { FLAT_USERS_MAX = 64, FLAT_GROWTH_MAX = 1024 /* bytes that one event can add */ };

struct flat_user {
    struct mc_str id; /* the test's */
    struct mc_buf state;
    struct mc_time due;
};

struct flat {
    struct flat_user users[FLAT_USERS_MAX];
    uint32_t count;
    const struct mc_rules *rules;
    void *context; /* told of ends once they are certain */
    void (*ended)(void *context, const struct mc_visit_end *end);
    bool thorough; /* try each call with less, too */
    struct mc_buf workspace, out;
};

static inline void flat_free(struct flat *f) {
    for (uint32_t i = 0; i < f->count; i++)
        mc_buf_free(&f->users[i].state);
    f->count = 0;
    mc_buf_free(&f->workspace);
    mc_buf_free(&f->out);
}

static inline struct flat_user *flat_user_of(struct flat *f, struct mc_str id) {
    for (uint32_t i = 0; i < f->count; i++)
        if (mc_str_equal(f->users[i].id, id))
            return &f->users[i];
    check(f->count < FLAT_USERS_MAX);
    f->users[f->count] = (struct flat_user){.id = id, .due = {MC_TIME_NONE_US}};
    return &f->users[f->count++];
}

/* What is to be done to a state. */
enum flat_step { FLAT_APPLY, FLAT_WAKE, FLAT_FINISH };

struct flat_call {
    enum flat_step step;
    const struct mc_input *input; /* FLAT_APPLY */
    struct mc_time clock;         /* the others */
    struct mc_outcome outcome;
};

static inline enum mc_state_result flat_try(struct flat *f, struct flat_user *u, struct mc_state_io *io,
                                            struct flat_call *call, const struct mc_sink *sink) {
    switch (call->step) {
    case FLAT_APPLY:
        return mc_state_apply(io, f->rules, u->id, call->input, sink, &call->outcome);
    case FLAT_WAKE:
        return mc_state_wake(io, f->rules, call->clock, sink);
    default:
        return mc_state_finish(io, f->rules, call->clock, sink);
    }
}

static inline void flat_ignore(void *context, const struct mc_visit_end *end) {
    (void)context;
    (void)end;
}

/* The same call with no output and with a byte too little: refused with the length that is needed, the old state as it
 * was. */
static inline void flat_try_less(struct flat *f, struct flat_user *u, struct mc_state_io *io, struct flat_call *call) {
    struct mc_sink nobody = {NULL, flat_ignore};
    char *before = malloc(u->state.len + 1);
    memcpy(before, u->state.len ? u->state.data : "", u->state.len);
    void *out = io->out;
    io->out_cap = 0;
    io->out = NULL;
    enum mc_state_result result = flat_try(f, u, io, call, &nobody);
    check(result == (io->out_len == 0 ? MC_STATE_OK : MC_STATE_NEEDS_OUTPUT));
    size_t needed = io->out_len;
    io->out = out;
    io->out_cap = needed > 0 ? needed - 1 : 0;
    if (needed > 0)
        check(flat_try(f, u, io, call, &nobody) == MC_STATE_NEEDS_OUTPUT && io->out_len == needed);
    check(memcmp(before, u->state.len ? u->state.data : "", u->state.len) == 0);
    io->out_cap = needed;
    free(before);
}

/* Of exactly this length for a thorough call, so that the sanitizer sees what goes beyond; large enough for another. */
static inline void *flat_room(struct mc_buf *room, bool exact, size_t len) {
    if (exact)
        mc_buf_free(room);
    if (exact)
        room->data = mc_malloc(room->cap = len);
    return exact ? room->data : mc_buf_reserve(room, len);
}

static inline void flat_do(struct flat *f, struct flat_user *u, struct flat_call *call) {
    size_t out_cap = u->state.len + FLAT_GROWTH_MAX;
    size_t workspace_len = u->state.len * MC_STATE_WORKSPACE_FACTOR + MC_STATE_WORKSPACE_LEAST;
    void *workspace = flat_room(&f->workspace, f->thorough, workspace_len),
         *out = flat_room(&f->out, f->thorough, out_cap);
    struct mc_state_io io = {.state = mc_buf_view(&u->state),
                             .out = out,
                             .out_cap = out_cap,
                             .workspace = workspace,
                             .workspace_len = workspace_len};
    if (f->thorough)
        flat_try_less(f, u, &io, call);
    struct mc_sink sink = {f->context, f->ended};
    check(flat_try(f, u, &io, call, &sink) == MC_STATE_OK && io.out_len <= io.out_cap &&
          (!f->thorough || io.out_len == io.out_cap));
    u->state.len = 0;
    mc_buf_append(&u->state, out, io.out_len);
    u->due = io.due;
    struct mc_state_io again = {
        .state = mc_buf_view(&u->state), .workspace = workspace, .workspace_len = workspace_len};
    if (f->thorough)
        check(mc_state_due(&again, f->rules) == MC_STATE_OK && again.due.us == io.due.us);
}

/* The timers that this clock has passed fire. */
static inline void flat_timers(struct flat *f, struct mc_time clock) {
    for (uint32_t i = 0; i < f->count && !mc_time_is_none(clock); i++) {
        struct flat_user *u = &f->users[i];
        if (!mc_time_is_none(u->due) && u->due.us <= clock.us)
            flat_do(f, u, &(struct flat_call){.step = FLAT_WAKE, .clock = clock});
        check(mc_time_is_none(u->due) || u->due.us > clock.us); /* waking once is enough */
    }
}

static inline struct mc_outcome flat_apply(struct flat *f, struct mc_str user, const struct mc_input *input) {
    struct flat_call call = {.step = FLAT_APPLY, .input = input};
    flat_do(f, flat_user_of(f, user), &call);
    return call.outcome;
}

static inline void flat_finish(struct flat *f, struct mc_time clock) {
    for (uint32_t i = 0; i < f->count; i++)
        flat_do(f, &f->users[i], &(struct flat_call){.step = FLAT_FINISH, .clock = clock});
}

#endif

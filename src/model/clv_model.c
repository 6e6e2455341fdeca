#include "model/clv_model.h"

#include "base/mem.h"
#include "model/clv_bgnbd.h"
#include "model/clv_pareto.h"
#include <assert.h>
#include <math.h>
#include <string.h>

static const struct {
    const char *name, *title, *params[MC_CLV_PARAMS];
} kinds[MC_CLV_KINDS] = {
    [MC_CLV_NBD] = {"nbd", "NBD", {"r", "alpha"}},
    [MC_CLV_BGNBD] = {"bg-nbd", "BG/NBD", {"r", "alpha", "a", "b"}},
    [MC_CLV_MBGNBD] = {"mbg-nbd", "MBG/NBD", {"r", "alpha", "a", "b"}},
    [MC_CLV_PARETONBD] = {"pareto-nbd", "Pareto/NBD", {"r", "alpha", "s", "beta"}},
};

const char *mc_clv_kind_name(enum mc_clv_kind kind) {
    return kinds[kind].name;
}

const char *mc_clv_kind_title(enum mc_clv_kind kind) {
    return kinds[kind].title;
}

const char *mc_clv_param_name(enum mc_clv_kind kind, int i) {
    return i < MC_CLV_PARAMS ? kinds[kind].params[i] : NULL;
}

const char *mc_clv_note_text(enum mc_clv_note note) {
    static const char *const text[] = {
        [MC_CLV_NOTE_NONE] = "",
        [MC_CLV_NOTE_PRIOR] =
            "nobody has bought again yet: the rate is a prior, half a purchase over all the time that "
            "was observed, until there is a first repeat purchase",
        [MC_CLV_NOTE_NO_DROPOUT] = "customers who leave for good do not show in these purchases: this is the model "
                                   "without leaving (NBD), to which everybody is alive, however long away",
        [MC_CLV_NOTE_LIMIT] =
            "a parameter ran to its bound: there is too little variety in the data to measure it, and "
            "it has no standard error",
        [MC_CLV_NOTE_UNCONVERGED] = "the search for the best parameters has not quite ended: these are the best found",
    };
    return text[note];
}

/* ---- one customer ---- */

double mc_clv_alive(const struct mc_clv_model *m, struct mc_clv_history h) {
    switch (m->kind) {
    case MC_CLV_BGNBD:
    case MC_CLV_MBGNBD:
        return mc_clv_bgnbd_alive(m->kind == MC_CLV_MBGNBD, m->params, h);
    case MC_CLV_PARETONBD:
        return mc_clv_pareto_alive(m->params, h);
    default:
        return 1;
    }
}

void mc_clv_law_of(const struct mc_clv_model *m, struct mc_clv_history h, double t, struct mc_clv_law *law) {
    switch (m->kind) {
    case MC_CLV_BGNBD:
    case MC_CLV_MBGNBD:
        mc_clv_bgnbd_law(m->kind == MC_CLV_MBGNBD, m->params, h, t, law);
        break;
    case MC_CLV_PARETONBD:
        mc_clv_pareto_law(m->params, h, t, law);
        break;
    default:
        mc_clv_law_nbd(m->params[0] + h.x, m->params[1] + h.T, t, law);
    }
}

double mc_clv_expected(const struct mc_clv_model *m, struct mc_clv_history h, double t) {
    struct mc_clv_law law = {0};
    mc_clv_law_of(m, h, t, &law);
    return mc_clv_alive(m, h) * law.mean;
}

double mc_clv_new(const struct mc_clv_model *m, double t) {
    return mc_clv_expected(m, (struct mc_clv_history){0, 0, 0}, t);
}

/* Of one who is alive. */
static double living_residual(const struct mc_clv_model *m, struct mc_clv_history h, double rate) {
    switch (m->kind) {
    case MC_CLV_BGNBD:
    case MC_CLV_MBGNBD:
        return mc_clv_bgnbd_residual(m->kind == MC_CLV_MBGNBD, m->params, h, rate);
    case MC_CLV_PARETONBD:
        return mc_clv_pareto_residual(m->params, h, rate);
    default:
        return (m->params[0] + h.x) / (m->params[1] + h.T) / rate;
    }
}

double mc_clv_residual(const struct mc_clv_model *m, struct mc_clv_history h, double rate) {
    return mc_clv_alive(m, h) * living_residual(m, h, rate);
}

/* ---- all customers ---- */

/* What x and T lead to, for one who is alive. */
struct living {
    struct mc_clv_law law;
    double discounted;
};

static struct mc_clv_forecast forecast_of(const struct mc_clv_model *m, struct mc_clv_history h,
                                          const struct mc_clv_question *q, const struct living *living) {
    double alive = mc_clv_alive(m, h);
    struct mc_clv_forecast f = {alive, alive * living->law.mean, NAN, NAN, alive * living->discounted};
    if (q->interval) {
        f.low = mc_clv_law_quantile(&living->law, alive, MC_CLV_INTERVAL_LOW);
        f.high = mc_clv_law_quantile(&living->law, alive, MC_CLV_INTERVAL_HIGH);
    }
    return f;
}

enum mc_err mc_clv_predict(const struct mc_clv_model *m, const struct mc_clv_counts *c,
                           const struct mc_clv_question *question, struct mc_clv_forecast *forecasts,
                           struct mc_error *e) {
    struct living living = {0};
    double x = -1, T = -1;
    if (question->interval) {
        living.law.capacity = MC_CLV_LAW_TERMS_MAX;
        living.law.tail = mc_malloc(living.law.capacity * sizeof *living.law.tail);
        if (living.law.tail == NULL)
            return mc_error_set(e, MC_ERR_NOMEM, "no memory for the intervals of the forecasts");
    }
    for (size_t i = 0; i < c->count; i++) {
        struct mc_clv_history h = c->history[i];
        if (h.x != x || h.T != T) {
            mc_clv_law_of(m, h, question->horizon, &living.law);
            living.discounted = question->rate > 0 ? living_residual(m, h, question->rate) : 0;
            x = h.x;
            T = h.T;
        }
        forecasts[i] = forecast_of(m, h, question, &living);
    }
    mc_free(living.law.tail);
    return MC_OK;
}

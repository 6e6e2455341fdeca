/* Steps of one row: the queue names the next instant, either of a visit under way or of the next arrival; that visit
 * decides what it does (a plan of so many views, carts, removals and purchases, drawn at arrival), writes one row, and
 * goes back into the queue with a gap. Purchases of one order, and exact duplicates, follow with a gap of zero; rows
 * sent again with a gap of one second.
 *
 * The number of arrivals is steered: each minute gets its part of the rows that the month still lacks. So the months
 * come out as published without the visits having to know of each other.
 */
#include "sim/simulator.h"

#include "base/mem.h"
#include "base/time.h"
#include "sim/calendar.h"
#include "sim/items.h"
#include "sim/users.h"
#include "sim/visits.h"
#include <assert.h>
#include <string.h>

const char mc_sim_header[] =
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n";

/* Mean rows per session, in thousandths: what an arrival brings. Steering corrects what is wrong with it. */
#define ROWS_PER_SESSION_MILLI ((uint64_t)4562)

/* Of 1,000,000 rows of a type: how many are followed by an exact duplicate, and how many of the rest by the same again
 * a second later. Published: 1,109,098 and 407,843 rows; in the sample nearly all are removals. */
static const struct {
    uint32_t twice, again;
} repeats[MC_SIM_TYPES] = {{500, 3000}, {22300, 23000}, {243500, 87000}, {0, 0}};

static const struct {
    char text[24];
    uint32_t len;
} type_texts[MC_SIM_TYPES] = {{"view,", 5}, {"cart,", 5}, {"remove_from_cart,", 17}, {"purchase,", 9}};

struct mc_sim {
    struct mc_rng rng;
    struct mc_items items;
    struct mc_users users;
    struct mc_visits visits;
    uint64_t events, rows; /* asked for, written */
    uint64_t planned;      /* rows to come of the visits that do not pause */
    uint64_t weight_left[MC_SIM_MONTHS];
    uint32_t minute;            /* not planned yet */
    uint32_t arrivals, arrived; /* of minute - 1 */
    uint32_t next_arrival;      /* second, valid when arrived < arrivals */
    uint32_t stamped;           /* second that `stamp` shows */
    char stamp[24];             /* "2019-10-01 00:00:00 UTC," */
};

/* ---- open, close ---- */

static void sum_weights(struct mc_sim *sim) {
    for (uint32_t minute = 0; minute < MC_SIM_MINUTES; minute++)
        sim->weight_left[mc_calendar_month(minute)] += mc_calendar_weight(minute);
}

enum mc_err mc_sim_open(const struct mc_sim_settings *settings, struct mc_sim **out, struct mc_error *e) {
    *out = NULL;
    if (settings->events == 0 || settings->events > MC_SIM_EVENTS_MAX)
        return mc_error_set(e, MC_ERR_USAGE, "a simulated store has 1 to 2000000000 events");
    struct mc_sim *sim = mc_calloc(1, sizeof *sim);
    if (sim == NULL)
        return mc_error_set(e, MC_ERR_NOMEM, "no memory for the simulator");
    sim->events = settings->events;
    sim->stamped = UINT32_MAX;
    mc_rng_seed(&sim->rng, settings->seed);
    sum_weights(sim);
    enum mc_err err = mc_items_open(&sim->items, settings->seed, e);
    if (err == MC_OK)
        err = mc_users_open(&sim->users, settings->seed, settings->events, e);
    if (err == MC_OK)
        err = mc_visits_open(&sim->visits, settings->events, e);
    if (err != MC_OK)
        mc_sim_close(&sim);
    *out = sim;
    return err;
}

void mc_sim_close(struct mc_sim **sim) {
    if (*sim == NULL)
        return;
    mc_items_close(&(*sim)->items);
    mc_users_close(&(*sim)->users);
    mc_visits_close(&(*sim)->visits);
    mc_free(*sim);
    *sim = NULL;
}

uint64_t mc_sim_rows(const struct mc_sim *sim) {
    return sim->rows;
}

/* ---- arrivals ---- */

/* Spread over the minute, one in each of its equal parts, so that they come in order. */
static void place_arrival(struct mc_sim *sim) {
    uint64_t part = ((uint64_t)sim->arrived << 32) + (mc_rng_next(&sim->rng) >> 32);
    sim->next_arrival = (sim->minute - 1) * 60 + (uint32_t)((unsigned __int128)part * 60 / sim->arrivals >> 32);
}

static void plan_minute(struct mc_sim *sim) {
    uint32_t minute = sim->minute++, weight = mc_calendar_weight(minute);
    int month = mc_calendar_month(minute);
    uint64_t until = mc_calendar_rows_until(month, sim->events), have = sim->rows + sim->planned;
    uint64_t left = until > have ? until - have : 0;
    unsigned __int128 due =
        ((unsigned __int128)(left * 1000 / ROWS_PER_SESSION_MILLI * weight) << 20) +
        ((unsigned __int128)(left * 1000 % ROWS_PER_SESSION_MILLI * weight) << 20) / ROWS_PER_SESSION_MILLI;
    due = due / sim->weight_left[month] + (mc_rng_next(&sim->rng) >> 44); /* a random part of one: rounds either way */
    sim->weight_left[month] -= weight;
    sim->arrivals = (uint32_t)(due >> 20);
    sim->arrived = 0;
    if (sim->arrivals > 0)
        place_arrival(sim);
}

/* The second of the next arrival. When the five months are over, what is still lacking arrives in their last second. */
static uint32_t next_arrival(struct mc_sim *sim) {
    while (sim->arrived == sim->arrivals && sim->minute < MC_SIM_MINUTES)
        plan_minute(sim);
    return sim->arrived < sim->arrivals ? sim->next_arrival : MC_SIM_SECONDS - 1;
}

static struct mc_visit *arrive(struct mc_sim *sim, uint32_t second) {
    struct mc_visit *visit = mc_visits_add(&sim->visits);
    if (sim->arrived < sim->arrivals && ++sim->arrived < sim->arrivals)
        place_arrival(sim);
    if (visit != NULL) {
        struct mc_user user = mc_users_arrive(&sim->users, &sim->rng);
        mc_visit_plan(visit, &user, mc_calendar_month(second / 60), &sim->rng);
        sim->planned += mc_visit_rows_left(visit);
    }
    return visit;
}

/* ---- rows ---- */

static void put_two(char *at, uint32_t value) {
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

static void set_stamp(struct mc_sim *sim, uint32_t second) {
    int year;
    unsigned month, day;
    mc_date_of_days(MC_SIM_START_S / 86400 + second / 86400, &year, &month, &day);
    memcpy(sim->stamp, "2019-10-01 00:00:00 UTC,", sizeof sim->stamp);
    put_two(sim->stamp + 2, (uint32_t)year % 100);
    put_two(sim->stamp + 5, month);
    put_two(sim->stamp + 8, day);
    put_two(sim->stamp + 11, second / 3600 % 24);
    put_two(sim->stamp + 14, second / 60 % 60);
    put_two(sim->stamp + 17, second % 60);
    sim->stamped = second;
}

/* Copies fixed lengths and moves on by the true ones: what lies behind is overwritten, and ROW_MAX leaves room. */
static char *put_row(struct mc_sim *sim, const struct mc_visit *visit, uint32_t second, char *out) {
    const struct mc_item *item = &sim->items.items[visit->item];
    if (second != sim->stamped)
        set_stamp(sim, second);
    memcpy(out, sim->stamp, sizeof sim->stamp);
    out += sizeof sim->stamp;
    memcpy(out, type_texts[visit->type].text, sizeof type_texts[0].text);
    out += type_texts[visit->type].len;
    memcpy(out, item->text, sizeof item->text);
    out += item->len;
    memcpy(out, visit->tail, sizeof visit->tail);
    return out + visit->tail_len;
}

/* Seconds until the visit's next row, UINT32_MAX when there is none. */
static uint32_t next_gap(struct mc_sim *sim, struct mc_visit *visit) {
    if (mc_chance(&sim->rng, repeats[visit->type].twice)) {
        visit->repeat = true;
        return 0;
    }
    if (mc_chance(&sim->rng, repeats[visit->type].again)) {
        visit->repeat = true;
        return 1;
    }
    return mc_visit_gap(visit, &sim->rng);
}

/* One row of the visit, which then goes on in the queue or is over. */
static char *step(struct mc_sim *sim, struct mc_visit *visit, uint32_t second, char *out) {
    uint32_t left = mc_visit_rows_left(visit);
    sim->planned += visit->paused ? left : 0;
    if (visit->repeat)
        visit->repeat = false;
    else
        mc_visit_act(visit, &sim->items, &sim->rng);
    out = put_row(sim, visit, second, out);
    sim->rows++;

    uint32_t gap = next_gap(sim, visit);
    bool over = gap >= MC_SIM_SECONDS - second;
    visit->paused = gap >= MC_SIM_PAUSE_S;
    sim->planned -= left - (over || visit->paused ? 0 : mc_visit_rows_left(visit));
    if (over)
        mc_visits_remove(&sim->visits, visit);
    else
        mc_visits_push(&sim->visits, visit, second + gap);
    return out;
}

size_t mc_sim_next_batch(struct mc_sim *sim, char *out, size_t room) {
    char *at = out;
    assert(room >= MC_SIM_ROW_MAX);
    while (sim->rows < sim->events && room - (size_t)(at - out) >= MC_SIM_ROW_MAX) {
        uint32_t arrival = next_arrival(sim), due = mc_visits_next(&sim->visits);
        bool arrives = arrival < due;
        struct mc_visit *visit = arrives ? arrive(sim, arrival) : mc_visits_pop(&sim->visits);
        if (visit != NULL) /* at the limit, an arrival is turned away */
            at = step(sim, visit, arrives ? arrival : due, at);
    }
    return (size_t)(at - out);
}

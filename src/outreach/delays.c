#include "outreach/delays.h"

#include "store/checkpoint.h"
#include <stdio.h>

enum { NAME_BYTES = 48 };

static int64_t hour_of(struct mc_wall at) {
    return at.us / MC_HOUR_US;
}

static void name_of(int64_t hour, char name[NAME_BYTES]) {
    int64_t slot = (hour % MC_DELAYS_HOURS + MC_DELAYS_HOURS) % MC_DELAYS_HOURS;
    snprintf(name, NAME_BYTES, "outreach.delay.%lld", (long long)slot);
}

/* A slot that holds another hour, or what nobody can read, is an empty hour. */
static enum mc_err load(struct mc_ledger *l, int64_t hour, struct mc_histogram *out, struct mc_error *e) {
    char name[NAME_BYTES];
    struct mc_buf bytes = {0};
    name_of(hour, name);
    enum mc_err err = mc_snapshot_get(l, name, &bytes, e);
    struct mc_reader r = {.rest = mc_buf_view(&bytes)};
    if (err != MC_OK || mc_get_i64(&r) != hour || !mc_histogram_decode(out, r.rest))
        *out = (struct mc_histogram){0};
    mc_buf_free(&bytes);
    return err;
}

enum mc_err mc_delays_store(struct mc_delays *d, struct mc_ledger *l, struct mc_error *e) {
    char name[NAME_BYTES];
    struct mc_buf bytes = {0};
    if (!d->changed)
        return MC_OK;
    name_of(d->hour, name);
    mc_put_i64(&bytes, d->hour);
    mc_histogram_encode(&bytes, &d->histogram);
    enum mc_err err = bytes.failed ? mc_error_set(e, MC_ERR_NOMEM, "no memory to write the delays of messages")
                                   : mc_snapshot_put(l, name, mc_buf_view(&bytes), e);
    mc_buf_free(&bytes);
    d->changed = err != MC_OK;
    return err;
}

enum mc_err mc_delays_add(struct mc_delays *d, struct mc_ledger *l, struct mc_wall at, int64_t delay_us,
                          struct mc_error *e) {
    enum mc_err err = MC_OK;
    if (!d->loaded || d->hour != hour_of(at)) {
        err = mc_delays_store(d, l, e);
        if (err == MC_OK)
            err = load(l, hour_of(at), &d->histogram, e);
        if (err != MC_OK)
            return err;
        d->hour = hour_of(at);
        d->loaded = true;
    }
    mc_histogram_add(&d->histogram, delay_us);
    d->changed = true;
    return err;
}

enum mc_err mc_delays_read(struct mc_ledger *l, struct mc_wall at, struct mc_histogram *out, struct mc_error *e) {
    return load(l, hour_of(at), out, e);
}

/* The live stream: sales as the ledger commits them, and the service's status, to every connected page.
 *
 *     mc_feed_add, add, ... commit     the ledger's thread, after its own commit
 *          |
 *          v        kept: the deltas of the last commits, in order, each with the log position of its commit
 *     [ old ......... | now ........ | open ]         old is dropped whole when now is full
 *          ^ floor                   ^ position
 *     mc_feed_flush                    every 100 ms: coalesces what is new and writes one frame to each page
 *
 * A frame of server-sent events is
 *     id: POSITION / event: sales  / data: [{"product_id","units","revenue_minor","at","arrived_at"}...]
 *                    event: status / data: {...}          at most once a second, no id
 *     id: POSITION / event: reset  / data: {}             fetch the snapshot again, and open the stream from its
 * position : comments                                          each 15 s, so that proxies keep the connection A frame
 * holds the sums of all deltas of (position before, POSITION], by product and UTC minute of the sale, so a page that
 * adds up what it gets, in whatever pieces it reconnects, has every delta once. `at` is the latest sale's time,
 * `arrived_at` the latest arrival.
 *
 * Threads: any; there is a lock inside. Adding never waits for a page: frames go to buffers that are bounded.
 */
#ifndef MC_WEB_FEED_H
#define MC_WEB_FEED_H

#include "base/err.h"
#include "base/time.h"

enum {
    MC_FEED_SUBSCRIBERS_MAX = 256,
    MC_FEED_FRAME_SALES_MAX = 4096, /* more in one frame is a reset */
    MC_FEED_RING_BYTES = 8 << 20,   /* each of old and now: some 80,000 deltas */
    MC_FEED_SESSION_CHARS = 63,
};

struct mc_feed;

/* Where frames go: an HTTP stream, or a test's buffer. `to` is the feed's from subscribe to close. */
struct mc_feed_sink {
    bool (*write)(void *to, struct mc_str frame); /* false: the reader is gone or too slow */
    void (*close)(void *to);
};

/* Whether a page may go on reading: asked every few seconds with the session it came with. */
struct mc_feed_guard {
    void *context;
    bool (*allowed)(void *context, struct mc_str session, struct mc_wall now);
};

/* `position`: the log position that the ledger has now; what came before it is not in the ring. `ring_bytes` 0: the
 * default. `guard` may have no function: all are allowed. MC_ERR_NOMEM. */
enum mc_err mc_feed_open(struct mc_feed **out, int64_t position, size_t ring_bytes, struct mc_feed_sink sink,
                         struct mc_feed_guard guard, struct mc_error *e);
/* Closes what is connected. NULL inside is fine. */
void mc_feed_close(struct mc_feed **feed);

struct mc_feed_sale {
    struct mc_str product; /* copied */
    int64_t units;
    __int128 revenue;  /* minor units */
    struct mc_time at; /* event time */
    struct mc_wall arrived_at;
};

/* A delta of the commit that is under way; not seen by anybody until mc_feed_commit. One thread adds and commits. Out
 * of memory is no error: the ring is emptied and pages are told to fetch the snapshot. */
void mc_feed_add(struct mc_feed *feed, const struct mc_feed_sale *sale);

/* The ledger has durably committed up to this position (its counter "log.position"), with what was added. Positions
 * never go back. */
void mc_feed_commit(struct mc_feed *feed, int64_t position);

/* Called by the app every 100 ms (more often is harmless, more rarely is later): writes what is new. */
void mc_feed_flush(struct mc_feed *feed, struct mc_wall now);

/* The data of the next status event: JSON on one line; copied. Sent once with the next flush, at most once a second. */
void mc_feed_set_status(struct mc_feed *feed, struct mc_str json);

/* A page: it gets all deltas behind `after`, or a reset if the ring no longer has them; `after` < 0: those from now on.
 * Takes `to` and closes it in any case. False: too many are connected; `to` is still the caller's. */
bool mc_feed_subscribe(struct mc_feed *feed, void *to, int64_t after, struct mc_str session, struct mc_wall now);

size_t mc_feed_subscribers(struct mc_feed *feed);

/* Position of the last commit that the feed was told of. */
int64_t mc_feed_position(struct mc_feed *feed);

#endif

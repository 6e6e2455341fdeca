/* The live service's face: the page, its API and stream, login and share links, the customer's links.
 *
 * How the app drives it:
 *     mc_web_open, then mc_web_routes into the table of the HTTP server, then mc_http_open
 *     one or two threads of its own:      while (mc_web_work(web)) {}
 *     the ledger's thread, after commit:  mc_feed_add ... mc_feed_commit(mc_web_feed(web), position)
 *     a timer, every 100 ms:              mc_feed_flush(mc_web_feed(web), mc_wall_now())
 *     a timer, every second:              mc_web_set_status(web, &status)
 *     to end: mc_http_stop_accepting, mc_web_stop, join the workers, mc_http_close, mc_web_close
 *
 * HTTP threads never wait here: what reads the store, hashes a password or writes a session is put into a bounded queue
 * (full: 503 with Retry-After) and done by the workers, of which each has the store open for reading by itself. So at
 * most as many passwords are checked, and readers hold the store, as there are workers: two at most. No read holds the
 * store for more than MC_WEB_READ_MS (503 too_slow).
 * Who may: anybody the links and the login page; a session of a share link reads; a session of the admin does all.
 */
#ifndef MC_WEB_WEB_H
#define MC_WEB_WEB_H

#include "http/server.h"
#include "outreach/link.h"
#include "source/intake.h"
#include "store/access.h"
#include "store/outbox.h"
#include "web/feed.h"

enum {
    MC_WEB_ROUTES_MAX = 48,
    MC_WEB_JOBS_MAX = 128, /* requests waiting for a worker */
    MC_WEB_READ_MS = 900,
    MC_WEB_LOGINS_WAITING_MAX = 8,
};

/* All borrowed as long as the web. */
struct mc_web_settings {
    const char *store;        /* the ledger's path; it must exist */
    struct mc_access *access; /* passwords, share links, sessions */
    struct mc_intake intake;  /* unsubscribes and clicks */
    const struct mc_link_key *link_key;
    const char *store_name, *currency; /* may be "": then no name, no sign */
    const char *time_zone;             /* IANA name, "" is UTC: what the page calls today */
    /* Where /r/TOKEN leads: a http(s) URL with the placeholders {items} (ID:QUANTITY, comma between them; the bytes of
     * an id percent-encoded, so : and , are only separators) and {coupon} (percent-encoded, empty if none), which may
     * stand behind the host only. "": a page of our own that shows the cart. */
    const char *cart_address;
    const char *shop_url;   /* where /c/ and expired links lead; "": the root of cart_address, else a page of our own */
    const char *public_url; /* ours, as the world sees it; may be "" */
    const char *spool_inbox; /* a folder of .eml files that the page shows as an inbox (demo); NULL: none */
    int64_t promise_us;      /* from expiry + delay to the mail server: 180 s */
};

/* A distribution since the service started, or of its last hour: whichever the app keeps. */
struct mc_web_delay {
    uint64_t count;
    int64_t p50_us, p99_us, max_us;
};

/* What only the running service knows. */
struct mc_web_status {
    struct mc_time clock;         /* of the log: none before the first event */
    struct mc_wall last_event_at; /* arrival; us 0: none yet */
    uint64_t events, rejected;    /* since the store was made: accepted ones; refused ones */
    int64_t open_visits, open_carts;
    __int128 open_cart_value; /* minor units */
    uint64_t behind;          /* entries of the log that are not consumed yet */
    uint64_t messages[MC_MESSAGE_STATES];
    struct mc_web_delay sale, offer; /* arrival of a purchase to its frame written; expiry + delay to handed over */
};

struct mc_web;

/* MC_ERR_USAGE: an address template that is none. MC_ERR_IO ...: the store cannot be read. MC_ERR_NOMEM. */
enum mc_err mc_web_open(struct mc_web **out, const struct mc_web_settings *settings, struct mc_error *e);
void mc_web_close(struct mc_web **web);

/* Fills the routes, which live as long as the web; returns how many (at most MC_WEB_ROUTES_MAX, asserted <= max). */
size_t mc_web_routes(struct mc_web *web, struct mc_http_route *routes, size_t max);

/* Waits for a request in the queue and answers it. False: mc_web_stop was called. One thread each. */
bool mc_web_work(struct mc_web *web);

/* Answers what waits in the queue with 503, and lets the workers end. */
void mc_web_stop(struct mc_web *web);

struct mc_feed *mc_web_feed(struct mc_web *web);

/* Goes to the pages within a second, and into the history of minutes that Quality shows. Any thread. */
void mc_web_set_status(struct mc_web *web, const struct mc_web_status *status, struct mc_wall now);

#endif

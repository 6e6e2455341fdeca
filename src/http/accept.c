/* The acceptor: one thread that takes new connections, refuses those beyond the limits, hands the others to the worker
 * with the fewest, ends those whose client takes too long, and reads on for a while behind answers that were given
 * before all was read. libmicrohttpd could accept by itself; then nobody would see a client that sends a byte of its
 * head now and then, addresses of proxies would count like any other, and the workers' shares would be left to chance.
 *
 * Time limits: a head within request_timeout of the connection's opening (behind an answer: idle_timeout more, since
 * the next head's first byte is not seen), a body within request_timeout of its head, an answer taken within ten times
 * that. When three quarters of the connections are in use, or half of the memory for bodies, clients have a tenth of
 * their time: whoever holds many connections slowly then loses them, before others find none. */
#include "http/internal.h"

#include "base/hash.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SWEEP_MS = 500, ACCEPTS_A_ROUND = 64, PAUSE_MS = 100, SOONEST_MS = 1000 };

/* ---- how many an address has; under the lock ---- */

static struct mc_ip network_of(struct mc_ip ip) {
    if (!mc_ip_is_v4(&ip))
        memset(ip.bytes + 8, 0, 8);
    return ip;
}

static struct mc_http_peer **peer_place(struct mc_http_server *server, const struct mc_ip *network) {
    struct mc_http_peer **at = &server->peers[mc_hash64(network, sizeof *network) % MC_HTTP_PEER_BUCKETS];
    while (*at != NULL && memcmp(&(*at)->ip, network, sizeof *network) != 0)
        at = &(*at)->next;
    return at;
}

/* The peer with one more connection; NULL if it has its share already, or there is no memory. */
static struct mc_http_peer *peer_acquire(struct mc_http_server *server, struct mc_ip ip) {
    struct mc_ip network = network_of(ip);
    struct mc_http_peer **at = peer_place(server, &network), *peer = *at;
    if (peer == NULL) {
        peer = mc_malloc(sizeof *peer);
        if (peer == NULL)
            return NULL;
        *peer = (struct mc_http_peer){.ip = network};
        *at = peer;
    }
    if (peer->count >= server->connections_per_address_max)
        return NULL;
    peer->count++;
    return peer;
}

static void peer_release(struct mc_http_server *server, struct mc_http_peer *peer) {
    if (peer == NULL || --peer->count > 0)
        return;
    *peer_place(server, &peer->ip) = peer->next;
    mc_free(peer);
}

/* ---- the table of connections; under the lock ---- */

static bool table_grow(struct mc_http_server *server, size_t count) {
    if (count <= server->by_fd_count)
        return true;
    count = (count + 255) / 256 * 256;
    void *table = mc_realloc(server->by_fd, count * sizeof *server->by_fd);
    if (table == NULL)
        return false;
    server->by_fd = table;
    memset(server->by_fd + server->by_fd_count, 0, (count - server->by_fd_count) * sizeof *server->by_fd);
    server->by_fd_count = count;
    return true;
}

static void table_remove(struct mc_http_server *server, int fd) {
    struct mc_http_connection *c = (size_t)fd < server->by_fd_count ? server->by_fd[fd] : NULL;
    if (c == NULL)
        return;
    server->by_fd[fd] = NULL;
    server->connections--;
    atomic_fetch_sub(&c->worker->connections, 1);
    peer_release(server, c->peer);
    mc_free(c);
}

static struct mc_http_worker *least_loaded(struct mc_http_server *server) {
    struct mc_http_worker *least = &server->workers[0];
    for (uint32_t i = 1; i < server->worker_count; i++)
        if (atomic_load(&server->workers[i].connections) < atomic_load(&least->connections))
            least = &server->workers[i];
    return least;
}

/* Enters an accepted socket; NULL if it is one too many, or there is no memory. A number that is still in the table
 * belongs to a connection that libmicrohttpd had no memory for, and closed without a word. */
static struct mc_http_connection *admit(struct mc_http_server *server, int fd, struct mc_ip ip) {
    table_remove(server, fd);
    if (server->connections >= server->connections_max || !table_grow(server, (size_t)fd + 1))
        return NULL;
    struct mc_http_connection *c = mc_calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct mc_http_connection){.server = server, .worker = least_loaded(server), .fd = fd, .ip = ip};
    c->trusted = mc_ip_set_has(&server->trusted, &ip);
    if (server->connections_per_address_max > 0 && !c->trusted && (c->peer = peer_acquire(server, ip)) == NULL) {
        mc_free(c);
        return NULL;
    }
    mc_ip_text(&ip, c->address);
    mc_http_enter(c, MC_STAGE_NEW);
    server->by_fd[fd] = c;
    server->connections++;
    atomic_fetch_add(&c->worker->connections, 1);
    return c;
}

/* ---- accepting ---- */

/* Keeps an answered socket open for reading until its client is done; false if there are too many already. Under the
 * lock. */
static bool linger_push(struct mc_http_server *server, int fd) {
    if (fd < 0 || server->linger_count == MC_HTTP_LINGER_MAX)
        return false;
    server->lingering[server->linger_count++] = (struct mc_http_linger){fd, mc_http_now_ms() + MC_HTTP_LINGER_MS};
    return true;
}

static void refuse(struct mc_http_server *server, int fd) {
    static const char body[] = "{\"error\":\"too_many_connections\",\"message\":\"Use fewer connections at a time.\"}";
    char text[256];
    atomic_fetch_add(&server->refused, 1);
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                       sizeof body - 1, body);
    bool lingers = false;
    if (!server->tls && send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len) {
        shutdown(fd, SHUT_WR);
        pthread_mutex_lock(&server->lock);
        lingers = linger_push(server, fd);
        pthread_mutex_unlock(&server->lock);
    }
    if (!lingers)
        close(fd);
}

static void take_connection(struct mc_http_server *server, int fd, const struct sockaddr *address, socklen_t len) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_mutex_lock(&server->lock);
    struct mc_http_connection *c = admit(server, fd, mc_ip_of_socket(address));
    struct mc_http_worker *worker = c != NULL ? c->worker : NULL;
    pthread_mutex_unlock(&server->lock);
    if (worker == NULL) {
        refuse(server, fd);
        return;
    }
    if (MHD_add_connection(worker->daemon, fd, address, len) == MHD_YES)
        return;
    pthread_mutex_lock(&server->lock); /* only this thread enters new ones: the number is still ours */
    table_remove(server, fd);
    pthread_mutex_unlock(&server->lock);
    atomic_fetch_add(&server->refused, 1);
}

/* False when there are no more file numbers or memory: a pause. */
static bool accept_some(struct mc_http_server *server) {
    for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == ECONNABORTED)
            continue;
        if (fd < 0)
            return errno == EAGAIN || errno == EINTR;
        take_connection(server, fd, (struct sockaddr *)&address, len);
    }
    return true;
}

/* libmicrohttpd, in the worker's thread. CLOSED comes before it closes the socket. */
void mc_http_connection_notify(void *context_of_worker, struct MHD_Connection *mhd, void **context,
                               enum MHD_ConnectionNotificationCode code) {
    struct mc_http_worker *worker = context_of_worker;
    struct mc_http_server *server = worker->server;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    size_t fd = info != NULL ? (size_t)info->connect_fd : SIZE_MAX;
    pthread_mutex_lock(&server->lock);
    struct mc_http_connection *c = fd < server->by_fd_count ? server->by_fd[fd] : NULL;
    if (code == MHD_CONNECTION_NOTIFY_STARTED && c != NULL) {
        *context = c;
        c->started = true;
    } else if (code == MHD_CONNECTION_NOTIFY_CLOSED && c != NULL) {
        int copy = c->linger ? fcntl((int)fd, F_DUPFD_CLOEXEC, 0) : -1;
        if (copy >= 0 && !linger_push(server, copy))
            mc_http_close_fd(&copy);
        table_remove(server, (int)fd);
        if (copy >= 0)
            mc_http_acceptor_wake(server);
    }
    pthread_mutex_unlock(&server->lock);
}

/* ---- clients that take too long ---- */

static bool is_pressed(const struct mc_http_server *server) {
    return server->connections > server->connections_max / 4 * 3 ||
           atomic_load(&server->body_bytes) > server->bodies_bytes_max / 2;
}

/* What the stage allows; 0: no limit. */
static int64_t limit_ms(const struct mc_http_server *server, enum mc_http_stage stage, bool pressed) {
    int64_t limit = 0;
    switch (stage) {
    case MC_STAGE_NEW:
    case MC_STAGE_BODY:
        limit = server->request_ms;
        break;
    case MC_STAGE_IDLE:
        limit = server->idle_ms + server->request_ms;
        break;
    case MC_STAGE_SEND:
        return server->request_ms * MC_HTTP_SEND_LIMIT_TIMES;
    case MC_STAGE_WORK:
    case MC_STAGE_STREAM:
        return 0;
    }
    limit = pressed ? limit / MC_HTTP_HURRY_TIMES : limit;
    return limit < SOONEST_MS ? SOONEST_MS : limit;
}

/* A client that has said all it will (it closed, or half): libmicrohttpd 0.9.75 misses the end of what came together
 * with the last bytes, since it waits for the next edge of epoll, and would keep the connection until it is idle for
 * too long. */
static bool has_hung_up(int fd, enum mc_http_stage stage, int64_t for_ms) {
    char byte;
    return (stage == MC_STAGE_NEW || stage == MC_STAGE_IDLE || stage == MC_STAGE_BODY) && for_ms > SOONEST_MS &&
           recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A shut socket makes its worker close the connection. */
static void sweep(struct mc_http_server *server, int64_t now_ms) {
    pthread_mutex_lock(&server->lock);
    bool pressed = is_pressed(server);
    for (size_t fd = 0; fd < server->by_fd_count; fd++) {
        struct mc_http_connection *c = server->by_fd[fd];
        if (c == NULL || !c->started)
            continue;
        uint64_t packed = atomic_load_explicit(&c->stage, memory_order_relaxed);
        enum mc_http_stage stage = (enum mc_http_stage)(packed & 7);
        int64_t limit = limit_ms(server, stage, pressed), for_ms = now_ms - (int64_t)(packed >> 3);
        if ((limit > 0 && for_ms > limit) || has_hung_up((int)fd, stage, for_ms))
            shutdown((int)fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
}

/* ---- lingering ---- */

void mc_http_close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Throws away what came; true when the client is done, or its time is over. */
static bool drain(const struct mc_http_linger *linger, int64_t now_ms) {
    char bytes[16384];
    for (int i = 0; i < 16; i++) {
        ssize_t count = recv(linger->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            return true;
        if (count < 0)
            break;
    }
    return now_ms > linger->until_ms;
}

static void linger_round(struct mc_http_server *server, int64_t now_ms, bool all) {
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->linger_count;) {
        if (!all && !drain(&server->lingering[i], now_ms)) {
            i++;
            continue;
        }
        close(server->lingering[i].fd);
        server->lingering[i] = server->lingering[--server->linger_count];
    }
    pthread_mutex_unlock(&server->lock);
}

/* ---- the thread ---- */

/* Waits for a connection, a wake or bytes of those that linger; returns whether there is one to accept. */
static bool wait_for_work(struct mc_http_server *server, bool paused) {
    struct pollfd polls[2 + MC_HTTP_LINGER_MAX];
    polls[0] = (struct pollfd){.fd = server->wake_fd, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = paused ? -1 : server->listen_fd, .events = POLLIN};
    nfds_t count = 2;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->linger_count; i++)
        polls[count++] = (struct pollfd){.fd = server->lingering[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&server->lock);
    if (poll(polls, count, paused ? PAUSE_MS : SWEEP_MS) <= 0)
        return false;
    uint64_t wakes;
    if (polls[0].revents != 0)
        (void)!read(server->wake_fd, &wakes, sizeof wakes);
    return polls[1].revents != 0;
}

static void *accept_loop(void *context) {
    struct mc_http_server *server = context;
    bool paused = false;
    int64_t swept_ms = mc_http_now_ms();
    while (!atomic_load(&server->stopping)) {
        if (atomic_load(&server->quiet))
            mc_http_close_fd(&server->listen_fd);
        bool some = wait_for_work(server, paused);
        paused = some && !accept_some(server);
        int64_t now_ms = mc_http_now_ms();
        linger_round(server, now_ms, false);
        if (now_ms - swept_ms >= SWEEP_MS) {
            sweep(server, now_ms);
            swept_ms = now_ms;
        }
    }
    return NULL;
}

void mc_http_acceptor_wake(struct mc_http_server *server) {
    uint64_t one = 1;
    (void)!write(server->wake_fd, &one, sizeof one);
}

enum mc_err mc_http_acceptor_start(struct mc_http_server *server, struct mc_error *e) {
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake_fd < 0)
        return mc_error_set(e, mc_err_of_errno(errno), "starting the HTTP server: %s", strerror(errno));
    int why = pthread_create(&server->acceptor, NULL, accept_loop, server);
    if (why != 0)
        return mc_error_set(e, MC_ERR_NOMEM, "starting the HTTP server's thread: %s", strerror(why));
    server->acceptor_runs = true;
    return MC_OK;
}

void mc_http_acceptor_stop(struct mc_http_server *server) {
    if (!server->acceptor_runs)
        return;
    atomic_store(&server->stopping, true);
    mc_http_acceptor_wake(server);
    pthread_join(server->acceptor, NULL);
    server->acceptor_runs = false;
}

void mc_http_acceptor_free(struct mc_http_server *server) {
    linger_round(server, 0, true);
    pthread_mutex_lock(&server->lock);
    for (size_t fd = 0; fd < server->by_fd_count; fd++)
        table_remove(server, (int)fd);
    pthread_mutex_unlock(&server->lock);
}

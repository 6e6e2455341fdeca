/* A client of raw sockets, and the text of an answer. Reads give up after 20 s: a test that hangs fails. */
#ifndef MC_TEST_HTTP_CLIENT_H
#define MC_TEST_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/rng.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENT_WAIT_S = 20 };

/* The port at the end of a server's URL. */
static inline uint16_t port_of(const struct mc_http_server *server) {
    return (uint16_t)atoi(strrchr(mc_http_url(server), ':') + 1);
}

static inline int client_connect_from(uint16_t port, const char *from) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct timeval wait = {.tv_sec = CLIENT_WAIT_S};
    struct sockaddr_in here = {.sin_family = AF_INET},
                       there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (from != NULL) {
        assert_int_equal(inet_pton(AF_INET, from, &here.sin_addr), 1);
        assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof there), 0);
    return fd;
}

static inline int client_connect(const struct mc_http_server *server) {
    return client_connect_from(port_of(server), NULL);
}

/* False: the peer is gone. */
static inline bool client_send(int fd, const void *data, size_t len) {
    for (size_t sent = 0; sent < len;) {
        ssize_t count = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
        if (count < 0)
            return false;
        sent += (size_t)count;
    }
    return true;
}

static inline bool client_text(int fd, const char *text) {
    return client_send(fd, text, strlen(text));
}

/* Reads one byte or more; false at the end, or when the connection is reset. */
static inline bool client_more(int fd, struct mc_buf *in) {
    char *room = mc_buf_reserve(in, 65536);
    assert_non_null(room);
    ssize_t count = recv(fd, room, 65536, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("no byte for %d s", CLIENT_WAIT_S);
    in->len += count > 0 ? (size_t)count : 0;
    return count > 0;
}

struct answer {
    int status; /* 0: the connection ended without one */
    struct mc_buf head, body;
};

static inline void answer_free(struct answer *a) {
    mc_buf_free(&a->head);
    mc_buf_free(&a->body);
    a->status = 0;
}

static inline const char *answer_body(struct answer *a) {
    return mc_buf_cstr(&a->body);
}

/* The value of a header into `out`; false if it is not there. */
static inline bool answer_header(struct answer *a, const char *name, char out[256]) {
    const char *line = strstr(mc_buf_cstr(&a->head), "\r\n");
    for (size_t len = strlen(name); line != NULL && line[2] != '\0'; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *value = line + 3 + len + strspn(line + 3 + len, " ");
            size_t value_len = (size_t)(strstr(value, "\r\n") - value);
            snprintf(out, 256, "%.*s", (int)value_len, value);
            return true;
        }
    return false;
}

static inline void client_drop(struct mc_buf *in, size_t count) {
    in->len -= count;
    memmove(in->data, in->data + count, in->len);
}

/* The next answer of a connection; `in` keeps what came behind it. `has_body` false: to a HEAD. */
static inline void client_answer(int fd, struct mc_buf *in, bool has_body, struct answer *a) {
    char length[256] = "0";
    const char *end = NULL;
    answer_free(a);
    while ((end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL) == NULL)
        if (!client_more(fd, in))
            return;
    size_t head = (size_t)(end - in->data) + 4;
    mc_buf_append(&a->head, in->data, head);
    a->status = atoi(mc_buf_cstr(&a->head) + 9);
    client_drop(in, head);
    if (!has_body || !answer_header(a, "Content-Length", length))
        return;
    size_t bytes = (size_t)strtoull(length, NULL, 10);
    while (in->len < bytes)
        if (!client_more(fd, in)) {
            a->status = 0;
            return;
        }
    mc_buf_append(&a->body, in->data, bytes);
    client_drop(in, bytes);
}

/* One request over its own connection. */
static inline void client_ask(const struct mc_http_server *server, const char *request, struct answer *a) {
    struct mc_buf in = {0};
    int fd = client_connect(server);
    client_text(fd, request);
    client_answer(fd, &in, strncmp(request, "HEAD", 4) != 0, a);
    mc_buf_free(&in);
    close(fd);
}

/* Waits until the peer has ended the connection; what came is thrown away. */
static inline void client_await_end(int fd) {
    struct mc_buf in = {0};
    while (client_more(fd, &in))
        in.len = 0;
    mc_buf_free(&in);
}

/* ---- a server with usual settings ---- */

static inline struct mc_http_server *server_open_with(struct mc_http_settings settings) {
    struct mc_http_server *server;
    struct mc_error e = {0};
    settings.listen = settings.listen ? settings.listen : "127.0.0.1:0";
    settings.threads = settings.threads ? settings.threads : 2;
    if (mc_http_open(&server, &settings, &e) != MC_OK)
        fail_msg("%s", e.text);
    return server;
}

static inline struct mc_http_server *server_open(const struct mc_http_route *routes, size_t count) {
    return server_open_with((struct mc_http_settings){.routes = routes, .route_count = count});
}

#endif

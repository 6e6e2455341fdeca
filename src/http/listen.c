/* The listening socket of an address as settings spell it. */
#include "http/internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A fixed receive buffer for each connection (the kernel doubles it, and caps it by net.core.rmem_max). The one that
 * the kernel tunes by itself starts at 128 KB, two segments of the loopback device: bodies of 125 KB then now and then
 * fell into a closed window and its timers, 90 ms each, for seconds (160 requests/s in place of 8,000). */
enum { HOST_CHARS = 64, PORT_CHARS = 6, BACKLOG = 1024, RECEIVE_BYTES = 262144 };

/* "host:port", "[host]:port", ":port"; host "" is all addresses. */
static bool split(const char *address, char host[HOST_CHARS], char port[PORT_CHARS]) {
    const char *colon = strrchr(address, ':');
    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) >= PORT_CHARS)
        return false;
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535)
        return false;
    size_t len = (size_t)(colon - address);
    bool brackets = len >= 2 && address[0] == '[' && address[len - 1] == ']';
    if (!brackets && memchr(address, ':', len) != NULL)
        return false; /* an IPv6 address needs brackets */
    if (brackets)
        address++, len -= 2;
    if (len >= HOST_CHARS)
        return false;
    memcpy(host, address, len);
    host[len] = '\0';
    strcpy(port, colon + 1);
    return true;
}

static int open_socket(const struct addrinfo *info, bool all) {
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0,
        bytes = RECEIVE_BYTES;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); /* inherited by what it accepts */
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? &off : &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* All addresses: one IPv6 socket takes IPv4 as well; a machine without IPv6 has the other. */
static int open_host(const char *host, const char *port, const char *family_host, bool *found) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *info = NULL;
    const char *name = strcmp(family_host, "localhost") == 0 ? "127.0.0.1" : family_host;
    *found = getaddrinfo(name, port, &hints, &info) == 0;
    if (!*found)
        return -1;
    int fd = open_socket(info, host[0] == '\0');
    int why = errno;
    freeaddrinfo(info);
    errno = why;
    return fd;
}

static void describe(int fd, const char *host, bool tls, char *url, size_t url_size) {
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    getsockname(fd, (struct sockaddr *)&bound, &len);
    unsigned port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                      : ((struct sockaddr_in *)&bound)->sin_port);
    const char *shown = host[0] == '\0' ? "127.0.0.1" : host;
    bool brackets = strchr(shown, ':') != NULL;
    snprintf(url, url_size, "http%s://%s%s%s:%u", tls ? "s" : "", brackets ? "[" : "", shown, brackets ? "]" : "",
             port);
}

enum mc_err mc_http_listen(const char *address, bool tls, int *fd, char *url, size_t url_size, struct mc_error *e) {
    char host[HOST_CHARS], port[PORT_CHARS];
    bool found = false;
    if (!split(address, host, port))
        return mc_error_set(e, MC_ERR_USAGE, "listening on \"%s\": not HOST:PORT, [HOST]:PORT or :PORT", address);
    *fd = open_host(host, port, host[0] == '\0' ? "::" : host, &found);
    if (*fd < 0 && host[0] == '\0' && errno != EADDRINUSE && errno != EACCES)
        *fd = open_host(host, port, "0.0.0.0", &found);
    if (!found)
        return mc_error_set(e, MC_ERR_USAGE, "listening on \"%s\": the host is no IP address", address);
    if (*fd < 0) {
        enum mc_err code = errno == EADDRINUSE ? MC_ERR_BUSY : errno == EADDRNOTAVAIL ? MC_ERR_USAGE : MC_ERR_IO;
        return mc_error_set(e, code, "listening on \"%s\": %s", address, strerror(errno));
    }
    describe(*fd, host, tls, url, url_size);
    return MC_OK;
}

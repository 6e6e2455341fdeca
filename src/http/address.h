/* IP addresses: reading, writing, the set of trusted proxies, and whom X-Forwarded-For names. Pure but for sockets'
 * structures. IPv4 is kept as the mapped IPv6 address (::ffff:a.b.c.d), so that there is one kind. */
#ifndef MC_HTTP_ADDRESS_H
#define MC_HTTP_ADDRESS_H

#include "base/err.h"
#include "base/str.h"
#include <sys/socket.h>

enum { MC_IP_CHARS = 46, MC_IP_TRUSTED_MAX = 64 };

struct mc_ip {
    unsigned char bytes[16];
};

/* "1.2.3.4", "::1", also with a port behind it: "1.2.3.4:80", "[::1]:80", "[::1]". False if it is none. */
bool mc_ip_parse(struct mc_str text, struct mc_ip *out);

void mc_ip_text(const struct mc_ip *ip, char out[MC_IP_CHARS]);
struct mc_ip mc_ip_of_socket(const struct sockaddr *address);
bool mc_ip_is_v4(const struct mc_ip *ip);

struct mc_ip_set {
    struct {
        struct mc_ip ip;
        unsigned bits; /* of 128 that must be equal */
    } ranges[MC_IP_TRUSTED_MAX];
    size_t count;
};

/* "10.0.0.0/8, ::1,192.168.1.4"; empty or NULL is a set of none. MC_ERR_USAGE, and the set is empty. */
enum mc_err mc_ip_set_parse(struct mc_ip_set *set, const char *text, struct mc_error *e);
bool mc_ip_set_has(const struct mc_ip_set *set, const struct mc_ip *ip);

/* The client behind trusted proxies: the rightmost address of X-Forwarded-For (its fields joined by commas) that is not
 * trusted; the leftmost if all are; what is no address ends the search, since nobody can vouch for what is left of it.
 * `peer` is the trusted address that sent it, and the answer where the header says nothing. */
struct mc_ip mc_ip_forwarded(const struct mc_ip_set *trusted, struct mc_ip peer, struct mc_str header);

#endif

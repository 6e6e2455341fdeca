#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

bool mc_ip_is_v4(const struct mc_ip *ip) {
    return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

static struct mc_ip of_v4(const void *four) {
    struct mc_ip ip;
    memcpy(ip.bytes, mapped, sizeof mapped);
    memcpy(ip.bytes + sizeof mapped, four, 4);
    return ip;
}

/* Takes away brackets and a port; what is left must be an address. */
static struct mc_str without_port(struct mc_str text) {
    if (text.len > 0 && text.data[0] == '[') {
        const char *end = memchr(text.data, ']', text.len);
        return end == NULL ? text : (struct mc_str){text.data + 1, (size_t)(end - text.data) - 1};
    }
    const char *colon = text.len ? memchr(text.data, ':', text.len) : NULL;
    bool one = colon != NULL && memchr(colon + 1, ':', text.len - (size_t)(colon - text.data) - 1) == NULL;
    return one ? (struct mc_str){text.data, (size_t)(colon - text.data)} : text;
}

bool mc_ip_parse(struct mc_str text, struct mc_ip *out) {
    char plain[MC_IP_CHARS];
    struct mc_str bare = without_port(mc_str_trim(text));
    if (bare.len == 0 || bare.len >= sizeof plain)
        return false;
    memcpy(plain, bare.data, bare.len);
    plain[bare.len] = '\0';
    unsigned char four[4];
    if (inet_pton(AF_INET, plain, four) == 1) {
        *out = of_v4(four);
        return true;
    }
    return inet_pton(AF_INET6, plain, out->bytes) == 1;
}

void mc_ip_text(const struct mc_ip *ip, char out[MC_IP_CHARS]) {
    bool v4 = mc_ip_is_v4(ip);
    if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->bytes + sizeof mapped : ip->bytes, out, MC_IP_CHARS) == NULL)
        out[0] = '\0';
}

struct mc_ip mc_ip_of_socket(const struct sockaddr *address) {
    struct mc_ip ip = {{0}};
    if (address->sa_family == AF_INET)
        ip = of_v4(&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    else if (address->sa_family == AF_INET6)
        memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof ip.bytes);
    return ip;
}

static bool range_parse(struct mc_str text, struct mc_ip *ip, unsigned *bits) {
    const char *slash = memchr(text.data, '/', text.len);
    struct mc_str plain = {text.data, slash ? (size_t)(slash - text.data) : text.len};
    if (!mc_ip_parse(plain, ip))
        return false;
    unsigned before = mc_ip_is_v4(ip) ? 96 : 0, width = 128 - before, count = width;
    if (slash != NULL) {
        struct mc_str digits = {slash + 1, text.len - plain.len - 1};
        if (digits.len == 0 || digits.len > 3)
            return false;
        count = 0;
        for (size_t i = 0; i < digits.len; i++) {
            if (digits.data[i] < '0' || digits.data[i] > '9')
                return false;
            count = count * 10 + (unsigned)(digits.data[i] - '0');
        }
    }
    *bits = before + count;
    return count <= width;
}

/* Cuts what stands before the next comma off the front of `rest`. */
static struct mc_str next_item(struct mc_str *rest) {
    const char *comma = memchr(rest->data, ',', rest->len);
    struct mc_str item = {rest->data, comma ? (size_t)(comma - rest->data) : rest->len};
    size_t used = item.len + (comma != NULL);
    *rest = (struct mc_str){rest->data + used, rest->len - used};
    return mc_str_trim(item);
}

enum mc_err mc_ip_set_parse(struct mc_ip_set *set, const char *text, struct mc_error *e) {
    set->count = 0;
    struct mc_str rest = mc_str_of(text);
    while (rest.len > 0) {
        struct mc_str item = next_item(&rest);
        if (item.len == 0)
            continue;
        if (set->count == MC_IP_TRUSTED_MAX)
            return set->count = 0, mc_error_set(e, MC_ERR_USAGE, "trusted proxies: more than %d", MC_IP_TRUSTED_MAX);
        if (!range_parse(item, &set->ranges[set->count].ip, &set->ranges[set->count].bits))
            return set->count = 0, mc_error_set(e, MC_ERR_USAGE, "trusted proxies: \"%.*s\" is no IP address or range",
                                                (int)(item.len < 100 ? item.len : 100), item.data);
        set->count++;
    }
    return MC_OK;
}

static bool same_bits(const struct mc_ip *a, const struct mc_ip *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

bool mc_ip_set_has(const struct mc_ip_set *set, const struct mc_ip *ip) {
    for (size_t i = 0; i < set->count; i++)
        if (same_bits(&set->ranges[i].ip, ip, set->ranges[i].bits))
            return true;
    return false;
}

/* Cuts what stands behind the last comma off the end of `rest`. */
static struct mc_str last_item(struct mc_str *rest) {
    size_t at = rest->len;
    while (at > 0 && rest->data[at - 1] != ',')
        at--;
    struct mc_str item = {rest->data + at, rest->len - at};
    rest->len = at > 0 ? at - 1 : 0;
    return mc_str_trim(item);
}

struct mc_ip mc_ip_forwarded(const struct mc_ip_set *trusted, struct mc_ip peer, struct mc_str header) {
    struct mc_ip client = peer, next;
    while (header.len > 0 && mc_ip_set_has(trusted, &client)) {
        if (!mc_ip_parse(last_item(&header), &next))
            break;
        client = next;
    }
    return client;
}

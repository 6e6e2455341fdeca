#include "outreach/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct range4 {
    uint32_t first;
    uint8_t bits;
};

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct range4 not_public4[] = {
    {IP4(0, 0, 0, 0), 8},      {IP4(10, 0, 0, 0), 8},     {IP4(100, 64, 0, 0), 10}, {IP4(127, 0, 0, 0), 8},
    {IP4(169, 254, 0, 0), 16}, {IP4(172, 16, 0, 0), 12},  {IP4(192, 0, 0, 0), 24},  {IP4(192, 0, 2, 0), 24},
    {IP4(192, 88, 99, 0), 24}, {IP4(192, 168, 0, 0), 16}, {IP4(198, 18, 0, 0), 15}, {IP4(198, 51, 100, 0), 24},
    {IP4(203, 0, 113, 0), 24}, {IP4(224, 0, 0, 0), 4},    {IP4(240, 0, 0, 0), 4},
};

static bool is_public4(uint32_t address) {
    for (size_t i = 0; i < sizeof not_public4 / sizeof *not_public4; i++)
        if ((address ^ not_public4[i].first) >> (32 - not_public4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t ip4_at(const uint8_t *bytes) {
    return IP4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

/* Of IPv6 only 2000::/3 is given out, and in it not all. */
static bool is_public6(const uint8_t a[16]) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}, nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    if (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, nat64, sizeof nat64) == 0)
        return is_public4(ip4_at(a + 12));
    if (a[0] >> 5 != 1)
        return false;
    bool special = a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02; /* 2001::/23: Teredo, benchmark, ORCHID */
    bool documentation = (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0D && a[3] == 0xB8) ||
                         (a[0] == 0x3F && a[1] == 0xFF && a[2] >> 4 == 0);
    bool six_to_four = a[0] == 0x20 && a[1] == 0x02;
    return !special && !documentation && !six_to_four;
}

bool mc_address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ip4;
        memcpy(&ip4, address, sizeof ip4);
        return is_public4(ntohl(ip4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ip6;
        memcpy(&ip6, address, sizeof ip6);
        return is_public6(ip6.sin6_addr.s6_addr);
    }
    return false;
}

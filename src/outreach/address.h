/* Whether an address is one of the public Internet. A request that somebody else could make us send must reach no
 * other: not this machine, its network, or the cloud's own services. By the registries of special-purpose addresses
 * (RFC 6890 and what updates it). Pure; any thread.
 */
#ifndef MC_OUTREACH_ADDRESS_H
#define MC_OUTREACH_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False for loopback, private, link-local, shared, documentation, benchmark, multicast, reserved and unspecified
 * addresses, for IPv6 addresses that hold such an IPv4 address (mapped, NAT64), for tunnels (6to4, Teredo), and for
 * families other than these two. Ports do not matter. */
bool mc_address_is_public(const struct sockaddr *address);

#endif

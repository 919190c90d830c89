/* IP addresses as logs write them, and ranges of them (CIDR, RFC 4632 and RFC 4291, 2.3). */
#ifndef CASK_ADDRESS_H
#define CASK_ADDRESS_H

#include "base/str.h"

/* Ordered by memcmp: 4 or 6, then the address in network order (IPv4 in the first four bytes). */
struct address {
    unsigned char bytes[17];
};
struct address_range {
    struct address first, last;
};

/* IPv6 may come in brackets and with a zone (fe80::1%eth0); IPv4-mapped IPv6 is IPv4. False: not an
 * address, such as a host name. */
bool address_parse(struct str text, struct address *ret);
/* "HOST:PORT", "[IPv6]:PORT" or ":PORT": *ret_host without brackets, a name or an address as it
 * stands. False: not so, or the port is none from 0 to 65535. */
bool address_split_port(struct str text, struct str *ret_host, uint16_t *ret_port);
/* An address, or "ADDRESS/BITS"; bits of the address behind the prefix do not count. */
bool address_range_parse(struct str text, struct address_range *ret);

static inline int address_cmp(const struct address *a, const struct address *b) {
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

#endif

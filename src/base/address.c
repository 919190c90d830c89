#include "base/address.h"

#include <arpa/inet.h>

#define MAPPED_BITS 96u /* of ::ffff:0:0/96 in front of an IPv4 address */

bool address_parse(struct str text, struct address *ret) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[INET6_ADDRSTRLEN];
    struct address a = {{0}};
    size_t zone;
    if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        text = str_of(text.ptr + 1, text.len - 2);
    if (str_find(text, '%', &zone))
        text.len = zone;
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    a.bytes[0] = 4;
    if (inet_pton(AF_INET, copy, a.bytes + 1) != 1) {
        a.bytes[0] = 6;
        if (inet_pton(AF_INET6, copy, a.bytes + 1) != 1)
            return false;
        if (memcmp(a.bytes + 1, mapped, sizeof mapped) == 0) {
            a.bytes[0] = 4;
            memmove(a.bytes + 1, a.bytes + 1 + sizeof mapped, 4);
            memset(a.bytes + 5, 0, sizeof a.bytes - 5);
        }
    }
    *ret = a;
    return true;
}

bool address_split_port(struct str text, struct str *ret_host, uint16_t *ret_port) {
    size_t colon = text.len;
    uint64_t port;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !str_to_u64(str_skip(text, colon), &port) || port > UINT16_MAX)
        return false;
    struct str host = str_of(text.ptr, colon - 1);
    if (host.len >= 2 && *host.ptr == '[' && host.ptr[host.len - 1] == ']')
        host = str_of(host.ptr + 1, host.len - 2);
    else if (memchr(host.ptr, ':', host.len) != NULL)
        return false;
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return true;
}

bool address_range_parse(struct str text, struct address_range *ret) {
    size_t slash;
    uint64_t bits = 0;
    bool has_bits = str_find(text, '/', &slash);
    if (has_bits && !str_to_u64(str_skip(text, slash + 1), &bits))
        return false;
    struct str address = has_bits ? str_of(text.ptr, slash) : text;
    if (!address_parse(address, &ret->first))
        return false;
    size_t all = ret->first.bytes[0] == 4 ? 32 : 128;
    if (all == 32 && has_bits && memchr(address.ptr, ':', address.len) != NULL) {
        if (bits < MAPPED_BITS) /* it would hold more than the mapped addresses */
            return false;
        bits -= MAPPED_BITS;
    }
    if (!has_bits)
        bits = all;
    if (bits > all)
        return false;
    ret->last = ret->first;
    for (size_t i = 0; i < all / 8; i++) {
        unsigned kept = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? (unsigned)(bits - 8 * i) : 0;
        unsigned char host = (unsigned char)(0xff >> kept);
        ret->first.bytes[1 + i] &= (unsigned char)~host;
        ret->last.bytes[1 + i] |= host;
    }
    return true;
}

#include "refine/country.h"

#include <arpa/inet.h>
#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#define WIDE_BITS 16

/* Most of IPv4 belongs to networks at least this wide; what was found for one of them answers for
 * all of its addresses. Each is the code, or `nowhere`; NULL: not asked yet, or a network of
 * several countries. Atomic, because threads may look up at once. */
struct country {
    MMDB_s db;
    _Atomic(const char *) wide[1 << WIDE_BITS];
};

static const char nowhere[] = "";

int country_open(const char *mmdb, struct country **ret, struct err *err) {
    struct country *c = xcalloc(1, sizeof *c);
    int status = MMDB_open(mmdb, MMDB_MODE_MMAP, &c->db);
    if (status == MMDB_SUCCESS) {
        *ret = c;
        return 0;
    }
    free(c);
    if (status == MMDB_FILE_OPEN_ERROR)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", mmdb);
    int code = status == MMDB_IO_ERROR ? ERR_IO : ERR_CORRUPT;
    return err_set(err, code, "%s: %s", mmdb, MMDB_strerror(status));
}

uint64_t country_edition(const struct country *c) {
    return c->db.metadata.build_epoch * 31 + c->db.metadata.node_count;
}

void country_close(struct country *c) {
    if (c == NULL)
        return;
    MMDB_close(&c->db);
    free(c);
}

/* Addresses that belong to nobody (RFC 1918, 6598, 1122, 3927, 4193, 4291). The databases are made
 * from what networks publish about themselves and do have entries in these. IPv4 in host order. */
static const struct {
    uint32_t net, mask;
} private_v4[] = {
    {0x00000000, 0xff000000}, {0x0a000000, 0xff000000}, {0x64400000, 0xffc00000},
    {0x7f000000, 0xff000000}, {0xa9fe0000, 0xffff0000}, {0xac100000, 0xfff00000},
    {0xc0a80000, 0xffff0000},
};

static bool is_private(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
        return (v6->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(v6) ||
               IN6_IS_ADDR_LOOPBACK(v6) || IN6_IS_ADDR_UNSPECIFIED(v6);
    }
    uint32_t v4 = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
    for (size_t i = 0; i < ARRAY_LEN(private_v4); i++)
        if ((v4 & private_v4[i].mask) == private_v4[i].net)
            return true;
    return false;
}

/* An address as it stands in a log: IPv6 may come in brackets and with a zone (fe80::1%eth0). */
static bool parse_address(struct str host, struct sockaddr_storage *ret) {
    char text[INET6_ADDRSTRLEN];
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = str_of(host.ptr + 1, host.len - 2);
    size_t zone;
    if (str_find(host, '%', &zone))
        host.len = zone;
    if (host.len == 0 || host.len >= sizeof text || memchr(host.ptr, '\0', host.len) != NULL)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        v6->sin6_family = AF_INET6;
        return true;
    }
    struct in_addr mapped;
    memcpy(&mapped, v6->sin6_addr.s6_addr + 12, sizeof mapped);
    *ret = (struct sockaddr_storage){0};
    v4->sin_family = AF_INET;
    v4->sin_addr = mapped;
    return true;
}

/* Two letters, or `nowhere`. */
static const char *code_of(MMDB_lookup_result_s *found) {
    static const char *const fields[][3] = {{"country_code", NULL}, {"country", "iso_code", NULL}};
    for (size_t i = 0; found->found_entry && i < ARRAY_LEN(fields); i++) {
        MMDB_entry_data_s data;
        if (MMDB_aget_value(&found->entry, &data, fields[i]) == MMDB_SUCCESS && data.has_data &&
            data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size == 2)
            return data.utf8_string;
    }
    return nowhere;
}

/* Is the network that was found at least WIDE_BITS wide? In a database of IPv6 the bits of an IPv4
 * address come behind 96 others. */
static bool is_wide(const struct country *c, const MMDB_lookup_result_s *found) {
    unsigned before = c->db.metadata.ip_version == 6 ? 96 : 0;
    return found->netmask <= before + WIDE_BITS;
}

struct str country_lookup(struct country *c, struct str host) {
    struct sockaddr_storage address;
    if (!parse_address(host, &address) || is_private(&address))
        return STR("");
    bool v4 = address.ss_family == AF_INET;
    uint32_t number = v4 ? ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) : 0;
    _Atomic(const char *) *wide = &c->wide[number >> (32 - WIDE_BITS)];
    const char *code = v4 ? atomic_load_explicit(wide, memory_order_relaxed) : NULL;
    if (code == NULL) {
        int problem;
        MMDB_lookup_result_s found =
            MMDB_lookup_sockaddr(&c->db, (const struct sockaddr *)&address, &problem);
        if (problem != MMDB_SUCCESS)
            return STR("");
        code = code_of(&found);
        if (v4 && is_wide(c, &found))
            atomic_store_explicit(wide, code, memory_order_relaxed);
    }
    return str_of(code, code == nowhere ? 0 : 2);
}

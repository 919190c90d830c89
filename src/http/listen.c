/* Sockets to listen on. */
#include "base/address.h"
#include "http/exchange.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

/* As getaddrinfo() wants them. */
static bool split_address(const char *listen, char host[256], char port[16]) {
    struct str name;
    uint16_t number;
    if (!address_split_port(str_from(listen), &name, &number) || name.len > 255)
        return false;
    snprintf(host, 256, STR_FMT, STR_ARG(name));
    snprintf(port, 16, "%u", number);
    return true;
}

static bool is_loopback(const struct sockaddr *a) {
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

bool http_is_loopback(const char *listen) {
    char host[256], port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (!split_address(listen, host, port) ||
        getaddrinfo(*host ? host : NULL, port, &hints, &found) != 0)
        return false;
    bool loopback = true;
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
        loopback = loopback && is_loopback(a->ai_addr);
    freeaddrinfo(found);
    return loopback;
}

int listen_tcp(const char *listen_on, int *ret, unsigned *ret_port, struct err *err) {
    char host[256], port[16];
    if (!split_address(listen_on, host, port))
        return err_set(err, ERR_USAGE, "listen: \"%s\" is no address:port", listen_on);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (rc != 0)
        return err_set(err, ERR_USAGE, "listen: %s: %s", listen_on, gai_strerror(rc));
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    rc = 0;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        rc = err_errno(err, ERR_FAILED, "listen on %s", listen_on);
    freeaddrinfo(found);
    if (rc != 0) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {0};
    socklen_t size = sizeof bound;
    if (getsockname(fd, &bound.any, &size) == 0)
        *ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    *ret = fd;
    return 0;
}

/* A name has room for 107 bytes, a path may be longer: it is named by its open directory. *ret_dir
 * is to be closed. */
static int short_name(const char *path, struct sockaddr_un *ret, int *ret_dir, struct err *err) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    char *dir = slash != NULL ? str_dup(str_of(path, (size_t)(slash - path) + 1)) : xstrdup(".");
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    *ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = *ret_dir < 0 ? err_errno(err, ERR_FAILED, "%s", dir) : 0;
    free(dir);
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", *ret_dir, name);
    if (rc == 0 && (size_t)n >= sizeof ret->sun_path)
        rc = err_set(err, ERR_USAGE, "%s: the name is too long for a socket", name);
    return rc;
}

/* Its mode is set before it listens, so nobody can have connected. Not by umask(): that would hold
 * for the files of other threads as well. */
static int bind_private(int fd, const char *path, struct err *err) {
    struct sockaddr_un at;
    int dir = -1, rc = short_name(path, &at, &dir, err);
    unlink(path); /* of a server that is gone: ours is the data directory */
    if (rc == 0 && (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
                    chmod(at.sun_path, S_IRUSR | S_IWUSR) < 0 || listen(fd, BACKLOG) < 0))
        rc = err_errno(err, ERR_FAILED, "%s", path);
    if (dir >= 0)
        close(dir);
    return rc;
}

int listen_local(const char *path, int *ret, struct err *err) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, ERR_FAILED, "%s", path);
    int rc = bind_private(fd, path, err);
    if (rc == 0)
        *ret = fd;
    else
        close(fd);
    return rc;
}

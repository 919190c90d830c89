/* Sends one HTTP request RATE times a second over N connections, whatever the server does, and says
 * how long answers took from the moment when each was due (so a server that stalls cannot hide it).
 *
 *     paced PORT CONNECTIONS RATE SECONDS <request     prints: answers failed p50_ms p99_ms max_ms
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096

struct connection {
    int fd;
    double due; /* of the request on its way; 0: free */
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    static struct connection all[CONNECTIONS_MAX];
    static char request[65536], answer[65536];
    if (argc != 5)
        return 2;
    int port = atoi(argv[1]), n = atoi(argv[2]);
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    size_t size = fread(request, 1, sizeof request, stdin), most = (size_t)(rate * seconds) + 1;
    double *took = calloc(most, sizeof *took);
    int poll = epoll_create1(0), free_ones[CONNECTIONS_MAX], n_free = n;
    if (n > CONNECTIONS_MAX || took == NULL)
        return 2;
    for (int i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        all[i].fd = dial(port);
        free_ones[i] = i;
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e);
    }
    size_t sent = 0, got = 0, failed = 0;
    double start = now();
    while (got < most - 1 && now() - start < seconds + 30) {
        double t = now();
        while (n_free > 0 && sent < most - 1 && start + (double)sent / rate <= t) {
            struct connection *c = &all[free_ones[--n_free]];
            c->due = start + (double)sent++ / rate;
            if (write(c->fd, request, size) != (ssize_t)size)
                return 1;
        }
        struct epoll_event events[256];
        int k = epoll_wait(poll, events, 256, n_free > 0 ? 0 : 1);
        if (k == 0 && n_free > 0)
            usleep(50);
        for (int i = 0; i < k; i++) {
            struct connection *c = &all[events[i].data.u32];
            ssize_t len = read(c->fd, answer, sizeof answer - 1);
            if (len <= 0)
                return 1;
            answer[len] = '\0';
            failed += strncmp(answer, "HTTP/1.1 2", 10) != 0;
            took[got++] = now() - c->due;
            free_ones[n_free++] = (int)events[i].data.u32;
        }
    }
    qsort(took, got, sizeof *took, by_size);
    if (got > 0)
        printf("%zu %zu %.3f %.3f %.3f\n", got, failed, 1e3 * took[got / 2],
               1e3 * took[got * 99 / 100], 1e3 * took[got - 1]);
    return got == most - 1 && failed == 0 ? 0 : 1;
}

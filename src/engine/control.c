#include "engine/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void say(int fd, const char *text, size_t n) {
    if (send(fd, text, n, MSG_NOSIGNAL) < 0)
        return; /* the parent is gone: control_serve() notices */
}

void control_report_ready(int fd, bool sandboxed) {
    say(fd, sandboxed ? "ready 1\n" : "ready 0\n", 8);
}

void control_report_error(int fd, const struct err *err) {
    char line[sizeof err->text + 32];
    int n = snprintf(line, sizeof line - 1, "error %d %s", err->code, err->text);
    for (int i = 0; i < n; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[n++] = '\n';
    say(fd, line, (size_t)n);
}

bool control_parent_gone(int fd) {
    struct pollfd p = {.fd = fd};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

void control_serve(int fd) {
    for (;;) {
        char byte;
        ssize_t n = recv(fd, &byte, 1, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return;
        if (n == 1 && byte == '?')
            say(fd, "!", 1);
    }
}

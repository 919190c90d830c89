/* LD_PRELOAD: while the file $CASK_BREAK_SYNC exists, fdatasync() fails with EIO (if the file says
 * "fail") or hangs (if it says "hang"). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int wish(char text[8]) {
    const char *path = getenv("CASK_BREAK_SYNC");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, text, 7) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

int fdatasync(int fd) {
    char text[8];
    while (wish(text) && strncmp(text, "hang", 4) == 0)
        usleep(10000);
    if (wish(text) && strncmp(text, "fail", 4) == 0) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return real(fd);
}

#include "cmd/progress.h"

#include "base/clock.h"
#include "cmd/cmd.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define DRAW_SECONDS 0.1

void progress_begin(struct progress *p, const char *what) {
    *p =
        (struct progress){.on = cmd_is_terminal(STDERR_FILENO), .start = clock_monotonic_seconds()};
    struct str s = str_from(what);
    size_t room = sizeof p->what - 1;
    if (s.len > room) /* the end of a path says more than its beginning */
        s = str_skip(s, s.len - room);
    for (size_t i = 0; i < s.len; i++)
        p->what[i] = s.ptr[i] >= ' ' && s.ptr[i] <= '~' ? s.ptr[i] : '?';
}

void progress_show(struct progress *p, uint64_t done, uint64_t all, uint64_t count,
                   const char *unit) {
    double now = clock_monotonic_seconds();
    if (!p->on || now - p->drawn < DRAW_SECONDS)
        return;
    p->drawn = now;
    double seconds = now - p->start;
    struct buf line = {0};
    buf_add_cstr(&line, p->what);
    if (all > 0)
        buf_printf(&line, "  %3d %%", (int)(100.0 * (double)done / (double)all));
    if (seconds > 0.5) {
        buf_add_cstr(&line, "  ");
        if (*unit == 'B')
            text_bytes(&line, (uint64_t)((double)count / seconds));
        else
            text_count(&line, (uint64_t)((double)count / seconds));
        buf_printf(&line, "%s%s/s", *unit == 'B' ? "" : " ", *unit == 'B' ? "" : unit);
    }
    if (seconds > 1 && done > 0 && done < all) {
        buf_add_cstr(&line, "  ");
        text_seconds(&line, seconds * (double)(all - done) / (double)done);
        buf_add_cstr(&line, " left");
    }
    size_t width = cmd_width(STDERR_FILENO);
    fprintf(stderr, "\r" STR_FMT "\033[K", (int)min_size(line.len, width > 0 ? width - 1 : 0),
            buf_cstr(&line));
    fflush(stderr);
    buf_release(&line);
}

void progress_end(struct progress *p) {
    if (p->on && p->drawn > 0) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->drawn = 0;
}

void text_count(struct buf *out, uint64_t n) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        buf_add_char(out, digits[i]);
        if ((len - i) % 3 == 1 && i + 1 < len)
            buf_add_char(out, ',');
    }
}

void text_seconds(struct buf *out, double seconds) {
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (seconds < 9.95)
        buf_printf(out, "%.1f s", seconds);
    else if (s < 60)
        buf_printf(out, "%lu s", s);
    else if (s < 3600)
        buf_printf(out, "%lu m %02lu s", s / 60, s % 60);
    else
        buf_printf(out, "%lu h %02lu m", s / 3600, s / 60 % 60);
}

void text_bytes(struct buf *out, uint64_t bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double n = (double)bytes;
    size_t i = 0;
    while (n >= 999.5 && i + 1 < ARRAY_LEN(units)) {
        n /= 1000;
        i++;
    }
    buf_printf(out, i > 0 && n < 99.95 ? "%.1f %s" : "%.0f %s", n, units[i]);
}

/* The one thing a signal handler can do. */
static volatile sig_atomic_t stop_wanted;

static void on_signal(int number) {
    UNUSED(number);
    stop_wanted = 1;
}

void stop_on_signals(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

void stop_at_once(void) {
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    if (stop_wanted)
        (void)raise(SIGTERM);
}

bool stop_asked(void) { return stop_wanted != 0; }

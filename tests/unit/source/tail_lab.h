/* The laboratory of the tests of tail. */
#ifndef CASK_TEST_TAIL_LAB_H
#define CASK_TEST_TAIL_LAB_H

#include "base/limits.h"
#include "source/tail.h"
#include "support/unit.h"

/* A log directory, a lake in memory, and a tail between them. Lines are numbers: each must come
 * out once. */
struct lab {
    char dir[64];
    struct tail *tail;
    struct tail_source source;
    char *pattern;
    VEC(char *) lines; /* of the lake, without header lines */
    VEC(char *) positions;
    VEC(char *) sites;
    VEC(char *) types;
    size_t headers;
    bool held; /* blocks wait for let_go() */
    int rc;    /* what the lake says */
    struct tail_block *waiting[16];
    size_t n_waiting;
    uint64_t bid;
    struct buf document; /* what control data have */
    double now;
    struct clock clock;
    int64_t later_ms; /* the clock is ahead by that */
    struct err err;
};

void let_go(struct lab *lab);
/* From the document and the positions behind it; and saves it anew before the first look, as the
 * server does. */
void start(struct lab *lab);
/* As the server does now and then, and at its end. */
void save(struct lab *lab);
/* kill -9: blocks on their way are lost. */
void stop(struct lab *lab);
/* The configuration changed. */
void reload(struct lab *lab, const char *pattern, const char *format);
void restart(struct lab *lab);
/* Until there is nothing more to do now. */
void run(struct lab *lab);
/* Long enough for a rotated file to be finished. */
void run_long(struct lab *lab);
void let_days_pass(struct lab *lab, int days);
/* How many files are known. */
size_t count_known(const struct lab *lab);
struct lab *lab_new(const char *pattern);
void lab_free(struct lab *lab);
const char *path(const struct lab *lab, const char *name);
void add_bytes(const struct lab *lab, const char *name, const char *bytes, size_t n);
void add_text(const struct lab *lab, const char *name, const char *text);
/* Lines `from` up to but without `to`. */
void lines_between(struct buf *out, int from, int to);
void add_lines(const struct lab *lab, const char *name, int from, int to);
void move(const struct lab *lab, const char *from, const char *to);
void cut(const struct lab *lab, const char *name);
void shell(const struct lab *lab, const char *command);
/* Lines 0 .. n-1 are in the lake, each once, and nothing else. */
void check_lines(const struct lab *lab, int n);

#endif

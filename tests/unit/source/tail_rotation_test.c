#include "tail_lab.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- rotation --- */

static void tail__rotation_by_rename_while_running(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    add_lines(lab, "access.log", 5, 7); /* not read yet when it is rotated */
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 7, 10);
    run(lab);
    add_lines(lab, "access.log.1", 10, 12); /* its writer has not heard of it yet */
    run(lab);
    check_lines(lab, 12);
    run_long(lab); /* finished and closed */
    add_lines(lab, "access.log.1", 12, 13);
    run(lab);
    check_lines(lab, 13);
    move(lab, "access.log.1", "access.log.2");
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 13, 15);
    run(lab);
    shell(lab, "gzip access.log.2");
    run_long(lab);
    check_lines(lab, 15);
    lab_free(lab);
}

static void tail__files_that_came_and_went_between_two_looks(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log.9", 100, 105); /* older than the source: not its business */
    shell(lab, "touch -d 2015-01-01 access.log.9");
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    move(lab, "access.log", "access.log.3");
    add_lines(lab, "access.log.3", 5, 6);
    add_lines(lab, "access.log.2", 6, 8);
    add_lines(lab, "access.log.1", 8, 12);
    add_lines(lab, "access.log.swp", 500, 501); /* no rotated name */
    add_lines(lab, "access.log", 12, 13);
    run_long(lab);
    check_lines(lab, 13);
    restart(lab);
    run_long(lab);
    check_lines(lab, 13);
    lab_free(lab);
}

static void tail__several_rotations_while_down_and_packed(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 50);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 50, 60);
    move(lab, "access.log", "access.log.3");
    add_lines(lab, "access.log.2", 60, 70);
    add_lines(lab, "access.log.1", 70, 80);
    add_lines(lab, "access.log", 80, 90);
    shell(lab, "gzip access.log.3 access.log.2");
    start(lab);
    run_long(lab);
    check_lines(lab, 90);
    restart(lab);
    run_long(lab);
    check_lines(lab, 90);
    lab_free(lab);
}

static void tail__small_files_are_known_by_all_of_their_bytes(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    for (int i = 0; i < 10; i++) {
        add_lines(lab, "access.log", i, i + 1);
        run(lab);
        stop(lab);
        shell(lab, "for i in 8 7 6 5 4 3 2 1; do test -e access.log.$i.gz && "
                   "mv access.log.$i.gz access.log.$((i + 1)).gz; done; "
                   "mv access.log access.log.1 && gzip access.log.1");
        start(lab);
    }
    run_long(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

static void tail__extension_behind_the_number(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 3);
    run(lab);
    stop(lab);
    move(lab, "access.log", "access-20240102.log");
    add_lines(lab, "access-20240103.log", 3, 5);
    add_lines(lab, "access-other.log", 500, 501);
    shell(lab, "gzip access-20240103.log");
    add_lines(lab, "access.log", 5, 6);
    start(lab);
    run_long(lab);
    check_lines(lab, 6);
    lab_free(lab);
}

/* --- copied and cut --- */

static void tail__copytruncate_while_running(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    add_lines(lab, "access.log", 40, 50);
    shell(lab, "cp access.log access.log.1");
    cut(lab, "access.log");
    add_lines(lab, "access.log", 50, 55);
    run(lab);
    check_lines(lab, 55);
    run_long(lab);
    /* and the copy is seen before the file is cut */
    shell(lab, "mv access.log.1 access.log.2; cp access.log access.log.1");
    run(lab);
    add_lines(lab, "access.log", 55, 57); /* in no copy: logrotate's window, but it was read */
    run(lab);
    cut(lab, "access.log");
    run(lab);
    add_lines(lab, "access.log", 57, 60);
    run_long(lab);
    shell(lab, "gzip access.log.1 access.log.2");
    run_long(lab);
    restart(lab);
    run_long(lab);
    check_lines(lab, 60);
    lab_free(lab);
}

static void tail__a_copy_in_the_making_is_not_taken(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 100);
    run(lab);
    for (int i = 1; i <= 5; i++) {
        char command[100];
        snprintf(command, sizeof command, "head -c %d access.log > access.log.1", i * 300);
        shell(lab, command);
        run(lab);
        snprintf(command, sizeof command, "head -c %d access.log | gzip > access.log.2.gz",
                 i * 300);
        shell(lab, command);
        run(lab);
    }
    check_lines(lab, 100);
    lab_free(lab);
}

static void tail__copytruncate_while_down_and_refilled_beyond_the_offset(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 40, 50);
    shell(lab, "cp access.log access.log.1");
    cut(lab, "access.log");
    add_lines(lab, "access.log", 50, 200);
    start(lab);
    run_long(lab);
    check_lines(lab, 200);
    lab_free(lab);
}

static void tail__cut_and_refilled_while_running(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 40, 200); /* longer than what was read before anybody looked */
    run(lab);
    check_lines(lab, 200);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 200, 202); /* shorter */
    run(lab);
    restart(lab);
    run(lab);
    check_lines(lab, 202);
    lab_free(lab);
}

static void tail__cut_while_the_first_block_is_in_flight(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    lab->held = true;
    run(lab);
    assert_int_equal(lab->n_waiting, 1);
    shell(lab, "cp access.log access.log.1");
    cut(lab, "access.log");
    run(lab);
    let_go(lab);
    run_long(lab);
    check_lines(lab, 40);
    lab_free(lab);
}

/* A writer without O_APPEND goes on where it was: a hole of NUL bytes. */
static void tail__hole_before_the_lines(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    struct stat st;
    for (int round = 0; round < 3; round++) {
        stat(path(lab, "access.log"), &st);
        cut(lab, "access.log");
        if (round > 0)
            run(lab);
        assert_int_equal(truncate(path(lab, "access.log"), st.st_size + (round == 2) * (1 << 27)),
                         0);
        add_lines(lab, "access.log", 40 + 10 * round, 50 + 10 * round);
        run(lab);
        if (round == 1)
            restart(lab);
        run(lab);
    }
    check_lines(lab, 70);
    lab_free(lab);
}

/* --- other files under known names and numbers --- */

static void tail__deleted_and_made_again(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    int fd = open(path(lab, "access.log"), O_WRONLY | O_APPEND | O_CLOEXEC);
    unlink(path(lab, "access.log"));
    run(lab);
    struct buf text = {0};
    lines_between(&text, 40, 42); /* its writer still has it */
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    buf_release(&text);
    close(fd);
    add_lines(lab, "access.log", 42, 45);
    run_long(lab);
    check_lines(lab, 45);
    lab_free(lab);
}

/* What is kept of the file names the inode of another one. */
static void tail__inode_used_again(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 40, 45);
    /* the same inode with other content is inode reuse, as far as anybody can see */
    shell(lab, "gzip -c access.log > access.log.1.gz");
    cut(lab, "access.log");
    add_lines(lab, "access.log", 45, 145);
    start(lab);
    run_long(lab);
    check_lines(lab, 145);
    lab_free(lab);
}

/* As rsync does: each time a new file with the old content and more. */
static void tail__replaced_by_a_longer_copy(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    for (int i = 4; i < 10; i++) {
        run(lab);
        if (i % 2 == 0)
            restart(lab);
        shell(lab, "cp access.log .access.log.XyZ");
        add_lines(lab, ".access.log.XyZ", 10 * i, 10 * i + 10);
        move(lab, ".access.log.XyZ", "access.log");
    }
    run(lab);
    check_lines(lab, 100);
    lab_free(lab);
}

static void tail__moved_to_any_name_while_down(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 40, 45);
    move(lab, "access.log", "yesterday");
    add_lines(lab, "access.log", 45, 50);
    start(lab);
    run_long(lab);
    check_lines(lab, 50);
    lab_free(lab);
}

static bool there(const struct lab *lab, const char *name) {
    return access(path(lab, name), F_OK) == 0;
}

static void run_if(struct lab *lab, bool yes) {
    if (lab->tail != NULL && yes)
        run(lab);
}

static void kill_it(struct lab *lab, bool flying) {
    if (lab->tail == NULL)
        return;
    lab->held = flying; /* then what was just read never gets there */
    run_if(lab, flying);
    stop(lab);
    lab->held = false;
}

/* The copy is whole: what stands behind it in the file is not lost. */
static void copy_and_cut(struct lab *lab, int rotations, bool seen) {
    char command[100];
    snprintf(command, sizeof command, "cp access.log access.log-%d", rotations);
    shell(lab, command);
    run_if(lab, seen);
    cut(lab, "access.log");
}

/* By the same and more: as another file, or in place. */
static void replace(struct lab *lab, bool in_place, int from, int to, bool seen) {
    shell(lab, "mkdir -p far; cp access.log far/new");
    add_lines(lab, "far/new", from, to);
    if (!in_place) {
        move(lab, "far/new", "access.log");
        return;
    }
    cut(lab, "access.log");
    run_if(lab, seen);
    shell(lab, "head -c 700 far/new > access.log");
    run_if(lab, seen);
    shell(lab, "tail -c +701 far/new >> access.log");
}

static void pack(struct lab *lab, bool seen) {
    shell(lab, "for f in access.log-*[0-9]; do test ! -e $f || (gzip -k $f && mv $f .$f); done");
    run_if(lab, seen);
    shell(lab, "rm -f .access.log-*");
}

/* Anything may happen in any order, with restarts: each line comes once. */
static void do_anything(struct lab *lab, unsigned *seed) {
    static const char *const patterns[] = {"access.log", "access.log*", "*.log"};
    int n = 0, rotations = 0;
    char name[32];
    bool days = rand_r(seed) % 2; /* else files would be older than the clock */
    for (int i = 0; i < 60; i++) {
        int some = 1 + rand_r(seed) % 40;
        bool maybe = rand_r(seed) % 2;
        switch (rand_r(seed) % 12) {
        case 0:
        case 1:
            if (lab->tail == NULL)
                start(lab);
            lab->rc = rand_r(seed) % 4 == 0 ? ERR_NOSPACE : 0;
            run(lab);
            break;
        case 2:
            kill_it(lab, maybe);
            break;
        case 3:
            snprintf(name, sizeof name, "access.log-%d", ++rotations);
            if (there(lab, "access.log"))
                move(lab, "access.log", name);
            break;
        case 4:
            if (there(lab, "access.log"))
                copy_and_cut(lab, ++rotations, maybe);
            break;
        case 5:
            if (rotations > 0)
                pack(lab, maybe);
            break;
        case 6:
        case 7:
            if (there(lab, "access.log")) {
                replace(lab, rand_r(seed) % 2, n, n + some, maybe);
                n += some;
            }
            break;
        case 8:
            run_if(lab, days); /* it has looked at what is there before the days are over */
            if (lab->tail != NULL)
                save(lab);
            if (days)
                let_days_pass(lab, rand_r(seed) % 20);
            break;
        case 9:
            if (days || lab->tail == NULL || !there(lab, "access.log"))
                break;
            reload(lab, patterns[rand_r(seed) % 3], maybe ? "combined" : "");
            run(lab); /* a log that comes and goes before that is none of the new pattern's */
            break;
        default:
            add_lines(lab, "access.log", n, n + some);
            n += some;
        }
    }
    if (lab->tail == NULL)
        start(lab);
    lab->rc = 0;
    /* A pattern that finds no log has no kin to look for; and of lines that no format reads, ten
     * are waited for. */
    add_lines(lab, "access.log", n, n + 10);
    n += 10;
    run_long(lab);
    check_lines(lab, n);
}

/* CASK_SEED repeats a run, CASK_ROUNDS makes it longer. */
static void tail__property_of_everything(void **state) {
    UNUSED(state);
    unsigned seed = (unsigned)unit_seed(), rounds = unit_rounds(20);
    for (unsigned turn = 0; turn < rounds; turn++) {
        print_message("seed %u\n", seed);
        struct lab *lab = lab_new("access.log");
        do_anything(lab, &seed);
        lab_free(lab);
    }
}

UNIT_MAIN(unit_test(tail__rotation_by_rename_while_running),
          unit_test(tail__files_that_came_and_went_between_two_looks),
          unit_test(tail__several_rotations_while_down_and_packed),
          unit_test(tail__small_files_are_known_by_all_of_their_bytes),
          unit_test(tail__extension_behind_the_number), unit_test(tail__copytruncate_while_running),
          unit_test(tail__a_copy_in_the_making_is_not_taken),
          unit_test(tail__copytruncate_while_down_and_refilled_beyond_the_offset),
          unit_test(tail__cut_and_refilled_while_running),
          unit_test(tail__cut_while_the_first_block_is_in_flight),
          unit_test(tail__hole_before_the_lines), unit_test(tail__deleted_and_made_again),
          unit_test(tail__inode_used_again), unit_test(tail__replaced_by_a_longer_copy),
          unit_test(tail__moved_to_any_name_while_down), unit_test(tail__property_of_everything))

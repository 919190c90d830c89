/* One content in several files, or in another one than before: it is read once. */
#include "tail_lab.h"

#include <fcntl.h>
#include <unistd.h>

/* As rsync does. */
static void replace_by_longer(const struct lab *lab, const char *name, int from, int to) {
    char command[200];
    snprintf(command, sizeof command, "cp %s .%s.XyZ", name, name);
    shell(lab, command);
    snprintf(command, sizeof command, ".%s.XyZ", name);
    add_lines(lab, command, from, to);
    move(lab, command, name);
}

static void copies__replaced_while_a_block_is_on_its_way(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    for (int i = 0; i < 4; i++) { /* the first time: the first block of all */
        add_lines(lab, "access.log", 20 * i, 20 * i + 10);
        lab->held = true;
        run(lab);
        assert_int_equal(lab->n_waiting, 1);
        replace_by_longer(lab, "access.log", 20 * i + 10, 20 * i + 20);
        run(lab);
        if (i == 2)
            run_long(lab);
        if (i == 3)
            restart(lab); /* it never came */
        let_go(lab);
        run(lab);
        check_lines(lab, 20 * i + 20);
    }
    lab_free(lab);
}

static void copies__replaced_before_anything_is_read(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    char name[16];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        add_lines(lab, name, 10 * i, 10 * i + 10);
    }
    lab->rc = ERR_NOSPACE; /* there is room for the blocks of four */
    run(lab);
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        replace_by_longer(lab, name, 60 + 10 * i, 70 + 10 * i);
        run(lab);
    }
    run_long(lab);
    lab->rc = 0;
    run_long(lab);
    check_lines(lab, 120);
    lab_free(lab);
}

/* The lake takes nothing, and no room is left: of the fifth log nothing is read before it is cut.
 */
static void copies__cut_before_anything_is_read(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    lab->rc = ERR_NOSPACE;
    add_lines(lab, "a.log", 0, 5);
    add_lines(lab, "b.log", 5, 10);
    add_lines(lab, "c.log", 10, 15);
    add_lines(lab, "d.log", 15, 20);
    run(lab);
    add_lines(lab, "e.log", 20, 25);
    run(lab);
    shell(lab, "cp e.log e.log.1");
    run(lab);
    cut(lab, "e.log");
    add_lines(lab, "e.log", 25, 30);
    lab->rc = 0;
    run_long(lab);
    check_lines(lab, 30);
    lab_free(lab);
}

/* As cp and scp do: the old content and more, in place. */
static void copies__written_over_in_place(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 200);
    for (int i = 0; i < 5; i++) {
        run(lab);
        shell(lab, "cp access.log new");
        add_lines(lab, "new", 200 + 10 * i, 210 + 10 * i);
        if (i == 2)
            stop(lab);
        cut(lab, "access.log");
        if (i < 2)
            run(lab);
        shell(lab, "head -c 500 new >> access.log");
        if (i == 2)
            start(lab);
        run(lab);
        shell(lab, "head -c 7000 new | tail -c +501 >> access.log");
        run(lab);
        if (i == 1)
            restart(lab);
        if (i == 3)
            run_long(lab); /* it takes its time */
        if (i < 4)
            run(lab);
        shell(lab, "tail -c +7001 new >> access.log");
    }
    run(lab);
    check_lines(lab, 250);
    cut(lab, "access.log");
    run(lab);
    add_lines(lab, "access.log", 250, 255); /* something else is there at once */
    run(lab);
    check_lines(lab, 255);
    lab_free(lab);
}

/* An earlier state that stays one is another file in the end: nobody can tell. */
static void copies__put_back_to_an_earlier_state(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 200);
    run(lab);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 0, 100);
    run_long(lab);
    check_lines(lab, 200);
    add_lines(lab, "access.log", 200, 205);
    run_long(lab);
    for (int i = 0; i < 300; i++)
        run_long(lab);
    assert_int_equal(lab->lines.len, 305);
    lab_free(lab);
}

/* --- patterns that match rotated files as well --- */

static void copies__pattern_of_all_names_and_copytruncate(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log*");
    add_lines(lab, "access.log.3", 0, 5); /* an old one, which is read, too */
    shell(lab, "touch -d 2015-01-01 access.log.3");
    add_lines(lab, "access.log", 5, 40);
    run(lab);
    check_lines(lab, 40);
    for (int i = 1; i <= 8; i++) {
        char command[100];
        snprintf(command, sizeof command, "head -c %d access.log > access.log.1", i * 300);
        shell(lab, command);
        run(lab);
    }
    shell(lab, "cp access.log access.log.1");
    run(lab);
    cut(lab, "access.log");
    run(lab);
    add_lines(lab, "access.log", 40, 45);
    run_long(lab);
    check_lines(lab, 45);
    restart(lab);
    shell(lab, "mv access.log.1 access.log.2; cp access.log access.log.1");
    run(lab);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 45, 50);
    run_long(lab);
    check_lines(lab, 50);
    lab_free(lab);
}

static void copies__pattern_of_all_names_and_packing(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("{,old/}access.log*");
    shell(lab, "mkdir old");
    for (int i = 0; i < 5; i++) {
        add_lines(lab, "access.log", 10 * i, 10 * i + 5);
        run(lab);
        add_lines(lab, "access.log", 10 * i + 5, 10 * i + 10);
        if (i % 2)
            stop(lab);
        shell(lab, "for i in 4 3 2 1; do f=old/access.log.$i.gz; test -e $f && "
                   "mv $f old/access.log.$((i + 1)).gz; done; mv access.log old/access.log.1");
        if (i % 2 == 0)
            run(lab);
        shell(lab, "gzip -k old/access.log.1"); /* both are there for a moment */
        if (i % 2)
            start(lab);
        run(lab);
        shell(lab, "rm old/access.log.1");
        run(lab);
    }
    run_long(lab);
    check_lines(lab, 50);
    restart(lab);
    run_long(lab);
    check_lines(lab, 50);
    lab_free(lab);
}

/* Not every name with a number is a rotated one. */
/* The pattern matches its rotated files as well, was another one before, and the log is away: what
 * they are rotated files of is only in what is known. */
static void copies__pattern_of_all_names_while_the_log_is_away(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->rc = ERR_NOSPACE;
    add_lines(lab, "access.log", 0, 10);
    run(lab);
    shell(lab, "cp access.log access.log-1");
    run(lab);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 10, 15);
    run(lab);
    reload(lab, "access.log*", "combined");
    run(lab);
    move(lab, "access.log", "access.log-2");
    run(lab);
    lab->rc = 0;
    run_long(lab);
    check_lines(lab, 15);
    lab_free(lab);
}

static void copies__logs_with_numbers_in_their_names(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_lines(lab, "site.log", 0, 10);
    add_lines(lab, "site-2.log", 10, 20);
    add_lines(lab, "site-2.1.log", 20, 30);
    shell(lab, "touch -d 2015-01-01 site-2.log");
    run(lab);
    check_lines(lab, 30);
    run_long(lab);
    add_lines(lab, "site-2.log", 30, 40);
    run(lab);
    restart(lab);
    add_lines(lab, "site-2.1.log", 40, 50);
    run(lab);
    check_lines(lab, 50);
    lab_free(lab);
}

/* --- links --- */

static void copies__link_whose_file_is_rotated_while_down(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    shell(lab, "mkdir far; ln -s far/0.log access.log");
    add_lines(lab, "far/0.log", 0, 10);
    run(lab);
    stop(lab);
    add_lines(lab, "far/0.log", 10, 15);
    shell(lab, "mv far/0.log far/0.log.2");
    add_lines(lab, "far/0.log.1", 15, 20);
    add_lines(lab, "far/0.log", 20, 25);
    start(lab);
    run_long(lab);
    check_lines(lab, 25);
    lab_free(lab);
}

static void copies__link_to_the_next_file_while_down(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("current/access.log");
    shell(lab, "mkdir one two; ln -s one current");
    add_lines(lab, "one/access.log", 0, 10);
    run(lab);
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            stop(lab);
        add_lines(lab, i == 0 ? "one/access.log" : "two/access.log", 10 + 10 * i, 15 + 10 * i);
        add_lines(lab, i == 0 ? "two/access.log" : "one/access.log", 15 + 10 * i, 20 + 10 * i);
        shell(lab, i == 0 ? "ln -sfn two current" : "ln -sfn one current");
        if (i == 0)
            start(lab);
        run_long(lab);
        check_lines(lab, 20 + 10 * i);
    }
    lab_free(lab);
}

/* --- late writers --- */

/* Its writer has not heard of it yet, and the file has gone to where nobody looks. */
static void copies__quiet_log_moved_out_of_sight_is_waited_for(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    shell(lab, "mkdir far");
    add_lines(lab, "access.log", 0, 10);
    run(lab);
    run_long(lab); /* nothing comes for long */
    move(lab, "access.log", "far/access.log.1");
    run(lab);
    add_lines(lab, "far/access.log.1", 10, 15);
    add_lines(lab, "access.log", 15, 20);
    run(lab);
    check_lines(lab, 20);
    lab_free(lab);
}

UNIT_MAIN(unit_test(copies__replaced_while_a_block_is_on_its_way),
          unit_test(copies__replaced_before_anything_is_read),
          unit_test(copies__cut_before_anything_is_read), unit_test(copies__written_over_in_place),
          unit_test(copies__put_back_to_an_earlier_state),
          unit_test(copies__pattern_of_all_names_and_copytruncate),
          unit_test(copies__pattern_of_all_names_and_packing),
          unit_test(copies__pattern_of_all_names_while_the_log_is_away),
          unit_test(copies__logs_with_numbers_in_their_names),
          unit_test(copies__link_whose_file_is_rotated_while_down),
          unit_test(copies__link_to_the_next_file_while_down),
          unit_test(copies__quiet_log_moved_out_of_sight_is_waited_for))

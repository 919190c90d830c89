/* What is known of files is kept as long as it is needed: nothing is read again. */
#include "source/tail_internal.h"
#include "tail_lab.h"

#include <unistd.h>

static void add_many(const struct lab *lab, const char *name, int n) {
    char one[64];
    for (int i = 0; i < n; i++) {
        snprintf(one, sizeof one, name, i);
        add_lines(lab, one, 2 * i, 2 * i + 2);
    }
}

static void known__many_logs(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_many(lab, "vhost-%dx.log", 200);
    for (int i = 0; i < 10; i++)
        run(lab);
    check_lines(lab, 400);
    for (int i = 0; i < 3; i++) {
        save(lab);
        restart(lab); /* saves before it looked */
        restart(lab);
        run_long(lab);
        check_lines(lab, 400);
    }
    lab_free(lab);
}

static void known__many_rotations(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    char name[32];
    for (int i = 0; i < 150; i++) {
        add_lines(lab, "access.log", 2 * i, 2 * i + 2);
        run(lab);
        snprintf(name, sizeof name, "access.log.%d", i);
        move(lab, "access.log", name);
    }
    run_long(lab);
    check_lines(lab, 300);
    save(lab);
    assert_int_equal(count_known(lab), 150);
    for (int i = 0; i < 3; i++) {
        restart(lab);
        shell(lab, i == 0 ? "gzip access.log.?" : "true");
        run_long(lab);
        check_lines(lab, 300);
    }
    lab_free(lab);
}

static void known__a_folder_that_is_not_there_at_the_start(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("mount/*.log");
    shell(lab, "mkdir mount");
    add_many(lab, "mount/%dx.log", 100);
    for (int i = 0; i < 10; i++)
        run(lab);
    check_lines(lab, 200);
    move(lab, "mount", "away");
    for (int i = 0; i < 3; i++) {
        restart(lab);
        run_long(lab);
        let_days_pass(lab, 40);
        run_long(lab);
        save(lab);
        shell(lab, i == 1 ? "mkdir mount" : "true"); /* and an empty one */
    }
    shell(lab, "rmdir mount");
    move(lab, "away", "mount");
    run_long(lab);
    add_lines(lab, "mount/7x.log", 200, 202);
    run_long(lab);
    check_lines(lab, 202);
    lab_free(lab);
}

static void known__another_path_and_another_format(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_many(lab, "%dx.log", 100);
    for (int i = 0; i < 10; i++)
        run(lab);
    reload(lab, "*x.log", "combined");
    run_long(lab);
    restart(lab);
    run_long(lab);
    reload(lab, "*.log", "vhost");
    reload(lab, "{*.log,*.txt}", "");
    run_long(lab);
    add_lines(lab, "5x.log", 200, 202);
    run_long(lab);
    check_lines(lab, 202);
    lab_free(lab);
}

/* Nothing of the log was durable when its pattern became another one: what was rotated since then
 * is not older than what is followed. */
static void known__another_path_before_anything_was_taken(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->rc = ERR_NOSPACE;
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 5, 10);
    run(lab);
    let_days_pass(lab, 2);
    reload(lab, "*.log", "combined");
    restart(lab);
    lab->rc = 0;
    run_long(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

static void known__lines_get_the_site_that_another_format_says(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->source.site_by_lines = true;
    restart(lab);
    add_lines(lab, "access.log", 0, 2);
    run(lab);
    reload(lab, "access.log", "vhost");
    add_lines(lab, "access.log", 2, 4);
    run(lab);
    check_lines(lab, 4);
    assert_string_equal(lab->sites.items[0], "example.org");
    assert_string_equal(lab->sites.items[3], "");
    lab_free(lab);
}

/* --- forgetting --- */

static void known__what_is_gone_is_forgotten_after_a_month(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    for (int i = 0; i < 10; i++) {
        add_lines(lab, "access.log", i, i + 1);
        run(lab);
        shell(lab, "mv access.log access.log.1");
    }
    add_lines(lab, "access.log", 10, 11);
    run_long(lab);
    save(lab);
    assert_int_equal(count_known(lab), 11);
    let_days_pass(lab, 29);
    run(lab);
    restart(lab); /* it goes on with the time of before */
    run(lab);
    assert_int_equal(count_known(lab), 11);
    let_days_pass(lab, 2);
    run(lab);
    save(lab);
    assert_int_equal(count_known(lab), 2);
    restart(lab);
    run_long(lab);
    check_lines(lab, 11);
    lab_free(lab);
}

/* The time begins when it is missed, not when it was last seen. */
static void known__a_file_that_goes_after_a_year_is_kept_for_a_month(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_lines(lab, "a.log", 0, 5);
    add_lines(lab, "b.log", 5, 10);
    run(lab);
    let_days_pass(lab, 400);
    run(lab);
    stop(lab);
    let_days_pass(lab, 400);
    move(lab, "a.log", "away");
    start(lab);
    run_long(lab);
    let_days_pass(lab, 20);
    run(lab);
    restart(lab);
    run(lab);
    shell(lab, "cp away a.log; rm away"); /* another inode */
    run_long(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

/* Lines between copying and cutting were read from the log, so no file is all that was read. */
static void known__a_shorter_copy_keeps_it_known(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    shell(lab, "cp access.log access.log.1");
    add_lines(lab, "access.log", 40, 45);
    run(lab);
    cut(lab, "access.log");
    add_lines(lab, "access.log", 45, 50);
    run_long(lab);
    for (int i = 0; i < 4; i++) {
        let_days_pass(lab, 20);
        run(lab);
        save(lab);
        if (i == 1)
            shell(lab, "gzip access.log.1");
        restart(lab);
        run_long(lab);
    }
    check_lines(lab, 50);
    lab_free(lab);
}

/* The plain file is deleted while it is open: its place is taken by the packed one. */
static void known__a_packed_file_keeps_it_known(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 40);
    run(lab);
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 40, 45);
    run(lab);
    shell(lab, "gzip access.log.1");
    run(lab);
    run_long(lab);
    for (int i = 0; i < 3; i++) {
        let_days_pass(lab, 20);
        run(lab);
        save(lab);
    }
    assert_int_equal(count_known(lab), 2);
    restart(lab);
    run_long(lab);
    check_lines(lab, 45);
    lab_free(lab);
}

/* A file that cannot be read may be the one that is missed. */
static void known__nothing_is_forgotten_while_something_is_wrong(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_lines(lab, "a.log", 0, 5);
    add_lines(lab, "b.log", 5, 10);
    run(lab);
    shell(lab, "mv b.log x && ln -s b.log b.log"); /* ELOOP, also for root */
    let_days_pass(lab, 20);
    run(lab);
    let_days_pass(lab, 40);
    restart(lab);
    run_long(lab);
    let_days_pass(lab, 40);
    run_long(lab);
    shell(lab, "mv x b.log");
    run_long(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

/* Looks with an error do not count; but neither do they begin the month anew. */
static void known__an_error_now_and_then_keeps_nothing_for_ever(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_lines(lab, "a.log", 0, 5);
    add_lines(lab, "b.log", 5, 10);
    run(lab);
    shell(lab, "rm b.log");
    run_long(lab);
    for (int i = 0; i < 4; i++) {
        save(lab);
        assert_int_equal(count_known(lab), 2);
        let_days_pass(lab, 8);
        shell(lab, "ln -s x.log x.log"); /* ELOOP */
        run(lab);
        shell(lab, "rm x.log");
        if (i < 3)
            run(lab);
    }
    save(lab);
    assert_int_equal(count_known(lab), 2); /* not while it lasts */
    run(lab);
    save(lab);
    assert_int_equal(count_known(lab), 1);
    lab_free(lab);
}

/* --- what may not be read --- */

/* Root may read everything. */
static void run_without_rights(struct lab *lab) {
    bool root = geteuid() == 0;
    assert_true(!root || seteuid(65534) == 0);
    run(lab);
    assert_true(!root || seteuid(0) == 0);
}

static void known__files_that_may_not_be_read_wait_until_they_may(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    shell(lab, "chmod 711 .");
    add_lines(lab, "access.log", 0, 5);
    shell(lab, "chmod 0 access.log");
    run_without_rights(lab);
    assert_int_equal(lab->lines.len, 0);
    shell(lab, "chmod 644 access.log");
    run_without_rights(lab);
    check_lines(lab, 5);
    shell(lab, "chmod 755 . && chmod 0 access.log");
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 5, 10);
    restart(lab);
    run_without_rights(lab);
    shell(lab, "chmod 644 access.log*");
    run_without_rights(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

static void known__a_file_that_is_gone_when_it_is_opened(void **state) {
    UNUSED(state);
    struct tail_candidate c;
    struct err err = {0};
    memset(&c, 0xff, sizeof c); /* as a stack may have it */
    assert_int_equal(tail_candidate_open("/nowhere/access.log", &c, &err), ERR_NOTFOUND);
    assert_null(c.bytes);
}

UNIT_MAIN(unit_test(known__many_logs), unit_test(known__many_rotations),
          unit_test(known__a_folder_that_is_not_there_at_the_start),
          unit_test(known__another_path_and_another_format),
          unit_test(known__another_path_before_anything_was_taken),
          unit_test(known__lines_get_the_site_that_another_format_says),
          unit_test(known__what_is_gone_is_forgotten_after_a_month),
          unit_test(known__a_file_that_goes_after_a_year_is_kept_for_a_month),
          unit_test(known__a_shorter_copy_keeps_it_known),
          unit_test(known__a_packed_file_keeps_it_known),
          unit_test(known__nothing_is_forgotten_while_something_is_wrong),
          unit_test(known__an_error_now_and_then_keeps_nothing_for_ever),
          unit_test(known__files_that_may_not_be_read_wait_until_they_may),
          unit_test(known__a_file_that_is_gone_when_it_is_opened))

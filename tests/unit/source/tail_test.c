#include "tail_lab.h"

#include <unistd.h>

/* --- growing --- */

static void tail__takes_whole_lines_as_they_come(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    run(lab); /* it is not there yet */
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_int_equal(status.sources.len, 1);
    assert_true(strstr(status.sources.items[0].error, "no such file") != NULL);
    tail_status_release(&status);
    add_lines(lab, "access.log", 0, 3);
    add_text(lab, "access.log", "line 3 of");
    run(lab);
    check_lines(lab, 3);
    run_long(lab);
    check_lines(lab, 3);
    add_text(lab, "access.log", " it\r\n\n\r\n");
    run(lab);
    check_lines(lab, 4);
    assert_string_equal(lab->lines.items[3], "line 3 of it");
    assert_string_equal(lab->sites.items[3], "example.org");
    tail_status(lab->tail, &status);
    assert_string_equal(status.sources.items[0].error, "");
    assert_int_equal(status.sources.items[0].lines, 4);
    assert_int_equal(status.sources.items[0].lag, 0);
    assert_int_equal(status.sources.items[0].files.len, 1);
    tail_status_release(&status);
    lab_free(lab);
}

static void tail__goes_on_after_a_restart_and_after_kill(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 5);
    run(lab);
    restart(lab);
    run(lab);
    check_lines(lab, 5);
    add_lines(lab, "access.log", 5, 30000);
    lab->held = true; /* read, but never in the lake */
    run(lab);
    assert_int_equal(lab->n_waiting, 1);
    lab->held = false;
    restart(lab);
    run(lab);
    check_lines(lab, 30000);
    lab_free(lab);
}

static void tail__a_full_disk_is_waited_out(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->rc = ERR_NOSPACE;
    add_lines(lab, "access.log", 0, 20000);
    run(lab);
    add_lines(lab, "access.log", 20000, 20010);
    move(lab, "access.log", "access.log.1");
    add_lines(lab, "access.log", 20010, 20020);
    run(lab);
    check_lines(lab, 0);
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_true(strstr(status.sources.items[0].files.items[0].error, "no space") != NULL);
    assert_true(status.sources.items[0].lag > 1000000);
    tail_status_release(&status);
    lab->rc = 0;
    run_long(lab);
    check_lines(lab, 20020);
    lab_free(lab);
}

static void tail__one_block_of_a_file_in_flight_and_all_files_get_their_turn(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    char name[32];
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        add_lines(lab, name, i * 30000, (i + 1) * 30000);
    }
    lab->held = true;
    run(lab);
    assert_int_equal(lab->n_waiting, 4);
    let_go(lab);
    lab->held = true;
    run(lab);
    assert_int_equal(lab->n_waiting, 4);
    let_go(lab);
    bool begun[8] = {0}; /* nobody had two blocks before everybody had one */
    for (size_t i = 0; i < lab->lines.len; i++)
        begun[atoi(lab->lines.items[i] + 5) / 30000] = true;
    for (int i = 0; i < 8; i++)
        assert_true(begun[i]);
    run(lab);
    check_lines(lab, 240000);
    lab_free(lab);
}

/* --- lines --- */

static void tail__last_line_of_a_rotated_file_without_its_end(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 3);
    add_text(lab, "access.log", "line 3 of");
    run(lab);
    move(lab, "access.log", "access.log.1");
    run(lab);
    check_lines(lab, 3);
    run_long(lab);
    check_lines(lab, 4);
    restart(lab);
    add_text(lab, "access.log.1", " the same\nline 4 of it\n"); /* it was not its end */
    run_long(lab);
    check_lines(lab, 5);
    lab_free(lab);
}

static void tail__too_long_lines_keep_their_beginning(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    struct buf text = {0};
    static const size_t sizes[] = {LIMIT_LINE_BYTES, LIMIT_LINE_BYTES + 1, 5 << 20};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t begin = text.len;
        buf_printf(&text, "line %zu of ", 2 * i);
        while (text.len - begin < sizes[i])
            buf_add_char(&text, 'x');
        buf_printf(&text, "\nline %zu of\n", 2 * i + 1);
    }
    /* in pieces, so that it waits in the middle, and with a restart there */
    for (size_t at = 0; at < text.len; at += 1 << 20) {
        add_bytes(lab, "access.log", text.ptr + at, min_size(1 << 20, text.len - at));
        run(lab);
        restart(lab);
    }
    run(lab);
    check_lines(lab, 6);
    for (size_t i = 0; i < lab->lines.len; i++)
        assert_true(strlen(lab->lines.items[i]) <= LIMIT_LINE_BYTES + 1);
    assert_int_equal(strlen(lab->lines.items[0]), LIMIT_LINE_BYTES);
    assert_int_equal(strlen(lab->lines.items[4]), LIMIT_LINE_BYTES + 1);
    buf_release(&text);
    lab_free(lab);
}

static void tail__many_tiny_lines_fit_into_blocks(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    struct buf text = {0};
    for (int i = 0; i < 600000; i++)
        buf_add_cstr(&text, "a\n");
    add_bytes(lab, "access.log", text.ptr, text.len);
    run_long(lab);
    run_long(lab);
    assert_int_equal(lab->lines.len, 600000);
    buf_release(&text);
    lab_free(lab);
}

/* --- formats --- */

static void tail__header_in_force_survives_restarts(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("u_ex.log");
    lab->source.format = "";
    lab->source.site_by_lines = true;
    restart(lab);
    add_text(lab, "u_ex.log",
             "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status cs-host\n");
    run(lab);
    assert_int_equal(lab->positions.len, 0); /* header lines alone do not say what follows */
    add_text(lab, "u_ex.log", "2024-01-01 00:00:00 192.0.2.1 GET / 200 a.example\n");
    run(lab);
    assert_int_equal(lab->lines.len, 1);
    assert_string_equal(lab->types.items[0], "w3c");
    assert_string_equal(lab->sites.items[0], "");
    size_t headers = lab->headers;
    restart(lab);
    add_text(lab, "u_ex.log", "2024-01-01 00:00:01 192.0.2.1 GET / 200 a.example\n");
    run(lab);
    assert_int_equal(lab->lines.len, 2);
    assert_true(lab->headers > headers); /* each block begins with it */
    assert_true(strstr(lab->positions.items[1], "cs-uri-stem") != NULL);
    assert_string_equal(lab->sites.items[1], "");
    lab_free(lab);
}

static void tail__format_is_decided_once(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    lab->source.format = "auto";
    restart(lab);
    add_text(lab, "access.log",
             "192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\"");
    run(lab);
    assert_int_equal(lab->positions.len, 0);
    add_text(lab, "access.log", " \"curl\"\n");
    run(lab);
    add_text(lab, "access.log",
             "192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n");
    restart(lab);
    run(lab);
    assert_int_equal(lab->lines.len, 2);
    assert_string_equal(lab->types.items[0], "combined");
    assert_string_equal(lab->types.items[1], "combined");
    lab_free(lab);
}

static void tail__rubbish_at_the_beginning_does_not_decide_on_the_format(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    static const char *const line = "a.example:80 192.0.2.1 - - [01/Jan/2024:00:00:00 +0000] \"GET "
                                    "/ HTTP/1.1\" 200 5 \"-\" \"x\"\n";
    lab->source.format = "";
    restart(lab);
    add_text(lab, "access.log", "rubbish\n");
    run(lab);
    assert_int_equal(lab->lines.len, 0);
    add_text(lab, "access.log", line);
    run(lab);
    assert_int_equal(lab->lines.len, 2);
    assert_string_equal(lab->types.items[0], "vhost");
    move(lab, "access.log", "access.log.1");
    add_text(lab, "access.log", "rubbish again\n");
    run(lab);
    assert_int_equal(lab->lines.len, 3);
    assert_string_equal(lab->types.items[2], "vhost");
    shell(lab, "rm access.log*");
    lab->source.id = "www";
    run_long(lab);
    for (int i = 0; i < 12; i++)
        add_text(lab, "other.log", "nothing that anybody reads\n");
    lab->source.path = path(lab, "other.log");
    tail_set_sources(lab->tail, &lab->source, 1);
    run(lab);
    assert_int_equal(lab->lines.len, 15);
    lab_free(lab);
}

/* --- packed --- */

static void tail__packed_file_that_is_cut_short_waits(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 5000);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 5000, 9000);
    shell(lab, "gzip access.log; head -c 9000 access.log.gz > access.log.1.gz; mv access.log.gz x");
    add_lines(lab, "access.log", 9000, 9010);
    start(lab);
    run_long(lab);
    assert_int_equal(lab->lines.len, 5010);
    shell(lab, "touch -d '10 minutes ago' access.log.1.gz");
    run(lab);
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_true(strstr(status.sources.items[0].error, "cut short") != NULL);
    tail_status_release(&status);
    shell(lab, "cat x > access.log.1.gz");
    run_long(lab);
    check_lines(lab, 9010);
    lab_free(lab);
}

static void tail__members_and_rubbish(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 100);
    run(lab);
    stop(lab);
    add_lines(lab, "access.log", 100, 200);
    add_lines(lab, "more", 200, 300);
    shell(lab, "gzip access.log more; cat access.log.gz more.gz > access.log.1.gz; "
               "echo rubbish >> access.log.1.gz; rm access.log.gz");
    start(lab);
    run_long(lab);
    check_lines(lab, 300);
    struct tail_status status;
    tail_status(lab->tail, &status);
    assert_int_equal(status.sources.items[0].files.len, 1);
    assert_true(strstr(status.sources.items[0].files.items[0].error, "rubbish") != NULL);
    tail_status_release(&status);
    restart(lab);
    run_long(lab);
    check_lines(lab, 300);
    lab_free(lab);
}

/* --- sources --- */

static void tail__links_to_one_file_are_one_file(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    add_lines(lab, "a.log", 0, 10);
    shell(lab, "ln a.log b.log; ln -s a.log c.log; mkdir d.log");
    run(lab);
    check_lines(lab, 10);
    lab_free(lab);
}

static void tail__source_removed_and_back(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("access.log");
    add_lines(lab, "access.log", 0, 10);
    run(lab);
    tail_set_sources(lab->tail, NULL, 0);
    add_lines(lab, "access.log", 10, 20);
    run(lab);
    check_lines(lab, 10);
    tail_set_sources(lab->tail, &lab->source, 1);
    run(lab);
    check_lines(lab, 20);
    /* another pattern finds the same file */
    reload(lab, "*.{log,txt}", "combined");
    add_lines(lab, "access.log", 20, 30);
    add_lines(lab, "more.txt", 30, 40);
    run(lab);
    restart(lab);
    run(lab);
    check_lines(lab, 40);
    lab_free(lab);
}

static void index__document_saves_reading_the_lake(void **state) {
    UNUSED(state);
    struct lab *lab = lab_new("*.log");
    struct buf again = {0};
    add_lines(lab, "a \"quoted\".log", 0, 10);
    add_lines(lab, "b.log", 10, 20);
    run(lab);
    save(lab);
    add_lines(lab, "b.log", 20, 30);
    run(lab);
    restart(lab); /* it is older than the lake */
    run(lab);
    check_lines(lab, 30);
    struct tail_index index = {0};
    assert_ok(tail_index_from_json(&index, buf_str(&lab->document), &lab->err), lab->err);
    tail_index_to_json(&index, &again);
    assert_string_equal(buf_cstr(&again), buf_cstr(&lab->document));
    tail_index_release(&index);
    assert_int_equal(tail_index_from_json(&index, STR("{\"files\":[{\"tail\":\"x\"}]}"), &lab->err),
                     ERR_CORRUPT);
    tail_index_release(&index);
    assert_int_equal(tail_index_take(&index, 5, STR("{\"tail\":"), &lab->err), ERR_CORRUPT);
    assert_int_equal(tail_index_take(&index, 5, STR("{\"import\":1}"), &lab->err), 0);
    assert_int_equal(index.bid, 5);
    tail_index_release(&index);
    buf_release(&again);
    lab_free(lab);
}

UNIT_MAIN(unit_test(tail__takes_whole_lines_as_they_come),
          unit_test(tail__goes_on_after_a_restart_and_after_kill),
          unit_test(tail__a_full_disk_is_waited_out),
          unit_test(tail__one_block_of_a_file_in_flight_and_all_files_get_their_turn),
          unit_test(tail__last_line_of_a_rotated_file_without_its_end),
          unit_test(tail__too_long_lines_keep_their_beginning),
          unit_test(tail__many_tiny_lines_fit_into_blocks),
          unit_test(tail__header_in_force_survives_restarts),
          unit_test(tail__format_is_decided_once),
          unit_test(tail__rubbish_at_the_beginning_does_not_decide_on_the_format),
          unit_test(tail__packed_file_that_is_cut_short_waits),
          unit_test(tail__members_and_rubbish), unit_test(tail__links_to_one_file_are_one_file),
          unit_test(tail__source_removed_and_back),
          unit_test(index__document_saves_reading_the_lake))

#include "daemon/catalog.h"
#include "support/unit.h"

#include <unistd.h>

struct lab {
    char dir[64], path[96];
    struct control *control;
    struct config *file;
    struct catalog *c;
    struct err err;
};

static struct config *make_file(const char *site, const char *zone) {
    struct config *c = xcalloc(1, sizeof *c);
    c->timezone = xstrdup("UTC");
    c->n_sites = c->n_sources = 1;
    c->sites = xcalloc(1, sizeof *c->sites);
    c->sites[0] = (struct config_site){.name = xstrdup(site), .timezone = xstrdup(zone)};
    c->sources = xcalloc(1, sizeof *c->sources);
    c->sources[0] = (struct config_source){.id = xstrdup("www"), .type = xstrdup("tail")};
    return c;
}

static int setup(void **state) {
    struct lab *lab = xcalloc(1, sizeof *lab);
    snprintf(lab->dir, sizeof lab->dir, "/tmp/cask-catalog-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    snprintf(lab->path, sizeof lab->path, "%s/control.db", lab->dir);
    lab->file = make_file("a.org", "Europe/Berlin");
    assert_ok(control_open(lab->path, &lab->control, &lab->err), lab->err);
    assert_ok(catalog_open(lab->control, lab->file, &lab->c, &lab->err), lab->err);
    *state = lab;
    return 0;
}

static int teardown(void **state) {
    struct lab *lab = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    catalog_close(lab->c);
    control_close(lab->control);
    config_free(lab->file);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", lab->path, ends[i]);
        unlink(path);
    }
    rmdir(lab->dir);
    free(lab);
    return 0;
}

/* The zone of a site in effect; "" there is no such site. */
static const char *zone_of(struct lab *lab, const char *site) {
    static char zone[64];
    const struct config *now = catalog_hold(lab->c);
    snprintf(zone, sizeof zone, "%s",
             catalog_has_site(now, str_from(site)) ? config_site_zone(now, str_from(site)) : "");
    config_let_go(now);
    return zone;
}

static int put(struct lab *lab, const char *site, const char *zone, uint64_t version) {
    return catalog_put_site(lab->c, str_from(site), str_from(zone), version, &lab->err);
}

static void site__is_in_effect_at_once_and_after_a_restart(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "b.org", "Asia/Tokyo", 0), lab->err);
    assert_string_equal(zone_of(lab, "b.org"), "Asia/Tokyo");
    assert_string_equal(zone_of(lab, "a.org"), "Europe/Berlin");
    assert_ok(put(lab, "b.org", "", 1), lab->err);
    assert_string_equal(zone_of(lab, "b.org"), "UTC");
    catalog_close(lab->c);
    assert_ok(catalog_open(lab->control, lab->file, &lab->c, &lab->err), lab->err);
    assert_string_equal(zone_of(lab, "b.org"), "UTC");
    assert_ok(catalog_remove_site(lab->c, STR("b.org"), 2, &lab->err), lab->err);
    assert_string_equal(zone_of(lab, "b.org"), "");
}

static void site__names_and_versions_are_checked(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "b.org", "", 0), lab->err);
    assert_int_equal(put(lab, "b.org", "", 0), ERR_BUSY);
    assert_int_equal(put(lab, "b.org", "", 2), ERR_BUSY);
    assert_int_equal(put(lab, "a.org", "", 0), ERR_BUSY); /* of the file */
    assert_int_equal(put(lab, "a.org", "", CONTROL_ANY), ERR_BUSY);
    assert_int_equal(catalog_remove_site(lab->c, STR("a.org"), CONTROL_ANY, &lab->err), ERR_BUSY);
    assert_int_equal(put(lab, "c.org", "", CONTROL_ANY), ERR_NOTFOUND);
    assert_int_equal(catalog_remove_site(lab->c, STR("c.org"), CONTROL_ANY, &lab->err),
                     ERR_NOTFOUND);
    static const char *const bad[] = {"",    "all", "*",   ".",    "..",
                                      "a/b", "a,b", "a?b", "a\nb", "\xff"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(put(lab, bad[i], "", 0), ERR_USAGE);
    assert_int_equal(put(lab, "c.org", "Mars/Base", 0), ERR_USAGE);
    assert_int_equal(catalog_put_source(lab->c, STR("www"), STR(""), STR(""), 0, &lab->err),
                     ERR_BUSY);
    assert_int_equal(catalog_put_source(lab->c, STR("x"), STR(""), STR("no-format"), 0, &lab->err),
                     ERR_USAGE);
}

static void site__there_is_a_limit(void **state) {
    struct lab *lab = *state;
    catalog_close(lab->c);
    lab->c = NULL;
    for (size_t i = 0; i < CATALOG_SITES - 1; i++) {
        char key[32];
        snprintf(key, sizeof key, "site/s%zu.org", i);
        const struct control_put p = {key, STR("{}"), 0};
        assert_ok(control_commit(lab->control, &p, 1, &lab->err), lab->err);
    }
    assert_ok(catalog_open(lab->control, lab->file, &lab->c, &lab->err), lab->err);
    assert_ok(put(lab, "last.org", "", 0), lab->err);
    assert_int_equal(put(lab, "over.org", "", 0), ERR_TOOBIG);
    assert_ok(put(lab, "last.org", "Asia/Tokyo", 1), lab->err);
}

static void hold__what_is_held_does_not_change(void **state) {
    struct lab *lab = *state;
    const struct config *before = catalog_hold(lab->c);
    assert_ok(put(lab, "b.org", "", 0), lab->err);
    assert_false(catalog_has_site(before, STR("b.org")));
    const struct config *now = catalog_hold(lab->c);
    assert_true(catalog_has_site(now, STR("b.org")));
    assert_true(now->generation > before->generation);
    config_let_go(now);
    config_let_go(before);
}

static void reload__the_file_counts_where_both_have_a_name(void **state) {
    struct lab *lab = *state;
    assert_ok(put(lab, "b.org", "Asia/Tokyo", 0), lab->err);
    struct config *fresh = make_file("b.org", "America/New_York");
    assert_ok(catalog_reload(lab->c, fresh, &lab->err), lab->err);
    config_free(fresh); /* it was copied */
    assert_string_equal(zone_of(lab, "b.org"), "America/New_York");
    assert_string_equal(zone_of(lab, "a.org"), "");
    assert_int_equal(put(lab, "b.org", "", 1), ERR_BUSY);
    assert_ok(catalog_reload(lab->c, lab->file, &lab->err), lab->err);
    assert_string_equal(zone_of(lab, "b.org"), "Asia/Tokyo");
}

static void reload__a_damaged_document_changes_nothing(void **state) {
    struct lab *lab = *state;
    const struct control_put p = {"site/c.org", STR("{\"timezone\""), 0};
    assert_ok(control_commit(lab->control, &p, 1, &lab->err), lab->err);
    struct config *fresh = make_file("b.org", "UTC");
    assert_int_equal(catalog_reload(lab->c, fresh, &lab->err), ERR_CORRUPT);
    assert_non_null(strstr(lab->err.text, "site/c.org"));
    config_free(fresh);
    assert_string_equal(zone_of(lab, "a.org"), "Europe/Berlin");
}

#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        lab_test(site__is_in_effect_at_once_and_after_a_restart),
        lab_test(site__names_and_versions_are_checked),
        lab_test(site__there_is_a_limit),
        lab_test(hold__what_is_held_does_not_change),
        lab_test(reload__the_file_counts_where_both_have_a_name),
        lab_test(reload__a_damaged_document_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

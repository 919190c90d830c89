#include "base/fs.h"
#include "base/limits.h"
#include "config/config.h"
#include "support/golden.h"
#include "support/unit.h"

#include <time.h>
#include <unistd.h>

static int in_a_folder_of_its_own(void **state) {
    UNUSED(state);
    char folder[] = "/tmp/config_test.XXXXXX";
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int and_leaves_none(void **state) {
    UNUSED(state);
    char folder[64];
    if (getcwd(folder, sizeof folder) == NULL)
        return 1;
    (void)unlink("t.yaml");
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static void write_file(const char *path, struct str text) {
    struct err err = {0};
    assert_ok(fs_replace_file(path, text, 0600, &err), err);
}

static struct config *load_str(struct str text) {
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    write_file("t.yaml", text);
    int rc = config_load("t.yaml", &c, &report, &err);
    if (rc != 0)
        fail_msg("%d: %s\n%s", rc, err.text, buf_cstr(&report));
    buf_release(&report); /* warnings: another matter */
    return c;
}

/* What is said of a text that is good. */
static const char *warnings_of(const char *text) {
    static char kept[8192];
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    write_file("t.yaml", str_from(text));
    assert_ok(config_load("t.yaml", &c, &report, &err), err);
    snprintf(kept, sizeof kept, "%s", buf_cstr(&report));
    buf_release(&report);
    config_free(c);
    return kept;
}

static struct config *load(const char *text) { return load_str(str_from(text)); }

/* The report of a text that must be refused; in static memory. */
static const char *report_of(const char *text) {
    static char kept[8192];
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    write_file("t.yaml", str_from(text));
    assert_int_equal(config_load("t.yaml", &c, &report, &err), ERR_USAGE);
    assert_null(c);
    assert_non_null(strstr(err.text, "t.yaml"));
    snprintf(kept, sizeof kept, "%s", buf_cstr(&report));
    buf_release(&report);
    return kept;
}

static void assert_line(const char *report, const char *line) {
    size_t len = strlen(line);
    for (const char *at = report; (at = strstr(at, line)) != NULL; at += len)
        if ((at == report || at[-1] == '\n') && at[len] == '\n')
            return;
    fail_msg("no line \"%s\" in:\n%s", line, report);
}

static size_t lines(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

/* --- defaults and files --- */

static void load__without_a_file_gives_the_defaults(void **state) {
    UNUSED(state);
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    (void)unlink("caskalytics.yaml");
    assert_ok(config_load(NULL, &c, &report, &err), err);
    assert_null(c->file);
    assert_true(c->is_empty);
    assert_string_equal(c->data, "./data");
    assert_string_equal(c->timezone, "UTC");
    assert_int_equal(c->n_sites, 0);
    assert_int_equal(c->n_products, 0);
    assert_null(c->country_database);
    assert_int_equal(c->engine_memory_bytes, 0);
    assert_int_equal(c->query_memory_bytes, 0);
    assert_true(c->seal);
    config_free(c);
}

/* docs/definitions.md, word by word. */
static void defaults__extensions_are_those_of_the_contract(void **state) {
    UNUSED(state);
    static const char assets[] = "css js mjs map png jpg jpeg gif ico svg webp bmp avif woff woff2 "
                                 "ttf eot otf swf xml txt json "
                                 "rss atom webmanifest ";
    static const char downloads[] =
        "pdf zip gz tgz bz2 tbz xz 7z rar tar exe msi dmg pkg deb rpm apk iso img jar war doc docx "
        "xls "
        "xlsx ppt pptx odt ods odp csv epub mobi mp3 ogg wav flac mp4 m4v avi mov mkv webm ";
    struct config *c = load("");
    struct buf text = {0};
    for (size_t i = 0; i < c->n_assets; i++)
        buf_printf(&text, "%s ", c->assets[i]);
    assert_string_equal(buf_cstr(&text), assets);
    buf_clear(&text);
    for (size_t i = 0; i < c->n_downloads; i++)
        buf_printf(&text, "%s ", c->downloads[i]);
    assert_string_equal(buf_cstr(&text), downloads);
    buf_release(&text);
    config_free(c);
}

static void load__finds_the_file_of_the_working_directory(void **state) {
    UNUSED(state);
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    write_file("caskalytics.yaml", STR("data: here\n"));
    assert_ok(config_load(NULL, &c, &report, &err), err);
    assert_string_equal(c->file, "caskalytics.yaml");
    assert_string_equal(c->data, "here");
    config_free(c);
    assert_int_equal(unlink("caskalytics.yaml"), 0);
}

static void load__a_named_file_must_exist(void **state) {
    UNUSED(state);
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    assert_int_equal(config_load("nowhere.yaml", &c, &report, &err), ERR_NOTFOUND);
    assert_non_null(strstr(err.text, "nowhere.yaml"));
    assert_int_equal(config_load("/", &c, &report, &err), ERR_IO);
    assert_null(c);
}

static void load__a_file_ends_at_its_limit(void **state) {
    UNUSED(state);
    struct buf text = {0};
    buf_add_cstr(&text, "data: x\n");
    while (text.len < LIMIT_CONFIG_BYTES)
        buf_add_char(&text, text.len % 80 == 79 ? '\n' : '#');
    text.ptr[LIMIT_CONFIG_BYTES - 1] = '\n';
    config_free(load_str(buf_str(&text)));
    buf_add_char(&text, '\n');
    assert_line(report_of(buf_cstr(&text)), "t.yaml:1: larger than 4194304 bytes");
    buf_release(&text);
}

static void load__reads_every_key(void **state) {
    UNUSED(state);
    struct config *c =
        load("data: /srv/cask\n"
             "timezone: Europe/Berlin\n"
             "sites:\n"
             "  - {name: www.cask.co, timezone: America/Los_Angeles}\n"
             "  - name: cdap.io\n"
             "products:\n"
             "  - {name: CDAP, match: 'cdap-(?<version>[0-9.]+)\\.zip$', redirects: true}\n"
             "assets: [CSS, .Js]\n"
             "downloads: []\n"
             "country_database: /x.mmdb\n"
             "engine: {memory: 2G, query_memory: 512M}\n"
             "seal: false\n");
    assert_string_equal(c->data, "/srv/cask");
    assert_int_equal(c->n_sites, 2);
    assert_string_equal(c->sites[0].timezone, "America/Los_Angeles");
    assert_null(c->sites[1].timezone);
    assert_string_equal(c->products[0].match, "cdap-(?<version>[0-9.]+)\\.zip$");
    assert_true(c->products[0].redirects);
    assert_int_equal(c->n_assets, 2);
    assert_string_equal(c->assets[0], "css");
    assert_string_equal(c->assets[1], "js");
    assert_int_equal(c->n_downloads, 0);
    assert_string_equal(c->country_database, "/x.mmdb");
    assert_int_equal(c->engine_memory_bytes, (uint64_t)2 << 30);
    assert_int_equal(c->query_memory_bytes, (uint64_t)512 << 20);
    assert_false(c->seal);
    assert_string_equal(config_site_zone(c, STR("www.cask.co")), "America/Los_Angeles");
    assert_string_equal(config_site_zone(c, STR("cdap.io")), "Europe/Berlin");
    assert_string_equal(config_site_zone(c, STR("unheard.of")), "Europe/Berlin");
    config_free(c);
}

/* The sample of docs/configuration.md: keys of later versions are known, and checked. */
static void load__knows_the_keys_of_later_versions(void **state) {
    UNUSED(state);
    setenv("CASK_TEST_KEY", "k", 1);
    assert_string_equal(
        warnings_of(
            "listen: 127.0.0.1:8080\n"
            "public_url: https://stats.example.org     # for links\n"
            "sources:\n"
            "  - {id: www-log, type: tail, path: /var/log/access.log, site: a, format: combined}\n"
            "  - id: cdn\n"
            "    type: s3\n"
            "    region: us-west-1\n"
            "    every: 1m\n"
            "    access_key_id: ${CASK_TEST_KEY}\n"
            "    secret_access_key: ${CASK_TEST_KEY}\n"
            "    paths:\n"
            "      - {path: 's3://cask-logs/cdap/', site: cdap.io, format: cloudfront, files: "
            "'.*\\.gz$'}\n"
            "  - {id: beacons, type: sqs, queue: 'https://sqs.us-west-1.amazonaws.com/123/cask'}\n"
            "  - {id: stars, type: github, repos: [caskdata/cdap, caskdata/coopr], every: 1h}\n"
            "retention: {lake: 2y, events: 2y}\n"),
        "t.yaml:6: warning: sources[].type: sources of type \"s3\" are without effect in this "
        "version\n"
        "t.yaml:13: warning: sources[].type: sources of type \"sqs\" are without effect in this "
        "version\n"
        "t.yaml:14: warning: sources[].type: sources of type \"github\" are without effect in this "
        "version\n"
        "t.yaml:15: warning: retention: without effect in this version\n");
    assert_string_equal(warnings_of("sources:\n  - {id: a, type: ingest, every: 1m}\n"),
                        "t.yaml:2: warning: sources[].every: without effect in this version\n");
    const char *report =
        report_of("retention: {lake: 2}\nsources:\n  - {id: a, type: s3, every: 0s}\n"
                  "  - {id: a, type: s3, paths: [{files: '('}]}\n");
    assert_non_null(strstr(report, "t.yaml:1: retention.lake: \"2\": not a duration"));
    assert_non_null(strstr(report, "t.yaml:3: sources[].every: \"0s\": not a duration"));
    assert_line(report, "t.yaml:4: sources[].id: \"a\" is already in line 3");
    assert_line(report, "t.yaml:4: sources[].paths[].path is missing");
    assert_non_null(
        strstr(report, "t.yaml:4: sources[].paths[].files: \"(\": not a valid regular"));
}

/* --- mistakes --- */

static void load__reports_all_mistakes_at_once(void **state) {
    UNUSED(state);
    unsetenv("CASK_TEST_NONE");
    const char *report = report_of("dat: x\n"
                                   "data: [1]\n"
                                   "data: y\n"
                                   "timezone: Europe/Berln\n"
                                   "sites:\n"
                                   "  - {name: a, timezone: '${CASK_TEST_NONE}'}\n"
                                   "  - {name: a, tz: b}\n"
                                   "  - foo\n"
                                   "  - {timezone: UTC}\n"
                                   "products: {a: b}\n"
                                   "engine: {memory: 1X}\n"
                                   "seal: perhaps\n"
                                   "assets: [tar.gz, [x]]\n"
                                   "downloads: pdf\n"
                                   "[a]: b\n");
    assert_line(report, "t.yaml:1: unknown key \"dat\": did you mean \"data\"?");
    assert_line(report, "t.yaml:2: data: expected text");
    assert_line(report, "t.yaml:3: data is already set in line 2");
    assert_non_null(strstr(report, "t.yaml:4: timezone: \"Europe/Berln\": "));
    assert_non_null(strstr(
        report, "t.yaml:6: sites[].timezone: ${CASK_TEST_NONE}: the environment has no variable"));
    assert_line(report, "t.yaml:7: unknown key \"tz\" in sites");
    assert_line(report, "t.yaml:7: sites[].name: \"a\" is already in line 6");
    assert_line(report, "t.yaml:8: sites: expected a mapping (key: value)");
    assert_line(report, "t.yaml:9: sites[].name is missing");
    assert_line(report, "t.yaml:10: products: expected a list of mappings (- {key: value})");
    assert_line(report, "t.yaml:11: engine.memory: \"1X\": not a size such as 512M or 2G");
    assert_line(report, "t.yaml:12: seal: \"perhaps\": neither true nor false");
    assert_non_null(strstr(report, "t.yaml:13: assets: \"tar.gz\": not an extension"));
    assert_line(report, "t.yaml:13: assets: expected a word in the list");
    assert_non_null(strstr(report, "t.yaml:14: downloads: expected a list"));
    assert_line(report, "t.yaml:15: a key must be a word");
    assert_int_equal(lines(report), 16);
}

static void load__says_where_a_pattern_is_wrong(void **state) {
    UNUSED(state);
    const char *report = report_of("products:\n  - name: x\n    match: 'ab(cd'\n");
    assert_line(report,
                "t.yaml:3: products[].match: \"ab(cd\": not a valid regular expression: missing "
                "closing parenthesis at offset 5");
}

static void load__refuses_values_that_cannot_be_meant(void **state) {
    UNUSED(state);
    assert_non_null(strstr(report_of("data: ''\n"), "t.yaml:1: data: \"\": must not be empty"));
    assert_non_null(strstr(report_of("data: \"a\\nb\"\n"), "holds a control character"));
    assert_non_null(strstr(report_of("sites: [{name: all}]\n"), "is not `all`"));
    assert_non_null(strstr(report_of("sites: [{name: 'a,b'}]\n"), "has no comma"));
    assert_non_null(strstr(report_of("timezone: ../etc/passwd\n"), "t.yaml:1: timezone"));
    assert_line(report_of("engine:\n  memory: 1G\n  query_memory: 2G\n"),
                "t.yaml:3: engine.query_memory is more than engine.memory");
    assert_line(report_of("- a\n"), "t.yaml:1: expected a mapping (key: value)");
    assert_line(report_of("sites:\n  -\n"), "t.yaml:2: sites: expected a mapping (key: value)");
    assert_line(report_of("sites: [{name: }]\n"), "t.yaml:1: sites[].name is missing");
    assert_line(report_of("<<: {data: x}\n"), "t.yaml:1: unknown key \"<<\"");
}

static void load__sources_are_checked_before_they_are_used(void **state) {
    UNUSED(state);
    const char *report = report_of("listen: 127.0.0.1:99999\n"
                                   "trusted_proxies: [10.0.0.0/8, lb.example.org]\n"
                                   "sites: [{name: a.test}, {name: b.test}]\n"
                                   "sources:\n"
                                   "  - {id: a, type: tail, site: c.test}\n"
                                   "  - {id: b, type: tail, path: ~}\n"
                                   "  - {id: c, type: foo, path: /c}\n"
                                   "  - {id: d, type: tail, path: /d, format: combinde}\n"
                                   "  - {id: e, type: tail, path: '${CASK_TEST_NONE}'}\n");
    assert_non_null(strstr(report, "t.yaml:1: listen: \"127.0.0.1:99999\": no address and port"));
    assert_non_null(strstr(report, "t.yaml:2: trusted_proxies: \"lb.example.org\": neither an"));
    assert_line(report, "t.yaml:5: sources[].path is missing: it is what a tail follows");
    assert_line(report,
                "t.yaml:5: warning: sources[].site: \"c.test\" is not among `sites`: did you "
                "mean \"a.test\"?");
    assert_line(report, "t.yaml:6: sources[].path is missing: it is what a tail follows");
    assert_line(report, "t.yaml:7: sources[].type: \"foo\": is not one of tail, ingest, s3, sqs, "
                        "kafka, github");
    assert_non_null(strstr(report, "t.yaml:8: sources[].format: \"combinde\": "));
    assert_non_null(strstr(report, "t.yaml:9: sources[].path: ${CASK_TEST_NONE}: "));
    assert_int_equal(lines(report), 8);
    config_free(load("listen: '[::1]:0'\nsources:\n"
                     "  - {id: a, type: tail, path: /a, format: auto}\n"
                     "  - {id: b, type: ingest, site: any.test, format: '%h %t \"%r\"'}\n"));
}

static void load__sites_that_are_not_declared_are_said(void **state) {
    UNUSED(state);
    static const char sites[] = "sites: [{name: www.example.org}]\n";
    struct buf text = {0};
    buf_printf(&text,
               "%ssources: [{id: a, type: ingest, site: wwww.example.org}]\n"
               "exclude: [{sites: [www.example.org, other.test], paths: [/x]}]\n",
               sites);
    assert_string_equal(
        warnings_of(buf_cstr(&text)),
        "t.yaml:2: warning: sources[].site: \"wwww.example.org\" is not among `sites`: did you "
        "mean "
        "\"www.example.org\"?\n"
        "t.yaml:3: warning: exclude[].sites: \"other.test\" is not among `sites`\n");
    assert_string_equal(warnings_of(strchr(buf_cstr(&text), '\n') + 1), ""); /* none is declared */
    buf_release(&text);
}

static void load__secrets_are_needed_only_by_who_uses_them(void **state) {
    UNUSED(state);
    static const char text[] =
        "data: here\nsources: [{id: a, type: ingest, token: '${CASK_TEST_NONE}'}]\n";
    struct config *c = NULL;
    struct buf report = {0};
    struct err err = {0};
    unsetenv("CASK_TEST_NONE");
    assert_string_equal(report_of(text),
                        "t.yaml:2: sources[].token: ${CASK_TEST_NONE}: the environment "
                        "has no variable CASK_TEST_NONE\n");
    assert_ok(config_load_open("t.yaml", &c, &report, &err), err);
    assert_string_equal(c->data, "here");
    assert_null(c->sources[0].token);
    config_free(c);
    c = NULL;
    setenv("CASK_TEST_NONE", "", 1); /* set, but to nothing */
    assert_non_null(strstr(report_of(text), "must not be empty"));
    assert_ok(config_load_open("t.yaml", &c, &report, &err), err);
    config_free(c);
    c = NULL;
    unsetenv("CASK_TEST_NONE");
    write_file("t.yaml", STR("data: '${CASK_TEST_NONE}'\n"));
    assert_int_equal(config_load_open("t.yaml", &c, &report, &err), ERR_USAGE);
    buf_release(&report);
}

static void load__knows_a_file_with_nothing_in_it(void **state) {
    UNUSED(state);
    static const struct {
        const char *text;
        bool is_empty;
    } cases[] = {
        {"", true}, {"# nothing\n", true}, {"~\n", true}, {"data: x\n", false}, {"data:\n", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config *c = load(cases[i].text);
        assert_int_equal(c->is_empty, cases[i].is_empty);
        config_free(c);
    }
}

static void changed__only_what_a_start_looks_at(void **state) {
    UNUSED(state);
    struct buf names = {0};
    struct config *a = load("data: a\nsites: [{name: x}]\nengine: {memory: 1G}\n"),
                  *b = load(
                      "data: b\nlisten: 127.0.0.1:1\nengine: {memory: 2G}\nlog: {level: warn}\n");
    config_changed_fixed(a, a, &names);
    assert_string_equal(buf_cstr(&names), "");
    config_changed_fixed(a, b, &names);
    assert_string_equal(buf_cstr(&names), "data, listen, engine.memory");
    buf_release(&names);
    config_free(a);
    config_free(b);
}

static void load__a_long_value_ends_at_its_limit(void **state) {
    UNUSED(state);
    struct buf text = {0};
    buf_add_cstr(&text, "data: ");
    for (size_t i = 0; i < LIMIT_STRING_BYTES; i++)
        buf_add_char(&text, 'x');
    struct config *c = load_str(buf_str(&text));
    assert_int_equal(strlen(c->data), LIMIT_STRING_BYTES);
    config_free(c);
    buf_add_char(&text, 'x');
    const char *report = report_of(buf_cstr(&text));
    assert_non_null(strstr(report, "longer than 8192 bytes"));
    assert_true(strlen(report) < 200);
    buf_release(&text);
}

static void load__never_repeats_a_secret(void **state) {
    UNUSED(state);
    setenv("CASK_TEST_SECRET", "sesame\topen", 1);
    const char *report =
        report_of("sources:\n"
                  "  - {id: a, type: s3, secret_access_key: '${CASK_TEST_SECRET}'}\n"
                  "  - {id: b, type: s3, secret_access_key: \"sesame\\n\"}\n"
                  "  - {id: c, type: s3, access_key_id: [sesame]}\n");
    assert_int_equal(lines(report), 6); /* and a warning each */
    assert_null(strstr(report, "sesame"));
    struct config *c =
        load("sources:\n  - {id: a, type: ingest, token: sesame, access_key_id: sesame}\n");
    struct buf out = {0};
    config_show(c, &out);
    assert_null(strstr(buf_cstr(&out), "sesame"));
    buf_release(&out);
    config_free(c);
}

static void load__nothing_given_is_the_default(void **state) {
    UNUSED(state);
    struct config *c = load("data:\nsites:\nassets: ~\nengine:\nseal: null\n");
    assert_string_equal(c->data, "./data");
    assert_int_equal(c->n_assets, 25);
    assert_true(c->seal);
    config_free(c);
}

/* --- memory --- */

static void memory__is_worked_out_from_the_machine(void **state) {
    UNUSED(state);
    const uint64_t G = (uint64_t)1 << 30;
    uint64_t engine, query;
    struct config c = {0};
    config_memory(&c, 4 * G, &engine, &query);
    assert_int_equal(engine, 2 * G);
    assert_int_equal(query, 3 * G / 2);
    config_memory(&c, 64 * G, &engine, &query);
    assert_int_equal(engine, 4 * G);
    c.engine_memory_bytes = 8 * G;
    config_memory(&c, G, &engine, &query);
    assert_int_equal(engine, 8 * G);
    assert_int_equal(query, 6 * G);
    c.query_memory_bytes = G;
    config_memory(&c, G, &engine, &query);
    assert_int_equal(query, G);
}

/* --- show, sample, reference --- */

static void assert_same_list(char *const *a, size_t n_a, char *const *b, size_t n_b) {
    assert_int_equal(n_a, n_b);
    for (size_t i = 0; i < n_a; i++)
        assert_string_equal(a[i], b[i]);
}

static void assert_same_text(const char *a, const char *b) {
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL)
        assert_string_equal(a, b);
}

static void assert_same(const struct config *a, const struct config *b) {
    assert_same_text(a->data, b->data);
    assert_same_text(a->timezone, b->timezone);
    assert_int_equal(a->n_sites, b->n_sites);
    for (size_t i = 0; i < a->n_sites; i++) {
        assert_same_text(a->sites[i].name, b->sites[i].name);
        assert_same_text(a->sites[i].timezone, b->sites[i].timezone);
    }
    assert_int_equal(a->n_products, b->n_products);
    for (size_t i = 0; i < a->n_products; i++) {
        assert_same_text(a->products[i].name, b->products[i].name);
        assert_same_text(a->products[i].match, b->products[i].match);
        assert_int_equal(a->products[i].redirects, b->products[i].redirects);
        assert_same_text(a->products[i].version, b->products[i].version);
        assert_same_text(a->products[i].platform, b->products[i].platform);
    }
    assert_int_equal(a->n_exclude, b->n_exclude);
    for (size_t i = 0; i < a->n_exclude; i++) {
        const struct config_exclude *x = &a->exclude[i], *y = &b->exclude[i];
        assert_same_list(x->addresses, x->n_addresses, y->addresses, y->n_addresses);
        assert_same_list(x->paths, x->n_paths, y->paths, y->n_paths);
        assert_int_equal(y->n_sites + y->n_hosts + y->n_agents, 0);
    }
    assert_same_list(a->assets, a->n_assets, b->assets, b->n_assets);
    assert_same_list(a->downloads, a->n_downloads, b->downloads, b->n_downloads);
    assert_same_text(a->country_database, b->country_database);
    assert_int_equal(a->engine_memory_bytes, b->engine_memory_bytes);
    assert_int_equal(a->query_memory_bytes, b->query_memory_bytes);
    assert_int_equal(a->seal, b->seal);
}

static void assert_show_is_read_back(const struct config *c) {
    struct buf shown = {0};
    config_show(c, &shown);
    struct config *back = load_str(buf_str(&shown));
    assert_same(c, back);
    config_free(back);
    buf_release(&shown);
}

/* Text without control characters, full of what YAML and the environment could trip over. */
static char *random_text(const char *fixed, bool commas) {
    static const char *const pieces[] = {
        "a",        "Z", "0", " ", "'", "\"", "\\", ":", ": ",       " #",
        "-",        "[", "]", "{", "}", "$",  "${", "~", "&",        "*",
        "!",        "|", ">", "%", "@", "?",  ".",  "/", "\xC2\xA0", "\xE2\x80\xA9",
        "\xC3\xA9", ","};
    struct buf text = {0};
    buf_add_cstr(&text, fixed);
    for (int n = rand() % 8 + 1; n > 0; n--)
        buf_add_cstr(&text, pieces[(size_t)rand() % (ARRAY_LEN(pieces) - !commas)]);
    char *kept = xstrdup(buf_cstr(&text));
    buf_release(&text);
    return kept;
}

static char **random_extensions(size_t *ret_n) {
    *ret_n = (size_t)rand() % 40;
    char **list = xcalloc(*ret_n + 1, sizeof *list);
    for (size_t i = 0; i < *ret_n; i++) {
        char text[16];
        snprintf(text, sizeof text, "%s%d", rand() % 2 ? "x" : "y~&", rand() % 100);
        list[i] = xstrdup(text);
    }
    return list;
}

static struct config *random_config(void) {
    static const char *const zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
                                        "America/Los_Angeles"};
    struct config *c = xcalloc(1, sizeof *c);
    c->data = random_text("", true);
    c->timezone = xstrdup(zones[rand() % 4]);
    c->n_sites = (size_t)rand() % 4;
    c->sites = xcalloc(c->n_sites + 1, sizeof *c->sites);
    for (size_t i = 0; i < c->n_sites; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i); /* names must differ */
        c->sites[i].name = random_text(number, false);
        c->sites[i].timezone = rand() % 2 ? xstrdup(zones[rand() % 4]) : NULL;
    }
    c->n_products = (size_t)rand() % 4;
    c->products = xcalloc(c->n_products + 1, sizeof *c->products);
    for (size_t i = 0; i < c->n_products; i++) {
        c->products[i].name = random_text("", true);
        char *literal = random_text("", true); /* \Q...\E makes any text a pattern */
        struct buf match = {0};
        for (char *p; (p = strchr(literal, '\\')) != NULL;)
            *p = '/';
        buf_printf(&match, "\\Q%s\\E\t\n(?<version>x)$", literal);
        c->products[i].match = xstrdup(buf_cstr(&match));
        c->products[i].redirects = rand() % 2;
        buf_release(&match);
        free(literal);
    }
    for (size_t i = 0; i < c->n_products; i++) {
        c->products[i].version = rand() % 2 ? random_text("", true) : NULL;
        c->products[i].platform = rand() % 2 ? random_text("", true) : NULL;
    }
    c->n_exclude = (size_t)rand() % 3;
    c->exclude = xcalloc(c->n_exclude + 1, sizeof *c->exclude);
    for (size_t i = 0; i < c->n_exclude; i++) {
        struct config_exclude *e = &c->exclude[i];
        bool by_path = rand() % 2;
        if (!by_path || rand() % 2) {
            e->addresses = xcalloc(1, sizeof *e->addresses);
            e->addresses[0] = xstrdup(rand() % 2 ? "192.0.2.7/24" : "2001:db8::/32");
            e->n_addresses = 1;
        }
        if (by_path) {
            e->paths = xcalloc(1, sizeof *e->paths);
            e->paths[0] = random_text("/*", true);
            e->n_paths = 1;
        }
    }
    c->assets = random_extensions(&c->n_assets);
    c->downloads = random_extensions(&c->n_downloads);
    c->country_database = rand() % 2 ? random_text("", true) : NULL;
    c->engine_memory_bytes = rand() % 2 ? (uint64_t)rand() << (rand() % 20) : 0;
    c->query_memory_bytes = c->engine_memory_bytes / 2;
    c->seal = rand() % 2;
    return c;
}

static void show__is_read_back_as_the_same(void **state) {
    UNUSED(state);
    srand((unsigned)unit_seed());
    struct config *c = load("");
    assert_show_is_read_back(c);
    config_free(c);
    for (int i = 0; i < 300; i++) {
        c = random_config();
        assert_show_is_read_back(c);
        config_free(c);
    }
}

static void copy__has_its_own_bytes_and_stays_until_the_last_holder_lets_go(void **state) {
    UNUSED(state);
    struct buf before = {0}, after = {0};
    struct config *c = load("sites:\n  - {name: a.org, timezone: Europe/Berlin}\n"
                            "sources:\n  - {id: s, type: ingest, token: sesame}\n"
                            "exclude:\n  - {paths: [/health], sites: [a.org]}\n");
    struct config *copy = config_copy(c);
    config_show(c, &before);
    c->sites[0].name[0] = 'x';
    c->exclude[0].paths[0][0] = 'x';
    c->assets[0][0] = 'x';
    config_free(c);
    const struct config *held = config_hold(copy);
    config_free(copy);
    config_show(held, &after);
    assert_str(buf_str(&after), buf_cstr(&before));
    assert_string_equal(held->sources[0].token, "sesame");
    config_let_go(held);
    buf_release(&before);
    buf_release(&after);
    struct config *empty = load(""), *same = config_copy(empty);
    assert_int_equal(same->n_sites, 0);
    config_free(same);
    config_free(empty);
}

static void exclude__every_mistake_is_named(void **state) {
    UNUSED(state);
    struct config *c = load("exclude:\n"
                            "  - {addresses: [192.0.2.0/24, '::1'], agents: [A B]}\n"
                            "  - {sites: [a, b], paths: ['/x*'], hosts: ['*.y']}\n"
                            "referrer_spam: [Casino.Example]\n");
    assert_int_equal(c->n_exclude, 2);
    assert_string_equal(c->exclude[0].addresses[1], "::1");
    assert_string_equal(c->exclude[0].agents[0], "A B");
    assert_string_equal(c->exclude[1].sites[1], "b");
    assert_string_equal(c->exclude[1].hosts[0], "*.y");
    assert_string_equal(c->referrer_spam[0], "casino.example");
    config_free(c);
    const char *report = report_of("exclude:\n"
                                   "  - addresses: [192.0.2.0/33]\n"
                                   "  - addresses: [host.example]\n"
                                   "    path: [/x]\n"
                                   "  - paths: /x\n"
                                   "referrer_spam: ['http://casino.example/']\n");
    assert_line(report, "t.yaml:2: exclude[].addresses: \"192.0.2.0/33\": neither an address nor a "
                        "range such as 192.0.2.0/24 or 2001:db8::/32");
    assert_line(report, "t.yaml:3: exclude[].addresses: \"host.example\": neither an address nor a "
                        "range such as 192.0.2.0/24 or 2001:db8::/32");
    assert_line(report, "t.yaml:4: unknown key \"path\" in exclude: did you mean \"paths\"?");
    assert_line(
        report,
        "t.yaml:5: exclude[].paths: expected a list of paths such as [/health, '/internal/*']");
    assert_line(report, "t.yaml:6: referrer_spam: \"http://casino.example/\": not a domain such as "
                        "example.com: no scheme, port, path or *");
}

static void exclude__what_can_never_match_is_refused(void **state) {
    UNUSED(state);
    const char *report = report_of("exclude:\n"
                                   "  - paths: [health, '*.php']\n"
                                   "  - hosts: ['https://www.example.org']\n"
                                   "  - hosts: [www.example.org/a]\n"
                                   "  - agents: [Pingdom*]\n"
                                   "  - agents: []\n"
                                   "  - sites: [a]\n"
                                   "  - {}\n"
                                   "  - paths:\n"
                                   "  - {paths: [/a], sites: []}\n");
    assert_line(report,
                "t.yaml:2: exclude[].paths: \"health\": matches no path: they begin with /, "
                "or put a * in front");
    assert_line(report,
                "t.yaml:3: exclude[].hosts: \"https://www.example.org\": matches no server's "
                "name: no scheme and no path, only a name such as staging.example.org");
    assert_line(report,
                "t.yaml:4: exclude[].hosts: \"www.example.org/a\": matches no server's name: "
                "no scheme and no path, only a name such as staging.example.org");
    assert_line(report,
                "t.yaml:5: exclude[].agents: \"Pingdom*\": a * stands for itself here: give "
                "the piece of the user agent alone");
    assert_line(report, "t.yaml:6: exclude[].agents: the list is empty");
    static const char *const nothing =
        "exclude: matches nothing: give at least one of addresses, paths, hosts, agents";
    for (int line = 7; line <= 9; line++) {
        char expected[200];
        snprintf(expected, sizeof expected, "t.yaml:%d: %s", line, nothing);
        assert_line(report, expected);
    }
    assert_line(report, "t.yaml:10: exclude[].sites: the list is empty");
}

/* What `init` writes is good as it is, and has nothing of anybody else's in effect. */
static void sample__is_valid_and_says_nothing_of_its_own(void **state) {
    UNUSED(state);
    struct buf sample = {0};
    config_sample(&sample);
    struct config *c = load_str(buf_str(&sample));
    assert_int_equal(c->n_products, 0);
    assert_int_equal(c->n_sites, 0);
    assert_int_equal(c->n_sources, 0);
    assert_int_equal(c->n_exclude, 0);
    config_free(c);
    buf_release(&sample);
}

/* "#key: value" without its "#" must be a configuration as well, and what it shows as defaults must
 * be them. "# text" is prose. */
static void sample__what_is_commented_out_is_valid(void **state) {
    UNUSED(state);
    struct buf sample = {0}, active = {0};
    config_sample(&sample);
    struct str rest = buf_str(&sample), line;
    size_t activated = 0;
    while (str_split(&rest, '\n', &line)) {
        bool prose = line.len > 2 && line.ptr[1] == ' ' && line.ptr[2] != ' ';
        if (str_starts(line, STR("#")) && !prose) {
            line = str_skip(line, 1);
            activated++;
        }
        assert_true(line.len == 0 || line.ptr[line.len - 1] != ' ');
        buf_add_str(&active, line);
        buf_add_char(&active, '\n');
    }
    assert_true(activated > 15);
    struct config *c = load_str(buf_str(&active)), *plain = load("");
    assert_int_equal(c->n_sites, 2);
    assert_same_list(c->assets, c->n_assets, plain->assets, plain->n_assets);
    assert_same_list(c->downloads, c->n_downloads, plain->downloads, plain->n_downloads);
    assert_int_equal(c->engine_memory_bytes, plain->engine_memory_bytes);
    assert_int_equal(c->seal, plain->seal);
    config_free(c);
    config_free(plain);
    buf_release(&active);
    buf_release(&sample);
}

static void reference__is_what_the_table_says(void **state) {
    UNUSED(state);
    struct buf made = {0};
    config_reference(&made);
    assert_document("docs/configuration.md", buf_str(&made));
    buf_release(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test(load__without_a_file_gives_the_defaults),
        unit_test(defaults__extensions_are_those_of_the_contract),
        unit_test(load__finds_the_file_of_the_working_directory),
        unit_test(load__a_named_file_must_exist),
        unit_test(load__a_file_ends_at_its_limit),
        unit_test(load__reads_every_key),
        unit_test(load__knows_the_keys_of_later_versions),
        unit_test(load__reports_all_mistakes_at_once),
        unit_test(load__says_where_a_pattern_is_wrong),
        unit_test(load__refuses_values_that_cannot_be_meant),
        unit_test(load__sources_are_checked_before_they_are_used),
        unit_test(load__sites_that_are_not_declared_are_said),
        unit_test(load__secrets_are_needed_only_by_who_uses_them),
        unit_test(load__knows_a_file_with_nothing_in_it),
        unit_test(changed__only_what_a_start_looks_at),
        unit_test(load__a_long_value_ends_at_its_limit),
        unit_test(load__never_repeats_a_secret),
        unit_test(load__nothing_given_is_the_default),
        unit_test(memory__is_worked_out_from_the_machine),
        unit_test(show__is_read_back_as_the_same),
        unit_test(copy__has_its_own_bytes_and_stays_until_the_last_holder_lets_go),
        unit_test(exclude__every_mistake_is_named),
        unit_test(exclude__what_can_never_match_is_refused),
        unit_test(sample__is_valid_and_says_nothing_of_its_own),
        unit_test(sample__what_is_commented_out_is_valid),
        unit_test(reference__is_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, in_a_folder_of_its_own, and_leaves_none);
}

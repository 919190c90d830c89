#include "daemon/catalog.h"

#include "base/log.h"
#include "base/zone.h"
#include "event/record.h"
#include "format/format.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#define SITE "site/"
#define SOURCE "source/"

struct catalog {
    struct control *control;
    struct cube *cube;      /* NULL: none yet */
    pthread_mutex_t change; /* one at a time; taken before `lock` */
    uint64_t generation;    /* guarded by `change` */
    struct config *file;    /* guarded by `change` */
    pthread_mutex_t lock;   /* guards `now` */
    const struct config *now;
};

/* --- looking up --- */

const struct config *catalog_hold(struct catalog *c) {
    pthread_mutex_lock(&c->lock);
    const struct config *now = config_hold(c->now);
    pthread_mutex_unlock(&c->lock);
    return now;
}

const struct config_site *catalog_find_site(const struct config *config, struct str name) {
    for (size_t i = 0; i < config->n_sites; i++)
        if (str_is(name, config->sites[i].name))
            return &config->sites[i];
    return NULL;
}

const struct config_source *catalog_find_source(const struct config *config, struct str id) {
    for (size_t i = 0; i < config->n_sources; i++)
        if (str_is(id, config->sources[i].id))
            return &config->sources[i];
    return NULL;
}

bool catalog_has_site(const struct config *config, struct str name) {
    return catalog_find_site(config, name) != NULL;
}

bool catalog_knows_site(const struct config *config, struct cube *cube, struct str site) {
    int64_t first, last;
    if (catalog_has_site(config, site))
        return true;
    return cube != NULL ? cube_site_extent(cube, site, &first, &last) : config->n_sites == 0;
}

int catalog_check_scopes(const struct config *config, char *const *scopes, size_t n,
                         struct err *err) {
    struct str ingest = STR("ingest:");
    for (size_t i = 0; i < n; i++) {
        struct str scope = str_from(scopes[i]), id;
        if (!str_starts(scope, ingest) || scope.len == ingest.len)
            continue;
        id = str_skip(scope, ingest.len);
        const struct config_source *source = catalog_find_source(config, id);
        if (source == NULL || strcmp(source->type, "ingest") != 0)
            return err_set(
                err, ERR_USAGE,
                "there is no source \"%.*s\" of type ingest: declare it before its token",
                (int)min_size(id.len, 60), id.ptr);
    }
    return 0;
}

/* --- file and control data become one --- */

static char *get_text(const json_t *doc, const char *key) {
    const char *text = json_string_value(json_object_get(doc, key));
    return text != NULL && *text != '\0' ? xstrdup(text) : NULL;
}

static void add_site(struct config *config, const char *name, const json_t *doc, uint64_t version) {
    if (catalog_has_site(config, str_from(name))) {
        log_line(LOG_WARN, "declared_twice", "site=\"%s\"", name);
        return;
    }
    config->sites = xrealloc(config->sites, (config->n_sites + 1) * sizeof *config->sites);
    config->sites[config->n_sites++] = (struct config_site){
        .name = xstrdup(name), .timezone = get_text(doc, "timezone"), .version = version};
}

static void add_source(struct config *config, const char *id, const json_t *doc, uint64_t version) {
    if (catalog_find_source(config, str_from(id)) != NULL) {
        log_line(LOG_WARN, "declared_twice", "source=\"%s\"", id);
        return;
    }
    config->sources = xrealloc(config->sources, (config->n_sources + 1) * sizeof *config->sources);
    config->sources[config->n_sources++] = (struct config_source){.id = xstrdup(id),
                                                                  .type = xstrdup("ingest"),
                                                                  .site = get_text(doc, "site"),
                                                                  .format = get_text(doc, "format"),
                                                                  .version = version};
}

static int see(void *arg, const char *key, struct str body, uint64_t version, struct err *err) {
    static const struct {
        const char *prefix;
        void (*add)(struct config *config, const char *name, const json_t *doc, uint64_t version);
    } kinds[] = {{SITE, add_site}, {SOURCE, add_source}};
    json_t *doc = json_loadb(body.ptr, body.len, 0, NULL);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return err_set(err, ERR_CORRUPT, "control data: document %s is damaged", key);
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(str_from(key), str_from(kinds[i].prefix)))
            kinds[i].add(arg, key + strlen(kinds[i].prefix), doc, version);
    json_decref(doc);
    return 0;
}

static int merge(struct control *control, const struct config *file, struct config **ret,
                 struct err *err) {
    struct config *config = config_copy(file);
    int rc = control_each(control, SITE, see, config, err);
    if (rc == 0)
        rc = control_each(control, SOURCE, see, config, err);
    if (rc == 0)
        *ret = config;
    else
        config_free(config);
    return rc;
}

/* Cubes first: they may be in the new zone before questions are, but not behind them for long. */
static void put_in_effect(struct catalog *c, const struct config *fresh) {
    if (c->cube != NULL)
        cube_set_config(c->cube, fresh);
    pthread_mutex_lock(&c->lock);
    const struct config *old = c->now;
    c->now = fresh;
    pthread_mutex_unlock(&c->lock);
    if (old != NULL)
        config_let_go(old);
}

/* With `change`. */
static int renew(struct catalog *c, const struct config *file, struct err *err) {
    struct config *fresh = NULL;
    int rc = merge(c->control, file, &fresh, err);
    if (rc == 0) {
        fresh->generation = ++c->generation;
        put_in_effect(c, fresh);
    }
    return rc;
}

int catalog_open(struct control *control, const struct config *file, struct catalog **ret,
                 struct err *err) {
    struct catalog *c = xcalloc(1, sizeof *c);
    c->control = control;
    pthread_mutex_init(&c->change, NULL);
    pthread_mutex_init(&c->lock, NULL);
    c->file = config_copy(file);
    int rc = renew(c, file, err);
    if (rc != 0)
        catalog_close(c);
    else
        *ret = c;
    return rc;
}

void catalog_close(struct catalog *c) {
    if (c == NULL)
        return;
    config_free(c->file);
    if (c->now != NULL)
        config_let_go(c->now);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->change);
    free(c);
}

void catalog_set_cube(struct catalog *c, struct cube *cube) { c->cube = cube; }

int catalog_reload(struct catalog *c, const struct config *file, struct err *err) {
    pthread_mutex_lock(&c->change);
    int rc = renew(c, file, err);
    if (rc == 0) {
        config_free(c->file);
        c->file = config_copy(file);
    }
    pthread_mutex_unlock(&c->change);
    return rc;
}

/* --- changing --- */

/* What is common to sites and sources. */
struct kind {
    const char *word, *prefix;
    size_t most;
    /* Version of the one of that name; false: there is none. Version 0: of the file. */
    bool (*find)(const struct config *config, struct str name, uint64_t *ret_version);
};

static bool find_site_version(const struct config *config, struct str name, uint64_t *ret) {
    const struct config_site *site = catalog_find_site(config, name);
    *ret = site != NULL ? site->version : 0;
    return site != NULL;
}

static bool find_source_version(const struct config *config, struct str id, uint64_t *ret) {
    const struct config_source *source = catalog_find_source(config, id);
    *ret = source != NULL ? source->version : 0;
    return source != NULL;
}

static const struct kind sites = {"site", SITE, CATALOG_SITES, find_site_version};
static const struct kind sources = {"source", SOURCE, CATALOG_SOURCES, find_source_version};

static size_t count_made(const struct config *config, const struct kind *kind) {
    size_t n = 0;
    for (size_t i = 0; kind == &sites && i < config->n_sites; i++)
        n += config->sites[i].version > 0;
    for (size_t i = 0; kind == &sources && i < config->n_sources; i++)
        n += config->sources[i].version > 0;
    return n;
}

static int check(const struct catalog *c, const struct kind *kind, struct str name,
                 uint64_t version, struct err *err) {
    uint64_t found = 0;
    bool is = kind->find(c->now, name, &found);
    if (is && found == 0)
        return err_set(err, ERR_BUSY, "the configuration declares the %s \"" STR_FMT "\"",
                       kind->word, STR_ARG(name));
    if (is && version == 0)
        return err_set(err, ERR_BUSY, "there is a %s \"" STR_FMT "\" already", kind->word,
                       STR_ARG(name));
    if (!is && version != 0)
        return err_set(err, ERR_NOTFOUND, "there is no %s \"" STR_FMT "\"", kind->word,
                       STR_ARG(name));
    if (is && version != CONTROL_ANY && version != found)
        return err_set(err, ERR_BUSY, "the %s \"" STR_FMT "\" was changed by somebody else",
                       kind->word, STR_ARG(name));
    if (!is && count_made(c->now, kind) >= kind->most)
        return err_set(err, ERR_TOOBIG, "at most %zu %ss can be made here", kind->most, kind->word);
    return 0;
}

/* `doc` (taken over) NULL: remove. */
static int put(struct catalog *c, const struct kind *kind, struct str name, json_t *doc,
               uint64_t version, struct err *err) {
    struct buf key = {0};
    char *body = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    buf_printf(&key, "%s" STR_FMT, kind->prefix, STR_ARG(name));
    pthread_mutex_lock(&c->change);
    int rc = check(c, kind, name, version, err);
    const struct control_put change = {buf_cstr(&key), str_from(body), CONTROL_ANY};
    if (rc == 0)
        rc = control_commit(c->control, &change, 1, err);
    if (rc == 0)
        rc = renew(c, c->file, err);
    pthread_mutex_unlock(&c->change);
    buf_release(&key);
    free(body);
    return rc;
}

/* The name is a segment of an address as well. */
static int check_name(const char *what, struct str name, struct err *err) {
    bool good = site_name_ok(name) && !str_is(name, ".") && !str_is(name, "..");
    for (size_t i = 0; good && i < name.len; i++)
        good = strchr("/\\?#%\"<>", name.ptr[i]) == NULL;
    struct buf utf8 = {0};
    buf_add_utf8(&utf8, name);
    good = good && str_eq(buf_str(&utf8), name);
    buf_release(&utf8);
    return good ? 0 : err_set(err, ERR_USAGE, "that cannot be the name of a %s", what);
}

int catalog_put_site(struct catalog *c, struct str name, struct str timezone, uint64_t version,
                     struct err *err) {
    struct zone *zone = NULL;
    char *zone_name = str_dup(timezone);
    int rc = check_name("site", name, err);
    if (rc == 0 && timezone.len > 0)
        rc = zone_open(zone_name, &zone, err);
    zone_free(zone);
    if (rc == 0)
        rc =
            put(c, &sites, name,
                json_pack("{s:s%}", "timezone", timezone.len > 0 ? timezone.ptr : "", timezone.len),
                version, err);
    free(zone_name);
    return rc;
}

int catalog_remove_site(struct catalog *c, struct str name, uint64_t version, struct err *err) {
    return put(c, &sites, name, NULL, version, err);
}

int catalog_put_source(struct catalog *c, struct str id, struct str site, struct str format,
                       uint64_t version, struct err *err) {
    struct format *opened = NULL;
    int rc = check_name("source", id, err);
    if (rc == 0 && site.len > 0 && !site_name_ok(site))
        rc = err_set(err, ERR_USAGE, "that cannot be the name of a site");
    if (str_is(format, "auto"))
        format.len = 0;
    if (rc == 0 && format.len > 0)
        rc = format_open(format, &opened, err);
    format_free(opened);
    if (rc == 0)
        rc = put(c, &sources, id,
                 json_pack("{s:s%,s:s%}", "site", site.len > 0 ? site.ptr : "", site.len, "format",
                           format.len > 0 ? format.ptr : "", format.len),
                 version, err);
    return rc;
}

int catalog_remove_source(struct catalog *c, struct str id, uint64_t version, struct err *err) {
    return put(c, &sources, id, NULL, version, err);
}

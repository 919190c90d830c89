#include "config/config.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/limits.h"
#include "config/read.h"

#include <stdlib.h>

#define DEFAULT_FILE "caskalytics.yaml"

static void read_text(struct str text, struct config *c, struct problems *problems) {
    struct arena arena = {0};
    const struct node *root = NULL;
    if (document_parse(text, &arena, problems, &root)) {
        c->is_empty = root == NULL || root->kind == NODE_NULL;
        config_read(root, c, problems);
    }
    arena_release(&arena);
}

static int load(const char *path, bool secrets, struct config **ret, struct buf *ret_report,
                struct err *err) {
    const char *name = path ? path : DEFAULT_FILE;
    struct config *c = xcalloc(1, sizeof *c);
    struct problems problems = {0};
    struct buf text = {0};
    int rc = fs_read_file(name, LIMIT_CONFIG_BYTES, &text, err);
    if (rc == ERR_TOOBIG)
        problems_add(&problems, 1, "larger than %zu bytes", LIMIT_CONFIG_BYTES);
    else if (rc == ERR_NOTFOUND && path == NULL)
        rc = 0; /* only defaults: an empty text gives them */
    else if (rc == 0)
        c->file = xstrdup(name);
    if (rc != 0 && rc != ERR_TOOBIG)
        goto out;
    if (rc == 0)
        read_text(buf_str(&text), c, &problems);
    size_t errors = problems.count[PROBLEM_ERROR] + (secrets ? problems.count[PROBLEM_SECRET] : 0);
    if (errors > 0)
        rc = err_set(err, ERR_USAGE, "%s: %zu problem%s", name, errors, errors == 1 ? "" : "s");
    problems_print(&problems, name, ret_report);
out:
    problems_release(&problems);
    buf_release(&text);
    if (rc == 0)
        *ret = c;
    else
        config_free(c);
    return rc;
}

int config_load(const char *path, struct config **ret, struct buf *ret_report, struct err *err) {
    return load(path, true, ret, ret_report, err);
}

int config_load_open(const char *path, struct config **ret, struct buf *ret_report,
                     struct err *err) {
    return load(path, false, ret, ret_report, err);
}

void config_free(struct config *c) {
    if (c == NULL || atomic_fetch_sub(&c->others, 1) > 0)
        return;
    config_release_values(c);
    free(c->file);
    free(c);
}

const char *config_site_zone(const struct config *c, struct str site) {
    for (size_t i = 0; i < c->n_sites; i++)
        if (str_is(site, c->sites[i].name) && c->sites[i].timezone != NULL)
            return c->sites[i].timezone;
    return c->timezone;
}

void config_memory(const struct config *c, uint64_t machine_bytes, uint64_t *ret_engine_bytes,
                   uint64_t *ret_query_bytes) {
    uint64_t engine = c->engine_memory_bytes;
    if (engine == 0)
        engine = machine_bytes / 2 < (uint64_t)4 << 30 ? machine_bytes / 2 : (uint64_t)4 << 30;
    *ret_engine_bytes = engine;
    *ret_query_bytes = c->query_memory_bytes ? c->query_memory_bytes : engine / 4 * 3;
}

/* Bytes -> configuration. What is accepted must be shown as something that is accepted again, and
 * shown the same. */
#include "config/read.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NULL when there are problems. */
static struct config *read_text(struct str text) {
    struct arena arena = {0};
    struct problems problems = {0};
    const struct node *root = NULL;
    struct config *c = xcalloc(1, sizeof *c);
    if (document_parse(text, &arena, &problems, &root))
        config_read(root, c, &problems);
    else
        assert(problems.list.len > 0);
    if (problems.list.len > 0) {
        struct buf report = {0};
        problems_print(&problems, "f", &report);
        assert(report.len > 0);
        buf_release(&report);
        config_free(c);
        c = NULL;
    }
    problems_release(&problems);
    arena_release(&arena);
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config *c = read_text(str_of((const char *)data, size));
    if (c == NULL)
        return 0;
    struct buf shown = {0}, again = {0};
    config_show(c, &shown);
    struct config *back = read_text(buf_str(&shown));
    assert(back != NULL);
    config_show(back, &again);
    assert(str_eq(buf_str(&shown), buf_str(&again)));
    config_free(c);
    config_free(back);
    buf_release(&shown);
    buf_release(&again);
    return 0;
}

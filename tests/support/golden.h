/* Documents that are made from tables: a test compares what the program makes with the committed
 * file. UPDATE_DOCS=1 in the environment writes the file anew instead. */
#ifndef CASK_TEST_GOLDEN_H
#define CASK_TEST_GOLDEN_H

#include "base/fs.h"
#include "base/limits.h"
#include "support/unit.h"

/* `path` below SOURCE_ROOT, which the build defines. */
static inline void assert_document(const char *path, struct str made) {
    struct err err = {0};
    struct buf committed = {0}, full = {0};
    buf_printf(&full, "%s/%s", SOURCE_ROOT, path);
    if (getenv("UPDATE_DOCS") != NULL)
        assert_ok(fs_replace_file(buf_cstr(&full), made, 0644, &err), err);
    assert_ok(fs_read_file(buf_cstr(&full), LIMIT_CONFIG_BYTES, &committed, &err), err);
    if (!str_eq(buf_str(&committed), made))
        fail_msg("%s is not what its table says: run this test with UPDATE_DOCS=1", path);
    buf_release(&committed);
    buf_release(&full);
}

#endif

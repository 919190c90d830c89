#include "daemon/aside.h"
#include "base/fs.h"
#include "base/log.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_BYTES ((uint64_t)256 << 20) /* with less of it nothing could be made again */
#define END_MS 10000
#define OPEN_FOLDERS 16 /* while walking */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where) {
    UNUSED(st), UNUSED(type), UNUSED(where);
    return remove(path);
}

/* With all that is in it; fine when there is none. */
static bool remove_tree(const char *path) {
    return nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

static _Thread_local uint64_t tree_bytes; /* nftw() hands nothing through */

static int add_entry(const char *path, const struct stat *st, int type, struct FTW *where) {
    UNUSED(path), UNUSED(where);
    tree_bytes += type == FTW_F ? (uint64_t)st->st_blocks * 512 : 0;
    return 0;
}

static uint64_t size_of_tree(const char *path) {
    tree_bytes = 0;
    (void)nftw(path, add_entry, OPEN_FOLDERS, FTW_PHYS);
    return tree_bytes;
}

static uint64_t room(const struct engine_plan *plan) {
    struct statvfs fs;
    return statvfs(plan->options.data_dir, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}

/* Does an engine open an empty directory, as things are? */
static bool fresh_one_opens(const struct engine_plan *plan, int stop_fd) {
    struct engine_plan fresh = *plan;
    struct engine_child child;
    struct buf messages = {0};
    fresh.directory = (struct buf){0};
    buf_printf(&fresh.directory, "%s.fresh", plan->directory.ptr);
    buf_printf(&messages, "%s.log", buf_cstr(&fresh.directory));
    bool opens =
        remove_tree(fresh.directory.ptr) && engine_spawn(&fresh, stop_fd, &child, NULL) == 0;
    if (opens)
        engine_child_end(&child, END_MS);
    (void)remove_tree(fresh.directory.ptr);
    unlink(buf_cstr(&messages));
    buf_release(&messages);
    buf_release(&fresh.directory);
    return opens;
}

bool engine_move_aside(const struct engine_plan *plan, int stop_fd, const struct err *err) {
    const char *directory = plan->directory.ptr;
    struct buf aside = {0};
    if (room(plan) < ROOM_BYTES || !fresh_one_opens(plan, stop_fd))
        return false;
    buf_printf(&aside, "%s.damaged", directory);
    bool moved = remove_tree(buf_cstr(&aside)) && rename(directory, aside.ptr) == 0 &&
                 fs_sync_parent(directory, NULL) == 0;
    bool kept = moved && size_of_tree(aside.ptr) < room(plan);
    if (moved && !kept)
        (void)remove_tree(aside.ptr);
    log_line(LOG_ERROR, moved ? "engine_damaged" : "engine_not_moved",
             "directory=\"%s\" error=\"%s\"",
             moved && !kept ? "deleted: no room to keep it" : aside.ptr, err->text);
    buf_release(&aside);
    return moved;
}
